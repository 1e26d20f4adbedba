//! Redirects: they are followed within the origin that the key is for, and nowhere else.

use palette_sim::{Act, EDGE_INFRA_2_1_0, Fault, HELLO_UNIVERSE_1_2_0, Route, Sim, Tls, World};

use crate::support::{Test, archive, profile_directory, trusting};

const DOWNLOAD: &str = "/v1/spectroclusters/spc/download";

fn redirect(route: Route, status: u16, to: &str) -> Fault {
    Fault::on(route, Act::Redirect(status, to.to_owned()))
}

/// This covers every status and every call. There is not even a connection to the other origin,
/// so it learns neither the key nor that there was a request.
#[test]
fn a_redirect_to_another_origin_is_refused() {
    let other = Sim::start(World::demo());
    let to = format!("{}{DOWNLOAD}?ticket=abcdef", other.url());
    for status in [301, 302, 303, 307, 308] {
        for route in [Route::Projects, Route::Profile, Route::Download] {
            let test = Test::new().patience("retries = 2");
            test.sim.fault(redirect(route, status, &to).forever());
            let done = test
                .run("stage")
                .error("redirect-refused")
                .stderr_has(&format!("from `{{endpoint}}` to `{}`", other.url()))
                .stderr_has("it leads to another origin, which would receive the API key")
                .stderr_has("set `endpoint` to the address that Palette itself answers at")
                .keeps_files()
                .fails(5);
            done.says("Retrying", 0).says("abcdef", 0);
            let mut asked: Vec<_> = test.asked(route).into_iter().map(|r| r.target).collect();
            let count = asked.len();
            asked.dedup();
            assert_eq!(asked.len(), count, "asked for again: {asked:?}");
        }
    }
    assert_eq!(other.connections(), 0);
}

/// Another port, scheme or name of the same machine is another origin.
#[test]
fn what_only_looks_like_the_same_origin() {
    let test = Test::new();
    let port = test.sim.port();
    for to in [
        format!("https://127.0.0.1:{port}/v1/x"),
        format!("http://localhost:{port}/v1/x"),
        format!("//127.0.0.1:{}/v1/x", port ^ 1),
        format!("http://127.0.0.1:{port}@127.0.0.2/v1/x"),
    ] {
        test.sim.fault(redirect(Route::Projects, 307, &to));
        test.run("stage")
            .error("redirect-refused")
            .stderr_has("another origin")
            .keeps_files()
            .fails(5);
    }
    assert_eq!(test.sim.requests().len(), 4);
}

#[test]
fn a_redirect_from_tls_to_plain_http_is_refused() {
    let test = trusting(Tls::self_signed(&["127.0.0.1"]));
    let plain = test.sim.url().replace("https", "http");
    let to = format!("{plain}/v1/x");
    test.sim.fault(redirect(Route::Projects, 302, &to));
    test.run("stage")
        .error("redirect-refused")
        .stderr_has(&format!("from `{{endpoint}}` to `{plain}`"))
        .stderr_has("another origin")
        .keeps_files()
        .fails(5);
    assert_eq!(test.sim.requests().len(), 1);
}

/// The first redirect stays within the origin, the second would leave it.
#[test]
fn a_redirect_by_way_of_the_same_origin() {
    let other = Sim::start(World::demo());
    let test = Test::new();
    test.sim.fault(redirect(Route::Download, 307, DOWNLOAD));
    test.sim.fault(redirect(Route::Download, 307, other.url()));
    test.run("stage")
        .error("redirect-refused")
        .stderr_has(&format!("from `{{endpoint}}` to `{}`", other.url()))
        .keeps_files()
        .fails(5);
    assert_eq!(other.connections(), 0);
}

/// RFC 9110, 15.4: 307 and 308 keep the method, 301 and 302 may.
#[test]
fn a_redirect_within_the_origin_keeps_the_method() {
    for (status, to) in [
        (301, DOWNLOAD),
        (302, DOWNLOAD),
        (307, DOWNLOAD),
        (308, "download"),
    ] {
        let test = Test::new().fault(redirect(Route::Download, status, to));
        test.run("stage -q").any_stdout().success();
        let asked = test.asked(Route::Download);
        assert_eq!(asked.len(), 2);
        assert_eq!(asked[1].method, "POST");
        assert_eq!(asked[0].body, asked[1].body);
        assert_eq!(asked[0].header("ApiKey"), asked[1].header("ApiKey"));
    }
}

#[test]
fn a_list_behind_a_redirect() {
    for status in [301, 302, 303, 307, 308] {
        let to = "/v1/dashboard/projects/metadata?name=Default";
        let test = Test::new().fault(redirect(Route::Projects, status, to));
        test.run("stage -q").any_stdout().success();
        let asked = test.asked(Route::Projects);
        assert_eq!(asked.len(), 2);
        assert_eq!(asked[1].method, "GET");
    }
}

/// RFC 9110, 15.4.4: the result of the POST is retrieved from another address.
#[test]
fn a_303_asks_for_a_get() {
    let [infra, hello] = [EDGE_INFRA_2_1_0, HELLO_UNIVERSE_1_2_0].map(profile_directory);
    let served = archive(&[("spc/manifest.json", "{}"), (&infra, ""), (&hello, "")]);
    let test = Test::new();
    test.sim.fault(redirect(Route::Download, 303, DOWNLOAD));
    test.sim
        .fault(Fault::on(Route::Download, Act::Bytes(served.clone())));
    test.run("stage -q").any_stdout().success();
    assert_eq!(test.staged(), served);
    let asked = test.asked(Route::Download);
    assert_eq!(asked[1].method, "GET");
    assert_eq!(asked[1].body, b"");
    // The contract knows no GET of it.
    test.sim.clear_requests();
}

/// A user name in the redirect would be sent as `Authorization`.
#[test]
fn credentials_in_a_redirect_are_dropped() {
    let test = Test::new();
    let to = format!("http://me:hunter2@127.0.0.1:{}{DOWNLOAD}", test.sim.port());
    test.sim.fault(redirect(Route::Download, 307, &to));
    test.run("stage -q").any_stdout().success();
    assert_eq!(test.asked(Route::Download)[1].header("Authorization"), None);
}

#[test]
fn a_redirect_in_a_circle_ends() {
    for status in [301, 302, 307, 308] {
        let test = Test::new().patience("retries = 2");
        let to = format!("{DOWNLOAD}?ticket=abcdef");
        test.sim
            .fault(redirect(Route::Download, status, &to).forever());
        let done = test
            .run("stage")
            .error("redirect-refused")
            .stderr_has("too many redirects in a row")
            .stderr_has(&format!(
                "from `{{endpoint}}{DOWNLOAD}` to `{{endpoint}}{DOWNLOAD}`"
            ))
            .keeps_files()
            .fails(5);
        done.says("abcdef", 0).says("Retrying", 0);
        assert_eq!(test.downloads(), 10);
        // The contract knows no such parameter.
        test.sim.clear_requests();
    }
}

#[test]
fn a_redirect_that_does_not_say_where_to() {
    for to in ["http://[", "\u{fc}"] {
        let test = Test::new().fault(redirect(Route::Projects, 307, to));
        test.run("stage")
            .error("redirect-refused")
            .stderr_has("it does not name a target")
            .keeps_files()
            .fails(5);
    }
}
