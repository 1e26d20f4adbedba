//! A lock that was found valid before: only the entries that a run needs are read.
//!
//! Input: the open file, and its index for the state that it is in. Output: one entry, or the
//! text of the whole file. A file that has been written since it was opened gives nothing, so
//! that nothing is taken for locked that is not.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::LockEntry;
use super::entries::Written;
use super::read;
use crate::util::digest::Digest;
use crate::util::few::Few;
use crate::util::files;
use crate::util::read_at::read_exact_at;
use crate::util::stamp::Stamp;
use crate::util::text_index::TextIndex;

/// How much of a digest is a label of the index. Entries are compared by all of it.
const LABEL: usize = 8;

/// An open lock and its index.
#[derive(Debug)]
pub(super) struct Indexed {
    file: File,
    stamp: Stamp,
    index: TextIndex,
    few: Few<LockEntry>,
}

impl Indexed {
    /// Opens the lock at `path` if the index at `index` is one of its state.
    pub(super) fn open(path: &Path, index: &Path) -> Option<Self> {
        let file = files::open(path).ok()?;
        let stamp = Stamp::of(&file.metadata().ok()?);
        let index = TextIndex::load(index, &stamp)?;
        Some(Self::new(file, index, stamp))
    }

    fn new(file: File, index: TextIndex, stamp: Stamp) -> Self {
        Self {
            file,
            stamp,
            index,
            few: Few::default(),
        }
    }

    /// Opens the lock at `path`, which is in the state `stamp`, with its index.
    #[cfg(test)]
    pub(super) fn with(path: &Path, index: TextIndex, stamp: Stamp) -> io::Result<Self> {
        Ok(Self::new(files::open(path)?, index, stamp))
    }

    /// Returns the entry of the definition `name`, if it is one of few that are needed.
    pub(super) fn get(&self, name: &str) -> Option<&LockEntry> {
        self.few.get(name, || {
            let text = self.text(self.index.find(name)?).ok()?;
            let (found, entry) = read::part(&text)?;
            (found == name).then_some(entry)
        })
    }

    /// Returns whether the definition `name` is locked.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.index.find(name).is_some()
    }

    /// Returns the number of definitions.
    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    /// Returns the names of all definitions with this digest, and perhaps of others.
    pub(super) fn with_digest(&self, digest: Digest) -> Vec<&str> {
        let digits = digest.to_string();
        self.index.labelled(&digits[..LABEL]).collect()
    }

    /// Returns whether the file at `path` is the one that was opened, in the same state.
    pub(super) fn is_at(&self, path: &Path) -> bool {
        // Opening it asks the server of a network file system, which `stat` need not do.
        let there = files::open(path).and_then(|file| file.metadata());
        there.is_ok_and(|there| Stamp::of(&there) == self.stamp)
    }

    /// Reads the whole file.
    pub(super) fn whole(&self) -> io::Result<Arc<String>> {
        let length = usize::try_from(self.file.metadata()?.len());
        let length = length.map_err(|_| io::ErrorKind::FileTooLarge)?;
        Ok(Arc::new(self.text(0..length)?))
    }

    /// Reads a part of the file.
    ///
    /// # Errors
    /// Fails if the file has been written since it was opened.
    fn text(&self, place: Range<usize>) -> io::Result<String> {
        let mut bytes = vec![0; place.len()];
        read_exact_at(&self.file, &mut bytes, place.start as u64)?;
        // Afterwards: a change while the file is read shows in its stamp.
        if !Stamp::of(&self.file.metadata()?).has_same_content(&self.stamp) {
            return Err(io::Error::other("it has changed while it was read"));
        }
        String::from_utf8(bytes).map_err(|_| io::ErrorKind::InvalidData.into())
    }
}

/// Returns the index of entries with their places and digests in `text`.
pub(super) fn index_of<'t>(
    text: &'t str,
    entries: impl Iterator<Item = (&'t str, &'t Written)>,
) -> Option<TextIndex> {
    let label = |digest: &Range<usize>| text.get(digest.start..digest.start + LABEL);
    let parts = entries.map(|(name, written)| {
        let labels = [&written.content_sha256, &written.sha256].map(label);
        let labels = labels.into_iter().flatten().collect();
        (name, written.entry.clone(), labels)
    });
    TextIndex::new(Vec::new(), parts)
}
