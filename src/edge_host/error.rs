//! Why a host cannot be checked, or not be given the definition. Holds only data.

use std::fmt;

use super::certificate::Certificate;
use super::compare::HostDifference;
use super::session::Slot;
use crate::diagnostic::Diagnostic;
use crate::http::Waited;
use crate::util::sanitize;

/// Why a host cannot be checked, or not be given the definition.
#[derive(Debug, Clone)]
pub enum HostError {
    /// The certificate is not known; the password was not sent.
    UnknownCertificate {
        /// The certificate.
        certificate: Certificate,
        /// Whether `certificate-sha256` names another certificate.
        is_pinned: bool,
        /// Why `ca-cert` does not cover it, if there is one.
        why: Option<String>,
    },
    /// TLS failed otherwise.
    Tls(String),
    /// The user or the password is not accepted.
    LoginRefused {
        /// The answer.
        answer: HostAnswer,
        /// The user.
        user: String,
        /// Where the password was found.
        place: String,
    },
    /// The login was answered with a server error, which may also mean a wrong password.
    LoginFailed(HostAnswer),
    /// The host was not tried, since another one did not accept the same user and password.
    NotTried {
        /// The other host.
        other: String,
        /// Whether that one refused the login, as opposed to an unclear answer.
        is_refused: bool,
    },
    /// The session is not accepted any more, or the user may not do that.
    Forbidden(HostAnswer),
    /// Another 4xx.
    Rejected(HostAnswer),
    /// 408, 429 or 5xx to the last attempt.
    KeptFailing {
        /// The last answer.
        answer: HostAnswer,
        /// The number of attempts.
        attempts: u32,
    },
    /// The last attempt got no answer.
    Unreachable {
        /// The call.
        call: String,
        /// The reason.
        why: String,
        /// The number of attempts.
        attempts: u32,
        /// The time limit that was exceeded, if there was one.
        waited: Option<Waited>,
    },
    /// A success that is not the answer of an edge host.
    WrongAnswer {
        /// The call.
        call: String,
        /// The reason.
        why: String,
    },
    /// `ca-cert` contains no PEM certificate.
    NoCertificate,
    /// The client cannot be set up.
    Setup(String),
    /// No thread can be started.
    NoThread(String),
    /// The archive cannot be read while it is sent.
    File(String),
    /// The run was stopped.
    Stopped,
    /// A slot holds another definition.
    Differs(Vec<(Slot, Vec<HostDifference>)>),
    /// No slot holds a definition.
    Empty(Vec<Slot>),
    /// The host takes no upload.
    NoUploads(Refusal),
    /// The host has an embedded key, and nothing can sign.
    SignatureNeeded,
    /// The signature cannot be made, or is not one that the host accepts.
    Signing(SigningFailure),
    /// After the upload, the host does not show the definition.
    Unproven(Vec<HostDifference>),
}

/// Why there is no signature for a host.
#[derive(Debug, Clone)]
pub struct SigningFailure {
    /// The message.
    pub told: Box<Diagnostic>,
    /// Whether a key of ours is unusable or another than the host's, and nothing else failed.
    pub is_usage: bool,
}

/// Why a host takes no upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It is managed by Palette.
    Central,
    /// It is an appliance of this type, for which the vendor calls an upload invalid.
    Appliance(String),
}

/// An answer of a host that is not a success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostAnswer {
    /// The call, such as `GET /v1/edge-mgmt/settings`.
    pub call: String,
    /// The status.
    pub status: u16,
    /// The code of the error, if there is one; printable.
    pub code: String,
    /// The message of the error, if there is one; printable.
    pub message: String,
}

impl fmt::Display for HostAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP {}", self.status)?;
        match (&self.code[..], &self.message[..]) {
            ("", "") => Ok(()),
            ("", text) | (text, "") => write!(f, ": {}", sanitize::line(text.as_bytes())),
            (code, message) => write!(
                f,
                " {}: {}",
                sanitize::line(code.as_bytes()),
                sanitize::line(message.as_bytes())
            ),
        }
    }
}
