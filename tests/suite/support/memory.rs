//! How much memory a run takes at its peak, and how much it reads, as the kernel counts it.

use std::time::Duration;

use super::Run;

/// The peak of a process that is alive, in bytes: `VmHWM` (proc(5)).
pub fn peak_of(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024)
}

/// Runs it, then prints what the kernel counted for the shell and for what the shell waited
/// for. Nobody but a tracer is shown the figures of edgestage itself, which keeps its memory
/// from other processes; not even root, in a container.
const COUNTED: &str =
    "\"$0\" \"$@\" && while read -r line; do echo \"$line\"; done < /proc/self/io; exit";

impl Run<'_> {
    /// Runs it to its end, which must be with 0, and returns how many bytes it read, by any
    /// call: `rchar` (proc(5)).
    #[track_caller]
    pub fn bytes_read(self) -> u64 {
        let done = self.prelude(COUNTED).any_stdout().success();
        let mut lines = done.stdout.lines();
        let read = lines.find_map(|line| line.strip_prefix("rchar: "));
        read.expect("this kernel does not count what a process reads")
            .parse()
            .unwrap()
    }

    /// Runs it to this exit code and returns its peak, in bytes. The kernel keeps the
    /// peak, so that only what grows in a run's last milliseconds can be missed.
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
