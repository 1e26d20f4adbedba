//! NAME: where it is optional, where it is required, and how a command treats several
//! definitions.

use palette_sim::{Act, Fault, Route};

use crate::support::{HEAD, OVERLAY, ROOT, Test};

/// Definitions that are all right.
const THREE: &str = "
[definition.factory]
profiles = [\"edge-infra@2.1.0\"]
[definition.store]
profiles = [\"edge-infra@2.0.0\"]
[definition.warehouse]
profiles = [\"edge-infra@2.1.0\", \"hello-universe@1.2.0\"]
";

fn three() -> Test {
    Test::new().manifest(&format!("{HEAD}{THREE}"))
}

#[test]
fn one_of_several_must_be_named() {
    let test = three();
    for command in ["stage", "verify", "show"] {
        test.run(command)
            .error("definition-needed")
            .stderr_has("factory, store, warehouse")
            .keeps_files()
            .fails(2);
    }
    assert_eq!(test.sim.connections(), 0);
    test.run("stage -q store").any_stdout().success();
    test.run("verify store").any_stdout().success();
    test.run("show store")
        .stdout_has("edge-infra@2.0.0")
        .success();
    test.run("verify factory")
        .error("not-locked")
        .stderr_has("`factory`")
        .fails(3);
}

#[test]
fn an_unknown_name_suggests_the_nearest() {
    let test = three();
    for command in [
        "stage", "verify", "show", "check", "fetch", "update", "unstage",
    ] {
        test.run(command)
            .arg("warehose")
            .error("unknown-definition")
            .stderr_has("`warehose`")
            .stderr_has("did you mean `warehouse`?")
            .keeps_files()
            .fails(2);
    }
    let run = test
        .run("fetch zzz")
        .error("unknown-definition")
        .stderr_has("write one of factory, store, warehouse");
    run.fails(2);
}

#[test]
fn without_a_name_all_are_meant() {
    let test = three();
    test.run("check")
        .stdout(
            "definition  profiles  lock        palette     staged\n\
             factory     1         not locked  accepts it  nothing yet\n\
             store       1         not locked  accepts it  nothing yet\n\
             warehouse   2         not locked  accepts it  nothing yet\n\
             \n\
             target       embeds  from  which is\n\
             iso          -       -     nothing\n\
             cloud-image  -       -     nothing\n",
        )
        .stderr("    Finished 3 definitions, 3 accepted by Palette in {time}\n")
        .success();
    let done = test.run("fetch -q").any_stdout().success();
    assert_eq!(done.stdout.lines().count(), 3);
    assert_eq!(
        test.text("profiles.lock").matches("\n[definition.").count(),
        3
    );
    assert_eq!(test.downloads(), 3);
    let done = test.run("update -q store warehouse").any_stdout().success();
    assert_eq!(done.stdout.lines().count(), 2);
}

#[test]
fn fetch_prints_where_the_archive_is() {
    let test = Test::new();
    let done = test.run("fetch -q").any_stdout().success();
    let cached = test.cached();
    assert_eq!(done.stdout, format!("{}\n", cached[0].display()));
}

#[test]
fn output_writes_one_archive() {
    let test = three();
    let run = test.run("fetch --output out.tgz").keeps_files();
    run.error("output-of-several").fails(2);
    test.run("fetch -q store --output out.tgz")
        .stdout("{dir}/out.tgz\n")
        .success();
    assert_eq!(
        test.read("out.tgz"),
        std::fs::read(&test.cached()[0]).unwrap()
    );
    assert_eq!(test.facts("out.tgz").mode, 0o644);
    test.run("show out.tgz")
        .stdout_has("definition      store\n")
        .success();
    let run = test.run("fetch -q store --output CanvOS");
    run.error("unusable-output")
        .stderr_has("not a regular file")
        .fails(2);
    let run = test.run("fetch -q store --output none/out.tgz");
    run.error("unusable-output")
        .stderr_has("none/out.tgz")
        .fails(2);
}

#[test]
fn one_that_fails_does_not_stop_the_others() {
    let test = three();
    // The second download is a page; the definitions go in the order of their names.
    test.sim
        .fault(Fault::on(Route::Download, Act::Html200).skip(1));
    let run = test
        .run("fetch --jobs 1")
        .stdout_has("factory")
        .stdout_has("warehouse");
    let done = run
        .error("archive-refused")
        .stderr_has("the archive of `store` is refused")
        .fails(6);
    assert_eq!(done.stdout.lines().count(), 2);
    let lock = test.text("profiles.lock");
    assert!(lock.contains("[definition.factory]") && lock.contains("[definition.warehouse]"));
    assert!(!lock.contains("[definition.store]"));
}

#[test]
fn the_gravest_decides_the_exit_code() {
    let test = three();
    test.sim.fault(Fault::on(Route::Download, Act::status(503)));
    test.sim.fault(Fault::on(Route::Download, Act::status(403)));
    let done = test.run("fetch").any_stdout().any_stderr().fails(4);
    done.says("error[", 2);
    test.sim.fault(Fault::on(Route::Download, Act::Html200));
    test.sim.fault(Fault::on(Route::Download, Act::status(403)));
    test.sim.fault(Fault::on(Route::Download, Act::status(503)));
    let done = test.run("update").any_stdout().any_stderr().fails(6);
    done.says("error[", 3);
    // A broken rule in one, drift in another.
    test.run("fetch -q").any_stdout().success();
    test.sim.world(|world| world.publish("edge-k3s", "1.31.1"));
    let text = test
        .text("profiles.toml")
        .replace("\"edge-infra@2.0.0\"", "\"edge-infra@9.0.0\"");
    test.put("profiles.toml", text);
    test.run("fetch")
        .any_stdout()
        .error("drift")
        .error("profile-not-found")
        .error("drift")
        .stderr_has("edge-infra@9.0.0")
        .stderr_has("→ 1.31.1")
        .keeps_files()
        .fails(3);
}

#[test]
fn check_shows_every_definition_that_is_wrong() {
    let test = three();
    let text = test
        .text("profiles.toml")
        .replace("edge-infra@2.1.0", "edge-infra@9.0.0");
    test.put("profiles.toml", text);
    let run = test
        .run("check")
        .stdout_has("factory")
        .stdout_has("accepts it");
    run.any_stderr()
        .fails(2)
        .says("Palette has no profile `edge-infra@9.0.0`", 2);
}

/// Definitions may take turns in one checkout.
#[test]
fn another_definition_that_is_staged_is_named() {
    let test = three();
    test.run("fetch -q").any_stdout().success();
    test.run("stage -q store").any_stdout().success();
    test.run("check -q")
        .stdout_has("contains `store`")
        .success();
    let run = test.run("verify factory").stdout_has("it is `store`");
    run.error("staged-differs")
        .stderr_has("edgestage stage factory")
        .fails(3);
    test.run("stage -q factory").any_stdout().success();
    test.run("verify factory").any_stdout().success();
}

#[test]
fn unstage_needs_a_name_only_where_checkouts_differ() {
    let test = three();
    test.run("unstage -q").success();
    test.run("verify --expect-none").any_stdout().success();
    let text = test.text("profiles.toml").replace(
        "[definition.store]",
        "[definition.store]\ncanvos = \"Other\"",
    );
    test.put("profiles.toml", text);
    test.checkout("Other");
    test.run("stage -q store").any_stdout().success();
    test.run("unstage").error("definition-needed").fails(2);
    test.run("unstage -q factory").success();
    assert!(test.path("Other/spc.tgz").exists());
    test.run("unstage -q store").any_stdout().success();
    assert!(!test.path("Other/spc.tgz").exists());
}

/// Two definitions with a checkout each.
fn apart() -> Test {
    let test = Test::new().manifest(&format!(
        "{HEAD}
[definition.factory]
profiles = [\"edge-infra@2.1.0\"]
[definition.store]
canvos = \"Other\"
profiles = [\"edge-infra@2.0.0\"]
"
    ));
    test.checkout("Other");
    test
}

/// Whether the checkout has both placements with the same bytes.
fn is_staged(test: &Test, checkout: &str) -> bool {
    let [overlay, root] = [OVERLAY, ROOT].map(|path| test.path(&format!("{checkout}/{path}")));
    match (std::fs::read(overlay), std::fs::read(root)) {
        (Ok(overlay), Ok(root)) => overlay == root,
        (Err(_), Err(_)) => false,
        _ => panic!("half a pair in {checkout}"),
    }
}

#[test]
fn several_are_staged_where_each_has_a_checkout() {
    let test = apart();
    let paths = format!(
        "{{dir}}/CanvOS/{OVERLAY}\n{{dir}}/CanvOS/{ROOT}\n{{dir}}/Other/{OVERLAY}\n{{dir}}/Other/{ROOT}\n"
    );
    test.run("stage -q store factory").stdout(&paths).success();
    assert!(is_staged(&test, "CanvOS") && is_staged(&test, "Other"));
    test.run("verify factory").any_stdout().success();
    test.run("verify store").any_stdout().success();
    let done = test
        .run("stage factory store --offline")
        .stdout(&paths)
        .keeps_files()
        .any_stderr()
        .success();
    done.says("Unchanged", 2);
    test.forget_staged();
    let run = test.run("stage -q factory store --json --offline");
    let document = run.any_stdout().success().json();
    let results: Vec<_> = document["definitions"].as_array().unwrap().iter().collect();
    assert_eq!(results[0]["definition"], "factory");
    assert_eq!(results[0]["result"], "staged");
    assert_eq!(results[0]["origin"], "cache");
    assert_eq!(results[1]["definition"], "store");
    assert_eq!(results[1]["result"], "unchanged");
    assert_eq!(results[1]["placements"].as_array().unwrap().len(), 2);
}

#[test]
fn one_that_cannot_be_staged_does_not_stop_the_others() {
    let test = apart();
    let refused = Act::Html200;
    test.sim.fault(Fault::on(Route::Download, refused.clone()));
    let run = test.run("stage -j1 factory store").any_stdout();
    let done = run
        .error("archive-refused")
        .stderr_has("the archive of `factory` is refused")
        .fails(6);
    assert_eq!(done.stdout.lines().count(), 2);
    assert!(!is_staged(&test, "CanvOS") && is_staged(&test, "Other"));
    assert!(!test.text("profiles.lock").contains("[definition.factory]"));
    // A checkout that something else would win in.
    test.put("CanvOS/.arg", "CLUSTERCONFIG=other.tgz\n");
    test.put("CanvOS/other.tgz", "x");
    test.run("stage factory store")
        .any_stdout()
        .error("T11")
        .stderr_has("error[")
        .fails(3);
    assert!(is_staged(&test, "Other"));
    std::fs::remove_dir_all(test.path("CanvOS")).unwrap();
    test.run("stage factory store")
        .any_stdout()
        .error("no-checkout")
        .keeps_files()
        .fails(2);
}

/// The key is missing for one definition; the other one is cached.
#[test]
fn what_is_cached_is_staged_beside_what_is_not() {
    let test = apart();
    test.run("fetch -q store").any_stdout().success();
    let run = test.run("stage factory store").without_key().any_stdout();
    run.error("key-missing").fails(4);
    assert!(is_staged(&test, "Other"));
}

#[test]
fn definitions_that_share_a_checkout_are_not_staged_together() {
    let test = three();
    test.run("fetch -q").any_stdout().success();
    let before = test.sim.connections();
    for command in [
        "stage factory store",
        "stage store factory --offline",
        "stage factory store warehouse --locked",
    ] {
        test.run(command)
            .error("T30")
            .stderr_has("`factory` and `store`")
            .stderr_has("they share the checkout `{dir}/CanvOS`")
            .stderr_has("git worktree add")
            .stderr_has("stage one, build its image, then stage the next")
            .keeps_files()
            .fails(2);
    }
    let run = test.run("stage factory store --json").any_stdout();
    let error = run.keeps_files().fails(2).json()["error"].take();
    assert_eq!(error["code"], "T30");
    assert_eq!(error["problems"][0]["help"].as_array().unwrap().len(), 2);
    assert_eq!(test.sim.connections(), before);
    // A checkout of the command line is one for all.
    let test = apart();
    let run = test.run("stage factory store --canvos Other").keeps_files();
    run.error("T30")
        .stderr_has("they share the checkout `{dir}/Other`")
        .fails(2);
}

/// Two names of one directory.
#[test]
fn a_checkout_that_is_shared_through_a_link() {
    let test = apart();
    std::fs::remove_dir_all(test.path("Other")).unwrap();
    std::os::unix::fs::symlink("CanvOS", test.path("Other")).unwrap();
    test.run("stage factory store")
        .error("T30")
        .stderr_has("they share the checkout `{dir}/CanvOS`")
        .keeps_files()
        .fails(2);
    let text = test.text("profiles.toml");
    test.put(
        "profiles.toml",
        text.replace("\"Other\"", "\"./x/../CanvOS/\""),
    );
    std::fs::create_dir(test.path("x")).unwrap();
    let run = test.run("stage factory store").keeps_files();
    run.error("T30").fails(2);
}

/// A problem of a checkout is reported once, and not for each definition.
#[test]
fn check_reads_a_shared_checkout_once() {
    let test = three();
    std::fs::remove_file(test.path("CanvOS/.arg")).unwrap();
    test.run("fetch -q").any_stdout().success();
    test.run("stage -q store").any_stdout().success();
    let run = test.run("check --offline").any_stderr().stdout_has(
        "definition  profiles  lock     palette             staged\n\
         factory     1         current  not asked: offline  contains `store`\n\
         store       1         current  not asked: offline  as locked\n\
         warehouse   2         current  not asked: offline  contains `store`\n\
         \n\
         target       embeds ",
    );
    let done = run.success();
    done.says("[T2]", 1);
    assert_eq!(done.stdout.matches("iso  ").count(), 1);
    // So is what would win.
    test.put("CanvOS/.arg", "CLUSTERCONFIG=other.tgz\n");
    test.put("CanvOS/other.tgz", "x");
    let run = test.run("check --offline").any_stdout().any_stderr();
    run.fails(3).says("error[", 1);
    let run = test.run("check --offline --canvos none").any_stdout();
    let run = run.warning("no-checkout").stderr_has("`{dir}/none`");
    run.success().says("no CanvOS checkout", 1);
}

/// The same through another name of the checkout.
#[test]
fn check_reads_a_linked_checkout_once() {
    let test = apart();
    std::fs::remove_dir_all(test.path("Other")).unwrap();
    std::os::unix::fs::symlink("CanvOS", test.path("Other")).unwrap();
    std::fs::remove_file(test.path("CanvOS/.arg")).unwrap();
    let run = test.run("check").any_stdout().any_stderr();
    run.success().says("[T2]", 1);
}
