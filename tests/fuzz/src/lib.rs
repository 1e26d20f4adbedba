//! What the fuzz targets share.

use std::io::Write as _;

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
