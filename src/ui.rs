//! All output: results on standard output; progress, warnings and errors on standard
//! error. Nobody else prints.
//!
//! On a terminal what is under way has lines of its own, a bar for each download;
//! elsewhere everything is plain lines, and one breaks long silence. The key is masked in
//! whatever passes, as a last line of defence behind the types that never hold it.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use anstream::{AutoStream, ColorChoice};
use serde_json::Value;

use crate::api_key;
use crate::cli::{self, Color, Output, Verbosity};
use crate::diagnostic::{Diagnostic, Source};
use crate::error::Error;
use crate::util::environment::Environment;
use crate::util::sanitize;
use crate::util::secret::ApiKey;

mod ci;
mod console;
pub mod document;
mod heartbeat;
mod messages;
mod progress;
mod progress_bars;
mod screen;
mod summary;
mod text;
mod work;
pub(crate) mod markdown;
pub(crate) mod prompt;
pub(crate) mod table;

pub use ci::LogSection;
pub use document::{NamedTrap, fields};
pub use progress::{Counter, Download, Waiting};
pub use summary::{FETCHED, Outcome, Summary};
pub use text::render;

use ci::Annotations;
use console::{Console, View};
use document::{Head, mask};
use screen::Size;
use text::{See, WIDTH, render_all, render_within};

/// The result of a command: a text for people, a document for machines, and what was
/// found wrong where there is a result all the same (`verify`).
pub struct CommandOutput {
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
    width: Option<usize>,
    stderr: Stderr,
    warnings: Mutex<Vec<Diagnostic>>,
    console: Arc<Console>,
    began: Instant,
    annotations: Option<Annotations>,
    /// Whether GitLab folds what is marked.
    sections: bool,
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
        let keys = api_key::VARIABLES.iter().filter_map(|name| {
            let value = environment.variable(name)?;
            ApiKey::new(&value.to_string_lossy()).ok()
        });
        let view = match output.verbosity {
            Verbosity::Quiet => View::Silent,
            _ if environment.terminal && !plain => View::Screen,
            // One that is none is an error of the command line.
            _ => View::Log(cli::heartbeat(environment).unwrap_or_default()),
        };
        let stderr = Stderr { color };
        Self {
            output,
            color,
            width: environment.columns.filter(|_| !plain).map(usize::from),
            stderr,
            warnings: Mutex::new(Vec::new()),
            console: Console::new(stderr, view, keys.collect()),
            began: Instant::now(),
            annotations: Annotations::of(environment),
            sections: ci::has_sections(environment),
        }
    }

    /// Masks `key` from now on, as those of the environment are masked from the start.
    pub fn hide(&self, key: &ApiKey) {
        self.console.hide(key.clone());
    }

    /// How much is said.
    #[must_use]
    pub fn verbosity(&self) -> Verbosity {
        self.output.verbosity
    }

    /// How questions look beside what is said here.
    #[must_use]
    pub fn look(&self) -> Look {
        self.stderr.look()
    }

    /// Whether a person is there to be asked: not a script, a log or `--quiet`.
    #[must_use]
    pub fn can_ask(&self, environment: &Environment) -> bool {
        self.console.is_screen() && environment.interactive && !self.output.json
    }

    /// How wide a result may be: a terminal's width. What goes into a pipe, a file or the
    /// log of a CI job is never cut.
    #[must_use]
    pub fn width(&self) -> Option<usize> {
        self.width
    }

    /// Text from outside, on one line and without the key.
    #[must_use]
    pub fn clean(&self, text: &str) -> String {
        self.masked(&sanitize::line(text.as_bytes()))
    }

    /// Whether `text` holds the key.
    #[must_use]
    pub fn holds_key(&self, text: &str) -> bool {
        self.masked(text) != text
    }

    /// `text` without the key. What is escaped again on its way has to be masked before.
    #[must_use]
    pub fn masked(&self, text: &str) -> String {
        self.console.masked(text)
    }

    /// What is being done: a verb and its object, as cargo prints it.
    pub fn status(&self, verb: &str, object: &str) {
        if self.output.verbosity >= Verbosity::Normal {
            self.say(&self::verb(verb, object));
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
            let known = told.iter().any(|old| old.section() == diagnostic.section());
            told.push(diagnostic.clone());
            known
        };
        if self.output.verbosity >= Verbosity::Normal {
            let shown = self.without_key(diagnostic);
            let see = if known { See::Hidden } else { See::Shown };
            self.say(&render_within(&shown, self.excerpt_width(), see));
            self.annotate(diagnostic);
        }
    }

    /// Several warnings.
    pub fn warn_all<'d>(&self, diagnostics: impl IntoIterator<Item = &'d Diagnostic>) {
        for diagnostic in diagnostics {
            self.warn(diagnostic);
        }
    }

    /// Shows `diagnostic` where GitHub shows annotations, besides what is said of it.
    pub fn annotate(&self, diagnostic: &Diagnostic) {
        if let Some(annotations) = &self.annotations {
            self.say(&annotations.command(diagnostic, |text| self.masked(text)));
        }
    }

    /// The same without the key in its excerpt, of which only a part may be shown.
    fn without_key(&self, diagnostic: &Diagnostic) -> Diagnostic {
        let mut shown = diagnostic.clone();
        shown.excerpt = diagnostic.excerpt.as_ref().map(|excerpt| {
            let mut excerpt = excerpt.narrowed();
            if text::is_long(&excerpt) {
                return excerpt;
            }
            let mut text = excerpt.source.text.clone();
            self.console.with_keys(|key| text = key.blot(&text));
            excerpt.source = Arc::new(Source {
                path: excerpt.source.path.clone(),
                text,
                first_line: excerpt.source.first_line,
            });
            excerpt
        });
        shown
    }

    /// The columns that excerpts may take.
    fn excerpt_width(&self) -> usize {
        if self.console.is_screen() {
            self.stderr.size().columns.max(NARROWEST)
        } else {
            WIDTH
        }
    }

    fn say(&self, line: &str) {
        self.console.say(line);
    }

    /// Prints a command's result.
    ///
    /// # Errors
    /// A standard output that cannot be written; one that was closed early is the
    /// reader's choice and no error.
    pub fn finish(&self, command: &str, outcome: &CommandOutput) -> io::Result<()> {
        if let Some(error) = outcome.error.as_ref().filter(|_| !self.output.json) {
            let printed = self.text(&outcome.text);
            self.errors(error);
            return printed;
        }
        if self.output.json {
            // A document is for a program; the page of a run is for people all the same.
            if let Some(error) = &outcome.error {
                self.annotate_all(&error.diagnostics());
            }
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
            self.annotate_all(&error.diagnostics());
            return self.document(command, Value::Null, Some(error));
        }
        self.errors(error);
        Ok(())
    }

    fn errors(&self, error: &Error) {
        let diagnostics = error.diagnostics();
        let shown: Vec<Diagnostic> = diagnostics
            .iter()
            .map(|one| self.without_key(one))
            .collect();
        self.say(&render_all(&shown, self.excerpt_width()));
        self.annotate_all(&diagnostics);
    }

    fn annotate_all(&self, diagnostics: &[Diagnostic]) {
        for diagnostic in diagnostics {
            self.annotate(diagnostic);
        }
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
        self.console.with_keys(|key| mask(&mut document, key));
        let text = serde_json::to_string_pretty(&document)?;
        self.told_if_lost(write_result(&mut io::stdout().lock(), &(text + "\n")))
    }

    /// A full disk behind standard output would else be an exit code without a word.
    fn told_if_lost(&self, written: io::Result<()>) -> io::Result<()> {
        if let Err(error) = &written {
            self.say(&render(&messages::output_failed(error)));
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

/// A verb and its object, as cargo prints it.
fn verb(verb: &str, object: &str) -> String {
    let green = anstyle::AnsiColor::Green.on_default().bold();
    format!("{green}{verb:>12}{green:#} {object}")
}

/// The thread that draws ends with the run.
impl Drop for Report {
    fn drop(&mut self) {
        self.console.end();
    }
}

/// The stream of standard error. Closed or full, it must not keep a build from going on:
/// what cannot be written is lost.
#[derive(Debug, Clone, Copy)]
struct Stderr {
    color: ColorChoice,
}

impl Stderr {
    /// Text, coloured where that is wanted.
    fn write(self, text: &str) {
        let _ = AutoStream::new(io::stderr(), self.color).write_all(text.as_bytes());
    }

    /// What moves the cursor, as it is.
    #[allow(clippy::unused_self)] // who has no stream writes to none
    fn control(self, text: &str) {
        if !text.is_empty() {
            let _ = io::stderr().write_all(text.as_bytes());
        }
    }

    fn look(self) -> Look {
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

    /// The first word of a line that is drawn over again.
    fn head(self, text: &str) -> String {
        let cyan = anstyle::AnsiColor::Cyan.on_default().bold();
        match self.look() {
            Look::Coloured => format!("{cyan}{text}{cyan:#}"),
            Look::Plain => text.to_owned(),
        }
    }

    /// The terminal's size; one that does not say it is taken for 80 columns of 24 lines.
    #[allow(clippy::unused_self)] // as above
    fn size(self) -> Size {
        let size = rustix::termios::tcgetwinsize(io::stderr()).ok();
        let size = size.filter(|size| size.ws_col > 0 && size.ws_row > 0);
        size.map_or(
            Size {
                columns: 80,
                rows: 24,
            },
            |size| Size {
                columns: size.ws_col.into(),
                rows: size.ws_row.into(),
            },
        )
    }
}
