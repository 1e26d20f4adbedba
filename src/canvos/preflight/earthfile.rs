//! What the checkout's own files do: which targets there are, what each of them copies, and in
//! which order a tool gets its arguments. This is determined from the contents and never from a
//! tag, because the tags of CanvOS are misleading (canvos.md, 2).

use std::path::Path;

use crate::util::files;
use crate::util::path_error::PathError;

mod condition;
mod lines;
mod parse;
mod reduce;
mod scope;
mod walk;

pub use reduce::Obstacle;
pub(super) use reduce::OtherTargets;
pub(in crate::canvos) use reduce::{
    Added, ERROR_MARKER, EXPORT_DIRECTORY, EXPORT_VARIABLE, MARK_PREFIX, RECORD_PREFIX, Reduced,
    Unreducible, marker_earthfile,
};

use lines::Line;
use parse::Parsed;

/// Whether something runs, and how certain that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Runs {
    /// Never.
    No,
    /// Only a run can determine it.
    Maybe,
    /// In every build.
    Yes,
}

/// What a `COPY` takes out of the checkout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// All of `overlay/files-iso/`.
    Overlay,
    /// The content directories, flattened: a `spc.tgz` in one of them becomes the definition
    /// (T42).
    Content,
    /// The file that becomes the definition; `None` if its path cannot be determined.
    Path(Option<String>),
}

/// A `COPY` that a definition may come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Copy {
    /// What is copied.
    pub source: Source,
    /// Whether `--if-exists` is set, so that a missing source is skipped silently.
    pub if_exists: bool,
    /// Whether the copy runs.
    pub runs: Runs,
    /// Whether `CLUSTERCONFIG` names the source.
    pub reads_clusterconfig: bool,
    /// Whether the source is what another target has made.
    pub is_artifact: bool,
    /// The line in the Earthfile.
    pub line: usize,
}

/// A `COPY` of the custom configuration, which has the public key for signatures (canvos.md,
/// T35).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EdgeConfigCopy {
    /// The source; `None` if it cannot be determined.
    pub source: Option<String>,
    /// Whether `--if-exists` is set, so that a missing source is skipped silently.
    pub if_exists: bool,
    /// Whether the copy runs.
    pub runs: Runs,
}

/// What one target of the Earthfile does with a definition.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Recipe {
    /// Whether the target exists.
    pub exists: bool,
    /// The copies, in the order in which they run. A later copy replaces the file of an earlier
    /// one.
    pub copies: Vec<Copy>,
    /// The copies of the custom configuration to where hosts read it, in the order in which they
    /// run.
    pub edge_configs: Vec<EdgeConfigCopy>,
    /// Whether the target copies content bundles.
    pub carries_content: bool,
    /// The version of the host's agent in the image; `None` if it cannot be determined.
    pub agent_version: Option<String>,
    /// Whether the target runs a part of another Earthfile, which is not read.
    pub unresolved: bool,
    /// The other paths that the target copies out of the checkout and requires: plain paths,
    /// without a trailing slash.
    pub needs: Vec<String>,
    /// The sources of all copies that certainly run and have no variable in them, as they are
    /// written, with what stands before them: `--if-exists` or nothing.
    pub literal_sources: Vec<(&'static str, String)>,
    /// The line of a call that drops the overlay (T23).
    pub drops_overlay: Option<usize>,
    /// Whether the tool runs that makes an ISO of the overlay; `None` if the target does not
    /// call one. CanvOS calls it for the architectures that it knows, and requires its result
    /// afterwards.
    pub makes_iso: Option<Runs>,
}

/// The Earthfile and the scripts of a checkout.
#[derive(Debug, Default)]
pub(super) struct Earthfile {
    /// The text of the Earthfile, for an excerpt.
    pub text: String,
    /// Whether `earthly.sh` knows `+maas-image`, and its script exists.
    pub maas: bool,
    parsed: Parsed,
}

/// Reads the checkout in `directory`.
///
/// # Errors
/// Fails if a file exists and cannot be read.
pub(super) fn read(directory: &Path) -> Result<Earthfile, PathError> {
    let text = text(&directory.join("Earthfile"))?;
    let wrapper = self::text(&directory.join("earthly.sh"))?;
    let script = directory.join("cloudconfigs/build-kairos-maas.sh");
    Ok(Earthfile {
        parsed: parse::parse(&text),
        text,
        maas: wrapper.contains("+maas-image") && script.is_file(),
    })
}

/// Returns the text of a file; empty if it does not exist.
fn text(path: &Path) -> Result<String, PathError> {
    match files::read(path, files::TEXT) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(PathError::when("read", path)(error)),
    }
}

impl Earthfile {
    /// Whether the Earthfile has the target `name`.
    pub(super) fn has(&self, name: &str) -> bool {
        self.parsed.targets.contains_key(name)
    }

    /// Whether the Earthfile has no target at all.
    pub(super) fn is_empty(&self) -> bool {
        self.parsed.targets.is_empty()
    }

    /// Returns what the target `name` does in a build with these arguments.
    pub(super) fn recipe(&self, name: &str, arguments: &dyn Fn(&str) -> Option<String>) -> Recipe {
        walk::Walk::of(&self.parsed, name, arguments)
    }
}

impl Earthfile {
    /// The Earthfile that does nothing but the copying of the targets `names`.
    ///
    /// # Errors
    /// [`Unreducible`].
    pub(super) fn reduce(
        &self,
        names: &[&str],
        arguments: &dyn Fn(&str) -> Option<String>,
        other_targets: OtherTargets,
    ) -> Result<Reduced, Unreducible> {
        let recipes: Vec<Recipe> = names
            .iter()
            .map(|name| self.recipe(name, arguments))
            .collect();
        // An unknown command may build the others as well.
        let others: Vec<Recipe> = match other_targets {
            OtherTargets::Kept => Vec::new(),
            OtherTargets::Emptied => (self.parsed.targets.keys())
                .filter(|name| reduce::is_target(name))
                .map(|name| self.recipe(name, arguments))
                .collect(),
        };
        // With the arguments that are passed to it in some build, an artifact may have any name.
        // The target that makes it is followed all the same.
        let is_known = |copy: &&Copy| !copy.is_artifact || other_targets == OtherTargets::Kept;
        let copies = recipes.iter().chain(&others);
        let copies = copies.flat_map(|recipe| &recipe.copies).filter(is_known);
        let carrying = copies.map(|copy| (copy.line, &copy.source)).collect();
        // Which of several targets is built is not known, so neither is what it copies.
        let besides = match &recipes[..] {
            [recipe] => &recipe.literal_sources[..],
            _ => &[],
        };
        reduce::reduce(
            &self.text,
            &self.parsed,
            names,
            &carrying,
            besides,
            other_targets,
        )
    }
}

impl Recipe {
    /// Returns what the ISO targets do in every release of CanvOS that knows `CLUSTERCONFIG`.
    pub(super) fn of_canvos(arguments: &dyn Fn(&str) -> Option<String>) -> Self {
        const TEXT: &str = "ARG CLUSTERCONFIG\n\
            iso:\n    COPY overlay/files-iso/ /overlay/\n    \
            IF [ \"$CLUSTERCONFIG\" != \"\" ]\n        \
            COPY --if-exists \"$CLUSTERCONFIG\" /overlay/opt/spectrocloud/clusterconfig/spc.tgz\n    END\n";
        walk::Walk::of(&parse::parse(TEXT), "iso", arguments)
    }

    /// Whether any copy depends on `CLUSTERCONFIG`.
    pub(super) fn reads_clusterconfig(&self) -> bool {
        self.copies.iter().any(|copy| copy.reads_clusterconfig)
    }

    /// Adds the effects of a `RUN` line.
    fn run(&mut self, line: &Line, runs: Runs) {
        if line.text.contains("--overlay-iso") {
            self.makes_iso = self.makes_iso.max(Some(runs));
        }
        if runs == Runs::No {
            return;
        }
        if let Some(at) = drops_overlay(line) {
            self.drops_overlay.get_or_insert(at);
        }
        let words: Vec<&str> = line.words().map(|(_, word)| word).collect();
        if maps_overlay(&words) {
            self.drops_overlay = None;
        }
    }
}

/// Returns the line of the source argument if a call of `AuroraBoot` drops the overlay.
/// `AuroraBoot` stops reading flags at its first positional argument, the source, and ignores
/// later flags silently. The tools before it take any order. A line may have several calls.
fn drops_overlay(line: &Line) -> Option<usize> {
    let ends = |(_, word): &(usize, &str)| {
        matches!(*word, "&&" | "||" | "|" | "then" | "else") || word.ends_with(';')
    };
    let words: Vec<(usize, &str)> = line.words().collect();
    words.split_inclusive(ends).find_map(call_drops_overlay)
}

fn call_drops_overlay(words: &[(usize, &str)]) -> Option<usize> {
    let is_call = |word: &str| word == "build-iso" || word == "build-uki";
    let call = words.iter().position(|(_, word)| is_call(word))?;
    // The other tools are osbuilder's entry point and enki.
    let other = |(_, word): &(usize, &str)| word.contains("entrypoint.sh") || *word == "enki";
    if words[..call].iter().any(other) {
        return None;
    }
    let arguments = &words[call..];
    let is_flag = |word: &str| word.starts_with("--overlay-iso");
    let flag = arguments.iter().position(|(_, word)| is_flag(word))?;
    let is_source = |word: &str| {
        let word = word.trim_start_matches(['"', '\'']);
        word.starts_with("dir:") || word.starts_with("oci:") || word.starts_with("docker:")
    };
    let source = arguments[..flag].iter();
    let mut source = source.filter(|(_, word)| is_source(word));
    source.next().map(|(line, _)| *line)
}

/// Whether `xorriso -map /overlay /` adds the overlay to an ISO that was made without it.
fn maps_overlay(words: &[&str]) -> bool {
    let map = |three: &[&str]| {
        three[0] == "-map" && three[1].trim_matches(['"', '/']) == "overlay" && three[2] == "/"
    };
    words.contains(&"xorriso") && words.windows(3).any(map)
}

#[cfg(test)]
mod tests;
