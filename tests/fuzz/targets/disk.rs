//! A partition table and an ext4 file system. The header's and the table's checksums are
//! made right, so that what they say is believed.
#![no_main]

use edgestage_fuzz::{crc, examine};
use libfuzzer_sys::fuzz_target;

/// A block, and where the one partition begins, in bytes.
const BLOCK: usize = 512;
const START: usize = 8 * BLOCK;

fuzz_target!(|bytes: &[u8]| {
    let blocks = (START + bytes.len()).div_ceil(BLOCK) + 1;
    let mut image = vec![0; blocks * BLOCK];
    image[START..START + bytes.len()].copy_from_slice(bytes);
    let last = (blocks - 2) as u64;
    let mut entry = [0; 128];
    entry[0] = 1;
    entry[32..40].copy_from_slice(&(START as u64 / BLOCK as u64).to_le_bytes());
    entry[40..48].copy_from_slice(&last.to_le_bytes());
    image[2 * BLOCK..2 * BLOCK + 128].copy_from_slice(&entry);
    let mut header = [0; 92];
    header[..8].copy_from_slice(b"EFI PART");
    header[12..16].copy_from_slice(&92u32.to_le_bytes());
    header[24..32].copy_from_slice(&1u64.to_le_bytes());
    header[32..40].copy_from_slice(&(blocks as u64 - 1).to_le_bytes());
    header[72..80].copy_from_slice(&2u64.to_le_bytes());
    header[80..84].copy_from_slice(&1u32.to_le_bytes());
    header[84..88].copy_from_slice(&128u32.to_le_bytes());
    header[88..92].copy_from_slice(&crc(&entry).to_le_bytes());
    let sum = crc(&header);
    header[16..20].copy_from_slice(&sum.to_le_bytes());
    image[BLOCK..BLOCK + 92].copy_from_slice(&header);
    // ext4's magic and the label that makes the reader look on.
    if let Some(superblock) = image.get_mut(START + 1024..START + 1024 + 256) {
        superblock[56..58].copy_from_slice(&[0x53, 0xef]);
        superblock[120..136].copy_from_slice(b"COS_CONTENT\0\0\0\0\0");
    }
    examine(&image);
});
