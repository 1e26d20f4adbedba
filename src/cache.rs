//! The cache of archives that passed the check, by their content.
//!
//! The files are `archives/<content-sha256>.tgz` in the cache directory. Input: a locked
//! definition. Output: [`CacheLookup::Hit`] with an archive that was read again and found to be
//! the locked one, or a [`Slot`] to download into. The name of an entry is never trusted: the
//! entry is hashed before every use. Entries appear by rename, so that runs that share a cache
//! only see complete files.

use std::fs::File;
use std::io::Seek as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tempfile::NamedTempFile;

use crate::archive::{self, ArchiveIdentity, Contents};
use crate::download::Received;
use crate::lockfile::LockEntry;
use crate::manifest::Definition;
use crate::util::atomic_file;
use crate::util::digest::Digest;
use crate::util::failpoint;
use crate::util::file_lock::{self, FileLock, LockOptions};
use crate::util::files;
use crate::util::limits::Limits;
use crate::util::path_error::PathError;

pub(crate) mod messages;

/// The directory that remembers what content bundles hold.
pub(crate) const BUNDLES: &str = "bundles";
/// The directory of the indexes of large files.
pub(crate) const INDEXES: &str = "indexes";
/// The extension of a claim, whose name is the digest of the request.
const CLAIM: &str = ".claim";

/// The directory of archives.
#[derive(Debug, Clone)]
pub(crate) struct Cache {
    directory: PathBuf,
    archives: PathBuf,
    temporary: PathBuf,
}

/// An archive on disk that was proved to hold a definition. Only [`Cache`] creates it, and only
/// an artifact can be staged. It keeps the proved file open, since another run may rename a new
/// entry to its path meanwhile.
#[derive(Debug)]
pub struct Artifact {
    path: PathBuf,
    file: File,
    sha256: Digest,
    size: u64,
    contents: Contents,
}

impl Artifact {
    /// Returns the path of the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the open file, positioned at its beginning.
    ///
    /// # Errors
    /// Fails if seeking fails.
    pub fn open(&self) -> Result<&File, PathError> {
        (&self.file)
            .rewind()
            .map_err(PathError::when("read", &self.path))?;
        Ok(&self.file)
    }

    /// Returns the proved file for readers that have a position of their own.
    ///
    /// # Errors
    /// Fails if the process has too many open files.
    pub(crate) fn share(&self) -> Result<Arc<File>, PathError> {
        let file = self.file.try_clone();
        file.map(Arc::new)
            .map_err(PathError::when("read", &self.path))
    }

    /// Returns what the archive is compared by.
    #[must_use]
    pub(crate) fn contents(&self) -> &Contents {
        &self.contents
    }

    /// Returns the identity of the archive.
    #[must_use]
    pub fn identity(&self) -> ArchiveIdentity {
        ArchiveIdentity {
            sha256: self.sha256,
            size: self.size,
            content_sha256: self.contents.sha256,
        }
    }
}

/// The result of looking for a locked definition in the cache.
#[derive(Debug)]
pub(crate) enum CacheLookup {
    /// The archive.
    Hit(Artifact),
    /// There is no such file.
    Miss,
    /// The content of the file does not match its name; contains its path.
    Damaged(PathBuf),
}

/// A temporary file to download an archive into. It is removed if it is dropped without
/// [`Slot::commit`].
#[derive(Debug)]
pub(crate) struct Slot {
    temporary: NamedTempFile,
    archives: PathBuf,
}

impl Cache {
    /// Creates the cache in `directory`, which need not exist yet.
    #[must_use]
    pub(crate) fn new(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            archives: directory.join("archives"),
            temporary: directory.join("tmp"),
        }
    }

    /// Returns the cache directory.
    #[must_use]
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Looks for the archive of `locked` and proves it: by its `sha256` if it is the archive
    /// that was locked, otherwise by reading its content.
    ///
    /// # Errors
    /// Fails if an entry exists but cannot be read.
    pub(crate) fn lookup(
        &self,
        locked: &LockEntry,
        limits: &Limits,
    ) -> Result<CacheLookup, PathError> {
        let path = entry(&self.archives, locked.content_sha256);
        let file = match files::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(CacheLookup::Miss);
            }
            Err(error) => return Err(PathError::when("read", &path)(error)),
        };
        let metadata = file.metadata().map_err(PathError::when("read", &path))?;
        if limits.no_archive(metadata.len()) {
            return Ok(CacheLookup::Damaged(path));
        }
        let (sha256, size) =
            Digest::of_reader(&mut &file).map_err(PathError::when("read", &path))?;
        // A name and a digest of the archive prove nothing about its content. The hashed file
        // itself is read, since another run may rename a new one to `path`.
        let contents = archive::content_of(&mut &file, limits);
        let contents = contents.map_err(PathError::when("read", &path))?;
        let is_named = |contents: &Contents| contents.sha256 == locked.content_sha256;
        let Some(contents) = contents.filter(is_named) else {
            return Ok(CacheLookup::Damaged(path));
        };
        Ok(CacheLookup::Hit(Artifact {
            path,
            file,
            sha256,
            size,
            contents,
        }))
    }

    /// Returns whether there is a file for `locked`, which is not read: it may be damaged.
    #[must_use]
    pub(crate) fn has_entry(&self, locked: &LockEntry) -> bool {
        entry(&self.archives, locked.content_sha256).exists()
    }

    /// Creates a slot to download into, on the file system of the cache, so that it can be
    /// renamed.
    ///
    /// # Errors
    /// Fails if a directory cannot be created or written.
    pub(crate) fn slot(&self) -> Result<Slot, PathError> {
        let temporary = atomic_file::temporary_in(&self.temporary)?;
        failpoint::hit("archive-begun");
        Ok(Slot {
            temporary,
            archives: self.archives.clone(),
        })
    }

    /// Claims the download of `definition`. Runs that share a cache and need the same
    /// definition wait here for the first of them, which may leave it in the cache. Returns
    /// `None` if that takes too long or if nothing can be written: a claim only saves a
    /// download.
    #[must_use]
    pub(crate) fn claim(
        &self,
        definition: &Definition,
        lock_options: &LockOptions<'_>,
    ) -> Option<FileLock> {
        atomic_file::make_directories(&self.temporary).ok()?;
        let path = self
            .temporary
            .join(format!("{}{CLAIM}", definition.asked()));
        file_lock::claim(&path, lock_options).ok()
    }
}
impl Cache {
    /// Returns the entries of the cache, in the order of their digests. The files are not read,
    /// so an entry may be damaged.
    ///
    /// # Errors
    /// Fails if a directory cannot be read.
    pub(crate) fn entries(&self) -> Result<Vec<CacheEntry>, PathError> {
        let unreadable = |error| PathError::when("read", &self.archives)(error);
        let directory = match std::fs::read_dir(&self.archives) {
            Ok(directory) => directory,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(unreadable(error)),
        };
        let mut entries = Vec::new();
        for found in directory {
            let found = found.map_err(unreadable)?;
            // Other files do not belong to edgestage and are neither listed nor removed.
            let name = found.file_name();
            let digest = name.to_str().and_then(|name| name.strip_suffix(".tgz"));
            let digest = digest.and_then(|text| Digest::try_from(text.to_owned()).ok());
            let (Some(content_sha256), Ok(metadata)) = (digest, found.metadata()) else {
                continue;
            };
            if metadata.is_file() {
                entries.push(CacheEntry {
                    content_sha256,
                    path: found.path(),
                    size: metadata.len(),
                });
            }
        }
        entries.sort_by_key(|entry| entry.content_sha256);
        Ok(entries)
    }

    /// Removes what is remembered of content bundles and of large files, so that the next run
    /// reads them again. Files with other names are not edgestage's.
    pub(crate) fn forget(&self) {
        for directory in [BUNDLES, INDEXES] {
            let directory = self.directory.join(directory);
            let files = std::fs::read_dir(&directory).into_iter().flatten();
            for file in files.flatten() {
                let name = file.file_name();
                let name = name.to_str().unwrap_or_default();
                let digest = name.strip_suffix(".json").unwrap_or(name);
                if Digest::try_from(digest.to_owned()).is_ok() {
                    let _ = std::fs::remove_file(file.path());
                }
            }
            // Only if it is empty.
            let _ = std::fs::remove_dir(&directory);
        }
    }

    /// Removes the temporary files of killed runs.
    pub(crate) fn sweep(&self) {
        atomic_file::sweep(&self.temporary);
        let files = std::fs::read_dir(&self.temporary);
        for file in files.into_iter().flatten().flatten() {
            let name = file.file_name();
            let claim = name.to_str().and_then(|name| name.strip_suffix(CLAIM));
            if claim.is_some_and(|digest| Digest::try_from(digest.to_owned()).is_ok()) {
                file_lock::remove_if_dead(&file.path(), Duration::MAX);
            }
        }
    }
}

/// An archive in the cache, as listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CacheEntry {
    /// The digest of the content, according to the file name.
    pub content_sha256: Digest,
    /// The path of the file.
    pub path: PathBuf,
    /// The size of the file, in bytes.
    pub size: u64,
}

impl CacheEntry {
    /// Removes the entry. A run that is about to stage it has the file open and can continue.
    ///
    /// # Errors
    /// Fails if the file cannot be removed, unless it no longer exists.
    pub(crate) fn remove(&self) -> Result<(), PathError> {
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(PathError::when("remove", &self.path)(error));
            }
            _ => {}
        }
        failpoint::hit("entry-removed");
        Ok(())
    }
}

fn entry(archives: &Path, content: Digest) -> PathBuf {
    archives.join(format!("{content}.tgz"))
}

impl Slot {
    /// Returns the file to download into, and its path.
    pub(crate) fn file(&mut self) -> (&mut File, PathBuf) {
        let path = self.temporary.path().to_owned();
        (self.temporary.as_file_mut(), path)
    }

    /// Returns the open file, positioned at its beginning.
    ///
    /// # Errors
    /// Fails if seeking fails.
    pub(crate) fn open(&self) -> Result<&File, PathError> {
        let path = self.temporary.path();
        (&mut self.temporary.as_file())
            .rewind()
            .map_err(PathError::when("read", path))?;
        Ok(self.temporary.as_file())
    }

    /// Makes the received archive the cache's entry for its content, replacing a damaged one.
    ///
    /// # Errors
    /// Fails if the file cannot be renamed.
    pub(crate) fn commit(self, received: &Received) -> Result<Artifact, PathError> {
        failpoint::hit("archive-received");
        let identity = received.archive;
        let path = entry(&self.archives, identity.content_sha256);
        atomic_file::make_directories(&self.archives)
            .map_err(PathError::when("create", &self.archives))?;
        let file = atomic_file::rename(self.temporary, &path)?;
        failpoint::hit("archive-cached");
        Ok(Artifact {
            path,
            file,
            sha256: identity.sha256,
            size: identity.size,
            contents: received.inventory.contents(),
        })
    }
}
