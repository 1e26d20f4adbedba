//! The rules of a `.gitignore` at the root of a checkout, as gitignore(5) defines them.
//!
//! The input is the text of the file. The output is whether git ignores a path. The last rule
//! that matches decides, a name without a slash matches at any depth, and no rule takes back
//! anything below an ignored directory.

use super::regexp::{Set, posix_class};

/// The rules, in their order.
#[derive(Debug, Default)]
pub(crate) struct GitIgnore {
    rules: Vec<Rule>,
}

/// A rule that ignores a path.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    /// The path components of the pattern.
    parts: Vec<String>,
    /// Whether the whole path is matched. A pattern without a slash is matched with the name
    /// alone.
    anchored: bool,
    directories_only: bool,
    negated: bool,
}

impl GitIgnore {
    /// Parses rules.
    #[must_use]
    pub(crate) fn parse(text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let rules = text.split('\n').filter_map(Rule::parse);
        Self {
            rules: rules.collect(),
        }
    }

    /// Returns the rule that ignores the file `path` or a parent directory of it.
    #[must_use]
    pub(crate) fn hides(&self, path: &str) -> Option<&Rule> {
        let parts: Vec<&str> = path.split('/').collect();
        (1..=parts.len()).find_map(|length| {
            let path = &parts[..length];
            let is_directory = length < parts.len();
            let matches = |rule: &&Rule| rule.matches(path, is_directory);
            let last = self.rules.iter().rev().find(matches)?;
            (!last.negated).then_some(last)
        })
    }
}

impl Rule {
    fn parse(line: &str) -> Option<Self> {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.starts_with('#') {
            return None;
        }
        let line = without_blanks(line);
        let (line, negated) = match line.strip_prefix('!') {
            Some(line) => (line, true),
            None => (line, false),
        };
        let (line, directories_only) = match line.strip_suffix('/') {
            Some(line) => (line, true),
            None => (line, false),
        };
        let pattern = line.strip_prefix('/').unwrap_or(line);
        let mut parts: Vec<String> = pattern.split('/').map(str::to_owned).collect();
        // Two adjacent `**` mean the same as one.
        parts.dedup_by(|part, before| part == "**" && before == "**");
        (!pattern.is_empty()).then(|| Self {
            parts,
            anchored: line.contains('/'),
            directories_only,
            negated,
        })
    }

    fn matches(&self, path: &[&str], is_directory: bool) -> bool {
        if self.directories_only && !is_directory {
            return false;
        }
        if self.anchored {
            return matches_path(&self.parts, path);
        }
        let name = path.last().copied().unwrap_or_default();
        matches_name(self.parts[0].as_bytes(), name.as_bytes())
    }
}

/// Returns a line without trailing white space, unless a `\` keeps it.
fn without_blanks(line: &str) -> &str {
    let trimmed = line.trim_end_matches(' ');
    let backslashes = trimmed.len() - trimmed.trim_end_matches('\\').len();
    let kept = backslashes % 2 == 1 && trimmed.len() < line.len();
    &line[..trimmed.len() + usize::from(kept)]
}

/// Whether a pattern matches a path. `**` between slashes matches any number of directories,
/// and at the end at least one name.
fn matches_path(pattern: &[String], path: &[&str]) -> bool {
    match pattern {
        [] => path.is_empty(),
        [last] if last == "**" => !path.is_empty(),
        [first, rest @ ..] if first == "**" => {
            (0..=path.len()).any(|skipped| matches_path(rest, &path[skipped..]))
        }
        [first, rest @ ..] => path.split_first().is_some_and(|(name, path)| {
            matches_name(first.as_bytes(), name.as_bytes()) && matches_path(rest, path)
        }),
    }
}

/// Whether a pattern without slashes matches a name. If the last star took too little, it takes
/// one more character.
fn matches_name(pattern: &[u8], name: &[u8]) -> bool {
    let (mut pattern, mut name) = (pattern, name);
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        if let [b'*', rest @ ..] = pattern {
            retry = Some((rest, name));
            pattern = rest;
            continue;
        }
        if pattern.is_empty() && name.is_empty() {
            return true;
        }
        let one = name.split_first().and_then(|(c, rest)| {
            let (matched, pattern) = match_one(pattern, *c)?;
            matched.then_some((pattern, rest))
        });
        if let Some(next) = one {
            (pattern, name) = next;
        } else if let Some((behind, [_, rest @ ..])) = retry {
            retry = Some((behind, rest));
            (pattern, name) = (behind, rest);
        } else {
            return false;
        }
    }
}

/// Returns whether the first element of a pattern matches `c`, and the rest; `None` if there is
/// no element, or if a class has no end.
fn match_one(pattern: &[u8], c: u8) -> Option<(bool, &[u8])> {
    match pattern {
        [] | [b'\\'] => None,
        [b'?', rest @ ..] => Some((true, rest)),
        [b'[', class @ ..] => match_class(class, c),
        [b'\\', literal, rest @ ..] | [literal, rest @ ..] => Some((*literal == c, rest)),
    }
}

fn match_class(class: &[u8], c: u8) -> Option<(bool, &[u8])> {
    let (negated, mut rest) = match class {
        [b'!' | b'^', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let mut has = false;
    let mut first = true;
    loop {
        if let Some((set, behind)) = posix(rest) {
            has |= set?(char::from(c));
            (rest, first) = (behind, false);
            continue;
        }
        let (low, behind) = match rest {
            [b']', behind @ ..] if !first => return Some((has != negated, behind)),
            [b'\\', low, behind @ ..] | [low, behind @ ..] => (*low, behind),
            [] => return None,
        };
        (has, rest) = match behind {
            [b'-', b'\\', high, behind @ ..] => (has || (low..=*high).contains(&c), behind),
            [b'-', high, behind @ ..] if *high != b']' => {
                (has || (low..=*high).contains(&c), behind)
            }
            behind => (has || low == c, behind),
        };
        first = false;
    }
}

/// Reads a class by its POSIX name; the set is `None` if the name is unknown. Also returns what
/// follows.
fn posix(class: &[u8]) -> Option<(Option<Set>, &[u8])> {
    let rest = class.strip_prefix(b"[:")?;
    let end = rest.windows(2).position(|end| end == b":]")?;
    let name = std::str::from_utf8(&rest[..end]).ok();
    Some((name.and_then(posix_class), &rest[end + 2..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn git_ignores_what_its_manual_says() {
        const OVERLAY: &str = "overlay/files-iso/opt/spectrocloud/clusterconfig/spc.tgz";
        for (rules, path, hidden) in [
            ("spc.tgz\n", "spc.tgz", true),
            ("spc.tgz\n", OVERLAY, true),
            ("/spc.tgz\n", OVERLAY, false),
            ("spc.tgz\r\n", "spc.tgz", true),
            ("spc.tgz  \n", "spc.tgz", true),
            ("spc.tgz\\ \n", "spc.tgz", false),
            ("spc.tgz\\ \n", "spc.tgz ", true),
            ("spc.tgz/\n", "spc.tgz", false),
            ("#spc.tgz\n", "#spc.tgz", false),
            ("\\#spc.tgz\n", "#spc.tgz", true),
            ("\u{feff}*.tgz\n", "spc.tgz", true),
            ("*.tgz\n!spc.tgz\n", "spc.tgz", false),
            ("!spc.tgz\n*.tgz\n", "spc.tgz", true),
            // Nothing is taken back below an ignored directory.
            ("overlay/\n!spc.tgz\n", OVERLAY, true),
            ("overlay/*\n!overlay/files-iso\n", OVERLAY, false),
            ("overlay/**\n", OVERLAY, true),
            ("overlay/**/spc.tgz\n", OVERLAY, true),
            ("**/clusterconfig\n", OVERLAY, true),
            ("**/clusterconfig/**\n", OVERLAY, true),
            ("clusterconfig/spc.tgz\n", OVERLAY, false),
            ("files-iso\n", OVERLAY, true),
            ("overlay/*/spc.tgz\n", OVERLAY, false),
            // Within a name, two stars mean the same as one.
            ("s**z\n", "spc.tgz", true),
            ("over**spc.tgz\n", OVERLAY, false),
            ("[!a]pc.tgz\n", "spc.tgz", true),
            ("[a-z]pc.[]t]gz\n", "spc.tgz", true),
            ("[[:alpha:]]pc.tgz\n", "spc.tgz", true),
            ("[spc.tgz\n", "spc.tgz", false),
            ("s?c*z\n", "spc.tgz", true),
            ("/\n", "spc.tgz", false),
            ("", "spc.tgz", false),
        ] {
            let ignore = GitIgnore::parse(rules);
            assert_eq!(ignore.hides(path).is_some(), hidden, "{rules:?} {path}");
        }
    }
}
