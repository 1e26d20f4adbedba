//! Archives under construction, in the formats of common archivers: member by member, so that
//! [`mutations`](super::mutations) can change any byte of them.

use std::io::Write as _;

use fastrand::Rng;
use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};

use crate::support::crafted_archives::{
    BLOCK, DIRECTORY, FILE, HARD_LINK, LINK, LONG_LINK, LONG_NAME, PAX, record, sum,
};

const MODE: (usize, usize) = (100, 8);

/// A header and what follows it.
#[derive(Clone)]
pub struct Member {
    pub header: [u8; BLOCK],
    pub content: Vec<u8>,
    /// The byte that fills the last block of the content.
    pub padding: u8,
    /// Whether the checksum is to be left as it is.
    pub keeps_sum: bool,
}

/// How the tar is compressed.
#[derive(Clone, Default)]
pub struct Wrapping {
    /// Where a new gzip member begins.
    pub cuts: Vec<usize>,
    /// gzip's flags (RFC 1952, 2.3.1), each with the field that it stands for.
    pub flags: u8,
    pub trailing: Vec<u8>,
}

#[derive(Clone)]
pub struct Draft {
    pub members: Vec<Member>,
    /// The bytes after the last member.
    pub end: Vec<u8>,
    pub wrapping: Wrapping,
}

/// Returns a random one of these.
pub fn one<'a, T: ?Sized>(rng: &mut Rng, of: &[&'a T]) -> &'a T {
    of[rng.usize(..of.len())]
}

impl Member {
    /// Overwrites a field, and fills it up with zeros.
    pub fn set(&mut self, (at, length): (usize, usize), value: &[u8]) {
        let value = &value[..value.len().min(length)];
        self.header[at..at + length].fill(0);
        self.header[at..at + value.len()].copy_from_slice(value);
    }

    pub fn kind(&self) -> u8 {
        self.header[156]
    }

    pub fn is_link(&self) -> bool {
        matches!(self.kind(), HARD_LINK | LINK)
    }

    pub fn is_extension(&self) -> bool {
        matches!(self.kind(), b'x' | b'g' | LONG_NAME | LONG_LINK)
    }
}

impl Draft {
    /// Replaces modes that prevent an ordinary user from reading what was unpacked. All readers
    /// parse them alike, but GNU tar then fails, depending on the order.
    pub fn let_owner_in(&mut self) {
        for member in &mut self.members {
            let mode = member.header[MODE.0..MODE.0 + MODE.1].to_vec();
            let digits = mode.split(|byte| matches!(byte, 0 | b' '));
            let digits = digits.max_by_key(|digits| digits.len()).unwrap_or_default();
            let value = |mode: u32, digit: &u8| mode * 8 + u32::from(digit & 7);
            if digits.iter().all(|digit| (b'0'..=b'7').contains(digit))
                && digits.iter().fold(0, value) & 0o700 != 0o700
            {
                member.set(MODE, b"0000755\0");
            }
        }
    }

    pub fn tar(&self) -> Vec<u8> {
        let mut tar = Vec::new();
        for member in &self.members {
            let mut header = member.header;
            if !member.keeps_sum {
                sum(&mut header);
            }
            tar.extend(header);
            tar.extend(&member.content);
            tar.resize(tar.len().next_multiple_of(BLOCK), member.padding);
        }
        tar.extend(&self.end);
        tar
    }

    pub fn gzip(&self) -> Vec<u8> {
        let tar = self.tar();
        let mut cuts: Vec<usize> = self.wrapping.cuts.iter().map(|at| at % tar.len()).collect();
        cuts.sort_unstable();
        cuts.push(tar.len());
        let mut from = 0;
        let mut gzip = Vec::new();
        for to in cuts {
            gzip.extend(compress(&tar[from..to], self.wrapping.flags));
            from = to;
        }
        gzip.extend(&self.wrapping.trailing);
        gzip
    }
}

/// Returns a gzip member whose header has the fields of these flags.
fn compress(bytes: &[u8], flags: u8) -> Vec<u8> {
    let mut gzip = Vec::new();
    if flags == 0 {
        let mut encoder = GzEncoder::new(gzip, Compression::fast());
        encoder.write_all(bytes).unwrap();
        return encoder.finish().unwrap();
    }
    let mut builder = GzBuilder::new().mtime(1).operating_system(3);
    if flags & 4 != 0 {
        builder = builder.extra(&b"ab\x02\x00cd"[..]);
    }
    if flags & 8 != 0 {
        builder = builder.filename("spc.tar");
    }
    if flags & 16 != 0 {
        builder = builder.comment("a comment");
    }
    let mut encoder = builder.write(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    gzip.extend(encoder.finish().unwrap());
    gzip[3] = flags;
    if flags & 2 != 0 {
        // The low half of the CRC-32 of the header.
        let mut end = 10;
        for (flag, length) in [(4, 8), (8, 8), (16, 10)] {
            end += if flags & flag != 0 { length } else { 0 };
        }
        let mut crc = flate2::Crc::new();
        crc.update(&gzip[..end]);
        let low = crc.sum().to_le_bytes();
        gzip.splice(end..end, low[..2].iter().copied());
    }
    gzip
}

/// The formats of common archivers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    V7,
    Ustar,
    Gnu,
    Pax,
}

/// How an archiver writes numbers: the digits, and the terminator.
struct Numbers {
    mode: &'static str,
    owner: &'static str,
    size: &'static str,
}

const NUMBERS: [Numbers; 3] = [
    // GNU tar, Go, Python.
    Numbers {
        mode: "0000755\0",
        owner: "0000644\0",
        size: "\0",
    },
    // libarchive.
    Numbers {
        mode: "000755 \0",
        owner: "000644 \0",
        size: " ",
    },
    // Those before POSIX.
    Numbers {
        mode: "   755 \0",
        owner: "   644 \0",
        size: " ",
    },
];

/// Returns a harmless archive.
pub fn draft(rng: &mut Rng) -> Draft {
    let format = [Format::V7, Format::Ustar, Format::Gnu, Format::Pax][rng.usize(..4)];
    let mut writer = Writer {
        format,
        has_times: rng.u8(..4) == 0,
        numbers: &NUMBERS[rng.usize(..NUMBERS.len())],
        root: one(rng, &["", "", "./"]),
        members: Vec::new(),
    };
    if rng.bool() {
        writer.add(DIRECTORY, "", b"", b"");
    }
    if rng.bool() {
        writer.add(DIRECTORY, "spc/", b"", b"");
    }
    writer.add(FILE, "spc/a", b"", b"a");
    for _ in 0..rng.usize(1..4) {
        let number = rng.u32(..);
        let path = match rng.u8(..8) {
            0 => format!("spc/app/profiles/{number:024x}/variables.json"),
            1 => format!("spc/{number} with space"),
            2 => format!("spc/back\\slash{number}"),
            3 => format!("spc/\u{fc}n\u{ef}{number}"),
            4 => format!("README{number}"),
            5 => format!("spc/{}{number}", "directory/".repeat(rng.usize(8..14))),
            6 => format!("spc/{}{number}", "long".repeat(rng.usize(22..50))),
            _ => format!("spc/{number}"),
        };
        let length = [0, 1, 511, 512, 513, 1300][rng.usize(..6)];
        let content: Vec<u8> = std::iter::repeat_with(|| rng.alphanumeric() as u8)
            .take(length)
            .collect();
        writer.add(FILE, &path, b"", &content);
    }
    if rng.bool() {
        let long = "x".repeat(120);
        let targets = [
            "a",
            "./a",
            "app/x",
            "app/",
            "../spc/a",
            "\u{fc}",
            long.as_str(),
        ];
        let target = one(rng, &targets);
        writer.add(LINK, "spc/link", target.as_bytes(), b"");
    }
    if rng.bool() {
        let target = format!("{}spc/a", writer.root);
        writer.add(HARD_LINK, "spc/hard", target.as_bytes(), b"");
    }
    if rng.bool() {
        writer.add(DIRECTORY, "spc/directory/", b"", b"");
    }
    Draft {
        members: writer.members,
        end: vec![0; 2 * BLOCK],
        wrapping: Wrapping::default(),
    }
}

struct Writer {
    format: Format,
    /// Whether there are times in the place of the end of the prefix, as in node-tar.
    has_times: bool,
    numbers: &'static Numbers,
    root: &'static str,
    members: Vec<Member>,
}

impl Writer {
    fn add(&mut self, kind: u8, path: &str, target: &[u8], content: &[u8]) {
        let path = format!("{}{path}", self.root);
        if path.is_empty() {
            return;
        }
        let (mut name, mut prefix) = (path.as_bytes(), &b""[..]);
        let is_long = name.len() > 100 || target.len() > 100;
        if name.len() > 100
            && self.format == Format::Ustar
            && let Some(at) = (path.len() - 101..path.len().min(156)).find(|at| name[*at] == b'/')
        {
            (prefix, name) = (&name[..at], &name[at + 1..]);
        } else if is_long {
            match self.format {
                // They cannot have such names.
                Format::V7 | Format::Ustar => return,
                Format::Gnu => {
                    for (kind, name) in [(LONG_LINK, target), (LONG_NAME, name)] {
                        if name.len() > 100 {
                            let content = [name, b"\0"].concat();
                            self.push(kind, b"././@LongLink", b"", &content);
                        }
                    }
                }
                Format::Pax => {
                    let mut records = Vec::new();
                    for (keyword, value) in [(&b"path"[..], name), (b"linkpath", target)] {
                        if value.len() > 100 {
                            records.extend(record(keyword, value));
                        }
                    }
                    self.push(PAX, b"PaxHeaders/x", b"", &records);
                }
            }
        }
        self.push(kind, name, target, content);
        if let Some(member) = self.members.last_mut() {
            if self.format == Format::V7 && kind == FILE {
                member.header[156] = 0;
            }
            if !prefix.is_empty() {
                // It needs the place of the times.
                member.set((345, 155), prefix);
            }
        }
    }

    fn push(&mut self, kind: u8, name: &[u8], target: &[u8], content: &[u8]) {
        let mut member = Member {
            header: [0; BLOCK],
            content: content.to_vec(),
            padding: 0,
            keeps_sum: false,
        };
        member.set((0, 100), name);
        member.set(MODE, self.numbers.mode.as_bytes());
        for field in [(108, 8), (116, 8)] {
            member.set(field, self.numbers.owner.as_bytes());
        }
        let size = format!("{:011o}{}", content.len(), self.numbers.size);
        member.set((124, 12), size.as_bytes());
        member.set((136, 12), b"14500000000\0");
        member.header[156] = kind;
        member.set((157, 100), target);
        match self.format {
            Format::V7 => {
                member.set((329, 8), b"0000000\0");
                member.set((337, 8), b"0000000\0");
            }
            Format::Ustar | Format::Pax => {
                if self.has_times {
                    member.set((476, 24), b"14500000000 14500000000\0");
                }
                member.set((257, 8), b"ustar\x0000");
                member.set((329, 8), b"0000000\0");
                member.set((337, 8), b"0000000\0");
                member.set((265, 32), b"root");
            }
            Format::Gnu => {
                member.set((257, 8), b"ustar  \0");
                member.set((265, 32), b"root");
            }
        }
        self.members.push(member);
    }
}
