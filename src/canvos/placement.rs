//! Where a definition is staged in a checkout, and what was found there.

use std::path::Path;

use super::directory::Stamp;
use crate::archive::Contents;
use crate::lockfile::{LockEntry, Lockfile};
use crate::util::digest::Digest;

macro_rules! overlay_directory {
    () => {
        "overlay/files-iso/opt/spectrocloud/clusterconfig"
    };
}

/// The directory of the overlay that holds cluster definitions (facts.md, 3).
pub const OVERLAY_DIRECTORY: &str = overlay_directory!();
/// A place where a definition is staged. Only with both are all targets right (canvos.md, 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// The file in the overlay, which is copied into every ISO.
    Overlay,
    /// The file in the checkout's root: what `CLUSTERCONFIG=spc.tgz` names, and what the MAAS
    /// script looks for first.
    Root,
}

impl Placement {
    /// Both placements, in the order in which they are written and removed. With
    /// `CLUSTERCONFIG=spc.tgz`, every target takes the root's file if there is one. So all
    /// targets embed the old definition until that file is renamed, last, and the new one from
    /// then on: there is no moment at which they disagree.
    pub const ALL: [Self; 2] = [Self::Overlay, Self::Root];

    /// Returns the path of the file, relative to the checkout.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Overlay => concat!(overlay_directory!(), "/spc.tgz"),
            Self::Root => "spc.tgz",
        }
    }

    /// Returns the directory of the file, relative to the checkout.
    pub(super) fn directory(self) -> &'static Path {
        Path::new(match self {
            Self::Overlay => OVERLAY_DIRECTORY,
            Self::Root => "",
        })
    }
}

/// What is at a placement, compared with a locked definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// The locked archive, byte for byte.
    Equal,
    /// Another archive with the same content.
    SameContent,
    /// Another definition, or no definition at all.
    Differs {
        /// The contents; `None` if the file is not an archive that passes the check.
        contents: Option<Contents>,
    },
    /// There is no file.
    Missing,
    /// Something other than a regular file with one hard link, by its kind.
    WrongKind(&'static str),
}

/// A placement as it was found.
#[derive(Debug)]
pub struct PlacementState {
    /// The placement.
    pub placement: Placement,
    /// What is there.
    pub state: State,
    /// The SHA-256 of the file, if it is a regular file.
    pub sha256: Option<Digest>,
    /// Whether a build can read the file: it has mode 0644 and one hard link.
    pub well_formed: bool,
}

impl PlacementState {
    /// Returns the name of the definition in `lock` whose archive this differing file is, if
    /// there is one.
    #[must_use]
    pub fn owner<'l>(&self, lock: &'l Lockfile) -> Option<&'l str> {
        let State::Differs {
            contents: Some(contents),
        } = &self.state
        else {
            return None;
        };
        Some(lock.owner_of(contents)?.0)
    }
}

/// What is at a placement, before it is compared with a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub(super) placement: Placement,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Absent,
    Odd(&'static str),
    File {
        sha256: Digest,
        /// The contents; `None` if the file is not an archive that passes the check.
        contents: Option<Contents>,
        well_formed: bool,
        /// The stamp of the file that was read.
        stamp: Stamp,
    },
}

impl Seen {
    /// Whether the file is exactly this archive, and a build can read it.
    pub(super) fn is_right(&self, archive: Digest) -> bool {
        matches!(self.kind, Kind::File { sha256, well_formed: true, .. } if sha256 == archive)
    }

    /// Whether the file was staged here, so that `record` has its digest, or is in `lock`.
    pub(super) fn is_ours(&self, record: &[Digest], lock: &Lockfile) -> bool {
        let Kind::File {
            sha256, contents, ..
        } = &self.kind
        else {
            return false;
        };
        record.contains(sha256)
            || lock.content_of(*sha256).is_some()
            || contents
                .as_ref()
                .is_some_and(|contents| lock.owner_of(contents).is_some())
    }

    /// Returns the kind of file, unless there is nothing or a regular file that may be an
    /// archive.
    pub(super) fn odd(&self) -> Option<&'static str> {
        match self.kind {
            Kind::Odd(kind) => Some(kind),
            Kind::Absent | Kind::File { .. } => None,
        }
    }

    /// Returns the stamp of the file; `None` if there is none.
    pub(super) fn stamp(&self) -> Option<&Stamp> {
        match &self.kind {
            Kind::File { stamp, .. } => Some(stamp),
            Kind::Absent | Kind::Odd(_) => None,
        }
    }

    /// Returns the placement.
    #[must_use]
    pub fn placement(&self) -> Placement {
        self.placement
    }

    /// Returns the contents; `None` if the file is not an archive that passes the check.
    #[must_use]
    pub fn contents(&self) -> Option<&Contents> {
        match &self.kind {
            Kind::File { contents, .. } => contents.as_ref(),
            Kind::Absent | Kind::Odd(_) => None,
        }
    }

    /// Compares what was found with `locked`.
    #[must_use]
    pub fn against(&self, locked: Option<&LockEntry>) -> PlacementState {
        let found = |state, sha256, well_formed| PlacementState {
            placement: self.placement,
            state,
            sha256,
            well_formed,
        };
        match &self.kind {
            Kind::Absent => found(State::Missing, None, true),
            Kind::Odd(kind) => found(State::WrongKind(kind), None, false),
            Kind::File {
                sha256,
                contents,
                well_formed,
                ..
            } => {
                let describes = |locked: &&LockEntry| {
                    let contents = contents.as_ref();
                    contents.is_some_and(|contents| locked.describes(contents))
                };
                let state = match locked.filter(describes) {
                    // The content alone is the identity: a lock whose `sha256` is that of
                    // another archive proves nothing.
                    Some(locked) => {
                        if locked.sha256 == *sha256 {
                            State::Equal
                        } else {
                            State::SameContent
                        }
                    }
                    None => State::Differs {
                        contents: contents.clone(),
                    },
                };
                found(state, Some(*sha256), *well_formed)
            }
        }
    }
}
