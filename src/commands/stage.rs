//! `edgestage stage`: puts locked definitions into their checkouts.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Serialize;

use crate::bundle::LargeBundles;
use crate::canvos::build::BuildCommand;
use crate::canvos::preflight::{self, FixError, Target};
use crate::canvos::{CanvosError, Checkout, CheckoutLock, Placement, Staging};
use crate::cli::{BuildArgs, StageArgs};
use crate::diagnostic::{Severity, Trap};
use crate::error::Error;
use crate::lockfile::LockEntry;
use crate::manifest::{Definition, Manifest};
use crate::ui::table;
use crate::ui::{CommandOutput, Outcome, Summary, fields};
use crate::util::digest::Digest;
use crate::util::files::Identity;
use crate::workflow::content_bundles;
use crate::workflow::context::{
    Context, TrapsAsked, allowed, has_targets, one, one_or_chosen, shown, traps,
};
use crate::workflow::session::{ArchiveOrigin, LockedArchive, Reported, Session, reported};

mod obtain;

use obtain::obtain;

/// A definition and the checkout that it is staged into.
struct Job<'m> {
    definition: &'m Definition,
    checkout: Checkout,
    /// The lock entry, if it matches the definition.
    current: Option<LockEntry>,
}

/// The document of `stage`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Stage")]
pub(super) struct Document {
    /// Definitions that are staged now, by name.
    definitions: Vec<Staged>,
}
/// The value for a definition that was put into its checkout.
const STAGED: &str = "staged";

/// Result for one staged definition.
#[derive(Serialize, JsonSchema)]
struct Staged {
    /// Name of the definition.
    definition: String,
    /// What `stage` did.
    #[schemars(extend("enum" = [STAGED, "unchanged"]))]
    result: &'static str,
    /// Source of the archive; null if none was needed.
    origin: Option<ArchiveOrigin>,
    /// Digest of the staged archive's contents.
    content_sha256: Digest,
    /// Changes from the previous lock entry, if this run renewed it.
    changes: Vec<Reported>,
    /// Paths below `.edgestage/replaced/` of files that were at the placements and that
    /// edgestage had not put there.
    kept: Vec<String>,
    /// Paths of both placements.
    placements: Vec<String>,
}

pub(super) fn run(arguments: &StageArgs, context: &Context<'_>) -> Result<CommandOutput, Error> {
    let manifest = context.manifest()?;
    let definitions = one_or_chosen(&manifest, &arguments.names)?;
    ensure_distinct_checkouts(context, &manifest, &definitions)?;
    // The command that `build` would run decides what is embedded.
    let command = BuildCommand::new(manifest.build.as_deref(), &[], context.environment);
    let preflight_options = PreflightOptions {
        targets: arguments.preflight_options.targets(),
        asked: &arguments.preflight_options.target,
        allowed: &arguments.preflight_options.allow,
        argv: &command.argv,
        fix_arg: arguments.fix_arg,
        large_bundles: LargeBundles::of(arguments.preflight_options.bundles),
    };
    let meant = definitions.len();
    let (staged, error) = stage(
        context,
        &manifest,
        definitions,
        preflight_options,
        arguments.jobs.jobs,
    )?;
    let mut summary = Summary::of(meant);
    for one in &staged {
        let outcome_of = match one.result {
            STAGED => Outcome::Done(STAGED),
            word => Outcome::Found(word),
        };
        summary.add(&one.definition, outcome_of);
    }
    context.report.finished(&summary);
    let paths: Vec<String> = staged
        .iter()
        .flat_map(|one| one.placements.clone())
        .collect();
    Ok(CommandOutput {
        text: table::lines(&paths),
        json: fields(&Document {
            definitions: staged,
        }),
        error,
    })
}

/// Stages for `build`, with the target and the arguments of its command. The lock of the
/// checkout is still held when this returns, so that nobody stages something else during the
/// build.
pub(super) fn for_build(
    context: &Context<'_>,
    name: &str,
    command: &BuildCommand,
    arguments: &BuildArgs,
) -> Result<CheckoutLock, Error> {
    let manifest = context.manifest()?;
    let target = command.target();
    let preflight_options = PreflightOptions {
        // The targets of another command are unknown; the ISO targets are assumed.
        targets: target.as_ref().map_or(&Target::ISOS, std::slice::from_ref),
        asked: target.as_slice(),
        allowed: &arguments.allow,
        argv: &command.argv,
        fix_arg: arguments.fix_arg,
        large_bundles: LargeBundles::of(arguments.bundles),
    };
    let definition = one(&manifest, Some(name))?;
    let checkout = context.checkout(&manifest, definition)?;
    loop {
        let (_, error) = stage(context, &manifest, vec![definition], preflight_options, 1)?;
        error.map_or(Ok(()), Err)?;
        let held = context.lock_checkout(&checkout)?;
        // Another run may have staged something else just before.
        let locked = Session::open(context, &manifest)?.current(context, definition)?;
        if let Some(locked) = locked
            && is_staged(&checkout, &locked, &manifest)?
        {
            return Ok(held);
        }
    }
}

/// The targets that are built, and the traps that are accepted.
#[derive(Clone, Copy)]
struct PreflightOptions<'a> {
    targets: &'a [Target],
    /// The targets that were named. They must exist.
    asked: &'a [Target],
    allowed: &'a [Trap],
    argv: &'a [String],
    fix_arg: bool,
    large_bundles: LargeBundles,
}

/// Stages the jobs. Returns what was staged and the errors of the others; if all fail, the
/// result is an error.
fn stage(
    context: &Context<'_>,
    manifest: &Manifest,
    definitions: Vec<&Definition>,
    preflight_options: PreflightOptions<'_>,
    jobs: u16,
) -> Result<(Vec<Staged>, Option<Error>), Error> {
    let session = Session::open(context, manifest)?;
    let mut errors = Vec::new();
    let mut staged = Vec::new();
    let mut due = Vec::new();
    for definition in definitions {
        if preflight_options.fix_arg
            && let Err(error) = fix(context, manifest, definition)
        {
            errors.push(error);
            continue;
        }
        match prepare(context, &session, definition, preflight_options) {
            Ok((job, true)) => staged.extend(unchanged(context, &job)),
            Ok((job, false)) => due.push(job),
            Err(error) => errors.push(error),
        }
    }
    if !due.is_empty() {
        // A run that was killed between locking and staging has left its claim.
        session.cache.sweep();
    }
    let mut ready = Vec::new();
    for (at, obtained) in obtain(context, &session, &due, jobs) {
        match obtained {
            Ok(obtained) => ready.push((&due[at], obtained)),
            Err(error) => errors.push(error),
        }
    }
    for (job, obtained) in &ready {
        let origin = obtained.origin.text();
        let name = &job.definition.name;
        context.report.detail(&format!("{name}: from {origin}"));
        let placed = refuse_bundles(context, &session, job, obtained, preflight_options)
            .and_then(|()| place(context, &session, job, obtained));
        match placed {
            Ok(one) => staged.push(one),
            Err(error) => errors.push(error),
        }
    }
    staged.sort_by(|a, b| a.definition.cmp(&b.definition));
    match Error::all(errors) {
        Some(error) if staged.is_empty() => Err(error),
        error => Ok((staged, error)),
    }
}

/// Fails if two definitions use one checkout, because they would overwrite each other.
fn ensure_distinct_checkouts(
    context: &Context<'_>,
    manifest: &Manifest,
    definitions: &[&Definition],
) -> Result<(), Error> {
    let mut checkouts: BTreeMap<Identity, (PathBuf, Vec<String>)> = BTreeMap::new();
    for definition in definitions {
        let directory = context.canvos_directory(manifest, Some(definition));
        let directory = directory.canonicalize().unwrap_or(directory);
        // Checkouts are compared by what they are: a bind mount gives one checkout another
        // path.
        let (_, names) = checkouts
            .entry(Identity::of(&directory))
            .or_insert_with(|| (directory, Vec::new()));
        names.push(definition.name.clone());
    }
    match checkouts.into_values().find(|(_, names)| names.len() > 1) {
        None => Ok(()),
        Some((checkout, definitions)) => Err(Error::SharedCheckout {
            definitions,
            checkout,
        }),
    }
}

/// Takes the lock of the checkout, and removes what a killed run left there, before that counts
/// as something that is shipped.
pub(super) fn lock_swept(
    context: &Context<'_>,
    checkout: &Checkout,
) -> Result<CheckoutLock, Error> {
    let held = context.lock_checkout(checkout)?;
    for path in held.sweep() {
        let text = format!("{}, left by a killed run", shown(&path));
        context.report.status("Removed", &text);
    }
    Ok(held)
}

/// Examines the checkout and the lock; returns whether the definition is staged already.
fn prepare<'m>(
    context: &Context<'_>,
    session: &Session<'m>,
    definition: &'m Definition,
    preflight_options: PreflightOptions<'_>,
) -> Result<(Job<'m>, bool), Error> {
    let checkout = context.checkout(session.manifest, definition)?;
    if checkout.has_leftovers() {
        lock_swept(context, &checkout)?;
    }
    let current = session.current(context, definition);
    let locked = current.as_ref().ok().and_then(Option::as_ref);
    let locked: Vec<Digest> = locked
        .map(|locked| locked.content_sha256)
        .into_iter()
        .collect();
    let allowed = allowed(definition, preflight_options.allowed);
    let preflight_options = PreflightOptions {
        allowed: &allowed,
        ..preflight_options
    };
    refuse_traps(
        context,
        session.manifest,
        &checkout,
        preflight_options,
        &locked,
    )?;
    let current = current?;
    let staged = match &current {
        Some(locked) => is_staged(&checkout, locked, session.manifest)?,
        None => false,
    };
    let job = Job {
        definition,
        checkout,
        current,
    };
    Ok((job, staged))
}

fn is_staged(checkout: &Checkout, locked: &LockEntry, manifest: &Manifest) -> Result<bool, Error> {
    let found = checkout.found(Some(locked), &manifest.limits)?;
    Ok(Checkout::is_staged(&found))
}

/// Applies `--fix-arg`.
fn fix(context: &Context<'_>, manifest: &Manifest, definition: &Definition) -> Result<(), Error> {
    let checkout = context.checkout(manifest, definition)?;
    let _held = context.lock_checkout(&checkout)?;
    let place = shown(checkout.directory());
    // If there is no `.arg`, the findings say how to get one: the file needs more content than
    // this line.
    let fixed = preflight::fix_arg(checkout.directory()).map_err(|error| match error {
        FixError::Path(error) => Error::from(error),
        FixError::Refused(refusal) => CanvosError::Trapped(vec![*refusal]).into(),
    })?;
    if fixed == Some(true) {
        let fixed = format!("{place}/.arg: {}", preflight::RIGHT);
        context.report.status("Fixed", &fixed);
    }
    Ok(())
}

/// Warns of what is harmless for the ISO; fails if something would replace the definition.
fn refuse_traps(
    context: &Context<'_>,
    manifest: &Manifest,
    checkout: &Checkout,
    preflight_options: PreflightOptions<'_>,
    locked: &[Digest],
) -> Result<(), Error> {
    let preflight = context.preflight(checkout.directory(), preflight_options.argv)?;
    has_targets(&preflight, preflight_options.asked)?;
    let asked = TrapsAsked {
        targets: preflight_options.targets,
        allowed: preflight_options.allowed,
        locked: &|| locked.to_vec(),
        large_bundles: preflight_options.large_bundles,
    };
    let grave = traps(context, manifest, &preflight, asked)?;
    if grave.is_empty() {
        Ok(())
    } else {
        Err(CanvosError::Trapped(grave).into())
    }
}

/// Fails if a content bundle of the checkout has a definition other than the one that this run
/// has locked: what it has could not be compared before.
fn refuse_bundles(
    context: &Context<'_>,
    session: &Session<'_>,
    job: &Job<'_>,
    obtained: &LockedArchive,
    preflight_options: PreflightOptions<'_>,
) -> Result<(), Error> {
    if job.current.is_some() {
        return Ok(());
    }
    let preflight = context.preflight(job.checkout.directory(), preflight_options.argv)?;
    let findings = content_bundles::findings(
        context,
        session.manifest,
        &preflight,
        &|| vec![obtained.locked.content_sha256],
        preflight_options.large_bundles,
    )?;
    let allowed = allowed(job.definition, preflight_options.allowed);
    let told = findings
        .iter()
        .map(|finding| finding.told(preflight_options.targets, &allowed));
    let grave: Vec<_> = told
        .filter(|told| told.severity == Severity::Error)
        .collect();
    if grave.is_empty() {
        Ok(())
    } else {
        Err(CanvosError::Trapped(grave).into())
    }
}

fn place(
    context: &Context<'_>,
    session: &Session<'_>,
    job: &Job<'_>,
    obtained: &LockedArchive,
) -> Result<Staged, Error> {
    let held = context.lock_checkout(&job.checkout)?;
    // Another run may have locked something else meanwhile.
    let lock = session.still_locked(&job.definition.name, &obtained.locked)?;
    // This examines the checkout again under the lock: another run may have staged the
    // definition meanwhile.
    let staged = job.checkout.stage(
        &Staging {
            artifact: &obtained.artifact,
            locked: &obtained.locked,
            lock: &lock,
            limits: &session.manifest.limits,
        },
        &held,
    )?;
    let mut kept = Vec::new();
    let result = if let Some(staged) = staged {
        let place = shown(job.checkout.directory());
        for (placement, path) in staged.kept {
            let path = shown(&path);
            let was = format!("{place}/{}", placement.path());
            let text = format!("{path}: the {was} that edgestage did not create");
            context.report.status("Kept", &text);
            kept.push(path);
        }
        let name = &job.definition.name;
        context
            .report
            .status("Staged", &format!("{name} in {place}"));
        STAGED
    } else {
        context.report.status("Unchanged", &job.definition.name);
        "unchanged"
    };
    Ok(Staged {
        result,
        origin: Some(obtained.origin),
        changes: reported(&obtained.changes),
        kept,
        ..Staged::new(job, &obtained.locked)
    })
}

fn unchanged(context: &Context<'_>, job: &Job<'_>) -> Option<Staged> {
    let locked = job.current.as_ref()?;
    context.report.status("Unchanged", &job.definition.name);
    Some(Staged::new(job, locked))
}

impl Staged {
    fn new(job: &Job<'_>, locked: &LockEntry) -> Self {
        let directory = shown(job.checkout.directory());
        Self {
            definition: job.definition.name.clone(),
            result: "unchanged",
            origin: None,
            content_sha256: locked.content_sha256,
            changes: Vec::new(),
            kept: Vec::new(),
            placements: Placement::ALL
                .iter()
                .map(|placement| format!("{directory}/{}", placement.path()))
                .collect(),
        }
    }
}
