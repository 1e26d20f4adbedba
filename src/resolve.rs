//! From a [`Definition`] to a [`Plan`]: the exact profiles, and the rules that Palette
//! documents for putting them together (facts.md, 1), checked before anything is
//! downloaded.
//!
//! In: a definition, a client. Out: a plan with warnings, or every rule that is broken,
//! in one run. Nothing is downloaded and nothing is written.

use std::sync::Arc;
use std::thread;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::diagnostic::Diagnostic;
use crate::manifest::{Definition, Manifest, PackOverride, Profile, Reference};
use crate::palette::wire::{
    self, ClusterProfile, DefinitionRequest, RequestMetadata, RequestPack, RequestProfile,
    RequestSpec, Speaker,
};
use crate::palette::{Observer, PaletteError};
use crate::util::sanitize;
use crate::util::uid::Uid;

mod catalogue;
mod lookup;
pub(crate) mod messages;
mod offered;
mod rules;
mod scope;

pub use catalogue::Catalogue;
pub use messages::{not_all_profiles_offered, not_all_projects_offered};
pub use offered::{Offered, offered};
pub use rules::INFRASTRUCTURE;
pub use scope::Scope;

/// Exactly what will be asked for.
#[derive(Debug)]
pub struct Plan<'d> {
    /// The definition that asks for it.
    pub definition: &'d Definition,
    /// Where it is asked for.
    pub endpoint: String,
    /// `ProjectUid`; `None` means the tenant's scope.
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

pub use wire::{ADD_ON_LAYER, Pack};

impl ResolvedProfile {
    /// The same in the spellings of today: an earlier run may have written what Palette left
    /// out, or wrote in another way, as it was.
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

/// Why there is no [`Plan`].
#[derive(Debug)]
pub enum ResolveError {
    /// Palette did not answer as it should.
    Palette(PaletteError),
    /// It forbids what is asked in the definition's project.
    Scope(Scope),
    /// `profiles.toml` asks for what does not exist or does not fit together.
    Broken(Vec<Diagnostic>),
    /// Names that lead to no uid.
    Lookup {
        /// Those that do not exist.
        broken: Vec<Diagnostic>,
        /// Those that Palette's lists, which are not complete, do not have.
        incomplete: Vec<Diagnostic>,
    },
}

/// Resolves `definition` and checks the documented rules.
///
/// # Errors
/// [`ResolveError`], with every broken rule at once.
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
            Ok(answer) if Uid::parse(&answer.uid).is_none_or(|other| other != uid) => {
                return Err(ResolveError::Palette(PaletteError::WrongAnswer {
                    call: format!("GET /v1/clusterprofiles/{uid}"),
                    why: "it describes another profile".into(),
                }));
            }
            // A list may be older than the profile: what was reviewed is the name and version.
            Ok(answer) if !is_asked(&answer, profile) => {
                return Err(ResolveError::Palette(PaletteError::Contradiction {
                    call: format!("GET /v1/clusterprofiles/{uid}"),
                    why: format!(
                        "it describes {}@{}, but Palette's list names it {}",
                        sanitize::line(answer.name.as_bytes()),
                        sanitize::line(answer.version.as_bytes()),
                        profile.reference
                    ),
                }));
            }
            Ok(answer) => found.push(rules::Candidate {
                uid,
                profile,
                answer,
            }),
            // In other words than Palette's it is about the call, and not about the profile.
            Err(PaletteError::Rejected { refusal, .. })
                if refusal.status == 404 && refusal.speaker == Speaker::Palette =>
            {
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

/// Whether `answer` has the name and version that `profile` asks for; a uid asks for none.
fn is_asked(answer: &ClusterProfile, profile: &Profile) -> bool {
    match &profile.reference {
        Reference::Uid(_) => true,
        Reference::Version { name, version } => answer.is(name, version),
    }
}

/// Asks for every profile at once; a definition has a handful.
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
                // One after the other, where no more threads can be had.
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
    /// The documented body of the download call, profiles in the file's order.
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
