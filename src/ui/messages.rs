//! What is said where saying it is what fails.

use std::io;

use crate::diagnostic::{Code, Diagnostic};
use crate::util::sanitize;

/// A result that nobody has got.
pub(super) fn output_failed(error: &io::Error) -> Diagnostic {
    let why = sanitize::io(error);
    Diagnostic::error(
        Code::OutputFailed,
        format!("cannot write to standard output: {why}"),
    )
    .help("free space on that disk, or redirect the output elsewhere")
}
