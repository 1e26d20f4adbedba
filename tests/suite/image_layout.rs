//! The ways in which an ISO image stores names and files, and how little of it is read.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use crate::support::handmade_images::{
    ASSOCIATED, DIRECTORY, FILE, Iso, MORE, Place, SECTOR, continues, entry, name, record,
    rock_ridge,
};
use crate::support::{IN_ISO, Proof, Tree, finish, xorriso};

/// What is around names: none is where the definition is.
const LIVE: [&str; 2] = ["-volid", "COS_LIVE"];

#[test]
fn joliet_names_count_where_there_are_no_others() {
    let proof = Proof::new();
    let image = proof.path("a.iso");
    let options = ["-rockridge", "off", "-joliet", "on"];
    proof
        .overlay()
        .native(&image, &[&LIVE[..], &options].concat());
    let bytes = fs::read(&image).unwrap();
    assert_eq!(bytes[17 * SECTOR], 2, "no second descriptor");
    assert!(!has_rock_ridge(&bytes), "Rock Ridge all the same");
    proof.says(&image, "as locked");
    proof.says(&without(&proof, IN_ISO, &options), "missing  (T1)");
}

#[test]
fn plain_names_count_where_there_are_no_others() {
    let proof = Proof::new();
    for (level, name) in [
        (1, &b"SPECTROC"[..]),
        (2, b"SPECTROCLOUD"),
        (3, b"CLUSTERCONFIG"),
    ] {
        let level = format!("iso_9660_level={level}");
        let options = ["-rockridge", "off", "-joliet", "off", "-compliance", &level];
        let image = proof.path(&level);
        proof
            .overlay()
            .native(&image, &[&LIVE[..], &options].concat());
        let bytes = fs::read(&image).unwrap();
        assert_eq!(bytes[17 * SECTOR], 255, "a second descriptor");
        assert!(has(&bytes, name) && !has_rock_ridge(&bytes), "{level}");
        proof.says(&image, "as locked");
        proof.says(&without(&proof, IN_ISO, &options), "missing  (T1)");
    }
}

/// Whether there is an entry with a name: `NM`, its length, its version, no flags. Two letters
/// alone may be anywhere in an archive.
fn has_rock_ridge(bytes: &[u8]) -> bool {
    let is_entry = |five: &[u8]| five.starts_with(b"NM") && five[3..] == [1, 0];
    bytes.windows(5).any(is_entry)
}

/// A live ISO whose overlay lacks `path`.
fn without(proof: &Proof, path: &str, options: &[&str]) -> std::path::PathBuf {
    let image = proof.path("without.iso");
    let _ = fs::remove_file(&image);
    let tree = proof.overlay().without(path);
    tree.native(&image, &[&LIVE[..], options].concat());
    image
}

fn has(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// One more session on the image: what it maps replaces what is there.
fn grow(image: &Path, commands: &[&str]) {
    let before = image.metadata().unwrap().len();
    finish(xorriso().arg("-dev").arg(image).args(commands));
    assert!(image.metadata().unwrap().len() > before);
}

#[test]
fn the_newest_session_counts() {
    let proof = Proof::new();
    let inside = format!("/{IN_ISO}");
    let staged = proof.test.path("CanvOS/spc.tgz");
    let text = proof.put("text", "text");
    let map = |file: &Path| file.to_str().unwrap().to_owned();
    let image = proof.iso("a.iso", &Tree::overlay(b"text"));
    grow(&image, &["-map", &map(&staged), &inside, "--"]);
    proof.says(&image, "as locked");
    grow(&image, &["-map", &map(&text), &inside, "--"]);
    proof.says(&image, "no definition  it is text, not a gzip archive");
    grow(&image, &["-map", &map(&staged), &inside, "--"]);
    proof.says(&image, "as locked");
    grow(&image, &["-rm", &inside, "--"]);
    proof.says(&image, "missing  (T1)");
    grow(&image, &["-rm_r", "/opt", "--"]);
    proof.says(
        &image,
        "overlay dropped  the rest of the overlay is missing too (T23)",
    );
}

/// Names that do not fit in a record continue elsewhere; directories span many sectors.
#[test]
fn among_many_and_long_names() {
    let proof = Proof::new();
    let mut tree = proof.overlay();
    for directory in ["", "opt/", "opt/spectrocloud/clusterconfig/"] {
        for number in 0..200 {
            tree = tree.with(&format!("{directory}many-{number}"), "");
        }
        // Before and behind the name that is looked for.
        for letter in ["a", "z"] {
            let long = letter.repeat(240);
            tree = tree.with(&format!("{directory}{long}"), "");
        }
    }
    let live = proof.iso("live.iso", &tree);
    assert!(has(&fs::read(&live).unwrap(), b"CE\x1c\x01"));
    let long = "a".repeat(64);
    let row = |first: &str| {
        format!(
            "as locked  next to it `{first}`, not an archive; `many-0`, not an archive; \
             `many-1`, not an archive; 199 more (T25)"
        )
    };
    proof.says(&live, &row(&format!("{long}…")));
    let joliet = proof.path("joliet.iso");
    let options = ["-rockridge", "off", "-joliet", "on"];
    tree.native(&joliet, &[&LIVE[..], &options].concat());
    // Joliet's names are shorter.
    proof.says(&joliet, &row(&long));
    let uki = proof.path("uki.iso");
    tree.uki(&uki);
    proof.says(&uki, &row(&format!("{long}…")));
}

/// Whole names are compared, with their case if the kind of name has one.
#[test]
fn a_name_that_is_alike_is_another() {
    let proof = Proof::new();
    let staged = proof.test.staged();
    let tree = ["SPC.tgz", "spc.tgz.old", "spc.tg", "xspc.tgz"]
        .into_iter()
        .map(|name| format!("opt/spectrocloud/clusterconfig/{name}"))
        .fold(proof.overlay().without(IN_ISO), |tree, path| {
            tree.with(&path, &staged)
        });
    let row = "wrong name  no `spc.tgz`, but `SPC.tgz`, the locked definition; \
               `spc.tg`, the locked definition; `spc.tgz.old`, the locked definition; \
               1 more (T25)";
    proof.says(&proof.iso("a.iso", &tree), row);
}

/// The definition that is staged, in more bytes than it needs.
fn inflated(proof: &Proof) -> Vec<u8> {
    let mut tar = Vec::new();
    let staged = proof.test.staged();
    GzDecoder::new(&staged[..]).read_to_end(&mut tar).unwrap();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::none());
    gzip.write_all(&tar).unwrap();
    gzip.finish().unwrap()
}

/// An image of these records, which get the places of the definition's parts.
fn of_parts(proof: &Proof, name: &str, shape: impl Fn(&[Place]) -> Vec<Vec<u8>>) {
    let mut iso = Iso::new();
    // From back to front, so that they do not lie one behind the other.
    let definition = inflated(proof);
    let mut chunks: Vec<&[u8]> = definition.chunks(SECTOR).collect();
    assert!(chunks.len() > 2, "the definition is too small");
    chunks.reverse();
    let mut places: Vec<Place> = chunks.iter().map(|chunk| iso.add(chunk)).collect();
    places.reverse();
    iso.tree(&shape(&places));
    proof.put(name, &iso.bytes);
}

#[test]
fn a_file_of_several_extents_is_one_file() {
    let proof = Proof::new();
    let extents = |places: &[Place]| -> Vec<Vec<u8>> {
        let last = places.len() - 1;
        let records = places.iter().enumerate();
        records
            .map(|(n, place)| {
                let flags = if n == last { FILE } else { MORE };
                record(b"SPC.TGZ;1", *place, flags, &[])
            })
            .collect()
    };
    let image = proof.path("a.iso");
    of_parts(&proof, "a.iso", extents);
    proof.says(&image, "same content");
    // The last record says that more will follow.
    of_parts(&proof, "a.iso", |places| {
        let mut records = extents(places);
        let last = records.len() - 1;
        records[last][25] |= MORE;
        records
    });
    proof.says(&image, "truncated  the file ends before its content does");
    // What follows is another file.
    of_parts(&proof, "a.iso", |places| {
        let mut records = extents(places);
        records.insert(1, record(b"SPD.TGZ;1", places[0], FILE, &[]));
        records
    });
    proof.says(&image, "damaged  the extents of a file");
}

/// An associated file of the same name comes first; no reader shows it.
#[test]
fn an_associated_file_is_passed_by() {
    let proof = Proof::new();
    let mut iso = Iso::new();
    let [other, file] = [&b"text"[..], &proof.test.staged()].map(|bytes| iso.add(bytes));
    iso.tree(&[
        record(b"SPC.TGZ;1", other, ASSOCIATED, &[]),
        record(b"SPC.TGZ;1", file, FILE, &[]),
    ]);
    proof.says(&proof.put("a.iso", &iso.bytes), "as locked");
}

/// Directories below the eighth level are moved, and a record says where to.
#[test]
fn a_relocated_directory_is_found() {
    let proof = Proof::new();
    let mut iso = Iso::new();
    let file = iso.add(&proof.test.staged());
    let cluster = iso.directory(&[record(b"X;1", file, FILE, &name("spc.tgz"))]);
    let place = entry(
        b"CL",
        &[cluster.sector.to_le_bytes(), cluster.sector.to_be_bytes()].concat(),
    );
    let moved = [name("clusterconfig"), place].concat();
    let mut above = iso.directory(&[record(b"C;1", file, FILE, &moved)]);
    above = iso.directory(&[record(b"S", above, DIRECTORY, &name("spectrocloud"))]);
    let opt = record(b"O", above, DIRECTORY, &name("opt"));
    let root = iso.directory_with(&rock_ridge(), &[opt]);
    iso.root(root);
    proof.says(&proof.put("a.iso", &iso.bytes), "as locked");
}

/// A name in pieces, one of them in a continuation.
#[test]
fn a_name_in_pieces_is_one_name() {
    let proof = Proof::new();
    let mut iso = Iso::new();
    let file = iso.add(&proof.test.staged());
    let rest = entry(b"NM", b"\0nfig");
    let rest = iso.add(&[&[0; 100], &rest[..]].concat());
    let pieces = [
        entry(b"NM", b"\x01clus"),
        entry(b"NM", b"\x01terco"),
        continues(rest.sector, 100, 9),
    ];
    let cluster = iso.directory(&[record(b"F;1", file, FILE, &name("spc.tgz"))]);
    let above = iso.directory(&[record(b"C", cluster, DIRECTORY, &pieces.concat())]);
    let above = iso.directory(&[record(b"S", above, DIRECTORY, &name("spectrocloud"))]);
    let opt = record(b"O", above, DIRECTORY, &name("opt"));
    let root = iso.directory_with(&rock_ridge(), &[opt]);
    iso.root(root);
    proof.says(&proof.put("a.iso", &iso.bytes), "as locked");
}

/// What it takes to read the file behind these bytes.
#[test]
fn a_file_that_lies_in_another_way_is_of_the_wrong_kind() {
    let proof = Proof::new();
    let mut iso = Iso::new();
    let file = iso.add(&proof.test.staged());
    let mut interleaved = record(b"SPC.TGZ;1", file, FILE, &[]);
    interleaved[26] = 1;
    iso.tree(&[interleaved]);
    proof.says(
        &proof.put("a.iso", &iso.bytes),
        "wrong kind  an interleaved file (T7)",
    );
    let mut iso = Iso::new();
    let file = iso.add(&proof.test.staged());
    let packed = [name("spc.tgz"), entry(b"ZF", b"pz\x04\x0f\0\0\0\0\0\0\0\0")].concat();
    let mut place = iso.directory(&[record(b"F;1", file, FILE, &packed)]);
    for part in ["clusterconfig", "spectrocloud"] {
        place = iso.directory(&[record(b"D", place, DIRECTORY, &name(part))]);
    }
    let root = record(b"O", place, DIRECTORY, &name("opt"));
    let root = iso.directory_with(&rock_ridge(), &[root]);
    iso.root(root);
    proof.says(
        &proof.put("b.iso", &iso.bytes),
        "wrong kind  a file that is compressed in the image (T7)",
    );
}

/// Most of an image of 10 GB is a hole that is not read.
#[cfg(target_os = "linux")] // which counts what a process reads
#[test]
fn little_of_a_large_image_is_read() {
    const SECTORS: u32 = 5 << 20;
    let proof = Proof::new();
    // What lies beside the definition is not read either, if it is not an archive.
    let beside = IN_ISO.replace("spc.tgz", "large.bin");
    let tree = proof.overlay().with(&beside, vec![0; 20 << 20]);
    let image = proof.iso("large.iso", &tree);
    let file = File::options().write(true).open(&image).unwrap();
    file.set_len(u64::from(SECTORS) * SECTOR as u64).unwrap();
    let at = 16 * SECTOR as u64 + 80;
    file.write_all_at(&SECTORS.to_le_bytes(), at).unwrap();
    file.write_all_at(&SECTORS.to_be_bytes(), at + 4).unwrap();
    proof.says(
        &image,
        "as locked  next to it `large.bin`, not an archive (T25)",
    );
    let read = proof.run(&[&image]).any_stderr().bytes_read();
    assert!((1000..300_000).contains(&read), "{read} bytes were read");
}
