//! `verify --image` with disk images, raw and compressed.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::process::Command;

use crate::support::handmade_images::{BLOCK, Disk};
use crate::support::{
    IN_PARTITION, OLDER, Proof, ROOT, Test, Tree, archive, content_sha256, finish, gzip,
    path_of_tools, profile_directory, sha256,
};

mod compressed;
mod partition_table;

const LABEL: &str = "COS_CONTENT";
const TRUNCATED: &str = "truncated  the file ends before its content does";

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

/// The file system is valid, but needs features that edgestage does not support.
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
            "error[image-differs]: 1 image could not be verified\n\
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

/// A build that copies a partition while it is mounted succeeds. A host applies the changes in
/// the journal; edgestage cannot read them.
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
            "error[image-differs]: 1 image could not be verified\n\
             help: unmount the content partition everywhere, then build again\n\
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

/// Only the needed parts of a raw disk are read, whatever else its partitions hold.
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
    proof.says(
        &image,
        "as locked  next to it `b.zst`, not an archive (T25)",
    );
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
        "as locked  next to it `0-{long}…`, not an archive; `1-{long}…`, not an archive; \
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

/// The checkout tells why there is no partition, or no file in it.
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

/// Of several disks of one build, only the first gets the partition.
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
