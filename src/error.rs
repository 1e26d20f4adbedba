//! Every way a run can fail: the stages' errors together, their exit codes, and what to
//! do about each.
//!
//! The stages' own errors hold data only. Here, and nowhere else, they get words, an
//! exit code and a help line, each in a match of its own.

use crate::api_key::KeyError;
use crate::archive::Refusal;
use crate::canvos::CanvosError;
use crate::canvos::build::{BuildError, NoImage};
use crate::canvos::rehearsal::{RehearsalError, Verdict};
use crate::diagnostic::{Code, Diagnostic, Excerpt, Trap};
use crate::download::FetchError;
use crate::drift::Change;
use crate::lockfile::{LockfileError, Meanwhile, Outdated};
use crate::manifest::{Manifest, ManifestError};
use crate::palette::PaletteError;
use crate::resolve::{ResolveError, Scope};
use crate::util::file_lock::FileLockError;
use crate::util::path_error::PathError;

mod messages;

use std::path::PathBuf;
use std::time::Duration;

/// What the process ends with (docs/reference.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// Done, or nothing to do.
    Done = 0,
    /// Any other failure.
    Failed = 1,
    /// The command line or `profiles.toml` is wrong.
    Usage = 2,
    /// What is there is not what the lock says.
    Drift = 3,
    /// Palette refused the key or its scope, or there is no key.
    Key = 4,
    /// Palette could not be reached or kept failing.
    Unreachable = 5,
    /// The archive was refused.
    Archive = 6,
}

impl Exit {
    /// The number.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }

    /// Where several definitions failed, the gravest decides: first what may put
    /// something wrong on a disk, then what a person must fix, then what may pass.
    #[must_use]
    pub fn gravity(self) -> u8 {
        match self {
            Self::Archive => 6,
            Self::Drift => 5,
            Self::Usage => 4,
            Self::Key => 3,
            Self::Failed => 2,
            Self::Unreachable => 1,
            Self::Done => 0,
        }
    }
}

/// An archive that was looked into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judged {
    /// That of a definition.
    Definition(String),
    /// A file that somebody named.
    File(String),
}

impl std::fmt::Display for Judged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Definition(name) => write!(f, "the archive of `{name}`"),
            Self::File(path) => write!(f, "`{path}`"),
        }
    }
}

/// Why a run failed.
#[derive(Debug)]
pub enum Error {
    /// The command line is wrong.
    Usage(Box<Diagnostic>),
    /// `profiles.toml` cannot be used.
    Manifest(ManifestError),
    /// A NAME is needed, and these are there.
    NameNeeded(Vec<String>),
    /// There is no such definition.
    UnknownDefinition {
        /// What was given.
        name: String,
        /// What is there.
        known: Vec<String>,
    },
    /// Plain HTTP to another host.
    PlainHttp(String),
    /// `profiles.lock` cannot be used.
    Lockfile(LockfileError),
    /// There is no `profiles.lock` at all, and `definition` must be locked.
    NoLock {
        /// Where it would be.
        path: PathBuf,
        /// The definition.
        definition: String,
    },
    /// A definition that must be locked is not.
    NotLocked(String),
    /// A definition whose lock is outdated.
    Outdated {
        /// The definition.
        definition: String,
        /// Why.
        why: Outdated,
        /// Where in `profiles.lock`.
        place: Option<Excerpt>,
    },
    /// A definition or its lock entry was changed while this run worked on it.
    ChangedMeanwhile {
        /// The definition.
        definition: String,
        /// How.
        how: Meanwhile,
    },
    /// There is no key.
    Key(KeyError),
    /// Palette did not answer as it should.
    Palette(PaletteError),
    /// Palette forbids what is asked in a definition's project.
    Scope(Scope),
    /// `profiles.toml` asks for what does not exist or does not fit together.
    Broken(Vec<Diagnostic>),
    /// Names that Palette's lists, which are not complete, do not have.
    ListIncomplete(Vec<Diagnostic>),
    /// The archive is refused.
    Archive {
        /// Which one.
        of: Judged,
        /// Why.
        refusal: Refusal,
    },
    /// `--offline`, and something would have to be fetched.
    Offline {
        /// The definition.
        definition: String,
        /// What it lacks.
        lacks: &'static str,
    },
    /// A cached archive is not what its name says, and there is no network to fix it.
    CacheDamaged(String),
    /// Palette has changed since the lock.
    Drift {
        /// The definition.
        definition: String,
        /// How.
        changes: Vec<Change>,
        /// Where in `profiles.lock`.
        place: Option<Excerpt>,
    },
    /// Another run has what this one needs, and keeps it.
    Busy {
        /// What it has.
        what: &'static str,
        /// Who it is.
        holder: String,
        /// How long it was waited for.
        waited: Duration,
    },
    /// Definitions that were to be staged together share a checkout.
    SharedCheckout {
        /// Their names.
        definitions: Vec<String>,
        /// The checkout.
        checkout: PathBuf,
    },
    /// The CanvOS checkout cannot be used.
    Canvos(CanvosError),
    /// What is staged is not what it should be.
    Staged {
        /// What is wrong.
        what: String,
        /// The command that fixes it.
        help: String,
        /// What it is about.
        code: Code,
        /// The trap that explains it, if one does.
        cause: Option<Trap>,
    },
    /// Input or output failed.
    Disk(PathError),
    /// No place for a cache.
    NoCache,
    /// `init` found these files.
    Exists(Vec<String>),
    /// A question was answered by Esc or Ctrl-C.
    Stopped,
    /// A question could not be asked.
    Unasked(String),
    /// Palette lists no profile that edge hosts could have.
    NothingOffered {
        /// The project's name; `None` for the tenant.
        project: Option<String>,
        /// How many profiles there are of other kinds.
        seen: usize,
    },
    /// The build failed, or wrote no image.
    Build(BuildError),
    /// A rehearsal failed, or found what must not be built.
    Rehearsal(RehearsalError),
    /// Several definitions failed.
    Several(Vec<Error>),
}

impl Error {
    /// The exit code.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Usage(_)
            | Self::Manifest(_)
            | Self::NameNeeded(_)
            | Self::UnknownDefinition { .. }
            | Self::PlainHttp(_)
            | Self::Broken(_)
            | Self::NothingOffered { .. }
            | Self::SharedCheckout { .. }
            | Self::Lockfile(LockfileError::Unreadable(_))
            | Self::Canvos(
                CanvosError::Missing(_)
                | CanvosError::NotACheckout(_)
                | CanvosError::NoTarget { .. },
            ) => Exit::Usage,
            Self::NoLock { .. }
            | Self::NotLocked(_)
            | Self::Outdated { .. }
            | Self::ChangedMeanwhile { .. }
            | Self::Drift { .. }
            | Self::Staged { .. }
            | Self::Canvos(
                CanvosError::Trapped(_) | CanvosError::Blocked { .. } | CanvosError::Foreign(_),
            ) => Exit::Drift,
            Self::Key(_) | Self::Scope(_) => Exit::Key,
            Self::Palette(error) => palette_exit(error),
            Self::Build(error) => build_exit(error),
            Self::Rehearsal(error) => rehearsal_exit(error),
            Self::Offline { .. } | Self::CacheDamaged(_) | Self::ListIncomplete(_) => {
                Exit::Unreachable
            }
            Self::Archive { .. } | Self::Canvos(CanvosError::Changed(_)) => Exit::Archive,
            Self::Lockfile(LockfileError::Io(_))
            | Self::Canvos(CanvosError::Io(_) | CanvosError::Mixed { .. })
            | Self::Disk(_)
            | Self::NoCache
            | Self::Busy { .. }
            | Self::Exists(_)
            | Self::Stopped
            | Self::Unasked(_) => Exit::Failed,
            Self::Several(errors) => errors
                .iter()
                .map(Self::exit)
                .max_by_key(|exit| exit.gravity())
                .unwrap_or(Exit::Failed),
        }
    }
}

fn build_exit(error: &BuildError) -> Exit {
    match error {
        BuildError::Start { .. }
        | BuildError::Failed { .. }
        // It failed, whatever its wrapper says.
        | BuildError::NoImage { why: NoImage::Swallowed(_), .. } => Exit::Failed,
        BuildError::NoImage { .. } | BuildError::Disturbed(_) => Exit::Drift,
    }
}

fn rehearsal_exit(error: &RehearsalError) -> Exit {
    match error {
        RehearsalError::Refused(refused) if refused.judged.verdict != Verdict::Unjudged => {
            Exit::Drift
        }
        _ => Exit::Failed,
    }
}

fn palette_exit(error: &PaletteError) -> Exit {
    match error {
        PaletteError::KeyRefused { .. } | PaletteError::Forbidden { .. } => Exit::Key,
        PaletteError::Rejected { .. } | PaletteError::Setup(_) | PaletteError::NoThread(_) => {
            Exit::Failed
        }
        PaletteError::KeptFailing { .. }
        | PaletteError::Unreachable { .. }
        | PaletteError::Tls { .. }
        | PaletteError::Redirect { .. } => Exit::Unreachable,
        PaletteError::NotJson { .. }
        | PaletteError::WrongAnswer { .. }
        | PaletteError::OddField { .. }
        | PaletteError::Contradiction { .. } => Exit::Archive,
        PaletteError::NoCertificate => Exit::Usage,
    }
}

impl Error {
    /// The error of fetching `definition` of `manifest`.
    #[must_use]
    pub fn fetching(manifest: &Manifest, definition: &str, error: FetchError) -> Self {
        match error {
            FetchError::Palette(error) => match manifest.definitions.get(definition) {
                Some(definition) => Scope::of(&manifest.source, definition, error)
                    .map_or_else(Self::Palette, Self::Scope),
                None => Self::Palette(error),
            },
            FetchError::Refused(refusal) => Self::Archive {
                of: Judged::Definition(definition.to_owned()),
                refusal,
            },
            FetchError::Disk(error) => Self::Disk(error),
        }
    }

    /// The error of waiting for `what`.
    #[must_use]
    pub fn holding(what: &'static str, error: FileLockError) -> Self {
        match error {
            FileLockError::Busy { holder, waited, .. } => Self::Busy {
                what,
                holder,
                waited,
            },
            FileLockError::Io(error) => Self::Disk(error),
        }
    }

    /// All of `errors` as one.
    #[must_use]
    pub fn all(errors: Vec<Self>) -> Option<Self> {
        // What is wrong for every definition, such as a refused key, is one error.
        let mut told: Vec<Diagnostic> = Vec::new();
        let mut distinct: Vec<Self> = Vec::new();
        for error in errors {
            let mut diagnostics = error.diagnostics();
            diagnostics.retain(|new| !told.iter().any(|old| old.says_the_same(new)));
            if !diagnostics.is_empty() {
                told.extend(diagnostics);
                distinct.push(error);
            }
        }
        if distinct.len() > 1 {
            return Some(Self::Several(distinct));
        }
        distinct.pop()
    }
}

impl From<ManifestError> for Error {
    fn from(error: ManifestError) -> Self {
        Self::Manifest(error)
    }
}

impl From<LockfileError> for Error {
    fn from(error: LockfileError) -> Self {
        Self::Lockfile(error)
    }
}

impl From<KeyError> for Error {
    fn from(error: KeyError) -> Self {
        Self::Key(error)
    }
}

impl From<PaletteError> for Error {
    fn from(error: PaletteError) -> Self {
        Self::Palette(error)
    }
}

impl From<ResolveError> for Error {
    fn from(error: ResolveError) -> Self {
        match error {
            ResolveError::Palette(error) => Self::Palette(error),
            ResolveError::Scope(scope) => Self::Scope(scope),
            ResolveError::Broken(list) => Self::Broken(list),
            ResolveError::Lookup { broken, incomplete } => match (&broken[..], &incomplete[..]) {
                (_, []) => Self::Broken(broken),
                ([], _) => Self::ListIncomplete(incomplete),
                _ => Self::Several(vec![Self::Broken(broken), Self::ListIncomplete(incomplete)]),
            },
        }
    }
}

impl From<CanvosError> for Error {
    fn from(error: CanvosError) -> Self {
        Self::Canvos(error)
    }
}

impl From<BuildError> for Error {
    fn from(error: BuildError) -> Self {
        Self::Build(error)
    }
}

impl From<RehearsalError> for Error {
    fn from(error: RehearsalError) -> Self {
        Self::Rehearsal(error)
    }
}

impl From<PathError> for Error {
    fn from(error: PathError) -> Self {
        Self::Disk(error)
    }
}
