//! Content bundles that are damaged or made to deceive: each is refused with exit code 6 by
//! every command, with the reason, and nothing is written.

use serde_json::json;

use crate::support::bundles::{Bundle, KIND, NAME, REFERENCE, crafted, tar_of, zstd};
use crate::support::crafted_archives::{Crafted, DIRECTORY, HARD_LINK, LINK, SIZE};
use crate::support::{Test, archive, gzip, profile_directory, sha256, tarball};

const INDEX: &str = "index.json";

fn definition() -> Vec<u8> {
    let path = format!("{}variables.json", profile_directory("a"));
    archive(&[("spc/", ""), (&path, "{}")])
}

/// Every command refuses this file for this reason.
#[track_caller]
fn refused(test: &Test, bundle: &[u8], why: &str) {
    test.put("bundle", bundle);
    for command in [
        "show ./bundle",
        "verify --bundle bundle",
        "fetch -q --from bundle",
    ] {
        test.run(command)
            .without_key()
            .error("bundle-refused")
            .stderr_has(&format!(
                "`{}bundle` is refused: {why}",
                if command.starts_with("show") {
                    "./"
                } else {
                    ""
                }
            ))
            .keeps_files()
            .fails(6);
    }
}

/// Returns the bundle of a definition with one member replaced.
fn replaced(path: &str, content: &[u8]) -> Vec<u8> {
    let mut members = Bundle::of(&definition()).members();
    let member = members.iter_mut().find(|(other, _)| other == path);
    content.clone_into(&mut member.unwrap().1);
    tar_of(&members)
}

/// Returns the bundle of a definition without one member.
fn without(path: &str) -> Vec<u8> {
    let mut members = Bundle::of(&definition()).members();
    let before = members.len();
    members.retain(|(other, _)| other != path);
    assert_eq!(members.len(), before - 1);
    tar_of(&members)
}

fn locked() -> Test {
    let test = Test::new();
    test.run("fetch -q").any_stdout().success();
    test
}

#[test]
fn blobs_that_are_missing_or_not_what_their_digest_says() {
    let test = locked();
    let bundle = Bundle::of(&definition());
    let layer = sha256(&definition());
    let layer_path = format!("blobs/sha256/{layer}");
    let manifest = bundle.last_manifest();
    let manifest_path = format!("blobs/sha256/{manifest}");
    let other = archive(&[("spc/", ""), ("spc/other", "")]);
    let lies =
        |digest: &str| format!("is not what its digest says: the blob {digest} has other content");
    let archive_lies = format!("the archive of its cluster definition {}", lies(&layer));
    refused(&test, &replaced(&layer_path, &other), &archive_lies);
    // Once more after the index, where it is known to be the archive.
    let mut members = bundle.members();
    members.reverse();
    let member = members.iter_mut().find(|(path, _)| *path == layer_path);
    member.unwrap().1 = b"not even gzip".to_vec();
    refused(&test, &tar_of(&members), &archive_lies);
    let changed = json!({ "layers": [{ "digest": format!("sha256:{}", sha256(&other)) }] });
    refused(
        &test,
        &replaced(&manifest_path, changed.to_string().as_bytes()),
        &format!("the manifest of its cluster definition {}", lies(&manifest)),
    );
    refused(
        &test,
        &replaced(&manifest_path, b"not JSON"),
        &format!("the manifest of its cluster definition {}", lies(&manifest)),
    );
    refused(
        &test,
        &without(&layer_path),
        &format!("the archive of its cluster definition is missing: there is no blob {layer}"),
    );
    refused(
        &test,
        &without(&manifest_path),
        &format!("the manifest of its cluster definition is missing: there is no blob {manifest}"),
    );
}

#[test]
fn bundles_that_are_cut() {
    let test = locked();
    let bundle = Bundle::of(&definition());
    let tar = bundle.tar();
    let truncated = "it is truncated";
    // In the middle of a member, between two, and without the end marker.
    for length in [700, 512 * 3, tar.len() - 1024] {
        refused(&test, &tar[..length], truncated);
        refused(&test, &zstd(&[], &tar[..length]), truncated);
    }
    let whole = bundle.zstd();
    for length in [5, 20, whole.len() / 2, whole.len() - 1] {
        refused(&test, &whole[..length], truncated);
    }
    let half = zstd(&[], &tar[..tar.len() / 2]);
    let second = zstd(&[], &tar[tar.len() / 2..]);
    refused(&test, &half, truncated);
    refused(&test, &[&half[..], &second[..9]].concat(), truncated);
}

#[test]
fn data_after_the_end() {
    let test = locked();
    let bundle = Bundle::of(&definition());
    let after_end = "it has data after its end-of-archive marker";
    refused(&test, &[&bundle.tar()[..], b"more"].concat(), after_end);
    let two = [bundle.tar(), bundle.tar()].concat();
    refused(&test, &zstd(&[], &two), after_end);
    let trailing = "it has trailing data after its zstd stream";
    refused(&test, &[&bundle.zstd()[..], b"garbage"].concat(), trailing);
    refused(&test, &[&bundle.zstd()[..], &[0; 512]].concat(), trailing);
}

#[test]
fn damaged_zstd() {
    let test = locked();
    let mut stream = Bundle::of(&definition()).zstd();
    let last = stream.len() - 2;
    stream[last] ^= 0x10;
    refused(&test, &stream, "its zstd stream is damaged: ");
}

/// 128 MiB is the most that `zstd -d` accepts without `--long`, too.
#[test]
fn a_window_beyond_the_limit() {
    let test = locked();
    // If the size is known, the window is no larger than the content.
    let tar = Bundle::of(&definition()).tar();
    let window = |log: u32| zstd(&["--ultra", &format!("--zstd=wlog={log}")], &tar);
    test.put("bundle.zst", window(27));
    let run = test.run("verify --bundle bundle.zst").any_stdout();
    run.error("file-differs").fails(3);
    test.put("bundle.zst", window(28));
    test.run("verify --bundle bundle.zst")
        .error("bundle-refused")
        .stderr_has("its zstd stream needs a window of more than 128.0 MiB")
        .stderr_has("zstd -d --long=31")
        .keeps_files()
        .fails(6);
    // In a later frame.
    let later = [zstd(&[], &tar[..1000]), window(28)].concat();
    refused(
        &test,
        &later,
        "its zstd stream needs a window of more than 128.0 MiB",
    );
}

#[test]
fn members_that_deceive() {
    let test = locked();
    let bundle = Bundle::of(&definition());
    let members = bundle.members();
    let layer = sha256(&definition());
    let good = || crafted(&members);
    let twice = "occurs twice, or is below a file or link";
    let table: Vec<(Crafted, String)> = vec![
        (
            good().file(INDEX.as_bytes(), b"{}"),
            format!("`index.json` {twice}"),
        ),
        (
            good().file(b"oci-layout", b""),
            format!("`oci-layout` {twice}"),
        ),
        (
            good().file(b"other/index.json", b"{}"),
            "it has two indexes: `index.json` and `other/index.json`".into(),
        ),
        (
            good().file(format!("other/{layer}").as_bytes(), &definition()),
            format!("the blob {layer} occurs twice"),
        ),
        (good().link(LINK, b"a", b"b"), "`a` is a link".into()),
        (
            good().link(HARD_LINK, b"a", b"oci-layout"),
            "`a` is a link".into(),
        ),
        (
            good().file(b"../a", b""),
            "the path `../a` contains `..`".into(),
        ),
        (good().file(b"/a", b""), "the path `/a` is absolute".into()),
        (
            good().entry(b'3', b"null", b""),
            "`null` is a character device".into(),
        ),
        (good().entry(b'6', b"fifo", b""), "`fifo` is a FIFO".into()),
    ];
    for (tar, why) in table {
        refused(&test, &tar.clone().tar(), &why);
        refused(&test, &zstd(&[], &tar.tar()), &why);
    }
    // A directory may have an entry more than once, and none at all.
    let tar = good()
        .entry(DIRECTORY, b"blobs/", b"")
        .entry(DIRECTORY, b"blobs/", b"");
    test.put("bundle.tar", tar.tar());
    test.run("show bundle.tar").any_stdout().success();
    // A link in the place of what is needed is not followed.
    let mut members = bundle.members();
    members.retain(|(path, _)| !path.contains(&layer));
    let path = format!("blobs/sha256/{layer}");
    let tar = crafted(&members).file(b"real", &definition());
    let tar = tar.link(LINK, path.as_bytes(), b"../../real");
    refused(&test, &tar.tar(), &format!("`{path}` is a link"));
}

#[test]
fn indexes_that_deceive() {
    let test = locked();
    let unusable = "its index.json cannot be used: ";
    let manifest = Bundle::of(&definition()).last_manifest();
    let digest = format!("sha256:{manifest}");
    let spc = json!({ KIND: "spc" });
    for (index, why) in [
        (String::new(), "EOF while parsing"),
        ("{}".into(), "missing field `manifests`"),
        (json!({ "manifests": 1 }).to_string(), "invalid type"),
        (
            json!({ "manifests": [{ "annotations": spc }] }).to_string(),
            "missing field `digest`",
        ),
        (
            json!({ "manifests": [{ "digest": "sha256:abc", "annotations": spc }] }).to_string(),
            "`sha256:abc` is not a SHA-256 digest",
        ),
        (
            json!({ "manifests": [{ "digest": digest.to_uppercase(), "annotations": spc }] })
                .to_string(),
            "is not a SHA-256 digest",
        ),
        (
            json!({ "manifests": [{ "digest": digest, "annotations": { KIND: 1 } }] }).to_string(),
            "invalid type: integer `1`, expected a string",
        ),
        (
            format!(
                r#"{{"manifests":[],"manifests":[{{"digest":"{digest}","annotations":{spc}}}]}}"#
            ),
            "duplicate field `manifests`",
        ),
    ] {
        let bundle = replaced(INDEX, index.as_bytes());
        refused(&test, &bundle, unusable);
        test.run("show ./bundle").stderr_has(why).fails(6);
    }
    let huge = format!("{{\"manifests\":[]{}}}", " ".repeat(8 << 20));
    refused(
        &test,
        &replaced(INDEX, huge.as_bytes()),
        "its index.json is larger than 8.0 MiB",
    );
    refused(
        &test,
        &without(INDEX),
        "it is a tar without an index.json, not a content bundle",
    );
}

#[test]
fn manifests_that_deceive() {
    let test = locked();
    let one = definition();
    let other = archive(&[("spc/", ""), ("spc/other", "")]);
    for (layers, count) in [
        (&[][..], "no layers"),
        (&[&one[..], &other[..]], "2 layers"),
    ] {
        let bundle = Bundle::default().add(Some("spc"), REFERENCE, layers);
        let count = if layers.is_empty() { "0 layers" } else { count };
        refused(
            &test,
            &bundle.tar(),
            &format!("the manifest of its cluster definition has {count}, not one"),
        );
    }
    // An index in the place of the manifest, in each order.
    let text = json!({ "manifests": [] }).to_string();
    let digest = sha256(text.as_bytes());
    let index = json!({ "manifests": [
        { "digest": format!("sha256:{digest}"), "annotations": { KIND: "spc" } },
    ] });
    let mut members = vec![
        (format!("blobs/sha256/{digest}"), text.into_bytes()),
        (INDEX.to_owned(), index.to_string().into_bytes()),
    ];
    for _ in 0..2 {
        refused(
            &test,
            &tar_of(&members),
            "the manifest of its cluster definition cannot be used: missing field `layers`",
        );
        members.reverse();
    }
    let huge = format!("{{{}\"layers\":[]}}", " ".repeat(8 << 20));
    let digest = sha256(huge.as_bytes());
    let index = json!({ "manifests": [
        { "digest": format!("sha256:{digest}"), "annotations": { KIND: "spc" } },
    ] });
    let members = vec![
        (format!("blobs/sha256/{digest}"), huge.into_bytes()),
        (INDEX.to_owned(), index.to_string().into_bytes()),
    ];
    refused(
        &test,
        &tar_of(&members),
        "the manifest of its cluster definition is larger than 8.0 MiB",
    );
}

#[test]
fn two_definitions() {
    let test = locked();
    let other = archive(&[("spc/", ""), ("spc/other", "")]);
    let bundle = Bundle::of(&definition());
    let first = bundle.last_manifest();
    let bundle = bundle.add(Some("spc"), "cluster-definition/warehouse:1", &[&other]);
    let second = bundle.last_manifest();
    let why = format!(
        "it contains two cluster definitions: `{REFERENCE}` (sha256:{}) and \
         `cluster-definition/warehouse:1` (sha256:{})",
        &first[..12],
        &second[..12]
    );
    refused(&test, &bundle.tar(), &why);
    // The name alone says it, too.
    let untyped = Bundle::without_definition()
        .add(None, "a/cluster-definition:1", &[&definition()])
        .add(None, "b/cluster-definition:1", &[&other]);
    refused(
        &test,
        &untyped.tar(),
        "it contains two cluster definitions: `a/",
    );
    let mixed = Bundle::of(&definition()).add(None, "b/cluster-definition:1", &[&other]);
    refused(
        &test,
        &mixed.tar(),
        &format!("it contains two cluster definitions: `{REFERENCE}`"),
    );
    // One manifest with two names is one definition.
    let bundle = Bundle::of(&definition()).list_again(&json!({ KIND: "spc", NAME: "again" }));
    test.put("bundle.tar", bundle.tar());
    test.run("show bundle.tar").any_stdout().success();
}

/// A kind says more than a name, which may merely contain the word.
#[test]
fn a_name_counts_if_no_kind_does() {
    let test = locked();
    let other = archive(&[("spc/", ""), ("spc/other", "")]);
    let viewer = ("pack", "packs/cluster-definition-viewer:1");
    for bundle in [
        Bundle::of(&definition()).add(Some(viewer.0), viewer.1, &[&other]),
        Bundle::without_definition()
            .add(None, "cluster-definition:1", &[&definition()])
            .add(Some(viewer.0), viewer.1, &[&other]),
        Bundle::without_definition().add(Some("x"), "cluster-definition:1", &[&definition()]),
    ] {
        test.put("bundle.tar", bundle.tar());
        let shown = test.run("show bundle.tar --json").any_stdout().success();
        assert_eq!(
            shown.json()["content_sha256"],
            crate::support::content_sha256(&definition())
        );
    }
}

/// The archive inside is checked like any other.
#[test]
fn the_archive_inside_is_refused() {
    let test = locked();
    for (layer, why) in [
        (b"not gzip".to_vec(), "it is text, not a gzip archive"),
        (archive(&[("other/a", "")]), "it has no file below `spc/`"),
        (
            archive(&[("spc/a", ""), ("../b", "")]),
            "the path `../b` contains `..`",
        ),
        ([&definition()[..], b"x"].concat(), "it has trailing data"),
        (gzip(&tarball(&[("spc/a", "1")])[..600]), "it is truncated"),
    ] {
        test.put("b.tar", Bundle::of(&layer).tar());
        for command in [
            "show b.tar",
            "verify --bundle b.tar",
            "fetch -q --from b.tar",
        ] {
            test.run(command)
                .error("archive-refused")
                .stderr_has(&format!("the archive in `b.tar` is refused: {why}"))
                .keeps_files()
                .fails(6);
        }
    }
}

/// Files of other formats are named, whatever their names say.
#[test]
fn what_is_not_a_bundle() {
    let test = locked();
    let neither = "neither an archive nor a content bundle";
    for (bytes, why) in [
        (
            b"<!doctype html><p>".to_vec(),
            format!("it is an HTML page, {neither}"),
        ),
        (Vec::new(), format!("it is empty, {neither}")),
        (
            b"PK\x03\x04".to_vec(),
            format!("it is a zip archive, {neither}"),
        ),
        (
            vec![0; 4096],
            format!("it is data of an unknown format, {neither}"),
        ),
        (
            zstd(&[], b"{}"),
            "it is JSON compressed with zstd, not a content bundle".into(),
        ),
        (
            zstd(&[], b""),
            "it is empty compressed with zstd, not a content bundle".into(),
        ),
    ] {
        refused(&test, &bytes, &why);
    }
}

/// The limits of `profiles.toml` hold for what is read of a bundle.
#[test]
fn limits() {
    let test = locked();
    let manifest = test.text("profiles.toml");
    test.put("b.tar", Bundle::of(&definition()).tar());
    for (limit, code, why) in [
        (
            "entries = 3",
            "bundle-refused",
            "it has more than 3 entries",
        ),
        (
            "archive = 50",
            "bundle-refused",
            "the archive of its cluster definition is larger than 50 B",
        ),
        (
            "unpacked = 600",
            "archive-refused",
            "it unpacks to more than 600 B",
        ),
    ] {
        test.put("profiles.toml", format!("{manifest}\n[limits]\n{limit}\n"));
        test.run("show b.tar")
            .error(code)
            .stderr_has(why)
            .stderr_has("raise the limit in `[limits]`")
            .fails(6);
    }
    // A member is declared to be larger than the file.
    test.put("profiles.toml", &manifest);
    let tar = Crafted::default().file(b"a", b"");
    let tar = tar.set(SIZE, b"77777777777");
    test.put("bundle", tar.bytes);
    test.run("show ./bundle").error("bundle-refused").fails(6);
}
