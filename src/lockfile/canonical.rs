//! Recognizes the entries of a `profiles.lock` that edgestage wrote, without parsing them.
//!
//! Input: the text from the heading of an entry on. Output: where the entry ends, its name and
//! its digests; or `None` if a single byte differs from what `write.rs` writes, and the TOML
//! parser has to judge the entry. This is no TOML parser: it compares the text with one form,
//! line by line. Whatever it accepts, the TOML parser accepts, so an entry can be left unparsed
//! until it is needed without hiding a mistake in it.

use std::ops::Range;

/// The number of hexadecimal digits of a SHA-256 digest.
const DIGEST: usize = 64;
/// The most digits of a size, so that every size is a 64-bit integer.
const SIZE: usize = 18;

/// An entry in the form in which edgestage writes it.
pub(super) struct CanonicalEntry<'t> {
    /// The name of the definition.
    pub name: &'t str,
    /// The length of the entry in bytes.
    pub length: usize,
    /// The place of the digits of `content-sha256`, counted from the start of the entry.
    pub content_sha256: Range<usize>,
    /// The place of the digits of `sha256`.
    pub sha256: Range<usize>,
}

/// Recognizes the entry at the start of `text`, which begins with the line break before its
/// heading.
pub(super) fn entry(text: &str) -> Option<CanonicalEntry<'_>> {
    let mut cursor = Cursor { text, at: 0 };
    cursor.word("\n[definition.")?;
    let (key, name) = cursor.key()?;
    cursor.word("]\nendpoint = ")?;
    cursor.string()?;
    if cursor.word("\nproject = ").is_some() {
        cursor.uid()?;
    }
    cursor.word("\nasked-sha256 = ")?;
    cursor.digest()?;
    cursor.word("\ncontent-sha256 = ")?;
    let content_sha256 = cursor.digest()?;
    cursor.word("\nsha256 = ")?;
    let sha256 = cursor.digest()?;
    cursor.word("\nsize = ")?;
    cursor.size()?;
    cursor.word("\n")?;
    profile(&mut cursor, key)?;
    while cursor.rest().starts_with("\n[[") {
        profile(&mut cursor, key)?;
    }
    Some(CanonicalEntry {
        name,
        length: cursor.at,
        content_sha256,
        sha256,
    })
}

/// Recognizes a profile of the entry with this `key`.
fn profile(cursor: &mut Cursor<'_>, key: &str) -> Option<()> {
    cursor.word("\n[[definition.")?;
    cursor.word(key)?;
    cursor.word(".profiles]]\nuid = ")?;
    cursor.uid()?;
    cursor.word("\nname = ")?;
    cursor.string()?;
    cursor.word("\nversion = ")?;
    cursor.string()?;
    cursor.word("\ntype = ")?;
    cursor.string()?;
    cursor.word("\npacks = [\n")?;
    while cursor.word("  { name = ").is_some() {
        cursor.string()?;
        cursor.word(", layer = ")?;
        cursor.string()?;
        cursor.word(", tag = ")?;
        cursor.string()?;
        if cursor.word(", version = ").is_some() {
            cursor.string()?;
        }
        if cursor.word(", digest = ").is_some() {
            cursor.string()?;
        }
        cursor.word(" },\n")?;
    }
    cursor.word("]\n")
}

/// A position in a text. Each method moves past what it recognizes, or returns `None`.
struct Cursor<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Cursor<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    /// Moves past exactly this text.
    #[inline]
    fn word(&mut self, word: &str) -> Option<()> {
        self.rest().starts_with(word).then(|| self.at += word.len())
    }

    /// Moves past a string in double quotes that has neither escapes nor control characters,
    /// and returns its value.
    fn string(&mut self) -> Option<&'t str> {
        self.word("\"")?;
        let rest = self.rest();
        let is_special = |byte: &u8| *byte < b' ' || matches!(byte, b'"' | b'\\' | 0x7f);
        let end = rest.as_bytes().iter().position(is_special)?;
        self.at += end;
        self.word("\"")?;
        Some(&rest[..end])
    }

    /// Moves past a key, bare or quoted, and returns it as it stands in the text and its value.
    fn key(&mut self) -> Option<(&'t str, &'t str)> {
        let rest = self.rest();
        let value = if rest.starts_with('"') {
            self.string()?
        } else {
            let is_bare = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_".contains(byte);
            let end = rest.bytes().position(|byte| !is_bare(&byte))?;
            self.at += end;
            Some(&rest[..end]).filter(|key| !key.is_empty())?
        };
        Some((&rest[..rest.len() - self.rest().len()], value))
    }

    /// Moves past `count` lower-case hexadecimal digits in double quotes, and returns the place
    /// of the digits.
    fn digits(&mut self, count: usize) -> Option<Range<usize>> {
        self.word("\"")?;
        let digits = self.rest().as_bytes().get(..count)?;
        let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        // Without an early end, this is a comparison of many bytes at a time.
        let all = digits.iter().fold(true, |all, byte| all & is_digit(byte));
        if !all {
            return None;
        }
        let place = self.at..self.at + count;
        self.at = place.end;
        self.word("\"")?;
        Some(place)
    }

    fn digest(&mut self) -> Option<Range<usize>> {
        self.digits(DIGEST)
    }

    fn uid(&mut self) -> Option<Range<usize>> {
        self.digits(crate::util::uid::DIGITS)
    }

    /// Moves past a whole number without a sign and without leading zeros.
    fn size(&mut self) -> Option<()> {
        let rest = self.rest();
        let end = rest.bytes().position(|byte| !byte.is_ascii_digit())?;
        let is_number = (1..=SIZE).contains(&end) && (end == 1 || !rest.starts_with('0'));
        is_number.then(|| self.at += end)
    }
}
