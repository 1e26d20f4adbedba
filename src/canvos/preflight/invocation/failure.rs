//! Why a build program ends before it builds anything.
//!
//! Messages name files, lines, flags and variables, and never a value: it may be a secret.

use std::fmt;
use std::path::PathBuf;

use super::flag_set::Stop;
use crate::util::sanitize;

/// The first thing that ends the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// A file of variables, build arguments or secrets cannot be read.
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: FileProblem,
    },
    /// A variable that sets a switch is not a boolean.
    VariableNotBoolean {
        /// The variable.
        name: String,
    },
    /// No flag of this name.
    UnknownFlag {
        /// Without dashes.
        flag: String,
    },
    /// A switch has a value that is not a boolean.
    FlagNotBoolean {
        /// Without dashes.
        flag: &'static str,
    },
    /// The last argument is a flag that takes a value.
    FlagWithoutValue {
        /// Without dashes.
        flag: &'static str,
    },
    /// A flag is given under both of its names, which Earthly refuses.
    FlagTwice {
        /// Without dashes.
        flag: &'static str,
        /// Its short name.
        alias: &'static str,
    },
    /// Two flags or settings that exclude each other.
    Conflict {
        /// One.
        one: &'static str,
        /// The other.
        other: &'static str,
    },
    /// `-NAME=value` behind the target, which `earth` refuses.
    SingleDash {
        /// The argument up to its value.
        argument: String,
    },
    /// The last argument is `--NAME`.
    ArgumentWithoutValue {
        /// Without dashes.
        name: String,
    },
    /// Neither target nor artifact.
    NoTarget,
    /// An argument besides the target that is no `--NAME`.
    ExtraArgument {
        /// Its place among the program's arguments, from 1.
        position: usize,
        /// What it is, if it looks like a target: anything else may be a secret.
        target: Option<String>,
    },
    /// The target is none to the program.
    InvalidTarget {
        /// Its place among the program's arguments, from 1.
        position: usize,
    },
    /// `NAME+target`, where `NAME` is not a path: the program takes it for an import.
    Import {
        /// The target.
        target: String,
    },
    /// The target's directory is not in the container that `earthly.sh` starts.
    OutsideContainer {
        /// The target.
        target: String,
    },
    /// A name that is built in cannot be set.
    BuiltIn {
        /// The name.
        name: String,
    },
    /// An item of a list of build arguments has no value, and no variable has that name.
    UnsetVariable {
        /// The flag, with dashes, or the variable that has the list.
        list: String,
        /// Which item, from 1.
        number: usize,
        /// The name, if it is one that CanvOS knows. Others may be part of a secret with a
        /// comma in it.
        name: Option<&'static str>,
    },
    /// A secret without a value, or twice, or a file that is not there.
    Secret {
        /// The flag, with dashes, or the variable that has the list.
        list: String,
        /// Which item, from 1.
        number: usize,
        /// What is wrong.
        problem: SecretProblem,
    },
    /// More than one platform.
    Platforms,
    /// A feature that neither program has.
    UnknownFeature {
        /// The flag, with dashes, or the variable that has it.
        list: String,
    },
    /// `+maas-image` of a distribution other than Ubuntu.
    MaasDistribution,
}

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileProblem {
    /// It is not there, but a flag or variable names it.
    Missing {
        /// The flag, with dashes, or the variable.
        named_by: String,
    },
    /// It is there and cannot be read.
    Unreadable {
        /// What the operating system says.
        error: String,
    },
    /// It is not a list of variables.
    Syntax {
        /// The line, from 1.
        line: usize,
        /// What is wrong there.
        message: String,
    },
}

/// What is wrong with a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretProblem {
    /// It has no value, and no variable has its name.
    Unset,
    /// It is set twice.
    Twice,
    /// `--secret-file` without `=`.
    NoPath,
    /// `--secret-file` names a file that cannot be read.
    Unreadable,
}

impl From<Stop> for Failure {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Undefined(flag) => Self::UnknownFlag { flag },
            Stop::Syntax(argument) => {
                let argument = argument.split('=').next().unwrap_or_default();
                let flag = argument.trim_start_matches('-').to_owned();
                Self::UnknownFlag { flag }
            }
            Stop::Boolean(flag) => Self::FlagNotBoolean { flag: flag.name },
            Stop::NoValue(flag) => Self::FlagWithoutValue { flag: flag.name },
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, problem } => problem.fmt_of(path, f),
            Self::VariableNotBoolean { name } => write!(f, "`{name}` is not a boolean"),
            Self::UnknownFlag { flag } => {
                write!(f, "`--{}` is not a flag", sanitize::line(flag.as_bytes()))
            }
            Self::FlagNotBoolean { flag } => {
                write!(f, "the value of `--{flag}` is not a boolean")
            }
            Self::FlagWithoutValue { flag } => write!(f, "`--{flag}` has no value"),
            Self::FlagTwice { flag, alias } => {
                write!(f, "both `--{flag}` and `-{alias}` are given")
            }
            Self::Conflict { one, other } => write!(f, "{one} cannot be used with {other}"),
            Self::SingleDash { argument } => write!(
                f,
                "`{}` has one dash: build arguments have two",
                sanitize::line(argument.as_bytes())
            ),
            Self::ArgumentWithoutValue { name } => write!(
                f,
                "the build argument `--{}` has no value",
                sanitize::line(name.as_bytes())
            ),
            Self::NoTarget => f.write_str("no target is given"),
            Self::ExtraArgument { position, target } => match target {
                Some(target) => write!(f, "`{target}` is a second target"),
                None => write!(f, "argument {position} is not a target or a build argument"),
            },
            Self::InvalidTarget { position } => write!(f, "argument {position} is not a target"),
            Self::Import { target } => write!(
                f,
                "`{target}` names an import, not a directory: a directory begins with `./`"
            ),
            Self::OutsideContainer { target } => write!(
                f,
                "`{target}` is not in the container that `earthly.sh` starts"
            ),
            Self::BuiltIn { name } => write!(f, "the build argument `{name}` is built in"),
            Self::UnsetVariable { list, number, name } => match name {
                Some(name) => write!(f, "`{list}` takes the variable `{name}`, which is not set"),
                None => write!(
                    f,
                    "item {number} of `{list}` has no value, and no variable has its name"
                ),
            },
            Self::Secret {
                list,
                number,
                problem,
            } => write!(f, "secret {number} of `{list}` {}", problem.text()),
            Self::Platforms => f.write_str("more than one platform is given"),
            Self::UnknownFeature { list } => write!(f, "`{list}` has an unknown feature"),
            Self::MaasDistribution => f.write_str(
                "`earthly.sh` builds `+maas-image` only if `OS_DISTRIBUTION` is `ubuntu`",
            ),
        }
    }
}

impl Failure {
    /// What to do about it, as an imperative.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::File { problem, .. } => problem.help(),
            Self::VariableNotBoolean { name } => {
                format!("set `{name}` to `true` or `false`, or unset it")
            }
            Self::UnknownFlag { .. } => {
                "put build arguments after the target: `+iso --NAME=VALUE`".into()
            }
            Self::FlagNotBoolean { flag } => format!("write `--{flag}` or `--{flag}=false`"),
            Self::FlagWithoutValue { .. } => {
                "give the flag a value, and put it before the target".into()
            }
            Self::FlagTwice { .. } | Self::Conflict { .. } => "keep one of the two".into(),
            Self::SingleDash { argument } => {
                let name = argument.trim_start_matches('-');
                format!("write `--{}=VALUE`", sanitize::line(name.as_bytes()))
            }
            Self::ArgumentWithoutValue { name } => {
                format!("write `--{}=VALUE`", sanitize::line(name.as_bytes()))
            }
            Self::NoTarget | Self::InvalidTarget { .. } => {
                "name a target with a plus sign before it, such as `+iso`".into()
            }
            Self::ExtraArgument { .. } => {
                "keep one target, and write build arguments as `--NAME=VALUE`".into()
            }
            Self::Import { target } => format!("write `./{target}`"),
            Self::OutsideContainer { .. } => {
                "start `earthly.sh` in the checkout, and name the target without a directory".into()
            }
            Self::BuiltIn { name } => format!("remove `{name}` from the build arguments"),
            Self::UnsetVariable { .. } => {
                "write each item as `NAME=VALUE`, without a comma in the value".into()
            }
            Self::Secret { .. } => {
                "give each secret once, as `NAME=VALUE` or as the name of a variable".into()
            }
            Self::Platforms => "give one platform".into(),
            Self::UnknownFeature { list } => format!("remove what `{list}` has, or correct it"),
            Self::MaasDistribution => "set `OS_DISTRIBUTION=ubuntu` in `.arg`".into(),
        }
    }
}

impl FileProblem {
    fn help(&self) -> String {
        match self {
            Self::Missing { named_by } => format!("create the file, or remove `{named_by}`"),
            Self::Unreadable { .. } => "make it a file that you can read".into(),
            Self::Syntax { line, .. } => {
                format!("write line {line} as `NAME=VALUE`, or remove it")
            }
        }
    }

    fn fmt_of(&self, path: &std::path::Path, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = sanitize::path(path);
        match self {
            Self::Missing { named_by } => {
                write!(f, "`{named_by}` names `{path}`, which does not exist")
            }
            Self::Unreadable { error } => write!(f, "`{path}` cannot be read: {error}"),
            Self::Syntax { line, message } => {
                write!(f, "`{path}` cannot be parsed: line {line}: {message}")
            }
        }
    }
}

impl SecretProblem {
    fn text(self) -> &'static str {
        match self {
            Self::Unset => "has no value, and no variable has its name",
            Self::Twice => "is set twice",
            Self::NoPath => "has no path",
            Self::Unreadable => "is a file that cannot be read",
        }
    }
}

impl std::error::Error for Failure {}
