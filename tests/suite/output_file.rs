//! `fetch --output FILE`: which files it may be, by whatever path, and what of them is
//! preserved.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use palette_sim::HELLO_UNIVERSE_1_2_0;

use crate::support::{HEAD, KEY, Test};

/// `factory`, with every file that `profiles.toml` can name.
fn full() -> Test {
    let head = HEAD.replace("retries = 0\n", "retries = 0\napi-key-file = \"key\"\n");
    let values = "packs = [{ name = \"hello-universe\", values = \"values/v.yaml\" }]";
    let test = Test::new()
        .key_file("key", KEY)
        .key_file("other-key", KEY)
        .write("values/v.yaml", "a: 1\n")
        .write("CanvOS/.env", "")
        .write(".git/config", "[core]\n")
        .write("real/x", "")
        .manifest(&format!(
            "{head}\n[definition.factory]\nprofiles = [\"edge-infra@2.1.0\", \
             {{ uid = \"{HELLO_UNIVERSE_1_2_0}\", {values} }}]\n"
        ));
    for (name, target) in [
        ("toml.tgz", "profiles.toml"),
        ("lock.tgz", "profiles.lock"),
        ("further.tgz", "lock.tgz"),
        ("values.tgz", "values/v.yaml"),
        ("earth.tgz", "CanvOS/Earthfile"),
        ("git.tgz", ".git/config"),
        ("repository", ".git"),
        ("here", "."),
    ] {
        symlink(target, test.path(name)).unwrap();
    }
    for (name, of) in [
        ("hard.tgz", "profiles.toml"),
        ("hard-arg.tgz", "CanvOS/.arg"),
        ("hard-values.tgz", "values/v.yaml"),
    ] {
        fs::hard_link(test.path(of), test.path(name)).unwrap();
    }
    test
}

#[test]
fn what_must_not_be_written_is_not() {
    let test = full();
    // With and without a lock: the second is made by the run itself.
    for locked in [false, true] {
        if locked {
            test.run("fetch -q").any_stdout().success();
        }
        let asked = test.sim.requests().len();
        for (output, why) in [
            ("profiles.toml", "it is the manifest"),
            ("./real/../profiles.toml", "it is the manifest"),
            ("{dir}/profiles.toml", "it is the manifest"),
            ("toml.tgz", "it is the manifest"),
            ("hard.tgz", "it is the manifest"),
            ("here/here/profiles.toml", "it is the manifest"),
            ("profiles.lock", "it is the lockfile"),
            ("./here/profiles.lock", "it is the lockfile"),
            ("lock.tgz", "it is the lockfile"),
            (
                "PROFILES.lock",
                if locked { "" } else { "it is the lockfile" },
            ),
            ("key", "profiles.toml names it"),
            ("values/v.yaml", "profiles.toml names it"),
            ("values.tgz", "profiles.toml names it"),
            ("hard-values.tgz", "profiles.toml names it"),
            ("CanvOS/Earthfile", "it controls the build"),
            ("CanvOS/earthfile", "it controls the build"),
            ("CanvOS/.arg", "it controls the build"),
            ("CanvOS/.env", "it controls the build"),
            ("CanvOS/.earthlyignore", "it controls the build"),
            ("earth.tgz", "it controls the build"),
            ("hard-arg.tgz", "it controls the build"),
            (".git", "it is "),
            (".git/x.tgz", "it is inside `.git`"),
            (".git/config", "it is inside `.git`"),
            ("repository/x.tgz", "it is inside `.git`"),
            ("git.tgz", "it is inside `.git`"),
            ("real/../.git/x.tgz", "it is inside `.git`"),
            ("CanvOS", "it is a directory"),
            ("/dev/null", "it is a device"),
            (
                "/dev/stdout",
                "prints the path of the file to standard output",
            ),
            (
                "/dev/fd/1",
                "prints the path of the file to standard output",
            ),
            (
                "/proc/self/fd/1",
                "prints the path of the file to standard output",
            ),
            ("-", "it does not name a file"),
            ("real/..", "it does not name a file"),
            ("none/x.tgz", "its directory does not exist"),
        ] {
            if why.is_empty() {
                // Another file, on a file system that tells case apart.
                continue;
            }
            let run = test.run("fetch --output").arg(output).without_key();
            run.error("unusable-output")
                .stderr_has("`--output` cannot be `")
                .stderr_has(why)
                .keeps_files()
                .fails(2);
        }
        let other = test.run("fetch --api-key-file other-key --output other-key");
        other
            .error("unusable-output")
            .stderr_has("edgestage reads the API key from it")
            .keeps_files()
            .fails(2);
        assert_eq!(test.sim.requests().len(), asked, "nothing is asked");
    }
}

/// The path is an archive of the cache, which is named after its contents.
#[test]
fn the_cache_is_not_written() {
    let test = Test::new();
    test.run("fetch -q").any_stdout().success();
    let cached = test.cached()[0].display().to_string();
    let run = test.run("fetch --output").arg(&cached);
    run.error("unusable-output")
        .stderr_has("it is inside the cache")
        .keeps_files()
        .fails(2);
}

#[test]
fn the_mode_of_a_file_that_is_there_is_kept() {
    let test = Test::new().write("there.tgz", "old");
    for mode in [0o600, 0o640, 0o444, 0o755] {
        fs::write(test.path("new"), mode.to_string()).unwrap();
        fs::rename(test.path("new"), test.path("there.tgz")).unwrap();
        fs::set_permissions(test.path("there.tgz"), fs::Permissions::from_mode(mode)).unwrap();
        let run = test.run("fetch -q --output there.tgz");
        run.stdout("{dir}/there.tgz\n").success();
        assert_eq!(test.facts("there.tgz").mode, mode);
        let cached = fs::read(&test.cached()[0]).unwrap();
        assert_eq!(test.read("there.tgz"), cached);
    }
}

#[test]
fn manual_pages_are_not_written_into_a_repository() {
    let test = full();
    for directory in [".git/man", "repository/man/man1", ".git"] {
        let run = test.run("man --output").arg(directory);
        run.error("unusable-output")
            .stderr_has("it is inside `.git`")
            .keeps_files()
            .fails(2);
    }
    fs::create_dir(test.path("man")).unwrap();
    symlink("../profiles.toml", test.path("man/edgestage.1")).unwrap();
    let run = test.run("man --output man");
    run.error("unusable-output")
        .stderr_has("it is the manifest")
        .fails(2);
    assert!(test.text("profiles.toml").contains("[definition.factory]"));
}
