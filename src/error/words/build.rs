//! A build that failed.

use std::io::ErrorKind;

use crate::build::BuildError;
use crate::diagnostic::Diagnostic;
use crate::printable;
use crate::topic::Topic;

pub fn build(error: &BuildError) -> Diagnostic {
    let told = match error {
        BuildError::Start { program, error } => {
            let program = printable::line(program.as_bytes());
            let why = printable::io(error);
            let help = match error.kind() {
                ErrorKind::PermissionDenied => "make it executable: `chmod +x` in the checkout",
                _ => "set `build` in `[canvos]` to the command that builds",
            };
            Diagnostic::error(format!("the build `{program}` cannot be started: {why}")).help(help)
        }
        BuildError::Failed { program, status } => {
            let program = printable::line(program.as_bytes());
            Diagnostic::error(format!(
                "the build `{program}` failed: it ended with {status}"
            ))
            .note("the definition is staged; no image was looked at")
            .help("read the build's own output above: it says why")
        }
        BuildError::NoImage(directory) => {
            let directory = printable::path(directory);
            Diagnostic::error("the build ended well and wrote no image")
                .note(format!(
                    "looked for in `{directory}`; older images do not count"
                ))
                .help("build `+iso`, `+uki-iso`, `+cloud-image` or `+maas-image`: no other target exports one")
                .named("T22")
        }
    };
    told.about_else(Topic::Build)
}
