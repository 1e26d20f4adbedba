//! Errors of calls to Palette.

use std::fmt;

use super::node::InvalidField;
use super::wire::Speaker;
use crate::http::{Route, SetupError, Waited};
use crate::util::sanitize;
use crate::util::secret::Suspicion;

/// Why a call failed. Holds only data; `crate::error` has the exit codes and the help.
#[derive(Debug, Clone)]
pub enum PaletteError {
    /// 401: the key is unknown or expired.
    KeyRefused {
        /// Palette's answer.
        refusal: HttpRefusal,
        /// The endpoint.
        endpoint: String,
        /// The name of the place where the key was found, for messages.
        place: String,
        /// What the key looks like, if it is probably not a key.
        suspicion: Option<Suspicion>,
    },
    /// 403: the key lacks permissions, or `ProjectUid` is missing or wrong (facts.md, 1).
    Forbidden {
        /// Palette's answer.
        refusal: HttpRefusal,
        /// The `ProjectUid` that was sent.
        project: Option<String>,
    },
    /// Another 4xx.
    Rejected {
        /// The answer.
        refusal: HttpRefusal,
        /// The endpoint.
        endpoint: String,
    },
    /// 408, 429 or 5xx to the last attempt.
    KeptFailing {
        /// Palette's last answer.
        refusal: HttpRefusal,
        /// The number of attempts.
        attempts: u32,
    },
    /// The last attempt got no answer: refused, reset, timed out, name not found.
    Unreachable {
        /// The call.
        call: String,
        /// The reason.
        why: String,
        /// The number of attempts.
        attempts: u32,
        /// The route that was tried.
        route: Route,
        /// The time limit that was exceeded, if there was one.
        waited: Option<Waited>,
    },
    /// The server's certificate is not trusted, or TLS failed otherwise.
    Tls {
        /// The endpoint.
        endpoint: String,
        /// The reason.
        why: String,
        /// Whether `https` was assumed because there was no scheme.
        bare: bool,
    },
    /// A redirect to another origin, or a redirect loop.
    Redirect {
        /// The origin of the redirect.
        from: String,
        /// The target of the redirect.
        to: String,
        /// Why the redirect was not followed.
        why: RedirectRefusal,
    },
    /// Status 200 with a body that is not the documented JSON.
    NotJson {
        /// The call.
        call: String,
        /// The first bytes of the body, in printable form.
        seen: String,
    },
    /// Status 200 with an answer that cannot be right.
    WrongAnswer {
        /// The call.
        call: String,
        /// What is wrong with the answer.
        why: String,
    },
    /// An answer of Palette with a field that cannot be used.
    InvalidField {
        /// The call.
        call: String,
        /// The field.
        field: InvalidField,
    },
    /// Two answers contradict each other.
    Contradiction {
        /// The last call.
        call: String,
        /// The contradiction.
        why: String,
    },
    /// `ca-cert` does not contain a certificate.
    NoCertificate,
    /// The client could not be set up.
    Setup(String),
    /// The operating system does not give this process more threads; contains its message.
    NoThread(String),
}

impl From<SetupError> for PaletteError {
    fn from(error: SetupError) -> Self {
        match error {
            SetupError::NoThread(error) => Self::no_thread(&error),
            SetupError::NoCertificate => Self::NoCertificate,
            SetupError::Other(why) => Self::Setup(why),
        }
    }
}

impl PaletteError {
    /// Creates the error from the operating system's when a thread could not be started.
    #[must_use]
    pub fn no_thread(error: &std::io::Error) -> Self {
        Self::NoThread(sanitize::io(error))
    }
}

/// Why a redirect is not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedirectRefusal {
    /// It leads to another scheme, host or port, which would receive the key.
    OtherOrigin,
    /// There were more than ten in a row.
    Loop,
    /// The answer has no valid `Location`.
    NoLocation,
}

/// An HTTP error, with Palette's own words if there are any.
#[derive(Debug, Clone)]
pub struct HttpRefusal {
    /// The call, such as `GET /v1/clusterprofiles/65c9…`.
    pub call: String,
    /// The HTTP status.
    pub status: u16,
    /// Who sent the error.
    pub speaker: Speaker,
    /// Palette's `code`; may be empty.
    pub code: String,
    /// Palette's `message`, or the beginning of another body.
    pub message: String,
}

impl fmt::Display for HttpRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP {}", self.status)?;
        // The framework's code often only repeats the status.
        if !self.code.is_empty() && self.code != self.status.to_string() {
            write!(f, " {}", sanitize::line(self.code.as_bytes()))?;
        }
        if !self.message.is_empty() {
            write!(f, ": {}", sanitize::excerpt(self.message.as_bytes(), 300))?;
        }
        Ok(())
    }
}
