//! Resolves names to uids with Palette's lists.
//!
//! A list that is shorter than its own count does not prove that a name does not exist. In this
//! case, the error says so and never claims that the name does not exist.

use std::ops::Range;
use std::sync::Arc;

use super::catalogue::Known;
use super::messages::{self, Incomplete, Lacking};
use super::{Catalogue, ResolveError, Scope};
use crate::diagnostic::{Diagnostic, Place, Source};
use crate::http::Observer;
use crate::manifest::{Definition, Profile, Project, Reference};
use crate::palette::wire::ProfileMetadata;
use crate::palette::{HttpRefusal, InvalidField, PaletteError};
use crate::util::sanitize;
use crate::util::suggest::{nearest, nearest_version, numbers};
use crate::util::uid::Uid;

/// Looks up the names in a definition.
pub(super) struct Lookup<'a> {
    pub source: &'a Arc<Source>,
    pub definition: &'a Definition,
    pub catalogue: &'a Catalogue,
    pub observer: &'a dyn Observer,
}

/// Why a name could not be resolved to a uid.
pub(super) enum Missing {
    /// The name does not exist or is ambiguous.
    Broken(Diagnostic),
    /// The name is missing from a list that is incomplete.
    Incomplete(Diagnostic),
    /// Palette's answer cannot be used.
    Palette(PaletteError),
}

impl Lookup<'_> {
    /// Returns the uid of the definition's project.
    pub(super) fn project(&self) -> Result<Option<Uid>, ResolveError> {
        let definition = self.definition;
        let uid = match definition.project_asked() {
            None => return Ok(None),
            Some(Project::Uid(uid)) => uid,
            Some(Project::Name(name)) => self.project_named(&name)?,
        };
        // A project that is given by name can be compared with the URLs only now.
        if let Some(url) = definition.url_project.as_ref().filter(|url| **url != uid) {
            let place = self.place(&definition.span);
            let name = &definition.name;
            return Err(broken(messages::project_mismatch(place, name, &uid, url)));
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
        // The names are compared for equality, whatever the server's filter matched.
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
                let gap = all.gap().or_else(|| answer.gap());
                let (place, near) = (self.place_of_project(), near.as_deref());
                let told = messages::project_not_found(place, &shown, near, gap.as_ref());
                Err(match gap {
                    None => broken(told),
                    Some(_) => ResolveError::Lookup {
                        broken: Vec::new(),
                        incomplete: vec![told],
                    },
                })
            }
            several => {
                let place = self.place_of_project();
                Err(broken(messages::ambiguous_project(place, &shown, several)))
            }
        }
    }

    /// Returns the uid of every profile, in the order of the file.
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
                        reference: &profile.reference,
                        place: self.place(&profile.span),
                        name,
                        version,
                        known,
                        project,
                    };
                    match versioned(&asked) {
                        Ok(uid) => uids.push(uid),
                        Err(Missing::Broken(told)) => broken.push(told),
                        Err(Missing::Incomplete(told)) => incomplete.push(told),
                        Err(Missing::Palette(error)) => return Err(self.refused(error)),
                    }
                }
                // The list was requested above.
                (Reference::Version { .. }, None) => {}
            }
        }
        if broken.is_empty() && incomplete.is_empty() {
            Ok(uids)
        } else {
            Err(ResolveError::Lookup { broken, incomplete })
        }
    }

    /// Returns the error for a call that Palette refused for this definition.
    pub(super) fn refused(&self, error: PaletteError) -> ResolveError {
        Scope::of(self.source, self.definition, error)
            .map_or_else(ResolveError::Palette, ResolveError::Scope)
    }

    /// Returns the error for a uid that Palette answered with 404.
    pub(super) fn unknown_uid(
        &self,
        profile: &Profile,
        uid: &Uid,
        refusal: &HttpRefusal,
    ) -> Diagnostic {
        messages::unknown_uid(self.place(&profile.span), uid, refusal)
    }

    /// Returns the place of the requested `project`, otherwise that of the definition.
    fn place_of_project(&self) -> Place<'_> {
        let Definition { project, span, .. } = self.definition;
        self.place(project.as_ref().map_or(span, |at| &at.span))
    }

    pub(super) fn place<'p>(&'p self, span: &'p Range<usize>) -> Place<'p> {
        Place {
            source: self.source,
            span,
        }
    }
}

/// A reference by name, and the profiles that Palette lists.
pub(super) struct Asked<'a> {
    pub reference: &'a Reference,
    pub place: Place<'a>,
    pub name: &'a str,
    pub version: &'a str,
    pub known: &'a Known,
    pub project: Option<&'a Uid>,
}

impl Asked<'_> {
    /// Returns the profiles with that name.
    pub(super) fn named(&self) -> Vec<&ProfileMetadata> {
        let known = self.known.profiles.iter();
        known.filter(|profile| profile.name == self.name).collect()
    }

    /// Describes a name that exists, but not in the requested version.
    fn no_version(&self, named: &[&ProfileMetadata]) -> Lacking {
        let mut versions = versions(named.iter().copied());
        versions.sort_by_key(|version| numbers(version));
        versions.dedup();
        let shown = |version: &str| format!("{}@{}", self.name, sanitize::line(version.as_bytes()));
        let near = nearest_version(self.version, versions.iter().copied());
        Lacking::Version {
            known: versions.join(", "),
            near: near.map(shown),
            last: shown(versions.last().copied().unwrap_or_default()),
        }
    }

    /// Describes a name that does not exist.
    fn no_name(&self) -> Lacking {
        let known = &self.known.profiles;
        let near = nearest(self.name, known.iter().map(|p| p.name.as_str()));
        // The suggestion is complete, so that it can be pasted; the version may be mistyped,
        // too.
        let meant = |near: &str| {
            let of_name = versions(known.iter().filter(|p| p.name == near));
            let meant = match nearest_version(self.version, of_name) {
                Some(version) => format!("{near}@{version}"),
                None => near.to_owned(),
            };
            sanitize::line(meant.as_bytes())
        };
        Lacking::Name {
            project: self.project.cloned(),
            nothing_listed: known.is_empty() && self.known.gap.is_none() && self.project.is_some(),
            near: near.map(meant),
        }
    }
}

/// Returns the uid of the profile with the requested name and version.
pub(super) fn versioned(asked: &Asked<'_>) -> Result<Uid, Missing> {
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
            let told = messages::ambiguous_profile(asked.place, asked.reference, several);
            return Err(Missing::Broken(told));
        }
    }
    // Any of these profiles may be the requested one.
    if let Some(field) = named.iter().find_map(|p| p.version.as_ref().err()) {
        return Err(Missing::Palette(odd(CALL, field.clone())));
    }
    let refused = rest_refused(asked.known).map_err(Missing::Palette)?;
    let (place, reference) = (asked.place, asked.reference);
    let lacking = if named.is_empty() {
        asked.no_name()
    } else {
        asked.no_version(&named)
    };
    let told = |gap| messages::profile_not_found(place, reference, &lacking, gap);
    Err(match &asked.known.gap {
        None => Missing::Broken(told(None)),
        Some(gap) => Missing::Incomplete(told(Some(&Incomplete {
            gap,
            refusal: refused,
        }))),
    })
}

/// Returns the refusal if Palette refused to list the rest of an incomplete list, which is then
/// incomplete all the same.
///
/// # Errors
/// Returns any other error of that request.
pub(super) fn rest_refused(known: &Known) -> Result<Option<&HttpRefusal>, PaletteError> {
    match &known.failed {
        Some(PaletteError::Rejected { refusal, .. } | PaletteError::Forbidden { refusal, .. }) => {
            Ok(Some(refusal))
        }
        Some(error) => Err(error.clone()),
        None => Ok(None),
    }
}

/// Returns the versions of these profiles, as far as they can be read.
fn versions<'p>(profiles: impl IntoIterator<Item = &'p ProfileMetadata>) -> Vec<&'p str> {
    let profiles = profiles.into_iter();
    profiles
        .filter_map(|profile| profile.version.as_deref().ok())
        .collect()
}

/// Returns the uids of the items, each once, since some lists contain an item more than once.
fn uids<'i>(
    found: impl Iterator<Item = &'i Result<Uid, InvalidField>>,
) -> Result<Vec<Uid>, InvalidField> {
    let mut uids: Vec<Uid> = Vec::new();
    for uid in found {
        let uid = uid.as_ref().map_err(Clone::clone)?;
        if !uids.contains(uid) {
            uids.push(uid.clone());
        }
    }
    Ok(uids)
}

fn odd(call: &str, field: InvalidField) -> PaletteError {
    PaletteError::InvalidField {
        call: call.to_owned(),
        field,
    }
}

fn broken(diagnostic: Diagnostic) -> ResolveError {
    ResolveError::Lookup {
        broken: vec![diagnostic],
        incomplete: Vec::new(),
    }
}
