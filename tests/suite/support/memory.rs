//! The peak memory of a run, and the number of bytes that it reads, as the kernel counts them.

use std::time::Duration;

use super::Run;

/// Returns the peak memory of a running process, in bytes: `VmHWM` (proc(5)).
pub fn peak_of(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024)
}

/// Runs the command, then prints what the kernel counted for the shell and for its children.
/// Only a tracer may read the figures of edgestage itself, which protects its memory from other
/// processes; in a container, not even root may.
const COUNTED: &str =
    "\"$0\" \"$@\" && while read -r line; do echo \"$line\"; done < /proc/self/io; exit";

impl Run<'_> {
    /// Runs the command, which must succeed, and returns the number of bytes that it read with
    /// any call: `rchar` (proc(5)).
    #[track_caller]
    pub fn bytes_read(self) -> u64 {
        let done = self.prelude(COUNTED).any_stdout().success();
        let mut lines = done.stdout.lines();
        let read = lines.find_map(|line| line.strip_prefix("rchar: "));
        read.expect("this kernel does not count what a process reads")
            .parse()
            .unwrap()
    }

    /// Runs the command, which must end with this exit code, and returns its peak memory in
    /// bytes. The kernel keeps the peak, so only growth in a run's last milliseconds can be
    /// missed.
    #[track_caller]
    pub fn peak(self, code: i32) -> u64 {
        let before = self.stamps_to_keep();
        let child = self.command().spawn().unwrap();
        let process = child.id();
        let ended = std::thread::spawn(move || child.wait_with_output().unwrap());
        let mut peak = 0;
        while !ended.is_finished() {
            peak = peak.max(peak_of(process).unwrap_or(0));
            std::thread::sleep(Duration::from_millis(1));
        }
        self.judge(code, &ended.join().unwrap(), before);
        peak
    }
}
