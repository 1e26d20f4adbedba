//! Reads bodies of answers that are not archives, each within a total time.
//!
//! The HTTP library limits a single read only, so a body that trickles would never end. A
//! separate thread reads the body and is abandoned when the time is over: it ends with the next
//! piece, or with the longest silence that the library accepts.

use crate::util::sync::lock;
use std::io::{self, ErrorKind, Read};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// The size of a piece, in bytes.
const PIECE: usize = 64 << 10;

/// Reads at most `limit` bytes of `body` within `time`, and returns them with how reading
/// ended.
pub(crate) fn read(
    body: impl Read + Send + 'static,
    limit: u64,
    time: Duration,
) -> (Vec<u8>, io::Result<()>) {
    // A deadline beyond the range of the clock is no deadline.
    let deadline = Instant::now().checked_add(time);
    let (full, pieces) = sync_channel::<io::Result<Vec<u8>>>(1);
    // Shared, so that the body is still here if no thread can be started.
    let body = Arc::new(Mutex::new(Some(body)));
    let taken = Arc::clone(&body);
    let reading = thread::Builder::new().spawn(move || {
        let Some(mut body) = take(&taken) else { return };
        loop {
            let mut piece = vec![0; PIECE];
            let read = body.read(&mut piece);
            let is_last = !matches!(read, Ok(1..));
            let piece = read.map(|count| {
                piece.truncate(count);
                piece
            });
            if full.send(piece).is_err() || is_last {
                return;
            }
        }
    });
    if reading.is_err() {
        return match take(&body) {
            Some(body) => read_here(body, limit, deadline),
            None => (Vec::new(), Err(ErrorKind::BrokenPipe.into())),
        };
    }
    let mut whole = Vec::new();
    while (whole.len() as u64) < limit {
        let left = deadline.map_or(Duration::MAX, |deadline| {
            deadline.saturating_duration_since(Instant::now())
        });
        match pieces.recv_timeout(left) {
            Ok(Ok(piece)) if piece.is_empty() => break,
            Ok(Ok(piece)) => whole.extend_from_slice(&piece),
            Ok(Err(error)) => return (whole, Err(error)),
            Err(RecvTimeoutError::Timeout) => {
                return (whole, Err(io::Error::from(ErrorKind::TimedOut)));
            }
            // The thread sends its last piece before it ends.
            Err(RecvTimeoutError::Disconnected) => {
                return (whole, Err(io::Error::from(ErrorKind::BrokenPipe)));
            }
        }
    }
    whole.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    (whole, Ok(()))
}

fn take<T>(place: &Mutex<Option<T>>) -> Option<T> {
    let mut place = lock(place);
    place.take()
}

/// Reads in the current thread, if no other can be started: the time is checked between two
/// pieces, and a piece takes no longer than the silence that the connection accepts.
fn read_here(
    mut body: impl Read,
    limit: u64,
    deadline: Option<Instant>,
) -> (Vec<u8>, io::Result<()>) {
    let mut whole = Vec::new();
    let mut piece = vec![0; PIECE];
    while (whole.len() as u64) < limit {
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return (whole, Err(io::Error::from(ErrorKind::TimedOut)));
        }
        match body.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => whole.extend_from_slice(&piece[..count]),
            Err(error) => return (whole, Err(error)),
        }
    }
    whole.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    (whole, Ok(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a byte at a time.
    struct Trickle(Duration);

    impl Read for Trickle {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            thread::sleep(self.0);
            buffer[0] = b'x';
            Ok(1)
        }
    }

    #[test]
    fn what_trickles_ends_in_time() {
        let began = Instant::now();
        let trickle = Trickle(Duration::from_millis(10));
        let (body, ended) = read(trickle, u64::MAX, Duration::from_millis(300));
        assert_eq!(ended.unwrap_err().kind(), ErrorKind::TimedOut);
        assert!(!body.is_empty());
        assert!(began.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn a_body_is_read_in_this_thread_too() {
        let text = vec![b'y'; 3 * PIECE + 1];
        let (body, ended) = read_here(&text[..], u64::MAX, None);
        assert!(ended.is_ok() && body == text);
        assert_eq!(read_here(&text[..], 5, None).0, b"yyyyy");
        let (_, ended) = read_here(&text[..], 5, Some(Instant::now()));
        assert_eq!(ended.unwrap_err().kind(), ErrorKind::TimedOut);
    }

    #[test]
    fn a_body_is_read_to_its_end_or_limit() {
        let long = Duration::from_secs(60);
        let text = vec![b'y'; 3 * PIECE + 1];
        let (body, ended) = read(io::Cursor::new(text.clone()), u64::MAX, long);
        assert!(ended.is_ok() && body == text);
        let (body, ended) = read(io::Cursor::new(text), 5, Duration::MAX);
        assert!(ended.is_ok());
        assert_eq!(body, b"yyyyy");
        let broken = io::Cursor::new(b"z").chain(Broken);
        let (body, ended) = read(broken, u64::MAX, long);
        assert_eq!(body, b"z");
        assert_eq!(ended.unwrap_err().kind(), ErrorKind::ConnectionReset);
    }

    struct Broken;

    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(ErrorKind::ConnectionReset.into())
        }
    }
}
