//! Fetching from Palette, for one run: from a definition to its verified archive in the cache.
//! `fetch`, `stage`, `update` and `diff` share this part. It writes no lock.
//!
//! Requests that do not depend on each other are made at once. While names are looked up, what
//! they meant when the definition was locked is requested already. While the profiles are read
//! and the rules are checked, the archive is requested already. Nothing of its answer is read
//! before the rules hold; if they do not, the answer is dropped, and nobody waits for it.

use std::io::Read;
use std::sync::Mutex;

use super::parallel::{Permit, Semaphore};
use super::session::{ArchiveOrigin, LockedArchive, Locking, Session};
use crate::archive::{self, InspectError, Inventory};
use crate::cache::{self, CacheLookup, Slot};
use crate::download::{self, Received};
use crate::drift::{self, Change};
use crate::error::Error;
use crate::lockfile::{LockEntry, Lockfile};
use crate::manifest::Definition;
use crate::palette::{DownloadResponse, FirstAttempt};
use crate::resolve::{self, Catalogue, Plan, Selection};
use crate::util::path_error::PathError;
use crate::util::sanitize;
use crate::util::sync::lock;
use crate::workflow::context::Context;

/// How a run treats the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pinning {
    /// Palette must still serve what is locked.
    Respect,
    /// What Palette serves replaces what is locked.
    Renew,
}

/// The number of changes that are reported for one definition that is locked again.
const CHANGES_SHOWN: usize = 32;

/// The client of one Palette, and the files of the run.
pub(crate) struct Fetcher<'a> {
    context: &'a Context<'a>,
    session: &'a Session<'a>,
    catalogue: Catalogue,
    /// Held while the cache is examined and written: if two definitions have the same content,
    /// the second one finds the archive of the first, and both lock its digest.
    keeping: Mutex<()>,
    /// Limits the number of simultaneous downloads to the number of jobs.
    downloads: Semaphore,
}

/// When the archive of a definition is requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DownloadStart {
    /// Once its uids are known, or while the names are looked up if the lock knows them.
    Early,
    /// Once the rules hold.
    AfterRules,
}

/// A definition that keeps the rules. Its archive may have been requested.
pub(crate) struct Resolved<'f, 'd> {
    /// The exact profiles.
    pub plan: Plan<'d>,
    begun: Option<BegunDownload<'f, 'd>>,
}

/// A download whose rules are not checked yet.
struct BegunDownload<'f, 'd> {
    /// What was requested.
    selection: Selection<'d>,
    first: FirstAttempt<DownloadResponse>,
    permit: Permit<'f>,
}

/// What Palette serves for a definition now: received and checked, but not yet kept.
pub(crate) struct Fetched {
    /// The temporary file in the cache.
    pub slot: Slot,
    /// The digests and files of the archive.
    pub received: Received,
    /// The entry that a lock would have for it.
    pub locked: LockEntry,
}

impl<'a> Fetcher<'a> {
    /// Finds the key; no connection is opened yet. At most `jobs` definitions are downloaded at
    /// once.
    pub(crate) fn new(
        context: &'a Context<'a>,
        session: &'a Session<'a>,
        jobs: u16,
    ) -> Result<Self, Error> {
        let palette = context.palette(session.manifest, session.endpoint.clone())?;
        session.cache.sweep();
        Ok(Self {
            context,
            session,
            catalogue: Catalogue::new(palette),
            keeping: Mutex::new(()),
            downloads: Semaphore::new(jobs),
        })
    }

    /// Resolves the references of `definition` and checks the rules.
    pub(crate) fn resolve<'d>(
        &self,
        definition: &'d Definition,
        start: DownloadStart,
    ) -> Result<Resolved<'_, 'd>, Error> {
        let report = self.context.report;
        report.status("Resolving", &definition.name);
        let manifest = self.session.manifest;
        let begun = self.begin_expected(definition, start);
        let selection = resolve::select(manifest, definition, &self.catalogue, report)?;
        let begun = match begun {
            Some(begun) if begun.selection.is_same(&selection) => Some(begun),
            // A name has moved: what was requested for it is dropped.
            begun => {
                drop(begun);
                self.begin(&selection, start)
            }
        };
        let (plan, warnings) = resolve::plan(manifest, selection, &self.catalogue, report)?;
        report.warn_all(&warnings);
        self.tell_plan(&plan);
        Ok(Resolved { plan, begun })
    }

    /// Requests what `definition` meant when it was locked, if its lock entry is current.
    fn begin_expected<'d>(
        &self,
        definition: &'d Definition,
        start: DownloadStart,
    ) -> Option<BegunDownload<'_, 'd>> {
        let locked = self.session.lock.definitions.get(&definition.name)?;
        let expected = locked.selection(definition)?;
        self.catalogue.begin(&expected);
        self.begin(&expected, start)
    }

    /// Requests the archive of `selection`, if another download is allowed and there is a thread
    /// for it.
    fn begin<'d>(
        &self,
        selection: &Selection<'d>,
        start: DownloadStart,
    ) -> Option<BegunDownload<'_, 'd>> {
        if start == DownloadStart::AfterRules || !selection.is_unique() {
            return None;
        }
        let permit = self.downloads.try_enter()?;
        let palette = self.catalogue.palette();
        let first = palette.begin_download(&selection.request(), selection.project.as_ref())?;
        Some(BegunDownload {
            selection: selection.clone(),
            first,
            permit,
        })
    }

    /// Downloads and checks the archive.
    pub(crate) fn serve(&self, resolved: Resolved<'_, '_>) -> Result<Fetched, Error> {
        let Resolved { plan, begun } = resolved;
        let (first, _permit) = match begun {
            Some(begun) => (Some(begun.first), begun.permit),
            None => (None, self.downloads.enter()),
        };
        let plan = &plan;
        let report = self.context.report;
        report.status("Fetching", &plan.definition.name);
        let mut slot = self.session.cache.slot()?;
        let manifest = self.session.manifest;
        let limits = &manifest.limits;
        let progress = report.download(&plan.definition.name);
        let (file, path) = slot.file();
        let target = download::DownloadTarget { file, path: &path };
        let palette = self.catalogue.palette();
        let received = download::fetch(palette, plan, first, limits, target, &progress);
        drop(progress);
        let received =
            received.map_err(|error| Error::fetching(manifest, &plan.definition.name, error))?;
        report.warn_all(&received.warnings);
        let locked = LockEntry::new(plan, received.archive);
        Ok(Fetched {
            slot,
            received,
            locked,
        })
    }

    /// Resolves, checks, downloads, verifies and caches `definition`.
    pub(crate) fn fetch(
        &self,
        definition: &Definition,
        pinning: Pinning,
    ) -> Result<LockedArchive, Error> {
        let pinned = match pinning {
            Pinning::Respect => self.session.current(self.context, definition)?,
            Pinning::Renew => None,
        };
        let start = match &pinned {
            // If the profiles have changed, nothing is downloaded; see below.
            Some(pinned) if !self.session.cache.has_entry(pinned) => DownloadStart::AfterRules,
            _ => DownloadStart::Early,
        };
        let resolved = self.resolve(definition, start)?;
        if let Some(pinned) = &pinned {
            let changes = drift::profiles(&pinned.profiles, &resolved.plan.profiles);
            // If the locked archive is at hand, a download is worthwhile, because it tells which
            // files changed.
            if !changes.is_empty() && !self.has_archive_of(definition, pinned)? {
                return Err(drifted(&self.session.lock, definition, changes));
            }
        }
        let served = self.serve(resolved)?;
        if let Some(pinned) = &pinned {
            let changes = self.changes(pinned, &served)?;
            if !changes.is_empty() {
                return Err(drifted(&self.session.lock, definition, changes));
            }
        }
        tell_verified(self.context, definition, &served.received);
        self.keep(definition, pinned, served)
    }

    /// Puts the archive that was served into the cache.
    pub(super) fn keep(
        &self,
        definition: &Definition,
        pinned: Option<LockEntry>,
        served: Fetched,
    ) -> Result<LockedArchive, Error> {
        let before = self.session.lock.definitions.get(&definition.name);
        let changes = match before.filter(|_| pinned.is_none()) {
            Some(before) => self.tell_changes(definition, before, &served)?,
            None => Vec::new(),
        };
        let Fetched {
            slot,
            received,
            mut locked,
        } = served;
        // The cache keeps the archive that was locked, so that what is staged from it keeps its
        // bytes.
        let known = pinned.as_ref().unwrap_or(&locked);
        let _one = lock(&self.keeping);
        let limits = &self.session.manifest.limits;
        let artifact = match self.session.cache.lookup(known, limits)? {
            CacheLookup::Hit(artifact) => {
                locked.sha256 = artifact.identity().sha256;
                locked.size = artifact.identity().size;
                artifact
            }
            CacheLookup::Miss | CacheLookup::Damaged(_) => slot.commit(&received)?,
        };
        Ok(LockedArchive {
            artifact,
            locking: match (&pinned, before) {
                (Some(_), _) => Locking::Done,
                (None, Some(before)) if self.are_lost(before, &locked) => Locking::OtherBytes,
                (None, _) => Locking::Due,
            },
            // An archive with the locked content is the locked definition.
            locked: pinned.unwrap_or(locked),
            origin: ArchiveOrigin::Palette,
            changes,
        })
    }

    /// Returns whether `now` has the content of `before` in other bytes, and the registry says
    /// that it does not have the locked ones. Without a registry, nobody needs the bytes.
    fn are_lost(&self, before: &LockEntry, now: &LockEntry) -> bool {
        if before.content_sha256 != now.content_sha256 || before.sha256 == now.sha256 {
            return false;
        }
        let Ok(Some(registry)) = self.session.registry(self.context) else {
            return false;
        };
        matches!(registry.has(before, self.context.report), Ok(false))
    }

    /// Returns the changes from what is locked to what is served; by file if the locked archive
    /// is in the cache.
    pub(crate) fn changes(
        &self,
        locked: &LockEntry,
        served: &Fetched,
    ) -> Result<Vec<Change>, Error> {
        let mut changes = drift::between(locked, &served.locked);
        if locked.content_sha256 == served.locked.content_sha256 {
            return Ok(changes);
        }
        let Some(old) = self.inspect_locked(locked, archive::NOTHING)? else {
            return Ok(changes);
        };
        changes.retain(|change| *change != Change::Content);
        let profiles: Vec<_> = served
            .locked
            .profiles
            .iter()
            .chain(&locked.profiles)
            .collect();
        changes.extend(drift::files(
            &old.files,
            &served.received.inventory.files,
            &profiles,
        ));
        Ok(changes)
    }

    /// Whether the locked archive is in the cache, where it is pulled from the registry.
    fn has_archive_of(&self, definition: &Definition, locked: &LockEntry) -> Result<bool, Error> {
        let name = &definition.name;
        self.session.pull_if_missing(self.context, name, locked)?;
        let found = self
            .session
            .cache
            .lookup(locked, &self.session.manifest.limits)?;
        Ok(matches!(found, CacheLookup::Hit(_)))
    }

    /// Whether neither the cache nor the registry has an archive for `locked`. A damaged one is
    /// reported when it is read.
    pub(crate) fn lacks_archive_of(
        &self,
        definition: &Definition,
        locked: &LockEntry,
    ) -> Result<bool, Error> {
        let name = &definition.name;
        self.session.pull_if_missing(self.context, name, locked)?;
        let limits = &self.session.manifest.limits;
        let found = self.session.cache.lookup(locked, limits)?;
        Ok(matches!(found, CacheLookup::Miss))
    }

    /// Returns the contents of the locked archive if it is in the cache, with the files that
    /// are `wanted`.
    pub(crate) fn inspect_locked(
        &self,
        locked: &LockEntry,
        wanted: archive::Wanted<'_>,
    ) -> Result<Option<Inventory>, Error> {
        let limits = &self.session.manifest.limits;
        let artifact = match self.session.cache.lookup(locked, limits)? {
            CacheLookup::Hit(artifact) => artifact,
            CacheLookup::Miss => return Ok(None),
            CacheLookup::Damaged(path) => {
                let path = sanitize::path(&path);
                self.context
                    .report
                    .warn(&cache::messages::damaged_and_not_compared(&path));
                return Ok(None);
            }
        };
        match archive::inspect(artifact.open()?, limits, wanted) {
            Ok(inventory) => Ok(Some(inventory)),
            Err(InspectError::Refused(_)) => Ok(None),
            Err(InspectError::Io(error)) => {
                Err(PathError::when("read", artifact.path())(error).into())
            }
        }
    }

    /// Reads files of the served archive again. It was checked while it was received.
    pub(crate) fn inspect_served(
        &self,
        served: &Fetched,
        wanted: archive::Wanted<'_>,
    ) -> Result<Option<Inventory>, Error> {
        let source: &mut dyn Read = &mut served.slot.open()?;
        Ok(archive::inspect(source, &self.session.manifest.limits, wanted).ok())
    }

    /// With `-v`, reports what the definition's references resolved to.
    fn tell_plan(&self, plan: &Plan<'_>) {
        for profile in &plan.profiles {
            self.context.report.detail(&format!(
                "{}@{} is {}, {}",
                sanitize::line(profile.name.as_bytes()),
                sanitize::line(profile.version.as_bytes()),
                profile.uid,
                sanitize::count(profile.packs.len(), "pack"),
            ));
        }
    }

    /// Reports why a lock entry is replaced, and what changes.
    fn tell_changes(
        &self,
        definition: &Definition,
        before: &LockEntry,
        served: &Fetched,
    ) -> Result<Vec<Change>, Error> {
        let report = self.context.report;
        if let Some(why) = before.outdated(definition) {
            report.status("Relocking", &format!("{}: {why}", definition.name));
        }
        let changes = self.changes(before, served)?;
        for change in changes.iter().take(CHANGES_SHOWN) {
            report.status("Changed", &format!("{}: {change}", definition.name));
        }
        if let Some(more) = changes.len().checked_sub(CHANGES_SHOWN).filter(|n| *n > 0) {
            let more = sanitize::count(more, "more change");
            report.status("Changed", &format!("{}: {more}", definition.name));
        }
        Ok(changes)
    }
}

/// Reports an archive that passed the check.
pub(super) fn tell_verified(context: &Context<'_>, definition: &Definition, received: &Received) {
    context.report.status(
        "Verified",
        &format!(
            "{}: {}, {}, content {}",
            definition.name,
            sanitize::size(received.archive.size),
            sanitize::count(received.inventory.files.len(), "file"),
            received.inventory.content_sha256.short(),
        ),
    );
}

fn drifted(lock: &Lockfile, definition: &Definition, changes: Vec<Change>) -> Error {
    Error::Drift {
        definition: definition.name.clone(),
        place: drift::place(lock, &definition.name, &changes),
        changes,
    }
}
