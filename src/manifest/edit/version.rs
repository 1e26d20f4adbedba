//! Writes other versions into references by name, in the quotes and with the spelling that they
//! have.

use std::ops::Range;

use super::lines::spliced;
use super::write::quoted;

/// A version to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewVersion {
    /// The place of the value that has the version, with its quotes: `name@version`, or the
    /// value of `version`.
    pub span: Range<usize>,
    /// The part of the value before the version: `name@`, or nothing.
    pub before: String,
    /// The version in the text.
    pub old: String,
    /// The version that replaces it.
    pub new: String,
}

/// Replaces versions in `text`, whose places do not overlap. Every other byte stays as it was.
#[must_use]
pub fn set_versions(text: &str, versions: &[NewVersion]) -> String {
    let mut versions: Vec<&NewVersion> = versions.iter().collect();
    versions.sort_by_key(|version| version.span.start);
    let mut text = text.to_owned();
    for version in versions.into_iter().rev() {
        let value = text.get(version.span.clone()).unwrap_or_default();
        let new = with_version(value, version);
        text = spliced(&text, version.span.clone(), &new);
    }
    text
}

/// Returns the TOML string `value` with the new version. A version that is written with escapes,
/// or has to be, changes the spelling of the whole string.
fn with_version(value: &str, version: &NewVersion) -> String {
    let plain = |text: &str| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".+-_".contains(&byte);
        text.bytes().all(is_plain)
    };
    let quote = ["\"\"\"", "'''", "\"", "'"]
        .into_iter()
        .find(|quote| value.starts_with(quote) && value.ends_with(quote));
    let rest = quote.and_then(|quote| value.strip_suffix(quote)?.strip_suffix(&version.old));
    match (rest, quote) {
        (Some(rest), Some(quote)) if plain(&version.old) && plain(&version.new) => {
            [rest, &version.new, quote].concat()
        }
        _ => quoted(&[&*version.before, &version.new].concat()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns `text` with the version of the value at `value` replaced.
    fn set(text: &str, value: &str, before: &str, new: &str) -> String {
        let start = text.find(value).unwrap();
        let version = NewVersion {
            span: start..start + value.len(),
            before: before.to_owned(),
            old: "2.0.0".to_owned(),
            new: new.to_owned(),
        };
        set_versions(text, &[version])
    }

    #[test]
    fn quotes_and_spelling_stay() {
        for (text, value, expected) in [
            (
                "a = [ \"b@2.0.0\", ] # 2.0.0",
                "\"b@2.0.0\"",
                "a = [ \"b@2.1.0\", ] # 2.0.0",
            ),
            ("a = ['b@2.0.0']\r\n", "'b@2.0.0'", "a = ['b@2.1.0']\r\n"),
            (
                "a = \"\"\"b@2.0.0\"\"\"",
                "\"\"\"b@2.0.0\"\"\"",
                "a = \"\"\"b@2.1.0\"\"\"",
            ),
            ("a = '''b@2.0.0'''", "'''b@2.0.0'''", "a = '''b@2.1.0'''"),
            // The name keeps its escapes.
            (
                "a = \"\\u0062@2.0.0\"",
                "\"\\u0062@2.0.0\"",
                "a = \"\\u0062@2.1.0\"",
            ),
            // A version with escapes cannot keep them.
            (
                "a = \"b@2.0\\u002e0\"",
                "\"b@2.0\\u002e0\"",
                "a = \"b@2.1.0\"",
            ),
        ] {
            assert_eq!(set(text, value, "b@", "2.1.0"), expected);
        }
        let table = "{ version='2.0.0' , name = \"2.0.0\" }";
        assert_eq!(
            set(table, "'2.0.0'", "", "2.1.0"),
            "{ version='2.1.0' , name = \"2.0.0\" }"
        );
    }

    /// A version is a text of Palette, which may have any characters.
    #[test]
    fn a_version_cannot_leave_its_quotes() {
        for new in ["\"", "'", "2\n0", "\\", "\u{e4}"] {
            for value in ["\"b@2.0.0\"", "'b@2.0.0'", "'''b@2.0.0'''"] {
                let text = set(&format!("a = [{value}]"), value, "b@", new);
                let table: toml::Table = toml::from_str(&text).unwrap();
                assert_eq!(table["a"][0].as_str(), Some(&*format!("b@{new}")), "{text}");
            }
        }
    }

    #[test]
    fn several_versions_keep_their_places() {
        let text = "[\"a@2.0.0\", \"b@2.0.0\"]";
        let at = |start: usize, before: &str, new: &str| NewVersion {
            span: start..start + 9,
            before: before.to_owned(),
            old: "2.0.0".to_owned(),
            new: new.to_owned(),
        };
        assert_eq!(
            set_versions(text, &[at(1, "a@", "10.0.0"), at(12, "b@", "3.0.0-rc.1")]),
            "[\"a@10.0.0\", \"b@3.0.0-rc.1\"]"
        );
    }
}
