//! Compares what a slot of a host holds with a lock entry.
//!
//! A host shows profiles, packs, their values and variables, and neither the archive nor a
//! digest of it (facts.md, 4). So the strongest verdict is that these are the same. What the
//! archive is needed for is compared if it is at hand, and otherwise said not to have been
//! compared. Values are compared by digest and are in no result.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use super::wire;
use crate::archive::Inventory;
use crate::lockfile::LockEntry;
use crate::manifest::{Definition, PackOverride};
use crate::resolve::{FIRST_VERSION, Pack, ResolvedProfile};
use crate::util::digest::Digest;
use crate::util::sanitize;
use crate::variables::{self, Variable};

/// What a slot holds, compared with the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The profiles, packs and variables of the locked definition.
    Same,
    /// Another definition.
    Differs,
    /// No definition.
    None,
}

/// Whether a part of a definition is the same on the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Shown {
    /// It is the same.
    Same,
    /// It differs, or the archive does not have it in the form that the host shows.
    NotFound,
    /// It was not compared: the slot is empty, or the archive is neither in the cache nor in the
    /// registry.
    NotCompared,
}

/// The result for one slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "HostSlot")]
pub(crate) struct SlotReport {
    /// What the slot holds.
    pub verdict: Verdict,
    /// Profiles that the slot holds, with their packs, as the host shows them.
    pub profiles: Vec<HostProfile>,
    /// Differences from the lock to what the slot holds.
    pub differences: Vec<HostDifference>,
    /// Whether the variables (name, default, required) are those of the archive.
    pub variables: Shown,
    /// Whether the archive has the values of every pack that the host shows; a part of neither
    /// verdict, since the layout of an archive is not documented.
    pub values: Shown,
}

/// A profile as a host shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct HostProfile {
    /// `name@version` of the profile.
    pub profile: String,
    /// Uid of the profile.
    pub uid: String,
    /// `name@version` of each pack.
    pub packs: Vec<String>,
}

impl HostProfile {
    fn of(shown: &wire::Profile) -> Self {
        let packs = shown.packs.iter();
        Self {
            profile: named(&shown.name, &shown.version),
            uid: sanitize::excerpt(shown.uid.as_bytes(), 40),
            packs: packs.map(|pack| named(&pack.name, &pack.version)).collect(),
        }
    }
}

/// A difference between the lock and what a slot holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum HostDifference {
    /// The host lacks a locked profile.
    ProfileMissing {
        /// `name@version` of the profile.
        profile: String,
        /// Uid of the profile.
        uid: String,
    },
    /// The host has a profile that is not locked.
    ProfileAdded {
        /// `name@version` of the profile.
        profile: String,
        /// Uid of the profile.
        uid: String,
    },
    /// The host has the profile under another name or version.
    ProfileChanged {
        /// Locked `name@version`.
        locked: String,
        /// The host's `name@version`.
        host: String,
    },
    /// The host lacks a locked pack.
    PackMissing {
        /// `name@version` of the profile.
        profile: String,
        /// `name@version` of the pack.
        pack: String,
    },
    /// The host has a pack that is not locked.
    PackAdded {
        /// `name@version` of the profile.
        profile: String,
        /// `name@version` of the pack.
        pack: String,
    },
    /// The host has another version of a pack.
    PackChanged {
        /// `name@version` of the profile.
        profile: String,
        /// Locked `name@version`.
        locked: String,
        /// The host's `name@version`.
        host: String,
    },
    /// The host lacks a variable.
    VariableMissing {
        /// `name@version` of the profile.
        profile: String,
        /// Name of the variable.
        variable: String,
    },
    /// The host has a variable that the archive does not have.
    VariableAdded {
        /// `name@version` of the profile.
        profile: String,
        /// Name of the variable.
        variable: String,
    },
    /// A variable has another default. Neither value is shown.
    VariableDefault {
        /// `name@version` of the profile.
        profile: String,
        /// Name of the variable.
        variable: String,
    },
    /// A variable is required on one side only.
    VariableRequired {
        /// `name@version` of the profile.
        profile: String,
        /// Name of the variable.
        variable: String,
    },
}

impl fmt::Display for HostDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ProfileMissing { profile, uid } => write!(f, "lacks {profile} ({uid})"),
            Self::ProfileAdded { profile, uid } => write!(f, "has {profile} ({uid})"),
            Self::ProfileChanged { locked, host } => write!(f, "{locked} is {host}"),
            Self::PackMissing { profile, pack } => write!(f, "{profile}: lacks {pack}"),
            Self::PackAdded { profile, pack } => write!(f, "{profile}: has {pack}"),
            Self::PackChanged {
                profile,
                locked,
                host,
            } => write!(f, "{profile}: {locked} is {host}"),
            Self::VariableMissing { profile, variable } => {
                write!(f, "{profile}: lacks the variable {variable}")
            }
            Self::VariableAdded { profile, variable } => {
                write!(f, "{profile}: has the variable {variable}")
            }
            Self::VariableDefault { profile, variable } => {
                write!(f, "{profile}: the variable {variable} has another default")
            }
            Self::VariableRequired { profile, variable } => {
                write!(
                    f,
                    "{profile}: the variable {variable} is required on one side only"
                )
            }
        }
    }
}

/// What a slot is compared with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected<'e> {
    /// The lock entry, which matches the definition.
    pub locked: &'e LockEntry,
    /// The definition, whose overrides are not in the lock entry.
    pub definition: &'e Definition,
    /// The locked archive, if it is at hand.
    pub archive: Option<&'e ArchiveFacts>,
}

/// What the locked archive holds, as far as hosts show it.
#[derive(Debug)]
pub(crate) struct ArchiveFacts {
    variables: BTreeMap<String, Option<Vec<Variable>>>,
    /// How many files have each digest.
    files: BTreeMap<Digest, usize>,
}

impl ArchiveFacts {
    /// Returns the facts of an archive whose variables were collected.
    pub(crate) fn of(inventory: &Inventory) -> Self {
        let mut files = BTreeMap::new();
        for (_, file) in &inventory.files {
            *files.entry(file.digest).or_insert(0) += 1;
        }
        Self {
            variables: variables::collect(&inventory.collected),
            files,
        }
    }

    /// Returns the variables of a profile; `None` if they cannot be read. A profile without a
    /// `variables.json` has none.
    fn variables_of(&self, uid: &str) -> Option<&[Variable]> {
        match self.variables.get(uid) {
            Some(found) => found.as_deref(),
            None => Some(&[]),
        }
    }
}

impl SlotReport {
    /// The result for a slot that holds nothing.
    pub(super) fn none() -> Self {
        Self {
            verdict: Verdict::None,
            profiles: Vec::new(),
            differences: Vec::new(),
            variables: Shown::NotCompared,
            values: Shown::NotCompared,
        }
    }

    /// Returns whether the host can be said to have the locked definition, so that an upload
    /// would change nothing.
    pub(super) fn is_proven(&self) -> bool {
        self.verdict == Verdict::Same && self.variables == Shown::Same && self.values == Shown::Same
    }
}

/// Compares what a slot holds with what is expected.
pub(super) fn compare(found: &wire::Details, expected: Expected<'_>) -> SlotReport {
    let Expected {
        locked,
        definition,
        archive,
    } = expected;
    let shown = &found.cluster_profile_details;
    if shown.is_empty() {
        return SlotReport::none();
    }
    let mut differences = Vec::new();
    let mut variables = archive.map_or(Shown::NotCompared, |_| Shown::Same);
    let mut left: Vec<&wire::Profile> = shown.iter().collect();
    // A current lock entry has the profiles of the definition, one by one.
    let overrides = definition.profiles.iter().map(|one| &one.packs[..]);
    let overrides = overrides.chain(std::iter::repeat(&[][..]));
    for (profile, overrides) in locked.profiles.iter().zip(overrides) {
        let uid = profile.uid.as_str();
        let at = left
            .iter()
            .position(|one| one.uid.eq_ignore_ascii_case(uid));
        let Some(at) = at else {
            differences.push(HostDifference::ProfileMissing {
                profile: named(&profile.name, &profile.version),
                uid: uid.to_owned(),
            });
            continue;
        };
        let host = left.swap_remove(at);
        compare_profile(profile, overrides, host, &mut differences);
        let known = archive.and_then(|archive| archive.variables_of(uid));
        let (Some(known), Some(held)) = (known, held_variables(host)) else {
            variables = Shown::NotCompared;
            continue;
        };
        if !compare_variables(profile, known, &held, &mut differences) {
            variables = Shown::NotCompared;
        }
    }
    differences.extend(left.into_iter().map(|one| HostDifference::ProfileAdded {
        profile: named(&one.name, &one.version),
        uid: sanitize::excerpt(one.uid.as_bytes(), 40),
    }));
    let is_variable = |difference: &HostDifference| {
        matches!(
            difference,
            HostDifference::VariableMissing { .. }
                | HostDifference::VariableAdded { .. }
                | HostDifference::VariableDefault { .. }
                | HostDifference::VariableRequired { .. }
        )
    };
    if differences.iter().any(is_variable) {
        variables = Shown::NotFound;
    }
    SlotReport {
        verdict: if differences.is_empty() {
            Verdict::Same
        } else {
            Verdict::Differs
        },
        profiles: shown.iter().map(HostProfile::of).collect(),
        differences,
        variables,
        values: archive.map_or(Shown::NotCompared, |archive| values(shown, archive)),
    }
}

fn named(name: &str, version: &str) -> String {
    let text = match version {
        "" => name.to_owned(),
        version => format!("{name}@{version}"),
    };
    sanitize::excerpt(text.as_bytes(), 120)
}

fn compare_profile(
    locked: &ResolvedProfile,
    overrides: &[PackOverride],
    host: &wire::Profile,
    differences: &mut Vec<HostDifference>,
) {
    // Palette's first version has no number, for which the lock has one.
    let is_first = host.version.is_empty() && locked.version == FIRST_VERSION;
    let is_same = host.version == locked.version || is_first;
    let profile = named(&locked.name, &locked.version);
    if host.name != locked.name || !is_same {
        differences.push(HostDifference::ProfileChanged {
            locked: profile.clone(),
            host: named(&host.name, &host.version),
        });
    }
    let mut left: Vec<&wire::Pack> = host.packs.iter().collect();
    // The packs that match are taken first: a name may occur twice.
    let tag_of = |pack: &Pack| {
        let named = overrides.iter().rfind(|one| one.name == pack.name);
        named.and_then(|one| one.tag.as_deref())
    };
    let is_shown = |pack: &Pack, one: &wire::Pack| {
        let has = |version: &str| one.version == version;
        one.name == pack.name
            && match tag_of(pack) {
                Some(tag) => is_version_of(tag, &one.version),
                None => has(&pack.tag) || has(&pack.version),
            }
    };
    let mut unmatched = Vec::new();
    for pack in &locked.packs {
        match left.iter().position(|one| is_shown(pack, one)) {
            Some(at) => drop(left.remove(at)),
            None => unmatched.push(pack),
        }
    }
    for pack in unmatched {
        let locked = named(&pack.name, tag_of(pack).unwrap_or(&pack.tag));
        let profile = profile.clone();
        differences.push(match left.iter().position(|one| one.name == pack.name) {
            Some(at) => HostDifference::PackChanged {
                profile,
                locked,
                host: {
                    let one = left.remove(at);
                    named(&one.name, &one.version)
                },
            },
            None => HostDifference::PackMissing {
                profile,
                pack: locked,
            },
        });
    }
    differences.extend(left.into_iter().map(|one| HostDifference::PackAdded {
        profile: profile.clone(),
        pack: named(&one.name, &one.version),
    }));
}

/// Returns whether `version` is `tag`, or what it may resolve to: `1.30.x` is any `1.30` version.
fn is_version_of(tag: &str, version: &str) -> bool {
    let (tags, versions): (Vec<_>, Vec<_>) =
        (tag.split('.').collect(), version.split('.').collect());
    tag == version
        || tags.len() == versions.len()
            && tags
                .iter()
                .zip(&versions)
                .all(|(tag, version)| *tag == "x" || tag == version)
}

/// Returns the variables that a host shows; `None` if they are in another form. They are read as
/// those of an archive are.
fn held_variables(host: &wire::Profile) -> Option<Vec<Variable>> {
    let listed = host.variables.as_ref().map_or("null", |raw| raw.get());
    variables::read(format!("{{\"variables\":{listed}}}").as_bytes())
}

/// Compares variables by name. Returns whether every default could be compared: a host may mask
/// those of sensitive variables.
fn compare_variables(
    profile: &ResolvedProfile,
    known: &[Variable],
    held: &[Variable],
    differences: &mut Vec<HostDifference>,
) -> bool {
    let mut is_complete = true;
    let profile = named(&profile.name, &profile.version);
    let shown = |variable: &Variable| sanitize::excerpt(variable.name.as_bytes(), 80);
    let mut left: Vec<&Variable> = held.iter().collect();
    for variable in known {
        let (profile, name) = (profile.clone(), shown(variable));
        let Some(at) = left.iter().position(|one| one.name == variable.name) else {
            differences.push(HostDifference::VariableMissing {
                profile,
                variable: name,
            });
            continue;
        };
        let one = left.swap_remove(at);
        if one.required != variable.required {
            differences.push(HostDifference::VariableRequired {
                profile: profile.clone(),
                variable: name.clone(),
            });
        }
        if one.default_sha256 == variable.default_sha256 {
            continue;
        }
        if is_masked(one) {
            is_complete = false;
        } else {
            differences.push(HostDifference::VariableDefault {
                profile,
                variable: name,
            });
        }
    }
    differences.extend(left.into_iter().map(|one| HostDifference::VariableAdded {
        profile: profile.clone(),
        variable: shown(one),
    }));
    is_complete
}

/// Returns whether the host hides the default of a sensitive variable: it leaves it out, or shows
/// asterisks.
fn is_masked(variable: &Variable) -> bool {
    const LONGEST: usize = 64;
    let is_mask = |digest: Digest| (1..=LONGEST).any(|n| Digest::of("*".repeat(n)) == digest);
    variable.sensitive && variable.default_sha256.is_none_or(is_mask)
}

/// Returns whether a file of the archive has the values of each pack. As many files as packs
/// must have them: otherwise, one empty file would stand for any number of empty values.
fn values(shown: &[wire::Profile], archive: &ArchiveFacts) -> Shown {
    let mut wanted: BTreeMap<Digest, usize> = BTreeMap::new();
    for pack in shown.iter().flat_map(|profile| &profile.packs) {
        let Some(values) = &pack.values else {
            return Shown::NotFound;
        };
        *wanted.entry(Digest::of(values)).or_insert(0) += 1;
    }
    let has = |(digest, count): (&Digest, &usize)| {
        archive
            .files
            .get(digest)
            .is_some_and(|found| found >= count)
    };
    if wanted.iter().all(has) {
        Shown::Same
    } else {
        Shown::NotFound
    }
}

#[cfg(test)]
mod tests;
