//! The variables of a profile, which the edge operator is asked for, as its `variables.json`
//! describes them (facts.md, 2).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use crate::archive;
use crate::util::digest::Digest;

/// The maximum number of variables that are read, and of their text: far more than an operator
/// would be asked for. A variable of a few bytes takes a thousand after it is parsed, formatted
/// and printed, so that a hostile archive could exhaust the memory.
const MOST: usize = 4096;
const MOST_BYTES: usize = 1 << 20;

/// The text that replaces a sensitive value.
const SENSITIVE: &str = "(sensitive)";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    #[serde(default, deserialize_with = "few")]
    variables: Vec<Wire>,
}

/// Reads a list of at most [`MOST`] items, or null.
fn few<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Wire>, D::Error> {
    struct Few;
    impl<'de> Visitor<'de> for Few {
        type Value = Vec<Wire>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "at most {MOST} variables")
        }

        fn visit_unit<E>(self) -> Result<Vec<Wire>, E> {
            Ok(Vec::new())
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<Wire>, A::Error> {
            let mut variables = Vec::new();
            while let Some(variable) = list.next_element()? {
                if variables.len() == MOST {
                    return Err(A::Error::invalid_length(MOST + 1, &self));
                }
                variables.push(variable);
            }
            Ok(variables)
        }
    }
    deserializer.deserialize_any(Few)
}

/// `v1Variable`, with the fields that are read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    name: String,
    #[serde(default)]
    display_name: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    default_value: Option<String>,
    #[serde(default)]
    format: Option<String>,
    #[serde(default)]
    required: Option<bool>,
    #[serde(default)]
    hidden: Option<bool>,
    #[serde(default)]
    immutable: Option<bool>,
    #[serde(default)]
    is_sensitive: Option<bool>,
}

/// A profile variable. The default of a sensitive variable is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[allow(clippy::struct_excessive_bools)] // independent properties in the vendor's schema
pub struct Variable {
    /// Name of the variable.
    pub name: String,
    /// Name that Palette shows; may be empty.
    pub display_name: String,
    /// Description; may be empty.
    pub description: String,
    /// Type of the value, such as `ipv4`; `string` if the archive does not specify one.
    pub format: String,
    /// Default value; null if there is none, and for a sensitive variable.
    pub default: Option<String>,
    /// Whether a value is required.
    pub required: bool,
    /// Whether the variable is hidden from the operator.
    pub hidden: bool,
    /// Whether the operator cannot change the value.
    pub immutable: bool,
    /// Whether the value is sensitive, so that its default is never shown.
    pub sensitive: bool,
    /// Whether there is a default, even if it is not shown.
    pub has_default: bool,
    /// Digest of the default, by which even a sensitive one is compared. Never shown, since a
    /// short value could be guessed from it.
    #[serde(skip)]
    pub default_sha256: Option<Digest>,
}

impl Variable {
    /// Returns the default as it is shown.
    #[must_use]
    pub fn default_shown(&self) -> String {
        match &self.default {
            _ if self.sensitive && self.has_default => SENSITIVE.into(),
            Some(default) => crate::util::sanitize::line(default.as_bytes()),
            None => String::new(),
        }
    }
}

/// Returns the uid in the path of a `variables.json`.
#[must_use]
pub fn uid_in(path: &str) -> Option<&str> {
    path.strip_prefix(archive::PROFILES)?
        .strip_prefix('/')?
        .strip_suffix("/variables.json")
        .filter(|uid| !uid.contains('/'))
}

/// Parses a `variables.json`. Returns `None` if it does not have the form in facts.md, since
/// nothing else depends on it.
#[must_use]
pub fn read(json: &[u8]) -> Option<Vec<Variable>> {
    let document: Document = serde_json::from_slice(json).ok()?;
    Some(document.variables.into_iter().map(Variable::from).collect())
}

/// Formats a JSON document with one value on each line and sorted keys, without the values that
/// it marks as sensitive: `defaultValue` and `value` beside `isSensitive`. Returns `None` if it
/// is not JSON.
#[must_use]
pub fn without_secrets(json: &[u8]) -> Option<String> {
    let mut document: serde_json::Value = serde_json::from_slice(json).ok()?;
    // The order of keys is not a change that a reader should see.
    document.sort_all_objects();
    hide_secrets(&mut document);
    serde_json::to_string_pretty(&document).ok()
}

fn hide_secrets(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Array(items) => items.iter_mut().for_each(hide_secrets),
        serde_json::Value::Object(fields) => {
            if fields.get("isSensitive").is_some_and(|is| *is == true) {
                for name in ["defaultValue", "value", "options"] {
                    if let Some(field) = fields.get_mut(name) {
                        *field = SENSITIVE.into();
                    }
                }
            }
            fields.values_mut().for_each(hide_secrets);
        }
        _ => {}
    }
}

/// Returns every profile's variables among the collected files of an archive, unless they are
/// too many or too large in total.
#[must_use]
pub fn collect(files: &BTreeMap<String, Vec<u8>>) -> BTreeMap<String, Option<Vec<Variable>>> {
    let (mut many, mut bytes) = (0, 0);
    let mut read = |json: &Vec<u8>| {
        bytes += json.len();
        let variables = (bytes <= MOST_BYTES).then(|| read(json))??;
        many += variables.len();
        (many <= MOST).then_some(variables)
    };
    let mut collected = BTreeMap::new();
    for (path, json) in files {
        if let Some(uid) = uid_in(path) {
            collected.insert(uid.to_owned(), read(json));
        }
    }
    collected
}

impl From<Wire> for Variable {
    fn from(wire: Wire) -> Self {
        let sensitive = wire.is_sensitive.unwrap_or(false);
        let default = wire.default_value.filter(|value| !value.is_empty());
        Self {
            name: wire.name,
            display_name: wire.display_name.unwrap_or_default(),
            description: wire.description.unwrap_or_default(),
            format: wire
                .format
                .filter(|format| !format.is_empty())
                .unwrap_or_else(|| "string".into()),
            has_default: default.is_some(),
            default_sha256: default.as_ref().map(Digest::of),
            default: default.filter(|_| !sensitive),
            required: wire.required.unwrap_or(false),
            hidden: wire.hidden.unwrap_or(false),
            immutable: wire.immutable.unwrap_or(false),
            sensitive,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sensitive_default_never_leaves_this_module() {
        let variables = read(
            br#"{"variables":[
                {"name":"vip","format":"ipv4","required":true,"defaultValue":"10.0.0.1"},
                {"name":"password","isSensitive":true,"defaultValue":"hunter2","description":null}]}"#,
        )
        .unwrap();
        assert_eq!(variables[0].default_shown(), "10.0.0.1");
        assert!(variables[0].required);
        assert_eq!(variables[1].default_shown(), "(sensitive)");
        assert!(!format!("{variables:?}").contains("hunter2"));
        assert_eq!(read(b"not JSON"), None);
        assert_eq!(read(b"{}"), Some(Vec::new()));
        assert_eq!(read(br#"{"variables":null}"#), Some(Vec::new()));
        assert_eq!(read(br#"{"variables":{}}"#), None);
    }

    /// Variables that are omitted for their size are reported as unknown.
    #[test]
    fn too_many_are_not_read() {
        let json = |n| {
            let many = vec![r#"{"name":"x"}"#; n].join(",");
            format!(r#"{{"variables":[{many}]}}"#).into_bytes()
        };
        assert_eq!(read(&json(MOST)).unwrap().len(), MOST);
        assert_eq!(read(&json(MOST + 1)), None);
        let path = |uid| format!("spc/app/profiles/{uid}/variables.json");
        let files = [(path("a"), json(MOST)), (path("b"), json(1))];
        let collected = collect(&files.into());
        assert!(collected["a"].is_some() && collected["b"].is_none());
        let padded = [json(1), vec![b' '; MOST_BYTES]].concat();
        assert_eq!(collect(&[(path("a"), padded)].into())["a"], None);
    }

    #[test]
    fn a_uid_is_read_from_its_path_only() {
        assert_eq!(uid_in("spc/app/profiles/abc/variables.json"), Some("abc"));
        for other in ["a/b/variables.json", "a/other.json", "variables.json"] {
            assert_eq!(uid_in(&format!("spc/app/profiles/{other}")), None);
        }
        assert_eq!(uid_in("spc/app/profilesabc/variables.json"), None);
    }
}
