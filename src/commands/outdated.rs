//! `edgestage outdated`: the newer versions of the profiles in `profiles.toml` that Palette
//! knows for their projects. Writes nothing.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

use super::{edit, messages};
use crate::cli::{Format, JOBS, Network, OutdatedArgs};
use crate::diagnostic::{Diagnostic, Severity};
use crate::error::Error;
use crate::manifest::{Definition, Manifest, Profile, Reference};
use crate::resolve::{Catalogue, NewerVersions, VersionLookup};
use crate::ui::markdown::Comment;
use crate::ui::table::{Cell, Table, Tone};
use crate::ui::{CommandOutput, Report, fields};
use crate::util::sanitize;
use crate::workflow::context::{Context, chosen};
use crate::workflow::parallel;

/// The document of `outdated`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "VersionReport")]
pub(super) struct Document {
    /// The requested definitions whose project is known, by name.
    definitions: Vec<Examined>,
}

/// Result for one definition.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DefinitionVersions")]
struct Examined {
    /// Name of the definition.
    definition: String,
    /// Its profiles, in the order of the manifest.
    profiles: Vec<ProfileVersions>,
}

/// Result for one profile.
#[derive(Serialize, JsonSchema)]
struct ProfileVersions {
    /// Uid or `name@version`, as in the manifest.
    reference: String,
    /// Name of the profile; null if it is not known.
    name: Option<String>,
    /// Version of the profile; null if it is not known.
    version: Option<String>,
    /// How the version stands to the others.
    state: VersionState,
    /// Newest version with the same major version that Palette knows for the project; null if
    /// none is newer.
    same_major: Option<String>,
    /// Newest version that Palette knows for the project; null if none is newer.
    newest: Option<String>,
    /// Code of the error; null if there is none.
    error: Option<&'static str>,
}

/// How the version of a profile stands to the others that Palette knows for the project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum VersionState {
    /// No version is newer.
    Current,
    /// A version with the same major version is newer.
    Newer,
    /// A version is newer, and all that are newer have another major version.
    NewerMajor,
    /// The version is not of the form `1.2.3`, so it cannot be compared.
    NotComparable,
    /// Palette did not say what is newer.
    Unknown,
}

impl VersionState {
    fn of(found: &NewerVersions) -> Self {
        match (&found.newest, &found.same_major) {
            _ if !found.is_comparable => Self::NotComparable,
            (None, _) => Self::Current,
            (Some(_), Some(_)) => Self::Newer,
            (Some(_), None) => Self::NewerMajor,
        }
    }

    fn cell(self) -> Cell {
        match self {
            Self::Current => Cell::toned("current", Tone::Green),
            Self::Newer => Cell::toned("newer", Tone::Yellow),
            Self::NewerMajor => Cell::toned("newer major", Tone::Yellow),
            Self::NotComparable => Cell::toned("not comparable", Tone::Yellow),
            Self::Unknown => Cell::toned("unknown", Tone::Red),
        }
    }
}

pub(super) fn run(arguments: &OutdatedArgs, context: &Context<'_>) -> Result<CommandOutput, Error> {
    let manifest = context.manifest()?;
    let definitions = chosen(&manifest, &arguments.definitions.names)?;
    require_network("outdated", context)?;
    let catalogue = catalogue(context, &manifest)?;
    let mut errors = Vec::new();
    let mut examined = Vec::new();
    let look = |definition: &&Definition| examine(context, &manifest, &catalogue, definition);
    for result in parallel::map(&definitions, parallel::lookahead(JOBS), look) {
        match result {
            Ok((one, warnings, failed)) => {
                context.report.warn_all(&warnings);
                examined.push(one);
                errors.extend(failed);
            }
            Err(error) => errors.push(error),
        }
    }
    let newer = newer(&examined);
    let upgrade = upgrade(&examined);
    if let Some(command) = upgrade {
        edit::next(context, command, "");
    }
    if arguments.exit_code && !newer.is_empty() {
        errors.push(Error::NewerVersions {
            profiles: newer.into_iter().collect(),
            upgrade,
        });
    }
    let table = table(&examined, context.report);
    let text = match arguments.format {
        Some(Format::Markdown) => {
            let mut comment = Comment::new(context.environment);
            comment.table(&table);
            comment.finish("edgestage outdated")
        }
        _ => table.text("", context.report.width()),
    };
    Ok(CommandOutput {
        text,
        json: fields(&Document {
            definitions: examined,
        }),
        error: Error::all(errors),
    })
}

/// Fails with `--offline`, for the command `command`.
pub(super) fn require_network(command: &str, context: &Context<'_>) -> Result<(), Error> {
    match context.settings.network {
        Network::Off => Err(Error::usage(messages::versions_need_palette(command))),
        Network::Allowed => Ok(()),
    }
}

/// Returns a catalogue that nothing was asked of yet.
pub(super) fn catalogue(context: &Context<'_>, manifest: &Manifest) -> Result<Catalogue, Error> {
    let endpoint = context.endpoint(manifest)?;
    Ok(Catalogue::new(context.palette(manifest, endpoint)?))
}

fn examine(
    context: &Context<'_>,
    manifest: &Manifest,
    catalogue: &Catalogue,
    definition: &Definition,
) -> Result<(Examined, Vec<Diagnostic>, Vec<Error>), Error> {
    context.report.status("Resolving", &definition.name);
    let lookup = VersionLookup::new(manifest, definition, catalogue, context.report)?;
    let (mut warnings, mut errors) = (Vec::new(), Vec::new());
    let mut profiles = Vec::new();
    for profile in &definition.profiles {
        profiles.push(match lookup.newer(profile) {
            Ok(mut found) => {
                warnings.append(&mut found.warnings);
                warnings.extend(found.ambiguous.drain(..).map(|one| Diagnostic {
                    severity: Severity::Warning,
                    ..one.error
                }));
                known(profile, found)
            }
            Err(error) => {
                let error = Error::from(error);
                let told = unknown(profile, error.code().token());
                errors.push(error);
                told
            }
        });
    }
    let examined = Examined {
        definition: definition.name.clone(),
        profiles,
    };
    Ok((examined, warnings, errors))
}

fn known(profile: &Profile, found: NewerVersions) -> ProfileVersions {
    ProfileVersions {
        reference: profile.reference.to_string(),
        state: VersionState::of(&found),
        name: Some(found.name),
        version: Some(found.version),
        same_major: found.same_major,
        newest: found.newest,
        error: None,
    }
}

fn unknown(profile: &Profile, error: &'static str) -> ProfileVersions {
    let (name, version) = match &profile.reference {
        Reference::Version { name, version } => (Some(name.clone()), Some(version.clone())),
        Reference::Uid(_) => (None, None),
    };
    ProfileVersions {
        reference: profile.reference.to_string(),
        name,
        version,
        state: VersionState::Unknown,
        same_major: None,
        newest: None,
        error: Some(error),
    }
}

fn newer_profiles(one: &Examined) -> impl Iterator<Item = &ProfileVersions> {
    one.profiles.iter().filter(|one| one.newest.is_some())
}

/// Returns the command that writes newer versions; `None` if it would write nothing.
fn upgrade(examined: &[Examined]) -> Option<&'static str> {
    // `upgrade` can change no uid.
    let by_name = |one: &&ProfileVersions| one.reference.contains('@');
    let newer = || examined.iter().flat_map(newer_profiles).filter(by_name);
    if newer().any(|one| one.same_major.is_some()) {
        return Some("edgestage upgrade");
    }
    newer().next().map(|_| "edgestage upgrade --major")
}

/// Returns the profiles that have a newer version, as `name@version`.
fn newer(examined: &[Examined]) -> BTreeSet<String> {
    let label = |one: &ProfileVersions| {
        let [name, version] = [&one.name, &one.version].map(|part| part.as_deref().unwrap_or("?"));
        sanitize::line(format!("{name}@{version}").as_bytes())
    };
    examined
        .iter()
        .flat_map(newer_profiles)
        .map(label)
        .collect()
}

fn table(examined: &[Examined], report: &Report) -> Table {
    let mut table = Table::new(&[
        "definition",
        "profile",
        "uid",
        "version",
        "same major",
        "newest",
        "state",
    ]);
    let text = |text: Option<&String>| {
        text.map_or_else(
            || Cell::toned("-", Tone::Word),
            |text| Cell::from(report.clean(text)),
        )
    };
    for one in examined {
        for profile in &one.profiles {
            let is_name = profile.reference.contains('@');
            let uid = if is_name { "" } else { &profile.reference };
            table.rows.push(vec![
                Cell::from(report.clean(&one.definition)),
                text(profile.name.as_ref()),
                Cell::from(uid),
                text(profile.version.as_ref()),
                text(profile.same_major.as_ref()),
                text(profile.newest.as_ref()),
                profile.state.cell(),
            ]);
        }
    }
    table.without_empty()
}
