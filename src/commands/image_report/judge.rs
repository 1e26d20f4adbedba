//! The verdict on a place in an image, compared with the lock.
//!
//! The input is an [`ImagePlace`] that was examined. The output is an [`ImageFinding`]. A
//! definition with the right name is right by its digest alone, but a file beside it may still
//! reach the host in its stead (canvos.md, T25), so both are judged together.

use super::neighbours::Surroundings;
use super::report::{Advice, ImageFinding, ImageVerdict, KeyVerdict};
use crate::archive::Contents;
use crate::diagnostic::Trap;
use crate::image::{self, EdgeConfigEntry, HeldFile, ImageError, ImagePlace, PlaceEntry};
use crate::lockfile::{LockEntry, Lockfile};
use crate::signing::messages::no_edge_key;
use crate::signing::{PublicKey, edge_config};
use crate::util::sanitize;

/// What images must hold.
pub(super) struct Expectation<'a> {
    pub lock: &'a Lockfile,
    /// The name of the definition, and its lock entry; `None` if images must hold nothing.
    pub locked: Option<(&'a str, &'a LockEntry)>,
    /// The public key that images must carry, if one is expected.
    pub key: Option<&'a PublicKey>,
    /// What a content bundle that was not read means.
    pub unread_bundles: UnreadBundles,
    /// The traps that are accepted.
    pub allowed: &'a [Trap],
}

/// What a content bundle that was not read means for an image with the right definition. An
/// image that must hold nothing is never right then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UnreadBundles {
    /// It is a warning.
    Warn,
    /// The image is not right.
    Refuse,
}

/// Explanations of a place's state by a caller that knows more about it.
pub(super) trait Explain {
    /// Returns the trap that explains a missing definition.
    fn missing(&self, has_partition: bool) -> Trap;
    /// Returns the trap that explains an empty file.
    fn empty(&self) -> Trap;
    /// Returns the trap that explains a file with other bytes, and a description.
    fn other(&self, held: &HeldFile) -> Option<(Trap, String)>;
}

impl Expectation<'_> {
    /// Judges all places of an image together.
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
            found.content_sha256 = held.content.as_ref().ok().map(|contents| contents.sha256);
        }
        let found = ImageFinding {
            beside: beside.named,
            ..found
        };
        let found = match (self.key, &place.edge_config) {
            (Some(expected), Some(entry)) => with_key(found, expected, entry),
            _ => found,
        };
        self.with_bundles(found, &place.bundles)
    }

    /// Returns the finding about the file with the right name.
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
            Ok(contents) if locked.describes(contents) => {
                return good(if held.sha256 == locked.sha256 {
                    ImageVerdict::AsLocked
                } else {
                    ImageVerdict::SameContent
                });
            }
            Ok(contents) => (ImageVerdict::AnotherDefinition, self.whose(contents)),
            Err(refusal) => (ImageVerdict::NoDefinition, refusal.to_string()),
        };
        match why.other(held) {
            Some((trap, how)) => bad(verdict, Some(format!("{is}, {how}")), Some(trap)),
            None => bad(verdict, Some(is), None),
        }
    }

    /// Returns the name of the definition in the lock that has `content`.
    fn whose(&self, contents: &Contents) -> String {
        match self.lock.owner_of(contents) {
            Some((name, _)) => format!("it is `{name}`"),
            None => format!("content {}", contents.sha256.short()),
        }
    }

    /// Combines the findings of several content partitions: it is not known which of them a
    /// host uses.
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

/// Adds the result of the comparison of the public key, which decides only if the definition is
/// right.
fn with_key(found: ImageFinding, expected: &PublicKey, entry: &EdgeConfigEntry) -> ImageFinding {
    let (verdict, key, detail) = match entry {
        EdgeConfigEntry::Missing => (
            KeyVerdict::Missing,
            None,
            "no custom configuration".to_owned(),
        ),
        EdgeConfigEntry::Odd(kind) => (
            KeyVerdict::Unusable,
            None,
            format!("the custom configuration is {kind}"),
        ),
        EdgeConfigEntry::File(bytes) => match edge_config::public_key(bytes) {
            Ok(key) if key == *expected => (KeyVerdict::AsExpected, Some(key), String::new()),
            Ok(key) => {
                let short = key.fingerprint().short();
                (
                    KeyVerdict::AnotherKey,
                    Some(key),
                    format!("public key {short}"),
                )
            }
            Err(why) => (
                KeyVerdict::Unusable,
                None,
                format!("custom configuration: {}", no_edge_key(why)),
            ),
        },
    };
    let found = ImageFinding {
        signing_key: Some(verdict),
        public_key_sha256: key.map(|key| key.fingerprint()),
        ..found
    };
    if !found.good || verdict == KeyVerdict::AsExpected {
        return found;
    }
    ImageFinding {
        verdict: match verdict {
            KeyVerdict::AnotherKey => ImageVerdict::AnotherSigningKey,
            _ => ImageVerdict::NoSigningKey,
        },
        detail: Some(detail),
        trap: Some(Trap::SigningKeyLost),
        advice: Advice::SigningKey,
        good: false,
        ..found
    }
}

/// Describes one of several places.
fn in_words(found: &ImageFinding) -> String {
    match &found.detail {
        Some(detail) => format!("{}: {detail}", found.verdict),
        None => found.verdict.to_string(),
    }
}

/// Returns a finding that is an all-clear.
pub(super) fn good(verdict: ImageVerdict) -> ImageFinding {
    ImageFinding {
        verdict,
        good: true,
        ..ImageFinding::default()
    }
}

/// Returns a finding that is not an all-clear.
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

/// Describes an image or a partition that cannot be judged.
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
