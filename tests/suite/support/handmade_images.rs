//! Images written byte by byte, with contents that no tool writes: ISO 9660 directories with
//! any records, and disks with any partition table entries.

use flate2::Crc;

/// The size of a sector of an ISO, in bytes.
pub const SECTOR: usize = 2048;
/// The size of a block of a disk, in bytes.
pub const BLOCK: usize = 512;

/// The location of something in an ISO, and its length in bytes.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    pub sector: u32,
    pub length: u32,
}

/// Flags of a directory record.
pub const FILE: u8 = 0;
pub const DIRECTORY: u8 = 2;
pub const ASSOCIATED: u8 = 4;
pub const MORE: u8 = 0x80;

/// An ISO 9660 image with the label `COS_LIVE`. It has no Rock Ridge unless its records do.
#[derive(Debug, Clone)]
pub struct Iso {
    pub bytes: Vec<u8>,
}

impl Iso {
    /// Returns an image with only descriptors. The root has to be set later.
    pub fn new() -> Self {
        let mut bytes = vec![0; 18 * SECTOR];
        let primary = 16 * SECTOR;
        bytes[primary..primary + 7].copy_from_slice(b"\x01CD001\x01");
        bytes[primary + 40..primary + 72].fill(b' ');
        bytes[primary + 40..primary + 48].copy_from_slice(b"COS_LIVE");
        bytes[primary + 128..primary + 132].copy_from_slice(&[0, 8, 8, 0]);
        bytes[primary + SECTOR..primary + SECTOR + 7].copy_from_slice(b"\xffCD001\x01");
        Self { bytes }
    }

    /// Returns the location of what is added next.
    pub fn next(&self) -> u32 {
        u32::try_from(self.bytes.len() / SECTOR).unwrap()
    }

    /// Appends bytes, of a file or of anything else.
    pub fn add(&mut self, bytes: &[u8]) -> Place {
        let sector = self.next();
        self.bytes.extend_from_slice(bytes);
        self.bytes
            .resize(self.bytes.len().next_multiple_of(SECTOR), 0);
        let length = u32::try_from(bytes.len()).unwrap();
        Place { sector, length }
    }

    /// Appends a directory of these records, after the records for itself and its parent.
    pub fn directory(&mut self, records: &[Vec<u8>]) -> Place {
        self.directory_with(&[], records)
    }

    /// Does the same with a System Use area in the directory's own record.
    pub fn directory_with(&mut self, system_use: &[u8], records: &[Vec<u8>]) -> Place {
        let place = |length: usize| Place {
            sector: self.next(),
            length: u32::try_from(length).unwrap(),
        };
        let all = |own| {
            let mut all = vec![record(b"\0", own, DIRECTORY, system_use)];
            all.push(record(b"\x01", own, DIRECTORY, &[]));
            all.extend_from_slice(records);
            in_sectors(&all)
        };
        let own = place(all(place(SECTOR)).len());
        let bytes = all(own);
        self.add(&bytes)
    }

    /// Appends the parent directories of `clusterconfig`, which has these records.
    pub fn tree(&mut self, records: &[Vec<u8>]) -> &mut Self {
        let mut place = self.directory(records);
        for name in [&b"CLUSTERCONFIG"[..], b"SPECTROCLOUD", b"OPT"] {
            place = self.directory(&[record(name, place, DIRECTORY, &[])]);
        }
        self.root(place)
    }

    /// Makes a directory the root, and sets the size of the volume to that of the image.
    pub fn root(&mut self, place: Place) -> &mut Self {
        let primary = 16 * SECTOR;
        let root = record(b"\0", place, DIRECTORY, &[]);
        self.bytes[primary + 156..primary + 190].copy_from_slice(&root);
        let sectors = self.next();
        self.bytes[primary + 80..primary + 88].copy_from_slice(&both(sectors));
        self
    }
}

/// Returns a number in both byte orders.
fn both(number: u32) -> [u8; 8] {
    let mut both = [0; 8];
    both[..4].copy_from_slice(&number.to_le_bytes());
    both[4..].copy_from_slice(&number.to_be_bytes());
    both
}

/// Returns a directory record (ECMA-119, 9.1).
pub fn record(name: &[u8], place: Place, flags: u8, system_use: &[u8]) -> Vec<u8> {
    let mut record = vec![0; 33];
    record[2..10].copy_from_slice(&both(place.sector));
    record[10..18].copy_from_slice(&both(place.length));
    record[25] = flags;
    record[28..32].copy_from_slice(&[1, 0, 0, 1]);
    record[32] = u8::try_from(name.len()).unwrap();
    record.extend_from_slice(name);
    record.resize(record.len().next_multiple_of(2), 0);
    record.extend_from_slice(system_use);
    record.resize(record.len().next_multiple_of(2), 0);
    record[0] = u8::try_from(record.len()).unwrap();
    record
}

/// Joins records so that none crosses the end of a sector.
fn in_sectors(records: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for record in records {
        let left = SECTOR - bytes.len() % SECTOR;
        if record.len() > left {
            bytes.resize(bytes.len() + left, 0);
        }
        bytes.extend_from_slice(record);
    }
    bytes.resize(bytes.len().next_multiple_of(SECTOR), 0);
    bytes
}

/// Returns an entry of a System Use area (SUSP, 4.1).
#[allow(clippy::trivially_copy_pass_by_ref)] // as byte strings are written
pub fn entry(signature: &[u8; 2], data: &[u8]) -> Vec<u8> {
    let length = u8::try_from(4 + data.len()).unwrap();
    [signature, &[length, 1][..], data].concat()
}

/// Returns the entry with the Rock Ridge name.
pub fn name(name: &str) -> Vec<u8> {
    entry(b"NM", &[&[0], name.as_bytes()].concat())
}

/// Returns the entry with the continuation of a System Use area.
pub fn continues(sector: u32, offset: u32, length: u32) -> Vec<u8> {
    entry(b"CE", &[both(sector), both(offset), both(length)].concat())
}

/// Returns the entry of the root's own record that announces Rock Ridge.
pub fn rock_ridge() -> Vec<u8> {
    let mode = [both(0o40_755), both(1), both(0), both(0)].concat();
    [entry(b"SP", &[0xbe, 0xef, 0]), entry(b"PX", &mode)].concat()
}

/// A disk with a partition table (UEFI specification, 5.3).
#[derive(Debug, Clone)]
pub struct Disk {
    pub bytes: Vec<u8>,
}

impl Disk {
    /// The number of entries in the table, and the size of each in bytes.
    const ENTRIES: usize = 128;
    const ENTRY: usize = 128;

    /// Returns a disk with these partitions.
    pub fn of(partitions: &[(&str, &[u8])]) -> Self {
        let table = Self::ENTRIES * Self::ENTRY;
        let mut disk = Self {
            bytes: vec![0; 64 * BLOCK],
        };
        for (number, (name, content)) in partitions.iter().enumerate() {
            let first = disk.bytes.len() / BLOCK;
            disk.bytes.extend_from_slice(content);
            disk.bytes
                .resize(disk.bytes.len().next_multiple_of(8 * BLOCK), 0);
            let last = first + content.len().div_ceil(BLOCK) - 1;
            let entry = disk.entry(number);
            entry[..32].fill(u8::try_from(number + 1).unwrap());
            entry[32..40].copy_from_slice(&(first as u64).to_le_bytes());
            entry[40..48].copy_from_slice(&(last as u64).to_le_bytes());
            for (unit, to) in name.encode_utf16().zip(entry[56..].chunks_exact_mut(2)) {
                to.copy_from_slice(&unit.to_le_bytes());
            }
        }
        disk.bytes.resize(disk.bytes.len() + table + BLOCK, 0);
        disk.protect();
        disk.describe();
        disk.seal();
        disk
    }

    /// Writes the protective partition for tools that do not know this kind of table.
    fn protect(&mut self) {
        self.bytes[446..462].copy_from_slice(&[
            0, 0, 2, 0, 0xee, 0xff, 0xff, 0xff, 1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff,
        ]);
        self.bytes[510..512].copy_from_slice(&[0x55, 0xaa]);
    }

    fn describe(&mut self) {
        let last = (self.bytes.len() / BLOCK - 1) as u64;
        let header = self.header();
        header[..16].copy_from_slice(b"EFI PART\0\0\x01\0\x5c\0\0\0");
        for (at, block) in [(24, 1), (32, last), (40, 34), (48, last - 33), (72, 2)] {
            header[at..at + 8].copy_from_slice(&u64::to_le_bytes(block));
        }
        header[56..72].fill(7);
        header[80] = 128;
        header[84] = 128;
    }

    /// Returns an entry of the table.
    pub fn entry(&mut self, number: usize) -> &mut [u8] {
        &mut self.bytes[2 * BLOCK + number * Self::ENTRY..][..Self::ENTRY]
    }

    /// Returns the first header.
    pub fn header(&mut self) -> &mut [u8] {
        &mut self.bytes[BLOCK..2 * BLOCK]
    }

    /// Writes the checksums, and the second header with its table.
    pub fn seal(&mut self) -> &mut Self {
        let end = Self::ENTRIES * Self::ENTRY;
        let table = self.bytes[2 * BLOCK..2 * BLOCK + end].to_vec();
        let of_table = crc(&table);
        self.header()[88..92].copy_from_slice(&of_table);
        self.header()[16..20].fill(0);
        let of_header = crc(&self.header()[..92]);
        self.header()[16..20].copy_from_slice(&of_header);
        let mut second = self.header().to_vec();
        let last = self.bytes.len() - BLOCK;
        second[24..32].copy_from_slice(&((last / BLOCK) as u64).to_le_bytes());
        second[32..40].copy_from_slice(&1_u64.to_le_bytes());
        second[72..80].copy_from_slice(&(((last - end) / BLOCK) as u64).to_le_bytes());
        second[16..20].fill(0);
        let of_second = crc(&second[..92]);
        second[16..20].copy_from_slice(&of_second);
        self.bytes[last - end..last].copy_from_slice(&table);
        self.bytes[last..].copy_from_slice(&second);
        self
    }

    /// Returns the byte range of a partition.
    pub fn place(&mut self, number: usize) -> std::ops::Range<usize> {
        let entry = self.entry(number);
        let block = |at: usize| u64::from_le_bytes(entry[at..at + 8].try_into().unwrap());
        let at = |block: u64| usize::try_from(block).unwrap() * BLOCK;
        at(block(32))..at(block(40) + 1)
    }
}

fn crc(bytes: &[u8]) -> [u8; 4] {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum().to_le_bytes()
}
