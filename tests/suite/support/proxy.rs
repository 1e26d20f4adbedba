//! A forward proxy that supports only `CONNECT` (RFC 9110, 9.3.6), like those between build
//! hosts and the internet.
//!
//! Whatever name a client asks for, the tunnel leads to one loopback port. A name that only the
//! proxy can resolve is thus tested without a name server.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

/// How one connection is treated.
#[derive(Clone, Debug)]
pub enum Manner {
    /// A tunnel for clients with these credentials, written as `user:password` in base64, and
    /// for all clients if there are none; otherwise the answer is 407.
    Tunnel(Option<&'static str>),
    /// This status in place of a tunnel.
    Status(u16),
    /// The connection is closed without an answer.
    Close,
    /// There is no answer for as long as the client waits.
    Silence,
}

/// A running proxy.
pub struct Proxy {
    shared: Arc<Shared>,
    address: SocketAddr,
    accepting: Option<JoinHandle<()>>,
}

struct Shared {
    to: u16,
    /// The behavior for the first connections, one each.
    first: Mutex<VecDeque<Manner>>,
    otherwise: Manner,
    heads: Mutex<Vec<String>>,
    /// Everything that clients sent, including the contents of tunnels.
    seen: Mutex<Vec<u8>>,
    ending: AtomicBool,
}

impl Proxy {
    /// Returns a proxy whose tunnels lead to this port of 127.0.0.1.
    pub fn to(port: u16) -> Self {
        Self::with(port, [], Manner::Tunnel(None))
    }

    /// Returns the same, with other behaviors for the first connections.
    pub fn with<const N: usize>(to: u16, first: [Manner; N], otherwise: Manner) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            to,
            first: Mutex::new(first.into()),
            otherwise,
            heads: Mutex::default(),
            seen: Mutex::default(),
            ending: AtomicBool::new(false),
        });
        let accepting = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || accept(&shared, &listener))
        };
        Self {
            shared,
            address,
            accepting: Some(accepting),
        }
    }

    /// Returns the host and port in the form of the variable.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Returns the heads of the requests that the proxy got.
    pub fn heads(&self) -> Vec<String> {
        self.shared.heads.lock().unwrap().clone()
    }

    /// Returns the hosts and ports that clients wanted to connect to.
    pub fn targets(&self) -> Vec<String> {
        let target = |head: &String| {
            let mut words = head.split(' ');
            assert_eq!(words.next(), Some("CONNECT"), "{head}");
            words.next().unwrap().to_owned()
        };
        self.heads().iter().map(target).collect()
    }

    /// Whether clients sent these bytes, including in tunnels.
    pub fn saw(&self, bytes: &[u8]) -> bool {
        let seen = self.shared.seen.lock().unwrap();
        assert!(!seen.is_empty(), "nobody was here");
        seen.windows(bytes.len()).any(|part| part == bytes)
    }
}

/// When this is dropped, the clients have ended, and with them every connection.
impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.ending.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

fn accept(shared: &Arc<Shared>, listener: &TcpListener) {
    for stream in listener.incoming() {
        if shared.ending.load(Ordering::SeqCst) {
            return;
        }
        let (shared, stream) = (Arc::clone(shared), stream.unwrap());
        // It is not an error if a client goes away.
        thread::spawn(move || serve(&shared, stream));
    }
}

fn serve(shared: &Shared, mut client: TcpStream) -> io::Result<()> {
    let head = read_head(&mut client)?;
    shared
        .seen
        .lock()
        .unwrap()
        .extend_from_slice(head.as_bytes());
    shared.heads.lock().unwrap().push(head.clone());
    let first = shared.first.lock().unwrap().pop_front();
    match first.unwrap_or_else(|| shared.otherwise.clone()) {
        Manner::Tunnel(Some(wanted)) if !brings(&head, wanted) => answer(
            &mut client,
            407,
            "Proxy-Authenticate: Basic realm=\"proxy\"\r\n",
        ),
        Manner::Tunnel(_) => tunnel(shared, client),
        Manner::Status(status) => answer(&mut client, status, ""),
        Manner::Close => Ok(()),
        Manner::Silence => io::copy(&mut client, &mut io::sink()).map(drop),
    }
}

/// The client sends nothing more before it gets its answer.
fn read_head(client: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    let mut piece = [0; 1024];
    while !head.ends_with(b"\r\n\r\n") {
        match client.read(&mut piece)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => head.extend_from_slice(&piece[..count]),
        }
    }
    String::from_utf8(head).map_err(io::Error::other)
}

fn brings(head: &str, credentials: &str) -> bool {
    let wanted = format!("proxy-authorization: basic {credentials}");
    head.lines().any(|line| line.eq_ignore_ascii_case(&wanted))
}

fn answer(client: &mut TcpStream, status: u16, headers: &str) -> io::Result<()> {
    let head = format!("HTTP/1.1 {status} Proxy\r\n{headers}Content-Length: 0\r\n\r\n");
    client.write_all(head.as_bytes())?;
    client.shutdown(Shutdown::Write)
}

fn tunnel(shared: &Shared, mut client: TcpStream) -> io::Result<()> {
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, shared.to))?;
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    let (mut from, mut to) = (server.try_clone()?, client.try_clone()?);
    let back = thread::spawn(move || {
        let copied = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Both);
        copied
    });
    let mut piece = [0; 16 * 1024];
    while let Ok(count @ 1..) = client.read(&mut piece) {
        shared
            .seen
            .lock()
            .unwrap()
            .extend_from_slice(&piece[..count]);
        server.write_all(&piece[..count])?;
    }
    let _ = server.shutdown(Shutdown::Both);
    back.join().unwrap().map(drop)
}
