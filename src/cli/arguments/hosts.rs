//! The arguments of `host` and its commands.

// Doc comments of fields are shown as help, where backticks are noise.
#![allow(clippy::doc_markdown)]

use clap::{Args, Subcommand, ValueEnum};

use super::{JOBS, jobs};

/// What to do with edge hosts.
#[derive(Debug, Subcommand)]
pub enum HostCommand {
    /// Compare what edge hosts hold with the lock
    ///
    /// Logs in to each host, compares profiles, packs and variables, and logs out.
    #[command(after_help = "Examples:\n\
        \x20 edgestage host check\n\
        \x20 edgestage host check line-1 --slot embedded\n\
        \x20 edgestage host check 192.168.7.21 --definition factory")]
    Check(HostCheckArgs),
    /// Upload the locked definition to edge hosts, and compare
    ///
    /// For locally managed hosts. A host that has the definition gets nothing.
    #[command(after_help = "Examples:\n\
        \x20 edgestage host upload line-1\n\
        \x20 edgestage host upload --all")]
    Upload(HostUploadArgs),
}

/// Arguments of `host check`.
#[derive(Debug, Args)]
pub struct HostCheckArgs {
    /// Hosts of profiles.toml, or addresses [default: all of profiles.toml]
    #[arg(value_name = "HOST")]
    pub hosts: Vec<String>,
    /// Look at one of the definitions that a host can hold
    #[arg(long, value_name = "SLOT")]
    pub slot: Option<SlotArg>,
    #[command(flatten)]
    #[allow(missing_docs)] // it would be shown as help
    pub target: HostTargetArgs,
}

/// Arguments of `host upload`.
#[derive(Debug, Args)]
pub struct HostUploadArgs {
    /// Hosts of profiles.toml, or addresses
    #[arg(value_name = "HOST")]
    pub hosts: Vec<String>,
    /// Upload to every host of profiles.toml
    #[arg(long, conflicts_with = "hosts")]
    pub all: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub target: HostTargetArgs,
}

/// What profiles.toml may say about a host.
#[derive(Debug, Args)]
pub struct HostTargetArgs {
    /// Definition that the hosts are to hold [default: as in profiles.toml]
    #[arg(long, value_name = "NAME")]
    pub definition: Option<String>,
    /// SHA-256 of the certificate of the one host that is named
    #[arg(long, value_name = "DIGEST")]
    pub certificate_sha256: Option<String>,
    /// Number of hosts to work on at once
    #[arg(long, short, value_name = "N", default_value_t = JOBS, value_parser = jobs)]
    pub jobs: u16,
}

/// A definition that a host can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SlotArg {
    /// From the image
    Embedded,
    /// From an upload
    Overridden,
    /// From a content bundle
    Update,
}
