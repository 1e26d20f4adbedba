//! Typed reading of the tables in [`keys`](super::keys), with positions and every problem.
//!
//! A reader does not stop at the first mistake: an accessor that finds a mistake records it and
//! returns `None`, so that a single run reports everything that is wrong with a file.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::de::IntoDeserializer as _;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::LazySource;
use super::keys::{Kind, TableSpec};
use super::messages::{self, Place};
use super::source::is_secret_key;
use crate::diagnostic::Diagnostic;
use crate::util::suggest::nearest;

/// A value of the file and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// The range of the value in the file, in bytes.
    pub span: Range<usize>,
}

impl<T> At<T> {
    /// Returns another value at the same place.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> At<U> {
        At {
            value: f(self.value),
            span: self.span,
        }
    }
}

/// The maximum number of problems of a file that are reported.
pub(super) const MOST: usize = 100;

/// The state of reading a file: the directory that its paths are relative to, and the problems
/// found so far.
pub(super) struct Reader {
    source: LazySource,
    directory: PathBuf,
    problems: Vec<Diagnostic>,
    /// Problems about missing things. If a line cannot be parsed, the missing thing may be in
    /// that line.
    lacks: Vec<Diagnostic>,
    /// The positions where the lines of the file begin, computed on first use.
    lines: OnceCell<Vec<usize>>,
}

/// Returns the first problems of `list`, followed by a message with the number of the others.
pub(super) fn bounded(mut list: Vec<Diagnostic>) -> Vec<Diagnostic> {
    if let Some(more) = list.len().checked_sub(MOST).filter(|more| *more > 0) {
        list.truncate(MOST);
        list.push(messages::more_mistakes(more));
    }
    list
}

impl Reader {
    /// Creates a reader of `source`, whose paths are relative to `directory`, without problems.
    pub(super) fn new(source: &LazySource, directory: &Path) -> Self {
        Self {
            source: source.clone(),
            directory: directory.to_owned(),
            problems: Vec::new(),
            lacks: Vec::new(),
            lines: OnceCell::new(),
        }
    }

    /// Returns the line number of the byte `offset`, starting at 1.
    pub(super) fn line(&self, offset: usize) -> usize {
        let lines = self.lines.get_or_init(|| {
            let breaks = self.source.text().match_indices('\n');
            breaks.map(|(at, _)| at).collect()
        });
        1 + lines.partition_point(|at| *at < offset)
    }

    /// Returns the directory that paths in the file are relative to.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns a place in the file.
    pub(super) fn at(&self, span: Range<usize>) -> Place<'_> {
        Place {
            source: self.source.get(),
            span,
        }
    }

    /// Records a problem.
    pub(super) fn add(&mut self, problem: Diagnostic) {
        self.problems.push(problem);
    }

    /// Records that something is missing.
    pub(super) fn add_lack(&mut self, problem: Diagnostic) {
        self.lacks.push(problem);
    }

    /// Discards the problems about missing things.
    pub(super) fn forget_lacks(&mut self) {
        self.lacks.clear();
    }

    /// Returns whether there is no problem so far.
    pub(super) fn is_content(&self) -> bool {
        self.problems.is_empty() && self.lacks.is_empty()
    }

    /// Returns all problems, in the order of the file.
    pub(super) fn finish(&mut self) -> Vec<Diagnostic> {
        let mut list = std::mem::take(&mut self.problems);
        list.append(&mut self.lacks);
        list.sort_by_key(|d| d.excerpt.as_ref().map_or(0, |excerpt| excerpt.span.start));
        list
    }

    /// Records a value of the wrong type.
    pub(super) fn wrong_type(&mut self, what: &str, expected: &str, found: &Spanned<DeValue<'_>>) {
        let place = self.at(found.span());
        let problem = messages::wrong_type(place, what, expected, type_of(found.get_ref()));
        self.add(problem);
    }

    /// Returns the string `value`, or records a problem.
    pub(super) fn string(
        &mut self,
        value: &Spanned<DeValue<'_>>,
        what: &str,
        expected: &str,
    ) -> Option<At<String>> {
        if let DeValue::String(text) = value.get_ref() {
            return Some(At {
                value: text.to_string(),
                span: value.span(),
            });
        }
        self.wrong_type(what, expected, value);
        None
    }
}

/// Returns the name of a value's type in messages.
pub(crate) fn type_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}

/// A table that is being read.
pub(super) struct Table<'t, 'i> {
    /// The name of the table in messages, such as `[palette]`.
    pub name: String,
    /// The place of its header or its braces.
    pub span: Range<usize>,
    spec: &'static TableSpec,
    entries: &'t DeTable<'i>,
    /// Unknown keys that have already been reported.
    reported: BTreeSet<&'t str>,
}

impl<'t, 'i> Table<'t, 'i> {
    /// Returns the table `value`, or records a problem if it is something else.
    pub(super) fn new(
        name: impl Into<String>,
        spec: &'static TableSpec,
        value: &'t Spanned<DeValue<'i>>,
        reader: &mut Reader,
    ) -> Option<Self> {
        let name = name.into();
        if let DeValue::Table(entries) = value.get_ref() {
            return Some(Self::of(name, spec, entries, value.span()));
        }
        reader.wrong_type(&name, Kind::Table(spec).expected(), value);
        None
    }

    /// Creates the reader of a value that is known to be a table.
    pub(super) fn of(
        name: impl Into<String>,
        spec: &'static TableSpec,
        entries: &'t DeTable<'i>,
        span: Range<usize>,
    ) -> Self {
        Self {
            name: name.into(),
            span,
            spec,
            entries,
            reported: BTreeSet::new(),
        }
    }

    /// Returns every key with its place and value.
    pub(super) fn entries(&self) -> impl Iterator<Item = (At<&'t str>, &'t Spanned<DeValue<'i>>)> {
        entries(self.entries)
    }

    /// Returns the value of `key` and the kind that it must have.
    pub(super) fn value(&self, key: &str) -> Option<(&'t Spanned<DeValue<'i>>, Kind)> {
        let described = self.spec.key(key);
        debug_assert!(described.is_some(), "{key}");
        Some((self.entries.get(key)?, described?.kind))
    }

    /// Returns whether `key` is missing and no other key resembles it. A similar key has
    /// already been reported as a mistake.
    pub(super) fn lacks(&self, key: &str) -> bool {
        let mut unknown = self
            .entries()
            .filter(|(other, _)| self.is_unknown(other.value));
        let is_it = |other: &str| self.nearest(other) == Some(key);
        !self.entries.contains_key(key) && !unknown.any(|(other, _)| is_it(other.value))
    }

    /// Returns whether the table contains any of `keys`, whatever its value, or an unknown key.
    pub(super) fn has_any(&self, keys: &[&str]) -> bool {
        let mut entries = self.entries().map(|(key, _)| key.value);
        entries.any(|key| keys.contains(&key) || self.is_unknown(key))
    }

    /// Returns whether the table can have this key.
    pub(super) fn knows(&self, key: &str) -> bool {
        self.spec.key(key).is_some()
    }

    /// Excludes an unknown key from those that are reported.
    pub(super) fn mark_reported(&mut self, key: &'t str) {
        self.reported.insert(key);
    }

    fn is_unknown(&self, key: &str) -> bool {
        !self.knows(key) && !self.reported.contains(key)
    }

    fn known(&self) -> BTreeSet<&'static str> {
        self.spec.keys.iter().map(|key| key.name).collect()
    }

    /// Returns the known key that `given` probably means.
    fn nearest(&self, given: &str) -> Option<&'static str> {
        nearest(given, self.known())
    }

    /// Returns the table under `key`.
    pub(super) fn table(&self, key: &str, reader: &mut Reader) -> Option<Table<'t, 'i>> {
        let (value, kind) = self.value(key)?;
        let Kind::Table(spec) = kind else { return None };
        Table::new(format!("[{key}]"), spec, value, reader)
    }

    /// Returns the string under `key`. An empty string is a problem.
    pub(super) fn text(&self, key: &str, reader: &mut Reader) -> Option<At<String>> {
        let (value, kind) = self.value(key)?;
        let text = reader.string(value, key, kind.expected())?;
        if text.value.trim().is_empty() {
            reader.add(messages::empty(reader.at(text.span), key));
            return None;
        }
        Some(text)
    }

    /// Returns the path under `key`, resolved.
    pub(super) fn path(&self, key: &str, reader: &mut Reader) -> Option<At<PathBuf>> {
        let text = self.text(key, reader)?;
        Some(text.map(|path| reader.directory.join(path)))
    }

    /// Returns the whole number under `key`.
    pub(super) fn number(&self, key: &str, reader: &mut Reader) -> Option<u64> {
        let (value, kind) = self.value(key)?;
        let least = match kind {
            Kind::Number(least) => least,
            _ => 1,
        };
        let DeValue::Integer(_) = value.get_ref() else {
            reader.wrong_type(key, kind.expected(), value);
            return None;
        };
        let number: Option<u64> = read(value).filter(|n| *n >= least);
        if number.is_none() {
            reader.add(messages::out_of_range(reader.at(value.span()), key, least));
        }
        number
    }

    /// Returns the size under `key`, in bytes.
    pub(super) fn size(&self, key: &str, reader: &mut Reader) -> Option<u64> {
        let (value, kind) = self.value(key)?;
        match value.get_ref() {
            DeValue::Integer(_) => self.number(key, reader),
            DeValue::String(text) => {
                let size = parse_size(text);
                if size.is_none() {
                    reader.add(messages::not_a_size(reader.at(value.span()), key));
                }
                size
            }
            _ => {
                reader.wrong_type(key, kind.expected(), value);
                None
            }
        }
    }

    /// Returns the boolean under `key`.
    pub(super) fn boolean(&self, key: &str, reader: &mut Reader) -> Option<bool> {
        let (value, kind) = self.value(key)?;
        if let DeValue::Boolean(boolean) = value.get_ref() {
            return Some(*boolean);
        }
        reader.wrong_type(key, kind.expected(), value);
        None
    }

    /// Returns the array of strings under `key`.
    pub(super) fn strings(&self, key: &str, reader: &mut Reader) -> Option<At<Vec<At<String>>>> {
        let array = self.array(key, reader)?;
        let items = array.value.iter();
        let strings = items.filter_map(|item| reader.string(item, key, "a string"));
        Some(At {
            value: strings.collect(),
            span: array.span,
        })
    }

    /// Returns the command under `key`: an array of strings that is not empty.
    pub(super) fn command(&self, key: &str, reader: &mut Reader) -> Option<Vec<String>> {
        let argv = self.strings(key, reader)?;
        if argv.value.is_empty() {
            reader.add(messages::no_program(reader.at(argv.span), key));
            return None;
        }
        Some(argv.value.into_iter().map(|part| part.value).collect())
    }

    /// Returns the array under `key`.
    pub(super) fn array(
        &self,
        key: &str,
        reader: &mut Reader,
    ) -> Option<At<&'t [Spanned<DeValue<'i>>]>> {
        let (value, kind) = self.value(key)?;
        if let DeValue::Array(items) = value.get_ref() {
            return Some(At {
                value: items,
                span: value.span(),
            });
        }
        reader.wrong_type(key, kind.expected(), value);
        None
    }

    /// Reports the unknown keys.
    pub(super) fn finish(self, reader: &mut Reader) {
        for (key, _) in self.entries() {
            if !self.is_unknown(key.value) {
                continue;
            }
            let place = reader.at(key.span);
            let problem = if is_secret_key(key.value) {
                messages::secret(place, key.value, &self.name)
            } else {
                let known: Vec<&str> = self.known().into_iter().collect();
                let near = self.nearest(key.value);
                messages::unknown_key(place, key.value, &self.name, &known, near)
            };
            reader.add(problem);
        }
    }
}

/// Returns every key of a table with its place and value.
pub(super) fn entries<'t, 'i>(
    table: &'t DeTable<'i>,
) -> impl Iterator<Item = (At<&'t str>, &'t Spanned<DeValue<'i>>)> {
    table.iter().map(|(key, value)| {
        let key = At {
            value: key.get_ref().as_ref(),
            span: key.span(),
        };
        (key, value)
    })
}

/// Reads a scalar with serde's own range checks.
fn read<T: serde::de::DeserializeOwned>(value: &Spanned<DeValue<'_>>) -> Option<T> {
    T::deserialize(value.clone().into_deserializer()).ok()
}

/// Parses a size such as `512 MiB` and returns the number of bytes, at least 1.
fn parse_size(text: &str) -> Option<u64> {
    let units: BTreeMap<&str, u64> = [("B", 0), ("KiB", 10), ("MiB", 20), ("GiB", 30)].into();
    let digits = text
        .trim()
        .trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text.trim()[digits.len()..].trim();
    let number: u64 = digits.trim().parse().ok()?;
    number
        .checked_mul(1 << units.get(unit)?)
        .filter(|bytes| *bytes > 0)
}

#[cfg(test)]
mod tests {
    use super::parse_size;

    #[test]
    fn sizes_have_binary_units() {
        assert_eq!(parse_size("2 GiB"), Some(2 << 30));
        assert_eq!(parse_size("512MiB"), Some(512 << 20));
        assert_eq!(parse_size("7 B"), Some(7));
        for wrong in [
            "",
            "2",
            "2 GB",
            "-1 KiB",
            "1.5 GiB",
            "0 B",
            "99999999999 GiB",
        ] {
            assert_eq!(parse_size(wrong), None, "{wrong}");
        }
    }
}
