//! Lists of patterns, matched as `BuildKit` does (moby/patternmatcher 0.6).
//!
//! The input is patterns as Earthly sends them. The output is whether a list matches a path,
//! which pattern decides, and what a walk of the build context excludes. A pattern is matched
//! only if it could change the result so far, so a pattern that Go's regular expressions refuse
//! is an error for some paths and not for others.

use super::regexp::Regexp;
use crate::canvos::preflight::glob;

/// A pattern that makes the build fail, by its index in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadPattern(pub usize);

/// One pattern.
#[derive(Debug, Clone)]
struct Pattern {
    text: String,
    /// Whether the pattern begins with `!` and takes back earlier matches.
    exception: bool,
    kind: Kind,
}

/// How a pattern is compared with a path.
#[derive(Debug, Clone)]
enum Kind {
    Exact,
    /// `x/**`: the path begins with the text.
    Prefix,
    /// `**/x`: the path ends with the text, even within a name.
    Suffix,
    /// A regular expression; `None` if Go refuses it.
    Regexp(Option<Regexp>),
}

impl Pattern {
    fn matches(&self, path: &str) -> Option<bool> {
        let text = &self.text;
        Some(match &self.kind {
            Kind::Exact => path == text,
            Kind::Prefix => path.starts_with(&text[..text.len() - 2]),
            Kind::Suffix => {
                let end = &text[2..];
                path.ends_with(end) || end.strip_prefix('/') == Some(path)
            }
            Kind::Regexp(regexp) => regexp.as_ref()?.is_match(path),
        })
    }

    /// Whether the pattern could match a path below `directory`, which ends with a slash.
    fn may_match_below(&self, directory: &str) -> bool {
        let text = &self.text;
        match &self.kind {
            Kind::Exact => text.starts_with(directory),
            Kind::Prefix => text[..text.len() - 2].starts_with(directory),
            Kind::Suffix => true,
            Kind::Regexp(regexp) => regexp.as_ref().is_none_or(|r| r.may_continue(directory)),
        }
    }

    /// Returns the text without a trailing `/**` or `/*`.
    fn without_glob(&self) -> &str {
        let text = self.text.strip_suffix("/**").unwrap_or(&self.text);
        text.strip_suffix("/*").unwrap_or(text)
    }

    /// Whether the pattern matches only what begins with its text.
    fn is_literal(&self) -> bool {
        !self
            .without_glob()
            .contains(['*', '[', ']', '?', '^', '\\'])
    }
}

/// Translates a pattern.
fn kind(pattern: &str) -> Kind {
    let mut kind = Kind::Exact;
    let mut text = String::from("^");
    let mut chars = pattern.chars().peekable();
    let mut first = true;
    while let Some(c) = chars.next() {
        match c {
            '*' if chars.next_if_eq(&'*').is_some() => {
                chars.next_if_eq(&'/');
                if chars.peek().is_some() {
                    text.push_str("(.*/)?");
                    kind = Kind::Regexp(None);
                } else if matches!(kind, Kind::Exact) {
                    kind = Kind::Prefix;
                } else {
                    text.push_str(".*");
                    kind = Kind::Regexp(None);
                }
                if first {
                    kind = Kind::Suffix;
                }
            }
            '*' => {
                text.push_str("[^/]*");
                kind = Kind::Regexp(None);
            }
            '?' => {
                text.push_str("[^/]");
                kind = Kind::Regexp(None);
            }
            // `{`, `|` and `}` are not escaped, although they have a meaning.
            '.' | '+' | '(' | ')' | '$' => {
                text.push('\\');
                text.push(c);
            }
            '\\' => {
                text.push('\\');
                if let Some(c) = chars.next() {
                    text.push(c);
                    kind = Kind::Regexp(None);
                }
            }
            '[' | ']' => {
                text.push(c);
                kind = Kind::Regexp(None);
            }
            c => text.push(c),
        }
        first = false;
    }
    match kind {
        Kind::Regexp(_) => Kind::Regexp(Regexp::compile(&(text + "$"))),
        kind => kind,
    }
}

/// The patterns that matched a directory or a parent of it. Paths below do not have to match
/// them again.
#[derive(Debug, Clone, Default)]
pub(crate) struct Matched(Vec<bool>);

/// The result of matching a path with a list.
#[derive(Debug, Clone)]
pub(crate) struct Verdict {
    /// The index of the pattern that makes the list match.
    pub by: Option<usize>,
    /// The state for the paths below this one.
    pub matched: Matched,
}

/// A list of patterns, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Patterns {
    patterns: Vec<Pattern>,
    /// The index of each pattern in the original list.
    places: Vec<usize>,
}

impl Patterns {
    /// Parses patterns.
    ///
    /// # Errors
    /// Returns the first pattern that is refused whatever it is matched with.
    pub(crate) fn new<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, BadPattern> {
        let mut patterns = Self::default();
        for (place, text) in texts.into_iter().enumerate() {
            let text = text.trim();
            if text.is_empty() {
                continue;
            }
            let text = glob::clean(text);
            let (text, exception) = match text.strip_prefix('!') {
                Some("") => return Err(BadPattern(place)),
                Some(text) => (text.to_owned(), true),
                None => (text, false),
            };
            glob::check(&text).map_err(|glob::BadPattern| BadPattern(place))?;
            patterns.places.push(place);
            patterns.patterns.push(Pattern {
                kind: kind(&text),
                text,
                exception,
            });
        }
        Ok(patterns)
    }

    /// Whether the list matches `path`, given the result `above` for its directory.
    ///
    /// # Errors
    /// Fails if a pattern is matched that Go refuses.
    pub(crate) fn matches(
        &self,
        path: &str,
        above: Option<&Matched>,
    ) -> Result<Verdict, BadPattern> {
        let mut by = None;
        let mut matched = vec![false; self.patterns.len()];
        for (at, pattern) in self.patterns.iter().enumerate() {
            if !above.is_some_and(|Matched(above)| above[at]) {
                // An exception is only evaluated if the path matches so far, and another
                // pattern only if it does not.
                if pattern.exception != by.is_some() {
                    continue;
                }
                let place = BadPattern(self.places[at]);
                if !pattern.matches(path).ok_or(place)? {
                    continue;
                }
            }
            matched[at] = true;
            by = (!pattern.exception).then_some(self.places[at]);
        }
        Ok(Verdict {
            by,
            matched: Matched(matched),
        })
    }

    /// Whether the list of what is sent excludes an unmatched directory together with its
    /// contents. `directory` ends with a slash.
    #[must_use]
    pub(crate) fn prunes_unmatched(&self, directory: &str) -> bool {
        let mut wanted = self.patterns.iter().filter(|pattern| !pattern.exception);
        wanted.clone().all(Pattern::is_literal) && !wanted.any(|p| leads_below(p, directory))
    }

    /// Whether the list of what is excluded excludes a matched directory together with its
    /// contents. `directory` ends with a slash.
    #[must_use]
    pub(crate) fn prunes_matched(&self, directory: &str) -> bool {
        let mut exceptions = self.patterns.iter().filter(|pattern| pattern.exception);
        exceptions.clone().all(Pattern::is_literal)
            && !exceptions.any(|p| leads_below(p, directory))
    }

    /// Whether the list could match a path below `directory`, given the result `matched` for
    /// it.
    #[must_use]
    pub(crate) fn may_match_below(&self, directory: &str, matched: &Matched) -> bool {
        let mut wanted = self.patterns.iter().filter(|pattern| !pattern.exception);
        matched.0.contains(&true) || wanted.any(|p| p.may_match_below(directory))
    }

    /// Whether a pattern is an error as soon as it is evaluated.
    #[must_use]
    pub(crate) fn has_latent_error(&self) -> bool {
        let latent = |pattern: &Pattern| matches!(pattern.kind, Kind::Regexp(None));
        self.patterns.iter().any(latent)
    }
}

fn leads_below(pattern: &Pattern, directory: &str) -> bool {
    format!("{}/", pattern.without_glob()).starts_with(directory)
}
