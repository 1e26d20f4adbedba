//! The GUID partition table (UEFI specification, 5.3), as far as it takes to know where
//! the partitions are.
//!
//! In: the first blocks of a disk. Out: every partition that is in use. Checksums are
//! compared, so a table that was cut or overwritten is damage and not an empty disk.

use flate2::Crc;

use super::ImageError;
use super::bytes::{u32_at, u64_at};

/// A logical block, in bytes. CanvOS's disk images have no other size.
pub(super) const BLOCK: u64 = 512;
/// The same, for buffers.
pub(super) const BLOCK_SIZE: usize = 512;
/// Where the header is, in bytes.
pub(super) const HEADER: u64 = BLOCK;
/// The most entries of a table; 128 is what everybody writes.
const MOST_ENTRIES: u32 = 1024;
/// The sizes of an entry that are believed, in bytes.
const ENTRY_SIZES: std::ops::RangeInclusive<u32> = 128..=1024;
/// The most blocks before the table of entries: it may stand elsewhere, but a disk that
/// is streamed shows it once.
const FARTHEST_TABLE: u64 = 2048;

/// A partition that is in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Partition {
    /// Its name in the table.
    pub name: String,
    /// Its first byte.
    pub start: u64,
    /// In bytes.
    pub length: u64,
}

/// What the header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    /// Where the table of entries is, in bytes.
    pub table: u64,
    /// How long it is, in bytes.
    pub table_length: u64,
    /// Where the disk ends at the earliest: behind the second header.
    pub end: u64,
    entry_size: u32,
    table_crc: u32,
}

impl Header {
    /// Reads the header in `block`; `None` where there is no partition table.
    ///
    /// # Errors
    /// [`ImageError::Damaged`].
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

    /// Reads the table of entries, in the order of the disk.
    ///
    /// # Errors
    /// [`ImageError::Damaged`].
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

    /// Partitions that overlap, or that the disk does not have, are no layout that anybody
    /// writes; they would let the two readers of disks see different things.
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
