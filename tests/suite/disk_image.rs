//! What `verify --image` says of disk images, raw and compressed.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::process::Command;

use crate::support::handmade::{BLOCK, Disk};
use crate::support::{
    IN_PARTITION, OLDER, Proof, ROOT, Test, Tree, archive, content_sha256, finish, gzip,
    path_of_tools, profile_directory, sha256,
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
        says(&proof, &disk, "as locked");
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
        assert!(
            run.success().stdout.ends_with("  as locked\n"),
            "{options:?}"
        );
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
        proof.says(&proof.put("disk.raw", &disk.bytes), "as locked");
    }
}

/// What the file system needs of its reader is not there: nothing is wrong with it.
#[test]
fn features_that_cannot_be_read_are_named() {
    let proof = Proof::new();
    let tree = Tree::partition(&proof.test.staged());
    for (kib, options, features) in [
        (2048, &["-O", "inline_data"][..], "inline_data"),
        (4096, &["-O", "encrypt"], "encrypt"),
        (8192, &["-O", "meta_bg,^resize_inode"], "meta_bg"),
        (4096, &["-O", "casefold"], "casefold"),
        (4096, &["-O", "ea_inode"], "ea_inode"),
        (4096, &["-O", "encrypt,inline_data"], "inline_data, encrypt"),
    ] {
        let disk = cloud(&tree.file_system(LABEL, kib, options));
        let row = format!(
            "unreadable  the content partition has ext4 features that cannot be read: {features}"
        );
        says(&proof, &disk, &row);
        for image in both(&proof, &disk) {
            proof.says_of_none(&image, &row);
        }
    }
    let disk = cloud(&tree.file_system(LABEL, 2048, &["-O", "inline_data"]));
    let image = proof.put("disk.raw", &disk.bytes);
    proof
        .run(&[&image])
        .any_stdout()
        .stderr(
            "error[image-differs]: 1 image that could not be verified\n\
             help: create the content partition with the default features of `mkfs.ext4`\n\
             see: `edgestage explain image`\n",
        )
        .fails(3);
    // A bit that was flipped is damage, if there is a checksum that says so.
    let mut disk = cloud(&tree.file_system(LABEL, 4096, &["-O", "metadata_csum"]));
    let start = disk.place(3).start;
    for bit in [4, 0x10] {
        disk.bytes[start + 1024 + 0x60] ^= bit;
        let row = "damaged  the superblock of the content partition";
        says(&proof, &disk, row);
        disk.bytes[start + 1024 + 0x60] ^= bit;
    }
}

/// A build that copies a partition while something holds it mounted ends well. What is in
/// the journal counts for the host, and is not what can be read here.
#[test]
fn a_partition_that_was_copied_while_it_was_mounted() {
    let proof = Proof::new();
    let tree = Tree::partition(&proof.test.staged());
    let recovery = "needs recovery  its journal is not replayed: \
                    the partition was copied while it was mounted (T27)";
    for options in [["-O", "metadata_csum"], ["-O", "^metadata_csum"]] {
        let fs = proof.put("fs", tree.file_system(LABEL, 8192, &options));
        let mut run = Command::new("debugfs");
        run.env("PATH", path_of_tools());
        let commands = "journal_open\njournal_write -b 500 /dev/null\njournal_close\n";
        let commands = proof.put("commands", commands);
        finish(run.args(["-w", "-f"]).arg(commands).arg(&fs));
        let disk = cloud(&fs::read(&fs).unwrap());
        for image in both(&proof, &disk) {
            proof.says(&image, recovery);
            proof.says_of_none(&image, recovery);
        }
        // What the help is about.
        let mut run = Command::new("e2fsck");
        run.env("PATH", path_of_tools());
        run.args(["-fy"]).arg(&fs).output().unwrap();
        says(&proof, &cloud(&fs::read(&fs).unwrap()), "as locked");
    }
    let mut disk = cloud(&tree.file_system(LABEL, 4096, &["-O", "^metadata_csum"]));
    let start = disk.place(3).start;
    disk.bytes[start + 1024 + 0x60] |= 4;
    says(&proof, &disk, recovery);
    let image = proof.put("disk.raw", &disk.bytes);
    proof
        .run(&[&image])
        .any_stdout()
        .stderr(
            "error[image-differs]: 1 image that could not be verified\n\
             help: unmount the content partition everywhere, and build again\n\
             see: `edgestage explain T27`\n",
        )
        .fails(3);
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

/// A raw disk is read where something is looked for, whatever else its partitions hold.
#[cfg(target_os = "linux")] // which counts what a process reads
#[test]
fn little_of_a_large_disk_is_read() {
    let proof = Proof::new();
    let tree = Tree::partition(&proof.test.staged());
    let bundle = vec![7; 16 << 20];
    let tree = tree.with("bundle-content/a.zst", &bundle);
    let tree = tree.with("spc-config/b.zst", &bundle);
    let disk = cloud(&tree.file_system(LABEL, 48 << 10, &["-O", "^has_journal"]));
    let image = proof.put("disk.raw", &disk.bytes);
    proof.says(&image, "as locked  beside it `b.zst`, not an archive (T25)");
    let read = proof.run(&[&image]).any_stderr().bytes_read();
    assert!((1000..300_000).contains(&read), "{read} bytes were read");
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
    let long = "x".repeat(62);
    let row = format!(
        "as locked  beside it `0-{long}…`, not an archive; `1-{long}…`, not an archive; \
         `10-{}…`, not an archive; 297 more (T25)",
        &long[1..]
    );
    says(&proof, &cloud(&plain), &row);
    let image = proof.put("fs", &plain);
    let mut run = Command::new("e2fsck");
    run.env("PATH", path_of_tools());
    finish(run.args(["-fyD"]).arg(&image));
    let indexed = fs::read(&image).unwrap();
    assert_ne!(indexed, plain);
    says(&proof, &cloud(&indexed), &row);
}

#[test]
fn what_is_in_a_partition_is_told_as_in_an_iso() {
    let proof = Proof::new();
    let tree = || Tree::partition(b"");
    let nothing = || tree().without("spc-config");
    for (tree, row) in [
        (tree(), "no definition  an empty file (T40)"),
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
            "wrong name  no `spc.tgz`, but `SPC.TGZ`, the locked definition (T25)",
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

const NO_PARTITION: &str = "missing  no partition `COS_CONTENT`";

#[test]
fn a_disk_without_the_partition() {
    let proof = Proof::new();
    let none = format!("{NO_PARTITION} (T1)");
    let tree = Tree::partition(&proof.test.staged());
    for label in ["", "COS_OEM", "COS_CONTENT2", "cos_content", " COS_CONTENT"] {
        let other = tree.file_system(label, 1024, &[]);
        says(&proof, &cloud(&other), &none);
        // The name in the table is not the label.
        says(&proof, &Disk::of(&[(LABEL, &other)]), &none);
    }
    says(&proof, &cloud(b"no file system"), &none);
    says(&proof, &Disk::of(&[]), &none);
    for image in both(&proof, &Disk::of(&[("efi", &[1; 5000])])) {
        proof.says_of_none(&image, "none");
    }
    for image in both(&proof, &cloud(&content(&proof))) {
        proof.says_of_none(&image, "unexpected  (T31)");
    }
    // To blkid, which the hosts ask, this is the label.
    let spaced = cloud(&tree.file_system("COS_CONTENT  ", 1024, &[]));
    says(&proof, &spaced, "as locked");
}

/// Why there is no partition, or no file in it, is what the checkout says of a build.
#[test]
fn why_a_definition_is_missing() {
    let proof = Proof::new();
    let efi = Disk::of(&[("efi", &[1; 5000])]);
    let raw = proof.put("disk.raw", &efi.bytes);
    let lacking = cloud(&packed(&Tree::empty().with_directory("spc-config")));
    let lacking = proof.put("lacking.raw", &lacking.bytes);
    let both = |trap: &str| {
        proof.says(&raw, &format!("{NO_PARTITION} ({trap})"));
        proof.says(&lacking, &format!("missing  ({trap})"));
    };
    for (line, trap) in [
        ("CLUSTERCONFIG=spc.tgz", "T1"),
        ("CLUSTERCONFIG=typo.tgz", "T1"),
        ("CLUSTERCONFIG=", "T2"),
        ("ISO_NAME=x", "T2"),
        ("CLUSTERCONFIG=/srv/site.tgz", "T3"),
        ("CLUSTERCONFIG=https://x/y.tgz", "T5"),
    ] {
        proof.test.put("CanvOS/.arg", format!("{line}\n"));
        both(trap);
    }
    // A definition that is replaced is not lost.
    proof.test.put("CanvOS/other.tgz", "other");
    proof.test.put("CanvOS/.arg", "CLUSTERCONFIG=other.tgz\n");
    both("T1");
    proof.test.put("CanvOS/empty.tgz", "");
    proof.test.put("CanvOS/.arg", "CLUSTERCONFIG=empty.tgz\n");
    both("T24");
    // What the rest of the disk is for: it never carries one.
    let kairos = proof.put("kairos.raw", &efi.bytes);
    proof.says(&kairos, &format!("{NO_PARTITION} (T13)"));
    // An archive of no bytes makes no partition, where there is no other content.
    proof.test.put("CanvOS/.arg", "CLUSTERCONFIG=spc.tgz\n");
    proof.test.put(&Test::placement(ROOT), "");
    proof.says(&raw, &format!("{NO_PARTITION} (T24); {OLDER}"));
    proof.says(&lacking, &format!("missing  (T1); {OLDER}"));
    // The image may be looked at where nothing can be seen of its build.
    fs::remove_dir_all(proof.test.path("CanvOS")).unwrap();
    both("T1");
}

/// Whether what is empty in the image was empty before it got there.
#[test]
fn why_a_file_is_empty() {
    let proof = Proof::new();
    let image = proof.put("a.raw", &cloud(&packed(&Tree::partition(b""))).bytes);
    let row = |trap: &str| format!("no definition  an empty file ({trap})");
    proof.says(&image, &row("T40"));
    proof.test.put("CanvOS/empty.tgz", "");
    proof.test.put("CanvOS/.arg", "CLUSTERCONFIG=empty.tgz\n");
    proof.says(&image, &row("T24"));
    proof.test.put("CanvOS/.arg", "CLUSTERCONFIG=spc.tgz\n");
    proof.says(&image, &row("T40"));
    proof.test.put(&Test::placement(ROOT), "");
    proof.says(&image, &format!("{}; {OLDER}", row("T24")));
    proof.test.forget_staged();
    proof.says(&image, &row("T24"));
}

/// A definition that lies in a directory of content bundles is the image's, if
/// CLUSTERCONFIG finds nothing.
#[test]
fn a_definition_of_a_content_bundle() {
    let proof = Proof::new();
    let other = archive(&[("spc/", ""), ("spc/a.yaml", "a: 1\n")]);
    let disk = cloud(&packed(&Tree::partition(&other)));
    let content = content_sha256(&other);
    let is = format!("another definition  content {}", &content[..12]);
    says(&proof, &disk, &is);
    for name in [
        "content-a/b/spc.tgz",
        "content/spc.tgz",
        "contents-a/spc.tgz",
    ] {
        proof.test.put(&format!("CanvOS/{name}"), &other);
        says(&proof, &disk, &is);
    }
    proof.test.put("CanvOS/content-b/spc.tgz", "something else");
    says(&proof, &disk, &is);
    proof.test.put("CanvOS/content-c/spc.tgz", &other);
    let row = format!("{is}, from `content-c/spc.tgz` of the checkout (T42)");
    says(&proof, &disk, &row);
    // An ISO gets nothing from there.
    let iso = proof.iso("a.iso", &Tree::overlay(&other));
    proof.says(&iso, &is);
}

/// Of several disks of one build the first gets the partition.
#[test]
fn a_disk_that_was_passed_over() {
    let proof = Proof::new();
    let good = proof.put("a.raw", &cloud(&content(&proof)).bytes);
    let bare = Disk::of(&[("efi", &[1; 5000])]);
    let other = proof.put("b.raw", &bare.bytes);
    let trap = |images: &[&std::path::Path]| {
        let run = proof.run(images).any_stdout().any_stderr();
        let said = run.fails(3).stdout;
        let other = said.lines().find(|line| line.contains("b.raw "));
        let (_, row) = other.unwrap().split_once("  ").unwrap();
        // The verdicts of the other rows may be longer.
        let row = row.trim_start().strip_prefix("missing").unwrap();
        let no_partition = NO_PARTITION.strip_prefix("missing").unwrap().trim();
        let row = row.trim_start().strip_prefix(no_partition).unwrap();
        row.trim().to_owned()
    };
    assert_eq!(trap(&[&good, &other]), "(T26)");
    assert_eq!(trap(&[&other, &good]), "(T26)");
    // Of another build, or of another target, nothing is known.
    let packed = proof.put("c.raw.gz", gzip(&cloud(&content(&proof)).bytes));
    assert_eq!(trap(&[&other, &packed]), "(T1)");
    fs::create_dir(proof.path("elsewhere")).unwrap();
    let elsewhere = proof.path("elsewhere/a.raw");
    fs::copy(&good, &elsewhere).unwrap();
    assert_eq!(trap(&[&other, &elsewhere]), "(T1)");
    let run = proof.run(&[&good, &other]).arg("--expect-none");
    let said = run.any_stdout().any_stderr().fails(3).stdout;
    assert!(said.ends_with("b.raw  none\n"), "{said}");
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
    // What was written behind it was not compressed; zeros are padding.
    let padded = [&packed[..], &[0; 3000]].concat();
    proof.says(&proof.put("a.raw.gz", &padded), "as locked");
    let appended = [&padded[..], b"more"].concat();
    proof.says(&proof.put("a.raw.gz", appended), damaged);
    let appended = [&packed[..], b"what nobody compressed"].concat();
    proof.says(&proof.put("a.raw.gz", appended), damaged);
}

/// Compressed by many at once, or in several runs.
#[test]
fn a_compressed_disk_of_several_members() {
    let proof = Proof::new();
    let disk = cloud(&content(&proof)).bytes;
    let members: Vec<u8> = disk.chunks(disk.len() / 5).flat_map(gzip).collect();
    proof.says(&proof.put("a.raw.gz", members), "as locked");
}

#[test]
fn what_is_compressed_and_no_disk() {
    let proof = Proof::new();
    let row = "not a CanvOS image  a disk without a partition table inside";
    proof.says(&proof.put("a.gz", gzip(&vec![7; 100_000])), row);
    // One for sticks has a partition table as well, of which none is the content's.
    let uki = proof.path("uki.iso");
    proof.overlay().uki(&uki);
    for image in [proof.iso("a.iso", &proof.overlay()), uki] {
        let packed = proof.put("a.iso.gz", gzip(&fs::read(image).unwrap()));
        let row = "compressed  an ISO, with gzip: decompress it first";
        proof.says(&packed, row);
        proof.says_of_none(&packed, row);
    }
    let row = "not a CanvOS image  no disk image inside";
    proof.says(&proof.put("a.gz", gzip(b"text")), row);
    proof.says(&proof.put("a.gz", gzip(b"")), row);
}

/// Images that are compressed otherwise, or of another kind, by their first bytes.
#[test]
fn what_is_compressed_otherwise_is_named() {
    let proof = Proof::new();
    let disk = proof.put("a.raw", &cloud(&content(&proof)).bytes);
    let zst = proof.path("a.raw.zst");
    finish(
        Command::new("zstd")
            .arg("-q")
            .arg(&disk)
            .arg("-o")
            .arg(&zst),
    );
    let says = |image: &std::path::Path, row: &str| {
        proof.says(image, row);
        proof.says_of_none(image, row);
    };
    says(&zst, "compressed  with zstd: decompress it first");
    proof
        .run(&[&zst])
        .any_stdout()
        .stderr(
            "error[image-differs]: 1 image that could not be verified\n\
             help: decompress it, and verify what comes out\n\
             see: `edgestage explain image`\n",
        )
        .fails(3);
    for (magic, with) in [
        (&b"\xfd7zXZ\0\0\x04"[..], "xz"),
        (b"BZh91AY&SY", "bzip2"),
        (b"PK\x03\x04\x14\0", "zip"),
        (b"\x04\x22\x4d\x18\x64", "lz4"),
        (b"LZIP\x01", "lzip"),
        (b"7z\xbc\xaf\x27\x1c\0\x04", "7-Zip"),
        (b"\x89LZO\0\x0d", "lzop"),
        (b"\x1f\x9d\x90", "compress"),
    ] {
        for more in [0, 100_000] {
            let image = proof.put("packed", [magic, &vec![7; more]].concat());
            says(
                &image,
                &format!("compressed  with {with}: decompress it first"),
            );
        }
    }
    for (magic, kind) in [
        (&b"QFI\xfb\0\0\0\x03"[..], "qcow2"),
        (b"KDMV\x01\0\0\0", "VMDK"),
        (b"vhdxfileQ\0E\0", "VHDX"),
    ] {
        let image = proof.put("disk", [magic, &vec![0; 100_000]].concat());
        let row = format!(
            "not a CanvOS image  a disk of the kind {kind}: \
             convert it to a raw disk first (`qemu-img convert -O raw`)"
        );
        says(&image, &row);
    }
    // What has a partition table is a disk, whatever stands before that.
    let mut odd = fs::read(&disk).unwrap();
    odd[..6].copy_from_slice(b"\xfd7zXZ\0");
    proof.says(&proof.put("odd.raw", odd), "as locked");
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
        (&good[..], "as locked"),
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
    says(&proof, &disk, "as locked");
}
