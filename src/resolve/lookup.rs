//! Names to uids, as Palette has them.

use std::sync::Arc;

use super::{Catalogue, ResolveError};
use crate::diagnostic::{Diagnostic, Source};
use crate::manifest::{Definition, Profile, Project, Reference};
use crate::nearest::{nearest, nearest_version, numbers};
use crate::palette::wire::ProfileMetadata;
use crate::palette::{Observer, Refusal};
use crate::printable;
use crate::topic::Topic;
use crate::uid::Uid;

/// Looks up what one definition names.
pub struct Lookup<'a> {
    pub source: &'a Arc<Source>,
    pub definition: &'a Definition,
    pub catalogue: &'a Catalogue,
    pub observer: &'a dyn Observer,
}

impl Lookup<'_> {
    /// The uid of the definition's project.
    pub fn project(&self) -> Result<Option<Uid>, ResolveError> {
        let definition = self.definition;
        let uid = match definition.project_asked() {
            None => return Ok(None),
            Some(Project::Uid(uid)) => uid,
            Some(Project::Name(name)) => self.project_named(&name)?,
        };
        // A project given by name can be held against the URLs only now.
        if let Some(url) = definition.url_project.as_ref().filter(|url| **url != uid) {
            return Err(broken(
                Diagnostic::error(format!(
                    "`{}` has profiles of another project",
                    definition.name
                ))
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
        let ask = |name| {
            self.catalogue
                .projects(name, self.observer)
                .map_err(ResolveError::Palette)
        };
        // Lists are compared for equality here, whatever the server's filter matched.
        let answer = ask(Some(name))?;
        let uids: Vec<Uid> = answer
            .items
            .iter()
            .filter(|project| project.metadata.name == name)
            .filter_map(|project| Uid::parse(&project.metadata.uid))
            .collect();
        match &uids[..] {
            [uid] => Ok(uid.clone()),
            [] => {
                let all = ask(None)?;
                let names = all
                    .items
                    .iter()
                    .map(|project| project.metadata.name.as_str());
                let help = match nearest(name, names) {
                    Some(near) => format!("did you mean `{}`?", printable::line(near.as_bytes())),
                    None => {
                        "copy the project's uid from the console's URL: `…/projects/<uid>/…`".into()
                    }
                };
                Err(broken(
                    self.at_project(format!(
                        "Palette has no project `{}`",
                        printable::line(name.as_bytes())
                    ))
                    .note("or the API key is not a member of it")
                    .help(help),
                ))
            }
            several => Err(broken(
                self.at_project(format!(
                    "several projects are called `{}`",
                    printable::line(name.as_bytes())
                ))
                .note(format!("their uids: {}", join(several)))
                .help("name the project by its uid"),
            )),
        }
    }

    /// The uid of every profile, in the file's order.
    pub fn profiles(&self, project: Option<&Uid>) -> Result<Vec<Uid>, ResolveError> {
        let by_name = |profile: &Profile| matches!(profile.reference, Reference::Version { .. });
        let known = if self.definition.profiles.iter().any(by_name) {
            let answer = self.catalogue.profiles(project, self.observer);
            Some(answer.map_err(ResolveError::Palette)?)
        } else {
            None
        };
        let known = known.as_ref().map_or(&[][..], |list| &list.items);
        let mut uids = Vec::new();
        let mut broken = Vec::new();
        for profile in &self.definition.profiles {
            match &profile.reference {
                Reference::Uid(uid) => uids.push(uid.clone()),
                Reference::Version { name, version } => {
                    match self.versioned(profile, name, version, known, project) {
                        Ok(uid) => uids.push(uid),
                        Err(diagnostic) => broken.push(*diagnostic),
                    }
                }
            }
        }
        if broken.is_empty() {
            Ok(uids)
        } else {
            Err(ResolveError::Broken(broken))
        }
    }

    fn versioned(
        &self,
        profile: &Profile,
        name: &str,
        version: &str,
        known: &[ProfileMetadata],
        project: Option<&Uid>,
    ) -> Result<Uid, Box<Diagnostic>> {
        let named: Vec<&ProfileMetadata> =
            known.iter().filter(|p| p.metadata.name == name).collect();
        let uids: Vec<Uid> = named
            .iter()
            .filter(|p| p.spec.version == version)
            .filter_map(|p| Uid::parse(&p.metadata.uid))
            .collect();
        let error = match &uids[..] {
            [uid] => return Ok(uid.clone()),
            [] if !named.is_empty() => self.no_version(profile, name, version, &named),
            [] => self.no_name(profile, name, version, known, project),
            several => Diagnostic::error(format!("several profiles are `{}`", profile.reference))
                .at(self.source, profile.span.clone(), "ambiguous")
                .note(format!(
                    "their uids: {} (a project's and the tenant's may be called the same)",
                    join(several)
                ))
                .help("name the one that you mean by its uid"),
        };
        Err(Box::new(error.about(Topic::Lookup)))
    }

    /// Palette has the name, but not in that version.
    fn no_version(
        &self,
        profile: &Profile,
        name: &str,
        version: &str,
        named: &[&ProfileMetadata],
    ) -> Diagnostic {
        let mut versions: Vec<&str> = named.iter().map(|p| p.spec.version.as_str()).collect();
        versions.sort_by_key(|version| numbers(version));
        let shown = |version: &str| printable::line(version.as_bytes());
        let near = nearest_version(version, versions.iter().copied());
        let help = near.map_or_else(
            || {
                let last = versions.last().copied().unwrap_or_default();
                format!("write one of them, such as `{name}@{}`", shown(last))
            },
            |near| format!("did you mean `{name}@{}`?", shown(near)),
        );
        self.no_profile(profile, "no such version")
            .note(format!(
                "it has {}",
                printable::excerpt(versions.join(", ").as_bytes(), 200)
            ))
            .help(help)
    }

    /// Palette has no such name.
    fn no_name(
        &self,
        profile: &Profile,
        name: &str,
        version: &str,
        known: &[ProfileMetadata],
        project: Option<&Uid>,
    ) -> Diagnostic {
        let error = self
            .no_profile(profile, "no such name")
            .note(scope_note(project));
        let names = known.iter().map(|p| p.metadata.name.as_str());
        let Some(near) = nearest(name, names) else {
            return error.help("paste the profile's URL from the console instead");
        };
        // Whole, so that it can be pasted; its version may be mistyped, too.
        let of_name = known.iter().filter(|p| p.metadata.name == near);
        let versions = of_name.map(|p| p.spec.version.as_str());
        let meant = match nearest_version(version, versions) {
            Some(version) => format!("{near}@{version}"),
            None => near.to_owned(),
        };
        error.help(format!(
            "did you mean `{}`?",
            printable::line(meant.as_bytes())
        ))
    }

    fn no_profile(&self, profile: &Profile, label: &str) -> Diagnostic {
        Diagnostic::error(format!("Palette has no profile `{}`", profile.reference)).at(
            self.source,
            profile.span.clone(),
            label,
        )
    }

    /// A uid that Palette answered 404 to.
    pub fn unknown_uid(&self, profile: &Profile, uid: &Uid, refusal: &Refusal) -> Diagnostic {
        Diagnostic::error(format!("Palette has no profile `{uid}`"))
            .at(self.source, profile.span.clone(), "not found")
            .note(format!("Palette said {refusal}"))
            .help("copy the profile's URL from the console and paste it here")
            .about(Topic::Lookup)
    }

    /// At the `project` that was asked for, else at the definition.
    fn at_project(&self, title: String) -> Diagnostic {
        let definition = self.definition;
        let span = definition
            .project
            .as_ref()
            .map_or(&definition.span, |at| &at.span);
        Diagnostic::error(title)
            .at(self.source, span.clone(), "")
            .about(Topic::Lookup)
    }
}

fn broken(diagnostic: Diagnostic) -> ResolveError {
    ResolveError::Broken(vec![diagnostic])
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
