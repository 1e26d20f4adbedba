//! The world a simulated Palette serves: keys, projects, profiles, and how it
//! behaves.
//!
//! A test builds one, hands it to `Sim::start`, and may change it between two
//! calls. Invariant: every profile has a scope once [`World::profile`] took it.

use std::path::PathBuf;
use std::time::Duration;

use crate::profile::{Profile, Scope};
use crate::time;

/// Everything a simulated Palette knows. The fields are public: change what the
/// builders do not reach.
#[derive(Clone, Debug)]
pub struct World {
    /// Who may call.
    pub keys: Vec<Key>,
    /// The tenant's projects; the first is where profiles go by default.
    pub projects: Vec<Project>,
    /// All versions of all profiles.
    pub profiles: Vec<Profile>,
    /// Stands in the annotations.
    pub tenant_uid: String,
    /// What a download looks like.
    pub archive: Archive,
    /// Waited before each answer.
    pub latency: Duration,
    /// Whether the documented rate limits are enforced.
    pub rate_limits: bool,
    /// How `?name=` of the projects call matches. The documentation does not say,
    /// so a client has to compare for itself.
    pub project_names: NameMatch,
}

/// An API key and what it may see.
#[derive(Clone, Debug)]
pub struct Key {
    /// The secret itself.
    pub value: String,
    /// The projects it may name in `ProjectUid`.
    pub projects: Access,
    /// Whether it may work without `ProjectUid`, in the tenant's scope.
    pub tenant: bool,
}

/// Which projects a key may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// Each of them.
    All,
    /// Those with these uids.
    Only(Vec<String>),
}

impl Key {
    /// A key that may do everything.
    #[must_use]
    pub fn admin(value: &str) -> Self {
        Self {
            value: value.into(),
            projects: Access::All,
            tenant: true,
        }
    }

    /// A key for some projects, without tenant scope.
    #[must_use]
    pub fn limited(value: &str, projects: &[&str]) -> Self {
        let uids = projects.iter().map(|uid| (*uid).to_owned()).collect();
        Self {
            value: value.into(),
            projects: Access::Only(uids),
            tenant: false,
        }
    }

    /// Whether the key may see the project.
    #[must_use]
    pub fn sees(&self, project: &str) -> bool {
        match &self.projects {
            Access::All => true,
            Access::Only(uids) => uids.iter().any(|uid| uid == project),
        }
    }
}

/// A project.
#[derive(Clone, Debug)]
pub struct Project {
    /// 24 hexadecimal digits.
    pub uid: String,
    /// As the console shows it.
    pub name: String,
}

/// How a name filter of the server matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameMatch {
    /// Equal, case included.
    Exact,
    /// Contained, whatever the case: the worst that a client has to bear.
    Contains,
    /// The filter is accepted and ignored.
    Ignored,
}

/// What a download looks like. See the `archive` module for the layout.
#[derive(Clone, Debug)]
pub struct Archive {
    /// Where the bytes come from.
    pub payload: Payload,
    /// How their end is told.
    pub framing: Framing,
    /// gzip level, 0 to 9.
    pub level: u32,
    /// Whether each download has its entries in another order.
    pub shuffle: bool,
    /// Bytes of filler files, half of them text, half incompressible. They are
    /// made while they are sent.
    pub padding: u64,
}

/// Where the bytes of a download come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// Built from the requested profiles, anew for each download.
    Definition,
    /// This file, as it is, whatever was requested.
    File(PathBuf),
}

/// How the end of a download is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// `Content-Length`, but chunked where there is padding.
    Auto,
    /// `Content-Length`. A padded archive is made twice for it, once to measure.
    Length,
    /// `Transfer-Encoding: chunked`.
    Chunked,
}

impl Default for Archive {
    fn default() -> Self {
        Self {
            payload: Payload::Definition,
            framing: Framing::Auto,
            level: 6,
            shuffle: false,
            padding: 0,
        }
    }
}

impl World {
    /// An empty tenant and one key that may do everything.
    #[must_use]
    pub fn new(key: &str) -> Self {
        Self {
            keys: vec![Key::admin(key)],
            projects: Vec::new(),
            profiles: Vec::new(),
            tenant_uid: "5e9f2b1c8a7d6e5f4c3b2a19".into(),
            archive: Archive::default(),
            latency: Duration::ZERO,
            rate_limits: false,
            project_names: NameMatch::Contains,
        }
    }

    /// Adds a project.
    #[must_use]
    pub fn project(mut self, uid: &str, name: &str) -> Self {
        self.projects.push(Project {
            uid: uid.into(),
            name: name.into(),
        });
        self
    }

    /// Adds a profile. One without a scope goes to the first project, or to the
    /// tenant where there is none.
    #[must_use]
    pub fn profile(mut self, mut profile: Profile) -> Self {
        if profile.scope.is_none() {
            profile.scope = Some(match self.projects.first() {
                Some(project) => Scope::Project(project.uid.clone()),
                None => Scope::Tenant,
            });
        }
        self.profiles.push(profile);
        self
    }

    /// Adds a key.
    #[must_use]
    pub fn key(mut self, key: Key) -> Self {
        self.keys.push(key);
        self
    }

    /// Sets what a download looks like.
    #[must_use]
    pub fn archive(mut self, archive: Archive) -> Self {
        self.archive = archive;
        self
    }

    /// Sets the wait before each answer.
    #[must_use]
    pub fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// Switches the documented rate limits on.
    #[must_use]
    pub fn rate_limited(mut self) -> Self {
        self.rate_limits = true;
        self
    }

    /// The profile with this uid.
    #[must_use]
    pub fn find(&self, uid: &str) -> Option<&Profile> {
        self.profiles.iter().find(|profile| profile.uid == uid)
    }

    /// The profile with this uid, to change it.
    pub fn find_mut(&mut self, uid: &str) -> Option<&mut Profile> {
        self.profiles.iter_mut().find(|profile| profile.uid == uid)
    }

    /// Moves the pack to another version in every published profile that has it, as
    /// if somebody had edited and published them. Returns how many profiles changed.
    pub fn publish(&mut self, pack: &str, version: &str) -> usize {
        let mut changed = 0;
        for profile in self.profiles.iter_mut().filter(|each| each.published) {
            let mut hit = false;
            for each in profile.packs.iter_mut().filter(|each| each.name == pack) {
                each.set_version(version);
                hit = true;
            }
            if hit {
                profile.modified = time::now();
                changed += 1;
            }
        }
        changed
    }

    /// All versions of a profile's name within its scope, oldest first, as
    /// `(version, uid)`.
    pub(crate) fn versions(&self, of: &Profile) -> Vec<(&str, &str)> {
        let mut versions: Vec<_> = self
            .profiles
            .iter()
            .filter(|each| each.name == of.name && each.scope == of.scope)
            .map(|each| (each.version.as_str(), each.uid.as_str()))
            .collect();
        versions.sort_by_key(|(version, _)| order(version));
        versions
    }
}

/// A key that sorts `1.10.0` behind `1.9.0`, and `2.0.0-rc.1` before `2.0.0`; what is not a
/// number counts as zero.
pub(crate) fn order(version: &str) -> (Vec<u64>, bool, Vec<u64>) {
    let numbers = |text: &str| {
        text.split('.')
            .map(|part| part.parse().unwrap_or(0))
            .collect()
    };
    let version = version.split('+').next().unwrap_or_default();
    match version.split_once('-') {
        Some((release, pre)) => (numbers(release), false, numbers(pre)),
        None => (numbers(version), true, Vec::new()),
    }
}
