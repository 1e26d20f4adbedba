//! Drift: Palette serves something other than what is locked. The message describes the changes
//! in the terms that a review needs, and nothing is modified.

use palette_sim::{EDGE_INFRA_2_1_0, HELLO_UNIVERSE_1_2_0, Kind, Pack, Profile, World};
use serde_json::{Value, json};

use crate::support::{Run, Test};

/// A change in Palette.
type Edit = fn(&mut World);

/// Returns the profile with the packs `edge-native-byoi`, `edge-k3s` and `cni-flannel`.
fn infra(world: &mut World) -> &mut Profile {
    world.find_mut(EDGE_INFRA_2_1_0).unwrap()
}

/// Returns the profile with variables.
fn hello(world: &mut World) -> &mut Profile {
    world.find_mut(HELLO_UNIVERSE_1_2_0).unwrap()
}

/// Returns a test with a staged, locked and cached definition, after `edit` was applied to
/// Palette.
fn edited(edit: Edit) -> Test {
    let test = Test::new().stage();
    test.sim.world(edit);
    test
}

/// Returns the same without the locked archive, so that `stage` has to ask Palette, too.
fn edited_and_forgotten(edit: Edit) -> Test {
    let test = edited(edit);
    test.forget_cache();
    test.forget_staged();
    test
}

/// Runs the command, which must report drift; returns the notes of the only error.
#[track_caller]
fn notes(run: Run<'_>) -> Vec<String> {
    let done = run.arg("--json").any_stdout().any_stderr().keeps_files();
    let error = done.fails(3).json()["error"].take();
    assert_eq!(
        (&error["exit_code"], &error["code"]),
        (&json!(3), &json!("drift"))
    );
    assert_eq!(error["problems"].as_array().unwrap().len(), 1, "{error}");
    serde_json::from_value(error["problems"][0]["notes"].clone()).unwrap()
}

/// Checks the notes about `edit`. Changes in Palette's lists are detected before a download is
/// requested; if the locked archive is cached, a download is worthwhile because it names the
/// files.
#[track_caller]
fn tells(edit: Edit, listed: &[&str], files: &[&str]) {
    let test = edited(edit);
    assert_eq!(notes(test.run("fetch")), [listed, files].concat());
    assert_eq!(test.downloads(), 2);

    let test = edited_and_forgotten(edit);
    for command in ["fetch", "stage", "stage --locked"] {
        let told = notes(test.run(command));
        assert_eq!(told[..listed.len().min(told.len())], *listed);
        let lines = test.run(command).keeps_files();
        let lines = listed.iter().fold(lines, |run, line| {
            run.stderr_has(&format!("note: {line}\n"))
        });
        lines.fails(3);
    }
    assert_eq!(test.downloads(), 1);
}

/// Checks the notes about an `edit` that changes neither profiles nor packs: they name files,
/// but only if the locked archive is cached.
#[track_caller]
fn tells_files(edit: Edit, files: &[&str]) {
    let test = edited(edit);
    assert_eq!(notes(test.run("fetch")), files);
    assert_eq!(test.downloads(), 2);

    let test = edited_and_forgotten(edit);
    for command in ["fetch", "stage", "stage --locked"] {
        let told = notes(test.run(command)).join("\n");
        assert!(told.contains("values, manifests or variables"), "{told}");
        assert!(
            told.contains("the locked archive is not in the cache"),
            "{told}"
        );
        assert!(!told.contains("spc/"), "{told}");
    }
}

#[test]
fn a_pack_in_another_version() {
    tells(
        |world| {
            world.publish("edge-k3s", "1.31.1");
        },
        &["edge-infra@2.1.0: edge-k3s 1.30.4 → 1.31.1 (layer k8s)"],
        &[
            "edge-infra@2.1.0: spc/app/profiles/65c90a1b2c3d4e5f770daee5/packs/edge-k3s/values.yaml changed",
            "edge-infra@2.1.0: spc/app/profiles/65c90a1b2c3d4e5f770daee5/profile.json changed",
        ],
    );
}

#[test]
fn another_version_under_the_same_tag() {
    let test = Test::new();
    test.sim.world(|world| {
        infra(world).packs[1].tag = "1.30.x".into();
    });
    let test = test.stage();
    test.sim.world(|world| {
        infra(world).packs[1].version = "1.30.5".into();
    });
    let told = notes(test.run("fetch"));
    assert_eq!(
        told[0],
        "edge-infra@2.1.0: edge-k3s 1.30.x: 1.30.4 → 1.30.5 (layer k8s)"
    );
}

#[test]
fn another_digest_under_the_same_tag() {
    tells(
        |world| infra(world).packs[1].digest = format!("sha256:{}", "0".repeat(64)),
        &["edge-infra@2.1.0: edge-k3s 1.30.4, other digest (layer k8s)"],
        &["edge-infra@2.1.0: spc/app/profiles/65c90a1b2c3d4e5f770daee5/profile.json changed"],
    );
}

#[test]
fn a_pack_more() {
    tells(
        |world| {
            let pack = Pack::new("csi-nfs", "csi", "4.8.0");
            infra(world).packs.push(pack);
        },
        &["edge-infra@2.1.0: csi-nfs 4.8.0 added (layer csi)"],
        &[
            "edge-infra@2.1.0: spc/app/profiles/65c90a1b2c3d4e5f770daee5/packs/csi-nfs/values.yaml added",
            "edge-infra@2.1.0: spc/app/profiles/65c90a1b2c3d4e5f770daee5/profile.json changed",
        ],
    );
}

#[test]
fn a_pack_less() {
    tells(
        |world| drop(infra(world).packs.pop()),
        &["edge-infra@2.1.0: cni-flannel 0.26.1 removed (layer cni)"],
        &[
            "edge-infra@2.1.0: spc/app/profiles/65c90a1b2c3d4e5f770daee5/packs/cni-flannel/values.yaml removed",
            "edge-infra@2.1.0: spc/app/profiles/65c90a1b2c3d4e5f770daee5/profile.json changed",
        ],
    );
}

#[test]
fn packs_in_another_order() {
    tells(
        |world| infra(world).packs.reverse(),
        &["the order of profiles or packs changed"],
        &["edge-infra@2.1.0: spc/app/profiles/65c90a1b2c3d4e5f770daee5/profile.json changed"],
    );
}

/// A profile that is requested by its uid gets its version from Palette.
#[test]
fn a_profile_in_another_version() {
    tells(
        |world| infra(world).version = "2.1.1".into(),
        &["profile edge-infra@2.1.0 → edge-infra@2.1.1"],
        &[
            "edge-infra@2.1.1: spc/app/profiles/65c90a1b2c3d4e5f770daee5/profile.json changed",
            "spc/manifest.json changed",
        ],
    );
}

/// The name@version refers to another profile: the message names the new one and the old one,
/// so that a reader can tell them apart.
#[test]
fn another_profile_behind_the_name() {
    let test = edited_and_forgotten(|world| hello(world).uid = "65c9000000000000000000aa".into());
    for command in ["fetch", "stage"] {
        let told = notes(test.run(command)).join("\n");
        assert!(told.contains("hello-universe@1.2.0"), "{told}");
        for uid in [HELLO_UNIVERSE_1_2_0, "65c9000000000000000000aa"] {
            assert!(told.contains(uid), "{told}");
        }
    }
    assert_eq!(test.downloads(), 1);
}

/// The type is a property of its own, and no order.
#[test]
fn a_profile_of_another_type() {
    let test = edited_and_forgotten(|world| infra(world).kind = Kind::Cluster);
    let told = notes(test.run("fetch")).join("\n");
    assert!(told.contains("edge-infra@2.1.0"), "{told}");
    assert!(!told.contains("order"), "{told}");
}

/// A profile that `profiles.toml` requests no longer exists: that is not drift.
#[test]
fn a_profile_that_is_deleted_in_palette() {
    let test = edited(|world| {
        world
            .profiles
            .retain(|each| each.uid != HELLO_UNIVERSE_1_2_0);
    });
    let run = test.run("fetch").keeps_files();
    run.error("profile-not-found")
        .stderr_has("`hello-universe@1.2.0`")
        .fails(2);
    // What was locked is still at hand.
    test.forget_staged();
    test.run("stage -q --locked").any_stdout().success();
}

#[test]
fn values_of_a_pack() {
    tells_files(
        |world| hello(world).packs[0].values.push_str("extra: true\n"),
        &[
            "hello-universe@1.2.0: spc/app/profiles/65c92d0f4b3c2e1a8d7f6a90/packs/hello-universe/values.yaml changed",
            "hello-universe@1.2.0: spc/app/profiles/65c92d0f4b3c2e1a8d7f6a90/profile.json changed",
        ],
    );
}

#[test]
fn a_manifest_of_a_pack() {
    let world = |content: &str| {
        let mut world = World::demo();
        let pack = hello(&mut world).packs.remove(0).manifest("site", content);
        hello(&mut world).packs.push(pack);
        world
    };
    let test = Test::of(world("kind: Namespace\n")).stage();
    test.sim.world(|now| {
        now.profiles = world("kind: Secret\n").profiles;
    });
    let told = notes(test.run("fetch"));
    let path = "spc/app/profiles/65c92d0f4b3c2e1a8d7f6a90/packs/hello-universe/manifests/site.yaml";
    let line = format!("hello-universe@1.2.0: {path} changed");
    assert!(told.contains(&line), "{told:#?}");
}

#[test]
fn a_variable() {
    tells_files(
        |world| hello(world).variables[1].default_value = "9090".into(),
        &[
            "hello-universe@1.2.0: variables in spc/app/profiles/65c92d0f4b3c2e1a8d7f6a90/variables.json changed",
        ],
    );
}

/// Names come from Palette, and are printed on a terminal.
#[test]
fn names_with_control_characters() {
    let test = edited_and_forgotten(|world| {
        infra(world).packs[1].set_version("1.31\u{1b}[2J");
        infra(world).packs[2].name = "cni\u{202e}\n".into();
    });
    for command in ["fetch", "diff", "update"] {
        let run = test.run(command).any_stdout().any_stderr();
        let done = match command {
            "update" => run.success(),
            _ => run.fails(3),
        };
        let odd = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
        let said = format!("{}{}", done.stdout, done.stderr);
        assert!(!said.contains(odd), "{said:?}");
        let told = match command {
            "diff" => [
                "  1.30.4 → 1.31\\u{1b}[2J  edge-infra@2.1.0\n",
                "  added    cni   cni\\u{202e}\\n  0.26.1",
            ],
            _ => [
                "→ 1.31\\u{1b}[2J (layer k8s)\n",
                "cni\\u{202e}\\n 0.26.1 added (layer cni)\n",
            ],
        };
        for told in told {
            assert!(said.contains(told), "{said}");
        }
    }
}

/// A damaged archive in the cache is not used for a comparison.
#[test]
fn a_damaged_archive_names_no_files() {
    let test = edited(|world| hello(world).variables[1].default_value = "9090".into());
    std::fs::write(&test.cached()[0], "damaged").unwrap();
    let told = notes(test.run("fetch")).join("\n");
    assert!(told.contains("the files are unknown"), "{told}");
    assert!(!told.contains("variables.json"), "{told}");
}

/// A pack has so many manifests that no message names them all.
#[test]
fn dozens_of_files_are_counted_and_diff_lists_them() {
    let world = |content: &str| {
        let mut world = World::demo();
        let pack = hello(&mut world).packs.remove(0);
        let pack = (0..30).fold(pack, |pack, at| {
            pack.manifest(&format!("m{at:02}"), content)
        });
        hello(&mut world).packs.push(pack);
        world
    };
    let test = Test::of(world("a: 1\n")).stage();
    test.sim
        .world(|now| now.profiles = world("a: 2\n").profiles);
    let told = notes(test.run("fetch"));
    let diff = test.run("diff -q").any_stdout().any_stderr().fails(3);
    let all = diff.stdout.matches("  changed  file  packs/").count();
    assert_eq!(all, 30, "{}", diff.stdout);
    assert_eq!(told.len(), 25);
    assert!(told[23].contains("/manifests/m23.yaml changed"));
    assert!(told[24].starts_with("and 6 ") && told[24].contains("more"));
    let run = test.run("update").any_stdout();
    run.stderr_has("/manifests/m00.yaml changed").success();
}

#[test]
fn update_accepts_what_changed() {
    let test = edited(|world| {
        world.publish("edge-k3s", "1.31.1");
        infra(world).packs.pop();
        hello(world).variables[1].default_value = "9090".into();
    });
    let run = test
        .run("update")
        .stdout_has("/archives/")
        .stderr_has("Changed factory: edge-infra@2.1.0: edge-k3s 1.30.4 → 1.31.1 (layer k8s)\n")
        .stderr_has("Changed factory: edge-infra@2.1.0: cni-flannel 0.26.1 removed (layer cni)\n")
        .stderr_has("Changed factory: hello-universe@1.2.0: variables in spc/app/profiles/65c92d0f4b3c2e1a8d7f6a90/variables.json changed\n");
    run.success();
    test.run("fetch -q").any_stdout().keeps_files().success();
    test.run("stage -q --locked --offline")
        .any_stdout()
        .success();
    test.run("verify").any_stdout().success();
}

#[test]
fn changes_have_a_kind_their_parts_and_a_text() {
    let test = edited(|world| {
        world.publish("edge-k3s", "1.31.1");
        infra(world).version = "2.1.1".into();
        hello(world).variables.clear();
    });
    let done = test.run("update -q --json").any_stdout().success();
    let changes = done.json()["definitions"][0]["changes"].take();
    let of = |kind: &str| -> Vec<&Value> {
        let changes = changes.as_array().unwrap().iter();
        changes.filter(|change| change["kind"] == kind).collect()
    };
    assert_eq!(
        of("profile-renamed"),
        [&json!({
            "kind": "profile-renamed",
            "from": "edge-infra@2.1.0",
            "to": "edge-infra@2.1.1",
            "text": "profile edge-infra@2.1.0 → edge-infra@2.1.1",
        })]
    );
    let [pack] = of("pack-changed")[..] else {
        panic!("{changes:#}")
    };
    assert_eq!(pack["profile"], "edge-infra@2.1.1");
    let side = |of: &Value| ["name", "layer", "tag", "version"].map(|key| of[key].clone());
    assert_eq!(side(&pack["from"]), ["edge-k3s", "k8s", "1.30.4", "1.30.4"]);
    assert_eq!(side(&pack["to"]), ["edge-k3s", "k8s", "1.31.1", "1.31.1"]);
    let digests = ["from", "to"].map(|side| pack[side]["digest"].as_str().unwrap());
    assert!(digests[0].starts_with("sha256:") && digests[0] != digests[1]);
    let files = of("file");
    let removed = files.iter().find(|change| change["what"] == "removed");
    let path = format!("spc/app/profiles/{HELLO_UNIVERSE_1_2_0}/variables.json");
    assert_eq!(removed.unwrap()["path"], path);
    assert_eq!(removed.unwrap()["profile"], "hello-universe@1.2.0");
    let orphan = files
        .iter()
        .find(|change| change["path"] == "spc/manifest.json");
    assert_eq!(orphan.unwrap()["profile"], Value::Null);
    let texts = changes.as_array().unwrap().iter();
    assert!(texts.clone().all(|change| change["text"].is_string()));
}

/// The diff of the lock shows the pack and the digests that follow from it.
#[test]
fn the_locks_own_diff_is_the_pack_and_the_digests() {
    let test = edited(|world| {
        world.publish("edge-k3s", "1.31.1");
    });
    let old = test.text("profiles.lock");
    test.run("update -q").any_stdout().success();
    let new = test.text("profiles.lock");
    assert_eq!(old.lines().count(), new.lines().count());
    let pairs = old.lines().zip(new.lines());
    let changed: Vec<(&str, &str)> = pairs.filter(|(old, new)| old != new).collect();
    let key = |line: &str| line.split_once(" = ").unwrap().0.to_owned();
    let mut keys: Vec<String> = changed.iter().map(|(old, _)| key(old)).collect();
    // The length may happen to stay.
    keys.retain(|key| key != "size");
    assert_eq!(keys, ["content-sha256", "sha256", "  { name"]);
    let (from, to) = changed.last().unwrap();
    assert!(from.contains("name = \"edge-k3s\"") && from.contains("tag = \"1.30.4\""));
    assert!(to.contains("name = \"edge-k3s\"") && to.contains("tag = \"1.31.1\""));
}
