//! Answers that are no success, and connections that fail.

use crate::diagnostic::Diagnostic;
use crate::palette::{PaletteError, RedirectRefusal, Refusal};
use crate::printable;
use crate::topic::Topic;

pub fn palette(error: &PaletteError) -> Diagnostic {
    match error {
        PaletteError::KeyRefused(refusal) => key_refused(refusal),
        PaletteError::Forbidden { refusal, project } => forbidden(refusal, project.as_deref()),
        PaletteError::Rejected(refusal) => Diagnostic::error("Palette rejects the request")
            .note(said(refusal))
            .help("mend what it says; if that is not Palette, check the endpoint: its path, and that it is the API's address")
            .about(Topic::Rejected),
        PaletteError::KeptFailing { refusal, attempts } => failing(refusal, *attempts),
        PaletteError::Unreachable {
            call,
            why,
            attempts,
        } => unreachable(call, why, *attempts),
        PaletteError::Tls { endpoint, why } => tls(endpoint, why),
        PaletteError::Redirect { from, to, why } => redirect(from, to, *why),
        PaletteError::NotJson { call, seen } => {
            let call = printable::line(call.as_bytes());
            Diagnostic::error(format!("the answer to {call} is not Palette's"))
                .note(format!("it begins with `{seen}`"))
                .help("check the endpoint, and whether a proxy or login page answers in its place")
                .about(Topic::Answer)
        }
        PaletteError::WrongAnswer { call, why } => {
            let call = printable::line(call.as_bytes());
            Diagnostic::error(format!("the answer to {call} is not Palette's: {why}"))
                .help("check whether a proxy or cache answers in Palette's place")
                .about(Topic::Answer)
        }
        PaletteError::NoCertificate => Diagnostic::error("`ca-cert` holds no PEM certificate")
            .help("name a file with `-----BEGIN CERTIFICATE-----` in it")
            .about(Topic::Tls),
        PaletteError::Setup(why) => {
            Diagnostic::error(format!("the connection cannot be set up: {why}"))
                .help("check the API key, `HTTPS_PROXY` and the other proxy variables")
                .about(Topic::Unreachable)
        }
    }
}

/// What was asked, and what came back.
fn said(refusal: &Refusal) -> String {
    let call = printable::line(refusal.call.as_bytes());
    format!("{call} answered {refusal}")
}

fn key_refused(refusal: &Refusal) -> Diagnostic {
    Diagnostic::error("Palette does not accept the API key")
        .note(said(refusal))
        .help(
            "check that the key has not expired, and that it is of this Palette: My API Keys in \
             the console",
        )
        .about(Topic::KeyRefused)
}

fn forbidden(refusal: &Refusal, project: Option<&str>) -> Diagnostic {
    let (title, note, help) = match project {
        None => (
            "Palette forbids it: no project was named".to_owned(),
            "it says this where `ProjectUid` is missing, too, whatever the key's permissions",
            "set `project` in profiles.toml, or paste the console URL of a profile, which names it",
        ),
        Some(project) => (
            format!("Palette forbids it in project `{project}`"),
            "it says this where the `ProjectUid` is wrong, too, whatever the key's permissions",
            "check that the profiles are of this project, then that the key may read it",
        ),
    };
    Diagnostic::error(title)
        .note(said(refusal))
        .note(note)
        .help(help)
        .about(Topic::Forbidden)
}

fn failing(refusal: &Refusal, attempts: u32) -> Diagnostic {
    let title = if attempts > 1 {
        "Palette kept failing"
    } else {
        "Palette failed"
    };
    let times = printable::count(attempts as usize, "attempt");
    Diagnostic::error(title)
        .note(format!("{}, {times}", said(refusal)))
        .help("try again later; `retries` in `[palette]` sets how often it is tried")
        .about(Topic::Failing)
}

fn unreachable(call: &str, why: &str, attempts: u32) -> Diagnostic {
    let times = printable::count(attempts as usize, "attempt");
    Diagnostic::error(format!("Palette cannot be reached: {why}"))
        .note(format!("{}, {times}", printable::line(call.as_bytes())))
        .help("check the endpoint and the network; `HTTPS_PROXY` is honoured")
        .about(Topic::Unreachable)
}

fn tls(endpoint: &str, why: &str) -> Diagnostic {
    // Only where nobody knows the authority another one helps.
    let help = if why.contains("an authority that is not trusted") {
        "for an authority of your own, set `ca-cert` in `[palette]` to its PEM file"
    } else {
        "mend it at the endpoint, or ask those who run it; nothing was sent there"
    };
    Diagnostic::error(format!("the TLS connection to `{endpoint}` is refused"))
        .note(why)
        .help(help)
        .about(Topic::Tls)
}

fn redirect(from: &str, to: &str, why: RedirectRefusal) -> Diagnostic {
    let why = match why {
        RedirectRefusal::OtherOrigin => "another origin: the API key would be sent there",
        RedirectRefusal::Loop => "too many redirects in a row",
        RedirectRefusal::NoLocation => "it does not say where to",
    };
    Diagnostic::error("a redirect was not followed")
        .note(format!("from `{from}` to `{to}`"))
        .note(why)
        .help("set `endpoint` to the address that Palette itself answers at")
        .about(Topic::Redirect)
}

pub fn plain_http(endpoint: &str) -> Diagnostic {
    Diagnostic::error(format!("the endpoint `{endpoint}` is plain HTTP"))
        .note("the API key would travel unencrypted")
        .help("write `https://`, or pass `--allow-http` if the network is trusted")
        .about(Topic::PlainHttp)
}

pub fn offline(definition: &str, lacks: &str) -> Diagnostic {
    Diagnostic::error(format!("`{definition}` {lacks}"))
        .note("`--offline` opens no connection")
        .help(format!("run `edgestage fetch {definition}` with a network"))
        .about(Topic::Offline)
}
