//! ISO images with loops, locations beyond the end, and absurd sizes. Each is refused with a
//! specific message, in little time and memory.
#![allow(clippy::cast_possible_truncation)] // sizes of small things in a test

use crate::support::handmade_images::{
    DIRECTORY, FILE, Iso, MORE, Place, SECTOR, continues, entry, name, record, rock_ridge,
};
use crate::support::{Proof, gzip};

const TRUNCATED: &str = "truncated  the file ends before its content does";
/// As far as anything may be from what there is.
const FAR: Place = Place {
    sector: u32::MAX,
    length: u32::MAX,
};

#[track_caller]
fn refused(proof: &Proof, iso: &Iso, row: &str) {
    proof.says_soon(&proof.put("a.iso", &iso.bytes), row);
}

/// An ISO whose directory `clusterconfig` has these records, and what they are about.
fn with_records(proof: &Proof, records: impl FnOnce(Place) -> Vec<Vec<u8>>) -> Iso {
    let mut iso = Iso::new();
    let file = iso.add(&proof.test.staged());
    iso.tree(&records(file));
    iso
}

/// An ISO with Rock Ridge whose only file is called by this System Use area; `edit` may
/// append what that leads to.
fn with_area(proof: &Proof, edit: impl FnOnce(&mut Iso) -> Vec<u8>) -> Iso {
    let mut iso = Iso::new();
    let file = iso.add(&proof.test.staged());
    let area = edit(&mut iso);
    let mut place = iso.directory(&[record(b"F;1", file, FILE, &area)]);
    for part in ["clusterconfig", "spectrocloud"] {
        place = iso.directory(&[record(b"D", place, DIRECTORY, &name(part))]);
    }
    let opt = record(b"O", place, DIRECTORY, &name("opt"));
    let root = iso.directory_with(&rock_ridge(), &[opt]);
    iso.root(root);
    iso
}

#[test]
fn a_directory_that_holds_itself() {
    let proof = Proof::new();
    let mut iso = Iso::new();
    let own = Place {
        sector: iso.next(),
        length: SECTOR as u32,
    };
    let names = [&b"OPT"[..], b"SPECTROCLOUD", b"CLUSTERCONFIG", b"SPC.TGZ"];
    let records = names.map(|name| record(name, own, DIRECTORY, &[]));
    let root = iso.directory(&records);
    iso.root(root);
    let row = "wrong kind  a directory; next to it `CLUSTERCONFIG`, a directory; \
               `OPT`, a directory; `SPECTROCLOUD`, a directory (T7)";
    refused(&proof, &iso, row);
}

#[test]
fn places_and_sizes_of_an_iso_that_cannot_be() {
    let proof = Proof::new();
    let far = |place: Place, flags| record(b"SPC.TGZ;1", place, flags, &[]);
    let absurd = "damaged  a directory of an absurd size";
    for (place, row) in [
        (FAR, TRUNCATED),
        (Place { length: 1, ..FAR }, TRUNCATED),
        (Place { sector: 0, ..FAR }, TRUNCATED),
    ] {
        let iso = with_records(&proof, |_| vec![far(place, FILE)]);
        refused(&proof, &iso, row);
    }
    let short = Place {
        length: SECTOR as u32,
        ..FAR
    };
    let empty = Place { length: 0, ..FAR };
    for (root, row) in [
        (FAR, TRUNCATED),
        (short, TRUNCATED),
        (empty, "damaged  an empty directory"),
        (Place { sector: 18, ..FAR }, absurd),
    ] {
        let mut iso = Iso::new();
        assert_eq!(iso.directory(&[]).sector, 18);
        iso.root(root);
        refused(&proof, &iso, row);
    }
    for (directory, row) in [(FAR, absurd), (short, TRUNCATED), (empty, "missing  (T1)")] {
        let mut iso = Iso::new();
        let readme = iso.add(b"text");
        let content = iso.directory(&[record(b"README.TXT;1", readme, FILE, &[])]);
        let above = iso.directory(&[
            record(b"CLUSTERCONFIG", directory, DIRECTORY, &[]),
            record(b"CONTENT", content, DIRECTORY, &[]),
        ]);
        let above = iso.directory(&[record(b"SPECTROCLOUD", above, DIRECTORY, &[])]);
        let root = iso.directory(&[record(b"OPT", above, DIRECTORY, &[])]);
        iso.root(root);
        refused(&proof, &iso, row);
    }
}

#[test]
fn records_that_cannot_be() {
    let proof = Proof::new();
    let good = |file| record(b"SPC.TGZ;1", file, FILE, &[]);
    for (at, value) in [(0, 1), (0, 33), (0, 34), (32, 255)] {
        let iso = with_records(&proof, |file| {
            let mut record = good(file);
            record[at] = value;
            vec![record]
        });
        refused(&proof, &iso, "damaged  a directory record");
    }
    // Extents that share their bytes, and more of them than there can be.
    for count in [200, 1100] {
        let iso = with_records(&proof, |file| {
            let whole = Place {
                sector: 0,
                length: file.sector * SECTOR as u32,
            };
            let mut records = vec![record(b"SPC.TGZ;1", whole, MORE, &[]); count];
            records.push(record(b"SPC.TGZ;1", whole, FILE, &[]));
            records
        });
        refused(&proof, &iso, "damaged  the extents of a file");
    }
}

/// Archives that decompress to far more than their size, each under many names: only a few are
/// read, and none of them far.
#[test]
fn bombs_beside_the_definition() {
    let proof = Proof::new();
    let mut iso = Iso::new();
    let file = iso.add(&proof.test.staged());
    let bomb = iso.add(&gzip(&vec![0; 200 << 20]));
    let named = |number: usize| format!("BOMB{number:04}.TGZ;1").into_bytes();
    let mut records = vec![record(b"SPC.TGZ;1", file, FILE, &[])];
    records.extend((0..5000).map(|number| record(&named(number), bomb, FILE, &[])));
    iso.tree(&records);
    let image = proof.put("a.iso", &iso.bytes);
    let begun = std::time::Instant::now();
    let run = proof.run(&[&image]).prelude("ulimit -v 500000");
    let said = run.any_stdout().any_stderr().fails(3).stdout;
    assert!(said.contains("  ambiguous  next to it `BOMB0000.TGZ`, not a definition: "));
    assert!(said.ends_with("; 4997 more (T25)\n"), "{said}");
    assert!(begun.elapsed() < std::time::Duration::from_secs(60));
}

#[test]
fn descriptors_that_cannot_be() {
    let proof = Proof::new();
    let good = with_records(&proof, |file| vec![record(b"SPC.TGZ;1", file, FILE, &[])]);
    proof.says_soon(&proof.put("good.iso", &good.bytes), "as locked");
    let primary = 16 * SECTOR;
    let row = "damaged  a volume descriptor";
    for (at, bytes, row) in [
        (primary, &[255][..], "damaged  no primary volume descriptor"),
        (primary, &[2], "damaged  no primary volume descriptor"),
        // The second is not a last one, and what comes then is none.
        (primary + SECTOR, &[0], row),
        (primary + SECTOR + 1, b"XX", row),
        (primary + 80, &[0xff; 4], TRUNCATED),
        (
            primary + 128,
            &[0, 2],
            "damaged  blocks of another size than 2048 bytes",
        ),
        (
            primary + 156 + 25,
            &[0],
            "damaged  a root that is not a directory",
        ),
    ] {
        let mut iso = good.clone();
        iso.bytes[at..at + bytes.len()].copy_from_slice(bytes);
        refused(&proof, &iso, row);
    }
    // Descriptors without an end.
    let mut iso = Iso::new();
    for _ in 0..100 {
        iso.add(b"\x00CD001\x01");
    }
    let terminator = 17 * SECTOR;
    iso.bytes[terminator] = 0;
    iso.root(FAR);
    refused(&proof, &iso, TRUNCATED);
}

#[test]
fn names_without_an_end() {
    let proof = Proof::new();
    let endless = "damaged  names that continue without an end";
    let own = |iso: &Iso| continues(iso.next(), 0, 28);
    let iso = with_area(&proof, |iso| {
        let again = own(iso);
        iso.add(&again);
        again
    });
    refused(&proof, &iso, endless);
    let lengths = [(9000, endless), (u32::MAX, endless), (28, TRUNCATED)];
    for (length, row) in lengths {
        let iso = with_area(&proof, |_| continues(u32::MAX, u32::MAX, length));
        refused(&proof, &iso, row);
    }
    // An area that ends within an entry has no more entries.
    for area in [
        &b"NM"[..],
        b"NM\x00\x01",
        b"NM\xff\x01\x00x",
        b"NM\x05\x01\x00",
    ] {
        let iso = with_area(&proof, |_| area.to_vec());
        // The plain name is left.
        let row = "wrong name  no `spc.tgz`, but `F`, the locked definition (T25)";
        refused(&proof, &iso, row);
    }
    // Every record of a large directory leads to a large area.
    let mut iso = Iso::new();
    let area = iso.add(&entry(b"XX", &[]).repeat(1900));
    let more = continues(area.sector, 0, area.length);
    let mut records = vec![record(b"A", FAR, DIRECTORY, &more); 14_000];
    records.push(record(b"O", FAR, DIRECTORY, &name("opt")));
    let root = iso.directory_with(&rock_ridge(), &records);
    assert!(root.length < 1 << 20);
    iso.root(root);
    refused(&proof, &iso, "damaged  names of an absurd size");
}

#[test]
fn a_relocation_that_leads_nowhere() {
    let proof = Proof::new();
    let empty = "damaged  an empty directory";
    for (sector, row) in [(u32::MAX, TRUNCATED), (0, empty)] {
        let mut iso = Iso::new();
        let moved = entry(
            b"CL",
            &[sector.to_le_bytes(), sector.to_be_bytes()].concat(),
        );
        let opt = record(b"O;1", FAR, FILE, &[name("opt"), moved].concat());
        let root = iso.directory_with(&rock_ridge(), &[opt]);
        iso.root(root);
        refused(&proof, &iso, row);
    }
}
