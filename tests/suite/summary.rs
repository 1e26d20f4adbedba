//! The last line of a command that did something: the number, the kind, the size and the
//! duration.

use palette_sim::{Act, Fault, Route};

use crate::support::{HEAD, Test};

/// `a` and `b` with a checkout each, and a third that Palette does not know.
fn two_and_a_wrong_one() -> Test {
    let test = Test::new().manifest(&format!(
        "{HEAD}\n[definition.a]\nprofiles = [\"edge-infra@2.1.0\"]\ncanvos = \"CanvOS-a\"\n\
         [definition.b]\nprofiles = [\"edge-infra@2.0.0\"]\ncanvos = \"CanvOS-b\"\n\
         [definition.wrong]\nprofiles = [\"edge-infra@9.9.9\"]\n"
    ));
    test.checkout("CanvOS-a");
    test.checkout("CanvOS-b");
    test
}

/// Returns the name of the locked content.
fn content_of(test: &Test) -> String {
    let lock = test.text("profiles.lock");
    let (_, digest) = lock.split_once("content-sha256 = \"").unwrap();
    digest[..12].to_owned()
}

/// The test compares the whole of standard error, so that the position of the line is checked.
#[test]
fn what_was_fetched_and_staged_is_summed_up_last() {
    let content = content_of(&Test::new().stage());
    let test = Test::new();
    test.run("stage")
        .any_stdout()
        .stderr(&format!(
            "   Resolving factory
    Fetching factory
    Verified factory: 1.7 KiB, 8 files, content {content}
      Locked factory in {{dir}}/profiles.lock
      Staged factory in {{dir}}/CanvOS
    Finished factory, staged, 1.7 KiB fetched in {{time}}
"
        ))
        .success();
    // There is nothing more to say of it.
    test.run("stage")
        .any_stdout()
        .stderr("   Unchanged factory\n")
        .success();
    test.run("fetch --offline").any_stdout().success();
    test.run("check --offline").any_stdout().success();
    test.run("verify").any_stdout().success();
    test.forget_staged();
    test.run("stage")
        .any_stdout()
        .stderr("      Staged factory in {dir}/CanvOS\n    Finished factory, staged in {time}\n")
        .success();
}

#[test]
fn every_command_in_its_own_words() {
    let test = Test::new();
    for (command, code, line) in [
        ("fetch", 0, "fetched (1.7 KiB) in {time}"),
        ("diff", 0, "unchanged, 1.7 KiB fetched in {time}"),
    ] {
        let line = format!("    Finished factory, {line}\n");
        let run = test.run(command).any_stdout().stderr_has(&line);
        assert!(run.ends(code).stderr.ends_with(" s\n"));
    }
    // Nothing had to be done, or the table says as much.
    for command in ["update", "check"] {
        let done = test.run(command).any_stdout().any_stderr().success();
        done.says("Finished", 0);
    }
    test.sim.world(|world| world.publish("edge-k3s", "1.31.1"));
    let line = "    Finished factory, changed, 1.7 KiB fetched in {time}\n";
    test.run("diff")
        .any_stdout()
        .error("drift")
        .stderr_has(line)
        .fails(3);
    let line = "    Finished factory, lock updated, 1.7 KiB fetched in {time}\n";
    test.run("update").any_stdout().stderr_has(line).success();
}

#[test]
fn several_are_counted_and_so_are_failures() {
    let test = two_and_a_wrong_one();
    let done = test.run("fetch").any_stdout().any_stderr().fails(2);
    // A byte more or less in an archive may round to another tenth.
    done.says("    Finished 3 definitions, 2 fetched (2.", 1);
    done.says(" KiB), 1 failed in ", 1);
    for (command, line) in [
        ("check", "2 accepted by Palette, 1 failed in {time}"),
        ("stage a b wrong", "2 staged, 1 failed in {time}"),
        ("stage a b wrong", "2 unchanged, 1 failed in {time}"),
    ] {
        let line = format!("    Finished 3 definitions, {line}\n");
        test.run(command)
            .any_stdout()
            .error("profile-not-found")
            .stderr_has(&line)
            .fails(2);
    }
    let line = "    Finished 2 definitions, 2 unchanged in {time}\n";
    test.run("stage a b")
        .any_stdout()
        .stderr_has(line)
        .success();
    test.run("stage -q a b").any_stdout().success();
}

#[test]
fn a_failure_alone_is_its_own_summary() {
    let test = Test::new();
    test.sim.fault(Fault::on(Route::Download, Act::Html200));
    for (command, code) in [("stage", 6), ("stage --offline", 5), ("stage nobody", 2)] {
        let done = test.run(command).any_stderr().fails(code);
        done.says("Finished", 0);
    }
}
