//! Each act of a fault, as a client sees it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use palette_sim::{
    Act, Archive, EDGE_INFRA_2_1_0, Fault, Framing, PROJECT_DEFAULT, Route, Sent, Sim, World,
};
use serde_json::json;

use crate::support::{
    Call, DOWNLOAD, End, Raw, check_all, definition, get, last, post, read, read_one,
};

const METADATA: &str = "/v1/dashboard/clusterprofiles/metadata";

fn download() -> Call {
    post(DOWNLOAD, &definition(&[EDGE_INFRA_2_1_0]))
}

/// A download under this act; the one after it must be fine again.
fn under(framing: Framing, act: Act) -> Raw {
    let sim = Sim::start(World::demo().archive(Archive {
        framing,
        ..Archive::default()
    }));
    sim.fault(Fault::on(Route::Download, act.clone()));
    assert_eq!(get(METADATA).send(&sim).status(), 200);
    let answer = download().send(&sim);
    assert_eq!(last(&sim).answer.fault, Some(act));
    assert_eq!(download().send(&sim).status(), 200);
    assert_eq!(last(&sim).answer.fault, None);
    answer
}

fn whole(answer: &Raw) -> usize {
    answer.header("Content-Length").unwrap().parse().unwrap()
}

#[test]
fn statuses() {
    let busy = under(Framing::Auto, Act::status(429).header("Retry-After", "7"));
    assert_eq!(busy.status(), 429);
    assert_eq!(busy.header("Retry-After"), Some("7"));
    assert_eq!(busy.json()["code"], "TooManyRequests");
    let gateway = under(Framing::Auto, Act::text(502, "upstream is away"));
    assert_eq!(gateway.status(), 502);
    assert_eq!(gateway.body(), b"upstream is away");
}

#[test]
fn something_else_with_status_200() {
    let page = under(Framing::Auto, Act::Html200);
    assert_eq!(page.status(), 200);
    assert!(
        page.header("Content-Type")
            .unwrap()
            .starts_with("text/html")
    );
    assert!(page.body().starts_with(b"<!DOCTYPE html>"));
    let value = under(Framing::Auto, Act::Json200(json!({ "ok": true })));
    assert_eq!(value.json(), json!({ "ok": true }));
    let nothing = under(Framing::Chunked, Act::EmptyBody);
    assert_eq!((nothing.status(), whole(&nothing)), (200, 0));
    assert_eq!(
        nothing.header("Content-Type"),
        Some("application/octet-stream")
    );
    let bytes = under(Framing::Auto, Act::Bytes(b"not gzip".to_vec()));
    assert_eq!(bytes.body(), b"not gzip");
    assert!(bytes.header("Content-Disposition").is_some());
}

#[test]
fn redirects() {
    let answer = under(
        Framing::Auto,
        Act::Redirect(307, "http://127.0.0.1:9/x".into()),
    );
    assert_eq!(answer.status(), 307);
    assert_eq!(answer.header("Location"), Some("http://127.0.0.1:9/x"));
    assert_eq!(answer.body(), b"");
}

#[test]
fn decorated_archives() {
    let encoded = under(Framing::Auto, Act::ContentEncodingGzip);
    assert_eq!(encoded.header("Content-Encoding"), Some("gzip"));
    assert_eq!(encoded.body()[..2], [0x1f, 0x8b]);
    let sim = Sim::start(World::demo());
    sim.fault(Fault::on(Route::Metadata, Act::ContentEncodingGzip));
    let list = get(METADATA).send(&sim);
    assert_eq!(list.header("Content-Encoding"), Some("gzip"));
    assert_eq!(list.body()[..2], [0x1f, 0x8b]);
    for framing in [Framing::Length, Framing::Chunked] {
        let garbage = under(framing, Act::Trailing(b"GARBAGE".to_vec()));
        assert_eq!(garbage.body()[..2], [0x1f, 0x8b]);
        assert!(garbage.body().ends_with(b"GARBAGE"));
        assert_eq!(garbage.end, End::Closed);
    }
}

#[test]
fn nothing_or_half_a_head() {
    let reset = under(Framing::Auto, Act::ResetBeforeHead);
    assert_eq!((reset.bytes.len(), reset.end), (0, End::Reset));
    let closed = under(Framing::Auto, Act::CloseBeforeHead);
    assert_eq!((closed.bytes.len(), closed.end), (0, End::Closed));
    let torn = under(Framing::Auto, Act::ResetInHead);
    assert!(torn.bytes.len() < 200, "{torn:?}");
    assert!(!torn.bytes.windows(4).any(|four| four == b"\r\n\r\n"));
    assert_eq!(torn.end, End::Reset);
}

#[test]
fn bodies_that_stop_short() {
    for framing in [Framing::Length, Framing::Chunked] {
        let reset = under(framing, Act::ResetInBody(100));
        assert!(reset.body().len() <= 100);
        assert_eq!(reset.end, End::Reset);
        let closed = under(framing, Act::CloseInBody(100));
        assert_eq!(closed.body().len(), 100);
        assert_eq!(closed.end, End::Closed);
        // Behind the end: everything but what tells the end.
        let late = under(framing, Act::CloseInBody(u64::MAX));
        match framing {
            Framing::Chunked => assert!(!late.coded().ends_with(b"0\r\n\r\n")),
            _ => assert_eq!(late.coded().len(), whole(&late) - 1),
        }
    }
}

#[test]
fn a_cut_is_recorded() {
    let sim = Sim::start(World::demo());
    sim.fault(Fault::on(Route::Download, Act::CloseInBody(100)));
    let _ = download().send(&sim);
    assert_eq!(last(&sim).answer.body, Sent::Stream(100));
}

#[test]
fn wrong_lengths() {
    let long = under(Framing::Auto, Act::WrongLength(5));
    assert_eq!(long.coded().len() + 5, whole(&long));
    let short = under(Framing::Auto, Act::WrongLength(-5));
    assert_eq!(short.coded().len() - 5, whole(&short));
}

#[test]
fn stalls_and_slowness_change_nothing_else() {
    let time = Duration::from_millis(30);
    for framing in [Framing::Length, Framing::Chunked] {
        for act in [
            Act::StallBeforeHead(time),
            Act::StallInBody(0, time),
            Act::StallInBody(100, time),
            Act::StallInBody(u64::MAX, time),
            Act::Slow(20_000),
            Act::CloseAfter,
        ] {
            let sim = Sim::start(World::demo().archive(Archive {
                framing,
                ..Archive::default()
            }));
            sim.fault(Fault::on(Route::Any, act.clone()));
            let answer = download().send(&sim);
            assert_eq!(answer.status(), 200, "{act:?}");
            assert_eq!(
                last(&sim).answer.body,
                Sent::Stream(answer.body().len() as u64),
                "{act:?}"
            );
            check_all(&sim);
        }
    }
}

#[test]
fn a_stall_holds_back_what_follows_it() {
    let sim = Sim::start(World::demo());
    // Longer than any test may take: only the end of the simulator ends it.
    sim.fault(Fault::on(
        Route::Download,
        Act::StallInBody(100, Duration::from_secs(3600)),
    ));
    let mut stream = TcpStream::connect(("127.0.0.1", sim.port())).unwrap();
    stream.write_all(&download().bytes()).unwrap();
    let mut bytes = Vec::new();
    while !bytes.windows(4).any(|four| four == b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        bytes.push(byte[0]);
    }
    let mut body = [0; 100];
    stream.read_exact(&mut body).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_millis(50)))
        .unwrap();
    let silence = stream.read(&mut body).unwrap_err();
    let kinds = [std::io::ErrorKind::WouldBlock, std::io::ErrorKind::TimedOut];
    assert!(kinds.contains(&silence.kind()), "{silence}");
    drop(sim);
}

#[test]
fn a_close_that_nobody_announced() {
    let sim = Sim::start(World::demo());
    sim.fault(Fault::on(Route::Metadata, Act::CloseAfter));
    let mut stream = TcpStream::connect(("127.0.0.1", sim.port())).unwrap();
    stream.write_all(&get(METADATA).bytes()).unwrap();
    let answer = read_one(&mut stream);
    assert_eq!(answer.header("Connection"), None);
    assert_eq!(read(&mut stream).bytes, b"");
    check_all(&sim);
}

#[test]
fn json_answers_fail_too() {
    let sim = Sim::start(World::demo());
    let path = format!("/v1/projects/{PROJECT_DEFAULT}");
    sim.fault(Fault::on(Route::Project, Act::CloseInBody(10)).times(2));
    assert_eq!(get(&path).send(&sim).body().len(), 10);
    assert_eq!(
        last(&sim).answer.body,
        Sent::Bytes(get(&path).send(&sim).body())
    );
    assert_eq!(get(&path).send(&sim).status(), 200);
}

#[test]
fn faults_wait_for_their_turn() {
    let sim = Sim::start(World::demo());
    sim.fault(
        Fault::on(Route::Download, Act::status(503))
            .skip(1)
            .times(2),
    );
    let statuses: Vec<u16> = (0..4).map(|_| download().send(&sim).status()).collect();
    assert_eq!(statuses, [200, 503, 503, 200]);
    sim.fault(Fault::on(Route::Any, Act::status(500)).forever());
    let statuses: Vec<u16> = (0..3)
        .map(|_| get("/nowhere").send(&sim).status())
        .collect();
    assert_eq!(statuses, [500, 500, 500]);
    sim.clear_faults();
    assert_eq!(get(METADATA).send(&sim).status(), 200);
}
