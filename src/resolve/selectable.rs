//! The profiles that can be chosen for a definition for edge hosts, as Palette lists them.

use std::collections::BTreeMap;

use super::rules::ANY_CLOUD;
use crate::manifest::Reference;
use crate::palette::wire::ProfileSummary;
use crate::util::suggest::numbers;
use crate::util::uid::Uid;

/// A version of a profile that can be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectableProfile {
    /// `metadata.uid`.
    pub uid: Uid,
    /// `metadata.name`.
    pub name: String,
    /// The version.
    pub version: String,
    /// The type: cluster, infra, add-on or system.
    pub kind: String,
    /// The date of the last change, such as `2026-03-01`; empty if Palette does not provide it.
    pub changed: String,
}

impl SelectableProfile {
    /// Returns the preferred reference in `profiles.toml`: name and version, for readability,
    /// unless another profile in `all` has the same.
    #[must_use]
    pub fn reference(&self, all: &[Self]) -> Reference {
        let same = |other: &&Self| other.name == self.name && other.version == self.version;
        if all.iter().filter(same).count() > 1 {
            return Reference::Uid(self.uid.clone());
        }
        Reference::Version {
            name: self.name.clone(),
            version: self.version.clone(),
        }
    }
}

/// Returns the profiles in `summaries` that can be chosen for `cloud_type`: every published
/// version, sorted by name, the newest first.
#[must_use]
pub fn selectable_profiles(
    summaries: &[ProfileSummary],
    cloud_type: &str,
) -> Vec<SelectableProfile> {
    let mut found: BTreeMap<Uid, SelectableProfile> = BTreeMap::new();
    for summary in summaries {
        let Some(published) = &summary.published else {
            continue;
        };
        if published.cloud_type != cloud_type && published.cloud_type != ANY_CLOUD {
            continue;
        }
        // A profile that cannot be distinguished from others cannot be chosen.
        let (Ok(own), Ok(version)) = (&summary.uid, summary.own_version()) else {
            continue;
        };
        let changed = summary.changed.split('T').next().unwrap_or_default();
        found.insert(
            own.clone(),
            SelectableProfile {
                uid: own.clone(),
                name: summary.name.clone(),
                version: version.to_owned(),
                kind: published.kind.clone(),
                changed: changed.to_owned(),
            },
        );
    }
    let mut selectable: Vec<SelectableProfile> = found.into_values().collect();
    selectable.sort_by(|a, b| {
        let newest_first = || numbers(&b.version).cmp(&numbers(&a.version));
        a.name.cmp(&b.name).then_with(newest_first)
    });
    selectable
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::palette::wire::{ProfileVersion, TemplateSummary};

    fn uid(last: u8) -> Uid {
        Uid::parse(&format!("65c90a1b2c3d4e5f770daee{last}")).unwrap()
    }

    fn summary(last: u8, name: &str, cloud: &str) -> ProfileSummary {
        let known = |last: u8, version: &str| ProfileVersion {
            uid: uid(last),
            version: version.into(),
        };
        ProfileSummary {
            name: name.into(),
            uid: Ok(uid(last)),
            changed: "2026-03-01T10:00:00Z".into(),
            version: Ok("1.10.0".into()),
            versions: vec![known(1, "1.9.0"), known(2, "1.10.0")],
            published: Some(TemplateSummary {
                cloud_type: cloud.into(),
                kind: "infra".into(),
            }),
        }
    }

    #[test]
    fn what_fits_an_edge_host_newest_first() {
        let mut draft = summary(3, "draft", "edge-native");
        draft.published = None;
        let all = [
            summary(1, "edge", "edge-native"),
            draft,
            summary(2, "edge", "edge-native"),
            summary(4, "cloud", "aws"),
            summary(5, "any", "all"),
        ];
        let selectable = selectable_profiles(&all, "edge-native");
        let told: Vec<String> = selectable
            .iter()
            .map(|one| format!("{} {} {} {}", one.name, one.version, one.kind, one.changed))
            .collect();
        assert_eq!(
            told,
            [
                "any 1.10.0 infra 2026-03-01",
                "edge 1.10.0 infra 2026-03-01",
                "edge 1.9.0 infra 2026-03-01",
            ]
        );
        assert_eq!(
            selectable[2].reference(&selectable).to_string(),
            "edge@1.9.0"
        );
    }

    /// A project and the tenant may have profiles with the same name.
    #[test]
    fn what_is_called_the_same_is_named_by_its_uid() {
        let mut other = summary(6, "edge", "edge-native");
        other.versions[1].uid = uid(6);
        let selectable =
            selectable_profiles(&[summary(2, "edge", "edge-native"), other], "edge-native");
        assert_eq!(selectable.len(), 2);
        for one in &selectable {
            assert_eq!(one.reference(&selectable), Reference::Uid(one.uid.clone()));
        }
    }
}
