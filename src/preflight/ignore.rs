//! `.earthlyignore`: what Earthly keeps out of the build's context (canvos.md, T9).
//!
//! The rules are those of Docker's ignore files, which Earthly uses: one pattern a line;
//! `*` and `?` stay within a name, `**` does not; a pattern that hides a directory hides
//! what is below it; `!` takes back; the last line that matches decides.

use std::path::Path;

use crate::disk::PathError;

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
    pattern: Vec<String>,
    negated: bool,
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
            let parts = clean(pattern);
            (!parts.is_empty()).then(|| Rule {
                file,
                line: at + 1,
                text: text.to_owned(),
                pattern: parts,
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
        let parts: Vec<&str> = path.split('/').collect();
        let deciding = self.rules.iter().rev().find(|rule| {
            // A rule for a directory is one for all that is in it.
            (1..=parts.len()).any(|length| matches(&rule.pattern, &parts[..length]))
        });
        deciding.filter(|rule| !rule.negated)
    }
}

/// The parts of a pattern, cleaned as a path is: no `.`, no empty ones, `..` resolved. One
/// that leads out of the checkout keeps its `..` and matches nothing.
fn clean(pattern: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for part in pattern.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| last != "..") => drop(parts.pop()),
            ".." if pattern.starts_with('/') => {}
            part => parts.push(part.to_owned()),
        }
    }
    parts
}

fn matches(pattern: &[String], path: &[&str]) -> bool {
    match (pattern.split_first(), path.split_first()) {
        (None, None) => true,
        (Some((first, rest)), _) if first == "**" => {
            // `**` at the end wants something below.
            let least = usize::from(rest.is_empty());
            (least..=path.len()).any(|skip| matches(rest, &path[skip..]))
        }
        (Some((first, rest)), Some((name, names))) => {
            let pattern: Vec<char> = first.chars().collect();
            let name: Vec<char> = name.chars().collect();
            name_matches(&pattern, &name) && matches(rest, names)
        }
        _ => false,
    }
}

/// `*`, `?`, `[a-z]`, `[^a]` and `\x` within one name (Go's `filepath.Match`).
fn name_matches(pattern: &[char], name: &[char]) -> bool {
    match pattern {
        [] => name.is_empty(),
        ['*', rest @ ..] => (0..=name.len()).any(|skip| name_matches(rest, &name[skip..])),
        ['?', rest @ ..] => !name.is_empty() && name_matches(rest, &name[1..]),
        ['[', rest @ ..] => {
            let Some((class, rest)) = class(rest) else {
                return false;
            };
            name.first().is_some_and(|c| class.has(*c)) && name_matches(rest, &name[1..])
        }
        ['\\', literal, rest @ ..] | [literal, rest @ ..] => {
            name.first() == Some(literal) && name_matches(rest, &name[1..])
        }
    }
}

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
        ] {
            assert_eq!(hidden(rules, path), expected, "{rules:?} {path}");
        }
    }
}
