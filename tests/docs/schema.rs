//! The schemas that are kept in `schema/`, and the tables of the reference, which are made
//! of what the schemas are made of. `RENEW=1 cargo test --test docs schema` writes both anew.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::markdown::read;
use crate::tables::table;

const NAMES: [&str; 3] = ["profiles", "lock", "output"];
const PAGE: &str = "docs/reference.md";

fn printed(name: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_edgestage"));
    let output = command.args(["schema", name]).env_clear().output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

/// Holds a file against what it must be, or makes it so.
fn hold(path: &str, expected: &str) {
    if std::env::var_os("RENEW").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, expected).unwrap();
    } else {
        let renew = "`RENEW=1 cargo test --test docs schema` writes it anew";
        assert!(read(path) == expected, "{path} is not up to date: {renew}");
    }
}

#[test]
fn the_schemas_in_the_tree_are_those_that_are_printed() {
    for name in NAMES {
        hold(&format!("schema/{name}.schema.json"), &printed(name));
    }
}

/// A form that is new is one that people are told of.
#[test]
fn the_page_about_upgrades_has_the_forms_of_the_code() {
    let page = read("docs/upgrading.md");
    let lock = edgestage::lockfile::VERSION;
    let document = edgestage::ui::document::SCHEMA;
    for text in [
        format!(
            "`version` is the format version of the file. It is {lock}, and has never been another."
        ),
        format!("`schema` is the format version of the document, currently {document};"),
        "*was written by a newer edgestage*".to_owned(),
    ] {
        assert_eq!(page.matches(&text).count(), 1, "{text}");
    }
}

/// An editor finds the schema of the version that wrote the file. Where the version of
/// Cargo.toml changes, so must these.
#[test]
fn the_schema_that_a_file_names_is_this_versions() {
    let schema: Value = serde_json::from_str(&printed("profiles")).unwrap();
    let address = schema["$id"].as_str().unwrap();
    assert_eq!(address, edgestage::schema::address("profiles"));
    let version = concat!("/edgestage/v", env!("CARGO_PKG_VERSION"), "/");
    assert!(address.contains(version), "{address}");
    let line = format!("#:schema {address}");
    assert_eq!(read("templates/profiles.toml").lines().next(), Some(&*line));
    assert_eq!(read(PAGE).matches(&line).count(), 1);
    // Behind the version stands the path in the tree.
    let (_, path) = address.split_once(version).unwrap();
    hold(path, &printed("profiles"));
}

#[test]
fn the_tables_of_the_reference_are_up_to_date() {
    let output: Value = serde_json::from_str(&printed("output")).unwrap();
    let mut marks = 0;
    let mut expected = String::new();
    let mut in_table = false;
    for line in read(PAGE).lines() {
        in_table = in_table && line != "<!-- /schema -->";
        if in_table {
            continue;
        }
        expected.extend([line, "\n"]);
        let Some(mark) = line.strip_prefix("<!-- schema ") else {
            continue;
        };
        let words: Vec<&str> = mark.trim_end_matches(" -->").split(' ').collect();
        expected.extend(["\n", &table(&words, &output), "\n"]);
        in_table = true;
        marks += 1;
    }
    assert!(!in_table, "a table has no end");
    assert_eq!(marks, 12);
    hold(PAGE, &expected);
}
