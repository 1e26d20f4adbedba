//! Uploads the locked archive, and proves it: an upload counts only if the host shows the
//! definition afterwards.

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use reqwest::Method;
use reqwest::blocking::Body;
use reqwest::header::CONTENT_TYPE;

use super::client::Call;
use super::compare::{Expected, SlotReport, Verdict, compare};
use super::error::HostError;
use super::multipart::{Form, Progress as Sent, boundary};
use super::session::{Session, Slot};
use super::transmit::{Limits, Reply, transmit};
use crate::download::Progress;
use crate::http::AttemptError;

const UPLOAD: &str = "/v1/edge-mgmt/edgehosts/current/actions/upload-clusterconfig";
/// The time after which a host gives up (facts.md, 4).
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// Makes the signature of an upload.
pub(crate) trait Signer: Sync {
    /// Returns the signature of the archive as lower-case hexadecimal digits, checked against the
    /// key of the host: base64 of a PEM text, or the PEM text itself.
    ///
    /// # Errors
    /// Returns [`HostError::SignatureNeeded`] if there is no key of ours, and
    /// [`HostError::Signing`] if it is another than the host's, or cannot be used.
    fn sign(&self, host_key: &str) -> Result<String, HostError>;
}

/// What to upload.
pub(crate) struct Upload<'u> {
    /// The archive, whose bytes are the locked ones.
    pub file: &'u Arc<File>,
    /// What the host must show afterwards.
    pub expected: Expected<'u>,
    /// Makes the signature for a host with a key.
    pub signer: &'u dyn Signer,
    /// Gets the progress.
    pub progress: &'u dyn Progress,
}

/// What became of an upload.
#[derive(Debug)]
pub(crate) enum Uploaded {
    /// It was sent, and the host shows the definition.
    Sent(SlotReport),
    /// The host had it, and nothing was sent.
    Unchanged(SlotReport),
}

/// How sending ended.
enum Ending {
    /// The host has stored it.
    Stored,
    /// The connection broke before everything was sent.
    Cut(HostError, String),
    /// Everything was sent, and there was no answer.
    NoAnswer(HostError),
}

impl Session<'_, '_> {
    /// Uploads the archive unless the host can be seen to have it.
    ///
    /// # Errors
    /// Returns [`HostError`]; [`HostError::Unproven`] if the host does not show the definition.
    pub(crate) fn upload(&self, upload: &Upload<'_>) -> Result<Uploaded, HostError> {
        let before = self.details(Slot::Overridden)?;
        if let Some((found, _)) = &before {
            let report = compare(found, upload.expected);
            if report.is_proven() {
                return Ok(Uploaded::Unchanged(report));
            }
        }
        let key = self.signing_key()?;
        let signature = key.map(|key| upload.signer.sign(&key)).transpose()?;
        let before = before.map(|(_, body)| body);
        let name = format!("POST {UPLOAD}");
        self.client.repeat(&name, upload.progress, |attempt| {
            match self.send(upload, signature.as_deref(), attempt)? {
                Ending::Stored => Ok(()),
                Ending::NoAnswer(error) => self.is_there(upload, error),
                Ending::Cut(error, why) => {
                    let now = self
                        .details(Slot::Overridden)
                        .map_err(AttemptError::Final)?;
                    // Only an unchanged host may get it again.
                    if now.map(|(_, body)| body) != before {
                        return self.is_there(upload, error);
                    }
                    Err(AttemptError::Transient {
                        error,
                        why,
                        retry_after: None,
                    })
                }
            }
        })?;
        let report = self.compare(Slot::Overridden, upload.expected)?;
        match report.verdict {
            Verdict::Same => Ok(Uploaded::Sent(report)),
            Verdict::Differs | Verdict::None => Err(HostError::Unproven(report.differences)),
        }
    }

    /// Succeeds if the host shows the definition although its answer was lost.
    fn is_there(
        &self,
        upload: &Upload<'_>,
        error: HostError,
    ) -> Result<(), AttemptError<HostError>> {
        let report = self.compare(Slot::Overridden, upload.expected);
        match report.map_err(AttemptError::Final)? {
            report if report.is_proven() => Ok(()),
            _ => Err(AttemptError::Final(error)),
        }
    }

    fn send(
        &self,
        upload: &Upload<'_>,
        signature: Option<&str>,
        attempt: u32,
    ) -> Result<Ending, AttemptError<HostError>> {
        let boundary = boundary();
        let sent = Arc::new(Sent::default());
        let size = upload.expected.locked.size;
        let file = Arc::clone(upload.file);
        let form = Form::new(&boundary, file, size, signature, Arc::clone(&sent));
        let call = Call {
            method: Method::POST,
            path: UPLOAD,
            body: None,
            token: Some(self.token),
        };
        let length = form.length();
        let request = self
            .client
            .request(&call)
            .header(
                CONTENT_TYPE,
                format!("multipart/form-data; boundary={boundary}"),
            )
            .body(Body::sized(form, length));
        let limits = Limits {
            silence: self.client.options.timeout,
            whole: LONGEST,
            stopped: self.client.options.stopped,
        };
        upload.progress.begins(Some(size));
        let advances = |bytes| upload.progress.advances(bytes);
        match transmit(request, &limits, Some(&sent), &advances) {
            Ok(reply) => self.stored(&call.name(), &reply, attempt),
            Err(_) if sent.has_failed.load(Ordering::Relaxed) => {
                let why = "it was shortened or replaced meanwhile".to_owned();
                Err(AttemptError::Final(HostError::File(why)))
            }
            Err(error) => {
                let is_sent = sent.is_sent.load(Ordering::Relaxed);
                match self.client.failure(error, &call.name(), attempt).0 {
                    AttemptError::Transient { error, .. } if is_sent => Ok(Ending::NoAnswer(error)),
                    AttemptError::Transient { error, why, .. } => Ok(Ending::Cut(error, why)),
                    failure @ AttemptError::Final(_) => Err(failure),
                }
            }
        }
    }

    fn stored(
        &self,
        call: &str,
        reply: &Reply,
        attempt: u32,
    ) -> Result<Ending, AttemptError<HostError>> {
        match reply.status {
            200..=299 => Ok(Ending::Stored),
            // An answer is not repeated, whatever it is: the host has read the upload.
            _ => Err(match self.client.refusal(call, reply, attempt) {
                AttemptError::Transient { error, .. } | AttemptError::Final(error) => {
                    AttemptError::Final(error)
                }
            }),
        }
    }
}
