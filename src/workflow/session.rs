//! The files that a run works with: the manifest, its lock, the cache.
//!
//! The order in which things are written is the order in which they depend on each
//! other: the archive into the cache, then the lock that names it, then (in `stage`)
//! the placements. Killed in between, a run leaves a cached archive without a lock
//! entry, which the next run fetches again and finds to be there; or a lock whose
//! archive is cached, which needs no network; or one placement of two, which the next
//! run completes. Nothing is ever written that names something not there yet.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use schemars::JsonSchema;
use serde::Serialize;

use super::ignored_lockfile::warn_of_ignored_lock;
use crate::cache::{self, Artifact, Cache, CacheLookup};
use crate::cli::{LockfileUse, Network};
use crate::drift;
use crate::error::Error;
use crate::lockfile::{LockEntry, Lockfile, Meanwhile, Outdated};
use crate::manifest::{Definition, Manifest};
use crate::palette::PaletteError;
use crate::util::endpoint::Endpoint;
use crate::util::sanitize;
use crate::workflow::context::{Context, load_lockfile, outdated};

/// Where an archive came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ArchiveOrigin {
    /// The cache, without a connection.
    Cache,
    /// Palette.
    Palette,
}

/// Whether what was obtained is to be locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Locking {
    /// The lock has it.
    Done,
    /// It is new.
    Due,
}

/// A definition's archive, and what its lock says, or is to say.
#[derive(Debug)]
pub(crate) struct LockedArchive {
    /// The archive, in the cache.
    pub artifact: Artifact,
    /// What is locked, or is to be.
    pub locked: LockEntry,
    /// Whether it is to be.
    pub locking: Locking,
    /// Where it came from.
    pub origin: ArchiveOrigin,
    /// What the lock said before, where this run renewed it.
    pub changes: Vec<drift::Change>,
}

/// A change as it appears in a JSON document: its parts, and the whole as text.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "Change")]
pub(crate) struct Reported {
    #[serde(flatten)]
    change: drift::Change,
    /// The change as text.
    text: String,
}

impl Reported {
    /// The change itself.
    pub(crate) fn change(&self) -> &drift::Change {
        &self.change
    }
}

/// Changes for a JSON document.
pub(crate) fn reported(changes: &[drift::Change]) -> Vec<Reported> {
    let told = |change: &drift::Change| Reported {
        text: change.to_string(),
        change: change.clone(),
    };
    changes.iter().map(told).collect()
}

/// The files that one run works with.
pub(crate) struct Session<'a> {
    /// `profiles.toml`.
    pub manifest: &'a Manifest,
    /// `profiles.lock`, as it was when the run began.
    pub lock: Lockfile,
    /// This run's copy of the file, from the first time that it writes it.
    writing: Mutex<Option<Lockfile>>,
    /// The cache.
    pub cache: Cache,
    /// Where Palette is.
    pub endpoint: Endpoint,
}

impl<'a> Session<'a> {
    /// The lock and cache of `manifest`.
    pub(crate) fn open(context: &Context<'_>, manifest: &'a Manifest) -> Result<Self, Error> {
        Ok(Self {
            manifest,
            lock: load_lockfile(manifest)?,
            writing: Mutex::new(None),
            cache: context.cache(Some(manifest))?,
            endpoint: context.endpoint(manifest)?,
        })
    }

    /// The same with the lock as it is now: another run may have written it.
    pub(crate) fn again(&self, context: &Context<'_>) -> Result<Self, Error> {
        Self::open(context, self.manifest)
    }

    /// The lock entry that still speaks for `definition`.
    ///
    /// # Errors
    /// With `--locked`, where there is none.
    pub(crate) fn current(
        &self,
        context: &Context<'_>,
        definition: &Definition,
    ) -> Result<Option<LockEntry>, Error> {
        match crate::workflow::context::current(&self.lock, definition) {
            Ok(locked) => Ok(Some(locked.clone())),
            Err(error) if context.settings.lock == LockfileUse::MustMatch => Err(error),
            Err(_) => Ok(None),
        }
    }

    /// The archive of `locked` from the cache. A damaged entry is reported, and an error
    /// only where it cannot be replaced.
    pub(crate) fn cached(
        &self,
        context: &Context<'_>,
        definition: &Definition,
        locked: &LockEntry,
    ) -> Result<Option<LockedArchive>, Error> {
        match self.cache.lookup(locked, &self.manifest.limits)? {
            CacheLookup::Hit(artifact) if artifact.contradicts(locked) => Err(outdated(
                &self.lock,
                &definition.name,
                Outdated::OtherArchive,
            )),
            CacheLookup::Hit(artifact) => Ok(Some(LockedArchive {
                artifact,
                locked: locked.clone(),
                locking: Locking::Done,
                origin: ArchiveOrigin::Cache,
                changes: Vec::new(),
            })),
            CacheLookup::Miss => Ok(None),
            CacheLookup::Damaged(path) => {
                let path = sanitize::path(&path);
                if context.settings.network == Network::Off {
                    return Err(Error::CacheDamaged(path));
                }
                context
                    .report
                    .warn(&cache::messages::damaged_and_fetched_again(&path));
                Ok(None)
            }
        }
    }

    /// What `--offline` can give: the locked archive from the cache.
    pub(crate) fn offline(
        &self,
        context: &Context<'_>,
        definition: &Definition,
    ) -> Result<LockedArchive, Error> {
        let lacks = |lacks| Error::Offline {
            definition: definition.name.clone(),
            lacks,
        };
        let Some(locked) = self.current(context, definition)? else {
            let known = self.lock.definitions.contains_key(&definition.name);
            return Err(lacks(if known {
                "has changed since it was locked"
            } else {
                "is not locked yet"
            }));
        };
        self.cached(context, definition, &locked)?
            .ok_or_else(|| lacks("is not in the cache"))
    }

    /// Locks what is due, in one write. Entries that this run did not make stay as another
    /// run may have written them meanwhile; those of definitions that are gone from
    /// `profiles.toml`, as it is now, go too.
    ///
    /// # Errors
    /// A lock that cannot be read or written; then nothing of it changed.
    pub(crate) fn write_lock<'o>(
        &self,
        context: &Context<'_>,
        obtained: impl IntoIterator<Item = (&'o str, &'o LockedArchive)>,
    ) -> Result<LockWrite, Error> {
        let mut written = LockWrite::default();
        let due: Vec<_> = obtained
            .into_iter()
            .filter(|(_, obtained)| obtained.locking == Locking::Due)
            .collect();
        // Whatever happens, `--locked` never writes.
        if due.is_empty() || context.settings.lock == LockfileUse::MustMatch {
            return Ok(written);
        }
        // The lock is for version control, and names in it are Palette's.
        if due
            .iter()
            .any(|(name, due)| context.report.holds_key(&due.locked.to_toml(name)))
        {
            return Err(Error::Palette(PaletteError::WrongAnswer {
                call: "GET /v1/clusterprofiles".into(),
                why: "the API key is a name in it".into(),
            }));
        }
        let mut writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let lock = writing.get_or_insert_with(|| self.lock.clone());
        // Another run may have written both files since they were read.
        let _held = context.lock_lockfile(&self.manifest.path)?;
        lock.refresh()?;
        // In the middle of an edit it may be anything: nothing is concluded from that.
        let manifest = context.manifest().ok();
        for (name, obtained) in due {
            let base = self.lock.definitions.get(name);
            match lock.enter(name, (&obtained.locked, base), manifest.as_ref()) {
                Ok(true) => drop(written.changed.insert(name.to_owned())),
                Ok(false) => {}
                Err(how) => drop(
                    written
                        .refused
                        .insert(name.to_owned(), meanwhile(name, how)),
                ),
            }
        }
        if let Some(manifest) = &manifest {
            lock.prune(manifest);
        }
        let is_due = lock.exists() || !written.changed.is_empty();
        if is_due && lock.save()? && !written.changed.is_empty() {
            let what = match written.changed.len() {
                1 => written.changed.first().cloned().unwrap_or_default(),
                n => sanitize::count(n, "definition"),
            };
            let place = sanitize::path(lock.path());
            context
                .report
                .status("Locked", &format!("{what} in {place}"));
            warn_of_ignored_lock(context, lock.path());
        }
        Ok(written)
    }

    /// Whether the lock on disk still has `locked` for the definition `name`: what another
    /// run has locked meanwhile must not be replaced in a checkout by what was locked before.
    ///
    /// # Errors
    /// [`Error::ChangedMeanwhile`] if it has not, and a lock that cannot be read.
    pub(crate) fn still_locked(&self, name: &str, locked: &LockEntry) -> Result<(), Error> {
        let now = load_lockfile(self.manifest)?;
        match now.definitions.get(name) {
            Some(entry) if entry.is_same(locked) => Ok(()),
            _ => Err(meanwhile(name, Meanwhile::Locked)),
        }
    }
}

/// What became of the entries that a run made.
#[derive(Debug, Default)]
pub(crate) struct LockWrite {
    /// The definitions whose entries changed.
    pub changed: BTreeSet<String>,
    /// Those for which nothing was written, and why.
    pub refused: BTreeMap<String, Error>,
}

fn meanwhile(name: &str, how: Meanwhile) -> Error {
    Error::ChangedMeanwhile {
        definition: name.to_owned(),
        how,
    }
}
