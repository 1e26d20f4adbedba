//! The OCI artifact of a definition: its manifest and its tag.
//!
//! Input: a name and a lock entry. Output: the same bytes each time. Whatever is not in the
//! lock (the time, the machine, the version of edgestage) is not in the manifest either.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::lockfile::LockEntry;
use crate::util::digest::Digest;

/// The header with the digest of what was sent or asked for.
pub(super) const DIGEST: &str = "docker-content-digest";
/// The media type of a manifest.
pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// The type of the artifact.
const ARTIFACT: &str = "application/vnd.edgestage.cluster-definition.v1";
/// The media type of a config that says nothing (OCI image specification, "Guidance for an
/// Empty Descriptor").
const EMPTY: &str = "application/vnd.oci.empty.v1+json";
/// The content of that config.
pub(super) const CONFIG: &[u8] = b"{}";
/// The media type of the archive.
const LAYER: &str = "application/gzip";
/// The file name under which tools save the archive.
const TITLE: &str = "spc.tgz";
/// The maximum length of a definition's name in a tag: a tag has at most 128 characters.
const LONGEST_NAME: usize = 115;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    schema_version: u8,
    media_type: &'static str,
    artifact_type: &'static str,
    config: Descriptor,
    layers: [Descriptor; 1],
    annotations: BTreeMap<&'static str, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: &'static str,
    digest: String,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'static str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<&'static str, String>,
}

/// Returns a digest as registries write it.
pub(super) fn reference(digest: Digest) -> String {
    format!("sha256:{digest}")
}

/// Returns the tag of the definition `name`, which keeps the archive from the registry's
/// garbage collection.
pub(super) fn tag(name: &str, locked: &LockEntry) -> String {
    let cut: String = name.chars().take(LONGEST_NAME).collect();
    format!("{cut}-{}", locked.sha256.short())
}

/// Returns the manifest of the definition `name`.
pub(super) fn manifest(name: &str, locked: &LockEntry) -> Result<Vec<u8>, serde_json::Error> {
    let profiles = locked.profiles.iter();
    let profiles: Vec<String> = profiles
        .map(|profile| format!("{}@{}", profile.name, profile.version))
        .collect();
    let packs = locked.profiles.iter().flat_map(|profile| &profile.packs);
    let packs: Vec<String> = packs
        .map(|pack| match pack.tag.as_str() {
            "" => pack.name.clone(),
            tag => format!("{}@{tag}", pack.name),
        })
        .collect();
    let annotations = BTreeMap::from([
        (
            "vnd.edgestage.content-sha256",
            locked.content_sha256.to_string(),
        ),
        ("vnd.edgestage.definition", name.to_owned()),
        ("vnd.edgestage.packs", packs.join(", ")),
        ("vnd.edgestage.profiles", profiles.join(", ")),
    ]);
    serde_json::to_vec(&Manifest {
        schema_version: 2,
        media_type: MANIFEST,
        artifact_type: ARTIFACT,
        config: Descriptor {
            media_type: EMPTY,
            digest: reference(Digest::of(CONFIG)),
            size: CONFIG.len() as u64,
            data: Some("e30="),
            annotations: BTreeMap::new(),
        },
        layers: [Descriptor {
            media_type: LAYER,
            digest: reference(locked.sha256),
            size: locked.size,
            data: None,
            annotations: BTreeMap::from([("org.opencontainers.image.title", TITLE.to_owned())]),
        }],
        annotations,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resolve::{Pack, ResolvedProfile};
    use crate::util::uid::Uid;

    fn locked() -> LockEntry {
        let pack = |name: &str, tag: &str| Pack {
            name: name.into(),
            layer: "k8s".into(),
            tag: tag.into(),
            version: "9".into(),
            digest: String::new(),
        };
        LockEntry {
            endpoint: "https://palette.example".into(),
            project: None,
            asked_sha256: Digest::of("asked"),
            content_sha256: Digest::of("content"),
            sha256: Digest::of("archive"),
            size: 4096,
            profiles: vec![ResolvedProfile {
                uid: Uid::parse("65c90a1b2c3d4e5f770daee5").unwrap(),
                name: "edge-infra".into(),
                version: "2.1.0".into(),
                kind: "infra".into(),
                packs: vec![pack("edge-k3s", "1.30.x"), pack("bare", "")],
            }],
        }
    }

    /// The bytes are what signatures are made over, so they must not change by accident.
    #[test]
    fn the_manifest_is_the_same_bytes_each_time() {
        let text = String::from_utf8(manifest("factory", &locked()).unwrap()).unwrap();
        let expected = concat!(
            r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","#,
            r#""artifactType":"application/vnd.edgestage.cluster-definition.v1","#,
            r#""config":{"mediaType":"application/vnd.oci.empty.v1+json","#,
            r#""digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2,"data":"e30="},"#,
            r#""layers":[{"mediaType":"application/gzip","#,
            r#""digest":"sha256:93c39f3aa53be1a7b15e49b7a3d4b8a98e75ee7ea10a1efce2e65d8dbd9c2d62","size":4096,"#,
            r#""annotations":{"org.opencontainers.image.title":"spc.tgz"}}],"#,
            r#""annotations":{"vnd.edgestage.content-sha256":"ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73","#,
            r#""vnd.edgestage.definition":"factory","vnd.edgestage.packs":"edge-k3s@1.30.x, bare","#,
            r#""vnd.edgestage.profiles":"edge-infra@2.1.0"}}"#,
        );
        let archive = Digest::of("archive").to_string();
        let expected = expected.replace(
            "93c39f3aa53be1a7b15e49b7a3d4b8a98e75ee7ea10a1efce2e65d8dbd9c2d62",
            &archive,
        );
        assert_eq!(text, expected);
    }

    #[test]
    fn a_tag_has_at_most_128_characters() {
        let short = &Digest::of("archive").to_string()[..12];
        assert_eq!(tag("site.a", &locked()), format!("site.a-{short}"));
        let long = tag(&"x".repeat(200), &locked());
        assert_eq!(long.len(), 128);
        assert!(long.ends_with(&format!("x-{short}")));
    }
}
