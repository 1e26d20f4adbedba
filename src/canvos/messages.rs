//! Messages about checkouts that cannot be used, and about two definitions for one checkout.

use std::path::Path;

use super::{CanvosError, Placement};
use crate::diagnostic::{self, Code, Diagnostic, Trap};
use crate::util::path_error::PathError;
use crate::util::sanitize;

/// Describes a checkout that cannot be used.
pub(crate) fn error(error: &CanvosError) -> Diagnostic {
    match error {
        CanvosError::Missing(path) => Diagnostic::error(
            Code::NoCheckout,
            format!("no CanvOS checkout found at `{}`", sanitize::path(path)),
        )
        .help("clone CanvOS there, set `dir` in `[canvos]`, or pass `--canvos DIR`"),
        CanvosError::NotACheckout(path) => Diagnostic::error(
            Code::NotACheckout,
            format!("`{}` is not a CanvOS checkout", sanitize::path(path)),
        )
        .note("a checkout contains `Earthfile` and `overlay/files-iso/`")
        .help("set `dir` in `[canvos]` to the checkout, or pass `--canvos DIR`"),
        CanvosError::NoTarget { directory, targets } => {
            let names = targets.iter().map(|target| format!("`+{target}`"));
            Diagnostic::error(
                Code::NoSuchTarget,
                format!(
                    "the CanvOS checkout `{}` has no target {}",
                    sanitize::path(directory),
                    names.collect::<Vec<_>>().join(", ")
                ),
            )
            .help("choose other targets, or use a CanvOS version that has them")
        }
        CanvosError::Blocked { path, kind } => Diagnostic::error(
            Code::BlockedPath,
            format!("`{}` in the checkout is {kind}", sanitize::path(path)),
        )
        .note("edgestage neither follows nor replaces it")
        .help("remove it"),
        CanvosError::Foreign(placement) => Diagnostic::error(
            Code::ForeignFile,
            format!(
                "edgestage did not stage `{}` in the checkout",
                placement.path()
            ),
        )
        .note("nothing was removed")
        .help(format!(
            "if nobody needs it, remove it by hand: `rm {}`",
            placement.path()
        )),
        CanvosError::Changed(path) => Diagnostic::error(
            Code::CacheDamaged,
            format!(
                "the cached archive `{}` changed while it was copied",
                sanitize::path(path)
            ),
        )
        .note("edgestage did not stage it; the files staged before are unchanged")
        .help("run the command again"),
        CanvosError::PartialChange {
            placement,
            rollback,
            cause,
        } => mixed(*placement, rollback, cause),
        CanvosError::Io(error) => diagnostic::messages::disk(error),
        // The traps have their own messages.
        CanvosError::Trapped(_) => {
            Diagnostic::error(Code::Trapped, "the checkout would embed something else")
        }
    }
}

/// Describes two placements of which only `placement` is new.
fn mixed(placement: Placement, rollback: &PathError, cause: &CanvosError) -> Diagnostic {
    let cause = error(cause);
    let title = format!(
        "`{}` has changed, and the other staged file has not",
        placement.path()
    );
    let mut told = Diagnostic::error(Code::MixedPair, title).note(cause.title);
    told.notes.extend(cause.notes);
    told.help = cause.help;
    told.note(format!("the change was not undone: {rollback}"))
        .help("then run the command again: until you do, the two files differ")
}

/// Describes definitions that were to be staged together and share `checkout`.
pub(crate) fn shared_checkout(definitions: &[String], checkout: &Path) -> Diagnostic {
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
        "give each its own checkout: run `git worktree add` in CanvOS, then set `canvos` in the definition",
    )
    .help("or stage one, build its image, then stage the next")
}
