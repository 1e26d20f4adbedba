//! Variables: their values, and which ones belong to bash itself.

use std::collections::HashMap;

use super::Value;

/// Variables that bash sets itself, or whose assignment has a special meaning.
const OWN: [&str; 37] = [
    "_",
    "CHILD_MAX",
    "COLUMNS",
    "COMP_CWORD",
    "COMP_KEY",
    "COMP_LINE",
    "COMP_POINT",
    "COMP_TYPE",
    "COMP_WORDBREAKS",
    "COMP_WORDS",
    "COPROC",
    "DIRSTACK",
    "EPOCHREALTIME",
    "EPOCHSECONDS",
    "FUNCNAME",
    "GROUPS",
    "HISTCMD",
    "IFS",
    "LINENO",
    "LINES",
    "MAPFILE",
    "OLDPWD",
    "OPTARG",
    "OPTERR",
    "OPTIND",
    "PIPESTATUS",
    "PS1",
    "PS2",
    "PWD",
    "RANDOM",
    "READLINE_ARGUMENT",
    "READLINE_LINE",
    "READLINE_MARK",
    "READLINE_POINT",
    "SECONDS",
    "SHLVL",
    "SRANDOM",
];

/// Variables that cannot be assigned.
const READ_ONLY: [&str; 6] = [
    "BASHOPTS",
    "BASH_VERSINFO",
    "EUID",
    "PPID",
    "SHELLOPTS",
    "UID",
];

/// Variables that bash sets if the environment does not have them.
const DEFAULTED: [&str; 12] = [
    "HOME", "HOSTNAME", "HOSTTYPE", "LC_ALL", "LC_CTYPE", "LANG", "MACHTYPE", "OSTYPE", "PATH",
    "PS4", "SHELL", "TERM",
];

/// The largest value, in bytes.
const LONGEST: usize = 1 << 20;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Held {
    Unset,
    Set(Vec<u8>),
    Unknown,
}

#[derive(Debug, Clone)]
pub(super) struct Variable {
    pub(super) held: Held,
    pub(super) exported: bool,
    pub(super) read_only: bool,
    /// Whether the variable stays unknown whatever is assigned.
    pub(super) odd: bool,
}

pub(super) struct Variables<'e> {
    environment: &'e dyn Fn(&str) -> Value,
    changed: HashMap<String, Variable>,
}

impl<'e> Variables<'e> {
    pub(super) fn new(environment: &'e dyn Fn(&str) -> Value) -> Self {
        Self {
            environment,
            changed: HashMap::new(),
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        matches!((self.environment)(name), Value::Set(_))
    }

    pub(super) fn look(&self, name: &str) -> Variable {
        let changed = self.changed.get(name);
        changed.map_or_else(|| inherited(self.environment, name), Variable::clone)
    }

    pub(super) fn changed(&self) -> impl Iterator<Item = &str> {
        self.changed.keys().map(String::as_str)
    }

    pub(super) fn change(&mut self, name: &str) -> &mut Variable {
        let entry = self.changed.entry(name.to_owned());
        entry.or_insert_with(|| inherited(self.environment, name))
    }
}

/// Returns the initial state of a variable.
fn inherited(environment: &dyn Fn(&str) -> Value, name: &str) -> Variable {
    let value = environment(name);
    let read_only = READ_ONLY.contains(&name);
    let odd = read_only || OWN.contains(&name) || name.starts_with("BASH");
    let exported = value != Value::Unset;
    let held = match value {
        _ if odd => Held::Unknown,
        Value::Set(value) => Held::Set(value.into_bytes()),
        Value::Unset if !DEFAULTED.contains(&name) => Held::Unset,
        Value::Unset | Value::Unknown => Held::Unknown,
    };
    Variable {
        held,
        exported,
        read_only,
        odd,
    }
}

impl Variable {
    /// Sets the value.
    pub(super) fn hold(&mut self, held: Held) {
        self.held = match held {
            _ if self.odd => Held::Unknown,
            Held::Set(text) if text.len() > LONGEST => Held::Unknown,
            held => held,
        };
    }
}

impl From<Held> for Value {
    fn from(held: Held) -> Self {
        match held {
            Held::Unset => Self::Unset,
            Held::Set(text) => Self::Set(String::from_utf8_lossy(&text).into_owned()),
            Held::Unknown => Self::Unknown,
        }
    }
}
