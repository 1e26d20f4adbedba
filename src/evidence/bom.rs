//! A CycloneDX 1.6 BOM of a definition: its profiles, and their packs.
//!
//! In: what the lock has about a definition, or the uids that an archive has if it is not locked.
//! Out: the BOM. Its serial number is derived from everything else in it. Packs have no package
//! URL: they are in no ecosystem that one exists for. What is inside a pack is not known, and the
//! BOM says so.

use std::collections::HashSet;

use serde::Serialize;
use serde_json::Value;

use super::{Timestamp, VERSION, known_digest};
use crate::palette::wire::ADD_ON;
use crate::resolve::Pack;
use crate::util::digest::Digest;

/// What a BOM is made of.
#[derive(Debug)]
pub struct Contents<'a> {
    /// The name of the definition, or of the archive.
    pub name: &'a str,
    /// The digest of the contents.
    pub content_sha256: Digest,
    /// The digest of the archive.
    pub sha256: Digest,
    /// Why the lock entry no longer matches `profiles.toml`, if it does not.
    pub outdated: Option<&'a str>,
    /// The profiles, in their order.
    pub profiles: Vec<Profile<'a>>,
    /// The time of the BOM, if it is to have one.
    pub timestamp: Option<Timestamp>,
}

/// A profile of a definition.
#[derive(Debug)]
pub struct Profile<'a> {
    /// The uid.
    pub uid: &'a str,
    /// What the lock has about the profile; `None` if it is not locked.
    pub locked: Option<LockedProfile<'a>>,
}

/// What the lock has about a profile.
#[derive(Debug)]
pub struct LockedProfile<'a> {
    /// The name.
    pub name: &'a str,
    /// The version.
    pub version: &'a str,
    /// The type.
    pub kind: &'a str,
    /// The packs, in their order.
    pub packs: &'a [Pack],
}

/// The BOM.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Bom {
    #[serde(rename = "$schema")]
    schema: &'static str,
    #[serde(rename = "bomFormat")]
    format: &'static str,
    spec_version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    serial_number: Option<String>,
    version: u32,
    metadata: Metadata,
    components: Vec<Component>,
    dependencies: Vec<Dependency>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    compositions: Vec<Composition>,
}

#[derive(Debug, Serialize)]
struct Metadata {
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<Timestamp>,
    tools: Tools,
    component: Component,
}

#[derive(Debug, Serialize)]
struct Tools {
    components: [Component; 1],
}

#[derive(Debug, Default, Serialize)]
struct Component {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "bom-ref", skip_serializing_if = "Option::is_none")]
    bom_ref: Option<String>,
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    version: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hashes: Vec<Hash>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    components: Vec<Component>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    properties: Vec<Property>,
}

#[derive(Debug, Serialize)]
struct Hash {
    alg: &'static str,
    content: String,
}

#[derive(Debug, Serialize)]
struct Property {
    name: String,
    value: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Dependency {
    #[serde(rename = "ref")]
    of: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    depends_on: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Composition {
    aggregate: &'static str,
    assemblies: Vec<String>,
}

impl Bom {
    /// Returns the BOM of `contents`.
    #[must_use]
    pub fn new(contents: Contents<'_>) -> Self {
        let mut made = Parts::default();
        let definition = made.reference(&format!("definition:{}", contents.name));
        let profiles = contents.profiles.iter();
        let components: Vec<Component> = profiles.map(|one| made.profile(one)).collect();
        let mut dependencies = Vec::new();
        if components.is_empty() {
            // The archive's layout was not recognized. An entry would say that it has none.
            made.opaque.push(definition.clone());
        } else {
            dependencies.push(Dependency {
                of: definition.clone(),
                depends_on: references(&components),
            });
        }
        dependencies.append(&mut made.dependencies);
        let mut component = Component {
            kind: "platform",
            bom_ref: Some(definition),
            name: contents.name.to_owned(),
            version: contents.content_sha256.to_string(),
            hashes: vec![Hash {
                alg: "SHA-256",
                content: contents.sha256.to_string(),
            }],
            ..Component::default()
        };
        component.add("outdated", contents.outdated.unwrap_or_default());
        let mut bom = Self {
            schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
            format: "CycloneDX",
            spec_version: "1.6",
            serial_number: None,
            version: 1,
            metadata: Metadata {
                timestamp: contents.timestamp,
                tools: Tools {
                    components: [Component {
                        kind: "application",
                        name: "edgestage".to_owned(),
                        version: VERSION.to_owned(),
                        ..Component::default()
                    }],
                },
                component,
            },
            components,
            dependencies,
            compositions: made.unknown_parts(),
        };
        bom.serial_number = Some(bom.serial());
        bom
    }

    /// Returns a serial number that is the same for the same BOM: a UUID of version 8 (RFC 9562),
    /// from the SHA-256 of the BOM without its number.
    fn serial(&self) -> String {
        // A BOM consists of texts and lists of them, so serialization cannot fail.
        let text = serde_json::to_value(self)
            .unwrap_or(Value::Null)
            .to_string();
        let digest = Digest::of(text);
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest.bytes()[..16]);
        bytes[6] = 0x80 | bytes[6] & 0x0f;
        bytes[8] = 0x80 | bytes[8] & 0x3f;
        let hex = format!("{:032x}", u128::from_be_bytes(bytes));
        let groups = [
            &hex[..8],
            &hex[8..12],
            &hex[12..16],
            &hex[16..20],
            &hex[20..],
        ];
        format!("urn:uuid:{}", groups.join("-"))
    }
}

fn references(components: &[Component]) -> Vec<String> {
    let references = components.iter().map(|one| one.bom_ref.clone());
    references.flatten().collect()
}

/// What is collected while components are made.
#[derive(Default)]
struct Parts {
    used: HashSet<String>,
    dependencies: Vec<Dependency>,
    /// The components whose parts are not known.
    opaque: Vec<String>,
}

impl Parts {
    /// Returns `wanted`, with a number if another component has it already.
    fn reference(&mut self, wanted: &str) -> String {
        let mut reference = wanted.to_owned();
        let mut number = 1;
        while !self.used.insert(reference.clone()) {
            number += 1;
            reference = format!("{wanted}#{number}");
        }
        reference
    }

    fn profile(&mut self, profile: &Profile<'_>) -> Component {
        let reference = self.reference(&format!("profile:{}", profile.uid));
        let mut component = Component {
            kind: "platform",
            bom_ref: Some(reference.clone()),
            name: profile.uid.to_owned(),
            ..Component::default()
        };
        component.add("uid", profile.uid);
        let Some(locked) = &profile.locked else {
            self.opaque.push(reference);
            return component;
        };
        let packs = locked.packs.iter();
        let packs: Vec<Component> = packs.map(|pack| self.pack(pack, profile.uid)).collect();
        if locked.kind == ADD_ON {
            component.kind = "application";
        }
        locked.name.clone_into(&mut component.name);
        locked.version.clone_into(&mut component.version);
        component.add("type", locked.kind);
        self.dependencies.push(Dependency {
            of: reference,
            depends_on: references(&packs),
        });
        component.components = packs;
        component
    }

    fn pack(&mut self, pack: &Pack, profile: &str) -> Component {
        let reference = self.reference(&format!("pack:{profile}/{}", pack.name));
        self.opaque.push(reference.clone());
        let version = if pack.version.is_empty() {
            &pack.tag
        } else {
            &pack.version
        };
        let mut component = Component {
            kind: match pack.layer.as_str() {
                "os" => "operating-system",
                "k8s" => "platform",
                _ => "application",
            },
            bom_ref: Some(reference),
            name: pack.name.clone(),
            version: version.clone(),
            ..Component::default()
        };
        component.add("layer", &pack.layer);
        component.add("tag", &pack.tag);
        match known_digest(&pack.digest) {
            Some((algorithm, digits)) => component.hashes.push(Hash {
                alg: algorithm.cyclonedx(),
                content: digits.to_owned(),
            }),
            None => component.add("digest", &pack.digest),
        }
        component
    }

    /// Returns the composition that says what is not known.
    fn unknown_parts(self) -> Vec<Composition> {
        let composition = Composition {
            aggregate: "unknown",
            assemblies: self.opaque,
        };
        let is_empty = composition.assemblies.is_empty();
        Some(composition)
            .filter(|_| !is_empty)
            .into_iter()
            .collect()
    }
}

impl Component {
    /// Adds a property unless it is empty.
    fn add(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            self.properties.push(Property {
                name: format!("edgestage:{name}"),
                value: value.to_owned(),
            });
        }
    }
}
