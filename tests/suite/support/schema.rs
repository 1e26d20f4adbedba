//! Compares what is printed, written and read with the schemas that the binary prints.

use std::process::Command;
use std::sync::OnceLock;

use jsonschema::{Draft, Validator};
use serde_json::{Map, Value};

/// A compiled schema.
pub struct Schema {
    name: &'static str,
    validator: OnceLock<Validator>,
    /// The same schema for documents that lack later fields.
    lenient: OnceLock<Validator>,
}

/// The JSON documents of `--json`. A field that is not documented is an error here.
pub static OUTPUT: Schema = Schema::named("output");
/// `profiles.lock`.
pub static LOCK: Schema = Schema::named("lock");
/// `profiles.toml`.
pub static PROFILES: Schema = Schema::named("profiles");

impl Schema {
    const fn named(name: &'static str) -> Self {
        Self {
            name,
            validator: OnceLock::new(),
            lenient: OnceLock::new(),
        }
    }

    /// Returns the schema as `edgestage schema` prints it.
    pub fn text(&self) -> String {
        let binary = env!("CARGO_BIN_EXE_edgestage");
        let output = Command::new(binary)
            .args(["schema", self.name])
            .env_clear()
            .output()
            .unwrap();
        assert!(output.status.success() && output.stderr.is_empty());
        String::from_utf8(output.stdout).unwrap()
    }

    fn validator(&self) -> &Validator {
        self.validator.get_or_init(|| {
            let mut schema: Value = serde_json::from_str(&self.text()).unwrap();
            if self.name == "output" {
                tighten(&mut schema);
            }
            let options = jsonschema::options().with_draft(Draft::Draft202012);
            options.build(&schema).unwrap()
        })
    }

    /// Returns what is wrong with `value`, one line each.
    pub fn wrong(&self, value: &Value) -> Vec<String> {
        self.told(self.validator(), value)
    }

    /// Returns what an older document has and the schema no longer has. Later fields may be
    /// missing.
    pub fn gone_since(&self, value: &Value) -> Vec<String> {
        let lenient = self.lenient.get_or_init(|| {
            let mut schema: Value = serde_json::from_str(&self.text()).unwrap();
            tighten(&mut schema);
            for definition in schema["$defs"].as_object_mut().unwrap().values_mut() {
                definition.as_object_mut().unwrap().shift_remove("required");
            }
            let options = jsonschema::options().with_draft(Draft::Draft202012);
            options.build(&schema).unwrap()
        });
        self.told(lenient, value)
    }

    fn told(&self, validator: &Validator, value: &Value) -> Vec<String> {
        let errors = validator.iter_errors(value);
        errors
            .map(|error| {
                format!(
                    "schema {}: {error} at `{}`",
                    self.name,
                    error.instance_path()
                )
            })
            .collect()
    }

    /// Returns what is wrong with a TOML file; `None` if it is not TOML.
    pub fn wrong_in_toml(&self, text: &str) -> Option<Vec<String>> {
        let value: Value = toml::from_str(text).ok()?;
        Some(self.wrong(&value))
    }
}

/// Makes every field that the schema does not have an error. A published schema does not do
/// that, because later versions add fields.
fn tighten(schema: &mut Value) {
    let mut results = Vec::new();
    for form in schema["oneOf"].as_array().unwrap() {
        let parts = form["anyOf"].as_array().into_iter().flatten();
        results.extend(parts.filter_map(|part| part["$ref"].as_str().map(str::to_owned)));
    }
    assert!(results.len() > 10, "{results:?}");
    for (name, definition) in schema["$defs"].as_object_mut().unwrap() {
        if results.contains(&format!("#/$defs/{name}")) {
            // It is combined with the fields of every document, and closed together with them.
            each_property(definition.as_object_mut().unwrap());
        } else {
            close(definition);
        }
    }
    close(schema);
}

fn close(schema: &mut Value) {
    let Some(keywords) = schema.as_object_mut() else {
        return;
    };
    if keywords.contains_key("properties") {
        keywords.insert("unevaluatedProperties".into(), false.into());
        each_property(keywords);
        return;
    }
    if let Some(items) = keywords.get_mut("items") {
        close(items);
    }
    for forms in ["oneOf", "anyOf"] {
        let forms = keywords.get_mut(forms).and_then(Value::as_array_mut);
        forms.into_iter().flatten().for_each(close);
    }
}

fn each_property(keywords: &mut Map<String, Value>) {
    let properties = keywords
        .get_mut("properties")
        .and_then(Value::as_object_mut);
    properties
        .into_iter()
        .flat_map(Map::values_mut)
        .for_each(close);
}
