//! The directory `.edgestage/` of a checkout: temporary files, the record of what was staged,
//! and copies of replaced files that belong to others.
//!
//! It is not part of any build context that a CanvOS target copies, and git ignores it. All
//! functions here run while the checkout's lock is held.

use std::io::{self, Read as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use super::directory::Directory;
use super::pending_file::{self, PendingFile};
use crate::util::digest::{self, Digest};
use crate::util::failpoint;
use crate::util::files;
use crate::util::path_error::PathError;

/// The path of the directory, relative to the checkout.
pub(super) const OWN_DIRECTORY: &str = ".edgestage";

/// The name of the record of what was staged.
const STAGED: &str = "staged";
/// The name of the directory of replaced files.
const REPLACED: &str = "replaced";
/// The number of staged archives that the record lists, and of replaced files that it
/// keeps.
const MOST_KEPT: usize = 16;

/// The open `.edgestage/` directory.
#[derive(Debug)]
pub(super) struct OwnDirectory {
    directory: Arc<Directory>,
}

impl OwnDirectory {
    /// Opens `.edgestage/` in `checkout`, and creates it if it is missing.
    ///
    /// # Errors
    /// Fails if the checkout cannot be written, or if a symbolic link is in the place of the
    /// directory.
    pub(super) fn open(checkout: &Directory) -> Result<Self, PathError> {
        let path = checkout.file(OWN_DIRECTORY);
        let directory = match checkout.enter(OWN_DIRECTORY.as_ref()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                match checkout.make(OWN_DIRECTORY.as_ref()) {
                    // Another run created it first.
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                        checkout.enter(OWN_DIRECTORY.as_ref())
                    }
                    made => made,
                }
            }
            opened => opened,
        };
        let directory = directory.map_err(PathError::when("create", &path))?;
        Ok(Self {
            directory: Arc::new(directory),
        })
    }

    /// Returns the directory.
    pub(super) fn directory(&self) -> &Arc<Directory> {
        &self.directory
    }

    /// Makes git ignore the directory. Like every write here, this happens under the lock.
    pub(super) fn ignore(&self) -> Result<(), PathError> {
        match self.directory.entry(".gitignore") {
            Ok(Some(entry)) if entry.odd.is_none() => Ok(()),
            _ => self.write(".gitignore", b"*\n"),
        }
    }

    /// Records what is staged, so that edgestage can tell its own files from others.
    pub(super) fn record_staged(&self, sha256: Digest) -> Result<(), PathError> {
        let mut digests = staged_digests(&self.directory);
        digests.retain(|known| *known != sha256);
        digests.push(sha256);
        let recent = digests.len().saturating_sub(MOST_KEPT);
        let text: String = digests[recent..]
            .iter()
            .flat_map(|digest| [digest.to_string(), "\n".into()])
            .collect();
        self.write(STAGED, text.as_bytes())
    }

    /// Returns the digests of what was staged here, the latest one last.
    pub(super) fn staged_digests(&self) -> Vec<Digest> {
        staged_digests(&self.directory)
    }

    /// Keeps a copy of the file `name` of `directory`, which is about to be replaced, and
    /// returns the copy's path. The file is copied, not moved: it stays in place until the copy
    /// is complete and on disk, so that a kill loses nothing.
    pub(super) fn keep(&self, directory: &Directory, name: &str) -> Result<PathBuf, PathError> {
        let source = directory.file(name);
        let replaced = self.replaced()?;
        let kept = PendingFile::create(&self.directory)?;
        let mut from = directory
            .read(name)
            .map_err(PathError::when("read", &source))?;
        let (sha256, _) =
            digest::copy(&mut from, &mut kept.file()).map_err(PathError::when("keep", &source))?;
        kept.seal().map_err(PathError::when("keep", &source))?;
        let name = format!("{sha256}.tgz");
        let path = replaced.file(&name);
        kept.rename(&replaced, &name)
            .map_err(PathError::when("write", &path))?;
        forget_oldest(&replaced, &name);
        Ok(path)
    }

    fn replaced(&self) -> Result<Directory, PathError> {
        let opened = match self.directory.enter(REPLACED.as_ref()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.directory.make(REPLACED.as_ref())
            }
            opened => opened,
        };
        opened.map_err(PathError::when("create", &self.directory.file(REPLACED)))
    }

    /// Removes the temporary files that killed runs left.
    pub(super) fn sweep(&self) {
        pending_file::sweep(&self.directory);
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), PathError> {
        let path = self.directory.file(name);
        let pending = PendingFile::create(&self.directory)?;
        pending
            .file()
            .write_all(bytes)
            .and_then(|()| pending.seal())
            .map_err(PathError::when("write", &path))?;
        failpoint::hit("written-aside");
        pending
            .rename(&self.directory, name)
            .map_err(PathError::when("write", &path))
    }
}

/// Reads the record. If it is missing or damaged, edgestage only becomes more careful.
fn staged_digests(directory: &Directory) -> Vec<Digest> {
    let text = directory.read(STAGED);
    let text = text.and_then(|file| io::read_to_string(file.take(files::TEXT)));
    let text = text.unwrap_or_default();
    text.lines()
        .filter_map(|line| Digest::try_from(line.to_owned()).ok())
        .collect()
}

/// Keeps the most recent files, including `newest`, and removes the rest. `newest` is named
/// because clocks can be wrong.
fn forget_oldest(replaced: &Directory, newest: &str) {
    let names = replaced.names().unwrap_or_default().into_iter();
    let names = names.filter_map(|name| name.into_string().ok());
    let mut kept: Vec<_> = names
        .filter(|name| {
            if name == newest {
                return false;
            }
            let digest = name.strip_suffix(".tgz");
            digest.is_some_and(|digest| Digest::try_from(digest.to_owned()).is_ok())
        })
        .filter_map(|name| Some((replaced.entry(&name).ok()??.stamp.written, name)))
        .collect();
    kept.sort();
    let old = kept.len().saturating_sub(MOST_KEPT - 1);
    for (_, name) in &kept[..old] {
        let _ = replaced.remove(name);
    }
}
