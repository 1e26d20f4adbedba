//! Files and directories.

use std::io::ErrorKind;

use std::path::Path;

use crate::diagnostic::{Code, Diagnostic};
use crate::util::path_error::PathError;
use crate::util::sanitize;
use crate::util::suggest::nearest_file;

/// What the operating system refuses, with the fix that fits.
pub(super) fn disk(error: &PathError) -> Diagnostic {
    let help = match error.source.kind() {
        // The directory is looked at when the message is made: an error holds data only.
        ErrorKind::NotFound => match nearest_file(&error.path) {
            Some(near) => format!("did you mean `{}`?", sanitize::path(&near)),
            None => "check the path: a relative one starts at the working directory".into(),
        },
        ErrorKind::NotADirectory | ErrorKind::IsADirectory => "name another path".into(),
        ErrorKind::PermissionDenied => {
            "check its owner and permissions with `ls -l`, and grant yourself access".into()
        }
        ErrorKind::ReadOnlyFilesystem => {
            "write to another place: `--cache-dir` moves the cache".into()
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "make room on its disk: `edgestage cache clean --keep-locked` removes old archives"
                .into()
        }
        ErrorKind::InvalidInput => "put a regular file there, or name another path".into(),
        ErrorKind::FileTooLarge => "put a smaller file there, or name another path".into(),
        ErrorKind::TimedOut => "start what writes to it first, or name a regular file".into(),
        _ => "check the file and its disk".into(),
    };
    Diagnostic::error(Code::InputOutput, error.to_string()).help(help)
}

pub(super) fn no_cache() -> Diagnostic {
    Diagnostic::error(
        Code::NoCacheDirectory,
        "there is no directory for the cache",
    )
    .note("`HOME` is not set")
    .help("pass `--cache-dir DIR`, or set `EDGESTAGE_CACHE_DIR`")
}

pub(super) fn cache_damaged(path: &str) -> Diagnostic {
    Diagnostic::error(
        Code::CacheDamaged,
        format!("the cached archive `{path}` is damaged"),
    )
    .note("`--offline` opens no connection to replace it")
    .help("run the command again without `--offline`")
}

pub(super) fn exists(files: &[String]) -> Diagnostic {
    // The others are snippets of `init`.
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
