//! Every table and key of `profiles.toml`, each described in one place.
//!
//! The reader uses these descriptions to determine which keys a table has and what their values
//! must be, `schema` generates the JSON Schema from them, and a test generates the tables of
//! `docs/reference.md`. The reader alone checks what a description cannot express, such as that
//! a file exists or that two URLs name the same project.

use super::{CLOUD_TYPE, METADATA_NAME};
use crate::util::endpoint::Endpoint;
use crate::util::host_address;
use crate::util::limits::Limits;
use crate::util::repository;
use crate::util::uid;

/// The longest silence in seconds, unless `timeout` is set.
pub const TIMEOUT: u64 = 30;
/// The number of attempts after the first, unless `retries` is set.
pub const RETRIES: u32 = 4;

/// Matches a text that is not only white space.
pub const NOT_BLANK: &str = r"\S";
/// Matches a text without surrounding white space and without control characters.
const WORD: &str = r"^[^\s\u0000-\u001f\u007f-\u009f]([^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f])?$";
/// Matches the URL of a cluster profile's page in the console, in a project or the tenant.
const PAGE: &str =
    r"^[hH][tT][tT][pP][sS]?://[\s\S]+/profiles/+cluster/+[0-9a-fA-F]{24}([/?#][\s\S]*)?$";
/// Matches a name and a version on either side of the last `@`.
const NAME_AND_VERSION: &str = r"^[^@][\s\S]*@[^@]*[^@]$|^@[\s\S]*@[^@]+$";
/// Matches a size with its unit.
pub const SIZE: &str = r"^\s*\+?0*[1-9][0-9]*\s*(B|KiB|MiB|GiB)\s*$";
/// Matches the digest of a certificate.
const FINGERPRINT: &str = r"^\s*([0-9A-Fa-f]{64}|([0-9A-Fa-f]{2}:){31}[0-9A-Fa-f]{2})\s*$";
/// Matches the name of a definition.
pub const DEFINITION_NAME: &str = "^[A-Za-z0-9_][A-Za-z0-9._-]*$";

/// The description of a table.
#[derive(Debug)]
pub struct TableSpec {
    /// The name of the table in the schema.
    pub name: &'static str,
    /// The purpose of the table.
    pub about: &'static str,
    /// The keys, in the order of the documentation.
    pub keys: &'static [Key],
    /// Keys of which the table needs at least one; empty if there is no such rule.
    pub any_of: &'static [&'static str],
    /// The forms of the table, if there is more than one.
    pub forms: &'static [TableForm],
}

/// A form of a table that has several. The table contains the keys that the form requires and
/// any that no form requires, but no others.
#[derive(Debug)]
pub struct TableForm {
    /// The name of the form in the schema.
    pub name: &'static str,
    /// The purpose of the form.
    pub about: &'static str,
    /// The keys that the form requires.
    pub requires: &'static [&'static str],
}

/// The description of a key.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// The key as it is written in the file.
    pub name: &'static str,
    /// The kind of its value.
    pub kind: Kind,
    /// What the key means, in sentences.
    pub about: &'static str,
    /// The value if the key is missing.
    pub default: DefaultValue,
    /// Whether the table must contain the key.
    pub is_required: bool,
}

/// The kind of a value.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// A string that matches a regular expression.
    Text(&'static str),
    /// A path, relative to the directory of the file.
    Path,
    /// A program and its arguments.
    Command,
    /// A whole number that is at least this one.
    Number(u64),
    /// True or false.
    Boolean,
    /// A number of bytes, at least 1: a number, or a string such as `"2 GiB"`.
    Size,
    /// An array of what `allow` accepts ([`Allow::names`](super::Allow::names)).
    Refusals,
    /// A table.
    Table(&'static TableSpec),
    /// A table of tables, whose keys are names that the user chooses.
    NamedTables(&'static TableSpec),
    /// An array of distinct tables.
    Tables(&'static TableSpec),
    /// An array of distinct profiles, at least one: strings ([`REFERENCES`]) or tables.
    Profiles(&'static TableSpec),
}

/// The value of a missing key.
#[derive(Debug, Clone, Copy)]
pub enum DefaultValue {
    /// None, or what the description of the key says.
    None,
    /// This text.
    Text(&'static str),
    /// This number.
    Number(u64),
    /// This number of bytes, a multiple of 1 GiB.
    Size(u64),
    /// This truth value.
    Boolean(bool),
}

/// A form of a profile that is written as a string.
#[derive(Debug)]
pub struct TextForm {
    /// What the string is.
    pub about: &'static str,
    /// A regular expression that the string matches.
    pub pattern: &'static str,
    /// A further regular expression that the string matches.
    pub and: Option<&'static str>,
    /// A regular expression that the string does not match.
    pub not: Option<&'static str>,
}

impl TableSpec {
    /// Returns the key `name`.
    #[must_use]
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

impl Kind {
    /// Returns the name of the kind in messages.
    #[must_use]
    pub fn expected(&self) -> &'static str {
        match self {
            Self::Text(_) | Self::Path => "a string",
            Self::Command | Self::Refusals => "an array of strings",
            Self::Number(_) => "a whole number",
            Self::Boolean => "true or false",
            Self::Size => "a size such as \"2 GiB\"",
            Self::Table(_) | Self::NamedTables(_) => "a table",
            Self::Tables(_) => "an array of tables",
            Self::Profiles(_) => "an array of profiles",
        }
    }
}

const fn key(name: &'static str, kind: Kind, about: &'static str) -> Key {
    Key {
        name,
        kind,
        about,
        default: DefaultValue::None,
        is_required: false,
    }
}

impl Key {
    const fn default(self, default: DefaultValue) -> Self {
        Self { default, ..self }
    }

    const fn required(self) -> Self {
        Self {
            is_required: true,
            ..self
        }
    }
}

const fn table(name: &'static str, about: &'static str, keys: &'static [Key]) -> TableSpec {
    TableSpec {
        name,
        about,
        keys,
        any_of: &[],
        forms: &[],
    }
}

/// The whole file.
pub static FILE: TableSpec = table(
    "profiles.toml",
    "The cluster definitions that are built into CanvOS installer images. Paths in it are \
     relative to the file. The API key is never in it.",
    &[
        key("palette", Kind::Table(&PALETTE), PALETTE.about),
        key("canvos", Kind::Table(&CANVOS), CANVOS.about),
        key("cache", Kind::Table(&CACHE), CACHE.about),
        key("registry", Kind::Table(&REGISTRY), REGISTRY.about),
        key("signing", Kind::Table(&SIGNING), SIGNING.about),
        key("hosts", Kind::Table(&HOSTS), HOSTS.about),
        key(
            "host",
            Kind::NamedTables(&HOST),
            "One table for each edge host. Names are like those of definitions.",
        ),
        key("limits", Kind::Table(&LIMITS), LIMITS.about),
        key(
            "definition",
            Kind::NamedTables(&DEFINITION),
            "One table for each cluster definition. A name consists of letters, digits, `.`, \
             `_` and `-`, and starts with neither `.` nor `-`.",
        )
        .required(),
    ],
);

/// `[palette]`.
pub static PALETTE: TableSpec = table(
    "Palette",
    "Where Palette is, and how to reach it.",
    &[
        key(
            "endpoint",
            Kind::Text(NOT_BLANK),
            "Address of the API, with its scheme. No user name, query, fragment, console page or \
             `/v1`.",
        )
        .default(DefaultValue::Text(Endpoint::DEFAULT)),
        key(
            "project",
            Kind::Text(NOT_BLANK),
            "24 hexadecimal digits are a uid, anything else is a name. May be missing if all \
             profiles are tenant-scoped.",
        ),
        key(
            "ca-cert",
            Kind::Path,
            "PEM file with certificate authorities to trust besides those of the system.",
        ),
        key(
            "api-key-file",
            Kind::Path,
            "File that contains nothing but the API key.",
        ),
        key(
            "api-key-command",
            Kind::Command,
            "Program and arguments; its standard output is the API key. It runs in the \
             directory of the file, without a shell.",
        ),
        key(
            "timeout",
            Kind::Number(1),
            "How many seconds may pass without progress while connecting, waiting or \
             reading. A download that makes progress may take any time.",
        )
        .default(DefaultValue::Number(TIMEOUT)),
        key("retries", Kind::Number(0), "Attempts after the first.")
            .default(DefaultValue::Number(RETRIES as u64)),
        key(
            "allow-http",
            Kind::Boolean,
            "Whether plain HTTP may be used to a host other than this one.",
        )
        .default(DefaultValue::Boolean(false)),
    ],
);

/// `[canvos]`.
pub static CANVOS: TableSpec = table(
    "Canvos",
    "The CanvOS checkout, and how to build it.",
    &[
        key(
            "dir",
            Kind::Path,
            "The CanvOS checkout, which has `Earthfile` and `overlay/files-iso/`.",
        )
        .default(DefaultValue::Text(".")),
        key(
            "build",
            Kind::Command,
            "The command of `edgestage build`, run in the checkout. Without it, `+iso` is \
             built with `earth` or `earthly`, whichever is in `PATH`, or else with \
             `./earthly.sh`.",
        ),
        key(
            "rehearse",
            Kind::Boolean,
            "Whether `edgestage build` runs the copy steps of the build first, and stops if \
             they do not copy the locked definition.",
        )
        .default(DefaultValue::Boolean(true)),
    ],
);

/// `[cache]`.
pub static CACHE: TableSpec = table(
    "Cache",
    "Where archives are kept.",
    &[key(
        "dir",
        Kind::Path,
        "Directory of the cache. Without it, the cache directory of the user.",
    )],
);

/// `[registry]`.
pub static REGISTRY: TableSpec = table(
    "Registry",
    "The team's OCI registry, from which locked archives are pulled. Its credentials are those \
     that docker and podman have, and never in this file.",
    &[
        key(
            "repository",
            Kind::Text(repository::PATTERN),
            "The repository, as `HOST/PATH` or `HOST:PORT/PATH`. No scheme, user name, tag or \
             digest.",
        )
        .required(),
        key(
            "ca-cert",
            Kind::Path,
            "PEM file with certificate authorities to trust besides those of the system.",
        ),
    ],
);

/// `[signing]`.
pub static SIGNING: TableSpec = table(
    "Signing",
    "What makes signatures for hosts whose image carries a public key. A private key is never \
     in this file.",
    &[
        key(
            "private-key-file",
            Kind::Path,
            "PEM file with the RSA private key, PKCS #8 or PKCS #1, of 2048 to 4096 bits and \
             without a passphrase.",
        ),
        key(
            "sign-command",
            Kind::Command,
            "Program and arguments, in place of `private-key-file`. The path of the archive is \
             its last argument; its standard output is the raw signature. It runs in the \
             directory of the file, without a shell.",
        ),
        key(
            "public-key",
            Kind::Path,
            "PEM file with the RSA public key that images must carry, and with which \
             signatures are compared.",
        ),
    ],
);

const HOST_USER: Key = key(
    "user",
    Kind::Text(NOT_BLANK),
    "User of the host's operating system, with which to log in.",
);
const HOST_PASSWORD_FILE: Key = key(
    "password-file",
    Kind::Path,
    "File that contains nothing but the password.",
);
const HOST_PASSWORD_COMMAND: Key = key(
    "password-command",
    Kind::Command,
    "Program and arguments; its standard output is the password. It runs in the directory of the \
     file, without a shell.",
);
const HOST_CA_CERT: Key = key(
    "ca-cert",
    Kind::Path,
    "PEM file with the certificates to trust: certificate authorities, or a host's own. The \
     system's authorities do not count.",
);

/// `[hosts]`.
pub static HOSTS: TableSpec = table(
    "Hosts",
    "Defaults of all edge hosts. A password is never in this file.",
    &[
        HOST_USER,
        HOST_PASSWORD_FILE,
        HOST_PASSWORD_COMMAND,
        HOST_CA_CERT,
    ],
);

/// `[host.NAME]`.
pub static HOST: TableSpec = table(
    "Host",
    "One edge host. `user`, `ca-cert` and the password's place override those of `[hosts]`.",
    &[
        key(
            "address",
            Kind::Text(host_address::PATTERN),
            "Name or IP address, with the port unless it is 5080. An IPv6 address is in brackets.",
        )
        .required(),
        key(
            "definition",
            Kind::Text(DEFINITION_NAME),
            "The definition that the host is to hold. May be missing if there is only one.",
        ),
        key(
            "certificate-sha256",
            Kind::Text(FINGERPRINT),
            "SHA-256 of the host's certificate (DER), with or without colons. The certificate is \
             trusted whatever names and dates it has.",
        ),
        HOST_USER,
        HOST_PASSWORD_FILE,
        HOST_PASSWORD_COMMAND,
        HOST_CA_CERT,
    ],
);

/// `[limits]`.
pub static LIMITS: TableSpec = table(
    "Limits",
    "How much an archive may hold before it is refused. A size is a number of bytes, or a text \
     such as `\"512 MiB\"` with B, KiB, MiB or GiB.",
    &[
        key("archive", Kind::Size, "The archive, compressed.")
            .default(DefaultValue::Size(Limits::DEFAULT.archive)),
        key(
            "unpacked",
            Kind::Size,
            "What it unpacks to, headers and padding included.",
        )
        .default(DefaultValue::Size(Limits::DEFAULT.unpacked)),
        key("entries", Kind::Number(1), "Files, directories and links.")
            .default(DefaultValue::Number(Limits::DEFAULT.entries)),
    ],
);

/// `[definition.NAME]`.
pub static DEFINITION: TableSpec = table(
    "Definition",
    "One cluster definition.",
    &[
        key(
            "profiles",
            Kind::Profiles(&PROFILE),
            "The profiles, in the order in which they are sent.",
        )
        .required(),
        key(
            "project",
            Kind::Text(NOT_BLANK),
            "As in `[palette]`. Without it, the project of the console URLs, or else that of \
             `[palette]`.",
        ),
        key(
            "canvos",
            Kind::Path,
            "The checkout of this definition. Without it, that of `[canvos]`.",
        ),
        key(
            "name",
            Kind::Text(NOT_BLANK),
            "`metadata.name` of the request.",
        )
        .default(DefaultValue::Text(METADATA_NAME)),
        key(
            "cloud-type",
            Kind::Text(NOT_BLANK),
            "`spec.cloudType` of the request.",
        )
        .default(DefaultValue::Text(CLOUD_TYPE)),
        key(
            "allow",
            Kind::Refusals,
            "Refusals to turn into warnings: `profile-missing`, and traps by their numbers or names.",
        ),
    ],
);

/// The forms of an entry of `profiles` that is a string.
pub static REFERENCES: [TextForm; 3] = [
    TextForm {
        about: "24 hexadecimal digits: the profile's uid.",
        pattern: uid::PATTERN,
        and: None,
        not: None,
    },
    TextForm {
        about: "The profile's page in the console.",
        pattern: PAGE,
        and: None,
        not: None,
    },
    TextForm {
        about: "`name@version`; the last `@` counts.",
        pattern: NAME_AND_VERSION,
        and: Some(WORD),
        not: Some("://"),
    },
];

/// An entry of `profiles` that is a table.
pub static PROFILE: TableSpec = TableSpec {
    name: "Profile",
    about: "A profile: a uid, the URL of its page in the console, or `name@version`, as a string \
            or as a table.",
    keys: &[
        key("uid", Kind::Text(uid::PATTERN), "24 hexadecimal digits."),
        key(
            "url",
            Kind::Text(PAGE),
            "The profile's page in the console.",
        ),
        key("name", Kind::Text(WORD), "The profile's name."),
        key("version", Kind::Text(WORD), "The profile's version."),
        key(
            "packs",
            Kind::Tables(&PACK),
            "Overrides of the profile's packs.",
        ),
    ],
    any_of: &[],
    forms: &[
        TableForm {
            name: "ProfileByUid",
            about: "A profile by its uid, with overrides.",
            requires: &["uid"],
        },
        TableForm {
            name: "ProfileByUrl",
            about: "A profile by its page in the console, with overrides.",
            requires: &["url"],
        },
        TableForm {
            name: "ProfileByName",
            about: "A profile by its name and version, with overrides.",
            requires: &["name", "version"],
        },
    ],
};

/// An entry of `packs`.
pub static PACK: TableSpec = TableSpec {
    name: "Pack",
    about: "What overrides a pack of the profile: `tag`, `values` or both.",
    keys: &[
        key("name", Kind::Text(NOT_BLANK), "A pack of this profile.").required(),
        key("tag", Kind::Text(NOT_BLANK), "Another version of the pack."),
        key(
            "values",
            Kind::Path,
            "YAML file that replaces the pack's values; UTF-8, at most 4 MiB.",
        ),
    ],
    any_of: &["tag", "values"],
    forms: &[],
};
