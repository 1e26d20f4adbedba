//! Messages about files that `init` finds, and about its questions.

use std::path::Path;

use crate::diagnostic::{Code, Diagnostic};
use crate::util::sanitize;

pub(super) fn stopped() -> Diagnostic {
    Diagnostic::error(Code::Cancelled, "stopped before anything was written")
        .help("run the command again, or skip the questions with `edgestage init --no-input`")
}

pub(super) fn unasked(why: &str) -> Diagnostic {
    Diagnostic::error(
        Code::TerminalFailed,
        format!("cannot ask questions on this terminal: {why}"),
    )
    .help("run `edgestage init --no-input` to skip the questions")
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
    .note(format!("profiles of another type or not published: {seen}"))
    .help("publish an Edge Native profile there, or choose another project")
}

pub(super) fn exists(files: &[String]) -> Diagnostic {
    // The other files are written from templates of `init`.
    let is_manifest = |file: &String| Path::new(file).extension().is_some_and(|end| end == "toml");
    let fix = if files.iter().all(is_manifest) {
        "run `edgestage add PROFILE` to add a profile to it, or move the file first"
    } else {
        "edit the file by hand, or move it first"
    };
    let names: Vec<String> = files.iter().map(|file| format!("`{file}`")).collect();
    let exist = if files.len() == 1 { "exists" } else { "exist" };
    Diagnostic::error(
        Code::AlreadyExists,
        format!("{} already {exist}", names.join(", ")),
    )
    .note("nothing was written")
    .help(fix)
}
