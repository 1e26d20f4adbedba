//! Answers that are not an archive, or not the requested one: exit 6, and everything that
//! existed before is unchanged.

use palette_sim::{
    Act, Archive, EDGE_GPU_0_1_0, EDGE_INFRA_2_1_0, Fault, HELLO_UNIVERSE_1_2_0, Payload, Route,
    World,
};
use serde_json::json;

use crate::support::{FACTORY, HEAD, Test, archive, gzip, profile_directory, tarball};

/// Checks that a download that is answered like this is refused with these words, whichever
/// command requests it; what is staged, locked and cached is unchanged.
#[track_caller]
fn refused(act: &Act, said: &[&str]) {
    let test = Test::new().stage();
    test.sim
        .fault(Fault::on(Route::Download, act.clone()).forever());
    let run = test
        .run("update")
        .keeps_files()
        .stderr_has("the archive of `factory` is refused");
    said.iter()
        .fold(run, |run, said| run.stderr_has(said))
        .fails(6);
    // A change that is not locked yet is fetched by `stage` itself.
    let manifest = test.text("profiles.toml");
    test.put("profiles.toml", format!("{manifest}name = \"other\"\n"));
    test.run("stage").any_stderr().keeps_files().fails(6);
    // And what was there before is still good for use.
    test.put("profiles.toml", manifest);
    test.run("stage -q --locked --offline")
        .any_stdout()
        .keeps_files()
        .success();
    test.run("verify").any_stdout().success();
}

/// The entries of an archive with these profiles.
fn with_profiles(uids: &[&str]) -> Vec<u8> {
    let directories: Vec<String> = uids.iter().map(|uid| profile_directory(uid)).collect();
    let mut entries = vec![("spc/", ""), ("spc/manifest.json", "{}")];
    entries.extend(directories.iter().map(|path| (path.as_str(), "")));
    archive(&entries)
}

fn good() -> Vec<u8> {
    with_profiles(&[EDGE_INFRA_2_1_0, HELLO_UNIVERSE_1_2_0])
}

#[test]
fn the_test_archive_itself_is_accepted() {
    let test = Test::new().fault(Fault::on(Route::Download, Act::Bytes(good())));
    test.run("stage -q").any_stdout().success();
    assert_eq!(test.staged(), good());
}

#[test]
fn a_page_with_status_200() {
    refused(
        &Act::Html200,
        &[
            "it is an HTML page, not a gzip archive",
            "it begins with `<!DOCTYPE html>",
            "proxy or login page",
        ],
    );
}

#[test]
fn json_with_status_200() {
    refused(
        &Act::Json200(json!({ "code": "Oops", "message": "no" })),
        &["it is JSON", "Oops"],
    );
}

#[test]
fn an_empty_body() {
    refused(&Act::EmptyBody, &["it is empty, not a gzip archive"]);
}

#[test]
fn other_formats() {
    refused(
        &Act::Bytes(b"\x28\xb5\x2f\xfd\x04\x00\x01".into()),
        &["it is zstd data"],
    );
    refused(
        &Act::Bytes(tarball(&[("spc/a", "x")])),
        &["it is a tar archive without gzip"],
    );
    refused(
        &Act::Bytes(b"PK\x03\x04....".into()),
        &["it is a zip archive"],
    );
}

/// The archive was truncated before it was sent: every length is right, only the archive is
/// incomplete.
#[test]
fn a_truncated_archive() {
    let mut short = good();
    short.truncate(short.len() - 5);
    refused(&Act::Bytes(short), &["it is truncated"]);
    let tar = tarball(&[("spc/a", "x")]);
    refused(&Act::Bytes(gzip(&tar[..700])), &["it is truncated"]);
}

#[test]
fn damage() {
    let mut damaged = good();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 0x55;
    refused(&Act::Bytes(damaged), &[]);
    // gzip's own sum, at the very end.
    let mut damaged = good();
    let sum = damaged.len() - 6;
    damaged[sum] ^= 0x55;
    refused(&Act::Bytes(damaged), &["it is damaged"]);
}

#[test]
fn bytes_behind_the_end() {
    refused(&Act::Trailing(b"\n".into()), &[]);
    refused(
        &Act::Trailing(b"<!-- injected -->".into()),
        &["it has trailing data"],
    );
    let mut tar = tarball(&[("spc/a", "x")]);
    tar.extend(tarball(&[("spc/b", "x")]));
    refused(
        &Act::Bytes(gzip(&tar)),
        &["it has data after its end-of-archive marker"],
    );
}

/// Two members are one archive (RFC 1952, 2.2).
#[test]
fn several_gzip_members_are_fine() {
    let tar = tarball(&[("spc/", ""), ("spc/a", "x")]);
    let (first, second) = tar.split_at(700);
    let test = Test::new().fault(Fault::on(
        Route::Download,
        Act::Bytes([gzip(first), gzip(second)].concat()),
    ));
    test.run("stage -q").any_stdout().success();
}

#[test]
fn paths_that_lead_outside() {
    for path in [
        "../evil",
        "spc/../../evil",
        "/etc/evil",
        "spc/a/../../../evil",
    ] {
        refused(
            &Act::Bytes(archive(&[("spc/a", "x"), (path, "x")])),
            &["the path `", path],
        );
    }
}

#[test]
fn links_devices_and_duplicates() {
    refused(
        &Act::Bytes(archive(&[("spc/a", "x"), ("spc/a", "y")])),
        &["`spc/a` occurs twice"],
    );
    for (kind, said) in [
        (b'2', "leads outside"),
        (b'6', "`spc/odd` is"),
        (b'3', "`spc/odd` is"),
    ] {
        let mut tar = tarball(&[("spc/odd", "")]);
        tar[156] = kind;
        tar[157..168].copy_from_slice(b"/etc/passwd");
        sum(&mut tar);
        refused(&Act::Bytes(gzip(&tar)), &[said]);
    }
}

/// The header's sum anew (POSIX, ustar).
fn sum(header: &mut [u8]) {
    header[148..156].fill(b' ');
    let sum: u32 = header[..512].iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

#[test]
fn nothing_below_spc() {
    refused(
        &Act::Bytes(archive(&[("other/a", "x")])),
        &["it has no file below `spc/`"],
    );
    refused(&Act::Bytes(archive(&[])), &["it has no file below `spc/`"]);
}

#[test]
fn not_the_profiles_asked_for() {
    let refusal = "it does not contain the requested profiles: ";
    let missing = format!("{refusal}missing {HELLO_UNIVERSE_1_2_0}");
    refused(
        &Act::Bytes(with_profiles(&[EDGE_INFRA_2_1_0])),
        &[&missing, "allow = [\"profile-missing\"]"],
    );
    let three = with_profiles(&[EDGE_INFRA_2_1_0, HELLO_UNIVERSE_1_2_0, EDGE_GPU_0_1_0]);
    refused(
        &Act::Bytes(three),
        &[&format!("{refusal}unexpected {EDGE_GPU_0_1_0}")],
    );
    refused(
        &Act::Bytes(with_profiles(&[EDGE_INFRA_2_1_0, EDGE_GPU_0_1_0])),
        &["missing", "unexpected "],
    );
}

#[test]
fn a_missing_profile_can_be_allowed_and_one_too_many_cannot() {
    let test = Test::new().definition(&format!("{FACTORY}\nallow = [\"profile-missing\"]"));
    let serve = |uids: &[&str]| {
        test.sim.clear_faults();
        test.sim
            .fault(Fault::on(Route::Download, Act::Bytes(with_profiles(uids))).forever());
    };
    serve(&[EDGE_INFRA_2_1_0]);
    let said = format!("has no directory for {HELLO_UNIVERSE_1_2_0}");
    test.run("stage")
        .any_stdout()
        .warning("profile-missing")
        .stderr_has(&said)
        .success();
    for uids in [
        &[EDGE_INFRA_2_1_0, EDGE_GPU_0_1_0][..],
        &[EDGE_INFRA_2_1_0, HELLO_UNIVERSE_1_2_0, EDGE_GPU_0_1_0],
    ] {
        serve(uids);
        test.run("update")
            .error("archive-refused")
            .stderr_has("unexpected ")
            .keeps_files()
            .fails(6);
    }
}

#[test]
fn more_than_the_limits_allow() {
    let limited = |limit: &str| {
        let text = format!("{HEAD}\n[definition.factory]\n{FACTORY}\n[limits]\n{limit}\n");
        let padded = Archive {
            padding: 2 << 20,
            ..Archive::default()
        };
        let test = Test::of(World::demo().archive(padded)).manifest(&text);
        test.run("stage")
            .error("archive-refused")
            .stderr_has("[limits]")
            .keeps_files()
            .fails(6)
            .stderr
    };
    let said = limited("archive = \"64 KiB\"");
    assert!(said.contains("it is larger than 64.0 KiB"), "{said}");
    assert!(limited("unpacked = \"1 MiB\"").contains("it unpacks to more than 1.0 MiB"));
    assert!(limited("entries = 5").contains("it has more than 5 entries"));
}

#[test]
fn a_bomb_is_refused_long_before_its_end() {
    let tar = {
        let mut tar = tarball(&[("spc/bomb", "")]);
        let size = 256_u64 << 20;
        tar[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
        sum(&mut tar);
        tar.truncate(512);
        tar.resize(512 + (64 << 20), 0);
        tar
    };
    refused(
        &Act::Bytes(gzip(&tar)),
        &["it unpacks to more than 200 times its size"],
    );
}

/// If a proxy says that the archive is gzip-encoded, it is still not decoded.
#[test]
fn a_content_encoding_changes_nothing() {
    let test = Test::new().fault(Fault::on(Route::Download, Act::ContentEncodingGzip));
    test.run("stage -q").any_stdout().success();
    test.run("verify").any_stdout().success();
}

/// The server's file is written to disk unchanged.
#[test]
fn the_archive_is_staged_byte_for_byte() {
    let test = Test::new();
    test.put("served.tgz", good());
    let path = test.path("served.tgz");
    test.sim
        .world(|world| world.archive.payload = Payload::File(path));
    test.run("stage -q").any_stdout().success();
    assert_eq!(test.staged(), good());
}

/// Names in an archive do not move the cursor.
#[test]
fn nothing_in_an_archive_moves_the_cursor() {
    let act = Act::Bytes(archive(&[("spc/\u{1b}[2J", "x"), ("spc/\u{1b}[2J", "x")]));
    let test = Test::new().fault(Fault::on(Route::Download, act));
    let done = test.run("stage").any_stderr().fails(6);
    assert!(!done.stderr.contains('\u{1b}'), "{:?}", done.stderr);
}
