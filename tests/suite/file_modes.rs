//! Every file that edgestage creates has mode 0644 and every directory 0755, whatever the
//! umask.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::build::{EARTHLY, build, with_earthly};
use crate::support::{OVERLAY, Test};

/// The paths that each command creates, below the test's directory. `*` stands for a digest.
const MADE: [(&str, &[&str]); 8] = [
    (
        "init -q edge-infra@2.1.0 --make --earthly --github --gitlab --file new.toml",
        &[
            "site/new.toml",
            "site/Makefile",
            "site/Earthfile",
            "site/.github",
            "site/.github/workflows",
            "site/.github/workflows/edgestage.yml",
            "site/.gitlab-ci.yml",
        ],
    ),
    (
        "fetch -q",
        &[
            "site/profiles.lock",
            "home/.cache",
            "home/.cache/edgestage",
            "home/.cache/edgestage/archives",
            "home/.cache/edgestage/archives/*.tgz",
            "home/.cache/edgestage/tmp",
        ],
    ),
    ("fetch -q --output copy.tgz factory", &["site/copy.tgz"]),
    (
        "stage -q factory",
        &[
            "site/CanvOS/.edgestage",
            "site/CanvOS/.edgestage/lock",
            "site/CanvOS/.edgestage/.gitignore",
            "site/CanvOS/.edgestage/staged",
            "site/CanvOS/.edgestage/replaced",
            "site/CanvOS/.edgestage/replaced/*.tgz",
            "site/CanvOS/overlay/files-iso/opt",
            "site/CanvOS/overlay/files-iso/opt/spectrocloud",
            "site/CanvOS/overlay/files-iso/opt/spectrocloud/clusterconfig",
            "site/CanvOS/overlay/files-iso/opt/spectrocloud/clusterconfig/spc.tgz",
        ],
    ),
    ("stage -q store", &[]),
    (
        "stage -q --cache-dir new/cache factory",
        &[
            "site/new",
            "site/new/cache",
            "site/new/cache/archives",
            "site/new/cache/archives/*.tgz",
            "site/new/cache/tmp",
        ],
    ),
    (
        "man -q --output new/man",
        &["site/new/man", "site/new/man/edgestage.1"],
    ),
    ("unstage -q factory", &[]),
];

/// Every path below `directory`, with its mode.
fn modes(directory: &Path) -> BTreeMap<PathBuf, u32> {
    let mut found = BTreeMap::new();
    let mut open = vec![directory.to_owned()];
    while let Some(at) = open.pop() {
        for entry in fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            if metadata.is_dir() {
                open.push(path.clone());
            }
            let name = path.strip_prefix(directory).unwrap().to_owned();
            found.insert(name, metadata.mode() & 0o7777);
        }
    }
    found
}

/// A path with `*` for a digest in its name.
fn without_digest(path: &Path) -> String {
    let name = path.file_stem().unwrap().to_str().unwrap();
    path.to_str().unwrap().replace(
        name,
        match name.len() {
            64 => "*",
            _ => name,
        },
    )
}

#[track_caller]
fn are_right(root: &Path, before: &BTreeMap<PathBuf, u32>, command: &str, expected: &[&str]) {
    let after = modes(root);
    let new: Vec<_> = after
        .iter()
        .filter(|(path, mode)| before.get(*path) != Some(mode))
        .collect();
    for (path, mode) in &new {
        let is_directory = root.join(path).is_dir();
        let right = if is_directory { 0o755 } else { 0o644 };
        assert_eq!(**mode, right, "{command}: {} {mode:o}", path.display());
    }
    for made in expected {
        let is_made = new.iter().any(|(path, _)| without_digest(path) == *made);
        assert!(is_made, "{command} has not made {made}: {new:#?}");
    }
}

#[test]
fn of_everything_that_is_made() {
    for umask in ["umask 000", "umask 027", "umask 077"] {
        let test = Test::new();
        let manifest = test.text("profiles.toml");
        let store = "[definition.store]\nprofiles = [\"edge-infra@2.1.0\"]\n";
        test.put("profiles.toml", format!("{manifest}\n{store}"));
        test.put("CanvOS/spc.tgz", "of somebody else");
        // As a checkout without the directories of a definition.
        fs::remove_dir_all(test.path("CanvOS/overlay/files-iso/opt")).unwrap();
        let root = test.path("..").canonicalize().unwrap();
        for (command, expected) in MADE {
            let before = modes(&root);
            let run = test.run(command).prelude(umask).any_stdout();
            run.success();
            are_right(&root, &before, &format!("{umask}, {command}"), expected);
        }
        let placements = [OVERLAY, "spc.tgz"].map(Test::placement);
        test.run("stage -q factory")
            .prelude(umask)
            .any_stdout()
            .success();
        for placement in placements {
            assert_eq!(test.facts(&placement).mode, 0o644, "{umask}");
        }
    }
}

/// The output of a build program keeps the mode that the program gives it; the record of an
/// image's digest, which edgestage writes, has its own mode.
#[test]
fn of_the_records_of_images() {
    for umask in ["umask 000", "umask 077"] {
        let test = with_earthly(EARTHLY);
        let manifest = test.text("profiles.toml");
        let store = "[definition.store]\nprofiles = [\"edge-infra@2.1.0\"]\n";
        test.put("profiles.toml", format!("{manifest}\n{store}"));
        let mode = |path: &str| fs::metadata(test.path(path)).unwrap().mode() & 0o7777;
        let checkout = mode("CanvOS");
        build(&test, "factory store")
            .prelude(umask)
            .any_stdout()
            .any_stderr()
            .success();
        for name in ["factory", "store"] {
            let record = format!("CanvOS/build/installer-{name}.iso.sha256");
            assert_eq!(test.facts(&record).mode, 0o644, "{umask}");
        }
        assert_eq!(mode("CanvOS/.edgestage"), 0o755, "{umask}");
        assert_eq!(mode("CanvOS"), checkout, "{umask}");
    }
}

/// A mode that a user has set is kept.
#[test]
fn of_what_was_there_already() {
    let test = Test::new().stage();
    let set = |path: &str, mode: u32| {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
        fs::set_permissions(test.path(path), mode).unwrap();
    };
    set("CanvOS/.edgestage", 0o2775);
    set("CanvOS/.edgestage/lock", 0o664);
    set("profiles.lock", 0o664);
    let test = test.definition("profiles = [\"edge-infra@2.0.0\"]");
    test.run("stage -q")
        .prelude("umask 077")
        .any_stdout()
        .success();
    let mode = |path: &str| fs::metadata(test.path(path)).unwrap().mode() & 0o7777;
    assert_eq!(mode("CanvOS/.edgestage"), 0o2775);
    assert_eq!(mode("CanvOS/.edgestage/lock"), 0o664);
    assert_eq!(mode("profiles.lock"), 0o664);
}
