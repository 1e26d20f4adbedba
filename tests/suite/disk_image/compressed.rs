//! Disks that are compressed, or truncated.

use super::*;

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

/// The image was compressed by several threads, or in several runs.
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

/// Images with another compression, or of another kind, are recognized by their first bytes.
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
            "error[image-differs]: 1 image could not be verified\n\
             help: decompress the image, then verify the result\n\
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

/// A partition goes through a temporary file, which is removed automatically.
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
