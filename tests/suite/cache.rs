//! `edgestage cache`: the contents of the cache, which definitions they belong to, and how it
//! is emptied.

use std::os::unix::fs::symlink;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::{HEAD, Test, archive};

const TWO: &str = "
[definition.factory]
profiles = [\"edge-infra@2.1.0\", \"hello-universe@1.2.0\"]
[definition.store]
profiles = [\"edge-infra@2.0.0\"]
[definition.twin]
profiles = [\"edge-infra@2.0.0\"]
";

/// Returns a test with two archives for three definitions, and one that the lock no longer
/// names.
fn filled() -> Test {
    let test = Test::new().manifest(&format!("{HEAD}{TWO}"));
    test.run("fetch -q").any_stdout().success();
    test.sim
        .world(|world| world.publish("hello-universe", "1.3.0"));
    test.run("update -q factory").any_stdout().success();
    assert_eq!(test.cached().len(), 3);
    test
}

/// Returns the path of `archives` in the cache below `HOME`.
fn archives(test: &Test) -> PathBuf {
    test.cached()[0].parent().unwrap().to_owned()
}

/// Returns the value of a key in the lock entry of a definition.
fn locked(test: &Test, definition: &str, key: &str) -> Value {
    let lock: toml::Table = toml::from_str(&test.text("profiles.lock")).unwrap();
    serde_json::to_value(&lock["definition"][definition][key]).unwrap()
}

fn names(entries: &[PathBuf]) -> Vec<String> {
    let mut names: Vec<String> = entries
        .iter()
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn list_says_what_is_there_and_whose_it_is() {
    let test = filled();
    let connections = test.sim.connections();
    let run = test.run("cache list").without_key().keeps_files();
    let done = run.any_stdout().success();
    assert_eq!(done.stdout.lines().count(), 3);
    for line in done.stdout.lines() {
        let (digest, rest) = line.split_once("  ").unwrap();
        assert!(archives(&test).join(format!("{digest}.tgz")).is_file());
        let is = |name: &str| locked(&test, name, "content-sha256") == *digest;
        let owners = match (is("factory"), is("store")) {
            (true, false) => " KiB  factory",
            (false, true) => " KiB  store, twin",
            _ => " KiB",
        };
        assert!(rest.ends_with(owners), "{line}");
    }
    assert_eq!(test.sim.connections(), connections);
}

#[test]
fn the_document_of_list() {
    let test = filled();
    let run = test.run("cache list --json").without_key().keeps_files();
    let document = run.any_stdout().success().json();
    assert_eq!(document["command"], "cache list");
    let directory = archives(&test);
    let cache = directory.parent().unwrap().to_str().unwrap();
    assert_eq!(document["directory"], cache);
    let listed = document["archives"].as_array().unwrap();
    let mut size = 0;
    for one in listed {
        let path = one["path"].as_str().unwrap();
        let digest = one["content_sha256"].as_str().unwrap();
        assert_eq!(
            path,
            directory.join(format!("{digest}.tgz")).to_str().unwrap()
        );
        assert_eq!(one["size"], std::fs::metadata(path).unwrap().len());
        size += one["size"].as_u64().unwrap();
    }
    assert_eq!(document["size"], size);
    let digests: Vec<&str> = listed
        .iter()
        .map(|one| one["content_sha256"].as_str().unwrap())
        .collect();
    assert!(digests.is_sorted());
    let owners = |name: &str| {
        let digest = locked(&test, name, "content-sha256");
        let of = listed.iter().find(|one| one["content_sha256"] == digest);
        of.unwrap()["definitions"].clone()
    };
    assert_eq!(owners("factory"), json!(["factory"]));
    assert_eq!(owners("twin"), json!(["store", "twin"]));
}

/// The command works in any directory, without `profiles.toml` and without a lock.
#[test]
fn without_a_manifest() {
    let test = filled();
    let before = test.cached();
    // A repository of its own.
    test.put("elsewhere/.git", "gitdir: nowhere\n");
    let list = test.run("cache list").within("elsewhere").without_key();
    let done = list.any_stdout().keeps_files().success();
    assert_eq!(done.stdout.lines().count(), 3);
    test.run("cache clean --keep-locked")
        .within("elsewhere")
        .error("manifest-missing")
        .stderr_has("`{dir}/elsewhere/profiles.toml`")
        .keeps_files()
        .fails(2);
    let clean = test.run("cache clean -q").within("elsewhere").without_key();
    let done = clean.any_stdout().success();
    assert_eq!(done.stdout.lines().count(), before.len());
    assert_eq!(test.cached(), Vec::<PathBuf>::new());
}

#[test]
fn an_empty_cache_and_none_at_all() {
    let test = Test::new();
    for command in ["cache list", "cache clean -q"] {
        test.run(command).keeps_files().success();
        test.run(command)
            .arg("--cache-dir")
            .arg("{dir}/none/at/all")
            .keeps_files()
            .success();
    }
    assert!(!test.path("none").exists());
    let document = test.run("cache clean -q --json").any_stdout().success();
    let document = document.json();
    assert_eq!(
        (&document["removed"], &document["size"]),
        (&json!([]), &json!(0))
    );
    let run = test.run("cache list").without("HOME");
    run.error("no-cache-directory")
        .stderr_has("`HOME` is not set")
        .fails(1);
    let run = test.run("cache list --cache-dir none").without("HOME");
    run.success();
}

#[test]
fn clean_removes_every_archive_and_says_which() {
    let test = filled();
    let mut before = test.cached();
    before.sort();
    let run = test.run("cache clean").without_key().any_stdout();
    let done = run.stderr_has("Removed 3 archives").success();
    let told: Vec<PathBuf> = done.stdout.lines().map(PathBuf::from).collect();
    assert_eq!(told, before);
    assert_eq!(test.cached(), Vec::<PathBuf>::new());
    test.run("cache list").success();
    test.run("cache clean")
        .stderr_has("Removed 0 archives")
        .success();
}

/// A file that is not an archive of edgestage is kept, whatever its place and name.
#[test]
fn clean_leaves_everything_else() {
    let test = filled();
    let directory = archives(&test);
    let cache = directory.parent().unwrap();
    let digest = |digit: char| format!("{}.tgz", digit.to_string().repeat(64));
    let others = [
        directory.join("notes.txt"),
        directory.join("spc.tgz"),
        directory.join(digest('g')),
        directory.join(format!("{}.tgz", "A".repeat(64))),
        directory.join(format!("{}.tgz.bak", "a".repeat(64))),
        directory.join("sub").join(digest('b')),
        cache.join(digest('c')),
        cache.join("tmp").join("notes.txt"),
        cache.join("other/notes.txt"),
        cache.join("bundles/notes.json"),
        cache.join("indexes/notes"),
        cache.join("indexes").join(digest('c')),
    ];
    for path in &others {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "not ours").unwrap();
    }
    let name = "a".repeat(64);
    let remembered = [
        cache.join(format!("bundles/{name}.json")),
        cache.join("indexes").join(&name),
    ];
    for path in &remembered {
        std::fs::write(path, "ours").unwrap();
    }
    std::fs::create_dir(directory.join(digest('d'))).unwrap();
    test.put("precious.tgz", archive(&[("spc/a", "a")]));
    symlink(test.path("precious.tgz"), directory.join(digest('e'))).unwrap();
    symlink("nowhere", directory.join(digest('f'))).unwrap();

    let list = test.run("cache list").any_stdout().keeps_files().success();
    assert_eq!(list.stdout.lines().count(), 3);
    let done = test.run("cache clean -q").any_stdout().success();
    assert_eq!(done.stdout.lines().count(), 3);
    assert!(others.iter().all(|path| path.is_file()));
    assert!(remembered.iter().all(|path| !path.exists()));
    assert!(directory.join(digest('d')).is_dir());
    for link in [digest('e'), digest('f')] {
        assert!(directory.join(link).is_symlink());
    }
    assert!(test.path("precious.tgz").is_file());
}

#[test]
fn keep_locked_keeps_what_the_lock_names() {
    let test = filled();
    let kept = ["factory", "store"].map(|name| {
        let digest = locked(&test, name, "content-sha256");
        format!("{}.tgz", digest.as_str().unwrap())
    });
    let index = format!("indexes/{}", "a".repeat(64));
    let index = archives(&test).parent().unwrap().join(index);
    std::fs::create_dir_all(index.parent().unwrap()).unwrap();
    std::fs::write(&index, "ours").unwrap();
    let run = test.run("cache clean --keep-locked --json").any_stdout();
    let document = run.any_stderr().success().json();
    assert_eq!(document["command"], "cache clean");
    let removed = document["removed"].as_array().unwrap();
    assert_eq!(removed.len(), 1);
    assert_eq!(removed[0]["definitions"], json!([]));
    assert_eq!(removed[0]["size"], document["size"]);
    let mut kept = kept.to_vec();
    kept.sort();
    assert_eq!(names(&test.cached()), kept);
    assert!(index.is_file());
    for name in ["factory", "store", "twin"] {
        let run = test.run("stage -q --locked --offline").arg(name);
        run.without_key().any_stdout().success();
    }
}

#[test]
fn keep_locked_without_a_lock_keeps_everything() {
    let test = filled();
    let lock = test.text("profiles.lock");
    std::fs::remove_file(test.path("profiles.lock")).unwrap();
    test.run("cache clean --keep-locked")
        .error("nothing-to-keep")
        .stderr_has("`{dir}/profiles.lock`")
        .stderr_has("nothing was removed")
        .stderr_has("omit `--keep-locked`")
        .keeps_files()
        .fails(2);
    // A lock that cannot be read says nothing either.
    test.put(
        "profiles.lock",
        lock.replace("version = 1", "version = one"),
    );
    test.run("cache clean --keep-locked")
        .error("invalid-lockfile")
        .stderr_has("profiles.lock` is damaged")
        .keeps_files()
        .fails(2);
    // One that names nothing does.
    test.put("profiles.lock", "version = 1\n");
    let done = test.run("cache clean -q --keep-locked").any_stdout();
    assert_eq!(done.success().stdout.lines().count(), 3);
}

/// A staged definition no longer depends on the cache.
#[test]
fn what_is_staged_needs_no_cache() {
    let test = Test::new().stage();
    test.run("cache clean -q").any_stdout().success();
    let run = test.run("stage --offline").without_key().any_stdout();
    run.keeps_files().stderr_has("Unchanged factory").success();
    test.run("verify").any_stdout().success();
    test.forget_staged();
    test.run("stage --offline")
        .error("offline")
        .stderr_has("is not in the cache")
        .fails(5);
    test.run("stage -q --locked").any_stdout().success();
    test.run("verify").any_stdout().success();
}

#[test]
fn the_directory_of_the_flag_the_variable_and_the_file() {
    let test = filled();
    test.run("fetch -q --cache-dir mine store")
        .any_stdout()
        .success();
    let manifest = test.text("profiles.toml");
    let flag = test
        .run("cache list --cache-dir mine")
        .any_stdout()
        .success();
    let variable = test.run("cache list").env("EDGESTAGE_CACHE_DIR", "mine");
    let variable = variable.any_stdout().success();
    test.put(
        "profiles.toml",
        format!("{manifest}\n[cache]\ndir = \"mine\"\n"),
    );
    let file = test.run("cache list").any_stdout().success();
    assert_eq!(flag.stdout.lines().count(), 1);
    assert_eq!(
        (&flag.stdout, &flag.stdout),
        (&variable.stdout, &file.stdout)
    );
    // A vendored cache is beside the file, and is emptied alone.
    let run = test.run("cache clean -q --file ../profiles.toml");
    let done = run.within("elsewhere").any_stdout().success();
    assert!(
        done.stdout
            .starts_with(test.path("mine/archives").to_str().unwrap())
    );
    assert_eq!(done.stdout.lines().count(), 1);
    assert_eq!(test.cached().len(), 3);
}

#[test]
fn a_cache_that_cannot_be_read() {
    let test = Test::new()
        .write("file", "no directory")
        .write("cache/archives", "no directory");
    for (directory, path) in [("file", "file/archives"), ("cache", "cache/archives")] {
        for command in ["cache list", "cache clean"] {
            test.run(command)
                .arg("--cache-dir")
                .arg(directory)
                .error("input-output")
                .stderr_has(&format!("cannot read `{{dir}}/{path}`"))
                .keeps_files()
                .fails(1);
        }
    }
    // Not below the test's own directory, which is searched for the key after every run:
    // nobody but root can search a directory that is sealed.
    let test = filled();
    let elsewhere = tempfile::tempdir().unwrap();
    let cache = elsewhere.path().canonicalize().unwrap();
    let archives = cache.join("archives");
    std::fs::create_dir(&archives).unwrap();
    let sealed = test.seal(archives.to_str().unwrap(), 0o000);
    for command in ["cache list", "cache clean"] {
        let run = test.run(command).unprivileged().arg("--cache-dir");
        run.arg(cache.to_str().unwrap())
            .error("input-output")
            .stderr_has(&format!("cannot read `{}`", archives.display()))
            .fails(1);
    }
    drop(sealed);
    let sealed = test.seal("{home}/.cache/edgestage/archives", 0o500);
    let run = test.run("cache clean").unprivileged().any_stdout();
    run.error("input-output")
        .stderr_has("cannot remove `{home}/.cache/edgestage/archives/")
        .keeps_files()
        .fails(1);
    drop(sealed);
    assert_eq!(test.cached().len(), 3);
}

/// A damaged entry is listed, and can be removed: that is one way to get rid of it.
#[test]
fn a_damaged_entry_is_removed_like_any() {
    let test = Test::new().stage();
    std::fs::write(&test.cached()[0], "damaged").unwrap();
    let done = test.run("cache list").any_stdout().success();
    assert!(done.stdout.ends_with("  7 B  factory\n"), "{}", done.stdout);
    test.run("cache clean -q").any_stdout().success();
    test.run("verify").any_stdout().success();
}
