//! The JSON documents: what all of them have, diagnostics and errors among it.
//!
//! A command's own fields are a type beside that command; its schema is made of the type
//! (`commands/schema.rs`), so that what is documented is what is printed.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::diagnostic::Diagnostic;
use crate::error::Error;
use crate::secret::ApiKey;
use crate::topic::page;

/// The form of the documents. It grows where a field goes, or gets another meaning; not
/// where one is added (docs/upgrading.md).
pub const SCHEMA: u32 = 1;

/// What `error.kind` may be.
const KINDS: [&str; 26] = [
    "archive",
    "build",
    "busy",
    "cache",
    "canvos",
    "changed-meanwhile",
    "disk",
    "drift",
    "exists",
    "key",
    "lock",
    "manifest",
    "not-locked",
    "nothing-offered",
    "offline",
    "outdated",
    "palette",
    "plain-http",
    "rules",
    "list-incomplete",
    "several",
    "shared-checkout",
    "staged",
    "trap",
    "unanswered",
    "usage",
];

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
    /// The name of a finding, such as `T11`; else null.
    id: Option<&'static str>,
    /// What is wrong with which thing.
    message: String,
    /// What was expected and found.
    notes: Vec<String>,
    /// What to do next, one command or edit each.
    help: Vec<String>,
    /// What `edgestage explain` has more about, such as `drift`; null where there is nothing.
    topic: Option<&'static str>,
    /// The address of that on the web; null where there is nothing.
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
    /// The exit code.
    #[schemars(range(min = 1, max = 6))]
    code: u8,
    /// A stable name.
    #[schemars(extend("enum" = KINDS))]
    kind: &'static str,
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
            id: diagnostic.id,
            message: diagnostic.title.clone(),
            notes: diagnostic.notes.clone(),
            help: diagnostic.help.clone(),
            topic: diagnostic.see,
            see: diagnostic
                .see
                .and_then(page::section)
                .map(|section| section.url()),
            place,
        }
    }
}

impl Failure {
    fn of(error: &Error) -> Self {
        let diagnostics = error.diagnostics();
        let first = diagnostics.first();
        Self {
            code: error.exit().code(),
            kind: error.kind(),
            message: first.map(|d| d.title.clone()).unwrap_or_default(),
            help: first.and_then(|d| d.help.first().cloned()),
            problems: diagnostics.iter().map(Problem::of).collect(),
        }
    }
}

/// A command's own fields for [`Outcome`](super::Outcome).
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
