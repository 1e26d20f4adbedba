//! Mutations of names and of the targets of links.

use fastrand::Rng;

use super::draft::{Draft, one};
use super::mutations::entry;
use super::records;
use crate::support::crafted_archives::{
    DIRECTORY, FILE, HARD_LINK, LINK, LONG_LINK, LONG_NAME, MAGIC, SIZE, record,
};

const NAME: (usize, usize) = (0, 100);
const TARGET: (usize, usize) = (157, 100);

/// Names that are written in more than one way, or that something takes for an option,
/// an escape or the end.
const NAMES: [&[u8]; 44] = [
    b"",
    b".",
    b"./",
    b"/",
    b"..",
    b"spc",
    b"spc/",
    b"spc/.",
    b"spc/a",
    b"spc/a/",
    b"spc/a/.",
    b"spc/a/b",
    b"spc/n",
    b"spc/n/",
    b"spc/n//",
    b"spc/n/.",
    b"spc/n/./",
    b"spc/n/..",
    b"spc//n",
    b"spc/./n",
    b"./spc/n",
    b".//spc/n",
    b"././spc/n",
    b"spc/../spc/n",
    b"/spc/n",
    b"//spc/n",
    b"-n",
    b"-n/x",
    b"./-n",
    b"--",
    b"spc/-n",
    b"spc/n\0x",
    b"\0spc/n",
    b"spc/n\n",
    b"spc/\rn",
    b"spc/n ",
    b" spc/n",
    b"spc/\\n",
    b"spc/\xff\xfe",
    b"spc/e\xcc\x81",
    b"spc/\xc3\xa9",
    b"spc/\x1b[2J",
    b"C:\\n",
    b"spc/._n",
];

fn any_name(rng: &mut Rng) -> Vec<u8> {
    match rng.u8(..12) {
        0 => [&b"spc/"[..], &[b'n'; 96]].concat(),
        1 => [&b"spc/"[..], &[b'n'; 95], b"/"].concat(),
        2 => [&b"spc/"[..], &vec![b'n'; rng.usize(250..260)]].concat(),
        3 => {
            let length = [4000, 4094, 4095, 4096, 4097][rng.usize(..5)];
            let mut path = b"spc/".to_vec();
            path.extend(b"directory/".repeat(500));
            path.truncate(length);
            if path.ends_with(b"/") {
                path.pop();
                path.push(b'n');
            }
            path
        }
        _ => one::<[u8]>(rng, &NAMES).to_vec(),
    }
}

pub fn name(rng: &mut Rng, draft: &mut Draft) {
    let name = any_name(rng);
    entry(rng, draft).set(NAME, &name);
}

/// Writes the first bytes of other formats: bsdtar detects the format of its input.
pub fn first_name(rng: &mut Rng, draft: &mut Draft) {
    let value = one::<[u8]>(
        rng,
        &[
            b"\x1f\x8b\x08\x01x",
            b"\x1f\x9dx",
            b"BZh91AY&SYx",
            b"\xfd7zXZ",
            b"LZIP\x01\x0c",
            b"LRZI",
            b"LRZI\x01\x06",
            b"\x89LZO",
            b"\x04\x22\x4d\x18x",
            b"\x28\xb5\x2f\xfdx",
            b"\x50\x2a\x4d\x18x",
            b"\xed\xab\xee\xdbx",
            b"begin 644 x\nx",
            b"]",
            b"MSCF",
            b"!<arch>\nx",
            b"7z\xbc\xaf\x27\x1c",
            b"070707x",
            b"070701",
            b"PK\x03\x04x",
            b"Rar!\x1a\x07",
            b"xar!x",
            b"MZx",
            b"\x7fELFx",
            b"#mtree\nx",
            b"WARC/1.0",
            b"ab-lh5-x",
            b"spc/first",
            b"README",
            b"\xc3\xa9",
            b"a b",
        ],
    );
    let mut first = draft.members[0].clone();
    if first.is_extension() {
        first.set(NAME, value);
        draft.members[0] = first;
        return;
    }
    first.header[156] = FILE;
    first.content.clear();
    first.set(SIZE, b"00000000000\0");
    first.set(NAME, value);
    if rng.u8(..3) == 0 {
        first.set(MAGIC, b"");
        first.header[265..].fill(0);
    }
    draft.members.insert(0, first);
}

pub fn target(rng: &mut Rng, draft: &mut Draft) {
    let mut value = match rng.u8(..4) {
        0 => b"spc/a".to_vec(),
        1 => any_name(rng),
        _ => one::<[u8]>(
            rng,
            &[
                b"a",
                b"a/",
                b"a/.",
                b"./a",
                b"a//b",
                b"a/./b",
                b"a/../b",
                b"..",
                b"../",
                b"../spc/a",
                b".",
                b"./spc/a",
                b"spc//a",
                b"spc/./a",
                b"spc/a/",
                b"spc/a/.",
                b"spc/link",
                b"a\0b",
            ],
        )
        .to_vec(),
    };
    let long = value.len() > 100 || rng.u8(..4) == 0;
    let links: Vec<usize> = (0..draft.members.len())
        .filter(|at| draft.members[*at].is_link())
        .collect();
    let at = match links.get(rng.usize(..=links.len())) {
        Some(at) => *at,
        // Of an entry that is not a link, now and then.
        None if rng.u8(..3) == 0 => rng.usize(..draft.members.len()),
        None => {
            let mut member = draft.members[0].clone();
            member.content.clear();
            member.set(SIZE, b"00000000000\0");
            member.set(NAME, b"spc/other");
            member.header[156] = if rng.bool() { LINK } else { HARD_LINK };
            draft.members.push(member);
            draft.members.len() - 1
        }
    };
    if !long {
        draft.members[at].set(TARGET, &value);
    } else if rng.bool() {
        let record = record(b"linkpath", &value);
        records::insert(draft, at, b'x', record);
    } else {
        value.push(0);
        records::insert(draft, at, LONG_LINK, value);
    }
}

pub fn long_name(rng: &mut Rng, draft: &mut Draft) {
    let mut value = any_name(rng);
    match rng.u8(..8) {
        0 => {}
        1 => value.extend(b"\0\0"),
        2 => value.extend(b"\0x\0"),
        3 => value.extend([0; 100]),
        _ => value.push(0),
    }
    let at = rng.usize(..draft.members.len());
    let kind = if rng.u8(..4) == 0 {
        LONG_LINK
    } else {
        LONG_NAME
    };
    if rng.u8(..4) == 0 {
        let record = record(b"mtime", b"1");
        records::insert(draft, at, b'x', record);
    }
    let at = (at + rng.usize(..2)).min(draft.members.len() - 1);
    records::insert(draft, at, kind, value);
}

/// An odd name or target in the header, and another one before it that counts.
pub fn two_names(rng: &mut Rng, draft: &mut Draft) {
    let at = rng.usize(..draft.members.len());
    let member = &mut draft.members[at];
    if rng.u8(..3) == 0 {
        let kinds = [0, FILE, HARD_LINK, LINK, DIRECTORY];
        member.header[156] = kinds[rng.usize(..kinds.len())];
    }
    let (keyword, kind, value) = if member.is_link() && rng.bool() {
        member.set(TARGET, &any_name(rng));
        let targets: [&[u8]; 4] = [b"a", b"spc/a", b"./spc/a", b"spc/a/"];
        (&b"linkpath"[..], LONG_LINK, one(rng, &targets))
    } else {
        member.set(NAME, &any_name(rng));
        let names: [&[u8]; 4] = [b"spc/p", b"./spc/p", b"spc/p/", b"spc/p/."];
        (&b"path"[..], LONG_NAME, one(rng, &names))
    };
    if rng.bool() {
        let record = record(keyword, value);
        records::insert(draft, at, b'x', record);
    } else {
        records::insert(draft, at, kind, [value, b"\0"].concat());
    }
}
