//! Determines whether a path may be that of a definition, or of a directory that it is in.
//!
//! Input: the destinations of the copies, as they are written, and words of a command. A word
//! that is only known at run time may name every path that its literal parts allow.

use std::collections::{BTreeMap, BTreeSet};

use super::copies::plain;
use super::shell::{Piece, Word};

/// A definition's directory below something that was copied: the overlay, or a part of it.
const BELOW: [&str; 6] = [
    "",
    "/clusterconfig",
    "/spectrocloud/clusterconfig",
    "/opt/spectrocloud/clusterconfig",
    "/files-iso/opt/spectrocloud/clusterconfig",
    "/overlay/files-iso/opt/spectrocloud/clusterconfig",
];
/// The most values that a word with variables is tried with.
const VALUES: usize = 64;

/// The paths at which definitions may be, and the directories that they are in.
#[derive(Debug, Default)]
pub(super) struct Places {
    paths: BTreeSet<String>,
    /// Whether there may be a definition at any path.
    is_anywhere: bool,
}

/// The values that a command assigns to variables.
pub(super) type Values = BTreeMap<String, Vec<Word>>;

impl Places {
    /// The places of copies to `targets`. A path with a variable, or one that is relative, may
    /// be anywhere.
    pub(super) fn of(targets: &[String]) -> Self {
        let mut places = Self::default();
        for target in targets {
            let target = plain(target);
            let is_root = target.is_empty();
            if target.contains(['$', '*', '?', '[']) || !(target.starts_with('/') || is_root) {
                places.is_anywhere = true;
                continue;
            }
            if target.ends_with("spc.tgz") {
                places.add(target);
                continue;
            }
            for below in BELOW {
                places.add(&format!("{target}{below}/spc.tgz"));
            }
        }
        places
    }

    /// Adds a path and its directories.
    fn add(&mut self, path: &str) {
        let Some(path) = normalized(path) else {
            self.is_anywhere = true;
            return;
        };
        for (at, _) in path.match_indices('/').skip(1) {
            self.paths.insert(path[..at].to_owned());
        }
        self.paths.insert("/".to_owned());
        self.paths.insert(path);
    }

    /// Whether `path` is a place, or a directory of one.
    fn contain(&self, path: &str) -> bool {
        self.is_anywhere || normalized(path).is_none_or(|path| self.paths.contains(&path))
    }

    /// Whether `word` may name one, for a command in `directory`.
    pub(super) fn may_be(&self, word: &Word, directory: Option<&str>) -> bool {
        if let Some(text) = word.literal() {
            return self.may_be_literal(text, directory);
        }
        let pieces = &word.0;
        let literal = |piece: Option<&Piece>| match piece {
            Some(Piece::Literal(text)) => text.clone(),
            _ => String::new(),
        };
        let (start, end) = (literal(pieces.first()), literal(pieces.last()));
        let end = end.trim_end_matches(['/', '.']);
        if pieces
            .iter()
            .any(|piece| matches!(piece, Piece::Literal(text) if text.contains("..")))
        {
            return true;
        }
        // What a variable stands for may be absolute; the files of a pattern are in a directory.
        let is_relative = !start.starts_with('/')
            && (!start.is_empty() || pieces.first() == Some(&Piece::Pattern));
        let start = match directory {
            Some(directory) if is_relative => {
                format!("{}/{start}", directory.trim_end_matches('/'))
            }
            _ if is_relative => String::new(),
            _ => start,
        };
        let begins =
            |path: &str| path.starts_with(&start) || format!("{path}/").starts_with(&start);
        self.is_anywhere
            || self
                .paths
                .iter()
                .any(|path| begins(path) && path.ends_with(end))
    }

    fn may_be_literal(&self, text: &str, directory: Option<&str>) -> bool {
        if text.is_empty() {
            return false;
        }
        if text.starts_with('/') {
            return self.contain(text);
        }
        if let Some(directory) = directory {
            return self.contain(&format!("{directory}/{text}"));
        }
        let Some(path) = normalized(&format!("/{text}")) else {
            return true;
        };
        self.is_anywhere || path == "/" || self.paths.iter().any(|place| place.ends_with(&path))
    }
}

/// Returns whether `path` is `directory` or something below it.
pub(super) fn is_within(path: &str, directory: &str) -> bool {
    let rest = path.strip_prefix(directory);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || directory.is_empty())
}

/// `path` without `.`, `..` and repeated slashes; `None` if it leads above the root.
fn normalized(path: &str) -> Option<String> {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(format!("/{}", parts.join("/")))
}

/// The words that `word` may stand for, with the values of its variables; `None` if there are
/// too many.
pub(super) fn expanded(word: &Word, values: &Values) -> Option<Vec<Word>> {
    let mut words = vec![Word::default()];
    for piece in &word.0 {
        let unknown = [Word(vec![Piece::Unknown])];
        let known = match piece {
            Piece::Variable(name) => values.get(name).map_or(&unknown[..], Vec::as_slice),
            piece => &[Word(vec![piece.clone()])][..],
        };
        let mut longer = Vec::new();
        for word in &words {
            for value in known {
                // The variables of a value may have any value.
                let pieces = value.0.iter().map(|piece| match piece {
                    Piece::Variable(_) => Piece::Unknown,
                    piece => piece.clone(),
                });
                longer.push(joined(word, pieces));
            }
        }
        words = longer;
        if words.len() > VALUES {
            return None;
        }
    }
    Some(words)
}

fn joined(word: &Word, pieces: impl Iterator<Item = Piece>) -> Word {
    let mut word = word.clone();
    for piece in pieces {
        match (word.0.last_mut(), piece) {
            (Some(Piece::Literal(text)), Piece::Literal(more)) => text.push_str(&more),
            (_, piece) => word.0.push(piece),
        }
    }
    word
}
