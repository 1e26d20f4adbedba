//! Changing two files together or not at all.
//!
//! The input is the list of placements that are to change, each with a complete file that is on
//! disk already. The steps are:
//!
//! 1. Check that every directory is still the one that the checkout has.
//! 2. For each placement, exchange the two names in one step: the new file gets the
//!    placement's name, and the old one the temporary name of the new one.
//! 3. Check every directory once more, and that every old file is the one that was examined.
//! 4. Remove the old files.
//!
//! A failure before step 4 undoes what was done, in reverse order, so that both placements
//! are as they were; if that fails too, the error says so. A kill in between leaves each
//! placement with its old file or its new one, and temporary files, which the next run
//! removes. Nothing is written through a directory that was swapped for a link meanwhile.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::CanvosError;
use super::directory::{Directory, Stamp};
use super::pending_file::PendingFile;
use super::placement::Placement;
use crate::util::failpoint;
use crate::util::path_error::PathError;

/// The name of the file at each placement.
pub(super) const NAME: &str = "spc.tgz";

/// A placement that is about to change.
#[derive(Debug)]
pub(super) struct RenameTarget {
    /// The placement.
    pub placement: Placement,
    /// The directory of the placement's file.
    pub directory: Directory,
    /// A directory from which temporary files can be renamed into `directory`.
    pub beside: Arc<Directory>,
    /// The stamp of the file that was there when it was examined.
    pub was: Option<Stamp>,
}

/// Checks that a placement's directory is still the one that the checkout has.
pub(super) type Check<'a> = &'a dyn Fn(&RenameTarget) -> Result<(), CanvosError>;

/// A placement that has changed, and how to undo the change.
#[derive(Debug)]
struct Moved {
    place: RenameTarget,
    /// The old file, under a temporary name. Dropping this removes it.
    old: Option<PendingFile>,
    /// Whether the old file's temporary name is the new file's, so that an undo exchanges them
    /// back.
    exchanged: bool,
}

impl RenameTarget {
    /// Returns the path of the placement's file, for messages.
    pub(super) fn path(&self) -> PathBuf {
        self.directory.file(NAME)
    }
}

/// Puts each file at its placement. The files must be sealed.
///
/// # Errors
/// Either nothing has changed, or the error is [`CanvosError::PartialChange`].
pub(super) fn publish(
    ready: Vec<(RenameTarget, PendingFile)>,
    check: Check<'_>,
) -> Result<(), CanvosError> {
    ready.iter().try_for_each(|(place, _)| check(place))?;
    let step = |(place, pending)| put(place, pending, Directory::exchange);
    all(ready, step, check, |placement| match placement {
        Placement::Overlay => "overlay-renamed",
        Placement::Root => "root-renamed",
    })
}

/// Removes the file at each placement.
///
/// # Errors
/// Either nothing has changed, or the error is [`CanvosError::PartialChange`].
pub(super) fn withdraw(places: Vec<RenameTarget>, check: Check<'_>) -> Result<(), CanvosError> {
    places.iter().try_for_each(check)?;
    all(places, take, check, |placement| match placement {
        Placement::Overlay => "overlay-removed",
        Placement::Root => "root-removed",
    })
}

fn all<T>(
    due: Vec<T>,
    step: impl Fn(T) -> Result<Moved, PathError>,
    check: Check<'_>,
    reached: fn(Placement) -> &'static str,
) -> Result<(), CanvosError> {
    let mut moved: Vec<Moved> = Vec::new();
    for each in due {
        match step(each) {
            Ok(done) => {
                moved.push(done);
                failpoint::hit(reached(moved[moved.len() - 1].place.placement));
            }
            Err(error) => return Err(roll_back(moved, error.into())),
        }
    }
    let judged = moved
        .iter()
        .try_for_each(|moved| check(&moved.place).and_then(|()| moved.check_old()));
    if let Err(error) = judged {
        return Err(roll_back(moved, error));
    }
    for moved in moved {
        moved.place.directory.sync();
    }
    Ok(())
}

/// How two names are exchanged: with the system call, or as a test does it.
type Exchange = fn(&Directory, &str, &Directory, &str) -> io::Result<()>;

fn put(
    place: RenameTarget,
    mut pending: PendingFile,
    exchange: Exchange,
) -> Result<Moved, PathError> {
    let path = place.path();
    let target = &place.directory;
    let mut exchanged = false;
    let done = if place.was.is_none() {
        pending.directory().rename_new(pending.name(), target, NAME)
    } else {
        match exchange(pending.directory(), pending.name(), target, NAME) {
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                return put_in_two_steps(place, pending);
            }
            done => {
                exchanged = done.is_ok();
                done
            }
        }
    };
    done.map_err(PathError::when("write", &path))?;
    let old = if exchanged {
        Some(pending)
    } else {
        pending.disarm();
        None
    };
    Ok(Moved {
        place,
        old,
        exchanged,
    })
}

/// Puts the file in place on a file system that cannot exchange two names: the old file first
/// gets a second hard link, or is renamed if there are no hard links.
fn put_in_two_steps(place: RenameTarget, mut pending: PendingFile) -> Result<Moved, PathError> {
    let mut old = second_name(&place).or_else(|_| other_name(&place))?;
    if let Err(error) = pending
        .directory()
        .rename(pending.name(), &place.directory, NAME)
    {
        // If it got a second link, it still has its name.
        let back = (old.directory()).rename_new(old.name(), &place.directory, NAME);
        if back.is_ok() {
            old.disarm();
        }
        return Err(PathError::when("write", &place.path())(error));
    }
    pending.disarm();
    Ok(Moved {
        place,
        old: Some(old),
        exchanged: false,
    })
}

/// Gives the file a temporary name in addition to its own.
fn second_name(place: &RenameTarget) -> Result<PendingFile, PathError> {
    let failed = |error| PathError::when("write", &place.path())(error);
    let mut old = PendingFile::create(&place.beside)?;
    old.directory().remove(old.name()).map_err(failed)?;
    old.disarm();
    (place.directory)
        .link(NAME, old.directory(), old.name())
        .map_err(failed)?;
    old.arm();
    Ok(old)
}

/// Gives the file a temporary name in place of its own.
fn other_name(place: &RenameTarget) -> Result<PendingFile, PathError> {
    let old = PendingFile::create(&place.beside)?;
    (place.directory)
        .rename(NAME, old.directory(), old.name())
        .map_err(PathError::when("remove", &place.path()))?;
    Ok(old)
}

fn take(place: RenameTarget) -> Result<Moved, PathError> {
    let old = Some(other_name(&place)?);
    Ok(Moved {
        place,
        old,
        exchanged: false,
    })
}

impl Moved {
    /// Checks that the old file is the one that was examined: another program may have written
    /// it since.
    fn check_old(&self) -> Result<(), CanvosError> {
        let Some(old) = &self.old else { return Ok(()) };
        let failed = |error| PathError::when("replace", &self.place.path())(error);
        let now = old.directory().entry(old.name()).map_err(failed)?;
        if now.map(|entry| entry.stamp) == self.place.was {
            return Ok(());
        }
        let changed = io::Error::other("another program has changed it in this moment");
        Err(failed(changed).into())
    }

    /// Restores the placement.
    fn undo(self) -> Result<(), PathError> {
        let target = &self.place.directory;
        let undone = match self.old {
            None => target.remove(NAME),
            // After this the new file has the temporary name, and is removed.
            Some(new) if self.exchanged => new.directory().exchange(new.name(), target, NAME),
            Some(mut old) => {
                let undone = old.directory().rename(old.name(), target, NAME);
                old.disarm();
                undone
            }
        };
        undone.map_err(PathError::when("restore", &self.place.path()))
    }
}

/// Undoes the changes that were made before `error`; returns [`CanvosError::PartialChange`] if that
/// fails.
fn roll_back(moved: Vec<Moved>, error: CanvosError) -> CanvosError {
    let mut error = error;
    for moved in moved.into_iter().rev() {
        let placement = moved.place.placement;
        if let Err(rollback) = moved.undo() {
            error = CanvosError::PartialChange {
                placement,
                rollback,
                cause: Box::new(error),
            };
        }
    }
    error
}

#[cfg(test)]
mod tests;
