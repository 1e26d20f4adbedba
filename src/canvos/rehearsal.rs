//! Rehearses a build: runs only its copy steps with the user's own build program.
//!
//! Input: a checkout, the build command and its environment. Output: what arrived at the places
//! that the build copies a definition to, or the reason why this cannot be determined. The
//! program runs in a copy of the checkout with a reduced Earthfile
//! (`preflight::earthfile::reduce`); edgestage does not write to the checkout. It removes the
//! copy at the end of each rehearsal, also after an error. If a run is killed, the next rehearsal
//! removes its copy.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use super::build::BuildCommand;
use super::preflight::{
    Added, EXPORT_DIRECTORY, EXPORT_VARIABLE, Obstacle, Preflight, Reduced, Unreducible,
    marker_earthfile,
};
use crate::util::digest::Digest;
use crate::util::environment::Environment;
use crate::util::interrupt::Stoppable;
use crate::util::path_error::PathError;

mod failure;
mod mark;
pub(crate) mod messages;
mod program;
mod record;
mod checkout_copy;
mod outcome;
mod unseen;
mod verdict;

pub use checkout_copy::CheckoutCopy;
pub use record::{CopiedEntry, Record};
pub use verdict::{Locked, RehearsalResult, RehearsalVerdict};

use program::Run;
use unseen::Built;

/// A rehearsal to run.
pub struct Request<'a> {
    /// The preflight of the checkout.
    pub preflight: &'a Preflight<'a>,
    /// Variables that the program does not get.
    pub secrets: &'a [&'a str],
    /// Variables that the program gets in addition to those of the preflight.
    pub variables: &'a [(OsString, OsString)],
    /// The time limit for the program.
    pub timeout: Duration,
}

/// The outcome of a rehearsal.
#[derive(Debug)]
pub enum Outcome {
    /// The program succeeded, and these records describe what arrived.
    Copied(Vec<Record>),
    /// The program failed, and so will the build.
    Failed {
        /// The last lines that it printed.
        output: Vec<String>,
    },
    /// The program succeeded but wrote nothing.
    NoImage,
    /// The target never copies a definition.
    NotCarried,
    /// The rehearsal cannot determine what the image will contain.
    Inconclusive(Inconclusive),
}

/// Why a rehearsal cannot determine what the image will contain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inconclusive {
    /// A line of the Earthfile.
    Line {
        /// Its number, from 1.
        line: usize,
        /// Its text.
        text: String,
        /// Why it is an obstacle.
        why: Obstacle,
    },
    /// The second step of a MAAS image is a script of the checkout.
    Maas,
    /// The target is one of another directory or repository.
    Elsewhere(String),
    /// The build command is not known to run one of the programs, and did not run one here.
    Command(String),
    /// The command builds this target, and what that makes does not arrive in the copy.
    Unrecorded(String),
    /// The command exports an artifact that a reduced target does not have.
    Artifact(String),
    /// The command does not allow the build program to run commands on the host.
    Strict(String),
    /// The command builds this target of an Earthfile that is not the copy's.
    OtherEarthfile(String),
    /// The command writes to the checkout instead of to the copy.
    Checkout(String),
    /// The copy is not beside the checkout, and the build uses a path with `..`.
    Outside,
    /// This target does not run a tool that makes an ISO.
    NoTool(String),
    /// One image has different content at these places.
    Places(Vec<String>),
    /// The user cannot read this file; the container may be able to.
    Unreadable(String),
}

/// Why a rehearsal did not run, or what it refuses.
#[derive(Debug)]
pub enum RehearsalError {
    /// The program cannot be started.
    Start {
        /// The program.
        program: String,
        /// Why.
        error: std::io::Error,
    },
    /// The program did not end within the time limit.
    TimedOut {
        /// The program.
        program: String,
        /// For how long it ran.
        after: Duration,
        /// The last lines that it printed.
        output: Vec<String>,
    },
    /// The program could not run, for example without a daemon or base image.
    Unavailable {
        /// The program.
        program: String,
        /// The last lines that it printed.
        output: Vec<String>,
    },
    /// Input or output failed.
    Io(PathError),
    /// The build would not embed the locked definition.
    Refused(Box<Refused>),
}

/// What a build would do that it must not.
#[derive(Debug)]
pub struct Refused {
    /// The definition.
    pub definition: String,
    /// The target, without its plus sign.
    pub target: Option<String>,
    /// What it would do.
    pub judged: RehearsalResult,
    /// The last lines that a program printed that failed.
    pub output: Vec<String>,
    /// What the rehearsal was for.
    pub purpose: Purpose,
}

/// What a rehearsal is for; messages depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The result is what the user asked for.
    Report,
    /// The result decides whether the build starts.
    Build,
}

impl From<Refused> for RehearsalError {
    fn from(refused: Refused) -> Self {
        Self::Refused(Box::new(refused))
    }
}

impl From<PathError> for RehearsalError {
    fn from(error: PathError) -> Self {
        Self::Io(error)
    }
}

/// A rehearsal that was made.
#[derive(Debug)]
pub struct Rehearsal {
    /// What was found.
    pub outcome: Outcome,
    /// The target, without its plus sign; `None` if the command does not say it.
    pub target: Option<String>,
    /// What is known of a file that landed and is not staged: its path in the checkout.
    pub origins: BTreeMap<Digest, PathBuf>,
    /// The targets and functions of the Earthfile that were run, reduced.
    pub kept: Vec<String>,
    /// What could not be removed.
    pub left: Option<PathBuf>,
}

impl Request<'_> {
    /// Makes the rehearsal.
    ///
    /// # Errors
    /// [`RehearsalError`].
    pub fn run(&self) -> Result<Rehearsal, RehearsalError> {
        let target = self.preflight.target_name();
        let without = |outcome| Rehearsal {
            outcome,
            target: target.clone(),
            origins: BTreeMap::new(),
            kept: Vec::new(),
            left: None,
        };
        if self.preflight.is_maas() {
            return Ok(without(Outcome::Inconclusive(Inconclusive::Maas)));
        }
        if let Some(elsewhere) = self.preflight.built_elsewhere() {
            return Ok(without(Outcome::Inconclusive(Inconclusive::Elsewhere(
                elsewhere,
            ))));
        }
        let reduced = match self.preflight.reduced() {
            Ok(reduced) => reduced,
            // A program that asks for this target only says so better than anybody else.
            Err(Unreducible::NoTarget) if self.preflight.knows_program() => Reduced {
                text: self.preflight.earthfile_text().to_owned(),
                added: Added::NONE,
                kept: Vec::new(),
                unreducible: BTreeMap::new(),
                is_marked: false,
            },
            Err(why) => return Ok(without(self.outcome_without(&why))),
        };
        let Some(argv) = self.preflight.rehearsal_command() else {
            let why = Inconclusive::Elsewhere(target.clone().unwrap_or_default());
            return Ok(without(Outcome::Inconclusive(why)));
        };
        let checkout = self.preflight.directory();
        // Until the copy is gone, which it is before this ends the process.
        let stoppable = Stoppable::begin();
        let mut copy = CheckoutCopy::copy(checkout, &|| stoppable.came())?;
        if !copy.is_beside && self.preflight.names_parent() {
            return Ok(without(Outcome::Inconclusive(Inconclusive::Outside)));
        }
        copy.write("Earthfile", reduced.text.as_bytes())?;
        if reduced.is_marked {
            let text = marker_earthfile(&copy.name());
            copy.write(&format!("{EXPORT_DIRECTORY}/Earthfile"), text.as_bytes())?;
        }
        let run = Run {
            command: &BuildCommand { argv },
            directory: copy.path(),
            environment: &self.environment_of(&copy),
            secrets: self.secrets,
            timeout: self.timeout,
        };
        let built = Built::of(checkout);
        let ended = run.run(&stoppable);
        let is_elsewhere = Built::of(checkout) != built;
        let outcome = ended.and_then(|ended| self.outcome(ended, &copy, &reduced, is_elsewhere));
        let origins = match &outcome {
            Ok(Outcome::Copied(records)) => copy.origins(records),
            _ => BTreeMap::new(),
        };
        let left = (!copy.remove()).then(|| copy.path().to_owned());
        Ok(Rehearsal {
            outcome: outcome?,
            target,
            origins,
            kept: reduced.kept,
            left,
        })
    }

    fn program(&self) -> String {
        self.preflight.program_name().to_owned()
    }

    /// The environment of the build, without what would lead git or a program back into the
    /// checkout.
    fn environment_of(&self, copy: &CheckoutCopy) -> Environment {
        let mut environment = self.preflight.environment().clone();
        let variables = &mut environment.variables;
        for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "OLDPWD"] {
            variables.remove(std::ffi::OsStr::new(name));
        }
        // A repository above is not the checkout's.
        if let Some(parent) = copy.path().parent() {
            variables.insert("GIT_CEILING_DIRECTORIES".into(), parent.into());
        }
        variables.extend(self.variables.iter().cloned());
        variables.insert("PWD".into(), copy.path().into());
        // `earthly.sh` asks for this token if it is not set, and nothing here uses it.
        let token = variables.entry("UBUNTU_PRO_KEY".into());
        token.or_insert_with(|| "rehearsal".into());
        variables.insert("EDGESTAGE_REHEARSAL".into(), "1".into());
        let exported = copy.path().join(EXPORT_DIRECTORY);
        variables.insert(EXPORT_VARIABLE.into(), exported.into());
        environment
    }
}
