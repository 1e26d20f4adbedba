//! What each CanvOS target would embed from a checkout as it is.

use std::collections::BTreeMap;
use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

use crate::archive;
use crate::canvos::Seen;
use crate::canvos::preflight::{self, Assume, Embeds, Preflight, Target, Via};
use crate::lockfile::Lockfile;
use crate::ui::table;
use crate::util::digest::Digest;
use crate::util::limits::Limits;
use crate::util::path_error;

/// The targets of one checkout.
pub(super) struct Targets {
    pub program: String,
    pub clusterconfig: Option<Clusterconfig>,
    pub rows: Vec<Row>,
}

/// The value of `CLUSTERCONFIG` that Earthly takes.
#[derive(Serialize, JsonSchema)]
pub(super) struct Clusterconfig {
    /// The value.
    value: String,
    /// What sets it.
    from: String,
}

/// What is said of one target.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Target")]
pub(super) struct Row {
    /// Name of the target.
    #[schemars(extend("enum" = Target::ALL.map(Target::name)))]
    target: &'static str,
    /// The file that it would embed, relative to the checkout; null where it is none.
    embeds: Option<String>,
    /// How the file gets there; null if there is none.
    via: Option<Via>,
    /// What the target would embed.
    pub(super) verdict: Verdict,
    /// The verdict in words.
    pub(super) text: String,
    /// The definition of the lock that the file is; null if it is none of them.
    pub(super) definition: Option<String>,
    /// Of what the file holds; null if it is not a definition.
    content_sha256: Option<Digest>,
}

/// What a target would embed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "TargetVerdict")]
pub(super) enum Verdict {
    /// A definition as it is locked.
    AsLocked,
    /// A definition that the lock does not have.
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
    /// It cannot be told.
    Unjudged,
    /// The checkout does not have this target.
    NoTarget,
}

/// A file that was looked at.
#[derive(Clone)]
struct Judged {
    verdict: Verdict,
    text: String,
    definition: Option<String>,
    content_sha256: Option<Digest>,
}

impl Judged {
    fn nothing(verdict: Verdict, text: &str) -> Self {
        Self {
            verdict,
            text: text.to_owned(),
            definition: None,
            content_sha256: None,
        }
    }
}

impl Targets {
    /// All targets that the checkout has, or those that were asked for.
    pub(super) fn of(
        preflight: &Preflight<'_>,
        asked: &[Target],
        staged: &[Seen],
        (lock, limits): (&Lockfile, &Limits),
    ) -> Self {
        let mut files = Files {
            directory: preflight.directory(),
            staged,
            lock,
            limits,
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

    /// A table; `name` stands behind its heading.
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

/// Files of the checkout, each judged once.
struct Files<'a> {
    directory: &'a Path,
    /// What is known already.
    staged: &'a [Seen],
    lock: &'a Lockfile,
    limits: &'a Limits,
    seen: BTreeMap<String, Judged>,
}

impl Files<'_> {
    fn row(&mut self, target: Target, embeds: Embeds) -> Row {
        let nothing = |verdict, text| (None, None, Judged::nothing(verdict, text));
        let (embeds, via, judged) = match embeds {
            Embeds::NoTarget => nothing(Verdict::NoTarget, "not a target of this checkout"),
            Embeds::Never => nothing(Verdict::NotCarried, "never carries one (T13)"),
            Embeds::Nothing => nothing(Verdict::Nothing, "nothing"),
            Embeds::Directory => nothing(Verdict::Directory, "a directory"),
            Embeds::Link => nothing(Verdict::Link, "a symbolic link"),
            Embeds::Empty => nothing(Verdict::Empty, "an empty file"),
            Embeds::Fails => nothing(Verdict::BuildFails, "the build fails"),
            Embeds::Unclear => nothing(Verdict::Unjudged, "cannot be told"),
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

    fn judge(&mut self, path: &str) -> Judged {
        if let Some(known) = self.seen.get(path) {
            return known.clone();
        }
        let content = self.content(path);
        let owner = content.and_then(|content| self.lock.owner_of(content));
        let (verdict, text) = match (content, owner) {
            (None, _) => (Verdict::NoDefinition, "no definition".to_owned()),
            (Some(_), Some((name, _))) => (Verdict::AsLocked, format!("`{name}` as locked")),
            (Some(content), None) => (
                Verdict::AnotherDefinition,
                format!("not locked: content {}", content.short()),
            ),
        };
        let judged = Judged {
            verdict,
            text,
            definition: owner.map(|(name, _)| name.to_owned()),
            content_sha256: content,
        };
        self.seen.insert(path.to_owned(), judged.clone());
        judged
    }

    /// The digest of what the archive at `path` holds.
    fn content(&self, path: &str) -> Option<Digest> {
        let mut staged = self.staged.iter();
        if let Some(seen) = staged.find(|seen| seen.placement().path() == path) {
            return seen.content();
        }
        let file = path_error::open(&self.directory.join(path)).ok()?;
        if self.limits.no_archive(file.metadata().ok()?.len()) {
            return None;
        }
        archive::content_of(file, self.limits).ok()?
    }
}
