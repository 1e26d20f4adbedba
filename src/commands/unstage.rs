//! `edgestage unstage`: removes the staged definition from a checkout.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

use super::stage;
use crate::canvos::Checkout;
use crate::error::Error;
use crate::ui::table;
use crate::ui::{CommandOutput, fields};
use crate::util::files::Identity;
use crate::workflow::context::{Context, one, shown};

/// The document of `unstage`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Unstage")]
pub(super) struct Document {
    /// Paths that were removed.
    removed: Vec<String>,
}

pub(super) fn run(name: Option<&str>, context: &Context<'_>) -> Result<CommandOutput, Error> {
    let manifest = context.manifest()?;
    let checkout = match name {
        Some(_) => context.checkout(&manifest, one(&manifest, name)?)?,
        None => shared(&manifest, context)?,
    };
    let held = stage::lock_swept(context, &checkout)?;
    let lock = context.lockfile(&manifest)?;
    let removed = checkout.unstage(&lock, &manifest.limits, &held)?;
    let directory = shown(checkout.directory());
    let paths: Vec<String> = removed
        .iter()
        .map(|placement| format!("{directory}/{}", placement.path()))
        .collect();
    if paths.is_empty() {
        context
            .report
            .status("Unchanged", &format!("nothing is staged in {directory}"));
    } else {
        context.report.status("Unstaged", &directory);
    }
    Ok(CommandOutput {
        text: table::lines(&paths),
        json: fields(&Document { removed: paths }),
        error: None,
    })
}

/// Returns the checkout that all definitions share. If there are several checkouts, a NAME is
/// needed.
pub(super) fn shared(
    manifest: &crate::manifest::Manifest,
    context: &Context<'_>,
) -> Result<Checkout, Error> {
    manifest.definitions.require_all()?;
    let mut directories: Vec<_> = manifest
        .definitions
        .values()
        .map(|definition| context.canvos_directory(manifest, Some(definition)))
        .collect();
    directories.sort();
    // A symbolic link to a checkout, or a bind mount of it, is the same checkout.
    let mut known = BTreeSet::new();
    directories.retain(|directory| known.insert(Identity::of(directory)));
    match &directories[..] {
        [directory] => Ok(Checkout::open(directory)?),
        _ => Err(Error::NameNeeded(
            manifest.definitions.keys().cloned().collect(),
        )),
    }
}
