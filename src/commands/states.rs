//! The states of the lock, of Palette and of a checkout for a definition: tokens for JSON, and
//! texts for tables.

use schemars::JsonSchema;
use serde::Serialize;

use crate::lockfile::{LockEntry, Lockfile, Outdated};
use crate::manifest::Definition;

/// State of the lock entry of a definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum LockState {
    /// The lock entry matches the definition.
    Current,
    /// There is no lock entry.
    NotLocked,
    /// The definition changed in profiles.toml since it was locked.
    OutdatedManifest,
    /// The lock entry was edited by hand, or merged wrongly.
    OutdatedEdited,
}

impl LockState {
    /// Returns the lock entry if it matches `definition`, and the state of the entry.
    pub(super) fn of<'l>(
        lock: &'l Lockfile,
        definition: &Definition,
    ) -> (Option<&'l LockEntry>, Self) {
        let Some(locked) = lock.definitions.get(&definition.name) else {
            return (None, Self::NotLocked);
        };
        match locked.outdated(definition) {
            None => (Some(locked), Self::Current),
            Some(Outdated::Changed) => (None, Self::OutdatedManifest),
            Some(Outdated::Contradictory | Outdated::OtherArchive) => (None, Self::OutdatedEdited),
        }
    }

    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::NotLocked => "not locked",
            Self::OutdatedManifest => "outdated: profiles.toml changed",
            Self::OutdatedEdited => "outdated: edited by hand",
        }
    }
}

/// Whether Palette accepts a definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum PaletteState {
    /// Palette has the requested profiles and packs, and no rule is broken.
    Accepted,
    /// Palette does not have a requested profile or pack, or a rule is broken.
    Rejected,
    /// Palette refused the key.
    KeyRefused,
    /// Palette does not allow access to the project.
    Forbidden,
    /// A name is missing from an incomplete list.
    ListIncomplete,
    /// Palette could not be reached, or kept failing.
    Unreachable,
    /// edgestage did not ask Palette: there is no key.
    NoKey,
    /// edgestage did not ask Palette: `--offline`.
    Offline,
}

impl PaletteState {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Accepted => "accepts it",
            Self::Rejected => "rejects it",
            Self::KeyRefused => "refused the key",
            Self::Forbidden => "forbids it",
            Self::ListIncomplete => "does not list it",
            Self::Unreachable => "unreachable",
            Self::NoKey => "not asked: no key",
            Self::Offline => "not asked: offline",
        }
    }
}

/// Whether the registry has the locked archive of a definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RegistryState {
    /// The registry has the archive.
    Has,
    /// The registry does not have the archive.
    Lacks,
    /// The registry refused the credentials, or requires some.
    Refused,
    /// The registry could not be reached, kept failing, or answered wrongly.
    Unreachable,
    /// The definition has no current lock entry, so there is nothing to look for.
    NotLocked,
    /// edgestage did not ask the registry: `--offline`.
    Offline,
    /// profiles.toml names no registry.
    None,
}

impl RegistryState {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Has => "has it",
            Self::Lacks => "lacks it",
            Self::Refused => "refused the credentials",
            Self::Unreachable => "unreachable",
            Self::NotLocked => "not asked: not locked",
            Self::Offline => "not asked: offline",
            Self::None => "none",
        }
    }
}

/// State of a checkout, compared with a definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum StagedState {
    /// The checkout has the definition as it is locked.
    AsLocked,
    /// Nothing is staged.
    Nothing,
    /// The checkout has another definition of the lock.
    AnotherDefinition,
    /// The checkout has something else, or two different files.
    Differs,
    /// The checkout does not exist.
    NoCheckout,
    /// The checkout cannot be read.
    Unreadable,
}

impl StagedState {
    /// Returns the text for a table. `owner` is the other definition.
    pub(super) fn text(self, owner: Option<&str>) -> String {
        match self {
            Self::AsLocked => "as locked".into(),
            Self::Nothing => "nothing yet".into(),
            Self::AnotherDefinition => format!("contains `{}`", owner.unwrap_or_default()),
            Self::Differs => "differs".into(),
            Self::NoCheckout => "no checkout".into(),
            Self::Unreadable => "unreadable".into(),
        }
    }
}
