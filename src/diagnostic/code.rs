//! The codes of messages: one for each kind of error and warning.
//!
//! Scripts compare them (`code` in JSON), so they stay while the sentences may change. Each
//! belongs to a topic, which `edgestage explain` has more about.

use super::Trap;
use crate::diagnostic::help_topic::HelpTopic;

macro_rules! codes {
    ($($topic:ident { $($(#[$doc:meta])* $code:ident = $token:literal,)* })*) => {
        /// What an error or a warning is about.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code {
            /// A trap.
            Trap(Trap),
            $($($(#[$doc])* $code,)*)*
        }

        impl Code {
            /// Every code but those of the traps, in the order of the topics.
            pub const ALL: &[Self] = &[$($(Self::$code,)*)*];

            /// The token in JSON, such as `key-refused`; the number of a trap.
            #[must_use]
            pub fn token(self) -> &'static str {
                match self {
                    Self::Trap(trap) => trap.code(),
                    $($(Self::$code => $token,)*)*
                }
            }

            /// The topic it belongs to; `None` for a trap, which has a section of its own.
            #[must_use]
            pub fn topic(self) -> Option<HelpTopic> {
                match self {
                    Self::Trap(_) => None,
                    $($(Self::$code => Some(HelpTopic::$topic),)*)*
                }
            }
        }
    };
}

codes! {
    CommandLine {
        /// Arguments that cannot be read.
        InvalidArguments = "invalid-arguments",
        /// Options that exclude each other, or the command.
        ConflictingOptions = "conflicting-options",
        /// A variable of the environment with a value that it cannot have.
        InvalidVariable = "invalid-variable",
        /// An address that cannot be Palette's, from an option or a variable.
        InvalidEndpoint = "invalid-endpoint",
        /// `--output` with several definitions.
        OutputOfSeveral = "output-of-several",
        /// `--output` names something that must not or cannot be written.
        UnusableOutput = "unusable-output",
        /// `cache clean --keep-locked` without a lock.
        NothingToKeep = "nothing-to-keep",
        /// A build target in the place of a definition.
        TargetNotDefinition = "target-not-definition",
        /// Several errors with codes of their own.
        Several = "several",
    }
    Definition {
        /// There are several definitions, and none was named.
        DefinitionNeeded = "definition-needed",
        /// A definition that profiles.toml does not have.
        UnknownDefinition = "unknown-definition",
    }
    Exists {
        /// Files that `init` would have to replace.
        AlreadyExists = "already-exists",
    }
    Questions {
        /// A question was answered with Esc or Ctrl-C.
        Cancelled = "cancelled",
        /// A question could not be asked.
        TerminalFailed = "terminal-failed",
    }
    Edit {
        /// The only definition, which cannot be removed.
        OnlyDefinition = "only-definition",
        /// Every profile of a definition, which cannot be removed one by one.
        LastProfiles = "last-profiles",
        /// A profile that the definition does not have.
        NotInDefinition = "profile-not-in-definition",
        /// A definition of the new name.
        DefinitionExists = "definition-exists",
        /// A name that no definition can have.
        InvalidDefinitionName = "invalid-definition-name",
        /// Something in profiles.toml that only an editor can change.
        NotEditable = "not-editable",
        /// The edit would leave a file that cannot be read.
        EditRefused = "edit-refused",
        /// `add` has made a definition.
        NewDefinition = "new-definition",
        /// A URL of another Palette than the one that is asked.
        OtherPalette = "other-palette",
    }
    Manifest {
        /// There is no profiles.toml.
        ManifestMissing = "manifest-missing",
        /// profiles.toml cannot be read.
        ManifestUnreadable = "manifest-unreadable",
        /// profiles.toml is not UTF-8.
        ManifestEncoding = "manifest-encoding",
        /// profiles.toml has a mistake, and the command works without it.
        ManifestUnused = "manifest-unused",
        /// There are more mistakes than are told.
        MoreMistakes = "more-mistakes",
        /// Several mistakes with codes of their own.
        InvalidManifest = "invalid-manifest",
        /// Not TOML.
        InvalidToml = "invalid-toml",
        /// Conflict markers of git.
        MergeConflict = "merge-conflict",
        /// A key or table that edgestage does not know.
        UnknownKey = "unknown-key",
        /// A value of the wrong type.
        WrongType = "wrong-type",
        /// A value of the right type that cannot be meant.
        InvalidValue = "invalid-value",
        /// A key that must be there.
        MissingKey = "missing-key",
        /// profiles.toml has no definition.
        NoDefinition = "no-definition",
        /// A definition without profiles.
        NoProfiles = "no-profiles",
        /// The same reference twice in one definition.
        DuplicateReference = "duplicate-reference",
        /// The same pack overridden twice.
        DuplicatePack = "duplicate-pack",
        /// Profiles of two projects in one definition.
        SeveralProjects = "several-projects",
        /// A values file that cannot be read.
        ValuesUnreadable = "values-unreadable",
    }
    Reference {
        /// Neither a uid, a URL nor `name@version`.
        InvalidReference = "invalid-reference",
    }
    Secret {
        /// An API key in profiles.toml.
        SecretInManifest = "secret-in-manifest",
    }
    Lookup {
        /// Palette has no such project, or does not show it.
        ProjectNotFound = "project-not-found",
        /// Several projects of one name.
        AmbiguousProject = "ambiguous-project",
        /// Palette has no such profile.
        ProfileNotFound = "profile-not-found",
        /// Several profiles of one name and version.
        AmbiguousProfile = "ambiguous-profile",
        /// A project without profiles that edge hosts could have.
        NoEdgeProfiles = "no-edge-profiles",
    }
    ListIncomplete {
        /// A name that is missing from a list shorter than its own count.
        ListIncomplete = "list-incomplete",
    }
    Rules {
        /// Several rules, each with a code of its own.
        RulesBroken = "rules-broken",
        /// `project` and the console URLs of a definition name two projects.
        ProjectMismatch = "project-mismatch",
        /// Two references to one profile.
        DuplicateProfile = "duplicate-profile",
        /// A profile that was never published.
        NotPublished = "not-published",
        /// A draft on top of what is published.
        UnpublishedDraft = "unpublished-draft",
        /// A profile for another cloud type.
        WrongCloudType = "wrong-cloud-type",
        /// A pack that Palette says is invalid.
        InvalidPack = "invalid-pack",
        /// A profile of another project than the definition's.
        OtherProject = "other-project",
        /// A profile of a project, and the definition names none.
        ProjectNeeded = "project-needed",
        /// An override of a pack that the profile does not have.
        NoSuchPack = "no-such-pack",
        /// Two profiles with infrastructure layers.
        SeveralInfrastructures = "several-infrastructures",
        /// No profile with infrastructure layers.
        NoInfrastructure = "no-infrastructure",
        /// One pack in two profiles.
        PackInTwoProfiles = "pack-in-two-profiles",
    }
    Key {
        /// There is no API key.
        KeyMissing = "key-missing",
        /// The file of the key cannot be read.
        KeyUnreadable = "key-unreadable",
        /// `api-key-command` failed.
        KeyCommandFailed = "key-command-failed",
        /// What was found cannot be a key.
        KeyMalformed = "key-malformed",
        /// Others may read the file of the key.
        KeyExposed = "key-exposed",
    }
    KeyRefused {
        /// HTTP 401.
        KeyRefused = "key-refused",
    }
    Forbidden {
        /// HTTP 403.
        Forbidden = "forbidden",
    }
    Rejected {
        /// Another HTTP 4xx.
        Rejected = "rejected",
    }
    Failing {
        /// HTTP 408, 429 or 5xx to the last attempt.
        KeptFailing = "kept-failing",
    }
    Unreachable {
        /// No answer.
        Unreachable = "unreachable",
        /// A connection that cannot even be set up.
        ConnectionSetup = "connection-setup",
        /// A variable for proxies that is not understood, or ignored.
        ProxyVariable = "proxy-variable",
    }
    PlainHttp {
        /// Plain HTTP to another host.
        PlainHttp = "plain-http",
    }
    Tls {
        /// A certificate or a protocol that is refused.
        TlsRefused = "tls-refused",
        /// `ca-cert` cannot be used.
        UnusableCaCert = "unusable-ca-cert",
    }
    Redirect {
        /// A redirect that is not followed.
        RedirectRefused = "redirect-refused",
    }
    Answer {
        /// Something else than Palette has answered.
        NotPalette = "not-palette",
        /// Palette's answer lacks what is needed, or contradicts itself.
        UnusableAnswer = "unusable-answer",
    }
    Archive {
        /// An archive that is refused.
        ArchiveRefused = "archive-refused",
        /// An archive without its last blocks.
        NoEndOfArchive = "no-end-of-archive",
        /// The archive lacks the directory of a profile.
        ProfileMissing = "profile-missing",
    }
    Lockfile {
        /// profiles.lock cannot be read.
        InvalidLockfile = "invalid-lockfile",
        /// profiles.lock was written by a newer edgestage.
        NewerLockfile = "newer-lockfile",
        /// git ignores profiles.lock.
        LockfileIgnored = "lockfile-ignored",
    }
    NotLocked {
        /// There is no profiles.lock.
        NoLockfile = "no-lockfile",
        /// A definition that is not in it.
        NotLocked = "not-locked",
    }
    Outdated {
        /// A lock entry that does not speak for its definition.
        Outdated = "outdated",
    }
    Drift {
        /// Palette has changed since the lock.
        Drift = "drift",
    }
    Offline {
        /// `--offline`, and something is missing.
        Offline = "offline",
    }
    Cache {
        /// There is no place for the cache.
        NoCacheDirectory = "no-cache-directory",
        /// A cached archive that is not what its name says.
        CacheDamaged = "cache-damaged",
        /// An archive that is not in the cache.
        NotCached = "not-cached",
    }
    Busy {
        /// Another run has what this one needs.
        Busy = "busy",
        /// No thread can be started: the limit of processes is reached.
        NoThread = "no-thread",
        /// Another run changed profiles.toml or profiles.lock while this one worked.
        ChangedMeanwhile = "changed-meanwhile",
        /// A file system without file locks.
        NoFileLocks = "no-file-locks",
    }
    Canvos {
        /// There is no CanvOS checkout.
        NoCheckout = "no-checkout",
        /// A directory that is not a CanvOS checkout.
        NotACheckout = "not-a-checkout",
        /// A target that the checkout does not have.
        NoSuchTarget = "no-such-target",
        /// Something in the place of a file or directory of ours.
        BlockedPath = "blocked-path",
        /// A file in the place of a staged one that edgestage did not stage.
        ForeignFile = "foreign-file",
        /// Several traps, each with a code of its own.
        Trapped = "trapped",
    }
    Staged {
        /// What is staged is not what is locked.
        StagedDiffers = "staged-differs",
        /// One of the two placements was changed, and the other could not be.
        MixedPair = "mixed-pair",
        /// A temporary file of a killed run would be in the image.
        StagedLeftover = "staged-leftover",
        /// Something is staged where nothing is expected.
        StagedUnexpected = "staged-unexpected",
    }
    Build {
        /// The build command failed.
        BuildFailed = "build-failed",
        /// The build command cannot be started.
        BuildNotStarted = "build-not-started",
        /// The build changed or removed what was staged.
        StagedChanged = "staged-changed",
        /// A rehearsal could not take place.
        RehearsalNotRun = "rehearsal-not-run",
        /// A rehearsal has found that the build would not do what is locked.
        RehearsalRefused = "rehearsal-refused",
        /// A rehearsal cannot tell what the build would do.
        RehearsalUnjudged = "rehearsal-unjudged",
        /// `check` forecasts something else than a rehearsal has found.
        ForecastDiffers = "forecast-differs",
        /// The copy of a rehearsal cannot be removed.
        RehearsalLeft = "rehearsal-left",
    }
    Image {
        /// There is no such image.
        ImageMissing = "image-missing",
        /// An image is not proved to hold what is locked.
        ImageDiffers = "image-differs",
    }
    Disk {
        /// A file or directory cannot be read or written.
        InputOutput = "input-output",
        /// Standard output cannot be written.
        OutputFailed = "output-failed",
    }
}

impl Code {
    /// The code with this token, but for traps.
    #[must_use]
    pub fn parse(token: &str) -> Option<Self> {
        let mut all = Self::ALL.iter().copied();
        all.find(|code| code.token() == token)
    }

    /// The trap, if it is one.
    #[must_use]
    pub fn trap(self) -> Option<Trap> {
        match self {
            Self::Trap(trap) => Some(trap),
            _ => None,
        }
    }

    /// What `edgestage explain` calls the section about it.
    #[must_use]
    pub fn section(self) -> &'static str {
        self.topic().map_or_else(|| self.token(), HelpTopic::name)
    }
}

impl From<Trap> for Code {
    fn from(trap: Trap) -> Self {
        Self::Trap(trap)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Code;
    use crate::diagnostic::Trap;

    #[test]
    fn every_token_is_kebab_case_and_of_one_code() {
        let names = Trap::ALL.iter().map(|trap| trap.name());
        let tokens = Code::ALL.iter().map(|code| code.token());
        let mut seen = BTreeSet::new();
        for token in names.chain(tokens) {
            assert!(seen.insert(token), "{token} twice");
            let plain = |c: char| c.is_ascii_lowercase() || c == '-';
            assert!(token.chars().all(plain), "{token}");
        }
        for code in Code::ALL {
            assert_eq!(Code::parse(code.token()), Some(*code));
        }
    }
}
