//! What the fuzz targets share.

use std::io::Write as _;

use edgestage::bundle::LargeBundles;
use edgestage::image::{self, Judge};
use edgestage::util::limits::Limits;

/// `bytes` in a file, in memory.
pub fn shared_file(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new_in("/dev/shm").expect("a temporary file");
    file.write_all(bytes).expect("room for it");
    file
}

/// Looks into `bytes` as an image.
pub fn examine(bytes: &[u8]) {
    let file = shared_file(bytes);
    let limits = Limits {
        archive: 1 << 20,
        unpacked: 16 << 20,
        entries: 1000,
    };
    let judge = Judge {
        limits: &limits,
        edge_config: image::ReadEdgeConfig::Yes,
        bundles: LargeBundles::Skip,
    };
    let _ = image::examine(file.path(), std::path::Path::new("/dev/shm"), &judge);
}

/// The checksum of GPT (CRC-32, IEEE).
pub fn crc(bytes: &[u8]) -> u32 {
    let mut crc = !0u32;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

/// The size of a tar block, in bytes.
pub const BLOCK: usize = 512;

/// `bytes` as whole blocks with an end, each header with the sum that it needs.
pub fn repaired(bytes: &[u8]) -> Vec<u8> {
    let mut tar = bytes.to_vec();
    tar.resize(tar.len().next_multiple_of(BLOCK), 0);
    let mut at = 0;
    while let Some(block) = tar.get_mut(at..at + BLOCK) {
        if block.iter().all(|byte| *byte == 0) {
            break;
        }
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let size = tar::Header::from_byte_slice(block).entry_size();
        let size = usize::try_from(size.unwrap_or(0)).unwrap_or(0);
        at = at
            .saturating_add(BLOCK)
            .saturating_add(size)
            .checked_next_multiple_of(BLOCK)
            .unwrap_or(usize::MAX - BLOCK);
    }
    tar.extend([0; 2 * BLOCK]);
    tar
}
