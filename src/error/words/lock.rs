//! `profiles.lock` and its entries.

use std::path::Path;

use crate::diagnostic::{Code, Diagnostic};
use crate::lock::{LockError, Outdated};
use crate::printable;

pub fn lock(error: &LockError) -> Diagnostic {
    match error {
        LockError::Io(error) => super::disk(error),
        LockError::Unreadable(diagnostic) => (**diagnostic).clone(),
    }
}

pub fn no_lock(path: &Path, definition: &str) -> Diagnostic {
    Diagnostic::error(
        Code::NoLockfile,
        format!("there is no `{}`", printable::path(path)),
    )
    .note(format!("so `{definition}` is not locked"))
    .help(renew(definition))
}

pub fn not_locked(definition: &str) -> Diagnostic {
    Diagnostic::error(
        Code::NotLocked,
        format!("`{definition}` is not in profiles.lock"),
    )
    .help(renew(definition))
}

pub fn outdated(definition: &str, why: Outdated) -> Diagnostic {
    Diagnostic::error(
        Code::Outdated,
        format!("the lock of `{definition}` is outdated"),
    )
    .note(why.to_string())
    .help(renew(definition))
}

fn renew(definition: &str) -> String {
    format!("run `edgestage fetch {definition}` and commit profiles.lock")
}
