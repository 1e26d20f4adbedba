//! Directories of systems without directory descriptors. They are used by their paths, which
//! gives weaker guarantees.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::{Entry, Stamp};
use crate::util::files::Identity;

/// A directory.
#[derive(Debug)]
pub struct Directory {
    pub(super) path: PathBuf,
}

pub(super) fn identity(directory: &Directory) -> Option<Identity> {
    Some(Identity::of(&directory.path))
}

fn entry(metadata: &fs::Metadata) -> Entry {
    let odd = if metadata.is_symlink() {
        Some("a symbolic link")
    } else if metadata.is_dir() {
        Some("a directory")
    } else if metadata.is_file() {
        None
    } else {
        Some("a special file")
    };
    let written = metadata.modified().ok();
    let written = written.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let written = written.unwrap_or_default();
    Entry {
        odd,
        stamp: Stamp {
            size: metadata.len(),
            written: (
                written.as_secs().cast_signed(),
                written.subsec_nanos().into(),
            ),
        },
        mode: 0o644,
        links: 1,
    }
}

#[allow(missing_docs, clippy::missing_errors_doc, reason = "see `descriptor`")]
impl Directory {
    pub fn open(path: &Path) -> io::Result<Self> {
        match fs::metadata(path)?.is_dir() {
            true => Ok(Self {
                path: path.to_owned(),
            }),
            false => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    pub fn enter(&self, name: &OsStr) -> io::Result<Self> {
        let path = self.path.join(name);
        match fs::symlink_metadata(&path)?.is_dir() {
            true => Ok(Self { path }),
            false => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    pub fn make(&self, name: &OsStr) -> io::Result<Self> {
        fs::create_dir(self.path.join(name))?;
        self.enter(name)
    }

    pub fn create(&self, name: &str) -> io::Result<File> {
        let mut options = File::options();
        options.read(true).write(true).create_new(true);
        options.open(self.file(name))
    }

    pub fn read(&self, name: &str) -> io::Result<File> {
        File::open(self.file(name))
    }

    pub fn entry(&self, name: &str) -> io::Result<Option<Entry>> {
        match fs::symlink_metadata(self.file(name)) {
            Ok(metadata) => Ok(Some(entry(&metadata))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub fn entry_of(file: &File) -> io::Result<Entry> {
        Ok(entry(&file.metadata()?))
    }

    pub fn rename(&self, from: &str, target: &Self, to: &str) -> io::Result<()> {
        fs::rename(self.file(from), target.file(to))
    }

    pub fn rename_new(&self, from: &str, target: &Self, to: &str) -> io::Result<()> {
        self.rename(from, target, to)
    }

    pub fn exchange(&self, _: &str, _: &Self, _: &str) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub fn link(&self, from: &str, target: &Self, to: &str) -> io::Result<()> {
        fs::hard_link(self.file(from), target.file(to))
    }

    pub fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.file(name))
    }

    pub fn remove_directory(&self, name: &OsStr) -> io::Result<()> {
        fs::remove_dir(self.path.join(name))
    }

    pub fn check_writable(&self) -> io::Result<()> {
        Ok(())
    }

    pub fn check_replaceable(&self, _: &str) -> io::Result<()> {
        Ok(())
    }

    #[must_use]
    pub fn reaches(&self, _: &Self) -> bool {
        true
    }

    pub fn names(&self) -> io::Result<Vec<OsString>> {
        fs::read_dir(&self.path)?
            .map(|entry| Ok(entry?.file_name()))
            .collect()
    }

    pub fn sync(&self) {}
}
