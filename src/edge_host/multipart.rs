//! A form with an archive and perhaps a signature (RFC 7578), whose length is known before it is
//! sent. The archive is read while it is sent.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::util::read_at::read_at;

/// What the sender of a form and its watcher share.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// The bytes of the archive that were read so far.
    pub read: AtomicU64,
    /// Whether the whole form was read.
    pub is_sent: AtomicBool,
    /// Whether the watcher gave up: then reading fails, which ends the request.
    pub is_abandoned: AtomicBool,
    /// Whether the archive could not be read.
    pub has_failed: AtomicBool,
}

/// The form.
pub(super) struct Form {
    head: Vec<u8>,
    file: Arc<File>,
    size: u64,
    tail: Vec<u8>,
    at: u64,
    progress: Arc<Progress>,
}

/// The name of the boundary between parts. It cannot occur in a part's head, and one that occurs
/// in the archive by chance would need the same 24 random characters.
pub(super) fn boundary() -> String {
    let random: String = (0..24).map(|_| fastrand::alphanumeric()).collect();
    format!("edgestage-{random}")
}

impl Form {
    /// Creates the form for `file`, which has `size` bytes, and the `signature` if the host
    /// wants one.
    pub(super) fn new(
        boundary: &str,
        file: Arc<File>,
        size: u64,
        signature: Option<&str>,
        progress: Arc<Progress>,
    ) -> Self {
        let part = |name: &str, file_name: &str, kind: &str| {
            format!(
                "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"; \
                 filename=\"{file_name}\"\r\nContent-Type: {kind}\r\n\r\n"
            )
        };
        let head = part("uploadFile", "spc.tgz", "application/gzip");
        let mut tail = String::from("\r\n");
        if let Some(signature) = signature {
            tail += &part("signature", "spc.tgz.sig", "text/plain");
            tail += signature;
            tail += "\r\n";
        }
        tail.extend(["--", boundary, "--\r\n"]);
        Self {
            head: head.into_bytes(),
            file,
            size,
            tail: tail.into_bytes(),
            at: 0,
            progress,
        }
    }

    /// Returns the length of the form, in bytes.
    pub(super) fn length(&self) -> u64 {
        self.head.len() as u64 + self.size + self.tail.len() as u64
    }

    fn piece(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let head = self.head.len() as u64;
        let copy = |from: &[u8], at: u64, buffer: &mut [u8]| {
            let at = usize::try_from(at).unwrap_or(usize::MAX);
            let rest = from.get(at..).unwrap_or_default();
            let count = rest.len().min(buffer.len());
            buffer[..count].copy_from_slice(&rest[..count]);
            count
        };
        if self.at < head {
            return Ok(copy(&self.head, self.at, buffer));
        }
        let in_file = self.at - head;
        if in_file >= self.size {
            return Ok(copy(&self.tail, in_file - self.size, buffer));
        }
        let left = usize::try_from(self.size - in_file).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let read = read_at(&self.file, &mut buffer[..wanted], in_file)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.progress.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

impl Read for Form {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.progress.is_abandoned.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let read = self.piece(buffer).inspect_err(|_| {
            self.progress.has_failed.store(true, Ordering::Relaxed);
        })?;
        self.at += read as u64;
        if self.at >= self.length() {
            self.progress.is_sent.store(true, Ordering::Relaxed);
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Seek as _, Write as _};

    fn form(content: &[u8], signature: Option<&str>) -> (Form, Arc<Progress>) {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        file.rewind().unwrap();
        let progress = Arc::new(Progress::default());
        let size = content.len() as u64;
        let form = Form::new("b", Arc::new(file), size, signature, Arc::clone(&progress));
        (form, progress)
    }

    #[test]
    fn a_form_is_as_long_as_it_says() {
        for signature in [None, Some("0a")] {
            let (mut form, progress) = form(b"bytes\r\n--b", signature);
            let length = form.length();
            let mut whole = Vec::new();
            // Small pieces, so that each border is met.
            let mut piece = [0; 3];
            while let count @ 1.. = form.read(&mut piece).unwrap() {
                whole.extend_from_slice(&piece[..count]);
            }
            assert_eq!(whole.len() as u64, length);
            assert_eq!(progress.read.load(Ordering::Relaxed), 10);
            assert!(progress.is_sent.load(Ordering::Relaxed));
            let text = String::from_utf8(whole).unwrap();
            assert!(text.starts_with("--b\r\nContent-Disposition: form-data; name=\"uploadFile\"; filename=\"spc.tgz\"\r\n"));
            assert!(text.ends_with("\r\n--b--\r\n"));
            let part = "name=\"signature\"; filename=\"spc.tgz.sig\"\r\nContent-Type: text/plain\r\n\r\n0a\r\n--b--";
            assert_eq!(text.contains(part), signature.is_some());
        }
    }

    /// A file that shrank must not be sent as if it were whole.
    #[test]
    fn a_shorter_file_fails() {
        let (mut form, progress) = form(b"bytes", None);
        form.size = 6;
        assert!(form.read_to_end(&mut Vec::new()).is_err());
        assert!(progress.has_failed.load(Ordering::Relaxed));
        progress.is_abandoned.store(true, Ordering::Relaxed);
        assert!(form.read(&mut [0; 1]).is_err());
    }
}
