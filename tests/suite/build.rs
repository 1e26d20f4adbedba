//! `build` with a stand-in for the build program, which handles a definition like the Earthfile,
//! records it in a rehearsal, and sets the times of its output like Earthly.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;

use crate::checkout::full;
use crate::support::{Run, Test, until};

/// In a rehearsal: writes the record that the reduced Earthfile asks for, of the overlay in this
/// directory, and ends.
macro_rules! record {
    ($root:literal) => {
        concat!(
            "root=", $root, "\n",
            r#"if [ -n "$EDGESTAGE_REHEARSAL" ]; then
    spc=opt/spectrocloud/clusterconfig/spc.tgz kind=absent
    [ ! -f $root/$spc ] || kind="file $(stat -c %s $root/$spc) $(sha256sum < $root/$spc | cut -c 1-64)"
    printf '%s\n' "edgestage-rehearsal build-iso" "o $kind /overlay/$spc" "x mark edgestage-built-1" > record
    printf 'value-set %s' "$CLUSTERCONFIG" >> record
    mv record .edgestage-rehearsal/edgestage-rehearsal-1
    echo edgestage-built-1 build-iso > .edgestage-rehearsal/edgestage-built-1
    exit
fi
"#
        )
    };
}
pub(crate) use record;

/// Copies the overlay, then what `CLUSTERCONFIG` names over it. In a rehearsal, it then writes the
/// record that the reduced Earthfile asks for. Otherwise, it writes an ISO and its digest as new
/// files of the year 2020.
pub const EARTHLY: &str = concat!(
    r#"#!/bin/sh
set -e
echo "this is earthly $*"
env > seen.env
. ./.arg
for argument; do
    case "$argument" in
        --ISO_NAME=*) ISO_NAME=${argument#*=} ;;
        --CLUSTERCONFIG=*) CLUSTERCONFIG=${argument#*=} ;;
    esac
done
rm -rf root && mkdir -p root/opt/spectrocloud/clusterconfig build
cp -r overlay/files-iso/. root/
if [ -f "$CLUSTERCONFIG" ]; then
    cp "$CLUSTERCONFIG" root/opt/spectrocloud/clusterconfig/spc.tgz
fi
"#,
    record!("root"),
    r#": before
rm -rf out && mkdir out
xorriso -volid COS_LIVE -joliet on -padding 0 -outdev "out/$ISO_NAME.iso" \
    -map root / -chmod 0755 -- > xorriso.log 2>&1
(cd out && sha256sum "$ISO_NAME.iso" > "$ISO_NAME.iso.sha256")
touch -d '2020-04-16 12:00:00 UTC' out/*
mv out/* build/
: after
"#
);
/// The programs that these scripts call.
const TOOLS: [&str; 26] = [
    "bash",
    "cat",
    "chmod",
    "cp",
    "cut",
    "env",
    "git",
    "grep",
    "head",
    "kill",
    "ln",
    "ls",
    "make",
    "mkdir",
    "mktemp",
    "mv",
    "rm",
    "sed",
    "sh",
    "sha256sum",
    "sleep",
    "stat",
    "tee",
    "touch",
    "tr",
    "xorriso",
];

/// Writes a program.
pub fn program(test: &Test, path: &str, text: &str) {
    test.put(path, text);
    let mode = fs::Permissions::from_mode(0o755);
    fs::set_permissions(test.path(path), mode).unwrap();
}

/// Returns a test with this `earthly` on `PATH`.
pub fn with_earthly(text: &str) -> Test {
    let test = full();
    program(&test, "bin/earthly", text);
    test
}

/// Returns a run of `build` with only `bin/` and the tools of the scripts on `PATH`; otherwise,
/// a build program of this machine would be found.
pub fn build<'t>(test: &'t Test, arguments: &str) -> Run<'t> {
    tools(test);
    let run = test.run(&format!("build {arguments}"));
    run.env("PATH", "{dir}/bin:{dir}/tools")
}

/// Makes the directory with what scripts need.
pub fn tools(test: &Test) {
    let tools = test.path("tools");
    if !tools.exists() {
        fs::create_dir(&tools).unwrap();
        let path = std::env::var_os("PATH").unwrap();
        for name in TOOLS {
            let mut found = std::env::split_paths(&path).map(|d| d.join(name));
            let found = found.find(|path| path.exists()).unwrap();
            std::os::unix::fs::symlink(found, tools.join(name)).unwrap();
        }
    }
}

const IMAGE: &str = "CanvOS/build/installer.iso";

#[test]
fn a_build_is_staged_run_and_proved() {
    let test = with_earthly(EARTHLY);
    build(&test, "")
        .stdout("{dir}/CanvOS/build/installer.iso  as locked\n")
        .stderr_has("Staged factory")
        .stderr_has("Building factory: earthly --allow-privileged +iso\n")
        .stderr_has("this is earthly --allow-privileged +iso\n")
        .success();
    // Once more: nothing to stage, and the image is a new one.
    build(&test, "factory")
        .stdout_has("as locked")
        .stderr_has("Unchanged factory")
        .success();
}

/// The order is `earth`, `earthly`, then CanvOS's wrapper, which passes the option by itself.
#[test]
fn the_build_program_is_the_first_that_is_there() {
    let test = full();
    // The line by which a checkout is known to have that target.
    let maas = "if [ \"$1\" = \"+maas-image\" ]; then\n    :\nfi\n";
    program(&test, "CanvOS/earthly.sh", &format!("{EARTHLY}{maas}"));
    // A file that cannot be run is none.
    test.put("bin/earthly", "notes");
    let says = |line: &str| {
        let run = build(&test, "").stdout_has("installer.iso  as locked");
        run.stderr_has(&format!("Building factory: {line}\n"))
            .success();
    };
    says("./earthly.sh +iso");
    program(&test, "bin/earthly", EARTHLY);
    says("earthly --allow-privileged +iso");
    program(&test, "bin/earth", EARTHLY);
    says("earth --allow-privileged +iso");
    // The Earthfile has no such target, the wrapper has.
    build(&test, "-- +maas-image")
        .stdout_has("installer.iso  as locked")
        .stderr_has("Building factory: ./earthly.sh +maas-image\n")
        .success();
}

/// The two dashes are easy to forget.
#[test]
fn a_target_in_the_place_of_a_definition() {
    let test = with_earthly(EARTHLY);
    build(&test, "factory +uki-iso")
        .error("target-not-definition")
        .stderr_has("`+uki-iso`")
        .stderr_has("help: put it after two dashes: `edgestage build factory -- +uki-iso`")
        .keeps_files()
        .fails(2);
    build(&test, "+iso")
        .error("target-not-definition")
        .stderr_has("`edgestage build -- +iso`")
        .fails(2);
}

#[test]
fn the_command_of_the_manifest() {
    let test = full();
    program(&test, "CanvOS/tools/image.sh", EARTHLY);
    let manifest = test.text("profiles.toml");
    let build_line = "dir = \"CanvOS\"\nbuild = [\"tools/image.sh\", \"--ISO_NAME=edge\"]";
    test.put(
        "profiles.toml",
        manifest.replace("dir = \"CanvOS\"", build_line),
    );
    build(&test, "")
        .stdout_has("build/edge.iso  as locked")
        .warning("T38")
        .stderr_has("this is earthly --ISO_NAME=edge\n")
        .success();
}

/// The right image of an earlier build does not prove anything about this one.
#[test]
fn a_build_that_fails() {
    let test = with_earthly(EARTHLY);
    build(&test, "-q").any_stdout().any_stderr().success();
    program(
        &test,
        "bin/earthly",
        &EARTHLY.replace(": before", "echo out\necho err >&2\nexit 7\n"),
    );
    build(&test, "")
        .error("build-failed")
        .stderr_has("out\n")
        .stderr_has("err\n")
        .stderr_has("`earthly`")
        .stderr_has("edgestage did not verify an image")
        .stderr_has("help: see the build's own output above")
        .fails(1);
    // The program takes the word for a build argument without its value.
    build(&test, "-- --no-cache")
        .error("T15")
        .stderr_has("the build fails at once: the build argument `--no-cache` has no value")
        .stderr_has("help: put the options of the build program before the target")
        .fails(3);
    let json = build(&test, "--json")
        .any_stdout()
        .any_stderr()
        .fails(1)
        .json();
    assert_eq!(json["error"]["code"], "build-failed");
}

#[test]
fn a_build_that_cannot_be_started() {
    let test = full();
    let manifest = test.text("profiles.toml");
    let line = "dir = \"CanvOS\"\nbuild = [\"./none.sh\"]";
    test.put("profiles.toml", manifest.replace("dir = \"CanvOS\"", line));
    test.run("build")
        .warning("T38")
        .error("build-not-started")
        .stderr_has("cannot start the build `./none.sh`")
        .fails(1);
}

/// Of several images, only the one that was written is examined.
#[test]
fn an_older_image_of_another_name() {
    let test = with_earthly(EARTHLY).write("CanvOS/build/older.iso", "no image at all");
    build(&test, "")
        .stdout("{dir}/CanvOS/build/installer.iso  as locked\n")
        .any_stderr()
        .success();
}

#[test]
fn a_build_that_drops_the_overlay() {
    let dropping = EARTHLY.replace(": before", "rm -rf root/opt && echo x > root/x");
    let test = with_earthly(&dropping);
    build(&test, "")
        .stdout_has("overlay dropped  the rest of the overlay is missing too (T23)")
        .error("image-differs")
        .stderr_has("1 image does not contain the locked `factory`")
        .stderr_has("edgestage explain T23")
        .fails(3);
}

#[test]
fn a_build_that_drops_or_replaces_the_definition() {
    for (step, verdict) in [
        (
            "rm root/opt/spectrocloud/clusterconfig/spc.tgz",
            "missing  (T1)",
        ),
        (
            "echo x > root/opt/spectrocloud/clusterconfig/spc.tgz",
            "no definition",
        ),
    ] {
        let test = with_earthly(&EARTHLY.replace(": before", step));
        let run = build(&test, "").stdout_has(verdict);
        run.error("image-differs")
            .stderr_has("not contain the locked `factory`")
            .fails(3);
    }
}

#[test]
fn arguments_are_passed_on() {
    let test = with_earthly(EARTHLY);
    build(&test, "-- +uki-iso --ARCH=amd64 --ISO_NAME=edge")
        .stdout_has("build/edge.iso  as locked")
        .stderr_has("this is earthly --allow-privileged +uki-iso --ARCH=amd64 --ISO_NAME=edge\n")
        .success();
    // The staged file under its own name is not a danger, but it is said.
    build(&test, "-- --CLUSTERCONFIG=spc.tgz")
        .stdout_has("as locked")
        .warning("T15")
        .stderr_has("CLUSTERCONFIG is `spc.tgz`, from `--CLUSTERCONFIG` of the build command")
        .success();
}

#[test]
fn arguments_that_replace_the_definition_are_refused() {
    let test = with_earthly(EARTHLY).write("CanvOS/other.tgz", "other");
    for arguments in [
        "-- --CLUSTERCONFIG=other.tgz",
        "-- --CLUSTERCONFIG other.tgz",
        "-- --build-arg CLUSTERCONFIG=other.tgz +iso",
    ] {
        build(&test, arguments)
            .warning("T15")
            .error("T11")
            .stderr_has("CLUSTERCONFIG is `other.tgz`, from `--")
            .stderr_has("CLUSTERCONFIG names another file: `other.tgz`")
            .keeps_files()
            .fails(3);
    }
    assert_eq!(test.downloads(), 0);
    // The proof has the last word.
    build(&test, "--allow T11 -- --CLUSTERCONFIG=other.tgz")
        .stdout_has("no definition")
        .any_stderr()
        .fails(3);
}

#[test]
fn the_target_counts_before_the_build() {
    let test = with_earthly(EARTHLY).write("CanvOS/.arg", "ISO_NAME=installer\n");
    build(&test, "-- +cloud-image")
        .error("T2")
        .stderr_has("`.arg` does not set CLUSTERCONFIG")
        .keeps_files()
        .fails(3);
    build(&test, "-- +kairos-raw-image")
        .warning("T2")
        .error("T13")
        .keeps_files()
        .fails(3);
    build(&test, "").any_stdout().warning("T2").success();
    build(&test, "--fix-arg -- +iso")
        .stdout_has("as locked")
        .stderr_has("Fixed")
        .success();
    assert!(
        test.text("CanvOS/.arg")
            .ends_with("CLUSTERCONFIG=spc.tgz\n")
    );
}

#[test]
fn several_definitions_one_after_the_other() {
    let test = with_earthly(EARTHLY);
    let manifest = test.text("profiles.toml");
    let store = "[definition.store]\nprofiles = [\"edge-infra@2.1.0\"]\n";
    test.put("profiles.toml", format!("{manifest}\n{store}"));
    build(&test, "factory store")
        .stdout(
            "\
{dir}/CanvOS/build/installer-factory.iso  as locked
{dir}/CanvOS/build/installer-store.iso    as locked
",
        )
        .any_stderr()
        .success();
    assert!(!test.path(IMAGE).exists());
    for name in ["factory", "store"] {
        let sum = test.text(&format!("CanvOS/build/installer-{name}.iso.sha256"));
        assert!(sum.ends_with(&format!("  installer-{name}.iso\n")), "{sum}");
        let image = format!("CanvOS/build/installer-{name}.iso");
        let run = test.run(&format!("verify {name} --image {image}"));
        run.stdout_has("as locked").success();
    }
    let run = test
        .run("verify store --image CanvOS/build/installer-factory.iso")
        .any_stderr();
    run.stdout_has("it is `factory`").fails(3);
}

/// A failure does not prevent the other definitions from being built.
#[test]
fn one_of_several_fails() {
    let once = EARTHLY.replace(": before", "[ -e once ] || { touch once; exit 1; }");
    let test = with_earthly(&once);
    let manifest = test.text("profiles.toml");
    let store = "[definition.store]\nprofiles = [\"edge-infra@2.1.0\"]\n";
    test.put("profiles.toml", format!("{manifest}\n{store}"));
    build(&test, "factory store")
        .stdout_has("installer-store.iso  as locked")
        .error("build-failed")
        .stderr_has("`earthly`")
        .fails(1);
}

/// A terminal sends Ctrl-C to both processes: the build cleans up, and edgestage waits until it
/// has.
#[test]
fn an_interrupted_build_is_waited_for() {
    let interrupted = "trap 'sleep 0.3; kill -0 $PPID && touch waited; exit 130' INT\n\
                       kill -INT $PPID\nkill -INT $$\n";
    let test = with_earthly(&EARTHLY.replace(": before", interrupted));
    test.run("fetch -q").any_stdout().success();
    let status = build(&test, "factory").spawn().wait().unwrap();
    assert_eq!(status.signal(), Some(2), "{status}");
    assert!(test.path("CanvOS/waited").exists());
    assert!(!test.path(IMAGE).exists());
}

/// A run that ignores Ctrl-C from the start keeps ignoring it, and so does its build.
#[test]
fn a_build_in_the_background_is_not_interrupted() {
    let test = with_earthly(&EARTHLY.replace(": before", "kill -INT $PPID\nkill -INT $$"));
    build(&test, "factory")
        .prelude("trap '' INT")
        .stdout_has("installer.iso  as locked")
        .any_stderr()
        .success();
}

/// A `stage` of another definition waits until the image is verified.
#[test]
fn nobody_stages_anything_during_a_build() {
    let slow = EARTHLY.replace(
        ": before",
        "touch begun; until [ -e go ]; do sleep 0.05; done",
    );
    let test = with_earthly(&slow);
    let manifest = test.text("profiles.toml");
    let store = "[definition.store]\nprofiles = [\"edge-infra@2.1.0\"]\n";
    test.put("profiles.toml", format!("{manifest}\n{store}"));
    test.run("fetch -q").any_stdout().success();
    let going = build(&test, "factory").any_stderr();
    let first = going.stdout_has("installer.iso  as locked").start();
    until("the build begins", || test.path("CanvOS/begun").exists());
    let run = test.run("stage store --lock-timeout 0").any_stderr();
    run.error("busy")
        .stderr_has("it is edgestage build factory")
        .fails(1);
    let mut second = test.run("stage store").any_stdout().any_stderr().start();
    second.says(&format!("process {} on ", first.id()));
    test.put("CanvOS/go", "");
    first.success();
    second.success();
    test.run("verify store").any_stdout().success();
}

/// A program that a build runs does not wait for that build.
#[test]
fn a_build_that_stages_by_itself() {
    let test = full();
    let nested = EARTHLY.replace(
        "#!/bin/sh\n",
        "#!/bin/sh\nset -e\n\"$EDGESTAGE\" --file ../profiles.toml stage -q factory\n",
    );
    program(&test, "CanvOS/earthly.sh", &nested);
    let manifest = test.text("profiles.toml");
    let line = "dir = \"CanvOS\"\nbuild = [\"./earthly.sh\", \"+iso\"]";
    test.put("profiles.toml", manifest.replace("dir = \"CanvOS\"", line));
    let run = build(&test, "--lock-timeout 1");
    run.env("EDGESTAGE", env!("CARGO_BIN_EXE_edgestage"))
        .stdout_has("as locked")
        .any_stderr()
        .success();
}

/// The key is nowhere in the environment of the build, which writes its environment to a file;
/// every run is searched for the key.
#[test]
fn the_key_is_kept_from_the_build() {
    let test = with_earthly(EARTHLY);
    let run = build(&test, "-q").env("SPECTROCLOUD_APIKEY", crate::support::KEY);
    run.env("OTHER", "is passed")
        .any_stdout()
        .any_stderr()
        .success();
    let seen = test.text("CanvOS/seen.env");
    assert!(
        seen.contains("OTHER=is passed") && !seen.contains("API"),
        "{seen}"
    );
}

#[test]
fn standard_output_is_one_document() {
    let test = with_earthly(EARTHLY);
    let run = build(&test, "--json").any_stdout();
    let json = run.stderr_has("this is earthly ").success().json();
    assert_eq!(json["images"][0]["verdict"], "as-locked");
    assert_eq!(json["images"][0]["format"], "iso");
    assert_eq!(json["argv"][2], "+iso");
}
