//! Messages that every stage can produce: errors of the operating system.

use std::io::ErrorKind;

use crate::diagnostic::{Code, Diagnostic};
use crate::util::path_error::PathError;
use crate::util::sanitize;
use crate::util::suggest::nearest_file;

/// Returns the message for an error of the operating system, with the help that fits.
#[must_use]
pub fn disk(error: &PathError) -> Diagnostic {
    let help = match error.source.kind() {
        // The directory is read when the message is created, since errors hold only data.
        ErrorKind::NotFound => match nearest_file(&error.path) {
            Some(near) => format!("did you mean `{}`?", sanitize::path(&near)),
            None => "check the path; a relative path starts at the working directory".into(),
        },
        ErrorKind::NotADirectory | ErrorKind::IsADirectory => "name another path".into(),
        ErrorKind::PermissionDenied => {
            "check its owner and permissions with `ls -l`, and grant yourself access".into()
        }
        ErrorKind::ReadOnlyFilesystem => {
            "write elsewhere: `--cache-dir DIR` moves the cache".into()
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "free space on its disk: `edgestage cache clean --keep-locked` removes old archives"
                .into()
        }
        ErrorKind::InvalidInput => "put a regular file there, or name another path".into(),
        ErrorKind::FileTooLarge => "put a smaller file there, or name another path".into(),
        ErrorKind::TimedOut => {
            "start the program that writes to it first, or name a regular file".into()
        }
        _ => "check the file and its disk".into(),
    };
    Diagnostic::error(Code::InputOutput, error.to_string()).help(help)
}
