//! Finding the build program in a command, after `env`, `sudo`, `nice`, `sh -c` and the like.
//!
//! A program is looked through only if it certainly starts the rest as written; any other
//! program is unknown.

use std::path::PathBuf;

use super::UnknownInvocation;
use super::program::{self, Program};
use super::variables::{VariableOrigin, Variables};
use crate::util::environment::Environment;

/// The number of commands that may be nested in one another.
const DEPTH: usize = 8;

/// A command after its wrappers were removed.
pub(super) struct Command {
    pub program: Program,
    /// The path of the wrapper script.
    pub file: Option<PathBuf>,
    /// The arguments of the program.
    pub arguments: Vec<String>,
    /// The environment of the program.
    pub variables: Variables,
    /// The working directory of the program.
    pub directory: PathBuf,
    pub unjudged: Vec<UnknownInvocation>,
}

impl Command {
    /// Looks through `argv`, which is started in `directory`.
    pub(super) fn read(argv: &[String], environment: &Environment, directory: PathBuf) -> Self {
        let mut command = Self {
            program: Program::Other(argv.first().cloned().unwrap_or_default()),
            file: None,
            arguments: Vec::new(),
            variables: Variables::of(environment),
            directory,
            unjudged: Vec::new(),
        };
        let mut words = argv.to_vec();
        for _ in 0..DEPTH {
            match command.look_through(&words) {
                Some(inner) => words = inner,
                None => break,
            }
        }
        command.find_program(&words, environment);
        command
    }

    fn find_program(&mut self, words: &[String], environment: &Environment) {
        let Some((word, arguments)) = words.split_first() else {
            return;
        };
        let script = match file_name(word) {
            "bash" => script_of_bash(arguments),
            _ => None,
        };
        let (word, arguments) = script.unwrap_or_else(|| (word.clone(), arguments));
        self.program = Program::of(&word, &self.directory, environment);
        self.file = program::locate(&word, &self.directory, environment);
        self.arguments = arguments.to_vec();
    }

    /// Returns the command that `words` starts, if they do nothing but start another command.
    fn look_through(&mut self, words: &[String]) -> Option<Vec<String>> {
        let (first, rest) = words.split_first()?;
        let inner = match file_name(first) {
            "env" => return self.env(rest),
            "sudo" => return self.sudo(rest),
            "sh" | "bash" | "dash" | "ash" | "ksh" | "zsh" => return self.shell(rest),
            "nohup" => skip_options(rest, &[], &[])?,
            "time" => skip_options(rest, &["-p", "-v", "-a"], &["-f", "-o"])?,
            "nice" => skip_options(rest, &[], &["-n"])?,
            "ionice" => skip_options(rest, &["-t"], &["-c", "-n"])?,
            "stdbuf" => skip_options(rest, &[], &["-i", "-o", "-e"])?,
            "timeout" => {
                let switches = ["--foreground", "--preserve-status", "-v", "--verbose"];
                skip_options(rest, &switches, &["-k", "-s"])?.get(1..)?
            }
            _ => return None,
        };
        (!inner.is_empty()).then(|| inner.to_vec())
    }

    fn env(&mut self, words: &[String]) -> Option<Vec<String>> {
        let mut words = words.iter();
        let mut removed = Vec::new();
        let mut clears = false;
        let mut directory = None;
        while let Some(option) = next_option(&mut words) {
            match option {
                "-i" | "-" | "--ignore-environment" => clears = true,
                "--" => break,
                "-u" | "--unset" => removed.push(words.next()?.as_str()),
                "-C" | "--chdir" => directory = words.next().map(String::as_str),
                _ => match option.split_once('=') {
                    Some(("--unset", name)) => removed.push(name),
                    Some(("--chdir", path)) => directory = Some(path),
                    _ => return None,
                },
            }
        }
        let (assignments, inner) = assignments(words.as_slice(), |word| word.contains('='));
        if inner.is_empty() {
            return None;
        }
        if clears {
            self.variables.clear();
        }
        for name in removed {
            self.variables.remove(name);
        }
        self.assign(assignments);
        if let Some(directory) = directory {
            self.directory = self.directory.join(directory);
        }
        Some(inner.to_vec())
    }

    /// Looks through `sudo`, which keeps the environment only on request. What else its
    /// configuration lets through is not known.
    fn sudo(&mut self, words: &[String]) -> Option<Vec<String>> {
        let mut words = words.iter();
        let mut keeps = false;
        while let Some(option) = next_option(&mut words) {
            match option {
                "-E" | "--preserve-env" => keeps = true,
                "-n" | "-H" | "-S" | "-k" => {}
                "-u" | "--user" | "-g" | "--group" => drop(words.next()?),
                "--" => break,
                _ => return None,
            }
        }
        let (assignments, inner) = assignments(words.as_slice(), is_assignment);
        if inner.is_empty() {
            return None;
        }
        if !keeps {
            if self.variables.has_prefix("EARTH") {
                self.unjudged.push(UnknownInvocation::SudoEnvironment);
            }
            self.variables.clear();
        }
        self.assign(assignments);
        Some(inner.to_vec())
    }

    /// Looks through `sh -c 'earthly +iso'` if the script consists of plain words. Words after
    /// the script are its parameters, which such a script does not use.
    fn shell(&mut self, words: &[String]) -> Option<Vec<String>> {
        let (option, rest) = words.split_first()?;
        let letters = option.strip_prefix('-')?.strip_suffix('c')?;
        if !letters.chars().all(|letter| "eux".contains(letter)) {
            return None;
        }
        let words = plain_words(rest.first()?)?;
        let (assignments, inner) = assignments(&words, is_assignment);
        let inner = match inner.split_first() {
            Some((first, rest)) if first == "exec" => rest,
            _ => inner,
        };
        if inner.is_empty() {
            return None;
        }
        self.assign(assignments);
        Some(inner.to_vec())
    }

    fn assign(&mut self, assignments: &[String]) {
        for assignment in assignments {
            let (name, value) = assignment.split_once('=').unwrap_or((assignment, ""));
            self.variables.set(name, value, VariableOrigin::Command);
        }
    }
}

fn file_name(word: &str) -> &str {
    word.rsplit_once('/').map_or(word, |(_, name)| name)
}

/// Returns the next word if it begins with a dash.
fn next_option<'a>(words: &mut std::slice::Iter<'a, String>) -> Option<&'a str> {
    let next = words.as_slice().first()?;
    next.starts_with('-').then(|| words.next())??;
    Some(next)
}

/// Splits `words` into leading assignments and the rest.
fn assignments(words: &[String], is_one: impl Fn(&str) -> bool) -> (&[String], &[String]) {
    let end = words.iter().position(|word| !is_one(word));
    words.split_at(end.unwrap_or(words.len()))
}

fn is_assignment(word: &str) -> bool {
    let name = word.split_once('=').map(|(name, _)| name);
    let starts = |c: char| c.is_ascii_alphabetic() || c == '_';
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    name.is_some_and(|name| name.starts_with(starts) && name.bytes().all(plain))
}

/// Skips options: those in `switches`, and those in `valued` with their values. Returns `None`
/// if there is another option.
fn skip_options<'a>(
    mut words: &'a [String],
    switches: &[&str],
    valued: &[&str],
) -> Option<&'a [String]> {
    while let Some((word, rest)) = words.split_first() {
        let attached = |option: &&str| word.len() > option.len() && word.starts_with(*option);
        words = if !word.starts_with('-') {
            break;
        } else if word == "--" {
            return Some(rest);
        } else if valued.contains(&word.as_str()) {
            rest.get(1..)?
        } else if switches.contains(&word.as_str())
            || valued.iter().any(attached)
            || (word.starts_with("--") && word.contains('='))
        {
            rest
        } else {
            return None;
        };
    }
    Some(words)
}

/// Splits a script into words; returns `None` if it has a special character other than quotes.
fn plain_words(script: &str) -> Option<Vec<String>> {
    let special = "$`\\;&|<>()*?[]{}~#!\n\r";
    if script.contains(|c| special.contains(c)) {
        return None;
    }
    shlex::split(script)
}

/// Returns the path of the script that `bash ARGUMENTS` runs, and the script's arguments.
fn script_of_bash(arguments: &[String]) -> Option<(String, &[String])> {
    let rest = skip_options(arguments, &["-x", "-v"], &[])?;
    let (script, rest) = rest.split_first()?;
    let script = if script.contains('/') {
        script.clone()
    } else {
        format!("./{script}")
    };
    let is_wrapper = file_name(&script) == "earthly.sh";
    is_wrapper.then_some((script, rest))
}
