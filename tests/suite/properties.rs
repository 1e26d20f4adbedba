//! What holds for every input: round trips, edits that touch one line, and the digest that
//! coreutils would find. Inputs are made up, and shrunk where one fails.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use edgestage::archive;
use edgestage::digest::Digest;
use edgestage::limits::Limits;
use edgestage::lock::{Lock, Locked};
use edgestage::preflight::{fix_arg, parse_arg};
use edgestage::resolve::{Pack, ResolvedProfile};
use edgestage::uid::Uid;
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

use crate::support::finish;

pub fn cases(number: u32) -> ProptestConfig {
    ProptestConfig {
        cases: number,
        // What failed once becomes a test with a name, not a file of seeds.
        failure_persistence: Some(Box::new(FileFailurePersistence::Off)),
        ..ProptestConfig::default()
    }
}

fn uid() -> impl Strategy<Value = Uid> {
    "[0-9a-f]{24}".prop_map(|text| Uid::parse(&text).unwrap())
}

fn digest() -> impl Strategy<Value = Digest> {
    any::<u64>().prop_map(|seed| Digest::of(seed.to_le_bytes()))
}

fn pack() -> impl Strategy<Value = Pack> {
    let text = || any::<String>();
    (text(), text(), text(), text(), text()).prop_map(|(name, layer, tag, version, digest)| Pack {
        name,
        layer,
        tag,
        version,
        digest,
    })
}

fn profile() -> impl Strategy<Value = ResolvedProfile> {
    let packs = prop::collection::vec(pack(), 0..4);
    let text = || any::<String>();
    (uid(), text(), text(), text(), packs).prop_map(|(uid, name, version, kind, packs)| {
        ResolvedProfile {
            uid,
            name,
            version,
            kind,
            packs,
        }
    })
}

fn locked() -> impl Strategy<Value = Locked> {
    (
        "https://[a-z]{1,9}\\.example(/[a-z]{1,5})?",
        prop::option::of(uid()),
        [digest(), digest(), digest()],
        0..u64::from(u32::MAX),
        prop::collection::vec(profile(), 1..4),
    )
        .prop_map(|(endpoint, project, digests, size, profiles)| Locked {
            endpoint,
            project,
            asked_sha256: digests[0],
            content_sha256: digests[1],
            sha256: digests[2],
            size,
            profiles,
        })
}

/// A line of `.arg`, its end included; what is in values means nothing to a shell.
fn line() -> impl Strategy<Value = String> {
    let key = prop_oneof![
        Just("CLUSTERCONFIG".to_owned()),
        Just("CLUSTERCONFIG_OLD".to_owned()),
        "[A-Z_]{1,8}",
    ];
    let sign = prop_oneof![Just("="), Just(" = "), Just(": "), Just("= ")];
    let value = prop_oneof![
        "[a-z0-9./-]{0,9}",
        "\"[a-z /.]{0,9}\"",
        "'[a-z /.]{0,9}'",
        "[a-z.]{1,9} # [a-z]{0,5}",
        "[a-z]{1,3}#[a-z]{1,3}",
    ];
    let end = prop_oneof![4 => Just("\n"), 1 => Just("\r\n")];
    let export = prop_oneof![4 => Just(""), 1 => Just("export ")];
    let assignment = (export, key, sign, value, end.clone())
        .prop_map(|(export, key, sign, value, end)| format!("{export}{key}{sign}{value}{end}"));
    let other = (
        prop_oneof![Just(""), Just("# "), Just("#")],
        "[a-z ]{0,9}",
        end,
    )
        .prop_map(|(mark, text, end)| format!("{mark}{text}{end}"));
    prop_oneof![3 => assignment, 1 => other.prop_map(|line| if line.starts_with('#') { line } else { "\n".to_owned() })]
}

/// What bash has in CLUSTERCONFIG when it has sourced `directory/.arg`.
fn in_bash(directory: &Path) -> Option<String> {
    let script = "unset CLUSTERCONFIG; . ./.arg; [ -z \"${CLUSTERCONFIG+x}\" ] || printf '=%s' \"$CLUSTERCONFIG\"";
    // Nothing that a line may name is found.
    let output = Command::new("/bin/bash")
        .args(["--norc", "-c", script])
        .env_clear()
        .env("PATH", "/nowhere")
        .current_dir(directory)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.strip_prefix('=').map(str::to_owned)
}

fn assigns(line: &str) -> bool {
    !parse_arg(line, Path::new(".arg")).assignments.is_empty()
}

fn files() -> impl Strategy<Value = BTreeMap<String, Vec<u8>>> {
    let part = "[a-zA-Z0-9 ._é\\\\-]{1,8}"
        .prop_filter("no dots alone", |part| !part.trim_matches('.').is_empty());
    let path = prop::collection::vec(part, 1..4).prop_map(|parts| parts.join("/"));
    let content = prop::collection::vec(any::<u8>(), 0..3000);
    prop::collection::btree_map(path, content, 1..8).prop_filter(
        "no file is a directory",
        |files| {
            let paths: BTreeSet<&String> = files.keys().collect();
            let below = |path: &str| {
                paths
                    .iter()
                    .any(|other| other.starts_with(&format!("{path}/")))
            };
            !paths.iter().any(|path| below(path))
        },
    )
}

proptest! {
    #![proptest_config(cases(100))]

    /// Whatever Palette calls its profiles, the lock says the same when it is read again.
    #[test]
    fn a_lock_is_read_as_it_was_written(
        definitions in prop::collection::btree_map("[a-z0-9-]{1,12}", locked(), 0..5),
    ) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("profiles.lock");
        let mut lock = Lock::empty(&path);
        lock.definitions.clone_from(&definitions);
        prop_assert!(lock.save().unwrap());
        let mut again = Lock::load(&path).unwrap();
        prop_assert_eq!(&again.definitions, &definitions);
        prop_assert!(!again.save().unwrap(), "other bytes");
    }

    #[test]
    fn fix_arg_changes_one_line_and_nothing_else(lines in prop::collection::vec(line(), 0..8)) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(".arg");
        fs::write(&path, lines.concat()).unwrap();
        fix_arg(directory.path()).unwrap();
        let mended = fs::read_to_string(&path).unwrap();
        let (ours, others): (Vec<&str>, Vec<&str>) =
            mended.split_inclusive('\n').partition(|line| assigns(line));
        prop_assert_eq!(ours, ["CLUSTERCONFIG=spc.tgz\n"]);
        let kept: Vec<&str> = lines.iter().map(String::as_str).filter(|line| !assigns(line)).collect();
        prop_assert_eq!(others, kept);
        prop_assert_eq!(fix_arg(directory.path()).unwrap(), Some(false), "twice");
        // `earthly.sh` sources the file, whatever the other lines do.
        prop_assert_eq!(in_bash(directory.path()), Some("spc.tgz".to_owned()));
    }

    /// Told against bash itself.
    #[test]
    fn bash_reads_what_we_say_it_reads(lines in prop::collection::vec(line(), 0..6)) {
        let directory = tempfile::tempdir().unwrap();
        let text = lines.concat();
        fs::write(directory.path().join(".arg"), &text).unwrap();
        let said = parse_arg(&text, Path::new(".arg")).bash;
        prop_assert_eq!(said, in_bash(directory.path()), "{:?}", text);
    }
}

proptest! {
    #![proptest_config(cases(24))]

    /// The recipe of docs/reference.md, run for real.
    #[test]
    fn coreutils_find_the_same_digest(files in files()) {
        let directory = tempfile::tempdir().unwrap();
        for (path, content) in &files {
            let path = directory.path().join("in/spc").join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let archive = directory.path().join("spc.tgz");
        let mut tar = Command::new("tar");
        finish(tar.arg("-czf").arg(&archive).arg("-C").arg(directory.path().join("in")).arg("spc"));
        let recipe = "mkdir x && tar -xzf spc.tgz -C x && cd x && find . -type f -printf '%P\\0' \
                      | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum";
        let printed = Command::new("sh").args(["-c", recipe]).current_dir(directory.path()).output().unwrap();
        let printed = String::from_utf8(printed.stdout).unwrap();
        let bytes = fs::read(&archive).unwrap();
        let inventory = archive::inspect(&bytes[..], &Limits::default(), archive::NOTHING);
        let ours = inventory.unwrap().content_sha256.to_string();
        prop_assert_eq!(printed.split("  ").next(), Some(&ours[..]));
    }
}
