//! Checkouts that span several file systems, and checkouts with several paths.
#![cfg(debug_assertions)]

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::Path;

use crate::support::{FACTORY, HEAD, OVERLAY, ROOT, Test, can_mount, other_disk, stamps};

const DIRECTORY: &str = "overlay/files-iso/opt/spectrocloud/clusterconfig";
const TEMPORARY: &str = ".edgestage-";

/// The directories of a checkout that may be mount points.
const MOUNTED: [&str; 5] = [
    "overlay",
    "overlay/files-iso",
    "overlay/files-iso/opt",
    DIRECTORY,
    ".edgestage",
];

/// Returns a checkout in which `mounted` is a separate mount, and the command that mounts it.
fn spread(mounted: &str, other: &Path) -> (Test, String) {
    let test = Test::new();
    test.run("fetch -q").any_stdout().success();
    let place = test.path("CanvOS").join(mounted);
    fs::create_dir_all(&place).unwrap();
    let copied = std::process::Command::new("cp")
        .args(["-a", "--"])
        .arg(format!("{}/.", place.display()))
        .arg(other)
        .status();
    assert!(copied.unwrap().success());
    let mount = format!(
        "mount --bind \"{}\" \"{}\"",
        other.display(),
        place.display()
    );
    (test, mount)
}

/// Returns the names of temporary files below `directory`, including those that would be
/// shipped.
fn temporaries(directory: &Path) -> Vec<String> {
    let lines = stamps(directory).into_iter();
    lines.filter(|line| line.contains(TEMPORARY)).collect()
}

/// The second row is another mount of the same file system, where a rename fails as well.
#[test]
fn a_mount_within_a_checkout() {
    if !can_mount() {
        return;
    }
    for mounted in MOUNTED {
        for is_other in [true, false] {
            let other = if is_other {
                other_disk()
            } else {
                Some(tempfile::tempdir().unwrap())
            };
            let Some(other) = other else { continue };
            let (test, mount) = spread(mounted, other.path());
            let run = |command: &str| test.run(command).mounted(&mount).any_stdout();
            run("stage -q").success();
            run("verify").success();
            let change = "profiles = [\"edge-infra@2.0.0\"]";
            let text = test.text("profiles.toml").replace(FACTORY, change);
            test.put("profiles.toml", text);
            run("stage -q").success();
            run("verify").success();
            run("check --offline").any_stderr().success();
            run("stage").stderr_has("Unchanged").success();
            let staged = match OVERLAY.strip_prefix(&format!("{mounted}/")) {
                Some(below) => other.path().join(below),
                None => test.path("CanvOS").join(OVERLAY),
            };
            assert!(fs::read(&staged).unwrap() == test.read(&Test::placement(ROOT)));
            assert_eq!(fs::metadata(&staged).unwrap().mode() & 0o7777, 0o644);
            for directory in [other.path(), &test.path("CanvOS")] {
                assert_eq!(temporaries(directory), [""; 0], "{mounted}");
            }
            run("unstage -q").success();
            assert!(!staged.exists(), "{mounted}");
            run("verify --expect-none").success();
            for directory in [other.path(), &test.path("CanvOS")] {
                assert_eq!(temporaries(directory), [""; 0], "{mounted}");
            }
        }
    }
}

/// A killed run leaves its files outside of what is shipped if that is possible; otherwise they
/// are reported, and the next run removes them.
#[test]
fn what_a_killed_run_leaves_on_another_file_system() {
    if !can_mount() {
        return;
    }
    for (mounted, is_shipped) in [
        ("overlay", false),
        ("overlay/files-iso", true),
        (DIRECTORY, true),
        (".edgestage", false),
    ] {
        for failpoint in [
            "overlay-copied",
            "stage-remembered",
            "overlay-renamed",
            "root-renamed",
        ] {
            let Some(other) = other_disk() else { return };
            let (test, mount) = spread(mounted, other.path());
            // Over an old pair.
            let run = |command: &str| test.run(command).mounted(&mount).any_stdout();
            run("stage -q").success();
            let change = "profiles = [\"edge-infra@2.0.0\"]";
            let text = test.text("profiles.toml").replace(FACTORY, change);
            test.put("profiles.toml", text);
            run("fetch -q").success();
            assert!(run("stage -q").kill_at(failpoint, 1), "{failpoint}");
            let left = temporaries(other.path());
            let overlay = test.path("CanvOS").join("overlay/files-iso");
            assert_eq!(temporaries(&overlay), [""; 0], "{mounted} {failpoint}");
            if is_shipped {
                assert!(!left.is_empty(), "{mounted} {failpoint}");
                let run = |command: &str| run(command).any_stderr();
                run("verify")
                    .stderr_has("a killed run left `overlay/files-iso/")
                    .fails(3);
                run("check --offline")
                    .stderr_has("a killed run left")
                    .fails(3);
                run("verify --expect-none")
                    .stderr_has("a killed run left")
                    .fails(3);
                run("stage")
                    .stderr_has("Removed")
                    .stderr_has("left by a killed run")
                    .success();
            } else {
                let below = other.path().join("files-iso");
                assert!(!below.exists() || temporaries(&below).is_empty());
                run("stage -q").success();
            }
            run("verify").success();
            for directory in [other.path(), &test.path("CanvOS")] {
                assert_eq!(temporaries(directory), [""; 0], "{mounted} {failpoint}");
            }
        }
    }
}

/// A file that only looks like a temporary file of edgestage is kept, and so is one of a
/// running process.
#[test]
fn only_what_dead_runs_left_is_removed_from_the_overlay() {
    let test = Test::new().stage();
    let path = |name: &str| format!("CanvOS/{DIRECTORY}/{name}");
    for name in [
        ".edgestage-notes.tmp",
        ".edgestage-a1B2c3.tmp",
        ".edgestage-d4E5f6.tmp",
    ] {
        test.put(&path(name), "text");
    }
    let living = fs::File::open(test.path(&path(".edgestage-d4E5f6.tmp"))).unwrap();
    living.lock().unwrap();
    let before = test.facts(&Test::placement(OVERLAY));
    let run = test.run("stage").any_stdout();
    run.warning("T10")
        .warning("T10")
        .stderr_has("Removed")
        .stderr_has("a1B2c3")
        .stderr_has("Unchanged")
        .success();
    assert!(!test.path(&path(".edgestage-a1B2c3.tmp")).exists());
    assert!(test.path(&path(".edgestage-notes.tmp")).exists());
    assert!(test.path(&path(".edgestage-d4E5f6.tmp")).exists());
    assert_eq!(test.facts(&Test::placement(OVERLAY)), before);
    drop(living);
    let run = test.run("unstage").any_stdout();
    run.stderr_has("Removed").stderr_has("d4E5f6").success();
}

/// Returns a test with two definitions whose checkouts are the same.
fn two() -> Test {
    let tables = ["CanvOS", "Other"]
        .map(|name| format!("\n[definition.{name}]\ncanvos = \"{name}\"\n{FACTORY}\n"));
    let test = Test::new().manifest(&format!("{HEAD}{}", tables.concat()));
    test.checkout("Other");
    test
}

#[test]
fn a_bind_mount_of_a_checkout_is_the_same_checkout() {
    if !can_mount() {
        return;
    }
    let test = two();
    test.run("stage -q CanvOS Other").any_stdout().success();
    test.run("unstage")
        .stderr_has("several")
        .any_stderr()
        .fails(2);
    let mount = "mount --bind {dir}/CanvOS {dir}/Other";
    let run = |command: &str| test.run(command).mounted(mount);
    run("stage CanvOS Other")
        .error("T30")
        .stderr_has("share")
        .fails(2);
    let done = run("check --offline --json").any_stdout().any_stderr();
    assert_eq!(
        done.success().json()["checkouts"].as_array().unwrap().len(),
        1
    );
    run("unstage -q").any_stdout().success();
    assert!(!test.path("CanvOS/spc.tgz").exists() && test.path("Other/spc.tgz").exists());
}

#[test]
fn a_link_to_a_checkout_is_the_same_checkout() {
    let test = two();
    fs::remove_dir_all(test.path("Other")).unwrap();
    symlink("CanvOS", test.path("Other")).unwrap();
    test.run("stage CanvOS Other")
        .error("T30")
        .stderr_has("share")
        .fails(2);
    test.run("stage -q CanvOS").any_stdout().success();
    let done = test.run("check --offline --json").any_stdout().any_stderr();
    assert_eq!(
        done.ends(0).json()["checkouts"].as_array().unwrap().len(),
        1
    );
    test.run("unstage -q").any_stdout().success();
    assert!(!test.path("CanvOS/spc.tgz").exists());
}

/// A program that a build runs need not wait for that build, whatever path it uses.
#[test]
fn a_build_holds_its_checkout_by_every_path() {
    if !can_mount() {
        return;
    }
    let test = two();
    test.run("fetch -q").any_stdout().success();
    let build = test.run("stage -q CanvOS").any_stdout();
    let build = build.park_at("checkout-held");
    let run = |timeout: &str| {
        let run = test.run(&format!("stage -q Other --lock-timeout {timeout}"));
        let run = run.mounted("mount --bind {dir}/CanvOS {dir}/Other");
        run.any_stdout()
    };
    run("0").any_stderr().fails(1);
    let held = run("0").env("EDGESTAGE_HELD_CHECKOUT", "{dir}/CanvOS");
    held.success();
    build.success();
}
