//! Runs on a terminal of their own, so that the binary takes it for a person's.

use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::process::Output;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::Run;

impl Run<'_> {
    /// Runs it with all three streams on a pseudo-terminal, to this exit code. Returns
    /// what is written there, escape sequences and all.
    #[track_caller]
    pub fn on_a_terminal(self, code: i32) -> String {
        let (mut screen, device) = pseudo_terminal();
        let mut command = self.command();
        let stream = || device.try_clone().unwrap();
        command.stdin(stream()).stdout(stream()).stderr(stream());
        let before = self.stamps_to_keep();
        let mut child = command.spawn().unwrap();
        // The screen ends when nobody has the device any more.
        drop((command, device));
        let reader = std::thread::spawn(move || {
            let mut text = Vec::new();
            // Its end is an error, EIO.
            let _ = screen.read_to_end(&mut text);
            text
        });
        let status = child.wait().unwrap();
        let text = reader.join().unwrap();
        let output = Output {
            status,
            stdout: Vec::new(),
            stderr: text.clone(),
        };
        self.any_stdout().any_stderr().judge(code, &output, before);
        String::from_utf8(text).unwrap()
    }
}

/// Both ends of a new one.
fn pseudo_terminal() -> (File, OwnedFd) {
    let screen = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&screen).unwrap();
    unlockpt(&screen).unwrap();
    let name = ptsname(&screen, Vec::new()).unwrap();
    let name = std::ffi::OsStr::from_bytes(name.to_bytes());
    let device = File::options().read(true).write(true).open(name).unwrap();
    (screen.into(), device.into())
}
