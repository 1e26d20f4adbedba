//! The JSON of the API, as far as edgestage reads or writes it.
//!
//! Names are those of the vendor's OpenAPI document ("Palette APIs - 4.8"). Answers are read
//! field by field: a required field must have its type, and an error names its path if it does
//! not. All other fields are ignored, since servers and versions differ in them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::node::{InvalidField, Node, meaning, says_nothing};

mod list;

pub use list::{
    Gap, List, ListItem, ProfileMetadata, ProfileSummary, ProfileVersion, ProjectMetadata,
    TemplateSummary,
};

/// The version of a profile without a version: the vendor's own tools use it, too (facts.md,
/// 1).
pub const FIRST_VERSION: &str = "1.0.0";

/// The type of profiles that build on other profiles.
pub const ADD_ON: &str = "add-on";
/// The layer of packs that are not infrastructure (facts.md, 1).
pub const ADD_ON_LAYER: &str = "addon";

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
    /// `profiles`, in the order of the file.
    pub profiles: Vec<RequestProfile<'a>>,
}

/// `v1ClusterDefinitionProfileEntity`.
#[derive(Debug, Serialize)]
pub struct RequestProfile<'a> {
    /// `uid`.
    pub uid: &'a str,
    /// `packs`; omitted from the body if the file overrides none.
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

/// The author of an error's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    /// Palette itself; `code` is a word.
    Palette,
    /// The framework that Palette is built with; `code` is a number. It knows calls and their
    /// parameters, but no profiles.
    Framework,
    /// Another server at that address: a gateway, a proxy, a firewall.
    Other,
}

/// An error of Palette (`v1Error`) or of its framework.
#[derive(Debug, Clone)]
pub struct ApiError {
    /// The author of the error.
    pub speaker: Speaker,
    /// `code`, such as `InvalidApiKey`, or a number.
    pub code: String,
    /// `message`.
    pub message: String,
}

impl ApiError {
    /// Parses `body` as an error, if it has either form or at least a message.
    #[must_use]
    pub fn read(body: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(body).ok()?;
        let answer = Node::root(&value);
        let message = answer.loose_text("message");
        let (speaker, code) = match value.get("code") {
            Some(Value::Number(code)) => (Speaker::Framework, code.to_string()),
            Some(Value::String(code)) if !code.is_empty() => (Speaker::Palette, code.clone()),
            // Only Palette's errors have these fields.
            _ if value.get("ref").is_some() && value.get("details").is_some() => {
                (Speaker::Palette, String::new())
            }
            _ => (Speaker::Other, String::new()),
        };
        (speaker != Speaker::Other || !message.is_empty()).then_some(Self {
            speaker,
            code,
            message,
        })
    }
}

/// A documented answer.
pub trait Answer: Sized {
    /// Parses an answer from a body that begins like an object.
    ///
    /// # Errors
    /// Returns [`NoAnswer`] if the body is not such an answer.
    fn read(body: &str) -> Result<Self, NoAnswer>;
}

/// Why a body is not the answer.
#[derive(Debug)]
pub enum NoAnswer {
    /// The body is not JSON, or does not have the shape of the answer.
    Json(serde_json::Error),
    /// The body is JSON of another server.
    Shape,
    /// A required field is invalid.
    Field(InvalidField),
}

impl From<serde_json::Error> for NoAnswer {
    fn from(error: serde_json::Error) -> Self {
        Self::Json(error)
    }
}

impl From<InvalidField> for NoAnswer {
    fn from(odd: InvalidField) -> Self {
        Self::Field(odd)
    }
}

/// Returns Palette's version of a profile, or [`FIRST_VERSION`] if it is empty.
fn version(text: String) -> String {
    if text.is_empty() {
        FIRST_VERSION.to_owned()
    } else {
        text
    }
}

/// Returns a profile type in a single spelling: servers write `addon` as well as `add-on`.
#[must_use]
pub fn profile_type(text: &str) -> String {
    if text.eq_ignore_ascii_case("addon") || text.eq_ignore_ascii_case(ADD_ON) {
        ADD_ON.to_owned()
    } else {
        text.to_owned()
    }
}

/// Returns the layer of a pack. In an add-on profile, an empty layer means an add-on.
#[must_use]
pub fn pack_layer(text: &str, profile_type: &str) -> String {
    let is_add_on = text.eq_ignore_ascii_case(ADD_ON_LAYER)
        || text.eq_ignore_ascii_case(ADD_ON)
        || text.is_empty() && profile_type == ADD_ON;
    if is_add_on { ADD_ON_LAYER } else { text }.to_owned()
}

/// `v1ClusterProfile`.
#[derive(Debug)]
pub struct ClusterProfile {
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.name`.
    pub name: String,
    /// `metadata.annotations.scope`; empty if Palette does not provide it.
    pub scope: String,
    /// `metadata.annotations.projectUid`, if `scope` is a project.
    pub project: Option<String>,
    /// The published version, otherwise `spec.version`, otherwise [`FIRST_VERSION`].
    pub version: String,
    /// `spec.version`, or [`FIRST_VERSION`]: the version that lists contain.
    pub own_version: String,
    /// `spec.published`: the only part that is exported.
    pub published: Option<Template>,
    /// Whether `spec.draft` exists and differs from the published version.
    pub has_draft: bool,
}

/// `v1ClusterProfileTemplate`.
#[derive(Debug)]
pub struct Template {
    /// `cloudType`.
    pub cloud_type: String,
    /// `type`: cluster, infra, add-on or system.
    pub kind: String,
    /// `packs`, without empty items.
    pub packs: Vec<Pack>,
    /// The packs that are marked invalid.
    pub invalid: Vec<InvalidPack>,
}

/// A pack of a profile.
// `v1PackRef`, as the lock records it and as documents have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pack {
    /// Name of the pack.
    pub name: String,
    /// Layer of the pack, such as `os`, `k8s` or `addon`.
    pub layer: String,
    /// Selected version, which may be a range such as `1.30.x`.
    pub tag: String,
    /// Version that the tag resolves to; left out if Palette does not provide it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// Digest that pins the pack's content; left out if Palette does not provide it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub digest: String,
}

/// A pack that Palette calls invalid, since its tag is no longer in its registry.
#[derive(Debug)]
pub struct InvalidPack {
    /// The pack.
    pub pack: Pack,
    /// `inValidReason`, as the vendor spells it.
    pub reason: String,
}

impl Answer for ClusterProfile {
    fn read(body: &str) -> Result<Self, NoAnswer> {
        let value: Value = serde_json::from_str(body)?;
        let answer = Node::root(&value);
        let (metadata, spec) = (answer.get("metadata")?, answer.get("spec")?);
        if metadata.value().is_null() && spec.value().is_null() {
            return Err(NoAnswer::Shape);
        }
        let annotations = metadata.loose("annotations");
        let scope = annotations.loose_text("scope");
        let project = annotations.loose_text("projectUid");
        let published = spec.get("published")?;
        let own = spec.text("version")?;
        let of_published = published.text("profileVersion")?;
        Ok(Self {
            uid: metadata.required("uid")?,
            name: metadata.required("name")?,
            project: (scope == "project" && !project.is_empty()).then_some(project),
            scope,
            version: version(if of_published.is_empty() {
                own.clone()
            } else {
                of_published
            }),
            own_version: version(own),
            has_draft: differs(spec.loose("draft").value(), published.value()),
            published: if says_nothing(published.value()) {
                None
            } else {
                Some(Template::read(&published)?)
            },
        })
    }
}

impl ClusterProfile {
    /// Returns whether a list shows this profile with this name and version.
    #[must_use]
    pub fn is(&self, name: &str, version: &str) -> bool {
        self.name == name && (self.version == version || self.own_version == version)
    }
}

/// Returns whether a draft is not empty and differs from the published version. Its own uid and
/// its count of edits (`version`) do not count as content.
fn differs(draft: &Value, published: &Value) -> bool {
    let content = |template: &Value| {
        let mut content = meaning(template);
        if let Some(fields) = content.as_object_mut() {
            fields.remove("uid");
            fields.remove("version");
        }
        content
    };
    !says_nothing(draft) && content(draft) != content(published)
}

impl Template {
    fn read(template: &Node<'_>) -> Result<Self, InvalidField> {
        let kind = profile_type(&template.text("type")?);
        let mut packs = Vec::new();
        let mut invalid = Vec::new();
        for node in &template.list("packs")? {
            let pack = Pack::read(node, &kind)?;
            if is_true(node.loose("isInvalid").value()) {
                invalid.push(InvalidPack {
                    pack: pack.clone(),
                    reason: node.loose_text("inValidReason"),
                });
            }
            packs.push(pack);
        }
        Ok(Self {
            cloud_type: template.required("cloudType")?,
            packs,
            invalid,
            kind,
        })
    }
}

impl Pack {
    fn read(pack: &Node<'_>, profile_type: &str) -> Result<Self, InvalidField> {
        Ok(Self {
            name: pack.required("name")?,
            layer: pack_layer(&pack.text("layer")?, profile_type),
            tag: pack.text("tag")?,
            version: pack.text("version")?,
            digest: pack.text("digest")?,
        })
    }
}

/// Returns whether a flag is true, even if it is written as a string or a number.
fn is_true(flag: &Value) -> bool {
    match flag {
        Value::Bool(flag) => *flag,
        Value::Number(_) => !says_nothing(flag),
        Value::String(text) => text.eq_ignore_ascii_case("true"),
        _ => false,
    }
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
}
