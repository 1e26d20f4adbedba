//! The archive check: whatever the bytes, a verdict and no panic. A tar without gzip gets
//! its checksums put right first, so that its fields are what is tried; what is accepted of
//! it holds the files that the `tar` crate finds.
#![no_main]

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};

use edgestage::archive::{self, Inventory, NOTHING};
use edgestage::util::digest::Digest;
use edgestage::util::limits::Limits;
use edgestage_fuzz::repaired;
use flate2::Compression;
use flate2::write::GzEncoder;
use libfuzzer_sys::fuzz_target;

fn inspect(bytes: &[u8]) -> Option<Inventory> {
    let limits = Limits {
        archive: 1 << 20,
        unpacked: 16 << 20,
        entries: 1000,
    };
    archive::inspect(bytes, &limits, NOTHING).ok()
}

fn cleaned(path: &[u8]) -> Vec<u8> {
    let parts = path.split(|byte| *byte == b'/');
    let parts = parts.filter(|part| !matches!(*part, b"" | b"."));
    parts.collect::<Vec<_>>().join(&b'/')
}

/// The files that another reader finds.
fn files(tar: &[u8]) -> BTreeMap<Vec<u8>, Digest> {
    let mut files = BTreeMap::new();
    for entry in tar::Archive::new(tar).entries().expect("a tar") {
        let mut entry = entry.expect("an entry");
        let name = entry.path_bytes().into_owned();
        let kind = entry.header().entry_type();
        let digest = if kind.is_hard_link() {
            let target = entry.link_name_bytes().expect("a target").into_owned();
            files[&cleaned(&target)]
        } else if kind.is_file() && !name.ends_with(b"/") {
            let mut content = Vec::new();
            entry.read_to_end(&mut content).expect("content");
            Digest::of(&content)
        } else {
            continue;
        };
        files.insert(cleaned(&name), digest);
    }
    files
}

fuzz_target!(|bytes: &[u8]| {
    if bytes.starts_with(&[0x1f, 0x8b]) {
        inspect(bytes);
        return;
    }
    let tar = repaired(bytes);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::none());
    gzip.write_all(&tar).expect("memory");
    let Some(inventory) = inspect(&gzip.finish().expect("memory")) else {
        return;
    };
    let ours = inventory.files.into_iter();
    let ours: BTreeMap<_, _> = ours.map(|(path, file)| (path, file.digest)).collect();
    assert_eq!(ours, files(&tar));
});
