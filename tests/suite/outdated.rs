//! `edgestage outdated`: the newer versions that Palette knows for the profiles of each
//! definition. It changes nothing.

use palette_sim::{
    Act, EDGE_INFRA_2_0_0, EDGE_INFRA_2_1_0, EDGE_MONITORING_1_4_0, Fault, PROJECT_RETAIL, Pack,
    Profile, Route, World,
};
use serde_json::json;

use crate::support::{HEAD, Run, Test};

/// A version of an add-on of which nothing else is known.
pub fn note(uid: u8, version: &str) -> Profile {
    let uid = format!("65c9000000000000000000{uid:02}");
    Profile::add_on(&uid, "edge-note", version).pack(Pack::add_on("note", version))
}

/// Versions of `edge-note`, of which 1.9.0, 1.10.0 and 2.0.0 can be used.
pub fn notes() -> World {
    World::demo()
        .profile(note(1, "1.9.0"))
        .profile(note(2, "1.10.0"))
        .profile(note(3, "2.0.0"))
        .profile(note(4, "2.1.0-rc.1"))
        .profile(note(5, "2.1.0").unpublished())
        .profile(note(6, "3.0.0").cloud("aws"))
}

fn with(world: World, profiles: &str) -> Test {
    Test::of(world).definition(&format!("profiles = [{profiles}]"))
}

fn outdated(test: &Test) -> Run<'_> {
    loud(test).arg("-q")
}

/// Shows warnings, too.
fn loud(test: &Test) -> Run<'_> {
    test.run("outdated").keeps_files()
}

/// The state, and the newest version of the same major and of all.
#[track_caller]
fn found(world: World, profile: &str) -> [String; 3] {
    let test = with(world, profile);
    let done = outdated(&test).arg("--json").any_stdout().any_stderr();
    let document = done.success().json();
    let one = &document["definitions"][0]["profiles"][0];
    ["state", "same_major", "newest"].map(|key| one[key].as_str().unwrap_or("-").to_owned())
}

#[test]
fn the_newest_of_the_same_major_and_of_all() {
    let test = with(
        notes(),
        "\"edge-infra@2.0.0\", { name = \"edge-note\", version = \"1.9.0\" }, \"hello-universe@1.2.0\"",
    );
    test.run("outdated")
        .stdout(
            "definition  profile         version  same major  newest  state\n\
             factory     edge-infra      2.0.0    2.1.0       2.1.0   newer\n\
             factory     edge-note       1.9.0    1.10.0      2.0.0   newer\n\
             factory     hello-universe  1.2.0    -           -       current\n",
        )
        .stderr("   Resolving factory\n        Next edgestage upgrade\n")
        .keeps_files()
        .success();
    let done = outdated(&test).arg("--json").any_stdout().success();
    assert_eq!(
        done.json()["definitions"],
        json!([{ "definition": "factory", "profiles": [
            {
                "reference": "edge-infra@2.0.0", "name": "edge-infra", "version": "2.0.0",
                "state": "newer", "same_major": "2.1.0", "newest": "2.1.0", "error": null,
            },
            {
                "reference": "edge-note@1.9.0", "name": "edge-note", "version": "1.9.0",
                "state": "newer", "same_major": "1.10.0", "newest": "2.0.0", "error": null,
            },
            {
                "reference": "hello-universe@1.2.0", "name": "hello-universe", "version": "1.2.0",
                "state": "current", "same_major": null, "newest": null, "error": null,
            },
        ]}])
    );
    let markdown = outdated(&test).arg("--format").arg("markdown");
    let markdown =
        markdown.stdout_has("| definition | profile | version | same major | newest | state |");
    markdown
        .stdout_has("| `factory` | `edge-note` | `1.9.0` | `1.10.0` | `2.0.0` | newer |")
        .success();
}

/// Drafts, other cloud types and other scopes are no versions that a definition could have.
#[test]
fn what_does_not_count() {
    assert_eq!(
        found(notes(), "\"edge-note@1.10.0\""),
        ["newer-major", "-", "2.0.0"]
    );
    assert_eq!(found(notes(), "\"edge-note@2.0.0\""), ["current", "-", "-"]);
    // A pre-release counts for a pre-release.
    let more = notes().profile(note(7, "2.1.0-rc.2"));
    assert_eq!(
        found(more, "\"edge-note@2.1.0-rc.1\""),
        ["newer", "2.1.0-rc.2", "2.1.0-rc.2"]
    );
    assert_eq!(
        found(
            notes().profile(note(7, "2.0.0-rc.9")),
            "\"edge-note@2.0.0-rc.9\""
        ),
        ["newer", "2.1.0-rc.1", "2.1.0-rc.1"]
    );
    // The tenant and other projects have profiles of the same name.
    let others = notes()
        .profile(note(7, "2.2.0").tenant())
        .profile(note(8, "2.3.0").project(PROJECT_RETAIL));
    assert_eq!(found(others, "\"edge-note@2.0.0\""), ["current", "-", "-"]);
    // Of any cloud type, an add-on counts.
    let any = notes().profile(note(7, "2.2.0").cloud("all"));
    assert_eq!(
        found(any, "\"edge-note@2.0.0\""),
        ["newer", "2.2.0", "2.2.0"]
    );
    // A profile without a version is 1.0.0.
    let first = World::demo().profile(note(1, "")).profile(note(2, "1.0.1"));
    assert_eq!(
        found(first, "\"edge-note@1.0.0\""),
        ["newer", "1.0.1", "1.0.1"]
    );
}

#[test]
fn another_cloud_type_of_the_definition() {
    let test = Test::of(notes().profile(note(7, "1.0.0").cloud("aws")))
        .definition("cloud-type = \"aws\"\nprofiles = [\"edge-note@1.0.0\"]");
    outdated(&test)
        .stdout_has("edge-note  1.0.0    -           3.0.0   newer major\n")
        .success();
}

#[test]
fn a_uid_and_a_url_say_what_they_mean() {
    let url = format!("https://c.example/admin/profiles/cluster/{EDGE_MONITORING_1_4_0}");
    let test = with(notes(), &format!("\"{EDGE_INFRA_2_0_0}\", \"{url}\""));
    test.run("outdated")
        .stdout(&format!(
            "definition  profile          uid                       version  same major  newest  state\n\
             factory     edge-infra       {EDGE_INFRA_2_0_0}  2.0.0    2.1.0       2.1.0   newer\n\
             factory     edge-monitoring  {EDGE_MONITORING_1_4_0}  1.4.0    -           -       current\n",
        ))
        // `upgrade` can change neither.
        .stderr("   Resolving factory\n")
        .keeps_files()
        .success();
    outdated(&test)
        .arg("--exit-code")
        .any_stdout()
        .error("newer-versions")
        .stderr_has("edge-infra@2.0.0")
        .stderr_has("help: write `name@version` with the newer version in place of the uid or URL")
        .fails(3);
}

/// The next command is one that writes something.
#[test]
fn another_major_version_needs_a_flag() {
    let test = with(notes(), "\"edge-note@1.10.0\", \"edge-infra@2.1.0\"");
    loud(&test)
        .arg("--exit-code")
        .any_stdout()
        .stderr_has("        Next edgestage upgrade --major\n")
        .error("newer-versions")
        .stderr_has("help: run `edgestage upgrade --major`, then `edgestage update`")
        .fails(3);
}

#[test]
fn the_exit_code_is_3_on_request() {
    let test = with(notes(), "\"edge-infra@2.0.0\", \"edge-note@1.10.0\"");
    outdated(&test).any_stdout().success();
    let done = outdated(&test)
        .arg("--exit-code")
        .stdout_has("newer major")
        .error("newer-versions")
        .stderr_has("error[newer-versions]: 2 profiles in profiles.toml have a newer version")
        .stderr_has("edge-infra@2.0.0, edge-note@1.10.0")
        .stderr_has("help: run `edgestage upgrade`, then `edgestage update`")
        .fails(3);
    let document = done
        .again()
        .arg("--json")
        .any_stdout()
        .any_stderr()
        .fails(3)
        .json();
    assert_eq!(document["error"]["code"], "newer-versions");
    assert_eq!(
        document["definitions"][0]["profiles"][1]["state"],
        "newer-major"
    );
    let current = with(notes(), "\"edge-infra@2.1.0\"");
    outdated(&current)
        .arg("--exit-code")
        .stdout_has("current")
        .success();
}

/// Definitions of one project share the list, and what is asked about a profile.
#[test]
fn one_list_for_each_project() {
    let definition = |name: &str, more: &str| {
        format!(
            "\n[definition.{name}]\n{more}profiles = [\"edge-infra@2.0.0\", \"edge-note@2.0.0\"]\n"
        )
    };
    let text = [
        HEAD,
        &definition("a", ""),
        &definition("b", ""),
        &definition("c", ""),
        "\n[definition.d]\nproject = \"Retail\"\nprofiles = [\"retail-pos@3.2.1\"]\n",
    ];
    let test = Test::of(notes()).manifest(&text.concat());
    outdated(&test).any_stdout().success();
    assert_eq!(test.asked(Route::Metadata).len(), 2);
    assert_eq!(test.asked(Route::Projects).len(), 2);
    // The candidates, and the present profile where there are candidates: 2.1.0 and 2.0.0 of
    // edge-infra, and 3.0.0 and the draft of edge-note.
    assert_eq!(test.asked(Route::Profile).len(), 4);
    assert_eq!(test.downloads(), 0);
    // Only what is named is asked for.
    test.sim.clear_requests();
    outdated(&test).arg("d").stdout_has("retail-pos").success();
    assert_eq!(test.asked(Route::Metadata).len(), 1);
    assert!(test.asked(Route::Profile).is_empty());
}

#[test]
fn a_version_without_an_order_is_not_guessed() {
    let world = notes().profile(note(7, "1.10")).profile(note(8, "latest"));
    let test = with(world, "\"edge-note@1.10\"");
    loud(&test)
        .stdout_has("edge-note  1.10     -           -       not comparable\n")
        .warning("version-not-comparable")
        .stderr_has("the version of `edge-note@1.10` cannot be compared with others")
        .success();
    outdated(&test)
        .arg("--exit-code")
        .any_stdout()
        .any_stderr()
        .success();
    // Others of that form may be newer than what can be compared.
    let test = test.definition("profiles = [\"edge-note@2.0.0\"]");
    loud(&test)
        .stdout_has("current")
        .warning("version-not-comparable")
        .stderr_has("they are not of the form `1.2.3`: 1.10, latest")
        .success();
}

/// A version in another form has no order, but Palette has to know it all the same.
#[test]
fn a_version_without_an_order_that_palette_does_not_have() {
    let test = with(notes(), "\"edge-note@1.9\"");
    outdated(&test)
        .stdout_has("edge-note  1.9      -           -       unknown\n")
        .error("profile-not-found")
        .fails(2);
}

/// Packs of the newest version may be gone from their registry: `update` would refuse it.
#[test]
fn a_version_with_an_invalid_pack_does_not_count() {
    let broken = Profile::add_on("65c900000000000000000007", "edge-note", "1.11.0")
        .pack(Pack::add_on("note", "1.11.0").invalid("no such tag"));
    let test = with(notes().profile(broken), "\"edge-note@1.9.0\"");
    loud(&test)
        .stdout_has("edge-note  1.9.0    1.10.0      2.0.0   newer\n")
        .warning("invalid-pack")
        .stderr_has(
            "pack note 1.11.0 of profile edge-note@1.11.0 is invalid in Palette: no such tag",
        )
        .stderr_has("edge-note@1.11.0 does not count as a newer version until this is fixed")
        .success();
    let named = test.run("upgrade edge-note --to 1.11.0 -q").keeps_files();
    named.error("invalid-pack").fails(2);
    test.run("upgrade").any_stderr().success();
    assert!(test.text("profiles.toml").contains("\"edge-note@1.10.0\""));
}

/// A list without the profile itself cannot have its other versions.
#[test]
fn a_list_without_the_profile_of_a_uid_is_no_proof() {
    let test = with(notes(), &format!("\"{EDGE_INFRA_2_1_0}\""));
    let list = |uid: &str, version: &str| {
        let item = json!({ "metadata": { "name": "edge-infra", "uid": uid }, "spec": { "version": version } });
        Fault::on(Route::Metadata, Act::Json200(json!({ "items": [item] }))).forever()
    };
    test.sim.fault(list(EDGE_INFRA_2_0_0, "2.0.0"));
    outdated(&test)
        .stdout_has("unknown")
        .error("list-incomplete")
        .stderr_has("its list is incomplete: it does not contain `edge-infra@2.1.0`")
        .fails(5);
    test.sim.clear_faults();
    outdated(&test).stdout_has("current").success();
}

/// A version that Palette no longer has may have newer ones; that there is none proves nothing.
#[test]
fn a_version_that_palette_does_not_have() {
    let test = with(notes(), "\"edge-note@1.8.0\"");
    loud(&test)
        .stdout_has("edge-note  1.8.0    1.10.0      2.0.0   newer\n")
        .warning("profile-not-found")
        .stderr_has("Palette has no profile `edge-note@1.8.0`")
        .success();
    let test =
        test.definition("profiles = [\"edge-note@9.0.0\", \"zzz@1.0.0\", \"edge-infra@2.0.0\"]");
    let done = outdated(&test)
        .stdout_has("edge-note   9.0.0    -           -       unknown\n")
        .stdout_has("edge-infra  2.0.0    2.1.0       2.1.0   newer\n")
        .error("profile-not-found")
        .error("profile-not-found")
        .fails(2);
    let document = done
        .again()
        .arg("--json")
        .any_stdout()
        .any_stderr()
        .fails(2)
        .json();
    let one = &document["definitions"][0]["profiles"][1];
    assert_eq!(
        *one,
        json!({
            "reference": "zzz@1.0.0", "name": "zzz", "version": "1.0.0", "state": "unknown",
            "same_major": null, "newest": null, "error": "profile-not-found",
        })
    );
    let test = test.definition("profiles = [\"65c9000000000000000000ff\"]");
    outdated(&test)
        .stdout_has("65c9000000000000000000ff")
        .error("profile-not-found")
        .fails(2);
}

/// A list that lacks what it counts proves nothing (docs/facts.md).
#[test]
fn an_incomplete_list_is_no_proof() {
    let test = with(notes(), "\"edge-note@2.0.0\"");
    let short = |held: usize| {
        for route in [Route::Metadata, Route::Dashboard] {
            let act = Act::ShortList { held, count: 146 };
            test.sim.fault(Fault::on(route, act).forever());
        }
    };
    short(15);
    outdated(&test)
        .stdout_has("unknown")
        .error("list-incomplete")
        .stderr_has("Palette lists no newer version of `edge-note@2.0.0`, but may have one")
        .stderr_has(" of 146 items")
        .fails(5);
    let newer = with(notes(), "\"edge-note@1.9.0\"");
    for route in [Route::Metadata, Route::Dashboard] {
        let act = Act::ShortList {
            held: 15,
            count: 146,
        };
        newer.sim.fault(Fault::on(route, act).forever());
    }
    loud(&newer)
        .stdout_has("1.10.0      2.0.0   newer\n")
        .warning("list-incomplete")
        .stderr_has("there may be even newer versions of `edge-note@1.9.0`")
        .success();
    // What the first answer lacks is asked for page by page.
    test.sim.clear_faults();
    let act = Act::ShortList { held: 2, count: 99 };
    test.sim.fault(Fault::on(Route::Metadata, act).forever());
    let test = test.definition("profiles = [\"edge-infra@2.0.0\"]");
    outdated(&test).stdout_has("2.1.0").any_stderr().success();
}

/// An item that cannot be read may be the newest version.
#[test]
fn an_unreadable_version_is_no_proof() {
    let test = with(World::demo(), "\"edge-infra@2.1.0\"");
    let item = json!({ "metadata": { "name": "edge-infra", "uid": EDGE_INFRA_2_1_0 }, "spec": { "version": "2.1.0" } });
    let odd = json!({ "metadata": { "name": "edge-infra", "uid": EDGE_INFRA_2_0_0 }, "spec": { "version": 3 } });
    let act = Act::Json200(json!({ "items": [item, odd] }));
    test.sim.fault(Fault::on(Route::Metadata, act).forever());
    outdated(&test)
        .stdout_has("unknown")
        .error("list-incomplete")
        .fails(5);
}

/// A newer version that two profiles have is one, and cannot be written as `name@version`.
#[test]
fn a_newer_version_of_two_profiles_is_ambiguous() {
    let world = notes().profile(note(7, "2.0.0").tenant());
    let test = with(world, "\"edge-note@1.9.0\"");
    loud(&test)
        .stdout_has("1.10.0      2.0.0   newer\n")
        .warning("ambiguous-profile")
        .stderr_has("several profiles match `edge-note@2.0.0`")
        .stderr_has("65c900000000000000000003, 65c900000000000000000007")
        .success();
    test.run("upgrade --major")
        .error("ambiguous-profile")
        .keeps_files()
        .fails(2);
    // Another version is not concerned.
    test.run("upgrade").any_stderr().success();
    assert!(test.text("profiles.toml").contains("\"edge-note@1.10.0\""));
}

/// A list may be older than the profiles.
#[test]
fn a_listed_profile_that_is_gone_does_not_count() {
    let test = with(notes(), "\"edge-note@1.10.0\"");
    let list = {
        let item = |uid: &str, version: &str| json!({ "metadata": { "name": "edge-note", "uid": uid }, "spec": { "version": version } });
        json!({ "items": [
            item("65c900000000000000000002", "1.10.0"),
            item("65c900000000000000000003", "2.0.0"),
            item("65c9000000000000000000ff", "2.9.0"),
        ] })
    };
    test.sim
        .fault(Fault::on(Route::Metadata, Act::Json200(list)).forever());
    outdated(&test).stdout_has("2.0.0   newer major").success();
}

#[test]
fn palette_is_needed() {
    let test = with(notes(), "\"edge-note@1.9.0\"");
    outdated(&test)
        .arg("--offline")
        .error("conflicting-options")
        .stderr_has("`outdated` cannot run with `--offline`")
        .fails(2);
    assert_eq!(test.sim.connections(), 0);
    outdated(&test).without_key().error("key-missing").fails(4);
    outdated(&test)
        .arg("factry")
        .error("unknown-definition")
        .fails(2);
    let retail = test.definition("project = \"Retial\"\nprofiles = [\"edge-note@1.9.0\"]");
    outdated(&retail)
        .any_stdout()
        .error("project-not-found")
        .fails(2);
}
