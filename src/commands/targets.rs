//! What each CanvOS target would embed from the current checkout.

use std::collections::BTreeMap;
use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

use crate::archive::{self, Contents};
use crate::canvos::Seen;
use crate::canvos::preflight::{self, Assume, Embeds, Preflight, Target, Via};
use crate::lockfile::Lockfile;
use crate::manifest::Manifest;
use crate::ui::table;
use crate::util::digest::Digest;
use crate::util::files;
use crate::util::limits::Limits;

/// The targets of one checkout.
pub(super) struct Targets {
    pub program: String,
    pub clusterconfig: Option<Clusterconfig>,
    pub rows: Vec<Row>,
}

/// The value of `CLUSTERCONFIG` that Earthly uses.
#[derive(Serialize, JsonSchema)]
pub(super) struct Clusterconfig {
    /// Value of the variable.
    value: String,
    /// Where the variable is set.
    from: String,
}

/// Result for one target.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Target")]
pub(super) struct Row {
    /// Name of the target.
    #[schemars(extend("enum" = Target::ALL.map(Target::name)))]
    target: &'static str,
    /// File that the target would embed, relative to the checkout; null if there is none.
    embeds: Option<String>,
    /// How the file gets there; null if there is none.
    via: Option<Via>,
    /// What the target would embed.
    pub(super) verdict: TargetVerdict,
    /// The verdict as text.
    pub(super) text: String,
    /// Name of the locked definition that the file contains; null if it contains none of
    /// them.
    pub(super) definition: Option<String>,
    /// Digest of the file's contents; null if the file is not a definition.
    content_sha256: Option<Digest>,
}

/// What a target would embed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum TargetVerdict {
    /// A definition as it is locked.
    AsLocked,
    /// A definition as it was locked, although `profiles.toml` has changed since.
    Outdated,
    /// A definition that is not in the lock.
    AnotherDefinition,
    /// A file that is not the archive of a definition.
    NoDefinition,
    /// Nothing.
    Nothing,
    /// An empty file.
    Empty,
    /// A symbolic link.
    Link,
    /// A directory.
    Directory,
    /// Nothing, because the build fails.
    BuildFails,
    /// Nothing: images of this target never carry a definition (T13).
    NotCarried,
    /// Cannot be determined.
    Unjudged,
    /// The checkout does not have this target.
    NoTarget,
}

/// A file that was examined.
#[derive(Clone)]
struct TargetResult {
    verdict: TargetVerdict,
    text: String,
    definition: Option<String>,
    content_sha256: Option<Digest>,
}

impl TargetResult {
    fn nothing(verdict: TargetVerdict, text: &str) -> Self {
        Self {
            verdict,
            text: text.to_owned(),
            definition: None,
            content_sha256: None,
        }
    }
}

/// What the embedded files are compared with.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    /// The state of the placements.
    pub(super) staged: &'a [Seen],
    /// The manifest, with the current requests.
    pub(super) manifest: &'a Manifest,
    /// The lock.
    pub(super) lock: &'a Lockfile,
    /// The limits on an archive.
    pub(super) limits: &'a Limits,
}

/// The definition that a file holds.
struct Owner<'a> {
    name: &'a str,
    state: OwnerState,
}

/// How the manifest compares with the lock entry of a definition.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum OwnerState {
    /// The entry matches what the manifest requests.
    Current,
    /// The manifest requests something else now, or the entry was edited.
    Outdated,
    /// The manifest does not have the definition.
    Removed,
}

impl<'a> Known<'a> {
    /// Returns the definition that was locked with `content`; of several, the one with the best
    /// state.
    fn owner_of(&self, contents: &Contents) -> Option<Owner<'a>> {
        let owners = self.lock.owners_of(contents).map(|(name, entry)| {
            let state = match self.manifest.definitions.get(name) {
                None => OwnerState::Removed,
                Some(definition) if entry.outdated(definition).is_some() => OwnerState::Outdated,
                Some(_) => OwnerState::Current,
            };
            Owner { name, state }
        });
        owners.min_by_key(|owner| owner.state)
    }
}

impl Targets {
    /// Returns the given targets, or all targets that the checkout has.
    pub(super) fn of(preflight: &Preflight<'_>, asked: &[Target], known: Known<'_>) -> Self {
        let mut files = Files {
            directory: preflight.directory(),
            known,
            seen: BTreeMap::new(),
        };
        let rows = Target::ALL
            .into_iter()
            .filter(|target| asked.is_empty() || asked.contains(target))
            .map(|target| (target, preflight.forecast(target, Assume::Present)))
            .filter(|(_, embeds)| *embeds != Embeds::NoTarget || !asked.is_empty())
            .map(|(target, embeds)| files.row(target, embeds))
            .collect();
        let clusterconfig = preflight
            .clusterconfig()
            .map(|(value, origin)| Clusterconfig {
                value: preflight::shown_value(value),
                from: origin.to_string(),
            });
        Self {
            program: preflight.program().name().to_owned(),
            clusterconfig,
            rows,
        }
    }

    /// Formats a table; `name` follows its heading.
    pub(super) fn text(&self, name: &str, width: Option<usize>) -> String {
        if self.rows.is_empty() {
            return String::new();
        }
        let heading = format!("target{name}");
        let mut cells = vec![table::row(&[&heading, "embeds", "from", "which is"])];
        cells.extend(self.rows.iter().map(|row| {
            let embeds = row.embeds.as_deref().unwrap_or("-");
            table::row(&[
                row.target,
                embeds,
                row.via.map_or("-", Via::name),
                &row.text,
            ])
        }));
        table::fitted(&cells, width)
    }
}

/// The files of the checkout. Each is judged once.
struct Files<'a> {
    directory: &'a Path,
    /// What is known already.
    known: Known<'a>,
    seen: BTreeMap<String, TargetResult>,
}

impl Files<'_> {
    fn row(&mut self, target: Target, embeds: Embeds) -> Row {
        let nothing = |verdict, text| (None, None, TargetResult::nothing(verdict, text));
        let (embeds, via, judged) = match embeds {
            Embeds::NoTarget => nothing(TargetVerdict::NoTarget, "not a target of this checkout"),
            Embeds::Never => nothing(TargetVerdict::NotCarried, "never contains one (T13)"),
            Embeds::Nothing => nothing(TargetVerdict::Nothing, "nothing"),
            Embeds::Directory => nothing(TargetVerdict::Directory, "a directory"),
            Embeds::Link => nothing(TargetVerdict::Link, "a symbolic link"),
            Embeds::Empty => nothing(TargetVerdict::Empty, "an empty file"),
            Embeds::Fails => nothing(TargetVerdict::BuildFails, "the build fails"),
            Embeds::Unclear => nothing(TargetVerdict::Unjudged, "unknown"),
            Embeds::File { path, via } => {
                let judged = self.judge(&path);
                (Some(path), Some(via), judged)
            }
        };
        Row {
            target: target.name(),
            embeds,
            via,
            verdict: judged.verdict,
            text: judged.text,
            definition: judged.definition,
            content_sha256: judged.content_sha256,
        }
    }

    fn judge(&mut self, path: &str) -> TargetResult {
        if let Some(known) = self.seen.get(path) {
            return known.clone();
        }
        let contents = self.contents(path);
        let content = contents.as_ref().map(|contents| contents.sha256);
        let owner = contents
            .as_ref()
            .and_then(|contents| self.known.owner_of(contents));
        let (verdict, text) = match (content, &owner) {
            (None, _) => (TargetVerdict::NoDefinition, "no definition".to_owned()),
            (Some(_), Some(Owner { name, state })) => match state {
                OwnerState::Current => (TargetVerdict::AsLocked, format!("`{name}` as locked")),
                OwnerState::Outdated => (
                    TargetVerdict::Outdated,
                    format!("`{name}`, locked before profiles.toml changed"),
                ),
                OwnerState::Removed => (
                    TargetVerdict::Outdated,
                    format!("`{name}`, which is no longer in profiles.toml"),
                ),
            },
            (Some(content), None) => (
                TargetVerdict::AnotherDefinition,
                format!("not locked: content {}", content.short()),
            ),
        };
        let judged = TargetResult {
            verdict,
            text,
            definition: owner.map(|owner| owner.name.to_owned()),
            content_sha256: content,
        };
        self.seen.insert(path.to_owned(), judged.clone());
        judged
    }

    /// Returns the contents of the archive at `path`.
    fn contents(&self, path: &str) -> Option<Contents> {
        let mut staged = self.known.staged.iter();
        if let Some(seen) = staged.find(|seen| seen.placement().path() == path) {
            return seen.contents().cloned();
        }
        let file = files::open(&self.directory.join(path)).ok()?;
        if self.known.limits.no_archive(file.metadata().ok()?.len()) {
            return None;
        }
        archive::content_of(file, self.known.limits).ok()?
    }
}
