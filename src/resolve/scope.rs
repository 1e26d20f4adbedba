//! A request that Palette forbids, with the place in `profiles.toml` that determines its
//! project.
//!
//! Palette answers 403 both if the key lacks the permission and if the project is wrong
//! (facts.md, 1). The two cannot be distinguished, but the place that names the project is
//! known.

use std::sync::Arc;

use crate::diagnostic::{Excerpt, Source};
use crate::manifest::{Definition, Project};
use crate::palette::{HttpRefusal, PaletteError};

/// A refusal in the scope of a definition's project.
#[derive(Debug)]
pub struct Scope {
    /// Palette's answer.
    pub refusal: HttpRefusal,
    /// The project as it is written; `None` for the tenant scope.
    pub written: Option<String>,
    /// The uid that was sent.
    pub uid: Option<String>,
    /// The place of the project, otherwise that of the definition.
    pub place: Excerpt,
}

impl Scope {
    /// Interprets `error` as a refusal in the scope of `definition`.
    ///
    /// # Errors
    /// Returns `error` unchanged if it is another error.
    pub fn of(
        source: &Arc<Source>,
        definition: &Definition,
        error: PaletteError,
    ) -> Result<Self, PaletteError> {
        let (refusal, uid) = match error {
            PaletteError::Forbidden { refusal, project } => (refusal, project),
            other => return Err(other),
        };
        let written = definition.project_asked();
        let line = match (&written, &definition.project) {
            (Some(asked), Some(at)) if *asked == at.value => at.span.clone(),
            // A console URL of a profile names the project.
            (Some(Project::Uid(uid)), _) => {
                let names = |text: &str| text.to_ascii_lowercase().contains(uid.as_str());
                let mut spans = definition.profiles.iter().map(|profile| &profile.span);
                let span = spans.find(|span| source.text.get((*span).clone()).is_some_and(names));
                span.unwrap_or(&definition.span).clone()
            }
            _ => definition.span.clone(),
        };
        Ok(Self {
            refusal,
            written: written.map(|project| project.to_string()),
            uid,
            place: Excerpt {
                source: Arc::clone(source),
                span: line,
                label: String::new(),
            },
        })
    }
}
