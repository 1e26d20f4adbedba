//! How a build is started, and where its build arguments come from.
//!
//! In: the build command, the environment and a checkout. Out: an [`Invocation`]: which
//! program runs, what it builds, whether it writes anything, why it ends before it builds,
//! and the build arguments with where each comes from, in the order in which the programs
//! themselves decide (canvos.md, T14 to T17, T20, T22, T38, T41). The rules are those of
//! Earthly v0.8.15, of EarthBuild's `earth`, and of CanvOS's `earthly.sh`, which passes on
//! less than one expects; [`read_as`] tells what another of the three would do.
//!
//! Nothing is run and nothing is written. Files that cannot be read end the build as they
//! end the program's. Values of build arguments, variables and secrets are in no `Debug` or
//! `Display`; only [`Invocation::argument`] and [`Invocation::shell_variable`] hand them out.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use crate::util::environment::Environment;

mod build_args;
mod command;
mod container;
mod earth_flags;
mod earthly_flags;
mod evaluation;
mod failure;
mod features;
mod files;
mod flag_set;
mod flags;
mod launch;
mod origin;
mod program;
mod shell;
mod target;
mod variables;
mod wrapper;

#[cfg(test)]
mod tests;

pub use failure::{Failure, FileProblem, SecretProblem};
pub use origin::{Origin, SettingOrigin};
pub use program::Program;
pub use shell::ShellVariable;
pub use target::Target;
pub use variables::VariableOrigin;
pub use wrapper::{Wrapper, swallows_failure};

use command::Command;
use evaluation::Evaluation;
use shell::Shell;

/// A build that is about to be started.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// Program and arguments.
    pub argv: &'a [String],
    /// The environment of the program.
    pub environment: &'a Environment,
    /// The directory that it is started in; the checkout, unless the user builds by hand.
    pub directory: &'a Path,
    /// The checkout.
    pub checkout: &'a Path,
}

/// What a build would start with. See the module.
#[derive(Clone)]
pub struct Invocation {
    /// The program.
    pub program: Program,
    /// What it builds; `None` if that is not known, or if it builds nothing.
    pub target: Option<Target>,
    /// Whether it writes anything.
    pub export: Export,
    /// The first thing that ends the program before it builds. What comes after it was not
    /// read: the build arguments are incomplete then.
    pub failure: Option<Failure>,
    /// Why the rest is not certain.
    pub unjudged: Vec<Unjudged>,
    /// Whether `--allow-privileged` is set, which `+cloud-image` and others need.
    pub allow_privileged: bool,
    /// Whether `--strict` is set or implied.
    pub strict: bool,
    /// Features that are switched on besides those of the Earthfile's `VERSION`.
    pub features: Vec<String>,
    /// The script, if it is the program.
    pub wrapper: Option<Wrapper>,
    /// The file of build arguments that is read; `None` if there is none.
    pub arg_file: Option<ArgFile>,
    arguments: BTreeMap<String, (String, Origin)>,
    shell: Shell,
    maas: bool,
}

/// The file of build arguments that a build reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArgFile {
    /// The file.
    pub path: std::path::PathBuf,
    /// What names it, if it is not `.arg` by default.
    pub named_by: Option<SettingOrigin>,
}

/// What a build that succeeds leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Export {
    /// What the target saves locally.
    Writes,
    /// One artifact.
    Artifact {
        /// `+target/path`.
        artifact: String,
        /// Where it is put, relative to the working directory.
        destination: String,
    },
    /// Nothing: what is in the output directory is from another build.
    Nothing(NoExport),
}

/// Why nothing is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoExport {
    /// `--help`.
    Help,
    /// `--version`.
    Version,
    /// A command other than `build`.
    Command(String),
    /// `--ci`, `--no-output` or `--image`, or a variable that stands for one.
    Setting(SettingOrigin),
}

impl fmt::Display for NoExport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Help => f.write_str("`--help` shows help only"),
            Self::Version => f.write_str("`--version` shows the version only"),
            Self::Command(name) => write!(f, "the command `{name}` does not build"),
            Self::Setting(origin) => write!(f, "{origin} turns off the output of images"),
        }
    }
}

/// Why a build is not wholly understood. What is known holds all the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unjudged {
    /// The command is not one of the three programs: its arguments, and how it starts the
    /// build, are not known. The rest is told as if it ran Earthly without arguments.
    Program(String),
    /// `earthly.sh` is missing, or is not CanvOS's.
    Wrapper,
    /// `earthly.sh` passes on a variable with a value that is not known.
    WrapperVariable(String),
    /// `sudo` may drop the variables that set Earthly's flags.
    SudoEnvironment,
    /// `--auto-skip` may skip the build.
    AutoSkip,
    /// `--interactive` ends the build unless it runs in a terminal.
    Interactive,
    /// A flag that changes what is written in ways that are not known.
    Flag(&'static str),
    /// Features beyond those that every CanvOS has anyway.
    Features,
}

impl fmt::Display for Unjudged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Program(name) => write!(
                f,
                "edgestage does not know what `{name}` passes to the build"
            ),
            Self::Wrapper => f.write_str("`earthly.sh` is not the script of CanvOS"),
            Self::WrapperVariable(name) => {
                write!(
                    f,
                    "edgestage does not know the value of `{name}` that `earthly.sh` passes on"
                )
            }
            Self::SudoEnvironment => {
                f.write_str("`sudo` without `-E` may or may not pass on the variables of Earthly")
            }
            Self::AutoSkip => f.write_str("`--auto-skip` may skip the build"),
            Self::Interactive => f.write_str("`--interactive` needs a terminal"),
            Self::Flag(flag) => write!(f, "`{flag}` changes what the build writes"),
            Self::Features => f.write_str("features of the Earthfile are overridden"),
        }
    }
}

/// Reads how `call` starts a build.
#[must_use]
pub fn read(call: Call<'_>) -> Invocation {
    let command = command_of(call);
    Evaluation::run(call, command)
}

/// Reads what `program` would do if it were started in place of the one of `call`, with the
/// same arguments and variables.
#[must_use]
pub fn read_as(program: &Program, call: Call<'_>) -> Invocation {
    let mut command = command_of(call);
    if command.program != *program {
        command.program = program.clone();
        command.file = Some(call.checkout.join("earthly.sh"));
    }
    Evaluation::run(call, command)
}

fn command_of(call: Call<'_>) -> Command {
    Command::read(call.argv, call.environment, call.directory.to_owned())
}

impl Invocation {
    /// The build argument `name` and where it comes from; `None` if nothing sets it, so that
    /// the Earthfile's default counts.
    #[must_use]
    pub fn argument(&self, name: &str) -> Option<(&str, &Origin)> {
        let (value, origin) = self.arguments.get(name)?;
        Some((value, origin))
    }

    /// Whether `other` starts a build with the same build arguments, or ends as early.
    #[must_use]
    pub fn does_the_same(&self, other: &Self) -> bool {
        let values = |it: &Self| -> Vec<(String, String)> {
            let arguments = it.arguments.iter();
            let pairs = arguments.map(|(name, (value, _))| (name.clone(), value.clone()));
            pairs.collect()
        };
        self.failure.is_none() == other.failure.is_none()
            && (self.failure.is_some() || values(self) == values(other))
    }

    /// The variable `name` as `earthly.sh` has it after it has sourced `.arg`, for CanvOS's
    /// build arguments and `OS_DISTRIBUTION`: the script of `+maas-image` takes its values
    /// from there. It is known whatever the program is.
    #[must_use]
    pub fn shell_variable(&self, name: &str) -> Option<&ShellVariable> {
        self.shell.get(name)
    }

    /// Whether the build is `earthly.sh +maas-image`, the target first, which runs Earthly for
    /// `+kairos-raw-image` without any of the other arguments, and then a script.
    #[must_use]
    pub fn is_maas(&self) -> bool {
        self.maas
    }
}

/// The target that is a case of `earthly.sh`.
const MAAS: &str = "maas-image";

/// The names of the build arguments only: their values may be secrets.
impl fmt::Debug for Invocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invocation")
            .field("program", &self.program)
            .field("target", &self.target)
            .field("export", &self.export)
            .field("failure", &self.failure)
            .field("unjudged", &self.unjudged)
            .field("arguments", &self.arguments.keys())
            .finish_non_exhaustive()
    }
}
