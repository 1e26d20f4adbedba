//! Palette's API: the client, its JSON and its errors.
//!
//! Input: an endpoint, a key and a request. Output: the documented answer, or a
//! [`PaletteError`]. This module knows nothing of definitions, locks or files.

mod answer;
mod client;
mod error;
mod first_attempt;
pub(crate) mod messages;
mod node;
mod rate_limit;
mod redirect;
pub mod wire;

pub use client::{DownloadResponse, Options, Palette, ProfileListing};
pub use error::{HttpRefusal, PaletteError, RedirectRefusal};
pub use first_attempt::FirstAttempt;
pub use node::InvalidField;
