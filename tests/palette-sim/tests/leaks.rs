//! A simulator leaves nothing behind. Alone in its binary, and one test only: it counts
//! the threads and descriptors of the whole process.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has to fail")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use palette_sim::{Act, Fault, Route, Sim, Tls, World};

const REQUEST: &[u8] = b"GET /v1/dashboard/clusterprofiles/metadata HTTP/1.1\r\n\r\n";

/// Threads and open descriptors.
fn holdings() -> (usize, usize) {
    let count = |path: &str| std::fs::read_dir(path).unwrap().count();
    (count("/proc/self/task"), count("/proc/self/fd"))
}

#[test]
fn hundreds_come_and_go() {
    let before = holdings();
    for round in 0..300 {
        let sim = if round % 3 == 0 {
            Sim::start_tls(World::demo(), Tls::self_signed(&["127.0.0.1"]))
        } else {
            Sim::start(World::demo())
        };
        // One client that never speaks; one that is answered, or left waiting.
        let mut silent = TcpStream::connect(("127.0.0.1", sim.port())).unwrap();
        let mut client = TcpStream::connect(("127.0.0.1", sim.port())).unwrap();
        if round % 3 == 1 {
            let forever = Duration::from_secs(3600);
            sim.fault(Fault::on(Route::Any, Act::StallBeforeHead(forever)));
        }
        client.write_all(REQUEST).unwrap();
        while round % 3 != 0 && sim.requests().is_empty() {
            std::thread::yield_now();
        }
        let port = sim.port();
        drop(sim);
        assert_eq!(silent.read(&mut [0]).unwrap_or(0), 0);
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    }
    // A joined thread may stay listed for a moment.
    let patience = Instant::now() + Duration::from_secs(30);
    while holdings() != before && Instant::now() < patience {
        std::thread::yield_now();
    }
    assert_eq!(holdings(), before);
}
