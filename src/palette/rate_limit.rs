//! Requests stay under the rate limits that Palette documents per source address
//! (facts.md, 1): `/v1/spectroclusters` and `/v1/clusterprofiles` 50 a second, the
//! others 10 a second, with bursts of five times that.
//!
//! Four fifths of that are used. Several builders may share one address; what they get
//! 429 for then is retried, as Palette asks.

use std::num::NonZeroU32;
use std::thread;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

const FAST: NonZeroU32 = NonZeroU32::new(40).unwrap();
const SLOW: NonZeroU32 = NonZeroU32::new(8).unwrap();
const BURST: NonZeroU32 = NonZeroU32::new(5).unwrap();

/// One token bucket per documented limit.
pub(super) struct Pace {
    profiles: DefaultDirectRateLimiter,
    clusters: DefaultDirectRateLimiter,
    others: DefaultDirectRateLimiter,
}

impl Pace {
    /// Full buckets.
    pub(super) fn new() -> Self {
        let bucket = |rate: NonZeroU32| {
            RateLimiter::direct(Quota::per_second(rate).allow_burst(rate.saturating_mul(BURST)))
        };
        Self {
            profiles: bucket(FAST),
            clusters: bucket(FAST),
            others: bucket(SLOW),
        }
    }

    /// Waits until a request for `path` may be sent.
    pub(super) fn wait(&self, path: &str) {
        let bucket = if path.starts_with("/v1/clusterprofiles") {
            &self.profiles
        } else if path.starts_with("/v1/spectroclusters") {
            &self.clusters
        } else {
            &self.others
        };
        while let Err(early) = bucket.check() {
            thread::sleep(early.wait_time_from(DefaultClock::default().now()));
        }
    }
}
