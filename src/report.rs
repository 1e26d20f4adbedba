//! All output: results on standard output; progress, warnings and errors on standard
//! error. Nobody else prints.
//!
//! On a terminal each download has a bar; elsewhere everything is plain lines. The key is
//! masked in whatever passes, as a last line of defence behind the types that never
//! hold it.

use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anstream::{AutoStream, ColorChoice};
use indicatif::MultiProgress;
use serde_json::Value;

use crate::cli::{Color, Output, Verbosity};
use crate::diagnostic::Diagnostic;
use crate::environment::Environment;
use crate::error::Error;
use crate::key;
use crate::palette::Observer;
use crate::printable;
use crate::secret::ApiKey;
use crate::topic::Topic;

pub mod document;
mod progress;
mod text;

pub use progress::Download;
pub use text::render;

pub use document::fields;

use document::{Head, mask};
use text::{WIDTH, render_all, render_within, without_see};

/// The result of a command: a text for people, a document for machines, and what was
/// found wrong where there is a result all the same (`verify`).
pub struct Outcome {
    /// For standard output; may be empty.
    pub text: String,
    /// The fields of the JSON document: [`fields`] of a type that the schema has.
    pub json: Value,
    /// What makes the exit code other than 0.
    pub error: Option<Error>,
}

/// In fewer columns an excerpt shows nothing.
const NARROWEST: usize = 40;

/// Whether there are colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// There are.
    Coloured,
    /// There are none.
    Plain,
}

/// The two output streams of a run.
pub struct Report {
    output: Output,
    color: ColorChoice,
    terminal: bool,
    warnings: Mutex<Vec<Diagnostic>>,
    bars: MultiProgress,
    keys: Mutex<Vec<ApiKey>>,
}

impl Report {
    /// A report in the given look.
    #[must_use]
    pub fn new(output: Output, environment: &Environment) -> Self {
        let plain = is_plain(environment);
        let color = match output.color {
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
            Color::Auto if plain && environment.variable("CLICOLOR_FORCE").is_none() => {
                ColorChoice::Never
            }
            Color::Auto => ColorChoice::Auto,
        };
        // Nothing may have asked for it yet when a mistyped argument is shown.
        let keys = key::VARIABLES.iter().filter_map(|name| {
            let value = environment.variable(name)?;
            ApiKey::new(&value.to_string_lossy()).ok()
        });
        Self {
            output,
            color,
            terminal: environment.terminal && !plain && output.verbosity != Verbosity::Quiet,
            warnings: Mutex::new(Vec::new()),
            bars: MultiProgress::new(),
            keys: Mutex::new(keys.collect()),
        }
    }

    /// Masks `key` from now on, as those of the environment are masked from the start.
    pub fn hide(&self, key: &ApiKey) {
        lock(&self.keys).push(key.clone());
    }

    /// How much is said.
    #[must_use]
    pub fn verbosity(&self) -> Verbosity {
        self.output.verbosity
    }

    /// How questions look beside what is said here.
    #[must_use]
    pub fn look(&self) -> Look {
        let choice = match self.color {
            ColorChoice::Auto => AutoStream::choice(&io::stderr()),
            choice => choice,
        };
        if choice == ColorChoice::Never {
            Look::Plain
        } else {
            Look::Coloured
        }
    }

    /// Whether a person is there to be asked: not a script, a log or `--quiet`.
    #[must_use]
    pub fn can_ask(&self, environment: &Environment) -> bool {
        self.terminal && environment.interactive && !self.output.json
    }

    /// Whether `text` holds the key.
    #[must_use]
    pub fn holds_key(&self, text: &str) -> bool {
        self.masked(text) != text
    }

    fn masked(&self, text: &str) -> String {
        let keys = lock(&self.keys);
        keys.iter()
            .fold(text.to_owned(), |text, key| key.mask(&text))
    }

    /// What is being done: a verb and its object, as cargo prints it.
    pub fn status(&self, verb: &str, object: &str) {
        if self.output.verbosity >= Verbosity::Normal {
            let green = bold_green();
            self.say(&format!("{green}{verb:>12}{green:#} {object}"));
        }
    }

    /// A detail, with `-v`.
    pub fn detail(&self, text: &str) {
        if self.output.verbosity >= Verbosity::Verbose {
            self.say(&format!("{:>12} {text}", ""));
        }
    }

    /// A warning, printed now and kept for the JSON document.
    pub fn warn(&self, diagnostic: &Diagnostic) {
        let known = {
            let mut told = lock(&self.warnings);
            // What is the same for several definitions is worth one warning.
            if told.iter().any(|old| old.says_the_same(diagnostic)) {
                return;
            }
            let known = told.iter().any(|old| old.see == diagnostic.see);
            told.push(diagnostic.clone());
            known
        };
        if self.output.verbosity >= Verbosity::Normal {
            self.say(&if known {
                render_within(&without_see(diagnostic), self.width())
            } else {
                render_within(diagnostic, self.width())
            });
        }
    }

    /// Several warnings.
    pub fn warn_all<'d>(&self, diagnostics: impl IntoIterator<Item = &'d Diagnostic>) {
        for diagnostic in diagnostics {
            self.warn(diagnostic);
        }
    }

    /// The columns that excerpts may take.
    fn width(&self) -> usize {
        let columns = || {
            let size = rustix::termios::tcgetwinsize(io::stderr()).ok()?;
            Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
        };
        let columns = if self.terminal { columns() } else { None };
        columns.map_or(WIDTH, |columns| columns.max(NARROWEST))
    }

    fn say(&self, line: &str) {
        let line = self.masked(line);
        let write = || {
            let mut stderr = AutoStream::new(io::stderr(), self.color);
            // A closed standard error must not keep a build from going on.
            let _ = writeln!(stderr, "{line}");
        };
        self.bars.suspend(write);
    }

    /// Prints a command's result.
    ///
    /// # Errors
    /// A standard output that cannot be written; one that was closed early is the
    /// reader's choice and no error.
    pub fn finish(&self, command: &str, outcome: &Outcome) -> io::Result<()> {
        if let Some(error) = outcome.error.as_ref().filter(|_| !self.output.json) {
            let printed = self.text(&outcome.text);
            self.errors(error);
            return printed;
        }
        if self.output.json {
            return self.document(command, outcome.json.clone(), outcome.error.as_ref());
        }
        self.text(&outcome.text)
    }

    /// Prints what made a run fail, once.
    ///
    /// # Errors
    /// A standard output that cannot be written.
    pub fn fail(&self, command: &str, error: &Error) -> io::Result<()> {
        if self.output.json {
            return self.document(command, Value::Null, Some(error));
        }
        self.errors(error);
        Ok(())
    }

    fn errors(&self, error: &Error) {
        self.say(&render_all(&error.diagnostics(), self.width()));
    }

    fn text(&self, text: &str) -> io::Result<()> {
        let mut stdout = AutoStream::new(io::stdout(), self.color).lock();
        self.told_if_lost(write_result(&mut stdout, &self.masked(text)))
    }

    fn document(&self, command: &str, fields: Value, error: Option<&Error>) -> io::Result<()> {
        let head = Head::new(command, &lock(&self.warnings), error);
        let mut document = serde_json::to_value(head)?;
        if let (Value::Object(document), Value::Object(fields)) = (&mut document, fields) {
            document.extend(fields);
        }
        for key in lock(&self.keys).iter() {
            mask(&mut document, key);
        }
        let text = serde_json::to_string_pretty(&document)?;
        self.told_if_lost(write_result(&mut io::stdout().lock(), &(text + "\n")))
    }

    /// A full disk behind standard output would else be an exit code without a word.
    fn told_if_lost(&self, written: io::Result<()>) -> io::Result<()> {
        if let Err(error) = &written {
            let why = printable::io(error);
            let error = Diagnostic::error(format!("cannot write to standard output: {why}"))
                .help("make room where it goes to, or send it elsewhere")
                .about(Topic::Disk);
            self.say(&render(&error));
        }
        written
    }
}

fn write_result(out: &mut impl Write, text: &str) -> io::Result<()> {
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Whether what looks like a terminal takes no escape sequences: a dumb one, or the log of
/// a CI job that was given a pseudo-terminal.
#[must_use]
pub fn is_plain(environment: &Environment) -> bool {
    let is_dumb = environment
        .variable("TERM")
        .is_none_or(|term| term == "dumb");
    is_dumb || environment.variable("CI").is_some_and(|ci| ci != "false")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn bold_green() -> anstyle::Style {
    anstyle::AnsiColor::Green.on_default().bold()
}

impl Observer for Report {
    fn retrying(&self, call: &str, why: &str, wait: Duration) {
        self.status(
            "Retrying",
            &format!(
                "{} in {:.1} s: {}",
                printable::line(call.as_bytes()),
                wait.as_secs_f64(),
                printable::line(why.as_bytes())
            ),
        );
    }
}
