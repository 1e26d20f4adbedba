//! Commands that work without `profiles.toml`: a broken one does not prevent them.

use crate::support::{Test, archive, profile_directory};

/// What a `profiles.toml` may hold that cannot be used.
const BROKEN: [(&str, &[u8]); 4] = [
    ("empty", b""),
    ("not TOML", b"[definition.factory\n"),
    (
        "an unknown key",
        b"[definition.factory]\nprofiles = [\"a@1\"]\nfoo = 1\n",
    ),
    ("UTF-16", b"\xff\xfea\0"),
];

const UID: &str = "65c90a1b2c3d4e5f770daee5";

fn with_archive() -> Test {
    let bytes = archive(&[(&format!("{}a.txt", profile_directory(UID)), "a")]);
    Test::new().write("a.tgz", bytes)
}

#[test]
fn an_archive_is_shown_beside_a_manifest_that_is_broken() {
    for (what, text) in BROKEN {
        let test = with_archive().write("profiles.toml", text);
        let done = test
            .run("show a.tgz")
            .stdout_has(UID)
            .stdout_has("definition      unknown: no profiles.lock was read\n")
            .warning("manifest-unused")
            .stderr_has("`profiles.toml` is not used: it has errors\n")
            .keeps_files()
            .success();
        done.says("warning", 1).says("error[", 0);
        assert_eq!(test.sim.connections(), 0, "{what}");
    }
    let test = with_archive();
    std::fs::remove_file(test.path("profiles.toml")).unwrap();
    test.run("show a.tgz").stdout_has(UID).success();
    std::fs::create_dir(test.path("profiles.toml")).unwrap();
    test.run("show a.tgz")
        .stdout_has(UID)
        .warning("manifest-unused")
        .stderr_has("`profiles.toml` is not used: ")
        .success();
}

/// The same for a lock.
#[test]
fn an_archive_is_shown_beside_a_lock_that_is_broken() {
    let test = with_archive().write("profiles.lock", "version = 1\n<<<<<<< HEAD\n");
    test.run("show a.tgz")
        .stdout_has(UID)
        .warning("invalid-lockfile")
        .stderr_has("profiles.lock")
        .keeps_files()
        .success();
}

/// A definition requires a valid manifest.
#[test]
fn a_definition_is_not_shown_without_a_manifest_that_is_right() {
    for (_, text) in BROKEN {
        let test = with_archive().write("profiles.toml", text);
        test.run("show factory").stderr_has("error[").fails(2);
    }
}

#[test]
fn commands_that_read_no_file_are_not_stopped() {
    for (_, text) in BROKEN {
        let test = Test::new().write("profiles.toml", text);
        for command in [
            "explain",
            "explain drift",
            "schema profiles",
            "completions bash",
            "man",
            "--help",
            "check --help",
            "--version",
        ] {
            test.run(command).any_stdout().keeps_files().success();
        }
    }
}

#[test]
fn the_cache_is_listed_beside_a_manifest_that_is_broken() {
    let test = Test::new().stage();
    test.put("profiles.toml", "[palete]\n");
    let done = test
        .run("cache list")
        .any_stdout()
        .warning("manifest-unused")
        .stderr_has("`profiles.toml` is not used: it has errors\n")
        .keeps_files()
        .success();
    assert_eq!(done.stdout.lines().count(), 1);
    // What would be removed may be another cache than the file's own.
    let run = test
        .run("cache clean")
        .error("unknown-key")
        .error("no-definition")
        .stderr_has("unknown key `palete`");
    run.keeps_files().fails(2);
    let cache = test.cached()[0]
        .parent()
        .unwrap()
        .parent()
        .unwrap()
        .to_owned();
    let run = test
        .run("cache clean -q --cache-dir")
        .arg(cache.to_str().unwrap());
    run.any_stdout().success();
    assert!(test.cached().is_empty());
}
