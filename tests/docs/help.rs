//! The help of every command: it fits a terminal, and its examples are command lines. What
//! the manual lists is what the reference says.

use clap::{Command, CommandFactory as _};
use edgestage::cli::Cli;
use edgestage::cli::manual;

use crate::accepted;
use crate::markdown::{read, rows, section, spans};

/// Every command, with the words that call it.
fn commands(width: usize) -> Vec<(String, Command)> {
    fn collect(command: &Command, words: &str, found: &mut Vec<(String, Command)>) {
        let words = format!("{words} {}", command.get_name());
        found.push((words.trim_start().to_owned(), command.clone()));
        for command in command.get_subcommands() {
            collect(command, &words, found);
        }
    }
    let mut root = Cli::command().term_width(width);
    root.build();
    let mut found = Vec::new();
    collect(&root, "", &mut found);
    assert!(found.len() > 17, "{}", found.len());
    found
}

fn helps(width: usize) -> Vec<(String, String)> {
    let texts = commands(width)
        .into_iter()
        .flat_map(|(words, mut command)| {
            let short = command.render_help().to_string();
            let long = command.render_long_help().to_string();
            [
                (format!("{words} -h"), short),
                (format!("{words} --help"), long),
            ]
        });
    texts.collect()
}

#[test]
fn every_help_fits_a_terminal() {
    for width in [80, 100] {
        for (words, text) in helps(width) {
            for line in text.lines() {
                assert!(line.chars().count() <= width, "{words} at {width}: {line}");
            }
        }
    }
}

/// A list of commands is read from top to bottom where each has a line.
#[test]
fn every_command_is_one_line_of_the_list() {
    let (_, root) = commands(80).swap_remove(0);
    let (_, text) = helps(80).swap_remove(0);
    for command in root.get_subcommands() {
        let about = command.get_about().map(ToString::to_string);
        let about = about.unwrap_or_default();
        let listed = text.lines().any(|line| line.ends_with(&about));
        assert!(listed, "{}: {about}", command.get_name());
    }
}

/// The examples of a command's help: indented, with a remark behind them at most.
fn examples(command: &Command) -> Vec<String> {
    let help = command.get_after_help().map(ToString::to_string);
    let help = help.unwrap_or_default();
    assert!(
        help.starts_with("Example"),
        "{}: {help}",
        command.get_name()
    );
    let lines = help.lines().filter_map(|line| line.strip_prefix("  "));
    lines.map(str::to_owned).collect()
}

#[test]
fn every_command_has_an_example_and_every_example_is_a_command() {
    for (words, command) in commands(80) {
        let examples = examples(&command);
        let own = examples
            .iter()
            .filter(|example| example.starts_with(&words));
        assert!(own.count() > 0, "{words}: {examples:?}");
        let heading = if examples.len() == 1 {
            "Example:"
        } else {
            "Examples:"
        };
        let help = command.get_after_help().unwrap().to_string();
        assert_eq!(help.lines().next(), Some(heading), "{words}");
        for example in &examples {
            let line = example
                .split([';', '|', '>', '#'])
                .next()
                .unwrap_or_default();
            let line: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            assert_eq!(accepted(&line), Ok(()), "{words}");
        }
        // Not broken in two where a terminal is narrow.
        let (_, text) = helps(80)
            .into_iter()
            .find(|(of, _)| *of == format!("{words} -h"))
            .unwrap();
        for example in examples {
            assert!(text.contains(&example), "{words}: {example}");
        }
    }
    let wrong = ["edgestage", "stage", "--lokced"].map(str::to_owned);
    assert!(accepted(&wrong).is_err());
}

/// The images are called as CanvOS calls them: with the `ISO_NAME` of its `.arg.template`, and the
/// `MAAS_IMAGE_NAME` that its script takes without one. A name that nobody's build writes sends
/// whoever copies the line to look for a mistake of their own.
#[test]
fn images_have_the_names_that_canvos_gives_them() {
    const OF_CANVOS: [&str; 2] = ["palette-edge-installer.iso", "kairos-ubuntu-maas.raw.gz"];
    let help: String = helps(100).into_iter().map(|(_, text)| text).collect();
    let mut texts = vec![("help", help)];
    for page in [
        "README.md",
        "docs/quickstart.md",
        "docs/reference.md",
        "docs/recipes/maas.md",
        "docs/recipes/secure-boot.md",
        "docs/recipes/from-curl.md",
        "templates/Earthfile",
        "templates/profiles.toml",
    ] {
        texts.push((page, read(page)));
    }
    let mut found = 0;
    for (place, text) in &texts {
        for (_, behind) in text
            .match_indices("CanvOS/build/")
            .map(|(at, s)| (at, &text[at + s.len()..]))
        {
            let end = behind.find(|c: char| c.is_whitespace() || "`)\"".contains(c));
            let name = &behind[..end.unwrap_or(behind.len())];
            assert!(OF_CANVOS.contains(&name), "{place}: {name}");
            found += 1;
        }
    }
    assert!(found > 5, "{found}");
}

#[test]
fn the_manual_has_the_exit_codes_of_the_reference() {
    let mut table = rows(&section(&read("docs/reference.md"), "Exit codes"));
    table.truncate(manual::EXIT_CODES.len());
    let plain = |text: &String| text.replace('`', "");
    let documented: Vec<Vec<String>> = table
        .iter()
        .map(|row| row.iter().map(plain).collect())
        .collect();
    let codes = manual::EXIT_CODES.map(|(code, meaning)| vec![code.to_owned(), meaning.to_owned()]);
    assert_eq!(documented, codes);
}

#[test]
fn the_manual_has_the_variables_of_the_reference() {
    let page = section(&read("docs/reference.md"), "Flags and variables");
    let listed = manual::VARIABLES.map(|(names, _)| names).join(", ");
    let listed: Vec<&str> = listed.split(", ").collect();
    // An empty cell is not a cell of its own here.
    let rows = rows(&page).into_iter().filter(|row| row.len() == 3);
    let of_flags = rows.flat_map(|row| spans(&row[1]));
    for name in of_flags {
        assert!(listed.contains(&name.as_str()), "{name}");
    }
    for name in listed {
        assert!(
            page.contains(&format!("`{name}`")) || name == "TERM",
            "{name}"
        );
    }
}
