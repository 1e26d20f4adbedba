//! What a certificate says, for messages. Nothing here decides whether it is trusted.

use std::net::IpAddr;

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;
use x509_parser::time::ASN1Time;

use crate::util::digest::Digest;
use crate::util::sanitize;

/// The maximum number of names that are shown.
const SHOWN: usize = 8;

/// A certificate that a host presented.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The SHA-256 digest of the certificate in DER.
    pub sha256: Digest,
    /// The first and the last day on which it is valid, as `YYYY-MM-DD`; `None` if it cannot be
    /// parsed.
    pub valid: Option<(String, String)>,
    /// Whether it is not valid now.
    pub is_out_of_date: bool,
    /// The names and IP addresses that it is for, printable; the common name if there are none.
    pub names: Vec<String>,
}

impl Certificate {
    /// Reads the certificate in `der`, at `now` in seconds since 1970.
    #[must_use]
    pub fn read(der: &[u8], now: u64) -> Self {
        let sha256 = Digest::of(der);
        let Ok((_, parsed)) = X509Certificate::from_der(der) else {
            return Self {
                sha256,
                valid: None,
                is_out_of_date: false,
                names: Vec::new(),
            };
        };
        let validity = parsed.validity();
        let now = i64::try_from(now).unwrap_or(i64::MAX);
        let is_valid =
            (validity.not_before.timestamp()..=validity.not_after.timestamp()).contains(&now);
        Self {
            sha256,
            valid: Some((day(validity.not_before), day(validity.not_after))),
            is_out_of_date: !is_valid,
            names: names(&parsed),
        }
    }
}

fn day(time: ASN1Time) -> String {
    let date = time.to_datetime().date();
    format!(
        "{:04}-{:02}-{:02}",
        date.year(),
        u8::from(date.month()),
        date.day()
    )
}

fn names(parsed: &X509Certificate<'_>) -> Vec<String> {
    let alternative = parsed.subject_alternative_name().ok().flatten();
    let listed = alternative
        .iter()
        .flat_map(|extension| &extension.value.general_names);
    let mut names: Vec<String> = listed
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            GeneralName::IPAddress(bytes) => address(bytes),
            _ => None,
        })
        .collect();
    if names.is_empty() {
        let common = parsed.subject().iter_common_name();
        names.extend(common.filter_map(|name| name.as_str().ok().map(str::to_owned)));
    }
    let mut shown: Vec<String> = names
        .iter()
        .take(SHOWN)
        .map(|name| sanitize::excerpt(name.as_bytes(), 100))
        .collect();
    if let Some(more) = names.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        shown.push(format!("{more} more"));
    }
    shown
}

fn address(bytes: &[u8]) -> Option<String> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    let v6 = || <[u8; 16]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| v6()).ok().map(|address| address.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_still_has_a_digest() {
        let certificate = Certificate::read(b"x", 0);
        assert_eq!(certificate.sha256, Digest::of(b"x"));
        assert_eq!(certificate.valid, None);
        assert!(!certificate.is_out_of_date && certificate.names.is_empty());
    }

    #[test]
    fn addresses_of_both_kinds() {
        assert_eq!(address(&[192, 168, 7, 21]).as_deref(), Some("192.168.7.21"));
        let mut v6 = [0; 16];
        v6[15] = 1;
        assert_eq!(address(&v6).as_deref(), Some("::1"));
        assert_eq!(address(&[1, 2]), None);
    }
}
