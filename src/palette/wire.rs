//! The API's JSON, as far as this tool reads or writes it.
//!
//! Names are those of the vendor's OpenAPI document ("Palette APIs - 4.8"). Answers are read
//! field by field: what is needed must have its type, and is named by its path if it has
//! not; whatever else stands there is nobody's business here, since servers and versions
//! differ in it.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::node::{Node, OddField, kind, meaning, says_nothing};
use crate::uid::Uid;

/// The version of a profile that has none: the vendor's own tools treat it so (facts.md, 1).
pub const FIRST_VERSION: &str = "1.0.0";

/// The type of profiles that stand on others.
pub const ADD_ON: &str = "add-on";
/// The layer of packs that are no infrastructure (facts.md, 1).
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

/// Who worded an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    /// Palette itself: `code` is a word.
    Palette,
    /// The framework that Palette is made with: `code` is a number. It knows calls and
    /// their parameters, and nothing of profiles.
    Framework,
    /// Something else at that address: a gateway, a proxy, a firewall.
    Other,
}

/// An error: Palette's own (`v1Error`), or the framework's.
#[derive(Debug, Clone)]
pub struct ApiError {
    /// Who says it.
    pub speaker: Speaker,
    /// `code`, such as `InvalidApiKey`, or a number.
    pub code: String,
    /// `message`.
    pub message: String,
}

impl ApiError {
    /// The error that `body` is, if it is one in either form, or has at least a message.
    #[must_use]
    pub fn read(body: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(body).ok()?;
        let answer = Node::root(&value);
        let message = answer.loose_text("message");
        let (speaker, code) = match value.get("code") {
            Some(Value::String(code)) if !code.is_empty() => (Speaker::Palette, code.clone()),
            Some(Value::Number(code)) => (Speaker::Framework, code.to_string()),
            _ => (Speaker::Other, String::new()),
        };
        (speaker != Speaker::Other || !message.is_empty()).then_some(Self {
            speaker,
            code,
            message,
        })
    }
}

/// An answer of the contract.
pub trait Answer: Sized {
    /// Reads it from a body that begins like an object.
    ///
    /// # Errors
    /// [`NoAnswer`].
    fn read(body: &str) -> Result<Self, NoAnswer>;
}

/// Why a body is not the answer.
#[derive(Debug)]
pub enum NoAnswer {
    /// It is not JSON, or has nothing of the answer's shape.
    Json(serde_json::Error),
    /// JSON of some other server's.
    Shape,
    /// A field that is needed is odd.
    Field(OddField),
}

impl From<serde_json::Error> for NoAnswer {
    fn from(error: serde_json::Error) -> Self {
        Self::Json(error)
    }
}

impl From<OddField> for NoAnswer {
    fn from(odd: OddField) -> Self {
        Self::Field(odd)
    }
}

/// An item of a list, which is read alone: nobody needs all of them.
pub trait Item: Sized {
    /// Reads it.
    ///
    /// # Errors
    /// It cannot be told what the item is about.
    fn read(item: &Node<'_>) -> Result<Self, OddField>;
}

/// A list, or one page of it: `v1ClusterProfilesMetadata`, `v1ProjectsMetadata`,
/// `v1ClusterProfilesSummary`.
#[derive(Debug)]
pub struct List<T> {
    /// `items`, without those that say nothing.
    pub items: Vec<T>,
    /// The first item of which nobody can tell what it is about.
    pub unreadable: Option<OddField>,
    /// How many items say something.
    pub held: usize,
    /// `listmeta.count`: how many there are in all, if Palette says so.
    pub count: Option<u64>,
    /// `listmeta.continue`: what asks for the next page; empty on the last one.
    pub next: String,
}

/// Why a list is no proof that something is not there: Palette has been seen to hold back
/// items that it counts (facts.md, 1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gap {
    /// It counts more items than it holds.
    Counted {
        /// How many it holds.
        held: u64,
        /// How many it counts.
        count: u64,
    },
    /// It says that it goes on, and does not.
    Endless {
        /// How many it holds.
        held: u64,
    },
    /// Nobody can tell what an item is about.
    Unreadable(OddField),
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Counted { held, count } => {
                write!(f, "it holds {held} of the {count} that it counts")
            }
            Self::Endless { held } => {
                write!(f, "it holds {held}, and says that there are more")
            }
            Self::Unreadable(odd) => write!(f, "an item of it cannot be read: {odd}"),
        }
    }
}

impl<T> List<T> {
    /// What this list, which is not one of several pages, lacks.
    #[must_use]
    pub fn gap(&self) -> Option<Gap> {
        let held = self.held as u64;
        match &self.unreadable {
            _ if self.count.is_some_and(|count| count > held) => Some(Gap::Counted {
                held,
                count: self.count.unwrap_or_default(),
            }),
            _ if !self.next.is_empty() && self.count.is_none() => Some(Gap::Endless { held }),
            Some(odd) => Some(Gap::Unreadable(odd.clone())),
            None => None,
        }
    }
}

/// The parts of a list, not yet read. JSON without `items`, which the contract requires, is
/// some other server's.
#[derive(Deserialize)]
struct Parts<'a> {
    #[serde(borrow)]
    items: &'a RawValue,
    #[serde(borrow, default)]
    listmeta: Option<&'a RawValue>,
}

impl<T: Item> Answer for List<T> {
    fn read(body: &str) -> Result<Self, NoAnswer> {
        let parts: Parts<'_> = serde_json::from_str(body)?;
        let raw = parts.items.get();
        // Item by item: a list may be long, and a tree of all of it many times as large.
        let Ok(raw) = serde_json::from_str::<Option<Vec<&RawValue>>>(raw) else {
            let value: Value = serde_json::from_str(raw)?;
            return Err(NoAnswer::Field(OddField {
                path: "items".to_owned(),
                expected: "a list",
                found: kind(&value),
            }));
        };
        let mut list = Self {
            items: Vec::new(),
            unreadable: None,
            held: 0,
            count: None,
            next: String::new(),
        };
        for (at, raw) in raw.into_iter().flatten().enumerate() {
            let value: Value = serde_json::from_str(raw.get())?;
            if says_nothing(&value) {
                continue;
            }
            list.held += 1;
            match T::read(&Node::item(&value, "items", at)) {
                Ok(item) => list.items.push(item),
                Err(odd) => drop(list.unreadable.get_or_insert(odd)),
            }
        }
        if let Some(raw) = parts.listmeta {
            let value: Value = serde_json::from_str(raw.get())?;
            list.count = value.get("count").and_then(Value::as_u64);
            list.next = Node::root(&value).loose_text("continue");
        }
        Ok(list)
    }
}

/// `v1ProjectMetadata`.
#[derive(Debug, Clone)]
pub struct ProjectMetadata {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.uid`.
    pub uid: Result<Uid, OddField>,
}

impl Item for ProjectMetadata {
    fn read(item: &Node<'_>) -> Result<Self, OddField> {
        let metadata = item.get("metadata")?;
        Ok(Self {
            name: metadata.text("name")?,
            uid: metadata.uid("uid"),
        })
    }
}

/// `v1ClusterProfileMetadata`.
#[derive(Debug, Clone)]
pub struct ProfileMetadata {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.uid`.
    pub uid: Result<Uid, OddField>,
    /// `spec.version`, or [`FIRST_VERSION`].
    pub version: Result<String, OddField>,
}

impl Item for ProfileMetadata {
    fn read(item: &Node<'_>) -> Result<Self, OddField> {
        let metadata = item.get("metadata")?;
        let spec = item.get("spec");
        Ok(Self {
            name: metadata.text("name")?,
            uid: metadata.uid("uid"),
            version: spec.and_then(|spec| spec.text("version")).map(version),
        })
    }
}

/// A version as Palette has it, or the first one.
fn version(text: String) -> String {
    if text.is_empty() {
        FIRST_VERSION.to_owned()
    } else {
        text
    }
}

/// `v1ClusterProfileSummary`.
#[derive(Debug, Clone)]
pub struct ProfileSummary {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.uid`.
    pub uid: Result<Uid, OddField>,
    /// `metadata.lastModifiedTimestamp`, RFC 3339; empty if Palette does not say.
    pub changed: String,
    /// `specSummary.version`: the latest one, not always this profile's.
    pub version: Result<String, OddField>,
    /// `specSummary.versions`: all of that name, as far as they can be read.
    pub versions: Vec<ProfileVersion>,
    /// `specSummary.published`: the only part that is exported.
    pub published: Option<TemplateSummary>,
}

/// `v1ClusterProfileVersion`.
#[derive(Debug, Clone)]
pub struct ProfileVersion {
    /// `uid`.
    pub uid: Uid,
    /// `version`, or [`FIRST_VERSION`].
    pub version: String,
}

/// `v1ClusterProfileTemplateSummary`.
#[derive(Debug, Clone)]
pub struct TemplateSummary {
    /// `cloudType`.
    pub cloud_type: String,
    /// `type`: cluster, infra, add-on or system.
    pub kind: String,
}

impl Item for ProfileSummary {
    fn read(item: &Node<'_>) -> Result<Self, OddField> {
        let metadata = item.get("metadata")?;
        let spec = item.loose("specSummary");
        let known = spec.list("versions").unwrap_or_default();
        let known = known.iter().filter_map(|known| {
            Some(ProfileVersion {
                uid: known.uid("uid").ok()?,
                version: version(known.text("version").ok()?),
            })
        });
        let published = spec.loose("published");
        Ok(Self {
            name: metadata.text("name")?,
            uid: metadata.uid("uid"),
            changed: metadata.loose_text("lastModifiedTimestamp"),
            version: spec.text("version").map(version),
            versions: known.collect(),
            published: (!says_nothing(published.value())).then(|| TemplateSummary {
                cloud_type: published.loose_text("cloudType"),
                kind: profile_type(&published.loose_text("type")),
            }),
        })
    }
}

impl ProfileSummary {
    /// Its own version, which the uids tell: `specSummary.version` is the latest one.
    ///
    /// # Errors
    /// It cannot be told.
    pub fn own_version(&self) -> Result<&str, &OddField> {
        let uid = self.uid.as_ref()?;
        let own = self.versions.iter().find(|known| known.uid == *uid);
        match own {
            Some(own) => Ok(&own.version),
            None => self.version.as_ref().map(String::as_str),
        }
    }

    /// It, and the other versions of its name, as the list of all profiles has them.
    pub fn listed(&self) -> impl Iterator<Item = ProfileMetadata> {
        let own = ProfileMetadata {
            name: self.name.clone(),
            uid: self.uid.clone(),
            version: self.own_version().map(str::to_owned).map_err(Clone::clone),
        };
        let others = self.versions.iter().map(|known| ProfileMetadata {
            name: self.name.clone(),
            uid: Ok(known.uid.clone()),
            version: Ok(known.version.clone()),
        });
        let others: Vec<ProfileMetadata> = others.filter(|other| other.uid != own.uid).collect();
        std::iter::once(own).chain(others)
    }
}

/// A type in one spelling: servers write `addon` as well as `add-on`.
#[must_use]
pub fn profile_type(text: &str) -> String {
    if text.eq_ignore_ascii_case("addon") || text.eq_ignore_ascii_case(ADD_ON) {
        ADD_ON.to_owned()
    } else {
        text.to_owned()
    }
}

/// The layer of a pack: one that Palette does not name is an add-on's in an add-on profile.
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
    /// `metadata.annotations.projectUid` of a profile whose `scope` is a project.
    pub project: Option<String>,
    /// The published version, else `spec.version`, else [`FIRST_VERSION`].
    pub version: String,
    /// `spec.published`: the only part that is exported.
    pub published: Option<Template>,
    /// `spec.draft`: whether there is one that says something else than what is published.
    pub has_draft: bool,
}

/// `v1ClusterProfileTemplate`.
#[derive(Debug)]
pub struct Template {
    /// `cloudType`.
    pub cloud_type: String,
    /// `type`: cluster, infra, add-on or system.
    pub kind: String,
    /// `packs`, without those that say nothing.
    pub packs: Vec<PackRef>,
}

/// `v1PackRef`.
#[derive(Debug, Clone)]
pub struct PackRef {
    /// `name`.
    pub name: String,
    /// `layer`: kernel, os, k8s, cni, csi or addon; empty if nobody says.
    pub layer: String,
    /// `tag`: what the user chose, may be `1.30.x`.
    pub tag: String,
    /// `version`.
    pub version: String,
    /// `digest`: pins what is installed.
    pub digest: String,
    /// `isInvalid`: the tag vanished from its registry.
    pub is_invalid: bool,
    /// `inValidReason`, as the vendor spells it.
    pub invalid_reason: String,
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
            version: version(if of_published.is_empty() {
                own
            } else {
                of_published
            }),
            has_draft: differs(spec.loose("draft").value(), published.value()),
            published: if says_nothing(published.value()) {
                None
            } else {
                Some(Template::read(&published)?)
            },
        })
    }
}

/// Whether a draft says something, and something else than what is published. Its own uid
/// and its count of edits (`version`) are no content.
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
    fn read(template: &Node<'_>) -> Result<Self, OddField> {
        let kind = profile_type(&template.text("type")?);
        let packs = template.list("packs")?;
        let packs = packs.iter().map(|pack| PackRef::read(pack, &kind));
        Ok(Self {
            cloud_type: template.required("cloudType")?,
            packs: packs.collect::<Result<_, _>>()?,
            kind,
        })
    }
}

impl PackRef {
    fn read(pack: &Node<'_>, profile_type: &str) -> Result<Self, OddField> {
        Ok(Self {
            name: pack.required("name")?,
            layer: pack_layer(&pack.text("layer")?, profile_type),
            tag: pack.text("tag")?,
            version: pack.text("version")?,
            digest: pack.text("digest")?,
            is_invalid: is_true(pack.loose("isInvalid").value()),
            invalid_reason: pack.loose_text("inValidReason"),
        })
    }
}

/// A flag, also one that is written as a text or a number.
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
