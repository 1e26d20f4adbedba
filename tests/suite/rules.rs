//! The rules that Palette documents for the profiles of one definition. They are checked before
//! anything of an archive is used.

use palette_sim::{EDGE_INFRA_2_1_0, HELLO_UNIVERSE_1_2_0, Pack, Profile, World};

use crate::support::{Done, Test};

const UID: &str = "65c9000000000000000000aa";

/// Checks that `stage` and `check` refuse it alike, that nothing is written, and that at most the
/// archive that `stage` requests while it checks is requested.
#[track_caller]
fn broken<'t>(test: &'t Test, said: &[&str]) -> Done<'t> {
    for command in ["stage", "check"] {
        let run = said
            .iter()
            .fold(test.run(command), |run, said| run.stderr_has(said));
        let run = run.any_stdout().keeps_files().stderr_has("= help: ");
        run.stderr_has("--> profiles.toml:10:").fails(2);
    }
    assert!(test.downloads() <= 1);
    test.run("stage").any_stderr().fails(2)
}

fn with(profile: Profile, references: &str) -> Test {
    let test = Test::of(World::demo().profile(profile));
    test.definition(&format!("profiles = [{references}]"))
}

#[test]
fn two_profiles_with_infrastructure() {
    let test = Test::new().definition("profiles = [\"edge-infra@2.0.0\", \"edge-infra@2.1.0\"]");
    broken(
        &test,
        &[
            "two profiles have infrastructure layers: edge-infra@2.0.0 (os, k8s, cni) and edge-infra@2.1.0 (os, k8s, cni)",
        ],
    );
}

/// The layers count, not the type that the profile states.
#[test]
fn an_add_on_with_a_csi_layer_is_infrastructure() {
    let test = Test::new().definition("profiles = [\"edge-infra@2.1.0\", \"edge-storage@1.0.0\"]");
    broken(
        &test,
        &["edge-infra@2.1.0 (os, k8s, cni) and edge-storage@1.0.0 (csi)"],
    );
}

#[test]
fn a_pack_in_two_profiles() {
    let other = Profile::add_on(UID, "more-monitoring", "1.0.0")
        .pack(Pack::add_on("prometheus-operator", "60.0.0"));
    let test = with(
        other,
        "\"edge-monitoring@1.4.0\", \"more-monitoring@1.0.0\"",
    );
    broken(
        &test,
        &[
            "pack prometheus-operator is in two profiles: edge-monitoring@1.4.0 and more-monitoring@1.0.0",
        ],
    );
}

#[test]
fn another_cloud_type() {
    let other = Profile::add_on(UID, "on-vsphere", "1.0.0")
        .cloud("vsphere")
        .pack(Pack::add_on("x", "1"));
    let test = with(other, "\"edge-infra@2.1.0\", \"on-vsphere@1.0.0\"");
    broken(
        &test,
        &["profile on-vsphere@1.0.0 is for cloud type `vsphere`, not `edge-native`"],
    );
}

#[test]
fn all_clouds_is_for_add_ons() {
    // `hello-universe` of the demo is one.
    let test = Test::new().stage();
    assert_eq!(test.download().answer.status, 200);
    let other = Profile::infra(UID, "any-infra", "1.0.0")
        .cloud("all")
        .pack(Pack::new("x", "os", "1"));
    let test = with(other, "\"any-infra@1.0.0\"");
    broken(&test, &["profile any-infra@1.0.0 is for cloud type `all`"]);
}

#[test]
fn a_profile_that_was_never_published() {
    let test = Test::new().definition("profiles = [\"edge-infra@2.1.0\", \"edge-gpu@0.1.0\"]");
    broken(
        &test,
        &[
            "profile edge-gpu@0.1.0 is not published",
            "publish it in Palette",
        ],
    );
}

#[test]
fn an_invalid_pack() {
    let other = Profile::add_on(UID, "broken", "1.0.0")
        .pack(Pack::add_on("gone", "1.2.3").invalid("tag 1.2.3 is not in the registry"));
    let test = with(other, "\"broken@1.0.0\"");
    broken(
        &test,
        &[
            "pack gone 1.2.3 of profile broken@1.0.0 is invalid in Palette: tag 1.2.3 is not in the registry",
        ],
    );
}

#[test]
fn an_override_of_a_pack_that_is_not_there() {
    let test = Test::new().write("v.yaml", "a: 1\n").definition(
        "profiles = [{ name = \"edge-infra\", version = \"2.1.0\", packs = [{ name = \"edge-k3\", values = \"v.yaml\" }] }]",
    );
    broken(
        &test,
        &[
            "profile edge-infra@2.1.0 has no pack `edge-k3` to override",
            "did you mean `edge-k3s`?",
        ],
    );
}

/// Two spellings resolve to the same profile.
#[test]
fn one_profile_by_uid_and_by_name() {
    let test = Test::new().definition(&format!(
        "profiles = [\"{EDGE_INFRA_2_1_0}\", \"edge-infra@2.1.0\"]"
    ));
    broken(
        &test,
        &["`factory` has the same profile twice: edge-infra@2.1.0"],
    );
}

#[test]
fn every_broken_rule_is_shown_in_one_run() {
    let other = Profile::infra(UID, "odd", "1.0.0")
        .cloud("vsphere")
        .pack(Pack::new("edge-k3s", "k8s", "1.29.0").invalid("gone"));
    let test = with(
        other,
        "\"edge-infra@2.1.0\", \"odd@1.0.0\", \"edge-gpu@0.1.0\"",
    );
    broken(
        &test,
        &[
            "profile odd@1.0.0 is for cloud type `vsphere`",
            "pack edge-k3s 1.29.0 of profile odd@1.0.0 is invalid",
            "two profiles have infrastructure layers: edge-infra@2.1.0",
            "pack edge-k3s is in two profiles: edge-infra@2.1.0 and odd@1.0.0",
            "profile edge-gpu@0.1.0 is not published",
        ],
    )
    .says("error[", 5);
}

/// A broken rule and an unknown profile are reported in the same run.
#[test]
fn an_unknown_uid_beside_a_broken_rule() {
    let test = Test::new().definition(&format!(
        "profiles = [\"edge-infra@2.0.0\", \"edge-infra@2.1.0\", \"{UID}\"]"
    ));
    broken(
        &test,
        &[
            "two profiles have infrastructure layers",
            "Palette has no profile",
        ],
    );
}

#[test]
fn a_draft_on_top_is_a_warning() {
    let test = Test::new().definition("profiles = [\"edge-infra@2.1.0\", \"edge-logging@0.9.0\"]");
    for command in ["check", "stage"] {
        test.run(command)
            .any_stdout()
            .warning("unpublished-draft")
            .stderr_has("profile edge-logging@0.9.0 has a draft that is not published")
            .success();
    }
    // What is published is locked, not the draft.
    assert!(test.text("profiles.lock").contains("tag = \"3.1.4\""));
}

#[test]
fn no_infrastructure_is_a_warning() {
    let test = Test::new().definition("profiles = [\"hello-universe@1.2.0\"]");
    let done = test
        .run("check")
        .any_stdout()
        .warning("no-infrastructure")
        .stderr_has("`factory`")
        .success();
    let json = done
        .again()
        .arg("--json")
        .any_stdout()
        .any_stderr()
        .success()
        .json();
    assert_eq!(json["warnings"].as_array().unwrap().len(), 1);
}

/// A profile that a project sees only because the tenant shares it is allowed; one of another
/// project is not.
#[test]
fn a_profile_of_another_project() {
    let test =
        Test::new().definition("profiles = [\"edge-infra@2.1.0\", \"tenant-baseline@1.0.0\"]");
    test.run("check").any_stdout().success();
    let test = Test::new().definition("profiles = [\"edge-infra@2.1.0\", \"retail-pos@3.2.1\"]");
    test.run("stage")
        .error("profile-not-found")
        .stderr_has("`retail-pos@3.2.1`")
        .fails(2);
    let test = Test::new().definition(&format!(
        "profiles = [\"{HELLO_UNIVERSE_1_2_0}\", \"{}\"]",
        palette_sim::RETAIL_POS_3_2_1
    ));
    test.run("stage")
        .error("forbidden")
        .stderr_has("HTTP 403")
        .keeps_files()
        .fails(4);
}
