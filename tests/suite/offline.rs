//! The cache: what it provides without a network, and what it does not.

use std::fs;

use crate::support::{HEAD, Test};

#[test]
fn a_cached_definition_needs_no_network_and_no_key() {
    let test = Test::new();
    test.run("fetch -q").any_stdout().success();
    let before = test.sim.connections();
    test.run("stage -q --offline")
        .without_key()
        .any_stdout()
        .success();
    test.run("verify --offline")
        .without_key()
        .any_stdout()
        .success();
    test.run("show --offline")
        .without_key()
        .any_stdout()
        .success();
    test.run("fetch -q --offline")
        .without_key()
        .any_stdout()
        .success();
    test.run("check --offline")
        .without_key()
        .stdout_has("not asked: offline")
        .success();
    // Not only with the flag: what is cached is not asked for again.
    test.forget_staged();
    test.run("stage -q").without_key().any_stdout().success();
    assert_eq!(test.sim.connections(), before);
}

#[test]
fn a_definition_that_is_not_cached() {
    let test = Test::new();
    for command in ["stage --offline", "fetch --offline"] {
        test.run(command)
            .error("offline")
            .stderr_has("`factory` is not locked yet")
            .stderr_has("with `--offline`, edgestage opens no connections")
            .keeps_files()
            .fails(5);
    }
    assert_eq!(test.sim.connections(), 0);
    let test = Test::new().stage();
    test.forget_cache();
    // What is staged already needs no cache.
    test.run("stage -q --offline")
        .any_stdout()
        .keeps_files()
        .success();
    test.forget_staged();
    test.run("stage --offline")
        .error("offline")
        .stderr_has("is not in the cache")
        .keeps_files()
        .fails(5);
}

/// An entry is not trusted because of its name.
#[test]
fn a_damaged_entry_is_healed() {
    for damage in [&b""[..], b"not an archive", b"\x1f\x8b\x08\x00"] {
        let test = Test::new().stage();
        test.forget_staged();
        let entry = test.cached().remove(0);
        fs::write(&entry, damage).unwrap();
        test.run("stage --offline")
            .error("cache-damaged")
            .stderr_has("is damaged")
            .keeps_files()
            .fails(5);
        test.run("stage")
            .any_stdout()
            .warning("cache-damaged")
            .stderr_has("is damaged")
            .stderr_has("edgestage fetches it again")
            .success();
        assert_eq!(fs::read(&entry).unwrap(), test.staged());
        test.run("verify").any_stdout().success();
    }
}

/// The archive of another definition has this one's name.
#[test]
fn an_exchanged_entry_is_healed() {
    let test = Test::with_other();
    let [one, other] = <[_; 2]>::try_from(test.cached()).unwrap();
    fs::copy(&one, &other).unwrap();
    test.run("stage -q factory")
        .any_stdout()
        .any_stderr()
        .success();
    test.run("verify factory").any_stdout().success();
    test.run("stage -q other")
        .any_stdout()
        .any_stderr()
        .success();
    test.run("verify other").any_stdout().success();
}

/// After a wrong merge, the entry of one definition has the digests of another. Its archive is
/// intact, but is not what the entry lists.
#[test]
fn an_entry_with_the_digests_of_another_definition_is_refused() {
    let test = Test::with_other();
    let lock = test.text("profiles.lock");
    let (factory, other) = lock.split_once("[definition.other]").unwrap();
    let digests = |entry: &str| -> Vec<String> {
        let is_digest = |line: &&str| {
            let key = line.split(" = ").next().unwrap();
            ["sha256", "size", "content-sha256"].contains(&key)
        };
        entry.lines().filter(is_digest).map(str::to_owned).collect()
    };
    let mut merged = factory.to_owned();
    for (mine, theirs) in digests(factory).iter().zip(&digests(other)) {
        merged = merged.replace(mine, theirs);
    }
    assert_ne!(merged, factory);
    test.put(
        "profiles.lock",
        format!("{merged}[definition.other]{other}"),
    );
    for command in [
        "stage factory",
        "stage --locked factory",
        "stage --offline factory",
        "show factory",
    ] {
        test.run(command)
            .stderr_has("its archive does not have the profiles that it lists")
            .stderr_has("profiles.lock:")
            .keeps_files()
            .fails(3);
    }
    test.run("stage other").any_stdout().any_stderr().success();
    test.run("update factory")
        .any_stdout()
        .any_stderr()
        .success();
    test.run("stage factory")
        .any_stdout()
        .any_stderr()
        .success();
}

/// The same with the digest of the contents alone, and with the archive of the other definition
/// staged: neither the placements nor a target are "as locked".
#[test]
fn a_staged_archive_with_other_profiles_than_the_entry_lists_is_not_as_locked() {
    let test = Test::with_other();
    test.run("stage -q factory").any_stdout().success();
    let lock = test.text("profiles.lock");
    let contents: Vec<&str> = (lock.lines())
        .filter(|line| line.starts_with("content-sha256"))
        .collect();
    let swapped = lock
        .replace(contents[0], "FIRST")
        .replace(contents[1], contents[0])
        .replace("FIRST", contents[1]);
    assert_ne!(swapped, lock);
    test.put("profiles.lock", swapped);
    let verify = test.run("verify other").any_stdout().any_stderr();
    verify.fails(3);
    let stage = test.run("stage --offline other").any_stdout();
    stage.error("outdated").keeps_files().fails(3);
    let run = test.run("check --offline --json --target iso other");
    let json = run.any_stdout().any_stderr().fails(3).json();
    assert_eq!(json["definitions"][0]["staged"], "differs");
    let target = &json["checkouts"][0]["targets"][0];
    assert_eq!(target["verdict"], "another-definition", "{target}");
    assert_eq!(target["definition"], serde_json::Value::Null);
    let run = test.run("show CanvOS/spc.tgz").any_stderr();
    run.stdout_has("not in profiles.lock").success();
}

#[test]
fn the_flag_then_the_variable_then_the_file_then_home() {
    let test = Test::new();
    let manifest = test.text("profiles.toml");
    test.put(
        "profiles.toml",
        format!("{manifest}\n[cache]\ndir = \"of-the-file\"\n"),
    );
    let fetch = || test.run("fetch -q").any_stdout();
    let used = |name: &str| test.path(name).join("archives").is_dir();
    fetch()
        .env("EDGESTAGE_CACHE_DIR", "of-the-variable")
        .arg("--cache-dir")
        .arg("of-the-flag")
        .success();
    assert!(used("of-the-flag") && !used("of-the-variable") && !used("of-the-file"));
    fetch()
        .env("EDGESTAGE_CACHE_DIR", "of-the-variable")
        .success();
    assert!(used("of-the-variable") && !used("of-the-file"));
    fetch().success();
    assert!(used("of-the-file") && test.cached().is_empty());
    test.put("profiles.toml", manifest);
    fetch().env("XDG_CACHE_HOME", "{dir}/xdg").success();
    assert!(used("xdg/edgestage"));
    // The specification of the variable ignores a relative path.
    fetch().env("XDG_CACHE_HOME", "relative").success();
    assert_eq!(test.cached().len(), 1);
}

#[test]
fn no_home_and_no_other_place() {
    let test = Test::new();
    let run = test
        .run("fetch")
        .without("HOME")
        .error("no-cache-directory")
        .stderr_has("`HOME` is not set");
    run.stderr_has("--cache-dir DIR").keeps_files().fails(1);
}

/// The cache is optional, and may be deleted at any time.
#[test]
fn a_cache_that_cannot_be_written_is_an_error_with_a_place() {
    let test = Test::new().write("cache", "a file where a directory is meant");
    let run = test
        .run("fetch --cache-dir cache")
        .error("input-output")
        .stderr_has("{dir}/cache");
    run.keeps_files().fails(1);
}

/// `a` and `b`, locked and cached.
fn two() -> Test {
    let test = Test::new().manifest(&format!(
        "{HEAD}\n[definition.a]\nprofiles = [\"edge-infra@2.1.0\"]\n\
         [definition.b]\nprofiles = [\"edge-infra@2.0.0\"]\n"
    ));
    test.run("fetch -q").any_stdout().success();
    test
}

/// The archive of a definition, by the lock.
fn entry(test: &Test, name: &str) -> std::path::PathBuf {
    let lock: toml::Table = toml::from_str(&test.text("profiles.lock")).unwrap();
    let content = lock["definition"][name]["content-sha256"].as_str().unwrap();
    let mut cached = test.cached().into_iter();
    let entry = cached.find(|entry| entry.ends_with(format!("{content}.tgz")));
    entry.unwrap()
}

/// A team that commits its archives needs neither Palette nor a key nor a `HOME`.
#[test]
fn archives_that_come_with_the_repository() {
    let test = Test::new();
    let manifest = test.text("profiles.toml");
    test.put(
        "profiles.toml",
        format!("{manifest}\n[cache]\ndir = \"archives\"\n"),
    );
    test.run("fetch -q").any_stdout().success();
    let connections = test.sim.connections();
    // As git would clone it: files, and no directory that is empty.
    for (path, bytes) in test.contents() {
        test.put(&format!("../clone/{}", path.display()), bytes);
    }
    let clone = |command: &str| {
        let run = test.run(command).within("../clone/site").without_key();
        run.env("HOME", "{dir}/../empty").any_stdout()
    };
    clone("stage -q --locked --offline").success();
    clone("verify").success();
    clone("fetch -q --locked --offline").success();
    assert!(!test.path("../empty").exists());
    clone("unstage -q").without("HOME").success();
    // The path starts at the manifest, not where the run starts.
    clone("stage -q --locked --offline")
        .within("elsewhere")
        .arg("--file={dir}/../clone/site/profiles.toml")
        .success();
    clone("verify").success();
    assert!(test.cached().is_empty());
    assert_eq!(test.sim.connections(), connections);
}

#[test]
fn one_name_is_fetched_where_others_are_not_cached() {
    let test = two();
    fs::remove_file(entry(&test, "b")).unwrap();
    for command in [
        "fetch -q --locked --offline a",
        "stage -q --locked --offline a",
    ] {
        test.run(command).any_stdout().success();
    }
    for command in ["fetch --locked --offline", "stage --locked --offline b"] {
        test.run(command)
            .any_stdout()
            .error("offline")
            .stderr_has("`b` is not in the cache")
            .keeps_files()
            .fails(5);
    }
    test.forget_cache();
    let [lock, downloads] = [test.read("profiles.lock").len(), test.downloads()];
    let facts = test.facts("profiles.lock");
    test.run("fetch -q --locked a").any_stdout().success();
    assert_eq!(test.downloads(), downloads + 1);
    assert_eq!(test.cached(), [entry(&test, "a")]);
    assert_eq!(test.facts("profiles.lock"), facts);
    assert_eq!(test.read("profiles.lock").len(), lock);
}

type Spoil = fn(&Test);

/// What may be wrong with `a`, and the exit codes with and without a network.
const WRONG: [(&str, Spoil, [i32; 2]); 9] = [
    (
        "no lock",
        |test| fs::remove_file(test.path("profiles.lock")).unwrap(),
        [3, 3],
    ),
    (
        "no TOML",
        |test| test.put("profiles.lock", "version = "),
        [2, 2],
    ),
    (
        "not UTF-8",
        |test| test.put("profiles.lock", b"\xff"),
        [2, 2],
    ),
    (
        "of the future",
        |test| edit(test, "profiles.lock", "version = 1", "version = 2"),
        [2, 2],
    ),
    (
        "no entry",
        |test| edit(test, "profiles.lock", "definition.a", "definition.c"),
        [3, 3],
    ),
    (
        "outdated",
        |test| edit(test, "profiles.toml", "2.1.0", "2.0.0"),
        [3, 3],
    ),
    (
        "edited by hand",
        |test| edit(test, "profiles.lock", "\"edge-infra\"", "\"other\""),
        [3, 3],
    ),
    (
        "drift",
        |test| {
            test.sim.world(|world| world.publish("edge-k3s", "1.31.1"));
            test.forget_cache();
        },
        [3, 5],
    ),
    // Not wrong, only an entry too many.
    (
        "to prune",
        |test| {
            let manifest = test.text("profiles.toml");
            let end = manifest.find("[definition.b]").unwrap();
            test.put("profiles.toml", &manifest[..end]);
            test.forget_cache();
        },
        [0, 0],
    ),
];

fn edit(test: &Test, path: &str, from: &str, to: &str) {
    let text = test.text(path);
    assert!(text.contains(from), "{text}");
    test.put(path, text.replace(from, to));
}

#[test]
fn locked_never_writes_the_lock() {
    for (what, spoil, codes) in WRONG {
        for command in ["stage", "fetch"] {
            let test = two();
            spoil(&test);
            let lock = || {
                let path = test.path("profiles.lock");
                path.exists()
                    .then(|| (test.read("profiles.lock"), test.facts("profiles.lock")))
            };
            let before = lock();
            for (flags, code) in ["-q --locked a", "-q --locked --offline a"]
                .iter()
                .zip(codes)
            {
                let run = test.run(&format!("{command} {flags}")).any_stdout();
                match code {
                    0 => drop(run.success()),
                    code => drop(run.any_stderr().keeps_files().fails(code)),
                }
                assert!(lock() == before, "{what}: {command} {flags}");
            }
        }
    }
}
