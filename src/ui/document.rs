//! The JSON documents: what all of them have, diagnostics and errors among it.
//!
//! A command's own fields are a type beside that command; its schema is made of the type
//! (`commands/schema.rs`), so that what is documented is what is printed.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::diagnostic::help_topic::page;
use crate::diagnostic::{Code, Diagnostic, Trap};
use crate::error::Error;
use crate::util::secret::ApiKey;

/// The form of the documents. It grows where a field goes, or gets another meaning; not
/// where one is added (docs/upgrading.md).
pub const SCHEMA: u32 = 1;

/// Every token that `code` may be.
fn codes() -> Vec<&'static str> {
    let traps = Trap::ALL.iter().map(|trap| trap.code());
    let others = Code::ALL.iter().map(|code| code.token());
    others.chain(traps).collect()
}

/// A trap.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct NamedTrap {
    /// Its number, such as `T23`.
    #[schemars(extend("enum" = Trap::ALL.iter().map(|trap| trap.code()).collect::<Vec<_>>()))]
    code: &'static str,
    /// Its name, such as `overlay-dropped`.
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

/// What every document begins with. The fields of the command follow; a command that
/// failed before it had a result has none.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Head {
    /// Form of the document.
    #[schemars(extend("const" = SCHEMA))]
    schema: u32,
    /// The command's name, such as `cache list`; empty where the command line could not
    /// be read.
    command: String,
    /// What does not stop the run.
    warnings: Vec<Problem>,
    /// What is wrong; there is an error where the exit code is not 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Failure")]
    error: Option<Failure>,
}

impl Head {
    /// The head of a document of `command`.
    pub fn new(command: &str, warnings: &[Diagnostic], error: Option<&Error>) -> Self {
        Self {
            schema: SCHEMA,
            command: command.to_owned(),
            warnings: warnings.iter().map(Problem::of).collect(),
            error: error.map(Failure::of),
        }
    }
}

/// Something that is wrong, or worth a warning.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Problem {
    /// What it is about, such as `key-refused`; the number of a trap, such as `T11`.
    #[schemars(extend("enum" = codes()))]
    code: &'static str,
    /// The name of a trap, such as `another-file`; else null.
    name: Option<&'static str>,
    /// What is wrong with which thing.
    message: String,
    /// What was expected and found.
    notes: Vec<String>,
    /// What to do next, one command or edit each.
    help: Vec<String>,
    /// The section of `edgestage explain` with more about it, such as `drift`.
    topic: &'static str,
    /// The address of that section on the web.
    see: Option<String>,
    #[serde(flatten)]
    place: Option<Place>,
}

/// Where it is about a place in a file.
#[derive(Debug, Serialize, JsonSchema)]
struct Place {
    /// The file, where it is about a place in one.
    file: String,
    /// The line, from 1.
    line: usize,
    /// The column, from 1, in characters.
    column: usize,
    /// What is said of the place.
    label: String,
}

/// Why a run did not end with 0. `message` and `help` are the first problem's.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Failure {
    /// What it is about, such as `key-refused`; the number of a trap, such as `T11`. Several
    /// problems that have the same code share it; else it is `several`, `invalid-manifest`,
    /// `rules-broken` or `trapped`.
    #[schemars(extend("enum" = codes()))]
    code: &'static str,
    /// The name of a trap, such as `another-file`; else null.
    name: Option<&'static str>,
    /// The exit code of the process.
    #[schemars(range(min = 1, max = 6))]
    exit_code: u8,
    /// What is wrong, of the first problem.
    message: String,
    /// What to do, of the first problem; null where it has none.
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

impl Failure {
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

/// A command's own fields for [`CommandOutput`](super::Outcome).
pub fn fields(result: &impl Serialize) -> Value {
    // Texts, numbers and lists of them: nothing in a result can fail to become JSON.
    serde_json::to_value(result).unwrap_or_default()
}

/// Masks `key` in every text of `value`. Once it is JSON, a key with a quote in it is
/// written in another way.
pub fn mask(value: &mut Value, key: &ApiKey) {
    match value {
        Value::String(text) => *text = key.mask(text),
        Value::Array(items) => items.iter_mut().for_each(|item| mask(item, key)),
        Value::Object(fields) => fields.values_mut().for_each(|field| mask(field, key)),
        _ => {}
    }
}
