//! A command line as the `flag` package of Go's standard library parses it.
//!
//! Both programs use it to find `--env-file-path` before anything else; Earthly also parses all
//! of its flags with it. A flag begins with one or two dashes, flags end at the first other
//! argument or after `--`, and the first mistake ends the parsing. Whatever was parsed before
//! stays set.

use std::collections::BTreeSet;

use super::flags::{Client, Flag, Kind, Settings, Source};

/// Why the parsing of flags ended early.
pub(super) enum Stop {
    /// No flag has this name.
    Undefined(String),
    /// The argument is not a flag at all: `---x`, `--=x`.
    Syntax(String),
    /// The value is not a boolean.
    Boolean(&'static Flag),
    /// The last argument is a flag that takes a value.
    NoValue(&'static Flag),
}

/// A set of flags, and the flags that were given.
pub(super) struct FlagSet {
    pub flags: Vec<&'static Flag>,
    /// The names that were used; an alias appears as itself.
    pub given: BTreeSet<&'static str>,
}

impl FlagSet {
    pub(super) fn new(flags: impl IntoIterator<Item = &'static Flag>) -> Self {
        Self {
            flags: flags.into_iter().collect(),
            given: BTreeSet::new(),
        }
    }

    pub(super) fn find(&self, name: &str) -> Option<&'static Flag> {
        self.flags.iter().copied().find(|flag| flag.has_name(name))
    }

    /// Parses flags into `settings` and returns what follows them.
    pub(super) fn parse<'a>(
        &mut self,
        mut arguments: &'a [String],
        settings: &mut Settings,
        client: Client,
    ) -> Result<&'a [String], Stop> {
        while let Some((argument, rest)) = arguments.split_first() {
            let Some(name) = argument.strip_prefix('-').filter(|name| !name.is_empty()) else {
                break;
            };
            let name = name.strip_prefix('-').unwrap_or(name);
            if name.is_empty() {
                return Ok(rest);
            }
            if name.starts_with(['-', '=']) {
                return Err(Stop::Syntax(argument.clone()));
            }
            arguments = rest;
            let (name, mut value) = match name.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (name, None),
            };
            let Some(flag) = self.find(name) else {
                return Err(Stop::Undefined(name.to_owned()));
            };
            if flag.kind == Kind::Switch {
                value = value.or(Some("true"));
            } else if value.is_none()
                && let Some((next, rest)) = arguments.split_first()
            {
                value = Some(next);
                arguments = rest;
            }
            let value = value.ok_or(Stop::NoValue(flag))?;
            settings
                .set(flag, value, Source::Flag, client)
                .map_err(|_| Stop::Boolean(flag))?;
            let alias = flag.alias.filter(|alias| *alias == name);
            self.given.insert(alias.unwrap_or(flag.name));
        }
        Ok(arguments)
    }
}
