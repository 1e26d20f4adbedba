//! From a definition to its proven archive: the part that `fetch`, `stage` and `update`
//! share.
//!
//! The order in which things are written is the order in which they depend on each
//! other: the archive into the cache, then the lock that names it, then (in `stage`)
//! the placements. Killed in between, a run leaves a cache without a lock entry, which
//! is fetched again, or a lock whose archive is cached, which needs no network.

use std::fs::File;
use std::path::Path;

use serde::Serialize;

use super::{Context, load_lock};
use crate::cache::{Artifact, Cache, Lookup};
use crate::cli::{LockUse, Network};
use crate::diagnostic::Diagnostic;
use crate::drift;
use crate::error::Error;
use crate::fetch::{self, Progress as _};
use crate::lock::{Lock, Locked};
use crate::manifest::{Definition, Manifest};
use crate::palette::Palette;
use crate::printable;
use crate::resolve::{self, Plan};

/// What the lock is to a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pinning {
    /// Palette must still serve what is locked.
    Respect,
    /// What Palette serves is locked anew.
    Renew,
}

/// Where an archive came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// The cache, without a connection.
    Cache,
    /// Palette.
    Palette,
}

/// A definition's archive, and what its lock says.
#[derive(Debug)]
pub struct Obtained {
    /// The archive, in the cache.
    pub artifact: Artifact,
    /// What is locked now.
    pub locked: Locked,
    /// Where it came from.
    pub origin: Origin,
    /// Whether the lock file was written.
    pub lock_written: bool,
    /// What the lock said before, where this run renewed it.
    pub changes: Vec<drift::Change>,
}

impl Obtained {
    /// What needed no connection.
    pub fn cached(artifact: Artifact, locked: Locked) -> Self {
        Self {
            artifact,
            locked,
            origin: Origin::Cache,
            lock_written: false,
            changes: Vec::new(),
        }
    }

    /// The changes as text.
    pub fn changes_shown(&self) -> Vec<String> {
        self.changes.iter().map(ToString::to_string).collect()
    }
}

/// The files that one run works with.
pub struct Store<'a> {
    /// `profiles.toml`.
    pub manifest: &'a Manifest,
    /// `profiles.lock`.
    pub lock: Lock,
    /// The cache.
    pub cache: Cache,
}

impl<'a> Store<'a> {
    /// The lock and cache of `manifest`.
    pub fn open(context: &Context<'_>, manifest: &'a Manifest) -> Result<Self, Error> {
        Ok(Self {
            manifest,
            lock: load_lock(manifest)?,
            cache: context.cache(manifest)?,
        })
    }

    /// The lock entry that still speaks for `definition`.
    ///
    /// # Errors
    /// With `--locked`, where there is none.
    pub fn current(
        &self,
        context: &Context<'_>,
        definition: &Definition,
    ) -> Result<Option<Locked>, Error> {
        let endpoint = context.endpoint(self.manifest)?.to_string();
        match super::current(&self.lock, definition, &endpoint) {
            Ok(locked) => Ok(Some(locked.clone())),
            Err(error) if context.settings.lock == LockUse::MustMatch => Err(error),
            Err(_) => Ok(None),
        }
    }

    /// The archive of `locked` from the cache. A damaged entry is reported, and an error
    /// only where it cannot be replaced.
    pub fn cached(
        &self,
        context: &Context<'_>,
        locked: &Locked,
    ) -> Result<Option<Artifact>, Error> {
        match self.cache.lookup(locked, &self.manifest.limits)? {
            Lookup::Hit(artifact) => Ok(Some(artifact)),
            Lookup::Miss => Ok(None),
            Lookup::Damaged(path) => {
                let path = printable::path(&path);
                if context.settings.network == Network::Off {
                    return Err(Error::CacheDamaged(path));
                }
                context.report.warn(
                    &Diagnostic::warning(format!("the cached archive `{path}` is damaged"))
                        .note("it is fetched again"),
                );
                Ok(None)
            }
        }
    }

    /// Resolves, checks, downloads, verifies, caches and locks `definition`.
    pub fn fetch(
        &mut self,
        context: &Context<'_>,
        definition: &Definition,
        pinning: Pinning,
    ) -> Result<Obtained, Error> {
        let before = self.lock.definitions.get(&definition.name).cloned();
        let pinned = match pinning {
            Pinning::Respect => self.current(context, definition)?,
            Pinning::Renew => None,
        };
        let palette = self.connect(context)?;
        context.report.status("Resolving", &definition.name);
        let (plan, warnings) =
            resolve::resolve(self.manifest, definition, &palette, context.report)?;
        context.report.warn_all(&warnings);
        tell_plan(context, &plan);
        if let Some(pinned) = &pinned {
            no_drift(&plan, drift::profiles(&pinned.profiles, &profiles(&plan)))?;
        }
        let (artifact, locked) = self.download(context, &palette, &plan, pinned.as_ref())?;
        let changes = match before.filter(|_| pinned.is_none()) {
            Some(before) => tell_changes(context, definition, &before, &locked),
            None => Vec::new(),
        };
        let lock_written = pinned.is_none() && self.write_lock(context, definition, &locked)?;
        Ok(Obtained {
            artifact,
            // An archive with the locked content is the locked definition.
            locked: pinned.unwrap_or(locked),
            origin: Origin::Palette,
            lock_written,
            changes,
        })
    }

    fn connect(&self, context: &Context<'_>) -> Result<Palette, Error> {
        let endpoint = context.endpoint(self.manifest)?;
        context.palette(self.manifest, endpoint)
    }

    fn download(
        &self,
        context: &Context<'_>,
        palette: &Palette,
        plan: &Plan,
        pinned: Option<&Locked>,
    ) -> Result<(Artifact, Locked), Error> {
        context.report.status("Fetching", &plan.definition);
        let mut slot = self.cache.slot()?;
        let (file, path) = slot.file();
        let received = fetch::fetch(
            palette,
            plan,
            &self.manifest.limits,
            (file, &path),
            context.report,
        );
        context.report.ends();
        let received = received.map_err(|error| Error::fetching(&plan.definition, error))?;
        context.report.warn_all(&received.warnings);
        let mut locked = Locked::new(plan, &received);
        if let Some(pinned) = pinned {
            no_drift(plan, drift::between(pinned, &locked))?;
        }
        context.report.status(
            "Verified",
            &format!(
                "{}: {}, {}, content {}",
                plan.definition,
                printable::size(received.size),
                printable::count(received.inventory.files.len(), "file"),
                received.inventory.content_sha256.short(),
            ),
        );
        // The archive that was locked stays the cache's, so that what is staged from it
        // keeps its bytes.
        let known = pinned.unwrap_or(&locked);
        if let Lookup::Hit(artifact) = self.cache.lookup(known, &self.manifest.limits)? {
            locked.sha256 = artifact.sha256();
            locked.size = artifact.size();
            return Ok((artifact, locked));
        }
        Ok((slot.commit(&received)?, locked))
    }

    /// Locks `locked`. Entries of definitions that are gone from `profiles.toml` go too.
    fn write_lock(
        &mut self,
        context: &Context<'_>,
        definition: &Definition,
        locked: &Locked,
    ) -> Result<bool, Error> {
        if context.settings.lock == LockUse::MustMatch {
            return Ok(false);
        }
        // Another run may have locked another definition since the lock was read.
        let _held = hold(&self.manifest.path);
        self.lock = Lock::load(self.lock.path())?;
        let unchanged = self
            .lock
            .definitions
            .get(&definition.name)
            .is_some_and(|old| {
                let mut same = old.clone();
                same.sha256 = locked.sha256;
                same.size = locked.size;
                same == *locked
            });
        if !unchanged {
            self.lock
                .definitions
                .insert(definition.name.clone(), locked.clone());
        }
        let known = &self.manifest.definitions;
        self.lock
            .definitions
            .retain(|name, _| known.contains_key(name));
        let written = self.lock.save()?;
        if written {
            context.report.status(
                "Locked",
                &format!(
                    "{} in {}",
                    definition.name,
                    printable::path(self.lock.path())
                ),
            );
        }
        Ok(written)
    }
}

/// What the definition's references turned out to be, with `-v`.
fn tell_plan(context: &Context<'_>, plan: &Plan) {
    for planned in &plan.profiles {
        let profile = &planned.profile;
        context.report.detail(&format!(
            "{}@{} is {}, {}",
            printable::line(profile.name.as_bytes()),
            printable::line(profile.version.as_bytes()),
            profile.uid,
            printable::count(profile.packs.len(), "pack"),
        ));
    }
}

/// Why an entry of the lock is replaced, and what that changes.
fn tell_changes(
    context: &Context<'_>,
    definition: &Definition,
    before: &Locked,
    after: &Locked,
) -> Vec<drift::Change> {
    if let Some(why) = before.outdated(definition, &after.endpoint) {
        context
            .report
            .status("Relocking", &format!("{}: {why}", definition.name));
    }
    let changes = drift::between(before, after);
    for change in &changes {
        context.report.status("Changed", &change.to_string());
    }
    changes
}

/// Runs that share a lock write it one after the other. Where the file system has no
/// locks, each still writes a whole file.
fn hold(manifest: &Path) -> Option<File> {
    let file = File::open(manifest).ok()?;
    file.lock().ok()?;
    Some(file)
}

fn profiles(plan: &Plan) -> Vec<resolve::ResolvedProfile> {
    plan.profiles
        .iter()
        .map(|planned| planned.profile.clone())
        .collect()
}

fn no_drift(plan: &Plan, changes: Vec<drift::Change>) -> Result<(), Error> {
    if changes.is_empty() {
        return Ok(());
    }
    Err(Error::Drift {
        definition: plan.definition.clone(),
        changes,
    })
}
