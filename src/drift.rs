//! What changed between a locked definition and what Palette has now.
//!
//! In: two [`Locked`](crate::lock::Locked) entries, and what two archives hold. Out: the
//! changes, in the words that a review needs.

use std::fmt;

use serde::Serialize;

use crate::printable;
use crate::resolve::Pack;
use crate::variables;

mod compare;
mod text;

pub use compare::{between, files, profiles};
pub use text::unified;

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Change {
    /// A profile that was not there.
    ProfileAdded {
        /// `name@version`.
        profile: String,
    },
    /// A profile that is not there any more.
    ProfileRemoved {
        /// `name@version`.
        profile: String,
    },
    /// The same profile under another name or version.
    ProfileRenamed {
        /// `name@version`.
        from: String,
        /// `name@version`.
        to: String,
    },
    /// A pack that was not there.
    PackAdded {
        /// `name@version` of the profile.
        profile: String,
        /// The pack.
        pack: Pack,
    },
    /// A pack that is not there any more.
    PackRemoved {
        /// `name@version` of the profile.
        profile: String,
        /// The pack.
        pack: Pack,
    },
    /// A pack in another version, or with another digest.
    PackChanged {
        /// `name@version` of the profile.
        profile: String,
        /// As locked.
        from: Pack,
        /// As Palette has it.
        to: Pack,
    },
    /// A file of the archive.
    File {
        /// `name@version` of the profile that it belongs to, where it does.
        profile: Option<String>,
        /// In the archive, printable.
        path: String,
        /// What became of it.
        what: FileChange,
    },
    /// What is in the archive, besides packs: values, manifests or variables. Which
    /// files that is cannot be told without the locked archive.
    Content,
    /// The profiles, or packs, are the same ones in another order.
    Order,
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileChange {
    /// It was not there.
    Added,
    /// It is not there any more.
    Removed,
    /// Its content is another.
    Changed,
}

impl fmt::Display for FileChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
        })
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |text: &str| printable::line(text.as_bytes());
        match self {
            Self::ProfileAdded { profile } => write!(f, "profile {} added", shown(profile)),
            Self::ProfileRemoved { profile } => write!(f, "profile {} removed", shown(profile)),
            Self::ProfileRenamed { from, to } => {
                write!(f, "profile {} → {}", shown(from), shown(to))
            }
            Self::PackAdded { profile, pack } => {
                write!(
                    f,
                    "{}: {} {} added (layer {})",
                    shown(profile),
                    shown(&pack.name),
                    shown(&pack.tag),
                    shown(&pack.layer)
                )
            }
            Self::PackRemoved { profile, pack } => {
                write!(
                    f,
                    "{}: {} {} removed (layer {})",
                    shown(profile),
                    shown(&pack.name),
                    shown(&pack.tag),
                    shown(&pack.layer)
                )
            }
            Self::PackChanged { profile, from, to } => {
                write!(f, "{}: {} ", shown(profile), shown(&to.name))?;
                if from.tag != to.tag {
                    write!(f, "{} → {}", shown(&from.tag), shown(&to.tag))?;
                } else if from.version != to.version {
                    write!(
                        f,
                        "{} ({} → {})",
                        shown(&to.tag),
                        shown(&from.version),
                        shown(&to.version)
                    )?;
                } else if from.digest != to.digest {
                    write!(f, "{}, other digest", shown(&to.tag))?;
                } else {
                    write!(f, "moved from layer {}", shown(&from.layer))?;
                }
                write!(f, " (layer {})", shown(&to.layer))
            }
            Self::File {
                profile,
                path,
                what,
            } => {
                if let Some(profile) = profile {
                    write!(f, "{}: ", shown(profile))?;
                }
                if variables::uid_in(path).is_some() {
                    f.write_str("variables in ")?;
                }
                write!(f, "{path} {what}")
            }
            Self::Content => f.write_str("values, manifests or variables in the archive"),
            Self::Order => f.write_str("the order of profiles or packs"),
        }
    }
}
