//! The copy of a checkout that a rehearsal runs in.
//!
//! Input: the checkout. Output: a directory that the build program may write to, and the path in
//! the checkout for a file that arrived. edgestage makes the copy beside the checkout, so that
//! `../x` means the same file in both. If it cannot write there, it uses the temporary directory.
//!
//! Files up to 16 MiB and the staged files are copied. Larger files are hard-linked, to save disk
//! space and time; so a build step that modifies a large file in place would modify the checkout's
//! file too. edgestage itself does not write to the checkout. Large content bundles (`*.zst`,
//! `*.tar`), large files in `build/`, and large files that cannot be linked are replaced by
//! stand-ins of a few bytes, since a `COPY` would send them to the build daemon. The digest of a
//! stand-in identifies the file that it replaces. `.git` is left out, because git commands update
//! its index.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::record::{CopiedEntry, Record};
use crate::canvos::OVERLAY_DIRECTORY;
use crate::canvos::preflight::EXPORT_DIRECTORY;
use crate::util::atomic_file::ABANDONED;
use crate::util::digest::Digest;
use crate::util::file_lock;
use crate::util::path_error::PathError;

mod copying;

pub(super) use copying::BUILT;

/// What the names of copies begin with.
const PREFIX: &str = ".edgestage-rehearsal-";
/// The directory that images of CanvOS get, in the root of a checkout.
const OVERLAY: &str = "overlay/files-iso";

/// A copy of a checkout. It is removed by `remove`, or when it is dropped.
#[derive(Debug)]
pub struct CheckoutCopy {
    path: PathBuf,
    checkout: PathBuf,
    /// Marks it as a living run's.
    _marked: Option<File>,
    /// Whether it is beside the checkout.
    pub(super) is_beside: bool,
    /// The digests of stand-ins, with what they are for.
    stand_ins: BTreeMap<Digest, PathBuf>,
    /// A file that could not be read, relative to the checkout.
    unreadable: Option<PathBuf>,
    removed: bool,
}

/// Whether `path` has the name of a copy.
fn is_copy(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().starts_with(PREFIX)
}

impl CheckoutCopy {
    /// Copies `checkout`, until `stop` says that it is not needed any more.
    ///
    /// # Errors
    /// A file that cannot be copied, such as for a full disk. Nothing is left then.
    pub(super) fn copy(
        checkout: &Path,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<Self, PathError> {
        let checkout = fs::canonicalize(checkout).map_err(PathError::when("read", checkout))?;
        let parent = checkout.parent().map(Path::to_owned).unwrap_or_default();
        sweep(&parent);
        let temporary = std::env::temp_dir();
        let (made, is_beside) = if let Ok(made) = make(&parent) {
            (made, true)
        } else {
            sweep(&temporary);
            let made = make(&temporary).map_err(PathError::when("write in", &temporary))?;
            (made, false)
        };
        let (path, marked) = made;
        let mut checkout_copy = Self {
            path,
            checkout,
            _marked: marked,
            is_beside,
            stand_ins: BTreeMap::new(),
            unreadable: None,
            removed: false,
        };
        checkout_copy.fill(stop)?;
        Ok(checkout_copy)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The name of its directory, which no other copy has.
    pub(super) fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// The file that the user cannot read, if there is one, relative to the checkout.
    pub(super) fn unreadable(&self) -> Option<String> {
        Some(self.unreadable.as_ref()?.to_string_lossy().into_owned())
    }

    /// Whether every link in the overlay on the way to a definition leads to a directory of the
    /// overlay. One that did not could have been made a directory by a copy through it.
    pub(super) fn has_good_links(&self) -> bool {
        let overlay = self.path.join(OVERLAY);
        let Ok(overlay) = overlay.canonicalize() else {
            return false;
        };
        let below = Path::new(OVERLAY_DIRECTORY).ancestors();
        let mut below = below.take_while(|path| *path != Path::new(OVERLAY));
        below.all(|path| {
            let path = self.path.join(path);
            let is_link = path.symlink_metadata().is_ok_and(|it| it.is_symlink());
            let leads_within = || {
                path.canonicalize()
                    .is_ok_and(|it| it.starts_with(&overlay) && it.is_dir())
            };
            !is_link || leads_within()
        })
    }

    /// Writes a file of its own, in place of the checkout's.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), PathError> {
        let path = self.path.join(name);
        // It may be read-only, or a link.
        let _ = fs::remove_file(&path);
        fs::write(&path, bytes).map_err(PathError::when("write", &path))
    }

    /// The files of the checkout that those of `records` are, by their digests.
    pub(super) fn origins(&self, records: &[Record]) -> BTreeMap<Digest, PathBuf> {
        let mut origins = BTreeMap::new();
        let mut wanted = BTreeMap::new();
        for record in records {
            let Ok(CopiedEntry::File { size, sha256 }) = record.copied_entry() else {
                continue;
            };
            match self.stand_ins.get(&sha256) {
                Some(path) => drop(origins.insert(sha256, path.clone())),
                None => drop(wanted.insert(sha256, size)),
            }
        }
        self.find(&self.path, &mut wanted, &mut origins);
        origins
    }

    /// Moves those of the `wanted` files, with their sizes, that are below `directory` to
    /// `found`: of several the first one, relative to the copy.
    fn find(
        &self,
        directory: &Path,
        wanted: &mut BTreeMap<Digest, u64>,
        found: &mut BTreeMap<Digest, PathBuf>,
    ) {
        let entries = fs::read_dir(directory).into_iter().flatten().flatten();
        let mut entries: Vec<_> = entries.collect();
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            if wanted.is_empty() {
                return;
            }
            let path = entry.path();
            let Ok(metadata) = entry.metadata() else {
                continue;
            };
            if metadata.is_dir() {
                self.find(&path, wanted, found);
                continue;
            }
            if !metadata.is_file() || !wanted.values().any(|size| *size == metadata.len()) {
                continue;
            }
            if let (Ok(digest), Ok(relative)) =
                (Digest::of_file(&path), path.strip_prefix(&self.path))
                && wanted.remove(&digest).is_some()
            {
                found.insert(digest, relative.to_owned());
            }
        }
    }

    /// Removes it; says whether it is gone.
    pub(super) fn remove(&mut self) -> bool {
        if !self.removed {
            self.removed = remove(&self.path);
        }
        self.removed
    }

    fn fill(&mut self, stop: &(dyn Fn() -> bool + Sync)) -> Result<(), PathError> {
        let notes = copying::copy(&self.checkout, &self.path, stop)?;
        self.stand_ins = notes.stand_ins;
        self.unreadable = notes.unreadable;
        // Directories that are written into are the user's own: what a container puts there
        // as root can be removed.
        for name in [BUILT, EXPORT_DIRECTORY] {
            let path = self.path.join(name);
            match fs::create_dir(&path) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(PathError::when("write", &path)(error));
                }
                _ => {}
            }
        }
        // Last: then nothing more is to be made in them.
        for (path, mode) in notes.closed.iter().rev() {
            let permissions = fs::Permissions::from_mode(*mode);
            let _ = fs::set_permissions(self.path.join(path), permissions);
        }
        Ok(())
    }
}

impl Drop for CheckoutCopy {
    fn drop(&mut self) {
        self.remove();
    }
}

/// An empty directory in `parent` for a copy.
///
/// A run that begins at the same moment may take the directory for one that a killed run left,
/// and remove it before it is marked: then there is another one.
fn make(parent: &Path) -> io::Result<(PathBuf, Option<File>)> {
    loop {
        let made = tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent)?;
        let path = made.keep();
        match File::open(&path) {
            Ok(file) if file_lock::mark(&file, &path) => return Ok((path, Some(file))),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Ok((path, None)),
            Ok(_) | Err(_) => {}
        }
    }
}

/// Removes copies in `parent` that killed runs left. Each is locked until it is gone: a run that
/// has just made it waits in `make`, and then sees that it is gone.
fn sweep(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if !is_directory || !is_copy(&path) {
            continue;
        }
        let Ok(directory) = File::open(&path) else {
            continue;
        };
        if file_lock::is_dead(&directory, ABANDONED) {
            remove(&path);
        }
    }
}

/// Removes a copy, closed directories too.
fn remove(path: &Path) -> bool {
    if fs::remove_dir_all(path).is_ok() {
        return true;
    }
    open_directories(path);
    let removed = fs::remove_dir_all(path);
    removed.is_ok() || path.symlink_metadata().is_err()
}

fn open_directories(path: &Path) {
    let _ = fs::set_permissions(path, fs::Permissions::from_mode(0o700));
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            open_directories(&entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::copying::LARGE;
    use super::*;
    use std::os::unix::fs::{MetadataExt as _, symlink};

    fn go_on() -> bool {
        false
    }

    fn site() -> (tempfile::TempDir, PathBuf) {
        let site = tempfile::tempdir().unwrap();
        let checkout = site.path().join("CanvOS");
        for directory in [".git", "build", "overlay/files-iso", "content-a"] {
            fs::create_dir_all(checkout.join(directory)).unwrap();
        }
        fs::write(checkout.join("Earthfile"), "VERSION 0.6\n").unwrap();
        fs::write(checkout.join(".git/index"), "index").unwrap();
        (site, checkout)
    }

    fn large(path: &Path) {
        File::create(path).unwrap().set_len(LARGE + 1).unwrap();
    }

    #[test]
    fn a_copy_has_what_a_build_looks_at_and_shares_no_small_file() {
        let (_site, checkout) = site();
        symlink("b.tgz", checkout.join("link.tgz")).unwrap();
        symlink("/nonexistent", checkout.join("dangling")).unwrap();
        large(&checkout.join("content-a/bundle.zst"));
        large(&checkout.join("build/old.iso"));
        large(&checkout.join("big.bin"));
        large(&checkout.join("spc.tgz"));
        let script = checkout.join("earthly.sh");
        fs::write(&script, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        let mut checkout_copy = CheckoutCopy::copy(&checkout, &go_on).unwrap();
        let copy = checkout_copy.path().to_owned();
        assert!(checkout_copy.is_beside);
        assert_eq!(copy.parent(), checkout.parent());
        assert!(!copy.join(".git").exists());
        assert_eq!(
            fs::read_link(copy.join("link.tgz")).unwrap(),
            Path::new("b.tgz")
        );
        assert!(
            copy.join("dangling")
                .symlink_metadata()
                .unwrap()
                .is_symlink()
        );
        let mode = copy.join("earthly.sh").metadata().unwrap().mode();
        assert_eq!(mode & 0o777, 0o755);
        let number = |path: &Path| path.metadata().unwrap().ino();
        let same = |name: &str| number(&copy.join(name)) == number(&checkout.join(name));
        assert!(same("big.bin"));
        for name in ["Earthfile", "spc.tgz", "earthly.sh"] {
            assert!(!same(name), "{name}");
        }
        for name in ["content-a/bundle.zst", "build/old.iso"] {
            let text = fs::read(copy.join(name)).unwrap();
            let stand_in = checkout_copy.stand_ins.get(&Digest::of(&text));
            assert_eq!(stand_in.map(PathBuf::as_path), Some(Path::new(name)));
        }
        assert_eq!(copy.join("spc.tgz").metadata().unwrap().len(), LARGE + 1);
        assert!(checkout_copy.remove());
        assert!(!copy.exists());
        assert!(checkout.join("big.bin").exists());
    }

    #[test]
    fn a_closed_directory_stays_closed_and_goes_all_the_same() {
        let (_site, checkout) = site();
        let closed = checkout.join("closed");
        fs::create_dir(&closed).unwrap();
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o500)).unwrap();
        let mut checkout_copy = CheckoutCopy::copy(&checkout, &go_on).unwrap();
        let mode = checkout_copy
            .path()
            .join("closed")
            .metadata()
            .unwrap()
            .mode();
        assert_eq!(mode & 0o777, 0o500);
        assert!(checkout_copy.remove());
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    }

    #[test]
    fn what_a_killed_run_left_goes_and_a_living_one_stays() {
        let (site, checkout) = site();
        let left = site.path().join(".edgestage-rehearsal-abcdef");
        fs::create_dir_all(left.join("overlay")).unwrap();
        let first = CheckoutCopy::copy(&checkout, &go_on).unwrap();
        assert!(!left.exists());
        let second = CheckoutCopy::copy(&checkout, &go_on).unwrap();
        assert!(first.path().exists());
        assert_ne!(first.path(), second.path());
    }

    /// A run that made it at that moment waits, and does not take it for its own.
    #[test]
    fn a_dead_copy_is_locked_until_it_is_gone() {
        // The removal may be over before this thread looks.
        assert!((0..20).find_map(|_| is_locked_while_it_is_removed()) == Some(true));
    }

    fn is_locked_while_it_is_removed() -> Option<bool> {
        const FILES: usize = 5000;
        let parent = tempfile::tempdir().unwrap();
        let left = parent.path().join(".edgestage-rehearsal-abcdef");
        fs::create_dir(&left).unwrap();
        for file in 0..FILES {
            File::create(left.join(file.to_string())).unwrap();
        }
        let other = File::open(&left).unwrap();
        let count = || fs::read_dir(&left).map_or(0, Iterator::count);
        std::thread::scope(|scope| {
            scope.spawn(|| sweep(parent.path()));
            while count() == FILES {}
            let is_locked = other.try_lock().is_err();
            (count() > 0).then_some(is_locked)
        })
    }

    #[test]
    fn a_run_that_is_stopped_copies_no_more() {
        let (_site, checkout) = site();
        let checkout_copy = CheckoutCopy::copy(&checkout, &|| true).unwrap();
        assert!(!checkout_copy.path().join("Earthfile").exists());
    }

    #[test]
    fn a_file_is_found_by_its_bytes() {
        let (_site, checkout) = site();
        fs::write(checkout.join("content-a/x.tgz"), "definition").unwrap();
        let checkout_copy = CheckoutCopy::copy(&checkout, &go_on).unwrap();
        let sha256 = Digest::of(b"definition");
        let other = Digest::of(b"other");
        let mut wanted = BTreeMap::from([(sha256, 10), (other, 10)]);
        let mut found = BTreeMap::new();
        checkout_copy.find(checkout_copy.path(), &mut wanted, &mut found);
        let expected = BTreeMap::from([(sha256, PathBuf::from("content-a/x.tgz"))]);
        assert_eq!(found, expected);
        assert_eq!(wanted, BTreeMap::from([(other, 10)]));
    }
}
