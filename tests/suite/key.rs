//! Where the key comes from, and where there is none.

use palette_sim::{Key, World};

use crate::support::{HEAD, KEY, Test};

/// Keys that only a certain place has.
const OTHERS: [&str; 3] = ["other-key-1", "other-key-2", "other-key-3"];

fn test() -> Test {
    let world = OTHERS
        .iter()
        .fold(World::demo(), |world, key| world.key(Key::admin(key)));
    Test::of(world)
}

/// The keys that were sent; every request of a run has the same.
#[track_caller]
fn sent(test: &Test) -> String {
    let keys = test.sim.requests().into_iter();
    let mut keys: Vec<String> = keys
        .map(|r| r.header("ApiKey").unwrap().to_owned())
        .collect();
    keys.dedup();
    test.sim.clear_requests();
    assert_eq!(keys.len(), 1, "{keys:?}");
    keys.remove(0)
}

#[test]
fn flag_then_variables() {
    let test = test().write("key", OTHERS[0]);
    let check = || test.run("check -q").without_key().any_stdout();
    let both = || {
        check()
            .env("PALETTE_API_KEY", OTHERS[1])
            .env("SPECTROCLOUD_APIKEY", OTHERS[2])
    };
    both().arg("--api-key-file").arg("key").success();
    assert_eq!(sent(&test), OTHERS[0]);
    both().success();
    assert_eq!(sent(&test), OTHERS[1]);
    check().env("SPECTROCLOUD_APIKEY", OTHERS[2]).success();
    assert_eq!(sent(&test), OTHERS[2]);
    // A variable that is set to nothing counts as not set.
    both().env("PALETTE_API_KEY", "").success();
    assert_eq!(sent(&test), OTHERS[2]);
}

#[test]
fn variables_then_the_files_file() {
    let manifest = HEAD.replace("retries = 0", "retries = 0\napi-key-file = \"secrets/key\"");
    let test = test()
        .manifest(&format!(
            "{manifest}\n[definition.factory]\nprofiles = [\"edge-infra@2.1.0\"]"
        ))
        .key_file("secrets/key", &format!("  {KEY}\r\n"));
    let run = test.run("check -q").env("PALETTE_API_KEY", OTHERS[0]);
    run.any_stdout().success();
    assert_eq!(sent(&test), OTHERS[0]);
    // Relative to the file, not to where the run starts.
    let run = test.run("check -q --file ../profiles.toml").without_key();
    run.within("elsewhere").any_stdout().success();
    assert_eq!(sent(&test), KEY);
}

#[test]
fn the_files_command() {
    let command = "api-key-command = [\"sh\", \"-c\", \"cat secrets/key; echo; pwd >&2\"]";
    let manifest = HEAD.replace("retries = 0", &format!("retries = 0\n{command}"));
    let test = test()
        .manifest(&format!(
            "{manifest}\n[definition.factory]\nprofiles = [\"edge-infra@2.1.0\"]"
        ))
        .key_file("secrets/key", KEY);
    // In the file's directory; its standard error goes where ours goes.
    let run = test.run("check -q --file ../profiles.toml").without_key();
    run.within("elsewhere")
        .any_stdout()
        .stderr("{dir}\n")
        .success();
    assert_eq!(sent(&test), KEY);
    let run = test.run("check -q").env("SPECTROCLOUD_APIKEY", OTHERS[0]);
    run.without_key().any_stdout().success();
    assert_eq!(sent(&test), OTHERS[0]);
}

/// A program beside the file is found from wherever a run starts.
#[test]
fn the_files_command_may_be_a_script_beside_it() {
    let head = HEAD.replace("retries = 0", "api-key-command = [\"./get-key\"]");
    let test = test()
        .manifest(&format!(
            "{head}\n[definition.factory]\nprofiles = [\"edge-infra@2.1.0\"]"
        ))
        .key_file("get-key", &format!("#!/bin/sh\necho '{KEY}'\n"));
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(test.path("get-key"), mode).unwrap();
    for directory in [".", "elsewhere"] {
        let run = test
            .run("check -q --file")
            .arg("{dir}/profiles.toml")
            .without_key();
        run.within(directory).any_stdout().success();
        assert_eq!(sent(&test), KEY);
    }
}

#[test]
fn a_command_that_fails_says_which_and_how() {
    for (command, said) in [
        (
            "[\"sh\", \"-c\", \"echo no such entry >&2; exit 7\"]",
            "`sh` failed: it ended with exit status: 7",
        ),
        (
            "[\"/no/such/program\"]",
            "`/no/such/program` failed: no such file",
        ),
        ("[\"true\"]", "the API key from output of `true` is empty"),
    ] {
        let manifest = HEAD.replace("retries = 0", &format!("api-key-command = {command}"));
        let test = Test::new().manifest(&format!(
            "{manifest}\n[definition.factory]\nprofiles = [\"edge-infra@2.1.0\"]"
        ));
        test.run("stage")
            .without_key()
            .stderr_has(said)
            .keeps_files()
            .fails(4);
        assert_eq!(test.sim.connections(), 0);
    }
}

#[test]
fn without_a_key_nothing_is_asked() {
    let test = Test::new();
    for command in ["stage", "fetch", "update"] {
        let run = test.run(command).without_key().keeps_files();
        run.stderr_has("there is no API key")
            .stderr_has("PALETTE_API_KEY")
            .fails(4);
    }
    assert_eq!(test.sim.connections(), 0);
}

#[test]
fn a_check_without_a_key_says_that_palette_was_not_asked() {
    let test = Test::new();
    test.run("check")
        .without_key()
        .stdout_has("not asked: no key")
        .success();
    assert_eq!(test.sim.connections(), 0);
}

#[test]
fn what_is_no_key_is_not_sent() {
    let test = Test::new()
        .write("empty", " \n")
        .write("two", "first\nsecond\n");
    for (file, why) in [
        ("empty", "is empty"),
        ("two", "holds characters that an API key never has"),
        ("missing", "cannot read `{dir}/missing`: no such file"),
    ] {
        let run = test.run("stage --api-key-file").arg(file).keeps_files();
        let done = run.stderr_has(why).fails(4);
        assert!(!done.stderr.contains("second"), "{}", done.stderr);
    }
    let run = test.run("stage").env("PALETTE_API_KEY", "first\nsecond");
    run.stderr_has("the API key from PALETTE_API_KEY holds characters")
        .fails(4);
    let run = test.run("stage").env("PALETTE_API_KEY", "  ");
    run.stderr_has("the API key from PALETTE_API_KEY is empty")
        .fails(4);
    assert_eq!(test.sim.connections(), 0);
}

/// The key is not an argument: a process list would show it.
#[test]
fn no_flag_takes_the_key_itself() {
    let test = Test::new();
    let run = test.run("stage --api-key other-key-1");
    run.stderr_has("unexpected argument '--api-key'").fails(2);
}
