//! Completion and the manual: what shells offer after a TAB, tested in the shells themselves,
//! and the manual pages, checked with the programs that display them.

use std::process::Command;

use crate::support::Test;

const TWO: &str = "\
[definition.factory]
profiles = [\"edge-infra@2.1.0\"]

[definition.warehouse]
profiles = [\"edge-infra@2.0.0\"]
";

/// Runs `program` in the site with the binary in `PATH`; its standard output.
fn shell(test: &Test, program: &str, arguments: &[&str]) -> String {
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_edgestage"));
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{path}", binary.parent().unwrap().display());
    let output = Command::new(program)
        .args(arguments)
        .current_dir(test.site())
        .env_clear()
        .env("PATH", path)
        .env("HOME", test.site())
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap_or_else(|error| panic!("{program} is needed (scripts/check says how): {error}"));
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    assert!(output.status.success(), "{program}: {stdout}{stderr}");
    assert_eq!(stderr, "", "{program}");
    stdout
}

/// What bash offers at the end of this line, whose words are split as bash splits them.
fn bash(test: &Test, words: &[&str]) -> Vec<String> {
    let script = r#"
source <(edgestage completions bash)
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_TYPE=9
current=${COMP_WORDS[COMP_CWORD]}
[[ $current != [=@] ]] || current=
_clap_complete_edgestage edgestage "$current" "${COMP_WORDS[COMP_CWORD - 1]}"
((${#COMPREPLY[@]} == 0)) || printf '%s\n' "${COMPREPLY[@]}""#;
    let mut arguments = vec!["--norc", "-c", script, "bash"];
    arguments.extend(words);
    let printed = shell(test, "bash", &arguments);
    printed.lines().map(str::to_owned).collect()
}

#[test]
fn bash_offers_the_definitions_of_the_file_at_hand() {
    let test = Test::new().manifest(TWO);
    let both = ["factory", "warehouse"];
    assert_eq!(bash(&test, &["edgestage", "stage", ""]), both);
    assert_eq!(bash(&test, &["edgestage", "verify", "w"]), ["warehouse"]);
    assert_eq!(bash(&test, &["edgestage", "fetch", "factory", ""]), both);
    let test = test.write("other.toml", "[definition.store]\nprofiles = []\n");
    for words in [
        &["edgestage", "stage", "--file", "other.toml", ""][..],
        &["edgestage", "stage", "--file", "=", "other.toml", ""],
        &["edgestage", "--file=other.toml", "stage", ""],
    ] {
        assert_eq!(bash(&test, words), ["store"], "{words:?}");
    }
}

#[test]
fn bash_completes_commands_flags_values_and_paths() {
    let test = Test::new().manifest(TWO);
    assert_eq!(bash(&test, &["edgestage", "upd"]), ["update"]);
    assert_eq!(bash(&test, &["edgestage", "cache", ""]), ["list", "clean"]);
    assert_eq!(bash(&test, &["edgestage", "stage", "--fix"]), ["--fix-arg"]);
    let value = ["edgestage", "check", "--target", "=", "c"];
    assert_eq!(bash(&test, &value), ["cloud-image"]);
    assert_eq!(bash(&test, &value[..4]).len(), 6);
    assert_eq!(
        bash(&test, &["edgestage", "check", "--allow", "T34"]),
        ["T34"]
    );
    let path = ["edgestage", "stage", "--canvos", "Ca"];
    assert_eq!(bash(&test, &path), ["CanvOS/"]);
    let shown = bash(&test, &["edgestage", "show", ""]);
    assert!(
        shown.starts_with(&["factory".into(), "warehouse".into()]),
        "{shown:?}"
    );
    assert!(shown.contains(&"profiles.toml".into()), "{shown:?}");
    assert!(bash(&test, &["edgestage", "build", "--", "+"]).is_empty());
}

/// Bash splits words at the `@`; the part before it must not be repeated.
#[test]
fn bash_completes_profiles_by_name_and_version() {
    let test = Test::new().manifest(TWO);
    let add = [
        "edgestage",
        "remove",
        "--from",
        "factory",
        "edge-infra",
        "@",
    ];
    assert_eq!(bash(&test, &add), ["2.0.0", "2.1.0"]);
    assert_eq!(bash(&test, &[&add[..], &["2.1"]].concat()), ["2.1.0"]);
    let either = bash(&test, &["edgestage", "remove", ""]);
    let words = [
        "factory",
        "warehouse",
        "edge-infra@2.0.0",
        "edge-infra@2.1.0",
    ];
    assert_eq!(either, words);
    let named = ["edgestage", "add", "--to", "w"];
    assert_eq!(bash(&test, &named), ["warehouse"]);
}

#[test]
fn bash_completes_what_is_locked() {
    let test = Test::new();
    test.run("fetch -q").any_stdout().success();
    let found = bash(&test, &["edgestage", "add", "hello"]);
    assert_eq!(found, ["hello-universe@1.2.0"]);
    assert_eq!(
        bash(&test, &["edgestage", "add", ""]).len(),
        4,
        "two names, two uids"
    );
}

/// Read at the first TAB by bash-completion, from a directory of `fpath` by zsh.
#[test]
fn zsh_offers_the_same_from_a_directory_of_fpath() {
    let test = Test::new().manifest(TWO);
    std::fs::create_dir(test.path("functions")).unwrap();
    // What the completion system would do with the answers.
    let script = r#"
edgestage completions zsh > functions/_edgestage
fpath=($PWD/functions $fpath)
autoload -Uz _edgestage
compdef() { registered=$* }
_describe() { print -rl -- "${(P@)3}" }
words=(edgestage stage '') CURRENT=3
_edgestage
words=(edgestage explain T2) CURRENT=3
_clap_dynamic_completer_edgestage
print -r -- $registered"#;
    let printed = shell(&test, "zsh", &["-f", "-c", script]);
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(lines[..2], ["factory", "warehouse"], "{printed}");
    assert!(lines[2].starts_with("T2:"), "with its title: {printed}");
    assert_eq!(lines.len(), 2 + 11 + 1, "{printed}");
    assert_eq!(lines[13], "_clap_dynamic_completer_edgestage edgestage");
}

#[test]
fn fish_offers_the_same() {
    let test = Test::new().manifest(TWO);
    let script = "edgestage completions fish | source; complete -C 'edgestage stage '";
    let printed = shell(&test, "fish", &["--no-config", "-c", script]);
    assert_eq!(printed, "factory\nwarehouse\n");
}

/// The two shells that are not installed: their script calls the binary, which answers.
#[test]
fn elvish_and_powershell_have_a_script_and_an_answer() {
    let test = Test::new().manifest(TWO);
    for (name, word) in [
        ("elvish", "edit:completion:arg-completer[edgestage]"),
        (
            "powershell",
            "Register-ArgumentCompleter -Native -CommandName edgestage",
        ),
    ] {
        test.run(&format!("completions {name}"))
            .stdout_has(word)
            .stdout_has("EDGESTAGE_COMPLETE")
            .success();
        let asked = test.run("-- edgestage stage").arg("");
        let printed = asked
            .env("EDGESTAGE_COMPLETE", name)
            .env("_CLAP_COMPLETE_INDEX", "2")
            .any_stdout()
            .success();
        let lines: Vec<&str> = printed.stdout.lines().collect();
        assert_eq!(lines, ["factory", "warehouse"], "{name}");
    }
}

fn asked<'t>(test: &'t Test, words: &str) -> crate::support::Run<'t> {
    test.run(&format!("-- edgestage {words}"))
        .arg("")
        .env("EDGESTAGE_COMPLETE", "fish")
}

#[test]
fn completing_is_silent_and_asks_nobody() {
    // No file, no lock, no key; then a file that is half written, and one that is not text.
    let test = Test::new();
    std::fs::remove_file(test.path("profiles.toml")).unwrap();
    asked(&test, "stage").without_key().any_stdout().success();
    let test = test.write(
        "profiles.toml",
        "[definition.factory]\nprofiles = [\n\n[defin",
    );
    asked(&test, "stage")
        .stdout("factory\n")
        .keeps_files()
        .success();
    let test = test.write("profiles.toml", b"[definition.factory]\n\xff");
    asked(&test, "stage").any_stdout().success();
    let test = test.manifest(TWO);
    asked(&test, "stage --file nowhere").any_stdout().success();
    assert_eq!(test.sim.connections(), 0);
}

/// Completions are inserted into a command line unread.
#[test]
fn a_name_that_a_shell_would_take_for_more_is_not_offered() {
    let odd = "[definition.\"$(touch x)\"]\n[definition.\"*\"]\n[definition.--locked]\n\
               [definition.good]\n";
    let test = Test::new().write("profiles.toml", odd);
    asked(&test, "stage").stdout("good\n").success();
    assert_eq!(bash(&test, &["edgestage", "stage", ""]), ["good"]);
    assert!(!test.path("x").exists());
}

/// A user who has the variable set for another reason can still run commands.
#[test]
fn a_command_is_run_whatever_the_variable_says() {
    let test = Test::new();
    test.run("list")
        .env("EDGESTAGE_COMPLETE", "bash")
        .stdout_has("factory")
        .success();
    test.run("-- edgestage stage")
        .env("EDGESTAGE_COMPLETE", "csh")
        .any_stderr()
        .fails(2);
}

#[test]
fn the_scripts_come_as_a_document_too() {
    let test = Test::new();
    let script = test.run("completions bash").any_stdout().success().stdout;
    let document = test
        .run("completions bash --json")
        .any_stdout()
        .success()
        .json();
    assert_eq!(document["shell"], "bash");
    assert_eq!(document["script"], script.as_str());
}

#[test]
fn there_is_a_page_for_every_command_and_readers_take_them() {
    let test = Test::new();
    let done = test.run("man --output pages/man1").any_stdout().success();
    let pages: Vec<&str> = done.stdout.lines().collect();
    for name in [
        "edgestage",
        "edgestage-stage",
        "edgestage-cache-clean",
        "edgestage-man",
    ] {
        let path = test.path(&format!("pages/man1/{name}.1"));
        assert!(pages.contains(&path.to_str().unwrap()), "{pages:?}");
    }
    for page in &pages {
        let lint = shell(
            &test,
            "sh",
            &["-c", "mandoc -T lint -W warning \"$0\" || true", page],
        );
        // The same version is the same page, whenever it is made.
        let complaints: Vec<&str> = lint
            .lines()
            .filter(|line| !line.contains("missing date"))
            .collect();
        assert!(complaints.is_empty(), "{complaints:?}");
        // Warnings of groff would be on standard error, where nothing may be.
        let text = shell(
            &test,
            "man",
            &["--warnings", "-E", "UTF-8", "-P", "cat", "-l", page],
        );
        assert!(
            text.contains("SYNOPSIS") && text.contains("EXAMPLE"),
            "{text}"
        );
    }
    // What is there is made anew.
    done.again().any_stdout().success();
}

#[test]
fn the_page_of_edgestage_has_codes_variables_and_files() {
    let test = Test::new();
    let page = test.run("man").any_stdout().success().stdout;
    let text = test.write("edgestage.1", &page);
    let text = shell(
        &text,
        "man",
        &["-E", "UTF-8", "-P", "cat", "-l", "edgestage.1"],
    );
    for heading in [
        "EXIT STATUS",
        "ENVIRONMENT",
        "FILES",
        "EXAMPLES",
        "SEE ALSO",
    ] {
        assert!(
            text.contains(&format!("\n{heading}\n")),
            "{heading}: {text}"
        );
    }
    for word in ["PALETTE_API_KEY", "profiles.lock", "edgestage-stage(1)"] {
        assert!(text.contains(word), "{word}: {text}");
    }
}
