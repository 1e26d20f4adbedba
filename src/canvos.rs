//! The CanvOS checkout: where a definition is staged, what is staged now, and how it gets
//! there.
//!
//! The input is a checkout's directory and a verified archive. The output is two identical
//! regular files, or an unchanged checkout. This module never edits a file that CanvOS tracks
//! in git, and never writes outside the two placements and `.edgestage/`, a directory of
//! edgestage's own that git ignores.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::archive;
use crate::cache::Artifact;
use crate::diagnostic::Diagnostic;
use crate::lockfile::{LockEntry, Lockfile};
use crate::util::atomic_file;
use crate::util::digest::{self, Digest};
use crate::util::failpoint;
use crate::util::file_lock::{self, FileLockError, LockOptions};
use crate::util::limits::Limits;
use crate::util::path_error::PathError;

mod pending_file;
mod directory;
mod checkout_lock;
mod own_directory;
mod paired_rename;
pub(crate) mod messages;
mod placement;
mod placement_directory;
pub mod build;
pub mod preflight;
pub mod rehearsal;

pub use checkout_lock::CheckoutLock;
pub use placement::{OVERLAY_DIRECTORY, Placement, PlacementState, Seen, State};

use directory::{Directory, Entry};
use own_directory::{OWN_DIRECTORY, OwnDirectory};
use paired_rename::{NAME, RenameTarget};
use pending_file::PendingFile;
use placement::Kind;

/// The name of the file in `.edgestage/` on which runs take a lock.
const LOCK: &str = "lock";

/// Why a checkout cannot be used.
#[derive(Debug)]
pub enum CanvosError {
    /// The directory does not exist.
    Missing(PathBuf),
    /// The directory has no CanvOS `Earthfile`.
    NotACheckout(PathBuf),
    /// Something on the way to a placement is a symbolic link or is not a directory.
    Blocked {
        /// The path, relative to the checkout.
        path: PathBuf,
        /// The kind of file that was found there.
        kind: &'static str,
    },
    /// The checkout lacks targets that were asked for.
    NoTarget {
        /// The checkout.
        directory: PathBuf,
        /// The names of the missing targets.
        targets: Vec<&'static str>,
    },
    /// Something in the checkout would take precedence over the staged definition.
    Trapped(Vec<Diagnostic>),
    /// A file at a placement was not staged by this tool.
    Foreign(Placement),
    /// A cached archive is no longer the one that was verified.
    Changed(PathBuf),
    /// One placement has changed, the other has not, and the change could not be undone.
    PartialChange {
        /// The placement that has changed.
        placement: Placement,
        /// Why it could not be restored.
        rollback: PathError,
        /// Why the other placement did not change.
        cause: Box<CanvosError>,
    },
    /// An input or output operation failed.
    Io(PathError),
}

impl From<PathError> for CanvosError {
    fn from(error: PathError) -> Self {
        Self::Io(error)
    }
}

/// A CanvOS checkout.
#[derive(Debug)]
pub struct Checkout {
    directory: PathBuf,
}

/// What to stage, and what to compare the checkout with.
pub struct Staging<'a> {
    /// The archive to stage.
    pub artifact: &'a Artifact,
    /// The archive's entry in the lock.
    pub locked: &'a LockEntry,
    /// The whole lock. It tells which files belong to other definitions.
    pub lock: &'a Lockfile,
    /// Limits on an archive found at a placement.
    pub limits: &'a Limits,
}

/// The outcome of writing the placements.
#[derive(Debug)]
pub struct Staged {
    /// The replaced files that edgestage had not staged, each with its placement and the path
    /// of the copy that was kept.
    pub kept: Vec<(Placement, PathBuf)>,
}

impl Checkout {
    /// Opens the checkout in `directory`.
    ///
    /// # Errors
    /// [`CanvosError::Missing`] and [`CanvosError::NotACheckout`].
    pub fn open(directory: &Path) -> Result<Self, CanvosError> {
        if !directory.is_dir() {
            return Err(CanvosError::Missing(directory.to_owned()));
        }
        if !directory.join("Earthfile").is_file() || !directory.join("overlay/files-iso").is_dir() {
            return Err(CanvosError::NotACheckout(directory.to_owned()));
        }
        Ok(Self {
            directory: directory.to_owned(),
        })
    }

    /// Returns the checkout's directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Checks that `.edgestage/` is a directory. If it were a symbolic link, everything written
    /// there would land outside the checkout.
    ///
    /// # Errors
    /// [`CanvosError::Blocked`].
    pub fn check_own(&self) -> Result<(), CanvosError> {
        let entry = self.open_directory()?.entry(OWN_DIRECTORY);
        match entry.ok().flatten().map(|entry| entry.odd) {
            None | Some(Some("a directory")) => Ok(()),
            Some(kind) => Err(CanvosError::Blocked {
                path: OWN_DIRECTORY.into(),
                kind: kind.unwrap_or("not a directory"),
            }),
        }
    }

    /// Takes the lock of the checkout for this run.
    ///
    /// # Errors
    /// Fails if the checkout cannot be written, or if another run holds the lock for too long.
    pub fn lock(&self, lock_options: &LockOptions<'_>) -> Result<CheckoutLock, FileLockError> {
        let open = self.open_held()?;
        let own = open.own.directory();
        let is_new = matches!(own.entry(LOCK), Ok(None));
        let lock = file_lock::lock_own_file(&own.file(LOCK), lock_options)?;
        failpoint::hit("checkout-held");
        // Other users can read the file whatever the umask; a mode that somebody set later
        // stays.
        if is_new && let Ok(file) = own.read(LOCK) {
            let _ = atomic_file::set_mode(&file);
        }
        open.own.ignore()?;
        Ok(CheckoutLock {
            _lock: Some(lock),
            ..open
        })
    }

    /// Returns the lock that the parent run holds, and keeps until this run ends.
    ///
    /// # Errors
    /// Fails if the checkout cannot be written.
    pub fn locked_by_parent(&self) -> Result<CheckoutLock, FileLockError> {
        Ok(self.open_held()?)
    }

    fn open_held(&self) -> Result<CheckoutLock, PathError> {
        let checkout =
            Directory::open(&self.directory).map_err(PathError::when("open", &self.directory))?;
        Ok(CheckoutLock {
            own: OwnDirectory::open(&checkout)?,
            checkout: Arc::new(checkout),
            _lock: None,
        })
    }

    fn open_directory(&self) -> Result<Directory, CanvosError> {
        let opened = Directory::open(&self.directory);
        Ok(opened.map_err(PathError::when("open", &self.directory))?)
    }

    /// Returns the state of each placement, compared with `locked`.
    ///
    /// # Errors
    /// Fails if a file exists and cannot be read.
    pub fn found(
        &self,
        locked: Option<&LockEntry>,
        limits: &Limits,
    ) -> Result<Vec<PlacementState>, CanvosError> {
        let seen = self.see(None, limits)?;
        Ok(seen.iter().map(|seen| seen.against(locked)).collect())
    }

    /// Returns what is at each placement. Each file is read, unless it is the archive that this
    /// run has `read` already: what a lock says about an archive proves nothing.
    ///
    /// # Errors
    /// Fails if a file exists and cannot be read.
    pub fn see(&self, read: Option<&Artifact>, limits: &Limits) -> Result<Vec<Seen>, CanvosError> {
        let [first, second] = Placement::ALL;
        // The two files have the same size: hashing both at once halves the time.
        std::thread::scope(|scope| {
            let look = move || self.look(first, read, limits);
            let looking = std::thread::Builder::new().spawn_scoped(scope, look);
            let second = self.look(second, read, limits);
            let first = match looking {
                Ok(looking) => looking
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
                // If no more threads can be started, the files are hashed one after the other.
                Err(_) => self.look(first, read, limits),
            };
            Ok(vec![first?, second?])
        })
    }

    fn look(
        &self,
        placement: Placement,
        read: Option<&Artifact>,
        limits: &Limits,
    ) -> Result<Seen, CanvosError> {
        let path = self.directory.join(placement.path());
        let failed = |error| PathError::when("read", &path)(error);
        let seen = |kind| Seen { placement, kind };
        let checkout = self.open_directory()?;
        let directory = match placement_directory::open(&checkout, placement.directory()) {
            Ok(Some(directory)) => directory,
            Ok(None) => return Ok(seen(Kind::Absent)),
            // The bytes may be right, but in an image the link would lead nowhere.
            Err(CanvosError::Blocked { .. }) => {
                return Ok(seen(match fs::symlink_metadata(&path) {
                    Ok(_) => Kind::Odd("behind a symbolic link"),
                    Err(_) => Kind::Absent,
                }));
            }
            Err(error) => return Err(error),
        };
        match directory.entry(NAME).map_err(failed)? {
            None => return Ok(seen(Kind::Absent)),
            Some(Entry {
                odd: Some(kind), ..
            }) => return Ok(seen(Kind::Odd(kind))),
            Some(_) => {}
        }
        let mut file = directory.read(NAME).map_err(failed)?;
        // The entry of the open file, whatever has its name by now.
        let entry = Directory::entry_of(&file).map_err(failed)?;
        if let Some(kind) = entry.odd {
            return Ok(seen(Kind::Odd(kind)));
        }
        let size = file.metadata().map_err(failed)?.len();
        if limits.no_archive(size) {
            return Ok(seen(Kind::Odd("too large for an archive")));
        }
        let (sha256, _) = Digest::of_reader(&mut file).map_err(failed)?;
        let contents = match read {
            Some(artifact) if artifact.identity().sha256 == sha256 => {
                Some(artifact.contents().clone())
            }
            _ => archive::content_of(&mut file, limits).map_err(failed)?,
        };
        Ok(seen(Kind::File {
            sha256,
            contents,
            well_formed: entry.is_well_formed(),
            stamp: entry.stamp,
        }))
    }

    /// Whether `found` needs no staging: both placements hold the locked content, in the same
    /// bytes, as plain files.
    #[must_use]
    pub fn is_staged(found: &[PlacementState]) -> bool {
        found
            .iter()
            .all(|f| matches!(f.state, State::Equal | State::SameContent) && f.well_formed)
            && found
                .windows(2)
                .all(|pair| pair[0].sha256 == pair[1].sha256)
    }

    /// Puts the archive of `definition` at the placements that do not hold it: at all of them
    /// or at none (see `paired_rename`). Files that edgestage did not stage are kept first.
    /// Returns `None` if the definition is staged already.
    ///
    /// # Errors
    /// [`CanvosError::Blocked`], [`CanvosError::Changed`] and [`CanvosError::Io`] leave the
    /// checkout unchanged. [`CanvosError::PartialChange`] leaves one placement changed.
    pub fn stage(
        &self,
        definition: &Staging<'_>,
        held: &CheckoutLock,
    ) -> Result<Option<Staged>, CanvosError> {
        let Staging {
            artifact,
            locked,
            lock,
            limits,
        } = definition;
        let seen = self.see(Some(artifact), limits)?;
        let found: Vec<PlacementState> =
            seen.iter().map(|seen| seen.against(Some(locked))).collect();
        if Self::is_staged(&found) {
            held.own.sweep();
            return Ok(None);
        }
        let due: Vec<&Seen> = seen
            .iter()
            .filter(|seen| !seen.is_right(artifact.identity().sha256))
            .collect();
        // Every failure that can be foreseen happens before anything is changed.
        let places: Vec<RenameTarget> = (due.iter())
            .map(|seen| held.place(seen))
            .collect::<Result<_, _>>()?;
        let mut ready = Vec::new();
        for place in places {
            let copy = copied(artifact, &place)?;
            ready.push((place, copy));
        }
        let kept = held.keep(&due, &ready, lock)?;
        // This comes before the renames. If it came after them, a run killed in between would
        // leave files that `unstage` takes for somebody else's.
        held.own.record_staged(artifact.identity().sha256)?;
        failpoint::hit("stage-remembered");
        paired_rename::publish(ready, &|place| held.check(place))?;
        // A run that was killed just before may have had its files open a moment ago.
        held.own.sweep();
        Ok(Some(Staged { kept }))
    }

    /// Removes the staged files, both or neither, and then the empty directories below
    /// `overlay/files-iso`. Returns the placements that had a file.
    ///
    /// # Errors
    /// [`CanvosError::Blocked`] and [`CanvosError::Foreign`] for a file that edgestage did not
    /// stage; nothing is removed then.
    pub fn unstage(
        &self,
        lock: &Lockfile,
        limits: &Limits,
        held: &CheckoutLock,
    ) -> Result<Vec<Placement>, CanvosError> {
        let ours = held.own.staged_digests();
        let mut staged = Vec::new();
        for seen in self.see(None, limits)? {
            match &seen.kind {
                Kind::Absent => {}
                Kind::Odd(kind) => {
                    // A symbolic link on the way is reported by its own name.
                    placement_directory::open(&held.checkout, seen.placement.directory())?;
                    return Err(CanvosError::Blocked {
                        path: PathBuf::from(seen.placement.path()),
                        kind,
                    });
                }
                Kind::File { .. } if seen.is_ours(&ours, lock) => staged.push(seen),
                Kind::File { .. } => return Err(CanvosError::Foreign(seen.placement)),
            }
        }
        let places: Vec<RenameTarget> = (staged.iter())
            .map(|seen| held.place_to_empty(seen))
            .collect::<Result<_, _>>()?;
        paired_rename::withdraw(places, &|place| held.check(place))?;
        held.remove_empty();
        held.own.sweep();
        failpoint::hit("directories-removed");
        Ok(staged.iter().map(|seen| seen.placement).collect())
    }

    /// Returns the paths, relative to the checkout, of temporary files that killed runs left in
    /// the directory that is shipped. The image would contain them.
    #[must_use]
    pub fn shipped_leftovers(&self) -> Vec<String> {
        let directory = Directory::open(&self.directory).ok();
        let overlay = directory.and_then(|checkout| {
            let overlay = placement_directory::open(&checkout, Path::new(OVERLAY_DIRECTORY));
            overlay.ok().flatten()
        });
        let names = overlay.map_or_else(Vec::new, |overlay| pending_file::leftovers(&overlay));
        names
            .into_iter()
            .map(|name| format!("{OVERLAY_DIRECTORY}/{name}"))
            .collect()
    }

    /// Whether killed runs left temporary files anywhere in the checkout.
    #[must_use]
    pub fn has_leftovers(&self) -> bool {
        let Ok(checkout) = Directory::open(&self.directory) else {
            return false;
        };
        let own = checkout.enter(OWN_DIRECTORY.as_ref()).ok();
        let own = own.is_some_and(|own| !pending_file::leftovers(&own).is_empty());
        own || checkout_lock::grounds(&checkout)
            .iter()
            .any(|ground| !pending_file::leftovers(ground).is_empty())
    }
}

/// Returns a copy of `artifact` that only has to be renamed. The copied bytes are hashed, since
/// the file was verified some time ago.
fn copied(artifact: &Artifact, place: &RenameTarget) -> Result<PendingFile, CanvosError> {
    let target = place.path();
    let copy = PendingFile::create(&place.beside)?;
    let (sha256, _) = digest::copy(&mut artifact.open()?, &mut copy.file())
        .map_err(PathError::when("write", &target))?;
    if sha256 != artifact.identity().sha256 {
        return Err(CanvosError::Changed(artifact.path().to_owned()));
    }
    copy.seal().map_err(PathError::when("write", &target))?;
    failpoint::hit(match place.placement {
        Placement::Overlay => "overlay-copied",
        Placement::Root => "root-copied",
    });
    Ok(copy)
}
