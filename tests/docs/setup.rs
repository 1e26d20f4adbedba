//! `scripts/setup` on machines that lack something: what it says, what it installs, and that
//! it starts nothing if it cannot install all of it. The machines are directories with the
//! few programs that the script calls, and with stand-ins for the ones that it installs.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

use crate::markdown::read;
use crate::site::{Run, Site};

/// What every machine has.
const BASE: [&str; 14] = [
    "bash", "cat", "chmod", "cut", "dirname", "env", "head", "mktemp", "rm", "sed", "sh", "sort",
    "touch", "true",
];

/// Writes down how it was called, and "installs" what each package brings.
const APT_GET: &str = r#"
echo "apt-get $*" >>"$MACHINE/calls"
echo 'dlstatus:1:50.0000:Retrieving file 1 of 2' >&3
echo 'pmstatus:gcc:100.0000:Installed gcc' >&3
echo 'Setting up gcc'
[ ! -e "$MACHINE/no-mirror" ] || { echo 'E: no mirror answers' >&2; exit 100; }
for word; do
    case "$word" in
        gcc) program=cc ;;
        xorriso) program=xorriso ;;
        *) continue ;;
    esac
    echo '#!/bin/sh' >"$MACHINE/bin/$program"
    chmod +x "$MACHINE/bin/$program"
done
"#;

/// What sudo does for somebody who may use it without a password.
const SUDO: &str = "[ \"$1\" = -n ] && shift\nexec \"$@\"\n";

/// A machine. Everybody may change it: the script runs as an ordinary user, whoever runs the
/// tests.
struct Machine(Site);

impl Machine {
    /// Has git's and rustup's users' programs, Rust of this version, and nothing else.
    fn with_rust(version: &str) -> Self {
        let machine = Self(Site::empty());
        let path = |place: &str| machine.0.path(place);
        machine.0.write("Cargo.toml", &read("Cargo.toml"));
        machine.0.write("scripts/setup", &read("scripts/setup"));
        fs::create_dir(path("bin")).unwrap();
        fs::create_dir(path("tmp")).unwrap();
        for open in ["", "bin", "tmp"] {
            fs::set_permissions(path(open), fs::Permissions::from_mode(0o777)).unwrap();
        }
        let directories = std::env::var_os("PATH").unwrap();
        for name in BASE {
            let mut found = std::env::split_paths(&directories).map(|place| place.join(name));
            let found = found.find(|program| program.exists()).unwrap();
            symlink(found, path("bin").join(name)).unwrap();
        }
        machine.program("rustc", &format!("echo 'rustc {version} (abc 2026-01-02)'"));
        machine.program("cargo", &format!("echo 'cargo {version} (abc 2026-01-02)'"));
        machine
    }

    fn program(&self, name: &str, script: &str) {
        let path = format!("bin/{name}");
        self.0.write(&path, &format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(self.0.path(&path), fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn having(self, name: &str, script: &str) -> Self {
        self.program(name, script);
        self
    }

    /// `scripts/setup PURPOSE`, by somebody who is not root.
    fn setup(&self, purpose: &str) -> Run {
        let place = self.0.path("").canonicalize().unwrap();
        let place = place.to_str().unwrap();
        let is_root = fs::metadata(place).unwrap().uid() == 0;
        let user = "setpriv --reuid=65534 --regid=65534 --clear-groups";
        let script = format!(
            "exec {} env -i MACHINE={place} PATH={place}/bin HOME={place} TMPDIR={place}/tmp \
             bash scripts/setup {purpose}",
            if is_root { user } else { "" }
        );
        let run = self.0.run("bash", &["-c", &script]);
        let left = fs::read_dir(self.0.path("tmp")).unwrap().count();
        assert_eq!(left, 0, "temporary files are left");
        run
    }

    fn calls(&self) -> String {
        fs::read_to_string(self.0.path("calls")).unwrap_or_default()
    }
}

fn msrv() -> String {
    let manifest = read("Cargo.toml");
    let (_, rest) = manifest.split_once("rust-version = \"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

#[track_caller]
fn ends(run: &Run, code: i32, stderr: &str) {
    assert_eq!((run.code, run.stderr.as_str()), (code, stderr));
}

#[test]
fn everything_that_is_missing_is_named_at_once_and_nothing_is_installed() {
    let msrv = msrv();
    // The one with apt-get has a sudo that refuses.
    let machine = Machine::with_rust("1.70.0")
        .having("apt-get", APT_GET)
        .having("sudo", "exit 1");
    ends(
        &machine.setup("demo"),
        1,
        &format!(
            "error: missing on this machine: {}a C compiler, xorriso, Rust {msrv} or later (this is 1.70.0)
help: as root, run `apt-get update && apt-get install --no-install-recommends {}gcc libc6-dev xorriso`
help: install Rust with rustup: https://rustup.rs
note: nothing was installed or started; `./scripts/setup demo` checks again
",
            certificates(", "),
            certificates(" "),
        ),
    );
    assert_eq!(machine.calls(), "");

    let machine = Machine::with_rust("1.70.0").having("rustup", "touch \"$MACHINE/calls\"");
    ends(
        &machine.setup("demo"),
        1,
        &format!(
            "error: missing on this machine: a C compiler, xorriso, Rust {msrv} or later (this is 1.70.0)
help: install them; Debian's packages are gcc libc6-dev xorriso
help: run `rustup update stable && rustup default stable`
note: nothing was installed or started; `./scripts/setup demo` checks again
"
        ),
    );
    assert!(!machine.0.path("calls").exists());
}

/// What a machine with apt-get is told of them. They are looked for where Debian has them, so
/// that they are missing on machines that have no Debian.
fn certificates(behind: &str) -> String {
    if fs::exists("/etc/ssl/certs/ca-certificates.crt").unwrap() {
        String::new()
    } else {
        format!("ca-certificates{behind}")
    }
}

#[test]
fn sudo_installs_what_is_missing() {
    let machine = Machine::with_rust(&msrv())
        .having("apt-get", APT_GET)
        .having("sudo", SUDO);
    let run = machine.setup("demo");
    let packages = format!("{}gcc libc6-dev xorriso", certificates(" "));
    ends(
        &run,
        0,
        &format!(
            "Installing {packages} (apt-get)
  downloading, 50 %
  installing, 100 %
  downloading, 50 %
  installing, 100 %
"
        ),
    );
    assert_eq!(run.stdout, "everything that `demo` needs is here\n");
    let calls = machine.calls();
    let [update, install] = calls.lines().collect::<Vec<_>>()[..] else {
        panic!("{calls}");
    };
    assert!(update.ends_with(" update"), "{update}");
    let packages = format!(" install -y --no-install-recommends {packages}");
    assert!(install.ends_with(&packages), "{install}");

    // Once more, nothing is called.
    ends(&machine.setup("demo"), 0, "");
    assert_eq!(machine.calls(), calls);
    ends(&machine.setup("build"), 0, "");
}

#[test]
fn what_apt_get_says_is_shown_if_it_fails() {
    let machine = Machine::with_rust(&msrv())
        .having("apt-get", APT_GET)
        .having("sudo", SUDO);
    machine.0.write("no-mirror", "");
    let run = machine.setup("demo");
    assert_eq!(run.code, 1);
    let end = "\nSetting up gcc\nE: no mirror answers\nerror: apt-get failed, see above\n";
    assert!(run.stderr.ends_with(end), "{}", run.stderr);
}

/// An older toolchain may be the choice for the directory; then `stable` is taken beside it.
#[test]
fn rustup_installs_a_rust_that_is_recent_enough() {
    let machine = Machine::with_rust("1.70.0")
        .having("cc", "")
        .having("xorriso", "")
        .having("rustup", "echo \"rustup $*\" >>\"$MACHINE/calls\"");
    let version = |name: &str| {
        let recent = "[ \"${RUSTUP_TOOLCHAIN-}\" = stable ] && [ -e \"$MACHINE/calls\" ]";
        format!("if {recent}; then echo '{name} 1.999.0'; else echo '{name} 1.70.0'; fi")
    };
    for name in ["rustc", "cargo"] {
        machine.program(name, &version(name));
    }
    let run = machine.setup("demo");
    ends(
        &run,
        0,
        "Installing the stable toolchain of Rust (rustup)\n",
    );
    assert_eq!(
        machine.calls(),
        "rustup toolchain install stable --no-self-update --profile minimal \
         --component clippy --component rustfmt\n"
    );
}

#[test]
fn old_and_new_versions_are_told_apart() {
    let (_, minor) = msrv()
        .split_once('.')
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .unwrap();
    let minor: u32 = minor.parse().unwrap();
    for (version, recent) in [
        (format!("1.{minor}.0"), true),
        (format!("1.{}.3-nightly", minor + 1), true),
        ("1.1000.0".to_owned(), true),
        ("2.0.0".to_owned(), true),
        (format!("1.{}.2", minor - 1), false),
        ("1.9.0".to_owned(), false),
        ("0.99.0".to_owned(), false),
    ] {
        let machine = Machine::with_rust(&version)
            .having("cc", "")
            .having("xorriso", "");
        let run = machine.setup("demo");
        assert_eq!(run.code == 0, recent, "{version}: {}", run.stderr);
    }
}

#[test]
fn the_docs_name_the_rust_that_is_needed() {
    for page in ["README.md", "docs/install.md"] {
        let wanted = format!("Rust {} or later", msrv());
        assert!(read(page).contains(&wanted), "{page}: {wanted}");
    }
}
