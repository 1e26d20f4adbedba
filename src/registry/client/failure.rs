//! Classifies the failure of an attempt: what it means, and whether another may succeed.

use std::time::SystemTime;

use reqwest::Url;
use reqwest::blocking::Response;
use reqwest::header::RETRY_AFTER;

use super::{Access, Call, Failure, Registry, Reply};
use crate::http::retry::retry_after;
use crate::http::transport::{self, Broken, PROXY_CREDENTIALS, Transport, classify};
use crate::http::{AttemptDeadline, AttemptError, WHOLE, Waited, body};
use crate::registry::answer;
use crate::registry::error::{RegistryAnswer, RegistryError};
use crate::util::sync::lock;

/// The maximum number of bytes that are read of an error's body.
const ERROR_LIMIT: u64 = 64 << 10;

impl Registry {
    /// Returns the failure of a blob that broke in transit.
    pub(in crate::registry) fn broken_body(
        &self,
        call: String,
        error: &std::io::Error,
        attempt: u32,
    ) -> Failure {
        let why = transport::broken_body(error, Waited::Silence(self.options.timeout));
        self.broken(call, why, attempt)
    }

    pub(super) fn transport_failure(
        &self,
        error: &reqwest::Error,
        call: String,
        url: &Url,
        attempt: u32,
        waited: Waited,
    ) -> Failure {
        let host = url.host_str().unwrap_or_default();
        match classify(error, host, waited) {
            Transport::Tls(why) => AttemptError::Final(RegistryError::Tls {
                host: host.to_owned(),
                why,
            }),
            Transport::Refused(why) => AttemptError::Final(RegistryError::Unreachable {
                call,
                why,
                attempts: attempt,
                route: self.route.clone(),
                waited: None,
            }),
            Transport::Broken(broken) => self.broken(call, broken, attempt),
        }
    }

    /// Returns the failure of a connection that failed or broke: another attempt may succeed.
    pub(super) fn broken(&self, call: String, broken: Broken, attempts: u32) -> Failure {
        let Broken { why, waited } = broken;
        AttemptError::Transient {
            error: RegistryError::Unreachable {
                call,
                why: why.clone(),
                attempts,
                route: self.route.clone(),
                waited,
            },
            why,
            retry_after: None,
        }
    }

    /// Returns the failure for a status other than success and 404.
    pub(super) fn refusal(
        &self,
        call: &Call<'_>,
        reply: Reply,
        attempt: u32,
        deadline: AttemptDeadline,
    ) -> Failure {
        let Reply { response, is_own } = reply;
        let wait = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| retry_after(value.to_str().ok()?, SystemTime::now()));
        let answer = self.answered(call.name(), response, deadline);
        match answer.status {
            401 | 403 if is_own => AttemptError::Final(self.refused(answer)),
            407 => {
                let broken = Broken::from(PROXY_CREDENTIALS);
                match self.broken(answer.call, broken, attempt) {
                    AttemptError::Transient { error, .. } | AttemptError::Final(error) => {
                        AttemptError::Final(error)
                    }
                }
            }
            // The signature in a redirect to object storage may have expired; the next attempt
            // gets another.
            401 | 403 | 408 | 429 | 500 | 502..=504 => AttemptError::Transient {
                why: answer.to_string(),
                retry_after: wait,
                error: RegistryError::KeptFailing {
                    answer,
                    attempts: attempt,
                },
            },
            500.. => AttemptError::Final(RegistryError::KeptFailing {
                answer,
                attempts: attempt,
            }),
            _ => AttemptError::Final(self.rejected(answer)),
        }
    }

    /// Reads what the registry says about a failure.
    pub(in crate::registry) fn answered(
        &self,
        call: String,
        response: Response,
        deadline: AttemptDeadline,
    ) -> RegistryAnswer {
        let status = response.status().as_u16();
        // A body that breaks off or trickles is still useful as far as it arrived.
        let whole = self.options.timeout.saturating_mul(WHOLE);
        let (body, _) = body::read(response, ERROR_LIMIT, deadline.left_of(whole));
        let (code, message) = answer::read(&body);
        RegistryAnswer {
            call,
            status,
            code: self.mask(&code),
            message: self.mask(&message),
        }
    }

    pub(in crate::registry) fn rejected(&self, answer: RegistryAnswer) -> RegistryError {
        RegistryError::Rejected {
            answer,
            repository: self.repository.to_string(),
        }
    }

    pub(super) fn refused(&self, answer: RegistryAnswer) -> RegistryError {
        let login = lock(&self.login);
        RegistryError::Refused {
            answer,
            repository: self.repository.to_string(),
            place: login.found().map(|found| found.place.clone()),
            is_push: self.options.access == Access::Push,
        }
    }
}
