//! Messages about the password for edge hosts, which never contain it.

use super::PasswordError;
use crate::diagnostic::{Code, Diagnostic};
use crate::util::sanitize;

/// Returns the message if there is no password.
pub(crate) fn error(error: &PasswordError) -> Diagnostic {
    match error {
        PasswordError::None(host) => Diagnostic::error(
            Code::HostPasswordMissing,
            format!("no password is set for the host `{host}`"),
        )
        .help(
            "set `EDGESTAGE_HOST_PASSWORD`, or `password-file` or `password-command` in `[hosts]`",
        ),
        PasswordError::File(error) => Diagnostic::error(
            Code::HostPasswordUnusable,
            format!("no password for the hosts: {error}"),
        )
        .help("name a file that contains nothing but the password"),
        PasswordError::Command { program, why } => {
            let program = sanitize::line(program.as_bytes());
            Diagnostic::error(
                Code::HostPasswordUnusable,
                format!("no password for the hosts: `{program}` failed: {why}"),
            )
            .help("run the `password-command` by hand to see why")
        }
        PasswordError::Unusable { place, why } => Diagnostic::error(
            Code::HostPasswordUnusable,
            format!("the password from {place} {why}"),
        )
        .help("provide the password of the host's user in one line"),
    }
}
