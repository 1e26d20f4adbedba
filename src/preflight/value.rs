//! Which `CLUSTERCONFIG` counts: an argument of the build, then `EARTHLY_BUILD_ARGS`,
//! then `.arg` (canvos.md, T15 and T16).

use std::path::{Path, PathBuf};

use super::arg::{self, Arg, KEY};
use super::bash;
use crate::disk::PathError;
use crate::environment::Environment;

/// What a build is started with, besides the checkout.
#[derive(Clone, Copy)]
pub struct Start<'a> {
    /// Its environment.
    pub environment: &'a Environment,
    /// What stands behind `--`.
    pub arguments: &'a [String],
}

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The file of build arguments.
    File,
    /// `--CLUSTERCONFIG=…` or `--build-arg CLUSTERCONFIG=…`.
    Argument,
    /// `EARTHLY_BUILD_ARGS`.
    Variable,
}

impl Origin {
    /// For messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::File => "`.arg`",
            Self::Argument => "an argument of the build",
            Self::Variable => "`EARTHLY_BUILD_ARGS`",
        }
    }
}

/// Every value of `CLUSTERCONFIG` that somebody may see.
#[derive(Debug)]
pub struct Values {
    /// What Earthly takes, and where it comes from; `None` where nothing sets it.
    pub earthly: Option<(String, Origin)>,
    /// `ARCH`, as Earthly takes it.
    pub arch: Option<String>,
    /// Whether `IS_UKI` is true to Earthly.
    pub uki: bool,
    /// What the MAAS script sees: bash's reading of `.arg`, else the environment's.
    pub maas: bash::Value,
    /// The file of build arguments, where it is there.
    pub file: Option<Arg>,
    /// Another file that `EARTHLY_ARG_FILE_PATH` names.
    pub redirected: Option<PathBuf>,
    /// `.args`, which nobody reads, is there.
    pub misnamed: bool,
}

/// Finds the values for the checkout in `directory`.
///
/// # Errors
/// Files that are there and cannot be read.
pub fn read(directory: &Path, start: Start<'_>) -> Result<Values, PathError> {
    let redirected = start.environment.variable("EARTHLY_ARG_FILE_PATH");
    let redirected = redirected.map(|path| directory.join(path));
    let beside = directory.join(".arg");
    let file = arg::read(redirected.as_deref().unwrap_or(&beside), start.environment)?;
    let own = match &redirected {
        Some(_) => arg::read(&beside, start.environment)?,
        None => None,
    };
    let of_file = file.as_ref().and_then(|arg| arg.assignments.last());
    let earthly =
        of_start(start, KEY).or_else(|| of_file.map(|last| (last.value.clone(), Origin::File)));
    let in_file = |key| file.as_ref()?.value(key).map(str::to_owned);
    let started = |key| of_start(start, key).map(|(value, _)| value);
    let arch = started("ARCH").or_else(|| in_file("ARCH"));
    let uki = started("IS_UKI").or_else(|| in_file("IS_UKI"));
    // `earthly.sh` sources `.arg`, wherever Earthly is redirected to.
    let sourced = own
        .as_ref()
        .or(file.as_ref().filter(|_| redirected.is_none()));
    let maas = sourced.map_or_else(
        || {
            let value = start.environment.variable(KEY);
            value
                .map(|value| value.to_string_lossy().into_owned())
                .into()
        },
        |arg| arg.bash.clone(),
    );
    Ok(Values {
        earthly,
        arch,
        uki: uki.is_some_and(|value| value == "true"),
        maas,
        misnamed: file.is_none() && directory.join(".args").exists(),
        redirected,
        file,
    })
}

/// The value of `key` that the build is started with.
fn of_start(start: Start<'_>, key: &str) -> Option<(String, Origin)> {
    of_arguments(start.arguments, key)
        .map(|value| (value, Origin::Argument))
        .or_else(|| Some((of_variable(start.environment, key)?, Origin::Variable)))
}

/// `--KEY=v` behind the target, else `--build-arg KEY=v` before it.
fn of_arguments(arguments: &[String], key: &str) -> Option<String> {
    let target = arguments
        .iter()
        .position(|argument| argument.starts_with('+'));
    let (before, behind) = arguments.split_at(target.unwrap_or(arguments.len()));
    let flag = format!("--{key}");
    let direct = value_in(behind, |argument, next| {
        let rest = argument.strip_prefix(&flag)?;
        rest.strip_prefix('=').or(next.filter(|_| rest.is_empty()))
    });
    let build_arg = value_in(before, |argument, next| {
        let rest = argument.strip_prefix("--build-arg")?;
        let pair = rest
            .strip_prefix('=')
            .or(next.filter(|_| rest.is_empty()))?;
        pair.strip_prefix(key)?.strip_prefix('=')
    });
    direct.or(build_arg)
}

fn value_in<'a>(
    arguments: &'a [String],
    read: impl Fn(&'a str, Option<&'a str>) -> Option<&'a str>,
) -> Option<String> {
    let next = |at: usize| arguments.get(at + 1).map(String::as_str);
    let mut values = arguments
        .iter()
        .enumerate()
        .filter_map(|(at, argument)| read(argument, next(at)));
    let last = values.next_back();
    last.map(str::to_owned)
}

/// A list of `K=v`, with commas between.
fn of_variable(environment: &Environment, key: &str) -> Option<String> {
    let list = environment
        .variable("EARTHLY_BUILD_ARGS")?
        .to_string_lossy();
    let pairs = list.split(',');
    let mut values = pairs.filter_map(|pair| pair.trim().strip_prefix(key)?.strip_prefix('='));
    values.next_back().map(str::to_owned)
}
