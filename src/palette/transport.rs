//! What went wrong below HTTP, in words: the libraries' own errors are nested five deep
//! and worded for programmers.

use std::error::Error;
use std::io;
use std::time::Duration;

use rustls::{CertificateError, Error as TlsError};

use crate::endpoint::Endpoint;
use crate::printable;

/// What a proxy's 407 means, to a `CONNECT` and to a plain request.
pub const PROXY_CREDENTIALS: &str = "the proxy wants credentials (HTTP 407)";

/// Why there was no answer.
pub enum Transport {
    /// TLS was refused: no further attempt will help.
    Tls(String),
    /// The connection failed: another attempt may help.
    Broken(String),
}

/// Tells a refused certificate from a broken connection.
pub fn classify(error: &reqwest::Error, endpoint: &Endpoint, timeout: Duration) -> Transport {
    if let Some(tls) = find::<TlsError>(error) {
        return Transport::Tls(tls_reason(tls));
    }
    let host = endpoint.join("/").host_str().unwrap_or_default().to_owned();
    // The outermost text holds the URL, whose digits may be anything.
    let causes: Vec<String> = chain(error).skip(1).map(ToString::to_string).collect();
    let says = |text: &str| causes.iter().any(|cause| cause.contains(text));
    Transport::Broken(if error.is_timeout() || timed_out(error) {
        let doing = if error.is_connect() {
            "connection"
        } else {
            "answer"
        };
        format!("no {doing} within {} s", timeout.as_secs())
    } else if says("dns error") || says("failed to lookup address") {
        format!("the name `{host}` was not found")
    } else if says("proxy authorization required") {
        PROXY_CREDENTIALS.to_owned()
    } else {
        reason(error)
    })
}

/// Why a body broke on its way.
pub fn broken_body(error: &io::Error, timeout: Duration) -> String {
    if error.kind() == io::ErrorKind::TimedOut || timed_out(error) {
        return format!("no further byte within {} s", timeout.as_secs());
    }
    reason(error)
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
            {
                "the connection was closed early".into()
            } else {
                innermost
            }
        }
    }
}

/// The innermost cause, printable.
pub fn innermost(error: &(dyn Error + 'static)) -> String {
    let text = chain(error)
        .last()
        .map(ToString::to_string)
        .unwrap_or_default();
    printable::excerpt(
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

/// An error and its causes. `io::Error` hides the error it wraps from `source`, so it
/// is asked for it.
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
        TlsError::InvalidCertificate(why) => match why {
            CertificateError::UnknownIssuer => {
                "its certificate is signed by an authority that is not trusted here".into()
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "its certificate has expired".into()
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "its certificate is not valid yet: is this machine's clock right?".into()
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "its certificate is for another name".into()
            }
            other => format!("its certificate is refused: {other}"),
        },
        TlsError::PeerIncompatible(_) => "it speaks no TLS version from 1.2 on".into(),
        other => printable::excerpt(other.to_string().as_bytes(), 200),
    }
}
