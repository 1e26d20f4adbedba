//! The locked definitions by name, each parsed when it is first needed.
//!
//! A lock of thousands is read for one definition by most runs, and parsing is what reading
//! costs. Input: the text, and the place of each entry in it that is known to be valid. Output:
//! what a map of all entries would give; nothing shows whether an entry has been parsed.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use super::LockEntry;
use super::read;
use crate::util::digest::Digest;

/// The locked definitions of a file, by name.
#[derive(Clone, Default)]
pub struct Entries {
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

impl Entries {
    /// Creates an empty collection for the entries of `text`.
    pub(super) fn of(text: &Arc<String>) -> Self {
        Self {
            text: Arc::clone(text),
            by_name: BTreeMap::new(),
        }
    }

    /// Adds an entry that is left unparsed. Returns whether its name is new.
    pub(super) fn insert_written(&mut self, name: &str, written: Written) -> bool {
        let slot = Slot {
            written: Some(written),
            parsed: OnceLock::new(),
        };
        self.by_name.insert(name.to_owned(), slot).is_none()
    }

    /// Returns the text of an entry as it was read, unless it was made since.
    pub(super) fn text_of(&self, name: &str) -> Option<&str> {
        let written = self.by_name.get(name)?.written.as_ref()?;
        self.text.get(written.entry.clone())
    }

    /// Returns how many entries have not been parsed.
    #[cfg(test)]
    pub(super) fn unparsed(&self) -> usize {
        let slots = self.by_name.values();
        slots.filter(|slot| slot.parsed.get().is_none()).count()
    }

    /// Returns the number of definitions.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Returns whether no definition is locked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// Returns the entry of the definition `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&LockEntry> {
        self.by_name.get(name)?.get(&self.text)
    }

    /// Returns whether the definition `name` is locked.
    #[must_use]
    pub fn contains_key(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// Returns the names of all definitions, sorted.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    /// Returns all definitions by name. Parses every entry.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &LockEntry)> {
        self.by_name
            .iter()
            .filter_map(|(name, slot)| Some((name.as_str(), slot.get(&self.text)?)))
    }

    /// Sets the entry of the definition `name`.
    pub fn insert(&mut self, name: String, entry: LockEntry) {
        self.by_name.insert(name, Slot::new(entry));
    }

    /// Removes the definition `name` and returns its entry.
    pub fn remove(&mut self, name: &str) -> Option<LockEntry> {
        let slot = self.by_name.remove(name)?;
        slot.get(&self.text).cloned()
    }

    /// Returns the definitions whose `content-sha256` is `content`, by name.
    pub fn with_content(&self, content: Digest) -> impl Iterator<Item = (&str, &LockEntry)> {
        let places = |written: &Written| written.content_sha256.clone();
        self.with_digest(content, places, |entry| entry.content_sha256)
    }

    /// Returns the definitions whose `sha256` is `archive`, by name.
    pub fn with_archive(&self, archive: Digest) -> impl Iterator<Item = (&str, &LockEntry)> {
        let places = |written: &Written| written.sha256.clone();
        self.with_digest(archive, places, |entry| entry.sha256)
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

impl FromIterator<(String, LockEntry)> for Entries {
    fn from_iter<T: IntoIterator<Item = (String, LockEntry)>>(entries: T) -> Self {
        let slots = entries.into_iter();
        Self {
            text: Arc::default(),
            by_name: slots
                .map(|(name, entry)| (name, Slot::new(entry)))
                .collect(),
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
