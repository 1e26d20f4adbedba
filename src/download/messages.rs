//! Messages about an archive that is accepted despite a deviation.

use crate::diagnostic::{Code, Diagnostic};

pub(super) fn no_end_of_archive(definition: &str) -> Diagnostic {
    let title = format!("the archive of `{definition}` has no end-of-archive marker");
    Diagnostic::warning(Code::NoEndOfArchive, title)
        .note("GNU tar accepts this, but the marker is also missing if the server stopped between two files")
        .help("count its files with `tar -tzf`, or fetch the archive again")
}

/// The archive lacks profiles, and the definition allows it.
pub(super) fn profile_missing(definition: &str, missing: &[String]) -> Diagnostic {
    let title = format!(
        "the archive of `{definition}` has no directory for {}",
        missing.join(", ")
    );
    Diagnostic::warning(Code::ProfileMissing, title)
        .note("accepted because `allow` contains `profile-missing`")
}
