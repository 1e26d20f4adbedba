//! Directories of Unix systems, used by their descriptors.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::{Entry, Stamp};
use crate::util::files::Identity;

/// The permission to pass through a directory is enough to work in it; listing is not needed.
#[cfg(target_os = "linux")]
const PASS: OFlags = OFlags::PATH;
#[cfg(not(target_os = "linux"))]
const PASS: OFlags = OFlags::RDONLY;

/// A length in bytes that exceeds every file system's limit on names.
const IMPOSSIBLE: usize = 300;

/// An open directory.
#[derive(Debug)]
pub(crate) struct Directory {
    opened: File,
    pub(super) path: PathBuf,
}

pub(super) fn identity(directory: &Directory) -> Option<Identity> {
    let metadata = directory.opened.metadata().ok()?;
    Some(Identity::Node(metadata.dev(), metadata.ino()))
}

impl Directory {
    /// Opens `path`, through links.
    ///
    /// # Errors
    /// Returns the error of `open`.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let flags = PASS | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self {
            opened: rustix::fs::open(path, flags, Mode::empty())?.into(),
            path: path.to_owned(),
        })
    }

    /// Opens the directory `name` in this one.
    ///
    /// # Errors
    /// Returns the error of `openat`; a symbolic link is an error.
    pub(crate) fn enter(&self, name: &OsStr) -> io::Result<Self> {
        let flags = PASS | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(Self {
            opened: rustix::fs::openat(&self.opened, name, flags, Mode::empty())?.into(),
            path: self.path.join(name),
        })
    }

    /// Creates the directory `name` with mode 0755 whatever the umask, like the directories
    /// that git creates beside it, and opens it.
    ///
    /// # Errors
    /// Returns the error of `mkdirat`; a directory that exists already is an error.
    pub(crate) fn make(&self, name: &OsStr) -> io::Result<Self> {
        rustix::fs::mkdirat(&self.opened, name, Mode::from_raw_mode(0o755))?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let made: File = rustix::fs::openat(&self.opened, name, flags, Mode::empty())?.into();
        made.set_permissions(fs::Permissions::from_mode(0o755))?;
        self.enter(name)
    }

    /// Creates a new file for reading and writing, for this user alone.
    ///
    /// # Errors
    /// Returns the error of `openat`.
    pub(crate) fn create(&self, name: &str) -> io::Result<File> {
        let flags =
            OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(&self.opened, name, flags, Mode::RUSR | Mode::WUSR)?.into())
    }

    /// Opens a file for reading. Opening a pipe does not block.
    ///
    /// # Errors
    /// Returns the error of `openat`; a symbolic link is an error.
    pub(crate) fn read(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(&self.opened, name, flags, Mode::empty())?.into())
    }

    /// Returns the entry `name`, or `None` if it does not exist.
    ///
    /// # Errors
    /// Returns the error of `fstatat`.
    pub(crate) fn entry(&self, name: &str) -> io::Result<Option<Entry>> {
        let stat = match rustix::fs::statat(&self.opened, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let odd = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => None,
            FileType::Symlink => Some("a symbolic link"),
            FileType::Directory => Some("a directory"),
            _ => Some("a special file"),
        };
        #[allow(
            clippy::unnecessary_cast,
            clippy::cast_possible_wrap,
            clippy::cast_sign_loss,
            clippy::useless_conversion,
            reason = "the types differ between systems"
        )]
        Ok(Some(Entry {
            odd,
            stamp: Stamp {
                size: stat.st_size as u64,
                written: (stat.st_mtime as i64, stat.st_mtime_nsec as i64),
            },
            mode: u32::from(Mode::from_raw_mode(stat.st_mode).bits()) & 0o7777,
            links: stat.st_nlink as u64,
        }))
    }

    /// Returns the entry of an open file.
    ///
    /// # Errors
    /// Returns the error of `fstat`.
    pub(crate) fn entry_of(file: &File) -> io::Result<Entry> {
        let metadata = file.metadata()?;
        Ok(Entry {
            odd: (!metadata.is_file()).then_some("not a regular file"),
            stamp: Stamp {
                size: metadata.size(),
                written: (metadata.mtime(), metadata.mtime_nsec()),
            },
            mode: metadata.mode() & 0o7777,
            links: metadata.nlink(),
        })
    }

    /// Renames `from` to `to` in the directory `target`, and replaces what is there.
    ///
    /// # Errors
    /// Returns the error of `renameat`.
    pub(crate) fn rename(&self, from: &str, target: &Self, to: &str) -> io::Result<()> {
        Ok(rustix::fs::renameat(
            &self.opened,
            from,
            &target.opened,
            to,
        )?)
    }

    /// Renames `from` to `to` in the directory `target`, where `to` must not exist. A system
    /// that cannot promise that replaces what is there.
    ///
    /// # Errors
    /// Returns the error of `renameat2`.
    pub(crate) fn rename_new(&self, from: &str, target: &Self, to: &str) -> io::Result<()> {
        #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
        {
            use rustix::fs::{RenameFlags, renameat_with};
            let flags = RenameFlags::NOREPLACE;
            match renameat_with(&self.opened, from, &target.opened, to, flags) {
                Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {}
                done => return Ok(done?),
            }
        }
        self.rename(from, target, to)
    }

    /// Exchanges two names in one step.
    ///
    /// # Errors
    /// Returns the error of `renameat2`; [`io::ErrorKind::Unsupported`] if the system or the
    /// file system cannot exchange names.
    pub(crate) fn exchange(&self, from: &str, target: &Self, to: &str) -> io::Result<()> {
        #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
        {
            use rustix::fs::{RenameFlags, renameat_with};
            let flags = RenameFlags::EXCHANGE;
            match renameat_with(&self.opened, from, &target.opened, to, flags) {
                Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                    Err(io::ErrorKind::Unsupported.into())
                }
                done => Ok(done?),
            }
        }
        #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
        {
            let _ = (from, target, to);
            Err(io::ErrorKind::Unsupported.into())
        }
    }

    /// Creates a second hard link for the file `from`.
    ///
    /// # Errors
    /// Returns the error of `linkat`.
    pub(crate) fn link(&self, from: &str, target: &Self, to: &str) -> io::Result<()> {
        let flags = AtFlags::empty();
        Ok(rustix::fs::linkat(
            &self.opened,
            from,
            &target.opened,
            to,
            flags,
        )?)
    }

    /// Removes a file.
    ///
    /// # Errors
    /// Returns the error of `unlinkat`.
    pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.opened, name, AtFlags::empty())?)
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    /// Returns the error of `unlinkat`.
    pub(crate) fn remove_directory(&self, name: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(
            &self.opened,
            name,
            AtFlags::REMOVEDIR,
        )?)
    }

    /// Checks that files can be created here. The check creates no file: what a killed run left
    /// in the overlay would be shipped.
    ///
    /// # Errors
    /// Returns the error of `faccessat`.
    pub(crate) fn check_writable(&self) -> io::Result<()> {
        let access = Access::WRITE_OK | Access::EXEC_OK;
        // With a flag, this is a system call that older sandboxes forbid.
        let flags = AtFlags::empty();
        Ok(rustix::fs::accessat(&self.opened, ".", access, flags)?)
    }

    /// Checks that the file `name` could be renamed, replaced or removed. An immutable file, a
    /// sticky or append-only directory, and a mount on the file prevent that.
    ///
    /// # Errors
    /// Returns the error with which a rename would fail.
    pub(crate) fn check_replaceable(&self, name: &str) -> io::Result<()> {
        if self.is_mount(name) {
            return Err(Errno::BUSY.into());
        }
        // The kernel checks all permissions first, and only then the kind of file: a regular
        // file is not a directory that could be removed.
        match rustix::fs::unlinkat(&self.opened, name, AtFlags::REMOVEDIR) {
            Err(error @ (Errno::PERM | Errno::ACCESS | Errno::ROFS | Errno::BUSY)) => {
                Err(error.into())
            }
            _ => Ok(()),
        }
    }

    #[cfg(target_os = "linux")]
    fn is_mount(&self, name: &str) -> bool {
        use rustix::fs::{StatxAttributes, StatxFlags, statx};
        let flags = AtFlags::SYMLINK_NOFOLLOW;
        statx(&self.opened, name, flags, StatxFlags::BASIC_STATS)
            .is_ok_and(|found| found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
    }

    #[cfg(not(target_os = "linux"))]
    fn is_mount(&self, name: &str) -> bool {
        let flags = AtFlags::SYMLINK_NOFOLLOW;
        let file = rustix::fs::statat(&self.opened, name, flags).map(|stat| stat.st_dev);
        let directory = rustix::fs::fstat(&self.opened).map(|stat| stat.st_dev);
        matches!((file, directory), (Ok(file), Ok(directory)) if file != directory)
    }

    /// Whether a file can be renamed from here into `target`. Two mounts of one file system do
    /// not allow it either, so comparing device numbers is not enough: a rename is tried with
    /// names that no file can have.
    #[must_use]
    pub(crate) fn reaches(&self, target: &Self) -> bool {
        let device = |directory: &Self| directory.opened.metadata().map(|found| found.dev()).ok();
        if device(self) != device(target) {
            return false;
        }
        let name = "x".repeat(IMPOSSIBLE);
        let tried = rustix::fs::renameat(&self.opened, &name, &target.opened, &name);
        tried != Err(Errno::XDEV)
    }

    /// Returns the names in the directory.
    ///
    /// # Errors
    /// Returns the error of reading the directory.
    pub(crate) fn names(&self) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in Dir::new(self.listed()?)? {
            let name = OsStr::from_bytes(entry?.file_name().to_bytes()).to_owned();
            if name != "." && name != ".." {
                names.push(name);
            }
        }
        Ok(names)
    }

    /// Syncs renames to disk. Not every file system can do it, and correctness does not depend
    /// on it: a lost rename leaves the old file.
    pub(crate) fn sync(&self) {
        if let Ok(directory) = self.listed() {
            let _ = directory.sync_all();
        }
    }

    /// Opens the directory itself for reading.
    fn listed(&self) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(&self.opened, ".", flags, Mode::empty())?.into())
    }
}
