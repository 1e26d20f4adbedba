//! The archive check: whatever the bytes, a verdict and no panic. A tar without gzip gets
//! its checksums put right first, so that its fields are what is tried; what is accepted of
//! it holds the files that the `tar` crate finds.
#![no_main]

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};

use edgestage::archive::{self, Inventory, NOTHING};
use edgestage::util::digest::Digest;
use edgestage::util::limits::Limits;
use flate2::Compression;
use flate2::write::GzEncoder;
use libfuzzer_sys::fuzz_target;

const BLOCK: usize = 512;

fn inspect(bytes: &[u8]) -> Option<Inventory> {
    let limits = Limits {
        archive: 1 << 20,
        unpacked: 16 << 20,
        entries: 1000,
    };
    archive::inspect(bytes, &limits, NOTHING).ok()
}

/// `bytes` as whole blocks with an end, each header with the sum that it needs.
fn repaired(bytes: &[u8]) -> Vec<u8> {
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
