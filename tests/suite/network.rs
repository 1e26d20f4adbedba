//! Connections that fail, break, stall or have a wrong length; how long a run waits, and that
//! Ctrl-C ends any wait.

use std::time::{Duration, SystemTime};

use palette_sim::{
    Act, Archive, ConnectionFault, Deaf, Fault, Framing, Key, Route, Sim, Tls, World,
};

use crate::support::{KEY, Test, free_port, interrupt, trusting, until, unused_port};

/// Longer than any test: the stall never ends within a test.
const LONG: Duration = Duration::from_secs(600);

fn served_with(framing: Framing) -> Test {
    Test::of(World::demo().archive(Archive {
        framing,
        ..Archive::default()
    }))
}

/// Checks that an answer that is corrupted once is requested again, and that `said` is printed
/// meanwhile. Afterwards, the contents of the second answer are staged.
#[track_caller]
fn borne(test: Test, route: Route, act: &Act, said: &str) {
    let test = test
        .patience("retries = 1")
        .fault(Fault::on(route, act.clone()));
    let done = test
        .run("stage")
        .any_stdout()
        .stderr_has("Retrying ")
        .stderr_has(said)
        .success();
    done.says("Retrying", 1);
    test.run("verify").stdout_has("as locked").success();
    assert_eq!(
        test.downloads(),
        if route == Route::Download { 2 } else { 1 }
    );
}

/// Checks that the run fails with these words, and changes nothing.
#[track_caller]
fn given_up(test: &Test, said: &[&str], code: i32) {
    let run = test.run("stage").keeps_files();
    said.iter()
        .fold(run, |run, said| run.stderr_has(said))
        .fails(code);
}

/// The server comes back while the run still tries.
#[test]
fn a_refused_connection_is_tried_again() {
    let port = free_port();
    let test = Test::new().patience("retries = 12");
    let run = test.run("stage").any_stdout();
    let mut going = run
        .arg("--endpoint")
        .arg(&format!("http://127.0.0.1:{port}"))
        .stderr_has(": connection refused")
        .start();
    going.says("Retrying GET /v1/dashboard/projects/metadata in ");
    let world = World::demo().key(Key::admin(KEY));
    let late = Sim::listen(world, None, port).unwrap();
    going.success();
    assert!(!late.requests().is_empty());
}

/// The body of each call, with a length and in chunks, breaks off before, inside and after its
/// head.
#[test]
fn a_body_that_stops_short() {
    let reset = [
        "the connection was reset",
        "the connection was closed early",
    ];
    for framing in [Framing::Length, Framing::Chunked] {
        for (act, said) in [
            (Act::CloseInBody(0), reset[1]),
            (Act::CloseInBody(1500), reset[1]),
            // All of it, but for what says that this was all.
            (Act::CloseInBody(u64::MAX), reset[1]),
            // What the reset overtakes was never sent, for the client.
            (Act::ResetInBody(1500), "the connection was "),
        ] {
            borne(served_with(framing), Route::Download, &act, said);
        }
    }
}

#[test]
fn a_list_that_stops_short() {
    for route in [Route::Projects, Route::Metadata, Route::Profile] {
        for act in [
            Act::CloseInBody(5),
            Act::ResetInBody(5),
            Act::CloseBeforeHead,
            Act::ResetBeforeHead,
            Act::ResetInHead,
        ] {
            borne(Test::new(), route, &act, "the connection was ");
        }
    }
}

/// A length that is too large cannot be distinguished from a body that is too short.
#[test]
fn a_length_that_is_too_large() {
    let early = "the connection was closed early";
    for route in [Route::Download, Route::Projects, Route::Profile] {
        borne(Test::new(), route, &Act::WrongLength(10), early);
    }
    let test = Test::new().fault(Fault::on(Route::Download, Act::WrongLength(10)));
    given_up(&test, &["cannot reach Palette: ", early], 5);
}

/// To HTTP, the body is complete; only its contents show that it is not.
#[test]
fn a_length_that_is_too_small() {
    let short = Act::WrongLength(-10);
    borne(
        Test::new(),
        Route::Download,
        &short,
        "the archive was cut short",
    );
    for route in [Route::Projects, Route::Metadata, Route::Profile] {
        borne(Test::new(), route, &short, "the answer was cut short");
    }
    for (route, said, code) in [
        (
            Route::Download,
            "the archive of `factory` is refused: it is truncated",
            6,
        ),
        (
            Route::Profile,
            "cannot reach Palette: the answer was cut short",
            5,
        ),
    ] {
        let test = Test::new().fault(Fault::on(route, short.clone()).forever());
        given_up(&test, &[said], code);
    }
}

/// The message names the call that failed, and how often it was tried.
#[test]
fn what_keeps_breaking_is_named() {
    for (route, call) in [
        (Route::Projects, "GET /v1/dashboard/projects/metadata"),
        (
            Route::Profile,
            "GET /v1/clusterprofiles/65c90a1b2c3d4e5f770daee5",
        ),
        (Route::Download, "POST /v1/spectroclusters/spc/download"),
    ] {
        let test = Test::new()
            .patience("retries = 1")
            .fault(Fault::on(route, Act::CloseInBody(5)).forever());
        given_up(&test, &[&format!("note: {call}, 2 attempts\n")], 5);
    }
}

/// There are no more attempts than requested: the HTTP library makes none of its own.
#[test]
fn the_number_of_attempts_is_kept() {
    for act in [Act::ResetBeforeHead, Act::CloseBeforeHead, Act::ResetInHead] {
        for retries in 0..2 {
            let test = Test::new()
                .patience(&format!("retries = {retries}"))
                .fault(Fault::on(Route::Download, act.clone()).forever());
            given_up(&test, &["cannot reach Palette: "], 5);
            assert_eq!(test.downloads(), retries + 1, "{act:?}");
        }
    }
}

/// A permanent failure is neither retried nor attributed to the archive.
#[test]
fn a_failure_that_will_not_pass() {
    for status in [501, 505] {
        let act = Act::status(status).header("Retry-After", "0");
        let test = Test::new()
            .patience("retries = 3")
            .fault(Fault::on(Route::Download, act).forever());
        given_up(&test, &["Palette failed", &format!("HTTP {status} ")], 5);
        assert_eq!(test.downloads(), 1);
    }
}

/// Nobody answers the connection attempt, or the server is silent in the handshake.
#[test]
fn a_connection_that_stalls() {
    let said = "cannot reach Palette: no connection within 1 s";
    let deaf = Deaf::listen();
    let test = Test::new().patience("retries = 0\ntimeout = 1");
    let run = test
        .run("stage")
        .keeps_files()
        .error("unreachable")
        .stderr_has(said);
    run.arg("--endpoint")
        .arg(&format!("http://127.0.0.1:{}", deaf.port()))
        .fails(5);
    let test = trusting(Tls::self_signed(&["127.0.0.1"])).patience("retries = 0\ntimeout = 1");
    test.sim.fault_connections(1, ConnectionFault::Stall(LONG));
    given_up(&test, &[said], 5);
}

/// A silence is a failure like others: shown, and tried again.
#[test]
fn a_stall_is_tried_again() {
    for (act, said) in [
        (Act::StallBeforeHead(LONG), "no answer within 1 s"),
        (Act::StallInBody(1000, LONG), "no further byte within 1 s"),
    ] {
        for route in [Route::Download, Route::Profile] {
            let test = Test::new().patience("retries = 1\ntimeout = 1");
            test.sim.fault(Fault::on(route, act.clone()));
            test.run("stage").any_stdout().stderr_has(said).success();
        }
    }
}

/// If the server says how long to wait, that time is used: it is printed, has no jitter, and is
/// at most a minute. The first wait of edgestage itself is half a second at most.
#[test]
fn a_retry_after_is_honoured() {
    let date = |seconds| {
        let then = SystemTime::now() + Duration::from_secs(seconds);
        httpdate::fmt_http_date(then)
    };
    for (after, shortest, longest) in [
        ("7".to_owned(), 7.0, 7.0),
        ("3600".to_owned(), 60.0, 60.0),
        (date(50), 5.0, 50.0),
        (date(3600), 60.0, 60.0),
    ] {
        let act = Act::status(429).header("Retry-After", &after);
        let test = Test::new().patience("retries = 1");
        test.sim.fault(Fault::on(Route::Download, act));
        let mut run = test.run("stage").interruptible();
        let line = run.says("Retrying download of `factory` in ");
        run.interrupt();
        let wait = line.split(" in ").nth(1).unwrap();
        let wait: f64 = wait.split(" s: ").next().unwrap().parse().unwrap();
        assert!((shortest..=longest).contains(&wait), "{after}: {line}");
        assert!(line.contains("HTTP 429 TooManyRequests"), "{line}");
        assert_eq!(test.downloads(), 1);
    }
}

/// A date in the past means no wait; a value that is not a time means the default wait.
#[test]
fn a_retry_after_that_is_no_wait() {
    for after in ["Sun, 06 Nov 1994 08:49:37 GMT", "0", "soon", "-1", ""] {
        let act = Act::status(503).header("Retry-After", after);
        borne(
            Test::new(),
            Route::Download,
            &act,
            "HTTP 503 ServiceUnavailable",
        );
    }
}

/// Ctrl-C ends a wait for an answer, for the rest of one, or for another attempt.
#[test]
fn ctrl_c_ends_every_wait() {
    let later = Act::status(503).header("Retry-After", "60");
    for act in [
        Act::StallBeforeHead(LONG),
        Act::StallInBody(1000, LONG),
        later,
    ] {
        let test = Test::new().patience("retries = 1").stage();
        let (staged, lock) = (test.staged(), test.read("profiles.lock"));
        test.sim.clear_requests();
        test.sim.fault(Fault::on(Route::Download, act.clone()));
        let mut run = test.run("update").interruptible();
        until("the download", || test.downloads() == 1);
        if matches!(act, Act::Status { .. }) {
            run.says("Retrying download of `factory` in 60.0 s");
        }
        run.interrupt();
        assert_eq!(test.downloads(), 1);
        assert!(test.staged() == staged && test.read("profiles.lock") == lock);
        test.run("stage -q --offline --locked")
            .any_stdout()
            .success();
        test.run("update -q").any_stdout().success();
    }
}

/// A shell starts a background job in this way: Ctrl-C at the terminal is not meant for it.
#[test]
fn ctrl_c_that_is_ignored_from_the_start_stays_ignored() {
    let later = Act::status(503).header("Retry-After", "1");
    let test = Test::new().patience("retries = 1");
    test.sim.fault(Fault::on(Route::Download, later));
    let run = test.run("stage").prelude("trap '' INT");
    let mut run = run.any_stdout().any_stderr().start();
    run.says("Retrying download of `factory` in 1.0 s");
    interrupt(run.id());
    run.success();
    test.run("verify").any_stdout().success();
}

/// The message has the address, for people who configure firewalls, and the setting if a
/// time-out was too short.
#[test]
fn the_way_that_failed_is_told() {
    let port = unused_port();
    let test = Test::new();
    let run = test.run("stage --endpoint");
    let run = run.arg(&format!("http://127.0.0.1:{port}"));
    let done = run
        .error("unreachable")
        .stderr_has(&format!("note: at `127.0.0.1`, port {port}\n"))
        .stderr_has("if you need a proxy, set `HTTPS_PROXY`")
        .fails(5);
    done.says("timeout", 0);
    for (act, route) in [
        (Act::StallBeforeHead(LONG), Route::Projects),
        (Act::StallInBody(5, LONG), Route::Profile),
        (Act::StallInBody(1000, LONG), Route::Download),
    ] {
        let test = Test::new().patience("retries = 0\ntimeout = 1");
        test.sim.fault(Fault::on(route, act));
        test.run("stage")
            .error("unreachable")
            .stderr_has("help: if it is slow, raise `timeout` in `[palette]`, which is 1 s\n")
            .fails(5);
    }
}

#[test]
fn ctrl_c_ends_an_attempt_to_connect() {
    let test = trusting(Tls::self_signed(&["127.0.0.1"]));
    test.sim.fault_connections(1, ConnectionFault::Stall(LONG));
    let run = test.run("stage").interruptible();
    until("the connection", || test.sim.connections() == 1);
    run.interrupt();
    assert!(test.sim.requests().is_empty());
}
