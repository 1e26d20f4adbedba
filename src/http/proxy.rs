//! The route to a server: the host, the port, and the proxy that the HTTP library takes from the
//! environment.
//!
//! The library reads the variables itself and reports neither the one that it uses nor one that
//! it cannot parse. This module applies the same rules, only for messages.

use std::fmt;

use hyper_util::client::proxy::matcher::Matcher;
use url::Url;

use super::messages::{self, Misread};
use crate::diagnostic::Diagnostic;
use crate::util::endpoint::Endpoint;
use crate::util::environment::Environment;
use crate::util::sanitize;

/// The route of requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The host of the server.
    pub host: String,
    /// The port of the server.
    pub port: u16,
    /// The proxy, if there is one.
    pub proxy: Option<Proxy>,
}

/// A proxy, and the variable that names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// The host and the port, never the user name and password.
    pub address: String,
    /// The name of the variable.
    pub variable: &'static str,
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = sanitize::line(self.host.as_bytes());
        write!(f, "`{host}`, port {}", self.port)?;
        match &self.proxy {
            Some(Proxy { address, variable }) => {
                let address = sanitize::line(address.as_bytes());
                write!(f, ", through the proxy `{address}` of `{variable}`")
            }
            None => Ok(()),
        }
    }
}

/// The variables that may name a proxy, in order of precedence. In each pair, the first that is
/// set counts, even if it is empty.
const OF_HTTPS: [[&str; 2]; 2] = [["HTTPS_PROXY", "https_proxy"], ALL];
const OF_HTTP: [[&str; 2]; 2] = [["HTTP_PROXY", "http_proxy"], ALL];
const ALL: [&str; 2] = ["ALL_PROXY", "all_proxy"];

impl Route {
    /// Returns the route to `endpoint`, and messages about the variables that determine it.
    #[must_use]
    pub fn to(endpoint: &Endpoint, environment: &Environment) -> (Self, Vec<Diagnostic>) {
        let (host, port) = endpoint.host_and_port();
        let direct = Self {
            host,
            port,
            proxy: None,
        };
        let url = endpoint.join("/");
        let value = |name: &str| {
            let value = environment.variables.get(std::ffi::OsStr::new(name))?;
            value.to_str().map(str::to_owned)
        };
        let mut names = ["NO_PROXY", "no_proxy"].into_iter();
        let exceptions = names.find_map(|name| Some((name, value(name)?)));
        let excepted = exceptions.as_ref().map(|(_, list)| list.as_str());
        let through = |proxy: &str| through(proxy, excepted, &url);
        // In a CGI, `HTTP_PROXY` is a header of the client, so the library ignores it there.
        let is_cgi = value("REQUEST_METHOD").is_some();
        if endpoint.is_plain_loopback() || is_cgi || through("http://proxy").is_none() {
            return (direct, Vec::new());
        }
        let mut warnings = Vec::new();
        let pairs = if url.scheme() == "http" {
            OF_HTTP
        } else {
            OF_HTTPS
        };
        for pair in pairs {
            let set: Vec<(&'static str, String)> = pair
                .into_iter()
                .filter_map(|name| Some((name, value(name)?)))
                .collect();
            let Some((variable, text)) = set.first() else {
                continue;
            };
            if text.is_empty() {
                if let Some((other, _)) = set[1..].iter().find(|(_, text)| !text.is_empty()) {
                    warnings.push(messages::proxy_shadowed(other, variable));
                }
                continue;
            }
            let Some(address) = through(text) else {
                warnings.push(messages::proxy_ignored(variable));
                continue;
            };
            let wrong = misread(text);
            // The text that was parsed as the host may be a part of the password.
            let address = if wrong.is_some() {
                "…".to_owned()
            } else {
                address
            };
            warnings.extend(wrong.map(|why| messages::proxy_misread(variable, &why)));
            if let Some((name, list)) = &exceptions {
                warnings.extend(missed(name, list, &url));
            }
            let proxy = Some(Proxy { address, variable });
            return (Self { proxy, ..direct }, warnings);
        }
        (direct, warnings)
    }
}

/// Returns the host and port of the proxy for requests to `url`, if `proxy` is a proxy and
/// `exceptions` does not exclude `url`.
fn through(proxy: &str, exceptions: Option<&str>, url: &Url) -> Option<String> {
    let matcher = Matcher::builder()
        .all(proxy)
        .no(exceptions.unwrap_or_default())
        .build();
    let found = matcher.intercept(&url.as_str().parse().ok()?)?;
    let authority = found.uri().authority()?.as_str();
    let address = authority.rsplit('@').next().unwrap_or(authority);
    let has_port = found.uri().port().is_some();
    let port = match found.uri().scheme_str() {
        _ if has_port => "",
        Some("https") => ":443",
        Some("http") => ":80",
        _ => ":1080",
    };
    Some(format!("{address}{port}"))
}

/// Reports an exception that was meant for `url` but has a form that the library does not know.
fn missed(variable: &str, list: &str, url: &Url) -> Option<Diagnostic> {
    let entries = list.split([',', ';', ' ']).map(str::trim);
    let (entry, meant) = entries
        .map(|entry| {
            let host = entry.split_once("://").map_or(entry, |(_, host)| host);
            let host = host.split('/').next().unwrap_or(host);
            let bare = host.trim_end_matches(|c: char| c.is_ascii_digit());
            let host = bare.strip_suffix(':').unwrap_or(host);
            (entry, host.trim_start_matches('*'))
        })
        .find(|(_, host)| !host.is_empty() && through("http://proxy", Some(host), url).is_none())?;
    let host = sanitize::line(url.host_str().unwrap_or_default().as_bytes());
    let [entry, meant] = [entry, meant].map(|text| sanitize::line(text.as_bytes()));
    Some(messages::exception_not_understood(
        variable, &host, &entry, &meant,
    ))
}

/// Returns why the library reads an address differently than intended, or cannot use it.
fn misread(text: &str) -> Option<Misread> {
    let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
    if scheme.to_ascii_lowercase().starts_with("socks") {
        return Some(Misread::Socks);
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let signs = |text: &str| text.matches('@').count();
    // A password ends at the first sign that ends one in an address.
    if signs(authority) > 1 || signs(rest) > signs(authority) {
        return Some(Misread::Credentials);
    }
    let host = authority.rsplit('@').next().unwrap_or(authority);
    let is_of_a_host = |c: char| c.is_alphanumeric() || "-._~:[]%".contains(c);
    if host.chars().all(is_of_a_host) {
        let wrong = Url::parse(&format!("{scheme}://{rest}")).err()?;
        Some(Misread::Url(wrong))
    } else {
        Some(Misread::Host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(endpoint: &str, variables: &[(&str, &str)]) -> (String, Vec<String>) {
        let environment = Environment {
            variables: variables
                .iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            directory: "/".into(),
            terminal: false,
            interactive: false,
            columns: None,
        };
        let endpoint = Endpoint::parse(endpoint).unwrap();
        let (route, warnings) = Route::to(&endpoint, &environment);
        let text = format!("{route} {warnings:?}");
        assert!(!text.contains("hunter2"), "{text}");
        let warnings = warnings.into_iter().map(|warning| warning.title);
        (route.to_string(), warnings.collect())
    }

    #[test]
    fn the_proxy_and_who_named_it() {
        let palette = "https://palette.example";
        let direct = "`palette.example`, port 443";
        for (variables, proxy) in [
            (&[][..], ""),
            (
                &[("HTTPS_PROXY", "http://p:3128")][..],
                "`p:3128` of `HTTPS_PROXY`",
            ),
            (&[("https_proxy", "p")], "`p:80` of `https_proxy`"),
            (
                &[("HTTPS_PROXY", "https://p/"), ("https_proxy", "q")],
                "`p:443` of `HTTPS_PROXY`",
            ),
            (
                &[("ALL_PROXY", "http://me:hunter2@p:1")],
                "`p:1` of `ALL_PROXY`",
            ),
            (&[("HTTP_PROXY", "http://p:1")], ""),
            (
                &[
                    ("HTTPS_PROXY", "p:1"),
                    ("NO_PROXY", "x.example, palette.example"),
                ],
                "",
            ),
            (&[("HTTPS_PROXY", "p:1"), ("NO_PROXY", "*")], ""),
            (&[("HTTPS_PROXY", "p:1"), ("REQUEST_METHOD", "GET")], ""),
            (
                &[("HTTPS_PROXY", ""), ("ALL_PROXY", "p:1")],
                "`p:1` of `ALL_PROXY`",
            ),
        ] {
            let (route, warnings) = found(palette, variables);
            let proxy = match proxy {
                "" => direct.to_owned(),
                proxy => format!("{direct}, through the proxy {proxy}"),
            };
            assert_eq!((route, warnings), (proxy, Vec::new()), "{variables:?}");
        }
        let loopback = found("http://127.0.0.1:9", &[("HTTP_PROXY", "p:1")]);
        assert_eq!(loopback.0, "`127.0.0.1`, port 9");
        let plain = found("http://palette.example", &[("http_proxy", "p:1")]);
        assert!(plain.0.ends_with("`p:1` of `http_proxy`"), "{}", plain.0);
    }

    #[test]
    fn an_exception_in_another_form() {
        for (list, warned) in [
            ("*.example", true),
            ("https://palette.example", true),
            ("palette.example:443", true),
            ("localhost palette.example", true),
            ("127.0.0.1; palette.example/", true),
            ("other.example, *.test, 10.0.0.0/8, localhost:80", false),
            ("", false),
        ] {
            let variables = [("HTTPS_PROXY", "p:1"), ("no_proxy", list)];
            let (route, warnings) = found("https://palette.example", &variables);
            assert!(route.ends_with("`p:1` of `HTTPS_PROXY`"), "{list}: {route}");
            let expected = ["`no_proxy` does not exclude `palette.example`"];
            assert_eq!(warnings, expected[..usize::from(warned)], "{list}");
        }
    }

    #[test]
    fn a_variable_that_does_not_say_what_was_meant() {
        let ignored = "`HTTPS_PROXY` is not the address of a proxy";
        let misread = "`HTTPS_PROXY` cannot be read as the address of a proxy";
        let socks = "`HTTPS_PROXY` names a SOCKS proxy";
        for (text, warning) in [
            ("'http://p:3128'", ignored),
            (" http://p:3128", ignored),
            ("http://p:3128 ", ignored),
            ("http//p:3128", ignored),
            ("http:p:3128", ignored),
            ("ftp://p:3128", ignored),
            ("p 3128", ignored),
            ("'p:3128'", misread),
            ("http://p:99999", misread),
            ("http://p:port", misread),
            ("http://me:hunter2#x@p:3128", misread),
            ("http://me:12/hunter2@p:3128", misread),
            ("http://me:x@hunter2@p:3128", misread),
            ("socks5://p:1080", socks),
        ] {
            let (_, warnings) = found("https://palette.example", &[("HTTPS_PROXY", text)]);
            assert_eq!(warnings, [warning], "{text}");
        }
        // If a variable is ignored, the next one counts.
        let both = [("HTTPS_PROXY", " p"), ("all_proxy", "q:1")];
        let (route, warnings) = found("https://palette.example", &both);
        assert_eq!(warnings, [ignored]);
        assert!(route.ends_with("`q:1` of `all_proxy`"), "{route}");
        let shadow = [("HTTPS_PROXY", ""), ("https_proxy", "p:1")];
        let (route, warnings) = found("https://palette.example", &shadow);
        assert_eq!(warnings, ["`https_proxy` is ignored"]);
        assert_eq!(route, "`palette.example`, port 443");
    }
}
