//! The CanvOS checkout: where a definition goes, what is there, and how it gets there.
//!
//! In: a checkout's directory and a proven archive. Out: two equal regular files, or
//! nothing changed. Nothing that CanvOS tracks in git is edited; nothing is written
//! outside the two placements and `.edgestage/`, a directory of ours that git ignores.

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

mod aside;
mod directory;
mod checkout_lock;
mod own_directory;
mod paired_rename;
mod placement;
mod placement_directory;
pub mod build;
pub mod preflight;
pub mod rehearsal;

pub use checkout_lock::CheckoutLock;
pub use placement::{Found, OVERLAY_DIRECTORY, Placement, Seen, State};

use aside::Aside;
use directory::{Directory, Entry};
use own_directory::{OWN_DIRECTORY, Own};
use paired_rename::{NAME, Place};
use placement::Kind;

/// The file that runs lock, in our own directory.
const LOCK: &str = "lock";

/// Why a checkout cannot be used.
#[derive(Debug)]
pub enum CanvosError {
    /// No such directory.
    Missing(PathBuf),
    /// A directory without CanvOS's `Earthfile`.
    NotACheckout(PathBuf),
    /// A directory on the way to a placement is a link or no directory.
    Blocked {
        /// Relative to the checkout.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
    },
    /// Targets that it does not have were asked for.
    NoTarget {
        /// The checkout.
        directory: PathBuf,
        /// Which.
        targets: Vec<&'static str>,
    },
    /// Something in it would win over what is staged.
    Trapped(Vec<Diagnostic>),
    /// A file at a placement that was not staged by this tool.
    Foreign(Placement),
    /// A cached archive is not the one that was proved any more.
    Changed(PathBuf),
    /// One placement has changed, the other has not, and that could not be undone.
    Mixed {
        /// The one that has changed.
        placement: Placement,
        /// Why it could not be restored.
        rollback: PathError,
        /// Why the other did not change.
        cause: Box<CanvosError>,
    },
    /// Input or output failed.
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

/// What became of a placement that was written.
#[derive(Debug)]
pub struct Staged {
    /// The files that were there, were not ours, and are kept: what they were, and where they
    /// are now.
    pub kept: Vec<(Placement, PathBuf)>,
}

impl Checkout {
    /// The checkout in `directory`.
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

    /// Its directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Our own directory is one: through a link, all that is written there would land
    /// outside the checkout.
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

    /// Takes the checkout for this run.
    ///
    /// # Errors
    /// A checkout that cannot be written, or that another run has for too long.
    pub fn hold(&self, patience: &LockOptions<'_>) -> Result<CheckoutLock, FileLockError> {
        let open = self.open_held()?;
        let own = open.own.directory();
        let is_new = matches!(own.entry(LOCK), Ok(None));
        let hold = file_lock::own(&own.file(LOCK), patience)?;
        failpoint::hit("checkout-held");
        // Readable by others whatever the umask; what somebody has set since stays.
        if is_new && let Ok(file) = own.read(LOCK) {
            let _ = atomic_file::set_mode(&file);
        }
        open.own.ignore()?;
        Ok(CheckoutLock {
            _hold: Some(hold),
            ..open
        })
    }

    /// The right that the run which started this one has, and keeps until this one ends.
    ///
    /// # Errors
    /// A checkout that cannot be written.
    pub fn locked_by_parent(&self) -> Result<CheckoutLock, FileLockError> {
        Ok(self.open_held()?)
    }

    fn open_held(&self) -> Result<CheckoutLock, PathError> {
        let checkout =
            Directory::open(&self.directory).map_err(PathError::when("open", &self.directory))?;
        Ok(CheckoutLock {
            own: Own::open(&checkout)?,
            checkout: Arc::new(checkout),
            _hold: None,
        })
    }

    fn open_directory(&self) -> Result<Directory, CanvosError> {
        let opened = Directory::open(&self.directory);
        Ok(opened.map_err(PathError::when("open", &self.directory))?)
    }

    /// What is at each placement, compared with `locked`.
    ///
    /// # Errors
    /// Files that are there and cannot be read.
    pub fn found(
        &self,
        locked: Option<&LockEntry>,
        limits: &Limits,
    ) -> Result<Vec<Found>, CanvosError> {
        let seen = self.see(None, limits)?;
        Ok(seen.iter().map(|seen| seen.against(locked)).collect())
    }

    /// What is at each placement, which is read, unless it is the archive that this run has
    /// `read`. What a lock says of archives proves nothing.
    ///
    /// # Errors
    /// Files that are there and cannot be read.
    pub fn see(&self, read: Option<&Artifact>, limits: &Limits) -> Result<Vec<Seen>, CanvosError> {
        let [first, second] = Placement::ALL;
        // The two files are as large as each other: hashing both at once halves the time.
        std::thread::scope(|scope| {
            let look = move || self.look(first, read, limits);
            let looking = std::thread::Builder::new().spawn_scoped(scope, look);
            let second = self.look(second, read, limits);
            let first = match looking {
                Ok(looking) => looking
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
                // One after the other, where no more threads can be had.
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
            // The right bytes, perhaps, but in an image the link would lead nowhere.
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
        // Of the file that is read, whatever has its name by now.
        let entry = Directory::entry_of(&file).map_err(failed)?;
        if let Some(kind) = entry.odd {
            return Ok(seen(Kind::Odd(kind)));
        }
        let size = file.metadata().map_err(failed)?.len();
        if limits.no_archive(size) {
            return Ok(seen(Kind::Odd("too large for an archive")));
        }
        let (sha256, _) = Digest::of_reader(&mut file).map_err(failed)?;
        let content_sha256 = match read {
            Some(artifact) if artifact.sha256() == sha256 => Some(artifact.content_sha256()),
            _ => archive::content_of(&mut file, limits).map_err(failed)?,
        };
        Ok(seen(Kind::File {
            sha256,
            content_sha256,
            well_formed: entry.is_well_formed(),
            stamp: entry.stamp,
        }))
    }

    /// Whether `found` needs no staging: both placements hold the locked content, in
    /// the same bytes, as plain files.
    #[must_use]
    pub fn is_staged(found: &[Found]) -> bool {
        found
            .iter()
            .all(|f| matches!(f.state, State::Equal | State::SameContent) && f.well_formed)
            && found
                .windows(2)
                .all(|pair| pair[0].sha256 == pair[1].sha256)
    }

    /// Puts `artifact` at the placements that do not hold it, both or none of them (`paired_rename`
    /// says how). What was there and is not ours is kept first. `None`: the definition is
    /// staged already.
    ///
    /// # Errors
    /// [`CanvosError::Blocked`], [`CanvosError::Changed`] and [`CanvosError::Io`]: nothing
    /// has changed then. [`CanvosError::Mixed`].
    pub fn stage(
        &self,
        (artifact, locked): (&Artifact, &LockEntry),
        (lock, limits): (&Lockfile, &Limits),
        held: &CheckoutLock,
    ) -> Result<Option<Staged>, CanvosError> {
        let seen = self.see(Some(artifact), limits)?;
        let found: Vec<Found> = seen.iter().map(|seen| seen.against(Some(locked))).collect();
        if Self::is_staged(&found) {
            held.own.sweep();
            return Ok(None);
        }
        let due: Vec<&Seen> = seen
            .iter()
            .filter(|seen| !seen.is_right(artifact.sha256()))
            .collect();
        // All that can be known to fail fails before anything is changed.
        let places: Vec<Place> = (due.iter())
            .map(|seen| held.place(seen))
            .collect::<Result<_, _>>()?;
        let mut ready = Vec::new();
        for place in places {
            let copy = copied(artifact, &place)?;
            ready.push((place, copy));
        }
        let kept = held.keep(&due, &ready, lock)?;
        // Before the renames: were it after them, a run killed in between would leave
        // files that `unstage` takes for somebody else's.
        held.own.remember(artifact.sha256())?;
        failpoint::hit("stage-remembered");
        paired_rename::publish(ready, &|place| held.check(place))?;
        // A run that was killed just before may have had its files open a moment ago.
        held.own.sweep();
        Ok(Some(Staged { kept }))
    }

    /// Takes the staged files out again, both or none of them, and the directories that this
    /// leaves empty below `overlay/files-iso`. Returns the placements that were there.
    ///
    /// # Errors
    /// [`CanvosError::Blocked`] and [`CanvosError::Foreign`] for what was not staged by
    /// us; then nothing was removed.
    pub fn unstage(
        &self,
        lock: &Lockfile,
        limits: &Limits,
        held: &CheckoutLock,
    ) -> Result<Vec<Placement>, CanvosError> {
        let ours = held.own.remembered();
        let mut staged = Vec::new();
        for seen in self.see(None, limits)? {
            match &seen.kind {
                Kind::Absent => {}
                Kind::Odd(kind) => {
                    // A directory on the way that is a link is told by its own name.
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
        let places: Vec<Place> = (staged.iter())
            .map(|seen| held.place_to_empty(seen))
            .collect::<Result<_, _>>()?;
        paired_rename::withdraw(places, &|place| held.check(place))?;
        held.remove_empty();
        held.own.sweep();
        failpoint::hit("directories-removed");
        Ok(staged.iter().map(|seen| seen.placement).collect())
    }

    /// Temporary files of killed runs in the directory that is shipped, by their paths in
    /// the checkout: the image would have them.
    #[must_use]
    pub fn shipped_leftovers(&self) -> Vec<String> {
        let directory = Directory::open(&self.directory).ok();
        let overlay = directory.and_then(|checkout| {
            let overlay = placement_directory::open(&checkout, Path::new(OVERLAY_DIRECTORY));
            overlay.ok().flatten()
        });
        let names = overlay.map_or_else(Vec::new, |overlay| aside::leftovers(&overlay));
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
        let own = own.is_some_and(|own| !aside::leftovers(&own).is_empty());
        own || checkout_lock::grounds(&checkout)
            .iter()
            .any(|ground| !aside::leftovers(ground).is_empty())
    }
}

/// A copy of `artifact` that needs nothing but its name. What is copied is hashed: the file
/// was proved a while ago.
fn copied(artifact: &Artifact, place: &Place) -> Result<Aside, CanvosError> {
    let target = place.path();
    let copy = Aside::create(&place.beside)?;
    let (sha256, _) = digest::copy(&mut artifact.open()?, &mut copy.file())
        .map_err(PathError::when("write", &target))?;
    if sha256 != artifact.sha256() {
        return Err(CanvosError::Changed(artifact.path().to_owned()));
    }
    copy.seal().map_err(PathError::when("write", &target))?;
    failpoint::hit(match place.placement {
        Placement::Overlay => "overlay-copied",
        Placement::Root => "root-copied",
    });
    Ok(copy)
}
