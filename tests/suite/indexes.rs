//! One definition of a large `profiles.toml` or `profiles.lock` is read without the others, and
//! nothing but the time shows it.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use palette_sim::World;

use crate::support::{HEAD, Test, sha256};

/// The number of definitions: enough for files that have an index.
const SITES: u32 = 500;
/// The time after which the stamp of a file is settled.
const SETTLED: Duration = Duration::from_millis(3100);

/// A test with many definitions, all locked, whose files nobody has changed for a while.
fn fleet() -> Test {
    let mut text = HEAD.to_owned();
    for site in 1..=SITES {
        let _ = write!(
            text,
            "\n[definition.site-{site:04}]\nprofiles = [\"edge-infra@2.1.0\", \
             \"site-{site:04}@1.0.0\"]\n"
        );
    }
    let test = Test::of(World::demo().fleet(SITES)).manifest(&text);
    test.run("fetch -q --jobs 16").any_stdout().success();
    test.checkout("CanvOS");
    thread::sleep(SETTLED);
    test
}

fn indexes(test: &Test) -> Vec<PathBuf> {
    let directory = test.home().join(".cache/edgestage/indexes");
    let entries = fs::read_dir(directory).into_iter().flatten();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// Returns what a run prints about one definition, and how many bytes it reads.
fn check(test: &Test) -> (String, u64) {
    let run = test.run("check --offline site-0150").any_stderr();
    let read = run.bytes_read();
    let run = test.run("check --offline site-0150").any_stderr();
    let said = run.any_stdout().success();
    (said.stdout.clone(), read)
}

#[test]
fn one_definition_does_not_cost_the_others() {
    let test = fleet();
    let size = fs::metadata(test.path("profiles.lock")).unwrap().len();
    let whole = test.run("check --offline site-0150").any_stderr();
    let whole = whole.bytes_read();
    assert_eq!(indexes(&test).len(), 2);
    let (said, read) = check(&test);
    assert!(whole > size && read < size / 2, "{whole} {read} of {size}");
    assert!(said.contains("site-0150"), "{said}");

    // The other commands, too; and what needs all definitions gets all.
    for command in [
        "list -q site-0150",
        "stage -q --offline site-0150",
        "verify site-0150",
    ] {
        let read = test.run(command).any_stderr().bytes_read();
        assert!(read < size / 2, "{command}: {read} of {size}");
    }
    let all = test.run("list -q").any_stderr().any_stdout().success();
    assert_eq!(all.stdout.matches("site-").count(), SITES as usize);

    // Without the index, the same is said.
    let (said, _) = check(&test);
    for index in indexes(&test) {
        fs::write(index, "damaged").unwrap();
    }
    assert_eq!(check(&test).0, said);
}

/// A file that has changed is read as a whole: a mistake anywhere in it is reported, whoever is
/// asked about.
#[test]
fn a_file_that_has_changed_is_read_again() {
    let test = fleet();
    let (said, _) = check(&test);
    let text = test.text("profiles.toml");
    let damaged = text.replace("site-0300@1.0.0", "site-0300");
    // As many bytes as before.
    let damaged = damaged.replacen(
        "profiles = [\"edge-infra@2.1.0\", \"site-0300\"]",
        "profiles = [\"edge-infra@2.1.0\", \"site-0300\"]      ",
        1,
    );
    assert_eq!(damaged.len(), text.len());
    test.put("profiles.toml", &damaged);
    let run = test.run("check --offline site-0150");
    run.error("invalid-reference").fails(2);

    test.put("profiles.toml", &text);
    let lock = test.text("profiles.lock");
    let damaged = lock.replacen("[definition.site-0300]\n", "[definition.site-0301]\n", 1);
    assert_eq!(damaged.len(), lock.len());
    test.put("profiles.lock", &damaged);
    let run = test.run("check --offline site-0150");
    run.error("invalid-lockfile").fails(2);

    // What is not locked any more is not used.
    let start = lock.find("[definition.site-0150]").unwrap();
    let end = lock.find("[definition.site-0151]").unwrap();
    test.put("profiles.lock", lock.replacen(&lock[start..end], "", 1));
    let run = test.run("stage --offline site-0150");
    run.error("offline").fails(5);
    let run = test.run("check --offline site-0150").any_stderr();
    assert_ne!(run.any_stdout().success().stdout, said);
    thread::sleep(SETTLED);
    // With an index of the new state.
    check(&test);
    let run = test.run("verify --locked site-0150");
    run.error("not-locked").fails(3);
}

/// Gives the index of `profiles.toml` the stamp that the file has now, as if its file system had
/// no change times.
fn restamp(test: &Test) {
    let file = test.path("profiles.toml");
    let directory = test.home().join(".cache/edgestage/indexes");
    let index = directory.join(sha256(file.as_os_str().as_encoded_bytes()));
    let text = fs::read_to_string(&index).unwrap();
    let [_, header, parts] = text.splitn(3, '\n').collect::<Vec<_>>()[..] else {
        panic!("{text}");
    };
    let mut header: serde_json::Value = serde_json::from_str(header).unwrap();
    let now = fs::metadata(&file).unwrap();
    assert_eq!(header["file"]["size"], now.size());
    header["file"] = serde_json::json!({
        "device": now.dev(),
        "inode": now.ino(),
        "size": now.size(),
        "modified": [now.mtime(), now.mtime_nsec()],
        "changed": [now.ctime(), now.ctime_nsec()],
    });
    let content = format!("{header}\n{parts}");
    fs::write(&index, format!("{}\n{content}", sha256(content.as_bytes()))).unwrap();
}

/// Even if the index is one of another state of the file, what is done with all definitions is
/// done with all of them, or fails.
#[test]
fn a_wrong_index_hides_neither_definitions_nor_mistakes_in_them() {
    let test = fleet();
    check(&test);
    let text = test.text("profiles.toml");
    // As many bytes as before.
    let renamed = text.replace("[definition.site-0300]", "[definition.site-XXXX]");
    test.put("profiles.toml", &renamed);
    restamp(&test);
    let run = test.run("list -q site-XXXX").any_stderr().any_stdout();
    run.stdout_has("site-XXXX").success();

    let damaged = text.replace(
        "[definition.site-0300]\nprofiles",
        "[definition.site-0300]\nprofilez",
    );
    test.put("profiles.toml", &damaged);
    restamp(&test);
    for command in ["check --offline", "list", "verify", "upgrade", "unstage"] {
        test.run(command).error("unknown-key").fails(2);
    }
    let run = test.run("check --offline site-0150").any_stderr();
    run.any_stdout().success();
}
