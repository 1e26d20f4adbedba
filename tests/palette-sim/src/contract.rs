//! Holds requests and answers against the vendor's `OpenAPI` 2.0 documents: that of Palette, and
//! that of an edge host.
//!
//! In: the document, and what a simulator recorded. Out: everything about a record
//! that the document does not allow. The product's tests run it over what their
//! client really sent; the simulator's own tests over what it answered.
//!
//! Stricter than the document where that finds mistakes: an object with declared
//! properties has no others, and what has properties is an object. Nothing is
//! fetched: the document is one file without references to the outside.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Once;

use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};

use crate::edge_host::parts;
use crate::record::{Answer, Recorded, Sent};

/// The methods a path item may have (`OpenAPI` 2.0, Path Item Object).
const METHODS: [&str; 7] = ["get", "put", "post", "delete", "options", "head", "patch"];

/// Said once per process, not once per test.
static NOTE: Once = Once::new();
/// The same for the edge host's document.
static HOST_NOTE: Once = Once::new();

/// The vendor's document, ready to check with.
pub struct Contract {
    operations: Vec<Operation>,
    error: Validator,
    api: Api,
}

/// Whose interface a document describes: it decides which header carries the credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Api {
    Palette,
    EdgeHost,
}

impl Api {
    fn credential(self) -> &'static str {
        match self {
            Api::Palette => "ApiKey",
            Api::EdgeHost => "Authorization",
        }
    }
}

struct Operation {
    method: String,
    /// Segments; one in braces stands for any.
    path: Vec<String>,
    query: Vec<Parameter>,
    body: Option<Validator>,
    /// The parts of a form, and whether each is required.
    form: Vec<(String, bool)>,
    /// The status of a success.
    success: u16,
    answer: Option<Validator>,
    /// `application/octet-stream` where the operation does not produce JSON.
    produces: String,
    answer_headers: Vec<String>,
}

struct Parameter {
    name: String,
    required: bool,
    schema: Validator,
    kind: String,
}

impl Contract {
    /// Reads the document of Palette.
    ///
    /// # Errors
    /// Where the file cannot be read, or is not what this module understands.
    pub fn load(path: impl AsRef<Path>) -> io::Result<Self> {
        Self::load_for(Api::Palette, path.as_ref())
    }

    fn load_for(api: Api, path: &Path) -> io::Result<Self> {
        let text = std::fs::read(path)?;
        let document = serde_json::from_slice(&text)?;
        Self::new(api, &document)
            .map_err(|message| io::Error::new(io::ErrorKind::InvalidData, message))
    }

    /// The document that tests are to use: `EDGESTAGE_OPENAPI`, by default
    /// `palette-openapi.json` in the folder `shared` beside the workspace. `None`
    /// where it is missing, with a note on standard error.
    ///
    /// # Panics
    /// If it is missing and `EDGESTAGE_OPENAPI` is set, since a check that silently does
    /// nothing is worse than none; and if it is there and cannot be used.
    #[must_use]
    pub fn for_tests() -> Option<Self> {
        let variable = "EDGESTAGE_OPENAPI";
        Self::named(Api::Palette, variable, "palette-openapi.json", &NOTE)
    }

    /// The same for an edge host: `EDGESTAGE_HOST_OPENAPI`, by default
    /// `edge-host-openapi.json`.
    ///
    /// # Panics
    /// As [`Contract::for_tests`].
    #[must_use]
    pub fn of_edge_host_for_tests() -> Option<Self> {
        let variable = "EDGESTAGE_HOST_OPENAPI";
        Self::named(
            Api::EdgeHost,
            variable,
            "edge-host-openapi.json",
            &HOST_NOTE,
        )
    }

    fn named(api: Api, variable: &str, file: &str, told: &Once) -> Option<Self> {
        let shared = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
        let beside = Path::new(shared).join(file);
        let named = std::env::var_os(variable).map(PathBuf::from);
        let path = named.as_deref().unwrap_or(&beside);
        if !path.exists() {
            let shown = path.display();
            assert!(named.is_none(), "{variable}: no such file: {shown}");
            let note = format!("{shown}: no such file, set {variable}");
            // Not `eprintln!`: the test harness swallows that where a test passes.
            told.call_once(|| {
                let text =
                    format!("\n*** NOTHING IS HELD AGAINST THE CONTRACT ***\n*** {note}\n\n");
                let _ = io::stderr().write_all(text.as_bytes());
            });
            return None;
        }
        match Self::load_for(api, path) {
            Ok(contract) => Some(contract),
            Err(error) => panic!("{}: {error}", path.display()),
        }
    }

    /// Takes the document apart.
    fn new(api: Api, document: &Value) -> Result<Self, String> {
        let mut definitions = document["definitions"].clone();
        for schema in definitions
            .as_object_mut()
            .into_iter()
            .flat_map(Map::values_mut)
        {
            harden(schema);
        }
        let paths = document["paths"].as_object().ok_or("it has no paths")?;
        let mut operations = Vec::new();
        for (path, item) in paths {
            for method in METHODS {
                if let Some(operation) = item.get(method) {
                    let shared = &item["parameters"];
                    let operation = Operation::new(path, method, operation, shared, &definitions)
                        .map_err(|error| format!("{method} {path}: {error}"))?;
                    operations.push(operation);
                }
            }
        }
        let error = json!({ "$ref": "#/definitions/v1Error" });
        let error = compile(&error, &definitions)?;
        Ok(Self {
            operations,
            error,
            api,
        })
    }

    /// Checks a request and, unless a fault spoiled it, its answer.
    ///
    /// # Errors
    /// Everything that is wrong, one line each, naming the part and the place in it.
    pub fn check(&self, record: &Recorded) -> Result<(), Vec<String>> {
        let mut problems = self.check_request(record).err().unwrap_or_default();
        let spoiled = record
            .answer
            .fault
            .as_ref()
            .is_some_and(|act| !act.is_honest());
        if !spoiled {
            problems.extend(self.check_answer(record).err().unwrap_or_default());
        }
        verdict(problems)
    }

    /// Checks a request alone.
    ///
    /// # Errors
    /// As [`Contract::check`].
    pub fn check_request(&self, record: &Recorded) -> Result<(), Vec<String>> {
        let call = format!("{} {}", record.method, record.path);
        let operation = match self.find(record) {
            Ok(operation) => operation,
            Err(problem) => return Err(vec![format!("{call}: {problem}")]),
        };
        let mut problems = Vec::new();
        let credential = self.api.credential();
        let needs_none = record.path.ends_with("/login") || record.path == "/v1/ping";
        let is_missing = record.header(credential).is_none_or(str::is_empty);
        if is_missing && !(needs_none && self.api == Api::EdgeHost) {
            problems.push(format!("header {credential} is missing"));
        }
        operation.check_query(record, &mut problems);
        operation.check_body(record, &mut problems);
        let lines = problems.into_iter();
        verdict(
            lines
                .map(|line| format!("{call}: request: {line}"))
                .collect(),
        )
    }

    /// Checks an answer alone.
    ///
    /// # Errors
    /// As [`Contract::check`].
    pub fn check_answer(&self, record: &Recorded) -> Result<(), Vec<String>> {
        let call = format!("{} {}", record.method, record.path);
        let answer = &record.answer;
        let mut problems = Vec::new();
        let found = self.find(record);
        let success = found.as_ref().map_or(200, |operation| operation.success);
        if answer.status == success {
            match found {
                Ok(operation) => operation.check_answer(answer, &mut problems),
                Err(problem) => problems.push(format!("answered {success}, but {problem}")),
            }
        } else if answer.status < 400 {
            problems.push(format!(
                "status {} is none of the contract's",
                answer.status
            ));
        } else {
            check_json(&self.error, answer, &mut problems);
            let body = answer.json().unwrap_or_default();
            for field in ["code", "message"] {
                if body[field].as_str().is_none_or(str::is_empty) {
                    problems.push(format!("the error has no {field}"));
                }
            }
        }
        let lines = problems.into_iter();
        verdict(
            lines
                .map(|line| format!("{call}: answer: {line}"))
                .collect(),
        )
    }

    /// The operation of a request: the one with the fewest segments in braces.
    fn find(&self, record: &Recorded) -> Result<&Operation, String> {
        let segments: Vec<&str> = record.path.split('/').collect();
        let fitting: Vec<&Operation> = self
            .operations
            .iter()
            .filter(|operation| operation.fits(&segments))
            .collect();
        let best = fitting.iter().map(|operation| operation.braces()).min();
        let Some(best) = best else {
            return Err("the path is not in the contract".into());
        };
        fitting
            .into_iter()
            .filter(|operation| operation.braces() == best)
            .find(|operation| operation.method.eq_ignore_ascii_case(&record.method))
            .ok_or_else(|| "the path does not have this method".into())
    }
}

impl Operation {
    fn new(
        path: &str,
        method: &str,
        operation: &Value,
        shared: &Value,
        definitions: &Value,
    ) -> Result<Self, String> {
        let own = operation["parameters"].as_array();
        let shared = shared.as_array();
        let mut query = Vec::new();
        let mut body = None;
        let mut form = Vec::new();
        for parameter in own.into_iter().chain(shared).flatten() {
            match parameter["in"].as_str() {
                Some("query") => query.push(Parameter::new(parameter)?),
                Some("body") => body = Some(compile(&parameter["schema"], definitions)?),
                Some("formData") => {
                    let name = parameter["name"].as_str().unwrap_or_default();
                    form.push((name.to_owned(), parameter["required"] == true));
                }
                Some("path") => {}
                other => return Err(format!("a parameter in {other:?} is not supported")),
            }
        }
        let responses = operation["responses"].as_object();
        let mut statuses = responses.into_iter().flat_map(Map::keys);
        let success = statuses.find_map(|status| {
            let status: u16 = status.parse().ok()?;
            (200..300).contains(&status).then_some(status)
        });
        let success = success.unwrap_or(200);
        let ok = &operation["responses"][success.to_string()];
        let produces = operation["produces"][0]
            .as_str()
            .unwrap_or("application/json");
        // A success without a schema has an empty body.
        let is_json = produces == "application/json" && !ok["schema"].is_null();
        let headers = ok["headers"].as_object().into_iter().flat_map(Map::keys);
        Ok(Self {
            method: method.into(),
            path: path.split('/').map(str::to_owned).collect(),
            query,
            body,
            form,
            success,
            answer: is_json
                .then(|| compile(&ok["schema"], definitions))
                .transpose()?,
            produces: produces.into(),
            answer_headers: headers.cloned().collect(),
        })
    }

    fn fits(&self, segments: &[&str]) -> bool {
        self.path.len() == segments.len()
            && self
                .path
                .iter()
                .zip(segments)
                .all(|(ours, theirs)| ours == theirs || ours.starts_with('{') && !theirs.is_empty())
    }

    fn braces(&self) -> usize {
        self.path
            .iter()
            .filter(|part| part.starts_with('{'))
            .count()
    }

    fn check_query(&self, record: &Recorded, problems: &mut Vec<String>) {
        for (name, value) in &record.query {
            match self.query.iter().find(|each| each.name == *name) {
                None => problems.push(format!("query parameter {name} is not in the contract")),
                Some(parameter) => {
                    let value = parameter.value(value);
                    report(
                        &parameter.schema,
                        &value,
                        &format!("query {name}"),
                        problems,
                    );
                }
            }
        }
        for parameter in self.query.iter().filter(|each| each.required) {
            if record.parameter(&parameter.name).is_none() {
                problems.push(format!("query parameter {} is missing", parameter.name));
            }
        }
    }

    fn check_body(&self, record: &Recorded, problems: &mut Vec<String>) {
        if record.body.is_empty() {
            return;
        }
        if !self.form.is_empty() {
            return self.check_form(record, problems);
        }
        let Some(schema) = &self.body else {
            problems.push("it has a body, the contract has none".into());
            return;
        };
        let media = media_type(record.header("Content-Type"));
        if media != "application/json" {
            problems.push(format!("Content-Type {media:?} is not application/json"));
        }
        match record.json() {
            None => problems.push("the body is not JSON".into()),
            Some(body) => report(schema, &body, "body", problems),
        }
    }

    fn check_form(&self, record: &Recorded, problems: &mut Vec<String>) {
        let Some(parts) = parts(record.header("Content-Type"), &record.body) else {
            problems.push("the body is not multipart/form-data".into());
            return;
        };
        for part in &parts {
            if !self.form.iter().any(|(name, _)| *name == part.name) {
                problems.push(format!("form part {} is not in the contract", part.name));
            } else if part.file_name.is_none() {
                problems.push(format!("form part {} has no file name", part.name));
            }
        }
        for (name, _) in self.form.iter().filter(|(_, required)| *required) {
            if parts.iter().filter(|part| part.name == *name).count() != 1 {
                problems.push(format!("form part {name} is not there once"));
            }
        }
    }

    fn check_answer(&self, answer: &Answer, problems: &mut Vec<String>) {
        for name in &self.answer_headers {
            if answer.header(name).is_none_or(str::is_empty) {
                problems.push(format!("header {name} is missing"));
            }
        }
        if let Some(schema) = &self.answer {
            check_json(schema, answer, problems);
            return;
        }
        if self.produces == "application/json" {
            // Nothing is declared, and nothing was sent.
            if !matches!(&answer.body, Sent::Bytes(bytes) if bytes.is_empty()) {
                problems.push("it has a body, the contract has none".into());
            }
            return;
        }
        let media = media_type(answer.header("Content-Type"));
        if media != self.produces {
            problems.push(format!("Content-Type {media:?} is not {}", self.produces));
        }
        if matches!(&answer.body, Sent::Bytes(bytes) if bytes.is_empty()) {
            problems.push("the body is empty".into());
        }
    }
}

impl Parameter {
    fn new(parameter: &Value) -> Result<Self, String> {
        let mut schema = json!({});
        for keyword in ["type", "enum", "maximum", "minimum", "pattern"] {
            if let Some(value) = parameter.get(keyword) {
                schema[keyword] = value.clone();
            }
        }
        Ok(Self {
            name: parameter["name"].as_str().unwrap_or_default().into(),
            required: parameter["required"] == true,
            schema: compile(&schema, &json!({}))?,
            kind: parameter["type"].as_str().unwrap_or_default().into(),
        })
    }

    /// The value as the schema has it: a query is text alone.
    fn value(&self, text: &str) -> Value {
        let number = text.parse::<i64>().ok().filter(|_| self.kind == "integer");
        let truth = text.parse::<bool>().ok().filter(|_| self.kind == "boolean");
        match (number, truth) {
            (Some(number), _) => number.into(),
            (None, Some(truth)) => truth.into(),
            (None, None) => text.into(),
        }
    }
}

fn verdict(problems: Vec<String>) -> Result<(), Vec<String>> {
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems)
    }
}

fn media_type(header: Option<&str>) -> String {
    let value = header.unwrap_or_default();
    let media = value.split(';').next().unwrap_or_default();
    media.trim().to_ascii_lowercase()
}

fn check_json(schema: &Validator, answer: &Answer, problems: &mut Vec<String>) {
    let media = media_type(answer.header("Content-Type"));
    if media != "application/json" {
        problems.push(format!("Content-Type {media:?} is not application/json"));
    }
    match answer.json() {
        None => problems.push("the body is not JSON".into()),
        Some(body) => report(schema, &body, "body", problems),
    }
}

fn report(schema: &Validator, value: &Value, part: &str, problems: &mut Vec<String>) {
    for error in schema.iter_errors(value) {
        problems.push(format!("{part} {}: {error}", error.instance_path()));
    }
}

/// A validator for a schema that refers to the definitions.
fn compile(schema: &Value, definitions: &Value) -> Result<Validator, String> {
    // The reference goes one level down: draft 4 ignores what stands beside one.
    let mut inner = schema.clone();
    harden(&mut inner);
    let schema = json!({ "allOf": [inner], "definitions": definitions });
    jsonschema::options()
        .with_draft(Draft::Draft4)
        .should_validate_formats(true)
        .build(&schema)
        .map_err(|error| error.to_string())
}

/// Turns a schema of `OpenAPI` 2.0 into a strict one of draft 4, in place.
fn harden(schema: &mut Value) {
    let Some(schema) = schema.as_object_mut() else {
        return;
    };
    if schema.contains_key("properties") {
        schema.entry("type").or_insert("object".into());
        schema.entry("additionalProperties").or_insert(false.into());
    }
    if schema.get("x-nullable") == Some(&Value::Bool(true)) {
        if let Some(kind) = schema.get("type").cloned() {
            schema.insert("type".into(), json!([kind, "null"]));
        }
        if let Some(Value::Array(values)) = schema.get_mut("enum") {
            values.push(Value::Null);
        }
    }
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.values_mut().for_each(harden);
    }
    for keyword in ["items", "additionalProperties"] {
        if let Some(inner) = schema.get_mut(keyword) {
            harden(inner);
        }
    }
}
