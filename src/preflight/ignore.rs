//! `.earthlyignore`: what Earthly keeps out of the build's context (canvos.md, T9).
//!
//! The rules are those of Docker's ignore files, which Earthly uses: one pattern a line;
//! `*` and `?` stay within a name, `**` does not; a pattern that hides a directory hides
//! what is below it; `!` takes back; the last line that matches decides.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use crate::diagnostic::Source;
use crate::disk::PathError;
use crate::printable;

/// The names of the file, the older one last. Earthly refuses to see both.
pub const NAMES: [&str; 2] = [".earthlyignore", ".earthignore"];

/// The rules of a checkout.
#[derive(Debug, Default)]
pub struct Ignore {
    rules: Vec<Rule>,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The file that it stands in.
    pub file: &'static str,
    /// Its line, from 1.
    pub line: usize,
    /// As it stands there.
    pub text: String,
    pattern: Option<Vec<Token>>,
    negated: bool,
}

impl Rule {
    /// Its line alone, for an excerpt: nothing else of the file is anybody's business.
    pub(super) fn source(&self, directory: &Path) -> (Arc<Source>, Range<usize>) {
        let source = Source {
            path: printable::path(&directory.join(self.file)),
            text: self.text.clone(),
            first_line: self.line,
        };
        (Arc::new(source), 0..self.text.len())
    }
}

/// Which ignore files are there.
#[derive(Debug)]
pub enum Found {
    /// One, or none.
    Rules(Ignore),
    /// Both: Earthly stops with an error.
    Both,
}

/// Reads the ignore file of the checkout in `directory`.
///
/// # Errors
/// A file that is there and cannot be read.
pub fn read(directory: &Path) -> Result<Found, PathError> {
    let mut files = Vec::new();
    for name in NAMES {
        let path = directory.join(name);
        match std::fs::read(&path) {
            Ok(bytes) => files.push((name, bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(PathError::when("read", &path)(error)),
        }
    }
    Ok(match &files[..] {
        [] => Found::Rules(Ignore::default()),
        [(name, bytes)] => Found::Rules(Ignore::parse(name, &String::from_utf8_lossy(bytes))),
        _ => Found::Both,
    })
}

impl Ignore {
    fn parse(file: &'static str, text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let rules = text.lines().enumerate().filter_map(|(at, text)| {
            let text = text.trim();
            if text.is_empty() || text.starts_with('#') {
                return None;
            }
            let (pattern, negated) = match text.strip_prefix('!') {
                Some(pattern) => (pattern.trim(), true),
                None => (text, false),
            };
            let pattern = clean(pattern);
            (!pattern.is_empty()).then(|| Rule {
                file,
                line: at + 1,
                text: text.to_owned(),
                pattern: tokens(&pattern),
                negated,
            })
        });
        Self {
            rules: rules.collect(),
        }
    }

    /// The rules of git, of which a name without a slash fits at any depth.
    pub(super) fn of_git(text: &str) -> Self {
        let rule = |line: &str| {
            let (sign, pattern) = match line.trim_end().strip_prefix('!') {
                Some(pattern) => ("!", pattern),
                None => ("", line.trim_end()),
            };
            let pattern = pattern.strip_suffix('/').unwrap_or(pattern);
            // To git, two stars within a name are one.
            let parts = pattern.split('/').map(|part| match part {
                "**" => part.to_owned(),
                part => part.replace("**", "*"),
            });
            let pattern = parts.collect::<Vec<_>>().join("/");
            let depth = if pattern.contains('/') || pattern.is_empty() || line.starts_with('#') {
                ""
            } else {
                "**/"
            };
            format!("{sign}{depth}{pattern}\n")
        };
        let text: String = text.lines().map(rule).collect();
        Self::parse(".gitignore", &text)
    }

    /// The rule that hides `path`, a path of the checkout with slashes.
    #[must_use]
    pub fn hides(&self, path: &str) -> Option<&Rule> {
        // A rule for a directory is one for all that is in it.
        let ends = path.match_indices('/').map(|(at, _)| at);
        let paths: Vec<Vec<char>> = ends
            .chain([path.len()])
            .map(|end| path[..end].chars().collect())
            .collect();
        let deciding = self.rules.iter().rev().find(|rule| {
            let pattern = rule.pattern.as_deref();
            pattern.is_some_and(|pattern| paths.iter().any(|path| matches(pattern, path)))
        });
        deciding.filter(|rule| !rule.negated)
    }
}

/// A pattern, cleaned as a path is: no `.`, no empty parts, `..` resolved. One that leads
/// out of the checkout keeps its `..` and matches nothing.
fn clean(pattern: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in pattern.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            ".." if pattern.starts_with('/') => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// What a pattern is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// This character.
    One(char),
    /// `?`: any but a slash.
    Any,
    /// `[a-z]`, `[^a]`.
    Class(Class),
    /// `*`: any number of characters, no slash among them.
    Name,
    /// `**` and what follows it: nothing, or anything that ends with a slash.
    Directories,
    /// `**` at the end: anything.
    Rest,
}

/// Reads a pattern; `None` for one that is never matched (moby/patternmatcher 0.6, which
/// Earthly 0.8.15 is built with).
fn tokens(pattern: &str) -> Option<Vec<Token>> {
    // What has no other special character is compared by its end, even within a name.
    if let Some(end) = pattern.strip_prefix("**")
        && !end.contains(['*', '?', '[', ']', '\\'])
    {
        let first = match end.strip_prefix('/') {
            Some(_) => Token::Directories,
            None => Token::Rest,
        };
        let end = end.strip_prefix('/').unwrap_or(end);
        return Some(
            std::iter::once(first)
                .chain(end.chars().map(Token::One))
                .collect(),
        );
    }
    let pattern: Vec<char> = pattern.chars().collect();
    let mut rest = &pattern[..];
    let mut tokens = Vec::new();
    loop {
        let (token, others) = match rest {
            [] => return Some(tokens),
            ['*', '*'] | ['*', '*', '/'] => (Token::Rest, &[][..]),
            ['*', '*', '/', others @ ..] | ['*', '*', others @ ..] => (Token::Directories, others),
            ['*', others @ ..] => (Token::Name, others),
            ['?', others @ ..] => (Token::Any, others),
            ['[', others @ ..] => {
                let (class, others) = class(others)?;
                (Token::Class(class), others)
            }
            ['\\', literal, others @ ..] | [literal, others @ ..] => (Token::One(*literal), others),
        };
        tokens.push(token);
        rest = others;
    }
}

/// Whether `tokens` are all of `path`. Every place that can be reached is followed at
/// once, so no pattern takes long.
fn matches(tokens: &[Token], path: &[char]) -> bool {
    let mut reached = vec![false; path.len() + 1];
    reached[0] = true;
    for token in tokens {
        let mut next = vec![false; path.len() + 1];
        for at in (0..=path.len()).filter(|at| reached[*at]) {
            let rest = &path[at..];
            match token {
                Token::Rest => next[at..].fill(true),
                Token::Name => {
                    let name = rest.iter().take_while(|c| **c != '/').count();
                    next[at..=at + name].fill(true);
                }
                Token::Directories => {
                    next[at] = true;
                    let slashes = rest.iter().enumerate().filter(|(_, c)| **c == '/');
                    slashes.for_each(|(slash, _)| next[at + slash + 1] = true);
                }
                Token::One(c) if rest.first() == Some(c) => next[at + 1] = true,
                Token::Any if rest.first().is_some_and(|c| *c != '/') => next[at + 1] = true,
                Token::Class(class) if rest.first().is_some_and(|c| class.has(*c)) => {
                    next[at + 1] = true;
                }
                _ => {}
            }
        }
        reached = next;
    }
    reached[path.len()]
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Class {
    negated: bool,
    ranges: Vec<(char, char)>,
}

impl Class {
    fn has(&self, c: char) -> bool {
        let inside = self
            .ranges
            .iter()
            .any(|(low, high)| (*low..=*high).contains(&c));
        inside != self.negated
    }
}

/// The class behind a `[`, and what follows it.
fn class(pattern: &[char]) -> Option<(Class, &[char])> {
    let (negated, mut rest) = match pattern {
        ['^', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let mut ranges = Vec::new();
    loop {
        match rest {
            [']', rest @ ..] if !ranges.is_empty() => {
                return Some((Class { negated, ranges }, rest));
            }
            [low, '-', high, others @ ..] if *high != ']' => {
                ranges.push((*low, *high));
                rest = others;
            }
            ['\\', c, others @ ..] | [c, others @ ..] => {
                ranges.push((*c, *c));
                rest = others;
            }
            [] => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(rules: &str, path: &str) -> Option<usize> {
        let ignore = Ignore::parse(NAMES[0], rules);
        ignore.hides(path).map(|rule| rule.line)
    }

    #[test]
    fn the_last_rule_that_matches_decides() {
        const OVERLAY: &str = "overlay/files-iso/opt/spectrocloud/clusterconfig/spc.tgz";
        for (rules, path, expected) in [
            ("local/\nbuild/*\n", "spc.tgz", None),
            ("local/\nbuild/*\n", "build/spc.tgz", Some(2)),
            ("*.tgz\n", "spc.tgz", Some(1)),
            // A star stays within a name, and at the top.
            ("*.tgz\n", OVERLAY, None),
            ("**/*.tgz\n", OVERLAY, Some(1)),
            ("**/*.tgz\n", "spc.tgz", Some(1)),
            ("overlay\n", OVERLAY, Some(1)),
            ("/overlay/\n", OVERLAY, Some(1)),
            ("./overlay/files-iso/opt\n", OVERLAY, Some(1)),
            ("overlay/**\n", OVERLAY, Some(1)),
            ("files-iso\n", OVERLAY, None),
            ("**/clusterconfig\n", OVERLAY, Some(1)),
            ("*.tgz\n!spc.tgz\n", "spc.tgz", None),
            ("!spc.tgz\n*.tgz\n", "spc.tgz", Some(2)),
            ("# *.tgz\n\n  spc.tg?  \n", "spc.tgz", Some(3)),
            ("[a-s]pc.tgz\n", "spc.tgz", Some(1)),
            ("[^s]pc.tgz\n", "spc.tgz", None),
            ("spc\\.tgz\n", "spc.tgz", Some(1)),
            ("\u{feff}*\n", "spc.tgz", Some(1)),
            ("**\n!overlay/**\n", OVERLAY, None),
            ("a/../spc.tgz\n", "spc.tgz", Some(1)),
            ("[\n", "spc.tgz", None),
            // Two stars within a name.
            ("**.tgz\n", OVERLAY, Some(1)),
            ("**.tgz\n", "spc.tgz", Some(1)),
            ("overlay**\n", OVERLAY, Some(1)),
            ("over**\n", OVERLAY, Some(1)),
            ("over**spc.tgz\n", OVERLAY, Some(1)),
            ("o*y**/spc.tgz\n", OVERLAY, Some(1)),
            ("s**.tgz\n", "spc.tgz", None),
            ("**/s*.tgz\n", OVERLAY, Some(1)),
            ("**s*.tgz\n", OVERLAY, Some(1)),
            ("overlay/**/spc.tgz\n", OVERLAY, Some(1)),
            ("overlay/**/files-iso\n", OVERLAY, Some(1)),
            ("*/*/*/spc.tgz\n", OVERLAY, None),
            ("overlay/*\n", OVERLAY, Some(1)),
            ("**/\n", "spc.tgz", Some(1)),
        ] {
            assert_eq!(hidden(rules, path), expected, "{rules:?} {path}");
        }
    }
}
