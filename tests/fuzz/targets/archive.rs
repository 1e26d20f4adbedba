//! The archive check: whatever the bytes, a verdict and no panic.
#![no_main]

use edgestage::archive::{self, NOTHING};
use edgestage::limits::Limits;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits {
        archive: 1 << 20,
        unpacked: 16 << 20,
        entries: 1000,
    };
    let _ = archive::inspect(bytes, &limits, NOTHING);
});
