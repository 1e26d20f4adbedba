//! `profiles.toml`, and the names of its definitions.

use crate::diagnostic::Diagnostic;
use crate::manifest::ManifestError;
use crate::nearest::nearest;
use crate::printable;

pub fn manifest(error: &ManifestError) -> Diagnostic {
    match error {
        ManifestError::Missing(path) => {
            Diagnostic::error(format!("there is no `{}`", printable::path(path)))
                .help("run `edgestage init` to write one, or name another with `--file FILE`")
        }
        ManifestError::Unreadable(path, error) => {
            let path = printable::path(path);
            Diagnostic::error(format!("cannot read `{path}`: {}", printable::io(error)))
        }
        ManifestError::Invalid(_) => Diagnostic::error("profiles.toml is wrong"),
    }
}

/// Names by the thousand are none that anybody reads.
pub fn some_of(names: &[String]) -> String {
    const SHOWN: usize = 20;
    match names.len().checked_sub(SHOWN) {
        None | Some(0) => names.join(", "),
        Some(more) => format!(
            "{} and {more} more: `edgestage list`",
            names[..SHOWN].join(", ")
        ),
    }
}

pub fn unknown_definition(name: &str, known: &[String]) -> Diagnostic {
    let error = Diagnostic::error(format!("there is no definition `{}`", name.escape_debug()));
    match nearest(name, known.iter().map(String::as_str)) {
        Some(near) => error.help(format!("did you mean `{near}`?")),
        None => error.help(format!("there are {}", some_of(known))),
    }
}
