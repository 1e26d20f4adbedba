//! The JSON documents of an OCI image layout, as far as they lead to a cluster definition.
//!
//! Only what is needed is kept, whatever the size of the lists in them. Fields of other types
//! than the specification gives them (OCI image specification, image-layout and descriptor) are
//! errors, and so are fields that occur twice.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::refusal::{BundleRefusal, Document};
use crate::util::digest::Digest;
use crate::util::sanitize;

/// The maximum size of `index.json` and of a manifest, in bytes. Registries accept manifests of
/// 4 MiB; the index of 14 GB of images has some hundred kilobytes.
pub(super) const JSON_LIMIT: u64 = 8 << 20;
/// The maximum number of kinds that are listed.
pub(super) const MOST_KINDS: usize = 16;
/// The maximum length of a name in a message, in characters.
const NAME: usize = 120;
/// The kind of the manifest of a cluster definition (facts.md, 5).
const SPC: &str = "spc";
/// The kind of the manifests of the host's agent (facts.md, 5).
const STYLUS: &str = "stylus";
/// The part of a reference that stands for a cluster definition (facts.md, 5).
const CLUSTER_DEFINITION: &str = "cluster-definition";

/// A manifest that `index.json` lists: its name, and the digest of its blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The name, escaped; empty if there is none.
    pub name: String,
    /// The digest of the manifest.
    pub digest: Digest,
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, digest } = self;
        match &name[..] {
            "" => write!(f, "sha256:{}", digest.short()),
            name => write!(f, "`{name}` (sha256:{})", digest.short()),
        }
    }
}

/// Finds the manifest of the cluster definition in the text of an `index.json`.
///
/// # Errors
/// Returns a refusal if there is none or if there are several.
pub(super) fn definition_in(index: &[u8]) -> Result<Reference, BundleRefusal> {
    let invalid = |why: String| BundleRefusal::InvalidJson {
        document: Document::Index,
        why,
    };
    let index: Index = serde_json::from_slice(index).map_err(|error| invalid(error.to_string()))?;
    let found = index.manifests;
    let lists = [found.definitions, found.named];
    let Some(candidates) = lists.into_iter().find(|list| !list.is_empty()) else {
        return Err(BundleRefusal::NoDefinition {
            kinds: found.kinds.into_iter().collect(),
            manifests: found.count,
        });
    };
    let mut references = Vec::new();
    for Candidate { name, digest } in candidates {
        let digest = sha256(&digest).ok_or_else(|| {
            let shown = sanitize::excerpt(digest.as_bytes(), NAME);
            invalid(format!("`{shown}` is not a SHA-256 digest"))
        })?;
        let name = sanitize::excerpt(name.as_bytes(), NAME);
        references.push(Reference { name, digest });
    }
    match <[Reference; 2]>::try_from(references) {
        Ok(two) => Err(BundleRefusal::SeveralDefinitions(two)),
        Err(mut one) => one.pop().ok_or_else(|| invalid("no manifest".to_owned())),
    }
}

/// Returns the names of the manifests of the host's agent in the text of an `index.json`, as
/// many as there is room for in a message; none if the text cannot be read.
pub(super) fn agents_in(index: &[u8]) -> Vec<String> {
    let read: Result<AgentIndex, _> = serde_json::from_slice(index);
    read.map(|index| index.manifests.0).unwrap_or_default()
}

#[derive(Deserialize)]
struct AgentIndex {
    manifests: Agents,
}

/// The names of the agents that an index lists.
struct Agents(Vec<String>);

impl<'de> Deserialize<'de> for Agents {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Agents;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of descriptors")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Agents, A::Error> {
                let mut agents = Vec::new();
                while let Some(descriptor) = list.next_element::<Descriptor>()? {
                    let Annotations { kind, name } = descriptor.annotations.unwrap_or_default();
                    let is_agent = kind.as_deref() == Some(STYLUS) && agents.len() < MOST_KINDS;
                    agents.extend(name.filter(|_| is_agent));
                }
                Ok(Agents(agents))
            }
        }
        deserializer.deserialize_seq(List)
    }
}

/// Parses a digest of a descriptor.
fn sha256(digest: &str) -> Option<Digest> {
    let digits = digest.strip_prefix("sha256:")?;
    Digest::try_from(digits.to_owned()).ok()
}

#[derive(Deserialize)]
struct Index {
    manifests: Manifests,
}

/// The descriptors of an index that may be of a cluster definition.
#[derive(Default)]
struct Manifests {
    /// The manifests whose kind is `spc`, and those without a kind whose name says that they are
    /// cluster definitions: a host may use either. This list and the next one have at most two
    /// manifests of different digests.
    definitions: Vec<Candidate>,
    /// The manifests of other kinds with such a name, which may merely contain the word. They
    /// count only if there is no other.
    named: Vec<Candidate>,
    kinds: BTreeSet<String>,
    count: usize,
}

struct Candidate {
    name: String,
    digest: String,
}

#[derive(Deserialize)]
struct Descriptor {
    digest: String,
    #[serde(default)]
    annotations: Option<Annotations>,
}

#[derive(Deserialize, Default)]
struct Annotations {
    #[serde(rename = "io.image.ref.spectrocloud.type")]
    kind: Option<String>,
    #[serde(rename = "org.opencontainers.image.ref.name")]
    name: Option<String>,
}

impl Manifests {
    fn add(&mut self, descriptor: Descriptor) {
        self.count += 1;
        let Annotations { kind, name } = descriptor.annotations.unwrap_or_default();
        let name = name.unwrap_or_default();
        let is_named = name.contains(CLUSTER_DEFINITION);
        let list = match &kind {
            Some(kind) if kind == SPC => Some(&mut self.definitions),
            None if is_named => Some(&mut self.definitions),
            Some(_) if is_named => Some(&mut self.named),
            _ => None,
        };
        if let Some(kind) = kind.filter(|_| self.kinds.len() < MOST_KINDS) {
            self.kinds.insert(sanitize::excerpt(kind.as_bytes(), NAME));
        }
        let digest = descriptor.digest;
        // One manifest may have several names.
        if let Some(list) = list
            && list.len() < 2
            && list.iter().all(|other| other.digest != digest)
        {
            list.push(Candidate { name, digest });
        }
    }
}

impl<'de> Deserialize<'de> for Manifests {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Manifests;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of descriptors")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Manifests, A::Error> {
                let mut manifests = Manifests::default();
                while let Some(descriptor) = list.next_element()? {
                    manifests.add(descriptor);
                }
                Ok(manifests)
            }
        }
        deserializer.deserialize_seq(List)
    }
}

/// The layers of a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Layers {
    count: usize,
    /// The digest of the first layer, if it is SHA-256.
    first: Option<Digest>,
}

impl Layers {
    /// Returns the layers in the text of a manifest.
    ///
    /// # Errors
    /// Returns why the text is not a manifest.
    pub(super) fn of(manifest: &[u8]) -> Result<Self, String> {
        let read: Result<Manifest, _> = serde_json::from_slice(manifest);
        Ok(read.map_err(|error| error.to_string())?.layers)
    }

    /// Returns the digest of the only layer.
    ///
    /// # Errors
    /// Returns a refusal if there is not exactly one.
    pub(super) fn only(self) -> Result<Digest, BundleRefusal> {
        match (self.count, self.first) {
            (1, Some(digest)) => Ok(digest),
            (1, None) => Err(BundleRefusal::InvalidJson {
                document: Document::Manifest,
                why: "the digest of its layer is not SHA-256".into(),
            }),
            (count, _) => Err(BundleRefusal::Layers(count)),
        }
    }
}

#[derive(Deserialize)]
struct Manifest {
    layers: Layers,
}

#[derive(Deserialize)]
struct Layer {
    digest: String,
}

impl<'de> Deserialize<'de> for Layers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Layers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of layers")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Layers, A::Error> {
                let mut layers = Layers::default();
                if let Some(Layer { digest }) = list.next_element()? {
                    layers.count = 1;
                    layers.first = sha256(&digest);
                }
                while list.next_element::<IgnoredAny>()?.is_some() {
                    layers.count += 1;
                }
                Ok(layers)
            }
        }
        deserializer.deserialize_seq(List)
    }
}

/// Returns the digest that a blob is named by, such as `blobs/sha256/…`.
pub(super) fn blob_digest(name: &[u8]) -> Option<Digest> {
    let name = str::from_utf8(name).ok()?;
    let digits = ["sha256:", "sha256-", "sha256_"]
        .iter()
        .find_map(|prefix| name.strip_prefix(prefix))
        .unwrap_or(name);
    Digest::try_from(digits.to_owned()).ok()
}
