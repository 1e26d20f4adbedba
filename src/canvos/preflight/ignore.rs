//! `.earthlyignore`: what Earthly keeps out of the build's context (canvos.md, T9).
//!
//! In: the checkout's ignore file. Out: the rule that hides a path, and the rule that ends
//! every build. The rules are read as the real programs read them, of which Docker's
//! documentation tells half. A `!` rule takes back only what an earlier rule hides itself:
//! `!overlay/` does not take back what `**/*.tgz` hides below. And one rule with a
//! character that is not ASCII voids the others: they are sent percent-encoded then, and
//! nobody decodes them.
//!
//! Not modelled: Earthfiles with a `VERSION` below 0.6, which hide a few files more.

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

/// The names of the file, the older one last. Earthly refuses to see both.
pub(super) const NAMES: [&str; 2] = [".earthlyignore", ".earthignore"];

/// A line of so many bytes ends the build: Go's line scanner takes shorter ones only.
const LINE: usize = 64 << 10;
/// The largest file that is read, in bytes.
const FILE: u64 = 16 << 20;

/// The rules of a checkout.
#[derive(Debug, Default)]
pub(super) struct Ignore {
    rules: Vec<Rule>,
    patterns: Patterns,
    error: Option<RuleError>,
    /// The first rule that is not ASCII.
    voiding: Option<usize>,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    /// The file that it stands in.
    pub file: &'static str,
    /// Its line, from 1.
    pub line: usize,
    /// As it stands there, without blanks at its ends. A byte that is not UTF-8 is one
    /// `\u{fffd}`.
    pub text: String,
}

/// Why a rule ends every build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RuleFault {
    /// A tab or another control character: such a rule cannot be sent to buildkitd.
    Control,
    /// A malformed pattern, or a `!` alone.
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
    /// Its line alone, for an excerpt: nothing else of the file is anybody's business.
    pub(super) fn source(&self, directory: &Path) -> (Arc<Source>, Range<usize>) {
        let source = Source {
            path: sanitize::path(&directory.join(self.file)),
            text: self.text.clone(),
            first_line: self.line,
        };
        (Arc::new(source), 0..self.text.len())
    }
}

/// Which ignore files are there.
#[derive(Debug)]
pub(super) enum Found {
    /// One, or none.
    Rules(Ignore),
    /// Both, empty or not: Earthly stops with an error.
    Both,
}

/// Reads the ignore file of the checkout in `directory`. A directory of that name and a
/// link that leads nowhere count as no file.
///
/// # Errors
/// A file that is there and cannot be read; it ends the build too.
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

    /// Some patterns are refused only once they are asked, which happens for every file at
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

    /// The rules of git, for a file of git's.
    pub(super) fn of_git(text: &str) -> GitIgnore {
        GitIgnore::parse(text)
    }

    /// The rule that ends every build.
    #[must_use]
    pub(super) fn error(&self) -> Option<(&Rule, RuleFault)> {
        let RuleError { rule, fault } = self.error?;
        Some((&self.rules[rule], fault))
    }

    /// The rule with a character that is not ASCII, which leaves only those in force that
    /// are made of letters, digits, `-`, `_`, `.` and `~`.
    #[must_use]
    pub(super) fn voiding(&self) -> Option<&Rule> {
        self.voiding.map(|rule| &self.rules[rule])
    }

    /// The rule that hides the file `path`, a path of the checkout with slashes. If a rule
    /// ends every build, it hides everything.
    #[must_use]
    pub(super) fn hides(&self, path: &str) -> Option<&Rule> {
        let rule = match (self.error, self.judge(path)) {
            (Some(error), _) => Some(error.rule),
            (None, Ok(hidden)) => hidden,
            (None, Err(BadPattern(rule))) => Some(rule),
        };
        rule.map(|rule| &self.rules[rule])
    }

    /// The rule that hides a file, as a walk from the root finds it.
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

    /// The patterns as they are sent, for a walk of the build context.
    #[must_use]
    pub(super) fn patterns(&self) -> &Patterns {
        &self.patterns
    }

    /// The rule of a pattern.
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

/// A line as Earthly sends it: cleaned, and without the slash that it begins with.
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

/// Text as a Go program decodes it: each byte that is not UTF-8 is one `\u{fffd}`.
pub(super) fn decode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    text
}

/// Go's `url.QueryEscape`.
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
