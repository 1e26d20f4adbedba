//! T37 in images: `verify --image` with content bundles that an image carries beside the
//! definition.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::build::{self, EARTHLY, program, with_earthly};
use crate::support::bundles::Bundle;
use crate::support::handmade_images::{
    DIRECTORY, Disk, FILE, Iso, MORE, Place, SECTOR, name, record, rock_ridge,
};
use crate::support::{
    HEAD, IN_ISO, IN_PARTITION, Proof, Run, Test, Tree, archive, content_sha256, finish,
};

const LABEL: &str = "COS_CONTENT";
const IN_ISO_CONTENT: &str = "opt/spectrocloud/content";
const IN_DISK_CONTENT: &str = "bundle-content";
const BUNDLE: &str = "site.tar.zst";
const TWO: &str = "
[definition.factory]
profiles = [\"edge-infra@2.1.0\", \"hello-universe@1.2.0\"]
[definition.store]
profiles = [\"edge-infra@2.0.0\"]
";

fn other() -> Vec<u8> {
    archive(&[("spc/app/x", "another")])
}

fn disk(tree: &Tree) -> Disk {
    Disk::of(&[("content", &tree.file_system(LABEL, 4096, &[]))])
}

/// An ISO, a disk and a compressed disk with what is staged, and these files in the directory
/// of the content bundles.
fn images(proof: &Proof, files: &[(&str, &[u8])]) -> [PathBuf; 3] {
    let fill = |tree: Tree, directory: &str| {
        files.iter().fold(tree, |tree, (name, bytes)| {
            tree.with(&format!("{directory}/{name}"), bytes)
        })
    };
    let iso = fill(proof.overlay(), IN_ISO_CONTENT);
    let partition = Tree::partition(&proof.test.staged());
    let disk = disk(&fill(partition, IN_DISK_CONTENT));
    proof.in_three_forms(&iso, &disk.bytes)
}

#[track_caller]
fn all_say(proof: &Proof, images: &[PathBuf], row: &str) {
    for image in images {
        proof.says(image, row);
    }
}

#[track_caller]
fn none_says(proof: &Proof, images: &[PathBuf], row: &str) {
    for image in images {
        proof.says_of_none(image, row);
    }
}

/// `verify` of an image that is all right but for a warning with this code and these words.
#[track_caller]
fn warns(proof: &Proof, image: &Path, code: &str, words: &[&str]) {
    let stdout = format!("{}  as locked\n", image.display());
    let run = proof.run(&[image]).stdout(&stdout).warning(code);
    let run = words.iter().fold(run, |run, word| run.stderr_has(word));
    run.success();
}

/// The list of bundles in the JSON of a run.
fn listed(run: Run<'_>, code: i32) -> Value {
    let run = run.arg("--json").any_stdout().any_stderr();
    let done = if code == 0 {
        run.success()
    } else {
        run.fails(code)
    };
    done.json()["images"][0]["bundles"].clone()
}

/// Parts as the Earthfile makes them.
fn split(bytes: &[u8], size: usize) -> Vec<(String, Vec<u8>)> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(BUNDLE);
    fs::write(&file, bytes).unwrap();
    let prefix = directory.path().join(format!("{BUNDLE}_part"));
    let mut run = Command::new("split");
    run.arg(format!("--bytes={size}")).arg("--numeric-suffixes");
    finish(run.arg(&file).arg(&prefix));
    fs::remove_file(file).unwrap();
    let entries = fs::read_dir(directory.path()).unwrap();
    let mut parts: Vec<_> = entries
        .map(|entry| {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read(entry.path()).unwrap())
        })
        .collect();
    parts.sort();
    parts
}

fn borrowed(parts: &[(String, Vec<u8>)]) -> Vec<(&str, &[u8])> {
    parts
        .iter()
        .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
        .collect()
}

#[test]
fn a_bundle_with_the_locked_definition_or_without_one() {
    let proof = Proof::new();
    let staged = proof.test.staged();
    let right = Bundle::of(&staged);
    let nothing = Bundle::without_definition();
    let found = images(
        &proof,
        &[(BUNDLE, &right.zstd()), ("b.tar", &nothing.tar())],
    );
    all_say(&proof, &found, "as locked");
    for image in &found {
        assert_eq!(
            listed(proof.run(&[image]), 0),
            json!([
                {
                    "name": "b.tar", "verdict": "none", "detail": null, "definition": null,
                    "content_sha256": null
                },
                {
                    "name": BUNDLE, "verdict": "as-locked", "detail": null,
                    "definition": "factory", "content_sha256": content_sha256(&staged)
                },
            ])
        );
    }
    // No bundle at all.
    let found = images(&proof, &[("notes.md", b"# Notes")]);
    all_say(&proof, &found, "as locked");
    assert_eq!(listed(proof.run(&[&found[0]]), 0), json!([]));
}

#[test]
fn a_bundle_with_another_definition() {
    let proof = Proof::new();
    let bundle = Bundle::of(&other());
    let content = content_sha256(&other());
    let row = format!(
        "bundle differs  bundle `{BUNDLE}` has a definition with content {} (T37)",
        &content[..12]
    );
    let found = images(&proof, &[(BUNDLE, &bundle.zstd())]);
    all_say(&proof, &found, &row);
    for image in &found {
        proof
            .run(&[image])
            .any_stdout()
            .error("image-differs")
            .stderr_has(
                "1 image contains a bundle with a definition that is not the locked `factory`",
            )
            .stderr_has("help: build the bundle without a definition, or with the locked one")
            .fails(3);
        let listed = listed(proof.run(&[image]), 3);
        assert_eq!(listed[0]["verdict"], "another-definition");
        assert_eq!(listed[0]["content_sha256"], content);
    }
    // A tar that is not compressed, under whatever name: it begins like one.
    let row = row.replace(BUNDLE, "site.bin");
    all_say(
        &proof,
        &images(&proof, &[("site.bin", &bundle.tar())]),
        &row,
    );
    // The definition's own file comes first.
    let tree =
        Tree::partition(&other()).with(&format!("{IN_DISK_CONTENT}/{BUNDLE}"), bundle.zstd());
    let image = proof.put("b.raw", disk(&tree).bytes);
    let short = &content[..12];
    proof.says(&image, &format!("another definition  content {short}"));
    let bundles = listed(proof.run(&[&image]), 3);
    assert_eq!(bundles[0]["verdict"], "another-definition");
}

#[test]
fn a_definition_of_the_lock_is_named() {
    let test = Test::new().manifest(&format!("{HEAD}{TWO}"));
    test.run("stage -q store").any_stdout().success();
    let store = test.staged();
    test.run("stage -q factory").any_stdout().success();
    let proof = Proof::of(test);
    let bundle = Bundle::of(&store).zstd();
    let found = images(&proof, &[(BUNDLE, &bundle)]);
    for image in &found {
        let row = format!("bundle differs  bundle `{BUNDLE}` has the definition `store` (T37)");
        proof.says_of("factory", image, &row);
    }
    let bundles = listed(proof.run_of("factory", &found[0]), 3);
    assert_eq!(bundles[0]["definition"], "store");
}

#[test]
fn several_definitions_in_a_bundle() {
    let proof = Proof::new();
    let bundle = Bundle::of(&proof.test.staged());
    let bundle = bundle.add(Some("spc"), "another-cluster-definition:1", &[&other()]);
    for image in images(&proof, &[(BUNDLE, &bundle.zstd())]) {
        let done = proof
            .run(&[&image])
            .any_stdout()
            .error("image-differs")
            .fails(3);
        let said =
            format!("  bundle differs  bundle `{BUNDLE}`: it contains two cluster definitions");
        assert!(done.stdout.contains(&said), "{}", done.stdout);
        assert_eq!(listed(proof.run(&[&image]), 3)[0]["verdict"], "refused");
    }
}

/// As many parts as `split` numbers in two ways: 00 to 89, then 9000.
#[test]
fn parts_of_a_bundle_are_joined() {
    let proof = Proof::new();
    let wrong = Bundle::of(&other()).zstd();
    let right = Bundle::of(&proof.test.staged()).zstd();
    for (count, name) in [(1, "_part00"), (2, "_part01"), (91, "_part9000")] {
        // What is left over makes further parts.
        let parts = |bundle: &[u8]| split(bundle, (bundle.len() / count).max(1));
        let wrong = parts(&wrong);
        assert!(wrong.iter().any(|part| part.0.ends_with(name)), "{count}");
        let found = images(&proof, &borrowed(&wrong));
        for image in &found {
            let bundles = listed(proof.run(&[image]), 3);
            assert_eq!(bundles.as_array().unwrap().len(), 1, "{bundles}");
            assert_eq!(bundles[0]["name"], BUNDLE);
            assert_eq!(bundles[0]["verdict"], "another-definition");
        }
        let right = images(&proof, &borrowed(&parts(&right)));
        all_say(&proof, &right, "as locked");
    }
}

#[test]
fn a_missing_part_is_damage() {
    let proof = Proof::new();
    let bundle = Bundle::of(&other()).zstd();
    let parts = split(&bundle, bundle.len().div_ceil(3));
    assert_eq!(parts.len(), 3);
    for (missing, why) in [
        (0, "its part `_part00` is missing"),
        (1, "its part `_part01` is missing"),
        // Nothing but the content tells that the last one is missing.
        (2, "it is truncated"),
    ] {
        let mut rest = parts.clone();
        rest.remove(missing);
        let found = images(&proof, &borrowed(&rest));
        for image in &found {
            let said = format!(
                "`{BUNDLE}` in `{}` is not a content bundle",
                image.display()
            );
            warns(&proof, image, "T28", &[&said, why]);
            assert_eq!(listed(proof.run(&[image]), 0)[0]["verdict"], "unread");
        }
        let row = format!("bundle unread  bundle `{BUNDLE}`: {why} (T37)");
        let empty = without_definition(&proof, &borrowed(&rest));
        none_says(&proof, &empty, &row);
    }
}

/// The same images without the definition's own file.
fn without_definition(proof: &Proof, files: &[(&str, &[u8])]) -> [PathBuf; 2] {
    let fill = |tree: Tree, directory: &str| {
        files.iter().fold(tree, |tree, (name, bytes)| {
            tree.with(&format!("{directory}/{name}"), bytes)
        })
    };
    let iso = fill(proof.overlay().without(IN_ISO), IN_ISO_CONTENT);
    let partition = Tree::partition(b"").without(IN_PARTITION);
    let disk = disk(&fill(partition, IN_DISK_CONTENT));
    [proof.iso("n.iso", &iso), proof.put("n.raw", &disk.bytes)]
}

#[test]
fn no_definition_in_a_bundle_can_be_proved() {
    let proof = Proof::new();
    let nothing = Bundle::without_definition().zstd();
    none_says(
        &proof,
        &without_definition(&proof, &[(BUNDLE, &nothing)]),
        "none",
    );
    let wrong = Bundle::of(&other()).zstd();
    let short = &content_sha256(&other())[..12];
    let row = format!("unexpected  bundle `{BUNDLE}` has a definition with content {short} (T37)");
    let found = without_definition(&proof, &[(BUNDLE, &wrong)]);
    none_says(&proof, &found, &row);
    // Whatever a definition allows.
    let text = proof.test.text("profiles.toml");
    let allowing = "[definition.factory]\nallow = [\"T37\"]\n";
    let text = text.replacen("[definition.factory]\n", allowing, 1);
    assert!(text.contains(allowing));
    proof.test.put("profiles.toml", text);
    let run = proof.run(&[&found[0]]).arg("--expect-none").any_stdout();
    run.error("image-differs")
        .stderr_has("1 image contains a bundle with an unexpected definition")
        .stderr_has("help: build the bundle without a definition, then build again")
        .fails(3);
    // The locked one as well.
    let right = Bundle::of(&proof.test.staged()).zstd();
    let row = format!("unexpected  bundle `{BUNDLE}` has the definition `factory` (T37)");
    none_says(
        &proof,
        &without_definition(&proof, &[(BUNDLE, &right)]),
        &row,
    );
    let row = format!("bundle unread  bundle `{BUNDLE}`: it is truncated (T37)");
    let cut = &wrong[..wrong.len() / 2];
    none_says(&proof, &without_definition(&proof, &[(BUNDLE, cut)]), &row);
}

/// A bundle of 300 MiB whose rest is a skippable frame, mostly without blocks on the disk.
fn large(archive: &[u8]) -> (Vec<u8>, u64) {
    let mut bytes = Bundle::of(archive).zstd();
    let length: u32 = 300 << 20;
    bytes.extend([0x50, 0x2a, 0x4d, 0x18]);
    bytes.extend(length.to_le_bytes());
    let size = bytes.len() as u64 + u64::from(length);
    (bytes, size)
}

fn grow(path: &Path, size: u64) {
    let file = File::options().write(true).open(path).unwrap();
    file.set_len(size).unwrap();
}

/// Above 256 MiB, only `--bundles` reads it; until then it is not an all-clear for an image
/// that must hold nothing.
#[test]
fn a_large_bundle_is_read_if_asked() {
    let proof = Proof::new();
    let (bytes, size) = large(&other());
    let path = format!("{IN_DISK_CONTENT}/{BUNDLE}");
    let sparse = |tree: Tree| {
        let tree = tree.with(&path, &bytes);
        grow(&tree.path(&path), size);
        let system = tree.file_system(LABEL, 400 << 10, &["-O", "^has_journal"]);
        Disk::of(&[("content", &system)])
    };
    let image = proof.put("a.raw", sparse(Tree::partition(&proof.test.staged())).bytes);
    let said = format!(
        "`{BUNDLE}` in `{}` was not read: it has 300.0 MiB, more than 256.0 MiB",
        image.display()
    );
    warns(&proof, &image, "T37", &[&said, "help: add `--bundles`"]);
    assert_eq!(listed(proof.run(&[&image]), 0)[0]["verdict"], "unread");
    // Whatever its size, in little memory.
    let run = proof.run(&[&image]).arg("--bundles").any_stdout();
    let run = run.prelude("ulimit -v 500000");
    let done = run.error("image-differs").fails(3);
    assert!(
        done.stdout.contains("  bundle differs  "),
        "{}",
        done.stdout
    );
    // `check` has the same flags.
    let check = |flags: &str| {
        let run = proof.test.run(&format!("check --offline {flags} --image"));
        run.arg(image.to_str().unwrap()).any_stdout().any_stderr()
    };
    check("").success();
    check("--bundles").error("image-differs").fails(3);
    check("--bundles --allow T37").warning("T37").success();

    let none = proof.put(
        "n.raw",
        sparse(Tree::empty().with_directory("spc-config")).bytes,
    );
    let row =
        format!("bundle unread  bundle `{BUNDLE}`: it has 300.0 MiB, more than 256.0 MiB (T37)");
    proof.says_of_none(&none, &row);
    let run = proof.run(&[&none]).arg("--expect-none").any_stdout();
    run.error("image-differs")
        .stderr_has("1 image could not be verified")
        .stderr_has("help: add `--bundles`")
        .fails(3);
    let run = proof.run(&[&none]).arg("--expect-none").arg("--bundles");
    let done = run.any_stdout().error("image-differs").fails(3);
    assert!(done.stdout.contains("  unexpected  "), "{}", done.stdout);
}

/// More bundles, and more files, than are examined without being asked.
#[test]
fn more_bundles_than_are_read() {
    let proof = Proof::new();
    let nothing = Bundle::without_definition().zstd();
    let wrong = Bundle::of(&other()).zstd();
    let names: Vec<String> = (0..16).map(|number| format!("{number:02}.zst")).collect();
    let mut files: Vec<(&str, &[u8])> = names.iter().map(|name| (&**name, &*nothing)).collect();
    all_say(&proof, &images(&proof, &files), "as locked");
    files.push(("zz.zst", &wrong));
    let said = "was not read: only the first 16 bundles are read without `--bundles`";
    for image in images(&proof, &files) {
        warns(
            &proof,
            &image,
            "T37",
            &["`zz.zst` in `", said, "add `--bundles`"],
        );
        let run = proof.run(&[&image]).arg("--bundles").any_stdout();
        run.error("image-differs").fails(3);
    }
    let tree = (0..1010).fold(proof.overlay(), |tree, number| {
        tree.with(&format!("{IN_ISO_CONTENT}/{number:04}"), "")
    });
    let image = proof.iso("many.iso", &tree);
    let said = format!(
        "`{IN_ISO_CONTENT}` in `{}` was not read: it has 11 files more",
        image.display()
    );
    warns(&proof, &image, "T37", &[&said]);
    let empty = proof.iso("none.iso", &tree.without(IN_ISO));
    let row = format!(
        "bundle unread  bundle `{IN_ISO_CONTENT}`: it has 11 files more than edgestage examines (T37)"
    );
    proof.says_of_none(&empty, &row);
}

#[test]
fn links_are_not_followed() {
    let proof = Proof::new();
    let wrong = Bundle::of(&other()).zstd();
    let tree = proof
        .overlay()
        .with("elsewhere/real.zst", &wrong)
        .with_link(&format!("{IN_ISO_CONTENT}/{BUNDLE}"), "/elsewhere/real.zst");
    let image = proof.iso("a.iso", &tree);
    let said = format!(
        "`{BUNDLE}` in `{}` was not read: it is a symbolic link",
        image.display()
    );
    warns(&proof, &image, "T37", &[&said]);
    let tree = Tree::partition(&proof.test.staged())
        .with(&format!("elsewhere/{BUNDLE}"), &wrong)
        .with_link(IN_DISK_CONTENT, "elsewhere");
    let image = proof.put("a.raw", disk(&tree).bytes);
    let said = format!(
        "`{IN_DISK_CONTENT}` in `{}` was not read: it is a symbolic link",
        image.display()
    );
    warns(&proof, &image, "T37", &[&said]);
}

/// An ISO with what is staged, whose directory of content bundles has these records.
fn iso_of(proof: &Proof, records: impl FnOnce(&mut Iso) -> Vec<Vec<u8>>) -> PathBuf {
    let mut iso = Iso::new();
    let definition = iso.add(&proof.test.staged());
    let records = records(&mut iso);
    let content = iso.directory(&records);
    let own = iso.directory(&[record(b"B;1", definition, FILE, &name("spc.tgz"))]);
    let directory = |place: Place, id: &[u8], is: &str| record(id, place, DIRECTORY, &name(is));
    let place = iso.directory(&[
        directory(own, b"A", "clusterconfig"),
        directory(content, b"B", "content"),
    ]);
    let place = iso.directory(&[directory(place, b"A", "spectrocloud")]);
    let root = iso.directory_with(&rock_ridge(), &[directory(place, b"A", "opt")]);
    iso.root(root);
    proof.put("a.iso", &iso.bytes)
}

/// A file of 4 GiB and more has several extents, which are one bundle.
#[test]
fn a_bundle_of_several_extents_is_one_bundle() {
    let proof = Proof::new();
    let image = |bundle: &[u8]| {
        iso_of(&proof, |iso| {
            // From back to front, so that they do not lie one behind the other.
            let mut chunks: Vec<&[u8]> = bundle.chunks(SECTOR).collect();
            assert!(chunks.len() > 1, "the bundle is too small");
            chunks.reverse();
            let mut extents: Vec<Place> = chunks.iter().map(|chunk| iso.add(chunk)).collect();
            extents.reverse();
            let last = extents.len() - 1;
            let records = extents.iter().enumerate().map(|(number, extent)| {
                let flags = if number == last { FILE } else { MORE };
                record(b"A.ZST;1", *extent, flags, &name(BUNDLE))
            });
            records.collect()
        })
    };
    let right = image(&Bundle::of(&proof.test.staged()).tar());
    proof.says(&right, "as locked");
    assert_eq!(listed(proof.run(&[&right]), 0)[0]["verdict"], "as-locked");
    let short = &content_sha256(&other())[..12];
    let row =
        format!("bundle differs  bundle `{BUNDLE}` has a definition with content {short} (T37)");
    proof.says(&image(&Bundle::of(&other()).tar()), &row);
}

/// It is not known which of two parts with one name a host sees.
#[test]
fn two_parts_with_one_name() {
    let proof = Proof::new();
    let right = Bundle::of(&proof.test.staged()).zstd();
    let half = right.len() / 2;
    let image = iso_of(&proof, |iso| {
        let parts = [
            ("_part00", &right[..half]),
            ("_part01", &right[half..]),
            ("_part01", b"other bytes"),
        ];
        let ids = [b"A;1", b"B;1", b"C;1"].into_iter();
        let records = ids.zip(parts).map(|(id, (part, bytes))| {
            let place = iso.add(bytes);
            record(id, place, FILE, &name(&format!("{BUNDLE}{part}")))
        });
        records.collect()
    });
    let said = format!("`{BUNDLE}` in `{}` was not read", image.display());
    warns(
        &proof,
        &image,
        "T37",
        &[&said, "it is two files with one name"],
    );
}

/// A second content partition may have the bundle.
#[test]
fn a_bundle_in_one_of_two_partitions() {
    let proof = Proof::new();
    let right = Tree::partition(&proof.test.staged());
    let wrong = Bundle::of(&other()).zstd();
    let wrong = Tree::partition(&proof.test.staged()).with("bundle-content/a.zst", wrong);
    let [right, wrong] = [right, wrong].map(|tree| tree.file_system(LABEL, 1024, &[]));
    let short = &content_sha256(&other())[..12];
    let bundle = format!("bundle differs: bundle `a.zst` has a definition with content {short}");
    for (systems, row) in [
        ([&right, &wrong], format!("as locked; {bundle}")),
        ([&wrong, &right], format!("{bundle}; as locked")),
    ] {
        let disk = Disk::of(&[("content", systems[0]), ("content", systems[1])]);
        let image = proof.put("a.raw", &disk.bytes);
        let row = format!("ambiguous  2 content partitions: {row} (T37)");
        proof.says(&image, &row);
    }
}

/// Without long names, a bundle is known by its first bytes.
#[test]
fn a_bundle_whose_name_was_cut() {
    let proof = Proof::new();
    let path = format!("{IN_ISO_CONTENT}/site.tar.zst_part00");
    let tree = proof.overlay().with(&path, Bundle::of(&other()).zstd());
    let image = proof.path("a.iso");
    let options = ["-volid", "COS_LIVE", "-rockridge", "off", "-padding", "0"];
    tree.native(&image, &options);
    let done = proof.run(&[&image]).any_stdout().error("image-differs");
    let done = done.fails(3);
    assert!(
        done.stdout.contains("  bundle differs  "),
        "{}",
        done.stdout
    );
}

/// `build` verifies the image with its own flags.
#[test]
fn build_passes_its_flags_on() {
    let test = with_earthly(EARTHLY);
    test.run("stage").any_stdout().any_stderr().success();
    let proof = Proof::of(test);
    let path = format!("{IN_ISO_CONTENT}/{BUNDLE}");
    let wrong = Bundle::of(&other()).zstd();
    let image = proof.iso("built.iso", &proof.overlay().with(&path, &wrong));
    let writes = |image: &Path| {
        let text = format!(
            "#!/bin/sh\nmkdir -p build\ncp {} build/installer.iso\n",
            image.display()
        );
        program(&proof.test, "bin/earthly", &text);
    };
    writes(&image);
    let built = |flags: &str| {
        let run = build::build(&proof.test, &format!("--no-rehearsal {flags}"));
        run.any_stdout().any_stderr()
    };
    built("").error("image-differs").fails(3);
    built("--allow T37")
        .warning("T37")
        .stderr_has("accepted because `--allow` or `allow` names it")
        .success();
    // What the definition allows holds for `verify`, too, and never for `attest`.
    let text = proof.test.text("profiles.toml");
    let allowing = "[definition.factory]\nallow = [\"T37\"]\n";
    let allowing = text.replacen("[definition.factory]\n", allowing, 1);
    proof.test.put("profiles.toml", allowing);
    built("").warning("T37").success();
    let verify = proof.run(&[&image]).any_stdout();
    verify.warning("T37").success();
    let attest = proof.test.run("attest --image").any_stdout();
    let attest = attest.arg(image.to_str().unwrap());
    attest.error("image-differs").fails(3);
    proof.test.put("profiles.toml", text);
    // A large one.
    let (bytes, size) = large(&other());
    let tree = proof.overlay().with(&path, bytes);
    grow(&tree.path(&path), size);
    writes(&proof.iso("large.iso", &tree));
    built("")
        .warning("T37")
        .stderr_has("add `--bundles`")
        .success();
    built("--bundles").error("image-differs").fails(3);
}
