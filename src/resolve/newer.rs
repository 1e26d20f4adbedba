//! Newer versions of the profiles of a definition, as Palette lists them for its project.
//!
//! Input: a profile of `profiles.toml`. Output: the newest published version that the definition
//! could have, and the newest with the same major version. Versions are semantic (facts.md, 1)
//! and compared as such; a version in another form is reported, never guessed. A draft, a
//! profile of another cloud type and one of another scope do not count, and neither does one with
//! an invalid pack, which is reported.
//!
//! The list has names and versions only, so each candidate is requested, the newest first, until
//! one counts. A list that is incomplete is no proof that there is nothing newer.

use std::sync::Arc;

use semver::Version;

use super::catalogue::Known;
use super::lookup::{Asked, Lookup, Missing, rest_refused, versioned};
use super::messages::{self, Incomplete};
use super::rules::{Candidate, invalid_packs};
use super::{Catalogue, ResolveError, check_answer, is_unknown};
use crate::diagnostic::{Diagnostic, Severity};
use crate::http::Observer;
use crate::manifest::{Definition, Manifest, Profile, Reference};
use crate::palette::wire::{ClusterProfile, Gap, ProfileMetadata};
use crate::palette::{InvalidField, PaletteError};
use crate::util::sanitize;
use crate::util::uid::Uid;

mod listed;

pub use listed::{VersionOrder, order};

use listed::{Listed, newer_than, not_comparable};

/// A profile, and the newer versions that Palette lists.
#[derive(Debug)]
pub struct NewerVersions {
    /// `metadata.name` in Palette.
    pub name: String,
    /// The version that the reference means.
    pub version: String,
    /// Whether the version can be compared with others.
    pub is_comparable: bool,
    /// The newest version, if there is one that is newer.
    pub newest: Option<String>,
    /// The newest version with the same major version, if there is one that is newer.
    pub same_major: Option<String>,
    /// What keeps this from being the whole truth.
    pub warnings: Vec<Diagnostic>,
    /// Those of the newest versions that several profiles have, so that `name@version` does not
    /// mean one of them.
    pub ambiguous: Vec<AmbiguousVersion>,
}

/// A version that several profiles have.
#[derive(Debug)]
pub struct AmbiguousVersion {
    /// The version.
    pub version: String,
    /// The error for a definition that uses it.
    pub error: Diagnostic,
}

/// Looks up the versions of the profiles of a definition.
pub struct VersionLookup<'a> {
    lookup: Lookup<'a>,
    project: Option<Uid>,
}

/// The profile that a reference means now.
struct Present {
    name: String,
    version: String,
    /// The uid; `None` if Palette has the name, but not the version.
    uid: Option<Uid>,
    /// What Palette says about a missing version.
    missing: Option<Missing>,
}

impl Present {
    fn label(&self) -> String {
        sanitize::line(format!("{}@{}", self.name, self.version).as_bytes())
    }
}

impl<'a> VersionLookup<'a> {
    /// Resolves the project of `definition`.
    ///
    /// # Errors
    /// Returns [`ResolveError`] if the project cannot be resolved.
    pub fn new(
        manifest: &'a Manifest,
        definition: &'a Definition,
        catalogue: &'a Catalogue,
        observer: &'a dyn Observer,
    ) -> Result<Self, ResolveError> {
        let lookup = Lookup {
            source: manifest.source(),
            definition,
            catalogue,
            observer,
        };
        let project = lookup.project()?;
        Ok(Self { lookup, project })
    }

    /// Returns the newer versions of `profile`.
    ///
    /// # Errors
    /// Returns [`ResolveError`] if the profile does not exist, or if Palette's list does not
    /// prove that there is no newer version.
    pub fn newer(&self, profile: &Profile) -> Result<NewerVersions, ResolveError> {
        let known = self.known()?;
        let present = self.present(profile, &known)?;
        let place = self.lookup.place(&profile.span);
        let label = present.label();
        let mut found = NewerVersions {
            name: present.name.clone(),
            version: present.version.clone(),
            is_comparable: true,
            newest: None,
            same_major: None,
            warnings: Vec::new(),
            ambiguous: Vec::new(),
        };
        let Ok(own) = Version::parse(&present.version) else {
            found.is_comparable = false;
            let told = messages::version_not_comparable(place, &label);
            found.warnings.push(told);
            // A version that Palette does not have cannot stay, whatever its form.
            return match present.missing {
                Some(missing) => Err(self.error(missing)),
                None => Ok(found),
            };
        };
        let named = known.profiles.iter().filter(|p| p.name == present.name);
        let named: Vec<&ProfileMetadata> = named.collect();
        for listed in newer_than(&own, &named) {
            let same_major = listed.parsed.major == own.major;
            if found.newest.is_some() && !same_major {
                continue;
            }
            let warnings = &mut found.warnings;
            if !self.counts(profile, &present, &listed, warnings)? {
                continue;
            }
            found
                .ambiguous
                .extend(self.ambiguous(profile, &present, &listed));
            let version = || listed.version.to_owned();
            found.newest.get_or_insert_with(version);
            if same_major {
                found.same_major = Some(listed.version.to_owned());
                break;
            }
        }
        let others = not_comparable(&named);
        if !others.is_empty() {
            let told = messages::versions_not_compared(place, &label, &others);
            found.warnings.push(told);
        }
        self.judge_gap(profile, &known, &present, &mut found)?;
        match present.missing {
            None => Ok(found),
            // The present version may be newer than all that are listed.
            Some(missing) if found.newest.is_none() => Err(self.error(missing)),
            Some(Missing::Broken(told) | Missing::Incomplete(told)) => {
                found.warnings.push(Diagnostic {
                    severity: Severity::Warning,
                    ..told
                });
                Ok(found)
            }
            Some(missing @ Missing::Palette(_)) => Err(self.error(missing)),
        }
    }

    /// Checks that Palette has `profile` in the version `wanted`, published, and that the
    /// definition could have it.
    ///
    /// # Errors
    /// Returns [`ResolveError`] if it does not. The errors have no place, because the version is
    /// not in the file.
    pub fn check(&self, profile: &Profile, name: &str, wanted: &str) -> Result<(), ResolveError> {
        let known = self.known()?;
        let reference = Reference::Version {
            name: name.to_owned(),
            version: wanted.to_owned(),
        };
        let place = self.lookup.place(&profile.span);
        let asked = Asked {
            reference: &reference,
            place,
            name,
            version: wanted,
            known: &known,
            project: self.project.as_ref(),
        };
        let uid = versioned(&asked).map_err(|missing| {
            self.error(match missing {
                Missing::Broken(told) => Missing::Broken(without_place(told)),
                Missing::Incomplete(told) => Missing::Incomplete(without_place(told)),
                missing @ Missing::Palette(_) => missing,
            })
        })?;
        let broken = |told| ResolveError::Broken(vec![without_place(told)]);
        let label = sanitize::line(reference.to_string().as_bytes());
        let answer = self.named_answer(profile, &uid)?;
        check_answer(&answer, &uid, &reference).map_err(ResolveError::Palette)?;
        let candidate = Candidate {
            uid,
            profile,
            answer: Arc::clone(&answer),
        };
        let published = answer.published.as_ref();
        let Some(published) = published.filter(|_| answer.version == wanted) else {
            return Err(broken(messages::not_published(place, &label)));
        };
        let cloud = &self.lookup.definition.cloud_type;
        if !candidate.fits(published, cloud) {
            let found = sanitize::line(published.cloud_type.as_bytes());
            let told = messages::wrong_cloud_type(place, &label, &found, cloud);
            return Err(broken(told));
        }
        let invalid = invalid_packs(place, &label, published);
        if !invalid.is_empty() {
            let invalid = invalid.into_iter().map(without_place);
            return Err(ResolveError::Broken(invalid.collect()));
        }
        Ok(())
    }

    /// Returns what Palette lists for the project.
    fn known(&self) -> Result<Arc<Known>, ResolveError> {
        let Lookup {
            catalogue,
            observer,
            ..
        } = &self.lookup;
        let known = catalogue.profiles(self.project.as_ref(), *observer);
        known.map_err(|error| self.lookup.refused(error))
    }

    /// Returns the profile that `profile` means.
    fn present(&self, profile: &Profile, known: &Known) -> Result<Present, ResolveError> {
        let (name, version) = match &profile.reference {
            Reference::Version { name, version } => (name, version),
            Reference::Uid(uid) => return self.present_uid(profile, uid),
        };
        let asked = Asked {
            reference: &profile.reference,
            place: self.lookup.place(&profile.span),
            name,
            version,
            known,
            project: self.project.as_ref(),
        };
        let (uid, missing) = match versioned(&asked) {
            Ok(uid) => (Some(uid), None),
            Err(missing) => (None, Some(missing)),
        };
        let mut named = asked.named().into_iter();
        let has_version = |p: &ProfileMetadata| p.version.as_deref() == Ok(version.as_str());
        // An unknown name has no versions, and an ambiguous one those of two profiles.
        match missing {
            Some(missing) if named.len() == 0 || named.any(has_version) => Err(self.error(missing)),
            missing => Ok(Present {
                name: name.clone(),
                version: version.clone(),
                uid,
                missing,
            }),
        }
    }

    fn present_uid(&self, profile: &Profile, uid: &Uid) -> Result<Present, ResolveError> {
        let answer = self.named_answer(profile, uid)?;
        check_answer(&answer, uid, &profile.reference).map_err(ResolveError::Palette)?;
        Ok(Present {
            name: answer.name.clone(),
            version: answer.version.clone(),
            uid: Some(uid.clone()),
            missing: None,
        })
    }

    /// Returns the profile `uid`, which `profile` means.
    fn named_answer(
        &self,
        profile: &Profile,
        uid: &Uid,
    ) -> Result<Arc<ClusterProfile>, ResolveError> {
        match self.ask(uid) {
            Ok(answer) => Ok(answer),
            Err(PaletteError::Rejected { refusal, .. }) if is_unknown(&refusal) => {
                let told = self.lookup.unknown_uid(profile, uid, &refusal);
                Err(ResolveError::Broken(vec![told]))
            }
            Err(error) => Err(self.lookup.refused(error)),
        }
    }

    /// Returns the profile `uid`, or `None` if Palette no longer has it, although it is listed.
    fn answer(&self, uid: &Uid) -> Result<Option<Arc<ClusterProfile>>, ResolveError> {
        match self.ask(uid) {
            Ok(answer) => Ok(Some(answer)),
            Err(PaletteError::Rejected { refusal, .. }) if is_unknown(&refusal) => Ok(None),
            Err(error) => Err(self.lookup.refused(error)),
        }
    }

    fn ask(&self, uid: &Uid) -> Result<Arc<ClusterProfile>, PaletteError> {
        let Lookup {
            catalogue,
            observer,
            ..
        } = &self.lookup;
        catalogue.profile(uid, self.project.as_ref(), *observer)
    }

    /// Returns whether a listed version is published and could replace `present`. Adds a warning
    /// if only its invalid packs prevent that.
    fn counts(
        &self,
        profile: &Profile,
        present: &Present,
        listed: &Listed<'_>,
        warnings: &mut Vec<Diagnostic>,
    ) -> Result<bool, ResolveError> {
        let reference = Reference::Version {
            name: present.name.clone(),
            version: listed.version.to_owned(),
        };
        let mut counts = false;
        for uid in &listed.uids {
            // A draft of the present profile is listed with the version that it will have.
            if present.uid.as_ref() == Some(uid) {
                continue;
            }
            let Some(answer) = self.answer(uid)? else {
                continue;
            };
            check_answer(&answer, uid, &reference).map_err(ResolveError::Palette)?;
            let candidate = Candidate {
                uid: uid.clone(),
                profile,
                answer: Arc::clone(&answer),
            };
            let cloud = &self.lookup.definition.cloud_type;
            let published = answer.published.as_ref();
            let Some(published) = published.filter(|published| candidate.fits(published, cloud))
            else {
                continue;
            };
            if answer.version != listed.version || !self.is_same_scope(present, &answer)? {
                continue;
            }
            let place = self.lookup.place(&profile.span);
            let label = candidate.label();
            let invalid = invalid_packs(place, &label, published);
            counts |= invalid.is_empty();
            warnings.extend(invalid.into_iter().map(|told| Diagnostic {
                severity: Severity::Warning,
                ..without_place(told).note(messages::does_not_count(&label))
            }));
        }
        Ok(counts)
    }

    /// Returns the error for a listed version that several profiles have.
    fn ambiguous(
        &self,
        profile: &Profile,
        present: &Present,
        listed: &Listed<'_>,
    ) -> Option<AmbiguousVersion> {
        let reference = Reference::Version {
            name: present.name.clone(),
            version: listed.version.to_owned(),
        };
        let place = self.lookup.place(&profile.span);
        (listed.uids.len() > 1).then(|| AmbiguousVersion {
            version: listed.version.to_owned(),
            error: without_place(messages::ambiguous_profile(place, &reference, &listed.uids)),
        })
    }

    /// Returns whether `other` belongs to the same project as the present profile, or like it to
    /// the tenant: profiles of two scopes can have the same name.
    fn is_same_scope(
        &self,
        present: &Present,
        other: &ClusterProfile,
    ) -> Result<bool, ResolveError> {
        let Some(uid) = &present.uid else {
            return Ok(true);
        };
        let own = self.answer(uid)?;
        Ok(own.is_none_or(|own| own.scope == other.scope && own.project == other.project))
    }

    /// Reports a list that does not prove that nothing is newer than what was found.
    fn judge_gap(
        &self,
        profile: &Profile,
        known: &Known,
        present: &Present,
        found: &mut NewerVersions,
    ) -> Result<(), ResolveError> {
        let label = present.label();
        let named = || known.profiles.iter().filter(|p| p.name == present.name);
        let odd = || named().find_map(odd_field).cloned().map(Gap::Unreadable);
        // A list without the profile that the uid leads to cannot have its other versions.
        let is_listed = |uid: &Uid| named().any(|p| p.uid.as_ref() == Ok(uid));
        let lacks = || {
            let uid = present.uid.as_ref();
            uid.filter(|uid| !is_listed(uid))
                .map(|_| Gap::Lacks(label.clone()))
        };
        let Some(gap) = known.gap.clone().or_else(odd).or_else(lacks) else {
            return Ok(());
        };
        let refusal = rest_refused(known).map_err(|error| self.lookup.refused(error))?;
        let gap = Incomplete { gap: &gap, refusal };
        let place = self.lookup.place(&profile.span);
        if found.newest.is_some() {
            let told = messages::may_be_newer(place, &label, &gap);
            found.warnings.push(told);
            return Ok(());
        }
        let told = messages::newest_unknown(place, &label, &gap);
        Err(self.error(Missing::Incomplete(told)))
    }

    fn error(&self, missing: Missing) -> ResolveError {
        let (broken, incomplete) = match missing {
            Missing::Broken(told) => (vec![told], Vec::new()),
            Missing::Incomplete(told) => (Vec::new(), vec![told]),
            Missing::Palette(error) => return self.lookup.refused(error),
        };
        ResolveError::Lookup { broken, incomplete }
    }
}

/// Returns the field of a listed profile that cannot be read: the profile may be a newer version.
fn odd_field(profile: &ProfileMetadata) -> Option<&InvalidField> {
    profile
        .version
        .as_ref()
        .err()
        .or(profile.uid.as_ref().err())
}

fn without_place(told: Diagnostic) -> Diagnostic {
    Diagnostic {
        excerpt: None,
        ..told
    }
}
