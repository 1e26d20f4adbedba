//! Kills in the middle of a step, full disks, missing permissions, and several simultaneous
//! runs that are not delayed. Kills between two steps are in `killed`, and runs that wait in
//! `waiting`.

use std::fmt::Write as _;
use std::time::Duration;

use palette_sim::{Act, Fault, Route};

use crate::support::{Going, HEAD, KEY, Test, until};

/// Of a directory in which nothing can be made or removed.
const READ_ONLY: u32 = 0o555;
/// Of a file that nobody can read.
const UNREADABLE: u32 = 0;

/// `kill -9` in the middle of a download.
#[test]
fn a_killed_download_leaves_what_was_there() {
    let test = Test::new().stage();
    let before = test.stamps();
    let stall = Act::StallInBody(1500, Duration::from_secs(600));
    test.sim.fault(Fault::on(Route::Download, stall));
    let run = test.run("update").start();
    until("the download", || test.downloads() == 2);
    until("a byte on the disk", || {
        test.tree().contains("/tmp/.edgestage-")
    });
    run.kill();
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
    let run = test.run("stage").start();
    until("the download", || test.downloads() == 1);
    run.kill();
    assert!(!test.path("profiles.lock").exists());
    assert!(!test.path("CanvOS/spc.tgz").exists());
    test.run("stage -q").any_stdout().success();
    test.run("verify").any_stdout().success();
}

/// A file that cannot grow stands for a full disk: the write fails halfway.
#[test]
fn a_full_disk_leaves_what_was_there() {
    const FULL: &str = "trap '' XFSZ; ulimit -f 16";
    let padded = palette_sim::Archive {
        padding: 1 << 20,
        ..palette_sim::Archive::default()
    };
    let test = Test::of(palette_sim::World::demo().archive(padded));
    let run = test.run("stage").prelude(FULL).keeps_files();
    run.error("input-output")
        .stderr_has("cannot write `{home}/.cache/edgestage/tmp/")
        .fails(1);
    // The archive is cached; the checkout's disk is full.
    test.run("fetch -q").any_stdout().success();
    let run = test.run("stage").prelude(FULL).keeps_files();
    run.error("input-output")
        .stderr_has("cannot write `{dir}/CanvOS/")
        .fails(1);
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
    let runs: Vec<Going<'_>> = (0..4)
        .map(|_| test.run("stage").any_stdout().any_stderr().start())
        .collect();
    for run in runs {
        run.success();
    }
    test.run("verify").any_stdout().success();
    test.run("stage -q --locked --offline")
        .any_stdout()
        .keeps_files()
        .success();
    let tree = test.tree();
    assert!(!tree.contains("/.edgestage-"), "{tree}");
}

/// Two runs stage different definitions into one checkout: afterwards one of the two is there,
/// complete.
#[test]
fn two_definitions_at_once_in_one_checkout() {
    let test = Test::new().manifest(&format!(
        "{HEAD}\n[definition.a]\nprofiles = [\"edge-infra@2.1.0\"]\n[definition.b]\nprofiles = [\"edge-infra@2.0.0\"]\n"
    ));
    test.run("fetch -q").any_stdout().success();
    for _ in 0..5 {
        for run in ["a", "b"].map(|name| {
            let run = test.run("stage").arg(name);
            run.any_stdout().any_stderr().start()
        }) {
            run.success();
        }
        let staged = test.staged();
        let mut cached = test.cached().into_iter();
        assert!(cached.any(|entry| std::fs::read(entry).unwrap() == staged));
    }
}

/// Two runs lock different definitions: neither entry is lost.
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
    let first = test.run("fetch -q a").without_key().any_stdout().start();
    until("the key's command", || test.path("waiting").exists());
    test.run("fetch -q b").any_stdout().success();
    test.put("go", "");
    first.success();
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

/// Only the lock is too large for the disk.
#[test]
fn a_disk_that_has_no_room_for_the_lock() {
    let mut text = HEAD.to_owned();
    for number in 0..8 {
        let profiles = "profiles = [\"edge-infra@2.1.0\"]";
        let _ = write!(
            text,
            "\n[definition.d{number}]\n{profiles}\nname = \"d{number}\"\n"
        );
    }
    let test = Test::new().manifest(&text);
    test.run("fetch -q").any_stdout().success();
    let old = test.text("profiles.lock");
    assert!(old.len() > 4096, "{}", old.len());
    test.put(
        "profiles.toml",
        test.text("profiles.toml").replace("\"d7\"", "\"new\""),
    );
    for command in ["stage d7", "fetch d7"] {
        let run = test.run(command).prelude("trap '' XFSZ; ulimit -f 8");
        run.error("input-output")
            .stderr_has("cannot write `{dir}/profiles.lock`")
            .fails(1);
        assert_eq!(test.text("profiles.lock"), old);
        assert!(!test.path("CanvOS/spc.tgz").exists());
    }
    test.run("stage -q d7").any_stdout().success();
    test.run("verify d7").any_stdout().success();
    assert!(!test.tree().contains("/.edgestage-"), "{}", test.tree());
}

#[test]
fn a_checkout_that_cannot_be_written() {
    let test = Test::new();
    test.run("fetch -q").any_stdout().success();
    let sealed = test.seal("CanvOS", READ_ONLY);
    for command in ["stage", "unstage"] {
        test.run(command)
            .unprivileged()
            .error("input-output")
            .stderr_has("cannot create `{dir}/CanvOS/.edgestage`: permission denied")
            .keeps_files()
            .fails(1);
    }
    drop(sealed);
    test.run("stage -q").any_stdout().success();
}

/// Whichever directory cannot be written, the old pair stays a pair.
#[test]
fn a_part_of_a_checkout_that_cannot_be_written() {
    for part in [
        "CanvOS/.edgestage",
        "CanvOS/overlay/files-iso/opt/spectrocloud/clusterconfig",
        "CanvOS",
    ] {
        let test = Test::about_to_change();
        let [old, lock] = [test.staged(), test.read("profiles.lock")];
        let sealed = test.seal(part, READ_ONLY);
        test.run("stage")
            .unprivileged()
            .error("input-output")
            .stderr_has(&format!("`{{dir}}/{part}"))
            .stderr_has("permission denied")
            .fails(1);
        assert!(test.staged() == old, "{part}");
        assert!(test.read("profiles.lock") == lock);
        drop(sealed);
        test.run("stage -q").any_stdout().success();
        test.run("verify").any_stdout().success();
        assert!(!test.tree().contains("/.edgestage-"), "{}", test.tree());
    }
}

#[test]
fn a_placement_that_cannot_be_removed() {
    for part in [
        "CanvOS/overlay/files-iso/opt/spectrocloud/clusterconfig",
        "CanvOS",
    ] {
        let test = Test::new().stage();
        let sealed = test.seal(part, READ_ONLY);
        test.run("unstage")
            .unprivileged()
            .error("input-output")
            .stderr_has(&format!("cannot remove `{{dir}}/{part}/spc.tgz`"))
            .fails(1);
        drop(sealed);
        test.run("unstage -q").any_stdout().success();
        test.run("verify --expect-none").any_stdout().success();
    }
}

/// The lock is written before anything is staged: without it, nothing is staged.
#[test]
fn a_lock_that_cannot_be_written() {
    for place in [Test::new as fn() -> Test, || {
        Test::new()
            .stage()
            .definition("profiles = [\"edge-infra@2.0.0\"]")
    }] {
        let test = place();
        let before = test.contents();
        let sealed = test.seal(".", READ_ONLY);
        for command in ["stage", "fetch", "update"] {
            test.run(command)
                .unprivileged()
                .error("input-output")
                .stderr_has("cannot write in `{dir}`: permission denied")
                .fails(1);
        }
        drop(sealed);
        let after = test.contents();
        let site = |path: &std::path::PathBuf| path.starts_with("site");
        assert!(
            before
                .iter()
                .all(|(path, bytes)| after.get(path) == Some(bytes))
        );
        assert!(
            after
                .keys()
                .filter(|path| site(path))
                .all(|path| before.contains_key(path))
        );
        test.run("stage -q").any_stdout().success();
        test.run("verify").any_stdout().success();
    }
}

/// Read access is enough if the cache has the archive.
#[test]
fn a_cache_that_cannot_be_written() {
    let test = Test::new();
    test.run("fetch -q").any_stdout().success();
    let cache = ["", "/archives", "/tmp"].map(|part| format!("{{home}}/.cache/edgestage{part}"));
    let sealed = cache.map(|path| test.seal(&path, READ_ONLY));
    for command in ["stage -q --offline", "stage -q", "fetch -q --offline"] {
        let run = test.run(command).unprivileged().without_key();
        run.any_stdout().success();
        test.forget_staged();
    }
    test.run("cache clean")
        .unprivileged()
        .error("input-output")
        .stderr_has("cannot remove `{home}/.cache/edgestage/archives/")
        .keeps_files()
        .fails(1);
    let test = test.definition("profiles = [\"edge-infra@2.0.0\"]");
    for command in ["stage", "fetch", "update"] {
        test.run(command)
            .unprivileged()
            .error("input-output")
            .stderr_has("cannot write in `{home}/.cache/edgestage/tmp`: permission denied")
            .keeps_files()
            .fails(1);
    }
    drop(sealed);
    // Archives that came with a repository have no directory beside them.
    std::fs::remove_dir(test.cached()[0].parent().unwrap().with_file_name("tmp")).unwrap();
    let sealed = test.seal("{home}/.cache/edgestage", READ_ONLY);
    test.run("stage")
        .unprivileged()
        .error("input-output")
        .stderr_has("cannot create `{home}/.cache/edgestage/tmp`: permission denied")
        .keeps_files()
        .fails(1);
    drop(sealed);
}

#[test]
fn a_lock_that_nobody_may_read() {
    let test = Test::new().stage();
    let sealed = test.seal("profiles.lock", UNREADABLE);
    for command in [
        "stage",
        "stage --locked --offline",
        "fetch",
        "update",
        "unstage",
        "verify",
        "show",
        "list",
        "check --offline",
        "cache list",
        "cache clean --keep-locked",
    ] {
        test.run(command)
            .unprivileged()
            .any_stdout()
            .error("input-output")
            .stderr_has("cannot read `{dir}/profiles.lock`: permission denied")
            .keeps_files()
            .fails(1);
    }
    drop(sealed);
    test.run("verify").any_stdout().success();
}

#[test]
fn an_archive_that_nobody_may_read() {
    let test = Test::new().stage();
    let sealed = test.seal("CanvOS/spc.tgz", UNREADABLE);
    // What a build would make of it is worse than what `stage` makes of it.
    test.run("stage")
        .unprivileged()
        .error("T40")
        .stderr_has("`spc.tgz`")
        .keeps_files()
        .fails(3);
    for command in ["unstage", "verify", "verify --expect-none"] {
        test.run(command)
            .unprivileged()
            .error("input-output")
            .stderr_has("cannot read `{dir}/CanvOS/spc.tgz`: permission denied")
            .keeps_files()
            .fails(1);
    }
    drop(sealed);
    test.forget_staged();
    let entry = test.cached().remove(0);
    let entry = entry.to_str().unwrap();
    let sealed = test.seal(entry, UNREADABLE);
    for command in ["stage", "stage --offline", "fetch --offline", "fetch"] {
        test.run(command)
            .unprivileged()
            .error("input-output")
            .stderr_has(&format!("cannot read `{entry}`: permission denied"))
            .keeps_files()
            .fails(1);
    }
    drop(sealed);
    test.run("stage -q --offline").any_stdout().success();
}
