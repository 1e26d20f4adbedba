//! Builds that remove or change the staged files. Some build commands clean the checkout before
//! they call the build program.

use crate::build::{self, EARTHLY, program, with_earthly};
use crate::support::{OVERLAY, ROOT, Run, Test};

/// Builds without a rehearsal, which would find most of this before the build.
fn build<'t>(test: &'t Test, arguments: &str) -> Run<'t> {
    build::build(test, &format!("--no-rehearsal {arguments}"))
}

/// A test whose build command is a script, which runs `before`, then a build program.
fn with_script(before: &str, rest: &str) -> Test {
    let test = with_earthly(EARTHLY);
    let manifest = test.text("profiles.toml");
    let line = "dir = \"CanvOS\"\nbuild = [\"../build.sh\"]";
    test.put("profiles.toml", manifest.replace("dir = \"CanvOS\"", line));
    program(
        &test,
        "build.sh",
        &format!("#!/bin/sh\nset -e\n{before}\n{rest}\n"),
    );
    test
}

fn in_git(test: &Test) {
    let git = |arguments: &[&str]| {
        let mut git = std::process::Command::new("git");
        git.arg("-C").arg(test.path("CanvOS")).args(arguments);
        git.env("HOME", test.path(""))
            .env("GIT_CONFIG_NOSYSTEM", "1");
        assert!(git.status().unwrap().success());
    };
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&[
        "-c",
        "user.name=x",
        "-c",
        "user.email=x@x",
        "commit",
        "-qm",
        "x",
    ]);
}

const CLEAN: &str = "cp .arg ../arg; git clean -q -fdx; cp ../arg .arg";
const RUN: &str = "earthly +iso";

#[test]
fn a_clean_before_the_build() {
    let test = with_script(CLEAN, RUN);
    in_git(&test);
    build(&test, "")
        .stdout_has("installer.iso  missing")
        .warning("T38").error("staged-changed").stderr_has("the build `../build.sh` removed staged files\n")
        .stderr_has(&format!("note: `{OVERLAY}` is gone\n"))
        .stderr_has(&format!("note: `{ROOT}` is gone\n"))
        .stderr_has("note: line 3 of `../build.sh` runs `git clean`\n")
        .stderr_has("note: the image does not contain the locked `factory`\n")
        .stderr_has("help: add `-e spc.tgz -e .edgestage` to that `git clean`, or run `edgestage stage factory` after it")
        .fails(3)
        .says("build again", 0);
}

/// The advice of the help line works.
#[test]
fn a_clean_that_keeps_what_is_staged() {
    let keeping = CLEAN.replace("-fdx", "-fdx -e spc.tgz -e .edgestage");
    let test = with_script(&keeping, RUN);
    in_git(&test);
    build(&test, "")
        .stdout_has("installer.iso  as locked")
        .any_stderr()
        .success()
        .says("staged files", 0);

    let staging = format!("{CLEAN}; \"$EDGESTAGE\" --file ../profiles.toml stage -q factory");
    let test = with_script(&staging, RUN);
    in_git(&test);
    build(&test, "")
        .env("EDGESTAGE", env!("CARGO_BIN_EXE_edgestage"))
        .stdout_has("installer.iso  as locked")
        .any_stderr()
        .success()
        .says("staged files", 0);
}

#[test]
fn a_clean_and_no_image() {
    let test = with_script(CLEAN, "echo built");
    in_git(&test);
    build(&test, "")
        .warning("T38")
        .error("staged-changed")
        .error("T22")
        .stderr_has("the build `../build.sh` removed staged files\n")
        .stderr_has(
            "note: an image built from this checkout now does not contain the locked `factory`",
        )
        .stderr_has("the build succeeded but wrote no image")
        .fails(3);
}

#[test]
fn a_clean_and_a_failure() {
    let test = with_script("rm spc.tgz", "exit 7");
    build(&test, "")
        .warning("T38")
        .warning("staged-changed")
        .error("build-failed")
        .stderr_has("the build `../build.sh` removed staged files\n")
        .stderr_has(&format!("note: `{ROOT}` is gone\n"))
        .stderr_has("the build `../build.sh` failed: it ended with exit code 7")
        .fails(1)
        .says(OVERLAY, 0);
}

/// The definition was copied before the clean: this image holds it, but the next one will not.
#[test]
fn a_clean_after_the_build() {
    let test = with_script(
        RUN,
        "rm spc.tgz overlay/files-iso/opt/spectrocloud/clusterconfig/*",
    );
    build(&test, "")
        .stdout("{dir}/CanvOS/build/installer.iso  as locked\n")
        .warning("T38")
        .warning("staged-changed")
        .stderr_has("the build `../build.sh` removed staged files\n")
        .stderr_has("note: the image still contains the locked `factory`\n")
        .stderr_has("or to run `edgestage stage factory` after the step")
        .success();
}

#[test]
fn another_definition_in_the_place_of_the_staged_one() {
    let swap = format!("cp ../other.tgz {ROOT}; cp ../other.tgz {OVERLAY}");
    let test = with_script(&swap, RUN);
    let manifest = test.text("profiles.toml");
    let store = "[definition.store]\nprofiles = [\"edge-infra@2.1.0\"]\n";
    test.put("profiles.toml", format!("{manifest}\n{store}"));
    test.run("fetch store -q --output other.tgz")
        .any_stdout()
        .success();
    build(&test, "factory")
        .stdout_has("another definition  it is `store`")
        .warning("T38")
        .error("staged-changed")
        .stderr_has("the build `../build.sh` changed staged files\n")
        .stderr_has(&format!("note: `{OVERLAY}` now contains `store`\n"))
        .fails(3);
    program(
        &test,
        "build.sh",
        &format!("#!/bin/sh\nset -e\necho x > {ROOT}; rm {OVERLAY}; mkdir {OVERLAY}\n"),
    );
    build(&test, "factory")
        .stderr_has(&format!("note: `{ROOT}` is now another file\n"))
        .stderr_has(&format!("note: `{OVERLAY}` is now a directory\n"))
        .any_stderr()
        .fails(3);
}

/// Only the bytes count: a new time or mode changes nothing.
#[test]
fn touched_files_are_still_what_was_staged() {
    let test = with_script(&format!("touch {ROOT}; chmod 600 {OVERLAY}"), RUN);
    build(&test, "")
        .stdout_has("installer.iso  as locked")
        .any_stderr()
        .success()
        .says("staged files", 0);
}
