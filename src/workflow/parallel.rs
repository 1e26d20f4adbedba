//! Working on several definitions at once.

use crate::util::sync::lock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// A limit on how many threads do something at once.
pub(crate) struct Semaphore {
    free: Mutex<u16>,
    freed: Condvar,
}

/// The right to do it, until it is dropped.
pub(crate) struct Permit<'g>(&'g Semaphore);

impl Semaphore {
    /// Returns a semaphore that admits `places` threads at once.
    pub(crate) fn new(places: u16) -> Self {
        Self {
            free: Mutex::new(places),
            freed: Condvar::new(),
        }
    }

    /// Takes a free place, if there is one.
    pub(crate) fn try_enter(&self) -> Option<Permit<'_>> {
        let mut free = self.free();
        *free = free.checked_sub(1)?;
        Some(Permit(self))
    }

    /// Waits for a free place.
    pub(crate) fn enter(&self) -> Permit<'_> {
        let mut free = self.free();
        while *free == 0 {
            free = self
                .freed
                .wait(free)
                .unwrap_or_else(PoisonError::into_inner);
        }
        *free -= 1;
        Permit(self)
    }

    fn free(&self) -> MutexGuard<'_, u16> {
        lock(&self.free)
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        *self.0.free() += 1;
        self.0.freed.notify_one();
    }
}

/// Returns the number of definitions that are processed while `jobs` of them are downloaded.
/// Requests about the next definitions are small but have a high latency, so they are sent
/// meanwhile. With one job, the definitions are processed one after the other.
pub(crate) fn lookahead(jobs: u16) -> u16 {
    jobs.saturating_sub(1).saturating_mul(4).saturating_add(1)
}

/// Does `work` for every item, at most `jobs` at once. `settle` gets the results in the calling
/// thread as they arrive, each with its item's index: all that have arrived since its last
/// call, so that it can write them at once.
pub(crate) fn run<T: Sync, R: Send>(
    items: &[T],
    jobs: u16,
    work: impl Fn(&T) -> R + Sync,
    mut settle: impl FnMut(Vec<(usize, R)>),
) {
    if let [item] = items {
        return settle(vec![(0, work(item))]);
    }
    let next = AtomicUsize::new(0);
    let (done, results) = channel();
    thread::scope(|scope| {
        let mut started = 0;
        for _ in 0..usize::from(jobs).min(items.len()) {
            let (done, next, work) = (done.clone(), &next, &work);
            let worker = move || {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(at) else { break };
                    if done.send((at, work(item))).is_err() {
                        break;
                    }
                }
            };
            match thread::Builder::new().spawn_scoped(scope, worker) {
                Ok(_) => started += 1,
                // The threads that exist do all of the work.
                Err(_) => break,
            }
        }
        drop(done);
        if started == 0 {
            for (at, item) in items.iter().enumerate() {
                settle(vec![(at, work(item))]);
            }
            return;
        }
        while let Ok(first) = results.recv() {
            settle(std::iter::once(first).chain(results.try_iter()).collect());
        }
    });
}

/// Does `work` for every item, and returns the results in the order of the items.
pub(crate) fn map<T: Sync, R: Send>(
    items: &[T],
    jobs: u16,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let mut all = Vec::with_capacity(items.len());
    run(items, jobs, work, |results| all.extend(results));
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;

    #[test]
    fn every_item_once_and_in_order() {
        let items: Vec<usize> = (0..100).collect();
        assert_eq!(
            map(&items, 7, |item| item * 2),
            (0..200).step_by(2).collect::<Vec<_>>()
        );
        assert!(map(&[] as &[usize], 7, |item| *item).is_empty());
        let mut settled = 0;
        run(&items, 3, |_| (), |results| settled += results.len());
        assert_eq!(settled, 100);
    }

    #[test]
    fn a_gate_lets_in_as_many_as_it_has_places() {
        let gate = Semaphore::new(2);
        let (inside, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        map(&[(); 200], lookahead(3), |()| {
            let _permit = gate.enter();
            most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            thread::yield_now();
            inside.fetch_sub(1, Ordering::SeqCst);
        });
        assert!((1..=2).contains(&most.load(Ordering::SeqCst)));
        assert_eq!(*gate.free(), 2);
        assert_eq!([lookahead(1), lookahead(16)], [1, 61]);
    }

    /// Three items that wait for each other are finished with three jobs.
    #[test]
    fn as_many_at_once_as_there_are_jobs() {
        let together = Barrier::new(3);
        let leaders = map(&[0, 1, 2], 3, |_| together.wait().is_leader());
        assert_eq!(leaders.iter().filter(|leader| **leader).count(), 1);
    }
}
