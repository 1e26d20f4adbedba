//! Marks each build of a reduced target, for an unknown build command.
//!
//! Input: a target. Output: the line that marks its build, and the Earthfile of the target that
//! makes the marks. An unknown command may have artifacts written anywhere, or nowhere. A mark is
//! a file that `LOCALLY` writes on the host, whatever the build program exports. Its name is
//! also in the record of the target, so a build whose record did not arrive is noticed.

use super::EXPORT_DIRECTORY;
use super::listing::OWN;

/// What the names of marks begin with.
pub(in crate::canvos) const MARK_PREFIX: &str = "edgestage-built-";
/// The variable that has the export directory, for builds that run in another directory.
pub(in crate::canvos) const EXPORT_VARIABLE: &str = "EDGESTAGE_REHEARSAL_DIRECTORY";

/// The file of the target in its image that names the mark.
pub(super) fn file() -> String {
    format!("{OWN}/mark")
}

/// The line of `target` that marks its build.
pub(super) fn mark(target: &str) -> String {
    format!(
        "COPY (./{EXPORT_DIRECTORY}+built/mark --target={target}) {}",
        file()
    )
}

/// The Earthfile in the export directory, for the rehearsal of this name. It does not use the base
/// of the checkout's Earthfile. A build in a container knows the directory by its relative path
/// only, which is the same for all rehearsals, and some releases of Earthly use the build cache
/// in spite of `--no-cache`; so the name is part of the command.
pub(in crate::canvos) fn marker_earthfile(rehearsal: &str) -> String {
    format!(
        "VERSION 0.6\n\nbuilt:\n    LOCALLY\n    ARG target\n    \
         RUN --no-cache : {rehearsal}; d=\"${EXPORT_VARIABLE}\"; [ -d \"$d\" ] || d=.; \
         m=\"$(mktemp \"$d/{MARK_PREFIX}XXXXXXXX\")\" && echo \"${{m##*/}} $target\" >\"$m\" && \
         cat \"$m\" && cp \"$m\" \"./mark-$target\"\n    \
         SAVE ARTIFACT ./mark-$target mark\n"
    )
}
