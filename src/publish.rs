//! Files that appear whole or not at all.
//!
//! A file is written under a temporary name in a directory of the same file system,
//! given its mode, brought to the disk, and renamed. A reader sees the old file or the
//! new one; a kill or a power cut leaves one of the two (POSIX `rename`). What is not
//! promised: that a directory entry survives a power cut right after the call on a file
//! system that does not order renames.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::NamedTempFile;

use crate::printable;

/// Temporary files begin like this, so that they can be told and swept.
pub const TEMPORARY_PREFIX: &str = ".edgestage-";

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

/// A temporary file in `directory`, which is made where it is missing.
pub fn temporary_in(directory: &Path) -> Result<NamedTempFile, PathError> {
    fs::create_dir_all(directory).map_err(PathError::when("create", directory))?;
    tempfile::Builder::new()
        .prefix(TEMPORARY_PREFIX)
        .tempfile_in(directory)
        .map_err(PathError::when("write in", directory))
}

/// Gives `temporary` mode 0644 and the name `target`, replacing what is there. Returns
/// the file, still open.
pub fn rename(temporary: NamedTempFile, target: &Path) -> Result<File, PathError> {
    let failed = |source| PathError {
        path: target.to_owned(),
        doing: "write",
        source,
    };
    set_mode(temporary.as_file()).map_err(failed)?;
    temporary.as_file().sync_all().map_err(failed)?;
    let file = temporary.persist(target).map_err(|error| PathError {
        path: target.to_owned(),
        doing: "write",
        source: error.error,
    })?;
    if let Some(parent) = target.parent() {
        sync_directory(parent);
    }
    Ok(file)
}

/// Writes `bytes` to `target` through a temporary file beside it. A link is followed,
/// and the mode of a file that is there is kept: both are the user's choice.
pub fn write(target: &Path, bytes: &[u8]) -> Result<(), PathError> {
    let target = &target.canonicalize().unwrap_or_else(|_| target.to_owned());
    let mode = fs::metadata(target)
        .map(|metadata| metadata.permissions())
        .ok();
    let directory = target.parent().unwrap_or(Path::new("."));
    let mut temporary = temporary_in(directory)?;
    temporary
        .write_all(bytes)
        .map_err(PathError::when("write", target))?;
    let file = rename(temporary, target)?;
    if let Some(mode) = mode {
        file.set_permissions(mode)
            .map_err(PathError::when("write", target))?;
    }
    Ok(())
}

/// Writes `bytes` to `target`, which must not exist.
pub fn write_new(target: &Path, bytes: &[u8]) -> Result<(), PathError> {
    let directory = target.parent().unwrap_or(Path::new("."));
    let mut temporary = temporary_in(directory)?;
    temporary
        .write_all(bytes)
        .and_then(|()| set_mode(temporary.as_file()))
        .map_err(PathError::when("write", target))?;
    match temporary.persist_noclobber(target) {
        Ok(_) => Ok(()),
        Err(error) => Err(PathError::when("write", target)(error.error)),
    }
}

/// Removes what killed runs left in `directory`: temporary files of ours that nobody has
/// written for `age`. Best effort: what cannot be removed is in nobody's way.
pub fn sweep(directory: &Path, age: Duration) {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    for entry in entries {
        let ours = entry
            .file_name()
            .as_encoded_bytes()
            .starts_with(TEMPORARY_PREFIX.as_bytes());
        let old = || {
            let written = entry.metadata().and_then(|metadata| metadata.modified());
            written.is_ok_and(|written| written.elapsed().is_ok_and(|since| since >= age))
        };
        if ours && old() {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Not every file system can do it, and none of our promises needs it to: a lost
/// rename leaves the old file.
fn sync_directory(directory: &Path) {
    if let Ok(directory) = File::open(directory) {
        let _ = directory.sync_all();
    }
}

/// 0644 whatever the umask: the files are read by other users' builders.
#[cfg(unix)]
fn set_mode(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn set_mode(_: &File) -> io::Result<()> {
    Ok(())
}
