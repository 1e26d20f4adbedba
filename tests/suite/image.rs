//! `verify --image` with ISO images, and what is the same for all images.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::support::{
    CANARY, HEAD, IN_ISO, OLDER, OVERLAY, Proof, ROOT, Test, Tree, archive, content_sha256, finish,
    gzip, sha256, tarball,
};

const TWO: &str = "
[definition.factory]
profiles = [\"edge-infra@2.1.0\", \"hello-universe@1.2.0\"]
[definition.store]
profiles = [\"edge-infra@2.0.0\"]
";

/// The archive in `gzip`, compressed in another way.
fn repacked(definition: &[u8]) -> Vec<u8> {
    let mut tar = Vec::new();
    let mut decoder = flate2::read::GzDecoder::new(definition);
    decoder.read_to_end(&mut tar).unwrap();
    gzip(&tar)
}

fn set_modified(path: &Path, time: SystemTime) {
    let file = File::options().append(true).open(path).unwrap();
    file.set_modified(time).unwrap();
}

#[test]
fn a_live_iso_holds_what_is_locked() {
    let proof = Proof::new();
    let image = proof.iso("live.iso", &proof.overlay());
    proof.says(&image, "as locked");
    let staged = proof.test.staged();
    let said = proof.run(&[&image]).arg("--json").any_stdout().success();
    assert_eq!(
        said.json()["images"],
        json!([{
            "path": image.to_str().unwrap(),
            "format": "iso",
            "label": "COS_LIVE",
            "verdict": "as-locked",
            "detail": Value::Null,
            "trap": Value::Null,
            "beside": [],
            "bundles": [],
            "older": false,
            "partitions": [],
            "sha256": sha256(&staged),
            "size": staged.len(),
            "content_sha256": content_sha256(&staged),
            "signing_key": Value::Null,
            "public_key_sha256": Value::Null,
        }])
    );
    assert_eq!(said.json()["definition"], "factory");
    assert_eq!(said.json()["content_sha256"], content_sha256(&staged));
}

/// One run checks the checkout and the image.
#[test]
fn check_looks_into_images_too() {
    let proof = Proof::new();
    let image = proof.iso("live.iso", &proof.overlay());
    let path = image.to_str().unwrap();
    let run = || proof.test.run("check --offline --image").arg(path);
    run()
        .stdout_has("factory     2         current  not asked: offline  as locked\n\ntarget")
        .stdout_has(&format!("`factory` as locked\n\n{path}  as locked\n"))
        .success();
    let json = run().arg("--json").any_stdout().success().json();
    assert_eq!(json["images"][0]["verdict"], "as-locked");
    let lost = proof.iso("lost.iso", &Tree::empty().with("x", "y"));
    let with = |image: &str| run().arg("--image").arg(image).any_stdout();
    with(lost.to_str().unwrap())
        .error("image-differs")
        .stderr_has("1 image does not contain the locked `factory`")
        .fails(3);
    // A mistyped path is not a reason to build again.
    with("lots.iso")
        .error("image-missing")
        .stderr_has("`{dir}/lots.iso`")
        .stderr_has("check the path")
        .fails(2);
    // An image holds one definition.
    let store = "\n[definition.store]\nprofiles = [\"edge-infra@2.0.0\"]\n";
    let manifest = proof.test.text("profiles.toml");
    proof.test.put("profiles.toml", manifest + store);
    run()
        .error("definition-needed")
        .stderr_has("factory, store")
        .fails(2);
    run().arg("factory").stdout_has("  as locked\n").success();
}

/// The image is made by the other builder, with another label, without Joliet, and with a
/// partition table.
#[test]
fn an_iso_for_secure_boot_holds_what_is_locked() {
    let proof = Proof::new();
    let image = proof.path("uki.iso");
    proof.overlay().uki(&image);
    assert_eq!(fs::read(&image).unwrap()[512..520], *b"EFI PART");
    proof.says(&image, "as locked");
    let said = proof.run(&[&image]).arg("--json").any_stdout().success();
    assert_eq!(said.json()["images"][0]["label"], "UKI_ISO_INSTALL");
}

#[test]
fn the_same_content_in_other_bytes() {
    let proof = Proof::new();
    let other = repacked(&proof.test.staged());
    assert_ne!(other, proof.test.staged());
    let image = proof.iso("a.iso", &Tree::overlay(&other));
    proof.says(&image, "same content");
}

#[test]
fn another_definition_is_named_where_the_lock_has_it() {
    let test = Test::new().manifest(&format!("{HEAD}{TWO}"));
    test.run("stage -q store").any_stdout().success();
    let store = test.staged();
    test.run("stage -q factory").any_stdout().success();
    let proof = Proof::of(test);
    let image = proof.iso("a.iso", &Tree::overlay(&store));
    let run = || {
        proof
            .test
            .run("verify --image")
            .arg(image.to_str().unwrap())
    };
    let path = image.display();
    run()
        .arg("store")
        .stdout(&format!("{path}  as locked\n"))
        .success();
    run()
        .arg("factory")
        .stdout(&format!("{path}  another definition  it is `store`\n"))
        .stderr(
            "error[image-differs]: 1 image does not contain the locked `factory`\n\
             help: run `edgestage stage factory`, then build again\n\
             see: `edgestage explain image`\n",
        )
        .fails(3);
    // Packed in another way it is still that one.
    let image = proof.iso("b.iso", &Tree::overlay(&repacked(&store)));
    let run = proof.test.run("verify factory --image").any_stderr();
    run.arg(image.to_str().unwrap())
        .stdout_has("another definition  it is `store`")
        .fails(3);
}

#[test]
fn another_definition_is_told_by_its_content() {
    let proof = Proof::new();
    let other = archive(&[("spc/", ""), ("spc/a.yaml", "a: 1\n")]);
    let image = proof.iso("a.iso", &Tree::overlay(&other));
    let content = content_sha256(&other);
    proof.says(
        &image,
        &format!("another definition  content {}", &content[..12]),
    );
}

#[test]
fn what_is_no_file_is_of_the_wrong_kind() {
    let proof = Proof::new();
    let overlay = || proof.overlay().without(IN_ISO);
    let inside = format!("{IN_ISO}/spc.tgz");
    for (tree, kind) in [
        (overlay().with_directory(IN_ISO), "a directory"),
        (overlay().with(&inside, "deeper"), "a directory"),
        (overlay().with_link(IN_ISO, "/spc.tgz"), "a symbolic link"),
        (
            overlay()
                .without("opt/spectrocloud/clusterconfig")
                .with_link("opt/spectrocloud/clusterconfig", "content"),
            "a symbolic link",
        ),
        (
            overlay()
                .without("opt/spectrocloud/clusterconfig")
                .with("opt/spectrocloud/clusterconfig", "a file"),
            "behind a file where a directory is meant",
        ),
    ] {
        let image = proof.iso("a.iso", &tree);
        let trap = if kind == "a symbolic link" {
            "T8"
        } else {
            "T7"
        };
        proof.says(&image, &format!("wrong kind  {kind} ({trap})"));
    }
    let tree = overlay();
    finish(Command::new("mkfifo").arg(tree.path(IN_ISO)));
    let image = proof.iso("a.iso", &tree);
    proof.says(&image, "wrong kind  a special file (T7)");
}

#[test]
fn what_is_no_archive_is_no_definition() {
    let proof = Proof::new();
    let staged = proof.test.staged();
    let cut = &staged[..staged.len() / 2];
    let other = archive(&[("etc/passwd", "root\n")]);
    for (bytes, why) in [
        (&b"some text\n"[..], "it is text, not a gzip archive"),
        (b"", "an empty file (T40)"),
        (cut, "it is truncated"),
        (&other, "it has no file below `spc/`"),
    ] {
        let image = proof.iso("a.iso", &Tree::overlay(bytes));
        proof.says(&image, &format!("no definition  {why}"));
    }
}

#[test]
fn a_lost_definition_and_a_lost_overlay_are_told_apart() {
    let proof = Proof::new();
    let image = proof.iso("a.iso", &proof.overlay().without(IN_ISO));
    proof.says(&image, "missing  (T1)");
    proof
        .run(&[&image])
        .any_stdout()
        .stderr(
            "error[image-differs]: 1 image does not contain the locked `factory`\n\
             help: run `edgestage stage factory`, then build again\n\
             see: `edgestage explain T1`\n",
        )
        .fails(3);
    for path in ["opt/spectrocloud/clusterconfig", "opt"] {
        let image = proof.iso("a.iso", &proof.overlay().without(path));
        let row = if path == "opt" {
            "overlay dropped  the rest of the overlay is missing too (T23)"
        } else {
            "missing  (T1)"
        };
        proof.says(&image, row);
    }
    let tree = proof.overlay().without(IN_ISO).without(CANARY);
    let image = proof.iso("a.iso", &tree);
    proof.says(
        &image,
        "overlay dropped  the rest of the overlay is missing too (T23)",
    );
}

/// Returns the size of a volume in bytes, as it states itself; padding may follow.
fn volume(iso: &[u8]) -> usize {
    let blocks = iso[16 * 2048 + 80..][..4].try_into().unwrap();
    u32::from_le_bytes(blocks) as usize * 2048
}

#[test]
fn an_iso_that_was_cut_is_truncated() {
    let proof = Proof::new();
    let (live, uki) = (proof.path("live.iso"), proof.path("uki.iso"));
    proof.overlay().live(&live);
    proof.overlay().uki(&uki);
    let (live, uki) = (fs::read(live).unwrap(), fs::read(uki).unwrap());
    let end = volume(&live);
    // The partition for sticks is behind the volume.
    assert!(volume(&uki) < uki.len());
    // Behind the first descriptor, among directories and files, before the last byte.
    let early = [34_000, 40_000, 60_000, 100_000];
    let of = |image, cuts: &[usize]| cuts.iter().map(|cut| (image, *cut)).collect::<Vec<_>>();
    let mut cuts = of(&live, &early);
    cuts.extend(of(&live, &[end - 2048, end - 1]));
    cuts.extend(of(&uki, &early));
    cuts.extend(of(&uki, &[volume(&uki), uki.len() - 2048, uki.len() - 1]));
    for (image, cut) in cuts {
        let cut = proof.put("cut.iso", &image[..cut]);
        proof.says(&cut, "truncated  the file ends before its content does");
    }
    // Padding is nothing that anybody misses.
    proof.says(&proof.put("whole.iso", &live[..end]), "as locked");
}

/// The missing part can only be inferred from what remains.
#[test]
fn an_iso_that_was_cut_before_its_descriptor() {
    let proof = Proof::new();
    let (live, uki) = (proof.path("live.iso"), proof.path("uki.iso"));
    proof.overlay().live(&live);
    proof.overlay().uki(&uki);
    let cut = proof.put("cut.iso", &fs::read(live).unwrap()[..32_768]);
    proof.says(
        &cut,
        "not a CanvOS image  neither an ISO nor a disk with a partition table",
    );
    let cut = proof.put("cut.iso", &fs::read(uki).unwrap()[..32_768]);
    proof.says(&cut, "truncated  the file ends before its content does");
}

#[test]
fn what_canvos_did_not_build_is_told() {
    let proof = Proof::new();
    let image = proof.path("ubuntu.iso");
    proof.overlay().native(&image, &["-volid", "Ubuntu 24.04"]);
    proof.says(
        &image,
        "not a CanvOS image  an ISO with the label `Ubuntu 24.04`",
    );
    let neither = "not a CanvOS image  neither an ISO nor a disk with a partition table";
    for bytes in [&b""[..], b"x", b"some text\n", &vec![0; 100_000]] {
        proof.says(&proof.put("file", bytes), neither);
    }
    fs::create_dir(proof.path("directory")).unwrap();
    let odd = "not a CanvOS image  no regular file";
    proof.says(&proof.path("directory"), odd);
}

/// A run must not wait for any of these, or read them endlessly.
#[test]
fn what_has_no_end_is_not_read() {
    let proof = Proof::new();
    let fifo = proof.path("fifo");
    finish(Command::new("mkfifo").arg(&fifo));
    for path in [Path::new("/dev/zero"), Path::new("/dev/null"), &fifo] {
        proof.says(path, "not a CanvOS image  no regular file");
    }
    let image = proof.iso("a.iso", &proof.overlay());
    finish(Command::new("mkfifo").arg(proof.path("a.iso.sha256")));
    proof.says(
        &image,
        "checksum differs  the `.sha256` file next to it contains no digest (T22)",
    );
}

/// A mistyped path is a mistake on the command line, and no reason to build again.
#[test]
fn an_image_that_is_not_there() {
    let proof = Proof::new();
    let good = proof.iso("good.iso", &proof.overlay());
    let image = proof.path("godo.iso");
    let row = format!(
        "not found  cannot read `{}`: no such file or directory",
        image.display()
    );
    proof.says(&image, &row);
    let path = image.display();
    let near = good.display();
    let said = format!(
        "error[image-missing]: cannot find image `{path}`\n\
         help: did you mean `{near}`?\n\
         see: `edgestage explain image`\n"
    );
    let none = || proof.run(&[&image]).arg("--expect-none");
    proof.run(&[&image]).any_stdout().stderr(&said).fails(2);
    none().any_stdout().stderr(&said).fails(2);
    // The others are looked into all the same, and a wrong one weighs more.
    let run = || proof.run(&[&image, &good]).any_stdout();
    let done = run().stderr(&said).fails(2);
    assert!(done.stdout.ends_with(&format!("{near}  as locked\n")));
    let bad = proof.iso("bad.iso", &proof.overlay().without(IN_ISO));
    let run = proof.run(&[&image, &bad]).any_stdout();
    run.error("image-missing")
        .error("image-differs")
        .stderr_has("1 image does not contain the locked `factory`")
        .fails(3);
    for path in ["good.iso/x.iso", "none/x.iso"] {
        let run = proof.run(&[&proof.path(path)]).any_stdout();
        run.error("image-missing").fails(2);
    }
}

/// A file that exists and cannot be read is not a mistake on the command line.
#[test]
fn an_image_that_may_not_be_read() {
    use std::os::unix::fs::PermissionsExt as _;
    let proof = Proof::new();
    let image = proof.iso("a.iso", &proof.overlay());
    fs::set_permissions(&image, fs::Permissions::from_mode(0o000)).unwrap();
    if File::open(&image).is_ok() {
        // Root reads it all the same.
        return proof.says(&image, "as locked");
    }
    let path = image.display();
    let row = format!("unreadable  cannot read `{path}`: permission denied");
    proof.says(&image, &row);
    let run = proof.run(&[&image]).any_stdout();
    run.stderr_has("1 image cannot be read").fails(3);
}

/// Puts the same bytes in the place of what is staged, as another run of `stage` would.
fn stage_again(proof: &Proof) {
    let staged = proof.test.staged();
    // Times of change are as fine as the kernel's tick.
    std::thread::sleep(Duration::from_millis(50));
    for placement in [OVERLAY, ROOT] {
        proof.test.put(&Test::placement(placement), &staged);
    }
}

/// The image was built before the definition was staged, and without it: the message says so
/// after the verdict.
#[test]
fn an_image_that_is_older_than_what_is_staged() {
    let proof = Proof::new();
    let missing = proof.iso("a.iso", &proof.overlay().without(IN_ISO));
    let text = proof.iso("b.iso", &Tree::overlay(b"text"));
    let good = proof.iso("c.iso", &proof.overlay());
    stage_again(&proof);
    proof.says(&missing, &format!("missing  (T1); {OLDER}"));
    let row = format!("no definition  it is text, not a gzip archive; {OLDER}");
    proof.says(&text, &row);
    let see = |image: &Path, trap: &str| {
        let run = proof.run(&[image]).any_stdout();
        run.stderr(&format!(
            "error[image-differs]: 1 image does not contain the locked `factory`\n\
             help: run `edgestage stage factory`, then build again\n\
             see: `edgestage explain {trap}`\n"
        ))
        .fails(3);
    };
    // Its age explains what nothing else does.
    see(&missing, "T1");
    see(&text, "T22");
    // The right one is right, whenever it was built.
    proof.says(&good, "as locked");
    let older = |image: &Path, expect_none: &str| {
        let run = proof.run(&[image]).arg("--json").any_stdout().any_stderr();
        if expect_none.is_empty() {
            return run.success().json()["images"][0]["older"].clone();
        }
        let run = run.arg(expect_none).fails(3);
        run.json()["images"][0]["older"].clone()
    };
    assert_eq!(older(&good, ""), true);
    // Nothing was to be staged: there is nothing to be older than.
    assert_eq!(older(&good, "--expect-none"), Value::Null);
    // Without a checkout that cannot be seen.
    proof.test.forget_staged();
    proof.says(&missing, "missing  (T1)");
    assert_eq!(older(&good, ""), Value::Null);
}

/// Earthly sets all times to 2020-04-16, and `touch` may set any time; neither makes an image
/// old or new.
#[test]
fn the_date_of_an_image_proves_nothing() {
    let proof = Proof::new();
    let export = SystemTime::UNIX_EPOCH + Duration::from_secs(1_587_038_400);
    let day = Duration::from_secs(24 * 60 * 60);
    let image = proof.iso("a.iso", &proof.overlay().without(IN_ISO));
    for time in [export, SystemTime::now() - day, SystemTime::now() + day] {
        set_modified(&image, time);
        proof.says(&image, "missing  (T1)");
    }
    stage_again(&proof);
    let row = format!("missing  (T1); {OLDER}");
    proof.says(&image, &row);
    // A staged file that was copied with its old date, or got other rights, is not
    // younger for it.
    let staged = proof.test.path(&Test::placement(OVERLAY));
    set_modified(&staged, export);
    set_modified(&proof.test.path(&Test::placement(ROOT)), export);
    proof.says(&image, "missing  (T1)");
}

/// Whatever was done to the staged files since.
#[test]
fn an_image_that_this_run_wrote_is_never_old() {
    use std::os::unix::fs::PermissionsExt as _;
    let proof = Proof::new();
    let lost = proof.iso("lost.iso", &proof.overlay().without(IN_ISO));
    let (lost, staged) = (lost.display(), format!("{ROOT} {OVERLAY}"));
    let earthly = format!(
        "#!/bin/sh\nmkdir -p build\ncp {lost} build/installer.iso\n\
         touch -d 2020-04-16T12:00:00Z build/installer.iso\nsleep 0.05\ntouch {staged}\n"
    );
    proof.test.put("bin/earthly", earthly);
    let mode = fs::Permissions::from_mode(0o755);
    fs::set_permissions(proof.test.path("bin/earthly"), mode).unwrap();
    let path = std::env::var("PATH").unwrap();
    let run = proof
        .test
        .run("build --json --no-rehearsal")
        .any_stdout()
        .any_stderr();
    let run = run.env("PATH", &format!("{{dir}}/bin:{path}"));
    let said = run.fails(3).json();
    assert_eq!(said["images"][0]["verdict"], "missing");
    assert_eq!(said["images"][0]["older"], false);
    // Afterwards nobody knows who wrote it.
    let image = proof.test.path("CanvOS/build/installer.iso");
    proof.says(&image, &format!("missing  (T1); {OLDER}"));
}

/// The build cache treats a file with the old size and time as unchanged.
#[test]
fn other_bytes_of_the_same_size() {
    let proof = Proof::new();
    let size = proof.test.staged().len();
    let padded = |size: usize| {
        let tar = tarball(&[("spc/", ""), ("spc/a.yaml", "a: 1\n")]);
        let packed = |comment: usize| {
            let comment = vec![b'c'; comment];
            let builder = flate2::GzBuilder::new().comment(comment);
            let mut gzip = builder.write(Vec::new(), flate2::Compression::best());
            gzip.write_all(&tar).unwrap();
            gzip.finish().unwrap()
        };
        let bare = packed(0).len();
        packed(size - bare)
    };
    let other = padded(size);
    assert_eq!(other.len(), size);
    let is = format!(
        "another definition  content {}",
        &content_sha256(&other)[..12]
    );
    let as_large = ", as large as the locked archive (T39)";
    let image = proof.iso("a.iso", &Tree::overlay(&other));
    proof.says(&image, &format!("{is}{as_large}"));
    proof.says(&proof.iso("a.iso", &Tree::overlay(&padded(size + 1))), &is);
    let text = vec![b'x'; size];
    let row = format!("no definition  it is text, not a gzip archive{as_large}");
    proof.says(&proof.iso("a.iso", &Tree::overlay(&text)), &row);
}

#[test]
fn the_digest_beside_an_image_is_compared() {
    let proof = Proof::new();
    let image = proof.iso("a.iso", &proof.overlay());
    let digest = sha256(&fs::read(&image).unwrap());
    for text in [
        format!("{digest}  a.iso\n"),
        format!("{digest} *build/a.iso\n"),
        format!("{}\r\n", digest.to_uppercase()),
    ] {
        proof.put("a.iso.sha256", text);
        proof.says(&image, "as locked");
    }
    let other = sha256(b"another image");
    let differs = "checksum differs  the `.sha256` file next to it belongs to another image (T22)";
    let nothing = "checksum differs  the `.sha256` file next to it contains no digest (T22)";
    for (text, row) in [
        (format!("{other}  a.iso\n"), differs),
        (String::new(), nothing),
        ("no digest".to_owned(), nothing),
        (digest[..63].to_owned(), nothing),
        ("\0".repeat(100_000), nothing),
    ] {
        proof.put("a.iso.sha256", text);
        proof.says(&image, row);
        let run = proof.run(&[&image]).arg("--no-checksum");
        run.stdout(&format!("{}  as locked\n", image.display()))
            .success();
    }
}

/// One bad image is enough for a failure, and does not hide the verdicts of the others.
#[test]
fn several_images_are_all_shown() {
    let proof = Proof::new();
    let good = proof.iso("good.iso", &proof.overlay());
    let bad = proof.iso("bad.iso", &proof.overlay().without(IN_ISO));
    let text = proof.put("text", "text");
    let done = proof
        .run(&[&good, &text, &bad, &good])
        .error("image-differs")
        .stderr_has("2 images do not contain the locked `factory`")
        .any_stdout()
        .fails(3);
    let lines: Vec<&str> = done.stdout.lines().collect();
    let words = ["as locked", "not a CanvOS image", "missing", "as locked"];
    assert_eq!(lines.len(), words.len(), "{}", done.stdout);
    for (line, word) in lines.iter().zip(words) {
        assert!(line.contains(&format!("  {word}")), "{line}");
    }
    proof.run(&[&good, &good]).any_stdout().success();
}

#[test]
fn that_an_image_holds_nothing_can_be_proved() {
    let proof = Proof::new();
    let lost = proof.iso("lost.iso", &proof.overlay().without("opt"));
    proof.says_of_none(&lost, "none");
    let missing = proof.iso("missing.iso", &proof.overlay().without(IN_ISO));
    proof.says_of_none(&missing, "none");
    for tree in [
        proof.overlay(),
        Tree::overlay(b"text"),
        proof.overlay().without(IN_ISO).with_link(IN_ISO, "/x"),
    ] {
        let image = proof.iso("held.iso", &tree);
        proof.says_of_none(&image, "unexpected  (T31)");
    }
    // What cannot be looked into proves nothing.
    proof.says_of_none(
        &proof.put("text", "text"),
        "not a CanvOS image  neither an ISO nor a disk with a partition table",
    );
}

/// The image may be verified on a machine other than the one that built it.
#[test]
fn no_checkout_is_needed() {
    let proof = Proof::new();
    let image = proof.iso("a.iso", &proof.overlay());
    fs::remove_dir_all(proof.test.path("CanvOS")).unwrap();
    proof.says(&image, "as locked");
    let image = proof.iso("a.iso", &Tree::overlay(b"text"));
    proof.says(&image, "no definition  it is text, not a gzip archive");
    proof.says_of_none(&image, "unexpected  (T31)");
    proof.test.forget_cache();
    proof.says_of_none(&image, "unexpected  (T31)");
}
