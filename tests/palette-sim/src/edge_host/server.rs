//! The server of an edge host: a listener, a thread for each connection.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use sha2::{Digest as _, Sha256};
use socket2::SockRef;

use super::routes::{Reply, answer, pause};
use super::world::{HostFault, HostWorld};
use crate::http::{Connection, Next, Reader, Request, Socket};
use crate::record::{Answer, Recorded, Sent};
use crate::sim::lock;
use crate::tls::Tls;

/// A running edge host. It ends when it is dropped.
pub struct EdgeHost {
    shared: Arc<Shared>,
    listener: Arc<TcpListener>,
    address: SocketAddr,
    fingerprint: String,
    certificate: String,
    accepting: Option<JoinHandle<()>>,
}

struct Shared {
    world: Mutex<HostWorld>,
    records: Mutex<Vec<Recorded>>,
    log: Mutex<Option<File>>,
    connections: AtomicU64,
    clients: Mutex<Vec<(JoinHandle<()>, std::sync::Weak<TcpStream>)>>,
    ends: AtomicBool,
}

impl EdgeHost {
    /// Starts a host with a certificate of its own, as its first boot makes one.
    ///
    /// # Panics
    /// Where no port can be bound.
    #[must_use]
    pub fn start(world: HostWorld) -> Self {
        Self::start_tls(world, Tls::of_edge_host(&["edge-host-sim"], (2020, 2120)))
    }

    /// The same with this certificate.
    ///
    /// # Panics
    /// Where no port can be bound.
    #[must_use]
    pub fn start_tls(world: HostWorld, tls: Tls) -> Self {
        Self::listen(world, tls, 0).expect("loopback has a free port")
    }

    /// Listens on this port of 127.0.0.1; 0 takes a free one.
    ///
    /// # Errors
    /// Where the port cannot be bound.
    pub fn listen(world: HostWorld, tls: Tls, port: u16) -> io::Result<Self> {
        let mut fingerprint = String::new();
        for byte in Sha256::digest(tls.certificate()) {
            // Writing into a string cannot fail.
            let _ = write!(fingerprint, "{byte:02x}");
        }
        let certificate = tls.server_pem().0.to_owned();
        let config = tls.config().map_err(io::Error::other)?;
        let listener = Arc::new(TcpListener::bind((Ipv4Addr::LOCALHOST, port))?);
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            world: Mutex::new(world),
            records: Mutex::default(),
            log: Mutex::default(),
            connections: AtomicU64::new(0),
            clients: Mutex::default(),
            ends: AtomicBool::new(false),
        });
        let accepting = {
            let (shared, listener) = (Arc::clone(&shared), Arc::clone(&listener));
            thread::spawn(move || accept(&shared, &listener, &config))
        };
        Ok(Self {
            shared,
            listener,
            address,
            fingerprint,
            certificate,
            accepting: Some(accepting),
        })
    }

    /// The address, as `127.0.0.1:PORT`.
    #[must_use]
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// The SHA-256 of its certificate in DER.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Its certificate in PEM.
    #[must_use]
    pub fn certificate_pem(&self) -> &str {
        &self.certificate
    }

    /// Everything that was asked so far, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        lock(&self.shared.records).clone()
    }

    /// Forgets what was asked.
    pub fn clear_requests(&self) {
        lock(&self.shared.records).clear();
    }

    /// How many connections were accepted.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Writes a line per answer to this file: method, target and status.
    pub fn log(&self, file: File) {
        *lock(&self.shared.log) = Some(file);
    }

    /// Looks at the host or changes it; requests wait meanwhile.
    pub fn world<R>(&self, change: impl FnOnce(&mut HostWorld) -> R) -> R {
        change(&mut lock(&self.shared.world))
    }
}

impl Drop for EdgeHost {
    fn drop(&mut self) {
        self.shared.ends.store(true, Ordering::SeqCst);
        // Both wake the accepting thread, as for the simulated Palette.
        let _ = SockRef::from(&*self.listener).shutdown(Shutdown::Both);
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
        let clients = std::mem::take(&mut *lock(&self.shared.clients));
        for (_, socket) in &clients {
            if let Some(socket) = socket.upgrade() {
                let _ = socket.shutdown(Shutdown::Both);
            }
        }
        for (thread, _) in clients {
            let _ = thread.join();
        }
    }
}

fn accept(shared: &Arc<Shared>, listener: &TcpListener, tls: &Arc<ServerConfig>) {
    loop {
        let accepted = listener.accept();
        if shared.ends.load(Ordering::SeqCst) {
            return;
        }
        let Ok((stream, _)) = accepted else {
            thread::sleep(Duration::from_millis(10));
            continue;
        };
        let number = shared.connections.fetch_add(1, Ordering::SeqCst) + 1;
        let _ = stream.set_nodelay(true);
        let stream = Arc::new(stream);
        let weak = Arc::downgrade(&stream);
        let thread = {
            let (shared, tls) = (Arc::clone(shared), Arc::clone(tls));
            thread::spawn(move || serve(&shared, stream, tls, number))
        };
        let mut clients = lock(&shared.clients);
        clients.retain(|(thread, _)| !thread.is_finished());
        clients.push((thread, weak));
    }
}

fn serve(shared: &Shared, stream: Arc<TcpStream>, tls: Arc<ServerConfig>, number: u64) {
    let Ok(session) = ServerConnection::new(tls) else {
        return;
    };
    let mut connection = Connection::Tls(Box::new(StreamOwned::new(session, Socket(stream))));
    let mut reader = Reader::default();
    let cut = |request: &Request| {
        if !request.path.ends_with("/upload-clusterconfig") {
            return None;
        }
        let mut world = lock(&shared.world);
        match world.take(|fault| matches!(fault, HostFault::CutUpload(_)))? {
            HostFault::CutUpload(after) => Some(after),
            _ => None,
        }
    };
    loop {
        let keeps = match reader.next_cut(&mut connection, cut) {
            Ok(Next::Request(request)) => shared.exchange(&mut connection, request, number),
            Ok(Next::Cut(request)) => {
                shared.file(request, number, 0, Vec::new());
                return connection.reset();
            }
            Ok(Next::Malformed(_) | Next::Gone) | Err(_) => return connection.close(),
        };
        match keeps {
            Ok(Some(true)) => {}
            Ok(Some(false)) => return connection.close(),
            Ok(None) => return connection.reset(),
            // The client is gone.
            Err(_) => return,
        }
    }
}

impl Shared {
    /// One request and its answer; whether the connection is kept, or reset (`None`).
    fn exchange(
        &self,
        connection: &mut Connection,
        request: Request,
        number: u64,
    ) -> io::Result<Option<bool>> {
        let (reply, wait) = {
            let mut world = lock(&self.world);
            let (reply, wait) = answer(&mut world, &request);
            (reply, wait + world.latency)
        };
        pause(wait, || self.ends.load(Ordering::SeqCst));
        let keep_alive = request.keep_alive;
        let (status, kind, body) = match reply {
            Reply::Json(status, value) if value.is_null() => (status, None, Vec::new()),
            Reply::Json(status, value) => (
                status,
                Some("application/json"),
                value.to_string().into_bytes(),
            ),
            Reply::Text(text) => (200, Some("text/html"), text.into_bytes()),
            Reply::Reset => {
                self.file(request, number, 0, Vec::new());
                return Ok(None);
            }
        };
        let length = body.len();
        self.file(request, number, status, body.clone());
        let kind = kind.map_or(String::new(), |kind| format!("Content-Type: {kind}\r\n"));
        write!(
            connection,
            "HTTP/1.1 {status} Simulated\r\n{kind}Content-Length: {length}\r\n\r\n"
        )?;
        connection.write_all(&body)?;
        connection.flush()?;
        Ok(Some(keep_alive))
    }

    /// Remembers a request and its answer, before the answer's first byte is sent.
    fn file(&self, request: Request, number: u64, status: u16, body: Vec<u8>) {
        if let Some(log) = &mut *lock(&self.log) {
            let line = format!("{} {} {status}\n", request.method, request.target);
            log.write_all(line.as_bytes())
                .expect("the log can be written");
        }
        let headers = if body.is_empty() {
            Vec::new()
        } else {
            vec![("Content-Type".into(), "application/json".into())]
        };
        lock(&self.records).push(Recorded {
            method: request.method,
            target: request.target,
            path: request.path,
            query: request.query,
            headers: request.headers,
            body: request.body,
            at: Instant::now(),
            connection: number,
            answer: Answer {
                status,
                headers,
                body: Sent::Bytes(body),
                fault: None,
            },
        });
    }
}
