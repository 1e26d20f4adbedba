//! Profiles and packs: what a user of Palette edits.
//!
//! Plain data with builders, so that a test states its world in a few lines. The
//! contract's own field names live in `wire`. Nothing here validates: a test may
//! describe a broken world on purpose.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use crate::variable::Variable;

/// Whose profile it is. It decides which `ProjectUid` may see it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Belongs to the project with this uid.
    Project(String),
    /// Belongs to the tenant; every project sees it.
    Tenant,
    /// Comes with Palette; everybody sees it.
    System,
}

impl Scope {
    /// The word of the contract's `v1ClusterProfileScope`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Scope::Project(_) => "project",
            Scope::Tenant => "tenant",
            Scope::System => "system",
        }
    }
}

/// The contract's `v1ProfileType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Kind {
    /// A full profile: infrastructure and add-ons.
    #[serde(rename = "cluster")]
    Cluster,
    /// Infrastructure layers only.
    #[serde(rename = "infra")]
    Infra,
    /// Add-on layers only.
    #[serde(rename = "add-on")]
    AddOn,
    /// Comes with Palette.
    #[serde(rename = "system")]
    System,
}

impl Kind {
    /// The word of the contract.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Kind::Cluster => "cluster",
            Kind::Infra => "infra",
            Kind::AddOn => "add-on",
            Kind::System => "system",
        }
    }
}

/// One version of a cluster profile. Every version has a uid of its own.
#[derive(Clone, Debug)]
pub struct Profile {
    /// 24 hexadecimal digits.
    pub uid: String,
    /// Shared by all versions of the profile.
    pub name: String,
    /// For example `2.1.0`; empty for a profile that states none.
    pub version: String,
    /// Whose it is. A builder leaves the world's first project here.
    pub scope: Option<Scope>,
    /// `edge-native`, or `all` for an add-on that fits everywhere.
    pub cloud_type: String,
    /// What sort of layers it holds.
    pub kind: Kind,
    /// Its layers, bottom up.
    pub packs: Vec<Pack>,
    /// Its variables.
    pub variables: Vec<Variable>,
    /// Edited packs that nobody published yet, on top of the published ones.
    pub draft: Option<Vec<Pack>>,
    /// Whether `packs` are published; otherwise they are the draft.
    pub published: bool,
    /// Free text.
    pub description: String,
    /// Labels without values, as the console's tags.
    pub tags: Vec<String>,
    /// RFC 3339.
    pub created: String,
    /// RFC 3339. It is never part of an archive's contents.
    pub modified: String,
}

impl Profile {
    /// A published profile of the given kind, cloud type `edge-native`.
    #[must_use]
    pub fn new(kind: Kind, uid: &str, name: &str, version: &str) -> Self {
        Self {
            uid: uid.into(),
            name: name.into(),
            version: version.into(),
            scope: None,
            cloud_type: "edge-native".into(),
            kind,
            packs: Vec::new(),
            variables: Vec::new(),
            draft: None,
            published: true,
            description: String::new(),
            tags: Vec::new(),
            created: "2024-02-11T08:15:30.000Z".into(),
            modified: "2024-06-03T14:02:11.000Z".into(),
        }
    }

    /// A published infrastructure profile.
    #[must_use]
    pub fn infra(uid: &str, name: &str, version: &str) -> Self {
        Self::new(Kind::Infra, uid, name, version)
    }

    /// A published add-on profile.
    #[must_use]
    pub fn add_on(uid: &str, name: &str, version: &str) -> Self {
        Self::new(Kind::AddOn, uid, name, version)
    }

    /// Puts it into a project other than the world's first.
    #[must_use]
    pub fn project(mut self, uid: &str) -> Self {
        self.scope = Some(Scope::Project(uid.into()));
        self
    }

    /// Makes it the tenant's.
    #[must_use]
    pub fn tenant(mut self) -> Self {
        self.scope = Some(Scope::Tenant);
        self
    }

    /// Makes it one that comes with Palette.
    #[must_use]
    pub fn system(mut self) -> Self {
        self.scope = Some(Scope::System);
        self
    }

    /// Sets the cloud type.
    #[must_use]
    pub fn cloud(mut self, cloud_type: &str) -> Self {
        self.cloud_type = cloud_type.into();
        self
    }

    /// Adds a layer.
    #[must_use]
    pub fn pack(mut self, pack: Pack) -> Self {
        self.packs.push(pack);
        self
    }

    /// Adds a variable.
    #[must_use]
    pub fn variable(mut self, variable: Variable) -> Self {
        self.variables.push(variable);
        self
    }

    /// Adds a tag.
    #[must_use]
    pub fn tag(mut self, tag: &str) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// Sets the description.
    #[must_use]
    pub fn describe(mut self, text: &str) -> Self {
        self.description = text.into();
        self
    }

    /// Takes the publication back: its packs become a draft.
    #[must_use]
    pub fn unpublished(mut self) -> Self {
        self.published = false;
        self
    }

    /// Puts an unpublished edit on top of the published packs.
    #[must_use]
    pub fn drafted(mut self, packs: Vec<Pack>) -> Self {
        self.draft = Some(packs);
        self
    }

    /// Whether a layer other than `addon` is among its packs (facts: every layer
    /// but `addon` is infrastructure, whatever the profile's type says).
    #[must_use]
    pub fn has_infrastructure(&self) -> bool {
        self.packs.iter().any(|pack| pack.layer != "addon")
    }
}

/// A layer of a profile.
#[derive(Clone, Debug)]
pub struct Pack {
    /// For example `edge-k3s`.
    pub name: String,
    /// `kernel`, `os`, `k8s`, `cni`, `csi` or `addon`.
    pub layer: String,
    /// What the user chose; may be `1.30.x`.
    pub tag: String,
    /// What the tag resolved to.
    pub version: String,
    /// Pins what is installed.
    pub digest: String,
    /// The pack registry's uid.
    pub registry_uid: String,
    /// `spectro`, `helm`, `manifest` or `oci`.
    pub kind: String,
    /// The pack's values.yaml.
    pub values: String,
    /// Why the pack is invalid: its tag vanished from its registry.
    pub invalid: Option<String>,
    /// Additional manifests.
    pub manifests: Vec<Manifest>,
}

impl Pack {
    /// A pack of type `spectro` whose tag is its version. Digest and values follow
    /// from name and version, so that a new version changes both.
    #[must_use]
    pub fn new(name: &str, layer: &str, version: &str) -> Self {
        Self {
            name: name.into(),
            layer: layer.into(),
            tag: version.into(),
            version: version.into(),
            digest: digest_of(name, version),
            registry_uid: "5eecc89d0b150045ae661cef".into(),
            kind: "spectro".into(),
            values: default_values(name, version),
            invalid: None,
            manifests: Vec::new(),
        }
    }

    /// Manifests of the user's own: of no registry, so there is no tag, version or digest.
    #[must_use]
    pub fn manifests(name: &str) -> Self {
        Self {
            tag: String::new(),
            version: String::new(),
            digest: String::new(),
            ..Self::new(name, "addon", "1").kind("manifest")
        }
    }

    /// An add-on layer.
    #[must_use]
    pub fn add_on(name: &str, version: &str) -> Self {
        Self::new(name, "addon", version)
    }

    /// Sets the tag apart from the version, as `1.30.x` is from `1.30.4`.
    #[must_use]
    pub fn tag(mut self, tag: &str) -> Self {
        self.tag = tag.into();
        self
    }

    /// Sets the type: `spectro`, `helm`, `manifest` or `oci`.
    #[must_use]
    pub fn kind(mut self, kind: &str) -> Self {
        self.kind = kind.into();
        self
    }

    /// Sets the values.yaml.
    #[must_use]
    pub fn values(mut self, values: &str) -> Self {
        self.values = values.into();
        self
    }

    /// Marks it invalid.
    #[must_use]
    pub fn invalid(mut self, reason: &str) -> Self {
        self.invalid = Some(reason.into());
        self
    }

    /// Adds a manifest.
    #[must_use]
    pub fn manifest(mut self, name: &str, content: &str) -> Self {
        let uid = pseudo_hex(&format!("manifest {} {name}", self.name), 24);
        self.manifests.push(Manifest {
            uid,
            name: name.into(),
            content: content.into(),
        });
        self
    }

    /// Moves the pack to another version: tag, version and digest change, the
    /// values only where they were the default of the old version.
    pub fn set_version(&mut self, version: &str) {
        if self.values == default_values(&self.name, &self.version) {
            self.values = default_values(&self.name, version);
        }
        self.tag = version.into();
        self.version = version.into();
        self.digest = digest_of(&self.name, version);
    }
}

/// An additional manifest of a pack.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// 24 hexadecimal digits.
    pub uid: String,
    /// The file's name without `.yaml`.
    pub name: String,
    /// YAML.
    pub content: String,
}

fn digest_of(name: &str, version: &str) -> String {
    format!("sha256:{}", pseudo_hex(&format!("{name}@{version}"), 64))
}

fn default_values(name: &str, version: &str) -> String {
    format!("pack:\n  name: {name}\n  version: \"{version}\"\n  namespace: {name}\n")
}

/// `length` hexadecimal digits that look random and depend on `seed` alone. FNV-1a
/// stretched by a counter: stable between runs, and nobody relies on more.
pub(crate) fn pseudo_hex(seed: &str, length: usize) -> String {
    let mut text = String::new();
    let mut round = 0_u8;
    while text.len() < length {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for byte in seed.bytes().chain([round]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        // FNV's upper bits move little over short seeds.
        hash = (hash ^ (hash >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        // Writing into a string cannot fail.
        let _ = write!(text, "{:016x}", hash ^ (hash >> 29));
        round += 1;
    }
    text.truncate(length);
    text
}
