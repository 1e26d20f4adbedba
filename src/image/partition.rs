//! Disk images: the partition with the ext4 label `COS_CONTENT` (canvos.md, 5), in a raw
//! image or in one that is compressed with gzip.
//!
//! A raw image is read where something is looked for. A compressed one is read once,
//! from beginning to end; the one partition that counts goes into a temporary file on
//! the way, without the zeros.

use std::fs;
use std::io::{self, Read, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use super::ext4::{Ext4, FileReader, Inode, Kind};
use super::gpt::{self, BLOCK_SIZE, Header, Partition};
use super::source::Window;
use super::{ImageError, cut};
use crate::disk::PathError;
use crate::publish;

/// The label of the file system that carries content (canvos.md, 5).
pub const LABEL: &str = "COS_CONTENT";
/// Where ext4's superblock is, and how much of it is read, in bytes.
const SUPERBLOCK: u64 = 1024;
const SUPERBLOCK_LENGTH: usize = 256;
/// How much is moved at a time, in bytes; also the unit of what is left out as zeros.
const CHUNK: usize = 64 * 1024;

/// A content partition.
pub struct Content {
    files: Ext4,
}

/// What a path in it is.
pub enum Node {
    /// Nothing.
    Missing,
    /// No regular file.
    Odd(&'static str),
    /// A regular file.
    File(File),
}

/// A regular file of a content partition.
pub struct File {
    inode: Inode,
}

impl File {
    /// In bytes.
    pub fn size(&self) -> u64 {
        self.inode.size
    }
}

/// Reads the partition table of a raw image and opens the content partition; `None`
/// where there is none.
pub fn open(image: &Window) -> Result<Option<Content>, ImageError> {
    let Some(header) = header(image)? else {
        return Err(ImageError::Foreign(
            "neither an ISO nor a disk with a partition table".into(),
        ));
    };
    let mut table = vec![0; length(header.table_length)?];
    image.read_at(header.table, &mut table).map_err(cut)?;
    let partitions = header.partitions(&table)?;
    if image.len() < header.end {
        return Err(ImageError::Truncated);
    }
    for partition in partitions {
        let part = image.part(partition.start, partition.length);
        let part = part.map_err(ImageError::Read)?;
        let part = part.ok_or(ImageError::Truncated)?;
        if has_label(&mut |offset, buffer| part.read_at(offset, buffer))? {
            return Content::load(part).map(Some);
        }
    }
    Ok(None)
}

/// Whether `image` ends before the disk that it says it is, if it says so.
pub fn is_cut(image: &Window) -> Result<bool, ImageError> {
    match header(image) {
        Ok(header) => Ok(header.is_some_and(|header| image.len() < header.end)),
        // Nobody needs the partitions of an ISO to find its files.
        Err(ImageError::Damaged(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

fn header(image: &Window) -> Result<Option<Header>, ImageError> {
    let mut block = [0; BLOCK_SIZE];
    match image.read_at(gpt::HEADER, &mut block) {
        Ok(()) => Header::read(&block),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(ImageError::Read(error)),
    }
}

fn length(bytes: u64) -> Result<usize, ImageError> {
    usize::try_from(bytes).map_err(|_| ImageError::Damaged("the partition table"))
}

/// Whether an ext4 file system with [`LABEL`] begins where `read` begins.
fn has_label(read: &mut dyn FnMut(u64, &mut [u8]) -> io::Result<()>) -> Result<bool, ImageError> {
    let mut superblock = [0; SUPERBLOCK_LENGTH];
    match read(SUPERBLOCK, &mut superblock) {
        Ok(()) => Ok(is_labelled(&superblock)),
        // Too short for a file system.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(cut(error)),
    }
}

fn is_labelled(superblock: &[u8; SUPERBLOCK_LENGTH]) -> bool {
    let label = &superblock[120..136];
    let end = label
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(label.len());
    superblock[56..58] == [0x53, 0xef] && label[..end] == *LABEL.as_bytes()
}

impl Content {
    fn load(part: Window) -> Result<Self, ImageError> {
        let files = Ext4::open(part)?;
        Ok(Self { files })
    }

    /// What `path` is; its parts without slashes.
    pub fn find(&self, path: &[&str]) -> Result<Node, ImageError> {
        let mut inode = self.files.root()?;
        for name in path {
            // No link is followed: it would lead elsewhere on the node.
            match inode.kind {
                Kind::Directory => {}
                Kind::Link => return Ok(Node::Odd("a symbolic link")),
                _ => return Ok(Node::Odd("behind a file where a directory is meant")),
            }
            match self.files.entry(&inode, name.as_bytes())? {
                Some(found) => inode = found,
                None => return Ok(Node::Missing),
            }
        }
        Ok(match inode.kind {
            Kind::Regular => Node::File(File { inode }),
            Kind::Directory => Node::Odd("a directory"),
            Kind::Link => Node::Odd("a symbolic link"),
            Kind::Special => Node::Odd("a special file"),
        })
    }

    /// A reader of `file`.
    pub fn read<'f>(&'f self, file: &'f File) -> FileReader<'f> {
        self.files.read(&file.inode)
    }
}

/// Unpacks a compressed image on its way and opens the content partition, which goes
/// into a temporary file in `spool`; `None` where there is none.
pub fn open_compressed(
    image: fs::File,
    path: &Path,
    spool: &Path,
) -> Result<Option<Content>, ImageError> {
    let decoder = MultiGzDecoder::new(io::BufReader::with_capacity(CHUNK, image));
    let mut disk = Stream { decoder, at: 0 };
    let mut start = [0; 2 * BLOCK_SIZE];
    if disk.fill(&mut start)? < start.len() {
        return Err(ImageError::Foreign("no disk image inside".into()));
    }
    let mut block = [0; BLOCK_SIZE];
    block.copy_from_slice(&start[BLOCK_SIZE..]);
    let Some(header) = Header::read(&block)? else {
        return Err(ImageError::Foreign(
            "a disk without a partition table inside".into(),
        ));
    };
    disk.skip_to(header.table)?;
    let mut table = vec![0; length(header.table_length)?];
    if disk.fill(&mut table)? < table.len() {
        return Err(ImageError::Truncated);
    }
    let mut found = None;
    for partition in header.partitions(&table)? {
        if found.is_none() {
            found = disk.spool(&partition, path, spool)?;
        }
    }
    let end = disk.drain()?;
    if end < header.end {
        return Err(ImageError::Truncated);
    }
    match found {
        Some(file) => {
            let part = Window::whole(file).map_err(ImageError::Read)?;
            Content::load(part).map(Some)
        }
        None => Ok(None),
    }
}

/// A disk that is read once.
struct Stream<R> {
    decoder: R,
    at: u64,
}

impl<R: Read> Stream<R> {
    /// Fills `buffer`, or as much of it as there is.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, ImageError> {
        let mut length = 0;
        while length < buffer.len() {
            match self.decoder.read(&mut buffer[length..]) {
                Ok(0) => break,
                Ok(n) => length += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(broken(error)),
            }
        }
        self.at += length as u64;
        Ok(length)
    }

    fn skip_to(&mut self, offset: u64) -> Result<(), ImageError> {
        let skip = offset.checked_sub(self.at);
        let skip = skip.ok_or(ImageError::Damaged("the partition table"))?;
        let skipped = io::copy(&mut (&mut self.decoder).take(skip), &mut io::sink());
        self.at += skipped.map_err(broken)?;
        if self.at < offset {
            return Err(ImageError::Truncated);
        }
        Ok(())
    }

    fn drain(&mut self) -> Result<u64, ImageError> {
        self.at += io::copy(&mut self.decoder, &mut io::sink()).map_err(broken)?;
        Ok(self.at)
    }

    /// Writes `partition` into a temporary file, if it is the one that counts.
    fn spool(
        &mut self,
        partition: &Partition,
        image: &Path,
        spool: &Path,
    ) -> Result<Option<fs::File>, ImageError> {
        self.skip_to(partition.start)?;
        let mut chunk = vec![0; CHUNK];
        let head = CHUNK.min(usize::try_from(partition.length).unwrap_or(CHUNK));
        if self.fill(&mut chunk[..head])? < head {
            return Err(ImageError::Truncated);
        }
        let labelled = has_label(&mut |offset, buffer| {
            let from = usize::try_from(offset).unwrap_or(usize::MAX);
            let found = chunk.get(from..).and_then(|rest| rest.get(..buffer.len()));
            buffer.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
            Ok(())
        })?;
        if !labelled {
            return Ok(None);
        }
        let temporary = publish::temporary_in(spool).map_err(ImageError::Spool)?;
        let mut file = temporary.into_file();
        let failed = |error| ImageError::Spool(PathError::when("unpack", image)(error));
        let mut left = partition.length;
        let mut filled = head;
        loop {
            let part = &chunk[..filled];
            // What is zero stays a hole.
            if part.iter().any(|byte| *byte != 0) {
                file.write_all(part).map_err(failed)?;
            } else {
                let hole = i64::try_from(filled).unwrap_or_default();
                file.seek(SeekFrom::Current(hole)).map_err(failed)?;
            }
            left -= filled as u64;
            if left == 0 {
                break;
            }
            let next = CHUNK.min(usize::try_from(left).unwrap_or(CHUNK));
            filled = self.fill(&mut chunk[..next])?;
            if filled < next {
                return Err(ImageError::Truncated);
            }
        }
        file.set_len(partition.length).map_err(failed)?;
        Ok(Some(file))
    }
}

/// What a decoder's error says of the image.
fn broken(error: io::Error) -> ImageError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => ImageError::Truncated,
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
            ImageError::Damaged("the gzip compression")
        }
        _ => ImageError::Read(error),
    }
}
