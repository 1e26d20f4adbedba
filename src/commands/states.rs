//! How the lock, Palette and a checkout stand to a definition: tokens for JSON, and what
//! tables say.

use schemars::JsonSchema;
use serde::Serialize;

use crate::lockfile::{LockEntry, Lockfile, Outdated};
use crate::manifest::Definition;

/// How the lock stands to a definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum LockState {
    /// The lock entry speaks for the definition.
    Current,
    /// There is no lock entry.
    NotLocked,
    /// The definition was changed in profiles.toml since it was locked.
    OutdatedManifest,
    /// The lock entry was edited by hand, or merged wrongly.
    OutdatedEdited,
}

impl LockState {
    /// The lock entry that speaks for `definition`, and how the lock stands to it.
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
            Some(Outdated::Contradictory) => (None, Self::OutdatedEdited),
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

/// What Palette says to a definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum PaletteState {
    /// It has what is asked for, and no rule is broken.
    Accepted,
    /// It does not have what is asked for, or a rule is broken.
    Rejected,
    /// It refused the key.
    KeyRefused,
    /// It forbids the project.
    Forbidden,
    /// A name is missing from a list that is not complete.
    ListIncomplete,
    /// It could not be reached, or kept failing.
    Unreachable,
    /// It was not asked: there is no key.
    NoKey,
    /// It was not asked: `--offline`.
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
            Self::Unreachable => "not reached",
            Self::NoKey => "not asked: no key",
            Self::Offline => "not asked: offline",
        }
    }
}

/// What a checkout holds, compared with a definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum StagedState {
    /// The definition as it is locked.
    AsLocked,
    /// Nothing yet.
    Nothing,
    /// Another definition of the lock.
    AnotherDefinition,
    /// Something else, or two different files.
    Differs,
    /// There is no checkout.
    NoCheckout,
    /// The checkout cannot be read.
    Unreadable,
}

impl StagedState {
    /// `owner` is the other definition.
    pub(super) fn text(self, owner: Option<&str>) -> String {
        match self {
            Self::AsLocked => "as locked".into(),
            Self::Nothing => "nothing yet".into(),
            Self::AnotherDefinition => format!("holds `{}`", owner.unwrap_or_default()),
            Self::Differs => "differs".into(),
            Self::NoCheckout => "no checkout".into(),
            Self::Unreadable => "unreadable".into(),
        }
    }
}
