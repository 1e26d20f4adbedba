//! What the lock says about an archive proves nothing: only the archive's contents count.

use crate::support::{HEAD, IN_ISO, OVERLAY, Proof, ROOT, Test, archive, sha256};

/// Another archive, which no definition is.
fn other() -> Vec<u8> {
    archive(&[("spc/other", "of somebody else")])
}

/// Makes `sha256` and `size` of the lock those of `archive`; the content stays.
fn claim(test: &Test, archive: &[u8]) {
    let changed = |line: &str| match line.split_once(" = ") {
        Some(("sha256", _)) => format!("sha256 = \"{}\"\n", sha256(archive)),
        Some(("size", _)) => format!("size = {}\n", archive.len()),
        _ => format!("{line}\n"),
    };
    let lock: String = test.text("profiles.lock").lines().map(changed).collect();
    test.put("profiles.lock", lock);
}

#[test]
fn a_digest_does_not_prove_what_is_staged() {
    let test = Test::new().stage();
    for placement in [OVERLAY, ROOT] {
        test.put(&Test::placement(placement), other());
    }
    claim(&test, &other());
    test.run("verify")
        .stdout_has("differs")
        .any_stderr()
        .fails(3);
    let run = test.run("check --offline").stdout_has("differs");
    run.any_stderr().fails(3);
    // It is staged anew from the cache, whose archive holds what is locked.
    let run = test.run("stage -q --locked --offline").any_stdout();
    run.any_stderr().success();
    assert_ne!(test.staged(), other());
    test.run("verify").any_stdout().success();
}

#[test]
fn a_digest_does_not_prove_what_is_cached() {
    let test = Test::new().stage();
    claim(&test, &other());
    for path in test.cached() {
        std::fs::write(path, other()).unwrap();
    }
    test.run("unstage -q").any_stdout().any_stderr().success();
    let run = test.run("stage -q --locked --offline").any_stdout();
    run.error("cache-damaged").stderr_has("is damaged").fails(5);
}

#[test]
fn a_digest_does_not_prove_what_is_in_an_image() {
    let proof = Proof::new();
    let image = proof.iso("a.iso", &proof.overlay().with(IN_ISO, other()));
    claim(&proof.test, &other());
    let run = proof.run(&[&image]).stdout_has("another definition");
    run.any_stderr().fails(3);
}

/// A merge may combine the definition of one side with the entry of the other.
#[test]
fn an_entry_of_another_version_is_outdated() {
    let test = Test::new().manifest(&format!(
        "{HEAD}\n[definition.factory]\nprofiles = [\"edge-infra@2.1.0\"]\n"
    ));
    test.run("stage -q").any_stdout().success();
    let lock = test.text("profiles.lock");
    assert!(lock.contains("version = \"2.1.0\""), "{lock}");
    test.put(
        "profiles.lock",
        lock.replace("version = \"2.1.0\"", "version = \"2.0.0\""),
    );
    for command in ["verify", "stage --locked --offline"] {
        let run = test.run(command).any_stdout();
        run.error("outdated").stderr_has("`factory`").fails(3);
    }
}
