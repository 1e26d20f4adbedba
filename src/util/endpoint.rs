//! Palette's address: scheme, host, port and, if a reverse proxy adds one, a path.

use std::fmt;

use url::Url;

use super::repository::is_loopback;

/// The base URL of a Palette API. Two spellings of the same address are equal: with or without
/// a trailing slash or the default port, in upper or lower case.
///
/// An endpoint is an address, not an identity: a Palette has as many addresses as its DNS gives
/// it, and SaaS has three (facts.md, 1).
#[derive(Clone)]
pub struct Endpoint {
    url: Url,
    spelling: Spelling,
}

/// How an endpoint was written, as far as messages need it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// With a scheme.
    Plain,
    /// Without a scheme; `https` is assumed.
    Bare,
    /// As the host of the SaaS console; the API has a separate host.
    Console,
}

/// Why a text is not an endpoint. Contains no part of the text that may be a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidEndpoint {
    /// What is wrong with it.
    pub why: Mistake,
    /// The value that was probably meant.
    pub corrected: Option<String>,
}

/// The mistake in a text that is not an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mistake {
    /// The text is empty.
    Empty,
    /// The text is in quotes.
    Quotes,
    /// There is no scheme, or it is not followed by `://`.
    NoScheme,
    /// The text is not a URL.
    Url(String),
    /// The scheme is neither `https` nor `http`.
    Scheme(String),
    /// The URL contains a user name or a password.
    Credentials,
    /// The URL contains a query or a fragment.
    Query,
    /// The URL is that of a console page.
    ConsolePage,
    /// The URL contains the path of the API, which edgestage adds itself.
    ApiPath,
}

/// The host of the API of Palette SaaS (facts.md, 1).
const SAAS_API: &str = "api.spectrocloud.com";
/// The host of the SaaS console; tenants have subdomains of it.
const SAAS_CONSOLE: &str = "console.spectrocloud.com";

/// Path segments that console pages contain at any position.
const PAGES: [&str; 2] = ["projects", "profiles"];
/// First path segments of console pages.
const FIRST_OF_PAGES: [&str; 4] = ["admin", "login", "auth", "dashboard"];

impl Endpoint {
    /// Palette SaaS, the default (facts.md, 1).
    pub const DEFAULT: &str = "https://api.spectrocloud.com";

    /// Parses an endpoint that has a scheme.
    ///
    /// # Errors
    /// Returns [`InvalidEndpoint`] if `text` is not an endpoint.
    pub fn parse(text: &str) -> Result<Self, InvalidEndpoint> {
        let text = unquoted(text)?;
        if text.contains("://") {
            return read(text, Spelling::Plain);
        }
        Err(without_scheme(text))
    }

    /// Parses an endpoint from a variable or from a person at a terminal. `https://` is assumed
    /// for a bare host, which is what `SPECTROCLOUD_HOST` holds (facts.md, 1).
    ///
    /// # Errors
    /// Returns [`InvalidEndpoint`] if `text` is not an endpoint.
    pub fn of_variable(text: &str) -> Result<Self, InvalidEndpoint> {
        let text = unquoted(text)?;
        if text.contains("://") {
            return read(text, Spelling::Plain);
        }
        if cut_scheme(text).is_some() {
            return Err(without_scheme(text));
        }
        read(&format!("https://{text}"), Spelling::Bare)
    }

    /// Returns the endpoint that belongs to the console page `url` (facts.md, 1). SaaS has a
    /// separate host for the API; elsewhere, the console and the API share a host.
    #[must_use]
    pub fn of_console(url: &str) -> Option<Self> {
        let mut url = Url::parse(url).ok()?;
        url.host_str()?;
        if is_saas(&url) {
            return Some(Self::default());
        }
        let prefix = before_page(&url);
        url.set_path(&prefix);
        url.set_query(None);
        url.set_fragment(None);
        read(url.as_str(), Spelling::Plain).ok()
    }

    /// Returns how the endpoint was written.
    #[must_use]
    pub fn spelling(&self) -> Spelling {
        self.spelling
    }

    /// Returns whether the host is one of Palette SaaS: the API, the console or a tenant's
    /// console.
    #[must_use]
    pub fn is_saas(&self) -> bool {
        is_saas(&self.url)
    }

    /// Returns whether both endpoints are known to be the same Palette.
    #[must_use]
    pub fn is_same_palette(&self, other: &Self) -> bool {
        self == other || self.is_saas() && other.is_saas()
    }

    /// Returns the URL of an API path, which starts with `/v1/`.
    #[must_use]
    pub fn join(&self, path: &str) -> Url {
        let mut url = self.url.clone();
        let base = self.url.path().trim_end_matches('/');
        url.set_path(&format!("{base}{path}"));
        url
    }

    /// Returns the host and the port.
    #[must_use]
    pub fn host_and_port(&self) -> (String, u16) {
        let host = self.url.host_str().unwrap_or_default().to_owned();
        // Both schemes have a default port.
        (host, self.url.port_or_known_default().unwrap_or_default())
    }

    /// Returns whether requests can be read in transit: plain HTTP to another host.
    #[must_use]
    pub fn is_exposed(&self) -> bool {
        self.url.scheme() == "http" && !self.is_loopback()
    }

    /// Returns whether the endpoint is plain HTTP to this machine.
    #[must_use]
    pub fn is_plain_loopback(&self) -> bool {
        self.url.scheme() == "http" && self.is_loopback()
    }

    fn is_loopback(&self) -> bool {
        is_loopback(&self.url)
    }
}

/// Returns `text` without surrounding white space.
fn unquoted(text: &str) -> Result<&str, InvalidEndpoint> {
    let text = text.trim();
    let inside = text.trim_matches(['"', '\'', '`', '<', '>']).trim();
    if inside.is_empty() {
        return Err(Mistake::Empty.alone());
    }
    if inside == text {
        return Ok(text);
    }
    Err(InvalidEndpoint {
        why: Mistake::Quotes,
        corrected: match Endpoint::of_variable(inside) {
            Ok(meant) => Some(meant.to_string()),
            Err(wrong) => wrong.corrected,
        },
    })
}

/// Splits off the scheme of a text whose `://` is incomplete: `https:/x`, `https//x`, `//x`.
fn cut_scheme(text: &str) -> Option<(&'static str, &str)> {
    let cut = ["https", "http", ""].into_iter().find_map(|scheme| {
        let (start, rest) = text.split_at_checked(scheme.len())?;
        let behind = rest.strip_prefix([':', '/'])?;
        // A host may be named `https` and have a port.
        let is_port = behind.bytes().all(|byte| byte.is_ascii_digit());
        let is_it = start.eq_ignore_ascii_case(scheme) && !is_port;
        is_it.then_some((scheme, behind.trim_start_matches([':', '/'])))
    });
    cut.map(|(scheme, rest)| (if scheme == "http" { "http" } else { "https" }, rest))
}

/// Returns the mistake in a text that has no scheme.
fn without_scheme(text: &str) -> InvalidEndpoint {
    let (scheme, rest) = cut_scheme(text).unwrap_or(("https", text));
    let meant = match read(&format!("{scheme}://{rest}"), Spelling::Plain) {
        Ok(meant) => Some(meant.to_string()),
        Err(wrong) => wrong.corrected,
    };
    InvalidEndpoint {
        why: Mistake::NoScheme,
        corrected: meant,
    }
}

/// Parses a text that has a scheme.
fn read(text: &str, spelling: Spelling) -> Result<Endpoint, InvalidEndpoint> {
    let mut url = Url::parse(text).map_err(|error| Mistake::Url(error.to_string()).alone())?;
    let wrong = |why: Mistake| InvalidEndpoint {
        why,
        corrected: corrected(&url),
    };
    if !matches!(url.scheme(), "https" | "http") {
        return Err(wrong(Mistake::Scheme(url.scheme().to_owned())));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong(Mistake::Credentials));
    }
    if before_page(&url) != bare_path(&url) {
        return Err(wrong(Mistake::ConsolePage));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong(Mistake::Query));
    }
    if before_api(&url) != bare_path(&url) {
        return Err(wrong(Mistake::ApiPath));
    }
    let path = bare_path(&url);
    url.set_path(&path);
    let is_console = url.host_str() == Some(SAAS_CONSOLE) && url.port().is_none();
    if is_console && url.set_host(Some(SAAS_API)).is_ok() {
        return Ok(Endpoint {
            url,
            spelling: Spelling::Console,
        });
    }
    Ok(Endpoint { url, spelling })
}

/// Returns the endpoint that was probably meant by a URL that is not an endpoint.
fn corrected(url: &Url) -> Option<String> {
    let [page, api] = [before_page(url), before_api(url)];
    let is_page = page != bare_path(url);
    if is_saas(url) && is_page || url.host_str() == Some(SAAS_CONSOLE) {
        return Some(Endpoint::DEFAULT.to_owned());
    }
    let host = url.host_str().filter(|host| !host.is_empty())?;
    let port = url.port().map(|port| format!(":{port}"));
    let scheme = if url.scheme() == "http" {
        "http"
    } else {
        "https"
    };
    let path = if page.len() < api.len() { page } else { api };
    Some(format!(
        "{scheme}://{host}{}{path}",
        port.unwrap_or_default()
    ))
}

/// Returns whether the host belongs to Palette SaaS (facts.md, 1).
fn is_saas(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let tenant = host.strip_suffix(SAAS_CONSOLE);
    host == SAAS_API || tenant.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Returns the path without trailing slashes.
fn bare_path(url: &Url) -> String {
    url.path().trim_end_matches('/').to_owned()
}

/// Returns the part of the path before the name of a console page. On SaaS, the only other path
/// is that of the API.
fn before_page(url: &Url) -> String {
    let is_saas = is_saas(url);
    before(url, |at, segment| {
        let is_first = at == 0 && (FIRST_OF_PAGES.contains(&segment) || is_saas && segment != "v1");
        is_first || PAGES.contains(&segment)
    })
}

/// Returns the part of the path before the path of the API.
fn before_api(url: &Url) -> String {
    before(url, |_, segment| segment.eq_ignore_ascii_case("v1"))
}

/// Returns the part of the path before the first segment for which `ends` holds.
fn before(url: &Url, ends: impl Fn(usize, &str) -> bool) -> String {
    let path = bare_path(url);
    let segments = path.split('/').filter(|segment| !segment.is_empty());
    let segments: Vec<&str> = segments.collect();
    let end = segments
        .iter()
        .enumerate()
        .position(|(at, segment)| ends(at, segment));
    match end {
        None => path,
        Some(0) => String::new(),
        Some(end) => format!("/{}", segments[..end].join("/")),
    }
}

impl Default for Endpoint {
    /// Returns [`Endpoint::DEFAULT`]. A test checks that it is a URL.
    fn default() -> Self {
        match Url::parse(Self::DEFAULT) {
            Ok(url) => Self {
                url,
                spelling: Spelling::Plain,
            },
            Err(error) => unreachable!("{}: {error}", Self::DEFAULT),
        }
    }
}

/// Compares the addresses, however they were written.
impl PartialEq for Endpoint {
    fn eq(&self, other: &Self) -> bool {
        self.url == other.url
    }
}

impl Eq for Endpoint {}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.url.as_str().trim_end_matches('/'))
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Mistake {
    /// Creates the error for a text whose intended meaning is unknown.
    fn alone(self) -> InvalidEndpoint {
        InvalidEndpoint {
            why: self,
            corrected: None,
        }
    }
}

impl InvalidEndpoint {
    /// Returns the edit that corrects the mistake.
    #[must_use]
    pub fn help(&self) -> String {
        match &self.corrected {
            Some(corrected) => format!("write `{corrected}`"),
            None => format!(
                "write it as `https://HOST`, such as `{}`",
                Endpoint::DEFAULT
            ),
        }
    }
}

impl fmt::Display for InvalidEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.why {
            Mistake::Empty => f.write_str("it is empty"),
            Mistake::Quotes => f.write_str("it is enclosed in quotes"),
            Mistake::NoScheme => f.write_str("it does not begin with `https://`"),
            Mistake::Url(why) => write!(f, "not a URL: {why}"),
            Mistake::Scheme(scheme) => write!(f, "the scheme is `{scheme}`, not https"),
            Mistake::Credentials => f.write_str("it contains a user name or password"),
            Mistake::Query => f.write_str("it contains a query or fragment"),
            Mistake::ApiPath => {
                f.write_str("it contains the API path `/v1`, which is added automatically")
            }
            Mistake::ConsolePage => f.write_str("it is a page of the console"),
        }
    }
}

#[cfg(test)]
mod tests;
