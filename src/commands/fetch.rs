//! `edgestage fetch` and `edgestage update`.

use schemars::JsonSchema;
use serde::Serialize;

use super::messages;
use super::output::{self, Guard};
use super::push::Pusher;
use crate::archive::ArchiveIdentity;
use crate::cli::{FetchArgs, Network, UpdateArgs};
use crate::error::Error;
use crate::manifest::Definition;
use crate::ui::table;
use crate::ui::{CommandOutput, FETCHED, Outcome, Summary, fields};
use crate::workflow::context::{Context, chosen, shown};
use crate::workflow::fetcher::{Fetcher, Pinning};
use crate::workflow::parallel;
use crate::workflow::session::{ArchiveOrigin, LockedArchive, Reported, Session, reported};

/// The document of `fetch` and of `update`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Fetch")]
pub(super) struct Document {
    /// Definitions that were fetched, by name.
    definitions: Vec<Fetched>,
}

/// The value for a lock entry that this run changed.
const WRITTEN: &str = "written";

/// Result for one fetched definition.
#[derive(Serialize, JsonSchema)]
struct Fetched {
    /// Name of the definition.
    definition: String,
    /// Source of the archive.
    origin: ArchiveOrigin,
    /// Path of the archive; FILE with `--output`.
    path: String,
    #[serde(flatten)]
    archive: ArchiveIdentity,
    /// Whether the lock entry was written.
    #[schemars(extend("enum" = [WRITTEN, "unchanged"]))]
    lock: &'static str,
    /// Changes from the previous lock entry, if this run renewed it.
    changes: Vec<Reported>,
    /// The manifest that was pushed, as `REPOSITORY@sha256:…`; null without `--push`, or if that
    /// failed.
    pushed: Option<String>,
}

pub(super) fn run(arguments: &FetchArgs, context: &Context<'_>) -> Result<CommandOutput, Error> {
    let manifest = context.manifest()?;
    let definitions = chosen(&manifest, &arguments.fleet.definitions.names)?;
    if arguments.output.is_some() && definitions.len() != 1 {
        return Err(Error::usage(messages::output_of_several()));
    }
    // These are checked before anything is asked or written.
    let pusher = arguments
        .push
        .then(|| Pusher::new(context, &manifest, "fetch --push"))
        .transpose()?;
    let guard = Guard::new(context, Some(&manifest));
    let file = arguments.output.as_ref();
    let file = file.map(|output| context.environment.resolve(output));
    file.as_deref().map(|file| guard.check(file)).transpose()?;
    let session = Session::open(context, &manifest)?;
    let output = |obtained: &LockedArchive| match &file {
        Some(file) => {
            session.still_locked(&definitions[0].name, &obtained.locked)?;
            // The path is resolved again: a link may lead to a file that exists only now.
            let real = guard.check(file)?;
            output::write(&obtained.artifact, &real)?;
            Ok(shown(&real))
        }
        None => Ok(shown(obtained.artifact.path())),
    };
    let jobs = arguments.fleet.jobs.jobs;
    let (mut fetched, mut error) = match context.settings.network {
        Network::Allowed => {
            let source = Fetcher::new(context, &session, jobs)?;
            let at_once = parallel::lookahead(jobs);
            each(
                context,
                &session,
                &definitions,
                at_once,
                output,
                |definition| source.fetch(definition, Pinning::Respect),
            )
        }
        Network::Off => each(
            context,
            &session,
            &definitions,
            jobs,
            output,
            |definition| session.offline(context, definition),
        ),
    };
    let outcome_of = |one: &Fetched| match one.origin {
        ArchiveOrigin::Palette => Outcome::Done(FETCHED),
        ArchiveOrigin::Cache => Outcome::Found("from the cache"),
        ArchiveOrigin::Registry => Outcome::Found("from the registry"),
    };
    tell(context, &fetched, definitions.len(), &outcome_of);
    if let Some(pusher) = pusher {
        push(
            context,
            &pusher,
            &mut fetched,
            &mut error,
            &definitions,
            jobs,
        )?;
    }
    Ok(outcome(fetched, definitions.len(), error))
}

/// Pushes what was fetched.
fn push(
    context: &Context<'_>,
    pusher: &Pusher<'_>,
    fetched: &mut [Fetched],
    error: &mut Option<Error>,
    definitions: &[&Definition],
    jobs: u16,
) -> Result<(), Error> {
    let is_fetched = |name: &String| fetched.iter().any(|one| one.definition == *name);
    let meant: Vec<&Definition> = definitions
        .iter()
        .copied()
        .filter(|definition| is_fetched(&definition.name))
        .collect();
    let (done, failed) = pusher.push_all(context, &meant, jobs)?;
    for one in done {
        let found = fetched.iter_mut().find(|f| f.definition == one.definition);
        if let Some(found) = found {
            found.pushed = Some(one.reference);
        }
    }
    *error = Error::all(error.take().into_iter().chain(failed).collect());
    Ok(())
}

pub(super) fn update(
    arguments: &UpdateArgs,
    context: &Context<'_>,
) -> Result<CommandOutput, Error> {
    use crate::cli::LockfileUse;
    if context.settings.lock == LockfileUse::MustMatch || context.settings.network == Network::Off {
        return Err(Error::usage(messages::update_rewrites_the_lock()));
    }
    let manifest = context.manifest()?;
    let pusher = arguments
        .push
        .then(|| Pusher::new(context, &manifest, "update --push"))
        .transpose()?;
    let definitions = chosen(&manifest, &arguments.fleet.definitions.names)?;
    let session = Session::open(context, &manifest)?;
    let jobs = arguments.fleet.jobs.jobs;
    let source = Fetcher::new(context, &session, jobs)?;
    let path = |obtained: &LockedArchive| Ok(shown(obtained.artifact.path()));
    let at_once = parallel::lookahead(jobs);
    let (mut fetched, mut error) = each(
        context,
        &session,
        &definitions,
        at_once,
        path,
        |definition| source.fetch(definition, Pinning::Renew),
    );
    for one in fetched.iter().filter(|one| one.lock != WRITTEN) {
        context.report.status("Unchanged", &one.definition);
    }
    let outcome_of = |one: &Fetched| match one.lock {
        WRITTEN => Outcome::Done("lock updated"),
        _ => Outcome::Found("unchanged"),
    };
    tell(context, &fetched, definitions.len(), &outcome_of);
    if let Some(pusher) = pusher {
        push(
            context,
            &pusher,
            &mut fetched,
            &mut error,
            &definitions,
            jobs,
        )?;
    }
    Ok(outcome(fetched, definitions.len(), error))
}

/// Reports the result of a run for `meant` definitions.
fn tell(
    context: &Context<'_>,
    fetched: &[Fetched],
    meant: usize,
    outcome_of: &dyn Fn(&Fetched) -> Outcome,
) {
    let mut summary = Summary::of(meant);
    for one in fetched {
        summary.add(&one.definition, outcome_of(one));
    }
    context.report.finished(&summary);
}

/// Processes every definition, several at once, and locks each as soon as it is done. A failure
/// does not stop the others.
fn each(
    context: &Context<'_>,
    session: &Session<'_>,
    definitions: &[&Definition],
    at_once: u16,
    output: impl Fn(&LockedArchive) -> Result<String, Error>,
    obtain: impl Fn(&Definition) -> Result<LockedArchive, Error> + Sync,
) -> (Vec<Fetched>, Option<Error>) {
    let mut fetched = Vec::new();
    let mut errors = Vec::new();
    let counter = context.report.counter(definitions.len());
    parallel::run(
        definitions,
        at_once,
        |definition| counter.count(obtain(definition)),
        |results| {
            let mut good = Vec::new();
            for (at, result) in results {
                match result {
                    Ok(obtained) => good.push((at, obtained)),
                    Err(error) => errors.push((at, error)),
                }
            }
            let named = good
                .iter()
                .map(|(at, obtained)| (definitions[*at].name.as_str(), obtained));
            let mut written = match session.write_lock(context, named) {
                Ok(written) => written,
                Err(error) => return errors.push((definitions.len(), error)),
            };
            for (at, obtained) in good {
                let name = &definitions[at].name;
                if let Some(error) = written.refused.remove(name) {
                    errors.push((at, error));
                    continue;
                }
                match output(&obtained) {
                    Ok(path) => fetched.push((
                        at,
                        Fetched::new(name, &obtained, path, written.changed.contains(name)),
                    )),
                    Err(error) => errors.push((at, error)),
                }
            }
        },
    );
    fetched.sort_by_key(|(at, _)| *at);
    errors.sort_by_key(|(at, _)| *at);
    let fetched = fetched.into_iter().map(|(_, one)| one).collect();
    let error = Error::all(errors.into_iter().map(|(_, error)| error).collect());
    (fetched, error)
}

fn outcome(fetched: Vec<Fetched>, meant: usize, error: Option<Error>) -> CommandOutput {
    CommandOutput {
        text: text(&fetched, meant),
        json: fields(&Document {
            definitions: fetched,
        }),
        error,
    }
}

/// Formats the result. If one definition was meant, it is the path alone, so that a script can
/// use it.
fn text(fetched: &[Fetched], meant: usize) -> String {
    match fetched {
        [only] if meant == 1 => format!("{}\n", only.path),
        several => {
            let rows: Vec<Vec<String>> = several
                .iter()
                .map(|one| table::row(&[&one.definition, &one.path]))
                .collect();
            table::layout(&rows)
        }
    }
}

impl Fetched {
    fn new(definition: &str, obtained: &LockedArchive, path: String, locked: bool) -> Self {
        Self {
            definition: definition.to_owned(),
            origin: obtained.origin,
            path,
            archive: obtained.artifact.identity(),
            lock: if locked { WRITTEN } else { "unchanged" },
            changes: reported(&obtained.changes),
            pushed: None,
        }
    }
}
