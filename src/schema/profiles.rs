//! `profiles.toml` as types: what its schema is made of.
//!
//! They are read by nobody. What a schema cannot say, such as that a file is there or
//! that two URLs are of one project, the reader alone says; what a schema can say, both
//! say.

#![allow(dead_code)] // only their shape counts

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde_json::json;

use crate::manifest::{Allow, CLOUD_TYPE, METADATA_NAME};
use crate::palette::{Options, RetryPolicy};
use crate::util::endpoint::Endpoint;
use crate::util::limits::Limits;
use crate::util::uid;

/// A text that is more than white space.
const TEXT: &str = r"\S";
/// Neither white space at an end nor control characters anywhere.
const WORD: &str = r"^[^\s\u0000-\u001f\u007f-\u009f]([^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f])?$";
/// The page of a cluster profile, of a project or of the tenant.
const PAGE: &str = r"^[hH][tT][tT][pP][sS]?://.+/profiles/+cluster/+[0-9a-fA-F]{24}([/?#].*)?$";
/// What stands on either side of the last `@`.
const NAME_AND_VERSION: &str = r"^[^@].*@[^@]*[^@]$|^@.*@[^@]+$";

/// The cluster definitions that are built into CanvOS installer images. Paths in it are
/// relative to the file. The API key is never in it.
#[derive(JsonSchema)]
#[schemars(rename = "profiles.toml", deny_unknown_fields)]
pub(super) struct File {
    /// Where Palette is, and how it is talked to.
    palette: Option<Palette>,
    /// The CanvOS checkout, and how it is built.
    canvos: Option<Canvos>,
    /// Where archives are kept.
    cache: Option<Cache>,
    /// How much an archive may hold before it is refused.
    limits: Option<LimitsTable>,
    /// One table for each cluster definition. A name is of letters, digits, `.`, `_` and
    /// `-`, and starts with neither `.` nor `-`.
    #[schemars(extend(
        "minProperties" = 1,
        "propertyNames" = json!({ "pattern": "^[A-Za-z0-9_][A-Za-z0-9._-]*$" })
    ))]
    definition: BTreeMap<String, Definition>,
}

/// Where Palette is, and how it is talked to.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
struct Palette {
    /// Address of the API, with its scheme. No user name, query, fragment, console page or
    /// `/v1`.
    #[schemars(extend("default" = Endpoint::DEFAULT))]
    endpoint: Option<Text>,
    /// 24 hexadecimal digits are a uid, anything else is a name. May be missing where all
    /// profiles are tenant-scoped.
    project: Option<Text>,
    /// PEM file with authorities that are trusted besides the system's.
    ca_cert: Option<FilePath>,
    /// File with nothing but the key.
    api_key_file: Option<FilePath>,
    /// Program and arguments; its standard output is the key. Runs in the file's
    /// directory, without a shell.
    api_key_command: Option<Argv>,
    /// How many seconds nothing may happen while connecting, waiting or reading. A
    /// download that keeps flowing may take any time.
    #[schemars(range(min = 1), extend("default" = Options::TIMEOUT))]
    timeout: Option<u64>,
    /// Attempts after the first.
    #[schemars(extend("default" = RetryPolicy::RETRIES))]
    retries: Option<u64>,
    /// Whether plain HTTP may go to another host than this one.
    #[schemars(extend("default" = false))]
    allow_http: Option<bool>,
}

/// The CanvOS checkout, and how it is built.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Canvos {
    /// The CanvOS checkout: has `Earthfile` and `overlay/files-iso/`.
    #[schemars(extend("default" = "."))]
    dir: Option<FilePath>,
    /// The command of `edgestage build`, run in the checkout. Without it `+iso` is built with
    /// `earth` or `earthly`, whichever is in `PATH`, else with `./earthly.sh`.
    build: Option<Argv>,
}

/// Where archives are kept.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Cache {
    /// Directory of the cache. Without it the user's cache directory.
    dir: Option<FilePath>,
}

/// How much an archive may hold before it is refused. A size is a number of bytes, or a
/// text such as `"512 MiB"` with B, KiB, MiB or GiB.
#[derive(JsonSchema)]
#[schemars(rename = "Limits", deny_unknown_fields)]
struct LimitsTable {
    /// The archive, compressed.
    #[schemars(extend("default" = gibibytes(Limits::default().archive)))]
    archive: Option<Size>,
    /// What it unpacks to, headers and padding included.
    #[schemars(extend("default" = gibibytes(Limits::default().unpacked)))]
    unpacked: Option<Size>,
    /// Files, directories and links.
    #[schemars(range(min = 1), extend("default" = Limits::default().entries))]
    entries: Option<u64>,
}

fn gibibytes(bytes: u64) -> String {
    format!("{} GiB", bytes >> 30)
}

/// One cluster definition.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
struct Definition {
    /// The profiles, in the order in which they are sent.
    #[schemars(length(min = 1), extend("uniqueItems" = true))]
    profiles: Vec<Profile>,
    /// As in `[palette]`. Without it the project of the console URLs, else `[palette]`'s.
    project: Option<Text>,
    /// This definition's checkout. Without it that of `[canvos]`.
    canvos: Option<FilePath>,
    /// `metadata.name` of the request.
    #[schemars(extend("default" = METADATA_NAME))]
    name: Option<Text>,
    /// `spec.cloudType` of the request.
    #[schemars(extend("default" = CLOUD_TYPE))]
    cloud_type: Option<Text>,
    /// Refusals that become warnings.
    #[schemars(extend("items" = json!({ "enum": Allow::ALL.map(|(name, _)| name) })))]
    allow: Option<Vec<String>>,
}

/// A profile: a uid, the URL of its page in the console, or `name@version`, as a string or
/// as a table.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Profile {
    /// 24 hexadecimal digits: the profile's uid.
    Uid(#[schemars(regex(pattern = uid::PATTERN))] String),
    /// The profile's page in the console.
    Url(#[schemars(regex(pattern = PAGE))] String),
    /// `name@version`; the last `@` counts.
    NameAndVersion(
        #[schemars(
            regex(pattern = NAME_AND_VERSION),
            extend("allOf" = json!([{ "pattern": WORD }]), "not" = json!({ "pattern": "://" }))
        )]
        String,
    ),
    /// A profile by its uid, with overrides.
    TableWithUid(ProfileByUid),
    /// A profile by its page in the console, with overrides.
    TableWithUrl(ProfileByUrl),
    /// A profile by its name and version, with overrides.
    TableWithName(ProfileByName),
}

/// A profile by its uid, with overrides.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct ProfileByUid {
    /// 24 hexadecimal digits.
    #[schemars(regex(pattern = uid::PATTERN))]
    uid: String,
    /// Overrides of the profile's packs.
    packs: Option<Overrides>,
}

/// A profile by its page in the console, with overrides.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct ProfileByUrl {
    /// The profile's page in the console.
    #[schemars(regex(pattern = PAGE))]
    url: String,
    /// Overrides of the profile's packs.
    packs: Option<Overrides>,
}

/// A profile by its name and version, with overrides.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct ProfileByName {
    /// The profile's name.
    #[schemars(regex(pattern = WORD))]
    name: String,
    /// The profile's version.
    #[schemars(regex(pattern = WORD))]
    version: String,
    /// Overrides of the profile's packs.
    packs: Option<Overrides>,
}

/// Overrides of a profile's packs.
#[derive(JsonSchema)]
#[schemars(inline, extend("uniqueItems" = true))]
struct Overrides(Vec<Pack>);

/// What overrides a pack of the profile: `tag`, `values` or both.
#[derive(JsonSchema)]
#[schemars(
    deny_unknown_fields,
    extend("anyOf" = json!([{ "required": ["tag"] }, { "required": ["values"] }]))
)]
struct Pack {
    /// A pack of this profile.
    name: Text,
    /// Another version of the pack.
    tag: Option<Text>,
    /// YAML file that replaces the pack's values; UTF-8, at most 4 MiB.
    values: Option<FilePath>,
}

#[derive(JsonSchema)]
#[schemars(inline, extend("pattern" = TEXT))]
struct Text(String);

#[derive(JsonSchema)]
#[schemars(inline, title = "path", extend("pattern" = TEXT))]
struct FilePath(String);

#[derive(JsonSchema)]
#[schemars(inline)]
struct Argv(#[schemars(length(min = 1))] Vec<String>);

#[derive(JsonSchema)]
#[schemars(inline, untagged, title = "size")]
enum Size {
    Bytes(#[schemars(range(min = 1))] u64),
    Text(#[schemars(regex(pattern = r"^\s*\+?0*[1-9][0-9]*\s*(B|KiB|MiB|GiB)\s*$"))] String),
}
