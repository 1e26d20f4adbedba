//! Messages about files that `init` finds, and about its questions.

use std::path::Path;

use crate::diagnostic::{Code, Diagnostic};
use crate::util::sanitize;

pub(super) fn stopped() -> Diagnostic {
    Diagnostic::error(Code::Cancelled, "stopped: nothing was written")
        .help("run it again; `edgestage init --no-input` asks nothing")
}

pub(super) fn unasked(why: &str) -> Diagnostic {
    Diagnostic::error(Code::TerminalFailed, format!("the terminal failed: {why}"))
        .help("run `edgestage init --no-input`, which asks nothing")
}

pub(super) fn nothing_offered(project: Option<&str>, seen: usize) -> Diagnostic {
    let place = match project {
        Some(project) => format!("the project `{}`", sanitize::line(project.as_bytes())),
        None => "the tenant".to_owned(),
    };
    Diagnostic::error(
        Code::NoEdgeProfiles,
        format!("{place} has no published profile for edge hosts"),
    )
    .note(format!(
        "of other kinds, or not published, it has {}",
        sanitize::count(seen, "profile")
    ))
    .help("publish a profile of the type Edge Native there, or choose another project")
}

pub(super) fn exists(files: &[String]) -> Diagnostic {
    // The other files are written from templates of `init`.
    let is_manifest = |file: &String| Path::new(file).extension().is_some_and(|end| end == "toml");
    let fix = if files.iter().all(is_manifest) {
        "run `edgestage add PROFILE` to add to it, or move it away first"
    } else {
        "edit it by hand, or move it away first"
    };
    Diagnostic::error(
        Code::AlreadyExists,
        format!("already exists: {}", files.join(", ")),
    )
    .note("nothing was written")
    .help(fix)
}
