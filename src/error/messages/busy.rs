//! Runs and definitions that are in each other's way.

use std::path::Path;
use std::time::Duration;

use crate::diagnostic::{Code, Diagnostic, Trap};
use crate::util::sanitize;

pub(super) fn busy(what: &str, holder: &str, waited: Duration) -> Diagnostic {
    Diagnostic::error(Code::Busy, format!("another run still has {what}"))
        .note(format!("it is {holder}; waited {} s", waited.as_secs()))
        .help("check whether that process is still running; pass `--lock-timeout SECONDS` to wait longer")
}

pub(super) fn shared_checkout(definitions: &[String], checkout: &Path) -> Diagnostic {
    let names: Vec<String> = definitions.iter().map(|name| format!("`{name}`")).collect();
    Diagnostic::error(
        Trap::SharedCheckout,
        format!("{} cannot be staged together", names.join(" and ")),
    )
    .note(format!(
        "they share the checkout `{}`, which holds one definition at a time",
        sanitize::path(checkout)
    ))
    .help(
        "give each a checkout of its own: `git worktree add` in CanvOS, then `canvos` in its \
             table",
    )
    .help("or stage one, build its image, then stage the next")
}
