//! T35: the public key for signatures that each target would embed.
//!
//! `EDGE_CUSTOM_CONFIG` names a YAML file, which the Earthfile copies as silently as
//! `CLUSTERCONFIG`: what is not found is skipped, and the host accepts unsigned uploads. The
//! value is resolved as that of `CLUSTERCONFIG` is, and the file that arrives is read.

use std::path::Path;

use super::arg::{self, EDGE_CUSTOM_CONFIG};
use super::bash::Value;
use super::copy::{self, Copied, Failure, Missed};
use super::earthfile::{EdgeConfigCopy, Recipe, Runs};
use super::ignore::Ignore;
use super::messages::signing_key as messages;
use super::{Finding, Preflight, Target};
use crate::diagnostic::Diagnostic;
use crate::signing::edge_config::{self, NoEdgeKey};
use crate::signing::{KeyFault, PublicKey};
use crate::util::files;
use crate::util::sanitize;

/// The custom configuration in the overlay, which ISO targets copy as it is.
const IN_OVERLAY: &str = "overlay/files-iso/.edge_custom_config.yaml";
/// The value in CanvOS's template of `.arg`.
const OF_TEMPLATE: &str = ".edge-custom-config.yaml";
/// The maximum size of a custom configuration, in bytes.
const LARGEST: u64 = 1 << 20;

/// What a target would embed as the custom configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
enum EdgeConfig {
    /// Nothing: no copy finds anything. Contains why the last one does not.
    Nothing(Option<Missed>),
    /// Nothing: the target has no such copy.
    NotCopied,
    /// Nothing: the overlay is lost.
    OverlayDropped,
    /// Nothing: the script of `+maas-image` has no value.
    NotSetForMaas,
    /// Nothing: the script of `+maas-image` finds no file.
    NoFileForMaas,
    /// A directory or a special file of this kind.
    NotAFile(String, &'static str),
    /// An empty file in place of this one.
    Unreadable(String),
    /// The build fails.
    Fails(Failure),
    /// The build fails, or copies what a target has made.
    Artifact,
    /// It cannot be determined.
    Unclear,
    /// This file; other files may have matched, too.
    File {
        /// The path, relative to the checkout; it may be absolute for the MAAS script.
        path: String,
        /// Whether other files matched.
        is_one_of_several: bool,
    },
}

impl Preflight<'_> {
    /// Returns the targets that would embed no public key, or another one than `expected`, and
    /// why. Without an expected key, these are warnings, and only if something is set.
    #[must_use]
    pub fn signing_key_findings(&self, expected: Option<&PublicKey>) -> Vec<Finding> {
        // What a build that ends at once would have embedded is not known.
        if self.invocation.failure.is_some() {
            return Vec::new();
        }
        let mut outcomes: Vec<(EdgeConfig, Vec<Target>)> = Vec::new();
        for target in Target::ALL {
            let Some(found) = self.edge_config(target) else {
                continue;
            };
            match outcomes.iter_mut().find(|(known, _)| *known == found) {
                Some((_, targets)) => targets.push(target),
                None => outcomes.push((found, vec![target])),
            }
        }
        let outcomes = outcomes.into_iter();
        let findings = outcomes.map(|(found, targets)| self.judge(&found, targets, expected));
        findings.flatten().collect()
    }

    /// Returns what `target` would embed; `None` if it carries no custom configuration.
    fn edge_config(&self, target: Target) -> Option<EdgeConfig> {
        match target {
            // Only MAAS's second step adds one.
            Target::KairosRawImage => None,
            Target::MaasImage => self.earthfile.maas.then(|| self.edge_config_of_maas()),
            _ => Some(self.edge_config_of(self.recipe(target)?)),
        }
    }

    /// Applies the copies of a recipe, of which a later one replaces the file of an earlier one.
    fn edge_config_of(&self, recipe: &Recipe) -> EdgeConfig {
        // The ignore rules have findings of their own.
        let Some(ignore) = self.ignore.as_ref().filter(|rules| rules.error().is_none()) else {
            return EdgeConfig::Unclear;
        };
        if recipe.drops_overlay.is_some() {
            return EdgeConfig::OverlayDropped;
        }
        let is_iso = recipe
            .copies
            .iter()
            .any(|copy| copy.source == super::earthfile::Source::Overlay && copy.runs == Runs::Yes);
        let mut found = match self.in_overlay(ignore) {
            Some(path) if is_iso => EdgeConfig::File {
                path,
                is_one_of_several: false,
            },
            _ => EdgeConfig::NotCopied,
        };
        for copy in recipe.edge_configs.iter().filter(|c| c.runs != Runs::No) {
            let after = self.after_edge_config(copy, &found, ignore);
            found = match copy.runs {
                _ if after == found => found,
                Runs::Yes => after,
                _ => EdgeConfig::Unclear,
            };
        }
        match found {
            EdgeConfig::NotCopied if recipe.unresolved => EdgeConfig::Unclear,
            found => found,
        }
    }

    /// Returns what the image holds after one copy.
    fn after_edge_config(
        &self,
        copy: &EdgeConfigCopy,
        before: &EdgeConfig,
        ignore: &Ignore,
    ) -> EdgeConfig {
        let Some(value) = &copy.source else {
            return EdgeConfig::Unclear;
        };
        match copy::resolve(value, self.directory, ignore, &[]) {
            Copied::File { path, replaced } => EdgeConfig::File {
                path,
                is_one_of_several: !replaced.is_empty(),
            },
            Copied::Empty { path, .. } => EdgeConfig::Unreadable(path),
            Copied::Nothing(missed) if copy.if_exists => match before {
                EdgeConfig::NotCopied | EdgeConfig::Nothing(_) => EdgeConfig::Nothing(Some(missed)),
                before => before.clone(),
            },
            Copied::Nothing(missed) => EdgeConfig::Fails(Failure::NotThere(missed)),
            Copied::NotAFile { path, kind } => EdgeConfig::NotAFile(path, kind),
            Copied::Artifact => EdgeConfig::Artifact,
            Copied::Fails(failure) => EdgeConfig::Fails(failure),
            Copied::Unclear => EdgeConfig::Unclear,
        }
    }

    fn in_overlay(&self, ignore: &Ignore) -> Option<String> {
        let file = self.directory.join(IN_OVERLAY);
        let is_sent = file.symlink_metadata().is_ok_and(|file| file.is_file())
            && ignore.hides(IN_OVERLAY).is_none();
        is_sent.then(|| IN_OVERLAY.to_owned())
    }

    /// Returns what `+maas-image` would embed: bash's value, of which the script tests whether
    /// it is a file.
    fn edge_config_of_maas(&self) -> EdgeConfig {
        let variable = self.invocation.shell_variable(EDGE_CUSTOM_CONFIG);
        match variable.map(|variable| &variable.value) {
            Some(Value::Unknown) => EdgeConfig::Unclear,
            Some(Value::Set(value)) if value.is_empty() => EdgeConfig::NotSetForMaas,
            Some(Value::Set(value)) if self.directory.join(value).is_file() => EdgeConfig::File {
                path: value.clone(),
                is_one_of_several: false,
            },
            Some(Value::Set(_)) => EdgeConfig::NoFileForMaas,
            Some(Value::Unset) | None => EdgeConfig::NotSetForMaas,
        }
    }

    fn judge(
        &self,
        found: &EdgeConfig,
        targets: Vec<Target>,
        expected: Option<&PublicKey>,
    ) -> Option<Finding> {
        let is_maas = targets == [Target::MaasImage];
        let set = self.invocation.argument(EDGE_CUSTOM_CONFIG);
        let in_bash = self.invocation.shell_variable(EDGE_CUSTOM_CONFIG);
        let in_bash = match in_bash.map(|variable| &variable.value) {
            Some(Value::Set(value)) => Some(value.as_str()),
            _ => None,
        };
        let is_set = if is_maas {
            in_bash.is_some()
        } else {
            set.is_some()
        };
        let value = if is_maas {
            in_bash
        } else {
            set.map(|(value, _)| value)
        };
        let shown = arg::shown(value.unwrap_or_default());
        let told = match found {
            EdgeConfig::File {
                path,
                is_one_of_several,
            } => {
                let judged = self.judge_file(path, expected, is_set);
                match judged {
                    // Whoever has the image has the key then, whatever is expected.
                    Some((diagnostic, true)) => {
                        return Some(Finding {
                            hits: targets,
                            diagnostic,
                        });
                    }
                    Some((diagnostic, false)) => diagnostic,
                    None if *is_one_of_several => messages::several(&shown, path),
                    None => return None,
                }
            }
            _ if !is_set && expected.is_none() => return None,
            // CanvOS's template of `.arg` names a file that nobody has who does not sign.
            EdgeConfig::Nothing(Some(Missed::Absent)) | EdgeConfig::NoFileForMaas
                if expected.is_none() && value == Some(OF_TEMPLATE) && self.similar().is_none() =>
            {
                return None;
            }
            EdgeConfig::Nothing(Some(Missed::Unset)) => messages::empty_value(),
            EdgeConfig::Nothing(missed) => {
                let shown = match value {
                    Some(_) => shown,
                    None => self.default_shown(&targets),
                };
                let missed = missed.as_ref().unwrap_or(&Missed::Absent);
                messages::missed(missed, &shown, self.similar().as_deref())
            }
            EdgeConfig::NotCopied => messages::not_copied(),
            EdgeConfig::OverlayDropped => messages::overlay_dropped(),
            EdgeConfig::NotSetForMaas => messages::not_set_for_maas(),
            EdgeConfig::NoFileForMaas => messages::no_file_for_maas(&shown),
            EdgeConfig::NotAFile(path, _) if path.is_empty() => messages::empty_value(),
            EdgeConfig::NotAFile(path, kind) => messages::not_a_file(path, kind),
            EdgeConfig::Unreadable(path) => messages::unreadable(path),
            EdgeConfig::Fails(failure) => messages::failed(failure, &shown),
            EdgeConfig::Artifact => messages::artifact(&shown),
            EdgeConfig::Unclear => messages::unclear(),
        };
        let names_value = !is_maas
            && !matches!(
                found,
                EdgeConfig::NotCopied | EdgeConfig::OverlayDropped | EdgeConfig::Unclear
            );
        let told = if names_value {
            messages::with_origin(told, set.map(|(_, origin)| origin))
        } else {
            told
        };
        Some(Finding {
            hits: if expected.is_some() {
                targets
            } else {
                Vec::new()
            },
            diagnostic: told,
        })
    }

    /// Returns a file of the checkout whose name is one of the spellings of the custom
    /// configuration in the vendor's texts.
    fn similar(&self) -> Option<String> {
        let is_one = |name: &String| {
            let letters = name.chars().filter(char::is_ascii_alphanumeric);
            let letters: String = letters.collect::<String>().to_ascii_lowercase();
            letters == "edgecustomconfigyaml" && self.directory.join(name).is_file()
        };
        let names = super::checks::names_in(self.directory).unwrap_or_default();
        names.into_iter().find(is_one)
    }

    /// Returns the Earthfile's default, for a message.
    fn default_shown(&self, targets: &[Target]) -> String {
        let recipe = targets.first().and_then(|target| self.recipe(*target));
        let mut sources = recipe.into_iter().flat_map(|recipe| &recipe.edge_configs);
        let source = sources.find_map(|copy| copy.source.as_deref());
        arg::shown(source.unwrap_or_default())
    }

    /// Judges the file that arrives. Returns what is wrong, and whether it is wrong whatever is
    /// expected.
    fn judge_file(
        &self,
        path: &str,
        expected: Option<&PublicKey>,
        is_set: bool,
    ) -> Option<(Diagnostic, bool)> {
        let shown = sanitize::line(path.as_bytes());
        let bytes = match files::read(&self.directory.join(Path::new(path)), LARGEST) {
            Ok(bytes) => bytes,
            Err(error) => {
                return Some((messages::unread(&shown, &sanitize::io(&error)), false));
            }
        };
        match (edge_config::public_key(&bytes), expected) {
            (Err(NoEdgeKey::Fault(KeyFault::Private)), _) => {
                Some((messages::private_key(&shown), true))
            }
            // Without `[signing]`, the file may have another purpose.
            (Err(NoEdgeKey::Missing), None) if !is_set => None,
            (Err(why), _) => Some((messages::no_key(&shown, why), false)),
            (Ok(key), Some(expected)) if key != *expected => {
                Some((messages::another_key(&shown, expected, &key), false))
            }
            (Ok(_), _) => None,
        }
    }
}
