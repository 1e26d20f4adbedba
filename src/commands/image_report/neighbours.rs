//! The files beside the place of a definition, compared with the lock.
//!
//! The input is the entries of that directory, as they were examined. The output is their
//! effect on the verdict. A host copies every file of the directory, whatever its name
//! (canvos.md, T25): the locked definition is an all-clear only if no other file there may be
//! taken for a definition.

use super::judge::{Expectation, bad, good};
use super::report::{Advice, ImageFinding, ImageVerdict, Neighbour, NeighbourKind};
use crate::archive::Contents;
use crate::diagnostic::Trap;
use crate::image::{self, Beside, ImagePlace, PlaceEntry};
use crate::util::sanitize;

/// The number of neighbors that a line names.
const NAMED: usize = 3;
/// The number of characters of a neighbor's name that a line shows.
const LONGEST_NAME: usize = 64;

/// The files beside the place of the definition.
pub(super) struct Surroundings {
    /// All of them.
    pub named: Vec<Neighbour>,
    /// A description of them; empty if there are none.
    told: String,
    /// Whether the locked definition is there under another name.
    has_locked: bool,
    /// Whether another definition is there.
    has_other: bool,
    /// Whether something is there that a host may take for a definition, and that is not the
    /// locked one.
    is_doubtful: bool,
}

impl Surroundings {
    pub(super) fn of(expected: &Expectation<'_>, place: &ImagePlace) -> Self {
        let locked = expected.locked.map(|(_, locked)| locked);
        let contents = |beside: &Beside| match &beside.is {
            image::NeighbourFile::Archive(held) => held.content.as_ref().ok().cloned(),
            _ => None,
        };
        let is_locked = |beside: &Beside| {
            let contents = contents(beside);
            locked
                .zip(contents)
                .is_some_and(|(locked, contents)| locked.describes(&contents))
        };
        let mut beside = place.beside.iter();
        Self {
            named: place.beside.iter().map(|b| expected.named(b)).collect(),
            told: expected.told(place),
            has_locked: beside.clone().any(is_locked),
            has_other: beside
                .clone()
                .any(|b| contents(b).is_some() && !is_locked(b)),
            is_doubtful: place.more > 0 || beside.any(|b| !is_locked(b) && may_be_taken(b)),
        }
    }

    /// Combines the neighbors with the finding about the file with the right name.
    pub(super) fn of_entry(&self, own: ImageFinding) -> ImageFinding {
        if self.told.is_empty() {
            return own;
        }
        let beside = format!("next to it {}", self.told);
        let trap = Some(Trap::OtherName);
        match own.verdict {
            _ if own.good && self.is_doubtful => ImageFinding {
                advice: Advice::Remove,
                ..bad(ImageVerdict::Ambiguous, Some(beside), trap)
            },
            _ if own.good => ImageFinding {
                detail: Some(beside),
                trap,
                ..own
            },
            ImageVerdict::Missing | ImageVerdict::OverlayDropped => self.of_nothing(trap),
            _ => ImageFinding {
                detail: Some(match &own.detail {
                    Some(detail) => format!("{detail}; {beside}"),
                    None => beside,
                }),
                ..own
            },
        }
    }

    /// Returns the finding if no file has the right name.
    fn of_nothing(&self, trap: Option<Trap>) -> ImageFinding {
        let under = Some(format!("no `spc.tgz`, but {}", self.told));
        if self.has_locked && !self.is_doubtful {
            return ImageFinding {
                advice: Advice::Rename,
                ..bad(ImageVerdict::WrongName, under, trap)
            };
        }
        let verdict = if self.has_other {
            ImageVerdict::AnotherDefinition
        } else {
            ImageVerdict::Missing
        };
        bad(verdict, under, trap)
    }

    /// Returns the finding with `--expect-none`.
    pub(super) fn of_none(&self, entry: &PlaceEntry) -> ImageFinding {
        let is_there = matches!(entry, PlaceEntry::Odd(_) | PlaceEntry::File(_));
        let told = |text: String| Some(text).filter(|_| !self.told.is_empty());
        match (is_there, &self.told[..]) {
            (false, "") => good(ImageVerdict::None),
            (false, told) => bad(
                ImageVerdict::Unexpected,
                Some(told.to_owned()),
                Some(Trap::OtherName),
            ),
            (true, beside) => {
                let beside = told(format!("next to it {beside}"));
                bad(ImageVerdict::Unexpected, beside, Some(Trap::Leftovers))
            }
        }
    }
}

/// Whether a host may take the file for a definition. It does not take a directory, a special
/// file, or a file that is not an archive.
fn may_be_taken(beside: &Beside) -> bool {
    match &beside.is {
        image::NeighbourFile::Archive(_) | image::NeighbourFile::Unread(_) => true,
        image::NeighbourFile::Odd(kind) => *kind == "a symbolic link",
        image::NeighbourFile::NoArchive => false,
    }
}

impl Expectation<'_> {
    fn named(&self, beside: &Beside) -> Neighbour {
        let contents = match &beside.is {
            image::NeighbourFile::Archive(held) => held.content.as_ref().ok(),
            _ => None,
        };
        Neighbour {
            name: sanitize::line(&beside.name),
            kind: match &beside.is {
                image::NeighbourFile::Archive(_) if contents.is_some() => NeighbourKind::Definition,
                image::NeighbourFile::Archive(_) => NeighbourKind::NoDefinition,
                image::NeighbourFile::NoArchive => NeighbourKind::NoArchive,
                image::NeighbourFile::Odd(_) => NeighbourKind::WrongKind,
                image::NeighbourFile::Unread(_) => NeighbourKind::Unread,
            },
            definition: contents.and_then(|contents| self.owner(contents)),
            content_sha256: contents.map(|contents| contents.sha256),
        }
    }

    /// Returns the name of the definition with `content`; the expected one's if several have
    /// it.
    fn owner(&self, contents: &Contents) -> Option<String> {
        match self.locked {
            Some((name, locked)) if locked.describes(contents) => Some(name.to_owned()),
            _ => Some(self.lock.owner_of(contents)?.0.to_owned()),
        }
    }

    /// Describes the files beside the definition, the most important ones first.
    fn told(&self, place: &ImagePlace) -> String {
        let mut beside: Vec<&Beside> = place.beside.iter().collect();
        beside.sort_by_key(|beside| (!may_be_taken(beside), &beside.name));
        let mut told: Vec<String> = beside.iter().take(NAMED).map(|b| self.word(b)).collect();
        match beside.len().saturating_sub(NAMED) + place.more {
            0 => {}
            more => told.push(format!("{more} more")),
        }
        told.join("; ")
    }

    fn word(&self, beside: &Beside) -> String {
        let name = sanitize::excerpt(&beside.name, LONGEST_NAME);
        let is = match &beside.is {
            image::NeighbourFile::Odd(kind) => (*kind).to_owned(),
            image::NeighbourFile::NoArchive => "not an archive".to_owned(),
            image::NeighbourFile::Unread(why) => (*why).to_owned(),
            image::NeighbourFile::Archive(held) => match &held.content {
                Ok(contents) => self.definition(contents),
                Err(refusal) => format!("not a definition: {refusal}"),
            },
        };
        format!("`{name}`, {is}")
    }

    fn definition(&self, contents: &Contents) -> String {
        match self.locked {
            Some((_, locked)) if locked.describes(contents) => "the locked definition".to_owned(),
            _ => match self.lock.owner_of(contents) {
                Some((name, _)) => format!("the definition `{name}`"),
                None => format!("a definition with content {}", contents.sha256.short()),
            },
        }
    }
}
