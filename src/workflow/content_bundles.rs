//! What the content bundles of a checkout hold.
//!
//! A bundle has up to 14 GB, so it is read once, with progress, and what it holds is remembered
//! in the cache directory: one small file for each bundle, below `bundles/`, named by device and
//! inode. It counts as long as the bundle has the same size, modification time and change time;
//! nothing can set the latter. A file that cannot be written or read costs another pass.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::bundle::{self, BundleDefinition, BundleError, LargeBundles, Survey, UNASKED};
use crate::cache::BUNDLES;
use crate::canvos::preflight::{Finding, Preflight, UnreadBundle};
use crate::error::Error;
use crate::manifest::Manifest;
use crate::util::atomic_file;
use crate::util::digest::Digest;
use crate::util::files;
use crate::util::sanitize;
use crate::util::stamp::Stamp;
use crate::workflow::archive_file;
use crate::workflow::context::Context;

/// The form of the remembered files. Another one is not read.
const FORM: u32 = 1;
/// The maximum size of a remembered file, in bytes.
const LARGEST: u64 = 64 << 10;

/// What a bundle held when it was read, and which file that was.
#[derive(Serialize, Deserialize)]
struct Remembered {
    form: u32,
    file: Stamp,
    held: Survey,
}

/// Returns what is wrong with the content bundles of a checkout. The contents that
/// `locked` returns are right.
///
/// # Errors
/// Fails if the cache directory cannot be determined.
pub(crate) fn findings(
    context: &Context<'_>,
    manifest: &Manifest,
    preflight: &Preflight<'_>,
    locked: &dyn Fn() -> Vec<Digest>,
    large: LargeBundles,
) -> Result<Vec<Finding>, Error> {
    let bundles = preflight.embedded_bundles();
    if bundles.is_empty() {
        return Ok(Vec::new());
    }
    let locked = locked();
    let cache = context.cache(Some(manifest))?;
    let memory = cache.directory().join(BUNDLES);
    let spool = cache.directory().join("tmp");
    let mut found = Vec::new();
    for path in bundles {
        let file = preflight.directory().join(&path);
        match held(context, manifest, &file, (&memory, &spool), large) {
            Ok(held) => found.extend(preflight.bundle_findings(&path, &held, &locked)),
            Err(why) => found.push(preflight.unread_bundle(&path, &why)),
        }
    }
    Ok(found)
}

/// Returns what the bundle `file` holds, as it is remembered or by reading it.
fn held(
    context: &Context<'_>,
    manifest: &Manifest,
    file: &Path,
    (memory, spool): (&Path, &Path),
    large: LargeBundles,
) -> Result<Survey, UnreadBundle> {
    let unreadable = |error: &std::io::Error| UnreadBundle::Unreadable(sanitize::io(error));
    let metadata = file.metadata().map_err(|error| unreadable(&error))?;
    let stamp = Stamp::of(&metadata);
    let remembered = remembered_at(memory, &stamp);
    if let Some(path) = &remembered
        && let Some(held) = recall(path, &stamp)
    {
        return Ok(held);
    }
    if metadata.len() > UNASKED && large == LargeBundles::Skip {
        return Err(UnreadBundle::Large {
            size: metadata.len(),
            most: UNASKED,
        });
    }
    let source = archive_file::watch(context, file).map_err(|error| unreadable(&error))?;
    let held = bundle::survey(source, spool, &manifest.limits).map_err(|error| match error {
        BundleError::Read(error) => unreadable(&error),
        BundleError::Spool(error) => UnreadBundle::Unreadable(error.to_string()),
        BundleError::Refused(refusal) => UnreadBundle::Unreadable(refusal.to_string()),
    })?;
    // What is refused may be accepted with other limits.
    let is_known = matches!(
        held.definition,
        BundleDefinition::None | BundleDefinition::One(_)
    );
    // A bundle that changed while it was read is not remembered.
    let after = file.metadata().ok().map(|after| Stamp::of(&after));
    if let Some(path) = remembered
        && is_known
        && after.as_ref() == Some(&stamp)
    {
        remember(
            &path,
            &Remembered {
                form: FORM,
                file: stamp,
                held: held.clone(),
            },
        );
    }
    Ok(held)
}

/// Returns where it is remembered below `memory`, unless a later run could not rely on it.
fn remembered_at(memory: &Path, stamp: &Stamp) -> Option<PathBuf> {
    let (device, inode) = stamp.node();
    let name = Digest::of(format!("{device} {inode}").as_bytes());
    stamp
        .is_reliable()
        .then(|| memory.join(format!("{name}.json")))
}

fn recall(path: &Path, stamp: &Stamp) -> Option<Survey> {
    let bytes = files::read(path, LARGEST).ok()?;
    let remembered: Remembered = serde_json::from_slice(&bytes).ok()?;
    (remembered.form == FORM && remembered.file == *stamp).then_some(remembered.held)
}

fn remember(path: &Path, remembered: &Remembered) {
    let Ok(bytes) = serde_json::to_vec(remembered) else {
        return;
    };
    let Some(directory) = path.parent() else {
        return;
    };
    if atomic_file::make_directories(directory).is_ok() {
        // Without it, the bundle is read again.
        let _ = atomic_file::write(path, &bytes);
    }
}
