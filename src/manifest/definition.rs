//! `[definition.NAME]`: reads the profiles and overrides, and determines the project.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::reader::{At, Reader, Table, entries};
use super::reference::{self, InvalidReference, Parsed, Reference};
use super::{Allow, Definition, PackOverride, PaletteTable, Profile, Project, keys, messages};
use crate::util::files;
use crate::util::sanitize;
use crate::util::suggest::nearest_file;
use crate::util::uid::Uid;

/// The `metadata.name` of the documented request body (facts.md, 1).
pub const METADATA_NAME: &str = "cluster-profiles";
/// The `spec.cloudType` of Edge profiles (facts.md, 1).
pub const CLOUD_TYPE: &str = "edge-native";
/// The maximum size of a values file, in bytes: its text is a part of a JSON body.
const VALUES_LIMIT: u64 = 4 << 20;

pub(super) fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    !name.is_empty() && !name.starts_with(['.', '-']) && name.bytes().all(allowed)
}

/// Reads every definition of the file, whose tables are in `root`.
pub(super) fn read_all(
    root: &Table<'_, '_>,
    palette: &PaletteTable,
    reader: &mut Reader,
) -> BTreeMap<String, Definition> {
    let mut definitions = BTreeMap::new();
    let Some((value, kind)) = root.value("definition") else {
        return definitions;
    };
    let DeValue::Table(tables) = value.get_ref() else {
        reader.wrong_type("[definition]", kind.expected(), value);
        return definitions;
    };
    // The table then contains the keys of a single definition.
    if let Some((profiles, value)) = entries(tables).find(|(key, _)| key.value == "profiles")
        && !value.get_ref().is_table()
    {
        reader.add(messages::nameless_definition(reader.at(profiles.span)));
        return definitions;
    }
    let project = palette.project.as_ref();
    for (name, value) in entries(tables) {
        if let Some(definition) = read_value(&name, value, project, reader) {
            definitions.insert(name.value.to_owned(), definition);
        }
    }
    if tables.is_empty() {
        let place = reader.at(value.span());
        reader.add_lack(messages::no_definition(place, "empty"));
    }
    definitions
}

/// Reads the only definition of `tables`. `project` is that of `[palette]`.
pub(super) fn read_one(
    tables: &DeTable<'_>,
    project: Option<&At<Project>>,
    reader: &mut Reader,
) -> Option<Definition> {
    let (name, value) = entries(tables).next()?;
    read_value(&name, value, project, reader)
}

fn read_value(
    name: &At<&str>,
    value: &Spanned<DeValue<'_>>,
    project: Option<&At<Project>>,
    reader: &mut Reader,
) -> Option<Definition> {
    if !is_name(name.value) {
        reader.add(messages::not_a_name(reader.at(name.span.clone())));
    }
    let title = format!("[definition.{}]", name.value.escape_debug());
    let table = Table::new(title, &keys::DEFINITION, value, reader)?;
    Some(read(name, table, project, reader))
}

fn read(
    name: &At<&str>,
    table: Table<'_, '_>,
    project: Option<&At<Project>>,
    reader: &mut Reader,
) -> Definition {
    let own_project = table.text("project", reader);
    let canvos = table.path("canvos", reader);
    let metadata_name = table.text("name", reader);
    let cloud_type = table.text("cloud-type", reader);
    let allow = allow(&table, reader);
    let (profiles, url_project) = profiles(&table, name, reader);
    table.finish(reader);

    let own_project = own_project.map(|at| at.map(|text| Project::parse(&text)));
    if let (Some(at), Some(url)) = (&own_project, &url_project)
        && let Project::Uid(own) = &at.value
        && *own != url.value
    {
        let place = reader.at(at.span.clone());
        reader.add(messages::another_project(place, name.value, &url.value));
    }
    Definition {
        name: name.value.to_owned(),
        span: name.span.clone(),
        own_project: own_project.is_some(),
        project: own_project.or_else(|| project.cloned()),
        url_project: url_project.map(|at| at.value),
        canvos_span: canvos.as_ref().map(|at| at.span.clone()),
        canvos: canvos.map(|at| at.value),
        metadata_name: metadata_name.map_or_else(|| METADATA_NAME.to_owned(), |at| at.value),
        cloud_type: cloud_type.map_or_else(|| CLOUD_TYPE.to_owned(), |at| at.value),
        allow,
        profiles,
    }
}

fn allow(table: &Table<'_, '_>, reader: &mut Reader) -> BTreeSet<Allow> {
    let mut allowed = BTreeSet::new();
    let names = table.strings("allow", reader);
    for name in names.into_iter().flat_map(|at| at.value) {
        match Allow::named(&name.value) {
            Some(allow) => drop(allowed.insert(allow)),
            None => reader.add(messages::unknown_allow(reader.at(name.span), &name.value)),
        }
    }
    allowed
}

/// Reads the profiles and the project that their URLs name. The project is `None` if the URLs
/// disagree, since they cannot all agree with another project then.
fn profiles(
    table: &Table<'_, '_>,
    name: &At<&str>,
    reader: &mut Reader,
) -> (Vec<Profile>, Option<At<Uid>>) {
    let Some(array) = table.array("profiles", reader) else {
        if table.lacks("profiles") {
            let place = reader.at(name.span.clone());
            let label = "`profiles` is missing";
            reader.add_lack(messages::no_profiles(place, name.value, label));
        }
        return (Vec::new(), None);
    };
    if array.value.is_empty() {
        let place = reader.at(array.span);
        reader.add(messages::no_profiles(place, name.value, "empty"));
    }
    let mut profiles: Vec<Profile> = Vec::new();
    let mut seen: BTreeMap<Reference, usize> = BTreeMap::new();
    let mut project: Option<At<Uid>> = None;
    let mut agree = true;
    for item in array.value {
        let Some((parsed, version_span, packs)) = profile(item, reader) else {
            continue;
        };
        let span = item.span();
        if let Some(first) = seen.insert(parsed.reference.clone(), span.start) {
            let line = reader.line(first);
            let place = reader.at(span.clone());
            reader.add(messages::duplicate_profile(place, name.value, line));
        }
        agree &= check_project(parsed.project, &span, name.value, &mut project, reader);
        profiles.push(Profile {
            reference: parsed.reference,
            span,
            version_span,
            packs,
        });
    }
    (profiles, project.filter(|_| agree))
}

/// Checks that the URLs of a definition name the same project. Returns whether this one does.
fn check_project(
    found: Option<Uid>,
    span: &Range<usize>,
    name: &str,
    project: &mut Option<At<Uid>>,
    reader: &mut Reader,
) -> bool {
    let Some(found) = found else { return true };
    match project {
        None => {
            *project = Some(At {
                value: found,
                span: span.clone(),
            });
        }
        Some(first) if first.value != found => {
            let line = reader.line(first.span.start);
            let place = reader.at(span.clone());
            reader.add(messages::two_projects(place, name, line, &first.value));
            return false;
        }
        Some(_) => {}
    }
    true
}

/// An entry of `profiles`: its reference, the place of its version, and its overrides.
type Entry = (Parsed, Option<Range<usize>>, Vec<PackOverride>);

/// Reads an entry of `profiles`: a string or a table.
fn profile(item: &Spanned<DeValue<'_>>, reader: &mut Reader) -> Option<Entry> {
    match item.get_ref() {
        DeValue::String(text) => {
            let parsed = parse_reference(text, item.span(), reader)?;
            let by_name = matches!(parsed.reference, Reference::Version { .. });
            Some((parsed, by_name.then(|| item.span()), Vec::new()))
        }
        DeValue::Table(entries) => {
            let table = Table::of("a profile", &keys::PROFILE, entries, item.span());
            let parsed = table_reference(&table, reader);
            let version = entries.get("version").map(Spanned::span);
            let packs = packs(&table, reader);
            table.finish(reader);
            Some((parsed?, version, packs))
        }
        _ => {
            reader.wrong_type("a profile", "a string or a table", item);
            None
        }
    }
}

fn parse_reference(text: &str, span: Range<usize>, reader: &mut Reader) -> Option<Parsed> {
    reference::parse(text)
        .map_err(|why| reader.add(messages::invalid_reference(reader.at(span), &why, text)))
        .ok()
}

/// Reads `{ uid = … }`, `{ url = … }` or `{ name = …, version = … }`.
fn table_reference(table: &Table<'_, '_>, reader: &mut Reader) -> Option<Parsed> {
    let uid = table.text("uid", reader);
    let url = table.text("url", reader);
    let name = table.text("name", reader);
    let version = table.text("version", reader);
    match (uid, url, name, version) {
        (Some(at), None, None, None) => {
            let parsed = parse_reference(&at.value, at.span.clone(), reader)?;
            if Uid::parse(&at.value).is_some() {
                return Some(parsed);
            }
            reader.add(messages::not_a_uid(reader.at(at.span)));
            None
        }
        (None, Some(at), None, None) => {
            let parsed = parse_reference(&at.value, at.span.clone(), reader)?;
            if at.value.contains("://") {
                return Some(parsed);
            }
            reader.add(messages::not_a_page(reader.at(at.span)));
            None
        }
        (None, None, Some(name), Some(version)) => {
            for part in [&name, &version] {
                if !reference::is_word(&part.value) {
                    let place = reader.at(part.span.clone());
                    let why = InvalidReference::Space;
                    reader.add(messages::invalid_reference(place, &why, &part.value));
                }
            }
            Some(Parsed {
                reference: Reference::Version {
                    name: name.value,
                    version: version.value,
                },
                project: None,
            })
        }
        (uid, url, name, version) => {
            let lacking: &[&str] = match (&uid, &url, &name, &version) {
                (None, None, Some(_), None) => &["version"],
                (None, None, None, Some(_)) => &["name"],
                (None, None, None, None) => &["uid", "url", "name", "version"],
                _ => &[],
            };
            // An invalid value or a misspelled key has already been reported.
            if !lacking.is_empty() && table.has_any(lacking) {
                return None;
            }
            let several = uid.is_some() || url.is_some();
            let label = match (&name, &version) {
                _ if several => "more than one of `uid`, `url`, and `name` with `version`",
                (Some(_), None) => "`version` is missing",
                (None, Some(_)) => "`name` is missing",
                _ => "`uid`, `url`, or `name` and `version` are missing",
            };
            let problem = messages::not_one_reference(reader.at(table.span.clone()), label);
            if lacking.is_empty() {
                reader.add(problem);
            } else {
                reader.add_lack(problem);
            }
            None
        }
    }
}

fn packs(table: &Table<'_, '_>, reader: &mut Reader) -> Vec<PackOverride> {
    let Some(array) = table.array("packs", reader) else {
        return Vec::new();
    };
    let mut packs: Vec<PackOverride> = Vec::new();
    let mut names = BTreeSet::new();
    for item in array.value {
        let DeValue::Table(entries) = item.get_ref() else {
            reader.wrong_type("packs", "an array of tables", item);
            continue;
        };
        let table = Table::of("a pack", &keys::PACK, entries, item.span());
        if let Some(pack) = pack(&table, reader) {
            if !names.insert(pack.name.clone()) {
                let place = reader.at(item.span());
                reader.add(messages::duplicate_pack(place, &pack.name));
            }
            packs.push(pack);
        }
        table.finish(reader);
    }
    packs
}

fn pack(table: &Table<'_, '_>, reader: &mut Reader) -> Option<PackOverride> {
    let name = table.text("name", reader);
    let tag = table.text("tag", reader);
    let values = table
        .value("values")
        .and_then(|(value, kind)| reader.string(value, "values", kind.expected()));
    let values_file = values.as_ref().map(|at| reader.directory().join(&at.value));
    let values = values.map(|at| read_values(at, reader));
    let Some(name) = name else {
        if !table.has_any(&["name"]) {
            let place = reader.at(table.span.clone());
            reader.add_lack(messages::nameless_pack(place));
        }
        return None;
    };
    if tag.is_none() && !table.has_any(keys::PACK.any_of) {
        let place = reader.at(table.span.clone());
        reader.add_lack(messages::idle_pack(place, &name.value));
    }
    Some(PackOverride {
        name: name.value,
        tag: tag.map(|at| at.value),
        values: values.flatten(),
        values_file,
    })
}

/// Reads a values file: UTF-8 text of limited size.
fn read_values(at: At<String>, reader: &mut Reader) -> Option<String> {
    let directory = reader.directory();
    let path = directory.join(&at.value);
    let why = match files::read(&path, VALUES_LIMIT).map(String::from_utf8) {
        Ok(Ok(text)) => return Some(text),
        Ok(Err(_)) => "not UTF-8".to_owned(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => "no such file".to_owned(),
        Err(error) => sanitize::io(&error),
    };
    // The suggestion is relative to the file, as it has to be written there.
    let near = nearest_file(&path).filter(|_| !path.exists());
    let near = near.and_then(|near| Some(near.strip_prefix(directory).ok()?.to_owned()));
    let place = reader.at(at.span);
    let problem = messages::unreadable_values(place, &at.value, why, near.as_deref());
    reader.add(problem);
    None
}
