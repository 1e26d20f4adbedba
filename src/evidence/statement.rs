//! An in-toto Statement v1 with a SLSA provenance v1 predicate.
//!
//! In: the subjects, which the caller has verified, the lock entry that they match, and the files
//! that decided it. Out: the statement. docs/provenance-v1.md describes each field; it is
//! what [`BUILD_TYPE`] leads to. A change of the meaning of a field needs a new build type.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Timestamp, VERSION, known_digest};
use crate::lockfile::LockEntry;
use crate::resolve::{Pack, ResolvedProfile};
use crate::util::digest::Digest;
use crate::util::endpoint::Endpoint;

/// The type of the statement.
const STATEMENT: &str = "https://in-toto.io/Statement/v1";
/// The type of its predicate.
const PREDICATE: &str = "https://slsa.dev/provenance/v1";

macro_rules! page {
    ($section:literal) => {
        concat!(
            env!("CARGO_PKG_REPOSITORY"),
            "/blob/main/docs/provenance-v1.md",
            $section
        )
    };
}

/// The build type: the page that describes the statement.
pub const BUILD_TYPE: &str = page!("");

/// The builder if the user names none: nothing is known about the machine, and no SLSA level is
/// claimed.
pub const UNKNOWN_BUILDER: &str = page!("#unknown-builder");

/// What a statement is made of.
#[derive(Debug)]
pub struct Claim<'a> {
    /// The name of the definition.
    pub definition: &'a str,
    /// The lock entry of the definition.
    pub locked: &'a LockEntry,
    /// The endpoint of the lock entry.
    pub endpoint: &'a Endpoint,
    /// The files that were found to hold the locked definition; at least one.
    pub subjects: Vec<File>,
    /// The manifest, the lock, and the values files of the definition.
    pub inputs: Inputs,
    /// A URI of the builder.
    pub builder: &'a str,
    /// When it was verified, if that is to be said.
    pub finished: Option<Timestamp>,
}

/// A file by its name, without a directory of this machine, and its SHA-256.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct File {
    /// The name.
    pub name: String,
    /// The digest of its bytes.
    pub sha256: Digest,
}

/// The files that decide what is fetched.
#[derive(Debug)]
pub struct Inputs {
    /// `profiles.toml`.
    pub manifest: File,
    /// `profiles.lock`.
    pub lockfile: File,
    /// The values files of the definition.
    pub values: Vec<File>,
}

/// The statement.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Statement {
    #[serde(rename = "_type")]
    kind: &'static str,
    subject: Vec<Descriptor>,
    predicate_type: &'static str,
    predicate: Provenance,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Provenance {
    build_definition: BuildDefinition,
    run_details: RunDetails,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct BuildDefinition {
    build_type: &'static str,
    external_parameters: Parameters,
    resolved_dependencies: Vec<Descriptor>,
}

/// What the user decides. The names of the files are those of dependencies.
#[derive(Debug, Serialize)]
struct Parameters {
    definition: String,
    manifest: String,
    lockfile: String,
}

#[derive(Debug, Serialize)]
struct RunDetails {
    builder: Builder,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Metadata>,
}

#[derive(Debug, Serialize)]
struct Builder {
    id: String,
    version: BTreeMap<&'static str, &'static str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    finished_on: Timestamp,
}

/// A `ResourceDescriptor` of in-toto: it has a digest or a URI.
#[derive(Debug, Default, Serialize)]
struct Descriptor {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    uri: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    digest: BTreeMap<&'static str, String>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    annotations: Map<String, Value>,
}

impl Statement {
    /// Returns the statement that `claim` makes.
    #[must_use]
    pub fn new(claim: Claim<'_>) -> Self {
        let Inputs {
            manifest,
            lockfile,
            values,
        } = claim.inputs;
        let external_parameters = Parameters {
            definition: claim.definition.to_owned(),
            manifest: manifest.name.clone(),
            lockfile: lockfile.name.clone(),
        };
        let files = [manifest, lockfile].into_iter().chain(values);
        let mut resolved_dependencies: Vec<Descriptor> = files.map(Descriptor::of_file).collect();
        for profile in &claim.locked.profiles {
            let uri = uri_of(claim.endpoint, profile);
            resolved_dependencies.push(Descriptor::of_profile(profile, &uri));
            let packs = profile.packs.iter();
            resolved_dependencies.extend(packs.map(|pack| Descriptor::of_pack(pack, &uri)));
        }
        let content = claim.locked.content_sha256.to_string();
        let subject = claim.subjects.into_iter().map(|file| {
            let mut subject = Descriptor::of_file(file);
            subject.annotate("contentSha256", &content);
            subject
        });
        Self {
            kind: STATEMENT,
            subject: subject.collect(),
            predicate_type: PREDICATE,
            predicate: Provenance {
                build_definition: BuildDefinition {
                    build_type: BUILD_TYPE,
                    external_parameters,
                    resolved_dependencies,
                },
                run_details: RunDetails {
                    builder: Builder {
                        id: claim.builder.to_owned(),
                        version: BTreeMap::from([("edgestage", VERSION)]),
                    },
                    metadata: claim.finished.map(|finished_on| Metadata { finished_on }),
                },
            },
        }
    }
}

/// Returns the address that Palette's API has for a profile.
fn uri_of(endpoint: &Endpoint, profile: &ResolvedProfile) -> String {
    endpoint
        .join(&format!("/v1/clusterprofiles/{}", profile.uid))
        .to_string()
}

impl Descriptor {
    fn of_file(file: File) -> Self {
        Self {
            name: file.name,
            digest: BTreeMap::from([("sha256", file.sha256.to_string())]),
            ..Self::default()
        }
    }

    fn of_profile(profile: &ResolvedProfile, uri: &str) -> Self {
        let mut descriptor = Self {
            name: profile.name.clone(),
            uri: Some(uri.to_owned()),
            ..Self::default()
        };
        descriptor.annotate("uid", profile.uid.as_str());
        descriptor.annotate("version", &profile.version);
        descriptor.annotate("type", &profile.kind);
        descriptor
    }

    /// A pack has no address of its own in the lock, so its URI is a part of the profile's.
    fn of_pack(pack: &Pack, profile: &str) -> Self {
        let fragment = pack.name.bytes().map(|byte| match byte {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            byte => format!("%{byte:02X}"),
        });
        let fragment: String = fragment.collect();
        let mut descriptor = Self {
            name: pack.name.clone(),
            uri: Some(format!("{profile}#packs/{fragment}")),
            ..Self::default()
        };
        descriptor.annotate("layer", &pack.layer);
        descriptor.annotate("tag", &pack.tag);
        descriptor.annotate("version", &pack.version);
        match known_digest(&pack.digest) {
            Some((algorithm, digits)) => {
                descriptor
                    .digest
                    .insert(algorithm.name(), digits.to_owned());
            }
            None => descriptor.annotate("digest", &pack.digest),
        }
        descriptor
    }

    /// Adds an annotation unless it is empty. Names of extensions begin with a vendor.
    fn annotate(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            let name = format!("edgestage_{name}");
            self.annotations.insert(name, value.into());
        }
    }
}
