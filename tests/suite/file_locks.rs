//! Several runs at once: which run waits for which, for how long, and which need not wait.
//!
//! The first run is parked at a failpoint, so that it holds what the second wants for as long
//! as the test needs. A release has no failpoints.
#![cfg(debug_assertions)]

use serde_json::Value;

use crate::support::{Going, HEAD, OVERLAY, ROOT, Run, Test};

/// `factory` is locked and cached; nothing is staged.
fn fetched() -> Test {
    let test = Test::new();
    test.run("fetch -q").any_stdout().success();
    test
}

/// `factory` is staged, and another version of it is locked and cached.
fn fetched_over_another() -> Test {
    let test = Test::new()
        .stage()
        .definition("profiles = [\"edge-infra@2.0.0\"]");
    test.run("fetch -q").any_stdout().success();
    test
}

/// `a` and `b` with a checkout each.
fn two() -> Test {
    let test = Test::new().manifest(&format!(
        "{HEAD}\n[definition.a]\nprofiles = [\"edge-infra@2.1.0\"]\ncanvos = \"CanvOS-a\"\n\
         [definition.b]\nprofiles = [\"edge-infra@2.0.0\"]\ncanvos = \"CanvOS-b\"\n"
    ));
    test.checkout("CanvOS-a");
    test.checkout("CanvOS-b");
    test
}

/// A quiet run that may print what it likes.
fn quiet<'t>(test: &'t Test, command: &str) -> Run<'t> {
    test.run(command).arg("-q").any_stdout()
}

/// Returns the description of a run that waiting runs print.
fn named(command: &str, run: &Going<'_>) -> String {
    format!("edgestage {command}, process {} on ", run.id())
}

fn verdicts(document: &Value) -> Vec<&str> {
    let placements = document["placements"].as_array().unwrap().iter();
    placements
        .map(|placement| placement["verdict"].as_str().unwrap())
        .collect()
}

#[test]
fn the_second_run_in_a_checkout_waits_and_says_for_whom() {
    for failpoint in ["checkout-held", "overlay-renamed"] {
        for (command, end) in [
            ("stage factory", "verify"),
            ("unstage", "verify --expect-none"),
        ] {
            let test = fetched();
            let first = quiet(&test, "stage factory").park_at(failpoint);
            let holder = named("stage factory", &first);
            let mut second = test.run(command).any_stdout().any_stderr().start();
            second.says(&format!("Waiting for the checkout, which {holder}"));
            first.success();
            second.success().says("Waiting", 1);
            test.run(end).any_stdout().success();
        }
    }
}

/// The lock of a checkout does not depend on the manifest.
#[test]
fn runs_of_two_sites_in_one_checkout() {
    let test = fetched();
    test.put("other/profiles.toml", test.text("profiles.toml"));
    let first = quiet(&test, "stage").park_at("overlay-renamed");
    let mut second = test
        .run("stage --file other/profiles.toml --canvos CanvOS")
        .any_stdout()
        .any_stderr()
        .start();
    second.says("Waiting for the checkout");
    first.success();
    second.success();
    test.staged();
}

#[test]
fn stage_waits_for_unstage() {
    let test = Test::new().stage();
    let first = quiet(&test, "unstage").park_at("overlay-removed");
    let mut second = test.run("stage").any_stdout().any_stderr().start();
    second.says(&format!("the checkout, which {}", named("unstage", &first)));
    first.success();
    second.success();
    test.run("verify").any_stdout().success();
}

#[test]
fn a_run_that_is_waited_for_is_killed() {
    for failpoint in ["checkout-held", "root-copied", "overlay-renamed"] {
        let test = fetched();
        let first = quiet(&test, "stage").park_at(failpoint);
        let mut second = test.run("stage").any_stdout().any_stderr().start();
        second.says("Waiting for the checkout");
        first.kill();
        second.success();
        test.run("verify").any_stdout().success();
        let tree = test.tree();
        assert!(!tree.contains("/.edgestage-"), "{tree}");
    }
}

#[test]
fn a_run_that_waits_too_long_says_who_has_the_checkout() {
    let test = fetched();
    let first = quiet(&test, "stage factory").park_at("checkout-held");
    let holder = named("stage factory", &first);
    for command in ["stage", "unstage"] {
        test.run(command)
            .arg("--lock-timeout=1")
            .error("busy")
            .stderr_has("another run is still using the checkout")
            .stderr_has(&format!("it is {holder}"))
            .keeps_files()
            .fails(1);
    }
    test.run("stage -q")
        .env("EDGESTAGE_LOCK_TIMEOUT", "0")
        .error("busy")
        .stderr_has(&format!("it is {holder}"))
        .keeps_files()
        .fails(1);
    let busy = test.run("stage --json --lock-timeout 0").any_stdout();
    let document = busy.any_stderr().keeps_files().fails(1).json();
    assert_eq!(document["error"]["code"], "busy");
    assert_eq!(document["error"]["exit_code"], 1);
    first.success();
    test.run("verify").any_stdout().success();
}

#[test]
fn a_run_that_waits_too_long_for_the_lock() {
    let test = two();
    let first = quiet(&test, "fetch a").park_at("lock-held");
    test.run("fetch b --lock-timeout 0")
        .error("busy")
        .stderr_has("another run is still using profiles.lock")
        .fails(1);
    assert!(!test.path("profiles.lock").exists());
    first.success();
    // What was fetched in vain is cached, and not what is locked.
    let lock = test.text("profiles.lock");
    assert!(lock.contains("[definition.a]") && !lock.contains("[definition.b]"));
}

/// The flag overrides the variable, and a number that exceeds every clock means forever.
#[test]
fn how_long_is_waited() {
    let test = fetched();
    for value in ["soon", "-1", "1.5", "1s", "18446744073709551616"] {
        test.run("stage")
            .env("EDGESTAGE_LOCK_TIMEOUT", value)
            .error("invalid-variable")
            .stderr_has("`EDGESTAGE_LOCK_TIMEOUT`")
            .keeps_files()
            .fails(2);
        test.run("stage")
            .arg(&format!("--lock-timeout={value}"))
            .stderr_has("--lock-timeout")
            .keeps_files()
            .fails(2);
    }
    let first = quiet(&test, "stage").park_at("checkout-held");
    let mut second = test
        .run("stage --lock-timeout 18446744073709551615")
        .env("EDGESTAGE_LOCK_TIMEOUT", "0")
        .any_stdout()
        .any_stderr()
        .start();
    second.says("Waiting");
    first.success();
    second.success();
    // Set to nothing is not set.
    quiet(&test, "stage")
        .env("EDGESTAGE_LOCK_TIMEOUT", "")
        .success();
}

/// A locked definition is fetched once for all runs that wait for it.
#[test]
fn one_download_for_two_runs() {
    let test = fetched();
    test.forget_cache();
    let first = quiet(&test, "stage factory").park_at("archive-begun");
    let holder = named("stage factory", &first);
    let mut second = test.run("stage").any_stdout().any_stderr().start();
    second.says(&format!("Waiting for `factory`, which {holder}"));
    let asked = test.sim.requests().len();
    first.success();
    second.success().says("is fetching", 1);
    assert_eq!(
        test.downloads(),
        2,
        "the one of `fetch`, and that of the first"
    );
    let of_the_second = test.sim.requests().split_off(asked);
    assert!(
        of_the_second
            .iter()
            .all(|request| request.path.ends_with("/download"))
    );
    test.run("verify").any_stdout().success();
    assert!(!test.tree().contains(".claim"), "{}", test.tree());
}

/// The same with nothing locked before. The first run still has to lock the archive: the second
/// must not mistake the gap for a reason to fetch.
#[test]
fn one_download_for_two_runs_of_a_new_definition() {
    for failpoint in ["archive-begun", "archive-cached", "lock-held"] {
        let test = Test::new();
        let first = quiet(&test, "stage").park_at(failpoint);
        let mut second = test.run("stage").any_stdout().any_stderr().start();
        second.says("Waiting for ");
        first.success();
        second.success();
        assert_eq!(test.downloads(), 1, "{failpoint}");
        test.run("verify").any_stdout().success();
    }
}

/// `a` and `d`, and `b` and `c`, ask the same; each has a checkout.
fn alike() -> Test {
    let [old, new] = ["2.0.0", "2.1.0"].map(|version| format!("edge-infra@{version}"));
    let all = [("a", &new), ("b", &old), ("c", &old), ("d", &new)];
    let table = |(name, asked)| {
        format!("\n[definition.{name}]\nprofiles = [\"{asked}\"]\ncanvos = \"CanvOS-{name}\"\n")
    };
    let tables = all.map(table).concat();
    let test = Test::new().manifest(&format!("{HEAD}{tables}"));
    for (name, _) in all {
        test.checkout(&format!("CanvOS-{name}"));
    }
    test
}

/// After a run has fetched one definition, it no longer holds it while it fetches the next.
#[test]
fn a_run_does_not_wait_for_itself() {
    let test = alike();
    let run = test.run("stage --jobs 1 --lock-timeout 5 a d").any_stdout();
    run.any_stderr().success().says("Waiting", 0);
    for name in ["a", "d"] {
        quiet(&test, "verify").arg(name).success();
    }
}

/// One run has `a` and waits for `c`; the other has the same as `c` and then wants the same as
/// `a`.
#[test]
fn two_runs_do_not_wait_for_each_other_for_ever() {
    let test = alike();
    let second = test.run("stage --jobs 1 --lock-timeout 5 b d").any_stdout();
    let second = second.any_stderr().park_at("archive-begun");
    let first = test.run("stage --jobs 1 --lock-timeout 5 a c").any_stdout();
    let mut first = first.any_stderr().start();
    first.says(&format!(
        "Waiting for `c`, which {}",
        named("stage b d", &second)
    ));
    second.success().says("Waiting for `d`", 0);
    first.success();
    for name in ["a", "b", "c", "d"] {
        quiet(&test, "verify").arg(name).success();
    }
}

#[test]
fn a_run_that_fetches_is_killed_and_the_next_takes_over() {
    for failpoint in ["archive-begun", "archive-received", "archive-cached"] {
        let test = Test::new();
        let first = quiet(&test, "stage").park_at(failpoint);
        let mut second = test.run("stage").any_stdout().any_stderr().start();
        second.says("Waiting for `factory`");
        first.kill();
        second.success();
        test.run("verify").any_stdout().success();
        let tree = test.tree();
        assert!(
            !tree.contains(".claim") && !tree.contains("/.edgestage-"),
            "{tree}"
        );
    }
}

/// Waiting for another run's download saves a download, but is not required.
#[test]
fn a_download_that_takes_too_long_is_not_waited_for() {
    let test = fetched();
    test.forget_cache();
    let first = quiet(&test, "stage").park_at("archive-begun");
    quiet(&test, "stage --lock-timeout 0").success();
    test.run("verify").any_stdout().success();
    let staged = test.staged();
    first.success();
    assert_eq!(test.staged(), staged);
    assert_eq!(test.downloads(), 3);
}

#[test]
fn two_definitions_are_locked_one_after_the_other() {
    let test = two();
    for (command, failpoint) in [("fetch", "lock-held"), ("update", "written-aside")] {
        let _ = std::fs::remove_file(test.path("profiles.lock"));
        let first = quiet(&test, command).arg("a").park_at(failpoint);
        let mut second = test.run("fetch b").any_stdout().any_stderr().start();
        second.says("Waiting for profiles.lock, which another edgestage is using");
        first.success();
        second.success();
        let lock = test.text("profiles.lock");
        assert!(lock.contains("[definition.a]") && lock.contains("[definition.b]"));
    }
}

/// Runs wait only for what they share.
#[test]
fn runs_in_two_checkouts_do_not_wait_for_each_other() {
    let test = two();
    quiet(&test, "fetch").success();
    let first = quiet(&test, "stage a").park_at("overlay-renamed");
    quiet(&test, "stage b --lock-timeout 0").success();
    quiet(&test, "verify b").success();
    first.success();
    // The lock is not a matter of a run that has nothing to write there.
    let first = quiet(&test, "update a").park_at("lock-held");
    quiet(&test, "unstage b --lock-timeout 0").success();
    first.success();
}

#[test]
fn a_reader_between_the_renames_sees_whole_files() {
    for (place, root) in [
        (fetched as fn() -> Test, "missing"),
        (fetched_over_another, "differs"),
    ] {
        for (failpoint, overlay) in [
            ("overlay-copied", root),
            ("stage-remembered", root),
            ("overlay-renamed", "as-locked"),
        ] {
            let test = place();
            let first = quiet(&test, "stage").park_at(failpoint);
            let document = test.run("verify --json").any_stdout().fails(3).json();
            assert_eq!(verdicts(&document), [overlay, root], "{failpoint}");
            assert!(!document.to_string().contains("no archive"), "{document:#}");
            first.success();
            test.run("verify").any_stdout().success();
        }
    }
}

#[test]
fn readers_wait_for_nobody() {
    for failpoint in ["checkout-held", "overlay-copied", "overlay-renamed"] {
        let test = fetched();
        let first = quiet(&test, "stage").park_at(failpoint);
        for command in ["show", "list", "cache list", "verify", "check --offline"] {
            let run = test.run(command).any_stdout().any_stderr();
            let run = run.env("EDGESTAGE_LOCK_TIMEOUT", "0").keeps_files();
            match command {
                "verify" => drop(run.fails(3)),
                "check --offline" if failpoint == "overlay-renamed" => drop(run.fails(3)),
                _ => drop(run.success()),
            }
        }
        first.success();
    }
    let test = fetched_over_another();
    let first = quiet(&test, "update").park_at("lock-held");
    for command in ["show", "list", "cache list", "fetch --offline"] {
        let run = test.run(command).any_stdout().any_stderr();
        run.env("EDGESTAGE_LOCK_TIMEOUT", "0").success();
    }
    first.success();
}

/// A run keeps the files that it has open, and a file that it is about to rename is not a
/// killed run's.
#[test]
fn the_cache_is_emptied_under_a_run() {
    for failpoint in [
        "archive-begun",
        "archive-received",
        "archive-cached",
        "lock-written",
        "checkout-held",
        "overlay-copied",
        "overlay-renamed",
    ] {
        let test = Test::new();
        let first = quiet(&test, "stage").park_at(failpoint);
        quiet(&test, "cache clean").success();
        first.success();
        test.run("verify").any_stdout().success();
        for placement in [OVERLAY, ROOT] {
            assert_eq!(test.facts(&Test::placement(placement)).mode, 0o644);
        }
    }
}
