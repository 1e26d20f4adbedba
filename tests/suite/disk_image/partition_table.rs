//! Partition tables that contradict themselves.

use super::*;

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

/// A broken table is reported before its partitions are looked for.
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
