//! What went wrong with which path.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::printable;

/// An input or output error with what was being done to which path.
#[derive(Debug)]
pub struct PathError {
    /// The path.
    pub path: PathBuf,
    /// Such as `read` or `write`.
    pub doing: &'static str,
    /// What the operating system said.
    pub source: io::Error,
}

impl PathError {
    /// For `map_err`: `PathError::when("read", path)`.
    pub fn when(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self {
            path,
            doing,
            source,
        }
    }
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            path,
            doing,
            source,
        } = self;
        write!(
            f,
            "cannot {doing} `{}`: {}",
            printable::path(path),
            printable::io(source)
        )
    }
}

impl std::error::Error for PathError {}

/// Whether an error says that there is no such file.
#[must_use]
pub fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// What a path leads to, whatever it is called: links and bind mounts give one directory
/// several paths.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Identity {
    /// The numbers of the file system and of the file in it.
    Node(u64, u64),
    /// The path itself, without links: nothing is there, or the system has no such numbers.
    Path(PathBuf),
}

impl Identity {
    /// Of what `path` leads to.
    #[must_use]
    pub fn of(path: &Path) -> Self {
        #[cfg(unix)]
        if let Ok(metadata) = path.metadata() {
            use std::os::unix::fs::MetadataExt as _;
            return Self::Node(metadata.dev(), metadata.ino());
        }
        Self::Path(path.canonicalize().unwrap_or_else(|_| path.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A bind mount has the numbers of what it shows, and a path that leads nowhere else: so
    /// has a hard link, which needs no rights.
    #[test]
    fn two_paths_to_one_file_are_one() {
        let directory = tempfile::tempdir().unwrap();
        let [first, second] = ["a", "b"].map(|name| directory.path().join(name));
        std::fs::write(&first, "").unwrap();
        assert_ne!(Identity::of(&first), Identity::of(&second));
        std::fs::hard_link(&first, &second).unwrap();
        assert_ne!(
            first.canonicalize().unwrap(),
            second.canonicalize().unwrap()
        );
        assert_eq!(Identity::of(&first), Identity::of(&second));
        assert_ne!(Identity::of(&first), Identity::of(directory.path()));
    }
}
