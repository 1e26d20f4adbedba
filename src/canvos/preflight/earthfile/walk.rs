//! What a target of an Earthfile copies, in the order of the copies.
//!
//! The walk follows a target into everything that it is made of: `FROM +x`, `COPY +x/…`, `BUILD
//! +x`, `DO +F`. If only a run can decide whether a block runs, its copies are marked as
//! possible.

use std::collections::BTreeMap;

use super::condition;
use super::lines::Line;
use super::parse::{Branch, Parsed, Statement};
use super::scope::Scope;
use super::{Copy, EdgeConfigCopy, Recipe, Runs, Source};

/// The depth to which references are followed.
const DEPTH: usize = 100;
/// The number of function calls that are followed.
const CALLS: usize = 1000;

/// The build argument that names the definition.
const CLUSTERCONFIG: &str = crate::canvos::preflight::arg::KEY;
/// The build argument that is the version of the host's agent.
const AGENT_VERSION: &str = crate::canvos::preflight::arg::AGENT_VERSION;
/// The build argument that names the custom configuration.
const EDGE_CUSTOM_CONFIG: &str = crate::canvos::preflight::arg::EDGE_CUSTOM_CONFIG;
/// The places from which hosts read the custom configuration: the root of an ISO, and what
/// becomes the content partition. `/oem/` is inside a provider image, which has no ISO.
const EDGE_CONFIGS: [&str; 2] = [
    "/overlay/.edge_custom_config.yaml",
    "/workdir/edge_custom_config.yaml",
];
/// The path of the overlay that CanvOS's ISO targets copy.
const OVERLAY: &str = "overlay/files-iso";
/// The directory in which `+cloud-image` collects the files of the content partition.
const WORKDIR: &str = "/workdir/";
/// The file name of a definition in an image, in whichever directory.
const NAME: &str = "spc.tgz";

/// A walk through a target.
pub(super) struct Walk<'e> {
    parsed: &'e Parsed,
    arguments: &'e dyn Fn(&str) -> Option<String>,
    globals: Scope,
    /// The targets that were entered, with how certain it is that they run.
    entered: BTreeMap<String, Runs>,
    /// The number of function calls that were followed.
    calls: usize,
    recipe: Recipe,
}

/// The surroundings of a block, as far as it depends on them.
#[derive(Clone, Copy)]
struct Place {
    runs: Runs,
    depth: usize,
    /// Whether the block is in a function, where `ARG` takes the arguments of `DO`.
    function: bool,
}

impl Place {
    /// Returns the same place for a target, which has its own variables.
    fn outside(self) -> Self {
        Self {
            function: false,
            ..self
        }
    }
}

impl<'e> Walk<'e> {
    /// Returns what `target` does if the build has these arguments.
    pub(super) fn of(
        parsed: &'e Parsed,
        target: &str,
        arguments: &'e dyn Fn(&str) -> Option<String>,
    ) -> Recipe {
        let mut walk = Self {
            parsed,
            arguments,
            globals: Scope::default(),
            entered: BTreeMap::new(),
            calls: 0,
            recipe: Recipe::default(),
        };
        let place = Place {
            runs: Runs::Yes,
            depth: 0,
            function: false,
        };
        let mut base = Scope::default();
        walk.block(&parsed.base, &mut base, place);
        let seen = walk.seen(&base);
        let version = seen.get(AGENT_VERSION).map(str::to_owned);
        walk.recipe.agent_version = version.filter(|version| !version.is_empty());
        walk.recipe.exists = parsed.targets.contains_key(target);
        walk.enter(target, Scope::default(), place);
        walk.recipe
    }

    /// Walks through another recipe. A target that was entered before does the same again.
    fn enter(&mut self, name: &str, handed: Scope, place: Place) {
        let followed = place.depth < DEPTH && self.calls < CALLS;
        let Some(body) = self.parsed.targets.get(name).filter(|_| followed) else {
            self.recipe.unresolved |= place.depth > 0;
            return;
        };
        if place.function {
            self.calls += 1;
        } else {
            let before = self.entered.entry(name.to_owned()).or_insert(Runs::No);
            if *before >= place.runs {
                return;
            }
            *before = place.runs;
        }
        let mut scope = handed;
        let place = Place {
            depth: place.depth + 1,
            ..place
        };
        self.block(body, &mut scope, place);
    }

    fn block(&mut self, body: &[Statement], scope: &mut Scope, place: Place) {
        for statement in body {
            match statement {
                Statement::Command(line) => self.command(line, scope, place),
                Statement::If(branches) => self.branches(branches, scope, place),
                Statement::Once(block) => self.block(&block.body, scope, place),
                Statement::Maybe(block) => {
                    let runs = place.runs.min(Runs::Maybe);
                    self.block(&block.body, scope, Place { runs, ..place });
                }
            }
        }
    }

    fn branches(&mut self, branches: &[Branch], scope: &mut Scope, place: Place) {
        // Whether none of the branches so far has run.
        let mut open = Runs::Yes;
        for branch in branches {
            let condition = branch.condition.as_ref();
            let holds = condition.map_or(Some(true), |words| {
                condition::holds(words, &self.seen(scope))
            });
            let runs = match holds {
                Some(true) => open,
                Some(false) => Runs::No,
                None => open.min(Runs::Maybe),
            };
            open = match holds {
                Some(true) => Runs::No,
                Some(false) => open,
                None => open.min(Runs::Maybe),
            };
            let runs = runs.min(place.runs);
            // A branch that does not run with these arguments is still known to read them.
            self.block(&branch.body, scope, Place { runs, ..place });
        }
    }

    /// Returns the variables that a recipe sees: its own ones take precedence over the global
    /// ones.
    fn seen(&self, scope: &Scope) -> Scope {
        let mut seen = self.globals.clone();
        seen.extend(scope);
        seen
    }

    fn command(&mut self, line: &Line, scope: &mut Scope, place: Place) {
        let words = line.arguments();
        match words[..] {
            // A command that does not run sets nothing.
            ["ARG" | "LET" | "SET", ..] if place.runs == Runs::No => {}
            ["ARG", ref rest @ ..] => self.argument(rest, scope, place),
            ["LET" | "SET", ref rest @ ..] => {
                if let Some((name, value)) = assignment(rest) {
                    let value = self.seen(scope).expand(&value);
                    let value = value.filter(|_| place.runs == Runs::Yes);
                    scope.set(name, value.clone());
                    if self.globals.has(name) && place.depth == 0 {
                        self.globals.set(name, value);
                    }
                }
            }
            ["COPY", ref rest @ ..] => self.copy(line, rest, scope, place),
            ["FROM" | "BUILD", ref rest @ ..] => {
                for name in rest.iter().filter_map(|word| local(reference(word)?)) {
                    self.enter(name, Scope::default(), place.outside());
                }
            }
            ["DO", ref rest @ ..] => self.function(rest, scope, place),
            ["RUN", ..] => self.recipe.run(line, place.runs),
            _ => {}
        }
    }

    /// Handles `ARG`, with or without a default.
    fn argument(&mut self, words: &[&str], scope: &mut Scope, place: Place) {
        let global = words
            .iter()
            .any(|word| matches!(*word, "--global" | "--global=true"));
        let flags = words
            .iter()
            .take_while(|word| word.starts_with("--"))
            .count();
        let words = &words[flags..];
        let Some((name, default)) =
            assignment(words).or_else(|| Some((words.first().copied()?, String::new())))
        else {
            return;
        };
        let given = (self.arguments)(name);
        let value = if is_builtin(name) {
            None
        } else if place.function {
            // The arguments of `DO` are known; what else reaches a function is not.
            if scope.has(name) {
                return;
            }
            let default = self.seen(scope).expand(&default);
            default.filter(|_| given.is_none())
        } else {
            given.or_else(|| self.seen(scope).expand(&default))
        };
        let value = value.filter(|_| place.runs == Runs::Yes);
        if place.depth == 0 && (global || !self.parsed.explicit_global) {
            self.globals.set(name, value.clone());
        }
        scope.set(name, value);
    }

    fn function(&mut self, words: &[&str], scope: &Scope, place: Place) {
        let Some(at) = words.iter().position(|word| reference(word).is_some()) else {
            self.recipe.unresolved = true;
            return;
        };
        let seen = self.seen(scope);
        let mut handed = Scope::default();
        if words[..at].contains(&"--pass-args") {
            handed = seen.clone();
        }
        let mut rest = words[at + 1..].iter();
        while let Some(word) = rest.next() {
            let Some(flag) = word.strip_prefix("--") else {
                continue;
            };
            let (name, value) = match flag.split_once('=') {
                Some((name, value)) => (name, seen.expand(value)),
                None => (flag, rest.next().and_then(|value| seen.expand(value))),
            };
            handed.set(name, value);
        }
        match reference(words[at]).and_then(local) {
            Some(name) => {
                let function = true;
                self.enter(name, handed, Place { function, ..place });
            }
            // It is another Earthfile, which may copy anything.
            None => self.recipe.unresolved = true,
        }
    }

    fn copy(&mut self, line: &Line, words: &[&str], scope: &Scope, place: Place) {
        let (flags, paths) = words.split_at(flag_words(words, &COPY_VALUES));
        let if_exists = flags
            .iter()
            .any(|flag| matches!(*flag, "--if-exists" | "--if-exists=true"));
        let [sources @ .., target] = paths else {
            return;
        };
        let seen = self.seen(scope);
        // The arguments in `(+target/x --A=1)` are no sources.
        for word in &grouped(sources) {
            let artifact = reference(word);
            if let Some(name) = artifact.and_then(local) {
                self.enter(name, Scope::default(), place.outside());
            }
            // The files that a target has made are not known here.
            let path = seen.expand(word).filter(|_| artifact.is_none());
            // A variable that no `ARG` declares here is empty.
            let unset = word.contains(CLUSTERCONFIG) && !seen.has(CLUSTERCONFIG);
            let unset = unset || word.contains(EDGE_CUSTOM_CONFIG) && !seen.has(EDGE_CUSTOM_CONFIG);
            let path = if unset && artifact.is_none() {
                Some(String::new())
            } else {
                path
            };
            if seen
                .expand(target)
                .is_some_and(|to| EDGE_CONFIGS.contains(&to.as_str()))
            {
                self.recipe.edge_configs.push(EdgeConfigCopy {
                    source: path.clone(),
                    if_exists,
                    runs: place.runs,
                });
            }
            let is_literal = !word.contains(['$', '`', ')']) && !word.starts_with("--");
            // Nothing that is copied depends on the repository, which a rehearsal does not have.
            let is_git = word.trim_start_matches("./").starts_with(".git");
            if artifact.is_none() && place.runs == Runs::Yes && is_literal && !is_git {
                let flag = if if_exists { "--if-exists " } else { "" };
                self.recipe.literal_sources.push((flag, word.clone()));
            }
            if place.runs != Runs::No && path.as_deref().is_some_and(is_of_content) {
                self.recipe.carries_content = true;
            }
            let source = match &path {
                Some(path) if is_overlay(path) => Source::Overlay,
                Some(path)
                    if is_content(path) && seen.expand(target).as_deref() == Some(WORKDIR) =>
                {
                    Source::Content
                }
                _ if is_definition(&seen, path.as_deref(), target) => Source::Path(path),
                Some(path) if !if_exists && place.runs == Runs::Yes && is_plain(path) => {
                    self.recipe
                        .needs
                        .push(path.trim_end_matches('/').to_owned());
                    continue;
                }
                _ => continue,
            };
            self.recipe.copies.push(Copy {
                source,
                if_exists,
                runs: place.runs,
                reads_clusterconfig: word.contains(CLUSTERCONFIG),
                is_artifact: artifact.is_some(),
                line: line.number(),
            });
        }
    }
}

/// The flags of `COPY` that have a value, which may be the next word.
pub(super) const COPY_VALUES: [&str; 4] = ["--chmod", "--chown", "--platform", "--build-arg"];

/// Returns how many words at the beginning are flags and their values. The flags `valued` have a
/// value, which may be the next word.
pub(super) fn flag_words(words: &[&str], valued: &[&str]) -> usize {
    let mut count = 0;
    while let Some(word) = words.get(count).filter(|word| word.starts_with("--")) {
        count += 1 + usize::from(valued.contains(word));
    }
    count.min(words.len())
}

/// Returns the words of a command; `(+target/x --A=1)` is one word.
pub(super) fn grouped(words: &[&str]) -> Vec<String> {
    let mut grouped: Vec<String> = Vec::new();
    for word in words {
        match grouped.last_mut() {
            Some(last) if last.contains("(+") && !last.ends_with(')') => {
                last.push(' ');
                last.push_str(word);
            }
            _ => grouped.push((*word).to_owned()),
        }
    }
    grouped
}

/// Returns the name of the target or function of this Earthfile that `reference` refers to.
pub(super) fn local(reference: &str) -> Option<&str> {
    reference.strip_prefix('+')?.split('/').next()
}

/// Parses `NAME=value` from the words after `ARG`, `LET` or `SET`.
pub(super) fn assignment<'w>(words: &[&'w str]) -> Option<(&'w str, String)> {
    let first = words.first()?;
    match first.split_once('=') {
        Some((name, value)) => {
            let rest = words[1..].iter().copied();
            let value: Vec<&str> = std::iter::once(value).chain(rest).collect();
            Some((name, value.join(" ")))
        }
        None if words.get(1).is_some_and(|word| word.starts_with('=')) => Some((
            first,
            words[1..]
                .join(" ")
                .trim_start_matches('=')
                .trim()
                .to_owned(),
        )),
        None => None,
    }
}

/// Whether Earthly itself sets the variable.
fn is_builtin(name: &str) -> bool {
    ["EARTHLY_", "TARGET", "NATIVE", "USER"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
        && (name.starts_with("EARTHLY_")
            || ["PLATFORM", "OS", "ARCH", "VARIANT"]
                .iter()
                .any(|end| name.ends_with(end)))
}

/// Returns the reference to a target in a word such as `+x/file`, `(+x/file --A=1)` or
/// `./dir+x`.
pub(super) fn reference(word: &str) -> Option<&str> {
    let word = word.trim_start_matches(['"', '\'', '(']);
    let word = word.split([' ', ')', '"', '\'']).next()?;
    let plus = word.find('+')?;
    // A plus sign in a file name has no slash after it, unless it begins the word.
    let is_reference = plus == 0 || word[plus..].contains('/') || word.starts_with("./");
    is_reference.then_some(word)
}

/// Returns the reference to a target or function in the words after `FROM`, `BUILD` or `DO`. No
/// image has a plus sign in its name, so `lib+x` is one of an Earthfile that has been imported.
pub(super) fn named<W: AsRef<str>>(words: &[W]) -> Option<&str> {
    let mut words = words.iter().map(AsRef::as_ref);
    let reference = words.clone().find_map(reference);
    reference.or_else(|| words.find(|word| word.contains('+') && !word.contains('=')))
}

/// Whether a source is the whole overlay, whose structure is kept below the destination.
fn is_overlay(path: &str) -> bool {
    let path = path.trim_start_matches("./");
    let path = path.strip_prefix('/').unwrap_or(path);
    let rest = path.strip_prefix(OVERLAY);
    rest.is_some_and(|rest| matches!(rest, "" | "/" | "/*" | "/." | "/./"))
}

/// Whether a source is a path of the checkout without wildcards.
fn is_plain(path: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"._-/".contains(&b);
    path.bytes().all(fits) && path.starts_with(|c: char| c.is_ascii_alphanumeric())
}

/// Whether a source is in the content directories.
fn is_of_content(path: &str) -> bool {
    path.trim_start_matches("./").starts_with("content-")
}

/// Whether a source is every content directory, whose files are copied without their directory.
fn is_content(path: &str) -> bool {
    matches!(
        path.trim_start_matches("./"),
        "content-*" | "content-*/" | "content-*/*"
    )
}

/// Whether the copied file becomes `spc.tgz`, or may become it.
fn is_definition(scope: &Scope, path: Option<&str>, target: &str) -> bool {
    let Some(target) = scope.expand(target) else {
        return path.is_none_or(|path| path.ends_with(NAME));
    };
    let name = target.rsplit('/').next().unwrap_or_default();
    if name == NAME {
        return true;
    }
    // The file is copied into a directory, and keeps its name.
    let directory = name.is_empty() || target.ends_with("clusterconfig");
    directory && path.is_some_and(|path| path.rsplit('/').next() == Some(NAME))
}
