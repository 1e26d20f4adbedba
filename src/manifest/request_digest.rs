//! The digest of a definition's request, which shows whether a lock is outdated.

use serde::Serialize;

use super::{Definition, Project, Reference};
use crate::util::digest::Digest;

/// The digested data, as JSON: unambiguous, and the same on every machine. A change of this
/// shape makes every lock outdated.
#[derive(Serialize)]
struct Asked<'a> {
    name: &'a str,
    cloud_type: &'a str,
    project: Option<String>,
    profiles: Vec<AskedProfile<'a>>,
}

#[derive(Serialize)]
struct AskedProfile<'a> {
    reference: String,
    packs: Vec<AskedPack<'a>>,
}

#[derive(Serialize)]
struct AskedPack<'a> {
    name: &'a str,
    tag: Option<&'a str>,
    values: Option<Digest>,
}

impl Definition {
    /// Returns the digest of the references, overrides, project, `name` and `cloud-type`. A uid
    /// and the console URL of the same profile are the same reference. The text of a values
    /// file counts, but its path does not.
    #[must_use]
    pub fn asked(&self) -> Digest {
        let profiles = self.profiles.iter().map(|profile| AskedProfile {
            reference: match &profile.reference {
                Reference::Uid(uid) => format!("uid {uid}"),
                Reference::Version { name, version } => format!("name {name}@{version}"),
            },
            packs: profile
                .packs
                .iter()
                .map(|pack| AskedPack {
                    name: &pack.name,
                    tag: pack.tag.as_deref(),
                    values: pack.values.as_ref().map(Digest::of),
                })
                .collect(),
        });
        let asked = Asked {
            name: &self.metadata_name,
            cloud_type: &self.cloud_type,
            project: self.project_asked().map(|project| match project {
                Project::Uid(uid) => format!("uid {uid}"),
                Project::Name(name) => format!("name {name}"),
            }),
            profiles: profiles.collect(),
        };
        // The data consists of strings and digests, so serialization cannot fail.
        Digest::of(serde_json::to_vec(&asked).unwrap_or_default())
    }

    /// Returns the project of the request: the definition's own, otherwise that of its URLs,
    /// otherwise that of the file.
    #[must_use]
    pub fn project_asked(&self) -> Option<Project> {
        match (&self.project, &self.url_project) {
            (Some(own), _) if self.own_project => Some(own.value.clone()),
            (_, Some(url)) => Some(Project::Uid(url.clone())),
            (project, None) => project.as_ref().map(|at| at.value.clone()),
        }
    }
}
