//! How a build is started, and where its build arguments come from.
//!
//! The input is the build command, the environment and a checkout. The output is an
//! [`Invocation`]: the program that runs, what it builds, whether it writes anything, why it
//! ends before it builds, and the build arguments with the origin of each, in the order in
//! which the programs themselves decide (canvos.md, T14 to T17, T20, T22, T38, T41). The rules
//! are those of Earthly v0.8.15, of EarthBuild's `earth`, and of CanvOS's `earthly.sh`, which
//! passes on less than one expects; [`read_as`] returns what another of the three programs
//! would do.
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
pub(super) use target::is_target_name;
pub use variables::VariableOrigin;
pub use wrapper::{Wrapper, swallows_failure};

use command::Command;
use evaluation::Evaluation;
use shell::Shell;

/// A build that is about to be started.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// The program and its arguments.
    pub argv: &'a [String],
    /// The environment of the program.
    pub environment: &'a Environment,
    /// The directory in which it is started: the checkout, unless the user builds by hand.
    pub directory: &'a Path,
    /// The checkout.
    pub checkout: &'a Path,
}

/// What a build would start with. See the module's documentation.
#[derive(Clone)]
pub struct Invocation {
    /// The program.
    pub program: Program,
    /// The target; `None` if it is not known, or if nothing is built.
    pub target: Option<Target>,
    /// Whether the build writes anything.
    pub export: Export,
    /// The first thing that ends the program before it builds. Anything after it was not read,
    /// so the build arguments are incomplete then.
    pub failure: Option<Failure>,
    /// The reasons why the rest is uncertain.
    pub unjudged: Vec<UnknownInvocation>,
    /// Whether `--allow-privileged` is set, which `+cloud-image` and others need.
    pub allow_privileged: bool,
    /// Whether `--strict` is set or implied.
    pub strict: bool,
    /// The features that are switched on in addition to those of the Earthfile's `VERSION`.
    pub features: Vec<String>,
    /// The wrapper script, if it is the program.
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
    /// The path of the file.
    pub path: std::path::PathBuf,
    /// The setting that names the file, if it is not `.arg` by default.
    pub named_by: Option<SettingOrigin>,
}

/// What a successful build writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Export {
    /// The files that the target saves locally.
    Writes,
    /// One artifact.
    Artifact {
        /// `+target/path`.
        artifact: String,
        /// The destination, relative to the working directory.
        destination: String,
    },
    /// Nothing: the contents of the output directory are from another build.
    Nothing(NoExport),
}

/// Why nothing is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoExport {
    /// The command is `--help`.
    Help,
    /// The command is `--version`.
    Version,
    /// A command other than `build`.
    Command(String),
    /// `--ci`, `--no-output` or `--image` is set, or a variable that stands for one of them.
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

/// Why a build is not fully understood. What is known remains valid.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnknownInvocation {
    /// The command is not one of the three programs. Its arguments are not known, nor is how it
    /// starts the build. The rest is what Earthly would do without arguments.
    Program(String),
    /// `earthly.sh` is missing, or is not CanvOS's.
    Wrapper,
    /// `earthly.sh` passes on a variable whose value is not known.
    WrapperVariable(String),
    /// `sudo` may drop the variables that set Earthly's flags.
    SudoEnvironment,
    /// `--auto-skip` may skip the build.
    AutoSkip,
    /// `--interactive` ends the build unless it runs in a terminal.
    Interactive,
    /// This flag changes what is written, in ways that are not known.
    Flag(&'static str),
    /// Features are set that not every CanvOS has anyway.
    Features,
}

impl fmt::Display for UnknownInvocation {
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

/// Determines how `call` starts a build.
#[must_use]
pub fn read(call: Call<'_>) -> Invocation {
    let command = command_of(call);
    Evaluation::run(call, command)
}

/// Determines what `program` would do if it were started in place of the program of `call`,
/// with the same arguments and variables.
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
    /// Returns the build argument `name` and its origin; `None` if nothing sets it, so that the
    /// Earthfile's default applies.
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

    /// Returns the variable `name` as `earthly.sh` has it after it has sourced `.arg`, for
    /// CanvOS's build arguments and `OS_DISTRIBUTION`: the script of `+maas-image` takes its
    /// values from there. It is known whatever the program is.
    #[must_use]
    pub fn shell_variable(&self, name: &str) -> Option<&ShellVariable> {
        self.shell.get(name)
    }

    /// Whether the build is `earthly.sh +maas-image`, with the target first. It runs Earthly
    /// for `+kairos-raw-image` without any of the other arguments, and then a script.
    #[must_use]
    pub fn is_maas(&self) -> bool {
        self.maas
    }
}

/// The name of the target that is a case of `earthly.sh`.
const MAAS: &str = "maas-image";

/// Shows only the names of the build arguments: their values may be secrets.
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
