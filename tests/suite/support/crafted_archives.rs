//! Archives written byte by byte, with contents that no tool writes: headers whose fields
//! contradict each other, extended headers with any contents, and unusual ends.

use super::gzip;

/// The size of a tar block, in bytes.
pub const BLOCK: usize = 512;

/// The offsets and lengths of the fields of a header (POSIX, ustar).
pub const SIZE: (usize, usize) = (124, 12);
pub const SUM: (usize, usize) = (148, 8);
pub const KIND: (usize, usize) = (156, 1);
pub const MAGIC: (usize, usize) = (257, 8);
pub const PREFIX: (usize, usize) = (345, 155);

/// The types of entries.
pub const FILE: u8 = b'0';
pub const HARD_LINK: u8 = b'1';
pub const LINK: u8 = b'2';
pub const DIRECTORY: u8 = b'5';
pub const LONG_LINK: u8 = b'K';
pub const LONG_NAME: u8 = b'L';
pub const PAX: u8 = b'x';
pub const PAX_GLOBAL: u8 = b'g';

/// A builder of a tar archive.
#[derive(Clone, Default)]
pub struct Crafted {
    pub bytes: Vec<u8>,
    /// The offset of the last header.
    last: usize,
}

impl Crafted {
    /// Returns an archive that would be accepted, with a file below `spc/`.
    pub fn good() -> Self {
        Self::default().file(b"spc/a", b"a")
    }

    /// Appends an entry: a header with consistent fields, and the content.
    pub fn entry(mut self, kind: u8, path: &[u8], content: &[u8]) -> Self {
        let mut header = [0; BLOCK];
        header[..path.len()].copy_from_slice(path);
        header[100..108].copy_from_slice(b"0000644\0");
        header[108..116].copy_from_slice(b"0000000\0");
        header[116..124].copy_from_slice(b"0000000\0");
        header[136..148].copy_from_slice(b"00000000000\0");
        header[156] = kind;
        header[124..136].copy_from_slice(format!("{:011o}\0", content.len()).as_bytes());
        header[257..265].copy_from_slice(b"ustar\x0000");
        sum(&mut header);
        self.last = self.bytes.len();
        self.bytes.extend(header);
        self.bytes.extend(content);
        self.bytes
            .resize(self.bytes.len().next_multiple_of(BLOCK), 0);
        self
    }

    pub fn file(self, path: &[u8], content: &[u8]) -> Self {
        self.entry(FILE, path, content)
    }

    /// Appends a link whose target is in the header.
    pub fn link(self, kind: u8, path: &[u8], target: &[u8]) -> Self {
        self.entry(kind, path, b"").set((157, 100), target)
    }

    /// Appends an extended header with these records.
    pub fn pax(self, kind: u8, records: &[(&[u8], &[u8])]) -> Self {
        let records = records
            .iter()
            .map(|(keyword, value)| record(keyword, value));
        self.entry(kind, b"PaxHeaders/x", &records.collect::<Vec<_>>().concat())
    }

    /// Overwrites a field of the last header, padded with zeros, and updates the checksum.
    pub fn set(mut self, (at, length): (usize, usize), value: &[u8]) -> Self {
        let header = &mut self.bytes[self.last..self.last + BLOCK];
        header[at..at + length].fill(0);
        header[at..at + value.len()].copy_from_slice(value);
        if (at, length) != SUM {
            sum(header);
        }
        self
    }

    /// Returns the tar archive with its end marker.
    pub fn tar(mut self) -> Vec<u8> {
        self.bytes.extend([0; 2 * BLOCK]);
        self.bytes
    }

    /// Returns the compressed tar archive.
    pub fn gzip(self) -> Vec<u8> {
        gzip(&self.tar())
    }
}

/// Updates the header's checksum.
pub fn sum(header: &mut [u8]) {
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

/// Returns a PAX record, which begins with its length (POSIX, pax).
pub fn record(key: &[u8], value: &[u8]) -> Vec<u8> {
    let rest = [b" ", key, b"=", value, b"\n"].concat();
    let mut length = rest.len();
    while length != rest.len() + length.to_string().len() {
        length = rest.len() + length.to_string().len();
    }
    [length.to_string().as_bytes(), &rest].concat()
}
