//! Archives written by common archivers: each is accepted, and all readers agree on it.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, UNIX_EPOCH};

use edgestage::archive::{self, NOTHING};
use edgestage::util::limits::Limits;

use super::disagreement;
use super::readers::Readers;

/// Programs with the options that choose a format, and whether the format supports long names.
const WRITERS: [(&str, &[&str], bool); 11] = [
    ("tar", &["--format=v7"], false),
    ("tar", &["--format=ustar"], false),
    ("tar", &["--format=oldgnu"], true),
    ("tar", &["--format=gnu"], true),
    ("tar", &["--format=posix"], true),
    // Numbers that the header has no room for in octal.
    (
        "tar",
        &["--format=gnu", "--owner=+3000000", "--group=+4000000000"],
        true,
    ),
    (
        "tar",
        &["--format=posix", "--owner=+3000000", "--group=+4000000000"],
        true,
    ),
    ("bsdtar", &["--format=v7"], false),
    ("bsdtar", &["--format=ustar"], false),
    ("bsdtar", &["--format=gnutar"], true),
    ("bsdtar", &["--format=pax"], true),
];

const PYTHON: &str = "
import sys, tarfile
with tarfile.open('../spc.tgz', 'w:gz', format=int(sys.argv[1])) as archive:
    archive.add('spc')
";

/// Writes the files of an archive.
fn write_tree(into: &Path, has_long_names: bool) {
    let profile = into.join("spc/app/profiles/65c90a1b2c3d4e5f770daee5");
    fs::create_dir_all(&profile).unwrap();
    fs::write(profile.join("variables.json"), "{\"variables\":[]}\n").unwrap();
    let spc = into.join("spc");
    for name in ["a", "with space", "stra\u{df}e", "back\\slash", "new\nline"] {
        fs::write(spc.join(name), name).unwrap();
    }
    let old = File::create(spc.join("old")).unwrap();
    let before = Duration::from_secs(300_000_000);
    old.set_modified(UNIX_EPOCH.checked_sub(before).unwrap())
        .unwrap();
    symlink("a", spc.join("link")).unwrap();
    fs::hard_link(spc.join("a"), spc.join("hard")).unwrap();
    if has_long_names {
        let deep = spc.join("directory/".repeat(12));
        fs::create_dir_all(&deep).unwrap();
        fs::write(deep.join("file"), "deep").unwrap();
        fs::write(spc.join("long".repeat(40)), "long").unwrap();
        symlink("x".repeat(150), spc.join("long-link")).unwrap();
        fs::hard_link(deep.join("file"), deep.join("hard")).unwrap();
    } else {
        // The oldest formats have no time before 1970.
        fs::remove_file(spc.join("old")).unwrap();
    }
}

#[track_caller]
fn is_accepted(archive: &[u8], readers: &mut Readers) -> String {
    let inventory = archive::inspect(archive, &Limits::default(), NOTHING).unwrap();
    let said = disagreement(&readers.read(archive), Some(&inventory));
    assert_eq!(said, None);
    inventory.content_sha256.to_string()
}

#[test]
fn archives_of_the_usual_archivers_are_accepted() {
    let mut readers = Readers::start(None);
    let mut digests = [Vec::new(), Vec::new()];
    let mut accepted = |command: &mut Command, has_long_names: bool| {
        let directory = tempfile::tempdir().unwrap();
        let tree = directory.path().join("tree");
        write_tree(&tree, has_long_names);
        let output = command
            .current_dir(tree)
            .env("LC_ALL", "C.UTF-8")
            .output()
            .unwrap();
        assert!(output.status.success(), "{command:?}: {output:?}");
        let archive = fs::read(directory.path().join("spc.tgz")).unwrap();
        let digest = is_accepted(&archive, &mut readers);
        digests[usize::from(has_long_names)].push(digest);
    };
    for (program, options, has_long_names) in WRITERS {
        for root in ["spc", "./spc", "."] {
            let mut command = Command::new(program);
            let command = command.args(options);
            accepted(
                command.args(["-c", "-z", "-f", "../spc.tgz", root]),
                has_long_names,
            );
        }
    }
    // USTAR, GNU, PAX.
    for (format, has_long_names) in [("0", false), ("1", true), ("2", true)] {
        let mut command = Command::new("python3");
        accepted(command.args(["-c", PYTHON, format]), has_long_names);
    }
    for digests in &mut digests {
        assert!(digests.len() > 10, "{digests:?}");
        digests.dedup();
        assert_eq!(digests.len(), 1, "{digests:?}");
    }
}

/// Go, node-tar, 7-Zip, busybox, Perl's `Archive::Tar` and `git archive` wrote these archives
/// from one tree.
#[test]
fn archives_of_other_archivers_are_accepted() {
    let mut readers = Readers::start(None);
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/real/archives");
    let mut seen = 0;
    for entry in fs::read_dir(directory).unwrap() {
        let archive = fs::read(entry.unwrap().path()).unwrap();
        assert_eq!(
            is_accepted(&archive, &mut readers),
            "66550f4b02b2dae8dc1c1fb1f26dfd066ea2991332c8c9fd8a506a2e5f50d3b4"
        );
        seen += 1;
    }
    assert_eq!(seen, 8);
}
