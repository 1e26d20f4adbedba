//! The command line: clap's types, and their interpretation.
//!
//! In: arguments and environment. Out: [`Settings`] and a [`Command`]. No file is opened
//! here, but `profiles.toml` is searched for. A flag overrides the environment, which
//! overrides `profiles.toml`.

// Doc comments of fields are shown as help, where backticks are noise.
#![allow(clippy::doc_markdown)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::diagnostic::Diagnostic;
use crate::manifest::Located;
use crate::util::endpoint::{Endpoint, InvalidEndpoint};
use crate::util::environment::Environment;

mod arguments;
mod distribution;
pub(crate) mod completion;
pub(crate) mod messages;
pub mod manual;

pub use arguments::{
    AddArgs, AttestArgs, BuildArgs, CacheCommand, CheckArgs, CleanArgs, DiffArgs, ExplainArgs,
    FetchArgs, Fleet, Format, HostCheckArgs, HostCommand, HostTargetArgs, HostUploadArgs, Images,
    InitArgs, JOBS, Jobs, ListArgs, One, OneOrAll, OutdatedArgs, PreflightArgs, REHEARSAL_TIMEOUT,
    RehearseArgs, RemoveArgs, RenameArgs, SchemaArgs, SchemaOf, ShowArgs, ShowFormat, SignArgs,
    SlotArg, StageArgs, UpdateArgs, UpgradeArgs, VerifyArgs,
};
pub use distribution::{CompletionsArgs, ManArgs, Shell};

/// How long to wait for another run by default, in seconds (docs/reference.md).
const LOCK_TIMEOUT: u64 = 600;
/// How long a log may be silent by default, in seconds (docs/reference.md).
const HEARTBEAT: u64 = 15;

/// Stage a reviewed, locked and verified Palette cluster definition for the CanvOS Edge
/// installer ISO
#[derive(Debug, Parser)]
#[command(
    name = "edgestage",
    version,
    propagate_version = true,
    disable_help_subcommand = true,
    max_term_width = 100,
    after_help = "Examples:\n\
        \x20 edgestage init            # Create profiles.toml\n\
        \x20 edgestage check           # Check the file, Palette and the CanvOS checkout\n\
        \x20 edgestage stage factory   # Put the definition into the CanvOS checkout\n\
        \x20 edgestage build factory   # Build the image and verify it\n\
        \n\
        Exit codes: 0 success; 1 other failure; 2 invalid command line or profiles.toml; \
        3 drift; 4 credentials refused or missing; 5 Palette or registry unreachable; \
        6 archive refused."
)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    /// The command to run.
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
#[allow(clippy::struct_excessive_bools)] // flags; `Settings` has what they mean
struct Global {
    /// Path to profiles.toml [env: EDGESTAGE_FILE] [default: here or in a parent directory]
    #[arg(long, global = true, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Path to the CanvOS checkout [env: CANVOS_DIR]
    #[arg(long, global = true, value_name = "DIR")]
    canvos: Option<PathBuf>,
    /// Address of Palette [env: PALETTE_HOST, SPECTROCLOUD_HOST]
    #[arg(long, global = true, value_name = "URL")]
    endpoint: Option<String>,
    /// Path to the cache directory [env: EDGESTAGE_CACHE_DIR]
    #[arg(long, global = true, value_name = "DIR")]
    cache_dir: Option<PathBuf>,
    /// Path to a file with the API key [env for the key: PALETTE_API_KEY, SPECTROCLOUD_APIKEY]
    #[arg(long, global = true, value_name = "FILE")]
    api_key_file: Option<PathBuf>,
    /// Require that profiles.lock is up to date, and never write it
    #[arg(long, global = true)]
    locked: bool,
    /// Do not connect to Palette or the registry; use the lock and the cache
    #[arg(long, global = true)]
    offline: bool,
    /// How long to wait for another edgestage process [env: EDGESTAGE_LOCK_TIMEOUT] [default: 600]
    #[arg(long, global = true, value_name = "SECONDS")]
    lock_timeout: Option<u64>,
    /// Allow plain HTTP to hosts other than this one
    #[arg(long, global = true)]
    allow_http: bool,
    /// Print one JSON document on standard output
    #[arg(long, global = true)]
    json: bool,
    /// Print only results and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Print more detail
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    /// When to color the output
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: Color,
}

/// When to color the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The command to run.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create profiles.toml, and files for Make, Earthly and CI
    #[command(after_help = "Examples:\n\
        \x20 edgestage init\n\
        \x20 edgestage init edge-infra@2.1.0 --to factory\n\
        \x20 edgestage init --make --github   # Also if profiles.toml exists\n\
        \x20 edgestage init --gitlab --gitlab-update")]
    Init(InitArgs),
    /// Add profiles to a definition in profiles.toml
    ///
    /// Creates the definition if it does not exist.
    #[command(after_help = "Examples:\n\
        \x20 edgestage add edge-infra@2.1.0 --to factory\n\
        \x20 edgestage add 65c90a1b2c3d4e5f770daee5")]
    Add(AddArgs),
    /// Remove profiles or a definition from profiles.toml
    #[command(after_help = "Examples:\n\
        \x20 edgestage remove edge-monitoring@1.4.0 --from factory\n\
        \x20 edgestage remove warehouse   # Remove the whole definition")]
    Remove(RemoveArgs),
    /// Rename a definition in profiles.toml and profiles.lock
    #[command(after_help = "Example:\n\
        \x20 edgestage rename warehouse depot")]
    Rename(RenameArgs),
    /// Check profiles.toml, Palette and the CanvOS checkout
    ///
    /// Queries Palette if an API key is set, and reads the checkout if it exists. Does not
    /// download or write anything.
    #[command(after_help = "Examples:\n\
        \x20 edgestage check\n\
        \x20 edgestage check factory --target cloud-image\n\
        \x20 edgestage check --offline --locked   # First step in CI")]
    Check(CheckArgs),
    /// Download, verify, cache and lock definitions
    #[command(after_help = "Examples:\n\
        \x20 edgestage fetch\n\
        \x20 edgestage fetch factory --output spc.tgz\n\
        \x20 edgestage fetch --push   # Also into the registry\n\
        \x20 edgestage fetch factory --from site.tar.zst   # From a content bundle")]
    Fetch(FetchArgs),
    /// Put the locked definition into the CanvOS checkout
    ///
    /// Fetches the definition if it is not cached. Does not touch files that are already staged.
    #[command(after_help = "Examples:\n\
        \x20 edgestage stage factory\n\
        \x20 edgestage stage factory --locked            # In CI\n\
        \x20 edgestage stage factory --locked --offline  # From the cache")]
    Stage(StageArgs),
    /// Run only the copy steps of the build, and compare with the lock
    ///
    /// Usually takes seconds: the build program runs in a copy of the checkout, with an Earthfile
    /// reduced to the copy steps. Stage the definition first. Does not write to the checkout.
    #[command(after_help = "Examples:\n\
        \x20 edgestage rehearse factory\n\
        \x20 edgestage rehearse factory -- +uki-iso")]
    Rehearse(RehearseArgs),
    /// Stage a definition, run the CanvOS build, and verify the image
    #[command(after_help = "Examples:\n\
        \x20 edgestage build factory\n\
        \x20 edgestage build factory -- --no-cache +uki-iso")]
    Build(BuildArgs),
    /// Remove the staged files from the CanvOS checkout
    #[command(after_help = "Example:\n\
        \x20 edgestage unstage")]
    Unstage(One),
    /// Show what changed in Palette since the definition was locked
    ///
    /// With -v, also shows changes inside files.
    #[command(after_help = "Examples:\n\
        \x20 edgestage diff\n\
        \x20 edgestage diff factory -v\n\
        \x20 edgestage diff -v --format markdown > drift.md")]
    Diff(DiffArgs),
    /// Accept changes in Palette: fetch again and rewrite the lock
    #[command(after_help = "Examples:\n\
        \x20 edgestage update factory\n\
        \x20 edgestage update --push   # Also into the registry")]
    Update(UpdateArgs),
    /// Show newer versions of the profiles in profiles.toml
    ///
    /// Asks Palette for the newest published version of each profile, and for the newest with the
    /// same major version. Does not download or write anything.
    #[command(after_help = "Examples:\n\
        \x20 edgestage outdated\n\
        \x20 edgestage outdated factory --exit-code   # 3 if there is a newer version\n\
        \x20 edgestage outdated --format markdown > versions.md")]
    Outdated(OutdatedArgs),
    /// Write newer versions of profiles into profiles.toml
    ///
    /// Writes the newest published version with the same major version, and changes nothing else
    /// in the file. Run `edgestage update` afterwards, and review its changes.
    #[command(after_help = "Examples:\n\
        \x20 edgestage upgrade\n\
        \x20 edgestage upgrade edge-infra --major\n\
        \x20 edgestage upgrade edge-infra --to 2.0.0 --in factory")]
    Upgrade(UpgradeArgs),
    /// Send locked archives to the team's registry
    ///
    /// Sends nothing that the registry has already. Prints the reference of each manifest, for
    /// example for cosign.
    #[command(after_help = "Examples:\n\
        \x20 edgestage push\n\
        \x20 edgestage push factory")]
    Push(Fleet),
    /// Get locked archives from the team's registry into the cache
    ///
    /// Never asks Palette and needs no API key.
    #[command(after_help = "Example:\n\
        \x20 edgestage pull && edgestage stage factory --locked --offline")]
    Pull(Fleet),
    /// Compare edge hosts with the lock, or upload to them
    #[command(
        subcommand,
        after_help = "Examples:\n\
        \x20 edgestage host check\n\
        \x20 edgestage host upload line-1"
    )]
    Host(HostCommand),
    /// Verify that a checkout, image or bundle has the locked definition
    #[command(after_help = "Examples:\n\
        \x20 edgestage verify factory\n\
        \x20 edgestage verify factory --image CanvOS/build/palette-edge-installer.iso\n\
        \x20 edgestage verify factory --bundle site.tar.zst\n\
        \x20 edgestage verify --image build/installer.iso --public-key public.pem\n\
        \x20 edgestage verify factory --signature factory.sig.bin --public-key public.pem\n\
        \x20 edgestage verify --expect-none")]
    Verify(VerifyArgs),
    /// Show the profiles, packs and variables of a definition or file
    #[command(after_help = "Examples:\n\
        \x20 edgestage show factory\n\
        \x20 edgestage show ./spc.tgz\n\
        \x20 edgestage show factory --format html > factory.html\n\
        \x20 edgestage show factory --format cyclonedx > bom.json")]
    Show(ShowArgs),
    /// Sign the locked archive for hosts that have a public key
    ///
    /// Writes the raw signature that `openssl dgst -sha256 -sign` makes. `[signing]` in
    /// profiles.toml names the private key, or the command that has it.
    #[command(after_help = "Examples:\n\
        \x20 edgestage sign factory         # Writes factory.sig.bin\n\
        \x20 edgestage sign factory --hex   # As an upload to a host has it")]
    Sign(SignArgs),
    /// Print a statement about what is staged or built, for signing
    ///
    /// Verifies the staged files, and images, as `verify` does; then prints an in-toto statement
    /// with SLSA provenance. Prints no statement about anything that is not as locked.
    #[command(after_help = "Examples:\n\
        \x20 edgestage attest factory > statement.json\n\
        \x20 edgestage attest factory --image CanvOS/build/palette-edge-installer.iso")]
    Attest(AttestArgs),
    /// Explain a message or trap, and how to fix it
    #[command(after_help = "Examples:\n\
        \x20 edgestage explain\n\
        \x20 edgestage explain drift\n\
        \x20 edgestage explain T11")]
    Explain(ExplainArgs),
    /// List the definitions and what is locked for each
    #[command(after_help = "Examples:\n\
        \x20 edgestage list\n\
        \x20 edgestage list --json   # For a CI matrix")]
    List(ListArgs),
    /// Print the JSON Schema of profiles.toml, profiles.lock or --json
    #[command(after_help = "Example:\n\
        \x20 edgestage schema profiles")]
    Schema(SchemaArgs),
    /// List or remove cached archives
    #[command(
        subcommand,
        after_help = "Examples:\n\
        \x20 edgestage cache list\n\
        \x20 edgestage cache clean --keep-locked"
    )]
    Cache(CacheCommand),
    /// Print the completion script for a shell
    #[command(after_help = "Examples:\n\
        \x20 edgestage completions bash >> ~/.bash_completion\n\
        \x20 edgestage completions zsh > ~/.zfunc/_edgestage   # A directory in fpath\n\
        \x20 edgestage completions fish > ~/.config/fish/completions/edgestage.fish\n\
        \x20 edgestage completions powershell >> $PROFILE")]
    Completions(CompletionsArgs),
    /// Print the manual page, or write a page for each command
    #[command(after_help = "Examples:\n\
        \x20 edgestage man | man -l -\n\
        \x20 edgestage man --output ~/.local/share/man/man1")]
    Man(ManArgs),
}

/// How much to print in addition to results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Errors only.
    Quiet,
    /// Progress and warnings.
    Normal,
    /// Everything.
    Verbose,
}

/// Whether `profiles.lock` may be written, or must already be up to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockfileUse {
    /// It is written if a definition is new or was changed.
    MayWrite,
    /// `--locked`.
    MustMatch,
}

/// Whether the network may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// It may.
    Allowed,
    /// `--offline`.
    Off,
}

/// What the flags and variables say, for every command.
#[derive(Debug)]
pub struct Settings {
    /// The manifest, as the user spells it, or as it is found from the working directory.
    pub file: PathBuf,
    /// How `file` was found.
    pub located: Located,
    /// `--canvos` or `CANVOS_DIR`, resolved.
    pub canvos: Option<PathBuf>,
    /// `--endpoint`, `PALETTE_HOST` or `SPECTROCLOUD_HOST`.
    pub endpoint: Option<Endpoint>,
    /// The variable that set `endpoint`; `None` for the flag.
    pub endpoint_variable: Option<&'static str>,
    /// `--cache-dir` or `EDGESTAGE_CACHE_DIR`, resolved.
    pub cache: Option<PathBuf>,
    /// `--api-key-file`, as given.
    pub api_key_file: Option<PathBuf>,
    /// `--locked`.
    pub lock: LockfileUse,
    /// `--offline`.
    pub network: Network,
    /// `--lock-timeout` or `EDGESTAGE_LOCK_TIMEOUT`.
    pub lock_timeout: Duration,
    /// `--allow-http`.
    pub allow_http: bool,
}

/// How to format the output. Known before anything can fail.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// `--json`.
    pub json: bool,
    /// `-q` and `-v`.
    pub verbosity: Verbosity,
    /// `--color`.
    pub color: Color,
}

impl Cli {
    /// How to format the output.
    #[must_use]
    pub fn output(&self) -> Output {
        let verbosity = match (self.global.quiet, self.global.verbose) {
            (true, _) => Verbosity::Quiet,
            (false, 0) => Verbosity::Normal,
            (false, _) => Verbosity::Verbose,
        };
        Output {
            json: self.global.json || self.command.format() == Some(ShowFormat::Json),
            verbosity,
            color: self.global.color,
        }
    }

    /// What the flags mean together with the environment.
    ///
    /// # Errors
    /// An invalid endpoint or number; the message names the flag or variable. Two formats
    /// for one result.
    pub fn settings(&self, environment: &Environment) -> Result<Settings, Diagnostic> {
        // For the report, which is there before anything can be refused.
        heartbeat(environment)?;
        let global = &self.global;
        self.one_format()?;
        let path = |flag: &Option<PathBuf>, variable: &str| {
            flag.clone()
                .or_else(|| environment.variable(variable).map(PathBuf::from))
        };
        let variable = match &global.endpoint {
            Some(_) => None,
            None => ["PALETTE_HOST", "SPECTROCLOUD_HOST"]
                .into_iter()
                .find_map(|name| Some((environment.variable(name)?, name))),
        };
        let endpoint = match (&global.endpoint, variable) {
            (Some(text), _) => Some(endpoint("--endpoint", Endpoint::parse(text))?),
            (None, Some((value, name))) => {
                let read = Endpoint::of_variable(&value.to_string_lossy());
                Some(endpoint(name, read)?)
            }
            (None, None) => None,
        };
        let file = path(&global.file, "EDGESTAGE_FILE");
        file.as_deref().map(not_a_lockfile).transpose()?;
        let located = match file {
            Some(_) => Located::Named,
            None => Located::from(environment),
        };
        Ok(Settings {
            file: file.unwrap_or_else(|| located.path()),
            located,
            canvos: path(&global.canvos, "CANVOS_DIR").map(|path| environment.resolve(&path)),
            endpoint,
            endpoint_variable: variable.map(|(_, name)| name),
            cache: path(&global.cache_dir, "EDGESTAGE_CACHE_DIR")
                .map(|path| environment.resolve(&path)),
            api_key_file: global.api_key_file.clone(),
            lock: if global.locked {
                LockfileUse::MustMatch
            } else {
                LockfileUse::MayWrite
            },
            network: if global.offline {
                Network::Off
            } else {
                Network::Allowed
            },
            lock_timeout: match global.lock_timeout {
                Some(seconds) => Duration::from_secs(seconds),
                None => lock_timeout(environment)?,
            },
            allow_http: global.allow_http,
        })
    }
}

impl Cli {
    /// Refuses `--json` together with another `--format`.
    fn one_format(&self) -> Result<(), Diagnostic> {
        let other = self
            .command
            .format()
            .filter(|format| *format != ShowFormat::Json);
        let other = other.and_then(|format| format.to_possible_value());
        match other {
            Some(other) if self.global.json => Err(messages::two_formats(other.get_name())),
            _ => Ok(()),
        }
    }
}

impl Command {
    /// The requested format, if the command has any.
    fn format(&self) -> Option<ShowFormat> {
        match self {
            Self::Show(arguments) => arguments.format,
            Self::Diff(arguments) => arguments.format.map(Into::into),
            Self::List(arguments) => arguments.format.map(Into::into),
            _ => None,
        }
    }
}

fn lock_timeout(environment: &Environment) -> Result<Duration, Diagnostic> {
    seconds(environment, "EDGESTAGE_LOCK_TIMEOUT", LOCK_TIMEOUT)
}

/// How long a log may be silent while something is in progress; zero if it may be silent
/// forever.
///
/// # Errors
/// A variable that is not a number.
pub fn heartbeat(environment: &Environment) -> Result<Duration, Diagnostic> {
    seconds(environment, "EDGESTAGE_HEARTBEAT", HEARTBEAT)
}

/// The lock of a manifest has its name, with the extension `lock`: a manifest must not be
/// its own lock.
fn not_a_lockfile(file: &Path) -> Result<(), Diagnostic> {
    if file.extension() != Some("lock".as_ref()) {
        return Ok(());
    }
    Err(messages::own_lock(file))
}

fn seconds(
    environment: &Environment,
    variable: &str,
    default: u64,
) -> Result<Duration, Diagnostic> {
    let Some(value) = environment.variable(variable) else {
        return Ok(Duration::from_secs(default));
    };
    let seconds = value.to_str().and_then(|text| text.parse().ok());
    let seconds = seconds.map(Duration::from_secs);
    seconds.ok_or_else(|| messages::not_seconds(variable))
}

fn endpoint(place: &str, read: Result<Endpoint, InvalidEndpoint>) -> Result<Endpoint, Diagnostic> {
    read.map_err(|why| messages::invalid_endpoint(place, &why))
}
