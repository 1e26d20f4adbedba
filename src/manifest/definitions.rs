//! The definitions of a `profiles.toml` by name.
//!
//! Most runs need one definition, of thousands in a fleet's file. Input: all definitions, or the
//! text of a file in which no mistake was found before, with the place of each definition in it.
//! Output: what a map of all definitions would give; nothing shows which of them were read.
//! The definitions of a file with an index depend on its text alone: a file that names values
//! files gets none.

use std::collections::{BTreeMap, btree_map};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::OnceLock;

use toml::de::DeTable;

use super::reader::{At, Reader};
use super::{Definition, LazySource, Manifest, ManifestError, Project, definition};
use crate::diagnostic::Diagnostic;
use crate::util::few::Few;
use crate::util::text_index::TextIndex;

/// How the heading of a definition begins.
const HEADING: &str = "[definition.";

/// All definitions, or the mistakes in a file whose index was wrong.
type All = Result<BTreeMap<String, Definition>, Vec<Diagnostic>>;

/// The definitions of a file with mistakes.
static NONE: BTreeMap<String, Definition> = BTreeMap::new();

/// The definitions of a file.
#[derive(Debug)]
pub struct Definitions {
    indexed: Option<Indexed>,
    /// Without an index they are there from the beginning.
    all: OnceLock<All>,
}

/// A text and where the definitions are in it.
#[derive(Debug)]
pub(super) struct Indexed {
    pub index: TextIndex,
    pub source: LazySource,
    pub path: PathBuf,
    /// `[palette].project`.
    pub project: Option<At<Project>>,
    pub few: Few<Definition>,
}

impl From<BTreeMap<String, Definition>> for Definitions {
    fn from(all: BTreeMap<String, Definition>) -> Self {
        Self {
            indexed: None,
            all: OnceLock::from(Ok(all)),
        }
    }
}

impl From<Indexed> for Definitions {
    fn from(indexed: Indexed) -> Self {
        Self {
            indexed: Some(indexed),
            all: OnceLock::new(),
        }
    }
}

impl Definitions {
    fn read(&self) -> &All {
        self.all.get_or_init(|| match &self.indexed {
            Some(indexed) => indexed.all(),
            None => Ok(BTreeMap::new()),
        })
    }

    fn all(&self) -> &BTreeMap<String, Definition> {
        self.read().as_ref().unwrap_or(&NONE)
    }

    /// Reads all definitions, for a run that does something with each of them: a file with
    /// mistakes must not pass for one without definitions.
    ///
    /// # Errors
    /// Returns the mistakes in the file. There are some only if its index was wrong.
    pub fn require_all(&self) -> Result<(), ManifestError> {
        let mistakes = self.read().as_ref().err().cloned();
        mistakes.map_or(Ok(()), |mistakes| Err(ManifestError::Invalid(mistakes)))
    }

    /// Returns the index, as long as not all definitions have been read.
    fn unread(&self) -> Option<&Indexed> {
        let is_unread = !matches!(self.all.get(), Some(Ok(_)));
        self.indexed.as_ref().filter(|_| is_unread)
    }

    /// Returns whether all definitions have been read.
    #[cfg(test)]
    pub(super) fn are_read(&self) -> bool {
        self.all.get().is_some()
    }

    /// Returns the definition `name`. That there is none is not concluded from an index.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Definition> {
        let one = self.unread().and_then(|indexed| indexed.get(name));
        one.or_else(|| self.all().get(name))
    }

    /// Returns whether there is a definition `name`. That there is none is not concluded from
    /// an index.
    #[must_use]
    pub fn contains_key(&self, name: &str) -> bool {
        let unread = self.unread();
        unread.is_some_and(|indexed| indexed.index.find(name).is_some())
            || self.all().contains_key(name)
    }

    /// Returns the number of definitions.
    #[must_use]
    pub fn len(&self) -> usize {
        let unread = self.unread().map(|indexed| indexed.index.len());
        unread.unwrap_or_else(|| self.all().len())
    }

    /// Returns whether there are no definitions.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the names of all definitions, sorted.
    pub fn keys(&self) -> btree_map::Keys<'_, String, Definition> {
        self.all().keys()
    }

    /// Returns all definitions, by name.
    pub fn values(&self) -> btree_map::Values<'_, String, Definition> {
        self.all().values()
    }

    /// Returns all definitions with their names.
    pub fn iter(&self) -> btree_map::Iter<'_, String, Definition> {
        self.all().iter()
    }
}

impl<'d> IntoIterator for &'d Definitions {
    type Item = (&'d String, &'d Definition);
    type IntoIter = btree_map::Iter<'d, String, Definition>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
impl std::ops::Index<&str> for Definitions {
    type Output = Definition;

    fn index(&self, name: &str) -> &Definition {
        &self.all()[name]
    }
}

impl Indexed {
    fn get(&self, name: &str) -> Option<&Definition> {
        let read = || {
            let place = self.index.find(name)?;
            let directory = self.path.parent()?;
            let mut reader = Reader::new(&self.source, directory);
            let text = self.source.text().get(place.clone())?;
            let read = read_alone(name, text, self.project.as_ref(), &mut reader)?;
            Some(read.moved_by(place.start))
        };
        self.few.get(name, read)
    }

    fn all(&self) -> All {
        let LazySource(source) = &self.source;
        let manifest = Manifest::parse(&source.text, &self.path, &source.shown)?;
        let all = manifest.definitions.all.into_inner();
        all.unwrap_or(Ok(BTreeMap::new()))
    }
}

/// Reads the definition `name` from the part of the file that is about it. Returns `None` if
/// there is anything else, or a mistake.
fn read_alone(
    name: &str,
    text: &str,
    project: Option<&At<Project>>,
    reader: &mut Reader,
) -> Option<Definition> {
    let (root, syntax) = DeTable::parse_recoverable(text);
    let root = Some(root.get_ref()).filter(|_| syntax.is_empty())?;
    let tables = root.get("definition")?.get_ref().as_table()?;
    if (root.len(), tables.len()) != (1, 1) {
        return None;
    }
    let read = definition::read_one(tables, project, reader)?;
    (read.name == name && reader.is_content()).then_some(read)
}

impl Definition {
    /// Returns the definition with its places `by` bytes further in the file. The project of
    /// `[palette]` stays where it is.
    fn moved_by(mut self, by: usize) -> Self {
        let further = |span: &mut Range<usize>| *span = span.start + by..span.end + by;
        further(&mut self.span);
        let own = self.project.as_mut().filter(|_| self.own_project);
        let own = own.map(|project| &mut project.span);
        own.into_iter()
            .chain(&mut self.canvos_span)
            .for_each(further);
        for profile in &mut self.profiles {
            further(&mut profile.span);
            profile.version_span.iter_mut().for_each(further);
        }
        self
    }
}

impl Manifest {
    /// Returns the index of the text that this was read from. Returns `None` if a definition is
    /// not a part of the text, or depends on something else, such as a values file.
    #[must_use]
    pub(crate) fn index(&self) -> Option<TextIndex> {
        let LazySource(source) = &self.source;
        let text = &source.text;
        let definitions = self.definitions.values();
        let mut profiles = definitions.clone().flat_map(|one| &one.profiles);
        if profiles.any(|one| one.packs.iter().any(|pack| pack.values_file.is_some())) {
            return None;
        }
        let mut parts = Vec::new();
        for definition in definitions.clone() {
            parts.push((definition.name.as_str(), part(text, definition)?));
        }
        parts.sort_by_key(|(_, part)| part.start);
        let mut rest = Vec::new();
        let mut end = 0;
        for (_, part) in &parts {
            if part.start < end {
                return None;
            }
            rest.push(end..part.start);
            end = part.end;
        }
        rest.push(end..text.len());
        rest.retain(|range| !range.is_empty());
        let parts = parts
            .into_iter()
            .map(|(name, part)| (name, part, Vec::new()));
        let index = TextIndex::new(rest, parts)?;
        // The parts are found by the look of lines. This is the proof that they are right: each of
        // them holds one definition as it is in the file, and nothing else does.
        Self::parse_indexed(text, index.clone(), &self.path, &source.shown)?;
        let project = self.palette.project.as_ref();
        let mut reader = Reader::new(&self.source, self.path.parent()?);
        let mut is_same = |definition: &Definition| {
            let place = index.find(&definition.name)?;
            let read = read_alone(&definition.name, &text[place.clone()], project, &mut reader)?;
            Some(read.moved_by(place.start) == *definition)
        };
        let are_same = definitions.clone().all(|one| is_same(one) == Some(true));
        are_same.then_some(index)
    }
}

/// Returns the part of `text` that looks like the tables of a definition: from its heading to
/// the next heading of something else.
fn part(text: &str, definition: &Definition) -> Option<Range<usize>> {
    let start = definition.span.start.checked_sub(HEADING.len())?;
    let is_line = start == 0 || text[..start].ends_with('\n');
    let heading = text.get(start..definition.span.end)?;
    let key = heading.strip_prefix(HEADING).filter(|_| is_line)?;
    let mut end = definition.span.end;
    for line in text[end..].split_inclusive('\n') {
        let begins = line.trim_start().trim_start_matches('[');
        let is_heading = begins.len() < line.trim_start().len();
        let own = begins
            .strip_prefix("definition.")
            .and_then(|it| it.strip_prefix(key));
        if is_heading && !own.is_some_and(|own| own.starts_with(['.', ']'])) {
            break;
        }
        end += line.len();
    }
    Some(start..end)
}
