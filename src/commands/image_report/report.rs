//! The wording of verdicts about images, and the JSON and the table that contain them.

use std::fmt;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::diagnostic::Trap;
use crate::ui::NamedTrap;
use crate::ui::table;
use crate::util::digest::Digest;
use crate::util::path_error::PathError;

/// Result for one image.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
#[schemars(rename = "Image")]
pub(crate) struct ImageReport {
    /// Path of the image.
    pub(super) path: String,
    /// Format of the image, `iso`, `raw` or `raw.gz`; null if it is none of these.
    pub(super) format: Option<&'static str>,
    /// Volume label of an ISO.
    pub(super) label: Option<String>,
    #[serde(flatten)]
    pub(super) found: ImageFinding,
    /// Whether the image was last changed before the definition was staged; null if that
    /// cannot be determined.
    pub(super) older: Option<bool>,
    /// Result for each content partition of a disk that has several; otherwise empty.
    pub(super) partitions: Vec<ImageFinding>,
    /// What to do about a path that does not exist.
    #[serde(skip)]
    pub(super) help: Option<String>,
    /// Whether the image is a disk without a content partition.
    #[serde(skip)]
    pub(super) no_partition: bool,
}

/// Result for one place where a definition belongs.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
#[schemars(rename = "InImage")]
pub(super) struct ImageFinding {
    /// Result of the comparison with the lock.
    pub(super) verdict: ImageVerdict,
    /// Reason, if there is more to report.
    pub(super) detail: Option<String>,
    /// Trap that explains the result, if any.
    #[serde(serialize_with = "named")]
    #[schemars(with = "Option<NamedTrap>")]
    pub(super) trap: Option<Trap>,
    /// SHA-256 of the file that was found.
    pub(super) sha256: Option<Digest>,
    /// Size of the file that was found.
    pub(super) size: Option<u64>,
    /// Digest of the contents of the file that was found, if it is a definition.
    pub(super) content_sha256: Option<Digest>,
    /// Result of the comparison of the public key for signatures with the expected one; null
    /// if none is expected, or if the image was not read.
    pub(super) signing_key: Option<KeyVerdict>,
    /// SHA-256 of the public key that was found.
    pub(super) public_key_sha256: Option<Digest>,
    /// Files beside the place where the definition must be.
    pub(super) beside: Vec<Neighbour>,
    /// Content bundles of the image, by name.
    pub(super) bundles: Vec<BundleReport>,
    #[serde(skip)]
    pub(super) good: bool,
    #[serde(skip)]
    pub(super) advice: Advice,
}

/// The public key in an image, compared with the expected one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum KeyVerdict {
    /// The expected key.
    AsExpected,
    /// Another key.
    AnotherKey,
    /// No custom configuration.
    Missing,
    /// A custom configuration without a usable key.
    Unusable,
}

/// A content bundle of an image, in JSON.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "ImageBundle")]
pub(super) struct BundleReport {
    /// Name of the bundle, without the number of a part; or the path of the directory, if not all
    /// of it was examined.
    pub(super) name: String,
    /// Result of the comparison with the lock.
    pub(super) verdict: BundleVerdict,
    /// Reason, if the definition is refused, or if the bundle was not read.
    pub(super) detail: Option<String>,
    /// Name of the definition that the bundle contains, if it is in the lock.
    pub(super) definition: Option<String>,
    /// Digest of the contents of the definition that the bundle contains.
    pub(super) content_sha256: Option<Digest>,
}

/// The definition in a content bundle of an image, compared with the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "ImageBundleVerdict")]
pub(super) enum BundleVerdict {
    /// No definition.
    None,
    /// The locked definition.
    AsLocked,
    /// A definition that is not the locked one; with `--expect-none`, any definition.
    AnotherDefinition,
    /// Several definitions, or one that is refused.
    Refused,
    /// The bundle was not read, or not to its end.
    Unread,
}

impl BundleVerdict {
    /// Whether a host may take something from the bundle that is not the locked definition.
    pub(super) fn is_other(self) -> bool {
        matches!(self, Self::AnotherDefinition | Self::Refused)
    }
}

/// A file beside the definition, in JSON.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "Beside")]
pub(super) struct Neighbour {
    /// Name of the file.
    pub(super) name: String,
    /// Kind of the file.
    pub(super) kind: NeighbourKind,
    /// Name of the definition that the file contains, if it is in the lock.
    pub(super) definition: Option<String>,
    /// Digest of the contents, if the file is a definition.
    pub(super) content_sha256: Option<Digest>,
}

#[expect(
    clippy::ref_option,
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it so"
)]
fn named<S: Serializer>(trap: &Option<Trap>, to: S) -> Result<S::Ok, S::Error> {
    trap.map(NamedTrap::from).serialize(to)
}

/// The content of an image, or of one of its partitions, compared with the lock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ImageVerdict {
    /// The locked archive.
    AsLocked,
    /// Another archive with the locked content.
    SameContent,
    /// The locked definition, and something that a host may use instead.
    Ambiguous,
    /// Another definition.
    AnotherDefinition,
    /// The locked definition, in a file that is not named `spc.tgz`.
    WrongName,
    /// A file that is not the archive of a definition.
    NoDefinition,
    /// Not a regular file.
    WrongKind,
    /// No definition.
    #[default]
    Missing,
    /// No definition, and none of the rest of the overlay.
    OverlayDropped,
    /// The locked definition, and not the expected public key.
    NoSigningKey,
    /// The locked definition, and another public key.
    AnotherSigningKey,
    /// The locked definition, and a content bundle with another one.
    BundleDiffers,
    /// No definition, but a content bundle that was not read, although none is expected.
    BundleUnread,
    /// The `.sha256` file beside the image belongs to another image.
    ChecksumDiffers,
    /// A content partition that was copied while it was mounted.
    NeedsRecovery,
    /// The image ends too early.
    Truncated,
    /// The image contradicts itself.
    Damaged,
    /// The image cannot be read.
    Unreadable,
    /// The image is compressed, and not with gzip.
    Compressed,
    /// CanvOS did not build the image.
    NotCanvos,
    /// The file does not exist.
    NotFound,
    /// There is no definition, as expected.
    None,
    /// There is something, although nothing is expected.
    Unexpected,
}

impl fmt::Display for ImageVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AsLocked => "as locked",
            Self::SameContent => "same content",
            Self::Ambiguous => "ambiguous",
            Self::AnotherDefinition => "another definition",
            Self::WrongName => "wrong name",
            Self::NoDefinition => "no definition",
            Self::WrongKind => "wrong kind",
            Self::Missing => "missing",
            Self::OverlayDropped => "overlay dropped",
            Self::NoSigningKey => "no signing key",
            Self::AnotherSigningKey => "another signing key",
            Self::BundleDiffers => "bundle differs",
            Self::BundleUnread => "bundle unread",
            Self::ChecksumDiffers => "checksum differs",
            Self::NeedsRecovery => "needs recovery",
            Self::Truncated => "truncated",
            Self::Damaged => "damaged",
            Self::Unreadable => "unreadable",
            Self::Compressed => "compressed",
            Self::NotCanvos => "not a CanvOS image",
            Self::NotFound => "not found",
            Self::None => "none",
            Self::Unexpected => "unexpected",
        })
    }
}

/// Kind of a file beside the definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "BesideKind")]
pub(super) enum NeighbourKind {
    /// The archive of a definition.
    Definition,
    /// An archive that is not a definition.
    NoDefinition,
    /// A regular file that is not a gzip archive.
    NoArchive,
    /// Not a regular file.
    WrongKind,
    /// An archive that was not read.
    Unread,
}

/// The action to take after a verdict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Advice {
    /// Stage the definition, or remove it, and build again.
    #[default]
    Build,
    /// Fix the Earthfile of the checkout, and build again.
    Earthfile,
    /// Copy the image again, or build it again.
    Copy,
    /// Name an image built by CanvOS.
    OtherImage,
    /// Make the file readable.
    Access,
    /// Build again with the partition unmounted.
    Unmount,
    /// Create the file system without the features.
    Features,
    /// Decompress the image.
    Decompress,
    /// Remove the files beside the definition.
    Remove,
    /// Rename the file.
    Rename,
    /// Set `EDGE_CUSTOM_CONFIG`, and build again.
    SigningKey,
    /// Build the content bundle without another definition, and build again.
    Bundle,
    /// Read all content bundles.
    ReadBundles,
    /// Build the content bundle again, and build again.
    RebuildBundle,
}

/// Sets the trap of a raw disk without a content partition that lies beside one that has it:
/// of several raw disks of one build, only the first gets the partition (canvos.md, T26).
pub(super) fn mark_neglected(reports: &mut [ImageReport]) {
    let is_disk = |report: &ImageReport| report.format == Some("raw");
    let directory = |report: &ImageReport| Path::new(&report.path).parent().map(Path::to_owned);
    let having: Vec<_> = reports
        .iter()
        .filter(|report| is_disk(report) && !report.no_partition)
        .map(directory)
        .collect();
    for report in reports.iter_mut().filter(|report| is_disk(report)) {
        if report.no_partition && !report.found.good && having.contains(&directory(report)) {
            report.found.trap = Some(Trap::SeveralRawImages);
        }
    }
}

/// Formats a row for each image.
pub(crate) fn text(reports: &[ImageReport], width: Option<usize>) -> String {
    let row = |report: &ImageReport| {
        let found = &report.found;
        table::row(&[
            &report.path,
            &found.verdict.to_string(),
            &found.told(report.note()),
        ])
    };
    table::fitted(&reports.iter().map(row).collect::<Vec<_>>(), width)
}

impl ImageReport {
    /// Returns the path, the verdict and the reason on one line.
    pub(super) fn line(&self) -> String {
        let verdict = format!("`{}`: {}", self.path, self.found.verdict);
        match self.found.told(self.note()) {
            told if told.is_empty() => verdict,
            // The trap alone.
            told if self.found.detail.is_none() => format!("{verdict} {told}"),
            told => format!("{verdict}: {told}"),
        }
    }

    /// Returns an additional note: an old image with the right definition is still right.
    fn note(&self) -> Option<&'static str> {
        let old = self.older == Some(true) && !self.found.good;
        old.then_some("it was last changed before the definition was staged (T22)")
    }
}

impl ImageFinding {
    /// Returns the report for an image that does not exist.
    pub(super) fn absent(error: &PathError) -> Self {
        Self {
            verdict: ImageVerdict::NotFound,
            detail: Some(error.to_string()),
            ..Self::default()
        }
    }

    /// Joins the detail, the trap and a note.
    pub(super) fn told(&self, note: Option<&str>) -> String {
        let trap = self.trap.map(|trap| format!("({})", trap.code()));
        let parts: Vec<String> = [self.detail.clone(), trap].into_iter().flatten().collect();
        let told = parts.join(" ");
        match note {
            Some(note) if told.is_empty() => note.to_owned(),
            Some(note) => format!("{told}; {note}"),
            None => told,
        }
    }
}
