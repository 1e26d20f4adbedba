//! A repository of an OCI registry, as `[registry]` of `profiles.toml` names it.

use std::fmt;

use url::{Host, Url};

/// A repository: `HOST[:PORT]/PATH`, without a scheme, user name, tag or digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    host: String,
    path: String,
}

/// Why a text does not name a repository. Contains no part of the text that may be a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidRepository {
    /// What is wrong with it.
    pub why: RepositoryMistake,
    /// The value that was probably meant.
    pub corrected: Option<String>,
}

/// The mistake in a text that does not name a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RepositoryMistake {
    /// The text begins with a scheme, such as `https://` or `oci://`.
    Scheme,
    /// The text contains a user name or a password.
    Credentials,
    /// The text ends with a tag.
    Tag,
    /// The text ends with a digest.
    Digest,
    /// The first part is not a host: it has neither a dot nor a port and is not `localhost`.
    NoHost,
    /// The host or the port is invalid.
    Host,
    /// There is no path.
    NoPath,
    /// The path has a capital letter.
    Capital,
    /// The path has a character or a form that is not allowed.
    Path,
}

/// Matches a repository.
pub const PATTERN: &str = r"^(localhost|\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+|(localhost|\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*):[0-9]{1,5})(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)+$";

/// The maximum length of a path, in characters (OCI distribution specification).
const LONGEST_PATH: usize = 255;

/// The names of Docker Hub, whose API has a host of its own.
const HUB: [&str; 2] = ["docker.io", "index.docker.io"];
/// The host of Docker Hub's API.
const HUB_API: &str = "registry-1.docker.io";

impl Repository {
    /// Parses `HOST[:PORT]/PATH`.
    ///
    /// # Errors
    /// Returns [`InvalidRepository`].
    pub fn parse(text: &str) -> Result<Self, InvalidRepository> {
        let wrong = |why, rest: &str| InvalidRepository {
            why,
            // What is wrong as it stands is not parsed again.
            corrected: match rest {
                "" => None,
                rest if rest == text => None,
                rest => Self::parse(rest).ok().map(|meant| meant.to_string()),
            },
        };
        if let Some((_, rest)) = text.split_once("://") {
            return Err(wrong(RepositoryMistake::Scheme, rest.trim_end_matches('/')));
        }
        let before_path = text.split('/').next().unwrap_or(text);
        if let Some((rest, digest)) = text.rsplit_once('@') {
            if digest.starts_with("sha256:") || digest.starts_with("sha512:") {
                return Err(wrong(RepositoryMistake::Digest, rest));
            }
            let at = before_path.rfind('@').map_or(text.len(), |at| at + 1);
            return Err(wrong(RepositoryMistake::Credentials, &text[at..]));
        }
        let (host, path) = text.split_once('/').unwrap_or((text, ""));
        if !is_host(host) {
            let looks_like_a_host = host.contains(['.', ':']) || host == "localhost";
            let why = if looks_like_a_host || host.is_empty() {
                RepositoryMistake::Host
            } else {
                RepositoryMistake::NoHost
            };
            return Err(wrong(why, ""));
        }
        if path.is_empty() {
            return Err(wrong(RepositoryMistake::NoPath, ""));
        }
        if let Some((rest, _)) = path.split_once(':') {
            return Err(wrong(RepositoryMistake::Tag, &format!("{host}/{rest}")));
        }
        if !path.split('/').all(is_component) || path.len() > LONGEST_PATH {
            let lower = path.to_ascii_lowercase();
            let why = if path != lower && lower.split('/').all(is_component) {
                RepositoryMistake::Capital
            } else {
                RepositoryMistake::Path
            };
            let lower = lower.trim_matches('/');
            return Err(wrong(why, &format!("{host}/{lower}")));
        }
        Ok(Self {
            host: host.to_ascii_lowercase(),
            path: path.to_owned(),
        })
    }

    /// Returns the host and, if it was written, the port: the name of the registry, under which
    /// container tools keep its credentials.
    #[must_use]
    pub fn registry(&self) -> &str {
        &self.host
    }

    /// Returns the path of the repository in its registry.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns whether this is Docker Hub.
    #[must_use]
    pub fn is_hub(&self) -> bool {
        HUB.contains(&self.host.as_str())
    }

    /// Returns the host and port of the API.
    #[must_use]
    pub fn api_host(&self) -> &str {
        if self.is_hub() { HUB_API } else { &self.host }
    }

    /// Returns whether the registry is on this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match Url::parse(&format!("http://{}/", self.host)) {
            Ok(url) => is_loopback(&url),
            Err(_) => false,
        }
    }
}

/// Returns whether `url` leads to this machine.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.path)
    }
}

/// Returns whether `text` is a host with an optional port. A name without a dot and without a
/// port is not: container tools read it as the first part of a path on Docker Hub.
fn is_host(text: &str) -> bool {
    let (name, port) = match text.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
        _ => (text, None),
    };
    let is_address = name.starts_with('[') && name.ends_with(']');
    let is_name = name.split('.').all(|label| {
        !label.is_empty()
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
    });
    let is_unambiguous = name.contains('.') || name == "localhost" || is_address || port.is_some();
    let is_port = port.is_none_or(|port| {
        port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|n| n > 0)
    });
    let parses = || Url::parse(&format!("https://{text}/")).is_ok();
    (is_name || is_address) && is_unambiguous && is_port && parses()
}

/// Returns whether `text` may stand between two slashes of a path (OCI distribution
/// specification, `<name>`): lower-case letters and digits, separated by `.`, `_`, `__` or any
/// number of `-`.
fn is_component(text: &str) -> bool {
    let is_separator = |text: &str| {
        matches!(text, "." | "_" | "__") || !text.is_empty() && text.bytes().all(|b| b == b'-')
    };
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.starts_with(is_word)
        && text.ends_with(is_word)
        && text
            .split(is_word)
            .all(|between| between.is_empty() || is_separator(between))
}

impl RepositoryMistake {
    /// Returns what is wrong, in words.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Scheme => "it begins with a scheme",
            Self::Credentials => "it contains a user name or password",
            Self::Tag => "it ends with a tag",
            Self::Digest => "it ends with a digest",
            Self::NoHost => "it does not begin with the host of a registry",
            Self::Host => "its host or port is not valid",
            Self::NoPath => "it has no path after the host",
            Self::Capital => "its path has a capital letter",
            Self::Path => "its path is not valid",
        }
    }
}

impl InvalidRepository {
    /// Returns the edit that corrects the mistake.
    #[must_use]
    pub fn help(&self) -> String {
        match &self.corrected {
            Some(corrected) => format!("write `{corrected}`"),
            None => "write it as `HOST/PATH` or `HOST:PORT/PATH`, such as \
                     `registry.example.com/edge/definitions`"
                .to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_has_a_host_and_a_path() {
        for text in [
            "registry.example.com/edge/definitions",
            "registry.example.com:5000/edge",
            "localhost/edge",
            "127.0.0.1:5000/a/b_c/d__e/f-g--h/i.j",
            "[::1]:5000/edge",
            "registry:5000/edge",
            "docker.io/org/edge",
        ] {
            let repository = Repository::parse(text).unwrap();
            assert_eq!(repository.to_string(), text);
        }
        let repository = Repository::parse("REGISTRY.example.com/edge/x").unwrap();
        assert_eq!(repository.registry(), "registry.example.com");
        assert_eq!(repository.path(), "edge/x");
        assert_eq!(repository.api_host(), "registry.example.com");
        let hub = Repository::parse("docker.io/org/edge").unwrap();
        assert_eq!(hub.api_host(), "registry-1.docker.io");
        for (text, is_loopback) in [
            ("localhost:5000/x", true),
            ("127.8.9.1:5000/x", true),
            ("[::1]:5000/x", true),
            ("10.0.0.1:5000/x", false),
            ("registry.example.com/x", false),
        ] {
            assert_eq!(Repository::parse(text).unwrap().is_loopback(), is_loopback);
        }
    }

    #[test]
    fn what_is_not_a_repository_and_what_was_meant() {
        use RepositoryMistake::{
            Capital, Credentials, Digest, Host, NoHost, NoPath, Path, Scheme, Tag,
        };
        let digest = format!("r.example/edge@sha256:{}", "a".repeat(64));
        for (text, why, corrected) in [
            ("https://r.example/edge/", Scheme, Some("r.example/edge")),
            ("oci://r.example/edge", Scheme, Some("r.example/edge")),
            ("https://r.example", Scheme, None),
            (
                "me:hunter2@r.example/edge",
                Credentials,
                Some("r.example/edge"),
            ),
            (
                "me@r.example:5000/edge",
                Credentials,
                Some("r.example:5000/edge"),
            ),
            (&digest, Digest, Some("r.example/edge")),
            ("r.example/edge:1.0", Tag, Some("r.example/edge")),
            ("org/edge", NoHost, None),
            ("registry", NoHost, None),
            ("", Host, None),
            ("r.example:port/edge", Host, None),
            ("r.example:99999/edge", Host, None),
            ("r..example/edge", Host, None),
            ("r.example", NoPath, None),
            ("r.example/", NoPath, None),
            ("r.example:5000", NoPath, None),
            ("r.example/Edge", Capital, Some("r.example/edge")),
            ("r.example/edge/", Path, Some("r.example/edge")),
            ("r.example//edge", Path, Some("r.example/edge")),
            ("r.example/edge x", Path, None),
            ("r.example/-edge", Path, None),
            ("r.example/a___b", Path, None),
            ("r.example/a..b", Path, None),
        ] {
            let wrong = Repository::parse(text).unwrap_err();
            assert_eq!(
                (wrong.why, wrong.corrected.as_deref()),
                (why, corrected),
                "{text}"
            );
            assert!(!format!("{wrong:?}").contains("hunter2"));
        }
    }
}
