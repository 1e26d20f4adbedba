//! Finds the targets that take part in an image that a tool makes of an overlay.
//!
//! Input: a parsed Earthfile and the targets that a definition passes through. Output: those that
//! call the tool, those that they use, and those that use them. What such a target copies is in
//! the image only if the tool's target has it. Any other target is an image of its own, even if
//! the same build makes it.

use std::collections::{BTreeMap, BTreeSet};

use super::super::parse::Parsed;
use super::super::walk::local;
use super::{changes, each_line, is_target, references_of};

/// Those of `relevant` that a tool's image is made of, or that use it.
pub(super) fn of(parsed: &Parsed, relevant: &BTreeSet<String>) -> BTreeSet<String> {
    let mut tools = BTreeSet::new();
    // `BUILD` uses nothing of what it builds.
    let mut uses: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for name in relevant {
        let used = uses.entry(name).or_default();
        each_line(&parsed.targets[name], &mut |line| {
            if changes::makes_image(line) {
                tools.insert(name.clone());
            }
            if line.arguments().first() != Some(&"BUILD") {
                let references = references_of(line);
                let names = references.iter().filter_map(|name| local(name));
                used.extend(names.map(str::to_owned));
            }
        });
    }
    // What a function calls, its callers call.
    spread(
        &mut tools,
        |found, name| {
            uses[name.as_str()]
                .iter()
                .any(|used| !is_target(used) && found.contains(used))
        },
        relevant,
    );
    let mut used = tools.clone();
    spread(
        &mut used,
        |found, name| {
            found.iter().any(|user| {
                uses.get(user.as_str())
                    .is_some_and(|used| used.contains(name))
            })
        },
        relevant,
    );
    let mut users = tools;
    spread(
        &mut users,
        |found, name| !uses[name.as_str()].is_disjoint(found),
        relevant,
    );
    users.append(&mut used);
    users
}

/// Adds to `found` those of `names` that `belongs`, until nothing is added.
fn spread(
    found: &mut BTreeSet<String>,
    belongs: impl Fn(&BTreeSet<String>, &String) -> bool,
    names: &BTreeSet<String>,
) {
    loop {
        let more: Vec<String> = (names.iter())
            .filter(|name| !found.contains(*name) && belongs(found, name))
            .cloned()
            .collect();
        if more.is_empty() {
            return;
        }
        found.extend(more);
    }
}
