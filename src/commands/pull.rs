//! `edgestage pull`: locked archives from the team's registry into the cache.

use schemars::JsonSchema;
use serde::Serialize;

use crate::archive::ArchiveIdentity;
use crate::cli::{Fleet, Network};
use crate::error::Error;
use crate::manifest::Definition;
use crate::registry;
use crate::ui::table;
use crate::ui::{CommandOutput, Outcome, Summary, fields};
use crate::workflow::context::{Context, chosen, current, shown};
use crate::workflow::parallel;
use crate::workflow::session::{ArchiveOrigin, FromRegistry, LockedArchive, Session};

/// The document of `pull`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Pull")]
pub(super) struct Document {
    /// Definitions whose locked archives are in the cache now, by name.
    definitions: Vec<Pulled>,
}

/// Result for one definition.
#[derive(Serialize, JsonSchema)]
struct Pulled {
    /// Name of the definition.
    definition: String,
    /// Source of the archive.
    origin: ArchiveOrigin,
    /// Path of the archive in the cache.
    path: String,
    #[serde(flatten)]
    archive: ArchiveIdentity,
}

pub(super) fn run(arguments: &Fleet, context: &Context<'_>) -> Result<CommandOutput, Error> {
    if context.settings.network == Network::Off {
        return Err(Error::usage(registry::messages::needs_network("pull")));
    }
    let manifest = context.manifest()?;
    if manifest.registry.is_none() {
        return Err(Error::usage(registry::messages::no_registry("pull")));
    }
    let definitions = chosen(&manifest, &arguments.definitions.names)?;
    let session = Session::open(context, &manifest)?;
    session.cache.sweep();
    let counter = context.report.counter(definitions.len());
    let results = parallel::map(&definitions, arguments.jobs.jobs, |definition| {
        counter.count(pull(context, &session, definition))
    });
    drop(counter);
    let mut pulled = Vec::new();
    let mut errors = Vec::new();
    for (definition, result) in definitions.iter().zip(results) {
        match result {
            Ok(archive) => pulled.push(Pulled {
                definition: definition.name.clone(),
                origin: archive.origin,
                path: shown(archive.artifact.path()),
                archive: archive.artifact.identity(),
            }),
            Err(error) => errors.push(error),
        }
    }
    let mut summary = Summary::of(definitions.len());
    for one in &pulled {
        summary.add(
            &one.definition,
            match one.origin {
                ArchiveOrigin::Cache => Outcome::Found("from the cache"),
                _ => Outcome::Done("pulled"),
            },
        );
    }
    context.report.finished(&summary);
    let text = match &pulled[..] {
        [only] if definitions.len() == 1 => format!("{}\n", only.path),
        several => {
            let row = |one: &Pulled| table::row(&[&one.definition, &one.path]);
            table::layout(&several.iter().map(row).collect::<Vec<_>>())
        }
    };
    Ok(CommandOutput {
        text,
        json: fields(&Document {
            definitions: pulled,
        }),
        error: Error::all(errors),
    })
}

/// Returns the locked archive from the cache, else from the registry. Palette is never asked.
fn pull(
    context: &Context<'_>,
    session: &Session<'_>,
    definition: &Definition,
) -> Result<LockedArchive, Error> {
    let locked = current(&session.lock, definition)?;
    if let Some(archive) = session.cached(context, definition, locked)? {
        context
            .report
            .status("Unchanged", &format!("{} is in the cache", definition.name));
        return Ok(archive);
    }
    match session.pull(context, &definition.name, locked)? {
        FromRegistry::Archive(archive) => Ok(*archive),
        FromRegistry::Absent(error) => Err(error.into()),
        FromRegistry::NotAsked => Err(Error::usage(registry::messages::no_registry("pull"))),
    }
}
