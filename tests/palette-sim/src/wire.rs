//! The contract's response bodies, out of the world's data.
//!
//! Field names and enums are those of the vendor's definitions; the tests hold every
//! answer against them.

use serde_json::{Map, Value, json};

use crate::profile::{Pack, Profile, Scope, pseudo_hex};
use crate::variable::Variable;
use crate::world::{Project, World, order};

/// What stands in place of a sensitive default value.
const MASK: &str = "********";

/// `v1ClusterProfile`.
pub(crate) fn profile(world: &World, profile: &Profile) -> Value {
    let mut spec = Map::new();
    if profile.published {
        spec.insert("published".into(), template(profile, &profile.packs));
    }
    if let Some(packs) = unpublished(profile) {
        spec.insert("draft".into(), template(profile, packs));
    }
    stated(&mut spec, "version", &profile.version);
    spec.insert("versions".into(), versions(world, profile));
    json!({
        "apiVersion": "cluster.spectrocloud.com/v1alpha1",
        "kind": "ClusterProfile",
        "metadata": metadata(world, profile),
        "spec": spec,
        "status": {
            "hasUserMacros": false,
            "inUseClusterTemplates": [],
            "inUseClusterUids": [],
            "inUseClusters": [],
            "isPublished": profile.published,
        },
    })
}

/// `v1ClusterProfileSummary`. Its `version` is, in the contract's words, the
/// profile's latest version: which one an item stands for is told by its uid among
/// the `versions`.
pub(crate) fn summary(world: &World, profile: &Profile) -> Value {
    let mut spec = Map::new();
    if profile.published {
        spec.insert(
            "published".into(),
            template_summary(profile, &profile.packs),
        );
    }
    if let Some(packs) = unpublished(profile) {
        spec.insert("draft".into(), template_summary(profile, packs));
    }
    let known = world.versions(profile);
    let latest = known.last().map_or(profile.version.as_str(), |last| last.0);
    stated(&mut spec, "version", latest);
    spec.insert("versions".into(), versions(world, profile));
    json!({
        "metadata": metadata(world, profile),
        "specSummary": spec,
        "status": {
            "fips": { "mode": "none" },
            "inUseClusterTemplates": [],
            "inUseClusterUids": [],
            "inUseClusters": [],
            "isPublished": profile.published,
            "pack": { "deleted": 0, "deprecated": 0, "disabled": 0 },
        },
    })
}

/// `v1ClusterProfileMetadata`.
pub(crate) fn profile_metadata(profile: &Profile) -> Value {
    let mut spec = Map::new();
    spec.insert("cloudType".into(), profile.cloud_type.clone().into());
    stated(&mut spec, "version", &profile.version);
    json!({
        "metadata": { "name": profile.name, "uid": profile.uid },
        "spec": spec,
    })
}

/// A field that is left out where there is nothing to say.
fn stated(fields: &mut Map<String, Value>, name: &str, value: &str) {
    if !value.is_empty() {
        fields.insert(name.into(), value.into());
    }
}

/// `v1Variables`, with sensitive defaults masked.
pub(crate) fn variables(profile: &Profile) -> Value {
    let masked: Vec<Variable> = profile
        .variables
        .iter()
        .cloned()
        .map(|mut variable| {
            if variable.is_sensitive && !variable.default_value.is_empty() {
                variable.default_value = MASK.into();
            }
            variable
        })
        .collect();
    json!({ "variables": masked })
}

/// `v1ProjectMetadata`.
pub(crate) fn project_metadata(project: &Project) -> Value {
    json!({ "metadata": { "name": project.name, "uid": project.uid } })
}

/// `v1Project`.
pub(crate) fn project(world: &World, project: &Project) -> Value {
    json!({
        "metadata": {
            "annotations": { "scope": "tenant", "tenantUid": world.tenant_uid },
            "creationTimestamp": "2023-09-18T07:41:02.000Z",
            "labels": {},
            "lastModifiedTimestamp": "2023-09-18T07:41:02.000Z",
            "name": project.name,
            "uid": project.uid,
        },
        "spec": { "alerts": [], "logoUrl": "", "teams": [], "users": [] },
        "status": { "isDisabled": false },
    })
}

/// What an archive says about a profile: its published template under its name. No
/// timestamp, so that an unchanged profile exports the same bytes.
pub(crate) fn exported(profile: &Profile) -> Value {
    json!({
        "metadata": {
            "annotations": { "description": profile.description },
            "name": profile.name,
            "uid": profile.uid,
        },
        "spec": {
            "published": template(profile, &profile.packs),
            "version": profile.version,
        },
    })
}

/// `v1Error`.
pub(crate) fn error(code: &str, message: &str, reference: u64) -> Value {
    json!({
        "code": code,
        "message": message,
        "details": {},
        "ref": pseudo_hex(&format!("error {reference}"), 24),
    })
}

/// Orders versions by their numbers, a pre-release before its release.
pub(crate) fn compare_versions(left: &str, right: &str) -> std::cmp::Ordering {
    order(left).cmp(&order(right))
}

/// The packs that nobody published yet: an edit, or all of a profile that never was.
fn unpublished(profile: &Profile) -> Option<&Vec<Pack>> {
    let own = (!profile.published).then_some(&profile.packs);
    profile.draft.as_ref().or(own)
}

/// `v1ObjectMeta`.
fn metadata(world: &World, profile: &Profile) -> Value {
    let mut annotations = Map::new();
    annotations.insert("description".into(), profile.description.clone().into());
    let scope = profile.scope.as_ref().unwrap_or(&Scope::Tenant);
    annotations.insert("scope".into(), scope.word().into());
    if let Scope::Project(uid) = scope {
        annotations.insert("projectUid".into(), uid.clone().into());
    }
    annotations.insert("tenantUid".into(), world.tenant_uid.clone().into());
    let labels: Map<String, Value> = profile
        .tags
        .iter()
        .map(|tag| (tag.clone(), "spectro__tag".into()))
        .collect();
    json!({
        "annotations": annotations,
        "creationTimestamp": profile.created,
        "labels": labels,
        "lastModifiedTimestamp": profile.modified,
        "name": profile.name,
        "uid": profile.uid,
    })
}

/// `v1ClusterProfileTemplate`.
fn template(profile: &Profile, packs: &[Pack]) -> Value {
    let mut template = json!({
        "cloudType": profile.cloud_type,
        "name": profile.name,
        "packServerRefs": [],
        "packs": packs.iter().map(pack).collect::<Vec<_>>(),
        "type": profile.kind.word(),
        "uid": profile.uid,
        "version": 1,
    });
    if let Some(fields) = template.as_object_mut() {
        stated(fields, "profileVersion", &profile.version);
    }
    template
}

/// `v1PackRef`.
fn pack(pack: &Pack) -> Value {
    let manifests: Vec<Value> = pack
        .manifests
        .iter()
        .map(|each| json!({ "kind": "manifest", "name": each.name, "uid": each.uid }))
        .collect();
    let mut fields = json!({
        "annotations": {},
        "inValidReason": pack.invalid.clone().unwrap_or_default(),
        "isInvalid": pack.invalid.is_some(),
        "layer": pack.layer,
        "logo": "",
        "manifests": manifests,
        "name": pack.name,
        "packUid": pack_uid(pack),
        "params": {},
        "presets": [],
        "registryUid": pack.registry_uid,
        "schema": [],
        "server": "",
        "type": pack.kind,
        "values": pack.values,
    });
    if let Some(fields) = fields.as_object_mut() {
        stated(fields, "tag", &pack.tag);
        stated(fields, "version", &pack.version);
        stated(fields, "digest", &pack.digest);
    }
    fields
}

/// `v1ClusterProfileTemplateSummary`.
fn template_summary(profile: &Profile, packs: &[Pack]) -> Value {
    let packs: Vec<Value> = packs
        .iter()
        .map(|pack| {
            json!({
                "annotations": {},
                "displayName": pack.name,
                "layer": pack.layer,
                "logoUrl": "",
                "name": pack.name,
                "packUid": pack_uid(pack),
                "tag": pack.tag,
                "type": pack.kind,
                "version": pack.version,
            })
        })
        .collect();
    json!({
        "cloudType": profile.cloud_type,
        "packs": packs,
        "type": profile.kind.word(),
    })
}

fn pack_uid(pack: &Pack) -> String {
    pseudo_hex(&format!("pack {}@{}", pack.name, pack.version), 24)
}

fn versions(world: &World, profile: &Profile) -> Value {
    let known = world.versions(profile);
    let versions = known.iter().map(|(version, uid)| {
        let mut known = Map::new();
        known.insert("uid".into(), (*uid).into());
        stated(&mut known, "version", version);
        Value::Object(known)
    });
    Value::Array(versions.collect())
}
