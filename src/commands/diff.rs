//! `edgestage diff`: what changed in Palette since the lock. Writes nothing but a
//! temporary file in the cache.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::json;

use super::obtain::{Store, Told, told};
use super::source::{Served, Source};
use super::{Context, chosen, fleet, not_locked, warn_of_outdated};
use crate::cli::{Fleet, Network, Verbosity};
use crate::diagnostic::Diagnostic;
use crate::drift::{self, Change};
use crate::error::Error;
use crate::lock::Locked;
use crate::manifest::Definition;
use crate::report::Outcome;

/// What is said of one definition.
#[derive(Serialize)]
struct Compared {
    definition: String,
    drift: bool,
    changes: Vec<Told>,
    /// Unified diffs, with `-v`.
    files: Vec<Inside>,
}

/// What changed inside one file.
#[derive(Serialize)]
struct Inside {
    path: String,
    diff: String,
}

pub fn run(arguments: &Fleet, context: &Context<'_>) -> Result<Outcome, Error> {
    if context.settings.network == Network::Off {
        return Err(Error::Usage(Box::new(
            Diagnostic::error("`diff` compares the lock with Palette")
                .help("leave `--offline` out"),
        )));
    }
    let manifest = context.manifest()?;
    let definitions = chosen(&manifest, &arguments.definitions.names)?;
    let store = Store::open(context, &manifest)?;
    let source = Source::new(context, &store)?;
    let compare = |definition: &&Definition| compare(context, &store, &source, definition);
    let mut compared = Vec::new();
    let mut errors = Vec::new();
    for result in fleet::map(&definitions, arguments.jobs.jobs, compare) {
        match result {
            Ok(one) => compared.push(one),
            Err(error) => errors.push(error),
        }
    }
    // The changes are the result, on standard output; the error says what to do.
    errors.extend(
        compared
            .iter()
            .filter(|one| one.drift)
            .map(|one| Error::Drift {
                definition: one.definition.clone(),
                changes: Vec::new(),
            }),
    );
    Ok(Outcome {
        text: text(&compared),
        json: json!({ "definitions": compared }),
        error: Error::all(errors),
    })
}

fn compare(
    context: &Context<'_>,
    store: &Store<'_>,
    source: &Source<'_>,
    definition: &Definition,
) -> Result<Compared, Error> {
    let name = &definition.name;
    let locked = store.lock.definitions.get(name);
    let locked = locked.ok_or_else(|| not_locked(&store.lock, name))?;
    warn_of_outdated(context, locked, definition, &store.endpoint.to_string());
    let plan = source.plan(definition)?;
    let served = source.serve(&plan)?;
    let changes = source.changes(locked, &served)?;
    let files = if context.report.verbosity() >= Verbosity::Verbose {
        inside(source, locked, &served, &changes)?
    } else {
        Vec::new()
    };
    Ok(Compared {
        definition: name.clone(),
        drift: !changes.is_empty(),
        changes: told(&changes),
        files,
    })
}

/// Reads both archives again for the files that changed.
fn inside(
    source: &Source<'_>,
    locked: &Locked,
    served: &Served,
    changes: &[Change],
) -> Result<Vec<Inside>, Error> {
    let paths: BTreeSet<&str> = changes
        .iter()
        .filter_map(|change| match change {
            Change::File { path, .. } => Some(path.as_str()),
            _ => None,
        })
        .collect();
    if paths.is_empty() {
        return Ok(Vec::new());
    }
    // A path that is shown in another way than it is written is not looked into.
    let wanted = |path: &[u8]| std::str::from_utf8(path).is_ok_and(|path| paths.contains(path));
    let old = source.inspect_locked(locked, &wanted)?;
    let new = source.inspect_served(served, &wanted)?;
    let nothing = BTreeMap::new();
    let old = old
        .as_ref()
        .map_or(&nothing, |inventory| &inventory.collected);
    let new = new
        .as_ref()
        .map_or(&nothing, |inventory| &inventory.collected);
    let diff = |path: &str| {
        let [old, new] = [old, new].map(|files| files.get(path).map(Vec::as_slice));
        Inside {
            path: path.to_owned(),
            diff: drift::unified(path, old, new),
        }
    };
    Ok(paths.into_iter().map(diff).collect())
}

/// A block for each definition that changed, a line for each that did not.
fn text(compared: &[Compared]) -> String {
    let mut text = String::new();
    let mut apart = false;
    for one in compared {
        if (apart || one.drift) && !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&one.text());
        apart = one.drift;
    }
    text
}

impl Compared {
    fn text(&self) -> String {
        let Self {
            definition,
            changes,
            files,
            ..
        } = self;
        if changes.is_empty() {
            return format!("{definition}: no change\n");
        }
        let mut text = format!("{definition}\n");
        for change in changes {
            text.extend(["  ", change.text(), "\n"]);
        }
        for file in files {
            text.push('\n');
            text.push_str(&file.diff);
        }
        text
    }
}
