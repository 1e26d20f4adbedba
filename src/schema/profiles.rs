//! Generates the schema of `profiles.toml` from the descriptions of its keys.

use schemars::Schema;
use serde_json::{Map, Value, json};

use crate::manifest::Allow;
use crate::manifest::keys::{
    DEFINITION_NAME, DefaultValue, FILE, Key, Kind, NOT_BLANK, PROFILE, REFERENCES, SIZE,
    TableForm, TableSpec, TextForm,
};

/// Returns the schema, without the parts that every published schema has.
pub(super) fn schema() -> Schema {
    let mut definitions = Map::new();
    let file = object(&FILE, |_| true, &|key| key.is_required, &mut definitions);
    let mut schema = Schema::default();
    schema.insert(
        "$schema".into(),
        "https://json-schema.org/draft/2020-12/schema".into(),
    );
    schema.insert("title".into(), FILE.name.into());
    schema.ensure_object().extend(file);
    schema.insert("$defs".into(), definitions.into());
    schema
}

type Object = Map<String, Value>;

/// Returns `value`, which is known to be an object, as one.
fn fields(value: Value) -> Object {
    match value {
        Value::Object(fields) => fields,
        _ => Object::new(),
    }
}

/// Returns a table with the keys that are `used`, and adds the tables below it to
/// `definitions`.
fn object(
    table: &TableSpec,
    used: impl Fn(&Key) -> bool,
    is_required: &dyn Fn(&Key) -> bool,
    definitions: &mut Object,
) -> Object {
    let mut properties = Object::new();
    for key in table.keys.iter().filter(|key| used(key)) {
        properties.insert(key.name.into(), property(key, definitions).into());
    }
    let required = table.keys.iter().filter(|key| is_required(key));
    let required: Vec<&str> = required.map(|key| key.name).collect();
    let mut object = fields(json!({
        "description": table.about,
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    }));
    if !required.is_empty() {
        object.insert("required".into(), required.into());
    }
    if !table.any_of.is_empty() {
        let any_of = table.any_of.iter().map(|key| json!({ "required": [key] }));
        object.insert("anyOf".into(), any_of.collect());
    }
    object
}

/// Returns a reference to `name`, and adds its description if it is missing.
fn reference(
    name: &str,
    definitions: &mut Object,
    describe: impl FnOnce(&mut Object) -> Object,
) -> Value {
    if !definitions.contains_key(name) {
        // Reserves its place before the tables below it.
        definitions.insert(name.into(), Value::Null);
        let described = describe(definitions);
        definitions.insert(name.into(), described.into());
    }
    json!({ "$ref": format!("#/$defs/{name}") })
}

fn table(table: &'static TableSpec, definitions: &mut Object) -> Value {
    reference(table.name, definitions, |definitions| {
        object(table, |_| true, &|key| key.is_required, definitions)
    })
}

fn property(key: &Key, definitions: &mut Object) -> Object {
    let mut property = fields(value(key.kind, definitions));
    property.insert("description".into(), key.about.into());
    let default: Value = match key.default {
        DefaultValue::None => return property,
        DefaultValue::Text(text) => text.into(),
        DefaultValue::Number(number) => number.into(),
        DefaultValue::Size(bytes) => format!("{} GiB", bytes >> 30).into(),
        DefaultValue::Boolean(boolean) => boolean.into(),
    };
    property.insert("default".into(), default);
    property
}

fn value(kind: Kind, definitions: &mut Object) -> Value {
    match kind {
        Kind::Text(pattern) => json!({ "type": "string", "pattern": pattern }),
        Kind::Path => json!({ "title": "path", "type": "string", "pattern": NOT_BLANK }),
        Kind::Command => json!({ "type": "array", "items": { "type": "string" }, "minItems": 1 }),
        Kind::Number(least) => json!({ "type": "integer", "minimum": least }),
        Kind::Boolean => json!({ "type": "boolean" }),
        Kind::Size => json!({
            "title": "size",
            "anyOf": [
                { "type": "integer", "minimum": 1 },
                { "type": "string", "pattern": SIZE },
            ],
        }),
        Kind::Refusals => {
            let names: Vec<&str> = Allow::names().collect();
            json!({ "type": "array", "items": { "enum": names } })
        }
        Kind::Table(inner) => table(inner, definitions),
        Kind::NamedTables(inner) => json!({
            "type": "object",
            "minProperties": 1,
            "propertyNames": { "pattern": DEFINITION_NAME },
            "additionalProperties": table(inner, definitions),
        }),
        Kind::Tables(inner) => json!({
            "type": "array",
            "items": table(inner, definitions),
            "uniqueItems": true,
        }),
        Kind::Profiles(inner) => json!({
            "type": "array",
            "items": reference(inner.name, definitions, profile),
            "minItems": 1,
            "uniqueItems": true,
        }),
    }
}

/// Returns an entry of `profiles`, in any of its forms.
fn profile(definitions: &mut Object) -> Object {
    let mut forms: Vec<Value> = REFERENCES.iter().map(text).collect();
    for form in PROFILE.forms {
        let mut reference = fields(reference(form.name, definitions, |definitions| {
            table_form(form, definitions)
        }));
        reference.insert("description".into(), form.about.into());
        forms.push(reference.into());
    }
    fields(json!({ "description": PROFILE.about, "anyOf": forms }))
}

fn text(form: &TextForm) -> Value {
    let mut text = fields(json!({
        "description": form.about,
        "type": "string",
        "pattern": form.pattern,
    }));
    if let Some(pattern) = form.and {
        text.insert("allOf".into(), json!([{ "pattern": pattern }]));
    }
    if let Some(pattern) = form.not {
        text.insert("not".into(), json!({ "pattern": pattern }));
    }
    text.into()
}

/// Returns a form with the keys that it requires and those that no form requires.
fn table_form(form: &TableForm, definitions: &mut Object) -> Object {
    let is_required = |key: &Key| form.requires.contains(&key.name);
    let in_no_form = |key: &Key| {
        let mut forms = PROFILE.forms.iter();
        forms.all(|form| !form.requires.contains(&key.name))
    };
    let used = |key: &Key| is_required(key) || in_no_form(key);
    let mut object = object(&PROFILE, used, &is_required, definitions);
    object.insert("description".into(), form.about.into());
    object
}
