//! Why a call to a registry failed. Holds only data.

use std::fmt;

use super::credentials::CredentialsError;
use crate::http::{Route, SetupError, Waited};
use crate::util::digest::Digest;
use crate::util::sanitize;

/// Why a call to a registry failed.
#[derive(Debug, Clone)]
pub enum RegistryError {
    /// 401 or 403: the registry or its token service does not accept the credentials, or they
    /// do not permit the call, or there are none.
    Refused {
        /// The answer.
        answer: RegistryAnswer,
        /// The repository.
        repository: String,
        /// Where the credentials were found; `None` if there are none.
        place: Option<String>,
        /// Whether the call would have written to the repository.
        is_push: bool,
    },
    /// The credentials cannot be read.
    Credentials(CredentialsError),
    /// The registry does not have the archive.
    Lacks {
        /// The repository.
        repository: String,
        /// The digest of the archive.
        sha256: Digest,
    },
    /// The registry served other bytes than those with the locked digest.
    OtherBytes {
        /// The repository.
        repository: String,
        /// The locked digest.
        locked: Digest,
        /// The digest of what it served, as far as it was received.
        served: Digest,
    },
    /// Another 4xx.
    Rejected {
        /// The answer.
        answer: RegistryAnswer,
        /// The repository.
        repository: String,
    },
    /// 408, 429 or 5xx to the last attempt.
    KeptFailing {
        /// The last answer.
        answer: RegistryAnswer,
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
    /// The certificate is not trusted, or TLS failed otherwise.
    Tls {
        /// The host that was connected to.
        host: String,
        /// The reason.
        why: String,
    },
    /// A redirect that is not followed.
    Redirect {
        /// The origin of the redirect.
        from: String,
        /// The target of the redirect.
        to: String,
        /// Why the redirect was not followed.
        why: RegistryRedirect,
    },
    /// A success that cannot be right.
    WrongAnswer {
        /// The call.
        call: String,
        /// What is wrong with the answer.
        why: String,
    },
    /// `ca-cert` does not contain a certificate.
    NoCertificate,
    /// The client could not be set up.
    Setup(String),
    /// The operating system does not give this process more threads; contains its message.
    NoThread(String),
}

impl From<SetupError> for RegistryError {
    fn from(error: SetupError) -> Self {
        match error {
            SetupError::NoThread(error) => Self::NoThread(sanitize::io(&error)),
            SetupError::NoCertificate => Self::NoCertificate,
            SetupError::Other(why) => Self::Setup(why),
        }
    }
}

impl RegistryError {
    /// Returns whether another source may be asked for the archive instead: the registry lacks
    /// it or cannot be reached. A refusal of the credentials and wrong bytes are not such
    /// errors.
    #[must_use]
    pub fn is_absence(&self) -> bool {
        matches!(
            self,
            Self::Lacks { .. }
                | Self::KeptFailing { .. }
                | Self::Unreachable { .. }
                | Self::Tls { .. }
                | Self::Redirect { .. }
        )
    }
}

/// Why a redirect is not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistryRedirect {
    /// It leads to plain HTTP.
    PlainHttp,
    /// There were too many in a row.
    Loop,
    /// The answer has no valid `Location`.
    NoLocation,
    /// The answer is to a call that changes something.
    Write,
}

/// An HTTP error of a registry or of its token service.
#[derive(Debug, Clone)]
pub struct RegistryAnswer {
    /// The call, such as `HEAD /v2/edge/blobs/sha256:9c1e…`.
    pub call: String,
    /// The HTTP status.
    pub status: u16,
    /// The code, such as `DENIED`; may be empty.
    pub code: String,
    /// The message, or the beginning of another body; may be empty.
    pub message: String,
}

impl fmt::Display for RegistryAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP {}", self.status)?;
        if !self.code.is_empty() {
            write!(f, " {}", sanitize::line(self.code.as_bytes()))?;
        }
        if !self.message.is_empty() {
            write!(f, ": {}", sanitize::excerpt(self.message.as_bytes(), 300))?;
        }
        Ok(())
    }
}
