//! Verdicts about what the suite's simulated Palette cannot make.

use std::path::Path;

use super::*;
use crate::manifest::Manifest;

const UID: &str = "65c90a1b2c3d4e5f770daee5";

fn manifest(packs: &str) -> Manifest {
    let text = format!("[definition.a]\nprofiles = [{{ uid = \"{UID}\"{packs} }}]\n");
    Manifest::parse(
        &text,
        Path::new("profiles.toml"),
        Path::new("profiles.toml"),
    )
    .unwrap()
}

fn locked() -> LockEntry {
    let pack = |tag: &str, version: &str| Pack {
        name: "edge-k3s".into(),
        layer: "k8s".into(),
        tag: tag.into(),
        version: version.into(),
        digest: String::new(),
    };
    LockEntry {
        endpoint: "https://api.spectrocloud.com".into(),
        project: None,
        asked_sha256: Digest::of("a"),
        content_sha256: Digest::of("b"),
        sha256: Digest::of("c"),
        size: 1,
        profiles: vec![ResolvedProfile {
            uid: crate::util::uid::Uid::parse(UID).unwrap(),
            name: "edge".into(),
            version: FIRST_VERSION.into(),
            kind: "infra".into(),
            packs: vec![pack("1.30.x", "1.30.4")],
        }],
    }
}

/// The verdict for a host whose pack has this version, where `packs` are the overrides.
fn verdict(packs: &str, profile_version: &str, version: &str) -> Verdict {
    let found = format!(
        "{{\"clusterProfileDetails\":[{{\"profileUid\":\"{UID}\",\"profileName\":\"edge\",\
         \"profileVersion\":\"{profile_version}\",\
         \"packs\":[{{\"name\":\"edge-k3s\",\"version\":\"{version}\"}}]}}]}}"
    );
    let manifest = manifest(packs);
    let expected = Expected {
        locked: &locked(),
        definition: &manifest.definitions["a"],
        archive: None,
    };
    let report = compare(&serde_json::from_str(&found).unwrap(), expected);
    assert_eq!(report.variables, Shown::NotCompared);
    report.verdict
}

/// It is not known which of the two a host shows.
#[test]
fn a_pack_is_shown_with_its_tag_or_its_version() {
    for (version, expected) in [
        ("1.30.x", Verdict::Same),
        ("1.30.4", Verdict::Same),
        ("1.30.5", Verdict::Differs),
        ("", Verdict::Differs),
    ] {
        assert_eq!(verdict("", "1.0.0", version), expected, "{version}");
    }
}

/// An override's tag is in the definition, and not in the lock entry's packs.
#[test]
fn an_overridden_tag_is_expected() {
    for (tag, version, expected) in [
        ("1.29.8", "1.29.8", Verdict::Same),
        ("1.29.8", "1.30.4", Verdict::Differs),
        ("1.29.x", "1.29.8", Verdict::Same),
        ("1.29.x", "1.29.x", Verdict::Same),
        ("1.29.x", "1.30.4", Verdict::Differs),
        ("1.29.x", "1.29", Verdict::Differs),
        ("1.29.x", "1.29.8.1", Verdict::Differs),
    ] {
        let packs = format!(", packs = [{{ name = \"edge-k3s\", tag = \"{tag}\" }}]");
        assert_eq!(
            verdict(&packs, "1.0.0", version),
            expected,
            "{tag} {version}"
        );
    }
}

/// Palette's first version of a profile may have no number.
#[test]
fn a_first_version_may_be_shown_without_a_number() {
    assert_eq!(verdict("", "", "1.30.4"), Verdict::Same);
    assert_eq!(verdict("", "1.0.1", "1.30.4"), Verdict::Differs);
}

fn facts(files: &[&str]) -> ArchiveFacts {
    let mut counted = BTreeMap::new();
    for text in files {
        *counted.entry(Digest::of(text)).or_insert(0) += 1;
    }
    ArchiveFacts {
        variables: BTreeMap::new(),
        files: counted,
    }
}

/// One empty file does not stand for the empty values of two packs.
#[test]
fn each_pack_needs_a_file_with_its_values() {
    let shown = |values: &[Option<&str>]| {
        let packs = values.iter().map(|values| wire::Pack {
            name: "a".into(),
            version: "1".into(),
            values: values.map(str::to_owned),
        });
        [wire::Profile {
            packs: packs.collect(),
            ..wire::Profile::default()
        }]
    };
    for (held, archive, expected) in [
        (vec![Some("x"), Some("")], vec!["", "x", "y"], Shown::Same),
        (vec![Some(""), Some("")], vec!["", "x"], Shown::NotFound),
        (vec![Some(""), Some("")], vec!["", ""], Shown::Same),
        (vec![Some("z")], vec!["x"], Shown::NotFound),
        (vec![None], vec!["", "x"], Shown::NotFound),
        (vec![], vec![], Shown::Same),
    ] {
        assert_eq!(
            values(&shown(&held), &facts(&archive)),
            expected,
            "{held:?}"
        );
    }
}
