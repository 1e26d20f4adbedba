//! Temporary files of a checkout, which are either renamed to their final name or removed.

use std::fs::File;
use std::io;
use std::sync::Arc;

use super::directory::Directory;
use crate::util::atomic_file;
use crate::util::file_lock;
use crate::util::path_error::PathError;

/// A file under a temporary name. Dropping it without [`PendingFile::rename`] removes whatever has
/// that name.
#[derive(Debug)]
pub(super) struct PendingFile {
    directory: Arc<Directory>,
    name: String,
    file: File,
    /// Whether dropping this removes the temporary name.
    armed: bool,
}

impl PendingFile {
    /// Creates an empty file in `directory`.
    pub(super) fn create(directory: &Arc<Directory>) -> Result<Self, PathError> {
        loop {
            let name = atomic_file::temporary_name();
            let file = match directory.create(&name) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                created => created.map_err(PathError::when("write in", directory.path()))?,
            };
            let pending = Self {
                directory: Arc::clone(directory),
                name,
                file,
                armed: true,
            };
            if is_marked(&pending.file) {
                return Ok(pending);
            }
        }
    }

    /// Returns the file, open for writing.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Returns the directory that the file is in.
    pub(super) fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Returns the temporary name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Sets mode 0644, whatever the umask, and syncs the file to disk. After this only a rename
    /// is missing.
    pub(super) fn seal(&self) -> io::Result<()> {
        atomic_file::set_mode(&self.file)?;
        self.file.sync_all()
    }

    /// Renames the file to `name` in `target`, and replaces what is there.
    pub(super) fn rename(mut self, target: &Directory, name: &str) -> io::Result<()> {
        self.directory.rename(&self.name, target, name)?;
        self.armed = false;
        target.sync();
        Ok(())
    }

    /// Records that nothing has the temporary name any more.
    pub(super) fn disarm(&mut self) {
        self.armed = false;
    }

    /// Records that a file has the temporary name again.
    pub(super) fn arm(&mut self) {
        self.armed = true;
    }
}

impl Drop for PendingFile {
    fn drop(&mut self) {
        if self.armed {
            let _ = self.directory.remove(&self.name);
        }
    }
}

/// Marks a file that was just created as belonging to a running process. Returns whether the
/// file still has its name: another run may have taken it for a leftover in between.
fn is_marked(file: &File) -> bool {
    file.lock().is_err() || Directory::entry_of(file).is_ok_and(|entry| entry.links > 0)
}

/// Returns the names of the temporary files that killed runs left in `directory`.
pub(super) fn leftovers(directory: &Directory) -> Vec<String> {
    let mut names = temporary_names(directory);
    names.retain(|name| dead(directory, name).is_some());
    names
}

/// Removes the files that [`leftovers`] returns, and returns their names. Each stays locked until
/// it is gone: a run that has just created it waits in [`PendingFile::create`], and then sees
/// that it is gone. This is best effort: the next look reports what could not be removed.
pub(super) fn sweep(directory: &Directory) -> Vec<String> {
    let mut names = temporary_names(directory);
    names.retain(|name| {
        let locked = dead(directory, name);
        locked.is_some() && directory.remove(name).is_ok()
    });
    names
}

fn temporary_names(directory: &Directory) -> Vec<String> {
    let names = directory.names().unwrap_or_default().into_iter();
    let ours = names.filter(|name| atomic_file::is_temporary(name.as_encoded_bytes()));
    ours.filter_map(|name| name.into_string().ok()).collect()
}

/// Opens the file `name` if the run that created it is dead. No run takes it while it is open.
fn dead(directory: &Directory, name: &str) -> Option<File> {
    let entry = directory.entry(name).ok()??;
    let file = entry.odd.is_none().then(|| directory.read(name))?.ok()?;
    file_lock::is_dead(&file, atomic_file::ABANDONED).then_some(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, TryLockError};

    #[test]
    fn a_dead_file_is_locked_until_it_is_gone() {
        let place = tempfile::tempdir().unwrap();
        let directory = Arc::new(Directory::open(place.path()).unwrap());
        let name = atomic_file::temporary_name();
        let path = place.path().join(&name);
        fs::write(&path, "").unwrap();
        let locked = dead(&directory, &name).unwrap();
        let other = File::open(&path).unwrap();
        assert!(matches!(other.try_lock(), Err(TryLockError::WouldBlock)));
        drop(locked);
        assert_eq!(leftovers(&directory), [name.as_str()]);
        assert_eq!(sweep(&directory), [name.as_str()]);
        assert!(!path.exists());
    }

    #[test]
    fn a_living_file_stays() {
        let place = tempfile::tempdir().unwrap();
        let directory = Arc::new(Directory::open(place.path()).unwrap());
        let pending = PendingFile::create(&directory).unwrap();
        assert!(leftovers(&directory).is_empty());
        assert!(sweep(&directory).is_empty());
        assert!(directory.entry(pending.name()).unwrap().is_some());
    }
}
