//! Directories and files with unusual names, behind links, with unusual modes, or missing.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{FACTORY, HEAD, OVERLAY, ROOT, Test};

/// Names in the form of printf(1): no form for shells, encodings or TOML fits all of them.
const NAMES: [&str; 6] = [
    r"new\nline",
    r"two\n\nlines\r\n",
    r"quo\042te\047s",
    r"not-\377\376-utf-8",
    r"\055q",
    r" \t$(x) * \\ \033[2J",
];

/// Preludes get one: `name` is in the shell's variable `n`, whatever it ends with.
fn named(name: &str, then: &str) -> &'static str {
    let prelude = format!("n=\"$(printf '{name}.')\" && n=\"${{n%.}}\" && {then}");
    // They live as long as the tests.
    Box::leak(prelude.into_boxed_str())
}

/// The bytes of such a name.
fn bytes(name: &str) -> PathBuf {
    let print = format!("printf '{name}'");
    let output = Command::new("/bin/sh").args(["-c", &print]).output();
    let output = output.unwrap();
    Path::new(OsStr::from_bytes(&output.stdout)).to_owned()
}

/// Checks that nothing in a text leaves its line or moves the cursor.
#[track_caller]
fn is_tidy(text: &str) {
    assert!(!text.contains(['\u{1b}', '\r', '\t']), "{text:?}");
    assert!(text.lines().all(|line| !line.starts_with("line")), "{text}");
}

#[test]
fn a_checkout_with_an_odd_name() {
    for name in NAMES {
        let test = Test::new();
        fs::rename(test.path("CanvOS"), test.site().join(bytes(name))).unwrap();
        for how in [
            r#"set -- "$@" --canvos="$n""#,
            r#"export CANVOS_DIR="$n""#,
            r#"export CANVOS_DIR="$PWD/$n""#,
        ] {
            let run = |command| test.run(command).prelude(named(name, how));
            let done = run("stage").any_stdout().any_stderr().success();
            is_tidy(&done.stderr);
            is_tidy(&done.stdout);
            assert_eq!(done.stdout.lines().count(), 2, "{}", done.stdout);
            for command in ["check", "verify", "list"] {
                is_tidy(&run(command).any_stdout().success().stdout);
            }
            run("verify --json").any_stdout().success().json();
            let checkout = test.site().join(bytes(name));
            let [overlay, root] = [OVERLAY, ROOT].map(|at| fs::read(checkout.join(at)).unwrap());
            assert!(overlay == root && !root.is_empty());
            run("unstage -q").any_stdout().success();
        }
        fs::remove_dir_all(test.site().join(bytes(name))).unwrap();
        let run = test.run("stage");
        let run = run.prelude(named(name, r#"set -- "$@" --canvos="$n""#));
        is_tidy(&run.any_stderr().fails(2).stderr);
    }
}

#[test]
fn a_cache_with_an_odd_name() {
    for name in NAMES {
        let test = Test::new();
        for how in [
            r#"set -- "$@" --cache-dir="$n""#,
            r#"export EDGESTAGE_CACHE_DIR="$PWD/$n""#,
            r#"export XDG_CACHE_HOME="$PWD/$n""#,
        ] {
            let run = |command| test.run(command).prelude(named(name, how));
            let done = run("fetch -v").any_stdout().any_stderr().success();
            is_tidy(&done.stderr);
            assert_eq!(done.stdout.lines().count(), 1, "{}", done.stdout);
            is_tidy(&done.stdout);
            is_tidy(&run("cache list").any_stdout().success().stdout);
            run("stage -q --locked --offline").any_stdout().success();
            let done = run("cache clean").any_stdout().any_stderr().success();
            is_tidy(&done.stdout);
            test.forget_staged();
        }
        assert!(test.site().join(bytes(name)).exists());
        assert!(test.cached().is_empty());
    }
}

#[test]
fn a_manifest_with_an_odd_name() {
    for name in NAMES {
        let test = Test::new();
        let directory = test.site().join(bytes(name));
        fs::create_dir(&directory).unwrap();
        fs::rename(test.path("CanvOS"), directory.join("CanvOS")).unwrap();
        let manifest = directory.join(bytes(name));
        fs::rename(test.path("profiles.toml"), &manifest).unwrap();
        for how in [
            r#"set -- "$@" --file="$n/$n""#,
            r#"export EDGESTAGE_FILE="$PWD/$n/$n""#,
            r#"set -- "$@" --file="$n" && cd "./$n""#,
        ] {
            let run = |command| test.run(command).prelude(named(name, how));
            let done = run("stage").any_stdout().any_stderr().success();
            is_tidy(&done.stderr);
            run("verify").any_stdout().success();
        }
        assert!(manifest.with_extension("lock").exists());
        fs::write(&manifest, "nonsense").unwrap();
        let run = test.run("check");
        let run = run.prelude(named(name, r#"set -- "$@" --file="$n/$n""#));
        let done = run.any_stdout().any_stderr().fails(2);
        assert!(!done.stderr.contains('\u{1b}'), "{}", done.stderr);
        assert!(!done.stderr.contains('\r'), "{}", done.stderr);
    }
}

#[test]
fn files_with_odd_names() {
    for name in NAMES {
        let test = Test::new();
        let with = |command, how| {
            let run = test.run(command).prelude(named(name, how));
            run.any_stdout().any_stderr()
        };
        let output = r#"set -- "$@" --output="$n.tgz""#;
        let done = with("fetch", output).success();
        is_tidy(&done.stdout);
        assert_eq!(done.stdout.lines().count(), 1, "{}", done.stdout);
        let file = |test: &Test| {
            let mut name = bytes(name).into_os_string();
            name.push(".tgz");
            test.site().join(name)
        };
        assert!(fs::read(file(&test)).unwrap() == fs::read(&test.cached()[0]).unwrap());
        is_tidy(&with("show", r#"set -- "$@" "./$n.tgz""#).success().stdout);
        with("show --json", r#"set -- "$@" "./$n.tgz""#)
            .success()
            .json();
        is_tidy(
            &with("show", r#"set -- "$@" "./$n.tgz.tgz""#)
                .fails(2)
                .stderr,
        );
        let image = r#"set -- "$@" --image="$n.tgz""#;
        is_tidy(&with("verify --expect-none", image).fails(3).stderr);
        let key = r#"set -- "$@" --api-key-file="$n.key""#;
        is_tidy(&with("update", key).fails(4).stderr);
    }
}

/// The manifest can only contain names in UTF-8.
#[test]
fn odd_names_in_the_manifest() {
    let name = "new\\nline \\\"quoted\\\" \\u001b[2J";
    let head = HEAD.replace("\"CanvOS\"", &format!("\"{name}\""));
    let test = Test::new().manifest(&format!(
        "{head}\n[cache]\ndir = \"cache {name}\"\n\n[definition.factory]\n{FACTORY}\n"
    ));
    let real = "new\nline \"quoted\" \u{1b}[2J";
    is_tidy(&test.run("stage").any_stderr().fails(2).stderr);
    fs::rename(test.path("CanvOS"), test.path(real)).unwrap();
    let done = test
        .run("stage --color always")
        .any_stdout()
        .any_stderr()
        .success();
    assert!(!done.stderr.contains("\u{1b}[2J"), "{}", done.stderr);
    is_tidy(&done.stdout);
    assert!(test.path(&format!("{real}/spc.tgz")).exists());
    assert!(test.path(&format!("cache {real}/archives")).exists());
}

#[test]
fn a_checkout_behind_a_link() {
    let test = Test::new();
    fs::rename(test.path("CanvOS"), test.path("real")).unwrap();
    symlink("real", test.path("CanvOS")).unwrap();
    test.run("stage -q").any_stdout().success();
    assert!(test.path("CanvOS").is_symlink());
    assert_eq!(test.facts("real/spc.tgz").mode, 0o644);
    test.run("verify").any_stdout().success();
    let run = test.run("verify --canvos real").any_stdout();
    run.keeps_files().success();
    // Both names are one checkout.
    let head = test.text("profiles.toml");
    test.put(
        "profiles.toml",
        format!("{head}\n[definition.other]\ncanvos = \"real\"\n{FACTORY}\n"),
    );
    test.run("stage factory other")
        .error("T30")
        .stderr_has("share")
        .keeps_files()
        .fails(2);
    test.put("profiles.toml", head);
    test.run("unstage -q").any_stdout().success();
    assert!(!test.path("real/spc.tgz").exists() && test.path("CanvOS").is_symlink());
    fs::remove_dir_all(test.path("real")).unwrap();
    let run = test.run("stage").keeps_files();
    run.error("no-checkout")
        .stderr_has("`{dir}/CanvOS`")
        .fails(2);
}

#[test]
fn a_cache_behind_a_link() {
    for part in ["", "archives", "tmp"] {
        let test = Test::new();
        let link = test.path("cache").join(part);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        fs::create_dir(test.path("elsewhere")).unwrap();
        symlink(
            test.path("elsewhere"),
            test.path(&format!("cache/{part}"))
                .components()
                .collect::<PathBuf>(),
        )
        .unwrap();
        test.run("stage -q --cache-dir cache")
            .any_stdout()
            .success();
        let run = test.run("stage -q --cache-dir cache --offline --locked");
        test.forget_staged();
        run.any_stdout().success();
        assert!(
            fs::symlink_metadata(
                test.path("cache")
                    .join(part)
                    .components()
                    .collect::<PathBuf>()
            )
            .unwrap()
            .is_symlink()
        );
        test.run("cache clean -q --cache-dir cache")
            .any_stdout()
            .success();
    }
}

/// A cache entry that is a symbolic link is read and verified like any other; a new entry
/// replaces the link, and its target is unchanged.
#[test]
fn a_link_in_the_cache_is_not_written_through() {
    let test = Test::new();
    test.run("fetch -q").any_stdout().success();
    let entry = test.cached().remove(0);
    fs::remove_file(&entry).unwrap();
    let test = test.write("precious", "precious");
    symlink(test.path("precious"), &entry).unwrap();
    test.run("stage")
        .any_stdout()
        .warning("cache-damaged")
        .stderr_has("is damaged")
        .success();
    assert_eq!(test.text("precious"), "precious");
    assert!(!entry.is_symlink());
}

/// A symbolic link inside `.edgestage/` would redirect what is written.
#[test]
fn links_in_our_own_directory() {
    let test = Test::new();
    fs::create_dir(test.path("elsewhere")).unwrap();
    symlink("../elsewhere", test.path("CanvOS/.edgestage")).unwrap();
    for command in ["stage", "unstage"] {
        test.run(command)
            .error("blocked-path")
            .stderr_has("`.edgestage` in the checkout is a symbolic link")
            .stderr_has("remove it")
            .fails(3);
        let mut elsewhere = fs::read_dir(test.path("elsewhere")).unwrap();
        assert!(elsewhere.next().is_none() && !test.path("CanvOS/spc.tgz").exists());
    }
    fs::remove_file(test.path("CanvOS/.edgestage")).unwrap();
    test.put("CanvOS/.edgestage", "a file");
    test.run("stage")
        .error("blocked-path")
        .stderr_has("`.edgestage` in the checkout is not a directory")
        .keeps_files()
        .fails(3);
    fs::remove_file(test.path("CanvOS/.edgestage")).unwrap();
    fs::create_dir(test.path("CanvOS/.edgestage")).unwrap();
    for name in ["staged", ".gitignore"] {
        test.put(name, "precious");
        let link = test.path(&format!("CanvOS/.edgestage/{name}"));
        let _ = fs::remove_file(&link);
        symlink(test.path(name), &link).unwrap();
        test.run("stage -q").any_stdout().success();
        assert_eq!(test.text(name), "precious");
        test.forget_staged();
    }
    test.put("lock", "precious");
    let lock = test.path("CanvOS/.edgestage/lock");
    fs::remove_file(&lock).unwrap();
    symlink(test.path("lock"), &lock).unwrap();
    for command in ["stage", "unstage"] {
        test.run(command)
            .error("input-output")
            .stderr_has("cannot open `{dir}/CanvOS/.edgestage/lock`")
            .keeps_files()
            .fails(1);
    }
    assert_eq!(test.text("lock"), "precious");
}

#[test]
fn a_home_that_does_not_exist() {
    let test = Test::new();
    // As root nothing is forbidden; a file in the way stops everybody.
    test.put("file", "");
    for home in ["/proc/no/home", "{dir}/file", "{dir}/file/home"] {
        for command in ["fetch", "stage"] {
            let run = test.run(command).env("HOME", home).keeps_files();
            run.error("input-output")
                .stderr_has("cannot create `")
                .fails(1);
        }
        let run = test.run("check").env("HOME", home);
        run.any_stdout().keeps_files().success();
        let run = test.run("stage -q --cache-dir cache").env("HOME", home);
        run.any_stdout().success();
        let run = test.run("verify").env("HOME", home).any_stdout();
        run.keeps_files().success();
        let run = test.run("unstage -q").env("HOME", home);
        run.any_stdout().success();
        fs::remove_file(test.path("profiles.lock")).unwrap();
    }
    // One that is only missing is made, as any program makes its cache.
    let home = test.path("new/home");
    let run = test.run("fetch -q").env("HOME", home.to_str().unwrap());
    run.any_stdout().success();
    assert!(home.join(".cache/edgestage/archives").exists());
}

/// Whatever the umask, builders that run as other users can read the files that they need.
#[test]
fn files_are_readable_whatever_the_umask() {
    for (umask, public) in [
        ("umask 077", true),
        ("umask 000", true),
        ("umask 777", false),
    ] {
        let test = Test::new();
        // A directory that its own maker may not enter is nobody's umask: only the
        // files of a run that has its directories already are looked at.
        if !public {
            test.run("stage -q").any_stdout().success();
            test.forget_staged();
            fs::remove_file(test.path("profiles.lock")).unwrap();
        }
        let run = |command: &str| test.run(command).prelude(umask).any_stdout();
        run("stage -q").success();
        run("fetch -q --output copy.tgz").success();
        for file in ["CanvOS/spc.tgz", "profiles.lock", "copy.tgz"] {
            assert_eq!(test.facts(file).mode, 0o644, "{umask}: {file}");
        }
        assert_eq!(test.facts(&Test::placement(OVERLAY)).mode, 0o644);
        let directory = test.path(&Test::placement(OVERLAY));
        let mode = fs::metadata(directory.parent().unwrap()).unwrap();
        assert_eq!(mode.permissions().mode() & 0o777, 0o755, "{umask}");
        run("verify").success();
    }
}
