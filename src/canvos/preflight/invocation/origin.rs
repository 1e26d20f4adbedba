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
        /// The flag, with its dashes.
        flag: &'static str,
    },
    /// An environment variable.
    Variable {
        /// The name of the variable.
        name: String,
        /// Where the variable was set.
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

/// Where the value of a build argument comes from, in order of precedence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A `--NAME=VALUE` after the target.
    Argument {
        /// The build argument.
        name: String,
    },
    /// An item of `--build-arg`, or of the variable that stands for it.
    List {
        /// The flag or the variable.
        list: SettingOrigin,
        /// Where the variable of the item's name was set, if the item has no value.
        variable: Option<VariableOrigin>,
    },
    /// The file of build arguments.
    ArgFile {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The setting that names the file, if it is not `.arg` by default.
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
