//! Edits of `profiles.toml` that leave every other byte unchanged.
//!
//! Input: a text that is valid TOML, and the change. Output: the changed text. Nothing is
//! reformatted: a new entry is laid out like its neighbors. Removing an entry also removes the
//! comment on its line; removing a definition also removes the comment directly above its
//! header.

use std::ops::Range;

mod layout;
mod lines;
mod version;
mod write;

pub use version::{NewVersion, set_versions};
pub use write::{key, quoted};

use layout::{Array, Block, Entry, Header, Key, Layout, Value};
use lines::{begins_line, content_end, ends_line, line_end, line_start, newline, spliced};
use write::{as_array, as_definition, as_tables, into_array};

/// The comment that marks an example entry in a file that `init` wrote. The first added profile
/// replaces the entry.
pub const EXAMPLE: &str = "# an example: replace it";

/// A profile to add.
#[derive(Debug, Clone)]
pub struct NewProfile {
    /// The reference as it is written in the file, without quotes.
    pub reference: String,
    /// A comment for readers on the same line; may be empty.
    pub comment: String,
}

/// Why the text cannot be edited.
#[derive(Debug, PartialEq, Eq)]
pub enum EditError {
    /// The part at this place has a form that only an editor can change: an inline table or
    /// dotted keys.
    Inline(Range<usize>),
    /// The part does not exist.
    Absent,
}

/// Adds `new` after the profiles of `definition`, which is created at the end of the file if it
/// does not exist.
///
/// # Errors
/// Returns [`EditError::Inline`] if the definition is an inline table without profiles.
pub fn add(text: &str, definition: &str, new: &[NewProfile]) -> Result<String, EditError> {
    let text = &without_example(text, definition);
    let layout = Layout::of(text);
    let path = ["definition", definition, "profiles"];
    if let Some(array) = layout.array(&path) {
        return Ok(into_array(text, array, new));
    }
    if let Some(last) = layout.items(&path).last() {
        let end = content_end(text, layout.end_of_item(text, last.at));
        return Ok(spliced(text, end..end, &as_tables(text, definition, new)));
    }
    let header = layout
        .blocks
        .iter()
        .find(|block| block.kind == Header::Table && is_path(&block.keys, &path[..2]));
    if let Some(block) = header {
        let at = line_end(text, block.body);
        let gap = if text[..at].ends_with('\n') {
            ""
        } else {
            newline(text)
        };
        return Ok(spliced(
            text,
            at..at,
            &format!("{gap}{}", as_array(text, new)),
        ));
    }
    // The definition is written without a header of its own, or is not a table.
    let whole = layout.entries_below(&path[..1]).into_iter().find(|entry| {
        matches!(entry.value, Value::Inline(_) | Value::Scalar) && is_path(&entry.keys, &path[..1])
    });
    if let Some(entry) = layout.entries_below(&path[..2]).first().copied().or(whole) {
        return Err(EditError::Inline(entry.span.clone()));
    }
    let end = text.len();
    Ok(spliced(
        text,
        end..end,
        &as_definition(text, definition, new),
    ))
}

/// Removes the profiles of `definition` at `places`, which count from 0 in the order of the
/// file.
///
/// # Errors
/// Returns [`EditError::Absent`] if the definition or a profile does not exist.
pub fn remove_profiles(
    text: &str,
    definition: &str,
    places: &[usize],
) -> Result<String, EditError> {
    let path = ["definition", definition, "profiles"];
    let mut places = places.to_vec();
    places.sort_unstable();
    places.dedup();
    let mut text = text.to_owned();
    for place in places.into_iter().rev() {
        let layout = Layout::of(&text);
        let cut = if let Some(array) = layout.array(&path) {
            item_cut(&text, array, place).ok_or(EditError::Absent)?
        } else {
            let items = layout.items(&path);
            let item = items.get(place).ok_or(EditError::Absent)?;
            block_start(&text, item.block)..layout.end_of_item(&text, item.at)
        };
        text = spliced(&text, cut, "");
    }
    Ok(text)
}

/// Removes `definition` with all its content.
///
/// # Errors
/// Returns [`EditError`] if the definition does not exist or cannot be edited.
pub fn remove_definition(text: &str, definition: &str) -> Result<String, EditError> {
    let path = ["definition", definition];
    let layout = Layout::of(text);
    let mut cuts = Vec::new();
    for (at, block) in layout.blocks.iter().enumerate() {
        if begins_with(&block.keys, &path) {
            cuts.push(block_start(text, block)..layout.end_of_block(text, at));
        }
    }
    for entry in layout.entries_below(&path) {
        let cut = entry_cut(text, entry).ok_or(EditError::Inline(entry.span.clone()))?;
        cuts.push(cut);
    }
    if cuts.is_empty() {
        return Err(EditError::Absent);
    }
    cuts.sort_by_key(|cut| cut.start);
    let was_last = cuts.last().is_some_and(|cut| cut.end == text.len());
    let mut text = text.to_owned();
    for cut in cuts.into_iter().rev() {
        text = spliced(&text, cut, "");
    }
    if was_last {
        // The empty line that separated the definition is now at the end.
        text.truncate(content_end(&text, text.len()));
    }
    Ok(text)
}

/// Renames the definition `old` to `new` wherever its name occurs.
///
/// # Errors
/// Returns [`EditError::Absent`] if the definition does not exist.
pub fn rename_definition(text: &str, old: &str, new: &str) -> Result<String, EditError> {
    let layout = Layout::of(text);
    let mut spans = Vec::new();
    for block in &layout.blocks {
        let mut path: Vec<&Key> = Vec::new();
        names_in(&mut path, &block.keys, old, &mut spans);
        for entry in &block.entries {
            names_in_entry(&mut path, entry, old, &mut spans);
        }
    }
    if spans.is_empty() {
        return Err(EditError::Absent);
    }
    spans.sort_by_key(|span: &Range<usize>| span.start);
    spans.dedup();
    let name = key(new);
    let mut text = text.to_owned();
    for span in spans.into_iter().rev() {
        text = spliced(&text, span, &name);
    }
    Ok(text)
}

/// Returns the names of the definitions in `text`, in its order.
#[must_use]
pub fn definitions(text: &str) -> Vec<String> {
    let layout = Layout::of(text);
    let mut names: Vec<String> = Vec::new();
    let mut note = |path: &[&Key]| {
        if let [first, second, ..] = path
            && first.name == "definition"
            && !names.contains(&second.name)
        {
            names.push(second.name.clone());
        }
    };
    for block in &layout.blocks {
        let header: Vec<&Key> = block.keys.iter().collect();
        note(&header);
        for entry in &block.entries {
            let path: Vec<&Key> = header.iter().copied().chain(&entry.keys).collect();
            note(&path);
            if let (Value::Inline(inner), [_]) = (&entry.value, &path[..]) {
                for entry in inner {
                    let path: Vec<&Key> = path.iter().copied().chain(&entry.keys).collect();
                    note(&path);
                }
            }
        }
    }
    names
}

/// Pushes `keys` onto `path`, and records the places of `definition.OLD`.
fn names_in<'k>(
    path: &mut Vec<&'k Key>,
    keys: &'k [Key],
    old: &str,
    spans: &mut Vec<Range<usize>>,
) {
    for key in keys {
        path.push(key);
        if let [first, second] = path[..]
            && first.name == "definition"
            && second.name == old
        {
            spans.push(second.span.clone());
        }
    }
}

fn names_in_entry<'k>(
    path: &mut Vec<&'k Key>,
    entry: &'k Entry,
    old: &str,
    spans: &mut Vec<Range<usize>>,
) {
    let depth = path.len();
    names_in(path, &entry.keys, old, spans);
    if let Value::Inline(entries) = &entry.value {
        for entry in entries {
            names_in_entry(path, entry, old, spans);
        }
    }
    path.truncate(depth);
}

fn is_path(keys: &[Key], path: &[&str]) -> bool {
    keys.len() == path.len() && begins_with(keys, path)
}

fn begins_with(keys: &[Key], path: &[&str]) -> bool {
    keys.len() >= path.len() && keys.iter().zip(path).all(|(key, name)| key.name == *name)
}

/// A `[[…]]` block and its index among all blocks.
struct BlockItem<'l> {
    at: usize,
    block: &'l Block,
}

impl Layout {
    /// Returns the array at `path`, however the path is written.
    fn array(&self, path: &[&str]) -> Option<&Array> {
        let entries = self.entries_below(path);
        entries.into_iter().find_map(|entry| match &entry.value {
            Value::Array(array) => Some(array),
            _ => None,
        })
    }

    /// Returns the `[[path]]` blocks.
    fn items(&self, path: &[&str]) -> Vec<BlockItem<'_>> {
        let blocks = self.blocks.iter().enumerate();
        blocks
            .filter(|(_, block)| block.kind == Header::ArrayItem && is_path(&block.keys, path))
            .map(|(at, block)| BlockItem { at, block })
            .collect()
    }

    /// Returns the entries whose full path begins with `path`, as far as this is known. Entries
    /// below a header with that path are not included.
    fn entries_below<'l>(&'l self, path: &[&str]) -> Vec<&'l Entry> {
        let mut found = Vec::new();
        for block in &self.blocks {
            let Some(rest) = rest_of(path, &block.keys) else {
                continue;
            };
            // A block with the path itself is found by its header, unless its content is
            // requested.
            if !rest.is_empty() {
                for entry in &block.entries {
                    below(entry, rest, &mut found);
                }
            }
        }
        found
    }

    /// Returns where the block `at` ends: after its last entry, the comments directly below
    /// that, and the empty lines that follow. A comment after those empty lines belongs to no
    /// block, and a comment directly above the next header belongs to the next block.
    fn end_of_block(&self, text: &str, at: usize) -> usize {
        let next = self.blocks.get(at + 1);
        let limit = next.map_or(text.len(), |next| block_start(text, next));
        let line = |end: usize| text[end..line_end(text, end)].trim();
        let mut end = line_end(text, self.blocks[at].end()).min(limit);
        while end < limit && line(end).starts_with('#') {
            end = line_end(text, end);
        }
        while end < limit && line(end).is_empty() {
            end = line_end(text, end);
        }
        end
    }

    /// Returns where the `[[…]]` block `at` ends, including the tables below it.
    fn end_of_item(&self, text: &str, at: usize) -> usize {
        let path: Vec<&str> = self.blocks[at]
            .keys
            .iter()
            .map(|key| key.name.as_str())
            .collect();
        let children = self.blocks[at + 1..]
            .iter()
            .take_while(|block| block.keys.len() > path.len() && begins_with(&block.keys, &path));
        self.end_of_block(text, at + children.count())
    }
}

fn below<'l>(entry: &'l Entry, path: &[&str], found: &mut Vec<&'l Entry>) {
    let Some(rest) = rest_of(path, &entry.keys) else {
        return;
    };
    match &entry.value {
        Value::Inline(entries) if !rest.is_empty() => {
            for entry in entries {
                below(entry, rest, found);
            }
        }
        _ if rest.is_empty() => found.push(entry),
        _ => {}
    }
}

/// Returns the part of `path` after `keys`, or `None` if they differ. The rest is empty if
/// `keys` is longer than `path`.
fn rest_of<'p, 'n>(path: &'p [&'n str], keys: &[Key]) -> Option<&'p [&'n str]> {
    let common = keys.len().min(path.len());
    let same = keys.iter().zip(path).all(|(key, name)| key.name == *name);
    same.then(|| &path[common..])
}

/// Returns where a block begins: at the comment directly above its header, if there is one.
fn block_start(text: &str, block: &Block) -> usize {
    let mut start = line_start(text, block.span.start);
    while start > 0 {
        let above = line_start(text, start - 1);
        if above < block.floor || !text[above..start].trim_start().starts_with('#') {
            break;
        }
        start = above;
    }
    start
}

/// Returns the lines of an entry that shares them with no other.
fn entry_cut(text: &str, entry: &Entry) -> Option<Range<usize>> {
    let Range { start, end } = entry.span;
    (begins_line(text, start) && ends_line(text, end))
        .then(|| line_start(text, start)..line_end(text, end))
}

/// Returns the range that is removed with the item `place` of an array.
fn item_cut(text: &str, array: &Array, place: usize) -> Option<Range<usize>> {
    let item = array.items.get(place)?;
    let start = item.span.start;
    if begins_line(text, start) && ends_line(text, item.end()) {
        return Some(line_start(text, start)..line_end(text, item.end()));
    }
    let next = array.items.get(place + 1);
    let before = place.checked_sub(1).map(|before| &array.items[before]);
    let apart = |from: usize, to: usize| text[from..to].contains('\n');
    Some(match (before, next) {
        // The last item on its line. If it is the only item there, the comment belongs to it.
        (_, Some(next)) if apart(item.end(), next.span.start) => {
            let alone = line_start(text, start) <= array.open
                && before.is_none_or(|before| apart(before.span.end, start));
            if alone && ends_line(text, item.end()) {
                let line = &text[item.end()..line_end(text, item.end())];
                start..item.end() + line.trim_end().len()
            } else {
                start..item.end()
            }
        }
        (_, Some(next)) => start..next.span.start,
        // Anything in between, such as a comment, belongs to the neighbor.
        (Some(before), None) if apart(before.end(), start) => start..item.end(),
        // The comma before the last item is removed, too, unless the last item has its own.
        (Some(before), None) if item.comma.is_some() => before.end()..item.end(),
        (Some(before), None) if apart(before.span.end, before.end()) => {
            before.end() - 1..item.span.end
        }
        (Some(before), None) => before.span.end..item.span.end,
        (None, None) => start..item.end(),
    })
}

/// Returns the text without the entries of `definition` that are marked as examples.
fn without_example(text: &str, definition: &str) -> String {
    let path = ["definition", definition, "profiles"];
    let layout = Layout::of(text);
    let items = layout.array(&path).map_or(&[][..], |array| &array.items);
    let is_example = |end: usize| text[end..line_end(text, end)].trim() == EXAMPLE;
    let examples: Vec<usize> = (0..items.len())
        .filter(|place| is_example(items[*place].end()))
        .collect();
    remove_profiles(text, definition, &examples).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests;
