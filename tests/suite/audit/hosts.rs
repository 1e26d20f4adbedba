//! The password and the token of edge hosts are secrets like the key: in every failure they are
//! in no output, no file and no process list, and go to no server but the host.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;
use std::time::Duration;

use palette_sim::{HostFault, HostWorld};

use super::FORMS;
use crate::support::{HOST_PASSWORD, Host, Run, Test, host_world, leaked, until};

/// The beginning of every token of a simulated host.
const TOKEN: &str = "eyJh";

fn ready(world: HostWorld) -> (Host, Test) {
    let host = Host::start(world);
    let test = Test::with_host(&host);
    let shown = test.cached_details();
    host.world(|world| drop(world.slots.insert("embedded", shown)));
    (host, test)
}

/// Runs the command and searches everything that it printed and left.
#[track_caller]
fn audit(test: &Test, command: &str, form: &str, code: i32) {
    let run = test.host_run(command);
    let run = form.split_whitespace().fold(run, Run::arg);
    let done = run.any_stdout().any_stderr().ends(code);
    let printed = format!("{}{}", done.stdout, done.stderr);
    assert_eq!(leaked(HOST_PASSWORD, printed.as_bytes()), None, "{printed}");
    assert!(!printed.contains(TOKEN), "{printed}");
    for (path, bytes) in test.contents() {
        let path = path.display();
        assert_eq!(leaked(HOST_PASSWORD, &bytes), None, "{path}");
        let has_token = bytes
            .windows(TOKEN.len())
            .any(|part| part == TOKEN.as_bytes());
        assert!(!has_token, "{path}");
    }
}

#[test]
fn commands_that_succeed() {
    for form in FORMS {
        let (_host, test) = ready(host_world());
        for command in ["host check", "host upload --all", "host upload --all"] {
            audit(&test, command, form, 0);
        }
    }
}

#[test]
fn every_failure() {
    let answer = HostFault::Answer;
    let faults = [
        ("host check", 4, answer("/login", 401, "no")),
        ("host check", 4, answer("/login", 400, "no")),
        ("host check", 5, answer("/login", 500, "no")),
        ("host check", 1, HostFault::Body("/login", "{\"Token\":{}}")),
        ("host check", 4, answer("/details", 403, "no")),
        ("host check", 1, answer("/details", 418, "no")),
        ("host check", 5, answer("/details", 503, "no")),
        ("host check", 1, HostFault::Body("/details", "<html>")),
        ("host upload --all", 1, answer("/settings", 404, "no")),
        (
            "host upload --all",
            5,
            answer("/upload-clusterconfig", 500, "no"),
        ),
        ("host upload --all", 5, HostFault::CutUpload(10)),
        ("host upload --all", 0, HostFault::LoseAnswer),
        ("host upload --all", 3, HostFault::Forget),
    ];
    for (command, code, fault) in faults {
        for form in FORMS {
            let (host, test) = ready(host_world());
            host.world(|world| world.order(fault.clone()));
            audit(&test, command, form, code);
        }
    }
    for form in FORMS {
        let (_host, test) = ready(host_world().mode("central"));
        audit(&test, "host upload --all", form, 1);
        let (_host, test) = ready(host_world().key("LS0t"));
        audit(&test, "host upload --all", form, 2);
        let manifest = test.text("profiles.toml");
        let pin = manifest.split("certificate-sha256 = \"").nth(1).unwrap();
        let other = manifest.replace(&pin[..64], &"9c".repeat(32));
        test.put("profiles.toml", other);
        audit(&test, "host check", form, 5);
    }
}

/// The list of processes, and the core of a run that is killed while it has both.
#[test]
fn neither_process_list_nor_core() {
    let stall = HostFault::Stall("/embedded/details", Duration::from_secs(60));
    let (host, test) = ready(host_world().fault(stall));
    let host = host.leaves_sessions();
    let run = test.host_run("host check").prelude("ulimit -c unlimited");
    let mut child = run.spawn();
    until("the host is asked", || {
        host.world(|world| world.logins()) == 1
    });
    for file in ["cmdline", "comm"] {
        let line = fs::read(format!("/proc/{}/{file}", child.id())).unwrap();
        assert_eq!(leaked(HOST_PASSWORD, &line), None);
    }
    let killed = Command::new("kill")
        .args(["-ABRT", &child.id().to_string()])
        .status();
    assert!(killed.unwrap().success());
    let status = child.wait().unwrap();
    assert_eq!(status.signal(), Some(6));
    assert!(!status.core_dumped(), "it dumped its memory");
}

/// Palette gets nothing of a host, and a host nothing of Palette.
#[test]
fn each_secret_goes_to_its_own_server() {
    let (host, test) = ready(host_world());
    test.run("host upload --all")
        .env("EDGESTAGE_HOST_PASSWORD", HOST_PASSWORD)
        .any_stdout()
        .any_stderr()
        .success();
    let key = crate::support::KEY;
    for request in host.requests() {
        let headers = request.headers.iter();
        let mut sent = String::new();
        sent.extend(headers.map(|(name, value)| {
            format!(
                "{name}: {value}
"
            )
        }));
        assert_eq!(leaked(key, sent.as_bytes()), None, "{sent}");
        assert_eq!(leaked(key, &request.body), None);
    }
    for request in test.sim.requests() {
        let headers = request.headers.iter();
        let mut sent = String::new();
        sent.extend(headers.map(|(name, value)| {
            format!(
                "{name}: {value}
"
            )
        }));
        assert_eq!(leaked(HOST_PASSWORD, sent.as_bytes()), None, "{sent}");
        assert_eq!(leaked(HOST_PASSWORD, &request.body), None);
    }
}
