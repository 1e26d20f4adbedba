//! Opening the directory of a placement from the checkout, without following links.

use std::io;
use std::path::{Path, PathBuf};

use super::CanvosError;
use super::directory::Directory;
use crate::util::path_error::PathError;

/// Opens the directory `relative` of `checkout`; returns `None` if it or a parent is missing.
///
/// # Errors
/// [`CanvosError::Blocked`]: a link on the way would be copied into the image as a link
/// (canvos.md, T8), and would lead the staged file elsewhere.
pub(super) fn open(
    checkout: &Directory,
    relative: &Path,
) -> Result<Option<Directory>, CanvosError> {
    walk(checkout, relative, |_, _| Ok(None))
}

/// Does the same as [`open`], and creates missing directories.
///
/// # Errors
/// [`CanvosError::Blocked`], and an error if a directory cannot be created.
pub(super) fn make(checkout: &Directory, relative: &Path) -> Result<Directory, CanvosError> {
    let made = walk(checkout, relative, |directory, name| {
        let path = directory.path().join(name);
        let made = match directory.make(name.as_ref()) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                directory.enter(name.as_ref())
            }
            made => made,
        };
        Ok(Some(made.map_err(PathError::when("create", &path))?))
    });
    made?.ok_or_else(|| CanvosError::Missing(checkout.path().join(relative)))
}

/// What to do about a missing directory.
type Missing = fn(&Directory, &Path) -> Result<Option<Directory>, CanvosError>;

fn walk(
    checkout: &Directory,
    relative: &Path,
    missing: Missing,
) -> Result<Option<Directory>, CanvosError> {
    let failed = |path: &Path, error| CanvosError::from(PathError::when("read", path)(error));
    let mut at = checkout
        .again()
        .map_err(|error| failed(checkout.path(), error))?;
    let mut told = PathBuf::new();
    for name in relative {
        told.push(name);
        let path = checkout.path().join(&told);
        let next = match at.enter(name) {
            Ok(next) => Some(next),
            Err(error) if error.kind() == io::ErrorKind::NotFound => missing(&at, Path::new(name))?,
            Err(error) => match name.to_str().map(|name| at.entry(name)) {
                Some(Ok(Some(entry))) if entry.odd != Some("a directory") => {
                    return Err(CanvosError::Blocked {
                        path: told,
                        kind: match entry.odd {
                            Some(kind @ "a symbolic link") => kind,
                            _ => "not a directory",
                        },
                    });
                }
                _ => return Err(failed(&path, error)),
            },
        };
        match next {
            Some(next) => at = next,
            None => return Ok(None),
        }
    }
    Ok(Some(at))
}
