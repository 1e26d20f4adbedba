//! A request that Palette forbids, and the line of `profiles.toml` that it is about.
//!
//! Palette answers 403 where the key lacks the permission, and just so where the project is
//! a wrong one (facts.md, 1). Whose fault it was cannot be told; which line names the
//! project can.

use std::sync::Arc;

use crate::diagnostic::{Excerpt, Source};
use crate::manifest::{Definition, Project};
use crate::palette::{HttpRefusal, PaletteError};

/// A refusal in the scope of a definition's project.
#[derive(Debug)]
pub struct Scope {
    /// What Palette said.
    pub refusal: HttpRefusal,
    /// The project as it is written; `None` for the tenant's scope.
    pub written: Option<String>,
    /// The uid that was sent.
    pub uid: Option<String>,
    /// Where it is written, else where the definition is.
    pub place: Excerpt,
}

impl Scope {
    /// The refusal that `error` is, in the scope of `definition`.
    ///
    /// # Errors
    /// `error`, if it is another one.
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
            // The console's URL of a profile names it.
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
