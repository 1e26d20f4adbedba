//! What is said of each error: what is wrong, what was found, what to do.

use super::Error;
use crate::canvos::CanvosError;
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::ManifestError;

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
mod rehearsal;

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
use rehearsal::rehearsal;

impl Error {
    /// The error in words, one diagnostic for each thing that is wrong.
    #[must_use]
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        match self {
            Self::Usage(diagnostic) => vec![(**diagnostic).clone()],
            Self::Manifest(ManifestError::Invalid(list))
            | Self::Broken(list)
            | Self::ListIncomplete(list)
            | Self::Canvos(CanvosError::Trapped(list)) => list.clone(),
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

    /// What it is about, for scripts: the code that all of its diagnostics have, else one
    /// that stands for several.
    #[must_use]
    pub fn code(&self) -> Code {
        let diagnostics = self.diagnostics();
        let mut codes = diagnostics.iter().map(|diagnostic| diagnostic.code);
        let first = codes.next().unwrap_or(Code::Several);
        if codes.all(|code| code == first) {
            return first;
        }
        match self {
            Self::Manifest(_) => Code::InvalidManifest,
            Self::Broken(_) => Code::RulesBroken,
            Self::Canvos(_) => Code::Trapped,
            _ => Code::Several,
        }
    }

    fn words(&self) -> Diagnostic {
        match self {
            Self::Manifest(error) => manifest(error),
            Self::NameNeeded(known) => name_needed(known),
            Self::UnknownDefinition { name, known } => unknown_definition(name, known),
            Self::PlainHttp(endpoint) => plain_http(endpoint),
            Self::Lockfile(error) => lock(error),
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
            Self::Rehearsal(error) => rehearsal(error),
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
            Self::Staged {
                what,
                help,
                code,
                cause,
            } => Diagnostic::error(*code, what.clone())
                .help(help.clone())
                .caused_by(*cause),
            Self::Disk(error) => disk(error),
            Self::NoCache => no_cache(),
            Self::Exists(files) => exists(files),
            Self::Stopped => stopped(),
            Self::Unasked(why) => unasked(why),
            Self::NothingOffered { project, seen } => nothing_offered(project.as_deref(), *seen),
            // Those above in `diagnostics` have words of their own.
            Self::Usage(_) | Self::Broken(_) | Self::ListIncomplete(_) | Self::Several(_) => {
                Diagnostic::error(Code::InvalidManifest, "failed")
            }
        }
    }
}
