//! Kills, and several runs at once.

use std::process::Child;
use std::time::{Duration, Instant};

use palette_sim::{Act, Fault, Route};

use crate::support::{HEAD, KEY, Test};

/// Waits for what another process does; no time of its own is measured.
#[track_caller]
fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let patience = Instant::now() + Duration::from_secs(60);
    while !happened() {
        assert!(Instant::now() < patience, "{what} never happened");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Both must have ended well.
#[track_caller]
fn ended_well(child: Child) {
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{stderr}", output.status);
}

/// `kill -9` in the middle of a download.
#[test]
fn a_killed_download_leaves_what_was_there() {
    let test = Test::new().stage();
    let before = test.stamps();
    let stall = Act::StallInBody(1500, Duration::from_secs(600));
    test.sim.fault(Fault::on(Route::Download, stall));
    let mut child = test.run("update").spawn();
    until("the download", || test.downloads() == 2);
    until("a byte on the disk", || {
        test.tree().contains("/tmp/.edgestage-")
    });
    child.kill().unwrap();
    child.wait().unwrap();
    let after = test.stamps();
    assert!(
        before.iter().all(|line| after.contains(line)),
        "{before:#?}\n{after:#?}"
    );
    // What was there is still good, and the next run goes through.
    test.run("stage -q --locked --offline")
        .any_stdout()
        .success();
    test.run("verify").any_stdout().success();
    test.run("update -q").any_stdout().success();
    test.run("verify").any_stdout().success();
}

#[test]
fn a_killed_first_run_is_no_obstacle() {
    let test = Test::new();
    let stall = Act::StallInBody(1500, Duration::from_secs(600));
    test.sim.fault(Fault::on(Route::Download, stall));
    let mut child = test.run("stage").spawn();
    until("the download", || test.downloads() == 1);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!test.path("profiles.lock").exists());
    assert!(!test.path("CanvOS/spc.tgz").exists());
    test.run("stage -q").any_stdout().success();
    test.run("verify").any_stdout().success();
}

/// A file that cannot grow stands for a full disk: the write fails in the middle.
#[test]
fn a_full_disk_leaves_what_was_there() {
    const FULL: &str = "trap '' XFSZ; ulimit -f 16";
    let padded = palette_sim::Archive {
        padding: 1 << 20,
        ..palette_sim::Archive::default()
    };
    let test = Test::of(palette_sim::World::demo().archive(padded));
    let run = test.run("stage").prelude(FULL).keeps_files();
    run.stderr_has("cannot write `{home}/.cache/edgestage/tmp/")
        .fails(1);
    // The archive is cached; the checkout's disk is full.
    test.run("fetch -q").any_stdout().success();
    let run = test.run("stage").prelude(FULL).keeps_files();
    run.stderr_has("cannot write `{dir}/CanvOS/").fails(1);
    test.run("stage -q").any_stdout().success();
    let text = test.text("profiles.toml");
    test.put("profiles.toml", format!("{text}name = \"other\"\n"));
    test.run("stage")
        .prelude(FULL)
        .any_stderr()
        .keeps_files()
        .fails(1);
    test.put("profiles.toml", text);
    test.run("verify").any_stdout().success();
}

#[test]
fn two_runs_at_once_in_one_checkout() {
    let test = Test::new();
    let runs: Vec<Child> = (0..4).map(|_| test.run("stage").spawn()).collect();
    runs.into_iter().for_each(ended_well);
    test.run("verify").any_stdout().success();
    test.run("stage -q --locked --offline")
        .any_stdout()
        .keeps_files()
        .success();
    let tree = test.tree();
    assert!(!tree.contains("/.edgestage-"), "{tree}");
}

/// Two runs that stage different definitions into one checkout: one of the two is there
/// then, whole.
#[test]
fn two_definitions_at_once_in_one_checkout() {
    let test = Test::new().manifest(&format!(
        "{HEAD}\n[definition.a]\nprofiles = [\"edge-infra@2.1.0\"]\n[definition.b]\nprofiles = [\"edge-infra@2.0.0\"]\n"
    ));
    test.run("fetch -q").any_stdout().success();
    for _ in 0..5 {
        let runs = ["a", "b"].map(|name| test.run("stage").arg(name).spawn());
        runs.into_iter().for_each(ended_well);
        let staged = test.staged();
        let mut cached = test.cached().into_iter();
        assert!(cached.any(|entry| std::fs::read(entry).unwrap() == staged));
    }
}

/// Two runs that lock different definitions: neither entry is lost.
#[test]
fn two_definitions_at_once_in_one_lock() {
    // The command gives the key only when the other run is done, long after the first
    // has read the lock.
    let wait = "while [ ! -e go ]; do sleep 0.02; done; cat key";
    let head = HEAD.replace(
        "retries = 0",
        &format!("api-key-command = [\"sh\", \"-c\", \"touch waiting; {wait}\"]"),
    );
    let test = Test::new()
        .key_file("key", KEY)
        .manifest(&format!(
            "{head}\n[definition.a]\nprofiles = [\"edge-infra@2.1.0\"]\n[definition.b]\nprofiles = [\"edge-infra@2.0.0\"]\n"
        ));
    let first = test.run("fetch a").without_key().spawn();
    until("the key's command", || test.path("waiting").exists());
    test.run("fetch -q b").any_stdout().success();
    test.put("go", "");
    ended_well(first);
    let lock = test.text("profiles.lock");
    assert!(
        lock.contains("[definition.a]") && lock.contains("[definition.b]"),
        "{lock}"
    );
}

#[test]
fn what_dead_runs_left_is_swept_and_nothing_else() {
    let test = Test::new().stage();
    let cache = test.cached()[0].parent().unwrap().with_file_name("tmp");
    std::fs::create_dir_all(&cache).unwrap();
    let old = std::time::SystemTime::now() - Duration::from_secs(2 * 24 * 60 * 60);
    for (name, modified) in [(".edgestage-old", old), ("old.tmp", old)] {
        let file = std::fs::File::create(cache.join(name)).unwrap();
        file.set_modified(modified).unwrap();
    }
    std::fs::write(cache.join(".edgestage-a1B2c3.tmp"), "").unwrap();
    let alive = cache.join(".edgestage-d4E5f6.tmp");
    let living = std::fs::File::create(&alive).unwrap();
    living.lock().unwrap();
    test.put("CanvOS/.edgestage/.edgestage-a1B2c3.tmp", "");
    test.put("CanvOS/.edgestage/other", "");
    test.put(".edgestage-a1B2c3.tmp", "beside profiles.lock");
    std::fs::remove_file(test.path("profiles.lock")).unwrap();
    std::fs::remove_file(&test.cached()[0]).unwrap();
    test.forget_staged();
    test.run("stage -q").any_stdout().success();
    assert!(!cache.join(".edgestage-a1B2c3.tmp").exists());
    assert!(alive.exists(), "a living run has it");
    assert!(cache.join(".edgestage-old").exists());
    assert!(cache.join("old.tmp").exists());
    assert!(
        !test
            .path("CanvOS/.edgestage/.edgestage-a1B2c3.tmp")
            .exists()
    );
    assert!(!test.path(".edgestage-a1B2c3.tmp").exists());
    assert!(test.path("CanvOS/.edgestage/other").exists());
}
