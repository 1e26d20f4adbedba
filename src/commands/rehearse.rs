//! `edgestage rehearse`: runs only the copy steps of the build, and compares the result with the
//! lock.
//!
//! Input: the definitions, `profiles.toml`, `profiles.lock`, and the build command with its
//! arguments. Output: a table with one verdict for each definition, and an error for each
//! verdict other than `as-locked`. Definitions that share a checkout share one rehearsal.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::targets::{self, Known, Targets};
use crate::canvos::Seen;
use crate::canvos::build::BuildCommand;
use crate::canvos::preflight::Target;
use crate::canvos::rehearsal::{
    Inconclusive, Locked, Outcome, Refused, Rehearsal, RehearsalError, RehearsalResult,
    RehearsalVerdict, Request, messages,
};
use crate::cli::RehearseArgs;
use crate::error::Error;
use crate::lockfile::Lockfile;
use crate::manifest::{Definition, Manifest};
use crate::ui::table;
use crate::ui::{CommandOutput, fields};
use crate::util::digest::Digest;
use crate::util::files::Identity;
use crate::util::sanitize;
use crate::workflow::context::{Context, WITHHELD, current, load_lockfile, one_or_chosen, shown};

/// The document of `rehearse`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Rehearse")]
pub(super) struct Document {
    /// The command that edgestage ran in a copy of each checkout.
    argv: Vec<String>,
    /// The requested definitions, by name.
    rehearsal: Vec<Row>,
}

/// The result for one definition.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Rehearsed")]
pub(super) struct Row {
    /// Name of the definition.
    definition: String,
    /// The checkout.
    canvos: String,
    /// The target, without its plus sign; null if the command does not name a target.
    target: Option<String>,
    /// What the build will put into its image.
    verdict: RehearsalVerdict,
    /// The verdict as text.
    text: String,
    /// Digest of the file that arrived in the rehearsal; null if no file arrived.
    sha256: Option<Digest>,
    /// Path in the checkout of the file that the build would embed in place of the locked
    /// definition, if known.
    file: Option<String>,
    /// The locked definition that the build would embed instead, if there is one.
    holds: Option<String>,
    /// `CLUSTERCONFIG` in the build; null if it is not set.
    clusterconfig: Option<Clusterconfig>,
    /// What `check` forecasts; null if `check` does not know the target.
    forecast: Option<targets::TargetVerdict>,
}

/// The value of `CLUSTERCONFIG` in the build program.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RehearsedClusterconfig")]
struct Clusterconfig {
    /// The value.
    value: String,
}

pub(super) fn run(arguments: &RehearseArgs, context: &Context<'_>) -> Result<CommandOutput, Error> {
    super::build::refuse_targets("rehearse", &arguments.names)?;
    let manifest = context.manifest()?;
    let definitions = one_or_chosen(&manifest, &arguments.names)?;
    let lock = load_lockfile(&manifest)?;
    let command = BuildCommand::new(
        manifest.build.as_deref(),
        &arguments.arguments,
        context.environment,
    );
    let mut rehearser = Rehearser {
        context,
        manifest: &manifest,
        lock: &lock,
        command: &command,
        timeout: Duration::from_secs(arguments.timeout),
        done: BTreeMap::new(),
    };
    let mut rows = Vec::new();
    let mut errors = Vec::new();
    for definition in &definitions {
        match rehearser.rehearse(definition) {
            Ok((row, error)) => {
                rows.push(row);
                errors.extend(error);
            }
            Err(error) => errors.push(error),
        }
    }
    Ok(CommandOutput {
        text: text(&rows, context.report.width()),
        json: fields(&Document {
            argv: command.argv.clone(),
            rehearsal: rows,
        }),
        error: Error::all(errors),
    })
}

fn text(rows: &[Row], width: Option<usize>) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut cells = vec![table::row(&["definition", "target", "will embed"])];
    cells.extend(rows.iter().map(|row| {
        let target = row.target.as_deref().unwrap_or("-");
        table::row(&[&row.definition, target, &row.text])
    }));
    table::fitted(&cells, width)
}

struct Rehearser<'a> {
    context: &'a Context<'a>,
    manifest: &'a Manifest,
    lock: &'a Lockfile,
    command: &'a BuildCommand,
    timeout: Duration,
    /// The rehearsal of each checkout, and what is staged there; definitions may share a
    /// checkout.
    done: BTreeMap<Identity, (Rehearsal, Vec<Seen>)>,
}

impl Rehearser<'_> {
    /// Returns the result for one definition, and the error if it is not as locked.
    fn rehearse(&mut self, definition: &Definition) -> Result<(Row, Option<Error>), Error> {
        let Self {
            context, manifest, ..
        } = *self;
        let entry = current(self.lock, definition)?;
        let checkout = context.checkout(manifest, definition)?;
        let preflight = context.preflight(checkout.directory(), &self.command.argv)?;
        let identity = Identity::of(checkout.directory());
        let (rehearsal, seen) = match self.done.entry(identity) {
            Entry::Occupied(done) => done.into_mut(),
            Entry::Vacant(due) => {
                let words = self.command.argv.join(" ");
                let what = format!("{}: {}", definition.name, sanitize::line(words.as_bytes()));
                context.report.status("Rehearsing", &what);
                let _waiting = context.report.waiting("Rehearsing", &definition.name);
                let request = Request {
                    preflight: &preflight,
                    secrets: &WITHHELD,
                    timeout: self.timeout,
                };
                let rehearsal = request.run()?;
                let kept = rehearsal.kept.join(", ");
                context.report.detail(&format!(
                    "targets and functions of the Earthfile that the rehearsal ran: {kept}"
                ));
                due.insert((rehearsal, checkout.see(None, &manifest.limits)?))
            }
        };
        if let Some(left) = &rehearsal.left {
            let left = sanitize::path(left);
            context.report.warn(&messages::copy_left(&left));
        }
        let mut judged = rehearsal.judge(&Locked {
            entry,
            lock: self.lock,
            seen,
            checkout: checkout.directory(),
            limits: &manifest.limits,
        });
        let target = rehearsal.target.clone();
        let known = target.as_deref().and_then(Target::parse);
        let asked = known.map(|target| [target]);
        let forecast = asked.and_then(|asked| {
            let known = Known {
                staged: seen,
                manifest,
                lock: self.lock,
                limits: &manifest.limits,
            };
            Targets::of(&preflight, &asked, known).rows.pop()
        });
        let foreseen = forecast
            .as_ref()
            .and_then(|row| foreseen(row, &definition.name));
        if judged.unjudged == Some(Inconclusive::Maas)
            && let Some(foreseen) = foreseen
        {
            context.report.warn(&messages::maas_not_rehearsed());
            judged.verdict = foreseen;
            judged.unjudged = None;
        } else if let (Some(row), Some(foreseen)) = (&forecast, foreseen)
            && foreseen != judged.verdict
            && judged.verdict != RehearsalVerdict::Unjudged
        {
            let found = words(&definition.name, &judged);
            let warning = messages::forecast_differs(&row.text, &found);
            context.report.warn(&warning);
        }
        let forecast = forecast.map(|row| row.verdict);
        let row = Row {
            definition: definition.name.clone(),
            canvos: shown(checkout.directory()),
            target,
            verdict: judged.verdict,
            text: words(&definition.name, &judged),
            sha256: judged.sha256,
            file: judged.path.clone(),
            holds: judged.holds.clone(),
            clusterconfig: (judged.clusterconfig.clone()).map(|value| Clusterconfig { value }),
            forecast,
        };
        let error = refused(&row, &judged, rehearsal);
        Ok((row, error))
    }
}

/// Returns the rehearsal verdict that a forecast corresponds to; `None` if there is no such
/// verdict.
fn foreseen(row: &targets::Row, name: &str) -> Option<RehearsalVerdict> {
    Some(match row.verdict {
        targets::TargetVerdict::AsLocked if row.definition.as_deref() == Some(name) => {
            RehearsalVerdict::AsLocked
        }
        targets::TargetVerdict::AsLocked
        | targets::TargetVerdict::Outdated
        | targets::TargetVerdict::AnotherDefinition
        | targets::TargetVerdict::NoDefinition => RehearsalVerdict::AnotherDefinition,
        targets::TargetVerdict::Nothing => RehearsalVerdict::Nothing,
        targets::TargetVerdict::Empty => RehearsalVerdict::Empty,
        targets::TargetVerdict::Link => RehearsalVerdict::Link,
        targets::TargetVerdict::Directory => RehearsalVerdict::Directory,
        targets::TargetVerdict::BuildFails => RehearsalVerdict::BuildFails,
        targets::TargetVerdict::NotCarried => RehearsalVerdict::NotCarried,
        targets::TargetVerdict::Unjudged | targets::TargetVerdict::NoTarget => return None,
    })
}

/// Returns the verdict as text.
fn words(name: &str, judged: &RehearsalResult) -> String {
    match judged.verdict {
        RehearsalVerdict::AsLocked => format!("`{name}` as locked"),
        RehearsalVerdict::AnotherDefinition => match (&judged.holds, &judged.path) {
            (Some(holds), _) => format!("`{holds}`, not `{name}`"),
            (None, Some(path)) => format!("`{}`", sanitize::line(path.as_bytes())),
            (None, None) => "another file".to_owned(),
        },
        RehearsalVerdict::Nothing => "nothing".to_owned(),
        RehearsalVerdict::Empty => "an empty file".to_owned(),
        RehearsalVerdict::Link => "a symbolic link".to_owned(),
        RehearsalVerdict::Directory => "a directory".to_owned(),
        RehearsalVerdict::BuildFails => "nothing: the build fails".to_owned(),
        RehearsalVerdict::NoImage => "nothing: no image is written".to_owned(),
        RehearsalVerdict::NotCarried => {
            "nothing: this target never carries a definition".to_owned()
        }
        RehearsalVerdict::Unjudged => "unknown".to_owned(),
    }
}

/// Returns the error for a verdict other than `as-locked`.
fn refused(row: &Row, judged: &RehearsalResult, rehearsal: &Rehearsal) -> Option<Error> {
    if judged.verdict == RehearsalVerdict::AsLocked {
        return None;
    }
    let output = match &rehearsal.outcome {
        Outcome::Failed { output, .. } => output.clone(),
        _ => Vec::new(),
    };
    let refused = Refused {
        definition: row.definition.clone(),
        target: row.target.clone(),
        judged: judged.clone(),
        output,
    };
    Some(RehearsalError::Refused(Box::new(refused)).into())
}
