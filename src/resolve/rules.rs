//! The rules that Palette documents for the profiles of one definition (facts.md, 1):
//! one project; at most one profile with infrastructure layers; no pack in two
//! profiles; the cloud type; published; no invalid pack.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::ADD_ON_LAYER;
use crate::diagnostic::{Code, Diagnostic, Source};
use crate::manifest::{Definition, Manifest, Profile};
use crate::palette::wire::{ClusterProfile, InvalidPack, Pack, Template};
use crate::util::sanitize;
use crate::util::suggest::nearest;
use crate::util::uid::Uid;

/// The cloud type of an add-on that fits every cloud.
pub(super) const ANY_CLOUD: &str = "all";

/// The types of profiles that have infrastructure layers (facts.md, 1).
pub const INFRASTRUCTURE: [&str; 2] = ["cluster", "infra"];

/// A profile asked for, and what Palette answered.
pub(super) struct Candidate<'a> {
    pub uid: Uid,
    pub profile: &'a Profile,
    pub answer: Arc<ClusterProfile>,
}

impl Candidate<'_> {
    /// `name@version`, as messages name it.
    fn label(&self) -> String {
        let [name, version] = [&self.answer.name, &self.answer.version];
        let [name, version] = [name, version].map(|text| sanitize::line(text.as_bytes()));
        format!("{name}@{version}")
    }

    fn packs(&self) -> &[Pack] {
        self.answer.published.as_ref().map_or(&[], |p| &p.packs)
    }

    /// Whether both are infrastructure and called the same.
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

    /// The layers that are infrastructure. Where Palette does not name a layer, the profile's
    /// type says what it is.
    fn infrastructure(&self) -> Vec<&str> {
        let layers = self.packs().iter().map(|pack| pack.layer.as_str());
        layers
            .filter(|layer| !layer.is_empty() && *layer != ADD_ON_LAYER)
            .collect()
    }
}

/// What is broken, and what is worth a warning.
pub(super) fn check(
    manifest: &Manifest,
    definition: &Definition,
    project: Option<&Uid>,
    candidates: &[Candidate<'_>],
) -> (Vec<Diagnostic>, Vec<Diagnostic>) {
    let mut rules = Rules {
        source: &manifest.source,
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

struct Rules<'a> {
    source: &'a Arc<Source>,
    definition: &'a Definition,
    broken: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
}

impl Rules<'_> {
    fn breaks(
        &mut self,
        candidate: &Candidate<'_>,
        code: Code,
        title: String,
        label: &str,
        help: impl Into<String>,
    ) {
        self.broken.push(
            Diagnostic::error(code, title)
                .at(self.source, candidate.profile.span.clone(), label)
                .help(help),
        );
    }

    /// Two references may turn out to be one profile.
    fn same_profile_twice(&mut self, candidates: &[Candidate<'_>]) {
        for (at, candidate) in candidates.iter().enumerate() {
            if candidates[..at]
                .iter()
                .any(|earlier| earlier.uid == candidate.uid)
            {
                let title = format!(
                    "`{}` has the same profile twice: {}",
                    self.definition.name,
                    candidate.label()
                );
                self.breaks(
                    candidate,
                    Code::DuplicateProfile,
                    title,
                    "the second reference to it",
                    "remove one of the two",
                );
            }
        }
    }

    fn unpublished(&mut self, candidate: &Candidate<'_>) {
        let title = format!("profile {} is not published", candidate.label());
        let help = "publish it in Palette: only what is published is exported";
        self.breaks(candidate, Code::NotPublished, title, "a draft only", help);
    }

    fn published(
        &mut self,
        candidate: &Candidate<'_>,
        published: &Template,
        project: Option<&Uid>,
    ) {
        let label = candidate.label();
        if candidate.answer.has_draft {
            self.warnings.push(
                Diagnostic::warning(
                    Code::UnpublishedDraft,
                    format!("profile {label} has a draft that is not published"),
                )
                .at(self.source, candidate.profile.span.clone(), "")
                .note("what is published is exported, without the draft's changes")
                .help("publish the draft if its changes are meant, then run `edgestage update`"),
            );
        }
        self.scope(candidate, project);
        let wanted = &self.definition.cloud_type;
        let any = published.cloud_type == ANY_CLOUD && !candidate.is_infrastructure();
        if published.cloud_type != *wanted && !any {
            let found = sanitize::line(published.cloud_type.as_bytes());
            let title = format!("profile {label} is for cloud type `{found}`, not `{wanted}`");
            let help = format!(
                "use a profile of cloud type `{wanted}`; an add-on profile may be of `{ANY_CLOUD}`"
            );
            self.breaks(
                candidate,
                Code::WrongCloudType,
                title,
                "the wrong cloud type",
                help,
            );
        }
        for InvalidPack { pack, reason } in &published.invalid {
            let reason = sanitize::excerpt(reason.as_bytes(), 200);
            let tag = sanitize::line(pack.tag.as_bytes());
            let name = sanitize::line(pack.name.as_bytes());
            let pack = [name, tag].join(" ");
            let title = format!(
                "pack {} of profile {label} is invalid in Palette: {reason}",
                pack.trim_end()
            );
            let help =
                "choose a version of the pack that its registry has, and publish the profile";
            self.breaks(
                candidate,
                Code::InvalidPack,
                title,
                "has an invalid pack",
                help,
            );
        }
        self.overrides(candidate, published);
    }

    /// The project that Palette annotates on a profile, where it does.
    fn scope(&mut self, candidate: &Candidate<'_>, project: Option<&Uid>) {
        let Some(other) = &candidate.answer.project else {
            return;
        };
        let other = sanitize::line(other.as_bytes());
        match project {
            Some(project) if project.as_str() == other => {}
            Some(_) => {
                let title = format!("profile {} belongs to another project", candidate.label());
                let help = format!(
                    "all profiles of a definition must be of one project; this one's is `{other}`"
                );
                self.breaks(
                    candidate,
                    Code::OtherProject,
                    title,
                    "of another project",
                    help,
                );
            }
            None => {
                let title = format!("profile {} belongs to a project", candidate.label());
                let help = format!("set `project = \"{other}\"` in the definition or `[palette]`");
                self.breaks(
                    candidate,
                    Code::ProjectNeeded,
                    title,
                    "no project is set",
                    help,
                );
            }
        }
    }

    /// An override must name a pack that the profile has.
    fn overrides(&mut self, candidate: &Candidate<'_>, published: &Template) {
        for pack in &candidate.profile.packs {
            let mut names = published.packs.iter().map(|known| known.name.as_str());
            if names.clone().any(|name| name == pack.name) {
                continue;
            }
            let near = nearest(&pack.name, names.clone());
            let help = match near {
                Some(near) => format!("did you mean `{}`?", sanitize::line(near.as_bytes())),
                None => format!(
                    "it has {}",
                    names
                        .by_ref()
                        .map(|n| sanitize::line(n.as_bytes()))
                        .collect::<Vec<_>>()
                        .join(", ")
                ),
            };
            let title = format!(
                "profile {} has no pack `{}` to override",
                candidate.label(),
                pack.name.escape_debug()
            );
            self.breaks(
                candidate,
                Code::NoSuchPack,
                title,
                "overrides a pack that it does not have",
                help,
            );
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
                self.warnings.push(
                    Diagnostic::warning(Code::NoInfrastructure, format!("`{}` has no profile with infrastructure layers", self.definition.name))
                        .at(self.source, self.definition.span.clone(), "")
                        .note("a cluster needs an os, a k8s and a cni layer; the operator must add them on the host")
                        .help("add a profile that has them, unless the operator adds them on the host"),
                );
            }
            [] | [_] => {}
            [first, ref others @ ..] => {
                // The same profile once more has been told already.
                for other in others.iter().filter(|other| other.uid != first.uid) {
                    let layers = |c: &Candidate<'_>| {
                        let layers = c.infrastructure().join(", ");
                        match layers.as_str() {
                            "" => "layers without a name".to_owned(),
                            layers => sanitize::line(layers.as_bytes()),
                        }
                    };
                    self.breaks(
                        other,
                        Code::SeveralInfrastructures,
                        format!(
                            "two profiles have infrastructure layers: {} ({}) and {} ({})",
                            first.label(),
                            layers(first),
                            other.label(),
                            layers(other)
                        ),
                        "the second one",
                        "keep one of the two: a definition has at most one",
                    );
                }
            }
        }
    }

    fn packs_in_two_profiles(&mut self, candidates: &[Candidate<'_>]) {
        let mut first: BTreeMap<&str, &Candidate<'_>> = BTreeMap::new();
        for candidate in candidates {
            for pack in candidate.packs() {
                match first.get(pack.name.as_str()) {
                    // Of two versions of one infrastructure one has to go, with all its packs.
                    Some(other) if other.is_version_beside(candidate) => {}
                    Some(other) if other.uid != candidate.uid => {
                        let name = sanitize::line(pack.name.as_bytes());
                        let title = format!(
                            "pack {name} is in two profiles: {} and {}",
                            other.label(),
                            candidate.label()
                        );
                        self.breaks(
                            candidate,
                            Code::PackInTwoProfiles,
                            title,
                            "has it too",
                            "remove the pack from one of the profiles",
                        );
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
