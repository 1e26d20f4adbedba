//! The release: what can be said of the workflows without GitHub, and the scripts that they
//! call.

use std::process::Command;

use crate::fetched::{VERSION, is_clean, pasted, script};
use crate::markdown::{read, rows, section, spans};
use crate::site::{Run, Site};
use crate::yaml::{list, names, parse, template, text, variables};

const RELEASE: &str = ".github/workflows/release.yml";
const CI: &str = ".github/workflows/ci.yml";

#[test]
fn the_workflows_run_scripts_that_there_are_and_may_do_little() {
    for path in [RELEASE, CI] {
        let workflow = template(path);
        let permissions = variables(&workflow["permissions"]);
        assert_eq!(
            permissions,
            [("contents".into(), "read".into())].into(),
            "{path}"
        );
        for name in names(&workflow["jobs"]) {
            let job = &workflow["jobs"][name];
            // Who may write runs nothing that was fetched to build with.
            if !job["permissions"].is_badvalue() {
                assert_eq!(name, "publish");
            }
            for step in list(&job["steps"]) {
                if let Some(action) = step["uses"].as_str() {
                    let (action, commit) = action.split_once('@').unwrap();
                    let hex = commit.bytes().all(|byte| byte.is_ascii_hexdigit());
                    assert!(hex && commit.len() == 40, "{action}");
                    if action == "actions/checkout" {
                        assert_eq!(step["with"]["persist-credentials"].as_bool(), Some(false));
                    }
                }
                let Some(run) = step["run"].as_str() else {
                    continue;
                };
                assert!(!pasted(run), "{run}");
                is_clean("bash", &format!("set -eo pipefail\n{run}"));
                for word in run
                    .split_whitespace()
                    .filter(|word| word.starts_with("./scripts/"))
                {
                    let script = word.trim_start_matches("./");
                    let there = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(script);
                    assert!(there.is_file(), "{path}: {word}");
                }
            }
        }
    }
    let publish = &template(RELEASE)["jobs"]["publish"];
    let runs: Vec<&str> = list(&publish["steps"])
        .iter()
        .filter_map(|step| step["run"].as_str())
        .collect();
    assert!(runs.iter().all(|run| !run.contains("cargo")), "{runs:?}");
}

#[test]
fn the_release_has_every_target_and_waits_for_the_changelog() {
    let workflow = template(RELEASE);
    let targets = |job: &str| -> Vec<String> {
        let rows = list(&workflow["jobs"][job]["strategy"]["matrix"]["include"]).iter();
        rows.map(|row| text(&row["target"]).to_owned()).collect()
    };
    let archives = [
        "x86_64-unknown-linux-musl",
        "aarch64-unknown-linux-musl",
        "x86_64-apple-darwin",
        "aarch64-apple-darwin",
    ];
    assert_eq!(targets("archive"), archives);
    assert_eq!(
        targets("deb"),
        ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"]
    );
    // What is built is looked at for licences.
    let deny = read("deny.toml");
    for target in targets("archive").iter().chain(&targets("deb")) {
        assert!(deny.contains(&format!("\"{target}\"")), "{target}");
    }
    for job in ["archive", "deb"] {
        assert_eq!(text(&workflow["jobs"][job]["needs"]), "notes");
    }
    let tags = list(&workflow["on"]["push"]["tags"]);
    assert_eq!(tags.iter().map(text).collect::<Vec<_>>(), ["v*"]);
}

/// A copy of what the script reads, with this changelog.
fn notes(changelog: &str, tag: &str) -> Run {
    let site = Site::empty();
    site.write("Cargo.toml", &read("Cargo.toml"));
    site.write("CHANGELOG.md", changelog);
    for name in ["release-notes", "version"] {
        site.write(
            &format!("scripts/{name}"),
            &read(&format!("scripts/{name}")),
        );
        site.run("chmod", &["+x", &format!("scripts/{name}")]);
    }
    site.run("scripts/release-notes", &[tag])
}

#[test]
fn a_tag_that_is_not_the_version_or_not_in_the_changelog_is_no_release() {
    let tag = format!("v{VERSION}");
    let changelog = format!(
        "# Changelog\n\n## [Unreleased]\n\n- later\n\n## [{VERSION}] - 2026-01-02\n\n### Added\n\n- this\n\n## [0.0.1]\n\n- old\n\n[0.0.1]: x\n"
    );
    let run = notes(&changelog, &tag);
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (0, "### Added\n\n- this\n"),
        "{}",
        run.stderr
    );

    let run = notes(&changelog, "v9.9.9");
    assert_eq!(run.code, 1);
    assert!(
        run.stderr
            .contains(&format!("Cargo.toml has version {VERSION}")),
        "{}",
        run.stderr
    );

    for without in [
        changelog.replace(&format!("[{VERSION}]"), "[0.0.2]"),
        changelog.replace("### Added\n\n- this\n", ""),
    ] {
        let run = notes(&without, &tag);
        assert_eq!((run.code, run.stdout.as_str()), (1, ""));
        assert!(
            run.stderr.contains("CHANGELOG.md has no section"),
            "{}",
            run.stderr
        );
    }
}

#[test]
fn the_version_is_cargos() {
    let run = Site::empty().run(&script("version"), &[]);
    assert_eq!(run.stdout, format!("{VERSION}\n"));
}

/// The files below `directory`, by their path.
fn files(site: &Site, directory: &str) -> Vec<String> {
    let run = site.run("find", &[directory, "-type", "f", "-printf", "%P\\n"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let mut files: Vec<String> = run.stdout.lines().map(str::to_owned).collect();
    files.sort();
    files
}

#[test]
fn what_install_puts_there_is_documented_and_uninstall_takes_it_away() {
    let site = Site::empty();
    // As scripts/install does, without the release build.
    site.write("root/usr/bin/edgestage", "the binary");
    let binary = env!("CARGO_BIN_EXE_edgestage");
    let run = site.run(&script("share"), &[binary, "root/usr/share"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{}", run.stderr);
    let installed = files(&site, "root/usr");

    let table = rows(&section(&read("docs/install.md"), "From source"));
    let documented: Vec<String> = table.iter().flat_map(|row| spans(&row[0])).collect();
    for file in &installed {
        let page = file.starts_with("share/man/man1/edgestage") && file.ends_with(".1");
        let file = if page {
            "share/man/man1/edgestage*.1"
        } else {
            file
        };
        assert!(
            documented.iter().any(|path| path == file),
            "{file} in {documented:?}"
        );
    }
    assert!(installed.len() > 18 + 3, "{installed:?}");

    site.write("root/usr/share/man/man1/other.1", "of somebody else");
    let uninstall = format!("DESTDIR=$PWD/root PREFIX=/usr {}", script("uninstall"));
    for _ in 0..2 {
        let run = site.run("sh", &["-c", &uninstall]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert_eq!(files(&site, "root/usr"), ["share/man/man1/other.1"]);
    }
    assert!(!site.path("root/usr/bin").exists() && site.path("root/usr").exists());
}

#[test]
fn the_documented_inputs_are_those_of_action_and_component() {
    let page = read("docs/install.md");
    let documented = |heading: &str| -> Vec<String> {
        let rows = rows(&section(&page, heading));
        rows.iter().flat_map(|row| spans(&row[0])).collect()
    };
    let action = template("action.yml");
    assert_eq!(documented("GitHub Actions"), names(&action["inputs"]));
    let component = component();
    let mut inputs = names(&component["spec"]["inputs"]);
    let mut of_page = documented("GitLab");
    inputs.sort_unstable();
    of_page.sort();
    assert_eq!(of_page, inputs);
}

/// What the component takes.
fn component() -> yaml_rust2::Yaml {
    let text = read("templates/edgestage.yml");
    let (head, _) = text.split_once("\n---\n").unwrap();
    parse(head)
}

#[test]
fn the_documented_versions_are_this_one() {
    let page = read("docs/install.md");
    let versions: Vec<&str> = page
        .split(|c: char| !c.is_ascii_digit() && c != '.')
        .filter(|word| word.bytes().filter(|byte| *byte == b'.').count() == 2)
        .filter(|word| word.as_bytes()[0].is_ascii_digit() && !word.ends_with('.'))
        .collect();
    assert!(versions.len() > 4, "{versions:?}");
    assert!(
        versions.iter().all(|version| *version == VERSION),
        "{versions:?}"
    );
}

/// What the crate is built of is in it: `cargo package` leaves out what `include` has not.
#[test]
fn the_crate_has_what_is_compiled_in() {
    let output = Command::new(env!("CARGO"))
        .args([
            "package",
            "--list",
            "--allow-dirty",
            "--offline",
            "--package",
            "edgestage",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let files = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let files: Vec<&str> = files.lines().collect();
    for file in [
        "src/main.rs",
        "templates/profiles.toml",
        "templates/github.yml",
        "docs/traps.md",
        "README.md",
        "LICENSE",
    ] {
        assert!(files.contains(&file), "{file} in {files:?}");
    }
    assert!(
        !files
            .iter()
            .any(|file| file.starts_with("tests/") || file.starts_with("scripts/"))
    );
}

/// `cargo binstall` makes the address of an archive out of this.
#[test]
fn binstall_is_told_where_the_archives_are() {
    let manifest: toml::Table = read("Cargo.toml").parse().unwrap();
    let package = manifest["package"].as_table().unwrap();
    let binstall = package["metadata"]["binstall"].as_table().unwrap();
    let filled = |key: &str| {
        let text = binstall[key].as_str().unwrap();
        text.replace("{ repo }", env!("CARGO_PKG_REPOSITORY"))
            .replace("{ name }", "edgestage")
            .replace("{ version }", VERSION)
            .replace("{ target }", "x86_64-unknown-linux-musl")
            .replace("{ bin }{ binary-ext }", "edgestage")
    };
    let stem = format!("edgestage-{VERSION}-x86_64-unknown-linux-musl");
    let repository = env!("CARGO_PKG_REPOSITORY");
    assert_eq!(
        filled("pkg-url"),
        format!("{repository}/releases/download/v{VERSION}/{stem}.tar.gz")
    );
    assert_eq!(filled("bin-dir"), format!("{stem}/edgestage"));
    let package = read("scripts/package");
    for line in [
        "name=edgestage-$(./scripts/version)-$target",
        "archive=target/dist/$name.tar.gz",
        "install -m 755 \"$binary\" \"$work/$name/edgestage\"",
    ] {
        assert!(package.contains(line), "{line}");
    }
}

#[test]
fn the_pre_commit_hooks_are_commands_that_there_are() {
    let hooks = template(".pre-commit-hooks.yaml");
    assert_eq!(list(&hooks).len(), 2);
    for hook in list(&hooks) {
        let words: Vec<&str> = text(&hook["entry"]).split(' ').collect();
        let site = Site::empty();
        site.write("profiles.toml", &read("templates/profiles.toml"));
        site.write("hello.yaml", "replicas: 2\n");
        assert_eq!(words[0], "edgestage");
        // Nothing is locked: the hook says so.
        let run = site.edgestage(&words[1..]);
        assert_eq!(run.code, 3, "{}", run.stderr);
        assert_eq!(hook["pass_filenames"].as_bool(), Some(false));
    }
}
