//! What is said of each error: what is wrong, what was found, what to do.

use super::Error;
use crate::canvos::CanvosError;
use crate::diagnostic::Diagnostic;
use crate::manifest::ManifestError;
use crate::topic::Topic;

mod archive;
mod build;
mod busy;
mod canvos;
mod disk;
mod drift;
mod init;
mod key;
mod lock;
mod manifest;
mod palette;

use archive::archive;
use build::build;
use busy::{busy, shared_checkout};
use canvos::canvos;
use disk::{cache_damaged, disk, exists, no_cache};
use drift::drift;
use init::{nothing_offered, stopped, unasked};
use key::key;
use lock::{changed_meanwhile, lock, no_lock, not_locked, outdated};
use manifest::{manifest, name_needed, unknown_definition};
use palette::{offline, palette, plain_http, scope};

impl Error {
    /// The error in words, one diagnostic for each thing that is wrong.
    #[must_use]
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        let told = |told: &Diagnostic| told.clone().about_else(self.topic());
        match self {
            Self::Usage(diagnostic) => vec![told(diagnostic)],
            Self::Manifest(ManifestError::Invalid(list))
            | Self::Broken(list)
            | Self::ListIncomplete(list)
            | Self::Canvos(CanvosError::Trapped(list)) => list.iter().map(told).collect(),
            Self::Several(errors) => {
                let mut all: Vec<Diagnostic> = Vec::new();
                for diagnostic in errors.iter().flat_map(Self::diagnostics) {
                    // A key that is refused is refused for every definition.
                    if !all.iter().any(|told| told.says_the_same(&diagnostic)) {
                        all.push(diagnostic);
                    }
                }
                all
            }
            one => vec![one.words()],
        }
    }

    /// A stable name for scripts.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Usage(_) | Self::NameNeeded(_) | Self::UnknownDefinition { .. } => "usage",
            Self::Manifest(_) => "manifest",
            Self::PlainHttp(_) => "plain-http",
            Self::Lock(_) => "lock",
            Self::NoLock { .. } | Self::NotLocked(_) => "not-locked",
            Self::Outdated { .. } => "outdated",
            Self::ChangedMeanwhile { .. } => "changed-meanwhile",
            Self::Key(_) => "key",
            Self::Palette(_) | Self::Scope(_) => "palette",
            Self::Broken(_) => "rules",
            Self::ListIncomplete(_) => "list-incomplete",
            Self::Archive { .. } => "archive",
            Self::Offline { .. } => "offline",
            Self::CacheDamaged(_) | Self::Canvos(CanvosError::Changed(_)) => "cache",
            Self::Drift { .. } => "drift",
            Self::Canvos(CanvosError::Trapped(_)) => "trap",
            Self::Canvos(_) => "canvos",
            Self::Staged { .. } => "staged",
            Self::Disk(_) | Self::NoCache => "disk",
            Self::Exists(_) => "exists",
            Self::Stopped | Self::Unasked(_) => "unanswered",
            Self::NothingOffered { .. } => "nothing-offered",
            Self::Build(_) => "build",
            Self::Busy { .. } => "busy",
            Self::SharedCheckout { .. } => "shared-checkout",
            Self::Several(_) => "several",
        }
    }

    fn words(&self) -> Diagnostic {
        match self {
            Self::Manifest(error) => manifest(error),
            Self::NameNeeded(known) => name_needed(known),
            Self::UnknownDefinition { name, known } => unknown_definition(name, known),
            Self::PlainHttp(endpoint) => plain_http(endpoint),
            Self::Lock(error) => lock(error),
            Self::NoLock { path, definition } => no_lock(path, definition),
            Self::NotLocked(name) => not_locked(name),
            Self::Outdated {
                definition,
                why,
                place,
            } => outdated(definition, *why).within(place.as_ref()),
            Self::ChangedMeanwhile { definition, how } => changed_meanwhile(definition, *how),
            Self::Key(error) => key(error),
            Self::Palette(error) => palette(error),
            Self::Scope(refused) => scope(refused),
            Self::Archive { of, refusal } => archive(of, refusal),
            Self::Offline { definition, lacks } => offline(definition, lacks),
            Self::CacheDamaged(path) => cache_damaged(path),
            Self::Drift {
                definition,
                changes,
                place,
            } => drift(definition, changes).within(place.as_ref()),
            Self::Build(error) => build(error),
            Self::Busy {
                what,
                holder,
                waited,
            } => busy(what, holder, *waited),
            Self::SharedCheckout {
                definitions,
                checkout,
            } => shared_checkout(definitions, checkout),
            Self::Canvos(error) => canvos(error),
            Self::Staged { what, help, see } => {
                let told = Diagnostic::error(what.clone()).help(help.clone());
                Diagnostic {
                    see: Some(see),
                    ..told
                }
            }
            Self::Disk(error) => disk(error),
            Self::NoCache => no_cache(),
            Self::Exists(files) => exists(files),
            Self::Stopped => stopped(),
            Self::Unasked(why) => unasked(why),
            Self::NothingOffered { project, seen } => nothing_offered(project.as_deref(), *seen),
            // Those above in `diagnostics` have words of their own.
            Self::Usage(_) | Self::Broken(_) | Self::ListIncomplete(_) | Self::Several(_) => {
                Diagnostic::error("failed")
            }
        }
    }

    /// What an error is about that is told by others: the words of the stages name the
    /// finer topics.
    fn topic(&self) -> Topic {
        match self {
            Self::Manifest(_) => Topic::Manifest,
            Self::Broken(_) => Topic::Rules,
            Self::ListIncomplete(_) => Topic::ListIncomplete,
            Self::Canvos(_) => Topic::Canvos,
            _ => Topic::CommandLine,
        }
    }
}
