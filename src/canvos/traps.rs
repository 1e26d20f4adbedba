//! What in a checkout would win over what is staged, or keep it from arriving
//! (canvos.md, 3). Each finding has a stable name; an error would replace the definition
//! or lose it, a warning is harmless for the ISO.

use std::path::Path;

use super::arg::{self, Arg, Assignment};
use super::{OVERLAY_DIRECTORY, Placement};
use crate::diagnostic::Diagnostic;
use crate::disk::PathError;
use crate::printable;

/// The line that is right for every target (canvos.md, 4).
const RIGHT: &str = "CLUSTERCONFIG=spc.tgz";

/// Looks through the checkout in `directory`.
///
/// Every finding is named; an error stops the staging.
///
/// # Errors
/// Files that are there and cannot be read.
pub fn find(directory: &Path) -> Result<Vec<Diagnostic>, PathError> {
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

/// What the ISO targets do where `CLUSTERCONFIG` leads nowhere, and what the others do.
const ELSEWHERE: &str =
    "the ISO targets embed the staged definition all the same; `+cloud-image` embeds none";

fn unset(title: &str, help: &str) -> Diagnostic {
    Diagnostic::warning(title)
        .named("clusterconfig-unset")
        .note(ELSEWHERE)
        .help(help)
}

fn judge(directory: &Path, assignment: &Assignment) -> Option<Diagnostic> {
    let value = assignment.value.as_str();
    let shown = printable::line(value.as_bytes());
    let at = |diagnostic: Diagnostic| {
        diagnostic
            .at(&assignment.source, assignment.span.clone(), "")
            .help(format!("write `{RIGHT}`"))
    };
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._/-".contains(&b);
    // Earthly itself cuts one leading `./`, and no more.
    let relative = value.strip_prefix("./").unwrap_or(value);
    let diagnostic = if value.is_empty() {
        return Some(unset(
            "CLUSTERCONFIG is empty in `.arg`",
            &format!("write `{RIGHT}`"),
        ));
    } else if Placement::ALL
        .iter()
        .any(|placement| placement.path() == relative)
    {
        return None;
    } else if arg::is_url(value) {
        Diagnostic::warning(
            "CLUSTERCONFIG is a URL, which Earthly takes for a path and finds nowhere",
        )
        .named("clusterconfig-outside")
        .note(ELSEWHERE)
    } else if !value.bytes().all(plain) || value.starts_with('-') {
        Diagnostic::error(format!(
            "CLUSTERCONFIG is `{shown}`, which Earthly reads as a pattern"
        ))
        .named("clusterconfig-pattern")
        .note("another file may match it and replace the staged definition in the image")
    } else if value.starts_with('/') || relative.split('/').any(|part| matches!(part, "." | "..")) {
        // canvos.md, T3 and T4: neither ever matches a file of the checkout.
        Diagnostic::warning(format!(
            "CLUSTERCONFIG is `{shown}`, which Earthly finds nowhere"
        ))
        .named("clusterconfig-outside")
        .note(ELSEWHERE)
    } else if directory.join(relative).exists() {
        Diagnostic::error(format!("CLUSTERCONFIG names another file: `{shown}`"))
            .named("clusterconfig-wins")
            .note("it would replace the staged definition in the image")
    } else {
        Diagnostic::warning(format!(
            "CLUSTERCONFIG names a file that is not in the checkout: `{shown}`"
        ))
        .named("clusterconfig-missing")
        .note("CanvOS drops it without a word")
        .note(ELSEWHERE)
    };
    Some(at(diagnostic))
}

/// Other files in the overlay's directory are shipped too (canvos.md, T10).
fn neighbours(directory: &Path) -> Result<Vec<Diagnostic>, PathError> {
    let overlay = directory.join(OVERLAY_DIRECTORY);
    let entries = match std::fs::read_dir(&overlay) {
        Ok(entries) => entries,
        // A file in its place is refused when it is staged.
        Err(error) if super::is_absent(&error) => return Ok(Vec::new()),
        Err(error) => return Err(PathError::when("read", &overlay)(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry
            .map_err(PathError::when("read", &overlay))?
            .file_name();
        if name != "spc.tgz" {
            names.push(printable::line(name.as_encoded_bytes()));
        }
    }
    names.sort();
    let tell = |name: String| {
        Diagnostic::warning(format!(
            "`{OVERLAY_DIRECTORY}/{name}` will be in the image too"
        ))
        .named("overlay-neighbour")
        .help("remove it, unless it is meant to be there")
    };
    Ok(names.into_iter().map(tell).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_of_clusterconfig_is_judged() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("site-a.tgz"), "").unwrap();
        std::fs::write(directory.path().join("spc.tgz"), "").unwrap();
        let overlay = Placement::Overlay.path();
        for (value, expected) in [
            ("spc.tgz", None),
            ("./spc.tgz", None),
            (overlay, None),
            ("", Some("clusterconfig-unset")),
            ("spcc.tgz", Some("clusterconfig-missing")),
            ("site-a.tgz", Some("clusterconfig-wins")),
            ("/spc.tgz", Some("clusterconfig-outside")),
            ("/elsewhere/spc.tgz", Some("clusterconfig-outside")),
            ("../spc.tgz", Some("clusterconfig-outside")),
            ("././spc.tgz", Some("clusterconfig-outside")),
            ("*.tgz", Some("clusterconfig-pattern")),
            ("site[1].tgz", Some("clusterconfig-pattern")),
            ("https://host/spc.tgz?sig=x", Some("clusterconfig-outside")),
            ("~/spc.tgz", Some("clusterconfig-pattern")),
            ("$SPC", Some("clusterconfig-pattern")),
        ] {
            let arg = format!("CLUSTERCONFIG={value}\n");
            std::fs::write(directory.path().join(".arg"), arg).unwrap();
            let found = find(directory.path()).unwrap();
            let ids: Vec<_> = found.iter().map(|finding| finding.id).collect();
            let expected: Vec<_> = expected.into_iter().map(Some).collect();
            assert_eq!(ids, expected, "{value}");
        }
    }
}
