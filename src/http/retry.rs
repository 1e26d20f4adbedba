//! Repeats attempts, and computes how long to wait before the next one.

use std::thread;
use std::time::{Duration, SystemTime};

/// The maximum wait before the second attempt; it doubles with each further attempt.
const FIRST: Duration = Duration::from_millis(500);
/// The longest wait, whether computed here or from `Retry-After` (docs/reference.md).
const LONGEST: Duration = Duration::from_secs(60);

/// Observes the progress of calls.
pub trait Observer: Sync {
    /// Called when an attempt at `call` begins and its answer is awaited.
    fn asks(&self, call: &str);
    /// Called when the attempt is over, whether it succeeded or not.
    fn is_answered(&self, call: &str);
    /// Called when `call` failed for the reason `why` and is repeated after `wait`.
    fn retrying(&self, call: &str, why: &str, wait: Duration);
}

/// Why an attempt failed.
pub enum AttemptError<E> {
    /// Another attempt may succeed.
    Transient {
        /// The error to report if there is no further attempt.
        error: E,
        /// The reason in a few words.
        why: String,
        /// The wait that the server requested.
        retry_after: Option<Duration>,
    },
    /// No further attempt can succeed.
    Final(E),
}

impl<E> AttemptError<E> {
    /// Converts the error and keeps everything else.
    pub fn map<F>(self, f: impl FnOnce(E) -> F) -> AttemptError<F> {
        match self {
            Self::Transient {
                error,
                why,
                retry_after,
            } => AttemptError::Transient {
                error: f(error),
                why,
                retry_after,
            },
            Self::Final(error) => AttemptError::Final(f(error)),
        }
    }
}

/// The number of retries and their waits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RetryPolicy {
    /// The number of attempts after the first.
    pub(crate) retries: u32,
}

impl RetryPolicy {
    /// Calls `attempt` with 1, 2, … until it succeeds, fails for good, or the attempts are used
    /// up.
    ///
    /// # Errors
    /// Returns the error of the last attempt.
    pub(crate) fn run<T, E>(
        self,
        call: &str,
        observer: &dyn Observer,
        mut attempt: impl FnMut(u32) -> Result<T, AttemptError<E>>,
    ) -> Result<T, E> {
        let mut count = 1;
        loop {
            match attempt(count) {
                Ok(value) => return Ok(value),
                Err(AttemptError::Final(error)) => return Err(error),
                Err(AttemptError::Transient {
                    error,
                    why,
                    retry_after,
                }) => {
                    let Some(wait) = self.wait(count, retry_after) else {
                        return Err(error);
                    };
                    observer.retrying(call, &why, wait);
                    thread::sleep(wait);
                    count += 1;
                }
            }
        }
    }

    /// Returns the wait after attempt number `attempt` (starting at 1), or `None` if it was the
    /// last. Exponential with full jitter, so that builders that failed together do not retry
    /// together. A server's `Retry-After` gets no jitter.
    #[must_use]
    pub(crate) fn wait(self, attempt: u32, retry_after: Option<Duration>) -> Option<Duration> {
        if attempt > self.retries {
            return None;
        }
        let doubled = FIRST
            .saturating_mul(1 << (attempt - 1).min(16))
            .min(LONGEST);
        let jittered = doubled.mul_f64(fastrand::f64());
        Some(retry_after.map_or(jittered, |after| after.min(LONGEST)))
    }
}

/// Parses a `Retry-After`: seconds, or a date (RFC 9110, 10.2.3). A date in the past means no
/// wait.
#[must_use]
pub(crate) fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    value.parse().map(Duration::from_secs).ok().or_else(|| {
        let date = httpdate::parse_http_date(value).ok()?;
        Some(date.duration_since(now).unwrap_or_default())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_end() {
        let policy = RetryPolicy { retries: 3 };
        for attempt in 1..=3 {
            let longest = FIRST * (1 << (attempt - 1));
            assert!(policy.wait(attempt, None).unwrap() <= longest);
        }
        assert_eq!(policy.wait(4, None), None);
        assert_eq!(RetryPolicy { retries: 0 }.wait(1, None), None);
        assert!(
            RetryPolicy { retries: u32::MAX }
                .wait(u32::MAX - 1, None)
                .unwrap()
                <= LONGEST
        );
    }

    /// Full jitter, from zero to the whole wait, so that builders that failed together do not
    /// retry together.
    #[test]
    fn waits_are_spread_over_their_whole_length() {
        let policy = RetryPolicy { retries: 20 };
        let waits: Vec<_> = (0..200).filter_map(|_| policy.wait(20, None)).collect();
        assert_eq!(waits.len(), 200);
        assert!(waits.iter().any(|wait| *wait < LONGEST / 4), "{waits:?}");
        assert!(
            waits.iter().any(|wait| *wait > LONGEST / 4 * 3),
            "{waits:?}"
        );
    }

    #[test]
    fn the_server_has_its_say_up_to_a_minute() {
        let policy = RetryPolicy { retries: 1 };
        let seconds = Duration::from_secs;
        assert_eq!(policy.wait(1, Some(seconds(7))), Some(seconds(7)));
        assert_eq!(policy.wait(1, Some(seconds(3600))), Some(seconds(60)));
        let now = SystemTime::UNIX_EPOCH + seconds(784_111_777);
        assert_eq!(retry_after(" 12 ", now), Some(seconds(12)));
        assert_eq!(
            retry_after("Sun, 06 Nov 1994 08:49:47 GMT", now),
            Some(seconds(10))
        );
        assert_eq!(
            retry_after("Sun, 06 Nov 1994 08:49:07 GMT", now),
            Some(seconds(0))
        );
        assert_eq!(retry_after("soon", now), None);
    }
}
