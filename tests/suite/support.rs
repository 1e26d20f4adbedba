//! The environment of one test, and strict runs of the real binary in it.
//!
//! A [`Test`] is a temporary directory with an empty `HOME`, a checkout, a `profiles.toml` and
//! a simulated Palette. After every run, the key must be nowhere except where the test wrote
//! it, and `HOME` must be empty except for the cache. When a test ends, every request that it
//! caused is compared with the vendor's contract.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use palette_sim::contract::Contract;
use palette_sim::{Fault, Key, Recorded, Route, Sim, World};

mod archives;
pub mod bundles;
pub mod codes;
pub mod crafted_archives;
mod background_run;
mod docker_registry;
mod edge_hosts;
mod faulty_registry;
pub mod handmade_images;
mod images;
mod memory;
mod mounts;
mod network;
pub mod page;
mod proxy;
pub mod public_schemas;
mod registry_setup;
pub mod real;
mod run;
pub mod schema;
mod screen;
mod permissions;
mod secrets;
mod signals;
mod signing_keys;
mod terminal;
mod tree;
mod watched_terminal;

pub use archives::{archive, content_sha256, gzip, profile_directory, tarball};
pub use background_run::{Going, until};
pub use docker_registry::{DockerRegistry, PASSWORD, USER, skopeo};
pub use edge_hosts::{HOST_PASSWORD, HOST_USER, Host, host_world};
pub use faulty_registry::{FaultyRegistry, Guard, On, Reply};
pub use images::{
    CANARY, IN_ISO, IN_PARTITION, OLDER, Proof, Tree, finish, path_of_tools, xorriso,
};
pub use memory::peak_of;
pub use mounts::{Attribute, can_mount, left_out, other_disk};
pub use network::{free_port, trusting, unused_port};
pub use proxy::{Manner, Proxy};
pub use run::{Done, Run};
pub use screen::{shown, stripped};
pub use secrets::{forms, leaked};
pub use signals::interrupt;
pub use signing_keys::{openssl, try_openssl};
pub use tree::{Facts, sha256, stamps};

/// The key of every test. Base64 and URL-encoding change it, so that all three forms can be
/// told apart in a leak.
pub const KEY: &str = "k3y+of/the~suite=42";

/// The placements, relative to the checkout.
pub const OVERLAY: &str = "overlay/files-iso/opt/spectrocloud/clusterconfig/spc.tgz";
pub const ROOT: &str = "spc.tgz";

/// Two profiles that are valid together, one by uid and one by name.
pub const FACTORY: &str = r#"profiles = ["65c90a1b2c3d4e5f770daee5", "hello-universe@1.2.0"]"#;

/// The beginning of every manifest of the tests, unless a test writes its own.
pub const HEAD: &str = "\
[palette]
endpoint = \"{endpoint}\"
project = \"Default\"
retries = 0

[canvos]
dir = \"CanvOS\"
";

/// The environment of one test. See the module's documentation.
pub struct Test {
    // Declared before the directory, so that nobody writes there while it is removed.
    pub sim: Sim,
    root: tempfile::TempDir,
    key_files: RefCell<BTreeSet<PathBuf>>,
}

impl Test {
    /// Returns an environment with the demo's world, a checkout, and a `profiles.toml` with the
    /// definition `factory`.
    pub fn new() -> Self {
        Self::of(World::demo())
    }

    /// Returns an environment with another world, to which [`KEY`] is added.
    pub fn of(world: World) -> Self {
        Self::with_sim(Sim::start(world.key(Key::admin(KEY))))
    }

    /// Returns an environment with a simulator that already runs.
    pub fn with_sim(sim: Sim) -> Self {
        let root = tempfile::Builder::new()
            .prefix("edgestage-suite-")
            .tempdir()
            .unwrap();
        let test = Self {
            sim,
            root,
            key_files: RefCell::default(),
        };
        std::fs::create_dir(test.home()).unwrap();
        test.checkout("CanvOS");
        test.definition(FACTORY)
    }

    /// Writes a `profiles.toml` with the single definition `factory`, which has this body.
    pub fn definition(self, body: &str) -> Self {
        let text = format!("{HEAD}\n[definition.factory]\n{body}\n");
        self.manifest(&text)
    }

    /// Writes `profiles.toml`; `{endpoint}` in it becomes the simulator's.
    pub fn manifest(self, text: &str) -> Self {
        let text = self.fill(text);
        self.write("profiles.toml", text)
    }

    /// Writes a file; a relative path starts beside `profiles.toml`.
    pub fn write(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.put(path, content);
        self
    }

    /// Does the same as [`Test::write`] while a test is under way.
    pub fn put(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// Writes a file that is allowed to hold a key.
    pub fn key_file(self, path: &str, content: &str) -> Self {
        self.key_files.borrow_mut().insert(self.path(path));
        self.write(path, content)
    }

    /// Adds a fault to the simulator.
    pub fn fault(self, fault: Fault) -> Self {
        self.sim.fault(fault);
        self
    }

    /// Creates a checkout like CanvOS's: what a build copies, what git ignores, and a directory
    /// of the overlay with a tracked file.
    pub fn checkout(&self, name: &str) {
        for (path, text) in [
            ("Earthfile", EARTHFILE),
            (".arg", "ISO_NAME=installer\nCLUSTERCONFIG=spc.tgz\n"),
            (".gitignore", ".arg\nbuild/\nspc.tgz\n"),
            (".earthlyignore", "build/\n.git/\n"),
            (
                "overlay/files-iso/opt/spectrocloud/content/Readme.txt",
                "Content bundles go here.\n",
            ),
        ] {
            self.put(&format!("{name}/{path}"), text);
        }
    }

    /// Returns the directory of `profiles.toml`, in which runs start.
    pub fn site(&self) -> PathBuf {
        self.root.path().canonicalize().unwrap().join("site")
    }

    /// Returns a path that starts beside `profiles.toml`.
    pub fn path(&self, path: &str) -> PathBuf {
        self.site().join(path)
    }

    pub fn home(&self) -> PathBuf {
        self.root.path().canonicalize().unwrap().join("home")
    }

    /// Returns the bytes of a file.
    pub fn read(&self, path: &str) -> Vec<u8> {
        let path = self.path(path);
        std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Returns the text of a file.
    pub fn text(&self, path: &str) -> String {
        String::from_utf8(self.read(path)).unwrap()
    }

    /// Returns the path of a placement, for [`Test::path`].
    pub fn placement(placement: &str) -> String {
        format!("CanvOS/{placement}")
    }

    /// Returns the bytes that are staged; both placements must have the same.
    pub fn staged(&self) -> Vec<u8> {
        let overlay = self.read(&Self::placement(OVERLAY));
        assert!(overlay == self.read(&Self::placement(ROOT)), "unequal pair");
        overlay
    }

    /// Returns the paths of the cached archives.
    pub fn cached(&self) -> Vec<PathBuf> {
        let directory = self.home().join(".cache/edgestage/archives");
        let Ok(entries) = std::fs::read_dir(directory) else {
            return Vec::new();
        };
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    /// Empties the cache.
    pub fn forget_cache(&self) {
        let _ = std::fs::remove_dir_all(self.home().join(".cache"));
    }

    /// Removes the staged files, as `git clean` would.
    pub fn forget_staged(&self) {
        for placement in [OVERLAY, ROOT] {
            let _ = std::fs::remove_file(self.path(&Self::placement(placement)));
        }
    }

    /// Replaces `{dir}`, `{endpoint}` and `{home}` in a text.
    fn fill(&self, text: &str) -> String {
        text.replace("{endpoint}", self.sim.url())
            .replace("{home}", self.home().to_str().unwrap())
            .replace("{dir}", self.site().to_str().unwrap())
    }

    /// Returns a run of the binary with these arguments, which are split at white space.
    pub fn run(&self, arguments: &str) -> Run<'_> {
        Run::new(self, arguments)
    }

    /// Runs `stage`, for tests about what comes after it.
    pub fn stage(self) -> Self {
        self.run("stage -q").any_stdout().success();
        self
    }

    /// Returns a test whose profiles differ from those that are staged, and are locked and
    /// cached.
    pub fn about_to_change() -> Self {
        let test = Self::new()
            .stage()
            .definition("profiles = [\"edge-infra@2.0.0\"]");
        test.run("fetch -q").any_stdout().success();
        test
    }

    /// Returns a test with a second definition, `other`, of which both are locked and cached.
    pub fn with_other() -> Self {
        let test = Self::new();
        let manifest = test.text("profiles.toml");
        test.put(
            "profiles.toml",
            format!("{manifest}\n[definition.other]\nprofiles = [\"edge-infra@2.0.0\"]\n"),
        );
        test.run("fetch -q").any_stdout().success();
        test
    }

    /// Returns the requests so far to this route.
    pub fn asked(&self, route: Route) -> Vec<Recorded> {
        let wanted = match route {
            Route::Download => "/v1/spectroclusters/spc/download",
            Route::Metadata => "/v1/dashboard/clusterprofiles/metadata",
            Route::Projects => "/v1/dashboard/projects/metadata",
            Route::Profile => "/v1/clusterprofiles/",
            _ => "/",
        };
        let requests = self.sim.requests().into_iter();
        requests
            .filter(|request| request.path.starts_with(wanted))
            .collect()
    }

    /// Returns the number of downloads that were requested.
    pub fn downloads(&self) -> usize {
        self.asked(Route::Download).len()
    }

    /// Returns the only download that was requested.
    #[track_caller]
    pub fn download(&self) -> Recorded {
        let mut downloads = self.asked(Route::Download);
        assert_eq!(downloads.len(), 1, "downloads");
        downloads.remove(0)
    }

    /// Returns every file and link with its mode and digest, one per line.
    pub fn tree(&self) -> String {
        tree::lines(self.root.path())
    }

    /// Returns the same with modification times: what a second run must leave alone.
    pub fn stamps(&self) -> Vec<String> {
        tree::stamps(self.root.path())
    }

    /// Returns every file with its bytes; the site is below `site`, and `HOME` below `home`.
    pub fn contents(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        tree::contents(self.root.path())
    }

    /// Returns the mode, the number of hard links and the modification time of a file.
    pub fn facts(&self, path: &str) -> tree::Facts {
        tree::Facts::of(&self.path(path))
    }
}

/// The contract, read once for all tests.
static CONTRACT: OnceLock<Option<Contract>> = OnceLock::new();

/// Compares everything that the client sent with the contract, if that is available.
impl Drop for Test {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let Some(contract) = CONTRACT.get_or_init(Contract::for_tests) else {
            return;
        };
        for record in self.sim.requests() {
            // If the client was gone before its answer, there is only the request.
            let checked = match record.answer.status {
                0 => contract.check_request(&record),
                _ => contract.check(&record),
            };
            assert_eq!(checked, Ok(()), "{record:#?}");
        }
    }
}

/// Whether a path is one that every run may change: the file that runs lock, and the file that
/// keeps it out of git.
fn is_own(path: &Path) -> bool {
    path.ends_with(".edgestage/lock") || path.ends_with(".edgestage/.gitignore")
}

/// What a build of the checkout copies, in the order that decides which file wins.
const EARTHFILE: &str = "\
VERSION --arg-scope-and-set --shell-out-anywhere 0.6
ARG CLUSTERCONFIG
FROM alpine
iso:
    COPY +build-iso/ .
build-iso:
    COPY overlay/files-iso/ /overlay/
    IF [ -n \"$CLUSTERCONFIG\" ]
        COPY --if-exists \"$CLUSTERCONFIG\" /overlay/opt/spectrocloud/clusterconfig/spc.tgz
    END
cloud-image:
    COPY --if-exists \"$CLUSTERCONFIG\" /workdir/spc.tgz
";
