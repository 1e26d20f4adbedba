//! `edgestage explain`: docs/traps.md, one trap at a time.

use schemars::JsonSchema;
use serde::Serialize;

use super::table;
use crate::report::{Outcome, fields};

/// The traps, a section each: `## T1: title`.
const TRAPS: &str = include_str!("../../docs/traps.md");

/// The document of `explain`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Explain")]
pub struct Document {
    /// The trap that was asked for, or all: the sections of traps.md.
    traps: Vec<Section>,
}

pub fn run(id: Option<&str>) -> Outcome {
    let sections = sections();
    let Some(id) = id else {
        let rows: Vec<Vec<String>> = sections
            .iter()
            .map(|section| table::row(&[section.id, section.title]))
            .collect();
        return Outcome {
            text: table::layout(&rows),
            json: fields(&Document { traps: sections }),
            error: None,
        };
    };
    // clap has let known names pass only; a test holds the sections against them.
    let section = sections.into_iter().find(|section| section.id == id);
    let text = section
        .as_ref()
        .map(|section| format!("{}: {}\n\n{}", section.id, section.title, section.text));
    Outcome {
        text: text.unwrap_or_default(),
        json: fields(&Document {
            traps: section.into_iter().collect(),
        }),
        error: None,
    }
}

/// One trap.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Trap")]
struct Section {
    /// Its name, such as `T11`.
    id: &'static str,
    /// What it is.
    title: &'static str,
    /// What it does, and how to mend it; Markdown.
    text: &'static str,
}

fn sections() -> Vec<Section> {
    let parts = TRAPS.split("\n## ").skip(1);
    let section = |part: &'static str| {
        let (heading, text) = part.split_once('\n')?;
        let (id, title) = heading.split_once(": ")?;
        Some(Section {
            id,
            title,
            text: text.trim_start_matches('\n'),
        })
    };
    parts.filter_map(section).collect()
}

#[cfg(test)]
mod tests {
    use super::sections;

    #[test]
    fn every_trap_has_a_section() {
        let ids: Vec<&str> = sections().iter().map(|section| section.id).collect();
        let expected: Vec<String> = (1..=crate::preflight::TRAPS)
            .map(|n| format!("T{n}"))
            .collect();
        assert_eq!(ids, expected);
    }
}
