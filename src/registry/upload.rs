//! Sends an archive with a known length, and gives up when nothing is accepted any more.
//!
//! The HTTP library limits the time of a whole request, which an upload must not have, and does
//! not see that a body is not accepted. So a thread of its own sends the request, and this
//! thread watches how far it has read. A request that stalls is abandoned: its thread ends with
//! the next read, or with the process.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use reqwest::blocking::{Body, RequestBuilder, Response};

use crate::util::read_at::read_at;

/// How often the progress is looked at.
const GLANCE: Duration = Duration::from_millis(100);
/// The library's own limit for the request, which must not end it.
const NEVER: Duration = Duration::from_secs(7 * 24 * 3600);

/// A body to upload.
pub(super) struct Upload<'u> {
    /// The file.
    pub file: Arc<File>,
    /// The length of the file, in bytes.
    pub size: u64,
    /// Called when this number of further bytes was sent.
    pub advances: &'u dyn Fn(u64),
}

/// Why there is no answer.
pub(super) enum SendError {
    /// The request failed.
    Http(reqwest::Error),
    /// Nothing was accepted for too long.
    Stalled,
    /// No thread can be started.
    NoThread(io::Error),
}

/// What the sender and the watcher share.
#[derive(Default)]
struct Shared {
    read: AtomicU64,
    is_abandoned: AtomicBool,
}

/// Reads a file at its own position: an abandoned upload of the same file may still read.
struct UploadBody {
    file: Arc<File>,
    at: u64,
    size: u64,
    shared: Arc<Shared>,
}

/// Sends `request` with `upload` as its body.
///
/// # Errors
/// Returns [`SendError`]; [`SendError::Stalled`] if no byte was read and no answer came for
/// `timeout`.
pub(super) fn send(
    request: RequestBuilder,
    upload: &Upload<'_>,
    timeout: Duration,
) -> Result<Response, SendError> {
    let shared = Arc::new(Shared::default());
    let body = UploadBody {
        file: Arc::clone(&upload.file),
        at: 0,
        size: upload.size,
        shared: Arc::clone(&shared),
    };
    let request = request.timeout(NEVER).body(Body::sized(body, upload.size));
    let (done, answered) = channel();
    thread::Builder::new()
        .spawn(move || {
            // Nobody waits for the answer of an abandoned request.
            let _ = done.send(request.send());
        })
        .map_err(SendError::NoThread)?;
    let mut told = 0;
    let mut last = Instant::now();
    loop {
        let answer = answered.recv_timeout(GLANCE.min(timeout));
        let read = shared.read.load(Ordering::Relaxed);
        if read > told {
            (upload.advances)(read - told);
            told = read;
            last = Instant::now();
        }
        match answer {
            Ok(answer) => return answer.map_err(SendError::Http),
            Err(RecvTimeoutError::Timeout) if last.elapsed() < timeout => {}
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                shared.is_abandoned.store(true, Ordering::Relaxed);
                return Err(SendError::Stalled);
            }
        }
    }
}

impl Read for UploadBody {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.shared.is_abandoned.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let left = usize::try_from(self.size - self.at).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let read = read_at(&self.file, &mut buffer[..wanted], self.at)?;
        self.at += read as u64;
        self.shared.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
