//! Open directories, which stay the same whatever is later renamed over their paths.
//!
//! A check of a path says nothing about the next use of that path: a directory on the way may
//! be swapped for a symbolic link in between, and the next write lands outside the checkout. So
//! a directory is opened once, without following a link below the checkout, and every operation
//! is relative to its descriptor and takes a plain name.

use std::io;
use std::path::{Path, PathBuf};

use crate::util::files::Identity;

#[cfg(not(unix))]
mod by_path;
#[cfg(unix)]
mod descriptor;

#[cfg(not(unix))]
use by_path as system;
#[cfg(unix)]
use descriptor as system;

pub(super) use system::Directory;

/// A directory entry; symbolic links are not followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// The kind of file, if it is not a regular file.
    pub odd: Option<&'static str>,
    /// Tells whether a file is still the one that was examined.
    pub stamp: Stamp,
    /// The permissions with the set-id and sticky bits; 0644 if the system has none.
    pub mode: u32,
    /// The number of hard links.
    pub links: u64,
}

/// What a rename keeps, and what a write or another file changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamp {
    /// The size in bytes.
    pub size: u64,
    /// The time of the last write, in seconds and nanoseconds since 1970.
    pub written: (i64, i64),
}

impl Entry {
    /// Whether this is a file with one hard link and mode 0644. Through a second link, the file
    /// could change unnoticed.
    #[must_use]
    pub(super) fn is_well_formed(&self) -> bool {
        self.odd.is_none() && self.links == 1 && self.mode == 0o644
    }
}

impl Directory {
    /// Returns the path by which the directory was opened.
    #[must_use]
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the path of the file `name` in the directory, for messages.
    #[must_use]
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Whether both are the same directory.
    #[must_use]
    pub(super) fn is(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }

    /// Opens the same directory again.
    ///
    /// # Errors
    /// Fails if nobody may enter the directory any more.
    pub(super) fn again(&self) -> io::Result<Self> {
        let mut again = self.enter(".".as_ref())?;
        again.path.clone_from(&self.path);
        Ok(again)
    }

    fn identity(&self) -> Option<Identity> {
        system::identity(self)
    }
}

#[cfg(test)]
mod tests;
