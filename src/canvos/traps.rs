//! What in a checkout would win over what is staged, or keep it from arriving
//! (canvos.md, 3). Each finding has a stable name.

use std::path::Path;

use super::arg::{self, Arg, Assignment};
use super::{OVERLAY_DIRECTORY, Placement};
use crate::diagnostic::{Diagnostic, Severity};
use crate::printable;
use crate::publish::PathError;

/// The line that is right for every target (canvos.md, 4).
const RIGHT: &str = "CLUSTERCONFIG=spc.tgz";

/// Something found in a checkout.
#[derive(Debug)]
pub struct Finding {
    /// Its stable name, such as `clusterconfig-wins`.
    pub id: &'static str,
    /// What is said of it. An error stops the staging.
    pub diagnostic: Diagnostic,
}

impl Finding {
    /// Whether the definition would be lost or replaced.
    #[must_use]
    pub fn is_grave(&self) -> bool {
        self.diagnostic.severity == Severity::Error
    }
}

/// Looks through the checkout in `directory`.
///
/// # Errors
/// Files that are there and cannot be read.
pub fn find(directory: &Path) -> Result<Vec<Finding>, PathError> {
    let mut findings = Vec::new();
    match arg::read(directory)? {
        Arg::NoFile => findings.push(unset(
            "the checkout has no `.arg`",
            "copy `.arg.template` to `.arg`",
        )),
        Arg::Unset => findings.push(unset(
            "`.arg` does not set CLUSTERCONFIG",
            &format!("add the line `{RIGHT}` to it"),
        )),
        Arg::Set(assignment) => findings.extend(judge(directory, &assignment)),
    }
    findings.extend(neighbours(directory)?);
    Ok(findings)
}

fn unset(title: &str, help: &str) -> Finding {
    Finding {
        id: "clusterconfig-unset",
        diagnostic: Diagnostic::warning(title)
            .note("the ISO targets embed the staged definition all the same; `+cloud-image` embeds none")
            .help(help),
    }
}

fn judge(directory: &Path, assignment: &Assignment) -> Option<Finding> {
    let value = assignment.value.as_str();
    if value.is_empty() {
        return Some(unset(
            "CLUSTERCONFIG is empty in `.arg`",
            &format!("write `{RIGHT}`"),
        ));
    }
    let shown = printable::line(value.as_bytes());
    let at = |diagnostic: Diagnostic| {
        diagnostic
            .at(&assignment.source, assignment.span.clone(), "")
            .help(format!("write `{RIGHT}`"))
    };
    let plain = value
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"._/-".contains(&b));
    if !plain || !value.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '.' || c == '/') {
        return Some(Finding {
            id: "clusterconfig-pattern",
            diagnostic: at(Diagnostic::error(format!(
                "CLUSTERCONFIG is `{shown}`, which Earthly reads as a pattern"
            ))
            .note("another file may match it and replace the staged definition in the image")),
        });
    }
    let relative = value.trim_start_matches("./");
    if Placement::ALL
        .iter()
        .any(|placement| placement.path() == relative)
    {
        return None;
    }
    // Earthly cuts a leading slash and looks inside the checkout (canvos.md, T3).
    let inside = directory.join(relative.trim_start_matches('/'));
    if inside.exists() {
        return Some(Finding {
            id: "clusterconfig-wins",
            diagnostic: at(Diagnostic::error(format!(
                "CLUSTERCONFIG names another file: `{shown}`"
            ))
            .note("it would replace the staged definition in the image")),
        });
    }
    Some(Finding {
        id: "clusterconfig-missing",
        diagnostic: at(Diagnostic::warning(format!("CLUSTERCONFIG names a file that is not in the checkout: `{shown}`"))
            .note("CanvOS drops it without a word; the ISO targets embed the staged definition all the same, `+cloud-image` embeds none")),
    })
}

/// Other files in the overlay's directory are shipped too (canvos.md, T10).
fn neighbours(directory: &Path) -> Result<Vec<Finding>, PathError> {
    let overlay = directory.join(OVERLAY_DIRECTORY);
    let entries = match std::fs::read_dir(&overlay) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(PathError::when("read", &overlay)(error)),
    };
    let mut findings = Vec::new();
    for entry in entries {
        let name = entry
            .map_err(PathError::when("read", &overlay))?
            .file_name();
        if name != "spc.tgz" {
            let name = printable::line(name.as_encoded_bytes());
            findings.push(Finding {
                id: "overlay-neighbour",
                diagnostic: Diagnostic::warning(format!(
                    "`{OVERLAY_DIRECTORY}/{name}` will be in the image too"
                ))
                .help("remove it, unless it is meant to be there"),
            });
        }
    }
    findings.sort_by(|a, b| a.diagnostic.title.cmp(&b.diagnostic.title));
    Ok(findings)
}
