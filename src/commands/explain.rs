//! `edgestage explain`: docs/traps.md, one trap at a time.

use schemars::JsonSchema;
use serde::Serialize;

use super::table;
use crate::preflight::{Guide, guides};
use crate::report::{Outcome, fields};

/// The document of `explain`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Explain")]
pub struct Document {
    /// The trap that was asked for, or all: the sections of traps.md.
    traps: Vec<Guide>,
}

pub fn run(id: Option<&str>) -> Outcome {
    let guides = guides();
    let Some(id) = id else {
        let rows: Vec<Vec<String>> = guides
            .iter()
            .map(|guide| table::row(&[guide.id, guide.title]))
            .collect();
        return Outcome {
            text: table::layout(&rows),
            json: fields(&Document { traps: guides }),
            error: None,
        };
    };
    // clap has let known names pass only; a test holds the sections against them.
    let guide = guides.into_iter().find(|guide| guide.id == id);
    let text = guide.map(|guide| format!("{}: {}\n\n{}", guide.id, guide.title, guide.text));
    Outcome {
        text: text.unwrap_or_default(),
        json: fields(&Document {
            traps: guide.into_iter().collect(),
        }),
        error: None,
    }
}
