//! What is said of an image: the words of verdicts, and the JSON and the table that they
//! stand in.

use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

use super::super::table;
use crate::digest::Digest;
use crate::disk::PathError;

/// What is said of one image.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
#[schemars(rename = "Image")]
pub struct Verdict {
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
pub struct Found {
    /// What is inside.
    #[serde(rename = "verdict")]
    #[schemars(extend("enum" = WORDS))]
    pub(super) word: &'static str,
    /// Why, where there is more to say.
    pub(super) detail: Option<String>,
    /// The trap that explains it, where one does.
    pub(super) trap: Option<&'static str>,
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
pub struct Neighbour {
    /// Its name.
    pub(super) name: String,
    /// What it is.
    #[schemars(extend("enum" = KINDS))]
    pub(super) kind: &'static str,
    /// The name of the definition that it is, if the lock has it.
    pub(super) definition: Option<String>,
    /// Of what it holds, where it is a definition.
    pub(super) content_sha256: Option<Digest>,
}

/// The words of verdicts.
const WORDS: [&str; 19] = [
    EQUAL,
    SAME_CONTENT,
    AMBIGUOUS,
    ANOTHER,
    WRONG_NAME,
    NO_DEFINITION,
    WRONG_KIND,
    MISSING,
    OVERLAY_LOST,
    CHECKSUM_DIFFERS,
    NEEDS_RECOVERY,
    TRUNCATED,
    DAMAGED,
    UNREADABLE,
    COMPRESSED,
    FOREIGN,
    NOT_FOUND,
    NONE,
    UNEXPECTED,
];

/// The locked archive.
pub const EQUAL: &str = "equal";
/// Another archive with the locked content.
pub const SAME_CONTENT: &str = "same content";
/// The locked definition, and what a host may take in its place.
pub const AMBIGUOUS: &str = "ambiguous";
/// Another definition.
pub const ANOTHER: &str = "another definition";
/// The locked definition, called otherwise than `spc.tgz`.
pub const WRONG_NAME: &str = "wrong name";
/// A file that is not the archive of a definition.
pub const NO_DEFINITION: &str = "no definition";
/// Not a regular file.
pub const WRONG_KIND: &str = "wrong kind";
/// Nothing.
pub const MISSING: &str = "missing";
/// Nothing, and nothing of the overlay.
pub const OVERLAY_LOST: &str = "overlay lost";
/// The `.sha256` beside the image is of another one.
pub const CHECKSUM_DIFFERS: &str = "checksum differs";
/// A content partition that was copied while it was mounted.
pub const NEEDS_RECOVERY: &str = "needs recovery";
/// It ends too early.
pub const TRUNCATED: &str = "truncated";
/// It contradicts itself.
pub const DAMAGED: &str = "damaged";
/// Nobody could look into it.
pub const UNREADABLE: &str = "unreadable";
/// It is compressed otherwise than with gzip.
pub const COMPRESSED: &str = "compressed";
/// CanvOS has not built it.
pub const FOREIGN: &str = "not a CanvOS image";
/// There is no such file.
pub const NOT_FOUND: &str = "not found";
/// There is no definition, as expected.
pub const NONE: &str = "none";
/// There is something where nothing is expected.
pub const UNEXPECTED: &str = "unexpected";

/// The kinds of what lies beside the definition.
const KINDS: [&str; 5] = [DEFINITION, NO_DEFINITION, NO_ARCHIVE, WRONG_KIND, UNREAD];
/// The archive of a definition.
pub const DEFINITION: &str = "definition";
/// A regular file that is not a gzip archive.
pub const NO_ARCHIVE: &str = "no archive";
/// An archive that was not read.
pub const UNREAD: &str = "unread";

/// What to do about a verdict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Advice {
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
pub fn mark_neglected(verdicts: &mut [Verdict]) {
    let is_disk = |verdict: &Verdict| verdict.format == Some("raw");
    let directory = |verdict: &Verdict| Path::new(&verdict.path).parent().map(Path::to_owned);
    let having: Vec<_> = verdicts
        .iter()
        .filter(|verdict| is_disk(verdict) && !verdict.no_partition)
        .map(directory)
        .collect();
    for verdict in verdicts.iter_mut().filter(|verdict| is_disk(verdict)) {
        if verdict.no_partition && !verdict.found.good && having.contains(&directory(verdict)) {
            verdict.found.trap = Some("T26");
        }
    }
}

/// A row for each image.
pub fn text(verdicts: &[Verdict], width: Option<usize>) -> String {
    let row = |verdict: &Verdict| {
        let found = &verdict.found;
        table::row(&[&verdict.path, found.word, &found.told(verdict.note())])
    };
    table::fitted(&verdicts.iter().map(row).collect::<Vec<_>>(), width)
}

impl Verdict {
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
            word: NOT_FOUND,
            detail: Some(error.to_string()),
            ..Self::default()
        }
    }

    /// The detail, the trap, a note.
    pub(super) fn told(&self, note: Option<&str>) -> String {
        let trap = self.trap.map(|trap| format!("({trap})"));
        let parts: Vec<String> = [self.detail.clone(), trap].into_iter().flatten().collect();
        let told = parts.join(" ");
        match note {
            Some(note) if told.is_empty() => note.to_owned(),
            Some(note) => format!("{told}; {note}"),
            None => told,
        }
    }
}
