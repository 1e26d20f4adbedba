//! Reads the records that reduced targets write (`preflight::earthfile::reduce::listing`).
//!
//! Input: the exported files of a rehearsal. Output: a [`Record`] for each target, with what
//! arrived at each place and the value of `CLUSTERCONFIG`.

use std::fs::DirEntry;
use std::path::Path;

use crate::canvos::preflight::{EXPORT_DIRECTORY, RECORD_PREFIX};
use crate::util::digest::Digest;
use crate::util::files;
use crate::util::path_error::PathError;

/// The most that is read of a record, in bytes.
const SIZE: u64 = 1 << 20;

/// What one target found at the places that it copies a definition to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The target, without its plus sign.
    pub target: String,
    /// The value of `CLUSTERCONFIG` as the target sees it; `None` where it is not set.
    pub clusterconfig: Option<String>,
    /// Whether no ISO is made of what was copied.
    pub(super) lacks_tool: bool,
    /// Whether a link that stays in the overlay is on the way.
    pub(super) is_through_link: bool,
    /// The mark of the build that it is of, if builds are marked.
    pub(super) mark: Option<String>,
    rows: Vec<Row>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    /// The overlay, with its own place for a definition; else a file or a directory.
    place: char,
    copied_entry: CopiedEntry,
    path: String,
}

/// What is at a place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum CopiedEntry {
    /// A symbolic link, or a file behind one.
    Link,
    /// A directory.
    Directory,
    /// Neither a file nor any of these.
    Other,
    /// A regular file.
    File {
        /// In bytes.
        size: u64,
        /// Of all of it.
        sha256: Digest,
    },
    /// Nothing.
    Nothing,
}

impl Record {
    /// What the image gets.
    ///
    /// # Errors
    /// The places, if there are different things at several of them.
    pub fn copied_entry(&self) -> Result<CopiedEntry, Vec<String>> {
        let mut present: Vec<&Row> = self.rows.iter().collect();
        present.retain(|row| row.copied_entry != CopiedEntry::Nothing);
        let Some(first) = present.first() else {
            return Ok(CopiedEntry::Nothing);
        };
        // Whatever is there besides, a build does not get over this.
        let odd = present.iter().map(|row| &row.copied_entry).min();
        if let Some(odd @ (CopiedEntry::Link | CopiedEntry::Directory | CopiedEntry::Other)) = odd {
            return Ok(odd.clone());
        }
        // A directory that content is copied to may hold a definition or not.
        let misses = |row: &&Row| {
            row.copied_entry == CopiedEntry::Nothing
                && row.place != 'd'
                && !present.iter().any(|other| other.path == row.path)
        };
        let differs = |row: &&&Row| row.copied_entry != first.copied_entry;
        let missing = self.rows.iter().find(misses);
        let other = missing.or_else(|| present.iter().find(differs).copied());
        match other {
            None => Ok(first.copied_entry.clone()),
            Some(other) => Err(vec![first.path.clone(), other.path.clone()]),
        }
    }

    /// Reads one; `None` if it is not a record, or not a whole one.
    fn parse(text: &str) -> Option<Self> {
        let (head, mut rest) = text.split_once('\n')?;
        let target = head.strip_prefix("edgestage-rehearsal ")?.to_owned();
        let mut record = Self {
            target,
            clusterconfig: None,
            lacks_tool: false,
            is_through_link: false,
            mark: None,
            rows: Vec::new(),
        };
        loop {
            if let Some(value) = rest.strip_prefix("value-set ") {
                record.clusterconfig = Some(value.to_owned());
                return Some(record);
            }
            if rest.starts_with("value ") {
                return Some(record);
            }
            let line;
            (line, rest) = rest.split_once('\n')?;
            match line.split(' ').nth(1)? {
                "uncalled" => record.lacks_tool = true,
                "through" => record.is_through_link = true,
                "mark" => record.mark = line.split(' ').nth(2).map(str::to_owned),
                _ => record.rows.push(row(line)?),
            }
        }
    }

    /// A link that is on the way leads nowhere in an image.
    pub(super) fn behind_link(mut self) -> Self {
        for row in &mut self.rows {
            row.copied_entry = CopiedEntry::Link;
        }
        self
    }
}

fn row(line: &str) -> Option<Row> {
    let (place, rest) = line.split_once(' ')?;
    let place = place.chars().next().filter(|_| place.len() == 1)?;
    let (kind, rest) = rest.split_once(' ')?;
    let (copied_entry, path) = match kind {
        "link" => (CopiedEntry::Link, rest),
        "directory" => (CopiedEntry::Directory, rest),
        "other" => (CopiedEntry::Other, rest),
        "absent" => (CopiedEntry::Nothing, rest),
        "file" => {
            let (size, rest) = rest.split_once(' ')?;
            let (sha256, path) = rest.split_once(' ')?;
            let sha256 = Digest::try_from(sha256.to_owned()).ok()?;
            let size = size.parse().ok()?;
            (CopiedEntry::File { size, sha256 }, path)
        }
        _ => return None,
    };
    // A copy to a directory and one to a file in it may have written the path in two ways.
    let mut path = path.to_owned();
    while path.contains("//") {
        path = path.replace("//", "/");
    }
    Some(Row {
        place,
        copied_entry,
        path,
    })
}

/// The records that `targets` exported into `tree`.
///
/// # Errors
/// A directory or file that cannot be read, or that is not a record of one of the targets.
pub(super) fn read(tree: &Path, targets: &[String]) -> Result<Vec<Record>, PathError> {
    let directory = tree.join(EXPORT_DIRECTORY);
    let entries = std::fs::read_dir(&directory).map_err(PathError::when("read", &directory))?;
    let mut records = Vec::new();
    for entry in entries.flatten() {
        if has_name(&entry) {
            let path = entry.path();
            let record = read_one(&path, targets)?;
            records.push(record.ok_or_else(|| {
                PathError::when("read", &path)(std::io::ErrorKind::InvalidData.into())
            })?);
        }
    }
    records.sort_by(|a, b| a.target.cmp(&b.target));
    Ok(records)
}

/// The records of `targets` elsewhere in `tree`: an unknown command may export them there as an
/// artifact. What is not a record, or cannot be read, is passed over.
pub(super) fn read_elsewhere(tree: &Path, targets: &[String]) -> Vec<Record> {
    let mut records = Vec::new();
    let mut due = vec![tree.to_owned()];
    while let Some(directory) = due.pop() {
        for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                due.extend((path != tree.join(EXPORT_DIRECTORY)).then_some(path));
            } else if has_name(&entry) {
                records.extend(read_one(&path, targets).ok().flatten());
            }
        }
    }
    records
}

fn has_name(entry: &DirEntry) -> bool {
    let name = entry.file_name();
    name.to_string_lossy().starts_with(RECORD_PREFIX)
}

/// The record of one of `targets` at `path`; `None` if it is something else.
fn read_one(path: &Path, targets: &[String]) -> Result<Option<Record>, PathError> {
    // The program writes regular files; a link may lead to anything.
    let metadata = path.symlink_metadata();
    if !metadata.is_ok_and(|metadata| metadata.is_file()) {
        return Ok(None);
    }
    let bytes = files::read(path, SIZE).map_err(PathError::when("read", path))?;
    let record = Record::parse(&String::from_utf8_lossy(&bytes));
    Ok(record.filter(|record| targets.contains(&record.target)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA: &str = "8f96f18282326072679c2b1a9771ad0998b458780c502337957e60dacbc6f10b";
    const SPC: &str = "/overlay/opt/spectrocloud/clusterconfig/spc.tgz";

    fn copied_entry(rows: &str) -> Result<CopiedEntry, Vec<String>> {
        let text = format!("edgestage-rehearsal build-iso\n{rows}value-set spc.tgz");
        Record::parse(&text).unwrap().copied_entry()
    }

    #[test]
    fn a_record_says_what_is_at_its_places() {
        let file = || CopiedEntry::File {
            size: 12,
            sha256: Digest::try_from(SHA.to_owned()).unwrap(),
        };
        let both = format!("f file 12 {SHA} {SPC}\no file 12 {SHA} {SPC}\n");
        assert_eq!(copied_entry(&both), Ok(file()));
        assert_eq!(copied_entry(""), Ok(CopiedEntry::Nothing));
        assert_eq!(
            copied_entry("o absent /overlay/\n"),
            Ok(CopiedEntry::Nothing)
        );
        let content = format!("d absent /workdir/\nf file 12 {SHA} /workdir/spc.tgz\n");
        assert_eq!(copied_entry(&content), Ok(file()));
        let link = format!("o link /overlay/opt\nf file 12 {SHA} {SPC}\n");
        assert_eq!(copied_entry(&link), Ok(CopiedEntry::Link));
        assert_eq!(
            copied_entry(&format!("f directory {SPC}\n")),
            Ok(CopiedEntry::Directory)
        );
    }

    #[test]
    fn what_differs_between_places_is_no_verdict() {
        let zero = "0".repeat(64);
        let two = format!("f file 12 {SHA} /a/spc.tgz\nf file 12 {zero} /b/spc.tgz\n");
        let missing = format!("f file 12 {SHA} /a/spc.tgz\no absent /overlay\n");
        for rows in [two, missing] {
            assert!(copied_entry(&rows).is_err(), "{rows}");
        }
    }

    #[test]
    fn the_value_is_taken_as_it_is() {
        let value = |text: &str| Record::parse(text).map(|record| record.clusterconfig);
        let head = "edgestage-rehearsal iso\n";
        for (end, expected) in [
            ("value ", Some(None)),
            ("value-set ", Some(Some(String::new()))),
            ("value-set a\nvalue b", Some(Some("a\nvalue b".to_owned()))),
            ("o absent /x\n", None),
            ("o file 12\nvalue ", None),
            ("", None),
        ] {
            assert_eq!(value(&format!("{head}{end}")), expected, "{end:?}");
        }
        assert!(Record::parse("value ").is_none());
    }
}
