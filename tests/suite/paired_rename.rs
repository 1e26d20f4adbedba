//! Two files that change together or not at all, whatever prevents the second change.
#![cfg(debug_assertions)]

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use crate::support::{Attribute, Facts, OVERLAY, ROOT, Test, can_mount, gzip, left_out, stamps};

const DIRECTORY: &str = "CanvOS/overlay/files-iso/opt/spectrocloud/clusterconfig";
const READ_ONLY: u32 = 0o555;

fn placements() -> [String; 2] {
    [OVERLAY, ROOT].map(Test::placement)
}

/// Checks that the pair is unchanged, and that no file is left beside it.
#[track_caller]
fn is_untouched(test: &Test, before: &[Facts; 2]) {
    let after = placements().map(|placement| test.facts(&placement));
    assert_eq!(after, *before);
    let tree = test.tree();
    assert!(!tree.contains("/.edgestage-"), "{tree}");
}

/// Everything that can be checked is checked before the first rename: the files keep their
/// inodes.
#[test]
fn what_forbids_the_second_is_found_before_the_first() {
    for placement in placements() {
        let test = Test::about_to_change();
        let before = placements().map(|placement| test.facts(&placement));
        let path = test.path(&placement);
        let directory = path.parent().unwrap();
        for (forbidden, letter) in [(path.as_path(), 'i'), (directory, 'a')] {
            let Some(attribute) = Attribute::set(forbidden, letter) else {
                continue;
            };
            for (command, doing) in [("stage", "replace"), ("unstage", "remove")] {
                test.run(command)
                    .error("input-output")
                    .stderr_has(&format!("cannot {doing} `{{dir}}/{placement}`"))
                    .stderr_has("operation not permitted")
                    .fails(1);
                is_untouched(&test, &before);
            }
            drop(attribute);
        }
        test.run("stage -q").any_stdout().success();
        test.run("verify").any_stdout().success();
    }
}

#[test]
fn a_mount_on_one_of_the_files() {
    if !can_mount() {
        return;
    }
    for placement in placements() {
        let test = Test::about_to_change().write("other", "other");
        let before = placements().map(|placement| test.facts(&placement));
        let mount = format!("mount --bind {{dir}}/other {{dir}}/{placement}");
        for file in ["other", "same"] {
            fs::copy(test.path(&placement), test.path("same")).unwrap();
            let mount = mount.replace("/other ", &format!("/{file} "));
            let done = test.run("stage").mounted(&mount);
            done.error("input-output")
                .stderr_has(&format!("cannot replace `{{dir}}/{placement}`"))
                .stderr_has("busy")
                .fails(1);
            is_untouched(&test, &before);
        }
        let run = test
            .run("unstage")
            .mounted(&mount.replace("/other ", "/same "));
        run.error("input-output")
            .stderr_has(&format!("cannot remove `{{dir}}/{placement}`"))
            .fails(1);
        is_untouched(&test, &before);
        assert_eq!(test.text("other"), "other");
    }
}

/// In a sticky directory, only its owner and the file's owner may remove a file.
#[test]
fn a_sticky_directory() {
    let is_root = fs::metadata("/proc/self").is_ok_and(|it| {
        use std::os::unix::fs::MetadataExt as _;
        it.uid() == 0
    });
    if !is_root {
        left_out("directory of another user");
        return;
    }
    for placement in placements() {
        let test = Test::about_to_change();
        let path = test.path(&placement);
        let directory = path.parent().unwrap();
        for path in [path.as_path(), directory] {
            std::os::unix::fs::chown(path, Some(65_534), None).unwrap();
        }
        fs::set_permissions(directory, fs::Permissions::from_mode(0o1777)).unwrap();
        let before = placements().map(|placement| test.facts(&placement));
        for (command, doing) in [("stage", "replace"), ("unstage", "remove")] {
            test.run(command)
                .prelude("exec setpriv --bounding-set=-fowner \"$0\" \"$@\"")
                .error("input-output")
                .stderr_has(&format!("cannot {doing} `{{dir}}/{placement}`"))
                .fails(1);
            is_untouched(&test, &before);
        }
    }
}

/// An unforeseeable failure: the second exchange fails after the first.
#[test]
fn a_second_that_fails_takes_the_first_back() {
    let test = Test::about_to_change();
    let before = placements().map(|placement| test.facts(&placement));
    for (command, failpoint) in [("stage", "overlay-renamed"), ("unstage", "overlay-removed")] {
        let run = test.run(command).unprivileged().stderr_has("CanvOS");
        let run = run.park_at(failpoint);
        let overlay = test.path(&placements()[0]);
        assert_eq!(overlay.exists(), command == "stage");
        let sealed = test.seal("CanvOS", READ_ONLY);
        run.fails(1);
        drop(sealed);
        is_untouched(&test, &before);
    }
    // Where nothing was, nothing is.
    let test = Test::new();
    test.run("fetch -q").any_stdout().success();
    let run = test.run("stage").unprivileged();
    let run = run.stderr_has("cannot write `{dir}/CanvOS/spc.tgz`");
    let run = run.park_at("overlay-renamed");
    let sealed = test.seal("CanvOS", READ_ONLY);
    run.fails(1);
    drop(sealed);
    for placement in placements() {
        assert!(!test.path(&placement).exists());
    }
    test.run("stage -q").any_stdout().success();
}

/// A directory that appears in the place of the second.
#[test]
fn a_directory_in_the_place_of_the_second() {
    let test = Test::about_to_change();
    let [overlay, root] = placements();
    let before = test.facts(&overlay);
    let run = test
        .run("stage")
        .stderr_has("cannot replace `{dir}/CanvOS/spc.tgz`");
    let run = run.park_at("overlay-renamed");
    assert_ne!(test.facts(&overlay), before);
    fs::rename(test.path(&root), test.path("moved")).unwrap();
    fs::create_dir(test.path(&root)).unwrap();
    run.fails(1);
    assert_eq!(test.facts(&overlay), before);
    assert!(test.path(&root).is_dir());
}

#[test]
fn a_rollback_that_fails_is_said() {
    let test = Test::about_to_change();
    let run = test
        .run("stage")
        .unprivileged()
        .error("mixed-pair")
        .stderr_has("clusterconfig/spc.tgz` has changed, and the other staged file has not")
        .stderr_has("note: cannot write `{dir}/CanvOS/spc.tgz`: permission denied\n")
        .stderr_has("cannot restore `{dir}/CanvOS/overlay/")
        .park_at("overlay-renamed");
    let sealed = [DIRECTORY, "CanvOS"].map(|path| test.seal(path, READ_ONLY));
    run.fails(1);
    drop(sealed);
    test.run("verify").any_stdout().any_stderr().fails(3);
    test.run("stage -q").any_stdout().success();
    test.run("verify").any_stdout().success();
}

/// A file that is right already is not changed, including its modification time.
#[test]
fn only_what_is_not_right_is_written() {
    for [right, wrong] in [[0, 1], [1, 0]] {
        for how in ["missing", "other bytes", "mode", "second name"] {
            let test = Test::new().stage();
            let staged = test.staged();
            let [right, wrong] = [right, wrong].map(|at| placements()[at].clone());
            let before = test.facts(&right);
            let path = test.path(&wrong);
            match how {
                "missing" => fs::remove_file(&path).unwrap(),
                "other bytes" => fs::write(&path, "other").unwrap(),
                "mode" => fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap(),
                _ => fs::hard_link(&path, test.path("second")).unwrap(),
            }
            test.run("stage").any_stdout().any_stderr().success();
            assert_eq!(test.facts(&right), before, "{how}");
            assert_eq!(test.staged(), staged);
            let facts = test.facts(&wrong);
            assert_eq!((facts.mode, facts.names), (0o644, 1), "{how}");
        }
    }
}

/// The cached archive is verified before the checkout is locked, and copied afterwards.
#[test]
fn what_is_copied_is_what_was_proved() {
    for failpoint in ["checkout-held", "overlay-copied"] {
        let test = Test::about_to_change();
        let before = placements().map(|placement| test.facts(&placement));
        let run = test.run("stage").stderr_has("changed while it was copied");
        let run = run.park_at(failpoint);
        for entry in test.cached() {
            let bytes = fs::read(&entry).unwrap();
            fs::write(&entry, &bytes[..bytes.len() - 1]).unwrap();
        }
        run.fails(6);
        is_untouched(&test, &before);
    }
}

/// Directories are replaced by symbolic links between the check and the rename.
#[test]
fn nothing_is_written_through_a_link_that_appears() {
    let swapped = [
        DIRECTORY,
        "CanvOS/overlay/files-iso/opt",
        "CanvOS/overlay",
        "CanvOS/.edgestage",
    ];
    for directory in swapped {
        for (command, failpoint) in [
            ("stage", "checkout-held"),
            ("stage", "root-copied"),
            ("stage", "stage-remembered"),
            ("stage", "overlay-renamed"),
            ("stage", "root-renamed"),
            ("unstage", "checkout-held"),
            ("unstage", "overlay-removed"),
            ("unstage", "root-removed"),
        ] {
            let test = Test::about_to_change();
            let staged = test.staged();
            // The same below the link: what is removed or replaced there is seen.
            let (elsewhere, before) = copied(&test, directory);
            let run = test
                .run(command)
                .any_stdout()
                .any_stderr()
                .park_at(failpoint);
            fs::rename(test.path(directory), test.path("moved")).unwrap();
            symlink(&elsewhere, test.path(directory)).unwrap();
            if directory.ends_with(".edgestage") {
                run.ends_anyhow();
            } else {
                run.fails(3);
                assert!(test.read(&Test::placement(ROOT)) == staged, "{failpoint}");
            }
            let after = stamps(&elsewhere);
            assert_eq!(before, after, "{command} {failpoint} {directory}");
            if !directory.ends_with(".edgestage") {
                let below =
                    Path::new(OVERLAY).strip_prefix(directory.trim_start_matches("CanvOS/"));
                let moved = test.path("moved").join(below.unwrap());
                assert!(fs::read(moved).unwrap() == staged, "{command} {failpoint}");
            }
        }
    }
}

/// The directory was replaced by another directory: its contents are not examined.
#[test]
fn nothing_is_written_into_a_directory_that_appears() {
    for directory in [DIRECTORY, "CanvOS/overlay/files-iso/opt", "CanvOS/overlay"] {
        for (command, failpoint) in [
            ("stage", "root-copied"),
            ("stage", "stage-remembered"),
            ("stage", "overlay-renamed"),
            ("stage", "root-renamed"),
            ("unstage", "overlay-removed"),
            ("unstage", "root-removed"),
        ] {
            let test = Test::about_to_change();
            let staged = test.staged();
            let (elsewhere, before) = copied(&test, directory);
            let run = test
                .run(command)
                .stderr_has("not the directory that it was");
            let run = run.park_at(failpoint);
            fs::rename(test.path(directory), test.path("moved")).unwrap();
            fs::rename(&elsewhere, test.path(directory)).unwrap();
            run.fails(3);
            let after = stamps(&test.path(directory));
            assert_eq!(before, after, "{command} {failpoint} {directory}");
            assert!(test.staged() == staged, "{command} {failpoint}");
        }
    }
}

/// Copies the directory to `elsewhere`; returns the path and the stamps of the copy.
fn copied(test: &Test, directory: &str) -> (PathBuf, Vec<String>) {
    let elsewhere = test.path("elsewhere");
    copy(&test.path(directory), &elsewhere);
    let before = stamps(&elsewhere);
    (elsewhere, before)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// `stage`, `verify` and `check` agree about a pair with one content in different bytes.
#[test]
fn one_content_in_different_bytes() {
    for placement in placements() {
        let test = Test::new().stage();
        let mut tar = Vec::new();
        let staged = test.staged();
        std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&staged[..]), &mut tar)
            .unwrap();
        test.put(&placement, gzip(&tar));
        for command in ["verify", "check", "check --offline"] {
            test.run(command)
                .any_stdout()
                .error("staged-differs")
                .stderr_has("contain `factory`, but their bytes differ")
                .stderr_has("edgestage stage factory")
                .fails(3);
        }
        test.run("stage")
            .any_stdout()
            .stderr_has("Staged")
            .success();
        for command in ["verify", "check"] {
            test.run(command).any_stdout().any_stderr().success();
        }
        // In both the same bytes, other ones than the lock's: nothing is to be done.
        for placement in placements() {
            test.put(&placement, gzip(&tar));
        }
        for command in ["verify", "check", "stage"] {
            let run = test.run(command).any_stdout().any_stderr();
            run.keeps_files().success();
        }
    }
}
