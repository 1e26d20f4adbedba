//! What goes wrong with a connection before a request is read.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use palette_sim::{ConnectionFault, Deaf, Sim, Tls, World};

use crate::support::{End, get, read};

const METADATA: &str = "/v1/dashboard/clusterprofiles/metadata";

#[test]
fn they_act_on_so_many_connections_in_order() {
    let sim = Sim::start(World::demo());
    sim.fault_connections(1, ConnectionFault::Reset);
    sim.fault_connections(2, ConnectionFault::Close);
    let ends = [End::Reset, End::Closed, End::Closed];
    for end in ends {
        let answer = get(METADATA).send(&sim);
        assert_eq!((answer.bytes.len(), answer.end), (0, end));
    }
    assert!(sim.requests().is_empty());
    assert_eq!(get(METADATA).send(&sim).status(), 200);
    sim.fault_connections(1, ConnectionFault::Close);
    sim.clear_faults();
    assert_eq!(get(METADATA).send(&sim).status(), 200);
    assert_eq!(sim.connections(), 5);
}

#[test]
fn tls_records_in_place_of_a_handshake() {
    let sim = Sim::start_tls(World::demo(), Tls::self_signed(&["127.0.0.1"]));
    for (fault, start, length) in [
        // A handshake record with a ServerHello, both of version 3.2.
        (
            ConnectionFault::Tls11,
            &[22, 3, 2, 0, 42, 2, 0, 0, 38, 3, 2][..],
            47,
        ),
        // A fatal alert.
        (ConnectionFault::TlsAlert(70), &[21, 3, 3, 0, 2, 2, 70], 7),
    ] {
        sim.fault_connections(1, fault);
        let mut stream = TcpStream::connect(("127.0.0.1", sim.port())).unwrap();
        stream.write_all(b"hello").unwrap();
        let mut bytes = vec![0; length];
        stream.read_exact(&mut bytes).unwrap();
        assert!(bytes.starts_with(start), "{bytes:?}");
        stream.write_all(b"alert").unwrap();
        assert_eq!(read(&mut stream).bytes, b"");
    }
}

/// Only the end of the simulator ends it.
#[test]
fn a_stall_is_silence() {
    let sim = Sim::start(World::demo());
    sim.fault_connections(1, ConnectionFault::Stall(Duration::from_secs(3600)));
    let mut stream = TcpStream::connect(("127.0.0.1", sim.port())).unwrap();
    stream.write_all(&get(METADATA).bytes()).unwrap();
    let patience = Some(Duration::from_millis(50));
    stream.set_read_timeout(patience).unwrap();
    let silence = stream.read(&mut [0]).unwrap_err();
    let kinds = [std::io::ErrorKind::WouldBlock, std::io::ErrorKind::TimedOut];
    assert!(kinds.contains(&silence.kind()), "{silence}");
    drop(sim);
}

#[test]
fn a_deaf_port_answers_no_attempt_to_connect() {
    let deaf = Deaf::listen();
    let address = ([127, 0, 0, 1], deaf.port()).into();
    let refused = TcpStream::connect_timeout(&address, Duration::from_millis(50));
    assert_eq!(refused.unwrap_err().kind(), std::io::ErrorKind::TimedOut);
}
