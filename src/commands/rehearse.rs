//! `edgestage rehearse`: runs only the copy steps of the build, and compares the result with the
//! lock.
//!
//! Input: the definitions, `profiles.toml`, `profiles.lock`, and the build command with its
//! arguments. Output: a table with one verdict for each definition, and an error for each
//! verdict other than `as-locked`.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::rehearsal_report::{self, Options, Rehearser, Row};
use crate::canvos::build::BuildCommand;
use crate::canvos::rehearsal::RehearsalError;
use crate::cli::RehearseArgs;
use crate::error::Error;
use crate::ui::{CommandOutput, fields};
use crate::workflow::context::{Context, one_or_chosen};

/// The document of `rehearse`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Rehearse")]
pub(super) struct Document {
    /// The command that edgestage ran in a copy of each checkout.
    argv: Vec<String>,
    /// The requested definitions, by name.
    rehearsal: Vec<Row>,
}

pub(super) fn run(arguments: &RehearseArgs, context: &Context<'_>) -> Result<CommandOutput, Error> {
    super::build::refuse_targets("rehearse", &arguments.names)?;
    let manifest = context.manifest()?;
    let definitions = one_or_chosen(&manifest, &arguments.names)?;
    let lock = context.lockfile(&manifest)?;
    let command = BuildCommand::new(
        manifest.build.as_deref(),
        &arguments.arguments,
        context.environment,
    );
    let options = Options {
        timeout: Duration::from_secs(arguments.timeout),
        variables: Vec::new(),
    };
    let mut rehearser = Rehearser::new(context, &manifest, &lock, &command, options);
    let mut rows = Vec::new();
    let mut errors = Vec::new();
    for definition in &definitions {
        match rehearser.rehearse(definition) {
            Ok(report) => {
                rows.push(report.row);
                errors.extend(
                    report
                        .refused
                        .map(|refused| RehearsalError::from(refused).into()),
                );
            }
            Err(error) => errors.push(error),
        }
    }
    Ok(CommandOutput {
        text: rehearsal_report::text(&rows, context.report.width()),
        json: fields(&Document {
            argv: command.argv.clone(),
            rehearsal: rows,
        }),
        error: Error::all(errors),
    })
}
