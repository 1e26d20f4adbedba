//! Archives that were made to be read in two ways, to exhaust a resource, or to look like
//! something else: they are refused with exit 6 wherever they come from. Unusual but harmless
//! archives must be accepted.

use palette_sim::{Act, Fault, Route};

use crate::support::crafted_archives::{
    BLOCK, Crafted, FILE, HARD_LINK, KIND, LINK, LONG_LINK, LONG_NAME, MAGIC, PAX, PAX_GLOBAL,
    PREFIX, SIZE, SUM,
};
use crate::support::{Test, content_sha256, gzip};

/// Checks that each of these is refused with these words, as a file and as a download; nothing
/// is written, and what is staged, locked and cached is unchanged.
#[track_caller]
fn refused(faults: Vec<(&str, Vec<u8>)>) {
    let test = Test::new().stage();
    for (said, archive) in faults {
        test.sim.clear_faults();
        test.put("odd.tgz", &archive);
        let run = test.run("show odd.tgz").keeps_files();
        run.stderr_has("error[archive-refused]: `odd.tgz` is refused: ")
            .stderr_has(said)
            .fails(6);
        let act = Act::Bytes(archive);
        test.sim.fault(Fault::on(Route::Download, act).forever());
        let run = test.run("update").keeps_files();
        run.stderr_has("error[archive-refused]: the archive of `factory` is refused: ")
            .stderr_has(said)
            .fails(6);
    }
    test.run("stage -q --locked --offline")
        .any_stdout()
        .keeps_files()
        .success();
}

/// Returns the paths of an accepted archive, after comparing its contents with `sha256sum`.
#[track_caller]
fn accepted(archive: &[u8]) {
    let test = Test::new().write("odd.tgz", archive);
    let done = test.run("show odd.tgz --json").any_stdout().success();
    let content = content_sha256(archive);
    assert_eq!(done.json()["content_sha256"], content);
}

fn good() -> Crafted {
    Crafted::good()
}

#[test]
fn an_extended_header_that_contradicts_the_header() {
    let pax = |keyword: &[u8], value: &[u8]| good().pax(PAX, &[(keyword, value)]);
    refused(vec![
        (
            "`spc/b` is ambiguous: its PAX size differs from the size in its header",
            pax(b"size", b"0").file(b"spc/b", &[7; 600]).gzip(),
        ),
        (
            "`spc/b` is ambiguous: its PAX size differs from the size in its header",
            pax(b"size", b"1024").file(b"spc/b", b"").gzip(),
        ),
        (
            "`PaxHeaders/x` is ambiguous: `size` in its PAX header",
            pax(b"size", b"-1").file(b"spc/b", b"").gzip(),
        ),
        (
            "the path `../evil` contains `..`",
            pax(b"path", b"../evil").file(b"spc/b", b"").gzip(),
        ),
        (
            "the path `/etc/evil` is absolute",
            pax(b"path", b"/etc/evil").file(b"spc/b", b"").gzip(),
        ),
        ("is empty", pax(b"path", b"").file(b"spc/b", b"").gzip()),
        (
            "contains a NUL",
            pax(b"path", b"spc/b\0/../../evil")
                .file(b"spc/b", b"")
                .gzip(),
        ),
        (
            "`spc/a` occurs twice",
            pax(b"path", b"spc/a").file(b"spc/b", b"").gzip(),
        ),
        (
            "the link `spc/l` leads outside the archive: `/etc/passwd`",
            pax(b"linkpath", b"/etc/passwd")
                .link(LINK, b"spc/l", b"a")
                .gzip(),
        ),
        (
            "the link `spc/l` leads outside the archive: `../../x`",
            pax(b"linkpath", b"../../x")
                .link(HARD_LINK, b"spc/l", b"spc/a")
                .gzip(),
        ),
        (
            "the link `spc/l` leads outside",
            pax(b"linkpath", b"").link(LINK, b"spc/l", b"a").gzip(),
        ),
    ]);
}

#[test]
fn large_extended_headers() {
    let large = vec![b'x'; (1 << 20) + 1];
    let with = |kind| good().entry(kind, b"x", &large).file(b"spc/b", b"").gzip();
    let said = "a header in it is larger than 1.0 MiB";
    let kinds = [PAX, PAX_GLOBAL, LONG_NAME, LONG_LINK];
    refused(kinds.map(|kind| (said, with(kind))).into());
}

#[test]
fn long_names_of_gnu_tar() {
    let named = |path: &[u8]| {
        let name = [path, b"\0"].concat();
        good()
            .entry(LONG_NAME, b"././@LongLink", &name)
            .file(b"spc/b", b"b")
            .gzip()
    };
    let linked = |target: &[u8]| {
        let target = [target, b"\0"].concat();
        good()
            .entry(LONG_LINK, b"././@LongLink", &target)
            .link(LINK, b"spc/l", b"a")
            .gzip()
    };
    refused(vec![
        ("contains `..`", named(b"spc/../../evil")),
        ("is absolute", named(b"/etc/evil")),
        ("contains a NUL", named(b"spc/b\0/../../evil")),
        ("is empty", named(b"")),
        (
            "a path in it is longer than 4095 bytes",
            named(&[&b"spc/".repeat(1100)[..], b"f"].concat()),
        ),
        (
            "a name in it is longer than 255 bytes",
            named(format!("spc/{}", "x".repeat(256)).as_bytes()),
        ),
        ("leads outside", linked(b"/etc/passwd")),
        ("leads outside", linked(b"../../passwd")),
        ("leads outside", linked(b"a\0/../../passwd")),
        (
            "a path in it is longer than 4095 bytes",
            linked(&b"a/".repeat(2100)),
        ),
    ]);
    accepted(&named(format!("spc/{}", "x".repeat(255)).as_bytes()));
    accepted(&named(format!("spc/{}f", "d/".repeat(2000)).as_bytes()));
    accepted(&linked(&b"a/".repeat(1000)));
}

#[test]
fn sparse_files() {
    let pax = |keyword: &[u8]| {
        let tar = good().pax(PAX, &[(keyword, b"1")]);
        tar.file(b"spc/b", b"").gzip()
    };
    refused(vec![
        (
            "`spc/b` is a sparse file",
            good()
                .entry(b'S', b"spc/b", b"")
                .set(MAGIC, b"ustar  \0")
                .gzip(),
        ),
        (
            "`spc/b` is a sparse file",
            good().entry(b'S', b"spc/b", &[1; 1024]).gzip(),
        ),
        ("has `GNU.sparse.major`", pax(b"GNU.sparse.major")),
        ("has `GNU.sparse.map`", pax(b"GNU.sparse.map")),
        ("has `GNU.sparse.realsize`", pax(b"GNU.sparse.realsize")),
        ("has `SCHILY.realsize`", pax(b"SCHILY.realsize")),
        ("has `SUN.holesdata`", pax(b"SUN.holesdata")),
    ]);
}

#[test]
fn sizes_that_are_no_sizes() {
    let sized = |size: &[u8]| good().file(b"spc/b", &[0; BLOCK]).set(SIZE, size).gzip();
    let binary = |high: u32, low: u64| {
        let bytes = [&high.to_be_bytes()[..], &low.to_be_bytes()].concat();
        sized(&bytes)
    };
    let plain = "`spc/b` is ambiguous: its size is not a plain number";
    refused(vec![
        // All bits set is minus one.
        (plain, binary(u32::MAX, u64::MAX)),
        (plain, binary(u32::MAX, 512)),
        (plain, binary(0x8000_0001, 512)),
        (plain, binary(0x8000_0000, u64::MAX)),
        ("it is truncated", binary(0x8000_0000, i64::MAX as u64)),
        ("it is truncated", binary(0x8000_0000, 1 << 40)),
        ("it is truncated", sized(b"77777777777\0")),
        (plain, sized(b"+0000001000\0")),
        (plain, sized(b"-0000001000\0")),
        (plain, sized(b"0000001 000\0")),
        (plain, sized(b"99999999999\0")),
        (plain, sized(b"")),
        (plain, sized(b"\xc3\x28 damaged\0")),
    ]);
    accepted(&binary(0x8000_0000, 512));
    accepted(&sized(b"       1000 "));
}

#[test]
fn damaged_headers() {
    let wrong = "the header of `spc/b` has a wrong checksum";
    let damaged = |tar: Crafted| (wrong, tar.gzip());
    let mut flipped = good().file(b"spc/b", b"");
    flipped.bytes[2 * BLOCK + 100] ^= 1;
    refused(vec![
        damaged(flipped),
        damaged(good().file(b"spc/b", b"").set(SUM, b"000000\0 ")),
        damaged(good().file(b"spc/b", b"").set(SUM, b"")),
        damaged(good().file(b"spc/b", b"").set(SUM, b"\xff\xff\xff")),
        // Of the version depends whether the prefix is a part of the path.
        (
            "`spc/b` is ambiguous: its header is of an unknown version",
            good()
                .file(b"spc/b", b"")
                .set(MAGIC, b"ustar\x0001")
                .set(PREFIX, b"../evil")
                .gzip(),
        ),
        (
            "`spc/b` is ambiguous: its header has data in fields that its format leaves empty",
            good()
                .file(b"spc/b", b"")
                .set(MAGIC, b"ustar  \0")
                .set(PREFIX, b"../evil")
                .gzip(),
        ),
        (
            "the path `../evil/spc/b` contains `..`",
            good().file(b"spc/b", b"").set(PREFIX, b"../evil").gzip(),
        ),
        (
            "`spc/b` is of an unknown type",
            good().file(b"spc/b", b"").set(KIND, b"M").gzip(),
        ),
    ]);
    // Archivers without a version, and those before it.
    for magic in [&b"ustar\0"[..], b"ustar  \0", b""] {
        accepted(&good().file(b"spc/b", b"").set(MAGIC, magic).gzip());
    }
}

#[test]
fn what_follows_the_end() {
    let other = || Crafted::default().file(b"spc/hidden", b"");
    let behind = "it has data after its end-of-archive marker";
    let lone = {
        let mut tar = good();
        tar.bytes.extend([0; BLOCK]);
        tar.bytes.extend(other().tar());
        gzip(&tar.bytes)
    };
    refused(vec![
        (behind, gzip(&[good().tar(), other().tar()].concat())),
        (behind, [good().gzip(), other().gzip()].concat()),
        (behind, lone),
        (
            "it has trailing data",
            [good().gzip(), other().tar()].concat(),
        ),
        (
            "it has trailing data",
            [&good().gzip()[..], &[0; 10_240]].concat(),
        ),
        (
            "it is truncated",
            [&good().gzip()[..], &other().gzip()[..10]].concat(),
        ),
    ]);
    // Records of any length end in zeros.
    accepted(&gzip(&[good().tar(), vec![0; 20 * BLOCK]].concat()));
}

#[test]
fn several_gzip_members_are_one_archive() {
    let tar = good().file(b"spc/b", &[7; 3000]).tar();
    let members: Vec<u8> = tar.chunks(700).flat_map(gzip).collect();
    let test = Test::new().write("one.tgz", gzip(&tar));
    test.put(
        "many.tgz",
        [&gzip(b"")[..], &members[..], &gzip(b"")[..]].concat(),
    );
    let content = |file: &str| {
        let run = test.run("show --json").arg(file).any_stdout();
        run.success().json()["content_sha256"].to_string()
    };
    assert_eq!(content("one.tgz"), content("many.tgz"));
}

/// Every block of a valid archive is damaged in every way that keeps its checksum right: the
/// archive is refused or accepted, and the process never crashes.
#[test]
fn no_field_of_a_header_makes_it_fall_over() {
    let test = Test::new();
    let mut fields = vec![(0, 100), (100, 8), (108, 8), (116, 8), SIZE, (136, 12)];
    fields.extend([SUM, KIND, (157, 100), MAGIC, (265, 32), PREFIX, (500, 12)]);
    for (at, length) in fields {
        for byte in [0, b' ', b'-', b'9', b'7', 0x7f, 0x80, 0xff] {
            let tar = good().entry(FILE, b"spc/b", &[b'1'; 700]);
            let tar = tar.set((at, length), &vec![byte; length]);
            test.put("odd.tgz", tar.gzip());
            let mut child = test.run("show odd.tgz").spawn();
            let code = child.wait().unwrap().code();
            assert!(matches!(code, Some(0 | 6)), "{at} {byte:#x}: {code:?}");
        }
    }
}
