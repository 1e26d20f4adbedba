//! What is built: a target of this checkout, of another directory, or of a repository.

use std::path::{Path, PathBuf};

/// The target of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A target of the checkout's own Earthfile.
    Checkout {
        /// The name, without the plus sign.
        name: String,
    },
    /// A target of the Earthfile in another directory.
    Elsewhere {
        /// The directory, with the target.
        reference: String,
        /// The name, without the plus sign.
        name: String,
    },
    /// A target of a git repository: what is staged here is not in that build (T20).
    Remote {
        /// The repository, with the target.
        reference: String,
        /// The name, without the plus sign.
        name: String,
    },
}

impl Target {
    /// Returns the name, without the plus sign.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Checkout { name } | Self::Elsewhere { name, .. } | Self::Remote { name, .. } => {
                name
            }
        }
    }
}

/// A reference to a target, as it is written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reference {
    pub place: Place,
    pub name: String,
}

/// The part of a reference before the plus sign.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A directory, cleaned; `.` if the part is empty.
    Directory(String),
    /// A git repository.
    Repository(String),
    /// The name of an `IMPORT`, which does not exist on the command line.
    Import(String),
}

/// Parses a target. `home` is the value of the variable `HOME`.
pub(super) fn parse(text: &str, home: &str) -> Option<Reference> {
    let [before, name] = <[String; 2]>::try_from(split_at_plus(text)?).ok()?;
    is_target_name(&name).then(|| Reference {
        place: place(before, home),
        name,
    })
}

/// Parses an artifact, `+target/path`; returns the reference of its target.
pub(super) fn parse_artifact(text: &str, home: &str) -> Option<Reference> {
    let [before, after] = <[String; 2]>::try_from(split_at_plus(text)?).ok()?;
    let (name, _) = after.split_once('/')?;
    let reference = format!("{}+{name}", before.replace('+', "\\+"));
    parse(&reference, home)
}

fn place(before: String, home: &str) -> Place {
    if before.is_empty() {
        Place::Directory(".".to_owned())
    } else if let Some(rest) = before.strip_prefix("~/") {
        Place::Directory(format!("{home}/{rest}"))
    } else if before.starts_with(['.', '/']) {
        Place::Directory(clean(&before))
    } else if before.contains(['/', ':']) {
        Place::Repository(before)
    } else {
        Place::Import(before)
    }
}

/// Splits a text at plus signs, except `\+`. An empty last part is left out.
fn split_at_plus(text: &str) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    let mut part = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next()? {
                '+' => part.push('+'),
                other => part.extend(['\\', other]),
            },
            '+' => parts.push(std::mem::take(&mut part)),
            other => part.push(other),
        }
    }
    if !part.is_empty() {
        parts.push(part);
    }
    Some(parts)
}

/// Whether Earthly takes `name` for the name of a target.
pub(in crate::canvos::preflight) fn is_target_name(name: &str) -> bool {
    let rest = |b: u8| b.is_ascii_alphanumeric() || b == b'.' || b == b'-';
    name.starts_with(|c: char| c.is_ascii_lowercase()) && name.bytes().all(rest)
}

/// Whether an argument has the form of a target, so that it can be shown.
pub(super) fn looks_like_one(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._/-+:".contains(&b);
    text.bytes().all(plain)
        && text
            .rsplit_once('+')
            .is_some_and(|(_, name)| is_target_name(name))
}

/// Returns the cleaned path, like Go's `path.Clean`.
pub(super) fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => match parts.last() {
                Some(&"..") | None if !rooted => parts.push(".."),
                _ => drop(parts.pop()),
            },
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

/// Whether both paths are the same directory.
pub(super) fn is_same(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| -> PathBuf {
        std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
    };
    real(one) == real(other)
}
