//! The command line as EarthBuild's `earth` parses it, with urfave/cli 3.11.0.
//!
//! Flags come first; a variable applies only to a flag that was not given. Flags end at the
//! first other argument. `build` has its own lists, and those before it are lost.

use super::NoExport;
use super::earthly_flags::Request;
use super::failure::Failure;
use super::flag_set::Stop;
use super::flags::{self, Client, Flag, HELP, Kind, Settings, Source, VERSION};
use super::variables::Variables;

/// The commands other than `build`.
const COMMANDS: [&str; 11] = [
    "debug",
    "bootstrap",
    "docker-build",
    "config",
    "doc",
    "docker2earthly",
    "init",
    "ls",
    "prune",
    "help",
    "h",
];

/// Parses `arguments`, which do not include the program's name.
pub(super) fn parse(
    arguments: &[String],
    variables: &Variables,
) -> Result<(Settings, Request), Failure> {
    let mut settings = Settings::default();
    let root: Vec<_> = flags::all(Client::Earth).chain([&HELP, &VERSION]).collect();
    let rest = match parse_flags(&root, arguments, &mut settings) {
        Err(_) if settings.on(HELP.name).is_some() => {
            return Ok((settings, Request::Nothing(NoExport::Help)));
        }
        result => result?,
    };
    if settings.on(HELP.name).is_some() {
        return Ok((settings, Request::Nothing(NoExport::Help)));
    }
    // It applies whatever it is set to.
    if settings.switches.contains_key(VERSION.name) {
        return Ok((settings, Request::Nothing(NoExport::Version)));
    }
    apply_variables(&root, &mut settings, variables)?;
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
    settings.lists.clear();
    let rest = match parse_flags(&root, &rest[1..], &mut settings) {
        Err(_) if settings.on(HELP.name).is_some() => {
            return Ok((settings, Request::Nothing(NoExport::Help)));
        }
        result => result?,
    };
    let help = rest.first().is_some_and(|first| HELP.has_name(first));
    if help || settings.on(HELP.name).is_some() {
        return Ok((settings, Request::Nothing(NoExport::Help)));
    }
    let lists: Vec<_> = root.into_iter().filter(|flag| flag.of_build).collect();
    apply_variables(&lists, &mut settings, variables)?;
    Ok((settings, Request::Build(rest)))
}

/// Sets the flags that were not given and whose variables are set.
fn apply_variables(
    set: &[&'static Flag],
    settings: &mut Settings,
    variables: &Variables,
) -> Result<(), Failure> {
    for flag in set {
        let given = match flag.kind {
            Kind::Switch => settings.switches.contains_key(flag.name),
            Kind::Text => settings.texts.contains_key(flag.name),
            Kind::List => settings.lists.contains_key(flag.name),
        };
        let Some((name, value)) = flags::variable_of(flag, Client::Earth, variables) else {
            continue;
        };
        let value = match (flag.kind, value) {
            _ if given => continue,
            (Kind::List, "") => continue,
            (Kind::Switch, "") => "false",
            (_, value) => value,
        };
        let source = Source::Variable(name.clone());
        settings
            .set(flag, value, source, Client::Earth)
            .map_err(|_| Failure::VariableNotBoolean { name })?;
    }
    Ok(())
}

/// Parses flags and returns what follows them.
fn parse_flags(
    set: &[&'static Flag],
    arguments: &[String],
    settings: &mut Settings,
) -> Result<Vec<String>, Failure> {
    let mut arguments = arguments;
    while let Some((argument, rest)) = arguments.split_first() {
        let trimmed = argument.trim();
        if trimmed == "--" {
            return Ok(rest.to_vec());
        }
        let Some(name) = trimmed.strip_prefix('-') else {
            return Ok(positional(trimmed, argument, rest));
        };
        let long = name.strip_prefix('-');
        // A lone dash ends the flags; an argument that does not begin with a letter begins the
        // arguments.
        match name.bytes().next() {
            None => return Ok(vec![trimmed.to_owned()]),
            Some(b'-') => {}
            Some(byte) if char::from(byte).is_alphabetic() => {}
            Some(_) => return Ok(arguments.to_vec()),
        }
        arguments = rest;
        let name = long.unwrap_or(name);
        let (name, value) = match name.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (name, None),
        };
        if let Some(flag) = set.iter().find(|flag| flag.has_name(name)) {
            let value = take_value(flag, value, &mut arguments)?;
            set_flag(flag, &value, settings)?;
        } else if long.is_some() {
            return Err(Stop::Undefined(name.to_owned()).into());
        } else {
            letters(
                set,
                name,
                value.unwrap_or_default(),
                &mut arguments,
                settings,
            )?;
        }
    }
    Ok(Vec::new())
}

/// Returns the first argument that is not a flag, and all arguments after it.
fn positional(trimmed: &str, argument: &str, rest: &[String]) -> Vec<String> {
    let first = if trimmed.is_empty() {
        argument
    } else {
        trimmed
    };
    let mut arguments = [&[first.to_owned()], rest].concat();
    // The program removes it with the spaces around it; without spaces, it is skipped later.
    if let Some(dashes) = arguments.get_mut(1).filter(|next| next.trim() == "--") {
        "--".clone_into(dashes);
    }
    arguments
}

/// Returns the value of `flag`: its own, or the next argument.
fn take_value(
    flag: &'static Flag,
    value: Option<&str>,
    arguments: &mut &[String],
) -> Result<String, Failure> {
    match (flag.kind, value) {
        (Kind::Switch, None | Some("")) => Ok("true".to_owned()),
        (_, Some(value)) => Ok(value.to_owned()),
        (_, None) => {
            let (next, rest) = arguments.split_first().ok_or(Stop::NoValue(flag))?;
            *arguments = rest;
            Ok(next.clone())
        }
    }
}

/// Handles `-PV`, in which every letter is a flag. Each switch gets the value; a flag that
/// takes a value and is not the last one is skipped.
fn letters(
    set: &[&'static Flag],
    letters: &str,
    value: &str,
    arguments: &mut &[String],
    settings: &mut Settings,
) -> Result<(), Failure> {
    let mut names = letters.chars().peekable();
    while let Some(letter) = names.next() {
        let letter = letter.to_string();
        let Some(flag) = set.iter().find(|flag| flag.has_name(&letter)) else {
            return Err(Stop::Undefined(letters.to_owned()).into());
        };
        let value = (!value.is_empty()).then_some(value);
        if flag.kind == Kind::Switch || names.peek().is_none() {
            let value = take_value(flag, value, arguments)?;
            set_flag(flag, &value, settings)?;
        }
    }
    Ok(())
}

fn set_flag(flag: &'static Flag, value: &str, settings: &mut Settings) -> Result<(), Failure> {
    settings
        .set(flag, value, Source::Flag, Client::Earth)
        .map_err(|_| Stop::Boolean(flag).into())
}
