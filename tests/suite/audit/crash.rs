//! Runs that do not finish: parked, panicked, aborted.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;

use edgestage::util::failpoint::ALL;

use super::{FORMS, with_palette};
use crate::support::{KEY, ROOT, Run, Test, leaked, until};

/// The process list is examined while a run has the key, and has half-written files.
#[test]
fn no_process_list_shows_it() {
    for (command, failpoint) in [
        ("fetch", "archive-begun"),
        ("stage -vv", "archive-received"),
        ("update --json", "written-aside"),
        ("stage --api-key-file key", "overlay-copied"),
    ] {
        let test = Test::new().key_file("key", KEY);
        let going = test.run(command).park_at(failpoint);
        let line = fs::read(format!("/proc/{}/cmdline", going.id())).unwrap();
        assert_eq!(leaked(KEY, &line), None);
        assert!(String::from_utf8_lossy(&line).contains(&command[..5]));
        going.kill();
    }
}

/// The run panics at each failpoint, with the key in memory.
#[test]
fn a_panic_does_not_show_it() {
    // Those of `stage`; what comes behind is `unstage`.
    let staging = ALL.iter().take_while(|name| **name != "overlay-removed");
    for failpoint in staging {
        for form in FORMS {
            // A file of somebody else is kept on the way.
            let test = Test::new().write(&Test::placement(ROOT), "mine");
            let run = form.split_whitespace().fold(test.run("stage"), Run::arg);
            run.env("EDGESTAGE_FAILPOINT", &format!("{failpoint}:panic"))
                .env("RUST_BACKTRACE", "full")
                .any_stdout()
                .stderr_has("panicked at")
                .fails(101);
        }
    }
}

/// Tests what a crash leaves. It first checks whether this system writes core dumps at all.
#[test]
fn a_crash_leaves_no_core_dump() {
    const LIMIT: &str = "ulimit -c unlimited";
    let test = Test::new();
    let elsewhere = tempfile::tempdir().unwrap();
    let mut shell = Command::new("sh");
    shell.current_dir(elsewhere.path());
    let status = shell
        .args(["-c", &format!("{LIMIT} && kill -ABRT $$")])
        .status();
    let dumps = status.unwrap().core_dumped();

    let run = test.run("stage").prelude(LIMIT);
    let run = run.env("EDGESTAGE_FAILPOINT", "archive-begun:{dir}/parked");
    let mut child = run.spawn();
    until("the failpoint", || test.path("parked").exists());
    let mut kill = Command::new("sh");
    let killed = kill
        .args(["-c", &format!("kill -ABRT {}", child.id())])
        .status();
    assert!(killed.unwrap().success());
    let status = child.wait().unwrap();
    assert_eq!(status.signal(), Some(6));
    assert!(!status.core_dumped(), "it dumped its memory");
    assert!(!test.tree().contains("/core"), "{}", test.tree());

    // What it starts may dump its own: the promise is about this process.
    let test = with_palette("api-key-command = [\"sh\", \"-c\", \"kill -ABRT $$\"]");
    let run = test.run("check").prelude(LIMIT).without_key().any_stdout();
    let done = run
        .error("key-command-failed")
        .stderr_has("`sh` failed: it ended with signal 6")
        .fails(4);
    assert_eq!(
        done.stderr.contains("core dumped"),
        dumps,
        "{}",
        done.stderr
    );
}
