//! Tests of the archive check with valid and hostile archives, created in memory, and
//! comparisons with coreutils and GNU tar on the same bytes.

use std::io::{Read, Write};
use std::process::Command;

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, EntryType, Header};

use super::*;

const A: &str = "65c90a1b2c3d4e5f770daee5";
const B: &str = "65c91b7e3f2a1d4c9fe4f51c";

/// An archive under construction. Headers are written raw, so that they can be hostile.
struct Archive(Builder<Vec<u8>>);

impl Archive {
    fn new() -> Self {
        Self(Builder::new(Vec::new()))
    }

    /// Creates an archive with one harmless file below `spc/`.
    fn good() -> Self {
        Self::new().file("spc/a", b"a")
    }

    fn entry(mut self, kind: EntryType, path: &[u8], target: &[u8], content: &[u8]) -> Self {
        let mut header = Header::new_ustar();
        header.as_old_mut().name[..path.len()].copy_from_slice(path);
        header.as_old_mut().linkname[..target.len()].copy_from_slice(target);
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        self.0.append(&header, content).unwrap();
        self
    }

    fn file(self, path: &str, content: &[u8]) -> Self {
        self.entry(EntryType::Regular, path.as_bytes(), b"", content)
    }

    fn directory(self, path: &str) -> Self {
        self.entry(EntryType::Directory, path.as_bytes(), b"", b"")
    }

    fn link(self, kind: EntryType, path: &str, target: &str) -> Self {
        self.entry(kind, path.as_bytes(), target.as_bytes(), b"")
    }

    /// Adds a PAX header with one record.
    fn pax(self, kind: EntryType, key: &str, value: &str) -> Self {
        let rest = format!(" {key}={value}\n");
        let mut length = rest.len() + 1;
        while length != rest.len() + length.to_string().len() {
            length += 1;
        }
        self.entry(
            kind,
            b"PaxHeaders/x",
            b"",
            format!("{length}{rest}").as_bytes(),
        )
    }

    fn tar(self) -> Vec<u8> {
        self.0.into_inner().unwrap()
    }

    fn gzip(self) -> Vec<u8> {
        gzip(&self.tar())
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn check(archive: &[u8]) -> Result<Inventory, Refusal> {
    check_with(archive, &Limits::default())
}

/// Reads through a source that returns one byte, then two, and so on, so that chunks end at
/// every position.
fn check_with(archive: &[u8], limits: &Limits) -> Result<Inventory, Refusal> {
    struct Trickle<'a>(&'a [u8], usize);
    impl Read for Trickle<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.1 = self.1 % 4093 + 1;
            let n = self.1.min(buffer.len()).min(self.0.len());
            buffer[..n].copy_from_slice(&self.0[..n]);
            self.0 = &self.0[n..];
            Ok(n)
        }
    }
    inspect(Trickle(archive, 0), limits, NOTHING).map_err(|error| match error {
        InspectError::Refused(refusal) => refusal,
        InspectError::Io(error) => panic!("not the archive's fault: {error}"),
    })
}

#[track_caller]
fn refused(archive: &[u8], expected: &str) {
    let refusal = check(archive).unwrap_err().to_string();
    assert!(refusal.contains(expected), "{refusal}");
}

#[test]
fn a_good_archive_is_taken_in_whole() {
    let archive = Archive::new()
        .directory("./")
        .directory("spc/")
        .file("spc/x", b"x")
        .directory(&format!("spc/app/profiles/{A}/"))
        .file(&format!("spc/app/profiles/{B}/variables.json"), b"{}")
        .link(EntryType::Symlink, "spc/app/current", "../x")
        .link(EntryType::Link, "spc/y", "./spc/x")
        .gzip();
    let inventory = check(&archive).unwrap();
    let paths: Vec<String> = inventory
        .files
        .iter()
        .map(|(path, file)| format!("{} {}", String::from_utf8_lossy(path), file.size))
        .collect();
    assert_eq!(
        paths,
        [
            format!("spc/app/profiles/{B}/variables.json 2"),
            "spc/x 1".into(),
            "spc/y 1".into()
        ]
    );
    assert_eq!(inventory.entries, 7);
    assert_eq!(
        inventory.profiles,
        Some([A.to_owned(), B.to_owned()].into())
    );
    assert!(inventory.expect_profiles([B, A]).is_ok());
}

#[test]
fn the_profiles_found_are_held_against_those_asked_for() {
    let archive = Archive::new()
        .file(&format!("spc/app/profiles/{A}/f"), b"")
        .gzip();
    let inventory = check(&archive).unwrap();
    assert_eq!(
        inventory.expect_profiles([B]),
        Err(Refusal::Profiles {
            missing: vec![B.to_owned()],
            unexpected: vec![A.to_owned()]
        })
    );
    // Without the directory, whose layout is not documented, there is nothing to compare.
    let inventory = check(&Archive::good().gzip()).unwrap();
    assert_eq!(inventory.profiles, None);
    assert!(inventory.expect_profiles([A]).is_ok());
}

#[test]
fn only_the_wanted_files_are_kept() {
    let archive = Archive::good().file("spc/b", b"bee").gzip();
    let wanted = |path: &[u8]| path == b"spc/b";
    let inventory = inspect(&archive[..], &Limits::default(), &wanted).unwrap();
    assert_eq!(
        inventory.collected,
        [("spc/b".to_owned(), b"bee".to_vec())].into()
    );
}

#[test]
fn compression_order_and_members_do_not_change_the_content_digest() {
    let one = Archive::good().file("spc/b", b"b");
    let other = Archive::new()
        .directory("spc")
        .file("spc/b", b"b")
        .file("spc/a", b"a");
    let tar = other.tar();
    let (front, back) = tar.split_at(700);
    let members = [gzip(front), gzip(b""), gzip(back)].concat();
    assert_eq!(
        check(&one.gzip()).unwrap().content_sha256,
        check(&members).unwrap().content_sha256
    );
    let changed = Archive::good().file("spc/b", b"c").gzip();
    assert_ne!(
        check(&changed).unwrap().content_sha256,
        check(&members).unwrap().content_sha256
    );
}

#[test]
fn the_content_digest_is_what_coreutils_say() {
    let long = format!("spc/{}", "d/".repeat(60)) + "file";
    let archive = Archive::good()
        .file("spc/with space", b"1")
        .file("spc/back\\slash", b"2")
        .file("spc/new\nline", b"3")
        .entry(EntryType::Regular, b"spc/\xff\xfe", b"", b"5")
        .file("spc/A", b"6")
        .file("spc/-dash", b"")
        .file("spc/*", b"4")
        .directory("spc/empty/")
        .link(EntryType::Symlink, "spc/link", "a")
        .link(EntryType::Link, "spc/hard", "spc/a")
        .pax(EntryType::XHeader, "path", &long)
        .file("short", b"7")
        .gzip();
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("spc.tgz"), &archive).unwrap();
    let recipe = "mkdir x && tar -xzf spc.tgz -C x && cd x && find . -type f -printf '%P\\0' \
                  | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum";
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", recipe])
        .current_dir(directory.path())
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    let inventory = check(&archive).unwrap();
    assert_eq!(
        printed.split(' ').next(),
        Some(inventory.content_sha256.to_string().as_str())
    );
    assert!(
        inventory
            .files
            .iter()
            .any(|(path, _)| path == long.as_bytes())
    );
}

#[test]
fn what_is_no_gzip_is_named() {
    refused(b"", "it is empty");
    refused(b"\x1f", "data of an unknown format");
    refused(b"<!DOCTYPE html><title>Sign in</title>", "an HTML page");
    refused(br#"{"code":"Forbidden"}"#, "JSON");
    refused(&Archive::good().tar(), "a tar archive without gzip");
    refused(&gzip(&gzip(b"twice")), "it is truncated");
}

#[test]
fn every_cut_is_seen() {
    let archive = Archive::good().file("spc/b", &[7; 3000]).gzip();
    for length in 2..archive.len() {
        let refusal = check(&archive[..length]).unwrap_err();
        assert_eq!(refusal, Refusal::Truncated, "cut at {length}");
    }
    // A truncated tar inside an intact gzip.
    let tar = Archive::new().file("spc/b", &[7; 3000]).tar();
    for length in [100, 512, 900, 3000] {
        assert_eq!(
            check(&gzip(&tar[..length])).unwrap_err(),
            Refusal::Truncated
        );
    }
}

#[test]
fn every_flipped_bit_is_refused_or_changes_nothing() {
    let archive = Archive::good().file("spc/b", b"some content").gzip();
    let content = check(&archive).unwrap().content_sha256;
    let (mut refusals, mut harmless) = (0, 0);
    for at in 0..archive.len() {
        for bit in 0..8 {
            let mut damaged = archive.clone();
            damaged[at] ^= 1 << bit;
            // Nothing depends on the time and the operating system in gzip's header, and the
            // last byte of deflate has unused bits.
            match check(&damaged) {
                Ok(inventory) => {
                    assert_eq!(inventory.content_sha256, content, "byte {at}");
                    harmless += 1;
                }
                Err(_) => refusals += 1,
            }
        }
    }
    assert!(
        refusals > 10 * harmless,
        "{refusals} refused, {harmless} harmless"
    );
}

#[test]
fn nothing_may_follow_the_end() {
    let archive = Archive::good().gzip();
    refused(
        &[&archive[..], b"garbage, and more of it"].concat(),
        "it has trailing data",
    );
    refused(&[&archive[..], &[0; 512]].concat(), "it has trailing data");
    for few in [
        &b"\n"[..],
        b"\x1f",
        b"\x1f\x8b",
        b"\x1f\x8b\x08\0\0\0\0",
        b"\0",
    ] {
        refused(&[&archive[..], few].concat(), "it has trailing data");
    }
    let hidden = [
        Archive::good().tar(),
        Archive::new().file("spc/hidden", b"").tar(),
    ]
    .concat();
    refused(&gzip(&hidden), "after its end-of-archive marker");
    let member = [archive, Archive::new().file("spc/hidden", b"").gzip()].concat();
    refused(&member, "after its end-of-archive marker");
}

#[test]
fn paths_stay_inside() {
    for path in ["/etc/passwd", "spc/../../x", "..", "spc/.."] {
        refused(&Archive::good().file(path, b"").gzip(), "the path `");
    }
    refused(
        &Archive::good()
            .pax(EntryType::XHeader, "path", "../x")
            .file("spc/b", b"")
            .gzip(),
        "contains `..`",
    );
    refused(
        &Archive::good()
            .entry(EntryType::GNULongName, b"././@LongLink", b"", b"/abs\0")
            .file("spc/b", b"")
            .gzip(),
        "is absolute",
    );
    refused(
        &Archive::good()
            .pax(EntryType::XHeader, "path", "spc/a\0b")
            .file("spc/b", b"")
            .gzip(),
        "contains a NUL",
    );
}

#[test]
fn links_stay_inside() {
    use EntryType::{Link, Symlink};
    for target in ["/etc/passwd", "../../x", "a/../../..", "x/../y"] {
        refused(
            &Archive::good().link(Symlink, "spc/l", target).gzip(),
            "leads outside",
        );
    }
    for target in ["/etc/passwd", "../x", "spc/none", "spc"] {
        refused(
            &Archive::good().link(Link, "spc/l", target).gzip(),
            "leads outside",
        );
    }
    // Data written through a link would end up where the link points.
    refused(
        &Archive::good()
            .link(Symlink, "spc/l", "a")
            .file("spc/l/x", b"")
            .gzip(),
        "below a file or link",
    );
    assert!(check(&Archive::good().link(Symlink, "spc/d/l", "../a").gzip()).is_ok());
}

#[test]
fn nothing_stands_twice() {
    refused(
        &Archive::good().file("spc/a", b"other").gzip(),
        "occurs twice",
    );
    refused(
        &Archive::good().file("./spc//a", b"other").gzip(),
        "occurs twice",
    );
    refused(
        &Archive::good()
            .directory("spc/d")
            .directory("spc/d/")
            .gzip(),
        "occurs twice",
    );
    refused(
        &Archive::good().file("spc/a/b", b"").gzip(),
        "below a file or link",
    );
    refused(&Archive::good().file("spc", b"").gzip(), "occurs twice");
    refused(
        &Archive::good()
            .file("spc/d/x", b"")
            .file("spc/d", b"")
            .gzip(),
        "occurs twice",
    );
}

#[test]
fn only_files_directories_and_links() {
    for (kind, name) in [
        (EntryType::Char, "a character device"),
        (EntryType::Block, "a block device"),
        (EntryType::Fifo, "a FIFO"),
        (EntryType::GNUSparse, "a sparse file"),
        (EntryType::new(b'Z'), "of an unknown type"),
    ] {
        refused(&Archive::good().link(kind, "spc/odd", "").gzip(), name);
    }
    refused(
        &Archive::good()
            .pax(EntryType::XHeader, "GNU.sparse.major", "1")
            .file("spc/s", b"")
            .gzip(),
        "its PAX header has `GNU.sparse.major`",
    );
    refused(
        &Archive::good()
            .entry(EntryType::Directory, b"spc/d/", b"", b"content")
            .gzip(),
        "it is not a file but has content",
    );
}

#[test]
fn two_readers_see_one_archive() {
    // A size that only some readers use hides entries from the others.
    refused(
        &Archive::good()
            .pax(EntryType::XHeader, "size", "0")
            .file("spc/b", &[0; 600])
            .gzip(),
        "its PAX size differs",
    );
    refused(
        &Archive::good()
            .pax(EntryType::XGlobalHeader, "path", "spc/x")
            .file("spc/b", b"")
            .gzip(),
        "global PAX header",
    );
    let comment = Archive::good()
        .pax(EntryType::XGlobalHeader, "comment", "0123abc")
        .file("spc/b", b"");
    assert!(check(&comment.gzip()).is_ok());
}

#[test]
fn a_definition_must_be_in_it() {
    refused(&Archive::new().gzip(), "no file below `spc/`");
    refused(
        &Archive::new().directory("spc/").file("other", b"").gzip(),
        "no file below `spc/`",
    );
}

#[test]
fn limits_hold() {
    let limits = |archive, unpacked, entries| Limits {
        archive,
        unpacked,
        entries,
    };
    let wide = u64::MAX;
    let archive = Archive::good().file("spc/b", &[1; 4000]).gzip();
    let over = |limits: Limits| check_with(&archive, &limits).unwrap_err();
    assert_eq!(
        over(limits(50, wide, 10)),
        Refusal::TooLarge(Limit::Archive(50))
    );
    assert_eq!(
        over(limits(wide, 2000, 10)),
        Refusal::TooLarge(Limit::Unpacked(2000))
    );
    assert_eq!(
        over(limits(wide, wide, 1)),
        Refusal::TooLarge(Limit::Entries(1))
    );
    assert!(check_with(&archive, &limits(wide, wide, 2)).is_ok());
    for (path, said) in [
        (
            "x/".repeat(Limits::PATH / 2) + "x",
            "a path in it is longer than",
        ),
        ("x".repeat(Limits::NAME + 1), "a name in it is longer than"),
    ] {
        refused(
            &Archive::good()
                .pax(EntryType::XHeader, "path", &format!("spc/{path}"))
                .file("spc/b", b"")
                .gzip(),
            said,
        );
    }
    refused(
        &Archive::good()
            .entry(
                EntryType::GNULongName,
                b"././@LongLink",
                b"",
                &vec![b'x'; (1 << 20) + 1],
            )
            .gzip(),
        "a header in it is larger",
    );
}

#[test]
fn a_bomb_is_stopped_by_its_ratio() {
    // 32 MiB of zeros in about 32 kB: a ratio of a thousand, beyond the first 16 MiB.
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&Archive::good().tar()[..1024]).unwrap();
    let mut header = Header::new_ustar();
    header.set_path("spc/bomb").unwrap();
    header.set_size(32 << 20);
    header.set_cksum();
    encoder.write_all(header.as_bytes()).unwrap();
    for _ in 0..32 {
        encoder.write_all(&vec![0; 1 << 20]).unwrap();
    }
    encoder.write_all(&[0; 1024]).unwrap();
    let bomb = encoder.finish().unwrap();
    assert_eq!(check(&bomb).unwrap_err(), Refusal::TooLarge(Limit::Ratio));
}

#[test]
fn many_deep_paths_are_stopped_before_they_fill_the_memory() {
    // Every directory of a path counts, so a few thousand paths of 4,000 bytes would take
    // gigabytes of memory.
    let mut archive = Archive::good();
    for n in 0..20 {
        let path = format!("spc/{n}/{}", "d/".repeat(1900));
        archive = archive
            .pax(EntryType::XHeader, "path", &format!("{path}f"))
            .file("f", b"");
    }
    refused(&archive.gzip(), "paths add up");
}

#[test]
fn many_small_entries_are_stopped_before_they_fill_the_memory() {
    let mut archive = Archive::good();
    for n in 0..9000 {
        archive = archive.file(&format!("spc/{n}/{}f", "d/".repeat(30)), b"");
    }
    refused(&archive.gzip(), "paths add up");
}

#[test]
fn collected_files_have_a_budget() {
    let content = vec![b'x'; 5 << 20];
    let archive = Archive::good()
        .file("spc/1", &content)
        .file("spc/2", &content)
        .gzip();
    let inventory = inspect(&archive[..], &Limits::default(), &|_| true).unwrap();
    let kept: Vec<&str> = inventory.collected.keys().map(String::as_str).collect();
    assert_eq!(kept, ["spc/1", "spc/a"]);
}

#[test]
fn the_end_marker_is_looked_for() {
    assert!(check(&Archive::good().gzip()).unwrap().has_end_marker);
    let tar = Archive::good().tar();
    let cut = check(&gzip(&tar[..1024])).unwrap();
    assert!(!cut.has_end_marker);
}

#[test]
fn a_reader_that_breaks_is_not_the_archives_fault() {
    struct Broken(&'static [u8]);
    impl Read for Broken {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() {
                return Err(io::Error::from_raw_os_error(5));
            }
            self.0.read(buffer)
        }
    }
    let result = inspect(Broken(&[0x1f, 0x8b, 8, 0]), &Limits::default(), NOTHING);
    assert!(matches!(result, Err(InspectError::Io(_))), "{result:?}");
}
