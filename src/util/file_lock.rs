//! Advisory file locks with a time-out, so that one run at a time changes a file.
//!
//! The kernel owns the lock (`flock`). The lock ends with the process that holds it, however
//! the process ends, so a dead run never holds a lock. The holder writes its identity into the
//! file for the runs that wait. On NFS, Linux turns these locks into byte-range locks, which
//! all clients see unless the file system is mounted with `nolock`. On a file system without
//! locks, the run continues and is notified; its files still appear by rename.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;

use crate::util::files;
use crate::util::path_error::PathError;
use crate::util::sanitize;

/// The interval between two attempts to take a lock that another run holds. A blocking call
/// would be woken by the kernel, but has no time-out.
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// The maximum number of bytes that are read of a holder's identity.
const HOLDER: u64 = 200;
/// The name of a holder that does not identify itself.
const UNKNOWN: &str = "another edgestage";

/// An event while a lock is being taken.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// Another run holds the lock, and this run waits; contains the name of the holder.
    Waits(&'a str),
    /// The file system does not support locks; contains the reason.
    NoLocks(&'a str),
}

/// The name of the run that wants a lock, and how long it waits.
pub struct LockOptions<'a> {
    /// The name that other runs see, such as `edgestage stage factory`.
    pub who: &'a str,
    /// How long to wait for another run.
    pub timeout: Duration,
    /// Called at most once for each event.
    pub tell: &'a dyn Fn(Event<'_>),
}

/// Why a lock could not be taken.
#[derive(Debug)]
pub enum FileLockError {
    /// Another run still holds the lock.
    Busy {
        /// The name of the run that holds the lock.
        holder: String,
        /// How long this run waited.
        waited: Duration,
    },
    /// The file cannot be created or opened.
    Io(PathError),
}

impl From<PathError> for FileLockError {
    fn from(error: PathError) -> Self {
        Self::Io(error)
    }
}

/// A file lock, which is held until this value is dropped.
#[derive(Debug)]
pub struct FileLock {
    /// The locked file; `None` if the file system does not support locks.
    file: Option<File>,
    kind: LockKind,
}

#[derive(Debug)]
enum LockKind {
    /// A file of edgestage that stays.
    Own,
    /// A file of edgestage that is removed when the lock ends.
    Claim(PathBuf),
    /// A file with another purpose, which is never changed.
    Foreign,
}

/// Locks `path`, a file whose only purpose is this lock.
///
/// # Errors
/// Returns [`FileLockError`] if the lock cannot be taken.
pub(crate) fn lock_own_file(
    path: &Path,
    lock_options: &LockOptions<'_>,
) -> Result<FileLock, FileLockError> {
    take(path, LockKind::Own, lock_options)
}

/// Locks `path`, a file that exists only while a run holds the lock.
///
/// # Errors
/// Returns [`FileLockError`] if the lock cannot be taken.
pub(crate) fn claim(
    path: &Path,
    lock_options: &LockOptions<'_>,
) -> Result<FileLock, FileLockError> {
    take(path, LockKind::Claim(path.to_owned()), lock_options)
}

/// Locks `path`, an existing file that has another purpose.
///
/// # Errors
/// Returns [`FileLockError`] if the lock cannot be taken.
pub(crate) fn lock_existing(
    path: &Path,
    lock_options: &LockOptions<'_>,
) -> Result<FileLock, FileLockError> {
    take(path, LockKind::Foreign, lock_options)
}

fn take(
    path: &Path,
    kind: LockKind,
    lock_options: &LockOptions<'_>,
) -> Result<FileLock, FileLockError> {
    take_by(File::try_lock, path, kind, lock_options)
}

/// The function that locks a file: the kernel's, or that of a test.
type TryLock = fn(&File) -> Result<(), TryLockError>;

fn take_by(
    try_lock: TryLock,
    path: &Path,
    kind: LockKind,
    lock_options: &LockOptions<'_>,
) -> Result<FileLock, FileLockError> {
    let mut wait = Wait {
        try_lock,
        lock_options,
        start: Instant::now(),
        told: false,
    };
    let mut options = File::options();
    options.read(true);
    wait_for_nobody(&mut options, &kind);
    if !matches!(kind, LockKind::Foreign) {
        options.write(true).create(true).truncate(false);
        write_alone(&mut options);
    }
    let file = loop {
        let file = options.open(path).map_err(PathError::when("open", path))?;
        files::check_is_file(&file).map_err(PathError::when("open", path))?;
        match wait.lock(&file) {
            Ok(()) if is_at(&file, path) => break Some(file),
            // The previous holder has removed the file.
            Ok(()) => {}
            Err(Refused::Busy(error)) => return Err(error),
            // NFS grants an exclusive lock only on a file that is open for writing.
            Err(Refused::NoLocks(Errno::BADF)) if matches!(kind, LockKind::Foreign) => {
                if File::options().write(true).open(path).is_err() {
                    (lock_options.tell)(Event::NoLocks("the file is read-only"));
                    break None;
                }
                options.write(true);
            }
            Err(Refused::NoLocks(error)) => {
                (lock_options.tell)(Event::NoLocks(&sanitize::io(&error.into())));
                break None;
            }
        }
    };
    let mut hold = FileLock { file, kind };
    hold.sign(lock_options.who);
    Ok(hold)
}

enum Refused {
    Busy(FileLockError),
    NoLocks(Errno),
}

struct Wait<'a> {
    try_lock: TryLock,
    lock_options: &'a LockOptions<'a>,
    start: Instant,
    told: bool,
}

impl Wait<'_> {
    fn lock(&mut self, file: &File) -> Result<(), Refused> {
        loop {
            match (self.try_lock)(file) {
                Ok(()) => return Ok(()),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(TryLockError::Error(error)) => {
                    let errno = Errno::from_io_error(&error).unwrap_or(Errno::NOLCK);
                    return Err(Refused::NoLocks(errno));
                }
            }
            let waited = self.start.elapsed();
            if waited >= self.lock_options.timeout {
                return Err(Refused::Busy(FileLockError::Busy {
                    holder: holder(file),
                    waited,
                }));
            }
            if !self.told {
                self.told = true;
                (self.lock_options.tell)(Event::Waits(&holder(file)));
            }
            thread::sleep(POLL_INTERVAL.min(self.lock_options.timeout.saturating_sub(waited)));
        }
    }
}

/// Returns the identity that the holder of `file` wrote into it.
fn holder(mut file: &File) -> String {
    let mut text = Vec::new();
    let _ = file.rewind();
    let _ = file.take(HOLDER).read_to_end(&mut text);
    let text = sanitize::line(text.trim_ascii());
    if text.starts_with("edgestage ") {
        text
    } else {
        UNKNOWN.to_owned()
    }
}

impl FileLock {
    /// Writes the identity of the holder into the file. Best effort, since only people read it.
    fn sign(&mut self, who: &str) {
        if let (Some(file), LockKind::Own | LockKind::Claim(_)) = (&mut self.file, &self.kind) {
            let host = rustix::system::uname();
            let host = sanitize::excerpt(host.nodename().to_bytes(), 60);
            let text = format!("{who}, process {} on {host}\n", std::process::id());
            let _ = file
                .set_len(0)
                .and_then(|()| file.rewind())
                .and_then(|()| file.write_all(text.as_bytes()));
        }
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        let Some(file) = &self.file else { return };
        match &self.kind {
            // The file is removed while it is locked, so that a waiting run notices that it is
            // gone.
            LockKind::Claim(path) => drop(fs::remove_file(path)),
            LockKind::Own => drop(file.set_len(0)),
            LockKind::Foreign => {}
        }
    }
}

/// Opens a pipe without waiting for its other end; the pipe is refused afterwards.
#[cfg(unix)]
fn wait_for_nobody(options: &mut fs::OpenOptions, kind: &LockKind) {
    use rustix::fs::OFlags;
    use std::os::unix::fs::OpenOptionsExt as _;
    let flags = match kind {
        LockKind::Foreign => OFlags::NONBLOCK,
        // The holder writes its identity into the file; behind a symbolic link, it would write
        // into a foreign file.
        LockKind::Own | LockKind::Claim(_) => OFlags::NONBLOCK | OFlags::NOFOLLOW,
    };
    options.custom_flags(flags.bits().cast_signed());
}

#[cfg(not(unix))]
fn wait_for_nobody(_: &mut fs::OpenOptions, _: &LockKind) {}

/// Ensures that no other user can write a file that this creates, whatever the umask.
#[cfg(unix)]
fn write_alone(options: &mut fs::OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt as _;
    options.mode(0o644);
}

#[cfg(not(unix))]
fn write_alone(_: &mut fs::OpenOptions) {}

/// Returns whether `path` still leads to the opened file.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    match (file.metadata(), fs::metadata(path)) {
        (Ok(opened), Ok(there)) => (opened.dev(), opened.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}

/// Marks `file`, which was just created at `path`, as belonging to a living run, so that
/// [`remove_if_dead`] keeps it. On a file system without locks, the age of the file decides.
/// Returns whether the file still exists: another run may have removed it as abandoned in
/// between.
#[must_use]
pub(crate) fn mark(file: &File, path: &Path) -> bool {
    file.lock().is_err() || is_at(file, path)
}

/// Removes the regular file `path` if the run that marked it is dead. If that cannot be
/// determined, removes it if nobody has written it for `age`. Best effort: a file that cannot
/// be removed does no harm.
pub(crate) fn remove_if_dead(path: &Path, age: Duration) {
    let Ok(metadata) = fs::symlink_metadata(path) else {
        return;
    };
    if !metadata.is_file() {
        return;
    }
    let Ok(file) = File::open(path) else { return };
    if is_dead(&file, age) && is_at(&file, path) {
        let _ = fs::remove_file(path);
    }
}

/// Returns whether the run that marked `file` is dead or, if that cannot be determined, whether
/// nobody has written the file for `age`. If so, the file stays marked while `file` is open.
#[must_use]
pub(crate) fn is_dead(file: &File, age: Duration) -> bool {
    match file.try_lock() {
        Ok(()) => true,
        Err(TryLockError::WouldBlock) => false,
        Err(TryLockError::Error(_)) => file
            .metadata()
            .and_then(|metadata| metadata.modified())
            .is_ok_and(|written| written.elapsed().is_ok_and(|since| since >= age)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    fn now(tell: &dyn Fn(Event<'_>)) -> LockOptions<'_> {
        LockOptions {
            who: "edgestage test",
            timeout: Duration::ZERO,
            tell,
        }
    }

    #[test]
    fn the_second_is_told_who_has_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        let silent = |_: Event<'_>| {};
        let first = lock_own_file(&path, &now(&silent)).unwrap();
        let told = RefCell::new(Vec::new());
        let tell = |event: Event<'_>| told.borrow_mut().push(format!("{event:?}"));
        let lock_options = LockOptions {
            timeout: Duration::from_millis(1),
            ..now(&tell)
        };
        let Err(FileLockError::Busy { holder, .. }) = lock_own_file(&path, &lock_options) else {
            panic!("both have it");
        };
        let me = format!("edgestage test, process {}", std::process::id());
        assert!(holder.starts_with(&me), "{holder}");
        assert_eq!(told.borrow().len(), 1, "{told:?}");
        drop(first);
        lock_own_file(&path, &now(&silent)).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"");
    }

    #[test]
    fn a_claim_goes_with_its_holder() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("claim");
        let silent = |_: Event<'_>| {};
        let first = claim(&path, &now(&silent)).unwrap();
        thread::scope(|scope| {
            let second = scope.spawn(|| {
                let lock_options = LockOptions {
                    timeout: Duration::from_secs(60),
                    ..now(&|_| {})
                };
                claim(&path, &lock_options).unwrap()
            });
            thread::sleep(POLL_INTERVAL * 2);
            drop(first);
            let second = second.join().unwrap();
            assert!(path.exists(), "the second has a file that others see");
            assert!(matches!(
                claim(&path, &now(&silent)),
                Err(FileLockError::Busy { .. })
            ));
            drop(second);
        });
        assert!(!path.exists());
    }

    /// Tests a file system without locks, and NFS, on which a file must be open for writing.
    #[test]
    fn without_locks_it_goes_on_and_says_so() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        fs::write(&path, "text").unwrap();
        let told = RefCell::new(Vec::new());
        let tell = |event: Event<'_>| told.borrow_mut().push(format!("{event:?}"));
        let none = |_: &File| Err(TryLockError::Error(Errno::NOLCK.into()));
        let hold = take_by(none, &path, LockKind::Foreign, &now(&tell)).unwrap();
        assert!(hold.file.is_none());
        assert_eq!(told.take(), ["NoLocks(\"no locks available\")"]);

        let nfs = |mut file: &File| match file.write(b"") {
            Ok(_) => Ok(()),
            Err(error) => Err(TryLockError::Error(error)),
        };
        let hold = take_by(nfs, &path, LockKind::Foreign, &now(&tell)).unwrap();
        assert!(hold.file.is_some() && told.borrow().is_empty());
        assert_eq!(fs::read(&path).unwrap(), b"text");
    }

    #[test]
    fn a_foreign_file_keeps_its_bytes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        fs::write(&path, "text").unwrap();
        let silent = |_: Event<'_>| {};
        let hold = lock_existing(&path, &now(&silent)).unwrap();
        let Err(FileLockError::Busy { holder, .. }) = lock_existing(&path, &now(&silent)) else {
            panic!("both have it");
        };
        assert_eq!(holder, UNKNOWN);
        drop(hold);
        assert_eq!(fs::read(&path).unwrap(), b"text");
    }

    #[test]
    fn only_the_dead_are_removed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("temporary");
        let file = File::create(&path).unwrap();
        assert!(mark(&file, &path));
        remove_if_dead(&path, Duration::ZERO);
        assert!(path.exists());
        drop(file);
        remove_if_dead(&path, Duration::MAX);
        assert!(!path.exists());
        // A file that was removed in between must not be written.
        let file = File::create(&path).unwrap();
        fs::remove_file(&path).unwrap();
        assert!(!mark(&file, &path));
        // Symbolic links are never temporary files.
        std::os::unix::fs::symlink("nowhere", &path).unwrap();
        remove_if_dead(&path, Duration::ZERO);
        assert!(fs::symlink_metadata(&path).is_ok());
    }
}
