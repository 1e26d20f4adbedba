//! Where a setting and the value of a build argument come from, for messages.

use std::fmt;
use std::path::PathBuf;

use super::variables::VariableOrigin;
use crate::util::sanitize;

/// What sets a flag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingOrigin {
    /// The flag on the command line.
    Flag {
        /// With dashes.
        flag: &'static str,
    },
    /// An environment variable.
    Variable {
        /// Its name.
        name: String,
        /// Where it was set.
        origin: VariableOrigin,
    },
}

impl fmt::Display for SettingOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag { flag } => write!(f, "`{flag}`"),
            Self::Variable { name, origin } => match origin {
                VariableOrigin::Environment => write!(f, "`{name}`"),
                _ => write!(f, "`{name}` of {origin}"),
            },
        }
    }
}

/// Where the value of a build argument comes from, the strongest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// `--NAME=VALUE` behind the target.
    Argument {
        /// The build argument.
        name: String,
    },
    /// An item of `--build-arg`, or of the variable that stands for it.
    List {
        /// The flag or the variable.
        list: SettingOrigin,
        /// For an item without a value: where the variable of its name was set.
        variable: Option<VariableOrigin>,
    },
    /// The file of build arguments.
    ArgFile {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What names the file, if it is not `.arg` by default.
        named_by: Option<SettingOrigin>,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Argument { name } => {
                write!(
                    f,
                    "`--{}` of the build command",
                    sanitize::line(name.as_bytes())
                )
            }
            Self::List { list, variable } => {
                list.fmt(f)?;
                match variable {
                    Some(origin) => write!(f, ", which takes the variable of {origin}"),
                    None => Ok(()),
                }
            }
            Self::ArgFile {
                path,
                line,
                named_by,
            } => {
                write!(f, "line {line} of `{}`", sanitize::path(path))?;
                match named_by {
                    Some(setting) => write!(f, ", which {setting} names"),
                    None => Ok(()),
                }
            }
        }
    }
}
