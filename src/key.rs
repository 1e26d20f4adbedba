//! Where the API key comes from (docs/reference.md): `--api-key-file`, `PALETTE_API_KEY`,
//! `SPECTROCLOUD_APIKEY`, then the file's `api-key-file` or `api-key-command`. Never an
//! argument, which a process list would show.

use std::path::{Path, PathBuf};

use crate::disk::PathError;
use crate::environment::Environment;
use crate::manifest::Manifest;
use crate::secret::{ApiKey, InvalidKey};

/// The variables that hold a key, in the order in which they are asked.
pub const VARIABLES: [&str; 2] = ["PALETTE_API_KEY", "SPECTROCLOUD_APIKEY"];

/// Why there is no key.
#[derive(Debug)]
pub enum KeyError {
    /// No place has one.
    None,
    /// The file cannot be read.
    File(PathError),
    /// The command failed.
    Command {
        /// Its program.
        program: String,
        /// Why.
        why: String,
    },
    /// What was found is no key.
    Invalid {
        /// Where it was found.
        place: String,
        /// Why it is none.
        why: InvalidKey,
    },
}

/// Finds the key, and says where it was.
///
/// # Errors
/// [`KeyError`]; a place that is named and gives no key is an error, the next one is
/// not asked.
pub fn find(
    flag: Option<&Path>,
    environment: &Environment,
    manifest: &Manifest,
) -> Result<(ApiKey, String), KeyError> {
    if let Some(path) = flag {
        return from_file(&environment.resolve(path));
    }
    for name in VARIABLES {
        if let Some(value) = environment.variable(name) {
            return read(&value.to_string_lossy(), name);
        }
    }
    if let Some(path) = &manifest.palette.api_key_file {
        return from_file(path);
    }
    if let Some(argv) = &manifest.palette.api_key_command {
        return from_command(argv, environment, manifest);
    }
    Err(KeyError::None)
}

fn read(text: &str, place: &str) -> Result<(ApiKey, String), KeyError> {
    match ApiKey::new(text) {
        Ok(key) => Ok((key, place.to_owned())),
        Err(why) => Err(KeyError::Invalid {
            place: place.to_owned(),
            why,
        }),
    }
}

fn from_file(path: &Path) -> Result<(ApiKey, String), KeyError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| KeyError::File(PathError::when("read", path)(error)))?;
    read(&text, &crate::printable::path(path))
}

/// Runs the command in the manifest's directory, with its standard error going where
/// ours goes: it may ask for a touch of a token.
fn from_command(
    argv: &[String],
    environment: &Environment,
    manifest: &Manifest,
) -> Result<(ApiKey, String), KeyError> {
    let (program, arguments) = argv.split_first().ok_or(KeyError::None)?;
    let failed = |why: String| KeyError::Command {
        program: program.clone(),
        why,
    };
    let directory = match manifest.path.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    // A path, unlike a name for `PATH`, starts at the file like all others in it; left as
    // it is, it would start where the run does.
    let start = if program.contains('/') {
        directory.join(program).into_os_string()
    } else {
        program.into()
    };
    let output = duct::cmd(start, arguments)
        .dir(directory)
        .full_env(&environment.variables)
        .stdin_null()
        .stdout_capture()
        .unchecked()
        .run()
        .map_err(|error| failed(crate::printable::io(&error)))?;
    if !output.status.success() {
        return Err(failed(format!("it ended with {}", output.status)));
    }
    read(
        &String::from_utf8_lossy(&output.stdout),
        &format!("output of `{program}`"),
    )
}
