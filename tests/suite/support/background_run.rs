//! Runs that continue while a test does something else: watched, parked at a failpoint, or
//! killed there.
//!
//! A parked run waits until a file is removed. The file is in a directory of its own, beside
//! the site and `HOME`; after the directory is removed, no further failpoint can park the run.

use std::io::Read;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Child, ExitStatus, Output};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::{Done, Run, interrupt};

/// The signal that Ctrl-C sends.
const SIGINT: i32 = 2;
/// The signal that cannot be caught.
const SIGKILL: i32 = 9;

/// Waits until another process has done something. It measures no time of its own.
#[track_caller]
pub fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let patience = Instant::now() + Duration::from_secs(120);
    while !happened() {
        assert!(Instant::now() < patience, "{what} never happened");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A run that was started and may still be under way.
#[must_use]
pub struct Going<'t> {
    run: Run<'t>,
    before: Option<Vec<String>>,
    process: Process,
}

/// A process that ends with the test, however the test ends.
struct Process {
    child: Child,
    stdout: Stream,
    stderr: Stream,
    gate: PathBuf,
}

/// The output that a process has written so far.
pub(super) struct Stream {
    text: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl<'t> Run<'t> {
    /// Starts the run and does not wait.
    pub fn start(self) -> Going<'t> {
        self.start_with(None)
    }

    /// Starts the run and waits until it is parked at this failpoint.
    #[track_caller]
    pub fn park_at(self, failpoint: &str) -> Going<'t> {
        let mut going = self.start_with(Some(failpoint));
        if !going.parks() {
            let said = String::from_utf8_lossy(&going.process.stderr.so_far()).into_owned();
            panic!("it ended before `{failpoint}`:\n{said}");
        }
        going
    }

    /// Kills the run when it reaches this failpoint for the `nth` time, counted from 1. Returns
    /// whether it did; otherwise the run must succeed.
    #[track_caller]
    pub fn kill_at(self, failpoint: &str, nth: usize) -> bool {
        let mut going = self.start_with(Some(failpoint));
        for passed in 1..=nth {
            if !going.parks() {
                going.success();
                return false;
            }
            if passed < nth {
                going.goes_on();
            }
        }
        going.kill();
        true
    }

    fn start_with(self, failpoint: Option<&str>) -> Going<'t> {
        let before = self.stamps_to_keep();
        let gate = tempfile::Builder::new()
            .prefix("gate-")
            .tempdir_in(self.test().root.path())
            .unwrap()
            .keep();
        let file = gate.join("parked");
        let run = match failpoint {
            Some(name) => {
                let value = format!("{name}:{}", file.to_str().unwrap());
                self.env("EDGESTAGE_FAILPOINT", &value)
            }
            None => self,
        };
        let mut child = run.command().spawn().unwrap();
        let process = Process {
            stdout: Stream::of(child.stdout.take().unwrap()),
            stderr: Stream::of(child.stderr.take().unwrap()),
            child,
            gate,
        };
        Going {
            run,
            before,
            process,
        }
    }
}

impl<'t> Going<'t> {
    /// Returns the id of the process.
    pub fn id(&self) -> u32 {
        self.process.child.id()
    }

    /// Waits until standard error contains this text.
    #[track_caller]
    pub fn says(&mut self, text: &str) {
        until(&format!("{text:?} on standard error"), || {
            let ended = self.process.has_ended();
            let stderr = &mut self.process.stderr;
            let said = if ended {
                stderr.whole()
            } else {
                stderr.so_far()
            };
            let said = String::from_utf8_lossy(&said);
            assert!(
                !ended || said.contains(text),
                "it never said {text:?}:\n{said}"
            );
            said.contains(text)
        });
    }

    /// Waits until the run is parked; returns false if it ended instead.
    fn parks(&mut self) -> bool {
        let file = self.process.gate.join("parked");
        until("the failpoint", || {
            file.exists() || self.process.has_ended()
        });
        file.exists()
    }

    /// Lets the run continue until it reaches its failpoint again.
    fn goes_on(&mut self) {
        std::fs::remove_file(self.process.gate.join("parked")).unwrap();
    }

    /// Lets the run continue to its end, which must be a success.
    #[track_caller]
    pub fn success(self) -> Done<'t> {
        self.ends(0)
    }

    /// Lets the run continue to its end, which must have this exit code.
    #[track_caller]
    pub fn fails(self, code: i32) -> Done<'t> {
        assert_ne!(code, 0);
        self.ends(code)
    }

    /// Lets the run continue to its end, whatever the result.
    pub fn ends_anyhow(mut self) {
        self.process.open_gate();
        self.process.child.wait().unwrap();
    }

    #[track_caller]
    fn ends(mut self, code: i32) -> Done<'t> {
        self.process.open_gate();
        let status = self.process.child.wait().unwrap();
        let output = self.process.output(status);
        self.run.judge(code, &output, self.before)
    }

    /// Sends Ctrl-C, which must end the run as a signal does, and lets it continue until then.
    #[track_caller]
    pub fn interrupt(mut self) {
        interrupt(self.id());
        self.process.open_gate();
        let status = self.process.child.wait().unwrap();
        assert_eq!(status.signal(), Some(SIGINT), "{status}");
        let output = self.process.output(status);
        assert_eq!(self.run.leaks(&output), Vec::<String>::new());
    }

    /// Kills the run with `kill -9`. Even then the key must be nowhere.
    #[track_caller]
    pub fn kill(mut self) {
        self.process.child.kill().unwrap();
        let status = self.process.child.wait().unwrap();
        assert_eq!(status.signal(), Some(SIGKILL), "it had ended: {status}");
        self.process.open_gate();
        let output = self.process.output(status);
        assert_eq!(self.run.leaks(&output), Vec::<String>::new());
    }
}

impl Process {
    fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Removes the directory in one step: a run that reaches the next failpoint meanwhile must
    /// not create a file in a directory that is being removed.
    fn open_gate(&self) {
        let open = self.gate.with_extension("open");
        if std::fs::rename(&self.gate, &open).is_ok() {
            let _ = std::fs::remove_dir_all(open);
        }
    }

    fn output(&mut self, status: ExitStatus) -> Output {
        Output {
            status,
            stdout: self.stdout.whole(),
            stderr: self.stderr.whole(),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.open_gate();
    }
}

impl Stream {
    pub(super) fn of(mut pipe: impl Read + Send + 'static) -> Self {
        let text = Arc::new(Mutex::new(Vec::new()));
        let read = Arc::clone(&text);
        let reader = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = pipe.read(&mut buffer) {
                read.lock().unwrap().extend_from_slice(&buffer[..length]);
            }
        });
        Self {
            text,
            reader: Some(reader),
        }
    }

    pub(super) fn so_far(&self) -> Vec<u8> {
        self.text.lock().unwrap().clone()
    }

    /// Returns the whole output, after the process has ended.
    pub(super) fn whole(&mut self) -> Vec<u8> {
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        self.so_far()
    }
}
