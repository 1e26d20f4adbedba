//! Content bundles: OCI image layouts in a tar, as `palette content build` writes them, put
//! together member by member.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::crafted_archives::Crafted;
use super::{archive, sha256};

/// The annotation with the kind of a manifest.
pub const KIND: &str = "io.image.ref.spectrocloud.type";
/// The annotation with the name of a manifest.
pub const NAME: &str = "org.opencontainers.image.ref.name";
/// The name of the cluster definition in [`Bundle::of`].
pub const REFERENCE: &str = "cluster-definition/factory:1";

/// A member of a bundle: its path and its content.
pub type Member = (String, Vec<u8>);

/// A builder of a bundle.
#[derive(Clone, Default)]
pub struct Bundle {
    blobs: Vec<Member>,
    manifests: Vec<Value>,
}

impl Bundle {
    /// Returns what every bundle has: an image with two layers, a pack, and the host's agent.
    pub fn without_definition() -> Self {
        let layer = archive(&[("bin/", ""), ("bin/tool", "a tool")]);
        let other = archive(&[("etc/", ""), ("etc/tool.conf", "a setting")]);
        let pack = archive(&[("pack/", ""), ("pack/values.yaml", "a: 1")]);
        Self::default()
            .add(
                Some("image"),
                "registry.example/tool:1.0",
                &[&layer, &other],
            )
            .add(Some("pack"), "packs/hello-universe:1.2.0", &[&pack])
            .add(Some("stylus"), "stylus:4.8.1", &[b"the agent"])
    }

    /// Returns a bundle with this archive of a cluster definition.
    pub fn of(archive: &[u8]) -> Self {
        Self::without_definition().add(Some("spc"), REFERENCE, &[archive])
    }

    /// Adds a manifest of this kind and name with these layers.
    pub fn add(self, kind: Option<&str>, name: &str, layers: &[&[u8]]) -> Self {
        let mut annotations = json!({ NAME: name });
        if let Some(kind) = kind {
            annotations[KIND] = kind.into();
        }
        self.annotated(&annotations, layers)
    }

    /// Adds a manifest with these annotations in the index.
    pub fn annotated(mut self, annotations: &Value, layers: &[&[u8]]) -> Self {
        // Unlike real ones, configurations differ, so no blob occurs twice.
        let config = json!({ "rootfs": {}, "n": self.manifests.len() }).to_string();
        let config = self.blob(config.as_bytes());
        let layers: Vec<Value> = layers.iter().map(|layer| self.blob(layer)).collect();
        let manifest = json!({ "schemaVersion": 2, "config": config, "layers": layers });
        let mut descriptor = self.blob(manifest.to_string().as_bytes());
        descriptor["annotations"] = annotations.clone();
        self.manifests.push(descriptor);
        self
    }

    /// Adds a blob and returns its descriptor.
    fn blob(&mut self, content: &[u8]) -> Value {
        let digest = sha256(content);
        let path = format!("blobs/sha256/{digest}");
        if self.blobs.iter().all(|(other, _)| *other != path) {
            self.blobs.push((path, content.to_owned()));
        }
        json!({ "digest": format!("sha256:{digest}"), "size": content.len() })
    }

    /// Lists a manifest again, with other annotations.
    pub fn list_again(mut self, annotations: &Value) -> Self {
        let mut descriptor = self.manifests.last().unwrap().clone();
        descriptor["annotations"] = annotations.clone();
        self.manifests.push(descriptor);
        self
    }

    /// Returns the digest of the last manifest that was added.
    pub fn last_manifest(&self) -> String {
        let digest = self.manifests.last().unwrap()["digest"].as_str().unwrap();
        digest.strip_prefix("sha256:").unwrap().to_owned()
    }

    /// Returns the members in the order of their paths: blobs come before the index.
    pub fn members(&self) -> Vec<Member> {
        let layout = (
            "oci-layout".to_owned(),
            br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec(),
        );
        let index = json!({ "schemaVersion": 2, "manifests": self.manifests });
        let index = ("index.json".to_owned(), index.to_string().into_bytes());
        let mut members = self.blobs.clone();
        members.sort();
        members.extend([index, layout]);
        members
    }

    /// Returns the bundle as a tar.
    pub fn tar(&self) -> Vec<u8> {
        tar_of(&self.members())
    }

    /// Returns the bundle compressed with zstd.
    pub fn zstd(&self) -> Vec<u8> {
        zstd(&[], &self.tar())
    }
}

/// Returns a tar of these members in this order.
pub fn tar_of(members: &[Member]) -> Vec<u8> {
    crafted(members).tar()
}

/// Returns a tar of these members, to which more can be added.
pub fn crafted(members: &[Member]) -> Crafted {
    let add = |tar: Crafted, (path, content): &Member| tar.file(path.as_bytes(), content);
    members.iter().fold(Crafted::default(), add)
}

/// Returns what the program `zstd` makes of `bytes` with these arguments.
#[track_caller]
pub fn zstd(arguments: &[&str], bytes: &[u8]) -> Vec<u8> {
    filter(
        Command::new("zstd").args(["-q", "-c"]).args(arguments),
        bytes,
    )
}

/// Returns what a program that must succeed makes of `bytes`.
#[track_caller]
pub fn filter(command: &mut Command, bytes: &[u8]) -> Vec<u8> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut stdin = child.stdin.take().unwrap();
    let bytes = bytes.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(&bytes).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success(), "{command:?}");
    output.stdout
}
