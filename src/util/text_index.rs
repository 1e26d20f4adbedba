//! Where the parts of a large text file are, so that a run that needs one part reads only that.
//!
//! A run that has read a large file as a whole, and found no mistake in it, writes the index;
//! later runs use it as long as the file has the same [`Stamp`]. Input: the parts with their
//! names. Output: the place of a part in the file, by its name or by one of its labels. An index
//! that is missing, damaged, of another user, of another version or of another state of the file
//! is never an error: the file is read as a whole then.
//!
//! The first line is the digest of everything after it. The second line is a JSON document about
//! the file. Each further line is a part: its name, its first byte, the byte after its last one,
//! and its labels. The lines are sorted by name, so that one is found without reading the others.

use std::cmp::Ordering;
use std::ops::Range;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::util::atomic_file;
use crate::util::digest::Digest;
use crate::util::files;
use crate::util::stamp::Stamp;

/// The version of the form of the file. Another one is not read.
const FORM: u32 = 2;
/// The maximum size of an index, in bytes.
const LIMIT: u64 = 16 << 20;

/// Where the parts of a text file are.
#[derive(Debug, Clone)]
pub(crate) struct TextIndex {
    rest: Vec<Range<usize>>,
    /// The text, in which the lines begin at `start`.
    text: String,
    start: usize,
    count: usize,
}

/// The second line of the file.
#[derive(Serialize, Deserialize)]
struct Header {
    form: u32,
    /// The version of edgestage that found no mistake in the file.
    edgestage: String,
    file: Stamp,
    /// What of the file belongs to no part.
    rest: Vec<Range<usize>>,
    /// The number of parts.
    count: usize,
}

impl TextIndex {
    /// Creates the index of `parts`, each with its name, place and labels. Returns `None` if a
    /// name or a label cannot be written into it.
    #[must_use]
    pub(crate) fn new<'p>(
        rest: Vec<Range<usize>>,
        parts: impl IntoIterator<Item = (&'p str, Range<usize>, Vec<&'p str>)>,
    ) -> Option<Self> {
        let mut parts: Vec<_> = parts.into_iter().collect();
        parts.sort_by_key(|(name, ..)| *name);
        let mut lines = String::new();
        let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_graphic());
        for (name, place, labels) in &parts {
            if !is_word(name) || !labels.iter().all(|label| is_word(label)) {
                return None;
            }
            let place = format!(" {} {}", place.start, place.end);
            lines.extend([name, place.as_str()]);
            lines.extend(labels.iter().flat_map(|label| [" ", label]));
            lines.push('\n');
        }
        Some(Self {
            rest,
            text: lines,
            start: 0,
            count: parts.len(),
        })
    }

    /// Reads the index at `path`, if it is one of the file in the state `stamp`.
    #[must_use]
    pub(crate) fn load(path: &Path, stamp: &Stamp) -> Option<Self> {
        let text = String::from_utf8(files::read_own(path, LIMIT).ok()?).ok()?;
        let (digest, content) = text.split_once('\n')?;
        if digest != Digest::of(content).to_string() {
            return None;
        }
        let (header, lines) = content.split_once('\n')?;
        let start = text.len() - lines.len();
        let header: Header = serde_json::from_str(header).ok()?;
        let is_right = header.form == FORM
            && header.edgestage == env!("CARGO_PKG_VERSION")
            && header.file == *stamp;
        is_right.then_some(Self {
            rest: header.rest,
            text,
            start,
            count: header.count,
        })
    }

    /// Writes the index to `path`, if the state `stamp` of the file cannot be mistaken for a
    /// later one. If it cannot be written, the file is read as a whole the next time, too.
    pub(crate) fn save(&self, path: &Path, stamp: &Stamp) {
        if !stamp.is_settled() {
            return;
        }
        let header = Header {
            form: FORM,
            edgestage: env!("CARGO_PKG_VERSION").to_owned(),
            file: stamp.clone(),
            rest: self.rest.clone(),
            count: self.count,
        };
        if let Ok(header) = serde_json::to_string(&header)
            && Self::can_be_at(path)
        {
            let content = format!("{header}\n{}", self.lines());
            let text = format!("{}\n{content}", Digest::of(&content));
            let _ = atomic_file::write(path, text.as_bytes());
        }
    }

    /// Creates the directory of `path`, and returns whether it is there.
    #[must_use]
    pub(crate) fn can_be_at(path: &Path) -> bool {
        let directory = path.parent();
        directory.is_some_and(|directory| atomic_file::make_directories(directory).is_ok())
    }

    fn lines(&self) -> &str {
        &self.text[self.start..]
    }

    /// Returns the number of parts.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// Returns what belongs to no part.
    #[must_use]
    pub(crate) fn rest(&self) -> &[Range<usize>] {
        &self.rest
    }

    /// Returns the place of the part `name`.
    #[must_use]
    pub(crate) fn find(&self, name: &str) -> Option<Range<usize>> {
        let lines = self.lines();
        let bytes = lines.as_bytes();
        let (mut low, mut high) = (0, bytes.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let before = bytes[low..middle].iter().rposition(|byte| *byte == b'\n');
            let start = before.map_or(low, |at| low + at + 1);
            let line = lines.get(start..)?.lines().next()?;
            let (found, place) = line.split_once(' ')?;
            match name.cmp(found) {
                Ordering::Equal => return place_of(place),
                Ordering::Less => high = start,
                Ordering::Greater => low = start + line.len() + 1,
            }
        }
        None
    }

    /// Returns the names of the parts with a label, sorted.
    pub(crate) fn labelled<'i>(&'i self, label: &str) -> impl Iterator<Item = &'i str> {
        let lines = self.lines();
        let label = format!(" {label}");
        let is_whole = move |end: usize| lines[end..].starts_with([' ', '\n']);
        let name = |at: usize| {
            let start = lines[..at].rfind('\n').map_or(0, |at| at + 1);
            lines[start..at].split(' ').next().unwrap_or_default()
        };
        let mut names: Vec<_> = lines
            .match_indices(&label)
            .filter(|(at, found)| is_whole(at + found.len()))
            .map(|(at, _)| name(at))
            .collect();
        names.dedup();
        names.into_iter()
    }
}

fn place_of(text: &str) -> Option<Range<usize>> {
    let mut numbers = text.split(' ').map(str::parse);
    let (start, end) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    (start < end).then_some(start..end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::time::Duration;

    fn rest() -> Vec<Range<usize>> {
        std::iter::once(0..1).collect()
    }

    fn index(count: usize) -> TextIndex {
        let names: Vec<String> = (0..count).map(|number| format!("n{number}")).collect();
        let part = |number: usize| number * 10..number * 10 + 10;
        let label = |number: usize| {
            if number.is_multiple_of(2) {
                "even"
            } else {
                "odd"
            }
        };
        let parts = names.iter().enumerate();
        let parts = parts.map(|(at, name)| (name.as_str(), part(at), vec!["x", label(at)]));
        TextIndex::new(rest(), parts).unwrap()
    }

    #[test]
    fn each_part_is_found_by_its_name() {
        for count in [0, 1, 2, 3, 10, 117] {
            let index = index(count);
            assert_eq!(index.len(), count);
            for number in 0..count {
                let place = index.find(&format!("n{number}"));
                assert_eq!(place, Some(number * 10..number * 10 + 10), "{number}");
            }
            for other in ["", "a", "n", "n1x", "n999", "z", "x", "even"] {
                assert_eq!(index.find(other), None, "{other}");
            }
        }
    }

    #[test]
    fn parts_are_found_by_a_label() {
        let index = index(5);
        let names = |label: &str| index.labelled(label).collect::<Vec<_>>();
        assert_eq!(names("even"), ["n0", "n2", "n4"]);
        assert_eq!(names("odd"), ["n1", "n3"]);
        assert_eq!(names("x").len(), 5);
        assert!(names("eve").is_empty() && names("n1").is_empty());
    }

    #[test]
    fn what_is_not_a_word_is_not_indexed() {
        for name in ["", "a b", "a\nb", "\u{e9}"] {
            assert!(TextIndex::new(Vec::new(), [(name, 0..1, Vec::new())]).is_none());
            assert!(TextIndex::new(Vec::new(), [("a", 0..1, vec![name])]).is_none());
        }
    }

    #[test]
    fn an_index_is_read_again_for_the_same_state_alone() {
        let directory = tempfile::tempdir().unwrap();
        let [file, path] = ["file", "below/index"].map(|name| directory.path().join(name));
        fs::write(&file, "text").unwrap();
        let stamp = || Stamp::of(&file.metadata().unwrap());
        index(3).save(&path, &stamp());
        assert!(!path.exists(), "its stamp is not settled");

        std::thread::sleep(Duration::from_millis(3100));
        let before = stamp();
        index(3).save(&path, &before);
        let read = TextIndex::load(&path, &before).unwrap();
        assert_eq!((read.len(), read.rest()), (3, &rest()[..]));
        assert_eq!(read.find("n2"), Some(20..30));

        let text = fs::read_to_string(&path).unwrap();
        let (_, content) = text.split_once('\n').unwrap();
        let version = env!("CARGO_PKG_VERSION");
        for (from, to) in [
            ("\"form\":2", "\"form\":1"),
            (version, "0.0.0"),
            ("\"size\":4", "\"size\":5"),
            ("{", ""),
        ] {
            let other = content.replacen(from, to, 1);
            assert_ne!(other, content);
            fs::write(&path, format!("{}\n{other}", Digest::of(&other))).unwrap();
            assert!(TextIndex::load(&path, &before).is_none(), "{from}");
        }
        // Whatever is damaged, nothing of it is used.
        for at in 0..text.len() {
            let mut other = text.clone().into_bytes();
            other[at] ^= 1;
            fs::write(&path, &other).unwrap();
            assert!(TextIndex::load(&path, &before).is_none(), "{at}");
            fs::write(&path, &text[..at]).unwrap();
            assert!(TextIndex::load(&path, &before).is_none(), "{at}");
        }
        fs::write(&path, &text).unwrap();
        assert!(TextIndex::load(&path, &before).is_some());
        fs::write(&file, "next").unwrap();
        assert!(TextIndex::load(&path, &stamp()).is_none());
    }
}
