//! The place in an image where a definition belongs: what is there, and what lies beside
//! it.
//!
//! In: the files of an ISO or of a content partition. Out: a [`ImagePlace`]. A host copies
//! every file of that directory, whatever it is called (canvos.md, T25), so each is
//! looked at. How much is read for the files beside the definition is bounded: what is
//! beyond that is said to be unread, and never passes for harmless.

use std::io::Read;

use super::{GZIP, ImageError, Judge, cut};
use crate::archive::{self, InspectError, Refusal};
use crate::util::digest::Digest;

/// The most names beside the definition that are looked at.
pub(super) const MOST_BESIDE: usize = 1000;
/// The most archives beside the definition that are read.
const MOST_ARCHIVES: usize = 16;
/// An archive is read no further if it is larger than one may be.
const TOO_LARGE: &str = "a file larger than an archive may be";

/// What a path or a name is.
#[derive(Debug)]
pub enum Node<F> {
    /// Nothing.
    Missing,
    /// Not a regular file that can be read: what it is.
    Odd(&'static str),
    /// A regular file.
    File(F),
}

/// Files of an image, as far as they are looked for.
pub trait Files {
    /// A regular file.
    type File;

    /// What `path` is; its parts without slashes. No link is followed: it would lead
    /// elsewhere on the host.
    fn find(&self, path: &[&str]) -> Result<Node<Self::File>, ImageError>;

    /// What lies in the directory of `path` besides what [`Files::find`] finds there.
    fn beside(&self, path: &[&str]) -> Result<Neighbours<Self::File>, ImageError>;

    /// The size of a file, in bytes.
    fn size(file: &Self::File) -> u64;

    /// A reader of a file.
    fn read<'f>(&'f self, file: &'f Self::File) -> impl Read + 'f;
}

/// What lies beside a file.
#[derive(Debug)]
pub struct Neighbours<F> {
    /// The first of them, at most [`MOST_BESIDE`], with their names as they are stored.
    pub nodes: Vec<(Vec<u8>, Node<F>)>,
    /// How many there are besides.
    pub more: usize,
}

impl<F> Neighbours<F> {
    /// None.
    pub fn none() -> Self {
        Self {
            nodes: Vec::new(),
            more: 0,
        }
    }
}

/// A place where a definition belongs.
#[derive(Debug)]
pub struct ImagePlace {
    /// What is there.
    pub entry: PlaceEntry,
    /// What lies beside it.
    pub beside: Vec<Beside>,
    /// How many files beside it were not looked at.
    pub more: usize,
}

/// What is where the definition belongs.
#[derive(Debug)]
pub enum PlaceEntry {
    /// Nothing.
    Missing,
    /// Nothing, and the rest of the overlay is missing too.
    OverlayLost,
    /// A disk without the partition that carries a definition.
    NoPartition,
    /// Not a regular file: what it is.
    Odd(&'static str),
    /// A file.
    File(HeldFile),
    /// One of several content partitions tells nothing: why.
    Failed(ImageError),
}

/// A file that is compared with the lock.
#[derive(Debug)]
pub struct HeldFile {
    /// Of its bytes.
    pub sha256: Digest,
    /// In bytes.
    pub size: u64,
    /// Of what it holds, or why it is not the archive of a definition.
    pub content: Result<Digest, Refusal>,
}

/// A name beside the definition.
#[derive(Debug)]
pub struct Beside {
    /// As it is stored.
    pub name: Vec<u8>,
    /// What it is.
    pub is: NeighbourFile,
}

/// What lies beside the definition.
#[derive(Debug)]
pub enum NeighbourFile {
    /// Not a regular file: what it is.
    Odd(&'static str),
    /// A regular file without the first bytes of a gzip archive.
    NoArchive,
    /// An archive.
    Archive(HeldFile),
    /// An archive that was not read: why.
    Unread(&'static str),
}

impl ImagePlace {
    /// A place with nothing but `entry`.
    #[must_use]
    pub fn of(entry: PlaceEntry) -> Self {
        Self {
            entry,
            beside: Vec::new(),
            more: 0,
        }
    }

    /// Looks at `path` in `files`, and beside it.
    pub fn look<F: Files>(files: &F, path: &[&str], judge: &Judge<'_>) -> Result<Self, ImageError> {
        let entry = match files.find(path)? {
            Node::Missing => PlaceEntry::Missing,
            Node::Odd(kind) => PlaceEntry::Odd(kind),
            // Of what is too large to be an archive nothing more needs to be known.
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
        Ok(Self {
            entry,
            beside,
            more: neighbours.more,
        })
    }
}

/// How much is still read of what lies beside the definition.
struct Left {
    archives: usize,
    bytes: u64,
}

impl Left {
    fn neighbour<F: Files>(
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

/// Hashes the file, and reads what it holds.
fn hold<F: Files>(files: &F, file: &F::File, judge: &Judge<'_>) -> Result<HeldFile, ImageError> {
    let size = F::size(file);
    let open = || files.read(file).take(size);
    let (sha256, length) = Digest::of_reader(&mut open()).map_err(cut)?;
    if length != size {
        return Err(ImageError::Truncated);
    }
    let content = match archive::inspect(open(), judge.limits, archive::NOTHING) {
        Ok(inventory) => Ok(inventory.content_sha256),
        Err(InspectError::Refused(refusal)) => Err(refusal),
        Err(InspectError::Io(error)) => return Err(cut(error)),
    };
    Ok(HeldFile {
        sha256,
        size,
        content,
    })
}
