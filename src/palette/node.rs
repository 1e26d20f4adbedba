//! The fields of an answer, read one by one, each with its path.
//!
//! In: JSON that is valid. Out: the value of a field that is needed, or an [`OddField`] that
//! says where it stands and what it is; what is not needed is never looked at, or read
//! loosely. Go servers send `null` for whatever is empty, so `null` and absent are the same.

use std::fmt;

use serde_json::{Map, Value};

use crate::util::uid::Uid;

/// A field that is needed and is not what it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OddField {
    /// Where it stands, such as `spec.published.packs[0].tag`.
    pub path: String,
    /// What it must be, with its article.
    pub expected: &'static str,
    /// What it is, with its article; `None` if it is missing.
    pub found: Option<&'static str>,
}

impl fmt::Display for OddField {
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

/// A value of an answer, and where it stands.
#[derive(Debug, Clone)]
pub struct Node<'a> {
    value: &'a Value,
    path: String,
}

/// What is not there.
static NULL: Value = Value::Null;

impl<'a> Node<'a> {
    /// The whole answer.
    pub fn root(value: &'a Value) -> Self {
        Self {
            value,
            path: String::new(),
        }
    }

    /// The item `at` of the list `list`, which was taken apart before.
    pub fn item(value: &'a Value, list: &str, at: usize) -> Self {
        Self {
            value,
            path: format!("{list}[{at}]"),
        }
    }

    /// The JSON itself.
    pub fn value(&self) -> &'a Value {
        self.value
    }

    /// A field of the object that this must be.
    ///
    /// # Errors
    /// This is neither an object nor `null`.
    pub fn get(&self, key: &str) -> Result<Self, OddField> {
        if matches!(self.value, Value::Object(_) | Value::Null) {
            Ok(self.loose(key))
        } else {
            Err(self.odd("an object"))
        }
    }

    /// A field, if this is an object that has it; else what a missing one is.
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

    /// The string that a field must be; empty if it is missing.
    ///
    /// # Errors
    /// The field, or this, is something else.
    pub fn text(&self, key: &str) -> Result<String, OddField> {
        let field = self.get(key)?;
        match field.value {
            Value::Null => Ok(String::new()),
            Value::String(text) => Ok(text.clone()),
            _ => Err(field.odd("a string")),
        }
    }

    /// The string that a field must be, and that must be there.
    ///
    /// # Errors
    /// The field, or this, is something else.
    pub fn required(&self, key: &str) -> Result<String, OddField> {
        let text = self.text(key)?;
        if text.is_empty() {
            return Err(OddField {
                path: self.loose(key).path,
                expected: "a string",
                found: None,
            });
        }
        Ok(text)
    }

    /// The uid that a field must be.
    ///
    /// # Errors
    /// The field, or this, is something else.
    pub fn uid(&self, key: &str) -> Result<Uid, OddField> {
        let text = self.required(key)?;
        Uid::parse(&text).ok_or_else(|| self.loose(key).odd("a uid of 24 hexadecimal digits"))
    }

    /// The string that a field is; empty if it is anything else.
    pub fn loose_text(&self, key: &str) -> String {
        let field = self.loose(key).value.as_str();
        field.unwrap_or_default().to_owned()
    }

    /// The items of the list that a field must be, without those that say nothing.
    ///
    /// # Errors
    /// The field, or this, is something else.
    pub fn list(&self, key: &str) -> Result<Vec<Self>, OddField> {
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

    /// This, as a field that must be `expected`.
    fn odd(&self, expected: &'static str) -> OddField {
        OddField {
            path: match self.path.as_str() {
                "" => "the answer".to_owned(),
                path => path.to_owned(),
            },
            expected,
            found: kind(self.value),
        }
    }
}

/// What a value is, with its article; nothing for `null`.
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

/// Whether a value is what Go writes for nothing, at any depth: `null`, `""`, `0`, `false`,
/// `[]`, `{}`, and objects of nothing but these.
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

/// The same value without the fields that say nothing.
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
        let said = |result: Result<String, OddField>| result.unwrap_err().to_string();
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
        // Items that say nothing are no items; the others keep their places.
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
