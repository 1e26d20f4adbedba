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
    let mut callers = BTreeSet::new();
    // What each target or function is made of. `BUILD` uses nothing of what it builds.
    let mut parts: BTreeMap<&String, BTreeSet<String>> = BTreeMap::new();
    for name in relevant {
        let of_name = parts.entry(name).or_default();
        each_line(&parsed.targets[name], &mut |line| {
            if changes::makes_image(line) {
                callers.insert(name.clone());
            }
            if line.arguments().first() != Some(&"BUILD") {
                let references = references_of(line);
                let names = references.iter().filter_map(|name| local(name));
                of_name.extend(names.map(str::to_owned));
            }
        });
    }
    // What a function calls, its callers call.
    let calls = |found: &BTreeSet<String>, name: &String| {
        let mut functions = parts[name].iter().filter(|part| !is_target(part));
        functions.any(|function| found.contains(function))
    };
    let is_made_of = |found: &BTreeSet<String>, name: &String| !parts[name].is_disjoint(found);
    let is_part = |found: &BTreeSet<String>, name: &String| {
        found.iter().any(|whole| parts[whole].contains(name))
    };
    let callers = spread(callers, calls, relevant);
    let mut neighbours = spread(callers.clone(), is_made_of, relevant);
    neighbours.append(&mut spread(callers, is_part, relevant));
    neighbours
}

/// `found` with those of `names` that belong to what is found, until nothing is added.
fn spread(
    mut found: BTreeSet<String>,
    belongs: impl Fn(&BTreeSet<String>, &String) -> bool,
    names: &BTreeSet<String>,
) -> BTreeSet<String> {
    loop {
        let before = found.len();
        let more = names.iter().filter(|name| belongs(&found, name));
        let more: Vec<String> = more.cloned().collect();
        found.extend(more);
        if found.len() == before {
            return found;
        }
    }
}
