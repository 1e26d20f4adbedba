//! One pass over the members of a bundle, which come in any order.
//!
//! `index.json` names the manifest, and the manifest names the archive, but both may come after
//! the archive. Therefore, as long as these digests are not known, blobs that may be needed are
//! kept:
//!
//! - of every manifest, the digest of its layer, in memory: at most [`MANIFESTS`];
//! - the archives that begin like that of a cluster definition, which a bundle hardly ever has
//!   more than one of, in temporary files: together at most the size that a single archive may
//!   have. So a bundle of 14 GB needs no more disk than its definition.
//!
//! If something was needed and not kept, another pass reads the bundle again, and then knows
//! what to keep. That happens only if the archive does not begin like a definition, or if a
//! bundle is made to exceed these limits.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read, Seek as _, Write as _};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use super::layout::{JSON_LIMIT, Layers, Reference, agents_in, blob_digest, definition_in};
use super::refusal::{BundleRefusal, Document, refusal_in, refuse};
use super::{BundleError, GZIP};
use crate::archive::tar_reader::{self as tar, End, Kind};
use crate::archive::{Limit, Refusal};
use crate::util::atomic_file;
use crate::util::digest::{Digest, Hasher};
use crate::util::limits::Limits;
use crate::util::path_error::PathError;

/// The number of bytes that are read of a member at a time.
const CHUNK: usize = 256 * 1024;
/// The number of bytes of a blob by which it is judged.
const HEAD: u64 = 64 * 1024;
/// The number of uncompressed bytes of an archive in which a path of a definition must occur.
const PEEK: u64 = 256 * 1024;
/// The maximum number of manifests that are kept.
const MANIFESTS: usize = 100_000;
/// The name of the index (OCI image specification, image-layout).
const INDEX: &[u8] = b"index.json";

/// What is known about the needed blobs. A layer is known only from its manifest, whose content
/// was compared with its digest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    reference: Option<Reference>,
    layer: Option<Digest>,
}

impl Wanted {
    fn manifest(&self) -> Option<Digest> {
        self.reference.as_ref().map(|reference| reference.digest)
    }
}

/// The result of a pass.
pub(super) enum Scanned {
    /// The archive.
    Found(Member),
    /// The bundle has to be read again, with this knowledge.
    Again(Wanted),
}

/// The archive of a bundle.
pub(super) struct Member {
    pub file: File,
    pub reference: String,
}

/// A manifest that is kept.
struct KeptManifest {
    /// The digest of its content.
    actual: Digest,
    layers: Layers,
}

/// A blob in a temporary file.
struct Spooled {
    file: File,
    /// The digest of its content.
    actual: Digest,
}

/// One pass over a bundle.
pub(super) struct Pass<'a> {
    wanted: Wanted,
    spool: &'a Path,
    limits: &'a Limits,
    entries: u64,
    /// The paths, and the digests that blobs are named by. Digests of paths, because paths have
    /// any length.
    seen: BTreeSet<Digest>,
    index: Option<(Vec<u8>, Result<Reference, BundleRefusal>)>,
    /// The names of the manifests of the host's agent.
    pub(super) agents: Vec<String>,
    manifests: BTreeMap<Digest, KeptManifest>,
    spooled: BTreeMap<Digest, Spooled>,
    /// The number of bytes that may still be kept of blobs that are only perhaps needed.
    spoolable: u64,
    buffer: Vec<u8>,
    /// Why a temporary file cannot be written.
    spool_error: Option<PathError>,
}

impl<'a> Pass<'a> {
    /// Creates a pass.
    pub(super) fn new(wanted: Wanted, spool: &'a Path, limits: &'a Limits) -> Self {
        Self {
            wanted,
            spool,
            limits,
            entries: 0,
            seen: BTreeSet::new(),
            index: None,
            agents: Vec::new(),
            manifests: BTreeMap::new(),
            spooled: BTreeMap::new(),
            spoolable: limits.archive,
            buffer: vec![0; CHUNK],
            spool_error: None,
        }
    }

    /// Reads a tar to its end.
    pub(super) fn read(&mut self, source: &mut impl Read) -> io::Result<()> {
        let end = tar::for_each(source, |path, kind, size, content| {
            self.visit(&path, &kind, size, content)?;
            self.skip(content)
        })?;
        // Every tool writes the end marker. A bundle without it may be cut between two members.
        if end == End::Nothing {
            return Err(tar::refuse(Refusal::Truncated));
        }
        tar::read_padding(source, &mut self.buffer)
    }

    /// Returns why [`Pass::read`] failed with `error`.
    pub(super) fn error(self, error: io::Error) -> BundleError {
        match self.spool_error {
            Some(error) => BundleError::Spool(error),
            None => match refusal_in(error) {
                Ok(refusal) => BundleError::Refused(refusal),
                Err(error) => BundleError::Read(error),
            },
        }
    }

    /// Returns the result after [`Pass::read`] has succeeded.
    pub(super) fn finish(mut self) -> Result<Scanned, BundleError> {
        let reference = match self.index {
            None => return Err(BundleRefusal::NoIndex.into()),
            Some((_, Err(refusal))) => return Err(refusal.into()),
            Some((_, Ok(reference))) => reference,
        };
        let missing = |document, digest| BundleRefusal::MissingBlob { document, digest };
        let Some(layer) = self.wanted.layer else {
            let digest = reference.digest;
            if self.seen.contains(&digest) {
                return Ok(Scanned::Again(self.wanted));
            }
            return Err(missing(Document::Manifest, digest).into());
        };
        let Some(mut found) = self.spooled.remove(&layer) else {
            if self.seen.contains(&layer) {
                return Ok(Scanned::Again(self.wanted));
            }
            return Err(missing(Document::Archive, layer).into());
        };
        compare(Document::Archive, layer, found.actual)?;
        let rewound = found.file.rewind();
        rewound.map_err(|error| BundleError::Spool(PathError::when("read", self.spool)(error)))?;
        Ok(Scanned::Found(Member {
            file: found.file,
            reference: match &reference.name[..] {
                "" => format!("sha256:{}", reference.digest),
                name => name.to_owned(),
            },
        }))
    }

    fn visit(
        &mut self,
        path: &[u8],
        kind: &Kind,
        size: u64,
        content: &mut dyn Read,
    ) -> io::Result<()> {
        self.entries += 1;
        if self.entries > self.limits.entries {
            let limit = Limit::Entries(self.limits.entries);
            return Err(tar::refuse(Refusal::TooLarge(limit)));
        }
        let path = tar::normalize(path)?;
        let path = match (path, kind) {
            (_, Kind::Directory) => return Ok(()),
            (path, Kind::Symlink(_) | Kind::Hardlink(_)) => {
                let path = path.unwrap_or_default();
                return Err(refuse(BundleRefusal::Link(path)));
            }
            (None, Kind::File) => return Err(tar::refuse(Refusal::Duplicate(b".".to_vec()))),
            (Some(path), Kind::File) => path,
        };
        if !self.seen.insert(Digest::of(&path)) {
            return Err(tar::refuse(Refusal::Duplicate(path)));
        }
        let name = path.rsplit(|byte| *byte == b'/').next();
        let name = name.unwrap_or_default();
        if name == INDEX {
            return self.read_index(path, size, content);
        }
        let Some(digest) = blob_digest(name) else {
            return Ok(());
        };
        if !self.seen.insert(digest) {
            return Err(refuse(BundleRefusal::DuplicateBlob(digest)));
        }
        self.read_blob(digest, size, content)
    }

    fn read_index(&mut self, path: Vec<u8>, size: u64, content: &mut dyn Read) -> io::Result<()> {
        if let Some((other, _)) = self.index.take() {
            return Err(refuse(BundleRefusal::TwoIndexes([other, path])));
        }
        let text = document(Document::Index, Vec::new(), size, content)?;
        let found = definition_in(&text);
        self.agents = agents_in(&text);
        if let Ok(reference) = &found
            && self.wanted.manifest() != Some(reference.digest)
        {
            self.wanted = Wanted {
                reference: Some(reference.clone()),
                layer: None,
            };
        }
        self.index = Some((path, found));
        self.learn().map_err(refuse)
    }

    /// Takes the layer from the manifest that is needed, if it is known already, and forgets
    /// what is not needed.
    fn learn(&mut self) -> Result<(), BundleRefusal> {
        let Some(wanted) = self.wanted.manifest() else {
            return Ok(());
        };
        if let Some(manifest) = self.manifests.get(&wanted) {
            compare(Document::Manifest, wanted, manifest.actual)?;
            self.wanted.layer = Some(manifest.layers.only()?);
        }
        if let Some(layer) = self.wanted.layer {
            self.spooled.retain(|digest, _| *digest == layer);
        }
        self.manifests.retain(|digest, _| *digest == wanted);
        Ok(())
    }

    fn read_blob(&mut self, digest: Digest, size: u64, content: &mut dyn Read) -> io::Result<()> {
        if self.wanted.layer == Some(digest) {
            if size > self.limits.archive {
                let limit = self.limits.archive;
                return Err(refuse(BundleRefusal::LargeArchive(limit)));
            }
            return self.spool(digest, &[], content);
        }
        let is_wanted = self.wanted.manifest() == Some(digest);
        if self.wanted.layer.is_some() && !is_wanted {
            return Ok(());
        }
        let mut head = Vec::new();
        Read::take(&mut *content, HEAD).read_to_end(&mut head)?;
        let may_be_manifest = self.wanted.manifest().is_none()
            && size <= JSON_LIMIT
            && self.manifests.len() < MANIFESTS
            && head.trim_ascii_start().starts_with(b"{");
        if is_wanted || may_be_manifest {
            return self.read_manifest(digest, head, size, content);
        }
        let may_be_archive = size <= self.spoolable && begins_like_definition(&head);
        if may_be_archive {
            self.spoolable -= size;
            return self.spool(digest, &head, content);
        }
        Ok(())
    }

    fn read_manifest(
        &mut self,
        digest: Digest,
        head: Vec<u8>,
        size: u64,
        content: &mut dyn Read,
    ) -> io::Result<()> {
        let text = document(Document::Manifest, head, size, content)?;
        let actual = Digest::of(&text);
        let is_wanted = self.wanted.manifest() == Some(digest);
        if is_wanted {
            compare(Document::Manifest, digest, actual).map_err(refuse)?;
        }
        match Layers::of(&text) {
            Ok(layers) => drop(
                self.manifests
                    .insert(digest, KeptManifest { actual, layers }),
            ),
            Err(why) if is_wanted => {
                let document = Document::Manifest;
                return Err(refuse(BundleRefusal::InvalidJson { document, why }));
            }
            // Configurations of images are JSON, too.
            Err(_) => {}
        }
        self.learn().map_err(refuse)
    }

    /// Copies a blob that begins with `head` to a temporary file.
    fn spool(&mut self, digest: Digest, head: &[u8], content: &mut dyn Read) -> io::Result<()> {
        let created = atomic_file::make_directories(self.spool)
            .and_then(|()| tempfile::tempfile_in(self.spool));
        let mut file = created.map_err(|error| self.cannot_spool(error))?;
        let mut hasher = Hasher::new();
        hasher.update(head);
        file.write_all(head)
            .map_err(|error| self.cannot_spool(error))?;
        loop {
            let n = content.read(&mut self.buffer)?;
            if n == 0 {
                break;
            }
            hasher.update(&self.buffer[..n]);
            let written = file.write_all(&self.buffer[..n]);
            written.map_err(|error| self.cannot_spool(error))?;
        }
        let actual = hasher.finish();
        self.spooled.insert(digest, Spooled { file, actual });
        Ok(())
    }

    fn cannot_spool(&mut self, error: io::Error) -> io::Error {
        self.spool_error = Some(PathError::when("write in", self.spool)(error));
        io::ErrorKind::Other.into()
    }

    /// Reads the rest of a member.
    fn skip(&mut self, content: &mut dyn Read) -> io::Result<()> {
        while content.read(&mut self.buffer)? > 0 {}
        Ok(())
    }
}

/// Reads the rest of a document that begins with `head`.
fn document(
    document: Document,
    mut head: Vec<u8>,
    size: u64,
    content: &mut dyn Read,
) -> io::Result<Vec<u8>> {
    if size > JSON_LIMIT {
        return Err(refuse(BundleRefusal::LargeJson(document)));
    }
    content.read_to_end(&mut head)?;
    if head.len() as u64 != size {
        return Err(tar::refuse(Refusal::Truncated));
    }
    Ok(head)
}

fn compare(document: Document, digest: Digest, actual: Digest) -> Result<(), BundleRefusal> {
    if digest == actual {
        Ok(())
    } else {
        Err(BundleRefusal::WrongDigest { document, digest })
    }
}

/// Whether a gzip blob that begins with `head` contains a tar that begins like the archive of a
/// cluster definition: with something below `spc/` among its first entries.
fn begins_like_definition(head: &[u8]) -> bool {
    if !head.starts_with(&GZIP) {
        return false;
    }
    let mut found = false;
    let mut start = MultiGzDecoder::new(head).take(PEEK);
    // The beginning of an archive ends with an error.
    let _ = tar::for_each(&mut start, |path, _, _, content| {
        let path = tar::normalize(&path)?.unwrap_or_default();
        found = path == b"spc" || path.starts_with(b"spc/");
        if found {
            return Err(io::ErrorKind::Other.into());
        }
        io::copy(content, &mut io::sink()).map(drop)
    });
    found
}
