//! The API key in memory.
//!
//! An [`ApiKey`] cannot be printed: its `Debug` shows a placeholder, it has no
//! `Display`, and it is wiped when dropped. [`ApiKey::mask`] takes it out of text that
//! came from elsewhere, since a server may echo what it was sent, as it is or as it was
//! written in a header or an address. [`keep_out_of_dumps`] keeps it out of core dumps.

use std::fmt;
use std::ops::Range;

use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};

/// What stands for the key wherever it would have been shown.
const PLACEHOLDER: &str = "[api key]";
/// So many characters of the key in front of a `…` are taken for a part of it.
const CUT: usize = 4;
/// Fewer digits of base64 than these may be a part of any word.
const FEWEST: usize = 8;
/// RFC 4648, 4.
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

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

/// What a key looks like that is probably none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suspicion {
    /// Quotes that a shell would have taken off.
    Quotes,
    /// The name of a variable or header in front of it.
    Name,
    /// A reference that somebody else resolves: `$NAME`, `op://…`.
    Reference,
    /// What documentation and templates write for a key.
    Placeholder,
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

    /// What speaks against it, for when it was refused: nobody knows what keys may look like.
    #[must_use]
    pub fn suspicion(&self) -> Option<Suspicion> {
        const PLACEHOLDERS: [&str; 11] = [
            "yourkey",
            "yourapikey",
            "yourpaletteapikey",
            "myapikey",
            "apikey",
            "paletteapikey",
            "changeme",
            "replaceme",
            "placeholder",
            "example",
            "todo",
        ];
        let key = self.expose();
        let lower = key.to_ascii_lowercase();
        let bare: String = lower.chars().filter(char::is_ascii_alphanumeric).collect();
        let quote = |c: char| matches!(c, '"' | '\'' | '`');
        if key.starts_with(quote) || key.ends_with(quote) {
            return Some(Suspicion::Quotes);
        }
        let names = [
            "palette_api_key",
            "spectrocloud_apikey",
            "apikey",
            "api-key",
            "api_key",
        ];
        let is_name = |name: &str| {
            lower
                .strip_prefix(name)
                .is_some_and(|rest| rest.len() > 1 && rest.starts_with(['=', ':']))
        };
        if names.into_iter().any(is_name) {
            return Some(Suspicion::Name);
        }
        if lower.starts_with('$') || lower.contains("://") || lower.starts_with("{{") {
            return Some(Suspicion::Reference);
        }
        let in_brackets = key.starts_with('<') && key.ends_with('>')
            || key.starts_with('[') && key.ends_with(']');
        let repeated = lower
            .bytes()
            .all(|byte| matches!(byte, b'x' | b'*' | b'.' | b'-'));
        let is_placeholder = in_brackets
            || repeated
            || PLACEHOLDERS.contains(&bare.as_str())
            || bare.starts_with("your") && bare.contains("key");
        is_placeholder.then_some(Suspicion::Placeholder)
    }

    /// The key itself, for the one header that carries it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// `text` with every occurrence of the key replaced: as it is, URL-encoded, with
    /// backslashes, in base64; one that an excerpt was cut inside of among them.
    #[must_use]
    pub fn mask(&self, text: &str) -> String {
        let mut masked = String::with_capacity(text.len());
        let mut end = 0;
        for found in self.places(text) {
            masked.push_str(&text[end..found.start]);
            masked.push_str(PLACEHOLDER);
            end = found.end;
        }
        masked + &text[end..]
    }

    /// `text` with every byte of every occurrence overwritten by `*`, for a text in which
    /// places are named, and which is cut later: a part of a key is not found any more.
    #[must_use]
    pub fn blot(&self, text: &str) -> String {
        let mut blotted = text.to_owned();
        for found in self.places(text) {
            blotted.replace_range(found.clone(), &"*".repeat(found.len()));
        }
        blotted
    }

    /// Where the key stands in `text`, in whatever form.
    fn places(&self, text: &str) -> Vec<Range<usize>> {
        let forms = self.forms();
        let mut found = Vec::new();
        let mut at = 0;
        while let Some(first) = text[at..].chars().next() {
            let lengths = forms.iter().filter_map(|form| form.begins(&text[at..]));
            let longest = lengths.max();
            found.extend(longest.map(|length| at..at + length));
            at += longest.unwrap_or(first.len_utf8());
        }
        found
    }

    fn forms(&self) -> Vec<Form> {
        let key = self.expose();
        let whole = |writing| Form {
            digits: Zeroizing::new(key.to_owned()),
            writing,
        };
        let mut forms = vec![
            whole(Writing::Plain),
            whole(Writing::Percent),
            whole(Writing::Backslash),
        ];
        // Behind no byte, one or two, as `user:` may stand before it: the digits that
        // depend on the key alone.
        let encoded = [0, 4, 2].map(|skipped| Form {
            digits: base64(key.as_bytes(), skipped),
            writing: Writing::Base64,
        });
        let long = |form: &Form| form.digits.len() >= FEWEST;
        forms.extend(encoded.into_iter().filter(long));
        forms
    }
}

/// The whole digits of base64 in `bytes`, without the first `skipped` bits.
fn base64(bytes: &[u8], skipped: usize) -> Zeroizing<String> {
    let bit = |at: usize| usize::from(bytes[at / 8] >> (7 - at % 8) & 1);
    let starts = (skipped..).step_by(6);
    let whole = (8 * bytes.len()).saturating_sub(skipped) / 6;
    let digits = starts.take(whole).map(|start| {
        let digit = (start..start + 6).fold(0, |digit, at| digit << 1 | bit(at));
        char::from(BASE64[digit])
    });
    Zeroizing::new(digits.collect())
}

/// The key as a text may have it.
struct Form {
    digits: Zeroizing<String>,
    writing: Writing,
}

/// How a text writes one character.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Writing {
    /// As it is.
    Plain,
    /// Some or all as `%2f` (RFC 3986, 2.1).
    Percent,
    /// Some or all as `\/` or `\u002f` (RFC 8259, 7).
    Backslash,
    /// In either alphabet of RFC 4648, whose signs may be written in both other ways.
    Base64,
}

impl Form {
    /// How much of the beginning of `text` this is, in bytes.
    fn begins(&self, text: &str) -> Option<usize> {
        let mut at = 0;
        for (known, digit) in self.digits.bytes().enumerate() {
            match self.writing.first(&text.as_bytes()[at..]) {
                Some((byte, length)) if byte == digit => at += length,
                _ if known < CUT => return None,
                _ => return Some(at + cut(&text[at..])?),
            }
        }
        Some(at)
    }
}

/// Where `text` was cut, if it was cut here or inside of one escaped character.
fn cut(text: &str) -> Option<usize> {
    let at = text.find('…').filter(|at| *at < 6)?;
    let escape = text[..at].trim_start_matches(['%', '\\', 'u']);
    let whole = escape.len() < at || at == 0;
    (whole && escape.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(at)
}

impl Writing {
    /// The first character of `text`, and how many bytes it takes.
    fn first(self, text: &[u8]) -> Option<(u8, usize)> {
        let percent = matches!(self, Self::Percent | Self::Base64);
        let backslash = matches!(self, Self::Backslash | Self::Base64);
        let (byte, length) = match text {
            [b'%', high, low, ..] if percent => (hexadecimal(*high, *low)?, 3),
            [b'\\', b'u', b'0', b'0', high, low, ..] if backslash => (hexadecimal(*high, *low)?, 6),
            [b'\\', byte, ..] if backslash => (*byte, 2),
            [byte, ..] => (*byte, 1),
            [] => return None,
        };
        Some(match byte {
            b'-' if self == Self::Base64 => (b'+', length),
            b'_' if self == Self::Base64 => (b'/', length),
            byte => (byte, length),
        })
    }
}

fn hexadecimal(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? << 4 | digit(low)?).ok()
}

/// Keeps the memory of this process out of core dumps, and out of reach of other
/// processes of the same user: debuggers, `/proc/PID/environ`. A limit on core dumps
/// would not do, since Linux ignores it where dumps are piped to a program
/// (core(5)), and would pass on to children; this does not outlive `exec`.
#[cfg(target_os = "linux")]
pub fn keep_out_of_dumps() {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    // Without it the run is no less right.
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

/// Keeps the memory of this process out of core dumps, by the soft limit: what it starts
/// may raise that again.
#[cfg(all(unix, not(target_os = "linux")))]
pub fn keep_out_of_dumps() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let none = Rlimit {
        current: Some(0),
        ..getrlimit(Resource::Core)
    };
    // Without it the run is no less right.
    let _ = setrlimit(Resource::Core, none);
}

/// Nothing is known to do here.
#[cfg(not(unix))]
pub fn keep_out_of_dumps() {}

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
        assert_eq!(key.blot("a s3cret, s3cret"), "a ******, ******");
        assert_eq!(ApiKey::new(" \n").unwrap_err(), InvalidKey::Empty);
        assert_eq!(ApiKey::new("a\nb").unwrap_err(), InvalidKey::Character);
    }

    #[test]
    fn what_is_probably_no_key() {
        for (text, suspicion) in [
            ("\"abc\"", Some(Suspicion::Quotes)),
            ("'abc", Some(Suspicion::Quotes)),
            ("PALETTE_API_KEY=abc", Some(Suspicion::Name)),
            ("ApiKey:abc", Some(Suspicion::Name)),
            ("$PALETTE_API_KEY", Some(Suspicion::Reference)),
            ("${KEY}", Some(Suspicion::Reference)),
            ("op://vault/palette/key", Some(Suspicion::Reference)),
            ("<your-key>", Some(Suspicion::Placeholder)),
            ("YOUR_API_KEY", Some(Suspicion::Placeholder)),
            ("your-palette-key-here", Some(Suspicion::Placeholder)),
            ("changeme", Some(Suspicion::Placeholder)),
            ("xxxxxxxx", Some(Suspicion::Placeholder)),
            ("********", Some(Suspicion::Placeholder)),
            ("PALETTE_API_KEY", Some(Suspicion::Placeholder)),
            ("demo-palette-api-key", None),
            ("k3y+of/the~suite=42", None),
            ("AaBbCc0123456789xyz", None),
        ] {
            assert_eq!(ApiKey::new(text).unwrap().suspicion(), suspicion, "{text}");
        }
    }

    #[test]
    fn a_key_is_masked_however_it_is_written() {
        let key = ApiKey::new(r#"k3y+of/the~"\suite%41=42"#).unwrap();
        for written in [
            r#"k3y+of/the~"\suite%41=42"#,
            r#"k3y+of/the~\"\\suite%41=42"#,
            r"k3y+of\/the~\u0022\u005csuite%41=42",
            "k3y%2Bof%2Fthe~%22%5Csuite%2541%3D42",
            "k3y%2bof/the%7e%22%5csuite%2541=42",
            // What follows in base64 depends on what follows the key.
            "azN5K29mL3RoZX4iXHN1aXRlJTQxPTQy",
            "azN5K29mL3RoZX4iXHN1aXRlJTQxPTQ…",
            "k3y+of/the…",
            "k3y%2Bof%2…",
        ] {
            let text = format!("<{written}>");
            let masked = key.mask(&text);
            let rest = masked
                .strip_prefix("<[api key]")
                .unwrap_or_else(|| panic!("{masked}"));
            assert!(rest.len() < 6, "{text}: {masked}");
        }
        assert_eq!(key.mask("k3y+of/the~suite"), "k3y+of/the~suite");
        assert_eq!(key.mask("k3y% …"), "k3y% …");
    }

    #[test]
    fn a_key_is_masked_in_base64_wherever_it_begins() {
        let key = ApiKey::new("a>b?c>d?e>f?").unwrap();
        // `x:`, `xy:` and `xyz:` in front of it, in both alphabets, and inside of JSON
        // and a URL. The digit that it shares with its neighbour stays.
        for (encoded, masked) in [
            ("eDphPmI/Yz5kP2U+Zj8=", "eDp[api key]8="),
            ("eHk6YT5iP2M+ZD9lPmY/", "eHk6[api key]"),
            ("eHk6YT5iP2M-ZD9lPmY_", "eHk6[api key]"),
            ("eHk6YT5iP2M%2BZD9lPmY%2f", "eHk6[api key]"),
            (r"eHk6YT5iP2M+ZD9lPmY\/", "eHk6[api key]"),
            ("eHl6OmE+Yj9jPmQ/ZT5mPw==", "eHl6Om[api key]w=="),
        ] {
            assert_eq!(key.mask(encoded), masked);
        }
        assert_eq!(ApiKey::new("abc").unwrap().mask("YWJj"), "YWJj");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn memory_is_kept_out_of_dumps() {
        use rustix::process::{DumpableBehavior, dumpable_behavior};
        keep_out_of_dumps();
        assert_eq!(dumpable_behavior(), Ok(DumpableBehavior::NotDumpable));
    }
}
