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

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::net::{Ipv4Addr, TcpListener};
    use std::sync::Arc;

    use reqwest::blocking::Body;

    use super::super::multipart::Form;
    use super::*;
    use crate::http::{ConnectionOptions, Trust, connect};
    use crate::util::endpoint::Endpoint;

    const SHORT: Duration = Duration::from_millis(300);
    const LONG: Duration = Duration::from_secs(60);
    const GOES_ON: &dyn Fn() -> bool = &|| false;

    /// Sends a form with so many bytes to a server that reads or does not, and never answers.
    fn sent(size: u64, reads: bool, limits: &Limits<'_>) -> TransmitError {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut piece = vec![0; 1 << 16];
            while reads && stream.read(&mut piece).is_ok_and(|count| count > 0) {}
            thread::sleep(LONG);
        });
        let file = tempfile::tempfile().unwrap();
        file.set_len(size).unwrap();
        let progress = Arc::new(Progress::default());
        let form = Form::new("b", Arc::new(file), size, None, Arc::clone(&progress));
        let length = form.length();
        let endpoint = Endpoint::parse(&format!("http://{address}")).unwrap();
        let client = connect(&ConnectionOptions {
            endpoint: &endpoint,
            timeout: LONG,
            trust: Trust::System,
        });
        let client = client.unwrap_or_else(|_| panic!("no client"));
        let request = client.post(format!("http://{address}/"));
        let request = request.body(Body::sized(form, length));
        transmit(request, limits, Some(&progress), &|_| ()).unwrap_err()
    }

    #[test]
    fn an_upload_of_which_nothing_is_accepted_ends() {
        let limits = Limits {
            silence: SHORT,
            whole: LONG,
            stopped: GOES_ON,
        };
        let error = sent(64 << 20, false, &limits);
        assert!(
            matches!(error, TransmitError::TimedOut(Waited::Silence(SHORT))),
            "{error:?}"
        );
    }

    /// The host unpacks what it got: that is not silence, and still ends.
    #[test]
    fn after_the_last_byte_only_the_whole_time_counts() {
        let limits = Limits {
            silence: Duration::from_millis(1),
            whole: SHORT,
            stopped: GOES_ON,
        };
        let error = sent(10, true, &limits);
        assert!(
            matches!(error, TransmitError::TimedOut(Waited::Whole(SHORT))),
            "{error:?}"
        );
    }

    #[test]
    fn a_stopped_run_waits_for_nobody() {
        let limits = Limits {
            silence: LONG,
            whole: LONG,
            stopped: &|| true,
        };
        assert!(matches!(sent(10, true, &limits), TransmitError::Stopped));
    }
}
