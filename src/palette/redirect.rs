//! Redirects, which are followed only within the origin that the key is for.
//!
//! HTTP libraries follow redirects to any origin. They remove `Authorization` when a request
//! leaves the first origin, but would keep an `ApiKey` header.

use reqwest::blocking::Response;
use reqwest::header::LOCATION;
use reqwest::{Method, StatusCode, Url};

use super::error::{PaletteError, RedirectRefusal};
use crate::util::sanitize;

/// The maximum number of redirects in a row.
pub(super) const LONGEST: u32 = 10;

/// Returns the target of a redirect, if it stays within its origin.
///
/// # Errors
/// Returns [`PaletteError::Redirect`], which names an origin and never the rest of an address,
/// since paths and queries of login pages contain tokens.
pub(super) fn follow(from: &Url, response: &Response) -> Result<Url, PaletteError> {
    let refused = |to: &str, why| PaletteError::Redirect {
        from: from.origin().ascii_serialization(),
        to: sanitize::excerpt(to.as_bytes(), 200),
        why,
    };
    let location = response
        .headers()
        .get(LOCATION)
        .and_then(|value| value.to_str().ok())
        .ok_or_else(|| refused("", RedirectRefusal::NoLocation))?;
    let mut to = from
        .join(location)
        .map_err(|_| refused("", RedirectRefusal::NoLocation))?;
    if to.origin() != from.origin() {
        let origin = to.origin().ascii_serialization();
        return Err(refused(&origin, RedirectRefusal::OtherOrigin));
    }
    // The library would send them as `Authorization`. Neither call fails for a URL with a host.
    let _ = to.set_username("");
    let _ = to.set_password(None);
    Ok(to)
}

/// Returns the error for one redirect too many, which led from `from` to `to`.
pub(super) fn endless(from: &Url, to: &Url) -> PaletteError {
    let shown = |url: &Url| {
        let text = format!("{}{}", url.origin().ascii_serialization(), url.path());
        sanitize::excerpt(text.as_bytes(), 200)
    };
    PaletteError::Redirect {
        from: shown(from),
        to: shown(to),
        why: RedirectRefusal::Loop,
    }
}

/// Returns the method of the next request (RFC 9110, 15.4): 303 asks for GET, 307 and 308 for
/// the same method. 301 and 302 allow both, but a POST that became a GET would be another call.
pub(super) fn method(status: StatusCode, method: Method) -> Method {
    match status {
        StatusCode::SEE_OTHER => Method::GET,
        _ => method,
    }
}
