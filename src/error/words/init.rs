//! Questions of `init`.

use crate::diagnostic::Diagnostic;
use crate::printable;

pub fn nothing_offered(project: Option<&str>, seen: usize) -> Diagnostic {
    let place = match project {
        Some(project) => format!("the project `{}`", printable::line(project.as_bytes())),
        None => "the tenant".to_owned(),
    };
    Diagnostic::error(format!("{place} has no published profile for edge hosts"))
        .note(format!(
            "of other kinds, or not published, it has {}",
            printable::count(seen, "profile")
        ))
        .help("publish a profile of the type Edge Native there, or choose another project")
}
