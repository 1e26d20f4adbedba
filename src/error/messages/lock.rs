//! `profiles.lock` and its entries.

use std::path::Path;

use crate::diagnostic::{Code, Diagnostic};
use crate::lockfile::{LockfileError, Meanwhile, Outdated};
use crate::util::sanitize;

pub(super) fn lock(error: &LockfileError) -> Diagnostic {
    match error {
        LockfileError::Io(error) => super::disk(error),
        LockfileError::Unreadable(diagnostic) => (**diagnostic).clone(),
    }
}

pub(super) fn no_lock(path: &Path, definition: &str) -> Diagnostic {
    Diagnostic::error(
        Code::NoLockfile,
        format!("there is no `{}`", sanitize::path(path)),
    )
    .note(format!("so `{definition}` is not locked"))
    .help(renew(definition))
}

pub(super) fn not_locked(definition: &str) -> Diagnostic {
    Diagnostic::error(
        Code::NotLocked,
        format!("`{definition}` is not in profiles.lock"),
    )
    .help(renew(definition))
}

pub(super) fn outdated(definition: &str, why: Outdated) -> Diagnostic {
    Diagnostic::error(
        Code::Outdated,
        format!("the lock of `{definition}` is outdated"),
    )
    .note(why.to_string())
    .help(renew(definition))
}

pub(super) fn changed_meanwhile(definition: &str, how: Meanwhile) -> Diagnostic {
    let (title, note, help) = match how {
        Meanwhile::Gone => (
            format!("`{definition}` is not in profiles.toml any more"),
            "it was removed or renamed while this run worked on it; this run locked nothing for it",
            "run the command again with the name that profiles.toml has now",
        ),
        Meanwhile::Changed => (
            format!("`{definition}` was changed in profiles.toml while this run worked on it"),
            "this run locked nothing for it",
            "run the command again",
        ),
        Meanwhile::Locked => (
            format!("the lock entry of `{definition}` was changed while this run worked on it"),
            "what this run has is not what profiles.lock says now; the entry was left as it is",
            "run the command again",
        ),
    };
    Diagnostic::error(Code::ChangedMeanwhile, title)
        .note(note)
        .help(help)
}

fn renew(definition: &str) -> String {
    format!("run `edgestage fetch {definition}` and commit profiles.lock")
}
