//! The form of `profiles.lock`: what is said of a file whose form is not read here.
//!
//! What is promised to later versions stands here too: whatever a form looks like, it is
//! TOML with a whole number under `version`, and one that needs a newer edgestage may say
//! under `edgestage` which one (docs/upgrading.md).

use std::sync::Arc;

use serde::Deserialize;
use toml::{Spanned, Value};

use super::{VERSION, messages};
use crate::diagnostic::{Diagnostic, Place, Source};

/// What a file of any form has.
#[derive(Deserialize)]
struct Form {
    version: Option<Spanned<Value>>,
    edgestage: Option<Value>,
}

/// Why the form of `text`, in the file that is called `shown`, cannot be read; `None`
/// where it can be, and where the text is not TOML.
pub(super) fn refused(text: &str, shown: &str) -> Option<Diagnostic> {
    let form: Form = toml::from_str(text).ok()?;
    let source = Arc::new(Source::whole(shown.to_owned(), text.to_owned()));
    let at = |span| Place {
        source: &source,
        span,
    };
    let Some(version) = form.version else {
        let start = first_line(text);
        return Some(messages::no_version(at(&(start..start)), shown));
    };
    let span = version.span();
    let place = at(&span);
    let number = match version.get_ref() {
        Value::Integer(number) => *number,
        other => return Some(messages::version_not_a_number(place, shown, kind(other))),
    };
    match u64::try_from(number) {
        Ok(VERSION) => None,
        Ok(newer) if newer > VERSION => {
            let needed = form.edgestage.as_ref().and_then(needed);
            Some(messages::newer(place, shown, newer, needed))
        }
        _ => Some(messages::impossible_version(place, shown)),
    }
}

/// The version that a file says it needs.
fn needed(edgestage: &Value) -> Option<&str> {
    let is_version = |text: &str| {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b".-+".contains(&byte);
        text.starts_with(|c: char| c.is_ascii_digit())
            && text.len() <= 40
            && text.bytes().all(known)
    };
    edgestage.as_str().filter(|text| is_version(text))
}

/// Where the first line begins that is not a comment.
fn first_line(text: &str) -> usize {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if !line.trim().is_empty() && !line.starts_with('#') {
            return start;
        }
        start += line.len();
    }
    0
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "a string",
        Value::Integer(_) => "an integer",
        Value::Float(_) => "a number",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a date",
        Value::Array(_) => "an array",
        Value::Table(_) => "a table",
    }
}
