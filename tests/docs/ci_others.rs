//! `templates/Jenkinsfile` and `templates/azure-pipelines.yml`: what can be said of them without
//! Jenkins and Azure Pipelines. Their scripts are run as they are written, by the shell that
//! runs them there.

use std::fs;

use yaml_rust2::Yaml;

use crate::accepted;
use crate::ci::{KEY, commands, is_built, locked, login, site, site_with_registry, succeeds};
use crate::docker_registry::{DockerRegistry, PASSWORD, USER};
use crate::markdown::read;
use crate::site::{Run, Site};
use crate::yaml::{Variables, list, template, text};

const JENKINS: &str = "templates/Jenkinsfile";
const AZURE: &str = "templates/azure-pipelines.yml";

/// A site without a checkout, which `git` brings.
fn without_checkout() -> (DockerRegistry, Site) {
    let (registry, site) = site_with_registry();
    fs::rename(site.path("CanvOS"), site.path("upstream")).unwrap();
    site.write(
        "bin/git",
        "#!/bin/sh\n[ \"$1\" != init ] || mv upstream CanvOS\n",
    );
    site.run("chmod", &["+x", "bin/git", "upstream/earthly.sh"]);
    (registry, site)
}

fn environment(registry: &DockerRegistry, definition: &str, password: bool) -> Variables {
    let mut environment: Variables = [
        ("CANVOS_DIR", "CanvOS"),
        ("CANVOS_COMMIT", "0"),
        ("EDGESTAGE_CACHE_DIR", "cache"),
        ("PALETTE_HOST", "http://127.0.0.1:9"),
        ("REGISTRY", login(registry)["REGISTRY"].as_str()),
        ("DEFINITION", definition),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    if password {
        environment.insert("REGISTRY_USER".into(), USER.into());
        environment.insert("REGISTRY_PASSWORD".into(), PASSWORD.into());
    }
    environment
}

/// Runs `script` with the arguments that the system gives its shell, and without a key.
fn run(site: &Site, shell: &[&str], environment: &Variables, script: &str) -> Run {
    let exports = environment.iter();
    let exports = exports.map(|(name, value)| format!("export {name}='{value}'\n"));
    let exports: String = exports.collect();
    let path = "PATH=\"$PWD/bin:${EDGESTAGE%/*}:$PATH\"";
    site.write("script", script);
    let words = shell.join(" ");
    let script = format!("unset {KEY}\n{path}\n{exports}exec {words} ./script\n");
    site.run("bash", &["-c", &script])
}

/// The scripts of a Jenkinsfile, in order.
fn shell_scripts() -> Vec<String> {
    let text = read(JENKINS);
    let parts: Vec<&str> = text.split("'''").collect();
    assert_eq!(parts.len() % 2, 1);
    let scripts = parts.iter().skip(1).step_by(2);
    scripts.map(|&script| script.to_owned()).collect()
}

#[test]
fn jenkins_builds_each_definition() {
    let scripts = shell_scripts();
    assert_eq!(scripts.len(), 4);
    let [check, checkout, stage, build] = &scripts[..] else {
        panic!()
    };
    // The shell that Jenkins runs scripts with.
    let shell = ["sh", "-xe"];
    for definition in locked(&site()) {
        let (registry, site) = without_checkout();
        let plain = environment(&registry, &definition, false);
        succeeds(&run(&site, &shell, &plain, check));
        let query = read(JENKINS);
        let (_, query) = query.split_once("sh(script: '").unwrap();
        let query = query.split('\'').next().unwrap();
        let names = run(&site, &shell, &plain, query).stdout;
        assert_eq!(names.lines().collect::<Vec<_>>(), locked(&site));

        succeeds(&run(&site, &shell, &plain, checkout));
        let with_password = environment(&registry, &definition, true);
        let staged = run(&site, &shell, &with_password, stage);
        succeeds(&staged);
        assert!(!staged.stderr.contains(PASSWORD), "{}", staged.stderr);
        assert!(!site.path("login").exists());
        succeeds(&run(&site, &shell, &plain, build));
        let image = format!("iso/{definition}/edge-site.iso");
        fs::rename(site.path(&image), site.path("CanvOS/build/edge-site.iso")).unwrap();
        is_built(&site, &definition);
    }
    // A failure in the middle ends a script, and one that is not locked ends the first.
    let site = site();
    let manifest = fs::read_to_string(site.path("profiles.toml")).unwrap();
    site.write("profiles.toml", &manifest.replace("2.0.0", "2.1.0"));
    assert_eq!(run(&site, &shell, &Variables::new(), check).code, 3);
}

/// Secrets reach a shell through its environment alone, and the build does not get them.
#[test]
fn jenkins_binds_the_password_where_it_is_needed() {
    let text = read(JENKINS);
    let (before, rest) = text.split_once("withCredentials(").unwrap();
    let (bound, after) = rest.split_once("\n  }\n").unwrap();
    assert!(bound.contains("edgestage stage ") && !bound.contains("edgestage build "));
    for part in [before, after] {
        assert!(!part.contains("REGISTRY_PASSWORD"), "{part}");
    }
    assert!(!text.contains(KEY) && !text.contains("\"\"\""));
}

/// The steps of a job that run a script, but for those that bring edgestage here.
fn steps<'y>(pipeline: &'y Yaml, job: &str) -> Vec<&'y Yaml> {
    let jobs = list(&pipeline["jobs"]).iter();
    let mut jobs = jobs.filter(|one| text(&one["job"]) == job);
    let steps = list(&jobs.next().unwrap()["steps"]).iter();
    steps
        .filter(|step| step["bash"].as_str().is_some())
        .filter(|step| text(&step["displayName"]) != "Install edgestage")
        .collect()
}

/// The task runs bash without any option.
const BASH: [&str; 3] = ["bash", "--noprofile", "--norc"];

#[test]
fn the_matrix_on_azure_has_every_definition() {
    let pipeline = template(AZURE);
    let site = site();
    let steps = steps(&pipeline, "definitions");
    assert_eq!(text(&steps[0]["name"]), "list");
    let script = text(&steps[0]["bash"]);
    let listed = run(&site, &BASH, &Variables::new(), script);
    succeeds(&listed);
    let begin = "##vso[task.setvariable variable=matrix;isOutput=true]";
    let matrix = listed
        .stdout
        .lines()
        .find_map(|line| line.strip_prefix(begin));
    let matrix: serde_json::Value = serde_json::from_str(matrix.unwrap()).unwrap();
    let mut definitions = Vec::new();
    for (name, variables) in matrix.as_object().unwrap() {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '_';
        assert!(name.chars().all(is_allowed), "{name}");
        definitions.push(variables["DEFINITION"].as_str().unwrap().to_owned());
    }
    assert_eq!(definitions, locked(&site));
    let used = text(&list(&pipeline["jobs"])[1]["strategy"]["matrix"]);
    assert_eq!(used, "$[ dependencies.definitions.outputs['list.matrix'] ]");

    let manifest = fs::read_to_string(site.path("profiles.toml")).unwrap();
    site.write("profiles.toml", &manifest.replace("2.0.0", "2.1.0"));
    assert_eq!(run(&site, &BASH, &Variables::new(), script).code, 3);
}

#[test]
fn a_job_on_azure_builds_its_definition() {
    let pipeline = template(AZURE);
    for definition in locked(&site()) {
        let (registry, site) = without_checkout();
        for step in steps(&pipeline, "iso") {
            // A secret is only where a step maps it.
            let secret = step["env"]["REGISTRY_PASSWORD"].as_str().is_some();
            let script = text(&step["bash"]);
            assert_eq!(secret, script.contains("edgestage stage "));
            let environment = environment(&registry, &definition, secret);
            succeeds(&run(&site, &BASH, &environment, script));
            assert!(!site.path("login").exists());
        }
        is_built(&site, &definition);
    }
}

#[test]
fn on_azure_nothing_is_inserted_into_a_script() {
    let pipeline = template(AZURE);
    assert!(!read(AZURE).contains(KEY));
    for job in ["definitions", "iso"] {
        for step in steps(&pipeline, job) {
            let script = text(&step["bash"]);
            assert!(script.starts_with("set -eo pipefail\n"), "{script}");
            let macros = script.split("$(").skip(1);
            for inserted in macros.filter_map(|rest| rest.split(')').next()) {
                assert!(inserted.contains(' '), "{inserted}");
            }
            assert!(!script.contains("${{"), "{script}");
        }
    }
}

#[test]
fn they_run_commands_and_flags_that_there_are() {
    let pipeline = template(AZURE);
    let jobs = ["definitions", "iso"].iter();
    let scripts = jobs.flat_map(|job| steps(&pipeline, job));
    let azure: String = scripts.map(|step| text(&step["bash"]).to_owned()).collect();
    for script in [shell_scripts().join("\n"), azure] {
        let commands = commands(&script);
        assert_eq!(commands.len(), 5, "{commands:?}");
        for words in &commands {
            assert_eq!(accepted(words), Ok(()));
        }
    }
}

#[test]
fn what_they_fetch_is_what_the_docs_are_about() {
    let canvos = read("docs/canvos.md");
    for (path, before) in [
        (JENKINS, "CANVOS_COMMIT = '"),
        (AZURE, "name: CANVOS_COMMIT\n    value: "),
    ] {
        let template = read(path);
        let (_, commit) = template.split_once(before).unwrap();
        let commit: String = commit.chars().take_while(char::is_ascii_hexdigit).collect();
        assert_eq!(commit.len(), 40, "{path}");
        assert!(canvos.contains(&format!("`main` at {} ", &commit[..7])));
    }
    let install = format!(
        "cargo install --locked --git {} ",
        env!("CARGO_PKG_REPOSITORY")
    );
    for path in [AZURE, "templates/github-update.yml"] {
        assert!(read(path).contains(&install), "{path}");
    }
}
