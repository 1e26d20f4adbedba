//! The place in an image where a definition belongs: the file there, and what is beside it.
//!
//! The input is the files of an ISO or of a content partition. The output is an [`ImagePlace`].
//! A host copies every file of that directory, whatever its name (canvos.md, T25), so each of
//! them is examined. The amount that is read of the files beside the definition is limited;
//! what exceeds the limit is reported as unread, and never counts as harmless.

use std::io::{self, Read};
use std::path::Path;

use super::bundles::{self, ImageBundle};
use super::{GZIP, ImageError, Judge, ReadEdgeConfig, cut};
use crate::archive::{self, Contents, InspectError, Refusal};
use crate::util::digest::{Digest, HashingReader};

/// The largest number of names beside the definition that are examined.
pub(super) const MOST_BESIDE: usize = 1000;
/// The largest number of archives beside the definition that are read.
const MOST_ARCHIVES: usize = 16;
/// The largest custom configuration that is read, in bytes.
const LARGEST_EDGE_CONFIG: u64 = 1 << 20;
/// The kind of a file that is too large to be an archive, and is not read.
const TOO_LARGE: &str = "a file larger than an archive may be";

/// What a path or a name refers to.
#[derive(Debug)]
pub enum Node<F> {
    /// Nothing.
    Missing,
    /// Not a readable regular file, but a file of this kind.
    Odd(&'static str),
    /// A regular file.
    File(F),
}

/// Access to the files of an image, as far as they are needed.
pub trait ImageFileSystem {
    /// A regular file.
    type File;

    /// Returns what is at `path`, whose parts have no slashes. Links are not followed: on the
    /// host, they would lead elsewhere.
    fn find(&self, path: &[&str]) -> Result<Node<Self::File>, ImageError>;

    /// Returns what is in `directory`, without the first entry that is named `own`; nothing if it
    /// is not a directory.
    fn list(
        &self,
        directory: &[&str],
        own: Option<&str>,
    ) -> Result<Neighbours<Self::File>, ImageError>;

    /// Returns what is in the directory of `path`, without the entry that [`ImageFileSystem::find`]
    /// finds.
    fn beside(&self, path: &[&str]) -> Result<Neighbours<Self::File>, ImageError> {
        match path.split_last() {
            // If several entries have the name, the first one is the one that was found.
            Some((own, directory)) => self.list(directory, Some(own)),
            None => Ok(Neighbours::none()),
        }
    }

    /// Returns the size of a file, in bytes.
    fn size(file: &Self::File) -> u64;

    /// Returns a reader of a file.
    fn read<'f>(&'f self, file: &'f Self::File) -> impl Read + 'f;
}

/// The entries beside a file.
#[derive(Debug)]
pub struct Neighbours<F> {
    /// The first entries, at most [`MOST_BESIDE`], with their names as they are stored.
    pub nodes: Vec<(Vec<u8>, Node<F>)>,
    /// The number of further entries.
    pub more: usize,
}

impl<F> Neighbours<F> {
    /// Returns an empty list.
    pub fn none() -> Self {
        Self {
            nodes: Vec::new(),
            more: 0,
        }
    }
}

/// The paths of an image that are examined.
pub struct ImagePaths<'a> {
    /// The definition.
    pub definition: &'a [&'a str],
    /// The custom configuration.
    pub edge_config: &'a [&'a str],
    /// The directory of the content bundles.
    pub bundles: &'a [&'a str],
}

/// A place where a definition belongs.
#[derive(Debug)]
pub struct ImagePlace {
    /// What is there.
    pub entry: PlaceEntry,
    /// What is beside it.
    pub beside: Vec<Beside>,
    /// The number of files beside it that were not examined.
    pub more: usize,
    /// The custom configuration with the public key for signatures; `None` if it was not looked
    /// for.
    pub edge_config: Option<EdgeConfigEntry>,
    /// The content bundles of the image, by name.
    pub bundles: Vec<ImageBundle>,
}

/// What is at the place of the custom configuration.
#[derive(Debug)]
pub enum EdgeConfigEntry {
    /// Nothing.
    Missing,
    /// Not a regular file that may be read, but this.
    Odd(&'static str),
    /// A file with these bytes.
    File(Vec<u8>),
}

/// What is at the place of the definition.
#[derive(Debug)]
pub enum PlaceEntry {
    /// Nothing.
    Missing,
    /// Nothing, and the rest of the overlay is missing too.
    OverlayLost,
    /// A disk without the partition that carries a definition.
    NoPartition,
    /// Not a regular file, but a file of this kind.
    Odd(&'static str),
    /// A file.
    File(HeldFile),
    /// Nothing is known: one of several content partitions cannot be judged.
    Failed(ImageError),
}

/// A file, with everything that is compared with the lock.
#[derive(Debug)]
pub struct HeldFile {
    /// The SHA-256 of the file.
    pub sha256: Digest,
    /// The size in bytes.
    pub size: u64,
    /// The digest of the contents, or why the file is not the archive of a definition.
    pub content: Result<Contents, Refusal>,
}

/// A name beside the definition.
#[derive(Debug)]
pub struct Beside {
    /// The name, as it is stored.
    pub name: Vec<u8>,
    /// What the name refers to.
    pub is: NeighbourFile,
}

/// The kind of file beside the definition.
#[derive(Debug)]
pub enum NeighbourFile {
    /// Not a regular file, but a file of this kind.
    Odd(&'static str),
    /// A regular file that does not begin like a gzip archive.
    NoArchive,
    /// An archive.
    Archive(HeldFile),
    /// An archive that was not read, for this reason.
    Unread(&'static str),
}

impl ImagePlace {
    /// Returns a place that has only `entry`.
    #[must_use]
    pub fn of(entry: PlaceEntry) -> Self {
        Self {
            entry,
            beside: Vec::new(),
            more: 0,
            edge_config: Some(EdgeConfigEntry::Missing),
            bundles: Vec::new(),
        }
    }

    /// Examines what `files` has at `paths`. Parts of content bundles are written to temporary
    /// files in `spool`.
    pub fn look<F: ImageFileSystem>(
        files: &F,
        paths: &ImagePaths<'_>,
        spool: &Path,
        judge: &Judge<'_>,
    ) -> Result<Self, ImageError> {
        let path = paths.definition;
        let entry = match files.find(path)? {
            Node::Missing => PlaceEntry::Missing,
            Node::Odd(kind) => PlaceEntry::Odd(kind),
            // A file that is too large to be an archive needs no further examination.
            Node::File(file) if F::size(&file) > judge.limits.archive => PlaceEntry::Odd(TOO_LARGE),
            Node::File(file) => PlaceEntry::File(hold(files, &file, judge)?),
        };
        let neighbours = files.beside(path)?;
        let mut left = Left {
            archives: MOST_ARCHIVES,
            bytes: judge.limits.archive,
        };
        let mut beside = Vec::new();
        for (name, node) in neighbours.nodes {
            let is = match node {
                Node::Missing => continue,
                Node::Odd(kind) => NeighbourFile::Odd(kind),
                Node::File(file) => left.neighbour(files, &file, judge)?,
            };
            beside.push(Beside { name, is });
        }
        let edge_config = match judge.edge_config {
            ReadEdgeConfig::Yes => Some(EdgeConfigEntry::look(files, paths.edge_config)?),
            ReadEdgeConfig::No => None,
        };
        Ok(Self {
            entry,
            beside,
            more: neighbours.more,
            edge_config,
            bundles: bundles::look(files, paths.bundles, spool, judge)?,
        })
    }
}

impl EdgeConfigEntry {
    fn look<F: ImageFileSystem>(files: &F, path: &[&str]) -> Result<Self, ImageError> {
        let file = match files.find(path)? {
            Node::Missing => return Ok(Self::Missing),
            Node::Odd(kind) => return Ok(Self::Odd(kind)),
            Node::File(file) => file,
        };
        let size = F::size(&file);
        if size > LARGEST_EDGE_CONFIG {
            return Ok(Self::Odd(
                "a file larger than a custom configuration may be",
            ));
        }
        let mut bytes = Vec::new();
        files
            .read(&file)
            .take(size)
            .read_to_end(&mut bytes)
            .map_err(cut)?;
        if bytes.len() as u64 != size {
            return Err(ImageError::Truncated);
        }
        Ok(Self::File(bytes))
    }
}

/// How much may still be read of the files beside the definition.
struct Left {
    archives: usize,
    bytes: u64,
}

impl Left {
    fn neighbour<F: ImageFileSystem>(
        &mut self,
        files: &F,
        file: &F::File,
        judge: &Judge<'_>,
    ) -> Result<NeighbourFile, ImageError> {
        let size = F::size(file);
        let mut magic = [0; GZIP.len()];
        if size < magic.len() as u64 {
            return Ok(NeighbourFile::NoArchive);
        }
        files.read(file).read_exact(&mut magic).map_err(cut)?;
        if magic != GZIP {
            return Ok(NeighbourFile::NoArchive);
        }
        if size > judge.limits.archive {
            return Ok(NeighbourFile::Unread(TOO_LARGE));
        }
        match (self.archives.checked_sub(1), self.bytes.checked_sub(size)) {
            (Some(archives), Some(bytes)) => *self = Self { archives, bytes },
            _ => {
                return Ok(NeighbourFile::Unread(
                    "one of many archives, which was not read",
                ));
            }
        }
        Ok(NeighbourFile::Archive(hold(files, file, judge)?))
    }
}

/// Hashes the file and reads its contents, in one pass.
fn hold<F: ImageFileSystem>(
    files: &F,
    file: &F::File,
    judge: &Judge<'_>,
) -> Result<HeldFile, ImageError> {
    let size = F::size(file);
    let mut source = HashingReader::new(files.read(file).take(size));
    let inspected = archive::inspect(&mut source, judge.limits, archive::NOTHING);
    let content = match inspected {
        Ok(inventory) => Ok(inventory.contents()),
        Err(InspectError::Refused(refusal)) => Err(refusal),
        Err(InspectError::Io(error)) => return Err(cut(error)),
    };
    // What is refused has not been read to its end.
    io::copy(&mut source, &mut io::sink()).map_err(cut)?;
    let (sha256, length) = source.finish();
    if length != size {
        return Err(ImageError::Truncated);
    }
    Ok(HeldFile {
        sha256,
        size,
        content,
    })
}
