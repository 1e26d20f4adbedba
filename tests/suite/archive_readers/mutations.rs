//! Changes to an archive: each mutation is a known way to give a header different meanings to
//! different readers.

use fastrand::Rng;

use super::draft::{Draft, Member, one};
use super::{names, records};
use crate::support::crafted_archives::{
    BLOCK, DIRECTORY, FILE, HARD_LINK, LINK, MAGIC, PREFIX, SIZE, SUM, sum,
};

type Mutation = fn(&mut Rng, &mut Draft);

/// By name, for the figures.
pub const MUTATIONS: [(&str, Mutation); 23] = [
    ("number", number),
    ("size", size),
    ("checksum", checksum),
    ("magic", magic),
    ("prefix", prefix),
    ("tail", tail),
    ("name", names::name),
    ("first name", names::first_name),
    ("target", names::target),
    ("type", kind),
    ("type and size", kind_with_size),
    ("owner names", owner_names),
    ("PAX record", records::local),
    ("PAX, malformed", records::malformed),
    ("PAX, global", records::global),
    ("GNU long name", names::long_name),
    ("two names", names::two_names),
    ("order", order),
    ("padding", padding),
    ("end", end),
    ("gzip", gzip),
    ("random byte", random_byte),
    ("random field", random_field),
];

const NAME: (usize, usize) = (0, 100);
const TARGET: (usize, usize) = (157, 100);
/// The fields mode, uid, gid, mtime, devmajor and devminor.
const FIELDS: [(usize, usize); 6] = [(100, 8), (108, 8), (116, 8), (136, 12), (329, 8), (337, 8)];

/// Returns a random member.
pub fn any<'a>(rng: &mut Rng, draft: &'a mut Draft) -> &'a mut Member {
    let at = rng.usize(..draft.members.len());
    &mut draft.members[at]
}

/// Returns a member that is an entry and not an extended header, if there is one.
pub fn entry<'a>(rng: &mut Rng, draft: &'a mut Draft) -> &'a mut Member {
    let entries: Vec<usize> = (0..draft.members.len())
        .filter(|at| !draft.members[*at].is_extension())
        .collect();
    let at = entries
        .get(rng.usize(..entries.len().max(1)))
        .copied()
        .unwrap_or_default();
    &mut draft.members[at]
}

fn number(rng: &mut Rng, draft: &mut Draft) {
    let field = FIELDS[rng.usize(..FIELDS.len())];
    let value = one::<[u8]>(
        rng,
        &[
            b"",
            b"0",
            b"0000755\0",
            b"000755 \0",
            b"   755 \0",
            b"0000755 ",
            b"755\0\0\0\0\0",
            b"755\0 \0 \0",
            b"7777777\0",
            b"77777777",
            b"77777777777\0",
            b"777777777777",
            b"        ",
            b"            ",
            b"\x00000755\0",
            b"\0\0\0\0\0\0\0x",
            b"755\0x",
            b"755 x",
            b"75 5",
            b"7_5\0",
            b"0o755\0",
            b"0x1ff\0",
            b"\t755\0",
            b"-755\0",
            b"+755\0",
            b"-1\0",
            b"888\0",
            b"75z\0",
            b"\xff\xff",
            b"\x80\0\0\0\0\0\x01\xed",
            b"\x80\0\0\0\0\0\0\0\0\0\x01\xed",
            b"\x80\0\0\0\xff\xff\xff\xff",
            b"\x80\0\0\x01\0\0\0\0",
            b"\x80\xff\xff\xff\xff\xff\xff\xff",
            b"\x80\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\x80\0\0\0\0\0\0\x08\0\0\0\0",
            b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff",
            b"\x80\0\0\0\x80\0\0\0\0\0\0\0",
            b"\x81\0\0\0\0\0\x01\xed",
            b"\xbf\xff\xff\xff\xff\xff\xff\xff",
            b"\xc0\0\0\0\0\0\0\x01",
            b"\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\xff\xff\xff\xff\0\0\0\0",
            b"\xff\xff\xff\xff\xff\xff\xff\xff\x80\0\0\0",
            b"\xff\0\0\0\0\0\0\0\0\0\0\0",
        ],
    );
    any(rng, draft).set(field, value);
}

/// Writes the right size in unusual forms, or a wrong size.
fn size(rng: &mut Rng, draft: &mut Draft) {
    let member = any(rng, draft);
    let length = member.content.len() as u64;
    let binary = |first: u32, size: u64| [&first.to_be_bytes()[..], &size.to_be_bytes()].concat();
    let value = match rng.u8(..24) {
        0 => format!("{length:012o}").into_bytes(),
        1 => format!("{length:011o} ").into_bytes(),
        2 => format!("{length:>11o} ").into_bytes(),
        3 => format!("{length:o}").into_bytes(),
        4 => format!("{length:o} \0 ").into_bytes(),
        5 => format!(" {length:o} x").into_bytes(),
        6 => format!("{length:o}\0 1").into_bytes(),
        7 => format!("\0{length:010o}").into_bytes(),
        8 => format!("\t{length:010o}").into_bytes(),
        9 => format!("+{length:010o}").into_bytes(),
        10 => format!("0o{length:o}").into_bytes(),
        11 => format!("0_{length:o}").into_bytes(),
        12 => binary(0x8000_0000, length),
        13 => binary(0x8000_0001, length),
        14 => binary(0xff00_0000, length),
        15 => binary(0xc000_0000, length),
        16 => binary(0xffff_ffff, length),
        17 => binary(0xffff_ffff, length.wrapping_neg()),
        18 => Vec::new(),
        19 => b"           ".to_vec(),
        20 => format!("{:011o}", length + 1).into_bytes(),
        21 => format!("{:011o}", length + 512).into_bytes(),
        22 => format!("{:011o}", length.saturating_sub(1)).into_bytes(),
        _ => b"00000000000".to_vec(),
    };
    member.set(SIZE, &value);
}

fn checksum(rng: &mut Rng, draft: &mut Draft) {
    let member = any(rng, draft);
    if rng.u8(..3) == 0 {
        // A byte that counts in another way with a sign.
        member.set((265, 32), b"\xff\xfe");
    }
    sum(&mut member.header);
    member.keeps_sum = true;
    let mut header = member.header;
    header[148..156].fill(b' ');
    let unsigned: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    let signed: i32 = header
        .iter()
        .map(|byte| i32::from(byte.cast_signed()))
        .sum();
    let value = match rng.u8(..14) {
        0 => format!("{unsigned:07o}\0"),
        1 => format!("{unsigned:06o} \0"),
        2 => format!("{unsigned:>6o}\0 "),
        3 => format!("{unsigned:08o}"),
        4 => format!("{unsigned:o}\0\0\0"),
        5 => format!("{unsigned:o} x"),
        6 => format!("\0{unsigned:06o}\0"),
        7 => format!("\t{unsigned:o}\0"),
        8 => format!("+{unsigned:o}\0"),
        9 => format!("0o{unsigned:o}"),
        10 => format!("{signed:06o}\0 "),
        11 => format!("{:06o}\0 ", unsigned + 1),
        12 => {
            let bytes = u64::from(unsigned) | 0x80 << 56;
            member.header[SUM.0..SUM.0 + SUM.1].copy_from_slice(&bytes.to_be_bytes());
            return;
        }
        _ => String::new(),
    };
    member.set(SUM, value.as_bytes());
}

fn magic(rng: &mut Rng, draft: &mut Draft) {
    let value = one::<[u8]>(
        rng,
        &[
            b"ustar\x0000",
            b"ustar  \0",
            b"ustar\0\0\0",
            b"ustar\x0001",
            b"ustar\x00  ",
            b"ustar 00",
            b"ustar  0",
            b"ustar",
            b"ustax",
            b"USTAR\x0000",
            b"",
            b"tar\0",
            b"\0ustar00",
        ],
    );
    if rng.bool() {
        for member in &mut draft.members {
            member.set(MAGIC, value);
        }
    } else {
        any(rng, draft).set(MAGIC, value);
    }
}

fn prefix(rng: &mut Rng, draft: &mut Draft) {
    let full = [b'p'; 155];
    let value = one::<[u8]>(
        rng,
        &[
            b"spc", b"spc/", b"spc/x/y", b".", b"./", b"/", b"..", b"spc/..", b"-x", b"spc\0x",
            b"\0x", b"\xff", &full,
        ],
    );
    entry(rng, draft).set(PREFIX, value);
}

/// Writes what GNU tar, star and others have in the place of POSIX's prefix.
fn tail(rng: &mut Rng, draft: &mut Draft) {
    let member = any(rng, draft);
    match rng.u8(..10) {
        0 => member.set((345, 12), b"14500000000\0"),
        1 => member.set((357, 12), b"14500000000\0"),
        2 => member.set((369, 12), b"00000000001\0"),
        3 => member.set((381, 4), b"name"),
        4 => member.set((386, 24), b"00000000000\x0000000001000\0"),
        5 => member.set((482, 1), b"\x01"),
        6 => member.set((483, 12), b"00000001000\0"),
        7 => member.set((495, 17), b"x"),
        8 => {
            member.set((476, 24), b"14500000000 14500000000 ");
            member.set((508, 4), b"tar\0");
            if rng.bool() {
                member.set((345, 131), b"spc");
            }
        }
        _ => {
            let at = rng.usize(345..BLOCK);
            member.header[at] = rng.u8(1..);
        }
    }
    if rng.bool() {
        member.set(MAGIC, b"ustar  \0");
    }
}

fn kind(rng: &mut Rng, draft: &mut Draft) {
    let kinds = b"\x0001234567xgLKSDMNVXAZ \xff";
    any(rng, draft).header[156] = kinds[rng.usize(..kinds.len())];
}

/// Combines a type with what only another type has: content, a size, a trailing slash.
fn kind_with_size(rng: &mut Rng, draft: &mut Draft) {
    let member = entry(rng, draft);
    member.header[156] = [0, FILE, HARD_LINK, LINK, DIRECTORY, b'7'][rng.usize(..6)];
    if rng.bool() {
        member.content = vec![b'c'; [0, 5, 512][rng.usize(..3)]];
    }
    let length = member.content.len();
    member.set(SIZE, format!("{length:011o}").as_bytes());
    if rng.bool() {
        member.set(NAME, one::<[u8]>(rng, &[b"spc/n", b"spc/n/", b"spc/n/."]));
    }
    if member.is_link() {
        let target = one::<[u8]>(rng, &[b"spc/a", b"a", b"a/", b""]);
        member.set(TARGET, target);
    }
}

fn owner_names(rng: &mut Rng, draft: &mut Draft) {
    let full = [b'u'; 32];
    let value = one::<[u8]>(rng, &[b"root", b"\xff\xfe", b"x\0y", &full, b"", b"a\nb"]);
    let field = [(265, 32), (297, 32)][rng.usize(..2)];
    any(rng, draft).set(field, value);
}

/// Duplicates, reorders or removes entries.
fn order(rng: &mut Rng, draft: &mut Draft) {
    let (one, other) = (
        rng.usize(..draft.members.len()),
        rng.usize(..draft.members.len()),
    );
    match rng.u8(..3) {
        0 => draft.members.swap(one, other),
        1 => draft.members.insert(other, draft.members[one].clone()),
        _ if draft.members.len() > 1 => {
            draft.members.remove(one);
        }
        _ => {}
    }
}

fn padding(rng: &mut Rng, draft: &mut Draft) {
    any(rng, draft).padding = rng.u8(..);
}

fn end(rng: &mut Rng, draft: &mut Draft) {
    draft.end = match rng.u8(..9) {
        0 => Vec::new(),
        1 => vec![0; BLOCK],
        2 => vec![0; 20 * BLOCK],
        3 => vec![0; 2 * BLOCK + rng.usize(1..BLOCK)],
        4 => vec![0; rng.usize(1..BLOCK)],
        5 => [vec![0; BLOCK], draft.tar()].concat(),
        6 => [vec![0; 2 * BLOCK], draft.tar()].concat(),
        7 => [&[0; 2 * BLOCK][..], b"x"].concat(),
        _ => vec![0; BLOCK + 10],
    };
}

fn gzip(rng: &mut Rng, draft: &mut Draft) {
    match rng.u8(..4) {
        0 => draft.wrapping.flags = rng.u8(..32),
        1 => draft.wrapping.flags = rng.u8(..),
        2 => {
            let cuts = std::iter::repeat_with(|| rng.usize(..)).take(3);
            draft.wrapping.cuts = cuts.collect();
            draft.wrapping.cuts.extend([0, 0]);
        }
        _ => {
            let trailing = one::<[u8]>(rng, &[b"\0", b"x", &[0; BLOCK], b"\x1f\x8b", b"\x1f"]);
            draft.wrapping.trailing = trailing.to_vec();
        }
    }
}

fn random_byte(rng: &mut Rng, draft: &mut Draft) {
    let at = rng.usize(..BLOCK);
    any(rng, draft).header[at] = rng.u8(..);
}

fn random_field(rng: &mut Rng, draft: &mut Draft) {
    let fields = [NAME, SIZE, SUM, TARGET, MAGIC, (265, 32), PREFIX, (500, 12)];
    let field = *one(rng, &fields.each_ref().map(|field| field));
    let bytes = b"\0\0\0 0017/.-ax\xff\x80";
    let value: Vec<u8> = (0..rng.usize(..field.1))
        .map(|_| bytes[rng.usize(..bytes.len())])
        .collect();
    any(rng, draft).set(field, &value);
}
