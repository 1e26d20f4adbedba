//! TLS: which server is believed.

use palette_sim::{Key, Sim, Tls, World};

use crate::support::{FACTORY, HEAD, KEY, Test};

/// A simulator with this certificate, whose authority `[palette].ca-cert` names.
fn trusting(tls: Tls) -> Test {
    let ca = tls.ca_pem().to_owned();
    let sim = Sim::start_tls(World::demo().key(Key::admin(KEY)), tls);
    let head = HEAD.replace("retries = 0", "retries = 0\nca-cert = \"trust/ca.pem\"");
    Test::with_sim(sim)
        .write("trust/ca.pem", ca)
        .manifest(&format!("{head}\n[definition.factory]\n{FACTORY}\n"))
}

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
        .stderr_has("the TLS connection to `{endpoint}` is refused")
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
        .stderr_has("its certificate is ")
        .keeps_files()
        .fails(5);
    assert!(test.sim.requests().is_empty());
}

#[test]
fn an_expired_certificate() {
    let test = trusting(Tls::expired(&["127.0.0.1"]));
    test.run("stage")
        .stderr_has("its certificate has expired")
        .keeps_files()
        .fails(5);
    assert!(test.sim.requests().is_empty());
}

#[test]
fn the_certificate_of_somebody_else() {
    let test = trusting(Tls::wrong_name());
    test.run("stage")
        .stderr_has("its certificate is for another name")
        .keeps_files()
        .fails(5);
    assert!(test.sim.requests().is_empty());
}

#[test]
fn a_refused_certificate_is_not_tried_again() {
    let test = trusting(Tls::wrong_name());
    let manifest = test
        .text("profiles.toml")
        .replace("retries = 0", "retries = 3");
    test.put("profiles.toml", manifest);
    let done = test.run("stage").any_stderr().fails(5);
    done.says("Retrying", 0);
}

/// HTTPS spoken to a server that has none.
#[test]
fn plain_http_in_place_of_tls() {
    let test = Test::new();
    let run = test
        .run("stage --endpoint")
        .arg(&format!("https://127.0.0.1:{}", test.sim.port()));
    run.any_stderr().keeps_files().fails(5);
}

#[test]
fn an_authority_that_cannot_be_read() {
    let test = trusting(Tls::self_signed(&["127.0.0.1"])).write("trust/ca.pem", "not PEM\n");
    test.run("stage")
        .stderr_has("`ca-cert` holds no PEM certificate")
        .keeps_files()
        .fails(2);
    std::fs::remove_file(test.path("trust/ca.pem")).unwrap();
    test.run("stage")
        .stderr_has("cannot read `{dir}/trust/ca.pem`")
        .keeps_files()
        .fails(2);
    assert_eq!(test.sim.connections(), 0);
}

#[test]
fn a_redirect_from_tls_to_plain_http_is_refused() {
    use palette_sim::{Act, Fault, Route};
    let test = trusting(Tls::self_signed(&["127.0.0.1"]));
    let to = format!("{}/v1/x", test.sim.url().replace("https", "http"));
    test.sim
        .fault(Fault::on(Route::Projects, Act::Redirect(302, to)));
    test.run("stage")
        .stderr_has("another origin")
        .keeps_files()
        .fails(5);
}

/// The system's trust store, where the variable of OpenSSL says it is.
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
