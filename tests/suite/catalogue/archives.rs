//! Archives: refused, odd, damaged in the cache.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use edgestage::archive::{self, InspectError, Limit, NOTHING, Refusal};
use edgestage::error::{ArchiveSubject, Error};
use edgestage::util::limits::Limits;
use palette_sim::{Act, EDGE_INFRA_2_1_0, Fault, HELLO_UNIVERSE_1_2_0, Route, World};

use super::book::Book;
use crate::support::crafted_archives::{
    Crafted, DIRECTORY, FILE, HARD_LINK, KIND, LINK, LONG_LINK, LONG_NAME, MAGIC, PAX, PAX_GLOBAL,
    PREFIX, SIZE, SUM,
};
use crate::support::{FACTORY, Test, gzip, profile_directory, tarball};

pub fn all(book: &mut Book) {
    refusals(book);
    read_in_two_ways(book);
    served(book);
    cached(book);
}

fn refusals(book: &mut Book) {
    book.part("Archives that are refused");
    let told = |book: &mut Book, what: &str, refusal: Refusal| {
        let of = ArchiveSubject::Definition("factory".into());
        book.told(what, &Error::Archive { of, refusal });
    };
    for (what, first) in [
        ("nothing", &b""[..]),
        ("a page", b"<!DOCTYPE html><title>Sign in</title>"),
        ("JSON", b"{\"code\":\"Oops\"}"),
        ("XML", b"<?xml version=\"1.0\"?>"),
        ("zstd", b"\x28\xb5\x2f\xfd\x04"),
        ("zip", b"PK\x03\x04...."),
        ("xz", b"\xfd7zXZ"),
        ("bzip2", b"BZh9"),
        ("plain tar", &tarball(&[("spc/a", "x")])[..512]),
        ("text", b"hello"),
        ("anything else", b"\x80\x81\x82"),
    ] {
        let first = first.to_vec();
        told(book, what, Refusal::NotGzip { first });
    }
    let path = || b"spc/../../etc/passwd".to_vec();
    let uids = |uids: &[&str]| uids.iter().map(|uid| (*uid).to_owned()).collect();
    for (what, refusal) in [
        ("cut short", Refusal::Truncated),
        (
            "damaged",
            Refusal::Damaged("a checksum does not match".into()),
        ),
        ("bytes behind it", Refusal::TrailingBytes),
        ("data behind its end", Refusal::EntriesAfterEnd),
        (
            "a path",
            Refusal::Path {
                path: path(),
                why: "contains `..`",
            },
        ),
        (
            "a link",
            Refusal::LinkOutside {
                path: b"spc/a".to_vec(),
                target: path(),
            },
        ),
        ("an entry twice", Refusal::Duplicate(b"spc/a".to_vec())),
        (
            "a device",
            Refusal::Kind {
                path: b"spc/a".to_vec(),
                kind: "a block device",
            },
        ),
        ("no definition", Refusal::NoDefinition),
        (
            "a profile missing",
            Refusal::Profiles {
                missing: uids(&[HELLO_UNIVERSE_1_2_0]),
                unexpected: uids(&[]),
            },
        ),
        (
            "another profile",
            Refusal::Profiles {
                missing: uids(&[HELLO_UNIVERSE_1_2_0]),
                unexpected: uids(&[HELLO_UNIVERSE_1_2_0; 20]),
            },
        ),
    ] {
        told(book, what, refusal);
    }
    for limit in [
        Limit::Archive(2 << 30),
        Limit::Unpacked(4 << 30),
        Limit::Ratio,
        Limit::Entries(100_000),
        Limit::Header,
        Limit::Path,
        Limit::Name,
        Limit::Paths,
        Limit::Profiles,
    ] {
        told(book, "too large", Refusal::TooLarge(limit));
    }
}

/// What the check says of these archives.
fn read_in_two_ways(book: &mut Book) {
    book.part("Archives that can be read in two ways, and odd paths");
    let good = Crafted::good;
    let pax = |keyword: &[u8], value: &[u8]| {
        let tar = good().pax(PAX, &[(keyword, value)]);
        tar.file(b"spc/b", b"")
    };
    let global = |keyword| {
        let tar = good().pax(PAX_GLOBAL, &[(keyword, b"1")]);
        tar.file(b"spc/b", b"")
    };
    let set = |field, value: &[u8]| good().file(b"spc/b", b"").set(field, value);
    let file = |path: &[u8]| good().file(path, b"");
    let kind = |kind: u8| set(KIND, &[kind]);
    let time: [(&[u8], &[u8]); 1] = [(b"mtime", b"1")];
    let filled = {
        let mut tar = good().entry(LONG_NAME, b"spc/b", b"spc/c");
        *tar.bytes.last_mut().unwrap() = b'x';
        tar.file(b"spc/b", b"")
    };
    let long = |kind| good().entry(kind, b"././@LongLink", b"spc/c\0");
    for (what, tar) in [
        ("a checksum", set(SUM, b"1")),
        ("a mode", set((100, 8), b"x")),
        ("a user", set((108, 8), b"x")),
        ("a group", set((116, 8), b"x")),
        ("a size", set(SIZE, b"x")),
        ("a time", set((136, 12), b"x")),
        ("a device", set((329, 8), b"x")),
        ("a time of star", set((476, 12), b"x")),
        ("a version", set(MAGIC, b"ustar\x0001")),
        ("a field that is not there", set((500, 1), b"x")),
        ("a prefix", set(PREFIX, b"spc\0x")),
        ("bzip2", Crafted::default().file(b"BZh9", b"")),
        ("a character device", kind(b'3')),
        ("a FIFO", kind(b'6')),
        ("a contiguous file", kind(b'7')),
        ("a sparse file", kind(b'S')),
        ("an unknown type", kind(b'Z')),
        (
            "a directory with content",
            good().entry(DIRECTORY, b"spc/b", b"b"),
        ),
        ("a file with a slash", good().entry(FILE, b"spc/b/", b"")),
        ("a link without target", good().link(LINK, b"spc/b", b"")),
        (
            "a hard link to a directory",
            good().link(HARD_LINK, b"spc/b", b"spc/a/"),
        ),
        ("a file with a target", long(LONG_LINK).file(b"spc/b", b"")),
        ("an old directory", long(LONG_NAME).entry(0, b"spc/b/", b"")),
        (
            "a malformed record",
            good().entry(PAX, b"PaxHeaders/x", b"x"),
        ),
        ("a record that is special", pax(b"SUN.holesdata", b" 0 1")),
        (
            "a record twice",
            good().pax(PAX, &[time[0], time[0]]).file(b"spc/b", b""),
        ),
        ("a record that cannot be read", pax(b"mtime", b"x")),
        ("a record that is not UTF-8", pax(b"path", b"spc/\xff")),
        (
            "a record that is not composed",
            pax(b"path", "spc/e\u{301}".as_bytes()),
        ),
        ("a record with another size", pax(b"size", b"1")),
        ("a global record", global(b"path")),
        ("two PAX headers", good().pax(PAX, &time).pax(PAX, &time)),
        (
            "two GNU headers",
            long(LONG_NAME).entry(LONG_NAME, b"L", b"spc/d"),
        ),
        ("a PAX and a GNU header", long(LONG_NAME).pax(PAX, &time)),
        ("a header and no entry", good().pax(PAX, &time)),
        ("more than a header", filled),
        ("an empty path", file(b"")),
        ("a NUL", pax(b"path", b"spc/\0")),
        ("an absolute path", file(b"/spc/b")),
        ("a dash", file(b"-b")),
        ("a backslash", file(b"\\b")),
        ("a drive letter", file(b"c:b")),
        ("a carriage return", file(b"spc/b\r")),
    ] {
        let judged = archive::inspect(&tar.gzip()[..], &Limits::default(), NOTHING);
        let Err(InspectError::Refused(refusal)) = judged else {
            panic!("{what}: {judged:?}");
        };
        let of = ArchiveSubject::Definition("factory".into());
        book.told(what, &Error::Archive { of, refusal });
    }
}

fn served(book: &mut Book) {
    book.part("Archives as they are served");
    let test = Test::new().fault(Fault::on(Route::Download, Act::Html200).forever());
    book.run("a page for an archive", 6, test.run("fetch"));
    let test = test.write("odd.tgz", "hello");
    book.run("a file that is none", 6, test.run("show odd.tgz"));
    let directory = profile_directory(EDGE_INFRA_2_1_0);
    let mut tar = tarball(&[("spc/", ""), ("spc/manifest.json", "{}"), (&directory, "")]);
    let end = tar.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    tar.truncate(end.next_multiple_of(512));
    let archive = gzip(&tar);
    let test = Test::new()
        .definition(&format!("allow = [\"profile-missing\"]\n{FACTORY}"))
        .fault(Fault::on(Route::Download, Act::Bytes(archive)));
    book.run(
        "a profile missing, which is allowed, and no end",
        0,
        test.run("fetch"),
    );
}

fn cached(book: &mut Book) {
    book.part("The cache, and --offline");
    let test = Test::new();
    book.run("not locked", 5, test.run("fetch --offline"));
    test.run("fetch -q").any_stdout().success();
    let lock = test.text("profiles.toml");
    test.put("profiles.toml", format!("{lock}name = \"other\"\n"));
    book.run("changed since", 5, test.run("stage --offline"));
    test.put("profiles.toml", lock);
    let archive = test.cached().remove(0);
    let damage = || {
        let mode = fs::Permissions::from_mode(0o644);
        fs::set_permissions(&archive, mode).unwrap();
        fs::write(&archive, "damaged").unwrap();
    };
    damage();
    book.run("damaged, and no network", 5, test.run("stage --offline"));
    book.run("damaged, and fetched again", 0, test.run("stage"));
    test.sim
        .world(|world: &mut World| world.publish("edge-k3s", "1.31.1"));
    damage();
    book.run("damaged, and compared", 3, test.run("diff"));
    test.forget_cache();
    test.forget_staged();
    book.run("not cached", 5, test.run("stage --offline"));
    book.run("variables of what is not cached", 0, test.run("show"));
    book.run("a comparison with what is not cached", 3, test.run("diff"));
}
