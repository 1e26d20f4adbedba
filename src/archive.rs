//! The archive check: a single pass from compressed bytes to an [`Inventory`].
//!
//! Input: a reader of a gzip-compressed tar. Output: its content with digests, or a
//! [`Refusal`]. The stream is read to its very end and nothing is skipped: anything that is not
//! understood is refused. Nothing is written and nothing is unpacked. The memory holds the
//! paths (bounded by [`Limits`]) and one chunk, whatever the size of the archive.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Seek};

use schemars::JsonSchema;
use serde::Serialize;

use crate::util::digest::{Digest, Hasher};
use crate::util::limits::Limits;

mod decode;
mod entries;
mod header;
mod pax;
pub(crate) mod messages;
mod refusal;
mod tree;

pub use refusal::{ArchiveSubject, Limit, Refusal};
pub use tree::{File, NamedFile};

/// The parts that read any tar, for a bundle, which has an archive in it.
pub(crate) mod tar_reader {
    pub(crate) use super::decode::{refusal_in, refuse};
    pub(crate) use super::entries::{End, Kind, for_each};
    pub(crate) use super::header::is_header;
    pub(crate) use super::read_padding;
    pub(crate) use super::refusal::looks_like;
    pub(crate) use super::tree::normalize;
}

use decode::{Decoder, refusal_in, refuse};
use entries::{End, Kind};
use tree::Tree;

/// The number of bytes that are read of an entry at a time.
const CHUNK: usize = 64 * 1024;
/// The directory that contains all of a cluster definition (facts.md, 2).
const ROOT: &[u8] = b"spc/";
/// The directory with a subdirectory for each profile, named by its uid (facts.md, 2).
pub const PROFILES: &str = "spc/app/profiles";
/// The maximum total size of the collected files, in bytes.
const COLLECT_LIMIT: u64 = 8 << 20;

/// The content of an archive.
#[derive(Debug)]
pub struct Inventory {
    /// The digest of the content, which does not depend on compression, order or timestamps
    /// (docs/reference.md).
    pub content_sha256: Digest,
    /// The regular files, in the byte order of their paths.
    pub files: Vec<NamedFile>,
    /// The number of entries of all kinds.
    pub entries: u64,
    /// The size of the uncompressed tar, in bytes.
    pub unpacked: u64,
    /// The directories below `spc/app/profiles/`, or `None` if there is no such directory,
    /// since the layout is not documented.
    pub profiles: Option<BTreeSet<String>>,
    /// Whether tar's end-of-archive marker is present. GNU tar does not require it, but a
    /// server that stopped between two files would omit it.
    pub has_end_marker: bool,
    /// The content of the requested files; files beyond a total of 8 MiB are omitted.
    pub collected: BTreeMap<String, Vec<u8>>,
}

/// The identity of an archive: its bytes and its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ArchiveIdentity {
    /// SHA-256 of the archive.
    pub sha256: Digest,
    /// Size of the archive, in bytes.
    pub size: u64,
    /// Digest of the archive's contents.
    pub content_sha256: Digest,
}

/// Why an archive has no [`Inventory`].
#[derive(Debug)]
pub enum InspectError {
    /// The archive is refused.
    Refused(Refusal),
    /// The reader failed.
    Io(io::Error),
}

/// Selects the files whose content is collected in addition to their digests.
pub type Wanted<'a> = &'a dyn Fn(&[u8]) -> bool;

/// Selects no file.
pub const NOTHING: Wanted<'static> = &|_| false;

/// Reads the archive in `source` to its end and checks it.
///
/// # Errors
/// Returns [`InspectError`]; the archive must then not be used in any way.
pub fn inspect(
    source: impl Read,
    limits: &Limits,
    wanted: Wanted<'_>,
) -> Result<Inventory, InspectError> {
    let judge = |error| match refusal_in(error) {
        Ok(refusal) => InspectError::Refused(refusal),
        Err(error) => InspectError::Io(error),
    };
    let mut pass = Pass {
        tree: Tree::default(),
        entries: 0,
        limits: *limits,
        wanted,
        collected: BTreeMap::new(),
        collectable: COLLECT_LIMIT,
        buffer: vec![0; CHUNK],
    };
    let mut decoder = Decoder::new(source, limits).map_err(judge)?;
    let end = entries::for_each(&mut decoder, |path, kind, size, content| {
        pass.visit(&path, &kind, size, content)
    })
    .map_err(judge)?;
    read_padding(&mut decoder, &mut pass.buffer).map_err(judge)?;
    pass.finish(decoder.unpacked(), end)
        .map_err(InspectError::Refused)
}

/// Reads the zeros after the end-of-archive marker, up to a full record. This also makes gzip
/// verify its last checksum.
pub(crate) fn read_padding(decoder: &mut impl Read, buffer: &mut [u8]) -> io::Result<()> {
    loop {
        let n = decoder.read(buffer)?;
        if n == 0 {
            return Ok(());
        }
        if buffer[..n].iter().any(|byte| *byte != 0) {
            return Err(refuse(Refusal::EntriesAfterEnd));
        }
    }
}

struct Pass<'a> {
    tree: Tree,
    entries: u64,
    limits: Limits,
    wanted: Wanted<'a>,
    collected: BTreeMap<String, Vec<u8>>,
    collectable: u64,
    buffer: Vec<u8>,
}

impl Pass<'_> {
    fn visit(
        &mut self,
        path: &[u8],
        kind: &Kind,
        size: u64,
        content: &mut dyn Read,
    ) -> io::Result<()> {
        self.entries += 1;
        if self.entries > self.limits.entries {
            return Err(refuse(Refusal::TooLarge(Limit::Entries(
                self.limits.entries,
            ))));
        }
        let Some(path) = tree::normalize(path)? else {
            // `./`, which `tar -c .` writes first.
            return match kind {
                Kind::Directory => Ok(()),
                _ => Err(refuse(Refusal::Duplicate(path.to_owned()))),
            };
        };
        match kind {
            Kind::Directory => self.tree.add_directory(path),
            Kind::Symlink(target) => self.tree.add_symlink(path, target),
            Kind::Hardlink(target) => self.tree.add_hardlink(path, target),
            Kind::File => {
                let digest = self.read_file(&path, size, content)?;
                self.tree.add_file(path, File { digest, size })
            }
        }
    }

    fn read_file(&mut self, path: &[u8], size: u64, content: &mut dyn Read) -> io::Result<Digest> {
        let mut kept = ((self.wanted)(path) && size <= self.collectable).then(Vec::new);
        let mut hasher = Hasher::new();
        let mut length = 0;
        loop {
            let n = content.read(&mut self.buffer)?;
            if n == 0 {
                break;
            }
            length += n as u64;
            hasher.update(&self.buffer[..n]);
            if let Some(kept) = &mut kept {
                kept.extend_from_slice(&self.buffer[..n]);
            }
        }
        if length != size {
            return Err(refuse(Refusal::Truncated));
        }
        if let Some(kept) = kept {
            self.collectable -= size;
            self.collected
                .insert(String::from_utf8_lossy(path).into_owned(), kept);
        }
        Ok(hasher.finish())
    }

    fn finish(self, unpacked: u64, end: End) -> Result<Inventory, Refusal> {
        // Go reads whole blocks, even after the end.
        if !unpacked.is_multiple_of(header::BLOCK as u64) {
            return Err(Refusal::Truncated);
        }
        let (files, others) = self.tree.finish();
        if !files.iter().any(|(path, _)| path.starts_with(ROOT)) {
            return Err(Refusal::NoDefinition);
        }
        Ok(Inventory {
            content_sha256: content_digest(&files),
            profiles: profiles(&others)?,
            files,
            entries: self.entries,
            unpacked,
            has_end_marker: end == End::Marker,
            collected: self.collected,
        })
    }
}

/// Returns the names of the directories directly below [`PROFILES`]; a link there leads to one.
fn profiles(others: &[Vec<u8>]) -> Result<Option<BTreeSet<String>>, Refusal> {
    if !others.iter().any(|path| path == PROFILES.as_bytes()) {
        return Ok(None);
    }
    let name = |path: &Vec<u8>| {
        let name = path.strip_prefix(PROFILES.as_bytes())?.strip_prefix(b"/")?;
        (!name.contains(&b'/')).then(|| String::from_utf8_lossy(name).into_owned())
    };
    // The messages about a profile take far more memory than its path.
    let names = others.iter().filter_map(name).take(Limits::PROFILES + 1);
    let names: BTreeSet<String> = names.collect();
    if names.len() > Limits::PROFILES {
        return Err(Refusal::TooLarge(Limit::Profiles));
    }
    Ok(Some(names))
}

/// Returns the SHA-256 digest of the lines that `sha256sum` prints for the files, sorted by
/// path. coreutils marks a line with a backslash if it had to escape the name; names that not
/// every version escapes in the same way are refused.
fn content_digest(files: &[NamedFile]) -> Digest {
    let mut hasher = Hasher::new();
    for (path, file) in files {
        let escaped = path.iter().any(|byte| matches!(byte, b'\\' | b'\n'));
        if escaped {
            hasher.update(b"\\");
        }
        hasher.update(file.digest.to_string().as_bytes());
        hasher.update(b"  ");
        for byte in path {
            match byte {
                b'\\' => hasher.update(b"\\\\"),
                b'\n' => hasher.update(b"\\n"),
                byte => hasher.update(&[*byte]),
            }
        }
        hasher.update(b"\n");
    }
    hasher.finish()
}

/// Returns the digest of the content of the archive in `file`, read from its beginning, or
/// `None` if the archive does not pass the check.
///
/// # Errors
/// Fails if the file cannot be read.
pub(crate) fn content_of(
    mut file: impl Read + Seek,
    limits: &Limits,
) -> io::Result<Option<Contents>> {
    file.rewind()?;
    match inspect(file, limits, NOTHING) {
        Ok(inventory) => Ok(Some(inventory.contents())),
        Err(InspectError::Refused(_)) => Ok(None),
        Err(InspectError::Io(error)) => Err(error),
    }
}

/// What an archive is compared by: a lock entry describes it if both agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// The digest of the contents.
    pub sha256: Digest,
    /// The profiles that have a directory in the archive; `None` if its layout has none.
    pub profiles: Option<BTreeSet<String>>,
}

impl Inventory {
    /// Returns what the archive is compared by.
    #[must_use]
    pub fn contents(&self) -> Contents {
        Contents {
            sha256: self.content_sha256,
            profiles: self.profiles.clone(),
        }
    }

    /// Compares the profiles in the archive with the requested ones.
    ///
    /// # Errors
    /// Returns [`Refusal::Profiles`] if they differ. If the archive has no directory of
    /// profiles at all, there is nothing to compare.
    pub fn expect_profiles<'a>(
        &self,
        asked: impl IntoIterator<Item = &'a str>,
    ) -> Result<(), Refusal> {
        let Some(found) = &self.profiles else {
            return Ok(());
        };
        let asked: BTreeSet<&str> = asked.into_iter().collect();
        let missing: Vec<String> = asked
            .iter()
            .filter(|uid| !found.contains(**uid))
            .map(|uid| (*uid).to_owned())
            .collect();
        let unexpected: Vec<String> = found
            .iter()
            .filter(|uid| !asked.contains(uid.as_str()))
            .map(|uid| crate::util::sanitize::excerpt(uid.as_bytes(), 80))
            .collect();
        if missing.is_empty() && unexpected.is_empty() {
            Ok(())
        } else {
            Err(Refusal::Profiles {
                missing,
                unexpected,
            })
        }
    }
}

#[cfg(test)]
mod tests;
