//! The simulated edge host: what it does as real ones do, and the contract.

use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use palette_sim::contract::Contract;
use palette_sim::{
    EDGE_INFRA_2_1_0, EdgeHost, HELLO_UNIVERSE_1_2_0, HostFault, HostWorld, NoneThere, Sim, World,
    details,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::{Value, json};

use crate::support::{Call, DOWNLOAD, Raw, call, definition, post, read};

const USER: &str = "kairos";
const PASSWORD: &str = "p\u{e4}ss word";
const LOGIN: &str = "/v1/users/default/login?setCookie=false&extendedSession=false";
const UPLOAD: &str = "/v1/edge-mgmt/edgehosts/current/actions/upload-clusterconfig";
const KEY: &str = "/v1/edge-mgmt/edgehosts/current/actions/content/signing-public-key";

fn world() -> HostWorld {
    HostWorld::new(USER, PASSWORD)
}

/// Sends a call to a host whose certificate is trusted as the one authority.
fn send(host: &EdgeHost, call: Call) -> Raw {
    let mut roots = RootCertStore::empty();
    let own = CertificateDer::from_pem_slice(host.certificate_pem().as_bytes()).unwrap();
    roots.add(own).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("edge-host-sim").unwrap();
    let session = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = StreamOwned::new(session, TcpStream::connect(host.address()).unwrap());
    let bytes = call.header("Connection", "close").bytes();
    stream.write_all(&bytes).unwrap();
    read(&mut stream)
}

fn login(host: &EdgeHost, password: &str) -> Raw {
    let body = json!({ "username": USER, "password": password });
    send(host, call("POST", LOGIN).anonymous().json(&body))
}

fn token(host: &EdgeHost) -> String {
    let answer = login(host, PASSWORD).json();
    answer["Token"]["Authorization"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn with(token: &str, method: &str, path: &str) -> Call {
    call(method, path)
        .anonymous()
        .header("Authorization", token)
}

fn slot(host: &EdgeHost, token: &str, slot: &str) -> Raw {
    let path = format!("/v1/edge-mgmt/clusters/archive/{slot}/details");
    send(host, with(token, "GET", &path))
}

/// An archive as the simulated Palette makes it.
fn archive() -> Vec<u8> {
    let sim = Sim::start(World::demo());
    let body = definition(&[EDGE_INFRA_2_1_0, HELLO_UNIVERSE_1_2_0]);
    post(DOWNLOAD, &body).send(&sim).body()
}

fn form(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, content) in parts {
        let head = format!(
            "--b\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{name}\"\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--b--\r\n");
    body
}

fn upload(host: &EdgeHost, token: &str, parts: &[(&str, &[u8])]) -> Raw {
    let call = with(token, "POST", UPLOAD)
        .header("Content-Type", "multipart/form-data; boundary=b")
        .raw(form(parts));
    send(host, call)
}

/// Holds everything against the contract; a login that is refused is 401 in the field, which the
/// contract does not have, so the shape of the error is what counts.
fn check(host: &EdgeHost) {
    let Some(contract) = Contract::of_edge_host_for_tests() else {
        return;
    };
    for record in host.requests() {
        assert_eq!(contract.check_answer(&record), Ok(()), "{record:?}");
        if record.answer.status != 401 {
            assert_eq!(contract.check_request(&record), Ok(()), "{record:?}");
        }
    }
}

#[test]
fn a_session_from_login_to_logout() {
    let host = EdgeHost::start(world().slot("embedded", details(&archive()).unwrap()));
    let path = "/v1/edge-mgmt/settings";
    assert_eq!(send(&host, call("GET", path).anonymous()).status(), 401);
    let token = token(&host);
    let bearer = format!("Bearer {token}");
    assert_eq!(send(&host, with(&bearer, "GET", path)).status(), 401);
    assert_eq!(
        send(&host, with(&token, "GET", path)).json()["managementMode"],
        "local"
    );
    let info = send(
        &host,
        with(&token, "GET", "/v1/edge-mgmt/edgehosts/current"),
    )
    .json();
    assert_eq!(info["spec"]["nodeRole"], "init");
    assert_eq!(
        send(&host, with(&token, "GET", "/v1/edge-mgmt/cluster")).status(),
        404
    );
    assert_eq!(send(&host, with(&token, "GET", KEY)).status(), 404);
    let embedded = slot(&host, &token, "embedded").json();
    let profiles = embedded["clusterProfileDetails"].as_array().unwrap();
    assert_eq!(profiles.len(), 2);
    assert_eq!(profiles[0]["profileUid"], EDGE_INFRA_2_1_0);
    assert_eq!(profiles[0]["packs"][1]["name"], "edge-k3s");
    assert_eq!(profiles[0]["packs"][1]["version"], "1.30.4");
    assert_eq!(profiles[1]["variables"][0]["name"], "namespace");
    assert_eq!(slot(&host, &token, "overridden").status(), 404);
    assert_eq!(host.world(|world| world.open_sessions()), 1);
    let out = send(&host, with(&token, "POST", "/v1/users/default/logout"));
    assert_eq!(out.status(), 200);
    assert_eq!(host.world(|world| world.open_sessions()), 0);
    assert_eq!(send(&host, with(&token, "GET", path)).status(), 401);
    host.world(|world| world.has_cluster = true);
    check(&host);
}

/// Five failures lock the user, even with the right password, and from the third on a delay
/// doubles.
#[test]
fn a_user_is_locked_after_five_failures() {
    let mut world = world();
    world.delay = Duration::from_millis(100);
    world.lock_out = Duration::from_secs(2);
    let host = EdgeHost::start(world);
    let times: Vec<Duration> = (0..5)
        .map(|_| {
            let began = Instant::now();
            assert_eq!(login(&host, "wrong").status(), 401);
            began.elapsed()
        })
        .collect();
    assert!(times[2] >= Duration::from_millis(100), "{times:?}");
    assert!(times[4] >= Duration::from_millis(400), "{times:?}");
    assert_eq!(login(&host, PASSWORD).status(), 401);
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(login(&host, PASSWORD).status(), 200);
    assert_eq!(host.world(|world| world.failures()), 0);
    check(&host);
}

#[test]
fn an_upload_needs_a_signature_exactly_if_there_is_a_key() {
    let archive = archive();
    let host = EdgeHost::start(world());
    let session = token(&host);
    let file = ("uploadFile", archive.as_slice());
    let refused = upload(&host, &session, &[file, ("signature", b"0a")]);
    assert_eq!(refused.status(), 500);
    assert!(
        refused.json()["message"]
            .as_str()
            .unwrap()
            .contains("public key to verify")
    );
    assert_eq!(slot(&host, &session, "overridden").status(), 404);
    assert_eq!(upload(&host, &session, &[file]).status(), 201);
    assert_eq!(
        slot(&host, &session, "overridden").json()["clusterProfileDetails"],
        details(&archive).unwrap()["clusterProfileDetails"]
    );
    assert_eq!(
        upload(&host, &session, &[("uploadFile", b"no archive")]).status(),
        500
    );
    check(&host);

    let host = EdgeHost::start(world().key("LS0tLS1CRUdJTg=="));
    let session = token(&host);
    assert_eq!(
        send(&host, with(&session, "GET", KEY)).json()["key"],
        "LS0tLS1CRUdJTg=="
    );
    assert_eq!(upload(&host, &session, &[file]).status(), 500);
    assert_eq!(
        upload(&host, &session, &[file, ("signature", b"0a")]).status(),
        201
    );
    let stored = host.world(|world| world.uploads().to_vec());
    assert_eq!(stored, [(archive, Some(b"0a".to_vec()))]);
    check(&host);
}

/// How "none there" is answered is not declared.
#[test]
fn an_empty_slot_is_answered_in_several_ways() {
    for (how, status) in [
        (NoneThere::NotFound, 404),
        (NoneThere::EmptyList, 200),
        (NoneThere::EmptyObject, 200),
        (NoneThere::Null, 200),
    ] {
        let host = EdgeHost::start(world().none_there(how));
        let token = token(&host);
        let answer = slot(&host, &token, "update");
        assert_eq!(answer.status(), status);
        if status == 200 {
            let list = answer.json()["clusterProfileDetails"].clone();
            assert!(list.is_null() || list == json!([]));
        }
        // Null is what servers in Go send for an empty list; no contract allows it.
        if how != NoneThere::Null {
            check(&host);
        }
    }
}

/// What the six kinds of appliances say is newer than the contract.
#[test]
fn modes_roles_and_appliances() {
    let host = EdgeHost::start(world().mode("central").role("worker").with_cluster());
    let token = token(&host);
    let settings = send(&host, with(&token, "GET", "/v1/edge-mgmt/settings")).json();
    assert_eq!(settings["managementMode"], "central");
    assert_eq!(settings.get("applianceType"), None::<&Value>);
    let info = send(
        &host,
        with(&token, "GET", "/v1/edge-mgmt/edgehosts/current"),
    )
    .json();
    assert_eq!(info["spec"]["nodeRole"], "worker");
    assert_eq!(
        send(&host, with(&token, "GET", "/v1/edge-mgmt/cluster")).status(),
        200
    );
    check(&host);
    host.world(|world| world.appliance_type = Some("paletteai".into()));
    let settings = send(&host, with(&token, "GET", "/v1/edge-mgmt/settings")).json();
    assert_eq!(settings["applianceType"], "paletteai");
}

#[test]
fn faults_happen_once() {
    let archive = archive();
    let host = EdgeHost::start(world().fault(HostFault::Answer("/login", 500, "out of order")));
    assert_eq!(login(&host, PASSWORD).status(), 500);
    let token = token(&host);
    let file = ("uploadFile", archive.as_slice());
    host.world(|world| world.order(HostFault::Forget));
    assert_eq!(upload(&host, &token, &[file]).status(), 201);
    assert_eq!(slot(&host, &token, "overridden").status(), 404);
    host.world(|world| world.order(HostFault::Body("/settings", "<html>")));
    let page = send(&host, with(&token, "GET", "/v1/edge-mgmt/settings"));
    assert_eq!(page.body(), b"<html>");
    host.world(|world| {
        world.order(HostFault::Stall("/cluster", Duration::from_millis(200)));
        world.order(HostFault::StoreOther(Box::new(json!({}))));
    });
    let began = Instant::now();
    send(&host, with(&token, "GET", "/v1/edge-mgmt/cluster"));
    assert!(began.elapsed() >= Duration::from_millis(200));
    assert_eq!(upload(&host, &token, &[file]).status(), 201);
    assert_eq!(slot(&host, &token, "overridden").json(), json!({}));
}

/// A checker that lets everything pass would be worthless.
#[test]
fn the_contract_is_broken_where_it_is() {
    let Some(contract) = Contract::of_edge_host_for_tests() else {
        return;
    };
    let host = EdgeHost::start(world());
    let token = token(&host);
    upload(&host, &token, &[("uploadFile", &archive())]);
    let records = host.requests();
    let [login, upload] = &records[..] else {
        panic!("{records:?}");
    };
    let reports = |record: &palette_sim::Recorded, words: &str| {
        let problems = contract.check(record).expect_err("a problem");
        assert!(
            problems.iter().any(|problem| problem.contains(words)),
            "{problems:?}"
        );
    };
    let mut wrong = login.clone();
    wrong.query[0].1 = "maybe".into();
    reports(&wrong, "setCookie");
    wrong.clone_from(login);
    wrong.body = b"{\"user\":\"x\"}".to_vec();
    reports(&wrong, "'user'");
    let mut wrong = upload.clone();
    wrong.headers.retain(|(name, _)| name != "Authorization");
    reports(&wrong, "Authorization");
    wrong.clone_from(upload);
    wrong.body = form(&[("file", b"x")]);
    reports(&wrong, "form part file");
    reports(&wrong, "uploadFile");
    wrong.answer.status = 200;
    reports(&wrong, "200");
}

/// The program prints where each host is, and its certificate's digest.
#[test]
fn the_program_says_where_it_is() {
    use std::process::{Command, Stdio};
    let mut child = Command::new(env!("CARGO_BIN_EXE_edge-host-sim"))
        .args(["--hosts", "2"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdin.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().count(), 2);
    for line in text.lines() {
        let (address, digest) = line.split_once(' ').unwrap();
        assert!(address.starts_with("127.0.0.1:"));
        assert_eq!(digest.len(), 64);
    }
}
