//! Sends the locked archive and its manifest, unless the registry has them.

use std::fs::File;
use std::sync::Arc;

use reqwest::blocking::Response;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, LOCATION};
use reqwest::{Method, StatusCode, Url};

use super::artifact::{self, CONFIG, DIGEST, MANIFEST, reference};
use super::client::{Call, Failure, Payload, Registry};
use super::error::{RegistryError, RegistryRedirect};
use super::redirect;
use super::upload::Upload;
use crate::download::Progress;
use crate::http::{AttemptDeadline, AttemptError, Observer};
use crate::lockfile::LockEntry;
use crate::util::digest::Digest;
use crate::util::sanitize;
use crate::util::sync::lock;

/// The media type of a blob that is uploaded.
const BLOB: &str = "application/octet-stream";

/// What was pushed, and what was there already.
#[derive(Debug)]
pub(crate) struct Pushed {
    /// The manifest, as `REPOSITORY@sha256:…`.
    pub reference: String,
    /// The tag of the manifest.
    pub tag: String,
    /// Whether the archive was sent.
    pub sent_archive: bool,
    /// Whether the manifest was sent.
    pub sent_manifest: bool,
}

/// The bytes of a blob.
enum Blob<'b> {
    File { file: &'b Arc<File>, size: u64 },
    Bytes(&'b [u8]),
}

impl Blob<'_> {
    fn size(&self) -> u64 {
        match self {
            Self::File { size, .. } => *size,
            Self::Bytes(bytes) => bytes.len() as u64,
        }
    }
}

impl Registry {
    /// Returns the manifest of the definition `name`.
    ///
    /// # Errors
    /// Fails if it cannot be made.
    pub(crate) fn manifest(name: &str, locked: &LockEntry) -> Result<Vec<u8>, RegistryError> {
        artifact::manifest(name, locked).map_err(|error| RegistryError::Setup(error.to_string()))
    }

    /// Pushes the archive of the definition `name`: `file`, whose bytes are the locked ones, or
    /// `None` if the registry has them already.
    ///
    /// # Errors
    /// Returns [`RegistryError`] after the attempts are used up.
    pub(crate) fn push(
        &self,
        name: &str,
        locked: &LockEntry,
        file: Option<&Arc<File>>,
        progress: &dyn Progress,
    ) -> Result<Pushed, RegistryError> {
        let manifest = Self::manifest(name, locked)?;
        let size = locked.size;
        if let Some(file) = file {
            self.once(locked.sha256, || {
                self.push_blob(locked.sha256, &Blob::File { file, size }, progress)
            })?;
        }
        let config = Digest::of(CONFIG);
        self.once(config, || {
            if self.has_blob(config, CONFIG.len() as u64, progress)? {
                return Ok(());
            }
            self.push_blob(config, &Blob::Bytes(CONFIG), progress)
        })?;
        let tag = artifact::tag(name, locked);
        let digest = Digest::of(&manifest);
        let sent_manifest = self.push_manifest(&tag, &manifest, digest, progress)?;
        Ok(Pushed {
            reference: format!("{}@{}", self.repository, reference(digest)),
            tag,
            sent_archive: file.is_some(),
            sent_manifest,
        })
    }

    /// Does `work` for a blob unless this client has done it. Definitions that are pushed at once
    /// have the config in common, and may have the archive: a registry that gets a blob twice
    /// at the same time may read the half of it.
    fn once(
        &self,
        digest: Digest,
        work: impl FnOnce() -> Result<(), RegistryError>,
    ) -> Result<(), RegistryError> {
        let blob = Arc::clone(lock(&self.pushed).entry(digest).or_default());
        let mut is_done = lock(&blob);
        if !*is_done {
            work()?;
            *is_done = true;
        }
        Ok(())
    }

    /// Sends a blob that the registry lacks.
    fn push_blob(
        &self,
        digest: Digest,
        blob: &Blob<'_>,
        progress: &dyn Progress,
    ) -> Result<(), RegistryError> {
        let begin = Call::new(Method::POST, self.url("/blobs/uploads/"));
        let name = begin.name();
        self.retry.run(&name, progress, |attempt| {
            // An attempt whose answer was lost may have arrived.
            if attempt > 1 && self.has_blob_now(digest, blob.size(), attempt)? {
                return Ok(());
            }
            let response = self.send(&begin, attempt, self.small())?;
            if response.status() != StatusCode::ACCEPTED {
                return Err(self.unexpected(&begin, response));
            }
            let mut url = upload_url(&begin.url, response.headers())?;
            url.query_pairs_mut()
                .append_pair("digest", &reference(digest));
            self.put_blob(url, digest, blob, attempt, progress)
        })
    }

    /// Sends the bytes of a blob to the address that the registry named.
    fn put_blob(
        &self,
        url: Url,
        digest: Digest,
        blob: &Blob<'_>,
        attempt: u32,
        progress: &dyn Progress,
    ) -> Result<(), Failure> {
        let advances = |bytes| progress.advances(bytes);
        let upload;
        let (body, deadline) = match blob {
            Blob::Bytes(bytes) => (Payload::Bytes(bytes), self.small()),
            Blob::File { file, size } => {
                upload = Upload {
                    file: Arc::clone(file),
                    size: *size,
                    advances: &advances,
                };
                progress.begins(Some(*size));
                (Payload::Upload(&upload), AttemptDeadline::of(None))
            }
        };
        let put = Call {
            method: Method::PUT,
            url,
            headers: &[(CONTENT_TYPE, BLOB)],
            body,
        };
        let response = self.send(&put, attempt, deadline)?;
        if response.status() != StatusCode::CREATED {
            return Err(self.unexpected(&put, response));
        }
        self.compare(&put, response.headers(), digest)
    }

    /// Sends a manifest under `tag`, unless the registry has it there. Returns whether it was
    /// sent.
    fn push_manifest(
        &self,
        tag: &str,
        manifest: &[u8],
        digest: Digest,
        observer: &dyn Observer,
    ) -> Result<bool, RegistryError> {
        let url = self.url(&format!("/manifests/{tag}"));
        let head = Call {
            headers: &[(ACCEPT, MANIFEST)],
            ..Call::new(Method::HEAD, url.clone())
        };
        let is_there = self.retry.run(&head.name(), observer, |attempt| {
            let response = self.send(&head, attempt, self.small())?;
            let is_same = told(response.headers()).is_some_and(|told| told == reference(digest));
            Ok(response.status() != StatusCode::NOT_FOUND && is_same)
        })?;
        if is_there {
            return Ok(false);
        }
        let put = Call {
            headers: &[(CONTENT_TYPE, MANIFEST)],
            body: Payload::Bytes(manifest),
            ..Call::new(Method::PUT, url)
        };
        self.retry.run(&put.name(), observer, |attempt| {
            let response = self.send(&put, attempt, self.small())?;
            if response.status() != StatusCode::CREATED {
                return Err(self.unexpected(&put, response));
            }
            self.compare(&put, response.headers(), digest)
        })?;
        Ok(true)
    }

    /// Compares what the registry says that it has stored with what was sent.
    fn compare(&self, call: &Call<'_>, headers: &HeaderMap, sent: Digest) -> Result<(), Failure> {
        match told(headers) {
            Some(stored) if stored != reference(sent) => {
                let stored = sanitize::excerpt(stored.as_bytes(), 80);
                Err(AttemptError::Final(RegistryError::WrongAnswer {
                    call: call.name(),
                    why: self.mask(&format!(
                        "it stored `{stored}`, and {} was sent",
                        reference(sent)
                    )),
                }))
            }
            _ => Ok(()),
        }
    }

    /// Returns the failure for a 404, or for a success of another kind than the protocol has.
    fn unexpected(&self, call: &Call<'_>, response: Response) -> Failure {
        let answer = self.answered(call.name(), response, self.small());
        AttemptError::Final(if answer.status == 404 {
            self.rejected(answer)
        } else {
            RegistryError::WrongAnswer {
                why: format!("HTTP {} is not the answer of a registry", answer.status),
                call: answer.call,
            }
        })
    }
}

/// Returns the digest that the registry names.
fn told(headers: &HeaderMap) -> Option<&str> {
    headers.get(DIGEST)?.to_str().ok()
}

/// Returns where to send a blob. A registry behind a proxy that ends TLS may name its own
/// address with `http`, which is corrected.
fn upload_url(from: &Url, headers: &HeaderMap) -> Result<Url, Failure> {
    let refused = |to: Option<&Url>, why| AttemptError::Final(redirect::refused(from, to, why));
    let location = headers.get(LOCATION).and_then(|value| value.to_str().ok());
    let to = location.and_then(|location| from.join(location).ok());
    let Some(mut to) = to.filter(Url::has_host) else {
        return Err(refused(None, RegistryRedirect::NoLocation));
    };
    if from.scheme() == "https" && to.scheme() == "http" && to.host() == from.host() {
        // Neither call fails for a URL with a host.
        let _ = to.set_scheme("https");
        let _ = to.set_port(from.port());
    }
    redirect::checked(from, to).map_err(AttemptError::Final)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_an_upload_goes() {
        let from = Url::parse("https://r.example:5000/v2/x/blobs/uploads/").unwrap();
        for (location, to) in [
            (
                "/v2/x/blobs/uploads/1?s=2",
                Some("https://r.example:5000/v2/x/blobs/uploads/1?s=2"),
            ),
            ("https://other.example/1", Some("https://other.example/1")),
            // A proxy that ends TLS, and does not say so.
            ("http://r.example/v2/1", Some("https://r.example:5000/v2/1")),
            (
                "http://r.example:8080/v2/1",
                Some("https://r.example:5000/v2/1"),
            ),
            ("http://other.example/1", None),
            ("ftp://r.example/1", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(LOCATION, location.parse().unwrap());
            let found = upload_url(&from, &headers).ok();
            assert_eq!(found.as_ref().map(Url::as_str), to, "{location}");
        }
        assert!(upload_url(&from, &HeaderMap::new()).is_err());
    }
}
