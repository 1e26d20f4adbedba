//! Compares a locked definition with Palette's current state.
//!
//! Input: two [`LockEntry`](crate::lockfile::LockEntry) values, and the content of two
//! archives. Output: the changes, worded for a review.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use crate::resolve::Pack;
use crate::util::sanitize;
use crate::util::uid::Uid;
use crate::variables;

mod compare;
mod excerpt;
pub(crate) mod messages;
mod unified_diff;

pub use compare::{between, files, profiles};
pub use excerpt::place;
pub use unified_diff::{Side, unified};

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Change {
    /// A profile was added.
    ProfileAdded {
        /// `name@version` of the profile.
        profile: String,
        /// Uid of the profile that was added or removed; another profile may have the
        /// same name.
        uid: Uid,
    },
    /// A profile was removed.
    ProfileRemoved {
        /// `name@version` of the profile.
        profile: String,
        /// Uid of the profile that was added or removed; another profile may have the
        /// same name.
        uid: Uid,
    },
    /// The same profile has another name or version.
    ProfileRenamed {
        /// Locked state: `name@version` or type of a profile, or a pack.
        from: String,
        /// State in Palette: `name@version` or type of a profile, or a pack.
        to: String,
    },
    /// The same profile has another type.
    ProfileRetyped {
        /// `name@version` of the profile.
        profile: String,
        /// Locked state: `name@version` or type of a profile, or a pack.
        from: String,
        /// State in Palette: `name@version` or type of a profile, or a pack.
        to: String,
    },
    /// A pack was added.
    PackAdded {
        /// `name@version` of the profile.
        profile: String,
        /// Pack that was added or removed.
        pack: Pack,
    },
    /// A pack was removed.
    PackRemoved {
        /// `name@version` of the profile.
        profile: String,
        /// Pack that was added or removed.
        pack: Pack,
    },
    /// A pack has another version, digest or layer.
    PackChanged {
        /// `name@version` of the profile.
        profile: String,
        /// Locked state: `name@version` or type of a profile, or a pack.
        from: Pack,
        /// State in Palette: `name@version` or type of a profile, or a pack.
        to: Pack,
    },
    /// A file of the archive was added, removed or changed.
    File {
        /// `name@version` of the profile.
        profile: Option<String>,
        /// Path of the file in the archive, in printable form.
        path: String,
        /// How the file changed.
        what: FileChange,
    },
    /// Values, manifests or variables in the archive changed. Without the locked archive,
    /// edgestage cannot determine which files.
    Content,
    /// The same profiles or packs are in another order.
    Order,
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FileChange {
    /// The file was added.
    Added,
    /// The file was removed.
    Removed,
    /// The content of the file changed.
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
        match self {
            Self::ProfileAdded { profile, uid } => {
                write!(f, "profile {} added ({uid})", shown(profile))
            }
            Self::ProfileRemoved { profile, uid } => {
                write!(f, "profile {} removed ({uid})", shown(profile))
            }
            Self::ProfileRetyped { profile, from, to } => {
                let [profile, from, to] = [profile, from, to].map(|text| shown(text));
                write!(f, "profile {profile}: type {from} → {to}")
            }
            Self::ProfileRenamed { from, to } => {
                write!(f, "profile {} → {}", shown(from), shown(to))
            }
            Self::PackAdded { profile, pack } => came_or_went(f, profile, pack, "added"),
            Self::PackRemoved { profile, pack } => came_or_went(f, profile, pack, "removed"),
            Self::PackChanged { profile, from, to } => changed(f, profile, from, to),
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
            Self::Content => f.write_str(
                "values, manifests or variables in the archive changed (the locked archive is not \
                 in the cache, so the files are unknown)",
            ),
            Self::Order => f.write_str("the order of profiles or packs changed"),
        }
    }
}

fn shown(text: &str) -> String {
    sanitize::line(text.as_bytes())
}

fn came_or_went(f: &mut fmt::Formatter<'_>, profile: &str, pack: &Pack, what: &str) -> fmt::Result {
    let [profile, name, tag, layer] = [profile, &pack.name, &pack.tag, &pack.layer].map(shown);
    // The user's own manifests have no tag.
    let gap = if tag.is_empty() { "" } else { " " };
    write!(f, "{profile}: {name}{gap}{tag} {what} (layer {layer})")
}

/// Returns the most significant difference between two states of a pack: the tag, then the
/// version, then the digest.
#[must_use]
pub fn difference(from: &Pack, to: &Pack) -> String {
    let tag = shown(&to.tag);
    let moved = |from: &str, to: &str| {
        let [from, to] = [from, to].map(|text| match text {
            "" => "none".to_owned(),
            text => shown(text),
        });
        format!("{from} → {to}")
    };
    // The user's own manifests have no tag.
    let behind = |what: &str, gap: &str| match tag.as_str() {
        "" => what.to_owned(),
        tag => format!("{tag}{gap} {what}"),
    };
    if from.tag != to.tag {
        moved(&from.tag, &to.tag)
    } else if from.version != to.version {
        behind(&moved(&from.version, &to.version), ":")
    } else if from.digest != to.digest {
        behind("other digest", ",")
    } else {
        tag
    }
}

/// Writes a changed pack, including its layer if that differs.
fn changed(f: &mut fmt::Formatter<'_>, profile: &str, from: &Pack, to: &Pack) -> fmt::Result {
    let difference = difference(from, to);
    let gap = if difference.is_empty() { "" } else { " " };
    write!(
        f,
        "{}: {}{gap}{difference}",
        shown(profile),
        shown(&to.name)
    )?;
    let layer = shown(&to.layer);
    if from.layer == to.layer {
        write!(f, " (layer {layer})")
    } else {
        write!(f, " (layer {} → {layer})", shown(&from.layer))
    }
}
