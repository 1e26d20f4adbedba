//! What one run made, put into a `profiles.lock` that other runs write too.
//!
//! In: the lock as it is on disk now, under its file lock; the lock as it was when this
//! run began; the manifest as it is on disk now. Entries of definitions that this run did
//! not make stay as they are. Where another run changed the same entry meanwhile, or
//! `profiles.toml` no longer asks for what was made, nothing is written for it: an older
//! answer must not replace a newer one, and drift would pass unseen.

use super::{LockEntry, Lockfile};
use crate::manifest::Manifest;

/// What became of a definition while a run worked on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meanwhile {
    /// `profiles.toml` no longer has it.
    Gone,
    /// `profiles.toml` asks for something else under its name.
    Changed,
    /// `profiles.lock` says something else of it.
    Locked,
}

impl Lockfile {
    /// Enters `made` for the definition `name`, which was `base` in the lock when the run
    /// began. `manifest` is what is on disk now; `None` if it cannot be read, as in the
    /// middle of an edit. Says whether the entry changed.
    ///
    /// # Errors
    /// [`Meanwhile`]; then the lock is as it was.
    pub fn enter(
        &mut self,
        name: &str,
        (made, base): (&LockEntry, Option<&LockEntry>),
        manifest: Option<&Manifest>,
    ) -> Result<bool, Meanwhile> {
        let definition = match manifest {
            Some(manifest) => Some(manifest.definitions.get(name).ok_or(Meanwhile::Gone)?),
            None => None,
        };
        if definition.is_some_and(|definition| made.asked_sha256 != definition.asked()) {
            return Err(Meanwhile::Changed);
        }
        let known = self.definitions.get(name);
        if known.is_some_and(|known| known.is_same(made)) {
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
    /// have. One that answers what an unlocked definition asks stays: `rename` writes the
    /// lock first, and may have been killed before it wrote the manifest.
    pub fn prune(&mut self, manifest: &Manifest) {
        let is_gone = |name: &String| !manifest.definitions.contains_key(name);
        if !self.definitions.keys().any(is_gone) {
            return;
        }
        let unlocked: Vec<_> = manifest
            .definitions
            .values()
            .filter(|definition| !self.definitions.contains_key(&definition.name))
            .map(crate::manifest::Definition::asked)
            .collect();
        self.definitions
            .retain(|name, locked| !is_gone(name) || unlocked.contains(&locked.asked_sha256));
    }
}
