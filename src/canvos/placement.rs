//! Where a definition goes in a checkout, and what was found there.

use std::path::Path;

use super::directory::Stamp;
use crate::lockfile::{LockEntry, Lockfile};
use crate::util::digest::Digest;

macro_rules! overlay_directory {
    () => {
        "overlay/files-iso/opt/spectrocloud/clusterconfig"
    };
}

/// The directory of the overlay that cluster definitions go to (facts.md, 3).
pub const OVERLAY_DIRECTORY: &str = overlay_directory!();
/// Where a definition is staged. All targets are right only with both (canvos.md, 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// Copied into every ISO.
    Overlay,
    /// What `CLUSTERCONFIG=spc.tgz` names, and what the MAAS script looks for first.
    Root,
}

impl Placement {
    /// In the order in which they are written and removed. With `CLUSTERCONFIG=spc.tgz`
    /// every target takes the root's file where there is one, so until that is renamed,
    /// last, all targets still embed the old definition, and from then on all embed the
    /// new one: there is no moment at which they disagree.
    pub const ALL: [Self; 2] = [Self::Overlay, Self::Root];

    /// Relative to the checkout.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Overlay => concat!(overlay_directory!(), "/spc.tgz"),
            Self::Root => "spc.tgz",
        }
    }

    /// The directory of its file, relative to the checkout.
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
        /// Of what it holds; `None` where it is not an archive that passes the check.
        content_sha256: Option<Digest>,
    },
    /// Nothing.
    Missing,
    /// Not a regular file with one name: what it is.
    WrongKind(&'static str),
}

/// A placement as it was found.
#[derive(Debug)]
pub struct PlacementState {
    /// Which.
    pub placement: Placement,
    /// What is there.
    pub state: State,
    /// Of the file's bytes, where it is a regular file.
    pub sha256: Option<Digest>,
    /// Whether a build can read it: mode 0644, one name.
    pub well_formed: bool,
}

impl PlacementState {
    /// The definition of `lock` that this differing file is, if it is one.
    #[must_use]
    pub fn owner<'l>(&self, lock: &'l Lockfile) -> Option<&'l str> {
        let State::Differs {
            content_sha256: Some(content),
        } = &self.state
        else {
            return None;
        };
        Some(lock.owner_of(*content)?.0)
    }
}

/// What is at a placement, whatever it is compared with.
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
        /// Of what it holds; `None` where it is not an archive that passes the check.
        content_sha256: Option<Digest>,
        well_formed: bool,
        /// Of the file that was read.
        stamp: Stamp,
    },
}

impl Seen {
    /// Whether it is this very archive, as a build can read it.
    pub(super) fn is_right(&self, archive: Digest) -> bool {
        matches!(self.kind, Kind::File { sha256, well_formed: true, .. } if sha256 == archive)
    }

    /// Whether it is a file that was staged here, of which `record` has the digests, or one
    /// that `lock` has.
    pub(super) fn is_ours(&self, record: &[Digest], lock: &Lockfile) -> bool {
        let Kind::File {
            sha256,
            content_sha256,
            ..
        } = self.kind
        else {
            return false;
        };
        record.contains(&sha256)
            || lock.content_of(sha256).is_some()
            || content_sha256.is_some_and(|content| lock.owner_of(content).is_some())
    }

    /// What it is, if it is neither nothing nor a regular file that may be an archive.
    pub(super) fn odd(&self) -> Option<&'static str> {
        match self.kind {
            Kind::Odd(kind) => Some(kind),
            Kind::Absent | Kind::File { .. } => None,
        }
    }

    /// Of the file; `None` for nothing.
    pub(super) fn stamp(&self) -> Option<&Stamp> {
        match &self.kind {
            Kind::File { stamp, .. } => Some(stamp),
            Kind::Absent | Kind::Odd(_) => None,
        }
    }

    /// Where it is.
    #[must_use]
    pub fn placement(&self) -> Placement {
        self.placement
    }

    /// The digest of what it holds; `None` where it is not an archive that passes the check.
    #[must_use]
    pub fn content(&self) -> Option<Digest> {
        match self.kind {
            Kind::File { content_sha256, .. } => content_sha256,
            Kind::Absent | Kind::Odd(_) => None,
        }
    }

    /// Compares it with `locked`.
    #[must_use]
    pub fn against(&self, locked: Option<&LockEntry>) -> PlacementState {
        let found = |state, sha256, well_formed| PlacementState {
            placement: self.placement,
            state,
            sha256,
            well_formed,
        };
        match self.kind {
            Kind::Absent => found(State::Missing, None, true),
            Kind::Odd(kind) => found(State::WrongKind(kind), None, false),
            Kind::File {
                sha256,
                content_sha256,
                well_formed,
                ..
            } => {
                let state = match locked {
                    // The content alone is the identity: a lock whose `sha256` is that of
                    // another archive proves nothing.
                    Some(locked) if content_sha256 == Some(locked.content_sha256) => {
                        if locked.sha256 == sha256 {
                            State::Equal
                        } else {
                            State::SameContent
                        }
                    }
                    _ => State::Differs { content_sha256 },
                };
                found(state, Some(sha256), well_formed)
            }
        }
    }
}
