//! What every HTTP client of edgestage shares: connections, time limits, retries, proxies, and
//! the words for what goes wrong below HTTP.
//!
//! Input: an address and its options. Output: a connection that follows no redirect by itself
//! and never decodes a body, and helpers that say why an attempt failed. This module knows
//! neither Palette nor registries. It sends no credentials.

pub(crate) mod body;
mod connection;
pub(crate) mod messages;
mod page;
mod proxy;
pub(crate) mod retry;
mod threads;
pub(crate) mod transport;

use std::time::{Duration, Instant};

pub(crate) use connection::{ConnectionOptions, SetupError, Trust, connect};
pub(crate) use page::page_text;
pub use proxy::{Proxy, Route};
pub use retry::{AttemptError, Observer};
pub(crate) use threads::can_start as can_start_threads;

/// How much longer to wait for an answer than for a connection, which may be a part of that
/// wait, so that the wait that failed reports it.
pub(crate) const GRACE: Duration = Duration::from_millis(500);
/// The maximum time for a whole answer that is not an archive, as a multiple of `timeout`: an
/// answer that trickles is never silent for long, but may never end.
pub(crate) const WHOLE: u32 = 3;

/// A time limit that was exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waited {
    /// The longest silence: `timeout`.
    Silence(Duration),
    /// The maximum time for a whole answer, which kept coming.
    Whole(Duration),
}

/// The time limits of an attempt.
#[derive(Clone, Copy)]
pub(crate) struct AttemptDeadline {
    /// When the attempt began.
    pub began: Instant,
    /// The limit for the whole attempt; `None` for an archive.
    pub whole: Option<Duration>,
}

impl AttemptDeadline {
    /// Begins an attempt that may take `whole`.
    pub(crate) fn of(whole: Option<Duration>) -> Self {
        Self {
            began: Instant::now(),
            whole,
        }
    }

    /// Returns the remainder of `whole`, counted from the beginning of the attempt.
    pub(crate) fn left_of(self, whole: Duration) -> Duration {
        let left = whole.saturating_sub(self.began.elapsed());
        left.max(Duration::from_millis(1))
    }

    /// Returns which time limit to report if the attempt took too long.
    pub(crate) fn waited(self, timeout: Duration) -> Waited {
        match self.whole {
            Some(whole) if self.began.elapsed() >= whole => Waited::Whole(whole),
            _ => Waited::Silence(timeout),
        }
    }
}
