//! The environment variables of the build program, with the origin of each.
//!
//! Values may be secrets, so nothing here implements `Debug`.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use crate::canvos::preflight::dotenv::Assignment;
use crate::util::environment::Environment;
use crate::util::sanitize;

/// Where an environment variable was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VariableOrigin {
    /// The environment that edgestage was started with.
    Environment,
    /// The build command: `env NAME=VALUE earthly +iso`.
    Command,
    /// A `.env` file.
    EnvFile {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
    },
    /// The `.arg` file, which `earthly.sh` runs as a script.
    Sourced {
        /// The file.
        path: PathBuf,
    },
    /// `earthly.sh` itself.
    Wrapper,
}

impl fmt::Display for VariableOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment => f.write_str("the environment"),
            Self::Command => f.write_str("the build command"),
            Self::EnvFile { path, line } => {
                write!(f, "line {line} of `{}`", sanitize::path(path))
            }
            Self::Sourced { path } => {
                write!(f, "`{}`, which `earthly.sh` runs", sanitize::path(path))
            }
            Self::Wrapper => f.write_str("`earthly.sh`"),
        }
    }
}

/// A variable that is set.
#[derive(Clone)]
pub(super) struct Variable {
    pub value: String,
    pub origin: VariableOrigin,
}

/// The variables of one process.
#[derive(Clone, Default)]
pub(super) struct Variables(BTreeMap<String, Variable>);

impl Variables {
    /// Returns the variables that edgestage was started with. Bytes that are not UTF-8 become
    /// U+FFFD.
    pub(super) fn of(environment: &Environment) -> Self {
        let variables = environment.variables.iter().map(|(name, value)| {
            let variable = Variable {
                value: value.to_string_lossy().into_owned(),
                origin: VariableOrigin::Environment,
            };
            (name.to_string_lossy().into_owned(), variable)
        });
        Self(variables.collect())
    }

    pub(super) fn get(&self, name: &str) -> Option<&Variable> {
        self.0.get(name)
    }

    pub(super) fn set(&mut self, name: &str, value: &str, origin: VariableOrigin) {
        let value = value.to_owned();
        self.0.insert(name.to_owned(), Variable { value, origin });
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Whether a variable's name begins with `prefix`.
    pub(super) fn has_prefix(&self, prefix: &str) -> bool {
        self.0.keys().any(|name| name.starts_with(prefix))
    }

    /// Adds the variables of a `.env` file. A variable that is set already takes precedence,
    /// even if it is empty. A name or value that the operating system refuses is left out, as
    /// in Go.
    pub(super) fn load(
        &mut self,
        assignments: &[Assignment],
        origin: impl Fn(&Assignment) -> VariableOrigin,
    ) {
        // The last assignment of a name is in effect.
        for assignment in assignments.iter().rev() {
            let Assignment { name, value, .. } = assignment;
            let refused = name.is_empty() || name.contains('\0') || value.contains('\0');
            if !refused && !self.0.contains_key(name) {
                self.set(name, value, origin(assignment));
            }
        }
    }
}
