//! What a build did to the staged files. Some build commands clean the checkout first, and the
//! image that they write holds no definition.

use std::path::{Path, PathBuf};

use super::command::BuildCommand;
use crate::canvos::{Placement, PlacementState, State};
use crate::lockfile::Lockfile;
use crate::util::files;

/// The largest build script, in bytes, that is searched for a `git clean`.
const SCRIPT: u64 = 1024 * 1024;

/// Staged files that a build removed or changed.
#[derive(Debug)]
pub struct StagedFilesChanged {
    /// The build command.
    pub command: String,
    /// The files, and what is there now.
    pub files: Vec<ChangedFile>,
    /// The script named by the command that has a `git clean`, with the number of that line,
    /// from 1.
    pub cleaned_by: Option<(PathBuf, usize)>,
    /// The definition.
    pub definition: String,
    /// What is known about the image.
    pub image: ImageOutcome,
}

/// What is known about the image that a build wrote from a checkout whose staged files it changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageOutcome {
    /// The build wrote no image.
    Missing,
    /// The image does not hold the definition.
    Wrong,
    /// The image holds the definition: the files were changed after they were copied.
    Right,
}

/// A staged file that was removed or changed.
#[derive(Debug)]
pub struct ChangedFile {
    /// The path, relative to the checkout.
    pub path: &'static str,
    /// What is there now.
    pub now: CurrentContent,
}

/// What has taken the place of a staged file.
#[derive(Debug, PartialEq, Eq)]
pub enum CurrentContent {
    /// Nothing: the file is gone.
    Gone,
    /// Something other than a regular file.
    Kind(&'static str),
    /// The definition of this name.
    Definition(String),
    /// Another file.
    Other,
}

/// What was staged before the build.
pub struct StagedDefinition<'a> {
    /// The definition.
    pub definition: &'a str,
    /// The lock as it was.
    pub lock: &'a Lockfile,
}

impl StagedFilesChanged {
    /// Compares `found`, which was read after the build, with what was staged before it. Only
    /// the bytes count, not the mode or the time.
    #[must_use]
    pub fn of(
        found: &[PlacementState],
        staged: &StagedDefinition<'_>,
        command: &BuildCommand,
        checkout: &Path,
    ) -> Option<Self> {
        let changed = |found: &PlacementState| {
            let now = match &found.state {
                State::Equal | State::SameContent => return None,
                State::Missing => CurrentContent::Gone,
                State::WrongKind(kind) => CurrentContent::Kind(kind),
                State::Differs { .. } => match found.owner(staged.lock) {
                    Some(name) => CurrentContent::Definition(name.to_owned()),
                    None => CurrentContent::Other,
                },
            };
            let path = found.placement.path();
            Some(ChangedFile { path, now })
        };
        let files: Vec<ChangedFile> = found.iter().filter_map(changed).collect();
        (!files.is_empty()).then(|| Self {
            command: command.argv.join(" "),
            files,
            cleaned_by: cleaning_script(command, checkout),
            definition: staged.definition.to_owned(),
            image: ImageOutcome::Missing,
        })
    }

    /// Whether nothing is left of the staged definition.
    #[must_use]
    pub fn lost_all(&self) -> bool {
        self.files.len() == Placement::ALL.len()
    }

    /// Whether all the files listed here are gone.
    #[must_use]
    pub fn removed(&self) -> bool {
        self.files
            .iter()
            .all(|file| file.now == CurrentContent::Gone)
    }
}

/// Returns the first script among the words of `command` that has a `git clean`, with the
/// number of that line.
fn cleaning_script(command: &BuildCommand, checkout: &Path) -> Option<(PathBuf, usize)> {
    command.argv.iter().find_map(|word| {
        let path = checkout.join(word);
        let metadata = path.metadata().ok()?;
        if !metadata.is_file() || metadata.len() > SCRIPT {
            return None;
        }
        let text = files::read(&path, SCRIPT).ok()?;
        let text = String::from_utf8_lossy(&text);
        let at = text.lines().position(cleans)?;
        Some((PathBuf::from(word), at + 1))
    })
}

/// Whether a line of a script has a `git clean`.
fn cleans(line: &str) -> bool {
    let line = line.trim_start();
    let mut commands = line.split([';', '&', '|', '(']);
    !line.starts_with('#')
        && commands.any(|command| {
            let mut words = command.split_whitespace();
            words.any(|word| word == "git") && words.any(|word| word == "clean")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_cleans() {
        for line in [
            "git clean -fdx",
            "git reset -q --hard; git clean -q -fdx; cp a b",
            "  cd x && git -C CanvOS clean -xf",
            "(git clean -x)",
        ] {
            assert!(cleans(line), "{line}");
        }
        for line in [
            "# git clean -fdx",
            "git status; make clean",
            "make clean && git pull",
            "git checkout v4.9.29",
            "clean git",
        ] {
            assert!(!cleans(line), "{line}");
        }
    }

    #[test]
    fn the_script_is_one_of_the_words() {
        let site = tempfile::tempdir().unwrap();
        let checkout = site.path().join("CanvOS");
        std::fs::create_dir(&checkout).unwrap();
        std::fs::write(site.path().join("build.sh"), "#!/bin/sh\ngit clean -x\n").unwrap();
        std::fs::write(checkout.join("other.sh"), "#!/bin/sh\n").unwrap();
        for (words, found) in [
            (&["../build.sh"][..], Some("../build.sh")),
            (&["bash", "../build.sh", "+iso"], Some("../build.sh")),
            (&["./other.sh"], None),
            (&["make", ".."], None),
        ] {
            let argv = words.iter().map(|word| (*word).to_owned()).collect();
            let script = cleaning_script(&BuildCommand { argv }, &checkout);
            assert_eq!(script, found.map(|path| (path.into(), 2)));
        }
    }
}
