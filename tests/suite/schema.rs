//! `schema`: the JSON Schemas of what is read and printed. Every run of every other test checks
//! its documents, locks and manifests with their schemas.

use std::path::Path;

use clap::CommandFactory as _;
use edgestage::cli::Cli;
use edgestage::manifest::Manifest;
use edgestage::manifest::keys::{self, Kind};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::properties::cases;
use crate::support::Test;
use crate::support::schema::{LOCK, OUTPUT, PROFILES, Schema};

const UID: &str = "65c90a1b2c3d4e5f770daee5";
const PAGE: &str = "https://console.example.com/projects/5fbbf0c1d2e3f4a5b6c7d8e9/profiles/cluster/65c90a1b2c3d4e5f770daee5";

fn schema(of: &Schema) -> Value {
    serde_json::from_str(&of.text()).unwrap()
}

#[test]
fn a_schema_needs_nothing_and_is_one() {
    let test = Test::new();
    std::fs::remove_file(test.path("profiles.toml")).unwrap();
    for (name, of) in [
        ("profiles", &PROFILES),
        ("lock", &LOCK),
        ("output", &OUTPUT),
    ] {
        let run = test.run("schema").arg(name).without_key().keeps_files();
        run.stdout(&of.text()).success();
        let done = test.run("schema --json").arg(name).any_stdout().success();
        let schema = schema(of);
        assert_eq!(done.json()["json_schema"], schema);
        assert_eq!(
            schema["$schema"],
            "https://json-schema.org/draft/2020-12/schema"
        );
        assert!(jsonschema::meta::is_valid(&schema));
    }
    assert_eq!(test.sim.connections(), 0);
    test.run("schema manifest")
        .stderr_has("[possible values: profiles, lock, output]")
        .fails(2);
}

/// A new command must have its form too.
#[test]
fn every_command_has_a_form() {
    let mut commands = Vec::new();
    for command in Cli::command().get_subcommands() {
        let name = command.get_name();
        match command
            .get_subcommands()
            .map(clap::Command::get_name)
            .collect::<Vec<_>>()[..]
        {
            [] => commands.push(name.to_owned()),
            ref inner => commands.extend(inner.iter().map(|inner| format!("{name} {inner}"))),
        }
    }
    commands.push(String::new());
    let schema = schema(&OUTPUT);
    let forms = schema["oneOf"].as_array().unwrap().iter();
    let mut forms: Vec<&str> = forms
        .map(|form| form["properties"]["command"]["const"].as_str().unwrap())
        .collect();
    forms.sort_unstable();
    commands.sort_unstable();
    assert_eq!(forms, commands);
}

/// Tests the check of all documents: a superfluous or missing field, another type, and a field
/// of another command are detected at any depth.
#[test]
fn a_document_that_is_not_as_documented_is_seen() {
    let test = Test::new();
    let fetched = test.run("fetch -q --json").any_stdout().success().json();
    let shown = test.run("show --json").any_stdout().success().json();
    let failed = test
        .run("verify --json --canvos none")
        .any_stdout()
        .fails(2)
        .json();
    for document in [&fetched, &shown, &failed] {
        assert_eq!(OUTPUT.wrong(document), [""; 0]);
    }
    let wrong = |document: &Value, place: &str, value: Value| {
        let mut document = document.clone();
        let (object, key) = place.rsplit_once('/').unwrap();
        let object = document
            .pointer_mut(object)
            .unwrap()
            .as_object_mut()
            .unwrap();
        match value {
            Value::Null => assert!(object.remove(key).is_some(), "{place}"),
            value => drop(object.insert(key.to_owned(), value)),
        }
        assert_ne!(OUTPUT.wrong(&document), [""; 0], "{place}");
    };
    for (place, value) in [
        ("/more", json!(1)),
        ("/schema", json!(2)),
        ("/schema", Value::Null),
        ("/command", json!("list")),
        ("/command", json!("ship")),
        ("/warnings", Value::Null),
        ("/definitions", Value::Null),
        ("/definitions/0/more", json!(1)),
        ("/definitions/0/size", json!("1")),
        ("/definitions/0/size", Value::Null),
        ("/definitions/0/origin", json!("disk")),
        ("/definitions/0/sha256", json!("abc")),
    ] {
        wrong(&fetched, place, value);
    }
    wrong(&shown, "/profiles/0/packs/0/more", json!(1));
    wrong(&shown, "/profiles/1/variables/0/required", json!("yes"));
    wrong(&failed, "/error", Value::Null);
    wrong(&failed, "/error/kind", json!("odd"));
    wrong(&failed, "/error/problems/0/more", json!(1));
}

/// A script that validates documents with today's schema accepts tomorrow's, which have more
/// fields.
#[test]
fn the_schema_of_documents_is_open() {
    let test = Test::new();
    let mut document = test.run("fetch -q --json").any_stdout().success().json();
    document["more"] = json!(1);
    document["definitions"][0]["more"] = json!(1);
    let validator = jsonschema::draft202012::new(&schema(&OUTPUT)).unwrap();
    assert!(validator.is_valid(&document));
    document["definitions"][0]["size"] = json!("1");
    assert!(!validator.is_valid(&document));
}

fn reads(text: &str) -> bool {
    let path = Path::new("profiles.toml");
    Manifest::parse(text, path, path).is_ok()
}

/// Files with one mistake each: both the reader and the schema refuse them.
#[test]
fn what_is_wrong_for_the_reader_is_wrong_for_the_schema() {
    let profiles = |list: &str| format!("[definition.a]\nprofiles = [{list}]\n");
    let with = |line: &str| format!("{line}\n{}", profiles("\"b@1\""));
    let mut wrong = vec![
        String::new(),
        "[definition]\n".into(),
        "[definition.a]\n".into(),
    ];
    wrong.extend(
        ["a b", ".a", "-a", "ä", ""]
            .map(|name| format!("[definition.\"{name}\"]\nprofiles = [\"b@1\"]\n")),
    );
    wrong.extend(
        [
            "",
            "1",
            "\"\"",
            "\"edge\"",
            "\"65c90a1b2c3d4e5f770daee\"",
            "\"65c90a1b2c3d4e5f770daeO5\"",
            "\"@1\"",
            "\"a@\"",
            "\" a@1\"",
            "\"a@1 \"",
            "\"a\\tb@1\"",
            "\"https://c.example/projects/5fbbf0c1d2e3f4a5b6c7d8e9/clusters/65c90a1b2c3d4e5f770daee5\"",
            "\"https://c.example/admin/profiles/cluster/65c9\"",
            "\"https://c.example@1\"",
            "\"ftp://c.example/admin/profiles/cluster/65c90a1b2c3d4e5f770daee5\"",
            "\"b@1\", \"b@1\"",
            "{}",
            "{ name = \"b\" }",
            "{ version = \"1\" }",
            "{ name = \"b\", version = 1 }",
            "{ name = \" b\", version = \"1\" }",
            "{ name = \"\", version = \"1\" }",
            "{ uid = \"65c9\" }",
            "{ uid = \"b@1\" }",
            "{ url = \"b@1\" }",
            "{ uid = \"https://c.example/admin/profiles/cluster/65c90a1b2c3d4e5f770daee5\" }",
            "{ uid = \"65c90a1b2c3d4e5f770daee5\", name = \"b\", version = \"1\" }",
            "{ uid = \"65c90a1b2c3d4e5f770daee5\", pack = [] }",
            "{ uid = \"65c90a1b2c3d4e5f770daee5\", packs = [{ tag = \"1\" }] }",
            "{ uid = \"65c90a1b2c3d4e5f770daee5\", packs = [{ name = \"c\" }] }",
            "{ uid = \"65c90a1b2c3d4e5f770daee5\", packs = [{ name = \"\", tag = \"1\" }] }",
            "{ uid = \"65c90a1b2c3d4e5f770daee5\", packs = [{ name = \"c\", tag = 1 }] }",
            "{ uid = \"65c90a1b2c3d4e5f770daee5\", packs = [{ name = \"c\", tag = \"1\", key = 1 }] }",
            "{ uid = \"65c90a1b2c3d4e5f770daee5\", packs = [{ name = \"c\", tag = \"1\" }, { name = \"c\", tag = \"1\" }] }",
        ]
        .map(profiles),
    );
    for definition in [
        "project = 1",
        "project = \" \"",
        "canvos = \"\"",
        "name = \"\"",
        "cloud-type = []",
        "cloud_type = \"edge-native\"",
        "allow = [\"all\"]",
        "allow = \"profile-missing\"",
    ] {
        wrong.push(format!("{}{definition}\n", profiles("\"b@1\"")));
    }
    wrong.extend(
        [
            "palette = 1",
            "key = 1",
            "[palete]",
            "[palette]\nendpoint = \"\"",
            "[palette]\nendpoint = 1",
            "[palette]\napi-key = \"x\"",
            "[palette]\napi-key-command = []",
            "[palette]\napi-key-command = \"pass\"",
            "[palette]\ntimeout = 0",
            "[palette]\ntimeout = 1.5",
            "[palette]\ntimeout = \"30\"",
            "[palette]\nretries = -1",
            "[palette]\nallow-http = \"yes\"",
            "[canvos]\ndirectory = \"x\"",
            "[canvos]\nbuild = []",
            "[canvos]\nbuild = [1]",
            "[cache]\ndir = \"\"",
            "[limits]\nentries = 0",
            "[limits]\nentries = \"10\"",
            "[limits]\narchive = 0",
            "[limits]\narchive = \"2\"",
            "[limits]\narchive = \"2 GB\"",
            "[limits]\narchive = \"0 B\"",
            "[limits]\nunpacked = 1.5",
        ]
        .map(with),
    );
    for text in wrong {
        assert!(!reads(&text), "the reader takes\n{text}");
        let problems = PROFILES.wrong_in_toml(&text).expect(&text);
        assert_ne!(problems, [""; 0], "the schema takes\n{text}");
    }
}

/// Texts that are valid in some place, and some that nearly are.
const TEXTS: [&str; 24] = [
    "a\u{2028}b@1",
    "https://x/a\u{2028}b/admin/profiles/cluster/65c90a1b2c3d4e5f770daee5",
    "",
    " ",
    "a",
    "b@1",
    "@1",
    "a@",
    "a@b@1",
    "edge infra@1.0.0",
    "a@@",
    UID,
    PAGE,
    "1 KiB",
    "+07MiB",
    "0 B",
    "2GB",
    " 3 GiB ",
    "profile-missing",
    "https://p.example",
    ".",
    "x\u{85}@1",
    "x://y@1",
    "HTTPS://c.example//admin/profiles//cluster/65C90A1B2C3D4E5F770DAEE5/?tab=1#x",
];

/// Values of every type, as TOML: right ones for some key, and wrong ones.
fn values() -> Vec<String> {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let texts: Vec<String> = TEXTS.iter().map(|text| quoted(text)).collect();
    let arrays = texts.iter().map(|text| format!("[{text}]"));
    let others = [
        "-1",
        "0",
        "1",
        "30",
        "1.5",
        "true",
        "2026-01-02",
        "[]",
        "[1]",
        "[[]]",
        "[{}]",
        "{}",
        "{ dir = \"x\" }",
        "{ a = 1 }",
        "{ profiles = [\"b@1\"] }",
        "{ a = { profiles = [\"b@1\"] } }",
        "{ name = \"c\" }",
        "{ name = \"c\", tag = \"1\" }",
        "{ name = \"c\", version = \"1\" }",
        "[\"b@1\", \"c@1\"]",
        "[{ name = \"c\", tag = \"1\" }]",
        "[\"profile-missing\", \"all\"]",
    ];
    texts
        .iter()
        .cloned()
        .chain(arrays)
        .chain(others.map(str::to_owned))
        .collect()
}

/// Files with a place for a value; everything else in them is valid.
fn places() -> Vec<String> {
    const GOOD: &str = "[definition.a]\nprofiles = [\"z@1\"]\n";
    let mut places = Vec::new();
    for key in keys::FILE.keys {
        let (table, Kind::Table(spec)) = (key.name, key.kind) else {
            continue;
        };
        places.push(format!("{table} = VALUE\n{GOOD}"));
        let keys = spec.keys.iter().map(|key| key.name).chain(["other"]);
        places.extend(keys.map(|key| format!("[{table}]\n{key} = VALUE\n{GOOD}")));
    }
    let keys = keys::DEFINITION.keys.iter().map(|key| key.name);
    let more = keys.filter(|key| *key != "profiles").chain(["other"]);
    places.extend(more.map(|key| format!("{GOOD}{key} = VALUE\n")));
    places.extend(["definition = VALUE\n", "[definition]\na = VALUE\n"].map(str::to_owned));
    let profiles = ["VALUE", "[VALUE]", "[VALUE, \"z@1\"]"].map(str::to_owned);
    let table = |keys: String| format!("[{{ {keys} }}]");
    let (uid, url) = (format!("uid = \"{UID}\""), format!("url = \"{PAGE}\""));
    let tables = [
        "uid = VALUE",
        "url = VALUE",
        "name = VALUE",
        "version = VALUE",
        "other = VALUE",
    ];
    let beside = ["name = \"b\"", "version = \"1\"", &uid, &url];
    let alone = tables.iter().map(|key| table((*key).to_owned()));
    let pairs = tables
        .iter()
        .flat_map(|key| beside.iter().map(move |other| (key, other)));
    let pairs = pairs.map(|(key, other)| table(format!("{key}, {other}")));
    let packs = [
        "packs = VALUE",
        "packs = [VALUE]",
        "packs = [{ name = VALUE }]",
        "packs = [{ tag = VALUE }]",
        "packs = [{ name = VALUE, tag = \"1\" }]",
        "packs = [{ name = \"c\", tag = VALUE }]",
        "packs = [{ name = \"c\", tag = \"1\", other = VALUE }]",
    ];
    let packs = packs.iter().map(|packs| table(format!("{uid}, {packs}")));
    let all = profiles
        .into_iter()
        .chain(alone)
        .chain(pairs.collect::<Vec<_>>())
        .chain(packs);
    places.extend(all.map(|list| format!("[definition.a]\nprofiles = {list}\n")));
    // A key that stands twice in a table is not TOML.
    places.retain(|place| {
        PROFILES
            .wrong_in_toml(&place.replace("VALUE", "1"))
            .is_some()
    });
    places
}

/// An editor marks exactly what edgestage refuses: every value is tried in every place.
#[test]
fn reader_and_schema_agree() {
    let (mut good, mut bad) = (0, 0);
    for place in places() {
        for value in values() {
            let text = place.replace("VALUE", &value);
            let problems = PROFILES.wrong_in_toml(&text).expect(&text);
            match (reads(&text), &problems[..]) {
                (true, []) => good += 1,
                (true, problems) => panic!("an editor marks\n{text}\n{problems:?}"),
                // What is not an endpoint is not told by its form.
                (false, []) if text.contains("endpoint") => {}
                (false, []) => panic!("no editor marks\n{text}"),
                (false, _) => bad += 1,
            }
        }
    }
    assert!(good > 300 && bad > 3000, "{good} good, {bad} bad");
}

proptest! {
    #![proptest_config(cases(1000))]

    /// The same with generated texts, in the places where the form of a text matters.
    #[test]
    fn reader_and_schema_agree_on_texts(
        text in prop_oneof!["[a-b0-1@ .:/-]{0,8}", "\\PC{0,6}", any::<String>()],
        size in "[ +]{0,1}[0-2]{0,2} ?(B|KiB|GiB|GB)?",
    ) {
        let quoted = toml::Value::String(text).to_string();
        let size = toml::Value::String(size).to_string();
        for (place, value) in [
            ("[definition.a]\nprofiles = [VALUE]\n", &quoted),
            ("[definition.a]\nprofiles = [{ name = VALUE, version = \"1\" }]\n", &quoted),
            ("[definition.a]\nprofiles = [\"b@1\"]\nname = VALUE\n", &quoted),
            ("[limits]\narchive = VALUE\n[definition.a]\nprofiles = [\"b@1\"]\n", &size),
        ] {
            let file = place.replace("VALUE", value);
            let problems = PROFILES.wrong_in_toml(&file).unwrap();
            prop_assert_eq!(reads(&file), problems.is_empty(), "{}\n{:?}", file, problems);
        }
    }
}
