//! Properties of all inputs: round trips, edits that change one line, and the digest that
//! coreutils compute. Inputs are generated, and shrunk if one fails.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use edgestage::archive;
use edgestage::canvos::preflight::bash::Value;
use edgestage::canvos::preflight::{fix_arg, parse_arg};
use edgestage::lockfile::{LockEntry, Lockfile};
use edgestage::manifest::Manifest;
use edgestage::manifest::edit::{self, NewProfile};
use edgestage::resolve::{Pack, ResolvedProfile};
use edgestage::util::digest::Digest;
use edgestage::util::limits::Limits;
use edgestage::util::uid::Uid;
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

fn locked() -> impl Strategy<Value = LockEntry> {
    (
        "https://[a-z]{1,9}\\.example(/[a-z]{1,5})?",
        prop::option::of(uid()),
        [digest(), digest(), digest()],
        0..u64::from(u32::MAX),
        prop::collection::vec(profile(), 1..4),
    )
        .prop_map(|(endpoint, project, digests, size, profiles)| LockEntry {
            endpoint,
            project,
            asked_sha256: digests[0],
            content_sha256: digests[1],
            sha256: digests[2],
            size,
            // As Palette's answers are understood, in one spelling each.
            profiles: profiles.into_iter().map(ResolvedProfile::normal).collect(),
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

/// Returns the value of CLUSTERCONFIG in bash after it has sourced `directory/.arg`.
fn in_bash(directory: &Path) -> Option<String> {
    let script = "unset CLUSTERCONFIG; . ./.arg >/dev/null; [ -z \"${CLUSTERCONFIG+x}\" ] || printf '=%s' \"$CLUSTERCONFIG\"";
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

/// Parts of files of assignments, including those that are hard to parse. None of them runs a
/// program, or writes.
fn fragments() -> impl Strategy<Value = String> {
    let fragment = prop::sample::select(vec![
        "CLUSTERCONFIG=",
        "CLUSTERCONFIG+=",
        "A=",
        "B=",
        "export ",
        "declare ",
        "unset ",
        "set ",
        "readonly ",
        "local ",
        "true ",
        "false ",
        "return ",
        "a.tgz",
        "b",
        "$A",
        "${B}",
        "${A:-c}",
        "\"",
        "\"",
        "'",
        "'",
        "\\",
        "\\\n",
        " ",
        " ",
        "\t",
        "\n",
        "\n",
        "\n",
        "\r\n",
        "\r",
        ";",
        "&&",
        "||",
        "|",
        "&",
        "(",
        ")",
        "{ ",
        "}",
        "#",
        " # ",
        "=",
        "~/",
        "*",
        "$(",
        "`",
        "$'",
        "\u{a0}",
        "é",
        "if true; then ",
        "else ",
        "fi\n",
        "<<E\n",
        "E\n",
        "! ",
        "eval ",
    ]);
    prop::collection::vec(fragment, 0..24).prop_map(|fragments| fragments.concat())
}

fn assigns(line: &str) -> bool {
    let arg = parse_arg(line.as_bytes(), Path::new(".arg"), &|_| None);
    !arg.assignments.is_empty()
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

    /// Whatever the names of Palette's profiles are, the lock has the same contents when it is
    /// read again.
    #[test]
    fn a_lock_is_read_as_it_was_written(
        definitions in prop::collection::btree_map("[a-z0-9-]{1,12}", locked(), 0..5),
    ) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("profiles.lock");
        let mut lock = Lockfile::empty(&path);
        lock.definitions = definitions.clone().into_iter().collect();
        prop_assert!(lock.save().unwrap());
        let mut again = Lockfile::load(&path).unwrap();
        prop_assert_eq!(&again.definitions, &lock.definitions);
        prop_assert_eq!(again.definitions.len(), definitions.len());
        prop_assert!(!again.save().unwrap(), "other bytes");
    }

    #[test]
    fn fix_arg_changes_one_line_and_nothing_else(lines in prop::collection::vec(line(), 0..8)) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(".arg");
        fs::write(&path, lines.concat()).unwrap();
        fix_arg(directory.path()).unwrap();
        let fixed = fs::read_to_string(&path).unwrap();
        let (ours, others): (Vec<&str>, Vec<&str>) =
            fixed.split_inclusive('\n').partition(|line| assigns(line));
        prop_assert_eq!(ours, ["CLUSTERCONFIG=spc.tgz\n"]);
        let kept: Vec<&str> = lines.iter().map(String::as_str).filter(|line| !assigns(line)).collect();
        prop_assert_eq!(others, kept);
        prop_assert_eq!(fix_arg(directory.path()).unwrap(), Some(false), "twice");
        // `earthly.sh` sources the file, whatever the other lines do.
        prop_assert_eq!(in_bash(directory.path()), Some("spc.tgz".to_owned()));
    }

    /// The reader may return that it does not know; it must not be wrong.
    #[test]
    fn bash_reads_what_we_say_it_reads_of_anything(text in fragments()) {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(".arg"), &text).unwrap();
        let said = parse_arg(text.as_bytes(), Path::new(".arg"), &|_| None).bash;
        if said != Value::Unknown {
            prop_assert_eq!(said, Value::from(in_bash(directory.path())), "{:?}", text);
        }
    }

    /// The result is compared with bash itself.
    #[test]
    fn bash_reads_what_we_say_it_reads(lines in prop::collection::vec(line(), 0..6)) {
        let directory = tempfile::tempdir().unwrap();
        let text = lines.concat();
        fs::write(directory.path().join(".arg"), &text).unwrap();
        let said = parse_arg(text.as_bytes(), Path::new(".arg"), &|_| None).bash;
        prop_assert_eq!(said, Value::from(in_bash(directory.path())), "{:?}", text);
    }
}

proptest! {
    #![proptest_config(cases(24))]

    /// Runs the recipe of docs/reference.md.
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

/// A definition's profiles as people write them: in one line or in several, with comments,
/// with or without a comma at the end, or as tables.
fn written() -> impl Strategy<Value = String> {
    let item = prop_oneof![
        Just("'a@N'".to_owned()),
        Just("\"a@N\"".to_owned()),
        Just("{ name = 'a', version = 'N' }".to_owned()),
        Just("{ name = 'a', version = 'N', packs = [ { name = 'p', tag = ']' } ] }".to_owned()),
    ];
    let line = (
        item,
        any::<bool>(),
        "[ \t]{0,3}",
        "(  # [a-z,\\[\\]'\"]{0,6})?",
    );
    let shape = (0..4_u8, any::<bool>(), any::<bool>());
    (prop::collection::vec(line, 1..4), shape).prop_map(|(lines, (shape, comma, crlf))| {
        let number = |at: usize, item: &str| item.replace('N', &at.to_string());
        let items: Vec<String> = (0..)
            .zip(&lines)
            .map(|(at, line)| number(at, &line.0))
            .collect();
        let last = lines.len() - 1;
        let text = match shape {
            0 => format!(
                "profiles = [{}{}]\n",
                items.join(", "),
                if comma { "," } else { "" }
            ),
            1 => {
                (0..)
                    .zip(&lines)
                    .map(|(at, line)| {
                        let comma = if at < last || comma { "," } else { "" };
                        let own = if line.1 { "  # between\n" } else { "" };
                        format!("{own}{}{}{comma}{}\n", line.2, items[at], line.3)
                    })
                    .fold("profiles = [\n".to_owned(), |text, line| text + &line)
                    + "]\n"
            }
            2 => format!("profiles = [\n  {}\n  ]  # end\n", items.join(",\n  ")),
            _ => (0..lines.len()).fold(String::new(), |text, at| {
                text + &format!("\n[[definition.d.profiles]]\nname = 'a'\nversion = '{at}'\n")
            }),
        };
        let text = format!(
            "# head\n\n[definition.d]\n{text}\n# of e\n[definition.e]\nprofiles = ['x@1']\n"
        );
        if crlf {
            text.replace('\n', "\r\n")
        } else {
            text
        }
    })
}

/// The profiles of `d`, and those of `e`.
fn profiles(text: &str) -> (Vec<String>, Vec<String>) {
    let path = Path::new("profiles.toml");
    let manifest = Manifest::parse(text, path, path)
        .unwrap_or_else(|problems| panic!("{problems:?} in\n{text}"));
    let of = |name: &str| {
        let profiles = manifest.definitions.get(name).unwrap().profiles.iter();
        profiles
            .map(|profile| profile.reference.to_string())
            .collect()
    };
    (of("d"), of("e"))
}

/// Whether `whole` is `part` with something put in, in as many places as there are.
fn is_within(part: &str, whole: &str) -> bool {
    let mut rest = whole.chars();
    part.chars().all(|c| rest.any(|other| other == c))
}

proptest! {
    #![proptest_config(cases(400))]

    /// Existing bytes are unchanged, and the addition is at the end.
    #[test]
    fn a_profile_that_is_added(text in written()) {
        let new = NewProfile { reference: "new@1".into(), comment: String::new() };
        let added = edit::add(&text, "d", &[new]).unwrap();
        prop_assert!(is_within(&text, &added), "{text}\n{added}");
        let (mut before, other) = profiles(&text);
        before.push("new@1".into());
        prop_assert_eq!(profiles(&added), (before, other), "{}", added);
        // A file of one kind of line ends stays one.
        let bare = added.replace("\r\n", "");
        prop_assert!(!text.contains('\r') || !bare.contains('\n'), "{added:?}");
    }

    #[test]
    fn a_profile_that_is_removed(text in written(), place in any::<prop::sample::Index>()) {
        let (mut before, other) = profiles(&text);
        let at = place.index(before.len());
        let removed = edit::remove_profiles(&text, "d", &[at]).unwrap();
        prop_assert!(is_within(&removed, &text), "{text}\n{removed}");
        before.remove(at);
        if !before.is_empty() {
            prop_assert_eq!(profiles(&removed), (before, other), "{}", removed);
        }
    }

    #[test]
    fn a_definition_that_is_renamed_and_one_that_is_removed(text in written()) {
        let renamed = edit::rename_definition(&text, "d", "long.name").unwrap();
        let back = edit::rename_definition(&renamed, "long.name", "d").unwrap();
        prop_assert_eq!(&back, &text);
        let removed = edit::remove_definition(&text, "d").unwrap();
        prop_assert!(text.ends_with(removed.split_once("head").unwrap().1.trim_start()));
        prop_assert_eq!(edit::definitions(&removed), ["e"]);
    }
}
