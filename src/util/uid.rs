//! Uids: the identifiers of projects and profiles in Palette, 24 hexadecimal digits
//! (docs/reference.md).

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The number of hexadecimal digits in a uid.
pub const DIGITS: usize = 24;

/// A uid, in lower case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(into = "String", try_from = "String")]
#[schemars(
    description = "A Palette uid: 24 hexadecimal digits.",
    extend("pattern" = PATTERN)
)]
pub struct Uid(String);

/// A regular expression that matches a uid.
pub const PATTERN: &str = "^[0-9a-fA-F]{24}$";

/// The error for a text that is not 24 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidUid(String);

impl Uid {
    /// Parses a uid. Returns `None` if `text` is not 24 hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let right = text.len() == DIGITS && text.bytes().all(|b| b.is_ascii_hexdigit());
        right.then(|| Self(text.to_ascii_lowercase()))
    }

    /// Returns the 24 digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Uid> for String {
    fn from(uid: Uid) -> Self {
        uid.0
    }
}

impl TryFrom<String> for Uid {
    type Error = InvalidUid;

    fn try_from(text: String) -> Result<Self, InvalidUid> {
        Self::parse(&text).ok_or(InvalidUid(text))
    }
}

impl fmt::Display for InvalidUid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a uid: {DIGITS} hexadecimal digits", self.0)
    }
}

impl std::error::Error for InvalidUid {}
