//! The CanvOS checkout: where a definition goes, what is there, and how it gets there.
//!
//! In: a checkout's directory and a proven archive. Out: two equal regular files, or
//! nothing changed. Nothing that CanvOS tracks in git is edited; nothing is written
//! outside the two placements and `.edgestage/`, a directory of ours that git ignores.

use std::fs::{self, File};
use std::io::{self, Seek as _};
use std::path::{Path, PathBuf};

use crate::archive::{self, InspectError};
use crate::cache::Artifact;
use crate::checkpoint;
use crate::diagnostic::Diagnostic;
use crate::digest::Digest;
use crate::disk::{self, PathError};
use crate::hold::{self, Hold, HoldError, Patience};
use crate::limits::Limits;
use crate::lock::{Lock, Locked};
use crate::publish;

mod placement;

pub use placement::{Found, OVERLAY_DIRECTORY, Placement, Seen, State};

use placement::Kind;

/// Our own directory in a checkout: temporary files, and the file that runs lock. It is
/// no part of any build context that a CanvOS target copies.
const OWN_DIRECTORY: &str = ".edgestage";

/// How many staged archives a checkout remembers.
const REMEMBERED: usize = 16;

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

/// The right to change a checkout, for as long as it is held.
#[derive(Debug)]
pub struct Held {
    /// `None` where the run that started this one has it.
    _hold: Option<Hold>,
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
        let metadata = fs::symlink_metadata(self.directory.join(OWN_DIRECTORY));
        match metadata.ok().filter(|metadata| !metadata.is_dir()) {
            None => Ok(()),
            Some(metadata) => Err(CanvosError::Blocked {
                path: OWN_DIRECTORY.into(),
                kind: odd_kind(&metadata).unwrap_or("not a directory"),
            }),
        }
    }

    /// Takes the checkout for this run.
    ///
    /// # Errors
    /// A checkout that cannot be written, or that another run has for too long.
    pub fn hold(&self, patience: &Patience<'_>) -> Result<Held, HoldError> {
        let own = self.directory.join(OWN_DIRECTORY);
        fs::create_dir_all(&own).map_err(PathError::when("create", &own))?;
        let hold = hold::own(&own.join("lock"), patience)?;
        checkpoint::reach("checkout-held");
        // Under the lock, like everything else that is written here.
        let ignore = own.join(".gitignore");
        if !ignore.exists() {
            publish::write_own(&ignore, b"*\n")?;
        }
        Ok(Held { _hold: Some(hold) })
    }

    /// The right that the run which started this one has, and keeps until this one ends.
    #[must_use]
    pub fn held_by_parent() -> Held {
        Held { _hold: None }
    }

    /// What is at each placement, compared with `locked`.
    ///
    /// # Errors
    /// Files that are there and cannot be read.
    pub fn found(
        &self,
        locked: Option<&Locked>,
        limits: &Limits,
    ) -> Result<Vec<Found>, CanvosError> {
        let known = |sha256| Some(locked.filter(|l| l.sha256 == sha256)?.content_sha256);
        let seen = self.see(&known, limits)?;
        Ok(seen.iter().map(|seen| seen.against(locked)).collect())
    }

    /// What is at each placement. `known` gives the content of archives whose bytes are
    /// known by their SHA-256; others are read.
    ///
    /// # Errors
    /// Files that are there and cannot be read.
    pub fn see(
        &self,
        known: &(dyn Fn(Digest) -> Option<Digest> + Sync),
        limits: &Limits,
    ) -> Result<Vec<Seen>, CanvosError> {
        let [first, second] = Placement::ALL;
        // The two files are as large as each other: hashing both at once halves the time.
        std::thread::scope(|scope| {
            let look = move || self.look(first, known, limits);
            let looking = std::thread::Builder::new().spawn_scoped(scope, look);
            let second = self.look(second, known, limits);
            let first = match looking {
                Ok(looking) => looking
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
                // One after the other, where no more threads can be had.
                Err(_) => self.look(first, known, limits),
            };
            Ok(vec![first?, second?])
        })
    }

    fn look(
        &self,
        placement: Placement,
        known: &(dyn Fn(Digest) -> Option<Digest> + Sync),
        limits: &Limits,
    ) -> Result<Seen, CanvosError> {
        let path = self.directory.join(placement.path());
        let seen = |kind| Seen { placement, kind };
        let metadata = match fs::symlink_metadata(&path) {
            Ok(metadata) => metadata,
            Err(error) if disk::is_absent(&error) => return Ok(seen(Kind::Absent)),
            Err(error) => return Err(PathError::when("read", &path)(error).into()),
        };
        if let Some(kind) = odd_kind(&metadata) {
            return Ok(seen(Kind::Odd(kind)));
        }
        if limits.no_archive(metadata.len()) {
            return Ok(seen(Kind::Odd("too large for an archive")));
        }
        // The right bytes, but in an image the link would lead nowhere.
        if let Err(CanvosError::Blocked { .. }) = self.missing_directories(placement) {
            return Ok(seen(Kind::Odd("behind a symbolic link")));
        }
        let mut file = disk::open(&path).map_err(PathError::when("read", &path))?;
        let (sha256, _) = Digest::of_reader(&mut file).map_err(PathError::when("read", &path))?;
        let content_sha256 = match known(sha256) {
            Some(content) => Some(content),
            None => content_of(&mut file, limits).map_err(PathError::when("read", &path))?,
        };
        Ok(seen(Kind::File {
            sha256,
            content_sha256,
            well_formed: is_well_formed(&metadata),
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

    /// Puts `artifact` at both placements. Both copies are on the disk before the first
    /// one is renamed, so that a failure leaves the old pair; a kill between the two
    /// renames leaves a pair that the next run completes.
    ///
    /// # Errors
    /// [`CanvosError::Blocked`] and [`CanvosError::Io`]; nothing was renamed then, or
    /// the overlay's file only.
    pub fn stage(&self, artifact: &Artifact, _held: &Held) -> Result<(), CanvosError> {
        let own = self.directory.join(OWN_DIRECTORY);
        // All that can be known to fail fails before anything is changed.
        for placement in Placement::ALL {
            self.make_way(placement)?;
        }
        let mut ready = Vec::new();
        for placement in Placement::ALL {
            let target = self.directory.join(placement.path());
            let mut copy = publish::temporary_in(&own)?;
            io::copy(&mut artifact.open()?, copy.as_file_mut())
                .map_err(PathError::when("write", &target))?;
            checkpoint::reach(match placement {
                Placement::Overlay => "overlay-copied",
                Placement::Root => "root-copied",
            });
            ready.push((placement, copy, target));
        }
        // Before the renames: were it after them, a run killed in between would leave
        // files that `unstage` takes for somebody else's.
        self.remember(artifact.sha256())?;
        checkpoint::reach("stage-remembered");
        for (placement, copy, target) in ready {
            publish::rename(copy, &target)?;
            checkpoint::reach(match placement {
                Placement::Overlay => "overlay-renamed",
                Placement::Root => "root-renamed",
            });
        }
        Ok(())
    }

    /// Notes what is staged, so that `unstage` can tell our files from others.
    fn remember(&self, sha256: Digest) -> Result<(), CanvosError> {
        let mut digests = self.remembered();
        digests.retain(|known| *known != sha256);
        digests.push(sha256);
        let recent = digests.len().saturating_sub(REMEMBERED);
        let text: String = digests[recent..]
            .iter()
            .flat_map(|digest| [digest.to_string(), "\n".into()])
            .collect();
        publish::write_own(
            &self.directory.join(OWN_DIRECTORY).join("staged"),
            text.as_bytes(),
        )?;
        Ok(())
    }

    /// What was staged here, the last one last. A file that is gone or damaged only
    /// makes `unstage` more careful.
    fn remembered(&self) -> Vec<Digest> {
        let path = self.directory.join(OWN_DIRECTORY).join("staged");
        let text = disk::text_or_empty(&path);
        text.lines()
            .filter_map(|line| Digest::try_from(line.to_owned()).ok())
            .collect()
    }

    /// Makes the directories of a placement, where nothing odd is in the way.
    fn make_way(&self, placement: Placement) -> Result<(), CanvosError> {
        let relative = Path::new(placement.path());
        for directory in self.missing_directories(placement)? {
            make_directory(&directory)?;
        }
        let directory = relative.parent().map(|parent| self.directory.join(parent));
        check_writable(directory.as_deref().unwrap_or(&self.directory))?;
        match fs::symlink_metadata(self.directory.join(relative)) {
            Ok(metadata) if metadata.is_file() => Ok(()),
            Ok(metadata) => Err(CanvosError::Blocked {
                path: relative.to_owned(),
                kind: odd_kind(&metadata).unwrap_or("not a regular file"),
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(PathError::when("read", relative)(error).into()),
        }
    }

    /// The directories of a placement that are not there yet. A link among those that
    /// are would be copied into the image as a link (canvos.md, T8), and would lead our
    /// file elsewhere: refused.
    fn missing_directories(&self, placement: Placement) -> Result<Vec<PathBuf>, CanvosError> {
        let relative = Path::new(placement.path());
        let mut missing = Vec::new();
        let mut at = PathBuf::new();
        for part in relative.parent().into_iter().flat_map(Path::components) {
            at.push(part);
            let path = self.directory.join(&at);
            match fs::symlink_metadata(&path) {
                Ok(metadata) if metadata.is_dir() => {}
                Ok(metadata) => {
                    return Err(CanvosError::Blocked {
                        path: at,
                        kind: if metadata.is_symlink() {
                            "a symbolic link"
                        } else {
                            "not a directory"
                        },
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => missing.push(path),
                Err(error) => return Err(PathError::when("read", &path)(error).into()),
            }
        }
        Ok(missing)
    }

    /// Takes the staged files out again, and the directories that this leaves empty
    /// below `overlay/files-iso`. Returns the placements that were there.
    ///
    /// # Errors
    /// [`CanvosError::Blocked`] and [`CanvosError::Foreign`] for what was not staged by
    /// us; then nothing was removed.
    pub fn unstage(
        &self,
        lock: &Lock,
        limits: &Limits,
        _held: &Held,
    ) -> Result<Vec<Placement>, CanvosError> {
        publish::sweep(&self.directory.join(OWN_DIRECTORY));
        let ours = self.remembered();
        let mut staged = Vec::new();
        for found in self.found(None, limits)? {
            let known = found.sha256.is_some_and(|sha256| ours.contains(&sha256));
            match &found.state {
                State::Missing => {}
                State::WrongKind(kind) => {
                    // A directory on the way that is a link is told by its own name.
                    self.missing_directories(found.placement)?;
                    return Err(CanvosError::Blocked {
                        path: PathBuf::from(found.placement.path()),
                        kind,
                    });
                }
                _ if known || found.owner(lock).is_some() => staged.push(found.placement),
                _ => return Err(CanvosError::Foreign(found.placement)),
            }
        }
        for placement in &staged {
            let path = self.directory.join(placement.path());
            fs::remove_file(&path).map_err(PathError::when("remove", &path))?;
            checkpoint::reach(match placement {
                Placement::Overlay => "overlay-removed",
                Placement::Root => "root-removed",
            });
        }
        if self.missing_directories(Placement::Overlay).is_ok() {
            let overlay = Path::new(OVERLAY_DIRECTORY);
            for directory in overlay
                .ancestors()
                .take_while(|path| !path.ends_with("files-iso"))
            {
                // Only an empty directory can be removed this way.
                if fs::remove_dir(self.directory.join(directory)).is_err() {
                    break;
                }
            }
        }
        checkpoint::reach("directories-removed");
        Ok(staged)
    }
}

/// The digest of what the archive in `file` holds; `None` where it does not pass the
/// check.
fn content_of(file: &mut File, limits: &Limits) -> io::Result<Option<Digest>> {
    file.rewind()?;
    match archive::inspect(file, limits, archive::NOTHING) {
        Ok(inventory) => Ok(Some(inventory.content_sha256)),
        Err(InspectError::Refused(_)) => Ok(None),
        Err(InspectError::Io(error)) => Err(error),
    }
}

/// What a placement is that is no regular file.
fn odd_kind(metadata: &fs::Metadata) -> Option<&'static str> {
    if metadata.is_symlink() {
        Some("a symbolic link")
    } else if metadata.is_dir() {
        Some("a directory")
    } else if metadata.is_file() {
        None
    } else {
        Some("a special file")
    }
}

/// A rename into `directory` will be allowed. Tried without making a file there: one
/// that a killed run left in the overlay would be shipped.
#[cfg(unix)]
fn check_writable(directory: &Path) -> Result<(), PathError> {
    use rustix::fs::{Access, access};
    access(directory, Access::WRITE_OK | Access::EXEC_OK)
        .map_err(|error| PathError::when("write in", directory)(error.into()))
}

#[cfg(not(unix))]
fn check_writable(_: &Path) -> Result<(), PathError> {
    Ok(())
}

/// 0755 whatever the umask, like the directories that git makes beside it.
fn make_directory(path: &Path) -> Result<(), PathError> {
    fs::create_dir(path).map_err(PathError::when("create", path))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(path, fs::Permissions::from_mode(0o755))
            .map_err(PathError::when("create", path))?;
    }
    Ok(())
}

/// A file with one name and mode 0644. A second name could change it behind our back.
#[cfg(unix)]
fn is_well_formed(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    metadata.nlink() == 1 && metadata.mode() & 0o7777 == 0o644
}

#[cfg(not(unix))]
fn is_well_formed(_: &fs::Metadata) -> bool {
    true
}
