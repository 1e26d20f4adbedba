//! Running the CanvOS build, and finding the image that it wrote.
//!
//! The input is a checkout and a command. The output is the list of images in `build/` that are
//! new or have changed; or, if there are none, the reason and what the build did to the staged
//! files. The build's output passes through unchanged. The build shares edgestage's process
//! group, so Ctrl-C reaches it, and edgestage waits until it has ended. The Palette API key is
//! removed from its environment.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::util::environment::Environment;
use crate::util::interrupt::Deferred;
use crate::util::sanitize;
use crate::util::stamp::Stamp;

mod command;
mod staged_files_changed;
pub(crate) mod messages;
mod no_image;

pub use command::{BuildCommand, ProgramKind};
pub use no_image::NoImage;
pub use staged_files_changed::{
    ChangedFile, CurrentContent, ImageOutcome, StagedDefinition, StagedFilesChanged,
};

/// The directory, relative to the checkout, into which CanvOS writes images.
const OUTPUT: &str = "build";
/// The file name suffixes of images.
const IMAGES: [&str; 4] = [".iso", ".raw", ".raw.gz", ".img"];

/// Why there is no image, or not the intended one.
#[derive(Debug)]
pub enum BuildError {
    /// The build command cannot be started.
    Start {
        /// The program.
        program: String,
        /// The error of the operating system.
        error: io::Error,
    },
    /// The build ended with a failure.
    Failed {
        /// The program.
        program: String,
        /// How the build ended.
        status: String,
        /// An option after the target, where the program does not accept it.
        misplaced: Option<String>,
    },
    /// The build succeeded and wrote no image.
    NoImage {
        /// The program.
        program: String,
        /// The directory in which images were looked for.
        directory: PathBuf,
        /// The names of images that earlier builds left there.
        older: Vec<String>,
        /// The reason.
        why: NoImage,
    },
    /// The build removed or changed staged files.
    StagedFilesChanged(StagedFilesChanged),
}

impl BuildCommand {
    /// Runs the command in `checkout` and returns the images that it wrote.
    ///
    /// # Errors
    /// [`BuildError`].
    pub fn run(
        &self,
        checkout: &Path,
        environment: &Environment,
        secrets: &[&str],
    ) -> Result<Vec<PathBuf>, BuildError> {
        // The manifest's command has at least one word.
        let program = self.program_name().to_owned();
        let output = checkout.join(OUTPUT);
        let before = stamps(&output);
        let variables: BTreeMap<_, _> = environment.without(secrets).collect();
        let deferred = Deferred::begin();
        // Standard output is reserved for results.
        let ended = duct::cmd(self.start_in(checkout), self.arguments())
            .dir(checkout)
            .full_env(&variables)
            .stdout_to_stderr()
            .unchecked()
            .run()
            .map_err(|error| BuildError::Start {
                program: program.clone(),
                error,
            })?;
        drop(deferred);
        if !ended.status.success() {
            return Err(BuildError::Failed {
                program,
                status: sanitize::ended(ended.status),
                misplaced: self.misplaced_option().map(str::to_owned),
            });
        }
        let after = stamps(&output);
        let (older, written): (Vec<_>, Vec<_>) = after
            .into_iter()
            .partition(|(path, stamp)| before.get(path) == Some(stamp));
        if written.is_empty() {
            let name = |path: &Path| Some(path.file_name()?.to_string_lossy().into_owned());
            return Err(BuildError::NoImage {
                program,
                directory: output,
                older: older.iter().filter_map(|(path, _)| name(path)).collect(),
                why: NoImage::explain(self, checkout, environment),
            });
        }
        Ok(written.into_iter().map(|(path, _)| path).collect())
    }
}

/// Returns the stamp of each image in `directory`.
fn stamps(directory: &Path) -> BTreeMap<PathBuf, Stamp> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let images = entries.filter(|entry| {
        let name = entry.file_name().to_string_lossy().to_ascii_lowercase();
        IMAGES.iter().any(|end| name.ends_with(end))
    });
    images
        .filter_map(|entry| Some((entry.path(), stamp(&entry.path())?)))
        .collect()
}

fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    Some(Stamp::of(&metadata))
}

/// Renames `image` after `definition`: `installer.iso` becomes `installer-NAME.iso`, together
/// with its `.sha256`. Returns the new path.
///
/// # Errors
/// Fails if a file cannot be renamed or written.
pub fn name_after(
    image: &Path,
    definition: &str,
) -> Result<PathBuf, crate::util::path_error::PathError> {
    use crate::util::files;
    use crate::util::path_error::PathError;
    let name = image
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let end = IMAGES
        .iter()
        .find(|end| name.to_ascii_lowercase().ends_with(*end));
    let stem = end.map_or(name.as_str(), |end| &name[..name.len() - end.len()]);
    let named = format!("{stem}-{definition}{}", &name[stem.len()..]);
    let target = image.with_file_name(&named);
    fs::rename(image, &target).map_err(PathError::when("rename", image))?;
    let beside = |path: &Path| {
        let mut beside = path.as_os_str().to_owned();
        beside.push(".sha256");
        PathBuf::from(beside)
    };
    let sum = beside(image);
    if let Ok(text) = files::read(&sum, files::TEXT)
        && let Ok(text) = String::from_utf8(text)
    {
        let text = text.replace(&name, &named);
        crate::util::atomic_file::write(&beside(&target), text.as_bytes())?;
        fs::remove_file(&sum).map_err(PathError::when("remove", &sum))?;
    }
    Ok(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_gets_a_name_of_its_own() {
        let directory = tempfile::tempdir().unwrap();
        let image = directory.path().join("edge.raw.gz");
        fs::write(&image, "x").unwrap();
        fs::write(
            directory.path().join("edge.raw.gz.sha256"),
            "ab  edge.raw.gz\n",
        )
        .unwrap();
        let named = name_after(&image, "site-1").unwrap();
        assert_eq!(named, directory.path().join("edge-site-1.raw.gz"));
        let sum = fs::read_to_string(directory.path().join("edge-site-1.raw.gz.sha256")).unwrap();
        assert_eq!(sum, "ab  edge-site-1.raw.gz\n");
        assert!(!image.exists());
    }
}
