//! Pipes, sockets, devices and endless files in the place of every file that a run reads: each
//! run ends in time, in bounded memory, and names what it could not read.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use palette_sim::HELLO_UNIVERSE_1_2_0;

use crate::support::{HEAD, KEY, Test};

/// What is in the place of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A pipe that nobody writes to.
    Pipe,
    /// A socket that nobody answers at.
    Socket,
    /// A device without an end.
    Zero,
    /// A file of one tebibyte that takes no room.
    Endless,
}

const KINDS: [Kind; 4] = [Kind::Pipe, Kind::Socket, Kind::Zero, Kind::Endless];

impl Kind {
    /// Puts it at `path`, in place of what is there.
    fn put(self, path: &Path) {
        let _ = fs::remove_file(path);
        let _ = fs::remove_dir_all(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        match self {
            Self::Pipe => {
                let made = Command::new("mkfifo").arg(path).status().unwrap();
                assert!(made.success());
            }
            // The name stays when the listener is gone.
            Self::Socket => drop(UnixListener::bind(path).unwrap()),
            Self::Zero => symlink("/dev/zero", path).unwrap(),
            Self::Endless => File::create(path).unwrap().set_len(1 << 40).unwrap(),
        }
    }
}

/// Far more time than any of these runs takes.
const IN_TIME: Duration = Duration::from_secs(90);
/// The address space of a run, in KiB: 1 GiB, of which threads take most.
const LIMIT: &str = "ulimit -v 1048576";

/// Runs `command` with `kind` in place of `input`; the exit code, and what it says on
/// standard error.
fn outcome(test: &Test, command: &str, (input, kind): (&str, Kind)) -> (i32, String) {
    let run = test.run(command).prelude(LIMIT);
    let run = if command.contains("api-key-file") || input == "key" {
        run.without_key()
    } else {
        run
    };
    let mut child = run.spawn();
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if began.elapsed() > IN_TIME {
            child.kill().unwrap();
            panic!("`{command}` waits for ever with {kind:?} in place of `{input}`");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!said.contains("panicked"), "{command}: {input}: {said}");
    (output.status.code().unwrap_or(-1), said)
}

/// `factory` with every file that `profiles.toml` can name, and an image and an archive.
fn full(input: &str) -> Test {
    // Only a run that is about it has one: the simulator speaks plain HTTP.
    let ca = match input {
        "ca.pem" => "ca-cert = \"ca.pem\"\n",
        _ => "",
    };
    let head = HEAD.replace(
        "retries = 0\n",
        &format!("retries = 0\n{ca}api-key-file = \"key\"\n"),
    );
    let values = "packs = [{ name = \"hello-universe\", values = \"v.yaml\" }]";
    Test::new()
        .key_file("key", KEY)
        .write("v.yaml", "a: 1\n")
        .write("a.iso", "no image")
        .manifest(&format!(
            "{head}\n[definition.factory]\nprofiles = [\"edge-infra@2.1.0\", \
             {{ uid = \"{HELLO_UNIVERSE_1_2_0}\", {values} }}]\n"
        ))
}

/// Where, the command, its exit code, and the file that it names: nothing where the run
/// goes on without it.
type Row = (&'static str, &'static str, i32, &'static str);

/// Holds every row against each of `kinds`.
fn all_of(rows: &[Row], kinds: &[Kind], prepare: impl Fn(&str) -> Test) {
    let mut wrong = Vec::new();
    for (input, command, code, named) in rows {
        for kind in kinds {
            let test = prepare(input);
            kind.put(&test.path(input));
            let (is, said) = outcome(&test, command, (input, *kind));
            if is != *code || !said.contains(named) {
                wrong.push(format!("{input}, {kind:?}, `{command}`: {is}\n{said}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// For a required file, the run ends and names it.
#[test]
fn what_has_to_be_read() {
    let rows = [
        (
            "profiles.toml",
            "check --offline",
            2,
            "profiles.toml`: it is ",
        ),
        ("profiles.toml", "fetch", 2, "profiles.toml`: it is "),
        (
            "profiles.toml",
            "add edge-infra@2.0.0 --to b",
            2,
            "profiles.toml`: it is ",
        ),
        ("profiles.toml", "init edge-infra@2.0.0", 1, "profiles.toml"),
        ("profiles.lock", "list", 1, "profiles.lock`: it is "),
        ("profiles.lock", "stage", 1, "profiles.lock`: it is "),
        ("v.yaml", "check --offline", 2, "v.yaml"),
        ("ca.pem", "fetch", 2, "ca.pem`: it is "),
        ("key", "fetch", 4, "key`: it is "),
        ("other", "fetch --api-key-file other", 4, "other`: it is "),
        ("CanvOS/.arg", "check --offline", 1, ".arg`: it is "),
        ("CanvOS/.arg", "stage", 1, ".arg`: it is "),
        ("CanvOS/.arg", "stage --fix-arg", 1, ".arg`: it is "),
        (
            "CanvOS/.earthlyignore",
            "stage",
            1,
            ".earthlyignore`: it is ",
        ),
        ("CanvOS/.earthignore", "stage", 3, ".earthignore`"),
        (
            "CanvOS/earthly.sh",
            "check --offline",
            1,
            "earthly.sh`: it is ",
        ),
        ("CanvOS", "stage", 2, "CanvOS"),
        ("cache", "fetch --cache-dir cache", 1, "cache"),
        ("a.tgz", "show ./a.tgz", 6, "a.tgz"),
    ];
    all_of(&rows, &[Kind::Zero, Kind::Endless], full);
    let refused = rows.map(|(input, command, code, named)| match input {
        "a.tgz" => (input, command, 1, named),
        _ => (input, command, code, named),
    });
    all_of(&refused, &[Kind::Pipe, Kind::Socket], full);
}

/// `factory` is locked and cached, and nothing is staged.
fn locked(_: &str) -> Test {
    let test = Test::new();
    test.run("fetch -q").any_stdout().success();
    test
}

/// Something is in the way of the files that are staged.
#[test]
fn what_is_in_the_way_of_staging() {
    let rows = [
        ("CanvOS/.env", "stage", 3, ".env` cannot be read: it is "),
        ("CanvOS/.edgestage/lock", "stage", 1, ".edgestage/lock`: "),
        ("CanvOS/.edgestage", "stage", 3, ".edgestage"),
        ("CanvOS/spc.tgz", "stage", 3, "spc.tgz` in the checkout is "),
        (
            "CanvOS/spc.tgz",
            "verify",
            3,
            "the staged files differ from the locked `factory`",
        ),
    ];
    all_of(&rows, &[Kind::Pipe, Kind::Socket], locked);
}

/// The run continues without a file that cannot be read.
#[test]
fn what_a_run_goes_on_without() {
    let rows = [
        ("CanvOS/.gitignore", "stage -q", 0, ""),
        ("CanvOS/.git", "stage -q", 0, ""),
        ("CanvOS/.git/info/exclude", "stage -q", 0, ""),
        ("CanvOS/.edgestage/staged", "stage -q", 0, ""),
        ("CanvOS/.edgestage/staged", "unstage", 0, ""),
    ];
    all_of(&rows, &KINDS, locked);
}
