//! Answers that are no success, and connections that fail.

use crate::diagnostic::Diagnostic;
use crate::palette::{PaletteError, RedirectRefusal, Refusal};
use crate::printable;

pub fn palette(error: &PaletteError) -> Diagnostic {
    let said = |refusal: &Refusal| {
        format!(
            "{} answered {refusal}",
            printable::line(refusal.call.as_bytes())
        )
    };
    match error {
        PaletteError::KeyRefused(refusal) => Diagnostic::error("Palette does not accept the API key")
            .note(said(refusal))
            .help("check that the key has not expired, and that it is of this Palette: My API Keys in the console"),
        PaletteError::Forbidden { refusal, project: None } => {
            Diagnostic::error("Palette forbids it: no project was named")
                .note(said(refusal))
                .note("it says this where `ProjectUid` is missing, too, whatever the key's permissions")
                .help("set `project` in profiles.toml, or paste the console URL of a profile, which names it")
        }
        PaletteError::Forbidden { refusal, project: Some(project) } => {
            Diagnostic::error(format!("Palette forbids it in project `{project}`"))
                .note(said(refusal))
                .note("it says this where the `ProjectUid` is wrong, too, whatever the key's permissions")
                .help("check that the profiles are of this project, then that the key may read it")
        }
        PaletteError::Rejected(refusal) => Diagnostic::error("Palette rejects the request")
            .note(said(refusal))
            .help("check the endpoint: its path, and that it is the API's address"),
        PaletteError::KeptFailing { refusal, attempts } => {
            Diagnostic::error(if *attempts > 1 { "Palette kept failing" } else { "Palette failed" })
                .note(format!("{}, {}", said(refusal), printable::count(*attempts as usize, "attempt")))
                .help("try again later; `retries` in `[palette]` sets how often it is tried")
        }
        PaletteError::Unreachable { call, why, attempts } => {
            let times = printable::count(*attempts as usize, "attempt");
            Diagnostic::error(format!("Palette cannot be reached: {why}"))
                .note(format!("{}, {times}", printable::line(call.as_bytes())))
                .help("check the endpoint and the network; `HTTPS_PROXY` is honoured")
        }
        PaletteError::Tls { endpoint, why } => Diagnostic::error(format!("the TLS connection to `{endpoint}` is refused"))
            .note(why.clone())
            .help(tls_help(why)),
        PaletteError::Redirect { from, to, why } => redirect(from, to, *why),
        PaletteError::NotJson { call, seen } => {
            Diagnostic::error(format!("the answer to {} is not Palette's", printable::line(call.as_bytes())))
                .note(format!("it begins with `{seen}`"))
                .help("check the endpoint, and whether a proxy or login page answers in its place")
        }
        PaletteError::WrongAnswer { call, why } => Diagnostic::error(format!(
            "the answer to {} is not Palette's: {why}",
            printable::line(call.as_bytes())
        ))
        .help("check whether a proxy or cache answers in Palette's place"),
        PaletteError::NoCertificate => Diagnostic::error("`ca-cert` holds no PEM certificate")
            .help("name a file with `-----BEGIN CERTIFICATE-----` in it"),
        PaletteError::Setup(why) => Diagnostic::error(format!("the connection cannot be set up: {why}")),
    }
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
}

/// Only where nobody knows the authority another one helps.
fn tls_help(why: &str) -> &'static str {
    if why.contains("an authority that is not trusted") {
        "for an authority of your own, set `ca-cert` in `[palette]` to its PEM file"
    } else {
        "mend it at the endpoint, or ask those who run it; nothing was sent there"
    }
}
