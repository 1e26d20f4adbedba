//! Why an archive is refused.

use std::fmt;

use crate::util::limits::Limits;
use crate::util::sanitize;

/// The archive that a check is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArchiveSubject {
    /// The archive of a definition; contains the name of the definition.
    Definition(String),
    /// A file that the user named.
    File(String),
    /// The archive in a bundle that the user named.
    InBundle(String),
}

impl fmt::Display for ArchiveSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Definition(name) => write!(f, "the archive of `{name}`"),
            Self::File(path) => write!(f, "`{path}`"),
            Self::InBundle(path) => write!(f, "the archive in `{path}`"),
        }
    }
}

/// Why an archive is refused. Names from the archive are kept as bytes and escaped when they
/// are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The data is not gzip; its first bytes show what it is instead.
    NotGzip {
        /// At most 512 bytes.
        first: Vec<u8>,
    },
    /// The archive is truncated.
    Truncated,
    /// gzip or tar is damaged: a checksum or a header.
    Damaged(String),
    /// Readers understand an entry differently.
    Ambiguous {
        /// The entry, or the header that describes it.
        path: Vec<u8>,
        /// Why readers understand it differently.
        why: String,
    },
    /// Trailing data after the last gzip member.
    TrailingBytes,
    /// Data after the end-of-archive marker.
    EntriesAfterEnd,
    /// The archive exceeds one of the [`Limits`].
    TooLarge(Limit),
    /// A path is absolute, contains `..` or a NUL, or is empty.
    Path {
        /// The path as it is in the archive.
        path: Vec<u8>,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The target of a link is, or may be, outside the archive.
    LinkOutside {
        /// The path of the link.
        path: Vec<u8>,
        /// The target of the link.
        target: Vec<u8>,
    },
    /// A path occurs twice, or is below a file or a link.
    Duplicate(Vec<u8>),
    /// A device, FIFO or other entry that no cluster definition needs.
    Kind {
        /// The path of the entry.
        path: Vec<u8>,
        /// The kind of the entry.
        kind: &'static str,
    },
    /// There is no file below `spc/` (facts.md, 2).
    NoDefinition,
    /// The profiles in the archive are not the requested ones.
    Profiles {
        /// Requested profiles that are missing.
        missing: Vec<String>,
        /// Profiles that were not requested.
        unexpected: Vec<String>,
    },
}

/// A limit that was exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// [`Limits::archive`], in bytes.
    Archive(u64),
    /// [`Limits::unpacked`], in bytes.
    Unpacked(u64),
    /// [`Limits::RATIO`].
    Ratio,
    /// [`Limits::entries`].
    Entries(u64),
    /// [`Limits::HEADER`].
    Header,
    /// [`Limits::PATH`].
    Path,
    /// [`Limits::NAME`].
    Name,
    /// [`Limits::PATHS`].
    Paths,
    /// [`Limits::PROFILES`].
    Profiles,
}

impl Limit {
    /// Returns whether `[limits]` of `profiles.toml` can change the limit.
    #[must_use]
    pub fn is_adjustable(self) -> bool {
        matches!(
            self,
            Self::Archive(_) | Self::Unpacked(_) | Self::Entries(_)
        )
    }
}

/// The maximum number of profiles that a message lists.
const PROFILES_SHOWN: usize = 16;

/// Returns a list of the profiles `uids`, limited to [`PROFILES_SHOWN`].
fn some_of(uids: &[String]) -> String {
    let shown = uids[..uids.len().min(PROFILES_SHOWN)].join(", ");
    match uids.len().saturating_sub(PROFILES_SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// Returns what data that is not an archive looks like, from its first bytes.
pub(crate) fn looks_like(first: &[u8]) -> &'static str {
    let text = String::from_utf8_lossy(first).trim_start().to_lowercase();
    match first {
        [] => "empty",
        [0x28, 0xb5, 0x2f, 0xfd, ..] => "zstd data",
        [b'P', b'K', 3 | 5, ..] => "a zip archive",
        [0xfd, b'7', b'z', ..] => "xz data",
        [b'B', b'Z', b'h', ..] => "bzip2 data",
        _ if text.starts_with("<!doctype html") || text.starts_with("<html") => "an HTML page",
        _ if text.starts_with(['{', '[']) => "JSON",
        _ if text.starts_with('<') => "XML or HTML",
        _ if first.get(257..262) == Some(b"ustar") => "a tar archive without gzip",
        _ if is_text(first) => "text",
        _ => "data of an unknown format",
    }
}

fn is_text(bytes: &[u8]) -> bool {
    // The bytes may be cut inside a character.
    let text = String::from_utf8_lossy(bytes);
    let odd = |c: char| c.is_control() && !c.is_whitespace() || c == char::REPLACEMENT_CHARACTER;
    text.chars().filter(|c| odd(*c)).count() <= 1 && !text.starts_with(odd)
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |bytes: &[u8]| sanitize::excerpt(bytes, 120);
        match self {
            Self::NotGzip { first } => write!(f, "it is {}, not a gzip archive", looks_like(first)),
            Self::Truncated => f.write_str("it is truncated"),
            Self::Damaged(why) => write!(f, "it is damaged: {why}"),
            Self::Ambiguous { path, why } => {
                write!(f, "`{}` is ambiguous: {why}", shown(path))
            }
            Self::TrailingBytes => f.write_str("it has trailing data"),
            Self::EntriesAfterEnd => f.write_str("it has data after its end-of-archive marker"),
            Self::TooLarge(limit) => limit.fmt(f),
            Self::Path { path, why } => write!(f, "the path `{}` {why}", shown(path)),
            Self::LinkOutside { path, target } => write!(
                f,
                "the link `{}` leads outside the archive: `{}`",
                shown(path),
                shown(target)
            ),
            Self::Duplicate(path) => write!(
                f,
                "`{}` occurs twice, or is below a file or link",
                shown(path)
            ),
            Self::Kind { path, kind } => write!(f, "`{}` is {kind}", shown(path)),
            Self::NoDefinition => f.write_str("it has no file below `spc/`"),
            Self::Profiles {
                missing,
                unexpected,
            } => {
                let mut parts = Vec::new();
                if !missing.is_empty() {
                    parts.push(format!("missing {}", some_of(missing)));
                }
                if !unexpected.is_empty() {
                    parts.push(format!("unexpected {}", some_of(unexpected)));
                }
                write!(
                    f,
                    "it does not contain the requested profiles: {}",
                    parts.join("; ")
                )
            }
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Archive(limit) => write!(f, "it is larger than {}", sanitize::size(*limit)),
            Self::Unpacked(limit) => {
                write!(f, "it unpacks to more than {}", sanitize::size(*limit))
            }
            Self::Ratio => write!(
                f,
                "it unpacks to more than {} times its size",
                Limits::RATIO
            ),
            Self::Entries(limit) => write!(f, "it has more than {limit} entries"),
            Self::Header => write!(
                f,
                "a header in it is larger than {}",
                sanitize::size(Limits::HEADER)
            ),
            Self::Path => write!(f, "a path in it is longer than {} bytes", Limits::PATH),
            Self::Name => write!(f, "a name in it is longer than {} bytes", Limits::NAME),
            Self::Profiles => write!(f, "it has more than {} profiles", Limits::PROFILES),
            Self::Paths => write!(
                f,
                "its paths add up to more than {}",
                sanitize::size(Limits::PATHS as u64)
            ),
        }
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::looks_like;

    #[test]
    fn a_body_is_named_by_its_first_bytes() {
        let mut plain_tar = vec![0; 512];
        plain_tar[..4].copy_from_slice(b"spc/");
        plain_tar[257..262].copy_from_slice(b"ustar");
        for (first, what) in [
            (&b""[..], "empty"),
            (b"  <!DOCTYPE html><p>", "an HTML page"),
            (b"{\"code\":\"x\"}", "JSON"),
            (b"\x28\xb5\x2f\xfd\0", "zstd data"),
            (b"PK\x03\x04", "a zip archive"),
            (b"hello", "text"),
            (&plain_tar, "a tar archive without gzip"),
            (b"\x80\x81\x82", "data of an unknown format"),
        ] {
            assert_eq!(looks_like(first), what);
        }
    }
}
