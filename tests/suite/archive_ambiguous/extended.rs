//! Extended headers: PAX records, and the long names of GNU tar.

use super::{accepted, ambiguous, file, good, pax};
use crate::support::crafted_archives::{
    BLOCK, Crafted, DIRECTORY, HARD_LINK, LINK, LONG_LINK, LONG_NAME, PAX, PAX_GLOBAL, record,
};

const TARGET: (usize, usize) = (157, 100);

/// Before POSIX, a directory was a file whose name ends with a slash. Readers look at one of
/// the two names.
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
            "its type depends on which of its names is used",
            vec![old(short, bytes), gnu(short, bytes)],
        );
    }
    accepted(vec![old(b"spc/b", b"spc/c"), gnu(b"spc/b", b"spc/c")]);
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
        pax(&[(b"VENDOR.own", b"1"), (b"VENDOR.own", b"2")]),
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
            &format!("`{keyword}` in its PAX header has an invalid value"),
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
    // bsdtar composes such a name, GNU tar does not.
    for keyword in ["path", "linkpath"] {
        ambiguous(
            "PaxHeaders/x",
            &format!("`{keyword}` in its PAX header is not in Unicode normalization form C"),
            ["spc/e\u{301}", "spc/\u{1112}\u{1161}", "spc/\u{212b}"]
                .map(|name| pax(&[(keyword.as_bytes(), name.as_bytes())]))
                .into(),
        );
    }
    accepted(vec![
        pax(&[(b"path", "spc/\u{e9}".as_bytes())]),
        // Other names are of headers, which nobody composes.
        pax(&[
            (b"hdrcharset", b"BINARY"),
            (b"path", "spc/e\u{301}".as_bytes()),
        ]),
        good().file("spc/e\u{301}".as_bytes(), b""),
    ]);
    for keyword in ["path", "mtime", "comment"] {
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

/// Python treats the rest of the last block as part of the header.
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

/// Readers differ in which of the two they use.
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
