//! `fetch --from`, `show FILE` and `verify --bundle`, with archives and content bundles.

use palette_sim::Route;
use serde_json::Value;

use crate::support::bundles::{Bundle, REFERENCE, zstd};
use crate::support::{Test, archive, content_sha256, gzip, sha256};

/// Returns a test with a locked definition, the archive of which is only in `spc.tgz`.
fn carried_over() -> (Test, Vec<u8>) {
    let test = Test::new();
    test.run("fetch -q --output spc.tgz").any_stdout().success();
    test.forget_cache();
    let archive = test.read("spc.tgz");
    (test, archive)
}

/// Returns another archive with the same content: other compression, and two members.
fn packed_again(archive: &[u8]) -> Vec<u8> {
    let tar = unpacked(archive);
    let (one, other) = tar.split_at(1000);
    let again = [gzip(one), gzip(other)].concat();
    assert_ne!(again, archive);
    again
}

fn unpacked(archive: &[u8]) -> Vec<u8> {
    use std::io::Read as _;
    let mut tar = Vec::new();
    let read = flate2::read::GzDecoder::new(archive).read_to_end(&mut tar);
    read.unwrap();
    tar
}

fn requests(test: &Test) -> usize {
    test.sim.requests().len()
}

/// Neither a key nor a network is needed, and the locked archive is cached afterwards.
#[test]
fn the_locked_archive_is_taken_from_a_file() {
    let (test, archive) = carried_over();
    let lock = test.text("profiles.lock");
    let before = requests(&test);
    let bundle = Bundle::of(&archive);
    for (name, bytes) in [
        ("spc.tgz", archive.clone()),
        ("content.tar.zst", bundle.zstd()),
        ("content.tar", bundle.tar()),
        // Names say nothing.
        ("an-archive.tar.zst", archive.clone()),
        ("a-bundle.tgz", bundle.zstd()),
        ("another.tgz", bundle.tar()),
    ] {
        test.forget_cache();
        test.forget_staged();
        test.put(name, bytes);
        let run = test.run(&format!("fetch factory --json --from {name}"));
        let done = run.without_key().any_stdout().any_stderr().success();
        let fetched = &done.json()["definitions"][0];
        assert_eq!(fetched["origin"], "file", "{name}");
        assert_eq!(fetched["lock"], "unchanged");
        assert_eq!(fetched["sha256"], sha256(&archive));
        assert_eq!(
            std::fs::read(fetched["path"].as_str().unwrap()).unwrap(),
            archive
        );
        assert_eq!(test.cached().len(), 1);
        test.run("stage --locked --offline -q")
            .without_key()
            .any_stdout()
            .success();
        assert_eq!(test.staged(), archive);
        assert_eq!(test.text("profiles.lock"), lock);
    }
    assert_eq!(requests(&test), before);
    let tree = test.tree();
    assert!(!tree.contains(".edgestage-"), "{tree}");
}

#[test]
fn what_is_said() {
    let (test, archive) = carried_over();
    test.put("content.tar.zst", Bundle::of(&archive).zstd());
    let cached = format!(
        "{{home}}/.cache/edgestage/archives/{}.tgz",
        content_sha256(&archive)
    );
    let run = test.run("fetch factory --from content.tar.zst --offline --locked");
    run.without_key()
        .stdout(&format!("{cached}\n"))
        .stderr_has("Reading content.tar.zst\n")
        .stderr_has("Verified factory: ")
        .success();
    test.run("fetch factory --from content.tar.zst --output copy.tgz")
        .any_stderr()
        .stdout("{dir}/copy.tgz\n")
        .success();
    assert_eq!(test.read("copy.tgz"), archive);
}

/// The lock is the identity for another compression, too, and is not rewritten.
#[test]
fn another_archive_with_the_locked_content() {
    let (test, archive) = carried_over();
    let again = packed_again(&archive);
    let lock = test.text("profiles.lock");
    test.put("again.tar", Bundle::of(&again).tar());
    let run = test.run("fetch --from again.tar --json").without_key();
    let done = run.any_stdout().any_stderr().success();
    let fetched = &done.json()["definitions"][0];
    assert_eq!(fetched["sha256"], sha256(&again));
    assert_eq!(fetched["content_sha256"], content_sha256(&archive));
    assert_eq!(test.text("profiles.lock"), lock);
    test.run("verify --bundle again.tar")
        .stdout("{dir}/again.tar  same content\n")
        .success();
    test.run("stage --locked --offline -q")
        .any_stdout()
        .success();
    assert_eq!(test.staged(), again);
    // What is cached stays: what is staged keeps its bytes.
    test.put("spc.tgz", &archive);
    let run = test.run("fetch --from spc.tgz --json").any_stderr();
    let done = run.any_stdout().success();
    assert_eq!(done.json()["definitions"][0]["sha256"], sha256(&again));
}

/// A damaged cache entry is replaced.
#[test]
fn a_damaged_cache_entry_is_replaced() {
    let (test, archive) = carried_over();
    test.run("fetch -q --from spc.tgz").any_stdout().success();
    let entry = test.cached().remove(0);
    std::fs::write(&entry, "damaged").unwrap();
    test.run("fetch -q --from spc.tgz").any_stdout().success();
    assert_eq!(std::fs::read(&entry).unwrap(), archive);
}

#[test]
fn other_content_is_drift() {
    let test = Test::with_other();
    test.run("fetch -q other --output other.tgz")
        .any_stdout()
        .success();
    let other = test.read("other.tgz");
    test.put("other.tar", Bundle::of(&other).tar());
    let strange = archive(&[("spc/a", "1")]);
    test.put("strange.tgz", &strange);
    for (file, found) in [
        ("other.tgz", "it contains `other`".to_owned()),
        ("other.tar", "it contains `other`".to_owned()),
        (
            "strange.tgz",
            format!(
                "it contains the content {}, but ",
                &content_sha256(&strange)[..12]
            ),
        ),
    ] {
        for flags in ["", "--offline", "--locked", "--output copy.tgz"] {
            test.run(&format!("fetch -q factory --from {file} {flags}"))
                .error("file-differs")
                .stderr_has(&format!("`{file}` does not contain the locked `factory`"))
                .stderr_has(&found)
                .keeps_files()
                .fails(3);
        }
        test.run(&format!("verify factory --bundle {file}"))
            .any_stdout()
            .error("file-differs")
            .stderr_has(&found)
            .keeps_files()
            .fails(3);
    }
    // The files that differ are known if the locked archive is cached.
    test.run("fetch -q factory --from strange.tgz")
        .error("file-differs")
        .stderr_has("spc/a added")
        .fails(3);
    // The other definition's lock entry describes it.
    test.run("fetch -q other --from other.tar")
        .any_stdout()
        .success();
}

#[test]
fn without_a_lock_palette_names_the_packs() {
    let (test, archive) = carried_over();
    let lock = test.text("profiles.lock");
    std::fs::remove_file(test.path("profiles.lock")).unwrap();
    test.put("content.tar.zst", Bundle::of(&archive).zstd());
    let command = "fetch -q factory --from content.tar.zst";
    test.run(command)
        .without_key()
        .error("key-missing")
        .keeps_files()
        .fails(4);
    test.run(command)
        .arg("--offline")
        .error("offline")
        .keeps_files()
        .fails(5);
    test.run(command)
        .arg("--locked")
        .error("no-lockfile")
        .keeps_files()
        .fails(3);
    let downloads = test.downloads();
    let run = test.run("fetch factory --from content.tar.zst --json");
    let run = run.any_stdout().warning("packs-not-compared");
    let done = run
        .stderr_has("the packs of `factory` were not compared with `content.tar.zst`")
        .success();
    let fetched = &done.json()["definitions"][0];
    assert_eq!(fetched["origin"], "file");
    assert_eq!(fetched["lock"], "written");
    assert_eq!(test.text("profiles.lock"), lock);
    assert_eq!(test.downloads(), downloads, "the archive is from the file");
    assert!(!test.asked(Route::Profile).is_empty());
    // The advice of the warning.
    test.run("diff -q factory").any_stdout().success();
}

/// A lock entry that was merged wrongly has the digests of another definition.
#[test]
fn profiles_that_the_lock_entry_does_not_list() {
    let test = Test::with_other();
    test.run("fetch -q other --output other.tgz")
        .any_stdout()
        .success();
    let lock = test.text("profiles.lock");
    let digests = |name: &str| {
        let entry = lock
            .split(&format!("[definition.{name}]\n"))
            .nth(1)
            .unwrap();
        let line = |key: &str| {
            entry
                .lines()
                .find(|line| line.starts_with(key))
                .unwrap()
                .to_owned()
        };
        ["content-sha256", "sha256", "size"].map(line)
    };
    let mut merged = lock.clone();
    for (from, to) in digests("factory").iter().zip(digests("other")) {
        merged = merged.replacen(from, &to, 1);
    }
    // Without the entry of the other one, whose name would be the answer.
    let (merged, _) = merged.split_once("[definition.other]").unwrap();
    test.put("profiles.lock", merged);
    for command in ["fetch -q factory --from", "verify factory --bundle"] {
        let run = test.run(command).arg("other.tgz").any_stdout();
        run.error("file-differs")
            .stderr_has("it contains profiles that the lock entry does not list")
            .keeps_files()
            .fails(3);
    }
}

/// The profiles must be those that are asked for, as after a download.
#[test]
fn without_a_lock_other_profiles_are_refused() {
    let test = Test::with_other();
    test.run("fetch -q other --output other.tgz")
        .any_stdout()
        .success();
    std::fs::remove_file(test.path("profiles.lock")).unwrap();
    test.put("other.tar", Bundle::of(&test.read("other.tgz")).tar());
    for (file, subject) in [
        ("other.tgz", "`other.tgz`"),
        ("other.tar", "the archive in `other.tar`"),
    ] {
        test.run(&format!("fetch -q factory --from {file}"))
            .error("archive-refused")
            .stderr_has(&format!(
                "{subject} is refused: it does not contain the requested profiles"
            ))
            .keeps_files()
            .fails(6);
    }
}

/// An outdated lock entry is like none.
#[test]
fn an_outdated_entry_is_locked_anew() {
    let (test, archive) = carried_over();
    test.put("content.tar", Bundle::of(&archive).tar());
    let manifest = test.text("profiles.toml");
    test.put("profiles.toml", format!("{manifest}name = \"other\"\n"));
    let command = "fetch --from content.tar";
    let locked = test.run(command).arg("--locked").any_stderr();
    locked.error("outdated").keeps_files().fails(3);
    let run = test.run(command).any_stdout();
    run.warning("packs-not-compared").success();
    test.run("fetch -q --locked --offline")
        .any_stdout()
        .success();
}

#[test]
fn a_bundle_without_a_definition() {
    let (test, _) = carried_over();
    let bundle = Bundle::without_definition();
    test.put("content.tar.zst", bundle.zstd());
    let seen = "its index.json lists manifests of the kinds image, pack, stylus";
    for command in ["fetch -q --from content.tar.zst", "show content.tar.zst"] {
        test.run(command)
            .error("bundle-refused")
            .stderr_has("`content.tar.zst` is refused: it contains no cluster definition")
            .stderr_has(seen)
            .keeps_files()
            .fails(6);
    }
    let run = test.run("verify --bundle content.tar.zst --json");
    let done = run.any_stdout().any_stderr().keeps_files().fails(3);
    let json = done.json();
    assert_eq!(json["error"]["code"], "file-differs");
    assert_eq!(json["bundle"]["verdict"], "no-definition");
    assert_eq!(
        json["bundle"]["kinds"],
        serde_json::json!(["image", "pack", "stylus"])
    );
    assert_eq!(json["bundle"]["archive"], Value::Null);
    for (bundle, seen) in [
        (Bundle::default(), "its index.json lists nothing"),
        (
            Bundle::default().add(None, "a", &[b"1"]),
            "no manifest in its index.json has the annotation `io.image.ref.spectrocloud.type`",
        ),
    ] {
        test.put("content.tar", bundle.tar());
        test.run("verify --bundle content.tar")
            .any_stdout()
            .error("file-differs")
            .stderr_has(seen)
            .fails(3);
    }
}

#[test]
fn verify_says_what_a_bundle_has() {
    let (test, archive) = carried_over();
    test.put("content.tar.zst", Bundle::of(&archive).zstd());
    let before = requests(&test);
    test.run("verify factory --bundle content.tar.zst")
        .without_key()
        .stdout("{dir}/content.tar.zst  as locked\n")
        .keeps_files()
        .success();
    let run = test.run("verify --bundle content.tar.zst --json");
    let done = run.any_stdout().success();
    let json = done.json();
    assert_eq!(json["definition"], "factory");
    assert_eq!(json["content_sha256"], content_sha256(&archive));
    let bundle = &json["bundle"];
    assert_eq!(bundle["verdict"], "as-locked");
    assert_eq!(bundle["reference"], REFERENCE);
    assert_eq!(bundle["archive"]["sha256"], sha256(&archive));
    assert_eq!(bundle["archive"]["size"], archive.len());
    // An archive is accepted in the place of a bundle.
    let run = test.run("verify --bundle spc.tgz --json").any_stdout();
    let json = run.success().json();
    assert_eq!(json["bundle"]["verdict"], "as-locked");
    assert_eq!(json["bundle"]["reference"], Value::Null);
    assert_eq!(requests(&test), before);
    // Without a current lock entry, there is nothing to compare with.
    let manifest = test.text("profiles.toml");
    test.put("profiles.toml", format!("{manifest}name = \"other\"\n"));
    let run = test.run("verify --bundle content.tar.zst");
    run.error("outdated").keeps_files().fails(3);
}

#[test]
fn show_says_what_a_bundle_has() {
    let (test, archive) = carried_over();
    test.put("content.tar.zst", Bundle::of(&archive).zstd());
    let of_bundle = test.run("show content.tar.zst").any_stdout().success();
    let of_archive = test.run("show spc.tgz").any_stdout().success();
    let lines = |text: &str| -> Vec<String> {
        let lines = text.lines().map(str::to_owned);
        lines.filter(|line| !line.contains("spc.tgz")).collect()
    };
    let mut shown = lines(&of_bundle.stdout);
    let is_of_bundle = |line: &String| line.contains("content.tar.zst") || line.contains(REFERENCE);
    assert_eq!(
        shown.iter().filter(|line| is_of_bundle(line)).count(),
        2,
        "{shown:#?}"
    );
    shown.retain(|line| !is_of_bundle(line));
    assert_eq!(shown, lines(&of_archive.stdout));
    let [bundle, archive] = ["content.tar.zst", "spc.tgz"].map(|file| {
        let run = test.run(&format!("show {file} --json"));
        run.any_stdout().success().json()
    });
    assert_eq!(bundle["reference"], REFERENCE);
    assert_eq!(archive["reference"], Value::Null);
    assert_eq!(bundle["profiles"], archive["profiles"]);
    assert_eq!(bundle["definition"], "factory");
    // Without a manifest, it can still be shown.
    test.run("show ../content.tar.zst")
        .within("empty")
        .any_stdout()
        .success();
}

#[test]
fn a_file_that_does_not_exist() {
    let (test, archive) = carried_over();
    test.put("content.tar.zst", Bundle::of(&archive).zstd());
    for command in [
        "fetch -q --from content.tar.zs",
        "show ./content.tar.zs",
        "verify --bundle content.tar.zs",
    ] {
        test.run(command)
            .error("file-missing")
            .stderr_has("did you mean `{dir}/content.tar.zst`?")
            .keeps_files()
            .fails(2);
    }
    // Before Palette is asked.
    std::fs::remove_file(test.path("profiles.lock")).unwrap();
    let before = requests(&test);
    test.run("fetch -q --from nothing")
        .error("file-missing")
        .fails(2);
    assert_eq!(requests(&test), before);
    test.run("fetch -q").any_stdout().success();
    for command in ["fetch -q --from .", "verify --bundle ."] {
        test.run(command)
            .error("input-output")
            .keeps_files()
            .fails(1);
    }
}

#[test]
fn one_definition_is_needed() {
    let test = Test::with_other();
    test.run("fetch -q factory --output spc.tgz")
        .any_stdout()
        .success();
    test.run("fetch --from spc.tgz")
        .error("definition-needed")
        .fails(2);
    test.run("verify --bundle spc.tgz")
        .error("definition-needed")
        .fails(2);
    test.run("fetch factory other --from spc.tgz")
        .error("conflicting-options")
        .stderr_has("`--from` works with one definition only")
        .fails(2);
    for flags in ["--image a.iso", "--expect-none"] {
        test.run(&format!("verify --bundle spc.tgz {flags}"))
            .any_stderr()
            .fails(2);
    }
}

/// A pipe is read once.
#[test]
fn a_pipe() {
    let (test, archive) = carried_over();
    test.put("content.tar.zst", Bundle::of(&archive).zstd());
    for file in ["content.tar.zst", "spc.tgz"] {
        test.forget_cache();
        for command in [
            "fetch -q --from /dev/stdin",
            "show /dev/stdin",
            "verify --bundle /dev/stdin",
        ] {
            let pipe = "mkfifo pipe && { cat $FILE > pipe & } && exec < pipe && rm pipe";
            test.run(command)
                .prelude(pipe.replace("$FILE", file))
                .without_key()
                .any_stdout()
                .success();
        }
        assert_eq!(test.cached().len(), 1);
    }
}

/// Ctrl-C while the bundle is read, and while its archive is copied, leaves nothing behind.
#[test]
fn ctrl_c_leaves_nothing_behind() {
    let (test, archive) = carried_over();
    test.put("content.tar", Bundle::of(&archive).tar());
    for file in ["content.tar", "spc.tgz"] {
        let run = test.run(&format!("fetch -q --from {file}"));
        let parked = run.park_at("archive-begun");
        assert!(test.tree().contains("/tmp/.edgestage-"));
        parked.interrupt();
    }
    let tree = test.tree();
    assert!(!tree.contains("/tmp/.edgestage-"), "{tree}");
    assert!(test.cached().is_empty());

    // A bundle that takes minutes: a member of zeros that are not on the disk.
    let directory = tempfile::tempdir().unwrap();
    let big = directory.path().join("big.tar");
    crate::bundle_memory::sparse_bundle(&big, &archive, 100 << 30);
    for command in ["fetch --from", "show", "verify --bundle"] {
        let run = test.run(command).arg(big.to_str().unwrap());
        let mut going = run.env("EDGESTAGE_HEARTBEAT", "1").start();
        going.says("Still reading big.tar: ");
        going.says(" of 100.0 GiB, ");
        going.interrupt();
    }
    assert!(test.cached().is_empty());
    let tree = test.tree();
    assert!(!tree.contains("/tmp/"), "{tree}");
}

/// The progress is that of the file, and does not count as downloaded.
#[test]
fn nothing_counts_as_downloaded() {
    let (test, archive) = carried_over();
    test.put("content.tar.zst", zstd(&[], &Bundle::of(&archive).tar()));
    let run = test.run("fetch --from content.tar.zst").any_stdout();
    let done = run
        .stderr_has("Finished factory, from the file in")
        .success();
    assert!(!done.stderr.contains("KiB) in"), "{}", done.stderr);
}
