//! Messages about how a build is started: T14 to T17, T20, T22, T38.

use crate::canvos::preflight::arg::{self, KEY};
use crate::canvos::preflight::invocation::{
    Failure, FileProblem, NoExport, Origin, Program, SettingOrigin, UnknownInvocation,
};
use crate::canvos::preflight::{Embeds, Target};
use crate::diagnostic::{Diagnostic, Trap};

/// T15 to T17: the program ends before it builds. `refused` is the message with the line in
/// question, if a file of variables cannot be parsed.
pub(in crate::canvos::preflight) fn ends_at_once(
    failure: &Failure,
    program: &Program,
    refused: Option<Diagnostic>,
) -> Diagnostic {
    let told = |trap| Diagnostic::warning(trap, format!("the build fails at once: {failure}"));
    let told = match failure {
        Failure::File {
            problem: FileProblem::Syntax { .. },
            ..
        } => refused
            .unwrap_or_else(|| told(Trap::TwoParsers))
            .help("correct this line, or remove it"),
        Failure::File {
            problem: FileProblem::Missing { .. },
            ..
        } => told(Trap::OtherArgFile).help("create the file, or remove the setting that names it"),
        Failure::File { .. } => {
            told(Trap::OtherArgFile).help("make it a file that the build program can read")
        }
        Failure::ArgumentWithoutValue { name } if is_option(name) => told(Trap::ValueOverridden)
            .help("put the options of the build program before the target"),
        _ => told(Trap::ValueOverridden).help("correct the build command and its variables"),
    };
    told.note(format!(
        "`{}` exits before it builds anything",
        program.name()
    ))
}

/// Whether a build argument has the form of an option. CanvOS's build arguments are in upper
/// case.
fn is_option(name: &str) -> bool {
    name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
}

/// T22: a build succeeds and leaves the old image.
pub(in crate::canvos::preflight) fn writes_no_image(why: &NoExport) -> Diagnostic {
    let title = format!("the build writes no image: {why}");
    Diagnostic::warning(Trap::OldImage, title)
        .note("an image from an earlier build stays in place")
        .help(match why {
            NoExport::Setting(SettingOrigin::Flag { flag: "--ci" }) => "add `--output`",
            NoExport::Setting(_) => "unset it, or add `--output`",
            _ => "remove it",
        })
}

/// T20: `reference` is a target of another directory.
pub(in crate::canvos::preflight) fn another_directory(reference: &str) -> Diagnostic {
    built_elsewhere(reference, "a target of another directory")
}

/// T20: `reference` is a target of a git repository.
pub(in crate::canvos::preflight) fn git_repository(reference: &str) -> Diagnostic {
    built_elsewhere(reference, "a target of a git repository")
}

fn built_elsewhere(reference: &str, what: &str) -> Diagnostic {
    let title = format!("the build uses {what}: `{reference}`");
    Diagnostic::warning(Trap::RemoteTarget, title)
        .note("that build does not contain the files staged in this checkout")
        .help("build a target of this checkout, such as `+iso`")
}

/// T38: a part of the build is not known.
pub(in crate::canvos::preflight) fn unjudged(why: &UnknownInvocation) -> Diagnostic {
    let title = format!("the forecast may be wrong: {why}");
    Diagnostic::warning(Trap::OtherBuildSystem, title)
        .help("verify the image after the build with `edgestage verify --image FILE`")
}

/// T16: `setting` names another file of build arguments, whose path must be printable.
pub(in crate::canvos::preflight) fn other_arg_file(
    setting: &SettingOrigin,
    path: &str,
) -> Diagnostic {
    let title = format!("{setting} makes the build read `{path}` instead of `.arg`");
    Diagnostic::warning(Trap::OtherArgFile, title)
        .help("unset it, or keep the file in sync with `.arg`")
}

/// T16: a file has nearly the right name.
pub(in crate::canvos::preflight) fn misnamed_arg_file() -> Diagnostic {
    let title = "the checkout has `.args`, which no build reads, but no `.arg`";
    Diagnostic::warning(Trap::OtherArgFile, title).help("rename it to `.arg`")
}

/// T15: the value does not come from `.arg`.
pub(in crate::canvos::preflight) fn overridden(value: &str, origin: &Origin) -> Diagnostic {
    let title = match value {
        "" => format!("{origin} sets {KEY} to an empty value"),
        _ => format!("{KEY} is `{}`, from {origin}", arg::shown(value)),
    };
    Diagnostic::warning(Trap::ValueOverridden, title)
        .note("it overrides `.arg`")
        .help("remove it, and set CLUSTERCONFIG in `.arg`")
}

/// T14: `earthly.sh` passes nothing on for a MAAS image, which uses `./spc.tgz`.
pub(in crate::canvos::preflight) fn maas_arguments() -> Diagnostic {
    let title = format!("`earthly.sh +maas-image` ignores the argument {KEY}");
    Diagnostic::warning(Trap::MaasArguments, title)
        .note("a MAAS image always gets the staged `spc.tgz`")
        .help("remove it")
}

/// T15: `other` would not have the same result as the program that builds.
pub(in crate::canvos::preflight) fn other_program(
    other: &Program,
    target: Target,
    embeds: &Embeds,
    program: &Program,
) -> Diagnostic {
    let found = match embeds {
        Embeds::File { path, .. } => format!("embeds `{path}`"),
        Embeds::Fails => "fails".to_owned(),
        _ => "embeds no definition".to_owned(),
    };
    let title = format!(
        "`{}` would build something else: its `+{}` {found}",
        other.name(),
        target.name()
    );
    Diagnostic::warning(Trap::ValueOverridden, title)
        .note(format!("the forecast is for `{}`", program.name()))
        .help("keep `.arg` as the only place that sets build arguments")
}
