//! Finds what keeps a whole Earthfile from being reduced.
//!
//! Input: a [`File`]. Output: the line that prevents the reduction. These are lines whose effect
//! the copy of the checkout, its base image, or a reduced target cannot have: programs on the
//! host, the git repository, a reference that is only known at run time.

use std::collections::{BTreeMap, BTreeSet};

use super::super::lines::Line;
use super::super::walk::local;
use super::copies::{CopyLine, is_git};
use super::{File, Obstacle, Unreducible, changes, each_line, references_of};

/// What the names of the variables begin with that the build program takes from git.
const GIT_VARIABLES: [&str; 2] = ["EARTHLY_GIT_", "EARTH_GIT_"];

impl File<'_> {
    /// Checks the lines before the first target.
    pub(super) fn check_base(&self) -> Result<(), Unreducible> {
        let mut found = None;
        let mut base = None;
        each_line(&self.parsed.base, &mut |line| {
            let words = line.arguments();
            match words[..] {
                ["FROM", ..] => base = Some((line.number(), words.contains(&"scratch"))),
                ["LOCALLY", ..] => base = Some((line.number(), true)),
                ["COPY", ..] if self.carries(line) => note(&mut found, line, Obstacle::Command),
                ["COPY", ..] if copies_git(line) => note(&mut found, line, Obstacle::Repository),
                _ => {}
            }
        });
        let why = Obstacle::NoBase;
        match (found, base) {
            (Some(found), _) => Err(found),
            (None, Some((_, false))) => Ok(()),
            (None, Some((line, true))) => Err(Unreducible::Line { line, why }),
            (None, None) => {
                let line = self.parsed.headers.first().map_or(1, |(line, _)| *line);
                Err(Unreducible::Line { line, why })
            }
        }
    }

    /// Checks the targets and functions that the build reaches.
    pub(super) fn check_targets(&self) -> Result<(), Unreducible> {
        self.graph
            .keys()
            .try_for_each(|name| self.check_target(name))
    }

    /// Checks the lines of one target or function.
    pub(super) fn check_target(&self, name: &str) -> Result<(), Unreducible> {
        let is_relevant = self.relevant.contains(name);
        let body = &self.parsed.targets[name];
        let mut exports = false;
        each_line(body, &mut |line| {
            exports |= line.text.contains(" AS LOCAL ")
                || line.arguments().get(..2) == Some(&["SAVE", "IMAGE"]);
        });
        let mut found = None;
        each_line(body, &mut |line| {
            let words = line.arguments();
            match words[..] {
                ["LOCALLY", ..] => note(&mut found, line, Obstacle::Command),
                ["RUN", ..] if !is_relevant && changes::makes_image(line) => {
                    note(&mut found, line, Obstacle::OtherOverlay);
                }
                // It may make the image, or copy a definition for it.
                ["BUILD" | "COPY" | "DO" | "FROM", ..]
                    if is_elsewhere(line) && (exports || words[0] == "BUILD") =>
                {
                    note(&mut found, line, Obstacle::OtherEarthfile);
                }
                _ if references_of(line).iter().any(|name| is_dynamic(name)) => {
                    note(&mut found, line, Obstacle::ShellOut);
                }
                ["FROM", base] if self.names_target(base) => {
                    note(&mut found, line, Obstacle::ShellOut);
                }
                _ if self.asks_git(&line.text) => {
                    note(&mut found, line, Obstacle::Repository);
                }
                _ => {}
            }
        });
        found.map_or(Ok(()), Err)
    }

    /// Targets that are made of what another Earthfile makes, and those that build them. They
    /// copy no definition that is known, but a function of another Earthfile may.
    pub(super) fn targets_of_others(&self) -> BTreeMap<String, Unreducible> {
        let mut found = BTreeMap::new();
        let mut builders: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
        for name in self.graph.keys() {
            let mut first = None;
            each_line(&self.parsed.targets[name], &mut |line| {
                if !matches!(line.arguments().first(), Some(&("BUILD" | "DO" | "FROM"))) {
                    return;
                }
                for reference in references_of(line) {
                    match local(&reference) {
                        Some(to) => drop(builders.entry(to.to_owned()).or_default().insert(name)),
                        None => note(&mut first, line, Obstacle::OtherEarthfile),
                    }
                }
            });
            found.extend(first.map(|why| (name.clone(), why)));
        }
        let mut due: Vec<String> = found.keys().cloned().collect();
        while let Some(name) = due.pop() {
            let why = found[&name].clone();
            for builder in builders.get(&name).into_iter().flatten() {
                if !found.contains_key(*builder) {
                    found.insert((*builder).to_owned(), why.clone());
                    due.push((*builder).to_owned());
                }
            }
        }
        found
    }

    /// Whether a variable that decides what is copied comes from git.
    fn asks_git(&self, text: &str) -> bool {
        let names = GIT_VARIABLES.iter();
        let mut names = names.filter(|name| text.contains(**name));
        names.any(|name| self.matter.iter().any(|used| used.starts_with(name)))
    }

    /// Whether the value of the variable in `FROM $base` is a target.
    fn names_target(&self, base: &str) -> bool {
        let Some(name) = base.trim_matches('"').strip_prefix('$') else {
            return false;
        };
        let name = name.trim_start_matches('{').trim_end_matches('}');
        let value = format!("{name}=+");
        let mut names = false;
        let bodies = self.parsed.targets.values().chain([&self.parsed.base]);
        for body in bodies {
            each_line(body, &mut |line| names |= line.text.contains(&value));
        }
        names
    }
}

fn note(found: &mut Option<Unreducible>, line: &Line, why: Obstacle) {
    let line = line.number();
    found.get_or_insert(Unreducible::Line { line, why });
}

/// Whether a line copies what a target of another Earthfile has made: it may be the image.
fn is_elsewhere(line: &Line) -> bool {
    references_of(line).iter().any(|name| local(name).is_none())
}

fn copies_git(line: &Line) -> bool {
    CopyLine::of(line).is_some_and(|copy| copy.sources.iter().any(|source| is_git(source)))
}

/// Whether the name of a target has a variable in it.
fn is_dynamic(reference: &str) -> bool {
    let name = local(reference).unwrap_or(reference);
    name.contains('$')
}
