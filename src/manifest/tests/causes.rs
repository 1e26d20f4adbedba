//! Tests that a single mistake gives a single message, without its consequences.

use super::{parse, problems};

/// Files with one mistake each, and the place and the message that are expected.
const ONE_EACH: [(&str, &str); 39] = [
    // Misspelled keys and tables.
    (
        "[definition.a]\nprofile = [\"a@1\"]\n",
        "2: unknown key `profile` in [definition.a] (did you mean `profiles`?)",
    ),
    (
        "[definition.a]\nprofil = [\"a@1\"]\ncanvos = \"x\"\n",
        "2: unknown key `profil` in [definition.a] (did you mean `profiles`?)",
    ),
    (
        "[definitions.a]\nprofiles = [\"a@1\"]\n",
        "1: unknown key `definitions` in the file (did you mean `definition`?)",
    ),
    (
        "[Definition.a]\nprofiles = [\"a@1\"]\n",
        "1: unknown key `Definition` in the file (did you mean `definition`?)",
    ),
    (
        "[a]\nprofiles = [\"a@1\"]\n",
        "1: `[a]` is not a definition (it has `profiles`)",
    ),
    (
        "[definition]\nprofiles = [\"a@1\"]\n",
        "2: the definition has no name (`profiles` is directly in [definition])",
    ),
    (
        "[definition]\nprofiles = [\"a@1\"]\ncanvos = \"x\"\nname = \"n\"\n",
        "2: the definition has no name (`profiles` is directly in [definition])",
    ),
    (
        "[palete]\nproject = \"p\"\n[definition.a]\nprofiles = [\"a@1\"]\n",
        "1: unknown key `palete` in the file (did you mean `palette`?)",
    ),
    (
        "[palette]\nprojct = \"p\"\n[definition.a]\nprofiles = [\"a@1\"]\n",
        "2: unknown key `projct` in [palette] (did you mean `project`?)",
    ),
    // Values of the wrong type.
    (
        "definition = 3\n",
        "1: [definition] must be a table (this is an integer)",
    ),
    (
        "[[definition]]\nprofiles = [\"a@1\"]\n",
        "1: [definition] must be a table (this is an array)",
    ),
    (
        "definition.a = [\"a@1\"]\n",
        "1: [definition.a] must be a table (this is an array)",
    ),
    (
        "[definition.a]\nprofiles = \"a@1\"\n",
        "2: `profiles` must be an array of profiles (this is a string)",
    ),
    (
        "[definition.a]\nprofiles = [3]\n",
        "2: a profile must be a string or a table (this is an integer)",
    ),
    (
        "[definition.a]\nprofiles = [[\"a@1\"]]\n",
        "2: a profile must be a string or a table (this is an array)",
    ),
    (
        "[palette]\nendpoint = 3\n[definition.a]\nprofiles = [\"a@1\"]\n",
        "2: `endpoint` must be a string (this is an integer)",
    ),
    (
        "[palette]\nendpoint = \"palette.example\"\n[definition.a]\nprofiles = [\"a@1\"]\n",
        "2: `endpoint` is not a Palette address (it does not begin with `https://`)",
    ),
    (
        "[definition.a]\nproject = 3\nprofiles = [\"a@1\"]\n",
        "2: `project` must be a string (this is an integer)",
    ),
    // Profiles as tables.
    (
        "[definition.a]\nprofiles = [{ name = 3, version = \"1\" }]\n",
        "2: `name` must be a string (this is an integer)",
    ),
    (
        "[definition.a]\nprofiles = [{ name = \"a\", version = 1.0 }]\n",
        "2: `version` must be a string (this is a number)",
    ),
    (
        "[definition.a]\nprofiles = [{ name = \"\", version = \"1\" }]\n",
        "2: `name` is empty ()",
    ),
    (
        "[definition.a]\nprofiles = [{ uid = 3 }]\n",
        "2: `uid` must be a string (this is an integer)",
    ),
    (
        "[definition.a]\nprofiles = [{ uuid = \"x\" }]\n",
        "2: unknown key `uuid` in a profile (did you mean `uid`?)",
    ),
    (
        "[definition.a]\nprofiles = [{ id = \"x\" }]\n",
        "2: unknown key `id` in a profile (unknown)",
    ),
    (
        "[definition.a]\nprofiles = [{ name = \"a\", versoin = \"1\" }]\n",
        "2: unknown key `versoin` in a profile (did you mean `version`?)",
    ),
    (
        "[definition.a]\nprofiles = [{ nam = \"a\", version = \"1\" }]\n",
        "2: unknown key `nam` in a profile (did you mean `name`?)",
    ),
    (
        "[definition.a]\nprofiles = [{ name = \"a\", version = \"1\", pack = [{ name = \"p\", tag = \"1\" }] }]\n",
        "2: unknown key `pack` in a profile (did you mean `packs`?)",
    ),
    (
        "[definition.a]\nprofiles = [{ name = \"a\", version = \"1\", packs = { name = \"p\", tag = \"1\" } }]\n",
        "2: `packs` must be an array of tables (this is a table)",
    ),
    // Packs.
    (
        "[definition.a]\nprofiles = [{ name = \"a\", version = \"1\", packs = [{ name = \"p\", tag = 3 }] }]\n",
        "2: `tag` must be a string (this is an integer)",
    ),
    (
        "[definition.a]\nprofiles = [{ name = \"a\", version = \"1\", packs = [{ name = \"p\", value = \"f\" }] }]\n",
        "2: unknown key `value` in a pack (did you mean `values`?)",
    ),
    (
        "[definition.a]\nprofiles = [{ name = \"a\", version = \"1\", packs = [{ nam = \"p\", tag = \"1\" }] }]\n",
        "2: unknown key `nam` in a pack (did you mean `name`?)",
    ),
    (
        "[definition.a]\nprofiles = [{ name = \"a\", version = \"1\", packs = [{ name = 3, tag = \"1\" }] }]\n",
        "2: `name` must be a string (this is an integer)",
    ),
    (
        "[definition.a]\nprofiles = [{ name = \"a\", version = \"1\", packs = [\"p\"] }]\n",
        "2: `packs` must be an array of tables (this is a string)",
    ),
    // Syntax.
    (
        "[definition.a]\nprofiles = [\"a@1\"\n",
        "2: the file is not valid TOML (unclosed array, expected `]`)",
    ),
    (
        "[definition.a]\nprofiles \"a@1\"]\n",
        "2: the file is not valid TOML (key with no value, expected `=`)",
    ),
    (
        "[definition.a\nprofiles = [\"a@1\"]\n",
        "1: the file is not valid TOML (unclosed table, expected `]`)",
    ),
    (
        "[definition.a]\nprofiles = [\n  \"a@1\",\ncanvos = \"x\"\n[definition.b]\nprofiles = [\"b@1\"]\n",
        "4: the file is not valid TOML (unexpected `=` in array, expected value, `]`)",
    ),
    (
        "[definition.a]\nprofiles = [\n  \"a@1\"\n  \"b@1\"\n]\n",
        "4: the file is not valid TOML (missing comma between array elements, expected `,`)",
    ),
    (
        "[definition.a]\nprofiles = [{ name = \"a\", version = \"1 }]\n",
        "2: the file is not valid TOML (unclosed inline table, expected `}`)",
    ),
];

#[test]
fn one_mistake_is_told_once() {
    let mut wrong = Vec::new();
    for (text, expected) in ONE_EACH {
        let told = problems(text);
        if told != [expected] {
            wrong.push(format!("{text}{told:#?}\nexpected {expected}\n"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Independent mistakes are reported separately.
#[test]
fn two_mistakes_are_two() {
    for (text, expected) in [
        (
            "[palete]\nproject = \"p\"\n",
            &["unknown key `palete`", "no definition"][..],
        ),
        (
            "[definition.a]\nnmae = \"x\"\n",
            &["has no profiles", "unknown key `nmae`"],
        ),
        (
            "[definition.a]\nprofile = [\"a@1\"]\n[definition.b]\n",
            &["unknown key `profile`", "`b` has no profiles"],
        ),
    ] {
        let told: Vec<String> = parse(text)
            .unwrap_err()
            .into_iter()
            .map(|d| d.title)
            .collect();
        assert_eq!(told.len(), expected.len(), "{text}{told:?}");
        for (told, expected) in told.iter().zip(expected) {
            assert!(told.contains(expected), "{text}{told}");
        }
    }
}

/// URLs of two projects: that one of them is not the definition's own is a consequence.
#[test]
fn projects_that_disagree_are_told_once() {
    let url = |project: &str, last: char| {
        let uid = format!("65c90a1b2c3d4e5f770daee{last}");
        format!("'https://c.example/projects/{project}/profiles/cluster/{uid}'")
    };
    let [own, other] = ["5fbbf0c1d2e3f4a5b6c7d8e9", "5fbbf0c1d2e3f4a5b6c7d8e0"];
    let profiles = format!("[{}, {}]", url(other, '1'), url(own, '2'));
    let told = problems(&format!(
        "[definition.a]\nproject = '{own}'\nprofiles = {profiles}\n"
    ));
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].contains("`a` has profiles from two projects"),
        "{told:?}"
    );
}
