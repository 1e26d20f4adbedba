//! Where `stage` gets archives from: the cache, else the registry, else Palette.

use std::cell::RefCell;

use super::Job;
use crate::api_key::KeyError;
use crate::cli::Network;
use crate::error::Error;
use crate::lockfile::LockEntry;
use crate::manifest::Definition;
use crate::registry::RegistryError;
use crate::util::file_lock::{Event, FileLock, LockOptions};
use crate::workflow::context::Context;
use crate::workflow::fetcher::{Fetcher, Pinning};
use crate::workflow::parallel;
use crate::workflow::session::{FromRegistry, LockedArchive, Session};

/// Returns the archives, each with the index of its job: from the cache, else from the
/// registry, else from Palette if that may be asked. A reason that prevents all of them from
/// being fetched is one error.
pub(super) fn obtain(
    context: &Context<'_>,
    session: &Session<'_>,
    due: &[Job<'_>],
    jobs: u16,
) -> Vec<(usize, Result<LockedArchive, Error>)> {
    if context.settings.network == Network::Off {
        let offline = |job: &Job<'_>| session.offline(context, job.definition);
        return parallel::map(due, jobs, offline)
            .into_iter()
            .enumerate()
            .collect();
    }
    let found = parallel::map(due, jobs, |job| match &job.current {
        Some(locked) => without_palette(context, session, job.definition, locked),
        None => Ok(Found::Nothing(None)),
    });
    let mut obtained = Vec::new();
    let mut missing = Vec::new();
    let mut reasons = Vec::new();
    for (at, found) in found.into_iter().enumerate() {
        match found {
            Ok(Found::Archive(archive)) => obtained.push((at, Ok(*archive))),
            Ok(Found::Nothing(why)) => {
                missing.push((at, &due[at]));
                reasons.extend(why.map(|why| (at, why)));
            }
            Err(error) => obtained.push((at, Err(error))),
        }
    }
    if missing.is_empty() {
        // No key is needed then.
        return obtained;
    }
    match Fetcher::new(context, session, jobs) {
        Ok(source) => {
            warn_of(context, reasons);
            let counter = context.report.counter(missing.len());
            obtained.extend(parallel::map(
                &missing,
                parallel::lookahead(jobs),
                |(at, job)| (*at, counter.count(fetch(context, session, &source, job))),
            ));
        }
        // Without a key, the registry was the only source of these.
        Err(Error::Key(KeyError::None)) if reasons.len() == missing.len() => {
            obtained.extend(reasons.into_iter().map(|(at, registry)| {
                let no_source = Error::NoSource {
                    definition: due[at].definition.name.clone(),
                    registry,
                    palette: Box::new(Error::Key(KeyError::None)),
                };
                (at, Err(no_source))
            }));
        }
        Err(error) => {
            warn_of(context, reasons);
            obtained.push((missing[0].0, Err(error)));
        }
    }
    obtained.sort_by_key(|(at, _)| *at);
    obtained
}

/// Reports why the registry could not provide what Palette is asked for now.
fn warn_of(context: &Context<'_>, reasons: Vec<(usize, RegistryError)>) {
    for (_, why) in reasons {
        for warning in Error::from(why).warnings() {
            context.report.warn(&warning);
        }
    }
}

/// What can be had without asking Palette.
enum Found {
    Archive(Box<LockedArchive>),
    /// Nothing; contains why the registry cannot provide it, if there is one.
    Nothing(Option<RegistryError>),
}

/// Returns the archive of `locked` from the cache, else from the registry.
fn without_palette(
    context: &Context<'_>,
    session: &Session<'_>,
    definition: &Definition,
    locked: &LockEntry,
) -> Result<Found, Error> {
    if let Some(archive) = session.cached(context, definition, locked)? {
        return Ok(Found::Archive(Box::new(archive)));
    }
    Ok(match session.pull(context, &definition.name, locked)? {
        FromRegistry::Archive(archive) => Found::Archive(archive),
        FromRegistry::Absent(why) => Found::Nothing(Some(why)),
        FromRegistry::NotAsked => Found::Nothing(None),
    })
}

/// Fetches the definition from Palette, unless a run that was waited for has just done so. It
/// is locked while the claim is held, so that a run that waits for the claim finds the
/// definition locked. A run that has the lock never takes a claim.
fn fetch(
    context: &Context<'_>,
    session: &Session<'_>,
    source: &Fetcher<'_>,
    job: &Job<'_>,
) -> Result<LockedArchive, Error> {
    let (_claim, waited) = claim(context, session, job.definition);
    if waited {
        let fresh = session.again(context)?;
        if let Some(locked) = fresh.current(context, job.definition)?
            && let Some(obtained) = fresh.cached(context, job.definition, &locked)?
        {
            return Ok(obtained);
        }
    }
    let obtained = source.fetch(job.definition, Pinning::Respect)?;
    let mut written = session.write_lock(context, [(job.definition.name.as_str(), &obtained)])?;
    match written.refused.pop_first() {
        Some((_, error)) => Err(error),
        None => Ok(obtained),
    }
}

/// Takes the right to fetch `definition` into the cache, and returns whether another run had it
/// first.
fn claim(
    context: &Context<'_>,
    session: &Session<'_>,
    definition: &Definition,
) -> (Option<FileLock>, bool) {
    let waiting = RefCell::new(None);
    let tell = |event: Event<'_>| {
        if let Event::Waits(holder) = event {
            let object = format!("for `{}`", definition.name);
            context
                .report
                .status("Waiting", &format!("{object}, which {holder} is fetching"));
            *waiting.borrow_mut() = Some(context.report.waiting("Waiting", &object));
        }
    };
    let lock_options = LockOptions {
        who: &context.who,
        timeout: context.settings.lock_timeout,
        tell: &tell,
    };
    let claim = session.cache.claim(definition, &lock_options);
    let waited = waiting.take().is_some();
    if claim.is_none() && waited {
        let name = &definition.name;
        context.report.status(
            "Waited",
            &format!("long enough: fetching `{name}` here too"),
        );
    }
    (claim, waited)
}
