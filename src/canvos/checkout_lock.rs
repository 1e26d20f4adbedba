//! The lock of a checkout, and the changes that only its holder may make.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::CanvosError;
use super::directory::Directory;
use super::own_directory::OwnDirectory;
use super::paired_rename::{NAME, RenameTarget};
use super::pending_file::{self, PendingFile};
use super::placement::{OVERLAY_DIRECTORY, Placement, Seen};
use super::placement_directory;
use crate::lockfile::Lockfile;
use crate::util::failpoint;
use crate::util::file_lock::FileLock;
use crate::util::path_error::PathError;

/// The directory above what is shipped, in the same directory tree as the overlay.
const ABOVE_OVERLAY: &str = "overlay";

/// The right to change a checkout for as long as this value lives, together with its open
/// directories.
#[derive(Debug)]
pub struct CheckoutLock {
    pub(super) checkout: Arc<Directory>,
    pub(super) own: OwnDirectory,
    /// The file lock; `None` if the parent run holds it.
    pub(super) _lock: Option<FileLock>,
}

impl CheckoutLock {
    /// Prepares the placement of `seen` for a file: missing directories are created.
    pub(super) fn place(&self, seen: &Seen) -> Result<RenameTarget, CanvosError> {
        let placement = seen.placement();
        if let Some(kind) = seen.odd() {
            return Err(CanvosError::Blocked {
                path: placement.path().into(),
                kind,
            });
        }
        let directory = placement_directory::make(&self.checkout, placement.directory())?;
        let path = directory.file(NAME);
        directory
            .check_writable()
            .map_err(PathError::when("write in", directory.path()))?;
        let entry = directory.entry(NAME);
        match entry.map_err(PathError::when("read", &path))? {
            None => {}
            Some(entry) => match entry.odd {
                Some(kind) => {
                    return Err(CanvosError::Blocked {
                        path: placement.path().into(),
                        kind,
                    });
                }
                None => directory
                    .check_replaceable(NAME)
                    .map_err(PathError::when("replace", &path))?,
            },
        }
        Ok(self.described(seen, directory))
    }

    /// Prepares the placement of a file that is to be removed.
    pub(super) fn place_to_empty(&self, seen: &Seen) -> Result<RenameTarget, CanvosError> {
        let placement = seen.placement();
        let directory = placement_directory::open(&self.checkout, placement.directory())?;
        let path = self.checkout.path().join(placement.path());
        let gone = || PathError::when("remove", &path)(std::io::ErrorKind::NotFound.into());
        let directory = directory.ok_or_else(gone)?;
        directory
            .check_writable()
            .and_then(|()| directory.check_replaceable(NAME))
            .map_err(PathError::when("remove", &path))?;
        Ok(self.described(seen, directory))
    }

    fn described(&self, seen: &Seen, directory: Directory) -> RenameTarget {
        RenameTarget {
            placement: seen.placement(),
            was: seen.stamp().cloned(),
            beside: self.beside(&directory),
            directory,
        }
    }

    /// Returns the directory for temporary files that are renamed into `target`: `.edgestage/`;
    /// if that is on another file system, one above what is shipped; else `target` itself,
    /// where the next run removes what a killed one leaves.
    fn beside(&self, target: &Directory) -> Arc<Directory> {
        let own = self.own.directory();
        if own.reaches(target) {
            return Arc::clone(own);
        }
        let fits = |ground: &Directory| ground.reaches(target) && ground.check_writable().is_ok();
        let grounds = grounds(&self.checkout).into_iter();
        let mut fitting = grounds.filter(|ground| fits(ground) || ground.is(target));
        fitting.next().map_or_else(|| Arc::clone(own), Arc::new)
    }

    /// Checks that the checkout still has this directory at the placement's path: nobody has
    /// put a link or another directory in the way.
    pub(super) fn check(&self, place: &RenameTarget) -> Result<(), CanvosError> {
        let now = placement_directory::open(&self.checkout, place.placement.directory())?;
        if now.is_some_and(|now| now.is(&place.directory)) {
            return Ok(());
        }
        let path = place.placement.directory();
        Err(CanvosError::Blocked {
            path: path.to_owned(),
            kind: "not the directory that it was when this run began",
        })
    }

    /// Keeps a copy of each file that is about to be replaced and that edgestage did not stage.
    /// Identical files are kept once.
    pub(super) fn keep(
        &self,
        due: &[&Seen],
        ready: &[(RenameTarget, PendingFile)],
        lock: &Lockfile,
    ) -> Result<Vec<(Placement, PathBuf)>, CanvosError> {
        let ours = self.own.staged_digests();
        let mut kept: Vec<(Placement, PathBuf)> = Vec::new();
        for (seen, (place, _)) in due.iter().zip(ready) {
            if seen.stamp().is_none() || seen.is_ours(&ours, lock) {
                continue;
            }
            let path = self.own.keep(&place.directory, NAME)?;
            if !kept.iter().any(|(_, known)| *known == path) {
                kept.push((seen.placement(), path));
            }
            failpoint::hit("replaced-kept");
        }
        Ok(kept)
    }

    /// Removes the temporary files that killed runs left. Returns the paths of those that were
    /// not in `.edgestage/`.
    #[allow(
        clippy::must_use_candidate,
        reason = "what is left is worth a message, no more"
    )]
    pub fn sweep(&self) -> Vec<PathBuf> {
        self.own.sweep();
        let mut removed = Vec::new();
        for ground in grounds(&self.checkout) {
            let names = pending_file::sweep(&ground);
            removed.extend(names.iter().map(|name| ground.file(name)));
        }
        removed
    }

    /// Removes the directories of the overlay that are empty now.
    pub(super) fn remove_empty(&self) {
        let overlay = Path::new(OVERLAY_DIRECTORY).ancestors();
        for directory in overlay.take_while(|path| !path.ends_with("files-iso")) {
            let name = directory.file_name().unwrap_or(OsStr::new("."));
            let above = directory.parent().unwrap_or(Path::new(""));
            let above = placement_directory::open(&self.checkout, above)
                .ok()
                .flatten();
            // Only an empty directory can be removed this way.
            if above.is_none_or(|above| above.remove_directory(name).is_err()) {
                break;
            }
        }
    }
}

/// Returns the directories other than `.edgestage/` that temporary files may be in, the
/// preferred one first.
pub(super) fn grounds(checkout: &Directory) -> Vec<Directory> {
    let relative = ["", ABOVE_OVERLAY, OVERLAY_DIRECTORY];
    let opened = relative.map(|path| {
        placement_directory::open(checkout, Path::new(path))
            .ok()
            .flatten()
    });
    opened.into_iter().flatten().collect()
}
