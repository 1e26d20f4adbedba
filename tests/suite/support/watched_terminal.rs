//! Runs on a terminal that are watched: what they show meanwhile, at which size, and what
//! Ctrl-C leaves.

use std::fs::File;
use std::io::Write as _;
use std::process::{Child, Output};

use rustix::termios::{Winsize, tcsetwinsize};

use super::Run;
use super::background_run::{Stream, until};
use super::screen::stripped;
use super::signals::ends_by_interrupt;
use super::terminal::pseudo_terminal;

/// A run on a terminal, under way.
#[must_use]
pub struct Watched<'t> {
    run: Run<'t>,
    before: Option<Vec<String>>,
    process: Process,
    screen: Stream,
    /// The number of bytes of the output that have been examined.
    seen: usize,
    terminal: File,
}

/// A process that ends with the test, however the test ends.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl<'t> Run<'t> {
    /// Starts the run on a terminal of this size with all capabilities.
    pub fn on_a_screen(self, columns: u16, rows: u16) -> Watched<'t> {
        let run = self.env("TERM", "xterm-256color");
        let (terminal, device) = pseudo_terminal();
        resize(&terminal, columns, rows);
        let mut command = run.command();
        let stream = || device.try_clone().unwrap();
        command.stdin(stream()).stdout(stream()).stderr(stream());
        let before = run.stamps_to_keep();
        let child = command.spawn().unwrap();
        // The screen ends, with the error EIO, when no process has the device open any more.
        drop((command, device));
        Watched {
            run,
            before,
            process: Process(child),
            screen: Stream::of(terminal.try_clone().unwrap()),
            seen: 0,
            terminal,
        }
    }
}

impl Watched<'_> {
    /// Waits until this text was written since the last change of size, whatever its colors.
    #[track_caller]
    pub fn shows(&mut self, text: &str) {
        until(&format!("{text:?} on the screen"), || {
            let ended = self.process.0.try_wait().unwrap().is_some();
            let shown = if ended {
                self.screen.whole()
            } else {
                self.screen.so_far()
            };
            let shown = stripped(&String::from_utf8_lossy(&shown[self.seen..]));
            assert!(!ended || shown.contains(text), "no {text:?}:\n{shown}");
            shown.contains(text)
        });
    }

    /// Changes the size of the terminal.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        resize(&self.terminal, columns, rows);
        self.seen = self.screen.so_far().len();
    }

    /// Waits until the run ends, which must be with this exit code. Returns what was written.
    #[track_caller]
    pub fn ends(mut self, code: i32) -> String {
        let status = self.process.0.wait().unwrap();
        let text = self.screen.whole();
        let output = Output {
            status,
            stdout: Vec::new(),
            stderr: text.clone(),
        };
        self.run
            .any_stdout()
            .any_stderr()
            .judge(code, &output, self.before);
        String::from_utf8(text).unwrap()
    }

    /// Sends Ctrl-C, which must end the run; the terminal echoes it. Returns what was written.
    #[track_caller]
    pub fn interrupt(mut self) -> String {
        // The terminal is not the controlling terminal of a process, so this does not send a
        // signal.
        self.terminal.write_all(b"\x03").unwrap();
        self.shows("^C");
        ends_by_interrupt(&mut self.process.0);
        String::from_utf8(self.screen.whole()).unwrap()
    }
}

fn resize(terminal: &File, columns: u16, rows: u16) {
    let size = Winsize {
        ws_row: rows,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(terminal, size).unwrap();
}
