//! Archives that GNU tar, bsdtar, Python and Go read in different ways, by kind: refused with
//! exit 6, in a message that names the entry and says what is odd. And what looks odd and is
//! read alike by all of them, which must pass. [`archive_readers`](super::archive_readers)
//! asks the readers themselves.

use std::process::Command;

use crate::support::crafted::{
    BLOCK, Crafted, DIRECTORY, FILE, HARD_LINK, KIND, LINK, LONG_LINK, LONG_NAME, MAGIC, PAX,
    PAX_GLOBAL, PREFIX, SIZE, SUM, record,
};
use crate::support::{Test, gzip};

const MODE: (usize, usize) = (100, 8);
const UID: (usize, usize) = (108, 8);
const GID: (usize, usize) = (116, 8);
const MTIME: (usize, usize) = (136, 12);
const TARGET: (usize, usize) = (157, 100);
const OWNER: (usize, usize) = (265, 32);
const DEVICES: [(usize, usize); 2] = [(329, 8), (337, 8)];

/// Each of these is refused as "`NAME` can be read in two ways: WHY".
#[track_caller]
fn ambiguous(name: &str, why: &str, archives: Vec<Crafted>) {
    let test = Test::new();
    for archive in archives {
        test.put("odd.tgz", archive.gzip());
        test.run("show odd.tgz")
            .stderr_has(&format!(
                "error: `odd.tgz` is refused: `{name}` can be read in two ways: {why}\n"
            ))
            .stderr_has("do not use it")
            .fails(6);
    }
}

/// Each of these is refused in these words.
#[track_caller]
fn refused(faults: Vec<(&str, Crafted)>) {
    let test = Test::new();
    for (said, archive) in faults {
        test.put("odd.tgz", archive.gzip());
        test.run("show odd.tgz").stderr_has(said).fails(6);
    }
}

/// What each of these holds is what the documented recipe finds.
#[track_caller]
fn accepted(archives: Vec<Crafted>) {
    let recipe = "mkdir x && tar -xzf odd.tgz -C x && cd x && find . -type f -printf '%P\\0' \
                  | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum; rm -r ../x";
    let test = Test::new();
    for archive in archives {
        test.put("odd.tgz", archive.gzip());
        let done = test.run("show odd.tgz --json").any_stdout().success();
        let output = Command::new("bash")
            .args(["-euo", "pipefail", "-c", recipe])
            .current_dir(test.path("odd.tgz").parent().unwrap())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let found = String::from_utf8(output.stdout).unwrap();
        assert_eq!(
            done.json()["content_sha256"].as_str(),
            found.split(' ').next()
        );
    }
}

fn good() -> Crafted {
    Crafted::good()
}

/// A good archive with a second file.
fn file() -> Crafted {
    good().file(b"spc/b", b"b")
}

/// The second file has this PAX header.
fn pax(records: &[(&[u8], &[u8])]) -> Crafted {
    good().pax(PAX, records).file(b"spc/b", b"b")
}

#[test]
fn numbers_that_are_neither_octal_nor_binary() {
    let garbled: [&[u8]; 17] = [
        b"        ",
        b"\0000644\0",
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

/// To others it is a prefix of the path.
#[test]
fn what_gnu_tar_has_where_posix_has_a_prefix() {
    let gnu = |at, value: &[u8]| {
        file()
            .set(MAGIC, b"ustar  \0")
            .set((at, value.len()), value)
    };
    ambiguous(
        "spc/b",
        "its header has data where its format has none",
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
        "its header has data where its format has none",
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

/// bsdtar looks for other formats below gzip, too.
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
        let shown = edgestage::printable::line(&name[..end]);
        let why = "it begins as another format does";
        ambiguous(&shown, why, vec![first(name, posix)]);
    }
    for name in [&b"MSCF"[..], b"!<arch>\nx", b"WARC/1.0"] {
        let shown = edgestage::printable::line(name);
        let why = "it begins as another format does";
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
            "its name ends as the name of a directory",
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
        "its target ends as the name of a directory",
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

/// Before POSIX a directory was a file whose name ends in a slash: readers look at one of
/// two names.
#[test]
fn an_old_directory_with_two_names() {
    let old = |name: &[u8], long: &[u8]| {
        let tar = good().pax(PAX, &[(b"path", long)]);
        tar.entry(0, name, b"")
    };
    let gnu = |name: &[u8], long: &[u8]| {
        let tar = good().entry(LONG_NAME, b"././@LongLink", &[long, b"\0"].concat());
        tar.entry(0, name, b"")
    };
    for (name, long) in [
        ("spc/b/", "spc/c"),
        ("spc/b", "spc/c/"),
        ("spc/b/", "spc/c/"),
    ] {
        let (short, bytes) = (name.as_bytes(), long.as_bytes());
        ambiguous(
            long,
            "its type depends on which of its names counts",
            vec![old(short, bytes), gnu(short, bytes)],
        );
    }
    accepted(vec![old(b"spc/b", b"spc/c"), gnu(b"spc/b", b"spc/c")]);
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

#[test]
fn pax_records_that_only_some_obey() {
    for keyword in [
        "GNU.sparse.major",
        "GNU.sparse.map",
        "GNU.sparse.name",
        "GNU.sparse.realsize",
        "GNU.sparse.size",
        "GNU.volume.label",
        "GNU.dumpdir",
        "SCHILY.realsize",
        "SCHILY.filetype",
        "SCHILY.acl.access",
        "SUN.holesdata",
        "LIBARCHIVE.symlinktype",
    ] {
        ambiguous(
            "PaxHeaders/x",
            &format!("its PAX header has `{keyword}`"),
            vec![
                pax(&[(keyword.as_bytes(), b"1")]),
                good()
                    .pax(PAX_GLOBAL, &[(keyword.as_bytes(), b"1")])
                    .file(b"spc/b", b""),
            ],
        );
    }
    let harmless: [(&[u8], &[u8]); 18] = [
        (b"mtime", b"1700000000.123456789"),
        (b"atime", b"-1.5"),
        (b"ctime", b"1"),
        (b"uid", b"4294967294"),
        (b"gid", b"0"),
        (b"uname", "r\u{f6}\u{f6}t".as_bytes()),
        (b"gname", b""),
        (b"comment", b"two\nlines"),
        (b"charset", b"BINARY"),
        (b"hdrcharset", b"ISO-IR 10646 2000 UTF-8"),
        (b"SCHILY.dev", b"1"),
        (b"SCHILY.ino", b"2"),
        (b"SCHILY.nlink", b"1"),
        (b"SCHILY.fflags", b"nodump"),
        (b"SCHILY.xattr.user.x", b"\0\xff"),
        (b"LIBARCHIVE.xattr.user.x", b"eHg"),
        (b"LIBARCHIVE.creationtime", b"1.5"),
        (b"VENDOR.own", b"anything"),
    ];
    accepted(vec![
        pax(&harmless),
        pax(&[(b"size", b"1")]),
        pax(&[(b"path", b"spc/\xff"), (b"hdrcharset", b"BINARY")]),
    ]);
}

#[test]
fn pax_records_that_not_all_can_read() {
    for (keyword, values) in [
        (
            "uid",
            &[&b""[..], b"-1", b"+1", b" 1", b"1_0", b"0x1", b"4294967295"][..],
        ),
        ("gid", &[b"", b"1.0"]),
        ("size", &[b"", b"-1", b"1 ", b"18446744073709551615"]),
        (
            "mtime",
            &[
                b"",
                b"x",
                b"1.",
                b".5",
                b"1e3",
                b"+1",
                b"1.-5",
                b"99999999999",
            ],
        ),
        ("atime", &[b"", b"1.5.5", b"--1"]),
        ("ctime", &[b"-"]),
        ("uname", &[b"x\0y"]),
        ("gname", &[b"\0"]),
        ("hdrcharset", &[b"", b"ISO-IR 8859 1 1998"]),
        ("SCHILY.ino", &[b"x"]),
        ("LIBARCHIVE.creationtime", &[b"x"]),
    ] {
        ambiguous(
            "PaxHeaders/x",
            &format!("`{keyword}` in its PAX header is not what it should be"),
            values
                .iter()
                .map(|value| pax(&[(keyword.as_bytes(), value)]))
                .collect(),
        );
    }
    for keyword in ["path", "linkpath", "uname", "gname"] {
        ambiguous(
            "PaxHeaders/x",
            &format!("`{keyword}` in its PAX header is not UTF-8"),
            vec![pax(&[(keyword.as_bytes(), b"spc/\xff")])],
        );
    }
    for keyword in ["path", "mtime", "comment", "VENDOR.own"] {
        let record = (keyword.as_bytes(), &b"1"[..]);
        ambiguous(
            "PaxHeaders/x",
            &format!("its PAX header has `{keyword}` twice"),
            vec![pax(&[record, record])],
        );
    }
}

#[test]
fn malformed_pax_records() {
    let with = |data: &[u8]| {
        let tar = good().entry(PAX, b"PaxHeaders/x", data);
        tar.file(b"spc/b", b"")
    };
    let path = record(b"path", b"../evil");
    let malformed = [
        [b"\n", &path[..]].concat(),
        [&path[..], b"\n"].concat(),
        [&path[..], b"\0\0\0"].concat(),
        [b"+", &path[..]].concat(),
        [b" ", &path[..]].concat(),
        path[..path.len() - 1].to_vec(),
        [&path[..path.len() - 1], b"x"].concat(),
        [b"9", &path[..]].concat(),
        record(b" path", b"../evil"),
        record(b"path\0", b"../evil"),
        record(b"pa\nth", b"../evil"),
        record(b"", b"../evil"),
        b"5 abc\n".to_vec(),
        b"no record at all".to_vec(),
        vec![0; BLOCK],
        Vec::new(),
    ];
    ambiguous(
        "PaxHeaders/x",
        "its PAX header is malformed",
        malformed.iter().map(|data| with(data)).collect(),
    );
}

#[test]
fn global_pax_headers() {
    let global = |keyword: &[u8], value: &[u8]| {
        let tar = good().pax(PAX_GLOBAL, &[(keyword, value)]);
        tar.file(b"spc/b", b"b")
    };
    for (keyword, value) in [
        ("path", "spc/c"),
        ("linkpath", "a"),
        ("size", "1"),
        ("hdrcharset", "BINARY"),
    ] {
        ambiguous(
            "PaxHeaders/x",
            &format!("a global PAX header sets `{keyword}`"),
            vec![global(keyword.as_bytes(), value.as_bytes())],
        );
    }
    accepted(vec![
        global(b"comment", b"0123456789abcdef"),
        global(b"mtime", b"1"),
        global(b"comment", b"x")
            .pax(PAX, &[(b"path", b"spc/c")])
            .file(b"c", b""),
    ]);
}

/// Python takes what fills the last block for a part of the header.
#[test]
fn what_is_behind_an_extended_header() {
    let filled = |kind, content: &[u8]| {
        let mut tar = good().entry(kind, b"x", content);
        *tar.bytes.last_mut().unwrap() = 1;
        tar.link(LINK, b"spc/l", b"a")
    };
    let path = record(b"path", b"spc/c");
    ambiguous(
        "x",
        "data follows in its last block",
        vec![
            filled(PAX, &path),
            filled(PAX_GLOBAL, &record(b"comment", b"x")),
            filled(LONG_NAME, b"spc/c"),
            filled(LONG_LINK, b"c\0"),
        ],
    );
    // Behind a file it counts for nobody.
    let mut tar = file();
    *tar.bytes.last_mut().unwrap() = 1;
    accepted(vec![tar]);
}

/// Which of the two counts is not the same for all readers.
#[test]
fn two_extended_headers_for_one_entry() {
    let path: [(&[u8], &[u8]); 1] = [(b"path", b"spc/c")];
    let time: [(&[u8], &[u8]); 1] = [(b"mtime", b"1")];
    let ends = |tar: Crafted| tar.file(b"spc/b", b"");
    let name = |tar: Crafted, name: &[u8]| tar.entry(LONG_NAME, b"L", name);
    let target = |tar: Crafted, name: &[u8]| tar.entry(LONG_LINK, b"L", name);
    ambiguous(
        "PaxHeaders/x",
        "two PAX headers describe one entry",
        vec![
            ends(good().pax(PAX, &path).pax(PAX, &time)),
            ends(
                good()
                    .pax(PAX_GLOBAL, &[(b"comment", b"x")])
                    .pax(PAX_GLOBAL, &[(b"comment", b"x")]),
            ),
            ends(
                good()
                    .pax(PAX, &path)
                    .pax(PAX_GLOBAL, &[(b"comment", b"x")]),
            ),
        ],
    );
    ambiguous(
        "L",
        "two GNU headers describe one entry",
        vec![
            ends(name(name(good(), b"spc/c\0"), b"spc/d\0")),
            target(target(good(), b"a\0"), b"b\0").link(LINK, b"spc/l", b"c"),
        ],
    );
    let both = "a PAX header and a GNU header describe one entry";
    ambiguous(
        "L",
        both,
        vec![
            ends(name(good().pax(PAX, &path), b"spc/d\0")),
            ends(name(good().pax(PAX, &time), b"spc/d\0")),
        ],
    );
    ambiguous(
        "PaxHeaders/x",
        both,
        vec![
            ends(name(good(), b"spc/d\0").pax(PAX, &path)),
            ends(name(good(), b"spc/d\0").pax(PAX, &time)),
            ends(name(good(), b"spc/d\0").pax(PAX_GLOBAL, &[(b"comment", b"x")])),
        ],
    );
    let missing = "the entry that it describes is missing";
    ambiguous("L", missing, vec![name(good(), b"spc/c\0")]);
    ambiguous(
        "PaxHeaders/x",
        missing,
        vec![
            good().pax(PAX, &path),
            good().pax(PAX_GLOBAL, &[(b"comment", b"x")]),
        ],
    );
    accepted(vec![
        name(target(good(), b"a\0"), b"spc/l\0").link(LINK, b"l", b"a"),
        target(name(good(), b"spc/l\0"), b"a\0").link(LINK, b"l", b"a"),
    ]);
}

#[test]
fn targets_of_extended_headers() {
    let target: [(&[u8], &[u8]); 1] = [(b"linkpath", b"spc/a")];
    let long = |tar: Crafted| tar.entry(LONG_LINK, b"././@LongLink", b"spc/a\0");
    ambiguous(
        "spc/b",
        "it is not a link but has a target",
        vec![pax(&target), long(good()).file(b"spc/b", b"")],
    );
    ambiguous(
        "spc/b",
        "its header has no target",
        vec![
            good().pax(PAX, &target).link(HARD_LINK, b"spc/b", b""),
            long(good()).link(LINK, b"spc/b", b""),
            good().link(LINK, b"spc/b", b""),
        ],
    );
    accepted(vec![
        good().pax(PAX, &target).link(HARD_LINK, b"spc/b", b"spc"),
        long(good()).link(HARD_LINK, b"spc/b", b"spc"),
        // A target that counts for nobody.
        file().set(TARGET, b"spc/a"),
    ]);
}

#[test]
fn a_size_that_differs() {
    ambiguous(
        "spc/b",
        "its PAX size differs from the size in its header",
        vec![
            pax(&[(b"size", b"0")]),
            pax(&[(b"size", b"512")]),
            good()
                .pax(PAX, &[(b"size", b"1")])
                .entry(DIRECTORY, b"spc/b", b""),
        ],
    );
}

/// What the recipe for `content-sha256` would misread, and what bsdtar leaves out.
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
            "the path `spc/b\\r` holds a carriage return",
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

/// Some ask for whole blocks, also behind the end.
#[test]
fn an_end_inside_a_block() {
    let test = Test::new();
    for zeros in [1, 511, 513, 2 * BLOCK + 1] {
        let tar = [&file().bytes[..], &vec![0; zeros]].concat();
        test.put("odd.tgz", gzip(&tar));
        test.run("show odd.tgz")
            .stderr_has("it is cut short")
            .fails(6);
    }
    for blocks in [1, 2, 20] {
        let tar = [&file().bytes[..], &vec![0; blocks * BLOCK]].concat();
        test.put("odd.tgz", gzip(&tar));
        test.run("show odd.tgz").any_stdout().success();
    }
}
