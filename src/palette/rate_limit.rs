//! Keeps requests below the rate limits that Palette documents per source address (facts.md,
//! 1): 50 a second for `/v1/spectroclusters` and `/v1/clusterprofiles`, 10 a second for the
//! others, with bursts of five times that.
//!
//! Only four fifths of the limits are used. Several builders may share an address; a 429 that
//! they receive is retried, as Palette asks.

use crate::util::sync::lock;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

/// The number of requests per second to profiles and clusters.
const FAST: u32 = 40;
/// The number of requests per second to everything else.
const SLOW: u32 = 8;
/// The size of a bucket, in seconds of its rate.
const BURST: u32 = 5;

/// The token buckets, one for each documented limit.
pub(super) struct RateLimiter {
    profiles: TokenBucket,
    clusters: TokenBucket,
    others: TokenBucket,
}

impl RateLimiter {
    /// Creates a limiter with full buckets.
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self {
            profiles: TokenBucket::full(FAST, now),
            clusters: TokenBucket::full(FAST, now),
            others: TokenBucket::full(SLOW, now),
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
        thread::sleep(bucket.take(Instant::now()));
    }
}

/// A bucket that gains `rate` tokens a second and holds at most [`BURST`] seconds' worth.
struct TokenBucket {
    rate: u32,
    full_at: Mutex<Instant>,
}

impl TokenBucket {
    fn full(rate: u32, now: Instant) -> Self {
        let full_at = Mutex::new(now);
        Self { rate, full_at }
    }

    /// Takes a token, and returns how long after `now` it becomes available. The next caller
    /// gets the token after that.
    fn take(&self, now: Instant) -> Duration {
        let mut full_at = lock(&self.full_at);
        *full_at = (*full_at).max(now) + Duration::from_secs(1) / self.rate;
        (*full_at - now).saturating_sub(Duration::from_secs(BURST.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns how many requests a caller that sends them without a pause sends in the first
    /// second, and at most in any later one.
    fn sent_in_a_second(rate: u32, seconds: u64) -> (usize, usize) {
        let start = Instant::now();
        let bucket = TokenBucket::full(rate, start);
        let mut now = start;
        let mut times = Vec::new();
        while now < start + Duration::from_secs(seconds) {
            now += bucket.take(now);
            times.push(now);
        }
        let within = |begin: Instant| {
            let end = begin + Duration::from_secs(1);
            times.iter().filter(|at| (begin..end).contains(*at)).count()
        };
        let later = times.iter().filter(|at| **at > start);
        let most = later.map(|at| within(*at)).max().unwrap_or_default();
        (within(start), most)
    }

    /// Palette documents 50 and 10 requests per second, and bursts of five times that
    /// (facts.md, 1).
    #[test]
    fn a_burst_and_then_four_fifths_of_the_documented_rate() {
        assert_eq!(sent_in_a_second(FAST, 20), (239, 40));
        assert_eq!(sent_in_a_second(SLOW, 20), (47, 8));
    }

    #[test]
    fn a_bucket_fills_while_nobody_asks_and_no_further() {
        let start = Instant::now();
        let bucket = TokenBucket::full(SLOW, start);
        let waits = |many: u32, now: Instant| -> Vec<u128> {
            let waits = (0..many).map(|_| bucket.take(now).as_millis());
            waits.collect()
        };
        assert_eq!(waits(42, start)[38..], [0, 0, 125, 250]);
        // The two tokens that were taken in advance come first.
        assert_eq!(waits(1, start + Duration::from_millis(250)), [125]);
        assert_eq!(waits(3, start + Duration::from_secs(1)), [0, 0, 0]);
        let much_later = start + Duration::from_secs(3600);
        assert_eq!(waits(41, much_later)[39..], [0, 125]);
    }
}
