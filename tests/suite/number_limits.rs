//! Every number that a user can set, at its extremes: it is either refused by name, or used as
//! it is. There is no panic, no overflow, and no unexpected wait.

use std::time::Duration;

use palette_sim::World;

use crate::support::{FACTORY, HEAD, Test};

/// A latency in which a heartbeat is due, were it short.
const SLOW: Duration = Duration::from_millis(50);

fn slow() -> Test {
    Test::of(World::demo().latency(SLOW))
}

const NO_NUMBERS: [&str; 9] = [
    "-1",
    "-9223372036854775808",
    "18446744073709551616",
    "99999999999999999999999999",
    "1e999",
    "1.5",
    "nan",
    "0x10",
    "١",
];
const LARGE: [&str; 4] = [
    "4294967296",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
];

#[test]
fn numbers_in_flags_and_variables() {
    for (variable, flag) in [
        ("EDGESTAGE_HEARTBEAT", ""),
        ("EDGESTAGE_LOCK_TIMEOUT", "--lock-timeout"),
    ] {
        for value in LARGE.into_iter().chain(["0", "1", "007"]) {
            let test = slow();
            let run = test.run("stage").env(variable, value);
            let done = run.any_stdout().any_stderr().success();
            // One of a thread that only draws ends no run.
            assert!(!done.stderr.contains("panicked"), "{}", done.stderr);
            if !flag.is_empty() {
                let run = test.run("update").arg(flag).arg(value);
                run.any_stdout().any_stderr().success();
            }
        }
        for value in NO_NUMBERS {
            let test = slow();
            let run = test.run("stage").env(variable, value);
            run.error("invalid-variable")
                .stderr_has(variable)
                .keeps_files()
                .fails(2);
            if !flag.is_empty() {
                let run = test.run("stage").arg(&format!("{flag}={value}"));
                run.stderr_has(flag).keeps_files().fails(2);
            }
        }
    }
    for value in NO_NUMBERS.into_iter().chain(LARGE).chain(["0", "65536"]) {
        let test = slow();
        let run = test.run("fetch").arg(&format!("--jobs={value}"));
        run.stderr_has("--jobs").keeps_files().fails(2);
    }
    for variable in ["COLUMNS", "LINES"] {
        for value in LARGE.into_iter().chain(NO_NUMBERS).chain(["0"]) {
            let test = Test::new();
            let run = test.run("list").env(variable, value);
            run.any_stdout().any_stderr().success();
        }
    }
}

/// `stage` with `retries = 0` of `[palette]` replaced by this, and `[limits]` with that.
fn with((palette, limits): (&str, &str), code: i32, says: &str) {
    let head = HEAD.replace("retries = 0", palette);
    let text = format!("{head}\n[definition.factory]\n{FACTORY}\n\n[limits]\n{limits}\n");
    let test = slow().manifest(&text);
    let run = test.run("stage").any_stdout().stderr_has(says);
    match code {
        0 => drop(run.success()),
        code => drop(run.keeps_files().fails(code)),
    }
}

#[test]
fn numbers_in_the_manifest() {
    // The largest integer of TOML, and the largest that there is.
    for value in ["4294967296", "9223372036854775807", "18446744073709551615"] {
        with((&format!("timeout = {value}"), ""), 0, "");
        for key in ["archive", "unpacked", "entries"] {
            with(("retries = 0", &format!("{key} = {value}")), 0, "");
        }
    }
    // More attempts than can be counted are as many as can be.
    for value in ["4294967295", "9223372036854775807", "18446744073709551615"] {
        with((&format!("retries = {value}"), ""), 0, "");
    }
    with(("retries = 0", "unpacked = \"8589934591 GiB\""), 0, "");
    for value in [
        "-1",
        "-9223372036854775808",
        "18446744073709551616",
        "1e999",
        "1.5",
        "inf",
        "nan",
    ] {
        with((&format!("retries = {value}"), ""), 2, "retries");
    }
    for value in [
        "0",
        "-1",
        "-9223372036854775808",
        "18446744073709551616",
        "1e999",
        "1.5",
        "inf",
    ] {
        with((&format!("timeout = {value}"), ""), 2, "timeout");
        for key in ["archive", "unpacked", "entries"] {
            with(("retries = 0", &format!("{key} = {value}")), 2, key);
        }
    }
    for size in [
        "-1 GiB",
        "1e999 GiB",
        "18446744073709551615 GiB",
        "17179869184 GiB",
        "0 GiB",
    ] {
        with(
            ("retries = 0", &format!("archive = \"{size}\"")),
            2,
            "archive",
        );
    }
}
