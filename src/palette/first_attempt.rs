//! First attempts at calls that are made before it is known whether their answers are needed.
//!
//! Each attempt runs in a thread of its own, which nobody waits for: if the answer is not
//! needed, [`FirstAttempt`] is dropped at once, and the connection is closed when its answer
//! begins. A thread makes a single attempt and reports nothing. Whoever needs the answer judges
//! and reports it, and makes the further attempts.

use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use super::error::PaletteError;
use crate::http::AttemptError;

/// The result of one attempt.
type Attempted<T> = Result<T, AttemptError<PaletteError>>;

/// The first attempt at a call, which is already under way.
pub struct FirstAttempt<T>(Receiver<Attempted<T>>);

impl<T: Send + 'static> FirstAttempt<T> {
    /// Begins `attempt`. Returns `None` if no thread can be started: the call is then made when
    /// its answer is needed.
    pub(super) fn begin(attempt: impl FnOnce() -> Attempted<T> + Send + 'static) -> Option<Self> {
        let (done, result) = sync_channel(1);
        let work = move || {
            // Fails if the answer is no longer needed, which drops the answer.
            let _ = done.send(attempt());
        };
        thread::Builder::new().spawn(work).ok()?;
        Some(Self(result))
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
    use std::sync::mpsc::channel;

    #[test]
    fn an_answer_that_is_not_needed_is_dropped() {
        struct Answer(std::sync::mpsc::Sender<&'static str>);
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
        let first = FirstAttempt::begin(attempt).unwrap();
        // Nobody waits for the thread, which has not gone on yet.
        drop(first);
        assert!(tells.try_recv().is_err());
        go.send(()).unwrap();
        assert_eq!(tells.recv(), Ok("dropped"));
    }

    #[test]
    fn a_result_is_passed_on() {
        let first = FirstAttempt::begin(|| Ok(7)).unwrap();
        assert!(matches!(first.wait(), Some(Ok(7))));
        let failed = || Err(AttemptError::Final(PaletteError::Setup("no".into())));
        let first = FirstAttempt::<u8>::begin(failed).unwrap();
        let failed = matches!(first.wait(), Some(Err(AttemptError::Final(_))));
        assert!(failed);
    }
}
