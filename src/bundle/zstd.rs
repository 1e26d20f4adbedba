//! Decodes a zstd stream (RFC 8878): any number of frames, skippable ones included.
//!
//! A frame may ask for a window of at most 128 MiB, the most that `zstd -d` accepts by default
//! and `zstd --ultra -22` or `--long` asks for. Checksums of frames are verified. A stream that
//! ends inside a frame, and data that is not a frame, are refused.

use std::io::{self, Read};

use zstd_safe::zstd_sys::ZSTD_ErrorCode;
use zstd_safe::{DCtx, DParameter, ErrorCode, InBuffer, OutBuffer, get_error_name};

use super::refusal::{BundleRefusal, refuse};
use crate::archive::Refusal;

/// The base-2 logarithm of the largest window, in bytes.
const WINDOW_LOG: u32 = 27;
/// The largest window, in bytes.
pub(super) const WINDOW_LIMIT: u64 = 1 << WINDOW_LOG;
/// The number of compressed bytes that are read at a time: the size of a block.
const CHUNK: usize = 128 * 1024;

/// A reader of the decompressed bytes of `source`.
pub(super) struct ZstdReader<R> {
    source: R,
    context: DCtx<'static>,
    input: Vec<u8>,
    /// The part of `input` that is not decoded yet.
    at: usize,
    filled: usize,
    place: Place,
    /// Whether the decoder may hold output that did not fit.
    holds_output: bool,
}

/// Where in the stream the next byte is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Start,
    InFrame,
    BetweenFrames,
}

impl<R: Read> ZstdReader<R> {
    /// Creates a decoder.
    ///
    /// # Errors
    /// Fails if there is no memory for it.
    pub(super) fn new(source: R) -> io::Result<Self> {
        let mut context =
            DCtx::try_create().ok_or_else(|| io::Error::from(io::ErrorKind::OutOfMemory))?;
        context
            .set_parameter(DParameter::WindowLogMax(WINDOW_LOG))
            .map_err(|code| io::Error::other(get_error_name(code)))?;
        Ok(Self {
            source,
            context,
            input: vec![0; CHUNK],
            at: 0,
            filled: 0,
            place: Place::Start,
            holds_output: false,
        })
    }

    /// Reads more compressed bytes. Returns whether there are any.
    fn refill(&mut self) -> io::Result<bool> {
        self.at = 0;
        self.filled = loop {
            match self.source.read(&mut self.input) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        Ok(self.filled > 0)
    }

    /// Decodes into `buffer` and returns the number of bytes.
    fn decode(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut input = InBuffer::around(&self.input[self.at..self.filled]);
        let mut output = OutBuffer::around(buffer);
        let hint = self.context.decompress_stream(&mut output, &mut input);
        let (read, written) = (input.pos(), output.pos());
        let hint = hint.map_err(|code| refuse(self.refusal(code)))?;
        self.at += read;
        self.place = if hint == 0 {
            Place::BetweenFrames
        } else {
            Place::InFrame
        };
        self.holds_output = hint != 0 && written == buffer.len();
        Ok(written)
    }

    fn refusal(&self, code: ErrorCode) -> BundleRefusal {
        let is = |error: ZSTD_ErrorCode| code == 0_usize.wrapping_sub(error as usize);
        if is(ZSTD_ErrorCode::ZSTD_error_frameParameter_windowTooLarge) {
            BundleRefusal::Window
        } else if is(ZSTD_ErrorCode::ZSTD_error_prefix_unknown) && self.place != Place::Start {
            BundleRefusal::TrailingBytes
        } else {
            BundleRefusal::Zstd(get_error_name(code).to_owned())
        }
    }
}

impl<R: Read> Read for ZstdReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if self.at == self.filled && !self.holds_output && !self.refill()? {
                return match self.place {
                    Place::BetweenFrames => Ok(0),
                    Place::Start | Place::InFrame => {
                        Err(refuse(BundleRefusal::Tar(Refusal::Truncated)))
                    }
                };
            }
            let written = self.decode(buffer)?;
            if written > 0 {
                return Ok(written);
            }
        }
    }
}
