//! Reads `COPY` lines.
//!
//! Input: a line of an Earthfile. Output: its flags, its sources and its destination.

use super::super::lines::Line;
use super::super::walk::{grouped, reference};
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
        let flags = rest.iter().take_while(|word| word.starts_with("--"));
        let flags: Vec<String> = flags.map(|flag| (*flag).to_owned()).collect();
        let mut sources = grouped(&rest[flags.len()..]);
        let target = sources.pop().filter(|_| !sources.is_empty())?;
        Some(Self {
            flags,
            sources,
            target,
        })
    }

    /// Whether a source is what a target has made.
    pub(super) fn is_artifact(source: &str) -> bool {
        reference(source).is_some()
    }
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
