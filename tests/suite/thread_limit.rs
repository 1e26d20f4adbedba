//! A limit on processes and threads: a run ends in time, either successfully or with a message,
//! and never with a panic.
//!
//! As root, every limit is tried as a user that has no other process. For any other user, who
//! has other processes, no thread can be created at all.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::{HEAD, KEY, Test};

const IN_TIME: Duration = Duration::from_secs(60);
/// The id of a user that does not exist.
const USER: u32 = 54_321;

fn all(path: &Path, act: &dyn Fn(&Path)) {
    act(path);
    if path.is_dir() && !path.is_symlink() {
        for entry in fs::read_dir(path).unwrap() {
            all(&entry.unwrap().path(), act);
        }
    }
}

/// Returns a test with two definitions; the key comes from a command, which is a process too.
fn two() -> Test {
    let head = HEAD.replace(
        "retries = 0",
        "retries = 0\napi-key-command = [\"cat\", \"key\"]",
    );
    let test = Test::new().key_file("key", KEY).manifest(&format!(
        "{head}\n[definition.a]\nprofiles = [\"edge-infra@2.1.0\", \"hello-universe@1.2.0\"]\n\
         canvos = \"CanvOS\"\n[definition.b]\nprofiles = [\"edge-infra@2.0.0\"]\ncanvos = \"B\"\n"
    ));
    test.checkout("B");
    test
}

/// Returns the exit code and standard error of a run with at most `limit` threads.
fn run(test: &Test, command: &str, limit: u32) -> (i32, String) {
    let site = test.site();
    let root = site.parent().unwrap();
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    let binary = root.join("edgestage");
    if !binary.exists() {
        fs::copy(env!("CARGO_BIN_EXE_edgestage"), &binary).unwrap();
        fs::set_permissions(&binary, fs::Permissions::from_mode(0o755)).unwrap();
    }
    if is_root {
        all(root, &|path| {
            let _ = chown(path, Some(USER), Some(USER));
        });
    }
    let mut shell = Command::new("sh");
    let script = if is_root {
        format!(
            "exec setpriv --reuid={USER} --regid={USER} --clear-groups \
             prlimit --nproc={limit}:{limit} \"$0\" \"$@\""
        )
    } else {
        "exec prlimit --nproc=1:1 \"$0\" \"$@\"".to_owned()
    };
    let mut child = shell
        .args(["-c", &script])
        .arg(&binary)
        .args(command.split_whitespace())
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", root.join("home"))
        .env("TMPDIR", &site)
        .current_dir(&site)
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if began.elapsed() > IN_TIME {
            child.kill().unwrap();
            panic!("`{command}` with {limit} never ends");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        !said.contains("panicked"),
        "`{command}` with {limit}: {said}"
    );
    assert!(!said.contains(KEY));
    (output.status.code().unwrap_or(-1), said)
}

#[test]
fn a_limit_of_threads_is_said_or_borne() {
    let test = two();
    let mut seen = Vec::new();
    for limit in [1, 2, 3, 4, 5, 6, 8, 12, 64] {
        for command in ["fetch", "update --jobs 8", "stage a b"] {
            for file in ["profiles.lock", "CanvOS/spc.tgz"] {
                let _ = fs::remove_file(test.path(file));
            }
            let (code, said) = run(&test, command, limit);
            match code {
                0 => {}
                4 => assert!(said.contains("no API key: `cat` failed: "), "{said}"),
                1 => assert!(said.contains("cannot start a thread: "), "{said}"),
                _ => panic!("`{command}` with {limit}: {code}: {said}"),
            }
            seen.push(code);
        }
    }
    // With few threads it is said, and with enough it is done.
    assert_ne!(seen[0], 0, "{seen:?}");
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    if is_root {
        assert_eq!(seen.last(), Some(&0), "{seen:?}");
        assert!(seen.contains(&1) && seen.contains(&4), "{seen:?}");
    }
}

/// A run that needs no key needs no thread, either.
#[test]
fn what_is_cached_needs_no_thread() {
    let test = two();
    test.run("fetch -q").any_stdout().without_key().success();
    for command in [
        "list",
        "show a",
        "stage --offline a b",
        "verify a",
        "fetch --offline",
    ] {
        let (code, said) = run(&test, command, 1);
        assert_eq!(code, 0, "`{command}`: {said}");
    }
}
