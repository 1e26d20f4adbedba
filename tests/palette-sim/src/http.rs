//! HTTP/1.1 by hand: reads requests off a connection, and holds what an answer is.
//!
//! Only heads are parsed by a library. Everything else is ours, because faults need
//! control over each byte and over how a connection ends. In: bytes of a client that
//! is trusted no more than to be on loopback. Out: [`Request`]s.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::{ServerConnection, StreamOwned};
use serde_json::Value;
use socket2::SockRef;

use crate::archive::Recipe;
use crate::world::Framing;

/// The longest request head.
const HEAD_LIMIT: usize = 64 * 1024;
/// The longest request body.
const BODY_LIMIT: usize = 256 * 1024 * 1024;

/// The socket below a connection. The simulator keeps a weak reference to end it;
/// a duplicate of the descriptor would hold back the reset that dropping it means.
pub(crate) struct Socket(pub(crate) Arc<TcpStream>);

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self.0).read(buffer)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self.0).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        (&*self.0).flush()
    }
}

/// A client's connection.
pub(crate) enum Connection {
    /// TCP.
    Plain(Socket),
    /// TLS over TCP.
    Tls(Box<StreamOwned<ServerConnection, Socket>>),
}

impl Connection {
    fn socket(&self) -> &TcpStream {
        match self {
            Connection::Plain(socket) => &socket.0,
            Connection::Tls(stream) => &stream.sock.0,
        }
    }

    /// Ends the connection with a RST.
    pub(crate) fn reset(self) {
        // Closing with a linger time of zero is what makes the kernel send it. A
        // failure leaves an orderly close, which a test would notice.
        let _ = SockRef::from(self.socket()).set_linger(Some(Duration::ZERO));
    }

    /// Ends the connection in order: TLS's farewell where there is TLS, then a FIN.
    pub(crate) fn close(mut self) {
        if let Connection::Tls(stream) = &mut self {
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
        let _ = self.socket().shutdown(Shutdown::Write);
    }
}

impl Read for Connection {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Connection::Plain(socket) => socket.read(buffer),
            Connection::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Connection {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Connection::Plain(socket) => socket.write(bytes),
            Connection::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Connection::Plain(socket) => socket.flush(),
            Connection::Tls(stream) => stream.flush(),
        }
    }
}

/// A request, read in full.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) keep_alive: bool,
}

impl Request {
    /// The first header of this name, whatever its case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The first query parameter of this name.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        let mut pairs = self.query.iter();
        pairs
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

/// What reading a request came to.
pub(crate) enum Next {
    /// A request.
    Request(Request),
    /// The client is gone, or talked past any sense of HTTP.
    Gone,
    /// Not a request; answered with 400 and a close.
    Malformed(&'static str),
    /// Its body was to be cut, and was.
    Cut(Request),
}

/// Reads requests, and keeps the bytes of the next one that came along.
#[derive(Default)]
pub(crate) struct Reader {
    buffer: Vec<u8>,
}

impl Reader {
    /// The next request on the connection.
    pub(crate) fn next(&mut self, connection: &mut Connection) -> io::Result<Next> {
        self.next_cut(connection, |_| None)
    }

    /// The same, but of a body only the bytes that `cut` says are read, if it says so.
    pub(crate) fn next_cut(
        &mut self,
        connection: &mut Connection,
        cut: impl Fn(&Request) -> Option<usize>,
    ) -> io::Result<Next> {
        let (head, mut request) = loop {
            if !self.buffer.is_empty() {
                match parse(&self.buffer) {
                    Ok(Some(parsed)) => break parsed,
                    Ok(None) if self.buffer.len() > HEAD_LIMIT => {
                        return Ok(Next::Malformed("request head too long"));
                    }
                    Ok(None) => {}
                    Err(reason) => return Ok(Next::Malformed(reason)),
                }
            }
            if !self.fill(connection)? {
                return Ok(Next::Gone);
            }
        };
        self.buffer.drain(..head);
        let wants = request.header("Expect").unwrap_or_default();
        if wants.eq_ignore_ascii_case("100-continue") && self.buffer.is_empty() {
            connection.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
            connection.flush()?;
        }
        let coding = request.header("Transfer-Encoding").unwrap_or_default();
        if coding.eq_ignore_ascii_case("chunked") {
            match self.chunks(connection)? {
                Some(body) => request.body = body,
                None => return Ok(Next::Malformed("bad chunked request body")),
            }
        } else if let Some(length) = request.header("Content-Length") {
            let Ok(length) = length.parse::<usize>() else {
                return Ok(Next::Malformed("bad Content-Length"));
            };
            if length > BODY_LIMIT {
                return Ok(Next::Malformed("request body too long"));
            }
            if let Some(most) = cut(&request).filter(|most| *most < length) {
                self.take(connection, most)?;
                return Ok(Next::Cut(request));
            }
            match self.take(connection, length)? {
                Some(body) => request.body = body,
                None => return Ok(Next::Gone),
            }
        }
        Ok(Next::Request(request))
    }

    /// Reads more; `false` at the end.
    fn fill(&mut self, connection: &mut Connection) -> io::Result<bool> {
        let mut piece = [0; 16 * 1024];
        let count = connection.read(&mut piece)?;
        self.buffer.extend_from_slice(&piece[..count]);
        Ok(count > 0)
    }

    fn take(&mut self, connection: &mut Connection, count: usize) -> io::Result<Option<Vec<u8>>> {
        while self.buffer.len() < count {
            if !self.fill(connection)? {
                return Ok(None);
            }
        }
        Ok(Some(self.buffer.drain(..count).collect()))
    }

    fn line(&mut self, connection: &mut Connection) -> io::Result<Option<String>> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\r\n") {
                let line: Vec<u8> = self.buffer.drain(..end + 2).collect();
                return Ok(String::from_utf8(line)
                    .ok()
                    .map(|text| text.trim().to_owned()));
            }
            if self.buffer.len() > HEAD_LIMIT || !self.fill(connection)? {
                return Ok(None);
            }
        }
    }

    /// A chunked request body; trailers are read and dropped.
    fn chunks(&mut self, connection: &mut Connection) -> io::Result<Option<Vec<u8>>> {
        let mut body = Vec::new();
        loop {
            let Some(line) = self.line(connection)? else {
                return Ok(None);
            };
            let size = line.split(';').next().unwrap_or_default().trim();
            let Ok(size) = usize::from_str_radix(size, 16) else {
                return Ok(None);
            };
            if body.len().saturating_add(size) > BODY_LIMIT {
                return Ok(None);
            }
            if size == 0 {
                break;
            }
            match self.take(connection, size + 2)? {
                Some(piece) if piece.ends_with(b"\r\n") => body.extend_from_slice(&piece[..size]),
                _ => return Ok(None),
            }
        }
        loop {
            match self.line(connection)? {
                Some(line) if line.is_empty() => return Ok(Some(body)),
                Some(_) => {}
                None => return Ok(None),
            }
        }
    }
}

/// Takes a head apart; `None` while it is not complete.
fn parse(buffer: &[u8]) -> Result<Option<(usize, Request)>, &'static str> {
    let mut slots = [httparse::EMPTY_HEADER; 128];
    let mut head = httparse::Request::new(&mut slots);
    let length = match head.parse(buffer) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err("not an HTTP/1.1 request"),
    };
    let target = head.path.unwrap_or_default().to_owned();
    let headers: Vec<(String, String)> = head
        .headers
        .iter()
        .map(|header| {
            let value = String::from_utf8_lossy(header.value).into_owned();
            (header.name.to_owned(), value)
        })
        .collect();
    let (path, query) = split(&target);
    let mut request = Request {
        method: head.method.unwrap_or_default().to_owned(),
        path,
        query,
        target,
        headers,
        body: Vec::new(),
        keep_alive: true,
    };
    let wish = request.header("Connection").unwrap_or_default();
    request.keep_alive = if head.version == Some(0) {
        wish.eq_ignore_ascii_case("keep-alive")
    } else {
        !wish.eq_ignore_ascii_case("close")
    };
    Ok(Some((length, request)))
}

/// Path and query of a request target. A client that takes the simulator for its
/// proxy sends the absolute form.
fn split(target: &str) -> (String, Vec<(String, String)>) {
    let local = match target.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => target,
    };
    let (path, query) = local.split_once('?').unwrap_or((local, ""));
    let pairs = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (
                decode(&key.replace('+', " ")),
                decode(&value.replace('+', " ")),
            )
        })
        .collect();
    (decode(path), pairs)
}

/// Percent-decodes; what is not an escape stays as it is.
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escape = (bytes[at] == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten()
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        out.push(escape.unwrap_or(bytes[at]));
        at += if escape.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// An answer before it is written.
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Body,
    /// Bytes behind the body that count as part of it.
    pub(crate) trailing: Vec<u8>,
}

/// The body of an answer.
pub(crate) enum Body {
    /// As they are.
    Bytes(Vec<u8>),
    /// An archive, made while it is written.
    Archive(Box<Recipe>, Framing),
    /// A file, as it is.
    File(PathBuf, Framing),
}

impl Response {
    /// An answer with a body of this type.
    pub(crate) fn new(status: u16, content_type: &str, body: Body) -> Self {
        Self {
            status,
            headers: vec![("Content-Type".into(), content_type.into())],
            body,
            trailing: Vec::new(),
        }
    }

    /// A JSON answer.
    pub(crate) fn json(status: u16, value: &Value) -> Self {
        let body = Body::Bytes(value.to_string().into_bytes());
        Self::new(status, "application/json", body)
    }

    /// Adds a header.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::{decode, split};

    #[test]
    fn targets() {
        let (path, query) = split("/v1/x%20y?name=a+b%26c&&flag");
        assert_eq!(path, "/v1/x y");
        let expected = [("name", "a b&c"), ("flag", "")].map(|(k, v)| (k.into(), v.into()));
        assert_eq!(query, expected);
        assert_eq!(split("http://127.0.0.1:1/v1/a?b=c").0, "/v1/a");
        assert_eq!(split("http://127.0.0.1:1").0, "/");
        assert_eq!(decode("100%"), "100%");
        assert_eq!(decode("%é"), "%é");
    }
}
