//! Runs on a terminal of their own, so that the binary behaves as it does for a person.

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
    /// Runs the command with all three streams on a pseudo-terminal; it must end with this exit
    /// code. Returns what is written there, including escape sequences.
    #[track_caller]
    pub fn on_a_terminal(self, code: i32) -> String {
        self.in_a_dialogue(code, &[])
    }

    /// Does the same on a terminal that reports this number of columns; other terminals report
    /// none.
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

    /// Does the same with somebody at the keyboard: whenever the first text of a pair appears
    /// on the screen, after the previous one, the second text is typed.
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
        // The screen ends when no process has the device open any more.
        drop((command, device));
        let (text, unasked) = converse(screen, dialogue, &mut child);
        let status = child.wait().unwrap();
        // As in a shell: 130 for Ctrl-C.
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

/// Returns everything on the screen until its end, and the texts that never appeared. A program
/// that is silent for too long waits for an answer that nobody gives, and is ended.
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
        // The end is reported as the error EIO.
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

/// Returns both ends of a new pseudo-terminal.
pub(super) fn pseudo_terminal() -> (File, OwnedFd) {
    let screen = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&screen).unwrap();
    unlockpt(&screen).unwrap();
    let name = ptsname(&screen, Vec::new()).unwrap();
    let name = std::ffi::OsStr::from_bytes(name.to_bytes());
    let device = File::options().read(true).write(true).open(name).unwrap();
    (screen.into(), device.into())
}

/// Makes the terminal pass every key on unchanged. Between two reads of single keys, a program
/// leaves the terminal in its previous mode, which would otherwise collect lines and interpret
/// some keys.
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
