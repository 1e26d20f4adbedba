//! Running the CanvOS build, and finding the image that it wrote.
//!
//! In: a checkout, a command. Out: the images in `build/` that were not there before, or
//! not like that. The build's output is the user's and goes through as it is; Ctrl-C
//! reaches it, since it is of our own process group, and we wait until it has ended. Our API key is kept from it.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::environment::Environment;
use crate::interrupt::Deferred;
use crate::preflight::Target;
use crate::printable;

/// Where CanvOS puts images, in the checkout.
const OUTPUT: &str = "build";
/// How the names of images end.
const IMAGES: [&str; 4] = [".iso", ".raw", ".raw.gz", ".img"];

/// A command that builds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Program and arguments.
    pub argv: Vec<String>,
}

/// Why there is no image.
#[derive(Debug)]
pub enum BuildError {
    /// It cannot be started.
    Start {
        /// The program.
        program: String,
        /// Why.
        error: io::Error,
    },
    /// It ended, but not well.
    Failed {
        /// The program.
        program: String,
        /// How it ended.
        status: String,
    },
    /// It ended well and wrote no image.
    NoImage(PathBuf),
}

impl Command {
    /// `configured`, or `earthly +iso` where there is an earthly, or CanvOS's wrapper;
    /// with `arguments` behind. A `+target` among these takes the place of the default's.
    #[must_use]
    pub fn new(
        configured: Option<&[String]>,
        arguments: &[String],
        environment: &Environment,
    ) -> Self {
        let mut argv = match configured {
            Some(argv) => argv.to_vec(),
            None if on_path("earthly", environment) => vec!["earthly".into(), "+iso".into()],
            None => vec!["./earthly.sh".into(), "+iso".into()],
        };
        if arguments.iter().any(|argument| argument.starts_with('+')) {
            argv.retain(|argument| !argument.starts_with('+'));
        }
        argv.extend_from_slice(arguments);
        // No target of the Earthfile, but a case of the wrapper, which wants it first.
        if configured.is_none()
            && let Some(at) = argv.iter().position(|argument| argument == "+maas-image")
        {
            let target = argv.remove(at);
            argv[0] = "./earthly.sh".into();
            argv.insert(1, target);
        }
        Self { argv }
    }

    /// The target that it builds, where it is one of CanvOS's.
    #[must_use]
    pub fn target(&self) -> Option<Target> {
        let name = self
            .argv
            .iter()
            .find(|argument| argument.starts_with('+'))?;
        Target::parse(name)
    }

    /// What stands behind the program.
    #[must_use]
    pub fn arguments(&self) -> &[String] {
        self.argv.get(1..).unwrap_or_default()
    }

    /// Runs it in `checkout`; returns the images that it wrote.
    ///
    /// # Errors
    /// [`BuildError`].
    pub fn run(
        &self,
        checkout: &Path,
        environment: &Environment,
        secrets: &[&str],
    ) -> Result<Vec<PathBuf>, BuildError> {
        let Some((program, arguments)) = self.argv.split_first() else {
            return Err(BuildError::NoImage(checkout.to_owned()));
        };
        let before = stamps(&checkout.join(OUTPUT));
        let mut variables: BTreeMap<OsString, OsString> = environment.variables.clone();
        variables.retain(|name, _| !secrets.iter().any(|secret| name == OsStr::new(secret)));
        // Left as it is, a path would start where the run does.
        let start = if program.contains('/') {
            checkout.join(program).into_os_string()
        } else {
            program.into()
        };
        let deferred = Deferred::begin();
        // Standard output is for results.
        let ended = duct::cmd(start, arguments)
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
                program: program.clone(),
                status: printable::ended(ended.status),
            });
        }
        let after = stamps(&checkout.join(OUTPUT));
        let written: BTreeSet<PathBuf> = after
            .into_iter()
            .filter(|(path, stamp)| before.get(path) != Some(stamp))
            .map(|(path, _)| path)
            .collect();
        if written.is_empty() {
            return Err(BuildError::NoImage(checkout.join(OUTPUT)));
        }
        Ok(written.into_iter().collect())
    }
}

/// Whether `program` is in one of the directories of `PATH`.
fn on_path(program: &str, environment: &Environment) -> bool {
    let path = environment.variable("PATH").unwrap_or_default();
    std::env::split_paths(path).any(|directory| directory.join(program).is_file())
}

/// What changes when an image is written anew, whatever time it is given: size, inode,
/// and the time of its last change, which nobody can set.
type Stamp = (u64, u64, i64, i64);

/// The images in `directory`.
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

#[cfg(unix)]
fn stamp(path: &Path) -> Option<Stamp> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    Some((
        metadata.len(),
        metadata.ino(),
        metadata.ctime(),
        metadata.ctime_nsec(),
    ))
}

#[cfg(not(unix))]
fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    let modified = metadata.modified().ok()?;
    let since = modified.duration_since(std::time::UNIX_EPOCH).ok()?;
    let seconds = i64::try_from(since.as_secs()).ok()?;
    Some((metadata.len(), 0, seconds, i64::from(since.subsec_nanos())))
}

/// Gives `image` the name of `definition` too: `installer.iso` becomes
/// `installer-NAME.iso`, with its `.sha256`. Returns its new path.
///
/// # Errors
/// A file that cannot be renamed or written.
pub fn name_after(image: &Path, definition: &str) -> Result<PathBuf, crate::disk::PathError> {
    use crate::disk::PathError;
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
    if let Ok(text) = fs::read_to_string(&sum) {
        let text = text.replace(&name, &named);
        crate::publish::write(&beside(&target), text.as_bytes())?;
        fs::remove_file(&sum).map_err(PathError::when("remove", &sum))?;
    }
    Ok(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(path: &Path) -> Environment {
        Environment {
            variables: [("PATH".into(), path.into())].into(),
            directory: path.to_owned(),
            terminal: false,
            interactive: false,
            columns: None,
        }
    }

    #[test]
    fn the_command_is_the_configured_one_or_what_is_there() {
        let directory = tempfile::tempdir().unwrap();
        let environment = environment(directory.path());
        let argv = |configured: Option<&[&str]>, arguments: &[&str]| {
            let owned = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
            let configured = configured.map(owned);
            let command = Command::new(configured.as_deref(), &owned(arguments), &environment);
            (command.argv.join(" "), command.target())
        };
        let iso = Some(Target::Iso);
        assert_eq!(argv(None, &[]), ("./earthly.sh +iso".into(), iso));
        fs::write(directory.path().join("earthly"), "").unwrap();
        assert_eq!(
            argv(None, &["--ISO_NAME=x"]),
            ("earthly +iso --ISO_NAME=x".into(), iso)
        );
        assert_eq!(
            argv(None, &["+uki-iso", "--ARCH=arm64"]),
            ("earthly +uki-iso --ARCH=arm64".into(), Some(Target::UkiIso))
        );
        assert_eq!(
            argv(None, &["-x", "+maas-image"]),
            (
                "./earthly.sh +maas-image -x".into(),
                Some(Target::MaasImage)
            )
        );
        assert_eq!(
            argv(Some(&["make", "image"]), &["-j2"]),
            ("make image -j2".into(), None)
        );
    }

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
