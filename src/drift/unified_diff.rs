//! Compares the content of a file as a unified diff.

use std::time::Duration;

use similar::TextDiff;

use crate::util::sanitize;
use crate::variables;

/// The maximum size of a file that is compared, in bytes.
const LARGEST: usize = 1 << 20;
/// The number of unchanged lines around a change.
const CONTEXT: usize = 3;
/// The time after which a diff becomes coarser instead of taking longer.
const PATIENCE: Duration = Duration::from_secs(2);

/// A file of an archive, if its content is available.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side<'a> {
    /// The archive has no such file.
    Absent,
    /// The archive contains the file, but its content is too large, or its name too unusual, to
    /// be read.
    Unread,
    /// The content of the file.
    Content(&'a [u8]),
}

/// Returns the diff of the file `path`, which is printed as it is. JSON is formatted first,
/// with one value on each line, and the values of sensitive variables are hidden. If the
/// content cannot be compared in this way, the text says why.
#[must_use]
pub fn unified(path: &str, old: Side<'_>, new: Side<'_>) -> String {
    let name = |archive: &str, side| match side {
        Side::Absent => "/dev/null".to_owned(),
        Side::Unread | Side::Content(_) => format!("{archive}/{path}"),
    };
    let header = (name("locked", old), name("palette", new));
    let instead = |why: &str| format!("--- {}\n+++ {}\n{why}\n", header.0, header.1);
    let (old, new) = match (text(path, old), text(path, new)) {
        (Ok(old), Ok(new)) => (old, new),
        (Err(why), _) | (_, Err(why)) => return instead(why),
    };
    if old.is_empty() && new.is_empty() {
        return instead("an empty file");
    }
    if old == new {
        return instead("the same except for line ends, layout or sensitive data");
    }
    TextDiff::configure()
        .timeout(PATIENCE)
        .diff_lines(&old, &new)
        .unified_diff()
        .context_radius(CONTEXT)
        .header(&header.0, &header.1)
        .to_string()
}

/// Returns the text to compare, with printable lines, or the reason why there is none.
fn text(path: &str, side: Side<'_>) -> Result<String, &'static str> {
    let bytes = match side {
        Side::Absent => return Ok(String::new()),
        Side::Unread => return Err("too large to compare"),
        Side::Content(bytes) if bytes.len() > LARGEST => return Err("too large to compare"),
        Side::Content(bytes) => bytes,
    };
    let text = std::str::from_utf8(bytes)
        .ok()
        .filter(|text| !text.contains('\0'));
    let text = text.ok_or("not text")?;
    let laid_out = variables::without_secrets(bytes).map(|json| json + "\n");
    let text = match (&laid_out, path.to_ascii_lowercase().ends_with(".json")) {
        (Some(json), true) => json,
        // A file that should be JSON but is not may contain secrets anywhere.
        (None, true) => return Err("not JSON: not shown, because it may contain sensitive data"),
        (_, false) => text,
    };
    let line = |line: &str| {
        let parts = line.split('\t').map(|part| sanitize::line(part.as_bytes()));
        parts.collect::<Vec<_>>().join("\t")
    };
    let mut shown = text.lines().map(line).collect::<Vec<_>>().join("\n");
    if text.ends_with('\n') {
        shown.push('\n');
    }
    Ok(shown)
}

#[cfg(test)]
mod tests {
    use super::{Side, unified};
    use Side::{Absent, Content};

    #[test]
    fn changed_lines_with_their_neighbours() {
        let old = b"a: 1\nb: 2\nc: 3\n";
        let new = b"a: 1\nb: 5\nc: 3\n";
        assert_eq!(
            unified("spc/v.yaml", Content(old), Content(new)),
            "--- locked/spc/v.yaml\n+++ palette/spc/v.yaml\n@@ -1,3 +1,3 @@\n a: 1\n-b: 2\n+b: 5\n c: 3\n"
        );
        let added = unified("v", Absent, Content(b"x\n"));
        assert_eq!(added, "--- /dev/null\n+++ palette/v\n@@ -0,0 +1 @@\n+x\n");
    }

    #[test]
    fn json_is_laid_out_and_secrets_stay_hidden() {
        let of = |value: &str| {
            format!(
                r#"{{"variables":[{{"name":"a","defaultValue":"{value}"}},{{"name":"p","isSensitive":true,"defaultValue":"secret-{value}"}}]}}"#
            )
        };
        let diff = unified(
            "v.json",
            Content(of("1").as_bytes()),
            Content(of("2").as_bytes()),
        );
        assert!(diff.contains("-      \"defaultValue\": \"1\""), "{diff}");
        assert!(!diff.contains("secret"), "{diff}");
        let only = of("1").replace("secret-1", "secret-2");
        let diff = unified(
            "v.json",
            Content(of("1").as_bytes()),
            Content(only.as_bytes()),
        );
        assert!(
            diff.contains("sensitive data") && !diff.contains("secret"),
            "{diff}"
        );
    }

    #[test]
    fn what_is_no_text_is_not_shown() {
        let diff = unified("x", Content(b"\0\x1b[2J"), Content(b"\xff"));
        assert!(diff.ends_with("not text\n"), "{diff}");
        let diff = unified("x", Content(b"a\n"), Content(b"\x1b[2J\tb\n"));
        assert!(diff.contains("+\\u{1b}[2J\tb\n"), "{diff:?}");
    }
}
