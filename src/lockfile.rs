//! `profiles.lock`: what was fetched, exactly.
//!
//! In: a plan and what was received for it, or the file. Out: [`LockEntry`] entries, or
//! the file's bytes. The text is the same for the same content (no timestamps, stable
//! order), so that an unchanged definition gives an empty diff; it is written only if
//! its bytes change, by rename.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;

use crate::diagnostic::Diagnostic;
use crate::download::Received;
use crate::manifest::edit::{key, quoted};
use crate::manifest::{Definition, Reference};
use crate::resolve::{Pack, Plan, ResolvedProfile};
use crate::util::atomic_file;
use crate::util::digest::Digest;
use crate::util::failpoint;
use crate::util::file_lock::{self, FileLock, FileLockError, LockOptions};
use crate::util::path_error::{self, PathError};
use crate::util::sanitize;
use crate::util::uid::Uid;

mod damage;
mod merge;
pub(crate) mod messages;
mod span;
mod version;

pub use merge::Meanwhile;
pub use span::LockfileSpan;

/// The form of the file that this version writes and reads.
pub const VERSION: u64 = 1;

const HEADER: &str = "\
# What `edgestage` fetched for each definition of profiles.toml. Commit this file and
# review its changes; do not edit it: `edgestage update` renews it.
";

/// The lock of a `profiles.toml`.
#[derive(Debug, Clone)]
pub struct Lockfile {
    path: PathBuf,
    /// What is on disk now; `None` where there is no file.
    written: Option<String>,
    /// The locked definitions, by name.
    pub definitions: BTreeMap<String, LockEntry>,
}

/// One locked definition.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LockEntry {
    /// Where it was fetched.
    pub endpoint: String,
    /// The uid that was sent as `ProjectUid`; missing for the tenant's scope.
    pub project: Option<Uid>,
    /// Digest of what the definition asks: references, overrides (the text of a values
    /// file, not its path), project, `name`, `cloud-type`. A uid and the URL of the same
    /// profile are the same reference.
    pub asked_sha256: Digest,
    /// Digest of what the archive holds; the identity of the definition.
    pub content_sha256: Digest,
    /// Digest of the archive that was locked.
    pub sha256: Digest,
    /// Size of the archive that was locked, in bytes.
    pub size: u64,
    /// The exact profiles, in the order asked.
    pub profiles: Vec<ResolvedProfile>,
}

/// What `edgestage` fetched for each definition of `profiles.toml`. It is written by the
/// tool and reviewed by people; nobody edits it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "profiles.lock")]
pub struct Document {
    /// Form of the file. A higher one is of a newer edgestage, and is refused.
    #[schemars(extend("const" = VERSION))]
    version: u64,
    /// What was fetched for each definition of `profiles.toml`.
    #[serde(default)]
    definition: BTreeMap<String, LockEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    definition: BTreeMap<String, LockEntry>,
}

/// Why the lock cannot be used.
#[derive(Debug)]
pub enum LockfileError {
    /// It cannot be read or written.
    Io(PathError),
    /// It is not what this tool writes.
    Unreadable(Box<Diagnostic>),
}

/// Why an entry does not speak for its definition any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outdated {
    /// The definition was changed in `profiles.toml`.
    Changed,
    /// It has other profiles than were asked for: it was edited, or merged wrongly.
    Contradictory,
}

impl std::fmt::Display for Outdated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Changed => "profiles.toml has changed since it was locked",
            Self::Contradictory => {
                "its profiles are not those asked for: it was edited by hand, or merged wrongly"
            }
        })
    }
}

impl Lockfile {
    /// Where the lock of the manifest `path` is: beside it, with the extension `lock`.
    #[must_use]
    pub fn path_for(manifest: &Path) -> PathBuf {
        manifest.with_extension("lock")
    }

    /// A lock with nothing in it, to be at `path`.
    #[must_use]
    pub fn empty(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            written: None,
            definitions: BTreeMap::new(),
        }
    }

    /// Reads the lock at `path`; without a file it is empty.
    ///
    /// # Errors
    /// [`LockfileError`].
    pub fn load(path: &Path) -> Result<Self, LockfileError> {
        let written = match path_error::read(path, path_error::LOCK) {
            Ok(bytes) => Some(
                String::from_utf8(bytes)
                    .map_err(|_| unreadable(messages::not_utf8(&sanitize::path(path))))?,
            ),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(LockfileError::Io(PathError::when("read", path)(error))),
        };
        let definitions = match &written {
            Some(text) => parse(text, path).map_err(unreadable)?,
            None => BTreeMap::new(),
        };
        Ok(Self {
            path: path.to_owned(),
            written,
            definitions,
        })
    }

    /// The right to write the lock of the manifest `path`, taken while it is written.
    /// The manifest's own file is locked: it is there, and whoever replaces it has this
    /// right too; those that waited for the old file then take the new one.
    ///
    /// # Errors
    /// A lock that another run has for too long, and a file that cannot be opened.
    pub fn hold(manifest: &Path, patience: &LockOptions<'_>) -> Result<FileLock, FileLockError> {
        let hold = file_lock::foreign(manifest, patience)?;
        failpoint::hit("lock-held");
        Ok(hold)
    }

    /// What the archive with these bytes holds, if it is a locked one.
    #[must_use]
    pub fn content_of(&self, sha256: Digest) -> Option<Digest> {
        let mut entries = self.definitions.values();
        Some(
            entries
                .find(|locked| locked.sha256 == sha256)?
                .content_sha256,
        )
    }

    /// The first definition that is locked with `content`.
    #[must_use]
    pub fn owner_of(&self, content: Digest) -> Option<(&str, &LockEntry)> {
        let mut entries = self.definitions.iter();
        let (name, locked) = entries.find(|(_, locked)| locked.content_sha256 == content)?;
        Some((name, locked))
    }

    /// Whether there is a file.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.written.is_some()
    }

    /// Reads it again, if another run has written it since.
    ///
    /// # Errors
    /// [`LockfileError`].
    pub fn refresh(&mut self) -> Result<(), LockfileError> {
        let same = match path_error::read(&self.path, path_error::LOCK) {
            Ok(bytes) => self
                .written
                .as_ref()
                .is_some_and(|text| text.as_bytes() == bytes),
            Err(_) => false,
        };
        if !same {
            *self = Self::load(&self.path)?;
        }
        Ok(())
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes it, if its bytes changed; says whether it did.
    ///
    /// # Errors
    /// [`LockfileError::Io`].
    pub fn save(&mut self) -> Result<bool, LockfileError> {
        let text = self.to_string();
        if self.written.as_ref() == Some(&text) {
            return Ok(false);
        }
        atomic_file::write(&self.path, text.as_bytes()).map_err(LockfileError::Io)?;
        failpoint::hit("lock-written");
        self.written = Some(text);
        Ok(true)
    }
}

fn unreadable(diagnostic: Diagnostic) -> LockfileError {
    LockfileError::Unreadable(Box::new(diagnostic))
}

/// The entries of the file, with their profiles in the spellings of today.
fn parse(text: &str, path: &Path) -> Result<BTreeMap<String, LockEntry>, Diagnostic> {
    let mut definitions = read(text, path)?;
    for locked in definitions.values_mut() {
        let profiles = std::mem::take(&mut locked.profiles);
        locked.profiles = profiles.into_iter().map(ResolvedProfile::normal).collect();
    }
    Ok(definitions)
}

fn read(text: &str, path: &Path) -> Result<BTreeMap<String, LockEntry>, Diagnostic> {
    let shown = sanitize::path(path);
    if let Some(definitions) = parse_by_definition(text) {
        return Ok(definitions);
    }
    // First: a newer file may have keys that this reading calls unknown.
    if let Some(refused) = version::refused(text, &shown) {
        return Err(refused);
    }
    match toml::from_str::<Document>(text) {
        Ok(document) => Ok(document.definition),
        Err(error) => Err(damage::damaged(path, text, &error)),
    }
}

/// Reads one definition after the other, as they stand in a file that nobody edited: a
/// lock of thousands then takes a fraction of the memory. `None` for whatever is not
/// quite so; it is then read as a whole, which also finds the place of a mistake.
fn parse_by_definition(text: &str) -> Option<BTreeMap<String, LockEntry>> {
    const START: &str = "\n[definition.";
    let (head, mut rest) = text.split_at(text.find(START)?);
    let head: Document = toml::from_str(head).ok()?;
    if head.version != VERSION || !head.definition.is_empty() {
        return None;
    }
    let mut definitions = BTreeMap::new();
    while !rest.is_empty() {
        let end = rest[1..].find(START).map_or(rest.len(), |at| at + 1);
        let (one, others) = rest.split_at(end);
        let part: Part = toml::from_str(one).ok()?;
        let mut entries = part.definition.into_iter();
        let (name, locked) = entries.next()?;
        if entries.next().is_some() || definitions.insert(name, locked).is_some() {
            return None;
        }
        rest = others;
    }
    Some(definitions)
}

impl std::fmt::Display for Lockfile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{HEADER}version = {VERSION}")?;
        for (name, locked) in &self.definitions {
            f.write_str(&locked.to_toml(name))?;
        }
        Ok(())
    }
}

impl LockEntry {
    /// What to lock for `plan` and what was received for it.
    #[must_use]
    pub fn new(plan: &Plan, received: &Received) -> Self {
        Self {
            endpoint: plan.endpoint.clone(),
            project: plan.project.clone(),
            asked_sha256: plan.asked,
            content_sha256: received.inventory.content_sha256,
            sha256: received.sha256,
            size: received.size,
            profiles: plan
                .profiles
                .iter()
                .map(|planned| planned.profile.clone())
                .collect(),
        }
    }

    /// Whether the entry still answers what `definition` asks. Where it was fetched does not
    /// count: one Palette has many names, and uids and content tell two of them apart.
    #[must_use]
    pub fn outdated(&self, definition: &Definition) -> Option<Outdated> {
        if self.asked_sha256 != definition.asked() {
            Some(Outdated::Changed)
        } else if !self.answers(definition) {
            Some(Outdated::Contradictory)
        } else {
            None
        }
    }

    /// Whether the profiles are, one by one, those that `definition` refers to.
    fn answers(&self, definition: &Definition) -> bool {
        self.profiles.len() == definition.profiles.len()
            && self
                .profiles
                .iter()
                .zip(&definition.profiles)
                .all(|(locked, asked)| match &asked.reference {
                    Reference::Uid(uid) => locked.uid == *uid,
                    Reference::Version { name, version } => {
                        locked.name == *name && locked.version == *version
                    }
                })
    }

    /// Whether `other` locks the same definition; another archive with the same content
    /// is the same, and so is one from another endpoint.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let elsewhere = Self {
            endpoint: other.endpoint.clone(),
            sha256: other.sha256,
            size: other.size,
            ..self.clone()
        };
        elsewhere == *other
    }

    /// One line a pack, so that a review shows which pack changed.
    #[must_use]
    pub fn to_toml(&self, name: &str) -> String {
        let mut out = String::new();
        let table = key(name);
        let project = self
            .project
            .as_ref()
            .map(|uid| format!("project = \"{uid}\"\n"));
        let _ = write!(
            out,
            "\n[definition.{table}]\nendpoint = {}\n{}asked-sha256 = \"{}\"\ncontent-sha256 = \"{}\"\nsha256 = \"{}\"\nsize = {}\n",
            quoted(&self.endpoint),
            project.unwrap_or_default(),
            self.asked_sha256,
            self.content_sha256,
            self.sha256,
            self.size,
        );
        for profile in &self.profiles {
            let _ = write!(
                out,
                "\n[[definition.{table}.profiles]]\nuid = \"{}\"\nname = {}\nversion = {}\ntype = {}\npacks = [\n",
                profile.uid,
                quoted(&profile.name),
                quoted(&profile.version),
                quoted(&profile.kind),
            );
            for pack in &profile.packs {
                let _ = writeln!(out, "  {},", inline(pack));
            }
            out.push_str("]\n");
        }
        out
    }
}

/// A pack as an inline table; what Palette left empty is left out.
fn inline(pack: &Pack) -> String {
    let fields = [
        ("name", &pack.name),
        ("layer", &pack.layer),
        ("tag", &pack.tag),
        ("version", &pack.version),
        ("digest", &pack.digest),
    ];
    let fields: Vec<String> = fields
        .iter()
        .enumerate()
        .filter(|(at, (_, value))| *at < 3 || !value.is_empty())
        .map(|(_, (key, value))| format!("{key} = {}", quoted(value)))
        .collect();
    format!("{{ {} }}", fields.join(", "))
}

#[cfg(test)]
mod tests;
