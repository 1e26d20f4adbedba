//! Tests about the network: how patient a run is, whom it trusts, and how it is stopped.

use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, ChildStderr};

use palette_sim::{Key, Sim, Tls, World};

use super::signals::ends_by_interrupt;
use super::{FACTORY, HEAD, KEY, Run, Test};

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
        ends_by_interrupt(&mut self.child);
    }
}

/// A test that fails leaves no run behind.
impl Drop for Interruptible {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
