//! The registry of Debian's package `docker-registry`, started on a free loopback port with its
//! files in a temporary directory.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use palette_sim::Tls;

/// The user of a registry with passwords.
pub const USER: &str = "builder";
/// The password of that user.
pub const PASSWORD: &str = "p4ss w0rd+of/the~team=42";
/// What `htpasswd -Bbn` prints for the two.
const HTPASSWD: &str = "builder:$2y$05$ZcMmF2znpdzGSpN3SgMVluxatqyqxxcbx0IRYc9w7ljU2JSQsKIqu\n";

/// A registry that runs until this value is dropped.
pub struct DockerRegistry {
    process: Child,
    port: u16,
    directory: tempfile::TempDir,
    ca: Option<String>,
}

impl DockerRegistry {
    /// Starts a registry without passwords and with plain HTTP.
    pub fn open() -> Self {
        Self::start("", None)
    }

    /// Starts a registry that requires [`USER`] and [`PASSWORD`].
    pub fn with_password() -> Self {
        Self::start(
            "auth: {htpasswd: {realm: team, path: '{dir}/htpasswd'}}\n",
            None,
        )
    }

    /// Starts a registry that requires the password and speaks TLS only.
    pub fn with_tls(names: &[&str]) -> Self {
        let auth = "auth: {htpasswd: {realm: team, path: '{dir}/htpasswd'}}\n";
        Self::start(auth, Some(&Tls::self_signed(names)))
    }

    fn start(auth: &str, tls: Option<&Tls>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().to_str().unwrap().to_owned();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let put = |name: &str, text: &str| std::fs::write(directory.path().join(name), text);
        put("htpasswd", HTPASSWD).unwrap();
        let mut config = format!(
            "version: 0.1\nlog: {{accesslog: {{disabled: true}}, level: error}}\n\
             storage: {{filesystem: {{rootdirectory: '{path}/data'}}, delete: {{enabled: true}}}}\n\
             {}http:\n  addr: 127.0.0.1:{port}\n  secret: x\n",
            auth.replace("{dir}", &path)
        );
        if let Some(tls) = tls {
            let (certificate, key) = tls.server_pem();
            put("tls.pem", certificate).unwrap();
            put("tls.key", key).unwrap();
            let tls = format!("  tls: {{certificate: '{path}/tls.pem', key: '{path}/tls.key'}}\n");
            config.push_str(&tls);
        }
        put("config.yml", &config).unwrap();
        let log = std::fs::File::create(directory.path().join("log")).unwrap();
        let process = Command::new("docker-registry")
            .args(["serve", &format!("{path}/config.yml")])
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .stdin(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("`docker-registry` is needed: run `scripts/setup test` ({error})")
            });
        let mut registry = Self {
            process,
            port,
            directory,
            ca: tls.map(|tls| tls.ca_pem().to_owned()),
        };
        let patience = Instant::now() + Duration::from_secs(120);
        while !registry.listens() {
            assert!(Instant::now() < patience, "docker-registry never listened");
        }
        registry
    }

    fn listens(&mut self) -> bool {
        if let Some(status) = self.process.try_wait().unwrap() {
            let log = std::fs::read_to_string(self.directory.path().join("log"));
            panic!("docker-registry ended with {status}: {log:?}");
        }
        std::thread::sleep(Duration::from_millis(20));
        TcpStream::connect(("127.0.0.1", self.port)).is_ok()
    }

    /// Returns the port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns a repository for `profiles.toml`.
    pub fn repository(&self) -> String {
        format!("127.0.0.1:{}/edge/definitions", self.port)
    }

    /// Returns the certificate of the authority that clients must trust.
    pub fn ca(&self) -> &str {
        self.ca.as_deref().unwrap()
    }

    /// Returns the files of blobs, in which the registry stores what it was sent.
    pub fn blobs(&self) -> Vec<PathBuf> {
        let root = self.directory.path().join("data/docker/registry/v2/blobs");
        let mut found = Vec::new();
        let mut directories = vec![root];
        while let Some(directory) = directories.pop() {
            for entry in std::fs::read_dir(directory).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    directories.push(path);
                } else {
                    found.push(path);
                }
            }
        }
        found.sort();
        found
    }
}

impl Drop for DockerRegistry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Runs skopeo, which must succeed, and returns what it prints.
#[track_caller]
pub fn skopeo(arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("skopeo")
        .args(arguments)
        .env("HOME", "/nonexistent")
        .output()
        .unwrap_or_else(|error| panic!("`skopeo` is needed: run `scripts/setup test` ({error})"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "skopeo {arguments:?}: {stderr}");
    output.stdout
}
