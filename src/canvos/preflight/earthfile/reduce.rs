//! Reduces an Earthfile to the copy steps that determine which definition an image contains.
//!
//! Input: an Earthfile, a target, and the lines that copy a definition. Output: the text of a
//! reduced Earthfile for a rehearsal, or the line that prevents the reduction.
//!
//! Every line of the file stays in its place, so the build program parses all of them, and runs
//! everything before the first target unchanged. The targets that the definition passes through
//! are renamed, and reduced targets replace them at the end of the file. A reduced target has the
//! lines that the copies depend on (`ARG`, `LET`, `SET`, `ENV`, `WORKDIR`, `IF`), the copies, and
//! a listing of what arrived ([`listing`]). It has no `RUN` of the file, and no base image other
//! than the file's own. This module never guesses what such a `RUN` does to the definition: if
//! one may change it, the file is [`Unreducible`].

use std::collections::{BTreeMap, BTreeSet};

use super::Source;
use super::lines::Line;
use super::parse::{Parsed, Statement};
use super::walk::{grouped, local, named, reference};

mod body;
mod build_marker;
mod changes;
mod checks;
mod copies;
mod decisions;
mod effects;
mod argument_uses;
mod listing;
mod places;
mod selection;
mod shell;
mod tool_neighbours;

pub(in crate::canvos) use build_marker::{EXPORT_VARIABLE, MARK_PREFIX, marker_earthfile};
pub(in crate::canvos) use listing::RECORD_PREFIX;

use argument_uses::ArgumentUses;
use copies::{CopyLine, plain};
use listing::{Kind, RECORDS};
use selection::Selection;

/// What the reduced Earthfile adds, where something of the program's own has failed.
pub(in crate::canvos) const ERROR_MARKER: &str = "edgestage";
/// A target that is replaced is called so, and a function likewise in capitals.
const RENAMED: [&str; 2] = ["edgestage-replaces-", "EDGESTAGE_REPLACES_"];
/// The target that copies what other targets copy: what is hidden from them ends the build.
const OTHER_COPIES_TARGET: &str = "edgestage-copies";
/// Where the records are exported to, relative to the Earthfile.
pub(in crate::canvos) const EXPORT_DIRECTORY: &str = ".edgestage-rehearsal";

/// A reduced Earthfile.
#[derive(Debug)]
pub(in crate::canvos) struct Reduced {
    /// Its text.
    pub text: String,
    /// Where the lines begin that are not the file's own.
    pub added: Added,
    /// The targets and functions that are kept, in the order of their names.
    pub kept: Vec<String>,
    /// Targets that only mark that they were built, each with what keeps it from being reduced.
    pub unreducible: BTreeMap<String, Unreducible>,
    /// Whether builds are marked, for which the export directory needs its Earthfile.
    pub is_marked: bool,
}

/// A place in a reduced Earthfile.
#[derive(Debug, Clone, Copy)]
pub(in crate::canvos) struct Added {
    /// The byte, from 0.
    pub byte: usize,
    /// The line, from 1.
    pub line: usize,
}

impl Added {
    /// Nothing is added.
    pub(in crate::canvos) const NONE: Self = Self {
        byte: usize::MAX,
        line: usize::MAX,
    };
}

/// Why there is no reduced Earthfile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::canvos) enum Unreducible {
    /// The Earthfile does not have the target.
    NoTarget,
    /// No line that the target runs copies a definition.
    NoCopy,
    /// What this line does is only known when it has run.
    Line {
        /// Its number, from 1.
        line: usize,
        /// What it does.
        why: Obstacle,
    },
}

/// What keeps an Earthfile from being reduced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// An `IF` with a condition that runs a program or tests files.
    Condition,
    /// A `FOR` that contains a copy.
    Loop,
    /// An argument whose value is the output of a program.
    ShellOut,
    /// A function or target of another Earthfile.
    OtherEarthfile,
    /// A `RUN` or `COPY` that may change the definition after it was copied.
    Changes,
    /// A call of the ISO tool without the overlay, or with another one.
    OtherOverlay,
    /// There is no base image before the first target.
    NoBase,
    /// Something depends on the git repository, which the copy of the checkout does not have.
    Repository,
    /// A call of the ISO tool that drops the overlay (T23).
    DropsOverlay,
    /// A command that passes the definition on in a way that edgestage does not understand.
    Command,
}

/// What becomes of targets that copy no definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::canvos::preflight) enum OtherTargets {
    /// They stay, since the build does not request them.
    Kept,
    /// They do nothing, since an unknown command may request all of them. Those that cannot be
    /// reduced, and those that are, mark that they were built.
    Emptied,
}

/// The lines that are known to copy a definition, by their numbers.
pub(super) type DefinitionCopies<'s> = BTreeMap<usize, &'s Source>;

/// Reduces `text`, which is `parsed`, for `targets`: those of them that copy a definition.
/// `other_copies` are the sources of other copies on the way, with their flags.
pub(super) fn reduce(
    text: &str,
    parsed: &Parsed,
    targets: &[&str],
    definition_copies: &DefinitionCopies<'_>,
    other_copies: &[(&str, String)],
    other_targets: OtherTargets,
) -> Result<Reduced, Unreducible> {
    if !targets
        .iter()
        .any(|target| parsed.targets.contains_key(*target))
    {
        return Err(Unreducible::NoTarget);
    }
    let asked = targets;
    // Any target may be built, with a definition of its own.
    let all: Vec<&str> = match other_targets {
        OtherTargets::Kept => Vec::new(),
        OtherTargets::Emptied => parsed
            .targets
            .keys()
            .map(String::as_str)
            .filter(|it| is_target(it))
            .collect(),
    };
    let targets = if all.is_empty() { asked } else { &all[..] };
    let is_marked = other_targets == OtherTargets::Emptied;
    let file = File {
        is_marked,
        ..File::read(parsed, targets, definition_copies)
    };
    file.check_base()?;
    let Selection {
        bodies: kept,
        unreducible,
    } = Selection::of(&file, asked, targets, other_targets)?;
    let is_emptied = |name: &str| other_targets == OtherTargets::Emptied && is_target(name);
    let is_replaced = |name: &str| kept.contains_key(name) || is_emptied(name);
    let mut reduced = renamed(text, parsed, &is_replaced);
    let added = Added {
        byte: reduced.len(),
        line: reduced.lines().count() + 1,
    };
    for (name, lines) in &kept {
        let copies = !other_copies.is_empty() && asked == [name.as_str()];
        let build = copies.then(|| format!("    BUILD +{OTHER_COPIES_TARGET}"));
        append(&mut reduced, name, build.iter().chain(lines));
    }
    for name in parsed.targets.keys() {
        if !is_emptied(name) || kept.contains_key(name) {
            continue;
        }
        let lines = match unreducible.get(name) {
            Some(_) => vec![build_marker::mark(name)],
            None => vec![body::FILLER.to_owned()],
        };
        let lines: Vec<String> = lines.iter().map(|line| format!("    {line}")).collect();
        append(&mut reduced, name, lines.iter());
    }
    let other_copies: BTreeSet<&(&str, String)> = other_copies.iter().collect();
    let line = |(number, (flag, source)): (usize, &(&str, String))| {
        format!("    COPY {flag}{source} /{number}/")
    };
    let lines: Vec<String> = (other_copies.into_iter().enumerate())
        .map(|(n, it)| line((n, it)))
        .collect();
    if !lines.is_empty() {
        append(&mut reduced, OTHER_COPIES_TARGET, lines.iter());
    }
    Ok(Reduced {
        added,
        text: reduced,
        kept: kept.into_keys().collect(),
        unreducible,
        is_marked,
    })
}

/// Whether a name is that of a target, and not of a function.
pub(super) fn is_target(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
}

/// Adds a target.
fn append<'l>(text: &mut String, name: &str, lines: impl Iterator<Item = &'l String>) {
    text.extend(["\n", name, ":\n"]);
    for line in lines {
        text.extend([line, "\n"]);
    }
}

/// `text` with other names for the targets that `is_kept`.
fn renamed(text: &str, parsed: &Parsed, is_kept: &dyn Fn(&str) -> bool) -> String {
    let names: BTreeMap<usize, &str> = (parsed.headers.iter())
        .filter(|(_, name)| is_kept(name))
        .map(|(line, name)| (*line, name.as_str()))
        .collect();
    let mut renamed = String::with_capacity(text.len() * 2);
    for (at, line) in text.split_inclusive('\n').enumerate() {
        if let Some(name) = names.get(&(at + 1)) {
            let function = name.starts_with(|c: char| c.is_ascii_uppercase());
            renamed.push_str(RENAMED[usize::from(function)]);
        }
        renamed.push_str(line);
    }
    if !renamed.ends_with('\n') {
        renamed.push('\n');
    }
    renamed
}

/// An Earthfile, and what is known of its targets.
struct File<'e> {
    parsed: &'e Parsed,
    definition_copies: &'e DefinitionCopies<'e>,
    /// Targets and functions from which a line that copies a definition is reached.
    relevant: BTreeSet<String>,
    /// The variables that decide what is copied.
    matter: BTreeSet<String>,
    /// Where definitions are copied to, as paths of the image as far as they are known.
    paths: Vec<String>,
    /// What the targets save for others to copy.
    saves: BTreeMap<String, Vec<Save>>,
    /// Targets and functions that the build reaches, with those that each of them names.
    graph: BTreeMap<String, BTreeSet<String>>,
    /// Those of which a tool makes an image, or of whose artifacts it does, or that use such an
    /// image.
    around_tool: BTreeSet<String>,
    /// A line that hands over to another Earthfile.
    other_earthfile: Option<usize>,
    /// Whether the targets mark that they were built.
    is_marked: bool,
}

/// A `SAVE ARTIFACT`.
struct Save {
    /// The name that others copy it by; `None` if it may have any.
    name: Option<String>,
    /// Whether a definition is in it.
    holds: bool,
}

impl<'e> File<'e> {
    fn read(
        parsed: &'e Parsed,
        targets: &[&str],
        definition_copies: &'e DefinitionCopies<'e>,
    ) -> Self {
        let mut file = Self {
            parsed,
            definition_copies,
            relevant: BTreeSet::new(),
            matter: BTreeSet::new(),
            paths: Vec::new(),
            saves: BTreeMap::new(),
            graph: BTreeMap::new(),
            around_tool: BTreeSet::new(),
            other_earthfile: None,
            is_marked: false,
        };
        let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut carriers = BTreeSet::new();
        let mut due: Vec<String> = targets.iter().map(|target| (*target).to_owned()).collect();
        while let Some(name) = due.pop() {
            let Some(body) = parsed.targets.get(&name) else {
                continue;
            };
            if graph.contains_key(&name) {
                continue;
            }
            let mut references = BTreeSet::new();
            each_line(body, &mut |line| {
                for reference in references_of(line) {
                    match local(&reference) {
                        Some(name) => drop(references.insert(name.to_owned())),
                        None => drop(file.other_earthfile.get_or_insert(line.number())),
                    }
                }
                if file.carries(line) {
                    carriers.insert(name.clone());
                }
            });
            due.extend(references.iter().cloned());
            graph.insert(name, references);
        }
        // Backwards, until nothing is added.
        file.relevant = carriers;
        loop {
            let reaches = |(_, to): &(&String, &BTreeSet<String>)| !to.is_disjoint(&file.relevant);
            let more: Vec<String> = graph
                .iter()
                .filter(reaches)
                .map(|(n, _)| n.clone())
                .collect();
            let before = file.relevant.len();
            file.relevant.extend(more);
            if file.relevant.len() == before {
                break;
            }
        }
        let relevant = std::mem::take(&mut file.relevant);
        let mut uses = ArgumentUses::default();
        for name in &relevant {
            let mut directory = None;
            each_line(&parsed.targets[name], &mut |line| {
                uses.take(line);
                directory = changes::after(directory.take(), line);
                if let Some(copy) = CopyLine::of(line).filter(|_| file.carries(line)) {
                    file.paths
                        .push(changes::absolute(&copy.target, directory.as_deref()));
                }
            });
        }
        file.around_tool = tool_neighbours::of(parsed, &relevant);
        file.relevant = relevant;
        file.matter = uses.all();
        file.graph = graph;
        file.read_saves();
        file
    }

    fn read_saves(&mut self) {
        for name in &self.relevant {
            let mut directory = None;
            let mut saves = Vec::new();
            each_line(&self.parsed.targets[name], &mut |line| {
                directory = changes::after(directory.take(), line);
                if let ["SAVE", "ARTIFACT", ref words @ ..] = line.arguments()[..] {
                    let mut words = words.iter().filter(|word| !word.starts_with("--"));
                    let Some(source) = words.next() else { return };
                    let to = words.next().filter(|word| **word != "AS");
                    let path = changes::absolute(source, directory.as_deref());
                    saves.push(Save {
                        name: saved_name(source, to.copied()),
                        holds: changes::holds(&path, &self.paths),
                    });
                }
            });
            self.saves.insert(name.clone(), saves);
        }
    }

    /// Whether a line copies a definition out of the checkout.
    fn carries(&self, line: &Line) -> bool {
        self.definition_copies.contains_key(&line.number()) || copies::is_broad(line)
    }

    /// What the copy in `line` leaves.
    fn kind(&self, line: &Line, copy: &CopyLine) -> Kind {
        let names = plain(&copy.target).ends_with("spc.tgz");
        match self.definition_copies.get(&line.number()) {
            Some(Source::Overlay) => Kind::Overlay,
            _ if names => Kind::File,
            Some(Source::Content | Source::Path(_)) => Kind::Directory,
            None if copy.sources.iter().any(|source| plain(source) == "spc.tgz") => Kind::Directory,
            None => Kind::Overlay,
        }
    }

    /// Whether a definition may be in the artifact `path` of the target `name`; `None` if that
    /// cannot be told.
    fn hands_on(&self, name: &str, path: &str) -> Option<bool> {
        let saves = self.saves.get(name)?;
        let first = plain(path).split('/').next().unwrap_or_default();
        let is_all = matches!(first, "" | "." | "*");
        if !is_all && first.contains(['*', '?', '[', '$']) {
            return saves.iter().all(|save| !save.holds).then_some(false);
        }
        let is_meant =
            |save: &&Save| is_all || save.name.as_deref().is_none_or(|name| name == first);
        Some(saves.iter().filter(is_meant).any(|save| save.holds))
    }

    /// Whether a `SAVE` has what was copied in it, for a target in `directory`.
    fn saves_definition(&self, words: &[&str], directory: Option<&str>) -> bool {
        let ["ARTIFACT", rest @ ..] = words else {
            return false;
        };
        let mut paths = rest.iter().filter(|word| !word.starts_with("--"));
        let path = paths.next().map(|path| changes::absolute(path, directory));
        path.is_some_and(|path| changes::holds(&path, &self.paths))
    }

    /// Whether the variable `name` has a part in what is copied.
    fn is_used(&self, name: &str) -> bool {
        self.matter.contains(name)
    }

    /// Whether a function does anything that those who call it see.
    fn has_effect(&self, name: &str) -> bool {
        let mut effect = self.relevant.contains(name);
        if let Some(body) = self.parsed.targets.get(name) {
            each_line(body, &mut |line| {
                effect |= matches!(
                    line.arguments().first(),
                    Some(&("ENV" | "WORKDIR" | "DO" | "SET"))
                );
            });
        }
        effect
    }
}

/// The name by which others copy what `SAVE ARTIFACT source to` saves.
fn saved_name(source: &str, to: Option<&str>) -> Option<String> {
    let named = match to {
        Some(to) if !to.ends_with('/') && plain(to) != "." => plain(to).split('/').next(),
        _ => plain(source).rsplit('/').next(),
    };
    let name = named.filter(|name| !name.contains(['*', '?', '[', '$']));
    name.map(str::to_owned)
}

/// Calls `take` for every line of `body`, those of blocks too.
fn each_line(body: &[Statement], take: &mut dyn FnMut(&Line)) {
    for statement in body {
        match statement {
            Statement::Command(line) => take(line),
            Statement::If(branches) => {
                for branch in branches {
                    take(&branch.line);
                    each_line(&branch.body, take);
                }
            }
            Statement::Maybe(block) | Statement::Once(block) => {
                take(&block.header);
                each_line(&block.body, take);
            }
        }
    }
}

/// The targets and functions that a line names, with their Earthfile.
fn references_of(line: &Line) -> Vec<String> {
    let words = line.arguments();
    let [command, rest @ ..] = &words[..] else {
        return Vec::new();
    };
    let rest = match *command {
        "COPY" => rest.split_last().map_or(&[][..], |(_, sources)| sources),
        "FROM" if rest.first() == Some(&"DOCKERFILE") => return Vec::new(),
        "FROM" | "BUILD" | "DO" | "WITH" => rest,
        _ => return Vec::new(),
    };
    let words = grouped(rest);
    if matches!(*command, "FROM" | "BUILD" | "DO") {
        return named(&words).map(str::to_owned).into_iter().collect();
    }
    let named = words.iter().filter_map(|word| {
        // `--load image=+target` and `--load=image=(+target --A=1)`.
        let word = match word.find("=+").or_else(|| word.find("=(+")) {
            Some(at) if *command == "WITH" => &word[at + 1..],
            _ if word.starts_with("--") => return None,
            _ => word,
        };
        reference(word)
    });
    named.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests;
