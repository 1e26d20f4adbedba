//! The places of parts of the lock file, for messages.

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
    /// The value of a key of a pack, or the whole pack if it does not have the key.
    Pack(&'p Pack, &'p str),
}

impl Lockfile {
    /// Returns an excerpt with a part of the entry of `definition`, as it is on disk.
    #[must_use]
    pub fn excerpt(
        &self,
        definition: &str,
        part: LockfileSpan<'_>,
        label: impl Into<String>,
    ) -> Option<Excerpt> {
        let text = self.text()?;
        let span = read::place(text, definition, part)?;
        let lines = lines_of(text, &span);
        // Text that would be a secret in `profiles.toml` is masked here, too.
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
