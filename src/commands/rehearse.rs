//! `edgestage rehearse`: what the user's own build program copies, before the long build.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::targets::{self, Known, Targets};
use crate::api_key;
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
use crate::workflow::context::{Context, chosen, current, load_lockfile, one, shown};

/// The document of `rehearse`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Rehearse")]
pub(super) struct Document {
    /// The command that was run, in a copy of each checkout.
    argv: Vec<String>,
    /// Those that were asked about, by name.
    rehearsal: Vec<Row>,
}

/// What is said of one definition.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Rehearsed")]
pub(super) struct Row {
    /// Name of the definition.
    definition: String,
    /// The checkout.
    canvos: String,
    /// The target, without its plus sign; null if the command does not name one.
    target: Option<String>,
    /// What the build will put into its image.
    verdict: RehearsalVerdict,
    /// The verdict in words.
    text: String,
    /// Digest of the file that arrived; null if none did.
    sha256: Option<Digest>,
    /// The file of the checkout that arrived, if it is not one that was staged.
    file: Option<String>,
    /// The definition of the lock that arrived, if it is another one.
    holds: Option<String>,
    /// The value of `CLUSTERCONFIG` in the build; null where it has none.
    clusterconfig: Option<Clusterconfig>,
    /// What `check` forecasts; null for a target that it does not know.
    forecast: Option<targets::TargetVerdict>,
}

/// The value of `CLUSTERCONFIG` as the build program has it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RehearsedClusterconfig")]
struct Clusterconfig {
    /// The value.
    value: String,
}

pub(super) fn run(arguments: &RehearseArgs, context: &Context<'_>) -> Result<CommandOutput, Error> {
    super::build::refuse_targets("rehearse", &arguments.names)?;
    let manifest = context.manifest()?;
    let definitions = match &arguments.names[..] {
        [] => vec![one(&manifest, None)?],
        names => chosen(&manifest, names)?,
    };
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
    /// What was found in each checkout: definitions may share one.
    done: BTreeMap<Identity, Rehearsal>,
}

impl Rehearser<'_> {
    /// What is found for one definition, and what is wrong with it.
    fn rehearse(&mut self, definition: &Definition) -> Result<(Row, Option<Error>), Error> {
        let Self {
            context, manifest, ..
        } = *self;
        let entry = current(self.lock, definition)?;
        let checkout = context.checkout(manifest, definition)?;
        let preflight = context.preflight(checkout.directory(), &self.command.argv)?;
        let identity = Identity::of(checkout.directory());
        if !self.done.contains_key(&identity) {
            let words = self.command.argv.join(" ");
            let what = format!("{}: {}", definition.name, sanitize::line(words.as_bytes()));
            context.report.status("Rehearsing", &what);
            let _waiting = context.report.waiting("Rehearsing", &definition.name);
            let request = Request {
                preflight: &preflight,
                command: self.command,
                environment: context.environment,
                secrets: &api_key::VARIABLES,
                timeout: self.timeout,
            };
            let rehearsal = request.run()?;
            let kept = rehearsal.kept.join(", ");
            context
                .report
                .detail(&format!("of the Earthfile, these were run: {kept}"));
            self.done.insert(identity.clone(), rehearsal);
        }
        let Some(rehearsal) = self.done.get(&identity) else {
            return Err(Error::Stopped);
        };
        if let Some(left) = &rehearsal.left {
            let left = sanitize::path(left);
            context.report.warn(&messages::copy_left(&left));
        }
        let seen = checkout.see(None, &manifest.limits)?;
        let mut judged = rehearsal.judge(&Locked {
            entry,
            lock: self.lock,
            seen: &seen,
            checkout: checkout.directory(),
            limits: &manifest.limits,
        });
        let target = rehearsal.target.clone();
        let known = target.as_deref().and_then(Target::parse);
        let asked = known.map(|target| [target]);
        let forecast = asked.and_then(|asked| {
            let known = Known {
                staged: &seen,
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

/// The verdict that a forecast comes to; `None` if it says nothing.
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

/// The verdict in words.
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
        RehearsalVerdict::NotCarried => "nothing: this target carries no definition".to_owned(),
        RehearsalVerdict::Unjudged => "cannot be told".to_owned(),
    }
}

/// What is wrong with it.
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
