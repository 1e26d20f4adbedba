//! The completion candidates: words of `profiles.toml`, `profiles.lock` and edgestage itself.
//!
//! A file that cannot be read has no candidates; a file that is being edited has those that can
//! be read. Words with a special meaning in a shell are omitted.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use crate::canvos::preflight::Target;
use crate::diagnostic::help_topic::page::{self, Section};
use crate::lockfile::Lockfile;
use crate::manifest::Located;
use crate::manifest::reference::{self, Reference};
use crate::util::environment::Environment;
use crate::util::files;

/// A candidate and its description.
pub(super) struct Candidate {
    /// The word.
    pub word: String,
    /// The description that some shells show.
    pub about: Option<String>,
}

/// The candidates for each kind of argument.
pub(super) struct Candidates {
    /// The directory that relative paths start from.
    pub directory: PathBuf,
    /// The definitions in profiles.toml.
    pub definitions: Vec<Candidate>,
    /// The edge hosts in profiles.toml.
    pub hosts: Vec<Candidate>,
    /// The profiles in profiles.lock.
    pub locked: Vec<Candidate>,
    /// The names of profiles in profiles.toml that have a version.
    pub profiles: Vec<Candidate>,
    /// The definitions and profiles as they are written in profiles.toml.
    pub written: Vec<Candidate>,
    /// The targets of CanvOS.
    pub targets: Vec<Candidate>,
    /// The traps, by number.
    pub traps: Vec<Candidate>,
    /// The topics and traps of `explain`.
    pub topics: Vec<Candidate>,
}

impl Candidates {
    /// Reads the candidates for the line `words`; a file that cannot be read has none.
    pub(super) fn read(words: &[OsString], environment: &Environment) -> Self {
        let manifest = manifest(words, environment);
        let written = Written::read(&manifest);
        let plain = |word: &String| Candidate {
            word: word.clone(),
            about: None,
        };
        let section = |section: Section| Candidate {
            word: section.id.to_owned(),
            about: Some(section.title.to_owned()),
        };
        let both = written.definitions.iter().chain(&written.profiles);
        Self {
            directory: environment.directory.clone(),
            locked: locked(&manifest),
            written: both.map(plain).collect(),
            definitions: written.definitions.iter().map(plain).collect(),
            hosts: written.hosts.iter().map(plain).collect(),
            profiles: written.names.iter().map(plain).collect(),
            targets: Target::ALL
                .map(|target| plain(&target.name().to_owned()))
                .into(),
            traps: page::traps().into_iter().map(section).collect(),
            topics: page::all().into_iter().map(section).collect(),
        }
    }
}

/// Returns the path of the manifest that the words on the line select.
fn manifest(words: &[OsString], environment: &Environment) -> PathBuf {
    let mut words = words.iter().map(OsString::as_os_str);
    let mut named = None;
    while let Some(word) = words.next() {
        if word == "--" {
            break;
        }
        if word == "--file" {
            named = words.next();
        } else if let Some(path) = word.to_str().and_then(|word| word.strip_prefix("--file=")) {
            named = Some(OsStr::new(path));
        }
    }
    let named = named.or_else(|| environment.variable("EDGESTAGE_FILE"));
    let path = named.map_or_else(|| Located::from(environment).path(), PathBuf::from);
    environment.resolve(&path)
}

/// The words of a `profiles.toml` that may be incomplete.
#[derive(Default)]
struct Written {
    definitions: BTreeSet<String>,
    profiles: BTreeSet<String>,
    /// The names of profiles that are written with a version.
    names: BTreeSet<String>,
    hosts: BTreeSet<String>,
}

impl Written {
    fn read(manifest: &Path) -> Self {
        let text = files::text_or_empty(manifest);
        let (root, _) = DeTable::parse_recoverable(&text);
        let table = |name: &str| root.get_ref().get(name)?.get_ref().as_table();
        let hosts = table("host").into_iter().flat_map(|table| table.keys());
        let hosts = hosts.map(|name| name.get_ref().to_string());
        let hosts = hosts.filter(|word| is_plain(word)).collect();
        let Some(table) = table("definition") else {
            return Self {
                hosts,
                ..Self::default()
            };
        };
        let plain = |word: &String| is_plain(word);
        let definitions = table.keys().map(|name| name.get_ref().to_string());
        let profiles = table.values().filter_map(|definition| {
            let profiles = definition.get_ref().as_table()?.get("profiles")?;
            profiles.get_ref().as_array()
        });
        let profiles: Vec<_> = profiles.flat_map(|profiles| profiles.iter()).collect();
        let names = profiles
            .iter()
            .filter_map(|profile| name_of(profile.get_ref()));
        let names = names.filter(plain).collect();
        let profiles = profiles.iter();
        let profiles = profiles.filter_map(|profile| profile.get_ref().as_str());
        Self {
            names,
            definitions: definitions.filter(plain).collect(),
            profiles: profiles.map(str::to_owned).filter(plain).collect(),
            hosts,
        }
    }
}

/// Returns the name of a profile that is written with a version.
fn name_of(profile: &DeValue<'_>) -> Option<String> {
    if let Some(table) = profile.as_table() {
        return Some(table.get("name")?.get_ref().as_str()?.to_owned());
    }
    match reference::parse(profile.as_str()?).ok()?.reference {
        Reference::Version { name, .. } => Some(name),
        Reference::Uid(_) => None,
    }
}

/// Returns the locked profiles, by `name@version` and by uid.
fn locked(manifest: &Path) -> Vec<Candidate> {
    let lock = Lockfile::load(&Lockfile::path_for(manifest));
    let definitions = lock.map(|lock| lock.definitions).unwrap_or_default();
    let profiles = definitions.iter().flat_map(|(_, locked)| &locked.profiles);
    let forms: BTreeSet<(String, String)> = profiles
        .flat_map(|profile| {
            let name = format!("{}@{}", profile.name, profile.version);
            let uid = profile.uid.to_string();
            [(name.clone(), uid.clone()), (uid, name)]
        })
        .filter(|(word, about)| is_plain(word) && is_plain(about))
        .collect();
    let offer = |(word, about)| Candidate {
        word,
        about: Some(about),
    };
    forms.into_iter().map(offer).collect()
}

/// Returns whether every shell takes `word` literally: names may come from a file that has not
/// been checked yet.
fn is_plain(word: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-@+".contains(c);
    !word.is_empty() && !word.starts_with('-') && word.chars().all(plain)
}
