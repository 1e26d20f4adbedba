//! What is said of an image: the words of verdicts, and the JSON and the table that they
//! stand in.

use std::fmt;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::diagnostic::Trap;
use crate::ui::NamedTrap;
use crate::ui::table;
use crate::util::digest::Digest;
use crate::util::path_error::PathError;

/// What is said of one image.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
#[schemars(rename = "Image")]
pub(crate) struct ImageReport {
    /// The image.
    pub(super) path: String,
    /// `iso`, `raw` or `raw.gz`; null where it is none of them.
    pub(super) format: Option<&'static str>,
    /// An ISO's label.
    pub(super) label: Option<String>,
    #[serde(flatten)]
    pub(super) found: Found,
    /// Whether the image was last changed before the definition was staged; null if that
    /// cannot be seen.
    pub(super) older: Option<bool>,
    /// What is said of each content partition of a disk that has several; else empty.
    pub(super) partitions: Vec<Found>,
    /// What to do about a path that leads nowhere.
    #[serde(skip)]
    pub(super) help: Option<String>,
    /// A disk without a content partition.
    #[serde(skip)]
    pub(super) no_partition: bool,
}

/// What was found in one place where a definition belongs.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
#[schemars(rename = "InImage")]
pub(super) struct Found {
    /// What is inside.
    pub(super) verdict: Verdict,
    /// Why, where there is more to say.
    pub(super) detail: Option<String>,
    /// The trap that explains it, where one does.
    #[serde(serialize_with = "named")]
    #[schemars(with = "Option<NamedTrap>")]
    pub(super) trap: Option<Trap>,
    /// Of the file that was found.
    pub(super) sha256: Option<Digest>,
    /// Of the file that was found.
    pub(super) size: Option<u64>,
    /// Of the file that was found, where it is a definition.
    pub(super) content_sha256: Option<Digest>,
    /// What lies beside the name that the definition must have.
    pub(super) beside: Vec<Neighbour>,
    #[serde(skip)]
    pub(super) good: bool,
    #[serde(skip)]
    pub(super) advice: Advice,
}

/// A file beside the definition, in JSON.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "Beside")]
pub(super) struct Neighbour {
    /// Its name.
    pub(super) name: String,
    /// What it is.
    pub(super) kind: NeighbourKind,
    /// The name of the definition that it is, if the lock has it.
    pub(super) definition: Option<String>,
    /// Of what it holds, where it is a definition.
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

/// What is in an image, or in one of its partitions, compared with the lock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Verdict {
    /// The locked archive.
    AsLocked,
    /// Another archive with the locked content.
    SameContent,
    /// The locked definition, and something that a host may take in its place.
    Ambiguous,
    /// Another definition.
    AnotherDefinition,
    /// The locked definition, in a file that is not called `spc.tgz`.
    WrongName,
    /// A file that is not the archive of a definition.
    NoDefinition,
    /// Not a regular file.
    WrongKind,
    /// No definition.
    #[default]
    Missing,
    /// No definition, and nothing of the rest of the overlay.
    OverlayDropped,
    /// The `.sha256` beside the image is that of another image.
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
    /// CanvOS has not built it.
    NotCanvos,
    /// There is no such file.
    NotFound,
    /// There is no definition, as expected.
    None,
    /// There is something, and nothing is expected.
    Unexpected,
}

impl fmt::Display for Verdict {
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

/// What a file beside the definition is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "BesideKind")]
pub(super) enum NeighbourKind {
    /// The archive of a definition.
    Definition,
    /// An archive that is not that of a definition.
    NoDefinition,
    /// A regular file that is not a gzip archive.
    NoArchive,
    /// Not a regular file.
    WrongKind,
    /// An archive that was not read.
    Unread,
}

/// What to do about a verdict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Advice {
    /// Stage the definition, or take it away, and build again.
    #[default]
    Build,
    /// Make the file readable.
    Access,
    /// Build again with the partition unmounted.
    Unmount,
    /// Make the file system without the features.
    Features,
    /// Decompress the image.
    Decompress,
    /// Take away what lies beside the definition.
    Remove,
    /// Give the file its name.
    Rename,
}

/// Of several raw disks of one build only the first gets the content partition
/// (canvos.md, T26).
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

/// A row for each image.
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
    /// What else is to be said: an old image with a definition that is right is right.
    fn note(&self) -> Option<&'static str> {
        let old = self.older == Some(true) && !self.found.good;
        old.then_some("it was last changed before the definition was staged (T22)")
    }
}

impl Found {
    /// There is no such image.
    pub(super) fn absent(error: &PathError) -> Self {
        Self {
            verdict: Verdict::NotFound,
            detail: Some(error.to_string()),
            ..Self::default()
        }
    }

    /// The detail, the trap, a note.
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
