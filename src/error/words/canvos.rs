//! Checkouts that cannot be used.

use crate::canvos::CanvosError;
use crate::diagnostic::Diagnostic;
use crate::printable;

pub fn canvos(error: &CanvosError) -> Diagnostic {
    match error {
        CanvosError::Missing(path) => Diagnostic::error(format!(
            "there is no CanvOS checkout at `{}`",
            printable::path(path)
        ))
        .help("clone CanvOS there, or set `[canvos].dir` in profiles.toml or `--canvos DIR`"),
        CanvosError::NotACheckout(path) => Diagnostic::error(format!(
            "`{}` is not a CanvOS checkout",
            printable::path(path)
        ))
        .note("a checkout has an `Earthfile` and `overlay/files-iso/`")
        .help("set `[canvos].dir` in profiles.toml, or `--canvos DIR`"),
        CanvosError::NoTarget { directory, targets } => {
            let names = targets.iter().map(|target| format!("`+{target}`"));
            Diagnostic::error(format!(
                "the CanvOS checkout `{}` has no target {}",
                printable::path(directory),
                names.collect::<Vec<_>>().join(", ")
            ))
            .help("ask for targets that it has, or take a CanvOS that has them")
        }
        CanvosError::Blocked { path, kind } => Diagnostic::error(format!(
            "`{}` in the checkout is {kind}",
            printable::path(path)
        ))
        .note("it is neither followed nor replaced")
        .help("remove it"),
        CanvosError::Foreign(placement) => Diagnostic::error(format!(
            "`{}` in the checkout was not staged by edgestage",
            placement.path()
        ))
        .note("nothing was removed")
        .help("remove it by hand, if nobody needs it"),
        CanvosError::Io(error) => Diagnostic::error(error.to_string()),
        CanvosError::Trapped(_) => Diagnostic::error("the checkout would embed something else"),
    }
}
