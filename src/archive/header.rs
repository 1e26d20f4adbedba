//! Parses a tar header, a single block, strictly.
//!
//! Input: the block. Output: a [`Header`], or a refusal that names the entry. Each field is
//! accepted in the forms that archivers write and that all readers understand in the same way.
//! Readers differ on any other form: at a number that it cannot parse, Python considers the
//! archive to be at its end, Go fails, and GNU tar and bsdtar continue with numbers of their
//! own. Some readers treat unused bytes of a format as a part of the name.

use std::ops::Range;

use super::refusal::Refusal;

/// The size of a header, and the multiple to which content is padded, in bytes.
pub(super) const BLOCK: usize = 512;
pub(super) type Block = [u8; BLOCK];

// The positions of the fields (POSIX.1-2001, pax, "ustar Interchange Format").
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
// star and node-tar write two times at the end of a prefix that is short enough, and star adds
// a signature.
const TIMES: [Range<usize>; 2] = [476..488, 488..500];
const TRAILER: Range<usize> = 500..512;
const STAR: &[u8] = b"\0\0\0\0\0\0\0\0tar\0";

/// The range of times, in seconds, which is not limited: bsdtar writes negative times that are
/// 256 times too long ago, with the correct time in a PAX header.
const SECONDS: Range<i64> = i64::MIN..i64::MAX;
/// The range of modes: permissions, and the file type that some archivers add.
const MODES: Range<i64> = 0..0o10_000_000;
/// The range of users, groups and devices. The highest number means none.
const NUMBERS: Range<i64> = 0..u32::MAX as i64;

/// The type of an entry, which POSIX calls the type flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    File,
    /// A file in archives from before POSIX, or a directory if its name ends with a slash.
    OldFile,
    Directory,
    Symlink,
    Hardlink,
    /// GNU's header for a long path.
    LongName,
    /// GNU's header for a long link target.
    LongTarget,
    Pax,
    PaxGlobal,
    /// A type that no cluster definition needs; contains its name.
    Other(&'static str),
}

impl Type {
    /// Returns whether the header describes the next entry.
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
    /// The size of the content, in bytes.
    pub size: u64,
}

impl Header {
    /// Parses a block.
    ///
    /// # Errors
    /// Returns [`Refusal::Damaged`] if the checksum is wrong, otherwise [`Refusal::Ambiguous`].
    pub(super) fn read(block: &Block) -> Result<Self, Refusal> {
        // The message shows the name of a refused entry as far as it can be read.
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

/// Returns the beginning of a long path, in the format that has a prefix. Some readers use the
/// field in other formats, too, and would take what GNU tar stores there for a directory.
fn prefix(block: &Block) -> Result<&[u8], &'static str> {
    let is_zero = |bytes: &[u8]| bytes.iter().all(|byte| *byte == 0);
    let trailer = &block[TRAILER];
    let has_prefix = match (&block[MAGIC], &block[VERSION]) {
        (b"ustar\0", b"00") => true,
        (b"ustar ", b" \0") | (b"ustar\0" | b"\0\0\0\0\0\0", b"\0\0") => false,
        // bsdtar checks the version; other readers do not.
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

/// Checks numbers that do not matter here but that readers parse.
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

/// Checks that a field is empty or contains a number in `range`.
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

/// Returns the text up to its first zero. All readers ignore the rest, which may be left from a
/// longer text: the `tar` crate does not clear a header that it reuses.
fn until_zero(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// Parses a number: octal digits or, in GNU's form, a binary number after a byte that contains
/// nothing but its sign.
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

/// Parses spaces, octal digits, and a padding of spaces and zeros.
fn octal(field: &[u8]) -> Option<i64> {
    let spaces = field.iter().take_while(|byte| **byte == b' ').count();
    let text = &field[spaces..];
    let is_digit = |byte: &&u8| (b'0'..=b'7').contains(*byte);
    let (digits, filling) = text.split_at(text.iter().take_while(is_digit).count());
    let is_filled = filling.iter().all(|byte| matches!(byte, 0 | b' '));
    let value = |number, digit: &u8| number * 8 + i64::from(digit - b'0');
    (is_filled && !digits.is_empty()).then(|| digits.iter().fold(0, value))
}

/// Returns the sum of the header's bytes, with spaces in the checksum field.
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

/// Returns whether `start` begins with a tar header, whether or not its fields are accepted.
pub(crate) fn is_header(start: &[u8]) -> bool {
    let Some(block) = start.first_chunk::<BLOCK>() else {
        return false;
    };
    block.iter().any(|byte| *byte != 0) && number(&block[CHECKSUM]) == Some(checksum(block))
}

/// Returns whether the first header of an archive is also the beginning of another format.
/// bsdtar detects formats, even inside gzip, and uses the one with the best match.
pub(super) fn is_another_format(block: &Block) -> bool {
    let mut start = &block[..16];
    while let [rest @ .., 0] = start {
        start = rest;
    }
    // Compressed data begins with bytes that are not text, not with the name of a directory.
    let start = start.split(|byte| *byte == b'/').next();
    let is_text = match str::from_utf8(start.unwrap_or_default()) {
        Ok(text) => !text.contains(char::is_control),
        // The last character is truncated.
        Err(error) => error.error_len().is_none(),
    };
    let compressed: [&[u8]; 4] = [b"BZh", b"LRZI\0", b"begin ", b"begin-"];
    // A version makes bsdtar certain that the format is tar.
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
