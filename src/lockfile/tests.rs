//! Tests of the lock file: round trips, stability, damage.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

mod indexed;

use super::read::{by_definition, parse};
use super::*;
use crate::resolve::Pack;

fn locked() -> LockEntry {
    let uid = |text: &str| Uid::parse(text).unwrap();
    LockEntry {
        endpoint: "https://palette.example.com".into(),
        project: Some(uid("5fbbf0c1d2e3f4a5b6c7d8e9")),
        asked_sha256: Digest::of("asked"),
        content_sha256: Digest::of("content"),
        sha256: Digest::of("archive"),
        size: 4096,
        profiles: vec![
            ResolvedProfile {
                uid: uid("65c90a1b2c3d4e5f770daee5"),
                name: "edge \"infra\"\n\\".into(),
                version: "2.1.0".into(),
                kind: "infra".into(),
                packs: vec![
                    Pack {
                        name: "edge-k3s".into(),
                        layer: "k8s".into(),
                        tag: "1.30.x".into(),
                        version: "1.30.4".into(),
                        digest: "sha256:1234".into(),
                    },
                    Pack {
                        name: "manifest".into(),
                        layer: "addon".into(),
                        tag: String::new(),
                        version: String::new(),
                        digest: String::new(),
                    },
                ],
            },
            ResolvedProfile {
                uid: uid("65c91b7e3f2a1d4c9fe4f51c"),
                name: "empty".into(),
                version: "1.0.0".into(),
                kind: "add-on".into(),
                packs: Vec::new(),
            },
        ],
    }
}

fn saved(definitions: &[(&str, LockEntry)]) -> (tempfile::TempDir, Lockfile) {
    let directory = tempfile::tempdir().unwrap();
    let mut lock = Lockfile::load(&directory.path().join("profiles.lock")).unwrap();
    assert!(!lock.path().exists());
    lock.definitions = definitions
        .iter()
        .map(|(name, locked)| ((*name).to_owned(), locked.clone()))
        .collect();
    assert!(lock.save().unwrap());
    (directory, lock)
}

#[test]
fn what_is_written_is_read_back() {
    let tenant = LockEntry {
        project: None,
        ..locked()
    };
    let (_directory, lock) = saved(&[("factory", locked()), ("site.a", tenant)]);
    let mut again = Lockfile::load(lock.path()).unwrap();
    assert_eq!(again.definitions, lock.definitions);
    assert!(!again.save().unwrap(), "written though nothing changed");
}

/// Parsing entry by entry and parsing as a whole accept and refuse the same files.
#[test]
fn reading_in_parts_is_reading() {
    let other = LockEntry {
        size: 5,
        ..locked()
    };
    let (_directory, lock) = saved(&[("a", locked()), ("b.c", other)]);
    let good = std::fs::read_to_string(lock.path()).unwrap();
    assert_eq!(
        by_definition(&Arc::new(good.clone())).unwrap(),
        lock.definitions
    );
    let whole = |text: &str| toml::from_str::<Document>(text);
    let a = good.find("\n[definition.a]").unwrap();
    let b = good.find("\n[definition.\"b.c\"]").unwrap();
    let (head, first, second) = (&good[..a], &good[a..b], &good[b..]);

    // Not as edgestage writes it, but correct all the same.
    let profiles = first.find("\n[[definition").unwrap();
    let text = first[..profiles].replace("endpoint = \"", "endpoint = \"\"\"\n[definition.x]\n");
    let text = text.replacen(".com\"", ".com\"\"\"", 1);
    let inside = format!("{head}{text}{}", &first[profiles..]);
    let turned = format!("{head}{second}{first}");
    let key = "[[definition.\"b.c\".profiles]]";
    let moved = second.replacen(key, "[[definition.a.profiles]]", 1);
    let moved = format!("{head}{first}{moved}");
    for text in [&inside, &turned, &moved, &format!("{good}# the end\n")] {
        let expected: Entries = whole(text).unwrap().definition.into_iter().collect();
        let text = Arc::new(text.clone());
        assert_eq!(parse(&text, lock.path()).unwrap(), expected);
    }
    // A definition that occurs twice, and keys outside a definition.
    for text in [
        format!("{good}{first}"),
        format!("{good}\n[other]\n"),
        format!("{head}\nkey = 1\n{first}"),
        format!("{head}{first}\n[[definition.\"b.c\".profiles]]\n"),
    ] {
        assert!(whole(&text).is_err(), "{text}");
        let text = Arc::new(text);
        assert!(parse(&text, lock.path()).is_err(), "{text}");
    }
}

#[test]
fn the_text_is_for_a_review() {
    let (_directory, lock) = saved(&[("factory", locked())]);
    let text = std::fs::read_to_string(lock.path()).unwrap();
    let pack = r#"  { name = "edge-k3s", layer = "k8s", tag = "1.30.x", version = "1.30.4", digest = "sha256:1234" },"#;
    assert_eq!(
        text.lines().filter(|line| *line == pack).count(),
        1,
        "{text}"
    );
    assert!(text.starts_with("# What `edgestage` fetched"));
    assert!(text.contains("\nversion = 1\n"));
    assert!(text.ends_with("]\n"));
}

#[test]
fn damage_is_told_with_its_place_and_never_taken_for_a_lock() {
    let (directory, lock) = saved(&[("factory", locked())]);
    let path = lock.path();
    let good = std::fs::read_to_string(path).unwrap();
    for (from, to) in [
        ("size = 4096", "size = \"4096\""),
        ("size = 4096\n", ""),
        ("size = 4096", "size = 4096\nsise = 1"),
        ("sha256 = \"", "sha256 = \"g"),
        ("uid = \"65", "uid = \"5"),
        ("version = 1\n", "version = 0\n"),
        ("version = 1\n", ""),
        ("[definition.factory]", "<<<<<<< HEAD\n[definition.factory]"),
    ] {
        assert!(good.contains(from), "{from}");
        std::fs::write(path, good.replacen(from, to, 1)).unwrap();
        let error = Lockfile::load(path).unwrap_err();
        let LockfileError::Unreadable(diagnostic) = error else {
            panic!("{to}: {error:?}")
        };
        assert!(
            diagnostic.title.contains("profiles.lock"),
            "{}",
            diagnostic.title
        );
        assert!(!diagnostic.help.is_empty());
    }
    drop(directory);
}

#[test]
fn a_newer_lock_is_not_called_damaged() {
    let (_directory, lock) = saved(&[]);
    std::fs::write(lock.path(), "version = 2\nnew-key = 1\n").unwrap();
    let Err(LockfileError::Unreadable(diagnostic)) = Lockfile::load(lock.path()) else {
        panic!("read")
    };
    assert!(diagnostic.title.contains("newer edgestage"));
    assert!(!diagnostic.help.concat().contains("restore"));
}

/// A value that an earlier run wrote as Palette omitted it is read as it is today: an upgrade
/// is not drift.
#[test]
fn profiles_are_read_in_the_spellings_of_today() {
    let mut old = locked();
    old.profiles[1].version = String::new();
    old.profiles[1].kind = "addon".into();
    old.profiles[1].packs = vec![Pack {
        name: "manifests".into(),
        layer: String::new(),
        tag: String::new(),
        version: String::new(),
        digest: String::new(),
    }];
    let (_directory, lock) = saved(&[("factory", old)]);
    let read = Lockfile::load(lock.path()).unwrap();
    let [_, profile] = &read.definitions.get("factory").unwrap().profiles[..] else {
        panic!("two profiles")
    };
    assert_eq!(profile.version, "1.0.0");
    assert_eq!(profile.kind, "add-on");
    assert_eq!(profile.packs[0].layer, "addon");
    // A profile with infrastructure does not become an add-on.
    assert_eq!(
        read.definitions.get("factory").unwrap().profiles[0],
        locked().profiles[0]
    );
}

#[test]
fn where_it_was_fetched_is_no_part_of_what_is_locked() {
    let other = LockEntry {
        endpoint: "https://another.example.com".into(),
        ..locked()
    };
    assert!(locked().is_same(&other) && other.is_same(&locked()));
    let content = LockEntry {
        content_sha256: Digest::of("other"),
        ..other
    };
    assert!(!locked().is_same(&content));
}

/// A lock with one site's entry per name, each with its own digests.
fn fleet(names: &[&str]) -> (tempfile::TempDir, Lockfile) {
    let entry = |name: &str| {
        let mut entry = locked();
        entry.profiles[0].name = "edge-infra".into();
        entry.content_sha256 = Digest::of(format!("content {name}"));
        entry.sha256 = Digest::of(format!("archive {name}"));
        entry
    };
    let entries: Vec<_> = names.iter().map(|name| (*name, entry(name))).collect();
    saved(&entries)
}

#[test]
fn an_entry_is_parsed_only_if_it_is_needed() {
    let names = ["a", "b.c", "d", "e"];
    let (_directory, made) = fleet(&names);
    let lock = Lockfile::load(made.path()).unwrap();
    assert_eq!(lock.definitions.unparsed(), names.len());
    assert_eq!(lock.definitions.get("b.c"), made.definitions.get("b.c"));
    assert!(lock.definitions.contains_key("d") && !lock.definitions.contains_key("f"));
    assert_eq!(lock.definitions.unparsed(), 3);
    // Owners of an archive are looked up by its digests.
    let content = lock.content_of(Digest::of("archive d"));
    assert_eq!(content, Some(Digest::of("content d")));
    let contents = Contents {
        sha256: Digest::of("content a"),
        profiles: None,
    };
    assert_eq!(lock.owner_of(&contents).unwrap().0, "a");
    assert_eq!(lock.content_of(Digest::of("archive f")), None);
    assert_eq!(lock.definitions.unparsed(), 1);
    assert!(lock.excerpt("e", LockfileSpan::Entry, "").is_some());
    assert_eq!(lock.definitions.unparsed(), 1);
}

/// One entry that edgestage did not write in this form does not cost the others.
#[test]
fn an_entry_in_another_form_is_parsed_at_once() {
    let (_directory, lock) = fleet(&["a", "b", "c"]);
    let good = lock.text().unwrap();
    let b = good.find("\n[definition.b]").unwrap();
    let (before, after) = good.split_at(b);
    for edited in [
        after.replacen("size = 4096", "size = 4_096", 1),
        after.replacen("size = 4096", "size=4096", 1),
        after.replacen("[definition.b]", "[definition.b] # moved", 1),
        after.replacen("[definition.b]", "[ definition . b ]", 1),
        after.replacen("\"edge-infra\"", "'edge-infra'", 1),
        after.replacen("\"edge-infra\"", "\"edge\\u002dinfra\"", 1),
        after.replacen("packs = [\n", "packs = [ # none\n", 1),
        after.replacen("\n[definition.c]", "\n# the last\n\n[definition.c]", 1),
    ] {
        assert_ne!(edited, after);
        let text = Arc::new(format!("{before}{edited}"));
        let read = parse(&text, lock.path()).unwrap();
        assert_eq!(read, lock.definitions);
        // The other entries are the same text.
        let again = by_definition(&text).map(|entries| entries.unparsed());
        let expected = if edited.contains("[ definition") {
            None
        } else {
            Some(2)
        };
        assert_eq!(again.or(expected), expected, "{edited}");
    }
}

/// A mistake in an entry is reported by a run that needs another one.
#[test]
fn damage_in_another_entry_is_not_passed_over() {
    let (_directory, lock) = fleet(&["a", "b", "c"]);
    let good = lock.text().unwrap();
    let b = good.find("\n[definition.b]").unwrap();
    let (before, after) = good.split_at(b);
    for (from, to) in [
        ("size = 4096", "size = 4096 "),
        ("size = 4096", "size = 04096"),
        ("size = 4096", "size = 99999999999999999999"),
        ("size = 4096", "size = -1"),
        ("size = 4096\n", ""),
        ("size = 4096\n", "size = 4096\nsize = 4096\n"),
        ("size = 4096\n", "size = 4096\nsise = 4096\n"),
        ("\nsha256 = \"", "\nsha256 = \"g"),
        ("uid = \"65", "uid = \"5"),
        ("name = \"edge-infra\"", "name = \"edge-infra"),
        ("name = \"edge-infra\"", "name = \"edge\\xinfra\""),
        ("name = \"edge-infra\"", "name = \"edge\u{7}infra\""),
        ("name = \"edge-infra\"", "name = \"\"\"edge-infra\""),
        ("name = \"edge-infra\"", "name.x = \"edge-infra\""),
        ("[definition.b]", "[definition.a]"),
        ("[definition.b]", "[definition.\"a\"]"),
        ("[definition.b]", "[definition.b.c]"),
        ("[[definition.b.profiles]]", "[[definition.b.profile]]"),
        ("[definition.b]", "<<<<<<< HEAD\n[definition.b]"),
        ("size = 4096\n", "=======\nsize = 4096\n"),
        ("]\n\n[definition.c]", "]\n>>>>>>> theirs\n\n[definition.c]"),
        ("]\n\n[definition.c]", "]\n\n[definition.c]]"),
        ("]\n\n[definition.c]", "\n\n[definition.c]"),
    ] {
        assert!(after.contains(from), "{from}");
        let damaged = format!("{before}{}", after.replacen(from, to, 1));
        let is_damage = toml::from_str::<Document>(&damaged).is_err();
        let read = parse(&Arc::new(damaged), lock.path());
        assert_eq!(read.is_err(), is_damage, "{to}");
        assert!(is_damage || to == "size = 4096 ", "{to}");
    }
}

/// What an edit may leave in a file.
const FRAGMENTS: [&str; 24] = [
    "\n",
    " ",
    "#",
    "\"",
    "'",
    "\"\"\"",
    "\\",
    "\r",
    "\u{1}",
    "é",
    "[",
    "]",
    "[definition.a]\n",
    "\n[definition.b]\n",
    "[[definition.a.profiles]]\n",
    "[definition]\n",
    "a.size = 1\n",
    "size = 1\n",
    "more = { a = 1 }\n",
    "# more\n",
    "<<<<<<< HEAD\n",
    "=======\n",
    "version = 1\n",
    "0",
];

/// An edit: at a position, so many bytes give way to a fragment.
fn edit() -> impl Strategy<Value = (prop::sample::Index, usize, &'static str)> {
    let removed = prop_oneof![2 => Just(0), 2 => 1..4_usize, 1 => 4..200_usize];
    let put = prop::sample::select(FRAGMENTS.to_vec());
    (
        any::<prop::sample::Index>(),
        removed,
        prop_oneof![1 => Just(""), 3 => put],
    )
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 400,
        failure_persistence: Some(Box::new(FileFailurePersistence::Off)),
        ..ProptestConfig::default()
    })]

    /// Whatever was done to a file, it is read or refused as the TOML parser reads or refuses
    /// the whole of it, and no entry is lost.
    #[test]
    fn edited_files_are_read_as_the_toml_parser_reads_them(
        edits in prop::collection::vec(edit(), 0..3),
        at_line in any::<bool>(),
    ) {
        let (_directory, lock) = fleet(&["a", "b.c", "d"]);
        let mut text = lock.text().unwrap().to_owned();
        for (at, removed, put) in edits {
            let mut start = at.index(text.len() + 1);
            if at_line {
                start = text.as_bytes()[..start].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            }
            let mut end = (start + removed).min(text.len());
            while !text.is_char_boundary(start) { start -= 1; }
            while !text.is_char_boundary(end) { end += 1; }
            text.replace_range(start..end, put);
        }
        let whole = toml::from_str::<Document>(&text).ok().filter(Document::is_current);
        let text = Arc::new(text);
        let read = parse(&text, lock.path()).ok();
        let names = read.as_ref().map_or(0, Entries::len);
        prop_assert_eq!(read.as_ref().map_or(0, |read| read.iter().count()), names);
        let normal = |mut entry: LockEntry| {
            entry.profiles = entry.profiles.into_iter().map(ResolvedProfile::normal).collect();
            entry
        };
        let whole = whole.map(|whole| -> BTreeMap<_, _> {
            whole.definition.into_iter().map(|(name, entry)| (name, normal(entry))).collect()
        });
        prop_assert_eq!(read, whole.map(|whole| whole.into_iter().collect::<Entries>()));
    }

    /// What is written in the form that edgestage writes is left unparsed, and is the same as
    /// what was written.
    #[test]
    fn plain_names_are_left_unparsed(
        names in prop::collection::btree_set("[ !#-\\[\\]-~é]{0,12}", 1..4),
        text in "[ !#-\\[\\]-~é]{1,12}",
        packs in 0..3_usize,
    ) {
        let mut entry = locked();
        for profile in &mut entry.profiles {
            profile.name.clone_from(&text);
            profile.packs = vec![locked().profiles[0].packs[0].clone(); packs];
        }
        let entries: Vec<_> = names.iter().map(|name| (name.as_str(), entry.clone())).collect();
        let (_directory, lock) = saved(&entries);
        let again = Lockfile::load(lock.path()).unwrap();
        prop_assert_eq!(again.definitions.unparsed(), names.len());
        prop_assert_eq!(&again.definitions, &lock.definitions);
        prop_assert_eq!(again.to_string(), lock.to_string());
    }
}
