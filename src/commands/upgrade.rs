//! `edgestage upgrade`: writes other versions of profiles into `profiles.toml`, and changes no
//! other byte of it. What changes with them is for `update`, and for the review of its changes.
//!
//! Palette is asked before the file is locked, since that may take long. The file is then read
//! again: a definition that was changed meanwhile is an error, and nothing is written.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

use super::edit::{self, ManifestEditor};
use super::messages::{self, ProbablyMeant};
use super::outdated;
use crate::cli::{JOBS, UpgradeArgs};
use crate::diagnostic::{Diagnostic, Severity};
use crate::error::Error;
use crate::lockfile::Meanwhile;
use crate::manifest::edit::{NewVersion, set_versions};
use crate::manifest::reference::{self, Reference};
use crate::manifest::{self, Definition, Manifest, Profile};
use crate::resolve::{Catalogue, NewerVersions, ResolveError, VersionLookup, VersionOrder, order};
use crate::ui::{CommandOutput, fields};
use crate::util::sanitize;
use crate::util::suggest::nearest;
use crate::workflow::context::{Context, chosen, one, shown};
use crate::workflow::parallel;

/// The document of `upgrade`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Upgrade")]
pub(super) struct Document {
    /// Path of the manifest.
    file: String,
    /// Profiles whose version was written.
    changes: Vec<Written>,
    /// Profiles whose version stays.
    unchanged: Vec<Kept>,
}

/// A version that was written.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "WrittenVersion")]
struct Written {
    /// Name of the definition.
    definition: String,
    /// Name of the profile.
    name: String,
    /// Version before.
    from: String,
    /// Version now.
    to: String,
    /// How the version now stands to the one before.
    direction: Direction,
}

/// A version that stays.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "KeptVersion")]
struct Kept {
    /// Name of the definition.
    definition: String,
    /// Name of the profile.
    name: String,
    /// Version of the profile.
    version: String,
    /// Newest version that Palette knows for the project, which `--major` would write; null if
    /// none is newer, or with `--to`.
    newest: Option<String>,
    #[serde(skip)]
    why: Why,
}

/// How a version stands to the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Direction {
    /// It is newer.
    Upgrade,
    /// It is older.
    Downgrade,
    /// The two cannot be compared.
    NotComparable,
}

/// Why a version stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    /// Nothing newer is known.
    Newest,
    /// It is the version of `--to`.
    Asked,
    /// It cannot be compared.
    NotComparable,
}

/// What becomes of a profile.
enum Decision {
    Write(Written),
    Keep(Kept),
}

/// The profiles of a definition that are to be upgraded.
struct Selected<'m> {
    definition: &'m Definition,
    profiles: Vec<&'m Profile>,
}

pub(super) fn run(arguments: &UpgradeArgs, context: &Context<'_>) -> Result<CommandOutput, Error> {
    let manifest = context.manifest()?;
    outdated::require_network("upgrade", context)?;
    let selected = select(arguments, &manifest, context)?;
    let catalogue = outdated::catalogue(context, &manifest)?;
    let decide =
        |selected: &Selected<'_>| decide(arguments, context, &manifest, &catalogue, selected);
    let (mut decisions, mut errors) = (Vec::new(), Vec::new());
    for result in parallel::map(&selected, parallel::lookahead(JOBS), decide) {
        match result {
            Ok((found, warnings)) => {
                context.report.warn_all(&warnings);
                decisions.extend(found);
            }
            Err(error) => errors.push(error),
        }
    }
    Error::all(errors).map_or(Ok(()), Err)?;
    let (mut changes, mut unchanged) = (Vec::new(), Vec::new());
    for decision in decisions {
        match decision {
            Decision::Write(written) => changes.push(written),
            Decision::Keep(kept) => unchanged.push(kept),
        }
    }
    if !changes.is_empty() {
        write(context, &manifest, &changes)?;
    }
    report(context, &changes, &unchanged);
    Ok(CommandOutput {
        text: String::new(),
        json: fields(&Document {
            file: shown(&manifest.path),
            changes,
            unchanged,
        }),
        error: None,
    })
}

/// Returns the profiles that the command line means.
fn select<'m>(
    arguments: &UpgradeArgs,
    manifest: &'m Manifest,
    context: &Context<'_>,
) -> Result<Vec<Selected<'m>>, Error> {
    let definitions: Vec<&Definition> = match &arguments.within {
        Some(name) => vec![one(manifest, Some(name))?],
        None => chosen(manifest, &[])?,
    };
    let all = || {
        definitions
            .iter()
            .flat_map(|definition| &definition.profiles)
    };
    let mut errors = Vec::new();
    for text in &arguments.profiles {
        if !all().any(|profile| means(text, &profile.reference)) {
            errors.push(not_found(
                text,
                arguments,
                manifest,
                all().map(|profile| &profile.reference),
            ));
        }
    }
    Error::all(errors).map_or(Ok(()), Err)?;
    let is_asked = |profile: &&Profile| {
        let mut texts = arguments.profiles.iter();
        let by_name = matches!(profile.reference, Reference::Version { .. });
        by_name && (arguments.profiles.is_empty() || texts.any(|t| means(t, &profile.reference)))
    };
    if arguments.profiles.is_empty() {
        let uids = all().filter(|profile| matches!(profile.reference, Reference::Uid(_)));
        let uids: BTreeSet<String> = uids.map(|profile| profile.reference.to_string()).collect();
        if !uids.is_empty() {
            let uids: Vec<String> = uids.into_iter().collect();
            context.report.warn(&messages::not_upgradable(&uids));
        }
    }
    let selected = definitions.iter().map(|definition| Selected {
        definition,
        profiles: definition.profiles.iter().filter(is_asked).collect(),
    });
    Ok(selected.filter(|one| !one.profiles.is_empty()).collect())
}

/// Returns whether `text` means a profile by name, or by name and version.
fn means(text: &str, reference: &Reference) -> bool {
    match reference {
        Reference::Version { name, .. } => name == text || reference.to_string() == text,
        Reference::Uid(_) => false,
    }
}

/// Returns the error for a PROFILE that no definition has with a version.
fn not_found<'r>(
    text: &str,
    arguments: &UpgradeArgs,
    manifest: &Manifest,
    all: impl Iterator<Item = &'r Reference>,
) -> Error {
    let (mut known, mut is_uid) = (BTreeSet::new(), false);
    let parsed = reference::parse(text).ok().map(|parsed| parsed.reference);
    for reference in all {
        is_uid |= matches!(reference, Reference::Uid(_)) && parsed.as_ref() == Some(reference);
        if let Reference::Version { name, .. } = reference {
            known.insert(sanitize::line(name.as_bytes()));
        }
    }
    let text = sanitize::line(manifest::source_of(text, "".as_ref()).text.as_bytes());
    if is_uid {
        return Error::usage(Diagnostic {
            severity: Severity::Error,
            ..messages::not_upgradable(&[text])
        });
    }
    let known: Vec<String> = known.into_iter().collect();
    let (name, version) = text.rsplit_once('@').unwrap_or((&text, ""));
    let near = || nearest(name, known.iter().map(String::as_str));
    let meant = if manifest.definitions.contains_key(&text) {
        ProbablyMeant::Definition(&text)
    } else if !version.is_empty() && known.iter().any(|known| known == name) {
        ProbablyMeant::Version { name, version }
    } else {
        near().map_or(ProbablyMeant::Unknown, ProbablyMeant::Profile)
    };
    let within = arguments.within.as_deref();
    Error::usage(messages::no_profile_with_a_version(
        within, &text, &known, &meant,
    ))
}

/// Decides what becomes of the profiles of a definition.
fn decide(
    arguments: &UpgradeArgs,
    context: &Context<'_>,
    manifest: &Manifest,
    catalogue: &Catalogue,
    selected: &Selected<'_>,
) -> Result<(Vec<Decision>, Vec<Diagnostic>), Error> {
    let definition = selected.definition;
    context.report.status("Resolving", &definition.name);
    let lookup = VersionLookup::new(manifest, definition, catalogue, context.report)?;
    let (mut decisions, mut warnings, mut errors) = (Vec::new(), Vec::new(), Vec::new());
    for profile in &selected.profiles {
        let Reference::Version { name, version } = &profile.reference else {
            continue;
        };
        let to = match &arguments.to {
            Some(to) => lookup.check(profile, name, to).map(|()| Target {
                version: Some(to.clone()).filter(|to| to != version),
                newest: None,
                why: Why::Asked,
            }),
            None => lookup.newer(profile).and_then(|mut found| {
                warnings.append(&mut found.warnings);
                Target::newest(found, arguments.major)
            }),
        };
        match to {
            Ok(to) => decisions.push(to.decision(definition, name, version)),
            Err(error) => errors.push(Error::from(error)),
        }
    }
    Error::all(errors).map_or(Ok((decisions, warnings)), Err)
}

/// The version that a profile is to have.
struct Target {
    /// The version; `None` if the present one stays.
    version: Option<String>,
    /// The newest version, if there is one that is newer.
    newest: Option<String>,
    /// Why the present version stays, if it does.
    why: Why,
}

impl Target {
    /// Returns the newest version, with `major` of any major version.
    fn newest(found: NewerVersions, major: bool) -> Result<Self, ResolveError> {
        let version = if major {
            found.newest.clone()
        } else {
            found.same_major
        };
        let mut ambiguous = found.ambiguous.into_iter();
        if let Some(one) = ambiguous.find(|one| version.as_ref() == Some(&one.version)) {
            return Err(ResolveError::Broken(vec![one.error]));
        }
        Ok(Self {
            version,
            newest: found.newest,
            why: if found.is_comparable {
                Why::Newest
            } else {
                Why::NotComparable
            },
        })
    }

    fn decision(self, definition: &Definition, name: &str, version: &str) -> Decision {
        let (definition, name) = (definition.name.clone(), name.to_owned());
        match self.version {
            Some(to) => Decision::Write(Written {
                definition,
                name,
                direction: match order(&to, version) {
                    VersionOrder::Newer => Direction::Upgrade,
                    VersionOrder::Older => Direction::Downgrade,
                    VersionOrder::Neither => Direction::NotComparable,
                },
                from: version.to_owned(),
                to,
            }),
            None => Decision::Keep(Kept {
                definition,
                name,
                version: version.to_owned(),
                newest: self.newest,
                why: self.why,
            }),
        }
    }
}

/// Writes the versions into the file as it is now. `asked` is the manifest that Palette was asked
/// about.
fn write(context: &Context<'_>, asked: &Manifest, changes: &[Written]) -> Result<(), Error> {
    let editor = ManifestEditor::open(context)?;
    let manifest = editor.manifest()?;
    let mut versions = Vec::new();
    let mut errors = Vec::new();
    for change in changes {
        match place_of(change, manifest, asked) {
            Ok(version) => versions.push(version),
            Err(how) => errors.push(Error::ChangedMeanwhile {
                definition: change.definition.clone(),
                how,
            }),
        }
    }
    Error::all(errors).map_or(Ok(()), Err)?;
    editor.write(context, &set_versions(&editor.text, &versions))
}

/// Returns where a version is in `manifest`, if the definition is still the one in `asked`.
fn place_of(
    change: &Written,
    manifest: &Manifest,
    asked: &Manifest,
) -> Result<NewVersion, Meanwhile> {
    let name = &change.definition;
    let definition = manifest.definitions.get(name).ok_or(Meanwhile::Gone)?;
    let before = asked.definitions.get(name).ok_or(Meanwhile::Gone)?;
    let is_same = definition.asked() == before.asked()
        && definition.project_asked() == before.project_asked();
    let reference = Reference::Version {
        name: change.name.clone(),
        version: change.from.clone(),
    };
    let mut profiles = definition.profiles.iter();
    let profile = profiles.find(|profile| profile.reference == reference);
    let (Some(profile), true) = (profile, is_same) else {
        return Err(Meanwhile::Changed);
    };
    let span = profile.version_span.clone().ok_or(Meanwhile::Changed)?;
    // The value is the version alone if the entry is a table.
    let in_one = span == profile.span;
    Ok(NewVersion {
        span,
        before: if in_one {
            format!("{}@", change.name)
        } else {
            String::new()
        },
        old: change.from.clone(),
        new: change.to.clone(),
    })
}

/// Reports each version once, with the definitions that have it.
fn report(context: &Context<'_>, changes: &[Written], unchanged: &[Kept]) {
    let mut kept: BTreeSet<String> = BTreeSet::new();
    for one in unchanged {
        let label = sanitize::line(format!("{}@{}", one.name, one.version).as_bytes());
        let told = match (&one.newest, one.why) {
            // A warning has said it.
            (_, Why::NotComparable) => continue,
            (_, Why::Asked) => label,
            (None, Why::Newest) => format!("{label} is the newest version known to Palette"),
            (Some(newest), Why::Newest) => {
                let newest = sanitize::line(newest.as_bytes());
                format!("{label}: {newest} has another major version and needs `--major`")
            }
        };
        kept.insert(told);
    }
    for told in &kept {
        context.report.status("Unchanged", told);
    }
    let mut written: BTreeMap<(&str, &str, &str, Direction), Vec<&str>> = BTreeMap::new();
    for one in changes {
        let key = (
            one.name.as_str(),
            one.from.as_str(),
            one.to.as_str(),
            one.direction,
        );
        written.entry(key).or_default().push(&one.definition);
    }
    for ((name, from, to, direction), definitions) in written {
        let verb = match direction {
            Direction::Upgrade => "Upgraded",
            Direction::Downgrade => "Downgraded",
            Direction::NotComparable => "Changed",
        };
        let definitions = definitions.join(", ");
        let told =
            sanitize::line(format!("{name} from {from} to {to} in {definitions}").as_bytes());
        context.report.status(verb, &told);
    }
    let names: BTreeSet<&str> = changes.iter().map(|one| one.definition.as_str()).collect();
    if !names.is_empty() {
        let names: Vec<&str> = names.into_iter().collect();
        let command = format!("edgestage update {}", names.join(" "));
        edit::next(context, &command, "then review what changed");
    }
}
