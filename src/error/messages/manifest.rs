//! Messages about a missing manifest or an unknown definition. The messages about mistakes in
//! the file are in `src/manifest/messages.rs`.

use std::path::Path;

use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::discovery::Passed;
use crate::manifest::{Located, ManifestError};
use crate::util::sanitize;
use crate::util::suggest::{nearest, nearest_file};

pub(super) fn manifest(error: &ManifestError) -> Diagnostic {
    match error {
        ManifestError::Missing(path, located) => missing(path, located),
        ManifestError::Unreadable(path, error) => {
            let path = sanitize::path(path);
            Diagnostic::error(
                Code::ManifestUnreadable,
                format!("cannot read `{path}`: {}", sanitize::io(error)),
            )
            .help("use `--file FILE` to name a file that you can read")
        }
        // The problems are diagnostics already.
        ManifestError::Invalid(_) => {
            Diagnostic::error(Code::InvalidManifest, "profiles.toml is wrong")
        }
    }
}

fn missing(path: &Path, located: &Located) -> Diagnostic {
    let error = Diagnostic::error(
        Code::ManifestMissing,
        format!("cannot find `{}`", sanitize::path(path)),
    );
    let near = nearest_file(path).filter(|near| near.extension() == path.extension());
    if let Some(near) = near {
        return error.help(format!("did you mean `--file {}`?", sanitize::path(&near)));
    }
    match located {
        Located::Nowhere(Some(passed)) => {
            let file = sanitize::path(passed.path());
            let (why, help) = match passed {
                Passed::OutsideRepository(_) => (
                    format!("`{file}` is above the root of this git repository, so it is not used"),
                    format!("to use it, add `--file {file}` to the command"),
                ),
                Passed::Foreign(_) => (
                    format!("`{file}` belongs to another user, so it is not used"),
                    format!("if you trust it, add `--file {file}` to the command"),
                ),
            };
            error.note(why).help(help)
        }
        Located::Nowhere(None) => error
            .note("no parent directory contains one either")
            .help("run `edgestage init` to create it, or name another file with `--file FILE`"),
        _ => {
            error.help("run `edgestage init` to create it, or name another file with `--file FILE`")
        }
    }
}

/// Returns a list of some of the names: nobody reads thousands of them.
pub(super) fn some_of(names: &[String]) -> String {
    const SHOWN: usize = 20;
    match names.len().checked_sub(SHOWN) {
        None | Some(0) => names.join(", "),
        Some(more) => format!(
            "{} and {more} more; `edgestage list` shows all",
            names[..SHOWN].join(", ")
        ),
    }
}

pub(super) fn name_needed(known: &[String]) -> Diagnostic {
    Diagnostic::error(
        Code::DefinitionNeeded,
        "the command needs the name of a definition",
    )
    .note(format!("profiles.toml defines {}", some_of(known)))
    .help("add the name of a definition to the command")
}

pub(super) fn unknown_definition(name: &str, known: &[String]) -> Diagnostic {
    let error = Diagnostic::error(
        Code::UnknownDefinition,
        format!("there is no definition `{}`", name.escape_debug()),
    );
    match (nearest(name, known.iter().map(String::as_str)), known) {
        (Some(near), _) => error.help(format!("did you mean `{near}`?")),
        (None, [only]) => error.help(format!(
            "write `{only}` or omit the name: it is the only definition"
        )),
        (None, _) => error.help(format!("write one of {}", some_of(known))),
    }
}
