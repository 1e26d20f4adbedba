//! The order of versions, and the listed versions that are newer than another.
//!
//! Input: versions as Palette lists them. Output: those that are newer, the newest first, and
//! those that have no order. Whether a version counts for a definition is for the caller.

use std::cmp::Ordering;

use semver::Version;

use crate::palette::wire::ProfileMetadata;
use crate::util::uid::Uid;

/// How one version stands to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionOrder {
    /// It is newer.
    Newer,
    /// It is older.
    Older,
    /// Neither is newer, or at least one has a form that has no order.
    Neither,
}

/// Returns how the version `one` stands to `other`.
#[must_use]
pub fn order(one: &str, other: &str) -> VersionOrder {
    let (Ok(one), Ok(other)) = (Version::parse(one), Version::parse(other)) else {
        return VersionOrder::Neither;
    };
    match one.cmp_precedence(&other) {
        Ordering::Greater => VersionOrder::Newer,
        Ordering::Less => VersionOrder::Older,
        Ordering::Equal => VersionOrder::Neither,
    }
}

/// A listed version that is newer than the present one.
pub(super) struct Listed<'k> {
    pub(super) parsed: Version,
    pub(super) version: &'k str,
    pub(super) uids: Vec<Uid>,
}

/// Returns the versions that are newer than `own`, the newest first. A pre-release counts only
/// if `own` is one.
pub(super) fn newer_than<'k>(own: &Version, named: &[&'k ProfileMetadata]) -> Vec<Listed<'k>> {
    let mut newer: Vec<Listed<'k>> = Vec::new();
    for profile in named {
        let (Ok(version), Ok(uid)) = (&profile.version, &profile.uid) else {
            continue;
        };
        let Ok(parsed) = Version::parse(version) else {
            continue;
        };
        let is_newer = parsed.cmp_precedence(own) == Ordering::Greater;
        if !is_newer || !parsed.pre.is_empty() && own.pre.is_empty() {
            continue;
        }
        match newer.iter_mut().find(|listed| listed.version == version) {
            // Some lists contain an item more than once.
            Some(listed) if listed.uids.contains(uid) => {}
            Some(listed) => listed.uids.push(uid.clone()),
            None => newer.push(Listed {
                parsed,
                version,
                uids: vec![uid.clone()],
            }),
        }
    }
    newer.sort_by(|a, b| b.parsed.cmp(&a.parsed));
    newer
}

/// Returns the versions that cannot be compared, each once.
pub(super) fn not_comparable<'k>(named: &[&'k ProfileMetadata]) -> Vec<&'k str> {
    let versions = named.iter().filter_map(|p| p.version.as_deref().ok());
    let mut others: Vec<&str> = versions.filter(|v| Version::parse(v).is_err()).collect();
    others.sort_unstable();
    others.dedup();
    others
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(version: &str, uid: u8) -> ProfileMetadata {
        ProfileMetadata {
            name: "edge".into(),
            uid: Ok(Uid::parse(&format!("65c90a1b2c3d4e5f770daee{uid}")).unwrap()),
            version: Ok(version.into()),
        }
    }

    fn newer(own: &str, known: &[ProfileMetadata]) -> Vec<String> {
        let named: Vec<&ProfileMetadata> = known.iter().collect();
        let newer = newer_than(&Version::parse(own).unwrap(), &named);
        newer
            .iter()
            .map(|listed| listed.version.to_owned())
            .collect()
    }

    #[test]
    fn versions_are_compared_by_number_and_precedence() {
        let known = [
            listed("1.9.0", 1),
            listed("1.10.0", 2),
            listed("2.0.0-rc.1", 3),
            listed("2.0.0-rc.10", 4),
            listed("2.0.0", 5),
            listed("v3.0.0", 6),
            listed("3.0", 7),
        ];
        assert_eq!(newer("1.9.0", &known), ["2.0.0", "1.10.0"]);
        assert_eq!(newer("2.0.0-rc.2", &known), ["2.0.0", "2.0.0-rc.10"],);
        assert_eq!(newer("2.0.0", &known), [""; 0]);
        let named: Vec<&ProfileMetadata> = known.iter().collect();
        assert_eq!(not_comparable(&named), ["3.0", "v3.0.0"]);
    }

    /// Build metadata is no precedence (semver.org, 10).
    #[test]
    fn build_metadata_is_not_newer() {
        assert_eq!(newer("1.0.0", &[listed("1.0.0+2", 1)]), [""; 0]);
        assert_eq!(order("1.0.0+2", "1.0.0"), VersionOrder::Neither);
        assert_eq!(order("1.10.0", "1.9.0"), VersionOrder::Newer);
        assert_eq!(order("1.0.0-rc.1", "1.0.0"), VersionOrder::Older);
        assert_eq!(order("1.0", "0.9.0"), VersionOrder::Neither);
    }

    #[test]
    fn a_version_has_each_uid_once() {
        let known = [listed("2.0.0", 1), listed("2.0.0", 1), listed("2.0.0", 2)];
        let named: Vec<&ProfileMetadata> = known.iter().collect();
        let newer = newer_than(&Version::parse("1.0.0").unwrap(), &named);
        assert_eq!(newer.len(), 1);
        assert_eq!(newer[0].uids.len(), 2);
    }
}
