//! A tar header: one block, read strictly.
//!
//! In: the block. Out: a [`Header`], or a refusal that names the entry. Each field is
//! accepted in the forms that archivers write and that all readers take alike. In any other
//! form readers differ: at a number that it cannot read, Python takes the archive to be at
//! its end, Go gives up, GNU tar and bsdtar go on with numbers of their own. What stands
//! where a format has nothing is a part of the name to some of them.

use std::ops::Range;

use super::refusal::Refusal;

/// The size of a header, and what contents are padded to, in bytes.
pub(super) const BLOCK: usize = 512;
pub(super) type Block = [u8; BLOCK];

// Where the fields are (POSIX.1-2001, pax, "ustar Interchange Format").
const NAME: Range<usize> = 0..100;
const MODE: Range<usize> = 100..108;
const UID: Range<usize> = 108..116;
const GID: Range<usize> = 116..124;
const SIZE: Range<usize> = 124..136;
const MTIME: Range<usize> = 136..148;
const CHECKSUM: Range<usize> = 148..156;
const TYPE: usize = 156;
const TARGET: Range<usize> = 157..257;
const MAGIC: Range<usize> = 257..263;
const VERSION: Range<usize> = 263..265;
const DEVICE: [Range<usize>; 2] = [329..337, 337..345];
const PREFIX: Range<usize> = 345..500;
// star and node-tar write two times at the end of a prefix that is short enough, and star
// signs that.
const TIMES: [Range<usize>; 2] = [476..488, 488..500];
const TRAILER: Range<usize> = 500..512;
const STAR: &[u8] = b"\0\0\0\0\0\0\0\0tar\0";

/// Any time, in seconds: bsdtar writes negative ones that are 256 times too long ago, with the
/// right one in a PAX header.
const SECONDS: Range<i64> = i64::MIN..i64::MAX;
/// Permissions, and the file type that some archivers add to them.
const MODES: Range<i64> = 0..0o10_000_000;
/// Users, groups and devices. The highest number means that there is none.
const NUMBERS: Range<i64> = 0..u32::MAX as i64;

/// POSIX calls it the type flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    File,
    /// A file to archivers before POSIX, or a directory if its name ends in a slash.
    OldFile,
    Directory,
    Symlink,
    Hardlink,
    /// GNU's header for a path that is too long.
    LongName,
    /// The same for the target of a link.
    LongTarget,
    Pax,
    PaxGlobal,
    /// What no cluster definition has.
    Other(&'static str),
}

impl Type {
    /// Whether it describes the next entry.
    pub(super) fn is_extension(self) -> bool {
        matches!(
            self,
            Self::LongName | Self::LongTarget | Self::Pax | Self::PaxGlobal
        )
    }
}

#[derive(Debug)]
pub(super) struct Header {
    pub kind: Type,
    pub path: Vec<u8>,
    pub target: Vec<u8>,
    /// Of the content, in bytes.
    pub size: u64,
}

impl Header {
    /// Reads a block.
    ///
    /// # Errors
    /// [`Refusal::Damaged`] if its checksum is wrong, else [`Refusal::Ambiguous`].
    pub(super) fn read(block: &Block) -> Result<Self, Refusal> {
        // Of what is refused, the name is shown as far as it can be read.
        let name = until_zero(&block[NAME]).to_vec();
        if number(&block[CHECKSUM]) != Some(checksum(block)) || block[CHECKSUM][0] >= 0x80 {
            let name = crate::util::sanitize::excerpt(&name, 80);
            let why = format!("the header of `{name}` has a wrong checksum");
            return Err(Refusal::Damaged(why));
        }
        Self::read_fields(block).map_err(|why| match kind(block[TYPE]) {
            Type::Other(kind) => Refusal::Kind { path: name, kind },
            _ => Refusal::Ambiguous {
                path: name,
                why: why.to_owned(),
            },
        })
    }

    fn read_fields(block: &Block) -> Result<Self, &'static str> {
        check_numbers(block)?;
        let name = until_zero(&block[NAME]);
        let path = match prefix(block)? {
            [] => name.to_vec(),
            prefix => [prefix, b"/", name].concat(),
        };
        let size = number(&block[SIZE]).and_then(|size| u64::try_from(size).ok());
        Ok(Self {
            kind: kind(block[TYPE]),
            path,
            target: until_zero(&block[TARGET]).to_vec(),
            size: size.ok_or("its size is not a plain number")?,
        })
    }
}

/// The front of a long path, in the format that has it. To some readers the others have it,
/// too, and what GNU tar keeps in its place is a directory.
fn prefix(block: &Block) -> Result<&[u8], &'static str> {
    let is_zero = |bytes: &[u8]| bytes.iter().all(|byte| *byte == 0);
    let trailer = &block[TRAILER];
    let has_prefix = match (&block[MAGIC], &block[VERSION]) {
        (b"ustar\0", b"00") => true,
        (b"ustar ", b" \0") | (b"ustar\0" | b"\0\0\0\0\0\0", b"\0\0") => false,
        // bsdtar looks at the version, and others do not.
        _ => return Err("its header is of an unknown version"),
    };
    if !has_prefix && !is_zero(&block[PREFIX.start..]) || !is_zero(trailer) && trailer != STAR {
        return Err("its header has data in fields that its format leaves empty");
    }
    let prefix = until_zero(&block[PREFIX]);
    let end = PREFIX.start + prefix.len();
    let is_short = end < TIMES[0].start;
    let rest = end..if is_short { TIMES[0].start } else { PREFIX.end };
    if !is_zero(&block[rest]) || !is_short && trailer == STAR {
        return Err("its header has data after the end of the prefix");
    }
    if is_short {
        for field in &TIMES {
            check(
                block,
                field,
                &SECONDS,
                "a time in its header is not a plain number",
            )?;
        }
    }
    Ok(prefix)
}

/// What these numbers say does not count here, but readers read them.
fn check_numbers(block: &Block) -> Result<(), &'static str> {
    check(block, &MODE, &MODES, "its mode is not a plain number")?;
    check(block, &UID, &NUMBERS, "its user id is not a plain number")?;
    check(block, &GID, &NUMBERS, "its group id is not a plain number")?;
    let why = "its modification time is not a plain number";
    check(block, &MTIME, &SECONDS, why)?;
    for field in &DEVICE {
        check(
            block,
            field,
            &NUMBERS,
            "its device number is not a plain number",
        )?;
    }
    Ok(())
}

/// Whether a field is empty or has a number in this range.
fn check(
    block: &Block,
    field: &Range<usize>,
    range: &Range<i64>,
    why: &'static str,
) -> Result<(), &'static str> {
    let field = &block[field.clone()];
    let is_right = match number(field) {
        Some(number) => range.contains(&number),
        None => field.iter().all(|byte| *byte == 0),
    };
    if is_right { Ok(()) } else { Err(why) }
}

/// Text up to its end. What is left there of a longer one counts for nobody: the `tar` crate
/// does not clear a header that is used again.
fn until_zero(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// A number field: octal digits or, in GNU's form, a binary number behind a byte that gives
/// its sign and nothing else.
fn number(field: &[u8]) -> Option<i64> {
    match field[0] {
        sign @ (0x80 | 0xff) => {
            let fill = if sign == 0xff { 0xff } else { 0 };
            let (high, low) = field.split_at(field.len() - 8);
            let mut low: [u8; 8] = low.try_into().ok()?;
            if high.is_empty() {
                low[0] = fill;
            }
            let is_extended = high.iter().skip(1).all(|byte| *byte == fill);
            let number = i64::from_be_bytes(low);
            (is_extended && (number < 0) == (fill != 0)).then_some(number)
        }
        _ => octal(field),
    }
}

/// Spaces, digits, and a filling of spaces and zeros.
fn octal(field: &[u8]) -> Option<i64> {
    let spaces = field.iter().take_while(|byte| **byte == b' ').count();
    let text = &field[spaces..];
    let is_digit = |byte: &&u8| (b'0'..=b'7').contains(*byte);
    let (digits, filling) = text.split_at(text.iter().take_while(is_digit).count());
    let is_filled = filling.iter().all(|byte| matches!(byte, 0 | b' '));
    let value = |number, digit: &u8| number * 8 + i64::from(digit - b'0');
    (is_filled && !digits.is_empty()).then(|| digits.iter().fold(0, value))
}

/// The sum of the header's bytes, with spaces for the sum itself.
fn checksum(block: &Block) -> i64 {
    let sum = |bytes: &[u8]| bytes.iter().map(|byte| i64::from(*byte)).sum::<i64>();
    sum(block) - sum(&block[CHECKSUM]) + 8 * i64::from(b' ')
}

fn kind(flag: u8) -> Type {
    match flag {
        0 => Type::OldFile,
        b'0' => Type::File,
        b'1' => Type::Hardlink,
        b'2' => Type::Symlink,
        b'5' => Type::Directory,
        b'L' => Type::LongName,
        b'K' => Type::LongTarget,
        b'x' => Type::Pax,
        b'g' => Type::PaxGlobal,
        b'3' => Type::Other("a character device"),
        b'4' => Type::Other("a block device"),
        b'6' => Type::Other("a FIFO"),
        b'7' => Type::Other("a contiguous file"),
        b'S' => Type::Other("a sparse file"),
        _ => Type::Other("of an unknown type"),
    }
}

/// Whether the first header of an archive begins as another format does. bsdtar finds out by
/// itself what it is given, also below gzip, and takes what it is surest of.
pub(super) fn is_another_format(block: &Block) -> bool {
    let mut start = &block[..16];
    while let [rest @ .., 0] = start {
        start = rest;
    }
    // Compressed data begin with bytes that are not text, and not with a directory's name.
    let start = start.split(|byte| *byte == b'/').next();
    let is_text = match str::from_utf8(start.unwrap_or_default()) {
        Ok(text) => !text.contains(char::is_control),
        // The last character is cut.
        Err(error) => error.error_len().is_none(),
    };
    let compressed: [&[u8]; 4] = [b"BZh", b"LRZI\0", b"begin ", b"begin-"];
    // It is sure of tar if there is a version.
    let unsure: [&[u8]; 4] = [b"!<arch>", b"MSCF\0", b"MZ", b"WARC/"];
    let begins_with = |signatures: [&[u8]; 4]| signatures.iter().any(|it| block.starts_with(it));
    let has_version = block[VERSION] != [0; 2];
    !is_text || begins_with(compressed) || !has_version && begins_with(unsure)
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn only_plain_numbers_are_read() {
        for (field, expected) in [
            (&b"0000644\0"[..], 0o644),
            (b"000644 \0", 0o644),
            (b"   644 \0", 0o644),
            (b"644\0\0\0\0\0", 0o644),
            (b"644\0 \0 \0", 0o644),
            (b"77777777", 0o77_777_777),
            (b"777777777777", (1 << 36) - 1),
            (b"\x80\0\0\0\0\0\x01\x02", 258),
            (b"\x80\xff\xff\xff\xff\xff\xff\xff", (1 << 56) - 1),
            (b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", i64::MAX),
            (b"\xff\xff\xff\xff\xff\xff\xff\xfe", -2),
            (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe", -2),
        ] {
            assert_eq!(number(field), Some(expected), "{}", field.escape_ascii());
        }
        for field in [
            &b"\0\0\0\0\0\0\0\0"[..],
            b"        ",
            b"\x00000644\0",
            b"\t000644\0",
            b"+000644\0",
            b"-000644\0",
            b"0o0644\0\0",
            b"00_644\0\0",
            b"0000648\0",
            b"644\0 x\0\0",
            b"6 44\0\0\0\0",
            b"\x81\0\0\0\0\0\x01\x02",
            b"\xc0\0\0\0\0\0\x01\x02",
            b"\x80\0\0\x01\0\0\0\0\0\0\0\0",
            b"\x80\0\0\0\x80\0\0\0\0\0\0\0",
            b"\xff\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\xff\xff\xff\xff\x7f\xff\xff\xff\xff\xff\xff\xff",
        ] {
            assert_eq!(number(field), None, "{}", field.escape_ascii());
        }
    }
}
