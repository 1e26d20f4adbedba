//! Files of variables, build arguments and secrets, as a build program finds and reads them.

use std::io;
use std::path::{Path, PathBuf};

use super::container;
use super::failure::{Failure, FileProblem};
use crate::canvos::preflight::dotenv::{self, Assignment, Dotenv};
use crate::util::files;
use crate::util::sanitize;

/// Where a program looks for files.
#[derive(Clone)]
pub(super) struct Files {
    /// The working directory of the program, on this machine.
    pub directory: PathBuf,
    /// Whether the program runs in the container of `earthly.sh`.
    pub in_container: bool,
}

/// A file that was read.
pub(super) struct Variables {
    pub path: PathBuf,
    bytes: Vec<u8>,
    pub assignments: Vec<Assignment>,
}

impl Variables {
    /// Returns the line of an assignment, counted from 1.
    pub(super) fn line(&self, assignment: &Assignment) -> usize {
        let before = self.bytes.get(..assignment.span.start).unwrap_or_default();
        1 + before.iter().filter(|byte| **byte == b'\n').count()
    }
}

impl Files {
    /// Returns the file of this machine that `path` refers to; `None` if it is one of the
    /// container's own.
    pub(super) fn find(&self, path: &str) -> Option<PathBuf> {
        if self.in_container {
            container::host_path(path, &self.directory)
        } else {
            Some(self.directory.join(path))
        }
    }

    /// Whether a path is a file. A path in a home directory counts as one.
    pub(super) fn has(&self, path: &str) -> bool {
        path.starts_with('~') || self.find(path).is_some_and(|file| file.is_file())
    }

    /// Reads a file of variables. A missing file is empty, unless a flag or variable names it.
    /// In that case the program ends, as it does if it cannot parse the file.
    pub(super) fn read(
        &self,
        path: &str,
        named_by: Option<&str>,
    ) -> Result<Option<Variables>, Failure> {
        let found = self.find(path);
        let shown = found.as_deref().unwrap_or(Path::new(path)).to_owned();
        let refuse = |problem| {
            let path = shown.clone();
            Failure::File { path, problem }
        };
        let missing = || match named_by {
            None => Ok(None),
            Some(name) => Err(refuse(FileProblem::Missing {
                named_by: name.to_owned(),
            })),
        };
        // To Go, an empty path is not a file, whatever the directory is.
        let Some(file) = found.clone().filter(|_| !path.is_empty()) else {
            return missing();
        };
        let bytes = match files::read(&file, files::TEXT) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return missing(),
            Err(error) if named_by.is_some() && files::is_absent(&error) => return missing(),
            Err(error) => {
                let error = sanitize::io(&error);
                return Err(refuse(FileProblem::Unreadable { error }));
            }
        };
        let parsed = dotenv::parse(&bytes).map_err(|error| {
            refuse(FileProblem::Syntax {
                line: error.line,
                message: error.message,
            })
        });
        parsed.map(|Dotenv { assignments }| {
            Some(Variables {
                path: file,
                bytes,
                assignments,
            })
        })
    }
}
