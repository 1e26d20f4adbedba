//! `profiles.toml`: from bytes to a [`Manifest`].
//!
//! In: the file, and the values files it names. Out: every definition with its
//! references read, its paths resolved and its overrides loaded; or every problem of
//! the file at once, each with its place. No network, no lock, no CanvOS checkout.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use crate::diagnostic::{Code, Diagnostic, Source};
use crate::util::endpoint::Endpoint;
use crate::util::files;
use crate::util::limits::Limits;
use crate::util::uid::Uid;

use reader::Reader;

mod request_digest;
mod definition;
pub mod edit;
pub mod discovery;
pub mod keys;
mod messages;
mod reader;
pub mod reference;
mod source;
mod tables;

pub use definition::{CLOUD_TYPE, METADATA_NAME};
pub use discovery::Located;
pub use messages::NAMES;
pub use reader::At;
pub(crate) use reader::type_of;
pub use reference::Reference;
pub use source::conflict;

/// The name that is looked for when none is given.
pub const FILE_NAME: &str = "profiles.toml";

/// A `profiles.toml` that was read without a problem.
#[derive(Debug)]
pub struct Manifest {
    /// Where it was read from.
    pub path: PathBuf,
    /// Its text, for excerpts.
    pub source: Arc<Source>,
    /// `[palette]`.
    pub palette: PaletteTable,
    /// `[canvos].dir`, resolved; the manifest's own directory where it is not set.
    pub canvos: PathBuf,
    /// Where `[canvos].dir` is written, if it is.
    pub canvos_span: Option<Range<usize>>,
    /// `[canvos].build`.
    pub build: Option<Vec<String>>,
    /// `[cache].dir`, resolved.
    pub cache: Option<PathBuf>,
    /// `[limits]`.
    pub limits: Limits,
    /// `[definition.NAME]`, by name.
    pub definitions: BTreeMap<String, Definition>,
}

/// `[palette]`: where Palette is and how to reach it.
#[derive(Debug, Default)]
pub struct PaletteTable {
    /// `endpoint`; `None` means [`Endpoint::DEFAULT`].
    pub endpoint: Option<At<Endpoint>>,
    /// `project`.
    pub project: Option<At<Project>>,
    /// `ca-cert`: a PEM file with certificates that are trusted besides the system's.
    pub ca_cert: Option<PathBuf>,
    /// `api-key-command`: its standard output is the key.
    pub api_key_command: Option<Vec<String>>,
    /// `api-key-file`.
    pub api_key_file: Option<PathBuf>,
    /// `timeout`: seconds of silence that are borne.
    pub timeout: Option<u64>,
    /// `retries`: attempts after the first.
    pub retries: Option<u32>,
    /// `allow-http`.
    pub allow_http: bool,
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
    /// A text of 24 hexadecimal digits is a uid, any other a name.
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

/// `[definition.NAME]`: one cluster definition.
#[derive(Debug)]
pub struct Definition {
    /// NAME.
    pub name: String,
    /// Where its table begins.
    pub span: Range<usize>,
    /// Its own `project`, else `[palette].project`, where no console URL says otherwise.
    pub project: Option<At<Project>>,
    /// The project that its console URLs name.
    pub url_project: Option<Uid>,
    /// Whether `project` is the definition's own, so that it must agree with the URLs.
    pub own_project: bool,
    /// Its own `canvos`, resolved.
    pub canvos: Option<PathBuf>,
    /// Where that is written.
    pub canvos_span: Option<Range<usize>>,
    /// `name`: `metadata.name` of the request.
    pub metadata_name: String,
    /// `cloud-type`: `spec.cloudType` of the request.
    pub cloud_type: String,
    /// `allow`.
    pub allow: BTreeSet<Allow>,
    /// `profiles`, in the file's order.
    pub profiles: Vec<Profile>,
}

/// A refusal that `allow` turns into a warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Allow {
    /// `profile-missing`: the archive lacks the directory of a profile asked for.
    ProfileMissing,
}

impl Allow {
    /// Every name that `allow` knows.
    pub const NAMES: [&'static str; 1] = ["profile-missing"];

    /// The one that `name` stands for.
    fn named(name: &str) -> Option<Self> {
        let [profile_missing] = Self::NAMES;
        (name == profile_missing).then_some(Self::ProfileMissing)
    }
}

/// One entry of `profiles`.
#[derive(Debug)]
pub struct Profile {
    /// Which profile.
    pub reference: Reference,
    /// Its place in the file.
    pub span: Range<usize>,
    /// `packs`: what overrides the profile's own.
    pub packs: Vec<PackOverride>,
}

/// One entry of a profile's `packs`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackOverride {
    /// The pack.
    pub name: String,
    /// `tag`: its version.
    pub tag: Option<String>,
    /// The text of the values file.
    pub values: Option<String>,
    /// The values file, resolved.
    pub values_file: Option<PathBuf>,
}

/// Why there is no [`Manifest`].
#[derive(Debug)]
pub enum ManifestError {
    /// No such file; where it was looked for, and with what result above that.
    Missing(PathBuf, Located),
    /// It is there and cannot be read.
    Unreadable(PathBuf, std::io::Error),
    /// What is wrong with it: at least one.
    Invalid(Vec<Diagnostic>),
}

impl Manifest {
    /// Reads the file `path`, which `shown` is the user's own spelling of.
    ///
    /// # Errors
    /// [`ManifestError`], with every problem of the file at once.
    pub fn load(path: &Path, shown: &Path) -> Result<Self, ManifestError> {
        let text = Self::text(path, shown)?;
        Self::parse(&text, path, shown).map_err(ManifestError::Invalid)
    }

    /// The text of the file, without a byte order mark.
    ///
    /// # Errors
    /// [`ManifestError`]; of what is in the file, nothing but its encoding is looked at.
    pub fn text(path: &Path, shown: &Path) -> Result<String, ManifestError> {
        let bytes = match files::read(path, files::TEXT) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(ManifestError::Missing(path.to_owned(), Located::Named));
            }
            Err(error) => return Err(ManifestError::Unreadable(path.to_owned(), error)),
        };
        source::decode(shown, bytes).map_err(|d| ManifestError::Invalid(vec![d]))
    }

    /// Whether a definition may be called `name`: it is typed on command lines, and part of
    /// file names.
    #[must_use]
    pub fn is_name(name: &str) -> bool {
        definition::is_name(name)
    }

    /// Reads `text` as the content of the file `path`; relative paths in it start at
    /// the file's directory.
    ///
    /// # Errors
    /// Every problem of the file, in its order.
    pub fn parse(text: &str, path: &Path, shown: &Path) -> Result<Self, Vec<Diagnostic>> {
        let (root, syntax) = DeTable::parse_recoverable(text);
        let source = source_of(root.get_ref(), text, shown);
        let directory = path.parent().unwrap_or(Path::new(""));
        let mut reader = Reader::new(&source, directory);
        if let Some(span) = source::conflict(text).filter(|_| !syntax.is_empty()) {
            return Err(vec![messages::merge_conflict(reader.at(span))]);
        }
        let broken = not_toml(text, &syntax, &mut reader);
        let manifest = tables::read(root.get_ref(), &source, path, &mut reader);

        // What follows from a line that is not TOML is not the user's second mistake.
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

    /// `text` as it may be shown in messages about the file that the user calls `shown`.
    #[must_use]
    pub fn source(text: &str, shown: &Path) -> Arc<Source> {
        source_of(DeTable::parse_recoverable(text).0.get_ref(), text, shown)
    }

    /// Where Palette is, without the command line's and the environment's say.
    #[must_use]
    pub fn endpoint(&self) -> Option<&Endpoint> {
        self.palette.endpoint.as_ref().map(|at| &at.value)
    }
}

/// Tells what cannot be read as TOML, and returns the lines that nothing can be said of then.
fn not_toml(text: &str, syntax: &[toml::de::Error], reader: &mut Reader) -> BTreeSet<usize> {
    let mut told = BTreeSet::new();
    let mut broken = BTreeSet::new();
    let mut swallowed = 0..0;
    for error in syntax {
        let span = error.span().unwrap_or(0..0);
        let line = reader.line(span.start);
        broken.insert(line);
        // One stray quote makes the parser stumble over the rest of its line, and an array
        // that is not closed over the lines behind it.
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

fn source_of(root: &DeTable<'_>, text: &str, shown: &Path) -> Arc<Source> {
    let mut secrets = Vec::new();
    secret_spans(root, &mut secrets);
    source::shown(shown, text, &secrets)
}

/// Another file as messages may show it: what would be a secret in `profiles.toml` is
/// overwritten there, too.
#[must_use]
pub fn masked(path: &Path, text: &str) -> Arc<Source> {
    source::shown(path, text, &[])
}

/// The values under keys that hold a secret, at any depth.
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
