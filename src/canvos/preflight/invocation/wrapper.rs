//! CanvOS's `earthly.sh`: what it passes on to the Earthly that it runs in a container.
//!
//! The script sources `.arg`, then runs `docker run … earthly/earthly:VERSION FLAGS "$@"`. It
//! passes on the variables that `--env NAME` names; in all versions of CanvOS, that is
//! `EARTHLY_BUILD_ARGS`. The script is parsed, so that a fork is judged by its own.

use std::collections::BTreeSet;
use std::path::Path;

use crate::util::files;

/// The behavior of `earthly.sh`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wrapper {
    /// Whether the script runs EarthBuild's program, as forks may do.
    pub runs_earth: bool,
    /// The version of the program that the script runs, if it is known.
    pub version: Option<String>,
    /// The line, counted from 1, that ends the script with success although the build failed
    /// (T41).
    pub swallows_failure: Option<usize>,
    /// Whether the script knows `+maas-image`.
    pub builds_maas: bool,
    /// The assignments before the script sources `.arg`: each name and its value, or `None` if
    /// the script computes the value. If this is `None`, the script does not source the file.
    pub(super) before_source: Option<Vec<(String, Option<String>)>>,
    /// The flags that the script adds before the arguments.
    pub(super) flags: Vec<String>,
    /// The variables that the script passes on with their values.
    pub(super) passes: BTreeSet<String>,
    /// The variables that the script sets.
    pub(super) sets: BTreeSet<String>,
    /// Whether the script adds `--secret` for the Ubuntu Pro token.
    pub(super) adds_secret: bool,
}

/// The placeholder for secret flags in a `docker run` line.
const SECRETS: &str = "\"${EARTHLY_SECRET_ARGS[@]}\"";
/// The placeholder for the caller's arguments.
const ARGUMENTS: &str = "\"$@\"";

impl Wrapper {
    /// Returns CanvOS's own script, for a checkout whose script is not understood.
    pub(super) fn standard() -> Self {
        Self {
            before_source: Some(Vec::new()),
            flags: vec!["--allow-privileged".to_owned()],
            passes: ["EARTHLY_BUILD_ARGS".to_owned()].into(),
            ..Self::default()
        }
    }

    /// Parses the script `file`; returns `None` if it does not exist or is not such a script.
    pub(super) fn read(file: &Path) -> Option<Self> {
        let bytes = files::read(file, files::TEXT).ok()?;
        Self::parse(&String::from_utf8_lossy(&bytes))
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let source = text.lines().position(is_source_of_arg);
        let before = |line: usize| text.lines().take(line).filter_map(assignment).collect();
        let mut wrapper = Self {
            builds_maas: text.contains("+maas-image"),
            before_source: source.map(before),
            ..Self::default()
        };
        wrapper.swallows_failure = swallowing_line(text);
        let joined = text.replace("\\\n", " ");
        let mut flags = BTreeSet::new();
        for line in joined.lines().filter(|line| is_run(line)) {
            flags.insert(wrapper.run_line(line)?);
        }
        // All commands in it that run Earthly must add the same flags.
        let mut flags = flags.into_iter();
        wrapper.flags = flags.next()?;
        flags.next().is_none().then_some(wrapper)
    }

    /// Parses a `docker run` line; returns the flags that it adds, or `None` if the line is not
    /// understood.
    fn run_line(&mut self, line: &str) -> Option<Vec<String>> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let image = words.iter().position(|word| is_image(word))?;
        self.runs_earth |= words[image].contains(EARTH_IMAGE);
        let end = words.iter().position(|word| *word == ARGUMENTS)?;
        let (options, flags) = (&words[..image], words.get(image + 1..end)?);
        if let Some((_, tag)) = words[image].rsplit_once(":v") {
            self.version = Some(format!("v{tag}"));
        }
        let mounted = |word: &&str| word.ends_with(":/workspace");
        options.iter().find(|word| mounted(word))?;
        let mut options = options.iter();
        while let Some(option) = options.next() {
            let name = match *option {
                "-e" | "--env" => options.next()?,
                "-w" | "--workdir" | "--env-file" => return None,
                other => match other.strip_prefix("--env=") {
                    Some(name) => name,
                    None => continue,
                },
            };
            match name.split_once('=') {
                Some((name, _)) => self.sets.insert(name.to_owned()),
                None => self.passes.insert(name.to_owned()),
            };
        }
        self.adds_secret |= flags.contains(&SECRETS);
        let flags = flags.iter().filter(|flag| **flag != SECRETS);
        flags
            .map(|flag| (!flag.contains(['$', '"', '\'', '`'])).then(|| (*flag).to_owned()))
            .collect()
    }
}

/// The names of the images of Earthly and EarthBuild, from whichever registry.
const EARTHLY_IMAGE: &str = "earthly/earthly";
const EARTH_IMAGE: &str = "earthbuild/earthbuild";

fn is_image(word: &str) -> bool {
    [EARTHLY_IMAGE, EARTH_IMAGE]
        .iter()
        .any(|image| word.contains(image))
}

/// Whether a line runs the program with the caller's arguments: `docker run …`, or what the
/// script uses in place of `docker`.
fn is_run(line: &str) -> bool {
    let mut words = line.split_whitespace();
    words.nth(1) == Some("run") && words.any(is_image)
}

fn is_source_of_arg(line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    matches!(words.as_slice(), ["source" | ".", ".arg" | "./.arg", ..])
}

/// Returns the assignment in a line of the script. In a branch or a function, it is not
/// certain.
fn assignment(line: &str) -> Option<(String, Option<String>)> {
    let (name, value) = line.trim_start().split_once('=')?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    if name.is_empty() || !name.bytes().all(plain) {
        return None;
    }
    let literal = line.starts_with(name) && !value.contains(['$', '`', '\\', ' ']);
    let value = value.trim_matches(['"', '\'']);
    Some((name.to_owned(), literal.then(|| value.to_owned())))
}

/// Returns the line of the checkout's `earthly.sh`, counted from 1, that makes it exit with 0
/// after a failed build: `if $? -ne 0` runs a program named `1`, which does not exist, so the
/// branch that exits with 1 is never taken. This is judged by the text: sixteen tags have the
/// line, and the name of a tag does not tell.
#[must_use]
pub fn swallows_failure(checkout: &Path) -> Option<usize> {
    let bytes = files::read(&checkout.join("earthly.sh"), files::TEXT).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    swallowing_line(&text)
}

fn swallowing_line(text: &str) -> Option<usize> {
    let at = text.lines().position(is_defective)?;
    Some(at + 1)
}

fn is_defective(line: &str) -> bool {
    let mut words = line.split([' ', '\t', ';']).filter(|word| !word.is_empty());
    words.next() == Some("if")
        && matches!(words.next(), Some("$?" | "\"$?\"" | "${?}"))
        && words.next().is_some_and(|word| word.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::{is_defective, swallows_failure};

    #[test]
    fn a_test_without_brackets_is_defective() {
        for line in [
            "if $? -ne 0 ; then",
            "if $? -ne 0; then",
            "  if  \"$?\" -gt 0;then",
        ] {
            assert!(is_defective(line), "{line}");
        }
        for line in [
            "if [ $? -ne 0 ]; then",
            "if [[ $? -ne 0 ]]; then",
            "if (( $? != 0 )); then",
            "if test $? -ne 0; then",
            "# if $? -ne 0 ; then",
            "if $?; then",
            "if [ $BUILD_EXIT -ne 0 ]; then",
        ] {
            assert!(!is_defective(line), "{line}");
        }
    }

    #[test]
    fn the_line_is_that_of_the_file() {
        let checkout = tempfile::tempdir().unwrap();
        assert_eq!(swallows_failure(checkout.path()), None);
        let path = checkout.path().join("earthly.sh");
        std::fs::write(&path, b"#!/bin/bash\n\xc3\nif $? -ne 0 ; then\n").unwrap();
        assert_eq!(swallows_failure(checkout.path()), Some(3));
        std::fs::write(&path, "#!/bin/bash\nif [ $? -ne 0 ]; then\n").unwrap();
        assert_eq!(swallows_failure(checkout.path()), None);
    }
}
