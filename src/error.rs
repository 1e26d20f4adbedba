//! The error of a run: combines the stages' errors and assigns exit codes.
//!
//! The stages' own errors only hold data. This module alone assigns the exit code and the
//! messages, each in a separate match.

use crate::api_key::KeyError;
pub use crate::archive::ArchiveSubject;
use crate::archive::Refusal;
use crate::bundle::BundleRefusal;
use crate::canvos::CanvosError;
use crate::canvos::build::{BuildError, NoImage};
use crate::canvos::rehearsal::{RehearsalError, RehearsalVerdict};
use crate::diagnostic::{Diagnostic, Excerpt};
use crate::download::FetchError;
use crate::drift::Change;
use crate::edge_host::{HostError, HostName};
use crate::host_password::PasswordError;
use crate::lockfile::{LockfileError, Meanwhile, Outdated};
use crate::manifest::{Manifest, ManifestError};
use crate::palette::PaletteError;
use crate::registry::{PullError, RegistryError};
use crate::resolve::{ResolveError, Scope};
use crate::signing::SigningError;
use crate::util::digest::Digest;
use crate::util::file_lock::FileLockError;
use crate::util::path_error::PathError;

mod messages;

use std::path::PathBuf;
use std::time::Duration;

/// The exit code of the process (docs/reference.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// The command succeeded, or had nothing to do.
    Done = 0,
    /// Any other failure.
    Failed = 1,
    /// The command line or `profiles.toml` is wrong.
    Usage = 2,
    /// The state does not match the lock.
    Drift = 3,
    /// Palette, the registry or a host refused the credentials or their scope, or none were found.
    Key = 4,
    /// Palette, the registry or a host could not be reached or kept failing.
    Unreachable = 5,
    /// The archive was refused.
    Archive = 6,
}

impl Exit {
    /// Returns the number.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }

    /// Returns the severity. If several definitions failed, the gravest exit code is used: first
    /// errors that may put something wrong on a disk, then errors that a person must fix, then
    /// errors that may be temporary.
    #[must_use]
    pub fn severity(self) -> u8 {
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

/// Why a run failed.
#[derive(Debug)]
pub enum Error {
    /// The command line is wrong.
    Usage(Box<Diagnostic>),
    /// `profiles.toml` cannot be used.
    Manifest(ManifestError),
    /// A definition must be named; contains the names that exist.
    NameNeeded(Vec<String>),
    /// The definition does not exist.
    UnknownDefinition {
        /// The name that was given.
        name: String,
        /// The names that exist.
        known: Vec<String>,
    },
    /// Plain HTTP to another host.
    PlainHttp(String),
    /// `profiles.lock` cannot be used.
    Lockfile(LockfileError),
    /// `profiles.lock` does not exist, and `definition` must be locked.
    NoLock {
        /// The path of the missing file.
        path: PathBuf,
        /// The definition.
        definition: String,
    },
    /// A definition that must be locked is not; contains its name.
    NotLocked(String),
    /// The lock entry of a definition is outdated.
    Outdated {
        /// The definition.
        definition: String,
        /// The reason.
        why: Outdated,
        /// The place in `profiles.lock`.
        place: Option<Excerpt>,
    },
    /// A definition or its lock entry was changed while this run worked on it.
    ChangedMeanwhile {
        /// The definition.
        definition: String,
        /// What changed.
        how: Meanwhile,
    },
    /// No key was found.
    Key(KeyError),
    /// The call to Palette failed.
    Palette(PaletteError),
    /// Palette forbids the request in a definition's project.
    Scope(Scope),
    /// `profiles.toml` names things that do not exist or that do not fit together.
    Broken(Vec<Diagnostic>),
    /// Names are missing from incomplete lists of Palette.
    ListIncomplete(Vec<Diagnostic>),
    /// Profiles have newer versions.
    NewerVersions {
        /// `name@version` of each, printable.
        profiles: Vec<String>,
        /// The command that writes some of them; `None` if no command can.
        upgrade: Option<&'static str>,
    },
    /// The call to the registry failed.
    Registry(RegistryError),
    /// A host cannot be checked, or not be given the definition.
    Host {
        /// The host.
        host: HostName,
        /// The reason.
        error: Box<HostError>,
    },
    /// There is no password for hosts.
    HostPassword(PasswordError),
    /// Neither the registry nor Palette can provide the archive of a definition.
    NoSource {
        /// The definition.
        definition: String,
        /// Why the registry cannot.
        registry: RegistryError,
        /// Why Palette cannot.
        palette: Box<Error>,
    },
    /// The archive of a definition has the locked content and other bytes.
    NotTheLockedBytes {
        /// The definition.
        definition: String,
        /// The locked digest.
        locked: Digest,
        /// The digest of the archive.
        found: Digest,
    },
    /// A signature cannot be made or checked.
    Signing(SigningError),
    /// The archive is refused.
    Archive {
        /// The archive.
        of: ArchiveSubject,
        /// The reason.
        refusal: Refusal,
    },
    /// The content bundle is refused.
    Bundle {
        /// The file, printable.
        file: String,
        /// The reason.
        refusal: BundleRefusal,
    },
    /// `--offline` was used, but something has to be downloaded.
    Offline {
        /// The definition.
        definition: String,
        /// What is missing.
        lacks: &'static str,
    },
    /// The content of a cached archive does not match its name, and it cannot be downloaded
    /// again without a network.
    CacheDamaged(String),
    /// Palette's state differs from the lock.
    Drift {
        /// The definition.
        definition: String,
        /// The differences.
        changes: Vec<Change>,
        /// The place in `profiles.lock`.
        place: Option<Excerpt>,
    },
    /// Another run holds a file lock that this run needs.
    Busy {
        /// What is locked.
        what: &'static str,
        /// The name of the run that holds the lock.
        holder: String,
        /// How long this run waited.
        waited: Duration,
    },
    /// Definitions that were to be staged together share a checkout.
    SharedCheckout {
        /// The names of the definitions.
        definitions: Vec<String>,
        /// The checkout.
        checkout: PathBuf,
    },
    /// The CanvOS checkout cannot be used.
    Canvos(CanvosError),
    /// The staged files or an image are not as expected.
    Staged(Box<Diagnostic>),
    /// Input or output failed.
    Disk(PathError),
    /// No cache directory can be determined.
    NoCache,
    /// `init` found files that it would overwrite.
    Exists(Vec<String>),
    /// A question was cancelled with Esc or Ctrl-C.
    Stopped,
    /// A question could not be asked.
    Unasked(String),
    /// Palette lists no profile that edge hosts could have.
    NothingOffered {
        /// The name of the project; `None` for the tenant.
        project: Option<String>,
        /// The number of profiles of other kinds.
        seen: usize,
    },
    /// The build failed, or did not write an image.
    Build(BuildError),
    /// A rehearsal failed, or found what must not be built.
    Rehearsal(RehearsalError),
    /// Several definitions failed.
    Several(Vec<Error>),
}

impl Error {
    /// Returns the exit code.
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
            | Self::NewerVersions { .. }
            | Self::NotTheLockedBytes { .. }
            | Self::Staged(_)
            | Self::Canvos(
                CanvosError::Trapped(_) | CanvosError::Blocked { .. } | CanvosError::Foreign(_),
            ) => Exit::Drift,
            Self::Key(_) | Self::Scope(_) | Self::HostPassword(_) => Exit::Key,
            Self::Host { error, .. } => host_exit(error),
            Self::Palette(error) => palette_exit(error),
            Self::Registry(error) => registry_exit(error),
            Self::Signing(error) => signing_exit(error),
            Self::Build(error) => build_exit(error),
            Self::Rehearsal(error) => rehearsal_exit(error),
            Self::Offline { .. }
            | Self::CacheDamaged(_)
            | Self::ListIncomplete(_)
            | Self::NoSource { .. } => Exit::Unreachable,
            Self::Archive { .. } | Self::Bundle { .. } | Self::Canvos(CanvosError::Changed(_)) => {
                Exit::Archive
            }
            Self::Lockfile(LockfileError::Io(_))
            | Self::Canvos(CanvosError::Io(_) | CanvosError::PartialChange { .. })
            | Self::Disk(_)
            | Self::NoCache
            | Self::Busy { .. }
            | Self::Exists(_)
            | Self::Stopped
            | Self::Unasked(_) => Exit::Failed,
            Self::Several(errors) => errors
                .iter()
                .map(Self::exit)
                .max_by_key(|exit| exit.severity())
                .unwrap_or(Exit::Failed),
        }
    }
}

fn build_exit(error: &BuildError) -> Exit {
    match error {
        BuildError::Start { .. }
        | BuildError::Failed { .. }
        // The build failed, whatever exit code its wrapper returned.
        | BuildError::NoImage { why: NoImage::FailureHiddenByWrapper(_), .. } => Exit::Failed,
        BuildError::NoImage { .. } | BuildError::StagedFilesChanged(_) => Exit::Drift,
    }
}

fn rehearsal_exit(error: &RehearsalError) -> Exit {
    match error {
        RehearsalError::Refused(refused)
            if refused.judged.verdict != RehearsalVerdict::Unjudged =>
        {
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
        | PaletteError::InvalidField { .. }
        | PaletteError::Contradiction { .. } => Exit::Archive,
        PaletteError::NoCertificate => Exit::Usage,
    }
}

fn registry_exit(error: &RegistryError) -> Exit {
    match error {
        RegistryError::Refused { .. } | RegistryError::Credentials(_) => Exit::Key,
        RegistryError::Rejected { .. } | RegistryError::Setup(_) | RegistryError::NoThread(_) => {
            Exit::Failed
        }
        RegistryError::Lacks { .. }
        | RegistryError::KeptFailing { .. }
        | RegistryError::Unreachable { .. }
        | RegistryError::Tls { .. }
        | RegistryError::Redirect { .. } => Exit::Unreachable,
        RegistryError::OtherBytes { .. } | RegistryError::WrongAnswer { .. } => Exit::Archive,
        RegistryError::NoCertificate => Exit::Usage,
    }
}

fn signing_exit(error: &SigningError) -> Exit {
    match error {
        SigningError::CommandFailed { .. } | SigningError::Failed => Exit::Failed,
        _ => Exit::Usage,
    }
}

fn host_exit(error: &HostError) -> Exit {
    match error {
        HostError::LoginRefused { .. } | HostError::Forbidden(_) => Exit::Key,
        HostError::NotTried { is_refused, .. } => {
            if *is_refused {
                Exit::Key
            } else {
                Exit::Unreachable
            }
        }
        HostError::UnknownCertificate { .. }
        | HostError::Tls(_)
        | HostError::LoginFailed(_)
        | HostError::KeptFailing { .. }
        | HostError::Unreachable { .. } => Exit::Unreachable,
        HostError::NoCertificate | HostError::SignatureNeeded => Exit::Usage,
        HostError::Signing(failure) if failure.is_usage => Exit::Usage,
        HostError::Differs(_) | HostError::Empty(_) | HostError::Unproven(_) => Exit::Drift,
        HostError::Signing(_)
        | HostError::Rejected(_)
        | HostError::WrongAnswer { .. }
        | HostError::Setup(_)
        | HostError::NoThread(_)
        | HostError::File(_)
        | HostError::Stopped
        | HostError::NoUploads(_) => Exit::Failed,
    }
}

impl Error {
    /// Creates the error for a command line that is not valid.
    #[must_use]
    pub fn usage(diagnostic: Diagnostic) -> Self {
        Self::Usage(Box::new(diagnostic))
    }

    /// Creates the error for staged files or an image that are not as expected.
    #[must_use]
    pub fn staged(diagnostic: Diagnostic) -> Self {
        Self::Staged(Box::new(diagnostic))
    }

    /// Creates the error for a failure to fetch `definition` of `manifest`.
    #[must_use]
    pub fn fetching(manifest: &Manifest, definition: &str, error: FetchError) -> Self {
        match error {
            FetchError::Palette(error) => match manifest.definitions.get(definition) {
                Some(definition) => Scope::of(manifest.source(), definition, error)
                    .map_or_else(Self::Palette, Self::Scope),
                None => Self::Palette(error),
            },
            FetchError::Refused(refusal) => Self::Archive {
                of: ArchiveSubject::Definition(definition.to_owned()),
                refusal,
            },
            FetchError::Disk(error) => Self::Disk(error),
        }
    }

    /// Creates the error for a failure to pull the archive of `definition`.
    #[must_use]
    pub(crate) fn pulling(definition: &str, error: PullError) -> Self {
        match error {
            PullError::Registry(error) => Self::Registry(error),
            PullError::Refused(refusal) => Self::Archive {
                of: ArchiveSubject::Definition(definition.to_owned()),
                refusal,
            },
            PullError::Disk(error) => Self::Disk(error),
        }
    }

    /// Creates the error for a failure to lock `what`.
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

    /// Combines `errors` into a single error.
    #[must_use]
    pub fn all(errors: Vec<Self>) -> Option<Self> {
        // A problem of every definition, such as a refused key, is a single error.
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

impl From<PasswordError> for Error {
    fn from(error: PasswordError) -> Self {
        Self::HostPassword(error)
    }
}

impl From<RegistryError> for Error {
    fn from(error: RegistryError) -> Self {
        Self::Registry(error)
    }
}

impl From<SigningError> for Error {
    fn from(error: SigningError) -> Self {
        Self::Signing(error)
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
