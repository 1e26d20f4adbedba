//! Programs that `profiles.toml` names and whose output edgestage uses: a key, a signature.
//!
//! The input is the command and the directory of `profiles.toml`. The output is what the
//! program printed on standard output. Its standard error is that of edgestage, since it may
//! ask for a touch of a hardware token. It gets only the variables that such programs are known
//! to need: anything else, such as a CI system's tokens and passwords, is withheld.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::util::environment::Environment;
use crate::util::sanitize;

/// The variables that are passed (docs/reference.md): those by which the command and its files
/// are found, a person is asked, and the network is reached.
pub const PASSED: [&str; 30] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LANGUAGE",
    "TERM",
    "TMPDIR",
    "TZ",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "XAUTHORITY",
    "DBUS_SESSION_BUS_ADDRESS",
    "SSH_AUTH_SOCK",
    "GNUPGHOME",
    "GPG_TTY",
    "KRB5CCNAME",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "https_proxy",
    "http_proxy",
    "all_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
];
/// Prefixes of further variables that are passed: those of programs that store secrets.
pub const PASSED_FAMILIES: [&str; 12] = [
    "LC_",
    "XDG_",
    "PASSWORD_STORE_",
    "OP_",
    "BW_",
    "VAULT_",
    "BAO_",
    "SOPS_",
    "AWS_",
    "AZURE_",
    "GOOGLE_",
    "CLOUDSDK_",
];

/// Runs the command `argv` in the directory of the file `manifest`, with `last` as a further
/// argument, and returns what it printed.
///
/// # Errors
/// Returns why it failed.
pub fn output(
    argv: &[String],
    last: Option<&OsStr>,
    manifest: &Path,
    environment: &Environment,
) -> Result<Vec<u8>, String> {
    let Some((program, arguments)) = argv.split_first() else {
        return Err("it names no program".into());
    };
    let directory = match manifest.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    // A path, unlike a name that is looked up in `PATH`, is relative to the file like all
    // others in it. Unchanged, it would be relative to the working directory.
    let start = if program.contains('/') {
        directory.join(program).into_os_string()
    } else {
        program.into()
    };
    let output = Command::new(start)
        .args(arguments)
        .args(last)
        .current_dir(directory)
        .env_clear()
        .envs(passed(environment))
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| sanitize::io(&error))?;
    if !output.status.success() {
        return Err(format!("it ended with {}", sanitize::ended(output.status)));
    }
    Ok(output.stdout)
}

/// Returns the environment of the command.
fn passed(environment: &Environment) -> BTreeMap<&OsStr, &OsStr> {
    let is_passed = |name: &OsString| {
        let name = name.to_string_lossy();
        PASSED.contains(&&*name) || PASSED_FAMILIES.iter().any(|start| name.starts_with(start))
    };
    let variables = environment.variables.iter();
    variables
        .filter(|(name, _)| is_passed(name))
        .map(|(name, value)| (name.as_os_str(), value.as_os_str()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_given_none_of_our_keys() {
        let names = ["PALETTE_API_KEY", "SPECTROCLOUD_APIKEY"];
        let environment = Environment {
            variables: names.map(|name| (name.into(), "k3y".into())).into(),
            directory: PathBuf::new(),
            terminal: false,
            interactive: false,
            columns: None,
        };
        assert!(passed(&environment).is_empty());
        assert!(!format!("{environment:?}").contains("k3y"));
    }
}
