//! A small registry in memory that does what a real one never does: it lies, breaks off, stalls
//! and lets tokens expire.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use edgestage::util::digest::Digest;

use super::secrets::base64_of;

/// Which requests a fault is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// `HEAD` of a blob.
    HasBlob,
    /// `GET` of a blob.
    GetBlob,
    /// The beginning of an upload.
    Begin,
    /// The upload itself.
    PutBlob,
    /// `HEAD` of a manifest.
    HasManifest,
    /// `PUT` of a manifest.
    PutManifest,
    /// A token.
    Token,
}

/// What is answered in place of what is right.
#[derive(Clone, Debug)]
pub enum Reply {
    /// What is right.
    Right,
    /// A status, headers (each `Name: value`) and a body.
    Status(u16, Vec<String>, Vec<u8>),
    /// A success with these bytes, whatever the digest says.
    Bytes(Vec<u8>),
    /// The right body, of which only so many bytes arrive.
    Cut(usize),
    /// The head, and nothing more for as long as the client waits.
    Stall,
    /// Nothing is read but the head, and nothing is answered.
    Deaf,
    /// The request is carried out, and the connection is closed without an answer.
    Lost,
}

impl Reply {
    /// Returns a status with a body as registries write it.
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        let body = serde_json::json!({"errors": [{"code": code, "message": message}]});
        Self::Status(status, Vec::new(), body.to_string().into())
    }

    /// Returns a status with a header.
    pub fn with(status: u16, header: impl Into<String>) -> Self {
        Self::Status(status, vec![header.into()], Vec::new())
    }
}

/// Whom the registry serves.
#[derive(Clone, Debug)]
pub enum Guard {
    /// Everybody.
    Nobody,
    /// `user:password`.
    Basic(String),
    /// Tokens of its token service, which are given for `user:password` or for the identity
    /// token `user`; to everybody if it is empty.
    Token(String),
    /// The same, with another address of the token service.
    Elsewhere(String),
}

/// A request, as it arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: String,
    /// The path and the query.
    pub target: String,
    pub authorization: Option<String>,
    pub body: Vec<u8>,
}

struct State {
    guard: Guard,
    blobs: BTreeMap<String, Vec<u8>>,
    manifests: BTreeMap<String, Vec<u8>>,
    faults: Vec<(On, VecDeque<Reply>)>,
    seen: Vec<Seen>,
    tokens: Vec<String>,
    issued: usize,
}

/// A running registry.
pub struct FaultyRegistry {
    state: Arc<Mutex<State>>,
    ending: Arc<AtomicBool>,
    address: SocketAddr,
    accepting: Option<JoinHandle<()>>,
}

impl FaultyRegistry {
    /// Starts an empty registry that serves everybody.
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State {
            guard: Guard::Nobody,
            blobs: BTreeMap::new(),
            manifests: BTreeMap::new(),
            faults: Vec::new(),
            seen: Vec::new(),
            tokens: Vec::new(),
            issued: 0,
        }));
        let ending = Arc::new(AtomicBool::new(false));
        let (shared, ends) = (Arc::clone(&state), Arc::clone(&ending));
        let accepting = thread::spawn(move || {
            for stream in listener.incoming() {
                if ends.load(Ordering::SeqCst) {
                    return;
                }
                let (state, ends) = (Arc::clone(&shared), Arc::clone(&ends));
                thread::spawn(move || drop(serve(stream.unwrap(), address, &state, &ends)));
            }
        });
        Self {
            state,
            ending,
            address,
            accepting: Some(accepting),
        }
    }

    /// Starts a registry that serves only whom `guard` lets in.
    pub fn guarded(guard: Guard) -> Self {
        let registry = Self::start();
        registry.state.lock().unwrap().guard = guard;
        registry
    }

    /// Returns a repository for `profiles.toml`.
    pub fn repository(&self) -> String {
        format!("{}/edge/definitions", self.address)
    }

    /// Returns the address of a blob, for redirects.
    pub fn blob_url(&self, sha256: impl std::fmt::Display) -> String {
        format!("http://{}/v2/storage/blobs/sha256:{sha256}", self.address)
    }

    /// Stores a blob.
    pub fn put(&self, bytes: &[u8]) {
        let digest = format!("sha256:{}", Digest::of(bytes));
        let mut state = self.state.lock().unwrap();
        state.blobs.insert(digest, bytes.to_vec());
    }

    /// Forgets everything that was stored.
    pub fn clear(&self) {
        let mut state = self.state.lock().unwrap();
        state.blobs.clear();
        state.manifests.clear();
    }

    /// Answers the next of these requests differently, one after the other.
    pub fn fault(&self, on: On, replies: impl IntoIterator<Item = Reply>) {
        let mut state = self.state.lock().unwrap();
        state.faults.push((on, replies.into_iter().collect()));
    }

    /// Answers the first `right` of these requests as is right, and the next ones differently.
    pub fn fault_after(&self, right: usize, on: On, replies: impl IntoIterator<Item = Reply>) {
        let right = std::iter::repeat_n(Reply::Right, right);
        self.fault(on, right.chain(replies));
    }

    /// Forgets the faults that have not come to pass.
    pub fn clear_faults(&self) {
        self.state.lock().unwrap().faults.clear();
    }

    /// Serves everybody from now on.
    pub fn open(&self) {
        self.state.lock().unwrap().guard = Guard::Nobody;
    }

    /// Returns the requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.state.lock().unwrap().seen.clone()
    }

    /// Returns the requests so far, each as its method and path, and forgets them.
    pub fn calls(&self) -> Vec<String> {
        let seen = std::mem::take(&mut self.state.lock().unwrap().seen);
        let call = |one: &Seen| {
            let path = one.target.split('?').next().unwrap();
            let short = path.replace("/v2/edge/definitions", "");
            let short = match short.split_once("sha256:") {
                Some((before, _)) => format!("{before}SHA"),
                None => short,
            };
            format!("{} {short}", one.method)
        };
        seen.iter().map(call).collect()
    }
}

impl Drop for FaultyRegistry {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

/// Serves the requests of one connection, one after the other.
fn serve(
    stream: TcpStream,
    address: SocketAddr,
    state: &Mutex<State>,
    ending: &AtomicBool,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut stream = stream;
    loop {
        let Some((mut seen, length)) = head(&mut reader)? else {
            return Ok(());
        };
        let on = kind(&seen);
        let fault = {
            let mut state = state.lock().unwrap();
            let mut faults = state.faults.iter_mut();
            let queue = faults.find(|(of, queue)| Some(*of) == on && !queue.is_empty());
            queue.and_then(|(_, queue)| queue.pop_front())
        };
        if let Some(Reply::Deaf) = fault {
            state.lock().unwrap().seen.push(seen);
            wait(ending);
            return Ok(());
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        seen.body = body;
        let answer = {
            let mut state = state.lock().unwrap();
            state.seen.push(seen.clone());
            answer(&mut state, &seen, on, address)
        };
        let is_head = seen.method == "HEAD";
        match fault {
            None | Some(Reply::Right) => write(&mut stream, answer, is_head, usize::MAX)?,
            Some(Reply::Status(status, headers, body)) => {
                write(&mut stream, (status, headers, body), is_head, usize::MAX)?;
            }
            Some(Reply::Bytes(bytes)) => {
                write(&mut stream, (200, Vec::new(), bytes), is_head, usize::MAX)?;
            }
            Some(Reply::Cut(length)) => {
                write(&mut stream, answer, is_head, length)?;
                return Ok(());
            }
            Some(Reply::Stall) => {
                write(&mut stream, answer, is_head, 0)?;
                wait(ending);
                return Ok(());
            }
            Some(Reply::Deaf | Reply::Lost) => return Ok(()),
        }
    }
}

fn wait(ending: &AtomicBool) {
    while !ending.load(Ordering::SeqCst) {
        thread::sleep(Duration::from_millis(20));
    }
}

/// Reads the head of a request, and returns it with the length of its body.
fn head(reader: &mut impl BufRead) -> std::io::Result<Option<(Seen, usize)>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let mut seen = Seen {
        method: words.next().unwrap_or_default(),
        target: words.next().unwrap_or_default(),
        authorization: None,
        body: Vec::new(),
    };
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            return Ok(Some((seen, length)));
        };
        match name.to_ascii_lowercase().as_str() {
            "authorization" => seen.authorization = Some(value.to_owned()),
            "content-length" => length = value.parse().unwrap(),
            _ => {}
        }
    }
}

fn kind(seen: &Seen) -> Option<On> {
    let has = |part: &str| seen.target.contains(part);
    Some(match seen.method.as_str() {
        _ if seen.target.starts_with("/token") => On::Token,
        "HEAD" if has("/blobs/") => On::HasBlob,
        "GET" if has("/blobs/") => On::GetBlob,
        "POST" if has("/uploads/") => On::Begin,
        "PUT" if has("/uploads/") => On::PutBlob,
        "HEAD" if has("/manifests/") => On::HasManifest,
        "PUT" if has("/manifests/") => On::PutManifest,
        _ => return None,
    })
}

type Answer = (u16, Vec<String>, Vec<u8>);

/// Returns what a real registry would answer.
fn answer(state: &mut State, seen: &Seen, on: Option<On>, address: SocketAddr) -> Answer {
    if on == Some(On::Token) {
        return token(state, seen);
    }
    let challenge = |header: String| (401, vec![header], b"{}".to_vec());
    match &state.guard {
        Guard::Nobody => {}
        Guard::Basic(pair) => {
            let expected = format!("Basic {}", base64_of(pair.as_bytes()));
            if seen.authorization.as_ref() != Some(&expected) {
                return challenge("WWW-Authenticate: Basic realm=\"team\"".into());
            }
        }
        Guard::Token(_) | Guard::Elsewhere(_) => {
            let token = seen.authorization.as_deref();
            let token = token.and_then(|value| value.strip_prefix("Bearer "));
            if !token.is_some_and(|token| state.tokens.iter().any(|known| known == token)) {
                let own = format!("http://{address}/token");
                let realm = match &state.guard {
                    Guard::Elsewhere(realm) => realm,
                    _ => &own,
                };
                return challenge(format!(
                    "WWW-Authenticate: Bearer realm=\"{realm}\",service=\"team\",scope=\"repository:edge/definitions:pull\""
                ));
            }
        }
    }
    let path = seen.target.split('?').next().unwrap();
    let name = path.rsplit('/').next().unwrap().to_owned();
    let missing = || {
        let body = br#"{"errors":[{"code":"BLOB_UNKNOWN","message":"blob unknown to registry"}]}"#;
        (404, Vec::new(), body.to_vec())
    };
    match on {
        Some(On::HasBlob | On::GetBlob) => match state.blobs.get(&name) {
            Some(blob) => (200, Vec::new(), blob.clone()),
            None => missing(),
        },
        Some(On::Begin) => {
            let location = "Location: /v2/edge/definitions/blobs/uploads/1?state=x%3D";
            (202, vec![location.into()], Vec::new())
        }
        Some(On::PutBlob) => {
            let digest = format!("sha256:{}", Digest::of(&seen.body));
            assert!(
                seen.target.contains(&digest.replace(':', "%3A")),
                "{}",
                seen.target
            );
            let header = format!("Docker-Content-Digest: {digest}");
            state.blobs.insert(digest, seen.body.clone());
            (201, vec![header], Vec::new())
        }
        Some(On::HasManifest) => match state.manifests.get(&name) {
            Some(manifest) => {
                let digest = Digest::of(manifest);
                let header = format!("Docker-Content-Digest: sha256:{digest}");
                (200, vec![header], manifest.clone())
            }
            None => missing(),
        },
        Some(On::PutManifest) => {
            let header = format!("Docker-Content-Digest: sha256:{}", Digest::of(&seen.body));
            state.manifests.insert(name, seen.body.clone());
            (201, vec![header], Vec::new())
        }
        Some(On::Token) | None => missing(),
    }
}

/// Answers as a token service.
fn token(state: &mut State, seen: &Seen) -> Answer {
    let Guard::Token(wanted) = &state.guard else {
        return (404, Vec::new(), Vec::new());
    };
    let basic = format!("Basic {}", base64_of(wanted.as_bytes()));
    let form = String::from_utf8_lossy(&seen.body);
    let is_known = match &seen.authorization {
        _ if wanted.is_empty() => true,
        Some(value) => *value == basic,
        None => {
            form.contains(&format!("refresh_token={wanted}&"))
                || form.ends_with(&format!("refresh_token={wanted}"))
        }
    };
    if !is_known {
        let body = br#"{"details":"incorrect username or password"}"#;
        return (401, Vec::new(), body.to_vec());
    }
    state.issued += 1;
    let token = format!("t0ken-{}-of-the-team", state.issued);
    state.tokens.push(token.clone());
    let name = if seen.method == "POST" {
        "access_token"
    } else {
        "token"
    };
    let body = serde_json::json!({name: token, "expires_in": 60});
    (200, Vec::new(), body.to_string().into())
}

fn write(
    stream: &mut TcpStream,
    (status, headers, body): Answer,
    is_head: bool,
    length: usize,
) -> std::io::Result<()> {
    let mut head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n", body.len());
    for header in headers {
        head.push_str(&header);
        head.push_str("\r\n");
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes())?;
    if !is_head {
        stream.write_all(&body[..body.len().min(length)])?;
    }
    stream.flush()
}
