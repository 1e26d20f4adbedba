//! The team's OCI registry: locked archives are pushed to it and pulled from it.
//!
//! Input: a repository, the credentials that docker and podman keep, and a lock entry. Output:
//! the archive with exactly the locked `sha256`, or a [`RegistryError`]. The blob's digest in
//! the registry is `sha256` of `profiles.lock`, so nothing else has to be known to find it.
//! Invariants: credentials are sent to the registry, and to the token service that it names,
//! and nowhere else; bytes with another digest are never accepted, even if their content is
//! equal; archives stream, whatever their size.

mod answer;
mod artifact;
mod authorization;
mod client;
mod credentials;
mod error;
pub(crate) mod messages;
mod pull;
mod push;
mod redirect;
mod upload;

pub use client::Secrets;
pub(crate) use client::{Access, Options, Registry};
pub use credentials::{CredentialsError, Login};
pub use error::{RegistryAnswer, RegistryError, RegistryRedirect};
pub(crate) use pull::PullError;
