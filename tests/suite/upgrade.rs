//! `edgestage upgrade`: what it writes into `profiles.toml`, that it changes no other byte, and
//! what it refuses.

use palette_sim::{Act, EDGE_INFRA_2_0_0, Fault, Route};
use serde_json::json;

use crate::outdated::{note, notes};
use crate::support::{HEAD, Run, Test};

/// Every spelling of a version, with comments and spaces that have to survive.
const FILE: &str = "\
# ours: edge-note@1.9.0
[palette]
endpoint = \"{endpoint}\"   # not SaaS
project = \"Default\"

# The factory floor.
[definition.factory]
profiles = [ 'edge-infra@2.0.0' ,   # edge-infra@2.0.0
  \"\"\"edge-note@1.9.0\"\"\"
]

[definition.warehouse]
profiles = [\"edge-infra@2.0.0\",{name='edge-note',version = '1.9.0'}, \"hello-universe@1.2.0\"]

[definition.\"store.7\"]
[[definition.\"store.7\".profiles]]
version = \"2.0.0\"  # name@version
name = \"edge-infra\"
";

fn three() -> Test {
    Test::of(notes()).manifest(FILE)
}

/// `profiles.toml` with the endpoint as the constant has it.
fn text(test: &Test) -> String {
    test.text("profiles.toml")
        .replace(test.sim.url(), "{endpoint}")
}

fn one(profiles: &str) -> Test {
    Test::of(notes()).definition(&format!("profiles = [{profiles}]"))
}

fn quiet<'t>(test: &'t Test, command: &str) -> Run<'t> {
    test.run(command).arg("-q")
}

#[test]
fn the_newest_of_the_same_major_is_written_and_no_other_byte() {
    let test = three();
    test.run("upgrade")
        .stderr_has("   Unchanged hello-universe@1.2.0 is the newest version known to Palette\n")
        .stderr_has("    Upgraded edge-infra from 2.0.0 to 2.1.0 in factory, store.7, warehouse\n")
        .stderr_has("    Upgraded edge-note from 1.9.0 to 1.10.0 in factory, warehouse\n")
        .stderr_has(
            "        Next edgestage update factory store.7 warehouse  # then review what changed\n",
        )
        .success();
    let expected = FILE
        .replace("'edge-infra@2.0.0' ", "'edge-infra@2.1.0' ")
        .replace("\"edge-infra@2.0.0\"", "\"edge-infra@2.1.0\"")
        .replace("\"\"\"edge-note@1.9.0", "\"\"\"edge-note@1.10.0")
        .replace("'1.9.0'", "'1.10.0'")
        .replace("version = \"2.0.0\"", "version = \"2.1.0\"");
    assert_eq!(text(&test), expected);
    // There is nothing more to write.
    let again = test
        .run("upgrade")
        .stderr_has(
            "   Unchanged edge-note@1.10.0: 2.0.0 has another major version and needs `--major`\n",
        )
        .keeps_files()
        .success();
    again.says("Next", 0);
    again.says("Upgraded", 0);
}

/// Line ends and the byte order mark that some editors write are preserved.
#[test]
fn files_of_other_editors() {
    let crlf = format!("\u{feff}{}", FILE.replace('\n', "\r\n"));
    let test = Test::of(notes()).manifest(&crlf);
    quiet(&test, "upgrade edge-infra --in factory").success();
    let expected = crlf.replace("'edge-infra@2.0.0' ", "'edge-infra@2.1.0' ");
    assert_eq!(text(&test), expected);
}

#[test]
fn one_definition_one_profile_and_one_version_of_it() {
    for (arguments, old, new) in [
        (
            "edge-infra --in warehouse",
            "\"edge-infra@2.0.0\"",
            "\"edge-infra@2.1.0\"",
        ),
        ("--in store.7", "version = \"2.0.0\"", "version = \"2.1.0\""),
        (
            "edge-note@1.9.0 --in factory",
            "\"\"\"edge-note@1.9.0",
            "\"\"\"edge-note@1.10.0",
        ),
        (
            "edge-note --major --in factory",
            "\"\"\"edge-note@1.9.0",
            "\"\"\"edge-note@2.0.0",
        ),
    ] {
        let test = three();
        quiet(&test, &format!("upgrade {arguments}")).success();
        assert_eq!(text(&test), FILE.replace(old, new), "{arguments}");
    }
}

/// `update` is the review: it fetches what was written.
#[test]
fn what_follows_is_update() {
    let test = one("\"edge-infra@2.0.0\"");
    quiet(&test, "fetch").any_stdout().success();
    quiet(&test, "upgrade").success();
    quiet(&test, "stage --locked").error("outdated").fails(3);
    test.run("update")
        .any_stdout()
        .stderr_has("Relocking factory")
        .stderr_has("profile edge-infra@2.1.0 added")
        .success();
    quiet(&test, "stage --locked").any_stdout().success();
}

#[test]
fn a_version_that_is_named_is_written_even_if_it_is_older() {
    let test = one("\"edge-note@1.10.0\"");
    let done = test
        .run("upgrade edge-note --to 1.9.0")
        .stderr(
            "   Resolving factory\n  Downgraded edge-note from 1.10.0 to 1.9.0 in factory\n        \
             Next edgestage update factory  # then review what changed\n",
        )
        .success();
    assert!(test.text("profiles.toml").contains("\"edge-note@1.9.0\""));
    // It is there already.
    done.again()
        .stderr("   Resolving factory\n   Unchanged edge-note@1.9.0\n")
        .keeps_files()
        .success();
    // A pre-release is never chosen, but can be named.
    let done = quiet(&test, "upgrade edge-note --to 2.1.0-rc.1 --json")
        .any_stdout()
        .success();
    let document = done.json();
    assert_eq!(
        document["changes"],
        json!([{
            "definition": "factory", "name": "edge-note", "from": "1.9.0", "to": "2.1.0-rc.1",
            "direction": "upgrade",
        }])
    );
    assert_eq!(document["unchanged"], json!([]));
}

#[test]
fn a_version_that_is_named_must_be_published() {
    for (to, code, says) in [
        (
            "1.11.0",
            "profile-not-found",
            "available versions: 1.9.0, 1.10.0, 2.0.0",
        ),
        (
            "v1.9.0",
            "profile-not-found",
            "did you mean `edge-note@1.9.0`?",
        ),
        (
            "2.1.0",
            "not-published",
            "profile edge-note@2.1.0 is not published",
        ),
        (
            "3.0.0",
            "wrong-cloud-type",
            "for cloud type `aws`, not `edge-native`",
        ),
    ] {
        let test = one("\"edge-note@1.10.0\"");
        let done = test
            .run("upgrade -q edge-note --to")
            .arg(to)
            .error(code)
            .stderr_has(says)
            .keeps_files()
            .fails(2);
        // The version is not in the file.
        done.says("profiles.toml:", 0);
    }
}

/// `edge-note@1@2` would be version 2 of `edge-note@1`.
#[test]
fn a_version_alone_is_named() {
    let world = notes().profile(note(7, "1@2"));
    let test = Test::of(world).definition("profiles = ['edge-note@1.9.0']");
    for to in ["1@2", "edge-note@1.10.0", "", " 1.10.0", "1.10.0\n"] {
        test.run("upgrade -q edge-note --to")
            .arg(to)
            .stderr_has("write the version alone")
            .keeps_files()
            .fails(2);
    }
}

/// A version of another form is written as it is named, and never chosen.
#[test]
fn versions_that_cannot_be_compared() {
    let world = notes()
        .profile(note(7, "1.10"))
        .profile(note(8, "it's \"new\""));
    let test = Test::of(world).definition("profiles = ['edge-note@1.10']");
    test.run("upgrade")
        .warning("version-not-comparable")
        .keeps_files()
        .success();
    let done = quiet(&test, "upgrade edge-note --json")
        .any_stdout()
        .any_stderr()
        .success();
    let document = done.json();
    assert_eq!(document["unchanged"][0]["newest"], json!(null));
    let done = quiet(&test, "upgrade edge-note --to 2.0.0 --json")
        .any_stdout()
        .success();
    assert_eq!(done.json()["changes"][0]["direction"], "not-comparable");
    assert!(test.text("profiles.toml").contains("['edge-note@2.0.0']"));
    test.run("upgrade -q edge-note --to")
        .arg("it's \"new\"")
        .success();
    quiet(&test, "check --offline")
        .any_stdout()
        .any_stderr()
        .success();
    quiet(&test, "list --json")
        .stdout_has(r#"edge-note@it's \"new\""#)
        .success();
}

#[test]
fn a_uid_and_a_url_stay() {
    let url = format!("https://c.example/admin/profiles/cluster/{EDGE_INFRA_2_0_0}");
    let test = one(&format!("\"{url}\", \"edge-note@1.9.0\""));
    test.run("upgrade")
        .warning("not-upgradable")
        .stderr_has(&format!("`{EDGE_INFRA_2_0_0}` cannot be upgraded"))
        .stderr_has("run `edgestage outdated`")
        .success();
    assert!(test.text("profiles.toml").contains(&url));
    assert!(test.text("profiles.toml").contains("edge-note@1.10.0"));
    // Asked for by itself, that is an error.
    for named in [EDGE_INFRA_2_0_0, &url] {
        test.run("upgrade -q")
            .arg(named)
            .error("not-upgradable")
            .keeps_files()
            .fails(2);
    }
}

#[test]
fn a_profile_that_no_definition_has() {
    let test = three();
    let connections = test.sim.connections();
    quiet(&test, "upgrade edge-infr zzz")
        .error("profile-not-in-definition")
        .error("profile-not-in-definition")
        .stderr_has("no definition has a profile `edge-infr` with a version")
        .stderr_has("did you mean `edge-infra`?")
        .stderr_has("no definition has a profile `zzz` with a version")
        .keeps_files()
        .fails(2);
    quiet(&test, "upgrade edge-infra@1.0.0")
        .error("profile-not-in-definition")
        .keeps_files()
        .fails(2);
    quiet(&test, "upgrade hello-universe --in factory")
        .error("profile-not-in-definition")
        .stderr_has("`factory` has no profile `hello-universe`")
        .keeps_files()
        .fails(2);
    quiet(&test, "upgrade --in factry")
        .error("unknown-definition")
        .keeps_files()
        .fails(2);
    // The name of a definition, and a version that is to be written.
    quiet(&test, "upgrade factory")
        .error("profile-not-in-definition")
        .stderr_has("run `edgestage upgrade --in factory`")
        .keeps_files()
        .fails(2);
    quiet(&test, "upgrade edge-infra@2.1.0")
        .error("profile-not-in-definition")
        .stderr_has("run `edgestage upgrade edge-infra --to 2.1.0`")
        .keeps_files()
        .fails(2);
    quiet(&test, "upgrade --to 2.0.0")
        .stderr_has("<PROFILE>")
        .keeps_files()
        .fails(2);
    quiet(&test, "upgrade --offline")
        .error("conflicting-options")
        .keeps_files()
        .fails(2);
    assert_eq!(test.sim.connections(), connections);
    quiet(&test, "upgrade")
        .without_key()
        .error("key-missing")
        .keeps_files()
        .fails(4);
}

/// Where one definition cannot be decided, nothing is written.
#[test]
fn all_or_nothing() {
    let text = format!(
        "{HEAD}\n[definition.a]\nprofiles = [\"edge-infra@2.0.0\"]\n\n[definition.b]\nprofiles = [\"zzz@1.0.0\"]\n"
    );
    let test = Test::of(notes()).manifest(&text);
    quiet(&test, "upgrade")
        .error("profile-not-found")
        .keeps_files()
        .fails(2);
    quiet(&test, "upgrade --in a").success();
    let short = one("\"edge-note@2.0.0\", \"edge-infra@2.0.0\"");
    for route in [Route::Metadata, Route::Dashboard] {
        let act = Act::ShortList {
            held: 15,
            count: 146,
        };
        short.sim.fault(Fault::on(route, act).forever());
    }
    quiet(&short, "upgrade edge-note")
        .error("list-incomplete")
        .keeps_files()
        .fails(5);
}

/// Two versions of one profile would become the same.
#[test]
fn a_change_that_check_would_refuse_is_refused() {
    let test = one("\"edge-note@1.9.0\", \"edge-note@1.10.0\"");
    quiet(&test, "upgrade")
        .error("duplicate-reference")
        .stderr_has("note: nothing was written")
        .keeps_files()
        .fails(2);
}

/// The file has either all new versions or none, and the next run writes them.
#[cfg(debug_assertions)]
#[test]
fn a_killed_run_leaves_the_file_as_it_was() {
    let test = three();
    assert!(test.run("upgrade").kill_at("written-aside", 1));
    assert_eq!(text(&test), FILE);
    quiet(&test, "upgrade").success();
    assert!(text(&test).contains("'edge-infra@2.1.0'"));
    assert!(!test.tree().contains(".tmp"), "{}", test.tree());
}

/// Palette is asked before the file is locked: what others write meanwhile stays, and what they
/// change is not written over.
#[cfg(debug_assertions)]
#[test]
fn another_run_changes_the_file_meanwhile() {
    let text = format!("{HEAD}\n[definition.a]\nprofiles = [\"edge-note@1.9.0\"]\n");
    for (other, code, contains) in [
        ("add edge-infra@2.1.0 --to b", 0, "edge-infra@2.1.0"),
        ("add edge-infra@2.1.0 --to a", 3, "edge-note@1.9.0"),
        ("rename a c", 3, "edge-note@1.9.0"),
    ] {
        let test = Test::of(notes()).manifest(&text);
        let adds = test.run(other).any_stderr().park_at("written-aside");
        let mut upgrade = test.run("upgrade").any_stderr().start();
        upgrade.says("Waiting");
        adds.success();
        if code == 0 {
            upgrade.success();
            assert!(test.text("profiles.toml").contains("edge-note@1.10.0"));
        } else {
            let done = upgrade.fails(code);
            assert!(
                done.stderr.contains("error[changed-meanwhile]"),
                "{}",
                done.stderr
            );
        }
        assert!(test.text("profiles.toml").contains(contains), "{other}");
    }
}
