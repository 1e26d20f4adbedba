//! Messages about arguments and variables that are not valid.

use std::path::Path;

use crate::diagnostic::{Code, Diagnostic};
use crate::util::endpoint::InvalidEndpoint;
use crate::util::sanitize;

/// The arguments are refused; `title` is clap's message. Used for JSON and annotations: on a
/// terminal, clap prints the message.
pub(crate) fn invalid_arguments(title: &str) -> Diagnostic {
    Diagnostic::error(Code::InvalidArguments, title).help("see `edgestage --help`")
}

/// `--json` conflicts with another format.
pub(super) fn two_formats(other: &str) -> Diagnostic {
    Diagnostic::error(
        Code::ConflictingOptions,
        format!("`--json` and `--format {other}` ask for two forms of one result"),
    )
    .help("leave one of them out")
}

/// `--file` names a lock instead of a manifest.
pub(super) fn own_lock(file: &Path) -> Diagnostic {
    Diagnostic::error(
        Code::ConflictingOptions,
        format!(
            "`{}` cannot be both the manifest and its lockfile",
            sanitize::path(file)
        ),
    )
    .note("the lockfile is next to the manifest and has the extension `.lock`")
    .help("name the manifest instead, such as `profiles.toml`")
}

pub(crate) fn not_seconds(variable: &str) -> Diagnostic {
    Diagnostic::error(
        Code::InvalidVariable,
        format!("`{variable}` is not a whole number of seconds"),
    )
    .help(format!(
        "set it to a number of seconds, such as `{variable}=60`"
    ))
}

/// An endpoint is invalid; `place` is the option or the variable.
pub(crate) fn invalid_endpoint(place: &str, why: &InvalidEndpoint) -> Diagnostic {
    Diagnostic::error(
        Code::InvalidEndpoint,
        format!("`{place}` is not a Palette address: {why}"),
    )
    .help(why.help())
}
