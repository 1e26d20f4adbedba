//! A detached signature, as bytes or as the hexadecimal digits of an upload.

use std::fmt;

/// The lengths of signatures by keys of 2048 to 8192 bits, in bytes.
const LENGTHS: std::ops::RangeInclusive<usize> = 256..=1024;

/// A raw RSA signature.
#[derive(Clone, PartialEq, Eq)]
pub struct Signature(Vec<u8>);

impl Signature {
    /// Returns the signature in `bytes`; `None` if no RSA key of 2048 to 8192 bits makes one of
    /// that length.
    #[must_use]
    pub fn from_raw(bytes: Vec<u8>) -> Option<Self> {
        LENGTHS.contains(&bytes.len()).then_some(Self(bytes))
    }

    /// Returns the signature in the content of a file: raw, or hexadecimal digits with or
    /// without a newline.
    #[must_use]
    pub fn from_file(bytes: Vec<u8>) -> Option<Self> {
        let digits = bytes.trim_ascii_end();
        if !digits.is_empty() && digits.iter().all(u8::is_ascii_hexdigit) {
            return Self::from_raw(decode(digits)?);
        }
        Self::from_raw(bytes)
    }

    /// Returns the raw signature.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the lower-case hexadecimal digits of an upload.
    #[must_use]
    pub fn hex(&self) -> String {
        let digit = |digit: u8| char::from(b"0123456789abcdef"[usize::from(digit)]);
        let digits = self.0.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        digits.map(digit).collect()
    }
}

fn decode(digits: &[u8]) -> Option<Vec<u8>> {
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    digits.chunks(2).map(byte).collect()
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({} bytes)", self.0.len())
    }
}
