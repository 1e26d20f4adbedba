//! Disk images with impossible superblocks, inodes, directories and block lists. Each is
//! refused with a specific message, in little time and memory.

use std::fs::{self, File};
use std::io::Write as _;
use std::process::Command;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::support::handmade_images::Disk;
use crate::support::{IN_PARTITION, Proof, Tree, finish, gzip, path_of_tools};

/// A file system without checksums, so that it can be changed; where its parts are.
struct Parts {
    bytes: Vec<u8>,
    table: usize,
}

impl Parts {
    const BLOCK: usize = 1024;
    const SUPERBLOCK: usize = 1024;
    /// The numbers that mke2fs gives: the root, then what it finds.
    const ROOT: usize = 2;
    const DIRECTORY: usize = 12;
    const FILE: usize = 13;

    fn of(proof: &Proof, options: &[&str]) -> Self {
        let tree = Tree::partition(&proof.test.staged());
        let bytes = tree.file_system("COS_CONTENT", 1024, options);
        let mut parts = Self { bytes, table: 0 };
        parts.table = parts.number(2 * Self::BLOCK + 8) * Self::BLOCK;
        parts
    }

    fn number(&self, at: usize) -> usize {
        u32::from_le_bytes(self.bytes[at..at + 4].try_into().unwrap()) as usize
    }

    fn inode(&self, number: usize) -> usize {
        self.table + (number - 1) * 256
    }

    /// The first block of a file that has one extent.
    fn block(&self, inode: usize) -> usize {
        self.number(self.inode(inode) + 0x28 + 20) * Self::BLOCK
    }

    /// A disk with these bytes in their places.
    fn with(&self, edits: &[(usize, &[u8])]) -> Disk {
        let mut bytes = self.bytes.clone();
        for (at, edit) in edits {
            bytes[*at..*at + edit.len()].copy_from_slice(edit);
        }
        Disk::of(&[("content", &bytes)])
    }
}

#[track_caller]
fn refused(proof: &Proof, disk: &Disk, row: &str) {
    proof.says_soon(&proof.put("a.raw", &disk.bytes), row);
    proof.says_soon(&proof.put("a.raw.gz", gzip(&disk.bytes)), row);
}

#[test]
fn superblocks_that_cannot_be() {
    let proof = Proof::new();
    let parts = Parts::of(&proof, &["-O", "^metadata_csum"]);
    refused(&proof, &parts.with(&[]), "as locked");
    let superblock = "damaged  the superblock of the content partition";
    let larger = "damaged  a file system larger than its partition";
    let far = &[0xff; 8][..];
    for (at, bytes, row) in [
        (0x18, &[7, 0, 0, 0][..], superblock),
        (0x18, &[21, 0, 0, 0], superblock),
        (0x18, &far[..4], superblock),
        (0x4, &far[..4], larger),
        (0x150, &far[..4], larger),
        (0x28, &[0; 4], superblock),
        (0x58, &[0, 0], superblock),
        (0x58, &[1, 1], superblock),
        (0x58, &[0, 8], superblock),
        (0xfe, &[0, 0], superblock),
        (0xfe, &far[..2], superblock),
        (0xfe, &[0x41, 0], superblock),
        (
            0,
            &[1, 0, 0, 0],
            "damaged  an entry of a directory that leads nowhere",
        ),
        (
            0x60,
            &far[..2],
            "unreadable  the content partition has ext4 features that cannot be read: \
             compression, journal_dev, meta_bg, 0x20, ea_inode, 0x800, dirdata, inline_data",
        ),
        (
            0x60,
            &[0, 0, 0, 0x80],
            "unreadable  the content partition has ext4 features that cannot be read: \
             0x80000000",
        ),
    ] {
        let disk = parts.with(&[(Parts::SUPERBLOCK + at, bytes)]);
        refused(&proof, &disk, row);
    }
}

#[test]
fn inodes_that_cannot_be() {
    let proof = Proof::new();
    let parts = Parts::of(&proof, &["-O", "^metadata_csum"]);
    let (root, file) = (parts.inode(Parts::ROOT), parts.inode(Parts::FILE));
    let outside = "damaged  a block outside of the file system";
    let extents = "damaged  the extents of a file";
    let far = &[0xff; 6][..];
    for (at, bytes, row) in [
        (2 * Parts::BLOCK + 8, &[0; 4][..], outside),
        (2 * Parts::BLOCK + 8, &far[..4], outside),
        (2 * Parts::BLOCK + 0x28, &far[..4], outside),
        (
            root + 4,
            &far[..4],
            "damaged  a directory of an absurd size",
        ),
        (root + 4, &[0; 4], "missing  (T1)"),
        (
            root,
            &[0, 0x80],
            "wrong kind  behind a file where a directory is meant (T7)",
        ),
        (root + 0x28, &[0, 0], extents),
        (root + 0x28 + 2, &far[..2], extents),
        (root + 0x28 + 6, &[6, 0], extents),
        // The extent is taken for a node's place.
        (root + 0x28 + 6, &[1, 0], outside),
        (root + 0x28 + 2, &[0, 0], "damaged  a directory with a hole"),
        (
            root + 0x28 + 18,
            far,
            "damaged  a file outside of its partition",
        ),
        (
            file + 4,
            &far[..4],
            "damaged  a file larger than its partition",
        ),
        (
            file + 0x6c,
            &far[..4],
            "damaged  a file larger than its partition",
        ),
        (
            file + 0x28,
            &[0, 0],
            "damaged  the file system of the content partition",
        ),
        (
            file + 0x28 + 2,
            &[0, 0],
            "no definition  it is data of an unknown format, not a gzip archive, \
             as large as the locked archive (T39)",
        ),
    ] {
        refused(&proof, &parts.with(&[(at, bytes)]), row);
    }
    // The definition is found before the hole; whether there are content bundles is not known.
    let disk = parts.with(&[(root + 4, &[0, 0, 1, 0])]);
    let image = proof.put("a.raw", &disk.bytes);
    let stdout = format!("{}  as locked\n", image.display());
    let run = proof.run(&[&image]).stdout(&stdout).warning("T37");
    let said = format!("`bundle-content` in `{}` was not read", image.display());
    run.stderr_has(&said)
        .stderr_has("damaged: a directory with a hole")
        .success();
}

#[test]
fn directories_of_a_partition_that_cannot_be() {
    let proof = Proof::new();
    let parts = Parts::of(&proof, &["-O", "^metadata_csum"]);
    let block = parts.block(Parts::DIRECTORY);
    let broken = "damaged  an entry of a directory";
    for (at, bytes, row) in [
        (4, &[0, 0][..], broken),
        (4, &[7, 0], broken),
        (4, &[0xff, 0xff], broken),
        (4, &[0xfc, 3], broken),
        (6, &[255], broken),
        // The directory's own name is the file's.
        (24, &[2, 0, 0, 0], "wrong kind  a directory (T7)"),
        (24, &[0, 0, 0, 0], "missing  (T1)"),
        (
            24,
            &[0xff, 0xff, 0xff, 0xff],
            "damaged  an entry of a directory that leads nowhere",
        ),
    ] {
        refused(&proof, &parts.with(&[(block + at, bytes)]), row);
    }
}

/// Nodes refer to themselves, as deep and as broad as possible.
#[test]
fn extents_without_an_end() {
    let proof = Proof::new();
    let parts = Parts::of(&proof, &["-O", "^metadata_csum"]);
    let spare = 900_u32;
    let mut node = [0x0a, 0xf3, 84, 0, 84, 0, 5, 0, 0, 0, 0, 0].to_vec();
    for number in 0..84_u32 {
        node.extend_from_slice(&number.to_le_bytes());
        node.extend_from_slice(&spare.to_le_bytes());
        node.extend_from_slice(&[0; 4]);
    }
    let own = &node[..60];
    let mut own = own.to_vec();
    own[2] = 4;
    let node_at = spare as usize * Parts::BLOCK;
    for inode in [Parts::ROOT, Parts::FILE] {
        let map = parts.inode(inode) + 0x28;
        let row = if inode == Parts::ROOT {
            "damaged  the extents of a file"
        } else {
            "damaged  the file system of the content partition"
        };
        refused(&proof, &parts.with(&[(map, &own), (node_at, &node)]), row);
    }
}

/// The same with the block map of ext2: all its levels are one block.
#[test]
fn a_block_map_without_an_end() {
    let proof = Proof::new();
    let parts = Parts::of(&proof, &["-t", "ext2", "-I", "256"]);
    let spare = 900_u32;
    let node = spare.to_le_bytes().repeat(Parts::BLOCK / 4);
    let node_at = spare as usize * Parts::BLOCK;
    let map = spare.to_le_bytes().repeat(15);
    let file = parts.inode(Parts::FILE);
    let size = 1_000_000_u32.to_le_bytes();
    let edits = [(file + 0x28, &map[..]), (node_at, &node), (file + 4, &size)];
    let row = "no definition  it is data of an unknown format, not a gzip archive";
    refused(&proof, &parts.with(&edits), row);
    // As a directory it has entries of that many bytes, none of them a name.
    let root = parts.inode(Parts::ROOT);
    let edits = [(root + 0x28, &map[..]), (node_at, &node), (root + 4, &size)];
    refused(
        &proof,
        &parts.with(&edits),
        "damaged  an entry of a directory",
    );
    let beyond = 0xffff_fff0_u32.to_le_bytes().repeat(15);
    let edits = [(root + 0x28, &beyond[..])];
    refused(
        &proof,
        &parts.with(&edits),
        "damaged  a file outside of its partition",
    );
}

/// If there are checksums, all of these changes are detected.
#[test]
fn what_was_changed_has_another_checksum() {
    let proof = Proof::new();
    let parts = Parts::of(&proof, &["-O", "metadata_csum"]);
    let block = parts.block(Parts::DIRECTORY);
    let superblock = "damaged  the superblock of the content partition";
    for (at, row) in [
        (Parts::SUPERBLOCK + 0x30, superblock),
        (parts.inode(Parts::ROOT) + 8, "damaged  an inode"),
        (parts.inode(Parts::FILE) + 8, "damaged  an inode"),
        (parts.inode(Parts::FILE) + 0x7c, "damaged  an inode"),
        (block + 33, "damaged  a directory"),
        (block + Parts::BLOCK - 12, "damaged  a directory"),
        (block + Parts::BLOCK - 1, "damaged  a directory"),
    ] {
        let changed = parts.bytes[at] ^ 0x10;
        refused(&proof, &parts.with(&[(at, &[changed])]), row);
    }
}

/// The index of a directory claims more entries than fit into a block; the contents of the
/// directory are found without it.
#[test]
fn an_index_of_an_absurd_size() {
    let proof = Proof::new();
    let mut tree = Tree::partition(&proof.test.staged());
    for number in 0..300 {
        tree = tree.with(&format!("spc-config/{number}-{}", "x".repeat(100)), "");
    }
    let image = proof.put(
        "fs",
        tree.file_system("COS_CONTENT", 4096, &["-O", "^has_journal"]),
    );
    let mut run = Command::new("e2fsck");
    run.env("PATH", path_of_tools());
    finish(run.args(["-fyD"]).arg(&image));
    let mut parts = Parts {
        bytes: fs::read(&image).unwrap(),
        table: 0,
    };
    parts.table = parts.number(2 * Parts::BLOCK + 8) * Parts::BLOCK;
    let flags = parts.number(parts.inode(Parts::DIRECTORY) + 0x20);
    assert_ne!(flags & 0x1000, 0, "no index");
    let count = parts.block(Parts::DIRECTORY) + 0x22;
    let long = "x".repeat(62);
    let row = format!(
        "as locked  next to it `0-{long}…`, not an archive; `1-{long}…`, not an archive; \
         `10-{}…`, not an archive; 297 more (T25)",
        &long[1..]
    );
    let disk = parts.with(&[(count, &[0xff; 2])]);
    proof.says(&proof.put("a.raw", &disk.bytes), &row);
}

/// Unrealistic sizes: a hole of a terabyte, and zeros with a compression ratio of a thousand.
#[test]
fn more_bytes_than_anybody_reads() {
    let proof = Proof::new();
    let image = proof.path("huge.raw");
    let file = File::create(&image).unwrap();
    file.set_len(1 << 40).unwrap();
    let row = "not a CanvOS image  neither an ISO nor a disk with a partition table";
    proof.says_soon(&image, row);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    let tree = Tree::empty().with(IN_PARTITION, proof.test.staged());
    let content = tree.file_system("COS_CONTENT", 1024, &[]);
    gzip.write_all(&Disk::of(&[("content", &content)]).bytes)
        .unwrap();
    for _ in 0..200 {
        gzip.write_all(&vec![0; 1 << 20]).unwrap();
    }
    let bomb = proof.put("bomb.raw.gz", gzip.finish().unwrap());
    proof.says_soon(&bomb, "as locked");
}
