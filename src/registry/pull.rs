//! Gets the archive of a lock entry: the blob whose digest is the entry's `sha256`.

use std::io::{self, Seek as _};
use std::path::Path;

use reqwest::{Method, StatusCode};

use super::artifact::{DIGEST, reference};
use super::client::{Call, Failure, Registry};
use super::error::RegistryError;
use crate::archive::Refusal;
use crate::download::{self, DownloadTarget, Progress, ReceiveError, Received};
use crate::http::{AttemptDeadline, AttemptError, Observer};
use crate::lockfile::LockEntry;
use crate::util::digest::Digest;
use crate::util::limits::Limits;
use crate::util::path_error::PathError;
use crate::util::sanitize;

/// Why the archive could not be pulled.
#[derive(Debug)]
pub(crate) enum PullError {
    /// The call to the registry failed, or it does not have the archive.
    Registry(RegistryError),
    /// The archive has the locked digest, and is refused.
    Refused(Refusal),
    /// The file cannot be written.
    Disk(PathError),
}

impl Registry {
    /// Returns whether the registry has the archive of `locked`.
    ///
    /// # Errors
    /// Returns [`RegistryError`] after the attempts are used up.
    pub(crate) fn has(
        &self,
        locked: &LockEntry,
        observer: &dyn Observer,
    ) -> Result<bool, RegistryError> {
        self.has_blob(locked.sha256, locked.size, observer)
    }

    /// Returns whether the registry has a blob.
    pub(super) fn has_blob(
        &self,
        digest: Digest,
        size: u64,
        observer: &dyn Observer,
    ) -> Result<bool, RegistryError> {
        let name = format!("HEAD {}", self.url(&blob(digest)).path());
        self.retry.run(&name, observer, |attempt| {
            self.has_blob_now(digest, size, attempt)
        })
    }

    /// Makes one attempt to find out whether the registry has a blob. A login page answers any
    /// question with a success, so the answer has to be about this blob.
    pub(super) fn has_blob_now(
        &self,
        digest: Digest,
        size: u64,
        attempt: u32,
    ) -> Result<bool, Failure> {
        let call = Call::new(Method::HEAD, self.url(&blob(digest)));
        let response = self.send(&call, attempt, self.small())?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(false);
        }
        let header = |name: &str| response.headers().get(name)?.to_str().ok();
        let is_it = match (header(DIGEST), header("content-length")) {
            (Some(told), _) => told == reference(digest),
            (None, length) => length == Some(size.to_string().as_str()),
        };
        if is_it {
            return Ok(true);
        }
        Err(AttemptError::Final(RegistryError::WrongAnswer {
            call: call.name(),
            why: "it names neither the digest nor the size of the blob".to_owned(),
        }))
    }

    /// Pulls the archive of `locked` into `target`.
    ///
    /// # Errors
    /// Returns [`PullError`] after the attempts are used up. The content of the file is then
    /// undefined.
    pub(crate) fn pull(
        &self,
        locked: &LockEntry,
        limits: &Limits,
        target: DownloadTarget<'_>,
        progress: &dyn Progress,
    ) -> Result<Received, PullError> {
        let DownloadTarget { file, path } = target;
        let call = Call::new(Method::GET, self.url(&blob(locked.sha256)));
        let name = call.name();
        self.retry.run(&name, progress, |attempt| {
            // A repeated download starts with an empty file.
            file.rewind()
                .and_then(|()| file.set_len(0))
                .map_err(|error| on_disk(path, error))?;
            progress.asks(&name);
            let response = self.send(&call, attempt, AttemptDeadline::of(None));
            progress.is_answered(&name);
            let response = response.map_err(|failure| failure.map(PullError::Registry))?;
            if response.status() == StatusCode::NOT_FOUND {
                let lacks = RegistryError::Lacks {
                    repository: self.repository.to_string(),
                    sha256: locked.sha256,
                };
                return Err(AttemptError::Final(PullError::Registry(lacks)));
            }
            progress.begins(response.content_length());
            match download::receive(response, file, limits, progress) {
                Ok(received) if received.archive.sha256 == locked.sha256 => Ok(received),
                Ok(received) => Err(self.other(locked, received.archive.sha256)),
                Err(ReceiveError::Network(error)) => {
                    let failure = self.broken_body(name.clone(), &error, attempt);
                    Err(failure.map(PullError::Registry))
                }
                Err(error) => Err(judge(error, path)),
            }
        })
    }

    fn other(&self, locked: &LockEntry, served: Digest) -> AttemptError<PullError> {
        AttemptError::Final(PullError::Registry(RegistryError::OtherBytes {
            repository: self.repository.to_string(),
            locked: locked.sha256,
            served,
        }))
    }
}

/// Returns where a blob is in a repository.
fn blob(digest: Digest) -> String {
    format!("/blobs/{}", reference(digest))
}

fn on_disk(path: &Path, error: io::Error) -> AttemptError<PullError> {
    AttemptError::Final(PullError::Disk(PathError::when("write", path)(error)))
}

/// Returns the failure of an archive that arrived and cannot be kept.
fn judge(error: ReceiveError, path: &Path) -> AttemptError<PullError> {
    match error {
        ReceiveError::Disk(error) => on_disk(path, error),
        ReceiveError::Network(error) | ReceiveError::NoThread(error) => {
            let why = sanitize::io(&error);
            AttemptError::Final(PullError::Registry(RegistryError::NoThread(why)))
        }
        // Without a length, only the archive itself shows that it was truncated.
        ReceiveError::Refused(Refusal::Truncated) => AttemptError::Transient {
            error: PullError::Refused(Refusal::Truncated),
            why: "the archive was cut short".into(),
            retry_after: None,
        },
        ReceiveError::Refused(refusal) => AttemptError::Final(PullError::Refused(refusal)),
    }
}
