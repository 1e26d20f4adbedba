//! Proxies: `HTTPS_PROXY` and related variables are used, `NO_PROXY` too, and a proxy's
//! failures are attributed to the proxy.

use palette_sim::{Act, Fault, Key, Route, Sim, Tls, World};

use crate::support::{Done, KEY, Manner, Proxy, Run, Test, trusting, unused_port};

/// A user name and password in the form of a proxy's address, and in the form in which they are
/// sent: `me:hun/ter2@home`, in base64.
const IN_ADDRESS: &str = "me:hun%2Fter2%40home";
const SENT: &str = "bWU6aHVuL3RlcjJAaG9tZQ==";

fn palette() -> Test {
    trusting(Tls::self_signed(&["127.0.0.1", "palette.test"]))
}

/// Returns a run that uses HTTPS through this proxy, with credentials.
fn through<'t>(test: &'t Test, command: &str, proxy: &str) -> Run<'t> {
    let address = format!("http://{IN_ADDRESS}@{proxy}");
    test.run(command).env("HTTPS_PROXY", &address)
}

/// Checks that no output and no file contains any part of the proxy's password.
#[track_caller]
fn keeps_the_password(test: &Test, done: &Done<'_>) {
    let mut texts = vec![
        done.stdout.clone().into_bytes(),
        done.stderr.clone().into_bytes(),
    ];
    texts.extend(test.contents().into_values());
    for secret in ["hun/ter2", "hun%2Fter2", SENT.trim_end_matches('=')] {
        for text in &texts {
            let text = String::from_utf8_lossy(text);
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}

/// The proxy sees the destination, and nothing of the contents.
#[test]
fn https_goes_through_the_proxy_in_a_tunnel() {
    for (name, scheme) in [
        ("HTTPS_PROXY", "http://"),
        ("https_proxy", "http://"),
        ("ALL_PROXY", "http://"),
        ("all_proxy", ""),
    ] {
        let test = palette();
        let proxy = Proxy::to(test.sim.port());
        test.run("stage -q")
            .env(name, &format!("{scheme}{}", proxy.address()))
            .any_stdout()
            .success();
        let target = format!("127.0.0.1:{}", test.sim.port());
        let targets = proxy.targets();
        assert!(targets.iter().all(|each| *each == target), "{targets:?}");
        assert_eq!(targets.len() as u64, test.sim.connections(), "{name}");
        assert!(proxy.saw(b"CONNECT"));
        assert!(!proxy.saw(KEY.as_bytes()) && !proxy.saw(b"ApiKey"));
    }
}

/// The build host need not be able to resolve the name.
#[test]
fn a_name_that_only_the_proxy_knows() {
    let test = palette();
    let proxy = Proxy::to(test.sim.port());
    through(
        &test,
        "stage -q --endpoint https://palette.test",
        &proxy.address(),
    )
    .any_stdout()
    .success();
    assert!(
        proxy
            .targets()
            .iter()
            .all(|each| each == "palette.test:443")
    );
    assert!(!test.sim.requests().is_empty());
}

#[test]
fn no_proxy_is_kept() {
    for list in ["127.0.0.1", "127.0.0.0/8", "example.test, 127.0.0.1"] {
        for name in ["NO_PROXY", "no_proxy"] {
            let test = palette();
            let proxy = Proxy::to(test.sim.port());
            through(&test, "stage -q", &proxy.address())
                .env(name, list)
                .any_stdout()
                .success();
            assert_eq!(proxy.heads(), [""; 0], "{list}");
        }
    }
    // Others are no exception.
    let test = palette();
    let proxy = Proxy::to(test.sim.port());
    through(&test, "stage -q", &proxy.address())
        .env("NO_PROXY", "127.0.0.2,example.test,.test")
        .any_stdout()
        .success();
    assert_ne!(proxy.heads(), [""; 0]);
}

#[test]
fn a_domain_in_no_proxy_is_kept() {
    for list in ["palette.invalid", ".invalid", "invalid", "*"] {
        let test = palette();
        let proxy = Proxy::to(test.sim.port());
        through(
            &test,
            "stage --endpoint https://palette.invalid",
            &proxy.address(),
        )
        .env("NO_PROXY", list)
        .error("unreachable")
        .stderr_has("the name `palette.invalid` was not found")
        .keeps_files()
        .fails(5);
        assert_eq!(proxy.heads(), [""; 0], "{list}");
    }
}

/// A proxy would get the key unencrypted, for a server on this machine.
#[test]
fn plain_http_to_this_host_goes_through_no_proxy() {
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY"] {
        let test = Test::new();
        let proxy = Proxy::to(test.sim.port());
        test.run("stage -q")
            .env(name, &format!("http://{}", proxy.address()))
            .any_stdout()
            .success();
        assert_eq!(proxy.heads(), [""; 0], "{name}");
    }
}

#[test]
fn credentials_go_to_the_proxy_and_to_nobody_else() {
    let test = palette();
    let proxy = Proxy::with(test.sim.port(), [], Manner::Tunnel(Some(SENT)));
    let done = through(&test, "stage -v", &proxy.address())
        .any_stdout()
        .any_stderr()
        .success();
    keeps_the_password(&test, &done);
    for request in test.sim.requests() {
        assert_eq!(request.header("Proxy-Authorization"), None);
        assert_eq!(request.header("Authorization"), None);
    }
}

/// The credentials are missing or wrong. A retry would only lock the account.
#[test]
fn a_proxy_that_wants_credentials() {
    for command in ["stage", "stage -v", "stage --json"] {
        let test = palette().patience("retries = 3");
        let proxy = Proxy::with(
            test.sim.port(),
            [],
            Manner::Tunnel(Some("c29tZWJvZHk6ZWxzZQ==")),
        );
        let run = through(&test, command, &proxy.address());
        let done = run.any_stdout().any_stderr().keeps_files().fails(5);
        let said = format!("{}{}", done.stdout, done.stderr);
        let wants = "cannot reach Palette: the proxy requires valid credentials (HTTP 407)";
        assert!(said.contains(wants), "{said}");
        assert!(said.contains("`http://user:password@host:port`"), "{said}");
        done.says("Retrying", 0);
        keeps_the_password(&test, &done);
        assert_eq!(proxy.heads().len(), 1);
        assert_eq!(test.sim.connections(), 0);
    }
}

/// The same, with a proxy that uses plain HTTP.
#[test]
fn a_proxy_of_plain_http_that_wants_credentials() {
    let test = Test::new().patience("retries = 3");
    test.sim
        .fault(Fault::on(Route::Any, Act::status(407)).forever());
    let done = test
        .run("stage --allow-http --endpoint http://palette.test")
        .env(
            "HTTP_PROXY",
            &format!("http://{IN_ADDRESS}@127.0.0.1:{}", test.sim.port()),
        )
        .error("unreachable")
        .stderr_has("the proxy requires valid credentials (HTTP 407)")
        .keeps_files()
        .fails(5);
    done.says("Retrying", 0);
    keeps_the_password(&test, &done);
    assert_eq!(test.sim.requests().len(), 1);
}

/// Checks that the proxy's failure is reported with these words, and retried.
#[track_caller]
fn borne(manner: Manner, said: &str) {
    let test = palette().patience("retries = 1\ntimeout = 1");
    let proxy = Proxy::with(test.sim.port(), [manner.clone()], Manner::Tunnel(None));
    let done = through(&test, "stage", &proxy.address())
        .any_stdout()
        .stderr_has("Retrying GET /v1/dashboard/projects/metadata in ")
        .stderr_has(said)
        .success();
    keeps_the_password(&test, &done);
    let proxy = Proxy::with(test.sim.port(), [], manner);
    let done = through(&test, "update", &proxy.address())
        .stderr_has(&format!("cannot reach Palette: {said}"))
        .keeps_files()
        .fails(5);
    keeps_the_password(&test, &done);
    // Two attempts at the first request; the others are requested at once, once each.
    assert!((2..=6).contains(&proxy.heads().len()));
}

#[test]
fn a_proxy_that_does_not_connect() {
    let said = "the proxy answered that it does not connect to `127.0.0.1`";
    for status in [403, 502, 503, 504] {
        borne(Manner::Status(status), said);
    }
}

#[test]
fn a_proxy_that_hangs_up() {
    borne(
        Manner::Close,
        "the connection was closed early, by the proxy",
    );
}

#[test]
fn a_proxy_that_is_silent() {
    borne(Manner::Silence, "no connection within 1 s");
}

#[test]
fn a_proxy_that_cannot_be_reached() {
    for (proxy, said) in [
        (
            format!("127.0.0.1:{}", unused_port()),
            "cannot reach Palette: cannot reach the proxy: connection refused",
        ),
        (
            // RFC 6761, 6.4: never a name.
            "proxy.invalid:3128".to_owned(),
            "cannot reach Palette: cannot reach the proxy: its name was not found",
        ),
    ] {
        let test = palette();
        let port = test.sim.port();
        let done = through(&test, "stage", &proxy)
            .error("unreachable")
            .stderr_has(said)
            .stderr_has(&format!(
                "note: at `127.0.0.1`, port {port}, through the proxy `{proxy}` of `HTTPS_PROXY`\n"
            ))
            .stderr_has("help: check the endpoint, the network and `HTTPS_PROXY`\n")
            .keeps_files()
            .fails(5);
        keeps_the_password(&test, &done);
        assert_eq!(test.sim.connections(), 0);
    }
}

/// A proxy that decrypts TLS with its own certificate authority, which is not trusted here,
/// does not learn the key.
#[test]
fn a_proxy_that_reads_along() {
    let world = || World::demo().key(Key::admin(KEY));
    let between = Sim::start_tls(world(), Tls::self_signed(&["127.0.0.1"]));
    let test = palette();
    let proxy = Proxy::to(between.port());
    let done = through(&test, "stage", &proxy.address())
        .error("tls-refused")
        .stderr_has("its certificate is ")
        .stderr_has("set `ca-cert` in `[palette]`")
        .keeps_files()
        .fails(5);
    keeps_the_password(&test, &done);
    assert!(between.requests().is_empty());
    assert!(test.sim.requests().is_empty());
}

/// A variable is not silently ignored: the run would take another route than the user
/// configured.
#[test]
fn a_variable_that_cannot_be_read_is_told() {
    let ignored = "warning[proxy-variable]: `HTTPS_PROXY` is not the address of a proxy\n\
        note: edgestage ignores it and connects directly\n";
    let misread =
        "warning[proxy-variable]: `HTTPS_PROXY` cannot be read as the address of a proxy\n";
    for (value, said, code) in [
        ("'http://127.0.0.1:1'", ignored, 0),
        (" http://127.0.0.1:1", ignored, 0),
        ("http//127.0.0.1:1", ignored, 0),
        ("ftp://127.0.0.1:1", ignored, 0),
        ("http://me.invalid:hun#ter2@127.0.0.1:1", misread, 5),
        ("http://me.invalid:1/ter2@127.0.0.1:1", misread, 5),
        (
            "socks5://127.0.0.1:1",
            "warning[proxy-variable]: `HTTPS_PROXY` names a SOCKS proxy\n",
            5,
        ),
    ] {
        let test = palette().patience("retries = 0\ntimeout = 5");
        let run = test.run("check").env("HTTPS_PROXY", value);
        let done = run.any_stdout().stderr_has(said).ends(code);
        assert!(!done.stderr.contains("ter2"), "{}", done.stderr);
        assert!(!done.stderr.contains("`me"), "{}", done.stderr);
    }
    let said = "unset `HTTPS_PROXY`";
    let test = palette();
    let run = test.run("check").env("HTTPS_PROXY", "");
    let run = run.env("https_proxy", "http://127.0.0.1:1");
    run.any_stdout()
        .warning("proxy-variable")
        .stderr_has("`https_proxy` is ignored")
        .stderr_has(said)
        .success();
    // Where no proxy would be used, nothing is said.
    let test = palette();
    let run = test.run("check").env("HTTPS_PROXY", "'x");
    run.env("NO_PROXY", "127.0.0.1").any_stdout().success();
    let test = Test::new();
    let run = test.run("check").env("HTTP_PROXY", "'x");
    run.any_stdout().success();
}
