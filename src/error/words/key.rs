//! The API key.

use crate::diagnostic::Diagnostic;
use crate::key::KeyError;
use crate::printable;
use crate::secret::InvalidKey;

pub fn key(error: &KeyError) -> Diagnostic {
    match error {
        KeyError::None => Diagnostic::error("there is no API key").help(
            "set `PALETTE_API_KEY`, pass `--api-key-file FILE`, or put `api-key-file` or \
             `api-key-command` into `[palette]`",
        ),
        KeyError::File(error) => Diagnostic::error(format!("no API key: {error}"))
            .help("name a file that holds nothing but the key"),
        KeyError::Command { program, why } => {
            let program = printable::line(program.as_bytes());
            Diagnostic::error(format!("no API key: `{program}` failed: {why}"))
                .help("run the `api-key-command` of `[palette]` by hand to see why")
        }
        KeyError::Invalid { place, why } => {
            let why = match why {
                InvalidKey::Empty => "is empty",
                InvalidKey::Character => "holds characters that an API key never has",
            };
            Diagnostic::error(format!("the API key from {place} {why}"))
                .help("copy the key anew from Palette, under My API Keys")
        }
    }
}
