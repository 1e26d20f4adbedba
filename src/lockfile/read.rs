//! Parses `profiles.lock`: from its text to entries, and to the places of their parts.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::IntoDeserializer as _;
use toml::de::{DeTable, DeValue};

use super::entries::{Entries, Written};
use super::write::heading;
use super::{LockEntry, LockfileSpan, VERSION, canonical, damage, version};
use crate::diagnostic::Diagnostic;
use crate::resolve::{Pack, ResolvedProfile};
use crate::util::sanitize;

/// What `edgestage` fetched for each definition of `profiles.toml`. edgestage writes this
/// file and people review it; do not edit it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "profiles.lock")]
pub struct Document {
    /// Format version of the file. A higher version comes from a newer edgestage, and is
    /// refused.
    #[schemars(extend("const" = VERSION))]
    version: u64,
    /// What was fetched for each definition, by name.
    #[serde(default)]
    pub(super) definition: BTreeMap<String, LockEntry>,
}

#[cfg(test)]
impl Document {
    /// Returns whether the version is the one that is read.
    pub(super) fn is_current(&self) -> bool {
        self.version == VERSION
    }
}

/// How the heading of an entry begins, with the line break before it.
const START: &str = "\n[definition.";

/// A part of the file that begins with the heading of an entry.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    definition: BTreeMap<String, LockEntry>,
}

/// Reads the entries of the file, in current spellings.
pub(super) fn parse(text: &Arc<String>, path: &Path) -> Result<Entries, Diagnostic> {
    if let Some(definitions) = by_definition(text) {
        return Ok(definitions);
    }
    // The version is checked first, since a newer file may have keys that are unknown here.
    if let Some(refused) = version::refused(text, &sanitize::path(path)) {
        return Err(refused);
    }
    match toml::from_str::<Document>(text) {
        Ok(document) => {
            let entries = document.definition.into_iter();
            Ok(entries.map(|(name, entry)| (name, normal(entry))).collect())
        }
        Err(error) => Err(damage::damaged(path, text, &error)),
    }
}

/// Returns an entry with its profiles in current spellings.
fn normal(mut entry: LockEntry) -> LockEntry {
    let profiles = std::mem::take(&mut entry.profiles);
    entry.profiles = profiles.into_iter().map(ResolvedProfile::normal).collect();
    entry
}

/// Returns where the part of `text` that begins at `start` ends: at the next heading.
fn end_of_part(text: &str, start: usize) -> usize {
    let next = text[start + 1..].find(START);
    next.map_or(text.len(), |at| start + 1 + at)
}

/// Parses a part that has a single entry.
pub(super) fn part(text: &str) -> Option<(String, LockEntry)> {
    let part: Part = toml::from_str(text).ok()?;
    let mut entries = part.definition.into_iter();
    let (name, entry) = entries.next()?;
    entries.next().is_none().then(|| (name, normal(entry)))
}

/// Reads one definition after the other. What has the form in which edgestage writes it is
/// valid, and is left unparsed. Everything else is parsed at once. Returns `None` if a part is
/// not a valid entry of its own; the file is then parsed as a whole, which also finds the place
/// of a mistake.
pub(super) fn by_definition(text: &Arc<String>) -> Option<Entries> {
    let mut start = text.find(START)?;
    let head: Document = toml::from_str(&text[..start]).ok()?;
    if head.version != VERSION || !head.definition.is_empty() {
        return None;
    }
    let mut definitions = Entries::of(text);
    while start < text.len() {
        let found = canonical::entry(&text[start..]);
        let end = found.as_ref().map(|found| start + found.length);
        // Another line after the entry may belong to it.
        let is_whole = |end: &usize| *end == text.len() || text[*end..].starts_with(START);
        if let (Some(found), Some(end)) = (found, end.filter(is_whole)) {
            let at = |place: Range<usize>| start + place.start..start + place.end;
            let written = Written {
                entry: start..end,
                content_sha256: at(found.content_sha256),
                sha256: at(found.sha256),
            };
            if !definitions.insert_written(found.name, written) {
                return None;
            }
            start = end;
            continue;
        }
        let end = end_of_part(text, start);
        let (name, entry) = part(&text[start..end])?;
        if definitions.contains_key(&name) {
            return None;
        }
        definitions.insert(name, entry);
        start = end;
    }
    Some(definitions)
}

/// Returns the place of a part of the entry of `definition`.
pub(super) fn place(text: &str, definition: &str, of: LockfileSpan<'_>) -> Option<Range<usize>> {
    // The place of one entry is found without parsing thousands of others.
    let heading = format!("\n{}", heading(definition));
    let ends = |at: &usize| text[at + heading.len()..].starts_with(['\n', '\r']);
    let mut headings = text.match_indices(&heading).map(|(at, _)| at);
    let start = headings.find(ends)?;
    let part = start..end_of_part(text, start);
    let root = DeTable::parse(&text[part.clone()]).ok()?;
    let entry = root
        .get_ref()
        .get("definition")?
        .get_ref()
        .get(definition)?;
    let place = match of {
        LockfileSpan::Entry => entry.span(),
        LockfileSpan::Pack(pack, key) => place_of_pack(entry.get_ref(), pack, key)?,
    };
    Some(part.start + place.start..part.start + place.end)
}

fn place_of_pack(entry: &DeValue<'_>, pack: &Pack, key: &str) -> Option<Range<usize>> {
    let profiles = entry.get("profiles")?.get_ref().as_array()?;
    profiles.iter().find_map(|profile| {
        let read = ResolvedProfile::deserialize(profile.clone().into_deserializer());
        let read = read.ok()?.normal();
        let at = read.packs.iter().position(|known| known == pack)?;
        let place = profile.get_ref().get("packs")?.get_ref().get(at)?;
        Some(place.get_ref().get(key).unwrap_or(place).span())
    })
}

#[cfg(test)]
mod tests {
    use super::{LockfileSpan, place};
    use crate::resolve::Pack;

    const TEXT: &str = "\
version = 1

[definition.a]
endpoint = \"https://a.example\"

[[definition.a.profiles]]
uid = \"65c90a1b2c3d4e5f770daee5\"
name = \"p\"
version = \"1.0.0\"
type = \"cluster\"
packs = [
  { name = \"x\", layer = \"os\", tag = \"1\" },
]

[definition.\"b.c\"]
endpoint = \"https://b.example\"

[[definition.\"b.c\".profiles]]
uid = \"65c90a1b2c3d4e5f770daee5\"
name = \"p\"
version = \"1.0.0\"
type = \"add-on\"
packs = [
  { name = \"x\", layer = \"os\", tag = \"1\" },
  { name = \"y\", layer = \"k8s\", tag = \"2\", version = \"2.0\" },
  { name = \"z\", layer = \"\", tag = \"3\" },
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
            let span = place(TEXT, definition, part)?;
            let line = 1 + TEXT[..span.start].matches('\n').count();
            Some((line, &TEXT[span]))
        };
        assert_eq!(shown("a", LockfileSpan::Entry), Some((3, "[definition.a]")));
        assert_eq!(
            shown("b.c", LockfileSpan::Pack(&x, "tag")),
            Some((24, "\"1\""))
        );
        assert_eq!(
            shown("b.c", LockfileSpan::Pack(&y, "version")),
            Some((25, "\"2.0\""))
        );
        assert_eq!(
            shown("b.c", LockfileSpan::Pack(&x, "digest")),
            Some((24, "{ name = \"x\", layer = \"os\", tag = \"1\" }"))
        );
        // In the spelling of an earlier version.
        let z = pack("z", "addon", "3", "");
        assert_eq!(
            shown("b.c", LockfileSpan::Pack(&z, "tag")),
            Some((26, "\"3\""))
        );
        assert_eq!(shown("a", LockfileSpan::Pack(&y, "tag")), None);
        assert_eq!(shown("c", LockfileSpan::Entry), None);
    }
}
