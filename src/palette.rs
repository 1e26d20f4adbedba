//! Palette's API: the client, its JSON, its errors.
//!
//! In: an endpoint, a key, a request. Out: the answer of the contract, or a
//! [`PaletteError`]. Nothing here knows of definitions, locks or files.

mod answer;
mod client;
mod error;
pub(crate) mod messages;
mod node;
mod rate_limit;
mod redirect;
mod retry;
mod proxy;
mod transport;
pub mod wire;

pub use client::{AttemptError, DownloadResponse, Observer, Options, Palette, ProfileListing};
pub use error::{HttpRefusal, PaletteError, RedirectRefusal, Waited};
pub use node::OddField;
pub use proxy::{Proxy, Route};
