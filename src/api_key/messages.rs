//! Messages about the API key, which never contain it.

use super::{KeyError, pasted};
use crate::diagnostic::{Code, Diagnostic};
use crate::util::sanitize;
use crate::util::secret::InvalidKey;
use crate::util::suggest::nearest_file;

/// Returns the message if no key was found.
pub(crate) fn error(error: &KeyError) -> Diagnostic {
    match error {
        KeyError::None => Diagnostic::error(Code::KeyMissing, "no API key is set").help(
            "set `PALETTE_API_KEY`, pass `--api-key-file FILE`, or set `api-key-file` or `api-key-command` in `[palette]`",
        ),
        KeyError::File(error) => {
            let told = Diagnostic::error(Code::KeyUnreadable, format!("no API key: {error}"));
            if pasted(&error.path).is_some() {
                return told.note("the name looks like the key itself").help(
                    "write the key into a file and name that file; create a new key if others \
                         may have seen this one",
                );
            }
            let is_gone = error.source.kind() == std::io::ErrorKind::NotFound;
            match nearest_file(&error.path).filter(|_| is_gone) {
                Some(near) => told.help(format!("did you mean `{}`?", sanitize::path(&near))),
                None => told.help("name a file that contains nothing but the key"),
            }
        }
        KeyError::Command { program, why } => {
            let program = sanitize::line(program.as_bytes());
            Diagnostic::error(
                Code::KeyCommandFailed,
                format!("no API key: `{program}` failed: {why}"),
            )
            .help("run the `api-key-command` of `[palette]` by hand to see why")
        }
        KeyError::Invalid { place, why } => {
            let why = match why {
                InvalidKey::Empty => "is empty",
                InvalidKey::Character => "contains characters that are not valid in an API key",
            };
            Diagnostic::error(
                Code::KeyMalformed,
                format!("the API key from {place} {why}"),
            )
            .help("copy the key again from Palette, under My API Keys")
        }
    }
}

/// Other users can read the file with a secret, `what`. `command` fixes that, if the file's name
/// can be written in a shell.
pub(super) fn exposed(what: &str, file: &str, mode: u32, command: Option<String>) -> Diagnostic {
    Diagnostic::warning(
        Code::KeyExposed,
        format!("other users can read the {what} file `{file}`"),
    )
    .note(format!("its mode is {mode:04o}"))
    .help(match command {
        Some(command) => format!("run `{command}`"),
        None => "give it the mode 600".into(),
    })
}
