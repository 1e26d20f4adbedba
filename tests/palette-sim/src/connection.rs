//! What goes wrong with a connection before a request is read: on its way, and in the
//! TLS handshake.
//!
//! A [`ConnectionFault`] acts on a connection that was accepted; it is answered with a
//! few bytes or none, and never served. A [`Deaf`] listener accepts none at all.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, SockRef, Socket as RawSocket, Type};

use crate::deliver::Fate;
use crate::http::Socket;

/// A `ServerHello` of TLS 1.1 (RFC 4346, 7.4.1.3) in its record, the way a server answers
/// that has never heard of TLS 1.2: `TLS_RSA_WITH_AES_128_CBC_SHA`, no session, no
/// compression, no extensions.
const SERVER_HELLO_1_1: [u8; 47] = {
    let mut bytes = [0x5a; 47];
    let head = [0x16, 3, 2, 0, 42, 2, 0, 0, 38, 3, 2];
    let tail = [0, 0x00, 0x2f, 0];
    let mut at = 0;
    while at < head.len() {
        bytes[at] = head[at];
        at += 1;
    }
    at = 0;
    while at < tail.len() {
        bytes[head.len() + 32 + at] = tail[at];
        at += 1;
    }
    bytes
};

/// What goes wrong with a connection before a request is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionFault {
    /// A reset after the client's first bytes.
    Reset,
    /// An orderly close after the client's first bytes.
    Close,
    /// Silence.
    Stall(Duration),
    /// A TLS server that answers with version 1.1.
    Tls11,
    /// A TLS server that ends the handshake with this alert (RFC 8446, 6).
    TlsAlert(u8),
}

/// The connection faults of a simulator that are still to act, in order.
#[derive(Debug, Default)]
pub(crate) struct ConnectionFaults(Vec<(ConnectionFault, usize)>);

impl ConnectionFaults {
    pub(crate) fn push(&mut self, fault: ConnectionFault, times: usize) {
        self.0.push((fault, times));
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// The fault for the next connection.
    pub(crate) fn take(&mut self) -> Option<ConnectionFault> {
        let (fault, left) = self.0.iter_mut().find(|(_, left)| *left > 0)?;
        *left -= 1;
        Some(*fault)
    }
}

/// Executes the fault; says how the connection is to end. `pause` waits.
pub(crate) fn disturb(
    fault: ConnectionFault,
    socket: &mut Socket,
    pause: impl Fn(Duration) -> bool,
) -> io::Result<Fate> {
    // What is not read when a socket is closed makes its close a reset.
    let mut first = [0; 16 * 1024];
    let _ = socket.read(&mut first)?;
    match fault {
        ConnectionFault::Reset => return Ok(Fate::Reset),
        ConnectionFault::Close => {}
        ConnectionFault::Stall(time) => {
            pause(time);
        }
        ConnectionFault::Tls11 => {
            socket.write_all(&SERVER_HELLO_1_1)?;
            // The client's alert, for the same reason.
            let _ = socket.read(&mut first)?;
        }
        ConnectionFault::TlsAlert(code) => socket.write_all(&[0x15, 3, 3, 0, 2, 2, code])?,
    }
    Ok(Fate::Close)
}

/// A port that answers no attempt to connect: its queue of connections is full, and
/// nobody accepts any. On Linux further ones get no answer then.
#[derive(Debug)]
pub struct Deaf {
    address: SocketAddr,
    _listener: RawSocket,
    _queued: Vec<TcpStream>,
}

impl Deaf {
    /// Fills the queue of a free port of 127.0.0.1.
    ///
    /// # Panics
    /// Where no port can be bound, or the queue takes any number of connections.
    #[must_use]
    pub fn listen() -> Self {
        Self::fill().expect("loopback has a free port")
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    fn fill() -> io::Result<Self> {
        let listener = RawSocket::new(Domain::IPV4, Type::STREAM, None)?;
        listener.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
        listener.listen(0)?;
        let address = listener.local_addr()?.as_socket();
        let address = address.ok_or(io::ErrorKind::AddrNotAvailable)?;
        let mut queued = Vec::new();
        // On loopback a connection is there at once or never.
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(250)) {
            SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
            queued.push(stream);
            assert!(queued.len() < 1000, "the queue has no end");
        }
        Ok(Self {
            address,
            _listener: listener,
            _queued: queued,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::SERVER_HELLO_1_1;

    /// Both lengths are those of what follows.
    #[test]
    fn the_hello_is_as_long_as_it_says() {
        assert_eq!(SERVER_HELLO_1_1.len(), 5 + usize::from(SERVER_HELLO_1_1[4]));
        assert_eq!(
            SERVER_HELLO_1_1[4],
            4 + SERVER_HELLO_1_1[8],
            "record and handshake"
        );
    }
}
