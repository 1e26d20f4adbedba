//! The on-disk structures of ext4: the superblock, inodes, directory entries, nodes of the
//! extent tree, and the checksums of each.

use std::io;

use super::super::ImageError;
use super::super::bytes::{u16_at, u32_at};
use super::super::source::Window;
use super::damaged;

/// The offset of the superblock, and its size, in bytes.
const SUPERBLOCK: u64 = 1024;
const SUPERBLOCK_LENGTH: usize = 1024;
const MAGIC: u16 = 0xef53;
/// The supported features that change how the file system is read: types in directory entries,
/// extents, 64 bits, flexible groups, a checksum seed, large directories, and multiple mount
/// protection, which reading does not trigger.
const FEATURES: u32 = 0x2 | 0x40 | 0x80 | 0x200 | 0x2000 | 0x4000 | 0x100;
/// The journal has changes that the file system lacks: it was not unmounted.
const NEEDS_RECOVERY: u32 = 0x4;
const IS_64_BIT: u32 = 0x80;
const HAS_SEED: u32 = 0x2000;
/// A feature that does not change how the file system is read: checksums of all metadata.
const CHECKSUMS: u32 = 0x400;
/// The largest block size is 64 KiB: 1024 bytes times 2 to the power of 6.
const LARGEST_BLOCK: u32 = 6;
/// Flags of an inode: an indexed directory, and a file with extents.
const INDEXED: u32 = 0x1000;
const EXTENTS: u32 = 0x8_0000;
/// The offsets of the two halves of an inode's checksum.
const INODE_CHECKSUM: (usize, usize) = (0x7c, 0x82);
/// The size of the header and of each entry in a node of the extent tree, in bytes.
const ENTRY: usize = 12;
const DEEPEST: u16 = 5;
/// An extent with a larger count is uninitialized.
const WRITTEN: u64 = 32_768;

/// Unsupported features that change how the file system is read, by their bits, with the names
/// that `mke2fs -O` uses.
const OTHER_FEATURES: [(u32, &str); 8] = [
    (0x1, "compression"),
    (0x8, "journal_dev"),
    (0x10, "meta_bg"),
    (0x400, "ea_inode"),
    (0x1000, "dirdata"),
    (0x8000, "inline_data"),
    (0x1_0000, "encrypt"),
    (0x2_0000, "casefold"),
];

/// Returns the names of the features in `bits`; a feature without a name appears as its number.
fn feature_names(bits: u32) -> String {
    let each = (0..u32::BITS)
        .map(|bit| 1 << bit)
        .filter(|bit| bits & bit != 0);
    let name = |bit: u32| match OTHER_FEATURES.iter().find(|(known, _)| *known == bit) {
        Some((_, name)) => (*name).to_owned(),
        None => format!("{bit:#x}"),
    };
    each.map(name).collect::<Vec<_>>().join(", ")
}

/// The fields of the superblock that matter here.
#[derive(Debug)]
pub(super) struct Superblock {
    /// The size of a block, in bytes.
    pub block_size: usize,
    /// The number of blocks.
    pub blocks: u64,
    /// The size of an inode, in bytes.
    pub inode_size: usize,
    /// The size of a group's descriptor, in bytes.
    pub descriptor_size: usize,
    /// The seed of the checksums, if there are any.
    pub seed: Option<u32>,
    inodes: u32,
    inodes_per_group: u32,
}

impl Superblock {
    /// Reads the superblock and compares it with the size of its partition.
    pub(super) fn read(part: &Window) -> Result<Self, ImageError> {
        let mut bytes = [0; SUPERBLOCK_LENGTH];
        let unreadable = |error: io::Error| match error.kind() {
            io::ErrorKind::UnexpectedEof => damaged("the superblock of the content partition"),
            _ => ImageError::Read(error),
        };
        part.read_at(SUPERBLOCK, &mut bytes).map_err(unreadable)?;
        let broken = || damaged("the superblock of the content partition");
        // The features are not trusted before the checksum is verified.
        if !Self::is_sealed(&bytes) {
            return Err(broken());
        }
        let incompatible = u32_at(&bytes, 0x60);
        let unknown = incompatible & !(FEATURES | NEEDS_RECOVERY);
        if unknown != 0 {
            return Err(ImageError::Unsupported(feature_names(unknown)));
        }
        if incompatible & NEEDS_RECOVERY != 0 {
            return Err(ImageError::NeedsRecovery);
        }
        let is = Self::parse(&bytes, incompatible & IS_64_BIT != 0).ok_or_else(broken)?;
        let size = is.blocks.checked_mul(is.block_size as u64);
        if size.is_none_or(|size| size > part.len()) {
            return Err(damaged("a file system larger than its partition"));
        }
        Ok(is)
    }

    /// Whether the superblock has its magic number and, if it claims to have a checksum, the
    /// right one.
    fn is_sealed(bytes: &[u8; SUPERBLOCK_LENGTH]) -> bool {
        let agrees = || crc32c(!0, &bytes[..0x3fc]) == u32_at(bytes, 0x3fc);
        u16_at(bytes, 0x38) == MAGIC && (!Self::is_checked(bytes) || agrees())
    }

    fn is_checked(bytes: &[u8; SUPERBLOCK_LENGTH]) -> bool {
        u32_at(bytes, 0x64) & CHECKSUMS != 0
    }

    fn parse(bytes: &[u8; SUPERBLOCK_LENGTH], is_64_bit: bool) -> Option<Self> {
        let exponent = u32_at(bytes, 0x18);
        let inode_size = match u32_at(bytes, 0x4c) {
            0 => 128,
            _ => usize::from(u16_at(bytes, 0x58)),
        };
        let high = if is_64_bit { u32_at(bytes, 0x150) } else { 0 };
        let descriptor_size = if is_64_bit {
            usize::from(u16_at(bytes, 0xfe))
        } else {
            32
        };
        let sensible = exponent <= LARGEST_BLOCK
            && (32..=1024).contains(&descriptor_size)
            && descriptor_size.is_power_of_two()
            && inode_size.is_power_of_two()
            && (128..=1024 << exponent.min(LARGEST_BLOCK)).contains(&inode_size);
        if !sensible {
            return None;
        }
        let seed = match u32_at(bytes, 0x60) & HAS_SEED {
            0 => crc32c(!0, &bytes[0x68..0x78]),
            _ => u32_at(bytes, 0x270),
        };
        Some(Self {
            block_size: 1024 << exponent,
            blocks: u64::from(u32_at(bytes, 4)) | u64::from(high) << 32,
            inode_size,
            descriptor_size,
            seed: Self::is_checked(bytes).then_some(seed),
            inodes: u32_at(bytes, 0),
            inodes_per_group: Some(u32_at(bytes, 0x28)).filter(|count| *count != 0)?,
        })
    }

    /// Returns the group of an inode, and its index there.
    pub(super) fn place_of(&self, inode: u32) -> Result<(u64, u64), ImageError> {
        if inode == 0 || inode > self.inodes {
            return Err(damaged("an entry of a directory that leads nowhere"));
        }
        let (group, index) = (
            (inode - 1) / self.inodes_per_group,
            (inode - 1) % self.inodes_per_group,
        );
        Ok((group.into(), index.into()))
    }

    /// Returns the offset of the descriptor of `group`. The descriptors begin in the block
    /// after the superblock's.
    pub(super) fn descriptor_at(&self, group: u64) -> u64 {
        let block_size = self.block_size as u64;
        let first = if block_size == SUPERBLOCK { 2 } else { 1 };
        first * block_size + group * self.descriptor_size as u64
    }
}

/// The kind of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A regular file.
    Regular,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// Anything else.
    Special,
}

/// An inode, of a file of any kind.
#[derive(Debug, Clone)]
pub(crate) struct Inode {
    /// The kind of file.
    pub kind: Kind,
    /// The size in bytes.
    pub size: u64,
    /// The locations of the file's blocks, or where these are listed.
    pub map: [u8; 60],
    flags: u32,
    /// The seed of the checksums of the file's blocks, if there are any.
    seed: Option<u32>,
}

impl Inode {
    /// Parses the inode `number` from `bytes`, which have the size of an inode.
    pub(crate) fn parse(bytes: &[u8], number: u32, seed: Option<u32>) -> Result<Self, ImageError> {
        let seed = seed.map(|seed| {
            let seed = crc32c(seed, &number.to_le_bytes());
            crc32c(seed, &bytes[0x64..0x68])
        });
        if seed.is_some_and(|seed| !inode_agrees(bytes, seed)) {
            return Err(damaged("an inode"));
        }
        let kind = match u16_at(bytes, 0) >> 12 {
            0x8 => Kind::Regular,
            0x4 => Kind::Directory,
            0xa => Kind::Link,
            _ => Kind::Special,
        };
        // In early versions, these bytes of a directory had another meaning.
        let high = match kind {
            Kind::Regular => u32_at(bytes, 0x6c),
            _ => 0,
        };
        let mut map = [0; 60];
        map.copy_from_slice(&bytes[0x28..0x64]);
        Ok(Self {
            kind,
            size: u64::from(u32_at(bytes, 4)) | u64::from(high) << 32,
            map,
            flags: u32_at(bytes, 0x20),
            seed,
        })
    }

    /// Whether the file's blocks are listed as extents.
    pub(crate) fn has_extents(&self) -> bool {
        self.flags & EXTENTS != 0
    }
}

/// Whether an inode has the right checksum. An inode of 128 bytes has room for only one half of
/// it.
fn inode_agrees(bytes: &[u8], seed: u32) -> bool {
    let (low, high) = INODE_CHECKSUM;
    let extra = if bytes.len() > 128 {
        u16_at(bytes, 0x80)
    } else {
        0
    };
    let both = extra >= 4;
    let mut covered = bytes.to_vec();
    covered[low..low + 2].fill(0);
    let mut said = u32::from(u16_at(bytes, low));
    let mut mask = 0xffff;
    if both {
        covered[high..high + 2].fill(0);
        said |= u32::from(u16_at(bytes, high)) << 16;
        mask = !0;
    }
    crc32c(seed, &covered) & mask == said
}

/// Whether a directory's block has the right checksum. Index blocks have another checksum at
/// another place, which is not verified.
pub(super) fn directory_block_agrees(block: &[u8], directory: &Inode) -> bool {
    let Some(seed) = directory.seed else {
        return true;
    };
    let (covered, tail) = block.split_at(block.len() - 12);
    if tail[..8] != [0, 0, 0, 0, 12, 0, 0, 0xde] {
        return directory.flags & INDEXED != 0;
    }
    crc32c(seed, covered) == u32_at(tail, 8)
}

/// Whether a node of the extent tree has the right checksum, which follows the space for its
/// entries.
pub(super) fn node_agrees(node: &[u8], inode: &Inode) -> bool {
    let Some(seed) = inode.seed else {
        return true;
    };
    let end = ENTRY * (1 + usize::from(u16_at(node, 4)));
    match node.get(end..end + 4) {
        Some(said) => crc32c(seed, &node[..end]) == u32_at(said, 0),
        None => false,
    }
}

/// A directory entry.
#[derive(Debug)]
pub(super) struct Entry<'b> {
    /// The number of the inode; 0 if the entry is unused.
    pub inode: u32,
    /// The name.
    pub name: &'b [u8],
}

/// Parses the next entry in the rest of a directory's block.
pub(super) fn next_entry<'b>(
    rest: &mut &'b [u8],
    block_size: usize,
) -> Result<Option<Entry<'b>>, ImageError> {
    if rest.is_empty() {
        return Ok(None);
    }
    let broken = || damaged("an entry of a directory");
    let header = rest.get(..8).ok_or_else(broken)?;
    let length = match usize::from(u16_at(header, 4)) {
        // The size does not fit in 16 bits.
        0 | 0xffff if block_size > 0xffff => block_size,
        length => length,
    };
    let name_length = usize::from(header[6]);
    let name = rest.get(8..8 + name_length).ok_or_else(broken)?;
    if length < 8 + name_length || length > rest.len() {
        return Err(broken());
    }
    *rest = &rest[length..];
    Ok(Some(Entry {
        inode: u32_at(header, 0),
        name,
    }))
}

/// A node of the extent tree.
#[derive(Debug)]
pub(super) struct Entries<'n> {
    /// The distance to the extents; 0 if the node has them.
    pub level: u16,
    /// The entries.
    pub list: &'n [u8],
}

/// Parses a node. The level is known if the node is below another one.
pub(super) fn entries(node: &[u8], level: Option<u16>) -> Result<Entries<'_>, ImageError> {
    let broken = || damaged("the extents of a file");
    let is = u16_at(node, 6);
    let length = ENTRY * usize::from(u16_at(node, 2));
    let list = node.get(ENTRY..ENTRY + length).ok_or_else(broken)?;
    if u16_at(node, 0) != 0xf30a || is > DEEPEST || level.is_some_and(|level| level != is) {
        return Err(broken());
    }
    Ok(Entries { level: is, list })
}

/// An entry of a node of the extent tree.
#[derive(Debug)]
pub(super) struct Extent<'n>(&'n [u8]);

/// Returns the entry that contains block `number` of the file, if there is one, and the block
/// at which the next entry begins.
pub(super) fn find_in_node(list: &[u8], number: u64) -> (Option<Extent<'_>>, Option<u64>) {
    let mut found = None;
    for entry in list.chunks_exact(ENTRY) {
        let first = u64::from(u32_at(entry, 0));
        if first > number {
            return (found, Some(first));
        }
        found = Some(Extent(entry));
    }
    (found, None)
}

impl Extent<'_> {
    /// Returns the block of the node that the entry refers to.
    pub(super) fn child(&self) -> u64 {
        u64::from(u32_at(self.0, 4)) | u64::from(u16_at(self.0, 8)) << 32
    }

    /// Returns the blocks from `number` on, if the extent contains that block.
    pub(super) fn run(&self, number: u64) -> Option<super::Run> {
        let length = u64::from(u16_at(self.0, 4));
        let is_written = length <= WRITTEN;
        let length = if is_written { length } else { length - WRITTEN };
        let skipped = number - u64::from(u32_at(self.0, 0));
        let start = u64::from(u32_at(self.0, 8)) | u64::from(u16_at(self.0, 6)) << 32;
        let count = length.checked_sub(skipped).filter(|count| *count != 0)?;
        Some(super::Run {
            block: is_written.then_some(start + skipped),
            count,
        })
    }
}

/// Returns the place of block `number` of a file in the block map of ext2 and ext3: the slot in
/// the inode, the number of levels of indirect blocks below it, and the index among the blocks
/// that they list.
pub(super) fn place_in_map(number: u64, in_block: u64) -> Option<(usize, u32, u64)> {
    if number < 12 {
        return Some((usize::try_from(number).ok()?, 0, 0));
    }
    let mut left = number - 12;
    for (slot, levels) in [(12, 1), (13, 2), (14, 3)] {
        let covered = in_block.pow(levels);
        if left < covered {
            return Some((slot, levels, left));
        }
        left -= covered;
    }
    None
}

/// Computes the checksum used throughout ext4: CRC-32C without the initial and final
/// complement.
pub(super) fn crc32c(seed: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(seed, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            crc >> 1 ^ (0x82f6_3b78 & (crc & 1).wrapping_neg())
        })
    })
}
