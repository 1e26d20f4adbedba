//! `profiles.lock`: what it must contain, and what does not count as a change.

use palette_sim::{Archive, EDGE_INFRA_2_1_0, HELLO_UNIVERSE_1_2_0, Key, Sim, World};

use crate::support::{KEY, OVERLAY, ROOT, Test};

#[test]
fn locked_without_a_lock() {
    let test = Test::new();
    for command in ["stage --locked", "fetch --locked"] {
        test.run(command)
            .error("no-lockfile")
            .stderr_has("`{dir}/profiles.lock`")
            .stderr_has("`factory` is therefore not locked")
            .stderr_has("edgestage fetch factory")
            .keeps_files()
            .fails(3);
    }
    assert_eq!(test.sim.connections(), 0);
}

#[test]
fn locked_with_an_outdated_lock() {
    let test = Test::new()
        .stage()
        .definition("profiles = [\"edge-infra@2.0.0\"]");
    let before = test.sim.connections();
    for command in ["stage --locked", "fetch --locked"] {
        test.run(command)
            .error("outdated")
            .stderr_has("`factory`")
            .stderr_has("profiles.toml has changed since it was locked")
            .keeps_files()
            .fails(3);
    }
    test.run("verify").error("outdated").fails(3);
    test.run("check --offline")
        .stdout_has("outdated: profiles.toml changed")
        .success();
    assert_eq!(test.sim.connections(), before);
}

/// What makes a lock outdated, and what does not.
#[test]
fn what_is_asked_is_compared_not_how_it_is_written() {
    let test = Test::new()
        .write("v.yaml", "a: 1\n")
        .definition(&format!("profiles = [\"{EDGE_INFRA_2_1_0}\", {{ uid = \"{HELLO_UNIVERSE_1_2_0}\", packs = [{{ name = \"hello-universe\", values = \"v.yaml\" }}] }}]"))
        .stage();
    let manifest = test.text("profiles.toml");
    let locked = |text: &str, code: i32| {
        test.put("profiles.toml", text);
        let run = test
            .run("stage --locked --offline")
            .any_stdout()
            .any_stderr();
        match code {
            0 => drop(run.keeps_files().success()),
            code => drop(run.keeps_files().fails(code)),
        }
    };
    // A comment, a file of the same text elsewhere, the console's URL of the same profile.
    locked(&format!("# a comment\n{manifest}"), 0);
    test.put("other.yaml", "a: 1\n");
    locked(&manifest.replace("v.yaml", "other.yaml"), 0);
    let url = format!("https://c.example/admin/profiles/cluster/{EDGE_INFRA_2_1_0}");
    locked(&manifest.replace(EDGE_INFRA_2_1_0, &url), 0);
    // Values, order, name, cloud type.
    test.put("other.yaml", "a: 2\n");
    locked(&manifest.replace("v.yaml", "other.yaml"), 3);
    locked(&format!("{manifest}name = \"other\"\n"), 3);
    locked(&format!("{manifest}cloud-type = \"other\"\n"), 3);
    // Where it is asked: one Palette has many names.
    test.put("profiles.toml", manifest);
    let run = test.run("stage -q --locked --endpoint https://palette.example");
    run.any_stdout().keeps_files().success();
}

/// Another host name for it is the same Palette, as long as uids and content are the same.
#[test]
fn another_name_for_a_palette_is_no_drift() {
    let test = Test::new().stage();
    let lock = test.text("profiles.lock");
    let other = Sim::start(World::demo().key(Key::admin(KEY)));
    let at = |command: &str| test.run(command).arg("--endpoint").arg(other.url());
    for command in [
        "fetch -q",
        "update -q",
        "fetch -q --locked",
        "stage -q --locked",
        "stage -q --locked --offline",
        "check -q --locked",
        "diff -q",
        "verify",
    ] {
        at(command).any_stdout().success();
        assert_eq!(test.text("profiles.lock"), lock, "{command}");
    }
    assert!(!other.requests().is_empty());
    // With nothing in the cache, too.
    test.forget_cache();
    test.forget_staged();
    at("stage -q --locked").any_stdout().success();
    assert_eq!(test.text("profiles.lock"), lock);
    // Another content is drift there as here.
    other.world(|world| world.publish("edge-k3s", "1.31.1"));
    at("fetch")
        .error("drift")
        .stderr_has("`factory`")
        .stderr_has("edge-k3s")
        .keeps_files()
        .fails(3);
    assert_eq!(test.text("profiles.lock"), lock);
}

/// A Palette with the same names but other uids is a different one.
#[test]
fn another_palette_is_drift() {
    let test = Test::new()
        .definition("profiles = [\"edge-infra@2.1.0\"]")
        .stage();
    let mut world = World::demo().key(Key::admin(KEY));
    let uid = "65c9000000000000000000aa";
    world.find_mut(EDGE_INFRA_2_1_0).unwrap().uid = uid.into();
    let other = Sim::start(world);
    for command in ["fetch --endpoint", "fetch --locked --endpoint"] {
        test.run(command)
            .arg(other.url())
            .error("drift")
            .stderr_has(uid)
            .keeps_files()
            .fails(3);
    }
}

#[test]
fn a_changed_definition_is_fetched_and_locked_anew() {
    let test = Test::new()
        .stage()
        .definition("profiles = [\"edge-infra@2.0.0\"]");
    let old = test.staged();
    test.run("stage")
        .any_stdout()
        .stderr_has("Locked factory")
        .success();
    assert_ne!(test.staged(), old);
    assert!(test.text("profiles.lock").contains("version = \"2.0.0\""));
    test.run("verify").any_stdout().success();
}

/// A definition that was changed in `profiles.toml` is not silently staged from the old
/// archive.
#[test]
fn the_old_archive_is_not_staged_for_a_changed_definition() {
    let test = Test::new()
        .stage()
        .definition("profiles = [\"edge-infra@2.0.0\"]");
    test.run("stage --offline")
        .any_stderr()
        .keeps_files()
        .fails(5);
    test.run("stage")
        .without_key()
        .any_stderr()
        .keeps_files()
        .fails(4);
}

/// Drift in Palette does not matter while the locked archive is in the cache.
#[test]
fn the_locked_archive_stages_whatever_palette_has_now() {
    let test = Test::new().stage();
    test.sim.world(|world| world.publish("edge-k3s", "1.31.1"));
    test.forget_staged();
    let before = test.sim.connections();
    test.run("stage -q").any_stdout().success();
    assert_eq!(test.sim.connections(), before);
    test.run("verify").any_stdout().success();
}

/// Another compression, order and timestamps give the same definition.
#[test]
fn equal_content_in_other_bytes_is_no_change() {
    let test = Test::new().stage();
    let archive = Archive {
        level: 1,
        shuffle: true,
        ..Archive::default()
    };
    test.sim.world(|world| world.archive = archive);
    let staged = test.staged();
    let lock = test.facts("profiles.lock");
    let placements = || [OVERLAY, ROOT].map(|path| test.facts(&Test::placement(path)));
    let before = placements();
    // With the cache the archive that was locked stays; without it the other is fetched.
    for forget in [false, true] {
        if forget {
            test.forget_cache();
        }
        for command in ["fetch -q", "update -q", "stage -q", "stage -q --locked"] {
            test.run(command).any_stdout().success();
            assert_eq!(test.facts("profiles.lock"), lock, "{command}");
            assert_eq!(placements(), before, "{command}");
        }
    }
    assert_eq!(test.staged(), staged);
    assert_ne!(std::fs::read(&test.cached()[0]).unwrap(), staged);
    // What is staged from the other archive is the locked definition too.
    test.forget_staged();
    test.run("stage -q --locked --offline")
        .any_stdout()
        .success();
    assert_ne!(test.staged(), staged);
    test.run("verify").stdout_has("same content").success();
    test.run("stage")
        .any_stdout()
        .stderr_has("Unchanged")
        .keeps_files()
        .success();
}

/// Entries of removed definitions are removed too; the others are unchanged.
#[test]
fn the_lock_has_what_the_file_has() {
    let two = "[definition.a]\nprofiles = [\"edge-infra@2.1.0\"]\n[definition.b]\nprofiles = [\"edge-infra@2.0.0\"]\n";
    let test = Test::new();
    let head = test
        .text("profiles.toml")
        .split("[definition")
        .next()
        .unwrap()
        .to_owned();
    test.put("profiles.toml", format!("{head}{two}"));
    test.run("fetch -q").any_stdout().success();
    let both = test.text("profiles.lock");
    test.run("fetch -q b").any_stdout().keeps_files().success();
    let only_b = two.split_once("[definition.b]").unwrap().1;
    test.put("profiles.toml", format!("{head}[definition.b]{only_b}"));
    test.run("update -q").any_stdout().success();
    let lock = test.text("profiles.lock");
    assert!(!lock.contains("[definition.a]"), "{lock}");
    assert!(both.ends_with(lock.split_once("[definition.b]").unwrap().1));
}

#[test]
fn update_has_no_use_for_locked_and_offline() {
    let test = Test::new().stage();
    for flag in ["--locked", "--offline"] {
        let run = test.run("update").arg(flag).keeps_files();
        run.error("conflicting-options")
            .stderr_has("`update` cannot run with `--locked` or `--offline`: it rewrites the lock from Palette")
            .fails(2);
    }
}

#[test]
fn a_definitions_name_with_a_dot() {
    let test = Test::new();
    let text = test
        .text("profiles.toml")
        .replace("[definition.factory]", "[definition.\"store.7\"]");
    test.put("profiles.toml", text);
    test.run("stage -q store.7").any_stdout().success();
    test.run("verify").any_stdout().success();
    test.run("show store.7").stdout_has("edge-infra").success();
}

/// Names from Palette do not get out of their quotes.
#[test]
fn names_that_need_quoting() {
    let mut world = World::demo();
    let odd = "a\"]\n[x] \\ \u{1b}ü";
    world.find_mut(EDGE_INFRA_2_1_0).unwrap().packs[0].name = odd.replace('\n', "");
    let test = Test::of(world).stage();
    let lock: toml::Table = toml::from_str(&test.text("profiles.lock")).unwrap();
    let profile = &lock["definition"]["factory"]["profiles"][0];
    assert_eq!(
        profile["packs"][0]["name"].as_str(),
        Some(&*odd.replace('\n', ""))
    );
    test.run("stage -q --locked")
        .any_stdout()
        .keeps_files()
        .success();
    let done = test.run("show").any_stdout().success();
    assert!(!done.stdout.contains('\u{1b}'), "{:?}", done.stdout);
}
