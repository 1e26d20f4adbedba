//! The three kinds of names in an ISO 9660 image.

use super::record::Record;

/// The kind of names that is used in an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// POSIX names in the System Use areas.
    RockRidge {
        /// The number of bytes to skip in each area: `LEN_SKP` of SUSP's `SP` entry.
        skip: usize,
    },
    /// UCS-2 names in a separate directory tree.
    Joliet,
    /// Upper case names with a version, which may be shortened to 8 and 3 characters.
    Plain,
}

/// Whether `name` is the name of `record`.
pub(super) fn matches(names: &Names, record: &Record, name: &str) -> bool {
    match names {
        Names::RockRidge { .. } => match &record.name {
            Some(own) => own == name.as_bytes(),
            // Some writers omit the Rock Ridge name if the plain one is enough.
            None => plain(&record.identifier, name),
        },
        Names::Joliet => without_version(&joliet(&record.identifier)) == name,
        Names::Plain => plain(&record.identifier, name) || short(&record.identifier, name),
    }
}

/// Returns the name of `record`.
pub(super) fn name_of(names: &Names, record: &Record) -> Vec<u8> {
    match (names, &record.name) {
        (Names::RockRidge { .. }, Some(name)) if !name.is_empty() => name.clone(),
        (Names::Joliet, _) => without_version(&joliet(&record.identifier)).into(),
        _ => without_version(&String::from_utf8_lossy(&record.identifier)).into(),
    }
}

fn joliet(identifier: &[u8]) -> String {
    let units = identifier.chunks_exact(2);
    let units: Vec<u16> = units
        .map(|two| u16::from_be_bytes([two[0], two[1]]))
        .collect();
    String::from_utf16_lossy(&units)
}

fn without_version(name: &str) -> &str {
    name.split_once(';').map_or(name, |(name, _)| name)
}

fn plain(identifier: &[u8], name: &str) -> bool {
    let own = String::from_utf8_lossy(identifier);
    // A name without an extension keeps its dot.
    let own = without_version(&own).trim_end_matches('.');
    own.eq_ignore_ascii_case(name)
}

/// Whether an identifier is the 8.3 form of a name (ECMA-119, 7.5 at level 1).
fn short(identifier: &[u8], name: &str) -> bool {
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    let cut = |part: &str, length| part.chars().take(length).collect::<String>();
    let (stem, extension) = (cut(stem, 8), cut(extension, 3));
    let short = if extension.is_empty() {
        stem
    } else {
        format!("{stem}.{extension}")
    };
    plain(identifier, &short)
}
