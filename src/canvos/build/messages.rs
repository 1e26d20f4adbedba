//! Messages about a build that failed, wrote no image, or removed staged files.

use std::io::ErrorKind;
use std::path::Path;

use super::{BuildError, ChangedFile, CurrentContent, ImageOutcome, NoImage, StagedFilesChanged};
use crate::diagnostic::{Code, Diagnostic, Trap};
use crate::util::sanitize;

const READ_IT: &str = "see the build's own output above for the cause";

/// Describes a build that did not end as it should.
pub(crate) fn error(error: &BuildError) -> Diagnostic {
    match error {
        BuildError::Start { program, error } => start(program, error),
        BuildError::Failed {
            program,
            status,
            misplaced,
        } => {
            let program = sanitize::line(program.as_bytes());
            let help = match misplaced {
                Some(option) => {
                    let option = sanitize::line(option.as_bytes());
                    format!(
                        "write options of the build program before its target: `-- {option} +iso`"
                    )
                }
                None => READ_IT.to_owned(),
            };
            Diagnostic::error(
                Code::BuildFailed,
                format!("the build `{program}` failed: it ended with {status}"),
            )
            .note("edgestage did not verify an image")
            .help(help)
        }
        BuildError::NoImage {
            program,
            directory,
            older,
            why,
        } => no_image(program, why, directory, older),
        BuildError::StagedFilesChanged(changes) => staged_files_changed(changes),
    }
}

fn start(program: &str, error: &std::io::Error) -> Diagnostic {
    let why = sanitize::io(error);
    let help = match error.kind() {
        ErrorKind::PermissionDenied => "make it executable: `chmod +x` in the checkout",
        _ if program == "./earthly.sh" => {
            "install `earth` or `earthly`, or set `build` in `[canvos]` to the command that builds"
        }
        _ => "set `build` in `[canvos]` to the command that builds",
    };
    let program = sanitize::line(program.as_bytes());
    Diagnostic::error(
        Code::BuildNotStarted,
        format!("cannot start the build `{program}`: {why}"),
    )
    .help(help)
}

fn no_image(program: &str, why: &NoImage, directory: &Path, older: &[String]) -> Diagnostic {
    const ENDED_WELL: &str = "the build succeeded but wrote no image";
    let swallows = |line: usize| {
        format!(
            "line {line} of the checkout's `earthly.sh` makes it end with 0 after a failed build"
        )
    };
    let program = sanitize::line(program.as_bytes());
    let told = match why {
        NoImage::Suppressed(by) => Diagnostic::error(Trap::OldImage, ENDED_WELL)
            .note(format!(
                "{by} prevents the build program from writing it there"
            ))
            .help(
                "remove it, or verify an image elsewhere with `edgestage verify NAME --image FILE`",
            ),
        NoImage::Ci(by) => Diagnostic::error(Trap::OldImage, ENDED_WELL)
            .note(format!(
                "{by} prevents the build program from writing files"
            ))
            .help("add `--output` before the target: `-- --ci --output +iso`"),
        NoImage::Target(target) => {
            let target = sanitize::line(target.as_bytes());
            Diagnostic::error(Trap::OldImage, ENDED_WELL)
                .note(format!(
                    "`{target}` is not a target of CanvOS that writes one"
                ))
                .help("build `+iso`, `+uki-iso`, `+cloud-image` or `+maas-image`")
        }
        NoImage::FailureHiddenByWrapper(line) => Diagnostic::error(
            Trap::SwallowedFailure,
            format!("the build `{program}` failed, but ended with exit code 0"),
        )
        .note(format!("it wrote no image, and {}", swallows(*line)))
        .help(READ_IT),
        NoImage::PerhapsSwallowed(line) => Diagnostic::error(
            Trap::SwallowedFailure,
            format!("the build `{program}` wrote no image, and may have failed"),
        )
        .note(format!(
            "it ended with exit code 0, but {}",
            swallows(*line)
        ))
        .help(READ_IT),
        NoImage::Unexplained => Diagnostic::error(Trap::OldImage, ENDED_WELL)
            .help("see the build's own output above for what it wrote, and where"),
    };
    let directory = sanitize::path(directory);
    let told = told.note(format!("searched `{directory}`; older images do not count"));
    match older.first() {
        Some(name) => {
            let name = sanitize::line(name.as_bytes());
            told.note(format!("`{name}` is unchanged from an earlier build"))
        }
        None => told,
    }
}

fn staged_files_changed(changes: &StagedFilesChanged) -> Diagnostic {
    let StagedFilesChanged {
        command,
        files,
        cleaned_by,
        definition,
        image,
    } = changes;
    let command = sanitize::line(command.as_bytes());
    let did = if changes.removed() {
        "removed"
    } else {
        "changed"
    };
    let mut told = Diagnostic::error(
        Code::StagedChanged,
        format!("the build `{command}` {did} staged files"),
    );
    for ChangedFile { path, now } in files {
        told = told.note(match now {
            CurrentContent::Gone => format!("`{path}` is gone"),
            CurrentContent::Kind(kind) => format!("`{path}` is now {kind}"),
            CurrentContent::Definition(name) => format!("`{path}` now contains `{name}`"),
            CurrentContent::Other => format!("`{path}` is now another file"),
        });
    }
    let help = match cleaned_by {
        Some((script, line)) => {
            let script = sanitize::path(script);
            told = told.note(format!("line {line} of `{script}` runs `git clean`"));
            format!(
                "add `-e spc.tgz -e .edgestage` to that `git clean`, or run \
                 `edgestage stage {definition}` after it"
            )
        }
        None => format!(
            "change the build command to keep them, or to run `edgestage stage {definition}` after the step that {did} them"
        ),
    };
    let as_locked = format!("the locked `{definition}`");
    told.note(match image {
        ImageOutcome::Missing if changes.lost_all() => {
            format!("an image built from this checkout now does not contain {as_locked}")
        }
        // One of the two files may be enough for this target.
        ImageOutcome::Missing => {
            format!("an image built from this checkout now may not contain {as_locked}")
        }
        ImageOutcome::Wrong => format!("the image does not contain {as_locked}"),
        ImageOutcome::Right => format!("the image still contains {as_locked}"),
    })
    .help(help)
}
