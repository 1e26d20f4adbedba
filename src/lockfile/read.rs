//! Parses `profiles.lock`: from its text to entries, and to the places of their parts.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::IntoDeserializer as _;
use toml::de::{DeTable, DeValue};

use super::write::heading;
use super::{LockEntry, LockfileSpan, VERSION, damage, version};
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

/// A part of the file that begins with the heading of an entry.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    definition: BTreeMap<String, LockEntry>,
}

/// Parses the entries of the file and normalizes the spellings in their profiles.
pub(super) fn parse(text: &str, path: &Path) -> Result<BTreeMap<String, LockEntry>, Diagnostic> {
    let mut definitions = entries(text, path)?;
    for locked in definitions.values_mut() {
        let profiles = std::mem::take(&mut locked.profiles);
        locked.profiles = profiles.into_iter().map(ResolvedProfile::normal).collect();
    }
    Ok(definitions)
}

fn entries(text: &str, path: &Path) -> Result<BTreeMap<String, LockEntry>, Diagnostic> {
    if let Some(definitions) = parse_by_definition(text) {
        return Ok(definitions);
    }
    // The version is checked first, since a newer file may have keys that are unknown here.
    if let Some(refused) = version::refused(text, &sanitize::path(path)) {
        return Err(refused);
    }
    match toml::from_str::<Document>(text) {
        Ok(document) => Ok(document.definition),
        Err(error) => Err(damage::damaged(path, text, &error)),
    }
}

/// Returns where the first entry begins and the places of all entries, in a file that nobody
/// edited.
fn parts(text: &str) -> Option<(usize, impl Iterator<Item = Range<usize>>)> {
    const START: &str = "\n[definition.";
    let first = text.find(START)?;
    let mut next = Some(first);
    let parts = std::iter::from_fn(move || {
        let start = next?;
        next = text[start + 1..].find(START).map(|at| start + 1 + at);
        Some(start..next.unwrap_or(text.len()))
    });
    Some((first, parts))
}

/// Parses one definition after the other, in a file that nobody edited, so that a lock of
/// thousands takes a fraction of the memory. Returns `None` for any other file, which is then
/// parsed as a whole; that also finds the place of a mistake.
pub(super) fn parse_by_definition(text: &str) -> Option<BTreeMap<String, LockEntry>> {
    let (first, parts) = parts(text)?;
    let head: Document = toml::from_str(&text[..first]).ok()?;
    if head.version != VERSION || !head.definition.is_empty() {
        return None;
    }
    let mut definitions = BTreeMap::new();
    for part in parts {
        let part: Part = toml::from_str(&text[part]).ok()?;
        let mut entries = part.definition.into_iter();
        let (name, locked) = entries.next()?;
        if entries.next().is_some() || definitions.insert(name, locked).is_some() {
            return None;
        }
    }
    Some(definitions)
}

/// Returns the place of a part of the entry of `definition`.
pub(super) fn place(text: &str, definition: &str, of: LockfileSpan<'_>) -> Option<Range<usize>> {
    let (_, mut parts) = parts(text)?;
    let heading = heading(definition);
    // The place of one entry is found without parsing thousands of others.
    let part =
        parts.find(|part| text[part.clone()].trim_start().lines().next() == Some(&heading))?;
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
