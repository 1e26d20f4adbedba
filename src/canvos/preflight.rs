//! Before the build: what each CanvOS target would embed, and why.
//!
//! In: a checkout and how a build is started. Out: a forecast for each target, and the
//! traps (canvos.md, 3) that would replace the definition, lose it, or are worth a word.
//! What a target does is read from the checkout's own files. Nothing is written, but by
//! [`fix_arg()`], which is asked for.

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
mod checks;
mod fix_arg;
mod forecast;
mod glob;
mod ignore;
pub mod invocation;
mod clusterconfig_checks;
mod invocation_checks;
mod rehearsed;
mod target;
mod wrapper;

pub use arg::{Arg, Assignment, parse as parse_arg, shown as shown_value};
pub use fix_arg::{FixError, fix_arg};
pub use forecast::Embeds;
pub use invocation::{Origin, Program};
pub use target::{Target, Via};
pub use wrapper::swallows_failure;

pub(super) use earthfile::{Added, EXPORTED, MARK, PREFIX, Unreducible, Why};
pub(super) use rehearsed::Rewritten;

use earthfile::{Earthfile, Recipe};
use ignore::{Found, Ignore};
use invocation::{Call, Invocation};

/// The line that is right for every target (canvos.md, 4).
pub const RIGHT: &str = "CLUSTERCONFIG=spc.tgz";

/// Whether the placements are taken as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assume {
    /// As they are.
    Present,
    /// As they will be when a definition is staged.
    Staged,
}

/// A trap that was found.
#[derive(Debug)]
pub struct Finding {
    /// The targets that would lose or exchange the definition.
    pub hits: Vec<Target>,
    diagnostic: Diagnostic,
}

impl Finding {
    /// The trap.
    #[must_use]
    pub fn trap(&self) -> Option<Trap> {
        self.diagnostic.code.trap()
    }

    /// In words, for somebody who builds `targets`: an error if one of them is hit and
    /// the finding is not among `allowed`.
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
            let names: Vec<String> = self
                .hits
                .iter()
                .map(|t| format!("`+{}`", t.name()))
                .collect();
            diagnostic = diagnostic.note(format!("this affects {}", names.join(", ")));
        }
        if hit && allowed {
            diagnostic = diagnostic.note("accepted: `--allow` has it");
        }
        diagnostic
    }
}

/// What a build is started with, besides the checkout.
#[derive(Clone, Copy)]
pub struct Start<'a> {
    /// Its environment.
    pub environment: &'a Environment,
    /// The command: the program and its arguments.
    pub argv: &'a [String],
}

/// A checkout, read for what its builds would do.
pub struct Preflight<'a> {
    directory: &'a Path,
    start: Start<'a>,
    invocation: Invocation,
    /// The file of build arguments that counts, if there is one.
    arg: Option<Arg>,
    earthfile: Earthfile,
    /// `None` if both ignore files are there.
    ignore: Option<Ignore>,
    /// What the Earthfile does for each target; `None` for one that it does not have.
    recipes: BTreeMap<Target, Option<Recipe>>,
}

impl<'a> Preflight<'a> {
    /// Reads the checkout in `directory`.
    ///
    /// # Errors
    /// Files that are there and cannot be read.
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

    /// The checkout.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory
    }

    /// The program that would build.
    #[must_use]
    pub fn program(&self) -> &Program {
        &self.invocation.program
    }

    /// The value of `CLUSTERCONFIG` that Earthly takes, and where it comes from.
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
