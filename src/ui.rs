//! All output: results on standard output; progress, warnings and errors on standard error. No
//! other module prints.
//!
//! On a terminal, work in progress has lines of its own, with a bar for each download.
//! Elsewhere, all output is plain lines, and a line breaks a long silence. The key is masked in
//! all output, as a last line of defense after the types that never contain it.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use anstream::{AutoStream, ColorChoice};
use serde_json::Value;

use crate::api_key;
use crate::cli::{self, Color, Output, Verbosity};
use crate::diagnostic::{Diagnostic, Source};
use crate::error::Error;
use crate::host_password;
use crate::registry::Secrets;
use crate::util::environment::Environment;
use crate::util::sanitize;
use crate::util::secret::ApiKey;
use crate::util::sync::lock;

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
pub use work::TransferKind;

use ci::Annotations;
use console::{Console, View};
use document::{Head, mask};
use screen::Size;
use text::{See, WIDTH, render_all, render_within};

/// The result of a command: a text for people, a document for programs, and an error if a
/// command that has a result found something wrong (`verify`).
pub struct CommandOutput {
    /// The text for standard output; may be empty.
    pub text: String,
    /// The fields of the JSON document: [`fields`] of a type that is in the schema.
    pub json: Value,
    /// The error that determines the exit code, if it is not 0.
    pub error: Option<Error>,
}

/// The minimum width of an excerpt, in columns.
const NARROWEST: usize = 40;

/// Whether output is colored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Output is colored.
    Coloured,
    /// Output is not colored.
    Plain,
}

/// The two output streams of a run.
pub struct Report {
    output: Output,
    width: Option<usize>,
    stderr: Stderr,
    warnings: Mutex<Vec<Diagnostic>>,
    console: Arc<Console>,
    began: Instant,
    annotations: Option<Annotations>,
    /// Whether GitLab folds marked sections.
    sections: bool,
}

impl Report {
    /// Creates a report for the given output options.
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
        // The key may not have been read yet when a mistyped argument is shown.
        let keys = api_key::VARIABLES.iter().filter_map(|name| {
            let value = environment.variable(name)?;
            ApiKey::new(&value.to_string_lossy()).ok()
        });
        let keys = keys.chain(host_password::of_environment(environment));
        let view = match output.verbosity {
            Verbosity::Quiet => View::Silent,
            _ if environment.terminal && !plain => View::Screen,
            // An invalid value is reported as an error of the command line.
            _ => View::Log(cli::heartbeat(environment).unwrap_or_default()),
        };
        let stderr = Stderr { color };
        Self {
            output,
            width: environment.columns.filter(|_| !plain).map(usize::from),
            stderr,
            warnings: Mutex::new(Vec::new()),
            console: Console::new(stderr, view, keys.collect()),
            began: Instant::now(),
            annotations: Annotations::of(environment),
            sections: ci::is_gitlab(environment),
        }
    }

    /// Masks `key` from now on. Keys in the environment are masked from the start.
    pub fn hide(&self, key: &ApiKey) {
        self.console.hide(key.clone());
    }

    /// Returns where secrets that a client finds are registered.
    #[must_use]
    pub(crate) fn secrets(&self) -> Arc<dyn Secrets> {
        Arc::clone(&self.console) as Arc<dyn Secrets>
    }

    /// Returns how much is printed.
    #[must_use]
    pub fn verbosity(&self) -> Verbosity {
        self.output.verbosity
    }

    /// Returns whether questions are colored like the other output.
    #[must_use]
    pub fn look(&self) -> Look {
        self.stderr.look()
    }

    /// Returns whether a person can be asked, as opposed to a script, a log or `--quiet`.
    #[must_use]
    pub fn can_ask(&self, environment: &Environment) -> bool {
        self.console.is_screen() && environment.interactive && !self.output.json
    }

    /// Returns the maximum width of a result: that of the terminal. Output to a pipe, a file or
    /// the log of a CI job is never cut.
    #[must_use]
    pub fn width(&self) -> Option<usize> {
        self.width
    }

    /// Returns text from outside on a single line and without the key.
    #[must_use]
    pub fn clean(&self, text: &str) -> String {
        self.masked(&sanitize::line(text.as_bytes()))
    }

    /// Returns whether `text` contains the key.
    #[must_use]
    pub fn holds_key(&self, text: &str) -> bool {
        self.masked(text) != text
    }

    /// Returns `text` without the key. Text that will be escaped has to be masked before.
    #[must_use]
    pub fn masked(&self, text: &str) -> String {
        self.console.masked(text)
    }

    /// Returns `value` as the text of a JSON document of another format than `--json` has: on
    /// several lines, without the key, and without characters that a terminal would obey.
    #[must_use]
    pub fn json_text(&self, mut value: Value) -> String {
        self.console.with_keys(|key| mask(&mut value, key));
        sanitize::json(&format!("{value:#}\n"))
    }

    /// Prints what is being done: a verb and its object, as cargo prints it.
    pub fn status(&self, verb: &str, object: &str) {
        if self.output.verbosity >= Verbosity::Normal {
            self.say(&self::verb(verb, object));
        }
    }

    /// Prints a detail, with `-v`.
    pub fn detail(&self, text: &str) {
        if self.output.verbosity >= Verbosity::Verbose {
            self.say(&format!("{:>12} {text}", ""));
        }
    }

    /// Prints a warning and keeps it for the JSON document.
    pub fn warn(&self, diagnostic: &Diagnostic) {
        let known = {
            let mut told = lock(&self.warnings);
            // A warning that is the same for several definitions is printed once.
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

    /// Prints several warnings.
    pub fn warn_all<'d>(&self, diagnostics: impl IntoIterator<Item = &'d Diagnostic>) {
        for diagnostic in diagnostics {
            self.warn(diagnostic);
        }
    }

    /// Prints `diagnostic` as an annotation for GitHub, in addition to the message.
    pub fn annotate(&self, diagnostic: &Diagnostic) {
        if let Some(annotations) = &self.annotations {
            self.say(&annotations.command(diagnostic, |text| self.masked(text)));
        }
    }

    /// Returns the diagnostic without the key in its excerpt, of which only a part may be
    /// shown.
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

    /// Returns the maximum width of excerpts, in columns.
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

    /// Prints the result of a command.
    ///
    /// # Errors
    /// Fails if standard output cannot be written. A reader that closes it early is not an
    /// error.
    pub fn finish(&self, command: &str, outcome: &CommandOutput) -> io::Result<()> {
        if let Some(error) = outcome.error.as_ref().filter(|_| !self.output.json) {
            let printed = self.text(&outcome.text);
            self.errors(error);
            return printed;
        }
        if self.output.json {
            // The document is for a program, but the annotations of a run are for people.
            if let Some(error) = &outcome.error {
                self.annotate_all(&error.diagnostics());
            }
            return self.document(command, outcome.json.clone(), outcome.error.as_ref());
        }
        self.text(&outcome.text)
    }

    /// Prints the error of a run, once.
    ///
    /// # Errors
    /// Fails if standard output cannot be written.
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
        let mut stdout = AutoStream::new(io::stdout(), self.stderr.color).lock();
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

    /// Reports a standard output that cannot be written: otherwise, a full disk would result in
    /// an exit code without a message.
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

/// Returns whether a terminal does not support escape sequences: a dumb terminal, or the log of
/// a CI job with a pseudo-terminal.
#[must_use]
pub fn is_plain(environment: &Environment) -> bool {
    let is_dumb = environment
        .variable("TERM")
        .is_none_or(|term| term == "dumb");
    is_dumb || environment.variable("CI").is_some_and(|ci| ci != "false")
}

/// Returns a verb and its object, as cargo prints them.
fn verb(verb: &str, object: &str) -> String {
    let green = anstyle::AnsiColor::Green.on_default().bold();
    format!("{green}{verb:>12}{green:#} {object}")
}

/// Stops the thread that draws.
impl Drop for Report {
    fn drop(&mut self) {
        self.console.end();
    }
}

/// Standard error. If it is closed or full, the build must go on, so errors are ignored and
/// what cannot be written is lost.
#[derive(Debug, Clone, Copy)]
struct Stderr {
    color: ColorChoice,
}

impl Stderr {
    /// Writes text, in color if enabled.
    fn write(self, text: &str) {
        let _ = AutoStream::new(io::stderr(), self.color).write_all(text.as_bytes());
    }

    /// Writes control sequences unchanged.
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

    /// Returns the first word of a line that is redrawn.
    fn head(self, text: &str) -> String {
        let cyan = anstyle::AnsiColor::Cyan.on_default().bold();
        match self.look() {
            Look::Coloured => format!("{cyan}{text}{cyan:#}"),
            Look::Plain => text.to_owned(),
        }
    }

    /// Returns the size of the terminal, or 80 columns and 24 lines if it is unknown.
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
