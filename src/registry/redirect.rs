//! Redirects of a registry, which usually lead to object storage.
//!
//! A redirect is followed to any host over HTTPS, without the credentials. Plain HTTP is
//! followed only from plain HTTP, and only to the same host or within this machine.

use reqwest::Url;
use reqwest::blocking::Response;
use reqwest::header::LOCATION;

use super::error::{RegistryError, RegistryRedirect};
use crate::util::repository::is_loopback;
use crate::util::sanitize;

/// The maximum number of redirects in a row.
pub(super) const LONGEST: u32 = 5;

/// Returns the `Location` of an answer to a request to `from`, if requests may go there.
///
/// # Errors
/// Returns [`RegistryError::Redirect`], which names an origin and never the rest of an address,
/// since the addresses of object storage contain signatures.
pub(super) fn location(from: &Url, response: &Response) -> Result<Url, RegistryError> {
    let location = response
        .headers()
        .get(LOCATION)
        .and_then(|value| value.to_str().ok());
    target(from, location)
}

fn target(from: &Url, location: Option<&str>) -> Result<Url, RegistryError> {
    let to = location.and_then(|location| from.join(location).ok());
    match to.filter(Url::has_host) {
        Some(to) => checked(from, to),
        None => Err(refused(from, None, RegistryRedirect::NoLocation)),
    }
}

/// Returns `to` if requests may go there from `from`.
///
/// # Errors
/// Returns [`RegistryError::Redirect`].
pub(super) fn checked(from: &Url, mut to: Url) -> Result<Url, RegistryError> {
    let is_same_host = to.host() == from.host();
    let is_within_machine = is_loopback(from) && is_loopback(&to);
    match to.scheme() {
        "https" => {}
        "http" if from.scheme() == "http" && (is_same_host || is_within_machine) => {}
        "http" => return Err(refused(from, Some(&to), RegistryRedirect::PlainHttp)),
        _ => return Err(refused(from, Some(&to), RegistryRedirect::NoLocation)),
    }
    // The library would send them as `Authorization`. Neither call fails for a URL with a host.
    let _ = to.set_username("");
    let _ = to.set_password(None);
    Ok(to)
}

/// Returns the error for a redirect that is not followed.
pub(super) fn refused(from: &Url, to: Option<&Url>, why: RegistryRedirect) -> RegistryError {
    let origin = |url: &Url| {
        let origin = url.origin().ascii_serialization();
        sanitize::excerpt(origin.as_bytes(), 200)
    };
    RegistryError::Redirect {
        from: origin(from),
        to: to.map(origin).unwrap_or_default(),
        why,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_redirect_may_lead() {
        for (from, to, followed) in [
            (
                "https://r.example/v2/x",
                "https://storage.example/b?sig=1",
                true,
            ),
            ("https://r.example/v2/x", "/other", true),
            ("https://r.example/v2/x", "http://r.example/other", false),
            ("https://r.example/v2/x", "http://storage.example/b", false),
            ("https://r.example/v2/x", "http://127.0.0.1/b", false),
            (
                "http://127.0.0.1:5000/v2/x",
                "http://127.0.0.1:5001/b",
                true,
            ),
            (
                "http://127.0.0.1:5000/v2/x",
                "http://localhost:5001/b",
                true,
            ),
            (
                "http://127.0.0.1:5000/v2/x",
                "https://storage.example/b",
                true,
            ),
            (
                "http://127.0.0.1:5000/v2/x",
                "http://storage.example/b",
                false,
            ),
            ("http://r.example/v2/x", "http://r.example/other", true),
            ("http://r.example/v2/x", "http://storage.example/b", false),
            ("https://r.example/v2/x", "ftp://r.example/b", false),
            ("https://r.example/v2/x", "file:///etc/passwd", false),
        ] {
            let from = Url::parse(from).unwrap();
            let found = target(&from, Some(to));
            assert_eq!(found.is_ok(), followed, "{from} {to}");
            assert!(!format!("{:?}", found.err()).contains("sig"));
        }
        let from = Url::parse("https://r.example/").unwrap();
        assert!(target(&from, None).is_err());
        let to = target(&from, Some("https://me:pw@s.example/")).unwrap();
        assert_eq!(to.as_str(), "https://s.example/");
    }
}
