//! `edgestage stage`.

use serde_json::json;

use super::fetch::offline;
use super::obtain::{Origin, Pinning, Store};
use super::{Context, one, shown, table, traps};
use crate::canvos::{CanvosError, Checkout, Placement};
use crate::cli::Network;
use crate::error::Error;
use crate::lock::Locked;
use crate::report::Outcome;

pub fn run(name: Option<&str>, context: &Context<'_>) -> Result<Outcome, Error> {
    let manifest = context.manifest()?;
    let definition = one(&manifest, name)?;
    let checkout = context.checkout(&manifest, definition)?;
    let mut store = Store::open(context, &manifest)?;
    refuse_traps(context, &checkout)?;

    let current = store.current(context, definition)?;
    if let Some(locked) = &current
        && Checkout::is_staged(&checkout.found(Some(locked), &manifest.limits)?)
    {
        context.report.status("Unchanged", &definition.name);
        return Ok(outcome(
            &checkout,
            &definition.name,
            locked,
            "unchanged",
            None,
        ));
    }
    let cached = match &current {
        Some(locked) => store.cached(context, locked)?,
        None => None,
    };
    let (artifact, locked, origin) = if let (Some(artifact), Some(locked)) = (cached, current) {
        (artifact, locked, Origin::Cache)
    } else {
        let obtained = match context.settings.network {
            Network::Allowed => store.fetch(context, definition, Pinning::Respect)?,
            Network::Off => offline(&store, context, definition)?,
        };
        (obtained.artifact, obtained.locked, obtained.origin)
    };

    let held = checkout.hold(|| {
        context
            .report
            .status("Waiting", "for another edgestage in this checkout");
    })?;
    // Looked at again under the lock: another run may have staged it meanwhile.
    if Checkout::is_staged(&checkout.found(Some(&locked), &manifest.limits)?) {
        context.report.status("Unchanged", &definition.name);
        return Ok(outcome(
            &checkout,
            &definition.name,
            &locked,
            "unchanged",
            Some(origin),
        ));
    }
    checkout.stage(&artifact, &held)?;
    context.report.status(
        "Staged",
        &format!("{} in {}", definition.name, shown(checkout.directory())),
    );
    Ok(outcome(
        &checkout,
        &definition.name,
        &locked,
        "staged",
        Some(origin),
    ))
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

fn outcome(
    checkout: &Checkout,
    definition: &str,
    locked: &Locked,
    result: &str,
    origin: Option<Origin>,
) -> Outcome {
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
            "origin": origin,
            "content_sha256": locked.content_sha256,
            "placements": paths,
        }),
        error: None,
    }
}
