//! Messages about command lines that are not meaningful, about refused edits, and about the
//! findings of `verify` and `build`. Names and paths in the data must be printable.

use std::path::Path;

use crate::diagnostic::{Code, Diagnostic, Place, Trap};
use crate::manifest::NAMES;
use crate::manifest::reference::InvalidReference;
use crate::util::endpoint::Endpoint;
use crate::util::sanitize;

pub(super) mod images;

/// What is missing without a checkout.
pub(super) const NOT_FORECAST: &str = "what a build there would embed is not checked";
/// What is missing if the manifest cannot be used for the cache.
pub(super) const WITHOUT_OWNERS: &str = "which definitions the archives belong to is not shown";
/// What is missing if the files beside an archive cannot be used.
pub(super) const WITHOUT_NAMES: &str = "the names and packs that `profiles.lock` has are not shown";

/// Describes `diff` without a network.
pub(super) fn diff_needs_palette() -> Diagnostic {
    Diagnostic::error(
        Code::ConflictingOptions,
        "`diff` compares the lock with Palette",
    )
    .help("leave `--offline` out")
}

/// Describes `update` that may not write the lock, or may not ask Palette.
pub(super) fn update_rewrites_the_lock() -> Diagnostic {
    Diagnostic::error(
        Code::ConflictingOptions,
        "`update` rewrites the lock from Palette",
    )
    .help("leave `--locked` and `--offline` out")
}

/// Describes `rename` that may not write the lock.
pub(super) fn rename_rewrites_the_lock() -> Diagnostic {
    Diagnostic::error(
        Code::ConflictingOptions,
        "`rename` renames the entry of profiles.lock too",
    )
    .help("leave `--locked` out")
}

/// Describes `cache clean --keep-locked` without a lock.
pub(super) fn nothing_to_keep(lockfile: &str) -> Diagnostic {
    Diagnostic::error(
        Code::NothingToKeep,
        format!("there is no `{lockfile}` to keep archives for"),
    )
    .note("nothing was removed")
    .help("leave `--keep-locked` out to remove all archives")
}

/// Describes a target in the place of a definition; `command` has the target where it belongs.
pub(super) fn target_not_definition(target: &str, command: &str) -> Diagnostic {
    Diagnostic::error(
        Code::TargetNotDefinition,
        format!("`{target}` is a target, not a definition"),
    )
    .help(format!("put it after two dashes: `{command}`"))
}

/// Describes `--output` with several definitions.
pub(super) fn output_of_several() -> Diagnostic {
    Diagnostic::error(Code::OutputOfSeveral, "`--output` takes one definition")
        .help("add its NAME to the command")
}

/// Why a path cannot be the file of `--output`.
#[derive(Debug, Clone, Copy)]
pub(super) enum OutputFault {
    /// The path is standard output.
    Stream,
    /// The directory of the path does not exist.
    NoDirectory,
    /// The path is not a file but of this kind.
    Kind(&'static str),
    /// The path is in a directory that belongs to another program.
    Inside(&'static str),
    /// The path is in the cache.
    InCache,
    /// The path is a file that decides what a build does.
    OfABuild,
    /// The path is the manifest.
    Manifest,
    /// The path is the lock.
    Lockfile,
    /// The path is the file with the API key.
    Key,
    /// The manifest names the path.
    NamedInManifest,
    /// The path is a placement.
    Placement,
}

pub(super) fn unusable_output(output: &Path, fault: OutputFault) -> Diagnostic {
    let why = match fault {
        OutputFault::Stream => "standard output is for the path of the archive".to_owned(),
        OutputFault::NoDirectory => "there is no such directory, or it names none".to_owned(),
        OutputFault::Kind(kind) => format!("it is {kind}, not a regular file"),
        OutputFault::Inside(owner) => format!("it is inside of `{owner}`"),
        OutputFault::InCache => "it is inside of the cache".to_owned(),
        OutputFault::OfABuild => "it decides what a build does".to_owned(),
        OutputFault::Manifest => "it is the manifest".to_owned(),
        OutputFault::Lockfile => "it is the lock of the manifest".to_owned(),
        OutputFault::Key => "the API key is read from it".to_owned(),
        OutputFault::NamedInManifest => "profiles.toml names it".to_owned(),
        OutputFault::Placement => "`edgestage stage` writes it".to_owned(),
    };
    let shown = sanitize::path(output);
    Diagnostic::error(
        Code::UnusableOutput,
        format!("`--output` cannot be `{shown}`: {why}"),
    )
    .help("name another file")
}

/// Describes a new file below an existing one: every command in this directory uses the file
/// above, so the user did not mean another one.
pub(super) fn there_is_one_above(file: &str) -> Diagnostic {
    Diagnostic::error(
        Code::AlreadyExists,
        format!("`{file}` exists and already applies to this directory"),
    )
    .note("nothing was written")
    .help("`edgestage add PROFILE` adds to it")
    .help("to create a separate one here, run `edgestage init --file profiles.toml`")
}

/// Describes the file that the user may have meant.
pub(super) fn passed_over(file: &str) -> Diagnostic {
    Diagnostic::warning(
        Code::AlreadyExists,
        format!("`{file}` exists but does not apply to this directory"),
    )
    .note("it is above the root of the git repository, or belongs to another user")
    .help(format!(
        "to use it here, add `--file {file}` to the command"
    ))
}

/// Describes a page of a Palette other than the one that will be asked.
pub(super) fn other_palette(page: &Endpoint, asked: &Endpoint) -> Diagnostic {
    Diagnostic::warning(
        Code::OtherPalette,
        format!("the URL belongs to `{page}`, but the endpoint is `{asked}`"),
    )
    .note("a uid means nothing to another Palette")
    .help(format!(
        "set `endpoint = \"{page}\"` in `[palette]`, if that is yours"
    ))
}

/// Describes a new definition whose name is similar to another one.
pub(super) fn new_definition(name: &str, near: &str) -> Diagnostic {
    Diagnostic::warning(
        Code::NewDefinition,
        format!("there was no definition `{name}`"),
    )
    .note("a new one is made")
    .help(format!(
        "did you mean `{near}`? `edgestage remove {name}` takes this one out again"
    ))
}

pub(super) fn only_definition(name: &str) -> Diagnostic {
    Diagnostic::error(
        Code::OnlyDefinition,
        format!("`{name}` is the only definition"),
    )
    .note("a profiles.toml without one means nothing")
    .help("add another first: `edgestage add PROFILE --to NAME`")
}

/// Describes the removal of all profiles of a definition.
pub(super) fn last_profiles(name: &str, is_only_definition: bool) -> Diagnostic {
    Diagnostic::error(
        Code::LastProfiles,
        format!("`{name}` would be left without profiles"),
    )
    .help(if is_only_definition {
        format!("add another first: `edgestage add PROFILE --to {name}`")
    } else {
        format!("remove it whole: `edgestage remove {name}`")
    })
}

pub(super) fn not_in_definition(
    name: &str,
    profile: &str,
    known: &[String],
    near: Option<&str>,
) -> Diagnostic {
    Diagnostic::error(
        Code::NotInDefinition,
        format!("`{name}` has no profile `{profile}`"),
    )
    .note(format!("it has {}", known.join(", ")))
    .help(match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => "write it as it stands in profiles.toml".to_owned(),
    })
}

pub(super) fn definition_exists(name: &str) -> Diagnostic {
    Diagnostic::error(
        Code::DefinitionExists,
        format!("a definition `{name}` already exists"),
    )
    .help("choose another name, or remove that one first")
}

pub(super) fn invalid_definition_name(name: &str) -> Diagnostic {
    Diagnostic::error(
        Code::InvalidDefinitionName,
        format!("`{name}` is not a valid name for a definition"),
    )
    .note(NAMES)
    .help("choose another name")
}

pub(super) fn invalid_reference(text: &str, why: &InvalidReference) -> Diagnostic {
    Diagnostic::error(Code::InvalidReference, format!("`{text}` is not a profile"))
        .note(why.label())
        .help(why.help(text))
}

/// Describes a definition that has no header of its own, or is not in the file.
pub(super) fn not_editable(name: &str, place: Option<Place<'_>>) -> Diagnostic {
    let told = Diagnostic::error(
        Code::NotEditable,
        format!("`{name}` cannot be changed here"),
    );
    let told = match place {
        Some(place) => told.pointing(place, "it is written without a header of its own"),
        None => told.note("it is not in the file"),
    };
    told.help("change it in an editor")
}

/// Describes the `problem` that the file would have. It has no location in a file.
pub(super) fn refused_edit(problem: Diagnostic) -> Diagnostic {
    let mut told = Diagnostic::error(problem.code, problem.title).note("nothing was written");
    told.notes
        .extend(problem.excerpt.map(|excerpt| excerpt.label));
    told.help = problem.help;
    told
}

/// Describes a staged definition if none is expected.
pub(super) fn staged_unexpected() -> Diagnostic {
    Diagnostic::error(
        Code::StagedUnexpected,
        "a definition is staged where none is expected",
    )
    .help("run `edgestage unstage`")
}

/// Describes staged files that differ from what `stage` makes of the definition.
pub(super) fn staged_differs(name: &str) -> Diagnostic {
    let title = format!("what is staged is not `{name}` as it is locked");
    Diagnostic::error(Code::StagedDiffers, title).help(format!("run `edgestage stage {name}`"))
}

/// Describes a placement that holds the definition, but not in the same bytes as the other.
pub(super) fn staged_in_other_bytes(name: &str) -> Diagnostic {
    let title = format!("the two staged files hold `{name}`, but not in the same bytes");
    Diagnostic::error(Code::StagedDiffers, title).help(format!("run `edgestage stage {name}`"))
}

/// Describes a temporary file that would be shipped, and that `command` removes.
pub(super) fn staged_leftover(path: &str, command: &str) -> Diagnostic {
    Diagnostic::error(
        Code::StagedLeftover,
        format!("a killed run left `{path}`, which would be in the image"),
    )
    .help(format!("run `{command}`, which removes it"))
}

/// Describes an image that holds the right definition, but not alone: `trap` and `detail` say
/// why.
pub(super) fn more_than_locked(image: &str, trap: Trap, detail: &str) -> Diagnostic {
    let title = format!("`{image}` holds more than the locked definition");
    Diagnostic::warning(trap, title)
        .note(detail)
        .note("a host copies every file that lies there, whatever its name")
        .help("remove it from what the image is built from, and build again")
}
