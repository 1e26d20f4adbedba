//! The memory of a run that reads a content bundle is bounded, whatever the bundle contains,
//! and so is the disk.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Cursor, Read, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use edgestage::bundle::{Source, locate};
use edgestage::util::limits::Limits;

use serde_json::json;

use crate::support::bundles::{Bundle, KIND, Member, REFERENCE, tar_of};
use crate::support::crafted_archives::{Crafted, PAX, SIZE};
use crate::support::{Run, Test, archive, sha256};

/// The largest resident memory that a bundle may cause, in bytes.
const MOST: u64 = 64 << 20;

#[track_caller]
fn is_bounded(peak: u64) {
    assert!(peak > 1 << 20, "{peak} bytes were measured");
    assert!(peak < MOST, "{} KiB at the peak", peak / 1024);
}

/// Returns the header of a blob of zeros of this size, whose name is a digest.
fn header(size: u64) -> Vec<u8> {
    let path = format!("blobs/sha256/{}", "0".repeat(64));
    let tar = if size < 8 << 30 {
        let tar = Crafted::default().file(path.as_bytes(), b"");
        tar.set(SIZE, format!("{size:011o}\0").as_bytes())
    } else {
        let text = size.to_string();
        let tar = Crafted::default().pax(PAX, &[(b"size", text.as_bytes())]);
        tar.file(path.as_bytes(), b"")
    };
    tar.bytes
}

/// Writes a bundle with a definition after a blob of zeros that take no space on the disk.
pub fn sparse_bundle(path: &Path, archive: &[u8], size: u64) {
    let mut file = File::create(path).unwrap();
    file.write_all(&header(size)).unwrap();
    file.seek(SeekFrom::Current(size.try_into().unwrap()))
        .unwrap();
    file.write_all(&Bundle::of(archive).tar()).unwrap();
}

/// Returns a test and its locked archive.
fn locked() -> (Test, Vec<u8>) {
    let test = Test::new();
    test.run("fetch -q --output spc.tgz").any_stdout().success();
    let archive = test.read("spc.tgz");
    (test, archive)
}

fn verify<'t>(test: &'t Test, path: &Path) -> Run<'t> {
    let run = test.run("verify -q --bundle").arg(path.to_str().unwrap());
    run.any_stdout()
}

#[test]
fn gigabytes_without_compression() {
    let (test, archive) = locked();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("big.tar");
    // A size of 8 GiB and more is in a PAX header alone.
    sparse_bundle(&path, &archive, 8 << 30);
    is_bounded(verify(&test, &path).peak(0));
}

/// The bundle is compressed by the real program while it is made.
#[test]
fn gigabytes_compressed_with_zstd() {
    const ZEROS: u64 = 3 << 30;
    let (test, archive) = locked();
    let directory = tempfile::tempdir().unwrap();
    for level in ["-1", "-19"] {
        let size = if level == "-1" { ZEROS } else { 256 << 20 };
        let path = directory.path().join("big.tar.zst");
        let mut zstd = Command::new("zstd")
            .args(["-q", "-c", level])
            .stdin(Stdio::piped())
            .stdout(File::create(&path).unwrap())
            .spawn()
            .unwrap();
        let mut pipe = zstd.stdin.take().unwrap();
        pipe.write_all(&header(size)).unwrap();
        let zeros = vec![0; 1 << 20];
        for _ in 0..size >> 20 {
            pipe.write_all(&zeros).unwrap();
        }
        pipe.write_all(&Bundle::of(&archive).tar()).unwrap();
        drop(pipe);
        assert!(zstd.wait().unwrap().success());
        is_bounded(verify(&test, &path).peak(0));
    }
}

/// As many members as the limits permit, each of which may be a manifest.
#[test]
fn as_many_manifests_as_are_accepted() {
    let (test, archive) = locked();
    let mut members: Vec<Member> = (0..90_000)
        .map(|n| {
            let text = format!(r#"{{"n":{n},"layers":[{{"digest":"sha256:{n:064x}"}}]}}"#);
            (
                format!("blobs/sha256/{}", sha256(text.as_bytes())),
                text.into_bytes(),
            )
        })
        .collect();
    members.extend(Bundle::of(&archive).members());
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("many.tar");
    std::fs::write(&path, tar_of(&members)).unwrap();
    is_bounded(verify(&test, &path).peak(0));
}

/// Documents of the largest size, with lists that would be far larger in memory.
#[test]
fn documents_that_grow_when_they_are_read() {
    let (test, archive) = locked();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("grow.tar");
    let large = |empty: &str, item: &str| {
        let count = ((8 << 20) - empty.len() - 10) / (item.len() + 1);
        let items = vec![item; count].join(",");
        empty.replace("[]", &format!("[{items}]"))
    };
    let manifest = large(r#"{"layers":[]}"#, r#"{"digest":""}"#);
    let empty = json!({ "manifests": [] }).to_string();
    let kinds = json!({ "digest": "", "annotations": { KIND: "a" } }).to_string();
    let index = large(&empty, &kinds);
    let blob = |text: &str| {
        (
            format!("blobs/sha256/{}", sha256(text.as_bytes())),
            text.into(),
        )
    };
    let mut members: Vec<Member> = vec![blob(&manifest)];
    members.extend(Bundle::of(&archive).members());
    std::fs::write(&path, tar_of(&members)).unwrap();
    is_bounded(verify(&test, &path).peak(0));
    let members = vec![
        blob(&manifest),
        ("index.json".to_owned(), index.into_bytes()),
    ];
    std::fs::write(&path, tar_of(&members)).unwrap();
    is_bounded(verify(&test, &path).any_stderr().peak(3));
}

/// A source that measures the files without a name that are open in a directory.
struct Measured<'a> {
    bytes: Cursor<&'a [u8]>,
    spool: &'a Path,
    peak: &'a Cell<u64>,
}

impl Read for Measured<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut size = 0;
        for entry in std::fs::read_dir("/proc/self/fd")?.flatten() {
            let is_here = |path: PathBuf| path.starts_with(self.spool);
            if std::fs::read_link(entry.path()).is_ok_and(is_here) {
                size += std::fs::metadata(entry.path())?.len();
            }
        }
        self.peak.set(self.peak.get().max(size));
        self.bytes.read(buffer)
    }
}

impl Source for Measured<'_> {
    fn rewind(&mut self) -> io::Result<bool> {
        self.bytes.set_position(0);
        Ok(true)
    }
}

/// Archives that begin like a definition are kept up to the size that one archive may have.
/// The definition is found whether it comes before the others or after them.
#[test]
fn few_candidates_are_kept_on_the_disk() {
    const LIMIT: u64 = 3 << 20;
    let noise = |n: u64| -> String {
        let mut random = fastrand::Rng::with_seed(n);
        let letters = std::iter::repeat_with(|| random.alphanumeric());
        letters.take(1 << 20).collect()
    };
    let definition = archive(&[("spc/", ""), ("spc/a", &noise(99))]);
    let mut bundle = Bundle::default();
    for n in 0..8 {
        let decoy = archive(&[("spc/", ""), ("spc/decoy", &noise(n))]);
        bundle = bundle.add(Some("image"), &n.to_string(), &[&decoy]);
    }
    let bundle = bundle.add(Some("spc"), REFERENCE, &[&definition]);
    let limits = Limits {
        archive: LIMIT,
        ..Limits::default()
    };
    let (mut blobs, rest): (Vec<Member>, Vec<Member>) = bundle
        .members()
        .into_iter()
        .partition(|(_, content)| content.starts_with(&[0x1f, 0x8b]));
    let path = format!("blobs/sha256/{}", sha256(&definition));
    for is_last in [false, true] {
        blobs.sort_by_key(|(other, _)| (*other == path) == is_last);
        let tar = tar_of(&[&blobs[..], &rest[..]].concat());
        let spool = tempfile::tempdir().unwrap();
        let spool = spool.path().canonicalize().unwrap();
        let peak = Cell::new(0);
        let source = Measured {
            bytes: Cursor::new(&tar),
            spool: &spool,
            peak: &peak,
        };
        let mut found = Vec::new();
        let mut located = locate(source, &spool, &limits).unwrap();
        located.archive.read_to_end(&mut found).unwrap();
        assert!(found == definition);
        assert!((LIMIT / 3..=LIMIT).contains(&peak.get()), "{}", peak.get());
    }
}
