//! Credential helpers: programs called `docker-credential-NAME` that keep passwords in a key
//! ring or get them from a cloud.
//!
//! Protocol (docker-credential-helpers, "Development"): the argument `get`, the name of the
//! registry on standard input; `{Username, Secret}` on standard output, or an exit code other
//! than 0 and a message on standard output.

use std::io::Write as _;
use std::process::{Command, Stdio};

use secrecy::zeroize::Zeroizing;
use serde::Deserialize;

use super::Wiped;
use crate::util::environment::Environment;
use crate::util::sanitize;

/// What helpers print if they do not know the registry. Some add a full stop.
const KNOWS_NOTHING: [&str; 4] = [
    "credentials not found",
    "no credentials",
    "not found in native keychain",
    "could not be found in the keychain",
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    #[serde(default)]
    username: String,
    #[serde(default)]
    secret: Wiped,
}

/// Returns the program of the helper `name`.
pub(super) fn program(name: &str) -> String {
    format!("docker-credential-{}", sanitize::line(name.as_bytes()))
}

/// Asks the helper `name` for the user name and secret of `registry`. Returns `None` if it
/// knows nothing about it.
///
/// # Errors
/// Returns why the helper failed. What it printed may contain a secret and is not shown.
pub(super) fn ask(
    name: &str,
    registry: &str,
    environment: &Environment,
    withheld: &[&str],
) -> Result<Option<(String, Zeroizing<String>)>, String> {
    if name.contains(['/', '\\']) {
        return Err("its name has a slash".into());
    }
    let mut child = Command::new(program(name))
        .arg("get")
        .env_clear()
        .envs(environment.without(withheld))
        .current_dir(&environment.directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // A helper may ask for a touch of a hardware token there.
        .stderr(Stdio::inherit())
        .spawn()
        .map_err(|error| sanitize::io(&error))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A helper that ends without reading has its reason on standard output.
        let _ = stdin.write_all(registry.as_bytes());
    }
    let output = child
        .wait_with_output()
        .map_err(|error| sanitize::io(&error))?;
    let text = Zeroizing::new(output.stdout);
    if !output.status.success() {
        let said = String::from_utf8_lossy(&text).to_lowercase();
        if KNOWS_NOTHING.iter().any(|known| said.contains(known)) {
            return Ok(None);
        }
        return Err(format!("it ended with {}", sanitize::ended(output.status)));
    }
    let answer: Answer = serde_json::from_slice(&text)
        .map_err(|_| "it did not print the JSON of a credential helper".to_owned())?;
    if answer.username.is_empty() && answer.secret.0.is_empty() {
        return Ok(None);
    }
    Ok(Some((answer.username, answer.secret.0)))
}
