//! Runs the build program with a time limit.
//!
//! Input: the command, its directory and environment, and the limit. Output: the exit status and
//! the last lines that the program printed. The program runs in its own process group, so that
//! edgestage can end all of its processes after the time limit or an interrupt. edgestage sends
//! SIGINT and SIGTERM before SIGKILL, so that the client can stop its build and its container.

use std::collections::VecDeque;
use std::io::Read;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::RehearsalError;
use crate::canvos::build::BuildCommand;
use crate::util::environment::Environment;
use crate::util::interrupt::Stoppable;
use crate::util::sanitize;
use crate::util::sync::lock;

/// Between two looks at a program that runs.
const LOOK: Duration = Duration::from_millis(10);
/// How long a program that was asked to end is waited for, after each way of asking.
const GRACE: [(Signal, Duration); 3] = [
    (Signal::INT, Duration::from_secs(5)),
    (Signal::TERM, Duration::from_secs(3)),
    (Signal::KILL, Duration::from_secs(3)),
];
/// How long what was printed is waited for when the program has ended: something that it left
/// running may keep the pipe open.
const DRAIN: Duration = Duration::from_millis(500);
/// How much of the output is kept, in bytes: a command may build several targets, and what is said
/// of any of them counts.
const KEPT: usize = 4 << 20;
/// How many lines are shown, of how many bytes at most.
const SHOWN: (usize, usize) = (12, 300);

/// A program that is about to run.
pub(super) struct Run<'a> {
    pub command: &'a BuildCommand,
    pub directory: &'a Path,
    pub environment: &'a Environment,
    pub secrets: &'a [&'a str],
    pub timeout: Duration,
}

/// How a program ended.
pub(super) struct Ended {
    pub status: ExitStatus,
    pub timed_out: bool,
    pub output: Output,
}

impl Run<'_> {
    /// Runs it to its end, to the end of its time, or until this run is to end.
    pub(super) fn run(&self, stoppable: &Stoppable) -> Result<Ended, RehearsalError> {
        let mut child = self.start()?;
        let output = Output::default();
        let readers: Vec<_> = [
            child
                .stdout
                .take()
                .map(|it| Box::new(it) as Box<dyn Read + Send>),
            child
                .stderr
                .take()
                .map(|it| Box::new(it) as Box<dyn Read + Send>),
        ]
        .into_iter()
        .flatten()
        .map(|source| output.follow(source))
        .collect();
        let deadline = Instant::now() + self.timeout;
        let ended = loop {
            match child.try_wait() {
                Ok(Some(status)) => break Ok((status, false)),
                Ok(None) if stoppable.came() => {
                    break end(&mut child).map(|status| (status, false));
                }
                Ok(None) if Instant::now() >= deadline => {
                    break end(&mut child).map(|status| (status, true));
                }
                Ok(None) => thread::sleep(LOOK),
                Err(error) => break Err(error),
            }
        };
        let drained = Instant::now() + DRAIN;
        while Instant::now() < drained && readers.iter().any(|reader| !reader.is_finished()) {
            thread::sleep(LOOK);
        }
        let (status, timed_out) = ended.map_err(|error| self.cannot_start(error))?;
        Ok(Ended {
            status,
            timed_out,
            output,
        })
    }

    fn cannot_start(&self, error: std::io::Error) -> RehearsalError {
        let program = self.command.program_name().to_owned();
        RehearsalError::Start { program, error }
    }

    fn start(&self) -> Result<Child, RehearsalError> {
        std::process::Command::new(self.command.start_in(self.directory))
            .args(self.command.arguments())
            .current_dir(self.directory)
            .env_clear()
            .envs(self.environment.without(self.secrets))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(|error| self.cannot_start(error))
    }
}

/// Ends a program and what it has started.
fn end(child: &mut Child) -> std::io::Result<ExitStatus> {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    for (signal, patience) in GRACE {
        if let Some(group) = group {
            // One that has ended just now is no mistake.
            let _ = kill_process_group(group, signal);
        }
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if let Some(status) = child.try_wait()? {
                if let Some(group) = group {
                    let _ = kill_process_group(group, Signal::KILL);
                }
                return Ok(status);
            }
            thread::sleep(LOOK);
        }
    }
    child.wait()
}

/// `line` without the sequences that control a terminal, such as those of colors.
fn without_control(line: &str) -> String {
    anstream::adapter::strip_str(line).to_string()
}

/// The end of what a program prints, on both of its streams.
#[derive(Clone, Default)]
pub(super) struct Output {
    kept: Arc<Mutex<VecDeque<u8>>>,
}

impl Output {
    /// Reads `source` to its end.
    fn follow(&self, mut source: Box<dyn Read + Send>) -> thread::JoinHandle<()> {
        let kept = Arc::clone(&self.kept);
        thread::spawn(move || {
            let mut buffer = [0; 16 * 1024];
            while let Ok(read @ 1..) = source.read(&mut buffer) {
                let mut kept = lock(&kept);
                kept.extend(&buffer[..read]);
                let excess = kept.len().saturating_sub(KEPT);
                kept.drain(..excess);
            }
        })
    }

    /// All that is kept, without the sequences that control a terminal.
    pub(super) fn text(&self) -> String {
        let kept = lock(&self.kept);
        let bytes: Vec<u8> = kept.iter().copied().collect();
        without_control(&String::from_utf8_lossy(&bytes))
    }

    /// The last lines, as they are shown.
    pub(super) fn last_lines(&self) -> Vec<String> {
        let text = self.text();
        let lines = text.lines().map(|line| {
            // What a progress bar has overwritten is not shown.
            let line = line
                .trim_end_matches('\r')
                .rsplit('\r')
                .next()
                .unwrap_or_default();
            sanitize::excerpt(without_control(line).trim_end().as_bytes(), SHOWN.1)
        });
        let mut lines: Vec<String> = lines.filter(|line| !line.trim().is_empty()).collect();
        // What went well before says nothing.
        if let Some(at) = lines.iter().rposition(|line| line.starts_with("Error:")) {
            lines.drain(..at);
        }
        lines.drain(..lines.len().saturating_sub(SHOWN.0));
        lines
    }
}
