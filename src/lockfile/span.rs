//! Where something stands in the file, for messages about it.

use std::ops::Range;
use std::sync::Arc;

use super::{Lockfile, inline};
use crate::diagnostic::{Excerpt, Source, lines_of};
use crate::manifest;
use crate::manifest::edit::key;
use crate::resolve::Pack;

/// A part of an entry.
#[derive(Debug, Clone, Copy)]
pub enum LockfileSpan<'p> {
    /// Its heading.
    Entry,
    /// The value under a key of a pack; the whole pack where it has no such key.
    Pack(&'p Pack, &'p str),
}

impl Lockfile {
    /// The place of a part of the entry of `definition`, as it is on disk.
    #[must_use]
    pub fn excerpt(
        &self,
        definition: &str,
        part: LockfileSpan<'_>,
        label: impl Into<String>,
    ) -> Option<Excerpt> {
        let text = self.written.as_deref()?;
        let span = find(text, definition, part)?;
        let lines = lines_of(text, &span);
        // Whatever somebody put there that is a secret elsewhere is one here.
        let masked = manifest::masked(&self.path, &text[lines.clone()]);
        Some(Excerpt {
            source: Arc::new(Source {
                path: masked.path.clone(),
                text: masked.text.clone(),
                first_line: 1 + text[..lines.start].matches('\n').count(),
            }),
            span: span.start - lines.start..span.end - lines.start,
            label: label.into(),
        })
    }
}

fn find(text: &str, definition: &str, part: LockfileSpan<'_>) -> Option<Range<usize>> {
    let heading = format!("[definition.{}]", key(definition));
    let is_line = |at: usize| {
        let behind = &text[at + heading.len()..];
        let behind = behind.trim_start_matches('\r');
        text[..at].ends_with('\n') && (behind.is_empty() || behind.starts_with('\n'))
    };
    let mut found = text.match_indices(&heading).map(|(at, _)| at);
    let start = found.find(|at| is_line(*at))?;
    let end = text[start..]
        .find("\n[definition.")
        .map_or(text.len(), |at| start + at);
    match part {
        LockfileSpan::Entry => Some(start..start + heading.len()),
        LockfileSpan::Pack(pack, key) => {
            let pack = inline(pack);
            let is_it = |line: &str| line.trim().trim_end_matches(',') == pack;
            let line = line_of(text, start..end, is_it)?;
            let whole = text[line.clone()].find('{').map(|at| line.start + at);
            let whole = whole?..line.start + text[line.clone()].trim_end_matches(',').len();
            Some(value_in(text, whole.clone(), key).unwrap_or(whole))
        }
    }
}

/// The first line in `range` that `fits`.
fn line_of(text: &str, range: Range<usize>, fits: impl Fn(&str) -> bool) -> Option<Range<usize>> {
    let mut start = range.start;
    for line in text[range].split_inclusive('\n') {
        let bare = line.trim_end_matches(['\n', '\r']);
        if fits(bare) {
            return Some(start..start + bare.len());
        }
        start += line.len();
    }
    None
}

/// The string under `key`, with its quotes.
fn value_in(text: &str, range: Range<usize>, key: &str) -> Option<Range<usize>> {
    let part = &text[range.clone()];
    let key = format!("{key} = \"");
    let at = part.match_indices(&key).map(|(at, _)| at);
    let mut at = at.filter(|at| part[..*at].ends_with(['\n', ' ']));
    let start = at.next()? + key.len() - 1;
    let length = part[start + 1..].find('"')? + 2;
    Some(range.start + start..range.start + start + length)
}

#[cfg(test)]
mod tests {
    use super::{LockfileSpan, find};
    use crate::resolve::Pack;

    const TEXT: &str = "\
version = 1

[definition.a]
endpoint = \"https://a.example\"

[[definition.a.profiles]]
packs = [
  { name = \"x\", layer = \"os\", tag = \"1\" },
]

[definition.\"b.c\"]
endpoint = \"https://b.example\"

[[definition.\"b.c\".profiles]]
packs = [
  { name = \"x\", layer = \"os\", tag = \"1\" },
  { name = \"y\", layer = \"k8s\", tag = \"2\", version = \"2.0\" },
]
";

    #[test]
    fn the_place_is_in_the_entry_of_the_definition() {
        let pack = |name: &str, layer: &str, tag: &str, version: &str| Pack {
            name: name.into(),
            layer: layer.into(),
            tag: tag.into(),
            version: version.into(),
            digest: String::new(),
        };
        let x = pack("x", "os", "1", "");
        let y = pack("y", "k8s", "2", "2.0");
        let shown = |definition, part| {
            let span = find(TEXT, definition, part)?;
            let line = 1 + TEXT[..span.start].matches('\n').count();
            Some((line, &TEXT[span]))
        };
        assert_eq!(shown("a", LockfileSpan::Entry), Some((3, "[definition.a]")));
        assert_eq!(
            shown("b.c", LockfileSpan::Pack(&x, "tag")),
            Some((16, "\"1\""))
        );
        assert_eq!(
            shown("b.c", LockfileSpan::Pack(&y, "version")),
            Some((17, "\"2.0\""))
        );
        assert_eq!(
            shown("b.c", LockfileSpan::Pack(&x, "digest")),
            Some((16, "{ name = \"x\", layer = \"os\", tag = \"1\" }"))
        );
        assert_eq!(shown("a", LockfileSpan::Pack(&y, "tag")), None);
        assert_eq!(shown("c", LockfileSpan::Entry), None);
    }
}
