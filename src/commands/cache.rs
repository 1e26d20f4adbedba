//! `edgestage cache list` and `edgestage cache clean`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use unicode_width::UnicodeWidthStr as _;

use super::messages;
use crate::cache::{Cache, CacheEntry};
use crate::cli::CleanArgs;
use crate::error::Error;
use crate::lockfile::Lockfile;
use crate::manifest::{Manifest, ManifestError};
use crate::ui::table;
use crate::ui::{CommandOutput, fields};
use crate::util::digest::Digest;
use crate::util::sanitize;
use crate::workflow::context::{Context, load_lockfile, shown};

/// The document of `cache list`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CacheList")]
pub(super) struct Listing<'a> {
    /// Path of the cache directory.
    directory: String,
    /// Archives in the cache.
    archives: &'a [Cached],
    /// Total size of the listed archives.
    size: u64,
}

/// The document of `cache clean`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CacheClean")]
pub(super) struct Cleaning<'a> {
    /// Path of the cache directory.
    directory: String,
    /// Archives that were removed.
    removed: &'a [Cached],
    /// Total size of the listed archives.
    size: u64,
}

/// A cached archive.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CachedArchive")]
struct Cached {
    /// Digest of the archive's contents.
    content_sha256: Digest,
    /// Path of the archive; if it was removed, its former path.
    path: String,
    /// Size of the archive.
    size: u64,
    /// Definitions that `profiles.lock` lists this archive for.
    definitions: Vec<String>,
}

/// The cache, and the definitions that its archives belong to. It can be read without a
/// manifest.
struct View {
    cache: Cache,
    owners: BTreeMap<Digest, Vec<String>>,
}

impl View {
    /// Opens the cache to list it. The owners of archives are shown only if the files can be
    /// read.
    fn open(context: &Context<'_>) -> Result<Self, Error> {
        let Some(manifest) = context.manifest_if_usable(messages::WITHOUT_OWNERS) else {
            return Self::unowned(context);
        };
        Self::of(context, &manifest, &load_lockfile(&manifest)?)
    }

    /// Opens the cache to empty it. A lock that cannot be read does not prevent that, nor does
    /// a manifest if the command line names the cache; otherwise the manifest may name another
    /// cache than the user's.
    fn to_empty(context: &Context<'_>) -> Result<Self, Error> {
        match context.manifest() {
            Ok(manifest) => {
                let empty = || Lockfile::empty(&Lockfile::path_for(&manifest.path));
                let lock = load_lockfile(&manifest).unwrap_or_else(|_| empty());
                Self::of(context, &manifest, &lock)
            }
            Err(Error::Manifest(ManifestError::Missing(..))) => Self::unowned(context),
            Err(_) if context.settings.cache.is_some() => Self::unowned(context),
            Err(error) => Err(error),
        }
    }

    fn unowned(context: &Context<'_>) -> Result<Self, Error> {
        Ok(Self {
            cache: context.cache(None)?,
            owners: BTreeMap::new(),
        })
    }

    fn of(context: &Context<'_>, manifest: &Manifest, lock: &Lockfile) -> Result<Self, Error> {
        let mut owners: BTreeMap<Digest, Vec<String>> = BTreeMap::new();
        for (name, locked) in lock.definitions.iter() {
            let owners = owners.entry(locked.content_sha256).or_default();
            owners.push(name.to_owned());
        }
        Ok(Self {
            cache: context.cache(Some(manifest))?,
            owners,
        })
    }

    /// Does the same with a lock that must exist: without one, nothing would be kept.
    fn locked(context: &Context<'_>) -> Result<Self, Error> {
        let manifest = context.manifest()?;
        let lock = load_lockfile(&manifest)?;
        if !lock.exists() {
            let path = sanitize::path(lock.path());
            return Err(Error::usage(messages::nothing_to_keep(&path)));
        }
        Self::of(context, &manifest, &lock)
    }

    fn cached(&self, entry: &CacheEntry) -> Cached {
        let owners = self.owners.get(&entry.content_sha256);
        Cached {
            content_sha256: entry.content_sha256,
            path: shown(&entry.path),
            size: entry.size,
            definitions: owners.cloned().unwrap_or_default(),
        }
    }
}

pub(super) fn list(context: &Context<'_>) -> Result<CommandOutput, Error> {
    let view = View::open(context)?;
    let entries = view.cache.entries()?;
    let cached: Vec<Cached> = entries.iter().map(|entry| view.cached(entry)).collect();
    let rows: Vec<Vec<String>> = cached
        .iter()
        .map(|one| {
            let size = sanitize::size(one.size);
            let owners = one.definitions.join(", ");
            table::row(&[&one.content_sha256.to_string(), &size, &owners])
        })
        .collect();
    let text = rows_within(&rows, context.report.width());
    Ok(CommandOutput {
        text,
        json: fields(&Listing {
            directory: shown(view.cache.directory()),
            archives: &cached,
            size: cached.iter().map(|one| one.size).sum(),
        }),
        error: None,
    })
}

/// Formats the rows. A digest is as wide as most of a terminal; what does not fit beside it
/// goes on the next line.
fn rows_within(rows: &[Vec<String>], width: Option<usize>) -> String {
    let text = table::layout(rows);
    let fits = |most: usize| text.lines().all(|line| line.width() <= most);
    match width {
        Some(width) if !fits(width) => {
            let below = rows.iter().flat_map(|row| {
                let (owners, first) = row
                    .split_last()
                    .map_or(("", row.as_slice()), |(o, f)| (o, f));
                let first = first.join("  ");
                let owners = (!owners.is_empty()).then(|| table::indented(owners, width));
                std::iter::once(first + "\n").chain(owners)
            });
            below.collect()
        }
        _ => text,
    }
}

pub(super) fn clean(arguments: &CleanArgs, context: &Context<'_>) -> Result<CommandOutput, Error> {
    let view = if arguments.keep_locked {
        View::locked(context)?
    } else {
        View::to_empty(context)?
    };
    let mut removed = Vec::new();
    for entry in view.cache.entries()? {
        let cached = view.cached(&entry);
        if arguments.keep_locked && !cached.definitions.is_empty() {
            continue;
        }
        entry.remove()?;
        removed.push(cached);
    }
    view.cache.sweep();
    if !arguments.keep_locked {
        view.cache.forget();
    }
    let size = removed.iter().map(|one| one.size).sum::<u64>();
    context.report.status(
        "Removed",
        &format!(
            "{}, {}, from {}",
            sanitize::count(removed.len(), "archive"),
            sanitize::size(size),
            shown(view.cache.directory()),
        ),
    );
    let paths: Vec<String> = removed.iter().map(|one| one.path.clone()).collect();
    Ok(CommandOutput {
        text: table::lines(&paths),
        json: fields(&Cleaning {
            directory: shown(view.cache.directory()),
            removed: &removed,
            size,
        }),
        error: None,
    })
}
