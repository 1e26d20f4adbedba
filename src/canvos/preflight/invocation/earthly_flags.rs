//! The command line as Earthly v0.8.15 parses it, with urfave/cli 2.27.1.
//!
//! All variables come first; one that is not a boolean ends the build even if the flag is given
//! too. Then come the flags, as Go parses them ([`super::flag_set`]); several one-letter flags
//! may share a dash. `build` parses its own few flags again, and their variables.

use super::NoExport;
use super::failure::Failure;
use super::flag_set::{FlagSet, Stop};
use super::flags::{self, Client, HELP, Kind, Settings, Source, VERSION};
use super::variables::Variables;

/// What a command line asks for.
pub(super) enum Request {
    /// A build with these arguments: the target, and what follows it.
    Build(Vec<String>),
    /// Something that builds nothing.
    Nothing(NoExport),
}

/// The commands other than `build`.
const COMMANDS: [&str; 30] = [
    "debug",
    "bootstrap",
    "docker-build",
    "account",
    "config",
    "doc",
    "docker2earthly",
    "init",
    "ls",
    "org",
    "orgs",
    "project",
    "projects",
    "prune",
    "prune-auto-skip",
    "registry",
    "registries",
    "satellite",
    "satellites",
    "sat",
    "cloud",
    "clouds",
    "secret",
    "secrets",
    "web",
    "billing",
    "bill",
    "gha",
    "help",
    "h",
];

/// Parses `arguments`, which do not include the program's name.
pub(super) fn parse(
    arguments: &[String],
    variables: &Variables,
) -> Result<(Settings, Request), Failure> {
    let mut settings = Settings::default();
    let root = flags::all(Client::Earthly).chain([&HELP, &VERSION]);
    let rest = level(FlagSet::new(root), arguments, &mut settings, variables)?;
    if settings.on(HELP.name).is_some() {
        return Ok((settings, Request::Nothing(NoExport::Help)));
    }
    if settings.on(VERSION.name).is_some() {
        return Ok((settings, Request::Nothing(NoExport::Version)));
    }
    let Some(first) = rest.first() else {
        return Ok((settings, Request::Build(rest)));
    };
    if COMMANDS.contains(&first.as_str()) {
        let command = first.clone();
        return Ok((settings, Request::Nothing(NoExport::Command(command))));
    }
    if first != "build" {
        return Ok((settings, Request::Build(rest)));
    }
    let of_build = flags::all(Client::Earthly).filter(|flag| flag.of_build);
    let set = FlagSet::new(of_build.chain([&HELP]));
    let rest = level(set, &rest[1..], &mut settings, variables)?;
    let help = rest.first().is_some_and(|first| HELP.has_name(first));
    if help || settings.on(HELP.name).is_some() {
        return Ok((settings, Request::Nothing(NoExport::Help)));
    }
    Ok((settings, Request::Build(rest)))
}

/// Parses one level of commands: its variables, then its flags.
fn level(
    mut set: FlagSet,
    arguments: &[String],
    settings: &mut Settings,
    variables: &Variables,
) -> Result<Vec<String>, Failure> {
    apply_variables(&set, settings, variables)?;
    let rest = parse_again(&mut set, arguments, settings)?;
    for flag in &set.flags {
        if let Some(alias) = flag.alias
            && set.given.contains(alias)
            && set.given.contains(flag.name)
        {
            return Err(Failure::FlagTwice {
                flag: flag.name,
                alias,
            });
        }
    }
    Ok(rest)
}

/// Sets the flags whose variables are set. The items of a variable stay until a flag of the
/// same command replaces them.
pub(super) fn apply_variables(
    set: &FlagSet,
    settings: &mut Settings,
    variables: &Variables,
) -> Result<(), Failure> {
    for flag in &set.flags {
        let Some((name, value)) = flags::variable_of(flag, Client::Earthly, variables) else {
            continue;
        };
        let empty = flag.kind == Kind::Switch && value.is_empty();
        let value = if empty { "false" } else { value };
        let source = Source::Variable(name.clone());
        settings
            .set(flag, value, source, Client::Earthly)
            .map_err(|_| Failure::VariableNotBoolean { name })?;
        if let Some(list) = settings.lists.get_mut(flag.name) {
            list.appends = false;
        }
    }
    Ok(())
}

/// Parses flags. At an argument such as `-PV`, it continues with `-P -V` in its place.
fn parse_again(
    set: &mut FlagSet,
    arguments: &[String],
    settings: &mut Settings,
) -> Result<Vec<String>, Failure> {
    let mut arguments = arguments.to_vec();
    loop {
        let name = match set.parse(&arguments, settings, Client::Earthly) {
            Ok(rest) => return Ok(rest.to_vec()),
            Err(Stop::Undefined(name)) => name,
            Err(stop) => return Err(stop.into()),
        };
        // The program finds its position by its text.
        let place = arguments
            .iter()
            .position(|argument| argument.trim_start_matches('-') == name);
        let split = place.and_then(|at| Some((at, split_letters(set, &arguments[at])?)));
        let Some((at, letters)) = split else {
            return Err(Stop::Undefined(name).into());
        };
        arguments = [letters, arguments.split_off(at + 1)].concat();
    }
}

/// Splits `-PV` into `-P` and `-V` if both are flags.
fn split_letters(set: &FlagSet, argument: &str) -> Option<Vec<String>> {
    let letters = argument.strip_prefix('-')?;
    if letters.starts_with('-') || letters.len() < 2 {
        return None;
    }
    let letters = letters.chars().map(String::from);
    letters
        .map(|letter| set.find(&letter).map(|_| format!("-{letter}")))
        .collect()
}
