//! `edgestage verify --image`: what is inside built images, held against the lock.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use schemars::JsonSchema;
use serde::Serialize;

use super::{Context, current, load_lock, one, shown, table};
use crate::canvos::{Checkout, Placement};
use crate::cli::{Images, VerifyArgs};
use crate::digest::Digest;
use crate::error::Error;
use crate::image::{self, Checksum, Entry, Format, Image, ImageError, Judge};
use crate::lock::{Lock, Locked};
use crate::manifest::{Definition, Manifest};
use crate::printable;
use crate::report::{Outcome, Report, fields};
use crate::topic::Topic;

/// The document of `verify` with `--image`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "VerifyImages")]
pub struct Document<'a> {
    /// Name of the definition; null with `--expect-none`.
    definition: Option<&'a str>,
    /// Of the lock entry; null with `--expect-none`.
    content_sha256: Option<Digest>,
    /// The images, in the order given.
    images: &'a [Verdict],
}

/// What is said of one image.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
#[schemars(rename = "Image")]
pub struct Verdict {
    /// The image.
    path: String,
    /// `iso`, `raw` or `raw.gz`; null where it is none of them.
    format: Option<&'static str>,
    /// An ISO's label.
    label: Option<String>,
    /// What is inside.
    #[serde(rename = "verdict")]
    #[schemars(extend("enum" = VERDICTS))]
    word: &'static str,
    /// Why, where there is more to say.
    detail: Option<String>,
    /// The trap that explains it, where one does.
    trap: Option<&'static str>,
    /// Of the file that was found.
    sha256: Option<Digest>,
    /// Of the file that was found.
    size: Option<u64>,
    /// Of the file that was found, where it is a definition.
    content_sha256: Option<Digest>,
    #[serde(skip)]
    good: bool,
}

/// The words of verdicts.
const VERDICTS: [&str; 15] = [
    "equal",
    "same content",
    "another definition",
    "no definition",
    "wrong kind",
    "missing",
    "overlay lost",
    "older",
    "checksum differs",
    "truncated",
    "damaged",
    UNREADABLE,
    "not a CanvOS image",
    "none",
    UNEXPECTED,
];

/// The verdict of an image with a definition where none is expected.
const UNEXPECTED: &str = "unexpected";
/// Of an image that nobody could look into.
const UNREADABLE: &str = "unreadable";

/// How images are held against the lock.
pub struct Proof<'a> {
    manifest: &'a Manifest,
    lock: &'a Lock,
    /// What they must hold; `None` where they must hold nothing.
    expected: Option<(&'a Definition, &'a Locked)>,
    /// Where a part of a compressed image goes.
    spool: PathBuf,
    /// When the definition was staged, where that can be seen.
    staged: Option<SystemTime>,
    report: &'a Report,
}

/// Whether the `.sha256` beside an image is compared, which reads all of the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checksums {
    /// Where there is one.
    Compare,
    /// `--no-checksum`.
    Ignore,
}

pub fn run(arguments: &VerifyArgs, context: &Context<'_>) -> Result<Outcome, Error> {
    let manifest = context.manifest()?;
    let lock = load_lock(&manifest)?;
    let expected = if arguments.expect_none {
        None
    } else {
        let definition = one(&manifest, arguments.name.as_deref())?;
        Some((definition, current(&lock, definition)?))
    };
    let proof = Proof::new(context, &manifest, &lock, expected)?;
    Ok(proof.outcome(&proof.verdicts(&arguments.images, context)))
}

impl<'a> Proof<'a> {
    pub fn new(
        context: &Context<'a>,
        manifest: &'a Manifest,
        lock: &'a Lock,
        expected: Option<(&'a Definition, &'a Locked)>,
    ) -> Result<Self, Error> {
        let staged = expected.and_then(|(definition, _)| {
            let checkout = context.checkout(manifest, definition).ok()?;
            staged_at(&checkout)
        });
        Ok(Self {
            manifest,
            lock,
            expected,
            spool: context.cache(Some(manifest))?.directory().join("tmp"),
            staged,
            report: context.report,
        })
    }

    /// Looks into the images that were given.
    pub fn verdicts(&self, images: &Images, context: &Context<'_>) -> Vec<Verdict> {
        let checksums = if images.no_checksum {
            Checksums::Ignore
        } else {
            Checksums::Compare
        };
        let paths = images.image.iter();
        let paths = paths.map(|path| context.environment.resolve(path));
        paths.map(|path| self.verdict(&path, checksums)).collect()
    }

    /// Looks into the image `path`.
    pub fn verdict(&self, path: &Path, checksums: Checksums) -> Verdict {
        let name = path.file_name().unwrap_or(path.as_os_str());
        let name = printable::line(name.as_encoded_bytes());
        let _reading = self.report.waiting("Reading", &name);
        let known = |sha256| self.lock.content_of(sha256);
        let judge = Judge {
            known: &known,
            limits: &self.manifest.limits,
        };
        let base = Verdict {
            path: shown(path),
            ..Verdict::default()
        };
        let image = match image::examine(path, &self.spool, &judge) {
            Ok(image) => image,
            Err(error) => return unreadable(base, &error),
        };
        let verdict = self.compare(described(base, &image), &image);
        match checksums {
            Checksums::Compare if verdict.good => with_checksum(path, verdict),
            _ => verdict,
        }
    }

    fn compare(&self, base: Verdict, image: &Image) -> Verdict {
        let Some((definition, locked)) = self.expected else {
            return expect_none(base, image);
        };
        let verdict = self.of_entry(base, &image.entry, locked);
        let older = match (image.modified, self.staged) {
            (Some(built), Some(staged)) => built < staged,
            _ => false,
        };
        if verdict.good || !older {
            return verdict;
        }
        let held = match &verdict.detail {
            Some(detail) => format!("{}: {detail}", verdict.word),
            None => verdict.word.to_owned(),
        };
        let name = &definition.name;
        Verdict {
            word: "older",
            detail: Some(format!("built before `{name}` was staged; {held}")),
            trap: Some("T22"),
            ..verdict
        }
    }

    fn of_entry(&self, base: Verdict, entry: &Entry, locked: &Locked) -> Verdict {
        let bad = |word, detail: Option<String>, trap| Verdict {
            word,
            detail,
            trap,
            ..base.clone()
        };
        match entry {
            Entry::Missing => bad("missing", None, Some("T1")),
            Entry::OverlayLost => bad(
                "overlay lost",
                Some("the rest of the overlay is missing too".into()),
                Some("T23"),
            ),
            Entry::NoPartition => bad(
                "missing",
                Some(format!("no partition `{}`", image::PARTITION)),
                Some("T24"),
            ),
            Entry::Odd(kind) => {
                let trap = if *kind == "a symbolic link" {
                    "T8"
                } else {
                    "T7"
                };
                bad("wrong kind", Some((*kind).to_owned()), Some(trap))
            }
            Entry::File { size: 0, .. } => {
                bad("no definition", Some("an empty file".into()), Some("T24"))
            }
            Entry::File { sha256, .. } if *sha256 == locked.sha256 => Verdict {
                word: "equal",
                good: true,
                ..base
            },
            Entry::File {
                content: Ok(content),
                ..
            } if *content == locked.content_sha256 => Verdict {
                word: "same content",
                good: true,
                ..base
            },
            Entry::File {
                content: Ok(content),
                ..
            } => bad("another definition", Some(self.whose(*content)), None),
            Entry::File {
                content: Err(refusal),
                ..
            } => bad("no definition", Some(refusal.to_string()), None),
        }
    }

    /// The definition of the lock that has `content`.
    fn whose(&self, content: Digest) -> String {
        match self.lock.owner_of(content) {
            Some((name, _)) => format!("it is `{name}`"),
            None => format!("content {}", content.short()),
        }
    }

    /// The table, and the error where not all is well.
    pub fn outcome(&self, verdicts: &[Verdict]) -> Outcome {
        let bad = verdicts.iter().filter(|verdict| !verdict.good).count();
        let error = (bad > 0).then(|| self.error(bad, verdicts));
        Outcome {
            text: text(verdicts),
            json: fields(&Document {
                definition: self.expected.map(|(definition, _)| &*definition.name),
                content_sha256: self.expected.map(|(_, locked)| locked.content_sha256),
                images: verdicts,
            }),
            error,
        }
    }

    fn error(&self, bad: usize, verdicts: &[Verdict]) -> Error {
        let images = printable::count(bad, "image");
        let trap = verdicts.iter().find_map(|verdict| verdict.trap);
        let mut wrong = verdicts.iter().filter(|verdict| !verdict.good);
        let (what, help) = match self.expected {
            _ if wrong.all(|verdict| verdict.word == UNREADABLE) => (
                format!("{images} that cannot be read"),
                "check the path, and whether you may read it".to_owned(),
            ),
            None if verdicts.iter().any(|verdict| verdict.word == UNEXPECTED) => (
                format!("{images} with a definition where none is expected, or unreadable"),
                "run `edgestage unstage` and build again".to_owned(),
            ),
            None => (
                format!("{images} of which nothing can be said"),
                "build again".to_owned(),
            ),
            Some((definition, _)) => (
                format!("{images} without `{}` as it is locked", definition.name),
                format!("run `edgestage stage {}` and build again", definition.name),
            ),
        };
        Error::Staged {
            what,
            help,
            see: trap.unwrap_or(Topic::Image.name()),
        }
    }
}

/// What is right inside may still not be the file that its `.sha256` was made for.
fn with_checksum(path: &Path, verdict: Verdict) -> Verdict {
    let detail = match image::checksum(path) {
        Ok(Checksum::None | Checksum::Agrees) => return verdict,
        Ok(Checksum::Disagrees) => "the `.sha256` beside it is another image's".to_owned(),
        Ok(Checksum::Unreadable) => "the `.sha256` beside it holds no digest".to_owned(),
        Err(error) => error.to_string(),
    };
    Verdict {
        word: "checksum differs",
        detail: Some(detail),
        trap: Some("T22"),
        good: false,
        ..verdict
    }
}

/// A line for each image.
pub fn text(verdicts: &[Verdict]) -> String {
    let rows: Vec<Vec<String>> = verdicts
        .iter()
        .map(|v| {
            let trap = v.trap.map(|trap| format!("({trap})"));
            let detail: Vec<String> = [v.detail.clone(), trap].into_iter().flatten().collect();
            table::row(&[&v.path, v.word, &detail.join(" ")])
        })
        .collect();
    table::layout(&rows)
}

fn described(base: Verdict, image: &Image) -> Verdict {
    let (format, label) = match &image.format {
        Format::Iso(label) => ("iso", Some(label.clone())),
        Format::Disk => ("raw", None),
        Format::CompressedDisk => ("raw.gz", None),
    };
    let base = Verdict {
        format: Some(format),
        label,
        ..base
    };
    match &image.entry {
        Entry::File {
            sha256,
            size,
            content,
        } => Verdict {
            sha256: Some(*sha256),
            size: Some(*size),
            content_sha256: content.as_ref().ok().copied(),
            ..base
        },
        _ => base,
    }
}

fn expect_none(base: Verdict, image: &Image) -> Verdict {
    match image.entry {
        Entry::Missing | Entry::OverlayLost | Entry::NoPartition => Verdict {
            word: "none",
            good: true,
            ..base
        },
        Entry::Odd(_) | Entry::File { .. } => Verdict {
            word: UNEXPECTED,
            trap: Some("T31"),
            ..base
        },
    }
}

fn unreadable(base: Verdict, error: &ImageError) -> Verdict {
    let (word, detail) = match error {
        ImageError::Disk(error) | ImageError::Spool(error) => (UNREADABLE, error.to_string()),
        ImageError::Read(error) => (UNREADABLE, printable::io(error)),
        ImageError::Truncated => ("truncated", "it ends before what it says it holds".into()),
        ImageError::Damaged(place) => ("damaged", (*place).to_owned()),
        ImageError::Foreign(what) => ("not a CanvOS image", what.clone()),
    };
    Verdict {
        word,
        detail: Some(detail),
        ..base
    }
}

/// When the younger of the two staged files was written.
fn staged_at(checkout: &Checkout) -> Option<SystemTime> {
    let written = |placement: &Placement| {
        let path = checkout.directory().join(placement.path());
        path.metadata()
            .and_then(|metadata| metadata.modified())
            .ok()
    };
    Placement::ALL.iter().filter_map(written).max()
}
