//! A lock with an index gives the same entries as the whole file.

use super::*;
use crate::manifest::Manifest;
use crate::util::text_index::TextIndex;

/// Opens `lock` with an index, as if it had been found valid before.
fn indexed(lock: &Lockfile) -> Lockfile {
    let whole = Lockfile::load(lock.path()).unwrap();
    let entries = whole.definitions.written().unwrap().into_iter();
    let made = super::super::indexed::index_of(whole.text().unwrap(), entries).unwrap();
    let stamp = Stamp::of(&lock.path().metadata().unwrap());
    let file = Indexed::with(lock.path(), made, stamp).unwrap();
    Lockfile {
        path: lock.path().to_owned(),
        written: Written::Indexed,
        definitions: Entries::indexed(Arc::new(file)),
    }
}

#[test]
fn an_index_gives_what_the_whole_file_gives() {
    let names = ["a", "b.c", "d", "e"];
    let (_directory, made) = fleet(&names);
    let lock = indexed(&made);
    assert!(lock.exists() && lock.is_on_disk());
    assert_eq!(lock.definitions.len(), names.len());
    for name in names {
        assert_eq!(lock.definitions.get(name), made.definitions.get(name));
    }
    let content = lock.content_of(Digest::of("archive d"));
    assert_eq!(content, Some(Digest::of("content d")));
    assert_eq!(lock.content_of(Digest::of("archive f")), None);
    let contents = Contents {
        sha256: Digest::of("content a"),
        profiles: None,
    };
    assert_eq!(lock.owner_of(&contents).unwrap().0, "a");
    assert!(!lock.definitions.is_read());
    // What needs all of it reads all of it.
    assert_eq!(lock.definitions.get("f"), None);
    assert_eq!(lock.definitions, made.definitions);
    assert_eq!(lock.text(), made.text());
    assert!(lock.excerpt("e", LockfileSpan::Entry, "").is_some());
}

/// Entries beyond the first few are found, too.
#[test]
fn many_entries_are_found_with_an_index() {
    let names: Vec<String> = (0..40).map(|number| format!("site-{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (_directory, made) = fleet(&names);
    let lock = indexed(&made);
    for name in names {
        assert_eq!(lock.definitions.get(name), made.definitions.get(name));
    }
}

#[test]
fn a_lock_that_another_run_replaced_stays_as_it_was_opened() {
    let (_directory, made) = fleet(&["a", "b"]);
    let mut lock = indexed(&made);
    let mut other = Lockfile::load(made.path()).unwrap();
    other.definitions.remove("b");
    assert!(other.save().unwrap());
    assert!(!lock.is_on_disk());
    assert_eq!(lock.definitions.get("b"), made.definitions.get("b"));
    assert_eq!(lock.definitions, made.definitions);
    lock.refresh().unwrap();
    assert_eq!(lock.definitions, other.definitions);
}

/// A file that was written since it was opened may have other bytes at the places of the index.
#[test]
fn a_lock_that_was_written_since_it_was_opened_locks_nothing() {
    let (_directory, made) = fleet(&["a", "b"]);
    let lock = indexed(&made);
    std::thread::sleep(std::time::Duration::from_millis(20));
    let text = made.text().unwrap().replace("2.1.0", "2.1.1");
    assert_ne!(text, made.text().unwrap());
    std::fs::write(made.path(), text).unwrap();
    assert!(!lock.is_on_disk());
    assert_eq!(lock.definitions.get("a"), None);
    assert!(lock.definitions.iter().next().is_none());
    assert_eq!(lock.text(), None);
}

/// What is written has every entry.
#[test]
fn a_lock_with_an_index_is_read_before_it_is_written() {
    let (_directory, made) = fleet(&["a", "b", "c"]);
    let mut lock = indexed(&made);
    lock.refresh().unwrap();
    lock.definitions.insert("d".into(), locked());
    assert!(lock.save().unwrap());
    let read = Lockfile::load(made.path()).unwrap();
    assert!(read.definitions.keys().eq(["a", "b", "c", "d"]));
}

/// Nothing is written from a part of the file.
#[test]
fn a_lock_of_which_only_a_part_was_read_is_not_written() {
    let (_directory, made) = fleet(&["a", "b", "c"]);
    let mut lock = indexed(&made);
    lock.definitions.insert("d".into(), locked());
    assert!(matches!(lock.save(), Err(LockfileError::Io(_))));
    assert_eq!(Lockfile::load(made.path()).unwrap().text(), made.text());
}

/// What is in `profiles.toml` is found out from the whole file before an entry is removed.
#[test]
fn a_wrong_index_of_a_manifest_removes_no_entry() {
    let (_directory, made) = fleet(&["a", "b", "c"]);
    let path = Path::new("/site/profiles.toml");
    let first = "[definition.a]\nprofiles = [\"edge@1\"]\n";
    let pruned = |others: &str| {
        let index = TextIndex::new(Vec::new(), [("a", 0..first.len(), Vec::new())]).unwrap();
        let text = Arc::new(format!("{first}{others}"));
        let manifest = Manifest::parse_indexed(&text, index, path, path).unwrap();
        let mut lock = made.clone();
        lock.prune(&manifest);
        lock.definitions.keys().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(pruned("[definition.b]\nprofiles = [\"edge@2\"]\n"), "a b");
    // Nothing is concluded from a file with mistakes.
    assert_eq!(pruned("[definition.b]\nprofils = [\"edge@2\"]\n"), "a b c");
}

/// That a definition is not locked is found out from the file itself.
#[test]
fn an_index_hides_no_entry() {
    let (_directory, made) = fleet(&["a", "b"]);
    let open = || {
        let index = TextIndex::new(Vec::new(), []).unwrap();
        let stamp = Stamp::of(&made.path().metadata().unwrap());
        let file = Indexed::with(made.path(), index, stamp).unwrap();
        Entries::indexed(Arc::new(file))
    };
    assert_eq!(open().get("a"), made.definitions.get("a"));
    assert!(open().contains_key("b") && !open().contains_key("c"));
}

/// A wrong index makes nothing of an entry that is another one.
#[test]
fn a_wrong_index_of_a_lock_is_not_trusted() {
    let (_directory, made) = fleet(&["a", "b"]);
    let text = made.text().unwrap();
    let [a, b] = ["\n[definition.a]", "\n[definition.b]"].map(|it| text.find(it).unwrap());
    for wrong in [
        b..text.len(),
        a..text.len(),
        a + 1..b - 30,
        0..b,
        a..text.len() + 9,
    ] {
        let index = TextIndex::new(Vec::new(), [("a", wrong, Vec::new())]).unwrap();
        let stamp = Stamp::of(&made.path().metadata().unwrap());
        let file = Indexed::with(made.path(), index, stamp).unwrap();
        let entries = Entries::indexed(Arc::new(file));
        assert_eq!(entries.get("a"), made.definitions.get("a"));
    }
}
