//! Why a build program ends before it builds anything.
//!
//! Messages name files, lines, flags and variables, but never a value, because it may be a
//! secret.

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
        /// What is wrong with the file.
        problem: FileProblem,
    },
    /// A variable that sets a switch is not a boolean.
    VariableNotBoolean {
        /// The variable.
        name: String,
    },
    /// No flag has this name.
    UnknownFlag {
        /// The name, without dashes.
        flag: String,
    },
    /// A switch has a value that is not a boolean.
    FlagNotBoolean {
        /// The name, without dashes.
        flag: &'static str,
    },
    /// The last argument is a flag that takes a value.
    FlagWithoutValue {
        /// The name, without dashes.
        flag: &'static str,
    },
    /// A flag is given under both of its names, which Earthly refuses.
    FlagTwice {
        /// The name, without dashes.
        flag: &'static str,
        /// Its short name.
        alias: &'static str,
    },
    /// Two flags or settings that exclude each other.
    Conflict {
        /// The first of the two.
        one: &'static str,
        /// The second of the two.
        other: &'static str,
    },
    /// `-NAME=value` follows the target, which `earth` refuses.
    SingleDash {
        /// The argument up to its value.
        argument: String,
    },
    /// The last argument is `--NAME`.
    ArgumentWithoutValue {
        /// The name, without dashes.
        name: String,
    },
    /// The command line has neither a target nor an artifact.
    NoTarget,
    /// There is an argument in addition to the target that is not a `--NAME`.
    ExtraArgument {
        /// Its position among the program's arguments, from 1.
        position: usize,
        /// The argument, if it looks like a target: anything else may be a secret.
        target: Option<String>,
    },
    /// The program does not accept the target.
    InvalidTarget {
        /// Its position among the program's arguments, from 1.
        position: usize,
    },
    /// The target is `NAME+target`, and `NAME` is not a path: the program takes it for an
    /// import.
    Import {
        /// The target.
        target: String,
    },
    /// The target's directory is not in the container that `earthly.sh` starts.
    OutsideContainer {
        /// The target.
        target: String,
    },
    /// A build argument has a built-in name, which cannot be set.
    BuiltIn {
        /// The name.
        name: String,
    },
    /// An item of a list of build arguments has no value, and no variable has its name.
    UnsetVariable {
        /// The flag with its dashes, or the variable, that has the list.
        list: String,
        /// The position of the item, from 1.
        number: usize,
        /// The name, if CanvOS knows it. Other names may be part of a secret that has a comma
        /// in it.
        name: Option<&'static str>,
    },
    /// A secret has no value or is set twice, or its file does not exist.
    Secret {
        /// The flag with its dashes, or the variable, that has the list.
        list: String,
        /// The position of the item, from 1.
        number: usize,
        /// What is wrong with the secret.
        problem: SecretProblem,
    },
    /// More than one platform is given.
    Platforms,
    /// Neither program has the feature.
    UnknownFeature {
        /// The flag with its dashes, or the variable, that has the list.
        list: String,
    },
    /// `+maas-image` is built for a distribution other than Ubuntu.
    MaasDistribution,
}

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileProblem {
    /// The file does not exist, but a flag or variable names it.
    Missing {
        /// The flag with its dashes, or the variable.
        named_by: String,
    },
    /// The file exists and cannot be read.
    Unreadable {
        /// The error of the operating system.
        error: String,
    },
    /// The file is not a list of variables.
    Syntax {
        /// The line, counted from 1.
        line: usize,
        /// What is wrong there.
        message: String,
    },
}

/// What is wrong with a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretProblem {
    /// The secret has no value, and no variable has its name.
    Unset,
    /// The secret is set twice.
    Twice,
    /// `--secret-file` has no `=`.
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
    /// Returns what to do about the failure, as an imperative.
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
