//! What bash has after `earthly.sh` has sourced `.arg`: what it can pass on to Earthly, and
//! what the script of MAAS images takes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::build_args::KNOWN;
use super::variables::{Variable, VariableOrigin, Variables};
use super::wrapper::Wrapper;
use crate::preflight::bash::{self, Value};

/// What is looked at besides CanvOS's build arguments and what the script passes on.
const OF_SCRIPT: [&str; 3] = ["OS_DISTRIBUTION", "UBUNTU_PRO_ATTACH", "EARTHLY_VERSION"];

/// A variable of bash. Values may be secrets: no `Debug`.
#[derive(Clone)]
pub struct ShellVariable {
    /// Its value; unknown if only bash can tell.
    pub value: Value,
    /// Where it was set.
    pub origin: VariableOrigin,
}

/// The variables that matter.
#[derive(Clone, Default)]
pub(super) struct Shell {
    variables: BTreeMap<String, (ShellVariable, bool)>,
}

impl Shell {
    /// Sources the file `arg` as `wrapper` does.
    pub fn source(arg: &Path, wrapper: &Wrapper, environment: &Variables) -> Self {
        // bash goes on without the file.
        let read = |_| fs::read(arg).unwrap_or_default();
        let text = wrapper.before_source.as_ref().map(read).unwrap_or_default();
        // What the script computes before is not known: what depends on it differs between
        // two values of it.
        let with = |computed: &str| Self::with(computed, &text, arg, wrapper, environment);
        let mut shell = with("\u{1}one");
        for (name, (other, _)) in with("\u{1}and another").variables {
            let same = |it: &(ShellVariable, bool)| it.0.value == other.value;
            if !shell.variables.get(&name).is_some_and(same) {
                let unknown = ShellVariable {
                    value: Value::Unknown,
                    origin: other.origin,
                };
                shell.variables.insert(name, (unknown, true));
            }
        }
        shell
    }

    fn with(
        computed: &str,
        text: &[u8],
        arg: &Path,
        wrapper: &Wrapper,
        environment: &Variables,
    ) -> Self {
        let of_script = |name: &str| {
            let before = wrapper.before_source.as_ref()?;
            let (_, value) = before.iter().rfind(|(it, _)| it == name)?;
            Some(value.clone().unwrap_or_else(|| computed.to_owned()))
        };
        let of_environment = |name: &str| environment.get(name).map(|it| it.value.clone());
        let before = |name: &str| Value::from(of_script(name).or_else(|| of_environment(name)));
        let sourced = bash::source(text, &before);
        let passed = wrapper.passes.iter().map(String::as_str);
        let names = KNOWN.into_iter().chain(OF_SCRIPT).chain(passed);
        let variables = names.map(|name| {
            let value = sourced.value(name);
            let unchanged = environment
                .get(name)
                .filter(|it| value == Value::Set(it.value.clone()));
            let origin = unchanged.map_or_else(
                || VariableOrigin::Sourced {
                    path: arg.to_owned(),
                },
                |it| it.origin.clone(),
            );
            let variable = ShellVariable { value, origin };
            (name.to_owned(), (variable, sourced.exported(name)))
        });
        Self {
            variables: variables.collect(),
        }
    }

    pub fn get(&self, name: &str) -> Option<&ShellVariable> {
        self.variables.get(name).map(|(variable, _)| variable)
    }

    /// A value, if there is one and it is known.
    pub fn value(&self, name: &str) -> Option<&str> {
        match &self.get(name)?.value {
            Value::Set(value) => Some(value),
            Value::Unset | Value::Unknown => None,
        }
    }

    /// What a program that bash starts has of the variable `name`. An error is a value that
    /// is not known.
    pub fn exported(&self, name: &str) -> Result<Option<Variable>, Unknown> {
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

/// Only bash can tell.
pub(super) struct Unknown;
