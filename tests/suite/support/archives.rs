//! Archives that no correct Palette serves, made in memory; and the contents of archives.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use super::sha256;

/// Returns a tar archive of these files; a path that ends with a slash is a directory.
pub fn tarball(entries: &[(&str, &str)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, content) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(content.len() as u64);
        if path.ends_with('/') {
            header.set_entry_type(tar::EntryType::Directory);
        }
        // The name is written as it is: a builder would refuse what the product has to refuse.
        let name = &mut header.as_old_mut().name;
        name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_cksum();
        tar.append(&header, content.as_bytes()).unwrap();
    }
    tar.into_inner().unwrap()
}

/// Returns `bytes` as one gzip member.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

/// Returns a compressed [`tarball`].
pub fn archive(entries: &[(&str, &str)]) -> Vec<u8> {
    gzip(&tarball(entries))
}

/// Returns the path of a profile in an archive.
pub fn profile_directory(uid: &str) -> String {
    format!("spc/app/profiles/{uid}/")
}

/// Returns the documented digest of the contents of an archive: its regular files in the order
/// of their paths, as `sha256sum` lists them.
#[track_caller]
pub fn content_sha256(archive: &[u8]) -> String {
    let mut tar = Vec::new();
    GzDecoder::new(archive).read_to_end(&mut tar).unwrap();
    let mut digests = BTreeMap::new();
    for entry in tar::Archive::new(&tar[..]).entries().unwrap() {
        let mut entry = entry.unwrap();
        if entry.header().entry_type().is_file() {
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            let path = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
            digests.insert(path, sha256(&content));
        }
    }
    let lines = digests
        .iter()
        .map(|(path, digest)| format!("{digest}  {path}\n"));
    sha256(lines.collect::<String>().as_bytes())
}
