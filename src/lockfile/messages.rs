//! Messages about `profiles.lock` and its entries.

use std::path::Path;

use super::{LockfileError, Meanwhile, Outdated, VERSION};
use crate::diagnostic::{self, Code, Diagnostic, Place};
use crate::util::sanitize;

/// Returns the message about a file that cannot be used.
pub(crate) fn error(error: &LockfileError) -> Diagnostic {
    match error {
        LockfileError::Io(error) => diagnostic::messages::disk(error),
        LockfileError::Unreadable(diagnostic) => (**diagnostic).clone(),
    }
}

pub(crate) fn no_lock(path: &Path, definition: &str) -> Diagnostic {
    Diagnostic::error(
        Code::NoLockfile,
        format!("cannot find `{}`", sanitize::path(path)),
    )
    .note(format!("`{definition}` is therefore not locked"))
    .help(renew(definition))
}

pub(crate) fn not_locked(definition: &str) -> Diagnostic {
    Diagnostic::error(
        Code::NotLocked,
        format!("`{definition}` is not in profiles.lock"),
    )
    .help(renew(definition))
}

pub(crate) fn outdated(definition: &str, why: Outdated) -> Diagnostic {
    Diagnostic::error(
        Code::Outdated,
        format!("the lock of `{definition}` is outdated"),
    )
    .note(why.to_string())
    .help(renew(definition))
}

pub(crate) fn changed_meanwhile(definition: &str, how: Meanwhile) -> Diagnostic {
    let (title, note, help) = match how {
        Meanwhile::Gone => (
            format!("`{definition}` is no longer in profiles.toml"),
            "it was removed or renamed during this run, which locked nothing for it",
            "run the command again with the name that profiles.toml has now",
        ),
        Meanwhile::Changed => (
            format!("`{definition}` changed in profiles.toml during this run"),
            "this run locked nothing for it",
            "run the command again",
        ),
        Meanwhile::Locked => (
            format!("the lock entry of `{definition}` changed during this run"),
            "the entry differs from what this run fetched; this run did not change it",
            "run the command again",
        ),
    };
    Diagnostic::error(Code::ChangedMeanwhile, title)
        .note(note)
        .help(help)
}

/// The help for a file that cannot be fixed in any other way.
const RESTORE: &str =
    "restore the file from version control, or delete it and run `edgestage fetch`";

pub(super) fn not_utf8(file: &str) -> Diagnostic {
    invalid(format!("`{file}` is not UTF-8")).help(RESTORE)
}

/// A merge conflict begins at `place`.
pub(super) fn merge_conflict(place: Place<'_>, file: &str) -> Diagnostic {
    invalid(format!("`{file}` is damaged"))
        .pointing(place, "a merge conflict begins here")
        .help("keep either side, then run `edgestage fetch`, which renews the entries that do not match profiles.toml")
}

/// The content is invalid; `why` is the deserializer's message.
pub(super) fn damaged(place: Place<'_>, file: &str, why: String) -> Diagnostic {
    invalid(format!("`{file}` is damaged"))
        .pointing(place, why)
        .help(RESTORE)
}

/// The version is missing; it belongs at `place`.
pub(super) fn no_version(place: Place<'_>, file: &str) -> Diagnostic {
    invalid(format!("`{file}` has no `version`"))
        .pointing(place, format!("`version = {VERSION}` is missing"))
        .help(RESTORE)
}

/// The version is not a number, but of this `kind`.
pub(super) fn version_not_a_number(place: Place<'_>, file: &str, kind: &str) -> Diagnostic {
    invalid(format!("`version` in `{file}` is not a whole number"))
        .pointing(place, format!("this is {kind}"))
        .help(RESTORE)
}

/// The version is 0 or negative.
pub(super) fn impossible_version(place: Place<'_>, file: &str) -> Diagnostic {
    invalid(format!("`{file}` has an invalid version"))
        .pointing(place, "versions start at 1")
        .help(RESTORE)
}

/// The format belongs to a later edgestage; the file may say which version is `needed`.
pub(super) fn newer(
    place: Place<'_>,
    file: &str,
    version: u64,
    needed: Option<&str>,
) -> Diagnostic {
    let own = env!("CARGO_PKG_VERSION");
    Diagnostic::error(
        Code::NewerLockfile,
        format!("`{file}` was written by a newer edgestage"),
    )
    .pointing(
        place,
        format!("this is version {version}, but edgestage {own} reads version {VERSION}"),
    )
    .help(match needed {
        Some(version) => format!("install edgestage {version} or later"),
        None => "install the edgestage that wrote it, or a later one".into(),
    })
}

fn invalid(title: String) -> Diagnostic {
    Diagnostic::error(Code::InvalidLockfile, title)
}

fn renew(definition: &str) -> String {
    format!("run `edgestage fetch {definition}` and commit profiles.lock")
}
