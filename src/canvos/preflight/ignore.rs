//! `.earthlyignore`: what Earthly excludes from the build context (canvos.md, T9).
//!
//! The input is the checkout's ignore file. The output is the rule that hides a path, and the
//! rule that makes every build fail. The rules are interpreted as the real programs do it,
//! which Docker's documentation describes only in part. A `!` rule takes back only what an
//! earlier rule hides itself: `!overlay/` does not take back what `**/*.tgz` hides below it.
//! And one rule with a character that is not ASCII voids the others, because all of them are
//! sent percent-encoded then, and nothing decodes them.
//!
//! Not modelled: Earthfiles with a `VERSION` below 0.6, which hide a few more files.

use std::fmt::Write as _;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use crate::canvos::Placement;
use crate::diagnostic::Source;
use crate::util::files;
use crate::util::path_error::PathError;
use crate::util::sanitize;

mod git;
mod pattern;
mod regexp;
#[cfg(test)]
mod tests;

pub(super) use git::GitIgnore;
pub(super) use pattern::{Matched, Patterns};

use pattern::BadPattern;

/// The names of the ignore file, the older one last. Earthly refuses to build if both exist.
pub(super) const NAMES: [&str; 2] = [".earthlyignore", ".earthignore"];

/// The length in bytes from which a line makes the build fail: Go's line scanner accepts only
/// shorter lines.
const LINE: usize = 64 << 10;
/// The largest ignore file that is read, in bytes.
const FILE: u64 = 16 << 20;

/// The ignore rules of a checkout.
#[derive(Debug, Default)]
pub(super) struct Ignore {
    rules: Vec<Rule>,
    patterns: Patterns,
    error: Option<RuleError>,
    /// The first rule that is not ASCII.
    voiding: Option<usize>,
}

/// One line of an ignore file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    /// The name of the ignore file.
    pub file: &'static str,
    /// The line, counted from 1.
    pub line: usize,
    /// The text of the line, without surrounding white space. A byte that is not UTF-8 is one
    /// `\u{fffd}`.
    pub text: String,
}

/// Why a rule makes every build fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RuleFault {
    /// The rule has a tab or another control character, and cannot be sent to buildkitd.
    Control,
    /// The rule is a malformed pattern, or a `!` alone.
    Syntax,
    /// The line has 64 KiB or more.
    TooLong,
}

#[derive(Debug, Clone, Copy)]
struct RuleError {
    rule: usize,
    fault: RuleFault,
}

impl Rule {
    /// Returns this line alone, for an excerpt: the rest of the file is not shown.
    pub(super) fn source(&self, directory: &Path) -> (Arc<Source>, Range<usize>) {
        let source = Source {
            path: sanitize::path(&directory.join(self.file)),
            text: self.text.clone(),
            first_line: self.line,
        };
        (Arc::new(source), 0..self.text.len())
    }
}

/// The ignore files that exist.
#[derive(Debug)]
pub(super) enum Found {
    /// One of them, or none.
    Rules(Ignore),
    /// Both, empty or not: Earthly fails with an error.
    Both,
}

/// Reads the ignore file of the checkout in `directory`. A directory of that name and a
/// dangling symbolic link count as a missing file.
///
/// # Errors
/// Fails if the file exists and cannot be read; the build fails then too.
pub(super) fn read(directory: &Path) -> Result<Found, PathError> {
    let mut files = Vec::new();
    for name in NAMES {
        let path = directory.join(name);
        match std::fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(_) => files.push((name, path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(PathError::when("read", &path)(error)),
        }
    }
    Ok(match &files[..] {
        [] => Found::Rules(Ignore::default()),
        [(name, path)] => {
            let bytes = files::read(path, FILE).map_err(PathError::when("read", path))?;
            let mut ignore = Ignore::parse(name, &bytes);
            ignore.find_latent_error(directory);
            Found::Rules(ignore)
        }
        _ => Found::Both,
    })
}

impl Ignore {
    fn parse(file: &'static str, bytes: &[u8]) -> Self {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut rules = Vec::new();
        let mut sent = Vec::new();
        let mut error = None;
        for (at, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            let line_text = decode(line);
            let mut rule = Rule {
                file,
                line: at + 1,
                text: line_text.trim().to_owned(),
            };
            if line.len() >= LINE {
                rule.text = rule.text.chars().take(80).collect();
                rules.push(rule);
                let fault = RuleFault::TooLong;
                error = Some(RuleError {
                    rule: rules.len() - 1,
                    fault,
                });
                break;
            }
            if line.starts_with(b"#") || rule.text.is_empty() {
                continue;
            }
            sent.push(normalize(&rule.text));
            rules.push(rule);
        }
        let voiding = sent.iter().position(|text| !text.is_ascii());
        if voiding.is_some() {
            sent = sent.iter().map(|text| query_escape(text)).collect();
        }
        let control = |text: &String| text.contains(|c: char| c.is_ascii_control());
        error = error.or_else(|| {
            let fault = RuleFault::Control;
            let rule = sent.iter().position(control)?;
            Some(RuleError { rule, fault })
        });
        let patterns = match Patterns::new(sent.iter().map(String::as_str)) {
            Ok(patterns) => patterns,
            Err(bad) => {
                error = error.or(Some(bad.into()));
                Patterns::default()
            }
        };
        Self {
            rules,
            patterns,
            error,
            voiding,
        }
    }

    /// Finds a pattern that is refused only when it is matched, which happens for every file at
    /// the checkout's root.
    fn find_latent_error(&mut self, directory: &Path) {
        if self.error.is_some() || !self.patterns.has_latent_error() {
            return;
        }
        let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
        let files = entries.filter(|entry| entry.file_type().is_ok_and(|kind| !kind.is_dir()));
        let names = files.map(|file| decode(file.file_name().as_encoded_bytes()));
        let placements = Placement::ALL.map(|placement| placement.path().to_owned());
        let mut asked = names.chain(placements);
        self.error = asked
            .find_map(|path| self.judge(&path).err())
            .map(Into::into);
    }

    /// Parses the text of a git ignore file with git's rules.
    pub(super) fn of_git(text: &str) -> GitIgnore {
        GitIgnore::parse(text)
    }

    /// Returns the rule that makes every build fail.
    #[must_use]
    pub(super) fn error(&self) -> Option<(&Rule, RuleFault)> {
        let RuleError { rule, fault } = self.error?;
        Some((&self.rules[rule], fault))
    }

    /// Returns the rule with a character that is not ASCII. With such a rule, only rules that
    /// consist of letters, digits, `-`, `_`, `.` and `~` have an effect.
    #[must_use]
    pub(super) fn voiding(&self) -> Option<&Rule> {
        self.voiding.map(|rule| &self.rules[rule])
    }

    /// Returns the rule that hides the file `path`, a path of the checkout with slashes. A rule
    /// that makes every build fail hides everything.
    #[must_use]
    pub(super) fn hides(&self, path: &str) -> Option<&Rule> {
        let rule = match (self.error, self.judge(path)) {
            (Some(error), _) => Some(error.rule),
            (None, Ok(hidden)) => hidden,
            (None, Err(BadPattern(rule))) => Some(rule),
        };
        rule.map(|rule| &self.rules[rule])
    }

    /// Returns the index of the rule that hides a file, as a walk from the root finds it.
    fn judge(&self, path: &str) -> Result<Option<usize>, BadPattern> {
        let directories = path.match_indices('/').map(|(at, _)| at);
        let mut above: Option<Matched> = None;
        for end in directories {
            let verdict = self.patterns.matches(&path[..end], above.as_ref())?;
            if verdict.by.is_some() && self.patterns.prunes_matched(&path[..=end]) {
                return Ok(verdict.by);
            }
            above = Some(verdict.matched);
        }
        Ok(self.patterns.matches(path, above.as_ref())?.by)
    }

    /// Returns the patterns as they are sent, for a walk of the build context.
    #[must_use]
    pub(super) fn patterns(&self) -> &Patterns {
        &self.patterns
    }

    /// Returns the rule at an index of the list of patterns.
    #[must_use]
    pub(super) fn rule(&self, place: usize) -> Option<&Rule> {
        self.rules.get(place)
    }
}

impl From<BadPattern> for RuleError {
    fn from(BadPattern(rule): BadPattern) -> Self {
        let fault = RuleFault::Syntax;
        Self { rule, fault }
    }
}

/// Returns a line as Earthly sends it: cleaned, and without a leading slash.
fn normalize(line: &str) -> String {
    let (sign, pattern) = match line.strip_prefix('!') {
        Some(pattern) => ("!", pattern.trim()),
        None => ("", line),
    };
    if pattern.is_empty() {
        return sign.to_owned();
    }
    let pattern = crate::canvos::preflight::glob::clean(pattern);
    let relative = pattern.strip_prefix('/').filter(|rest| !rest.is_empty());
    format!("{sign}{}", relative.unwrap_or(&pattern))
}

/// Decodes text as Go does: each byte that is not UTF-8 becomes one `\u{fffd}`.
pub(super) fn decode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    text
}

/// Encodes a text like Go's `url.QueryEscape`.
pub(super) fn query_escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        match byte {
            b'-' | b'_' | b'.' | b'~' => escaped.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => escaped.push(char::from(byte)),
            b' ' => escaped.push('+'),
            byte => {
                let _ = write!(escaped, "%{byte:02X}");
            }
        }
    }
    escaped
}
