//! `.arg`: CanvOS's build arguments, as Earthly reads them.
//!
//! Earthly parses the file with godotenv, `earthly.sh` sources it with bash; in both
//! the last assignment wins (canvos.md, T17 and T18). Only `CLUSTERCONFIG` is read. The
//! file may hold secrets, so every other line is blanked before any of it is shown.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use crate::diagnostic::Source;
use crate::disk::PathError;
use crate::printable;

/// The build argument that names the cluster definition.
pub const KEY: &str = "CLUSTERCONFIG";

/// The last assignment of `CLUSTERCONFIG`.
#[derive(Debug)]
pub struct Assignment {
    /// Its value, without quotes.
    pub value: String,
    /// Its line, in bytes of [`Assignment::source`].
    pub span: Range<usize>,
    /// The file, with nothing but the assignments of this key.
    pub source: Arc<Source>,
}

/// What `.arg` says of `CLUSTERCONFIG`.
#[derive(Debug)]
pub enum Arg {
    /// There is no such file.
    NoFile,
    /// It has no such assignment.
    Unset,
    /// The assignment that counts.
    Set(Assignment),
}

/// Reads `.arg` of the checkout in `directory`.
///
/// # Errors
/// A file that is there and cannot be read.
pub fn read(directory: &Path) -> Result<Arg, PathError> {
    let path = directory.join(".arg");
    match std::fs::read(&path) {
        Ok(bytes) => Ok(parse(&String::from_utf8_lossy(&bytes), &path)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Arg::NoFile),
        Err(error) => Err(PathError::when("read", &path)(error)),
    }
}

fn parse(text: &str, path: &Path) -> Arg {
    let mut shown = String::with_capacity(text.len());
    let mut last = None;
    for line in text.split_inclusive('\n') {
        let start = shown.len();
        let blank = |c: char| if matches!(c, '\n' | '\r') { c } else { ' ' };
        if let Some(value) = value_of(line) {
            // What stands behind the value, and in a URL, may be a secret too.
            let secret = if is_url(&value) { "://" } else { &value };
            let end = line.find(secret).map_or(line.len(), |at| at + secret.len());
            let quote = line[end..].starts_with(['"', '\'']);
            let end = end + usize::from(quote);
            shown.push_str(&line[..end]);
            let span = start..shown.trim_end().len();
            shown.extend(line[end..].chars().map(blank));
            last = Some((value, span));
        } else {
            shown.extend(line.chars().map(blank));
        }
    }
    match last {
        None => Arg::Unset,
        Some((value, span)) => Arg::Set(Assignment {
            value,
            span,
            source: Arc::new(Source {
                path: printable::path(path),
                text: shown,
            }),
        }),
    }
}

/// Whether a value is a URL; one that is signed is a secret.
pub fn is_url(value: &str) -> bool {
    value.contains("://")
}

/// The value that a line assigns to `CLUSTERCONFIG`.
fn value_of(line: &str) -> Option<String> {
    let line = line.trim_start_matches('\u{feff}').trim();
    let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
    let rest = line.strip_prefix(KEY)?.trim_start();
    let value = rest.strip_prefix(['=', ':'])?.trim();
    for quote in ['"', '\''] {
        if let Some(inner) = value.strip_prefix(quote) {
            return Some(inner.split(quote).next().unwrap_or_default().to_owned());
        }
    }
    let bare = value.split(" #").next().unwrap_or_default().trim();
    Some(if bare.starts_with('#') {
        String::new()
    } else {
        bare.to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Option<String> {
        match parse(text, Path::new(".arg")) {
            Arg::Set(assignment) => Some(assignment.value),
            _ => None,
        }
    }

    #[test]
    fn the_last_assignment_counts_in_every_spelling() {
        for (text, expected) in [
            ("CLUSTERCONFIG=spc.tgz\n", Some("spc.tgz")),
            ("CLUSTERCONFIG=a\nISO_NAME=x\nCLUSTERCONFIG=b", Some("b")),
            (
                "export CLUSTERCONFIG=\"a b.tgz\" # site\r\n",
                Some("a b.tgz"),
            ),
            ("CLUSTERCONFIG = 'x.tgz'", Some("x.tgz")),
            ("CLUSTERCONFIG: y.tgz # why", Some("y.tgz")),
            ("CLUSTERCONFIG=", Some("")),
            ("CLUSTERCONFIG=# none", Some("")),
            ("#CLUSTERCONFIG=spc.tgz\nCLUSTERCONFIG_OLD=z", None),
            ("\u{feff}CLUSTERCONFIG=bom.tgz", Some("bom.tgz")),
        ] {
            assert_eq!(value(text).as_deref(), expected, "{text:?}");
        }
    }

    #[test]
    fn what_may_be_secret_in_the_line_is_not_shown() {
        for text in [
            "CLUSTERCONFIG=https://me:hunter2@host/spc.tgz?sig=hunter2",
            "CLUSTERCONFIG=spc.tgz # password hunter2",
            "CLUSTERCONFIG=\"a.tgz\" hunter2",
        ] {
            let Arg::Set(assignment) = parse(text, Path::new(".arg")) else {
                panic!("not set")
            };
            let shown = &assignment.source.text;
            assert!(!shown.contains("hunter2"), "{shown}");
            assert!(shown[assignment.span.clone()].starts_with("CLUSTERCONFIG="));
        }
    }

    #[test]
    fn other_lines_are_not_shown() {
        let text = "TOKEN=s3cret-ü\nCLUSTERCONFIG=a.tgz\nPASSWORD=hidden\n";
        let Arg::Set(assignment) = parse(text, Path::new(".arg")) else {
            panic!("not set")
        };
        let shown = &assignment.source.text;
        assert!(!shown.contains("s3cret") && !shown.contains("hidden"));
        assert_eq!(&shown[assignment.span.clone()], "CLUSTERCONFIG=a.tgz");
        assert_eq!(assignment.source.position(assignment.span.start), (2, 1));
    }
}
