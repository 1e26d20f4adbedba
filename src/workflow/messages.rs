//! Messages about files that a run does without, or requires. Paths in the data must be
//! printable.

use std::io;

use crate::diagnostic::{Code, Diagnostic};
use crate::util::path_error::PathError;
use crate::util::sanitize;

/// Describes a manifest that is not used because it has a mistake, or because it cannot be read
/// for the reason `unreadable`; `without` says what is missing then.
pub(super) fn manifest_unused(
    file: &str,
    unreadable: Option<&io::Error>,
    without: &str,
) -> Diagnostic {
    let why = unreadable.map_or_else(|| "it has errors".to_owned(), sanitize::io);
    Diagnostic::warning(Code::ManifestUnused, format!("`{file}` is not used: {why}"))
        .note(without)
        .help("run `edgestage check` to see the errors")
}

/// Describes a `ca-cert` that cannot be read; another file may have been meant.
pub(super) fn unusable_ca_cert(error: &PathError, near: Option<&str>) -> Diagnostic {
    Diagnostic::error(
        Code::UnusableCaCert,
        format!("`ca-cert` cannot be used: {error}"),
    )
    .help(match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => "name a PEM file, relative to profiles.toml".to_owned(),
    })
}

/// Describes a file system without file locks, on which `what` is to be locked.
pub(super) fn no_file_locks(what: &str, why: &str) -> Diagnostic {
    Diagnostic::warning(Code::NoFileLocks, format!("{what} cannot be locked: {why}"))
        .note("edgestage processes on this file system cannot detect each other")
        .help("run one edgestage process at a time there; mount NFS with locking")
}

/// Describes the rule by which git ignores the lock.
pub(super) fn lockfile_ignored(file: &str, rule: &str) -> Diagnostic {
    Diagnostic::warning(
        Code::LockfileIgnored,
        format!("git ignores `{file}`, which is meant to be committed"),
    )
    .note("a clone without it has no lock and gets whatever Palette serves at that time")
    .help(format!(
        "remove the rule `{rule}`, or write `!{file}` below it"
    ))
}
