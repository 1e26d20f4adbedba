//! Completion on the command line, live: the names are those of the `profiles.toml` at hand.
//!
//! [`registration`] gives a shell's script. The script runs this binary on every TAB, with
//! [`VARIABLE`] set and the words of the line behind two dashes; [`answer`] prints what may
//! come next. In: the words, `profiles.toml` and `profiles.lock`. No network, no key, no
//! message: what cannot be read is not offered. The library takes the place of the cursor
//! from variables that its scripts set (`_CLAP_…`).

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

/// Set by the scripts: the name of the shell that asks.
pub(crate) const VARIABLE: &str = "EDGESTAGE_COMPLETE";

/// The script with which `shell` completes `edgestage`.
#[must_use]
pub(crate) fn registration(shell: Shell) -> String {
    let mut script = Vec::new();
    let shells = Shells::builtins();
    if let Some(completer) = shells.completer(shell.name()) {
        let program = env!("CARGO_PKG_NAME");
        // Writing to memory does not fail.
        let _ = completer.write_registration(VARIABLE, program, program, program, &mut script);
    }
    let mut script = String::from_utf8_lossy(&script).trim().to_owned();
    if shell == Shell::Bash {
        // A candidate a line: the library's separator is a control character, which no
        // output of ours holds. And what splits a word is needed to put it together again.
        script = script.replace(r"IFS=$'\013'", r"IFS=$'\n'").replace(
            "words[COMP_CWORD]=\"$2\"",
            "[[ ${words[COMP_CWORD]} == [=@] ]] || words[COMP_CWORD]=\"$2\"",
        );
    }
    if shell == Shell::Zsh {
        // From a directory of `fpath` the file is run as the function itself, at the first TAB.
        script.push_str("\nif [[ ${funcstack[1]-} = _edgestage ]]; then\n");
        script.push_str("    _clap_dynamic_completer_edgestage \"$@\"\nfi");
    }
    script.push('\n');
    script
}

/// What may stand at the cursor, in the form that the asking shell reads. `None` where no
/// shell asks: `arguments` is to be run.
#[must_use]
pub(crate) fn answer(arguments: &[OsString], environment: &Environment) -> Option<String> {
    let asking = environment.variable(VARIABLE)?.to_str()?;
    let shells = Shells::builtins();
    let completer = shells.completer(asking)?;
    let [_, dashes, words @ ..] = arguments else {
        return None;
    };
    // Without them it is a command of somebody who has the variable set.
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
        // The cursor is where nothing can be said.
        Err(_) => String::new(),
    }
}

/// Which word the cursor is in, where the shell says so.
fn cursor(environment: &Environment) -> Option<usize> {
    let index = environment.variable("_CLAP_COMPLETE_INDEX")?;
    index.to_str()?.parse().ok()
}

/// Bash splits words at `=` and `@`, and replaces the last part only.
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

/// The command line with what can be offered at word `index`.
fn command_for(words: &[OsString], index: usize, environment: &Environment) -> Command {
    let offers = Arc::new(Candidates::read(words, environment));
    let current = words.get(index);
    let is_flag = current.is_some_and(|word| word.as_encoded_bytes().starts_with(b"-"));
    let place = if is_flag { Place::Flag } else { Place::Value };
    prepared(Cli::command(), &offers, place)
}

/// What the word at the cursor begins as.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// With a dash.
    Flag,
    /// Without.
    Value,
}

/// `command` with what can be offered for each of its arguments.
fn prepared(command: Command, offers: &Arc<Candidates>, place: Place) -> Command {
    let command = match place {
        Place::Flag => command,
        // clap adds them later, where they could not be hidden.
        Place::Value => command.disable_help_flag(true).disable_version_flag(true),
    };
    command
        .mut_args(|arg| {
            // Hidden ones are offered where there is nothing else: a list of all flags in
            // front of the names helps nobody.
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
    // Where no name is given, the derive's is the field's.
    let name = name.unwrap_or_else(|| arg.get_id().as_str().to_uppercase());
    let of = |words: fn(&Candidates) -> &[Candidate]| {
        let offers = Arc::clone(offers);
        ArgValueCompleter::new(move |current: &OsStr| matching(words(&offers), current))
    };
    match name.as_str() {
        "NAME" => arg.add(of(|offers| &offers.definitions)),
        "ID" => arg.add(of(|offers| &offers.traps)),
        "TOPIC" => arg.add(of(|offers| &offers.topics)),
        "TARGET" => arg.add(of(|offers| &offers.targets)),
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

    use clap::Arg;
    use clap_complete::ArgValueCompleter;

    use super::candidates::Candidates;
    use super::offered;
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

    fn words(words: &[&str]) -> Vec<OsString> {
        words.iter().map(Into::into).collect()
    }

    #[test]
    fn locked_profiles_are_offered_by_name_and_by_uid() {
        let site = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let written = std::fs::write(site.path().join("profiles.lock"), LOCK);
        written.unwrap_or_else(|error| panic!("{error}"));
        let environment = Environment {
            variables: BTreeMap::new(),
            directory: site.path().to_owned(),
            terminal: false,
            interactive: false,
            columns: None,
        };
        let offers = Arc::new(Candidates::read(&[], &environment));
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
    }
}
