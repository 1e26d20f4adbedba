//! Reads the fields of an answer one by one, each with its path.
//!
//! Input: valid JSON. Output: the value of a required field, or an [`InvalidField`] that says where
//! it is and what it is. Fields that are not required are ignored or read leniently. Go servers
//! send `null` for anything empty, so `null` and a missing field are the same.

use std::fmt;

use serde_json::{Map, Value};

use crate::util::uid::Uid;

/// A required field that does not have the expected type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidField {
    /// The path of the field, such as `spec.published.packs[0].tag`.
    pub path: String,
    /// The expected type, with its article.
    pub expected: &'static str,
    /// The actual type, with its article; `None` if the field is missing.
    pub found: Option<&'static str>,
}

impl fmt::Display for InvalidField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            path,
            expected,
            found,
        } = self;
        match found {
            Some(found) => write!(f, "`{path}` is {found}, not {expected}"),
            None => write!(f, "`{path}` is missing; it must be {expected}"),
        }
    }
}

/// A value of an answer, with its path.
#[derive(Debug, Clone)]
pub struct Node<'a> {
    value: &'a Value,
    path: String,
}

/// The value of a missing field.
static NULL: Value = Value::Null;

impl<'a> Node<'a> {
    /// Returns the node of the whole answer.
    pub fn root(value: &'a Value) -> Self {
        Self {
            value,
            path: String::new(),
        }
    }

    /// Returns the node of the item `at` of the list `list`, which was split before.
    pub fn item(value: &'a Value, list: &str, at: usize) -> Self {
        Self {
            value,
            path: format!("{list}[{at}]"),
        }
    }

    /// Returns the JSON value.
    pub fn value(&self) -> &'a Value {
        self.value
    }

    /// Returns a field of this node, which must be an object.
    ///
    /// # Errors
    /// Fails if this node is neither an object nor `null`.
    pub fn get(&self, key: &str) -> Result<Self, InvalidField> {
        if matches!(self.value, Value::Object(_) | Value::Null) {
            Ok(self.loose(key))
        } else {
            Err(self.odd("an object"))
        }
    }

    /// Returns a field if this node is an object that has it, otherwise a missing field.
    pub fn loose(&self, key: &str) -> Self {
        let path = match self.path.as_str() {
            "" => key.to_owned(),
            path => format!("{path}.{key}"),
        };
        Self {
            value: self.value.get(key).unwrap_or(&NULL),
            path,
        }
    }

    /// Returns a field that must be a string; empty if it is missing.
    ///
    /// # Errors
    /// Fails if the field or this node has another type.
    pub fn text(&self, key: &str) -> Result<String, InvalidField> {
        let field = self.get(key)?;
        match field.value {
            Value::Null => Ok(String::new()),
            Value::String(text) => Ok(text.clone()),
            _ => Err(field.odd("a string")),
        }
    }

    /// Returns a required field that must be a string.
    ///
    /// # Errors
    /// Fails if the field is missing, or if it or this node has another type.
    pub fn required(&self, key: &str) -> Result<String, InvalidField> {
        let text = self.text(key)?;
        if text.is_empty() {
            return Err(InvalidField {
                path: self.loose(key).path,
                expected: "a string",
                found: None,
            });
        }
        Ok(text)
    }

    /// Returns a field that must be a uid.
    ///
    /// # Errors
    /// Fails if the field or this node is something else.
    pub fn uid(&self, key: &str) -> Result<Uid, InvalidField> {
        let text = self.required(key)?;
        Uid::parse(&text).ok_or_else(|| self.loose(key).odd("a uid of 24 hexadecimal digits"))
    }

    /// Returns a field that is a string; empty if it has another type.
    pub fn loose_text(&self, key: &str) -> String {
        let field = self.loose(key).value.as_str();
        field.unwrap_or_default().to_owned()
    }

    /// Returns the items of a field that must be a list, without empty items.
    ///
    /// # Errors
    /// Fails if the field or this node has another type.
    pub fn list(&self, key: &str) -> Result<Vec<Self>, InvalidField> {
        let field = self.get(key)?;
        let items = match field.value {
            Value::Null => &[][..],
            Value::Array(items) => items,
            _ => return Err(field.odd("a list")),
        };
        let items = items.iter().enumerate();
        Ok(items
            .filter(|(_, item)| !says_nothing(item))
            .map(|(at, item)| Self::item(item, &field.path, at))
            .collect())
    }

    /// Returns the error that this field is not `expected`.
    fn odd(&self, expected: &'static str) -> InvalidField {
        InvalidField {
            path: match self.path.as_str() {
                "" => "the answer".to_owned(),
                path => path.to_owned(),
            },
            expected,
            found: kind(self.value),
        }
    }
}

/// Returns the type of a value with its article, or `None` for `null`.
pub(super) fn kind(value: &Value) -> Option<&'static str> {
    match value {
        Value::Null => None,
        Value::Bool(_) => Some("true or false"),
        Value::Number(_) => Some("a number"),
        Value::String(_) => Some("a string"),
        Value::Array(_) => Some("a list"),
        Value::Object(_) => Some("an object"),
    }
}

/// Returns whether a value is empty as Go writes it, at any depth: `null`, `""`, `0`, `false`,
/// `[]`, `{}`, and objects that contain nothing else.
pub(super) fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.iter().all(says_nothing),
        Value::Object(fields) => fields.values().all(says_nothing),
    }
}

/// Returns the value without its empty fields.
pub(super) fn meaning(value: &Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.iter().map(meaning).collect()),
        Value::Object(fields) => {
            let said = fields.iter().filter(|(_, value)| !says_nothing(value));
            let said: Map<String, Value> = said
                .map(|(key, value)| (key.clone(), meaning(value)))
                .collect();
            Value::Object(said)
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_field_that_is_odd_is_named_by_its_path() {
        let answer = json!({
            "a": { "text": 1, "list": { "0": 1 }, "null": null, "items": [null, { "x": true }, {}] },
            "b": "no object",
        });
        let root = Node::root(&answer);
        let a = root.get("a").unwrap();
        let said = |result: Result<String, InvalidField>| result.unwrap_err().to_string();
        assert_eq!(said(a.text("text")), "`a.text` is a number, not a string");
        let list = a.list("list").map(|_| String::new());
        assert_eq!(said(list), "`a.list` is an object, not a list");
        assert_eq!(a.text("null").unwrap(), "");
        assert_eq!(a.text("absent").unwrap(), "");
        let missing = "`a.null` is missing; it must be a string";
        assert_eq!(said(a.required("null")), missing);
        let b = root.get("b").unwrap();
        assert_eq!(said(b.text("x")), "`b` is a string, not an object");
        assert_eq!(b.loose_text("x"), "");
        // Empty items are omitted; the others keep their indexes.
        let items = a.list("items").unwrap();
        assert_eq!(items.len(), 1);
        let odd = "`a.items[1].x` is true or false, not a string";
        assert_eq!(said(items[0].text("x")), odd);
    }

    #[test]
    fn what_go_writes_for_nothing_says_nothing() {
        for nothing in [
            json!(null),
            json!({}),
            json!({ "a": null, "b": [], "c": { "d": "", "e": [null, {}] }, "f": 0, "g": false }),
        ] {
            assert!(says_nothing(&nothing), "{nothing}");
        }
        for something in [
            json!("x"),
            json!(1),
            json!([0, 1]),
            json!({ "a": { "b": true } }),
        ] {
            assert!(!says_nothing(&something), "{something}");
        }
        let value = json!({ "a": 1, "b": null, "c": [{ "d": "", "e": "x" }, null] });
        assert_eq!(
            meaning(&value),
            json!({ "a": 1, "c": [{ "e": "x" }, null] })
        );
    }
}
