//! The manual: a page for edgestage and one for each command, generated from the command
//! line's own definitions, so that it matches the binary.
//!
//! The pages are in roff, contain no date, and have the same bytes for the same version.

use clap::builder::PossibleValue;
use clap::{Arg, Command, CommandFactory as _};
use clap_mangen::Man;
use clap_mangen::roff::{Inline, Roff, bold, italic, roman};

use crate::cli::Cli;

/// What each exit code means (docs/reference.md).
pub const EXIT_CODES: [(&str, &str); 7] = [
    ("0", "done, or nothing to do"),
    ("1", "any other failure"),
    ("2", "the command line or profiles.toml is wrong"),
    (
        "3",
        "drift: the lock, the checkout or an image is not as required",
    ),
    (
        "4",
        "Palette, the registry or a host refused the credentials or their scope, or there are none",
    ),
    (
        "5",
        "Palette, the registry or a host could not be reached or kept failing",
    ),
    (
        "6",
        "the archive was refused: damaged, hostile, or not the profiles asked for",
    ),
];

/// The variables that edgestage reads, with their meanings. A flag overrides its variable.
pub const VARIABLES: [(&str, &str); 13] = [
    (
        "PALETTE_API_KEY, SPECTROCLOUD_APIKEY",
        "API key. It has no flag, because a process list would show it.",
    ),
    (
        "PALETTE_HOST, SPECTROCLOUD_HOST",
        "Address of Palette, the same as --endpoint.",
    ),
    (
        "EDGESTAGE_FILE",
        "Path to profiles.toml, the same as --file.",
    ),
    (
        "CANVOS_DIR",
        "Path to the CanvOS checkout, the same as --canvos.",
    ),
    (
        "EDGESTAGE_CACHE_DIR",
        "Path to the cache directory, the same as --cache-dir.",
    ),
    (
        "REGISTRY_AUTH_FILE, DOCKER_CONFIG",
        "File, or directory of config.json, with the credentials for the registry.",
    ),
    (
        "EDGESTAGE_HOST_PASSWORD",
        "Password for the edge hosts. It has no flag, because a process list would show it.",
    ),
    (
        "EDGESTAGE_LOCK_TIMEOUT",
        "How long to wait for another edgestage process, the same as --lock-timeout.",
    ),
    (
        "EDGESTAGE_HEARTBEAT",
        "Seconds without output in a log before a progress line; 15 by default.",
    ),
    (
        "SOURCE_DATE_EPOCH",
        "Time of --timestamp, in seconds since 1970; now by default.",
    ),
    (
        "NO_COLOR, CLICOLOR, CLICOLOR_FORCE, CI, TERM",
        "Whether to color the output if --color is auto.",
    ),
    (
        "HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY",
        "Proxy for connections, and hosts without a proxy.",
    ),
    (
        "SSL_CERT_FILE, SSL_CERT_DIR",
        "Certificate authorities that TLS trusts.",
    ),
];

/// The files that edgestage reads and writes.
const FILES: [(&str, &str); 5] = [
    (
        "profiles.toml",
        "The definitions. People write and review this file.",
    ),
    (
        "profiles.lock",
        "What was fetched for each definition. edgestage writes this file; commit it.",
    ),
    (
        "~/.cache/edgestage",
        "Cache of archives that passed the check, by digest.",
    ),
    (
        "CanvOS/spc.tgz",
        "The staged definition, for all targets except the ISOs.",
    ),
    (
        "CanvOS/overlay/files-iso/opt/spectrocloud/clusterconfig/spc.tgz",
        "The same bytes, for the ISOs.",
    ),
];

/// A page of the manual.
pub struct Page {
    /// The file name, such as `edgestage-stage.1`.
    pub file: String,
    /// The text in roff.
    pub text: String,
}

/// Returns edgestage(1).
#[must_use]
pub fn overview() -> Page {
    let command = built();
    page(&command, &command)
}

/// Returns edgestage(1) and a page for each command.
#[must_use]
pub fn pages() -> Vec<Page> {
    let root = built();
    let mut commands = Vec::new();
    collect(&root, &mut commands);
    commands
        .iter()
        .map(|command| page(&root, command))
        .collect()
}

fn built() -> Command {
    let mut command = Cli::command();
    command.build();
    command
}

fn collect(command: &Command, found: &mut Vec<Command>) {
    found.push(command.clone());
    let shown = command
        .get_subcommands()
        .filter(|command| !command.is_hide_set());
    shown.for_each(|command| collect(command, found));
}

fn page(root: &Command, command: &Command) -> Page {
    let is_root = command.get_name() == root.get_name();
    let own = command.clone().mut_args(|arg| {
        // Only edgestage(1) explains the global options.
        let elsewhere = !is_root && arg.get_help_heading().is_some();
        with_values(arg).hide(elsewhere)
    });
    let man = Man::new(own);
    // The date is left empty, which the library's own title line does not support.
    let title = title(command).to_uppercase();
    let version = env!("CARGO_PKG_VERSION");
    let head = format!(".TH \"{title}\" \"1\" \"\" \"edgestage {version}\" \"User Commands\"\n");
    let mut bytes = head.into_bytes();
    // Writing to memory cannot fail.
    let _ = man.render_name_section(&mut bytes);
    let _ = man.render_synopsis_section(&mut bytes);
    let _ = man.render_description_section(&mut bytes);
    let _ = man.render_options_section(&mut bytes);
    if command.has_subcommands() {
        let _ = man.render_subcommands_section(&mut bytes);
    }
    let mut rest = Roff::default();
    if is_root {
        table(&mut rest, "EXIT STATUS", &EXIT_CODES);
        table(&mut rest, "ENVIRONMENT", &VARIABLES);
        table(&mut rest, "FILES", &FILES);
    }
    examples(&mut rest, command);
    see_also(&mut rest, root, command);
    let _ = rest.to_writer(&mut bytes);
    Page {
        file: man.get_filename(),
        text: String::from_utf8_lossy(&bytes).into_owned(),
    }
}

/// Returns `arg` with its possible values in a sentence: mandoc does not accept the library's
/// list as well-formed.
fn with_values(arg: Arg) -> Arg {
    let values = arg.get_possible_values();
    let help = arg.get_help().map(ToString::to_string);
    let (Some(help), false) = (help, values.is_empty()) else {
        return arg;
    };
    if !arg.get_action().takes_values() {
        return arg;
    }
    let names: Vec<&str> = values.iter().map(PossibleValue::get_name).collect();
    let help = format!("{help}: {}", names.join(", "));
    arg.hide_possible_values(true).help(help)
}

/// Returns the title of a page, such as `edgestage-cache-list`.
fn title(command: &Command) -> String {
    let name = command.get_display_name().unwrap_or(command.get_name());
    name.to_owned()
}

fn table(roff: &mut Roff, heading: &str, rows: &[(&str, &str)]) {
    roff.control("SH", [heading]);
    for (term, meaning) in rows {
        roff.control("TP", []);
        roff.text([bold(*term)]);
        roff.text([roman(*meaning)]);
    }
}

/// Adds the examples of the help, line by line.
fn examples(roff: &mut Roff, command: &Command) {
    let help = command.get_after_help().map(ToString::to_string);
    let help = help.unwrap_or_default();
    let lines: Vec<&str> = help
        .lines()
        .filter_map(|line| line.strip_prefix("  "))
        .collect();
    if lines.is_empty() {
        return;
    }
    roff.control("SH", ["EXAMPLES"]);
    roff.control("nf", []);
    for line in lines {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
}

fn see_also(roff: &mut Roff, root: &Command, command: &Command) {
    let mut pages = Vec::new();
    collect(root, &mut pages);
    let this = title(command);
    let is_root = this == root.get_name();
    let mut names = pages.iter().map(title).filter(|name| *name != this);
    let links: Vec<Inline> = if is_root {
        let links = names.map(|name| vec![bold(name), roman("(1)")]);
        links.collect::<Vec<_>>().join(&roman(", "))
    } else {
        let root = names.next().unwrap_or_default();
        vec![
            bold(root),
            roman("(1) for global options, exit codes, variables and files"),
        ]
    };
    roff.control("SH", ["SEE ALSO"]);
    roff.text(links);
    if is_root {
        roff.control("PP", []);
        roff.text([
            roman("The reference: "),
            italic(concat!(
                env!("CARGO_PKG_REPOSITORY"),
                "/blob/main/docs/reference.md"
            )),
        ]);
    }
}
