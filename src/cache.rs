//! Archives that passed the check, by what they hold.
//!
//! `archives/<content-sha256>.tgz` in the cache directory. In: a locked definition.
//! Out: [`CacheLookup::Hit`] with an archive that was read again and found to be the locked
//! one, or a [`Slot`] to fetch into. An entry is never trusted by its name: it is
//! hashed before every use. Entries appear by rename, so that runs that share a cache
//! see whole files only.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Seek as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::NamedTempFile;

use crate::archive::{self, ArchiveIdentity, InspectError};
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

/// A claim is called after the digest of what is asked.
const CLAIM: &str = ".claim";

/// The directory of archives.
#[derive(Debug, Clone)]
pub(crate) struct Cache {
    directory: PathBuf,
    archives: PathBuf,
    temporary: PathBuf,
}

/// An archive on disk that was proven to hold a definition. Only [`Cache`] makes one,
/// and only an artifact can be staged. It keeps the file open that was proven: another
/// run may rename a new entry over its path meanwhile.
#[derive(Debug)]
pub struct Artifact {
    path: PathBuf,
    file: File,
    identity: ArchiveIdentity,
    /// The profiles that have a directory in it; `None` if its layout has none.
    profiles: Option<BTreeSet<String>>,
}

impl Artifact {
    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A reader of its bytes, from the first one on.
    ///
    /// # Errors
    /// The seek's.
    pub fn open(&self) -> Result<&File, PathError> {
        (&self.file)
            .rewind()
            .map_err(PathError::when("read", &self.path))?;
        Ok(&self.file)
    }

    /// Whether it has a profile that `locked` does not list: the entry was edited, or merged
    /// wrongly. A profile that it lacks was accepted when it was fetched.
    #[must_use]
    pub(crate) fn contradicts(&self, locked: &LockEntry) -> bool {
        let is_listed = |uid: &String| locked.profiles.iter().any(|one| one.uid.as_str() == uid);
        let mut profiles = self.profiles.iter().flatten();
        profiles.any(|uid| !is_listed(uid))
    }

    /// Which archive it is.
    #[must_use]
    pub fn identity(&self) -> ArchiveIdentity {
        self.identity
    }
}

/// What the cache has for a locked definition.
#[derive(Debug)]
pub(crate) enum CacheLookup {
    /// The archive.
    Hit(Artifact),
    /// Nothing.
    Miss,
    /// A file that is not what its name says.
    Damaged(PathBuf),
}

/// A place to fetch an archive into. Dropped without [`Slot::commit`], nothing of it
/// stays.
#[derive(Debug)]
pub(crate) struct Slot {
    temporary: NamedTempFile,
    archives: PathBuf,
}

impl Cache {
    /// The cache in `directory`, which need not exist yet.
    #[must_use]
    pub(crate) fn new(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            archives: directory.join("archives"),
            temporary: directory.join("tmp"),
        }
    }

    /// Where it is.
    #[must_use]
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Looks for the archive of `locked` and proves it: by its `sha256` where it is the
    /// archive that was locked, else by reading what it holds.
    ///
    /// # Errors
    /// An entry that is there and cannot be read.
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
        // A name and a digest of the archive prove nothing about what it holds.
        // The very file that was hashed is read: another run may rename a new one over `path`.
        (&file).rewind().map_err(PathError::when("read", &path))?;
        let inventory = match archive::inspect(&file, limits, archive::NOTHING) {
            Ok(inventory) if inventory.content_sha256 == locked.content_sha256 => inventory,
            Ok(_) | Err(InspectError::Refused(_)) => return Ok(CacheLookup::Damaged(path)),
            Err(InspectError::Io(error)) => return Err(PathError::when("read", &path)(error)),
        };
        Ok(CacheLookup::Hit(Artifact {
            path,
            file,
            identity: ArchiveIdentity {
                sha256,
                size,
                content_sha256: locked.content_sha256,
            },
            profiles: inventory.profiles,
        }))
    }

    /// A place to fetch into, on the cache's own file system, so that it can be renamed.
    ///
    /// # Errors
    /// A directory that cannot be made or written.
    pub(crate) fn slot(&self) -> Result<Slot, PathError> {
        let temporary = atomic_file::temporary_in(&self.temporary)?;
        failpoint::hit("archive-begun");
        Ok(Slot {
            temporary,
            archives: self.archives.clone(),
        })
    }

    /// The right to fetch `definition`. Runs that share a cache and want the same wait
    /// here for the first of them: it may leave what they want in the cache. `None`
    /// where that takes too long, or where nothing can be written: it saves a download,
    /// and is needed for nothing.
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
    /// What is in the cache, in the order of the digests. Nothing is read: an entry may
    /// be damaged.
    ///
    /// # Errors
    /// A directory that cannot be read.
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
            // What else is there is not ours, and neither listed nor removed.
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

    /// Removes what killed runs left.
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

/// An archive in the cache, as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CacheEntry {
    /// What its name says of its content.
    pub content_sha256: Digest,
    /// The file.
    pub path: PathBuf,
    /// In bytes.
    pub size: u64,
}

impl CacheEntry {
    /// Removes it. A run that is about to stage it has it open, and goes on.
    ///
    /// # Errors
    /// A file that cannot be removed; one that is gone is as good.
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
    /// The file to fetch into, and its path.
    pub(crate) fn file(&mut self) -> (&mut File, PathBuf) {
        let path = self.temporary.path().to_owned();
        (self.temporary.as_file_mut(), path)
    }

    /// A reader of what was fetched, from the first byte on.
    ///
    /// # Errors
    /// The seek's.
    pub(crate) fn open(&self) -> Result<&File, PathError> {
        let path = self.temporary.path();
        (&mut self.temporary.as_file())
            .rewind()
            .map_err(PathError::when("read", path))?;
        Ok(self.temporary.as_file())
    }

    /// Makes what was received the cache's entry for its content, replacing a damaged
    /// one.
    ///
    /// # Errors
    /// The rename's.
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
            identity,
            profiles: received.inventory.profiles.clone(),
        })
    }
}
