//! Documents for auditors and their tools: an in-toto [`statement`] about what is staged or
//! built, and a CycloneDX [`bom`] of the packs.
//!
//! In: lock entries, and the digests of files that the caller has verified. Out: values that
//! serialize to the same bytes for the same input. They contain no path of the machine, and no
//! time unless the caller passes one. Nothing is read here but the clock, and nothing is verified
//! here: the caller must never pass what was not proven.

use std::ffi::OsStr;
use std::time::SystemTime;

use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

pub mod bom;
pub mod statement;

/// This version of edgestage.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// An algorithm of a digest that Palette has for a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Algorithm {
    Sha256,
    Sha384,
    Sha512,
}

impl Algorithm {
    const ALL: [Self; 3] = [Self::Sha256, Self::Sha384, Self::Sha512];

    /// Returns the name in Palette, and in the digest sets of in-toto.
    fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    /// Returns the name in CycloneDX.
    fn cyclonedx(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
        }
    }

    /// Returns the number of hexadecimal digits.
    fn digits(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Sha384 => 96,
            Self::Sha512 => 128,
        }
    }
}

/// Returns the algorithm and the hexadecimal digits of a pack's digest, such as `sha256:6f…`.
/// Returns `None` if it is in another form: Palette does not document the form, and a digest by
/// an unknown algorithm must not be presented as one by a known algorithm.
fn known_digest(digest: &str) -> Option<(Algorithm, &str)> {
    let (name, digits) = digest.split_once(':')?;
    let mut all = Algorithm::ALL.into_iter();
    let algorithm = all.find(|algorithm| algorithm.name() == name)?;
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let is_whole = digits.len() == algorithm.digits() && digits.bytes().all(is_digit);
    is_whole.then_some((algorithm, digits))
}

/// A time in UTC, in whole seconds, as RFC 3339 has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Timestamp(String);

impl Timestamp {
    /// Returns the time of `SOURCE_DATE_EPOCH`, seconds since 1970, or the present time if it is
    /// not set. Returns `None` if it is not a whole number, or after the year 9999.
    #[must_use]
    pub fn of(source_date_epoch: Option<&OsStr>) -> Option<Self> {
        let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let seconds: u64 = match source_date_epoch {
            Some(text) => text.to_str()?.parse().ok()?,
            None => now().ok()?.as_secs(),
        };
        let time = OffsetDateTime::from_unix_timestamp(seconds.try_into().ok()?).ok()?;
        Some(Self(time.format(&Rfc3339).ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_of_an_unknown_form_is_not_given_an_algorithm() {
        let hex = |length: usize| "0f".repeat(length / 2);
        for (text, algorithm) in [
            (format!("sha256:{}", hex(64)), Some(Algorithm::Sha256)),
            (format!("sha384:{}", hex(96)), Some(Algorithm::Sha384)),
            (format!("sha512:{}", hex(128)), Some(Algorithm::Sha512)),
            (hex(64), None),
            (format!("sha256:{}", hex(62)), None),
            (format!("sha512:{}", hex(64)), None),
            (format!("sha256:{}", hex(64).to_uppercase()), None),
            (format!("SHA256:{}", hex(64)), None),
            (format!("sha256:{}g", &hex(64)[1..]), None),
            (format!("md5:{}", hex(32)), None),
            (format!("sha256:{}é", hex(62)), None),
            (String::new(), None),
        ] {
            let known = known_digest(&text);
            assert_eq!(known.map(|(algorithm, _)| algorithm), algorithm, "{text}");
        }
    }

    #[test]
    fn a_time_is_written_as_rfc_3339_has_it() {
        let of = |text: &str| Timestamp::of(Some(OsStr::new(text))).map(|time| time.0);
        for (seconds, text) in [
            ("0", Some("1970-01-01T00:00:00Z")),
            ("951782400", Some("2000-02-29T00:00:00Z")),
            ("1767225599", Some("2025-12-31T23:59:59Z")),
            ("253402300799", Some("9999-12-31T23:59:59Z")),
            ("253402300800", None),
            ("18446744073709551616", None),
            ("-1", None),
            ("1.5", None),
            ("now", None),
        ] {
            assert_eq!(of(seconds).as_deref(), text, "{seconds}");
        }
        assert!(Timestamp::of(None).is_some());
    }
}
