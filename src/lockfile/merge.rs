//! Merges the result of a run into a `profiles.lock` that other runs write, too.
//!
//! Input: the lock on disk now, under its file lock; the lock as it was when this run began;
//! the manifest on disk now. Entries of definitions that this run did not fetch stay unchanged.
//! If another run changed the same entry meanwhile, or if `profiles.toml` no longer matches the
//! result, nothing is written for that entry: an older result must not replace a newer one, and
//! drift would pass unnoticed.

use super::{LockEntry, Lockfile};
use crate::manifest::Manifest;

/// How a definition changed while a run worked on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meanwhile {
    /// `profiles.toml` no longer contains the definition.
    Gone,
    /// The definition was changed in `profiles.toml`.
    Changed,
    /// The entry in `profiles.lock` was changed.
    Locked,
}

/// What becomes of an entry if the archive at hand has the locked content in other bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SameContent {
    /// The entry stays, since it locks the same definition.
    Keeps,
    /// The entry gets the digest of the archive at hand, since the locked bytes cannot be had.
    Replaces,
}

impl LockEntry {
    /// Returns whether this entry has other bytes than `known`, and they are to be locked.
    fn replaces(&self, known: &Self, bytes: SameContent) -> bool {
        bytes == SameContent::Replaces && self.sha256 != known.sha256
    }
}

impl Lockfile {
    /// Enters `made` for the definition `name`, whose entry was `base` when the run began.
    /// `manifest` is the one on disk now, or `None` if it cannot be read, for example during an
    /// edit. `bytes` says what becomes of an entry whose archive has the same content. Returns
    /// whether the entry changed.
    ///
    /// # Errors
    /// Returns [`Meanwhile`] and leaves the lock unchanged if another run or an edit
    /// interfered.
    pub fn enter(
        &mut self,
        name: &str,
        made: &LockEntry,
        base: Option<&LockEntry>,
        manifest: Option<&Manifest>,
        bytes: SameContent,
    ) -> Result<bool, Meanwhile> {
        let definition = match manifest {
            Some(manifest) => Some(manifest.definitions.get(name).ok_or(Meanwhile::Gone)?),
            None => None,
        };
        if definition.is_some_and(|definition| made.asked_sha256 != definition.asked()) {
            return Err(Meanwhile::Changed);
        }
        let known = self.definitions.get(name);
        if known.is_some_and(|known| known.is_same(made) && !made.replaces(known, bytes)) {
            return Ok(false);
        }
        let by_another = known.filter(|known| base != Some(*known));
        let speaks = |known: &LockEntry| match definition {
            Some(definition) => known.outdated(definition).is_none(),
            None => true,
        };
        if by_another.is_some_and(speaks) {
            return Err(Meanwhile::Locked);
        }
        self.definitions.insert(name.to_owned(), made.clone());
        Ok(true)
    }

    /// Removes the entries of definitions that `manifest`, which is on disk now, does not
    /// contain. An entry that matches a definition without an entry stays: `rename` writes the
    /// lock first, and may have been killed before it wrote the manifest.
    pub fn prune(&mut self, manifest: &Manifest) {
        let is_gone = |name: &&str| !manifest.definitions.contains_key(name);
        let gone: Vec<String> = self
            .definitions
            .keys()
            .filter(is_gone)
            .map(str::to_owned)
            .collect();
        // An entry is not removed from the lock on account of a file with mistakes.
        if gone.is_empty() || manifest.definitions.require_all().is_err() {
            return;
        }
        let unlocked: Vec<_> = manifest
            .definitions
            .values()
            .filter(|definition| !self.definitions.contains_key(&definition.name))
            .map(crate::manifest::Definition::asked)
            .collect();
        for name in gone {
            let locked = self.definitions.get(&name);
            if !locked.is_some_and(|locked| unlocked.contains(&locked.asked_sha256)) {
                self.definitions.remove(&name);
            }
        }
    }
}
