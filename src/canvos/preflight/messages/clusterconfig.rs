//! Messages about the value of `CLUSTERCONFIG`: T1 to T8, T11, T17, T24, T32, T33, T40.
//!
//! `shown` is a value prepared for messages: shortened, and without control characters.

use super::FAILS;
use crate::canvos::preflight::arg::KEY;
use crate::canvos::preflight::copy::{Failure, Missed};
use crate::canvos::preflight::invocation::SettingOrigin;
use crate::canvos::preflight::{Origin, RIGHT};
use crate::diagnostic::{Diagnostic, Trap};

/// What happens to the definition if a value finds nothing.
#[derive(Clone, Copy)]
pub(in crate::canvos::preflight) enum Consequence {
    /// `+cloud-image` has no definition.
    CloudImageLacksIt,
    /// Every target of this checkout still has the definition.
    NobodyLacksIt,
    /// The ISO targets have no definition either.
    IsosLackItToo,
    /// The build fails.
    BuildFails,
}

impl Consequence {
    fn note(self) -> &'static str {
        match self {
            Self::CloudImageLacksIt => {
                "the ISO targets still embed the staged definition; `+cloud-image` embeds none"
            }
            Self::NobodyLacksIt => "the ISO targets still embed the staged definition",
            Self::IsosLackItToo => "the ISO targets do not embed the staged definition either",
            Self::BuildFails => FAILS,
        }
    }
}

/// Adds what to do about a value from `origin`.
pub(in crate::canvos::preflight) fn with_fix(told: Diagnostic, origin: &Origin) -> Diagnostic {
    told.help(match origin {
        Origin::ArgFile { named_by: None, .. } => {
            format!("write `{RIGHT}`, or run `edgestage stage --fix-arg`")
        }
        _ => format!("remove it, and write `{RIGHT}` to `.arg`"),
    })
}

/// Adds what to do about a value that is right, although the file cannot be copied.
pub(in crate::canvos::preflight) fn with_fix_of_file(told: Diagnostic) -> Diagnostic {
    told.help("keep the value, and make sure that the build can read the file")
}

/// T2: `origin` sets an empty value.
pub(in crate::canvos::preflight) fn empty_in(
    origin: &Origin,
    consequence: Consequence,
) -> Diagnostic {
    with_fix(
        unset(format!("CLUSTERCONFIG is empty in {origin}"), consequence),
        origin,
    )
}

/// T2: the checkout has no `.arg`.
pub(in crate::canvos::preflight) fn no_arg(consequence: Consequence) -> Diagnostic {
    unset("the checkout has no `.arg`", consequence).help("copy `.arg.template` to `.arg`")
}

/// T2: neither `.arg` nor the file that `named_by` names instead sets it.
pub(in crate::canvos::preflight) fn not_set(
    named_by: Option<&SettingOrigin>,
    consequence: Consequence,
) -> Diagnostic {
    match named_by {
        Some(setting) => unset(
            format!("the file that {setting} names does not set CLUSTERCONFIG"),
            consequence,
        )
        .help("unset it, and set CLUSTERCONFIG in `.arg`"),
        None => unset("`.arg` does not set CLUSTERCONFIG", consequence).help(format!(
            "add the line `{RIGHT}` to it, or run `edgestage stage --fix-arg`"
        )),
    }
}

fn unset(title: impl Into<String>, consequence: Consequence) -> Diagnostic {
    Diagnostic::warning(Trap::ClusterconfigUnset, title).note(consequence.note())
}

/// T40: an empty file in place of one that cannot be read.
pub(in crate::canvos::preflight) fn unreadable_file(path: &str) -> Diagnostic {
    let title = format!("CLUSTERCONFIG names `{path}`, which the build cannot read");
    Diagnostic::warning(Trap::UnreadableFile, title)
        .note("an image gets an empty file in its place, and the build reports no error")
}

/// T7: `path` is not a file but of this kind.
pub(in crate::canvos::preflight) fn not_a_file(path: &str, kind: &str) -> Diagnostic {
    let path = if path.is_empty() { "." } else { path };
    let title = format!("CLUSTERCONFIG names {kind}: `{path}`");
    Diagnostic::warning(Trap::Directory, title)
        .note("a cloud image gets no definition; an ISO build stops with an error")
}

/// T33: the value has a `+`.
pub(in crate::canvos::preflight) fn artifact(shown: &str) -> Diagnostic {
    let title =
        format!("CLUSTERCONFIG is `{shown}`: Earthly reads `+` as part of an artifact reference");
    Diagnostic::warning(Trap::PlusSign, title).note(FAILS)
}

/// T6: it cannot be determined what the pattern matches.
pub(in crate::canvos::preflight) fn unclear_pattern(shown: &str) -> Diagnostic {
    let title =
        format!("CLUSTERCONFIG is `{shown}`, a pattern that matches too many files to check");
    Diagnostic::warning(Trap::Pattern, title)
        .note("another file may match it and replace the staged definition in the image")
}

/// T6: the pattern matches `path` and other files, which are copied before it.
pub(in crate::canvos::preflight) fn several_files(
    shown: &str,
    path: &str,
    others: &[String],
) -> Diagnostic {
    let others: Vec<String> = others.iter().map(|path| format!("`{path}`")).collect();
    let title = format!(
        "CLUSTERCONFIG is `{shown}`, which matches `{path}` and {}",
        others.join(", ")
    );
    Diagnostic::warning(Trap::Pattern, title)
        .note("the build copies all of them to one name, and only the last one remains")
}

/// T6: the value is a pattern that matches another file.
pub(in crate::canvos::preflight) fn pattern_of_another(shown: &str, path: &str) -> Diagnostic {
    let title = format!("CLUSTERCONFIG is `{shown}`, a pattern that matches `{path}`");
    Diagnostic::warning(Trap::Pattern, title).note("it replaces the staged definition in the image")
}

/// T24: the file is empty.
pub(in crate::canvos::preflight) fn empty_file(path: &str) -> Diagnostic {
    let title = format!("CLUSTERCONFIG names an empty file: `{path}`");
    Diagnostic::warning(Trap::EmptyFile, title)
        .note("an image gets no content partition for it, and the build reports no error")
}

/// T11: the value names another file.
pub(in crate::canvos::preflight) fn another_file(path: &str) -> Diagnostic {
    let title = format!("CLUSTERCONFIG names another file: `{path}`");
    Diagnostic::warning(Trap::AnotherFile, title).note(
        "it would replace the staged definition in the image; a MAAS image would still get \
         `spc.tgz`",
    )
}

/// The value finds nothing.
pub(in crate::canvos::preflight) fn missed(
    missed: &Missed,
    shown: &str,
    consequence: Consequence,
) -> Diagnostic {
    let title = title_of_missed(KEY, missed, shown);
    Diagnostic::warning(trap_of_missed(missed), title).note(consequence.note())
}

/// Returns why the value `shown` of the build argument `key` finds nothing.
pub(in crate::canvos::preflight) fn title_of_missed(
    key: &str,
    missed: &Missed,
    shown: &str,
) -> String {
    let is = |what: &str| format!("{key} is `{shown}`{what}");
    let names = |what: &str| format!("{key} names `{shown}`, {what}");
    match missed {
        Missed::Unset => format!("{key} is empty"),
        Missed::NotAscii(c) => is(&format!(
            ": Earthly cannot find it because `{c}` is not ASCII"
        )),
        Missed::Blank => {
            is(", which Earthly cannot find because of the blank at its beginning or end")
        }
        Missed::Url => {
            format!("{key} is a URL, which Earthly reads as a path and cannot find")
        }
        Missed::Home => is(": Earthly does not expand `~`, but bash does"),
        Missed::Absolute => is(": Earthly finds no file outside the checkout"),
        Missed::Dots => is(", which Earthly cannot find"),
        Missed::Pattern => is(", which Earthly reads as a pattern that matches no file"),
        Missed::Ignored(rule) => names(&format!(
            "which `{}` line {} keeps out of every build",
            rule.file, rule.line
        )),
        Missed::BelowLink(link) => names(&format!("but `{link}` is a symbolic link")),
        Missed::Closed(directory) => names(&format!("but `{directory}` cannot be read")),
        Missed::OtherCase(name) => is(&format!(", but the file is named `{name}`")),
        Missed::Absent => {
            format!("{key} names a file that is not in the checkout: `{shown}`")
        }
    }
}

fn trap_of_missed(missed: &Missed) -> Trap {
    match missed {
        Missed::Unset => Trap::ClusterconfigUnset,
        Missed::NotAscii(_) | Missed::Pattern => Trap::Pattern,
        Missed::Blank => Trap::TwoParsers,
        Missed::Url => Trap::Url,
        Missed::Home | Missed::Dots => Trap::OutsideCheckout,
        Missed::Absolute => Trap::AbsolutePath,
        Missed::Ignored(_) => Trap::IgnoreRule,
        Missed::BelowLink(_) => Trap::SymbolicLink,
        Missed::Closed(_) => Trap::UnreadableFile,
        Missed::OtherCase(_) => Trap::LetterCase,
        Missed::Absent => Trap::NoSuchFile,
    }
}

/// The value makes the build fail.
pub(in crate::canvos::preflight) fn failed(failure: &Failure, shown: &str) -> Diagnostic {
    let trap = match failure {
        Failure::Crash => Trap::OutsideCheckout,
        Failure::BadPattern | Failure::Control => Trap::Pattern,
        Failure::NotThere(nothing) => return missed(nothing, shown, Consequence::BuildFails),
        Failure::Link { .. } => Trap::SymbolicLink,
        Failure::DirectoryOverFile { .. } => Trap::Directory,
        Failure::Closed { .. } => Trap::UnreadableFile,
        Failure::Rule(..) => Trap::IgnoreRule,
    };
    Diagnostic::warning(trap, title_of_failed(KEY, failure, shown)).note(FAILS)
}

/// Returns why the value `shown` of the build argument `key` makes the build fail.
pub(in crate::canvos::preflight) fn title_of_failed(
    key: &str,
    failure: &Failure,
    shown: &str,
) -> String {
    match failure {
        Failure::Crash => format!("{key} is `{shown}`, which makes Earthly crash"),
        Failure::BadPattern => format!("{key} is `{shown}`, which Earthly rejects as a pattern"),
        Failure::Control => format!("{key} has a tab or another control character"),
        Failure::NotThere(nothing) => title_of_missed(key, nothing, shown),
        Failure::Link { path } => format!("{key} names a symbolic link: `{path}`"),
        Failure::DirectoryOverFile { path } => {
            format!("{key} is `{shown}`, which also matches the directory `{path}`")
        }
        Failure::Closed { path } => {
            format!("{key} names the directory `{path}`, which cannot be read")
        }
        Failure::Rule(rule, _) => {
            format!("`{}` line {} is not a valid pattern", rule.file, rule.line)
        }
    }
}
