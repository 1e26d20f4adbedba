//! Why a value of CLUSTERCONFIG finds nothing, for the message.
//!
//! In: a value that finds nothing, and the checkout. Out: the likeliest reason. It decides
//! nothing: that nothing is found is settled before.

use std::path::Path;

use super::context::strip_directory;
use crate::canvos::preflight::arg;
use crate::canvos::preflight::glob;
use crate::canvos::preflight::ignore::{Ignore, Rule, decode};

/// Why nothing is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Missed {
    /// Nothing is named (T2).
    Unset,
    /// It has a character that is not ASCII (T6).
    NotAscii(char),
    /// A blank at one of its ends belongs to the name (T17).
    Blank,
    /// A URL (T5).
    Url,
    /// `~/`, which bash expands and Earthly does not (T4).
    Home,
    /// An absolute path: Earthly looks in the checkout only (T3).
    Absolute,
    /// A `.` or `..` that Earthly does not clean away, or that leads out of the checkout
    /// (T4).
    Dots,
    /// A pattern that no file fits (T6).
    Pattern,
    /// The file is there, and an ignore rule hides it (T9).
    Ignored(Rule),
    /// This directory on the way is a symbolic link (T8).
    BelowLink(String),
    /// This directory on the way cannot be read (T40).
    Closed(String),
    /// The file is called so, in other upper and lower case (T32).
    OtherCase(String),
    /// There is no such file (T1).
    Absent,
}

/// The reason for `value`, in the checkout in `directory`.
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

/// The reason for a plain path.
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
