//! Classifies the failure of an attempt: what it means, and whether another may succeed.

use std::time::SystemTime;

use reqwest::blocking::Response;
use reqwest::header::RETRY_AFTER;

use super::{Call, Palette};
use crate::http::retry::retry_after;
use crate::http::transport::{self, Broken, PROXY_CREDENTIALS, Transport, classify};
use crate::http::{AttemptDeadline, AttemptError, WHOLE, Waited, body, page_text};
use crate::palette::answer::Unfit;
use crate::palette::error::{HttpRefusal, PaletteError};
use crate::palette::wire::{ApiError, Speaker};
use crate::util::endpoint::Spelling;
use crate::util::sanitize;
use crate::util::uid::Uid;

/// The maximum number of bytes that are read of an error's body.
const ERROR_LIMIT: u64 = 64 << 10;
/// The maximum number of characters that are shown of an error that is not Palette's.
const SHOWN: usize = 120;

impl Palette {
    /// Returns the failure of a body that broke in transit, after `attempt` attempts.
    #[must_use]
    pub fn broken_body(&self, error: &std::io::Error, attempt: u32) -> AttemptError<PaletteError> {
        let why = transport::broken_body(error, Waited::Silence(self.timeout));
        self.broken(format!("POST {}", Self::DOWNLOAD), why, attempt)
    }

    /// Returns the failure of a connection that failed or broke: another attempt may succeed.
    pub(super) fn broken(
        &self,
        call: String,
        broken: Broken,
        attempts: u32,
    ) -> AttemptError<PaletteError> {
        let Broken { why, waited } = broken;
        AttemptError::Transient {
            error: PaletteError::Unreachable {
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

    /// Returns the failure for a body that is not the documented JSON.
    pub(super) fn unfit(
        &self,
        unfit: Unfit,
        call: String,
        attempt: u32,
    ) -> AttemptError<PaletteError> {
        AttemptError::Final(match unfit {
            Unfit::Cut => return self.broken(call, "the answer was cut short".into(), attempt),
            Unfit::Foreign(seen) => PaletteError::NotJson {
                call,
                seen: self.key.mask(&seen),
            },
            Unfit::Wrong(why) => PaletteError::WrongAnswer {
                call,
                why: self.key.mask(&why),
            },
            Unfit::Field(field) => PaletteError::InvalidField { call, field },
        })
    }

    pub(super) fn transport_failure(
        &self,
        error: &reqwest::Error,
        call: &Call<'_>,
        attempt: u32,
        deadline: AttemptDeadline,
    ) -> AttemptError<PaletteError> {
        let (host, _) = self.endpoint.host_and_port();
        match classify(error, &host, deadline.waited(self.timeout)) {
            Transport::Tls(why) => AttemptError::Final(PaletteError::Tls {
                endpoint: self.endpoint.to_string(),
                why,
                bare: self.endpoint.spelling() == Spelling::Bare,
            }),
            Transport::Refused(why) => {
                AttemptError::Final(self.unreachable(call.name(), why, attempt))
            }
            Transport::Broken(broken) => self.broken(call.name(), broken, attempt),
        }
    }

    fn unreachable(&self, call: String, why: String, attempts: u32) -> PaletteError {
        PaletteError::Unreachable {
            call,
            why,
            attempts,
            route: self.route.clone(),
            waited: None,
        }
    }

    /// Returns the failure for a status other than success.
    pub(super) fn refusal(
        &self,
        response: Response,
        call: &Call<'_>,
        attempt: u32,
        deadline: AttemptDeadline,
    ) -> AttemptError<PaletteError> {
        let status = response.status().as_u16();
        let retry_after = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| retry_after(value.to_str().ok()?, SystemTime::now()));
        // A body that breaks off or trickles is still useful as far as it arrived.
        let left = deadline.left_of(self.timeout.saturating_mul(WHOLE));
        let (body, _) = body::read(response, ERROR_LIMIT, left);
        let refusal = self.said(call.name(), status, &body);
        match status {
            401 => AttemptError::Final(PaletteError::KeyRefused {
                refusal,
                endpoint: self.endpoint.to_string(),
                place: self.key_place.clone(),
                suspicion: self.key.suspicion(),
            }),
            403 => AttemptError::Final(PaletteError::Forbidden {
                refusal,
                project: call.project.map(Uid::to_string),
            }),
            408 | 429 | 500 | 502..=504 => AttemptError::Transient {
                why: refusal.to_string(),
                retry_after,
                error: PaletteError::KeptFailing {
                    refusal,
                    attempts: attempt,
                },
            },
            500.. => AttemptError::Final(PaletteError::KeptFailing {
                refusal,
                attempts: attempt,
            }),
            407 => AttemptError::Final(self.unreachable(
                refusal.call,
                PROXY_CREDENTIALS.into(),
                attempt,
            )),
            _ => AttemptError::Final(PaletteError::Rejected {
                refusal,
                endpoint: self.endpoint.to_string(),
            }),
        }
    }

    /// Returns the text of an error, in the words of Palette, its framework or a gateway.
    fn said(&self, call: String, status: u16, body: &[u8]) -> HttpRefusal {
        let said = ApiError::read(body).unwrap_or_else(|| ApiError {
            speaker: Speaker::Other,
            code: String::new(),
            message: sanitize::excerpt(page_text(body).trim().as_bytes(), SHOWN),
        });
        HttpRefusal {
            call,
            status,
            speaker: said.speaker,
            code: self.key.mask(&said.code),
            message: self.key.mask(&said.message),
        }
    }
}
