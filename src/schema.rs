//! JSON Schemas (draft 2020-12) of what is read and printed, for editors and scripts.
//!
//! A schema is made of what the code itself uses: that of `profiles.toml` of the descriptions
//! that its reader goes by (`manifest/keys.rs`), the lock's of the types that read it, the
//! documents' of those that are printed (`commands/schema.rs`). Tests compare reader and
//! schema, key by key and sample by sample.

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform as _};
use serde_json::Value;

use crate::lockfile;

mod profiles;

/// The schema of `profiles.toml`.
#[must_use]
pub fn profiles() -> Value {
    published("profiles", profiles::schema())
}

/// The schema of `profiles.lock`.
#[must_use]
pub fn lock() -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<lockfile::Document>();
    RecursiveTransform(without_null).transform(&mut schema);
    published("lock", schema)
}

/// Where the schema `name` of this version is kept.
#[must_use]
pub fn address(name: &str) -> String {
    let repository =
        env!("CARGO_PKG_REPOSITORY").replace("github.com", "raw.githubusercontent.com");
    let version = env!("CARGO_PKG_VERSION");
    format!("{repository}/v{version}/schema/{name}.schema.json")
}

/// The schema `name` as it is published: with its address, and tidy.
#[must_use]
pub fn published(name: &str, mut schema: Schema) -> Value {
    schema.insert("$id".into(), address(name).into());
    RecursiveTransform(tidy).transform(&mut schema);
    schema.to_value()
}

/// What may be printed later than this version is not a mistake of a document.
pub fn open(schema: &mut Schema) {
    RecursiveTransform(|schema: &mut Schema| {
        schema.remove("additionalProperties");
    })
    .transform(schema);
}

/// TOML has no null: a key without a value is not there.
fn without_null(schema: &mut Schema) {
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|one| one != "null");
        if let [one] = &mut types[..] {
            let one = std::mem::take(one);
            schema.insert("type".into(), one);
        }
    }
    if let Some(Value::Array(forms)) = schema.get_mut("anyOf") {
        forms.retain(|form| form["type"] != "null");
        if let [Value::Object(one)] = &mut forms[..] {
            let one = std::mem::take(one);
            schema.remove("anyOf");
            schema.ensure_object().extend(one);
        }
    }
}

/// Keywords in the order in which a person reads them; paragraphs in one line each; no
/// formats of numbers, which are Rust's.
fn tidy(schema: &mut Schema) {
    if let Some(Value::String(text)) = schema.get_mut("description") {
        let paragraphs = text.split("\n\n").map(|part| part.replace('\n', " "));
        *text = paragraphs.collect::<Vec<_>>().join("\n\n");
    }
    let is_number = |format: &Value| {
        let format = format.as_str().unwrap_or_default();
        format.starts_with("int") || format.starts_with("uint")
    };
    if schema.get("format").is_some_and(is_number) {
        schema.remove("format");
    }
    if schema.get("const").is_some() {
        schema.remove("minimum");
    }
    // `false` is a schema, too.
    let Some(keywords) = schema.as_object_mut() else {
        return;
    };
    let mut sorted: Vec<(String, Value)> = std::mem::take(keywords).into_iter().collect();
    sorted.sort_by_key(|(keyword, _)| {
        let place = ORDER.iter().position(|known| known == keyword);
        (place.unwrap_or(ORDER.len()), keyword.clone())
    });
    keywords.extend(sorted);
}

/// Keywords in the order of a schema that is published. Others stand behind them.
const ORDER: [&str; 22] = [
    "$schema",
    "$id",
    "title",
    "description",
    "$ref",
    "type",
    "const",
    "enum",
    "pattern",
    "minimum",
    "maximum",
    "default",
    "items",
    "minItems",
    "uniqueItems",
    "minProperties",
    "propertyNames",
    "properties",
    "required",
    "additionalProperties",
    "anyOf",
    "oneOf",
];
