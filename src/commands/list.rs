//! `edgestage list`: the definitions, for people and for the matrix of a CI job. It reads two
//! files and nothing else.

use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

use super::states::LockState;
use crate::cli::{Format, ListArgs, LockfileUse};
use crate::error::Error;
use crate::manifest::{Definition, Manifest};
use crate::ui::markdown::Comment;
use crate::ui::table::{Cell, Table, Tone};
use crate::ui::{CommandOutput, Report, fields};
use crate::util::digest::Digest;
use crate::util::sanitize;
use crate::workflow::context::{Context, chosen, current, shown};

/// The document of `list`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "List")]
pub(super) struct Document {
    /// Path of the manifest.
    file: String,
    /// The requested definitions, by name.
    definitions: Vec<Listed>,
}

/// Result for one definition.
#[derive(Serialize, JsonSchema)]
struct Listed {
    /// Name of the definition.
    definition: String,
    /// Path of the checkout. If it is below the manifest's directory, the path is
    /// relative to that directory, so it is the same on every machine.
    canvos: String,
    /// Uid or `name@version` of each profile, as in the manifest.
    profiles: Vec<String>,
    /// State of the lock entry.
    lock: LockState,
    /// `content-sha256` of the lock entry; null if the entry is not current.
    content_sha256: Option<Digest>,
    /// Digest of the locked archive, which the registry has it under; null if the entry is not
    /// current.
    sha256: Option<Digest>,
    /// Size of the locked archive; null if the lock entry is not current.
    size: Option<u64>,
}

pub(super) fn run(arguments: &ListArgs, context: &Context<'_>) -> Result<CommandOutput, Error> {
    let manifest = context.manifest()?;
    let lock = context.lockfile(&manifest)?;
    let definitions = chosen(&manifest, &arguments.definitions.names)?;
    let stale = match context.settings.lock {
        LockfileUse::MustMatch => definitions
            .iter()
            .filter_map(|definition| current(&lock, definition).err())
            .collect(),
        LockfileUse::MayWrite => Vec::new(),
    };
    let listed: Vec<Listed> = definitions
        .into_iter()
        .map(|definition| {
            let (locked, lock) = LockState::of(&lock, definition);
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
                sha256: locked.map(|locked| locked.sha256),
                size: locked.map(|locked| locked.size),
            }
        })
        .collect();
    let table = table(&listed, context.report);
    let text = match arguments.format {
        Some(Format::Markdown) => {
            let mut comment = Comment::new(context.environment);
            comment.table(&table);
            comment.finish("edgestage list")
        }
        _ => table.text("", context.report.width()),
    };
    Ok(CommandOutput {
        text,
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
        Ok(path) => sanitize::path(path),
        Err(_) => sanitize::path(&directory),
    }
}

fn table(listed: &[Listed], report: &Report) -> Table {
    let mut table = Table::new(&[
        "definition",
        "canvos",
        "profiles",
        "content",
        "size",
        "lock",
    ]);
    for one in listed {
        let content = one.content_sha256.map(|content| content.short());
        let tone = match one.lock {
            LockState::Current => Tone::Green,
            _ => Tone::Yellow,
        };
        let word = |text: String| Cell::toned(text, Tone::Word);
        table.rows.push(vec![
            Cell::from(report.clean(&one.definition)),
            Cell::from(report.clean(&one.canvos)),
            word(one.profiles.len().to_string()),
            content.map_or_else(|| word("-".to_owned()), Cell::from),
            word(one.size.map_or_else(|| "-".to_owned(), sanitize::size)),
            Cell::toned(one.lock.text(), tone),
        ]);
    }
    table
}
