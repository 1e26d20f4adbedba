//! A client as raw as the server: bytes over a socket, so that nothing is smoothed
//! over on the way. Every exchange asks for a close and reads to the end, whatever
//! end that is.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use palette_sim::contract::Contract;
use palette_sim::{DEMO_KEY, PROJECT_DEFAULT, Recorded, Sim};
use serde_json::Value;

/// How reading an answer ended.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    Closed,
    Reset,
}

/// An answer as it came over the wire.
#[derive(Debug)]
pub struct Raw {
    pub bytes: Vec<u8>,
    pub end: End,
}

impl Raw {
    pub fn head(&self) -> &str {
        let end = self.bytes.windows(4).position(|four| four == b"\r\n\r\n");
        let head = &self.bytes[..end.expect("a whole head")];
        std::str::from_utf8(head).unwrap()
    }

    pub fn status(&self) -> u16 {
        self.head()[9..12].parse().unwrap()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head().lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    /// The body as sent, chunks and all.
    pub fn coded(&self) -> &[u8] {
        &self.bytes[self.head().len() + 4..]
    }

    /// The body without its chunks; a missing end is not noticed.
    pub fn body(&self) -> Vec<u8> {
        let mut rest = self.coded();
        if self.header("Transfer-Encoding").is_none() {
            return rest.to_vec();
        }
        let mut body = Vec::new();
        while let Some(end) = rest.windows(2).position(|two| two == b"\r\n") {
            let size = std::str::from_utf8(&rest[..end]).unwrap();
            let size = usize::from_str_radix(size, 16).unwrap();
            let from = end + 2;
            let until = (from + size).min(rest.len());
            body.extend_from_slice(&rest[from..until]);
            rest = rest.get(until + 2..).unwrap_or_default();
            if size == 0 {
                break;
            }
        }
        body
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body()).expect("a JSON body")
    }
}

/// A request that is being written.
pub struct Call {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// A call with the demo's key and no project.
pub fn call(method: &str, target: &str) -> Call {
    Call {
        method: method.into(),
        target: target.into(),
        headers: vec![("ApiKey".into(), DEMO_KEY.into())],
        body: Vec::new(),
    }
}

/// A GET with the demo's key in project "Default".
pub fn get(target: &str) -> Call {
    call("GET", target).project(PROJECT_DEFAULT)
}

/// A POST with the demo's key in project "Default".
pub fn post(target: &str, body: &Value) -> Call {
    call("POST", target).project(PROJECT_DEFAULT).json(body)
}

impl Call {
    pub fn project(self, uid: &str) -> Self {
        self.header("ProjectUid", uid)
    }

    pub fn key(mut self, key: &str) -> Self {
        self.headers[0].1 = key.into();
        self
    }

    pub fn anonymous(mut self) -> Self {
        self.headers.remove(0);
        self
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub fn json(self, body: &Value) -> Self {
        let mut call = self.header("Content-Type", "application/json");
        call.body = body.to_string().into_bytes();
        call
    }

    /// Sets the body as it is.
    pub fn raw(mut self, body: Vec<u8>) -> Self {
        self.body = body;
        self
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut text = format!("{} {} HTTP/1.1\r\nHost: sim\r\n", self.method, self.target);
        for (name, value) in &self.headers {
            text.extend([name.as_str(), ": ", value.as_str(), "\r\n"]);
        }
        if !self.body.is_empty() {
            let length = self.body.len().to_string();
            text.extend(["Content-Length: ", length.as_str(), "\r\n"]);
        }
        text.push_str("\r\n");
        [text.as_bytes(), &self.body].concat()
    }

    /// Sends it on a connection of its own.
    pub fn send(self, sim: &Sim) -> Raw {
        let mut stream = TcpStream::connect(("127.0.0.1", sim.port())).unwrap();
        let call = self.header("Connection", "close");
        stream.write_all(&call.bytes()).unwrap();
        read(&mut stream)
    }
}

/// Reads to the end of a connection.
pub fn read(stream: &mut impl Read) -> Raw {
    let mut bytes = Vec::new();
    let end = match stream.read_to_end(&mut bytes) {
        Ok(_) => End::Closed,
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => End::Reset,
        Err(error) => panic!("{error}"),
    };
    Raw { bytes, end }
}

/// Reads one counted answer off a connection that stays open.
pub fn read_one(stream: &mut impl Read) -> Raw {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        bytes.push(byte[0]);
    }
    let mut raw = Raw {
        bytes,
        end: End::Closed,
    };
    let length: usize = raw.header("Content-Length").unwrap().parse().unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    raw.bytes.extend(body);
    raw
}

/// Holds everything that was recorded against the contract, where it is at hand.
pub fn check_all(sim: &Sim) {
    if let Some(contract) = Contract::for_tests() {
        for record in sim.requests() {
            assert_eq!(contract.check(&record), Ok(()), "{record:#?}");
        }
    }
}

/// Holds the answers alone against the contract: for requests that break it.
pub fn check_answers(sim: &Sim) {
    if let Some(contract) = Contract::for_tests() {
        for record in sim.requests() {
            assert_eq!(contract.check_answer(&record), Ok(()), "{record:#?}");
        }
    }
}

/// The last request.
pub fn last(sim: &Sim) -> Recorded {
    sim.requests().pop().expect("a request")
}

/// The body of a download of these profiles.
pub fn definition(uids: &[&str]) -> Value {
    let profiles: Vec<Value> = uids
        .iter()
        .map(|uid| serde_json::json!({ "uid": uid }))
        .collect();
    serde_json::json!({
        "metadata": { "name": "cluster-profiles" },
        "spec": { "cloudType": "edge-native", "profiles": profiles },
    })
}

pub const DOWNLOAD: &str = "/v1/spectroclusters/spc/download";
