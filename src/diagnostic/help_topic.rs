//! What messages are about: the sections of docs/troubleshooting.md, which
//! `edgestage explain` prints.
//!
//! The names are for people and for scripts, and stay. A leaf: whoever makes a message
//! names its topic. A trap has a topic of its own, which is its name (docs/traps.md).

pub mod page;

macro_rules! topics {
    ($($(#[$doc:meta])* $topic:ident = $name:literal,)*) => {
        /// A topic.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum HelpTopic {
            $($(#[$doc])* $topic,)*
        }

        impl HelpTopic {
            /// Every topic, in the order of the page.
            pub const ALL: &[Self] = &[$(Self::$topic,)*];

            /// Its name.
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
    /// Which definition a command is about.
    Definition = "definition",
    /// A file that is there already.
    Exists = "exists",
    /// Questions at a terminal.
    Questions = "questions",
    /// Edits of `profiles.toml` by a command.
    Edit = "edit",
    /// `profiles.toml` itself.
    Manifest = "manifest",
    /// How a profile is named in `profiles.toml`.
    Reference = "reference",
    /// A secret in `profiles.toml`.
    Secret = "secret",
    /// Projects and profiles that Palette has not.
    Lookup = "lookup",
    /// Palette's lists lack what they count.
    ListIncomplete = "list-incomplete",
    /// What Palette demands of the profiles of a definition.
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
    /// No answer at all.
    Unreachable = "unreachable",
    /// Plain HTTP to another host.
    PlainHttp = "plain-http",
    /// Certificates.
    Tls = "tls",
    /// Redirects.
    Redirect = "redirect",
    /// Something else than Palette has answered.
    Answer = "answer",
    /// An archive that is refused.
    Archive = "archive",
    /// `profiles.lock` itself.
    Lockfile = "lock",
    /// A definition without a lock entry.
    NotLocked = "not-locked",
    /// A lock entry that does not speak for its definition.
    Outdated = "outdated",
    /// Palette has changed since the lock.
    Drift = "drift",
    /// `--offline` and what it lacks.
    Offline = "offline",
    /// The cache of archives.
    Cache = "cache",
    /// Another run that is waited for.
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
    /// The topic of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let mut all = Self::ALL.iter().copied();
        all.find(|topic| topic.name() == name)
    }
}
