//! The credentials that container tools keep: docker's `config.json` and podman's `auth.json`.
//!
//! Input: a repository and the environment. Output: a [`Login`] and the place where it was
//! found. The files are read in this order, and the first that knows the registry counts:
//! `REGISTRY_AUTH_FILE`; `config.json` in `DOCKER_CONFIG`, otherwise in `~/.docker`;
//! `containers/auth.json` in `XDG_RUNTIME_DIR`. In each, a credential helper is asked first
//! (`credHelpers` for the registry, otherwise `credsStore`), then the file's own `auths` count.
//! Nothing is read before a registry asks for credentials.

use std::collections::BTreeMap;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, general_purpose};
use secrecy::zeroize::Zeroizing;
use serde::Deserialize;

use crate::util::environment::Environment;
use crate::util::files;
use crate::util::repository::Repository;
use crate::util::sanitize;
use crate::util::secret::ApiKey;

mod helper;

/// The name of Docker Hub in docker's files.
const HUB: &str = "https://index.docker.io/v1/";
/// The user name that stands for an identity token.
const TOKEN_USER: &str = "<token>";

/// How to log in.
#[derive(Debug, Clone)]
pub enum Login {
    /// With a user name and a password.
    Password {
        /// The user name.
        user: String,
        /// The password.
        password: ApiKey,
    },
    /// With an identity token, which the token service exchanges for an access token.
    IdentityToken(ApiKey),
}

impl Login {
    fn of(user: String, secret: &str) -> Self {
        if user == TOKEN_USER {
            return Self::IdentityToken(ApiKey::password(secret));
        }
        Self::Password {
            user,
            password: ApiKey::password(secret),
        }
    }

    /// Returns the part that must not be shown.
    #[must_use]
    pub fn secret(&self) -> &ApiKey {
        match self {
            Self::Password { password, .. } => password,
            Self::IdentityToken(token) => token,
        }
    }
}

/// A login, and the place where it was found, for messages.
#[derive(Debug, Clone)]
pub(super) struct FoundLogin {
    pub login: Login,
    pub place: String,
}

/// Why credentials cannot be read. Contains no part of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CredentialsError {
    /// The file cannot be read, or is not what docker or podman write.
    File {
        /// The path of the file.
        path: String,
        /// The reason.
        why: String,
    },
    /// A credential helper failed.
    Helper {
        /// The program.
        program: String,
        /// The path of the file that names it.
        path: String,
        /// The reason.
        why: String,
    },
}

/// A `config.json` or `auth.json`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct AuthFile {
    auths: Option<BTreeMap<String, Option<Entry>>>,
    creds_store: Option<String>,
    cred_helpers: Option<BTreeMap<String, String>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    auth: Option<Wiped>,
    username: Option<String>,
    password: Option<Wiped>,
    identitytoken: Option<Wiped>,
}

/// A text that is wiped when it is dropped.
#[derive(Default, Deserialize)]
#[serde(from = "String")]
struct Wiped(Zeroizing<String>);

impl From<String> for Wiped {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

/// Finds the credentials for `repository`, or returns `None` if no place has any. Credential
/// helpers do not get the variables `withheld`.
///
/// # Errors
/// Returns [`CredentialsError`] if a file or a helper cannot be used.
pub(super) fn find(
    repository: &Repository,
    environment: &Environment,
    withheld: &[&str],
) -> Result<Option<FoundLogin>, CredentialsError> {
    for path in places(environment) {
        let shown = sanitize::path(&path);
        let wrong = |why: String| CredentialsError::File {
            path: shown.clone(),
            why,
        };
        let bytes = match files::read(&path, files::TEXT) {
            Ok(bytes) => Zeroizing::new(bytes),
            Err(error) if files::is_absent(&error) => continue,
            Err(error) => return Err(wrong(sanitize::io(&error))),
        };
        // An empty file is what `touch` leaves, and what some CI systems mount.
        if bytes.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        // The parser's message may contain a part of a password.
        let file: AuthFile = serde_json::from_slice(&bytes).map_err(|error| {
            wrong(format!(
                "it is not the JSON that docker and podman write (line {})",
                error.line()
            ))
        })?;
        if let Some(helper) = file.helper(repository) {
            let key = if repository.is_hub() {
                HUB
            } else {
                repository.registry()
            };
            let answered = helper::ask(helper, key, environment, withheld);
            let answered = answered.map_err(|why| CredentialsError::Helper {
                program: helper::program(helper),
                path: shown.clone(),
                why,
            })?;
            if let Some((user, secret)) = answered {
                return Ok(Some(FoundLogin {
                    login: Login::of(user, &secret),
                    place: format!("`{}`, which `{shown}` names", helper::program(helper)),
                }));
            }
        }
        if let Some((key, entry)) = file.entry(repository) {
            let login = entry.login().map_err(|why| {
                let key = sanitize::line(key.as_bytes());
                wrong(format!("its entry `{key}` {why}"))
            })?;
            if let Some(login) = login {
                let place = format!("`{shown}`");
                return Ok(Some(FoundLogin { login, place }));
            }
        }
    }
    Ok(None)
}

/// Returns the files that may have credentials, in order of precedence.
fn places(environment: &Environment) -> Vec<PathBuf> {
    let variable = |name: &str| environment.variable(name).map(PathBuf::from);
    let docker = variable("DOCKER_CONFIG")
        .or_else(|| Some(variable("HOME")?.join(".docker")))
        .map(|directory| directory.join("config.json"));
    let podman = variable("XDG_RUNTIME_DIR").map(|path| path.join("containers/auth.json"));
    let named = variable("REGISTRY_AUTH_FILE");
    let all = [named, docker, podman].into_iter().flatten();
    all.map(|path| environment.resolve(&path)).collect()
}

impl AuthFile {
    /// Returns the helper to ask about a repository.
    fn helper(&self, repository: &Repository) -> Option<&str> {
        let helpers = self.cred_helpers.iter().flatten();
        let mut of_registry = helpers.filter(|(key, _)| is_registry(key, repository));
        of_registry
            .next()
            .map(|(_, helper)| helper.as_str())
            .or(self.creds_store.as_deref())
            .filter(|helper| !helper.is_empty())
    }

    /// Returns the entry for a repository, with its key: the one for the longest part of its
    /// path (containers-auth.json(5)), otherwise the one for its registry.
    fn entry(&self, repository: &Repository) -> Option<(&str, &Entry)> {
        let auths = self.auths.as_ref()?;
        let found = |key: &str| {
            let (key, entry) = auths.get_key_value(key)?;
            Some((key.as_str(), entry.as_ref()?))
        };
        let mut part = repository.to_string();
        while let Some((shorter, _)) = part.rsplit_once('/') {
            if let Some(entry) = found(&part) {
                return Some(entry);
            }
            part = shorter.to_owned();
        }
        found(&part).or_else(|| {
            let mut others = auths.iter();
            others.find_map(|(key, entry)| {
                is_registry(key, repository).then_some((key.as_str(), entry.as_ref()?))
            })
        })
    }
}

/// Returns whether a key of a file stands for the whole registry of a repository. Old versions
/// of docker wrote URLs: `https://registry.example.com/v1/`.
fn is_registry(key: &str, repository: &Repository) -> bool {
    let bare = ["https://", "http://"]
        .iter()
        .find_map(|scheme| key.strip_prefix(scheme));
    let host = match bare {
        Some(rest) => {
            let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
            if !matches!(path.trim_end_matches('/'), "" | "v1" | "v2") {
                return false;
            }
            host
        }
        None => key,
    };
    host.eq_ignore_ascii_case(repository.registry())
        || repository.is_hub() && ["docker.io", "index.docker.io"].contains(&host)
}

impl Entry {
    /// Returns the login of this entry. An empty entry has none: docker writes it where a
    /// helper has the credentials.
    fn login(&self) -> Result<Option<Login>, &'static str> {
        let is_set = |text: &&Wiped| !text.0.is_empty();
        if let Some(token) = self.identitytoken.as_ref().filter(is_set) {
            return Ok(Some(Login::IdentityToken(ApiKey::password(&token.0))));
        }
        if let Some(auth) = self.auth.as_ref().filter(is_set) {
            return decode(&auth.0).map(Some);
        }
        let user = self.username.as_ref().filter(|user| !user.is_empty());
        match (user, &self.password) {
            (Some(user), Some(password)) => Ok(Some(Login::of(user.clone(), &password.0))),
            _ => Ok(None),
        }
    }
}

/// Reads `auth`: `user:password` in base64.
fn decode(auth: &str) -> Result<Login, &'static str> {
    const NOT_BASE64: &str = "has an `auth` that is not `user:password` in base64";
    let any_padding =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let base64 = GeneralPurpose::new(&base64::alphabet::STANDARD, any_padding);
    let bytes = base64.decode(auth.trim()).map_err(|_| NOT_BASE64)?;
    let bytes = Zeroizing::new(bytes);
    let text = std::str::from_utf8(&bytes).map_err(|_| NOT_BASE64)?;
    let (user, password) = text.split_once(':').ok_or(NOT_BASE64)?;
    // Old versions of docker ended the password with a NUL.
    Ok(Login::of(user.to_owned(), password.trim_end_matches('\0')))
}

/// Returns the value of an `Authorization` header for a user name and a password (RFC 7617).
pub(super) fn basic(user: &str, password: &ApiKey) -> Zeroizing<String> {
    let pair = Zeroizing::new(format!("{user}:{}", password.expose()));
    let encoded = Zeroizing::new(general_purpose::STANDARD.encode(pair.as_bytes()));
    Zeroizing::new(format!("Basic {}", encoded.as_str()))
}

#[cfg(test)]
mod tests;
