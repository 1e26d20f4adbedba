//! Reading one file from ext4, or from its predecessors ext2 and ext3 (see the kernel's "ext4
//! Data Structures and Algorithms"): the superblock, inodes, directories, and the two ways in
//! which a file's blocks are listed.
//!
//! The input is the bytes of a partition. The output is the names in a directory, the kind of
//! file that a name refers to, and a file's bytes. Nothing is trusted before it was compared
//! with the partition's size or with a limit: no table is read as a whole, and what is read for
//! one file is bounded by the size of the partition. Checksums of what is read are verified if
//! they exist. The journal is not replayed, and links are not followed.

use std::io::{self, Read};

use super::ImageError;
use super::bytes::u32_at;
use super::source::Window;

mod layout;

pub(super) use layout::{Inode, Kind};

use layout::{Superblock, directory_block_agrees, entries, find_in_node, next_entry, node_agrees};

/// The inode number of the root directory.
const ROOT: u32 = 2;
/// The largest directory, in bytes. A directory of a content partition has a few files.
const LARGEST_DIRECTORY: u64 = 1 << 20;

/// An open file system.
#[derive(Debug)]
pub(super) struct Ext4 {
    part: Window,
    is: Superblock,
}

/// Consecutive blocks of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// The first block; `None` if all of them are zeros.
    pub block: Option<u64>,
    /// The number of blocks, at least one.
    pub count: u64,
}

pub(super) fn damaged(place: &'static str) -> ImageError {
    ImageError::Damaged(place)
}

impl Ext4 {
    /// Opens the file system in `part` by reading its superblock.
    pub(super) fn open(part: Window) -> Result<Self, ImageError> {
        let is = Superblock::read(&part)?;
        Ok(Self { part, is })
    }

    /// Returns the root directory.
    pub(super) fn root(&self) -> Result<Inode, ImageError> {
        self.inode(ROOT)
    }

    /// Reads the inode `number`.
    pub(super) fn inode(&self, number: u32) -> Result<Inode, ImageError> {
        let (group, index) = self.is.place_of(number)?;
        let mut descriptor = [0; 64];
        let length = self.is.descriptor_size.min(descriptor.len());
        let at = self.is.descriptor_at(group);
        self.read_at(at, &mut descriptor[..length])?;
        let table = u64::from(u32_at(&descriptor, 8)) | u64::from(u32_at(&descriptor, 0x28)) << 32;
        let start = self.start_of(table)?;
        let mut bytes = vec![0; self.is.inode_size];
        self.read_at(start + index * self.is.inode_size as u64, &mut bytes)?;
        let inode = Inode::parse(&bytes, number, self.is.seed)?;
        // Tools that pack a disk leave no holes in an archive.
        if inode.kind == Kind::Regular && inode.size > self.part.len() {
            return Err(damaged("a file larger than its partition"));
        }
        Ok(inode)
    }

    /// Returns the inode of `name` in `directory`; the first one if there are several.
    pub(super) fn entry(
        &self,
        directory: &Inode,
        name: &[u8],
    ) -> Result<Option<Inode>, ImageError> {
        let mut found = None;
        self.each_entry(directory, |inode, own| {
            if own == name {
                found = Some(inode);
            }
            found.is_none()
        })?;
        found.map(|number| self.inode(number)).transpose()
    }

    /// Returns the names in `directory`, each with the number of its inode, without the entries
    /// for the directory itself and its parent.
    pub(super) fn names(&self, directory: &Inode) -> Result<Vec<(Vec<u8>, u32)>, ImageError> {
        let mut names = Vec::new();
        self.each_entry(directory, |inode, name| {
            if !matches!(name, b"." | b"..") {
                names.push((name.to_vec(), inode));
            }
            true
        })?;
        Ok(names)
    }

    /// Visits the entries of `directory` in order, until `go_on` returns false. Later entries
    /// are not examined.
    fn each_entry(
        &self,
        directory: &Inode,
        mut go_on: impl FnMut(u32, &[u8]) -> bool,
    ) -> Result<(), ImageError> {
        if directory.size > LARGEST_DIRECTORY {
            return Err(damaged("a directory of an absurd size"));
        }
        let mut block = vec![0; self.is.block_size];
        for number in 0..directory.size.div_ceil(self.is.block_size as u64) {
            let run = self.run(directory, number)?;
            let place = run.block.ok_or(damaged("a directory with a hole"))?;
            self.read_at(self.start_of(place)?, &mut block)?;
            if !directory_block_agrees(&block, directory) {
                return Err(damaged("a directory"));
            }
            let mut rest = &block[..];
            while let Some(entry) = next_entry(&mut rest, self.is.block_size)? {
                if entry.inode != 0 && !go_on(entry.inode, entry.name) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Returns a reader of the regular file `inode`.
    pub(super) fn read<'f>(&'f self, inode: &'f Inode) -> FileReader<'f> {
        FileReader {
            files: self,
            inode,
            at: 0,
            run: Run {
                block: None,
                count: 0,
            },
            into: 0,
        }
    }

    /// Returns the location of block `number` of a file, and how many of the next blocks follow
    /// it there.
    fn run(&self, inode: &Inode, number: u64) -> Result<Run, ImageError> {
        if number > u64::from(u32::MAX) {
            return Err(damaged("a file of too many blocks"));
        }
        let run = if inode.has_extents() {
            self.run_of_extents(inode, number)?
        } else {
            self.run_of_map(inode, number)?
        };
        let end = run.block.map(|block| block.checked_add(run.count));
        match end {
            Some(end) if end.is_none_or(|end| end > self.is.blocks) => {
                Err(damaged("a file outside of its partition"))
            }
            _ => Ok(run),
        }
    }

    /// Descends the extent tree. The depth decreases by one at each level, so the tree cannot
    /// lead back to itself.
    fn run_of_extents(&self, inode: &Inode, number: u64) -> Result<Run, ImageError> {
        let mut node = inode.map.to_vec();
        let mut level = None;
        let mut end = u64::from(u32::MAX) + 1;
        loop {
            let entries = entries(&node, level)?;
            let (found, next) = find_in_node(entries.list, number);
            end = next.unwrap_or(end).min(end);
            let hole = Run {
                block: None,
                count: end - number,
            };
            let Some(found) = found else {
                return Ok(hole);
            };
            if entries.level == 0 {
                return Ok(found.run(number).unwrap_or(hole));
            }
            level = Some(entries.level - 1);
            let child = self.start_of(found.child())?;
            node = vec![0; self.is.block_size];
            self.read_at(child, &mut node)?;
            if !node_agrees(&node, inode) {
                return Err(damaged("the extents of a file"));
            }
        }
    }

    /// Reads the block map of ext2 and ext3: twelve blocks, then up to three levels of blocks
    /// that list blocks.
    fn run_of_map(&self, inode: &Inode, number: u64) -> Result<Run, ImageError> {
        let in_block = self.is.block_size as u64 / 4;
        let place = layout::place_in_map(number, in_block);
        let (slot, levels, left) = place.ok_or(damaged("a file of too many blocks"))?;
        let mut block = u32_at(&inode.map, 4 * slot);
        for level in (0..levels).rev() {
            if block == 0 {
                break;
            }
            let index = left / in_block.pow(level) % in_block;
            let mut entry = [0; 4];
            self.read_at(self.start_of(block.into())? + 4 * index, &mut entry)?;
            block = u32::from_le_bytes(entry);
        }
        Ok(Run {
            block: Some(u64::from(block)).filter(|block| *block != 0),
            count: 1,
        })
    }

    /// Returns the offset of `block` in bytes.
    fn start_of(&self, block: u64) -> Result<u64, ImageError> {
        if block == 0 || block >= self.is.blocks {
            return Err(damaged("a block outside of the file system"));
        }
        Ok(block * self.is.block_size as u64)
    }

    /// Reads bytes of the partition. A range outside of it is damage, not truncation: the
    /// partition is complete.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), ImageError> {
        self.part.read_at(offset, buffer).map_err(|error| {
            if error.kind() == io::ErrorKind::UnexpectedEof {
                damaged("a block outside of the file system")
            } else {
                ImageError::Read(error)
            }
        })
    }
}

/// A reader of a file's bytes.
#[derive(Debug)]
pub(super) struct FileReader<'f> {
    files: &'f Ext4,
    inode: &'f Inode,
    at: u64,
    /// The current run of blocks, and how many of its bytes were read.
    run: Run,
    into: u64,
}

impl Read for FileReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.inode.size - self.at;
        if left == 0 || buffer.is_empty() {
            return Ok(0);
        }
        let block_size = self.files.is.block_size as u64;
        if self.into == self.run.count * block_size {
            let next = self.files.run(self.inode, self.at / block_size);
            self.run = next.map_err(as_io)?;
            self.into = 0;
        }
        let n = left.min(self.run.count * block_size - self.into);
        let n = buffer.len().min(usize::try_from(n).unwrap_or(usize::MAX));
        let buffer = &mut buffer[..n];
        match self.run.block {
            None => buffer.fill(0),
            Some(block) => {
                let at = block * block_size + self.into;
                self.files.read_at(at, buffer).map_err(as_io)?;
            }
        }
        self.at += n as u64;
        self.into += n as u64;
        Ok(n)
    }
}

/// Wraps damage in an I/O error of the kind `Other`, so that it passes through other readers.
/// The system's own errors never have that kind.
fn as_io(error: ImageError) -> io::Error {
    match error {
        ImageError::Read(error) => error,
        _ => io::Error::other("a damaged file system"),
    }
}
