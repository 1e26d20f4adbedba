//! What an edge host is, holds, and does wrong. Plain data with builders.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;

/// How a host answers where a slot is empty: nobody declares it, and both occur.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoneThere {
    /// 404.
    NotFound,
    /// 200 with an empty list of profiles.
    EmptyList,
    /// 200 with null in its place.
    Null,
    /// 200 with an object that has nothing.
    EmptyObject,
}

/// Something that goes wrong, once.
#[derive(Clone, Debug)]
pub enum HostFault {
    /// Requests to a path that ends with this are answered with a status and a message.
    Answer(&'static str, u16, &'static str),
    /// They are answered with this body and status 200.
    Body(&'static str, &'static str),
    /// They get no answer for so long.
    Stall(&'static str, Duration),
    /// The connection is reset when so many bytes of an upload have arrived.
    CutUpload(usize),
    /// An upload is stored, and the connection is reset in place of an answer.
    LoseAnswer,
    /// An upload is answered as if it had been stored.
    Forget,
    /// An upload stores another definition than the one that was sent.
    StoreOther(Box<Value>),
}

/// An edge host. The builders' names say what each field is.
#[derive(Clone, Debug)]
pub struct HostWorld {
    /// The user of the operating system.
    pub user: String,
    /// That user's password.
    pub password: String,
    /// `metadata.name`.
    pub name: String,
    /// `managementMode` of the settings: `local`, `central`, or anything.
    pub management_mode: Option<String>,
    /// `applianceType` of the settings, absent on ordinary hosts.
    pub appliance_type: Option<String>,
    /// `nodeRole`: `init`, `controlplane`, `worker`, `unknown`.
    pub node_role: Option<String>,
    /// Whether a cluster exists.
    pub has_cluster: bool,
    /// What the three slots hold: `embedded`, `overridden`, `update`.
    pub slots: BTreeMap<&'static str, Value>,
    /// How an empty slot is answered.
    pub none_there: NoneThere,
    /// The embedded public key as `signing-public-key` shows it; `None` is 404.
    pub signing_key: Option<String>,
    /// Where uploads are written to, besides being kept.
    pub upload_directory: Option<PathBuf>,
    /// The wait before each answer.
    pub latency: Duration,
    /// The delay after the third failed login, which doubles with each further one.
    pub delay: Duration,
    /// How long a user is locked after the fifth.
    pub lock_out: Duration,
    pub(crate) faults: Vec<HostFault>,
    pub(crate) failures: u32,
    pub(crate) locked_until: Option<Instant>,
    pub(crate) tokens: Vec<String>,
    pub(crate) logins: u64,
    pub(crate) uploads: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

impl HostWorld {
    /// A locally managed host without a cluster or a definition.
    #[must_use]
    pub fn new(user: &str, password: &str) -> Self {
        Self {
            user: user.into(),
            password: password.into(),
            name: "edge-3f2a".into(),
            management_mode: Some("local".into()),
            appliance_type: None,
            node_role: Some("init".into()),
            has_cluster: false,
            slots: BTreeMap::new(),
            none_there: NoneThere::NotFound,
            signing_key: None,
            upload_directory: None,
            latency: Duration::ZERO,
            delay: Duration::from_millis(20),
            lock_out: Duration::from_secs(15 * 60),
            faults: Vec::new(),
            failures: 0,
            locked_until: None,
            tokens: Vec::new(),
            logins: 0,
            uploads: Vec::new(),
        }
    }

    /// Puts a definition into a slot: what [`details`](super::details) says of an archive.
    #[must_use]
    pub fn slot(mut self, slot: &'static str, details: Value) -> Self {
        self.slots.insert(slot, details);
        self
    }

    /// Sets the mode.
    #[must_use]
    pub fn mode(mut self, mode: &str) -> Self {
        self.management_mode = Some(mode.into());
        self
    }

    /// Makes it an appliance of another kind.
    #[must_use]
    pub fn appliance(mut self, kind: &str) -> Self {
        self.appliance_type = Some(kind.into());
        self
    }

    /// Sets the role in the cluster.
    #[must_use]
    pub fn role(mut self, role: &str) -> Self {
        self.node_role = Some(role.into());
        self
    }

    /// Gives it a cluster.
    #[must_use]
    pub fn with_cluster(mut self) -> Self {
        self.has_cluster = true;
        self
    }

    /// Embeds a public key.
    #[must_use]
    pub fn key(mut self, key: &str) -> Self {
        self.signing_key = Some(key.into());
        self
    }

    /// Sets the wait before each answer.
    #[must_use]
    pub fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// Sets how an empty slot is answered.
    #[must_use]
    pub fn none_there(mut self, how: NoneThere) -> Self {
        self.none_there = how;
        self
    }

    /// Adds a fault.
    #[must_use]
    pub fn fault(mut self, fault: HostFault) -> Self {
        self.faults.push(fault);
        self
    }

    /// Orders a fault while the host runs.
    pub fn order(&mut self, fault: HostFault) {
        self.faults.push(fault);
    }

    /// The failed logins since the last that succeeded.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// How many logins succeeded.
    #[must_use]
    pub fn logins(&self) -> u64 {
        self.logins
    }

    /// The tokens that were given out and not taken back.
    #[must_use]
    pub fn open_sessions(&self) -> usize {
        self.tokens.len()
    }

    /// What was uploaded and stored: the file, and the signature.
    #[must_use]
    pub fn uploads(&self) -> &[(Vec<u8>, Option<Vec<u8>>)] {
        &self.uploads
    }

    /// Takes the first fault that `is_it`.
    pub(crate) fn take(&mut self, is_it: impl Fn(&HostFault) -> bool) -> Option<HostFault> {
        let at = self.faults.iter().position(is_it)?;
        Some(self.faults.remove(at))
    }
}
