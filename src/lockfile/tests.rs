//! Tests of the lock file: round trips, stability, damage.

use super::read::{parse, parse_by_definition};
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
    assert_eq!(parse_by_definition(&good).unwrap(), lock.definitions);
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
    for text in [&inside, &turned, &format!("{good}# the end\n")] {
        let expected = whole(text).unwrap().definition;
        assert_eq!(parse(text, lock.path()).unwrap(), expected);
    }
    // A definition that occurs twice, and keys outside a definition.
    for text in [
        format!("{good}{first}"),
        format!("{good}\n[other]\n"),
        format!("{head}\nkey = 1\n{first}"),
        format!("{head}{first}\n[[definition.\"b.c\".profiles]]\n"),
    ] {
        assert!(whole(&text).is_err(), "{text}");
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
    let [_, profile] = &read.definitions["factory"].profiles[..] else {
        panic!("two profiles")
    };
    assert_eq!(profile.version, "1.0.0");
    assert_eq!(profile.kind, "add-on");
    assert_eq!(profile.packs[0].layer, "addon");
    // A profile with infrastructure does not become an add-on.
    assert_eq!(
        read.definitions["factory"].profiles[0],
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
