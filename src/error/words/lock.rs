//! `profiles.lock` and its entries.

use crate::diagnostic::Diagnostic;
use crate::lock::{LockError, Outdated};

pub fn lock(error: &LockError) -> Diagnostic {
    match error {
        LockError::Io(error) => Diagnostic::error(error.to_string()),
        LockError::Unreadable(diagnostic) => (**diagnostic).clone(),
    }
}

pub fn outdated(definition: &str, why: Outdated) -> Diagnostic {
    Diagnostic::error(format!("the lock of `{definition}` is outdated"))
        .note(why.to_string())
        .help(format!(
            "run `edgestage fetch {definition}` and commit profiles.lock"
        ))
}
