//! Errors of Palette's framework and of gateways, answers that trickle, and the setting that a
//! 403 refers to.

use std::time::{Duration, Instant};

use palette_sim::{Act, EDGE_INFRA_2_1_0, Fault, PROJECT_DEFAULT, Route};
use serde_json::json;

use crate::support::{HEAD, Test};

const UID: &str = "65c9000000000000000000aa";

/// The framework knows calls but no profiles; a gateway knows neither.
#[test]
fn errors_that_are_not_palettes_own() {
    let gateway = "does not answer like Palette";
    let rejects = "Palette rejected the request";
    for (act, said, code) in [
        (
            Act::framework(404, 404, "path /v1/x was not found"),
            &[
                rejects,
                "HTTP 404: path /v1/x was not found",
                "check the path of the endpoint",
            ][..],
            1,
        ),
        (
            Act::framework(405, 405, "method GET is not allowed"),
            &[rejects, "HTTP 405: method GET"],
            1,
        ),
        (
            Act::framework(422, 602, "uid in path is required"),
            &[rejects, "HTTP 422 602: uid in path"],
            1,
        ),
        (
            Act::framework(401, 401, "unauthenticated"),
            &[
                "Palette does not accept the API key",
                "HTTP 401: unauthenticated",
            ],
            4,
        ),
        (
            Act::text(404, "default backend - 404"),
            &[gateway, "HTTP 404: default backend - 404"],
            1,
        ),
        (
            Act::gateway(404, "404 Not Found"),
            &[gateway, "HTTP 404: 404 Not Found 404 Not Found nginx\n"],
            1,
        ),
        (
            Act::Status {
                status: 404,
                body: palette_sim::Reply::Json(
                    json!({ "message": "no Route matched with those values" }),
                ),
                headers: Vec::new(),
            },
            &[gateway, "HTTP 404: no Route matched with those values"],
            1,
        ),
        (
            Act::gateway(403, "Blocked"),
            &[
                "a server other than Palette denied the request",
                "HTTP 403: Blocked",
            ],
            4,
        ),
        (
            Act::gateway(401, "Log in"),
            &[
                "Palette does not accept the API key",
                "the answer is not in Palette's form",
            ],
            4,
        ),
        (
            Act::gateway(502, "502 Bad Gateway"),
            &["Palette failed", "HTTP 502: 502 Bad Gateway"],
            5,
        ),
    ] {
        for route in [
            Route::Projects,
            Route::Metadata,
            Route::Profile,
            Route::Download,
        ] {
            let test = Test::new();
            test.sim.fault(Fault::on(route, act.clone()).forever());
            let run = test.run("stage").keeps_files();
            let run = said.iter().fold(run, |run, said| run.stderr_has(said));
            // Of a profile nothing is said, whatever the path was.
            run.fails(code).says("Palette has no profile", 0);
        }
    }
}

/// An answer that trickles is never silent, and would never end.
#[test]
fn an_answer_that_trickles_ends_within_three_times_the_timeout() {
    let long = json!({ "items": [{ "metadata": { "name": "x".repeat(2000), "uid": UID } }] });
    let error = Act::text(503, &"y".repeat(2000));
    let failing = ("kept-failing", "HTTP 503: yyy");
    let too_long = ("unreachable", "the answer took longer than 3 s");
    for (route, act, (code, said)) in [
        (Route::Projects, Act::Json200(long), too_long),
        (Route::Projects, error.clone(), failing),
        (Route::Download, error, failing),
    ] {
        let test = Test::new().patience("retries = 0\ntimeout = 1");
        test.sim
            .fault(Fault::on(route, Act::Drip(Box::new(act), 20)).forever());
        let began = Instant::now();
        let run = test.run("stage").error(code).stderr_has(said);
        run.keeps_files().fails(5);
        let took = began.elapsed();
        assert!(took > Duration::from_secs(2), "{took:?}");
        // Twice as long as it may take, for a machine that has other things to do.
        assert!(took < Duration::from_secs(9), "{took:?}");
    }
    // The setting is named.
    let test = Test::new().patience("retries = 0\ntimeout = 1");
    let silent = Act::StallBeforeHead(Duration::from_secs(60));
    test.sim.fault(Fault::on(Route::Projects, silent));
    test.run("stage")
        .error("unreachable")
        .stderr_has("no answer within 1 s")
        .stderr_has("help: if it is slow, raise `timeout` in `[palette]`, which is 1 s\n")
        .fails(5);
    let drip = Act::Drip(
        Box::new(Act::Json200(json!({ "items": ["x".repeat(2000)] }))),
        20,
    );
    test.sim.fault(Fault::on(Route::Projects, drip));
    test.run("stage")
        .error("unreachable")
        .stderr_has(
            "raise `timeout` in `[palette]`: an answer may take three times that, which is 3 s\n",
        )
        .fails(5);
}

/// The name and type of a download do not matter.
#[test]
fn a_download_has_any_name_and_type() {
    for (name, value) in [
        (
            "Content-Disposition",
            "attachment; filename=cluster-profiles-65c90a1b2c3d4e5f770daee5.tgz",
        ),
        ("Content-Disposition", "inline"),
        ("Content-Type", "application/json"),
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Type", "application/x-gzip"),
    ] {
        let act = Act::Headers(vec![(name.into(), value.into())]);
        let test = Test::new().fault(Fault::on(Route::Download, act));
        test.run("stage -q").any_stdout().success();
        test.run("verify").any_stdout().success();
    }
}

/// A time of ages is one, too.
#[test]
fn a_timeout_that_nobody_will_see() {
    let test = Test::new().patience("retries = 0\ntimeout = 9223372036854775807");
    test.run("stage -q").any_stdout().success();
    let act = Act::status(404);
    test.sim.fault(Fault::on(Route::Profile, act));
    test.run("check").any_stdout().any_stderr().fails(2);
}

/// A 403 refers to the project; the message shows where the project is set.
#[test]
fn a_403_points_at_the_line_that_names_the_project() {
    let url = format!(
        "https://console.example/projects/{PROJECT_DEFAULT}/profiles/cluster/{EDGE_INFRA_2_1_0}"
    );
    let of_uid = format!("profiles = [\"{EDGE_INFRA_2_1_0}\"]");
    let without = HEAD.replace("project = \"Default\"\n", "");
    for (head, body, place, name) in [
        (HEAD, of_uid.clone(), "profiles.toml:3:11", "Default"),
        (
            &without,
            format!("project = \"Default\"\n{of_uid}"),
            "profiles.toml:9:11",
            "Default",
        ),
        (
            &without,
            format!("profiles = [\"{url}\"]"),
            "profiles.toml:9:13",
            PROJECT_DEFAULT,
        ),
    ] {
        let text = format!("{head}\n[definition.factory]\n{body}\n");
        for route in [Route::Profile, Route::Download] {
            let test = Test::new().manifest(&text);
            test.sim.fault(Fault::on(route, Act::status(403)).forever());
            test.run("fetch")
                .error("forbidden")
                .stderr_has(&format!("Palette denied the request in project `{name}`"))
                .stderr_has(&format!("--> {place}\n"))
                .stderr_has("help: check `project`")
                .keeps_files()
                .fails(4);
        }
    }
    let test = Test::new();
    test.sim
        .fault(Fault::on(Route::Profile, Act::status(403)).forever());
    let done = test
        .run("check")
        .stdout_has("forbids it")
        .any_stderr()
        .fails(4);
    assert!(!done.stdout.contains("refused the key"), "{}", done.stdout);
}
