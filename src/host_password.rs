//! Finds the password for edge hosts (docs/reference.md): `EDGESTAGE_HOST_PASSWORD`, then
//! `password-file` or `password-command` of `profiles.toml`. It is never an argument, since
//! process lists show arguments.

use std::path::Path;

use secrecy::zeroize::Zeroizing;

use crate::api_key;
use crate::diagnostic::Diagnostic;
use crate::manifest::{Manifest, PasswordSource};
use crate::util::environment::Environment;
use crate::util::files;
use crate::util::path_error::PathError;
use crate::util::sanitize;
use crate::util::secret::ApiKey;
use crate::util::user_command;

pub(crate) mod messages;

/// The variable with the password for all hosts.
pub const VARIABLE: &str = "EDGESTAGE_HOST_PASSWORD";
/// The maximum size of a password file, in bytes.
const LARGEST: u64 = 64 << 10;

/// Why there is no password for a host.
#[derive(Debug)]
pub enum PasswordError {
    /// No place holds one; contains the host.
    None(String),
    /// The file cannot be read.
    File(PathError),
    /// The command failed.
    Command {
        /// The program of the command.
        program: String,
        /// The reason.
        why: String,
    },
    /// The place holds an empty password, or one that is not UTF-8.
    Unusable {
        /// The place.
        place: String,
        /// The reason.
        why: &'static str,
    },
}

/// A password, and where it was found.
#[derive(Debug, Clone)]
pub(crate) struct FoundPassword {
    /// The password.
    pub password: ApiKey,
    /// The place where it was found.
    pub place: String,
}

/// Returns the password of the environment, so that it is masked from the start.
#[must_use]
pub fn of_environment(environment: &Environment) -> Option<ApiKey> {
    let value = environment.variable(VARIABLE)?;
    Some(ApiKey::password(value.to_str()?))
}

/// Finds the password for the host `name`, and a warning about its place.
///
/// # Errors
/// Returns [`PasswordError`]. If a named place does not provide a password, the next place is
/// not tried.
pub(crate) fn find(
    name: &str,
    source: Option<&PasswordSource>,
    environment: &Environment,
    manifest: &Manifest,
) -> Result<(FoundPassword, Option<Diagnostic>), PasswordError> {
    if let Some(value) = environment.variable(VARIABLE) {
        let place = format!("`{VARIABLE}`");
        let bytes = Zeroizing::new(value.as_encoded_bytes().to_vec());
        return Ok((read(&bytes, place)?, None));
    }
    match source {
        None => Err(PasswordError::None(name.to_owned())),
        Some(PasswordSource::File(path)) => {
            let failed = |error| PasswordError::File(PathError::when("read", path)(error));
            let (bytes, metadata) = files::read_piped(path, LARGEST).map_err(failed)?;
            let bytes = Zeroizing::new(bytes);
            let found = read(&bytes, format!("`{}`", sanitize::path(path)))?;
            Ok((found, api_key::exposed(path, &metadata, "password")))
        }
        Some(PasswordSource::Command(argv)) => {
            let program = argv.first().map_or("", String::as_str);
            let output = user_command::output(argv, None, &manifest.path, environment);
            let output = output.map_err(|why| PasswordError::Command {
                program: program.to_owned(),
                why,
            })?;
            let output = Zeroizing::new(output);
            Ok((read(&output, format!("the output of `{program}`"))?, None))
        }
    }
}

/// Returns the passwords in the named files, for runs that must not show one. A file that cannot
/// be read is not an error here. Pipes are not read, since the run that needs it has to.
#[must_use]
pub(crate) fn in_files(manifest: &Manifest) -> Vec<ApiKey> {
    let hosts = manifest.hosts.values().map(|host| &host.login);
    let logins = hosts.chain([&manifest.host_login]);
    let mut paths: Vec<&Path> = logins
        .filter_map(|login| match &login.password {
            Some(PasswordSource::File(path)) => Some(path.as_path()),
            _ => None,
        })
        .collect();
    paths.sort();
    paths.dedup();
    let read = |path: &Path| {
        let bytes = Zeroizing::new(files::read(path, LARGEST).ok()?);
        read(&bytes, String::new()).ok().map(|found| found.password)
    };
    paths.into_iter().filter_map(read).collect()
}

/// Reads a password without the line break at its end. Other white space may be a part of it.
fn read(bytes: &[u8], place: String) -> Result<FoundPassword, PasswordError> {
    let unusable = |why| PasswordError::Unusable {
        place: place.clone(),
        why,
    };
    let text = std::str::from_utf8(bytes).map_err(|_| unusable("is not UTF-8"))?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() {
        return Err(unusable("is empty"));
    }
    if text.contains(['\n', '\r', '\0']) {
        return Err(unusable("has several lines"));
    }
    Ok(FoundPassword {
        password: ApiKey::password(text),
        place,
    })
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn a_line_break_at_the_end_is_no_part_of_a_password() {
        for (bytes, password) in [
            (&b"s3cret"[..], "s3cret"),
            (b"s3cret\n", "s3cret"),
            (b"s3cret\r\n", "s3cret"),
            (b" two words \n", " two words "),
        ] {
            let found = read(bytes, "x".into()).unwrap();
            assert_eq!(found.password.expose(), password);
        }
        for bytes in [&b""[..], b"\n", b"\r\n", b"a\nb\n", b"\xff"] {
            assert!(read(bytes, "x".into()).is_err());
        }
    }
}
