//! What changed inside a file, as a unified diff.

use std::time::Duration;

use similar::TextDiff;

use crate::printable;
use crate::variables;

/// The most that is compared of a file, in bytes.
const LARGEST: usize = 1 << 20;
/// Lines around a change.
const CONTEXT: usize = 3;
/// After so long a diff gets coarser instead of longer to make.
const PATIENCE: Duration = Duration::from_secs(2);

/// The diff of the file `path`, printable; `None` stands for a file that is not there.
/// JSON is laid out first, one value a line, and the values of sensitive variables are
/// hidden. What is no text, or too large, is said to be so.
#[must_use]
pub fn unified(path: &str, old: Option<&[u8]>, new: Option<&[u8]>) -> String {
    let name = |side: &str, file: Option<&[u8]>| match file {
        Some(_) => format!("{side}/{path}"),
        None => "/dev/null".to_owned(),
    };
    let header = (name("locked", old), name("palette", new));
    let (Some(old), Some(new)) = (text(path, old), text(path, new)) else {
        return format!(
            "--- {}\n+++ {}\nno text, or too large to compare\n",
            header.0, header.1
        );
    };
    if old == new {
        return format!(
            "--- {}\n+++ {}\nonly in its form, or in what is sensitive\n",
            header.0, header.1
        );
    }
    TextDiff::configure()
        .timeout(PATIENCE)
        .diff_lines(&old, &new)
        .unified_diff()
        .context_radius(CONTEXT)
        .header(&header.0, &header.1)
        .to_string()
}

/// The text to compare, each line printable.
fn text(path: &str, file: Option<&[u8]>) -> Option<String> {
    let bytes = file.unwrap_or_default();
    if bytes.len() > LARGEST || bytes.contains(&0) {
        return None;
    }
    let text = std::str::from_utf8(bytes).ok()?;
    let laid_out = path
        .to_ascii_lowercase()
        .ends_with(".json")
        .then(|| variables::without_secrets(bytes))
        .flatten()
        .map(|text| text + "\n");
    let text = laid_out.as_deref().unwrap_or(text);
    let line = |line: &str| {
        let parts: Vec<String> = line
            .split('\t')
            .map(|part| printable::line(part.as_bytes()))
            .collect();
        parts.join("\t")
    };
    let mut shown: String = text.lines().map(line).collect::<Vec<_>>().join("\n");
    if text.ends_with('\n') {
        shown.push('\n');
    }
    Some(shown)
}

#[cfg(test)]
mod tests {
    use super::unified;

    #[test]
    fn changed_lines_with_their_neighbours() {
        let old = b"a: 1\nb: 2\nc: 3\n";
        let new = b"a: 1\nb: 5\nc: 3\n";
        assert_eq!(
            unified("spc/v.yaml", Some(old), Some(new)),
            "--- locked/spc/v.yaml\n+++ palette/spc/v.yaml\n@@ -1,3 +1,3 @@\n a: 1\n-b: 2\n+b: 5\n c: 3\n"
        );
        let added = unified("v", None, Some(b"x\n"));
        assert_eq!(added, "--- /dev/null\n+++ palette/v\n@@ -0,0 +1 @@\n+x\n");
    }

    #[test]
    fn json_is_laid_out_and_secrets_stay_hidden() {
        let of = |value: &str| {
            format!(
                r#"{{"variables":[{{"name":"a","defaultValue":"{value}"}},{{"name":"p","isSensitive":true,"defaultValue":"secret-{value}"}}]}}"#
            )
        };
        let diff = unified("v.json", Some(of("1").as_bytes()), Some(of("2").as_bytes()));
        assert!(diff.contains("-      \"defaultValue\": \"1\""), "{diff}");
        assert!(!diff.contains("secret"), "{diff}");
        let only = of("1").replace("secret-1", "secret-2");
        let diff = unified("v.json", Some(of("1").as_bytes()), Some(only.as_bytes()));
        assert!(
            diff.contains("what is sensitive") && !diff.contains("secret"),
            "{diff}"
        );
    }

    #[test]
    fn what_is_no_text_is_not_shown() {
        let diff = unified("x", Some(b"\0\x1b[2J"), Some(b"\xff"));
        assert!(
            diff.ends_with("no text, or too large to compare\n"),
            "{diff}"
        );
        let diff = unified("x", Some(b"a\n"), Some(b"\x1b[2J\tb\n"));
        assert!(diff.contains("+\\u{1b}[2J\tb\n"), "{diff:?}");
    }
}
