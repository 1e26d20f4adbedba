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
pub mod wire;

pub use client::{DownloadResponse, Options, Palette, ProfileListing};
pub use error::{HttpRefusal, PaletteError, RedirectRefusal};
pub use node::InvalidField;
