//! The head of the page of `show --format html`: it never claims more than was checked, and
//! names a commit only if all clones of the repository would.

use std::path::Path;

use crate::ignored_lockfile::{git, repository};
use crate::support::page::{self, Element};
use crate::support::{FACTORY, HEAD, Test};

fn shown(test: &Test, what: &str) -> Element {
    let run = test.run(&format!("show {what} --format html"));
    page::read(&run.any_stdout().any_stderr().success().stdout)
}

/// The verdict of a page, and what it rests on.
#[track_caller]
fn verdict(test: &Test, what: &str) -> (String, String) {
    let page = shown(test, what);
    let [text, basis] = [
        page.one("h1").text(),
        page.one("header").texts("p").remove(1),
    ];
    let is_good = page.one("h1").has_class("good");
    assert_eq!(is_good, text.contains("packs, as locked"), "{text}");
    // What this command never looks at.
    let never = "Palette, the CanvOS checkout, images.";
    assert!(basis.ends_with(never), "{basis}");
    (text, basis)
}

#[test]
fn as_locked_only_if_the_archive_and_the_definition_are() {
    let test = Test::new();
    test.run("fetch -q").any_stdout().success();
    let (text, basis) = verdict(&test, "");
    assert_eq!(text, "factory: 2 profiles, 4 packs, as locked");
    assert!(basis.starts_with(
        "Checked: the archive has the locked content and profiles, and profiles.toml has not changed"
    ));

    let archive = test.cached()[0].clone();
    std::fs::copy(&archive, test.path("a.tgz")).unwrap();
    let (text, _) = verdict(&test, "a.tgz");
    assert_eq!(text, "a.tgz: 2 profiles, 4 packs, as locked for factory");

    // The cache has something else, or nothing.
    std::fs::write(&archive, "x").unwrap();
    let unchecked = "factory: 2 profiles, 4 packs, locked, archive not checked";
    assert_eq!(verdict(&test, "").0, unchecked);
    test.forget_cache();
    let (text, basis) = verdict(&test, "");
    assert_eq!(text, unchecked);
    assert!(basis.contains("Not checked: the archive, "), "{basis}");
}

#[test]
fn an_outdated_lock_is_not_as_locked() {
    let test = Test::new().stage();
    std::fs::copy(&test.cached()[0], test.path("a.tgz")).unwrap();
    let test = test.definition("profiles = [\"edge-infra@2.1.0\"]");
    let (text, basis) = verdict(&test, "");
    let outdated = "outdated: profiles.toml changed";
    assert_eq!(text, format!("factory: 2 profiles, 4 packs, {outdated}"));
    assert!(!basis.contains("profiles.toml has not changed"), "{basis}");
    let (text, _) = verdict(&test, "a.tgz");
    let expected = format!("a.tgz: 2 profiles, 4 packs, locked for factory, {outdated}");
    assert_eq!(text, expected);
    test.forget_cache();
    let (text, basis) = verdict(&test, "");
    assert!(text.ends_with(&format!("{outdated}, archive not checked")));
    assert!(basis.contains("Checked: only the lock entry."), "{basis}");
    let manifest = format!("{HEAD}\n[definition.other]\n{FACTORY}\n");
    let test = test.manifest(&manifest);
    let (text, _) = verdict(&test, "a.tgz");
    assert!(text.ends_with(", locked for factory, not in profiles.toml"));
}

#[test]
fn an_archive_without_a_lock_is_compared_with_nothing() {
    let test = Test::new().stage();
    std::fs::copy(&test.cached()[0], test.path("a.tgz")).unwrap();
    std::fs::remove_file(test.path("profiles.toml")).unwrap();
    let (text, basis) = verdict(&test, "a.tgz");
    assert_eq!(text, "a.tgz: 2 profiles, not compared with a lock");
    assert!(basis.contains("Not checked: profiles.lock, "), "{basis}");
}

/// The commit that the page of `test` names.
fn commit(test: &Test) -> Option<String> {
    let page = shown(test, "");
    let names = page.one("header").texts("dt");
    let at = names.iter().position(|name| name == "lock commit")?;
    Some(page.one("header").texts("dd").remove(at))
}

fn commit_all(test: &Test, message: &str) {
    git(test, &["add", "-A", "."]);
    let who = ["-c", "user.name=T", "-c", "user.email=t@example.com"];
    git(test, &[&who[..], &["commit", "-q", "-m", message]].concat());
}

fn head(test: &Test) -> String {
    let log = test.text(".git/logs/HEAD");
    let last = log.lines().last().unwrap();
    last.split(' ').nth(1).unwrap().to_owned()
}

/// A repository in which the second of three commits has changed the lock, and that commit.
fn committed() -> (Test, String) {
    let test = repository().write(".gitignore", "CanvOS/\n");
    commit_all(&test, "first");
    test.run("fetch -q").any_stdout().success();
    commit_all(&test, "lock");
    let locked = head(&test);
    let test = test.write("note", "x");
    commit_all(&test, "note");
    (test, locked)
}

#[test]
fn the_commit_is_the_last_one_that_changed_the_lock() {
    let (test, locked) = committed();
    assert_ne!(head(&test), locked);
    assert_eq!(commit(&test), Some(locked.clone()));
    let page = shown(&test, "");
    // A full clone of it gives the same page.
    let clone = test.path("../clone");
    let source = test.site();
    git(
        &test,
        &[
            "clone",
            "-q",
            source.to_str().unwrap(),
            clone.to_str().unwrap(),
        ],
    );
    let run = test.run("show -q --format html").within("../clone");
    let cloned = page::read(&run.any_stdout().success().stdout);
    assert_eq!(cloned.text(), page.text());
    // An archive that the lock has says so, too.
    std::fs::copy(&test.cached()[0], test.path("a.tgz")).unwrap();
    assert!(shown(&test, "a.tgz").text().contains(&locked));
}

#[test]
fn no_commit_is_named_that_does_not_hold_the_lock_as_it_is() {
    let (test, locked) = committed();
    let lock = test.text("profiles.lock");
    // One more byte; staged or not, it is in no commit.
    test.put("profiles.lock", format!("{lock}\n"));
    assert_eq!(commit(&test), None);
    git(&test, &["add", "profiles.lock"]);
    assert_eq!(commit(&test), None);
    test.put("profiles.lock", &lock);
    assert_eq!(commit(&test), Some(locked));
    // No git, no repository, and never committed.
    let run = test.run("show -q --format html").env("PATH", "{dir}");
    let text = run.any_stdout().success().stdout;
    assert!(!text.contains("lock commit"));
    assert_eq!(commit(&Test::new().stage()), None);
    let test = repository();
    test.run("fetch -q").any_stdout().success();
    assert_eq!(commit(&test), None, "a repository without a commit");
    let test = test.write(".gitignore", "profiles.lock\n");
    commit_all(&test, "all but the lock");
    assert_eq!(commit(&test), None);
}

/// With `--depth 1`, as CI systems clone, the only commit that exists seems to have changed
/// everything.
#[test]
fn a_shallow_clone_names_no_commit_that_others_do_not() {
    let (test, locked) = committed();
    let source = format!("file://{}", test.site().display());
    for (depth, expected) in [("1", None), ("2", None), ("3", Some(locked))] {
        let clone = format!("../clone-{depth}");
        let to = test.path(&clone);
        git(
            &test,
            &["clone", "-q", "--depth", depth, &source, path(&to)],
        );
        let run = test.run("show -q --format html").within(&clone);
        let text = run.any_stdout().success().stdout;
        assert_eq!(text.contains("lock commit"), expected.is_some(), "{depth}");
        assert!(expected.is_none_or(|commit| text.contains(&commit)));
    }
}

/// `show` opens no connection, and neither does git on its behalf: objects that a partial clone
/// lacks are not fetched.
#[test]
fn a_partial_clone_fetches_nothing() {
    let (test, locked) = committed();
    git(&test, &["config", "uploadpack.allowFilter", "true"]);
    let source = format!("file://{}", test.site().display());
    let clone = test.path("../partial");
    git(
        &test,
        &["clone", "-q", "--filter=tree:0", &source, path(&clone)],
    );
    let objects = || {
        let packs = std::fs::read_dir(clone.join(".git/objects/pack")).unwrap();
        packs.count()
    };
    let before = objects();
    let run = test.run("show -q --format html").within("../partial");
    let text = run.any_stdout().success().stdout;
    assert!(!text.contains(&locked));
    assert_eq!(objects(), before);
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}
