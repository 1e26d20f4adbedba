//! Why a content bundle is refused.

use std::fmt;
use std::io;

use crate::archive::Refusal;
use crate::archive::tar_reader as tar;
use crate::util::digest::Digest;
use crate::util::sanitize;

use super::layout::{JSON_LIMIT, Reference};
use super::zstd::WINDOW_LIMIT;

/// Why a content bundle is refused. Names from the bundle are escaped when they are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BundleRefusal {
    /// The file is neither an archive nor a bundle, but looks like this.
    OtherFormat {
        /// What it looks like.
        format: &'static str,
    },
    /// The zstd stream holds no tar, but data that looks like this.
    OtherContent {
        /// What it looks like.
        format: &'static str,
    },
    /// The zstd stream cannot be decoded; contains the library's reason.
    Zstd(String),
    /// A frame of the zstd stream needs a window beyond `WINDOW_LIMIT`.
    Window,
    /// Data after the last zstd frame.
    TrailingBytes,
    /// The tar is refused like that of an archive.
    Tar(Refusal),
    /// A link; contains its path.
    Link(Vec<u8>),
    /// Two blobs have the same digest as their name.
    DuplicateBlob(Digest),
    /// There is no `index.json`.
    NoIndex,
    /// There are two files `index.json`; contains their paths.
    TwoIndexes([Vec<u8>; 2]),
    /// `index.json` or a manifest is larger than `JSON_LIMIT`; contains what it is.
    LargeJson(Document),
    /// `index.json` or the manifest cannot be read.
    InvalidJson {
        /// What it is.
        document: Document,
        /// The reason.
        why: String,
    },
    /// The bundle has no cluster definition, but manifests of these kinds.
    NoDefinition {
        /// The kinds, in alphabetical order, at most `MOST_KINDS` of them.
        kinds: Vec<String>,
        /// The number of manifests.
        manifests: usize,
    },
    /// The bundle has several cluster definitions; contains two of them.
    SeveralDefinitions([Reference; 2]),
    /// The manifest does not have exactly one layer, but this many.
    Layers(usize),
    /// The archive is larger than the limit, which is in bytes.
    LargeArchive(u64),
    /// A blob is missing.
    MissingBlob {
        /// What the blob is.
        document: Document,
        /// The digest of the blob.
        digest: Digest,
    },
    /// The content of a blob does not have the digest that is its name.
    WrongDigest {
        /// What the blob is.
        document: Document,
        /// The digest that the blob is named by.
        digest: Digest,
    },
    /// The members come in an order that needs another pass, but the file is a pipe.
    NeedsAnotherPass,
    /// The file had other contents in each pass.
    Changing,
}

/// A part of a bundle that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Document {
    /// `index.json`.
    Index,
    /// The manifest of the definition.
    Manifest,
    /// The archive of the definition.
    Archive,
}

impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Index => "its index.json",
            Self::Manifest => "the manifest of its cluster definition",
            Self::Archive => "the archive of its cluster definition",
        })
    }
}

/// Wraps a refusal in an [`io::Error`], to pass it through a [`io::Read`].
pub(super) fn refuse(refusal: BundleRefusal) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, refusal)
}

/// Extracts the refusal from an error that came through a [`io::Read`].
///
/// # Errors
/// Returns the error itself if reading failed for a reason outside the bundle.
pub(super) fn refusal_in(error: io::Error) -> Result<BundleRefusal, io::Error> {
    match error.downcast::<BundleRefusal>() {
        Ok(refusal) => Ok(refusal),
        Err(error) => tar::refusal_in(error).map(BundleRefusal::Tar),
    }
}

impl fmt::Display for BundleRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |bytes: &[u8]| sanitize::excerpt(bytes, 120);
        match self {
            Self::OtherFormat { format } => {
                write!(f, "it is {format}, neither an archive nor a content bundle")
            }
            Self::OtherContent { format } => {
                write!(
                    f,
                    "it is {format} compressed with zstd, not a content bundle"
                )
            }
            Self::Zstd(why) => write!(
                f,
                "its zstd stream is damaged: {}",
                sanitize::excerpt(why.as_bytes(), 120)
            ),
            Self::Window => write!(
                f,
                "its zstd stream needs a window of more than {}",
                sanitize::size(WINDOW_LIMIT)
            ),
            Self::TrailingBytes => f.write_str("it has trailing data after its zstd stream"),
            Self::Tar(refusal) => refusal.fmt(f),
            Self::Link(path) => write!(f, "`{}` is a link", shown(path)),
            Self::DuplicateBlob(digest) => write!(f, "the blob {digest} occurs twice"),
            Self::NoIndex => f.write_str("it is a tar without an index.json, not a content bundle"),
            Self::TwoIndexes([one, other]) => {
                write!(
                    f,
                    "it has two indexes: `{}` and `{}`",
                    shown(one),
                    shown(other)
                )
            }
            Self::LargeJson(document) => {
                write!(
                    f,
                    "{document} is larger than {}",
                    sanitize::size(JSON_LIMIT)
                )
            }
            Self::InvalidJson { document, why } => {
                write!(
                    f,
                    "{document} cannot be used: {}",
                    sanitize::excerpt(why.as_bytes(), 200)
                )
            }
            Self::NoDefinition { .. } => f.write_str("it contains no cluster definition"),
            Self::SeveralDefinitions([one, other]) => {
                write!(f, "it contains two cluster definitions: {one} and {other}")
            }
            Self::Layers(count) => write!(
                f,
                "the manifest of its cluster definition has {}, not one",
                sanitize::count(*count, "layer")
            ),
            Self::LargeArchive(limit) => write!(
                f,
                "{} is larger than {}",
                Document::Archive,
                sanitize::size(*limit)
            ),
            Self::MissingBlob { document, digest } => {
                write!(f, "{document} is missing: there is no blob {digest}")
            }
            Self::WrongDigest { document, digest } => {
                write!(
                    f,
                    "{document} is not what its digest says: the blob {digest} has other content"
                )
            }
            Self::NeedsAnotherPass => f.write_str(
                "it is a pipe, and the order of the members is such that it must be read twice",
            ),
            Self::Changing => f.write_str("it changed while it was read"),
        }
    }
}

impl std::error::Error for BundleRefusal {}
