//! Which build program a command runs.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use crate::util::environment::Environment;

/// A build program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Program {
    /// Earthly, with the behavior of v0.8.15.
    Earthly,
    /// EarthBuild's `earth`.
    Earth,
    /// CanvOS's `earthly.sh`, which runs Earthly in a container.
    Wrapper,
    /// Any other program: how it starts the build is not known.
    Other(String),
}

impl Program {
    /// The programs whose builds are understood.
    pub const KNOWN: [Self; 3] = [Self::Earthly, Self::Earth, Self::Wrapper];

    /// Returns the name of the program, for messages and JSON.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Earthly => "earthly",
            Self::Earth => "earth",
            Self::Wrapper => "./earthly.sh",
            Self::Other(name) => name,
        }
    }

    /// Returns the program that `word` starts in `directory`. A symbolic link is judged by the
    /// name of its target, because EarthBuild installs its program as `earthly` too.
    pub(super) fn of(word: &str, directory: &Path, environment: &Environment) -> Self {
        let file = locate(word, directory, environment);
        let real = file.as_deref().and_then(|file| fs::canonicalize(file).ok());
        let by_link = real.as_deref().and_then(Path::file_name).and_then(by_name);
        let own_name = Path::new(word).file_name().unwrap_or_default();
        by_link
            .or_else(|| by_name(own_name))
            .unwrap_or_else(|| Self::Other(own_name.to_string_lossy().into_owned()))
    }
}

/// Returns the program by its file name, which may include the platform, as in released files.
fn by_name(name: &OsStr) -> Option<Program> {
    let name = name.to_str()?;
    if name == "earthly.sh" {
        return Some(Program::Wrapper);
    }
    let name = name.strip_suffix(".exe").unwrap_or(name);
    let (program, platform) = match name.split_once('-') {
        Some((program, platform)) => (program, Some(platform)),
        None => (name, None),
    };
    let is_platform = |platform: &str| {
        let (system, machine) = platform.split_once('-').unwrap_or_default();
        ["linux", "darwin", "windows"].contains(&system)
            && ["amd64", "arm64", "arm7"].contains(&machine)
    };
    match program {
        _ if !platform.is_none_or(is_platform) => None,
        "earthly" => Some(Program::Earthly),
        "earth" => Some(Program::Earth),
        _ => None,
    }
}

/// Returns the file that `word` starts, if there is one.
pub(super) fn locate(word: &str, directory: &Path, environment: &Environment) -> Option<PathBuf> {
    if word.contains('/') {
        return Some(directory.join(word));
    }
    let path = environment.variable("PATH")?;
    std::env::split_paths(path)
        .map(|entry| entry.join(word))
        .find(|file| file.is_file())
}
