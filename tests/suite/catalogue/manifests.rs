//! `profiles.toml`: every mistake that can be found without asking Palette.

use std::path::Path;

use edgestage::error::Error;
use edgestage::manifest::discovery::{Located, Passed};
use edgestage::manifest::{Manifest, ManifestError};

use super::book::Book;
use crate::support::{FACTORY, Test, archive, profile_directory};

const INFRA: &str = "65c90a1b2c3d4e5f770daee5";
const HELLO: &str = "65c92d0f4b3c2e1a8d7f6a90";
const PROJECT: &str = "5fbbf0c1d2e3f4a5b6c7d8e9";
const RETAIL: &str = "61c4a8b2e7d09f35c6b1a24e";

fn check(book: &mut Book, what: &str, text: &str) {
    let test = Test::new().write("profiles.toml", text);
    book.run(what, 2, test.run("check --offline"));
}

/// A definition with this body.
fn body(book: &mut Book, what: &str, text: &str) {
    check(book, what, &format!("[definition.factory]\n{text}\n"));
}

pub fn all(book: &mut Book) {
    book.part("profiles.toml");
    text(book);
    unused(book);
    elsewhere(book);
    check(book, "the tables", TABLES);
    for (what, text) in [
        ("no profiles", "canvos = \"CanvOS\""),
        ("an empty list of profiles", "profiles = []"),
        (
            "profiles that are no list",
            "profiles = \"edge-infra@2.1.0\"",
        ),
        ("an entry of another type", "profiles = [3]"),
        (
            "a refusal that there is not",
            "profiles = [\"a@1\"]\nallow = [\"profile-mising\"]",
        ),
    ] {
        body(book, what, text);
    }
    check(book, "definitions of another type", "definition = 3\n");
    check(book, "no definition in its table", "[definition]\n");
    check(
        book,
        "a definition without a name",
        "[definition]\nprofiles = [\"a@1\"]\n",
    );
    check(
        book,
        "a definition without `definition.`",
        "[factory]\nprofiles = [\"a@1\"]\n",
    );
    check(
        book,
        "a name that is none",
        "[definition.-x]\nprofiles = [\"a@1\"]\n",
    );
    references(book);
    projects(book);
    packs(book);
}

/// `many_mistakes` shows them all.
fn more(book: &mut Book) {
    let wrong: Vec<String> = (0..103).map(|at| format!("\"wrong{at}\"")).collect();
    let text = format!("[definition.factory]\nprofiles = [{}]\n", wrong.join(", "));
    let path = Path::new("profiles.toml");
    let mut problems = Manifest::parse(&text, path, path).unwrap_err();
    let last = problems.pop().into_iter().collect();
    book.told(
        "more mistakes than are told",
        &ManifestError::Invalid(last).into(),
    );
}

fn text(book: &mut Book) {
    more(book);
    check(book, "an empty file", "");
    check(
        book,
        "a quote that is not closed",
        "[palette]\nproject = \"Default\n\n[definition.factory]\nprofiles = [\"edge@1\"\n",
    );
    check(
        book,
        "a merge conflict",
        "[definition.factory]\n<<<<<<< HEAD\nprofiles = [\"a@1\"]\n=======\nprofiles = [\"a@2\"]\n>>>>>>> main\n",
    );
    let good = format!("[definition.factory]\n{FACTORY}\n");
    let utf16: Vec<u8> = good.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let test = Test::new().write("profiles.toml", [&b"\xff\xfe"[..], &utf16].concat());
    book.run("another encoding", 2, test.run("check"));
    let test = Test::new().write("profiles.toml", b"[palette]\n# caf\xe9\n");
    book.run("an older encoding", 2, test.run("check"));
    check(
        book,
        "tabs and wide characters before the mistake",
        "[definition.factory]\nprofiles = [\n\t\"本社@1.0.0\",\t\"本社\",\n]\n",
    );
    let many: Vec<String> = (0..30).map(|n| format!("\"profile-{n}@1.0.0\"")).collect();
    let line = many.join(", ").replace("profile-15@1.0.0", "profile-15");
    check(
        book,
        "a long line",
        &format!("[definition.factory]\nprofiles = [{line}]\n"),
    );
}

/// One in a directory above the working directory.
fn elsewhere(book: &mut Book) {
    let test = Test::new();
    let run = test.run("init").within("sites");
    book.run("init below one that is there", 2, run);
    let run = test.run("check nobody").within("sites");
    book.run("a mistake below one that is there", 2, run);
    test.put("sites/.git", "gitdir: nowhere\n");
    let run = test.run("check").within("sites");
    book.run("one above the repository", 2, run);
    let run = test.run("init").within("sites");
    book.run("init below one above the repository", 0, run);
    let missing = |passed| {
        let located = Located::Nowhere(passed);
        Error::Manifest(ManifestError::Missing("profiles.toml".into(), located))
    };
    let foreign = Passed::Foreign("../profiles.toml".into());
    book.told("one of another user", &missing(Some(foreign)));
    book.told("none anywhere", &missing(None));
}

/// Commands that do without it.
fn unused(book: &mut Book) {
    let bytes = archive(&[(&format!("{}a", profile_directory(INFRA)), "")]);
    let test = Test::new().write("a.tgz", bytes);
    test.put("profiles.toml", "");
    book.run("an archive beside it", 0, test.run("show a.tgz"));
    book.run("the cache beside it", 0, test.run("cache list"));
    std::fs::remove_file(test.path("profiles.toml")).unwrap();
    std::fs::create_dir(test.path("profiles.toml")).unwrap();
    let run = test.run("show a.tgz");
    book.run("an archive beside one that cannot be read", 0, run);
}

const TABLES: &str = r#"
[palete]
project = "Default"

[palette]
endpoint = "palette.example/v1"
project = 7
ca-cert = ""
timeout = 0
retries = "many"
allow-http = "yes"
api-key = "not-to-be-shown"
api-key-command = []
projekt = "Default"
colour = "red"

[canvos]
dir = 1.5
build = "make iso"

[cache]
dir = ["a"]

[limits]
archive = "2 GB"
unpacked = true
entries = 1979-05-27

[definition.factory]
profiles = ["edge-infra@2.1.0"]
canvos = { dir = "CanvOS" }
"#;

fn references(book: &mut Book) {
    book.part("profiles.toml: references");
    for text in [
        "\"65c90a1b2c3d4e5f770daee\"",
        "\"65c90a1b2c3d4e5f770daeO5\"",
        "\"edge-infra\"",
        "\"edge-infra@\"",
        "\"edge infra\"",
        "\" edge-infra@2.1.0\"",
        "\"\"",
        "\"https://console.example/projects/x/profiles/cluster/y\"",
        "\"https://console.example/projects/x/clusters/y/overview\"",
        "\"https://me:hunter2@console.example/admin/profiles/cluster/y\"",
        "\"https://\"",
        "{ name = \"edge-infra\" }",
        "{ version = \"2.1.0\" }",
        "{ uid = \"edge-infra@2.1.0\" }",
        "{ url = \"edge-infra@2.1.0\" }",
        "{ name = \" edge-infra\", version = \"2.1.0\" }",
        "{ }",
    ] {
        body(book, text, &format!("profiles = [{text}]"));
    }
    let both = format!("{{ uid = \"{INFRA}\", name = \"edge-infra\" }}");
    body(book, &both, &format!("profiles = [{both}]"));
}

fn url(project: &str, profile: &str) -> String {
    format!("\"https://console.example/projects/{project}/profiles/cluster/{profile}\"")
}

fn projects(book: &mut Book) {
    book.part("profiles.toml: projects");
    let [first, second] = [url(PROJECT, INFRA), url(RETAIL, HELLO)];
    body(
        book,
        "profiles of two projects",
        &format!("profiles = [\n  {first},\n  {second},\n]"),
    );
    body(
        book,
        "another project than that of the URLs",
        &format!("project = \"{RETAIL}\"\nprofiles = [{first}]"),
    );
    body(
        book,
        "the same profile twice",
        &format!("profiles = [\n  \"{INFRA}\",\n  {first},\n]"),
    );
}

fn packs(book: &mut Book) {
    book.part("profiles.toml: packs");
    for (what, packs) in [
        ("packs that are no list", "\"hello\""),
        ("a pack that is not a table", "[\"hello\"]"),
        ("a pack without a name", "[{ tag = \"1\" }]"),
        ("a pack that overrides nothing", "[{ name = \"hello\" }]"),
        (
            "the same pack twice",
            "[{ name = \"hello\", tag = \"1\" }, { name = \"hello\", tag = \"2\" }]",
        ),
        (
            "values that are no text",
            "[{ name = \"hello\", values = 3 }]",
        ),
        (
            "a mistyped values file",
            "[{ name = \"hello\", values = \"helo.yaml\" }]",
        ),
        (
            "no values file",
            "[{ name = \"hello\", values = \"zzz.yaml\" }]",
        ),
        (
            "a directory for values",
            "[{ name = \"hello\", values = \"CanvOS\" }]",
        ),
        (
            "values that are binary",
            "[{ name = \"hello\", values = \"binary\" }]",
        ),
        (
            "values that are too long",
            "[{ name = \"hello\", values = \"long\" }]",
        ),
    ] {
        let text = format!(
            "[definition.factory]\nprofiles = [{{ uid = \"{INFRA}\", packs = {packs} }}]\n"
        );
        let test = Test::new()
            .write("hello.yaml", "a: 1\n")
            .write("binary", b"\xff\x00")
            .write("profiles.toml", text);
        // The search for the key takes its time over such a file.
        if packs.contains("long") {
            test.put("long", vec![b'a'; (4 << 20) + 1]);
        }
        book.run(what, 2, test.run("check --offline"));
    }
}
