//! `edgestage push`: locked archives into the team's registry.

use schemars::JsonSchema;
use serde::Serialize;

use crate::api_key::KeyError;
use crate::cli::{Fleet, Network};
use crate::error::Error;
use crate::lockfile::LockEntry;
use crate::manifest::{Definition, Manifest};
use crate::registry::{self, Access, Registry};
use crate::ui::table;
use crate::ui::{CommandOutput, Outcome, Summary, TransferKind, fields};
use crate::util::digest::Digest;
use crate::workflow::context::{Context, chosen, current};
use crate::workflow::fetcher::{Fetcher, Pinning};
use crate::workflow::parallel;
use crate::workflow::session::{ArchiveOrigin, LockedArchive, Session, lacks};

/// The document of `push`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Push")]
pub(super) struct Document {
    /// Definitions that the registry has now, by name.
    definitions: Vec<Pushed>,
}

/// The value for a definition of which something was sent.
const PUSHED: &str = "pushed";

/// Result for one definition that the registry has.
#[derive(Serialize, JsonSchema)]
pub(super) struct Pushed {
    /// Name of the definition.
    pub definition: String,
    /// What `push` did; `unchanged` if the registry had everything.
    #[schemars(extend("enum" = [PUSHED, "unchanged"]))]
    result: &'static str,
    /// The manifest: `REPOSITORY@sha256:…`.
    pub reference: String,
    /// Tag of the manifest.
    tag: String,
    /// Digest of the archive, which is the digest of the blob.
    sha256: Digest,
    /// Source of the archive; null if the registry had it.
    origin: Option<ArchiveOrigin>,
}

pub(super) fn run(arguments: &Fleet, context: &Context<'_>) -> Result<CommandOutput, Error> {
    let manifest = context.manifest()?;
    let pusher = Pusher::new(context, &manifest, "push")?;
    let definitions = chosen(&manifest, &arguments.definitions.names)?;
    let (done, error) = pusher.push_all(context, &definitions, arguments.jobs.jobs)?;
    let mut summary = Summary::of(definitions.len());
    for one in &done {
        summary.add(&one.definition, one.outcome());
    }
    context.report.finished(&summary);
    let rows: Vec<Vec<String>> = done
        .iter()
        .map(|one| table::row(&[&one.definition, &one.reference]))
        .collect();
    let text = match &done[..] {
        [only] if definitions.len() == 1 => format!("{}\n", only.reference),
        _ => table::layout(&rows),
    };
    Ok(CommandOutput {
        text,
        json: fields(&Document { definitions: done }),
        error,
    })
}

/// A client that may write to the registry.
pub(super) struct Pusher<'m> {
    manifest: &'m Manifest,
    registry: Registry,
}

impl<'m> Pusher<'m> {
    /// Creates the client for `command`.
    ///
    /// # Errors
    /// Fails if there is no registry, or with `--offline`.
    pub(super) fn new(
        context: &Context<'_>,
        manifest: &'m Manifest,
        command: &str,
    ) -> Result<Self, Error> {
        if context.settings.network == Network::Off {
            return Err(Error::usage(registry::messages::needs_network(command)));
        }
        let registry = context.registry(manifest, Access::Push)?;
        let registry =
            registry.ok_or_else(|| Error::usage(registry::messages::no_registry(command)))?;
        Ok(Self { manifest, registry })
    }

    /// Pushes the definitions, several at once. A failure does not stop the others.
    pub(super) fn push_all(
        &self,
        context: &Context<'_>,
        definitions: &[&Definition],
        jobs: u16,
    ) -> Result<(Vec<Pushed>, Option<Error>), Error> {
        let session = Session::open(context, self.manifest)?;
        let counter = context.report.counter(definitions.len());
        let results = parallel::map(definitions, jobs, |definition| {
            counter.count(self.push(context, &session, definition))
        });
        drop(counter);
        let mut pushed = Vec::new();
        let mut errors = Vec::new();
        for result in results {
            match result {
                Ok(one) => pushed.push(one),
                Err(error) => errors.push(error),
            }
        }
        Ok((pushed, Error::all(errors)))
    }

    fn push(
        &self,
        context: &Context<'_>,
        session: &Session<'_>,
        definition: &Definition,
    ) -> Result<Pushed, Error> {
        let report = context.report;
        let name = &definition.name;
        let locked = current(&session.lock, definition)?;
        let manifest = Registry::manifest(name, locked)?;
        // Everybody who may pull reads the manifest, and names in it come from Palette.
        if report.holds_key(&String::from_utf8_lossy(&manifest)) {
            return Err(Error::usage(registry::messages::secret_in_manifest(name)));
        }
        let archive = if self.registry.has(locked, report)? {
            None
        } else {
            Some(locked_bytes(context, session, definition, locked)?)
        };
        let file = archive
            .as_ref()
            .map(|archive| archive.artifact.share())
            .transpose()?;
        let progress = report.transfer(name, TransferKind::Push);
        let pushed = self.registry.push(name, locked, file.as_ref(), &progress);
        drop(progress);
        let pushed = pushed?;
        let is_new = pushed.sent_archive || pushed.sent_manifest;
        let verb = if is_new { "Pushed" } else { "Unchanged" };
        let tag = &pushed.tag;
        report.status(
            verb,
            &format!("{name} as {}:{tag}", self.registry.repository()),
        );
        Ok(Pushed {
            definition: name.clone(),
            result: if is_new { PUSHED } else { "unchanged" },
            reference: pushed.reference,
            tag: pushed.tag,
            sha256: locked.sha256,
            origin: archive.map(|archive| archive.origin),
        })
    }
}

impl Pushed {
    fn outcome(&self) -> Outcome {
        match self.result {
            PUSHED => Outcome::Done(PUSHED),
            word => Outcome::Found(word),
        }
    }
}

/// Returns the locked archive from the cache, else from Palette, if it has the locked bytes.
fn locked_bytes(
    context: &Context<'_>,
    session: &Session<'_>,
    definition: &Definition,
    locked: &LockEntry,
) -> Result<LockedArchive, Error> {
    let archive = match session.cached(context, definition, locked)? {
        Some(archive) => archive,
        None => from_palette(context, session, definition, locked)?,
    };
    let found = archive.artifact.identity().sha256;
    if found == locked.sha256 {
        return Ok(archive);
    }
    Err(Error::NotTheLockedBytes {
        definition: definition.name.clone(),
        locked: locked.sha256,
        found,
    })
}

fn from_palette(
    context: &Context<'_>,
    session: &Session<'_>,
    definition: &Definition,
    locked: &LockEntry,
) -> Result<LockedArchive, Error> {
    let fetcher = Fetcher::new(context, session, 1).map_err(|error| match error {
        // The registry was asked before.
        Error::Key(KeyError::None) => Error::NoSource {
            definition: definition.name.clone(),
            registry: lacks(session.manifest, locked),
            palette: Box::new(Error::Key(KeyError::None)),
        },
        error => error,
    })?;
    fetcher.fetch(definition, Pinning::Respect)
}
