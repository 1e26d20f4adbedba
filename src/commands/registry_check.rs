//! What `check` says about the team's registry: whether it has the locked archives.

use super::states::RegistryState;
use crate::cli::{JOBS, Network};
use crate::error::{Error, Exit};
use crate::lockfile::{LockEntry, Lockfile};
use crate::manifest::{Definition, Manifest};
use crate::registry::{Access, Registry};
use crate::workflow::context::{Context, current};
use crate::workflow::parallel;
use crate::workflow::session::lacks;

/// Asks the registry about `definitions`, and returns the states in their order. An archive
/// that is lacking, and a registry that cannot be reached, are warnings.
pub(super) fn states(
    context: &Context<'_>,
    manifest: &Manifest,
    lock: &Lockfile,
    definitions: &[&Definition],
    errors: &mut Vec<Error>,
) -> Vec<RegistryState> {
    let all = |state| vec![state; definitions.len()];
    if manifest.registry.is_none() {
        return all(RegistryState::None);
    }
    if context.settings.network == Network::Off {
        return all(RegistryState::Offline);
    }
    let registry = match context.registry(manifest, Access::Pull) {
        Ok(Some(registry)) => registry,
        Ok(None) => return all(RegistryState::None),
        Err(error) => {
            errors.push(error);
            return all(RegistryState::Unreachable);
        }
    };
    let results = parallel::map(definitions, JOBS, |definition| {
        match current(lock, definition) {
            Ok(locked) => ask(context, manifest, &registry, locked),
            Err(_) => Ok(RegistryState::NotLocked),
        }
    });
    let state = |result: Result<RegistryState, Error>| {
        result.unwrap_or_else(|error| {
            let state = match error.exit() {
                Exit::Key => RegistryState::Refused,
                _ => RegistryState::Unreachable,
            };
            if error.exit() == Exit::Unreachable {
                warn(context, &error);
            } else {
                errors.push(error);
            }
            state
        })
    };
    results.into_iter().map(state).collect()
}

fn ask(
    context: &Context<'_>,
    manifest: &Manifest,
    registry: &Registry,
    locked: &LockEntry,
) -> Result<RegistryState, Error> {
    if registry.has(locked, context.report)? {
        return Ok(RegistryState::Has);
    }
    warn(context, &lacks(manifest, locked).into());
    Ok(RegistryState::Lacks)
}

fn warn(context: &Context<'_>, error: &Error) {
    for warning in error.warnings() {
        context.report.warn(&warning);
    }
}
