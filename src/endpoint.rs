//! Where Palette is: scheme, host, port and, behind some reverse proxies, a path.

use std::fmt;

use url::{Host, Url};

/// The base URL of a Palette API. Two spellings of one place (with and without a
/// trailing slash, a default port, upper case in the host) are equal.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint(Url);

/// Why a text is no endpoint. Holds nothing of the text, which may carry a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InvalidEndpoint {
    /// Not a URL.
    Url(String),
    /// A scheme other than `https` and `http`.
    Scheme(String),
    /// A user name or password in it.
    Credentials,
    /// A query or a fragment.
    Query,
    /// A page of the console was pasted instead.
    ConsolePage,
    /// The API's own path, which is added to the endpoint.
    ApiPath,
}

impl Endpoint {
    /// Palette's SaaS, the default (facts.md, 1).
    pub const DEFAULT: &str = "https://api.spectrocloud.com";
    /// Where the console of Palette's SaaS is (facts.md, 1).
    const SAAS_CONSOLE: &str = "console.spectrocloud.com";

    /// Reads an endpoint. A text without a scheme is taken as `https://`: the variables
    /// that other tools read (`SPECTROCLOUD_HOST`) hold a bare host.
    ///
    /// # Errors
    /// [`InvalidEndpoint`].
    pub fn parse(text: &str) -> Result<Self, InvalidEndpoint> {
        let text = text.trim();
        let with_scheme = if text.contains("://") {
            text.to_owned()
        } else {
            format!("https://{text}")
        };
        let mut url =
            Url::parse(&with_scheme).map_err(|error| InvalidEndpoint::Url(error.to_string()))?;
        if !matches!(url.scheme(), "https" | "http") {
            return Err(InvalidEndpoint::Scheme(url.scheme().to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidEndpoint::Credentials);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(InvalidEndpoint::Query);
        }
        if url.path().contains("/profiles/") || url.path().starts_with("/projects/") {
            return Err(InvalidEndpoint::ConsolePage);
        }
        let path = url.path().trim_end_matches('/').to_owned();
        if path.ends_with("/v1") {
            return Err(InvalidEndpoint::ApiPath);
        }
        url.set_path(&path);
        Ok(Self(url))
    }

    /// The endpoint that belongs to the console whose page `url` is (facts.md, 1): SaaS
    /// has a host of its own for the API, elsewhere the two share one.
    #[must_use]
    pub fn of_console(url: &str) -> Option<Self> {
        let mut url = Url::parse(url).ok()?;
        if url.host_str()? == Self::SAAS_CONSOLE {
            return Some(Self::default());
        }
        url.set_path("");
        url.set_query(None);
        url.set_fragment(None);
        Self::parse(url.as_str()).ok()
    }

    /// The URL of an API path, which starts with `/v1/`.
    #[must_use]
    pub fn join(&self, path: &str) -> Url {
        let mut url = self.0.clone();
        let base = self.0.path().trim_end_matches('/');
        url.set_path(&format!("{base}{path}"));
        url
    }

    /// Whether what is sent there can be read on the way: plain HTTP to another host.
    #[must_use]
    pub fn is_exposed(&self) -> bool {
        self.0.scheme() == "http" && !self.is_loopback()
    }

    /// Plain HTTP to this very host.
    #[must_use]
    pub fn is_plain_loopback(&self) -> bool {
        self.0.scheme() == "http" && self.is_loopback()
    }

    fn is_loopback(&self) -> bool {
        match self.0.host() {
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
    }
}

impl Default for Endpoint {
    /// [`Endpoint::DEFAULT`]. A test holds that it is a URL.
    fn default() -> Self {
        match Url::parse(Self::DEFAULT) {
            Ok(url) => Self(url),
            Err(error) => unreachable!("{}: {error}", Self::DEFAULT),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for InvalidEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(why) => write!(f, "not a URL: {why}"),
            Self::Scheme(scheme) => write!(f, "the scheme is `{scheme}`, not https"),
            Self::Credentials => f.write_str("a user name or password in it"),
            Self::Query => f.write_str("a query or fragment in it"),
            Self::ApiPath => f.write_str("it ends in `/v1`, which is added by itself"),
            Self::ConsolePage => f.write_str("it is the page of a profile in the console"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_endpoint_of_a_pasted_page() {
        let of = |url: &str| Endpoint::of_console(url).map(|endpoint| endpoint.to_string());
        let page = "/projects/5fbb/profiles/cluster/65c9?tab=1#x";
        for (host, endpoint) in [
            ("https://console.spectrocloud.com", Endpoint::DEFAULT),
            (
                "https://palette.example.com:8443",
                "https://palette.example.com:8443",
            ),
            ("http://127.0.0.1:9", "http://127.0.0.1:9"),
        ] {
            assert_eq!(of(&format!("{host}{page}")).unwrap(), endpoint);
        }
        assert_eq!(of("edge@1.0.0"), None);
        assert_eq!(of("https://me:secret@p.example/projects"), None);
    }

    #[test]
    fn spellings_of_one_place_are_one() {
        let canonical = Endpoint::parse("https://palette.example.com").unwrap();
        for text in [
            "palette.example.com",
            "https://palette.example.com/",
            "https://PALETTE.example.com:443",
            " https://palette.example.com// ",
        ] {
            assert_eq!(Endpoint::parse(text).unwrap(), canonical, "{text}");
        }
        assert_eq!(canonical.to_string(), "https://palette.example.com");
    }

    #[test]
    fn the_default_is_an_endpoint() {
        assert_eq!(
            Endpoint::default(),
            Endpoint::parse(Endpoint::DEFAULT).unwrap()
        );
    }

    #[test]
    fn a_path_and_a_port_are_kept() {
        for text in [
            "https://h.example:8443/palette",
            "https://h.example:8443/palette/",
        ] {
            let endpoint = Endpoint::parse(text).unwrap();
            assert_eq!(
                endpoint.join("/v1/projects/x").as_str(),
                "https://h.example:8443/palette/v1/projects/x"
            );
            assert_eq!(endpoint.to_string(), "https://h.example:8443/palette");
        }
        assert_eq!(
            Endpoint::parse("h.example").unwrap().join("/v1/x").as_str(),
            "https://h.example/v1/x"
        );
    }

    #[test]
    fn only_plain_http_to_another_host_is_exposed() {
        for (text, exposed) in [
            ("https://h.example", false),
            ("http://h.example", true),
            ("http://10.0.0.1", true),
            ("http://127.0.0.1:80", false),
            ("http://127.9.9.9", false),
            ("http://[::1]:8080", false),
            ("http://localhost:1", false),
            ("http://localhost.evil.example", true),
        ] {
            assert_eq!(
                Endpoint::parse(text).unwrap().is_exposed(),
                exposed,
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_endpoint_is_refused_without_repeating_it() {
        use InvalidEndpoint as I;
        for (text, expected) in [
            ("ftp://h.example", I::Scheme("ftp".into())),
            ("https://me:secret@h.example", I::Credentials),
            ("https://h.example/?a=b", I::Query),
            ("https://h.example/palette/v1/", I::ApiPath),
            (
                "https://h.example/projects/x/profiles/cluster/y",
                I::ConsolePage,
            ),
        ] {
            assert_eq!(Endpoint::parse(text).unwrap_err(), expected, "{text}");
            assert!(!expected.to_string().contains("secret"));
        }
        assert!(matches!(Endpoint::parse(""), Err(I::Url(_))));
    }
}
