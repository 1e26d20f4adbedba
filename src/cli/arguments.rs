//! The arguments of each command.

// What stands above fields here is shown as help, where backticks are noise.
#![allow(clippy::doc_markdown)]

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::canvos::preflight::Target;
use crate::diagnostic::help_topic::HelpTopic;
use crate::diagnostic::{Code, Trap};
use crate::util::suggest::nearest;

/// Definitions that are fetched at once where `--jobs` does not say (docs/reference.md).
pub const JOBS: u16 = 16;

/// What to do with the cache.
#[derive(Debug, Subcommand)]
pub enum CacheCommand {
    /// List the cached archives, and which definition each is
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
    /// Keep what profiles.lock names
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
    /// Do not ask, even on a terminal
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
    /// Also write .gitlab-ci.yml
    #[arg(long)]
    pub gitlab: bool,
}

/// Arguments of `add`.
#[derive(Debug, Args)]
pub struct AddArgs {
    /// Profiles: console URLs, uids or name@version
    #[arg(value_name = "PROFILE", required = true)]
    pub references: Vec<String>,
    /// Name of the definition; optional if there is only one
    #[arg(long, value_name = "NAME")]
    pub to: Option<String>,
}

/// Arguments of `remove`.
#[derive(Debug, Args)]
pub struct RemoveArgs {
    /// Profiles as written in profiles.toml, or the name of a definition
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
    /// New name
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
    /// Names of definitions; all if none is given
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
}

/// Any number of definitions, several at once.
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
    /// How many definitions to fetch at once
    #[arg(long, short, value_name = "N", default_value_t = JOBS, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: u16,
}

/// What is built, and which traps are accepted.
#[derive(Debug, Args)]
pub struct PreflightArgs {
    /// CanvOS target that will be built; can be repeated [default: the ISOs]
    #[arg(long, value_name = "TARGET", value_parser = target)]
    pub target: Vec<Target>,
    /// Accept a trap, such as T11; can be repeated
    #[arg(long, value_name = "ID", value_parser = trap)]
    pub allow: Vec<Trap>,
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

/// The section about a topic, a trap or the code of a message.
fn explained(id: &str) -> Result<&'static str, String> {
    let id = id.to_ascii_lowercase();
    let topic = HelpTopic::parse(&id).map(HelpTopic::name);
    let trap = || Some(Trap::parse(&id)?.code());
    let code = || Some(Code::parse(&id)?.section());
    let topics = HelpTopic::ALL.iter().map(|topic| topic.name());
    let codes = Code::ALL.iter().map(|code| code.token());
    let traps = Trap::ALL.iter().map(|trap| trap.name());
    let known = topics.chain(codes).chain(traps);
    topic
        .or_else(trap)
        .or_else(code)
        .ok_or_else(|| match nearest(&id, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`edgestage explain` lists what there is".to_owned(),
        })
}

impl PreflightArgs {
    /// What will be built.
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
    pub care: PreflightArgs,
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
    /// Accept a trap, such as T11; can be repeated
    #[arg(long, value_name = "ID", value_parser = trap)]
    pub allow: Vec<Trap>,
    /// Set CLUSTERCONFIG=spc.tgz in the checkout's .arg, and change nothing else in it
    #[arg(long)]
    pub fix_arg: bool,
    /// Arguments of the build command; a +target replaces +iso
    #[arg(last = true, value_name = "ARGS")]
    pub arguments: Vec<String>,
}

/// Arguments of `rehearse`.
#[derive(Debug, Args)]
pub struct RehearseArgs {
    /// Definitions to rehearse, one after the other; optional if there is only one
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// How long the build program may take
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    pub timeout: u64,
    /// Arguments of the build command; a +target replaces +iso
    #[arg(last = true, value_name = "ARGS")]
    pub arguments: Vec<String>,
}

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// Topic, trap such as T11, or code of a message; all are listed if none is given
    #[arg(value_name = "TOPIC", value_parser = explained)]
    pub id: Option<&'static str>,
}

/// Arguments of `schema`.
#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// File or output to print the schema of
    #[arg(value_name = "WHAT")]
    pub of: SchemaOf,
}

/// What has a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// profiles.toml, for editors
    Profiles,
    /// profiles.lock
    Lock,
    /// The documents of --json
    Output,
}

/// Arguments of `stage`.
#[derive(Debug, Args)]
pub struct StageArgs {
    /// Names of definitions, each with a checkout of its own; optional if there is only one
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub jobs: Jobs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub care: PreflightArgs,
    /// Set CLUSTERCONFIG=spc.tgz in the checkout's .arg, and change nothing else in it
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
}

/// Arguments of `verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Name of the definition; optional if there is only one
    pub name: Option<String>,
    /// Prove that nothing is staged, or that an image holds no definition
    #[arg(long, conflicts_with = "name")]
    pub expect_none: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub images: Images,
}

/// Built images.
#[derive(Debug, Args)]
pub struct Images {
    /// Look into a built image; can be repeated
    #[arg(long, value_name = "FILE")]
    pub image: Vec<PathBuf>,
    /// Do not compare an image with the .sha256 file beside it, which requires reading the whole image
    #[arg(long, requires = "image")]
    pub no_checksum: bool,
}

/// How a result is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a terminal
    Table,
    /// What --json prints
    Json,
    /// For comments on merge requests
    Markdown,
}

/// How `show` writes its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ShowFormat {
    /// For a terminal
    Table,
    /// What --json prints
    Json,
    /// For comments on merge requests
    Markdown,
    /// A self-contained page for hand-over documents
    Html,
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
    /// Name of a definition, or path of an archive; optional if there is only one definition
    #[arg(value_name = "NAME or FILE.tgz")]
    pub what: Option<OsString>,
    /// Output format [default: table]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<ShowFormat>,
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
