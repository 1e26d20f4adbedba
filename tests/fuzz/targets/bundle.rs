//! The archive in a content bundle: whatever the bytes, a verdict and no panic. A tar gets its
//! checksums put right first. Parts that are separated by `\x01` become the members of a
//! bundle: blobs under the digests of their contents, which `@0` to `@9` in later parts stand
//! for; the last one is the index. What is found is one of the blobs.
#![no_main]

use std::io::{Cursor, Read as _};
use std::path::Path;

use edgestage::bundle;
use edgestage::util::digest::Digest;
use edgestage::util::limits::Limits;
use edgestage_fuzz::repaired;
use libfuzzer_sys::fuzz_target;

fn found(bundle: &[u8]) -> Option<Vec<u8>> {
    let limits = Limits {
        archive: 1 << 20,
        unpacked: 16 << 20,
        entries: 1000,
    };
    let located = bundle::locate(Cursor::new(bundle), Path::new("/dev/shm"), &limits);
    let mut bytes = Vec::new();
    located.ok()?.archive.read_to_end(&mut bytes).expect("a file");
    Some(bytes)
}

/// `part` with the digests of the blobs in place of their numbers.
fn filled(part: &[u8], blobs: &[Vec<u8>]) -> Vec<u8> {
    let mut filled = Vec::new();
    let mut bytes = part.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        let blob = bytes.peek().filter(|_| byte == b'@');
        let blob = blob.and_then(|digit| blobs.get(usize::from(digit.wrapping_sub(b'0'))));
        match blob {
            Some(blob) => {
                bytes.next();
                filled.extend(Digest::of(blob).to_string().bytes());
            }
            None => filled.push(byte),
        }
    }
    filled
}

fuzz_target!(|bytes: &[u8]| {
    if bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        found(bytes);
        return;
    }
    let mut blobs: Vec<Vec<u8>> = Vec::new();
    for part in bytes.split(|byte| *byte == 1) {
        blobs.push(filled(part, &blobs));
    }
    found(&repaired(bytes));
    let index = blobs.pop().unwrap_or_default();
    let mut tar = tar::Builder::new(Vec::new());
    let mut add = |path: String, content: &[u8]| {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, path, content).expect("memory");
    };
    for blob in &blobs {
        add(format!("blobs/sha256/{}", Digest::of(blob)), blob);
    }
    add("index.json".into(), &index);
    let tar = tar.into_inner().expect("memory");
    if let Some(archive) = found(&tar) {
        assert!(archive == tar || blobs.contains(&archive));
    }
});
