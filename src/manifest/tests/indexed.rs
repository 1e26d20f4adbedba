//! A file with an index gives the same definitions as the whole file.

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

use super::*;

const HEAD: &str = "\
[palette]
endpoint = \"https://palette.example.com\"
project = \"Default\"

[canvos]
dir = \"CanvOS\"

";
const DEFINITIONS: &str = "\
[definition.a]
profiles = [
  \"edge@1.0.0\", # the first
  { name = \"site\", version = \"2.0.0\", packs = [{ name = \"p\", tag = \"1\" }] },
]

# About the next one.
[definition.\"b.c\"] # quoted
project = \"Edge\"
canvos = \"../b\"
profiles = [\"edge@1.0.0\"]

[definition.b]
name = \"other\"
cloud-type = \"edge\"

[[definition.b.profiles]]
uid = \"65c90a1b2c3d4e5f770daee5\"

  [[definition.b.profiles]]
  name = \"site\"
  version = \"3.0.0\"

";
const TAIL: &str = "\
[host.line-1]
address = \"10.0.0.1\"
definition = \"b.c\"

[limits]
unpacked = \"1 MiB\"
";

/// Reads `text` with its index.
fn indexed(text: &str) -> Option<Manifest> {
    let whole = parse(text).unwrap();
    let index = whole.index()?;
    let text = Arc::new(text.to_owned());
    Manifest::parse_indexed(&text, index, &whole.path, Path::new("profiles.toml"))
}

/// Everything but the definitions.
fn settings(manifest: &Manifest) -> String {
    let canvos = (
        &manifest.canvos,
        &manifest.canvos_span,
        &manifest.build,
        manifest.rehearse,
    );
    let hosts = (&manifest.host_login, &manifest.hosts);
    let rest = (
        &manifest.cache,
        &manifest.registry,
        &manifest.signing,
        &manifest.limits,
    );
    format!("{:?}", (&manifest.palette, canvos, hosts, rest))
}

#[test]
fn each_definition_is_as_in_the_whole_file() {
    for text in [
        format!("{HEAD}{DEFINITIONS}"),
        format!("{HEAD}{DEFINITIONS}{TAIL}"),
        format!("{DEFINITIONS}{TAIL}"),
        format!("{HEAD}{DEFINITIONS}{TAIL}").replace('\n', "\r\n"),
    ] {
        let whole = parse(&text).unwrap();
        for name in whole.definitions.keys() {
            let read = indexed(&text).unwrap();
            assert_eq!(read.definitions.get(name), whole.definitions.get(name));
            assert!(read.definitions.contains_key(name));
            assert_eq!(read.definitions.len(), 3);
            assert!(!read.definitions.are_read());
            assert_eq!(settings(&read), settings(&whole));
            assert_eq!(read.source().text, text);
            // What needs all of them reads all of them.
            assert!(read.definitions.iter().eq(&whole.definitions));
            assert_eq!(read.definitions.get("none"), None);
        }
    }
}

/// A file in another form is always read as a whole.
#[test]
fn what_is_not_a_part_of_the_text_has_no_index() {
    for (from, to) in [
        ("[definition.a]", "[ definition.a ]"),
        (
            "[definition.a]",
            "[definition.'a']\ncanvos = 'x'\n[definition.z]",
        ),
        (
            "[definition.b]\n",
            "[definition.d]\nprofiles = [\"edge@1\"]\n[definition.b]\n",
        ),
        (
            "[[definition.b.profiles]]",
            "[definition.d]\nprofiles = [\"edge@1\"]\n[[definition.b.profiles]]",
        ),
        (
            "profiles = [\"edge@1.0.0\"]\n\n[definition.b]",
            "profiles = [\"\"\"\\\n[definition.x]\\\nedge@1.0.0\"\"\"]\n\n[definition.b]",
        ),
        (
            "profiles = [\"edge@1.0.0\"]\n\n[definition.b]",
            "profiles = ['''\n[definition.b]\nedge@1.0.0''']\n\n[definition.b]",
        ),
    ] {
        let text = format!("{HEAD}{DEFINITIONS}").replacen(from, to, 1);
        let Ok(whole) = parse(&text) else { continue };
        let Some(read) = indexed(&text) else { continue };
        for name in whole.definitions.keys() {
            assert_eq!(
                read.definitions.get(name),
                whole.definitions.get(name),
                "{text}"
            );
        }
        assert!(read.definitions.iter().eq(&whole.definitions));
    }
    for text in [
        "definition.a.profiles = [\"edge@1\"]\n",
        "[definition]\na = { profiles = [\"edge@1\"] }\n",
        "definition = { a = { profiles = [\"edge@1\"] } }\n",
        "[[definition.a.profiles]]\nname = \"edge\"\nversion = \"1\"\n",
        "[definition.a]\nname = \"x\"\n[definition.b]\nprofiles = [\"edge@1\"]\n\
         [[definition.a.profiles]]\nname = \"edge\"\nversion = \"1\"\n",
    ] {
        assert!(parse(text).unwrap().index().is_none(), "{text}");
    }
}

/// What a values file holds can change while `profiles.toml` does not.
#[test]
fn a_file_that_names_values_files_has_no_index() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("profiles.toml");
    std::fs::write(directory.path().join("v.yaml"), "a: 1\n").unwrap();
    let text = "[definition.a]\nprofiles = [{ name = \"edge\", version = \"1\", packs = \
                [{ name = \"p\", values = \"v.yaml\" }] }]\n";
    let manifest = Manifest::parse(text, &path, &path).unwrap();
    assert!(manifest.index().is_none());
    let text = text.replace(", values = \"v.yaml\"", ", tag = \"1\"");
    assert!(
        Manifest::parse(&text, &path, &path)
            .unwrap()
            .index()
            .is_some()
    );
}

/// A wrong index makes nothing of a text that it does not hold.
#[test]
fn a_wrong_index_is_not_trusted() {
    let text = Arc::new(format!("{HEAD}{DEFINITIONS}"));
    let whole = parse(&text).unwrap();
    let place = |name: &str| whole.index().unwrap().find(name).unwrap();
    let path = Path::new("/site/profiles.toml");
    for (name, wrong) in [
        ("a", place("b")),
        ("a", place("a").start..place("b").end),
        ("a", 0..place("a").end),
        ("a", place("a").start + 1..place("a").end),
        ("a", place("a").start..place("a").end - 20),
        ("a", place("a").start..text.len() + 10),
    ] {
        let rest = std::iter::once(0..HEAD.len()).collect();
        let index = TextIndex::new(rest, [(name, wrong.clone(), Vec::new())]);
        let read = Manifest::parse_indexed(&text, index.unwrap(), path, path).unwrap();
        assert_eq!(
            read.definitions.get(name),
            whole.definitions.get(name),
            "{wrong:?}"
        );
    }
}

/// That something is not there is found out from the file itself.
#[test]
fn an_index_hides_no_definition() {
    let text = Arc::new(format!("{HEAD}{DEFINITIONS}"));
    let whole = parse(&text).unwrap();
    let path = Path::new("/site/profiles.toml");
    let rest = std::iter::once(0..HEAD.len()).collect();
    let place = whole.index().unwrap().find("a").unwrap();
    let index = TextIndex::new(rest, [("a", place, Vec::new())]).unwrap();
    let read = || Manifest::parse_indexed(&text, index.clone(), path, path).unwrap();
    assert!(!read().definitions.contains_key("none"));
    assert!(read().definitions.contains_key("b"));
    assert_eq!(read().definitions.get("b"), whole.definitions.get("b"));
}

/// The definitions of a file with mistakes are not taken for none.
#[test]
fn mistakes_behind_a_wrong_index_are_reported_with_all_definitions() {
    let good = format!("{HEAD}{DEFINITIONS}");
    let text = good.replace("cloud-type", "clown-type");
    assert_ne!(text, good);
    let path = Path::new("/site/profiles.toml");
    let index = parse(&good).unwrap().index().unwrap();
    let read = Manifest::parse_indexed(&Arc::new(text), index, path, path).unwrap();
    assert!(read.definitions.get("a").is_some());
    let Err(ManifestError::Invalid(mistakes)) = read.definitions.require_all() else {
        panic!("there is a mistake");
    };
    assert_eq!(mistakes[0].code, Code::UnknownKey);
    assert_eq!(read.definitions.iter().count(), 0);
    assert!(read.definitions.get("a").is_some());
}

/// Pieces of a file, some of which make the lines of others look like headings.
const PIECES: [&str; 14] = [
    "[definition.N]\nprofiles = [\"edge@1\"]\n",
    "[definition.\"N\"]\nprofiles = [\"edge@1\"]\n",
    "[definition.'N']\nprofiles = [\"edge@1\"]\n",
    "[definition.N]\n[[definition.N.profiles]]\nname = \"edge\"\nversion = \"1\"\n",
    "[[definition.N.profiles]]\nname = \"edge\"\nversion = \"1\"\n",
    "[definition.N]\nname = \"\"\"\n[definition.N]\n\"\"\"\nprofiles = [\"edge@1\"]\n",
    "[definition.N]\nprofiles = [\"edge@1\"]\nname = '''\n[limits]\n'''\n",
    "  [ definition.N ]\nprofiles = [\"edge@1\"]\n",
    "[definition.N.profiles]\n",
    "canvos = \"x\"\n",
    "[host.N]\naddress = \"10.0.0.N\"\n",
    "# [definition.N]\n",
    "[hosts]\nuser = \"me\"\n",
    "definition.N.profiles = [\"edge@1\"]\n",
];

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::Off)),
        ..ProptestConfig::with_cases(2000)
    })]

    #[test]
    fn an_index_never_changes_what_is_read(
        pieces in prop::collection::vec((0..PIECES.len(), 1..4_u8), 1..7)
    ) {
        let text: String = pieces
            .iter()
            .map(|(piece, number)| PIECES[*piece].replace('N', &number.to_string()))
            .collect();
        let Ok(whole) = parse(&text) else { return Ok(()) };
        let Some(read) = indexed(&text) else { return Ok(()) };
        for name in whole.definitions.keys() {
            prop_assert_eq!(read.definitions.get(name), whole.definitions.get(name));
        }
        prop_assert!(!read.definitions.are_read());
        prop_assert_eq!(settings(&read), settings(&whole));
        prop_assert!(read.definitions.iter().eq(&whole.definitions));
    }
}
