//! Finds the API key (docs/reference.md): `--api-key-file`, `PALETTE_API_KEY`,
//! `SPECTROCLOUD_APIKEY`, then `api-key-file` or `api-key-command` of `profiles.toml`. The key
//! is never an argument, since process lists show arguments.

use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};

use secrecy::zeroize::Zeroizing;

use crate::diagnostic::Diagnostic;
use crate::manifest::Manifest;
use crate::util::environment::Environment;
use crate::util::files;
use crate::util::path_error::PathError;
use crate::util::sanitize;
use crate::util::secret::{ApiKey, InvalidKey};
use crate::util::user_command;

pub use crate::util::user_command::{PASSED, PASSED_FAMILIES};

pub(crate) mod messages;

/// The variables that may hold a key, in order of precedence.
pub const VARIABLES: [&str; 2] = ["PALETTE_API_KEY", "SPECTROCLOUD_APIKEY"];

/// The maximum size of a key file, in bytes.
const LARGEST: u64 = 64 << 10;
/// The minimum number of characters in a file name that may be a pasted key.
const SHORTEST_PASTED: usize = 24;

/// Returns whether a variable holds a key.
#[must_use]
pub fn is_set(environment: &Environment) -> bool {
    let mut names = VARIABLES.iter();
    names.any(|name| environment.variable(name).is_some())
}

/// Why no key was found.
#[derive(Debug)]
pub enum KeyError {
    /// No place holds a key.
    None,
    /// The key file cannot be read.
    File(PathError),
    /// The command failed.
    Command {
        /// The program of the command.
        program: String,
        /// The reason.
        why: String,
    },
    /// The value that was found is not a key.
    Invalid {
        /// The place where the value was found.
        place: String,
        /// Why the value is not a key.
        why: InvalidKey,
    },
}

/// A key, and where it was found.
#[derive(Debug)]
pub struct FoundKey {
    /// The key itself.
    pub key: ApiKey,
    /// The place where the key was found.
    pub place: String,
    /// A warning about that place.
    pub warning: Option<Diagnostic>,
}

/// Finds the key and the place that holds it.
///
/// # Errors
/// Returns [`KeyError`]. If a named place does not provide a key, that is an error and the next
/// place is not tried.
pub fn find(
    flag: Option<&Path>,
    environment: &Environment,
    manifest: &Manifest,
) -> Result<FoundKey, KeyError> {
    if let Some(path) = flag {
        return from_file(&environment.resolve(path));
    }
    for name in VARIABLES {
        if let Some(value) = environment.variable(name) {
            return read(&value.to_string_lossy(), &format!("`{name}`"));
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

/// Returns the keys in the named files, for runs that do not need a key but must not show one.
/// A file that cannot be read is not an error here. Pipes are not read, since the run that
/// needs the key has to read them.
#[must_use]
pub fn in_files(
    flag: Option<&Path>,
    environment: &Environment,
    manifest: &Manifest,
) -> Vec<ApiKey> {
    let flag = flag.map(|path| environment.resolve(path));
    let files = flag
        .into_iter()
        .chain(manifest.palette.api_key_file.clone());
    let read = |path: PathBuf| {
        if let Some(name) = pasted(&path) {
            return ApiKey::new(name).ok();
        }
        let bytes = Zeroizing::new(files::read(&path, LARGEST).ok()?);
        ApiKey::new(std::str::from_utf8(&bytes).ok()?).ok()
    };
    files.filter_map(read).collect()
}

/// Returns the last part of `path` if the file does not exist and that part looks like a pasted
/// key: a long word of letters and digits, as it is or as it was copied with its quotes, with
/// white space, or as `Bearer KEY`.
#[must_use]
pub fn pasted(path: &Path) -> Option<&str> {
    let name = path.file_name()?.to_str()?;
    let around = |c: char| c.is_whitespace() || "\"'`".contains(c);
    let name = name.trim_matches(around);
    let name = name
        .strip_prefix("Bearer ")
        .unwrap_or(name)
        .trim_matches(around);
    let is_of_key = |c: char| c.is_ascii_alphanumeric() || "+=_-.".contains(c);
    let has_digit = name.contains(|c: char| c.is_ascii_digit());
    let is_one_word = !name.contains(['_', '-', '.']);
    let looks_like_a_key =
        name.len() >= SHORTEST_PASTED && name.chars().all(is_of_key) && (has_digit || is_one_word);
    (looks_like_a_key && !path.exists()).then_some(name)
}

/// Returns the key that `api-key-command` prints, if the key comes from the command.
#[must_use]
pub fn of_command(
    flag: Option<&Path>,
    environment: &Environment,
    manifest: &Manifest,
) -> Option<ApiKey> {
    let table = &manifest.palette;
    let argv = table.api_key_command.as_ref()?;
    if flag.is_some() || is_set(environment) || table.api_key_file.is_some() {
        return None;
    }
    let found = from_command(argv, environment, manifest).ok()?;
    Some(found.key)
}

fn read(text: &str, place: &str) -> Result<FoundKey, KeyError> {
    match ApiKey::new(text) {
        Ok(key) => Ok(FoundKey {
            key,
            place: place.to_owned(),
            warning: None,
        }),
        Err(why) => Err(KeyError::Invalid {
            place: place.to_owned(),
            why,
        }),
    }
}

fn from_file(path: &Path) -> Result<FoundKey, KeyError> {
    let failed = |error| KeyError::File(PathError::when("read", path)(error));
    let (bytes, metadata) = files::read_piped(path, LARGEST).map_err(failed)?;
    let bytes = Zeroizing::new(bytes);
    let text = std::str::from_utf8(&bytes).map_err(|_| {
        let text = "it is not UTF-8";
        failed(io::Error::new(io::ErrorKind::InvalidData, text))
    })?;
    let found = read(text, &format!("`{}`", sanitize::path(path)))?;
    Ok(FoundKey {
        warning: exposed(path, &metadata, "API key"),
        ..found
    })
}

/// Warns about a file with a secret, `what`, that other users can read. This is not a refusal: secrets that are
/// mounted into a container often have such a mode, and no other users exist there.
pub(crate) fn exposed(path: &Path, metadata: &Metadata, what: &str) -> Option<Diagnostic> {
    let mode = files::mode_that_others_read(metadata)?;
    let shown = sanitize::path(path);
    let has_plain_name = path.to_str() == Some(&shown);
    let command = has_plain_name.then(|| format!("chmod 600 {}", shell_word(&shown)));
    Some(messages::exposed(what, &shown, mode, command))
}

/// Returns `text` quoted as a single word for a POSIX shell.
fn shell_word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%,".contains(c);
    if text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// Runs the command in the manifest's directory.
fn from_command(
    argv: &[String],
    environment: &Environment,
    manifest: &Manifest,
) -> Result<FoundKey, KeyError> {
    let (program, _) = argv.split_first().ok_or(KeyError::None)?;
    let output = user_command::output(argv, None, &manifest.path, environment);
    let output = output.map_err(|why| KeyError::Command {
        program: program.clone(),
        why,
    })?;
    let output = Zeroizing::new(output);
    read(
        &String::from_utf8_lossy(&output),
        &format!("the output of `{program}`"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_of_a_shell() {
        for (path, word) in [
            (
                "/run/secrets/palette-key_1.txt",
                "/run/secrets/palette-key_1.txt",
            ),
            ("/my keys/$HOME;`x`", "'/my keys/$HOME;`x`'"),
            ("/it's", r"'/it'\''s'"),
        ] {
            assert_eq!(shell_word(path), word);
        }
    }
}
