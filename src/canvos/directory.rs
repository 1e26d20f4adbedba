//! Directories that stay what they were when they were opened, whatever is renamed over
//! their paths since.
//!
//! A check of a path says nothing about the next use of that path: a directory on the way
//! may be swapped for a symbolic link in between, and what is written next lands outside
//! the checkout. So a directory is opened once, without following a link below the
//! checkout, and everything is done relative to its descriptor, with a plain name.

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

/// What has a name in a directory, links not followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// What is there in place of a regular file.
    pub odd: Option<&'static str>,
    /// Tells whether a file is still the one that was looked at.
    pub stamp: Stamp,
    /// Permissions, set-id and sticky bits; 0644 if the system has none.
    pub mode: u32,
    /// The number of its names.
    pub links: u64,
}

/// What a rename keeps, and a write or another file changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamp {
    /// In bytes.
    pub size: u64,
    /// Time of the last write: seconds and nanoseconds since 1970.
    pub written: (i64, i64),
}

impl Entry {
    /// A file with one name and mode 0644. A second name could change it behind our back.
    #[must_use]
    pub(super) fn is_well_formed(&self) -> bool {
        self.odd.is_none() && self.links == 1 && self.mode == 0o644
    }
}

impl Directory {
    /// The path by which it was opened.
    #[must_use]
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The path of `name` in it, for messages.
    #[must_use]
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Whether both are the same directory.
    #[must_use]
    pub(super) fn is(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }

    /// The same directory, opened anew.
    ///
    /// # Errors
    /// One that nobody may enter any more.
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
