//! Standard output has results, or one JSON document; everything else is on standard error.

use palette_sim::{Act, Fault, Route};
use serde_json::Value;

use crate::support::{Done, Test};

/// Returns the only document of a run, after checking its fixed fields.
#[track_caller]
fn document(done: &Done<'_>, command: &str) -> Value {
    let json = done.json();
    assert_eq!(json["command"], command);
    assert!(json["warnings"].is_array(), "{json}");
    json
}

/// The document of a run that fails.
#[track_caller]
fn failure(test: &Test, command: &str, exit_code: i32, code: &str) -> Value {
    let done = test
        .run(command)
        .arg("--json")
        .any_stdout()
        .any_stderr()
        .fails(exit_code);
    let json = done.json();
    let error = &json["error"];
    assert_eq!(error["exit_code"], exit_code, "{json}");
    assert_eq!(error["code"], code, "{json}");
    assert!(
        error["message"]
            .as_str()
            .is_some_and(|text| !text.is_empty()),
        "{json}"
    );
    assert!(
        error["help"].as_str().is_some_and(|text| !text.is_empty()),
        "{json}"
    );
    assert!(
        !done.stderr.contains("error"),
        "said twice: {}",
        done.stderr
    );
    json
}

#[test]
fn every_command_has_one_document() {
    let test = Test::new();
    for (command, field) in [
        ("check", "definitions"),
        ("fetch", "definitions"),
        ("stage", "definitions"),
        ("diff", "definitions"),
        ("outdated", "definitions"),
        ("upgrade", "changes"),
        ("list", "definitions"),
        ("cache list", "archives"),
        ("verify", "placements"),
        ("show", "profiles"),
        ("update", "definitions"),
        ("unstage", "removed"),
        ("cache clean", "removed"),
    ] {
        let done = test
            .run(command)
            .arg("--json")
            .any_stdout()
            .any_stderr()
            .success();
        let json = document(&done, command);
        assert!(json[field].is_array(), "{json}");
        assert!(json.get("error").is_none(), "{json}");
    }
    let done = test
        .run("verify --expect-none --json")
        .any_stdout()
        .success();
    document(&done, "verify");
    let done = test
        .run("init --json --file other/profiles.toml")
        .any_stdout()
        .any_stderr()
        .success();
    assert_eq!(
        document(&done, "init")["written"].as_array().unwrap().len(),
        1
    );
}

#[test]
fn the_documents_of_the_whole_path() {
    let test = Test::new();
    let stage = test.run("stage -q --json").any_stdout().success().json();
    let stage = &stage["definitions"][0];
    assert_eq!(stage["definition"], "factory");
    assert_eq!(stage["result"], "staged");
    assert_eq!(stage["origin"], "palette");
    let content = stage["content_sha256"].as_str().unwrap();
    assert!(test.text("profiles.lock").contains(content));
    assert_eq!(
        stage["placements"][1],
        test.path("CanvOS/spc.tgz").to_str().unwrap()
    );
    let again = test.run("stage -q --json").any_stdout().success().json();
    assert_eq!(again["definitions"][0]["result"], "unchanged");
    let verify = test.run("verify --json").any_stdout().success().json();
    assert_eq!(verify["placements"][0]["verdict"], "as-locked");
    let show = test.run("show --json").any_stdout().success().json();
    assert_eq!(show["profiles"][0]["name"], "edge-infra");
    assert_eq!(show["profiles"][0]["packs"].as_array().unwrap().len(), 3);
    assert_eq!(show["profiles"][1]["variables"][0]["name"], "namespace");
    let fetch = test.run("fetch -q --json").any_stdout().success().json();
    assert_eq!(fetch["definitions"][0]["lock"], "unchanged");
}

#[test]
fn a_failure_has_a_document_too() {
    let test = Test::new();
    failure(&test, "verify", 3, "no-lockfile");
    failure(&test, "stage --offline", 5, "offline");
    failure(&test, "stage --locked", 3, "no-lockfile");
    failure(&test, "stage nmae", 2, "unknown-definition");
    failure(&test, "stage --canvos none", 2, "no-checkout");
    failure(&test, "check --file none.toml", 2, "manifest-missing");
    failure(&test, "check --endpoint http://192.0.2.1", 2, "plain-http");
    test.sim.fault(Fault::on(Route::Projects, Act::status(401)));
    failure(&test, "stage", 4, "key-refused");
    test.sim.fault(Fault::on(Route::Download, Act::Html200));
    failure(&test, "stage", 6, "archive-refused");
    test.sim.fault(Fault::on(Route::Download, Act::status(503)));
    failure(&test, "stage", 5, "kept-failing");
    let test = Test::new().stage();
    test.sim.world(|world| world.publish("edge-k3s", "1.31.1"));
    let json = failure(&test, "fetch", 3, "drift");
    let notes = json["error"]["problems"][0]["notes"].to_string();
    assert!(notes.contains("edge-k3s 1.30.4 → 1.31.1"), "{notes}");
    test.put("CanvOS/spc.tgz", "x");
    let json = failure(&test, "verify", 3, "staged-differs");
    // What was found is there as well.
    assert_eq!(json["placements"][1]["verdict"], "differs");
    test.put("CanvOS/.arg", "CLUSTERCONFIG=x.tgz\n");
    test.put("CanvOS/x.tgz", "x");
    let json = failure(&test, "stage", 3, "T11");
    assert_eq!(json["error"]["problems"][0]["line"], 1);
    assert_eq!(json["error"]["problems"][0]["name"], "another-file");
}

#[test]
fn a_wrong_manifest_has_lines_and_columns() {
    let test = Test::new().definition("profiles = [\"edge\"]\nnmae = 1");
    let json = failure(&test, "check", 2, "invalid-manifest");
    let problems = json["error"]["problems"].as_array().unwrap();
    assert_eq!(problems.len(), 2);
    assert_eq!(problems[0]["file"], "profiles.toml");
    assert_eq!(
        (&problems[0]["line"], &problems[0]["column"]),
        (&10.into(), &13.into())
    );
}

#[test]
fn several_failures_are_one_document() {
    let test = Test::new();
    let manifest = test.text("profiles.toml");
    test.put(
        "profiles.toml",
        format!("{manifest}\n[definition.store]\nprofiles = [\"x@1\"]\n"),
    );
    test.sim.fault(Fault::on(Route::Download, Act::Html200));
    let json = failure(&test, "fetch", 6, "several");
    assert_eq!(json["error"]["problems"].as_array().unwrap().len(), 2);
}

#[test]
fn warnings_are_in_the_document() {
    let test = Test::new().definition("profiles = [\"edge-infra@2.1.0\", \"edge-logging@0.9.0\"]");
    let json = test.run("stage -q --json").any_stdout().success().json();
    let text = json["warnings"][0]["message"].as_str().unwrap();
    assert!(text.contains("has a draft that is not published"), "{text}");
}

#[test]
fn quiet_says_only_results_and_errors() {
    let test = Test::new().definition("profiles = [\"edge-infra@2.1.0\", \"edge-logging@0.9.0\"]");
    for command in [
        "check -q",
        "fetch -q",
        "update -q",
        "stage -q",
        "verify -q",
        "show -q",
        "unstage -q",
    ] {
        // Strict: nothing on standard error.
        test.run(command).any_stdout().success();
    }
    let run = test.run("verify -q --offline").any_stdout();
    run.error("staged-differs").fails(3);
}

#[test]
fn progress_goes_to_standard_error() {
    let test = Test::new();
    test.run("stage")
        .any_stdout()
        .stderr_has("   Resolving factory\n")
        .stderr_has("    Fetching factory\n")
        .stderr_has("    Verified factory: ")
        .stderr_has("      Locked factory in {dir}/profiles.lock\n")
        .stderr_has("      Staged factory in {dir}/CanvOS\n")
        .success();
}

#[test]
fn colour_is_for_terminals_or_on_request() {
    let test = Test::new();
    let done = test.run("check").any_stdout().success();
    assert!(!done.stderr.contains('\u{1b}'));
    let done = test
        .run("stage --color always")
        .any_stdout()
        .any_stderr()
        .success();
    assert!(done.stderr.contains('\u{1b}'));
    assert!(!done.stdout.contains('\u{1b}'));
    let done = test
        .run("stage --color never")
        .env("CLICOLOR_FORCE", "1")
        .any_stdout()
        .any_stderr()
        .success();
    assert!(!done.stderr.contains('\u{1b}'));
    let done = test
        .run("check --json --color always")
        .any_stdout()
        .any_stderr()
        .success();
    done.json();
}

#[test]
fn a_wrong_command_line() {
    let test = Test::new();
    for (line, said) in [
        ("stag", "unrecognized subcommand 'stag'"),
        ("stage --lockd", "unexpected argument '--lockd'"),
        ("verify a b", "unexpected argument 'b'"),
        ("check --color sometimes", "invalid value 'sometimes'"),
        ("verify factory --expect-none", "cannot be used with"),
        ("stage -q -v", "cannot be used with"),
    ] {
        test.run(line).stderr_has(said).keeps_files().fails(2);
        let done = test
            .run(line)
            .arg("--json")
            .any_stdout()
            .keeps_files()
            .fails(2);
        let json = done.json();
        assert_eq!(json["error"]["exit_code"], 2);
        assert!(
            json["error"]["message"].as_str().unwrap().contains(said),
            "{json}"
        );
        assert!(json["error"]["help"].is_string());
    }
    test.run("").any_stderr().fails(2);
}

#[test]
fn help_and_version_are_results() {
    let test = Test::new();
    test.run("--version")
        .stdout(&format!("edgestage {}\n", env!("CARGO_PKG_VERSION")))
        .success();
    let run = test
        .run("--help")
        .stdout_has("Exit codes: 0 success")
        .stdout_has("stage");
    run.keeps_files().success();
    for command in [
        "init", "check", "fetch", "stage", "unstage", "update", "verify", "show",
    ] {
        test.run(command)
            .arg("--help")
            .stdout_has("Usage: edgestage")
            .success();
    }
}

/// It is not a failure if the reader stops reading.
#[test]
fn a_closed_standard_output() {
    for command in ["show", "show --json", "verify"] {
        let test = Test::new().stage();
        let mut child = test.run(command).spawn();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", output.status);
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    }
}
