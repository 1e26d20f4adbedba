//! Completion on the command line, with the names in the current `profiles.toml`.
//!
//! [`registration`] returns a shell's script. The script runs edgestage at every TAB, with
//! [`VARIABLE`] set and the words of the line after two dashes; [`answer`] prints the
//! candidates. Input: the words, `profiles.toml` and `profiles.lock`. It does not use the
//! network or the key and prints no messages: what cannot be read is not offered. The library
//! takes the position of the cursor from variables that its scripts set (`_CLAP_…`).

use std::ffi::{OsStr, OsString};
use std::sync::Arc;

use clap::builder::StyledStr;
use clap::{Arg, Command, CommandFactory as _, ValueHint};
use clap_complete::ArgValueCompleter;
use clap_complete::engine::{self, CompletionCandidate, PathCompleter, ValueCompleter as _};
use clap_complete::env::{EnvCompleter, Shells};

use crate::cli::{Cli, Shell};
use crate::util::environment::Environment;

mod bash_words;
mod candidates;

use bash_words::BashWords;
use candidates::{Candidate, Candidates};

/// The variable that the scripts set to the name of the shell.
pub(crate) const VARIABLE: &str = "EDGESTAGE_COMPLETE";

/// Returns the script with which `shell` completes `edgestage`.
#[must_use]
pub(crate) fn registration(shell: Shell) -> String {
    let mut script = Vec::new();
    let shells = Shells::builtins();
    if let Some(completer) = shells.completer(shell.name()) {
        let program = env!("CARGO_PKG_NAME");
        // Writing to memory cannot fail.
        let _ = completer.write_registration(VARIABLE, program, program, program, &mut script);
    }
    let mut script = String::from_utf8_lossy(&script).trim().to_owned();
    if shell == Shell::Bash {
        // Candidates are separated by newlines: the library separates them with a control
        // character, which edgestage never prints. The characters that split a word are needed
        // to join it again.
        script = script.replace(r"IFS=$'\013'", r"IFS=$'\n'").replace(
            "words[COMP_CWORD]=\"$2\"",
            "[[ ${words[COMP_CWORD]} == [=@] ]] || words[COMP_CWORD]=\"$2\"",
        );
    }
    if shell == Shell::Zsh {
        // If the file is in a directory of `fpath`, the first TAB runs it as the function
        // itself.
        script.push_str("\nif [[ ${funcstack[1]-} = _edgestage ]]; then\n");
        script.push_str("    _clap_dynamic_completer_edgestage \"$@\"\nfi");
    }
    script.push('\n');
    script
}

/// Returns the candidates for the word at the cursor, in the form that the shell reads. Returns
/// `None` if the process was not started by a script, so that `arguments` is to be run.
#[must_use]
pub(crate) fn answer(arguments: &[OsString], environment: &Environment) -> Option<String> {
    let asking = environment.variable(VARIABLE)?.to_str()?;
    let shells = Shells::builtins();
    let completer = shells.completer(asking)?;
    let [_, dashes, words @ ..] = arguments else {
        return None;
    };
    // Without the dashes, it is a command of a user who has the variable set.
    (dashes == "--").then(|| candidates(completer, words, environment))
}

fn candidates(
    completer: &dyn EnvCompleter,
    words: &[OsString],
    environment: &Environment,
) -> String {
    if completer.is("bash") {
        return in_bash(words, environment);
    }
    let index = cursor(environment).unwrap_or(words.len().saturating_sub(1));
    let mut command = command_for(words, index, environment);
    let mut text = Vec::new();
    let directory = Some(environment.directory.as_path());
    match completer.write_complete(&mut command, words.to_vec(), directory, &mut text) {
        Ok(()) => String::from_utf8_lossy(&text).into_owned(),
        // There are no candidates at the cursor.
        Err(_) => String::new(),
    }
}

/// Returns the index of the word at the cursor, if the shell provides it.
fn cursor(environment: &Environment) -> Option<usize> {
    let index = environment.variable("_CLAP_COMPLETE_INDEX")?;
    index.to_str()?.parse().ok()
}

/// Returns the candidates for Bash, which splits words at `=` and `@` and replaces only the
/// last part.
fn in_bash(words: &[OsString], environment: &Environment) -> String {
    let Some(line) = BashWords::rejoined(words, cursor(environment).unwrap_or_default()) else {
        return String::new();
    };
    let mut command = command_for(&line.words, line.index, environment);
    let directory = Some(environment.directory.as_path());
    let found = engine::complete(&mut command, line.words, line.index, directory);
    let found = found.unwrap_or_default();
    let values = found.iter().filter_map(|candidate| {
        let value = candidate.get_value().to_str()?;
        value.strip_prefix(&line.kept)
    });
    values.collect::<Vec<_>>().join("\n")
}

/// Returns the command line with the candidates for word `index`.
fn command_for(words: &[OsString], index: usize, environment: &Environment) -> Command {
    let offers = Arc::new(Candidates::read(words, environment));
    let current = words.get(index);
    let is_flag = current.is_some_and(|word| word.as_encoded_bytes().starts_with(b"-"));
    let place = if is_flag { Place::Flag } else { Place::Value };
    prepared(Cli::command(), &offers, place)
}

/// The beginning of the word at the cursor.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The word begins with a dash.
    Flag,
    /// The word does not begin with a dash.
    Value,
}

/// Returns `command` with the candidates for each of its arguments.
fn prepared(command: Command, offers: &Arc<Candidates>, place: Place) -> Command {
    let command = match place {
        Place::Flag => command,
        // clap adds these flags later, when they could not be hidden.
        Place::Value => command.disable_help_flag(true).disable_version_flag(true),
    };
    command
        .mut_args(|arg| {
            // Hidden arguments are only offered if there is nothing else: a list of all flags
            // before the names does not help.
            let hidden = arg.is_hide_set() || (place == Place::Value && !arg.is_positional());
            offered(arg, offers).hide(hidden)
        })
        .mut_subcommands(|command| prepared(command, offers, place))
}

fn offered(arg: Arg, offers: &Arc<Candidates>) -> Arg {
    let names = arg.get_value_names();
    let name = names
        .and_then(|names| names.first())
        .map(ToString::to_string);
    // Without an explicit name, the derive macro uses the name of the field.
    let name = name.unwrap_or_else(|| arg.get_id().as_str().to_uppercase());
    let of = |words: fn(&Candidates) -> &[Candidate]| {
        let offers = Arc::clone(offers);
        ArgValueCompleter::new(move |current: &OsStr| matching(words(&offers), current))
    };
    match name.as_str() {
        "NAME" => arg.add(of(|offers| &offers.definitions)),
        "HOST" => arg.add(of(|offers| &offers.hosts)),
        "ID" => arg.add(of(|offers| &offers.traps)),
        "TOPIC" => arg.add(of(|offers| &offers.topics)),
        "TARGET" => arg.add(of(|offers| &offers.targets)),
        // `upgrade` takes what has a version; the others take any profile that is known.
        "PROFILE" if arg.get_id() == "profiles" => arg.add(of(|offers| &offers.profiles)),
        "PROFILE" => arg.add(of(|offers| &offers.locked)),
        "PROFILE or NAME" => arg.add(of(|offers| &offers.written)),
        "FILE" => arg.value_hint(ValueHint::FilePath),
        "DIR" => arg.value_hint(ValueHint::DirPath),
        _ if name.starts_with("NAME or FILE") => {
            let offers = Arc::clone(offers);
            let paths = PathCompleter::file().current_dir(&offers.directory);
            arg.add(ArgValueCompleter::new(move |current: &OsStr| {
                let mut found = matching(&offers.definitions, current);
                found.extend(paths.complete(current));
                found
            }))
        }
        _ => arg,
    }
}

fn matching(offers: &[Candidate], current: &OsStr) -> Vec<CompletionCandidate> {
    let Some(current) = current.to_str() else {
        return Vec::new();
    };
    let begins = |offer: &&Candidate| offer.word.starts_with(current);
    let candidate = |offer: &Candidate| {
        let about = offer.about.clone().map(StyledStr::from);
        CompletionCandidate::new(&offer.word).help(about)
    };
    offers.iter().filter(begins).map(candidate).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::ffi::{OsStr, OsString};
    use std::sync::Arc;

    use clap::{Arg, CommandFactory as _};
    use clap_complete::ArgValueCompleter;

    use super::candidates::Candidates;
    use super::{Place, offered, prepared};
    use crate::cli::Cli;
    use crate::util::environment::Environment;

    const LOCK: &str = r#"version = 1

[definition.warehouse]
endpoint = "https://api.spectrocloud.com"
asked-sha256 = "2376942656b3526c113dd519995a2b460d608c89e1392cb968d3efd4f18fb453"
content-sha256 = "69542b16db8ddb126a02ac7dea6ebe27c4cf5e6deef28f567ea87d3541d2c0e7"
sha256 = "0d1aeb81d791fe8ab1b395ad4fd30e5fcd83a9406182fa8e4ee530019386e0f8"
size = 1218

[[definition.warehouse.profiles]]
uid = "65c90a1b2c3d4e5f770daee4"
name = "edge-infra"
version = "2.0.0"
type = "infra"
packs = []
"#;

    fn environment(site: &tempfile::TempDir) -> Environment {
        Environment {
            variables: BTreeMap::new(),
            directory: site.path().to_owned(),
            terminal: false,
            interactive: false,
            columns: None,
        }
    }

    fn words(words: &[&str]) -> Vec<OsString> {
        words.iter().map(Into::into).collect()
    }

    #[test]
    fn locked_profiles_are_offered_by_name_and_by_uid() {
        let site = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let written = std::fs::write(site.path().join("profiles.lock"), LOCK);
        written.unwrap_or_else(|error| panic!("{error}"));
        let offers = Arc::new(Candidates::read(&[], &environment(&site)));
        let found = |name: &'static str, current: &str| -> Vec<OsString> {
            let arg = offered(Arg::new("word").value_name(name), &offers);
            let completer = arg.get::<ArgValueCompleter>();
            let found = completer.map(|completer| completer.complete(OsStr::new(current)));
            let found = found.unwrap_or_default().into_iter();
            found.map(|one| one.get_value().to_owned()).collect()
        };
        let both = words(&["65c90a1b2c3d4e5f770daee4", "edge-infra@2.0.0"]);
        assert_eq!(found("PROFILE", ""), both);
        assert_eq!(found("PROFILE", "edge-infra@"), both[1..]);
        assert!(found("URL", "").is_empty());
        assert!(found("HOST", "").is_empty());
    }

    /// `upgrade` takes the name of a profile that is written with a version.
    #[test]
    fn names_of_profiles_are_offered_to_upgrade() {
        let site = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let text = "[definition.a]\nprofiles = [\"edge-infra@2.0.0\", { name = \"edge-note\", \
                    version = \"1.0.0\" }, \"65c90a1b2c3d4e5f770daee4\"]\n";
        let written = std::fs::write(site.path().join("profiles.toml"), text);
        written.unwrap_or_else(|error| panic!("{error}"));
        let offers = Arc::new(Candidates::read(&[], &environment(&site)));
        let command = prepared(Cli::command(), &offers, Place::Value);
        let arg = command
            .find_subcommand("upgrade")
            .and_then(|upgrade| upgrade.get_positionals().next());
        let completer = arg.and_then(|arg| arg.get::<ArgValueCompleter>());
        let found = completer.map(|completer| completer.complete(OsStr::new("")));
        let found = found.unwrap_or_default().into_iter();
        let found: Vec<OsString> = found.map(|one| one.get_value().to_owned()).collect();
        assert_eq!(found, words(&["edge-infra", "edge-note"]));
    }

    #[test]
    fn hosts_are_offered_even_without_a_definition() {
        let site = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let text = "[host.line-1]\naddress = \"192.0.2.1\"\n[host.\"a b\"]\n";
        let written = std::fs::write(site.path().join("profiles.toml"), text);
        written.unwrap_or_else(|error| panic!("{error}"));
        let offers = Arc::new(Candidates::read(&[], &environment(&site)));
        let arg = offered(Arg::new("word").value_name("HOST"), &offers);
        let completer = arg.get::<ArgValueCompleter>();
        let found = completer.map(|completer| completer.complete(OsStr::new("l")));
        let found = found.unwrap_or_default().into_iter();
        let found: Vec<OsString> = found.map(|one| one.get_value().to_owned()).collect();
        assert_eq!(found, words(&["line-1"]));
    }
}
