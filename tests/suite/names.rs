//! NAME: where it may be left out, where it is needed, and what several definitions do
//! together.

use palette_sim::{Act, Fault, Route};

use crate::support::{HEAD, Test};

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
            .stderr_has("which definition?")
            .stderr_has("factory, store, warehouse")
            .keeps_files()
            .fails(2);
    }
    assert_eq!(test.sim.connections(), 0);
    test.run("stage -q store").any_stdout().success();
    test.run("verify store").any_stdout().success();
    test.run("show store")
        .stdout_has("edge-infra 2.0.0")
        .success();
    test.run("verify factory")
        .stderr_has("`factory` is not in profiles.lock")
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
            .stderr_has("there is no definition `warehose`")
            .stderr_has("did you mean `warehouse`?")
            .keeps_files()
            .fails(2);
    }
    let run = test
        .run("fetch zzz")
        .stderr_has("there are factory, store, warehouse");
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
             warehouse   2         not locked  accepts it  nothing yet\n",
        )
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
    run.stderr_has("`--output` takes one definition").fails(2);
    test.run("fetch -q store --output out.tgz")
        .stdout("{dir}/out.tgz\n")
        .success();
    assert_eq!(
        test.read("out.tgz"),
        std::fs::read(&test.cached()[0]).unwrap()
    );
    assert_eq!(test.facts("out.tgz").mode, 0o644);
    test.run("show out.tgz").stdout_has("`store`").success();
    let run = test.run("fetch -q store --output CanvOS");
    run.stderr_has("no regular file").fails(2);
    let run = test.run("fetch -q store --output none/out.tgz");
    run.stderr_has("none/out.tgz").fails(2);
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
    let done = run.stderr_has("the archive of `store` is refused").fails(6);
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
    done.says("error: ", 2);
    test.sim.fault(Fault::on(Route::Download, Act::Html200));
    test.sim.fault(Fault::on(Route::Download, Act::status(403)));
    test.sim.fault(Fault::on(Route::Download, Act::status(503)));
    let done = test.run("update").any_stdout().any_stderr().fails(6);
    done.says("error: ", 3);
    // A broken rule in one, drift in another.
    test.run("fetch -q").any_stdout().success();
    test.sim.world(|world| world.publish("edge-k3s", "1.31.1"));
    let text = test
        .text("profiles.toml")
        .replace("\"edge-infra@2.0.0\"", "\"edge-infra@9.0.0\"");
    test.put("profiles.toml", text);
    test.run("fetch")
        .any_stdout()
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
    test.run("check -q").stdout_has("holds `store`").success();
    let run = test.run("verify factory").stdout_has("it is `store`");
    run.stderr_has("edgestage stage factory").fails(3);
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
    test.run("unstage").stderr_has("which definition?").fails(2);
    test.run("unstage -q factory").success();
    assert!(test.path("Other/spc.tgz").exists());
    test.run("unstage -q store").any_stdout().success();
    assert!(!test.path("Other/spc.tgz").exists());
}
