//! Writes new profiles and definitions in the layout of the existing ones.

use super::NewProfile;
use super::layout::Array;
use super::lines::{begins_line, line_end, line_start, newline, spliced};

/// The indentation in a new definition, if no neighbor shows another.
const INDENT: &str = "  ";

/// Returns `text` as a TOML string.
#[must_use]
pub fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// Returns `name` as a part of a path, quoted if necessary.
#[must_use]
pub fn key(name: &str) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !name.is_empty() && name.bytes().all(bare) {
        name.to_owned()
    } else {
        quoted(name)
    }
}

pub(super) fn into_array(text: &str, array: &Array, new: &[NewProfile]) -> String {
    let in_lines = text[array.open..array.close].contains('\n') && begins_line(text, array.close);
    let last = array.items.last();
    if !in_lines {
        let values: Vec<String> = new.iter().map(|new| quoted(&new.reference)).collect();
        let values = values.join(", ");
        return match last {
            None => spliced(text, array.open + 1..array.open + 1, &values),
            Some(last) if last.comma.is_some() => {
                spliced(text, last.end()..last.end(), &format!(" {values},"))
            }
            Some(last) => spliced(text, last.end()..last.end(), &format!(", {values}")),
        };
    }
    let indent = match last {
        Some(last) if begins_line(text, last.span.start) => {
            text[line_start(text, last.span.start)..last.span.start].to_owned()
        }
        _ => format!(
            "{}{INDENT}",
            &text[line_start(text, array.close)..array.close]
        ),
    };
    let lines = item_lines(text, &indent, new);
    match last {
        None => {
            let at = line_start(text, array.close);
            spliced(text, at..at, &lines)
        }
        Some(last) => {
            let at = line_end(text, last.end());
            let text = spliced(text, at..at, &lines);
            match last.comma {
                Some(_) => text,
                None => spliced(&text, last.span.end..last.span.end, ","),
            }
        }
    }
}

/// Returns a line for each profile, with its comment.
fn item_lines(text: &str, indent: &str, new: &[NewProfile]) -> String {
    let newline = newline(text);
    let values: Vec<String> = new.iter().map(|new| quoted(&new.reference)).collect();
    let width = values.iter().map(|value| value.chars().count()).max();
    let line = |(new, value): (&NewProfile, &String)| {
        if new.comment.is_empty() {
            return format!("{indent}{value},{newline}");
        }
        let gap = width.unwrap_or(0) - value.chars().count();
        format!("{indent}{value},{:gap$}  # {}{newline}", "", new.comment)
    };
    new.iter().zip(&values).map(line).collect()
}

pub(super) fn as_array(text: &str, new: &[NewProfile]) -> String {
    let newline = newline(text);
    format!(
        "profiles = [{newline}{}]{newline}",
        item_lines(text, INDENT, new)
    )
}

/// Returns a new definition, separated from the existing text by an empty line.
pub(super) fn as_definition(text: &str, definition: &str, new: &[NewProfile]) -> String {
    let newline = newline(text);
    let gap = match text {
        "" => String::new(),
        _ if text.ends_with('\n') => newline.to_owned(),
        _ => newline.repeat(2),
    };
    format!(
        "{gap}[definition.{}]{newline}{}",
        key(definition),
        as_array(text, new)
    )
}

/// Returns `[[definition.NAME.profiles]]` blocks, for a definition in that form.
pub(super) fn as_tables(text: &str, definition: &str, new: &[NewProfile]) -> String {
    let newline = newline(text);
    let table = |new: &NewProfile| {
        let reference = &new.reference;
        let entry = match reference.rsplit_once('@') {
            _ if reference.contains("://") => format!("url = {}", quoted(reference)),
            Some((name, version)) => format!(
                "name = {}{newline}version = {}",
                quoted(name),
                quoted(version)
            ),
            None => format!("uid = {}", quoted(reference)),
        };
        let header = key(definition);
        let comment = match new.comment.as_str() {
            "" => String::new(),
            comment => format!("  # {comment}"),
        };
        format!("[[definition.{header}.profiles]]{comment}{newline}{entry}{newline}")
    };
    let tables: Vec<String> = new.iter().map(table).collect();
    let gap = if text.ends_with('\n') { "" } else { newline };
    format!("{gap}{newline}{}", tables.join(newline))
}
