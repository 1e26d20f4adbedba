//! Tests about the network: how patient a run is, whom it trusts, and how it is stopped.

use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ChildStderr, Command};

use palette_sim::{Key, Sim, Tls, World};

use super::{FACTORY, HEAD, KEY, Run, Test};

/// What Ctrl-C sends.
const SIGINT: i32 = 2;
/// What a service manager or a CI runner sends to end a run.
const SIGTERM: i32 = 15;

impl Test {
    /// Replaces `retries = 0` in `profiles.toml`. With other lines after it, `[palette]`
    /// says more: `timeout = 1`.
    pub fn patience(self, lines: &str) -> Self {
        let manifest = self.text("profiles.toml");
        assert!(manifest.contains("retries = 0\n"), "{manifest}");
        self.write("profiles.toml", manifest.replace("retries = 0", lines))
    }
}

/// A simulator with this certificate, whose authority `[palette].ca-cert` names.
pub fn trusting(tls: Tls) -> Test {
    let ca = tls.ca_pem().to_owned();
    let sim = Sim::start_tls(World::demo().key(Key::admin(KEY)), tls);
    let head = HEAD.replace("retries = 0", "retries = 0\nca-cert = \"trust/ca.pem\"");
    Test::with_sim(sim)
        .write("trust/ca.pem", ca)
        .manifest(&format!("{head}\n[definition.factory]\n{FACTORY}\n"))
}

/// A port of loopback where nobody listens.
pub fn unused_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// A run that is to be stopped by Ctrl-C.
pub struct Interruptible {
    child: Child,
    stderr: BufReader<ChildStderr>,
}

impl Run<'_> {
    /// Starts it, to be stopped by [`Interruptible::interrupt`].
    pub fn interruptible(self) -> Interruptible {
        let mut child = self.spawn();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Interruptible { child, stderr }
    }
}

impl Interruptible {
    /// Waits for a line on standard error that has this.
    #[track_caller]
    pub fn says(&mut self, text: &str) -> String {
        let mut said = String::new();
        loop {
            let start = said.len();
            let length = self.stderr.read_line(&mut said).unwrap();
            assert_ne!(length, 0, "it never said {text:?}:\n{said}");
            if said[start..].contains(text) {
                return said[start..].to_owned();
            }
        }
    }

    /// Ctrl-C. It must end by that, and not of itself.
    #[track_caller]
    pub fn interrupt(mut self) {
        interrupt(&mut self.child);
    }
}

/// Ctrl-C for a process, which must end by that.
#[track_caller]
pub fn interrupt(child: &mut Child) {
    let id = child.id().to_string();
    let signal = if ignores_interrupts(child) {
        SIGTERM
    } else {
        SIGINT
    };
    let mut kill = Command::new("/bin/sh");
    kill.args(["-c", "kill -\"$0\" \"$1\"", &signal.to_string(), &id]);
    assert!(kill.status().unwrap().success());
    let status = child.wait().unwrap();
    assert_eq!(status.signal(), Some(signal), "{status}");
}

/// Whether it was started so: a shell makes what it runs in the background ignore
/// Ctrl-C, the tests and all that they start. SIGTERM, which does the same to a
/// process that handles neither, stands for it then.
fn ignores_interrupts(child: &Child) -> bool {
    let path = format!("/proc/{}/status", child.id());
    let status = std::fs::read_to_string(path).unwrap_or_default();
    let mut lines = status.lines();
    let ignored = lines.find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.is_some_and(|set| {
        let set = u64::from_str_radix(set.trim(), 16).unwrap();
        set & (1 << (SIGINT - 1)) != 0
    })
}

/// A test that fails leaves no run behind.
impl Drop for Interruptible {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
