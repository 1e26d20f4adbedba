//! Valid images, changed in thousands of places: every result is a verdict, and comes in little
//! time and memory.
//!
//! The changes are the same in every run. Each test runs itself again with a limit on its
//! address space, so that trusting a size would end it.
#![allow(clippy::print_stderr)] // which mutation it was, where one is too much

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use edgestage::bundle::LargeBundles;
use edgestage::image::{Image, ImageError, Judge, PlaceEntry, ReadEdgeConfig, examine};
use edgestage::util::limits::Limits;

use crate::support::handmade_images::{
    BLOCK, DIRECTORY, Disk, FILE, Iso, SECTOR, continues, name, record, rock_ridge,
};
use crate::support::{Tree, archive, gzip, sha256};

/// The variable that marks the process with the limit.
const LIMITED: &str = "EDGESTAGE_SUITE_LIMITED";

/// Runs the test `test` of this module in a process with a limit; in that process, does `work`.
fn limited(test: &str, work: impl FnOnce()) {
    if std::env::var_os(LIMITED).is_some() {
        return work();
    }
    let output = Command::new("/bin/sh")
        .args(["-c", "ulimit -v 1000000 && exec \"$0\" --exact \"$1\""])
        .arg(std::env::current_exe().unwrap())
        .arg(format!("mutated_image::{test}"))
        .env(LIMITED, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let wrong = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}{wrong}", output.status);
    assert!(said.contains("1 passed"), "{said}");
}

/// Pseudo-random numbers that are the same in every run (xorshift).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    /// A change of some bytes.
    fn change(&mut self, bytes: &[u8]) -> Vec<u8> {
        let width = [1, 1, 2, 4, 8][self.below(5)].min(bytes.len());
        let mut changed = bytes[..width].to_vec();
        match self.below(6) {
            0 => changed[0] ^= 1 << self.below(8),
            1 => changed.fill(0),
            2 => changed.fill(0xff),
            3 => changed.fill(0x7f),
            4 => changed[0] = changed[0].wrapping_add(1),
            _ => changed.copy_from_slice(&self.next().to_le_bytes()[..width]),
        }
        changed
    }
}

/// Prints what was done if a check panics.
struct Shown(String);

impl Drop for Shown {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("after {}", self.0);
        }
    }
}

/// Examines the image; taking too long is a failure.
fn look(image: &Path) -> Result<Image, ImageError> {
    let limits = Limits::default();
    let judge = Judge {
        limits: &limits,
        edge_config: ReadEdgeConfig::Yes,
        bundles: LargeBundles::Skip,
    };
    let begun = Instant::now();
    let found = examine(image, image.parent().unwrap(), &judge);
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(20), "{took:?}: {found:?}");
    found
}

/// The number of results that differ from the unchanged image's.
#[derive(Default)]
struct Seen {
    same: usize,
    other: usize,
    refused: usize,
}

impl Seen {
    fn count(&mut self, found: &Result<Image, ImageError>, expected: &str) {
        match found {
            Ok(image) => match &image.places[0].entry {
                PlaceEntry::File(held) if held.sha256.to_string() == expected => self.same += 1,
                _ => self.other += 1,
            },
            Err(_) => self.refused += 1,
        }
    }
}

/// Returns the offsets of bytes that are not zero, and of the zeros right after them: the
/// filling of an image has no meaning.
fn places(bytes: &[u8]) -> Vec<usize> {
    let chunks = bytes.chunks(64).enumerate();
    let full = chunks.filter(|(_, chunk)| chunk.iter().any(|byte| *byte != 0));
    let mut places: Vec<usize> = full.flat_map(|(n, _)| n * 64..n * 64 + 96).collect();
    places.dedup();
    places.retain(|place| *place < bytes.len());
    places
}

/// Changes the image in its file, one to three times, and restores it.
fn mutate(bytes: &[u8], places: &[usize], rounds: usize, expected: &str) -> Seen {
    let directory = tempfile::tempdir().unwrap();
    let image = directory.path().join("image");
    fs::write(&image, bytes).unwrap();
    let file = File::options().write(true).open(&image).unwrap();
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    let mut seen = Seen::default();
    for round in 0..rounds {
        let mut changes = Vec::new();
        for _ in 0..=chance.below(3) {
            let at = places[chance.below(places.len())];
            let changed = chance.change(&bytes[at..]);
            file.write_all_at(&changed, at as u64).unwrap();
            changes.push((at, changed));
        }
        let shown = Shown(format!("round {round}: {changes:x?}"));
        seen.count(&look(&image), expected);
        drop(shown);
        for (at, changed) in changes {
            let end = at + changed.len();
            file.write_all_at(&bytes[at..end], at as u64).unwrap();
        }
    }
    assert_eq!(fs::read(&image).unwrap(), bytes);
    seen
}

/// Checks that there were enough results of each kind, so that the changes are in the relevant
/// places.
#[track_caller]
fn assert_varied(seen: &Seen) {
    let Seen {
        same,
        other,
        refused,
    } = *seen;
    eprintln!("same {same}, other {other}, refused {refused}");
    assert!(same > 0 && other > 0 && refused > 0);
}

fn definition() -> Vec<u8> {
    let text = "kind: profile\n".repeat(100);
    archive(&[
        ("spc/", ""),
        ("spc/app/a.yaml", &text),
        ("spc/b.yaml", "b: 1\n"),
    ])
}

#[test]
fn a_changed_iso() {
    limited("a_changed_iso", || {
        let directory = tempfile::tempdir().unwrap();
        let image = directory.path().join("a.iso");
        Tree::overlay(&definition()).live(&image);
        let bytes = fs::read(image).unwrap();
        let seen = mutate(&bytes, &places(&bytes), 4000, &sha256(&definition()));
        assert_varied(&seen);
    });
}

/// The image has little else than what is read: descriptors, directories, a continuation,
/// extents.
#[test]
fn a_changed_iso_of_little_more_than_structure() {
    limited("a_changed_iso_of_little_more_than_structure", || {
        let definition = definition();
        let mut iso = Iso::new();
        let file = iso.add(&definition);
        let rest = iso.add(&name("config"));
        let pieces = [
            b"NM\x0c\x01\x01cluster".to_vec(),
            continues(rest.sector, 0, rest.length),
        ];
        let mut place = iso.directory(&[record(b"F;1", file, FILE, &name("spc.tgz"))]);
        place = iso.directory(&[record(b"C", place, DIRECTORY, &pieces.concat())]);
        place = iso.directory(&[record(b"S", place, DIRECTORY, &name("spectrocloud"))]);
        let opt = record(b"O", place, DIRECTORY, &name("opt"));
        let root = iso.directory_with(&rock_ridge(), &[opt]);
        iso.root(root);
        let mut places = places(&iso.bytes);
        places.retain(|place| *place < 18 * SECTOR || *place > rest.sector as usize * SECTOR);
        let seen = mutate(&iso.bytes, &places, 6000, &sha256(&definition));
        assert_varied(&seen);
    });
}

/// A disk, and where its partition is.
fn disk(options: &[&str]) -> Disk {
    let tree = Tree::partition(&definition());
    let content = tree.file_system("COS_CONTENT", 1024, options);
    Disk::of(&[("efi", &[1; BLOCK]), ("content", &content)])
}

#[test]
fn a_changed_disk_with_checksums() {
    limited("a_changed_disk_with_checksums", || {
        let bytes = disk(&["-O", "metadata_csum"]).bytes;
        let seen = mutate(&bytes, &places(&bytes), 3000, &sha256(&definition()));
        assert_varied(&seen);
    });
}

/// Without checksums, more is trusted at first.
#[test]
fn a_changed_disk_without_checksums() {
    limited("a_changed_disk_without_checksums", || {
        for options in [&["-O", "^metadata_csum"][..], &["-t", "ext2"]] {
            let bytes = disk(options).bytes;
            let seen = mutate(&bytes, &places(&bytes), 3000, &sha256(&definition()));
            assert_varied(&seen);
        }
    });
}

/// The tables have the right checksums, whatever their contents.
#[test]
fn a_changed_partition_table() {
    limited("a_changed_partition_table", || {
        let good = disk(&["-O", "^metadata_csum"]);
        let directory = tempfile::tempdir().unwrap();
        let image = directory.path().join("a.raw");
        let mut chance = Chance(0x1234_5678_9abc_def1);
        let mut seen = Seen::default();
        for round in 0..800 {
            let mut disk = good.clone();
            for _ in 0..=chance.below(2) {
                // The header's numbers, or two entries.
                let at = [BLOCK + chance.below(92), 2 * BLOCK + chance.below(256)];
                let at = at[chance.below(2)];
                let changed = chance.change(&disk.bytes[at..]);
                disk.bytes[at..at + changed.len()].copy_from_slice(&changed);
            }
            disk.seal();
            let shown = Shown(format!("round {round}"));
            fs::write(&image, &disk.bytes).unwrap();
            let raw = look(&image);
            seen.count(&raw, &sha256(&definition()));
            if round % 8 == 0 {
                fs::write(&image, gzip(&disk.bytes)).unwrap();
                let packed = look(&image);
                // Both see the same.
                assert_eq!(words(&raw), words(&packed));
            }
            drop(shown);
        }
        assert_varied(&seen);
    });
}

/// Returns the result for an image without how it is packed.
fn words(found: &Result<Image, ImageError>) -> String {
    match found {
        Ok(image) => format!("{:?}", image.places),
        Err(ImageError::Foreign(_)) => "foreign".to_owned(),
        Err(error) => format!("{error:?}"),
    }
}

#[test]
fn a_changed_compressed_disk() {
    limited("a_changed_compressed_disk", || {
        let bytes = gzip(&disk(&["-O", "^metadata_csum"]).bytes);
        let all: Vec<usize> = (0..bytes.len()).collect();
        let seen = mutate(&bytes, &all, 400, &sha256(&definition()));
        assert!(seen.refused > 300);
    });
}
