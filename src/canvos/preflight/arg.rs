//! `.arg`: CanvOS's build arguments, as its two readers read them (canvos.md, T17).
//!
//! Earthly reads the file with godotenv ([`dotenv`]); `earthly.sh` sources it with bash
//! ([`bash`]). Both are followed to the letter. The file may hold secrets, so all of it but
//! the assignments of `CLUSTERCONFIG` is blanked before any of it is shown. Of a file that
//! Earthly refuses there is nothing but the reason: no build begins with it.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::bash;
use super::dotenv::{self, Dotenv, DotenvError};
use super::messages;
use crate::diagnostic::{Diagnostic, Place, Source};
use crate::util::environment::Environment;
use crate::util::files;
use crate::util::path_error::PathError;
use crate::util::sanitize;

/// The build argument that names the cluster definition.
pub(super) const KEY: &str = "CLUSTERCONFIG";

/// The variable in which Earthly finds more build arguments.
const BUILD_ARGS: &str = "EARTHLY_BUILD_ARGS";

/// Variables that `earthly.sh` sets before it sources the file.
const OF_WRAPPER: [&str; 4] = [
    "EARTHLY_VERSION",
    "PE_VERSION",
    "SPECTRO_PUB_REPO",
    "global_config",
];

/// `.arg`, read.
#[derive(Debug)]
pub struct Arg {
    /// The file, with nothing but the assignments of `CLUSTERCONFIG` to Earthly. It has the
    /// lines and columns of the file, not its bytes.
    pub source: Arc<Source>,
    /// Every assignment of `CLUSTERCONFIG` to Earthly, in the order of the file.
    pub assignments: Vec<Assignment>,
    /// What bash has in `CLUSTERCONFIG` behind the file.
    pub bash: bash::Value,
    /// What the programs that `earthly.sh` starts get as `EARTHLY_BUILD_ARGS`: what bash has
    /// in it behind the file, if it is exported.
    pub build_args: bash::Value,
    /// Where bash stops reading.
    pub bash_end: bash::End,
    /// Whether a line ends with a carriage return, or the file begins with a byte order
    /// mark.
    pub foreign_to_bash: bool,
    /// The first carriage return before the end of a line, in bytes of [`Arg::source`].
    pub carriage_return: Option<Range<usize>>,
    /// Why Earthly refuses the file, with its place in `source`. There are no values then.
    pub error: Option<DotenvError>,
    file: Dotenv,
    matches_files: bool,
}

/// An assignment of `CLUSTERCONFIG`, as Earthly reads it.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// Its value, without quotes.
    pub value: String,
    /// What is shown of it, in bytes of [`Arg::source`].
    pub span: Range<usize>,
}

impl Arg {
    /// The value that Earthly has for the build argument `name`.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.file.value(name)
    }

    /// What is wrong with a file that Earthly refuses.
    #[must_use]
    pub fn refusal(&self) -> Option<Diagnostic> {
        let DotenvError { span, message, .. } = self.error.as_ref()?;
        let place = Place {
            source: &self.source,
            span,
        };
        Some(messages::unreadable_arg(place, message))
    }
}

/// Reads the file `path`; `None` if there is none.
///
/// # Errors
/// A file that is there and cannot be read.
pub(super) fn read(path: &Path, environment: &Environment) -> Result<Option<Arg>, PathError> {
    let text = match files::read(path, files::TEXT) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(PathError::when("read", path)(error)),
    };
    let variable = |name: &str| {
        // One that is set to nothing is exported, too.
        let value = environment.variables.get(std::ffi::OsStr::new(name));
        value.map(|value| value.to_string_lossy().into_owned())
    };
    let mut arg = parse(&text, path, &variable);
    if arg.matches_files && beside(path).any(|name| name.contains(&b'=')) {
        arg.bash = bash::Value::Unknown;
        arg.build_args = bash::Value::Unknown;
    }
    Ok(Some(arg))
}

/// The names of the files beside `path`.
fn beside(path: &Path) -> impl Iterator<Item = Vec<u8>> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().into_encoded_bytes())
}

/// Reads `text` as the file `path`, for an `earthly.sh` that is started with `variable`s.
#[must_use]
pub fn parse(text: &[u8], path: &Path, variable: &dyn Fn(&str) -> Option<String>) -> Arg {
    let (file, mut error) = match dotenv::parse(text) {
        Ok(file) => (file, None),
        Err(error) => (Dotenv::default(), Some(error)),
    };
    let of_key = || file.assignments.iter().filter(|it| it.name == KEY);
    let mut shown: Vec<Range<usize>> = of_key()
        .map(|it| it.span.start..shown_end(text, it))
        .collect();
    shown.extend(error.as_ref().map(|error| error.span.clone()));
    let (masked, spans) = masked(text, &shown, error.is_none());
    let spans_of_key = spans.iter().cloned();
    let assignments = of_key().zip(spans_of_key).map(|(it, span)| Assignment {
        value: it.value.clone(),
        span,
    });
    let assignments = assignments.collect();
    if let (Some(error), Some(span)) = (&mut error, spans.last()) {
        error.span = span.clone();
    }
    let carriage_return = masked.find("\r\n").map(|at| at..at + 1);
    let in_wrapper = |name: &str| match variable(name) {
        _ if OF_WRAPPER.contains(&name) => bash::Value::Unknown,
        value => value.into(),
    };
    let sourced = bash::source(text, &in_wrapper);
    Arg {
        source: Arc::new(Source::whole(sanitize::path(path), masked)),
        assignments,
        bash: sourced.value(KEY),
        build_args: match sourced.value(BUILD_ARGS) {
            bash::Value::Set(_) if !sourced.exported(BUILD_ARGS) => bash::Value::Unset,
            value => value,
        },
        bash_end: sourced.end(),
        foreign_to_bash: text.starts_with(b"\xef\xbb\xbf")
            || text.windows(2).any(|pair| pair == b"\r\n"),
        carriage_return,
        error,
        file,
        matches_files: sourced.matches_files(),
    }
}

/// How far an assignment is shown: what follows `://` may be a secret.
fn shown_end(text: &[u8], assignment: &dotenv::Assignment) -> usize {
    let value = &text[assignment.value_span.clone()];
    let scheme = value.windows(3).position(|three| three == b"://");
    scheme.map_or(assignment.span.end, |at| {
        assignment.value_span.start + at + 3
    })
}

/// The text with a blank for each character outside `shown`, line ends left out, and the
/// places of `shown` in it; what is in `shown` is blanked too unless it may be `seen`.
fn masked(text: &[u8], shown: &[Range<usize>], seen: bool) -> (String, Vec<Range<usize>>) {
    let mut masked = String::with_capacity(text.len());
    let mut spans = Vec::new();
    let mut at = 0;
    for range in shown {
        blank(&text[at..range.start], &mut masked);
        let start = masked.len();
        // A single character is not a secret.
        let part = &text[range.clone()];
        if seen
            || part
                .utf8_chunks()
                .map(|chunk| chunk.valid().chars().count())
                .sum::<usize>()
                < 2
        {
            masked.push_str(&String::from_utf8_lossy(part));
        } else {
            blank(part, &mut masked);
        }
        spans.push(start..masked.len());
        at = range.end;
    }
    blank(&text[at..], &mut masked);
    (masked, spans)
}

fn blank(text: &[u8], out: &mut String) {
    for chunk in text.utf8_chunks() {
        let ends_line = |c: &char| matches!(c, '\n' | '\r');
        out.extend(
            chunk
                .valid()
                .chars()
                .map(|c| if ends_line(&c) { c } else { ' ' }),
        );
        out.extend(chunk.invalid().iter().map(|_| ' '));
    }
}

/// Whether a value is a URL; one that is signed is a secret.
#[must_use]
pub(super) fn is_url(value: &str) -> bool {
    value.contains("://")
}

/// A value for messages: of a URL only how it begins.
#[must_use]
pub fn shown(value: &str) -> String {
    match value.split_once("://") {
        Some((scheme, _)) => sanitize::line(format!("{scheme}://…").as_bytes()),
        None => sanitize::line(value.as_bytes()),
    }
}

#[cfg(test)]
mod tests;
