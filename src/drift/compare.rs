//! Compares profiles, packs and files, and returns the changes.

use std::cmp::Ordering;

use super::{Change, FileChange};
use crate::archive::{NamedFile, PROFILES};
use crate::lockfile::LockEntry;
use crate::resolve::{Pack, ResolvedProfile};
use crate::util::sanitize;

/// Compares the profiles, as Palette lists them.
#[must_use]
pub fn profiles(old: &[ResolvedProfile], new: &[ResolvedProfile]) -> Vec<Change> {
    let mut changes = Vec::new();
    for before in old {
        match new.iter().find(|after| after.uid == before.uid) {
            None => changes.push(Change::ProfileRemoved {
                profile: label(before),
                uid: before.uid.clone(),
            }),
            Some(after) => {
                if label(before) != label(after) {
                    changes.push(Change::ProfileRenamed {
                        from: label(before),
                        to: label(after),
                    });
                }
                if before.kind != after.kind {
                    changes.push(Change::ProfileRetyped {
                        profile: label(after),
                        from: before.kind.clone(),
                        to: after.kind.clone(),
                    });
                }
                if before.packs != after.packs {
                    packs(&label(after), &before.packs, &after.packs, &mut changes);
                }
            }
        }
    }
    for after in new {
        if !has(old, after) {
            changes.push(Change::ProfileAdded {
                profile: label(after),
                uid: after.uid.clone(),
            });
            if let Some(before) = replaced(after, old, new) {
                packs(&label(after), &before.packs, &after.packs, &mut changes);
            }
        }
    }
    if changes.is_empty() && old != new {
        changes.push(Change::Order);
    }
    changes
}

fn has(profiles: &[ResolvedProfile], one: &ResolvedProfile) -> bool {
    profiles.iter().any(|profile| profile.uid == one.uid)
}

/// Returns the profile that `added` is another version of: each version has a uid of its own.
/// Profiles of a project and of the tenant may share a name, and then it is not clear.
fn replaced<'p>(
    added: &ResolvedProfile,
    old: &'p [ResolvedProfile],
    new: &[ResolvedProfile],
) -> Option<&'p ResolvedProfile> {
    let mut removed = old
        .iter()
        .filter(|before| before.name == added.name && !has(new, before));
    let mut others = new
        .iter()
        .filter(|after| after.name == added.name && !has(old, after));
    match (removed.next(), removed.next(), others.nth(1)) {
        (Some(before), None, None) => Some(before),
        _ => None,
    }
}

/// Returns `name@version`.
fn label(profile: &ResolvedProfile) -> String {
    format!("{}@{}", profile.name, profile.version)
}

/// Compares the packs of a profile. A profile may contain a pack more than once: the first pack
/// with a name is compared with the first, the second with the second.
fn packs(profile: &str, old: &[Pack], new: &[Pack], changes: &mut Vec<Change>) {
    let profile = || profile.to_owned();
    for (at, before) in old.iter().enumerate() {
        match nth(new, before, occurrence(old, at)) {
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
    for (at, after) in new.iter().enumerate() {
        if nth(old, after, occurrence(new, at)).is_none() {
            changes.push(Change::PackAdded {
                profile: profile(),
                pack: after.clone(),
            });
        }
    }
}

/// Returns the number of packs with the same name before the one at `at`.
fn occurrence(packs: &[Pack], at: usize) -> usize {
    let before = packs[..at].iter();
    before.filter(|pack| pack.name == packs[at].name).count()
}

/// Returns the pack with the name of `named` that has `occurrence` others before it.
fn nth<'p>(packs: &'p [Pack], named: &Pack, occurrence: usize) -> Option<&'p Pack> {
    let mut same = packs.iter().filter(|pack| pack.name == named.name);
    same.nth(occurrence)
}

/// Compares everything in two lock entries. The result is empty if nothing changed, and
/// contains [`Change::Content`] if only the content changed but the profiles and packs are the
/// same.
#[must_use]
pub fn between(old: &LockEntry, new: &LockEntry) -> Vec<Change> {
    let mut changes = profiles(&old.profiles, &new.profiles);
    if changes.is_empty() && old.content_sha256 != new.content_sha256 {
        changes.push(Change::Content);
    }
    changes
}

/// Compares the files of two archives, both in the byte order of their paths. `profiles`
/// contains those of the new archive, then those of the old one.
#[must_use]
pub fn files(old: &[NamedFile], new: &[NamedFile], profiles: &[&ResolvedProfile]) -> Vec<Change> {
    let change = |path: &[u8], what| Change::File {
        profile: owner(path, profiles).map(label),
        path: sanitize::line(path),
        what,
    };
    let mut changes = Vec::new();
    let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
    loop {
        let order = match (old.peek(), new.peek()) {
            (Some((before, _)), Some((after, _))) => before.cmp(after),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return changes,
        };
        let before = if order.is_le() { old.next() } else { None };
        let after = if order.is_ge() { new.next() } else { None };
        match (before, after) {
            (Some((path, before)), Some((_, after))) => {
                if before.digest != after.digest {
                    changes.push(change(path, FileChange::Changed));
                }
            }
            (Some((path, _)), None) => changes.push(change(path, FileChange::Removed)),
            (None, Some((path, _))) => changes.push(change(path, FileChange::Added)),
            (None, None) => {}
        }
    }
}

/// Returns the profile whose directory contains `path`.
fn owner<'p>(path: &[u8], profiles: &[&'p ResolvedProfile]) -> Option<&'p ResolvedProfile> {
    let uid = path
        .strip_prefix(PROFILES.as_bytes())?
        .strip_prefix(b"/")?
        .split(|byte| *byte == b'/')
        .next()?;
    let mut profiles = profiles.iter().copied();
    profiles.find(|profile| profile.uid.as_str().as_bytes() == uid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::File;
    use crate::util::digest::Digest;
    use crate::util::uid::Uid;

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
                "profile p2@1.0.0 removed (222222222222222222222222)",
                "profile p3@1.0.0 added (333333333333333333333333)",
            ]
        );
        assert!(profiles(&old, &old).is_empty());
        let turned: Vec<_> = old.iter().rev().cloned().collect();
        assert_eq!(profiles(&old, &turned), [Change::Order]);
    }

    #[test]
    fn another_version_of_a_profile_is_told_pack_by_pack() {
        let version = |digit: char, version: &str, tag: &str| ResolvedProfile {
            name: "p".into(),
            ..profile(digit, version, &[pack("edge-k3s", tag, "")])
        };
        let told = |old: &[ResolvedProfile], new: &[ResolvedProfile]| -> Vec<String> {
            let changes = profiles(old, new);
            changes.iter().map(ToString::to_string).collect()
        };
        let (old, new) = (
            version('1', "1.0.0", "1.30.4"),
            version('2', "1.1.0", "1.31.1"),
        );
        let whole = [
            "profile p@1.0.0 removed (111111111111111111111111)",
            "profile p@1.1.0 added (222222222222222222222222)",
        ];
        let pack = "p@1.1.0: edge-k3s 1.30.4 → 1.31.1 (layer k8s)";
        let one = told(std::slice::from_ref(&old), std::slice::from_ref(&new));
        assert_eq!(one, [whole[0], whole[1], pack]);
        // It is not clear which of two became which.
        let third = version('3', "1.2.0", "1.32.0");
        let two = told(std::slice::from_ref(&old), &[new.clone(), third.clone()]);
        assert!(!two.iter().any(|line| line.contains("edge-k3s")), "{two:?}");
        let two = told(&[old.clone(), third.clone()], std::slice::from_ref(&new));
        assert!(!two.iter().any(|line| line.contains("edge-k3s")), "{two:?}");
        // The old one is still there.
        let beside = told(std::slice::from_ref(&old), &[old.clone(), new]);
        assert_eq!(beside, [whole[1]]);
    }

    #[test]
    fn a_pack_that_is_there_twice_is_compared_with_its_own() {
        let twice = |first: &str, second: &str| {
            let packs = [pack("note", first, ""), pack("note", second, "")];
            [profile('1', "1.0.0", &packs)]
        };
        let told = |old: &[ResolvedProfile], new: &[ResolvedProfile]| -> Vec<String> {
            let changes = profiles(old, new);
            changes.iter().map(ToString::to_string).collect()
        };
        let old = twice("1", "2");
        assert!(profiles(&old, &old).is_empty());
        let changed = ["p1@1.0.0: note 2 → 3 (layer k8s)"];
        assert_eq!(told(&old, &twice("1", "3")), changed);
        let once = [profile('1', "1.0.0", &[pack("note", "1", "")])];
        assert_eq!(told(&old, &once), ["p1@1.0.0: note 2 removed (layer k8s)"]);
        assert_eq!(told(&once, &old), ["p1@1.0.0: note 2 added (layer k8s)"]);
        // The user's own manifests have no tag.
        let bare = [profile('1', "1.0.0", &[pack("mine", "", "")])];
        let none = [profile('1', "1.0.0", &[])];
        assert_eq!(told(&none, &bare), ["p1@1.0.0: mine added (layer k8s)"]);
        let mut other = bare.clone();
        other[0].packs[0].digest = "x".into();
        assert_eq!(
            told(&bare, &other),
            ["p1@1.0.0: mine other digest (layer k8s)"]
        );
        other[0].packs[0].version = "2".into();
        assert_eq!(told(&bare, &other), ["p1@1.0.0: mine none → 2 (layer k8s)"]);
        other[0].packs[0] = bare[0].packs[0].clone();
        other[0].packs[0].layer = "os".into();
        assert_eq!(told(&bare, &other), ["p1@1.0.0: mine (layer k8s → os)"]);
    }

    #[test]
    fn files_are_compared_by_path() {
        let named = |entries: &[(&str, &str)]| -> Vec<NamedFile> {
            let file = |text: &str| File {
                digest: Digest::of(text),
                size: 1,
            };
            entries
                .iter()
                .map(|(path, text)| (path.as_bytes().to_vec(), file(text)))
                .collect()
        };
        let uid = "1".repeat(24);
        let variables = format!("spc/app/profiles/{uid}/variables.json");
        let old = named(&[(&variables, "1"), ("spc/b", "1"), ("spc/c", "1")]);
        let new = named(&[
            ("spc/a", "1"),
            (&variables, "2"),
            ("spc/c", "1"),
            ("spc/d\n", "1"),
        ]);
        let profile = profile('1', "1.0.0", &[]);
        let profiles = [&profile];
        let told: Vec<String> = files(&old, &new, &profiles)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            told,
            [
                "spc/a added".to_owned(),
                format!("p1@1.0.0: variables in {variables} changed"),
                "spc/b removed".into(),
                "spc/d\\n added".into(),
            ]
        );
        assert!(files(&old, &old, &profiles).is_empty());
        assert_eq!(files(&old, &[], &profiles).len(), 3);
    }
}
