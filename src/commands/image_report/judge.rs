//! What a place in an image is, compared with the lock.
//!
//! In: a [`ImagePlace`] that was looked at. Out: a [`ImageFinding`]. A definition under its name is
//! right by its digest alone; what lies beside it may still reach the host in its stead
//! (canvos.md, T25), so the two are judged together.

use super::beside::Surroundings;
use super::words::{Advice, ImageFinding, ImageVerdict};
use crate::diagnostic::Trap;
use crate::image::{self, HeldFile, ImageError, ImagePlace, PlaceEntry};
use crate::lockfile::{LockEntry, Lockfile};
use crate::util::digest::Digest;
use crate::util::sanitize;

/// What images must hold.
pub(super) struct Expectation<'a> {
    pub lock: &'a Lockfile,
    /// The name of the definition, and its entry of the lock; `None` where images must
    /// hold nothing.
    pub locked: Option<(&'a str, &'a LockEntry)>,
}

/// Why a place is as it is, where others know more of it.
pub(super) trait Explain {
    /// The trap that explains that there is nothing.
    fn missing(&self, has_partition: bool) -> Trap;
    /// The trap that explains an empty file.
    fn empty(&self) -> Trap;
    /// The trap that explains a file with other bytes, and how.
    fn other(&self, held: &HeldFile) -> Option<(Trap, String)>;
}

impl Expectation<'_> {
    /// Judges every place of an image as one.
    pub(super) fn judge(
        &self,
        places: &[ImagePlace],
        why: &dyn Explain,
    ) -> (ImageFinding, Vec<ImageFinding>) {
        let mut found: Vec<ImageFinding> =
            places.iter().map(|place| self.place(place, why)).collect();
        match found.len() {
            1 => (found.remove(0), Vec::new()),
            _ => (self.together(&found), found),
        }
    }

    fn place(&self, place: &ImagePlace, why: &dyn Explain) -> ImageFinding {
        let beside = Surroundings::of(self, place);
        let mut found = match (&place.entry, self.locked) {
            (PlaceEntry::Failed(error), _) => unreadable(error),
            (entry, Some((_, locked))) => beside.of_entry(self.entry(entry, locked, why)),
            (entry, None) => beside.of_none(entry),
        };
        if let PlaceEntry::File(held) = &place.entry {
            found.sha256 = Some(held.sha256);
            found.size = Some(held.size);
            found.content_sha256 = held.content.as_ref().ok().copied();
        }
        ImageFinding {
            beside: beside.named,
            ..found
        }
    }

    /// What is under the right name.
    fn entry(&self, entry: &PlaceEntry, locked: &LockEntry, why: &dyn Explain) -> ImageFinding {
        match entry {
            PlaceEntry::Missing => bad(ImageVerdict::Missing, None, Some(why.missing(true))),
            PlaceEntry::OverlayLost => ImageFinding {
                advice: Advice::Earthfile,
                ..bad(
                    ImageVerdict::OverlayDropped,
                    Some("the rest of the overlay is missing too".into()),
                    Some(Trap::OverlayDropped),
                )
            },
            PlaceEntry::NoPartition => bad(
                ImageVerdict::Missing,
                Some(format!("no partition `{}`", image::PARTITION)),
                Some(why.missing(false)),
            ),
            PlaceEntry::Odd(kind) => {
                let trap = match *kind {
                    "a symbolic link" => Trap::SymbolicLink,
                    _ => Trap::Directory,
                };
                bad(
                    ImageVerdict::WrongKind,
                    Some((*kind).to_owned()),
                    Some(trap),
                )
            }
            PlaceEntry::Failed(error) => unreadable(error),
            PlaceEntry::File(held) => self.file(held, locked, why),
        }
    }

    fn file(&self, held: &HeldFile, locked: &LockEntry, why: &dyn Explain) -> ImageFinding {
        if held.size == 0 {
            let empty = Some("an empty file".to_owned());
            return bad(ImageVerdict::NoDefinition, empty, Some(why.empty()));
        }
        let (verdict, is) = match &held.content {
            // The content alone is the identity, whatever the lock says of an archive.
            Ok(content) if *content == locked.content_sha256 => {
                return good(if held.sha256 == locked.sha256 {
                    ImageVerdict::AsLocked
                } else {
                    ImageVerdict::SameContent
                });
            }
            Ok(content) => (ImageVerdict::AnotherDefinition, self.whose(*content)),
            Err(refusal) => (ImageVerdict::NoDefinition, refusal.to_string()),
        };
        match why.other(held) {
            Some((trap, how)) => bad(verdict, Some(format!("{is}, {how}")), Some(trap)),
            None => bad(verdict, Some(is), None),
        }
    }

    /// The definition of the lock that has `content`.
    fn whose(&self, content: Digest) -> String {
        match self.lock.owner_of(content) {
            Some((name, _)) => format!("it is `{name}`"),
            None => format!("content {}", content.short()),
        }
    }

    /// Several content partitions: which of them a host takes is not known.
    fn together(&self, found: &[ImageFinding]) -> ImageFinding {
        let count = found.len();
        let first = found.first().cloned().unwrap_or_default();
        let told: Vec<String> = found.iter().map(in_words).collect();
        let detail = Some(format!("{count} content partitions: {}", told.join("; ")));
        let Some(worst) = found.iter().find(|found| !found.good) else {
            let other = found
                .iter()
                .find(|found| found.verdict != ImageVerdict::AsLocked);
            return ImageFinding {
                verdict: other.unwrap_or(&first).verdict,
                detail,
                trap: found.iter().find_map(|found| found.trap),
                ..first
            };
        };
        let unexpected = found
            .iter()
            .find(|found| found.verdict == ImageVerdict::Unexpected);
        let worst = unexpected.unwrap_or(worst);
        let bad_trap = |found: &ImageFinding| found.trap.filter(|_| !found.good);
        let is_mixed = self.locked.is_some() && found.iter().any(|found| found.good);
        ImageFinding {
            verdict: if is_mixed {
                ImageVerdict::Ambiguous
            } else {
                worst.verdict
            },
            detail,
            trap: worst.trap.or_else(|| found.iter().find_map(bad_trap)),
            advice: worst.advice,
            good: false,
            ..first
        }
    }
}

/// What is said of one of several places.
fn in_words(found: &ImageFinding) -> String {
    match &found.detail {
        Some(detail) => format!("{}: {detail}", found.verdict),
        None => found.verdict.to_string(),
    }
}

/// A verdict that is an all-clear.
pub(super) fn good(verdict: ImageVerdict) -> ImageFinding {
    ImageFinding {
        verdict,
        good: true,
        ..ImageFinding::default()
    }
}

/// A verdict that is none.
pub(super) fn bad(
    verdict: ImageVerdict,
    detail: Option<String>,
    trap: Option<Trap>,
) -> ImageFinding {
    ImageFinding {
        verdict,
        detail,
        trap,
        ..ImageFinding::default()
    }
}

/// What is said of an image, or of a partition, that tells nothing.
pub(super) fn unreadable(error: &ImageError) -> ImageFinding {
    let said = |verdict, detail: String, advice| ImageFinding {
        advice,
        ..bad(verdict, Some(detail), None)
    };
    let is = |verdict, detail: &str, advice| said(verdict, detail.to_owned(), advice);
    match error {
        ImageError::Disk(error) | ImageError::Spool(error) => {
            said(ImageVerdict::Unreadable, error.to_string(), Advice::Access)
        }
        ImageError::Read(error) => said(
            ImageVerdict::Unreadable,
            sanitize::io(error),
            Advice::Access,
        ),
        ImageError::Unsupported(features) => said(
            ImageVerdict::Unreadable,
            format!("the content partition has ext4 features that cannot be read: {features}"),
            Advice::Features,
        ),
        ImageError::NeedsRecovery => ImageFinding {
            trap: Some(Trap::UncheckedScripts),
            ..said(
                ImageVerdict::NeedsRecovery,
                "its journal is not replayed: the partition was copied while it was mounted".into(),
                Advice::Unmount,
            )
        },
        ImageError::Compressed(with) => said(
            ImageVerdict::Compressed,
            format!("{with}: decompress it first"),
            Advice::Decompress,
        ),
        ImageError::Truncated => is(
            ImageVerdict::Truncated,
            "the file ends before its content does",
            Advice::Copy,
        ),
        ImageError::Damaged(place) => is(ImageVerdict::Damaged, place, Advice::Copy),
        ImageError::Foreign(what) => is(ImageVerdict::NotCanvos, what, Advice::OtherImage),
    }
}
