//! The three ways in which an ISO 9660 image has names.

use super::record::Record;

/// Which names count in an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// POSIX names in the System Use areas, behind so many bytes.
    RockRidge {
        /// `LEN_SKP` of SUSP's `SP` entry.
        skip: usize,
    },
    /// UCS-2 in a tree of its own.
    Joliet,
    /// Upper case with a version behind, perhaps cut to 8 and 3 characters.
    Plain,
}

/// Whether `record` is called `name`.
pub(super) fn matches(names: &Names, record: &Record, name: &str) -> bool {
    match names {
        Names::RockRidge { .. } => match &record.name {
            Some(own) => own == name.as_bytes(),
            // Some writers give no name where the plain one will do.
            None => plain(&record.identifier, name),
        },
        Names::Joliet => without_version(&joliet(&record.identifier)) == name,
        Names::Plain => plain(&record.identifier, name) || short(&record.identifier, name),
    }
}

/// What `record` is called.
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

/// The form of 8 and 3 characters (ECMA-119, 7.5 at level 1).
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
