//! Finds the archive of a cluster definition in a file: the file itself, or a member of a
//! content bundle.
//!
//! Input: a reader of the file, whose format is recognized by its first bytes. Output: a reader
//! of the archive, which the caller then checks like a downloaded one, or a [`BundleRefusal`]. A
//! content bundle is an OCI image layout in a tar, which may be compressed with zstd (facts.md,
//! 5). Nothing in it is unpacked or followed. It is read to its very end, in one pass if
//! possible, although its members come in any order: see `scan.rs` for what is kept meanwhile.
//! The manifest and the archive are compared with their digests. Memory stays below 64 MiB, in
//! addition to the window of the zstd stream if that is larger than 8 MiB.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::archive::tar_reader::{is_header, looks_like};
use crate::archive::{self, InspectError};
use crate::util::digest::Digest;
use crate::util::files::Piped;
use crate::util::limits::Limits;
use crate::util::path_error::PathError;

mod layout;
pub(crate) mod messages;
mod refusal;
mod scan;
mod zstd;

pub use layout::Reference;
pub use refusal::{BundleRefusal, Document};

use scan::{Pass, Scanned, Wanted};
use zstd::ZstdReader;

/// The first bytes of gzip (RFC 1952, 2.3.1), zstd, and a skippable frame of zstd, whose first
/// byte may have any last four bits (RFC 8878, 3.1).
const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
const SKIPPABLE: [u8; 3] = [0x2a, 0x4d, 0x18];
/// The number of bytes by which a format is recognized: a tar header.
pub const FIRST: u64 = 512;
/// The maximum number of passes. The first finds the index, the second the manifest, the third
/// the archive, if nothing was kept in the earlier ones.
const PASSES: usize = 3;

/// The largest bundle that is read without being asked, in bytes.
pub const UNASKED: u64 = 256 << 20;

/// Whether bundles above [`UNASKED`] are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LargeBundles {
    /// They are read: `--bundles`.
    Read,
    /// They are not read; in a checkout, only what is remembered of them counts.
    Skip,
}

impl LargeBundles {
    /// Interprets the flag `--bundles`.
    #[must_use]
    pub fn of(flag: bool) -> Self {
        if flag { Self::Read } else { Self::Skip }
    }
}

/// Whether a file that begins with the bytes `first` may be a content bundle: a tar, or a zstd
/// stream.
#[must_use]
pub fn begins_like_a_bundle(first: &[u8]) -> bool {
    is_zstd(first) || is_header(first)
}

fn is_zstd(first: &[u8]) -> bool {
    first.starts_with(&ZSTD)
        || first.first().is_some_and(|byte| byte & 0xf0 == 0x50)
            && first[1..].starts_with(&SKIPPABLE)
}

/// A file that is read from its beginning to its end.
pub trait Source: Read {
    /// Goes back to the beginning. Returns false if that is not possible, as for a pipe.
    ///
    /// # Errors
    /// Fails if the operating system reports an error.
    fn rewind(&mut self) -> io::Result<bool>;
}

impl Source for Piped {
    fn rewind(&mut self) -> io::Result<bool> {
        Self::rewind(self)
    }
}

impl Source for Cursor<&[u8]> {
    fn rewind(&mut self) -> io::Result<bool> {
        self.set_position(0);
        Ok(true)
    }
}

/// An archive that was found. It is not checked yet.
#[derive(Debug)]
pub struct Located<S> {
    /// The archive, from its first byte.
    pub archive: ArchiveReader<S>,
    /// The name of the archive in the bundle, or `None` if the file itself is the archive.
    pub reference: Option<String>,
}

/// A reader of an archive.
#[derive(Debug)]
pub enum ArchiveReader<S> {
    /// The file itself, after the bytes that were examined.
    Whole(io::Chain<Cursor<Vec<u8>>, S>),
    /// A temporary file without a name.
    Member(File),
}

impl<S: Read> Read for ArchiveReader<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Whole(source) => source.read(buffer),
            Self::Member(file) => file.read(buffer),
        }
    }
}

/// Why no archive was found.
#[derive(Debug)]
pub enum BundleError {
    /// The file is refused.
    Refused(BundleRefusal),
    /// The file cannot be read.
    Read(io::Error),
    /// The temporary file for a member cannot be written.
    Spool(PathError),
}

impl From<BundleRefusal> for BundleError {
    fn from(refusal: BundleRefusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Finds the archive in `source`. Members of a bundle that may be the archive are kept in
/// temporary files without a name in the directory `spool`.
///
/// # Errors
/// Returns a [`BundleError`] if there is no archive, or if the file is damaged.
pub fn locate<S: Source>(
    source: S,
    spool: &Path,
    limits: &Limits,
) -> Result<Located<S>, BundleError> {
    search(source, spool, limits, &mut Vec::new())
}

/// What a content bundle holds besides images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Survey {
    /// The names of the manifests of the host's agent, which end in its version.
    pub agents: Vec<String>,
    /// The cluster definition.
    pub definition: BundleDefinition,
}

/// The cluster definition of a content bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BundleDefinition {
    /// There is none.
    None,
    /// There is one, with this content.
    One(Digest),
    /// There are several, or one that is not an archive of a definition, for this reason.
    Refused(String),
    /// The bundle cannot be read to its end, for this reason.
    Unreadable(String),
}

/// Returns what `source` holds.
///
/// # Errors
/// Fails if the file cannot be read. A bundle that is refused is not an error.
pub fn survey(source: impl Source, spool: &Path, limits: &Limits) -> Result<Survey, BundleError> {
    let mut agents = Vec::new();
    let definition = match search(source, spool, limits, &mut agents) {
        Ok(located) => match archive::inspect(located.archive, limits, archive::NOTHING) {
            Ok(inventory) => BundleDefinition::One(inventory.content_sha256),
            Err(InspectError::Refused(refusal)) => BundleDefinition::Refused(refusal.to_string()),
            Err(InspectError::Io(error)) => return Err(BundleError::Read(error)),
        },
        Err(BundleError::Refused(BundleRefusal::NoDefinition { .. })) => BundleDefinition::None,
        Err(BundleError::Refused(refusal @ BundleRefusal::SeveralDefinitions(_))) => {
            BundleDefinition::Refused(refusal.to_string())
        }
        Err(BundleError::Refused(refusal)) => BundleDefinition::Unreadable(refusal.to_string()),
        Err(error) => return Err(error),
    };
    Ok(Survey { agents, definition })
}

fn search<S: Source>(
    mut source: S,
    spool: &Path,
    limits: &Limits,
    agents: &mut Vec<String>,
) -> Result<Located<S>, BundleError> {
    let first = first_bytes(&mut source)?;
    if first.starts_with(&GZIP) {
        return Ok(Located {
            archive: ArchiveReader::Whole(Cursor::new(first).chain(source)),
            reference: None,
        });
    }
    let mut wanted = Wanted::default();
    let mut first = first;
    for _ in 0..PASSES {
        let mut pass = Pass::new(wanted, spool, limits);
        let end = read(&mut pass, first, &mut source);
        agents.clone_from(&pass.agents);
        let scanned = match end {
            Err(error) => return Err(pass.error(error)),
            Ok(()) => pass.finish()?,
        };
        match scanned {
            Scanned::Found(member) => {
                return Ok(Located {
                    archive: ArchiveReader::Member(member.file),
                    reference: Some(member.reference),
                });
            }
            Scanned::Again(next) => wanted = next,
        }
        if !source.rewind().map_err(BundleError::Read)? {
            return Err(BundleRefusal::NeedsAnotherPass.into());
        }
        first = first_bytes(&mut source)?;
    }
    Err(BundleRefusal::Changing.into())
}

fn first_bytes(source: &mut impl Read) -> Result<Vec<u8>, BundleError> {
    let mut first = Vec::new();
    let read = source.take(FIRST).read_to_end(&mut first);
    read.map_err(BundleError::Read)?;
    Ok(first)
}

/// Reads the bundle, which begins with the bytes `first`, to its end.
fn read(pass: &mut Pass<'_>, first: Vec<u8>, source: &mut impl Read) -> io::Result<()> {
    if !is_zstd(&first) {
        if !is_header(&first) {
            let format = looks_like(&first);
            return Err(refusal::refuse(BundleRefusal::OtherFormat { format }));
        }
        return pass.read(&mut Cursor::new(first).chain(source));
    }
    let mut decoder = ZstdReader::new(Cursor::new(first).chain(source))?;
    let mut inner = Vec::new();
    decoder.by_ref().take(FIRST).read_to_end(&mut inner)?;
    if !is_header(&inner) {
        let format = looks_like(&inner);
        return Err(refusal::refuse(BundleRefusal::OtherContent { format }));
    }
    pass.read(&mut Cursor::new(inner).chain(decoder))
}
