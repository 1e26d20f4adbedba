//! Answers with status 200 that do not come from Palette: the page of a captive portal, another
//! program's error, another format. They are refused with exit 6, and the message describes
//! them.

use palette_sim::{Act, Fault, Route};
use serde_json::json;

use crate::support::{KEY, Test, archive, gzip};

/// The calls that are answered with JSON, by the names that messages use.
const LISTS: [(Route, &str); 3] = [
    (Route::Projects, "GET /v1/dashboard/projects/metadata"),
    (
        Route::Metadata,
        "GET /v1/dashboard/clusterprofiles/metadata",
    ),
    (
        Route::Profile,
        "GET /v1/clusterprofiles/65c90a1b2c3d4e5f770daee5",
    ),
];

/// Checks that each of the calls, answered like this, is refused at once and with these words.
#[track_caller]
fn refused(act: &Act, said: &[&str]) {
    for (route, call) in LISTS {
        let test = Test::new().patience("retries = 2");
        test.sim.fault(Fault::on(route, act.clone()).forever());
        let run = test
            .run("stage")
            .keeps_files()
            .stderr_has(&format!("the answer to {call} is not from Palette"))
            .stderr_has("help: check ");
        let run = said.iter().fold(run, |run, said| run.stderr_has(said));
        run.fails(6).says("Retrying", 0);
        // An archive is requested once the uids are known.
        let early = usize::from(route == Route::Profile);
        assert!(test.downloads() <= early);
    }
}

/// Checks that a download that is answered like this is refused with these words.
#[track_caller]
fn no_archive(act: &Act, said: &[&str]) {
    let test = Test::new().patience("retries = 2");
    test.sim.fault(Fault::on(Route::Download, act.clone()));
    let run = test
        .run("stage")
        .keeps_files()
        .stderr_has("the archive of `factory` is refused");
    let run = said.iter().fold(run, |run, said| run.stderr_has(said));
    run.fails(6).says("Retrying", 0);
    assert_eq!(test.downloads(), 1);
}

#[test]
fn a_captive_portals_page() {
    let page = "it begins with `<!DOCTYPE html>\\n<html><head><title>Guest network</title>";
    refused(&Act::Html200, &[page, "a proxy or login page answers"]);
    no_archive(&Act::Html200, &["it is an HTML page", page]);
}

/// If it were accepted as an answer, Palette would seem to have no projects or profiles, and
/// the error would blame the file.
#[test]
fn an_error_with_status_200() {
    refused(
        &Act::Json200(json!({ "code": "SessionExpired", "message": "please\nlog in" })),
        &["it is an error with status 200: SessionExpired: please\\nlog in"],
    );
    refused(
        &Act::Json200(json!({ "message": "no upstream", "details": {} })),
        &["it is an error with status 200: no upstream"],
    );
    no_archive(
        &Act::Json200(json!({ "code": "SessionExpired", "message": "log in" })),
        &["it is JSON", "SessionExpired"],
    );
}

#[test]
fn json_that_is_another_servers() {
    for (answer, seen) in [
        (json!([]), "it begins with `[]`"),
        (json!([{ "metadata": {} }]), "it begins with `[{"),
        (json!("ok"), "it begins with `\"ok\"`"),
        (json!(null), "it begins with `null`"),
    ] {
        refused(&Act::Json200(answer), &[seen]);
    }
    // Health pages are objects; of a list the contract requires `items`.
    for (route, _) in &LISTS[..2] {
        let act = Act::Json200(json!({ "status": "up" }));
        let test = Test::new().fault(Fault::on(*route, act).forever());
        test.run("stage")
            .error("not-palette")
            .stderr_has("it begins with `{\"status\":\"up\"}`")
            .keeps_files()
            .fails(6);
    }
}

#[test]
fn an_empty_body() {
    refused(&Act::EmptyBody, &["is not from Palette: it is empty"]);
    no_archive(&Act::EmptyBody, &["it is empty, not a gzip archive"]);
}

/// No encoding is requested and none is decoded: the message names a proxy that sets one all
/// the same.
#[test]
fn a_content_encoding_that_a_proxy_set() {
    refused(
        &Act::ContentEncodingGzip,
        &["it is gzip data, which edgestage did not request"],
    );
    let test = Test::new().fault(Fault::on(Route::Download, Act::ContentEncodingGzip));
    test.run("stage -q").any_stdout().success();
    test.run("verify").stdout_has("as locked").success();
}

/// The content is not a tar archive, however often it is requested.
#[test]
fn gzip_of_something_else() {
    let whole = archive(&[("spc/", ""), ("spc/a", "x")]);
    for inside in [
        &whole[..],
        b"<!DOCTYPE html><p>Please log in",
        &[b'x'; 5000],
        b"",
    ] {
        let act = Act::Bytes(gzip(inside));
        let test = Test::new().fault(Fault::on(Route::Download, act).forever());
        test.run("stage")
            .keeps_files()
            .error("archive-refused")
            .stderr_has("the archive of `factory` is refused: it ")
            .fails(6);
    }
}

#[test]
fn zstd() {
    let frame = b"\x28\xb5\x2f\xfd\x04\x00\x01\x00\x00".to_vec();
    refused(
        &Act::Bytes(frame.clone()),
        &["it begins with `(\\xb5/\\xfd\\u{4}\\u{0}"],
    );
    no_archive(&Act::Bytes(frame), &["it is zstd data, not a gzip archive"]);
}

/// A page that repeats what it was sent is shown on one line, shortened, and without the key,
/// even if the key is at the point where it is cut.
#[test]
fn what_is_shown_is_printable_cut_and_masked() {
    let long = "y".repeat(4000);
    for start in [0, 10, 60, 70, 75] {
        let page = format!("<p>{}\u{1b}[31m\u{202e}{KEY} {long}", "x".repeat(start));
        for (route, _) in LISTS.into_iter().chain([(Route::Download, "")]) {
            let act = Act::text(200, &page);
            let test = Test::new().fault(Fault::on(route, act));
            let done = test
                .run("stage")
                .stderr_has("it begins with `<p>")
                .keeps_files()
                .fails(6);
            assert!(!done.stderr.contains(&KEY[..5]), "{}", done.stderr);
            assert!(!done.stderr.contains(['\u{1b}', '\u{202e}']));
            assert!(done.stderr.contains('…') && done.stderr.len() < 1000);
        }
    }
}
