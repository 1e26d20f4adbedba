//! The address of an edge host's local API: a name or an IP address, and a port.

use std::fmt;

use url::Host;

/// The port of the local API, unless the address has another (facts.md, 4).
pub const PORT: u16 = 5080;

/// Matches an address: a name, an IPv4 address, or an IPv6 address in brackets, with an optional
/// port. `https://` may precede it.
pub const PATTERN: &str = r"^([hH][tT][tT][pP][sS]://)?(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?)(:[0-9]{1,5})?/?$";

/// The address of an edge host. TLS is always used.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostAddress {
    host: Host,
    port: u16,
}

/// Why a text is not the address of an edge host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidHostAddress {
    /// It begins with `http://`.
    PlainHttp,
    /// It begins with another scheme.
    Scheme,
    /// It contains a user name or password.
    Credentials,
    /// It has a path, a query or a fragment.
    Path,
    /// It is an IPv6 address without brackets.
    NoBrackets,
    /// The port is not a number from 1 to 65535.
    Port,
    /// The name or the IP address is invalid.
    Host,
}

impl HostAddress {
    /// Parses an address.
    ///
    /// # Errors
    /// Returns [`InvalidHostAddress`].
    pub fn parse(text: &str) -> Result<Self, InvalidHostAddress> {
        use InvalidHostAddress as Mistake;
        let text = text.trim();
        let text = match text.split_once("://") {
            None => text,
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => {
                rest.strip_suffix('/').unwrap_or(rest)
            }
            Some((scheme, _)) if scheme.eq_ignore_ascii_case("http") => {
                return Err(Mistake::PlainHttp);
            }
            Some(_) => return Err(Mistake::Scheme),
        };
        if text.contains('@') {
            return Err(Mistake::Credentials);
        }
        if text.contains(['/', '?', '#']) {
            return Err(Mistake::Path);
        }
        if !text.starts_with('[') && text.matches(':').count() > 1 {
            return Err(Mistake::NoBrackets);
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (text, None),
        };
        let is_number = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
        let port = match port {
            None => PORT,
            Some(port) => port
                .parse()
                .ok()
                .filter(|number| *number > 0 && is_number(port))
                .ok_or(Mistake::Port)?,
        };
        // The library would decode escapes and drop control characters.
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:[]".contains(&byte);
        if !host.bytes().all(is_plain) {
            return Err(Mistake::Host);
        }
        let host = Host::parse(host).map_err(|_| Mistake::Host)?;
        match &host {
            Host::Domain(name) if name.split('.').next().is_none_or(str::is_empty) => {
                Err(Mistake::Host)
            }
            _ => Ok(Self { host, port }),
        }
    }

    /// Returns the name or IP address, with the brackets of an IPv6 address.
    #[must_use]
    pub fn host(&self) -> String {
        self.host.to_string()
    }

    /// Returns the port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

/// Always with the port.
impl fmt::Display for HostAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl InvalidHostAddress {
    /// Returns what is wrong, in a few words.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::PlainHttp => "a password would be sent unencrypted",
            Self::Scheme => "only `https://` may precede it",
            Self::Credentials => "it contains a user name or password",
            Self::Path => "it has a path",
            Self::NoBrackets => "it has several colons",
            Self::Port => "the port is not a number from 1 to 65535",
            Self::Host => "not a name or an IP address",
        }
    }

    /// Returns what to do.
    #[must_use]
    pub fn help(self) -> &'static str {
        match self {
            Self::PlainHttp | Self::Scheme | Self::Path => {
                "write the host alone, such as `192.168.7.21` or `line-1.example.com:5080`"
            }
            Self::Credentials => {
                "write the host alone; set `user`, and `EDGESTAGE_HOST_PASSWORD` for the password"
            }
            Self::NoBrackets => "write an IPv6 address in brackets, such as `[fd00::21]:5080`",
            Self::Port | Self::Host => {
                "write a name or an IP address, such as `192.168.7.21` or `[fd00::21]:5080`"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (text, address) in [
            ("192.168.7.21", "192.168.7.21:5080"),
            (" line-1 ", "line-1:5080"),
            ("Line-1.Example.com:443", "line-1.example.com:443"),
            ("[fd00::21]", "[fd00::21]:5080"),
            ("[FD00:0::21]:8443", "[fd00::21]:8443"),
            ("https://192.168.7.21:5080/", "192.168.7.21:5080"),
            ("HTTPS://line_1", "line_1:5080"),
        ] {
            assert_eq!(HostAddress::parse(text).unwrap().to_string(), address);
        }
    }

    #[test]
    fn what_is_no_address() {
        use InvalidHostAddress as Mistake;
        for (text, why) in [
            ("http://192.168.7.21", Mistake::PlainHttp),
            ("HTTP://192.168.7.21", Mistake::PlainHttp),
            ("ssh://192.168.7.21", Mistake::Scheme),
            ("me:pass@192.168.7.21", Mistake::Credentials),
            ("192.168.7.21/v1", Mistake::Path),
            ("192.168.7.21?x", Mistake::Path),
            ("fd00::21", Mistake::NoBrackets),
            ("192.168.7.21:0", Mistake::Port),
            ("192.168.7.21:+80", Mistake::Port),
            ("192.168.7.21:65536", Mistake::Port),
            ("192.168.7.21:", Mistake::Port),
            ("", Mistake::Host),
            (":5080", Mistake::Host),
            (".", Mistake::Host),
            ("192.168.7.999", Mistake::Host),
            ("line 1", Mistake::Host),
            ("line%201", Mistake::Host),
            ("[fd00::21", Mistake::Host),
            ("[]", Mistake::Host),
        ] {
            assert_eq!(HostAddress::parse(text), Err(why), "{text}");
        }
    }
}
