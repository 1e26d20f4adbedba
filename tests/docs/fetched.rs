//! The action and the GitLab component, which install a release: what can be said of them
//! without GitHub and GitLab. Their scripts are run as they are written, against a release
//! that a server on loopback serves.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use yaml_rust2::{Yaml, YamlLoader};

use crate::markdown::read;
use crate::site::{Run, Site};
use crate::yaml::{Variables, list, names, scalars, template, text, variables};

const ACTION: &str = "action.yml";
const COMPONENT: &str = "templates/edgestage.yml";
const KEY: &str = "PALETTE_API_KEY";
/// The version that is built.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Serves files by their path, as often as they are asked for. It ends with the tests.
struct Server {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn of(files: BTreeMap<String, Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let mut connection = connection.unwrap();
                let lines = BufReader::new(&connection).lines();
                let head: Vec<String> = lines
                    .map_while(Result::ok)
                    .take_while(|line| !line.is_empty())
                    .collect();
                let path = head.first().and_then(|line| line.split(' ').nth(1));
                let path = path.unwrap_or_default().to_owned();
                let (status, body) = match files.get(&path) {
                    Some(body) => ("200 OK", body.as_slice()),
                    None => ("404 Not Found", &b"<html>no such release</html>"[..]),
                };
                log.lock().unwrap().push(path);
                let length = body.len();
                let head = format!(
                    "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
                );
                // Who asked may have seen enough.
                let _ = connection.write_all(head.as_bytes());
                let _ = connection.write_all(body);
            }
        });
        Self { url, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// The name of the archive for this machine.
fn archive_name() -> String {
    let system = if cfg!(target_os = "macos") {
        "apple-darwin"
    } else {
        "unknown-linux-musl"
    };
    format!("edgestage-{VERSION}-{}-{system}", std::env::consts::ARCH)
}

/// A release of a program that says what it was called with, and whether it had the key.
fn release() -> BTreeMap<String, Vec<u8>> {
    let site = Site::empty();
    let name = archive_name();
    site.write(
        &format!("{name}/edgestage"),
        "#!/bin/sh\necho \"ran: $* key=${PALETTE_API_KEY:-none}\"\n",
    );
    site.write(&format!("{name}/README.md"), "Read me.\n");
    let archive = format!("{name}.tar.gz");
    let made = site.run("tar", &["-czf", &archive, &name]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    let made = site.run(&script("checksums"), &["."]);
    assert_eq!(
        made.code, 1,
        "a directory is not a file of a release: {}",
        made.stderr
    );
    let removed = site.run("rm", &["-r", &name]);
    assert_eq!(removed.code, 0);
    let made = site.run(&script("checksums"), &["."]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    let read = |name: &str| std::fs::read(site.path(name)).unwrap();
    [archive.as_str(), "SHA256SUMS"]
        .map(|name| (format!("/v{VERSION}/{name}"), read(name)))
        .into()
}

/// The path of a script of the repository.
pub fn script(name: &str) -> String {
    format!("{}/scripts/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn fetch(site: &Site, server: &Server, version: &str) -> Run {
    let script = format!(
        "EDGESTAGE_RELEASES={} {} {version} bin",
        server.url,
        script("fetch-release")
    );
    site.run("sh", &["-c", &script])
}

/// Nothing is installed, and nothing of the attempt is left.
fn is_untouched(site: &Site) {
    let left = std::fs::read_dir(site.path("bin")).map_or(0, Iterator::count);
    assert_eq!(left, 0);
}

#[test]
fn a_release_whose_checksum_is_right_is_installed() {
    let site = Site::empty();
    let server = Server::of(release());
    for version in [VERSION.to_owned(), format!("v{VERSION}")] {
        let run = fetch(&site, &server, &version);
        assert_eq!(
            (run.code, run.stdout.as_str()),
            (0, "bin/edgestage\n"),
            "{}",
            run.stderr
        );
        // gh may be there; without a token it is not asked, and that is said.
        assert!(
            run.stderr.contains("provenance not checked"),
            "{}",
            run.stderr
        );
    }
    let ran = site.run("bin/edgestage", &["--version"]);
    assert_eq!(ran.stdout, "ran: --version key=none\n");
    let left = std::fs::read_dir(site.path("bin")).unwrap().count();
    assert_eq!(left, 1, "the program and nothing else");
    let asked = server.asked();
    assert_eq!(asked.len(), 4, "{asked:?}");
}

#[test]
fn a_release_whose_checksum_is_wrong_is_not_installed() {
    let site = Site::empty();
    let mut files = release();
    let path = format!("/v{VERSION}/{}.tar.gz", archive_name());
    files.get_mut(&path).unwrap().push(b'x');
    let run = fetch(&site, &Server::of(files), VERSION);
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("and SHA256SUMS says"), "{}", run.stderr);
    is_untouched(&site);
}

#[test]
fn a_release_without_this_file_or_its_checksum_is_not_installed() {
    let site = Site::empty();
    let archive = format!("/v{VERSION}/{}.tar.gz", archive_name());
    let sums = format!("/v{VERSION}/SHA256SUMS");
    for gone in [&archive, &sums] {
        let mut files = release();
        files.remove(gone);
        let server = Server::of(files);
        let run = fetch(&site, &server, VERSION);
        assert_eq!(run.code, 1);
        let place = format!("cannot fetch {}{gone}", server.url);
        assert!(run.stderr.contains(&place), "{}", run.stderr);
        is_untouched(&site);
    }
    // A name that only begins like it.
    let mut files = release();
    let other = String::from_utf8(files[&sums].clone())
        .unwrap()
        .replace(".tar.gz", ".tar.gz.asc");
    files.insert(sums, other.into_bytes());
    let run = fetch(&site, &Server::of(files), VERSION);
    assert!(
        run.stderr.contains("does not have edgestage-"),
        "{}",
        run.stderr
    );
    assert_eq!(run.code, 1);
    is_untouched(&site);
}

#[test]
fn a_provenance_that_is_not_proven_is_not_installed() {
    let site = Site::empty();
    site.write(
        "tools/gh",
        "#!/bin/sh\necho \"$*\" >> gh-calls\nexit \"$GH_EXIT\"\n",
    );
    site.run("chmod", &["+x", "tools/gh"]);
    let server = Server::of(release());
    for code in [1, 0] {
        let command = format!(
            "PATH=$PWD/tools:$PATH GH_TOKEN=x GH_EXIT={code} EDGESTAGE_RELEASES={} {} {VERSION} bin",
            server.url,
            script("fetch-release")
        );
        if code == 1 {
            is_untouched(&site);
        }
        let run = site.run("sh", &["-c", &command]);
        assert_eq!(run.code, code, "{}", run.stderr);
    }
    assert!(site.path("bin/edgestage").is_file());
    let calls = std::fs::read_to_string(site.path("gh-calls")).unwrap();
    let repository = env!("CARGO_PKG_REPOSITORY").trim_start_matches("https://github.com/");
    for call in calls.lines() {
        assert!(
            call.starts_with("attestation verify ")
                && call.ends_with(&format!("--repo {repository}")),
            "{call}"
        );
    }
    assert_eq!(calls.lines().count(), 2);
}

#[test]
fn only_https_and_this_machine_are_asked() {
    let site = Site::empty();
    for address in [
        "http://example.com/releases",
        "ftp://127.0.0.1:1",
        "http://127.0.0.1.example.com",
    ] {
        let command = format!(
            "EDGESTAGE_RELEASES={address} {} {VERSION} bin",
            script("fetch-release")
        );
        let run = site.run("sh", &["-c", &command]);
        assert_eq!(run.code, 1);
        assert!(
            run.stderr.contains("is not an HTTPS address"),
            "{}",
            run.stderr
        );
    }
    let run = site.run(&script("fetch-release"), &["main", "bin"]);
    assert!(run.stderr.contains("is not a version"), "{}", run.stderr);
    assert!(!site.path("bin").exists());
}

/// A shell script has nothing that shellcheck objects to.
pub fn is_clean(kind: &str, script: &str) {
    let site = Site::empty();
    site.write("script", &format!("#!/bin/{kind}\n{script}"));
    let run = site.run("shellcheck", &["--shell", kind, "script"]);
    assert_eq!(run.code, 0, "{}{}\n{script}", run.stdout, run.stderr);
}

/// What is pasted into a script before a shell reads it.
pub fn pasted(script: &str) -> bool {
    script.contains("${{") || script.contains("$[[")
}

#[test]
fn the_action_installs_its_own_version_and_runs_it() {
    let action = template(ACTION);
    let steps = list(&action["runs"]["steps"]);
    let server = Server::of(release());
    let site = Site::empty();
    site.write("at/marker", "");
    let given = |value: &str| {
        value
            .replace("${{ inputs.version }}", "")
            .replace("${{ inputs.arguments }}", "stage  factory\n--locked *")
            .replace("${{ inputs.working-directory }}", "at")
            .replace("${{ github.token }}", "")
    };
    let mut printed = String::new();
    for step in steps {
        assert_eq!(text(&step["shell"]), "bash");
        let exports: Vec<String> = variables(&step["env"])
            .into_iter()
            .map(|(name, value)| format!("export {name}='{}'", given(&value)))
            .collect();
        let directory = step["working-directory"]
            .as_str()
            .map_or_else(|| ".".to_owned(), given);
        let script = format!(
            "export {KEY}=secret RUNNER_TEMP=\"$PWD\" GITHUB_PATH=\"$PWD/path\" GITHUB_OUTPUT=\"$PWD/output\" \
             GITHUB_ACTION_PATH='{}' EDGESTAGE_RELEASES={} PATH=\"$PWD/edgestage-bin:$PATH\"\n{}\ncd {directory}\n{}",
            env!("CARGO_MANIFEST_DIR"),
            server.url,
            exports.join("\n"),
            text(&step["run"]),
        );
        let run = site.run("bash", &["-eo", "pipefail", "-c", &script]);
        assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
        printed = run.stdout;
    }
    // Words are words: no file name is put in their place, and the key is a variable.
    assert_eq!(printed, "ran: stage factory --locked * key=secret\n");
    let written = |name: &str| std::fs::read_to_string(site.path(name)).unwrap();
    assert_eq!(written("output"), format!("version={VERSION}\n"));
    assert!(written("path").ends_with("/edgestage-bin\n"));
}

#[test]
fn the_action_has_no_input_for_the_key_and_pastes_nothing() {
    let action = template(ACTION);
    let inputs = names(&action["inputs"]);
    let mut found = Vec::new();
    scalars(&action, &mut found);
    for input in &inputs {
        assert!(
            !input.contains("key") && !input.contains("token"),
            "{input}"
        );
        let used = found
            .iter()
            .filter(|scalar| scalar.contains(&format!("inputs.{input}")))
            .count();
        assert!(used > 0, "{input} is not used");
        assert!(action["inputs"][*input]["description"].as_str().is_some());
    }
    let steps = list(&action["runs"]["steps"]);
    for step in steps {
        let script = text(&step["run"]);
        assert!(!pasted(script), "{script}");
        is_clean("bash", &format!("set -eo pipefail\n{script}"));
    }
    // What is fetched does not get it.
    assert_eq!(text(&steps[0]["env"][KEY]), "");
    assert!(!variables(&steps[1]["env"]).contains_key(KEY));
}

/// The two documents of the component: what goes in, and the job.
fn component() -> (Yaml, Yaml) {
    let mut documents = YamlLoader::load_from_str(&read(COMPONENT)).unwrap();
    assert_eq!(documents.len(), 2);
    let job = documents.remove(1);
    (documents.remove(0), job)
}

#[test]
fn the_component_uses_its_inputs_and_none_is_for_the_key() {
    let (head, body) = component();
    let inputs = &head["spec"]["inputs"];
    let mut found = Vec::new();
    scalars(&body, &mut found);
    for input in names(inputs) {
        assert!(
            !input.contains("key") && !input.contains("token"),
            "{input}"
        );
        let place = format!("$[[ inputs.{input} ]]");
        assert!(
            found.iter().any(|scalar| scalar.contains(&place)),
            "{input}"
        );
        assert!(inputs[input]["description"].as_str().is_some());
    }
    assert_eq!(text(&inputs["version"]["default"]), VERSION);
    let job = &body[names(&body)[0]];
    for key in ["before_script", "script"] {
        for line in list(&job[key]) {
            assert!(!pasted(text(line)), "{line:?}");
        }
    }
}

#[test]
fn the_component_installs_with_the_script_and_runs() {
    let (head, body) = component();
    let job = &body[names(&body)[0]];
    let lines: Vec<&str> = ["before_script", "script"]
        .iter()
        .flat_map(|key| list(&job[*key]))
        .map(text)
        .collect();
    assert!(lines[0].contains(&format!("<<'END'\n{}END", read("scripts/fetch-release"))));

    let defaults = &head["spec"]["inputs"];
    let fill = |value: String| {
        names(defaults).into_iter().fold(value, |value, input| {
            value.replace(
                &format!("$[[ inputs.{input} ]]"),
                text(&defaults[input]["default"]),
            )
        })
    };
    let mut environment: Variables = variables(&job["variables"]);
    let server = Server::of(release());
    environment.insert("EDGESTAGE_RELEASES".into(), server.url.clone());
    environment.insert(KEY.into(), "secret".into());
    let exports: Vec<String> = environment
        .into_iter()
        .map(|(name, value)| format!("export {name}='{}'", fill(value)))
        .collect();
    let site = Site::empty();
    let script = format!(
        "export CI_BUILDS_DIR=\"$PWD/builds\"; mkdir builds\n{}\n{}",
        exports.join("\n"),
        lines.join("\n")
    );
    let run = site.run("sh", &["-e", "-c", &script]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let arguments = text(&defaults["arguments"]["default"]);
    let ran = format!("ran: {arguments} key=secret\n");
    assert!(run.stdout.ends_with(&ran), "{}", run.stdout);
    let mut words = vec!["edgestage".to_owned()];
    words.extend(arguments.split_whitespace().map(str::to_owned));
    assert_eq!(crate::accepted(&words), Ok(()));
}
