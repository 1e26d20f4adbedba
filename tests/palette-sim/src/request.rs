//! The contract's request bodies. Unknown fields, missing required ones, foreign
//! enum values and repeated items of `uniqueItems` lists are errors here, so that a
//! client that strays from the contract gets a 400 and not a guess.

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use crate::profile::Kind;

/// `v1ClusterDefinitionEntity`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Definition {
    #[serde(default)]
    pub(crate) metadata: Metadata,
    pub(crate) spec: Option<DefinitionSpec>,
}

/// `v1ObjectMetaInputEntity`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Metadata {
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default, rename = "annotations")]
    _annotations: std::collections::BTreeMap<String, String>,
    #[serde(default, rename = "labels")]
    _labels: std::collections::BTreeMap<String, String>,
}

/// `v1ClusterDefinitionSpecEntity`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct DefinitionSpec {
    pub(crate) cloud_type: String,
    pub(crate) profiles: Unique<DefinitionProfile>,
}

/// `v1ClusterDefinitionProfileEntity`.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DefinitionProfile {
    pub(crate) uid: String,
    #[serde(default)]
    pub(crate) packs: Unique<PackValues>,
}

/// `v1PackValuesEntity`.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PackValues {
    pub(crate) name: String,
    pub(crate) tag: Option<String>,
    #[serde(rename = "type")]
    _kind: Option<PackType>,
    pub(crate) values: Option<String>,
    #[serde(default)]
    pub(crate) manifests: Vec<ManifestUpdate>,
}

/// `v1ManifestRefUpdateEntity`.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ManifestUpdate {
    pub(crate) name: String,
    pub(crate) content: Option<String>,
    #[serde(rename = "uid")]
    _uid: Option<String>,
}

/// `v1PackType`.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PackType {
    Spectro,
    Helm,
    Manifest,
    Oci,
}

/// `v1ClusterProfileTemplateDraft`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct TemplateDraft {
    #[serde(rename = "cloudType")]
    _cloud_type: Option<String>,
    #[serde(default)]
    pub(crate) packs: Unique<PackManifest>,
    #[serde(rename = "type")]
    _kind: Option<Kind>,
}

/// `v1PackManifestEntity`.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct PackManifest {
    pub(crate) name: String,
    pub(crate) layer: Option<String>,
    pub(crate) tag: Option<String>,
    #[serde(rename = "type")]
    _kind: Option<PackType>,
    #[serde(rename = "manifests", default)]
    _manifests: Vec<ManifestInput>,
    #[serde(rename = "registryUid")]
    _registry_uid: Option<String>,
    #[serde(rename = "uid")]
    _uid: Option<String>,
    #[serde(rename = "values")]
    _values: Option<String>,
}

/// `v1ManifestInputEntity`.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ManifestInput {
    #[serde(rename = "content")]
    _content: Option<String>,
    #[serde(rename = "name")]
    _name: Option<String>,
}

/// `v1ClusterProfilesFilterSpec`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FilterSpec {
    #[serde(default)]
    pub(crate) filter: Filter,
    #[serde(default)]
    pub(crate) sort: Unique<Sort>,
}

/// `v1ClusterProfileFilterSpec`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Filter {
    #[serde(default)]
    pub(crate) environment: Unique<String>,
    pub(crate) fips: Option<Fips>,
    #[serde(default)]
    pub(crate) profile_name: FilterString,
    #[serde(default)]
    pub(crate) profile_type: Unique<Kind>,
    #[serde(rename = "resourceType")]
    _resource_type: Option<ResourceType>,
    pub(crate) scope: Option<ScopeWord>,
    #[serde(default)]
    pub(crate) tags: FilterArray,
    #[serde(default)]
    pub(crate) version: FilterVersion,
}

/// `v1FilterString`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub(crate) struct FilterString {
    pub(crate) begins_with: Option<String>,
    pub(crate) contains: Option<String>,
    pub(crate) eq: Option<String>,
    pub(crate) ignore_case: bool,
    pub(crate) ne: Option<String>,
}

impl Default for FilterString {
    fn default() -> Self {
        Self {
            begins_with: None,
            contains: None,
            eq: None,
            ignore_case: true,
            ne: None,
        }
    }
}

/// `v1FilterArray`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub(crate) struct FilterArray {
    pub(crate) begins_with: Option<Vec<String>>,
    pub(crate) eq: Option<Vec<String>>,
    pub(crate) ignore_case: bool,
    pub(crate) ne: Option<Vec<String>>,
}

impl Default for FilterArray {
    fn default() -> Self {
        Self {
            begins_with: None,
            eq: None,
            ignore_case: true,
            ne: None,
        }
    }
}

/// `v1FilterVersionString`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub(crate) struct FilterVersion {
    pub(crate) begins_with: Option<String>,
    pub(crate) eq: Option<String>,
    pub(crate) gt: Option<String>,
    pub(crate) lt: Option<String>,
    pub(crate) ne: Option<String>,
}

/// `v1ClusterFipsMode`.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Fips {
    Full,
    None,
    Partial,
    Unknown,
}

/// `v1ClusterProfileResourceType`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ResourceType {
    SpectroCluster,
    ClusterTemplate,
}

/// `v1ClusterProfileScope`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ScopeWord {
    System,
    Tenant,
    Project,
}

impl ScopeWord {
    pub(crate) fn word(self) -> &'static str {
        match self {
            ScopeWord::System => "system",
            ScopeWord::Tenant => "tenant",
            ScopeWord::Project => "project",
        }
    }
}

/// `v1ClusterProfileSortSpec`.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sort {
    pub(crate) field: Option<SortField>,
    #[serde(default)]
    pub(crate) order: SortOrder,
}

/// `v1ClusterProfileSortFields`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum SortField {
    ProfileName,
    Environment,
    ProfileType,
    CreationTimestamp,
    LastModifiedTimestamp,
}

/// `v1SortOrder`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SortOrder {
    #[default]
    Asc,
    Desc,
}

/// A list without repeated items.
#[derive(Debug, PartialEq)]
pub(crate) struct Unique<T>(pub(crate) Vec<T>);

impl<T> Default for Unique<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de> + PartialEq> Deserialize<'de> for Unique<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let items = Vec::<T>::deserialize(deserializer)?;
        for (at, item) in items.iter().enumerate() {
            if items[..at].contains(item) {
                return Err(D::Error::custom(format!(
                    "item {at} repeats an earlier one"
                )));
            }
        }
        Ok(Self(items))
    }
}
