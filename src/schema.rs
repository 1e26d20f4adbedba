//! JSON Schemas (draft 2020-12) of files and output, for editors and scripts.
//!
//! Each schema is generated from the code that uses it: that of `profiles.toml` from the
//! descriptions that its reader uses (`manifest/keys.rs`), that of the lock from the types that
//! read it, that of the documents from the types that are printed (`commands/schema.rs`). Tests
//! compare the reader and the schema, key by key and sample by sample.

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform as _};
use serde_json::Value;

use crate::lockfile;

mod profiles;

/// Returns the schema of `profiles.toml`.
#[must_use]
pub fn profiles() -> Value {
    published("profiles", profiles::schema())
}

/// Returns the schema of `profiles.lock`.
#[must_use]
pub fn lock() -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<lockfile::Document>();
    RecursiveTransform(without_null).transform(&mut schema);
    published("lock", schema)
}

/// Returns the address of the schema `name` of this version.
#[must_use]
pub fn address(name: &str) -> String {
    let repository =
        env!("CARGO_PKG_REPOSITORY").replace("github.com", "raw.githubusercontent.com");
    let version = env!("CARGO_PKG_VERSION");
    format!("{repository}/v{version}/schema/{name}.schema.json")
}

/// Returns the schema `name` as it is published: with its address, and tidied.
#[must_use]
pub fn published(name: &str, mut schema: Schema) -> Value {
    schema.insert("$id".into(), address(name).into());
    RecursiveTransform(tidy).transform(&mut schema);
    schema.to_value()
}

/// Allows additional properties, since a later version may print more fields.
pub fn open(schema: &mut Schema) {
    RecursiveTransform(|schema: &mut Schema| {
        schema.remove("additionalProperties");
    })
    .transform(schema);
}

/// Removes null from a schema, since TOML does not have it: a key without a value is missing.
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

/// Tidies a schema: puts keywords in the order for readers, joins the lines of paragraphs, and
/// removes the formats of numbers, which are those of Rust.
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
    // `false` is a valid schema, too.
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

/// The order of keywords in a published schema. Others follow.
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
