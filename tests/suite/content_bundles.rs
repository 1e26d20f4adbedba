//! T36 and T37: content bundles in a checkout, which a build embeds beside the definition.

use std::fs;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};

use crate::checkout::{EARTHFILE, full, refused, silent, warned};
use crate::support::bundles::Bundle;
use crate::support::{Test, archive};

const CLOUD: &str = "--target cloud-image";
const MAAS: &str = "--target maas-image";
const ALL: &str = "--target iso --target uki-iso --target iso-disk-image --target cloud-image \
                   --target maas-image";
const BUNDLE: &str = "CanvOS/content-1/site.tar.zst";

/// Returns a checkout whose Earthfile copies content bundles as CanvOS's does, with a locked
/// definition.
pub fn checkout() -> Test {
    let copy = "    COPY --if-exists content-*/*.zst /overlay/opt/spectrocloud/content/\n";
    let text = EARTHFILE
        .replacen("ARG ARCH\n", "ARG PE_VERSION=v4.8.1\nARG ARCH\n", 1)
        .replace("    RUN enki", &format!("{copy}    RUN enki"))
        .replace("    RUN CMD", &format!("{copy}    RUN CMD"))
        .replace(
            "cloud-image:\n",
            "cloud-image:\n    COPY --if-exists content-*/ /workdir/\n",
        );
    let test = full().write("CanvOS/Earthfile", text);
    test.run("fetch -q").any_stdout().success();
    test
}

fn locked_archive(test: &Test) -> Vec<u8> {
    fs::read(test.cached().remove(0)).unwrap()
}

#[test]
fn a_bundle_with_the_locked_definition_is_silent() {
    let test = checkout();
    test.put(BUNDLE, Bundle::of(&locked_archive(&test)).zstd());
    for trap in ["T36", "T37"] {
        silent(&test, ALL, trap);
    }
    // The same content in other bytes.
    let bundle = Bundle::of(&crate::support::gzip(&unpacked(&locked_archive(&test))));
    test.put(BUNDLE, bundle.zstd());
    silent(&test, ALL, "T37");
    // A bundle without a definition.
    test.put(BUNDLE, Bundle::without_definition().zstd());
    silent(&test, ALL, "T37");
    silent(&test, ALL, "T36");
}

/// What a bundle holds is remembered in the cache, which [`refused`] counts as a change.
fn read_once(test: &Test) {
    let run = test.run("check --offline --allow T37");
    run.any_stdout().any_stderr().success();
}

fn unpacked(archive: &[u8]) -> Vec<u8> {
    use std::io::Read as _;
    let mut tar = Vec::new();
    let mut reader = flate2::read::MultiGzDecoder::new(archive);
    reader.read_to_end(&mut tar).unwrap();
    tar
}

#[test]
fn t36_an_agent_of_another_version() {
    let test = checkout();
    // It has the name `stylus:4.8.1`.
    test.put(BUNDLE, Bundle::without_definition().zstd());
    silent(&test, ALL, "T36");
    // `.arg` counts more than the Earthfile.
    test.put(
        "CanvOS/.arg",
        "CLUSTERCONFIG=spc.tgz\nPE_VERSION=v4.10.17\n",
    );
    let said =
        "`content-1/site.tar.zst` has version 4.8.1 of the host's agent, and the image v4.10.17";
    warned(&test, "", "T36", &[said, "set `PE_VERSION=4.8.1`"]);
    warned(&test, MAAS, "T36", &[said]);
    test.put("CanvOS/.arg", "CLUSTERCONFIG=spc.tgz\nPE_VERSION=4.8.1\n");
    silent(&test, ALL, "T36");
}

#[test]
fn t37_another_definition_in_a_bundle() {
    let test = checkout();
    let other = archive(&[("spc/app/x", "another")]);
    test.put(BUNDLE, Bundle::of(&other).zstd());
    let said = "`content-1/site.tar.zst` has a cluster definition that is not the locked one";
    read_once(&test);
    for target in ["", "--target uki-iso", CLOUD, MAAS] {
        refused(
            &test,
            target,
            "T37",
            &[said, "it is not known which of the two a host takes"],
        );
    }
    // A plain tar goes into disk images, and is not copied into an ISO.
    fs::rename(test.path(BUNDLE), test.path("CanvOS/content-1/gone")).unwrap();
    silent(&test, ALL, "T37");
    test.put("CanvOS/content-1/site.tar", Bundle::of(&other).tar());
    read_once(&test);
    refused(
        &test,
        CLOUD,
        "T37",
        &["`content-1/site.tar` has a cluster definition"],
    );
    // Hidden from the build, not from the script.
    test.put("CanvOS/.earthlyignore", "content-*/\nbuild/\n");
    warned(&test, "", "T37", &["this affects `+maas-image`"]);
}

#[test]
fn t37_several_definitions_and_damaged_bundles() {
    let test = checkout();
    let other = archive(&[("spc/app/x", "another")]);
    let one = locked_archive(&test);
    let two = Bundle::of(&one).add(Some("spc"), "another-cluster-definition:1", &[&other]);
    test.put(BUNDLE, two.zstd());
    refused(
        &test,
        "",
        "T37",
        &["the cluster definition of `content-1/site.tar.zst` cannot be compared"],
    );
    let right = Bundle::of(&one).zstd();
    test.put(BUNDLE, &right[..right.len() / 2]);
    warned(
        &test,
        "",
        "T28",
        &["`content-1/site.tar.zst` is not a content bundle"],
    );
}

/// Before anything is locked there is nothing to compare with; as soon as there is, it counts.
#[test]
fn t37_when_the_definition_is_locked_by_the_same_run() {
    let test = checkout();
    let other = archive(&[("spc/app/x", "another")]);
    test.put(BUNDLE, Bundle::of(&other).zstd());
    fs::remove_file(test.path("profiles.lock")).unwrap();
    test.run("check --offline")
        .any_stdout()
        .stderr_has("which was not compared")
        .success()
        .says("error[", 0);
    test.run("stage")
        .any_stdout()
        .stderr_has("which was not compared")
        .stderr_has("error[T37]: ")
        .fails(3);
    assert!(!test.path("CanvOS/spc.tgz").exists());
    // With the locked definition in it, the first run succeeds.
    let locked = locked_archive(&test);
    test.put(BUNDLE, Bundle::of(&locked).zstd());
    fs::remove_file(test.path("profiles.lock")).unwrap();
    test.run("stage").any_stdout().any_stderr().success();
}

/// A bundle is read once, and again as soon as anything of it changes.
#[test]
fn what_a_bundle_holds_is_remembered() {
    let test = checkout();
    let noise: Vec<u8> = (0..4_000_000_u32)
        .map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0])
        .collect();
    let layer = [&b"\x1f\x8b"[..], &noise].concat();
    let bundle = Bundle::without_definition().add(Some("image"), "large:1", &[&layer]);
    test.put(BUNDLE, bundle.tar());
    let size = fs::metadata(test.path(BUNDLE)).unwrap().len();
    let reads = || {
        let run = test.run("check --offline");
        run.any_stderr().bytes_read()
    };
    let (first, second) = (reads(), reads());
    assert!(first > size && second < size, "{first} {second} of {size}");
    let cache = test.cached()[0]
        .parent()
        .unwrap()
        .parent()
        .unwrap()
        .to_owned();
    assert_eq!(fs::read_dir(cache.join("bundles")).unwrap().count(), 1);
    // Other bytes with the same size and modification time: only the change time tells.
    let path = test.path(BUNDLE);
    let before = fs::metadata(&path).unwrap();
    let times = fs::FileTimes::new().set_modified(before.modified().unwrap());
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.write_all_at(b"damaged!", 257).unwrap();
    file.set_times(times).unwrap();
    drop(file);
    let after = fs::metadata(&path).unwrap();
    assert_eq!(
        (before.mtime(), before.ino(), before.len()),
        (after.mtime(), after.ino(), after.len())
    );
    warned(
        &test,
        "",
        "T28",
        &["is not a content bundle that edgestage can read"],
    );
}

/// Above 256 MiB, `--bundles` reads it, and whoever did so once need not say so again.
#[test]
fn a_large_bundle_is_read_if_asked() {
    let test = checkout();
    let other = archive(&[("spc/app/x", "another")]);
    // Two frames: the second is a skippable one, of 300 MiB without blocks on the disk.
    let mut bytes = Bundle::of(&other).zstd();
    let length: u32 = 300 << 20;
    bytes.extend([0x50, 0x2a, 0x4d, 0x18]);
    bytes.extend(length.to_le_bytes());
    test.put(BUNDLE, &bytes);
    let file = fs::File::options()
        .write(true)
        .open(test.path(BUNDLE))
        .unwrap();
    file.set_len(bytes.len() as u64 + u64::from(length))
        .unwrap();
    drop(file);
    let unread = ["was not read: it has 300", "add `--bundles`"];
    warned(&test, "", "T37", &unread);
    test.run("check --offline --bundles")
        .any_stdout()
        .stderr_has("error[T37]: ")
        .stderr_has("that is not the locked one")
        .fails(3);
    refused(&test, "", "T37", &["that is not the locked one"]);
}
