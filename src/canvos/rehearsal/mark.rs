//! Reads the marks of builds (`preflight::earthfile::reduce::build_marker`).
//!
//! Input: the exported files of a rehearsal, and what the program printed. Output: [`Marks`], one
//! for each build of a target by an unknown command. A build on another host, or in a container
//! that sees another copy of the tree, writes its mark there, so the names that the program
//! prints count too.

use std::collections::BTreeMap;
use std::path::Path;

use super::record::Record;
use crate::canvos::preflight::{EXPORT_DIRECTORY, MARK_PREFIX};
use crate::util::files;
use crate::util::path_error::PathError;

/// The most that is read of a mark, in bytes.
const SIZE: u64 = 4096;
/// The number of characters that distinguish marks.
const DISTINCT: usize = 8;

/// The builds of targets, by the names of their marks.
pub(super) struct Marks(BTreeMap<String, String>);

impl Marks {
    /// The marks in the copy `tree` and in `output`.
    ///
    /// # Errors
    /// A directory or file that cannot be read.
    pub(super) fn read(tree: &Path, output: &str) -> Result<Self, PathError> {
        let directory = tree.join(EXPORT_DIRECTORY);
        let entries = std::fs::read_dir(&directory).map_err(PathError::when("read", &directory))?;
        let mut marks: BTreeMap<String, String> = output.lines().filter_map(printed).collect();
        for entry in entries {
            let entry = entry.map_err(PathError::when("read", &directory))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !name.starts_with(MARK_PREFIX) {
                continue;
            }
            let path = entry.path();
            let bytes = files::read(&path, SIZE).map_err(PathError::when("read", &path))?;
            let text = String::from_utf8_lossy(&bytes);
            let target = text.split_whitespace().nth(1).unwrap_or_default();
            marks.insert(name, target.to_owned());
        }
        Ok(Self(marks))
    }

    /// The targets that were built.
    pub(super) fn targets(&self) -> impl Iterator<Item = &String> {
        self.0.values()
    }

    /// Whether `record` is of one of these builds.
    pub(super) fn is_of(&self, record: &Record) -> bool {
        (record.mark.as_ref()).is_some_and(|mark| self.0.contains_key(mark))
    }

    /// A target of which a build has none of the `records`.
    pub(super) fn without_record(&self, records: &[Record]) -> Option<String> {
        let is_recorded = |mark: &String| records.iter().any(|it| it.mark.as_deref() == Some(mark));
        let mut marks = self.0.iter();
        let (_, target) = marks.find(|(mark, _)| !is_recorded(mark))?;
        Some(target.clone())
    }
}

/// The mark in a line that a build program printed, with its target.
fn printed(line: &str) -> Option<(String, String)> {
    let words = &line[line.rfind("| ")? + 2..];
    let (name, target) = words.trim_end().split_once(' ')?;
    let distinct = name.strip_prefix(MARK_PREFIX)?;
    let is_name = distinct.len() == DISTINCT && !target.contains(' ');
    is_name.then(|| (name.to_owned(), target.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_printed_mark() {
        let mark = |line: &str| printed(line).map(|(name, target)| format!("{name} of {target}"));
        let whole = ".edgestage-rehearsal+built | edgestage-built-Ab3dEf9h iso";
        assert_eq!(
            mark(whole).as_deref(),
            Some("edgestage-built-Ab3dEf9h of iso")
        );
        for line in [
            ".edgestage-rehearsal+built | --> RUN m=\"$(mktemp ./edgestage-built-XXXXXXXX)\"",
            "+iso | edgestage-built-Ab3 iso",
            "+iso | edgestage-built-Ab3dEf9h",
            "edgestage-built-Ab3dEf9h iso",
        ] {
            assert_eq!(mark(line), None, "{line}");
        }
    }
}
