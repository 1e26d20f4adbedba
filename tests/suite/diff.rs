//! `edgestage diff`: what changed in Palette since the definition was locked. It changes
//! nothing locally.

use palette_sim::{Act, Archive, EDGE_INFRA_2_1_0, Fault, HELLO_UNIVERSE_1_2_0, Pack, Route};

use crate::support::{Done, HEAD, KEY, Test, archive, profile_directory};

const VALUES: &str = "spc/app/profiles/65c92d0f4b3c2e1a8d7f6a90/packs/hello-universe/values.yaml";
const VARIABLES: &str = "spc/app/profiles/65c92d0f4b3c2e1a8d7f6a90/variables.json";

/// Returns a test with a staged, locked and cached definition, after the profile
/// `hello-universe` was edited in Palette.
fn edited(edit: fn(&mut palette_sim::Profile)) -> Test {
    let test = Test::new().stage();
    let profile = HELLO_UNIVERSE_1_2_0;
    test.sim
        .world(|world| edit(world.find_mut(profile).unwrap()));
    test
}

/// Makes every further download an archive with these files.
fn serve(test: &Test, files: &[(&str, &str)]) {
    let directories = [EDGE_INFRA_2_1_0, HELLO_UNIVERSE_1_2_0].map(profile_directory);
    let mut entries: Vec<(&str, &str)> = directories.iter().map(|path| (&**path, "")).collect();
    entries.extend_from_slice(files);
    test.sim.clear_faults();
    let act = Act::Bytes(archive(&entries));
    test.sim.fault(Fault::on(Route::Download, act).forever());
}

/// Returns a test whose definition was locked with the files `old`, while Palette now has the
/// files `new`.
fn served(old: &[(&str, &str)], new: &[(&str, &str)]) -> Test {
    let test = Test::new();
    serve(&test, old);
    test.run("fetch -q").any_stdout().success();
    serve(&test, new);
    test
}

/// Runs `diff -v`, which must find a difference.
#[track_caller]
fn inside(test: &Test) -> Done<'_> {
    let run = test.run("diff -v").keeps_files();
    run.any_stdout().any_stderr().fails(3)
}

#[test]
fn no_change_is_said_and_nothing_is_written() {
    let test = Test::new().stage();
    for command in ["diff -q", "diff -q factory", "diff -q factory factory"] {
        test.run(command)
            .stdout("factory: no change\n")
            .keeps_files()
            .success();
    }
    let done = test.run("diff -q --json").any_stdout().success();
    let document = done.json();
    assert_eq!(document["command"], "diff");
    assert_eq!(
        document["definitions"],
        serde_json::json!([
            { "definition": "factory", "drift": false, "changes": [], "files": [] }
        ])
    );
    assert_eq!(document["not_locked"], serde_json::json!([]));
    assert_eq!(document.get("error"), None);
}

#[test]
fn changes_go_to_standard_output_and_the_way_out_to_standard_error() {
    let test = Test::new().stage();
    test.sim.world(|world| world.publish("edge-k3s", "1.31.1"));
    let done = test
        .run("diff -q")
        .stdout(
            "factory\n  \
             change   part  name                        detail           profile\n  \
             changed  k8s   edge-k3s                    1.30.4 → 1.31.1  edge-infra@2.1.0\n  \
             changed  file  packs/edge-k3s/values.yaml                   edge-infra@2.1.0\n  \
             changed  file  profile.json                                 edge-infra@2.1.0\n",
        )
        .error("drift")
        .stderr_has("`factory`")
        .stderr_has("edgestage update factory")
        .keeps_files()
        .fails(3);
    done.says("1.31.1", 0).says("error[", 1);
    test.run("update -q").any_stdout().success();
    test.run("diff -q").stdout("factory: no change\n").success();
}

/// The lock is enough to name packs; the output says why it does not name files.
#[test]
fn without_the_locked_archive() {
    let test = edited(|profile| profile.packs[0].values.push_str("extra: true\n"));
    test.forget_cache();
    let done = inside(&test);
    let said = format!("{}{}", done.stdout, done.stderr);
    assert!(said.contains("values, manifests or variables"), "{said}");
    assert!(said.contains("not in the cache"), "{said}");
    test.sim.world(|world| world.publish("edge-k3s", "1.31.1"));
    let done = inside(&test);
    assert!(
        done.stdout.contains("edge-k3s  1.30.4 → 1.31.1"),
        "{}",
        done.stdout
    );
}

/// The command does not advise to do what was just done.
#[test]
fn diff_does_not_advise_diff() {
    let test = edited(|profile| profile.packs[0].values.push_str("extra: true\n"));
    inside(&test).says("edgestage diff -v", 0);
}

#[test]
fn equal_content_in_other_bytes_is_no_change() {
    let test = Test::new().stage();
    for (level, shuffle) in [(0, false), (9, false), (1, true)] {
        let archive = Archive {
            level,
            shuffle,
            ..Archive::default()
        };
        test.sim.world(|world| world.archive = archive);
        test.run("diff -q")
            .stdout("factory: no change\n")
            .keeps_files()
            .success();
    }
    assert_eq!(test.downloads(), 4);
}

#[test]
fn changed_lines_of_values() {
    let test = edited(|profile| {
        let values = &mut profile.packs[0].values;
        *values = values.replace("replicas: 1", "replicas: 3");
    });
    let done = inside(&test);
    let diff = format!(
        "\n--- locked/{VALUES}\n+++ palette/{VALUES}\n@@ -3,7 +3,7 @@\n manifests:\n   \
         hello-universe:\n     port: '{{{{.spectro.var.port}}}}'\n-    replicas: 1\n+    \
         replicas: 3\n     database:\n       user: hello\n       password: \
         '{{{{.spectro.var.dbPassword}}}}'\n"
    );
    assert!(done.stdout.contains(&diff), "{}", done.stdout);
    let quiet = test.run("diff -q").any_stdout().any_stderr().fails(3);
    assert!(!quiet.stdout.contains("---"), "{}", quiet.stdout);
}

#[test]
fn a_file_that_came_and_a_file_that_went() {
    let test = edited(|profile| {
        profile.packs.push(Pack::add_on("new", "1.0.0"));
        profile.variables.clear();
    });
    let done = inside(&test);
    let added = "\n--- /dev/null\n+++ palette/spc/app/profiles/65c92d0f4b3c2e1a8d7f6a90/packs/new/values.yaml\n@@ -0,0 +1,4 @@\n+pack:\n";
    let removed = format!("\n--- locked/{VARIABLES}\n+++ /dev/null\n@@ -1,");
    assert!(done.stdout.contains(added), "{}", done.stdout);
    assert!(done.stdout.contains(&removed), "{}", done.stdout);
    assert!(!done.stdout.contains("changeme"), "{}", done.stdout);
}

#[test]
fn variables_are_laid_out_one_value_a_line() {
    let line = |port: &str| {
        format!(r#"{{"variables":[{{"name":"port","defaultValue":"{port}","format":"number"}}]}}"#)
    };
    let test = served(&[(VARIABLES, &line("8080"))], &[(VARIABLES, &line("9090"))]);
    let done = inside(&test);
    assert!(
        done.stdout
            .contains("\n-      \"defaultValue\": \"8080\",\n+      \"defaultValue\": \"9090\",\n"),
        "{}",
        done.stdout
    );
}

/// The archive has the default of a sensitive variable; neither the old one nor the new one is
/// printed, whatever else in the file changed.
#[test]
fn a_sensitive_default_is_never_shown() {
    for port in ["8080", "9090"] {
        let test = Test::new().stage();
        test.sim.world(|world| {
            let variables = &mut world.find_mut(HELLO_UNIVERSE_1_2_0).unwrap().variables;
            variables[1].default_value = port.into();
            assert!(variables[2].is_sensitive);
            variables[2].default_value = "tr0mbone".into();
        });
        for command in ["diff -v", "diff -v --json", "fetch", "update -v"] {
            let run = test.run(command).any_stdout().any_stderr();
            let done = match command {
                "update -v" => run.success(),
                _ => run.fails(3),
            };
            for secret in ["changeme", "tr0mbone"] {
                assert!(!done.stdout.contains(secret), "{}", done.stdout);
                assert!(!done.stderr.contains(secret), "{}", done.stderr);
            }
            assert!(done.stdout.contains("variables.json") || command != "diff -v");
        }
    }
}

/// A file that cannot be parsed as variables cannot be searched for sensitive ones.
#[test]
fn variables_that_cannot_be_read_are_not_shown() {
    let text = |secret: &str| {
        format!(r#"{{"variables":[{{"isSensitive":true,"defaultValue":"{secret}"}},]}}"#)
    };
    let test = served(
        &[(VARIABLES, &text("changeme"))],
        &[(VARIABLES, &text("tr0mbone"))],
    );
    let done = inside(&test);
    assert!(done.stdout.contains("variables.json"));
    for secret in ["changeme", "tr0mbone"] {
        assert!(!done.stdout.contains(secret), "{}", done.stdout);
    }
}

#[test]
fn a_binary_file_is_named_and_not_shown() {
    let test = served(&[("spc/b", "a\0\u{1b}b")], &[("spc/b", "a\0\u{1b}c")]);
    let done = inside(&test);
    let diff = "--- locked/spc/b\n+++ palette/spc/b\nnot text";
    assert!(done.stdout.contains(diff), "{}", done.stdout);
}

/// The diff of each file agrees with the list of changes.
#[test]
fn an_empty_file_that_came_or_went() {
    let one = ("spc/a", "a\n");
    let empty = ("spc/empty", "");
    for (test, word) in [
        (served(&[one], &[one, empty]), "added"),
        (served(&[one, empty], &[one]), "removed"),
    ] {
        let done = inside(&test);
        let row = format!("\n  {word:6}  file  spc/empty\n");
        assert!(done.stdout.contains(&row), "{}", done.stdout);
        assert!(!done.stdout.contains("sensitive"), "{}", done.stdout);
    }
}

#[test]
fn a_file_that_is_too_large_to_compare() {
    let large = "0123456789abcdef\n".repeat(600_000);
    let test = served(
        &[("spc/a", &large), ("spc/b", "old\n")],
        &[("spc/a", &format!("{large}x\n")), ("spc/b", "new\n")],
    );
    let done = inside(&test);
    for part in [
        "--- locked/spc/a\n+++ palette/spc/a\n",
        "too large",
        "-old\n+new\n",
    ] {
        assert!(done.stdout.contains(part), "{}", done.stdout);
    }
}

/// The names and contents of files are untrusted.
#[test]
fn control_characters_do_not_reach_the_terminal() {
    let name = "spc/a\u{1b}[2J\u{202e}\nb";
    let test = served(
        &[(name, "a\n"), ("spc/text", "a: 1\n")],
        &[
            (name, "b\n"),
            ("spc/text", "a: \u{1b}[31m\u{7}\r\u{202e}\n"),
        ],
    );
    for command in ["diff -v", "diff -v --json", "fetch", "update"] {
        let run = test.run(command).any_stdout().any_stderr();
        let done = match command {
            "update" => run.success(),
            _ => run.fails(3),
        };
        let odd = |c: &char| c.is_control() && *c != '\n' || *c == '\u{202e}';
        for text in [&done.stdout, &done.stderr] {
            assert_eq!(text.chars().find(odd), None, "{text:?}");
        }
    }
}

/// A name that has to be escaped does not change what is printed about its file.
#[test]
fn a_file_with_an_odd_name_is_a_changed_file() {
    let name = "spc/a\u{1b}b";
    let test = served(&[(name, "a\n")], &[(name, "b\n")]);
    let done = inside(&test);
    assert!(done.stdout.contains("  changed  file  spc/a\\u{1b}b\n"));
    for wrong in ["/dev/null", "sensitive"] {
        assert!(!done.stdout.contains(wrong), "{}", done.stdout);
    }
}

const THREE: &str = "
[definition.factory]
profiles = [\"edge-infra@2.1.0\"]
[definition.store]
profiles = [\"edge-infra@2.0.0\"]
[definition.warehouse]
profiles = [\"edge-monitoring@1.4.0\"]
";

#[test]
fn several_definitions_and_all() {
    let test = Test::new().manifest(&format!("{HEAD}{THREE}"));
    test.run("fetch -q").any_stdout().success();
    test.run("diff -q")
        .stdout("factory: no change\nstore: no change\nwarehouse: no change\n")
        .keeps_files()
        .success();
    test.sim.world(|world| world.publish("edge-k3s", "1.31.1"));
    test.run("diff -q warehouse")
        .stdout("warehouse: no change\n")
        .success();
    let run = test.run("diff -q warehouse store --json").any_stdout();
    let document = run.fails(3).json();
    let drift = |at: usize| &document["definitions"][at]["drift"];
    assert_eq!((drift(0), drift(1)), (&true.into(), &false.into()));
    assert_eq!(document["definitions"][0]["definition"], "store");
    let done = test.run("diff -q").any_stdout().any_stderr().fails(3);
    done.says("error[", 2)
        .says("edgestage update factory", 1)
        .says("edgestage update store", 1);
    assert!(done.stdout.ends_with("\nwarehouse: no change\n"));
    test.run("diff wherehouse")
        .error("unknown-definition")
        .stderr_has("did you mean `warehouse`?")
        .fails(2);
}

#[test]
fn one_that_cannot_be_compared_does_not_stop_the_others() {
    let test = Test::new().manifest(&format!("{HEAD}{THREE}"));
    test.run("fetch -q factory warehouse")
        .any_stdout()
        .success();
    test.sim.world(|world| world.publish("edge-k3s", "1.31.1"));
    test.run("diff -q")
        .stdout_has("1.30.4 → 1.31.1")
        .stdout_has("\n\nstore: not locked yet\nwarehouse: no change\n")
        .error("drift")
        .error("not-locked")
        .stderr_has("error[not-locked]: `store`")
        .stderr_has("error[drift]: Palette no longer serves the locked `factory`")
        .keeps_files()
        .fails(3);
    test.run("diff")
        .any_stdout()
        .warning("no-infrastructure")
        .error("drift")
        .error("not-locked")
        .stderr_has("3 definitions, 1 changed, 1 unchanged, 1 not locked, ")
        .fails(3);
    let document = test.run("diff -q --json").any_stdout().fails(3).json();
    assert_eq!(document["not_locked"], serde_json::json!(["store"]));
    let compared = document["definitions"].as_array().unwrap().iter();
    let compared: Vec<_> = compared.map(|one| &one["definition"]).collect();
    assert_eq!(compared, ["factory", "warehouse"]);
    // The gravest is what may be something hostile.
    test.sim.fault(Fault::on(Route::Download, Act::Html200));
    test.run("diff -q factory warehouse")
        .any_stdout()
        .any_stderr()
        .fails(6);
}

#[test]
fn what_is_not_locked_cannot_be_compared() {
    let test = Test::new();
    test.run("diff")
        .stdout("factory: not locked yet\n")
        .error("no-lockfile")
        .stderr_has("`{dir}/profiles.lock`")
        .stderr_has("edgestage fetch factory")
        .keeps_files()
        .fails(3);
    assert_eq!(test.sim.connections(), 0);
}

/// The lock is still compared: it shows what `update` would change.
#[test]
fn an_outdated_lock_is_compared_with_a_warning() {
    let test = Test::new()
        .stage()
        .definition("profiles = [\"edge-infra@2.1.0\"]");
    let done = test
        .run("diff")
        .stdout_has(&format!(
            "  removed  profile    hello-universe@1.2.0              {HELLO_UNIVERSE_1_2_0}\n"
        ))
        .stdout_has("  removed  variables  variables.json  ")
        .warning("outdated")
        .error("outdated")
        .stderr_has("`factory`")
        .stderr_has("profiles.toml has changed since it was locked")
        .keeps_files()
        .fails(3);
    // Nothing changed in Palette: there is nothing to change back.
    done.says("Palette no longer serves", 0)
        .says("revert it in Palette", 0);
    let document = test.run("diff -q --json").any_stdout().fails(3).json();
    assert_eq!(
        document["warnings"][0]["message"],
        "the lock of `factory` is outdated"
    );
}

#[test]
fn offline_there_is_nothing_to_compare_with() {
    let test = Test::new().stage();
    let before = test.sim.connections();
    test.run("diff --offline")
        .error("conflicting-options")
        .stderr_has("`diff` cannot run with `--offline`: it compares the lock with Palette")
        .stderr_has("remove `--offline`")
        .keeps_files()
        .fails(2);
    test.run("diff")
        .without_key()
        .error("key-missing")
        .keeps_files()
        .fails(4);
    assert_eq!(test.sim.connections(), before);
}

#[test]
fn the_document_has_changes_and_files() {
    let test = edited(|profile| profile.variables[1].default_value = "9090".into());
    let quiet = test.run("diff -q --json").any_stdout().fails(3).json();
    assert_eq!(quiet["definitions"][0]["files"], serde_json::json!([]));
    let done = test.run("diff -v --json").any_stdout().any_stderr();
    let document = done.fails(3).json();
    let one = &document["definitions"][0];
    assert_eq!(
        (&one["definition"], &one["drift"]),
        (&"factory".into(), &true.into())
    );
    assert_eq!(
        one["changes"],
        serde_json::json!([{
            "kind": "file",
            "profile": "hello-universe@1.2.0",
            "path": VARIABLES,
            "what": "changed",
            "text": format!("hello-universe@1.2.0: variables in {VARIABLES} changed"),
        }])
    );
    assert_eq!(one["files"].as_array().unwrap().len(), 1);
    assert_eq!(one["files"][0]["path"], VARIABLES);
    let diff = one["files"][0]["diff"].as_str().unwrap();
    assert!(diff.starts_with(&format!(
        "--- locked/{VARIABLES}\n+++ palette/{VARIABLES}\n@@ "
    )));
    assert_eq!(document["error"]["exit_code"], 3);
    assert_eq!(document["error"]["code"], "drift");
    assert!(!document.to_string().contains(KEY));
}
