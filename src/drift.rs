//! What changed between a locked definition and what Palette has now.
//!
//! In: two [`Locked`] entries. Out: the changes, in the words that a review needs.

use std::fmt;

use crate::lock::Locked;
use crate::printable;
use crate::resolve::{Pack, ResolvedProfile};

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A profile that was not there.
    ProfileAdded(String),
    /// A profile that is not there any more.
    ProfileRemoved(String),
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
    /// The packs are the same, but not what is in the archive: values, manifests or
    /// variables.
    Content,
    /// The profiles, or packs, are the same ones in another order.
    Order,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |text: &str| printable::line(text.as_bytes());
        match self {
            Self::ProfileAdded(profile) => write!(f, "profile {} added", shown(profile)),
            Self::ProfileRemoved(profile) => write!(f, "profile {} removed", shown(profile)),
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
            Self::Content => f.write_str("values, manifests or variables in the archive"),
            Self::Order => f.write_str("the order of profiles or packs"),
        }
    }
}

/// Compares the profiles, as Palette lists them.
#[must_use]
pub fn profiles(old: &[ResolvedProfile], new: &[ResolvedProfile]) -> Vec<Change> {
    let label = |profile: &ResolvedProfile| format!("{}@{}", profile.name, profile.version);
    let mut changes = Vec::new();
    for before in old {
        match new.iter().find(|after| after.uid == before.uid) {
            None => changes.push(Change::ProfileRemoved(label(before))),
            Some(after) => {
                if label(before) != label(after) {
                    changes.push(Change::ProfileRenamed {
                        from: label(before),
                        to: label(after),
                    });
                }
                if before.packs != after.packs {
                    packs(&label(after), &before.packs, &after.packs, &mut changes);
                }
            }
        }
    }
    for after in new {
        if !old.iter().any(|before| before.uid == after.uid) {
            changes.push(Change::ProfileAdded(label(after)));
        }
    }
    if changes.is_empty() && old != new {
        changes.push(Change::Order);
    }
    changes
}

fn packs(profile: &str, old: &[Pack], new: &[Pack], changes: &mut Vec<Change>) {
    let profile = || profile.to_owned();
    for before in old {
        match new.iter().find(|after| after.name == before.name) {
            Some(after) if after == before => {}
            Some(after) => changes.push(Change::PackChanged {
                profile: profile(),
                from: before.clone(),
                to: after.clone(),
            }),
            None => changes.push(Change::PackRemoved {
                profile: profile(),
                pack: before.clone(),
            }),
        }
    }
    for after in new {
        if !old.iter().any(|before| before.name == after.name) {
            changes.push(Change::PackAdded {
                profile: profile(),
                pack: after.clone(),
            });
        }
    }
}

/// Compares everything; empty where nothing changed.
#[must_use]
pub fn between(old: &Locked, new: &Locked) -> Vec<Change> {
    let mut changes = profiles(&old.profiles, &new.profiles);
    if changes.is_empty() && old.content_sha256 != new.content_sha256 {
        changes.push(Change::Content);
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::uid::Uid;

    fn pack(name: &str, tag: &str, digest: &str) -> Pack {
        Pack {
            name: name.into(),
            layer: "k8s".into(),
            tag: tag.into(),
            version: tag.into(),
            digest: digest.into(),
        }
    }

    fn profile(digit: char, version: &str, packs: &[Pack]) -> ResolvedProfile {
        ResolvedProfile {
            uid: Uid::parse(&digit.to_string().repeat(24)).unwrap(),
            name: format!("p{digit}"),
            version: version.into(),
            kind: "infra".into(),
            packs: packs.to_vec(),
        }
    }

    #[test]
    fn changes_are_told_pack_by_pack() {
        let old = [
            profile(
                '1',
                "1.0.0",
                &[
                    pack("edge-k3s", "1.30.4", "a"),
                    pack("gone", "1", "a"),
                    pack("same", "1", "a"),
                ],
            ),
            profile('2', "1.0.0", &[]),
        ];
        let new = [
            profile(
                '1',
                "1.1.0",
                &[
                    pack("edge-k3s", "1.31.1", "a"),
                    pack("same", "1", "b"),
                    pack("new", "2", "a"),
                ],
            ),
            profile('3', "1.0.0", &[]),
        ];
        let told: Vec<String> = profiles(&old, &new)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            told,
            [
                "profile p1@1.0.0 → p1@1.1.0",
                "p1@1.1.0: edge-k3s 1.30.4 → 1.31.1 (layer k8s)",
                "p1@1.1.0: gone 1 removed (layer k8s)",
                "p1@1.1.0: same 1, other digest (layer k8s)",
                "p1@1.1.0: new 2 added (layer k8s)",
                "profile p2@1.0.0 removed",
                "profile p3@1.0.0 added",
            ]
        );
        assert!(profiles(&old, &old).is_empty());
        let turned: Vec<_> = old.iter().rev().cloned().collect();
        assert_eq!(profiles(&old, &turned), [Change::Order]);
    }
}
