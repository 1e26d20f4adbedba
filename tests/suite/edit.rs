//! `add`, `remove` and `rename`: what they change, what they preserve, and what they refuse.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::support::{FACTORY, HEAD, Test};

/// Two definitions, with comments that have to survive.
const FILE: &str = "\
# ours
[palette]
endpoint = \"{endpoint}\"   # not SaaS
project = \"Default\"

[canvos]
dir = \"CanvOS\"

# The factory floor.
[definition.factory]
profiles = [
  # below everything
  \"edge-infra@2.1.0\",   # infra
  \"hello-universe@1.2.0\"
]

# Warehouses.
[definition.warehouse]
profiles = ['edge-infra@2.0.0', 'edge-monitoring@1.4.0'] # two
";

fn two() -> Test {
    Test::new().manifest(FILE)
}

/// `profiles.toml` with the endpoint as the constant has it.
fn text(test: &Test) -> String {
    test.text("profiles.toml")
        .replace(test.sim.url(), "{endpoint}")
}

#[test]
fn a_profile_is_added_and_the_rest_stays_to_the_byte() {
    let test = two();
    // Not the mode that a umask gives.
    let mode = fs::Permissions::from_mode(0o640);
    fs::set_permissions(test.path("profiles.toml"), mode).unwrap();
    test.run("add edge-monitoring@1.4.0 65c9660a9c8d7e6f5a4b3c2d --to factory")
        .stderr(
            "       Added edge-monitoring@1.4.0 to factory
       Added 65c9660a9c8d7e6f5a4b3c2d to factory
        Next edgestage check factory
",
        )
        .success();
    assert_eq!(
        text(&test),
        FILE.replace(
            "  \"hello-universe@1.2.0\"\n",
            "  \"hello-universe@1.2.0\",\n  \"edge-monitoring@1.4.0\",\n  \"65c9660a9c8d7e6f5a4b3c2d\",\n",
        )
    );
    test.run("check factory -q").any_stdout().success();
    assert_eq!(test.facts("profiles.toml").mode, 0o640);
}

#[test]
fn what_is_there_already_is_not_added_again() {
    let test = Test::new();
    // By uid, however it is written.
    let page = "https://console.spectrocloud.com/admin/profiles/cluster/65c90a1b2c3d4e5f770daee5";
    for reference in ["65C90A1B2C3D4E5F770DAEE5", "hello-universe@1.2.0", page] {
        test.run("add")
            .arg(reference)
            .stderr(&format!("   Unchanged factory already has {reference}\n"))
            .keeps_files()
            .success();
    }
}

#[test]
fn a_new_definition_comes_to_the_end() {
    let test = two();
    test.run("add edge-infra@2.1.0 --to store.1 -q").success();
    let added = "\n[definition.\"store.1\"]\nprofiles = [\n  \"edge-infra@2.1.0\",\n]\n";
    assert_eq!(text(&test), format!("{FILE}{added}"));
}

#[test]
fn a_file_without_a_definition_gets_its_first_one() {
    let test = Test::new().manifest("[palette]\nendpoint = \"{endpoint}\"\n");
    test.run("add edge-infra@2.1.0")
        .stderr_has("Added edge-infra@2.1.0 to factory")
        .success();
    let test = test.definition("profiles = [\n]");
    test.run("add edge-infra@2.1.0")
        .stderr_has("Added edge-infra@2.1.0 to factory")
        .success();
    assert!(
        test.text("profiles.toml")
            .ends_with("profiles = [\n  \"edge-infra@2.1.0\",\n]\n")
    );
}

/// Line ends and the byte order mark that some editors write are preserved.
#[test]
fn files_of_other_editors() {
    let crlf = format!("\u{feff}{}", FILE.replace('\n', "\r\n"));
    let test = Test::new().manifest(&crlf);
    test.run("add edge-monitoring@1.4.0 --to factory -q")
        .success();
    assert_eq!(
        text(&test),
        crlf.replace(
            "  \"hello-universe@1.2.0\"\r\n",
            "  \"hello-universe@1.2.0\",\r\n  \"edge-monitoring@1.4.0\",\r\n",
        )
    );
}

#[test]
fn what_is_no_profile_is_refused_with_all_its_neighbours() {
    let test = two();
    test.run("add 65c9 edge-infra https://c.example/clusters edge-logging@0.9.0 --to factory")
        .stderr(
            "error[invalid-reference]: `65c9` is not a profile reference
note: a uid has 24 hexadecimal digits, but this has 4
help: paste the profile's complete URL from the console

error[invalid-reference]: `edge-infra` is not a profile reference
note: not a uid, a console URL or name@version
help: add the version, such as `edge-infra@1.0.0`, or paste the profile's console URL

error[invalid-reference]: `https://c.example/clusters` is not a profile reference
note: not the page of a cluster profile
help: open the profile under Profiles in the console and copy its URL: `…/projects/<uid>/profiles/cluster/<uid>`
see: `edgestage explain reference`
",
        )
        .keeps_files()
        .fails(2);
    test.run("add edge-logging@0.9.0 --to -x")
        .any_stderr()
        .keeps_files()
        .fails(2);
    test.run("add edge-logging@0.9.0 --to a/b")
        .error("invalid-definition-name")
        .stderr_has("`a/b`")
        .keeps_files()
        .fails(2);
    test.run("add edge-logging@0.9.0")
        .error("definition-needed")
        .keeps_files()
        .fails(2);
}

/// A change that `check` would refuse is not written; a mistake that existed before is reported
/// as before.
#[test]
fn a_file_that_would_be_refused_is_not_written() {
    let test = Test::new();
    let url = |project: char| {
        let project = format!("5fbbf0c1d2e3f4a5b6c7d8e{project}");
        format!("{{endpoint}}/projects/{project}/profiles/cluster/65c9660a9c8d7e6f5a4b3c2d")
    };
    let other = url('1').replace("3c2d", "3c2e");
    test.run("add")
        .arg(&url('9'))
        .arg(&other)
        .error("several-projects")
        .stderr_has("`factory` has profiles from two projects")
        .keeps_files()
        .fails(2);
    let test = test.definition(&format!("{FACTORY}\nallwo = []"));
    test.run("add edge-monitoring@1.4.0")
        .error("unknown-key")
        .stderr_has("unknown key `allwo`")
        .keeps_files()
        .fails(2);
    let test = test.definition("profiles = [");
    test.run("add edge-monitoring@1.4.0")
        .error("invalid-toml")
        .keeps_files()
        .fails(2);
    std::fs::remove_file(test.path("profiles.toml")).unwrap();
    test.run("add edge-monitoring@1.4.0")
        .error("manifest-missing")
        .stderr_has("edgestage init")
        .keeps_files()
        .fails(2);
}

/// A uid has no meaning for another Palette.
#[test]
fn a_page_of_another_palette_is_worth_a_warning() {
    let test = Test::new();
    let page = |host: &str| format!("{host}/admin/profiles/cluster/65c9660a9c8d7e6f5a4b3c2d");
    test.run("add")
        .arg(&page("https://palette.example.com"))
        .warning("other-palette")
        .stderr_has("`https://palette.example.com`")
        .stderr_has("`{endpoint}`")
        .stderr_has("set `endpoint = \"https://palette.example.com\"` in `[palette]`")
        .success();
    let test = Test::new();
    test.run("add")
        .arg(&page("{endpoint}"))
        .stderr_has("Added {endpoint}/admin/profiles")
        .success()
        .says("warning", 0);
}

#[test]
fn profiles_are_removed_by_any_of_their_names() {
    let test = two();
    test.run("remove edge-infra --from factory")
        .stderr("     Removed edge-infra@2.1.0 from factory\n")
        .success();
    let left = FILE.replace("  \"edge-infra@2.1.0\",   # infra\n", "");
    assert_eq!(text(&test), left);
    test.run("remove edge-monitoring@1.4.0 --from warehouse -q")
        .success();
    assert_eq!(text(&test), left.replace(", 'edge-monitoring@1.4.0'", ""));
    let test = Test::new();
    test.run("remove hello-universe")
        .stderr("     Removed hello-universe@1.2.0 from factory\n")
        .success();
    let test = Test::new();
    test.run("remove")
        .arg("https://c.example/admin/profiles/cluster/65c90a1b2c3d4e5f770daee5")
        .stderr("     Removed 65c90a1b2c3d4e5f770daee5 from factory\n")
        .success();
}

#[test]
fn a_definition_is_removed_whole() {
    let test = two();
    test.run("remove factory")
        .stderr("     Removed factory\n")
        .success();
    let (head, rest) = FILE.split_once("# The factory floor.\n").unwrap();
    let (_, rest) = rest.split_once("]\n\n").unwrap();
    assert_eq!(text(&test), format!("{head}{rest}"));
    test.run("remove warehouse")
        .error("only-definition")
        .stderr_has("`warehouse`")
        .keeps_files()
        .fails(2);
}

#[test]
fn what_cannot_be_removed() {
    let test = two();
    test.run("remove edge-infra@2.0.1 nobody --from warehouse")
        .stderr(
            "error[profile-not-in-definition]: `warehouse` has no profile `edge-infra@2.0.1`
note: its profiles are edge-infra@2.0.0, edge-monitoring@1.4.0
help: did you mean `edge-infra@2.0.0`?

error[profile-not-in-definition]: `warehouse` has no profile `nobody`
note: its profiles are edge-infra@2.0.0, edge-monitoring@1.4.0
help: write the reference exactly as in profiles.toml
see: `edgestage explain edit`
",
        )
        .keeps_files()
        .fails(2);
    test.run("remove edge-infra edge-monitoring --from warehouse")
        .error("last-profiles")
        .stderr_has("`warehouse`")
        .stderr_has("edgestage remove warehouse")
        .keeps_files()
        .fails(2);
    test.run("remove wharehouse")
        .error("unknown-definition")
        .stderr_has("wharehouse")
        .stderr_has("warehouse")
        .keeps_files()
        .fails(2);
    let inline = "definition = { a = { profiles = ['a@1'] }, b = { profiles = ['a@1'] } }\n";
    let test = Test::new().manifest(inline);
    test.run("remove a")
        .error("not-editable")
        .stderr_has("`a`")
        .stderr_has("profiles.toml:1:16")
        .stderr_has("it has no header of its own")
        .keeps_files()
        .fails(2);
}

/// A locked definition stays locked under its new name: nothing is downloaded again.
#[test]
fn a_rename_takes_the_lock_along() {
    let test = two();
    test.run("fetch -q").any_stdout().success();
    let locked = test.text("profiles.lock");
    test.run("rename factory plant")
        .stderr("     Renamed factory to plant\n")
        .success();
    assert_eq!(
        text(&test),
        FILE.replace("[definition.factory]", "[definition.plant]")
    );
    assert_eq!(
        test.text("profiles.lock"),
        locked.replace("definition.factory", "definition.plant")
    );
    test.run("stage plant --locked --offline -q")
        .any_stdout()
        .success();
    assert_eq!(test.downloads(), 2);
    test.run("rename plant plant.2 -q").success();
    test.run("list --locked -q").any_stdout().success();
}

#[test]
fn a_rename_without_a_lock() {
    let test = two();
    let done = test
        .run("rename factory plant --json")
        .any_stdout()
        .stderr("     Renamed factory to plant\n")
        .success();
    assert_eq!(done.json()["locked"], false);
    assert!(!test.path("profiles.lock").exists());
}

#[test]
fn what_cannot_be_renamed() {
    let test = two();
    for (command, code, said) in [
        (
            "rename factory warehouse",
            "definition-exists",
            "`warehouse`",
        ),
        ("rename plant factory2", "unknown-definition", "`plant`"),
        ("rename factory .x", "invalid-definition-name", "`.x`"),
        (
            "rename factory x --locked",
            "conflicting-options",
            "remove `--locked`",
        ),
    ] {
        let run = test.run(command).error(code).stderr_has(said);
        run.keeps_files().fails(2);
    }
    test.run("rename factory factory")
        .stderr("   Unchanged factory\n")
        .keeps_files()
        .success();
}

/// A name that could be a uid is a name if there is such a definition.
#[test]
fn a_definition_that_is_called_like_a_profile() {
    let test = two();
    let name = "65c90a1b2c3d4e5f770daee5";
    test.run(&format!("rename factory {name} -q")).success();
    test.run(&format!("remove {name}"))
        .stderr(&format!("     Removed {name}\n"))
        .success();
}

/// A mistyped name creates a definition that nobody intended.
#[test]
fn a_new_definition_is_told() {
    let test = two();
    test.run("add edge-infra@2.1.0 --to factry")
        .warning("new-definition")
        .stderr_has("`factry`")
        .stderr_has("if you meant `factory`, run `edgestage remove factry`")
        .stderr_has("     Created definition factry\n")
        .success();
    test.run("add edge-infra@2.1.0 --to plant")
        .stderr(
            "     Created definition plant
       Added edge-infra@2.1.0 to plant
        Next edgestage check plant
",
        )
        .success();
}

/// The next command that is suggested names this file.
#[test]
fn a_file_of_another_name() {
    let test = two().write("other.toml", "[definition.a]\nprofiles = ['x@1']\n");
    test.run("add y@1 --file other.toml")
        .stderr_has("        Next edgestage check a --file other.toml\n")
        .success();
}

/// A pasted URL may contain more than the page.
#[test]
fn what_is_behind_a_pages_address_is_left_out() {
    let test = Test::new();
    let page = "{endpoint}/admin/profiles/cluster/65c9660a9c8d7e6f5a4b3c2d";
    test.run("add -q")
        .arg(&format!("{page}?token=abc#x"))
        .success();
    let text = test.text("profiles.toml");
    assert!(
        text.contains("65c9660a9c8d7e6f5a4b3c2d\"") && !text.contains("token"),
        "{text}"
    );
    let secret = "https://me:hunter2@c.example/admin/profiles/cluster/65c9660a9c8d7e6f5a4b3c2d";
    let done = test
        .run("add")
        .arg(secret)
        .error("invalid-reference")
        .stderr_has("is not a profile")
        .fails(2);
    assert!(!done.stderr.contains("hunter2"), "{}", done.stderr);
}

/// A rename that is killed between the two files is completed by the same command.
#[cfg(debug_assertions)]
#[test]
fn a_rename_that_was_killed() {
    let test = two();
    test.run("fetch -q").any_stdout().success();
    assert!(test.run("rename factory plant").kill_at("lock-written", 1));
    assert_eq!(text(&test), FILE);
    test.run("rename factory plant -q").success();
    test.run("list --locked -q").any_stdout().success();
    assert_eq!(test.downloads(), 2);
}

/// Each run waits for the other: none of the additions is lost.
#[test]
fn edits_at_the_same_time() {
    let test = Test::new();
    let numbers: Vec<u8> = (0..12).collect();
    let mut runs: Vec<_> = numbers
        .iter()
        .map(|number| test.run("add -q").arg(&format!("profile@{number}")).spawn())
        .collect();
    for run in &mut runs {
        assert!(run.wait().unwrap().success());
    }
    let text = test.text("profiles.toml");
    for number in numbers {
        assert!(text.contains(&format!("\"profile@{number}\"")), "{text}");
    }
}

#[test]
fn the_documents_name_what_changed() {
    let test = Test::new().manifest(&format!("{HEAD}\n[definition.a]\nprofiles = ['x@1']\n"));
    let done = test
        .run("add x@1 y@1 --json")
        .any_stdout()
        .any_stderr()
        .success();
    let document = done.json();
    assert_eq!(document["definition"], "a");
    assert_eq!(document["profiles"], serde_json::json!(["y@1"]));
    assert_eq!(document["unchanged"], serde_json::json!(["x@1"]));
    let done = test
        .run("remove x --json --from a")
        .any_stdout()
        .any_stderr()
        .success();
    assert_eq!(done.json()["profiles"], serde_json::json!(["x@1"]));
}
