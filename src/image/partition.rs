//! Disk images: the partition with the ext4 label `COS_CONTENT` (canvos.md, 5), in a raw image
//! or in one that is compressed with gzip.
//!
//! A raw image is read at the positions that are needed. A compressed image is read once, from
//! beginning to end; the content partitions are written to temporary files on the way, without
//! the zeros.

use std::fs;
use std::io::{self, Read, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use super::ext4::{Ext4, Inode, Kind};
use super::gpt::{self, BLOCK_SIZE, Header, Partition};
use super::gzip::{Members, broken};
use super::iso;
use super::place::{ImageFileSystem, MOST_BESIDE, Neighbours, Node};
use super::source::Window;
use super::{ImageError, cut};
use crate::util::atomic_file;
use crate::util::path_error::PathError;

/// The label of the file system that carries content (canvos.md, 5).
pub(super) const LABEL: &str = "COS_CONTENT";
/// The offset of ext4's superblock and the number of bytes of it that are read.
const SUPERBLOCK: u64 = 1024;
const SUPERBLOCK_LENGTH: usize = 256;
/// The number of bytes that are copied at a time; also the unit in which zeros are left out.
const CHUNK: usize = 64 * 1024;

/// The largest number of content partitions that are examined. CanvOS creates one.
const MOST_CONTENTS: usize = 4;

/// A content partition.
pub(super) struct Content {
    files: Ext4,
}

/// The content partitions of a disk in its order, each with the error if it cannot be judged.
pub(super) type Contents = Vec<Result<Content, ImageError>>;

/// Reads the partition table of a raw image and opens the content partitions.
pub(super) fn open(image: &Window) -> Result<Contents, ImageError> {
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
    let mut contents = Vec::new();
    for partition in partitions {
        let part = image.part(partition.start, partition.length);
        let part = part.map_err(ImageError::Read)?;
        let part = part.ok_or(ImageError::Truncated)?;
        if has_label(&mut |offset, buffer| part.read_at(offset, buffer))? {
            contents.push(Content::load(part));
            not_too_many(contents.len())?;
        }
    }
    Ok(contents)
}

fn not_too_many(contents: usize) -> Result<(), ImageError> {
    if contents > MOST_CONTENTS {
        return Err(ImageError::Damaged(
            "more content partitions than there can be",
        ));
    }
    Ok(())
}

/// Whether `image` ends before the end of the disk that its partition table describes, if it
/// has one.
pub(super) fn is_cut(image: &Window) -> Result<bool, ImageError> {
    match header(image) {
        Ok(header) => Ok(header.is_some_and(|header| image.len() < header.end)),
        // The partitions are not needed to find the files of an ISO.
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
        // The partition is too small for a file system.
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
    // blkid, which hosts use, ignores white space after the label.
    superblock[56..58] == [0x53, 0xef] && label[..end].trim_ascii_end() == LABEL.as_bytes()
}

impl Content {
    fn load(part: Window) -> Result<Self, ImageError> {
        let files = Ext4::open(part)?;
        Ok(Self { files })
    }

    /// Returns the inode of `path`, or why there is none.
    fn inode(&self, path: &[&str]) -> Result<Node<Inode>, ImageError> {
        let mut inode = self.files.root()?;
        for name in path {
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
        Ok(Node::File(inode))
    }
}

fn node(inode: Inode) -> Node<Inode> {
    match inode.kind {
        Kind::Regular => Node::File(inode),
        Kind::Directory => Node::Odd("a directory"),
        Kind::Link => Node::Odd("a symbolic link"),
        Kind::Special => Node::Odd("a special file"),
    }
}

impl ImageFileSystem for Content {
    type File = Inode;

    fn find(&self, path: &[&str]) -> Result<Node<Inode>, ImageError> {
        Ok(match self.inode(path)? {
            Node::File(inode) => node(inode),
            other => other,
        })
    }

    fn list(&self, directory: &[&str], own: Option<&str>) -> Result<Neighbours<Inode>, ImageError> {
        let directory = match self.inode(directory)? {
            Node::File(inode) if inode.kind == Kind::Directory => inode,
            _ => return Ok(Neighbours::none()),
        };
        let mut names = self.files.names(&directory)?;
        let is_own = |name: &[u8]| own.is_some_and(|own| name == own.as_bytes());
        if let Some(at) = names.iter().position(|(name, _)| is_own(name)) {
            names.remove(at);
        }
        let more = names.len().saturating_sub(MOST_BESIDE);
        names.truncate(MOST_BESIDE);
        let nodes = names
            .into_iter()
            .map(|(name, number)| Ok((name, node(self.files.inode(number)?))));
        Ok(Neighbours {
            nodes: nodes.collect::<Result<_, _>>()?,
            more,
        })
    }

    fn size(file: &Inode) -> u64 {
        file.size
    }

    fn read<'f>(&'f self, file: &'f Inode) -> impl Read + 'f {
        self.files.read(file)
    }
}

/// Decompresses an image while reading it, and opens the content partitions, which go into
/// temporary files in `spool`.
pub(super) fn open_compressed(
    image: fs::File,
    path: &Path,
    spool: &Path,
) -> Result<Contents, ImageError> {
    let mut unpacked = Members::new(io::BufReader::with_capacity(CHUNK, image));
    let mut head = Vec::new();
    (&mut unpacked)
        .take(CHUNK as u64)
        .read_to_end(&mut head)
        .map_err(broken)?;
    // An ISO for USB sticks has a partition table too, which does not tell where its files are.
    if iso::begins(&head) {
        return Err(ImageError::Compressed("an ISO, with gzip"));
    }
    if head.len() < 2 * BLOCK_SIZE {
        return Err(ImageError::Foreign("no disk image inside".into()));
    }
    let mut block = [0; BLOCK_SIZE];
    block.copy_from_slice(&head[BLOCK_SIZE..2 * BLOCK_SIZE]);
    let Some(header) = Header::read(&block)? else {
        return Err(ImageError::Foreign(
            "a disk without a partition table inside".into(),
        ));
    };
    let mut disk = Stream {
        decoder: io::Cursor::new(head).chain(unpacked),
        at: 0,
    };
    disk.skip_to(header.table)?;
    let mut table = vec![0; length(header.table_length)?];
    if disk.fill(&mut table)? < table.len() {
        return Err(ImageError::Truncated);
    }
    let mut found = Vec::new();
    for partition in header.partitions(&table)? {
        found.extend(disk.spool(&partition, path, spool)?);
        not_too_many(found.len())?;
    }
    let end = disk.drain()?;
    if end < header.end {
        return Err(ImageError::Truncated);
    }
    let open = |file| Content::load(Window::whole(file).map_err(ImageError::Read)?);
    Ok(found.into_iter().map(open).collect())
}

/// A disk that is read once, from beginning to end.
struct Stream<R> {
    decoder: R,
    at: u64,
}

impl<R: Read> Stream<R> {
    /// Fills `buffer`, or as much of it as the disk has bytes for.
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

    /// Writes `partition` into a temporary file if it is a content partition.
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
        let temporary = atomic_file::temporary_in(spool).map_err(ImageError::Spool)?;
        let mut file = temporary.into_file();
        let failed = |error| ImageError::Spool(PathError::when("unpack", image)(error));
        let mut left = partition.length;
        let mut filled = head;
        loop {
            let part = &chunk[..filled];
            // Zeros stay a hole in the file.
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
