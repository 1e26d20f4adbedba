//! `edgestage stage`.

use serde_json::json;

use super::fetch::offline;
use super::obtain::{Obtained, Pinning, Store};
use super::{Context, one, shown, table, traps};
use crate::canvos::{CanvosError, Checkout, Placement};
use crate::cli::Network;
use crate::error::Error;
use crate::lock::Locked;
use crate::manifest::Definition;
use crate::report::Outcome;

pub fn run(name: Option<&str>, context: &Context<'_>) -> Result<Outcome, Error> {
    let manifest = context.manifest()?;
    let definition = one(&manifest, name)?;
    let checkout = context.checkout(&manifest, definition)?;
    let mut store = Store::open(context, &manifest)?;
    refuse_traps(context, &checkout)?;
    let staged = |locked: &Locked| -> Result<bool, Error> {
        Ok(Checkout::is_staged(
            &checkout.found(Some(locked), &manifest.limits)?,
        ))
    };

    let current = store.current(context, definition)?;
    if let Some(locked) = &current
        && staged(locked)?
    {
        context.report.status("Unchanged", &definition.name);
        return Ok(outcome(
            &checkout,
            &definition.name,
            locked,
            Done::Unchanged(None),
        ));
    }
    let obtained = obtain(&mut store, context, definition, current)?;
    let held = checkout.hold(|| {
        context
            .report
            .status("Waiting", "for another edgestage in this checkout");
    })?;
    // Looked at again under the lock: another run may have staged it meanwhile.
    let done = if staged(&obtained.locked)? {
        context.report.status("Unchanged", &definition.name);
        Done::Unchanged(Some(&obtained))
    } else {
        checkout.stage(&obtained.artifact, &held)?;
        let place = shown(checkout.directory());
        context
            .report
            .status("Staged", &format!("{} in {place}", definition.name));
        Done::Staged(&obtained)
    };
    Ok(outcome(&checkout, &definition.name, &obtained.locked, done))
}

/// The cached archive, else one from Palette where that may be asked.
fn obtain(
    store: &mut Store<'_>,
    context: &Context<'_>,
    definition: &Definition,
    current: Option<Locked>,
) -> Result<Obtained, Error> {
    if let Some(locked) = current
        && let Some(artifact) = store.cached(context, &locked)?
    {
        return Ok(Obtained::cached(artifact, locked));
    }
    match context.settings.network {
        Network::Allowed => store.fetch(context, definition, Pinning::Respect),
        Network::Off => offline(store, context, definition),
    }
}

/// Warns of what is harmless for the ISO; refuses what would replace the definition.
fn refuse_traps(context: &Context<'_>, checkout: &Checkout) -> Result<(), Error> {
    let grave = traps(context, checkout)?;
    if grave.is_empty() {
        Ok(())
    } else {
        Err(CanvosError::Trapped(grave).into())
    }
}

/// How it went.
#[derive(Clone, Copy)]
enum Done<'o> {
    /// Nothing was written, perhaps after an archive was obtained.
    Unchanged(Option<&'o Obtained>),
    /// Both placements were.
    Staged(&'o Obtained),
}

fn outcome(checkout: &Checkout, definition: &str, locked: &Locked, done: Done<'_>) -> Outcome {
    let (result, obtained) = match done {
        Done::Unchanged(obtained) => ("unchanged", obtained),
        Done::Staged(obtained) => ("staged", Some(obtained)),
    };
    let directory = shown(checkout.directory());
    let paths: Vec<String> = Placement::ALL
        .iter()
        .map(|placement| format!("{directory}/{}", placement.path()))
        .collect();
    Outcome {
        text: table::lines(&paths),
        json: json!({
            "definition": definition,
            "result": result,
            "origin": obtained.map(|obtained| obtained.origin),
            "content_sha256": locked.content_sha256,
            "changes": obtained.map(Obtained::changes_shown).unwrap_or_default(),
            "placements": paths,
        }),
        error: None,
    }
}
