//! Palette's API: the client, its JSON, its errors.
//!
//! In: an endpoint, a key, a request. Out: the answer of the contract, or a
//! [`PaletteError`]. Nothing here knows of definitions, locks or files.

mod answer;
mod client;
mod error;
mod pace;
mod redirect;
mod retry;
mod transport;
pub mod wire;

pub use client::{Download, Failure, Observer, Options, Palette};
pub use error::{PaletteError, RedirectRefusal, Refusal};
pub use retry::RetryPolicy;
