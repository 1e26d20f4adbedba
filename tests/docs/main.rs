//! README, docs, templates and what a release is made with, compared with the code: what
//! they say of keys, flags, exit codes, JSON fields and files is what the binary does.
#![allow(clippy::unwrap_used, reason = "a panic is a failed test with a place")]

#[path = "../suite/support/docker_registry.rs"]
#[allow(dead_code)] // the other tests use the rest of it
mod docker_registry;
mod ci;
mod ci_others;
mod ci_update;
mod contributing;
mod fetched;
#[path = "../suite/support/handmade_images.rs"]
#[allow(dead_code, reason = "an image is made of few of its parts here")]
mod handmade_images;
#[path = "../suite/support/page.rs"]
#[allow(dead_code, reason = "a page is read for its text alone here")]
mod html_page;
mod help;
mod images;
mod json;
mod layers;
mod links;
mod keys;
mod make;
mod markdown;
mod schema;
mod release;
mod setup;
mod site;
mod tables;
mod yaml;

use std::collections::BTreeSet;

use clap::{CommandFactory as _, Parser as _};
use edgestage::cli::Cli;
use edgestage::error::Exit;

use markdown::{blocks, read, rows, section, spans};
use site::Site;

const PAGES: [&str; 2] = ["README.md", "docs/reference.md"];

/// Every command line that begins with `edgestage`, as words.
fn command_lines(text: &str) -> Vec<Vec<String>> {
    let blocks = blocks(text, "sh");
    let lines = blocks.iter().flat_map(|block| block.lines());
    let written = lines
        .map(|line| line.split(" #").next().unwrap_or_default())
        // Where a shell sends the result is none of the binary's arguments.
        .map(|line| line.split(" > ").next().unwrap_or_default())
        .map(|line| line.split([';', '|']).next().unwrap_or_default())
        .flat_map(|line| line.split("&&"))
        .map(|line| line.trim_matches(|c: char| "() ".contains(c)).to_owned());
    let words = |line: String| {
        let placeholders = |c: char| "[]…".contains(c);
        line.split_whitespace()
            .map(|word| word.trim_matches(placeholders).replace("COMMAND", "check"))
            .collect::<Vec<_>>()
    };
    written
        .chain(spans(text))
        .filter(|line| line.starts_with("edgestage "))
        .map(words)
        .collect()
}

fn accepted(words: &[String]) -> Result<(), String> {
    match Cli::try_parse_from(words) {
        Err(error) if error.use_stderr() => Err(format!("{words:?}: {error}")),
        _ => Ok(()),
    }
}

/// Every long flag of every command.
fn flags() -> BTreeSet<String> {
    let mut root = Cli::command();
    root.build();
    flags_of(&root)
}

fn flags_of(command: &clap::Command) -> BTreeSet<String> {
    let flag = |argument: &clap::Arg| Some(format!("--{}", argument.get_long()?));
    let mut flags: BTreeSet<String> = command.get_arguments().filter_map(flag).collect();
    flags.extend(command.get_subcommands().flat_map(flags_of));
    flags
}

#[test]
fn every_command_that_is_mentioned_exists() {
    for page in PAGES {
        let lines = command_lines(&read(page));
        assert!(lines.len() > 10, "{page}");
        for line in lines {
            assert_eq!(accepted(&line), Ok(()), "{page}");
        }
    }
    // What a message says to read has commands in it, too, and so have all other pages.
    let mut pages = 0;
    for directory in ["docs", "docs/recipes"] {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
        for entry in std::fs::read_dir(root).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|end| end != "md") {
                continue;
            }
            let name = path.file_name().unwrap().to_str().unwrap();
            let page = format!("{directory}/{name}");
            for line in command_lines(&read(&page)) {
                // A line of a file of versions is not a command, and a flag may be named without
                // what it takes.
                let whole = [&line[..], &["FILE".to_owned()]].concat();
                let is_named = line.last().is_some_and(|word| word.starts_with("--"));
                if line.get(1).is_none_or(|word| word != "=")
                    && !(is_named && accepted(&whole).is_ok())
                {
                    assert_eq!(accepted(&line), Ok(()), "{page}");
                }
            }
            pages += 1;
        }
    }
    assert!(pages > 15, "{pages}");
    let gone = command_lines("```sh\nedgestage stage --now x\n```\nand `edgestage ship`");
    assert_eq!(gone.len(), 2);
    assert!(gone.iter().all(|line| accepted(line).is_err()));
}

/// Options of the build programs, which stand after the two dashes of `build`.
const BUILD_PROGRAMS: [&str; 5] = [
    "--allow-privileged",
    "--ci",
    "--no-output",
    "--output",
    "--strict",
];

#[test]
fn every_flag_that_is_mentioned_exists_and_every_flag_is_mentioned() {
    let known = flags();
    let mut mentioned = BTreeSet::new();
    for page in PAGES {
        for span in spans(&read(page)) {
            let flag = span.split([' ', '=']).next().unwrap_or_default();
            let ours = flag != "--" && !BUILD_PROGRAMS.contains(&flag);
            if flag.starts_with("--") && ours {
                assert!(known.contains(flag), "{page}: {flag}");
            }
            mentioned.insert(flag.to_owned());
        }
    }
    mentioned.extend(["--help", "--version"].map(str::to_owned));
    let in_commands = command_lines(&read("docs/reference.md")).concat();
    mentioned.extend(in_commands);
    let missing: Vec<_> = known.difference(&mentioned).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let gone: Vec<_> = BUILD_PROGRAMS
        .iter()
        .filter(|flag| !mentioned.contains(**flag))
        .collect();
    assert!(gone.is_empty(), "{gone:?}");
}

#[test]
fn the_exit_codes_are_those_of_the_code() {
    let all = [
        Exit::Done,
        Exit::Failed,
        Exit::Usage,
        Exit::Drift,
        Exit::Key,
        Exit::Unreachable,
        Exit::Archive,
    ];
    for exit in all {
        // A new one makes this fail to compile.
        match exit {
            Exit::Done
            | Exit::Failed
            | Exit::Usage
            | Exit::Drift
            | Exit::Key
            | Exit::Unreachable
            | Exit::Archive => {}
        }
    }
    let codes: Vec<String> = all.iter().map(|exit| exit.code().to_string()).collect();
    let tables = PAGES.map(|page| {
        let mut table = rows(&section(&read(page), "Exit codes"));
        table.truncate(all.len());
        table
    });
    let first = |row: &Vec<String>| row[0].clone();
    assert_eq!(tables[1].iter().map(first).collect::<Vec<_>>(), codes);
    assert_eq!(tables[0], tables[1], "README and reference say the same");

    let mut by_severity = all;
    by_severity.sort_by_key(|exit| std::cmp::Reverse(exit.severity()));
    let order: Vec<String> = by_severity
        .iter()
        .filter(|exit| **exit != Exit::Done)
        .map(|exit| exit.code().to_string())
        .collect();
    let order = format!("the most severe decides: {}.", order.join(", "));
    assert!(read("docs/reference.md").contains(&order), "{order}");
}

/// The number of traps, wherever a page states it.
#[test]
fn the_traps_are_counted_from_the_catalogue() {
    let traps = edgestage::diagnostic::Trap::ALL;
    let readme = read("README.md");
    assert!(readme.contains(&format!("{} known ways", traps.len())));
    assert!(readme.contains(&format!("{} ways it goes wrong", traps.len())));
}

#[test]
fn the_sample_manifests_pass_check() {
    let template = read("templates/profiles.toml");
    let mut samples = vec![template];
    for page in PAGES {
        let manifests = blocks(&read(page), "toml");
        samples.extend(
            manifests
                .into_iter()
                .filter(|b| b.contains("[definition.") && !b.contains("content-sha256")),
        );
    }
    assert_eq!(samples.len(), 4);
    for sample in samples {
        let site = Site::empty();
        site.write("profiles.toml", &sample);
        site.write("hello.yaml", "replicas: 2\n");
        let run = site.edgestage(&["check", "--offline"]);
        assert_eq!(run.code, 0, "{}\n{sample}", run.stderr);
    }
}

#[test]
fn the_sample_lock_is_one() {
    let page = read("docs/reference.md");
    let all = blocks(&page, "toml");
    let sample = all.iter().find(|b| b.contains("content-sha256")).unwrap();
    let site = Site::empty();
    site.write("profiles.lock", sample);
    let lock = edgestage::lockfile::Lockfile::load(&site.path("profiles.lock")).unwrap();
    assert_eq!(lock.to_string(), *sample, "as it would be written");

    let table: BTreeSet<String> = rows(&section(&page, "profiles.lock"))
        .iter()
        .flat_map(|row| spans(&row[0]))
        .collect();
    let written = sample.lines().filter(|line| !line.starts_with(['#', ' ']));
    let keys: BTreeSet<String> = written
        .filter_map(|line| Some(line.split_once(" = ")?.0.to_owned()))
        .collect();
    let of_profiles = ["uid", "name", "type"].map(str::to_owned);
    let of_profiles: BTreeSet<String> = of_profiles.into();
    let mut documented = table;
    assert!(documented.remove("profiles"));
    documented.extend(of_profiles);
    assert_eq!(documented, keys);
}

#[test]
fn the_recipe_for_content_sha256_gives_the_locked_digest() {
    let page = read("docs/reference.md");
    let recipe = blocks(&page, "sh")
        .into_iter()
        .find(|block| block.contains("sha256sum"))
        .unwrap();
    let site = Site::with_palette();
    let fetched = site.edgestage(&["fetch", "factory", "--output", "spc.tgz", "--json"]);
    let document: serde_json::Value = serde_json::from_str(&fetched.stdout).unwrap();
    let locked = document["definitions"][0]["content_sha256"].as_str();
    let printed = site.run("sh", &["-c", &recipe]);
    assert_eq!(
        printed.stdout.split("  ").next(),
        locked,
        "{}",
        printed.stderr
    );
}

#[test]
fn what_comments_cite_is_there() {
    let headings = |page: &str| -> Vec<String> {
        let text = read(page);
        let numbered = text.lines().filter_map(|line| line.strip_prefix("## "));
        let number = |heading: &str| heading.split('.').next().unwrap_or_default().to_owned();
        numbered.map(number).collect()
    };
    for page in ["docs/facts.md", "docs/canvos.md"] {
        assert_eq!(headings(page), ["1", "2", "3", "4", "5"], "{page}");
    }
    let traps = rows(&section(&read("docs/canvos.md"), "3. Traps"));
    let ids: Vec<&str> = traps.iter().map(|row| &*row[0]).collect();
    let all = edgestage::diagnostic::Trap::ALL.iter();
    assert_eq!(ids, all.map(|trap| trap.code()).collect::<Vec<_>>());
}

/// The matrix of faults names no test that is gone.
#[test]
fn every_test_of_the_matrix_is_there() {
    let page = read("docs/reliability.md");
    let file = |module: &str| format!("tests/suite/{}.rs", module.replace("::", "/"));
    let is_module = |span: &str| {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        root.join(file(span)).exists()
    };
    let mut named = 0;
    for row in page.lines().filter(|line| line.starts_with("| ")) {
        let cell = row
            .trim_end_matches(" |")
            .rsplit(" | ")
            .next()
            .unwrap_or_default();
        let in_suite = cell.split("lib ").next().unwrap_or_default();
        for span in spans(in_suite) {
            named += 1;
            match span.rsplit_once("::") {
                Some((module, name)) if !is_module(&span) => {
                    let text = read(&file(module));
                    assert!(text.contains(&format!("fn {name}(")), "{span}");
                }
                // All of a module.
                _ => assert!(read(&file(&span)).contains("#[test]"), "{span}"),
            }
        }
    }
    assert!(named > 80, "{named}");
}
