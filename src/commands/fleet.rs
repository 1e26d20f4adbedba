//! Several definitions at once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;

/// Does `work` for every item, at most `jobs` at once. `settle` gets the results in the
/// calling thread as they come, each with its item's place: whatever has come since it
/// was called last, so that what it writes is written once for many.
pub fn run<T: Sync, R: Send>(
    items: &[T],
    jobs: u16,
    work: impl Fn(&T) -> R + Sync,
    mut settle: impl FnMut(Vec<(usize, R)>),
) {
    let next = AtomicUsize::new(0);
    let (done, results) = channel();
    thread::scope(|scope| {
        for _ in 0..usize::from(jobs).min(items.len()) {
            let (done, next, work) = (done.clone(), &next, &work);
            scope.spawn(move || {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(at) else { break };
                    if done.send((at, work(item))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(done);
        while let Ok(first) = results.recv() {
            settle(std::iter::once(first).chain(results.try_iter()).collect());
        }
    });
}

/// The same where nothing is to be done in between: the results in the items' order.
pub fn map<T: Sync, R: Send>(items: &[T], jobs: u16, work: impl Fn(&T) -> R + Sync) -> Vec<R> {
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

    /// Three items that wait for each other come through with three jobs.
    #[test]
    fn as_many_at_once_as_there_are_jobs() {
        let together = Barrier::new(3);
        let leaders = map(&[0, 1, 2], 3, |_| together.wait().is_leader());
        assert_eq!(leaders.iter().filter(|leader| **leader).count(), 1);
    }
}
