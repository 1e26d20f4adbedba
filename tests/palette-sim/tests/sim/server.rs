//! The server itself: connections, records, TLS and limits.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use palette_sim::{EDGE_INFRA_2_1_0, PROJECT_DEFAULT, Sim, Tls, World};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::support::{
    DOWNLOAD, call, check_all, check_answers, definition, get, last, post, read, read_one,
};

const METADATA: &str = "/v1/dashboard/clusterprofiles/metadata";

fn connect(sim: &Sim) -> TcpStream {
    TcpStream::connect(("127.0.0.1", sim.port())).unwrap()
}

#[test]
fn connections_are_kept() {
    let sim = Sim::start(World::demo());
    let mut stream = connect(&sim);
    let body = definition(&[EDGE_INFRA_2_1_0]);
    for call in [
        get(METADATA),
        post(DOWNLOAD, &body),
        get("/nowhere"),
        get(METADATA),
    ] {
        stream.write_all(&call.bytes()).unwrap();
        let answer = read_one(&mut stream);
        assert_eq!(answer.header("Connection"), None);
    }
    assert_eq!(sim.connections(), 1);
    assert_eq!(sim.requests().len(), 4);
    assert!(sim.requests().iter().all(|record| record.connection == 1));
    get(METADATA).send(&sim);
    assert_eq!(sim.connections(), 2);
    assert_eq!(last(&sim).connection, 2);
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let sim = Sim::start(World::demo());
    let mut stream = connect(&sim);
    let both = [get(METADATA).bytes(), get("/nowhere").bytes()].concat();
    stream.write_all(&both).unwrap();
    assert_eq!(read_one(&mut stream).status(), 200);
    assert_eq!(read_one(&mut stream).status(), 404);
}

#[test]
fn a_body_may_wait_for_leave_or_come_in_chunks() {
    let sim = Sim::start(World::demo());
    let body = definition(&[EDGE_INFRA_2_1_0]).to_string();
    let head = call("POST", DOWNLOAD)
        .project(PROJECT_DEFAULT)
        .header("Content-Type", "application/json");
    let mut stream = connect(&sim);
    let head = head.header("Expect", "100-continue");
    let head = head.header("Content-Length", &body.len().to_string());
    stream.write_all(&head.bytes()).unwrap();
    let mut leave = [0; 25];
    stream.read_exact(&mut leave).unwrap();
    assert_eq!(&leave, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(body.as_bytes()).unwrap();
    assert_eq!(read_one(&mut stream).status(), 200);

    let head = call("POST", DOWNLOAD)
        .project(PROJECT_DEFAULT)
        .header("Content-Type", "application/json")
        .header("Transfer-Encoding", "chunked");
    let (first, second) = body.split_at(10);
    let chunks = format!(
        "a;x=y\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\nT: v\r\n\r\n",
        second.len()
    );
    stream
        .write_all(&[head.bytes(), chunks.into_bytes()].concat())
        .unwrap();
    assert_eq!(read_one(&mut stream).status(), 200);
    assert_eq!(last(&sim).body, body.as_bytes());
    check_all(&sim);
}

#[test]
fn records_are_exact() {
    let sim = Sim::start(World::demo());
    let target = "/v1/dashboard/projects/metadata?name=De%66ault";
    let sent = call("GET", target).header("x-Odd-Case", "Value with  blanks");
    let answer = sent.send(&sim);
    let record = last(&sim);
    assert_eq!(record.method, "GET");
    assert_eq!(record.target, target);
    assert_eq!(record.path, "/v1/dashboard/projects/metadata");
    assert_eq!(record.parameter("name"), Some("Default"));
    let names: Vec<&str> = record
        .headers
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(names, ["Host", "ApiKey", "x-Odd-Case", "Connection"]);
    assert_eq!(record.header("X-ODD-CASE"), Some("Value with  blanks"));
    assert_eq!(record.answer.status, 200);
    assert_eq!(record.answer.json(), Some(answer.json()));
    assert_eq!(
        record.answer.header("content-type"),
        Some("application/json")
    );
    sim.clear_requests();
    assert!(sim.requests().is_empty());
}

#[test]
fn it_serves_as_a_proxy_of_itself() {
    let sim = Sim::start(World::demo());
    let answer = get(&format!("http://palette.invalid{METADATA}")).send(&sim);
    assert_eq!(answer.status(), 200);
    check_all(&sim);
}

#[test]
fn nonsense_is_refused() {
    let sim = Sim::start(World::demo());
    for nonsense in [
        "\u{16}\u{3}\u{1}\r\n\r\n",
        "GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
    ] {
        let mut stream = connect(&sim);
        stream.write_all(nonsense.as_bytes()).unwrap();
        assert_eq!(read(&mut stream).status(), 400);
    }
    assert!(sim.requests().is_empty());
}

#[test]
fn rate_limits_bite_when_they_are_on() {
    // The bucket of these prefixes holds 50 and gains 10 a second. A machine that
    // needs 95 seconds for 1000 requests has earned its failure.
    let sim = Sim::start(World::demo().rate_limited());
    let mut stream = connect(&sim);
    let limited = (0..1000).find_map(|_| {
        stream.write_all(&get(METADATA).bytes()).unwrap();
        let answer = read_one(&mut stream);
        (answer.status() == 429).then_some(answer)
    });
    let limited = limited.expect("a refusal");
    assert_eq!(limited.header("Retry-After"), Some("1"));
    assert_eq!(limited.json()["code"], "TooManyRequests");
    let body = definition(&[EDGE_INFRA_2_1_0]);
    assert_eq!(post(DOWNLOAD, &body).send(&sim).status(), 200);
    check_answers(&sim);
}

#[test]
fn latency_delays_and_changes_nothing() {
    let sim = Sim::start(World::demo().latency(Duration::from_millis(5)));
    assert_eq!(get(METADATA).send(&sim).status(), 200);
    check_all(&sim);
}

type Secure = StreamOwned<ClientConnection, TcpStream>;

fn secure(sim: &Sim, ca: &str, name: &'static str) -> Secure {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(name).unwrap();
    let session = ClientConnection::new(Arc::new(config), name).unwrap();
    StreamOwned::new(session, connect(sim))
}

#[test]
fn tls_with_a_trusted_ca() {
    let tls = Tls::self_signed(&["127.0.0.1", "localhost"]);
    let ca = tls.ca_pem().to_owned();
    let sim = Sim::start_tls(World::demo(), tls);
    assert!(sim.url().starts_with("https://127.0.0.1:"));
    for name in ["127.0.0.1", "localhost"] {
        let mut stream = secure(&sim, &ca, name);
        for _ in 0..2 {
            stream.write_all(&get(METADATA).bytes()).unwrap();
            assert_eq!(read_one(&mut stream).status(), 200);
        }
        let body = definition(&[EDGE_INFRA_2_1_0]);
        let call = post(DOWNLOAD, &body).header("Connection", "close");
        stream.write_all(&call.bytes()).unwrap();
        // An end without TLS's farewell would be an error here.
        assert_eq!(read(&mut stream).body()[..2], [0x1f, 0x8b]);
    }
    check_all(&sim);
}

#[test]
fn tls_that_must_not_be_trusted() {
    let refusal = |tls: Tls, ca: Option<&str>| {
        let own = tls.ca_pem().to_owned();
        let sim = Sim::start_tls(World::demo(), tls);
        let mut stream = secure(&sim, ca.unwrap_or(&own), "127.0.0.1");
        let error = stream.write_all(&get(METADATA).bytes()).unwrap_err();
        assert!(sim.requests().is_empty());
        error.to_string()
    };
    let names = ["127.0.0.1"];
    let expired = refusal(Tls::expired(&names), None);
    assert!(expired.contains("expired"), "{expired}");
    let wrong = refusal(Tls::wrong_name(), None);
    assert!(wrong.contains("not valid for name"), "{wrong}");
    let other = Tls::self_signed(&names);
    let unknown = refusal(Tls::self_signed(&names), Some(other.ca_pem()));
    assert!(
        unknown.contains("UnknownIssuer") || unknown.contains("BadSignature"),
        "{unknown}"
    );
}
