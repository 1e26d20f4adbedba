//! Help topics: the sections of docs/troubleshooting.md, which `edgestage explain` prints.
//!
//! People and scripts use the names, so names do not change. This module depends on no other:
//! the code that creates a message names its topic. A trap is its own topic, with the trap's
//! name (docs/traps.md).

pub mod page;

macro_rules! topics {
    ($($(#[$doc:meta])* $topic:ident = $name:literal,)*) => {
        /// A help topic.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum HelpTopic {
            $($(#[$doc])* $topic,)*
        }

        impl HelpTopic {
            /// Every topic, in the order of the page.
            pub const ALL: &[Self] = &[$(Self::$topic,)*];

            /// Returns the name of the topic.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$topic => $name,)*
                }
            }
        }
    };
}

topics! {
    /// Arguments and variables.
    CommandLine = "command-line",
    /// Which definition a command uses.
    Definition = "definition",
    /// A file that already exists.
    Exists = "exists",
    /// Questions at a terminal.
    Questions = "questions",
    /// Edits of `profiles.toml` by a command.
    Edit = "edit",
    /// The file `profiles.toml`.
    Manifest = "manifest",
    /// How a profile is named in `profiles.toml`.
    Reference = "reference",
    /// A secret in `profiles.toml`.
    Secret = "secret",
    /// Projects and profiles that Palette does not have.
    Lookup = "lookup",
    /// Palette's lists contain fewer items than they count.
    ListIncomplete = "list-incomplete",
    /// Newer versions of profiles.
    NewerVersions = "newer-versions",
    /// Palette's rules for the profiles of a definition.
    Rules = "rules",
    /// Where the API key comes from.
    Key = "key",
    /// HTTP 401.
    KeyRefused = "key-refused",
    /// HTTP 403.
    Forbidden = "forbidden",
    /// Another HTTP 4xx.
    Rejected = "rejected",
    /// HTTP 408, 429 or 5xx to the last attempt.
    Failing = "failing",
    /// HTTP 4xx other than 401, 403, 408 and 429.
    Unreachable = "unreachable",
    /// No answer from Palette.
    PlainHttp = "plain-http",
    /// Certificates.
    Tls = "tls",
    /// Redirects.
    Redirect = "redirect",
    /// An answer that does not come from Palette.
    Answer = "answer",
    /// The team's registry.
    Registry = "registry",
    /// The credentials for the registry.
    RegistryCredentials = "registry-credentials",
    /// Signatures, and the keys for them.
    Signing = "signing",
    /// What edge hosts hold.
    Hosts = "hosts",
    /// Uploads to edge hosts.
    HostUpload = "host-upload",
    /// The login to edge hosts.
    HostLogin = "host-login",
    /// The certificates of edge hosts.
    HostCertificate = "host-certificate",
    /// An archive that is refused.
    Archive = "archive",
    /// Archives from files and content bundles.
    Bundle = "bundle",
    /// The file `profiles.lock`.
    Lockfile = "lock",
    /// A definition without a lock entry.
    NotLocked = "not-locked",
    /// A lock entry that no longer matches its definition.
    Outdated = "outdated",
    /// Palette's state differs from the lock.
    Drift = "drift",
    /// `--offline`, and something has to be downloaded.
    Offline = "offline",
    /// The cache of archives.
    Cache = "cache",
    /// Another run holds a file lock.
    Busy = "busy",
    /// The CanvOS checkout.
    Canvos = "canvos",
    /// What is staged.
    Staged = "staged",
    /// The build.
    Build = "build",
    /// Built images.
    Image = "image",
    /// Files and directories.
    Disk = "disk",
}

impl HelpTopic {
    /// Returns the topic with that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let mut all = Self::ALL.iter().copied();
        all.find(|topic| topic.name() == name)
    }
}
