//! `templates/github.yml` and `templates/gitlab-ci.yml`: what can be said of them without
//! GitHub and GitLab. Their shell lines are run as they are written, with a CanvOS that
//! only writes down how it was called.

use yaml_rust2::Yaml;

use crate::accepted;
use crate::docker_registry::{DockerRegistry, PASSWORD, USER};
use crate::markdown::read;
use crate::site::{Run, Site};
use crate::yaml::{Variables, list, names, parse, template, text, variables};

const GITHUB: &str = "templates/github.yml";
const GITLAB: &str = "templates/gitlab-ci.yml";
pub const KEY: &str = "PALETTE_API_KEY";

const ARG: &str = "ISO_NAME=edge-site\nCLUSTERCONFIG=spc.tgz\n";

/// The steps of a job that run a script, but for those that bring edgestage here.
pub fn scripts<'y>(workflow: &'y Yaml, job: &str) -> Vec<&'y Yaml> {
    let steps = list(&workflow["jobs"][job]["steps"]).iter();
    steps
        .filter(|step| step["run"].as_str().is_some())
        .filter(|step| text(&step["name"]) != "Install edgestage")
        .collect()
}

/// The `edgestage` commands in lines of a shell, as words.
pub fn commands(script: &str) -> Vec<Vec<String>> {
    let parts = script.lines().flat_map(|line| line.split(['|', '>']));
    let parts = parts.flat_map(|part| part.split("&&"));
    parts
        .map(|part| part.trim_matches(|c: char| "() ".contains(c)))
        .map(|part| {
            let variables = [
                "REGISTRY_AUTH_FILE=login/config.json ",
                "GITHUB_ACTIONS=false ",
            ];
            let set = variables.iter();
            set.fold(part, |part, set| part.strip_prefix(set).unwrap_or(part))
        })
        .filter(|part| part.starts_with("edgestage "))
        .map(|part| {
            let words = part.split_whitespace();
            words.map(|word| word.replace(['"', '$'], "")).collect()
        })
        .collect()
}

/// Runs `script` as the CIs do, with the binary on the path and no key but a given one.
pub fn shell(site: &Site, variables: &Variables, script: &str) -> Run {
    let exports = variables.iter();
    let exports = exports.map(|(name, value)| format!("export {name}='{value}'"));
    let exports = exports.collect::<Vec<_>>().join("\n");
    let script =
        format!("unset {KEY}\nPATH=\"$PWD/bin:${{EDGESTAGE%/*}}:$PATH\"\n{exports}\n{script}");
    site.run("bash", &["-eo", "pipefail", "-c", &script])
}

/// Two locked definitions of one checkout, and what a site adds to CanvOS.
pub fn site() -> Site {
    let site = Site::with_palette();
    let fetched = site.edgestage(&["fetch", "-q"]);
    assert_eq!(fetched.code, 0, "{}", fetched.stderr);
    std::fs::remove_file(site.path("CanvOS/.arg")).unwrap();
    site.write("canvos-files/.arg", ARG);
    site
}

/// The same with a registry that requires a password, and has both archives. The cache is empty.
pub fn site_with_registry() -> (DockerRegistry, Site) {
    let registry = DockerRegistry::with_password();
    let site = site();
    let manifest = std::fs::read_to_string(site.path("profiles.toml")).unwrap();
    let table = format!("[registry]\nrepository = \"{}\"\n", registry.repository());
    site.write("profiles.toml", &format!("{table}{manifest}"));
    // As docker writes it, with the password of standard input.
    site.write(
        "bin/docker",
        "#!/bin/sh\nset -e\n[ \"$1 $3 $5 $7\" = '--config login --username --password-stdin' ]\n\
         mkdir -p \"$2\"\nauth=$(printf '%s:%s' \"$6\" \"$(cat)\" | base64 -w 0)\n\
         printf '{\"auths\": {\"%s\": {\"auth\": \"%s\"}}}' \"$4\" \"$auth\" > \"$2/config.json\"\n",
    );
    site.run("chmod", &["+x", "bin/docker"]);
    let push = "printf %s \"$TOKEN\" | docker --config login login \"$REGISTRY\" --username \"$GITHUB_ACTOR\" --password-stdin\n\
                REGISTRY_AUTH_FILE=login/config.json edgestage push -q\nrm -r login";
    succeeds(&shell(&site, &login(&registry), push));
    site.edgestage(&["cache", "clean"]);
    (registry, site)
}

/// What the CIs set for a registry.
pub fn login(registry: &DockerRegistry) -> Variables {
    let host = registry.repository().split('/').next().unwrap().to_owned();
    [
        ("REGISTRY", host.as_str()),
        ("GITHUB_ACTOR", USER),
        ("TOKEN", PASSWORD),
        ("CI_REGISTRY", host.as_str()),
        ("CI_REGISTRY_USER", USER),
        ("CI_REGISTRY_PASSWORD", PASSWORD),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// The names of what is locked.
pub fn locked(site: &Site) -> Vec<String> {
    let lock = edgestage::lockfile::Lockfile::load(&site.path("profiles.lock")).unwrap();
    let locked: Vec<String> = lock.definitions.keys().map(str::to_owned).collect();
    assert_eq!(locked.len(), 2);
    locked
}

/// The build was run once, without the key, and what it took is `definition`.
pub fn is_built(site: &Site, definition: &str) {
    let calls = std::fs::read_to_string(site.path("CanvOS/calls")).unwrap();
    assert_eq!(calls, "--ci --output +iso key=none\n");
    let image = "CanvOS/build/edge-site.iso";
    succeeds(&site.edgestage(&["verify", definition, "--image", image]));
    std::fs::remove_file(site.path(image)).unwrap();
}

pub fn succeeds(run: &Run) {
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
}

#[test]
fn init_writes_them_where_they_are_looked_for() {
    let files = [
        (
            "--github",
            ".github/workflows/edgestage.yml",
            "templates/github.yml",
        ),
        (
            "--github-update",
            ".github/workflows/edgestage-update.yml",
            "templates/github-update.yml",
        ),
        ("--gitlab", ".gitlab-ci.yml", "templates/gitlab-ci.yml"),
        (
            "--gitlab-update",
            ".gitlab/edgestage-update.yml",
            "templates/gitlab-update.yml",
        ),
        ("--jenkins", "Jenkinsfile", "templates/Jenkinsfile"),
        (
            "--azure",
            "azure-pipelines.yml",
            "templates/azure-pipelines.yml",
        ),
    ];
    let site = Site::empty();
    succeeds(&site.edgestage(&["init", "-q"]));
    let mut arguments = vec!["init", "-q"];
    arguments.extend(files.map(|(flag, ..)| flag));
    let run = site.edgestage(&arguments);
    succeeds(&run);
    assert_eq!(run.stdout.lines().count(), files.len());
    for ((flag, path, template), line) in files.iter().zip(run.stdout.lines()) {
        assert!(line.ends_with(&format!("/{path}")), "{line}");
        let written = std::fs::read_to_string(site.path(path)).unwrap();
        assert_eq!(written, read(template), "{path}");
        // Each flag writes its own file alone.
        let one = Site::empty();
        succeeds(&one.edgestage(&["init", "-q"]));
        let run = one.edgestage(&["init", "-q", flag]);
        assert_eq!(run.stdout.lines().count(), 1, "{flag}");
        assert!(one.path(path).exists(), "{flag}");
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
    let read = |what: &str| (what.to_owned(), "read".to_owned());
    let permissions = variables(&workflow["permissions"]);
    assert_eq!(permissions, [read("contents")].into());
    let jobs = &workflow["jobs"];
    assert!(jobs["definitions"]["permissions"].is_badvalue());
    let permissions = variables(&jobs["iso"]["permissions"]);
    assert_eq!(permissions, [read("contents"), read("packages")].into());
    is_careful(&workflow);
}

/// What holds for each step of each workflow.
pub fn is_careful(workflow: &Yaml) {
    for job in names(&workflow["jobs"]) {
        for step in list(&workflow["jobs"][job]["steps"]) {
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
fn no_job_that_builds_has_the_key() {
    for path in [GITHUB, GITLAB] {
        let text = read(path);
        assert!(!text.contains(KEY) && !text.contains("secrets."), "{path}");
        assert!(!text.contains("environment:"), "{path}");
    }
    // Nobody but the step that pulls gets the token.
    let workflow = template(GITHUB);
    for step in scripts(&workflow, "iso") {
        let is_stage = text(&step["run"]).contains("edgestage stage");
        assert_eq!(!step["env"].is_badvalue(), is_stage);
    }
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
    let jobs: Vec<&str> = jobs
        .map(|job| job["definition"].as_str().unwrap())
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

/// The environment of a step.
pub fn environment_of(workflow: &Yaml, job: &str, step: &Yaml, definition: &str) -> Variables {
    let mut environment = variables(&workflow["env"]);
    environment.extend(variables(&workflow["jobs"][job]["env"]));
    environment.extend(variables(&step["env"]));
    for value in environment.values_mut() {
        *value = value
            .replace("${{ matrix.definition }}", definition)
            .replace("${{ secrets.PALETTE_API_KEY }}", "demo-palette-api-key")
            .replace("${{ github.token }}", PASSWORD);
    }
    environment
}

/// Without a key, and without Palette: the job has its registry.
#[test]
fn a_job_on_github_builds_its_definition() {
    let workflow = template(GITHUB);
    for definition in locked(&site()) {
        let (registry, site) = site_with_registry();
        for step in scripts(&workflow, "iso") {
            let mut environment = environment_of(&workflow, "iso", step, &definition);
            environment.extend(login(&registry));
            environment.insert("PALETTE_HOST".into(), "http://127.0.0.1:9".into());
            let directory = step["working-directory"].as_str().unwrap_or(".");
            let script = format!("cd {directory}\n{}", text(&step["run"]));
            succeeds(&shell(&site, &environment, &script));
            assert!(!site.path("login").exists());
        }
        is_built(&site, &definition);
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

    for definition in locked(&site()) {
        let (registry, site) = site_with_registry();
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

        let mut jobs = Vec::new();
        for name in names(&child).into_iter().filter(|name| *name != ".iso") {
            assert_eq!(text(&child[name]["extends"]), ".iso");
            let own = variables(&child[name]["variables"]);
            assert_eq!(name, format!("iso {}", own["DEFINITION"]));
            jobs.push(own["DEFINITION"].clone());
        }
        assert_eq!(jobs, locked(&site));

        let own = &child[format!("iso {definition}").as_str()];
        let mut environment = variables(&template["variables"]);
        environment.extend(variables(&own["variables"]));
        environment.extend(login(&registry));
        environment.insert("PALETTE_HOST".into(), "http://127.0.0.1:9".into());
        succeeds(&shell(&site, &environment, &script(template)));
        assert!(!site.path("login").exists());
        is_built(&site, &definition);
    }

    let site = site();
    let manifest = std::fs::read_to_string(site.path("profiles.toml")).unwrap();
    site.write("profiles.toml", &manifest.replace("2.0.0", "2.1.0"));
    assert_eq!(make(&site).code, 3);
    assert!(!site.path(written).exists());
}
