//! Files in the place of a definition are kept if edgestage did not put them there.

use std::fs;
use std::time::{Duration, SystemTime};

use crate::support::{FACTORY, HEAD, OVERLAY, ROOT, Test, sha256};

const REPLACED: &str = "CanvOS/.edgestage/replaced";

fn placements() -> [String; 2] {
    [OVERLAY, ROOT].map(Test::placement)
}

/// The files that are kept, by name.
fn kept(test: &Test) -> Vec<(String, Vec<u8>)> {
    let Ok(entries) = fs::read_dir(test.path(REPLACED)) else {
        return Vec::new();
    };
    let mut kept: Vec<_> = entries
        .map(|entry| {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read(entry.path()).unwrap())
        })
        .collect();
    kept.sort();
    kept
}

fn named(text: &str) -> (String, Vec<u8>) {
    (format!("{}.tgz", sha256(text.as_bytes())), text.into())
}

#[test]
fn a_file_of_somebody_else_is_kept_and_said() {
    for placement in placements() {
        let test = Test::new().write(&placement, "mine");
        let (name, bytes) = named("mine");
        let done = test
            .run("stage --json")
            .stderr_has("Kept")
            .stderr_has(&format!("{{dir}}/{REPLACED}/{name}"))
            .stderr_has(&format!("{{dir}}/{placement}"))
            .stdout_has("\"kept\"")
            .success();
        let path = test.path(REPLACED).join(&name);
        let json = &done.json()["definitions"][0]["kept"];
        assert_eq!(*json, serde_json::json!([path]));
        assert_eq!(kept(&test), [(name.clone(), bytes.clone())]);
        let facts = test.facts(&format!("{REPLACED}/{name}"));
        assert_eq!((facts.mode, facts.names), (0o644, 1));
        test.run("verify").any_stdout().success();
        // Nothing restores it, and `unstage` leaves it.
        test.run("stage").any_stdout().any_stderr().success();
        test.run("unstage -q").any_stdout().success();
        assert_eq!(kept(&test), [(name, bytes)]);
        assert!(!test.path(&placement).exists());
    }
}

#[test]
fn each_file_is_kept_once() {
    for (texts, count) in [(["mine", "mine"], 1), (["mine", "mine too"], 2)] {
        let test = Test::new();
        for (placement, text) in placements().iter().zip(texts) {
            test.put(placement, text);
        }
        let done = test.run("stage").any_stdout().any_stderr().success();
        done.says("Kept", count);
        let mut expected: Vec<_> = texts.map(named).into();
        expected.sort();
        expected.dedup();
        assert_eq!(kept(&test), expected);
    }
}

/// A file of edgestage is not kept: neither one that this checkout remembers nor one that the
/// lock has, whatever was locked meanwhile.
#[test]
fn what_is_ours_is_not_kept() {
    let two = ["edge-infra@2.1.0", "edge-infra@2.0.0"];
    let tables = ["a", "b"]
        .iter()
        .zip(two)
        .map(|(name, profile)| format!("\n[definition.{name}]\nprofiles = [\"{profile}\"]\n"));
    let test = Test::new().manifest(&format!("{HEAD}{}", tables.collect::<String>()));
    test.run("fetch -q").any_stdout().success();
    for name in ["a", "b", "a"] {
        let done = test.run("stage").arg(name).any_stdout().any_stderr();
        done.success().says("Kept", 0);
    }
    // Another checkout has staged it, and copied it here.
    fs::remove_file(test.path("CanvOS/.edgestage/staged")).unwrap();
    let run = test.run("stage b").any_stdout().any_stderr();
    run.success().says("Kept", 0);
    // The lock does not know it any more, the checkout does.
    let test = Test::new().stage();
    let test = test.definition("profiles = [\"edge-infra@2.0.0\"]");
    let done = test.run("stage").any_stdout().any_stderr().success();
    done.says("Kept", 0);
    // Neither of them does.
    let former = test.staged();
    let test = test.definition(FACTORY);
    fs::remove_file(test.path("CanvOS/.edgestage/staged")).unwrap();
    test.run("fetch -q").any_stdout().success();
    let done = test.run("stage").any_stdout().any_stderr().success();
    done.says("Kept", 1);
    assert_eq!(kept(&test), [(format!("{}.tgz", sha256(&former)), former)]);
}

#[test]
fn the_last_sixteen_are_kept() {
    let test = Test::new();
    test.run("fetch -q").any_stdout().success();
    let notes = format!("{REPLACED}/notes.tgz");
    for number in 0..18 {
        test.put(&Test::placement(ROOT), format!("mine {number}"));
        test.run("stage -q").any_stdout().success();
        let (name, _) = named(&format!("mine {number}"));
        // In a second each, whatever the clock's grain is.
        let path = test.path(REPLACED).join(name);
        let file = fs::File::options().write(true).open(path).unwrap();
        let since = Duration::from_secs(1000 - number);
        file.set_modified(SystemTime::now() - since).unwrap();
        test.put(&notes, "not ours");
    }
    let mut expected: Vec<_> = (2..18)
        .map(|number| named(&format!("mine {number}")))
        .collect();
    expected.push(("notes.tgz".into(), b"not ours".to_vec()));
    expected.sort();
    assert_eq!(kept(&test), expected);
}

/// A file that cannot be kept is not replaced.
#[test]
fn what_cannot_be_kept_is_not_replaced() {
    let test = Test::new().write(&Test::placement(ROOT), "mine");
    test.run("fetch -q").any_stdout().success();
    fs::create_dir_all(test.path(REPLACED)).unwrap();
    let sealed = test.seal(REPLACED, 0o555);
    test.run("stage")
        .unprivileged()
        .error("input-output")
        .stderr_has(&format!("cannot write `{{dir}}/{REPLACED}/"))
        .fails(1);
    drop(sealed);
    for placement in placements() {
        let text = fs::read(test.path(&placement)).ok();
        let expected = (placement == Test::placement(ROOT)).then(|| b"mine".to_vec());
        assert_eq!(text, expected);
    }
    fs::remove_dir(test.path(REPLACED)).unwrap();
    std::os::unix::fs::symlink("..", test.path(REPLACED)).unwrap();
    test.run("stage").any_stderr().fails(1);
    assert_eq!(test.text(&Test::placement(ROOT)), "mine");
}

/// The clocks of other machines may have given the other files any time.
#[test]
fn what_was_kept_just_now_is_never_forgotten() {
    let test = Test::new();
    for number in 0..20 {
        let name = format!("{REPLACED}/{number:064x}.tgz");
        test.put(&name, "older");
        let later = SystemTime::now() + Duration::from_secs(2 * 24 * 60 * 60);
        let file = fs::File::options().write(true).open(test.path(&name));
        file.unwrap().set_modified(later).unwrap();
    }
    test.put(&Test::placement(ROOT), "mine");
    test.run("stage -q").any_stdout().any_stderr().success();
    let (name, bytes) = named("mine");
    assert_eq!(fs::read(test.path(REPLACED).join(name)).unwrap(), bytes);
    assert_eq!(fs::read_dir(test.path(REPLACED)).unwrap().count(), 16);
}

/// No archive is so large, so the file is not read.
#[test]
fn what_is_too_large_to_be_kept_stays() {
    let test = Test::new();
    let path = test.path(&Test::placement(ROOT));
    let file = fs::File::create(&path).unwrap();
    file.set_len(3 << 30).unwrap();
    let run = test.run("stage").any_stdout();
    run.error("blocked-path")
        .stderr_has("is too large for an archive")
        .fails(3);
    assert_eq!(fs::metadata(&path).unwrap().len(), 3 << 30);
}
