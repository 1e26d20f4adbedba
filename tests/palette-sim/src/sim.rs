//! The server: a listener on loopback, a thread per connection, and what tests see.
//!
//! Invariant: when a [`Sim`] is dropped, its threads have ended and its sockets are
//! closed. Whatever a thread waits for, the end wakes it: pauses through a condition
//! variable, reads and writes through a shutdown of the socket.

use std::fs::File;
use std::io::{self, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use socket2::SockRef;

use crate::connection::{ConnectionFault, ConnectionFaults, disturb};
use crate::deliver::{Fate, Host, deliver, shape};
use crate::fault::{Act, Fault, Faults};
use crate::http::{Connection, Next, Reader, Request, Response, Socket};
use crate::limits::Limits;
use crate::odd::first_page;
use crate::record::{Answer, Recorded, Sent};
use crate::routes::{Refusal, answer, classify};
use crate::tls::Tls;
use crate::world::World;

/// A running simulator. It ends when it is dropped.
pub struct Sim {
    shared: Arc<Shared>,
    listener: Arc<TcpListener>,
    address: SocketAddr,
    url: String,
    accepting: Option<JoinHandle<()>>,
}

struct Shared {
    world: Mutex<World>,
    faults: Mutex<Faults>,
    connection_faults: Mutex<ConnectionFaults>,
    limits: Mutex<Limits>,
    records: Mutex<Vec<(u64, Recorded)>>,
    log: Mutex<Option<File>>,
    /// Numbers requests, over all connections.
    requests: AtomicU64,
    connections: AtomicU64,
    clients: Mutex<Vec<(JoinHandle<()>, Weak<TcpStream>)>>,
    ending: Mutex<bool>,
    woken: Condvar,
}

/// A test that panicked with a lock in its hands is not a reason to panic again.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sim {
    /// Serves this world over plain HTTP on a free port of 127.0.0.1.
    ///
    /// # Panics
    /// Where no port can be bound.
    #[must_use]
    pub fn start(world: World) -> Self {
        Self::listen(world, None, 0).expect("loopback has a free port")
    }

    /// The same over TLS.
    ///
    /// # Panics
    /// Where no port can be bound.
    #[must_use]
    pub fn start_tls(world: World, tls: Tls) -> Self {
        Self::listen(world, Some(tls), 0).expect("loopback has a free port")
    }

    /// Serves on this port of 127.0.0.1; 0 takes a free one.
    ///
    /// # Errors
    /// Where the port cannot be bound.
    pub fn listen(world: World, tls: Option<Tls>, port: u16) -> io::Result<Self> {
        let scheme = if tls.is_some() { "https" } else { "http" };
        let config = tls.map(Tls::config).transpose().map_err(io::Error::other)?;
        let listener = Arc::new(TcpListener::bind((Ipv4Addr::LOCALHOST, port))?);
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            world: Mutex::new(world),
            faults: Mutex::default(),
            connection_faults: Mutex::default(),
            limits: Mutex::default(),
            records: Mutex::default(),
            log: Mutex::default(),
            requests: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            clients: Mutex::default(),
            ending: Mutex::new(false),
            woken: Condvar::new(),
        });
        let accepting = {
            let (shared, listener) = (Arc::clone(&shared), Arc::clone(&listener));
            thread::spawn(move || accept(&shared, &listener, config.as_ref()))
        };
        Ok(Self {
            shared,
            listener,
            address,
            url: format!("{scheme}://{address}"),
            accepting: Some(accepting),
        })
    }

    /// The base URL, without a slash at its end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Everything that was asked so far, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        let records = lock(&self.shared.records);
        records.iter().map(|(_, record)| record.clone()).collect()
    }

    /// Forgets what was asked.
    pub fn clear_requests(&self) {
        lock(&self.shared.records).clear();
    }

    /// Writes a line per answer to this file from now on: method, target and status.
    /// It is written before the answer's first byte, so a client that has its answer
    /// finds the line.
    pub fn log(&self, file: File) {
        *lock(&self.shared.log) = Some(file);
    }

    /// Looks at the world or changes it; requests wait meanwhile. The closure must
    /// not call this again.
    pub fn world<R>(&self, change: impl FnOnce(&mut World) -> R) -> R {
        change(&mut lock(&self.shared.world))
    }

    /// How many connections were accepted.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Orders a fault.
    pub fn fault(&self, fault: Fault) {
        lock(&self.shared.faults).push(fault);
    }

    /// Orders a fault for the next so many connections, before their first request.
    pub fn fault_connections(&self, times: usize, fault: ConnectionFault) {
        lock(&self.shared.connection_faults).push(fault, times);
    }

    /// Drops all faults that are still ordered.
    pub fn clear_faults(&self) {
        lock(&self.shared.faults).clear();
        lock(&self.shared.connection_faults).clear();
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        *lock(&self.shared.ending) = true;
        self.shared.woken.notify_all();
        // Both wake the accepting thread: the one on Linux even where descriptors
        // have run out, the other everywhere else.
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

fn accept(shared: &Arc<Shared>, listener: &TcpListener, tls: Option<&Arc<ServerConfig>>) {
    loop {
        let accepted = listener.accept();
        if *lock(&shared.ending) {
            return;
        }
        let Ok((stream, _)) = accepted else {
            // Out of descriptors, most likely: others must end first.
            shared.pause(Duration::from_millis(10));
            continue;
        };
        let number = shared.connections.fetch_add(1, Ordering::SeqCst) + 1;
        let _ = stream.set_nodelay(true);
        let stream = Arc::new(stream);
        let weak = Arc::downgrade(&stream);
        let thread = {
            let (shared, tls) = (Arc::clone(shared), tls.cloned());
            thread::spawn(move || serve(&shared, stream, tls, number))
        };
        let mut clients = lock(&shared.clients);
        clients.retain(|(thread, _)| !thread.is_finished());
        clients.push((thread, weak));
    }
}

/// Serves one connection to its end.
fn serve(
    shared: &Shared,
    stream: Arc<TcpStream>,
    tls: Option<Arc<ServerConfig>>,
    connection_number: u64,
) {
    let mut socket = Socket(stream);
    let fault = lock(&shared.connection_faults).take();
    if let Some(fault) = fault {
        match disturb(fault, &mut socket, |time| shared.pause(time)) {
            Ok(Fate::Reset) => Connection::Plain(socket).reset(),
            Ok(_) => Connection::Plain(socket).close(),
            Err(_) => {}
        }
        return;
    }
    let mut connection = match tls {
        None => Connection::Plain(socket),
        Some(config) => match ServerConnection::new(config) {
            Ok(session) => Connection::Tls(Box::new(StreamOwned::new(session, socket))),
            Err(_) => return,
        },
    };
    let mut reader = Reader::default();
    loop {
        let fate = match reader.next(&mut connection) {
            Ok(Next::Request(request)) => {
                let number = shared.requests.fetch_add(1, Ordering::SeqCst) + 1;
                shared.exchange(&mut connection, request, number, connection_number)
            }
            Ok(Next::Malformed(reason)) => {
                let body = format!("{reason}\n");
                let _ = write!(
                    connection,
                    "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n\
                     Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
                    body.len()
                );
                let _ = connection.flush();
                Ok(Fate::Close)
            }
            Ok(Next::Gone | Next::Cut(_)) => Ok(Fate::Close),
            Err(error) => Err(error),
        };
        match fate {
            Ok(Fate::Keep) => {}
            Ok(Fate::Reset) => return connection.reset(),
            Ok(Fate::Close) => return connection.close(),
            // The client is gone: there is nobody to tell.
            Err(_) => return,
        }
    }
}

impl Shared {
    /// Waits; `false` where the simulator ends meanwhile.
    fn pause(&self, time: Duration) -> bool {
        let ending = lock(&self.ending);
        let waited = self
            .woken
            .wait_timeout_while(ending, time, |ending| !*ending)
            .unwrap_or_else(PoisonError::into_inner);
        !*waited.0
    }

    /// One request and its answer.
    fn exchange(
        &self,
        connection: &mut Connection,
        request: Request,
        number: u64,
        connection_number: u64,
    ) -> io::Result<Fate> {
        let route = classify(&request.path).map(|(route, _)| route);
        let act = lock(&self.faults).take(route);
        let latency = lock(&self.world).latency;
        let response = self.respond(&request, act.as_ref(), number);
        let keep_alive = request.keep_alive;
        let desk = Desk {
            shared: self,
            number,
            asked: format!("{} {}", request.method, request.target),
        };
        let pending = Recorded {
            method: request.method,
            target: request.target,
            path: request.path,
            query: request.query,
            headers: request.headers,
            body: request.body,
            at: Instant::now(),
            connection: connection_number,
            answer: Answer {
                status: 0,
                headers: Vec::new(),
                body: Sent::Bytes(Vec::new()),
                fault: act.clone(),
            },
        };
        lock(&self.records).push((number, pending));
        if !latency.is_zero() && !self.pause(latency) {
            return Err(io::Error::other("the simulator ends"));
        }
        deliver(connection, response, act.as_ref(), keep_alive, &desk)
    }

    fn respond(&self, request: &Request, act: Option<&Act>, number: u64) -> Response {
        let world = lock(&self.world);
        let limited = world.rate_limits.then(|| {
            let mut limits = lock(&self.limits);
            limits.take(&request.path, Instant::now()).err()
        });
        let response = match limited.flatten() {
            Some(wait) => {
                let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
                let refusal = Refusal::limited().respond(number);
                refusal.header("Retry-After", &seconds.to_string())
            }
            None if matches!(act, Some(Act::RepeatPage(_))) => {
                answer(&world, &first_page(request), number)
            }
            None => answer(&world, request, number),
        };
        match act {
            Some(act) => shape(response, act, number),
            None => response,
        }
    }
}

/// Files the answer of one request.
struct Desk<'a> {
    shared: &'a Shared,
    number: u64,
    /// Method and target, for the log.
    asked: String,
}

impl Desk<'_> {
    fn amend(&self, change: impl FnOnce(&mut Answer)) {
        let mut records = lock(&self.shared.records);
        // Gone where the test cleared them meanwhile.
        let mut newest = records.iter_mut().rev();
        if let Some((_, record)) = newest.find(|(number, _)| *number == self.number) {
            change(&mut record.answer);
        }
    }

    fn log(&self, status: u16) {
        if let Some(file) = &mut *lock(&self.shared.log) {
            let line = format!("{} {status}\n", self.asked);
            // A log with a gap would be counted as if it were whole: let the client's
            // connection break instead.
            file.write_all(line.as_bytes())
                .expect("the log can be written");
        }
    }
}

impl Host for Desk<'_> {
    fn pause(&self, time: Duration) -> bool {
        self.shared.pause(time)
    }

    fn record(&self, answer: Answer) {
        self.log(answer.status);
        self.amend(|filed| *filed = answer);
    }

    fn sent(&self, bytes: u64) {
        self.amend(|filed| filed.body = Sent::Stream(bytes));
    }
}
