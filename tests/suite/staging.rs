//! What `stage` finds in a checkout, and what it leaves there.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use crate::support::{OVERLAY, ROOT, Test, gzip};

const DIRECTORY: &str = "CanvOS/overlay/files-iso/opt/spectrocloud/clusterconfig";

fn placements() -> [String; 2] {
    [OVERLAY, ROOT].map(Test::placement)
}

#[test]
fn half_a_pair_is_completed() {
    for missing in placements() {
        let test = Test::new().stage();
        let staged = test.staged();
        fs::remove_file(test.path(&missing)).unwrap();
        test.run("verify")
            .stdout_has("missing")
            .error("staged-differs")
            .stderr_has("edgestage stage factory")
            .fails(3);
        test.run("stage")
            .any_stdout()
            .stderr_has("Staged")
            .success();
        assert_eq!(test.staged(), staged);
    }
}

#[test]
fn another_file_at_a_placement_is_replaced() {
    for placement in placements() {
        let test = Test::new().stage();
        let staged = test.staged();
        test.put(&placement, "something else");
        let run = test.run("verify").stdout_has("differs");
        run.error("staged-differs")
            .stderr_has("the staged files differ from the locked `factory`")
            .fails(3);
        test.run("check")
            .stdout_has("differs")
            .any_stderr()
            .fails(3);
        test.run("stage -q").any_stdout().success();
        assert_eq!(test.staged(), staged);
    }
}

/// The same content in another archive is the same definition, but all targets have to embed
/// the same bytes.
#[test]
fn a_pair_of_unequal_bytes_is_made_equal() {
    for placement in placements() {
        let test = Test::new().stage();
        let mut tar = Vec::new();
        let staged = test.staged();
        flate2::read::GzDecoder::new(&staged[..])
            .read_to_end(&mut tar)
            .unwrap();
        test.put(&placement, gzip(&tar));
        test.run("verify")
            .stdout_has("same content")
            .any_stderr()
            .fails(3);
        test.run("stage")
            .any_stdout()
            .stderr_has("Staged")
            .success();
        assert!(!test.staged().is_empty());
    }
}

#[test]
fn the_wrong_mode_is_repaired() {
    for placement in placements() {
        let test = Test::new().stage();
        let mode = fs::Permissions::from_mode(0o600);
        fs::set_permissions(test.path(&placement), mode).unwrap();
        test.run("verify")
            .stdout_has("wrong kind")
            .any_stderr()
            .fails(3);
        test.run("stage -q").any_stdout().success();
        assert_eq!(test.facts(&placement).mode, 0o644);
    }
}

/// The file could change unnoticed through a second hard link.
#[test]
fn a_hard_linked_file_is_replaced_by_one_of_its_own() {
    let test = Test::new().stage();
    let [overlay, root] = placements();
    fs::remove_file(test.path(&root)).unwrap();
    fs::hard_link(test.path(&overlay), test.path(&root)).unwrap();
    test.run("verify")
        .stdout_has("wrong kind")
        .any_stderr()
        .fails(3);
    test.run("stage -q").any_stdout().success();
    assert_eq!(test.facts(&overlay).names, 1);
    assert_ne!(test.facts(&overlay).inode, test.facts(&root).inode);
    // The file that had the other name keeps its content.
    let outside = test.path("precious.tgz");
    fs::rename(test.path(&root), &outside).unwrap();
    fs::hard_link(&outside, test.path(&root)).unwrap();
    let manifest = test.text("profiles.toml");
    test.put(
        "profiles.toml",
        manifest.replace("hello-universe@1.2.0", "edge-monitoring@1.4.0"),
    );
    let before = fs::read(&outside).unwrap();
    test.run("stage -q").any_stdout().success();
    assert_eq!(fs::read(&outside).unwrap(), before);
}

#[test]
fn a_link_at_a_placement_is_refused() {
    for placement in placements() {
        let test = Test::new().write("elsewhere.tgz", "precious");
        fs::create_dir_all(test.path(DIRECTORY)).unwrap();
        symlink(test.path("elsewhere.tgz"), test.path(&placement)).unwrap();
        let before = test.text("elsewhere.tgz");
        test.run("stage")
            .error("T8")
            .stderr_has("is a symbolic link")
            .stderr_has("remove it")
            .fails(3);
        assert_eq!(test.text("elsewhere.tgz"), before);
        assert!(
            fs::symlink_metadata(test.path(&placement))
                .unwrap()
                .is_symlink()
        );
        test.run("unstage")
            .any_stdout()
            .error("blocked-path")
            .stderr_has("is a symbolic link")
            .fails(3);
        assert_eq!(test.text("elsewhere.tgz"), before);
        test.run("verify --expect-none")
            .stdout_has("a symbolic link")
            .any_stderr()
            .fails(3);
    }
}

/// If one of the two is refused, the other is unchanged.
#[test]
fn a_refused_placement_leaves_the_other() {
    for (odd, other) in [(0, 1), (1, 0)] {
        let test = Test::new().stage();
        let placements = placements();
        let path = test.path(&placements[odd]);
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        let before = test.facts(&placements[other]);
        let manifest = test
            .text("profiles.toml")
            .replace("hello-universe@1.2.0", "edge-monitoring@1.4.0");
        test.put("profiles.toml", manifest);
        test.run("stage")
            .error("blocked-path")
            .stderr_has("is a directory")
            .fails(3);
        assert_eq!(test.facts(&placements[other]), before);
    }
}

/// A symbolic link among the directories would redirect the staged file, and the image would
/// contain the link.
#[test]
fn a_linked_directory_on_the_way_is_refused() {
    for link in [
        "overlay/files-iso/opt/spectrocloud/clusterconfig",
        "overlay/files-iso/opt",
    ] {
        let test = Test::new();
        let path = test.path("CanvOS").join(link);
        if path.exists() {
            fs::rename(&path, test.path("moved")).unwrap();
        } else {
            fs::create_dir(test.path("moved")).unwrap();
        }
        symlink(test.path("moved"), &path).unwrap();
        test.run("stage")
            .error("T8")
            .stderr_has(&format!("`{link}` in the checkout is a symbolic link"))
            .fails(3);
        assert!(!test.tree().contains("spc.tgz"));
    }
}

/// The same, if the right files are already behind the link.
#[test]
fn a_linked_directory_is_found_where_nothing_is_to_be_done() {
    let test = Test::new().stage();
    fs::rename(test.path(DIRECTORY), test.path("moved")).unwrap();
    symlink(test.path("moved"), test.path(DIRECTORY)).unwrap();
    test.run("verify").any_stdout().any_stderr().fails(3);
    test.run("stage")
        .error("T8")
        .stderr_has("is a symbolic link")
        .keeps_files()
        .fails(3);
}

/// Files behind such a link do not belong to edgestage, and are not removed.
#[test]
fn unstage_follows_no_linked_directory() {
    let test = Test::new().stage();
    fs::rename(test.path(DIRECTORY), test.path("moved")).unwrap();
    symlink(test.path("moved"), test.path(DIRECTORY)).unwrap();
    test.run("unstage")
        .any_stdout()
        .error("blocked-path")
        .stderr_has("is a symbolic link")
        .fails(3);
    assert!(test.path("moved/spc.tgz").exists());
}

#[test]
fn unstage_takes_only_what_is_ours() {
    let test = Test::new()
        .write(&format!("{DIRECTORY}/notes.txt"), "mine")
        .stage();
    test.run("unstage -q").any_stdout().success();
    assert_eq!(test.text(&format!("{DIRECTORY}/notes.txt")), "mine");
    // Twice is nothing to do.
    test.run("unstage")
        .stderr_has("nothing is staged")
        .keeps_files()
        .success();
    let test = Test::new().stage();
    test.run("unstage -q").any_stdout().success();
    assert!(!test.path(DIRECTORY).exists());
    assert!(
        test.path("CanvOS/overlay/files-iso/opt/spectrocloud")
            .exists()
    );
}

#[test]
fn a_clusterconfig_that_names_another_file_is_refused() {
    for (line, file) in [
        ("CLUSTERCONFIG=other.tgz", "other.tgz"),
        ("CLUSTERCONFIG=\"sites/store.tgz\" # why", "sites/store.tgz"),
        ("export CLUSTERCONFIG=./other.tgz", "other.tgz"),
    ] {
        let test = Test::new()
            .write(
                "CanvOS/.arg",
                format!("SECRET=s3cret\nCLUSTERCONFIG=spc.tgz\n{line}\n"),
            )
            .write(&format!("CanvOS/{file}"), "other");
        for command in ["stage", "check"] {
            let done = test
                .run(command)
                .any_stdout()
                .warning("T18")
                .error("T11")
                .stderr_has("CLUSTERCONFIG names another file")
                .stderr_has("CanvOS/.arg:3:1")
                .stderr_has(&format!("3 | {}", line.trim_end_matches(" # why")))
                .stderr_has("write `CLUSTERCONFIG=spc.tgz`")
                .keeps_files()
                .fails(3);
            assert!(!done.stderr.contains("s3cret"));
        }
        assert_eq!(test.downloads(), 0);
    }
}

/// The definition was staged before somebody edited `.arg`, which still takes precedence.
#[test]
fn a_trap_is_found_where_nothing_is_to_be_done() {
    let test = Test::new().stage();
    test.put("CanvOS/.arg", "CLUSTERCONFIG=other.tgz\n");
    test.put("CanvOS/other.tgz", "other");
    test.run("stage")
        .error("T11")
        .stderr_has("CLUSTERCONFIG names another file")
        .keeps_files()
        .fails(3);
}

#[test]
fn a_pattern_in_clusterconfig_is_refused() {
    for (value, id) in [("]x.tgz", "T6"), ("-spc.tgz", "T6"), ("a+b/spc.tgz", "T33")] {
        let test = Test::new().write("CanvOS/.arg", format!("CLUSTERCONFIG={value}\n"));
        test.run("stage").error(id).keeps_files().fails(3);
    }
}

/// The ISO still has the definition; another target has none.
#[test]
fn what_is_harmless_for_the_iso_is_a_warning() {
    for (arg, code, said) in [
        (None, "T2", "the checkout has no `.arg`"),
        (
            Some("ISO_NAME=x\n"),
            "T2",
            "`.arg` does not set CLUSTERCONFIG",
        ),
        (Some("CLUSTERCONFIG=\n"), "T2", "CLUSTERCONFIG is empty"),
        (Some("CLUSTERCONFIG=../x.tgz\n"), "T4", ""),
        (Some("CLUSTERCONFIG=/nowhere/x.tgz\n"), "T3", ""),
        (
            Some("CLUSTERCONFIG=typo.tgz\n"),
            "T1",
            "CLUSTERCONFIG names a file that is not in the checkout: `typo.tgz`",
        ),
    ] {
        let test = Test::new();
        match arg {
            Some(text) => test.put("CanvOS/.arg", text),
            None => fs::remove_file(test.path("CanvOS/.arg")).unwrap(),
        }
        test.run("stage")
            .any_stdout()
            .warning(code)
            .stderr_has(said)
            .stderr_has("`+cloud-image` embeds none")
            .success();
        test.run("verify").any_stdout().success();
    }
}

/// Both spellings of the staged file are right.
#[test]
fn a_clusterconfig_that_is_right_is_no_warning() {
    for value in ["spc.tgz", "./spc.tgz", "\"spc.tgz\"", OVERLAY] {
        let test = Test::new().write("CanvOS/.arg", format!("CLUSTERCONFIG={value}\n"));
        test.run("stage -q").any_stdout().success();
        test.run("stage")
            .any_stdout()
            .stderr("   Unchanged factory\n")
            .success();
    }
}

#[test]
fn what_would_be_shipped_besides_is_a_warning() {
    let test = Test::new().write(&format!("{DIRECTORY}/old.tgz"), "old");
    test.run("stage")
        .any_stdout()
        .warning("T10")
        .stderr_has("clusterconfig/old.tgz` will also be in the image")
        .success();
}

#[test]
fn no_checkout() {
    let test = Test::new();
    let run = test.run("stage --canvos elsewhere").keeps_files();
    run.error("no-checkout")
        .stderr_has("`{dir}/elsewhere`")
        .fails(2);
    fs::create_dir(test.path("empty")).unwrap();
    for command in ["stage", "unstage", "verify", "verify --expect-none"] {
        let run = test.run(command).arg("--canvos").arg("empty").keeps_files();
        run.error("not-a-checkout")
            .stderr_has("`{dir}/empty`")
            .stderr_has("`Earthfile`")
            .fails(2);
    }
    assert_eq!(test.sim.connections(), 0);
    test.run("check --canvos empty")
        .stdout_has("no checkout")
        .warning("not-a-checkout")
        .stderr_has("`{dir}/empty`")
        .success();
    // One that is written is missed, and where it is written.
    fs::remove_dir_all(test.path("CanvOS")).unwrap();
    let done = test
        .run("check")
        .stdout_has("no checkout")
        .warning("no-checkout")
        .stderr_has("`{dir}/CanvOS`")
        .stderr_has(" --> profiles.toml:7:7\n")
        .success();
    let warnings = done
        .again()
        .arg("--json")
        .any_stderr()
        .any_stdout()
        .success()
        .json()["warnings"]
        .take();
    assert_eq!(warnings[0]["line"], 7);
    let test = test.definition("canvos = \"empty\"\nprofiles = [\"edge-infra@2.1.0\"]");
    test.run("check --offline")
        .stdout_has("no checkout")
        .warning("not-a-checkout")
        .stderr_has("`{dir}/empty`")
        .stderr_has(" --> profiles.toml:10:10\n")
        .success();
    // Nobody said that there is one beside the file.
    let test =
        test.manifest("[palette]\nproject = \"Default\"\n[definition.a]\nprofiles = [\"a@1\"]\n");
    test.run("check --offline")
        .stdout_has("no checkout")
        .stderr("        Note no CanvOS checkout at {dir}\n")
        .success();
}

#[test]
fn a_definitions_own_checkout() {
    let test = Test::new().definition("canvos = \"Other\"\nprofiles = [\"edge-infra@2.1.0\"]");
    test.checkout("Other");
    test.run("stage -q").any_stdout().success();
    assert!(test.path("Other/spc.tgz").exists() && !test.path("CanvOS/spc.tgz").exists());
    test.run("stage -q --canvos CanvOS").any_stdout().success();
    assert!(test.path("CanvOS/spc.tgz").exists());
}

/// A directory may have a space and quotes in its name.
#[test]
fn an_odd_directory() {
    let name = "my \"canvos\" ü";
    let test = Test::new();
    test.checkout(name);
    test.run("stage -q --canvos")
        .arg(name)
        .any_stdout()
        .success();
    test.run("verify --canvos").arg(name).any_stdout().success();
}
