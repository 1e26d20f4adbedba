//! Compares docs/troubleshooting.md with the catalogue: the page has every message, under the
//! topic of the message's code, and no other.

use std::collections::BTreeSet;

use edgestage::diagnostic::Code;
use edgestage::diagnostic::help_topic::HelpTopic;
use edgestage::diagnostic::help_topic::page::{self, Section};

use super::reviewed;
use crate::support::codes::Headline;

/// The messages that a section begins with.
fn listed(section: &Section) -> Vec<&'static str> {
    let lines = section.text.lines();
    lines.filter_map(|line| line.strip_prefix("    ")).collect()
}

/// Whether `title` is the message `pattern`, in which `…` stands for what differs.
fn fits(title: &str, pattern: &str) -> bool {
    let parts: Vec<&str> = pattern.split('…').collect();
    let Some(mut rest) = title.strip_prefix(parts[0]) else {
        return false;
    };
    for (at, part) in parts.iter().enumerate().skip(1) {
        let is_last = at + 1 == parts.len();
        let found = if is_last && part.is_empty() {
            return true;
        } else if is_last {
            rest.ends_with(part).then_some(rest.len())
        } else {
            rest.find(part).map(|at| at + part.len())
        };
        match found {
            Some(end) => rest = &rest[end..],
            None => return false,
        }
    }
    rest.is_empty()
}

/// The messages of the catalogue: the code, which clap's own do not have, and the title.
fn messages(catalogue: &str) -> Vec<(Option<Code>, &str)> {
    let message = |line| match Headline::parse(line) {
        Some(headline) => Some((Some(headline.code), headline.title)),
        None => Some((None, line.strip_prefix("error: ")?)),
    };
    catalogue.lines().filter_map(message).collect()
}

#[test]
fn every_message_is_listed_under_the_topic_of_its_code() {
    let mut unlisted = BTreeSet::new();
    for (code, title) in messages(&reviewed()) {
        let topic = match code {
            // The sections of traps say what they are about, and list no messages.
            Some(Code::Trap(_)) => continue,
            Some(code) => code.section(),
            None => HelpTopic::CommandLine.name(),
        };
        let section = page::section(topic).unwrap();
        if !listed(&section).iter().any(|pattern| fits(title, pattern)) {
            unlisted.insert(format!("{topic}: {title}"));
        }
    }
    assert!(unlisted.is_empty(), "{unlisted:#?}");
}

#[test]
fn every_section_that_a_message_names_is_one() {
    let catalogue = reviewed();
    let see = "see: `edgestage explain ";
    let mut named = catalogue.split(see).skip(1).peekable();
    assert!(named.peek().is_some());
    for rest in named {
        let (id, _) = rest.split_once('`').unwrap();
        assert!(page::section(id).is_some(), "{id}");
    }
}

#[test]
fn every_listed_message_is_one() {
    let catalogue = reviewed();
    let messages = messages(&catalogue);
    assert!(messages.len() > 150, "{}", messages.len());
    let mut gone = Vec::new();
    for section in page::topics() {
        let listed = listed(&section);
        assert!(!listed.is_empty(), "{}", section.id);
        // No test has a file system without locks.
        let is_gone = |pattern: &&str| {
            !messages.iter().any(|(_, title)| fits(title, pattern))
                && *pattern != "… cannot be locked: …"
        };
        gone.extend(listed.into_iter().filter(is_gone));
    }
    // A page that lists what nobody is told misleads whoever looks for a message.
    assert!(gone.is_empty(), "{gone:#?}");
}

#[test]
fn a_pattern_fits_whole_messages() {
    for (title, pattern, expected) in [
        ("no key", "no key", true),
        ("no key at all", "no key", false),
        ("no key at all", "no key…", true),
        ("the `a` of `b`", "the `…` of `…`", true),
        ("the `a` of `b`: c", "the `…` of `…`", false),
        ("x is refused: y", "… is refused: …", true),
        ("is it", "it", false),
    ] {
        assert_eq!(fits(title, pattern), expected, "{title} / {pattern}");
    }
}
