//! The cache: what it gives without a network, and what it does not.

use crate::support::Test;

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
            .stderr_has("`factory` is not locked yet")
            .stderr_has("`--offline` opens no connection")
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
        .stderr_has("is not in the cache")
        .keeps_files()
        .fails(5);
}

/// An entry is not trusted by its name.
#[test]
fn a_damaged_entry_is_healed() {
    for damage in [&b""[..], b"not an archive", b"\x1f\x8b\x08\x00"] {
        let test = Test::new().stage();
        test.forget_staged();
        let entry = test.cached().remove(0);
        std::fs::write(&entry, damage).unwrap();
        test.run("stage --offline")
            .stderr_has("is damaged")
            .keeps_files()
            .fails(5);
        test.run("stage")
            .any_stdout()
            .stderr_has("is damaged")
            .stderr_has("it is fetched again")
            .success();
        assert_eq!(std::fs::read(&entry).unwrap(), test.staged());
        test.run("verify").any_stdout().success();
    }
}

/// Another definition's archive under this one's name.
#[test]
fn an_exchanged_entry_is_healed() {
    let test = Test::new();
    let manifest = test.text("profiles.toml");
    test.put(
        "profiles.toml",
        format!("{manifest}\n[definition.other]\nprofiles = [\"edge-infra@2.0.0\"]\n"),
    );
    test.run("fetch -q").any_stdout().success();
    let [one, other] = <[_; 2]>::try_from(test.cached()).unwrap();
    std::fs::copy(&one, &other).unwrap();
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
        .stderr_has("HOME is not set");
    run.stderr_has("--cache-dir DIR").keeps_files().fails(1);
}

/// Nothing of it is needed, and all of it may be deleted.
#[test]
fn a_cache_that_cannot_be_written_is_an_error_with_a_place() {
    let test = Test::new().write("cache", "a file where a directory is meant");
    let run = test
        .run("fetch --cache-dir cache")
        .stderr_has("{dir}/cache");
    run.keeps_files().fails(1);
}
