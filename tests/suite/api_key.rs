//! Where the key comes from, and what happens without one.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use edgestage::api_key::{PASSED, PASSED_FAMILIES, VARIABLES};
use palette_sim::{Key, World};

use crate::support::{Done, FACTORY, HEAD, KEY, Run, Test};

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

fn set_mode(test: &Test, path: &str, mode: u32) {
    fs::set_permissions(test.path(path), fs::Permissions::from_mode(mode)).unwrap();
}

/// With this line in `[palette]`.
fn with_palette(line: &str) -> Test {
    let head = HEAD.replace("retries = 0", line);
    Test::new().manifest(&format!("{head}\n[definition.factory]\n{FACTORY}\n"))
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

/// A program beside the file is found from whichever directory a run starts in.
#[test]
fn the_files_command_may_be_a_script_beside_it() {
    let head = HEAD.replace("retries = 0", "api-key-command = [\"./get-key\"]");
    let test = test()
        .manifest(&format!(
            "{head}\n[definition.factory]\nprofiles = [\"edge-infra@2.1.0\"]"
        ))
        .key_file("get-key", &format!("#!/bin/sh\necho '{KEY}'\n"));
    set_mode(&test, "get-key", 0o755);
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
    for (command, code, said) in [
        (
            "[\"sh\", \"-c\", \"echo no such entry >&2; exit 7\"]",
            "key-command-failed",
            "`sh` failed: it ended with exit code 7",
        ),
        (
            "[\"/no/such/program\"]",
            "key-command-failed",
            "`/no/such/program` failed: no such file",
        ),
        (
            "[\"true\"]",
            "key-malformed",
            "the API key from the output of `true` is empty",
        ),
    ] {
        let manifest = HEAD.replace("retries = 0", &format!("api-key-command = {command}"));
        let test = Test::new().manifest(&format!(
            "{manifest}\n[definition.factory]\nprofiles = [\"edge-infra@2.1.0\"]"
        ));
        test.run("stage")
            .without_key()
            .error(code)
            .stderr_has(said)
            .keeps_files()
            .fails(4);
        assert_eq!(test.sim.connections(), 0);
    }
}

/// The message about a refused key names its source, and describes the key's form.
#[test]
fn a_key_that_is_refused_says_where_it_was() {
    fn refused<'t>(run: Run<'t>, said: &[&str]) -> Done<'t> {
        let run = run.without_key().any_stdout();
        let run = said.iter().fold(run, |run, said| run.stderr_has(said));
        let asked = "note: the request went to `{endpoint}` with the key from ";
        run.stderr_has("error[key-refused]: ")
            .stderr_has(asked)
            .fails(4)
    }
    let test = Test::new().write("old-key", "an-old-key\n");
    refused(
        test.run("check --api-key-file old-key"),
        &["from `{dir}/old-key`\n"],
    );
    let variable = |value: &str| test.run("check").env("SPECTROCLOUD_APIKEY", value);
    for (value, hint) in [
        ("'quoted'", "help: remove the quotes around the key"),
        ("\"half", "help: remove the quotes"),
        (
            "PALETTE_API_KEY=x1y2z3",
            "help: remove the name in front of the key",
        ),
        (
            "$PALETTE_API_KEY",
            "replace the reference with the key itself",
        ),
        (
            "op://team/palette/key",
            "replace the reference with the key itself",
        ),
        ("<your-api-key>", "replace the placeholder with your key"),
        ("xxxxxxxxxxxx", "replace the placeholder with your key"),
    ] {
        let done = refused(variable(value), &["from `SPECTROCLOUD_APIKEY`\n", hint]);
        assert!(!done.stderr.contains(value), "{}", done.stderr);
    }
    let head = HEAD.replace(
        "retries = 0",
        "retries = 0\napi-key-command = [\"echo\", \"old\"]",
    );
    let test = test.manifest(&format!("{head}\n[definition.factory]\n{FACTORY}\n"));
    refused(test.run("check"), &["from the output of `echo`\n"]);
}

#[test]
fn without_a_key_nothing_is_asked() {
    let test = Test::new();
    for command in ["stage", "fetch", "update"] {
        let run = test.run(command).without_key().keeps_files();
        run.error("key-missing")
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
    for (file, code, why) in [
        ("empty", "key-malformed", "is empty"),
        (
            "two",
            "key-malformed",
            "contains characters that are not valid in an API key",
        ),
        (
            "missing",
            "key-unreadable",
            "cannot read `{dir}/missing`: no such file",
        ),
    ] {
        let run = test.run("stage --api-key-file").arg(file).keeps_files();
        let done = run.stderr_has(why).fails(4);
        done.says(&format!("error[{code}]: "), 1);
        assert!(!done.stderr.contains("second"), "{}", done.stderr);
    }
    let run = test.run("stage").env("PALETTE_API_KEY", "first\nsecond");
    run.error("key-malformed")
        .stderr_has("the API key from `PALETTE_API_KEY` contains characters")
        .fails(4);
    let run = test.run("stage").env("PALETTE_API_KEY", "  ");
    run.error("key-malformed")
        .stderr_has("the API key from `PALETTE_API_KEY` is empty")
        .fails(4);
    assert_eq!(test.sim.connections(), 0);
}

/// The key is not an argument, because a process list would show it.
#[test]
fn no_flag_takes_the_key_itself() {
    let test = Test::new();
    let run = test.run("stage --api-key other-key-1");
    run.stderr_has("unexpected argument '--api-key'").fails(2);
}

/// The user put the key in the place of the path of its file.
#[test]
fn a_key_in_the_place_of_its_file_is_not_shown() {
    const PASTED: &str = "q7Zx3mV9Lk2Rt8Bw5Ny1Hs6D";
    let told = |run: Run<'_>| {
        let done = run
            .any_stdout()
            .stderr_has("cannot read `{dir}/[api key]`: no such file")
            .stderr_has("the name looks like the key itself")
            .fails(4);
        assert!(!done.stderr.contains(PASTED), "{}", done.stderr);
    };
    let test = Test::new();
    told(test.run("fetch --api-key-file").arg(PASTED));
    for copied in [
        format!(" {PASTED}"),
        format!("'{PASTED}' "),
        format!("Bearer {PASTED}"),
        format!("\"Bearer {PASTED}\""),
    ] {
        let run = test.run("fetch --api-key-file").arg(&copied);
        let done = run
            .any_stdout()
            .stderr_has("[api key]")
            .stderr_has("the name looks like the key itself")
            .fails(4);
        assert!(!done.stderr.contains(PASTED), "{}", done.stderr);
    }
    let test = with_palette(&format!("api-key-file = \"{PASTED}\""));
    told(test.run("fetch").without_key());
    let json = test.run("fetch --json").without_key().any_stdout().fails(4);
    assert!(!json.stdout.contains(PASTED), "{}", json.stdout);
    // A file of such a name is a file.
    let test = test.key_file(PASTED, KEY);
    let run = test.run("fetch").without_key();
    run.any_stdout().any_stderr().success();
}

/// The warning has the command that fixes it. It is not an error, because mounted secrets often
/// have such modes.
#[test]
fn a_key_file_that_others_can_read_is_worth_a_warning() {
    let test = with_palette("api-key-file = \"key\"").key_file("key", KEY);
    for mode in [0o644, 0o444, 0o640, 0o604, 0o444] {
        set_mode(&test, "key", mode);
        let run = test.run("check").without_key().any_stdout();
        let done = run
            .warning("key-exposed")
            .stderr_has("`{dir}/key`")
            .stderr_has(&format!("note: its mode is {mode:04o}\n"))
            .stderr_has("help: run `chmod 600 {dir}/key`\n")
            .success();
        done.says("other users can read", 1);
    }
    let run = test.run("check --json").without_key().any_stdout();
    let json = run.any_stderr().success().json();
    let warning = json["warnings"][0]["message"].as_str().unwrap();
    assert!(warning.starts_with("other users can read"), "{json}");
    test.run("check -q").without_key().any_stdout().success();
    // Nothing is read where none is needed.
    test.run("list").without_key().any_stdout().success();
}

#[test]
fn a_key_file_of_ones_own_is_not_worth_a_warning() {
    let test = with_palette("api-key-file = \"key\"").key_file("key", KEY);
    for mode in [0o600, 0o400, 0o700] {
        set_mode(&test, "key", mode);
        test.run("check").without_key().any_stdout().success();
    }
}

/// `--api-key-file <(pass palette)` is a pipe, which stores nothing.
#[test]
fn a_pipe_is_not_worth_a_warning() {
    let test = Test::new().key_file("key", KEY);
    let prelude = "exec 3<<END\n$(cat key)\nEND\n:";
    let run = test.run("check --api-key-file /dev/fd/3").prelude(prelude);
    run.without_key().any_stdout().success();
}

#[test]
fn the_warning_quotes_the_path_for_a_shell() {
    let odd = "my $HOME's key";
    let test = Test::new().key_file(odd, KEY);
    set_mode(&test, odd, 0o644);
    let run = test.run("check --api-key-file").arg(odd).any_stdout();
    run.warning("key-exposed")
        .stderr_has(r"help: run `chmod 600 '{dir}/my $HOME'\''s key'`")
        .success();
    // A file that is named by other signs than those it has cannot be named in a command.
    let odd = "key\u{1b}";
    let test = Test::new().key_file(odd, KEY);
    set_mode(&test, odd, 0o644);
    let run = test.run("check --api-key-file").arg(odd).any_stdout();
    run.warning("key-exposed")
        .stderr_has("help: give it the mode 600")
        .success();
}

#[test]
fn the_command_is_given_what_it_needs_and_nothing_else() {
    let command = "[\"sh\", \"-c\", \"env > seen.env; cat key\"]";
    let test = with_palette(&format!("api-key-command = {command}")).key_file("key", KEY);
    let mut run = test.run("check -q").without_key().any_stdout();
    let passed = [
        "SSH_AUTH_SOCK",
        "GPG_TTY",
        "LC_ALL",
        "XDG_RUNTIME_DIR",
        "AWS_PROFILE",
    ];
    let passed = passed
        .into_iter()
        .chain(["VAULT_ADDR", "OP_SERVICE_ACCOUNT_TOKEN", "USER"]);
    for name in passed.clone() {
        run = run.env(name, "is passed");
    }
    let kept = [
        "GITHUB_TOKEN",
        "DOCKER_PASSWORD",
        "LD_PRELOAD_X",
        "EDGESTAGE_FILE_X",
        "LC",
    ];
    for name in kept {
        run = run.env(name, "is kept");
    }
    VARIABLES
        .iter()
        .fold(run, |run, name| run.env(name, ""))
        .success();
    let seen = test.text("seen.env");
    for name in passed.chain(["PATH", "HOME"]) {
        assert!(seen.contains(&format!("{name}=")), "{name} in {seen}");
    }
    assert!(!seen.contains("is kept") && !seen.contains("API"), "{seen}");
}

#[test]
fn the_reference_lists_what_the_command_is_given() {
    let reference = include_str!("../../docs/reference.md");
    let start = reference.find("`api-key-command` gets").unwrap();
    let end = start + reference[start..].find("\n\n").unwrap();
    let said: Vec<&str> = reference[start..end]
        .split('`')
        .skip(1)
        .step_by(2)
        .collect();
    let families = PASSED_FAMILIES.map(|start| format!("{start}*"));
    let known = PASSED
        .iter()
        .copied()
        .chain(families.iter().map(String::as_str));
    let known: Vec<&str> = ["api-key-command"].into_iter().chain(known).collect();
    for name in &known {
        assert!(said.contains(name), "{name} is not in the reference");
    }
    for name in &said {
        assert!(known.contains(name), "{name} is not passed");
    }
}

/// Text that is cut to a terminal's width shows no part of the key either.
#[test]
fn no_part_of_a_key_is_left_where_a_line_is_cut() {
    let text = format!(
        "[definition.factory]\nprofiles = [\"xxxx{KEY}yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\", 1]\n"
    );
    let test = Test::new().key_file("profiles.toml", &text);
    let parts = |text: &str| -> Vec<String> {
        let key: Vec<char> = KEY.chars().collect();
        let parts = key.windows(5).map(|part| part.iter().collect::<String>());
        parts.filter(|part| text.contains(part.as_str())).collect()
    };
    for columns in [40, 48, 56, 64, 80] {
        let run = test.run("check --offline").env("TERM", "xterm");
        let screen = run.on_a_terminal_of(columns, 2);
        assert!(screen.contains("invalid profile reference"), "{screen:?}");
        assert_eq!(parts(&screen), [""; 0], "{columns}: {screen:?}");
    }
    // A definition may be called so, where it is not a key of this run's manifest.
    let name: String = KEY.chars().filter(char::is_ascii_alphanumeric).collect();
    let table = format!("[definition.{name}]\nprofiles = [\"a@1\"]\n");
    let test = Test::new().manifest(&table);
    for columns in [40, 60, 80] {
        let run = test.run("list").env("TERM", "xterm");
        let screen = run
            .env("PALETTE_API_KEY", &name)
            .on_a_terminal_of(columns, 0);
        assert!(screen.contains("[api key]"), "{screen:?}");
        assert!(
            !screen.contains(&name[name.len() - 5..]),
            "{columns}: {screen:?}"
        );
    }
}
