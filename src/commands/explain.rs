//! `edgestage explain`: docs/traps.md, one trap at a time.

use serde_json::json;

use super::table;
use crate::report::Outcome;

/// The traps, a section each: `## T1: title`.
const TRAPS: &str = include_str!("../../docs/traps.md");

pub fn run(id: Option<&str>) -> Outcome {
    let sections = sections();
    let Some(id) = id else {
        let rows: Vec<Vec<String>> = sections
            .iter()
            .map(|section| table::row(&[section.id, section.title]))
            .collect();
        let traps: Vec<_> = sections.iter().map(Section::json).collect();
        return Outcome {
            text: table::layout(&rows),
            json: json!({ "traps": traps }),
            error: None,
        };
    };
    // clap has let known names pass only; a test holds the sections against them.
    let section = sections.iter().find(|section| section.id == id);
    let text =
        section.map(|section| format!("{}: {}\n\n{}", section.id, section.title, section.text));
    Outcome {
        text: text.unwrap_or_default(),
        json: json!({ "traps": section.map(Section::json).into_iter().collect::<Vec<_>>() }),
        error: None,
    }
}

struct Section {
    id: &'static str,
    title: &'static str,
    text: &'static str,
}

impl Section {
    fn json(&self) -> serde_json::Value {
        json!({ "id": self.id, "title": self.title, "text": self.text })
    }
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
