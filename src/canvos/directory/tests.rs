#![cfg(unix)]

use std::fs;
use std::os::unix::fs::symlink;

use super::*;

fn place() -> (tempfile::TempDir, Directory) {
    let root = tempfile::tempdir().unwrap();
    let directory = Directory::open(root.path()).unwrap();
    (root, directory)
}

#[test]
fn it_stays_what_it_was_when_it_was_opened() {
    let (root, directory) = place();
    fs::create_dir(root.path().join("elsewhere")).unwrap();
    let opened = directory.make("a".as_ref()).unwrap();
    fs::rename(root.path().join("a"), root.path().join("moved")).unwrap();
    symlink("elsewhere", root.path().join("a")).unwrap();
    opened.create("file").unwrap();
    assert!(root.path().join("moved/file").exists());
    assert!(!root.path().join("elsewhere/file").exists());
    // A link is not entered, and nothing is read through one.
    assert!(directory.enter("a".as_ref()).is_err());
    symlink("moved/file", root.path().join("link")).unwrap();
    assert!(directory.read("link").is_err());
    let entry = directory.entry("link").unwrap().unwrap();
    assert_eq!(entry.odd, Some("a symbolic link"));
    let moved = directory.enter("moved".as_ref()).unwrap();
    assert!(moved.is(&opened) && !moved.is(&directory));
}

#[test]
fn names_are_exchanged_in_one_step() {
    let (root, directory) = place();
    let other = directory.make("other".as_ref()).unwrap();
    for (name, text) in [("new", "new"), ("other/old", "old")] {
        fs::write(root.path().join(name), text).unwrap();
    }
    directory.exchange("new", &other, "old").unwrap();
    let read = |name: &str| fs::read_to_string(root.path().join(name)).unwrap();
    assert_eq!([read("new"), read("other/old")], ["old", "new"]);
    let absent = directory.exchange("new", &other, "absent").unwrap_err();
    assert_eq!(absent.kind(), std::io::ErrorKind::NotFound);
}

/// The checks change nothing: no file and no directory is removed.
#[test]
fn a_question_changes_nothing() {
    let (root, directory) = place();
    let other = directory.make("other".as_ref()).unwrap();
    fs::write(root.path().join("file"), "text").unwrap();
    let before = directory.entry("file").unwrap();
    directory.check_replaceable("file").unwrap();
    directory.check_replaceable("absent").unwrap();
    directory.check_writable().unwrap();
    assert!(directory.reaches(&other) && directory.reaches(&directory));
    assert_eq!(directory.entry("file").unwrap(), before);
    let mut names = directory.names().unwrap();
    names.sort();
    assert_eq!(names, ["file", "other"]);
}

#[test]
fn another_file_system_is_out_of_reach() {
    let (_root, directory) = place();
    let other = Directory::open(std::path::Path::new("/proc/self")).unwrap();
    assert!(!directory.reaches(&other) && !other.reaches(&directory));
}
