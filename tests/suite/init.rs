//! `init`: a first `profiles.toml`, and the files that call edgestage.

use std::fs;

use crate::support::Test;

fn empty() -> Test {
    let test = Test::new();
    fs::remove_file(test.path("profiles.toml")).unwrap();
    test
}

#[test]
fn what_it_writes_can_be_checked() {
    let test = empty();
    test.run("init")
        .stdout("{dir}/profiles.toml\n")
        .stderr_has("edgestage check")
        .success();
    assert_eq!(test.facts("profiles.toml").mode, 0o644);
    test.run("check --offline")
        .stdout_has("factory")
        .any_stderr()
        .success();
    assert_eq!(test.sim.connections(), 0);
}

#[test]
fn it_overwrites_nothing() {
    let test = empty();
    test.run("init -q").any_stdout().success();
    test.run("init")
        .stderr_has("already there: {dir}/profiles.toml")
        .keeps_files()
        .fails(1);
    test.put("Makefile", "all:\n");
    test.run("init --make --earthly")
        .stderr_has("already there: {dir}/Makefile")
        .keeps_files()
        .fails(1);
    assert!(!test.path("Earthfile").exists());
    // Nor through a link that leads nowhere.
    fs::remove_file(test.path("profiles.toml")).unwrap();
    std::os::unix::fs::symlink("nowhere", test.path("profiles.toml")).unwrap();
    test.run("init")
        .stderr_has("already there")
        .keeps_files()
        .fails(1);
}

#[test]
fn snippets_on_request() {
    let test = empty();
    test.run("init -q --make --earthly")
        .stdout("{dir}/profiles.toml\n{dir}/Makefile\n{dir}/Earthfile\n")
        .success();
    assert!(test.text("Earthfile").starts_with("VERSION "));
}

/// They can be had later, too, beside a `profiles.toml` that is there.
#[test]
fn snippets_for_a_file_that_is_there() {
    let test = Test::new();
    let before = test.facts("profiles.toml");
    test.run("init -q --make")
        .stdout("{dir}/Makefile\n")
        .success();
    test.run("init -q --earthly")
        .stdout("{dir}/Earthfile\n")
        .success();
    assert_eq!(test.facts("profiles.toml"), before);
}

#[test]
fn it_writes_where_file_says() {
    let test = empty();
    fs::create_dir(test.path("sites")).unwrap();
    test.run("init -q --make --file sites/store.toml")
        .stdout("{dir}/sites/store.toml\n{dir}/sites/Makefile\n")
        .success();
}
