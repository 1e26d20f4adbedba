//! `edgestage list`: the definitions, for people and for the matrix of a CI. Reads two
//! files and nothing else.

use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

use super::check::{LOCK_STATES, lock_state};
use super::{Context, chosen, current, load_lock, shown, table};
use crate::cli::LockUse;
use crate::digest::Digest;
use crate::error::Error;
use crate::manifest::{Definition, Manifest};
use crate::printable;
use crate::report::{Outcome, fields};

/// The document of `list`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "List")]
pub struct Document {
    /// The manifest.
    file: String,
    /// Those that were asked about, by name.
    definitions: Vec<Listed>,
}

/// What is said of one definition.
#[derive(Serialize, JsonSchema)]
struct Listed {
    /// Name of the definition.
    definition: String,
    /// The checkout, relative to the manifest's directory where it is below it: the same
    /// on every machine.
    canvos: String,
    /// Uid or `name@version` of each profile, as asked.
    profiles: Vec<String>,
    /// How the lock stands to the definition.
    #[schemars(extend("enum" = LOCK_STATES))]
    lock: &'static str,
    /// Of the lock entry; null where it is not current.
    content_sha256: Option<Digest>,
    /// Of the lock entry; null where it is not current.
    size: Option<u64>,
}

pub fn run(names: &[String], context: &Context<'_>) -> Result<Outcome, Error> {
    let manifest = context.manifest()?;
    let lock = load_lock(&manifest)?;
    let endpoint = context.endpoint(&manifest)?.to_string();
    let definitions = chosen(&manifest, names)?;
    let stale = match context.settings.lock {
        LockUse::MustMatch => definitions
            .iter()
            .filter_map(|definition| current(&lock, definition, &endpoint).err())
            .collect(),
        LockUse::MayWrite => Vec::new(),
    };
    let listed: Vec<Listed> = definitions
        .into_iter()
        .map(|definition| {
            let (locked, lock) = lock_state(&lock, definition, &endpoint);
            Listed {
                definition: definition.name.clone(),
                canvos: canvos(context, &manifest, definition),
                profiles: definition
                    .profiles
                    .iter()
                    .map(|profile| profile.reference.to_string())
                    .collect(),
                lock,
                content_sha256: locked.map(|locked| locked.content_sha256),
                size: locked.map(|locked| locked.size),
            }
        })
        .collect();
    Ok(Outcome {
        text: text(&listed),
        json: fields(&Document {
            file: shown(&manifest.path),
            definitions: listed,
        }),
        error: Error::all(stale),
    })
}

fn canvos(context: &Context<'_>, manifest: &Manifest, definition: &Definition) -> String {
    let directory = context.canvos_directory(manifest, Some(definition));
    let own = manifest.path.parent().unwrap_or(Path::new(""));
    match directory.strip_prefix(own) {
        Ok(path) if path == Path::new("") => ".".to_owned(),
        Ok(path) => printable::path(path),
        Err(_) => printable::path(&directory),
    }
}

fn text(listed: &[Listed]) -> String {
    let rows: Vec<Vec<String>> = listed
        .iter()
        .map(|one| {
            let content = one.content_sha256.map(|content| content.short());
            let profiles = printable::count(one.profiles.len(), "profile");
            let content = content.unwrap_or_else(|| "-".to_owned());
            table::row(&[&one.definition, &one.canvos, &profiles, &content, one.lock])
        })
        .collect();
    table::layout(&rows)
}
