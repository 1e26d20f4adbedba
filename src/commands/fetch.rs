//! `edgestage fetch` and `edgestage update`.

use std::fs::File;
use std::path::Path;

use serde::Serialize;
use serde_json::json;

use super::obtain::{Obtained, Origin, Pinning, Store};
use super::{Context, chosen, shown, table};
use crate::cli::{FetchArgs, Network};
use crate::diagnostic::Diagnostic;
use crate::digest::Digest;
use crate::error::Error;
use crate::manifest::Definition;
use crate::printable;
use crate::publish::{self, PathError};
use crate::report::Outcome;

/// What is said of one fetched definition.
#[derive(Serialize)]
struct Fetched {
    definition: String,
    origin: Origin,
    path: String,
    sha256: String,
    size: u64,
    content_sha256: String,
    lock: &'static str,
    changes: Vec<String>,
}

pub fn run(arguments: &FetchArgs, context: &Context<'_>) -> Result<Outcome, Error> {
    let manifest = context.manifest()?;
    let definitions = chosen(&manifest, &arguments.names)?;
    if arguments.output.is_some() && definitions.len() != 1 {
        return Err(Error::Usage(Box::new(
            Diagnostic::error("`--output` takes one definition")
                .help("add the NAME of the one that is meant"),
        )));
    }
    let mut store = Store::open(context, &manifest)?;
    Ok(each(&definitions, |definition| {
        let obtained = match context.settings.network {
            Network::Allowed => store.fetch(context, definition, Pinning::Respect)?,
            Network::Off => offline(&store, context, definition)?,
        };
        let path = match &arguments.output {
            Some(output) => {
                let output = context.environment.resolve(output);
                write_output(&obtained, &output)?;
                shown(&output)
            }
            None => shown(obtained.artifact.path()),
        };
        Ok(fetched(definition, &obtained, path))
    }))
}

pub fn update(names: &[String], context: &Context<'_>) -> Result<Outcome, Error> {
    use crate::cli::LockUse;
    if context.settings.lock == LockUse::MustMatch || context.settings.network == Network::Off {
        return Err(Error::Usage(Box::new(
            Diagnostic::error("`update` rewrites the lock from Palette")
                .help("leave `--locked` and `--offline` out"),
        )));
    }
    let manifest = context.manifest()?;
    let definitions = chosen(&manifest, names)?;
    let mut store = Store::open(context, &manifest)?;
    Ok(each(&definitions, |definition| {
        let obtained = store.fetch(context, definition, Pinning::Renew)?;
        let path = shown(obtained.artifact.path());
        Ok(fetched(definition, &obtained, path))
    }))
}

/// Does every definition; one failure does not stop the others.
fn each(
    definitions: &[&Definition],
    mut act: impl FnMut(&Definition) -> Result<Fetched, Error>,
) -> Outcome {
    let mut fetched = Vec::new();
    let mut errors = Vec::new();
    for definition in definitions {
        match act(definition) {
            Ok(one) => fetched.push(one),
            Err(error) => errors.push(error),
        }
    }
    let text = match &fetched[..] {
        [only] if definitions.len() == 1 => format!("{}\n", only.path),
        several => {
            let rows: Vec<Vec<String>> = several
                .iter()
                .map(|one| table::row(&[&one.definition, &one.path]))
                .collect();
            table::layout(&rows)
        }
    };
    Outcome {
        text,
        json: json!({ "definitions": fetched }),
        error: Error::all(errors),
    }
}

fn fetched(definition: &Definition, obtained: &Obtained, path: String) -> Fetched {
    Fetched {
        definition: definition.name.clone(),
        origin: obtained.origin,
        path,
        sha256: obtained.artifact.sha256().to_string(),
        size: obtained.artifact.size(),
        content_sha256: obtained.artifact.content_sha256().to_string(),
        lock: if obtained.lock_written {
            "written"
        } else {
            "unchanged"
        },
        changes: obtained.changes_shown(),
    }
}

/// What `--offline` can give: the locked archive from the cache.
pub fn offline(
    store: &Store<'_>,
    context: &Context<'_>,
    definition: &Definition,
) -> Result<Obtained, Error> {
    let lacks = |lacks| Error::Offline {
        definition: definition.name.clone(),
        lacks,
    };
    let Some(locked) = store.current(context, definition)? else {
        return Err(lacks(
            if store.lock.definitions.contains_key(&definition.name) {
                "was changed since it was locked"
            } else {
                "is not locked yet"
            },
        ));
    };
    let Some(artifact) = store.cached(context, &locked)? else {
        return Err(lacks("is not in the cache"));
    };
    Ok(Obtained::cached(artifact, locked))
}

/// Writes the archive to `output`, by rename, unless it is there already. A link is
/// followed: it is the user's own name for the file behind it.
fn write_output(obtained: &Obtained, output: &Path) -> Result<(), Error> {
    let refused = |why: &str| {
        let shown = printable::path(output);
        Error::Usage(Box::new(
            Diagnostic::error(format!("`--output` cannot be `{shown}`: {why}")).help("name a file"),
        ))
    };
    let output = &output.canonicalize().unwrap_or_else(|_| output.to_owned());
    if let Ok(metadata) = output.metadata() {
        if !metadata.is_file() {
            return Err(refused("it is no regular file"));
        }
        let mut file = File::open(output).map_err(PathError::when("read", output))?;
        let (sha256, _) = Digest::of_reader(&mut file).map_err(PathError::when("read", output))?;
        if sha256 == obtained.artifact.sha256() {
            return Ok(());
        }
    }
    let directory = output.parent().unwrap_or(Path::new("."));
    if output.file_name().is_none_or(|name| name == "-") || !directory.is_dir() {
        return Err(refused("there is no such directory, or it names none"));
    }
    let mut copy = publish::temporary_in(directory)?;
    std::io::copy(&mut obtained.artifact.open()?, copy.as_file_mut())
        .map_err(PathError::when("write", output))?;
    publish::rename(copy, output)?;
    Ok(())
}
