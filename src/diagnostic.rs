//! Diagnostics: the messages that people read about errors and warnings, as data.
//!
//! Each stage has an error type that says what happened. `error` turns it into one or more
//! diagnostics, and `ui` prints them as text or JSON. A diagnostic never contains escape
//! sequences, Rust type names or the key.

use std::ops::Range;
use std::sync::Arc;

mod code;
mod trap;
pub mod help_topic;
pub mod messages;

pub use code::Code;
pub use trap::Trap;

/// An error or a warning.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    /// Whether the diagnostic is an error, which ends the run, or a warning.
    pub severity: Severity,
    /// The code, for scripts.
    pub code: Code,
    /// What is wrong with which thing, in lower case and without a full stop.
    pub title: String,
    /// The place in a file that people edit, if there is one.
    pub excerpt: Option<Excerpt>,
    /// What was expected and what was found.
    pub notes: Vec<String>,
    /// What to do next; each item is one command or edit.
    pub help: Vec<String>,
    /// The trap that explains the problem, if the code is not itself a trap.
    pub cause: Option<Trap>,
}

/// The severity of a [`Diagnostic`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The run continues.
    Warning,
    /// The run ends.
    Error,
}

/// A place in a text file, as a message shows it.
#[derive(Debug, Clone)]
pub struct Excerpt {
    /// The file.
    pub source: Arc<Source>,
    /// The bytes that the caret points at.
    pub span: Range<usize>,
    /// The label at the caret; may be empty.
    pub label: String,
}

/// A place in a text file that a message points at, without the label at the caret.
#[derive(Debug, Clone, Copy)]
pub struct Place<'s> {
    /// The file.
    pub source: &'s Arc<Source>,
    /// The bytes that the caret points at.
    pub span: &'s Range<usize>,
}

/// A text file that people edit, as messages show it.
#[derive(Debug)]
pub struct Source {
    /// The path, as the user wrote it.
    pub path: String,
    /// The text of the file, or some of its lines. Secrets in it are overwritten with `*`, byte
    /// for byte, before anything is shown.
    pub text: String,
    /// The line number of the first line of `text` in the file, starting at 1.
    pub first_line: usize,
}

/// Returns the byte range of the lines in `text` that `span` touches.
#[must_use]
pub fn lines_of(text: &str, span: &Range<usize>) -> Range<usize> {
    let bytes = text.as_bytes();
    let start = span.start.min(bytes.len());
    let end = span.end.clamp(start, bytes.len());
    // The position at the end of a file belongs to its last line.
    let at_end = start == bytes.len() && bytes.ends_with(b"\n");
    let start = start - usize::from(at_end);
    // A span that ends with a line break does not touch the next line.
    let last = if end > start { end - 1 } else { end };
    let from = bytes[..start].iter().rposition(|byte| *byte == b'\n');
    let to = bytes[last..].iter().position(|byte| *byte == b'\n');
    from.map_or(0, |at| at + 1)..to.map_or(bytes.len(), |at| last + at + 1)
}

impl Excerpt {
    /// Returns the excerpt with only the lines that the caret points at, so that a file with
    /// thousands of definitions is not scanned again for each message about it.
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
    /// Creates the source of a whole file.
    #[must_use]
    pub fn whole(path: String, text: String) -> Self {
        Self {
            path,
            text,
            first_line: 1,
        }
    }

    /// Returns the line and the column of the byte `offset`, both starting at 1. Columns count
    /// characters.
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
    /// Creates an error that has only a title.
    pub fn error(code: impl Into<Code>, title: impl Into<String>) -> Self {
        Self::new(Severity::Error, code.into(), title.into())
    }

    /// Creates a warning that has only a title.
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

    /// Returns whether `other` tells a reader nothing that this diagnostic does not.
    #[must_use]
    pub fn says_the_same(&self, other: &Self) -> bool {
        self.title == other.title && self.notes == other.notes && self.place() == other.place()
    }

    fn place(&self) -> Option<(&str, &Range<usize>)> {
        let excerpt = self.excerpt.as_ref()?;
        Some((&excerpt.source.path, &excerpt.span))
    }

    /// Sets the trap that explains the problem.
    #[must_use]
    pub fn caused_by(mut self, trap: Option<Trap>) -> Self {
        self.cause = trap;
        self
    }

    /// Returns the `edgestage explain` ID of the section about the problem.
    #[must_use]
    pub fn section(&self) -> &'static str {
        self.cause.map_or_else(|| self.code.section(), Trap::code)
    }

    /// Adds a note: what was expected and what was found.
    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }

    /// Adds a help line: what to do next.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(text.into());
        self
    }

    /// Sets the excerpt, if there is one.
    #[must_use]
    pub fn within(mut self, place: Option<&Excerpt>) -> Self {
        self.excerpt = place.cloned();
        self
    }

    /// Sets the place and the label at its caret.
    #[must_use]
    pub fn pointing(self, place: Place<'_>, label: impl Into<String>) -> Self {
        self.at(place.source, place.span.clone(), label)
    }

    /// Sets the place and the label at its caret, given as a file and a byte range.
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
                // Narrowing a second time changes nothing.
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
