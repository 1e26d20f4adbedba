//! `edgestage schema`: prints the JSON Schemas of the files and of the JSON documents. It reads
//! nothing.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::verify;
use super::{
    attest, build, cache, check, completions, diff, edit, explain, fetch, host, init, list, man,
    outdated, pull, push, rehearse, show, sign, stage, unstage, upgrade,
};
use crate::cli::SchemaOf;
use crate::commands::{bundle_report, image_report};
use crate::schema::{self, published};
use crate::ui::document::Head;
use crate::ui::{CommandOutput, fields};

/// The document of `schema`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Schema")]
pub(super) struct Document {
    /// The requested JSON Schema.
    #[schemars(with = "Map<String, Value>")]
    json_schema: Value,
}

pub(super) fn run(of: SchemaOf) -> CommandOutput {
    let schema = match of {
        SchemaOf::Profiles => schema::profiles(),
        SchemaOf::Lock => schema::lock(),
        SchemaOf::Output => output(),
    };
    CommandOutput {
        text: format!("{schema:#}\n"),
        json: fields(&Document {
            json_schema: schema,
        }),
        error: None,
    }
}

type Part = fn(&mut SchemaGenerator) -> Schema;

fn part<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// The results that each command prints after the common fields; `verify` has three forms.
const RESULTS: [(&str, &[Part]); 29] = [
    ("init", &[part::<init::Document>]),
    ("add", &[part::<edit::Edited>]),
    ("remove", &[part::<edit::Edited>]),
    ("rename", &[part::<edit::Renamed>]),
    ("check", &[part::<check::Document>]),
    ("fetch", &[part::<fetch::Document>]),
    ("stage", &[part::<stage::Document>]),
    ("rehearse", &[part::<rehearse::Document>]),
    ("build", &[part::<build::Document>]),
    ("unstage", &[part::<unstage::Document>]),
    ("diff", &[part::<diff::Document>]),
    ("update", &[part::<fetch::Document>]),
    ("outdated", &[part::<outdated::Document>]),
    ("upgrade", &[part::<upgrade::Document>]),
    ("push", &[part::<push::Document>]),
    ("pull", &[part::<pull::Document>]),
    ("host check", &[part::<host::check::Document>]),
    ("host upload", &[part::<host::upload::Document>]),
    (
        "verify",
        &[
            part::<verify::Document>,
            part::<image_report::Document>,
            part::<sign::Verified>,
            part::<bundle_report::Document>,
        ],
    ),
    ("show", &[part::<show::Document>]),
    ("sign", &[part::<sign::Document>]),
    ("attest", &[part::<attest::Document>]),
    ("explain", &[part::<explain::Document>]),
    ("list", &[part::<list::Document>]),
    ("cache list", &[part::<cache::Listing>]),
    ("cache clean", &[part::<cache::Cleaning>]),
    ("completions", &[part::<completions::Document>]),
    ("man", &[part::<man::Document>]),
    ("schema", &[part::<Document>]),
];

/// Returns the schema of all documents, with one form for each command.
fn output() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut generator = settings.into_generator();
    let mut forms = vec![json!({
        "title": "no command: the command line could not be read",
        "properties": { "command": { "const": "" } },
        "required": ["error"],
    })];
    for (command, results) in RESULTS {
        let results: Vec<Schema> = results.iter().map(|part| part(&mut generator)).collect();
        forms.push(form(command, &results, &generator));
    }
    let mut whole = generator.into_root_schema_for::<Head>();
    whole.insert("title".into(), "a document of --json".into());
    whole.insert("oneOf".into(), forms.into());
    schema::open(&mut whole);
    published("output", whole)
}

/// Returns the form of a document of `command`: one of its results, or an error alone.
fn form(command: &str, results: &[Schema], generator: &SchemaGenerator) -> Value {
    let required = |result: &Schema| {
        let name = result.get("$ref")?.as_str()?.rsplit('/').next()?;
        let fields = &generator.definitions().get(name)?["required"];
        Some(json!({ "required": [fields[0]] }))
    };
    let none = json!({
        "title": "it failed before it had a result",
        "required": ["error"],
        "not": { "anyOf": results.iter().map(required).collect::<Vec<_>>() },
    });
    let mut forms: Vec<Value> = results.iter().map(|one| one.clone().to_value()).collect();
    forms.push(none);
    json_schema!({
        "title": format!("edgestage {command}"),
        "properties": { "command": { "const": command } },
        "anyOf": forms,
    })
    .to_value()
}
