//! Finds what an unknown command built beside the copy of the checkout.
//!
//! Input: what the program printed, and the built images of the checkout before and after it ran.
//! Output: the target of another Earthfile, or that the checkout was written to. An Earthfile that
//! is not reduced marks nothing, so that this is all that can be known of it. Such a build that
//! prints nothing and writes elsewhere is not found.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::time::SystemTime;

use super::checkout_copy::BUILT;
use crate::canvos::preflight::{ERROR_MARKER, MARK_PREFIX};

/// Before the commands that a build program prints.
const COMMAND: &str = "--> RUN ";

/// The first target in `output` that ran a command of its own. A reduced Earthfile runs only the
/// commands that edgestage adds, and those before its first target.
pub(super) fn other_target(output: &str) -> Option<String> {
    output.lines().find_map(|line| {
        let (head, command) = line.split_once(COMMAND)?;
        let (target, rest) = head.split_once(" | ")?;
        let target = target.trim();
        let is_command = matches!(rest.trim(), "" | "*cached*" | "*local*");
        let is_ours =
            command.contains(&format!("/.{ERROR_MARKER}")) || command.contains(MARK_PREFIX);
        let is_target = target.contains('+') && !target.ends_with("+base");
        (is_command && is_target && !is_ours).then(|| target.to_owned())
    })
}

/// The built images of a checkout.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Built(BTreeMap<OsString, (u64, Option<SystemTime>)>);

impl Built {
    /// Those of `checkout`.
    pub(super) fn of(checkout: &Path) -> Self {
        let entries = std::fs::read_dir(checkout.join(BUILT));
        let entries = entries.into_iter().flatten().flatten();
        let entries = entries.filter_map(|entry| {
            let metadata = entry.metadata().ok()?;
            Some((
                entry.file_name(),
                (metadata.len(), metadata.modified().ok()),
            ))
        });
        Self(entries.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_of_another_earthfile() {
        for (line, expected) in [
            ("   +build-iso | --> RUN auroraboot", Some("+build-iso")),
            ("  ./tools+lint | *cached* --> RUN x", Some("./tools+lint")),
            ("+base | --> RUN apk add x", None),
            ("./tools+base | --> RUN apk add x", None),
            ("+iso | --> RUN mkdir -p /.edgestage/own", None),
            ("+iso | --> RUN m=\"$(mktemp ./edgestage-built-XX)\"", None),
            ("+iso | --> COPY a b", None),
            ("+iso | echo --> RUN x", None),
            ("4/9 | --> RUN x", None),
            ("echo --> RUN x", None),
        ] {
            assert_eq!(other_target(line).as_deref(), expected, "{line}");
        }
    }
}
