//! `edgestage show`: the profile layers of a definition, without Palette. The last step of
//! the vendor's instructions is to see these on a booted host.

use std::borrow::Cow;
use std::io::Read;
use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

use super::attest::timestamp;
use super::layer::Layer;
use super::messages;
use super::states::LockState;
use crate::api_key;
use crate::archive::{self, InspectError, Inventory};
use crate::cache::CacheLookup;
use crate::cli::{ShowArgs, ShowFormat};
use crate::error::{ArchiveSubject, Error};
use crate::evidence::{Timestamp, bom};
use crate::lockfile::{LockEntry, Lockfile, Outdated};
use crate::manifest::{Definition, Project};
use crate::resolve::Pack;
use crate::ui::{CommandOutput, fields};
use crate::util::digest::{Digest, HashingReader};
use crate::util::limits::Limits;
use crate::util::path_error::PathError;
use crate::util::sanitize;
use crate::variables::{self, Variable};
use crate::workflow::archive_file::{self, ArchiveFile};
use crate::workflow::context::{self, Context, not_locked, one, warn_of_outdated};
use crate::workflow::lockfile_commit::lockfile_commit;
use crate::workflow::session::Session;

mod page;
mod verdict;
mod view;

use verdict::{ArchiveCheck, Verdict};
use view::{Fact, View};

/// The document of `show`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Show")]
pub(super) struct Document<'a> {
    /// Name of the definition; null for an archive that is not in the lock.
    definition: Option<&'a str>,
    /// Digest of the archive's contents, or `content-sha256` of the lock entry.
    content_sha256: Digest,
    /// Name of the archive in its content bundle; null for anything else.
    reference: Option<&'a str>,
    /// Profiles, in the order of the lock, or of the directories in the archive.
    profiles: &'a [ShownProfile],
}

/// A profile that is shown. Name, version, type and packs come from the lock: the
/// archive's own format is not documented.
#[derive(Serialize, JsonSchema)]
struct ShownProfile {
    /// Uid of the profile; for an archive that is not in the lock, the name of the
    /// directory.
    uid: String,
    #[serde(flatten)]
    locked: Option<Identity>,
    /// Packs of the profile, by layer, from the lock.
    packs: Vec<Pack>,
    /// Variables that the operator sets; null if the archive is not available, or has
    /// none that can be read.
    variables: Option<Vec<Variable>>,
}

#[derive(Serialize, JsonSchema)]
struct Identity {
    /// Name of the profile, if it is in the lock.
    name: String,
    /// Version of the profile, if it is in the lock.
    version: String,
    /// Type of the profile, if it is in the lock.
    #[serde(rename = "type")]
    kind: String,
}

pub(super) fn run(arguments: &ShowArgs, context: &Context<'_>) -> Result<CommandOutput, Error> {
    let is_bom = arguments.format == Some(ShowFormat::Cyclonedx);
    if arguments.timestamp && !is_bom {
        return Err(Error::usage(messages::timestamp_without_bom()));
    }
    let timestamp = timestamp(arguments.timestamp, context)?;
    let found = match arguments.what.as_ref().map(|what| (what, what.to_str())) {
        None => find_definition(None, context),
        Some((_, Some(name))) if !names_a_file(name) => find_definition(Some(name), context),
        // No definition has a name that is not UTF-8.
        Some((file, _)) => find_file(Path::new(file), context),
    }?;
    hide_key_of_command(&found, context);
    let view = View::new(&found, context.report);
    Ok(CommandOutput {
        text: match arguments.format {
            Some(ShowFormat::Html) => page::html(&view, found.commit(context).as_deref()),
            Some(ShowFormat::Markdown) => view.markdown(context.environment),
            Some(ShowFormat::Cyclonedx) => context.report.json_text(fields(&found.bom(timestamp))),
            _ => view.text(context.report.width()),
        },
        json: fields(&Document {
            definition: found.definition.as_deref(),
            content_sha256: found.content_sha256,
            reference: found.reference.as_deref(),
            profiles: &found.profiles,
        }),
        error: None,
    })
}

/// Registers the API key of a command as a secret, because an archive may contain the key. The
/// command may ask a person or a server, so it runs only if a text of the archive is long
/// enough to be a key.
fn hide_key_of_command(found: &Found, context: &Context<'_>) {
    let variables = found
        .profiles
        .iter()
        .filter_map(|one| one.variables.as_ref());
    let texts = variables.flatten().flat_map(|variable| {
        let texts = [
            &variable.name,
            &variable.display_name,
            &variable.description,
        ];
        texts.into_iter().chain(&variable.default)
    });
    let may_be_key = |word: &str| word.len() >= SHORTEST_KEY;
    let mut words = texts.flat_map(|text| text.split_whitespace());
    if !words.any(may_be_key) {
        return;
    }
    let Ok(manifest) = context.manifest() else {
        return;
    };
    let flag = context.settings.api_key_file.as_deref();
    if let Some(key) = api_key::of_command(flag, context.environment, &manifest) {
        context.report.hide(&key);
    }
}

/// The least length of a key, in bytes. Palette's keys are twice as long.
const SHORTEST_KEY: usize = 16;

/// What there is to show.
struct Found {
    title: String,
    definition: Option<String>,
    content_sha256: Digest,
    /// The digest of the archive.
    sha256: Digest,
    reference: Option<String>,
    facts: Vec<Fact>,
    verdict: Verdict,
    profiles: Vec<ShownProfile>,
    /// The lock, if it has an entry for what is shown.
    lock: Option<Lockfile>,
}

impl Found {
    /// Returns what is shown as a BOM. Variables are not included: they are not components.
    fn bom(&self, timestamp: Option<Timestamp>) -> bom::Bom {
        let file_name = || {
            Path::new(&self.title)
                .file_name()
                .map(|name| name.to_string_lossy())
        };
        let name = match &self.definition {
            Some(name) => Cow::Borrowed(name.as_str()),
            // The directory is one of this machine.
            None => file_name().unwrap_or_default(),
        };
        let profiles = self.profiles.iter().map(|profile| bom::Profile {
            uid: &profile.uid,
            locked: profile.locked.as_ref().map(|locked| bom::LockedProfile {
                name: &locked.name,
                version: &locked.version,
                kind: &locked.kind,
                packs: &profile.packs,
            }),
        });
        bom::Bom::new(bom::Contents {
            name: &name,
            content_sha256: self.content_sha256,
            sha256: self.sha256,
            outdated: self.verdict.outdated,
            profiles: profiles.collect(),
            timestamp,
        })
    }

    /// Returns the commit that the lock entry is from, if git knows it.
    fn commit(&self, context: &Context<'_>) -> Option<String> {
        let lock = self.lock.as_ref()?;
        let _waiting = context
            .report
            .waiting("Asking", "git for the commit of the lock");
        lockfile_commit(lock, context.environment)
    }
}

fn names_a_file(what: &str) -> bool {
    // A definition's name may have dots, but one that ends with `.tgz` would be confusing. Only
    // here, names of files matter: what is in a file is recognized by its first bytes.
    let name = what.to_ascii_lowercase();
    let ends = [".tgz", ".tar.gz", ".tar", ".zst", ".tzst"];
    name.contains('/') || ends.iter().any(|end| name.ends_with(end))
}

fn find_definition(name: Option<&str>, context: &Context<'_>) -> Result<Found, Error> {
    let manifest = context.manifest()?;
    let definition = one(&manifest, name)?;
    let session = Session::open(context, &manifest)?;
    let locked = session
        .lock
        .definitions
        .get(&definition.name)
        .ok_or_else(|| not_locked(&session.lock, &definition.name))?;
    warn_of_outdated(context, &session.lock, definition);
    session.pull_if_missing(context, &definition.name, locked)?;
    let inventory = match session.cache.lookup(locked, &manifest.limits)? {
        CacheLookup::Hit(artifact) if !locked.describes(artifact.contents()) => {
            return Err(context::outdated(
                &session.lock,
                &definition.name,
                Outdated::OtherArchive,
            ));
        }
        CacheLookup::Hit(artifact) => {
            let of = ArchiveSubject::Definition(definition.name.clone());
            Some(inspect(
                artifact.open()?,
                artifact.path(),
                &of,
                &manifest.limits,
            )?)
        }
        CacheLookup::Miss | CacheLookup::Damaged(_) => {
            context
                .report
                .warn(&crate::cache::messages::variables_not_cached(
                    &definition.name,
                ));
            None
        }
    };
    let state = LockState::of(&session.lock, definition).1;
    let archive = inventory.as_ref().map(|found| found.content_sha256);
    let verdict = Verdict {
        archive: if archive == Some(locked.content_sha256) {
            ArchiveCheck::AsLocked
        } else {
            ArchiveCheck::NotCached
        },
        owner: None,
        outdated: outdated(state),
    };
    let mut facts = vec![
        Fact::new("definition", definition.name.clone()),
        Fact::digest("content-sha256", locked.content_sha256.to_string()),
        Fact::digest("archive sha256", locked.sha256.to_string()),
        Fact::digest("archive size", size(locked.size)),
    ];
    // An outdated entry may belong to a project other than the one that is named now.
    let named = Some(definition).filter(|_| state == LockState::Current);
    facts.extend(origin(locked, named, state.text()));
    Ok(Found {
        title: definition.name.clone(),
        definition: Some(definition.name.clone()),
        content_sha256: locked.content_sha256,
        sha256: locked.sha256,
        reference: None,
        facts,
        verdict,
        profiles: profiles_of(Some(locked), inventory.as_ref()),
        lock: Some(session.lock),
    })
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => sanitize::size(bytes),
        _ => format!("{} ({bytes} bytes)", sanitize::size(bytes)),
    }
}

/// Returns why a lock entry no longer matches its definition.
fn outdated(state: LockState) -> Option<&'static str> {
    (state != LockState::Current).then(|| state.text())
}

/// Returns where a definition came from, and whether its lock entry still matches it.
fn origin(locked: &LockEntry, definition: Option<&Definition>, state: &str) -> [Fact; 3] {
    let project = match (
        &locked.project,
        definition.and_then(Definition::project_asked),
    ) {
        (None, _) => "none: the tenant's scope".to_owned(),
        (Some(uid), Some(Project::Name(name))) => format!("{name} ({uid})"),
        (Some(uid), _) => uid.to_string(),
    };
    [
        Fact::new("endpoint", locked.endpoint.clone()),
        Fact::new("project", project),
        Fact::new("lock", state.to_owned()),
    ]
}

fn find_file(file: &Path, context: &Context<'_>) -> Result<Found, Error> {
    let path = context.environment.resolve(file);
    // Without a manifest or a lock, an archive can still be shown, only without names.
    let manifest = context.manifest_if_usable(messages::WITHOUT_NAMES);
    let limits = manifest
        .as_ref()
        .map_or_else(Limits::default, |manifest| manifest.limits);
    let lock = manifest
        .as_ref()
        .and_then(|manifest| context.lock_if_usable(manifest, messages::WITHOUT_NAMES));
    let ArchiveFile {
        archive,
        subject,
        reference,
        ..
    } = archive_file::open(context, manifest.as_ref(), file)?;
    let shown = sanitize::path(file);
    // The source may be a pipe, which can be read once.
    let mut source = HashingReader::new(archive);
    let inventory = inspect(&mut source, &path, &subject, &limits)?;
    let (sha256, length) = source.finish();
    let contents = inventory.contents();
    let entry = lock
        .as_ref()
        .and_then(|lock| Some((lock, lock.owner_of(&contents)?)));
    let whose = match entry {
        Some((_, (name, _))) => name,
        None if lock.is_some() => "not in profiles.lock",
        None => "unknown: no profiles.lock was read",
    };
    let mut facts = match &reference {
        None => vec![Fact::new("archive", shown.clone())],
        Some(reference) => vec![
            Fact::new("bundle", shown.clone()),
            Fact::new("reference", reference.clone()),
        ],
    };
    facts.extend([
        Fact::new("definition", whose.to_owned()),
        Fact::digest("content-sha256", inventory.content_sha256.to_string()),
        Fact::digest("archive sha256", sha256.to_string()),
        Fact::digest("archive size", size(length)),
    ]);
    let mut verdict = Verdict {
        archive: match (&entry, &lock) {
            (Some(_), _) => ArchiveCheck::AsLocked,
            (None, Some(_)) => ArchiveCheck::NotLocked,
            (None, None) => ArchiveCheck::NoLock,
        },
        owner: entry.map(|(_, (name, _))| name.to_owned()),
        outdated: None,
    };
    if let (Some((lock, (name, locked))), Some(manifest)) = (entry, &manifest) {
        let definition = manifest.definitions.get(name);
        let state = definition.map(|definition| LockState::of(lock, definition).1);
        verdict.outdated = match state {
            Some(state) => outdated(state),
            None => Some(NOT_IN_MANIFEST),
        };
        let named = definition.filter(|_| verdict.outdated.is_none());
        let state = verdict.outdated.unwrap_or(LockState::Current.text());
        facts.extend(origin(locked, named, state));
    }
    let locked = entry.map(|(_, (_, locked))| locked);
    let is_locked = locked.is_some();
    Ok(Found {
        title: shown,
        definition: entry.map(|(_, (name, _))| name.to_owned()),
        content_sha256: inventory.content_sha256,
        sha256,
        reference,
        facts,
        verdict,
        profiles: profiles_of(locked, Some(&inventory)),
        lock: lock.filter(|_| is_locked),
    })
}

/// The state of a lock entry whose definition is not in `profiles.toml`.
const NOT_IN_MANIFEST: &str = "not in profiles.toml";

fn inspect(
    source: impl Read,
    path: &Path,
    of: &ArchiveSubject,
    limits: &Limits,
) -> Result<Inventory, Error> {
    let wanted =
        |path: &[u8]| std::str::from_utf8(path).is_ok_and(|path| variables::uid_in(path).is_some());
    archive::inspect(source, limits, &wanted).map_err(|error| match error {
        InspectError::Refused(refusal) => Error::Archive {
            of: of.clone(),
            refusal,
        },
        InspectError::Io(error) => PathError::when("read", path)(error).into(),
    })
}

/// Returns the lock's profiles in their order, or else the directories found in the archive.
fn profiles_of(locked: Option<&LockEntry>, inventory: Option<&Inventory>) -> Vec<ShownProfile> {
    let found = inventory.map(|inventory| variables::collect(&inventory.collected));
    // A profile without a variables.json has no variables.
    let variables = |uid: &str| match &found {
        None => None,
        Some(found) => found.get(uid).cloned().unwrap_or_else(|| Some(Vec::new())),
    };
    match locked {
        Some(locked) => locked
            .profiles
            .iter()
            .map(|profile| ShownProfile {
                uid: profile.uid.to_string(),
                locked: Some(Identity {
                    name: profile.name.clone(),
                    version: profile.version.clone(),
                    kind: profile.kind.clone(),
                }),
                packs: in_layers(&profile.packs),
                variables: variables(profile.uid.as_str()),
            })
            .collect(),
        None => inventory
            .and_then(|inventory| inventory.profiles.as_ref())
            .into_iter()
            .flatten()
            .map(|uid| ShownProfile {
                uid: uid.clone(),
                locked: None,
                packs: Vec::new(),
                variables: variables(uid),
            })
            .collect(),
    }
}

/// Returns packs by layer; within a layer, in Palette's order.
fn in_layers(packs: &[Pack]) -> Vec<Pack> {
    let mut packs = packs.to_vec();
    packs.sort_by_key(|pack| Layer::of(&pack.layer));
    packs
}
