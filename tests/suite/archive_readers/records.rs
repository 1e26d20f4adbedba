//! Mutations of extended headers.

use fastrand::Rng;

use super::draft::{Draft, Member, one};
use crate::support::crafted_archives::{BLOCK, KIND, MAGIC, PAX, PAX_GLOBAL, PREFIX, SIZE, record};

/// Puts an extended header before the member at `at`, in the format of that one.
pub fn insert(draft: &mut Draft, at: usize, kind: u8, content: Vec<u8>) {
    let mut member = Member {
        content,
        keeps_sum: false,
        ..draft.members[at].clone()
    };
    let name: &[u8] = match kind {
        PAX | PAX_GLOBAL => b"PaxHeaders/x",
        _ => b"././@LongLink",
    };
    member.set((0, 100), name);
    member.set((157, 100), b"");
    member.set(PREFIX, b"");
    member.set(KIND, &[kind]);
    member.set(SIZE, format!("{:011o}\0", member.content.len()).as_bytes());
    if member.header[MAGIC.0] == 0 {
        member.set(MAGIC, b"ustar\x0000");
    }
    draft.members.insert(at, member);
}

const KEYWORDS: [&[u8]; 34] = [
    b"path",
    b"path",
    b"linkpath",
    b"size",
    b"size",
    b"uid",
    b"gid",
    b"uname",
    b"gname",
    b"mtime",
    b"atime",
    b"ctime",
    b"comment",
    b"charset",
    b"hdrcharset",
    b"GNU.sparse.major",
    b"GNU.sparse.map",
    b"GNU.sparse.size",
    b"GNU.sparse.realsize",
    b"GNU.sparse.name",
    b"GNU.sparse.numblocks",
    b"GNU.volume.label",
    b"GNU.dumpdir",
    b"SCHILY.realsize",
    b"SCHILY.filetype",
    b"SCHILY.dev",
    b"SCHILY.ino",
    b"SCHILY.nlink",
    b"SCHILY.acl.access",
    b"SCHILY.xattr.user.x",
    b"SUN.holesdata",
    b"LIBARCHIVE.creationtime",
    b"LIBARCHIVE.xattr.user.y",
    b"VENDOR.other",
];

const VALUES: [&[u8]; 34] = [
    b"",
    b"0",
    b"1",
    b"5",
    b"512",
    b"-1",
    b"+1",
    b"1.5",
    b"1.",
    b".5",
    b"-1.5",
    b"1e3",
    b"1_0",
    b" 1",
    b"1 ",
    b"0x1",
    b"1234567890.123456789",
    b"99999999999",
    b"9999999999999999999",
    b"99999999999999999999",
    b"\xff\xfe",
    b"\xc3\xa9",
    b"e\xcc\x81",
    b"root",
    b"x\0y",
    b"x\ny",
    b"x\n21 hdrcharset=BINARY\ny",
    b"BINARY",
    b"ISO-IR 10646 2000 UTF-8",
    b"ISO-IR 8859 1 1998",
    b"spc/p",
    b"spc/p/",
    b"./spc/p",
    b" 0 0 5",
];

fn any_record(rng: &mut Rng) -> Vec<u8> {
    let keyword = one::<[u8]>(rng, &KEYWORDS);
    // A value that fits, as often as not.
    let fitting: &[&[u8]] = match keyword {
        b"path" => &[
            b"spc/p",
            b"spc/p",
            b"spc/p/",
            b"./spc/p",
            b"spc/\xff",
            b"spc/\xc3\xa9",
        ],
        b"linkpath" => &[b"a", b"spc/a"],
        b"size" | b"uid" | b"gid" => &[b"0", b"1", b"5"],
        b"mtime" | b"atime" | b"ctime" => &[b"1", b"1.5", b"-1", b"1700000000.123456789"],
        _ => &[b"1", b"root"],
    };
    let value = match rng.u8(..10) {
        0..5 => one::<[u8]>(rng, fitting),
        _ => one::<[u8]>(rng, &VALUES),
    };
    record(keyword, value)
}

pub fn local(rng: &mut Rng, draft: &mut Draft) {
    let mut records = Vec::new();
    for _ in 0..rng.usize(1..4) {
        records.extend(any_record(rng));
    }
    match rng.u8(..16) {
        0 => records.extend(records.clone()),
        1 | 2 => {
            records = record(b"hdrcharset", b"BINARY");
            let keyword = one::<[u8]>(rng, &[b"path", b"linkpath", b"uname"]);
            records.extend(record(keyword, b"spc/\xff\xc3"));
        }
        _ => {}
    }
    let at = rng.usize(..draft.members.len());
    insert(draft, at, PAX, records);
}

pub fn global(rng: &mut Rng, draft: &mut Draft) {
    let record = match rng.u8(..3) {
        0 => record(b"comment", b"0123456789abcdef"),
        _ => any_record(rng),
    };
    if rng.u8(..6) == 0 {
        let content = record.clone();
        let at = draft.members.len() - 1;
        insert(draft, at, PAX_GLOBAL, content);
        let last = draft.members.remove(at + 1);
        draft.members.insert(at, last);
        return;
    }
    let most = if rng.bool() { 1 } else { draft.members.len() };
    let at = rng.usize(..most);
    insert(draft, at, PAX_GLOBAL, record);
}

/// Writes malformed records.
pub fn malformed(rng: &mut Rng, draft: &mut Draft) {
    let path = record(b"path", b"spc/evil");
    let (digits, rest) = path.split_at(2);
    let records = match rng.u8(..22) {
        0 => Vec::new(),
        1 => [b"\n", &path[..]].concat(),
        2 => [&path[..], b"\n"].concat(),
        3 => [&path[..], b"\0"].concat(),
        4 => [&path[..], &[0; BLOCK]].concat(),
        5 => [b"+", &path[..]].concat(),
        6 => [b" ", &path[..]].concat(),
        7 => [b"-", &path[..]].concat(),
        8 => path[..path.len() - 1].to_vec(),
        9 => [&path[..path.len() - 1], b"x"].concat(),
        10 => [b"9", &path[..]].concat(),
        11 => [b"19", rest].concat(),
        12 => [b"17", rest].concat(),
        13 => [b"0x12", rest].concat(),
        14 => [b"019", rest].concat(),
        15 => [b"19 ", rest].concat(),
        16 => [b"19\t", &rest[1..], b"\n"].concat(),
        17 => record(b" path", b"spc/evil"),
        18 => record(b"path\0", b"spc/evil"),
        19 => b"5 abc\n".to_vec(),
        20 => record(b"", b"spc/evil"),
        _ => [digits, b" path\nx=spc/evil\n"].concat(),
    };
    let at = rng.usize(..draft.members.len());
    insert(
        draft,
        at,
        if rng.u8(..4) == 0 { PAX_GLOBAL } else { PAX },
        records,
    );
}
