//! The API key in memory.
//!
//! An [`ApiKey`] cannot be printed: its `Debug` shows a placeholder, it has no
//! `Display`, and it is wiped when dropped. [`ApiKey::mask`] takes it out of text that
//! came from elsewhere, since a server may echo what it was sent.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// What stands for the key wherever it would have been shown.
const PLACEHOLDER: &str = "[api key]";
/// So many characters of the key in front of a `…` are taken for a part of it.
const CUT: usize = 4;

/// A Palette API key: printable ASCII, not empty.
#[derive(Clone)]
pub struct ApiKey(SecretString);

/// Why a text cannot be a key. The text itself is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidKey {
    /// Nothing but white space.
    Empty,
    /// A character that no HTTP header may hold, or white space inside.
    Character,
}

impl ApiKey {
    /// The key in `text`, without the white space around it: a file or a command's
    /// output ends with a newline.
    ///
    /// # Errors
    /// [`InvalidKey`] where `text` is empty or cannot stand in an HTTP header.
    pub fn new(text: &str) -> Result<Self, InvalidKey> {
        let text = text.trim();
        if text.is_empty() {
            return Err(InvalidKey::Empty);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidKey::Character);
        }
        Ok(Self(SecretString::from(text)))
    }

    /// The key itself, for the one header that carries it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// `text` with every occurrence of the key replaced, one that an excerpt was cut
    /// inside of among them.
    #[must_use]
    pub fn mask(&self, text: &str) -> String {
        let key = self.expose();
        let mut text = text.replace(key, PLACEHOLDER);
        if text.contains('…') {
            for end in (CUT..key.len()).rev() {
                text = text.replace(&format!("{}…", &key[..end]), &format!("{PLACEHOLDER}…"));
            }
        }
        text
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PLACEHOLDER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_trimmed_checked_and_never_shown() {
        let key = ApiKey::new("  s3cret\r\n").unwrap();
        assert_eq!(key.expose(), "s3cret");
        assert_eq!(format!("{key:?}"), PLACEHOLDER);
        assert_eq!(key.mask("bad key s3cret!"), "bad key [api key]!");
        assert_eq!(key.mask("bad key s3cre…"), "bad key [api key]…");
        assert_eq!(ApiKey::new(" \n").unwrap_err(), InvalidKey::Empty);
        assert_eq!(ApiKey::new("a\nb").unwrap_err(), InvalidKey::Character);
    }
}
