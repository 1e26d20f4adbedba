//! What `verify --image` says of disk images, raw and compressed.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::process::Command;

use crate::support::handmade::{BLOCK, Disk};
use crate::support::{
    IN_PARTITION, Proof, Test, Tree, archive, content_sha256, finish, gzip, path_of_tools,
    profile_directory, sha256,
};

const LABEL: &str = "COS_CONTENT";
const TRUNCATED: &str = "truncated  it ends before what it says it holds";

/// A disk like those of `+cloud-image`: the fourth partition carries content.
fn cloud(file_system: &[u8]) -> Disk {
    Disk::of(&[
        ("efi", &[1; 5000]),
        ("oem", &[2; BLOCK]),
        ("recovery", &vec![3; 70_000]),
        (LABEL, file_system),
    ])
}

/// A disk like those of `+maas-image`: the fifth, under another name.
fn maas(file_system: &[u8]) -> Disk {
    Disk::of(&[
        ("efi", &[1; 5000]),
        ("oem", &[2; BLOCK]),
        ("recovery", &vec![3; 70_000]),
        ("state", &[0; 8192]),
        ("content", file_system),
    ])
}

/// A small partition with this tree.
fn packed(tree: &Tree) -> Vec<u8> {
    tree.file_system(LABEL, 1024, &[])
}

/// A small partition with what is staged.
fn content(proof: &Proof) -> Vec<u8> {
    packed(&Tree::partition(&proof.test.staged()))
}

/// The disk as it is, and compressed.
fn both(proof: &Proof, disk: &Disk) -> [PathBuf; 2] {
    [
        proof.put("disk.raw", &disk.bytes),
        proof.put("disk.raw.gz", gzip(&disk.bytes)),
    ]
}

#[track_caller]
fn says(proof: &Proof, disk: &Disk, row: &str) {
    for image in both(proof, disk) {
        proof.says(&image, row);
    }
}

#[test]
fn a_disk_holds_what_is_locked() {
    let proof = Proof::new();
    let content = content(&proof);
    for disk in [cloud(&content), maas(&content)] {
        says(&proof, &disk, "equal");
        for (image, format) in both(&proof, &disk).iter().zip(["raw", "raw.gz"]) {
            let said = proof.run(&[image]).arg("--json").any_stdout().success();
            let said = &said.json()["images"][0];
            assert_eq!(said["format"], format);
            assert!(said["label"].is_null());
            assert_eq!(said["sha256"], sha256(&proof.test.staged()));
        }
    }
}

/// The options of a file system as they were before 1996. The ones of e2fsprogs up to 1.47.0
/// are refused by its successors, and the other way round.
fn revision_0(tree: &Tree) -> [&'static str; 4] {
    let spellings = [
        ["-t", "ext2", "-E", "revision=0"],
        ["-t", "ext2", "-r", "0"],
    ];
    let mut known = spellings.into_iter();
    let options = known.find(|options| tree.try_file_system(LABEL, 1024, options).is_ok());
    options.expect("no spelling of revision 0 that this mke2fs knows")
}

/// As `mkfs.ext4` makes them by default, by its options, and of its elders.
#[test]
fn file_systems_of_many_kinds_are_read() {
    let proof = Proof::new();
    let tree = Tree::partition(&proof.test.staged());
    let original = revision_0(&tree);
    // The superblock's own word for it: `s_rev_level`, 4 bytes.
    let bytes = tree.file_system(LABEL, 1024, &original);
    assert_eq!(bytes[1024 + 76..][..4], [0; 4]);
    for (kib, options) in [
        (4096, &[][..]),
        (2048, &["-b", "4096"]),
        (2048, &["-I", "128"]),
        (2048, &["-O", "^metadata_csum"]),
        (2048, &["-O", "metadata_csum_seed"]),
        (2048, &["-O", "^64bit"]),
        (2048, &["-O", "^extent,^64bit"]),
        (16_384, &["-b", "65536"]),
        (4096, &["-t", "ext3"]),
        (1024, &["-t", "ext2"]),
        (1024, &original),
    ] {
        let disk = cloud(&tree.file_system(LABEL, kib, options));
        let image = proof.put("disk.raw", &disk.bytes);
        let run = proof.run(&[&image]).any_stdout();
        assert!(run.success().stdout.ends_with("  equal\n"), "{options:?}");
    }
}

/// Inodes and blocks are in groups, and each group says where its own are.
#[test]
fn a_file_in_a_late_group_is_found() {
    let proof = Proof::new();
    let mut tree = Tree::partition(&proof.test.staged());
    for number in 0..200 {
        tree = tree.with(&format!("before/{number}"), "");
    }
    for options in ["^metadata_csum", "metadata_csum", "^64bit"] {
        let groups = ["-b", "1024", "-g", "1024", "-N", "256", "-O", options];
        let disk = cloud(&tree.file_system(LABEL, 16_384, &groups));
        proof.says(&proof.put("disk.raw", &disk.bytes), "equal");
    }
}

#[test]
fn what_no_node_could_read_is_damaged() {
    let proof = Proof::new();
    let tree = Tree::partition(&proof.test.staged());
    for (kib, options) in [(2048, ["-O", "inline_data"]), (4096, ["-O", "encrypt"])] {
        let disk = cloud(&tree.file_system(LABEL, kib, &options));
        let row = "damaged  a content partition with features that cannot be read";
        says(&proof, &disk, row);
    }
    // Its journal has more than the file system itself.
    let mut disk = cloud(&tree.file_system(LABEL, 4096, &["-O", "^metadata_csum"]));
    let start = disk.place(3).start;
    disk.bytes[start + 1024 + 0x60] |= 4;
    says(
        &proof,
        &disk,
        "damaged  a content partition that was not unmounted",
    );
}

/// A file in many places, in trees of several levels and in block maps.
#[test]
fn a_file_in_many_places_is_read_whole() {
    let proof = Proof::new();
    let tree = Tree::empty().with(IN_PARTITION, "");
    let file = File::options().write(true).open(tree.path(IN_PARTITION));
    let file = file.unwrap();
    // Every other page is a hole, as mke2fs leaves it.
    for page in 0..400_u16 {
        let bytes = page.to_be_bytes().repeat(2048);
        file.write_all_at(&bytes, u64::from(page) * 8192).unwrap();
    }
    file.set_len(4_000_000).unwrap();
    let expected = sha256(&fs::read(tree.path(IN_PARTITION)).unwrap());
    for options in [&["-O", "^has_journal"][..], &["-t", "ext2"]] {
        let disk = cloud(&tree.file_system(LABEL, 8192, options));
        for image in both(&proof, &disk) {
            let said = proof.run(&[&image]).arg("--json").any_stdout();
            let said = said.any_stderr().fails(3);
            assert_eq!(said.json()["images"][0]["sha256"], expected);
        }
    }
}

/// A directory of many files has an index; they are all found without it.
#[test]
fn among_many_files() {
    let proof = Proof::new();
    let mut tree = Tree::partition(&proof.test.staged());
    for number in 0..300 {
        tree = tree.with(&format!("spc-config/{number}-{}", "x".repeat(100)), "");
    }
    let plain = tree.file_system(LABEL, 4096, &["-O", "^has_journal"]);
    says(&proof, &cloud(&plain), "equal");
    let image = proof.put("fs", &plain);
    let mut run = Command::new("e2fsck");
    run.env("PATH", path_of_tools());
    finish(run.args(["-fyD"]).arg(&image));
    let indexed = fs::read(&image).unwrap();
    assert_ne!(indexed, plain);
    says(&proof, &cloud(&indexed), "equal");
}

#[test]
fn what_is_in_a_partition_is_told_as_in_an_iso() {
    let proof = Proof::new();
    let tree = || Tree::partition(b"");
    let nothing = || tree().without("spc-config");
    for (tree, row) in [
        (tree(), "no definition  an empty file (T24)"),
        (tree().without(IN_PARTITION), "missing  (T1)"),
        (nothing(), "missing  (T1)"),
        (
            nothing().with_directory(IN_PARTITION),
            "wrong kind  a directory (T7)",
        ),
        (
            nothing().with_link(IN_PARTITION, "spc.tgz.real"),
            "wrong kind  a symbolic link (T8)",
        ),
        (
            nothing()
                .with("real/spc.tgz", "")
                .with_link("spc-config", "real"),
            "wrong kind  a symbolic link (T8)",
        ),
        (
            nothing().with("spc-config", "a file"),
            "wrong kind  behind a file where a directory is meant (T7)",
        ),
        (
            nothing().with("spc-config/SPC.TGZ", proof.test.staged()),
            "missing  (T1)",
        ),
    ] {
        says(&proof, &cloud(&packed(&tree)), row);
    }
    let tree = tree().without(IN_PARTITION);
    finish(Command::new("mkfifo").arg(tree.path(IN_PARTITION)));
    let row = "wrong kind  a special file (T7)";
    says(&proof, &cloud(&packed(&tree)), row);
}

/// An archive that is larger than what one read gives.
#[test]
fn another_definition_in_a_partition() {
    let proof = Proof::new();
    let text = "some: yaml\n".repeat(1000);
    let profile = profile_directory("65c90a1b2c3d4e5f770daee5");
    let files: Vec<String> = (0..40).map(|n| format!("{profile}{n}.yaml")).collect();
    let entries: Vec<(&str, &str)> = files.iter().map(|file| (&file[..], &text[..])).collect();
    let other = archive(&entries);
    let row = format!(
        "another definition  content {}",
        &content_sha256(&other)[..12]
    );
    let content = packed(&Tree::partition(&other));
    says(&proof, &cloud(&content), &row);
}

#[test]
fn a_disk_without_the_partition() {
    let proof = Proof::new();
    let none = "missing  no partition `COS_CONTENT` (T24)";
    let tree = Tree::partition(&proof.test.staged());
    for label in ["", "COS_OEM", "COS_CONTENT2", "cos_content"] {
        let other = tree.file_system(label, 1024, &[]);
        says(&proof, &cloud(&other), none);
        // The name in the table is not the label.
        says(&proof, &Disk::of(&[(LABEL, &other)]), none);
    }
    says(&proof, &cloud(b"no file system"), none);
    says(&proof, &Disk::of(&[]), none);
    for image in both(&proof, &Disk::of(&[("efi", &[1; 5000])])) {
        proof.says_of_none(&image, "none");
    }
    for image in both(&proof, &cloud(&content(&proof))) {
        proof.says_of_none(&image, "unexpected  (T31)");
    }
}

#[test]
fn a_disk_that_was_cut_is_truncated() {
    let proof = Proof::new();
    let mut disk = cloud(&content(&proof));
    let part = disk.place(3);
    let end = disk.bytes.len();
    for cut in [
        1024,
        1025,
        20_000,
        40_000,
        part.start,
        part.start + 1500,
        part.end,
        end - 1,
    ] {
        let cut = &disk.bytes[..cut];
        proof.says(&proof.put("cut.raw", cut), TRUNCATED);
        // Cut first, compressed then: gzip itself is whole.
        proof.says(&proof.put("cut.raw.gz", gzip(cut)), TRUNCATED);
    }
    let row = "not a CanvOS image  neither an ISO nor a disk with a partition table";
    for cut in [0, 511, 512, 600, 1023] {
        proof.says(&proof.put("cut.raw", &disk.bytes[..cut]), row);
    }
    let row = "not a CanvOS image  no disk image inside";
    let cut = gzip(&disk.bytes[..1000]);
    proof.says(&proof.put("cut.raw.gz", cut), row);
}

#[test]
fn a_compressed_disk_that_was_cut_is_truncated() {
    let proof = Proof::new();
    let packed = gzip(&cloud(&content(&proof)).bytes);
    let end = packed.len();
    for cut in [
        2,
        5,
        10,
        100,
        end / 4,
        end / 2,
        end - 9,
        end - 8,
        end - 4,
        end - 1,
    ] {
        let image = proof.put("cut.raw.gz", &packed[..cut]);
        proof.says(&image, TRUNCATED);
    }
}

#[test]
fn a_compressed_disk_that_was_changed_is_damaged() {
    let proof = Proof::new();
    let packed = gzip(&cloud(&content(&proof)).bytes);
    let end = packed.len();
    let damaged = "damaged  the gzip compression";
    // The method, the sum, the length.
    for at in [2, end - 8, end - 1] {
        let mut packed = packed.clone();
        packed[at] ^= 0xff;
        proof.says(&proof.put("a.raw.gz", packed), damaged);
    }
    // What was compressed.
    for at in [100, end / 2, end - 20] {
        let mut packed = packed.clone();
        packed[at..at + 8].fill(0xaa);
        let image = proof.put("a.raw.gz", packed);
        let run = proof.run(&[&image]).any_stderr();
        let said = run.any_stdout().fails(3).stdout;
        assert!(
            said.contains("  damaged  ") || said.contains("  truncated  "),
            "{at}: {said}"
        );
    }
    // What was written behind it was not compressed.
    let appended = [&packed[..], b"what nobody compressed"].concat();
    proof.says(&proof.put("a.raw.gz", appended), damaged);
}

/// Compressed by many at once, or in several runs.
#[test]
fn a_compressed_disk_of_several_members() {
    let proof = Proof::new();
    let disk = cloud(&content(&proof)).bytes;
    let members: Vec<u8> = disk.chunks(disk.len() / 5).flat_map(gzip).collect();
    proof.says(&proof.put("a.raw.gz", members), "equal");
}

#[test]
fn what_is_compressed_and_no_disk() {
    let proof = Proof::new();
    let row = "not a CanvOS image  a disk without a partition table inside";
    proof.says(&proof.put("a.gz", gzip(&vec![7; 100_000])), row);
    let iso = fs::read(proof.iso("a.iso", &proof.overlay())).unwrap();
    proof.says(&proof.put("a.iso.gz", gzip(&iso)), row);
    let row = "not a CanvOS image  no disk image inside";
    proof.says(&proof.put("a.gz", gzip(b"text")), row);
    proof.says(&proof.put("a.gz", gzip(b"")), row);
}

/// One partition goes through a temporary file, which nobody has to clean up.
#[test]
fn a_compressed_disk_leaves_nothing_behind() {
    let proof = Proof::new();
    let content = content(&proof);
    let good = gzip(&cloud(&content).bytes);
    let bad = gzip(&cloud(&packed(&Tree::empty())).bytes);
    let cut = &good[..good.len() - 100];
    let before: Vec<PathBuf> = proof.test.contents().into_keys().collect();
    for (bytes, row) in [
        (&good[..], "equal"),
        (&bad, "missing  (T1)"),
        (cut, TRUNCATED),
    ] {
        proof.says(&proof.put("a.raw.gz", bytes), row);
        let after: Vec<PathBuf> = proof.test.contents().into_keys().collect();
        assert_eq!(after, before);
    }
}

#[test]
fn where_no_temporary_file_can_be_written() {
    let proof = Proof::new();
    let disk = cloud(&content(&proof)).bytes;
    let image = proof.put("a.raw.gz", gzip(&disk));
    proof.test.put("file", "");
    let cache = proof.test.path("file/cache");
    let run = proof.run(&[&image]).arg("--cache-dir");
    let run = run.arg(cache.to_str().unwrap());
    run.stdout_has("  unreadable  cannot create `")
        .any_stderr()
        .fails(3);
    let raw = proof.put("a.raw", disk);
    let run = proof.run(&[&raw]).arg("--cache-dir");
    run.arg(cache.to_str().unwrap()).any_stdout().success();
}

#[test]
fn a_partition_table_that_does_not_add_up_is_damaged() {
    let proof = Proof::new();
    let good = cloud(&content(&proof));
    let header = "damaged  the header of the partition table";
    let table = "damaged  the partition table";
    let mut disk = good.clone();
    disk.header()[60] ^= 1;
    says(&proof, &disk, header);
    let mut disk = good.clone();
    disk.entry(7)[0] ^= 1;
    says(&proof, &disk, table);
    // The rest has the right checksums: the size of the header, its own place, the
    // table's place, how many entries, how large each.
    for (at, value) in [
        (12, 91_u64),
        (12, 513),
        (24, 2),
        (32, u64::MAX),
        (72, 0),
        (72, 1),
        (72, u64::MAX),
        (80, 0xffff_ffff),
        (84, 0),
        (84, 0xffff_ffff),
    ] {
        let mut disk = good.clone();
        let width = if (24..80).contains(&at) { 8 } else { 4 };
        disk.header()[at..at + width].copy_from_slice(&value.to_le_bytes()[..width]);
        disk.seal();
        says(&proof, &disk, header);
    }
}

#[test]
fn partitions_that_cannot_be_are_damaged() {
    let proof = Proof::new();
    let good = cloud(&content(&proof));
    let last = (good.bytes.len() / BLOCK - 1) as u64;
    let reversed = "damaged  a partition that ends before it begins";
    let overlap = "damaged  partitions that overlap";
    let outside = "damaged  a partition outside of the disk";
    // Of the third: its first block and its last.
    for (first, end, row) in [
        (200, 100, reversed),
        (1, 0, reversed),
        (0, u64::MAX, reversed),
        (u64::MAX / 2, u64::MAX, reversed),
        (64, 300, overlap),
        (0, 1, overlap),
        (2, 40, overlap),
        (300, 300, overlap),
        (80, last - 1, overlap),
        (last + 1, last + 100, outside),
        (1 << 40, 1 << 50, outside),
    ] {
        let mut disk = good.clone();
        disk.entry(2)[32..40].copy_from_slice(&u64::to_le_bytes(first));
        disk.entry(2)[40..48].copy_from_slice(&u64::to_le_bytes(end));
        disk.seal();
        says(&proof, &disk, row);
    }
}

/// A broken table is told before what it says is looked for.
#[test]
fn a_broken_table_of_a_disk_that_was_cut() {
    let proof = Proof::new();
    let mut disk = cloud(&content(&proof));
    disk.entry(7)[0] ^= 1;
    disk.bytes.truncate(disk.bytes.len() - 1);
    says(&proof, &disk, "damaged  the partition table");
}

/// The order in the table need not be the disk's.
#[test]
fn a_table_in_another_order() {
    let proof = Proof::of(Test::new().stage());
    let mut disk = cloud(&content(&proof));
    let (first, fourth) = (disk.entry(0).to_vec(), disk.entry(3).to_vec());
    disk.entry(0).copy_from_slice(&fourth);
    disk.entry(3).fill(0);
    disk.entry(90).copy_from_slice(&first);
    disk.seal();
    says(&proof, &disk, "equal");
}
