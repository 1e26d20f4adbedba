//! Runs on a terminal of their own, so that the binary takes it for a person's.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ExitStatus, Output};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{
    InputModes, LocalModes, OptionalActions, Winsize, tcgetattr, tcsetattr, tcsetwinsize,
};

use super::Run;

impl Run<'_> {
    /// Runs it with all three streams on a pseudo-terminal, to this exit code. Returns
    /// what is written there, escape sequences and all.
    #[track_caller]
    pub fn on_a_terminal(self, code: i32) -> String {
        self.in_a_dialogue(code, &[])
    }

    /// The same on one that has so many columns; others do not say.
    #[track_caller]
    pub fn on_a_terminal_of(self, columns: u16, code: i32) -> String {
        let (screen, device) = pseudo_terminal();
        let size = Winsize {
            ws_row: 24,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&device, size).unwrap();
        self.there((screen, device), code, &[])
    }

    /// The same with somebody at the keyboard: whenever the first text is on the screen,
    /// behind what was waited for before, the second one is typed.
    #[track_caller]
    pub fn in_a_dialogue(self, code: i32, dialogue: &[(&str, &str)]) -> String {
        self.there(pseudo_terminal(), code, dialogue)
    }

    #[track_caller]
    fn there(
        self,
        (screen, device): (File, OwnedFd),
        code: i32,
        dialogue: &[(&str, &str)],
    ) -> String {
        if !dialogue.is_empty() {
            hand_on_keys(&device);
        }
        let mut command = self.command();
        let stream = || device.try_clone().unwrap();
        command.stdin(stream()).stdout(stream()).stderr(stream());
        let before = self.stamps_to_keep();
        let mut child = command.spawn().unwrap();
        // The screen ends when nobody has the device any more.
        drop((command, device));
        let (text, unasked) = converse(screen, dialogue, &mut child);
        let status = child.wait().unwrap();
        // As a shell has it: 130 for Ctrl-C.
        let status = match status.signal() {
            Some(signal) => ExitStatus::from_raw((128 + signal) << 8),
            None => status,
        };
        let output = Output {
            status,
            stdout: Vec::new(),
            stderr: text.clone(),
        };
        self.any_stdout().any_stderr().judge(code, &output, before);
        let text = String::from_utf8(text).unwrap();
        assert!(unasked.is_empty(), "never asked: {unasked:?} in {text:?}");
        text
    }
}

/// All that is on the screen to its end, and what was never waited for. A program that
/// says nothing for so long waits for an answer that nobody gives: it is ended.
fn converse(
    mut screen: File,
    dialogue: &[(&str, &str)],
    child: &mut Child,
) -> (Vec<u8>, Vec<String>) {
    let mut text: Vec<u8> = Vec::new();
    let mut seen = 0;
    let mut left = dialogue.iter();
    let mut due = left.next();
    let mut chunk = [0; 4096];
    loop {
        if !says_something(&screen) {
            child.kill().unwrap();
        }
        // Its end is an error, EIO.
        let Ok(length @ 1..) = screen.read(&mut chunk) else {
            break;
        };
        text.extend(&chunk[..length]);
        while let Some((awaited, keys)) = due {
            let found = String::from_utf8_lossy(&text[seen..]).find(awaited);
            let Some(at) = found else { break };
            seen = (seen + at + awaited.len()).min(text.len());
            screen.write_all(keys.as_bytes()).unwrap();
            due = left.next();
        }
    }
    let unasked = due
        .into_iter()
        .chain(left)
        .map(|(awaited, _)| (*awaited).to_owned());
    (text, unasked.collect())
}

/// Both ends of a new one.
pub(super) fn pseudo_terminal() -> (File, OwnedFd) {
    let screen = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&screen).unwrap();
    unlockpt(&screen).unwrap();
    let name = ptsname(&screen, Vec::new()).unwrap();
    let name = std::ffi::OsStr::from_bytes(name.to_bytes());
    let device = File::options().read(true).write(true).open(name).unwrap();
    (screen.into(), device.into())
}

/// Hands every key on as it is. Between two reads of single keys a program leaves the
/// terminal as it was, and that would keep lines then, and take some keys for itself.
fn hand_on_keys(device: &OwnedFd) {
    let mut modes = tcgetattr(device).unwrap();
    let own = LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG | LocalModes::IEXTEN;
    modes.local_modes.remove(own);
    modes
        .input_modes
        .remove(InputModes::ICRNL | InputModes::IXON);
    tcsetattr(device, OptionalActions::Now, &modes).unwrap();
}

fn says_something(screen: &File) -> bool {
    const SILENCE: Timespec = Timespec {
        tv_sec: 60,
        tv_nsec: 0,
    };
    let mut waited = [PollFd::new(screen, PollFlags::IN)];
    poll(&mut waited, Some(&SILENCE)).unwrap() > 0
}
