//! The contents of a directory, for comparisons before and after a run.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest as _, Sha256};

/// The properties of a file other than its bytes.
#[derive(Debug, PartialEq, Eq)]
pub struct Facts {
    pub mode: u32,
    pub names: u64,
    pub modified: SystemTime,
    pub inode: u64,
}

impl Facts {
    pub fn of(path: &Path) -> Self {
        let metadata = fs::symlink_metadata(path).unwrap();
        assert!(metadata.is_file(), "{} is not a file", path.display());
        Self {
            mode: metadata.mode() & 0o7777,
            names: metadata.nlink(),
            modified: metadata.modified().unwrap(),
            inode: metadata.ino(),
        }
    }
}

/// Returns the digest as `sha256sum` prints it.
pub fn sha256(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in Sha256::digest(bytes) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Returns every path below `directory` that is not a directory, sorted.
pub fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                open.push(entry.path());
            } else {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    found
}

/// Returns `mode digest path` lines; a link shows its target.
pub fn lines(directory: &Path) -> String {
    let lines = files(directory).into_iter().map(|path| {
        let shown = path.strip_prefix(directory).unwrap().display();
        let metadata = fs::symlink_metadata(&path).unwrap();
        let mode = metadata.mode() & 0o7777;
        if metadata.is_symlink() {
            let target = fs::read_link(&path).unwrap();
            format!("{mode:04o} link {shown} -> {}\n", target.display())
        } else {
            // Some tests remove the permission to read.
            let digest = fs::read(&path).map_or_else(|error| error.to_string(), |b| sha256(&b));
            format!("{mode:04o} {digest:.16} {shown}\n")
        }
    });
    lines.collect()
}

/// Returns every file with its bytes, by its path below `directory`.
pub fn contents(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = files(directory).into_iter();
    files
        .map(|path| {
            let shown = path.strip_prefix(directory).unwrap().to_owned();
            (shown, fs::read(&path).unwrap())
        })
        .collect()
}

/// Returns [`lines`] with inode and modification time, without the files that every run may
/// change.
pub fn stamps(directory: &Path) -> Vec<String> {
    let text = lines(directory);
    let files = files(directory);
    let both = text.lines().zip(&files);
    both.filter(|(_, path)| !super::is_own(path))
        .map(|(line, path)| {
            let metadata = fs::symlink_metadata(path).unwrap();
            let modified = metadata.modified().unwrap();
            format!("{line} {} {modified:?}", metadata.ino())
        })
        .collect()
}
