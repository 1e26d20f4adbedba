//! The memory of the archive check is bounded: whatever an archive contains, the process that
//! reads it stays below 64 MiB.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use palette_sim::{Act, EDGE_INFRA_2_1_0, Fault, HELLO_UNIVERSE_1_2_0, Route};

use crate::support::crafted_archives::{BLOCK, Crafted, DIRECTORY, PAX, SIZE};
use crate::support::{Run, Test, peak_of, profile_directory};

/// The largest resident memory that an archive may cause, in bytes.
const MOST: u64 = 64 << 20;

#[track_caller]
fn is_bounded(peak: u64) {
    // Where nothing was measured there is nothing to say.
    assert!(peak > 1 << 20, "{peak} bytes were measured");
    assert!(peak < MOST, "{} KiB at the peak", peak / 1024);
}

/// Returns the peak memory of `show` with this archive.
#[track_caller]
fn shown(archive: Vec<u8>, ends: impl FnOnce(Run<'_>) -> u64) {
    let test = Test::new().write("hostile.tgz", archive);
    is_bounded(ends(
        test.run("show hostile.tgz").any_stdout().keeps_files(),
    ));
}

/// Returns a file of zeros without an end marker: a few kilobytes that decompress to far more
/// than the allowed memory.
fn bomb(size: u64) -> Vec<u8> {
    let header = Crafted::good().file(b"spc/bomb", b"");
    let header = header.set(SIZE, format!("{size:011o}\0").as_bytes());
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(&header.bytes).unwrap();
    let zeros = vec![0; 1 << 20];
    for _ in 0..size >> 20 {
        gzip.write_all(&zeros).unwrap();
    }
    gzip.finish().unwrap()
}

#[test]
fn a_bomb() {
    let archive = bomb(256 << 20);
    assert!(archive.len() < 1 << 20, "{}", archive.len());
    shown(archive.clone(), |run| {
        run.error("archive-refused")
            .stderr_has("it unpacks to more than 200 times its size")
            .peak(6)
    });
    let test = Test::new().fault(Fault::on(Route::Download, Act::Bytes(archive)));
    let run = test.run("stage").keeps_files();
    is_bounded(
        run.error("archive-refused")
            .stderr_has("it unpacks to more than 200 times its size")
            .peak(6),
    );
}

/// The archive has only allowed files, of the largest size that the limits permit.
#[test]
fn a_large_archive_that_is_accepted() {
    let test = Test::new();
    let mut tar = Crafted::default();
    // It packs well, so that the test need not, but less well than a bomb.
    let content = letters(4 << 10).repeat((80 << 20) / (4 << 10));
    for uid in [EDGE_INFRA_2_1_0, HELLO_UNIVERSE_1_2_0] {
        let path = format!("{}blob", profile_directory(uid));
        tar = tar.file(path.as_bytes(), &content);
    }
    let body = fast(&tar);
    test.sim.fault(Fault::on(Route::Download, Act::Bytes(body)));
    let run = test.run("fetch").any_stdout().any_stderr();
    // The archive was judged, and what it holds is still known.
    let run = run.park_at("archive-received");
    is_bounded(peak_of(run.id()).unwrap());
    run.success();
}

/// Returns letters that compress badly.
fn letters(length: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(42);
    std::iter::repeat_with(|| random.lowercase() as u8)
        .take(length)
        .collect()
}

/// Returns the archive with fast compression.
fn fast(tar: &Crafted) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&tar.bytes).unwrap();
    gzip.write_all(&[0; 2 * BLOCK]).unwrap();
    gzip.finish().unwrap()
}

/// The archive has as many short paths as the limits permit, so the overhead of each path
/// counts.
#[test]
fn as_many_paths_as_are_accepted() {
    let mut tar = Crafted::good();
    for number in 0..79_000 {
        tar = tar.file(format!("spc/d{number:x}/d/f").as_bytes(), b"");
    }
    shown(fast(&tar), |run| run.peak(0));
}

#[test]
fn more_paths_than_are_accepted() {
    let mut tar = Crafted::good();
    for number in 0..99_000 {
        tar = tar.file(format!("spc/d{number:x}/d/f").as_bytes(), b"");
    }
    shown(fast(&tar), |run| {
        run.error("archive-refused")
            .stderr_has("its paths add up to more than 32.0 MiB")
            .peak(6)
    });
}

/// The paths are as long and as deep as the limits permit.
#[test]
fn long_and_deep_paths() {
    let mut tar = Crafted::good();
    let deep = format!("spc/{}", "d/".repeat(1300));
    let names = letters(200 * 10_000);
    for name in names.chunks(200) {
        let path = [deep.as_bytes(), name].concat();
        tar = tar.pax(PAX, &[(b"path", &path)]).file(b"f", b"");
    }
    shown(fast(&tar), |run| run.peak(0));
}

/// Every file has an extended header of the largest size that is read, with records that have
/// no meaning here.
#[test]
fn large_extended_headers() {
    let comment = letters(16 << 10).repeat(63);
    let mut tar = Crafted::good();
    for number in 0..64 {
        tar = tar
            .pax(PAX, &[(b"comment", &comment)])
            .file(format!("spc/{number}").as_bytes(), b"");
    }
    shown(fast(&tar), |run| run.peak(0));
}

/// The output about a profile takes more memory than its path in the archive.
#[test]
fn more_profiles_than_anybody_has() {
    let profiles = |many: usize| {
        let directories = (0..many).map(|number| profile_directory(&format!("{number:024x}")));
        directories.fold(Crafted::good(), |tar, path| {
            tar.entry(DIRECTORY, path.as_bytes(), b"")
        })
    };
    shown(fast(&profiles(4096)), |run| run.peak(0));
    let many = fast(&profiles(90_000));
    shown(many.clone(), |run| {
        run.error("archive-refused")
            .stderr_has("it has more than 4096 profiles")
            .peak(6)
    });
    // The message names some of them.
    let test = Test::new().fault(Fault::on(
        Route::Download,
        Act::Bytes(fast(&profiles(4096))),
    ));
    let run = test
        .run("stage -q")
        .error("archive-refused")
        .stderr_has(" and 4080 more")
        .keeps_files();
    is_bounded(run.peak(6));
}

/// The document is small as text, but large after parsing.
#[test]
fn variables_that_grow_when_they_are_read() {
    let path = format!("{}variables.json", profile_directory(EDGE_INFRA_2_1_0));
    let one = r#"{"name":""},"#;
    let many = one.repeat((8 << 20) / one.len() - 10);
    let json = format!(r#"{{"variables":[{many}{{"name":""}}]}}"#);
    let archive = Crafted::default().file(path.as_bytes(), json.as_bytes());
    shown(archive.gzip(), |run| {
        run.stdout_has(": variables not known").peak(0)
    });
}
