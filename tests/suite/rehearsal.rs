//! `rehearse`, with a simulated build program.
//!
//! The program is a script that logs how it was started, and writes the record that the test
//! specifies.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use crate::build::{program, tools};
use crate::checkout::{builds_with, full};
use crate::support::{Run, Test, can_mount, other_disk, until};

/// Notes how it was started, then says of its definition what the lines of `@ROWS@` have:
/// shell words, in which `$ROOT` is the file `spc.tgz` and `$SHA`, `$SIZE` are the file's.
const EARTHLY: &str = r#"#!/bin/sh
echo "this is earthly $*" | tee -a "$LOG"
pwd >> "$LOG"
env > "$LOG.env"
ls -a > "$LOG.files"
SIZE=$(stat -c %s spc.tgz) SHA=$(sha256sum spc.tgz | cut -d ' ' -f 1)
SPC=/overlay/opt/spectrocloud/clusterconfig/spc.tgz
{ echo "edgestage-rehearsal build-iso"; @ROWS@; printf 'value-set spc.tgz'; } > record
mv record .edgestage-rehearsal/edgestage-rehearsal-1
"#;
const FILE: &str = "echo \"o file $SIZE $SHA $SPC\"";

fn with(script: &str) -> Test {
    let test = full().stage();
    program(&test, "bin/earthly", script);
    test
}

fn with_rows(rows: &str) -> Test {
    with(&EARTHLY.replace("@ROWS@", rows))
}

/// A run of `rehearse` with nothing on `PATH` but what is in `bin/`, and what scripts need.
pub fn rehearse<'t>(test: &'t Test, arguments: &str) -> Run<'t> {
    tools(test);
    let run = test.run(&format!("rehearse {arguments}")).without_key();
    run.env("PATH", "{dir}/bin:{dir}/tools")
        .env("LOG", "{dir}/log")
}

/// No copy is left beside the checkout.
#[track_caller]
pub fn nothing_is_left(test: &Test) {
    let left = copies(test);
    assert!(left.is_empty(), "{left:?}");
}

fn copies(test: &Test) -> Vec<String> {
    let names = fs::read_dir(test.site()).unwrap().flatten();
    let names = names.map(|entry| entry.file_name().into_string().unwrap());
    names
        .filter(|name| name.starts_with(".edgestage-rehearsal-"))
        .collect()
}

#[test]
fn what_the_program_copies_is_compared() {
    let test = with_rows(FILE);
    test.put("CanvOS/.git/index", "index");
    test.put("CanvOS/build/old.iso", "old");
    let before = test.stamps();
    rehearse(&test, "")
        .stdout("definition  target  will embed\nfactory     iso     `factory` as locked\n")
        .stderr("  Rehearsing factory: earthly --allow-privileged +iso\n")
        .success();
    nothing_is_left(&test);
    let after = test.stamps();
    assert!(
        before.iter().all(|line| after.contains(line)),
        "{before:#?}\n{after:#?}"
    );
    // In a copy beside the checkout, without its repository.
    let log = test.text("log");
    let place = test.site().join(".edgestage-rehearsal-");
    assert!(log.contains(place.to_str().unwrap()), "{log}");
    let files = test.text("log.files");
    assert!(!files.lines().any(|name| name == ".git"), "{files}");
    assert!(files.lines().any(|name| name == "spc.tgz"), "{files}");
}

/// Only what this run of the program wrote counts.
#[test]
fn a_record_that_is_there_already_is_none() {
    let test = with("#!/bin/sh\necho nothing is written\n");
    let spc = test.staged();
    let record = format!(
        "edgestage-rehearsal build-iso\nf file {} {} \
         /overlay/opt/spectrocloud/clusterconfig/spc.tgz\nvalue-set spc.tgz",
        spc.len(),
        crate::support::sha256(&spc)
    );
    test.put("CanvOS/.edgestage-rehearsal/edgestage-rehearsal-1", &record);
    let run = rehearse(&test, "").any_stdout();
    run.warning("forecast-differs")
        .error("rehearsal-refused")
        .fails(3);
    nothing_is_left(&test);
    // A directory of that name may be a link, too.
    fs::remove_dir_all(test.path("CanvOS/.edgestage-rehearsal")).unwrap();
    test.put("elsewhere/edgestage-rehearsal-1", &record);
    std::os::unix::fs::symlink(
        test.path("elsewhere"),
        test.path("CanvOS/.edgestage-rehearsal"),
    )
    .unwrap();
    let run = rehearse(&test, "").any_stdout();
    run.warning("forecast-differs")
        .error("rehearsal-refused")
        .fails(3);
    // And a record must be a file that the program wrote.
    let test =
        with("#!/bin/sh\nln -s \"$LOG.forged\" .edgestage-rehearsal/edgestage-rehearsal-1\n");
    test.put("log.forged", &record);
    let run = rehearse(&test, "").any_stdout();
    run.error("rehearsal-not-run").fails(1);
    // One of a target that was not rehearsed is not either, nor is one that breaks off.
    let strange = EARTHLY.replace("edgestage-rehearsal build-iso", "edgestage-rehearsal other");
    let cut = EARTHLY.replace("printf 'value-set spc.tgz'", ":");
    for script in [strange, cut] {
        let test = with(&script.replace("@ROWS@", FILE));
        rehearse(&test, "")
            .any_stdout()
            .error("rehearsal-not-run")
            .stderr_has("it is not a record that the rehearsal asked for")
            .fails(1);
        nothing_is_left(&test);
    }
}

#[test]
fn what_arrives_decides() {
    for (rows, verdict, code) in [
        (FILE, "as-locked", 0),
        ("echo 'o absent /overlay'", "nothing", 3),
        (":", "nothing", 3),
        ("echo \"o file 0 $SHA $SPC\"", "empty", 3),
        ("echo \"o link $SPC\"", "link", 3),
        ("echo \"o directory $SPC\"", "directory", 3),
        (
            "echo \"o file 3 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 $SPC\"",
            "another-definition",
            3,
        ),
        (
            "echo \"f file $SIZE $SHA /a/spc.tgz\"; echo 'o absent /overlay'",
            "unjudged",
            1,
        ),
    ] {
        let test = with_rows(rows);
        let run = rehearse(&test, "--json").any_stdout().any_stderr();
        let done = if code == 0 {
            run.success()
        } else {
            run.fails(code)
        };
        let row = done.json()["rehearsal"][0].clone();
        assert_eq!(row["verdict"], verdict, "{rows}");
        assert_eq!(row["definition"], "factory");
        assert_eq!(row["target"], "iso");
        assert_eq!(row["clusterconfig"]["value"], "spc.tgz");
        assert_eq!(row["forecast"], "as-locked");
        nothing_is_left(&test);
    }
}

/// The same file by another name is found by its bytes.
#[test]
fn another_file_of_the_checkout_is_named() {
    let rows = "set -- $(sha256sum other.tgz); echo \"o file $(stat -c %s other.tgz) $1 $SPC\"";
    let test = with_rows(rows);
    test.put("CanvOS/other.tgz", "another archive");
    rehearse(&test, "")
        .stdout_has("`other.tgz`")
        .stderr_has("error[rehearsal-refused]: the image of `+iso` will contain `other.tgz`, which is not `factory`")
        .stderr_has("`CLUSTERCONFIG` is `spc.tgz` in the build")
        .stderr_has("`edgestage check` forecasts something else: `factory` as locked")
        .fails(3);
    // A copy of the locked archive is the locked archive.
    let archive = test.staged();
    test.put("CanvOS/other.tgz", archive);
    rehearse(&test, "-q").any_stdout().success();
}

#[test]
fn a_program_that_fails() {
    let test = with("#!/bin/sh\necho first\necho 'Error: no such thing' >&2\nexit 7\n");
    rehearse(&test, "")
        .stdout_has("nothing: the build fails")
        .stderr_has("error[rehearsal-refused]: the build will fail")
        .stderr_has("Error: no such thing")
        .fails(3);
    // What cannot work at all says nothing about the build.
    program(
        &test,
        "bin/earthly",
        "#!/bin/sh\necho 'Error: Is the docker daemon running?'\nexit 1\n",
    );
    rehearse(&test, "")
        .stderr_has("error[rehearsal-not-run]: `earthly` could not run the rehearsal")
        .stderr_has("Is the docker daemon running?")
        .fails(1);
    // Neither does a command that is not known to build here.
    builds_with(&test, &["earthly-like"]);
    program(&test, "bin/earthly-like", "#!/bin/sh\nexit 2\n");
    rehearse(&test, "")
        .stdout_has("unknown")
        .stderr_has("`earthly-like` ran in the copy of the checkout but did not build that copy")
        .fails(1);
    nothing_is_left(&test);
}

/// Some releases of the wrapper end well after a failed build (T41).
#[test]
fn a_failure_behind_exit_code_0() {
    let test = with("#!/bin/sh\necho 'Error: no such thing'\n");
    rehearse(&test, "")
        .stdout_has("the build fails")
        .stderr_has("no such thing")
        .fails(3);
    // Even if something arrived before.
    let late = |words: &str| format!("{}\necho '{words}'\n", EARTHLY.replace("@ROWS@", FILE));
    program(&test, "bin/earthly", &late("  +iso *failed* | COPY a b"));
    rehearse(&test, "")
        .stdout_has("the build fails")
        .stderr_has("+iso *failed* | COPY a b")
        .fails(3);
    // What a script around it prints is not the program's.
    program(&test, "bin/earthly", &late("Error: HTTP_PROXY is not set"));
    rehearse(&test, "")
        .stdout_has("`factory` as locked")
        .any_stderr()
        .success();
    // Neither is what a command prints that is not known; terminals' colors are left out.
    builds_with(&test, &["earthly-like"]);
    program(
        &test,
        "bin/earthly-like",
        "#!/bin/sh\necho 'Error: not a git checkout'\nexit 1\n",
    );
    rehearse(&test, "")
        .stdout_has("unknown")
        .error("rehearsal-unjudged")
        .fails(1);
    let failed = "#!/bin/sh\nprintf '\\033[31m+iso *failed* | COPY\\033[0m a b\\n'\nexit 1\n";
    program(&test, "bin/earthly-like", failed);
    rehearse(&test, "")
        .stdout_has("the build fails")
        .stderr_has("note: +iso *failed* | COPY a b")
        .fails(3);
    builds_with(&test, &["earthly", "+iso"]);
    program(&test, "bin/earthly", "#!/bin/sh\n");
    rehearse(&test, "")
        .stdout_has("no image is written")
        .stderr_has("error[rehearsal-refused]: the build will succeed but write no image")
        .fails(3);
}

#[test]
fn a_program_that_is_not_there() {
    let test = full().stage();
    builds_with(&test, &["./none.sh"]);
    rehearse(&test, "")
        .stderr_has("error[rehearsal-not-run]: cannot start `./none.sh` for the rehearsal")
        .fails(1);
    nothing_is_left(&test);
}

#[test]
fn a_program_that_hangs() {
    let test = with("#!/bin/sh\necho waiting\nsleep 600 & echo $! > \"$LOG.pid\"\nwait\n");
    let start = Instant::now();
    rehearse(&test, "--timeout 1")
        .stderr_has("error[rehearsal-not-run]: `earthly` did not finish the rehearsal within 1")
        .stderr_has("waiting")
        .stderr_has("help: allow more time with `--timeout SECONDS`")
        .fails(1);
    assert!(start.elapsed() < Duration::from_secs(60));
    nothing_is_left(&test);
    is_gone(&test);
}

/// What the program has started ends with it.
#[track_caller]
fn is_gone(test: &Test) {
    let process = test.text("log.pid");
    let path = format!("/proc/{}", process.trim());
    let is_zombie = |status: String| status.contains("State:\tZ");
    until("the end of what it started", || {
        fs::read_to_string(format!("{path}/status")).map_or(true, is_zombie)
    });
}

/// Ctrl-C, a request to terminate, and the end of the terminal.
#[test]
fn a_signal_ends_the_program_and_leaves_nothing() {
    const SIGINT: i32 = 2;
    const SIGTERM: i32 = 15;
    const SIGHUP: i32 = 1;
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        let test = with("#!/bin/sh\nsleep 600 & echo $! > \"$LOG.pid\"\nwait\n");
        let mut run = rehearse(&test, "").interruptible();
        run.says("Rehearsing factory");
        until("the program", || test.path("log.pid").exists());
        run.end_by(signal);
        nothing_is_left(&test);
        is_gone(&test);
    }
}

#[test]
fn a_program_that_prints_megabytes() {
    let test = with(
        "#!/bin/sh\nhead -c 20000000 /dev/zero | tr '\\0' 'x'\necho\necho 'Error: the end'\nexit 1\n",
    );
    rehearse(&test, "")
        .any_stdout()
        .stderr_has("Error: the end")
        .fails(3);
    // One that leaves something running with its output open is not waited for.
    let leaves = format!(
        "{}sleep 600 & echo $! > \"$LOG.pid\"\n",
        EARTHLY.replace("@ROWS@", FILE)
    );
    program(&test, "bin/earthly", &leaves);
    rehearse(&test, "-q").any_stdout().success();
    let process = test.text("log.pid");
    let killed = std::process::Command::new("kill")
        .arg(process.trim())
        .status();
    assert!(killed.unwrap().success());
}

/// Directories that nobody may enter, such as those that a container leaves.
#[test]
fn what_the_program_leaves_goes() {
    let script = EARTHLY.replace("@ROWS@", FILE);
    let test = with(&format!(
        "{script}mkdir -p build/x/y\ntouch build/x/y/z\nchmod 0 build/x/y build/x\n"
    ));
    rehearse(&test, "-q").any_stdout().success();
    nothing_is_left(&test);
}

#[test]
fn what_a_killed_run_left_goes_with_the_next_one() {
    let test = with("#!/bin/sh\necho $$ > \"$LOG.pid\"\nexec sleep 600\n");
    let run = rehearse(&test, "").start();
    until("the program", || test.path("log.pid").exists());
    run.kill();
    assert_eq!(copies(&test).len(), 1);
    let process = test.text("log.pid");
    let killed = std::process::Command::new("kill")
        .arg(process.trim())
        .status();
    assert!(killed.unwrap().success());
    program(&test, "bin/earthly", &EARTHLY.replace("@ROWS@", FILE));
    rehearse(&test, "-q").any_stdout().success();
    nothing_is_left(&test);
}

#[test]
fn two_at_once() {
    let test = with(&format!(
        "#!/bin/sh\nsleep 1\n{}",
        EARTHLY.replace("@ROWS@", FILE)
    ));
    let runs: Vec<_> = (0..3)
        .map(|_| rehearse(&test, "-q").any_stdout().start())
        .collect();
    for run in runs {
        run.success();
    }
    nothing_is_left(&test);
}

/// A file that cannot grow stands for a full disk.
#[test]
fn a_full_disk() {
    let test = with_rows(FILE);
    test.put("CanvOS/large", vec![0; 1 << 20]);
    rehearse(&test, "")
        .prelude("trap '' XFSZ; ulimit -f 16")
        .stderr_has(
            "error[rehearsal-not-run]: cannot rehearse in a copy of the checkout: cannot copy `",
        )
        .fails(1);
    nothing_is_left(&test);
}

/// The copy is in the temporary directory then, on another disk too.
#[test]
fn a_checkout_that_cannot_be_written() {
    if !can_mount() {
        return;
    }
    let Some(other) = other_disk() else { return };
    let test = with_rows(FILE);
    let large = fs::File::create(test.path("CanvOS/large")).unwrap();
    large.set_len(20 << 20).unwrap();
    let mounts = format!(
        "mount --bind {{dir}} {{dir}} && mount -o remount,bind,ro {{dir}} && export TMPDIR={0} && cd {{dir}}",
        other.path().display()
    );
    let log = other.path().join("log");
    let done = rehearse(&test, "-q")
        .env("LOG", log.to_str().unwrap())
        .env("PATH", "{dir}/bin:/usr/bin:/bin:/usr/sbin:/sbin")
        .mounted(&mounts)
        .any_stdout()
        .success();
    drop(done);
    let text = fs::read_to_string(&log).unwrap();
    assert!(text.contains(other.path().to_str().unwrap()), "{text}");
    let left = fs::read_dir(other.path()).unwrap().flatten();
    let left = left.filter(|entry| entry.file_type().unwrap().is_dir());
    assert_eq!(left.count(), 0);
}

#[test]
fn a_checkout_of_many_files() {
    let test = with_rows(FILE);
    for directory in 0..20 {
        for file in 0..250 {
            test.put(&format!("CanvOS/more/{directory}/{file}"), "x");
        }
    }
    let start = Instant::now();
    rehearse(&test, "-q").any_stdout().success();
    assert!(start.elapsed() < Duration::from_secs(60));
    nothing_is_left(&test);
}

/// The program gets the words of the build, and the copy's target in place of the checkout's.
#[test]
fn what_the_program_is_started_with() {
    let test = with_rows(FILE);
    let checkout = test.path("CanvOS");
    let checkout = checkout.to_str().unwrap();
    for (words, expected) in [
        (
            &["earthly", "--no-cache", "+iso", "--ISO_NAME=x"][..],
            "--no-cache +iso --ISO_NAME=x",
        ),
        (&["earthly", "./+iso"], "+iso"),
        (&["earthly", &format!("{checkout}+iso")], "+iso"),
        (
            &["earthly", "-a", "+iso/edge.iso", "out/"],
            "-a +iso/edgestage-rehearsal-* ./.edgestage-rehearsal/",
        ),
    ] {
        builds_with(&test, words);
        rehearse(&test, "-q").any_stdout().success();
        let log = test.text("log");
        let said = log
            .lines()
            .rfind(|line| line.starts_with("this is"))
            .unwrap();
        assert_eq!(said, format!("this is earthly {expected}"));
    }
    // Not the key, and nothing that leads git into another repository.
    rehearse(&test, "-q")
        .env("PALETTE_API_KEY", "key-of-a-test")
        .env("GIT_DIR", "{dir}/CanvOS/.git")
        .any_stdout()
        .success();
    let variables = test.text("log.env");
    assert!(!variables.contains("key-of-a-test"), "{variables}");
    assert!(!variables.contains("GIT_DIR"), "{variables}");
    assert!(variables.contains("EDGESTAGE_REHEARSAL=1"), "{variables}");
}

/// Definitions that share a checkout need one run.
#[test]
fn several_definitions_on_one_checkout() {
    let test = with_rows(FILE);
    let text = test.text("profiles.toml");
    test.put(
        "profiles.toml",
        format!(
            "{text}\n[definition.other]\nname = \"other\"\nprofiles = [\"edge-infra@2.1.0\"]\n"
        ),
    );
    test.run("fetch -q other")
        .any_stdout()
        .any_stderr()
        .success();
    rehearse(&test, "factory other")
        .stdout_has("factory")
        .stdout_has("other")
        .any_stderr()
        .fails(3);
    assert_eq!(test.text("log").matches("this is earthly").count(), 1);
}

/// The message names the line that cannot be reduced, and the build program does not run.
#[test]
fn an_earthfile_that_cannot_be_reduced() {
    let test = with_rows(FILE);
    let text = test.text("CanvOS/Earthfile");
    let line = "    RUN rm -rf /overlay/opt\n";
    let at = text.find("    RUN enki").unwrap();
    test.put(
        "CanvOS/Earthfile",
        format!("{}{line}{}", &text[..at], &text[at..]),
    );
    rehearse(&test, "-- +uki-iso")
        .stdout_has("unknown")
        .stderr_has("error[rehearsal-unjudged]: the rehearsal cannot determine what the image of `+uki-iso` will contain")
        .stderr_has("of the Earthfile: `RUN rm -rf /overlay/opt`")
        .fails(1);
    assert!(!test.path("log").exists());
    rehearse(&test, "-- +kairos-raw-image")
        .stdout_has("nothing: this target never carries a definition")
        .stderr_has(
            "error[rehearsal-refused]: the image of `+kairos-raw-image` never carries a definition",
        )
        .fails(3);
}

/// The second step of a MAAS image is a script, so edgestage uses its forecast.
#[test]
fn a_maas_image_is_not_rehearsed() {
    let test = with_rows(FILE);
    rehearse(&test, "-- +maas-image")
        .stdout_has("`factory` as locked")
        .stderr_has(
            "warning[rehearsal-unjudged]: `+maas-image` cannot be rehearsed; edgestage uses its forecast",
        )
        .success();
    assert!(!test.path("log").exists());
}

/// A mode that nobody else can read stays what it is.
#[test]
fn a_file_that_nobody_can_read() {
    let test = with_rows("stat -c %a closed.tgz > \"$LOG.mode\"; echo \"o file $SIZE $SHA $SPC\"");
    test.put("CanvOS/closed.tgz", "closed");
    fs::set_permissions(
        test.path("CanvOS/closed.tgz"),
        fs::Permissions::from_mode(0o0),
    )
    .unwrap();
    rehearse(&test, "-q").any_stdout().success();
    assert_eq!(test.text("log.mode"), "0\n");
}
