//! Describes what is wrong with a `profiles.lock` that edgestage did not write, and where.

use std::path::Path;

use super::messages;
use crate::diagnostic::{Diagnostic, Place};
use crate::manifest;
use crate::util::sanitize;

/// Returns the message about the damage that `error` found in `text`.
pub(super) fn damaged(path: &Path, text: &str, error: &toml::de::Error) -> Diagnostic {
    let shown = sanitize::path(path);
    let source = manifest::masked(path, text);
    let at = |span| Place {
        source: &source,
        span,
    };
    if let Some(span) = manifest::conflict(text) {
        return messages::merge_conflict(at(&span), &shown);
    }
    let span = error.span().unwrap_or(0..0);
    messages::damaged(at(&span), &shown, plain(error.message()))
}

/// Returns the deserializer's message without Rust's terms.
fn plain(message: &str) -> String {
    let quoted = |text: &str| text.split('`').nth(1).map(str::to_owned);
    if message.starts_with("missing field") {
        return quoted(message).map_or_else(
            || "a key is missing".into(),
            |key| format!("`{key}` is missing"),
        );
    }
    if message.starts_with("unknown field") {
        return quoted(message).map_or_else(
            || "unknown key".into(),
            |key| format!("unknown key `{key}`"),
        );
    }
    // The value is shown in the excerpt.
    let message = match message.split_once("` is not a") {
        Some((value, _)) if value.starts_with('`') => &message[value.len() + "` is ".len()..],
        _ => message,
    };
    match message.split_once(", expected ") {
        Some((_, expected)) => format!("expected {}", expected_kind(expected)),
        // Some parsers list what they would accept on further lines.
        None => message.lines().next().unwrap_or_default().to_owned(),
    }
}

/// Returns a type in plain words.
fn expected_kind(expected: &str) -> String {
    match expected {
        "u64" => "a whole number".into(),
        "a sequence" => "an array".into(),
        "a map" => "a table".into(),
        other if other.starts_with("struct ") => "a table".into(),
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn no_word_of_the_deserialiser_is_left() {
        for (message, expected) in [
            ("missing field `size`", "`size` is missing"),
            (
                "unknown field `sise`, expected one of `endpoint`, `size`",
                "unknown key `sise`",
            ),
            (
                "invalid type: string \"4096\", expected u64",
                "expected a whole number",
            ),
            (
                "invalid type: integer `1`, expected struct Locked",
                "expected a table",
            ),
            (
                "invalid type: map, expected a sequence",
                "expected an array",
            ),
            ("`g` is not a digest", "not a digest"),
            (
                "string values must be quoted\nexpected",
                "string values must be quoted",
            ),
        ] {
            assert_eq!(plain(message), expected);
        }
    }
}
