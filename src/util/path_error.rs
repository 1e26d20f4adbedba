//! What went wrong with which path.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::util::sanitize;

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
            sanitize::path(path),
            sanitize::io(source)
        )
    }
}

impl std::error::Error for PathError {}
