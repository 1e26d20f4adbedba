//! Changes that other runs make to `profiles.lock` and `profiles.toml` while one run is slow:
//! none of them is lost, and nothing older replaces them.
//!
//! The slow run is parked at a failpoint, so its archive takes as long as the test needs. A
//! release has no failpoints.
#![cfg(debug_assertions)]

use crate::support::{HEAD, OVERLAY, Run, Test};

/// Names of the lock's entries, in the file's order.
fn locked(test: &Test) -> Vec<String> {
    let lines = test.text("profiles.lock");
    let names = lines.lines().filter_map(|line| {
        let name = line.strip_prefix("[definition.")?.strip_suffix(']')?;
        Some(name.to_owned())
    });
    names.collect()
}

/// The entry of `name`, word for word.
fn entry(test: &Test, name: &str) -> String {
    let lock = test.text("profiles.lock");
    let from = lock.find(&format!("\n[definition.{name}]")).unwrap();
    let rest = &lock[from + 1..];
    let to = rest.find("\n[definition.").unwrap_or(rest.len());
    rest[..to].to_owned()
}

/// Definitions with these names and profiles.
fn with(definitions: &[(&str, &str)]) -> Test {
    let table = |(name, profile): &(&str, &str)| {
        format!("\n[definition.{name}]\nprofiles = [\"{profile}\"]\ncanvos = \"CanvOS-{name}\"\n")
    };
    let tables: String = definitions.iter().map(table).collect();
    let test = Test::new().manifest(&format!("{HEAD}{tables}"));
    for (name, _) in definitions {
        test.checkout(&format!("CanvOS-{name}"));
    }
    test
}

const A: (&str, &str) = ("a", "edge-infra@2.1.0");
const B: (&str, &str) = ("b", "edge-infra@2.0.0");

fn quiet<'t>(test: &'t Test, command: &str) -> Run<'t> {
    test.run(command).arg("-q").any_stdout()
}

/// Does it, whatever it says.
fn does(test: &Test, command: &str) {
    quiet(test, command).any_stderr().success();
}

#[test]
fn a_definition_that_is_added_and_locked_meanwhile_stays_locked() {
    for (command, failpoint) in [
        ("fetch a", "archive-begun"),
        ("fetch", "archive-received"),
        ("update a", "archive-cached"),
        ("stage a", "archive-begun"),
    ] {
        let test = with(&[A]);
        let slow = quiet(&test, command).park_at(failpoint);
        does(&test, "add edge-infra@2.0.0 --to b");
        does(&test, "fetch b");
        slow.success();
        assert_eq!(locked(&test), ["a", "b"], "{command}");
        test.sim.world(|world| world.publish("edge-k3s", "1.31.1"));
        test.run("fetch b")
            .error("drift")
            .stderr_has("`b`")
            .fails(3);
    }
}

/// Another definition is renamed or removed meanwhile, and its old entry does not return.
#[test]
fn another_definition_is_renamed_or_removed_meanwhile() {
    for (command, after) in [("rename b c", &["a", "c"][..]), ("remove b", &["a"])] {
        let test = with(&[A, B]);
        does(&test, "fetch b");
        let before = entry(&test, "b");
        let slow = quiet(&test, "fetch a").park_at("archive-begun");
        does(&test, command);
        slow.success();
        assert_eq!(locked(&test), after, "{command}");
        if after.contains(&"c") {
            let renamed = before.replace("definition.b", "definition.c");
            assert_eq!(entry(&test, "c"), renamed);
            does(&test, "fetch --locked --offline c");
        }
    }
}

/// The slow run's own definition has another name, or none, when the run is done.
#[test]
fn the_definition_itself_is_renamed_or_removed_meanwhile() {
    for (slow, before) in [
        ("fetch b", ""),
        ("update b", "fetch b"),
        ("stage b", ""),
        ("fetch b", "fetch a"),
    ] {
        for (command, new) in [("rename b c", Some("c")), ("remove b", None)] {
            let test = with(&[A, B]);
            if !before.is_empty() {
                does(&test, before);
            }
            let others = before == "fetch a";
            let moved = before == "fetch b";
            let slow = quiet(&test, slow).any_stderr().park_at("archive-begun");
            does(&test, command);
            slow.fails(3).says(
                "error[changed-meanwhile]: `b` is no longer in profiles.toml",
                1,
            );
            assert_eq!(test.path("profiles.lock").exists(), others || moved);
            if others || moved {
                let a = others.then_some("a");
                let expected: Vec<&str> = a.into_iter().chain(new.filter(|_| moved)).collect();
                assert_eq!(locked(&test), expected, "{command}");
            }
            assert!(!test.path(&format!("CanvOS-b/{OVERLAY}")).exists());
        }
    }
}

/// One of several definitions is removed: the others are still locked.
#[test]
fn one_of_several_is_removed_meanwhile() {
    let test = with(&[A, B]);
    let slow = quiet(&test, "fetch").any_stderr().park_at("archive-begun");
    does(&test, "remove b");
    slow.fails(3);
    assert_eq!(locked(&test), ["a"]);
}

/// Runs that edit wait for a run that is writing the lock.
#[test]
fn a_rename_after_the_lock_was_taken() {
    for failpoint in ["lock-held", "written-aside", "lock-written"] {
        let test = with(&[A, B]);
        let slow = quiet(&test, "fetch b").park_at(failpoint);
        let mut rename = test.run("rename b c").any_stderr().start();
        rename.says("Waiting for profiles.lock");
        slow.success();
        rename.success();
        assert_eq!(locked(&test), ["c"], "{failpoint}");
        does(&test, "fetch --locked --offline c");
    }
}

#[test]
fn a_definition_is_changed_meanwhile() {
    for command in ["fetch a", "update a", "stage a"] {
        let test = with(&[A]);
        let slow = quiet(&test, command).any_stderr().park_at("archive-begun");
        does(&test, "add hello-universe@1.2.0 --to a");
        does(&test, "fetch a");
        let newer = entry(&test, "a");
        slow.fails(3)
            .says("`a` changed in profiles.toml during this run", 1);
        assert_eq!(entry(&test, "a"), newer, "{command}");
    }
}

/// Another run has locked what Palette serves now; the slow run has an older answer.
#[test]
fn a_newer_entry_is_not_replaced_by_an_older_one() {
    for (slow, before) in [("fetch a", ""), ("stage a", ""), ("update a", "fetch a")] {
        let test = with(&[A]);
        if !before.is_empty() {
            does(&test, before);
            // Else its archive is in the cache already.
            test.sim.world(|world| world.publish("edge-k3s", "1.31.0"));
        }
        let slow = quiet(&test, slow).any_stderr().park_at("archive-received");
        test.sim.world(|world| world.publish("edge-k3s", "1.31.1"));
        does(&test, "update a");
        let newer = entry(&test, "a");
        slow.fails(3)
            .says("the lock entry of `a` changed during this run", 1);
        assert_eq!(entry(&test, "a"), newer);
        assert!(!test.path(&format!("CanvOS-a/{OVERLAY}")).exists());
    }
}

/// Two runs lock the same definition at once: it is one definition.
#[test]
fn an_entry_that_says_the_same_is_no_contradiction() {
    let test = with(&[A]);
    let slow = quiet(&test, "fetch a").park_at("archive-received");
    does(&test, "fetch a");
    let entry_before = entry(&test, "a");
    slow.success();
    assert_eq!(entry(&test, "a"), entry_before);
}

/// What was locked when `stage` began is no longer locked when it gets the checkout.
#[test]
fn an_update_while_stage_waits_for_the_checkout() {
    let test = with(&[A]);
    does(&test, "fetch a");
    let slow = quiet(&test, "stage a")
        .any_stderr()
        .park_at("checkout-held");
    test.sim.world(|world| world.publish("edge-k3s", "1.31.1"));
    does(&test, "update a");
    slow.fails(3)
        .says("the lock entry of `a` changed during this run", 1);
    assert!(!test.path(&format!("CanvOS-a/{OVERLAY}")).exists());
    does(&test, "stage a");
    does(&test, "verify a");
}

/// The file is open in an editor: its state in between decides nothing.
#[test]
fn the_manifest_is_being_edited_meanwhile() {
    for text in ["[definition.a\n", ""] {
        let test = with(&[A, B]);
        does(&test, "fetch b");
        let manifest = test.text("profiles.toml");
        let slow = quiet(&test, "fetch a").park_at("archive-begun");
        test.put("profiles.toml", text);
        slow.success();
        assert_eq!(locked(&test), ["a", "b"]);
        test.put("profiles.toml", manifest);
        does(&test, "fetch --locked --offline");
    }
}

/// `rename` writes the lock first. A run in between does not remove the entry that the same
/// `rename` needs to be completed.
#[test]
fn a_rename_that_was_killed_half_way() {
    let test = with(&[A, B]);
    does(&test, "fetch b");
    let before = entry(&test, "b");
    assert!(quiet(&test, "rename b c").kill_at("lock-written", 1));
    assert_eq!(locked(&test), ["c"]);
    does(&test, "fetch a");
    assert_eq!(locked(&test), ["a", "c"]);
    does(&test, "rename b c");
    assert_eq!(locked(&test), ["a", "c"]);
    assert_eq!(
        entry(&test, "c"),
        before.replace("definition.b", "definition.c")
    );
    does(&test, "fetch --locked --offline c");
}
