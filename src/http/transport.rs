//! Words for errors below HTTP: the libraries' own errors are nested five levels deep and
//! written for programmers.

use std::error::Error;
use std::io;
use std::time::{Duration, SystemTime};

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error as TlsError, PeerIncompatible};

use super::Waited;
use crate::util::sanitize;

/// What a proxy's 407 means, to a `CONNECT` and to a plain request.
pub(crate) const PROXY_CREDENTIALS: &str = "the proxy requires valid credentials (HTTP 407): write its address as `http://user:password@host:port`";

/// Why there was no answer.
pub(crate) enum Transport {
    /// TLS failed; a further attempt cannot help.
    Tls(String),
    /// The proxy refused; a further attempt cannot help.
    Refused(String),
    /// The connection failed; another attempt may help.
    Broken(Broken),
}

/// A connection that failed.
pub(crate) struct Broken {
    /// The reason in a few words.
    pub why: String,
    /// The time limit that was exceeded, if there was one.
    pub waited: Option<Waited>,
}

impl From<String> for Broken {
    fn from(why: String) -> Self {
        Self { why, waited: None }
    }
}

impl From<&str> for Broken {
    fn from(why: &str) -> Self {
        why.to_owned().into()
    }
}

impl Broken {
    /// Creates the error for `what`, which did not arrive in time.
    fn waiting_for(what: &str, waited: Waited) -> Self {
        let why = match waited {
            Waited::Silence(time) => format!("no {what} within {} s", time.as_secs()),
            Waited::Whole(time) => format!("the answer took longer than {} s", time.as_secs()),
        };
        Self {
            why,
            waited: Some(waited),
        }
    }
}

/// Distinguishes a refusal from a broken connection.
pub(crate) fn classify(error: &reqwest::Error, host: &str, waited: Waited) -> Transport {
    if let Some(tls) = find::<TlsError>(error) {
        return Transport::Tls(tls_reason(tls));
    }
    // The outermost text contains the URL, whose digits may be anything.
    let causes: Vec<String> = chain(error).skip(1).map(ToString::to_string).collect();
    let says = |text: &str| causes.iter().any(|cause| cause.contains(text));
    if says("proxy authorization required") {
        return Transport::Refused(PROXY_CREDENTIALS.to_owned());
    }
    if says("unsupported scheme soc") {
        let why = "the proxy is a SOCKS proxy, which edgestage does not support";
        return Transport::Refused(why.to_owned());
    }
    if error.is_timeout() || timed_out(error) {
        let what = if error.is_connect() {
            "connection"
        } else {
            "answer"
        };
        return Transport::Broken(Broken::waiting_for(what, waited));
    }
    let no_name = says("dns error") || says("failed to lookup address");
    let why = if says("tunnel error: unsuccessful") {
        // The status is not available here.
        format!("the proxy answered that it does not connect to `{host}`")
    } else if says("tunnel error: failed to create underlying connection") {
        let why = if no_name {
            "its name was not found".to_owned()
        } else {
            reason(error)
        };
        format!("cannot reach the proxy: {why}")
    } else if says("tunnel error") {
        format!("{}, by the proxy", reason(error))
    } else if no_name {
        format!("the name `{host}` was not found")
    } else {
        reason(error)
    };
    Transport::Broken(why.into())
}

/// Returns why a body broke in transit.
pub(crate) fn broken_body(error: &io::Error, waited: Waited) -> Broken {
    if error.kind() == io::ErrorKind::TimedOut || timed_out(error) {
        return Broken::waiting_for("further byte", waited);
    }
    reason(error).into()
}

fn reason(error: &(dyn Error + 'static)) -> String {
    let io_kind = chain(error)
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .map(io::Error::kind)
        .find(|kind| *kind != io::ErrorKind::Other);
    match io_kind {
        Some(io::ErrorKind::ConnectionRefused) => "connection refused".into(),
        Some(io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) => {
            "the connection was reset".into()
        }
        Some(io::ErrorKind::UnexpectedEof) => "the connection was closed early".into(),
        _ => {
            let innermost = innermost(error);
            if innermost.contains("closed before message completed")
                || innermost.contains("end of file before message length reached")
                || innermost.contains("unexpected EOF")
                || innermost.contains("unexpected end of file")
            {
                "the connection was closed early".into()
            } else {
                innermost
            }
        }
    }
}

/// Returns the innermost cause, in printable form.
pub(crate) fn innermost(error: &(dyn Error + 'static)) -> String {
    let text = chain(error)
        .last()
        .map(ToString::to_string)
        .unwrap_or_default();
    sanitize::excerpt(
        text.split(" (os error").next().unwrap_or(&text).as_bytes(),
        200,
    )
}

fn timed_out(error: &(dyn Error + 'static)) -> bool {
    chain(error).any(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|io| io.kind() == io::ErrorKind::TimedOut)
            || cause
                .downcast_ref::<reqwest::Error>()
                .is_some_and(reqwest::Error::is_timeout)
    })
}

/// Returns an error and its causes. `source` of an `io::Error` skips the error that it wraps,
/// so `get_ref` is used for it.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |cause| cause_of(*cause)).take(32)
}

fn cause_of<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref)
    {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}

fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    chain(error).find_map(|cause| cause.downcast_ref::<T>())
}

fn tls_reason(error: &TlsError) -> String {
    match error {
        TlsError::InvalidCertificate(why) => certificate_reason(why),
        TlsError::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        )
        | TlsError::AlertReceived(AlertDescription::ProtocolVersion) => {
            "it speaks no TLS version from 1.2 on, and older ones are not safe".into()
        }
        TlsError::AlertReceived(alert) => {
            format!("it broke off the handshake: {alert:?} (RFC 8446, 6.2)")
        }
        TlsError::InvalidMessage(_) => {
            "the server does not speak TLS; the port may be for plain HTTP".into()
        }
        other => sanitize::excerpt(other.to_string().as_bytes(), 200),
    }
}

fn certificate_reason(why: &CertificateError) -> String {
    match why {
        // Another authority with the same name has another signature.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "its certificate is signed by an authority that is not trusted here".into()
        }
        CertificateError::ExpiredContext { not_after, .. } => format!(
            "its certificate expired on {}; it must be renewed, or this machine's clock is wrong",
            date(*not_after)
        ),
        CertificateError::Expired => "its certificate has expired".into(),
        CertificateError::NotValidYetContext { not_before, .. } => format!(
            "its certificate is not valid before {}; check this machine's clock",
            date(*not_before)
        ),
        CertificateError::NotValidYet => {
            "its certificate is not valid yet; check this machine's clock".into()
        }
        CertificateError::NotValidForNameContext {
            expected,
            presented,
        } => format!(
            "its certificate is for another name: for {}, not for `{}`",
            names(presented),
            sanitize::line(expected.to_str().as_bytes())
        ),
        CertificateError::NotValidForName => "its certificate is for another name".into(),
        other => format!(
            "its certificate is refused: {}",
            sanitize::excerpt(other.to_string().as_bytes(), 200)
        ),
    }
}

fn date(time: UnixTime) -> String {
    /// The end of the year 9999, the last date that HTTP can express.
    const LAST: u64 = 253_402_300_799;
    let since = Duration::from_secs(time.as_secs().min(LAST));
    httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + since)
}

/// Returns the names in a certificate. The TLS library formats each with its type:
/// `DnsName("palette.example.com")`.
fn names(presented: &[String]) -> String {
    const SHOWN: usize = 3;
    let bare = |name: &String| {
        let name = name.split('"').nth(1).unwrap_or(name);
        format!("`{}`", sanitize::excerpt(name.as_bytes(), 100))
    };
    let mut shown: Vec<String> = presented.iter().take(SHOWN).map(bare).collect();
    match presented.len().checked_sub(SHOWN) {
        _ if presented.is_empty() => shown.push("none".into()),
        None | Some(0) => {}
        Some(more) => shown.push(format!("{more} more")),
    }
    shown.join(", ")
}
