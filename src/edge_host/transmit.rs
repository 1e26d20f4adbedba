//! Sends one request and waits for its whole answer, in a thread of its own: the HTTP library
//! cannot be interrupted, and Ctrl-C must not have to wait for a host that is silent.

use std::io::{self, Read as _};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use reqwest::blocking::RequestBuilder;
use reqwest::header::RETRY_AFTER;

use super::multipart::Progress;
use crate::http::Waited;

/// How often the watcher looks.
const GLANCE: Duration = Duration::from_millis(50);
/// The library's own limit for the request, which must not end it.
const NEVER: Duration = Duration::from_secs(7 * 24 * 3600);
/// The maximum number of bytes that are read of an answer: it shows the values of every pack.
const ANSWER_LIMIT: u64 = 64 << 20;

/// A whole answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub status: u16,
    pub retry_after: Option<String>,
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum TransmitError {
    /// The request failed.
    Http(reqwest::Error),
    /// The answer broke off.
    Body(io::Error),
    /// A time limit was exceeded.
    TimedOut(Waited),
    /// The run was stopped.
    Stopped,
    /// No thread can be started.
    NoThread(io::Error),
}

/// How long to wait.
pub(super) struct Limits<'l> {
    /// The longest time without a byte of the upload being accepted; not used without an upload.
    pub silence: Duration,
    /// The maximum for the whole exchange.
    pub whole: Duration,
    /// Whether the run was stopped.
    pub stopped: &'l dyn Fn() -> bool,
}

/// Sends `request`. `upload` is the progress of its body, and `advances` gets the bytes that were
/// sent.
///
/// # Errors
/// Returns [`TransmitError`]. An abandoned request ends by itself.
pub(super) fn transmit(
    request: RequestBuilder,
    limits: &Limits<'_>,
    upload: Option<&Progress>,
    advances: &dyn Fn(u64),
) -> Result<Reply, TransmitError> {
    let request = request.timeout(NEVER);
    let (done, answered) = channel();
    thread::Builder::new()
        .spawn(move || {
            // Nobody waits for the answer of an abandoned request.
            let _ = done.send(exchange(request));
        })
        .map_err(TransmitError::NoThread)?;
    let began = Instant::now();
    let (mut told, mut last) = (0, began);
    loop {
        let answer = answered.recv_timeout(GLANCE);
        let read = upload.map_or(0, |progress| progress.read.load(Ordering::Relaxed));
        if read > told {
            advances(read - told);
            told = read;
            last = Instant::now();
        }
        match answer {
            Ok(answer) => return answer,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return Err(TransmitError::Body(io::ErrorKind::BrokenPipe.into()));
            }
        }
        // Once all is sent, the host unpacks it, which may take long.
        let is_sending = upload.is_some_and(|progress| !progress.is_sent.load(Ordering::Relaxed));
        let why = if (limits.stopped)() {
            TransmitError::Stopped
        } else if is_sending && last.elapsed() >= limits.silence {
            TransmitError::TimedOut(Waited::Silence(limits.silence))
        } else if began.elapsed() >= limits.whole {
            TransmitError::TimedOut(Waited::Whole(limits.whole))
        } else {
            continue;
        };
        if let Some(progress) = upload {
            progress.is_abandoned.store(true, Ordering::Relaxed);
        }
        return Err(why);
    }
}

fn exchange(request: RequestBuilder) -> Result<Reply, TransmitError> {
    let response = request.send().map_err(TransmitError::Http)?;
    let retry_after = response.headers().get(RETRY_AFTER);
    let retry_after = retry_after.and_then(|value| value.to_str().ok().map(str::to_owned));
    let status = response.status().as_u16();
    let mut body = Vec::new();
    let read = response.take(ANSWER_LIMIT).read_to_end(&mut body);
    read.map_err(TransmitError::Body)?;
    Ok(Reply {
        status,
        retry_after,
        body,
    })
}
