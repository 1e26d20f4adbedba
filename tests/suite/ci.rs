//! How a CI system presents a run: annotations of GitHub Actions, sections of GitLab.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use palette_sim::{Act, Fault, Reply, Route};

use crate::support::{Done, KEY, Run, Test};

/// A run as a step of a job on GitHub, whose repository is the directory above the site.
fn on_github<'t>(test: &'t Test, command: &str) -> Run<'t> {
    test.run(command)
        .env("CI", "true")
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_WORKSPACE", "{dir}/..")
}

/// Returns the lines that the runner interprets as commands. It reads both streams.
fn commands(done: &Done<'_>) -> Vec<String> {
    let lines = done.stdout.lines().chain(done.stderr.lines());
    let commands = lines.filter(|line| line.trim_start().starts_with("::"));
    commands.map(str::to_owned).collect()
}

/// Two mistakes in one file.
fn with_mistakes() -> Test {
    Test::new().definition("profiles = [\"edge\"]\nnmae = 1")
}

#[test]
fn errors_are_annotated_at_their_lines() {
    let test = with_mistakes();
    let done = on_github(&test, "check").any_stderr().fails(2);
    let commands = commands(&done);
    assert_eq!(commands.len(), 2, "{commands:#?}");
    assert!(commands[0].starts_with(
        "::error file=site/profiles.toml,line=10,col=13,title=edgestage invalid-reference::"
    ));
    assert!(commands[1].starts_with(
        "::error file=site/profiles.toml,line=11,col=1,title=edgestage unknown-key::"
    ));
    assert!(
        commands[1].contains("`nmae`") && commands[1].contains("%0Ahelp: "),
        "{commands:#?}"
    );
    // For people the same as ever.
    assert!(
        done.stderr.contains("--> profiles.toml:11:1\n"),
        "{}",
        done.stderr
    );
    // The same file by another path, and one beside the repository.
    for (file, workspace, told) in [
        ("../site/profiles.toml", "{dir}", "profiles.toml"),
        ("{dir}/profiles.toml", "{dir}/..", "site/profiles.toml"),
        ("profiles.toml", "{dir}/CanvOS", "profiles.toml"),
        ("profiles.toml", "{dir}/none", "profiles.toml"),
        ("profiles.toml", "", "profiles.toml"),
    ] {
        let run = on_github(&test, "check --file").arg(file);
        let run = run.env("GITHUB_WORKSPACE", workspace);
        let done = run.any_stderr().fails(2);
        let told = format!("::error file={told},line=10,");
        assert!(commands_of(&done, &told) == 1, "{told}: {}", done.stderr);
    }
}

fn commands_of(done: &Done<'_>, beginning: &str) -> usize {
    let found = commands(done);
    found
        .iter()
        .filter(|line| line.starts_with(beginning))
        .count()
}

#[test]
fn warnings_and_traps_are_annotated_by_name() {
    let test = Test::new().definition("profiles = [\"edge-infra@2.1.0\", \"edge-logging@0.9.0\"]");
    let run = on_github(&test, "stage").any_stdout();
    let done = run.warning("unpublished-draft").success();
    let draft =
        "::warning file=site/profiles.toml,line=10,col=33,title=edgestage unpublished-draft::";
    assert_eq!(commands_of(&done, draft), 1, "{}", done.stderr);
    // Results are for scripts.
    assert!(!done.stdout.contains("::"), "{}", done.stdout);
    test.put("CanvOS/.arg", "CLUSTERCONFIG=x.tgz\n");
    test.put("CanvOS/x.tgz", "x");
    let done = on_github(&test, "stage -q").any_stderr().fails(3);
    let trap = "::error file=site/CanvOS/.arg,line=1,col=1,title=edgestage T11::";
    assert_eq!(commands_of(&done, trap), 1, "{}", done.stderr);
    // `-q` is for errors.
    assert_eq!(commands_of(&done, "::warning"), 0, "{}", done.stderr);
}

/// The JSON document is for a program; a person who looks at the run sees the annotation.
#[test]
fn a_document_is_annotated_too() {
    let test = with_mistakes();
    let done = on_github(&test, "check --json")
        .any_stdout()
        .any_stderr()
        .fails(2);
    assert_eq!(done.json()["error"]["exit_code"], 2);
    assert_eq!(commands(&done).len(), 2, "{}", done.stderr);
    assert!(!done.stderr.contains("error["), "{}", done.stderr);
    let test = Test::new().stage();
    test.put("CanvOS/spc.tgz", "x");
    let done = on_github(&test, "verify --json")
        .any_stdout()
        .any_stderr()
        .fails(3);
    assert_eq!(done.json()["error"]["exit_code"], 3);
    assert_eq!(
        commands_of(&done, "::error title=edgestage staged-differs::"),
        1,
        "{}",
        done.stderr
    );
}

#[test]
fn a_wrong_command_line_is_annotated() {
    let test = Test::new();
    let done = on_github(&test, "stage --lockd").any_stderr().fails(2);
    let expected =
        "::error title=edgestage invalid-arguments::unexpected argument '--lockd' found%0Ahelp: ";
    assert_eq!(commands_of(&done, expected), 1, "{}", done.stderr);
    let run = on_github(&test, "list").env("EDGESTAGE_HEARTBEAT", "x");
    assert_eq!(commands(&run.any_stderr().fails(2)).len(), 1);
}

#[test]
fn elsewhere_nothing_is_annotated() {
    let test = with_mistakes();
    for (name, value) in [
        ("GITHUB_ACTIONS", "false"),
        ("GITHUB_ACTIONS", ""),
        ("CI", "true"),
    ] {
        let done = test.run("check").env(name, value).any_stderr().fails(2);
        assert_eq!(commands(&done), Vec::<String>::new());
    }
}

/// If a server repeats what it was sent, no line of it becomes a command, and the key is masked
/// before it is escaped.
#[test]
fn what_a_server_says_is_no_command() {
    let test = Test::new();
    let said = format!("no\n::set-output name=x::y\r\n::add-mask::z {KEY} 100 %");
    let act = Act::Status {
        status: 400,
        body: Reply::Text(said),
        headers: Vec::new(),
    };
    test.sim.fault(Fault::on(Route::Projects, act));
    let done = on_github(&test, "fetch").any_stderr().fails(1);
    let commands = commands(&done);
    assert_eq!(commands.len(), 1, "{commands:#?}");
    assert!(
        commands[0].starts_with("::error title=edgestage rejected::"),
        "{commands:#?}"
    );
    assert!(commands[0].contains("[api key] 100 %25"), "{commands:#?}");
}

/// A build of a stand-in for earthly that says something and ends with this code.
fn build<'t>(test: &'t Test, code: u8, command: &str) -> Run<'t> {
    let program = "CanvOS/earthly.sh";
    test.put(
        program,
        format!("#!/bin/sh\nprintf 'so much to say'\nexit {code}\n"),
    );
    let mode = fs::Permissions::from_mode(0o755);
    fs::set_permissions(test.path(program), mode).unwrap();
    let manifest = test.text("profiles.toml");
    if !manifest.contains("earthly.sh") {
        let line = "dir = \"CanvOS\"\nbuild = [\"./earthly.sh\", \"+iso\"]";
        test.put("profiles.toml", manifest.replace("dir = \"CanvOS\"", line));
    }
    test.run(command).env("CI", "true").env("GITLAB_CI", "true")
}

#[test]
fn the_output_of_a_build_is_a_section_that_ends_whatever_happens() {
    let test = Test::new();
    for code in [0, 7] {
        let failure = if code == 0 { 3 } else { 1 };
        let done = build(&test, code, "build").any_stderr().fails(failure);
        let (before, rest) = done.stderr.split_once("\u{1b}[0Ksection_start:").unwrap();
        assert!(
            !before.contains('\u{1b}') && before.ends_with('\n'),
            "{before:?}"
        );
        let (begun, rest) = rest.split_once(':').unwrap();
        let (header, rest) = rest.split_once('\n').unwrap();
        assert_eq!(
            header,
            "build_factory[collapsed=true]\r\u{1b}[0K    Building factory: ./earthly.sh +iso"
        );
        let (said, rest) = rest.split_once("\u{1b}[0Ksection_end:").unwrap();
        assert_eq!(said, "so much to say");
        let (ended, rest) = rest.split_once(":build_factory\r\u{1b}[0K\n").unwrap();
        assert!(begun.parse::<u64>().unwrap() <= ended.parse().unwrap());
        // The error stands below, where nobody folds it.
        assert!(
            rest.starts_with("error[") && !rest.contains('\u{1b}'),
            "{rest:?}"
        );
    }
}

#[test]
fn elsewhere_and_quiet_there_are_no_sections() {
    let test = Test::new();
    let done = build(&test, 7, "build").env("GITLAB_CI", "").any_stderr();
    let done = done.fails(1);
    done.says("    Building factory: ./earthly.sh +iso\n", 1);
    done.says("section", 0);
    let done = build(&test, 7, "build -q").any_stderr().fails(1);
    done.says("section", 0);
    done.says("so much to say", 1);
}
