//! docs/troubleshooting.md against the catalogue: it has every message, under the topic
//! that the message names, and no other.

use std::collections::BTreeSet;

use edgestage::diagnostic::help_topic::page::{self, Section};

use super::reviewed;

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

/// What one entry of the catalogue says: the titles, without those of traps, and what
/// there is to read.
struct Entry {
    titles: Vec<String>,
    /// Those of traps.
    trapped: Vec<String>,
    topics: BTreeSet<String>,
}

fn entries() -> Vec<Entry> {
    let catalogue = reviewed();
    let entry = |text: &str| {
        let titles = text.lines().filter_map(|line| {
            let title = line
                .strip_prefix("error: ")
                .or(line.strip_prefix("warning: "));
            title.map(str::to_owned)
        });
        let see = "see: `edgestage explain ";
        let topics = text.split(see).skip(1);
        let topics = topics.filter_map(|rest| Some(rest.split_once('`')?.0.to_owned()));
        let trapped = text.lines().filter_map(|line| {
            let (word, title) = line.split_once("]: ")?;
            let is_trap = word.starts_with("error[T") || word.starts_with("warning[T");
            is_trap.then(|| title.to_owned())
        });
        Entry {
            titles: titles.collect(),
            trapped: trapped.collect(),
            topics: topics.collect(),
        }
    };
    catalogue.split("\n--- ").skip(1).map(entry).collect()
}

#[test]
fn every_message_is_listed_under_its_topic() {
    let sections = page::topics();
    let mut unlisted = BTreeSet::new();
    for entry in entries() {
        for topic in &entry.topics {
            assert!(page::section(topic).is_some(), "{topic}");
        }
        let is_clap = entry.topics.is_empty();
        for title in &entry.titles {
            let mut having = sections.iter().filter(|section| {
                let may = is_clap || entry.topics.contains(section.id);
                // An image that a trap explains names the trap.
                let may = may || entry.topics.iter().any(|topic| topic.starts_with('T'));
                may && listed(section).iter().any(|pattern| fits(title, pattern))
            });
            if having.next().is_none() {
                unlisted.insert(format!("{title} ({:?})", entry.topics));
            }
        }
    }
    assert!(unlisted.is_empty(), "{unlisted:#?}");
}

#[test]
fn every_listed_message_is_one() {
    let of_entry = |entry: Entry| [entry.titles, entry.trapped].concat();
    let titles: Vec<String> = entries().into_iter().flat_map(of_entry).collect();
    assert!(titles.len() > 150, "{}", titles.len());
    let mut gone = Vec::new();
    for section in page::topics() {
        let listed = listed(&section);
        assert!(!listed.is_empty(), "{}", section.id);
        // No test has a file system without locks.
        let is_gone = |pattern: &&str| {
            !titles.iter().any(|title| fits(title, pattern)) && *pattern != "… cannot be locked: …"
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
