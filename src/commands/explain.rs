//! `edgestage explain`: the sections of docs/troubleshooting.md and docs/traps.md, one at
//! a time. Opens no file and no connection.

use schemars::JsonSchema;
use serde::Serialize;

use super::table;
use crate::report::{Outcome, fields};
use crate::topic::page;

/// The document of `explain`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Explain")]
pub struct Document {
    /// The topic that was asked for, or all: the sections of troubleshooting.md.
    topics: Vec<Section>,
    /// The trap that was asked for, or all: the sections of traps.md.
    traps: Vec<Section>,
}

/// One topic or trap.
#[derive(Serialize, JsonSchema)]
struct Section {
    /// Its name, such as `drift` or `T11`.
    id: &'static str,
    /// What it is about.
    title: &'static str,
    /// What it means, and how to mend it; Markdown.
    text: &'static str,
    /// Its address on the web.
    url: String,
}

pub fn run(id: Option<&str>) -> Outcome {
    let chosen = |sections: Vec<page::Section>| -> Vec<page::Section> {
        let mut sections = sections.into_iter();
        match id {
            None => sections.collect(),
            // clap has let known names pass only; a test holds the sections against them.
            Some(id) => sections
                .find(|section| section.id == id)
                .into_iter()
                .collect(),
        }
    };
    let topics = chosen(page::topics());
    let traps = chosen(page::traps());
    let text = match (id, topics.first().or(traps.first())) {
        (Some(_), Some(section)) => whole(section),
        _ => format!("{}\n{}", list(&topics), list(&traps)),
    };
    Outcome {
        text,
        json: fields(&Document {
            topics: topics.iter().map(Section::of).collect(),
            traps: traps.iter().map(Section::of).collect(),
        }),
        error: None,
    }
}

fn whole(section: &page::Section) -> String {
    let page::Section {
        id, title, text, ..
    } = section;
    format!("{id}: {title}\n\n{text}")
}

fn list(sections: &[page::Section]) -> String {
    let row = |section: &page::Section| table::row(&[section.id, section.title]);
    table::layout(&sections.iter().map(row).collect::<Vec<_>>())
}

impl Section {
    fn of(section: &page::Section) -> Self {
        Self {
            id: section.id,
            title: section.title,
            text: section.text,
            url: section.url(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::topic::page;

    #[test]
    fn the_traps_stand_in_the_order_of_their_numbers() {
        let traps = page::traps();
        let ids: Vec<&str> = traps.iter().map(|section| section.id).collect();
        assert_eq!(ids, crate::preflight::TRAPS);
    }
}
