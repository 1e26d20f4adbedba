//! edgestage puts a reviewed, locked and verified Palette cluster definition into the
//! CanvOS Edge installer ISO.
//!
//! The modules are listed in the order in which data flows. Each imports only modules that are
//! listed before it, which a test checks. ARCHITECTURE.md describes each module.
//!
//! ```text
//! profiles.toml ─ manifest ─┐
//!                           ├─ resolve ── download ── lockfile ── cache ── canvos ── image
//!         Palette ─ palette ┘       Plan    │   Received  LockEntry  Artifact
//!                                        archive
//! ```
//!
//! Only `commands` knows the order of the stages, only [`error`] maps errors to exit codes, and only
//! [`ui`] prints and asks questions. Types enforce the order: only an `Artifact` can be staged,
//! and only the cache creates one, from an archive that was read to its end and found to hold
//! the locked content.

// The binary and the tests need the `pub` items. Every other item is marked as internal.
#![warn(unreachable_pub)]

// Shared by every module.
pub mod util;
pub mod diagnostic;
pub mod http;

// The stages, in the order in which data flows.
pub mod manifest;
pub mod palette;
pub mod resolve;
pub mod archive;
pub mod bundle;
pub mod variables;
mod download;
pub mod lockfile;
pub mod drift;
pub mod registry;
pub mod edge_host;
mod cache;
pub mod signing;
pub mod canvos;
pub mod image;
pub mod evidence;

// The command line, the commands and their output.
pub mod schema;
pub mod cli;
pub mod api_key;
pub mod host_password;
pub mod error;
pub mod ui;
mod workflow;
mod commands;

use std::ffi::OsString;
use std::io::ErrorKind;
use std::sync::atomic::AtomicBool;

use clap::{CommandFactory as _, FromArgMatches as _};

use crate::cli::{Cli, Color, Output, Verbosity};
use crate::error::{Error, Exit};
use crate::ui::{CommandOutput, Report};
use crate::util::environment::Environment;
use crate::workflow::context::Context;

/// Runs the command line `arguments`, which begins with the program's name, and returns the
/// exit code.
#[must_use]
pub fn run(arguments: &[OsString], environment: &Environment) -> Exit {
    // The environment may hold the key, so the process memory holds it from the start.
    crate::util::secret::keep_out_of_dumps();
    if let Some(text) = crate::cli::completion::answer(arguments, environment) {
        return offer(text, environment);
    }
    let cli = match parse(arguments, environment) {
        Ok(cli) => cli,
        Err(error) => return refuse_arguments(arguments, environment, &error),
    };
    crate::util::failpoint::arm(environment);
    let report = Report::new(cli.output(), environment);
    let name = commands::name(&cli.command);
    let result = cli
        .settings(environment)
        .map_err(Error::usage)
        .and_then(|settings| {
            let context = Context {
                settings: &settings,
                environment,
                report: &report,
                who: commands::who(&cli.command),
                has_read: AtomicBool::new(false),
            };
            let result = commands::run(&cli.command, &context);
            if result
                .as_ref()
                .map_or(true, |outcome| outcome.error.is_some())
            {
                context.tell_manifest();
            }
            result
        });
    let (exit, printed) = match &result {
        Ok(outcome) => {
            let exit = outcome.error.as_ref().map_or(Exit::Done, Error::exit);
            (exit, report.finish(name, outcome))
        }
        Err(error) => (error.exit(), report.fail(name, error)),
    };
    match printed {
        Ok(()) => exit,
        Err(_) => exit.max(Exit::Failed),
    }
}

/// Prints the completion candidates for the word at the cursor to the shell that requested
/// them.
fn offer(text: String, environment: &Environment) -> Exit {
    let output = Output {
        json: false,
        verbosity: Verbosity::Quiet,
        color: Color::Never,
    };
    let outcome = CommandOutput {
        text,
        json: serde_json::Value::Null,
        error: None,
    };
    match Report::new(output, environment).finish("", &outcome) {
        Ok(()) => Exit::Done,
        Err(_) => Exit::Failed,
    }
}

/// Parses the command line. Colors in clap's own output follow the same rules as the rest.
fn parse(arguments: &[OsString], environment: &Environment) -> Result<Cli, clap::Error> {
    let mut command = Cli::command();
    if ui::is_plain(environment) {
        command = command.color(clap::ColorChoice::Never);
    }
    Cli::from_arg_matches(&command.try_get_matches_from(arguments)?)
}

/// Prints clap's own errors, and its help and version, which clap also returns as errors.
fn refuse_arguments(
    arguments: &[OsString],
    environment: &Environment,
    error: &clap::Error,
) -> Exit {
    if !error.use_stderr() {
        return match error.print() {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => Exit::Failed,
            // Readers of the help often close the pipe early, which is not an error.
            _ => Exit::Done,
        };
    }
    let output = Output {
        json: asks_for_json(arguments),
        verbosity: Verbosity::Quiet,
        color: Color::Never,
    };
    let report = Report::new(output, environment);
    let text = error.render().to_string();
    let title = text
        .lines()
        .next()
        .unwrap_or_default()
        .trim_start_matches("error: ");
    let diagnostic = cli::messages::invalid_arguments(title);
    // clap repeats unknown arguments verbatim and masks nothing.
    if !output.json && !report.holds_key(&text) {
        let _ = error.print();
        report.annotate(&diagnostic);
        return Exit::Usage;
    }
    let error = Error::usage(diagnostic);
    match report.fail("", &error) {
        Ok(()) => Exit::Usage,
        Err(_) => Exit::Failed,
    }
}

/// Returns whether a command line that could not be parsed requests a JSON document.
fn asks_for_json(arguments: &[OsString]) -> bool {
    let whole = |argument: &OsString| argument == "--json" || argument == "--format=json";
    let pair = |two: &[OsString]| two[0] == "--format" && two[1] == "json";
    arguments.iter().any(whole) || arguments.windows(2).any(pair)
}
