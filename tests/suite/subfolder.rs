//! Runs in a directory below `profiles.toml`: the file is found as git and cargo find theirs.

use std::fs;

use crate::support::{FACTORY, OVERLAY, Test};

#[test]
fn every_command_uses_the_file_above() {
    let test = Test::new();
    test.run("check --offline")
        .within("a/b")
        .any_stdout()
        .any_stderr()
        .success();
    let run = test.run("fetch -q").within("a/b").any_stdout();
    run.success();
    assert!(test.path("profiles.lock").is_file());
    assert!(!test.path("a/b/profiles.lock").exists());
    // `dir` is relative to the file, wherever the run was started.
    test.run("stage -q").within("a/b").any_stdout().success();
    assert!(test.path(&Test::placement(OVERLAY)).is_file());
    for command in [
        "verify",
        "list",
        "show",
        "diff -q",
        "update -q",
        "cache list",
        "unstage -q",
    ] {
        test.run(command)
            .within("a/b")
            .any_stdout()
            .any_stderr()
            .success();
    }
    test.run("add -q edge-monitoring@1.4.0")
        .within("a")
        .success();
    assert!(test.text("profiles.toml").contains("edge-monitoring@1.4.0"));
    test.run("rename -q factory plant").within("a").success();
    test.run("remove -q edge-monitoring@1.4.0")
        .within("a")
        .success();
    let document = test
        .run("list --json")
        .within("a/b")
        .any_stdout()
        .success()
        .json();
    assert_eq!(
        document["file"],
        test.path("profiles.toml").to_str().unwrap()
    );
}

/// Only `profiles.toml` is looked for in parent directories.
#[test]
fn paths_on_the_command_line_start_in_the_working_directory() {
    let test = Test::new();
    test.run("fetch -q --output out.tgz")
        .within("a")
        .stdout("{dir}/a/out.tgz\n")
        .success();
    test.run("show out.tgz")
        .within("a")
        .stdout_has("definition      factory\n")
        .success();
    test.checkout("a/Other");
    test.run("stage -q --canvos Other")
        .within("a")
        .any_stdout()
        .success();
    assert!(test.path("a/Other").join(OVERLAY).is_file());
    // `--file` and its variable are exact.
    for named in [
        test.run("check --offline --file profiles.toml"),
        test.run("check --offline")
            .env("EDGESTAGE_FILE", "profiles.toml"),
    ] {
        let done = named
            .within("a")
            .error("manifest-missing")
            .stderr_has("`{dir}/a/profiles.toml`")
            .fails(2);
        done.says("Note", 0);
    }
}

#[test]
fn the_file_that_is_used_is_said() {
    let test = Test::new();
    let run = test.run("check -v --offline").within("a").any_stdout();
    run.stderr_has("             reads ../profiles.toml\n")
        .success();
    let run = test.run("check --offline").within("a").any_stdout();
    run.success().says("../profiles.toml", 0);
    test.run("check --offline nobody")
        .within("a")
        .error("unknown-definition")
        .stderr_has("        Note using the manifest ../profiles.toml\n")
        .stderr_has("`nobody`")
        .fails(2);
    test.put("profiles.toml", "[palete]\n");
    let run = test.run("check --offline").within("a");
    run.error("unknown-key")
        .error("no-definition")
        .stderr_has(" --> ../profiles.toml:1:2\n")
        .fails(2);
    // What comes next finds it too.
    let test = test.definition(FACTORY);
    let run = test.run("add edge-monitoring@1.4.0").within("a");
    run.stderr_has("      Edited ../profiles.toml\n")
        .stderr_has("        Next edgestage check factory\n")
        .success();
}

#[test]
fn the_root_of_a_repository_is_the_boundary() {
    let test = Test::new();
    fs::create_dir_all(test.path("CanvOS/.git")).unwrap();
    for command in ["check --offline", "stage", "add edge-infra@2.1.0", "list"] {
        test.run(command)
            .within("CanvOS/overlay")
            .error("manifest-missing")
            .stderr_has("`{dir}/CanvOS/overlay/profiles.toml`")
            .stderr_has("`../../profiles.toml` is above the root of this git repository")
            .stderr_has("help: to use it, add `--file ../../profiles.toml` to the command")
            .keeps_files()
            .fails(2);
    }
    // At the root itself it is used.
    fs::create_dir(test.path(".git")).unwrap();
    fs::remove_dir(test.path("CanvOS/.git")).unwrap();
    test.run("list")
        .within("CanvOS/overlay")
        .any_stdout()
        .success();
}

#[test]
fn init_writes_no_second_file_without_a_word() {
    let test = Test::new();
    for command in [
        "init",
        "init edge-infra@2.1.0 --to plant",
        "init --no-input",
    ] {
        test.run(command)
            .within("a")
            .error("already-exists")
            .stderr_has("`../profiles.toml` exists and already applies to this directory")
            .stderr_has("`edgestage init --file profiles.toml`")
            .keeps_files()
            .fails(2);
    }
    // A snippet goes beside the file that it is for, and says so.
    let run = test
        .run("init --make")
        .within("a")
        .stdout("{dir}/Makefile\n");
    run.success();
    test.run("init -q --file profiles.toml")
        .within("a")
        .stdout("{dir}/a/profiles.toml\n")
        .success();
    // One that is passed over may have been meant.
    fs::create_dir_all(test.path("b/.git")).unwrap();
    test.run("init")
        .within("b")
        .stdout("{dir}/b/profiles.toml\n")
        .warning("already-exists")
        .stderr_has("`../profiles.toml` exists but does not apply to this directory")
        .success();
}
