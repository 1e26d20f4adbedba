//! Atomic writes: a file appears whole or not at all.
//!
//! A file is written under a temporary name in a directory of the same file system, gets its
//! mode, is synchronized to the disk, and is renamed. A reader sees either the old file or the
//! new one, and a kill or a power cut leaves one of the two (POSIX `rename`). It is not
//! guaranteed that a directory entry survives a power cut right after the call on a file system
//! that does not order renames.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use tempfile::NamedTempFile;

use crate::util::failpoint;
use crate::util::file_lock;
use crate::util::path_error::PathError;

/// The prefix of temporary files, which are named `.edgestage-`, six letters or digits, `.tmp`.
/// Users do not have files with such names, so leftovers can be recognized and removed.
const PREFIX: &str = ".edgestage-";
const SUFFIX: &str = ".tmp";
const RANDOM: usize = 6;

/// The age after which a temporary file counts as abandoned on a file system without locks. No
/// run waits nearly that long.
pub(crate) const ABANDONED: Duration = Duration::from_secs(24 * 60 * 60);

/// Creates `directory` and its missing parents, each with mode 0755 whatever the umask.
/// Directories that exist keep their modes.
///
/// # Errors
/// Fails if `mkdir` fails, or if something other than a directory is in the way.
pub(crate) fn make_directories(directory: &Path) -> io::Result<()> {
    if directory.is_dir() || directory.as_os_str().is_empty() {
        return Ok(());
    }
    if let Some(above) = directory.parent() {
        make_directories(above)?;
    }
    match fs::create_dir(directory) {
        // Another run has created it in the meantime.
        Err(_) if directory.is_dir() => Ok(()),
        Err(error) => Err(error),
        Ok(()) => set_directory_mode(directory),
    }
}

#[cfg(unix)]
fn set_directory_mode(directory: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn set_directory_mode(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Creates a temporary file in `directory`, which is created if it is missing, and removes what
/// killed runs left there.
pub(crate) fn temporary_in(directory: &Path) -> Result<NamedTempFile, PathError> {
    make_directories(directory).map_err(PathError::when("create", directory))?;
    sweep(directory);
    loop {
        let temporary = tempfile::Builder::new()
            .prefix(PREFIX)
            .suffix(SUFFIX)
            .rand_bytes(RANDOM)
            .tempfile_in(directory)
            .map_err(PathError::when("write in", directory))?;
        if file_lock::mark(temporary.as_file(), temporary.path()) {
            return Ok(temporary);
        }
    }
}

/// Gives `temporary` mode 0644 and renames it to `target`, replacing an existing file. Returns
/// the file, still open.
pub(crate) fn rename(temporary: NamedTempFile, target: &Path) -> Result<File, PathError> {
    set_mode(temporary.as_file()).map_err(PathError::when("write", target))?;
    rename_as_it_is(temporary, target)
}

/// Like [`rename`], but keeps the mode of the existing file, which is the user's choice.
pub(crate) fn rename_keeping(
    temporary: NamedTempFile,
    target: &Path,
    mode: Option<fs::Permissions>,
) -> Result<File, PathError> {
    let Some(mode) = mode else {
        return rename(temporary, target);
    };
    let file = temporary.as_file();
    file.set_permissions(mode)
        .map_err(PathError::when("write", target))?;
    rename_as_it_is(temporary, target)
}

/// Like [`rename`], but keeps the mode that the temporary file has.
fn rename_as_it_is(temporary: NamedTempFile, target: &Path) -> Result<File, PathError> {
    let failed = |source| PathError {
        path: target.to_owned(),
        doing: "write",
        source,
    };
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

/// Writes `bytes` to `target` through a temporary file beside it. Follows a symbolic link and
/// keeps the mode of an existing file, since both are the user's choice.
pub(crate) fn write(target: &Path, bytes: &[u8]) -> Result<(), PathError> {
    let target = &target.canonicalize().unwrap_or_else(|_| target.to_owned());
    let mode = fs::metadata(target)
        .map(|metadata| metadata.permissions())
        .ok();
    let directory = target.parent().unwrap_or(Path::new("."));
    let mut temporary = temporary_in(directory)?;
    temporary
        .write_all(bytes)
        .map_err(PathError::when("write", target))?;
    match mode {
        Some(mode) => temporary.as_file().set_permissions(mode),
        None => set_mode(temporary.as_file()),
    }
    .map_err(PathError::when("write", target))?;
    failpoint::hit("written-aside");
    rename_as_it_is(temporary, target)?;
    Ok(())
}

/// Writes `bytes` to `target`, which must not exist.
pub(crate) fn write_new(target: &Path, bytes: &[u8]) -> Result<(), PathError> {
    let directory = target.parent().unwrap_or(Path::new("."));
    let mut temporary = temporary_in(directory)?;
    temporary
        .write_all(bytes)
        .and_then(|()| set_mode(temporary.as_file()))
        .and_then(|()| temporary.as_file().sync_all())
        .map_err(PathError::when("write", target))?;
    match temporary.persist_noclobber(target) {
        Ok(_) => Ok(()),
        Err(error) => Err(PathError::when("write", target)(error.error)),
    }
}

/// Removes the temporary files that killed runs left in `directory`.
pub(crate) fn sweep(directory: &Path) {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| is_temporary(entry.file_name().as_encoded_bytes())) {
        file_lock::remove_if_dead(&entry.path(), ABANDONED);
    }
}

/// Returns a name for a temporary file that [`sweep`] recognizes.
#[must_use]
pub(crate) fn temporary_name() -> String {
    let random: String = (0..RANDOM).map(|_| fastrand::alphanumeric()).collect();
    format!("{PREFIX}{random}{SUFFIX}")
}

/// Returns whether `name` is the name of a temporary file of edgestage.
#[must_use]
pub(crate) fn is_temporary(name: &[u8]) -> bool {
    let random = name
        .strip_prefix(PREFIX.as_bytes())
        .and_then(|name| name.strip_suffix(SUFFIX.as_bytes()));
    random.is_some_and(|name| name.len() == RANDOM && name.iter().all(u8::is_ascii_alphanumeric))
}

/// Synchronizes `directory`. Best effort: not every file system supports it, and correctness
/// does not depend on it, since a lost rename leaves the old file.
fn sync_directory(directory: &Path) {
    if let Ok(directory) = File::open(directory) {
        let _ = directory.sync_all();
    }
}

/// Sets mode 0644 whatever the umask, since builders run as other users read the files.
#[cfg(unix)]
pub(crate) fn set_mode(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
pub fn set_mode(_: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_temporary_name_is_told_from_others() {
        let directory = tempfile::tempdir().unwrap();
        let temporary = temporary_in(directory.path()).unwrap();
        let name = temporary.path().file_name().unwrap().as_encoded_bytes();
        assert!(is_temporary(name), "{temporary:?}");
        assert!(is_temporary(temporary_name().as_bytes()));
        for other in [
            ".edgestage-",
            ".edgestage-notes",
            ".edgestage-a1B2c.tmp",
            ".edgestage-a1B2c33.tmp",
            ".edgestage-a1B2-3.tmp",
            "edgestage-a1B2c3.tmp",
        ] {
            assert!(!is_temporary(other.as_bytes()), "{other}");
        }
    }
}
