//! Classifies the failure of a build program by its output.
//!
//! Input: the output of the program. Output: a [`Failure`]. If the program could not run at all,
//! for example without a daemon, its failure says nothing about the build. A failure that is not
//! recognized counts as a failure of the build.

use crate::canvos::preflight::{Added, ERROR_MARKER, EXPORT_DIRECTORY};

/// What failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// There is no daemon, no connection or no base image.
    Unavailable,
    /// A line that the reduced Earthfile adds.
    Ours,
    /// A line of the Earthfile, in the copy.
    Copying,
    /// It does not say.
    Unknown,
}

/// What programs say without a daemon or an image. In lower case.
const UNAVAILABLE: [&str; 24] = [
    "could not determine buildkit address",
    "is the docker daemon running",
    "cannot connect to the docker daemon",
    "docker: command not found",
    "failed to connect to buildkit",
    "could not connect to buildkit",
    "buildkitd not started",
    "no such job",
    "failed to resolve source metadata",
    "failed to load metadata",
    "pull access denied",
    "manifest unknown",
    "unauthorized: ",
    "toomanyrequests",
    "failed to do request",
    "failed to authorize",
    "failed to fetch anonymous token",
    "connection refused",
    "no such host",
    "i/o timeout",
    "tls handshake timeout",
    "no space left on device",
    "transport is closing",
    "exec format error",
];

/// What is said of lines that cannot be read.
const UNREADABLE: [&str; 6] = [
    "syntax error at ",
    " arguments [",
    "unknown flag",
    "mismatched input",
    "extraneous input",
    "no viable alternative",
];

/// What the program whose `output` it is says of an Earthfile that has lines of ours from
/// `added` on.
pub(super) fn of(output: &str, added: Added) -> Failure {
    let lower = output.to_lowercase();
    if UNAVAILABLE.iter().any(|words| lower.contains(words)) {
        return Failure::Unavailable;
    }
    let is_error = |line: &&str| line.contains("Error:") || line.contains("did not complete");
    let mut errors = output.lines().filter(is_error);
    // The path of the copy begins like the first of these.
    let ours = [format!("/.{ERROR_MARKER}/"), format!("{EXPORT_DIRECTORY}+")];
    let is_ours = |line: &str| ours.iter().any(|words| line.contains(words));
    if errors.any(|line| is_ours(line) || is_unreadable(line, added)) {
        return Failure::Ours;
    }
    if says_failed(output) {
        Failure::Copying
    } else {
        Failure::Unknown
    }
}

/// Whether the build program refused a mark, which runs on the host.
pub(super) fn is_strict(output: &str) -> bool {
    says_error(output, "LOCALLY cannot be used")
}

/// Whether the command exports an artifact that a target does not have. A reduced target has
/// the files that edgestage adds, and no others.
pub(super) fn lacks_artifact(output: &str) -> bool {
    says_error(output, "cannot save artifact ")
}

fn says_error(output: &str, words: &str) -> bool {
    let says = |line: &str| line.contains("Error:") && line.contains(words);
    output.lines().any(says)
}

/// Whether an error is of a line of ours that the program cannot read.
fn is_unreadable(error: &str, added: Added) -> bool {
    let numbers = |before: &'static str| {
        error.split(before).skip(1).filter_map(|rest| {
            let end = rest.find(|c: char| !c.is_ascii_digit());
            rest[..end.unwrap_or(rest.len())].parse::<usize>().ok()
        })
    };
    UNREADABLE.iter().any(|words| error.contains(words))
        && (numbers("Earthfile:").any(|line| line >= added.line)
            || numbers(" at pos ").any(|byte| byte >= added.byte))
}

/// Whether a build program says that a target has failed; a script around it may print errors
/// of its own.
pub(super) fn names_failed_target(output: &str) -> bool {
    let says = |line: &str| line.contains(" FAILURE ==") || line.contains(" *failed* |");
    output.lines().any(says)
}

/// Whether the program says that a build has failed.
pub(super) fn says_failed(output: &str) -> bool {
    let says = |line: &str| {
        line.trim_start().starts_with("Error:")
            || line.contains(" FAILURE ==")
            || line.contains(" *failed* |")
    };
    output.lines().any(says)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_by_its_words() {
        for (output, expected) in [
            ("Error: x: open .env: permission denied", Failure::Copying),
            (
                "  +iso *failed* | COPY a b\nError: b not found",
                Failure::Copying,
            ),
            ("make: *** No rule to make target", Failure::Unknown),
            (
                "Error: build: failed to load metadata for x",
                Failure::Unavailable,
            ),
            (
                "Cannot connect to the Docker daemon at x",
                Failure::Unavailable,
            ),
            (
                "Error: Earthfile:100:8 invalid excludepatterns: [[]: syntax error in pattern",
                Failure::Copying,
            ),
            (
                "Error: Earthfile:100:8 parse platform linux/: it is an invalid component",
                Failure::Copying,
            ),
            ("Error: syntax error at pos 1175: x", Failure::Copying),
            ("Error: syntax error at pos 9999: x", Failure::Ours),
            (
                "Error: Earthfile:99:5 invalid COPY arguments [x]",
                Failure::Copying,
            ),
            (
                "Error: Earthfile:9:1 apply: Earthfile:100:5 invalid COPY arguments [x]",
                Failure::Ours,
            ),
            (
                "Error: Earthfile:100:5 copy: /x not found",
                Failure::Copying,
            ),
            (
                "Error: The command RUN mkdir -p /.edgestage/own did not complete",
                Failure::Ours,
            ),
            (
                "Error: Earthfile:9:4 copy artifact: apply build .edgestage-rehearsal+built: x",
                Failure::Ours,
            ),
            (
                "Error: /s/.edgestage-rehearsal-Ab3/Earthfile:100:8 parse platform linux/: x",
                Failure::Copying,
            ),
        ] {
            let added = Added {
                byte: 5000,
                line: 100,
            };
            assert_eq!(of(output, added), expected, "{output}");
        }
    }
}
