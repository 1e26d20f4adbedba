//! The tree that an archive would unpack to, in memory, as paths and digests.
//!
//! Invariants: every path is relative, contains neither `.` nor `..`, and occurs once; nothing
//! is below a file or a link; no link leaves the tree.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io;

use super::decode::refuse;
use super::refusal::{Limit, Refusal};
use crate::util::digest::Digest;
use crate::util::limits::Limits;

/// A regular file of the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct File {
    /// The digest of the content.
    pub digest: Digest,
    /// The size of the content, in bytes.
    pub size: u64,
}

/// A path and the regular file at it.
pub type NamedFile = (Vec<u8>, File);

/// The maximum memory for a path in addition to its own bytes.
const NODE: usize = 128;

/// A node of the tree. It is small because most of a hostile tree consists of parent
/// directories.
enum Node {
    /// A directory, and whether it has an entry of its own.
    Directory {
        named: bool,
    },
    File(Box<File>),
    Link,
}

/// The entries so far. A hash table would need more than twice its size whenever it grows, so
/// that memory would not be bounded.
#[derive(Default)]
pub(super) struct Tree {
    nodes: BTreeMap<Box<[u8]>, Node>,
    memory: usize,
}

/// Returns `path` without `.`, doubled and trailing slashes, or `None` for the root itself.
///
/// # Errors
/// Refuses a path that is absolute, contains `..` or a NUL, is too long for Linux, or is
/// misread by a reader or by the documented recipe for the digest of the content.
pub(crate) fn normalize(path: &[u8]) -> io::Result<Option<Vec<u8>>> {
    let refused = |why| {
        Err(refuse(Refusal::Path {
            path: path.to_owned(),
            why,
        }))
    };
    if path.len() > Limits::PATH {
        return Err(refuse(Refusal::TooLarge(Limit::Path)));
    }
    if path.is_empty() {
        return refused("is empty");
    }
    if path.contains(&0) {
        return refused("contains a NUL");
    }
    if path.starts_with(b"/") {
        return refused("is absolute");
    }
    // sha256sum escapes it only since coreutils 9.0.
    if path.contains(&b'\r') {
        return refused("contains a carriage return");
    }
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => return refused("contains `..`"),
            part if part.len() > Limits::NAME => {
                return Err(refuse(Refusal::TooLarge(Limit::Name)));
            }
            part => parts.push(part),
        }
    }
    match parts.first() {
        // sha256sum would parse it as an option.
        Some([b'-', ..]) => return refused("begins with a dash"),
        // bsdtar removes what an absolute Windows path begins with.
        Some([b'\\', ..]) => return refused("begins with a backslash"),
        Some([letter, b':', ..]) if letter.is_ascii_alphabetic() => {
            return refused("begins with a drive letter");
        }
        _ => {}
    }
    Ok(Some(parts.join(&b'/')).filter(|path| !path.is_empty()))
}

impl Tree {
    /// Adds a directory.
    pub(super) fn add_directory(&mut self, path: Vec<u8>) -> io::Result<()> {
        match self.nodes.get_mut(&path[..]) {
            Some(Node::Directory {
                named: named @ false,
            }) => {
                *named = true;
                Ok(())
            }
            _ => self.insert(path, Node::Directory { named: true }),
        }
    }

    /// Adds a regular file.
    pub(super) fn add_file(&mut self, path: Vec<u8>, file: File) -> io::Result<()> {
        self.insert(path, Node::File(Box::new(file)))
    }

    /// Adds a symbolic link. `..` is allowed only at the beginning of its target: since nothing
    /// is below a link, no chain of links can leave the tree then.
    pub(super) fn add_symlink(&mut self, path: Vec<u8>, target: &[u8]) -> io::Result<()> {
        let depth = path.iter().filter(|byte| **byte == b'/').count();
        let parts = || {
            target
                .split(|byte| *byte == b'/')
                .filter(|part| !matches!(*part, b"" | b"."))
        };
        let ups = parts().take_while(|part| *part == b"..").count();
        let later = parts().skip(ups).any(|part| part == b"..");
        let outside = target.is_empty()
            || target.starts_with(b"/")
            || target.contains(&0)
            || ups > depth
            || later;
        if outside {
            return Err(refuse(Refusal::LinkOutside {
                path,
                target: target.to_owned(),
            }));
        }
        if target.len() > Limits::PATH {
            return Err(refuse(Refusal::TooLarge(Limit::Path)));
        }
        self.insert(path, Node::Link)
    }

    /// Adds a hard link to a file that occurs earlier in the archive.
    pub(super) fn add_hardlink(&mut self, path: Vec<u8>, target: &[u8]) -> io::Result<()> {
        let found = normalize(target)
            .ok()
            .flatten()
            .and_then(|t| match self.nodes.get(&t[..]) {
                Some(Node::File(file)) => Some(file.clone()),
                _ => None,
            });
        match found {
            Some(file) => self.insert(path, Node::File(file)),
            None => Err(refuse(Refusal::LinkOutside {
                path,
                target: target.to_owned(),
            })),
        }
    }

    fn insert(&mut self, path: Vec<u8>, node: Node) -> io::Result<()> {
        self.add_parents(&path)?;
        self.count(path.len())?;
        match self.nodes.entry(path.into_boxed_slice()) {
            Entry::Occupied(entry) => Err(refuse(Refusal::Duplicate(entry.key().to_vec()))),
            Entry::Vacant(entry) => {
                entry.insert(node);
                Ok(())
            }
        }
    }

    /// Adds the parents of `path`, from the nearest upwards: if a directory exists, so do all
    /// of its parents. From the top down, every file in a deep directory would cost a lookup of
    /// thousands of parents.
    fn add_parents(&mut self, path: &[u8]) -> io::Result<()> {
        let mut missing = Vec::new();
        for (at, _) in path
            .iter()
            .enumerate()
            .rev()
            .filter(|(_, byte)| **byte == b'/')
        {
            match self.nodes.get(&path[..at]) {
                Some(Node::Directory { .. }) => break,
                Some(_) => return Err(refuse(Refusal::Duplicate(path.to_owned()))),
                None => missing.push(&path[..at]),
            }
        }
        for parent in missing {
            self.count(parent.len())?;
            self.nodes
                .insert(parent.into(), Node::Directory { named: false });
        }
        Ok(())
    }

    fn count(&mut self, bytes: usize) -> io::Result<()> {
        self.memory += bytes + NODE;
        if self.memory > Limits::PATHS {
            return Err(refuse(Refusal::TooLarge(Limit::Paths)));
        }
        Ok(())
    }

    /// Returns the files, and the directories and links, in the byte order of their paths.
    pub(super) fn finish(self) -> (Vec<NamedFile>, Vec<Vec<u8>>) {
        let mut files = Vec::new();
        let mut others = Vec::new();
        for (path, node) in self.nodes {
            match node {
                Node::File(file) => files.push((path.into_vec(), *file)),
                Node::Directory { .. } | Node::Link => others.push(path.into_vec()),
            }
        }
        (files, others)
    }
}
