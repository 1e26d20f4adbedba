//! The variables that bash has after `earthly.sh` has sourced `.arg`: what it can pass on to
//! Earthly, and what the script of MAAS images uses.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::build_args::KNOWN;
use super::variables::{Variable, VariableOrigin, Variables};
use super::wrapper::Wrapper;
use crate::canvos::preflight::bash::{self, Value};
use crate::util::files;

/// The variables that matter in addition to CanvOS's build arguments and those that the script
/// passes on.
const OF_SCRIPT: [&str; 3] = ["OS_DISTRIBUTION", "UBUNTU_PRO_ATTACH", "EARTHLY_VERSION"];

/// A variable of bash. Its value may be a secret, so there is no `Debug`.
#[derive(Clone)]
pub struct ShellVariable {
    /// The value; unknown if only bash can determine it.
    pub value: Value,
    /// Where the variable was set.
    pub origin: VariableOrigin,
}

/// The variables that matter.
#[derive(Clone, Default)]
pub(super) struct Shell {
    variables: BTreeMap<String, (ShellVariable, bool)>,
}

impl Shell {
    /// Sources the file `arg` as `wrapper` does.
    pub(super) fn source(arg: &Path, wrapper: &Wrapper, environment: &Variables) -> Self {
        // bash continues without the file.
        let read = |_| files::read(arg, files::TEXT).unwrap_or_default();
        let text = wrapper.before_source.as_ref().map(read).unwrap_or_default();
        let of_script = |name: &str| {
            let before = wrapper.before_source.as_ref()?;
            let (_, value) = before.iter().rfind(|(it, _)| it == name)?;
            Some(value.clone().map_or(Value::Unknown, Value::Set))
        };
        let of_environment = |name: &str| match environment.get(name) {
            Some(variable) => Value::Set(variable.value.clone()),
            None => Value::Unset,
        };
        let before = |name: &str| of_script(name).unwrap_or_else(|| of_environment(name));
        let sourced = bash::source(&text, &before);
        let assigned: BTreeSet<&str> = sourced.assigned().collect();
        // If bash expands file names, a file whose name looks like an assignment becomes one.
        let by_files = sourced.matches_files() && has_file_like_an_assignment(arg);
        let passed = wrapper.passes.iter().map(String::as_str);
        let names = KNOWN.into_iter().chain(OF_SCRIPT).chain(passed);
        let variables = names.map(|name| {
            let value = if by_files {
                Value::Unknown
            } else {
                sourced.value(name)
            };
            let origin = match environment.get(name) {
                _ if assigned.contains(name) || value == Value::Unknown => {
                    let path = arg.to_owned();
                    VariableOrigin::Sourced { path }
                }
                Some(variable) => variable.origin.clone(),
                None => VariableOrigin::Wrapper,
            };
            let variable = ShellVariable { value, origin };
            (name.to_owned(), (variable, sourced.exported(name)))
        });
        Self {
            variables: variables.collect(),
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&ShellVariable> {
        self.variables.get(name).map(|(variable, _)| variable)
    }

    /// Returns the value of the variable `name`, if it is set and known.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        match &self.get(name)?.value {
            Value::Set(value) => Some(value),
            Value::Unset | Value::Unknown => None,
        }
    }

    /// Returns the variable `name` as a program that bash starts gets it, or an error if its
    /// value is not known.
    pub(super) fn exported(&self, name: &str) -> Result<Option<Variable>, Unknown> {
        let Some((variable, exported)) = self.variables.get(name) else {
            return Ok(None);
        };
        match &variable.value {
            Value::Unknown => Err(Unknown),
            Value::Set(value) if *exported => Ok(Some(Variable {
                value: value.clone(),
                origin: variable.origin.clone(),
            })),
            Value::Set(_) | Value::Unset => Ok(None),
        }
    }
}

/// Whether a file beside `arg` has an equals sign in its name.
fn has_file_like_an_assignment(arg: &Path) -> bool {
    let directory = arg.parent().unwrap_or(Path::new("."));
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut names = entries.map(|entry| entry.file_name().into_encoded_bytes());
    names.any(|name| name.contains(&b'='))
}

/// A value that only bash can determine.
pub(super) struct Unknown;
