//! Before the build: what each CanvOS target would embed, and why.
//!
//! The input is a checkout and the way in which a build is started. The output is a forecast
//! for each target, and the traps (canvos.md, 3) that would replace the definition, lose it, or
//! deserve a warning. What a target does is read from the checkout's own files. Nothing is
//! written, except by [`fix_arg()`] on request.

use std::collections::BTreeMap;
use std::path::Path;

use crate::diagnostic::{Diagnostic, Severity, Trap};
use crate::util::environment::Environment;
use crate::util::path_error::PathError;

mod arg;
pub mod bash;
mod copy;
pub mod dotenv;
mod earthfile;
mod bundle_checks;
mod checks;
mod fix_arg;
mod forecast;
mod glob;
mod ignore;
pub mod invocation;
mod clusterconfig_checks;
mod invocation_checks;
mod messages;
mod rehearsal_command;
mod signing_key_checks;
mod target;

pub use arg::{Arg, Assignment, parse as parse_arg, shown as shown_value};
pub use bundle_checks::UnreadBundle;
pub use fix_arg::{FixError, fix_arg};
pub use forecast::Embeds;
pub use invocation::{Origin, Program};
pub(crate) use messages::accepted;
pub use target::{Target, Via};

pub use earthfile::Obstacle;
pub(super) use earthfile::{
    Added, ERROR_MARKER, EXPORT_DIRECTORY, EXPORT_VARIABLE, MARK_PREFIX, RECORD_PREFIX, Reduced,
    Unreducible, marker_earthfile,
};

use earthfile::{Earthfile, Recipe};
use ignore::{Found, Ignore};
use invocation::{Call, Invocation};

/// The line of `.arg` that is right for every target (canvos.md, 4).
pub const RIGHT: &str = "CLUSTERCONFIG=spc.tgz";

/// Which state of the placements a forecast assumes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assume {
    /// The placements as they are.
    Present,
    /// The placements as they will be after a definition is staged.
    Staged,
}

/// A trap that was found.
#[derive(Debug)]
pub struct Finding {
    /// The targets that would lose the definition, or embed another one.
    pub hits: Vec<Target>,
    diagnostic: Diagnostic,
}

impl Finding {
    /// Returns a finding that affects no target, or none yet.
    fn without_hits(diagnostic: Diagnostic) -> Self {
        Self {
            hits: Vec::new(),
            diagnostic,
        }
    }

    /// Returns the trap.
    #[must_use]
    pub fn trap(&self) -> Option<Trap> {
        self.diagnostic.code.trap()
    }

    /// Describes the finding for somebody who builds `targets`: as an error if it affects one
    /// of them and its trap is not among `allowed`, else as a warning.
    #[must_use]
    pub fn told(&self, targets: &[Target], allowed: &[Trap]) -> Diagnostic {
        let mut diagnostic = self.diagnostic.clone();
        let hit = self.hits.iter().any(|hit| targets.contains(hit));
        let allowed = self.trap().is_some_and(|trap| allowed.contains(&trap));
        diagnostic.severity = match (hit, allowed) {
            (true, false) => Severity::Error,
            _ => Severity::Warning,
        };
        if !self.hits.is_empty() {
            diagnostic = messages::affecting(diagnostic, &self.hits);
        }
        if hit && allowed {
            diagnostic = messages::accepted(diagnostic);
        }
        diagnostic
    }
}

/// How a build is started, apart from the checkout.
#[derive(Clone, Copy)]
pub struct Start<'a> {
    /// The environment of the build.
    pub environment: &'a Environment,
    /// The build command: the program and its arguments.
    pub argv: &'a [String],
}

/// What a checkout's builds would do, read from its files.
pub struct Preflight<'a> {
    directory: &'a Path,
    start: Start<'a>,
    invocation: Invocation,
    /// The file of build arguments that is in effect, if there is one.
    arg: Option<Arg>,
    earthfile: Earthfile,
    /// The ignore rules; `None` if both ignore files exist.
    ignore: Option<Ignore>,
    /// What the Earthfile does for each target; `None` for a target that it does not have.
    recipes: BTreeMap<Target, Option<Recipe>>,
}

impl<'a> Preflight<'a> {
    /// Reads the checkout in `directory`.
    ///
    /// # Errors
    /// Fails if a file exists and cannot be read.
    pub fn read(directory: &'a Path, start: Start<'a>) -> Result<Self, PathError> {
        let invocation = invocation::read(call(directory, start));
        let arg = match &invocation.arg_file {
            Some(file) => arg::read(&file.path, start.environment)?,
            None => arg::read(&directory.join(".arg"), start.environment)?,
        };
        let earthfile = earthfile::read(directory)?;
        let recipe = |target| (target, forecast::recipe(&earthfile, &invocation, target));
        Ok(Self {
            directory,
            start,
            arg,
            recipes: Target::ALL.into_iter().map(recipe).collect(),
            invocation,
            earthfile,
            ignore: match ignore::read(directory)? {
                Found::Rules(ignore) => Some(ignore),
                Found::Both => None,
            },
        })
    }

    /// Returns the checkout's directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory
    }

    /// Returns the program that would build.
    #[must_use]
    pub fn program(&self) -> &Program {
        &self.invocation.program
    }

    /// Returns the value of `CLUSTERCONFIG` that Earthly uses, and where it comes from.
    #[must_use]
    pub fn clusterconfig(&self) -> Option<(&str, &Origin)> {
        self.invocation.argument(arg::KEY)
    }

    fn call(&self) -> Call<'a> {
        call(self.directory, self.start)
    }
}

fn call<'a>(directory: &'a Path, start: Start<'a>) -> Call<'a> {
    Call {
        argv: start.argv,
        environment: start.environment,
        directory,
        checkout: directory,
    }
}
