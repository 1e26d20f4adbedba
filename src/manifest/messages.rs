//! Messages about mistakes in `profiles.toml`: one function for each kind of mistake, from data
//! to a [`Diagnostic`] with its place.
//!
//! The messages for a missing manifest and for an unknown definition are in
//! `src/error/messages/manifest.rs`.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::Allow;
use super::reference::InvalidReference;
use crate::diagnostic::{Code, Diagnostic, Source};
use crate::util::endpoint::InvalidEndpoint;
use crate::util::host_address::InvalidHostAddress;
use crate::util::repository::InvalidRepository;
use crate::util::sanitize;
use crate::util::suggest::nearest;
use crate::util::uid::{DIGITS, Uid};

/// The rule for definition names.
pub const NAMES: &str =
    "a name consists of letters, digits, `.`, `_` and `-`, and starts with neither `.` nor `-`";

/// A place in the file.
pub(super) struct Place<'s> {
    pub source: &'s Arc<Source>,
    pub span: Range<usize>,
}

fn error(
    code: Code,
    place: Place<'_>,
    title: impl Into<String>,
    label: impl Into<String>,
    help: impl Into<String>,
) -> Diagnostic {
    Diagnostic::error(code, title)
        .at(place.source, place.span, label)
        .help(help)
}

// Messages about the text of the file.

pub(super) fn utf16(path: &Path) -> Diagnostic {
    let title = format!("`{}` is UTF-16, not UTF-8", sanitize::path(path));
    Diagnostic::error(Code::ManifestEncoding, title).help("save it as UTF-8 in your editor")
}

pub(super) fn not_utf8(path: &Path, byte: u8, line: usize) -> Diagnostic {
    let path = sanitize::path(path);
    let title = format!("`{path}` is not UTF-8: byte 0x{byte:02x} on line {line}");
    let help = format!("retype the character on line {line} and save the file as UTF-8");
    Diagnostic::error(Code::ManifestEncoding, title).help(help)
}

pub(super) fn merge_conflict(place: Place<'_>) -> Diagnostic {
    error(
        Code::MergeConflict,
        place,
        "the file contains an unresolved merge conflict",
        "it begins here",
        "keep one side, and remove the lines `<<<<<<<`, `=======` and `>>>>>>>`",
    )
}

pub(super) fn not_toml(place: Place<'_>, why: &str) -> Diagnostic {
    error(
        Code::InvalidToml,
        place,
        "the file is not valid TOML",
        why,
        "fix the syntax here",
    )
}

/// Replaces the mistakes that are not listed: a file with that many has a common cause.
pub(super) fn more_mistakes(more: usize) -> Diagnostic {
    let more = sanitize::count(more, "more error");
    Diagnostic::error(Code::MoreMistakes, format!("the file has {more}"))
        .help("fix the errors above, then run the command again")
}

// Messages about keys.

/// A key of `table` holds a secret, although the file is meant for version control.
pub(super) fn secret(place: Place<'_>, key: &str, table: &str) -> Diagnostic {
    let (instead, revoke) = match table {
        "[registry]" => (
            "remove the line, and log in with `docker login` or `podman login` instead",
            "if anyone else has seen the file, change the password",
        ),
        table if table.starts_with("[host") => (
            "remove the line, and set `EDGESTAGE_HOST_PASSWORD`, `password-file` or \
             `password-command` instead",
            "if anyone else has seen the file, change the password on the hosts",
        ),
        _ => (
            "remove the line, and set `PALETTE_API_KEY` instead",
            "if anyone else has seen the file, revoke the key in Palette",
        ),
    };
    error(
        Code::SecretInManifest,
        place,
        format!(
            "the secret `{}` must not be in this file",
            key.escape_debug()
        ),
        "this file is meant to be committed",
        instead,
    )
    .help(revoke)
}

/// `table` does not have this key; `near` is a similar key that it has, if there is one.
pub(super) fn unknown_key(
    place: Place<'_>,
    key: &str,
    table: &str,
    known: &[&str],
    near: Option<&str>,
) -> Diagnostic {
    let title = format!("unknown key `{}` in {table}", key.escape_debug());
    if let Some(near) = near {
        let (label, help) = (format!("did you mean `{near}`?"), format!("write `{near}`"));
        return error(Code::UnknownKey, place, title, label, help);
    }
    let help = format!("remove it; {table} accepts {}", list(known));
    let own = env!("CARGO_PKG_VERSION");
    error(Code::UnknownKey, place, title, "unknown", help).help(format!(
        "if the key belongs to a newer edgestage, install that version: this is {own}"
    ))
}

/// Returns a list such as `a`, `b` and `c`.
fn list(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// A table beside the known ones looks like a definition.
pub(super) fn not_a_definition(place: Place<'_>, name: &str) -> Diagnostic {
    let name = name.escape_debug();
    error(
        Code::UnknownKey,
        place,
        format!("`[{name}]` is not a definition"),
        "it has `profiles`",
        format!("write `[definition.{name}]`"),
    )
}

// Messages about values.

/// A value has the wrong type. `what` is a key, a table in brackets, or a phrase of edgestage
/// such as `a profile`.
pub(super) fn wrong_type(place: Place<'_>, what: &str, expected: &str, found: &str) -> Diagnostic {
    // A phrase of edgestage is not a key of the file.
    let what = if what.starts_with('[') || what.starts_with("a ") {
        what.to_owned()
    } else {
        format!("`{what}`")
    };
    error(
        Code::WrongType,
        place,
        format!("{what} must be {expected}"),
        format!("this is {found}"),
        format!("write {expected}"),
    )
}

pub(super) fn empty(place: Place<'_>, key: &str) -> Diagnostic {
    let help = format!("write a value, or remove the line `{key}`");
    let title = format!("`{key}` is empty");
    error(Code::InvalidValue, place, title, "", help)
}

pub(super) fn out_of_range(place: Place<'_>, key: &str, least: u64) -> Diagnostic {
    error(
        Code::InvalidValue,
        place,
        format!("`{key}` is out of range"),
        format!("expected a whole number of at least {least}"),
        format!("write a whole number of at least {least}"),
    )
}

pub(super) fn not_a_size(place: Place<'_>, key: &str) -> Diagnostic {
    error(
        Code::InvalidValue,
        place,
        format!("`{key}` is not a size"),
        "expected a number with B, KiB, MiB or GiB",
        "write it as `\"512 MiB\"` or `\"4 GiB\"`",
    )
}

pub(super) fn no_program(place: Place<'_>, key: &str) -> Diagnostic {
    error(
        Code::InvalidValue,
        place,
        format!("`{key}` does not name a program"),
        "empty",
        format!("write the program and its arguments: `{key} = [\"program\", \"argument\"]`"),
    )
}

pub(super) fn not_an_endpoint(place: Place<'_>, why: &InvalidEndpoint) -> Diagnostic {
    error(
        Code::InvalidValue,
        place,
        "`endpoint` is not a Palette address",
        why.to_string(),
        why.help(),
    )
}

pub(super) fn not_a_repository(place: Place<'_>, why: &InvalidRepository) -> Diagnostic {
    error(
        Code::InvalidValue,
        place,
        "`repository` is not a repository of a registry",
        why.why.label(),
        why.help(),
    )
}

pub(super) fn no_repository(place: Place<'_>) -> Diagnostic {
    error(
        Code::MissingKey,
        place,
        "`[registry]` does not name a repository",
        "`repository` is missing",
        "write `repository = \"HOST/PATH\"`, or remove the table",
    )
}

pub(super) fn two_signers(place: Place<'_>) -> Diagnostic {
    error(
        Code::InvalidValue,
        place,
        "`[signing]` names two ways to sign",
        "`sign-command` is set, too",
        "remove `private-key-file` or `sign-command`",
    )
}

pub(super) fn unknown_allow(place: Place<'_>, name: &str) -> Diagnostic {
    let help = match nearest(name, Allow::names()) {
        Some(near) => format!("write `{near}`, or remove it"),
        None => "write `profile-missing`, or the number or the name of a trap, or remove it".into(),
    };
    error(
        Code::InvalidValue,
        place,
        format!("`{}` is not a valid value of `allow`", name.escape_debug()),
        "unknown",
        help,
    )
}

// Messages about edge hosts.

pub(super) fn not_a_host_name(place: Place<'_>) -> Diagnostic {
    error(
        Code::InvalidValue,
        place,
        "this is not a valid name of a host",
        "not a name",
        NAMES,
    )
}

pub(super) fn not_a_host_address(place: Place<'_>, why: InvalidHostAddress) -> Diagnostic {
    error(
        Code::InvalidValue,
        place,
        "`address` is not the address of an edge host",
        why.label(),
        why.help(),
    )
}

pub(super) fn no_address(place: Place<'_>) -> Diagnostic {
    error(
        Code::MissingKey,
        place,
        "the host has no address",
        "`address` is missing",
        "write `address = \"192.168.7.21\"`, with the host's name or IP address",
    )
}

pub(super) fn not_a_fingerprint(place: Place<'_>) -> Diagnostic {
    error(
        Code::InvalidValue,
        place,
        "`certificate-sha256` is not a SHA-256 digest",
        "expected 64 hexadecimal digits, with or without colons",
        "run `edgestage host check` without the key: the message shows the digest",
    )
}

pub(super) fn no_such_definition(place: Place<'_>, name: &str, near: Option<&str>) -> Diagnostic {
    error(
        Code::InvalidValue,
        place,
        format!("there is no definition `{}`", name.escape_debug()),
        match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => "no such definition".to_owned(),
        },
        "name a definition of this file",
    )
}

pub(super) fn same_address(place: Place<'_>, first: &str, address: &str) -> Diagnostic {
    error(
        Code::InvalidValue,
        place,
        format!("the host has the address of `{}`", first.escape_debug()),
        format!("{address} too"),
        "remove one of the two, or fix its address",
    )
}

// Messages about definitions and their profiles.

pub(super) fn no_definition(place: Place<'_>, label: &str) -> Diagnostic {
    let help = add_one("NAME");
    error(
        Code::NoDefinition,
        place,
        "the file contains no definition",
        label,
        help,
    )
}

pub(super) fn no_profiles(place: Place<'_>, definition: &str, label: &str) -> Diagnostic {
    let title = format!("`{definition}` has no profiles");
    let help = add_one(&sanitize::line(definition.as_bytes()));
    error(Code::NoProfiles, place, title, label, help)
}

fn add_one(definition: &str) -> String {
    format!(
        "run `edgestage add PROFILE --to {definition}`; PROFILE is a URL, a uid or name@version"
    )
}

pub(super) fn nameless_definition(place: Place<'_>) -> Diagnostic {
    error(
        Code::UnknownKey,
        place,
        "the definition has no name",
        "`profiles` is directly in [definition]",
        "write `[definition.NAME]`, such as `[definition.factory]`",
    )
}

pub(super) fn not_a_name(place: Place<'_>) -> Diagnostic {
    error(
        Code::InvalidValue,
        place,
        "invalid definition name",
        NAMES,
        "rename it: the name is used on the command line and in file names",
    )
}

pub(super) fn duplicate_profile(place: Place<'_>, definition: &str, line: usize) -> Diagnostic {
    error(
        Code::DuplicateReference,
        place,
        format!("`{definition}` has the same profile twice"),
        format!("already on line {line}"),
        "remove one of the two",
    )
}

/// The definition's own `project` differs from the project in its console URLs.
pub(super) fn another_project(place: Place<'_>, definition: &str, url: &Uid) -> Diagnostic {
    error(
        Code::SeveralProjects,
        place,
        format!("`{definition}` has profiles from another project"),
        format!("a console URL below names project `{url}`"),
        "remove `project`, or the profile that belongs to the other project",
    )
}

/// Two console URLs of a definition name different projects; `first` is named in `line`.
pub(super) fn two_projects(
    place: Place<'_>,
    definition: &str,
    line: usize,
    first: &Uid,
) -> Diagnostic {
    error(
        Code::SeveralProjects,
        place,
        format!("`{definition}` has profiles from two projects"),
        format!("the profile on line {line} belongs to project `{first}`"),
        "create a definition for each project: Palette exports profiles of one project at a time",
    )
}

fn not_a_reference(
    place: Place<'_>,
    label: impl Into<String>,
    help: impl Into<String>,
) -> Diagnostic {
    let title = "invalid profile reference";
    error(Code::InvalidReference, place, title, label, help)
}

pub(super) fn invalid_reference(
    place: Place<'_>,
    why: &InvalidReference,
    text: &str,
) -> Diagnostic {
    not_a_reference(place, why.label(), why.help(text))
}

/// The value of `uid` is another form of reference.
pub(super) fn not_a_uid(place: Place<'_>) -> Diagnostic {
    not_a_reference(
        place,
        "expected a uid of 24 hexadecimal digits",
        "write the profile's uid, or use `url`",
    )
}

/// The value of `url` is another form of reference.
pub(super) fn not_a_page(place: Place<'_>) -> Diagnostic {
    not_a_reference(
        place,
        "expected the URL of the profile's page in the console",
        "paste the URL of that page, or write `uid`, or `name` and `version`",
    )
}

/// A table has too many or too few keys that name a profile; `label` says which.
pub(super) fn not_one_reference(place: Place<'_>, label: &str) -> Diagnostic {
    not_a_reference(
        place,
        label,
        "write `{ uid = \"…\" }`, `{ url = \"…\" }` or `{ name = \"…\", version = \"…\" }`",
    )
}

impl InvalidReference {
    /// Returns the label at the caret.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::UidLength(n) => {
                format!("a uid has {DIGITS} hexadecimal digits, but this has {n}")
            }
            Self::UidDigits(wrong) => {
                let list: Vec<String> = wrong.iter().map(|c| format!("`{c}`")).collect();
                format!("not a hexadecimal digit: {}", list.join(", "))
            }
            Self::Credentials => "it contains a user name or password".into(),
            Self::OtherPage => "not the page of a cluster profile".into(),
            Self::UrlUid(part) => {
                format!("`{part}` is not a uid of {DIGITS} hexadecimal digits")
            }
            Self::Url(why) => format!("not a URL: {why}"),
            Self::EmptyPart => "expected a name before the `@` and a version after it".into(),
            Self::NoVersion => "not a uid, a console URL or name@version".into(),
            Self::Space => "it contains white space or control characters".into(),
            Self::Empty => "empty".into(),
        }
    }

    /// Returns the edit that fixes the mistake.
    #[must_use]
    pub fn help(&self, text: &str) -> String {
        match self {
            Self::OtherPage => "open the profile under Profiles in the console and copy its URL: \
                 `…/projects/<uid>/profiles/cluster/<uid>`"
                .into(),
            Self::NoVersion if !text.contains(char::is_whitespace) => {
                format!(
                    "add the version, such as `{text}@1.0.0`, or paste the profile's console URL"
                )
            }
            Self::Space => "remove them".into(),
            _ => "paste the profile's complete URL from the console".into(),
        }
    }
}

// Messages about packs.

pub(super) fn nameless_pack(place: Place<'_>) -> Diagnostic {
    error(
        Code::MissingKey,
        place,
        "the pack has no name",
        "`name` is missing",
        "write `name = \"…\"`",
    )
}

pub(super) fn duplicate_pack(place: Place<'_>, name: &str) -> Diagnostic {
    let title = format!("pack `{}` is overridden twice", name.escape_debug());
    let help = "remove one of the two";
    error(
        Code::DuplicatePack,
        place,
        title,
        "the second override",
        help,
    )
}

pub(super) fn idle_pack(place: Place<'_>, name: &str) -> Diagnostic {
    error(
        Code::InvalidValue,
        place,
        format!("pack `{}` overrides nothing", name.escape_debug()),
        "neither `tag` nor `values` is set",
        "write `values = \"FILE\"`, or remove the pack",
    )
}

/// A values file cannot be read; `near` is a file with a similar name.
pub(super) fn unreadable_values(
    place: Place<'_>,
    file: &str,
    why: String,
    near: Option<&Path>,
) -> Diagnostic {
    let title = format!("values file `{}` cannot be read", file.escape_debug());
    let help = near.map_or_else(
        || "write the path of a YAML file, relative to this file".to_owned(),
        |near| format!("did you mean `{}`?", sanitize::path(near)),
    );
    error(Code::ValuesUnreadable, place, title, why, help)
}
