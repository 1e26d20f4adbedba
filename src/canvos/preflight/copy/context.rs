//! The build context: the part of a checkout that is sent to a build for one COPY.
//!
//! The input is the checkout and the patterns of what is wanted and what is excluded. The
//! output is the directories as they arrive. Earthly walks the whole checkout; here, a
//! directory is read only when it is needed and something in it could be sent. Links are sent
//! as links, and their targets only if the patterns select those too. Nothing is written, no
//! file is opened, and a walk ends after [`ENTRIES`].

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs::FileType;
use std::io;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use crate::canvos::preflight::ignore::{Ignore, Matched, Patterns, decode};

/// The number of files and directories that a walk visits.
const ENTRIES: usize = 100_000;
/// The number of links that are followed, as in `BuildKit`.
const LINKS: usize = 255;

/// Why a context cannot be sent, or cannot be determined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stop {
    /// Go refuses the pattern of what is wanted.
    BadPattern,
    /// Go refuses the ignore rule at this index.
    BadRule(usize),
    /// A directory that is wanted cannot be read.
    Closed(String),
    /// Links form a cycle.
    Circle(String),
    /// There are too many entries.
    TooMany,
}

/// The kind of an entry of the context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A directory.
    Directory,
    /// A regular file.
    File,
    /// A symbolic link.
    Link,
    /// A socket, which arrives as an empty file.
    Socket,
    /// A pipe or a device.
    Special,
}

impl Kind {
    fn of(kind: FileType) -> Self {
        if kind.is_dir() {
            Self::Directory
        } else if kind.is_symlink() {
            Self::Link
        } else if kind.is_file() {
            Self::File
        } else if kind.is_socket() {
            Self::Socket
        } else {
            Self::Special
        }
    }
}

/// A file or directory of the checkout, with the result of the patterns.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// The path relative to the checkout; empty for the checkout itself.
    pub path: String,
    /// The path on this machine.
    pub real: PathBuf,
    /// The kind of entry.
    pub kind: Kind,
    /// Whether the patterns select the entry itself. A directory is also sent if something in
    /// it is.
    visible: bool,
    /// Whether the file will exist only after staging.
    pub staged: bool,
    wanted: Matched,
    ignored: Matched,
}

/// An entry found in a directory of the checkout.
struct Found {
    real: PathBuf,
    kind: Kind,
    staged: bool,
}

/// The context of one COPY.
pub(super) struct BuildContext<'a> {
    directory: &'a Path,
    wanted: &'a Patterns,
    ignore: &'a Ignore,
    /// The paths that count as regular files, whether they exist or not.
    staged: &'a [&'a str],
    left: Cell<usize>,
    closed: RefCell<Option<String>>,
}

impl<'a> BuildContext<'a> {
    /// Returns the context for what `wanted` matches.
    pub(super) fn new(
        directory: &'a Path,
        wanted: &'a Patterns,
        ignore: &'a Ignore,
        staged: &'a [&'a str],
    ) -> Self {
        Self {
            directory,
            wanted,
            ignore,
            staged,
            left: Cell::new(ENTRIES),
            closed: RefCell::new(None),
        }
    }

    /// Returns the first directory that could not be read, so that its contents are missing.
    pub(super) fn closed(&self) -> Option<String> {
        self.closed.borrow().clone()
    }

    /// Returns the checkout itself.
    pub(super) fn root(&self) -> Entry {
        Entry {
            path: String::new(),
            real: self.directory.to_owned(),
            kind: Kind::Directory,
            visible: false,
            staged: false,
            wanted: Matched::default(),
            ignored: Matched::default(),
        }
    }

    /// Returns the entries of a directory that arrive, by name.
    pub(super) fn entries(&self, directory: &Entry) -> Result<Vec<Entry>, Stop> {
        let mut entries = Vec::new();
        for found in self.names(directory)? {
            if let Some(entry) = self.judge(directory, found)?
                && self.exists(&entry)?
            {
                entries.push(entry);
            }
        }
        Ok(entries)
    }

    /// Returns the entry at `path`, following links; `None` if there is none. A link that leads
    /// out of the context leads to its root.
    pub(super) fn follow(&self, path: &str) -> Result<Option<Entry>, Stop> {
        let mut ahead: Vec<String> = parts(path);
        let mut above = vec![self.root()];
        let mut links = 0;
        while let Some(name) = ahead.pop() {
            if name == ".." {
                above.truncate(above.len().max(2) - 1);
                continue;
            }
            let Some(here) = above.last().filter(|here| here.kind == Kind::Directory) else {
                return Ok(None);
            };
            let mut entries = self.entries(here)?.into_iter();
            let wanted = join(&here.path, &name);
            let Some(entry) = entries.find(|entry| entry.path == wanted) else {
                return Ok(None);
            };
            if entry.kind != Kind::Link {
                above.push(entry);
                continue;
            }
            links += 1;
            if links > LINKS {
                return Err(Stop::Circle(entry.path));
            }
            let Ok(target) = std::fs::read_link(&entry.real) else {
                return Ok(None);
            };
            if target.is_absolute() {
                above.truncate(1);
            }
            ahead.extend(parts(&decode(target.as_os_str().as_encoded_bytes())));
        }
        Ok(above.pop())
    }

    /// Returns the contents of a directory of the checkout, sorted by name.
    fn names(&self, directory: &Entry) -> Result<BTreeMap<String, Found>, Stop> {
        let mut names = BTreeMap::new();
        match std::fs::read_dir(&directory.real) {
            Ok(entries) => {
                for entry in entries.flatten() {
                    let left = self.left.get().checked_sub(1).ok_or(Stop::TooMany)?;
                    self.left.set(left);
                    let Ok(kind) = entry.file_type() else {
                        continue;
                    };
                    let name = decode(entry.file_name().as_encoded_bytes());
                    let found = Found {
                        real: entry.path(),
                        kind: Kind::of(kind),
                        staged: false,
                    };
                    names.insert(name, found);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                if directory.visible {
                    return Err(Stop::Closed(directory.path.clone()));
                }
                *self.closed.borrow_mut() = Some(directory.path.clone());
            }
            // It was removed meanwhile, or is not staged yet.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(_) => return Err(Stop::Closed(directory.path.clone())),
        }
        for path in self.staged {
            let Some(below) = strip_directory(path, &directory.path) else {
                continue;
            };
            let (name, kind) = match below.split_once('/') {
                Some((name, _)) => (name, Kind::Directory),
                None => (below, Kind::File),
            };
            // Staging does not replace something that is in the way of a directory.
            if kind == Kind::File || !names.contains_key(name) {
                let real = directory.real.join(name);
                let staged = true;
                names.insert(name.to_owned(), Found { real, kind, staged });
            }
        }
        Ok(names)
    }

    /// Applies the patterns to an entry of a directory; returns `None` if neither it nor
    /// anything in it is sent.
    fn judge(&self, above: &Entry, found: (String, Found)) -> Result<Option<Entry>, Stop> {
        let (name, Found { real, kind, staged }) = found;
        let path = join(&above.path, &name);
        let is_directory = kind == Kind::Directory;
        let below = format!("{path}/");
        // At the root, there is no result of a parent directory.
        let known = |matched| Some(matched).filter(|_| !above.path.is_empty());
        let wanted = self
            .wanted
            .matches(&path, known(&above.wanted))
            .map_err(|_| Stop::BadPattern)?;
        if wanted.by.is_none() && is_directory && self.wanted.prunes_unmatched(&below) {
            return Ok(None);
        }
        let rules = self.ignore.patterns();
        let ignored = rules
            .matches(&path, known(&above.ignored))
            .map_err(|bad| Stop::BadRule(bad.0))?;
        if ignored.by.is_some() && is_directory && rules.prunes_matched(&below) {
            return Ok(None);
        }
        let visible = wanted.by.is_some() && ignored.by.is_none();
        // In a directory that can be listed but not entered, an entry that is sent is an error.
        if visible
            && !staged
            && let Err(error) = std::fs::symlink_metadata(&real)
        {
            return match error.kind() {
                io::ErrorKind::NotFound => Ok(None),
                _ => Err(Stop::Closed(above.path.clone())),
            };
        }
        Ok(Some(Entry {
            path,
            real,
            kind,
            visible,
            staged,
            wanted: wanted.matched,
            ignored: ignored.matched,
        }))
    }

    /// Whether an entry arrives, either for itself or for something in it.
    fn exists(&self, entry: &Entry) -> Result<bool, Stop> {
        if entry.visible {
            return Ok(true);
        }
        let below = format!("{}/", entry.path);
        if entry.kind != Kind::Directory || !self.wanted.may_match_below(&below, &entry.wanted) {
            return Ok(false);
        }
        for found in self.names(entry)? {
            if let Some(inner) = self.judge(entry, found)?
                && self.exists(&inner)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Returns the parts of a path in reverse order, without empty ones and `.`.
fn parts(path: &str) -> Vec<String> {
    let parts = path.split('/').rev();
    let parts = parts.filter(|part| !matches!(*part, "" | "."));
    parts.map(str::to_owned).collect()
}

fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() {
        name.to_owned()
    } else {
        format!("{directory}/{name}")
    }
}

/// Returns the rest of `path` below `directory`.
pub(super) fn strip_directory<'a>(path: &'a str, directory: &str) -> Option<&'a str> {
    if directory.is_empty() {
        return Some(path);
    }
    path.strip_prefix(directory)?.strip_prefix('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_looks_only_where_something_may_be() {
        let directory = tempfile::tempdir().expect("a directory");
        for path in ["content/big/file", "sub/b.tgz", "spc.tgz"] {
            let path = directory.path().join(path);
            std::fs::create_dir_all(path.parent().expect("above")).expect("directories");
            std::fs::write(path, "").expect("a file");
        }
        let ignore = Ignore::default();
        let looked_at = |pattern: &str| {
            let wanted = Patterns::new([pattern]).expect("a pattern");
            let context = BuildContext::new(directory.path(), &wanted, &ignore, &[]);
            let found = context.follow("sub/b.tgz").expect("no error");
            (ENTRIES - context.left.get(), found.is_some())
        };
        // The three names at the root, and from `sub` the entries that decide whether it
        // arrives at all.
        assert_eq!(looked_at("spc.tgz"), (3, false));
        assert_eq!(looked_at("sub/b.tgz"), (5, true));
        assert_eq!(looked_at("s*/b.tgz"), (5, true));
        assert_eq!(looked_at("**/b.tgz"), (7, true));
    }

    #[test]
    fn a_walk_ends() {
        let directory = tempfile::tempdir().expect("a directory");
        for name in ["a", "b", "c"] {
            std::fs::write(directory.path().join(name), "").expect("a file");
        }
        let wanted = Patterns::new(["*"]).expect("a pattern");
        let ignore = Ignore::default();
        let context = BuildContext::new(directory.path(), &wanted, &ignore, &[]);
        context.left.set(3);
        assert_eq!(context.entries(&context.root()).expect("all").len(), 3);
        let stopped = context.entries(&context.root()).map(|_| ());
        assert_eq!(stopped, Err(Stop::TooMany));
    }
}
