//! Edge hosts: what a host holds is compared with the lock, and the locked archive is uploaded.
//!
//! Input: the address of a host, how its certificate is known, a user and a password, and a lock
//! entry. Output: what each of the three slots of the host holds, compared with the entry, or a
//! [`HostError`]. Invariants: a certificate that is not known ends the connection before the
//! password is sent; a login that was refused is never repeated; every session is logged out;
//! a host is never said to hold what it has not shown; values are compared and never shown.

mod certificate;
mod client;
mod compare;
mod error;
mod login_gate;
pub(crate) mod messages;
mod multipart;
mod session;
mod transmit;
mod trust;
mod upload;
mod wire;

pub use certificate::Certificate;
pub(crate) use client::{HostClient, Login, Options};
pub(crate) use compare::{ArchiveFacts, Expected, SlotReport};
pub use compare::{HostDifference, Shown, Verdict};
pub use error::{HostAnswer, HostError, Refusal, SigningFailure};
pub(crate) use login_gate::{Credentials, LoginGate};
pub use messages::HostName;
pub(crate) use session::Session;
pub use session::{Preconditions, Slot};
pub(crate) use trust::Trust;
pub(crate) use upload::{Signer, Upload, Uploaded};
