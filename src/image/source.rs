//! Reading bytes of an image at any position, never beyond its end.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek as _};
use std::path::Path;

use crate::util::files;
use crate::util::read_at::read_exact_at;

/// Opens the regular file `path`; returns `None` if it is not one. A file of another kind is
/// not opened, because opening a pipe waits for a writer.
pub(super) fn open(path: &Path) -> io::Result<Option<(File, Metadata)>> {
    if !path.metadata()?.is_file() {
        return Ok(None);
    }
    let file = files::open(path)?;
    let metadata = file.metadata()?;
    Ok(Some((file, metadata)))
}

/// A range of a file, read by position.
#[derive(Debug)]
pub(super) struct Window {
    file: File,
    start: u64,
    length: u64,
    at: u64,
}

impl Window {
    /// Returns all of `file`.
    pub(super) fn whole(file: File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        Ok(Self {
            file,
            start: 0,
            length,
            at: 0,
        })
    }

    /// Returns `length` bytes from `start` on; `None` if they do not all exist.
    pub(super) fn part(&self, start: u64, length: u64) -> io::Result<Option<Self>> {
        let end = start.checked_add(length);
        if end.is_none_or(|end| end > self.length) {
            return Ok(None);
        }
        Ok(Some(Self {
            file: self.file.try_clone()?,
            start: self.start + start,
            length,
            at: 0,
        }))
    }

    /// Opens the whole file again, at its first byte.
    pub(super) fn reopen(&self) -> io::Result<File> {
        let mut file = self.file.try_clone()?;
        file.rewind()?;
        Ok(file)
    }

    /// Returns the number of bytes.
    pub(super) fn len(&self) -> u64 {
        self.length
    }

    /// Fills `buffer` with the bytes at `offset`.
    ///
    /// # Errors
    /// Returns [`io::ErrorKind::UnexpectedEof`] beyond the end.
    pub(super) fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let end = offset.checked_add(buffer.len() as u64);
        if end.is_none_or(|end| end > self.length) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        read_exact_at(&self.file, buffer, self.start + offset)
    }

    /// Whether `magic` is at `offset`; false if the end comes first.
    pub(super) fn has(&self, offset: u64, magic: &[u8]) -> io::Result<bool> {
        let mut found = vec![0; magic.len()];
        match self.read_at(offset, &mut found) {
            Ok(()) => Ok(found == magic),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl Read for Window {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.length - self.at;
        let n = buffer
            .len()
            .min(usize::try_from(left).unwrap_or(usize::MAX));
        read_exact_at(&self.file, &mut buffer[..n], self.start + self.at)?;
        self.at += n as u64;
        Ok(n)
    }
}
