//! Input and output errors with their paths.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::util::sanitize;

/// An input or output error, with the operation and the path.
#[derive(Debug)]
pub struct PathError {
    /// The path.
    pub path: PathBuf,
    /// The operation, such as `read` or `write`.
    pub doing: &'static str,
    /// The error of the operating system.
    pub source: io::Error,
}

impl PathError {
    /// Returns a function for `map_err`: `PathError::when("read", path)`.
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
            sanitize::path(path),
            sanitize::io(source)
        )
    }
}

impl std::error::Error for PathError {}
