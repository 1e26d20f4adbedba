//! The files that a run works with: the manifest, its lock, and the cache.
//!
//! Files are written in the order in which they depend on each other: the archive into the
//! cache, then the lock that names it, then (in `stage`) the placements. A run that is killed
//! in between leaves a cached archive without a lock entry, which the next run fetches again
//! and finds in the cache; or a lock whose archive is cached, which needs no network; or one
//! placement of two, which the next run completes. Nothing that is written ever names something
//! that does not exist yet.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use schemars::JsonSchema;
use serde::Serialize;

use super::ignored_lockfile::warn_of_ignored_lock;
use crate::cache::{self, Artifact, Cache, CacheLookup};
use crate::cli::{LockfileUse, Network};
use crate::download::DownloadTarget;
use crate::drift;
use crate::error::{Error, Exit};
use crate::lockfile::{LockEntry, Lockfile, Meanwhile, Outdated, SameContent};
use crate::manifest::{Definition, Manifest};
use crate::palette::PaletteError;
use crate::registry::{Access, PullError, Registry, RegistryError};
use crate::ui::TransferKind;
use crate::util::endpoint::Endpoint;
use crate::util::sanitize;
use crate::util::sync::lock;
use crate::workflow::context::{Context, load_lockfile, outdated};

/// Where an archive came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ArchiveOrigin {
    /// The cache, without a connection.
    Cache,
    /// The team's registry.
    Registry,
    /// Palette.
    Palette,
    /// A file that the user named.
    File,
}

impl ArchiveOrigin {
    /// Returns the source in words.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Cache => "the cache",
            Self::Registry => "the registry",
            Self::Palette => "Palette",
            Self::File => "the file",
        }
    }
}

/// What the team's registry has for a lock entry.
#[derive(Debug)]
pub(crate) enum FromRegistry {
    /// The archive, which is in the cache now.
    Archive(Box<LockedArchive>),
    /// Nothing, for this reason: the registry lacks the archive or cannot be reached.
    Absent(RegistryError),
    /// There is no registry, or `--offline` forbids to ask it.
    NotAsked,
}

/// Whether an archive still has to be locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Locking {
    /// The lock has the archive.
    Done,
    /// The archive is new.
    Due,
    /// The archive has the locked content in other bytes, and nobody has the locked bytes.
    OtherBytes,
}

/// A definition's archive, with its present or future lock entry.
#[derive(Debug)]
pub(crate) struct LockedArchive {
    /// The archive in the cache.
    pub artifact: Artifact,
    /// The present or future lock entry.
    pub locked: LockEntry,
    /// Whether the entry still has to be written.
    pub locking: Locking,
    /// The source of the archive.
    pub origin: ArchiveOrigin,
    /// The changes from the previous lock entry, if this run renewed it.
    pub changes: Vec<drift::Change>,
}

/// A change in the form of the JSON documents: its parts, and the whole as text.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "Change")]
pub(crate) struct Reported {
    #[serde(flatten)]
    change: drift::Change,
    /// The change as text.
    text: String,
}

impl Reported {
    /// Returns the change itself.
    pub(crate) fn change(&self) -> &drift::Change {
        &self.change
    }
}

/// Returns changes in the form of the JSON documents.
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
    /// This run's copy of the lock, from the first time that it is written.
    writing: Mutex<Option<Lockfile>>,
    /// The cache.
    pub cache: Cache,
    /// The endpoint of Palette.
    pub endpoint: Endpoint,
    /// The client of the registry, from the first time that it is needed.
    registry: Mutex<Option<Arc<Registry>>>,
}

impl<'a> Session<'a> {
    /// Opens the lock and the cache of `manifest`.
    pub(crate) fn open(context: &Context<'_>, manifest: &'a Manifest) -> Result<Self, Error> {
        Ok(Self {
            registry: Mutex::default(),
            manifest,
            lock: context.lockfile(manifest)?,
            writing: Mutex::new(None),
            cache: context.cache(Some(manifest))?,
            endpoint: context.endpoint(manifest)?,
        })
    }

    /// Opens the same files again: another run may have written the lock.
    pub(crate) fn again(&self, context: &Context<'_>) -> Result<Self, Error> {
        Self::open(context, self.manifest)
    }

    /// Returns the lock entry if it matches `definition`.
    ///
    /// # Errors
    /// Fails with `--locked` if there is no such entry.
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

    /// Returns the archive of `locked` from the cache. A damaged archive is a warning, and an
    /// error only if it cannot be replaced.
    pub(crate) fn cached(
        &self,
        context: &Context<'_>,
        definition: &Definition,
        locked: &LockEntry,
    ) -> Result<Option<LockedArchive>, Error> {
        match self.cache.lookup(locked, &self.manifest.limits)? {
            CacheLookup::Hit(artifact) if !locked.describes(artifact.contents()) => Err(outdated(
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

    /// Returns the client of the registry, if the manifest names one and it may be asked.
    pub(crate) fn registry(&self, context: &Context<'_>) -> Result<Option<Arc<Registry>>, Error> {
        if context.settings.network == Network::Off {
            return Ok(None);
        }
        let mut registry = lock(&self.registry);
        if registry.is_none() {
            *registry = context.registry(self.manifest, Access::Pull)?.map(Arc::new);
        }
        Ok(registry.clone())
    }

    /// Pulls the archive of `locked` from the registry into the cache.
    ///
    /// # Errors
    /// Fails if the registry refuses the credentials or serves other bytes. If it lacks the
    /// archive or cannot be reached, that is not an error here.
    pub(crate) fn pull(
        &self,
        context: &Context<'_>,
        name: &str,
        locked: &LockEntry,
    ) -> Result<FromRegistry, Error> {
        let Some(registry) = self.registry(context)? else {
            return Ok(FromRegistry::NotAsked);
        };
        let report = context.report;
        report.status("Pulling", &format!("{name} from {}", registry.repository()));
        let mut slot = self.cache.slot()?;
        let (file, path) = slot.file();
        let target = DownloadTarget { file, path: &path };
        let progress = report.transfer(name, TransferKind::Pull);
        let received = registry.pull(locked, &self.manifest.limits, target, &progress);
        drop(progress);
        let received = match received {
            Ok(received) => received,
            Err(PullError::Registry(error)) if error.is_absence() => {
                return Ok(FromRegistry::Absent(error));
            }
            Err(error) => return Err(Error::pulling(name, error)),
        };
        // The digest is the locked one, so the entry itself is wrong if it describes another.
        if !locked.describes(&received.inventory.contents()) {
            return Err(outdated(&self.lock, name, Outdated::OtherArchive));
        }
        report.status(
            "Verified",
            &format!(
                "{name}: {}, {}, content {}",
                sanitize::size(received.archive.size),
                sanitize::count(received.inventory.files.len(), "file"),
                received.inventory.content_sha256.short(),
            ),
        );
        Ok(FromRegistry::Archive(Box::new(LockedArchive {
            artifact: slot.commit(&received)?,
            locked: locked.clone(),
            locking: Locking::Done,
            origin: ArchiveOrigin::Registry,
            changes: Vec::new(),
        })))
    }

    /// Pulls the archive of `locked` into the cache if it is not there, for a command that also
    /// works without it: a registry that does not serve it is a warning. Wrong bytes are an
    /// error.
    pub(crate) fn pull_if_missing(
        &self,
        context: &Context<'_>,
        name: &str,
        locked: &LockEntry,
    ) -> Result<(), Error> {
        if let CacheLookup::Hit(_) = self.cache.lookup(locked, &self.manifest.limits)? {
            return Ok(());
        }
        let warn = |error: &Error| {
            for warning in error.warnings() {
                context.report.warn(&warning);
            }
        };
        match self.pull(context, name, locked) {
            Ok(FromRegistry::Archive(_) | FromRegistry::NotAsked) => Ok(()),
            Ok(FromRegistry::Absent(error)) => {
                warn(&error.into());
                Ok(())
            }
            Err(error) if error.exit() == Exit::Key => {
                warn(&error);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Returns what is possible with `--offline`: the locked archive from the cache.
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

    /// Locks what is due, in one write. Entries that this run did not make are kept as another
    /// run may have written them meanwhile. Entries of definitions that are no longer in
    /// `profiles.toml` are removed.
    ///
    /// # Errors
    /// Fails if the lock cannot be read or written; it is unchanged then.
    pub(crate) fn write_lock<'o>(
        &self,
        context: &Context<'_>,
        obtained: impl IntoIterator<Item = (&'o str, &'o LockedArchive)>,
    ) -> Result<LockWrite, Error> {
        let mut written = LockWrite::default();
        let due: Vec<_> = obtained
            .into_iter()
            .filter(|(_, obtained)| obtained.locking != Locking::Done)
            .collect();
        // Whatever happens, `--locked` never writes.
        if due.is_empty() || context.settings.lock == LockfileUse::MustMatch {
            return Ok(written);
        }
        // The lock is meant for version control, and names in it come from Palette.
        if due
            .iter()
            .any(|(name, due)| context.report.holds_key(&due.locked.to_toml(name)))
        {
            return Err(Error::Palette(PaletteError::WrongAnswer {
                call: "GET /v1/clusterprofiles".into(),
                why: "the API key is a name in it".into(),
            }));
        }
        let mut writing = lock(&self.writing);
        let lock = writing.get_or_insert_with(|| self.lock.clone());
        // Another run may have written both files since they were read.
        let _held = context.lock_lockfile(&self.manifest.path)?;
        lock.refresh()?;
        // In the middle of an edit, the file may have any contents: nothing is concluded from
        // that.
        let manifest = context.manifest().ok();
        for (name, obtained) in due {
            let base = self.lock.definitions.get(name);
            let bytes = match obtained.locking {
                Locking::OtherBytes => SameContent::Replaces,
                Locking::Due | Locking::Done => SameContent::Keeps,
            };
            match lock.enter(name, &obtained.locked, base, manifest.as_ref(), bytes) {
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

    /// Returns the lock on disk, which must still have `locked` for the definition `name`: what
    /// another run has locked meanwhile must not be replaced in a checkout by what was locked
    /// before.
    ///
    /// # Errors
    /// Returns [`Error::ChangedMeanwhile`] if it does not, and an error if the lock cannot be
    /// read.
    pub(crate) fn still_locked(
        &self,
        name: &str,
        locked: &LockEntry,
    ) -> Result<Cow<'_, Lockfile>, Error> {
        let now = if self.lock.is_on_disk() {
            Cow::Borrowed(&self.lock)
        } else {
            Cow::Owned(load_lockfile(self.manifest)?)
        };
        match now.definitions.get(name) {
            Some(entry) if entry.is_same(locked) => Ok(now),
            _ => Err(meanwhile(name, Meanwhile::Locked)),
        }
    }
}

/// Returns the error for an archive that the registry of `manifest` lacks.
pub(crate) fn lacks(manifest: &Manifest, locked: &LockEntry) -> RegistryError {
    let table = manifest.registry.as_ref();
    RegistryError::Lacks {
        repository: table.map_or_else(String::new, |table| table.repository.to_string()),
        sha256: locked.sha256,
    }
}

/// What happened to the entries that a run made.
#[derive(Debug, Default)]
pub(crate) struct LockWrite {
    /// The definitions whose entries changed.
    pub changed: BTreeSet<String>,
    /// The definitions for which nothing was written, and why.
    pub refused: BTreeMap<String, Error>,
}

fn meanwhile(name: &str, how: Meanwhile) -> Error {
    Error::ChangedMeanwhile {
        definition: name.to_owned(),
        how,
    }
}
