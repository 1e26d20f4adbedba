//! `edgestage check`: everything that can be said without downloading.

use serde::Serialize;
use serde_json::json;

use super::{Context, chosen, current, load_lock, shown, table, traps};
use crate::canvos::{CanvosError, Checkout, State};
use crate::cli::{LockUse, Network};
use crate::error::Error;
use crate::key::KeyError;
use crate::lock::{Lock, Locked, Outdated};
use crate::manifest::{Definition, Manifest};
use crate::palette::Palette;
use crate::report::Outcome;
use crate::resolve;

/// What is said of one definition.
#[derive(Serialize)]
struct Checked {
    definition: String,
    profiles: usize,
    lock: &'static str,
    palette: &'static str,
    staged: String,
}

pub fn run(names: &[String], context: &Context<'_>) -> Result<Outcome, Error> {
    let manifest = context.manifest()?;
    let definitions = chosen(&manifest, names)?;
    let lock = load_lock(&manifest)?;
    let endpoint = context.endpoint(&manifest)?;
    let (palette, not_asked) = palette(context, &manifest, &endpoint)?;

    let mut errors = Vec::new();
    let mut rows = Vec::new();
    for definition in &definitions {
        let (locked, lock_state) = locked(&lock, definition, &endpoint.to_string());
        let asked = match &palette {
            None => not_asked,
            Some(palette) => ask(context, &manifest, definition, palette, &mut errors),
        };
        if context.settings.lock == LockUse::MustMatch {
            errors.extend(current(&lock, definition, &endpoint.to_string()).err());
        }
        rows.push(Checked {
            definition: definition.name.clone(),
            profiles: definition.profiles.len(),
            lock: lock_state,
            palette: asked,
            staged: staged(context, &manifest, definition, (&lock, locked), &mut errors),
        });
    }
    checkouts(context, &manifest, &definitions, &mut errors);
    Ok(Outcome {
        text: text(&rows),
        json: json!({
            "file": shown(&manifest.path),
            "endpoint": endpoint.to_string(),
            "definitions": rows,
        }),
        error: Error::all(errors),
    })
}

fn text(rows: &[Checked]) -> String {
    let mut cells = vec![table::row(&[
        "definition",
        "profiles",
        "lock",
        "palette",
        "staged",
    ])];
    cells.extend(rows.iter().map(|row| {
        let profiles = row.profiles.to_string();
        table::row(&[
            &row.definition,
            &profiles,
            row.lock,
            row.palette,
            &row.staged,
        ])
    }));
    table::layout(&cells)
}

/// A client, or why Palette is not asked.
fn palette(
    context: &Context<'_>,
    manifest: &Manifest,
    endpoint: &crate::endpoint::Endpoint,
) -> Result<(Option<Palette>, &'static str), Error> {
    if context.settings.network == Network::Off {
        return Ok((None, "not asked: offline"));
    }
    match context.palette(manifest, endpoint.clone()) {
        Ok(palette) => Ok((Some(palette), "")),
        Err(Error::Key(KeyError::None)) => Ok((None, "not asked: no key")),
        Err(error) => Err(error),
    }
}

fn ask(
    context: &Context<'_>,
    manifest: &Manifest,
    definition: &Definition,
    palette: &Palette,
    errors: &mut Vec<Error>,
) -> &'static str {
    match resolve::resolve(manifest, definition, palette, context.report) {
        Ok((_, warnings)) => {
            context.report.warn_all(&warnings);
            "accepts it"
        }
        Err(error) => {
            errors.push(error.into());
            "does not"
        }
    }
}

fn locked<'l>(
    lock: &'l Lock,
    definition: &Definition,
    endpoint: &str,
) -> (Option<&'l Locked>, &'static str) {
    let Some(locked) = lock.definitions.get(&definition.name) else {
        return (None, "not locked");
    };
    match locked.outdated(definition, endpoint) {
        None => (Some(locked), "current"),
        Some(Outdated::Changed) => (None, "outdated: profiles.toml changed"),
        Some(Outdated::Endpoint) => (None, "outdated: other endpoint"),
    }
}

/// What is staged. Nothing staged yet is no mistake, and neither is another definition
/// of the same lock: definitions may take turns in one checkout.
fn staged(
    context: &Context<'_>,
    manifest: &Manifest,
    definition: &Definition,
    (lock, locked): (&Lock, Option<&Locked>),
    errors: &mut Vec<Error>,
) -> String {
    let Ok(checkout) = context.checkout(manifest, definition) else {
        return "no checkout".into();
    };
    let found = match checkout.found(locked, &manifest.limits) {
        Ok(found) => found,
        Err(error) => {
            errors.push(error.into());
            return "unreadable".into();
        }
    };
    if found.iter().all(|found| found.state == State::Missing) {
        return "nothing yet".into();
    }
    if locked.is_some() && Checkout::is_staged(&found) {
        return "as locked".into();
    }
    let other = found.first().and_then(|first| first.owner(lock));
    if let Some(other) = other.filter(|_| found.iter().all(|f| f.owner(lock) == other)) {
        return format!("holds `{other}`");
    }
    if locked.is_some() {
        errors.push(Error::Staged {
            what: format!(
                "what is staged is not `{}` as it is locked",
                definition.name
            ),
            help: format!("run `edgestage stage {}`", definition.name),
        });
    }
    "differs".into()
}

/// What each checkout has that would win over what is staged.
fn checkouts(
    context: &Context<'_>,
    manifest: &Manifest,
    definitions: &[&Definition],
    errors: &mut Vec<Error>,
) {
    let mut directories: Vec<_> = definitions
        .iter()
        .map(|definition| context.canvos_directory(manifest, Some(definition)))
        .collect();
    directories.sort();
    directories.dedup();
    for directory in directories {
        let Ok(checkout) = Checkout::open(&directory) else {
            context.report.status(
                "Note",
                &format!(
                    "no CanvOS checkout at {}",
                    crate::printable::path(&directory)
                ),
            );
            continue;
        };
        match traps(context, &checkout) {
            Ok(grave) if grave.is_empty() => {}
            Ok(grave) => errors.push(CanvosError::Trapped(grave).into()),
            Err(error) => errors.push(error),
        }
    }
}
