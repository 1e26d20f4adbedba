//! Resolves a [`Definition`] to a [`Plan`]: the exact profiles, and the rules that Palette
//! documents for combining them (facts.md, 1), checked before the download.
//!
//! Input: a definition and a client. Output: a plan with warnings, or every broken rule, in a
//! single run. Nothing is downloaded and nothing is written.

use std::sync::Arc;
use std::thread;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::diagnostic::Diagnostic;
use crate::http::Observer;
use crate::manifest::{Definition, Manifest, PackOverride, Reference};
use crate::palette::wire::{
    self, ClusterProfile, DefinitionRequest, RequestMetadata, RequestPack, RequestProfile,
    RequestSpec, Speaker,
};
use crate::palette::{HttpRefusal, PaletteError};
use crate::util::sanitize;
use crate::util::uid::Uid;

mod catalogue;
mod lookup;
pub(crate) mod messages;
mod newer;
mod selectable;
mod rules;
mod scope;

pub use catalogue::Catalogue;
pub use messages::{not_all_profiles_offered, not_all_projects_offered};
pub use newer::{AmbiguousVersion, NewerVersions, VersionLookup, VersionOrder, order};
pub use rules::INFRASTRUCTURE;
pub use scope::Scope;
pub use selectable::{SelectableProfile, selectable_profiles};

/// The exact request for a definition.
#[derive(Debug)]
pub struct Plan<'d> {
    /// The definition.
    pub definition: &'d Definition,
    /// The address of the Palette to ask.
    pub endpoint: String,
    /// The `ProjectUid`; `None` means the tenant scope.
    pub project: Option<Uid>,
    /// The definition's profiles, in its order, as Palette has them now.
    pub profiles: Vec<ResolvedProfile>,
}

/// A published cluster profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Profile")]
pub struct ResolvedProfile {
    /// Uid of the profile; `metadata.uid` in Palette.
    pub uid: Uid,
    /// Name of the profile; `metadata.name`.
    pub name: String,
    /// Version of the profile; `spec.version`.
    pub version: String,
    /// Type of the profile, `spec.published.type`: cluster, infra, add-on or system.
    #[serde(rename = "type")]
    pub kind: String,
    /// Packs of the profile, in Palette's order; `spec.published.packs`.
    #[serde(default)]
    pub packs: Vec<Pack>,
}

pub use wire::{ADD_ON_LAYER, FIRST_VERSION, Pack};

impl ResolvedProfile {
    /// Returns the profile in current spellings: an earlier version may have written an empty
    /// or differently spelled value as Palette sent it.
    #[must_use]
    pub fn normal(mut self) -> Self {
        if self.version.is_empty() {
            wire::FIRST_VERSION.clone_into(&mut self.version);
        }
        self.kind = wire::profile_type(&self.kind);
        for pack in &mut self.packs {
            pack.layer = wire::pack_layer(&pack.layer, &self.kind);
        }
        self
    }
}

/// Why a definition has no [`Plan`].
#[derive(Debug)]
pub enum ResolveError {
    /// The call to Palette failed.
    Palette(PaletteError),
    /// Palette forbids the request in the definition's project.
    Scope(Scope),
    /// `profiles.toml` names things that do not exist or that do not fit together.
    Broken(Vec<Diagnostic>),
    /// Names could not be resolved to uids.
    Lookup {
        /// Names that do not exist.
        broken: Vec<Diagnostic>,
        /// Names that are missing from incomplete lists of Palette.
        incomplete: Vec<Diagnostic>,
    },
}

/// Resolves `definition` and checks the documented rules.
///
/// # Errors
/// Returns [`ResolveError`], with every broken rule at once.
pub fn resolve<'d>(
    manifest: &Manifest,
    definition: &'d Definition,
    catalogue: &Catalogue,
    observer: &dyn Observer,
) -> Result<(Plan<'d>, Vec<Diagnostic>), ResolveError> {
    let lookup = lookup::Lookup {
        source: &manifest.source,
        definition,
        catalogue,
        observer,
    };
    let project = lookup.project()?;
    let uids = lookup.profiles(project.as_ref())?;
    let answers = ask(&uids, project.as_ref(), catalogue, observer);

    let mut broken = Vec::new();
    let mut found = Vec::new();
    for ((uid, profile), answer) in uids.into_iter().zip(&definition.profiles).zip(answers) {
        match answer {
            Ok(answer) => {
                check_answer(&answer, &uid, &profile.reference).map_err(ResolveError::Palette)?;
                found.push(rules::Candidate {
                    uid,
                    profile,
                    answer,
                });
            }
            // An error that is not worded by Palette concerns the call rather than the profile.
            Err(PaletteError::Rejected { refusal, .. }) if is_unknown(&refusal) => {
                broken.push(lookup.unknown_uid(profile, &uid, &refusal));
            }
            Err(error) => return Err(lookup.refused(error)),
        }
    }
    let (rules_broken, warnings) = rules::check(manifest, definition, project.as_ref(), &found);
    broken.extend(rules_broken);
    if !broken.is_empty() {
        return Err(ResolveError::Broken(broken));
    }
    let plan = Plan {
        definition,
        endpoint: catalogue.palette().endpoint().to_string(),
        project,
        profiles: found.into_iter().map(resolved).collect(),
    };
    Ok((plan, warnings))
}

/// Returns whether Palette itself says that it has no such profile.
fn is_unknown(refusal: &HttpRefusal) -> bool {
    refusal.status == 404 && refusal.speaker == Speaker::Palette
}

/// Checks that `answer` is the profile `uid`, with the name and version that `reference`
/// requests. A uid does not request a name or version.
fn check_answer(
    answer: &ClusterProfile,
    uid: &Uid,
    reference: &Reference,
) -> Result<(), PaletteError> {
    let call = || format!("GET /v1/clusterprofiles/{uid}");
    if Uid::parse(&answer.uid).is_none_or(|other| other != *uid) {
        return Err(PaletteError::WrongAnswer {
            call: call(),
            why: "it describes another profile".into(),
        });
    }
    // A list may be older than the profile, but the reviewed name and version must match.
    match reference {
        Reference::Version { name, version } if !answer.is(name, version) => {
            Err(PaletteError::Contradiction {
                call: call(),
                why: format!(
                    "it describes {}@{}, but Palette's list names it {reference}",
                    sanitize::line(answer.name.as_bytes()),
                    sanitize::line(answer.version.as_bytes()),
                ),
            })
        }
        _ => Ok(()),
    }
}

/// Requests all profiles at once; a definition contains only a few.
fn ask(
    uids: &[Uid],
    project: Option<&Uid>,
    catalogue: &Catalogue,
    observer: &dyn Observer,
) -> Vec<Result<Arc<ClusterProfile>, PaletteError>> {
    thread::scope(|scope| {
        let call = |uid| {
            let ask = move || catalogue.profile(uid, project, observer);
            thread::Builder::new().spawn_scoped(scope, ask)
        };
        let calls: Vec<_> = uids.iter().map(call).collect();
        calls
            .into_iter()
            .zip(uids)
            .map(|(call, uid)| match call {
                Ok(call) => call
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
                // If no more threads can be started, the profiles are requested one after the
                // other.
                Err(_) => catalogue.profile(uid, project, observer),
            })
            .collect()
    })
}

fn resolved(candidate: rules::Candidate<'_>) -> ResolvedProfile {
    let answer = candidate.answer;
    let published = answer.published.as_ref();
    ResolvedProfile {
        uid: candidate.uid,
        name: answer.name.clone(),
        version: answer.version.clone(),
        kind: published.map_or_else(String::new, |published| published.kind.clone()),
        packs: published.map_or_else(Vec::new, |published| published.packs.clone()),
    }
}

impl Plan<'_> {
    /// Returns the documented body of the download call, with profiles in the order of the
    /// file.
    #[must_use]
    pub fn request(&self) -> DefinitionRequest<'_> {
        let asked = self.definition.profiles.iter().zip(&self.profiles);
        DefinitionRequest {
            metadata: RequestMetadata {
                name: &self.definition.metadata_name,
            },
            spec: RequestSpec {
                cloud_type: &self.definition.cloud_type,
                profiles: asked
                    .map(|(asked, found)| request(found, &asked.packs))
                    .collect(),
            },
        }
    }
}

fn request<'p>(profile: &'p ResolvedProfile, overrides: &'p [PackOverride]) -> RequestProfile<'p> {
    let packs = overrides.iter().map(|pack| RequestPack {
        name: &pack.name,
        tag: pack.tag.as_deref(),
        values: pack.values.as_deref(),
    });
    RequestProfile {
        uid: profile.uid.as_str(),
        packs: packs.collect(),
    }
}
