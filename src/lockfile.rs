//! `profiles.lock`: exactly what was fetched.
//!
//! Input: a plan and the archive that was received for it, or the file. Output: [`LockEntry`]
//! values, or the bytes of the file. The text depends only on the content (no timestamps,
//! stable order), so that an unchanged definition gives an empty diff. The file is written by
//! rename, and only if its bytes change.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::archive::{ArchiveIdentity, Contents};
use crate::diagnostic::Diagnostic;
use crate::manifest::{Definition, Reference};
use crate::resolve::{Plan, ResolvedProfile, Selection};
use crate::util::atomic_file;
use crate::util::digest::Digest;
use crate::util::failpoint;
use crate::util::file_lock::{self, FileLock, FileLockError, LockOptions};
use crate::util::files;
use crate::util::path_error::PathError;
use crate::util::sanitize;
use crate::util::stamp::Stamp;
use crate::util::uid::Uid;

mod canonical;
mod damage;
mod entries;
mod indexed;
mod merge;
pub(crate) mod messages;
mod read;
mod span;
mod version;
mod write;

use indexed::Indexed;

pub use entries::Entries;
pub use merge::{Meanwhile, SameContent};
pub use read::Document;
pub use span::LockfileSpan;

/// Format version of the file that this version writes and reads.
pub const VERSION: u64 = 1;

/// The size in bytes from which on a lock has an index.
const INDEXED: u64 = 128 << 10;

/// The lock of a `profiles.toml`.
#[derive(Debug, Clone)]
pub struct Lockfile {
    path: PathBuf,
    written: Written,
    /// The locked definitions, by name.
    pub definitions: Entries,
}

/// What is on disk.
#[derive(Debug, Clone)]
enum Written {
    /// There is no file.
    Nothing,
    /// A file with this text.
    Text(Arc<String>),
    /// The file that the entries have an index of.
    Indexed,
}

/// One locked definition.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LockEntry {
    /// Address that the definition was fetched from.
    pub endpoint: String,
    /// Uid that was sent as `ProjectUid`; missing for the tenant scope.
    pub project: Option<Uid>,
    /// Digest of the request: references, overrides (the text of a values file, not its
    /// path), project, `name`, `cloud-type`. A uid and the URL of the same profile are
    /// the same reference.
    pub asked_sha256: Digest,
    /// Digest of the contents of the archive; the identity of the definition.
    pub content_sha256: Digest,
    /// Digest of the archive that was locked.
    pub sha256: Digest,
    /// Size of the archive that was locked, in bytes.
    pub size: u64,
    /// The exact profiles, in the order of `profiles.toml`.
    pub profiles: Vec<ResolvedProfile>,
}

/// Why the lock cannot be used.
#[derive(Debug)]
pub enum LockfileError {
    /// The file cannot be read or written.
    Io(PathError),
    /// The content of the file is invalid.
    Unreadable(Box<Diagnostic>),
}

/// Why an entry no longer matches its definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outdated {
    /// The definition was changed in `profiles.toml`.
    Changed,
    /// The entry has other profiles than the definition: the entry was edited, or merged
    /// wrongly.
    Contradictory,
    /// The archive has other profiles than the entry: the entry was edited, or merged wrongly.
    OtherArchive,
}

impl std::fmt::Display for Outdated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Changed => "profiles.toml has changed since it was locked",
            Self::Contradictory => {
                "its profiles are not the requested ones: it was edited by hand or merged incorrectly"
            }
            Self::OtherArchive => {
                "its archive does not have the profiles that it lists: it was edited by hand or merged incorrectly"
            }
        })
    }
}

impl Lockfile {
    /// Returns the path of the lock of the manifest `path`: beside it, with the extension
    /// `lock`.
    #[must_use]
    pub fn path_for(manifest: &Path) -> PathBuf {
        manifest.with_extension("lock")
    }

    /// Creates an empty lock for `path`.
    #[must_use]
    pub fn empty(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            written: Written::Nothing,
            definitions: Entries::default(),
        }
    }

    /// Reads the lock at `path`. It is empty if there is no file.
    ///
    /// # Errors
    /// Returns [`LockfileError`] if the file cannot be read or its content is invalid.
    pub fn load(path: &Path) -> Result<Self, LockfileError> {
        Ok(Self::load_stamped(path)?.0)
    }

    /// Reads the lock at `path` for a run that writes nothing into it. `index` is the path of
    /// its index: of a large file, only the entries that are needed are read, if the index is
    /// one of its state; otherwise the file is read as a whole, and the index is written.
    ///
    /// # Errors
    /// Returns [`LockfileError`] if the file cannot be read or its content is invalid.
    pub(crate) fn load_indexed(path: &Path, index: &Path) -> Result<Self, LockfileError> {
        let is_large = path.metadata().is_ok_and(|it| it.len() >= INDEXED);
        if !is_large {
            return Self::load(path);
        }
        if let Some(file) = Indexed::open(path, index) {
            return Ok(Self {
                path: path.to_owned(),
                written: Written::Indexed,
                definitions: Entries::indexed(Arc::new(file)),
            });
        }
        let (lock, stamp) = Self::load_stamped(path)?;
        if let (Some(stamp), Some(text), Some(entries)) =
            (stamp, lock.text(), lock.definitions.written())
            && let Some(made) = indexed::index_of(text, entries.into_iter())
        {
            made.save(index, &stamp);
        }
        Ok(lock)
    }

    fn load_stamped(path: &Path) -> Result<(Self, Option<Stamp>), LockfileError> {
        let (written, stamp) = match files::read_stamped(path, files::LOCK) {
            Ok((bytes, stamp)) => {
                let text = String::from_utf8(bytes);
                let text =
                    text.map_err(|_| unreadable(messages::not_utf8(&sanitize::path(path))))?;
                (Written::Text(Arc::new(text)), Some(stamp))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => (Written::Nothing, None),
            Err(error) => return Err(LockfileError::Io(PathError::when("read", path)(error))),
        };
        let definitions = match &written {
            Written::Text(text) => read::parse(text, path).map_err(unreadable)?,
            Written::Nothing | Written::Indexed => Entries::default(),
        };
        let lock = Self {
            path: path.to_owned(),
            written,
            definitions,
        };
        Ok((lock, stamp))
    }

    /// Takes the file lock that is held while the lock of the manifest `path` is written. The
    /// manifest file itself is locked: it exists, and any run that replaces it holds this lock,
    /// too; runs that waited for the old file then lock the new one.
    ///
    /// # Errors
    /// Fails if another run holds the lock for too long, or if the file cannot be opened.
    pub fn lock(
        manifest: &Path,
        lock_options: &LockOptions<'_>,
    ) -> Result<FileLock, FileLockError> {
        let hold = file_lock::lock_existing(manifest, lock_options)?;
        failpoint::hit("lock-held");
        Ok(hold)
    }

    /// Returns the content digest of the locked archive with the digest `sha256`.
    #[must_use]
    pub fn content_of(&self, sha256: Digest) -> Option<Digest> {
        let locked = self.definitions.with_archive(sha256);
        Some(locked.first()?.1.content_sha256)
    }

    /// Returns the first definition whose entry describes `contents`.
    #[must_use]
    pub fn owner_of<'l>(&'l self, contents: &Contents) -> Option<(&'l str, &'l LockEntry)> {
        self.owners_of(contents).next()
    }

    /// Returns the definitions whose entries describe `contents`, by name.
    pub(crate) fn owners_of<'l>(
        &'l self,
        contents: &Contents,
    ) -> impl Iterator<Item = (&'l str, &'l LockEntry)> {
        self.definitions
            .with_content(contents.sha256)
            .into_iter()
            .filter(move |(_, locked)| locked.describes(contents))
    }

    /// Returns whether the file exists.
    #[must_use]
    pub fn exists(&self) -> bool {
        !matches!(self.written, Written::Nothing)
    }

    /// Returns whether the file still has the text that was read or written.
    #[must_use]
    pub fn is_on_disk(&self) -> bool {
        match &self.written {
            Written::Nothing => false,
            Written::Text(text) => files::has_content(&self.path, text.as_bytes()),
            Written::Indexed => self.definitions.are_at(&self.path) == Some(true),
        }
    }

    /// Reads the file again if another run has written it since, or if it was not read as a
    /// whole: what is written must have every entry.
    ///
    /// # Errors
    /// Returns [`LockfileError`] if the file cannot be read or its content is invalid.
    pub fn refresh(&mut self) -> Result<(), LockfileError> {
        if matches!(self.written, Written::Indexed) || !self.is_on_disk() {
            *self = Self::load(&self.path)?;
        }
        Ok(())
    }

    /// Returns the path of the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the text of the file as it was last read or written, or `None` without a file or if
    /// a file with an index has been written since it was opened.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.written {
            Written::Nothing => None,
            Written::Text(text) => Some(text),
            Written::Indexed => self.definitions.whole_text(),
        }
    }

    /// Writes the file if its bytes changed. Returns whether it was written.
    ///
    /// # Errors
    /// Returns [`LockfileError::Io`] if the file cannot be written, or if it has not been read as
    /// a whole.
    pub fn save(&mut self) -> Result<bool, LockfileError> {
        if matches!(self.written, Written::Indexed) {
            let error = std::io::Error::other("only a part of it has been read");
            return Err(LockfileError::Io(PathError::when("write", &self.path)(
                error,
            )));
        }
        let text = self.to_string();
        if self.text() == Some(&text) {
            return Ok(false);
        }
        atomic_file::write(&self.path, text.as_bytes()).map_err(LockfileError::Io)?;
        failpoint::hit("lock-written");
        self.written = Written::Text(Arc::new(text));
        Ok(true)
    }
}

fn unreadable(diagnostic: Diagnostic) -> LockfileError {
    LockfileError::Unreadable(Box::new(diagnostic))
}

impl LockEntry {
    /// Creates the entry for `plan` and the archive that was received for it.
    #[must_use]
    pub fn new(plan: &Plan<'_>, archive: ArchiveIdentity) -> Self {
        Self {
            endpoint: plan.endpoint.clone(),
            project: plan.project.clone(),
            asked_sha256: plan.definition.asked(),
            content_sha256: archive.content_sha256,
            sha256: archive.sha256,
            size: archive.size,
            profiles: plan.profiles.clone(),
        }
    }

    /// Returns why the entry no longer matches `definition`, or `None` if it does. The endpoint
    /// is ignored: a Palette has many addresses, and uids and content distinguish two of them.
    #[must_use]
    pub fn outdated(&self, definition: &Definition) -> Option<Outdated> {
        if self.asked_sha256 != definition.asked() {
            Some(Outdated::Changed)
        } else if !self.answers(definition) {
            Some(Outdated::Contradictory)
        } else {
            None
        }
    }

    /// Returns what `definition` selected when it was locked, or `None` if the entry no longer
    /// matches it.
    #[must_use]
    pub fn selection<'d>(&self, definition: &'d Definition) -> Option<Selection<'d>> {
        let uids = self.profiles.iter().map(|profile| profile.uid.clone());
        self.outdated(definition).is_none().then(|| Selection {
            definition,
            project: self.project.clone(),
            uids: uids.collect(),
        })
    }

    /// Returns whether the archive with these contents is the one of this entry: it has the
    /// locked content, and no profile that the entry does not list. An entry that was edited,
    /// or merged wrongly, may have the digests of another definition. A missing profile was
    /// accepted when the archive was fetched.
    #[must_use]
    pub fn describes(&self, contents: &Contents) -> bool {
        let is_listed = |uid: &String| self.profiles.iter().any(|one| one.uid.as_str() == uid);
        let mut profiles = contents.profiles.iter().flatten();
        self.content_sha256 == contents.sha256 && profiles.all(is_listed)
    }

    /// Returns whether the profiles are, one by one, those that `definition` refers to.
    fn answers(&self, definition: &Definition) -> bool {
        self.profiles.len() == definition.profiles.len()
            && self
                .profiles
                .iter()
                .zip(&definition.profiles)
                .all(|(locked, asked)| match &asked.reference {
                    Reference::Uid(uid) => locked.uid == *uid,
                    Reference::Version { name, version } => {
                        locked.name == *name && locked.version == *version
                    }
                })
    }

    /// Returns whether `other` locks the same definition. An archive with the same content, or
    /// from another endpoint, counts as the same.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let elsewhere = Self {
            endpoint: other.endpoint.clone(),
            sha256: other.sha256,
            size: other.size,
            ..self.clone()
        };
        elsewhere == *other
    }
}

#[cfg(test)]
mod tests;
