//! `allow` of a definition accepts traps, as `--allow` does for a run.

use crate::build::{EARTHLY, build, with_earthly};
use crate::checkout::full;
use crate::support::Test;

const RAW: &str = "--target kairos-raw-image";

/// Sets `allow` of a definition.
fn allow(test: &Test, definition: &str, values: &str) {
    let text = test.text("profiles.toml");
    let heading = format!("[definition.{definition}]\n");
    let line = format!("{heading}allow = {values}\n");
    assert!(text.contains(&heading));
    let text = text.replacen(&format!("{heading}allow = "), &format!("{heading}# "), 1);
    test.put("profiles.toml", text.replacen(&heading, &line, 1));
}

#[test]
fn a_trap_that_the_definition_allows_is_a_warning() {
    let test = full().stage();
    let commands = ["check --offline", "stage"];
    for command in commands {
        let run = test.run(&format!("{command} {RAW}")).any_stdout();
        run.error("T13").fails(3);
    }
    for values in ["[\"T13\"]", "[\"T6\", \"raw-image\"]"] {
        allow(&test, "factory", values);
        for command in commands {
            let run = test.run(&format!("{command} {RAW}")).any_stdout();
            run.warning("T13")
                .stderr_has("accepted because `--allow` or `allow` names it")
                .success();
        }
    }
    // `--allow` adds to it.
    allow(&test, "factory", "[\"T6\"]");
    let run = test.run(&format!("check --offline {RAW}")).any_stdout();
    run.error("T13").fails(3);
    let run = test.run(&format!("check --offline {RAW} --allow T13"));
    run.any_stdout().warning("T13").success();
}

#[test]
fn build_accepts_what_the_definition_allows() {
    let test = with_earthly(EARTHLY);
    let run = build(&test, "-- +kairos-raw-image").error("T13");
    run.fails(3);
    allow(&test, "factory", "[\"raw-image\"]");
    let run = build(&test, "-- +kairos-raw-image").any_stdout();
    run.warning("T13")
        .warning("rehearsal-refused")
        .stderr_has("Building factory")
        .success();
}

/// One definition does not accept a trap for another one that takes turns with it.
#[test]
fn in_a_shared_checkout_all_definitions_must_allow_it() {
    let test = full().stage();
    let text = test.text("profiles.toml");
    let store = "\n[definition.store]\nprofiles = [\"edge-infra@2.1.0\"]\n";
    test.put("profiles.toml", format!("{text}{store}"));
    let check = |names: &str| {
        let run = test.run(&format!("check --offline {RAW} {names}"));
        run.any_stdout().any_stderr()
    };
    allow(&test, "factory", "[\"T13\"]");
    check("factory").warning("T13").success();
    check("store").error("T13").fails(3);
    check("").error("T13").fails(3);
    allow(&test, "store", "[\"T13\"]");
    check("").warning("T13").success();
    allow(&test, "factory", "[\"T6\"]");
    check("").error("T13").fails(3);
}

/// The number and the name of a trap are written as they are listed.
#[test]
fn what_is_not_a_trap_is_a_mistake() {
    let test = full();
    for value in ["T99", "t13", "13", "RAW-IMAGE", "raw_image"] {
        allow(&test, "factory", &format!("[\"{value}\"]"));
        let said = format!("`{value}` is not a valid value of `allow`");
        let run = test.run("check --offline").stderr_has(&said);
        run.error("invalid-value").fails(2);
    }
}
