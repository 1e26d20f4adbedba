//! `edgestage explain`: prints sections of docs/troubleshooting.md and docs/traps.md. It opens
//! no file and no connection.

use schemars::JsonSchema;
use serde::Serialize;

use crate::diagnostic::help_topic::page;
use crate::diagnostic::{Code, Trap};
use crate::ui::table;
use crate::ui::{CommandOutput, fields};

/// The document of `explain`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Explain")]
pub(super) struct Document {
    /// The requested topic, or all topics: the sections of troubleshooting.md.
    topics: Vec<Section>,
    /// The requested trap, or all traps: the sections of traps.md.
    traps: Vec<Section>,
}

/// One topic or trap.
#[derive(Serialize, JsonSchema)]
struct Section {
    /// Name of a topic, such as `drift`, or number of a trap, such as `T11`.
    id: &'static str,
    /// Codes of the messages that belong to the topic, or the name of the trap.
    codes: Vec<&'static str>,
    /// Title of the section.
    title: &'static str,
    /// Explanation and fix, in Markdown.
    text: &'static str,
    /// Address of the section on the web.
    url: String,
}

pub(super) fn run(id: Option<&'static str>) -> CommandOutput {
    let chosen = |sections: Vec<page::Section>| -> Vec<page::Section> {
        let mut sections = sections.into_iter();
        match id {
            None => sections.collect(),
            // clap accepts only known names; a test compares them with the sections.
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
    CommandOutput {
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
    let what = match Trap::parse(id) {
        Some(_) => "Name",
        None => "Codes",
    };
    format!(
        "{id}: {title}\n\n{}\n\n{what}: {}\n",
        with_plain_links(text.trim_end()),
        codes(id).join(", ")
    )
}

/// Returns Markdown with its links in a form for terminals: `[Exit
/// codes](reference.md#exit-codes)` becomes `Exit codes (docs/reference.md#exit-codes)`. Code
/// spans are not changed.
fn with_plain_links(markdown: &str) -> String {
    let mut plain = String::with_capacity(markdown.len());
    let mut rest = markdown;
    while let Some(at) = rest.find(['`', '[']) {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some((label, target, after)) = leading_link(rest) {
            plain.extend([label, " (", &path_of(target), ")"]);
            rest = after;
        } else {
            let length = leading_code_span(rest).unwrap_or(1);
            plain.push_str(&rest[..length]);
            rest = &rest[length..];
        }
    }
    plain + rest
}

/// Returns the label and the target of the link that `text` begins with, and the rest.
fn leading_link(text: &str) -> Option<(&str, &str, &str)> {
    let (label, rest) = text.strip_prefix('[')?.split_once("](")?;
    let (target, after) = rest.split_once(')')?;
    let is_link = !label.contains(['[', ']']) && !target.contains(char::is_whitespace);
    is_link.then_some((label, target, after))
}

/// Returns the length of the code span that `text` begins with.
fn leading_code_span(text: &str) -> Option<usize> {
    let end = text.strip_prefix('`')?.find('`')?;
    Some(end + 2)
}

/// Returns the target of a page's link: a path from the root of the repository, or an address
/// on the web.
fn path_of(target: &str) -> String {
    match target.strip_prefix("../") {
        Some(path) => path.to_owned(),
        None if target.contains("://") => target.to_owned(),
        None => format!("docs/{target}"),
    }
}

fn list(sections: &[page::Section]) -> String {
    let row = |section: &page::Section| match Trap::parse(section.id) {
        Some(trap) => table::row(&[section.id, trap.name(), section.title]),
        None => table::row(&[section.id, section.title]),
    };
    table::layout(&sections.iter().map(row).collect::<Vec<_>>())
}

/// Returns the codes of the messages about the section `id`, or the name of the trap.
fn codes(id: &str) -> Vec<&'static str> {
    let of_topic = |code: &&Code| code.section() == id;
    let codes = Code::ALL.iter().filter(of_topic).map(|code| code.token());
    codes.chain(Trap::parse(id).map(Trap::name)).collect()
}

impl Section {
    fn of(section: &page::Section) -> Self {
        Self {
            id: section.id,
            codes: codes(section.id),
            title: section.title,
            text: section.text,
            url: section.url(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{whole, with_plain_links};
    use crate::diagnostic::Trap;
    use crate::diagnostic::help_topic::page;

    #[test]
    fn links_are_shown_as_text_and_path() {
        for (markdown, expected) in [
            (
                "See [Exit codes](reference.md#exit-codes).",
                "See Exit codes (docs/reference.md#exit-codes).",
            ),
            (
                "[`spc.tgz` and\nmore](facts.md), [news](../CHANGELOG.md)",
                "`spc.tgz` and\nmore (docs/facts.md), news (CHANGELOG.md)",
            ),
            (
                "[Earthly](https://example.com/a)",
                "Earthly (https://example.com/a)",
            ),
            // Code, brackets and lone backticks are not links.
            ("`[a](b.md)` and [x] (y)", "`[a](b.md)` and [x] (y)"),
            ("`[palette]` [a](b.md)", "`[palette]` a (docs/b.md)"),
            ("[palette] [a](b.md) `", "[palette] a (docs/b.md) `"),
        ] {
            assert_eq!(with_plain_links(markdown), expected);
        }
    }

    #[test]
    fn no_section_shows_the_syntax_of_a_link() {
        let linked = |section: &page::Section| section.text.contains("](");
        assert!(page::all().iter().any(linked));
        for section in page::all() {
            let shown = whole(&section);
            assert!(!shown.contains("]("), "{shown}");
            // Only links are changed.
            let spans = |text: &str| text.matches('`').count();
            assert_eq!(
                spans(with_plain_links(section.text).as_str()),
                spans(section.text)
            );
        }
    }

    #[test]
    fn the_traps_stand_in_the_order_of_their_numbers() {
        let traps = page::traps();
        let ids: Vec<&str> = traps.iter().map(|section| section.id).collect();
        let all: Vec<&str> = Trap::ALL.iter().map(|trap| trap.code()).collect();
        assert_eq!(ids, all);
    }
}
