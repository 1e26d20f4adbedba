//! Palette's API: the client, its JSON and its errors.
//!
//! Input: an endpoint, a key and a request. Output: the documented answer, or a
//! [`PaletteError`]. This module knows nothing of definitions, locks or files.

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
pub use node::InvalidField;
pub use proxy::{Proxy, Route};
