//! TLS: which servers are trusted.

use palette_sim::{ConnectionFault, Key, Sim, Tls, World};

use crate::support::{KEY, Test, trusting};

#[test]
fn an_authority_of_its_own() {
    let test = trusting(Tls::self_signed(&["127.0.0.1"]));
    assert!(test.sim.url().starts_with("https://"));
    test.run("stage -q --file ../profiles.toml")
        .within("elsewhere")
        .any_stdout()
        .success();
}

#[test]
fn an_authority_that_nobody_trusts() {
    let sim = Sim::start_tls(World::demo(), Tls::self_signed(&["127.0.0.1"]));
    let test = Test::with_sim(sim);
    test.run("stage")
        .error("tls-refused")
        .stderr_has("`{endpoint}`")
        .stderr_has("its certificate is signed by an authority that is not trusted here")
        .stderr_has("set `ca-cert` in `[palette]`")
        .keeps_files()
        .fails(5);
    // The key was not sent.
    assert!(test.sim.requests().is_empty());
}

#[test]
fn another_authority_than_the_one_that_is_trusted() {
    let other = Tls::self_signed(&["127.0.0.1"]).ca_pem().to_owned();
    let test = trusting(Tls::self_signed(&["127.0.0.1"])).write("trust/ca.pem", other);
    test.run("stage")
        .error("tls-refused")
        .stderr_has("its certificate is ")
        .keeps_files()
        .fails(5);
    assert!(test.sim.requests().is_empty());
}

#[test]
fn an_expired_certificate() {
    let test = trusting(Tls::expired(&["127.0.0.1"]));
    test.run("stage")
        .error("tls-refused")
        .stderr_has("its certificate expired on Tue, 01 Jan 2019 00:00:00 GMT")
        .stderr_has("renewed")
        .keeps_files()
        .fails(5);
    assert!(test.sim.requests().is_empty());
}

#[test]
fn the_certificate_of_somebody_else() {
    let test = trusting(Tls::wrong_name());
    test.run("stage")
        .error("tls-refused")
        .stderr_has(
            "its certificate is for another name: for `somebody-else.invalid`, not for `127.0.0.1`",
        )
        .keeps_files()
        .fails(5);
    assert!(test.sim.requests().is_empty());
}

#[test]
fn a_refused_certificate_is_not_tried_again() {
    let test = trusting(Tls::wrong_name()).patience("retries = 3");
    let done = test.run("stage").any_stderr().fails(5);
    done.says("Retrying", 0);
    assert_eq!(test.sim.connections(), 1);
}

/// HTTPS is used with a server that only has plain HTTP.
#[test]
fn plain_http_in_place_of_tls() {
    let test = Test::new();
    let run = test
        .run("stage --endpoint")
        .arg(&format!("https://127.0.0.1:{}", test.sim.port()));
    run.error("tls-refused")
        .stderr_has("the server does not speak TLS; the port may be for plain HTTP")
        .keeps_files()
        .fails(5);
}

/// A server from before TLS 1.2 answers with its own version, and one that knows better
/// with an alert (RFC 8446, 4.2.1).
#[test]
fn a_server_that_speaks_tls_1_1_at_most() {
    for fault in [ConnectionFault::Tls11, ConnectionFault::TlsAlert(70)] {
        let test = trusting(Tls::self_signed(&["127.0.0.1"])).patience("retries = 3");
        test.sim.fault_connections(1, fault);
        let done = test
            .run("stage")
            .error("tls-refused")
            .stderr_has("`{endpoint}`")
            .stderr_has("it speaks no TLS version from 1.2 on")
            .keeps_files()
            .fails(5);
        done.says("Retrying", 0);
        assert_eq!(test.sim.connections(), 1);
    }
}

/// Another alert says why in the standard's words.
#[test]
fn a_handshake_that_the_server_breaks_off() {
    let test = trusting(Tls::self_signed(&["127.0.0.1"]));
    test.sim.fault_connections(1, ConnectionFault::TlsAlert(40));
    test.run("stage")
        .error("tls-refused")
        .stderr_has("it broke off the handshake: HandshakeFailure")
        .keeps_files()
        .fails(5);
}

/// It is not a refusal but a broken connection, so it is retried.
#[test]
fn a_connection_that_breaks_in_the_handshake() {
    for (fault, said) in [
        (ConnectionFault::Reset, "the connection was reset"),
        (ConnectionFault::Close, "the connection was closed early"),
    ] {
        let test = trusting(Tls::self_signed(&["127.0.0.1"])).patience("retries = 2");
        test.sim.fault_connections(1, fault);
        test.run("stage")
            .any_stdout()
            .stderr_has("Retrying GET /v1/dashboard/projects/metadata in ")
            .stderr_has(said)
            .success();
    }
}

#[test]
fn an_authority_that_cannot_be_read() {
    let test = trusting(Tls::self_signed(&["127.0.0.1"])).write("trust/ca.pem", "not PEM\n");
    test.run("stage")
        .error("unusable-ca-cert")
        .stderr_has("the `ca-cert` file contains no PEM certificate")
        .keeps_files()
        .fails(2);
    std::fs::remove_file(test.path("trust/ca.pem")).unwrap();
    test.run("stage")
        .error("unusable-ca-cert")
        .stderr_has("cannot read `{dir}/trust/ca.pem`")
        .keeps_files()
        .fails(2);
    assert_eq!(test.sim.connections(), 0);
}

/// The system's trust store, at the place that OpenSSL's variable names.
#[test]
fn an_authority_of_the_systems() {
    let tls = Tls::self_signed(&["127.0.0.1"]);
    let ca = tls.ca_pem().to_owned();
    let sim = Sim::start_tls(World::demo().key(Key::admin(KEY)), tls);
    let test = Test::with_sim(sim).write("system.pem", ca);
    let run = test
        .run("stage -q")
        .env("SSL_CERT_FILE", "{dir}/system.pem");
    run.any_stdout().success();
}
