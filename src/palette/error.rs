//! Why Palette did not give what was asked.

use std::fmt;
use std::time::Duration;

use super::node::OddField;
use super::proxy::Route;
use super::wire::Speaker;
use crate::util::sanitize;
use crate::util::secret::Suspicion;

/// What failed. Holds data only; `crate::error` has exit codes and help lines.
#[derive(Debug, Clone)]
pub enum PaletteError {
    /// 401: the key is unknown or expired.
    KeyRefused {
        /// What Palette said.
        refusal: HttpRefusal,
        /// Which Palette.
        endpoint: String,
        /// Where the key was found, as messages name it.
        place: String,
        /// What it looks like.
        suspicion: Option<Suspicion>,
    },
    /// 403: the key's permissions, or a missing or wrong `ProjectUid` (facts.md, 1).
    Forbidden {
        /// What Palette said.
        refusal: HttpRefusal,
        /// The `ProjectUid` that was sent.
        project: Option<String>,
    },
    /// Another 4xx.
    Rejected {
        /// What was said.
        refusal: HttpRefusal,
        /// Where.
        endpoint: String,
    },
    /// 408, 429 or 5xx to the last attempt.
    KeptFailing {
        /// What Palette said last.
        refusal: HttpRefusal,
        /// How many attempts there were.
        attempts: u32,
    },
    /// No answer to the last attempt: refused, reset, timed out, name not found.
    Unreachable {
        /// What was asked.
        call: String,
        /// Why.
        why: String,
        /// How many attempts there were.
        attempts: u32,
        /// The way that was tried.
        route: Route,
        /// The time that was too short, if it was one.
        waited: Option<Waited>,
    },
    /// The server's certificate is not trusted, or TLS failed otherwise.
    Tls {
        /// The endpoint.
        endpoint: String,
        /// Why.
        why: String,
        /// Whether `https` was written, or taken because there was no scheme.
        bare: bool,
    },
    /// A redirect to another origin, or without an end.
    Redirect {
        /// Where it was sent from.
        from: String,
        /// Where to.
        to: String,
        /// Why it was not followed.
        why: RedirectRefusal,
    },
    /// Status 200 with something else than the JSON of the contract.
    NotJson {
        /// What was asked.
        call: String,
        /// The first bytes, printable.
        seen: String,
    },
    /// Status 200 with an answer that cannot be right.
    WrongAnswer {
        /// What was asked.
        call: String,
        /// What is wrong with the answer.
        why: String,
    },
    /// An answer of Palette's with a field that cannot be used.
    OddField {
        /// What was asked.
        call: String,
        /// The field.
        field: OddField,
    },
    /// Two answers that do not agree.
    Contradiction {
        /// What was asked last.
        call: String,
        /// What they say.
        why: String,
    },
    /// `ca-cert` holds no certificate.
    NoCertificate,
    /// The client could not be set up.
    Setup(String),
    /// The operating system gives this process no more threads; what it said.
    NoThread(String),
}

impl PaletteError {
    /// What the operating system said when a thread was to be started.
    #[must_use]
    pub fn no_thread(error: &std::io::Error) -> Self {
        Self::NoThread(sanitize::io(error))
    }
}

/// What took longer than it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waited {
    /// Silence, for as long as `timeout` says.
    Silence(Duration),
    /// An answer that kept coming, for so long.
    Whole(Duration),
}

/// Why a redirect is not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedirectRefusal {
    /// Another scheme, host or port: the key would go there.
    OtherOrigin,
    /// More than ten in a row.
    Loop,
    /// No `Location` that can be read.
    NoLocation,
}

/// What a server answered, with Palette's own words where it had any.
#[derive(Debug, Clone)]
pub struct HttpRefusal {
    /// What was asked, such as `GET /v1/clusterprofiles/65c9…`.
    pub call: String,
    /// The HTTP status.
    pub status: u16,
    /// Who said it.
    pub speaker: Speaker,
    /// Palette's `code`; may be empty.
    pub code: String,
    /// Palette's `message`, or the beginning of another body.
    pub message: String,
}

impl fmt::Display for HttpRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP {}", self.status)?;
        // The framework's is often the status once more.
        if !self.code.is_empty() && self.code != self.status.to_string() {
            write!(f, " {}", sanitize::line(self.code.as_bytes()))?;
        }
        if !self.message.is_empty() {
            write!(f, ": {}", sanitize::excerpt(self.message.as_bytes(), 300))?;
        }
        Ok(())
    }
}
