//! Reads `COPY` lines.
//!
//! Input: a line of an Earthfile. Output: its flags, its sources and its destination.

use super::super::lines::Line;
use super::super::walk::{COPY_VALUES, flag_words, grouped, reference};
use crate::canvos::Placement;

/// The words of a `COPY`.
pub(super) struct CopyLine {
    pub flags: Vec<String>,
    pub sources: Vec<String>,
    pub target: String,
}

impl CopyLine {
    /// Reads `line`; `None` if it is not a `COPY`, or not a whole one.
    pub(super) fn of(line: &Line) -> Option<Self> {
        let words = line.arguments();
        let ["COPY", rest @ ..] = &words[..] else {
            return None;
        };
        let (flags, paths) = rest.split_at(flag_words(rest, &COPY_VALUES));
        let mut sources = grouped(paths);
        let target = sources.pop().filter(|_| !sources.is_empty())?;
        Some(Self {
            flags: joined(flags),
            sources,
            target,
        })
    }

    /// Whether a source is what a target has made.
    pub(super) fn is_artifact(source: &str) -> bool {
        reference(source).is_some()
    }
}

/// Flags with their values: `--chmod 0755` is `--chmod=0755`.
fn joined(words: &[&str]) -> Vec<String> {
    let mut flags: Vec<String> = Vec::new();
    for word in words {
        match flags.last_mut() {
            Some(flag) if !word.starts_with("--") => flag.extend(["=", word]),
            _ => flags.push((*word).to_owned()),
        }
    }
    flags
}

/// Whether a source is the git repository or a file of it.
pub(super) fn is_git(source: &str) -> bool {
    let source = plain(source);
    source == ".git" || source.starts_with(".git/")
}

/// Without quotes, a leading `./` and slashes at the end.
pub(super) fn plain(word: &str) -> &str {
    let word = word.trim_matches(['"', '\'']);
    let word = word.strip_prefix("./").unwrap_or(word);
    word.trim_end_matches('/')
}

/// Whether a line copies more of the checkout than the overlay's files, or less, so that a
/// definition is among it all the same: `COPY . /src`, `COPY --dir overlay /`.
pub(super) fn is_broad(line: &Line) -> bool {
    let Some(copy) = CopyLine::of(line) else {
        return false;
    };
    let sources = copy.sources.iter();
    let mut sources = sources.filter(|source| !CopyLine::is_artifact(source));
    sources.any(|source| holds_placement(source)) || names_definition(&copy.target)
}

/// Whether a source is a directory of a placement, or a pattern that may be one.
fn holds_placement(source: &str) -> bool {
    let source = plain(source);
    if matches!(source, "" | "." | "*" | ".." | "/") {
        return true;
    }
    Placement::ALL.iter().any(|placement| {
        let mut directories = placement.path().match_indices('/').map(|(at, _)| at);
        directories.any(|at| {
            let directory = &placement.path()[..at];
            source == directory || source.strip_suffix("/*") == Some(directory)
        }) || source == placement.path()
    })
}

/// Whether what is copied gets a definition's name.
fn names_definition(target: &str) -> bool {
    let target = plain(target);
    target.ends_with("/spc.tgz") || target == "spc.tgz" || target.ends_with("/clusterconfig")
}
