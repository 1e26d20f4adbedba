//! Support for tests of the network: how long a run waits, whom it trusts, and how it is
//! stopped.

use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, ChildStderr};

use palette_sim::{Key, Sim, Tls, World};

use super::signals::{ends_by, ends_by_interrupt};
use super::{FACTORY, HEAD, KEY, Run, Test};

impl Test {
    /// Replaces `retries = 0` in `profiles.toml`. The lines after it add to `[palette]`, for
    /// example `timeout = 1`.
    pub fn patience(self, lines: &str) -> Self {
        let manifest = self.text("profiles.toml");
        assert!(manifest.contains("retries = 0\n"), "{manifest}");
        self.write("profiles.toml", manifest.replace("retries = 0", lines))
    }
}

/// Returns an environment whose simulator has this certificate and whose `[palette].ca-cert`
/// names its authority.
pub fn trusting(tls: Tls) -> Test {
    let ca = tls.ca_pem().to_owned();
    let sim = Sim::start_tls(World::demo().key(Key::admin(KEY)), tls);
    let head = HEAD.replace("retries = 0", "retries = 0\nca-cert = \"trust/ca.pem\"");
    Test::with_sim(sim)
        .write("trust/ca.pem", ca)
        .manifest(&format!("{head}\n[definition.factory]\n{FACTORY}\n"))
}

/// Returns a loopback port that is free, for a test that listens on it later.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// Returns a loopback port on which nothing listens for as long as the tests run.
pub fn unused_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let port = client.local_addr().unwrap().port();
    // The port of a client that stays connected: nobody listens there, and the system gives it
    // to no other test.
    std::mem::forget((client, listener.accept().unwrap()));
    port
}

/// A run that will be stopped by Ctrl-C.
pub struct Interruptible {
    child: Child,
    stderr: BufReader<ChildStderr>,
}

impl Run<'_> {
    /// Starts the run, for [`Interruptible::interrupt`] to stop.
    pub fn interruptible(self) -> Interruptible {
        let mut child = self.spawn();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Interruptible { child, stderr }
    }
}

impl Interruptible {
    /// Waits for a line on standard error that contains this text.
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

    /// Sends Ctrl-C. The run must be ended by the signal, and not by itself.
    #[track_caller]
    pub fn interrupt(mut self) {
        ends_by_interrupt(&mut self.child);
    }

    /// Sends a signal, by its number. The run must be ended by the signal, and not by itself.
    #[track_caller]
    pub fn end_by(mut self, signal: i32) {
        ends_by(signal, &mut self.child);
    }
}

/// Ends the run if the test fails.
impl Drop for Interruptible {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
