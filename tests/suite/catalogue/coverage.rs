//! Checks that the catalogue is complete: every code and every trap occurs in it.

use std::collections::BTreeSet;

use edgestage::diagnostic::{Code, Trap};

use super::reviewed;
use crate::support::codes::{Headline, code_of};

/// Codes that no entry of the catalogue shows, and why.
const ABSENT: [(&str, &str); 8] = [
    (
        "invalid-arguments",
        "clap prints its own errors, without the code",
    ),
    ("several", OF_SEVERAL),
    ("invalid-manifest", OF_SEVERAL),
    ("rules-broken", OF_SEVERAL),
    ("trapped", OF_SEVERAL),
    (
        "no-file-locks",
        "no test has a file system without file locks",
    ),
    (
        "rehearsal-left",
        "the catalogue is made as root, who can remove everything",
    ),
    ("T19", "what it leads to is found as T1, T2 or T17"),
];
const OF_SEVERAL: &str = "in JSON, it stands for messages that have codes of their own";

/// What a message of an image is about, where that is a trap.
fn cause(line: &str) -> Option<Code> {
    let rest = line.strip_prefix("see: `edgestage explain ")?;
    Trap::parse(rest.strip_suffix('`')?).map(Code::from)
}

#[test]
fn every_code_and_every_trap_is_in_the_catalogue() {
    let catalogue = reviewed();
    let shown = |line| Headline::parse(line).map(|headline| headline.code);
    let shown = |line| shown(line).or_else(|| cause(line));
    let shown: BTreeSet<Code> = catalogue.lines().filter_map(shown).collect();
    let traps = Trap::ALL.iter().map(|trap| Code::from(*trap));
    let all: BTreeSet<Code> = traps.chain(Code::ALL.iter().copied()).collect();
    let missing: BTreeSet<Code> = all.difference(&shown).copied().collect();
    let absent: BTreeSet<Code> = ABSENT.iter().map(|(code, _)| code_of(code)).collect();
    // One that is in the list and occurs all the same is a mistake, too.
    assert_eq!(missing, absent);
}
