//! A simulated edge host: the local API of an appliance, on a port of loopback, over TLS with
//! the certificate that it made for itself.
//!
//! What it is and holds is a [`HostWorld`]; what goes wrong are [`HostFault`]s; what it was
//! asked, it remembers. It behaves as the vendor's document and those who script against real
//! appliances say: it locks a user out after five failures, takes a token without `Bearer`, and
//! holds up to three definitions.

mod archive;
mod form;
mod routes;
mod server;
mod world;

pub use archive::details;
pub(crate) use form::parts;
pub use server::EdgeHost;
pub use world::{HostFault, HostWorld, NoneThere};
