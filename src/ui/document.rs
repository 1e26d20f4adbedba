//! The fields that all JSON documents have, including diagnostics and errors.
//!
//! A command's own fields are a type beside that command. Its schema is generated from the type
//! (`commands/schema.rs`), so that the documentation matches the output.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::diagnostic::help_topic::page;
use crate::diagnostic::{Code, Diagnostic, Trap};
use crate::error::Error;
use crate::util::secret::ApiKey;

/// Format version of the documents. It increases if a field is removed or changes its
/// meaning, not if one is added (docs/upgrading.md).
pub const SCHEMA: u32 = 1;

/// Returns every token that `code` may be.
fn codes() -> Vec<&'static str> {
    let traps = Trap::ALL.iter().map(|trap| trap.code());
    let others = Code::ALL.iter().map(|code| code.token());
    others.chain(traps).collect()
}

/// A trap.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct NamedTrap {
    /// Number of the trap, such as `T23`.
    #[schemars(extend("enum" = Trap::ALL.iter().map(|trap| trap.code()).collect::<Vec<_>>()))]
    code: &'static str,
    /// Name of the trap, such as `overlay-dropped`.
    #[schemars(extend("enum" = Trap::ALL.iter().map(|trap| trap.name()).collect::<Vec<_>>()))]
    name: &'static str,
}

impl From<Trap> for NamedTrap {
    fn from(trap: Trap) -> Self {
        Self {
            code: trap.code(),
            name: trap.name(),
        }
    }
}

/// The fields at the beginning of every document. The fields of the command follow,
/// unless the command failed before it had a result.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Head {
    /// Format version of the document.
    #[schemars(extend("const" = SCHEMA))]
    schema: u32,
    /// Name of the command, such as `cache list`; empty if the command line could not be
    /// parsed.
    command: String,
    /// Problems that do not stop the run.
    warnings: Vec<Problem>,
    /// The error; present if the exit code is not 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ErrorFields")]
    error: Option<ErrorFields>,
}

impl Head {
    /// Creates the head of a document of `command`.
    pub fn new(command: &str, warnings: &[Diagnostic], error: Option<&Error>) -> Self {
        Self {
            schema: SCHEMA,
            command: command.to_owned(),
            warnings: warnings.iter().map(Problem::of).collect(),
            error: error.map(ErrorFields::of),
        }
    }
}

/// An error or a warning.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Problem {
    /// Code of the problem, such as `key-refused`, or the number of a trap, such as
    /// `T11`.
    #[schemars(extend("enum" = codes()))]
    code: &'static str,
    /// Name of the trap, such as `another-file`; null if it is not a trap.
    name: Option<&'static str>,
    /// What is wrong.
    message: String,
    /// Further facts, such as what was expected and what was found.
    notes: Vec<String>,
    /// What to do next; each item is one command or edit.
    help: Vec<String>,
    /// Section of `edgestage explain` that explains the problem, such as `drift`.
    topic: &'static str,
    /// Address of that section on the web.
    see: Option<String>,
    #[serde(flatten)]
    place: Option<Place>,
}

/// The place in a file that a problem is about.
#[derive(Debug, Serialize, JsonSchema)]
struct Place {
    /// File that the problem is about, if it is about a place in a file.
    file: String,
    /// Line number, starting at 1.
    line: usize,
    /// Column number in characters, starting at 1.
    column: usize,
    /// Label of the place.
    label: String,
}

/// Why a run did not end with 0. `message` and `help` come from the first problem.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ErrorFields {
    /// Code of the error, such as `key-refused`, or the number of a trap, such as `T11`.
    /// If all problems have the same code, it is that code; otherwise it is `several`,
    /// `invalid-manifest`, `rules-broken` or `trapped`.
    #[schemars(extend("enum" = codes()))]
    code: &'static str,
    /// Name of the trap, such as `another-file`; null if it is not a trap.
    name: Option<&'static str>,
    /// Exit code of the process.
    #[schemars(range(min = 1, max = 6))]
    exit_code: u8,
    /// Message of the first problem.
    message: String,
    /// What to do about the first problem; null if it has no help.
    help: Option<String>,
    /// All problems.
    problems: Vec<Problem>,
}

impl Problem {
    fn of(diagnostic: &Diagnostic) -> Self {
        let place = diagnostic.excerpt.as_ref().map(|excerpt| {
            let (line, column) = excerpt.source.position(excerpt.span.start);
            Place {
                file: excerpt.source.path.clone(),
                line,
                column,
                label: excerpt.label.clone(),
            }
        });
        Self {
            code: diagnostic.code.token(),
            name: diagnostic.code.trap().map(Trap::name),
            message: diagnostic.title.clone(),
            notes: diagnostic.notes.clone(),
            help: diagnostic.help.clone(),
            topic: diagnostic.section(),
            see: page::section(diagnostic.section()).map(|section| section.url()),
            place,
        }
    }
}

impl ErrorFields {
    fn of(error: &Error) -> Self {
        let diagnostics = error.diagnostics();
        let first = diagnostics.first();
        let code = error.code();
        Self {
            code: code.token(),
            name: code.trap().map(Trap::name),
            exit_code: error.exit().code(),
            message: first.map(|d| d.title.clone()).unwrap_or_default(),
            help: first.and_then(|d| d.help.first().cloned()),
            problems: diagnostics.iter().map(Problem::of).collect(),
        }
    }
}

/// Returns a command's own fields for [`CommandOutput`](super::CommandOutput).
pub fn fields(result: &impl Serialize) -> Value {
    // A result consists of texts, numbers and lists of them, so serialization cannot fail.
    serde_json::to_value(result).unwrap_or_default()
}

/// Masks `key` in every text of `value`. This has to happen before serialization, which escapes
/// a quote in a key.
pub fn mask(value: &mut Value, key: &ApiKey) {
    match value {
        Value::String(text) => *text = key.mask(text),
        Value::Array(items) => items.iter_mut().for_each(|item| mask(item, key)),
        Value::Object(fields) => fields.values_mut().for_each(|field| mask(field, key)),
        _ => {}
    }
}
