//! The rules that Palette documents for the profiles of a definition (facts.md, 1): a single
//! project; at most one profile with infrastructure layers; no pack in two profiles; the cloud
//! type; published; no invalid pack.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::ADD_ON_LAYER;
use super::messages::{self, Infrastructure};
use crate::diagnostic::{Diagnostic, Place, Source};
use crate::manifest::{Definition, Manifest, Profile};
use crate::palette::wire::{ClusterProfile, InvalidPack, Pack, Template};
use crate::util::sanitize;
use crate::util::suggest::nearest;
use crate::util::uid::Uid;

/// The cloud type of an add-on that fits every cloud.
pub(super) const ANY_CLOUD: &str = "all";

/// The types of profiles that have infrastructure layers (facts.md, 1).
pub const INFRASTRUCTURE: [&str; 2] = ["cluster", "infra"];

/// A requested profile, and Palette's answer.
pub(super) struct Candidate<'a> {
    pub uid: Uid,
    pub profile: &'a Profile,
    pub answer: Arc<ClusterProfile>,
}

impl Candidate<'_> {
    /// Returns `name@version`, as messages name the profile.
    pub(super) fn label(&self) -> String {
        let [name, version] = [&self.answer.name, &self.answer.version];
        let [name, version] = [name, version].map(|text| sanitize::line(text.as_bytes()));
        format!("{name}@{version}")
    }

    /// Returns whether the profile can be in a definition of the cloud type `wanted`.
    pub(super) fn fits(&self, published: &Template, wanted: &str) -> bool {
        let any = published.cloud_type == ANY_CLOUD && !self.is_infrastructure();
        published.cloud_type == wanted || any
    }

    fn packs(&self) -> &[Pack] {
        self.answer.published.as_ref().map_or(&[], |p| &p.packs)
    }

    /// Returns whether both are infrastructure profiles with the same name.
    fn is_version_beside(&self, other: &Self) -> bool {
        let same = self.answer.name == other.answer.name;
        same && self.is_infrastructure() && other.is_infrastructure()
    }

    fn is_infrastructure(&self) -> bool {
        let published = self.answer.published.as_ref();
        let of_kind = published.is_some_and(|p| INFRASTRUCTURE.contains(&p.kind.as_str()));
        let unnamed = self.packs().iter().any(|pack| pack.layer.is_empty());
        !self.infrastructure().is_empty() || of_kind && unnamed
    }

    /// Returns the infrastructure layers. If Palette does not name a layer, the type of the
    /// profile determines it.
    fn infrastructure(&self) -> Vec<&str> {
        let layers = self.packs().iter().map(|pack| pack.layer.as_str());
        layers
            .filter(|layer| !layer.is_empty() && *layer != ADD_ON_LAYER)
            .collect()
    }

    fn place<'p>(&'p self, source: &'p Arc<Source>) -> Place<'p> {
        Place {
            source,
            span: &self.profile.span,
        }
    }
}

/// Returns the broken rules and the warnings.
pub(super) fn check(
    manifest: &Manifest,
    definition: &Definition,
    project: Option<&Uid>,
    candidates: &[Candidate<'_>],
) -> (Vec<Diagnostic>, Vec<Diagnostic>) {
    let mut rules = Rules {
        source: manifest.source(),
        definition,
        broken: Vec::new(),
        warnings: Vec::new(),
    };
    rules.same_profile_twice(candidates);
    for candidate in candidates {
        match &candidate.answer.published {
            Some(published) => rules.published(candidate, published, project),
            None => rules.unpublished(candidate),
        }
    }
    rules.infrastructure(candidates);
    rules.packs_in_two_profiles(candidates);
    (rules.broken, rules.warnings)
}

/// Returns an error for each invalid pack of the profile `label`.
pub(super) fn invalid_packs(
    place: Place<'_>,
    label: &str,
    published: &Template,
) -> Vec<Diagnostic> {
    let told = |InvalidPack { pack, reason }: &InvalidPack| {
        let reason = sanitize::excerpt(reason.as_bytes(), 200);
        let tag = sanitize::line(pack.tag.as_bytes());
        let name = sanitize::line(pack.name.as_bytes());
        let pack = [name, tag].join(" ");
        messages::invalid_pack(place, label, pack.trim_end(), &reason)
    };
    published.invalid.iter().map(told).collect()
}

struct Rules<'a> {
    source: &'a Arc<Source>,
    definition: &'a Definition,
    broken: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
}

impl Rules<'_> {
    /// Checks that no two references lead to the same profile.
    fn same_profile_twice(&mut self, candidates: &[Candidate<'_>]) {
        for (at, candidate) in candidates.iter().enumerate() {
            if candidates[..at]
                .iter()
                .any(|earlier| earlier.uid == candidate.uid)
            {
                let (name, profile) = (&self.definition.name, candidate.label());
                let place = candidate.place(self.source);
                let told = messages::duplicate_profile(place, name, &profile);
                self.broken.push(told);
            }
        }
    }

    fn unpublished(&mut self, candidate: &Candidate<'_>) {
        let place = candidate.place(self.source);
        let told = messages::not_published(place, &candidate.label());
        self.broken.push(told);
    }

    fn published(
        &mut self,
        candidate: &Candidate<'_>,
        published: &Template,
        project: Option<&Uid>,
    ) {
        let label = candidate.label();
        let place = candidate.place(self.source);
        if candidate.answer.has_draft {
            let told = messages::unpublished_draft(place, &label);
            self.warnings.push(told);
        }
        self.scope(candidate, project);
        let wanted = &self.definition.cloud_type;
        if !candidate.fits(published, wanted) {
            let found = sanitize::line(published.cloud_type.as_bytes());
            let told = messages::wrong_cloud_type(place, &label, &found, wanted);
            self.broken.push(told);
        }
        self.broken.extend(invalid_packs(place, &label, published));
        self.overrides(candidate, published);
    }

    /// Checks the project that Palette annotates on a profile, if it does.
    fn scope(&mut self, candidate: &Candidate<'_>, project: Option<&Uid>) {
        let Some(other) = &candidate.answer.project else {
            return;
        };
        let other = sanitize::line(other.as_bytes());
        let place = candidate.place(self.source);
        match project {
            Some(project) if project.as_str() == other => {}
            Some(_) => {
                let told = messages::other_project(place, &candidate.label(), &other);
                self.broken.push(told);
            }
            None => {
                let told = messages::project_needed(place, &candidate.label(), &other);
                self.broken.push(told);
            }
        }
    }

    /// Checks that every override names a pack of the profile.
    fn overrides(&mut self, candidate: &Candidate<'_>, published: &Template) {
        for pack in &candidate.profile.packs {
            let names = || published.packs.iter().map(|known| known.name.as_str());
            if names().any(|name| name == pack.name) {
                continue;
            }
            let shown = |name: &str| sanitize::line(name.as_bytes());
            let near = nearest(&pack.name, names()).map(shown);
            let known: Vec<String> = names().map(shown).collect();
            self.broken.push(messages::no_such_pack(
                candidate.place(self.source),
                &candidate.label(),
                &pack.name.escape_debug().to_string(),
                near.as_deref(),
                &known,
            ));
        }
    }

    fn infrastructure(&mut self, candidates: &[Candidate<'_>]) {
        let infrastructure: Vec<&Candidate<'_>> = candidates
            .iter()
            .filter(|c| c.is_infrastructure())
            .collect();
        match infrastructure[..] {
            [] if candidates.iter().all(|c| c.answer.published.is_some())
                && !candidates.is_empty() =>
            {
                let place = Place {
                    source: self.source,
                    span: &self.definition.span,
                };
                let told = messages::no_infrastructure(place, &self.definition.name);
                self.warnings.push(told);
            }
            [] | [_] => {}
            [first, ref others @ ..] => {
                // A repeated profile has already been reported.
                for other in others.iter().filter(|other| other.uid != first.uid) {
                    let told = |candidate: &Candidate<'_>| Infrastructure {
                        profile: candidate.label(),
                        layers: candidate
                            .infrastructure()
                            .iter()
                            .map(|layer| sanitize::line(layer.as_bytes()))
                            .collect(),
                    };
                    self.broken.push(messages::several_infrastructures(
                        other.place(self.source),
                        &told(first),
                        &told(other),
                    ));
                }
            }
        }
    }

    fn packs_in_two_profiles(&mut self, candidates: &[Candidate<'_>]) {
        let mut first: BTreeMap<&str, &Candidate<'_>> = BTreeMap::new();
        for candidate in candidates {
            for pack in candidate.packs() {
                match first.get(pack.name.as_str()) {
                    // Of two versions of an infrastructure profile, one has to be removed, with
                    // all its packs.
                    Some(other) if other.is_version_beside(candidate) => {}
                    Some(other) if other.uid != candidate.uid => {
                        let name = sanitize::line(pack.name.as_bytes());
                        let place = candidate.place(self.source);
                        let labels = [other, candidate].map(Candidate::label);
                        let [first, second] = &labels;
                        let told = messages::pack_in_two_profiles(place, &name, first, second);
                        self.broken.push(told);
                    }
                    Some(_) => {}
                    None => {
                        first.insert(&pack.name, candidate);
                    }
                }
            }
        }
    }
}
