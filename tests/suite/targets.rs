//! What `check` reports about each CanvOS target, and what `--fix-arg` does to `.arg`.

use std::fs;

use serde_json::{Value, json};

use crate::checkout::{fill, full, with_arg};
use crate::support::{OVERLAY, ROOT, Test, content_sha256};

/// The targets as `--json` has them.
fn targets(test: &Test, arguments: &str) -> Vec<Value> {
    let run = test.run(&format!("check --offline --json {arguments}"));
    let json = run.any_stdout().any_stderr().success().json();
    json["checkouts"][0]["targets"].as_array().unwrap().clone()
}

/// Target, file, way and definition of each.
fn told(test: &Test) -> Vec<[Value; 4]> {
    let rows = targets(test, "--allow T11 --allow T12");
    let row = |row: Value| ["target", "embeds", "via", "definition"].map(|name| row[name].clone());
    rows.into_iter().map(row).collect()
}

#[test]
fn all_targets_embed_what_is_staged() {
    let test = full().stage();
    test.run("check --offline")
        .stdout(
            "\
definition  profiles  lock     palette             staged
factory     2         current  not asked: offline  as locked

target            embeds   from           which is
iso               spc.tgz  CLUSTERCONFIG  `factory` as locked
uki-iso           spc.tgz  CLUSTERCONFIG  `factory` as locked
cloud-image       spc.tgz  CLUSTERCONFIG  `factory` as locked
maas-image        spc.tgz  spc.tgz        `factory` as locked
kairos-raw-image  -        -              never contains one (T13)
iso-disk-image    spc.tgz  CLUSTERCONFIG  `factory` as locked
",
        )
        .success();
}

#[test]
fn json_has_the_targets_and_the_value() {
    let test = full().stage();
    let json = test
        .run("check --offline --json")
        .any_stdout()
        .success()
        .json();
    let checkout = &json["checkouts"][0];
    assert_eq!(checkout["clusterconfig"]["value"], "spc.tgz");
    let from = checkout["clusterconfig"]["from"].as_str().unwrap();
    assert!(
        from.starts_with("line ") && from.ends_with("/CanvOS/.arg`"),
        "{from}"
    );
    assert_eq!(checkout["program"], "./earthly.sh");
    assert_eq!(
        checkout["targets"][0],
        json!({
            "target": "iso",
            "embeds": "spc.tgz",
            "via": "clusterconfig",
            "verdict": "as-locked",
            "text": "`factory` as locked",
            "definition": "factory",
            "content_sha256": content_sha256(&test.staged()),
        })
    );
    assert_eq!(checkout["targets"][4]["embeds"], Value::Null);
    test.put("CanvOS/.arg", "A=1\n");
    let run = test.run("check --offline --json").any_stdout();
    let json = run.warning("T2").success().json();
    assert_eq!(json["checkouts"][0]["clusterconfig"], Value::Null);
}

/// One checkout, three families of images, and three definitions.
#[test]
fn the_families_disagree() {
    let test = full().stage();
    test.put("CanvOS/other.tgz", "other");
    for (arg, overlay, root, expected) in [
        // Only the overlay: the ISO has it, the others nothing.
        (
            "A=1\n",
            true,
            false,
            [json!(OVERLAY), Value::Null, Value::Null],
        ),
        // Only what CLUSTERCONFIG names.
        (
            "CLUSTERCONFIG=other.tgz\n",
            false,
            false,
            [json!("other.tgz"), json!("other.tgz"), json!("other.tgz")],
        ),
        // All three: MAAS takes `./spc.tgz` first.
        (
            "CLUSTERCONFIG=other.tgz\n",
            true,
            true,
            [json!("other.tgz"), json!("other.tgz"), json!("spc.tgz")],
        ),
        (
            "CLUSTERCONFIG=typo.tgz\n",
            false,
            false,
            [Value::Null, Value::Null, Value::Null],
        ),
    ] {
        test.put("CanvOS/.arg", arg);
        let run = test.run("stage -q --allow T11");
        run.any_stdout().success();
        for (placement, kept) in [(OVERLAY, overlay), (ROOT, root)] {
            if !kept {
                fs::remove_file(test.path(&Test::placement(placement))).unwrap();
            }
        }
        // What is staged differs from the lock where a half is missing.
        let run = test
            .run("check --offline --json --allow T11")
            .any_stdout()
            .any_stderr();
        let code = if overlay == root { 0 } else { 3 };
        let done = if code == 0 {
            run.success()
        } else {
            run.fails(3)
        };
        let json = done.json();
        let rows = json["checkouts"][0]["targets"].as_array().unwrap();
        let of =
            |name: &str| rows.iter().find(|row| row["target"] == name).unwrap()["embeds"].clone();
        assert_eq!(
            ["iso", "cloud-image", "maas-image"].map(of),
            expected,
            "{arg}"
        );
    }
}

#[test]
fn is_uki_makes_another_iso() {
    let test = full().stage();
    let arg = "IS_UKI=true\nCLUSTERCONFIG=spc.tgz\n";
    test.put("CanvOS/.arg", arg);
    let earthfile = test.text("CanvOS/Earthfile");
    test.put(
        "CanvOS/Earthfile",
        earthfile.replacen(
            "COPY --if-exists \"$CLUSTERCONFIG\"",
            "COPY --if-exists user-data",
            1,
        ),
    );
    let rows = told(&test);
    assert_eq!(
        rows[0],
        [
            json!("iso"),
            json!(OVERLAY),
            json!("overlay"),
            json!("factory")
        ]
    );
    test.put("CanvOS/.arg", arg.replace("true", "false"));
    assert_eq!(told(&test)[0][1], json!("spc.tgz"));
}

#[test]
fn only_the_targets_that_were_asked_for() {
    let test = full().stage();
    let rows = targets(&test, "--target maas-image --target +cloud-image");
    let names: Vec<&Value> = rows.iter().map(|row| &row["target"]).collect();
    assert_eq!(names, ["cloud-image", "maas-image"]);
    // A checkout without them says so.
    let test = Test::new().stage();
    let run = test.run("check --offline --json --target maas-image");
    let json = run.any_stdout().any_stderr().fails(2).json();
    let row = &json["checkouts"][0]["targets"][0];
    assert_eq!(row["verdict"], "no-target");
    assert_eq!(row["text"], "not a target of this checkout");
    assert_eq!(row["embeds"], Value::Null);
    assert_eq!(json["error"]["code"], "no-such-target");
    let rows = targets(&test, "");
    assert_eq!(rows.len(), 2, "{rows:?}");
}

#[test]
fn every_checkout_has_a_table() {
    let test = full();
    test.checkout("Other");
    fill(&test, "Other");
    let manifest = test.text("profiles.toml");
    let store = "[definition.store]\nprofiles = [\"edge-infra@2.1.0\"]\ncanvos = \"Other\"\n";
    test.put("profiles.toml", format!("{manifest}\n{store}"));
    test.run("stage -q factory store").any_stdout().success();
    let run = test
        .run("check --offline")
        .stdout_has("target of {dir}/CanvOS");
    run.stdout_has("target of {dir}/Other")
        .stdout_has("`store` as locked")
        .success();
    let json = test
        .run("check --offline --json")
        .any_stdout()
        .success()
        .json();
    let checkouts = json["checkouts"].as_array().unwrap();
    let definition = |at: usize| &checkouts[at]["targets"][0]["definition"];
    assert_eq!(
        (definition(0), definition(1)),
        (&json!("factory"), &json!("store"))
    );
    assert_eq!(checkouts[1]["canvos"], test.path("Other").to_str().unwrap());
}

/// Only the line that is wrong, and that to its last byte.
/// Of a file from Windows: the line that is written ends without a carriage return, all others
/// stay, and the real bash reads what Earthly reads.
#[test]
fn fix_arg_leaves_the_other_lines_of_windows_alone() {
    for (before, after) in [
        (
            "A=1\r\nCLUSTERCONFIG=spc.tgz\r\nB=2\r\n",
            "A=1\r\nCLUSTERCONFIG=spc.tgz\nB=2\r\n",
        ),
        (
            "A=1\r\nCLUSTERCONFIG=\"x.tgz\"\r\nB=2",
            "A=1\r\nCLUSTERCONFIG=spc.tgz\nB=2",
        ),
        ("A=1\r\nB=2\r\n", "A=1\r\nB=2\r\nCLUSTERCONFIG=spc.tgz\n"),
    ] {
        let test = Test::new();
        test.put("CanvOS/.arg", before);
        let run = test.run("stage --fix-arg").any_stdout();
        run.warning("T17")
            .stderr_has("CanvOS/.arg:1:4\n")
            .stderr_has("this line ends with a carriage return")
            .stderr_has("help: end lines with a newline only: `sed -i 's/\\r$//' .arg`")
            .success();
        assert_eq!(test.text("CanvOS/.arg"), after);
        let mut bash = std::process::Command::new("bash");
        bash.args(["-c", ". ./.arg; printf %s \"$CLUSTERCONFIG\""]);
        let output = bash.current_dir(test.path("CanvOS")).output().unwrap();
        assert_eq!(output.stdout, b"spc.tgz");
        // The help line does what it says; the sed of macOS wants another argument.
        if cfg!(target_os = "macos") {
            continue;
        }
        let mut sed = std::process::Command::new("sed");
        sed.args(["-i", "s/\\r$//", ".arg"])
            .current_dir(test.path("CanvOS"));
        assert!(sed.status().unwrap().success());
        test.run("check --offline")
            .any_stdout()
            .any_stderr()
            .success()
            .says("T17", 0);
    }
}

#[test]
fn fix_arg_changes_one_line() {
    for (before, after) in [
        (
            &b"A=1\nCLUSTERCONFIG=x.tgz\nB=2"[..],
            &b"A=1\nCLUSTERCONFIG=spc.tgz\nB=2"[..],
        ),
        (
            b"A=1\r\nCLUSTERCONFIG=*\r\nB=2\r\n",
            b"A=1\r\nCLUSTERCONFIG=spc.tgz\nB=2\r\n",
        ),
        (b"CLUSTERCONFIG=x.tgz", b"CLUSTERCONFIG=spc.tgz"),
        (
            b"CLUSTERCONFIG=a\nA=1\nCLUSTERCONFIG = b # c\n",
            b"A=1\nCLUSTERCONFIG=spc.tgz\n",
        ),
        (
            b"S=\xff\xfe\nexport CLUSTERCONFIG='x'\n\n\n",
            b"S=\xff\xfe\nCLUSTERCONFIG=spc.tgz\n\n\n",
        ),
        (b"A=1", b"A=1\nCLUSTERCONFIG=spc.tgz\n"),
        (b"", b"CLUSTERCONFIG=spc.tgz\n"),
    ] {
        let test = full().write("CanvOS/.arg", before);
        let mode = test.facts("CanvOS/.arg").mode;
        let run = test.run("stage --fix-arg").any_stdout();
        run.stderr_has("Fixed")
            .stderr_has("CanvOS/.arg: CLUSTERCONFIG=spc.tgz")
            .success();
        assert_eq!(test.read("CanvOS/.arg"), after);
        assert_eq!(test.facts("CanvOS/.arg").mode, mode);
        // Twice is nothing to do.
        let run = test.run("stage --fix-arg").any_stdout().any_stderr();
        run.keeps_files().success().says("Fixed", 0);
    }
}

#[test]
fn fix_arg_leaves_a_right_file_alone() {
    let text = "# CLUSTERCONFIG=x\nCLUSTERCONFIG=spc.tgz\nA=1";
    let test = full().write("CanvOS/.arg", text);
    let before = test.facts("CanvOS/.arg");
    test.run("stage -q --fix-arg").any_stdout().success();
    assert_eq!(test.facts("CanvOS/.arg"), before);
}

/// If no edit is right for both readers, the file is not edited.
#[test]
fn fix_arg_refuses_what_it_cannot_make_right() {
    for (text, said) in [
        ("CLUSTERCONFIG=x.tgz\nunset A\n", "CanvOS/.arg:2:1"),
        (
            "readonly CLUSTERCONFIG=x.tgz\n",
            "no edit of `.arg` makes Earthly and bash both read `CLUSTERCONFIG=spc.tgz`",
        ),
        (
            "CLUSTERCONFIG=x.tgz B=2\n",
            "the edit would change `B` for bash",
        ),
    ] {
        let test = with_arg(text);
        let run = test.run("stage --fix-arg").keeps_files();
        run.error("T17")
            .stderr_has(said)
            .stderr_has("help: ")
            .fails(3);
        assert_eq!(test.text("CanvOS/.arg"), text);
    }
}

#[test]
fn fix_arg_makes_no_file() {
    let test = full();
    fs::remove_file(test.path("CanvOS/.arg")).unwrap();
    let run = test.run("stage --fix-arg").any_stdout();
    run.warning("T2")
        .stderr_has("copy `.arg.template` to `.arg`")
        .success();
    assert!(!test.path("CanvOS/.arg").exists());
}

/// A staged definition is not "as locked" in an image if the lock entry no longer matches the
/// request in profiles.toml.
#[test]
fn a_definition_that_is_not_asked_for_any_more_is_outdated() {
    let test = full().stage();
    let manifest = test.text("profiles.toml");
    let changed = manifest.replace("hello-universe@1.2.0", "hello-universe@1.1.0");
    assert_ne!(changed, manifest);
    test.put("profiles.toml", &changed);
    let iso = &targets(&test, "")[0];
    assert_eq!(iso["verdict"], "outdated");
    assert_eq!(iso["definition"], "factory");
    let renamed = manifest.replace("[definition.factory]", "[definition.depot]");
    assert_ne!(renamed, manifest);
    test.put("profiles.toml", &renamed);
    let iso = &targets(&test, "")[0];
    assert_eq!(iso["verdict"], "outdated");
    assert_eq!(
        iso["text"],
        "`factory`, which is no longer in profiles.toml"
    );
}
