//! Recognizing a file that is neither an ISO nor a disk, by its first bytes: an image with
//! another compression, or of another kind.

use super::source::Window;
use super::{ImageError, cut};

/// The first bytes of compressed files, with the name of the compression.
const COMPRESSED: [(&[u8], &str); 9] = [
    (b"\xfd7zXZ\0", "with xz"),
    (b"\x28\xb5\x2f\xfd", "with zstd"),
    (b"BZh", "with bzip2"),
    (b"PK\x03\x04", "with zip"),
    (b"\x04\x22\x4d\x18", "with lz4"),
    (b"LZIP", "with lzip"),
    (b"7z\xbc\xaf\x27\x1c", "with 7-Zip"),
    (b"\x89LZO\0", "with lzop"),
    (b"\x1f\x9d", "with compress"),
];
/// The first bytes of virtual machine disks.
const VIRTUAL: [(&[u8], &str); 3] = [
    (b"QFI\xfb", "qcow2"),
    (b"KDMV", "VMDK"),
    (b"vhdxfile", "VHDX"),
];

/// Returns what `image` is if its first bytes tell; else `otherwise`.
///
/// # Errors
/// Fails if the image cannot be read.
pub(super) fn named(image: &Window, otherwise: String) -> Result<ImageError, ImageError> {
    for (magic, with) in COMPRESSED {
        if image.has(0, magic).map_err(cut)? {
            return Ok(ImageError::Compressed(with));
        }
    }
    for (magic, kind) in VIRTUAL {
        if image.has(0, magic).map_err(cut)? {
            let raw = "convert it to a raw disk first (`qemu-img convert -O raw`)";
            return Ok(ImageError::Foreign(format!(
                "a disk of the kind {kind}: {raw}"
            )));
        }
    }
    Ok(ImageError::Foreign(otherwise))
}
