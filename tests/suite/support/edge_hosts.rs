//! Simulated edge hosts beside the simulated Palette, in `profiles.toml`.
//!
//! When a [`Hosts`] ends, every session must be logged out, everything that was sent is compared
//! with the vendor's contract, and the password must have been in the login alone.

use std::ops::Deref;
use std::sync::OnceLock;

use palette_sim::contract::Contract;
use palette_sim::{EdgeHost, HostWorld, Recorded, Tls, details};
use serde_json::Value;

use super::{Run, Test, secrets};

/// The user of every simulated host.
pub const HOST_USER: &str = "kairos";
/// The password: JSON, base64 and URL-encoding change it.
pub const HOST_PASSWORD: &str = "h0st \"p@ss\"/w+rd=42";

/// The contract, read once for all tests.
static CONTRACT: OnceLock<Option<Contract>> = OnceLock::new();

/// Returns a host without a definition.
pub fn host_world() -> HostWorld {
    HostWorld::new(HOST_USER, HOST_PASSWORD)
}

/// A host that is judged when it ends.
pub struct Host {
    sim: EdgeHost,
    may_leave_sessions: bool,
}

impl Host {
    /// Starts a host.
    pub fn start(world: HostWorld) -> Self {
        Self {
            sim: EdgeHost::start(world),
            may_leave_sessions: false,
        }
    }

    /// Starts a host with this certificate.
    pub fn with_certificate(world: HostWorld, tls: Tls) -> Self {
        Self {
            sim: EdgeHost::start_tls(world, tls),
            may_leave_sessions: false,
        }
    }

    /// A fault of the test keeps the session from being ended.
    pub fn leaves_sessions(mut self) -> Self {
        self.may_leave_sessions = true;
        self
    }

    /// Returns the requests whose path ends with this.
    pub fn asked(&self, path: &str) -> Vec<Recorded> {
        let requests = self.sim.requests().into_iter();
        requests
            .filter(|request| request.path.ends_with(path))
            .collect()
    }

    /// Returns the paths that were asked for, in order, without what they have in common.
    pub fn calls(&self) -> Vec<String> {
        let requests = self.sim.requests().into_iter();
        let short = |request: Recorded| {
            let path = request.path.trim_start_matches("/v1/");
            let path = path.trim_start_matches("users/default/");
            let path = path.trim_start_matches("edge-mgmt/");
            path.to_owned()
        };
        requests.map(short).collect()
    }

    /// Returns the lines of `[host.NAME]`, with the pin.
    pub fn table(&self, name: &str) -> String {
        format!(
            "[host.{name}]\naddress = \"{}\"\ncertificate-sha256 = \"{}\"\n",
            self.sim.address(),
            self.sim.fingerprint()
        )
    }
}

impl Deref for Host {
    type Target = EdgeHost;

    fn deref(&self) -> &EdgeHost {
        &self.sim
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let open = self.sim.world(|world| world.open_sessions());
        assert!(self.may_leave_sessions || open == 0, "{open} sessions left");
        let contract = CONTRACT.get_or_init(Contract::of_edge_host_for_tests);
        for request in self.sim.requests() {
            if let Some(contract) = contract {
                assert_eq!(contract.check_request(&request), Ok(()));
            }
            let headers = request.headers.iter();
            let mut sent = format!("{} {}\n", request.method, request.target);
            sent.extend(headers.map(|(name, value)| format!("{name}: {value}\n")));
            assert_eq!(secrets::leaked(HOST_PASSWORD, sent.as_bytes()), None);
            let is_login = request.path.ends_with("/login");
            let in_body = !is_login && secrets::leaked(HOST_PASSWORD, &request.body).is_some();
            assert!(!in_body, "{}", request.path);
        }
    }
}

impl Test {
    /// Adds `[hosts]` with the user, and these tables.
    pub fn hosts(self, tables: &[String]) -> Self {
        let manifest = self.text("profiles.toml");
        let hosts = format!("\n[hosts]\nuser = \"{HOST_USER}\"\n\n{}", tables.join("\n"));
        self.write("profiles.toml", manifest + &hosts)
    }

    /// Returns a test whose definition is locked and cached, and which has this host as `line-1`.
    pub fn with_host(host: &Host) -> Self {
        let test = Self::new().hosts(&[host.table("line-1")]);
        test.run("fetch -q").any_stdout().success();
        test
    }

    /// Returns what a host says that has the archive in the cache.
    pub fn cached_details(&self) -> Value {
        details(&std::fs::read(self.cached().remove(0)).unwrap()).unwrap()
    }

    /// Returns a run with the password of the hosts.
    pub fn host_run(&self, arguments: &str) -> Run<'_> {
        self.run(arguments)
            .env("EDGESTAGE_HOST_PASSWORD", HOST_PASSWORD)
            .without_key()
    }
}
