//! `profiles.toml` as text: encodings, several mistakes at once, and a missing file.

use crate::support::{FACTORY, HEAD, Test};

fn good() -> String {
    format!("{HEAD}\n[definition.factory]\n{FACTORY}\n")
}

#[test]
fn several_mistakes_are_shown_in_one_run() {
    let test = Test::new().manifest(
        "[palette]\ntimeout = \"soon\"\nretry = 1\n\n[definition.a]\nprofiles = [\"65c9\", \"edge\"]\n\n\
         [definition.b]\nprofiles = []\n",
    );
    let done = test
        .run("check")
        .error("wrong-type")
        .error("unknown-key")
        .error("invalid-reference")
        .error("invalid-reference")
        .error("no-profiles")
        .stderr_has("profiles.toml:2:11")
        .stderr_has("profiles.toml:3:1")
        .stderr_has("profiles.toml:6:13")
        .stderr_has("profiles.toml:6:21")
        .stderr_has("`b`")
        .keeps_files()
        .fails(2);
    done.says("error[", 5).says("help: ", 5);
    let json = done.again().arg("--json").any_stdout().fails(2).json();
    assert_eq!(json["error"]["problems"].as_array().unwrap().len(), 5);
}

/// A syntax error in one line does not hide a mistake in another.
#[test]
fn broken_syntax_and_another_mistake_are_both_shown() {
    let test = Test::new().manifest(
        "[palette]\nproject = Default\n\n[definition.factory]\nprofiles = [\"edge\"]\nnmae = \"x\"\n",
    );
    test.run("check")
        .error("invalid-toml")
        .error("invalid-reference")
        .error("unknown-key")
        .stderr_has("profiles.toml:2:11")
        .stderr_has("not a uid, a console URL or name@version")
        .stderr_has("unknown key `nmae`")
        .fails(2)
        .says("error[", 3);
}

#[test]
fn the_excerpt_points_at_the_mistake() {
    let test = Test::new().manifest("[definition.factory]\nprofiles = [\"edge\"]\n");
    test.run("check")
        .stderr(
            "error[invalid-reference]: invalid profile reference\n \
             --> profiles.toml:2:13\n  \
             |\n\
             2 | profiles = [\"edge\"]\n  \
             |             ^^^^^^ not a uid, a console URL or name@version\n  \
             |\n  \
             = help: add the version, such as `edge@1.0.0`, or paste the profile's console URL\n  \
             = see: `edgestage explain reference`\n",
        )
        .fails(2);
}

#[test]
fn the_file_is_named_as_the_user_names_it() {
    let test = Test::new().write(
        "sites/store.toml",
        "[definition.a]\nprofiles = [\"edge\"]\n",
    );
    let run = test.run("check --file sites/store.toml");
    run.error("invalid-reference")
        .stderr_has("--> sites/store.toml:2:13")
        .fails(2);
}

#[test]
fn a_byte_order_mark_and_crlf_are_no_mistake() {
    let test = Test::new();
    let plain = test.text("profiles.toml");
    test.put(
        "profiles.toml",
        format!("\u{feff}{}", plain.replace('\n', "\r\n")),
    );
    test.run("fetch -q").any_stdout().success();
    let lock = test.text("profiles.lock");
    // The same definition is asked for.
    test.put("profiles.toml", plain);
    test.run("stage -q --locked --offline")
        .any_stdout()
        .success();
    assert_eq!(test.text("profiles.lock"), lock);
    // And a mistake is still found in its place.
    test.put(
        "profiles.toml",
        "\u{feff}[definition.a]\r\nprofiles = [\"edge\"]\r\n",
    );
    test.run("check")
        .error("invalid-reference")
        .stderr_has("--> profiles.toml:2:13")
        .fails(2);
}

#[test]
fn other_encodings_are_named() {
    let utf16: Vec<u8> = good().encode_utf16().flat_map(u16::to_le_bytes).collect();
    let test = Test::new().write("profiles.toml", [&b"\xff\xfe"[..], &utf16].concat());
    let run = test.run("stage").keeps_files();
    run.stderr(
        "error[manifest-encoding]: `profiles.toml` is UTF-16, not UTF-8\nhelp: save it as UTF-8 in your editor\n\
         see: `edgestage explain manifest`\n",
    )
    .fails(2);
    let test = Test::new().write("profiles.toml", b"[palette]\n# caf\xe9\n");
    let run = test.run("stage").keeps_files();
    run.error("manifest-encoding")
        .stderr_has("`profiles.toml` is not UTF-8: byte 0xe9 on line 2")
        .fails(2);
    let test = Test::new().write("profiles.toml", b"[palette]\nproject = \"a\0b\"\n");
    test.run("stage")
        .error("invalid-toml")
        .keeps_files()
        .fails(2);
}

#[test]
fn a_missing_file_says_where_it_was_looked_for() {
    let test = Test::new();
    std::fs::remove_file(test.path("profiles.toml")).unwrap();
    for command in [
        "check", "fetch", "stage", "unstage", "update", "verify", "show",
    ] {
        test.run(command)
            .error("manifest-missing")
            .stderr_has("`{dir}/profiles.toml`")
            .stderr_has("edgestage init")
            .keeps_files()
            .fails(2);
    }
    let run = test.run("check --file other/p.toml");
    run.error("manifest-missing")
        .stderr_has("`{dir}/other/p.toml`")
        .fails(2);
}

#[test]
fn a_directory_is_no_file() {
    let test = Test::new();
    let run = test.run("check --file CanvOS");
    run.error("manifest-unreadable")
        .stderr_has("`{dir}/CanvOS`")
        .fails(2);
}

/// Escape sequences in a file do not reach the terminal.
#[test]
fn nothing_in_the_file_moves_the_cursor() {
    let test = Test::new().manifest(
        "[definition.factory]\nprofiles = [\"a@1\", \"\\u001b[2Jb\"]\nx = \"\u{202e}\"\n",
    );
    let done = test.run("check").any_stderr().fails(2);
    assert!(
        !done.stderr.contains(['\u{1b}', '\u{202e}']),
        "{:?}",
        done.stderr
    );
}

#[test]
fn a_lock_that_cannot_be_read() {
    let test = Test::new().stage();
    let lock = test.text("profiles.lock");
    for (text, code, said) in [
        (
            lock.replace("version = 1\n", "version = 2\n"),
            "newer-lockfile",
            "version 2",
        ),
        (
            lock.replace("uid = ", "uuid = "),
            "invalid-lockfile",
            "is damaged",
        ),
        (
            format!("<<<<<<< HEAD\n{lock}"),
            "invalid-lockfile",
            "is damaged",
        ),
        (String::new(), "invalid-lockfile", "has no `version`"),
    ] {
        test.put("profiles.lock", &text);
        for command in ["stage", "verify", "update"] {
            test.run(command)
                .error(code)
                .stderr_has(said)
                .stderr_has("help: ")
                .keeps_files()
                .fails(2);
        }
    }
    test.put("profiles.lock", b"\xff\xfe");
    test.run("verify")
        .error("invalid-lockfile")
        .stderr_has("is not UTF-8")
        .fails(2);
}
