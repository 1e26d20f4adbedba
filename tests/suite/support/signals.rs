//! Ctrl-C and other signals that end a run, which work in every run, however the tests were
//! started.

use std::ffi::OsStr;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command};
use std::sync::LazyLock;

/// The signal that Ctrl-C sends.
const SIGINT: i32 = 2;
/// The signal of a terminal that ends.
const SIGHUP: i32 = 1;

/// Whether the tests ignore one of these. A shell without job control makes its background
/// processes ignore Ctrl-C, `nohup` ignores the other, and children inherit this.
static IGNORED: LazyLock<bool> = LazyLock::new(|| {
    // Only Linux has this file; on other systems, such tests fail in the background.
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mut lines = status.lines();
    let ignored = lines.find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.is_some_and(|set| {
        let set = u64::from_str_radix(set.trim(), 16).unwrap();
        set & (1 << (SIGINT - 1) | 1 << (SIGHUP - 1)) != 0
    })
});

/// Returns a command that these signals end, as at a terminal. The path is absolute because a test
/// may give its run another `PATH`.
pub(super) fn interruptible(program: impl AsRef<OsStr>) -> Command {
    if !*IGNORED {
        return Command::new(program);
    }
    let mut command = Command::new("/usr/bin/env");
    command.arg("--default-signal=INT,HUP").arg(program);
    command
}

/// Sends Ctrl-C to a process.
#[track_caller]
pub fn interrupt(process: u32) {
    send(SIGINT, process);
}

#[track_caller]
fn send(signal: i32, process: u32) {
    let mut kill = Command::new("/bin/sh");
    let numbers = [signal.to_string(), process.to_string()];
    kill.args(["-c", "kill -\"$0\" \"$1\""]).args(numbers);
    assert!(kill.status().unwrap().success());
}

/// Sends Ctrl-C to a process, which must be ended by the signal, and not by itself.
#[track_caller]
pub(super) fn ends_by_interrupt(child: &mut Child) {
    ends_by(SIGINT, child);
}

/// Sends a signal to a process, which must be ended by it, and not by itself.
#[track_caller]
pub(super) fn ends_by(signal: i32, child: &mut Child) {
    send(signal, child.id());
    let status = child.wait().unwrap();
    assert_eq!(status.signal(), Some(signal), "{status}");
}
