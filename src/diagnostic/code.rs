//! The codes of messages: one for each kind of error and warning.
//!
//! Scripts compare codes (`code` in JSON), so codes stay the same even if the wording of a
//! message changes. Each code belongs to a topic that `edgestage explain` describes.

use super::Trap;
use crate::diagnostic::help_topic::HelpTopic;

macro_rules! codes {
    ($($topic:ident { $($(#[$doc:meta])* $code:ident = $token:literal,)* })*) => {
        /// The code of an error or a warning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code {
            /// A trap.
            Trap(Trap),
            $($($(#[$doc])* $code,)*)*
        }

        impl Code {
            /// Every code except those of the traps, in the order of the topics.
            pub const ALL: &[Self] = &[$($(Self::$code,)*)*];

            /// Returns the token in JSON, such as `key-refused`, or the number of a trap.
            #[must_use]
            pub fn token(self) -> &'static str {
                match self {
                    Self::Trap(trap) => trap.code(),
                    $($(Self::$code => $token,)*)*
                }
            }

            /// Returns the topic that the code belongs to, or `None` for a trap, which has its
            /// own section.
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
        /// The command-line arguments cannot be parsed.
        InvalidArguments = "invalid-arguments",
        /// Options that conflict with each other or with the command.
        ConflictingOptions = "conflicting-options",
        /// An environment variable has an invalid value.
        InvalidVariable = "invalid-variable",
        /// An option or a variable holds an address that cannot be Palette's.
        InvalidEndpoint = "invalid-endpoint",
        /// `--output` was used with several definitions.
        OutputOfSeveral = "output-of-several",
        /// `--output` names a path that must not or cannot be written.
        UnusableOutput = "unusable-output",
        /// `cache clean --keep-locked` was used without a lock.
        NothingToKeep = "nothing-to-keep",
        /// A build target was given instead of a definition.
        TargetNotDefinition = "target-not-definition",
        /// Several errors, each with its own code.
        Several = "several",
    }
    Definition {
        /// There are several definitions, but none was named.
        DefinitionNeeded = "definition-needed",
        /// The definition is not in profiles.toml.
        UnknownDefinition = "unknown-definition",
    }
    Exists {
        /// `init` would have to replace existing files.
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
        /// Every profile of a definition was to be removed, which would leave it empty.
        LastProfiles = "last-profiles",
        /// The definition does not contain the profile.
        NotInDefinition = "profile-not-in-definition",
        /// A definition with the new name already exists.
        DefinitionExists = "definition-exists",
        /// An invalid definition name.
        InvalidDefinitionName = "invalid-definition-name",
        /// A part of profiles.toml that edgestage cannot edit.
        NotEditable = "not-editable",
        /// `add` has created a definition.
        NewDefinition = "new-definition",
        /// A URL of a Palette other than the configured one.
        OtherPalette = "other-palette",
    }
    Manifest {
        /// There is no profiles.toml.
        ManifestMissing = "manifest-missing",
        /// profiles.toml cannot be read.
        ManifestUnreadable = "manifest-unreadable",
        /// profiles.toml is not UTF-8.
        ManifestEncoding = "manifest-encoding",
        /// profiles.toml has a mistake, but the command does not need the file.
        ManifestUnused = "manifest-unused",
        /// There are more mistakes than the message lists.
        MoreMistakes = "more-mistakes",
        /// Several mistakes, each with its own code.
        InvalidManifest = "invalid-manifest",
        /// The file is not valid TOML.
        InvalidToml = "invalid-toml",
        /// The file contains unresolved merge conflict markers of git.
        MergeConflict = "merge-conflict",
        /// A key or table that edgestage does not know.
        UnknownKey = "unknown-key",
        /// A value of the wrong type.
        WrongType = "wrong-type",
        /// A value of the right type that is not valid.
        InvalidValue = "invalid-value",
        /// A required key is missing.
        MissingKey = "missing-key",
        /// profiles.toml does not contain a definition.
        NoDefinition = "no-definition",
        /// A definition without profiles.
        NoProfiles = "no-profiles",
        /// A reference occurs twice in a definition.
        DuplicateReference = "duplicate-reference",
        /// A pack is overridden twice.
        DuplicatePack = "duplicate-pack",
        /// The profiles of a definition belong to different projects.
        SeveralProjects = "several-projects",
        /// A values file that cannot be read.
        ValuesUnreadable = "values-unreadable",
    }
    Reference {
        /// A reference that is neither a uid, a URL nor `name@version`.
        InvalidReference = "invalid-reference",
    }
    Secret {
        /// An API key in profiles.toml.
        SecretInManifest = "secret-in-manifest",
    }
    Lookup {
        /// The project does not exist in Palette, or the key cannot see it.
        ProjectNotFound = "project-not-found",
        /// Several projects have the same name.
        AmbiguousProject = "ambiguous-project",
        /// The profile does not exist in Palette.
        ProfileNotFound = "profile-not-found",
        /// Several profiles have the same name and version.
        AmbiguousProfile = "ambiguous-profile",
        /// A project has no profiles that edge hosts can use.
        NoEdgeProfiles = "no-edge-profiles",
    }
    ListIncomplete {
        /// A name is missing from a list that is shorter than its own count.
        ListIncomplete = "list-incomplete",
    }
    NewerVersions {
        /// A profile has a newer version, and `--exit-code` asks for that.
        NewerVersions = "newer-versions",
        /// A version that is not of the form that has an order.
        VersionNotComparable = "version-not-comparable",
        /// A uid or a URL, which names one version only.
        NotUpgradable = "not-upgradable",
    }
    Rules {
        /// Several broken rules, each with its own code.
        RulesBroken = "rules-broken",
        /// `project` and the console URLs of a definition name different projects.
        ProjectMismatch = "project-mismatch",
        /// Two references lead to the same profile.
        DuplicateProfile = "duplicate-profile",
        /// A profile that was never published.
        NotPublished = "not-published",
        /// A profile has a draft that differs from its published version.
        UnpublishedDraft = "unpublished-draft",
        /// A profile for another cloud type.
        WrongCloudType = "wrong-cloud-type",
        /// A pack that Palette marks as invalid.
        InvalidPack = "invalid-pack",
        /// A profile of a project other than the definition's.
        OtherProject = "other-project",
        /// A profile belongs to a project, but the definition does not name one.
        ProjectNeeded = "project-needed",
        /// An override names a pack that the profile does not have.
        NoSuchPack = "no-such-pack",
        /// Two profiles have infrastructure layers.
        SeveralInfrastructures = "several-infrastructures",
        /// No profile has infrastructure layers.
        NoInfrastructure = "no-infrastructure",
        /// A pack is in two profiles.
        PackInTwoProfiles = "pack-in-two-profiles",
    }
    Key {
        /// No API key was found.
        KeyMissing = "key-missing",
        /// The key file cannot be read.
        KeyUnreadable = "key-unreadable",
        /// `api-key-command` failed.
        KeyCommandFailed = "key-command-failed",
        /// The value that was found cannot be a key.
        KeyMalformed = "key-malformed",
        /// Other users can read the key file.
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
        /// HTTP 4xx other than 401, 403, 408 and 429.
        Rejected = "rejected",
    }
    Failing {
        /// HTTP 408, 429 or 5xx to the last attempt.
        KeptFailing = "kept-failing",
    }
    Unreachable {
        /// Palette did not answer.
        Unreachable = "unreachable",
        /// The connection could not be set up.
        ConnectionSetup = "connection-setup",
        /// A proxy variable is not understood or is ignored.
        ProxyVariable = "proxy-variable",
    }
    PlainHttp {
        /// Plain HTTP to another host.
        PlainHttp = "plain-http",
    }
    Tls {
        /// TLS failed because of a certificate or a protocol version.
        TlsRefused = "tls-refused",
        /// `ca-cert` cannot be used.
        UnusableCaCert = "unusable-ca-cert",
    }
    Redirect {
        /// A redirect that is not followed.
        RedirectRefused = "redirect-refused",
    }
    Answer {
        /// A server other than Palette answered.
        NotPalette = "not-palette",
        /// Palette's answer lacks a required field or contradicts itself.
        UnusableAnswer = "unusable-answer",
    }
    Registry {
        /// A command needs a registry, and there is none.
        NoRegistry = "no-registry",
        /// The registry does not have the archive.
        RegistryLacks = "registry-lacks",
        /// The registry cannot be reached, or keeps failing.
        RegistryUnreachable = "registry-unreachable",
        /// HTTP 4xx of a registry other than 401, 403, 404, 408 and 429.
        RegistryRejected = "registry-rejected",
        /// A success that is not the answer of a registry.
        RegistryAnswer = "registry-answer",
        /// The registry served other bytes than the locked ones.
        RegistryOtherBytes = "registry-other-bytes",
        /// Neither the registry nor Palette can provide the archive.
        NoSource = "no-source",
        /// The archive at hand has the locked content and other bytes.
        NotTheLockedBytes = "not-the-locked-bytes",
        /// What would be pushed contains a secret.
        SecretInArtifact = "secret-in-artifact",
    }
    RegistryCredentials {
        /// The registry does not accept the credentials.
        RegistryRefused = "registry-refused",
        /// The credentials for the registry cannot be read.
        RegistryCredentials = "registry-credentials",
    }
    Signing {
        /// profiles.toml does not name a key for signatures, or no public key is named.
        NoSigningKey = "no-signing-key",
        /// The private key cannot be used.
        UnusableSigningKey = "unusable-signing-key",
        /// The public key cannot be used.
        UnusablePublicKey = "unusable-public-key",
        /// The key or the signature does not match `public-key`.
        OtherSigningKey = "other-signing-key",
        /// Other users can read the private key.
        SigningKeyExposed = "signing-key-exposed",
        /// `sign-command` failed or did not print a signature.
        SignCommandFailed = "sign-command-failed",
        /// Nothing was compared with the signature that `sign-command` made.
        SignatureUnchecked = "signature-unchecked",
        /// The signature file cannot be read.
        SignatureUnreadable = "signature-unreadable",
        /// A file is not a signature of the locked archive.
        SignatureDiffers = "signature-differs",
    }
    Hosts {
        /// profiles.toml names no edge host.
        NoHosts = "no-hosts",
        /// `host upload` without hosts.
        HostsNeeded = "hosts-needed",
        /// An argument is neither the name of a host nor an address.
        UnknownHost = "unknown-host",
        /// A host does not answer, or keeps failing.
        HostUnreachable = "host-unreachable",
        /// HTTP 4xx of a host.
        HostRejected = "host-rejected",
        /// A success that is not the answer of an edge host.
        HostAnswer = "host-answer",
        /// A host holds another definition.
        HostDiffers = "host-differs",
        /// A host holds no definition.
        HostEmpty = "host-empty",
        /// Variables and values were not compared.
        HostNotCompared = "host-not-compared",
        /// The values that a host shows are not in the archive.
        HostValues = "host-values",
    }
    HostUpload {
        /// A host that takes no cluster definition.
        HostTakesNoUpload = "host-takes-no-upload",
        /// A host with an embedded key, and nothing to sign with.
        SignatureNeeded = "signature-needed",
        /// After an upload, a host does not show the definition.
        HostUploadUnproven = "host-upload-unproven",
        /// A host that is managed in an unknown way.
        HostMode = "host-mode",
        /// A host that another one leads.
        HostNotLeader = "host-not-leader",
        /// A host with a cluster.
        HostHasCluster = "host-has-cluster",
    }
    HostLogin {
        /// No user is set for a host.
        HostUserMissing = "host-user-missing",
        /// No password is set for a host.
        HostPasswordMissing = "host-password-missing",
        /// A password cannot be read or used.
        HostPasswordUnusable = "host-password-unusable",
        /// A host does not accept the user and the password.
        HostLoginRefused = "host-login-refused",
        /// A login that was answered with a server error.
        HostLoginFailed = "host-login-failed",
        /// A host that was not tried because of another one.
        HostNotTried = "host-not-tried",
        /// A host does not accept its own session.
        HostForbidden = "host-forbidden",
        /// A logout that failed.
        HostLogout = "host-logout",
    }
    HostCertificate {
        /// The certificate of a host is not known.
        UnknownCertificate = "unknown-certificate",
        /// A trusted certificate is not valid now.
        CertificateOutOfDate = "certificate-out-of-date",
    }
    Archive {
        /// An archive that is refused.
        ArchiveRefused = "archive-refused",
        /// An archive has no end-of-archive marker.
        NoEndOfArchive = "no-end-of-archive",
        /// The archive does not contain the directory of a profile.
        ProfileMissing = "profile-missing",
    }
    Bundle {
        /// A file that was named in place of a download or to be verified does not exist.
        FileMissing = "file-missing",
        /// A content bundle that is refused.
        BundleRefused = "bundle-refused",
        /// A file or a bundle does not contain the locked definition.
        FileDiffers = "file-differs",
        /// Packs that were locked without a comparison with the archive.
        PacksNotCompared = "packs-not-compared",
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
        /// A definition has no entry in profiles.lock.
        NotLocked = "not-locked",
    }
    Outdated {
        /// A lock entry no longer matches its definition.
        Outdated = "outdated",
    }
    Drift {
        /// Palette's state differs from the lock.
        Drift = "drift",
    }
    Offline {
        /// `--offline` was used, but something has to be downloaded.
        Offline = "offline",
    }
    Cache {
        /// No cache directory can be determined.
        NoCacheDirectory = "no-cache-directory",
        /// The content of a cached archive does not match its name.
        CacheDamaged = "cache-damaged",
        /// An archive that is not in the cache.
        NotCached = "not-cached",
    }
    Busy {
        /// Another run holds a file lock that this run needs.
        Busy = "busy",
        /// No thread can be started because the limit of processes is reached.
        NoThread = "no-thread",
        /// Another run changed profiles.toml or profiles.lock during this run.
        ChangedMeanwhile = "changed-meanwhile",
        /// A file system without file locks.
        NoFileLocks = "no-file-locks",
    }
    Canvos {
        /// There is no CanvOS checkout.
        NoCheckout = "no-checkout",
        /// A directory that is not a CanvOS checkout.
        NotACheckout = "not-a-checkout",
        /// The checkout does not have the target.
        NoSuchTarget = "no-such-target",
        /// Something other than a file or directory of edgestage occupies its path.
        BlockedPath = "blocked-path",
        /// The file at the path of a staged file was not staged by edgestage.
        ForeignFile = "foreign-file",
        /// Several traps, each with its own code.
        Trapped = "trapped",
    }
    Staged {
        /// The staged archive is not the locked one.
        StagedDiffers = "staged-differs",
        /// Only one of the two placements could be changed.
        MixedPair = "mixed-pair",
        /// A temporary file of a killed run would be included in the image.
        StagedLeftover = "staged-leftover",
        /// A definition is staged although none is expected.
        StagedUnexpected = "staged-unexpected",
    }
    Build {
        /// The build command failed.
        BuildFailed = "build-failed",
        /// The build command cannot be started.
        BuildNotStarted = "build-not-started",
        /// The build changed or removed the staged files.
        StagedChanged = "staged-changed",
        /// The rehearsal could not run.
        RehearsalNotRun = "rehearsal-not-run",
        /// The rehearsal found that the build would not embed the locked definition.
        RehearsalRefused = "rehearsal-refused",
        /// The rehearsal cannot determine what the image will contain.
        RehearsalUnjudged = "rehearsal-unjudged",
        /// `check` forecasts something other than the rehearsal found.
        ForecastDiffers = "forecast-differs",
        /// The copy of the checkout in which the rehearsal ran cannot be removed.
        RehearsalLeft = "rehearsal-left",
    }
    Image {
        /// The image does not exist.
        ImageMissing = "image-missing",
        /// An image cannot be proved to contain the locked definition.
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
    /// Returns the code with this token, or `None` for an unknown token or a trap.
    #[must_use]
    pub fn parse(token: &str) -> Option<Self> {
        let mut all = Self::ALL.iter().copied();
        all.find(|code| code.token() == token)
    }

    /// Returns the trap, if the code is one.
    #[must_use]
    pub fn trap(self) -> Option<Trap> {
        match self {
            Self::Trap(trap) => Some(trap),
            _ => None,
        }
    }

    /// Returns the `edgestage explain` ID of the section about the code.
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
