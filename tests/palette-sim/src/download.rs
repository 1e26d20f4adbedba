//! `POST /v1/spectroclusters/spc/download`: from a request to the recipe of an
//! archive, by the rules that Palette documents (facts, section 1).

use crate::archive::{Recipe, stamp};
use crate::profile::{Manifest, Profile, pseudo_hex};
use crate::request::{Definition, DefinitionProfile};
use crate::routes::{Caller, Refusal};
use crate::world::World;

/// Checks the request and gathers what its archive is made from.
pub(crate) fn recipe(
    world: &World,
    caller: &Caller,
    body: Definition,
    number: u64,
) -> Result<Recipe, Refusal> {
    let Some(spec) = body.spec else {
        return Err(Refusal::bad("spec is required"));
    };
    if spec.profiles.0.is_empty() {
        return Err(Refusal::bad("at least one profile is required"));
    }
    let mut profiles: Vec<Profile> = Vec::new();
    for entry in &spec.profiles.0 {
        let profile = caller.reach(world, &entry.uid)?;
        if !profile.published {
            let message = format!("Profile {} is not published", profile.name);
            return Err(Refusal::bad(&message));
        }
        if profile.cloud_type != spec.cloud_type && profile.cloud_type != "all" {
            let message = format!(
                "Profile {} is for cloud type {}, not {}",
                profile.name, profile.cloud_type, spec.cloud_type
            );
            return Err(Refusal::bad(&message));
        }
        profiles.push(overridden(profile, entry)?);
    }
    combine(&profiles)?;
    let name = if body.metadata.name.is_empty() {
        "cluster-profiles".to_owned()
    } else {
        body.metadata.name
    };
    Ok(Recipe {
        name,
        cloud_type: spec.cloud_type,
        profiles,
        options: world.archive.clone(),
        number,
        stamp: stamp(number),
    })
}

/// The rules for a combination: one profile with infrastructure at most, and no pack
/// twice.
fn combine(profiles: &[Profile]) -> Result<(), Refusal> {
    let mut infrastructure = profiles.iter().filter(|each| each.has_infrastructure());
    if let (Some(first), Some(second)) = (infrastructure.next(), infrastructure.next()) {
        let message = format!(
            "Profiles {} and {} both have infrastructure layers",
            first.name, second.name
        );
        return Err(Refusal::bad(&message));
    }
    for (at, profile) in profiles.iter().enumerate() {
        for other in &profiles[..at] {
            if profile.uid == other.uid {
                let message = format!("Profile {} is repeated", profile.name);
                return Err(Refusal::bad(&message));
            }
            let mut packs = profile.packs.iter();
            let twice = packs.find(|pack| other.packs.iter().any(|each| each.name == pack.name));
            if let Some(pack) = twice {
                let message = format!(
                    "Pack {} is in profiles {} and {}",
                    pack.name, other.name, profile.name
                );
                return Err(Refusal::bad(&message));
            }
        }
    }
    Ok(())
}

/// The profile with the request's values and manifests in place of its own. An
/// override refers to a pack of the profile, by name and, if it says one, by tag.
fn overridden(profile: &Profile, entry: &DefinitionProfile) -> Result<Profile, Refusal> {
    let mut profile = profile.clone();
    for wanted in &entry.packs.0 {
        let same_tag = |tag: &String| wanted.tag.as_ref().is_none_or(|wanted| wanted == tag);
        let mut packs = profile.packs.iter_mut();
        let Some(pack) = packs.find(|pack| pack.name == wanted.name && same_tag(&pack.tag)) else {
            let message = format!(
                "Pack {}:{} is not in profile {}",
                wanted.name,
                wanted.tag.as_deref().unwrap_or("*"),
                profile.name
            );
            return Err(Refusal::bad(&message));
        };
        if let Some(values) = &wanted.values {
            pack.values.clone_from(values);
        }
        for update in &wanted.manifests {
            let content = update.content.clone().unwrap_or_default();
            match pack
                .manifests
                .iter_mut()
                .find(|each| each.name == update.name)
            {
                Some(manifest) => manifest.content = content,
                None => pack.manifests.push(Manifest {
                    uid: pseudo_hex(&format!("manifest {} {}", pack.name, update.name), 24),
                    name: update.name.clone(),
                    content,
                }),
            }
        }
    }
    Ok(profile)
}
