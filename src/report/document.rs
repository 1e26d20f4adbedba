//! Diagnostics and errors as JSON.

use serde_json::{Value, json};

use crate::diagnostic::Diagnostic;
use crate::error::Error;
use crate::secret::ApiKey;

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

/// A diagnostic.
pub fn diagnostic_json(diagnostic: &Diagnostic) -> Value {
    let mut value = json!({
        "id": diagnostic.id,
        "message": diagnostic.title,
        "notes": diagnostic.notes,
        "help": diagnostic.help,
    });
    if let Some(excerpt) = &diagnostic.excerpt {
        let (line, column) = excerpt.source.position(excerpt.span.start);
        value["file"] = excerpt.source.path.clone().into();
        value["line"] = line.into();
        value["column"] = column.into();
        value["label"] = excerpt.label.clone().into();
    }
    value
}

/// `code` is the exit code, `kind` a stable name; `message` and `help` are the first
/// problem's, `problems` has all of them.
pub fn error_json(error: &Error) -> Value {
    let diagnostics = error.diagnostics();
    let first = diagnostics.first();
    json!({
        "code": error.exit().code(),
        "kind": error.kind(),
        "message": first.map(|d| d.title.clone()),
        "help": first.and_then(|d| d.help.first().cloned()),
        "problems": diagnostics.iter().map(diagnostic_json).collect::<Vec<_>>(),
    })
}
