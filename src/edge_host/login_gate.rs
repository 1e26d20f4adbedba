//! Hosts that share a user and a password log in one after the other until one accepted them: a
//! wrong password must not be tried on every host, since five failures lock the user.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::util::sync::lock;

/// How often a waiting host looks whether the run was stopped.
const GLANCE: Duration = Duration::from_millis(50);

/// Numbers the distinct pairs of user and password of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Credentials(pub usize);

/// What is known about each pair.
#[derive(Default)]
pub(crate) struct LoginGate {
    known: Mutex<BTreeMap<Credentials, Known>>,
    changed: Condvar,
}

enum Known {
    /// A host tries them.
    Tried,
    /// A host accepted them.
    Accepted,
    /// This host did not accept them: it refused them, or its answer was unclear.
    Failed { host: String, is_refused: bool },
}

/// Whether a host may log in.
pub(super) enum Entry {
    /// It may.
    Admitted,
    /// It may not, because of another host.
    Closed { other: String, is_refused: bool },
    /// The run was stopped.
    Stopped,
}

/// How a login ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// The host accepted it.
    Accepted,
    /// The host refused it.
    Refused,
    /// The host failed, which may mean a refusal.
    Unclear,
    /// The host was not reached, so nothing is known.
    NotSent,
}

impl LoginGate {
    /// Waits until the pair is known, and says whether to log in. Each [`Entry::Admitted`] needs
    /// an [`LoginGate::ended`].
    pub(super) fn enter(&self, pair: Credentials, stopped: &dyn Fn() -> bool) -> Entry {
        let mut known = lock(&self.known);
        loop {
            match known.get(&pair) {
                None => {
                    known.insert(pair, Known::Tried);
                    return Entry::Admitted;
                }
                Some(Known::Accepted) => return Entry::Admitted,
                Some(Known::Failed { host, is_refused }) => {
                    return Entry::Closed {
                        other: host.clone(),
                        is_refused: *is_refused,
                    };
                }
                Some(Known::Tried) if stopped() => return Entry::Stopped,
                Some(Known::Tried) => {
                    let waited = self.changed.wait_timeout(known, GLANCE);
                    known = waited.unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        }
    }

    /// Records how a login on `host` ended.
    pub(super) fn ended(&self, pair: Credentials, host: &str, how: Ended) {
        let mut known = lock(&self.known);
        let was_accepted = matches!(known.get(&pair), Some(Known::Accepted));
        let failed = |is_refused| Known::Failed {
            host: host.to_owned(),
            is_refused,
        };
        match how {
            Ended::Accepted if !matches!(known.get(&pair), Some(Known::Failed { .. })) => {
                known.insert(pair, Known::Accepted);
            }
            Ended::Refused => drop(known.insert(pair, failed(true))),
            // The pair is right where another host accepted it.
            Ended::Unclear if !was_accepted => drop(known.insert(pair, failed(false))),
            Ended::NotSent if matches!(known.get(&pair), Some(Known::Tried)) => {
                known.remove(&pair);
            }
            Ended::Accepted | Ended::Unclear | Ended::NotSent => {}
        }
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    const PAIR: Credentials = Credentials(0);
    const GOES_ON: &dyn Fn() -> bool = &|| false;

    fn admitted(gate: &LoginGate) -> bool {
        matches!(gate.enter(PAIR, GOES_ON), Entry::Admitted)
    }

    #[test]
    fn a_refusal_stops_the_others() {
        let gate = LoginGate::default();
        assert!(admitted(&gate));
        gate.ended(PAIR, "a", Ended::Refused);
        let Entry::Closed { other, is_refused } = gate.enter(PAIR, GOES_ON) else {
            panic!("admitted");
        };
        assert_eq!((other.as_str(), is_refused), ("a", true));
        assert!(matches!(
            gate.enter(Credentials(1), GOES_ON),
            Entry::Admitted
        ));
    }

    #[test]
    fn a_refusal_after_an_acceptance_stops_the_rest_too() {
        let gate = LoginGate::default();
        assert!(admitted(&gate));
        gate.ended(PAIR, "a", Ended::Accepted);
        assert!(admitted(&gate));
        gate.ended(PAIR, "b", Ended::Refused);
        assert!(!admitted(&gate));
        gate.ended(PAIR, "c", Ended::Accepted);
        assert!(!admitted(&gate));
    }

    #[test]
    fn an_unclear_answer_counts_unless_another_host_accepted() {
        let gate = LoginGate::default();
        assert!(admitted(&gate));
        gate.ended(PAIR, "a", Ended::Unclear);
        assert!(!admitted(&gate));
        let gate = LoginGate::default();
        assert!(admitted(&gate));
        gate.ended(PAIR, "a", Ended::Accepted);
        gate.ended(PAIR, "b", Ended::Unclear);
        assert!(admitted(&gate));
    }

    /// A host that was not reached proves nothing, so the next one is the first.
    #[test]
    fn one_at_a_time_until_one_accepted() {
        let gate = LoginGate::default();
        let (inside, most, done) = (
            AtomicUsize::new(0),
            AtomicUsize::new(0),
            AtomicUsize::new(0),
        );
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    assert!(admitted(&gate));
                    most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    thread::sleep(Duration::from_millis(5));
                    inside.fetch_sub(1, Ordering::SeqCst);
                    done.fetch_add(1, Ordering::SeqCst);
                    gate.ended(PAIR, "x", Ended::NotSent);
                });
            }
        });
        assert_eq!(done.into_inner(), 8);
        assert_eq!(most.into_inner(), 1);
    }

    #[test]
    fn a_stopped_run_does_not_wait() {
        let gate = LoginGate::default();
        assert!(admitted(&gate));
        assert!(matches!(gate.enter(PAIR, &|| true), Entry::Stopped));
    }
}
