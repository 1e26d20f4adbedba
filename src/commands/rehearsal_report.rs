//! Rehearses definitions for `rehearse` and `build`, and reports the results.
//!
//! Input: the definitions, `profiles.lock`, and the build command with its arguments. Output: a
//! [`Row`] for each definition, and the error if its image would not contain the locked
//! definition. Definitions that share a checkout share one rehearsal.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ffi::OsString;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::targets::{self, Known, Targets};
use crate::canvos::build::BuildCommand;
use crate::canvos::preflight::{Preflight, Target};
use crate::canvos::rehearsal::{
    Inconclusive, Locked, Outcome, Purpose, Refused, Rehearsal, RehearsalResult, RehearsalVerdict,
    Request, messages,
};
use crate::canvos::{Checkout, Seen};
use crate::error::Error;
use crate::lockfile::Lockfile;
use crate::manifest::{Definition, Manifest};
use crate::ui::table;
use crate::util::digest::Digest;
use crate::util::files::Identity;
use crate::util::sanitize;
use crate::workflow::context::{Context, WITHHELD, current, shown};

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
    pub verdict: RehearsalVerdict,
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

/// Returns the table of the results.
pub(super) fn text(rows: &[Row], width: Option<usize>) -> String {
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

/// Rehearses definitions, one after the other.
pub(super) struct Rehearser<'a> {
    context: &'a Context<'a>,
    manifest: &'a Manifest,
    lock: &'a Lockfile,
    command: &'a BuildCommand,
    options: Options,
    /// The rehearsal of each checkout, and what is staged there; definitions may share a
    /// checkout.
    done: BTreeMap<Identity, (Rehearsal, Vec<Seen>)>,
}

/// How to rehearse.
pub(super) struct Options {
    /// The time limit for the build program.
    pub timeout: Duration,
    /// Variables that the build program gets in addition to those of edgestage.
    pub variables: Vec<(OsString, OsString)>,
}

/// The rehearsal of one definition.
pub(super) struct RehearsalReport {
    pub row: Row,
    /// Why it is refused, if the image would not contain the definition as it is locked.
    pub refused: Option<Refused>,
    /// Whether `check` forecasts the same verdict.
    pub is_forecast: bool,
}

impl<'a> Rehearser<'a> {
    pub(super) fn new(
        context: &'a Context<'a>,
        manifest: &'a Manifest,
        lock: &'a Lockfile,
        command: &'a BuildCommand,
        options: Options,
    ) -> Self {
        Self {
            context,
            manifest,
            lock,
            command,
            options,
            done: BTreeMap::new(),
        }
    }

    /// Returns the result for one definition.
    pub(super) fn rehearse(&mut self, definition: &Definition) -> Result<RehearsalReport, Error> {
        let Self {
            context,
            manifest,
            lock,
            command,
            ..
        } = *self;
        let entry = current(lock, definition)?;
        let checkout = context.checkout(manifest, definition)?;
        let preflight = context.preflight(checkout.directory(), &command.argv)?;
        let (rehearsal, seen) = self.once(definition, &checkout, &preflight)?;
        if let Some(left) = &rehearsal.left {
            let left = sanitize::path(left);
            context.report.warn(&messages::copy_left(&left));
        }
        let mut judged = rehearsal.judge(&Locked {
            entry,
            lock,
            seen,
            checkout: checkout.directory(),
            limits: &manifest.limits,
        });
        let known = rehearsal.target.as_deref().and_then(Target::parse);
        let forecast = known.and_then(|target| {
            let known = Known {
                staged: seen,
                manifest,
                lock,
                limits: &manifest.limits,
            };
            Targets::of(&preflight, &[target], known).rows.pop()
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
        let row = Row {
            definition: definition.name.clone(),
            canvos: shown(checkout.directory()),
            target: rehearsal.target.clone(),
            verdict: judged.verdict,
            text: words(&definition.name, &judged),
            sha256: judged.sha256,
            file: judged.path.clone(),
            holds: judged.holds.clone(),
            clusterconfig: (judged.clusterconfig.clone()).map(|value| Clusterconfig { value }),
            forecast: forecast.map(|row| row.verdict),
        };
        Ok(RehearsalReport {
            refused: refused(&row, &judged, rehearsal),
            is_forecast: foreseen == Some(judged.verdict),
            row,
        })
    }

    /// Returns the rehearsal of the checkout, which is run if no other definition needed it, and
    /// what is staged there.
    fn once(
        &mut self,
        definition: &Definition,
        checkout: &Checkout,
        preflight: &Preflight<'_>,
    ) -> Result<&mut (Rehearsal, Vec<Seen>), Error> {
        let report = self.context.report;
        match self.done.entry(Identity::of(checkout.directory())) {
            Entry::Occupied(done) => Ok(done.into_mut()),
            Entry::Vacant(due) => {
                let words = self.command.argv.join(" ");
                let what = format!("{}: {}", definition.name, sanitize::line(words.as_bytes()));
                if !preflight.is_maas() {
                    report.status("Rehearsing", &what);
                }
                let _waiting = report.waiting("Rehearsing", &definition.name);
                let request = Request {
                    preflight,
                    secrets: &WITHHELD,
                    variables: &self.options.variables,
                    timeout: self.options.timeout,
                };
                let rehearsal = request.run()?;
                let kept = rehearsal.kept.join(", ");
                report.detail(&format!(
                    "targets and functions of the Earthfile that the rehearsal ran: {kept}"
                ));
                let seen = checkout.see(None, &self.manifest.limits)?;
                Ok(due.insert((rehearsal, seen)))
            }
        }
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

/// Returns the refusal of a verdict other than `as-locked`.
fn refused(row: &Row, judged: &RehearsalResult, rehearsal: &Rehearsal) -> Option<Refused> {
    if judged.verdict == RehearsalVerdict::AsLocked {
        return None;
    }
    let output = match &rehearsal.outcome {
        Outcome::Failed { output, .. } => output.clone(),
        _ => Vec::new(),
    };
    Some(Refused {
        definition: row.definition.clone(),
        target: row.target.clone(),
        judged: judged.clone(),
        output,
        purpose: Purpose::Report,
    })
}
