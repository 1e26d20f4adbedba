//! Names to uids, as Palette has them.
//!
//! A list that is shorter than its own count is not proof that a name is not there: then that
//! is said, and never that there is no such name.

use std::sync::Arc;

use super::catalogue::Known;
use super::{Catalogue, ResolveError, Scope};
use crate::diagnostic::{Code, Diagnostic, Source};
use crate::manifest::{Definition, Profile, Project, Reference};
use crate::palette::wire::{Gap, ProfileMetadata};
use crate::palette::{Observer, OddField, PaletteError, Refusal};
use crate::util::sanitize;
use crate::util::suggest::{nearest, nearest_version, numbers};
use crate::util::uid::Uid;

/// Looks up what one definition names.
pub(super) struct Lookup<'a> {
    pub source: &'a Arc<Source>,
    pub definition: &'a Definition,
    pub catalogue: &'a Catalogue,
    pub observer: &'a dyn Observer,
}

/// Why a name leads to no uid.
enum Missing {
    /// There is none, or more than one.
    Broken(Diagnostic),
    /// Palette does not show all that it has.
    Incomplete(Diagnostic),
    /// What Palette answers cannot be used.
    Palette(PaletteError),
}

impl Lookup<'_> {
    /// The uid of the definition's project.
    pub(super) fn project(&self) -> Result<Option<Uid>, ResolveError> {
        let definition = self.definition;
        let uid = match definition.project_asked() {
            None => return Ok(None),
            Some(Project::Uid(uid)) => uid,
            Some(Project::Name(name)) => self.project_named(&name)?,
        };
        // A project given by name can be compared with the URLs only now.
        if let Some(url) = definition.url_project.as_ref().filter(|url| **url != uid) {
            return Err(broken(
                Diagnostic::error(
                    Code::ProjectMismatch,
                    format!("`{}` has profiles of another project", definition.name),
                )
                .at(self.source, definition.span.clone(), "")
                .note(format!(
                    "its `project` is `{uid}`, its console URLs name `{url}`"
                ))
                .help("remove `project`, or the profiles of the other project"),
            ));
        }
        Ok(Some(uid))
    }

    fn project_named(&self, name: &str) -> Result<Uid, ResolveError> {
        const CALL: &str = "GET /v1/dashboard/projects/metadata";
        let ask = |name| {
            self.catalogue
                .projects(name, self.observer)
                .map_err(|error| self.refused(error))
        };
        // Lists are compared for equality here, whatever the server's filter matched.
        let answer = ask(Some(name))?;
        let named = answer.items.iter().filter(|project| project.name == name);
        let uids = uids(named.map(|project| &project.uid))
            .map_err(|field| ResolveError::Palette(odd(CALL, field)))?;
        let shown = sanitize::line(name.as_bytes());
        match &uids[..] {
            [uid] => Ok(uid.clone()),
            [] => {
                let all = ask(None)?;
                let known = all.items.iter().map(|project| project.name.as_str());
                let near = nearest(name, known).map(|near| sanitize::line(near.as_bytes()));
                let help = match near {
                    Some(near) => format!("check `project`: did you mean `{near}`?"),
                    None => "check `project`: it may be the project's uid, too, which the \
                         console's URLs have: `…/projects/<uid>/…`"
                        .into(),
                };
                let Some(gap) = all.gap().or_else(|| answer.gap()) else {
                    return Err(broken(
                        self.at_project(
                            Code::ProjectNotFound,
                            format!("Palette has no project `{shown}`"),
                        )
                        .note("or the API key is not a member of it")
                        .help(help),
                    ));
                };
                let told = self.at_project(
                    Code::ListIncomplete,
                    format!("Palette does not list project `{shown}`"),
                );
                Err(ResolveError::Lookup {
                    broken: Vec::new(),
                    incomplete: vec![incomplete(told, &gap).help(help)],
                })
            }
            several => Err(broken(
                self.at_project(
                    Code::AmbiguousProject,
                    format!("several projects are called `{shown}`"),
                )
                .note(format!("their uids: {}", join(several)))
                .help("name the project by its uid"),
            )),
        }
    }

    /// The uid of every profile, in the file's order.
    pub(super) fn profiles(&self, project: Option<&Uid>) -> Result<Vec<Uid>, ResolveError> {
        let by_name = |profile: &Profile| matches!(profile.reference, Reference::Version { .. });
        let known = if self.definition.profiles.iter().any(by_name) {
            let answer = self.catalogue.profiles(project, self.observer);
            Some(answer.map_err(|error| self.refused(error))?)
        } else {
            None
        };
        let mut uids = Vec::new();
        let (mut broken, mut incomplete) = (Vec::new(), Vec::new());
        for profile in &self.definition.profiles {
            match (&profile.reference, &known) {
                (Reference::Uid(uid), _) => uids.push(uid.clone()),
                (Reference::Version { name, version }, Some(known)) => {
                    let asked = Asked {
                        profile,
                        name,
                        version,
                        known,
                        project,
                    };
                    match self.versioned(&asked) {
                        Ok(uid) => uids.push(uid),
                        Err(Missing::Broken(told)) => broken.push(told),
                        Err(Missing::Incomplete(told)) => incomplete.push(told),
                        Err(Missing::Palette(error)) => return Err(self.refused(error)),
                    }
                }
                // It was asked for above.
                (Reference::Version { .. }, None) => {}
            }
        }
        if broken.is_empty() && incomplete.is_empty() {
            Ok(uids)
        } else {
            Err(ResolveError::Lookup { broken, incomplete })
        }
    }

    fn versioned(&self, asked: &Asked<'_>) -> Result<Uid, Missing> {
        const CALL: &str = "GET /v1/dashboard/clusterprofiles/metadata";
        let named = asked.named();
        let is_asked = |p: &&&ProfileMetadata| p.version.as_deref() == Ok(asked.version);
        let found = named.iter().filter(is_asked);
        let uids = uids(found.map(|profile| &profile.uid))
            .map_err(|field| Missing::Palette(odd(CALL, field)))?;
        match &uids[..] {
            [uid] => return Ok(uid.clone()),
            [] => {}
            several => {
                let reference = &asked.profile.reference;
                return Err(Missing::Broken(
                    Diagnostic::error(
                        Code::AmbiguousProfile,
                        format!("several profiles are `{reference}`"),
                    )
                    .at(self.source, asked.profile.span.clone(), "ambiguous")
                    .note(format!(
                        "their uids: {} (a project's and the tenant's may be called the same)",
                        join(several)
                    ))
                    .help("name the one that you mean by its uid"),
                ));
            }
        }
        // Any of these may be the one that is asked for.
        if let Some(field) = named.iter().find_map(|p| p.version.as_ref().err()) {
            return Err(Missing::Palette(odd(CALL, field.clone())));
        }
        let refused = match &asked.known.failed {
            // The list is no less incomplete for that.
            Some(
                PaletteError::Rejected { refusal, .. } | PaletteError::Forbidden { refusal, .. },
            ) => Some(refusal),
            Some(error) => return Err(Missing::Palette(error.clone())),
            None => None,
        };
        let told = |code: Code, title: &str| {
            let label = if named.is_empty() {
                "no such name"
            } else {
                "no such version"
            };
            let title = format!("{title} `{}`", asked.profile.reference);
            Diagnostic::error(code, title).at(self.source, asked.profile.span.clone(), label)
        };
        let detail = |told| {
            if named.is_empty() {
                asked.no_name(told)
            } else {
                asked.no_version(told, &named)
            }
        };
        Err(match &asked.known.gap {
            None => Missing::Broken(detail(told(
                Code::ProfileNotFound,
                "Palette has no profile",
            ))),
            Some(gap) => {
                let told = incomplete(
                    told(Code::ListIncomplete, "Palette does not list profile"),
                    gap,
                );
                let told = match refused {
                    Some(refusal) => told.note(format!(
                        "{} was asked for the rest, and answered {refusal}",
                        refusal.call
                    )),
                    None => told,
                };
                Missing::Incomplete(detail(told).help(PASTE))
            }
        })
    }

    /// What Palette refuses in this definition's name.
    pub(super) fn refused(&self, error: PaletteError) -> ResolveError {
        Scope::of(self.source, self.definition, error)
            .map_or_else(ResolveError::Palette, ResolveError::Scope)
    }

    /// A uid that Palette answered 404 to.
    pub(super) fn unknown_uid(
        &self,
        profile: &Profile,
        uid: &Uid,
        refusal: &Refusal,
    ) -> Diagnostic {
        Diagnostic::error(
            Code::ProfileNotFound,
            format!("Palette has no profile `{uid}`"),
        )
        .at(self.source, profile.span.clone(), "not found")
        .note(format!("Palette said {refusal}"))
        .help("copy the profile's URL from the console and paste it here")
    }

    /// At the `project` that was asked for, else at the definition.
    fn at_project(&self, code: Code, title: String) -> Diagnostic {
        let definition = self.definition;
        let span = definition
            .project
            .as_ref()
            .map_or(&definition.span, |at| &at.span);
        Diagnostic::error(code, title).at(self.source, span.clone(), "")
    }
}

/// What to do where Palette's lists do not help.
const PASTE: &str = "paste the profile's URL from the console instead";

/// A reference by name, and what Palette lists.
struct Asked<'a> {
    profile: &'a Profile,
    name: &'a str,
    version: &'a str,
    known: &'a Known,
    project: Option<&'a Uid>,
}

impl Asked<'_> {
    /// The profiles of that name.
    fn named(&self) -> Vec<&ProfileMetadata> {
        let known = self.known.profiles.iter();
        known.filter(|profile| profile.name == self.name).collect()
    }

    /// Palette has the name, but not in that version.
    fn no_version(&self, told: Diagnostic, named: &[&ProfileMetadata]) -> Diagnostic {
        let mut versions = versions(named.iter().copied());
        versions.sort_by_key(|version| numbers(version));
        versions.dedup();
        let shown = |version: &str| sanitize::line(version.as_bytes());
        let name = self.name;
        let near = nearest_version(self.version, versions.iter().copied());
        let help = near.map_or_else(
            || {
                let last = versions.last().copied().unwrap_or_default();
                format!("write one of them, such as `{name}@{}`", shown(last))
            },
            |near| format!("did you mean `{name}@{}`?", shown(near)),
        );
        told.note(format!(
            "it has {}",
            sanitize::excerpt(versions.join(", ").as_bytes(), 200)
        ))
        .help(help)
    }

    /// Palette has no such name.
    fn no_name(&self, told: Diagnostic) -> Diagnostic {
        let told = told.note(scope_note(self.project));
        let known = &self.known.profiles;
        if known.is_empty() && self.known.gap.is_none() && self.project.is_some() {
            return told
                .note("it lists no profile there at all")
                .help("check `project`: is it the project of the profile?");
        }
        let Some(near) = nearest(self.name, known.iter().map(|p| p.name.as_str())) else {
            return if self.known.gap.is_some() {
                told
            } else {
                told.help(PASTE)
            };
        };
        // Whole, so that it can be pasted; its version may be mistyped, too.
        let of_name = versions(known.iter().filter(|p| p.name == near));
        let meant = match nearest_version(self.version, of_name) {
            Some(version) => format!("{near}@{version}"),
            None => near.to_owned(),
        };
        told.help(format!(
            "did you mean `{}`?",
            sanitize::line(meant.as_bytes())
        ))
    }
}

/// The versions of these profiles, as far as they can be read.
fn versions<'p>(profiles: impl IntoIterator<Item = &'p ProfileMetadata>) -> Vec<&'p str> {
    let profiles = profiles.into_iter();
    profiles
        .filter_map(|profile| profile.version.as_deref().ok())
        .collect()
}

/// The uids of what was found, each once: an item comes more than once in some lists.
fn uids<'i>(found: impl Iterator<Item = &'i Result<Uid, OddField>>) -> Result<Vec<Uid>, OddField> {
    let mut uids: Vec<Uid> = Vec::new();
    for uid in found {
        let uid = uid.as_ref().map_err(Clone::clone)?;
        if !uids.contains(uid) {
            uids.push(uid.clone());
        }
    }
    Ok(uids)
}

fn odd(call: &str, field: OddField) -> PaletteError {
    PaletteError::OddField {
        call: call.to_owned(),
        field,
    }
}

/// A name that is missing from a list with a gap.
fn incomplete(told: Diagnostic, gap: &Gap) -> Diagnostic {
    told.note(format!("its list is incomplete: {gap}"))
}

fn broken(diagnostic: Diagnostic) -> ResolveError {
    ResolveError::Lookup {
        broken: vec![diagnostic],
        incomplete: Vec::new(),
    }
}

fn scope_note(project: Option<&Uid>) -> String {
    match project {
        Some(uid) => format!("looked for in project `{uid}` and the tenant"),
        None => "looked for in the tenant only: no project is set".into(),
    }
}

fn join(uids: &[Uid]) -> String {
    uids.iter().map(Uid::as_str).collect::<Vec<_>>().join(", ")
}
