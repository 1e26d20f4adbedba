//! Builds that succeed and write no image, and the messages about them. An image of an earlier
//! build is never taken for one of this build.

use std::fs;

use crate::build::{self, EARTHLY, program, with_earthly};
use crate::checkout::full;
use crate::support::{Run, Test};

const ENDED_WELL: &str = "error[T22]: the build succeeded but wrote no image";
/// A build program that is told to write nothing.
const SILENT: &str = "#!/bin/sh\nexit 0\n";

/// Builds without a rehearsal, which would find most of this before the build.
fn build<'t>(test: &'t Test, arguments: &str) -> Run<'t> {
    build::build(test, &format!("--no-rehearsal {arguments}"))
}

/// A test with an image from an earlier build, and a build program that writes none.
fn silent() -> Test {
    let test = with_earthly(EARTHLY);
    build(&test, "-q").any_stdout().any_stderr().success();
    program(&test, "bin/earthly", SILENT);
    test
}

#[test]
fn nothing_explains_it() {
    let test = with_earthly(SILENT);
    let run = build(&test, "").error("T22").stderr_has(ENDED_WELL);
    run.stderr_has("searched `{dir}/CanvOS/build`; older images do not count")
        .stderr_has("help: see the build's own output above for what it wrote, and where")
        .fails(3)
        .says("from an earlier build", 0);
    // An older one does not count.
    build(&silent(), "")
        .error("T22")
        .stderr_has(ENDED_WELL)
        .stderr_has("note: `installer.iso` is unchanged from an earlier build")
        .fails(3);
}

/// If the reason is known before the build, the message comes before the build.
#[test]
fn it_was_told_to_write_nothing() {
    const WRITES_NONE: &str = "error[T22]: the build writes no image: ";
    let test = silent();
    build(&test, "-- --ci +iso")
        .error("T22")
        .stderr_has(&format!(
            "{WRITES_NONE}`--ci` turns off the output of images"
        ))
        .stderr_has("help: add `--output`")
        .fails(3)
        .says("Building", 0);
    build(&test, "-- --ci --output +iso")
        .error("T22")
        .stderr_has(ENDED_WELL)
        .fails(3)
        .says("prevents the build", 0)
        .says("turns off", 0);
    build(&test, "-- --no-output +iso")
        .error("T22")
        .stderr_has(&format!("{WRITES_NONE}`--no-output`"))
        .fails(3);
    // What is allowed is built, and then explained.
    build(&test, "--allow T22 -- --no-output +iso")
        .warning("T22")
        .error("T22")
        .stderr_has(ENDED_WELL)
        .stderr_has("note: `--no-output` prevents the build program from writing it there")
        .stderr_has("help: remove it")
        .fails(3);
    build(&test, "")
        .env("EARTHLY_CI", "true")
        .error("T22")
        .stderr_has(&format!("{WRITES_NONE}`EARTHLY_CI` turns off"))
        .fails(3);
    test.put("CanvOS/.env", "EARTHLY_NO_OUTPUT=true\n");
    build(&test, "")
        .error("T22")
        .stderr_has(&format!("{WRITES_NONE}`EARTHLY_NO_OUTPUT` of "))
        .fails(3);
}

#[test]
fn the_target_writes_none() {
    build(&silent(), "-- +iso-disk-image")
        .error("T22")
        .stderr_has(ENDED_WELL)
        .stderr_has("note: `+iso-disk-image` is not a target of CanvOS that writes one")
        .stderr_has("help: build `+iso`, `+uki-iso`, `+cloud-image` or `+maas-image`")
        .fails(3);
}

/// The end of CanvOS's wrapper in sixteen of its versions: bash runs a program named `7`.
const SWALLOWING: &str = "
if $? -ne 0 ; then
    echo \"An error occurred while running the command.\"
    exit 1
fi
exit 0
";

#[test]
fn a_wrapper_that_ends_with_0_after_a_failure() {
    let test = full();
    let wrapper = |build: &str| {
        let script = format!("#!/bin/bash\n({build})\n{SWALLOWING}");
        program(&test, "CanvOS/earthly.sh", &script);
    };
    let good = EARTHLY.trim_start_matches("#!/bin/sh\nset -e\n");
    wrapper(&format!("set -e\n{good}"));
    build(&test, "")
        .stdout_has("installer.iso  as locked")
        .any_stderr()
        .success();
    // What came of that build is not proof of this one.
    wrapper("echo it is broken; exit 7");
    build(&test, "")
        .error("T41")
        .stderr_has("it is broken\n")
        .stderr_has("the build `./earthly.sh` failed, but ended with exit code 0\n")
        .stderr_has(
            "line 4 of the checkout's `earthly.sh` makes it end with 0 after a failed build",
        )
        .stderr_has("`installer.iso` is unchanged from an earlier build")
        .stderr_has("help: see the build's own output above for the cause")
        .stderr_has("edgestage explain T41")
        .fails(1);
    // Another command may call it.
    let manifest = test.text("profiles.toml");
    let line = "dir = \"CanvOS\"\nbuild = [\"./build.sh\"]";
    test.put("profiles.toml", manifest.replace("dir = \"CanvOS\"", line));
    program(&test, "CanvOS/build.sh", "#!/bin/sh\n./earthly.sh +iso\n");
    build(&test, "")
        .warning("T38")
        .error("T41")
        .stderr_has("the build `./build.sh` wrote no image, and may have failed")
        .fails(3);
    // A version whose wrapper says so fails like any other build.
    let right = SWALLOWING.replace("if $? -ne 0 ;", "if [ $? -ne 0 ];");
    let script = format!("#!/bin/bash\n(exit 7)\n{right}");
    program(&test, "CanvOS/earthly.sh", &script);
    build(&test, "")
        .warning("T38")
        .error("build-failed")
        .stderr_has("the build `./build.sh` failed: it ended with exit code 1")
        .fails(1);
}

/// Earthly sets the time of its output to 2020: the image of this run does not count as old,
/// whether it is right or wrong.
#[test]
fn what_this_run_wrote_is_not_older() {
    let test = with_earthly(EARTHLY);
    build(&test, "")
        .stdout_has("installer.iso  as locked")
        .any_stderr()
        .success();
    let image = test.path("CanvOS/build/installer.iso");
    let year_2020 = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_587_038_400);
    assert_eq!(fs::metadata(&image).unwrap().modified().unwrap(), year_2020);
    let drop = "rm root/opt/spectrocloud/clusterconfig/spc.tgz";
    program(&test, "bin/earthly", &EARTHLY.replace(": before", drop));
    build(&test, "")
        .stdout("{dir}/CanvOS/build/installer.iso  missing  (T1)\n")
        .any_stderr()
        .fails(3);
}
