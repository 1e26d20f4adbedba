//! Where something stands in the file, for messages about it.

use std::sync::Arc;

use super::{Lockfile, read};
use crate::diagnostic::{Excerpt, Source, lines_of};
use crate::manifest;
use crate::resolve::Pack;

/// A part of an entry.
#[derive(Debug, Clone, Copy)]
pub enum LockfileSpan<'p> {
    /// Its heading.
    Entry,
    /// The value under a key of a pack; the whole pack where it has no such key.
    Pack(&'p Pack, &'p str),
}

impl Lockfile {
    /// The place of a part of the entry of `definition`, as it is on disk.
    #[must_use]
    pub fn excerpt(
        &self,
        definition: &str,
        part: LockfileSpan<'_>,
        label: impl Into<String>,
    ) -> Option<Excerpt> {
        let text = self.written.as_deref()?;
        let span = read::place(text, definition, part)?;
        let lines = lines_of(text, &span);
        // Whatever somebody put there that is a secret elsewhere is one here.
        let masked = manifest::masked(&self.path, &text[lines.clone()]);
        Some(Excerpt {
            source: Arc::new(Source {
                path: masked.path.clone(),
                text: masked.text.clone(),
                first_line: 1 + text[..lines.start].matches('\n').count(),
            }),
            span: span.start - lines.start..span.end - lines.start,
            label: label.into(),
        })
    }
}
