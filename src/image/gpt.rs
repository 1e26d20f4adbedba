//! The GUID partition table (UEFI specification, 5.3), as far as is needed to locate the
//! partitions.
//!
//! The input is the first blocks of a disk. The output is every partition that is in use.
//! Checksums are verified, so a table that was truncated or overwritten is damage and not an
//! empty disk.

use flate2::Crc;

use super::ImageError;
use super::bytes::{u32_at, u64_at};

/// The size of a logical block, in bytes. CanvOS's disk images use no other size.
pub(super) const BLOCK: u64 = 512;
/// The same as [`BLOCK`], for buffers.
pub(super) const BLOCK_SIZE: usize = 512;
/// The offset of the header, in bytes.
pub(super) const HEADER: u64 = BLOCK;
/// The largest number of entries in a table. Common tools write 128.
const MOST_ENTRIES: u32 = 1024;
/// The accepted sizes of an entry, in bytes.
const ENTRY_SIZES: std::ops::RangeInclusive<u32> = 128..=1024;
/// The largest number of blocks before the table of entries. The table may be elsewhere, but a
/// disk that is streamed is read only once.
const FARTHEST_TABLE: u64 = 2048;

/// A partition that is in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Partition {
    /// The name in the table.
    pub name: String,
    /// The offset of the first byte.
    pub start: u64,
    /// The length in bytes.
    pub length: u64,
}

/// The fields of the header that matter here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    /// The offset of the table of entries, in bytes.
    pub table: u64,
    /// The length of the table, in bytes.
    pub table_length: u64,
    /// The minimum size of the disk, in bytes: it includes the second header.
    pub end: u64,
    entry_size: u32,
    table_crc: u32,
}

impl Header {
    /// Parses the header in `block`; returns `None` if there is no partition table.
    ///
    /// # Errors
    /// Returns [`ImageError::Damaged`] if the header is invalid.
    pub(super) fn read(block: &[u8; BLOCK_SIZE]) -> Result<Option<Self>, ImageError> {
        if block[..8] != *b"EFI PART" {
            return Ok(None);
        }
        let damaged = ImageError::Damaged("the header of the partition table");
        let size = u32_at(block, 12) as usize;
        if !(92..=block.len()).contains(&size) {
            return Err(damaged);
        }
        let mut covered = block[..size].to_vec();
        covered[16..20].fill(0);
        if crc(&covered) != u32_at(block, 16) || u64_at(block, 24) != 1 {
            return Err(damaged);
        }
        let (entries, entry_size) = (u32_at(block, 80), u32_at(block, 84));
        let table = u64_at(block, 72);
        let sensible = entries <= MOST_ENTRIES
            && ENTRY_SIZES.contains(&entry_size)
            && (2..=FARTHEST_TABLE).contains(&table);
        let end = u64_at(block, 32).checked_add(1);
        let end = end.and_then(|blocks| blocks.checked_mul(BLOCK));
        match end {
            Some(end) if sensible => Ok(Some(Self {
                table: table * BLOCK,
                table_length: u64::from(entries) * u64::from(entry_size),
                end,
                entry_size,
                table_crc: u32_at(block, 88),
            })),
            _ => Err(damaged),
        }
    }

    /// Parses the table of entries; returns the partitions in the order of the disk.
    ///
    /// # Errors
    /// Returns [`ImageError::Damaged`] if the table is invalid.
    pub(super) fn partitions(&self, table: &[u8]) -> Result<Vec<Partition>, ImageError> {
        if crc(table) != self.table_crc {
            return Err(ImageError::Damaged("the partition table"));
        }
        let mut partitions = Vec::new();
        for entry in table.chunks_exact(self.entry_size as usize) {
            if entry[..16] == [0; 16] {
                continue;
            }
            let (first, last) = (u64_at(entry, 32), u64_at(entry, 40));
            let start = first.checked_mul(BLOCK);
            let length = last
                .checked_sub(first)
                .and_then(|blocks| blocks.checked_add(1))
                .and_then(|blocks| blocks.checked_mul(BLOCK));
            let (Some(start), Some(length)) = (start, length) else {
                return Err(ImageError::Damaged(
                    "a partition that ends before it begins",
                ));
            };
            let units = entry[56..128].chunks_exact(2);
            let units = units.map(|two| u16::from_le_bytes([two[0], two[1]]));
            let units: Vec<u16> = units.take_while(|unit| *unit != 0).collect();
            partitions.push(Partition {
                name: String::from_utf16_lossy(&units),
                start,
                length,
            });
        }
        partitions.sort_by_key(|partition| partition.start);
        self.compare(&partitions)?;
        Ok(partitions)
    }

    /// Checks that partitions neither overlap nor extend beyond the disk. No tool writes such a
    /// layout, and the two readers of disks would see different contents.
    fn compare(&self, partitions: &[Partition]) -> Result<(), ImageError> {
        let mut free = self.table + self.table_length;
        for partition in partitions {
            if partition.start < free {
                return Err(ImageError::Damaged("partitions that overlap"));
            }
            let end = partition.start.checked_add(partition.length);
            match end {
                Some(end) if end <= self.end => free = end,
                _ => return Err(ImageError::Damaged("a partition outside of the disk")),
            }
        }
        Ok(())
    }
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}
