//! Decodes `profiles.toml` from bytes to text: handles the encodings that editors produce, and
//! masks secrets before any of the text can be shown.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::messages;
use crate::diagnostic::{Diagnostic, Source};
use crate::util::sanitize;

/// Words in the name of a key that holds a secret, in lower case and without separators.
const SECRET_WORDS: [&str; 4] = ["apikey", "token", "secret", "passw"];

/// Decodes the bytes of `path`. A byte order mark is dropped; CRLF is left to the TOML parser
/// (TOML 1.0, "newline").
///
/// # Errors
/// Returns a diagnostic that names the line with the first invalid UTF-8.
pub(super) fn decode(path: &Path, bytes: Vec<u8>) -> Result<String, Diagnostic> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(messages::utf16(path));
    }
    match String::from_utf8(bytes) {
        Ok(mut text) => {
            if text.starts_with('\u{feff}') {
                text.remove(0);
            }
            Ok(text)
        }
        Err(error) => {
            let bytes = error.as_bytes();
            let valid = error.utf8_error().valid_up_to();
            let line = 1 + bytes[..valid].iter().filter(|b| **b == b'\n').count();
            let byte = bytes.get(valid).copied().unwrap_or_default();
            Err(messages::not_utf8(path, byte, line))
        }
    }
}

/// The keys that name the place of a secret, without separators.
const PLACES: [&str; 4] = [
    "apikeyfile",
    "apikeycommand",
    "passwordfile",
    "passwordcommand",
];

/// Returns whether a key holds a secret. `api-key-file` and `password-command` name a place
/// instead, so they do not.
#[must_use]
pub(super) fn is_secret_key(key: &str) -> bool {
    let bare: String = key
        .chars()
        .filter(|c| !matches!(c, '-' | '_'))
        .flat_map(char::to_lowercase)
        .collect();
    let names_a_place = PLACES.contains(&bare.as_str());
    !names_a_place && (bare == "key" || SECRET_WORDS.iter().any(|word| bare.contains(word)))
}

/// Returns the line in which an unresolved merge conflict begins.
#[must_use]
pub fn conflict(text: &str) -> Option<Range<usize>> {
    const MARK: &str = "<<<<<<< ";
    let start = if text.starts_with(MARK) {
        0
    } else {
        text.find(&format!("\n{MARK}"))? + 1
    };
    let length = text[start..].lines().next().map_or(0, str::len);
    Some(start..start + length)
}

/// Returns how many lines, beginning with the line of `start`, an unclosed array may include:
/// all lines up to one that closes an array.
#[must_use]
pub(super) fn swallowed_from(text: &str, start: usize) -> usize {
    let is_header = |line: &str| line.starts_with('[') && !line.contains(['"', '\'', ',']);
    let closes = |line: &str| {
        let line = line.trim_end().trim_end_matches(',');
        line.ends_with(']') && !is_header(line)
    };
    let rest = text.get(start..).unwrap_or_default();
    let open = rest.lines().take_while(|line| !closes(line)).count();
    1 + open
}

/// Returns the source to show in messages: `text` with every byte of a possible secret
/// overwritten with `*`, so that positions stay valid. `spans` are the values under secret
/// keys. In addition, anything after such a key on a line is hidden, even if the line is not
/// TOML, as is the user part of a URL.
#[must_use]
pub(super) fn shown(path: &Path, text: &str, spans: &[Range<usize>]) -> Arc<Source> {
    let mut bytes = text.as_bytes().to_vec();
    let mut hide = |range: Range<usize>| {
        for byte in &mut bytes[range] {
            if !matches!(byte, b'\n' | b'\r' | b'"' | b'\'' | b' ') {
                *byte = b'*';
            }
        }
    };
    for span in spans {
        hide(span.clone());
    }
    let mut start = 0;
    let mut goes_on = false;
    for line in text.split_inclusive('\n') {
        goes_on = goes_on && !begins_anew(line);
        if goes_on {
            hide(start..start + line.len());
        } else if let Some(at) = secret_in_line(line) {
            hide(start + at..start + line.len());
            goes_on = is_open(line[at..].trim());
        }
        for (at, end) in url_users(line).into_iter().chain(repository_user(line)) {
            hide(start + at..start + end);
        }
        start += line.len();
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Arc::new(Source::whole(sanitize::path(path), text))
}

/// Returns where the value begins in a line that sets a secret key.
fn secret_in_line(line: &str) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = line[from..].find(['=', ':']) {
        let at = from + at;
        let key = line[..at]
            .trim_end()
            .trim_end_matches(['"', '\''])
            .rsplit(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'))
            .next()
            .unwrap_or_default();
        if is_secret_key(key) {
            return Some(at + 1);
        }
        from = at + 1;
    }
    None
}

/// Returns whether a value continues on the next line: it has not begun, is an array, or is a
/// multi-line string.
fn is_open(value: &str) -> bool {
    value.is_empty()
        || value.starts_with(['[', '{'])
        || value.starts_with("\"\"\"")
        || value.starts_with("'''")
}

/// Returns whether a line begins another key or table, as far as this is known of invalid TOML.
fn begins_anew(line: &str) -> bool {
    let key = |text: &str| {
        let text = text.trim();
        !text.is_empty()
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    line.starts_with('[') || line.split_once('=').is_some_and(|(left, _)| key(left))
}

/// Returns the places of `user:password` in the URLs of a line.
fn url_users(line: &str) -> Vec<(usize, usize)> {
    line.match_indices("://")
        .filter_map(|(at, separator)| {
            let at = at + separator.len();
            let host_end = line[at..]
                .find(['/', '"', '\'', ' ', '?', '#'])
                .map_or(line.len(), |n| at + n);
            let user_end = line[at..host_end].rfind('@')?;
            Some((at, at + user_end))
        })
        .collect()
}

/// Returns the place of `user:password` in a line that sets `repository`, which has no scheme.
fn repository_user(line: &str) -> Option<(usize, usize)> {
    let key = line.find("repository")?;
    let equals = key + line[key..].find('=')?;
    let start = equals + 1 + line[equals + 1..].find(['"', '\''])? + 1;
    let host_end = line[start..].find('/').map_or(line.len(), |n| start + n);
    let user_end = line[start..host_end].rfind('@')?;
    Some((start, start + user_end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str) -> String {
        shown(Path::new("profiles.toml"), text, &[]).text.clone()
    }

    #[test]
    fn secrets_are_hidden_in_every_spelling() {
        for line in [
            "api-key = \"hunter2\"",
            "apiKey: hunter2",
            "palette.api_key = 'hunter2",
            "palette = { project = \"x\", api-key = \"hunter2\" }",
            "\"token\"=\"hunter2\"",
            "endpoint = \"https://me:hunter2@palette.example\"",
            "profiles = [\"https://ok.example/a\", \"https://me:hunter2@c.example/b\"]",
            "SPECTROCLOUD_APIKEY = \"hunter2\"",
            "access-token = \"hunter2\"",
            "host.line-1.password = \"hunter2\"",
            "repository = \"me:hunter2@r.example/edge\"",
            "registry = { repository = 'me:hunter2@r.example:5000/edge' }",
            "\"repository\" = \"hunter2@r.example",
            "api-key =\n  \"hunter2\"\n",
            "api-key = [\n  \"hunter2\",\n",
            "api-key = \"\"\"\nhunter2",
        ] {
            let shown = masked(line);
            assert!(!shown.contains("hunter2"), "{shown}");
            assert_eq!(shown.len(), line.len());
        }
    }

    #[test]
    fn nothing_else_is_hidden() {
        for line in [
            "api-key-file = \"/run/secrets/key\"",
            "api-key-command = [\"pass\", \"palette\"]",
            "password-command = [\"pass\", \"edge/local-ui\"]",
            "password-file = \"/run/secrets/host\"",
            "profiles = [\"edge@1.0.0\", \"https://c.example/projects/a\"]",
            "repository = \"r.example/edge@sha256:abc\"",
        ] {
            assert_eq!(masked(line), line);
        }
    }

    #[test]
    fn encodings() {
        let path = Path::new("p.toml");
        assert_eq!(
            decode(path, b"\xef\xbb\xbfa = 1\r\n".to_vec()).unwrap(),
            "a = 1\r\n"
        );
        let error = decode(path, b"a = 1\nb = \"\xe9\"\n".to_vec()).unwrap_err();
        assert_eq!(error.title, "`p.toml` is not UTF-8: byte 0xe9 on line 2");
        let error = decode(path, b"\xff\xfea\0".to_vec()).unwrap_err();
        assert_eq!(error.title, "`p.toml` is UTF-16, not UTF-8");
    }
}
