//! `profiles.lock` and its entries.

use std::path::Path;

use crate::diagnostic::Diagnostic;
use crate::lock::{LockError, Outdated};
use crate::printable;
use crate::topic::Topic;

pub fn lock(error: &LockError) -> Diagnostic {
    match error {
        LockError::Io(error) => super::disk(error),
        LockError::Unreadable(diagnostic) => (**diagnostic).clone().about_else(Topic::Lock),
    }
}

pub fn no_lock(path: &Path, definition: &str) -> Diagnostic {
    Diagnostic::error(format!("there is no `{}`", printable::path(path)))
        .note(format!("so `{definition}` is not locked"))
        .help(renew(definition))
        .about(Topic::NotLocked)
}

pub fn not_locked(definition: &str) -> Diagnostic {
    Diagnostic::error(format!("`{definition}` is not in profiles.lock"))
        .help(renew(definition))
        .about(Topic::NotLocked)
}

pub fn outdated(definition: &str, why: Outdated) -> Diagnostic {
    Diagnostic::error(format!("the lock of `{definition}` is outdated"))
        .note(why.to_string())
        .help(renew(definition))
        .about(Topic::Outdated)
}

fn renew(definition: &str) -> String {
    format!("run `edgestage fetch {definition}` and commit profiles.lock")
}
