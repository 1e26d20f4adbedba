//! Messages about unsuccessful answers and failed connections.

use super::wire::Speaker;
use super::{HttpRefusal, PaletteError, RedirectRefusal};
use crate::diagnostic::{Code, Diagnostic};
use crate::http::{self, Route, Waited};
use crate::util::sanitize;
use crate::util::secret::Suspicion;

/// Returns the message for an unsuccessful answer or a failed connection.
pub(crate) fn error(error: &PaletteError) -> Diagnostic {
    match error {
        PaletteError::KeyRefused {
            refusal,
            endpoint,
            place,
            suspicion,
        } => key_refused(refusal, endpoint, place, *suspicion),
        PaletteError::Forbidden { refusal, project } => {
            let project = project.as_deref().map(|uid| (uid, None));
            forbidden(refusal, project)
        }
        PaletteError::Rejected { refusal, endpoint } => rejected(refusal, endpoint),
        PaletteError::KeptFailing { refusal, attempts } => failing(refusal, *attempts),
        PaletteError::Unreachable {
            call,
            why,
            attempts,
            route,
            waited,
        } => unreachable(call, why, *attempts, route, *waited),
        PaletteError::Tls {
            endpoint,
            why,
            bare,
        } => tls(endpoint, why, *bare),
        PaletteError::Redirect { from, to, why } => redirect(from, to, *why),
        PaletteError::NotJson { call, seen } => {
            let call = sanitize::line(call.as_bytes());
            Diagnostic::error(
                Code::NotPalette,
                format!("the answer to {call} is not from Palette"),
            )
            .note(format!("it begins with `{seen}`"))
            .help("check the endpoint, and whether a proxy or login page answers in its place")
        }
        PaletteError::WrongAnswer { call, why } => {
            let call = sanitize::line(call.as_bytes());
            Diagnostic::error(
                Code::NotPalette,
                format!("the answer to {call} is not from Palette: {why}"),
            )
            .help("check whether a proxy or cache answers in Palette's place")
        }
        PaletteError::InvalidField { call, field } => {
            let call = sanitize::line(call.as_bytes());
            Diagnostic::error(
                Code::UnusableAnswer,
                format!("Palette's answer to {call} cannot be used"),
            )
            .note(sanitize::excerpt(field.to_string().as_bytes(), 200))
            .help("update edgestage; if that does not help, report this message")
        }
        PaletteError::Contradiction { call, why } => {
            let call = sanitize::line(call.as_bytes());
            Diagnostic::error(
                Code::UnusableAnswer,
                format!("Palette's answer to {call} cannot be used"),
            )
            .note(why.clone())
            .help("run the command again: the list may have been out of date")
        }
        PaletteError::NoCertificate => http::messages::no_certificate("`ca-cert` file"),
        PaletteError::NoThread(why) => http::messages::no_thread(why),
        PaletteError::Setup(why) => Diagnostic::error(
            Code::ConnectionSetup,
            format!("cannot set up the connection: {why}"),
        )
        .help("check the API key, `HTTPS_PROXY` and the other proxy variables"),
    }
}

/// Returns a note with the call and the answer.
fn said(refusal: &HttpRefusal) -> String {
    let call = sanitize::line(refusal.call.as_bytes());
    format!("{call} answered {refusal}")
}

fn key_refused(
    refusal: &HttpRefusal,
    endpoint: &str,
    key_place: &str,
    suspicion: Option<Suspicion>,
) -> Diagnostic {
    let told = Diagnostic::error(Code::KeyRefused, "Palette does not accept the API key")
        .note(said(refusal))
        .note(format!(
            "the request went to `{endpoint}` with the key from {key_place}"
        ));
    let told = match suspicion {
        None => told,
        Some(suspicion) => told.help(match suspicion {
            Suspicion::Quotes => "remove the quotes around the key",
            Suspicion::Name => "remove the name in front of the key",
            Suspicion::Reference => {
                "replace the reference with the key itself: nothing resolves it here"
            }
            Suspicion::Placeholder => "replace the placeholder with your key",
        }),
    };
    let told = match refusal.speaker {
        Speaker::Other => {
            told.note("the answer is not in Palette's format; a gateway may have sent it")
        }
        Speaker::Palette | Speaker::Framework => told,
    };
    told.help(
        "check under My API Keys in the console that the key belongs to this Palette and has not expired",
    )
}

/// The key lacks permissions. The project is shown by its uid and, if it was written otherwise,
/// also as it was written.
pub(crate) fn forbidden(
    refusal: &HttpRefusal,
    project: Option<(&str, Option<&str>)>,
) -> Diagnostic {
    if refusal.speaker == Speaker::Other {
        return Diagnostic::error(
            Code::Forbidden,
            "a server other than Palette denied the request",
        )
        .note(said(refusal))
        .help("check the endpoint, and the gateway, firewall or proxy in front of it");
    }
    let Some((uid, written)) = project else {
        return Diagnostic::error(Code::Forbidden, "Palette denied the request: no project is set")
            .note(said(refusal))
            .note("Palette also answers this if `ProjectUid` is missing, whatever permissions the key has")
            .help(
                "set `project` in profiles.toml, or paste the console URL of a profile, which names it",
            );
    };
    let name = sanitize::line(written.unwrap_or(uid).as_bytes());
    let told = Diagnostic::error(
        Code::Forbidden,
        format!("Palette denied the request in project `{name}`"),
    )
    .note(said(refusal));
    let told = if name == uid {
        told
    } else {
        told.note(format!("its uid is `{uid}`"))
    };
    told.note(
        "Palette also answers this if `ProjectUid` is wrong, whatever permissions the key has",
    )
    .help("check `project`: the profiles must belong to it, and the key must be allowed to read it")
}

fn rejected(refusal: &HttpRefusal, endpoint: &str) -> Diagnostic {
    match refusal.speaker {
        Speaker::Palette => Diagnostic::error(Code::Rejected, "Palette rejected the request")
            .note(said(refusal))
            .help("fix the problem that Palette's answer describes"),
        Speaker::Framework => Diagnostic::error(Code::Rejected, "Palette rejected the request")
            .note(said(refusal))
            .note("Palette does not know this call, or expects it in another form")
            .help(format!(
                "check the path of the endpoint `{endpoint}`, and the version of this Palette"
            )),
        Speaker::Other => Diagnostic::error(
            Code::Rejected,
            format!("`{endpoint}` does not answer like Palette"),
        )
        .note(said(refusal))
        .help("check the endpoint: its host, its path, and that it is the API's address"),
    }
}

fn failing(refusal: &HttpRefusal, attempts: u32) -> Diagnostic {
    let title = if attempts > 1 {
        "Palette kept failing"
    } else {
        "Palette failed"
    };
    let times = sanitize::count(attempts as usize, "attempt");
    Diagnostic::error(Code::KeptFailing, title)
        .note(format!("{}, {times}", said(refusal)))
        .help("try again later, or raise `retries` in `[palette]`")
}

fn unreachable(
    call: &str,
    why: &str,
    attempts: u32,
    route: &Route,
    waited: Option<Waited>,
) -> Diagnostic {
    let times = sanitize::count(attempts as usize, "attempt");
    let told = Diagnostic::error(Code::Unreachable, format!("cannot reach Palette: {why}"))
        .note(format!("{}, {times}", sanitize::line(call.as_bytes())))
        .note(format!("at {route}"));
    let told = match waited {
        None => told,
        Some(Waited::Silence(time)) => told.help(format!(
            "if it is slow, raise `timeout` in `[palette]`, which is {} s",
            time.as_secs()
        )),
        Some(Waited::Whole(time)) => told.help(format!(
            "if it is slow, raise `timeout` in `[palette]`: an answer may take three times that, \
             which is {} s",
            time.as_secs()
        )),
    };
    told.help(match &route.proxy {
        Some(proxy) => format!("check the endpoint, the network and `{}`", proxy.variable),
        None => {
            "check the endpoint and the network; if you need a proxy, set `HTTPS_PROXY`".to_owned()
        }
    })
}

fn tls(endpoint: &str, why: &str, bare: bool) -> Diagnostic {
    let told = Diagnostic::error(
        Code::TlsRefused,
        format!("cannot open a TLS connection to `{endpoint}`"),
    )
    .note(why);
    // `ca-cert` only helps if the certificate authority is unknown.
    if why.contains("an authority that is not trusted") {
        return told
            .help("if you use your own certificate authority, set `ca-cert` in `[palette]` to its PEM file");
    }
    if let (true, Some(host)) = (bare, endpoint.strip_prefix("https://")) {
        return told
            .note("the endpoint has no scheme, so `https://` was assumed")
            .help(format!("for plain HTTP, write `http://{host}`"));
    }
    told.help("fix the server, or ask its administrators; edgestage sent no request")
}

fn redirect(from: &str, to: &str, why: RedirectRefusal) -> Diagnostic {
    let why = match why {
        RedirectRefusal::OtherOrigin => {
            "it leads to another origin, which would receive the API key"
        }
        RedirectRefusal::Loop => "too many redirects in a row",
        RedirectRefusal::NoLocation => "it does not name a target",
    };
    Diagnostic::error(Code::RedirectRefused, "edgestage did not follow a redirect")
        .note(format!("from `{from}` to `{to}`"))
        .note(why)
        .help("set `endpoint` to the address that Palette itself answers at")
}

/// Plain HTTP to another host.
pub(crate) fn plain_http(endpoint: &str) -> Diagnostic {
    Diagnostic::error(
        Code::PlainHttp,
        format!("the endpoint `{endpoint}` is plain HTTP"),
    )
    .note("the API key would travel unencrypted")
    .help("write `https://`, or pass `--allow-http` if the network is trusted")
}
