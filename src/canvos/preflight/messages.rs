//! Messages about the traps of a checkout. A message says what is wrong and what to do, but not
//! which targets are affected.

use std::path::Path;

use super::arg::{self, KEY};
use super::bash;
use super::ignore::{Rule, RuleFault};
use super::{Arg, Assignment, RIGHT, Target};
use crate::canvos::OVERLAY_DIRECTORY;
use crate::diagnostic::{Diagnostic, Place, Trap};

pub(super) mod bundle;
pub(super) mod clusterconfig;
pub(super) mod invocation;
pub(super) mod signing_key;

/// The effect on a build of such a checkout.
const FAILS: &str = "the build stops with an error";
/// The wording for a rule that makes every build fail.
const REFUSES: &str = "Earthly then refuses to build";
/// The command that removes all carriage returns at line ends from the file.
const WITHOUT_RETURNS: &str = "`sed -i 's/\\r$//' .arg`";

/// Adds the targets that would lose the definition, or embed another one.
pub(super) fn affecting(told: Diagnostic, targets: &[Target]) -> Diagnostic {
    let names = targets.iter().map(|target| format!("`+{}`", target.name()));
    let names: Vec<String> = names.collect();
    told.note(format!("this affects {}", names.join(", ")))
}

/// Adds why it is a warning.
pub(crate) fn accepted(told: Diagnostic) -> Diagnostic {
    told.note("accepted because `--allow` or `allow` names it")
}

/// T8: `path`, in the place of a staged file or on the way there, is a symbolic link.
pub(super) fn symbolic_link(path: &str) -> Diagnostic {
    let title = format!("`{path}` in the checkout is a symbolic link");
    Diagnostic::warning(Trap::SymbolicLink, title)
        .note("edgestage neither follows nor replaces it")
        .help("remove it")
}

/// T34: what bash reads depends on the output of the commands in `.arg`.
pub(super) fn commands_in_arg(arg: &Arg, last: &Assignment) -> Diagnostic {
    let title = "`.arg` contains commands, which `earthly.sh` runs when it reads the file";
    Diagnostic::warning(Trap::Expansion, title)
        .at(&arg.source, last.span.clone(), "")
        .note("edgestage does not know what the commands yield; Earthly does not run them")
        .help(format!("write `{RIGHT}`, without `$(…)` or a backtick"))
}

/// T17: bash reads another value of CLUSTERCONFIG than Earthly, or none.
pub(super) fn other_value_in_bash(
    arg: &Arg,
    last: &Assignment,
    in_bash: Option<&str>,
) -> Diagnostic {
    let earthly = arg::shown(&last.value);
    let bash = in_bash.map_or_else(
        || "nothing".to_owned(),
        |value| format!("`{}`", arg::shown(value)),
    );
    let title = format!("`earthly.sh` reads {bash}, but Earthly reads `{earthly}`");
    two_readings(title, arg, last)
}

/// T17: both read the same `CLUSTERCONFIG`, but read another line differently.
pub(super) fn other_line_in_bash(arg: &Arg, last: &Assignment) -> Diagnostic {
    let title = "`earthly.sh` reads `.arg` differently from Earthly";
    let Some(carriage_return) = &arg.carriage_return else {
        return two_readings(title.to_owned(), arg, last);
    };
    let label = "this line ends with a carriage return";
    Diagnostic::warning(Trap::TwoParsers, title)
        .at(&arg.source, carriage_return.clone(), label)
        .note("both read the same CLUSTERCONFIG; to bash a carriage return is part of the other values")
        .help(format!("end lines with a newline only: {WITHOUT_RETURNS}"))
}

fn two_readings(title: String, arg: &Arg, last: &Assignment) -> Diagnostic {
    let told = Diagnostic::warning(Trap::TwoParsers, title)
        .at(&arg.source, last.span.clone(), "")
        .note(why_bash_differs(arg))
        .help(format!(
            "write `{RIGHT}`, and end lines with a newline only"
        ));
    match arg.carriage_return {
        Some(_) => told.help(format!("for all lines: {WITHOUT_RETURNS}")),
        None => told,
    }
}

/// T18: the assignment `before` has no effect; the one in `line` does.
pub(super) fn set_twice(arg: &Arg, before: &Assignment, line: usize) -> Diagnostic {
    Diagnostic::warning(Trap::SetTwice, format!("`.arg` sets {KEY} more than once"))
        .at(&arg.source, before.span.clone(), "this line has no effect")
        .note(format!("line {line} takes effect"))
        .help("remove this line, or run `edgestage stage --fix-arg`")
}

/// T9: both ignore files exist, and Earthly accepts only one of them.
pub(super) fn two_ignore_files() -> Diagnostic {
    let title = "the checkout has both `.earthlyignore` and `.earthignore`";
    Diagnostic::warning(Trap::IgnoreRule, title)
        .note(REFUSES)
        .help("remove `.earthignore`")
}

/// T9: a rule that keeps a placement out of the build's context.
pub(super) fn hidden_placement(directory: &Path, rule: &Rule, placement: &str) -> Diagnostic {
    let title = format!(
        "`{}` line {} keeps `{placement}` out of every build",
        rule.file, rule.line
    );
    about_rule(directory, rule, title).help(format!("add the line `!{placement}` after it"))
}

/// T9: a rule hides a file that the build needs.
pub(super) fn hidden_need(directory: &Path, rule: &Rule, path: &str) -> Diagnostic {
    let title = format!(
        "`{}` line {} keeps `{path}`, which the Earthfile copies, out of every build",
        rule.file, rule.line
    );
    about_rule(directory, rule, title)
        .note(FAILS)
        .help("remove the rule")
}

/// T9: a rule makes every build fail.
pub(super) fn bad_rule(directory: &Path, rule: &Rule, fault: RuleFault) -> Diagnostic {
    let why = match fault {
        RuleFault::Control => "has a tab or another control character",
        RuleFault::Syntax => "is not a valid pattern",
        RuleFault::TooLong => "is too long for a rule",
    };
    let title = format!("`{}` line {} {why}", rule.file, rule.line);
    about_rule(directory, rule, title)
        .note(REFUSES)
        .help("fix or remove the rule")
}

/// T9: a rule voids other rules.
pub(super) fn voiding_rule(directory: &Path, rule: &Rule) -> Diagnostic {
    let title = format!(
        "`{}` line {} has a character that is not ASCII",
        rule.file, rule.line
    );
    about_rule(directory, rule, title)
        .note(
            "Earthly then ignores every rule that has characters other than letters, digits, `-`, \
             `_`, `.` and `~`",
        )
        .help("replace the character, for example with `?`")
}

fn about_rule(directory: &Path, rule: &Rule, title: String) -> Diagnostic {
    let (source, span) = rule.source(directory);
    Diagnostic::warning(Trap::IgnoreRule, title).at(&source, span, "this rule")
}

/// T42: a content directory has a definition of its own.
pub(super) fn content_definition(path: &str) -> Diagnostic {
    let title = format!("`{path}` becomes the definition of a cloud image");
    Diagnostic::warning(Trap::ContentDefinition, title)
        .note("CLUSTERCONFIG matches no file, and the build flattens content directories")
        .help("remove it, and write `CLUSTERCONFIG=spc.tgz`")
}

/// T40: a file that the build cannot read is empty in the image.
pub(super) fn unreadable(path: &str) -> Diagnostic {
    Diagnostic::warning(Trap::UnreadableFile, format!("`{path}` cannot be read"))
        .note("a file that the build cannot read becomes an empty file in the image")
        .help(format!("run `chmod u+r {path}`"))
}

/// T23: the tool that makes the ISO never sees the overlay.
pub(super) fn dropped_overlay(place: Place<'_>) -> Diagnostic {
    let title = "the Earthfile builds an ISO without its overlay";
    Diagnostic::warning(Trap::OverlayDropped, title)
        .pointing(place, "the source comes before a flag")
        .note("AuroraBoot reads no flags after its first argument")
        .help("use a CanvOS version in which `dir:…` comes last")
}

/// T10: there is another file in the overlay's directory.
pub(super) fn neighbour(name: &str) -> Diagnostic {
    let title = format!("`{OVERLAY_DIRECTORY}/{name}` will also be in the image");
    Diagnostic::warning(Trap::OverlayLeftover, title)
        .help("remove it unless it belongs in the image")
}

const SET_ARCH: &str = "set `ARCH=amd64` or `ARCH=arm64`";

/// T29: no ISO is made for `arch`, which must be printable, and may be set by a template.
pub(super) fn no_iso_for(arch: Option<&str>, has_only_template: bool) -> Diagnostic {
    let title = match arch {
        None | Some("") => "ARCH is not set, and the Earthfile builds no ISO without it".to_owned(),
        Some(arch) => format!("ARCH is `{arch}`, for which the Earthfile builds no ISO"),
    };
    let help = if arch.is_none() && has_only_template {
        "copy `.arg.template` to `.arg`, which sets ARCH"
    } else {
        SET_ARCH
    };
    Diagnostic::warning(Trap::Architecture, title)
        .note(FAILS)
        .help(help)
}

/// T29: the effect of arm64 on the other images.
pub(super) fn arm64() -> Diagnostic {
    let title =
        "ARCH is `arm64`: a MAAS image is for amd64 only, and a UKI ISO gets the label COS_LIVE";
    Diagnostic::warning(Trap::Architecture, title).help("set `ARCH=amd64` for a MAAS image")
}

/// T29: the architecture `arch`, which must be printable, is unknown.
pub(super) fn unknown_arch(arch: &str) -> Diagnostic {
    let title = format!("ARCH is `{arch}`: `+build-all-images` silently builds no ISO");
    Diagnostic::warning(Trap::Architecture, title).help(SET_ARCH)
}

/// T28: a bad content bundle stops the host's script before it reads the definition.
pub(super) fn content_bundle(directory: &str) -> Diagnostic {
    let title = format!("`{directory}` goes into a MAAS image next to the definition");
    Diagnostic::warning(Trap::BadBundle, title)
        .note("if a bundle cannot be unpacked, the definition is not copied either")
        .help("test the image on a host before you roll it out")
}

/// T21: git would take the archive for a file of the repository.
pub(super) fn not_ignored_by_git(path: &str) -> Diagnostic {
    let title = format!("git does not ignore `{path}` in this checkout");
    Diagnostic::warning(Trap::GitTracking, title)
        .help("add `spc.tgz` to `.git/info/exclude`, so that it is not committed")
}

/// T13: a raw image never carries a definition.
pub(super) fn raw_image() -> Diagnostic {
    let title = "`+kairos-raw-image` never contains a cluster definition";
    Diagnostic::warning(Trap::RawImage, title).help("build `+cloud-image` or `+maas-image`")
}

/// T12: no target copies anything that is staged.
pub(super) fn nothing_copied() -> Diagnostic {
    let title = "the Earthfile does not copy the staged files";
    Diagnostic::warning(Trap::NotCopied, title)
        .help("use a CanvOS version that copies `overlay/files-iso/` or CLUSTERCONFIG")
}

/// T12: it cannot be determined what is copied.
pub(super) fn unclear_copy() -> Diagnostic {
    let title = "edgestage cannot determine what the Earthfile embeds";
    Diagnostic::warning(Trap::NotCopied, title)
        .note("a copy may not run, or is in another Earthfile, which edgestage does not read")
        .help(
            "build with `--allow T12`, then verify the image with `edgestage verify --image FILE`",
        )
}

/// T17: a file of build arguments that Earthly refuses, for the reason `why`.
pub(super) fn unreadable_arg(place: Place<'_>, why: &str) -> Diagnostic {
    let title = format!("Earthly cannot read `{}`: {why}", place.source.path);
    Diagnostic::error(Trap::TwoParsers, title)
        .pointing(place, "")
        .note("no build can start with such a file")
}

/// Why `--fix-arg` leaves the file alone.
pub(super) enum NoFix<'a> {
    /// The edit would change this variable for bash.
    Changes(&'a str),
    /// bash keeps this value whatever the line says.
    Keeps(&'a str),
    /// The two readers differ.
    Differs,
}

/// T17: no edit gives both readers the right value.
pub(super) fn not_fixable(arg: &Arg, why: &NoFix<'_>) -> Diagnostic {
    let title = format!("no edit of `.arg` makes Earthly and bash both read `{RIGHT}`");
    let mut told = Diagnostic::error(Trap::TwoParsers, title);
    if let Some(last) = arg.assignments.last() {
        told = told.at(&arg.source, last.span.clone(), "what Earthly reads");
    }
    told.note(match why {
        NoFix::Changes(name) => format!("the edit would change `{name}` for bash"),
        NoFix::Keeps(value) => format!("bash keeps `{value}` wherever the line is"),
        NoFix::Differs => why_bash_differs(arg),
    })
    .note(format!("edgestage did not change `{}`", arg.source.path))
    .help(format!("write `{RIGHT}` by hand, on a line of its own"))
}

/// Adds what to do before `--fix-arg` is tried again on a file that Earthly refuses.
pub(super) fn fix_by_hand(refusal: Diagnostic) -> Diagnostic {
    refusal.help("correct this line, and run the command again")
}

/// Returns why bash may read something other than Earthly does.
pub(super) fn why_bash_differs(arg: &Arg) -> String {
    match (arg.bash_end, &arg.bash) {
        (bash::End::Syntax(line), _) => {
            format!("line {line} is a syntax error to bash, which stops there")
        }
        (bash::End::Unknown(line), _) => {
            format!("bash may change any variable in line {line}")
        }
        (bash::End::Whole, bash::Value::Unknown) => {
            "only bash knows its value, which comes from a command or from bash itself".to_owned()
        }
        (bash::End::Whole, _) => {
            "bash accepts neither CRLF nor spaces around `=`, and it expands `~` and variables"
                .to_owned()
        }
    }
}
