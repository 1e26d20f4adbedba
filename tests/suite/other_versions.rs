//! Files and documents of other versions: how an older edgestage reacts to newer ones, and that
//! a newer one reads what an older one wrote. `tests/fixtures/form-1` is what 0.1.0 wrote; it
//! never changes.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::support::Test;
use crate::support::schema::OUTPUT;

const OWN: &str = env!("CARGO_PKG_VERSION");

fn fixture(name: &str) -> Vec<u8> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    fs::read(root.join("tests/fixtures/form-1").join(name)).unwrap()
}

/// Returns a site whose lock begins with `head` in place of its version.
fn locked_with(head: &str) -> Test {
    let test = Test::new().stage();
    let lock = test.text("profiles.lock");
    test.put("profiles.lock", lock.replacen("version = 1\n", head, 1));
    test
}

#[track_caller]
fn refused(head: &str, said: &str) {
    let test = locked_with(head);
    for command in ["stage", "verify", "update", "list", "check --offline"] {
        let run = test
            .run(command)
            .stderr(&format!("{said}  = see: `edgestage explain lock`\n"))
            .keeps_files();
        run.fails(2);
    }
}

#[test]
fn a_lock_of_a_newer_edgestage_is_left_alone() {
    refused(
        "version = 2\n",
        &format!(
            "error[newer-lockfile]: `{{dir}}/profiles.lock` was written by a newer edgestage\n \
             --> {{dir}}/profiles.lock:3:11\n  \
             |\n\
             3 | version = 2\n  \
             |           ^ this is version 2, but edgestage {OWN} reads version 1\n  \
             |\n  \
             = help: install the edgestage that wrote it, or a later one\n"
        ),
    );
    // It may say which one it needs, and have keys and forms that are not known here.
    let newer = "edgestage = \"1.3.0\"\nsignatures = [{ by = \"x\" }]\nversion = 12\n";
    let test = locked_with(newer);
    let run = test.run("stage").keeps_files();
    run.error("newer-lockfile")
        .stderr_has("version 12, but edgestage")
        .stderr_has("profiles.lock:5:11")
        .stderr_has("= help: install edgestage 1.3.0 or later\n")
        .fails(2)
        .says("help", 1);
    // Not whatever stands there.
    for odd in ["\"\\u001b[2J\"", "\"rm -rf\"", "3", "\"\""] {
        let test = locked_with(&format!("edgestage = {odd}\nversion = 2\n"));
        let run = test.run("verify").keeps_files();
        run.error("newer-lockfile")
            .stderr_has("= help: install the edgestage that wrote it")
            .fails(2);
    }
}

#[test]
fn a_lock_without_a_version_that_is_one() {
    let restore = "  |\n  = help: restore the file from version control, or delete it and run `edgestage fetch`\n";
    refused(
        "",
        &format!(
            "error[invalid-lockfile]: `{{dir}}/profiles.lock` has no `version`\n \
             --> {{dir}}/profiles.lock:4:1\n  \
             |\n\
             4 | [definition.factory]\n  \
             | ^ `version = 1` is missing\n\
             {restore}"
        ),
    );
    for (value, title, label) in [
        ("0", "has an invalid version", "^ versions start at 1"),
        ("-1", "has an invalid version", "^^ versions start at 1"),
    ] {
        refused(
            &format!("version = {value}\n"),
            &format!(
                "error[invalid-lockfile]: `{{dir}}/profiles.lock` {title}\n \
                 --> {{dir}}/profiles.lock:3:11\n  \
                 |\n\
                 3 | version = {value}\n  \
                 |           {label}\n\
                 {restore}"
            ),
        );
    }
    for (value, found) in [
        ("\"1\"", "^^^ this is a string"),
        ("1.5", "^^^ this is a number"),
        ("[1]", "^^^ this is an array"),
        ("true", "^^^^ this is true or false"),
    ] {
        refused(
            &format!("version = {value}\n"),
            &format!(
                "error[invalid-lockfile]: `version` in `{{dir}}/profiles.lock` is not a whole number\n \
                 --> {{dir}}/profiles.lock:3:11\n  \
                 |\n\
                 3 | version = {value}\n  \
                 |           {found}\n\
                 {restore}"
            ),
        );
    }
}

/// An unknown key that resembles no known one may come from a later version.
#[test]
fn an_unknown_key_may_be_of_a_newer_edgestage() {
    let newer = format!(
        "= help: if the key belongs to a newer edgestage, install that version: this is {OWN}\n"
    );
    let test = Test::new().definition("profiles = [\"a@1\"]\nsignature = \"x\"");
    let run = test
        .run("check")
        .error("unknown-key")
        .stderr_has("unknown key `signature`");
    run.stderr_has(&newer)
        .keeps_files()
        .fails(2)
        .says("= help: ", 2);
    // A slip of the pen is a slip of the pen.
    let test = Test::new().definition("profile = [\"a@1\"]\nprofiles = [\"a@1\"]");
    let done = test
        .run("check")
        .error("unknown-key")
        .stderr_has("did you mean `profiles`?")
        .fails(2);
    done.says("newer edgestage", 0);
}

/// Manifest, lock and archive as they were committed: they are staged without a connection and
/// a key, and none of them is rewritten.
#[test]
fn what_0_1_0_locked_is_staged() {
    let test = Test::new();
    for name in ["profiles.toml", "profiles.lock", "hello.yaml"] {
        test.put(name, fixture(name));
    }
    let content = "8af4c63b22510da750ced65705270eb1307f20bff364044bae3edfac41f85586";
    let archive = format!("archives/{content}.tgz");
    test.put(&format!("vendor/{archive}"), fixture(&archive));
    let lock = test.facts("profiles.lock");
    let run = test
        .run("stage factory -q --locked --offline")
        .without_key();
    run.any_stdout().success();
    assert_eq!(test.staged(), fixture(&archive));
    let run = test.run("verify factory --json").any_stdout().success();
    assert_eq!(run.json()["content_sha256"], content);
    let done = test.run("list --locked").any_stdout().success();
    assert_eq!(done.stdout.matches("current").count(), 3, "{}", done.stdout);
    assert_eq!(test.facts("profiles.lock"), lock);
    assert_eq!(test.sim.connections(), 0);
    // What is locked anew is written as it was then.
    let text = String::from_utf8(fixture("profiles.lock")).unwrap();
    let read = edgestage::lockfile::Lockfile::load(&test.path("profiles.lock")).unwrap();
    assert_eq!(read.to_string(), text);
}

/// Every field of form 1 that a script may read still exists and has the same type. Additional
/// fields are allowed.
#[test]
fn the_documents_of_0_1_0_are_still_documented() {
    let documents: Vec<Value> = serde_json::from_slice(&fixture("documents.json")).unwrap();
    let mut commands = BTreeSet::new();
    for document in &documents {
        assert_eq!(document["schema"], 1);
        assert_eq!(OUTPUT.gone_since(document), [""; 0], "{document:#}");
        commands.insert(document["command"].as_str().unwrap());
    }
    assert_eq!(commands.len(), 19, "{commands:?}");
    // A field that is gone would be seen.
    let mut document = documents[0].clone();
    document["written"] = "x".into();
    assert_ne!(OUTPUT.gone_since(&document), [""; 0]);
    document["written"] = Value::Null;
    document["wrote"] = Value::Array(Vec::new());
    assert_ne!(OUTPUT.gone_since(&document), [""; 0]);
}
