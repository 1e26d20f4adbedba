//! Copies the files of a checkout, several at the same time.
//!
//! Input: the checkout and an empty directory. Output: the filled directory, and [`Notes`] about
//! stand-ins and files that could not be read.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::canvos::Placement;
use crate::canvos::preflight::EXPORT_DIRECTORY;
use crate::util::digest::Digest;
use crate::util::files;
use crate::util::path_error::PathError;
use crate::util::sync::lock;

/// A file larger than this, in bytes, is linked or replaced by a stand-in unless it is staged.
pub(super) const LARGE: u64 = 16 << 20;
/// How many files are copied at once, at most.
const COPIERS: usize = 8;
/// How many files may wait to be copied.
const WAITING: usize = 4096;
/// What is left out, in the root of a checkout: git would update its index, and a record that
/// lies there already is not one of this rehearsal.
const OMITTED: [&str; 2] = [".git", EXPORT_DIRECTORY];
/// How the names of bundles and archives end that a build sends to its daemon.
const BUNDLES: [&str; 2] = ["zst", "tar"];
/// Where built images are, in the root of a checkout.
pub(in crate::canvos::rehearsal) const BUILT: &str = "build";

/// Copies all of `from` into the empty directory `to`, until `stop` says that it is not
/// needed any more.
pub(super) fn copy(
    from: &Path,
    to: &Path,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<Notes, PathError> {
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let copying = Copying {
        from,
        to,
        stop,
        failed: AtomicBool::new(false),
        error: Mutex::new(None),
        notes: Mutex::new(Notes::default()),
    };
    let (sender, receiver) = sync_channel(WAITING);
    let receiver = Mutex::new(receiver);
    thread::scope(|scope| {
        let sender = sender;
        let mut threads = 0;
        for _ in 0..workers.min(COPIERS) {
            let work = || copying.work(&receiver);
            threads += usize::from(thread::Builder::new().spawn_scoped(scope, work).is_ok());
        }
        if threads == 0 {
            // No threads can be had: the walk copies by itself.
            copying.walk(Path::new(""), None);
        } else {
            copying.walk(Path::new(""), Some(&sender));
        }
    });
    let error = copying.error.into_inner();
    if let Some(error) = error.unwrap_or_else(PoisonError::into_inner) {
        return Err(error);
    }
    let notes = copying.notes.into_inner();
    Ok(notes.unwrap_or_else(PoisonError::into_inner))
}

/// A copying under way.
struct Copying<'a> {
    from: &'a Path,
    to: &'a Path,
    stop: &'a (dyn Fn() -> bool + Sync),
    failed: AtomicBool,
    error: Mutex<Option<PathError>>,
    notes: Mutex<Notes>,
}

/// What is worth knowing of a copy.
#[derive(Default)]
pub(super) struct Notes {
    /// The digests of stand-ins, with what they are for.
    pub stand_ins: BTreeMap<Digest, PathBuf>,
    /// A file that could not be read.
    pub unreadable: Option<PathBuf>,
    /// Directories that get their mode in the end.
    pub closed: Vec<(PathBuf, u32)>,
}

impl Copying<'_> {
    fn ended(&self) -> bool {
        self.failed.load(Ordering::Relaxed) || (self.stop)()
    }

    fn fail(&self, error: PathError) {
        self.failed.store(true, Ordering::Relaxed);
        let mut first = lock(&self.error);
        first.get_or_insert(error);
    }

    fn note(&self, take: impl FnOnce(&mut Notes)) {
        take(&mut lock(&self.notes));
    }

    fn work(&self, receiver: &Mutex<Receiver<(PathBuf, Metadata)>>) {
        loop {
            let next = {
                let receiver = lock(receiver);
                receiver.recv()
            };
            let Ok((path, metadata)) = next else { return };
            if !self.ended() {
                self.entry(&path, &metadata);
            }
        }
    }

    /// Makes the directories below `directory`, and hands the files on.
    fn walk(&self, directory: &Path, files: Option<&SyncSender<(PathBuf, Metadata)>>) {
        let from = self.from.join(directory);
        let entries = match fs::read_dir(&from) {
            Ok(entries) => entries,
            // The program cannot read it either.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return,
            // Removed just now.
            Err(error) if files::is_absent(&error) => return,
            Err(error) => return self.fail(PathError::when("read", &from)(error)),
        };
        for entry in entries {
            if self.ended() {
                return;
            }
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => return self.fail(PathError::when("read", &from)(error)),
            };
            let name = entry.file_name();
            if directory.as_os_str().is_empty() && OMITTED.iter().any(|omitted| name == *omitted) {
                continue;
            }
            let path = directory.join(name);
            let Ok(metadata) = entry.metadata() else {
                continue;
            };
            if metadata.is_dir() {
                self.directory(&path, &metadata);
                self.walk(&path, files);
            } else if let Some(files) = files {
                if files.send((path, metadata)).is_err() {
                    return;
                }
            } else {
                self.entry(&path, &metadata);
            }
        }
    }

    fn directory(&self, path: &Path, metadata: &Metadata) {
        let to = self.to.join(path);
        if let Err(error) = fs::create_dir(&to) {
            return self.fail(PathError::when("write", &to)(error));
        }
        let mode = metadata.permissions().mode() & 0o7777;
        self.note(|notes| notes.closed.push((path.to_owned(), mode)));
    }

    fn entry(&self, path: &Path, metadata: &Metadata) {
        let (from, to) = (self.from.join(path), self.to.join(path));
        let kind = metadata.file_type();
        let copied = if kind.is_symlink() {
            fs::read_link(&from).and_then(|target| std::os::unix::fs::symlink(target, &to))
        } else if kind.is_file() {
            self.file(path, metadata)
        } else {
            // A socket, a pipe or a device: for the programs they are empty files.
            File::create(&to).map(drop)
        };
        match copied {
            Ok(()) => {}
            Err(error) if files::is_absent(&error) && from.symlink_metadata().is_err() => {}
            Err(error) => self.fail(PathError::when("copy", &from)(error)),
        }
    }

    fn file(&self, path: &Path, metadata: &Metadata) -> io::Result<()> {
        let (from, to) = (&self.from.join(path), &self.to.join(path));
        let is_staged = Placement::ALL.iter().any(|it| path == Path::new(it.path()));
        if metadata.len() > LARGE && !is_staged {
            return if !is_sent(path) && fs::hard_link(from, to).is_ok() {
                Ok(())
            } else {
                self.stand_in(path, to)
            };
        }
        match fs::copy(from, to) {
            Ok(_) => Ok(()),
            Err(error)
                if error.kind() == io::ErrorKind::PermissionDenied
                    && files::try_open(from).is_err() =>
            {
                let _ = fs::remove_file(to);
                let file = File::create(to)?;
                file.set_permissions(fs::Permissions::from_mode(0o0))?;
                self.note(|notes| {
                    notes.unreadable.get_or_insert(path.to_owned());
                });
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// A small file in place of a large one that may be sent to a build daemon.
    fn stand_in(&self, path: &Path, to: &Path) -> io::Result<()> {
        let mut text = b"edgestage rehearsal: in place of ".to_vec();
        text.extend(path.as_os_str().as_encoded_bytes());
        File::create(to)?.write_all(&text)?;
        let digest = Digest::of(&text);
        self.note(|notes| drop(notes.stand_ins.insert(digest, path.to_owned())));
        Ok(())
    }
}

/// Whether a file should not be sent to a build daemon without need.
fn is_sent(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default();
    path.starts_with(BUILT) || BUNDLES.contains(&extension)
}
