//! `host check`: the verdicts about what hosts hold.

use palette_sim::{HostFault, NoneThere, details};
use serde_json::{Value, json};

use crate::support::{Host, Run, Test, host_world};

fn json_of(run: Run<'_>, code: i32) -> Value {
    let done = run.arg("--json").any_stdout().any_stderr().ends(code);
    serde_json::from_str(&done.stdout).unwrap()
}

/// Puts details into a slot of a running host.
fn put(host: &Host, slot: &'static str, details: Value) {
    host.world(|world| drop(world.slots.insert(slot, details)));
}

#[test]
fn a_host_with_the_locked_definition() {
    let host = Host::start(host_world());
    let test = Test::with_host(&host);
    put(&host, "embedded", test.cached_details());
    test.host_run("host check")
        .stdout(
            "host    definition  embedded  overridden  update\n\
             line-1  factory     same      none        none\n",
        )
        .stderr("    Checking line-1\n")
        .keeps_files()
        .success();
    assert_eq!(
        host.calls(),
        [
            "login",
            "clusters/archive/embedded/details",
            "clusters/archive/overridden/details",
            "clusters/archive/update/details",
            "logout"
        ]
    );
    // The layers, as the host shows them.
    test.host_run("host check -v")
        .any_stdout()
        .stderr_has("line-1: embedded: edge-infra@2.1.0: edge-native-byoi@2.1.0, edge-k3s@1.30.4, cni-flannel@0.26.1\n")
        .success();
    let document = json_of(test.host_run("host check line-1"), 0);
    let checked = &document["hosts"][0];
    assert_eq!(checked["name"], "line-1");
    assert_eq!(checked["address"], host.address());
    assert_eq!(checked["error"], Value::Null);
    let slot = |name: &str| checked["slots"][name]["verdict"].clone();
    assert_eq!(
        [slot("embedded"), slot("overridden"), slot("update")],
        ["same", "none", "none"]
    );
    assert_eq!(checked["slots"]["embedded"]["variables"], "same");
    assert_eq!(checked["slots"]["embedded"]["values"], "same");
    let shown = &checked["slots"]["embedded"]["profiles"][0];
    assert_eq!(shown["profile"], "edge-infra@2.1.0");
    assert_eq!(shown["packs"][1], "edge-k3s@1.30.4");
}

#[test]
fn a_slot_with_another_definition_is_drift_whatever_the_others_hold() {
    let host = Host::start(host_world());
    let test = Test::with_host(&host);
    let mut other = test.cached_details();
    put(&host, "embedded", other.clone());
    other["clusterProfileDetails"][0]["packs"][1]["version"] = "1.29.8".into();
    put(&host, "overridden", other);
    test.host_run("host check")
        .any_stdout()
        .error("host-differs")
        .fails(3);
    let document = json_of(test.host_run("host check"), 3);
    assert_eq!(
        document["hosts"][0]["slots"]["overridden"]["verdict"],
        "differs"
    );
    let difference = &document["hosts"][0]["slots"]["overridden"]["differences"][0];
    assert_eq!(difference["kind"], "pack-changed");
    assert_eq!(difference["locked"], "edge-k3s@1.30.4");
    assert_eq!(difference["host"], "edge-k3s@1.29.8");
    assert_eq!(document["error"]["code"], "host-differs");
    // One slot alone.
    let run = test.host_run("host check --slot embedded");
    let document = json_of(run, 0);
    assert_eq!(document["hosts"][0]["slots"]["overridden"], Value::Null);
    test.host_run("host check --slot update")
        .any_stdout()
        .error("host-empty")
        .fails(3);
}

/// How "none there" is answered is not declared.
#[test]
fn no_slot_with_a_definition_is_drift() {
    for how in [
        NoneThere::NotFound,
        NoneThere::EmptyList,
        NoneThere::EmptyObject,
        NoneThere::Null,
    ] {
        let host = Host::start(host_world().none_there(how));
        let test = Test::with_host(&host);
        test.host_run("host check")
            .any_stdout()
            .error("host-empty")
            .fails(3);
    }
}

/// Every difference that a host can show, each alone.
#[test]
fn every_difference_is_seen() {
    type Change = fn(&mut Value);
    let host = Host::start(host_world());
    let test = Test::with_host(&host);
    let locked = test.cached_details();
    let differs: [(Change, &str); 13] = [
        (
            |all| drop(all.as_array_mut().unwrap().remove(1)),
            "profile-missing",
        ),
        (
            |all| {
                let mut added = all[1].clone();
                added["profileUid"] = "65c9000000000000000000aa".into();
                all.as_array_mut().unwrap().push(added);
            },
            "profile-added",
        ),
        (
            |all| {
                let twice = all[1].clone();
                all.as_array_mut().unwrap().push(twice);
            },
            "profile-added",
        ),
        (
            |all| all[0]["profileName"] = "edge-other".into(),
            "profile-changed",
        ),
        (
            |all| all[0]["profileVersion"] = "2.1.1".into(),
            "profile-changed",
        ),
        (
            |all| all[0]["profileVersion"] = Value::Null,
            "profile-changed",
        ),
        (
            |all| drop(all[0]["packs"].as_array_mut().unwrap().remove(0)),
            "pack-missing",
        ),
        (|all| all[0]["packs"] = Value::Null, "pack-missing"),
        (
            |all| {
                let mut added = all[0]["packs"][0].clone();
                added["name"] = "csi-longhorn".into();
                all[0]["packs"].as_array_mut().unwrap().push(added);
            },
            "pack-added",
        ),
        (
            |all| drop(all[1]["variables"].as_array_mut().unwrap().remove(0)),
            "variable-missing",
        ),
        (
            |all| {
                let added = json!({ "name": "new" });
                all[1]["variables"].as_array_mut().unwrap().push(added);
            },
            "variable-added",
        ),
        (
            |all| all[1]["variables"][1]["defaultValue"] = "9090".into(),
            "variable-default",
        ),
        (
            |all| all[1]["variables"][1]["required"] = false.into(),
            "variable-required",
        ),
    ];
    for (change, kind) in differs {
        let mut other = locked.clone();
        change(&mut other["clusterProfileDetails"]);
        put(&host, "embedded", other);
        let document = json_of(test.host_run("host check --slot embedded"), 3);
        let slot = &document["hosts"][0]["slots"]["embedded"];
        assert_eq!(slot["verdict"], "differs", "{kind}");
        assert_eq!(slot["differences"][0]["kind"], kind, "{slot}");
    }
}

/// Shapes that are allowed, and mean the same.
#[test]
fn what_means_the_same_is_the_same() {
    type Change = fn(&mut Value);
    let host = Host::start(host_world());
    let test = Test::with_host(&host);
    let locked = test.cached_details();
    let same: [Change; 7] = [
        |all| all.as_array_mut().unwrap().reverse(),
        |all| all[0]["packs"].as_array_mut().unwrap().reverse(),
        |all| {
            let uid = all[0]["profileUid"].as_str().unwrap().to_uppercase();
            all[0]["profileUid"] = uid.into();
        },
        |all| all[0]["variables"] = Value::Null,
        |all| drop(all[0].as_object_mut().unwrap().remove("variables")),
        |all| all[0]["profileTags"] = "a,b".into(),
        |all| all[0]["new"] = json!({ "field": [1] }),
    ];
    for change in same {
        let mut other = locked.clone();
        change(&mut other["clusterProfileDetails"]);
        put(&host, "embedded", other);
        test.host_run("host check")
            .any_stdout()
            .any_stderr()
            .success();
    }
    // A host may mask what is sensitive; then it was not compared.
    let mut other = locked.clone();
    other["clusterProfileDetails"][1]["variables"][2]["defaultValue"] = "********".into();
    put(&host, "embedded", other);
    let document = json_of(test.host_run("host check"), 0);
    let slot = &document["hosts"][0]["slots"]["embedded"];
    assert_eq!(
        [&slot["verdict"], &slot["variables"]],
        ["same", "not-compared"]
    );
}

/// Neither values nor defaults are in any output, and a difference of values is said.
#[test]
fn values_are_compared_and_never_shown() {
    let host = Host::start(host_world());
    let test = Test::with_host(&host);
    let mut other = test.cached_details();
    let secret = "do-not-print-this-42";
    other["clusterProfileDetails"][1]["packs"][0]["values"] = secret.into();
    put(&host, "embedded", other.clone());
    let done = test
        .host_run("host check")
        .stdout_has("same, values not proven")
        .warning("host-values")
        .success();
    assert!(!done.stderr.contains(secret));
    other["clusterProfileDetails"][1]["variables"][0]["defaultValue"] = secret.into();
    put(&host, "embedded", other);
    for arguments in ["host check", "host check -vv", "host check --json"] {
        let done = test.host_run(arguments).any_stdout().any_stderr().fails(3);
        assert!(!format!("{}{}", done.stdout, done.stderr).contains(secret));
    }
}

#[test]
fn without_the_archive_variables_are_said_not_to_have_been_compared() {
    let host = Host::start(host_world());
    let test = Test::with_host(&host);
    let mut other = test.cached_details();
    other["clusterProfileDetails"][1]["variables"] = json!([]);
    put(&host, "embedded", other);
    test.forget_cache();
    test.host_run("host check")
        .stdout_has("same, variables not compared")
        .warning("host-not-compared")
        .success();
}

#[test]
fn an_outdated_lock_entry_is_compared_with_nothing() {
    let host = Host::start(host_world());
    let test = Test::with_host(&host);
    let manifest = test.text("profiles.toml");
    let test = test.write(
        "profiles.toml",
        manifest.replace("hello-universe@1.2.0", "edge-monitoring@1.4.0"),
    );
    test.host_run("host check").error("outdated").fails(3);
    assert_eq!(host.connections(), 0);
    std::fs::remove_file(test.path("profiles.lock")).unwrap();
    test.host_run("host check").error("no-lockfile").fails(3);
}

#[test]
fn several_hosts_each_with_a_row() {
    let hosts: Vec<Host> = (0..3).map(|_| Host::start(host_world())).collect();
    let tables: Vec<String> = hosts
        .iter()
        .enumerate()
        .map(|(at, host)| host.table(&format!("line-{at}")))
        .collect();
    let test = Test::new().hosts(&tables);
    test.run("fetch -q").any_stdout().success();
    let locked = test.cached_details();
    put(&hosts[0], "embedded", locked.clone());
    put(&hosts[2], "overridden", locked);
    test.host_run("host check")
        .stdout(
            "host    definition  embedded  overridden  update\n\
             line-0  factory     same      none        none\n\
             line-1  factory     none      none        none\n\
             line-2  factory     none      same        none\n",
        )
        .error("host-empty")
        .fails(3);
    test.host_run("host check line-2 line-0 --jobs 1")
        .any_stdout()
        .any_stderr()
        .success();
    // A name and its address are one host.
    let address = hosts[0].address();
    let document = json_of(test.host_run(&format!("host check line-0 {address}")), 0);
    assert_eq!(document["hosts"].as_array().unwrap().len(), 1);
}

/// The gravest exit code counts, and what was found on the others is shown.
#[test]
fn a_host_that_fails_does_not_hide_the_others() {
    let host = Host::start(host_world());
    let broken =
        Host::start(host_world().fault(HostFault::Answer("/embedded/details", 418, "tea")));
    let test = Test::new().hosts(&[host.table("line-1"), broken.table("line-2")]);
    test.run("fetch -q").any_stdout().success();
    put(&host, "embedded", test.cached_details());
    let document = json_of(test.host_run("host check"), 1);
    assert_eq!(document["hosts"][0]["slots"]["embedded"]["verdict"], "same");
    assert_eq!(document["hosts"][1]["slots"], Value::Null);
    assert_eq!(document["hosts"][1]["error"], "host-rejected");
}

#[test]
fn an_address_without_an_entry() {
    let host = Host::start(host_world());
    let test = Test::new().hosts(&[]);
    test.run("fetch -q").any_stdout().success();
    put(&host, "embedded", test.cached_details());
    let run = test.host_run("host check").arg(&host.address());
    run.arg("--certificate-sha256")
        .arg(host.fingerprint())
        .arg("--definition")
        .arg("factory")
        .any_stdout()
        .any_stderr()
        .success();
    let document = json_of(
        test.host_run(&format!(
            "host check {} --certificate-sha256 {}",
            host.address(),
            host.fingerprint()
        )),
        0,
    );
    assert_eq!(document["hosts"][0]["name"], Value::Null);
    assert_eq!(document["hosts"][0]["address"], host.address());
}

#[test]
fn what_is_no_host() {
    let host = Host::start(host_world());
    let test = Test::with_host(&host);
    for (arguments, code) in [
        ("host check http://192.0.2.1", "unknown-host"),
        ("host check fd00::21", "unknown-host"),
        ("host check lin-1", "unknown-host"),
        (
            "host check line-1 [::1] --certificate-sha256 9c",
            "conflicting-options",
        ),
        (
            "host check line-1 --certificate-sha256 9c",
            "conflicting-options",
        ),
        ("host check line-1 --definition other", "unknown-definition"),
        ("host check --offline", "conflicting-options"),
        ("host upload", "hosts-needed"),
    ] {
        test.host_run(arguments).error(code).fails(2);
    }
    let bare = Test::new();
    bare.host_run("host check").error("no-hosts").fails(2);
    bare.host_run("host upload --all")
        .error("no-hosts")
        .fails(2);
    bare.host_run("host check 192.0.2.1")
        .error("host-user-missing")
        .fails(2);
    assert_eq!(host.connections(), 0);
}

/// A page in place of an answer, or anything else that is not the document.
#[test]
fn answers_of_something_else() {
    for body in [
        "<html>login</html>",
        "[]",
        "{\"clusterProfileDetails\":{}}",
        "null x",
    ] {
        let host = Host::start(host_world().fault(HostFault::Body("/embedded/details", body)));
        let test = Test::with_host(&host);
        test.host_run("host check")
            .any_stdout()
            .error("host-answer")
            .fails(1);
    }
    let host = Host::start(host_world().fault(HostFault::Body("/login", "<html>")));
    let test = Test::with_host(&host);
    test.host_run("host check")
        .any_stdout()
        .error("host-answer")
        .fails(1);
}

/// What changes nothing is repeated as `retries` says.
#[test]
fn a_failure_that_passes_is_repeated() {
    let host = Host::start(
        host_world()
            .fault(HostFault::Answer("/embedded/details", 503, "starting"))
            .fault(HostFault::Answer("/embedded/details", 500, "starting")),
    );
    let test = Test::with_host(&host);
    put(&host, "embedded", test.cached_details());
    test.host_run("host check")
        .any_stdout()
        .error("host-unreachable")
        .fails(5);
    let test = test.patience("retries = 2");
    host.world(|world| world.order(HostFault::Answer("/embedded/details", 500, "starting")));
    test.host_run("host check")
        .any_stdout()
        .any_stderr()
        .success();
    assert_eq!(host.world(|world| world.logins()), 2);
}

/// `details` of the simulator, held against what the archive is known to have.
#[test]
fn the_simulator_shows_what_was_locked() {
    let test = Test::new().stage();
    let shown = details(&test.staged()).unwrap();
    let profiles = shown["clusterProfileDetails"].as_array().unwrap();
    assert_eq!(profiles.len(), test.locked("factory").profiles.len());
}
