//! gzip, from compressed bytes to tar bytes, with the limits that need both counts.

use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::rc::Rc;

use flate2::bufread::GzDecoder;

use super::refusal::{Limit, Refusal};
use crate::util::limits::Limits;

/// How much compressed data is read at a time, in bytes.
const CHUNK: usize = 64 * 1024;
/// How much of something that is not gzip is kept for the message: enough to see the
/// magic of a plain tar header.
const FIRST: u64 = 512;

/// A reader of the tar bytes in `source`. A refusal travels as the inner error of an
/// [`io::Error`]; [`refusal_in`] takes it out again.
pub(super) struct Decoder<R: Read> {
    /// The member that is being read; none behind the last.
    member: Option<GzDecoder<Counted<Source<R>>>>,
    /// Whether it is the first one.
    first: bool,
    compressed: Rc<Cell<u64>>,
    unpacked: u64,
    limits: Limits,
}

/// The bytes that were looked at, and those behind them.
type Source<R> = io::Chain<Cursor<Vec<u8>>, BufReader<R>>;

/// Counts what is consumed of a buffered reader.
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

/// A refusal on its way through a [`Read`].
pub(super) fn refuse(refusal: Refusal) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, refusal)
}

/// The refusal in an error that came through a [`Read`], or what else it means.
///
/// # Errors
/// The error itself where reading failed for a reason outside the archive.
pub(super) fn refusal_in(error: io::Error) -> Result<Refusal, io::Error> {
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
    // What flate2 says of bad data has no number of the operating system. A pipe that stays
    // silent has none either.
    if error.raw_os_error().is_none() && error.kind() != io::ErrorKind::TimedOut {
        return Ok(Refusal::Damaged(error.to_string()));
    }
    Err(error)
}

impl<R: Read> Decoder<R> {
    /// A decoder of `source`, whose first bytes must be gzip's.
    ///
    /// # Errors
    /// [`Refusal::NotGzip`], or the reader's own error.
    pub(super) fn new(source: R, limits: &Limits) -> io::Result<Self> {
        let mut source = BufReader::with_capacity(CHUNK, source);
        let mut first = Vec::new();
        source.by_ref().take(FIRST).read_to_end(&mut first)?;
        // RFC 1952, 2.3.1.
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

    /// How many bytes it has given out.
    pub(super) fn unpacked(&self) -> u64 {
        self.unpacked
    }

    /// Reads from the member under way. Behind the first one, what has no gzip header is
    /// not a member that was cut, but something that does not belong there.
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

    /// Goes on to the next member; says whether there is one.
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
