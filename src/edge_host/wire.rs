//! The answers of the local API, with the fields that are read. The contract declares hardly any
//! field as required, so each may be missing or null.

use serde::de::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// Reads null as the default.
fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// `v1LoginSuccess`.
#[derive(serde::Deserialize)]
pub(super) struct LoginAnswer {
    #[serde(rename = "Token")]
    pub token: Token,
}

/// `v1UserToken`.
#[derive(serde::Deserialize)]
pub(super) struct Token {
    #[serde(rename = "Authorization")]
    pub authorization: String,
}

/// `v1Settings`; `applianceType` is newer than the contract.
#[derive(Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Settings {
    #[serde(deserialize_with = "or_default")]
    pub management_mode: String,
    #[serde(deserialize_with = "or_default")]
    pub appliance_type: String,
}

/// `v1EdgeHostInfo`.
#[derive(Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct HostInfo {
    #[serde(deserialize_with = "or_default")]
    pub spec: HostSpec,
}

/// `v1EdgeHostSpec`.
#[derive(Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct HostSpec {
    #[serde(deserialize_with = "or_default")]
    pub management_mode: String,
    #[serde(deserialize_with = "or_default")]
    pub node_role: String,
}

/// `v1ContentSigningKey`.
#[derive(Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct SigningKey {
    #[serde(deserialize_with = "or_default")]
    pub key: String,
}

/// `v1ClusterConfigArchiveDetails`.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Details {
    #[serde(deserialize_with = "or_default")]
    pub cluster_profile_details: Vec<Profile>,
}

/// `v1ClusterProfileDetail`.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct Profile {
    #[serde(rename = "profileUid", deserialize_with = "or_default")]
    pub uid: String,
    #[serde(rename = "profileName", deserialize_with = "or_default")]
    pub name: String,
    #[serde(rename = "profileVersion", deserialize_with = "or_default")]
    pub version: String,
    #[serde(deserialize_with = "or_default")]
    pub packs: Vec<Pack>,
    /// Parsed where the archive's variables are parsed, too.
    #[serde(deserialize_with = "raw")]
    pub variables: Option<Box<RawValue>>,
}

/// `v1Pack`. Logos are not read.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct Pack {
    #[serde(deserialize_with = "or_default")]
    pub name: String,
    #[serde(deserialize_with = "or_default")]
    pub version: String,
    /// `None` if the host does not show them.
    pub values: Option<String>,
}

fn raw<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Option::deserialize(deserializer)
}

/// `v1Error`, or what a gateway writes.
#[derive(Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct ErrorAnswer {
    #[serde(deserialize_with = "or_default")]
    pub code: String,
    #[serde(deserialize_with = "or_default")]
    pub message: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_missing_or_null() {
        for json in [
            "{}",
            r#"{"clusterProfileDetails":null}"#,
            r#"{"clusterProfileDetails":[],"archiveUploadPath":"/x","new":1}"#,
        ] {
            let details: Details = serde_json::from_str(json).unwrap();
            assert!(details.cluster_profile_details.is_empty(), "{json}");
        }
        let json = r#"{"clusterProfileDetails":[{"profileUid":null,"packs":[{"name":"a","version":null,"values":null,"logo":"x"}],"variables":null}]}"#;
        let details: Details = serde_json::from_str(json).unwrap();
        let profile = &details.cluster_profile_details[0];
        assert_eq!(profile.packs[0].version, "");
        assert!(profile.packs[0].values.is_none() && profile.variables.is_none());
        let info: HostInfo = serde_json::from_str(r#"{"spec":null}"#).unwrap();
        assert_eq!(info.spec.node_role, "");
    }
}
