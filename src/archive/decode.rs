//! Decodes gzip to tar bytes, with the limits that need the sizes of both.

use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::rc::Rc;

use flate2::bufread::GzDecoder;

use super::refusal::{Limit, Refusal};
use crate::util::limits::Limits;

/// The number of compressed bytes that are read at a time.
const CHUNK: usize = 64 * 1024;
/// The number of bytes that a message shows of data that is not gzip: enough to recognize a
/// plain tar header.
const FIRST: u64 = 512;

/// A reader of the tar bytes in `source`. A refusal travels as the inner error of an
/// [`io::Error`]; [`refusal_in`] extracts it.
pub(super) struct Decoder<R: Read> {
    /// The gzip member that is being read; `None` after the last.
    member: Option<GzDecoder<Counted<Source<R>>>>,
    /// Whether `member` is the first one.
    first: bool,
    compressed: Rc<Cell<u64>>,
    unpacked: u64,
    limits: Limits,
}

/// The bytes that were examined, followed by the rest.
type Source<R> = io::Chain<Cursor<Vec<u8>>, BufReader<R>>;

/// A buffered reader that counts the bytes that are consumed.
struct Counted<R> {
    inner: R,
    count: Rc<Cell<u64>>,
    limit: u64,
}

impl<R: BufRead> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.fill_buf()?.read(buffer)?;
        self.consume(n);
        Ok(n)
    }
}

impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.count.get() > self.limit {
            return Err(refuse(Refusal::TooLarge(Limit::Archive(self.limit))));
        }
        self.inner.fill_buf()
    }

    fn consume(&mut self, n: usize) {
        self.count.set(self.count.get() + n as u64);
        self.inner.consume(n);
    }
}

/// Wraps a refusal in an [`io::Error`], to pass it through a [`Read`].
pub(crate) fn refuse(refusal: Refusal) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, refusal)
}

/// Extracts the refusal from an error that came through a [`Read`], or translates the error to
/// one.
///
/// # Errors
/// Returns the error itself if reading failed for a reason outside the archive.
pub(crate) fn refusal_in(error: io::Error) -> Result<Refusal, io::Error> {
    if error
        .get_ref()
        .is_some_and(<dyn std::error::Error + Send + Sync>::is::<Refusal>)
    {
        let inner = error
            .into_inner()
            .and_then(|inner| inner.downcast::<Refusal>().ok());
        return Ok(inner.map_or(Refusal::Truncated, |refusal| *refusal));
    }
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return Ok(Refusal::Truncated);
    }
    // Errors of flate2 about bad data have no number of the operating system. Nor has the error
    // of a pipe that stays silent.
    if error.raw_os_error().is_none() && error.kind() != io::ErrorKind::TimedOut {
        return Ok(Refusal::Damaged(error.to_string()));
    }
    Err(error)
}

impl<R: Read> Decoder<R> {
    /// Creates a decoder of `source`, which must begin with the gzip magic.
    ///
    /// # Errors
    /// Returns [`Refusal::NotGzip`], or the reader's own error.
    pub(super) fn new(source: R, limits: &Limits) -> io::Result<Self> {
        let mut source = BufReader::with_capacity(CHUNK, source);
        let mut first = Vec::new();
        source.by_ref().take(FIRST).read_to_end(&mut first)?;
        // The gzip magic (RFC 1952, 2.3.1).
        if !first.starts_with(&[0x1f, 0x8b]) {
            return Err(refuse(Refusal::NotGzip { first }));
        }
        let compressed = Rc::new(Cell::new(0));
        let counted = Counted {
            inner: Cursor::new(first).chain(source),
            count: Rc::clone(&compressed),
            limit: limits.archive,
        };
        Ok(Self {
            member: Some(GzDecoder::new(counted)),
            first: true,
            compressed,
            unpacked: 0,
            limits: *limits,
        })
    }

    /// Returns the number of uncompressed bytes so far.
    pub(super) fn unpacked(&self) -> u64 {
        self.unpacked
    }

    /// Reads from the current member. After the first member, data without a gzip header is
    /// trailing data rather than a truncated member.
    fn read_member(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(member) = &mut self.member else {
            return Ok(0);
        };
        let read = member.read(buffer);
        if read.is_err() && !self.first && member.header().is_none() {
            return Err(refuse(Refusal::TrailingBytes));
        }
        read
    }

    /// Advances to the next member. Returns whether there is one.
    fn next_member(&mut self) -> io::Result<bool> {
        let Some(member) = self.member.take() else {
            return Ok(false);
        };
        let mut rest = member.into_inner();
        if rest.fill_buf()?.is_empty() {
            return Ok(false);
        }
        self.first = false;
        self.member = Some(GzDecoder::new(rest));
        Ok(true)
    }

    fn check_limits(&self) -> io::Result<()> {
        if self.unpacked > self.limits.unpacked {
            return Err(refuse(Refusal::TooLarge(Limit::Unpacked(
                self.limits.unpacked,
            ))));
        }
        let ratio = self.compressed.get().saturating_mul(Limits::RATIO);
        if self.unpacked > Limits::RATIO_FREE && self.unpacked > ratio {
            return Err(refuse(Refusal::TooLarge(Limit::Ratio)));
        }
        Ok(())
    }
}

impl<R: Read> Read for Decoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut n = self.read_member(buffer)?;
        // A member may be empty.
        while n == 0 && !buffer.is_empty() && self.next_member()? {
            n = self.read_member(buffer)?;
        }
        self.unpacked += n as u64;
        self.check_limits()?;
        Ok(n)
    }
}
