//! What each CanvOS target would embed from a checkout as it is.

use std::collections::BTreeMap;
use std::io::Seek as _;
use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

use super::table;
use crate::archive;
use crate::canvos::Seen;
use crate::digest::Digest;
use crate::disk;
use crate::limits::Limits;
use crate::lock::Lock;
use crate::preflight::{self, Assume, Embeds, Preflight, Target};

/// The targets of one checkout.
pub struct Targets {
    pub program: String,
    pub clusterconfig: Option<Clusterconfig>,
    pub rows: Vec<Row>,
}

/// The value of `CLUSTERCONFIG` that Earthly takes.
#[derive(Serialize, JsonSchema)]
pub struct Clusterconfig {
    /// The value.
    value: String,
    /// What sets it.
    from: String,
}

/// What is said of one target.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Target")]
pub struct Row {
    /// Name of the target.
    #[schemars(extend("enum" = Target::ALL.map(Target::name)))]
    target: &'static str,
    /// The file that it would embed, relative to the checkout; null where it is none.
    embeds: Option<String>,
    /// How the file gets there: `overlay`, `CLUSTERCONFIG`, `spc.tgz` or `content`.
    via: Option<&'static str>,
    /// What the file is.
    verdict: String,
    /// The definition of the lock that the file is; null where it is none.
    definition: Option<String>,
}

impl Targets {
    /// All targets that the checkout has, or those that were asked for.
    pub fn of(
        preflight: &Preflight<'_>,
        asked: &[Target],
        staged: &[Seen],
        (lock, limits): (&Lock, &Limits),
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
    pub fn text(&self, name: &str, width: Option<usize>) -> String {
        if self.rows.is_empty() {
            return String::new();
        }
        let heading = format!("target{name}");
        let mut cells = vec![table::row(&[&heading, "embeds", "from", "which is"])];
        cells.extend(self.rows.iter().map(|row| {
            let embeds = row.embeds.as_deref().unwrap_or("-");
            table::row(&[row.target, embeds, row.via.unwrap_or("-"), &row.verdict])
        }));
        table::fitted(&cells, width)
    }
}

/// Files of the checkout, each judged once.
struct Files<'a> {
    directory: &'a Path,
    /// What is known already.
    staged: &'a [Seen],
    lock: &'a Lock,
    limits: &'a Limits,
    seen: BTreeMap<String, (String, Option<String>)>,
}

impl Files<'_> {
    fn row(&mut self, target: Target, embeds: Embeds) -> Row {
        let nothing = |verdict: &str| (None, None, verdict.to_owned(), None);
        let (embeds, via, verdict, definition) = match embeds {
            Embeds::NoTarget => nothing("not a target of this checkout"),
            Embeds::Never => nothing("never carries one (T13)"),
            Embeds::Nothing => nothing("nothing"),
            Embeds::Directory => nothing("a directory"),
            Embeds::Link => nothing("a symbolic link"),
            Embeds::Empty => nothing("an empty file"),
            Embeds::Fails => nothing("the build fails"),
            Embeds::Unclear => nothing("cannot be told"),
            Embeds::File { path, via } => {
                let (verdict, definition) = self.judge(&path);
                (Some(path), Some(via.name()), verdict, definition)
            }
        };
        Row {
            target: target.name(),
            embeds,
            via,
            verdict,
            definition,
        }
    }

    fn judge(&mut self, path: &str) -> (String, Option<String>) {
        if let Some(known) = self.seen.get(path) {
            return known.clone();
        }
        let judged = match self.content(path) {
            None => ("no definition".to_owned(), None),
            Some(content) => match self.lock.owner_of(content) {
                Some((name, _)) => (format!("`{name}` as locked"), Some(name.to_owned())),
                None => (format!("not locked: content {}", content.short()), None),
            },
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
        let mut file = disk::open(&self.directory.join(path)).ok()?;
        if self.limits.no_archive(file.metadata().ok()?.len()) {
            return None;
        }
        let (sha256, _) = Digest::of_reader(&mut file).ok()?;
        if let Some(content) = self.lock.content_of(sha256) {
            return Some(content);
        }
        file.rewind().ok()?;
        let inventory = archive::inspect(file, self.limits, archive::NOTHING).ok()?;
        Some(inventory.content_sha256)
    }
}
