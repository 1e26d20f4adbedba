//! First attempts at calls that are made before it is known whether their answers are needed.
//!
//! Each attempt runs in a thread of its own, which nobody waits for: if the answer is not
//! needed, [`FirstAttempt`] is dropped at once, and the connection is closed when its answer
//! begins. A thread makes a single attempt and reports nothing. Whoever needs the answer judges
//! and reports it, and makes the further attempts.

use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread;

use super::error::PaletteError;
use crate::http::{self, AttemptError};

/// The maximum number of first attempts at once: a run with many definitions must not need many
/// more threads because of them.
const MOST: usize = 64;
/// The number of threads that must be available, besides those that a download needs.
const SPARE: usize = 16;

/// The result of one attempt.
type Attempted<T> = Result<T, AttemptError<PaletteError>>;

/// The first attempt at a call, which is already under way.
pub struct FirstAttempt<T>(Receiver<Attempted<T>>);

/// Begins first attempts, as many as there are threads for.
#[derive(Default)]
pub(super) struct FirstAttempts {
    /// Whether the operating system gives this process enough threads.
    has_threads: OnceLock<bool>,
    /// Held once by each thread, and once here.
    running: Arc<()>,
}

impl FirstAttempts {
    /// Begins `attempt`. Returns `None` if there is no thread for it: the call is then made when
    /// its answer is needed.
    pub(super) fn begin<T: Send + 'static>(
        &self,
        attempt: impl FnOnce() -> Attempted<T> + Send + 'static,
    ) -> Option<FirstAttempt<T>> {
        let enough = || http::can_start_threads(SPARE).is_ok();
        if Arc::strong_count(&self.running) > MOST || !self.has_threads.get_or_init(enough) {
            return None;
        }
        let (done, result) = sync_channel(1);
        let running = Arc::clone(&self.running);
        let work = move || {
            let attempted = attempt();
            drop(running);
            // Fails if the answer is no longer needed, which drops the answer.
            let _ = done.send(attempted);
        };
        thread::Builder::new().spawn(work).ok()?;
        Some(FirstAttempt(result))
    }
}

impl<T> FirstAttempt<T> {
    /// Waits for the attempt to end, and returns its result. Returns `None` if its thread
    /// failed.
    pub(crate) fn wait(self) -> Option<Attempted<T>> {
        self.0.recv().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Sender, channel};

    #[test]
    fn an_answer_that_is_not_needed_is_dropped() {
        struct Answer(Sender<&'static str>);
        impl Drop for Answer {
            fn drop(&mut self) {
                let _ = self.0.send("dropped");
            }
        }
        let (told, tells) = channel();
        let (go, goes) = channel::<()>();
        let attempt = move || {
            let _ = goes.recv();
            Ok(Answer(told))
        };
        let first = FirstAttempts::default().begin(attempt).unwrap();
        // Nobody waits for the thread, which has not gone on yet.
        drop(first);
        assert!(tells.try_recv().is_err());
        go.send(()).unwrap();
        assert_eq!(tells.recv(), Ok("dropped"));
    }

    #[test]
    fn a_result_is_passed_on() {
        let all = FirstAttempts::default();
        let first = all.begin(|| Ok(7)).unwrap();
        assert!(matches!(first.wait(), Some(Ok(7))));
        let failed = || Err(AttemptError::Final(PaletteError::Setup("no".into())));
        let first = all.begin::<u8>(failed).unwrap();
        assert!(matches!(first.wait(), Some(Err(AttemptError::Final(_)))));
    }

    #[test]
    fn there_are_no_more_at_once_than_allowed() {
        let all = FirstAttempts::default();
        let begin = || {
            let (go, goes) = channel::<()>();
            let attempt = move || {
                let _ = goes.recv();
                Ok(())
            };
            all.begin(attempt).map(|first| (go, first))
        };
        let mut running: Vec<_> = (0..MOST).map(|_| begin().unwrap()).collect();
        assert!(begin().is_none());
        // Another one may begin when one has ended.
        let (go, first) = running.pop().unwrap();
        drop(go);
        assert!(matches!(first.wait(), Some(Ok(()))));
        assert!(begin().is_some());
    }

    #[test]
    fn without_threads_nothing_begins() {
        let all = FirstAttempts::default();
        all.has_threads.set(false).unwrap();
        assert!(all.begin(|| Ok(())).is_none());
    }
}
