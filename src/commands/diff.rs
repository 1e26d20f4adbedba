//! `edgestage diff`: what changed in Palette since the definitions were locked. Writes only a
//! temporary file in the cache.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::messages;
use crate::archive::Inventory;
use crate::cli::{DiffArgs, Format, Network, Verbosity};
use crate::drift::{self, Change, FileChange, Side};
use crate::error::Error;
use crate::lockfile::{LockEntry, Outdated};
use crate::manifest::Definition;
use crate::ui::markdown::{Comment, code};
use crate::ui::table::Tone;
use crate::ui::{CommandOutput, Outcome, Summary, fields};
use crate::util::sanitize;
use crate::workflow::context::{Context, chosen, not_locked, warn_of_outdated};
use crate::workflow::fetcher::{DownloadStart, Fetched, Fetcher};
use crate::workflow::parallel;
use crate::workflow::session::{Reported, Session, reported};

/// The document of `diff`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Diff")]
pub(super) struct Document {
    /// Definitions that could be compared, by name.
    definitions: Vec<Compared>,
    /// Names of the definitions that are not locked yet: there is nothing to compare with.
    not_locked: Vec<String>,
}

mod rows;

const NOT_LOCKED: &str = "not locked yet";

/// What became of one definition.
enum Comparison {
    Done(Compared),
    /// The definition has this name and no lock entry.
    NotLocked(String),
}

/// Result for one definition.
#[derive(Serialize, JsonSchema)]
struct Compared {
    /// Name of the definition.
    definition: String,
    /// Whether anything changed.
    drift: bool,
    #[serde(skip)]
    outdated: Option<Outdated>,
    /// Changes in Palette since the definition was locked.
    changes: Vec<Reported>,
    /// With `-v`, an entry for each file that changed; otherwise empty.
    files: Vec<Inside>,
}

/// What changed inside one file.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "FileDiff")]
struct Inside {
    /// Path of the file in the archive.
    path: String,
    /// Unified diff of the file.
    diff: String,
}

pub(super) fn run(arguments: &DiffArgs, context: &Context<'_>) -> Result<CommandOutput, Error> {
    if context.settings.network == Network::Off {
        return Err(Error::usage(messages::diff_needs_palette()));
    }
    let manifest = context.manifest()?;
    let definitions = chosen(&manifest, &arguments.fleet.definitions.names)?;
    let session = Session::open(context, &manifest)?;
    let jobs = arguments.fleet.jobs.jobs;
    let source = Fetcher::new(context, &session, jobs)?;
    let counter = context.report.counter(definitions.len());
    let compare =
        |definition: &&Definition| counter.count(compare(context, &session, &source, definition));
    let mut comparisons = Vec::new();
    let mut errors = Vec::new();
    for result in parallel::map(&definitions, parallel::lookahead(jobs), compare) {
        match result {
            Ok(one) => comparisons.push(one),
            Err(error) => errors.push(error),
        }
    }
    drop(counter);
    let mut summary = Summary::of(definitions.len());
    for one in &comparisons {
        match one {
            Comparison::Done(one) => {
                let outcome_of = if one.drift { "changed" } else { "unchanged" };
                summary.add(&one.definition, Outcome::Done(outcome_of));
            }
            Comparison::NotLocked(name) => summary.add(name, Outcome::Found("not locked")),
        }
    }
    context.report.finished(&summary);
    // The changes are the result, on standard output; the error says what to do.
    errors.extend(comparisons.iter().filter_map(|one| one.error(&session)));
    let text = match arguments.format {
        Some(Format::Markdown) => markdown(&comparisons, context),
        _ => text(&comparisons, context),
    };
    Ok(CommandOutput {
        text,
        json: fields(&Document::of(comparisons)),
        error: Error::all(errors),
    })
}

fn compare(
    context: &Context<'_>,
    session: &Session<'_>,
    source: &Fetcher<'_>,
    definition: &Definition,
) -> Result<Comparison, Error> {
    let name = &definition.name;
    let Some(locked) = session.lock.definitions.get(name) else {
        return Ok(Comparison::NotLocked(name.clone()));
    };
    warn_of_outdated(context, &session.lock, definition);
    if source.lacks_archive_of(definition, locked)? {
        context
            .report
            .warn(&crate::cache::messages::files_not_cached(name));
    }
    let resolved = source.resolve(definition, DownloadStart::Early)?;
    let served = source.serve(resolved)?;
    let changes = source.changes(locked, &served)?;
    let files = if context.report.verbosity() >= Verbosity::Verbose {
        inside(source, locked, &served, &changes)?
    } else {
        Vec::new()
    };
    Ok(Comparison::Done(Compared {
        definition: name.clone(),
        drift: !changes.is_empty(),
        outdated: locked.outdated(definition),
        changes: reported(&changes),
        files,
    }))
}

/// Reads both archives again for the files that changed.
fn inside(
    source: &Fetcher<'_>,
    locked: &LockEntry,
    served: &Fetched,
    changes: &[Change],
) -> Result<Vec<Inside>, Error> {
    let files: BTreeMap<&str, FileChange> = changes
        .iter()
        .filter_map(|change| match change {
            Change::File { path, what, .. } => Some((path.as_str(), *what)),
            _ => None,
        })
        .collect();
    if files.is_empty() {
        return Ok(Vec::new());
    }
    // Changes have their paths in the form in which they are shown.
    let wanted = |path: &[u8]| files.contains_key(sanitize::line(path).as_str());
    let old = collected(source.inspect_locked(locked, &wanted)?);
    let new = collected(source.inspect_served(served, &wanted)?);
    let diff = |(path, what): (&str, FileChange)| {
        let old = match what {
            FileChange::Added => Side::Absent,
            _ => side(&old, path),
        };
        let new = match what {
            FileChange::Removed => Side::Absent,
            _ => side(&new, path),
        };
        Inside {
            path: path.to_owned(),
            diff: drift::unified(path, old, new),
        }
    };
    Ok(files.into_iter().map(diff).collect())
}

fn side<'f>(files: &'f BTreeMap<String, Vec<u8>>, path: &str) -> Side<'f> {
    let content = files.get(path).map(Vec::as_slice);
    content.map_or(Side::Unread, Side::Content)
}

/// Returns the files that were kept, by the paths in the form in which they are shown.
fn collected(inventory: Option<Inventory>) -> BTreeMap<String, Vec<u8>> {
    let files = inventory.map(|inventory| inventory.collected);
    let shown = |(path, content): (String, Vec<u8>)| (sanitize::line(path.as_bytes()), content);
    files.into_iter().flatten().map(shown).collect()
}

/// Formats a block for each definition that changed, and a line for each other one.
fn text(comparisons: &[Comparison], context: &Context<'_>) -> String {
    let mut text = String::new();
    let mut apart = false;
    for one in comparisons {
        let is_block = matches!(one, Comparison::Done(one) if one.drift);
        if (apart || is_block) && !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&one.text(context));
        apart = is_block;
    }
    text
}

impl Document {
    fn of(comparisons: Vec<Comparison>) -> Self {
        let mut document = Self {
            definitions: Vec::new(),
            not_locked: Vec::new(),
        };
        for one in comparisons {
            match one {
                Comparison::Done(compared) => document.definitions.push(compared),
                Comparison::NotLocked(name) => document.not_locked.push(name),
            }
        }
        document
    }
}

impl Comparison {
    fn error(&self, session: &Session<'_>) -> Option<Error> {
        match self {
            Self::Done(compared) => compared.error(),
            Self::NotLocked(name) => Some(not_locked(&session.lock, name)),
        }
    }

    fn text(&self, context: &Context<'_>) -> String {
        match self {
            Self::Done(compared) => compared.text(context),
            Self::NotLocked(name) => format!("{name}: {NOT_LOCKED}\n"),
        }
    }

    fn markdown(&self, comment: &mut Comment, context: &Context<'_>) {
        match self {
            Self::Done(compared) => compared.markdown(comment, context),
            Self::NotLocked(name) => {
                comment.line(&format!("### {} is {NOT_LOCKED}", code(name)));
                comment.line("There is nothing to compare with: all that it has is new.");
            }
        }
    }
}

impl Compared {
    /// Returns the error for a drift. A definition that was changed in `profiles.toml` is not a
    /// change in Palette.
    fn error(&self) -> Option<Error> {
        let definition = self.definition.clone();
        match self.outdated {
            _ if !self.drift => None,
            Some(why) => Some(Error::Outdated {
                definition,
                why,
                place: None,
            }),
            None => Some(Error::Drift {
                definition,
                changes: Vec::new(),
                place: None,
            }),
        }
    }

    fn text(&self, context: &Context<'_>) -> String {
        if self.changes.is_empty() {
            return format!("{}: no change\n", self.definition);
        }
        let table = rows::table(&self.changes, context.report);
        let mut text = format!("{}\n", Tone::Bold.paint(&self.definition));
        text.push_str(&table.text("  ", context.report.width()));
        for file in &self.files {
            text.push('\n');
            text.push_str(&painted(&file.diff));
        }
        text
    }

    fn markdown(&self, comment: &mut Comment, context: &Context<'_>) {
        let name = code(&self.definition);
        if self.changes.is_empty() {
            return comment.line(&format!("{name}: no change"));
        }
        comment.line(&format!("### {name} differs from its lock"));
        if let Some(why) = self.outdated {
            comment.line(&format!("The lock is outdated: {why}."));
        }
        comment.table(&rows::table(&self.changes, context.report));
        for file in &self.files {
            // Both are printable already.
            let masked = |text: &str| context.report.masked(text);
            comment.diff(&masked(&file.path), &masked(&file.diff));
        }
    }
}

/// Formats the changes for a comment on a merge request.
fn markdown(comparisons: &[Comparison], context: &Context<'_>) -> String {
    let mut comment = Comment::new(context.environment);
    for one in comparisons {
        one.markdown(&mut comment, context);
    }
    comment.finish("edgestage diff -v")
}

/// Returns a unified diff in colors.
fn painted(diff: &str) -> String {
    let paint = |(at, line): (usize, &str)| {
        let tone = match line.as_bytes() {
            // These lines are the names of the two files.
            _ if at < 2 => Tone::Bold,
            [b'+', ..] => Tone::Green,
            [b'-', ..] => Tone::Red,
            [b'@', ..] => Tone::Yellow,
            _ => Tone::Plain,
        };
        tone.paint(line) + "\n"
    };
    diff.lines().enumerate().map(paint).collect()
}
