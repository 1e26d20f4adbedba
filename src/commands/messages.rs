//! Messages about command lines that are not meaningful, about refused edits, and about the
//! findings of `verify` and `build`. Names and paths in the data must be printable.

use std::path::Path;

use crate::diagnostic::{Code, Diagnostic, Place, Trap};
use crate::manifest::NAMES;
use crate::manifest::reference::InvalidReference;
use crate::util::endpoint::Endpoint;
use crate::util::sanitize;

pub(super) mod image_bundles;
pub(super) mod images;

/// What is missing without a checkout.
pub(super) const NOT_FORECAST: &str = "edgestage did not check what a build there would embed";
/// What is missing if the manifest cannot be used for the cache.
pub(super) const WITHOUT_OWNERS: &str = "the owners of the archives are not shown";
/// What is missing if the files beside an archive cannot be used.
pub(super) const WITHOUT_NAMES: &str = "the names and packs from `profiles.lock` are not shown";

/// Describes `outdated` and `upgrade` without a network.
pub(super) fn versions_need_palette(command: &str) -> Diagnostic {
    Diagnostic::error(
        Code::ConflictingOptions,
        format!("`{command}` cannot run with `--offline`: it asks Palette for newer versions"),
    )
    .help("remove `--offline`")
}

/// What a PROFILE of `upgrade` that no definition has is probably meant to be.
pub(super) enum ProbablyMeant<'t> {
    /// A definition.
    Definition(&'t str),
    /// A profile of a definition, and the version that it is to have.
    Version {
        /// The name of the profile.
        name: &'t str,
        /// The version.
        version: &'t str,
    },
    /// A profile with a similar name.
    Profile(&'t str),
    /// There is nothing like it.
    Unknown,
}

/// Describes `upgrade` of a profile that no definition has, or not the definition `within`.
pub(super) fn no_profile_with_a_version(
    within: Option<&str>,
    profile: &str,
    known: &[String],
    meant: &ProbablyMeant<'_>,
) -> Diagnostic {
    let title = match within {
        Some(name) => format!("`{name}` has no profile `{profile}` with a version"),
        None => format!("no definition has a profile `{profile}` with a version"),
    };
    let told = Diagnostic::error(Code::NotInDefinition, title).note(match known {
        [] => "no profile there has the form `name@version`".to_owned(),
        known => format!("the profiles with a version are {}", known.join(", ")),
    });
    told.help(match meant {
        ProbablyMeant::Definition(name) => format!(
            "`{name}` is a definition: to upgrade its profiles, run `edgestage upgrade --in {name}`"
        ),
        ProbablyMeant::Version { name, version } => {
            format!("to write another version, run `edgestage upgrade {name} --to {version}`")
        }
        ProbablyMeant::Profile(near) => format!("did you mean `{near}`?"),
        ProbablyMeant::Unknown => "write the name of a profile, as in profiles.toml".to_owned(),
    })
}

/// Describes uids and URLs, which `upgrade` cannot change.
pub(super) fn not_upgradable(references: &[String]) -> Diagnostic {
    let title = match references {
        [one] => format!("`{one}` cannot be upgraded: a uid or a URL means one version"),
        several => format!(
            "{} profiles cannot be upgraded: a uid or a URL means one version",
            several.len()
        ),
    };
    let told = Diagnostic::warning(Code::NotUpgradable, title);
    let (told, place) = match references {
        [_] => (told, "its place"),
        several => {
            let list = sanitize::excerpt(several.join(", ").as_bytes(), 200);
            (told.note(list), "their place")
        }
    };
    told.help("run `edgestage outdated` to see whether there are newer versions")
        .help(format!(
            "to use `upgrade` in the future, write `name@version` in {place}"
        ))
}

/// Describes `diff` without a network.
pub(super) fn diff_needs_palette() -> Diagnostic {
    Diagnostic::error(
        Code::ConflictingOptions,
        "`diff` cannot run with `--offline`: it compares the lock with Palette",
    )
    .help("remove `--offline`")
}

/// Describes `update` that may not write the lock, or may not ask Palette.
pub(super) fn update_rewrites_the_lock() -> Diagnostic {
    Diagnostic::error(
        Code::ConflictingOptions,
        "`update` cannot run with `--locked` or `--offline`: it rewrites the lock from Palette",
    )
    .help("remove `--locked` and `--offline`")
}

/// Describes `rename` that may not write the lock.
pub(super) fn rename_rewrites_the_lock() -> Diagnostic {
    Diagnostic::error(
        Code::ConflictingOptions,
        "`rename` cannot run with `--locked`: it also renames the entry in profiles.lock",
    )
    .help("remove `--locked`")
}

/// Describes `cache clean --keep-locked` without a lock.
pub(super) fn nothing_to_keep(lockfile: &str) -> Diagnostic {
    Diagnostic::error(
        Code::NothingToKeep,
        format!("`--keep-locked` needs a lockfile, but `{lockfile}` does not exist"),
    )
    .note("nothing was removed")
    .help("omit `--keep-locked` to remove all archives")
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
    Diagnostic::error(
        Code::OutputOfSeveral,
        "`--output` works with one definition only",
    )
    .help("add the name of the definition to the command")
}

/// Describes `--timestamp` with a format that has no time.
pub(super) fn timestamp_without_bom() -> Diagnostic {
    Diagnostic::error(
        Code::ConflictingOptions,
        "`--timestamp` works with `--format cyclonedx` only",
    )
    .help("remove `--timestamp`")
}

/// Describes a `--builder-id` that would publish a password.
pub(super) fn builder_with_credentials() -> Diagnostic {
    Diagnostic::error(
        Code::ConflictingOptions,
        "the URI of `--builder-id` contains a user name or password",
    )
    .note("everybody who verifies the statement reads it")
    .help("name the builder by a URI without them")
}

/// Describes `--from` with several definitions.
pub(super) fn from_of_several() -> Diagnostic {
    Diagnostic::error(
        Code::ConflictingOptions,
        "`--from` works with one definition only",
    )
    .help("name the definition whose archive the file has")
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
        OutputFault::Stream => {
            "edgestage prints the path of the file to standard output".to_owned()
        }
        OutputFault::NoDirectory => {
            "its directory does not exist, or it does not name a file".to_owned()
        }
        OutputFault::Kind(kind) => format!("it is {kind}, not a regular file"),
        OutputFault::Inside(owner) => format!("it is inside `{owner}`"),
        OutputFault::InCache => "it is inside the cache".to_owned(),
        OutputFault::OfABuild => "it controls the build".to_owned(),
        OutputFault::Manifest => "it is the manifest".to_owned(),
        OutputFault::Lockfile => "it is the lockfile".to_owned(),
        OutputFault::Key => "edgestage reads the API key from it".to_owned(),
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
    .help("run `edgestage add PROFILE` to add a profile to it")
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
    .note("a uid is valid only in the Palette that assigned it")
    .help(format!(
        "if `{page}` is your Palette, set `endpoint = \"{page}\"` in `[palette]`"
    ))
}

/// Describes a new definition whose name is similar to another one.
pub(super) fn new_definition(name: &str, near: &str) -> Diagnostic {
    Diagnostic::warning(Code::NewDefinition, format!("`{name}` is a new definition"))
        .note("the manifest has no definition of that name yet")
        .help(format!(
            "if you meant `{near}`, run `edgestage remove {name}` to undo this"
        ))
}

pub(super) fn only_definition(name: &str) -> Diagnostic {
    Diagnostic::error(
        Code::OnlyDefinition,
        format!("cannot remove `{name}`, the only definition"),
    )
    .note("profiles.toml must contain at least one definition")
    .help("add another definition first: `edgestage add PROFILE --to NAME`")
}

/// Describes the removal of all profiles of a definition.
pub(super) fn last_profiles(name: &str, is_only_definition: bool) -> Diagnostic {
    Diagnostic::error(
        Code::LastProfiles,
        format!("cannot remove all profiles of `{name}`"),
    )
    .help(if is_only_definition {
        format!("add another profile first: `edgestage add PROFILE --to {name}`")
    } else {
        format!("remove the whole definition: `edgestage remove {name}`")
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
    .note(format!("its profiles are {}", known.join(", ")))
    .help(match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => "write the reference exactly as in profiles.toml".to_owned(),
    })
}

pub(super) fn definition_exists(name: &str) -> Diagnostic {
    Diagnostic::error(
        Code::DefinitionExists,
        format!("the definition `{name}` already exists"),
    )
    .help("choose another name, or remove the existing definition first")
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
    Diagnostic::error(
        Code::InvalidReference,
        format!("`{text}` is not a profile reference"),
    )
    .note(why.label())
    .help(why.help(text))
}

/// Describes a definition that has no header of its own, or is not in the file.
pub(super) fn not_editable(name: &str, place: Option<Place<'_>>) -> Diagnostic {
    let told = Diagnostic::error(Code::NotEditable, format!("edgestage cannot edit `{name}`"));
    let told = match place {
        Some(place) => told.pointing(place, "it has no header of its own"),
        None => told.note("it is not in the file"),
    };
    told.help("edit the file by hand")
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
        "a definition is staged, but none is expected",
    )
    .help("run `edgestage unstage`")
}

/// Describes staged files that differ from what `stage` makes of the definition.
pub(super) fn staged_differs(name: &str) -> Diagnostic {
    let title = format!("the staged files differ from the locked `{name}`");
    Diagnostic::error(Code::StagedDiffers, title).help(format!("run `edgestage stage {name}`"))
}

/// Describes a placement that holds the definition, but not in the same bytes as the other.
pub(super) fn staged_in_other_bytes(name: &str) -> Diagnostic {
    let title = format!("the two staged files contain `{name}`, but their bytes differ");
    Diagnostic::error(Code::StagedDiffers, title).help(format!("run `edgestage stage {name}`"))
}

/// Describes a temporary file that would be shipped, and that `command` removes.
pub(super) fn staged_leftover(path: &str, command: &str) -> Diagnostic {
    Diagnostic::error(
        Code::StagedLeftover,
        format!("a killed run left `{path}`, which the image would contain"),
    )
    .help(format!("run `{command}`, which removes it"))
}

/// Describes an image that holds the right definition, but not alone: `trap` and `detail` say
/// why.
pub(super) fn more_than_locked(image: &str, trap: Trap, detail: &str) -> Diagnostic {
    let title = format!("`{image}` contains more than the locked definition");
    Diagnostic::warning(trap, title)
        .note(detail)
        .note("a host copies every file in that directory, whatever its name")
        .help("remove it from the sources of the image, then build again")
}
