//! A directory record (ECMA-119, 9.1) with its System Use entries (SUSP, RRIP).

use super::super::bytes::u32_at;
use super::super::source::Window;
use super::super::{ImageError, cut};
use super::names::Names;
use super::{Extent, SECTOR};

/// The least size of a record, in bytes: one with a name of one byte.
pub(super) const SHORTEST: usize = 34;
/// The flag of a directory.
pub(super) const DIRECTORY: u8 = 0x02;
/// The flag of an associated file, which is not a file of its own.
const ASSOCIATED: u8 = 0x04;
/// The flag of a record that is followed by another extent of the file.
const MORE: u8 = 0x80;
/// The largest number of continuation areas of one record, and their largest total size in
/// bytes.
const CONTINUATIONS: usize = 4;
const SYSTEM_USE: usize = 8 * 1024;
/// The mask of the file type in `st_mode`, and its value for a regular file.
const TYPE: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;

/// Access to the continuations of System Use areas, and how many more bytes of them are read
/// for one directory.
pub(super) struct Continuations<'w> {
    image: &'w Window,
    left: usize,
}

impl<'w> Continuations<'w> {
    /// The limit for one directory, in bytes. Long names need a few hundred each.
    const MOST: usize = 4 << 20;

    pub(super) fn of(image: &'w Window) -> Self {
        Self {
            image,
            left: Self::MOST,
        }
    }

    fn read(&mut self, at: u64, length: usize) -> Result<Vec<u8>, ImageError> {
        let left = self.left.checked_sub(length);
        self.left = left.ok_or(ImageError::Damaged("names of an absurd size"))?;
        let mut area = vec![0; length];
        self.image.read_at(at, &mut area).map_err(cut)?;
        Ok(area)
    }
}

/// A record that was read.
#[derive(Debug, Clone, Default)]
#[allow(clippy::struct_excessive_bools)] // independent properties of the standards
pub(super) struct Record {
    block: u32,
    extended: u8,
    length: u32,
    flags: u8,
    interleaved: bool,
    /// The identifier, as it is in the record.
    pub identifier: Vec<u8>,
    /// The Rock Ridge name, if there is one.
    pub name: Option<Vec<u8>>,
    /// The location to which Rock Ridge has moved a directory.
    pub relocated: Option<u32>,
    mode: Option<u32>,
    link: bool,
    compressed: bool,
    /// The number of bytes to skip, from SUSP's own entry in the root's first record.
    skip: Option<usize>,
    rock_ridge: bool,
}

impl Record {
    /// Parses the record in `bytes`, which have the length that the record states.
    pub(super) fn parse(
        bytes: &[u8],
        more: &mut Continuations<'_>,
        names: &Names,
    ) -> Result<Self, ImageError> {
        let name_length = usize::from(bytes[32]);
        let identifier = bytes.get(33..33 + name_length);
        let identifier = identifier.ok_or(ImageError::Damaged("a directory record"))?;
        let mut record = Self {
            block: u32_at(bytes, 2),
            extended: bytes[1],
            length: u32_at(bytes, 10),
            flags: bytes[25],
            interleaved: bytes[26] != 0 || bytes[27] != 0,
            identifier: identifier.to_vec(),
            ..Self::default()
        };
        if let Names::RockRidge { skip } = names {
            // A pad byte makes an odd start of the System Use area even.
            let start = 33 + name_length + usize::from(name_length.is_multiple_of(2)) + skip;
            record.system_use(bytes.get(start..).unwrap_or_default(), more)?;
        }
        Ok(record)
    }

    /// Parses the entries in `area` and in its continuations.
    fn system_use(&mut self, area: &[u8], more: &mut Continuations<'_>) -> Result<(), ImageError> {
        let absurd = || ImageError::Damaged("names that continue without an end");
        let mut area = area.to_vec();
        let mut total = area.len();
        for _ in 0..=CONTINUATIONS {
            let Some((block, offset, length)) = self.entries(&area) else {
                return Ok(());
            };
            let length = length as usize;
            total = total.saturating_add(length);
            if total > SYSTEM_USE {
                return Err(absurd());
            }
            area = more.read(u64::from(block) * SECTOR + u64::from(offset), length)?;
        }
        Err(absurd())
    }

    /// Parses the entries of one area; returns where they continue.
    fn entries(&mut self, mut area: &[u8]) -> Option<(u32, u32, u32)> {
        let mut continued = None;
        while let [a, b, length, _version, ..] = *area {
            let length = usize::from(length);
            let Some(data) = area.get(4..length) else {
                break;
            };
            match &[a, b] {
                b"SP" if data.len() >= 3 && data[..2] == [0xbe, 0xef] => {
                    self.skip = Some(usize::from(data[2]));
                }
                b"CE" if data.len() >= 24 => {
                    continued = Some((u32_at(data, 0), u32_at(data, 8), u32_at(data, 16)));
                }
                b"ST" => break,
                entry => self.rock_ridge_entry(*entry, data),
            }
            area = &area[length..];
        }
        continued
    }

    fn rock_ridge_entry(&mut self, entry: [u8; 2], data: &[u8]) {
        match &entry {
            // The entries for `.` and `..` have flags and no name.
            b"NM" if !data.is_empty() && data[0] & 0b110 == 0 => {
                self.name
                    .get_or_insert_default()
                    .extend_from_slice(&data[1..]);
            }
            b"PX" if data.len() >= 8 => self.mode = Some(u32_at(data, 0)),
            b"SL" => self.link = true,
            b"ZF" => self.compressed = true,
            b"CL" if data.len() >= 8 => self.relocated = Some(u32_at(data, 0)),
            _ => {}
        }
        self.rock_ridge |= [b"RR", b"PX", b"NM", b"ER"].contains(&&entry);
    }

    /// Returns the number of bytes to skip in each System Use area, if there is Rock Ridge.
    pub(super) fn rock_ridge_skip(&self) -> Option<usize> {
        self.skip.filter(|_| self.rock_ridge)
    }

    pub(super) fn is_directory(&self) -> bool {
        self.flags & DIRECTORY != 0
    }

    /// Whether readers show the record. They do not show the directory's own record and its
    /// parent's, whose names are the single bytes 0 and 1, and associated files.
    pub(super) fn is_shown(&self) -> bool {
        !matches!(self.identifier[..], [0 | 1]) && self.flags & ASSOCIATED == 0
    }

    pub(super) fn has_more(&self) -> bool {
        self.flags & MORE != 0
    }

    /// Returns why the record is not a regular file.
    pub(super) fn odd(&self) -> Option<&'static str> {
        let special = self.mode.is_some_and(|mode| mode & TYPE != REGULAR);
        if self.link {
            Some("a symbolic link")
        } else if special {
            Some("a special file")
        } else if self.compressed {
            Some("a file that is compressed in the image")
        } else if self.interleaved {
            Some("an interleaved file")
        } else {
            None
        }
    }

    /// Returns the extent of the file. Extended attributes, which no current tool writes,
    /// precede the contents.
    pub(super) fn extent(&self) -> Extent {
        Extent {
            start: (u64::from(self.block) + u64::from(self.extended)) * SECTOR,
            length: u64::from(self.length),
        }
    }
}
