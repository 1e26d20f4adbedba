//! Lists of patterns as `BuildKit` matches them (moby/patternmatcher 0.6).
//!
//! In: patterns, as Earthly sends them. Out: whether a list matches a path, which pattern
//! decides, and what a walk of the build context leaves out. A pattern is asked only if it
//! could change the answer so far, so one that Go's regular expressions refuse is an error
//! for some paths and not for others.

use super::regexp::Regexp;
use crate::canvos::preflight::glob;

/// A pattern that ends the build, by its place in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadPattern(pub usize);

/// One pattern.
#[derive(Debug, Clone)]
struct Pattern {
    text: String,
    /// It takes back: `!`.
    exception: bool,
    kind: Kind,
}

/// How it is compared.
#[derive(Debug, Clone)]
enum Kind {
    Exact,
    /// `x/**`: by its beginning.
    Prefix,
    /// `**/x`: by its end, even amid a name.
    Suffix,
    /// `None` for one that Go refuses.
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

    /// Whether a path below `directory`, which ends with a slash, could match.
    fn may_match_below(&self, directory: &str) -> bool {
        let text = &self.text;
        match &self.kind {
            Kind::Exact => text.starts_with(directory),
            Kind::Prefix => text[..text.len() - 2].starts_with(directory),
            Kind::Suffix => true,
            Kind::Regexp(regexp) => regexp.as_ref().is_none_or(|r| r.may_continue(directory)),
        }
    }

    /// The text without a last `/**` and `/*`.
    fn without_glob(&self) -> &str {
        let text = self.text.strip_suffix("/**").unwrap_or(&self.text);
        text.strip_suffix("/*").unwrap_or(text)
    }

    /// Whether it stands for what begins with its text, and for nothing else.
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
            // `{`, `|` and `}` are left as they are, though they mean something.
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

/// Which patterns have matched a directory or one above it: what is below need not match
/// them again.
#[derive(Debug, Clone, Default)]
pub(crate) struct Matched(Vec<bool>);

/// What a list makes of a path.
#[derive(Debug, Clone)]
pub(crate) struct Verdict {
    /// The pattern that makes the list match, by its place.
    pub by: Option<usize>,
    /// For the paths below.
    pub matched: Matched,
}

/// A list of patterns, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Patterns {
    patterns: Vec<Pattern>,
    /// Where each stands in the list that was given.
    places: Vec<usize>,
}

impl Patterns {
    /// Reads patterns.
    ///
    /// # Errors
    /// The first that is refused whatever it is compared with.
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

    /// Whether the list matches `path`, below a directory for which it said `above`.
    ///
    /// # Errors
    /// A pattern that is asked and that Go refuses.
    pub(crate) fn matches(
        &self,
        path: &str,
        above: Option<&Matched>,
    ) -> Result<Verdict, BadPattern> {
        let mut by = None;
        let mut matched = vec![false; self.patterns.len()];
        for (at, pattern) in self.patterns.iter().enumerate() {
            if !above.is_some_and(|Matched(above)| above[at]) {
                // An exception is asked only for what is matched by now, and the other
                // way round.
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

    /// Whether the list of what is sent leaves out a directory that it does not match,
    /// with all that is in it. `directory` ends with a slash.
    #[must_use]
    pub(crate) fn prunes_unmatched(&self, directory: &str) -> bool {
        let mut wanted = self.patterns.iter().filter(|pattern| !pattern.exception);
        wanted.clone().all(Pattern::is_literal) && !wanted.any(|p| leads_below(p, directory))
    }

    /// Whether the list of what is left out does so with all that is in a directory that
    /// it matches. `directory` ends with a slash.
    #[must_use]
    pub(crate) fn prunes_matched(&self, directory: &str) -> bool {
        let mut exceptions = self.patterns.iter().filter(|pattern| pattern.exception);
        exceptions.clone().all(Pattern::is_literal)
            && !exceptions.any(|p| leads_below(p, directory))
    }

    /// Whether a path below `directory`, for which the list said `matched`, could match.
    #[must_use]
    pub(crate) fn may_match_below(&self, directory: &str, matched: &Matched) -> bool {
        let mut wanted = self.patterns.iter().filter(|pattern| !pattern.exception);
        matched.0.contains(&true) || wanted.any(|p| p.may_match_below(directory))
    }

    /// Whether there is a pattern that is an error when it is asked.
    #[must_use]
    pub(crate) fn has_latent_error(&self) -> bool {
        let latent = |pattern: &Pattern| matches!(pattern.kind, Kind::Regexp(None));
        self.patterns.iter().any(latent)
    }
}

fn leads_below(pattern: &Pattern, directory: &str) -> bool {
    format!("{}/", pattern.without_glob()).starts_with(directory)
}
