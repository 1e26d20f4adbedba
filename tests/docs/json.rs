//! The JSON documents: the fields that are printed are those of the reference.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::markdown::{read, rows, section, spans};
use crate::site::Site;

/// The paths of all values in a document, such as `definitions[].path`. The list of
/// problems and of variables is described once, so their fields stand alone.
fn fields(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    let described_once = ["warnings[]", "error.problems[]", "profiles[].variables[]"];
    if described_once.contains(&path) && value.is_object() {
        found.insert(path.to_owned());
        return fields(value, "", found);
    }
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let dot = if path.is_empty() { "" } else { "." };
                fields(value, &format!("{path}{dot}{key}"), found);
            }
        }
        Value::Array(items) if items.is_empty() => {
            found.insert(format!("{path}[]"));
        }
        Value::Array(items) => {
            for item in items {
                fields(item, &format!("{path}[]"), found);
            }
        }
        _ => {
            found.insert(path.to_owned());
        }
    }
}

fn documented(command: &str) -> BTreeSet<String> {
    let page = read("docs/reference.md");
    let of = |row: &&Vec<String>| {
        let word = &row[0];
        spans(word).iter().any(|name| name == command)
            || ["every", "a problem", "a variable"].contains(&word.as_str())
    };
    rows(&section(&page, "JSON"))
        .iter()
        .filter(of)
        .flat_map(|row| spans(&row[1]))
        .collect()
}

#[test]
fn nothing_is_printed_that_is_not_documented_and_nothing_documented_is_gone() {
    let site = Site::with_palette();
    let mut missing: BTreeSet<String> = BTreeSet::new();
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let lines = [
        "init",
        "check",
        "fetch",
        "stage factory",
        "stage factory",
        "check",
        "show factory",
        "verify factory",
        "verify warehouse",
        "verify --expect-none",
        "update",
        "unstage",
        "init --make",
        "check nothing",
        "fetch --timeout 3",
    ];
    for line in lines {
        let mut words: Vec<&str> = line.split(' ').collect();
        words.push("--json");
        let run = site.edgestage(&words);
        let document: Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(
            document["error"]["code"].as_i64().unwrap_or(0),
            i64::from(run.code)
        );
        let mut found = BTreeSet::new();
        fields(&document, "", &mut found);
        let documented = documented(words[0]);
        let unknown: Vec<_> = found.difference(&documented).collect();
        assert!(unknown.is_empty(), "{line}: {unknown:?}");
        missing.extend(documented);
        seen.extend(found);
    }
    // A place in a file, and a change, need a mistake and a drift.
    site.publish("edge-k3s", "1.31.1");
    let update: Value =
        serde_json::from_str(&site.edgestage(&["update", "--json"]).stdout).unwrap();
    fields(&update, "", &mut seen);
    site.write("profiles.toml", "[palette]\nprojekt = 1\n");
    let broken: Value = serde_json::from_str(&site.edgestage(&["check", "--json"]).stdout).unwrap();
    fields(&broken, "", &mut seen);
    let gone: Vec<_> = missing.difference(&seen).collect();
    assert!(gone.is_empty(), "{gone:?}");
}
