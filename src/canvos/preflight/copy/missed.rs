//! Why a value of CLUSTERCONFIG finds nothing, for the message.
//!
//! The input is a value that finds nothing, and the checkout. The output is the most likely
//! reason. Nothing depends on it: that the value finds nothing is already decided.

use std::path::Path;

use super::context::strip_directory;
use crate::canvos::preflight::arg;
use crate::canvos::preflight::glob;
use crate::canvos::preflight::ignore::{Ignore, Rule, decode};

/// Why a value finds nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Missed {
    /// The value is empty (T2).
    Unset,
    /// The value has a character that is not ASCII (T6).
    NotAscii(char),
    /// Leading or trailing white space is part of the name (T17).
    Blank,
    /// The value is a URL (T5).
    Url,
    /// The value begins with `~/`, which bash expands and Earthly does not (T4).
    Home,
    /// The path is absolute: Earthly looks only in the checkout (T3).
    Absolute,
    /// The path has a `.` or `..` that Earthly does not remove, or that leads out of the
    /// checkout (T4).
    Dots,
    /// No file matches the pattern (T6).
    Pattern,
    /// The file exists, and an ignore rule hides it (T9).
    Ignored(Rule),
    /// This directory on the way is a symbolic link (T8).
    BelowLink(String),
    /// This directory on the way cannot be read (T40).
    Closed(String),
    /// A file of this name exists, which differs in upper and lower case (T32).
    OtherCase(String),
    /// The file does not exist (T1).
    Absent,
}

/// Returns the reason for `value` in the checkout in `directory`.
pub(super) fn why(
    value: &str,
    directory: &Path,
    ignore: &Ignore,
    staged: &[&str],
    closed: Option<String>,
) -> Missed {
    if value.is_empty() {
        return Missed::Unset;
    }
    if let Some(c) = value.chars().find(|c| !c.is_ascii()) {
        return Missed::NotAscii(c);
    }
    if value.trim() != value {
        return Missed::Blank;
    }
    if arg::is_url(value) {
        return Missed::Url;
    }
    if value.starts_with("~/") {
        return Missed::Home;
    }
    if value.starts_with('/') {
        return Missed::Absolute;
    }
    let path = glob::clean(value);
    if value.contains(['*', '?', '[', '\\']) || path.starts_with('!') {
        return Missed::Pattern;
    }
    let rest = value.strip_prefix("./").unwrap_or(value);
    if path == "." || path.starts_with("..") || rest.starts_with("./") || rest.ends_with("/.") {
        return Missed::Dots;
    }
    if let Some(closed) = closed {
        return Missed::Closed(closed);
    }
    named(&path, directory, ignore, staged)
}

/// Returns the reason for a plain path.
fn named(path: &str, directory: &Path, ignore: &Ignore, staged: &[&str]) -> Missed {
    let mut at = directory.to_owned();
    let mut found = String::new();
    let mut differs = false;
    let parts: Vec<&str> = path.split('/').collect();
    for (place, part) in parts.iter().enumerate() {
        let names = std::fs::read_dir(&at).into_iter().flatten().flatten();
        let mut names: Vec<String> = names
            .map(|entry| decode(entry.file_name().as_encoded_bytes()))
            .collect();
        let staged = staged
            .iter()
            .filter_map(|path| strip_directory(path, &found));
        names.extend(staged.filter_map(|path| path.split('/').next().map(str::to_owned)));
        let same = names.iter().find(|name| name == part);
        let similar = || names.iter().find(|name| name.eq_ignore_ascii_case(part));
        let Some(name) = same.or_else(similar) else {
            return Missed::Absent;
        };
        differs |= name != part;
        at.push(name);
        found = if found.is_empty() {
            name.clone()
        } else {
            format!("{found}/{name}")
        };
        if place + 1 < parts.len() && at.is_symlink() {
            return Missed::BelowLink(found);
        }
    }
    if differs {
        return Missed::OtherCase(found);
    }
    match ignore.hides(path) {
        Some(rule) => Missed::Ignored(rule.clone()),
        None => Missed::Absent,
    }
}
