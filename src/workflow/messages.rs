//! Messages about files that a run does without, or requires. Paths in the data must be
//! printable.

use std::io;

use crate::diagnostic::{Code, Diagnostic};
use crate::drift::Change;
use crate::util::digest::Digest;
use crate::util::path_error::PathError;
use crate::util::sanitize;

/// Describes a manifest that is not used because it has a mistake, or because it cannot be read
/// for the reason `unreadable`; `without` says what is missing then.
pub(super) fn manifest_unused(
    file: &str,
    unreadable: Option<&io::Error>,
    without: &str,
) -> Diagnostic {
    let why = unreadable.map_or_else(|| "it has errors".to_owned(), sanitize::io);
    Diagnostic::warning(Code::ManifestUnused, format!("`{file}` is not used: {why}"))
        .note(without)
        .help("run `edgestage check` to see the errors")
}

/// Describes a `ca-cert` that cannot be read; another file may have been meant.
pub(super) fn unusable_ca_cert(error: &PathError, near: Option<&str>) -> Diagnostic {
    Diagnostic::error(
        Code::UnusableCaCert,
        format!("`ca-cert` cannot be used: {error}"),
    )
    .help(match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => "name a PEM file, relative to profiles.toml".to_owned(),
    })
}

/// Describes a file system without file locks, on which `what` is to be locked.
pub(super) fn no_file_locks(what: &str, why: &str) -> Diagnostic {
    Diagnostic::warning(Code::NoFileLocks, format!("{what} cannot be locked: {why}"))
        .note("edgestage processes on this file system cannot detect each other")
        .help("run one edgestage process at a time there; mount NFS with locking")
}

/// Describes the rule by which git ignores the lock.
pub(super) fn lockfile_ignored(file: &str, rule: &str) -> Diagnostic {
    Diagnostic::warning(
        Code::LockfileIgnored,
        format!("git ignores `{file}`, which is meant to be committed"),
    )
    .note("a clone without it has no lock and gets whatever Palette serves at that time")
    .help(format!(
        "remove the rule `{rule}`, or write `!{file}` below it"
    ))
}

/// The maximum number of changed files that a message lists.
const FILES_SHOWN: usize = 24;

/// An archive or a bundle that does not contain the locked definition.
pub(crate) struct FileDiffers<'a> {
    /// The definition.
    pub definition: &'a str,
    /// The file.
    pub file: &'a str,
    /// The locked content.
    pub locked: Digest,
    /// The content of the archive in the file.
    pub found: Digest,
    /// The definition that the content is locked for.
    pub owner: Option<&'a str>,
    /// The changed files, if they are known.
    pub changes: &'a [Change],
}

/// Describes a file that does not contain the locked definition.
pub(crate) fn file_differs(differs: &FileDiffers<'_>) -> Diagnostic {
    let FileDiffers {
        definition,
        file,
        locked,
        found,
        owner,
        changes,
    } = differs;
    let title = format!("`{file}` does not contain the locked `{definition}`");
    let mut error = Diagnostic::error(Code::FileDiffers, title).note(match owner {
        Some(owner) => format!("it contains `{owner}`"),
        // The lock entry was edited, or merged wrongly.
        None if found == locked => {
            "it contains profiles that the lock entry does not list".to_owned()
        }
        None => format!(
            "it contains the content {}, but {} is locked",
            found.short(),
            locked.short()
        ),
    });
    for change in changes.iter().take(FILES_SHOWN) {
        error = error.note(change.to_string());
    }
    if let Some(more) = changes.len().checked_sub(FILES_SHOWN).filter(|n| *n > 0) {
        let more = sanitize::count(more, "more changed file");
        error = error.note(format!("and {more}"));
    }
    error.help(format!(
        "name the file that `{definition}` was locked with; `edgestage update {definition}` \
         locks what Palette serves now"
    ))
}

/// Describes a bundle without a cluster definition; `seen` is what it has.
pub(crate) fn no_definition_in(file: &str, definition: &str, seen: &str) -> Diagnostic {
    Diagnostic::error(
        Code::FileDiffers,
        format!("`{file}` contains no cluster definition, but `{definition}` is locked"),
    )
    .note(seen)
    .help("build the bundle with `palette content build --cluster-definition-name NAME`")
}

/// Describes packs that were locked as Palette has them now, while the archive is from a file.
pub(super) fn packs_not_compared(definition: &str, file: &str) -> Diagnostic {
    Diagnostic::warning(
        Code::PacksNotCompared,
        format!("the packs of `{definition}` were not compared with `{file}`"),
    )
    .note("profiles.lock lists them as Palette has them now, but an older archive may have others")
    .help(format!(
        "run `edgestage diff {definition}`: it compares the content with what Palette serves"
    ))
}
