//! `.arg`: CanvOS's build arguments, as its two parsers read them (canvos.md, T17).
//!
//! Earthly parses the file with godotenv: CRLF, `K = v` and `K: v` are fine there.
//! `earthly.sh` sources it with bash, where none of them is an assignment. In both the
//! last assignment wins. Only `CLUSTERCONFIG` and `ARCH` are read; the file may hold
//! secrets, so every other line is blanked before any of it is shown.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use crate::diagnostic::Source;
use crate::disk::PathError;
use crate::printable;

/// The build argument that names the cluster definition.
pub const KEY: &str = "CLUSTERCONFIG";

/// `.arg`, read.
#[derive(Debug)]
pub struct Arg {
    /// The file, with nothing but the assignments of `CLUSTERCONFIG`.
    pub source: Arc<Source>,
    /// Every assignment, in the file's order.
    pub assignments: Vec<Assignment>,
    /// What bash takes it for: the last assignment that is one to bash.
    pub bash: super::bash::Value,
    /// Why Earthly refuses it.
    pub error: Option<super::dotenv::DotenvError>,
    /// `ARCH`, where it is set.
    pub arch: Option<String>,
    /// `IS_UKI`, where it is set.
    pub uki: Option<String>,
    /// Whether a line ends with a carriage return, or the file begins with a byte order
    /// mark.
    pub foreign_to_bash: bool,
}

/// An assignment of `CLUSTERCONFIG`, as Earthly reads it.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// Its value, without quotes.
    pub value: String,
    /// Its line, in bytes of [`Arg::source`].
    pub span: Range<usize>,
}

/// Reads the file `path`; `None` where there is none.
///
/// # Errors
/// A file that is there and cannot be read.
pub fn read(path: &Path) -> Result<Option<Arg>, PathError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(parse(&String::from_utf8_lossy(&bytes), path))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(PathError::when("read", path)(error)),
    }
}

/// Reads `text` as the file `path`.
#[must_use]
pub fn parse(text: &str, path: &Path) -> Arg {
    let mut shown = String::with_capacity(text.len());
    let mut assignments = Vec::new();
    let mut bash = None;
    let mut arch = None;
    let mut uki = None;
    for line in text.split_inclusive('\n') {
        let start = shown.len();
        let blank = |c: char| if matches!(c, '\n' | '\r') { c } else { ' ' };
        if let Some(value) = value_of(line, KEY) {
            // What stands behind the value, and in a URL, may be a secret too.
            let secret = if is_url(&value) { "://" } else { &value };
            let key = line.find(KEY).map_or(0, |at| at + KEY.len());
            let from = line[key..].find(['=', ':']).map_or(key, |at| key + at + 1);
            let end = line[from..].find(secret);
            let end = end.map_or(line.len(), |at| from + at + secret.len());
            let quote = line[end..].starts_with(['"', '\'']);
            let end = end + usize::from(quote);
            shown.push_str(&line[..end]);
            let span = start..shown.trim_end().len();
            shown.extend(line[end..].chars().map(blank));
            assignments.push(Assignment { value, span });
        } else {
            shown.extend(line.chars().map(blank));
        }
        bash = bash_value(line, KEY).or(bash);
        arch = value_of(line, "ARCH").or(arch);
        uki = value_of(line, "IS_UKI").or(uki);
    }
    Arg {
        source: Arc::new(Source::whole(printable::path(path), shown)),
        assignments,
        bash: bash.map_or(super::bash::Value::Unset, super::bash::Value::Set),
        error: super::dotenv::parse(text.as_bytes()).err(),
        arch,
        uki,
        foreign_to_bash: text.starts_with('\u{feff}') || text.contains("\r\n"),
    }
}

impl Arg {
    pub fn line(&self, _line: usize) -> Range<usize> {
        0..0
    }
}

/// Whether a value is a URL; one that is signed is a secret.
#[must_use]
pub fn is_url(value: &str) -> bool {
    value.contains("://")
}

/// A value for messages: of a URL only how it begins.
#[must_use]
pub fn shown(value: &str) -> String {
    match value.split_once("://") {
        Some((scheme, _)) => printable::line(format!("{scheme}://…").as_bytes()),
        None => printable::line(value.as_bytes()),
    }
}

/// The value that a line assigns to `key`, to godotenv.
fn value_of(line: &str, key: &str) -> Option<String> {
    let line = line.trim_start_matches('\u{feff}').trim();
    let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
    let rest = line.strip_prefix(key)?.trim_start();
    let value = rest.strip_prefix(['=', ':'])?.trim();
    for quote in ['"', '\''] {
        if let Some(inner) = value.strip_prefix(quote) {
            return Some(inner.split(quote).next().unwrap_or_default().to_owned());
        }
    }
    // godotenv 1.5.1 looks for a comment from the end, behind a space or a tab.
    let comment = value.rmatch_indices('#').map(|(at, _)| at);
    let mut comment = comment.filter(|at| value[..*at].ends_with([' ', '\t']));
    let bare = comment.next().map_or(value, |at| &value[..at]);
    Some(bare.trim().to_owned())
}

/// The value that a line assigns to `key`, to bash. A word behind the value makes the line
/// a command with a variable of its own, so nothing is assigned; `export` takes more words.
fn bash_value(line: &str, key: &str) -> Option<String> {
    let line = line
        .strip_suffix('\n')
        .unwrap_or(line)
        .trim_start_matches([' ', '\t']);
    let (line, exported) = match line.strip_prefix("export ") {
        Some(rest) => (rest.trim_start_matches([' ', '\t']), true),
        None => (line, false),
    };
    let ends = |rest: &str| exported || rest.is_empty() || rest.starts_with(['#', ';']);
    let value = line.strip_prefix(key)?.strip_prefix('=')?;
    for quote in ['"', '\''] {
        if let Some(inner) = value.strip_prefix(quote) {
            let (inner, rest) = inner.split_once(quote)?;
            // What touches the closing quote belongs to the word: a carriage return.
            let tail = rest.split([' ', '\t']).next().unwrap_or_default();
            return ends(rest[tail.len()..].trim_start_matches([' ', '\t']))
                .then(|| format!("{inner}{tail}"));
        }
    }
    let word = value.split([' ', '\t']).next().unwrap_or_default();
    let rest = value[word.len()..].trim_start_matches([' ', '\t']);
    ends(rest).then(|| word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> (Option<String>, Option<String>) {
        let arg = parse(text, Path::new(".arg"));
        let last = arg.assignments.last();
        (
            last.map(|assignment| assignment.value.clone()),
            match arg.bash {
                super::super::bash::Value::Set(v) => Some(v),
                _ => None,
            },
        )
    }

    #[test]
    fn the_last_assignment_counts_to_each_parser() {
        for (text, earthly, bash) in [
            ("CLUSTERCONFIG=spc.tgz\n", Some("spc.tgz"), Some("spc.tgz")),
            (
                "CLUSTERCONFIG=a\nISO_NAME=x\nCLUSTERCONFIG=b",
                Some("b"),
                Some("b"),
            ),
            (
                "export CLUSTERCONFIG=\"a b.tgz\" # site\n",
                Some("a b.tgz"),
                Some("a b.tgz"),
            ),
            (
                "CLUSTERCONFIG=spc.tgz\r\n",
                Some("spc.tgz"),
                Some("spc.tgz\r"),
            ),
            (
                "CLUSTERCONFIG=\"spc.tgz\"\r\n",
                Some("spc.tgz"),
                Some("spc.tgz\r"),
            ),
            ("CLUSTERCONFIG = 'x.tgz'", Some("x.tgz"), None),
            ("CLUSTERCONFIG: y.tgz # why", Some("y.tgz"), None),
            ("CLUSTERCONFIG=a b\n", Some("a b"), None),
            ("CLUSTERCONFIG=a\nCLUSTERCONFIG = b\n", Some("b"), Some("a")),
            ("CLUSTERCONFIG=", Some(""), Some("")),
            ("CLUSTERCONFIG=# none", Some("# none"), None),
            ("CLUSTERCONFIG= # none", Some("# none"), Some("")),
            ("#CLUSTERCONFIG=spc.tgz\nCLUSTERCONFIG_OLD=z", None, None),
            ("\u{feff}CLUSTERCONFIG=bom.tgz", Some("bom.tgz"), None),
        ] {
            let expected = (earthly.map(str::to_owned), bash.map(str::to_owned));
            assert_eq!(values(text), expected, "{text:?}");
        }
    }

    #[test]
    fn what_may_be_secret_in_the_line_is_not_shown() {
        for text in [
            "CLUSTERCONFIG=https://me:hunter2@host/spc.tgz?sig=hunter2",
            "CLUSTERCONFIG=spc.tgz # password hunter2",
            "CLUSTERCONFIG=\"a.tgz\" hunter2",
        ] {
            let arg = parse(text, Path::new(".arg"));
            let shown = &arg.source.text;
            assert!(!shown.contains("hunter2"), "{shown}");
            let span = arg.assignments[0].span.clone();
            assert!(shown[span].starts_with("CLUSTERCONFIG="));
        }
    }

    /// A value that stands in the name too, and none.
    #[test]
    fn the_assignment_is_shown_whole() {
        for line in [
            "export CLUSTERCONFIG=",
            "CLUSTERCONFIG=C",
            "CLUSTERCONFIG : ON",
        ] {
            let arg = parse(&format!("{line}\n"), Path::new(".arg"));
            assert_eq!(&arg.source.text[arg.assignments[0].span.clone()], line);
        }
    }

    #[test]
    fn other_lines_are_not_shown() {
        let text = "TOKEN=s3cret-ü\nCLUSTERCONFIG=a.tgz\nPASSWORD=hidden\nARCH=arm64\n";
        let arg = parse(text, Path::new(".arg"));
        let shown = &arg.source.text;
        assert!(!shown.contains("s3cret") && !shown.contains("hidden"));
        let span = arg.assignments[0].span.clone();
        assert_eq!(&shown[span.clone()], "CLUSTERCONFIG=a.tgz");
        assert_eq!(arg.source.position(span.start), (2, 1));
        assert_eq!(arg.arch.as_deref(), Some("arm64"));
    }
}
