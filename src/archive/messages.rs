//! Messages about refused archives.

use super::{ArchiveSubject, Refusal};
use crate::diagnostic::{Code, Diagnostic};
use crate::util::sanitize;

/// Returns the message about a refused archive.
pub(crate) fn refused(of: &ArchiveSubject, refusal: &Refusal) -> Diagnostic {
    let error = Diagnostic::error(Code::ArchiveRefused, format!("{of} is refused: {refusal}"));
    if let (ArchiveSubject::File(_), Refusal::NotGzip { .. }) = (of, refusal) {
        return error
            .help("name an archive, such as one that `edgestage fetch` prints the path of");
    }
    match refusal {
        Refusal::NotGzip { first } if !first.is_empty() => error
            .note(format!("it begins with `{}`", sanitize::excerpt(first, 80)))
            .help("check the endpoint, and whether a proxy or login page answers in its place"),
        Refusal::NotGzip { .. } => {
            error.help("check the endpoint, and whether a proxy answers in its place")
        }
        Refusal::Profiles { unexpected, .. } if unexpected.is_empty() => error.help(
            "if the archive is as intended, add `allow = [\"profile-missing\"]` to the \
             definition",
        ),
        Refusal::Profiles { .. } => {
            error.help("check the `profiles` of the definition, then fetch the archive again")
        }
        Refusal::TooLarge(limit) if limit.is_adjustable() => {
            error.help("if the archive is genuine, raise the limit in `[limits]`")
        }
        Refusal::Truncated | Refusal::Damaged(_) => error.help("fetch the archive again"),
        // No definition needs such an archive, so there is nothing to allow.
        _ => {
            error.help("do not use it; ask the administrators of this Palette where it comes from")
        }
    }
}
