//! The places where the key must never be, whatever a run does and whatever happens to it.
//!
//! After every run of every test, its output and all files below the test's directory are
//! searched for the key, in the forms of `support/secrets.rs`. The tests here cover many runs:
//! [`commands`] has every command, [`faults`] failures of Palette, [`files`] invalid local
//! files, and [`crash`] runs that do not finish. This module examines the children of a run,
//! and tests the audit itself.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use edgestage::api_key::FoundKey;
use edgestage::http::Route;
use edgestage::palette::{Options, Palette};
use edgestage::ui::Report;
use edgestage::util::endpoint::Endpoint;
use edgestage::util::environment::Environment;
use edgestage::util::secret::ApiKey;

use crate::support::{Done, FACTORY, HEAD, KEY, Run, Test, forms, leaked};

mod commands;
#[cfg(all(debug_assertions, target_os = "linux"))] // a release has no failpoints
mod crash;
mod faults;
mod files;
mod hosts;
mod registry;

/// A run, and how it must end. The text `says` in its output proves that it is the intended
/// run.
type Situation = (fn() -> Test, &'static str, i32, &'static str);

/// The kinds of output. With each of them, the key comes from another place.
const FORMS: [&str; 3] = ["", "-vv", "--json"];

/// Runs each situation in every form; [`Run`] searches what it leaves.
#[track_caller]
fn audit_all(situations: &[Situation]) {
    for (place, command, code, says) in situations {
        for form in FORMS {
            audit(place(), command, form, (*code, *says));
        }
    }
}

/// Runs `command` in one form.
#[track_caller]
fn audit(test: Test, command: &str, form: &str, (code, says): (i32, &str)) {
    let test = test.key_file("key", KEY).write("tmp/.keep", "");
    let run = test.run(command).env("TMPDIR", "{dir}/tmp");
    let run = match form {
        "" => run,
        "-vv" => run.without_key().env("SPECTROCLOUD_APIKEY", KEY),
        _ => run.without_key().arg("--api-key-file").arg("{dir}/key"),
    };
    let run = form.split_whitespace().fold(run, Run::arg);
    // What stands behind two dashes is the build's.
    let done = ends(run.any_stdout().any_stderr(), code);
    let all = format!("{}{}", done.stdout, done.stderr);
    assert!(
        all.contains(says),
        "{command} {form}: no {says:?} in\n{all}"
    );
    only_in_its_header(&test);
}

#[track_caller]
fn ends(run: Run<'_>, code: i32) -> Done<'_> {
    match code {
        0 => run.success(),
        _ => run.fails(code),
    }
}

/// Checks that one header has the key, and nothing else that was sent.
#[track_caller]
fn only_in_its_header(test: &Test) {
    for request in test.sim.requests() {
        let others = request.headers.iter();
        let others = others.filter(|(name, _)| !name.eq_ignore_ascii_case("ApiKey"));
        let mut sent = format!("{} {}\n", request.method, request.target);
        sent.extend(others.map(|(name, value)| format!("{name}: {value}\n")));
        sent += &String::from_utf8_lossy(&request.body);
        assert_eq!(leaked(KEY, sent.as_bytes()), None, "{sent}");
        assert_eq!(request.header("ApiKey"), Some(KEY));
    }
}

/// Returns a test with this line in `[palette]`, and the key in the file `key`.
fn with_palette(line: &str) -> Test {
    let head = HEAD.replace("retries = 0", line);
    let test = Test::new().key_file("key", KEY);
    test.manifest(&format!("{head}\n[definition.factory]\n{FACTORY}\n"))
}

/// Writes a program that records its own environment and arguments, then runs `rest`.
fn recorder(test: &Test, path: &str, rest: &str) {
    let script = format!(
        "#!/bin/sh\nenv > seen.env\ntr '\\0' '\\n' < /proc/$$/cmdline > seen.argv\n{rest}\n"
    );
    test.put(path, script);
    fs::set_permissions(test.path(path), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_build_sees_no_key() {
    let line = "dir = \"CanvOS\"\nbuild = [\"./record\", \"+iso\"]";
    let head = HEAD.replace("dir = \"CanvOS\"", line);
    for (rest, code) in [("exit 7", 1), ("mkdir build; echo x > build/a.iso", 3)] {
        for form in FORMS {
            let test = Test::new().key_file("key", KEY);
            let test = test.manifest(&format!("{head}\n[definition.factory]\n{FACTORY}\n"));
            recorder(&test, "CanvOS/record", rest);
            let run = test
                .run("build --api-key-file key")
                .env("OTHER", "is passed");
            let run = run.env("SPECTROCLOUD_APIKEY", KEY);
            let run = form.split_whitespace().fold(run, Run::arg);
            run.any_stdout().any_stderr().fails(code);
            let seen = test.text("CanvOS/seen.env") + &test.text("CanvOS/seen.argv");
            assert!(
                seen.contains("OTHER=is passed") && seen.contains("+iso"),
                "{seen}"
            );
            assert!(!seen.contains("API") && leaked(KEY, seen.as_bytes()).is_none());
        }
    }
}

/// It prints one key, and its environment contains no other.
#[test]
fn the_command_that_prints_the_key_sees_none() {
    for form in FORMS {
        let test = with_palette("api-key-command = [\"./record\"]");
        recorder(&test, "record", "cat key");
        let run = test.run("stage").without_key();
        let run = run.env("PALETTE_API_KEY", "").env("EDGESTAGE_X", KEY);
        let run = form.split_whitespace().fold(run, Run::arg);
        run.env("LC_ALL", "C").any_stdout().any_stderr().success();
        let seen = test.text("seen.env") + &test.text("seen.argv");
        assert!(
            seen.contains("LC_ALL=C") && seen.contains("./record"),
            "{seen}"
        );
        assert!(
            !seen.contains("API") && !seen.contains("EDGESTAGE"),
            "{seen}"
        );
        only_in_its_header(&test);
    }
}

/// The `Debug` output of a value, if its type has one.
struct Shown<T>(T);

impl<T: std::fmt::Debug> Shown<T> {
    fn debug(&self) -> String {
        format!("{:?} {:#?}", self.0, self.0)
    }
}

/// Chosen by method resolution only if the implementation above does not apply.
trait NotShown {
    fn debug(&self) -> String {
        "no Debug".into()
    }
}

impl<T> NotShown for Shown<T> {}

#[test]
fn no_debug_shows_it() {
    let key = ApiKey::new(KEY).unwrap();
    let environment = Environment {
        variables: [("PALETTE_API_KEY".into(), KEY.into())].into(),
        directory: "/".into(),
        terminal: false,
        interactive: false,
        columns: None,
    };
    let endpoint = Endpoint::parse("http://127.0.0.1:9").unwrap();
    let options = Options {
        timeout: std::time::Duration::from_secs(1),
        retries: 0,
        ca_cert: None,
        key_place: "here".into(),
        route: Route::to(&endpoint, &environment).0,
    };
    let found = FoundKey {
        key: key.clone(),
        place: "here".into(),
        warning: None,
    };
    let output = edgestage::cli::Output {
        json: false,
        verbosity: edgestage::cli::Verbosity::Normal,
        color: edgestage::cli::Color::Never,
    };
    let report = Report::new(output, &environment);
    report.hide(&key);
    for shown in [
        Shown(Palette::new(endpoint, key.clone(), &options).unwrap()).debug(),
        Shown(report).debug(),
        Shown(found).debug(),
        Shown(environment).debug(),
        Shown(key).debug(),
    ] {
        assert_eq!(leaked(KEY, shown.as_bytes()), None, "{shown}");
    }
    assert!(Shown(KEY).debug().contains(KEY));
}

/// Tests the audit itself: a leak in any form, file or stream makes a test fail.
#[test]
fn a_leak_makes_a_test_fail() {
    let fails = |plant: &dyn Fn(&Test)| {
        let test = Test::new();
        plant(&test);
        let run = || test.run("list").any_stdout().any_stderr().success().stdout;
        catch_unwind(AssertUnwindSafe(run)).is_err()
    };
    assert!(!fails(&|_| ()));
    for form in forms(KEY) {
        let text = format!("x{form}x");
        assert!(fails(&|test| test.put("CanvOS/build/log", &text)), "{form}");
    }
    assert!(fails(&|test| test.put(".hidden/deep/file", KEY)));
    // On a stream: nothing but the command's own output is passed through.
    let test = with_palette("api-key-command = [\"sh\", \"-c\", \"cat key >&2; cat key\"]");
    let run = || {
        let run = test.run("check").without_key().any_stdout().any_stderr();
        run.success().stdout
    };
    assert!(catch_unwind(AssertUnwindSafe(run)).is_err());
}
