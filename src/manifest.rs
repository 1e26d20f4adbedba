//! `profiles.toml`: from bytes to a [`Manifest`].
//!
//! Input: the file, and the values files that it names. Output: every definition with its
//! references parsed, its paths resolved and its overrides loaded; or every problem of the file
//! at once, each with its place. This module does not use the network, the lock or a CanvOS
//! checkout.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use toml::de::{DeTable, DeValue};

use crate::diagnostic::{Code, Diagnostic, Source, Trap};
use crate::util::endpoint::Endpoint;
use crate::util::few::Few;
use crate::util::files;
use crate::util::limits::Limits;
use crate::util::repository::Repository;
use crate::util::stamp::Stamp;
use crate::util::text_index::TextIndex;
use crate::util::uid::Uid;

use reader::Reader;

mod request_digest;
mod definition;
mod definitions;
mod hosts;
pub mod edit;
pub mod discovery;
pub mod keys;
mod messages;
mod reader;
pub mod reference;
mod source;
mod tables;

pub use definition::{CLOUD_TYPE, METADATA_NAME};
pub use definitions::Definitions;
pub use discovery::Located;
pub use hosts::{Host, HostLogin, PasswordSource, fingerprint};
pub use messages::NAMES;
pub use reader::At;
pub(crate) use reader::type_of;
pub use reference::Reference;
pub use source::conflict;

/// The file name that is searched for if no file is named.
pub const FILE_NAME: &str = "profiles.toml";

/// A `profiles.toml` that was read without problems.
#[derive(Debug)]
pub struct Manifest {
    /// The path that the file was read from.
    pub path: PathBuf,
    /// The file as messages show it. Most runs show nothing of it.
    source: LazySource,
    /// `[palette]`.
    pub palette: PaletteTable,
    /// `[canvos].dir`, resolved; the directory of the file if the key is not set.
    pub canvos: PathBuf,
    /// The place of `[canvos].dir` in the file, if it is set.
    pub canvos_span: Option<Range<usize>>,
    /// `[canvos].build`.
    pub build: Option<Vec<String>>,
    /// `[canvos].rehearse`: whether `build` rehearses first.
    pub rehearse: bool,
    /// `[cache].dir`, resolved.
    pub cache: Option<PathBuf>,
    /// `[registry]`.
    pub registry: Option<RegistryTable>,
    /// `[signing]`.
    pub signing: Option<SigningTable>,
    /// `[hosts]`: the login for hosts that have no entry of their own.
    pub host_login: HostLogin,
    /// The tables `[host.NAME]`, by name.
    pub hosts: BTreeMap<String, Host>,
    /// `[limits]`.
    pub limits: Limits,
    /// The tables `[definition.NAME]`, by name.
    pub definitions: Definitions,
}

/// `[palette]`: the address of Palette and how to reach it.
#[derive(Debug, Default)]
pub struct PaletteTable {
    /// `endpoint`; `None` means [`Endpoint::DEFAULT`].
    pub endpoint: Option<At<Endpoint>>,
    /// `project`.
    pub project: Option<At<Project>>,
    /// `ca-cert`: a PEM file with certificates that are trusted in addition to the system's.
    pub ca_cert: Option<PathBuf>,
    /// `api-key-command`: the command that prints the key on standard output.
    pub api_key_command: Option<Vec<String>>,
    /// `api-key-file`.
    pub api_key_file: Option<PathBuf>,
    /// `timeout`: the longest silence that is accepted, in seconds.
    pub timeout: Option<u64>,
    /// `retries`: the number of attempts after the first.
    pub retries: Option<u32>,
    /// `allow-http`.
    pub allow_http: bool,
}

/// `[registry]`: the team's OCI registry.
#[derive(Debug)]
pub struct RegistryTable {
    /// `repository`.
    pub repository: Repository,
    /// `ca-cert`: a PEM file with certificates that are trusted in addition to the system's.
    pub ca_cert: Option<PathBuf>,
}

/// `[signing]`: what makes signatures, and the key that images carry.
#[derive(Debug, Default)]
pub struct SigningTable {
    /// `private-key-file`.
    pub private_key_file: Option<PathBuf>,
    /// `sign-command`: the command that prints the signature of its last argument.
    pub sign_command: Option<Vec<String>>,
    /// `public-key`.
    pub public_key: Option<PathBuf>,
}

/// A project, as the file names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Project {
    /// By its uid.
    Uid(Uid),
    /// By its name.
    Name(String),
}

impl Project {
    /// Interprets a text of 24 hexadecimal digits as a uid, and any other text as a name.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Uid::parse(text).map_or_else(|| Self::Name(text.to_owned()), Self::Uid)
    }
}

impl std::fmt::Display for Project {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Uid(uid) => uid.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// `[definition.NAME]`: a cluster definition.
#[derive(Debug, PartialEq, Eq)]
pub struct Definition {
    /// NAME: the name of the definition.
    pub name: String,
    /// The place where the table begins.
    pub span: Range<usize>,
    /// The definition's own `project`, otherwise `[palette].project` unless a console URL names
    /// another project.
    pub project: Option<At<Project>>,
    /// The project that the definition's console URLs name.
    pub url_project: Option<Uid>,
    /// Whether `project` is the definition's own, so that it must agree with the URLs.
    pub own_project: bool,
    /// The definition's own `canvos`, resolved.
    pub canvos: Option<PathBuf>,
    /// The place of `canvos` in the file.
    pub canvos_span: Option<Range<usize>>,
    /// `name`: `metadata.name` of the request.
    pub metadata_name: String,
    /// `cloud-type`: `spec.cloudType` of the request.
    pub cloud_type: String,
    /// `allow`.
    pub allow: BTreeSet<Allow>,
    /// `profiles`, in the order of the file.
    pub profiles: Vec<Profile>,
}

/// A refusal that `allow` turns into a warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Allow {
    /// `profile-missing`: the archive lacks the directory of a requested profile.
    ProfileMissing,
    /// A trap, by its number or its name.
    Trap(Trap),
}

impl Allow {
    /// The value that is not a trap.
    const PROFILE_MISSING: &'static str = "profile-missing";

    /// Returns the value with this name.
    fn named(name: &str) -> Option<Self> {
        if name == Self::PROFILE_MISSING {
            return Some(Self::ProfileMissing);
        }
        let is = |trap: &&Trap| [trap.code(), trap.name()].contains(&name);
        Trap::ALL.iter().find(is).copied().map(Self::Trap)
    }

    /// Returns what `allow` accepts: `profile-missing`, and each trap by its number and its name.
    pub fn names() -> impl Iterator<Item = &'static str> {
        let traps = Trap::ALL.iter();
        let traps = traps.flat_map(|trap| [trap.code(), trap.name()]);
        std::iter::once(Self::PROFILE_MISSING).chain(traps)
    }
}

impl Definition {
    /// Returns the traps that `allow` names.
    pub fn allowed_traps(&self) -> impl Iterator<Item = Trap> {
        self.allow.iter().filter_map(|allow| match allow {
            Allow::ProfileMissing => None,
            Allow::Trap(trap) => Some(*trap),
        })
    }
}

/// An entry of `profiles`.
#[derive(Debug, PartialEq, Eq)]
pub struct Profile {
    /// The reference to the profile.
    pub reference: Reference,
    /// The place of the entry in the file.
    pub span: Range<usize>,
    /// The place of the value that has the version, with its quotes: `name@version`, or the
    /// value of `version`. `None` for a uid or a URL.
    pub version_span: Option<Range<usize>>,
    /// `packs`: overrides of the profile's own packs.
    pub packs: Vec<PackOverride>,
}

/// An entry of a profile's `packs`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackOverride {
    /// The name of the pack.
    pub name: String,
    /// `tag`: the version of the pack.
    pub tag: Option<String>,
    /// The text of the values file.
    pub values: Option<String>,
    /// The path of the values file, resolved.
    pub values_file: Option<PathBuf>,
}

/// Why a [`Manifest`] could not be read.
#[derive(Debug)]
pub enum ManifestError {
    /// The file does not exist. Contains the path that was tried and the result of the search
    /// above it.
    Missing(PathBuf, Located),
    /// The file exists but cannot be read.
    Unreadable(PathBuf, std::io::Error),
    /// The problems of the file: at least one.
    Invalid(Vec<Diagnostic>),
}

impl Manifest {
    /// Reads the file `path`, which the user wrote as `shown`.
    ///
    /// # Errors
    /// Returns [`ManifestError`], with every problem of the file at once.
    pub fn load(path: &Path, shown: &Path) -> Result<Self, ManifestError> {
        let text = Self::text(path, shown)?;
        Self::parse(&text, path, shown).map_err(ManifestError::Invalid)
    }

    /// Returns the text of the file, without a byte order mark.
    ///
    /// # Errors
    /// Returns [`ManifestError`]. Only the encoding of the content is checked.
    pub fn text(path: &Path, shown: &Path) -> Result<String, ManifestError> {
        Ok(Self::text_stamped(path, shown)?.0)
    }

    /// Returns the text of the file, as [`Manifest::text`] does, and which state of it that is.
    ///
    /// # Errors
    /// Returns [`ManifestError`]. Only the encoding of the content is checked.
    pub(crate) fn text_stamped(
        path: &Path,
        shown: &Path,
    ) -> Result<(String, Stamp), ManifestError> {
        let (bytes, stamp) = match files::read_stamped(path, files::TEXT) {
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(ManifestError::Missing(path.to_owned(), Located::Named));
            }
            Err(error) => return Err(ManifestError::Unreadable(path.to_owned(), error)),
        };
        let text = source::decode(shown, bytes);
        Ok((text.map_err(|d| ManifestError::Invalid(vec![d]))?, stamp))
    }

    /// Returns whether `name` is a valid definition name. Names are typed on command lines and
    /// are parts of file names.
    #[must_use]
    pub fn is_name(name: &str) -> bool {
        definition::is_name(name)
    }

    /// Parses `text` as the content of the file `path`. Relative paths in it start at the
    /// directory of the file.
    ///
    /// # Errors
    /// Returns every problem of the file, in the order of the file.
    pub fn parse(text: &str, path: &Path, shown: &Path) -> Result<Self, Vec<Diagnostic>> {
        let (root, syntax) = DeTable::parse_recoverable(text);
        let source = LazySource::new(Arc::new(text.to_owned()), shown);
        let directory = path.parent().unwrap_or(Path::new(""));
        let mut reader = Reader::new(&source, directory);
        if !syntax.is_empty()
            && let Some(span) = source::conflict(text)
        {
            return Err(vec![messages::merge_conflict(reader.at(span))]);
        }
        let broken = not_toml(text, &syntax, &mut reader);
        let manifest = tables::read(root.get_ref(), &source, path, &mut reader);

        // A consequence of a line that is not TOML is not a second mistake of the user.
        if !syntax.is_empty() {
            reader.forget_lacks();
        }
        let mut list = reader.finish();
        if !syntax.is_empty() {
            list.retain(|d| {
                let line = d.excerpt.as_ref().map(|e| reader.line(e.span.start));
                d.code == Code::InvalidToml || line.is_some_and(|line| !broken.contains(&line))
            });
        }
        if list.is_empty() {
            Ok(manifest)
        } else {
            Err(reader::bounded(list))
        }
    }

    /// Reads `text`, in which no mistake was found before, with the `index` of its definitions.
    /// Those are read when they are needed. Returns `None` if the index is of another text.
    #[must_use]
    pub(crate) fn parse_indexed(
        text: &Arc<String>,
        index: TextIndex,
        path: &Path,
        shown: &Path,
    ) -> Option<Self> {
        let read = Self::settings(only(text, index.rest())?, path, shown)?;
        if !read.definitions.is_empty() {
            return None;
        }
        let source = LazySource::new(Arc::clone(text), shown);
        let indexed = definitions::Indexed {
            index,
            source: source.clone(),
            path: path.to_owned(),
            project: read.palette.project.clone(),
            few: Few::default(),
        };
        Some(Self {
            source,
            definitions: indexed.into(),
            ..read
        })
    }

    /// Reads what is before the first definition of `text`, as far as it can be read. Mistakes are
    /// left to [`Manifest::parse`].
    #[must_use]
    pub(crate) fn parse_settings(text: &str, path: &Path, shown: &Path) -> Option<Self> {
        let end = text.find("\n[definition.").map_or(text.len(), |at| at + 1);
        Self::settings(text[..end].to_owned(), path, shown)
    }

    /// Reads `text` without its definitions, which may be missing. There are no mistakes then
    /// that count.
    fn settings(text: String, path: &Path, shown: &Path) -> Option<Self> {
        let text = Arc::new(text);
        let (root, syntax) = DeTable::parse_recoverable(&text);
        let source = LazySource::new(Arc::clone(&text), shown);
        let directory = path.parent().unwrap_or(Path::new(""));
        let mut reader = Reader::new(&source, directory);
        let read = tables::read(root.get_ref(), &source, path, &mut reader);
        syntax.is_empty().then_some(read)
    }

    /// Returns the file as messages may show it.
    #[must_use]
    pub fn source(&self) -> &Arc<Source> {
        self.source.get()
    }

    /// Returns the endpoint of the file, regardless of the command line and the environment.
    #[must_use]
    pub fn endpoint(&self) -> Option<&Endpoint> {
        self.palette.endpoint.as_ref().map(|at| &at.value)
    }
}

/// Returns `text` with spaces in place of everything outside of `ranges`, so that places stay
/// valid, up to the end of the last range.
fn only(text: &str, ranges: &[Range<usize>]) -> Option<String> {
    let mut kept = String::new();
    for range in ranges {
        let gap = range.start.checked_sub(kept.len())?;
        kept.extend(std::iter::repeat_n(' ', gap));
        kept.push_str(text.get(range.clone())?);
    }
    Some(kept)
}

/// Reports what cannot be parsed as TOML. Returns the lines about which nothing else can be
/// reported then.
fn not_toml(text: &str, syntax: &[toml::de::Error], reader: &mut Reader) -> BTreeSet<usize> {
    let mut told = BTreeSet::new();
    let mut broken = BTreeSet::new();
    let mut swallowed = 0..0;
    for error in syntax {
        let span = error.span().unwrap_or(0..0);
        let line = reader.line(span.start);
        broken.insert(line);
        // After one stray quote, the parser fails at the rest of the line; after an array that
        // is not closed, it fails at the lines that follow.
        let message = error.message();
        let is_open = message.contains("array") || message.contains("unclosed");
        if !told.insert(line) || is_open && swallowed.contains(&line) {
            continue;
        }
        if is_open {
            swallowed = line..line + source::swallowed_from(text, span.start);
            broken.extend(swallowed.clone());
        }
        reader.add(messages::not_toml(reader.at(span), message));
    }
    broken
}

/// Returns `text` as messages may show it, for the file that the user wrote as `shown`.
#[must_use]
pub fn source_of(text: &str, shown: &Path) -> Arc<Source> {
    let mut secrets = Vec::new();
    secret_spans(DeTable::parse_recoverable(text).0.get_ref(), &mut secrets);
    source::shown(shown, text, &secrets)
}

/// A file that becomes a [`Source`] when the first message shows some of it. Clones share it.
#[derive(Debug, Clone)]
struct LazySource(Arc<LazyText>);

#[derive(Debug)]
struct LazyText {
    text: Arc<String>,
    shown: PathBuf,
    source: OnceLock<Arc<Source>>,
}

impl LazySource {
    fn new(text: Arc<String>, shown: &Path) -> Self {
        Self(Arc::new(LazyText {
            text,
            shown: shown.to_owned(),
            source: OnceLock::new(),
        }))
    }

    fn text(&self) -> &str {
        &self.0.text
    }

    fn get(&self) -> &Arc<Source> {
        let LazyText {
            text,
            shown,
            source,
        } = &*self.0;
        source.get_or_init(|| source_of(text, shown))
    }
}

/// Returns another file as messages may show it: what would be a secret in `profiles.toml` is
/// overwritten there, too.
#[must_use]
pub fn masked(path: &Path, text: &str) -> Arc<Source> {
    source::shown(path, text, &[])
}

/// Collects the places of the values under keys that hold a secret, at any depth.
fn secret_spans(table: &DeTable<'_>, found: &mut Vec<Range<usize>>) {
    for (key, value) in table {
        if source::is_secret_key(key.get_ref()) {
            found.push(value.span());
        }
        match value.get_ref() {
            DeValue::Table(inner) => secret_spans(inner, found),
            DeValue::Array(items) => {
                for item in items {
                    if let DeValue::Table(inner) = item.get_ref() {
                        secret_spans(inner, found);
                    }
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
