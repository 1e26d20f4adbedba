//! Messages about a definition that differs from the locked one in Palette.

use super::Change;
use crate::diagnostic::{Code, Diagnostic};
use crate::util::sanitize;

/// The maximum number of files that a message lists.
const FILES_SHOWN: usize = 24;

/// Palette's state differs from the lock.
pub(crate) fn drift(definition: &str, changes: &[Change]) -> Diagnostic {
    let start = Diagnostic::error(
        Code::Drift,
        format!("Palette no longer serves the locked `{definition}`"),
    );
    let (files, others): (Vec<&Change>, Vec<&Change>) = changes
        .iter()
        .partition(|change| matches!(change, Change::File { .. }));
    let shown = others.iter().chain(files.iter().take(FILES_SHOWN));
    let mut diagnostic = shown.fold(start, |d, change| d.note(change.to_string()));
    if let Some(more) = files
        .len()
        .checked_sub(FILES_SHOWN)
        .filter(|more| *more > 0)
    {
        diagnostic = diagnostic.note(format!(
            "and {}",
            sanitize::count(more, "more changed file")
        ));
    }
    if !files.is_empty() {
        diagnostic = diagnostic.help(format!(
            "show the changes inside the files with `edgestage diff -v {definition}`"
        ));
    }
    diagnostic.help(format!(
        "accept the change with `edgestage update {definition}`, or revert it in Palette"
    ))
}
