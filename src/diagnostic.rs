//! What a person is told when something is wrong, as data.
//!
//! A stage's error says what happened; `error` turns it into one or more diagnostics;
//! `report` prints them, as text or JSON. A diagnostic holds no escape sequences, no
//! Rust type names and no key.

use std::ops::Range;
use std::sync::Arc;

use crate::topic::Topic;

/// One thing that is wrong, or worth a warning.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    /// Whether it stops the run.
    pub severity: Severity,
    /// A stable name that scripts and `allow` lists can use, where there is one.
    pub id: Option<&'static str>,
    /// What is wrong with which thing; lower case, no full stop.
    pub title: String,
    /// Where in a file that people edit.
    pub excerpt: Option<Excerpt>,
    /// What was expected and found.
    pub notes: Vec<String>,
    /// What to do next: one command or edit each.
    pub help: Vec<String>,
    /// What `edgestage explain` has more about: a topic, or a trap.
    pub see: Option<&'static str>,
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

/// A text file that people edit, as it is shown in messages.
#[derive(Debug)]
pub struct Source {
    /// Its path, as the user named it.
    pub path: String,
    /// Its text. Secrets found in it are overwritten with `*`, byte for byte, before
    /// anything is shown.
    pub text: String,
}

impl Source {
    /// Line and column of the byte `offset`, both from 1; columns count characters.
    #[must_use]
    pub fn position(&self, offset: usize) -> (usize, usize) {
        let mut end = offset.min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        let before = &self.text[..end];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = 1 + before.matches('\n').count();
        (line, 1 + before[line_start..].chars().count())
    }
}

impl Diagnostic {
    /// An error with nothing but its title.
    pub fn error(title: impl Into<String>) -> Self {
        Self::new(Severity::Error, title)
    }

    /// A warning with nothing but its title.
    pub fn warning(title: impl Into<String>) -> Self {
        Self::new(Severity::Warning, title)
    }

    fn new(severity: Severity, title: impl Into<String>) -> Self {
        Self {
            severity,
            id: None,
            title: title.into(),
            excerpt: None,
            notes: Vec::new(),
            help: Vec::new(),
            see: None,
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

    /// Adds the stable name of a trap, which is what to read about, too.
    #[must_use]
    pub fn named(mut self, id: &'static str) -> Self {
        self.id = Some(id);
        self.see = Some(id);
        self
    }

    /// Says where there is more to read.
    #[must_use]
    pub fn about(mut self, topic: Topic) -> Self {
        self.see = Some(topic.name());
        self
    }

    /// The same for a message that says nothing of that.
    #[must_use]
    pub fn about_else(self, topic: Topic) -> Self {
        match self.see {
            Some(_) => self,
            None => self.about(topic),
        }
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
