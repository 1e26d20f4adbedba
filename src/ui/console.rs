//! Standard error of a run: messages and progress.
//!
//! On a terminal, the progress lines are below all messages and are redrawn ten times a second.
//! In a log, a line breaks a long silence. A single lock serializes all of it. The key is
//! masked in all messages; the caller masks it in progress lines.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use super::heartbeat::{Beat, sentence};
use super::screen::Drawn;
use super::work::Work;
use super::{Stderr, lock, verb};
use crate::ui::progress_bars;
use crate::util::interrupt;
use crate::util::secret::ApiKey;

/// The interval between two updates of a terminal.
const FRAME: Duration = Duration::from_millis(100);
/// The maximum time that the end of a run waits for a writer to the terminal.
const LAST_WORD: Duration = Duration::from_millis(200);

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    /// Progress is not shown.
    Silent,
    /// A line after this much silence, then less often; never if nothing is in progress.
    Log(Duration),
    /// Lines that are redrawn.
    Screen,
}

/// The console; see the module documentation.
pub(super) struct Console {
    stderr: Stderr,
    view: View,
    keys: Mutex<Vec<ApiKey>>,
    /// The number of bytes of all downloads.
    received: AtomicU64,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    work: Work,
    drawn: Drawn,
    beat: Beat,
    pulse: Pulse,
}

/// The state of the thread that draws.
#[derive(PartialEq, Eq)]
enum Pulse {
    /// Nothing has been in progress yet.
    NotStarted,
    Beats,
    /// The thread has ended, and nothing may be drawn any more.
    Ended,
}

impl Console {
    pub(super) fn new(stderr: Stderr, view: View, keys: Vec<ApiKey>) -> Arc<Self> {
        let silence = match view {
            View::Log(silence) => silence,
            View::Silent | View::Screen => Duration::ZERO,
        };
        Arc::new(Self {
            stderr,
            view,
            keys: Mutex::new(keys),
            received: AtomicU64::default(),
            state: Mutex::new(State {
                work: Work::default(),
                drawn: Drawn::default(),
                beat: Beat::new(silence),
                pulse: Pulse::NotStarted,
            }),
            changed: Condvar::new(),
        })
    }

    /// Masks `key` from now on.
    pub(super) fn hide(&self, key: ApiKey) {
        let mut keys = lock(&self.keys);
        if keys.iter().all(|known| known.expose() != key.expose()) {
            keys.push(key);
        }
    }

    pub(super) fn masked(&self, text: &str) -> String {
        let keys = lock(&self.keys);
        keys.iter()
            .fold(text.to_owned(), |text, key| key.mask(&text))
    }

    /// Calls `see` with each key, to mask values other than text.
    pub(super) fn with_keys(&self, see: impl FnMut(&ApiKey)) {
        lock(&self.keys).iter().for_each(see);
    }

    /// Prints a message, above the progress lines.
    pub(super) fn say(&self, line: &str) {
        self.above(|| self.stderr.write(&(self.masked(line) + "\n")));
    }

    /// Prints a mark for a program that reads the log, unchanged.
    pub(super) fn mark(&self, text: &str) {
        self.above(|| self.stderr.control(text));
    }

    /// Runs `write` while no progress lines are drawn.
    fn above(&self, write: impl FnOnce()) {
        let mut state = lock(&self.state);
        let erased = state.drawn.erase(self.stderr.size());
        self.stderr.control(&erased);
        write();
        state.beat.said();
        if !erased.is_empty() {
            self.draw(&mut state);
        }
    }

    /// Adds a number of received bytes.
    pub(super) fn count(&self, bytes: u64) {
        self.received.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Returns the number of received bytes of all downloads.
    pub(super) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Records what begins, continues or ends.
    pub(super) fn note<T>(self: &Arc<Self>, change: impl FnOnce(&mut Work) -> T) -> T {
        let mut state = lock(&self.state);
        let changed = change(&mut state.work);
        let idle = state.work.since().is_none();
        if !idle && state.pulse == Pulse::NotStarted && self.is_seen() {
            state.pulse = Pulse::Beats;
            self.start();
        }
        if idle {
            // A progress line disappears with the work that it describes.
            self.stderr.control(&state.drawn.erase(self.stderr.size()));
        }
        self.changed.notify_one();
        changed
    }

    /// Returns whether progress lines are drawn.
    pub(super) fn is_screen(&self) -> bool {
        self.view == View::Screen
    }

    fn is_seen(&self) -> bool {
        !matches!(self.view, View::Silent | View::Log(Duration::ZERO))
    }

    /// Starts the thread. Without a thread, nothing is drawn, and everything else works.
    fn start(self: &Arc<Self>) {
        let console = Arc::clone(self);
        let pulse = thread::Builder::new().name("progress".into());
        let started = pulse.spawn(move || console.beat()).is_ok();
        if started && self.is_screen() {
            let console = Arc::clone(self);
            interrupt::tidy_first(move || console.tidy());
        }
    }

    /// Runs the thread until the run ends.
    fn beat(&self) {
        let mut state = lock(&self.state);
        while state.pulse != Pulse::Ended {
            let now = Instant::now();
            let due = match self.view {
                View::Screen => state.work.since().map(|_| now + FRAME),
                View::Log(_) | View::Silent => state.beat.due(&state.work),
            };
            if self.is_screen() {
                self.draw(&mut state);
            } else if due.is_some_and(|due| due <= now) {
                let sentence = sentence(&state.work, self.received(), now);
                self.stderr
                    .write(&(self.masked(&verb("Still", &sentence)) + "\n"));
                state.beat.beaten(now);
                continue;
            }
            state = match due {
                Some(due) => wait_for(&self.changed, state, due.saturating_duration_since(now)),
                None => wait(&self.changed, state),
            };
        }
    }

    fn draw(&self, state: &mut State) {
        if !self.is_screen() || state.pulse == Pulse::Ended {
            return;
        }
        let now = Instant::now();
        let size = self.stderr.size();
        state.work.measure(now);
        let lines = progress_bars::lines(&state.work, self.received(), now, size);
        let frame = state
            .drawn
            .redraw(lines, size, |head| self.stderr.head(head));
        self.stderr.control(&frame);
    }

    /// Clears the progress lines, for good.
    fn tidy(&self) {
        let lock_options = Instant::now() + LAST_WORD;
        loop {
            match self.state.try_lock() {
                Ok(state) => return self.close(state),
                Err(TryLockError::Poisoned(state)) => return self.close(state.into_inner()),
                Err(TryLockError::WouldBlock) if Instant::now() > lock_options => return,
                Err(TryLockError::WouldBlock) => thread::sleep(FRAME / 20),
            }
        }
    }

    fn close(&self, mut state: MutexGuard<'_, State>) {
        let erased = state.drawn.erase(self.stderr.size());
        self.stderr.control(&erased);
        state.pulse = Pulse::Ended;
        self.changed.notify_one();
    }

    /// Ends the progress output.
    pub(super) fn end(&self) {
        self.close(lock(&self.state));
    }
}

fn wait<'s>(changed: &Condvar, state: MutexGuard<'s, State>) -> MutexGuard<'s, State> {
    changed
        .wait(state)
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn wait_for<'s>(
    changed: &Condvar,
    state: MutexGuard<'s, State>,
    time: Duration,
) -> MutexGuard<'s, State> {
    changed
        .wait_timeout(state, time)
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .0
}
