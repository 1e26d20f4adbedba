//! The documentation pages that messages refer to. They are compiled in, so that they can be
//! read without a network and match this version.

/// The address of the docs directory of this version in the repository.
const DOCS: &str = concat!(
    env!("CARGO_PKG_REPOSITORY"),
    "/blob/v",
    env!("CARGO_PKG_VERSION"),
    "/docs/"
);
/// A page of the docs.
struct Page {
    file: &'static str,
    text: &'static str,
}

const TOPICS: Page = Page {
    file: "troubleshooting.md",
    text: include_str!("../../../docs/troubleshooting.md"),
};
const TRAPS: Page = Page {
    file: "traps.md",
    text: include_str!("../../../docs/traps.md"),
};

/// A section of a page: `## ID: TITLE`, or `## ID` followed by the title as the first line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Section {
    /// The ID for `edgestage explain`.
    pub id: &'static str,
    /// The title: the subject in a few words.
    pub title: &'static str,
    /// The Markdown text, without heading and title.
    pub text: &'static str,
    page: &'static str,
    heading: &'static str,
}

impl Section {
    /// Returns the address of the section on the web.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{DOCS}{}#{}", self.page, anchor(self.heading))
    }
}

/// Returns the topics, in the order of the page.
#[must_use]
pub fn topics() -> Vec<Section> {
    sections(&TOPICS)
}

/// Returns the traps, in the order of their numbers.
#[must_use]
pub fn traps() -> Vec<Section> {
    sections(&TRAPS)
}

/// Returns all topics, followed by all traps.
#[must_use]
pub fn all() -> Vec<Section> {
    topics().into_iter().chain(traps()).collect()
}

/// Returns the section of a topic or trap.
#[must_use]
pub fn section(id: &str) -> Option<Section> {
    all().into_iter().find(|section| section.id == id)
}

fn sections(page: &Page) -> Vec<Section> {
    let parts = page.text.split("\n## ").skip(1);
    let section = |part: &'static str| {
        let (heading, text) = part.split_once('\n')?;
        let text = text.trim_start_matches('\n');
        let (id, title, text) = if let Some((id, title)) = heading.split_once(": ") {
            (id, title, text)
        } else {
            let (title, text) = text.split_once('\n')?;
            let title = title.trim_end_matches('.');
            (heading, title, text.trim_start_matches('\n'))
        };
        Some(Section {
            id,
            title,
            text,
            page: page.file,
            heading,
        })
    };
    parts.filter_map(section).collect()
}

/// Returns the anchor of a heading on the web: lower case, without punctuation, with hyphens
/// instead of spaces.
fn anchor(heading: &str) -> String {
    let kept = heading
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.flat_map(char::to_lowercase)
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{anchor, section, topics, traps};
    use crate::diagnostic::help_topic::HelpTopic;

    #[test]
    fn every_topic_has_a_section() {
        let sections = topics();
        let ids: Vec<&str> = sections.iter().map(|section| section.id).collect();
        let expected: Vec<&str> = HelpTopic::ALL.iter().map(|topic| topic.name()).collect();
        assert_eq!(ids, expected);
        for section in sections {
            assert!(section.title.len() > 10, "{}", section.id);
            assert!(section.title.len() < 80, "{}", section.title);
            assert!(section.text.contains("Fix:"), "{}", section.id);
        }
        let traps = traps();
        assert!(traps.len() > 30 && traps.iter().all(|trap| trap.text.len() > 100));
    }

    #[test]
    fn an_address_is_that_of_the_heading() {
        assert_eq!(
            anchor("T11: Two files, and the targets disagree"),
            "t11-two-files-and-the-targets-disagree"
        );
        let url = section("not-locked").unwrap().url();
        assert!(
            url.ends_with("/docs/troubleshooting.md#not-locked"),
            "{url}"
        );
        let version = concat!("/blob/v", env!("CARGO_PKG_VERSION"), "/");
        assert!(
            url.starts_with("https://") && url.contains(version),
            "{url}"
        );
        assert!(section("nothing").is_none());
    }
}
