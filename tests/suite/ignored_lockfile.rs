//! `profiles.lock` is meant to be committed: a warning names the git rule that ignores it.

use crate::support::Test;

pub fn git(test: &Test, arguments: &[&str]) {
    let mut git = std::process::Command::new("git");
    git.arg("-C").arg(test.site()).args(arguments);
    // The rules of whoever runs the tests do not count.
    git.env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    let output = git.output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// Returns a test in a git repository.
pub fn repository() -> Test {
    let test = Test::new();
    git(&test, &["init", "-q"]);
    test
}

const SAID: &str =
    "warning[lockfile-ignored]: git ignores `profiles.lock`, which is meant to be committed\n";

#[test]
fn whoever_writes_the_lock_says_that_it_is_ignored() {
    for command in ["check --offline", "fetch", "update", "stage"] {
        let test = repository().write(".gitignore", "# build\n*.lock\n");
        let done = test
            .run(command)
            .any_stdout()
            .warning("lockfile-ignored")
            .stderr_has(SAID)
            .stderr_has(" --> {dir}/.gitignore:2:1\n")
            .stderr_has("2 | *.lock\n")
            .stderr_has("remove the rule `*.lock`, or write `!profiles.lock` below it")
            .success();
        done.says("which is meant to be committed", 1);
    }
}

#[test]
fn wherever_the_rule_is() {
    for (file, rule) in [
        (".gitignore", "profiles.*"),
        (".gitignore", "/profiles.lock"),
        (".git/info/exclude", "profiles.lock"),
        ("sites/.gitignore", "*.lock"),
        (".gitignore", "sites/"),
    ] {
        let test = repository().write(file, format!("{rule}\n"));
        let manifest = test
            .text("profiles.toml")
            .replace("\"CanvOS\"", "\"../CanvOS\"");
        let test = test.write("sites/profiles.toml", manifest);
        let is_deep = file.starts_with("sites") || rule.starts_with("sites");
        let directory = if is_deep { "sites" } else { "." };
        let run = test.run("check --offline").within(directory).any_stdout();
        let done = run.warning("lockfile-ignored").stderr_has(SAID).success();
        done.says(&format!("remove the rule `{rule}`"), 1);
    }
    // The user's own rules.
    let test = repository()
        .write("mine", "*.lock\n")
        .write("config", "[core]\nexcludesFile = mine\n");
    let run = test
        .run("check --offline")
        .env("GIT_CONFIG_GLOBAL", "{dir}/config");
    run.any_stdout()
        .warning("lockfile-ignored")
        .stderr_has(SAID)
        .success();
}

#[test]
fn what_is_not_ignored_is_not_told() {
    let quiet = |test: &Test| {
        let run = test.run("check --offline").any_stdout().any_stderr();
        run.success().says("git ignores", 0);
    };
    quiet(&repository());
    quiet(&repository().write(".gitignore", "*.lock\n!profiles.lock\n"));
    quiet(&repository().write(".gitignore", "build/\n"));
    // It is tracked all the same.
    let test = repository();
    test.run("fetch -q").any_stdout().success();
    git(&test, &["add", "profiles.lock"]);
    test.put(".gitignore", "*.lock\n");
    quiet(&test);
    // Not a repository, or no git.
    quiet(&Test::new().write(".gitignore", "*.lock\n"));
    let test = repository().write(".gitignore", "*.lock\n");
    let run = test.run("check --offline").env("PATH", "{dir}");
    run.any_stdout()
        .any_stderr()
        .success()
        .says("git ignores", 0);
}

/// git does not get the key, and runs no program of the repository.
#[test]
fn git_is_given_nothing_but_the_question() {
    let test = Test::new().write(".git", "");
    let program = "#!/bin/sh\n{ echo \"$@\"; env; } > \"${0%/*}/../seen\"\nexit 1\n";
    test.put("bin/git", program);
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(test.path("bin/git"), mode).unwrap();
    let path = format!("{}:/usr/bin:/bin", test.path("bin").display());
    let run = test
        .run("check --offline")
        .env("PATH", &path)
        .env("GIT_DIR", "/elsewhere");
    run.any_stdout().any_stderr().success();
    let seen = test.text("seen");
    assert!(seen.starts_with("-c core.fsmonitor=false check-ignore -v -z --stdin\n"));
    for name in ["PALETTE_API_KEY", "GIT_DIR"] {
        assert!(!seen.contains(name), "{seen}");
    }
}
