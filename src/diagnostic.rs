//! What a person is told when something is wrong, as data.
//!
//! A stage's error says what happened; `error` turns it into one or more diagnostics;
//! `report` prints them, as text or JSON. A diagnostic holds no escape sequences, no
//! Rust type names and no key.

use std::ops::Range;
use std::sync::Arc;

mod code;
mod trap;
pub mod help_topic;
pub mod messages;

pub use code::Code;
pub use trap::Trap;

/// One thing that is wrong, or worth a warning.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    /// Whether it stops the run.
    pub severity: Severity,
    /// What it is about, for scripts.
    pub code: Code,
    /// What is wrong with which thing; lower case, no full stop.
    pub title: String,
    /// Where in a file that people edit.
    pub excerpt: Option<Excerpt>,
    /// What was expected and found.
    pub notes: Vec<String>,
    /// What to do next: one command or edit each.
    pub help: Vec<String>,
    /// The trap that explains it, if the code itself is none.
    pub cause: Option<Trap>,
}

/// How grave a [`Diagnostic`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The run goes on.
    Warning,
    /// The run ends.
    Error,
}

/// A place in a text file.
#[derive(Debug, Clone)]
pub struct Excerpt {
    /// The file.
    pub source: Arc<Source>,
    /// The bytes that the caret points at.
    pub span: Range<usize>,
    /// What the caret says; may be empty.
    pub label: String,
}

/// Where a message points at; what its caret says is the message's affair.
#[derive(Debug, Clone, Copy)]
pub struct Place<'s> {
    /// The file.
    pub source: &'s Arc<Source>,
    /// The bytes that the caret points at.
    pub span: &'s Range<usize>,
}

/// A text file that people edit, as it is shown in messages.
#[derive(Debug)]
pub struct Source {
    /// Its path, as the user named it.
    pub path: String,
    /// Its text, or lines of it. Secrets found in it are overwritten with `*`, byte for
    /// byte, before anything is shown.
    pub text: String,
    /// The number of the first line of `text` in the file, from 1.
    pub first_line: usize,
}

/// The lines of `text` that `span` touches.
#[must_use]
pub fn lines_of(text: &str, span: &Range<usize>) -> Range<usize> {
    let bytes = text.as_bytes();
    let start = span.start.min(bytes.len());
    let end = span.end.clamp(start, bytes.len());
    // The end of a file belongs to its last line.
    let at_end = start == bytes.len() && bytes.ends_with(b"\n");
    let start = start - usize::from(at_end);
    // What ends with a line break does not touch the line behind it.
    let last = if end > start { end - 1 } else { end };
    let from = bytes[..start].iter().rposition(|byte| *byte == b'\n');
    let to = bytes[last..].iter().position(|byte| *byte == b'\n');
    from.map_or(0, |at| at + 1)..to.map_or(bytes.len(), |at| last + at + 1)
}

impl Excerpt {
    /// The same with the lines that the caret points at and no others: a file of thousands
    /// of definitions is not gone through again for each message about it.
    #[must_use]
    pub fn narrowed(&self) -> Self {
        let Source { path, text, .. } = &*self.source;
        let lines = lines_of(text, &self.span);
        let start = self.span.start.clamp(lines.start, lines.end);
        let end = self.span.end.clamp(start, lines.end);
        Self {
            source: Arc::new(Source {
                path: path.clone(),
                text: text[lines.clone()].to_owned(),
                first_line: self.source.position(lines.start).0,
            }),
            span: start - lines.start..end - lines.start,
            label: self.label.clone(),
        }
    }
}

impl Source {
    /// A whole file.
    #[must_use]
    pub fn whole(path: String, text: String) -> Self {
        Self {
            path,
            text,
            first_line: 1,
        }
    }

    /// Line and column of the byte `offset`, both from 1; columns count characters.
    #[must_use]
    pub fn position(&self, offset: usize) -> (usize, usize) {
        let mut end = offset.min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        let before = &self.text[..end];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = self.first_line + before.matches('\n').count();
        (line, 1 + before[line_start..].chars().count())
    }
}

impl Diagnostic {
    /// An error with nothing but its title.
    pub fn error(code: impl Into<Code>, title: impl Into<String>) -> Self {
        Self::new(Severity::Error, code.into(), title.into())
    }

    /// A warning with nothing but its title.
    pub fn warning(code: impl Into<Code>, title: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code.into(), title.into())
    }

    fn new(severity: Severity, code: Code, title: String) -> Self {
        Self {
            severity,
            code,
            title,
            excerpt: None,
            notes: Vec::new(),
            help: Vec::new(),
            cause: None,
        }
    }

    /// Whether a reader would learn nothing more from the other one.
    #[must_use]
    pub fn says_the_same(&self, other: &Self) -> bool {
        let place = |d: &Self| {
            let excerpt = d.excerpt.as_ref()?;
            Some((excerpt.source.path.clone(), excerpt.span.clone()))
        };
        self.title == other.title && self.notes == other.notes && place(self) == place(other)
    }

    /// Adds the trap that explains it.
    #[must_use]
    pub fn caused_by(mut self, trap: Option<Trap>) -> Self {
        self.cause = trap;
        self
    }

    /// What `edgestage explain` calls the section with more about it.
    #[must_use]
    pub fn section(&self) -> &'static str {
        self.cause.map_or_else(|| self.code.section(), Trap::code)
    }

    /// Adds what was expected and found.
    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }

    /// Adds what to do next.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(text.into());
        self
    }

    /// Adds a place that is known already, where one is.
    #[must_use]
    pub fn within(mut self, place: Option<&Excerpt>) -> Self {
        self.excerpt = place.cloned();
        self
    }

    /// Adds the place, and what the caret says.
    #[must_use]
    pub fn pointing(self, place: Place<'_>, label: impl Into<String>) -> Self {
        self.at(place.source, place.span.clone(), label)
    }

    /// Adds the place.
    #[must_use]
    pub fn at(
        mut self,
        source: &Arc<Source>,
        span: Range<usize>,
        label: impl Into<String>,
    ) -> Self {
        self.excerpt = Some(Excerpt {
            source: Arc::clone(source),
            span,
            label: label.into(),
        });
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_of_its_lines_says_the_same() {
        let text = "one\ntwo é\n\nthree\n";
        let whole = Arc::new(Source::whole("a".into(), text.into()));
        for start in (0..=text.len()).filter(|at| text.is_char_boundary(*at)) {
            for end in (start..=text.len()).filter(|at| text.is_char_boundary(*at)) {
                let excerpt = Excerpt {
                    source: Arc::clone(&whole),
                    span: start..end,
                    label: String::new(),
                };
                let narrow = excerpt.narrowed();
                let marked = &narrow.source.text[narrow.span.clone()];
                assert_eq!(marked, &text[start..end]);
                let place = whole.position(start);
                assert_eq!(narrow.source.position(narrow.span.start), place);
                // Twice is once.
                let again = narrow.narrowed();
                assert_eq!(again.source.text, narrow.source.text);
                assert_eq!(again.source.first_line, narrow.source.first_line);
            }
        }
        assert_eq!(&text[lines_of(text, &(5..6))], "two é\n");
        assert_eq!(&text[lines_of(text, &(text.len()..text.len()))], "three\n");
        assert_eq!(lines_of("", &(0..0)), 0..0);
    }
}
