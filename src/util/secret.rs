//! The API key in memory.
//!
//! An [`ApiKey`] cannot be printed: its `Debug` output is a placeholder, it has no `Display`,
//! and it is wiped when dropped. [`ApiKey::mask`] removes the key from text that came from
//! elsewhere, since a server may echo the key literally or as encoded in a header or an
//! address. [`keep_out_of_dumps`] keeps the key out of core dumps.

use std::fmt;
use std::ops::Range;

use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};

mod writing;

use writing::{Alphabet, Form, readings};

/// The text that replaces the key in output.
const PLACEHOLDER: &str = "[api key]";
/// The text that replaces a password or token in output.
const SECRET: &str = "[secret]";
/// The minimum number of characters of a password that is masked: a shorter one may occur in
/// any word, and protects nothing.
const SHORTEST_PASSWORD: usize = 4;
/// The minimum number of base64 digits that are masked: fewer may occur in any word.
const FEWEST: usize = 8;
/// The base64 alphabet (RFC 4648, 4).
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// A Palette API key: printable ASCII, not empty. A registry's password or token is kept and
/// masked in the same way ([`ApiKey::password`]).
#[derive(Clone)]
pub struct ApiKey {
    text: SecretString,
    /// The text that replaces it in output.
    placeholder: &'static str,
}

/// Why a text cannot be a key. Does not contain the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidKey {
    /// The text is empty or white space.
    Empty,
    /// The text contains white space, or a character that is not allowed in an HTTP header.
    Character,
}

/// What a text that is probably not a key looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suspicion {
    /// It is in quotes, which a shell would have removed.
    Quotes,
    /// It begins with the name of a variable or header.
    Name,
    /// It is a reference that another program resolves: `$NAME`, `op://…`.
    Reference,
    /// It is a placeholder from documentation or a template.
    Placeholder,
}

impl ApiKey {
    /// Creates the key from `text`, without surrounding white space, since a file or the output
    /// of a command ends with a newline.
    ///
    /// # Errors
    /// Returns [`InvalidKey`] if `text` is empty or not allowed in an HTTP header.
    pub fn new(text: &str) -> Result<Self, InvalidKey> {
        let text = text.trim();
        if text.is_empty() {
            return Err(InvalidKey::Empty);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidKey::Character);
        }
        Ok(Self {
            text: SecretString::from(text),
            placeholder: PLACEHOLDER,
        })
    }

    /// Keeps a password or token of any characters.
    #[must_use]
    pub fn password(text: &str) -> Self {
        Self {
            text: SecretString::from(text),
            placeholder: SECRET,
        }
    }

    /// Returns whether the secret is so short that any word may contain it.
    fn is_too_short(&self) -> bool {
        self.placeholder == SECRET && self.expose().chars().count() < SHORTEST_PASSWORD
    }

    /// Returns a reason to doubt the key. Used only after Palette refused it, since the format
    /// of keys is not documented.
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

    /// Returns the key itself, for the one header that carries it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.text.expose_secret()
    }

    /// Returns `text` with every occurrence of the key replaced: literally or in another case;
    /// in base64 or hexadecimal; URL-encoded, with backslashes or as HTML entities, even
    /// several times over; and also if an excerpt cut the key.
    #[must_use]
    pub fn mask(&self, text: &str) -> String {
        let mut masked = String::with_capacity(text.len());
        let mut end = 0;
        for found in self.places(text) {
            masked.push_str(&text[end..found.start]);
            masked.push_str(self.placeholder);
            end = found.end;
        }
        masked + &text[end..]
    }

    /// Returns `text` with every byte of every occurrence of the key overwritten with `*`, so
    /// that byte positions stay valid. For text that is cut later, since a part of a key would
    /// not be found then.
    #[must_use]
    pub fn blot(&self, text: &str) -> String {
        let mut blotted = text.to_owned();
        for found in self.places(text) {
            blotted.replace_range(found.clone(), &"*".repeat(found.len()));
        }
        blotted
    }

    /// Returns the byte ranges in `text` that contain the key in any form.
    fn places(&self, text: &str) -> Vec<Range<usize>> {
        if self.is_too_short() {
            return Vec::new();
        }
        let forms = self.forms();
        let mut found = Vec::new();
        let mut at = 0;
        while let Some(first) = text[at..].chars().next() {
            let mut firsts = Vec::new();
            readings(&text.as_bytes()[at..], |byte, _| firsts.push(byte));
            let may_begin = |form: &&Form| firsts.iter().any(|byte| form.begins_with(*byte));
            let lengths = forms
                .iter()
                .filter(may_begin)
                .filter_map(|form| form.begins(&text[at..]));
            let longest = lengths.max();
            found.extend(longest.map(|length| at..at + length));
            at += longest.unwrap_or(first.len_utf8());
        }
        found
    }

    fn forms(&self) -> Vec<Form> {
        let key = self.expose();
        let mut forms = vec![Form {
            digits: Zeroizing::new(key.to_owned()),
            alphabet: Alphabet::Any,
        }];
        // After zero, one or two bytes, since `user:` may precede the key. Only the digits that
        // depend on nothing but the key count.
        let encoded = [0, 4, 2].map(|skipped| Form {
            digits: base64(key.as_bytes(), skipped),
            alphabet: Alphabet::Base64,
        });
        let hexadecimal = Form {
            digits: hexadecimal(key.as_bytes()),
            alphabet: Alphabet::Any,
        };
        let long = |form: &Form| form.digits.len() >= FEWEST;
        forms.extend(encoded.into_iter().chain([hexadecimal]).filter(long));
        forms
    }
}

fn hexadecimal(bytes: &[u8]) -> Zeroizing<String> {
    let digit = |digit: u8| char::from(b"0123456789abcdef"[usize::from(digit)]);
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    Zeroizing::new(digits.map(digit).collect())
}

/// Returns the complete base64 digits of `bytes`, without the first `skipped` bits.
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

/// Keeps the memory of this process out of core dumps, and out of reach of other processes of
/// the same user: debuggers, `/proc/PID/environ`. A limit on core dumps would not suffice:
/// Linux ignores it if dumps are piped to a program (core(5)), and children inherit it, whereas
/// this setting does not survive `exec`.
#[cfg(target_os = "linux")]
pub fn keep_out_of_dumps() {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    // The run is correct without it.
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

/// Keeps the memory of this process out of core dumps with the soft limit, which child
/// processes may raise again.
#[cfg(all(unix, not(target_os = "linux")))]
pub fn keep_out_of_dumps() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let none = Rlimit {
        current: Some(0),
        ..getrlimit(Resource::Core)
    };
    // The run is correct without it.
    let _ = setrlimit(Resource::Core, none);
}

/// Does nothing, since no mechanism is known for this platform.
#[cfg(not(unix))]
pub fn keep_out_of_dumps() {}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.placeholder)
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
    fn a_password_is_masked_like_a_key() {
        let password = ApiKey::password("p\u{e4}ss w0rd");
        assert_eq!(format!("{password:?}"), "[secret]");
        assert_eq!(password.mask("p\u{e4}ss w0rd!"), "[secret]!");
        // base64 of `ci:p\u{e4}ss w0rd`
        assert_eq!(password.mask("Y2k6cMOkc3MgdzByZA=="), "Y2k6[secret]A==");
        assert_eq!(password.mask("p=p%C3%A4ss+w0rd&"), "p=[secret]&");
        assert_eq!(ApiKey::password("abc").mask("abcabc"), "abcabc");
        assert_eq!(ApiKey::password("").mask("any"), "any");
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
            // The remaining base64 digits depend on the text after the key.
            "azN5K29mL3RoZX4iXHN1aXRlJTQxPTQy",
            "azN5K29mL3RoZX4iXHN1aXRlJTQxPTQ…",
            "k3y+of/the…",
            "k3y%2Bof%2…",
            // In another case.
            r#"K3Y+OF/THE~"\SUITE%41=42"#,
            "K3y%2bOf%2fThe%7e%22%5cSuite%2541%3d42",
            // As HTML entities, by name and by number.
            r"k3y+of/the~&quot;\suite%41=42",
            "k3y&plus;of&sol;the~&#34;&bsol;suite&percnt;41&equals;42",
            "k3y&#43;of&#x2F;the~&#x22;&#0092;suite&#37;41&#x3d;42",
            "k3y&#43of&#x2f;the&#126;&quot&#92;suite%41=42",
            "k3y+o&#10…",
            // Encoded twice, and in two ways.
            "k3y%252Bof%252Fthe%257E%2522%255Csuite%252541%253D42",
            "k3y%25252Bof%25252Fthe~%252522%25255Csuite%25252541%25253D42",
            r#"k3y+of/the~\\\"\\\\suite%41=42"#,
            r"k3y\\u002bof\\/the~\\u0022\\u005csuite%41=42",
            r"k3y+of\/the~\u0026quot;\\suite%41=42",
            "k3y&amp;#43;of/the~&amp;quot;&amp;#92;suite%41=42",
            "k3y%26plus%3Bof%2Fthe~%26quot%3B%5Csuite%2541%3D42",
            "k3y%252Bof%25…",
            "6B33792B6F662F7468657E225C73756974652534313D3432",
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

    /// Takes half a second in an optimized build. An algorithm that scans a row repeatedly
    /// takes minutes.
    #[test]
    fn rows_of_signs_take_no_longer_than_other_text() {
        let key = ApiKey::new("k3y+of/the~suite=42").unwrap();
        for sign in ["\\", "%", "&", "&#", "%25", "&amp;", "k"] {
            let text = sign.repeat(200_000 / sign.len());
            let began = std::time::Instant::now();
            assert_eq!(key.mask(&text), text);
            assert!(
                began.elapsed().as_secs() < 20,
                "{sign}: {:?}",
                began.elapsed()
            );
        }
    }

    #[test]
    fn a_key_is_masked_in_base64_wherever_it_begins() {
        let key = ApiKey::new("a>b?c>d?e>f?").unwrap();
        // After `x:`, `xy:` and `xyz:`, in both alphabets, and inside JSON and a URL. The digit
        // that the key shares with its neighbor is not masked.
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
