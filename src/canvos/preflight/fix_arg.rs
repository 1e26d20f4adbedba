//! `--fix-arg`: writes one `CLUSTERCONFIG=spc.tgz` without quotes into `.arg`, and leaves every
//! other byte as it was.
//!
//! The file is edited statement by statement, as Earthly reads it: text within a quoted value
//! that looks like an assignment is not one. Before anything is written, both readers read the
//! result: each must find `spc.tgz`, and all other assignments must be unchanged. If no edit
//! achieves that, the file is refused and left alone.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use super::RIGHT;
use super::arg::{self, Arg, KEY};
use super::bash::{self, Value};
use super::dotenv::{self, Assignment, Dotenv};
use super::messages::{self, NoFix};
use crate::diagnostic::Diagnostic;
use crate::util::atomic_file;
use crate::util::files;
use crate::util::path_error::PathError;
use crate::util::sanitize;

/// The value in [`RIGHT`].
const VALUE: &str = "spc.tgz";

/// Why `.arg` was left alone.
#[derive(Debug)]
pub enum FixError {
    /// The file cannot be read or written.
    Path(PathError),
    /// No edit gives the right result.
    Refused(Box<Diagnostic>),
}

impl From<PathError> for FixError {
    fn from(error: PathError) -> Self {
        Self::Path(error)
    }
}

/// Edits `.arg` of the checkout in `directory`, and returns whether it had to be changed.
/// Returns `None` if there is no `.arg`; none is created, because the file needs more content
/// than this line.
///
/// # Errors
/// Fails if the file cannot be read or written, or if no edit makes it right.
pub fn fix_arg(directory: &Path) -> Result<Option<bool>, FixError> {
    let path = directory.join(".arg");
    let text = match files::read(&path, files::TEXT) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(PathError::when("read", &path)(error).into()),
    };
    let fixed = fixed(&text).map_err(|fault| {
        let arg = arg::parse(&text, &path, &|_| None);
        FixError::Refused(Box::new(refusal(&arg, &fault)))
    })?;
    if fixed == text {
        return Ok(Some(false));
    }
    atomic_file::write(&path, &fixed)?;
    Ok(Some(true))
}

fn refusal(arg: &Arg, fault: &Fault) -> Diagnostic {
    if let Some(refusal) = arg.refusal() {
        return messages::fix_by_hand(refusal);
    }
    match (fault, arg.bash_end, &arg.bash) {
        (Fault::Changes(name), ..) => {
            let name = sanitize::line(name.as_bytes());
            messages::not_fixable(arg, &NoFix::Changes(&name))
        }
        (Fault::Value, bash::End::Whole, Value::Set(value)) => {
            messages::not_fixable(arg, &NoFix::Keeps(&arg::shown(value)))
        }
        (Fault::Value, ..) => messages::not_fixable(arg, &NoFix::Differs),
    }
}

/// Returns the text with the one right assignment, or why there is no such text.
fn fixed(text: &[u8]) -> Result<Vec<u8>, Fault> {
    let Ok(file) = dotenv::parse(text) else {
        return Err(Fault::Value);
    };
    let edits: Vec<Edit> = file
        .assignments
        .iter()
        .filter(|assignment| assignment.name == KEY)
        .map(|assignment| Edit::of(text, assignment))
        .collect();
    let mut worst = Fault::Value;
    for place in [Place::Last, Place::End, Place::Start] {
        if place == Place::Last && edits.is_empty() {
            continue;
        }
        let candidate = edited(text, &edits, place);
        match check(text, &file, &candidate) {
            Ok(()) => return Ok(candidate),
            Err(Fault::Value) => {}
            Err(fault) => worst = fault,
        }
    }
    Err(worst)
}

/// Where the assignment is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In place of the last assignment.
    Last,
    End,
    Start,
}

/// The byte range that is removed for an assignment.
struct Edit {
    range: Range<usize>,
    /// Whether something precedes the assignment in its line.
    before: bool,
    /// Whether something follows the assignment in its line.
    behind: bool,
}

impl Edit {
    /// Returns the edit. An assignment that is alone in its line is removed with the line and
    /// its comment.
    fn of(text: &[u8], assignment: &Assignment) -> Self {
        let span = &assignment.span;
        let line = text[..span.start].iter().rposition(|byte| *byte == b'\n');
        let line = line.map_or(0, |at| at + 1);
        let before = !is_blank(&text[line..span.start]);
        let start = if before { span.start } else { line };
        let end = statement_end(text, assignment);
        let newline = find(text, end, |byte| byte == b'\n');
        let behind = !is_blank(&text[end..newline]);
        let end = match (before, behind) {
            (_, true) => end,
            // The text before the assignment needs the end of the line.
            (true, false) => newline,
            (false, false) => text.len().min(newline + 1),
        };
        Self {
            range: start..end,
            before,
            behind,
        }
    }
}

/// Returns the end of an assignment, including its comment.
fn statement_end(text: &[u8], assignment: &Assignment) -> usize {
    let end = assignment.span.end;
    let value = &text[assignment.value_span.clone()];
    if !value.starts_with(b"\"") && !value.starts_with(b"'") {
        return find(text, end, |byte| matches!(byte, b'\n' | b'\r'));
    }
    let newline = find(text, end, |byte| byte == b'\n');
    let comment = find(&text[..newline], end, |byte| byte == b'#');
    if comment < newline && is_blank(&text[end..comment]) {
        newline
    } else {
        end
    }
}

/// Returns the text with [`RIGHT`] at `place` and without the assignments of `edits`.
fn edited(text: &[u8], edits: &[Edit], place: Place) -> Vec<u8> {
    let mut edited = Vec::with_capacity(text.len() + RIGHT.len() + 2);
    if place == Place::Start {
        edited.extend_from_slice(RIGHT.as_bytes());
        edited.push(b'\n');
    }
    let mut at = 0;
    for (number, edit) in edits.iter().enumerate() {
        edited.extend_from_slice(&text[at..edit.range.start]);
        if place == Place::Last && number + 1 == edits.len() {
            if edit.before {
                edited.push(b'\n');
            }
            edited.extend_from_slice(RIGHT.as_bytes());
            // bash reads a carriage return as a part of the value, so the line must not end
            // with CRLF.
            if edit.behind || text[edit.range.clone()].ends_with(b"\n") {
                edited.push(b'\n');
            }
        }
        at = edit.range.end;
    }
    edited.extend_from_slice(&text[at..]);
    if place == Place::End {
        if !edited.is_empty() && !edited.ends_with(b"\n") {
            edited.push(b'\n');
        }
        edited.extend_from_slice(RIGHT.as_bytes());
        edited.push(b'\n');
    }
    edited
}

/// Why an edit is not right.
#[derive(Debug, PartialEq, Eq)]
enum Fault {
    /// One of the readers finds another value.
    Value,
    /// bash gets another value for this variable than before.
    Changes(String),
}

/// Checks that both readers find the one value in `after`, and otherwise what they found
/// before.
fn check(before: &[u8], file: &Dotenv, after: &[u8]) -> Result<(), Fault> {
    let edited = dotenv::parse(after).map_err(|_| Fault::Value)?;
    let mut ours = edited.assignments.iter().filter(|it| it.name == KEY);
    let right = |it: &Assignment| &after[it.span.clone()] == RIGHT.as_bytes();
    let one = ours.next().is_some_and(right) && ours.next().is_none();
    // The result must not depend on the variables of the caller.
    let sourced = bash::source(after, &|_| Value::Unknown);
    let right = one && sourced.value(KEY) == Value::Set(VALUE.to_owned());
    if !right || !earthly_keeps(before, file, after, &edited) {
        return Err(Fault::Value);
    }
    changed_in_bash(before, file, after, &edited).map_or(Ok(()), |name| Err(Fault::Changes(name)))
}

/// Whether Earthly reads the same other assignments in the same order.
fn earthly_keeps(before: &[u8], file: &Dotenv, after: &[u8], edited: &Dotenv) -> bool {
    let before = Other::all(before, file);
    let after = Other::all(after, edited);
    before.len() == after.len()
        && before
            .iter()
            .zip(&after)
            .all(|(was, is)| was.is_kept_by(is))
}

/// An assignment of another name.
struct Other<'a> {
    assignment: &'a Assignment,
    /// The value, as it is written.
    text: &'a [u8],
}

impl<'a> Other<'a> {
    fn all(text: &'a [u8], file: &'a Dotenv) -> Vec<Self> {
        let others = file.assignments.iter().filter(|it| it.name != KEY);
        let other = |assignment: &'a Assignment| Self {
            assignment,
            text: &text[assignment.value_span.clone()],
        };
        others.map(other).collect()
    }

    /// Whether `after` is the same assignment. A value that is made of `CLUSTERCONFIG` may
    /// change with it.
    fn is_kept_by(&self, after: &Self) -> bool {
        let same = self.assignment.value == after.assignment.value;
        self.assignment.name == after.assignment.name
            && self.text == after.text
            && (same || contains(self.text, KEY.as_bytes()))
    }
}

/// Returns a variable for which bash has another value after the edit, if there is one. An edit
/// may change a value that had swallowed an assignment, a value that is now what Earthly reads,
/// and a value that was a parameter of a URL: bash takes `&name=` in it for an assignment.
fn changed_in_bash(before: &[u8], file: &Dotenv, after: &[u8], edited: &Dotenv) -> Option<String> {
    let ours = file.assignments.iter().filter(|it| it.name == KEY);
    let urls = ours.map(|it| &before[it.value_span.clone()]);
    let urls: Vec<&[u8]> = urls.filter(|value| contains(value, b"://")).collect();
    let values = edited.assignments.iter();
    let values: HashMap<&str, &str> = values.map(|it| (&it.name[..], &it.value[..])).collect();
    let before = bash::source(before, &|_| Value::Unset);
    let after = bash::source(after, &|_| Value::Unset);
    let keeps = |name: &str| match (before.value(name), after.value(name)) {
        (Value::Unset, Value::Unset) => true,
        (Value::Unset, Value::Set(is)) => {
            values.get(name) == Some(&is.strip_suffix('\r').unwrap_or(&is))
        }
        (_, Value::Unset) => {
            let parameter = format!("&{name}=");
            urls.iter().any(|url| contains(url, parameter.as_bytes()))
        }
        (was, is) => {
            let swallowed = matches!(&was, Value::Set(was) if was.contains(KEY));
            let read = matches!(&is, Value::Set(is) if values.get(name) == Some(&&is[..]));
            (was == is || swallowed || read) && before.exported(name) == after.exported(name)
        }
    };
    let names = before.assigned().chain(after.assigned());
    let changed = names.filter(|name| *name != KEY && !keeps(name));
    changed.min().map(str::to_owned)
}

fn is_blank(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| text.chars().all(char::is_whitespace))
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// Returns the first offset at or after `from` whose byte is `wanted`, or the length of the
/// text.
fn find(text: &[u8], from: usize, wanted: impl Fn(u8) -> bool) -> usize {
    let found = text[from..].iter().position(|byte| wanted(*byte));
    found.map_or(text.len(), |at| from + at)
}

#[cfg(test)]
mod tests;
