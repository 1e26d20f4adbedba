//! Compares documents of formats that others define with their public schemas.

use std::sync::OnceLock;

use jsonschema::{Registry, Validator};
use serde_json::Value;

macro_rules! schema {
    ($name:literal) => {
        serde_json::from_str(include_str!(concat!(
            "../../fixtures/public-schemas/",
            $name
        )))
        .unwrap()
    };
}

/// Returns what is wrong with a CycloneDX 1.6 BOM, one line each.
pub fn wrong_in_bom(bom: &Value) -> Vec<String> {
    static VALIDATOR: OnceLock<Validator> = OnceLock::new();
    let validator = VALIDATOR.get_or_init(|| {
        let licenses: Value = schema!("spdx.schema.json");
        let signatures: Value = schema!("jsf-0.82.schema.json");
        let registry = Registry::new()
            .add("http://cyclonedx.org/schema/spdx.schema.json", licenses)
            .unwrap()
            .add(
                "http://cyclonedx.org/schema/jsf-0.82.schema.json",
                signatures,
            )
            .unwrap()
            .prepare()
            .unwrap();
        let options = jsonschema::options().with_registry(&registry);
        let schema: Value = schema!("bom-1.6.schema.json");
        options
            .should_validate_formats(true)
            .build(&schema)
            .unwrap()
    });
    told(validator, bom)
}

/// Returns what is wrong with an in-toto statement with SLSA provenance, one line each.
pub fn wrong_in_statement(statement: &Value) -> Vec<String> {
    static VALIDATOR: OnceLock<Validator> = OnceLock::new();
    let validator = VALIDATOR.get_or_init(|| {
        let schema: Value = schema!("statement-v1-provenance-v1.schema.json");
        let options = jsonschema::options().should_validate_formats(true);
        options.build(&schema).unwrap()
    });
    told(validator, statement)
}

fn told(validator: &Validator, document: &Value) -> Vec<String> {
    let errors = validator.iter_errors(document);
    errors
        .map(|error| format!("{error} at `{}`", error.instance_path()))
        .collect()
}
