//! The arguments of each command.

// Doc comments of fields are shown as help, where backticks are noise.
#![allow(clippy::doc_markdown)]

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use url::Url;

use crate::canvos::preflight::Target;
use crate::diagnostic::help_topic::HelpTopic;
use crate::diagnostic::{Code, Trap};
use crate::util::suggest::nearest;

mod hosts;

pub use hosts::{HostCheckArgs, HostCommand, HostTargetArgs, HostUploadArgs, SlotArg};

/// How many definitions to fetch at once by default (docs/reference.md).
pub const JOBS: u16 = 16;
/// Time limit for the build program in a rehearsal, in seconds.
pub const REHEARSAL_TIMEOUT: u64 = 600;

/// What to do with the cache.
#[derive(Debug, Subcommand)]
pub enum CacheCommand {
    /// List the cached archives, and the definitions that they belong to
    #[command(after_help = "Example:\n\
        \x20 edgestage cache list")]
    List,
    /// Remove the cached archives
    #[command(after_help = "Example:\n\
        \x20 edgestage cache clean --keep-locked")]
    Clean(CleanArgs),
}

/// Arguments of `cache clean`.
#[derive(Debug, Args)]
pub struct CleanArgs {
    /// Keep the archives that profiles.lock names
    #[arg(long)]
    pub keep_locked: bool,
}

/// Arguments of `init`.
#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools)] // one for each file
pub struct InitArgs {
    /// Profiles of the first definition: console URLs, uids or name@version
    #[arg(value_name = "PROFILE")]
    pub references: Vec<String>,
    /// Name of the first definition [default: factory]
    #[arg(long, value_name = "NAME")]
    pub to: Option<String>,
    /// Do not ask questions, even on a terminal
    #[arg(long)]
    pub no_input: bool,
    /// Also write a Makefile
    #[arg(long)]
    pub make: bool,
    /// Also write an Earthfile
    #[arg(long)]
    pub earthly: bool,
    /// Also write .github/workflows/edgestage.yml
    #[arg(long)]
    pub github: bool,
    /// Also write .github/workflows/edgestage-update.yml, which proposes updates
    #[arg(long)]
    pub github_update: bool,
    /// Also write .gitlab-ci.yml
    #[arg(long)]
    pub gitlab: bool,
    /// Also write .gitlab/edgestage-update.yml, which proposes updates
    #[arg(long)]
    pub gitlab_update: bool,
    /// Also write a Jenkinsfile
    #[arg(long)]
    pub jenkins: bool,
    /// Also write azure-pipelines.yml
    #[arg(long)]
    pub azure: bool,
}

/// Arguments of `add`.
#[derive(Debug, Args)]
pub struct AddArgs {
    /// Profiles to add: console URLs, uids or name@version
    #[arg(value_name = "PROFILE", required = true)]
    pub references: Vec<String>,
    /// Definition to add the profiles to; optional if there is only one
    #[arg(long, value_name = "NAME")]
    pub to: Option<String>,
}

/// Arguments of `remove`.
#[derive(Debug, Args)]
pub struct RemoveArgs {
    /// Profiles to remove, as written in profiles.toml, or the name of a definition
    #[arg(value_name = "PROFILE or NAME", required = true)]
    pub what: Vec<String>,
    /// Definition to remove the profiles from; optional if there is only one
    #[arg(long, value_name = "NAME")]
    pub from: Option<String>,
}

/// Arguments of `rename`.
#[derive(Debug, Args)]
pub struct RenameArgs {
    /// Current name of the definition
    #[arg(value_name = "NAME")]
    pub old: String,
    /// New name of the definition
    #[arg(value_name = "NEW")]
    pub new: String,
}

/// One definition.
#[derive(Debug, Args)]
pub struct One {
    /// Name of the definition; optional if there is only one
    pub name: Option<String>,
}

/// Any number of definitions.
#[derive(Debug, Args)]
pub struct OneOrAll {
    /// Names of definitions [default: all]
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
}

/// Any number of definitions, fetched in parallel.
#[derive(Debug, Args)]
pub struct Fleet {
    #[command(flatten)]
    #[allow(missing_docs)] // it would be shown as help
    pub definitions: OneOrAll,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub jobs: Jobs,
}

/// How many definitions are fetched at once.
#[derive(Debug, Clone, Args)]
pub struct Jobs {
    /// Number of definitions to fetch at once
    #[arg(long, short, value_name = "N", default_value_t = JOBS, value_parser = jobs)]
    pub jobs: u16,
}

/// Which targets will be built, and which traps are accepted.
#[derive(Debug, Args)]
pub struct PreflightArgs {
    /// CanvOS target that will be built; can be repeated [default: the ISO targets]
    #[arg(long, value_name = "TARGET", value_parser = target)]
    pub target: Vec<Target>,
    /// Trap to accept, such as T11 or another-file; can be repeated
    #[arg(long, value_name = "ID", value_parser = trap)]
    pub allow: Vec<Trap>,
    /// Also read content bundles above 256 MiB; those of the checkout only once
    #[arg(long)]
    pub bundles: bool,
}

/// The maximum number of definitions to fetch at once.
const MOST_JOBS: u16 = 256;

fn jobs(text: &str) -> Result<u16, String> {
    let jobs = text.parse().ok();
    jobs.filter(|jobs| (1..=MOST_JOBS).contains(jobs))
        .ok_or_else(|| format!("write a whole number from 1 to {MOST_JOBS}"))
}

fn target(name: &str) -> Result<Target, String> {
    Target::parse(name).ok_or_else(|| {
        let known = Target::ALL.map(Target::name);
        let given = name.strip_prefix('+').unwrap_or(name);
        match nearest(given, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the targets are {}", known.join(", ")),
        }
    })
}

fn trap(id: &str) -> Result<Trap, String> {
    let names = Trap::ALL.iter().map(|trap| trap.name());
    Trap::parse(id).ok_or_else(|| match nearest(id, names) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`edgestage explain` lists the traps, such as T11".to_owned(),
    })
}

/// Returns an absolute URI as it was given.
fn uri(text: &str) -> Result<String, String> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    match Url::parse(text) {
        Ok(_) if is_plain => Ok(text.to_owned()),
        _ => Err("write an absolute URI, such as https://ci.example.com/runners/line".to_owned()),
    }
}

/// Returns a version as it was given. It replaces the one in `name@version`, which ends with the
/// part after the last `@`.
fn version(text: &str) -> Result<String, String> {
    let is_word = text.trim() == text && !text.chars().any(char::is_control);
    if text.is_empty() || !is_word || text.contains('@') {
        return Err("write the version alone, such as 1.4.0".to_owned());
    }
    Ok(text.to_owned())
}

/// Returns the ID of the section about a topic, a trap or a message code.
fn explained(id: &str) -> Result<&'static str, String> {
    let id = id.to_ascii_lowercase();
    // As messages begin: `error[T11]: …`.
    let bare = id
        .split_once('[')
        .and_then(|(_, rest)| rest.split_once(']'));
    let id = bare.map_or(id.as_str(), |(id, _)| id);
    let topic = HelpTopic::parse(id).map(HelpTopic::name);
    let trap = || Some(Trap::parse(id)?.code());
    let code = || Some(Code::parse(id)?.section());
    let topics = HelpTopic::ALL.iter().map(|topic| topic.name());
    let codes = Code::ALL.iter().map(|code| code.token());
    let traps = Trap::ALL.iter().map(|trap| trap.name());
    let known = topics.chain(codes).chain(traps);
    topic
        .or_else(trap)
        .or_else(code)
        .ok_or_else(|| match nearest(id, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`edgestage explain` lists the topics".to_owned(),
        })
}

impl PreflightArgs {
    /// Returns the targets that will be built.
    #[must_use]
    pub fn targets(&self) -> &[Target] {
        if self.target.is_empty() {
            &Target::ISOS
        } else {
            &self.target
        }
    }
}

/// Arguments of `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    #[command(flatten)]
    #[allow(missing_docs)] // it would be shown as help
    pub definitions: OneOrAll,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub preflight_options: PreflightArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub images: Images,
}

/// Arguments of `build`.
#[derive(Debug, Args)]
pub struct BuildArgs {
    /// Definitions to build, one after the other; optional if there is only one
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Trap to accept, such as T11 or another-file; can be repeated
    #[arg(long, value_name = "ID", value_parser = trap)]
    pub allow: Vec<Trap>,
    /// Also read content bundles above 256 MiB; those of the checkout only once
    #[arg(long)]
    pub bundles: bool,
    /// Set CLUSTERCONFIG=spc.tgz in the checkout's .arg, without changing anything else in it
    #[arg(long)]
    pub fix_arg: bool,
    /// Start the build without running its copy steps first
    #[arg(long)]
    pub no_rehearsal: bool,
    /// Arguments for the build command; a +target replaces +iso
    #[arg(last = true, value_name = "ARGS")]
    pub arguments: Vec<String>,
}

/// Arguments of `rehearse`.
#[derive(Debug, Args)]
pub struct RehearseArgs {
    /// Definitions to rehearse, one after the other; optional if there is only one
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Time limit for the build program, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = REHEARSAL_TIMEOUT)]
    pub timeout: u64,
    /// Arguments of the build command; a +target replaces +iso
    #[arg(last = true, value_name = "ARGS")]
    pub arguments: Vec<String>,
}

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// Topic, trap such as T11, or message code; lists all if omitted
    #[arg(value_name = "TOPIC", value_parser = explained)]
    pub id: Option<&'static str>,
}

/// Arguments of `schema`.
#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// File or output whose schema to print
    #[arg(value_name = "WHAT")]
    pub of: SchemaOf,
}

/// A file or output that has a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// profiles.toml, for editors
    Profiles,
    /// profiles.lock
    Lock,
    /// The documents that --json prints
    Output,
}

/// Arguments of `stage`.
#[derive(Debug, Args)]
pub struct StageArgs {
    /// Names of definitions, each with its own checkout; optional if there is only one
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub jobs: Jobs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub preflight_options: PreflightArgs,
    /// Set CLUSTERCONFIG=spc.tgz in the checkout's .arg, without changing anything else in it
    #[arg(long)]
    pub fix_arg: bool,
}

/// Arguments of `fetch`.
#[derive(Debug, Args)]
pub struct FetchArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub fleet: Fleet,
    /// Also write the archive of one definition to FILE
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Also send the locked archives to the registry of profiles.toml
    #[arg(long)]
    pub push: bool,
    /// Take the archive of one definition from FILE, an archive or a content bundle
    #[arg(long, value_name = "FILE")]
    pub from: Option<PathBuf>,
}

/// Arguments of `update`.
#[derive(Debug, Args)]
pub struct UpdateArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub fleet: Fleet,
    /// Also send the locked archives to the registry of profiles.toml
    #[arg(long)]
    pub push: bool,
}

/// Arguments of `verify`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("key_user").args(["signature", "image"]).multiple(true))]
pub struct VerifyArgs {
    /// Name of the definition; optional if there is only one
    pub name: Option<String>,
    /// Verify that nothing is staged, or that an image contains no definition
    #[arg(long, conflicts_with = "name")]
    pub expect_none: bool,
    /// Verify that FILE is a signature of the locked archive: raw, or hexadecimal digits
    #[arg(long, value_name = "FILE", conflicts_with_all = ["expect_none", "image", "bundle"])]
    pub signature: Option<PathBuf>,
    /// RSA public key of --signature, or that --image must carry [default: public-key of
    /// profiles.toml]
    #[arg(
        long,
        value_name = "FILE",
        requires = "key_user",
        conflicts_with = "expect_none"
    )]
    pub public_key: Option<PathBuf>,
    /// Content bundle, or archive, to look into
    #[arg(long, value_name = "FILE", conflicts_with_all = ["image", "expect_none"])]
    pub bundle: Option<PathBuf>,
    /// Also read content bundles of the images above 256 MiB
    #[arg(long, requires = "image")]
    pub bundles: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub images: Images,
}

/// Arguments of `sign`.
#[derive(Debug, Args)]
pub struct SignArgs {
    /// Name of the definition; optional if there is only one
    pub name: Option<String>,
    /// Write the signature to FILE [default: NAME.sig.bin, or NAME.sig.hex with --hex]
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write lower-case hexadecimal digits without a newline, as an upload to a host has them
    #[arg(long)]
    pub hex: bool,
}

/// Arguments of `attest`.
#[derive(Debug, Args)]
pub struct AttestArgs {
    /// Name of the definition; optional if there is only one
    pub name: Option<String>,
    /// Also read content bundles of the images above 256 MiB
    #[arg(long, requires = "image")]
    pub bundles: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub images: Images,
    /// URI of the builder that runs this command, such as a CI system [default: an unknown
    /// builder]
    #[arg(long, value_name = "URI", value_parser = uri)]
    pub builder_id: Option<String>,
    /// Include the time, or that of SOURCE_DATE_EPOCH if it is set
    #[arg(long)]
    pub timestamp: bool,
}

/// Built images.
#[derive(Debug, Args)]
pub struct Images {
    /// Built image to look into; can be repeated
    #[arg(long, value_name = "FILE")]
    pub image: Vec<PathBuf>,
    /// Skip the comparison with the .sha256 file beside an image, which reads the whole image
    #[arg(long, requires = "image")]
    pub no_checksum: bool,
}

/// Output format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a terminal
    Table,
    /// The same as --json
    Json,
    /// For comments on merge requests
    Markdown,
}

/// Output format of `show`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ShowFormat {
    /// For a terminal
    Table,
    /// The same as --json
    Json,
    /// For comments on merge requests
    Markdown,
    /// A self-contained page for handover documents
    Html,
    /// A CycloneDX 1.6 BOM of the profiles and packs, in JSON
    Cyclonedx,
}

impl From<Format> for ShowFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Table => Self::Table,
            Format::Json => Self::Json,
            Format::Markdown => Self::Markdown,
        }
    }
}

/// Arguments of `show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Name of a definition, or path to an archive or a content bundle; optional if there is only
    /// one definition
    #[arg(value_name = "NAME or FILE")]
    pub what: Option<OsString>,
    /// Output format [default: table]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<ShowFormat>,
    /// Include the time in a CycloneDX BOM, or that of SOURCE_DATE_EPOCH if it is set
    #[arg(long, requires = "format")]
    pub timestamp: bool,
}

/// Arguments of `diff`.
#[derive(Debug, Args)]
pub struct DiffArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub fleet: Fleet,
    /// Output format [default: table]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<Format>,
}

/// Arguments of `outdated`.
#[derive(Debug, Args)]
pub struct OutdatedArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub definitions: OneOrAll,
    /// Exit with 3 if a profile has a newer version
    #[arg(long)]
    pub exit_code: bool,
    /// Output format [default: table]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<Format>,
}

/// Arguments of `upgrade`.
#[derive(Debug, Args)]
pub struct UpgradeArgs {
    /// Names of profiles, or name@version for one version only [default: all]
    #[arg(value_name = "PROFILE")]
    pub profiles: Vec<String>,
    /// Version to write, even an older one; it must be published
    #[arg(
        long,
        value_name = "VERSION",
        requires = "profiles",
        conflicts_with = "major",
        value_parser = version
    )]
    pub to: Option<String>,
    /// Also write versions with another major version
    #[arg(long)]
    pub major: bool,
    /// Definition to change [default: all that have the profile]
    #[arg(long = "in", value_name = "NAME")]
    pub within: Option<String>,
}

/// Arguments of `list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub definitions: OneOrAll,
    /// Output format [default: table]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<Format>,
}
