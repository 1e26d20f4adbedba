//! Headers: numbers, versions, prefixes, types, names.

use super::{accepted, ambiguous, file, good, pax, refused};
use crate::support::crafted_archives::{
    BLOCK, Crafted, DIRECTORY, FILE, HARD_LINK, KIND, LINK, MAGIC, PAX, PREFIX, SIZE, SUM,
};
use crate::support::{Test, gzip};

const MODE: (usize, usize) = (100, 8);
const UID: (usize, usize) = (108, 8);
const GID: (usize, usize) = (116, 8);
const MTIME: (usize, usize) = (136, 12);
const TARGET: (usize, usize) = (157, 100);
const OWNER: (usize, usize) = (265, 32);
const DEVICES: [(usize, usize); 2] = [(329, 8), (337, 8)];

#[test]
fn numbers_that_are_neither_octal_nor_binary() {
    let garbled: [&[u8]; 17] = [
        b"        ",
        b"\x00000644\0",
        b"\t00644\0",
        b"+00644\0",
        b"-00644\0",
        b"0o644\0",
        b"0_644\0",
        b"0x1ff\0",
        b"00648\0",
        b"644\0x",
        b"644 x",
        b"6 44",
        b"x",
        b"\x81\0\0\0\0\0\0\x01",
        b"\xc0\0\0\0\0\0\0\x01",
        b"\x80\x01\0\0\0\0\0\0\0\0\0\x01",
        b"\xff\0\0\0\0\0\0\0\0\0\0\x01",
    ];
    for (field, what) in [
        (MODE, "mode"),
        (UID, "user id"),
        (GID, "group id"),
        (MTIME, "modification time"),
        (DEVICES[0], "device number"),
        (DEVICES[1], "device number"),
        (SIZE, "size"),
    ] {
        let mut values: Vec<&[u8]> = garbled.to_vec();
        if field.1 == 8 {
            // Fewer bytes, and another number.
            values.truncate(15);
            values.push(b"\xff\xff\xff\xff\xff\xff\xff\xff");
            values.push(b"\x80\0\0\x01\0\0\0\0");
        }
        ambiguous(
            "spc/b",
            &format!("its {what} is not a plain number"),
            values
                .iter()
                .map(|value| file().set(field, value))
                .collect(),
        );
    }
}

#[test]
fn numbers_as_archivers_write_them() {
    let written: [&[u8]; 8] = [
        b"0000644\0",
        b"000644 \0",
        b"   644 \0",
        b"644\0\0\0\0\0",
        b"644 \0 \0",
        b"00000644",
        b"\x80\0\0\0\0\0\x01\xa4",
        b"",
    ];
    let mut archives = Vec::new();
    for field in [UID, GID, DEVICES[0], DEVICES[1], MODE] {
        archives.extend(written.iter().map(|value| file().set(field, value)));
    }
    // Nobody but root may read a file without a mode.
    archives.pop();
    archives.extend([
        file().set(MTIME, b"14500000000\0"),
        file().set(MTIME, b"777777777777"),
        // Before 1970, as GNU tar and bsdtar write it.
        file().set(MTIME, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0"),
        file().set(MTIME, b"\xff\xff\xff\xff\xff\xff\xff\xee\x1e]\0 "),
        file().set(SIZE, b"\x80\0\0\0\0\0\0\0\0\0\0\x01"),
        file().set(SIZE, b"000000000001"),
        file().set(SIZE, b"          1 "),
    ]);
    // With the type in its mode, as old versions of Go have it.
    archives.push(file().set(MODE, b"0100644\0"));
    accepted(archives);
}

#[test]
fn checksums() {
    let header = file();
    let sum = |digits: &dyn Fn(u32) -> String| {
        let header = &header.bytes[header.bytes.len() - 2 * BLOCK..][..BLOCK];
        let sum = std::str::from_utf8(&header[148..154]).unwrap();
        let digits = digits(u32::from_str_radix(sum, 8).unwrap());
        file().set(SUM, digits.as_bytes())
    };
    accepted(vec![
        sum(&|sum| format!("{sum:07o}\0")),
        sum(&|sum| format!("{sum:>6o}\0 ")),
        sum(&|sum| format!("{sum:o} ")),
    ]);
    let wrong = "it is damaged: the header of `spc/b` has a wrong checksum";
    let mut signed = file().set(OWNER, b"\xff");
    let at = signed.bytes.len() - 2 * BLOCK;
    let digits = std::str::from_utf8(&signed.bytes[at + 148..][..6]).unwrap();
    let signed_sum = u32::from_str_radix(digits, 8).unwrap() - 256;
    signed.bytes[at + 148..][..6].copy_from_slice(format!("{signed_sum:06o}").as_bytes());
    refused(vec![
        (wrong, sum(&|sum| format!("{:06o}\0 ", sum + 1))),
        (wrong, sum(&|sum| format!("+{sum:o}"))),
        (wrong, sum(&|sum| format!("0o{sum:o}"))),
        (wrong, sum(&|sum| format!("\0{sum:o}"))),
        (wrong, sum(&|sum| format!("{sum:o} x"))),
        (wrong, file().set(SUM, b"")),
        // As some archivers that took bytes for signed numbers.
        (wrong, signed),
    ]);
}

/// Other readers treat it as a prefix of the path.
#[test]
fn what_gnu_tar_has_where_posix_has_a_prefix() {
    let gnu = |at, value: &[u8]| {
        file()
            .set(MAGIC, b"ustar  \0")
            .set((at, value.len()), value)
    };
    ambiguous(
        "spc/b",
        "its header has data in fields that its format leaves empty",
        vec![
            gnu(345, b"14500000000"), // atime
            gnu(357, b"14500000000"), // ctime
            gnu(369, b"00000000000"), // offset
            gnu(381, b"long"),        // longnames
            gnu(386, b"00000000000"), // sparse
            gnu(482, b"\x01"),        // isextended
            gnu(483, b"00000000001"), // realsize
            gnu(495, b"x"),
            gnu(511, b"x"),
            file().set(MAGIC, b"ustar\0").set(PREFIX, b"spc"),
            file().set(MAGIC, b"").set(PREFIX, b"spc"),
            file().set((500, 12), b"x"),
        ],
    );
    // As star writes it, and node-tar without the trailer.
    let times = || file().set((476, 24), b"14500000000 14500000000\0");
    let star = || times().set((508, 4), b"tar\0");
    ambiguous(
        "spc/b",
        "its header has data after the end of the prefix",
        vec![
            file().set(PREFIX, b"spc\0x"),
            file().set(PREFIX, &[&[b'p'; 140][..], b"\0x"].concat()),
            star().set((345, 131), &[b'p'; 131]),
        ],
    );
    accepted(vec![
        star(),
        times(),
        times().set((345, 131), &[b'p'; 130]),
        star().set((345, 131), b"spc"),
        file().set(PREFIX, b"spc/x"),
        // What is left of a longer name is nobody's.
        file().set((0, 100), b"spc/b\0left"),
    ]);
    ambiguous(
        "spc/b",
        "a time in its header is not a plain number",
        vec![star().set((476, 12), b"x"), file().set((488, 12), b"x")],
    );
    ambiguous(
        "spc/b",
        "its header has data in fields that its format leaves empty",
        vec![star().set((508, 4), b"tar\0").set((504, 1), b"x")],
    );
}

#[test]
fn versions() {
    let versions: [&[u8]; 7] = [
        b"ustar\x0001",
        b"ustar\x00  ",
        b"ustar 00",
        b"ustar",
        b"ustax\x0000",
        b"tar\0",
        b"\0ustar00",
    ];
    let set = |version: &[u8]| match version {
        b"ustar" => file().set(MAGIC, b"ustar\0\0 "),
        version => file().set(MAGIC, version),
    };
    ambiguous(
        "spc/b",
        "its header is of an unknown version",
        versions.iter().map(|version| set(version)).collect(),
    );
    accepted(vec![
        file().set(MAGIC, b"ustar\0"),
        file().set(MAGIC, b"ustar  \0"),
        file().set(MAGIC, b""),
        // As GNU tar writes it.
        file().set(MAGIC, b"").set(DEVICES[0], b"0000000\0"),
    ]);
}

/// bsdtar detects other formats inside gzip, too.
#[test]
fn a_beginning_that_is_another_format() {
    let first = |name: &[u8], magic: &[u8]| {
        let mut tar = Crafted::default().file(name, b"").set(MAGIC, magic);
        tar.bytes.extend(good().bytes);
        tar
    };
    let posix = b"ustar\x0000";
    let names: [&[u8]; 10] = [
        b"\x1f\x8b\x08\x01",
        b"\x1f\x9d",
        b"BZh91AY&SY",
        b"\xfd7zXZ",
        b"LZIP\x01\x0c",
        b"LRZI",
        b"\x89LZO",
        b"\x28\xb5\x2f\xfd",
        b"begin 644 x\n",
        b"X\0\0@",
    ];
    for name in names {
        let end = name
            .iter()
            .position(|byte| *byte == 0)
            .unwrap_or(name.len());
        let shown = edgestage::util::sanitize::line(&name[..end]);
        let why = "it begins like another format";
        ambiguous(&shown, why, vec![first(name, posix)]);
    }
    for name in [&b"MSCF"[..], b"!<arch>\nx", b"WARC/1.0"] {
        let shown = edgestage::util::sanitize::line(name);
        let why = "it begins like another format";
        ambiguous(&shown, why, vec![first(name, b"")]);
    }
    accepted(vec![
        first(b"README", posix),
        first(b"README", b""),
        first("stra\u{df}e".as_bytes(), posix),
        first("long-long-stra\u{df}e".as_bytes(), posix),
        first(b"MSCF", posix),
        first(b"spc/\x1b\xff", posix),
    ]);
}

#[test]
fn types_and_what_they_cannot_have() {
    let kind = |kind: u8, said| (said, file().set(KIND, &[kind]).set(SIZE, b"00000000000"));
    let unknown = "`spc/b` is of an unknown type";
    refused(vec![
        kind(b'7', "`spc/b` is a contiguous file"),
        kind(b'D', unknown),
        kind(b'M', unknown),
        kind(b'N', unknown),
        kind(b'V', unknown),
        kind(b'X', unknown),
        kind(b'A', unknown),
        kind(b' ', unknown),
        kind(0xff, unknown),
    ]);
    let with = |kind: u8, content: &[u8]| good().entry(kind, b"spc/b", content);
    ambiguous(
        "spc/b",
        "it is not a file but has content",
        vec![
            with(DIRECTORY, b"b"),
            with(LINK, b"b").set(TARGET, b"a"),
            with(HARD_LINK, b"a").set(TARGET, b"spc/a"),
        ],
    );
    for name in ["spc/b/", "spc/b//", "spc/b/."] {
        let entry = |kind| good().entry(kind, name.as_bytes(), b"");
        ambiguous(
            name,
            "its name ends like the name of a directory",
            vec![
                entry(FILE),
                entry(LINK).set(TARGET, b"a"),
                entry(HARD_LINK).set(TARGET, b"spc/a"),
                good()
                    .pax(PAX, &[(b"path", name.as_bytes())])
                    .file(b"b", b""),
            ],
        );
    }
    let target = |target| good().link(HARD_LINK, b"spc/b", target);
    ambiguous(
        "spc/b",
        "its target ends like the name of a directory",
        vec![target(b"spc/a/"), target(b"spc/a/."), target(b"spc/a//")],
    );
    accepted(vec![
        with(0, b"b"),
        good().entry(0, b"spc/b/", b""),
        good().entry(DIRECTORY, b"spc/b", b""),
        good().entry(DIRECTORY, b"spc/b/.", b""),
        good().file(b".//spc/./b", b""),
        good().link(LINK, b"spc/b", b"a/"),
        good().link(LINK, b"spc/b", b"./a"),
    ]);
}

#[test]
fn paths_and_targets_that_are_too_long() {
    let long = |length: usize| {
        let mut path = b"spc/".to_vec();
        path.extend(b"directory/".repeat(500));
        path.truncate(length - 1);
        path.push(b'n');
        path
    };
    let named = |length| pax(&[(b"path", &long(length))]);
    let linked = |length| {
        let target = long(length);
        good()
            .pax(PAX, &[(b"linkpath", &target)])
            .link(LINK, b"spc/l", b"spc")
    };
    let said = "a path in it is longer than 4095 bytes";
    refused(vec![(said, named(4096)), (said, linked(4096))]);
    accepted(vec![named(4095), linked(4095)]);
}

/// Names that the recipe for `content-sha256` would misread, and names that bsdtar leaves out.
#[test]
fn names_that_are_misread() {
    let named = |name: &[u8]| good().file(name, b"");
    let dash = "begins with a dash";
    refused(vec![
        ("the path `-b` begins with a dash", named(b"-b")),
        ("the path `./-b` begins with a dash", named(b"./-b")),
        ("the path `--tag/b` begins with a dash", named(b"--tag/b")),
        (dash, named(b"-")),
        (dash, good().entry(DIRECTORY, b"-d/", b"")),
        (dash, good().link(LINK, b"-l", b"spc")),
        (dash, pax(&[(b"path", b"-b")])),
        (
            "the path `spc/b\\r` contains a carriage return",
            named(b"spc/b\r"),
        ),
        ("the path `\\b` begins with a backslash", named(b"\\b")),
        ("the path `c:b` begins with a drive letter", named(b"c:b")),
        ("the path `C:/b` begins with a drive letter", named(b"C:/b")),
    ]);
    accepted(vec![
        named(b"spc/-b"),
        named(b"spc/\\b"),
        named(b"spc/c:b"),
        named(b"spc/b\n"),
        named(b"1:b"),
        named(b"cc:b"),
        named(b"*"),
        named(b"spc/ b "),
    ]);
}

/// Some readers require whole blocks, even after the end.
#[test]
fn an_end_inside_a_block() {
    let test = Test::new();
    for zeros in [1, 511, 513, 2 * BLOCK + 1] {
        let tar = [&file().bytes[..], &vec![0; zeros]].concat();
        test.put("odd.tgz", gzip(&tar));
        test.run("show odd.tgz")
            .error("archive-refused")
            .stderr_has("it is truncated")
            .fails(6);
    }
    for blocks in [1, 2, 20] {
        let tar = [&file().bytes[..], &vec![0; blocks * BLOCK]].concat();
        test.put("odd.tgz", gzip(&tar));
        test.run("show odd.tgz").any_stdout().success();
    }
}
