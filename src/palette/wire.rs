//! The API's JSON, as far as this tool reads or writes it.
//!
//! Names and types are those of the vendor's OpenAPI document ("Palette APIs - 4.8");
//! what is not read is left out, and unknown fields are ignored: a newer Palette may
//! send more. Absent and `null` are the same to it, so they are here, but for the `items`
//! of a list.

use serde::{Deserialize, Deserializer, Serialize};

/// `v1ClusterDefinitionEntity`: the body of `POST /v1/spectroclusters/spc/download`.
#[derive(Debug, Serialize)]
pub struct DefinitionRequest<'a> {
    /// `metadata`.
    pub metadata: RequestMetadata<'a>,
    /// `spec`.
    pub spec: RequestSpec<'a>,
}

/// `v1ObjectMetaInputEntity`.
#[derive(Debug, Serialize)]
pub struct RequestMetadata<'a> {
    /// `name`.
    pub name: &'a str,
}

/// `v1ClusterDefinitionSpecEntity`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestSpec<'a> {
    /// `cloudType`.
    pub cloud_type: &'a str,
    /// `profiles`, in the file's order.
    pub profiles: Vec<RequestProfile<'a>>,
}

/// `v1ClusterDefinitionProfileEntity`.
#[derive(Debug, Serialize)]
pub struct RequestProfile<'a> {
    /// `uid`.
    pub uid: &'a str,
    /// `packs`; not in the body where the file overrides none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub packs: Vec<RequestPack<'a>>,
}

/// `v1PackValuesEntity`.
#[derive(Debug, Serialize)]
pub struct RequestPack<'a> {
    /// `name`.
    pub name: &'a str,
    /// `tag`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<&'a str>,
    /// `values`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<&'a str>,
}

/// `v1Error`.
#[derive(Debug, Default, Deserialize)]
pub struct ApiError {
    /// `code`, such as `InvalidApiKey`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub code: String,
    /// `message`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub message: String,
}

/// A list answer: `v1ClusterProfilesMetadata` and `v1ProjectsMetadata`.
#[derive(Debug, Deserialize)]
#[serde(bound = "T: serde::de::DeserializeOwned")]
pub struct List<T> {
    /// `items`, which the contract requires: JSON without it is some other server's.
    #[serde(deserialize_with = "null_is_default")]
    pub items: Vec<T>,
}

/// `v1ObjectEntity`, and `v1ObjectMeta` as far as it is read.
#[derive(Debug, Default, Deserialize)]
pub struct Metadata {
    /// `name`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub name: String,
    /// `uid`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub uid: String,
    /// `annotations`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub annotations: std::collections::BTreeMap<String, String>,
}

/// `v1ProjectMetadata`.
#[derive(Debug, Deserialize)]
pub struct ProjectMetadata {
    /// `metadata`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub metadata: Metadata,
}

/// `v1ClusterProfileMetadata`.
#[derive(Debug, Deserialize)]
pub struct ProfileMetadata {
    /// `metadata`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub metadata: Metadata,
    /// `spec`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub spec: ProfileMetadataSpec,
}

/// `v1ClusterProfileMetadata.spec`.
#[derive(Debug, Default, Deserialize)]
pub struct ProfileMetadataSpec {
    /// `version`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub version: String,
}

/// One page of a list that has several: `v1ClusterProfilesSummary`.
#[derive(Debug, Deserialize)]
#[serde(bound = "T: serde::de::DeserializeOwned")]
pub struct Page<T> {
    /// `items`, which the contract requires.
    #[serde(deserialize_with = "null_is_default")]
    pub items: Vec<T>,
    /// `listmeta`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub listmeta: ListMeta,
}

/// `v1ListMetaData`.
#[derive(Debug, Default, Deserialize)]
pub struct ListMeta {
    /// `continue`: what asks for the next page; empty on the last one.
    #[serde(default, rename = "continue", deserialize_with = "null_is_default")]
    pub next: String,
}

/// `v1ClusterProfileSummary`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProfileSummary {
    /// `metadata`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub metadata: SummaryMetadata,
    /// `specSummary`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub spec_summary: SpecSummary,
}

/// `v1ObjectMeta` of a summary.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SummaryMetadata {
    /// `name`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub name: String,
    /// `uid`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub uid: String,
    /// `lastModifiedTimestamp`, RFC 3339.
    #[serde(default, deserialize_with = "null_is_default")]
    pub last_modified_timestamp: String,
}

/// `v1ClusterProfileSummary.specSummary`.
#[derive(Debug, Default, Deserialize)]
pub struct SpecSummary {
    /// `version`: the latest one, not always this profile's.
    #[serde(default, deserialize_with = "null_is_default")]
    pub version: String,
    /// `versions`: all of that name.
    #[serde(default, deserialize_with = "null_is_default")]
    pub versions: Vec<ProfileVersion>,
    /// `published`: the only part that is exported.
    pub published: Option<TemplateSummary>,
}

/// `v1ClusterProfileVersion`.
#[derive(Debug, Default, Deserialize)]
pub struct ProfileVersion {
    /// `uid`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub uid: String,
    /// `version`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub version: String,
}

/// `v1ClusterProfileTemplateSummary`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TemplateSummary {
    /// `cloudType`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub cloud_type: String,
    /// `type`: cluster, infra, add-on or system.
    #[serde(default, rename = "type", deserialize_with = "null_is_default")]
    pub kind: String,
}

/// `v1ClusterProfile`.
#[derive(Debug, Deserialize)]
pub struct ClusterProfile {
    /// `metadata`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub metadata: Metadata,
    /// `spec`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub spec: ClusterProfileSpec,
}

/// `v1ClusterProfileSpec`.
#[derive(Debug, Default, Deserialize)]
pub struct ClusterProfileSpec {
    /// `version`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub version: String,
    /// `published`: the only part that is exported.
    pub published: Option<Template>,
    /// `draft`: edited and not published.
    pub draft: Option<Template>,
}

/// `v1ClusterProfileTemplate`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Template {
    /// `cloudType`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub cloud_type: String,
    /// `type`: cluster, infra, add-on or system.
    #[serde(default, rename = "type", deserialize_with = "null_is_default")]
    pub kind: String,
    /// `profileVersion`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub profile_version: String,
    /// `packs`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub packs: Vec<PackRef>,
}

/// `v1PackRef`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PackRef {
    /// `name`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub name: String,
    /// `layer`: kernel, os, k8s, cni, csi or addon.
    #[serde(default, deserialize_with = "null_is_default")]
    pub layer: String,
    /// `tag`: what the user chose, may be `1.30.x`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub tag: String,
    /// `version`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub version: String,
    /// `digest`: pins what is installed.
    #[serde(default, deserialize_with = "null_is_default")]
    pub digest: String,
    /// `isInvalid`: the tag vanished from its registry.
    #[serde(default, deserialize_with = "null_is_default")]
    pub is_invalid: bool,
    /// `inValidReason`, as the vendor spells it.
    #[serde(
        default,
        rename = "inValidReason",
        deserialize_with = "null_is_default"
    )]
    pub invalid_reason: String,
}

/// Go servers send `null` where a field is empty.
fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_body_to_the_letter() {
        let request = DefinitionRequest {
            metadata: RequestMetadata {
                name: "cluster-profiles",
            },
            spec: RequestSpec {
                cloud_type: "edge-native",
                profiles: vec![RequestProfile {
                    uid: "65c90XXXXX770dae35",
                    packs: Vec::new(),
                }],
            },
        };
        assert_eq!(
            serde_json::to_string(&request).unwrap(),
            r#"{"metadata":{"name":"cluster-profiles"},"spec":{"cloudType":"edge-native","profiles":[{"uid":"65c90XXXXX770dae35"}]}}"#
        );
    }

    #[test]
    fn null_is_absent_and_more_is_ignored() {
        let profile: ClusterProfile = serde_json::from_str(
            r#"{"metadata":null,"spec":{"published":{"packs":[{"name":"a","isInvalid":null}]},"new":1}}"#,
        )
        .unwrap();
        let published = profile.spec.published.unwrap();
        assert_eq!(published.packs[0].name, "a");
        assert!(!published.packs[0].is_invalid);
        let list: List<ProjectMetadata> = serde_json::from_str(r#"{"items":null}"#).unwrap();
        assert!(list.items.is_empty());
    }
}
