//! The archive with exactly the locked bytes, for commands that send or sign them: from the
//! cache, else from the team's registry, else from Palette.

use crate::api_key::KeyError;
use crate::cli::Network;
use crate::error::Error;
use crate::lockfile::LockEntry;
use crate::manifest::Definition;
use crate::registry::RegistryError;
use crate::workflow::context::Context;
use crate::workflow::fetcher::{Fetcher, Pinning};
use crate::workflow::session::{FromRegistry, LockedArchive, Session};

/// Returns the archive of `locked`.
///
/// # Errors
/// Fails if nobody has an archive with the locked content, or if it has other bytes.
pub(super) fn locked_bytes(
    context: &Context<'_>,
    session: &Session<'_>,
    definition: &Definition,
    locked: &LockEntry,
) -> Result<LockedArchive, Error> {
    let cached = session.cached(context, definition, locked)?;
    let is_locked = |archive: &LockedArchive| archive.artifact.identity().sha256 == locked.sha256;
    let other_bytes = match cached {
        Some(archive) if is_locked(&archive) => return Ok(archive),
        cached => cached,
    };
    let absent = match session.pull(context, &definition.name, locked)? {
        FromRegistry::Archive(archive) => return Ok(*archive),
        FromRegistry::Absent(error) => Some(error),
        FromRegistry::NotAsked => None,
    };
    let archive = match other_bytes {
        Some(archive) => archive,
        None if context.settings.network == Network::Off => session.offline(context, definition)?,
        None => from_palette(context, session, definition, absent)?,
    };
    if is_locked(&archive) {
        return Ok(archive);
    }
    Err(Error::NotTheLockedBytes {
        definition: definition.name.clone(),
        locked: locked.sha256,
        found: archive.artifact.identity().sha256,
    })
}

/// Fetches the definition again; `absent` is why the registry has no archive, if it was asked.
pub(super) fn from_palette(
    context: &Context<'_>,
    session: &Session<'_>,
    definition: &Definition,
    absent: Option<RegistryError>,
) -> Result<LockedArchive, Error> {
    let fetcher = Fetcher::new(context, session, 1).map_err(|error| match (error, absent) {
        (Error::Key(KeyError::None), Some(registry)) => Error::NoSource {
            definition: definition.name.clone(),
            registry,
            palette: Box::new(Error::Key(KeyError::None)),
        },
        (error, _) => error,
    })?;
    fetcher.fetch(definition, Pinning::Respect)
}
