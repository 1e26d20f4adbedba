//! `init`: creates a first `profiles.toml`, and the files that call edgestage.

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
        .error("already-exists")
        .stderr_has("`{dir}/profiles.toml` already exists")
        .keeps_files()
        .fails(1);
    test.put("Makefile", "all:\n");
    test.run("init --make --earthly")
        .error("already-exists")
        .stderr_has("`{dir}/Makefile` already exists")
        .keeps_files()
        .fails(1);
    assert!(!test.path("Earthfile").exists());
    // Nor through a link that leads nowhere.
    fs::remove_file(test.path("profiles.toml")).unwrap();
    std::os::unix::fs::symlink("nowhere", test.path("profiles.toml")).unwrap();
    test.run("init")
        .error("already-exists")
        .stderr_has("already exists")
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

/// The snippets can also be added later, beside an existing `profiles.toml`.
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

/// If the profiles are known, no editor is needed.
#[test]
fn profiles_on_the_command_line() {
    let test = empty();
    test.run("init --to store")
        .arg("{endpoint}/projects/5fbbf0c1d2e3f4a5b6c7d8e9/profiles/cluster/65c90a1b2c3d4e5f770daee5")
        .arg("{endpoint}/admin/profiles/cluster/65c9660a9c8d7e6f5a4b3c2d")
        .stdout("{dir}/profiles.toml\n")
        .stderr("        Next edgestage check\n        Next edgestage stage store\n")
        .success();
    test.run("stage store -q").any_stdout().success();
    let test = empty();
    test.run("init edge-infra nobody@1")
        .error("invalid-reference")
        .stderr_has("`edge-infra` is not a profile")
        .keeps_files()
        .fails(2);
    test.run("init nobody@1 --to a/b")
        .error("invalid-definition-name")
        .stderr_has("`a/b`")
        .keeps_files()
        .fails(2);
    let url = |project: char, last: char| {
        let project = format!("5fbbf0c1d2e3f4a5b6c7d8e{project}");
        format!("{{endpoint}}/projects/{project}/profiles/cluster/65c9660a9c8d7e6f5a4b3c2{last}")
    };
    test.run("init")
        .arg(&url('1', '1'))
        .arg(&url('2', '2'))
        .error("several-projects")
        .stderr_has("has profiles from two projects")
        .keeps_files()
        .fails(2);
}

/// What the file still lacks comes first.
#[test]
fn what_is_to_be_done_next() {
    let test = empty();
    test.run("init")
        .without_key()
        .stdout("{dir}/profiles.toml\n")
        .stderr(
            "        Next export PALETTE_API_KEY=…  # My API Keys in Palette's console
        Next edgestage add PROFILE  # its URL in the console, or name@version
        Next edgestage check
        Next edgestage stage factory
",
        )
        .success();
}

/// The line of the file that names the checkout.
fn dir(test: &Test, file: &str) -> String {
    let text = test.text(file);
    let line = text
        .lines()
        .find(|line| line.starts_with("dir = "))
        .unwrap();
    line.split_once("  ")
        .map_or(line, |(line, _)| line)
        .to_owned()
}

#[test]
fn the_checkout_that_is_there_is_written() {
    // In a checkout, whatever its name, and beside one.
    for (checkout, directory, expected) in [
        ("CanvOS", "CanvOS", "dir = \".\""),
        ("fork", "fork", "dir = \".\""),
        ("CanvOS", ".", "dir = \"CanvOS\""),
        ("CanvOS", "site", "dir = \"../CanvOS\""),
    ] {
        let test = empty();
        test.checkout(checkout);
        for arguments in ["init", "init edge-infra@2.1.0"] {
            let run = test.run(arguments).within(directory).any_stdout();
            run.any_stderr().success().says("warning", 0);
            let file = format!("{directory}/profiles.toml");
            assert_eq!(dir(&test, &file), expected, "{checkout} {directory}");
            fs::remove_file(test.path(&file)).unwrap();
        }
    }
    // The Earthfile of `init --earthly` makes no checkout.
    let test = empty();
    test.run("init -q --earthly").any_stdout().success();
    fs::remove_file(test.path("profiles.toml")).unwrap();
    test.run("init -q").any_stdout().success();
    assert_eq!(dir(&test, "profiles.toml"), "dir = \"CanvOS\"");
}

#[test]
fn the_checkout_that_is_named_is_written_as_seen_from_the_file() {
    let test = empty();
    test.checkout("a/fork");
    for (run, expected) in [
        (test.run("init -q --canvos a/fork"), "dir = \"a/fork\""),
        (
            test.run("init -q --canvos .").within("a/fork"),
            "dir = \".\"",
        ),
        (
            test.run("init -q")
                .within("b")
                .env("CANVOS_DIR", "{dir}/a/fork"),
            "dir = \"../a/fork\"",
        ),
    ] {
        let written = run.any_stdout().success().stdout;
        let file = written
            .trim()
            .strip_prefix(test.site().to_str().unwrap())
            .unwrap();
        let file = file.trim_start_matches('/').to_owned();
        assert_eq!(dir(&test, &file), expected);
        fs::remove_file(test.path(&file)).unwrap();
    }
}

#[test]
fn a_checkout_that_is_not_there_is_said() {
    let test = empty();
    fs::remove_dir_all(test.path("CanvOS")).unwrap();
    test.run("init")
        .any_stdout()
        .warning("no-checkout")
        .stderr_has("`{dir}/CanvOS`")
        .stderr_has("dir = \"CanvOS\"")
        .success();
    fs::remove_file(test.path("profiles.toml")).unwrap();
    fs::create_dir(test.path("CanvOS")).unwrap();
    test.run("init edge-infra@2.1.0")
        .any_stdout()
        .warning("not-a-checkout")
        .stderr_has("`{dir}/CanvOS`")
        .success();
}
