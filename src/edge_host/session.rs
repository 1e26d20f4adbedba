//! What a host is asked after the login.

use reqwest::Method;
use reqwest::header::HeaderValue;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::client::{Call, HostClient, is_not_found};
use super::compare::{Expected, SlotReport, compare};
use super::error::{HostError, Refusal};
use super::wire;
use crate::http::Observer;
use crate::util::sanitize;

/// The appliances for which the vendor calls an upload invalid (facts.md, 4).
const NO_UPLOADS: [&str; 6] = [
    "paletteai",
    "vertexai",
    "vm-launchpad",
    "vm-launchpad-vertex",
    "ai-launchpad",
    "ai-launchpad-vertex",
];

/// A place of a definition on a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Slot {
    /// From the image.
    Embedded,
    /// From an upload of its own.
    Overridden,
    /// From a content bundle that was uploaded.
    Update,
}

impl Slot {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Embedded, Self::Overridden, Self::Update];

    /// Returns the name, as the API has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Overridden => "overridden",
            Self::Update => "update",
        }
    }
}

/// What a host says of itself before an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preconditions {
    /// Why it takes no upload, if it takes none.
    pub refusal: Option<Refusal>,
    /// The mode, if it is neither `local` nor `central`; empty if it is not shown.
    pub unknown_mode: Option<String>,
    /// The role in the cluster, if another host leads it.
    pub follower: Option<String>,
    /// Whether a cluster exists.
    pub has_cluster: bool,
}

/// A session, which is logged out after it.
pub(crate) struct Session<'s, 'o> {
    pub(super) client: &'s HostClient<'o>,
    pub(super) token: &'s HeaderValue,
    pub(super) observer: &'s dyn Observer,
}

impl Session<'_, '_> {
    /// Compares what `slot` holds with what is expected.
    ///
    /// # Errors
    /// Returns [`HostError`] after the attempts are used up.
    pub(crate) fn compare(
        &self,
        slot: Slot,
        expected: Expected<'_>,
    ) -> Result<SlotReport, HostError> {
        let found = self.details(slot)?;
        Ok(found.map_or_else(SlotReport::none, |found| compare(&found.0, expected)))
    }

    /// Returns what `slot` holds, and the answer itself; `None` if nothing is declared there.
    pub(super) fn details(
        &self,
        slot: Slot,
    ) -> Result<Option<(wire::Details, Vec<u8>)>, HostError> {
        let path = format!("/v1/edge-mgmt/clusters/archive/{}/details", slot.name());
        let Some(body) = self.get(&path)? else {
            return Ok(None);
        };
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(None);
        }
        let details = self.parse(&path, &body)?;
        Ok(Some((details, body)))
    }

    /// Asks whether an upload makes sense.
    ///
    /// # Errors
    /// Returns [`HostError`] after the attempts are used up.
    pub(crate) fn preconditions(&self) -> Result<Preconditions, HostError> {
        const SETTINGS: &str = "/v1/edge-mgmt/settings";
        const HOST: &str = "/v1/edge-mgmt/edgehosts/current";
        let settings: wire::Settings = self.required(SETTINGS)?;
        let info: wire::HostInfo = self.required(HOST)?;
        let has_cluster = self.get("/v1/edge-mgmt/cluster")?.is_some();
        let modes = [&settings.management_mode, &info.spec.management_mode];
        let is = |mode: &str| modes.iter().any(|one| one.eq_ignore_ascii_case(mode));
        let refusal = if is("central") {
            Some(Refusal::Central)
        } else {
            let kind = settings.appliance_type.to_ascii_lowercase();
            let known = NO_UPLOADS.iter().find(|known| **known == kind);
            known.map(|known| Refusal::Appliance((*known).to_owned()))
        };
        let unknown = modes.iter().find(|mode| !mode.is_empty());
        let role = &info.spec.node_role;
        Ok(Preconditions {
            refusal,
            unknown_mode: (!is("local") && !is("central"))
                .then(|| unknown.map_or_else(String::new, |mode| shown(mode))),
            follower: ["worker", "controlplane"]
                .contains(&role.as_str())
                .then(|| shown(role)),
            has_cluster,
        })
    }

    /// Returns the embedded public key; an empty one is none.
    ///
    /// # Errors
    /// Returns [`HostError`] after the attempts are used up.
    pub(crate) fn signing_key(&self) -> Result<Option<String>, HostError> {
        const KEY: &str = "/v1/edge-mgmt/edgehosts/current/actions/content/signing-public-key";
        let Some(body) = self.get(KEY)? else {
            return Ok(None);
        };
        let found: wire::SigningKey = self.parse(KEY, &body)?;
        Ok(Some(found.key).filter(|key| !key.trim().is_empty()))
    }

    /// Returns the body of a success; `None` for a 404.
    fn get(&self, path: &str) -> Result<Option<Vec<u8>>, HostError> {
        let call = Call {
            method: Method::GET,
            path,
            body: None,
            token: Some(self.token),
        };
        let name = call.name();
        let reply = self.client.repeat(&name, self.observer, |attempt| {
            let reply = self.client.once(&call, attempt);
            let reply = reply.map_err(|(failure, _)| failure)?;
            match reply.status {
                200..=299 | 404 => Ok(reply),
                _ => Err(self.client.refusal(&name, &reply, attempt)),
            }
        })?;
        Ok((!is_not_found(&reply)).then_some(reply.body))
    }

    /// Returns what every host has.
    fn required<T: for<'de> Deserialize<'de>>(&self, path: &str) -> Result<T, HostError> {
        match self.get(path)? {
            Some(body) => self.parse(path, &body),
            None => Err(HostError::WrongAnswer {
                call: format!("GET {path}"),
                why: "HTTP 404, although every edge host has it".into(),
            }),
        }
    }

    #[allow(clippy::unused_self)] // an answer belongs to a session
    fn parse<T: for<'de> Deserialize<'de>>(&self, path: &str, body: &[u8]) -> Result<T, HostError> {
        let wrong = |why: String| HostError::WrongAnswer {
            call: format!("GET {path}"),
            why,
        };
        // An array would be read as an object whose fields are missing.
        if body.trim_ascii_start().first() != Some(&b'{') {
            return Err(wrong("it is not a JSON object".into()));
        }
        serde_json::from_slice(body).map_err(|error| {
            // The error's own text may contain a part of the body.
            let (line, column) = (error.line(), error.column());
            wrong(format!(
                "it is not the JSON that is documented (line {line}, column {column})"
            ))
        })
    }
}

fn shown(text: &str) -> String {
    sanitize::excerpt(text.as_bytes(), 40)
}
