//! A file that is compressed with gzip (RFC 1952), which may consist of several members.
//!
//! The input is the bytes of the file. The output is the decompressed bytes. The checksum and
//! length of every member are verified. Zeros up to the end of the file are padding, as in gzip
//! itself; anything else after a member is damage.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

use super::ImageError;

/// A reader of a file's decompressed members.
pub(super) struct Members<R> {
    /// The current member; `None` only while it is exchanged, and after the last member.
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> Members<R> {
    /// Returns a reader of the members in `packed`.
    pub(super) fn new(packed: R) -> Self {
        Self {
            member: Some(GzDecoder::new(packed)),
        }
    }
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        while let Some(member) = &mut self.member {
            let n = member.read(buffer)?;
            if n > 0 {
                return Ok(n);
            }
            let Some(member) = self.member.take() else {
                break;
            };
            let mut rest = member.into_inner();
            if !is_padding(&mut rest)? {
                self.member = Some(GzDecoder::new(rest));
            }
        }
        Ok(0)
    }
}

/// Whether only zeros follow up to the end; if so, they are consumed.
fn is_padding(rest: &mut impl BufRead) -> io::Result<bool> {
    let mut zeros = false;
    loop {
        let bytes = match rest.fill_buf() {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if bytes.is_empty() {
            return Ok(true);
        }
        if bytes.iter().all(|byte| *byte == 0) {
            let length = bytes.len();
            rest.consume(length);
            zeros = true;
            continue;
        }
        // No tool pads between two members.
        return if zeros || bytes[0] == 0 {
            Err(io::Error::from(io::ErrorKind::InvalidData))
        } else {
            Ok(false)
        };
    }
}

/// Converts a decoder's error.
pub(super) fn broken(error: io::Error) -> ImageError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => ImageError::Truncated,
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
            ImageError::Damaged("the gzip compression")
        }
        _ => ImageError::Read(error),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn unpacked(bytes: &[u8], capacity: usize) -> io::Result<Vec<u8>> {
        let reader = io::BufReader::with_capacity(capacity, bytes);
        let mut all = Vec::new();
        Members::new(reader).read_to_end(&mut all)?;
        Ok(all)
    }

    /// The position of padding in the buffer makes no difference.
    #[test]
    fn zeros_are_padding_at_the_end_only() {
        let (one, two) = (packed(b"one"), packed(b"two"));
        let zeros = vec![0; 5000];
        for capacity in [1, 2, 7, 100, 4096, 65_536] {
            let whole = |parts: &[&[u8]]| unpacked(&parts.concat(), capacity);
            assert_eq!(whole(&[&one]).unwrap(), b"one");
            assert_eq!(whole(&[&one, &two]).unwrap(), b"onetwo");
            for padding in [&zeros[..1], &zeros[..511], &zeros] {
                assert_eq!(whole(&[&one, padding]).unwrap(), b"one");
                assert_eq!(whole(&[&one, &two, padding]).unwrap(), b"onetwo");
                let invalid = |parts: &[&[u8]]| {
                    let error = whole(parts).unwrap_err();
                    matches!(broken(error), ImageError::Damaged(_))
                };
                assert!(invalid(&[&one, padding, b"x"]));
                assert!(invalid(&[&one, padding, &two]));
                assert!(invalid(&[&one, b"no member at all", padding]));
            }
            let cut = whole(&[&one, &two[..two.len() - 1]]).unwrap_err();
            assert!(matches!(broken(cut), ImageError::Truncated));
        }
    }
}
