//! The locked definitions by name, each parsed when it is first needed.
//!
//! A lock of thousands is read for one definition by most runs, and parsing is what reading
//! costs. Input: the text, and the place of each entry in it that is known to be valid; or a file
//! with an index, whose text is only read for what needs all entries. Output: what a map of all
//! entries would give; nothing shows whether an entry has been parsed.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use super::LockEntry;
use super::indexed::Indexed;
use super::read;
use crate::util::digest::Digest;

/// The locked definitions of a file, by name.
#[derive(Clone, Default)]
pub struct Entries {
    /// The file, if only some of it is to be read.
    indexed: Option<Arc<Indexed>>,
    /// All entries. Without an index they are there from the beginning.
    all: OnceLock<All>,
}

/// All entries of a text.
#[derive(Clone, Default)]
struct All {
    /// The text that the places of entries refer to.
    text: Arc<String>,
    by_name: BTreeMap<String, Slot>,
}

/// An entry.
#[derive(Clone, Default)]
struct Slot {
    /// Where it is in the text; `None` if it is not from there.
    written: Option<Written>,
    /// The entry itself, once it is needed.
    parsed: OnceLock<Option<Box<LockEntry>>>,
}

/// The places of an entry that has not been parsed, and of what it is looked up by.
#[derive(Clone)]
pub(super) struct Written {
    pub entry: Range<usize>,
    pub content_sha256: Range<usize>,
    pub sha256: Range<usize>,
}

impl Slot {
    fn new(entry: LockEntry) -> Self {
        Self {
            written: None,
            parsed: OnceLock::from(Some(Box::new(entry))),
        }
    }

    fn get(&self, text: &str) -> Option<&LockEntry> {
        let parse = || {
            let written = self.written.as_ref()?;
            let (_, entry) = read::part(text.get(written.entry.clone())?)?;
            Some(Box::new(entry))
        };
        self.parsed.get_or_init(parse).as_deref()
    }
}

impl All {
    fn get(&self, name: &str) -> Option<&LockEntry> {
        self.by_name.get(name)?.get(&self.text)
    }

    /// Returns the entries with a digest. Those that are not parsed are compared as text.
    fn with_digest(
        &self,
        digest: Digest,
        place: impl Fn(&Written) -> Range<usize>,
        of: impl Fn(&LockEntry) -> Digest,
    ) -> impl Iterator<Item = (&str, &LockEntry)> {
        let digits = digest.to_string();
        let has_it = move |slot: &Slot| match (&slot.written, slot.parsed.get()) {
            (_, Some(Some(entry))) => of(entry) == digest,
            (Some(written), _) => self.text.get(place(written)) == Some(&digits),
            (None, _) => false,
        };
        self.by_name
            .iter()
            .filter(move |(_, slot)| has_it(slot))
            .filter_map(|(name, slot)| Some((name.as_str(), slot.get(&self.text)?)))
    }
}

impl Entries {
    /// Creates an empty collection for the entries of `text`.
    pub(super) fn of(text: &Arc<String>) -> Self {
        let all = All {
            text: Arc::clone(text),
            by_name: BTreeMap::new(),
        };
        Self {
            indexed: None,
            all: OnceLock::from(all),
        }
    }

    /// Creates the collection for a file with an index.
    pub(super) fn indexed(file: Arc<Indexed>) -> Self {
        Self {
            indexed: Some(file),
            all: OnceLock::new(),
        }
    }

    /// Returns all entries. Of a file that has been written since it was opened there are none.
    fn all(&self) -> &All {
        self.all.get_or_init(|| {
            let text = self.indexed.as_ref().and_then(|file| file.whole().ok());
            let entries = text.and_then(|text| read::by_definition(&text)?.all.into_inner());
            entries.unwrap_or_default()
        })
    }

    /// Changes the entries, all of which are read for it.
    fn change<T>(&mut self, change: impl FnOnce(&mut All) -> T) -> T {
        self.all();
        let mut all = self.all.take().unwrap_or_default();
        let changed = change(&mut all);
        *self = Self {
            indexed: None,
            all: OnceLock::from(all),
        };
        changed
    }

    /// Returns the file, as long as not all of it has been read.
    fn unread(&self) -> Option<&Indexed> {
        let is_unread = self.all.get().is_none();
        self.indexed.as_deref().filter(|_| is_unread)
    }

    /// Returns whether the entries are those of the file at `path`, in the state that it is in.
    /// Returns `None` without an index.
    pub(super) fn are_at(&self, path: &Path) -> Option<bool> {
        Some(self.indexed.as_ref()?.is_at(path))
    }

    /// Returns the whole text of a file with an index, unless it has been written since it was
    /// opened.
    pub(super) fn whole_text(&self) -> Option<&str> {
        Some(self.all().text.as_str()).filter(|text| !text.is_empty())
    }

    /// Adds an entry that is left unparsed. Returns whether its name is new.
    pub(super) fn insert_written(&mut self, name: &str, written: Written) -> bool {
        let slot = Slot {
            written: Some(written),
            parsed: OnceLock::new(),
        };
        self.change(|all| all.by_name.insert(name.to_owned(), slot).is_none())
    }

    /// Returns the names and places of all entries, if each is in the text as edgestage writes
    /// it.
    pub(super) fn written(&self) -> Option<Vec<(&str, &Written)>> {
        let slots = self.all().by_name.iter();
        let places = slots.map(|(name, slot)| Some((name.as_str(), slot.written.as_ref()?)));
        places.collect()
    }

    /// Returns the text of an entry as it was read, unless it was made since.
    pub(super) fn text_of(&self, name: &str) -> Option<&str> {
        let all = self.all();
        let written = all.by_name.get(name)?.written.as_ref()?;
        all.text.get(written.entry.clone())
    }

    /// Returns how many entries have not been parsed.
    #[cfg(test)]
    pub(super) fn unparsed(&self) -> usize {
        let slots = self.all().by_name.values();
        slots.filter(|slot| slot.parsed.get().is_none()).count()
    }

    /// Returns whether the text has been read, all of it.
    #[cfg(test)]
    pub(super) fn is_read(&self) -> bool {
        self.all.get().is_some()
    }

    /// Returns the number of definitions.
    #[must_use]
    pub fn len(&self) -> usize {
        let unread = self.unread().map(Indexed::len);
        unread.unwrap_or_else(|| self.all().by_name.len())
    }

    /// Returns whether no definition is locked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the entry of the definition `name`. That there is none is not concluded from an
    /// index.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&LockEntry> {
        let one = self.unread().and_then(|file| file.get(name));
        one.or_else(|| self.all().get(name))
    }

    /// Returns whether the definition `name` is locked. That it is not is not concluded from an
    /// index.
    #[must_use]
    pub fn contains_key(&self, name: &str) -> bool {
        self.unread().is_some_and(|file| file.contains(name))
            || self.all().by_name.contains_key(name)
    }

    /// Returns the names of all definitions, sorted.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.all().by_name.keys().map(String::as_str)
    }

    /// Returns all definitions by name. Parses every entry.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &LockEntry)> {
        let All { text, by_name } = self.all();
        by_name
            .iter()
            .filter_map(|(name, slot)| Some((name.as_str(), slot.get(text)?)))
    }

    /// Sets the entry of the definition `name`.
    pub fn insert(&mut self, name: String, entry: LockEntry) {
        self.change(|all| drop(all.by_name.insert(name, Slot::new(entry))));
    }

    /// Removes the definition `name` and returns its entry.
    pub fn remove(&mut self, name: &str) -> Option<LockEntry> {
        self.change(|all| all.by_name.remove(name)?.get(&all.text).cloned())
    }

    /// Returns the definitions whose `content-sha256` is `content`, by name.
    pub fn with_content(&self, content: Digest) -> Vec<(&str, &LockEntry)> {
        let place = |written: &Written| written.content_sha256.clone();
        self.with_digest(content, place, |entry| entry.content_sha256)
    }

    /// Returns the definitions whose `sha256` is `archive`, by name.
    pub fn with_archive(&self, archive: Digest) -> Vec<(&str, &LockEntry)> {
        let place = |written: &Written| written.sha256.clone();
        self.with_digest(archive, place, |entry| entry.sha256)
    }

    fn with_digest(
        &self,
        digest: Digest,
        place: impl Fn(&Written) -> Range<usize>,
        of: impl Fn(&LockEntry) -> Digest,
    ) -> Vec<(&str, &LockEntry)> {
        let Some(file) = self.unread() else {
            return self.all().with_digest(digest, place, of).collect();
        };
        let names = file.with_digest(digest).into_iter();
        let entries = names.filter_map(|name| Some((name, self.get(name)?)));
        entries.filter(|(_, entry)| of(entry) == digest).collect()
    }
}

impl FromIterator<(String, LockEntry)> for Entries {
    fn from_iter<T: IntoIterator<Item = (String, LockEntry)>>(entries: T) -> Self {
        let slots = entries.into_iter();
        let by_name = slots.map(|(name, entry)| (name, Slot::new(entry)));
        let all = All {
            text: Arc::default(),
            by_name: by_name.collect(),
        };
        Self {
            indexed: None,
            all: OnceLock::from(all),
        }
    }
}

impl PartialEq for Entries {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl std::fmt::Debug for Entries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}
