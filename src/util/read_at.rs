//! Reads a file at a position, so that several readers can share it.

use std::fs::File;
use std::io;

/// Reads bytes at `offset`, as [`std::io::Read::read`] does.
///
/// # Errors
/// Fails if the operating system reports an error.
#[cfg(unix)]
pub fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    use std::os::unix::fs::FileExt as _;
    file.read_at(buffer, offset)
}

/// Reads bytes at `offset`, as [`std::io::Read::read`] does.
///
/// # Errors
/// Fails if the operating system reports an error.
#[cfg(not(unix))]
pub fn read_at(mut file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    use std::io::{Read as _, Seek as _, SeekFrom};
    file.seek(SeekFrom::Start(offset))?;
    file.read(buffer)
}

/// Fills `buffer` with the bytes at `offset`.
///
/// # Errors
/// Returns [`io::ErrorKind::UnexpectedEof`] beyond the end of the file.
#[cfg(unix)]
pub fn read_exact_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    use std::os::unix::fs::FileExt as _;
    file.read_exact_at(buffer, offset)
}

/// Fills `buffer` with the bytes at `offset`.
///
/// # Errors
/// Returns [`io::ErrorKind::UnexpectedEof`] beyond the end of the file.
#[cfg(not(unix))]
pub fn read_exact_at(mut file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    use std::io::{Read as _, Seek as _, SeekFrom};
    file.seek(SeekFrom::Start(offset))?;
    file.read_exact(buffer)
}
