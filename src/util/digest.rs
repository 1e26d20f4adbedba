//! SHA-256 digests: the type of every digest that edgestage compares, prints or locks.
//!
//! A [`Digest`] is always 32 bytes and prints as 64 lower-case hexadecimal digits, the form
//! that `sha256sum` prints.

use std::fmt;
use std::io::{self, Read, Write};
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::util::files;

/// The number of bytes that are read at a time to hash a file.
const CHUNK: usize = 128 * 1024;

/// A SHA-256 digest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(into = "String", try_from = "String")]
#[schemars(
    description = "A SHA-256 digest, as `sha256sum` prints it.",
    extend("pattern" = "^[0-9a-f]{64}$")
)]
pub struct Digest([u8; 32]);

/// The error for a text that is not 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidDigest(String);

impl Digest {
    /// Returns the digest of `bytes`.
    pub fn of(bytes: impl AsRef<[u8]>) -> Self {
        let mut hasher = Hasher::new();
        hasher.update(bytes.as_ref());
        hasher.finish()
    }

    /// Reads the regular file at `path` and returns its digest.
    ///
    /// # Errors
    /// Fails if the file cannot be opened or read, or is not a regular file.
    pub(crate) fn of_file(path: &Path) -> io::Result<Self> {
        Ok(Self::of_reader(&mut files::open(path)?)?.0)
    }

    /// Reads `reader` to its end and returns the digest and the length in bytes.
    ///
    /// # Errors
    /// Fails if the reader fails: a read error is never taken for the end.
    pub fn of_reader(reader: &mut impl Read) -> io::Result<(Self, u64)> {
        let mut hasher = Hasher::new();
        let mut buffer = vec![0; CHUNK];
        let mut length = 0;
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => return Ok((hasher.finish(), length)),
                Ok(n) => {
                    hasher.update(&buffer[..n]);
                    length += n as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Returns the 32 bytes of the digest.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the first 12 hexadecimal digits, which are enough to tell digests apart in a
    /// message.
    #[must_use]
    pub fn short(&self) -> String {
        self.to_string()[..12].to_owned()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

impl TryFrom<String> for Digest {
    type Error = InvalidDigest;

    fn try_from(text: String) -> Result<Self, InvalidDigest> {
        let digit = |c: u8| match c {
            b'0'..=b'9' => Some(c - b'0'),
            b'a'..=b'f' => Some(c - b'a' + 10),
            _ => None,
        };
        let mut bytes = [0; 32];
        if text.len() != 64 {
            return Err(InvalidDigest(text));
        }
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            match (digit(pair[0]), digit(pair[1])) {
                (Some(high), Some(low)) => *byte = high << 4 | low,
                _ => return Err(InvalidDigest(text)),
            }
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for InvalidDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is not a SHA-256 digest: 64 lower-case hexadecimal digits",
            self.0
        )
    }
}

impl std::error::Error for InvalidDigest {}

/// Copies `from` to `to`. Returns the digest and the number of the copied bytes, which do not
/// include what was read from `from` before.
///
/// # Errors
/// Fails if reading or writing fails.
pub fn copy(from: &mut impl Read, to: &mut impl Write) -> io::Result<(Digest, u64)> {
    let mut hasher = Hasher::new();
    let mut buffer = vec![0; COPIED];
    let mut length = 0;
    loop {
        let part = match from.read(&mut buffer) {
            Ok(0) => return Ok((hasher.finish(), length)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => &buffer[..read?],
        };
        hasher.update(part);
        to.write_all(part)?;
        length += part.len() as u64;
    }
}

/// The number of bytes that are copied at a time.
const COPIED: usize = 256 * 1024;

/// An incremental computation of a digest.
#[derive(Debug, Clone, Default)]
pub struct Hasher(Sha256);

impl Hasher {
    /// Creates a hasher without input.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds `bytes` to the input.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Returns the digest of the whole input.
    #[must_use]
    pub fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

impl Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A reader that computes the digest and the number of the bytes that were read.
#[derive(Debug)]
pub(crate) struct HashingReader<R> {
    source: R,
    hasher: Hasher,
    length: u64,
}

impl<R> HashingReader<R> {
    /// Creates a reader of `source`.
    pub(crate) fn new(source: R) -> Self {
        Self {
            source,
            hasher: Hasher::new(),
            length: 0,
        }
    }

    /// Returns the digest and the number of the bytes that were read.
    pub(crate) fn finish(self) -> (Digest, u64) {
        (self.hasher.finish(), self.length)
    }
}

impl<R: Read> Read for HashingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.source.read(buffer)?;
        self.hasher.update(&buffer[..n]);
        self.length += n as u64;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn prints_what_sha256sum_prints() {
        assert_eq!(Digest::of("").to_string(), EMPTY);
        assert_eq!(Digest::of("").short(), "e3b0c44298fc");
    }

    #[test]
    fn reads_back_only_what_it_prints() {
        assert_eq!(Digest::try_from(EMPTY.to_owned()), Ok(Digest::of("")));
        for wrong in ["", "e3b0", &EMPTY.to_uppercase(), &EMPTY.replace('e', "g")] {
            assert!(Digest::try_from((*wrong).to_owned()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_read_error_is_not_the_end() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("broken"))
            }
        }
        assert!(Digest::of_reader(&mut Broken).is_err());
        assert!(copy(&mut Broken, &mut Vec::new()).is_err());
    }

    #[test]
    fn a_copy_is_hashed_as_it_is_written() {
        let text = vec![b'x'; COPIED + 1];
        let mut copied = Vec::new();
        let found = copy(&mut &text[..], &mut copied).unwrap();
        assert_eq!(found, (Digest::of(&text), text.len() as u64));
        assert_eq!(copied, text);
        assert!(copy(&mut &text[..], &mut &mut [0; 3][..]).is_err());
    }
}
