//! ISO 9660: the input is laid over the volume descriptors of an image that has the
//! right label, so that the reader gets past its first looks.
#![no_main]

use edgestage_fuzz::examine;
use libfuzzer_sys::fuzz_target;

/// Where the volume descriptors begin, in bytes.
const DESCRIPTORS: usize = 16 * 2048;

fuzz_target!(|bytes: &[u8]| {
    let mut image = vec![0; DESCRIPTORS];
    image.extend_from_slice(bytes);
    if let Some(primary) = image.get_mut(DESCRIPTORS..DESCRIPTORS + 2048) {
        primary[..6].copy_from_slice(b"\x01CD001");
        primary[40..72].copy_from_slice(b"COS_LIVE                        ");
        primary[128..130].copy_from_slice(&[0, 8]);
    }
    examine(&image);
});
