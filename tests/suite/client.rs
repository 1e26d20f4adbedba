//! The client: which requests it retries, when it gives up, and how fast it sends requests.

use std::time::Duration;

use palette_sim::{Act, Archive, Fault, Route, World};

use crate::support::{HEAD, Test, unused_port};

/// Returns a test with this many retries. Answers in these tests request no wait, or are
/// retried after half a second at most.
fn with_retries(retries: u32) -> Test {
    Test::new().patience(&format!("retries = {retries}"))
}

fn patient(status: u16) -> Act {
    Act::status(status).header("Retry-After", "0")
}

/// Checks that the fault is overcome: the archive is whole, and was requested this many times.
#[track_caller]
fn borne(route: Route, act: Act, downloads: usize) {
    let test = with_retries(2).fault(Fault::on(route, act));
    test.run("stage")
        .any_stdout()
        .stderr_has("Retrying")
        .success();
    assert_eq!(test.downloads(), downloads);
    test.run("verify").any_stdout().success();
    assert_eq!(test.tree().matches("/.edgestage-").count(), 0);
}

#[test]
fn too_many_requests_then_an_answer() {
    borne(Route::Download, patient(429), 2);
    borne(Route::Profile, patient(429), 1);
    borne(Route::Metadata, patient(429), 1);
}

#[test]
fn a_failure_that_may_pass_then_an_answer() {
    for status in [408, 500, 502, 503, 504] {
        borne(Route::Download, patient(status), 2);
    }
}

#[test]
fn a_connection_that_breaks_before_the_answer() {
    borne(Route::Download, Act::ResetBeforeHead, 2);
    borne(Route::Download, Act::CloseBeforeHead, 2);
    borne(Route::Download, Act::ResetInHead, 2);
    borne(Route::Projects, Act::ResetBeforeHead, 1);
}

/// A download that is retried starts from scratch.
#[test]
fn a_connection_that_breaks_inside_the_archive() {
    borne(Route::Download, Act::ResetInBody(1500), 2);
    borne(Route::Download, Act::CloseInBody(1500), 2);
    borne(Route::Download, Act::WrongLength(10), 2);
}

/// The connection breaks after so many bytes that some of them are on disk already.
#[test]
fn a_large_archive_that_breaks_late() {
    for act in [Act::CloseInBody(700_000), Act::ResetInBody(700_000)] {
        let padded = Archive {
            padding: 5 << 20,
            ..Archive::default()
        };
        let test = with_retries(2);
        test.sim.world(|world| world.archive = padded);
        test.sim.fault(Fault::on(Route::Download, act));
        test.run("stage -q").any_stdout().success();
        let size = format!("size = {}\n", test.staged().len());
        assert!(test.text("profiles.lock").contains(&size));
        test.run("verify").stdout_has("as locked").success();
        test.run("stage -q --offline --locked")
            .any_stdout()
            .keeps_files()
            .success();
    }
}

#[test]
fn an_idle_connection_that_the_server_closed() {
    let test = with_retries(4).fault(Fault::on(Route::Any, Act::CloseAfter).forever());
    test.run("stage -q").any_stdout().success();
}

#[test]
fn what_keeps_failing_is_given_up() {
    let test = with_retries(2).fault(Fault::on(Route::Download, patient(503)).forever());
    test.run("stage")
        .error("kept-failing")
        .stderr_has("Palette kept failing")
        .stderr_has("3 attempts")
        .stderr_has("HTTP 503 ServiceUnavailable: simulated failure with status 503")
        .keeps_files()
        .fails(5);
    assert_eq!(test.downloads(), 3);
    let test = Test::new().fault(Fault::on(Route::Download, Act::CloseInBody(100)).forever());
    test.run("stage")
        .error("unreachable")
        .stderr_has("cannot reach Palette")
        .keeps_files()
        .fails(5);
    assert_eq!(test.downloads(), 1);
}

#[test]
fn a_refused_connection() {
    let test = Test::new();
    let run = test
        .run("stage --endpoint")
        .arg(&format!("http://127.0.0.1:{}", unused_port()));
    run.error("unreachable")
        .stderr_has("cannot reach Palette: connection refused")
        .keeps_files()
        .fails(5);
}

#[test]
fn a_name_that_is_not_found() {
    let test = Test::new();
    // RFC 6761, 6.4: never a name.
    let run = test.run("stage --allow-http --endpoint http://palette.invalid");
    run.error("unreachable")
        .stderr_has("the name `palette.invalid` was not found")
        .keeps_files()
        .fails(5);
}

/// A 4xx answer describes the mistake; retrying would give the same answer.
#[test]
fn what_is_rejected_is_not_tried_again() {
    for (status, code, exit) in [
        (400, "rejected", 1),
        (401, "key-refused", 4),
        (403, "forbidden", 4),
        (404, "rejected", 1),
        (405, "rejected", 1),
    ] {
        let test = with_retries(3).fault(Fault::on(Route::Download, patient(status)).forever());
        test.run("stage")
            .error(code)
            .stderr_has(&format!("HTTP {status} "))
            .stderr_has(&format!("simulated failure with status {status}"))
            .keeps_files()
            .fails(exit);
        assert_eq!(test.downloads(), 1, "{status}");
    }
}

/// A gateway's text is shown too, on one line and without escape sequences.
#[test]
fn an_error_that_is_not_palettes() {
    let act = Act::text(400, "upstream\nsays \u{1b}[31mno");
    let test = Test::new().fault(Fault::on(Route::Projects, act));
    let done = test
        .run("stage")
        .error("rejected")
        .stderr_has("HTTP 400: upstream\\nsays ")
        .fails(1);
    assert!(!done.stderr.contains('\u{1b}'));
}

#[test]
fn silence_is_borne_so_long_and_no_longer() {
    let long = Duration::from_secs(60);
    for (act, said) in [
        (Act::StallBeforeHead(long), "no answer within 1 s"),
        (Act::StallInBody(1000, long), "no further byte within 1 s"),
    ] {
        let test = Test::new()
            .patience("retries = 0\ntimeout = 1")
            .fault(Fault::on(Route::Download, act));
        test.run("stage")
            .error("unreachable")
            .stderr_has(said)
            .keeps_files()
            .fails(5);
    }
}

/// There is no limit on the total time while bytes arrive.
#[test]
fn slowness_is_no_silence() {
    let test = Test::new()
        .patience("retries = 0\ntimeout = 1")
        .fault(Fault::on(Route::Download, Act::Slow(1000)));
    test.run("stage -q").any_stdout().success();
}

/// After a burst, there are no more than the ten requests a second that are documented for the
/// lists.
#[test]
fn the_documented_rate_limits_are_kept() {
    // More than the burst, so that the rate counts.
    let many: Vec<String> = (0..26)
        .map(|at| {
            let sites: Vec<String> = (1..=10)
                .map(|site| format!("\"{}\"", palette_sim::site_uid(at * 10 + site)))
                .collect();
            format!("[definition.d{at}]\nprofiles = [{}]\n", sites.join(", "))
        })
        .collect();
    let world = World::demo().fleet(260).rate_limited();
    let test = Test::of(world).manifest(&format!("{HEAD}\n{}", many.concat()));
    test.run("check -q").any_stdout().success();
    let asked = test.asked(Route::Profile);
    assert_eq!(asked.len(), 260);
    assert!(asked.iter().all(|request| request.answer.status == 200));
    let mut times: Vec<_> = asked.iter().map(|request| request.at).collect();
    times.sort();
    // 200 at once, then 40 a second: 1.475 s for the last 59. A slow machine spreads the
    // first ones too, so only the whole can be measured.
    assert!(times[259] - times[0] >= Duration::from_secs(1));
}
