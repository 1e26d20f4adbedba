//! Writes an answer, with the fault that was ordered.
//!
//! In: an answer and perhaps an act. Out: bytes on the connection, and the word how
//! to go on with it. The body passes three layers: the gate, which counts its bytes
//! and executes the fault; the framing; and a buffer.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::fault::{Act, Reply};
use crate::http::{Body, Connection, Response};
use crate::odd;
use crate::record::{Answer, Sent};
use crate::world::Framing;

/// Size of the buffers between a body and the socket.
const BUFFER: usize = 256 * 1024;
/// How long a client has to read what came before a reset.
const BEFORE_RESET: Duration = Duration::from_millis(20);

const PORTAL: &str = "<!DOCTYPE html>\n<html><head><title>Guest network</title></head>\n\
    <body><h1>Please accept the terms to continue</h1></body></html>\n";

/// How to go on with the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Read the next request.
    Keep,
    /// Close it in order.
    Close,
    /// Reset it.
    Reset,
}

/// What delivery needs from the simulator.
pub(crate) trait Host {
    /// Waits; `false` where the simulator ends meanwhile.
    fn pause(&self, time: Duration) -> bool;
    /// Records the answer.
    fn record(&self, answer: Answer);
    /// Corrects the length of a recorded stream.
    fn sent(&self, bytes: u64);
}

/// Replaces or decorates the answer, for the acts that are about what is said.
pub(crate) fn shape(response: Response, act: &Act, number: u64) -> Response {
    match act {
        Act::Drip(inner, _) => shape(response, inner, number),
        Act::Headers(headers) => {
            let mut response = response;
            for (name, value) in headers {
                let other = |(known, _): &(String, String)| !known.eq_ignore_ascii_case(name);
                response.headers.retain(other);
                response.headers.push((name.clone(), value.clone()));
            }
            response
        }
        Act::Edit(_) | Act::Nulls | Act::ShortList { .. } | Act::RepeatPage(_) => {
            odd::shape(response, act, number)
        }
        Act::Status {
            status,
            body,
            headers,
        } => {
            let page = |text: &String, media: &'static str| {
                Response::new(*status, media, Body::Bytes(text.clone().into_bytes()))
            };
            let mut response = match body {
                Reply::Json(value) => Response::json(*status, value),
                Reply::Text(text) => page(text, "text/plain; charset=utf-8"),
                Reply::Html(text) => page(text, "text/html"),
            };
            response.headers.extend(headers.iter().cloned());
            response
        }
        Act::Html200 => {
            let body = Body::Bytes(PORTAL.into());
            Response::new(200, "text/html; charset=utf-8", body)
        }
        Act::Json200(value) => Response::json(200, value),
        Act::EmptyBody => Response {
            body: Body::Bytes(Vec::new()),
            ..response
        },
        Act::Bytes(bytes) => {
            let body = Body::Bytes(bytes.clone());
            let name = "attachment; filename=\"cluster-profiles.tgz\"";
            Response::new(200, "application/octet-stream", body).header("Content-Disposition", name)
        }
        Act::Redirect(status, location) => Response {
            status: *status,
            headers: vec![("Location".into(), location.clone())],
            body: Body::Bytes(Vec::new()),
            trailing: Vec::new(),
        },
        Act::ContentEncodingGzip => {
            let body = match response.body {
                Body::Bytes(bytes) => Body::Bytes(gzip(&bytes)),
                archive => archive,
            };
            Response { body, ..response }.header("Content-Encoding", "gzip")
        }
        Act::Trailing(bytes) => Response {
            trailing: bytes.clone(),
            ..response
        },
        _ => response,
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder
        .write_all(bytes)
        .and_then(|()| encoder.finish())
        .expect("memory takes every write")
}

/// Writes the answer. An error means that the client is gone or the simulator ends.
pub(crate) fn deliver(
    connection: &mut Connection,
    mut response: Response,
    act: Option<&Act>,
    keep_alive: bool,
    host: &dyn Host,
) -> io::Result<Fate> {
    let length = length(&response)?;
    let mut announced = keep_alive;
    match length {
        Some(length) => {
            let claimed = match act {
                Some(Act::WrongLength(delta)) => length.saturating_add_signed(*delta),
                _ => length,
            };
            response
                .headers
                .push(("Content-Length".into(), claimed.to_string()));
        }
        None => response
            .headers
            .push(("Transfer-Encoding".into(), "chunked".into())),
    }
    if !keep_alive {
        response.headers.push(("Connection".into(), "close".into()));
    }
    let head = head(&response);
    let mut answer = Answer {
        status: response.status,
        headers: response.headers.clone(),
        body: match &response.body {
            Body::Bytes(bytes) => Sent::Bytes([bytes.as_slice(), &response.trailing].concat()),
            _ => Sent::Stream(0),
        },
        fault: act.cloned(),
    };
    match act {
        Some(Act::ResetBeforeHead | Act::CloseBeforeHead | Act::ResetInHead) => {
            answer.status = 0;
            answer.headers.clear();
            answer.body = Sent::Bytes(Vec::new());
            host.record(answer);
            if act == Some(&Act::CloseBeforeHead) {
                return Ok(Fate::Close);
            }
            if act == Some(&Act::ResetInHead) {
                connection.write_all(&head[..head.len() / 2])?;
                connection.flush()?;
                host.pause(BEFORE_RESET);
            }
            return Ok(Fate::Reset);
        }
        Some(Act::StallBeforeHead(time)) if !host.pause(*time) => {
            return Err(io::Error::other("the simulator ends"));
        }
        Some(Act::CloseAfter | Act::WrongLength(_)) => announced = false,
        _ => {}
    }
    let plan = Plan::of(act, length);
    if let Some(length) = length {
        let sent = match plan {
            Plan::CutAt(cut) => cut.min(length),
            _ => length,
        };
        match &mut answer.body {
            Sent::Stream(bytes) => *bytes = sent,
            Sent::Bytes(bytes) => bytes.truncate(usize::try_from(sent).unwrap_or(usize::MAX)),
        }
    }
    host.record(answer);
    let cut = write(connection, &head, &response, plan, length.is_some(), host)?;
    Ok(match act {
        Some(Act::ResetInBody(_)) if cut => {
            host.pause(BEFORE_RESET);
            Fate::Reset
        }
        _ if cut || !announced => Fate::Close,
        _ => Fate::Keep,
    })
}

/// The length of the whole body; `None` where it is to be chunked.
fn length(response: &Response) -> io::Result<Option<u64>> {
    let body = match &response.body {
        Body::Bytes(bytes) => bytes.len() as u64,
        Body::Archive(recipe, Framing::Auto) if recipe.options.padding > 0 => return Ok(None),
        Body::Archive(_, Framing::Chunked) | Body::File(_, Framing::Chunked) => return Ok(None),
        Body::Archive(recipe, _) => recipe.length()?,
        Body::File(path, _) => std::fs::metadata(path)?.len(),
    };
    Ok(Some(body + response.trailing.len() as u64))
}

fn head(response: &Response) -> Vec<u8> {
    let reason = reason(response.status);
    let mut head = format!("HTTP/1.1 {} {reason}\r\n", response.status);
    for (name, value) in &response.headers {
        head.push_str(name);
        head.push_str(": ");
        head.push_str(value);
        head.push_str("\r\n");
    }
    head.push_str("\r\n");
    head.into_bytes()
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        422 => "Unprocessable Entity",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Status",
    }
}

/// What happens to a body on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plan {
    Free,
    CutAt(u64),
    StallAt(u64, Duration),
    Rate(u64),
}

impl Plan {
    fn of(act: Option<&Act>, length: Option<u64>) -> Self {
        // At the very end a cut of a counted body would go unnoticed. A chunked body
        // still misses its last chunk there.
        let last = length.map_or(u64::MAX, |length| length.saturating_sub(1));
        match act {
            Some(Act::ResetInBody(after) | Act::CloseInBody(after)) => {
                Plan::CutAt((*after).min(last))
            }
            Some(Act::StallInBody(after, time)) => Plan::StallAt((*after).min(last), *time),
            Some(Act::Slow(rate) | Act::Drip(_, rate)) => Plan::Rate((*rate).max(1)),
            _ => Plan::Free,
        }
    }
}

/// Writes head and body; answers whether the body was cut.
fn write(
    connection: &mut Connection,
    head: &[u8],
    response: &Response,
    plan: Plan,
    counted: bool,
    host: &dyn Host,
) -> io::Result<bool> {
    let mut out = BufWriter::with_capacity(BUFFER, connection);
    out.write_all(head)?;
    let mut gate = Gate {
        out: &mut out,
        counted,
        plan,
        sent: 0,
        cut: false,
        host,
    };
    let written = body(&mut gate, response);
    let (sent, cut) = (gate.sent, gate.cut);
    // A chunked body that is shorter than its cut is cut before its last chunk.
    let cut = cut || !counted && matches!(plan, Plan::CutAt(_));
    if !cut {
        written?;
    }
    if !counted {
        host.sent(sent);
        if !cut {
            if let Plan::StallAt(after, time) = plan
                && after >= sent
            {
                out.flush()?;
                host.pause(time);
            }
            out.write_all(b"0\r\n\r\n")?;
        }
    }
    out.flush()?;
    Ok(cut)
}

fn body(gate: &mut Gate, response: &Response) -> io::Result<()> {
    match &response.body {
        Body::Bytes(bytes) => gate.write_all(bytes)?,
        Body::Archive(recipe, _) => {
            let mut buffered = BufWriter::with_capacity(BUFFER, &mut *gate);
            let written = recipe
                .write_to(&mut buffered)
                .and_then(|()| buffered.flush());
            // Dropped as it is, the buffer would write again after a failure.
            let _ = buffered.into_parts();
            written?;
        }
        Body::File(path, _) => {
            // Not `io::copy`: on loopback its sendfile was less than half as fast.
            let mut file = File::open(path)?;
            let mut piece = vec![0; BUFFER];
            loop {
                let count = file.read(&mut piece)?;
                if count == 0 {
                    break;
                }
                gate.write_all(&piece[..count])?;
            }
        }
    }
    gate.write_all(&response.trailing)?;
    gate.flush()
}

/// Counts the bytes of a body, frames them, and executes the plan.
struct Gate<'a, 'b> {
    out: &'a mut BufWriter<&'b mut Connection>,
    counted: bool,
    plan: Plan,
    sent: u64,
    cut: bool,
    host: &'a dyn Host,
}

impl Gate<'_, '_> {
    fn pass(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.counted {
            self.out.write_all(bytes)?;
        } else {
            write!(self.out, "{:x}\r\n", bytes.len())?;
            self.out.write_all(bytes)?;
            self.out.write_all(b"\r\n")?;
        }
        self.sent += bytes.len() as u64;
        Ok(())
    }

    fn wait(&mut self, time: Duration) -> io::Result<()> {
        self.out.flush()?;
        if self.host.pause(time) {
            Ok(())
        } else {
            Err(io::Error::other("the simulator ends"))
        }
    }
}

impl Write for Gate<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        let room = match self.plan {
            Plan::Free => u64::MAX,
            Plan::CutAt(at) if self.sent >= at => {
                self.cut = true;
                return Err(io::Error::other("cut by a fault"));
            }
            Plan::StallAt(at, time) if self.sent >= at => {
                self.plan = Plan::Free;
                self.wait(time)?;
                u64::MAX
            }
            Plan::CutAt(at) | Plan::StallAt(at, _) => at - self.sent,
            Plan::Rate(rate) => {
                if self.sent > 0 {
                    self.wait(Duration::from_millis(50))?;
                }
                (rate / 20).max(1)
            }
        };
        let most = usize::try_from(room).unwrap_or(usize::MAX);
        let count = bytes.len().min(most);
        self.pass(&bytes[..count])?;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
