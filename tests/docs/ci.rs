//! `templates/github.yml` and `templates/gitlab-ci.yml`: what can be said of them without
//! GitHub and GitLab. Their shell lines are run as they are written, with a CanvOS that
//! only writes down how it was called.

use yaml_rust2::Yaml;

use crate::accepted;
use crate::markdown::read;
use crate::site::{Run, Site};
use crate::yaml::{Variables, list, names, parse, scalars, template, text, variables};

const GITHUB: &str = "templates/github.yml";
const GITLAB: &str = "templates/gitlab-ci.yml";
const KEY: &str = "PALETTE_API_KEY";

const ARG: &str = "ISO_NAME=edge-site\nCLUSTERCONFIG=spc.tgz\n";

/// The steps of a job that run a script, but for those that bring edgestage here.
fn scripts<'y>(workflow: &'y Yaml, job: &str) -> Vec<&'y Yaml> {
    let steps = list(&workflow["jobs"][job]["steps"]).iter();
    steps
        .filter(|step| step["run"].as_str().is_some())
        .filter(|step| text(&step["name"]) != "Install edgestage")
        .collect()
}

/// The `edgestage` commands in lines of a shell, as words.
fn commands(script: &str) -> Vec<Vec<String>> {
    let parts = script.lines().flat_map(|line| line.split(['|', '>']));
    let parts = parts.flat_map(|part| part.split("&&"));
    parts
        .map(|part| part.trim_matches(|c: char| "() ".contains(c)))
        .filter(|part| part.starts_with("edgestage "))
        .map(|part| {
            let words = part.split_whitespace();
            words.map(|word| word.replace(['"', '$'], "")).collect()
        })
        .collect()
}

/// Runs `script` as the CIs do, with the binary on the path and no key but a given one.
fn shell(site: &Site, variables: &Variables, script: &str) -> Run {
    let exports = variables.iter();
    let exports = exports.map(|(name, value)| format!("export {name}='{value}'"));
    let exports = exports.collect::<Vec<_>>().join("\n");
    let script =
        format!("unset {KEY}\nPATH=\"$PWD/bin:${{EDGESTAGE%/*}}:$PATH\"\n{exports}\n{script}");
    site.run("bash", &["-eo", "pipefail", "-c", &script])
}

/// Two locked definitions of one checkout, and what a site adds to CanvOS.
fn site() -> Site {
    let site = Site::with_palette();
    let fetched = site.edgestage(&["fetch", "-q"]);
    assert_eq!(fetched.code, 0, "{}", fetched.stderr);
    std::fs::remove_file(site.path("CanvOS/.arg")).unwrap();
    site.write("canvos-files/.arg", ARG);
    site
}

/// Name and `content-sha256` of what is locked.
fn locked(site: &Site) -> Variables {
    let lock = edgestage::lockfile::Lockfile::load(&site.path("profiles.lock")).unwrap();
    let entries = lock.definitions.into_iter();
    let locked: Variables = entries
        .map(|(name, locked)| (name, locked.content_sha256.to_string()))
        .collect();
    assert_eq!(locked.len(), 2);
    locked
}

/// The build was run once, without the key, and what it took is `definition`.
fn is_built(site: &Site, definition: &str) {
    let calls = std::fs::read_to_string(site.path("CanvOS/calls")).unwrap();
    assert_eq!(calls, "--ci --output +iso key=none\n");
    let image = "CanvOS/build/edge-site.iso";
    succeeds(&site.edgestage(&["verify", definition, "--image", image]));
    std::fs::remove_file(site.path(image)).unwrap();
}

fn succeeds(run: &Run) {
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
}

#[test]
fn init_writes_them_where_they_are_looked_for() {
    let site = Site::empty();
    succeeds(&site.edgestage(&["init", "-q"]));
    let run = site.edgestage(&["init", "-q", "--github", "--gitlab"]);
    succeeds(&run);
    let paths = [".github/workflows/edgestage.yml", ".gitlab-ci.yml"];
    assert_eq!(run.stdout.lines().count(), paths.len());
    for ((path, template), line) in paths.iter().zip([GITHUB, GITLAB]).zip(run.stdout.lines()) {
        assert!(line.ends_with(&format!("/{path}")), "{line}");
        let written = std::fs::read_to_string(site.path(path)).unwrap();
        assert_eq!(written, read(template), "{path}");
    }

    // What is there stays, and a run that was killed in between is completed.
    let again = site.edgestage(&["init", "--github"]);
    assert_eq!(again.code, 1);
    assert!(again.stderr.contains("` already exist"), "{}", again.stderr);
    std::fs::remove_file(site.path(".gitlab-ci.yml")).unwrap();
    succeeds(&site.edgestage(&["init", "-q", "--github", "--gitlab"]));
    site.write(".github/workflows/edgestage.yml", "name: mine\n");
    std::fs::remove_file(site.path(".gitlab-ci.yml")).unwrap();
    let foreign = site.edgestage(&["init", "--github", "--gitlab"]);
    assert_eq!(foreign.code, 1);
    assert!(!site.path(".gitlab-ci.yml").exists());
}

#[test]
fn they_run_commands_and_flags_that_there_are() {
    let workflow = template(GITHUB);
    let jobs = names(&workflow["jobs"]);
    let steps = jobs.iter().flat_map(|job| scripts(&workflow, job));
    let mut scripts: Vec<String> = steps.map(|step| text(&step["run"]).to_owned()).collect();
    let pipeline = template(GITLAB);
    let lines = list(&pipeline["definitions"]["script"]).iter().map(text);
    scripts.extend(lines.map(|line| line.replace("    - ", "")));
    let commands: Vec<_> = scripts.iter().flat_map(|script| commands(script)).collect();
    assert_eq!(commands.len(), 10, "five in each: {commands:?}");
    for words in &commands {
        assert_eq!(accepted(words), Ok(()));
    }
    // Every build is followed by a look into its image, and writes one under `--ci`.
    let all = |path: &str| read(path).replace("--ci --output", "");
    for path in [GITHUB, GITLAB] {
        assert!(!all(path).contains("--ci "), "{path}");
        let text = read(path);
        let (_, after) = text.split_once("edgestage build ").unwrap();
        assert!(
            after.contains("edgestage verify \"$DEFINITION\" --image"),
            "{path}"
        );
    }
    let wrong = "(edgestage list --jsonn > x)\ncd x && edgestage stage \"$D\" --lokced";
    let wrong = self::commands(wrong);
    assert_eq!(wrong.len(), 2);
    assert!(wrong.iter().all(|words| accepted(words).is_err()));
}

#[test]
fn the_workflow_may_do_no_more_than_it_needs() {
    let workflow = template(GITHUB);
    let permissions = variables(&workflow["permissions"]);
    assert_eq!(permissions, [("contents".into(), "read".into())].into());

    for job in names(&workflow["jobs"]) {
        let job = &workflow["jobs"][job];
        assert!(job["permissions"].is_badvalue());
        for step in list(&job["steps"]) {
            // A tag can be moved; a checkout leaves no token behind.
            if let Some(action) = step["uses"].as_str() {
                let (name, commit) = action.split_once('@').unwrap();
                let hex = commit.bytes().all(|byte| byte.is_ascii_hexdigit());
                assert!(hex && commit.len() == 40, "{action}");
                if name == "actions/checkout" {
                    assert_eq!(step["with"]["persist-credentials"].as_bool(), Some(false));
                }
            }
            // What stands in braces is pasted into the script before a shell reads it.
            if let Some(script) = step["run"].as_str() {
                assert!(!script.contains("${{"), "{script}");
            }
        }
    }
}

#[test]
fn the_key_is_where_it_is_needed_only() {
    let workflow = template(GITHUB);
    let mut found = Vec::new();
    scalars(&workflow, &mut found);
    let of_the_key = |scalar: &&&str| scalar.contains(KEY) || scalar.contains("secrets");
    let named = found.iter().filter(of_the_key).count();
    assert_eq!(named, 2, "a name and a value");
    for step in scripts(&workflow, "iso") {
        let has = variables(&step["env"]).contains_key(KEY);
        assert_eq!(has, text(&step["run"]).contains("edgestage stage"));
    }

    // GitLab gives it to the jobs of an environment; a script can only let go of it.
    let pipeline = template(GITLAB);
    let mut found = Vec::new();
    scalars(&pipeline, &mut found);
    let lines = found.iter().flat_map(|scalar| scalar.lines());
    let lines: Vec<&str> = lines.filter(|line| line.contains(KEY)).collect();
    assert_eq!(lines, ["    - unset PALETTE_API_KEY"]);
    assert!(pipeline["definitions"]["environment"].is_badvalue());
}

#[test]
fn what_they_fetch_is_what_the_docs_are_about() {
    let repository = env!("CARGO_PKG_REPOSITORY");
    let install = format!("cargo install --locked --git {repository} ");
    assert!(read(GITHUB).contains(&install));
    let canvos = read("docs/canvos.md");
    for path in [GITHUB, GITLAB] {
        let template = read(path);
        let (_, commit) = template.split_once("CANVOS_COMMIT: ").unwrap();
        let commit = commit.lines().next().unwrap();
        assert_eq!(commit.len(), 40, "{path}");
        assert!(canvos.contains(&format!("`main` at {} ", &commit[..7])));
    }
}

#[test]
fn the_matrix_on_github_has_every_definition() {
    let workflow = template(GITHUB);
    let site = site();
    let steps = scripts(&workflow, "definitions");
    let [step] = steps[..] else {
        panic!("{steps:?}")
    };
    assert_eq!(text(&step["id"]), "list");
    let mut environment = variables(&workflow["env"]);
    environment.insert("GITHUB_OUTPUT".into(), "output".into());
    succeeds(&shell(&site, &environment, text(&step["run"])));

    let output = std::fs::read_to_string(site.path("output")).unwrap();
    let matrix = output.strip_prefix("matrix=").unwrap();
    assert_eq!(matrix.lines().count(), 1);
    let matrix: serde_json::Value = serde_json::from_str(matrix).unwrap();
    let jobs = matrix["include"].as_array().unwrap().iter();
    let jobs: Variables = jobs
        .map(|job| {
            let field = |name: &str| job[name].as_str().unwrap().to_owned();
            (field("definition"), field("content_sha256"))
        })
        .collect();
    assert_eq!(jobs, locked(&site));

    // One that is not locked fails here, before any job is made.
    let output = site.path("output");
    std::fs::remove_file(&output).unwrap();
    let manifest = std::fs::read_to_string(site.path("profiles.toml")).unwrap();
    site.write("profiles.toml", &manifest.replace("2.0.0", "2.1.0"));
    let run = shell(&site, &environment, text(&step["run"]));
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert!(!output.exists());
}

#[test]
fn a_job_on_github_builds_its_definition() {
    let workflow = template(GITHUB);
    for (definition, content) in locked(&site()) {
        let site = site();
        let fill = |value: &str| {
            value
                .replace("${{ matrix.definition }}", &definition)
                .replace("${{ secrets.PALETTE_API_KEY }}", "demo-palette-api-key")
        };
        let job = &workflow["jobs"]["iso"];
        for step in scripts(&workflow, "iso") {
            let mut environment = variables(&workflow["env"]);
            environment.extend(variables(&job["env"]));
            environment.extend(variables(&step["env"]));
            for value in environment.values_mut() {
                *value = fill(value);
            }
            let directory = step["working-directory"].as_str().unwrap_or(".");
            let script = format!("cd {directory}\n{}", text(&step["run"]));
            succeeds(&shell(&site, &environment, &script));
        }
        is_built(&site, &definition);
        let cached = list(&job["steps"])
            .iter()
            .find(|step| text(&step["name"]) == "Cache the archive");
        let cached = &cached.unwrap()["with"];
        assert_eq!(
            text(&cached["key"]),
            "edgestage-${{ matrix.content_sha256 }}"
        );
        assert!(
            site.path(text(&cached["path"]))
                .join(format!("{content}.tgz"))
                .is_file()
        );
    }
}

#[test]
fn the_pipeline_on_gitlab_has_every_definition_and_builds_it() {
    let parent = template(GITLAB);
    let include = &list(&parent["iso"]["trigger"]["include"])[0];
    assert_eq!(text(&include["job"]), "definitions");
    let written = text(&include["artifact"]);
    assert_eq!(
        list(&parent["definitions"]["artifacts"]["paths"])
            .iter()
            .map(text)
            .collect::<Vec<_>>(),
        [written]
    );
    let script = |job: &Yaml| -> String {
        let lines: Vec<&str> = list(&job["script"]).iter().map(text).collect();
        lines.join("\n")
    };
    let make = |site: &Site| {
        let environment = variables(&parent["definitions"]["variables"]);
        shell(site, &environment, &script(&parent["definitions"]))
    };

    for (definition, content) in locked(&site()) {
        let site = site();
        // Where there is no checkout yet.
        std::fs::rename(site.path("CanvOS"), site.path("upstream")).unwrap();
        site.write(
            "bin/git",
            "#!/bin/sh\n[ \"$1\" != init ] || mv upstream CanvOS\n",
        );
        site.run("chmod", &["+x", "bin/git", "upstream/earthly.sh"]);
        succeeds(&make(&site));
        let child = parse(&std::fs::read_to_string(site.path(written)).unwrap());
        let template = &child[".iso"];

        let mut jobs = Variables::new();
        for name in names(&child).into_iter().filter(|name| *name != ".iso") {
            assert_eq!(text(&child[name]["extends"]), ".iso");
            let own = variables(&child[name]["variables"]);
            assert_eq!(name, format!("iso {}", own["DEFINITION"]));
            jobs.insert(own["DEFINITION"].clone(), own["CONTENT_SHA256"].clone());
        }
        assert_eq!(jobs, locked(&site));

        let own = &child[format!("iso {definition}").as_str()];
        let mut environment = variables(&template["variables"]);
        environment.extend(variables(&own["variables"]));
        environment.insert(KEY.into(), "demo-palette-api-key".into());
        succeeds(&shell(&site, &environment, &script(template)));
        is_built(&site, &definition);
        let cached = text(&list(&template["cache"]["paths"])[0]);
        assert_eq!(text(&template["cache"]["key"]), "edgestage-$CONTENT_SHA256");
        assert!(site.path(cached).join(format!("{content}.tgz")).is_file());
    }

    let site = site();
    let manifest = std::fs::read_to_string(site.path("profiles.toml")).unwrap();
    site.write("profiles.toml", &manifest.replace("2.0.0", "2.1.0"));
    assert_eq!(make(&site).code, 3);
    assert!(!site.path(written).exists());
}
