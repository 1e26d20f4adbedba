//! Tables of the reference: the keys of `profiles.toml` as the code describes them, and the
//! fields of the documents of their schema.

use edgestage::manifest::keys::{self, DefaultValue, Kind, TableSpec};
use serde_json::Value;

/// What several commands print, and what it is called in the table.
const SHARED: [(&str, &str); 8] = [
    ("Problem", "a problem"),
    ("Image", "an image"),
    ("CachedArchive", "a cached archive"),
    ("Change", "a change"),
    ("Pack", "a pack"),
    ("Variable", "a variable"),
    ("HostSlot", "a host's slot"),
    ("HostDifference", "a host's difference"),
];

/// The table that is meant by the words of a mark, such as `profiles Palette`.
pub fn table(words: &[&str], output: &Value) -> String {
    match words {
        ["profiles", name] => keys(described(&keys::FILE, name).expect(name)),
        ["output"] => fields(output),
        other => panic!("no such table: {other:?}"),
    }
}

/// The description of the table `name`, which is `table` or below it.
fn described(table: &'static TableSpec, name: &str) -> Option<&'static TableSpec> {
    if table.name == name {
        return Some(table);
    }
    table.keys.iter().find_map(|key| match key.kind {
        Kind::Table(inner)
        | Kind::NamedTables(inner)
        | Kind::Tables(inner)
        | Kind::Profiles(inner) => described(inner, name),
        _ => None,
    })
}

/// The keys of a table of `profiles.toml`.
fn keys(table: &TableSpec) -> String {
    let mut text = "| key | type | default | meaning |\n| --- | --- | --- | --- |\n".to_owned();
    for key in table.keys {
        let default = match key.default {
            DefaultValue::None if key.is_required => "required".to_owned(),
            DefaultValue::None => "none".to_owned(),
            DefaultValue::Text(text) => format!("`{text}`"),
            DefaultValue::Number(number) => format!("`{number}`"),
            DefaultValue::Size(bytes) => format!("`{} GiB`", bytes >> 30),
            DefaultValue::Boolean(boolean) => format!("`{boolean}`"),
        };
        let meaning = key.about.trim_end_matches('.').to_owned();
        text += &row(&[format!("`{}`", key.name), kind(key.kind), default, meaning]);
    }
    text
}

/// A type, as people call it.
fn kind(kind: Kind) -> String {
    match kind {
        Kind::Text(_) => "string",
        Kind::Path => "path",
        Kind::Command => "array of strings, at least one",
        Kind::Number(0) => "whole number",
        Kind::Number(least) => return format!("whole number, at least {least}"),
        Kind::Boolean => "boolean",
        Kind::Size => "size",
        Kind::Refusals => "array of strings",
        Kind::Table(_) => "table",
        Kind::NamedTables(_) => "table of tables",
        Kind::Tables(_) => "array of tables",
        Kind::Profiles(_) => "array of profiles, at least one",
    }
    .to_owned()
}

fn row(cells: &[String]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

/// The description, and what values there are.
fn meaning(property: &Value) -> String {
    let text = property["description"].as_str().unwrap_or_default();
    let text = text.trim_end_matches('.');
    match known(property).or_else(|| known(&property["items"])) {
        Some(values) => format!("{text}: {values}"),
        None => text.to_owned(),
    }
}

/// More values than this are listed elsewhere.
const MOST_VALUES: usize = 60;

fn known(property: &Value) -> Option<String> {
    let values = property["enum"].as_array()?;
    if values.len() > MOST_VALUES {
        return Some("one of the codes that `edgestage explain --json` lists".into());
    }
    let values: Vec<_> = values
        .iter()
        .map(|one| format!("`{}`", one.as_str().unwrap()))
        .collect();
    Some(values.join(", "))
}

/// The fields of every document.
fn fields(schema: &Value) -> String {
    let mut rows: Vec<[String; 3]> = Vec::new();
    walk(schema, schema, ("every", ""), &mut rows);
    let mut results: Vec<(String, Vec<String>)> = Vec::new();
    for form in schema["oneOf"].as_array().unwrap() {
        let command = format!(
            "`{}`",
            form["properties"]["command"]["const"].as_str().unwrap()
        );
        for part in form["anyOf"].as_array().into_iter().flatten() {
            let Some(result) = part["$ref"].as_str() else {
                continue;
            };
            match results.iter_mut().find(|(known, _)| known == result) {
                Some((_, commands)) => commands.push(command.clone()),
                None => results.push((result.to_owned(), vec![command.clone()])),
            }
        }
    }
    for (result, commands) in results {
        let result = &schema["$defs"][result.rsplit('/').next().unwrap()];
        walk(schema, result, (&commands.join(", "), ""), &mut rows);
    }
    for (name, word) in SHARED {
        walk(schema, &schema["$defs"][name], (word, ""), &mut rows);
    }
    let mut text = "| command | field | meaning |\n| --- | --- | --- |\n".to_owned();
    let mut seen = Vec::new();
    for row in rows {
        // `verify` has two forms with the same beginning.
        if !seen.contains(&row) {
            text += &self::row(&row);
            seen.push(row);
        }
    }
    text
}

/// A row for each property, and for those below it that are described nowhere else.
fn walk(schema: &Value, object: &Value, (of, path): (&str, &str), rows: &mut Vec<[String; 3]>) {
    for (key, properties) in merged(object) {
        let property = &properties[0];
        let is_list = property["items"].is_object();
        let field = format!("{path}{key}{}", if is_list { "[]" } else { "" });
        let inner = if is_list {
            &property["items"]
        } else {
            property
        };
        let name = reference(inner);
        let shared = SHARED.iter().find(|(shared, _)| name == Some(shared));
        let mut text = explained(schema, &properties);
        if let Some((_, word)) = shared {
            text.extend([" (*", word, "*)"]);
        }
        rows.push([of.to_owned(), format!("`{field}`"), text]);
        if shared.is_none() {
            walk(
                schema,
                resolved(schema, inner),
                (of, &format!("{field}.")),
                rows,
            );
        }
    }
}

/// The properties of an object; those of its variants under one name each.
fn merged(object: &Value) -> Vec<(&String, Vec<&Value>)> {
    let variants = object["oneOf"].as_array().into_iter().flatten();
    // The forms of a whole document are no variants: their fields come later.
    let variants = variants
        .filter(|form| form.get("anyOf").is_none() && form["properties"]["kind"].is_object());
    let mut all: Vec<(&String, Vec<&Value>)> = Vec::new();
    for (key, property) in variants
        .chain([object])
        .flat_map(|one| entries(&one["properties"]))
    {
        match all.iter_mut().find(|(known, _)| *known == key) {
            Some((_, same)) => same.push(property),
            None => all.push((key, vec![property])),
        }
    }
    all
}

/// What is said of one property, in whatever variants it stands.
fn explained(schema: &Value, properties: &[&Value]) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut values: Vec<String> = Vec::new();
    for property in properties {
        let text = meaning(property);
        if !text.is_empty() && !texts.contains(&text) {
            texts.push(text);
        }
        let constants = [*property].into_iter().chain(
            resolved(schema, property)["oneOf"]
                .as_array()
                .into_iter()
                .flatten(),
        );
        values.extend(constants.filter_map(|one| Some(format!("`{}`", one["const"].as_str()?))));
    }
    if !values.is_empty() {
        texts.push(values.join(", "));
    }
    let is_null = |property: &Value| {
        let in_forms = property["anyOf"]
            .as_array()
            .is_some_and(|forms| forms.iter().any(|form| form["type"] == "null"));
        in_forms
            || property["type"]
                .as_array()
                .is_some_and(|types| types.contains(&"null".into()))
    };
    let mut text = texts.join(": ");
    if properties.iter().any(|property| is_null(property)) && !text.contains("null") {
        text += "; or null";
    }
    text
}

/// The definition that a property refers to, where it is null also.
fn reference(property: &Value) -> Option<&str> {
    let forms = property["anyOf"].as_array();
    let mut forms = forms.into_iter().flatten().chain([property]);
    forms.find_map(|form| form["$ref"].as_str()?.rsplit('/').next())
}

fn resolved<'s>(schema: &'s Value, property: &'s Value) -> &'s Value {
    reference(property).map_or(property, |name| &schema["$defs"][name])
}

fn entries(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
    object.as_object().into_iter().flatten()
}
