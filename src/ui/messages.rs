//! Messages about output that cannot be written.

use std::io;

use crate::diagnostic::{Code, Diagnostic};
use crate::util::sanitize;

/// The result could not be written.
pub(super) fn output_failed(error: &io::Error) -> Diagnostic {
    let why = sanitize::io(error);
    Diagnostic::error(
        Code::OutputFailed,
        format!("cannot write to standard output: {why}"),
    )
    .help("free space on that disk, or redirect the output elsewhere")
}
