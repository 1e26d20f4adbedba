//! Finds the place in the lock that Palette's state differs from.

use super::Change;
use crate::diagnostic::Excerpt;
use crate::lockfile::{Lockfile, LockfileSpan};
use crate::resolve::Pack;
use crate::util::sanitize;

/// Returns the place in `lock` of the first pack of `definition` that changed.
#[must_use]
pub fn place(lock: &Lockfile, definition: &str, changes: &[Change]) -> Option<Excerpt> {
    changes.iter().find_map(|change| match change {
        Change::PackChanged { from, to, .. } => {
            let (key, now) = difference(from, to);
            let label = format!("Palette has {now}");
            lock.excerpt(definition, LockfileSpan::Pack(from, key), label)
        }
        Change::PackRemoved { pack, .. } => {
            let label = "Palette no longer has it";
            lock.excerpt(definition, LockfileSpan::Pack(pack, "name"), label)
        }
        _ => None,
    })
}

/// Returns the first key that differs, and its current value.
fn difference(from: &Pack, to: &Pack) -> (&'static str, String) {
    let shown = |text: &str| format!("`{}`", sanitize::line(text.as_bytes()));
    if from.tag != to.tag {
        ("tag", shown(&to.tag))
    } else if from.version != to.version {
        ("version", shown(&to.version))
    } else if from.digest != to.digest {
        ("digest", "another digest".to_owned())
    } else {
        ("layer", shown(&to.layer))
    }
}
