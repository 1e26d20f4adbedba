//! `.arg`: CanvOS's build arguments, as its two readers read them (canvos.md, T17).
//!
//! Earthly reads the file with godotenv ([`dotenv`]); `earthly.sh` sources it with bash
//! ([`bash`]). Both are followed exactly. The file may hold secrets, so everything except the
//! assignments of `CLUSTERCONFIG` is blanked before any of it is shown. If Earthly refuses the
//! file, only the reason is available, because no build begins with such a file.

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
/// The build argument that names the custom configuration, with the public key for signatures.
pub(super) const EDGE_CUSTOM_CONFIG: &str = "EDGE_CUSTOM_CONFIG";

/// The build argument that is the version of the host's agent in the image.
pub(super) const AGENT_VERSION: &str = "PE_VERSION";

/// The variable from which Earthly takes more build arguments.
const BUILD_ARGS: &str = "EARTHLY_BUILD_ARGS";

/// The variables that `earthly.sh` sets before it sources the file.
const OF_WRAPPER: [&str; 4] = [
    "EARTHLY_VERSION",
    "PE_VERSION",
    "SPECTRO_PUB_REPO",
    "global_config",
];

/// The contents of `.arg`.
#[derive(Debug)]
pub struct Arg {
    /// The text of the file, in which everything except Earthly's assignments of
    /// `CLUSTERCONFIG` is blanked. It has the lines and columns of the file, but not its byte
    /// offsets.
    pub source: Arc<Source>,
    /// Every assignment of `CLUSTERCONFIG` to Earthly, in the order of the file.
    pub assignments: Vec<Assignment>,
    /// The value of `CLUSTERCONFIG` in bash after the file was sourced.
    pub bash: bash::Value,
    /// The value of `EARTHLY_BUILD_ARGS` that the programs started by `earthly.sh` get: the one
    /// that bash has after the file, if the variable is exported.
    pub build_args: bash::Value,
    /// Where bash stops reading the file.
    pub bash_end: bash::End,
    /// Whether a line ends with a carriage return, or the file begins with a byte order mark.
    /// bash takes either for part of the text.
    pub foreign_to_bash: bool,
    /// The byte range in [`Arg::source`] of the first carriage return at the end of a line.
    pub carriage_return: Option<Range<usize>>,
    /// Why Earthly refuses the file, with the place in `source`. There are no values then.
    pub error: Option<DotenvError>,
    file: Dotenv,
    matches_files: bool,
}

/// An assignment of `CLUSTERCONFIG`, as Earthly reads it.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// The value, without quotes.
    pub value: String,
    /// The part that messages show, as a byte range in [`Arg::source`].
    pub span: Range<usize>,
}

impl Arg {
    /// Returns Earthly's value of the build argument `name`.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.file.value(name)
    }

    /// Describes what is wrong with a file that Earthly refuses.
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

/// Reads the file `path`; returns `None` if it does not exist.
///
/// # Errors
/// Fails if the file exists and cannot be read.
pub(super) fn read(path: &Path, environment: &Environment) -> Result<Option<Arg>, PathError> {
    let text = match files::read(path, files::TEXT) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(PathError::when("read", path)(error)),
    };
    let variable = |name: &str| {
        // A variable that is set to an empty value is exported, too.
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

/// Returns the names of the files beside `path`.
fn beside(path: &Path) -> impl Iterator<Item = Vec<u8>> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().into_encoded_bytes())
}

/// Parses `text` as the file `path`, for an `earthly.sh` whose environment is given by
/// `variable`.
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

/// Returns the end of the part of an assignment that is shown: what follows `://` may be a
/// secret.
fn shown_end(text: &[u8], assignment: &dotenv::Assignment) -> usize {
    let value = &text[assignment.value_span.clone()];
    let scheme = value.windows(3).position(|three| three == b"://");
    scheme.map_or(assignment.span.end, |at| {
        assignment.value_span.start + at + 3
    })
}

/// Returns the text with a blank for each character outside `shown`, line ends left out, and
/// the byte ranges of `shown` in that text. Unless `seen` is true, the characters in `shown`
/// are blanked too.
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

/// Whether a value is a URL. A signed URL is a secret.
#[must_use]
pub(super) fn is_url(value: &str) -> bool {
    value.contains("://")
}

/// Returns a value for messages: of a URL, only the beginning.
#[must_use]
pub fn shown(value: &str) -> String {
    match value.split_once("://") {
        Some((scheme, _)) => sanitize::line(format!("{scheme}://…").as_bytes()),
        None => sanitize::line(value.as_bytes()),
    }
}

#[cfg(test)]
mod tests;
