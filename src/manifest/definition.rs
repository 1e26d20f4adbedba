//! `[definition.NAME]`: profiles, overrides, and which project they belong to.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::DeValue;

use super::reader::{At, Problems, Table, string, wrong_type};
use super::reference::{self, InvalidReference, Parsed, Reference};
use super::{Allow, Definition, PackOverride, PaletteTable, Profile, Project};
use crate::diagnostic::{Code, Diagnostic};
use crate::util::path_error;
use crate::util::sanitize;
use crate::util::suggest::{nearest, nearest_file};
use crate::util::uid::Uid;

/// `metadata.name` of the documented request body (facts.md, 1).
pub const METADATA_NAME: &str = "cluster-profiles";
/// `spec.cloudType` of Edge profiles (facts.md, 1).
pub const CLOUD_TYPE: &str = "edge-native";
/// The most a values file may hold, in bytes: it travels inside a JSON body.
const VALUES_LIMIT: u64 = 4 << 20;

/// What a definition may be called.
pub const NAMES: &str = "letters, digits, `.`, `_` and `-`, not starting with `.` or `-`";

pub(super) fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    !name.is_empty() && !name.starts_with(['.', '-']) && name.bytes().all(allowed)
}

/// Reads every definition.
pub(super) fn read_all(
    table: &Table<'_, '_>,
    palette: &PaletteTable,
    directory: &Path,
    problems: &mut Problems,
) -> BTreeMap<String, Definition> {
    let mut definitions = BTreeMap::new();
    // What stands there then are keys of one definition.
    if let Some((profiles, value)) = table.entries().find(|(key, _)| key.value == "profiles")
        && !value.get_ref().is_table()
    {
        problems.add(
            Code::UnknownKey,
            profiles.span,
            "a definition without a name",
            "`profiles` directly in [definition]",
            "give it one: write `[definition.NAME]`, such as `[definition.factory]`",
        );
        return definitions;
    }
    for (name, value) in table.entries() {
        if !is_name(name.value) {
            problems.add(
                Code::InvalidValue,
                name.span.clone(),
                "not a name for a definition",
                NAMES,
                "rename it: the name is used on the command line and in file names",
            );
        }
        let title = format!("[definition.{}]", name.value.escape_debug());
        if let Some(table) = Table::new(title, value, problems) {
            let definition = read(&name, table, palette, directory, problems);
            definitions.insert(name.value.to_owned(), definition);
        }
    }
    if definitions.is_empty() && table.entries().next().is_none() {
        problems.add_lack(
            Code::NoDefinition,
            table.span.clone(),
            "no definition",
            "empty",
            "add one: `edgestage add PROFILE --to NAME`, PROFILE being a URL, uid or name@version",
        );
    }
    definitions
}

fn read(
    name: &At<&str>,
    mut table: Table<'_, '_>,
    palette: &PaletteTable,
    directory: &Path,
    problems: &mut Problems,
) -> Definition {
    let own_project = table.string("project", problems);
    let canvos = table.string("canvos", problems);
    let metadata_name = table.string("name", problems);
    let cloud_type = table.string("cloud-type", problems);
    let allow = allow(&mut table, problems);
    let (profiles, url_project) = profiles(&mut table, name, directory, problems);
    table.finish(problems);

    let own_project = own_project.map(|at| at.map(|text| Project::parse(&text)));
    if let (Some(at), Some(url)) = (&own_project, &url_project)
        && let Project::Uid(own) = &at.value
        && *own != url.value
    {
        problems.add(
            Code::SeveralProjects,
            at.span.clone(),
            format!("`{}` has profiles of another project", name.value),
            format!("a console URL below names project `{}`", url.value),
            "remove `project`, or the profile that belongs to the other project",
        );
    }
    Definition {
        name: name.value.to_owned(),
        span: name.span.clone(),
        own_project: own_project.is_some(),
        project: own_project.or_else(|| palette.project.clone()),
        url_project: url_project.map(|at| at.value),
        canvos_span: canvos.as_ref().map(|at| at.span.clone()),
        canvos: canvos.map(|at| directory.join(at.value)),
        metadata_name: metadata_name.map_or_else(|| METADATA_NAME.to_owned(), |at| at.value),
        cloud_type: cloud_type.map_or_else(|| CLOUD_TYPE.to_owned(), |at| at.value),
        allow,
        profiles,
    }
}

fn allow(table: &mut Table<'_, '_>, problems: &mut Problems) -> BTreeSet<Allow> {
    let mut allowed = BTreeSet::new();
    for name in table
        .strings("allow", problems)
        .into_iter()
        .flat_map(|at| at.value)
    {
        if let Some((_, allow)) = Allow::ALL.iter().find(|(known, _)| *known == name.value) {
            allowed.insert(*allow);
        } else {
            let known = Allow::ALL.map(|(known, _)| known);
            let near = nearest(&name.value, known).unwrap_or(known[0]);
            problems.add(
                Code::InvalidValue,
                name.span,
                format!(
                    "`{}` is not a valid value of `allow`",
                    name.value.escape_debug()
                ),
                "unknown",
                format!("write `{near}`, or remove it"),
            );
        }
    }
    allowed
}

/// The profiles, and the project that their URLs name; `None` if they do not agree, since they
/// cannot all agree with another one then.
fn profiles(
    table: &mut Table<'_, '_>,
    name: &At<&str>,
    directory: &Path,
    problems: &mut Problems,
) -> (Vec<Profile>, Option<At<Uid>>) {
    let help = format!(
        "add one: `edgestage add PROFILE --to {}`, PROFILE being a URL, uid or name@version",
        sanitize::line(name.value.as_bytes())
    );
    let Some(array) = table.array("profiles", "an array of profiles", problems) else {
        if table.lacks("profiles") {
            let title = format!("`{}` has no profiles", name.value);
            problems.add_lack(
                Code::NoProfiles,
                name.span.clone(),
                title,
                "`profiles` is missing",
                help,
            );
        }
        return (Vec::new(), None);
    };
    if array.value.is_empty() {
        let title = format!("`{}` has no profiles", name.value);
        problems.add(Code::NoProfiles, array.span, title, "empty", help);
    }
    let mut profiles: Vec<Profile> = Vec::new();
    let mut seen: BTreeMap<Reference, usize> = BTreeMap::new();
    let mut project: Option<At<Uid>> = None;
    let mut agree = true;
    for item in array.value {
        let Some((parsed, packs)) = profile(item, directory, problems) else {
            continue;
        };
        let span = item.span();
        if let Some(first) = seen.insert(parsed.reference.clone(), span.start) {
            let line = problems.line(first);
            problems.add(
                Code::DuplicateReference,
                span.clone(),
                format!("`{}` has the same profile twice", name.value),
                format!("already in line {line}"),
                "remove one of the two",
            );
        }
        agree &= check_project(parsed.project, &span, name.value, &mut project, problems);
        profiles.push(Profile {
            reference: parsed.reference,
            span,
            packs,
        });
    }
    (profiles, project.filter(|_| agree))
}

/// The projects of a definition's URLs must agree. Whether this one does.
fn check_project(
    found: Option<Uid>,
    span: &Range<usize>,
    name: &str,
    project: &mut Option<At<Uid>>,
    problems: &mut Problems,
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
            let line = problems.line(first.span.start);
            problems.add(
                Code::SeveralProjects,
                span.clone(),
                format!("`{name}` has profiles of two projects"),
                format!("line {line} is of project `{}`", first.value),
                "Palette exports profiles of one project together: make a definition for each",
            );
            return false;
        }
        Some(_) => {}
    }
    true
}

/// One entry of `profiles`: a string or a table.
fn profile(
    item: &Spanned<DeValue<'_>>,
    directory: &Path,
    problems: &mut Problems,
) -> Option<(Parsed, Vec<PackOverride>)> {
    match item.get_ref() {
        DeValue::String(text) => Some((parse_reference(text, item.span(), problems)?, Vec::new())),
        DeValue::Table(entries) => {
            let mut table = Table::of("a profile", entries, item.span());
            table.value("packs");
            let parsed = table_reference(&mut table, problems);
            let packs = packs(&mut table, directory, problems);
            table.finish(problems);
            Some((parsed?, packs))
        }
        other => {
            let expected = "a string or a table";
            wrong_type(problems, item.span(), "a profile", expected, other);
            None
        }
    }
}

fn parse_reference(text: &str, span: Range<usize>, problems: &mut Problems) -> Option<Parsed> {
    reference::parse(text)
        .map_err(|why| {
            not_a_reference(span, why.label(), why.help(text), problems);
        })
        .ok()
}

/// Notes something that names no profile.
fn not_a_reference(
    span: Range<usize>,
    label: impl Into<String>,
    help: impl Into<String>,
    problems: &mut Problems,
) {
    let told = Diagnostic::error(Code::InvalidReference, "not a profile reference");
    let told = told.at(problems.source(), span, label).help(help);
    problems.push(told);
}

/// `{ uid = … }`, `{ url = … }` or `{ name = …, version = … }`.
fn table_reference(table: &mut Table<'_, '_>, problems: &mut Problems) -> Option<Parsed> {
    let uid = table.string("uid", problems);
    let url = table.string("url", problems);
    let name = table.string("name", problems);
    let version = table.string("version", problems);
    match (uid, url, name, version) {
        (Some(at), None, None, None) => {
            let parsed = parse_reference(&at.value, at.span.clone(), problems)?;
            if Uid::parse(&at.value).is_some() {
                return Some(parsed);
            }
            let label = "a uid of 24 hexadecimal digits is needed";
            not_a_reference(
                at.span,
                label,
                "write the profile's uid, or use `url`",
                problems,
            );
            None
        }
        (None, Some(at), None, None) => {
            let parsed = parse_reference(&at.value, at.span.clone(), problems)?;
            if at.value.contains("://") {
                return Some(parsed);
            }
            let label = "the profile's page in the console is needed";
            let help = "paste the URL of that page, or write `uid`, or `name` and `version`";
            not_a_reference(at.span, label, help, problems);
            None
        }
        (None, None, Some(name), Some(version)) => {
            for part in [&name, &version] {
                if part.value.trim() != part.value || part.value.chars().any(char::is_control) {
                    let why = InvalidReference::Space;
                    let help = why.help(&part.value);
                    not_a_reference(part.span.clone(), why.label(), help, problems);
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
            // A value that is none, or a key that is misspelt, is told already.
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
            let help =
                "write `{ uid = \"…\" }`, `{ url = \"…\" }` or `{ name = \"…\", version = \"…\" }`";
            let told = Diagnostic::error(Code::InvalidReference, "not a profile reference");
            let told = told.at(problems.source(), table.span.clone(), label);
            let told = told.help(help);
            if lacking.is_empty() {
                problems.push(told);
            } else {
                problems.push_lack(told);
            }
            None
        }
    }
}

fn packs(
    table: &mut Table<'_, '_>,
    directory: &Path,
    problems: &mut Problems,
) -> Vec<PackOverride> {
    let Some(array) = table.array("packs", "an array of tables", problems) else {
        return Vec::new();
    };
    let mut packs: Vec<PackOverride> = Vec::new();
    let mut names = BTreeSet::new();
    for item in array.value {
        let DeValue::Table(entries) = item.get_ref() else {
            wrong_type(
                problems,
                item.span(),
                "packs",
                "an array of tables",
                item.get_ref(),
            );
            continue;
        };
        let mut table = Table::of("a pack", entries, item.span());
        if let Some(pack) = pack(&mut table, directory, problems) {
            if !names.insert(pack.name.clone()) {
                let title = format!("pack `{}` is overridden twice", pack.name.escape_debug());
                problems.add(
                    Code::DuplicatePack,
                    item.span(),
                    title,
                    "the second",
                    "remove one of the two",
                );
            }
            packs.push(pack);
        }
        table.finish(problems);
    }
    packs
}

fn pack(
    table: &mut Table<'_, '_>,
    directory: &Path,
    problems: &mut Problems,
) -> Option<PackOverride> {
    let name = table.string("name", problems);
    let tag = table.string("tag", problems);
    let values = table
        .value("values")
        .and_then(|value| string(value, "values", problems));
    let values_file = values.as_ref().map(|at| directory.join(&at.value));
    let values = values.map(|at| read_values(&at, directory, problems));
    let Some(name) = name else {
        if !table.has_any(&["name"]) {
            problems.add_lack(
                Code::MissingKey,
                table.span.clone(),
                "a pack without a name",
                "`name` is missing",
                "write `name = \"…\"`",
            );
        }
        return None;
    };
    if tag.is_none() && !table.has_any(&["tag", "values"]) {
        problems.add_lack(
            Code::InvalidValue,
            table.span.clone(),
            format!("pack `{}` overrides nothing", name.value.escape_debug()),
            "neither `tag` nor `values`",
            "write `values = \"FILE\"`, or remove the pack",
        );
    }
    Some(PackOverride {
        name: name.value,
        tag: tag.map(|at| at.value),
        values: values.flatten(),
        values_file,
    })
}

/// Reads a values file: UTF-8 text of a sensible size.
fn read_values(at: &At<String>, directory: &Path, problems: &mut Problems) -> Option<String> {
    let path = directory.join(&at.value);
    let read = path_error::read(&path, VALUES_LIMIT);
    let failure = match read.map(String::from_utf8) {
        Ok(Ok(text)) => return Some(text),
        Ok(Err(_)) => "not UTF-8".to_owned(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => "no such file".to_owned(),
        Err(error) => sanitize::io(&error),
    };
    // As it is to be written: relative to the file.
    let near = nearest_file(&path).filter(|_| !path.exists());
    let near = near.and_then(|near| Some(near.strip_prefix(directory).ok()?.to_owned()));
    let help = near.map_or_else(
        || "write the path of a YAML file, relative to this file".to_owned(),
        |near| format!("did you mean `{}`?", sanitize::path(&near)),
    );
    problems.add(
        Code::ValuesUnreadable,
        at.span.clone(),
        format!("values file `{}` cannot be read", at.value.escape_debug()),
        failure,
        help,
    );
    None
}
