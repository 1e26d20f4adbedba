//! ISO 9660 (ECMA-119), as far as is needed to find one file and its neighbors: volume
//! descriptors, directories, Rock Ridge and Joliet names, and files of several extents.
//!
//! The input is the bytes of an image. The output is the kind of file at a path, and what is
//! beside it. The image is untrusted: no length, offset or count is used before it was compared
//! with the image's end or with a limit. A lookup visits as many directories as the path has,
//! so it cannot loop.

use std::io::{self, Read};

use super::bytes::{u16_at, u32_at};
use super::place::{ImageFileSystem, MOST_BESIDE, Neighbours, Node};
use super::source::Window;
use super::{ImageError, cut};

mod names;
mod record;

use names::{Names, matches, name_of};
use record::{Continuations, Record};

/// The size of a logical sector, in bytes; optical media have no other size.
const SECTOR: u64 = 2048;
/// The same as [`SECTOR`], for buffers.
const SECTOR_SIZE: usize = 2048;
/// The sector of the first volume descriptor, after the system area (ECMA-119, 6.2.1).
const DESCRIPTORS: u64 = 16;
/// The offset of the identifier in the first volume descriptor, and its text.
const IDENTIFIER: u64 = DESCRIPTORS * SECTOR + 1;
const MAGIC: &[u8] = b"CD001";
/// The largest number of volume descriptors that are examined.
const MOST_DESCRIPTORS: u64 = 64;
/// The largest directory, in bytes. One of CanvOS's has a few thousand bytes.
const LARGEST_DIRECTORY: u64 = 1 << 20;
/// The largest number of extents of one file, with 4 GiB each.
const MOST_EXTENTS: usize = 1024;

/// An open volume.
#[derive(Debug)]
pub(super) struct Iso<'w> {
    image: &'w Window,
    /// The volume's label.
    pub label: String,
    root: Extent,
    names: Names,
}

/// A range of bytes in the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Extent {
    start: u64,
    length: u64,
}

/// A regular file, which may consist of several extents.
#[derive(Debug, Clone)]
pub struct File {
    extents: Vec<Extent>,
}

impl File {
    fn size(&self) -> u64 {
        self.extents.iter().map(|extent| extent.length).sum()
    }
}

/// Whether `image` has a volume descriptor at the place of the first one in an ISO 9660 image.
pub(super) fn is_one(image: &Window) -> Result<bool, ImageError> {
    image.has(IDENTIFIER, MAGIC).map_err(cut)
}

/// Whether an image that begins with `head` has a volume descriptor there.
pub(super) fn begins(head: &[u8]) -> bool {
    let at = usize::try_from(IDENTIFIER).ok();
    at.and_then(|at| head.get(at..))
        .is_some_and(|rest| rest.starts_with(MAGIC))
}

impl<'w> Iso<'w> {
    /// Reads the volume descriptors of `image`.
    pub(super) fn open(image: &'w Window) -> Result<Self, ImageError> {
        let mut primary = None;
        let mut joliet = None;
        for number in DESCRIPTORS..DESCRIPTORS + MOST_DESCRIPTORS {
            let mut sector = [0; SECTOR_SIZE];
            image.read_at(number * SECTOR, &mut sector).map_err(cut)?;
            if sector[1..6] != *MAGIC {
                return Err(ImageError::Damaged("a volume descriptor"));
            }
            match sector[0] {
                1 if primary.is_none() => primary = Some(sector),
                2 if is_joliet(&sector) => joliet = Some(sector),
                255 => break,
                _ => {}
            }
        }
        let primary = primary.ok_or(ImageError::Damaged("no primary volume descriptor"))?;
        let sectors = u64::from(u32_at(&primary, 80));
        if u64::from(u16_at(&primary, 128)) != SECTOR {
            return Err(ImageError::Damaged(
                "blocks of another size than 2048 bytes",
            ));
        }
        // The size may be larger: padding and an appended partition are not part of the volume.
        if image.len() < sectors * SECTOR {
            return Err(ImageError::Truncated);
        }
        let label = String::from_utf8_lossy(&primary[40..72]);
        let label = label.trim_end_matches([' ', '\0']).to_owned();
        let root = root_of(&primary)?;
        let first = first_record(image, root)?;
        // The order is that of the kernel: Rock Ridge if there is any, then Joliet, then plain
        // names.
        let (root, names) = match (first.rock_ridge_skip(), joliet) {
            (Some(skip), _) => (root, Names::RockRidge { skip }),
            (None, Some(joliet)) => (root_of(&joliet)?, Names::Joliet),
            (None, None) => (root, Names::Plain),
        };
        Ok(Self {
            image,
            label,
            root,
            names,
        })
    }

    /// Returns the directory at `path`, or why there is none.
    fn walk(&self, path: &[&str]) -> Result<Node<Extent>, ImageError> {
        let mut directory = self.root;
        for name in path {
            match self.entry(directory, name)? {
                Entry::Directory => {}
                Entry::Missing => return Ok(Node::Missing),
                Entry::Odd(kind) => return Ok(Node::Odd(kind)),
                Entry::File(_) => {
                    return Ok(Node::Odd("behind a file where a directory is meant"));
                }
            }
            match self.directory(directory, name)? {
                Some(extent) => directory = extent,
                None => return Ok(Node::Missing),
            }
        }
        Ok(Node::File(directory))
    }

    fn entry(&self, directory: Extent, name: &str) -> Result<Entry, ImageError> {
        self.kind(&self.records(directory, name)?)
    }

    /// Returns the kind of entry that the records of one name describe.
    fn kind(&self, found: &[Record]) -> Result<Entry, ImageError> {
        let Some(first) = found.first() else {
            return Ok(Entry::Missing);
        };
        if first.relocated.is_some() || first.is_directory() {
            return Ok(Entry::Directory);
        }
        if let Some(kind) = first.odd() {
            return Ok(Entry::Odd(kind));
        }
        let extents: Vec<Extent> = found.iter().map(Record::extent).collect();
        let fits = |extent: &Extent| {
            let end = extent.start.checked_add(extent.length);
            // An empty extent has no location.
            extent.length == 0 || end.is_some_and(|end| end <= self.image.len())
        };
        // If the last record says that another one follows, the file is incomplete.
        let whole = found.last().is_some_and(|last| !last.has_more());
        if !extents.iter().all(fits) || !whole {
            return Err(ImageError::Truncated);
        }
        let file = File { extents };
        // Extents that share their bytes could make a huge file of a small image.
        if file.size() > self.image.len() {
            return Err(ImageError::Damaged("the extents of a file"));
        }
        Ok(Entry::File(file))
    }

    /// Returns the extent of the directory `name` in `directory`.
    fn directory(&self, directory: Extent, name: &str) -> Result<Option<Extent>, ImageError> {
        let found = self.records(directory, name)?;
        let Some(first) = found.first() else {
            return Ok(None);
        };
        match first.relocated {
            None => Ok(Some(first.extent())),
            // Its length is in its own first record.
            Some(block) => {
                let start = u64::from(block) * SECTOR;
                let own = Extent {
                    start,
                    length: SECTOR,
                };
                Ok(Some(first_record(self.image, own)?.extent()))
            }
        }
    }

    /// Returns the records of `name` in `directory`: one, or one for each extent of a file.
    fn records(&self, directory: Extent, name: &str) -> Result<Vec<Record>, ImageError> {
        let mut found = None;
        self.each_name(directory, |records| {
            if found.is_none() && matches(&self.names, &records[0], name) {
                found = Some(records);
            }
            Ok(())
        })?;
        Ok(found.unwrap_or_default())
    }

    /// Visits every name in `directory` that readers show, with its records: one, or one for
    /// each extent of a file. The list of records is never empty.
    fn each_name(
        &self,
        directory: Extent,
        mut each: impl FnMut(Vec<Record>) -> Result<(), ImageError>,
    ) -> Result<(), ImageError> {
        let mut open: Vec<Record> = Vec::new();
        let mut more = Continuations::of(self.image);
        each_record(self.image, directory, |bytes| {
            let record = Record::parse(bytes, &mut more, &self.names)?;
            if open.is_empty() && !record.is_shown() {
                return Ok(());
            }
            // All records of a file have the same name.
            let is_other = |first: &Record| record.identifier != first.identifier;
            if open.len() == MOST_EXTENTS || open.first().is_some_and(is_other) {
                return Err(ImageError::Damaged("the extents of a file"));
            }
            let is_last = !record.has_more();
            open.push(record);
            if is_last {
                each(std::mem::take(&mut open))?;
            }
            Ok(())
        })?;
        if open.is_empty() { Ok(()) } else { each(open) }
    }
}

/// What a name in a directory refers to.
enum Entry {
    Missing,
    Directory,
    /// Neither a directory nor a readable regular file.
    Odd(&'static str),
    File(File),
}

impl ImageFileSystem for Iso<'_> {
    type File = File;

    fn find(&self, path: &[&str]) -> Result<Node<File>, ImageError> {
        let Some((name, above)) = path.split_last() else {
            return Ok(Node::Odd("a directory"));
        };
        Ok(match self.walk(above)? {
            Node::File(directory) => self.entry(directory, name)?.into(),
            Node::Missing => Node::Missing,
            Node::Odd(kind) => Node::Odd(kind),
        })
    }

    fn list(
        &self,
        directory: &[&str],
        mut own: Option<&str>,
    ) -> Result<Neighbours<File>, ImageError> {
        let Node::File(directory) = self.walk(directory)? else {
            return Ok(Neighbours::none());
        };
        let mut neighbours = Neighbours::none();
        self.each_name(directory, |records| {
            if own.is_some_and(|own| matches(&self.names, &records[0], own)) {
                own = None;
            } else if neighbours.nodes.len() == MOST_BESIDE {
                neighbours.more += 1;
            } else {
                let name = name_of(&self.names, &records[0]);
                neighbours.nodes.push((name, self.kind(&records)?.into()));
            }
            Ok(())
        })?;
        Ok(neighbours)
    }

    fn size(file: &File) -> u64 {
        file.size()
    }

    fn read<'f>(&'f self, file: &'f File) -> impl Read + 'f {
        Reader {
            image: self.image,
            extents: file.extents.clone().into_iter(),
            current: Extent {
                start: 0,
                length: 0,
            },
        }
    }
}

impl From<Entry> for Node<File> {
    fn from(entry: Entry) -> Self {
        match entry {
            Entry::Missing => Self::Missing,
            Entry::Directory => Self::Odd("a directory"),
            Entry::Odd(kind) => Self::Odd(kind),
            Entry::File(file) => Self::File(file),
        }
    }
}

/// Whether a descriptor is Joliet's, which has one of three UCS-2 escape sequences.
fn is_joliet(sector: &[u8]) -> bool {
    [b"%/@", b"%/C", b"%/E"]
        .iter()
        .any(|escape| sector[88..91] == **escape)
}

fn root_of(descriptor: &[u8]) -> Result<Extent, ImageError> {
    let record = &descriptor[156..190];
    let extent = Extent {
        start: u64::from(u32_at(record, 2)) * SECTOR,
        length: u64::from(u32_at(record, 10)),
    };
    if record[25] & record::DIRECTORY == 0 {
        return Err(ImageError::Damaged("a root that is not a directory"));
    }
    Ok(extent)
}

/// Returns the record of a directory for itself.
fn first_record(image: &Window, directory: Extent) -> Result<Record, ImageError> {
    let mut first = None;
    let sector = Extent {
        length: directory.length.min(SECTOR),
        ..directory
    };
    each_record(image, sector, |bytes| {
        if first.is_none() {
            let names = Names::RockRidge { skip: 0 };
            let mut more = Continuations::of(image);
            first = Some(Record::parse(bytes, &mut more, &names)?);
        }
        Ok(())
    })?;
    first.ok_or(ImageError::Damaged("an empty directory"))
}

/// Visits every record of `directory`. A record does not cross the end of a sector; the rest of
/// a sector is zeros.
fn each_record(
    image: &Window,
    directory: Extent,
    mut each: impl FnMut(&[u8]) -> Result<(), ImageError>,
) -> Result<(), ImageError> {
    if directory.length > LARGEST_DIRECTORY {
        return Err(ImageError::Damaged("a directory of an absurd size"));
    }
    let mut sector = [0; SECTOR_SIZE];
    let mut at = 0;
    while at < directory.length {
        let offset = directory.start.checked_add(at);
        let offset = offset.ok_or(ImageError::Damaged("a directory outside of the image"))?;
        image.read_at(offset, &mut sector).map_err(cut)?;
        let mut rest = &sector[..];
        while let Some(length) = rest.first().map(|length| usize::from(*length)) {
            if length == 0 {
                break;
            }
            let record = rest
                .get(..length)
                .filter(|record| record.len() >= record::SHORTEST);
            each(record.ok_or(ImageError::Damaged("a directory record"))?)?;
            rest = &rest[length..];
        }
        at += SECTOR;
    }
    Ok(())
}

/// A reader of a file's bytes, extent by extent.
#[derive(Debug)]
pub(super) struct Reader<'w> {
    image: &'w Window,
    extents: std::vec::IntoIter<Extent>,
    current: Extent,
}

impl Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.length == 0 {
            match self.extents.next() {
                Some(next) => self.current = next,
                None => return Ok(0),
            }
        }
        let left = usize::try_from(self.current.length).unwrap_or(usize::MAX);
        let n = buffer.len().min(left);
        self.image.read_at(self.current.start, &mut buffer[..n])?;
        self.current.start += n as u64;
        self.current.length -= n as u64;
        Ok(n)
    }
}
