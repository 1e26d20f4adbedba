//! Messages about errors: what is wrong, what was found, what to do. The stages contain the
//! messages of their own errors; this module contains those of a run as a whole.

use super::Error;
use crate::api_key;
use crate::archive;
use crate::bundle;
use crate::cache;
use crate::canvos::{self, CanvosError};
use crate::diagnostic::{self, Code, Diagnostic, Severity};
use crate::drift;
use crate::edge_host;
use crate::host_password;
use crate::lockfile;
use crate::manifest::ManifestError;
use crate::palette;
use crate::registry;
use crate::resolve;
use crate::signing;

mod init;
mod manifest;
mod run;

use init::{exists, nothing_offered, stopped, unasked};
use manifest::{manifest, name_needed, unknown_definition};
use run::{busy, newer_versions, offline};

impl Error {
    /// Returns the messages as warnings, for an error that does not end the run.
    pub(crate) fn warnings(&self) -> impl Iterator<Item = Diagnostic> {
        self.diagnostics().into_iter().map(|told| Diagnostic {
            severity: Severity::Warning,
            ..told
        })
    }

    /// Returns the messages, one for each thing that is wrong.
    #[must_use]
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        match self {
            Self::Usage(diagnostic) | Self::Staged(diagnostic) => vec![(**diagnostic).clone()],
            Self::Manifest(ManifestError::Invalid(list))
            | Self::Broken(list)
            | Self::ListIncomplete(list)
            | Self::Canvos(CanvosError::Trapped(list)) => list.clone(),
            Self::Several(errors) => {
                let mut all: Vec<Diagnostic> = Vec::new();
                for diagnostic in errors.iter().flat_map(Self::diagnostics) {
                    // A refused key is refused for every definition.
                    if !all.iter().any(|told| told.says_the_same(&diagnostic)) {
                        all.push(diagnostic);
                    }
                }
                all
            }
            one => vec![one.words()],
        }
    }

    /// Returns the code for scripts: that of all diagnostics if they agree, otherwise a code
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
            Self::PlainHttp(endpoint) => palette::messages::plain_http(endpoint),
            Self::Lockfile(error) => lockfile::messages::error(error),
            Self::NoLock { path, definition } => lockfile::messages::no_lock(path, definition),
            Self::NotLocked(name) => lockfile::messages::not_locked(name),
            Self::Outdated {
                definition,
                why,
                place,
            } => lockfile::messages::outdated(definition, *why).within(place.as_ref()),
            Self::ChangedMeanwhile { definition, how } => {
                lockfile::messages::changed_meanwhile(definition, *how)
            }
            Self::Key(error) => api_key::messages::error(error),
            Self::Palette(error) => palette::messages::error(error),
            Self::Registry(error) => registry::messages::error(error),
            Self::Signing(error) => signing::messages::error(error),
            Self::Host { host, error } => edge_host::messages::error(host, error),
            Self::HostPassword(error) => host_password::messages::error(error),
            Self::NoSource {
                definition,
                registry,
                palette,
            } => {
                let palette = palette.diagnostics();
                let why = palette.first().map_or("", |told| told.title.as_str());
                registry::messages::no_source(definition, registry, why)
            }
            Self::NotTheLockedBytes {
                definition,
                locked,
                found,
            } => registry::messages::not_the_locked_bytes(
                definition,
                &locked.to_string(),
                &found.to_string(),
            ),
            Self::Scope(refused) => resolve::messages::scope(refused),
            Self::Archive { of, refusal } => archive::messages::refused(of, refusal),
            Self::Bundle { file, refusal } => bundle::messages::refused(file, refusal),
            Self::NewerVersions { profiles, upgrade } => newer_versions(profiles, *upgrade),
            Self::Offline { definition, lacks } => offline(definition, lacks),
            Self::CacheDamaged(path) => cache::messages::damaged_offline(path),
            Self::Drift {
                definition,
                changes,
                place,
            } => drift::messages::drift(definition, changes).within(place.as_ref()),
            Self::Build(error) => canvos::build::messages::error(error),
            Self::Rehearsal(error) => canvos::rehearsal::messages::error(error),
            Self::Busy {
                what,
                holder,
                waited,
            } => busy(what, holder, *waited),
            Self::SharedCheckout {
                definitions,
                checkout,
            } => canvos::messages::shared_checkout(definitions, checkout),
            Self::Canvos(error) => canvos::messages::error(error),
            Self::Disk(error) => diagnostic::messages::disk(error),
            Self::NoCache => cache::messages::no_cache(),
            Self::Exists(files) => exists(files),
            Self::Stopped => stopped(),
            Self::Unasked(why) => unasked(why),
            Self::NothingOffered { project, seen } => nothing_offered(project.as_deref(), *seen),
            // `diagnostics` handles these before.
            Self::Usage(_)
            | Self::Staged(_)
            | Self::Broken(_)
            | Self::ListIncomplete(_)
            | Self::Several(_) => Diagnostic::error(Code::InvalidManifest, "failed"),
        }
    }
}
