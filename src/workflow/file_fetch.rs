//! Fetching from a file that the user named in place of Palette: an archive, or a content
//! bundle with one in it.
//!
//! The archive passes the checks of a download. If it has the locked content, neither a key nor
//! a network is needed. Other content is drift. Without a current lock entry, Palette provides
//! the names and packs for the lock.

use std::io::{self, Read};
use std::path::Path;

use super::archive_file::{self, ArchiveFile, Silent};
use super::fetcher::{DownloadStart, Fetched, Fetcher, tell_verified};
use super::messages::{self, FileDiffers};
use super::session::{ArchiveOrigin, LockedArchive, Locking, Session};
use crate::archive::{self, ArchiveSubject};
use crate::cache::{CacheLookup, Slot};
use crate::cli::Network;
use crate::download::{self, ReceiveError, Received};
use crate::drift::{self, Change};
use crate::error::Error;
use crate::lockfile::LockEntry;
use crate::manifest::Definition;
use crate::palette::PaletteError;
use crate::util::interrupt::Stoppable;
use crate::util::path_error::PathError;
use crate::util::sanitize;
use crate::workflow::context::Context;

/// Takes the archive of `definition` from `file`, checks it, and puts it into the cache.
pub(crate) fn fetch(
    context: &Context<'_>,
    session: &Session<'_>,
    definition: &Definition,
    file: &Path,
) -> Result<LockedArchive, Error> {
    archive_file::ensure_exists(context, file)?;
    let pinned = session.current(context, definition)?;
    if pinned.is_none() && context.settings.network == Network::Off {
        return session.offline(context, definition);
    }
    match pinned {
        Some(pinned) => {
            session.cache.sweep();
            let Copied {
                slot,
                received,
                subject,
                stop: _stop,
            } = receive(context, session, file)?;
            let locked = Locked {
                definition,
                pinned,
                file,
                subject,
            };
            locked.keep(context, session, slot, received)
        }
        None => fetch_unlocked(context, session, definition, file),
    }
}

/// Takes an archive that is not locked: Palette says what is in it.
fn fetch_unlocked(
    context: &Context<'_>,
    session: &Session<'_>,
    definition: &Definition,
    file: &Path,
) -> Result<LockedArchive, Error> {
    let fetcher = Fetcher::new(context, session, 1)?;
    let resolved = fetcher.resolve(definition, DownloadStart::AfterRules)?;
    let plan = resolved.plan;
    let Copied {
        slot,
        received,
        subject,
        stop: _stop,
    } = receive(context, session, file)?;
    let uids = plan.profiles.iter().map(|profile| profile.uid.as_str());
    let received =
        download::accept(received, definition, uids).map_err(|refusal| Error::Archive {
            of: subject,
            refusal,
        })?;
    let report = context.report;
    report.warn_all(&received.warnings);
    report.warn(&messages::packs_not_compared(
        &definition.name,
        &sanitize::path(file),
    ));
    let locked = LockEntry::new(&plan, received.archive);
    tell_verified(context, definition, &received);
    let found = Fetched {
        slot,
        received,
        locked,
    };
    let kept = fetcher.keep(definition, None, found)?;
    Ok(LockedArchive {
        origin: ArchiveOrigin::File,
        ..kept
    })
}

/// An archive that was checked while it was copied into the cache's temporary directory.
struct Copied {
    slot: Slot,
    received: Received,
    subject: ArchiveSubject,
    /// Dropped after the slot: a signal ends the run when the temporary file is removed.
    stop: Option<Stoppable>,
}

/// A reader that fails when the run is to end.
struct Interruptible<'a, R> {
    source: R,
    stop: Option<&'a Stoppable>,
}

impl<R: Read> Read for Interruptible<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.stop.is_some_and(Stoppable::came) {
            return Err(io::Error::other("interrupted"));
        }
        self.source.read(buffer)
    }
}

/// Copies the archive in `file` into the cache's temporary directory while it is checked.
fn receive(context: &Context<'_>, session: &Session<'_>, file: &Path) -> Result<Copied, Error> {
    context.report.status("Reading", &sanitize::path(file));
    let manifest = session.manifest;
    let ArchiveFile {
        archive,
        subject,
        is_pipe,
        ..
    } = archive_file::open(context, Some(manifest), file)?;
    // Only the signal itself ends a run that waits for a silent pipe.
    let stop = (!is_pipe).then(Stoppable::begin);
    let mut slot = session.cache.slot()?;
    let (copy, path) = slot.file();
    let source = Interruptible {
        source: archive,
        stop: stop.as_ref(),
    };
    match download::receive(source, copy, &manifest.limits, &Silent) {
        Ok(received) => Ok(Copied {
            slot,
            received,
            subject,
            stop,
        }),
        Err(ReceiveError::Refused(refusal)) => Err(Error::Archive {
            of: subject,
            refusal,
        }),
        Err(ReceiveError::Network(error)) => {
            let source = context.environment.resolve(file);
            Err(PathError::when("read", &source)(error).into())
        }
        Err(ReceiveError::Disk(error)) => Err(PathError::when("write", &path)(error).into()),
        Err(ReceiveError::NoThread(error)) => Err(PaletteError::no_thread(&error).into()),
    }
}

/// A locked definition, and the file that should have its archive.
struct Locked<'a> {
    definition: &'a Definition,
    pinned: LockEntry,
    file: &'a Path,
    subject: ArchiveSubject,
}

impl Locked<'_> {
    /// Puts an archive with the locked content into the cache, unless the cache has one.
    fn keep(
        self,
        context: &Context<'_>,
        session: &Session<'_>,
        slot: Slot,
        received: Received,
    ) -> Result<LockedArchive, Error> {
        if !self.pinned.describes(&received.inventory.contents()) {
            return Err(self.differs(session, &received)?);
        }
        let uids = self.pinned.profiles.iter();
        let uids = uids.map(|profile| profile.uid.as_str());
        let received = download::accept(received, self.definition, uids);
        let received = received.map_err(|refusal| Error::Archive {
            of: self.subject,
            refusal,
        })?;
        context.report.warn_all(&received.warnings);
        tell_verified(context, self.definition, &received);
        let limits = &session.manifest.limits;
        let artifact = match session.cache.lookup(&self.pinned, limits)? {
            CacheLookup::Hit(artifact) => artifact,
            CacheLookup::Miss | CacheLookup::Damaged(_) => slot.commit(&received)?,
        };
        Ok(LockedArchive {
            artifact,
            locked: self.pinned,
            locking: Locking::Done,
            origin: ArchiveOrigin::File,
            changes: Vec::new(),
        })
    }

    /// Returns the error for an archive with other content: which definition it is, if the lock
    /// has it; the changed files, if the locked archive is in the cache.
    fn differs(&self, session: &Session<'_>, received: &Received) -> Result<Error, Error> {
        let owner = session.lock.owner_of(&received.inventory.contents());
        // The files of another definition say less than its name.
        let changes = match owner {
            Some(_) => Vec::new(),
            None => self.changed_files(session, received)?,
        };
        Ok(Error::staged(messages::file_differs(&FileDiffers {
            definition: &self.definition.name,
            file: &sanitize::path(self.file),
            locked: self.pinned.content_sha256,
            found: received.archive.content_sha256,
            owner: owner.map(|(name, _)| name),
            changes: &changes,
        })))
    }

    fn changed_files(
        &self,
        session: &Session<'_>,
        received: &Received,
    ) -> Result<Vec<Change>, Error> {
        let limits = &session.manifest.limits;
        let CacheLookup::Hit(artifact) = session.cache.lookup(&self.pinned, limits)? else {
            return Ok(Vec::new());
        };
        // The cache has just read it.
        let Ok(old) = archive::inspect(artifact.open()?, limits, archive::NOTHING) else {
            return Ok(Vec::new());
        };
        let profiles: Vec<_> = self.pinned.profiles.iter().collect();
        let new = &received.inventory.files;
        Ok(drift::files(&old.files, new, &profiles))
    }
}
