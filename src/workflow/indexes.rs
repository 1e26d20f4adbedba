//! Reads `profiles.toml` and `profiles.lock` with their indexes.
//!
//! One definition of thousands must not cost the others. So a run that has read a large file as a
//! whole, and found no mistake in it, leaves an index in the cache directory, below `indexes/`,
//! named by the path of the file. It counts as long as the file has the same stamp.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::context::Context;
use crate::cache::INDEXES;
use crate::error::Error;
use crate::lockfile::Lockfile;
use crate::manifest::{Manifest, ManifestError};
use crate::util::digest::Digest;
use crate::util::stamp::Stamp;
use crate::util::text_index::TextIndex;

/// The size in bytes from which on a `profiles.toml` has an index.
const LARGE: usize = 32 << 10;

/// Parses `text`, which was read from `path` in the state `stamp`.
pub(super) fn parse(
    context: &Context<'_>,
    text: &Arc<String>,
    stamp: &Stamp,
    path: &Path,
) -> Result<Manifest, Error> {
    let shown = &context.settings.file;
    let index = (text.len() >= LARGE)
        .then(|| Manifest::parse_settings(text, path, shown))
        .flatten()
        .and_then(|settings| index_of(context, &settings, path));
    let known = index.as_ref().and_then(|at| TextIndex::load(at, stamp));
    if let Some(manifest) = known.and_then(|it| Manifest::parse_indexed(text, it, path, shown)) {
        return Ok(manifest);
    }
    let manifest = Manifest::parse(text, path, shown).map_err(ManifestError::Invalid)?;
    // If the cache directory is named after the definitions, the index would not be found.
    if let Some(at) = index
        && stamp.is_settled()
        && index_of(context, &manifest, path).as_ref() == Some(&at)
        && TextIndex::can_be_at(&at)
        && let Some(made) = manifest.index()
    {
        made.save(&at, stamp);
    }
    Ok(manifest)
}

/// Reads the lock of `manifest` for a run that writes nothing into it, or only after it has read
/// the lock again.
pub(crate) fn lockfile(context: &Context<'_>, manifest: &Manifest) -> Result<Lockfile, Error> {
    let path = Lockfile::path_for(&manifest.path);
    Ok(match index_of(context, manifest, &path) {
        Some(index) => Lockfile::load_indexed(&path, &index)?,
        None => Lockfile::load(&path)?,
    })
}

/// Returns the path of the index of the file `path`.
fn index_of(context: &Context<'_>, manifest: &Manifest, path: &Path) -> Option<PathBuf> {
    let cache = context.cache(Some(manifest)).ok()?;
    let name = Digest::of(path.as_os_str().as_encoded_bytes());
    Some(cache.directory().join(INDEXES).join(name.to_string()))
}
