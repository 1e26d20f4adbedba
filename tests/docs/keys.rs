//! The keys of `profiles.toml`: those of the reference are those that the code knows.

use std::collections::BTreeSet;
use std::path::Path;

use edgestage::manifest::Manifest;

use crate::markdown::{blocks, read, rows, section, spans};

/// No known key is near to it.
const UNKNOWN: &str = "zzzzzzzzzzzz";

/// A heading of the reference, and a file whose only mistake is an unknown key in the
/// table that it is about.
const TABLES: [(&str, &str); 7] = [
    (
        "`[palette]`",
        "[palette]\nKEY = 1\n[definition.a]\nprofiles = [\"b@1\"]",
    ),
    (
        "`[canvos]`",
        "[canvos]\nKEY = 1\n[definition.a]\nprofiles = [\"b@1\"]",
    ),
    (
        "`[cache]`",
        "[cache]\nKEY = 1\n[definition.a]\nprofiles = [\"b@1\"]",
    ),
    (
        "`[limits]`",
        "[limits]\nKEY = 1\n[definition.a]\nprofiles = [\"b@1\"]",
    ),
    (
        "`[definition.NAME]`",
        "[definition.a]\nKEY = 1\nprofiles = [\"b@1\"]",
    ),
    (
        "An entry of `profiles`",
        "[definition.a]\nprofiles = [{ name = \"b\", version = \"1\", KEY = 1 }]",
    ),
    (
        "An entry of `packs`",
        "[definition.a]\nprofiles = [{ name = \"b\", version = \"1\", \
         packs = [{ name = \"c\", tag = \"1\", KEY = 1 }] }]",
    ),
];

/// The keys that the code names when it meets one that it does not know.
fn known(text: &str) -> BTreeSet<String> {
    let text = text.replace("KEY", UNKNOWN);
    let path = Path::new("profiles.toml");
    let problems = Manifest::parse(&text, path, path).unwrap_err();
    let [problem] = &problems[..] else {
        panic!("{problems:?}")
    };
    assert!(problem.title.contains(UNKNOWN), "{}", problem.title);
    let help = problem.help.concat();
    let (_, keys) = help.split_once(" accepts ").expect(&help);
    spans(keys).into_iter().collect()
}

#[test]
fn the_reference_has_the_keys_of_the_code() {
    let page = read("docs/reference.md");
    for (title, text) in TABLES {
        let documented: BTreeSet<String> = rows(&section(&page, title))
            .iter()
            .flat_map(|row| spans(&row[0]))
            .collect();
        assert_eq!(documented, known(text), "{title}");
    }
}

#[test]
fn the_sample_has_every_key() {
    let page = read("docs/reference.md");
    let sample = &blocks(&page, "toml")[0];
    for (title, text) in TABLES {
        for key in known(text) {
            assert!(sample.contains(&format!("{key} = ")), "{title}: {key}");
        }
    }
}
