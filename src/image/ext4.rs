//! ext4, and ext2 and ext3 before it, as far as it takes to find one file (the kernel's
//! "ext4 Data Structures and Algorithms"): superblock, inodes, directories, the two ways
//! in which a file's blocks are listed.
//!
//! In: the bytes of a partition. Out: the names in a directory, what a name is, and a
//! file's bytes.
//! Nothing is believed that was not compared with the partition's size or with a limit:
//! no table is read whole, and what is read for one file is bounded by what the
//! partition has. The checksums of what is read are compared where there are any. A
//! journal is not replayed, and links are not followed.

use std::io::{self, Read};

use super::ImageError;
use super::bytes::u32_at;
use super::source::Window;

mod layout;

pub(super) use layout::{Inode, Kind};

use layout::{Superblock, directory_block_agrees, entries, find_in_node, next_entry, node_agrees};

/// The first inode of a user; the root directory's.
const ROOT: u32 = 2;
/// The most that a directory may have, in bytes. One of a content partition has a few
/// files.
const LARGEST_DIRECTORY: u64 = 1 << 20;

/// A file system, opened.
#[derive(Debug)]
pub(super) struct Ext4 {
    part: Window,
    is: Superblock,
}

/// Blocks of a file that lie one behind the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// The first one; `None` where there are only zeros.
    pub block: Option<u64>,
    /// How many there are, at least one.
    pub count: u64,
}

pub(super) fn damaged(place: &'static str) -> ImageError {
    ImageError::Damaged(place)
}

impl Ext4 {
    /// Reads the superblock of the file system in `part`.
    pub(super) fn open(part: Window) -> Result<Self, ImageError> {
        let is = Superblock::read(&part)?;
        Ok(Self { part, is })
    }

    /// The root directory.
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
        // Nobody who packs a disk leaves holes in an archive.
        if inode.kind == Kind::Regular && inode.size > self.part.len() {
            return Err(damaged("a file larger than its partition"));
        }
        Ok(inode)
    }

    /// The inode of `name` in `directory`; of several the first.
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

    /// The names in `directory`, each with the number of its inode; without the
    /// directory's own and its parent's.
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

    /// Every entry of `directory` in its order, until `go_on` says no. What lies behind
    /// that is not looked at.
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

    /// A reader of the regular file `inode`.
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

    /// Where block `number` of a file is, and how many of the next ones follow it there.
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

    /// Descends the tree of extents. Each level is one less than the one above it, so the
    /// tree cannot lead back to itself.
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

    /// Looks into the block map of ext2 and ext3: twelve blocks, then up to three levels
    /// of blocks that list blocks.
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

    /// The first byte of `block`.
    fn start_of(&self, block: u64) -> Result<u64, ImageError> {
        if block == 0 || block >= self.is.blocks {
            return Err(damaged("a block outside of the file system"));
        }
        Ok(block * self.is.block_size as u64)
    }

    /// What is not in the partition was not cut off: the partition is there.
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

/// The bytes of a file.
#[derive(Debug)]
pub(super) struct FileReader<'f> {
    files: &'f Ext4,
    inode: &'f Inode,
    at: u64,
    /// The blocks that are being read, and how many of their bytes were.
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

/// Damage travels through other readers as an error of the kind `Other`, which the system
/// has for none of its own.
fn as_io(error: ImageError) -> io::Error {
    match error {
        ImageError::Read(error) => error,
        _ => io::Error::other("a damaged file system"),
    }
}
