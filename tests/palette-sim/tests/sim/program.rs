//! The program: its line of output, its options, its end.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};

use palette_sim::{EDGE_INFRA_2_1_0, site_uid};

use crate::support::{Raw, get, read};

struct Program {
    child: Child,
    stdout: BufReader<ChildStdout>,
    stderr: BufReader<ChildStderr>,
    url: String,
}

impl Program {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_palette-sim"))
            .args(arguments)
            .env("SIM_TEST_KEY", "another-key")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let mut url = String::new();
        stdout.read_line(&mut url).unwrap();
        Self {
            child,
            stdout,
            stderr,
            url: url.trim().to_owned(),
        }
    }

    fn tell(&mut self, line: &str) -> String {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
        let mut answer = String::new();
        self.stderr.read_line(&mut answer).unwrap();
        answer
    }

    /// Closes its standard input; it has to end in peace, without another word.
    fn end(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        self.stderr.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "");
    }
}

fn ask(url: &str, key: &str) -> Raw {
    ask_for(EDGE_INFRA_2_1_0, url, key)
}

fn ask_for(uid: &str, url: &str, key: &str) -> Raw {
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let path = format!("/v1/clusterprofiles/{uid}");
    let call = get(&path).key(key).header("Connection", "close");
    stream.write_all(&call.bytes()).unwrap();
    read(&mut stream)
}

#[test]
fn serves_the_demo_and_publishes() {
    let mut program = Program::start(&[]);
    let k3s = |program: &Program| {
        let answer = ask(&program.url, palette_sim::DEMO_KEY).json();
        answer["spec"]["published"]["packs"][1]["tag"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(k3s(&program), "1.30.4");
    assert_eq!(
        program.tell("publish edge-k3s 1.31.1"),
        "edge-k3s is 1.31.1 now in 2 profiles\n"
    );
    assert_eq!(k3s(&program), "1.31.1");
    assert_eq!(program.tell("sing"), "not understood: sing\n");
    program.end();
}

#[test]
fn options() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("url");
    let file = file.to_str().unwrap();
    let program = Program::start(&[
        "--key-env",
        "SIM_TEST_KEY",
        "--url-file",
        file,
        "--latency",
        "1",
    ]);
    assert_eq!(std::fs::read_to_string(file).unwrap().trim(), program.url);
    assert_eq!(ask(&program.url, palette_sim::DEMO_KEY).status(), 401);
    assert_eq!(ask(&program.url, "another-key").status(), 200);
    program.end();
}

#[test]
fn a_fleet_is_served_and_logged() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("log");
    std::fs::write(&log, "").unwrap();
    let program = Program::start(&["--fleet", "2", "--log", log.to_str().unwrap()]);
    let key = palette_sim::DEMO_KEY;
    let site = ask_for(&site_uid(2), &program.url, key).json();
    assert_eq!(site["metadata"]["name"], "site-0002");
    assert_eq!(ask_for(&site_uid(3), &program.url, key).status(), 404);
    // Each line is there with its answer, and a log that was emptied goes on.
    let line = |number, status| format!("GET /v1/clusterprofiles/{} {status}\n", site_uid(number));
    let logged = std::fs::read_to_string(&log).unwrap();
    assert_eq!(logged, line(2, 200) + &line(3, 404));
    std::fs::write(&log, "").unwrap();
    ask_for(&site_uid(1), &program.url, key);
    assert_eq!(std::fs::read_to_string(&log).unwrap(), line(1, 200));
    program.end();
}

#[test]
fn tls_leaves_its_ca() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let program = Program::start(&["--tls", directory.to_str().unwrap()]);
    assert!(program.url.starts_with("https://127.0.0.1:"));
    let pem = std::fs::read_to_string(directory.join("ca.pem")).unwrap();
    assert!(pem.starts_with("-----BEGIN CERTIFICATE-----"));
    program.end();
}

#[test]
fn mistakes_on_the_command_line() {
    for arguments in [
        &["--nonsense"][..],
        &["--port"],
        &["--port", "70000"],
        &["--fleet", "many"],
        &["--key-env", "NO_SUCH_VARIABLE_HERE"],
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_palette-sim"))
            .args(arguments)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(
            text.starts_with("error: ") && text.contains("usage:"),
            "{text}"
        );
    }
}
