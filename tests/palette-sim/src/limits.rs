//! The documented rate limits (facts, section 1), as token buckets.
//!
//! Per resource prefix; the source address is always loopback. Time comes in from
//! outside, so that the tests need no clock.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// How much of a second's allowance may come at once.
const BURST: f64 = 5.0;

/// One bucket per prefix.
#[derive(Debug, Default)]
pub(crate) struct Limits(HashMap<String, Bucket>);

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Limits {
    /// Takes a token for a request to this path. Without one, answers how long it
    /// takes until there is.
    pub(crate) fn take(&mut self, path: &str, now: Instant) -> Result<(), Duration> {
        let prefix: String = path.split('/').take(3).collect::<Vec<_>>().join("/");
        let rate = match prefix.as_str() {
            "/v1/spectroclusters" | "/v1/clusterprofiles" => 50.0,
            _ => 10.0,
        };
        let full = rate * BURST;
        let bucket = self.0.entry(prefix).or_insert(Bucket {
            tokens: full,
            at: now,
        });
        let elapsed = now.saturating_duration_since(bucket.at).as_secs_f64();
        bucket.tokens = (bucket.tokens + elapsed * rate).min(full);
        bucket.at = now;
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            Ok(())
        } else {
            Err(Duration::from_secs_f64((1.0 - bucket.tokens) / rate))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Limits;
    use std::time::{Duration, Instant};

    #[test]
    fn burst_refill_and_separate_prefixes() {
        let mut limits = Limits::default();
        let start = Instant::now();
        for _ in 0..50 {
            assert!(
                limits
                    .take("/v1/dashboard/projects/metadata", start)
                    .is_ok()
            );
        }
        assert!(limits.take("/v1/dashboard/clusterprofiles", start).is_err());
        for _ in 0..250 {
            assert!(limits.take("/v1/clusterprofiles/x", start).is_ok());
        }
        let wait = limits.take("/v1/clusterprofiles/y", start).unwrap_err();
        assert_eq!(wait, Duration::from_millis(20));
        assert!(
            limits
                .take("/v1/spectroclusters/spc/download", start)
                .is_ok()
        );
        let later = start + Duration::from_millis(100);
        assert!(limits.take("/v1/dashboard/x", later).is_ok());
        assert!(limits.take("/v1/dashboard/x", later).is_err());
    }
}
