//! What a place in an image is, compared with the lock.
//!
//! In: a [`Place`] that was looked at. Out: a [`Found`]. A definition under its name is
//! right by its digest alone; what lies beside it may still reach the host in its stead
//! (canvos.md, T25), so the two are judged together.

use super::beside::Surroundings;
use super::words::{Advice, Found, Verdict};
use crate::diagnostic::Trap;
use crate::image::{self, Entry, Held, ImageError, Place};
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
    fn other(&self, held: &Held) -> Option<(Trap, String)>;
}

impl Expectation<'_> {
    /// Judges every place of an image as one.
    pub(super) fn judge(&self, places: &[Place], why: &dyn Explain) -> (Found, Vec<Found>) {
        let mut found: Vec<Found> = places.iter().map(|place| self.place(place, why)).collect();
        match found.len() {
            1 => (found.remove(0), Vec::new()),
            _ => (self.together(&found), found),
        }
    }

    fn place(&self, place: &Place, why: &dyn Explain) -> Found {
        let beside = Surroundings::of(self, place);
        let mut found = match (&place.entry, self.locked) {
            (Entry::Failed(error), _) => unreadable(error),
            (entry, Some((_, locked))) => beside.of_entry(self.entry(entry, locked, why)),
            (entry, None) => beside.of_none(entry),
        };
        if let Entry::File(held) = &place.entry {
            found.sha256 = Some(held.sha256);
            found.size = Some(held.size);
            found.content_sha256 = held.content.as_ref().ok().copied();
        }
        Found {
            beside: beside.named,
            ..found
        }
    }

    /// What is under the right name.
    fn entry(&self, entry: &Entry, locked: &LockEntry, why: &dyn Explain) -> Found {
        match entry {
            Entry::Missing => bad(Verdict::Missing, None, Some(why.missing(true))),
            Entry::OverlayLost => Found {
                advice: Advice::Earthfile,
                ..bad(
                    Verdict::OverlayDropped,
                    Some("the rest of the overlay is missing too".into()),
                    Some(Trap::OverlayDropped),
                )
            },
            Entry::NoPartition => bad(
                Verdict::Missing,
                Some(format!("no partition `{}`", image::PARTITION)),
                Some(why.missing(false)),
            ),
            Entry::Odd(kind) => {
                let trap = match *kind {
                    "a symbolic link" => Trap::SymbolicLink,
                    _ => Trap::Directory,
                };
                bad(Verdict::WrongKind, Some((*kind).to_owned()), Some(trap))
            }
            Entry::Failed(error) => unreadable(error),
            Entry::File(held) => self.file(held, locked, why),
        }
    }

    fn file(&self, held: &Held, locked: &LockEntry, why: &dyn Explain) -> Found {
        if held.size == 0 {
            let empty = Some("an empty file".to_owned());
            return bad(Verdict::NoDefinition, empty, Some(why.empty()));
        }
        let (verdict, is) = match &held.content {
            // The content alone is the identity, whatever the lock says of an archive.
            Ok(content) if *content == locked.content_sha256 => {
                return good(if held.sha256 == locked.sha256 {
                    Verdict::AsLocked
                } else {
                    Verdict::SameContent
                });
            }
            Ok(content) => (Verdict::AnotherDefinition, self.whose(*content)),
            Err(refusal) => (Verdict::NoDefinition, refusal.to_string()),
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
    fn together(&self, found: &[Found]) -> Found {
        let count = found.len();
        let first = found.first().cloned().unwrap_or_default();
        let told: Vec<String> = found.iter().map(in_words).collect();
        let detail = Some(format!("{count} content partitions: {}", told.join("; ")));
        let Some(worst) = found.iter().find(|found| !found.good) else {
            let other = found
                .iter()
                .find(|found| found.verdict != Verdict::AsLocked);
            return Found {
                verdict: other.unwrap_or(&first).verdict,
                detail,
                trap: found.iter().find_map(|found| found.trap),
                ..first
            };
        };
        let unexpected = found
            .iter()
            .find(|found| found.verdict == Verdict::Unexpected);
        let worst = unexpected.unwrap_or(worst);
        let bad_trap = |found: &Found| found.trap.filter(|_| !found.good);
        let is_mixed = self.locked.is_some() && found.iter().any(|found| found.good);
        Found {
            verdict: if is_mixed {
                Verdict::Ambiguous
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
fn in_words(found: &Found) -> String {
    match &found.detail {
        Some(detail) => format!("{}: {detail}", found.verdict),
        None => found.verdict.to_string(),
    }
}

/// A verdict that is an all-clear.
pub(super) fn good(verdict: Verdict) -> Found {
    Found {
        verdict,
        good: true,
        ..Found::default()
    }
}

/// A verdict that is none.
pub(super) fn bad(verdict: Verdict, detail: Option<String>, trap: Option<Trap>) -> Found {
    Found {
        verdict,
        detail,
        trap,
        ..Found::default()
    }
}

/// What is said of an image, or of a partition, that tells nothing.
pub(super) fn unreadable(error: &ImageError) -> Found {
    let said = |verdict, detail: String, advice| Found {
        advice,
        ..bad(verdict, Some(detail), None)
    };
    let is = |verdict, detail: &str, advice| said(verdict, detail.to_owned(), advice);
    match error {
        ImageError::Disk(error) | ImageError::Spool(error) => {
            said(Verdict::Unreadable, error.to_string(), Advice::Access)
        }
        ImageError::Read(error) => said(Verdict::Unreadable, sanitize::io(error), Advice::Access),
        ImageError::Unsupported(features) => said(
            Verdict::Unreadable,
            format!("the content partition has ext4 features that cannot be read: {features}"),
            Advice::Features,
        ),
        ImageError::NeedsRecovery => Found {
            trap: Some(Trap::UncheckedScripts),
            ..said(
                Verdict::NeedsRecovery,
                "its journal is not replayed: the partition was copied while it was mounted".into(),
                Advice::Unmount,
            )
        },
        ImageError::Compressed(with) => said(
            Verdict::Compressed,
            format!("{with}: decompress it first"),
            Advice::Decompress,
        ),
        ImageError::Truncated => is(
            Verdict::Truncated,
            "it ends before what it says it holds",
            Advice::Copy,
        ),
        ImageError::Damaged(place) => is(Verdict::Damaged, place, Advice::Copy),
        ImageError::Foreign(what) => is(Verdict::NotCanvos, what, Advice::OtherImage),
    }
}
