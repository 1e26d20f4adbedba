//! `edgestage list`: the contents of `profiles.toml` and `profiles.lock`, for people and for
//! the matrix of a CI job.

use serde_json::json;

use crate::support::{Done, HEAD, Run, Test};

/// Three definitions, each with another way to its checkout.
const THREE: &str = "
[definition.store]
canvos = \"../CanvOS-store\"
profiles = [\"edge-infra@2.1.0\"]
[definition.factory]
profiles = [\"65c90a1b2c3d4e5f770daee5\", { name = \"hello-universe\", version = \"1.2.0\" }]
[definition.warehouse]
canvos = \".\"
profiles = [\"https://c.example/admin/profiles/cluster/65c90a1b2c3d4e5f770daee5\"]
";

fn three() -> Test {
    Test::new().manifest(&format!("{HEAD}{THREE}"))
}

/// The command needs only these two files.
fn bare<'t>(test: &'t Test, arguments: &str) -> Run<'t> {
    let run = test.run(arguments).without_key().without("HOME");
    run.keeps_files()
}

/// The lock's state of `factory`.
#[track_caller]
fn state(test: &Test) -> String {
    let done = bare(test, "list factory --json").any_stdout().success();
    let one = done.json()["definitions"][0].take();
    let locked = one["lock"] == "current";
    assert_eq!(one["content_sha256"].is_string(), locked, "{one}");
    assert_eq!(one["size"].is_u64(), locked, "{one}");
    one["lock"].as_str().unwrap().to_owned()
}

fn row<'d>(done: &'d Done<'_>, name: &str) -> Vec<&'d str> {
    let mut lines = done.stdout.lines();
    let line = lines.find(|line| line.starts_with(name)).unwrap();
    let cells = line.split("  ").map(str::trim);
    cells.filter(|cell| !cell.is_empty()).collect()
}

#[test]
fn every_definition_in_the_order_of_names() {
    let test = three();
    bare(&test, "list")
        .stdout(
            "definition  canvos           profiles  content  size  lock\n\
             factory     CanvOS           2         -        -     not locked\n\
             store       ../CanvOS-store  1         -        -     not locked\n\
             warehouse   .                1         -        -     not locked\n",
        )
        .success();
    test.run("fetch -q store").any_stdout().success();
    let connections = test.sim.connections();
    let done = bare(&test, "list").any_stdout().success();
    let cells = row(&done, "store");
    assert_eq!((cells[0], cells[5]), ("store", "current"));
    let lock = test.text("profiles.lock");
    assert!(lock.contains(&format!("content-sha256 = \"{}", cells[3])));
    assert_eq!(row(&done, "factory")[5], "not locked");
    assert_eq!(test.sim.connections(), connections);
}

#[test]
fn the_definitions_that_are_named() {
    let test = three();
    let done = bare(&test, "list warehouse factory").any_stdout().success();
    let names: Vec<&str> = done.stdout.lines().map(|line| &line[..5]).collect();
    assert_eq!(names, ["defin", "facto", "wareh"]);
    bare(&test, "list factry")
        .error("unknown-definition")
        .stderr_has("did you mean `factory`?")
        .fails(2);
}

#[test]
fn the_document_is_what_a_matrix_needs() {
    let test = three();
    test.run("fetch -q factory").any_stdout().success();
    let lock: toml::Table = toml::from_str(&test.text("profiles.lock")).unwrap();
    let locked = &lock["definition"]["factory"];
    let done = bare(&test, "list --json").any_stdout().success();
    let document = done.json();
    assert_eq!(document["command"], "list");
    assert_eq!(
        document["file"],
        test.path("profiles.toml").to_str().unwrap()
    );
    assert_eq!(
        document["definitions"],
        json!([
            {
                "definition": "factory",
                "canvos": "CanvOS",
                "profiles": ["65c90a1b2c3d4e5f770daee5", "hello-universe@1.2.0"],
                "lock": "current",
                "content_sha256": locked["content-sha256"].as_str(),
                "sha256": locked["sha256"].as_str(),
                "size": locked["size"].as_integer(),
            },
            {
                "definition": "store",
                "canvos": "../CanvOS-store",
                "profiles": ["edge-infra@2.1.0"],
                "lock": "not-locked",
                "content_sha256": null,
                "sha256": null,
                "size": null,
            },
            {
                "definition": "warehouse",
                "canvos": ".",
                "profiles": ["65c90a1b2c3d4e5f770daee5"],
                "lock": "not-locked",
                "content_sha256": null,
                "sha256": null,
                "size": null,
            },
        ])
    );
}

/// The checkout's path is relative to `profiles.toml`, whatever the working directory is.
#[test]
fn the_same_from_another_directory() {
    let test = three();
    let here = bare(&test, "list").any_stdout().success().stdout;
    let there = bare(&test, "list --file ../profiles.toml")
        .within("elsewhere")
        .any_stdout()
        .success()
        .stdout;
    assert_eq!(here, there);
    let there = bare(&test, "list").within("elsewhere");
    assert_eq!(here, there.any_stdout().success().stdout);
    test.put("elsewhere/.git", "gitdir: nowhere\n");
    let run = bare(&test, "list").within("elsewhere");
    run.error("manifest-missing")
        .stderr_has("`{dir}/elsewhere/profiles.toml`")
        .fails(2);
}

#[test]
fn the_states_of_the_lock() {
    let test = Test::new();
    assert_eq!(state(&test), "not-locked");
    let test = test.stage();
    assert_eq!(state(&test), "current");
    let lock = test.text("profiles.lock");
    let manifest = test.text("profiles.toml");

    let test = test.definition("profiles = [\"edge-infra@2.1.0\"]");
    assert_eq!(state(&test), "outdated-manifest");
    test.put("profiles.toml", &manifest);

    test.put(
        "profiles.lock",
        lock.replace("http://127.0.0.1:", "http://127.0.0.2:"),
    );
    assert_eq!(state(&test), "current");

    let (edited, _) = lock
        .rsplit_once("\n[[definition.factory.profiles]]")
        .unwrap();
    test.put("profiles.lock", edited);
    assert_eq!(state(&test), "outdated-edited");
    test.put("profiles.lock", lock);
    assert_eq!(state(&test), "current");
}

/// The old archive is cached, but is not what the manifest requests, although the lock claims
/// so.
#[test]
fn a_lock_that_contradicts_itself_is_not_staged() {
    let test = Test::new().stage();
    let lock = test.text("profiles.lock");
    let profiles: Vec<&str> = lock.split("\n[[").collect();
    let fewer = lock.rsplit_once("\n[[").unwrap().0.to_owned();
    let swapped = [profiles[0], profiles[2], profiles[1]].join("\n[[");
    let other = lock.replace(
        "name = \"hello-universe\"\nversion",
        "name = \"other\"\nversion",
    );
    for edited in [fewer, swapped, other] {
        assert_ne!(edited, lock);
        test.put("profiles.lock", &edited);
        for command in [
            "stage --locked",
            "fetch --locked",
            "verify",
            "check --locked",
        ] {
            let run = test.run(command).any_stdout().keeps_files();
            run.error("outdated")
                .stderr_has("`factory`")
                .stderr_has("it was edited by hand or merged incorrectly")
                .fails(3);
        }
        assert_eq!(state(&test), "outdated-edited");
    }
    // Without the flag it is fetched and locked anew.
    test.run("stage -q").any_stdout().success();
    assert_eq!(test.text("profiles.lock"), lock);
}

#[test]
fn a_lock_with_a_merge_conflict() {
    let test = Test::new().stage();
    let lock = test.text("profiles.lock");
    let at = lock
        .lines()
        .position(|line| line.starts_with("content-sha256"));
    let at = at.unwrap();
    let mut lines: Vec<&str> = lock.lines().collect();
    let theirs = format!("content-sha256 = \"{}\"", "0".repeat(64));
    lines.insert(at + 1, ">>>>>>> branch");
    lines.insert(at, &theirs);
    lines.insert(at, "=======");
    lines.insert(at - 1, "<<<<<<< HEAD");
    let line = at;
    test.put("profiles.lock", lines.join("\n") + "\n");
    for command in [
        "list",
        "stage --locked",
        "stage",
        "fetch",
        "verify",
        "diff",
        "update",
        "cache list",
    ] {
        test.run(command)
            .error("invalid-lockfile")
            .stderr_has("`{dir}/profiles.lock` is damaged")
            .stderr_has("a merge conflict")
            .stderr_has(&format!("profiles.lock:{line}:"))
            .stderr_has("<<<<<<< HEAD")
            .keeps_files()
            .fails(2);
    }
    let error = bare(&test, "list --json").any_stdout().fails(2).json()["error"].take();
    assert_eq!(
        (&error["code"], &error["exit_code"]),
        (&json!("invalid-lockfile"), &json!(2))
    );
    assert_eq!(error["problems"][0]["line"], line);
    assert_eq!(
        error["problems"][0]["label"],
        "a merge conflict begins here"
    );
}

#[test]
fn a_name_with_a_dot_and_a_checkout_of_the_command_line() {
    let text = format!("{HEAD}\n[definition.\"store.7\"]\nprofiles = [\"edge-infra@2.1.0\"]\n");
    let test = Test::new().manifest(&text);
    bare(&test, "list store.7")
        .stdout(
            "definition  canvos  profiles  content  size  lock\n\
             store.7     CanvOS  1         -        -     not locked\n",
        )
        .success();
    test.run("list --canvos elsewhere")
        .stdout_has("elsewhere")
        .success();
}

#[test]
fn with_locked_every_entry_must_be_current() {
    let test = Test::new();
    let run = test.run("list --locked").stdout_has("not locked");
    run.error("no-lockfile")
        .stderr_has("`{dir}/profiles.lock`")
        .fails(3);
    test.run("fetch -q").any_stdout().success();
    test.run("list --locked").stdout_has("current").success();
    let test = test.definition("profiles = [\"edge-infra@2.0.0\"]");
    let run = test.run("list --locked").stdout_has("outdated");
    run.error("outdated")
        .stderr_has("profiles.toml has changed since it was locked")
        .fails(3);
}
