//! `edgestage show`: the profile layers of a definition, without a network. What the
//! vendor's last step wants to be seen on a booted host.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

use super::obtain::Store;
use super::{Context, load_lock, not_locked, one, table, warn_of_outdated};
use crate::archive::{self, InspectError, Inventory};
use crate::cache::Lookup;
use crate::diagnostic::Diagnostic;
use crate::digest::Digest;
use crate::disk::PathError;
use crate::error::{Error, Judged};
use crate::limits::Limits;
use crate::lock::Locked;
use crate::manifest::ManifestError;
use crate::printable;
use crate::report::{Outcome, fields};
use crate::resolve::Pack;
use crate::topic::Topic;
use crate::variables::{self, Variable};

/// Layers in the order in which a host is built from them (`v1PackLayer`).
const LAYERS: [&str; 6] = ["kernel", "os", "k8s", "cni", "csi", "addon"];

/// The document of `show`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Show")]
pub struct Document<'a> {
    /// Name of the definition; null for an archive that is not in the lock.
    definition: Option<&'a str>,
    /// Of the archive, or of the lock entry.
    content_sha256: Digest,
    /// In the lock's order, or that of the directories in the archive.
    profiles: &'a [Shown],
}

/// What is shown of a profile. Name, version, type and packs are the lock's: the
/// archive's own form is not documented.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ShownProfile")]
struct Shown {
    /// Its uid; of an archive that is not in the lock the name of its directory.
    uid: String,
    #[serde(flatten)]
    locked: Option<Identity>,
    /// By layer, from the lock.
    packs: Vec<Pack>,
    /// What the operator is asked for; null where the archive is not at hand, or says
    /// nothing that can be read.
    variables: Option<Vec<Variable>>,
}

#[derive(Serialize, JsonSchema)]
struct Identity {
    /// Its name, where the lock has it.
    name: String,
    /// Its version, where the lock has it.
    version: String,
    /// Its type, where the lock has it.
    #[serde(rename = "type")]
    kind: String,
}

pub fn run(what: Option<&OsStr>, context: &Context<'_>) -> Result<Outcome, Error> {
    match what.map(|what| (what, what.to_str())) {
        None => show_definition(None, context),
        Some((_, Some(name))) if !names_a_file(name) => show_definition(Some(name), context),
        // No definition has a name that is no UTF-8.
        Some((file, _)) => show_file(Path::new(file), context),
    }
}

fn names_a_file(what: &str) -> bool {
    // A definition's name may have dots, but a `.tgz` at its end would be asking for it.
    let name = what.to_ascii_lowercase();
    name.contains('/') || [".tgz", ".tar.gz"].iter().any(|end| name.ends_with(end))
}

fn show_definition(name: Option<&str>, context: &Context<'_>) -> Result<Outcome, Error> {
    let manifest = context.manifest()?;
    let definition = one(&manifest, name)?;
    let store = Store::open(context, &manifest)?;
    let locked = store
        .lock
        .definitions
        .get(&definition.name)
        .ok_or_else(|| not_locked(&store.lock, &definition.name))?;
    warn_of_outdated(
        context,
        &store.lock,
        definition,
        &store.endpoint.to_string(),
    );
    let inventory = match store.cache.lookup(locked, &manifest.limits)? {
        Lookup::Hit(artifact) => {
            let of = Judged::Definition(definition.name.clone());
            Some(inspect(
                artifact.open()?,
                artifact.path(),
                &of,
                &manifest.limits,
            )?)
        }
        Lookup::Miss | Lookup::Damaged(_) => {
            context.report.warn(
                &Diagnostic::warning(format!(
                    "the archive of `{}` is not in the cache",
                    definition.name
                ))
                .note("variables are not shown")
                .help(format!("run `edgestage fetch {}`", definition.name))
                .about(Topic::Cache),
            );
            None
        }
    };
    let profiles = profiles_of(Some(locked), inventory.as_ref());
    let title = format!("{}  content {}", definition.name, locked.content_sha256);
    Ok(outcome(
        Some(&definition.name),
        locked.content_sha256,
        &title,
        &profiles,
    ))
}

fn show_file(file: &Path, context: &Context<'_>) -> Result<Outcome, Error> {
    let path = context.environment.resolve(file);
    // Without a manifest an archive can still be shown, only without names.
    let (limits, lock) = match context.manifest() {
        Ok(manifest) => (manifest.limits, Some(load_lock(&manifest)?)),
        Err(Error::Manifest(ManifestError::Missing(_))) => (Limits::default(), None),
        Err(error) => return Err(error),
    };
    let source = File::open(&path).map_err(PathError::when("read", &path))?;
    let shown = printable::path(file);
    let inventory = inspect(source, &path, &Judged::File(shown.clone()), &limits)?;
    let entry = lock
        .as_ref()
        .and_then(|lock| lock.owner_of(inventory.content_sha256));
    let (name, locked) = entry.map_or((None, None), |(name, locked)| (Some(name), Some(locked)));
    let profiles = profiles_of(locked, Some(&inventory));
    let whose = name.map_or_else(
        || "not in profiles.lock".to_owned(),
        |name| format!("`{name}`"),
    );
    let title = format!("{shown}  content {}  {whose}", inventory.content_sha256);
    Ok(outcome(name, inventory.content_sha256, &title, &profiles))
}

fn inspect(
    source: impl Read,
    path: &Path,
    of: &Judged,
    limits: &Limits,
) -> Result<Inventory, Error> {
    let wanted =
        |path: &[u8]| std::str::from_utf8(path).is_ok_and(|path| variables::uid_in(path).is_some());
    archive::inspect(source, limits, &wanted).map_err(|error| match error {
        InspectError::Refused(refusal) => Error::Archive {
            of: of.clone(),
            refusal,
        },
        InspectError::Io(error) => PathError::when("read", path)(error).into(),
    })
}

/// The lock's profiles in their order, else the directories found in the archive.
fn profiles_of(locked: Option<&Locked>, inventory: Option<&Inventory>) -> Vec<Shown> {
    let found = inventory.map(|inventory| variables::collect(&inventory.collected));
    // A profile without a variables.json has no variables.
    let variables = |uid: &str| match &found {
        None => None,
        Some(found) => found.get(uid).cloned().unwrap_or_else(|| Some(Vec::new())),
    };
    match locked {
        Some(locked) => locked
            .profiles
            .iter()
            .map(|profile| Shown {
                uid: profile.uid.to_string(),
                locked: Some(Identity {
                    name: profile.name.clone(),
                    version: profile.version.clone(),
                    kind: profile.kind.clone(),
                }),
                packs: in_layers(&profile.packs),
                variables: variables(profile.uid.as_str()),
            })
            .collect(),
        None => inventory
            .and_then(|inventory| inventory.profiles.as_ref())
            .into_iter()
            .flatten()
            .map(|uid| Shown {
                uid: uid.clone(),
                locked: None,
                packs: Vec::new(),
                variables: variables(uid),
            })
            .collect(),
    }
}

/// Packs by layer; within a layer in Palette's order.
fn in_layers(packs: &[Pack]) -> Vec<Pack> {
    let mut packs = packs.to_vec();
    packs.sort_by_key(|pack| {
        LAYERS
            .iter()
            .position(|layer| *layer == pack.layer)
            .unwrap_or(LAYERS.len())
    });
    packs
}

fn outcome(
    definition: Option<&str>,
    content_sha256: Digest,
    title: &str,
    profiles: &[Shown],
) -> Outcome {
    let mut text = format!("{title}\n");
    for profile in profiles {
        text.push('\n');
        text.push_str(&profile.text());
    }
    Outcome {
        text,
        json: fields(&Document {
            definition,
            content_sha256,
            profiles,
        }),
        error: None,
    }
}

impl Shown {
    fn text(&self) -> String {
        let shown = |text: &str| printable::line(text.as_bytes());
        let mut text = match &self.locked {
            Some(identity) => format!(
                "{} {}  {}  {}\n",
                shown(&identity.name),
                shown(&identity.version),
                shown(&identity.kind),
                self.uid
            ),
            None => format!("{}\n", shown(&self.uid)),
        };
        let mut rows: Vec<Vec<String>> = self
            .packs
            .iter()
            .map(|pack| {
                table::row(&[
                    "  ",
                    &shown(&pack.layer),
                    &shown(&pack.name),
                    &shown(&pack.tag),
                ])
            })
            .collect();
        let asked: Vec<&Variable> = self
            .variables
            .iter()
            .flatten()
            .filter(|v| !v.hidden)
            .collect();
        text.push_str(&table::layout(&rows));
        if self.variables.is_none() {
            text.push_str("    variables: not known\n");
        } else if !asked.is_empty() {
            text.push_str("    the operator is asked for\n");
            rows = asked
                .iter()
                .map(|variable| variable_row(variable))
                .collect();
            text.push_str(&table::layout(&rows));
        }
        text
    }
}

fn variable_row(variable: &Variable) -> Vec<String> {
    let notes: BTreeMap<&str, bool> = [
        ("required", variable.required),
        ("fixed", variable.immutable),
    ]
    .into();
    let notes: Vec<&str> = notes
        .into_iter()
        .filter(|(_, set)| *set)
        .map(|(note, _)| note)
        .collect();
    vec![
        "    ".to_owned(),
        printable::line(variable.name.as_bytes()),
        printable::line(variable.format.as_bytes()),
        variable.default_shown(),
        notes.join(", "),
    ]
}
